//! Soak: jobs by the million, submitted by four threads to pools that are resized, closed and made again meanwhile;
//! jobs that panic, block, yield, join each other and open scopes, with closures, results, states, hooks and wakers that
//! panic; tasks that are joined, polled, cancelled and dropped. And what a job costs. Every job is accounted for: run
//! once, or not at all and reported, its closure dropped once; the pool's numbers agree; no thread is left, and as much
//! memory as in the beginning.
//!
//! A run is made of rounds, each with a pool of its own. `cargo test` submits 20 000 jobs; the soak proper is
//!
//! ```console
//! $ HENCE_STRESS=10000000 cargo test --release --test pool_soak -- --nocapture
//! $ RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=detect_leaks=1 HENCE_STRESS=10000000 \
//!     cargo test --release --target x86_64-unknown-linux-gnu --test pool_soak -- --nocapture
//! ```
//!
//! the second with AddressSanitizer and LeakSanitizer, whose reports must be empty. There is one test, for it counts
//! what the whole process allocates, and its threads.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::alloc::System;
use std::fs;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use hence::pool::{Builder, SpawnError, Task, TaskError, blocking, with_state, yield_now};
use hence::{CancellationToken, Pool};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use util::{Use, block_on, hold, hooked, poll, quietly, stretches, until, watched};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Threads that submit.
const THREADS: usize = 4;
/// Jobs that a thread submits in one round, at most.
const MOST: usize = 512;

/// The bytes that are allocated now.
fn live() -> isize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

/// Whether something comes to be so before long: a thread is counted until the operating system is done with it, and
/// frees the last of its memory then.
fn soon(is_so: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !is_so() && begun.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(5));
    }
    is_so()
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

// What jobs cost.

fn costs() {
    const MANY: usize = 1_000_000;
    let pool = Pool::builder(1).reserve(MANY).build().unwrap();
    let held = hold(&pool);
    let region = Region::new(ALLOCATOR);
    (0..1000).for_each(|_| pool.spawn(|| ()).unwrap().detach());
    let times = region.change().allocations + region.change().reallocations;
    println!("1000 jobs: {times} allocations");
    assert!(times < 1010); // one each; another thread may be in the middle of something
    drop(held);
    pool.wait_idle().unwrap();

    // A scope keeps nothing of jobs that have ended, if their results take no memory.
    let pool = Pool::new(1);
    let most = pool.scope_bounded::<(), (), _>(4, |scope| {
        let grown = |jobs| {
            let before = live();
            (0..jobs).for_each(|_| scope.spawn(|| Ok(())).unwrap());
            live() - before
        };
        grown(1000);
        let kept = grown(100_000);
        println!("100000 ended jobs of a scope: {kept} bytes");
        assert!(kept < 100_000);
    });
    assert_eq!(most.unwrap().len(), 101_000);

    let pool = Pool::new(1);
    let held = hold(&pool);
    let (before, begun) = (live(), Instant::now());
    (0..MANY).for_each(|_| pool.spawn(|| ()).unwrap().detach());
    let bytes = live() - before;
    println!("{MANY} queued jobs: {bytes} bytes, {:?} each", begun.elapsed() / MANY as u32);
    assert!(bytes < 100_000_000);
    drop(held);
    pool.wait_idle().unwrap();
    println!("submitted and run: {:?} each", begun.elapsed() / MANY as u32);
}

// Random jobs.

/// What has become of each job of a round.
#[derive(Clone)]
struct Facts(Arc<Vec<Fact>>);

#[derive(Default)]
struct Fact {
    run: AtomicU8,
    dropped: AtomicU8,
}

/// What a job owns: tells of its drop, and may panic in it.
struct Owned {
    facts: Facts,
    number: usize,
    hostile: bool,
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.facts.0[self.number].dropped.fetch_add(1, Relaxed);
        if self.hostile && !thread::panicking() {
            quietly("a closure's destructor");
        }
    }
}

