//! Bugs that peers' pools had: each re-created in a few lines, which must fail, beside a model of our own pool in the same
//! situation. P5 to P7 stand in `peers.rs` too, for tokens.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize as Count, Ordering::Relaxed};
use std::time::Duration;

use hence_registry::{Engine, Model};

use super::harness::{Arc, Witness, ends, quietly, race, spawn};
use super::{DEADLOCK, RACE};
use crate::hence::channel::bounded;
use crate::hence::pool::{Pool, yield_now};
use crate::hence::sync::{AtomicUsize, Lock, Ordering, Parker};

/// Two workers, or a third party: out of reach without a bound.
const THREE: &[Engine] = &[Engine::LoomBounded(2), Engine::Bounded { preemptions: Some(2), spurious: 0 }, SPURIOUS];
/// Panics unwind through what synchronises: the bounded explorer alone.
const UNWINDING: &[Engine] = &[Engine::Bounded { preemptions: None, spurious: 0 }, SPURIOUS];
/// A spurious wake, where it is out of reach with as many preemptions as there are without one, or no bound.
const SPURIOUS: Engine = Engine::Bounded { preemptions: Some(2), spurious: 1 };

/// How long is of no account under an explorer, but that it is not past already.
const A_WHILE: Duration = Duration::from_secs(1);

/// How the explorers word a loop without end: loom's limit of branches, shuttle's of steps.
const STUCK: &[&str] = &["exceeded maximum number of branches", "exceeded max_steps bound"];

pub(super) fn models() -> Vec<Model> {
    [
        resize_between_look_and_wait(),
        resize_while_a_submit_blocks(),
        worker_dies(),
        last_worker_panics(),
        counted_off_before_the_handler(),
        shutdown_waits_for_the_hook(),
        job_that_means_exit(),
        no_job_means_exit(),
        looking_changes_nothing(),
        cancel_races_end(),
        two_cancels(),
        cancel_takes_the_workers_lock(),
        cancel_from_inside(),
        after_a_panic_and_a_close(),
        grown_by_the_difference(),
        shrink_then_grow(),
        job_submits_to_its_full_pool(),
        nested_submit(),
        shutdown_forgets_submitters(),
        shutdown_releases_submitters(),
        one_flag_for_all_jobs(),
        a_token_for_each_job(),
        hog(),
        blocks_instead(),
    ]
    .concat()
}

/// A submitter looks at the limit, and then registers to wait until it is raised: a resize in between tells nobody.
fn resize_between_look_and_wait() -> Vec<Model> {
    fn run() -> String {
        let (limit, waiting) = (Arc::new(Lock::new(1)), Arc::new(Lock::new(None::<Arc<Parker>>)));
        let resizing = {
            let (limit, waiting) = (limit.clone(), waiting.clone());
            spawn(move || {
                limit.with(|limit| *limit = 2);
                if let Some(parker) = waiting.with(Option::take) {
                    parker.unpark();
                }
            })
        };
        if limit.with(|limit| *limit) == 1 {
            let parker = Arc::new(Parker::current());
            waiting.with(|waiting| *waiting = Some(parker.clone()));
            loop {
                parker.park();
                if waiting.with(|waiting| waiting.is_none()) {
                    break;
                }
            }
        }
        resizing.join().unwrap();
        "accepted".into()
    }
    vec![Model::failing("peers_p1_resize_between_look_and_wait", &[], DEADLOCK, run)]
}

/// The one worker waits for what the second job sends, and the second job is not accepted until there is another.
fn resize_while_a_submit_blocks() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        let (sender, receiver) = bounded(1);
        pool.spawn(move || receiver.recv().unwrap()).unwrap().detach();
        let other = pool.clone();
        let resize = move || assert_eq!(other.resize(2), Ok(1));
        race(resize, || pool.spawn(move || sender.send(()).unwrap()).unwrap().detach());
        pool.drain().unwrap();
        assert_eq!(pool.stats().completed, 2);
        "both ran".into()
    }
    vec![Model::new("peers_p1_resize_while_a_submit_blocks", &[], &["both ran"], run).under(THREE)]
}

/// A worker without a boundary dies of its job; with one, behind which it leaves, it tells nobody, and whoever waits
/// for it waits for ever.
fn worker_dies() -> Vec<Model> {
    fn run(unwinding: bool) -> String {
        let free = Arc::new(Parker::current());
        let worker = {
            let free = free.clone();
            spawn(move || {
                assert!(!unwinding, "a job panics");
                let panicked = true;
                if !panicked {
                    free.unpark();
                }
            })
        };
        free.park();
        free.park(); // the first return may have been for no reason
        worker.join().unwrap();
        "accepted".into()
    }
    vec![
        Model::failing("peers_p2_worker_dies_and_tells_nobody", &[], DEADLOCK, || run(false)),
        Model::failing("peers_p9_no_boundary", &[], &["a job panics"], || run(true)),
    ]
}

