//! The loops of pools. The workers are there before the clock starts.

use super::threads::{Job, quantile, share, together};
use crate::peers::pool::{Count, Pool, WORKERS};
use std::{
    hint::{black_box, spin_loop},
    iter,
    sync::{
        Arc, Barrier, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Jobs that have not counted themselves off. A static, so that a job has nothing to carry.
static LEFT: AtomicUsize = AtomicUsize::new(0);
static ALL_DONE: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());

/// The job that is called empty: that it has run has to be seen.
pub fn count_off() {
    if LEFT.fetch_sub(1, Ordering::AcqRel) == 1 {
        let _waits_or_will_see = ALL_DONE.0.lock().unwrap();
        ALL_DONE.1.notify_all();
    }
}

/// The same, with something to carry.
pub fn carrying(word: usize) -> impl FnOnce() + Send + 'static {
    move || {
        black_box(word);
        count_off();
    }
}

/// Until all jobs have counted themselves off.
fn counted() {
    let waiting = ALL_DONE.0.lock().unwrap();
    drop(ALL_DONE.1.wait_while(waiting, |()| LEFT.load(Ordering::Acquire) > 0).unwrap());
}

/// Jobs that are submitted at a time, where all workers are to be busy.
const BURST: usize = 32;

/// A pool whose workers have all had a job.
fn started<P: Pool>() -> P {
    let (pool, all_run) = (P::new(), Arc::new(Barrier::new(WORKERS + 1)));
    for _ in 0..WORKERS {
        let all_run = all_run.clone();
        pool.spawn(move || _ = all_run.wait());
    }
    all_run.wait();
    pool
}

/// Each of the threads spawns its share of the jobs, and waits until none is left.
pub fn jobs<P: Pool, J: FnOnce() + Send + 'static>(
    threads: usize,
    times: usize,
    job: impl Fn(usize) -> J + Copy + Send,
) -> Duration {
    let pool = &started::<P>();
    LEFT.store(times, Ordering::Relaxed);
    let spawners = (0..threads).map(|nth| -> Job<'_> {
        Box::new(move || {
            share(times, nth, threads).for_each(|number| pool.spawn(job(number)));
            pool.wait_idle(counted);
            0
        })
    });
    let (_, time) = together(spawners.collect());
    assert_eq!(LEFT.load(Ordering::Acquire), 0, "a job was not waited for");
    time
}

/// All jobs in one scope.
pub fn scope<P: Pool>(times: usize) -> Option<Duration> {
    let scope = P::SCOPE?;
    let pool = started::<P>();
    LEFT.store(times, Ordering::Relaxed);
    let start = Instant::now();
    scope(&pool, times, count_off);
    let time = start.elapsed();
    assert_eq!(LEFT.load(Ordering::Acquire), 0, "a job was not waited for");
    Some(time)
}

/// A job at a time, until its result is here.
pub fn round_trip<P: Pool>(times: usize) -> Duration {
    let pool = started::<P>();
    let start = Instant::now();
    let sum: usize = (0..times).map(|number| pool.round_trip(move || black_box(number))).sum();
    let time = start.elapsed();
    assert_eq!(sum, (0..times).sum(), "what came back is not what was sent");
    time
}

pub fn tree<P: Pool>(count: Option<Count<P>>, levels: u32, times: usize) -> Option<Duration> {
    let count = count?;
    let pool = started::<P>();
    let start = Instant::now();
    (0..times).for_each(|_| assert_eq!(count(&pool, black_box(levels)), (1 << levels) - 1, "a job got lost"));
    Some(start.elapsed())
}

/// Spawns bursts of jobs of 10 us for as long as there is to be one more, the next one when only one is left: so all
/// workers are always busy, and this thread hardly ever. From each job how late it began after it was submitted, and
/// the time that all took.
fn saturate<P: Pool>(pool: &P, mut more: impl FnMut() -> bool) -> (Vec<Duration>, Duration) {
    const WORK: Duration = Duration::from_micros(10);
    let (ended, next) = (Arc::new(AtomicUsize::new(0)), crossbeam_channel::unbounded());
    let (tell, told) = crossbeam_channel::unbounded();
    let start = Instant::now();
    next.0.send(()).unwrap(); // for the first, after which another one is to be queued
    while more() {
        for _ in 0..BURST {
            let (ended, next, tell, submitted) = (ended.clone(), next.0.clone(), tell.clone(), Instant::now());
            pool.spawn(move || {
                let begun = Instant::now();
                while begun.elapsed() < WORK {
                    spin_loop();
                }
                tell.send(begun - submitted).unwrap();
                if (ended.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(BURST) {
                    next.send(()).unwrap();
                }
            });
        }
        next.1.recv().unwrap();
    }
    drop(tell);
    (told.iter().collect(), start.elapsed())
}

/// A job of 10 us among others.
pub fn busy<P: Pool>(times: usize) -> Duration {
    let bursts = times.div_ceil(BURST);
    let mut more = iter::repeat_n((), bursts);
    let (told, time) = saturate(&started::<P>(), || more.next().is_some());
    assert_eq!(told.len(), bursts * BURST, "a job did not run");
    time.mul_f64(times as f64 / told.len() as f64)
}

/// The `q`-quantile of how late the jobs began, as if each had taken that.
pub fn late<P: Pool>(q: f64, times: usize) -> Duration {
    let mut more = iter::repeat_n((), times.div_ceil(BURST));
    let (late, _) = saturate(&started::<P>(), || more.next().is_some());
    quantile(q, late) * times as u32
}

/// Doubles the workers and halves them again, while a thread keeps them busy. A pause before each, for the last one to
/// take effect, is not timed.
pub fn resize<P: Pool>(times: usize) -> Option<Duration> {
    let resize = P::RESIZE?;
    let (pool, enough) = (&started::<P>(), &AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| saturate(pool, || !enough.load(Ordering::Relaxed)));
        let mut time = Duration::ZERO;
        for nth in 0..times {
            thread::sleep(Duration::from_micros(200));
            let start = Instant::now();
            resize(pool, if nth % 2 == 0 { 2 * WORKERS } else { WORKERS });
            time += start.elapsed();
        }
        enough.store(true, Ordering::Relaxed);
        Some(time)
    })
}