/// Panics when it is dropped, with these words, if there are any and nothing else panics. Owns no memory: rustc leaks
/// what a function returns if the destructor of one of its variables panics then.
struct Hostile(Option<&'static str>);

impl Drop for Hostile {
    fn drop(&mut self) {
        if let Some(words) = self.0.filter(|_| !thread::panicking()) {
            quietly(words);
        }
    }
}

fn hostile(is_so: bool, words: &'static str) -> Hostile {
    Hostile(is_so.then_some(words))
}

/// A waker that may panic when it wakes.
fn waker(hostile: bool) -> Waker {
    hooked(move |used| {
        if hostile && used == Use::Wake {
            quietly("a waker");
        }
    })
}

/// Drops something whose destructor may panic.
fn discard<T>(value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}

type State = (u8, Hostile);

/// What all threads of a round share.
struct Round {
    facts: Facts,
    pool: Pool<State>,
    /// Tasks that threads leave to each other.
    board: [Mutex<Option<Task<Hostile>>>; 8],
    token: CancellationToken,
}

/// What a thread, or all of them, have done: what submissions and tasks have said of it.
#[derive(Clone, Debug, Default)]
struct Tally {
    submitted: u64,
    refused: u64,
    cancels: u64,
    returned: u64,
    panicked: u64,
    cancelled: u64,
    dropped: u64,
    resizes: u64,
    scopes: u64,
    nested: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.submitted += other.submitted;
        self.refused += other.refused;
        self.cancels += other.cancels;
        self.returned += other.returned;
        self.panicked += other.panicked;
        self.cancelled += other.cancelled;
        self.dropped += other.dropped;
        self.resizes += other.resizes;
        self.scopes += other.scopes;
        self.nested += other.nested;
    }
}

/// Jobs submitted by jobs, and by scopes: accepted ones.
#[derive(Clone, Default)]
struct Inner(Arc<AtomicUsize>);

impl Inner {
    fn accepted<T, E>(&self, submitted: Result<T, E>) -> Option<T> {
        // Before anybody can ask for the sum: the submitter is a job, or a thread of the round.
        let accepted = submitted.ok();
        self.0.fetch_add(usize::from(accepted.is_some()), Relaxed);
        accepted
    }
}

struct Submitter<'a> {
    me: usize,
    rng: Rng,
    round: &'a Round,
    inner: Inner,
    quota: usize,
    numbers: usize,
    tasks: Vec<Task<Hostile>>,
    tally: Tally,
}

/// One chance in so many.
fn once_in(rng: &mut Rng, many: u32) -> bool {
    rng.u32(..many) == 0
}