/// The only worker runs a job that panics; a submit that waits for it is accepted, and runs.
fn last_worker_panics() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        quietly(|| {
            pool.spawn(|| panic!("a job")).unwrap().detach();
            pool.spawn(|| ()).unwrap().detach();
            pool.drain().unwrap();
        });
        assert_eq!((pool.stats().completed, pool.stats().panicked), (1, 1));
        "accepted".into()
    }
    vec![Model::new("peers_p2_last_worker_panics", &[], &["accepted"], run).under(UNWINDING)]
}

/// A worker counts itself off, and then runs the handler of a panic: who finds nobody running races with it.
fn counted_off_before_the_handler() -> Vec<Model> {
    fn run() -> String {
        let (running, handled) = (Arc::new(AtomicUsize::new(1)), Witness::new());
        let worker = {
            let (running, handled) = (running.clone(), handled.clone());
            move || {
                running.store(0, Ordering::Release);
                handled.write(1);
            }
        };
        race(worker, || (running.load(Ordering::Acquire) == 0).then(|| handled.read()));
        "handled".into()
    }
    vec![Model::failing("peers_p3_counted_off_before_the_handler", &[], RACE, run)]
}

/// A shutdown that is done in time sees what the hook wrote.
fn shutdown_waits_for_the_hook() -> Vec<Model> {
    fn run() -> String {
        let handled = Witness::new();
        let hook = {
            let handled = handled.clone();
            move |_: &_| handled.write(1)
        };
        let pool = Pool::builder(1).on_panic(hook).build().unwrap();
        let mut in_time = false;
        quietly(|| {
            pool.spawn(|| panic!("a job")).unwrap().detach();
            in_time = pool.shutdown_timeout(A_WHILE).is_ok();
            if in_time && pool.stats().panicked == 1 {
                assert_eq!(handled.read(), 1);
            }
            pool.drain().unwrap();
        });
        if pool.stats().panicked == 1 { "handled".into() } else { "cancelled".into() }
    }
    vec![Model::new("peers_p3_shutdown_waits_for_the_hook", &[], &["cancelled", "handled"], run).under(UNWINDING)]
}

/// `None` tells the worker to leave, and is sent as a job: the job behind it never runs.
fn job_that_means_exit() -> Vec<Model> {
    fn run() -> String {
        let (jobs, queue) = ends(None);
        let worker = spawn(move || {
            let mut ran = 0;
            while let Ok(Some(())) = queue.recv() {
                ran += 1;
            }
            ran
        });
        for job in [Some(()), None, Some(())] {
            let _ = jobs.send(job);
        }
        assert_eq!(worker.join().unwrap(), 2, "the job never ran");
        "2 ran".into()
    }
    vec![Model::failing("peers_p4_job_that_means_exit", &[], &["the job never ran"], run)]
}

/// Two jobs run, and one of them holds `None`.
fn no_job_means_exit() -> Vec<Model> {
    fn run() -> String {
        let (pool, ran) = (Pool::new(1), Arc::new(Count::new(0)));
        for job in [None, Some(ran.clone())] {
            let ran = ran.clone();
            let work = move || drop((ran.fetch_add(1, Relaxed), job));
            pool.spawn(work).unwrap().detach();
        }
        pool.drain().unwrap();
        format!("{} ran", ran.load(Relaxed))
    }
    vec![Model::new("peers_p4_no_job_means_exit", &[], &["2 ran"], run)]
}

/// Looks at a job and at its pool leave it to be cancelled, or to run.
fn looking_changes_nothing() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let task = pool.spawn(|| ()).unwrap();
        let (_, _, _) = (task.is_finished(), pool.stats(), pool.is_closed());
        let cancelled = task.cancel();
        task.detach();
        pool.drain().unwrap();
        assert_eq!(pool.stats().cancelled, u64::from(cancelled));
        if cancelled { "cancelled".into() } else { "ran".into() }
    }
    vec![Model::new("peers_p5_looking_at_a_job_changes_nothing", &[], &["cancelled", "ran"], run)]
}

/// A job that was cancelled in time says so to whoever joins it, and no other does.
fn cancel_races_end() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let task = pool.spawn(|| ()).unwrap();
        let cancelled = task.cancel();
        let result = task.join();
        assert_eq!(cancelled, result.is_err_and(|error| error.is_cancelled()));
        if cancelled { "cancelled".into() } else { "ran".into() }
    }
    vec![Model::new("peers_p6_cancel_races_a_jobs_end", &[], &["cancelled", "ran"], run)]
}

/// Of two who cancel a job, one does, or neither.
fn two_cancels() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let task = Arc::new(pool.spawn(|| ()).unwrap());
        let other = task.clone();
        let cancelled: [bool; 2] = race(move || other.cancel(), || task.cancel()).into();
        drop(task);
        pool.drain().unwrap();
        match cancelled.into_iter().filter(|cancelled| *cancelled).count() {
            0 => "ran".into(),
            1 => "one".into(),
            _ => panic!("both"),
        }
    }
    vec![Model::new("peers_p7_two_cancels_of_a_job", &[], &["one", "ran"], run).under(THREE)]
}

/// A worker holds a lock while it runs a job, and `cancel`, which the job calls, takes it.
fn cancel_takes_the_workers_lock() -> Vec<Model> {
    fn run() -> String {
        let queue = Arc::new(Lock::new(VecDeque::from([1, 2])));
        let worker = {
            let queue = queue.clone();
            let job = queue.clone();
            spawn(move || queue.with(|queue| queue.pop_front().map(|_| job.with(VecDeque::pop_front))))
        };
        worker.join().unwrap();
        "cancelled".into()
    }
    vec![Model::failing("peers_p8_cancel_takes_the_workers_lock", &[], DEADLOCK, run)]
}

/// A job cancels the one that is queued behind it.
fn cancel_from_inside() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let (sender, receiver) = bounded(1);
        // The second is queued behind the first, which is told of it.
        pool.spawn(move || {
            let second: crate::hence::pool::Task<()> = receiver.recv().unwrap();
            assert!(second.cancel());
        })
        .unwrap()
        .detach();
        sender.send(pool.spawn(|| unreachable!()).unwrap()).unwrap();
        pool.drain().unwrap();
        let stats = pool.stats();
        assert_eq!(stats.cancelled, 1);
        format!("cancelled, {} ran", stats.completed)
    }
    vec![Model::new("peers_p8_cancel_from_inside_a_job", &[], &["cancelled, 1 ran"], run)]
}

/// After a panic and a close a submit is refused, and the pool ends.
fn after_a_panic_and_a_close() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        quietly(|| {
            pool.spawn(|| panic!("a job")).unwrap().detach();
            assert!(pool.close() && !pool.close());
            assert!(pool.spawn(|| ()).unwrap_err().is_closed());
            assert_eq!(pool.resize(2), Ok(1));
            pool.shutdown().unwrap();
        });
        "refused".into()
    }
    vec![Model::new("peers_p9_after_a_panic_and_a_close", &[], &["refused"], run).under(UNWINDING)]
}

/// Workers that are to leave have not left yet when more are started: a job too many runs.
fn grown_by_the_difference() -> Vec<Model> {
    fn run() -> String {
        let running = Arc::new(Count::new(0));
        let job = || {
            let running = running.clone();
            spawn(move || {
                assert!(running.fetch_add(1, Relaxed) < 2, "above the limit");
                crate::hence::sync::yield_now();
                running.fetch_sub(1, Relaxed);
            })
        };
        let (first, second) = (job(), job());
        let mut limit = 2;
        limit -= 1; // one is to leave after its job
        limit += 1; // one more is started
        let third = job();
        for worker in [first, second, third] {
            worker.join().unwrap();
        }
        format!("{limit}")
    }
    vec![Model::failing("peers_p10_grown_by_the_difference", &[], &["above the limit"], run)]
}

/// A pool shrinks and grows again: no more jobs run at once than its limit lets.
fn shrink_then_grow() -> Vec<Model> {
    fn run() -> String {
        let (pool, running) = (Pool::new(2), Arc::new(Count::new(0)));
        let job = || {
            let running = running.clone();
            move || {
                assert!(running.fetch_add(1, Relaxed) < 2, "above the limit");
                running.fetch_sub(1, Relaxed);
            }
        };
        pool.spawn(job()).unwrap().detach();
        pool.spawn(job()).unwrap().detach();
        assert_eq!(pool.resize(1), Ok(2));
        pool.spawn(job()).unwrap().detach();
        assert_eq!(pool.resize(2), Ok(1));
        pool.spawn(job()).unwrap().detach();
        pool.drain().unwrap();
        format!("{} jobs", pool.stats().completed)
    }
    vec![Model::new("peers_p10_shrink_then_grow", &[], &["4 jobs"], run).under(THREE).slow()]
}

/// One worker, no queue: a job submits another, and waits for ever.
fn job_submits_to_its_full_pool() -> Vec<Model> {
    fn run() -> String {
        let (jobs, queue) = ends(Some(0));
        let submit = jobs.clone();
        let worker = move || {
            let job: u8 = queue.recv().unwrap();
            submit.send(job + 1).unwrap(); // from inside the job: nobody else receives
        };
        race(worker, || jobs.send(1).unwrap());
        "7".into()
    }
    vec![Model::failing("peers_p11_job_submits_to_its_full_pool", &[], DEADLOCK, run)]
}