impl Submitter<'_> {
    fn soon(&mut self) -> Duration {
        Duration::from_nanos(self.rng.u64(..30_000))
    }

    /// What a job does.
    fn job(&mut self, number: usize) -> impl FnOnce(Option<&mut State>) -> Hostile + Send + 'static + use<> {
        let mut rng = self.rng.fork();
        let facts = self.round.facts.clone();
        let owned = Owned { facts: facts.clone(), number, hostile: once_in(&mut rng, 30) };
        let (pool, inner, token) = (self.round.pool.clone(), self.inner.clone(), self.round.token.clone());
        move |state| {
            let _owned = owned;
            assert_eq!(facts.0[number].run.fetch_add(1, Relaxed), 0, "SF-PL-1: it runs twice");
            if let Some(state) = state {
                state.0 = state.0.wrapping_add(1);
            }
            match rng.u8(..24) {
                0 => quietly("a job"),
                1 => blocking(thread::yield_now),
                2 => yield_now(),
                3 => blocking(|| quietly("a job that blocks")),
                4 | 5 => {
                    // What it submits may wait for room, and is waited for.
                    let panics = once_in(&mut rng, 4);
                    let submitted =
                        pool.spawn_or_cancelled(move || if panics { quietly("a nested job") } else { 7 }, &token);
                    if let Some(task) = inner.accepted(submitted) {
                        assert!(!matches!(task.join(), Ok(other) if other != 7));
                    }
                }
                6 => {
                    let fails = once_in(&mut rng, 8);
                    let ended = pool.scope::<u8, (), _>(|scope| {
                        for i in 0..3 {
                            inner.accepted(scope.spawn(move || if fails && i == 1 { Err(()) } else { Ok(i) }));
                        }
                    });
                    drop(ended);
                }
                7 => _ = pool.resize(rng.usize(1..5)),
                8 => drop(inner.accepted(pool.try_spawn(|| ())).map(|task| task.cancel())),
                _ => {}
            }
            hostile(once_in(&mut rng, 30), "a result's destructor")
        }
    }

    fn submit(&mut self) {
        let number = self.me * MOST + self.numbers;
        self.numbers += 1;
        let (job, soon, pool) = (self.job(number), self.soon(), &self.round.pool);
        let submitted = match self.rng.u8(..7) {
            0 => self.settle(pool.try_spawn(move || job(None))),
            1 => self.settle(pool.spawn_timeout(move || job(None), soon)),
            2 => self.settle(pool.spawn_deadline(move || job(None), Instant::now() + soon)),
            3 => {
                let token = self.round.token.with_timeout(soon);
                self.settle(pool.spawn_or_cancelled(move || job(None), &token))
            }
            4 | 5 => self.settle(pool.spawn(with_state(move |state: &mut State| job(Some(state))))),
            _ => self.settle(pool.spawn(move || job(None))),
        };
        self.tasks.extend(submitted);
    }

    fn settle<W>(&mut self, submitted: Result<Task<Hostile>, SpawnError<W>>) -> Option<Task<Hostile>> {
        match submitted {
            Ok(task) => {
                self.tally.submitted += 1;
                Some(task)
            }
            Err(refused) => {
                self.tally.refused += 1;
                discard(refused);
                None
            }
        }
    }

    fn ended(&mut self, outcome: Result<Hostile, TaskError>) {
        match &outcome {
            Ok(_) => self.tally.returned += 1,
            Err(TaskError::Cancelled) => self.tally.cancelled += 1,
            Err(TaskError::Panicked(_)) => self.tally.panicked += 1,
        }
        discard(outcome);
    }

    fn use_task(&mut self, task: Task<Hostile>) {
        let soon = self.soon();
        match self.rng.u8(..8) {
            0 => {
                let outcome = task.join();
                self.ended(outcome);
            }
            1 => match task.join_timeout(soon) {
                Ok(outcome) => self.ended(outcome),
                Err(task) => self.tasks.push(task),
            },
            2 => {
                let outcome = block_on(task);
                self.ended(outcome);
            }
            3 => {
                let (mut task, hostile) = (task, once_in(&mut self.rng, 4));
                // Its drop is nobody's business here.
                let waker = ManuallyDrop::new(waker(hostile));
                match poll(&mut task, &waker) {
                    std::task::Poll::Ready(outcome) => self.ended(outcome),
                    std::task::Poll::Pending => self.tasks.push(task),
                }
                drop(ManuallyDrop::into_inner(waker));
            }
            4 => {
                let won = task.cancel();
                self.tally.cancels += u64::from(won);
                assert!(!task.cancel(), "SF-PL-3");
                let outcome = task.join();
                assert_eq!(won, outcome.as_ref().is_err_and(TaskError::is_cancelled) && won);
                self.ended(outcome);
            }
            5 => {
                self.tally.dropped += 1;
                discard(task);
            }
            6 => {
                let _ = task.done().recv_timeout(soon);
                self.tasks.push(task);
            }
            _ => {
                let at = self.rng.usize(..self.round.board.len());
                let older = self.round.board[at].lock().unwrap().replace(task);
                self.tasks.extend(older);
            }
        }
    }

    fn scope(&mut self) {
        self.tally.scopes += 1;
        let (sum, numbers) = (AtomicUsize::new(0), [1, 2, 3, 4]);
        let (panics, fails) = (once_in(&mut self.rng, 8), once_in(&mut self.rng, 8));
        let (pool, inner) = (&self.round.pool, &self.inner);
        let scope = || {
            pool.scope_bounded::<(), usize, _>(2, |scope| {
                for number in &numbers {
                    let sum = &sum;
                    let job = move || {
                        sum.fetch_add(*number, Relaxed);
                        match number {
                            2 if fails => Err(*number),
                            3 if panics => quietly("a member"),
                            _ => Ok(()),
                        }
                    };
                    inner.accepted(scope.spawn(job));
                }
                if panics && fails {
                    quietly("a scope");
                }
            })
        };
        let ended = catch_unwind(AssertUnwindSafe(scope));
        assert!(ended.is_ok() || panics && fails);
        if let Ok(Ok(results)) = ended {
            assert!(results.len() < 4 || sum.load(Relaxed) == 10);
        }
    }

    fn work(mut self) -> Tally {
        while self.numbers < self.quota {
            match self.rng.u8(..16) {
                0..9 => self.submit(),
                9..14 if !self.tasks.is_empty() => {
                    let i = self.rng.usize(..self.tasks.len());
                    let task = self.tasks.swap_remove(i);
                    self.use_task(task);
                }
                14 => {
                    self.tally.resizes += 1;
                    self.round.pool.resize(self.rng.usize(1..6)).unwrap();
                }
                15 if once_in(&mut self.rng, 4) => self.scope(),
                _ => {
                    let stats = self.round.pool.stats();
                    assert!(stats.workers >= stats.running + stats.waiting);
                }
            }
        }
        match self.rng.u8(..4) {
            0 => drop(self.round.pool.wait_idle_timeout(Duration::from_micros(50))),
            1 => _ = self.round.pool.close(),
            _ => {}
        }
        if self.me == 0 && self.rng.bool() {
            self.round.pool.shutdown().unwrap();
        }
        for task in std::mem::take(&mut self.tasks) {
            let outcome = task.join();
            self.ended(outcome);
        }
        self.tally
    }
}