/// A job of a pool with one worker and no queue submits another one and joins it: it runs.
fn nested_submit() -> Vec<Model> {
    fn run() -> String {
        let (pool, result) = (Pool::builder(1).queue(0).build().unwrap(), Arc::new(Count::new(0)));
        let (inside, outer) = (pool.clone(), result.clone());
        let job = move || outer.store(inside.spawn(|| 7).unwrap().join().unwrap(), Relaxed);
        pool.spawn(job).unwrap().detach();
        pool.wait_idle().unwrap();
        result.load(Relaxed).to_string()
    }
    vec![Model::new("peers_p11_nested_submit_on_a_full_pool", &[], &["7"], run).under(THREE)]
}

/// A shutdown closes the pool, and wakes none of those who wait to submit.
fn shutdown_forgets_submitters() -> Vec<Model> {
    fn run() -> String {
        let (closed, room) = (Arc::new(AtomicUsize::new(0)), Arc::new(Parker::current()));
        let other = closed.clone();
        let shutdown = move || other.store(1, Ordering::Release); // and wakes nobody
        race(shutdown, || {
            while closed.load(Ordering::Acquire) == 0 {
                room.park();
            }
        });
        "refused".into()
    }
    vec![Model::failing("peers_p12_shutdown_forgets_submitters", &[], DEADLOCK, run)]
}

/// A submit that waits for room while the pool is shut down is refused, or accepted before that.
fn shutdown_releases_submitters() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        let token = pool.token();
        pool.spawn(move || token.wait()).unwrap().detach();
        let shutdown = {
            let pool = pool.clone();
            spawn(move || pool.shutdown().unwrap())
        };
        let outcome = match pool.spawn(|| ()) {
            Ok(task) => {
                task.detach();
                "accepted"
            }
            Err(error) => {
                assert!(error.is_closed());
                "refused"
            }
        };
        shutdown.join().unwrap();
        assert_eq!(pool.stats().workers, 0);
        outcome.into()
    }
    vec![Model::new("peers_p12_shutdown_releases_submitters", &[], &["accepted", "refused"], run).under(THREE)]
}

/// A worker has one flag for all its jobs: whoever interrupts the first job may come too late, and the second is told.
fn one_flag_for_all_jobs() -> Vec<Model> {
    fn run() -> String {
        let flag = Arc::new(AtomicUsize::new(0));
        let other = flag.clone();
        let interrupt = move || other.store(1, Ordering::Release);
        let ((), [_, second]) = race(interrupt, || [(); 2].map(|()| flag.swap(0, Ordering::AcqRel)));
        assert_eq!(second, 0, "the wrong job was told");
        "only the first".into()
    }
    vec![Model::failing("peers_p13_one_flag_for_all_jobs", &[], &["the wrong job was told"], run)]
}

/// Each job has a token of its own: the cancel of the first tells no other.
fn a_token_for_each_job() -> Vec<Model> {
    fn run() -> String {
        let (pool, token, told) = (Pool::new(1), Pool::new(1).token(), Arc::new(Count::new(0)));
        let (first, second) = (token.child_token(), token.child_token());
        for own in [first.clone(), second] {
            let told = told.clone();
            pool.spawn(move || told.fetch_add(usize::from(own.is_cancelled()), Relaxed)).unwrap().detach();
        }
        first.cancel();
        pool.drain().unwrap();
        assert!(told.load(Relaxed) <= 1);
        "only the first".into()
    }
    vec![Model::new("peers_p13_a_token_for_each_job", &[], &["only the first"], run)]
}

/// One worker; a job on it spins until the job behind it has set a flag: for ever, unless it yields.
fn hog() -> Vec<Model> {
    fn run(meanwhile: fn()) -> String {
        let (pool, flag) = (Pool::new(1), Arc::new(AtomicUsize::new(0)));
        let seen = flag.clone();
        let hog = move || {
            while seen.load(Ordering::Acquire) == 0 {
                meanwhile();
            }
        };
        pool.spawn(hog).unwrap().detach();
        pool.spawn(move || flag.store(1, Ordering::Release)).unwrap().detach();
        pool.drain().unwrap();
        "done".into()
    }
    vec![
        Model::failing("notes_cpu_hog", &[], STUCK, || run(|| ())),
        Model::new("notes_cpu_hog_that_yields", &[], &["done"], || run(yield_now)).under(THREE),
    ]
}

/// The same job waits in `blocking`, where another worker stands in for it.
fn blocks_instead() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let (sender, receiver) = bounded(0);
        pool.spawn(move || crate::hence::pool::blocking(|| receiver.recv().unwrap())).unwrap().detach();
        pool.spawn(move || sender.send(()).unwrap()).unwrap().detach();
        pool.drain().unwrap();
        "done".into()
    }
    vec![Model::new("notes_cpu_hog_that_blocks", &[], &["done"], run).under(THREE)]
}