fn builder(rng: &mut Rng) -> Builder<State> {
    let mut builder = Pool::builder(rng.usize(1..5)).min_workers(rng.usize(..2));
    if rng.bool() {
        builder = builder.queue(rng.usize(..8)).max_blocked(rng.usize(1..9));
    }
    if rng.bool() {
        builder = builder.keep_alive(Duration::from_micros(rng.u64(..300)));
    }
    let mut chance = rng.fork();
    let chance = Mutex::new(move || once_in(&mut chance, 4));
    let unlikely = Arc::new(move || (chance.lock().unwrap())());
    let hook = unlikely.clone();
    builder = builder.on_panic(move |_| {
        if hook() {
            quietly("a hook");
        }
    });
    builder.state(move || {
        if unlikely() {
            quietly("a state");
        }
        (0, hostile(unlikely(), "a state's destructor"))
    })
}

/// Some pool's life.
fn round(seed: u64) -> Tally {
    let mut rng = Rng::with_seed(seed);
    let quota = 1 << rng.u32(2..MOST.ilog2());
    let facts = Facts(Arc::new((0..THREADS * MOST).map(|_| Fact::default()).collect()));
    let pool = builder(&mut rng).build().unwrap();
    let round = Round { facts: facts.clone(), pool, board: Default::default(), token: CancellationToken::new() };
    let (inner, mut total) = (Inner::default(), Tally::default());
    let submitters: Vec<_> = (0..THREADS)
        .map(|me| Submitter {
            me,
            rng: rng.fork(),
            round: &round,
            inner: inner.clone(),
            quota,
            numbers: 0,
            tasks: Vec::new(),
            tally: Tally::default(),
        })
        .collect();
    thread::scope(|scope| {
        let threads: Vec<_> = submitters.into_iter().map(|submitter| scope.spawn(|| submitter.work())).collect();
        threads.into_iter().for_each(|thread| total.add(&thread.join().unwrap()));
    });
    let Round { pool, board, token, .. } = round;
    if rng.bool() {
        pool.drain().unwrap()
    } else {
        pool.shutdown().unwrap()
    }
    token.cancel();
    board.into_iter().for_each(|task| discard(task.into_inner().unwrap()));

    let stats = pool.stats();
    total.nested += inner.0.load(Relaxed) as u64;
    assert_eq!(stats.completed + stats.panicked + stats.cancelled, total.submitted + total.nested, "{stats:?}");
    assert!(stats.completed >= total.returned && stats.panicked >= total.panicked);
    assert!(stats.cancelled >= total.cancelled && total.cancelled >= total.cancels);
    assert_eq!((stats.workers, stats.running, stats.waiting, stats.queued, stats.blocked), (0, 0, 0, 0, 0));
    drop(pool);
    for me in 0..THREADS {
        for (i, fact) in facts.0[me * MOST..][..MOST].iter().enumerate() {
            let ends = (fact.run.load(Relaxed), fact.dropped.load(Relaxed));
            let expected = if i < quota { ends.0 <= 1 && ends.1 == 1 } else { ends == (0, 0) };
            assert!(expected, "SF-PL-1: job {i} of {me} was (run, dropped) {ends:?} times");
        }
    }
    let run: u64 = facts.0.iter().map(|fact| u64::from(fact.run.load(Relaxed))).sum();
    assert!(run <= total.submitted, "SF-PL-1: one that was refused has run");
    total
}

/// Runs rounds until so many jobs have been submitted.
fn soak(jobs: u64) -> Tally {
    /// After so many jobs the watchdog starts anew.
    const STRETCH: u64 = 5_000;
    let mut total = Tally::default();
    stretches(jobs, STRETCH, round, |tally| tally.submitted, |tally| total.add(&tally));
    total
}

#[test]
fn jobs_cost_little_and_leave_nothing_behind() {
    watched(costs);

    let jobs = std::env::var("HENCE_STRESS").map_or(20_000, |n| n.parse().expect("HENCE_STRESS is a number"));
    soak(1_000); // makes what is made once
    // What is left by then is there for good: the threads of the tests, and the one of the crate.
    let calm = || {
        let (before, bytes) = (threads(), live());
        thread::sleep(Duration::from_millis(50));
        (threads(), live()) == (before, bytes)
    };
    until(calm);
    let (workers, before, begun) = (threads(), live(), Instant::now());
    let total = soak(jobs);
    let seconds = begun.elapsed().as_secs_f64();
    let gone = soon(|| threads() <= workers);
    let settled = soon(|| live() <= before);
    println!("{total:#?}");
    println!(
        "{seconds:.1} s, {:.3} million jobs a second; {before} bytes live before, {} after; {workers} threads before, {} after",
        total.submitted as f64 / seconds / 1e6,
        live(),
        threads()
    );
    assert!(gone, "{} threads are left", threads() - workers);
    assert!(settled, "{} bytes are left", live() - before);
}
