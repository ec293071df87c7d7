//! Pools on real threads: order, limits, joins from inside, panics everywhere, scopes, futures, ends; and the bugs of
//! other pools, by name.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::Waker;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fastrand::Rng;
use hence::channel::{RecvError, bounded, select};
use hence::pool::{
    Builder, Scope, ScopeError, SpawnError, Task, TaskError, WaitError, Work, WorkerState, blocking, with_state,
    yield_now,
};
use hence::{CancellationToken, Pool};
use util::{OnDrop, Use, Wakes, block_on, blocked, gated, hold, hooked, peek, poll, quietly, until, watched};

/// Long enough that a wait happens, short enough to sit through.
const SHORT: Duration = Duration::from_millis(5);
/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(1000);

/// A number that jobs share.
fn counter() -> Arc<AtomicUsize> {
    Arc::default()
}

/// A job that counts, and what it counts in.
fn counting(counter: &Arc<AtomicUsize>) -> impl FnOnce() -> usize + Send + Clone + use<> {
    let counter = counter.clone();
    move || counter.fetch_add(1, Relaxed)
}

/// A thread that submits a job and very likely blocks in that: what the submission says.
fn blocked_spawn<W>(pool: &Pool, job: W) -> JoinHandle<Result<Task<W::Output>, SpawnError<W>>>
where
    W: Work<()> + 'static,
    W::Output: Send,
{
    let pool = pool.clone();
    thread::spawn(move || pool.spawn(job))
}

/// A pool whose hook sends the messages of panics.
fn reporting(workers: usize) -> (Builder, mpsc::Receiver<Option<String>>) {
    let (hook, seen) = mpsc::channel();
    (Pool::builder(workers).on_panic(move |panic| hook.send(panic.message()).unwrap()), seen)
}

/// Panics when it is dropped.
fn bomb(words: &'static str) -> OnDrop {
    OnDrop::new(move || quietly(words))
}

/// Whether a worker still does its work.
fn works<S>(pool: &Pool<S>) {
    assert_eq!(pool.spawn(|| 7).unwrap().join().unwrap(), 7);
}

/// The threads of the process that bear a name.
fn threads(name: &str) -> Vec<u64> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap());
    let named = tasks.filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name));
    named.map(|task| task.file_name().to_str().unwrap().parse().unwrap()).collect()
}

/// Whether all threads that bear a name sleep: a worker that has no job looks for one a while longer before it does.
fn all_sleep(name: &str) -> bool {
    let state = |thread| fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
    threads(name).into_iter().all(|thread| state(thread).contains(") S "))
}

// Order and limits.

#[test]
fn jobs_start_in_the_order_of_submission() {
    watched(|| {
        let (pool, order) = (Pool::new(1), Arc::new(Mutex::new(Vec::new())));
        let held = hold(&pool);
        for i in 0..100 {
            let order = order.clone();
            pool.spawn(move || order.lock().unwrap().push(i)).unwrap().detach();
        }
        drop(held);
        pool.wait_idle().unwrap();
        assert!(order.lock().unwrap().iter().copied().eq(0..100));
    });
}

#[test]
fn submitters_are_accepted_in_the_order_in_which_they_came() {
    watched(|| {
        let (pool, order) = (Pool::builder(1).queue(0).build().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let held = hold(&pool);
        let submitters: Vec<_> = (0..10)
            .map(|i| {
                let order = order.clone();
                let submitter = blocked_spawn(&pool, move || order.lock().unwrap().push(i));
                until(|| pool.stats().blocked == i + 1);
                submitter
            })
            .collect();
        drop(held);
        submitters.into_iter().for_each(|submitter| submitter.join().unwrap().unwrap().join().unwrap());
        assert!(order.lock().unwrap().iter().copied().eq(0..10));
    });
}

#[test]
fn of_three_submitters_the_first_and_the_last_go() {
    watched(|| {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        let (held, tokens) = (hold(&pool), [(); 3].map(|()| CancellationToken::new()));
        let submitters = [0, 1, 2].map(|i| {
            let (pool, token) = (pool.clone(), tokens[i].clone());
            let submitter = thread::spawn({
                let pool = pool.clone();
                move || pool.spawn_or_cancelled(move || i, &token)
            });
            until(|| pool.stats().blocked == i + 1);
            submitter
        });
        tokens[0].cancel();
        until(|| pool.stats().blocked == 2);
        tokens[2].cancel();
        until(|| pool.stats().blocked == 1);
        drop(held);
        let [first, second, last] = submitters.map(|submitter| submitter.join().unwrap());
        assert!([first, last].iter().all(|refused| matches!(refused, Err(SpawnError::Cancelled(_)))));
        assert_eq!((second.unwrap().join().unwrap(), pool.stats().blocked), (1, 0));
    });
}

#[test]
fn a_submission_that_does_not_wait_does_not_overtake_those_that_do() {
    watched(|| {
        let pool = Pool::builder(1).queue(1).build().unwrap();
        let (held, first) = (hold(&pool), pool.spawn(|| 1).unwrap());
        let waits = blocked_spawn(&pool, || 2);
        until(|| pool.stats().blocked == 1);
        assert!(first.cancel());
        assert!(pool.try_spawn(|| 3).unwrap_err().is_full()); // the place is taken
        assert_eq!((pool.stats().blocked, pool.stats().queued), (0, 1));
        drop(held);
        assert_eq!(waits.join().unwrap().unwrap().join().unwrap(), 2);
    });
}

#[test]
fn without_a_queue_a_job_needs_a_free_worker() {
    watched(|| {
        let (pool, gate) = (Pool::builder(2).queue(0).build().unwrap(), CancellationToken::new());
        let tasks = [(), ()].map(|()| {
            let gate = gate.clone();
            pool.try_spawn(move || gate.wait()).unwrap()
        });
        assert!(pool.try_spawn(|| ()).unwrap_err().is_full());
        assert_eq!(pool.resize(3), Ok(2));
        assert_eq!(pool.try_spawn(|| 7).unwrap().join().unwrap(), 7);
        gate.cancel();
        tasks.into_iter().for_each(|task| task.join().unwrap());
    });
}

#[test]
fn a_queue_holds_what_it_says() {
    watched(|| {
        let pool = Pool::builder(1).queue(3).build().unwrap();
        let held = hold(&pool);
        let tasks = [1, 2, 3].map(|i| pool.try_spawn(move || i).unwrap());
        assert!(pool.try_spawn(|| 4).unwrap_err().is_full());
        drop(held);
        assert_eq!(tasks.map(|task| task.join().unwrap()), [1, 2, 3]);
    });
}

/// The limit in force when a job starts is known where it has not been changed at about that moment: an epoch says so.
#[test]
fn no_more_jobs_run_than_the_limit_whatever_is_resized() {
    #[derive(Default)]
    struct Watch {
        running: AtomicUsize,
        limit: AtomicUsize,
        epoch: AtomicUsize,
        looks: AtomicUsize,
    }
    impl Watch {
        /// SeqCst, here and in `job`: whoever finds the same even epoch before and after has seen its limit.
        fn set(&self, limit: usize) {
            self.epoch.fetch_add(1, SeqCst);
            self.limit.store(limit, SeqCst);
            self.epoch.fetch_add(1, SeqCst);
        }

        fn job(&self) {
            let epoch = self.epoch.load(SeqCst);
            let limit = self.limit.load(SeqCst);
            let running = self.running.fetch_add(1, SeqCst) + 1;
            if epoch == self.epoch.load(SeqCst) && epoch % 2 == 0 {
                self.looks.fetch_add(1, Relaxed);
                assert!(running <= limit, "SF-PL-2: {running} of {limit}");
            }
            thread::yield_now();
            self.running.fetch_sub(1, SeqCst);
        }
    }
    watched(|| {
        let (mut rng, watch, pool) = (Rng::with_seed(1), Arc::new(Watch::default()), Pool::new(2));
        watch.set(2);
        let tasks: Vec<_> = (0..300)
            .flat_map(|_| {
                let limit = rng.usize(1..9);
                if limit > pool.stats().limit {
                    watch.set(limit);
                    pool.resize(limit).unwrap();
                } else {
                    pool.resize(limit).unwrap();
                    until(|| pool.stats().running <= limit);
                    watch.set(limit);
                }
                let submit = |_| {
                    let watch = watch.clone();
                    pool.spawn(move || watch.job()).unwrap()
                };
                (0..10).map(submit).collect::<Vec<_>>()
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert!(watch.looks.load(Relaxed) > 0);
    });
}

#[test]
fn idle_workers_above_a_lower_limit_leave() {
    watched(|| {
        let (pool, gate) = (Pool::builder(6).name("surplus").build().unwrap(), CancellationToken::new());
        let tasks: Vec<_> = (0..6).map(|_| gated(&pool, &gate)).collect();
        until(|| pool.stats().running == 6);
        gate.cancel();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        until(|| pool.stats().idle == 6);
        until(|| all_sleep("surplus"));
        pool.resize(2).unwrap();
        assert_eq!((pool.stats().workers, pool.stats().idle), (2, 2));
        until(|| threads("surplus").len() == 2);
        works(&pool);
    });
}

#[test]
fn elastic_workers_expire_down_to_the_minimum() {
    watched(|| {
        let pool = Pool::builder(4).min_workers(2).keep_alive(SHORT).name("elastic").build().unwrap();
        assert_eq!(pool.stats().workers, 0); // none is started before there is work
        for _ in 0..2 {
            let gate = CancellationToken::new();
            let tasks: Vec<_> = (0..4).map(|_| gated(&pool, &gate)).collect();
            until(|| pool.stats().running == 4);
            gate.cancel();
            tasks.into_iter().for_each(|task| task.join().unwrap());
            until(|| pool.stats().workers == 2);
            until(|| threads("elastic").len() == 2);
            thread::sleep(4 * SHORT);
            assert_eq!(pool.stats().workers, 2);
        }
        pool.drain().unwrap();
        until(|| threads("elastic").is_empty());
    });
}

#[test]
fn workers_that_expire_miss_no_job() {
    watched(|| {
        let pool = Pool::builder(2).keep_alive(Duration::from_micros(50)).build().unwrap();
        let mut rng = Rng::with_seed(1);
        for i in 0..500 {
            thread::sleep(Duration::from_micros(rng.u64(..150)));
            assert_eq!(pool.spawn(move || i).unwrap().join().unwrap(), i);
        }
    });
}

/// The processor time that a thread has had, in nanoseconds.
fn processor_time(thread: u64) -> u64 {
    let stat = fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn idle_workers_use_no_processor() {
    watched(|| {
        let timed = Pool::builder(1).keep_alive(LONG).name("idle").build().unwrap();
        let (pool, gate) = (Pool::builder(2).name("idle").build().unwrap(), CancellationToken::new());
        let tasks = [gated(&pool, &gate), gated(&pool, &gate), gated(&timed, &gate)];
        until(|| pool.stats().running == 2 && timed.stats().running == 1);
        gate.cancel();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        // They fall asleep some time, and then sleep on; whoever looks around does not.
        let used = || threads("idle").into_iter().map(processor_time).sum::<u64>();
        until(|| {
            let before = used();
            thread::sleep(Duration::from_millis(50));
            used() == before
        });
        assert_eq!(threads("idle").len(), 3);
    });
}

// Waiting from inside.

fn nest(pool: &Pool, depth: usize) -> usize {
    if depth == 0 {
        return 0;
    }
    let inner = pool.clone();
    1 + pool.spawn(move || nest(&inner, depth - 1)).unwrap().join().unwrap()
}

fn tree(pool: &Pool, depth: usize) -> usize {
    if depth == 0 {
        return 1;
    }
    let (one, other) = (pool.clone(), pool.clone());
    let tasks =
        [pool.spawn(move || tree(&one, depth - 1)).unwrap(), pool.spawn(move || tree(&other, depth - 1)).unwrap()];
    tasks.into_iter().map(|task| task.join().unwrap()).sum()
}

#[test]
fn joins_may_be_nested_as_deep_as_the_stack() {
    watched(|| {
        for workers in [1, 2] {
            assert_eq!(nest(&Pool::new(workers), 100), 100);
            assert_eq!(nest(&Pool::builder(workers).queue(0).build().unwrap(), 20), 20);
        }
    });
}

#[test]
fn a_tree_of_jobs_needs_one_worker() {
    watched(|| {
        for workers in [1, 2] {
            let pool = Pool::new(workers);
            assert_eq!(tree(&pool, 10), 1 << 10);
            pool.wait_idle().unwrap();
            assert_eq!(pool.stats().completed, (2 << 10) - 2);
            until(|| pool.stats().workers <= workers);
        }
    });
}

#[test]
fn a_job_that_has_not_begun_runs_on_the_spot() {
    watched(|| {
        let pool = Pool::new(1);
        let inner = pool.clone();
        let job = move || {
            let task = inner.spawn(|| thread::current().id()).unwrap();
            (task.join().unwrap(), thread::current().id(), inner.stats().workers)
        };
        let (inner, outer, workers) = pool.spawn(job).unwrap().join().unwrap();
        assert!(inner == outer && workers == 1);
    });
}

#[test]
fn a_job_that_joins_a_running_one_lets_others_run() {
    watched(|| {
        let (pool, gate) = (Pool::new(2), CancellationToken::new());
        let runs = gated(&pool, &gate);
        until(|| pool.stats().running == 1);
        let joins = pool.spawn(move || runs.join().unwrap()).unwrap();
        until(|| pool.stats().waiting == 1);
        assert_eq!(pool.stats().running, 1);
        pool.spawn(move || gate.cancel()).unwrap().detach(); // needs the permit of the one that joins
        joins.join().unwrap();
        until(|| pool.stats().workers <= 2);
    });
}

/// While it waits it holds no permit, and the pool has but one.
#[test]
fn a_join_within_a_wait_runs_nothing_on_the_spot() {
    watched(|| {
        let (pool, running) = (Pool::new(1), counter());
        let inner = pool.clone();
        let job = move || {
            let (me, limited) = (thread::current().id(), |running: Arc<AtomicUsize>| {
                move || {
                    assert_eq!(running.fetch_add(1, SeqCst), 0, "above the limit");
                    thread::sleep(SHORT);
                    running.fetch_sub(1, SeqCst);
                    thread::current().id()
                }
            });
            let tasks = [(); 3].map(|()| inner.spawn(limited(running.clone())).unwrap());
            tasks.into_iter().rev().all(|task| blocking(|| task.join().unwrap() != me))
        };
        assert!(pool.spawn(job).unwrap().join().unwrap());
    });
}

#[test]
fn a_join_with_a_limit_runs_nothing_on_the_spot() {
    watched(|| {
        let pool = Pool::new(1);
        let inner = pool.clone();
        let job = move || {
            let me = thread::current().id();
            let task = inner.spawn(move || thread::current().id() != me).unwrap();
            task.join_timeout(LONG).unwrap().unwrap()
        };
        assert!(pool.spawn(job).unwrap().join().unwrap());
    });
}

#[test]
fn a_job_that_borrows_a_state_is_joined_and_not_run_inside_another() {
    watched(|| {
        let pool = Pool::builder(1).state(|| 0).build().unwrap();
        let inner = pool.clone();
        let job = move |state: &mut i32| {
            *state += 1;
            let task = inner.spawn(with_state(|state: &mut i32| *state)).unwrap();
            task.join().unwrap()
        };
        // On another worker, which has a state of its own.
        assert_eq!(pool.spawn(with_state(job)).unwrap().join().unwrap(), 0);
    });
}

#[test]
fn a_job_that_blocks_gives_its_permit_to_others() {
    watched(|| {
        let (pool, (sender, receiver)) = (Pool::new(1), bounded(0));
        let waits = pool.spawn(move || blocking(|| receiver.recv().unwrap())).unwrap();
        pool.spawn(move || sender.send(7).unwrap()).unwrap().join().unwrap();
        assert_eq!(waits.join().unwrap(), 7);
        until(|| pool.stats().workers == 1);
        assert_eq!(blocking(|| 7), 7); // anywhere else it just runs it
        // One in another, and a panic in one: the permit is back all the same.
        let job = || blocking(|| blocking(|| quietly("in vain")));
        assert_eq!(pool.spawn(job).unwrap().join().unwrap_err().message().unwrap(), "in vain");
        let job = || catch_unwind(|| blocking(|| quietly("caught"))).is_err();
        assert!(pool.spawn(job).unwrap().join().unwrap());
        assert_eq!((pool.stats().waiting, pool.stats().limit), (0, 1));
        works(&pool);
    });
}

#[test]
fn jobs_that_yield_take_turns() {
    watched(|| {
        let (pool, turn) = (Pool::new(1), counter());
        let player = |me: usize| {
            let turn = turn.clone();
            move || {
                for round in 0..50 {
                    while turn.load(Relaxed) != 2 * round + me {
                        yield_now();
                    }
                    turn.fetch_add(1, Relaxed);
                }
            }
        };
        let tasks = [0, 1].map(|me| pool.spawn(player(me)).unwrap());
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert_eq!(turn.load(Relaxed), 100);
        yield_now(); // anywhere else it yields the thread
        pool.spawn(yield_now).unwrap().join().unwrap(); // nobody is there to give way to
    });
}

/// Two hogs that yield, to each other too, let the third job have its turn, and a submitter its place; and none of
/// their yields starts a thread.
#[test]
fn jobs_that_yield_and_the_queue_take_turns() {
    watched(|| {
        for queue in [0, usize::MAX] {
            let pool = Pool::builder(1).queue(queue).name("yields").build().unwrap();
            let (turns, done) = (counter(), Arc::new(AtomicBool::new(false)));
            let hogs: Vec<_> = (0..2)
                .map(|_| {
                    let (turns, done) = (turns.clone(), done.clone());
                    pool.spawn(move || {
                        while !done.load(SeqCst) {
                            turns.fetch_add(1, Relaxed);
                            yield_now();
                        }
                    })
                    .unwrap()
                })
                .collect();
            let workers: HashSet<_> =
                (0..200).map(|_| pool.spawn(|| thread::current().id()).unwrap().join().unwrap()).collect();
            assert!(workers.len() < 100, "{} threads for 200 jobs", workers.len());
            done.store(true, SeqCst);
            hogs.into_iter().for_each(|hog| hog.join().unwrap());
            assert!(turns.load(Relaxed) >= 100, "the queue left the hogs few turns: {}", turns.load(Relaxed));
            works(&pool);
            until(|| pool.stats().workers <= 1);
        }
    });
}

/// The same of jobs that wait for something else, again and again.
#[test]
fn jobs_that_block_and_the_queue_take_turns() {
    watched(|| {
        let (pool, done) = (Pool::new(1), Arc::new(AtomicBool::new(false)));
        let busy: Vec<_> = (0..3)
            .map(|_| {
                let done = done.clone();
                pool.spawn(move || {
                    while !done.load(SeqCst) {
                        blocking(thread::yield_now);
                    }
                })
                .unwrap()
            })
            .collect();
        (0..100).for_each(|_| works(&pool));
        done.store(true, SeqCst);
        busy.into_iter().for_each(|job| job.join().unwrap());
    });
}

/// A waker may poll on the thread that wakes it: also on a worker that has just given its permit back.
#[test]
fn a_waker_lends_no_permit_that_is_gone() {
    struct Lends(mpsc::Sender<()>);
    impl std::task::Wake for Lends {
        fn wake(self: Arc<Self>) {
            blocking(|| ());
            self.0.send(()).unwrap();
        }
    }
    watched(|| {
        for _ in 0..20 {
            let pool = Pool::new(1);
            let (tell, told) = mpsc::channel();
            let held = hold(&pool);
            let mut idle = pool.wait_idle_async();
            assert!(poll(&mut idle, &Waker::from(Arc::new(Lends(tell)))).is_pending());
            drop(held);
            told.recv().unwrap();
            assert!(pool.stats().running <= 1);
            works(&pool);
        }
    });
}

/// A wait with a limit inside a job ends with its limit, whoever has the permit by then; and no job starts above the limit.
#[test]
fn limits_are_kept_inside_jobs() {
    watched(|| {
        let pool = Pool::builder(1).queue(1).build().unwrap();
        let (inside, token) = (pool.clone(), CancellationToken::new());
        let (open, gate) = bounded::<()>(0);
        let outer = pool.spawn(move || {
            let long = inside.spawn(move || gate.recv().unwrap_err()).unwrap();
            let long = long.join_timeout(SHORT).expect_err("it waits for the gate");
            let long = long.join_deadline(Instant::now() + SHORT).expect_err("likewise");
            assert_eq!(inside.stats().running, 2, "above the limit, for the time being");
            let queued = inside.spawn(|| ()).unwrap();
            assert!(matches!(inside.spawn_timeout(|| (), SHORT), Err(SpawnError::TimedOut(_))));
            assert!(matches!(inside.spawn_deadline(|| (), Instant::now() + SHORT), Err(SpawnError::TimedOut(_))));
            let limit = token.with_timeout(SHORT);
            assert!(matches!(inside.spawn_or_cancelled(|| (), &limit), Err(SpawnError::Cancelled(_))));
            assert!(!queued.is_finished(), "none starts meanwhile");
            let other = Pool::new(1);
            let held = hold(&other);
            assert_eq!(other.wait_idle_timeout(SHORT), Err(WaitError::TimedOut));
            drop(held);
            drop(open);
            long.join().unwrap();
            queued.join().unwrap();
        });
        outer.unwrap().join().unwrap();
        works(&pool);
        pool.wait_idle().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.running, stats.waiting, stats.blocked), (0, 0, 0), "{stats:?}");
    });
}

/// No time left is a look: nobody stands in line, and no permit is lent.
#[test]
fn a_wait_in_a_pool_without_time_looks_once() {
    watched(|| {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        let held = hold(&pool);
        let past = Instant::now();
        assert!(matches!(pool.spawn_timeout(|| (), Duration::ZERO), Err(SpawnError::TimedOut(_))));
        assert!(matches!(pool.spawn_deadline(|| (), past), Err(SpawnError::TimedOut(_))));
        assert_eq!(pool.wait_idle_timeout(Duration::ZERO), Err(WaitError::TimedOut));
        drop(held);
        pool.wait_idle().unwrap();
        assert_eq!(pool.wait_idle_deadline(past), Ok(()));
        pool.spawn_deadline(|| (), past).unwrap().join().unwrap();
    });
}

/// Whoever has seen a job's end finds its worker free.
#[test]
fn there_is_room_right_after_a_join() {
    watched(|| {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        for _ in 0..20_000 {
            pool.try_spawn(|| ()).unwrap().join().unwrap();
        }
        for _ in 0..1000 {
            let task = pool.try_spawn(|| ()).unwrap();
            until(|| task.is_finished());
        }
    });
}

/// The end of a job of which a destructor, or a waker, waits: its permit is lent once.
#[test]
fn what_a_job_leaves_may_wait() {
    watched(|| {
        for queue in [1, usize::MAX] {
            let pool = Pool::builder(1).queue(queue).build().unwrap();
            for _ in 0..50 {
                let waits = || {
                    blocking(thread::yield_now);
                    yield_now();
                };
                pool.spawn(move || OnDrop::new(waits)).unwrap().detach();
                pool.execute(|| ()).unwrap();
            }
            pool.wait_idle().unwrap();
            works(&pool);
            until(|| pool.stats().running == 0);
        }
    });
}

/// A larger limit is shared: a job that has yielded is not passed by all who wait for room.
#[test]
fn those_who_wait_for_room_and_those_who_yield_take_turns() {
    watched(|| {
        let (pool, gate) = (Pool::builder(1).queue(0).build().unwrap(), CancellationToken::new());
        let ((next, next_round), (went, goes_on)) = (mpsc::channel(), mpsc::channel());
        let yields = pool.spawn(move || {
            for () in next_round {
                yield_now();
                went.send(()).unwrap();
            }
        });
        let blocked = |count| until(|| pool.stats().blocked == count);
        let passing = blocked_spawn(&pool, || ());
        blocked(1);
        next.send(()).unwrap();
        goes_on.recv().unwrap(); // by its turn: the queue's is next
        let runs = || {
            let wait = gate.clone();
            move || wait.wait()
        };
        let first = blocked_spawn(&pool, runs());
        blocked(1);
        next.send(()).unwrap();
        until(|| pool.stats().waiting == 1 && pool.stats().running == 1);
        let second = blocked_spawn(&pool, runs());
        blocked(1);
        let third = blocked_spawn(&pool, runs());
        blocked(2);
        pool.resize(3).unwrap();
        goes_on.recv().unwrap();
        until(|| pool.stats().running == 3);
        assert_eq!(pool.stats().blocked, 1);
        gate.cancel();
        drop(next);
        yields.unwrap().join().unwrap();
        passing.join().unwrap().unwrap().join().unwrap();
        for submitted in [first, second, third] {
            submitted.join().unwrap().unwrap().join().unwrap();
        }
    });
}

/// The worker drops the result of a job without a task, even while the one who submitted it waits to go on.
#[test]
fn a_result_without_a_task_waits_for_nobody() {
    watched(|| {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        let (drops, (go, may_go)) = (counter(), mpsc::channel());
        let (inner, dropped) = (pool.clone(), drops.clone());
        let submits = pool.spawn(move || {
            may_go.recv().unwrap();
            let result = OnDrop::new(move || _ = dropped.fetch_add(1, SeqCst));
            inner.execute(move || result).unwrap();
        });
        // It is first in line, and begins while the other waits for room; the executed job runs while it yields.
        let looks = blocked_spawn(&pool, move || {
            yield_now();
            drops.load(SeqCst)
        });
        until(|| pool.stats().blocked == 1);
        go.send(()).unwrap();
        assert_eq!(looks.join().unwrap().unwrap().join().unwrap(), 1);
        submits.unwrap().join().unwrap();
    });
}

/// As deep as the docs say, on the stack that std gives a thread.
#[test]
fn joins_on_the_spot_nest_some_hundreds_deep() {
    fn nest(pool: &Pool, depth: usize) -> usize {
        let inner = pool.clone();
        if depth == 0 { 0 } else { 1 + pool.spawn(move || nest(&inner, depth - 1)).unwrap().join().unwrap() }
    }
    watched(|| {
        let depth = if cfg!(debug_assertions) { 200 } else { 2000 };
        let pool = Pool::new(1);
        let inner = pool.clone();
        assert_eq!(pool.spawn(move || nest(&inner, depth)).unwrap().join().unwrap(), depth);
    });
}

/// Jobs of two pools that join each other's.
#[test]
fn pools_may_wait_for_each_other() {
    watched(|| {
        let (one, other) = (Pool::new(1), Pool::new(1));
        let (back, there) = (one.clone(), other.clone());
        let first = one.spawn(move || {
            let second = there.spawn(move || back.spawn(|| 7).unwrap().join().unwrap());
            second.unwrap().join().unwrap()
        });
        assert_eq!(first.unwrap().join().unwrap(), 7);
        // A pool that ends in a job of another.
        let back = one.clone();
        let first = one.spawn(move || {
            let inner = Pool::new(1);
            inner.spawn(move || works(&back)).unwrap().detach();
            drop(inner);
        });
        first.unwrap().join().unwrap();
        works(&one);
        // A place in the queue of another, and a wait with a limit for a job of another, each after a job of the first.
        let full = Pool::builder(1).queue(0).build().unwrap();
        let (back, there) = (one.clone(), full.clone());
        let first = one.spawn(move || {
            let after_another = |work: &dyn Fn()| {
                let (open, gate) = bounded(1);
                let task = there.spawn(move || gate.recv().unwrap()).unwrap();
                back.execute(move || open.send(()).unwrap()).unwrap();
                work();
                task
            };
            after_another(&|| there.execute(|| ()).unwrap()).join().unwrap();
            let waits = after_another(&|| ());
            waits.join_timeout(LONG).expect("it is not kept from running").unwrap();
        });
        first.unwrap().join().unwrap();
    });
}

/// Callbacks on a pool's token find what was queued cancelled.
#[test]
fn a_callback_sees_what_a_shutdown_has_cancelled() {
    watched(|| {
        for form in 0..4 {
            let pool = Pool::new(1);
            let held = hold(&pool);
            let queued = pool.spawn(|| ()).unwrap();
            let (tell, told) = mpsc::channel();
            pool.token().on_cancel(move || tell.send(queued.join().unwrap_err().is_cancelled()).unwrap());
            match form {
                0 => assert_eq!(pool.shutdown_timeout(SHORT), Err(WaitError::TimedOut)),
                1 => assert_eq!(pool.shutdown_deadline(Instant::now()), Err(WaitError::TimedOut)),
                2 => assert!(poll(&mut pool.shutdown_async(), Waker::noop()).is_pending()),
                _ => {
                    let other = pool.clone();
                    let waits = thread::spawn(move || other.shutdown().unwrap());
                    assert!(told.recv().unwrap());
                    drop(held);
                    waits.join().unwrap();
                    continue;
                }
            }
            assert!(told.recv().unwrap());
            assert_eq!(pool.stats().cancelled, 1);
            drop(held);
        }
    });
}

#[test]
fn the_token_of_a_scope_ends_with_it() {
    watched(|| {
        let (pool, mut token) = (Pool::new(1), None);
        pool.scope::<(), (), _>(|scope| token = Some(scope.token())).unwrap();
        token.take().unwrap().wait();
        let failed = pool.scope::<(), _, _>(|scope| {
            token = Some(scope.token());
            scope.spawn(|| Err("no")).unwrap();
        });
        assert!(failed.is_err() && token.take().unwrap().is_cancelled());
        let panics = catch_unwind(AssertUnwindSafe(|| {
            pool.scope::<(), (), _>(|scope| {
                token = Some(scope.token());
                quietly("in the function");
            })
        }));
        assert!(panics.is_err() && token.unwrap().is_cancelled());
        assert!(!pool.token().is_cancelled());
    });
}

#[test]
fn a_job_may_submit_to_its_full_pool() {
    watched(|| {
        for queue in [0, 1] {
            let (pool, ran) = (Pool::builder(1).queue(queue).build().unwrap(), counter());
            let (inner, job) = (pool.clone(), counting(&ran));
            let submits = move || (0..20).for_each(|_| inner.spawn(job.clone()).unwrap().detach());
            pool.spawn(submits).unwrap().join().unwrap();
            pool.wait_idle().unwrap();
            assert_eq!(ran.load(Relaxed), 20);
        }
    });
}

#[test]
fn a_job_cannot_wait_for_its_own_pool() {
    watched(|| {
        type Wait = fn(&Pool) -> Result<(), WaitError>;
        let waits: [Wait; 9] = [
            |pool| pool.wait_idle(),
            |pool| pool.wait_idle_timeout(LONG),
            |pool| pool.wait_idle_deadline(Instant::now() + LONG),
            |pool| pool.drain(),
            |pool| pool.drain_timeout(LONG),
            |pool| pool.drain_deadline(Instant::now() + LONG),
            |pool| pool.shutdown(),
            |pool| pool.shutdown_timeout(LONG),
            |pool| pool.shutdown_deadline(Instant::now() + LONG),
        ];
        for (i, wait) in waits.into_iter().enumerate() {
            let (pool, other) = (Pool::new(1), Pool::new(1));
            let inner = pool.clone();
            let job = move || (wait(&inner), wait(&other), blocking(|| wait(&inner)));
            let said = pool.spawn(job).unwrap().join().unwrap();
            assert_eq!(said, (Err(WaitError::WouldDeadlock), Ok(()), Err(WaitError::WouldDeadlock)));
            assert_eq!((pool.is_closed(), pool.token().is_cancelled()), (i >= 3, i >= 6)); // what else it does is done
            pool.drain().unwrap();
        }
    });
}

#[test]
fn a_pool_may_be_dropped_by_its_own_job() {
    watched(|| {
        let (pool, gate) = (Pool::builder(1).name("orphan").build().unwrap(), CancellationToken::new());
        let (last, wait) = (pool.clone(), gate.clone());
        let drops = move || {
            wait.wait();
            drop(last);
        };
        let tasks = [pool.spawn(drops).unwrap(), pool.spawn(|| ()).unwrap()];
        drop(pool); // not the last
        gate.cancel();
        tasks.into_iter().for_each(|task| task.join().unwrap()); // those that were accepted still run
        until(|| threads("orphan").is_empty());
    });
}

#[test]
fn dropping_the_last_handle_waits_for_everything() {
    watched(|| {
        let (pool, ran) = (Pool::builder(2).name("last").build().unwrap(), counter());
        (0..100).for_each(|_| pool.spawn(counting(&ran)).unwrap().detach());
        drop(pool);
        assert_eq!(ran.load(Relaxed), 100);
        until(|| threads("last").is_empty());
    });
}

// Ends.

#[test]
fn a_task_outlives_its_pool() {
    watched(|| {
        let pool = Pool::new(1);
        let task = pool.spawn(|| String::from("result")).unwrap();
        drop(pool);
        assert!(task.is_finished() && !task.cancel());
        assert_eq!(task.join().unwrap(), "result");
    });
}

#[test]
fn a_shutdown_cancels_what_is_queued_and_says_so() {
    watched(|| {
        let (pool, dropped, ran) = (Pool::new(1), counter(), counter());
        let held = hold(&pool);
        let queued = |_| {
            let (owned, job) = (
                OnDrop::new({
                    let count = counting(&dropped);
                    move || _ = count.clone()()
                }),
                counting(&ran),
            );
            pool.spawn(move || drop((job(), owned))).unwrap()
        };
        let mut tasks: Vec<_> = (0..100).map(queued).collect();
        assert!(tasks.pop().unwrap().cancel()); // one before it
        assert_eq!(pool.shutdown_timeout(Duration::ZERO), Err(WaitError::TimedOut));
        assert_eq!((dropped.load(Relaxed), ran.load(Relaxed)), (100, 0));
        assert!(!tasks.iter().any(Task::cancel)); // SF-PL-3
        assert!(tasks.into_iter().all(|task| task.join().unwrap_err().is_cancelled()));
        assert!(pool.is_closed() && pool.token().is_cancelled());
        drop(held);
        pool.shutdown().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.cancelled, stats.queued, stats.workers), (1, 100, 0, 0));
    });
}

#[test]
fn many_cancels_leave_the_queue_in_order() {
    watched(|| {
        let (pool, order) = (Pool::new(1), Arc::new(Mutex::new(Vec::new())));
        let held = hold(&pool);
        let submit = |i| {
            let order = order.clone();
            pool.spawn(move || order.lock().unwrap().push(i)).unwrap()
        };
        let tasks: Vec<_> = (0..1000).map(submit).collect();
        let cancelled = tasks.iter().enumerate().filter(|(i, task)| i % 10 != 0 && task.cancel()).count();
        assert_eq!((cancelled, pool.stats().queued), (900, 100));
        drop(held);
        pool.wait_idle().unwrap();
        assert!(order.lock().unwrap().iter().copied().eq((0..1000).step_by(10)));
    });
}

#[test]
fn two_shutdowns_both_wait() {
    watched(|| {
        let pool = Pool::new(1);
        let (held, done) = (hold(&pool), Arc::new(AtomicBool::new(false)));
        let shutdown = || {
            let (pool, done) = (pool.clone(), done.clone());
            blocked(move || {
                pool.shutdown().unwrap();
                assert!(done.load(Relaxed), "HB-PL-3");
            })
        };
        let both = [shutdown(), shutdown()];
        until(|| pool.is_closed());
        assert!(!both.iter().any(JoinHandle::is_finished));
        done.store(true, Relaxed);
        drop(held);
        both.into_iter().for_each(|shutdown| shutdown.join().unwrap());
    });
}

#[test]
fn a_shutdown_asks_jobs_to_stop_and_interrupts_a_drain() {
    watched(|| {
        let pool = Pool::new(1);
        let task = gated(&pool, &pool.token());
        let drain = blocked({
            let pool = pool.clone();
            move || pool.drain()
        });
        assert!(!task.is_finished());
        pool.shutdown().unwrap();
        drain.join().unwrap().unwrap();
        task.join().unwrap();
    });
}

#[test]
fn wait_idle_sees_all_that_jobs_did_and_the_pool_goes_on() {
    watched(|| {
        let (pool, ran) = (Pool::new(2), counter());
        for round in 1..50 {
            (0..4).for_each(|_| pool.spawn(counting(&ran)).unwrap().detach());
            pool.wait_idle().unwrap();
            assert_eq!(ran.load(Relaxed), 4 * round);
        }
        let (task, held) = (pool.spawn(|| 7).unwrap(), hold(&pool));
        drop(held);
        assert_eq!(task.join().unwrap(), 7);
    });
}

#[test]
fn close_hands_back_the_jobs_of_those_who_wait() {
    watched(|| {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        let held = hold(&pool);
        let waits = blocked_spawn(&pool, || 7);
        let token = CancellationToken::new();
        let or_cancelled = thread::spawn({
            let (pool, token) = (pool.clone(), token.clone());
            move || pool.spawn_or_cancelled(|| 8, &token)
        });
        until(|| pool.stats().blocked == 2);
        pool.close();
        let (refused, other) = (waits.join().unwrap().unwrap_err(), or_cancelled.join().unwrap().unwrap_err());
        assert!(refused.is_closed() && other.is_closed());
        assert_eq!((refused.into_inner()(), other.into_inner()()), (7, 8));
        drop(held);
    });
}

#[test]
fn a_submission_is_cancelled_by_its_token_and_leaves_its_line() {
    watched(|| {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        let (held, token) = (hold(&pool), CancellationToken::new());
        let waits = thread::spawn({
            let (pool, token) = (pool.clone(), token.clone());
            move || pool.spawn_or_cancelled(|| 7, &token)
        });
        until(|| pool.stats().blocked == 1);
        token.cancel();
        let refused = waits.join().unwrap().unwrap_err();
        assert!(matches!(refused, SpawnError::Cancelled(_)) && refused.into_inner()() == 7);
        assert_eq!(pool.stats().blocked, 0);
        drop(held);
        works(&pool);
        // One that has been cancelled is not tried at all; one that is not does nothing.
        assert!(matches!(pool.spawn_or_cancelled(|| 7, &token), Err(SpawnError::Cancelled(_))));
        assert_eq!(pool.spawn_or_cancelled(|| 7, &CancellationToken::new()).unwrap().join().unwrap(), 7);
    });
}

/// Submitters with limits, tokens and none race for places: each job runs once, or comes back.
#[test]
fn a_submission_is_accepted_or_comes_back() {
    watched(|| {
        let pool = Pool::builder(2).queue(1).build().unwrap();
        let (ran, accepted) = (counter(), counter());
        thread::scope(|scope| {
            for seed in 0..4 {
                let (pool, ran, accepted) = (&pool, &ran, &accepted);
                scope.spawn(move || {
                    let mut rng = Rng::with_seed(seed);
                    for _ in 0..500 {
                        let (job, soon) = (counting(ran), Duration::from_micros(rng.u64(..50)));
                        let submitted = match rng.u8(..5) {
                            0 => pool.spawn(job),
                            1 => pool.try_spawn(job),
                            2 => pool.spawn_timeout(job, soon),
                            3 => pool.spawn_deadline(job, Instant::now() + soon),
                            _ => pool.spawn_or_cancelled(job, &CancellationToken::new().with_timeout(soon)),
                        };
                        let Ok(task) = submitted else { continue };
                        accepted.fetch_add(1, Relaxed);
                        if rng.bool() {
                            task.join().unwrap();
                        } else {
                            task.detach();
                        }
                    }
                });
            }
        });
        pool.wait_idle().unwrap();
        assert_eq!(ran.load(Relaxed), accepted.load(Relaxed));
        assert_eq!((pool.stats().completed, pool.stats().blocked), (ran.load(Relaxed) as u64, 0));
    });
}

// Panics everywhere.

#[test]
fn a_panic_of_a_job_reaches_whoever_joins_it() {
    watched(|| {
        let (builder, seen) = reporting(1);
        let pool = builder.build().unwrap();
        let panics: [fn(); 3] =
            [|| quietly("text"), || quietly("more"), || resume_unwind(Box::new(String::from("own")))];
        for job in panics {
            let error = pool.spawn(job).unwrap().join().unwrap_err();
            assert!(!error.is_cancelled());
            assert_eq!(error.message(), seen.recv().unwrap());
            assert!(error.to_string().starts_with("the job panicked: "));
        }
        let error = pool.spawn(|| -> u8 { resume_unwind(Box::new(7_i32)) }).unwrap().join().unwrap_err();
        assert_eq!((error.message(), error.to_string()), (None, "the job panicked".to_owned()));
        assert_eq!(*error.into_panic().unwrap().downcast::<i32>().unwrap(), 7);
        pool.wait_idle().unwrap();
        assert_eq!(pool.stats().panicked, 4);
        works(&pool);
    });
}

#[test]
fn the_hook_is_told_before_whoever_joins() {
    watched(|| {
        let told = counter();
        let count = counting(&told);
        let pool = Pool::builder(2).on_panic(move |_| _ = count.clone()()).build().unwrap();
        for i in 1..100 {
            pool.spawn(|| quietly("no")).unwrap().join().unwrap_err();
            assert_eq!(told.load(Relaxed), i, "HB-PL-2");
        }
    });
}

#[test]
fn a_hook_that_panics_harms_nobody() {
    watched(|| {
        let pool = Pool::builder(1).on_panic(|_| quietly("the hook")).build().unwrap();
        for _ in 0..3 {
            assert_eq!(pool.spawn(|| quietly("no")).unwrap().join().unwrap_err().message().unwrap(), "no");
        }
        let held = hold(&pool);
        let queued = [bomb("one"), bomb("two")].map(|bomb| pool.spawn(move || drop(bomb)).unwrap());
        assert!(queued[0].cancel());
        assert_eq!(pool.shutdown_timeout(Duration::ZERO), Err(WaitError::TimedOut));
        assert!(queued.into_iter().all(|task| task.join().unwrap_err().is_cancelled()));
        drop(held);
        pool.shutdown().unwrap();
    });
}

#[test]
fn a_closure_whose_destructor_panics_is_cancelled_all_the_same() {
    watched(|| {
        let (builder, seen) = reporting(1);
        let pool = builder.build().unwrap();
        let held = hold(&pool);
        let queued = ["a", "b", "c"].map(|words| {
            let bomb = bomb(words);
            pool.spawn(move || drop(bomb)).unwrap()
        });
        assert!(queued[1].cancel() && seen.recv().unwrap().unwrap() == "b");
        assert_eq!(pool.shutdown_timeout(Duration::ZERO), Err(WaitError::TimedOut));
        assert_eq!([seen.recv().unwrap().unwrap(), seen.recv().unwrap().unwrap()], ["a", "c"]);
        assert!(queued.into_iter().all(|task| task.join().unwrap_err().is_cancelled()));
        drop(held);
        pool.shutdown().unwrap();
        assert_eq!((pool.stats().cancelled, pool.stats().completed), (3, 1));
    });
}

#[test]
fn a_closure_whose_destructor_panics_after_its_run_has_panicked() {
    watched(|| {
        let pool = Pool::new(1);
        let bomb = bomb("late");
        let job = move || {
            let _bomb = bomb;
            7
        };
        assert_eq!(pool.spawn(job).unwrap().join().unwrap_err().message().unwrap(), "late");
        works(&pool);
    });
}

#[test]
fn a_result_whose_destructor_panics_harms_no_worker() {
    watched(|| {
        let (builder, seen) = reporting(1);
        let pool = builder.build().unwrap();
        let held = hold(&pool);
        pool.spawn(|| bomb("result")).unwrap().detach();
        drop(held);
        assert_eq!(seen.recv().unwrap().unwrap(), "result");
        pool.wait_idle().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.panicked, stats.workers), (2, 0, 1)); // the job itself has returned
        works(&pool);
    });
}

#[test]
fn a_state_that_cannot_be_made_is_the_jobs_panic() {
    watched(|| {
        let made = counter();
        let count = counting(&made);
        let make = move || if count.clone()() == 0 { quietly("not yet") } else { 7 };
        let pool = Pool::builder(1).state(make).build().unwrap();
        let get = || pool.spawn(with_state(|state: &mut i32| *state)).unwrap().join();
        assert_eq!(get().unwrap_err().message().unwrap(), "not yet");
        works(&pool); // needs none
        assert_eq!((get().unwrap(), get().unwrap(), made.load(Relaxed)), (7, 7, 2));
    });
}

#[test]
fn a_state_is_made_anew_after_a_panic_and_its_destructor_may_panic() {
    watched(|| {
        let (builder, seen) = reporting(1);
        let made = counter();
        let count = counting(&made);
        let pool = builder.state(move || (count.clone()(), bomb("state"))).build().unwrap();
        let number = || pool.spawn(with_state(|state: &mut (usize, OnDrop)| state.0)).unwrap().join().unwrap();
        assert_eq!((number(), number()), (0, 0));
        let panics = pool.spawn(with_state(|_: &mut (usize, OnDrop)| quietly("job"))).unwrap();
        assert_eq!(panics.join().unwrap_err().message().unwrap(), "job");
        assert_eq!([seen.recv().unwrap().unwrap(), seen.recv().unwrap().unwrap()], ["job", "state"]);
        assert_eq!(number(), 1);
        pool.spawn(|| quietly("without")).unwrap().join().unwrap_err(); // borrows none: it is kept
        assert_eq!((number(), seen.recv().unwrap().unwrap()), (1, "without".into()));
        pool.drain().unwrap();
        assert_eq!((seen.try_recv().unwrap().unwrap(), made.load(Relaxed)), ("state".into(), 2)); // HB-PL-3
    });
}

/// As `WorkerState::get` says, wherever the job runs.
#[test]
fn a_job_that_does_not_borrow_a_state_has_none() {
    struct Liar;
    impl Work<i32> for Liar {
        type Output = i32;
        const BORROWS_STATE: bool = false;
        fn run(self, state: &mut WorkerState<i32>) -> i32 {
            catch_unwind(AssertUnwindSafe(|| *state.get())).map_err(|_| quietly("none")).unwrap()
        }
    }
    watched(|| {
        let pool = Pool::builder(1).state(|| 7).build().unwrap();
        let inner = pool.clone();
        let on_the_spot = pool.spawn(move || inner.spawn(Liar).unwrap().join().is_err()).unwrap();
        assert_eq!((on_the_spot.join().unwrap(), pool.spawn(Liar).unwrap().join().is_err()), (true, true));
    });
}

/// Panics when it is dropped, with another one.
struct Matryoshka(usize);

impl Drop for Matryoshka {
    fn drop(&mut self) {
        if self.0 > 0 {
            resume_unwind(Box::new(Matryoshka(self.0 - 1)));
        }
    }
}

#[test]
fn a_payload_whose_destructor_panics_harms_no_worker() {
    watched(|| {
        let told = counter();
        let count = counting(&told);
        let pool = Pool::builder(1).on_panic(move |_| _ = count.clone()()).build().unwrap();
        for depth in 0..4 {
            let held = hold(&pool);
            pool.spawn(move || resume_unwind(Box::new(Matryoshka(depth)))).unwrap().detach();
            drop(held);
            pool.wait_idle().unwrap();
        }
        assert_eq!(told.load(Relaxed), 4 + 3); // four panics, and three payloads that panic first
        let error = pool.spawn(|| resume_unwind(Box::new(Matryoshka(1)))).unwrap().join().unwrap_err();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(error))).is_err()); // it is ours
        pool.drain().unwrap();
        assert_eq!((pool.stats().panicked, pool.stats().workers), (5, 0));
    });
}

/// A waker that panics when it is used in one way.
fn panicking(on: Use) -> Waker {
    hooked(move |used| {
        if used == on {
            quietly("hostile");
        }
    })
}

#[test]
fn a_tasks_waker_that_panics_harms_nobody() {
    watched(|| {
        let pool = Pool::new(1);
        for on in [Use::Clone, Use::Wake, Use::Drop] {
            let (gate, (wakes, good)) = (CancellationToken::new(), Wakes::new());
            let mut task = gated(&pool, &gate);
            let mut done = [task.done(), task.done()];
            let mut futures = done.each_mut().map(|done| done.recv_async());
            assert!(poll(&mut futures[0], &good).is_pending());
            let bad = std::mem::ManuallyDrop::new(panicking(on));
            let polled = catch_unwind(AssertUnwindSafe(|| poll(&mut task, &bad).is_pending()));
            assert_eq!(polled.is_err(), on == Use::Clone);
            let after = pool.spawn(|| 7).unwrap();
            assert!(poll(&mut futures[1], &good).is_pending());
            gate.cancel();
            assert_eq!(after.join().unwrap(), 7);
            assert!(task.is_finished());
            until(|| wakes.count() == 2); // the others have been woken, too
            task.join().unwrap();
        }
        assert_eq!((pool.stats().panicked, pool.stats().workers), (0, 1));
    });
}

#[test]
fn a_pools_waker_that_panics_harms_nobody() {
    watched(|| {
        let pool = Pool::new(1);
        let (held, (wakes, good)) = (hold(&pool), Wakes::new());
        let mut waits = [pool.wait_idle_async(), pool.wait_idle_async(), pool.wait_idle_async()];
        let bad = panicking(Use::Wake);
        for (wait, waker) in waits.iter_mut().zip([&good, &bad, &good]) {
            assert!(poll(wait, waker).is_pending());
        }
        drop(held);
        until(|| wakes.count() == 2);
        assert!(waits.iter_mut().all(|wait| peek(wait).is_ready()));
        works(&pool);
    });
}

#[test]
fn a_callback_that_panics_harms_no_shutdown() {
    watched(|| {
        let (builder, seen) = reporting(1);
        let pool = builder.build().unwrap();
        pool.token().on_cancel(|| quietly("callback"));
        let (held, queued) = (hold(&pool), pool.spawn(|| 7).unwrap());
        assert_eq!(pool.shutdown_timeout(Duration::ZERO), Err(WaitError::TimedOut));
        assert_eq!(seen.recv().unwrap().unwrap(), "callback");
        assert!(queued.join().unwrap_err().is_cancelled());
        drop(held);
        pool.shutdown().unwrap();
    });
}

#[test]
fn a_panic_of_a_job_that_runs_on_the_spot_is_its_own() {
    watched(|| {
        let (builder, seen) = reporting(1);
        let pool = builder.build().unwrap();
        let inner = pool.clone();
        let job = move || inner.spawn(|| quietly("inner")).unwrap().join().unwrap_err().message();
        assert_eq!(pool.spawn(job).unwrap().join().unwrap().unwrap(), "inner");
        assert_eq!(seen.recv().unwrap().unwrap(), "inner");
        pool.wait_idle().unwrap();
        assert_eq!((pool.stats().completed, pool.stats().panicked), (1, 1));
    });
}

// Futures.

#[test]
fn a_task_is_a_future() {
    watched(|| {
        let (pool, gate) = (Pool::new(2), CancellationToken::new());
        assert_eq!(block_on(pool.spawn(|| 7).unwrap()).unwrap(), 7);
        assert!(block_on(pool.spawn(|| quietly("no")).unwrap()).is_err());
        let ((old, first), (new, last)) = (Wakes::new(), Wakes::new());
        let mut task = gated(&pool, &gate);
        assert!(poll(&mut task, &first).is_pending() && poll(&mut task, &last).is_pending());
        gate.cancel();
        until(|| new.count() == 1);
        assert!(poll(&mut task, &last).is_ready() && old.count() == 0);
        let late = catch_unwind(AssertUnwindSafe(|| peek(&mut task)));
        assert!(late.is_err());
        let sum = async { pool.spawn(|| 1).unwrap().await.unwrap() + pool.spawn(|| 2).unwrap().await.unwrap() };
        assert_eq!(block_on(sum), 3);
    });
}

#[test]
fn a_task_that_has_been_polled_may_be_dropped_or_joined() {
    watched(|| {
        let (pool, gate, (wakes, waker)) = (Pool::new(2), CancellationToken::new(), Wakes::new());
        let (mut dropped, mut joined) = (gated(&pool, &gate), gated(&pool, &gate));
        assert!(poll(&mut dropped, &waker).is_pending() && poll(&mut joined, &waker).is_pending());
        assert_eq!(Arc::strong_count(&wakes), 4);
        drop(dropped);
        assert_eq!(Arc::strong_count(&wakes), 3); // it has left the line
        gate.cancel();
        joined.join().unwrap();
        pool.wait_idle().unwrap(); // the other job was detached, and has run
        assert_eq!(pool.stats().completed, 2);
        assert!(wakes.count() <= 1);
    });
}

#[test]
fn a_pool_can_be_waited_for_as_a_future() {
    watched(|| {
        let pool = Pool::new(1);
        block_on(pool.wait_idle_async());
        let (held, (wakes, waker)) = (hold(&pool), Wakes::new());
        let (mut gone, mut idle) = (pool.wait_idle_async(), pool.wait_idle_async());
        assert!(poll(&mut gone, &waker).is_pending() && poll(&mut idle, &waker).is_pending());
        drop(gone);
        let mut drain = pool.drain_async();
        assert!(!pool.is_closed()); // it closes when it is polled
        assert!(poll(&mut drain, &waker).is_pending() && pool.is_closed());
        drop(held);
        block_on(drain);
        assert!(peek(&mut idle).is_ready());
        assert!(wakes.count() <= 2 && pool.stats().workers == 0);

        let pool = Pool::new(1);
        let (held, queued) = (hold(&pool), pool.spawn(|| 7).unwrap());
        let mut shutdown = pool.shutdown_async();
        assert!(!pool.is_closed() && peek(&mut shutdown).is_pending());
        assert!(queued.join().unwrap_err().is_cancelled() && pool.token().is_cancelled());
        drop(held);
        block_on(shutdown);
        block_on(pool.shutdown_async());
        assert_eq!(pool.stats().workers, 0);
    });
}

#[test]
fn the_end_of_a_task_is_an_operation_of_a_select() {
    watched(|| {
        let (pool, gates) = (Pool::new(2), [(); 2].map(|()| CancellationToken::new()));
        let [one, other] = [&gates[0], &gates[1]].map(|gate| gated(&pool, gate));
        assert!(select! { recv(one.done()) -> _ => false, recv(other.done()) -> _ => false, default => true });
        let done = other.done();
        gates[1].cancel();
        let which =
            select! { recv(one.done()) -> _ => 1, recv(other.done()) -> end => { assert_eq!(end, Err(RecvError)); 2 } };
        assert_eq!(which, 2);
        other.join().unwrap();
        assert_eq!(done.recv(), Err(RecvError)); // a handle of its own
        let done = one.done();
        one.detach();
        assert!(!done.close() && done.is_empty());
        gates[0].cancel();
        assert_eq!(block_on(done.recv_async()), Err(RecvError));
        let held = [hold(&pool), hold(&pool)];
        let cancelled = pool.spawn(|| ()).unwrap();
        let done = cancelled.done();
        assert!(cancelled.cancel());
        assert_eq!(done.recv(), Err(RecvError));
        drop(held);
    });
}

#[test]
fn a_join_that_gives_up_hands_the_task_back() {
    watched(|| {
        let (pool, gate) = (Pool::new(1), CancellationToken::new());
        let mut task = gated(&pool, &gate);
        for _ in 0..20 {
            task = task.join_timeout(Duration::from_micros(100)).unwrap_err();
            task = task.join_deadline(Instant::now()).unwrap_err();
        }
        gate.cancel();
        let mut task = task.join_timeout(Duration::MAX);
        if let Err(early) = task {
            task = early.join_timeout(LONG);
        }
        task.unwrap().unwrap();
    });
}

// Threads that cannot be started.

/// A pool for which the operating system starts no thread.
fn without_threads(workers: usize) -> Pool {
    Pool::builder(workers).stack_size(usize::MAX / 2).build().unwrap()
}

#[test]
fn where_no_thread_can_be_started_the_job_comes_back() {
    watched(|| {
        let pool = without_threads(2);
        for _ in 0..3 {
            let refused = pool.spawn(|| 7).unwrap_err();
            assert!(matches!(refused, SpawnError::NoThread(..)) && std::error::Error::source(&refused).is_some());
            assert_eq!(refused.into_inner()(), 7);
            assert!(matches!(pool.try_spawn(|| 7), Err(SpawnError::NoThread(..))));
        }
        let stats = pool.stats();
        assert_eq!((stats.workers, stats.running, stats.queued, stats.completed, stats.cancelled), (0, 0, 0, 0, 0));
        pool.wait_idle().unwrap();
        pool.resize(3).unwrap();
        let refused = pool.scope::<(), (), _>(|scope| {
            assert!(matches!(scope.spawn(|| Ok(())), Err(SpawnError::NoThread(..))));
        });
        assert!(refused.unwrap().is_empty());
        pool.drain().unwrap();
    });
}

/// A refused job ends, as far as they who wait for the pool are concerned (LV-PL-3).
#[test]
fn whoever_waits_for_a_pool_without_threads_returns() {
    watched(|| {
        let waits: [fn(&Pool); 2] = [|pool| pool.wait_idle().unwrap(), |pool| block_on(pool.wait_idle_async())];
        for wait in waits {
            let (pool, over) = (without_threads(1), AtomicBool::new(false));
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !over.load(Relaxed) {
                        wait(&pool);
                    }
                });
                (0..20_000).for_each(|_| assert!(pool.spawn(|| 7).is_err()));
                over.store(true, Relaxed);
            });
        }
    });
}

#[test]
fn a_drain_of_a_pool_without_threads_returns() {
    watched(|| {
        for _ in 0..2000 {
            let (pool, start) = (without_threads(1), Barrier::new(2));
            thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    assert!(pool.spawn(|| 7).is_err());
                });
                start.wait();
                pool.drain().unwrap();
            });
        }
    });
}

/// Of two submissions that ask for a thread at the same time one is accepted, if it is refused before the other: a
/// thread might still come. If none does, a shutdown ends it.
#[test]
fn a_shutdown_ends_what_waits_for_a_thread_that_never_comes() {
    watched(|| {
        for _ in 0..500 {
            let (pool, start) = (without_threads(2), Barrier::new(2));
            let spawn = || {
                start.wait();
                pool.spawn(|| 7)
            };
            let submitted = thread::scope(|scope| {
                let other = scope.spawn(spawn);
                [spawn(), other.join().unwrap()]
            });
            pool.shutdown().unwrap();
            for submitted in submitted {
                match submitted {
                    Ok(task) => assert!(task.join().unwrap_err().is_cancelled()),
                    Err(refused) => assert!(matches!(refused, SpawnError::NoThread(..))),
                }
            }
        }
    });
}

/// std panics at a name with a null byte. Wherever that comes out, a job of a scope must be gone with its scope.
#[test]
fn a_name_that_no_thread_can_have_harms_no_scope() {
    watched(|| {
        let named = catch_unwind(|| Pool::builder(1).name("null\0byte").build().unwrap());
        let Ok(pool) = named else { return };
        std::mem::forget(pool.clone()); // if it is broken, its drop would wait for ever
        let dropped = counter();
        let (count, owner) = (counting(&dropped), pool.clone());
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let owned = OnDrop::new(move || _ = count.clone()());
            owner.scope::<(), (), _>(|scope| {
                let job = move || {
                    let _owned = &owned;
                    Ok(())
                };
                let _ = scope.spawn(job);
            })
        }));
        assert_eq!(dropped.load(Relaxed), 1, "SF-PL-7: the scope is over, and its job is still there");
    });
}

// Scopes.

#[test]
fn a_scope_borrows_from_the_stack_and_keeps_order() {
    watched(|| {
        let (pool, text) = (Pool::new(2), String::from("some words of different lengths"));
        let mut numbers = [0; 10];
        let lengths = pool.scope::<_, (), _>(|scope| {
            for word in text.split(' ') {
                scope.spawn(|| Ok(word.len())).unwrap();
            }
            for (i, number) in numbers.iter_mut().enumerate() {
                let job = move || {
                    *number = i;
                    Ok(i)
                };
                scope.spawn(job).unwrap();
            }
        });
        assert!(lengths.unwrap().into_iter().eq([4, 5, 2, 9, 7].into_iter().chain(0..10)));
        assert!(numbers.into_iter().eq(0..10));
        assert!(pool.scope::<(), (), _>(|_| ()).unwrap().is_empty());
    });
}

#[test]
fn the_results_of_a_scope_may_borrow() {
    watched(|| {
        let (pool, text) = (Pool::new(2), String::from("a b c"));
        let words = pool.scope::<&str, &str, _>(|scope| {
            for word in text.split(' ') {
                scope.spawn(move || if word == "d" { Err(word) } else { Ok(word) }).unwrap();
            }
        });
        assert_eq!(words.unwrap().concat(), "abc");
        let failed = pool.scope::<(), &str, _>(|scope| scope.spawn(|| Err(&text[2..3])).unwrap());
        assert!(matches!(failed, Err(ScopeError::Failed("b"))));
    });
}

#[test]
fn a_scopes_error_is_the_first_and_none_that_it_caused() {
    watched(|| {
        let pool = Pool::new(4);
        for _ in 0..200 {
            let failed = pool.scope::<(), _, _>(|scope| {
                let follow_up = || {
                    scope.token().wait();
                    Err("a follow-up")
                };
                (0..3).for_each(|_| scope.spawn(follow_up).unwrap());
                scope.spawn(|| Err("the first")).unwrap();
            });
            assert!(matches!(failed, Err(ScopeError::Failed("the first"))), "{failed:?}");
        }
    });
}

/// The same of panics, whichever was spawned first.
#[test]
fn a_scopes_panic_is_the_first_and_none_that_it_caused() {
    watched(|| {
        let pool = Pool::new(4);
        for _ in 0..200 {
            let failed = pool.scope::<(), (), _>(|scope| {
                let follow_up = || {
                    scope.token().wait();
                    quietly("a follow-up")
                };
                (0..3).for_each(|_| scope.spawn(follow_up).unwrap());
                scope.spawn(|| quietly("the first")).unwrap();
            });
            let Err(ScopeError::Panicked(payload)) = failed else { panic!("{failed:?}") };
            assert_eq!(payload.message().unwrap(), "the first");
        }
    });
}

/// What the scope does not return is dropped, and may panic in that, only when no job borrows any more.
#[test]
fn payloads_that_panic_when_dropped_do_not_end_a_scope_early() {
    for error in [false, true] {
        watched(move || {
            let (pool, gate) = (Pool::new(4), CancellationToken::new());
            let (ended, bombs) = (AtomicBool::new(false), AtomicUsize::new(0));
            let scoped = pool.scope::<(), (), _>(|scope| {
                scope
                    .spawn(|| {
                        gate.wait();
                        thread::sleep(Duration::from_millis(20)); // a scope that did not wait would be over by now
                        ended.store(true, SeqCst);
                        Ok(())
                    })
                    .unwrap();
                if error {
                    scope.spawn(|| Err(())).unwrap();
                }
                for _ in 0..3 {
                    let bomb = || {
                        if bombs.fetch_add(1, SeqCst) == 2 {
                            gate.cancel();
                        }
                        while bombs.load(SeqCst) < 3 {
                            thread::yield_now();
                        }
                        resume_unwind(Box::new(Matryoshka(1)))
                    };
                    // Begun at once, before a failure could cancel it.
                    let begun = bombs.load(SeqCst);
                    scope.spawn(bomb).unwrap();
                    until(|| error || bombs.load(SeqCst) > begun);
                }
                if error {
                    gate.cancel();
                    bombs.store(3, SeqCst);
                }
            });
            assert!(ended.load(SeqCst));
            match scoped {
                Err(ScopeError::Panicked(payload)) => {
                    assert!(catch_unwind(AssertUnwindSafe(|| drop(payload))).is_err())
                }
                Err(ScopeError::Failed(())) => assert!(error),
                other => panic!("{other:?}"),
            }
        });
    }
}

/// A bounded scope gives the permit of the job that it is in away only where it has to wait for a place.
#[test]
fn a_bounded_scope_with_a_place_does_not_wait_for_a_permit() {
    watched(|| {
        let (pool, ran) = (Pool::new(1), Arc::new(AtomicBool::new(false)));
        let (inner, seen, held) = (pool.clone(), ran.clone(), hold(&pool));
        let scopes = pool.spawn(move || {
            let spawned = inner.scope_bounded::<_, (), _>(2, |scope| {
                scope.spawn(|| Ok(())).unwrap();
                assert!(!seen.load(SeqCst), "another job ran meanwhile");
            });
            assert!(spawned.is_ok());
        });
        pool.execute(move || ran.store(true, SeqCst)).unwrap();
        drop(held);
        scopes.unwrap().join().unwrap();
    });
}

#[test]
fn an_error_cancels_the_rest_of_its_scope() {
    watched(|| {
        let (pool, ran) = (Pool::new(1), counter());
        let failed = pool.scope::<usize, _, _>(|scope| {
            let held = hold(&pool);
            scope.spawn(|| Err("first")).unwrap();
            for _ in 0..10 {
                let job = counting(&ran);
                scope.spawn(move || Ok(job())).unwrap();
            }
            scope.spawn(|| Err("second")).unwrap();
            drop(held);
        });
        assert!(matches!(failed, Err(ScopeError::Failed("first"))));
        assert_eq!(ran.load(Relaxed), 0, "SF-PL-7");
        works(&pool);
    });
}

#[test]
fn a_panic_cancels_the_rest_of_its_scope() {
    watched(|| {
        let (pool, ran) = (Pool::new(1), counter());
        let failed = pool.scope::<usize, (), _>(|scope| {
            let held = hold(&pool);
            scope.spawn(|| quietly("boom")).unwrap();
            let job = counting(&ran);
            scope.spawn(move || Ok(job())).unwrap();
            drop(held);
        });
        let Err(ScopeError::Panicked(payload)) = failed else { panic!("{failed:?}") };
        assert_eq!((payload.message().unwrap(), ran.load(Relaxed)), ("boom".into(), 0));
        works(&pool);
    });
}

#[test]
fn the_first_failure_of_a_scope_counts() {
    watched(|| {
        let pool = Pool::new(2);
        let failed = pool.scope::<(), &str, _>(|scope| {
            scope.spawn(|| Err("first")).unwrap();
            let late = || {
                scope.token().wait();
                quietly("late")
            };
            scope.spawn(late).unwrap();
        });
        assert!(matches!(failed, Err(ScopeError::Failed("first"))), "{failed:?}");
        let failed = pool.scope::<(), &str, _>(|scope| {
            scope.spawn(|| quietly("first")).unwrap();
            let late = || {
                scope.token().wait();
                Err("late")
            };
            scope.spawn(late).unwrap();
        });
        assert!(
            matches!(&failed, Err(ScopeError::Panicked(first)) if first.message().unwrap() == "first"),
            "{failed:?}"
        );
    });
}

#[test]
fn a_panic_in_the_function_of_a_scope_waits_for_its_jobs() {
    watched(|| {
        let (pool, ended, ran) = (Pool::new(1), counter(), counter());
        let gate = CancellationToken::new();
        let scope = || {
            pool.scope::<usize, (), _>(|scope| {
                let (end, gate) = (counting(&ended), &gate);
                let waits = move || {
                    gate.wait();
                    Ok(end())
                };
                scope.spawn(waits).unwrap();
                until(|| pool.stats().running == 1);
                let never = counting(&ran);
                scope.spawn(move || Ok(never())).unwrap();
                let opens = gate.clone();
                thread::spawn(move || {
                    thread::sleep(SHORT);
                    opens.cancel();
                });
                quietly("on the way");
            })
        };
        let panic = catch_unwind(AssertUnwindSafe(scope)).unwrap_err();
        assert_eq!((*panic.downcast::<&str>().unwrap(), ended.load(Relaxed), ran.load(Relaxed)), ("on the way", 1, 0));
        works(&pool);
    });
}

fn grow<'scope>(scope: &'scope Scope<'scope, '_, (), ()>, leaves: &'scope AtomicUsize, depth: usize) {
    if depth == 0 {
        leaves.fetch_add(1, Relaxed);
        return;
    }
    for _ in 0..2 {
        let job = move || {
            grow(scope, leaves, depth - 1);
            Ok(())
        };
        scope.spawn(job).unwrap();
    }
}

#[test]
fn jobs_of_a_scope_may_spawn_more_of_them() {
    watched(|| {
        for (workers, queue) in [(1, usize::MAX), (2, usize::MAX), (1, 0), (2, 1)] {
            let (pool, leaves) = (Pool::builder(workers).queue(queue).build().unwrap(), AtomicUsize::new(0));
            let done = pool.scope::<(), (), _>(|scope| grow(scope, &leaves, 6));
            assert_eq!((done.unwrap().len(), leaves.load(Relaxed)), ((2 << 6) - 2, 1 << 6));
        }
    });
}

fn sum(pool: &Pool, numbers: &[u64]) -> u64 {
    if numbers.len() == 1 {
        return numbers[0];
    }
    let (left, right) = numbers.split_at(numbers.len() / 2);
    let halves = pool.scope::<_, (), _>(|scope| {
        scope.spawn(|| Ok(sum(pool, left))).unwrap();
        scope.spawn(|| Ok(sum(pool, right))).unwrap();
    });
    halves.unwrap().into_iter().sum()
}

#[test]
fn a_scope_in_a_job_needs_no_other_worker() {
    watched(|| {
        let numbers: Vec<u64> = (0..256).collect();
        for workers in [1, 2] {
            let (pool, numbers) = (Pool::new(workers), numbers.clone());
            let inner = pool.clone();
            assert_eq!(pool.spawn(move || sum(&inner, &numbers)).unwrap().join().unwrap(), 255 * 128);
        }
    });
}

#[test]
fn a_bounded_scope_never_exceeds_its_bound() {
    watched(|| {
        for (workers, limit) in [(4, 1), (4, 3), (1, 2)] {
            let (pool, now, most) = (Pool::new(workers), AtomicUsize::new(0), AtomicUsize::new(0));
            let job = || {
                most.fetch_max(now.fetch_add(1, Relaxed) + 1, Relaxed);
                thread::yield_now();
                now.fetch_sub(1, Relaxed);
                Ok::<_, ()>(())
            };
            let spawn = |pool: &Pool| {
                let done = pool.scope_bounded(limit, |scope| (0..30).for_each(|_| scope.spawn(job).unwrap()));
                assert_eq!(done.unwrap().len(), 30);
            };
            spawn(&pool);
            assert!(most.load(Relaxed) <= limit);
            let inside = || {
                spawn(&pool);
                Ok(())
            };
            pool.scope::<(), (), _>(|scope| scope.spawn(inside).unwrap()).unwrap();
            assert!(most.load(Relaxed) <= limit);
        }
        assert!(catch_unwind(|| Pool::new(1).scope_bounded::<(), (), _>(0, |_| ())).is_err());
    });
}

#[test]
fn a_bounded_scope_gives_places_back_whatever_happens_to_its_jobs() {
    watched(|| {
        let pool = Pool::new(1);
        let failed = pool.scope_bounded::<(), _, _>(1, |scope| {
            scope.spawn(|| Err("no")).unwrap();
            (0..10).for_each(|_| scope.spawn(|| Ok(())).unwrap()); // not started, and gone
        });
        assert!(matches!(failed, Err(ScopeError::Failed("no"))));
        let failed = pool.scope_bounded::<(), (), _>(1, |scope| {
            scope.spawn(|| quietly("no")).unwrap();
            (0..10).for_each(|_| scope.spawn(|| Ok(())).unwrap());
        });
        assert!(matches!(failed, Err(ScopeError::Panicked(_))));
        pool.close();
        let refused = pool.scope_bounded::<i32, (), _>(1, |scope| {
            for _ in 0..3 {
                let refused = scope.spawn(|| Ok(7)).unwrap_err();
                assert!(refused.is_closed() && refused.into_inner()() == Ok(7));
            }
        });
        assert!(refused.unwrap().is_empty());
    });
}

#[test]
fn a_shutdown_cancels_a_scope() {
    watched(|| {
        let (pool, ran) = (Pool::new(1), counter());
        let cancelled = pool.scope::<(), (), _>(|scope| {
            let token = scope.token();
            let waits = move || {
                token.wait();
                Ok(())
            };
            scope.spawn(waits).unwrap();
            until(|| pool.stats().running == 1);
            let job = counting(&ran);
            scope.spawn(move || Ok(_ = job())).unwrap();
            pool.shutdown().unwrap(); // asks the job that runs to stop
            assert!(scope.token().is_cancelled());
            assert!(scope.spawn(|| Ok(())).unwrap_err().is_closed());
        });
        assert!(matches!(cancelled, Err(ScopeError::Cancelled)), "{cancelled:?}");
        assert_eq!(ran.load(Relaxed), 0);
    });
}

/// What a job of a scope owns and returns is gone when the scope is over, whatever ends it: here under shutdowns,
/// errors and panics at about the same moment.
#[test]
fn nothing_of_a_scope_outlives_it() {
    watched(|| {
        let mut rng = Rng::with_seed(1);
        for _ in 0..300 {
            let (pool, alive) = (Pool::new(rng.usize(1..4)), AtomicUsize::new(0));
            let held = || {
                struct Held<'a>(&'a AtomicUsize);
                impl Drop for Held<'_> {
                    fn drop(&mut self) {
                        self.0.fetch_sub(1, Relaxed);
                    }
                }
                alive.fetch_add(1, Relaxed);
                Held(&alive)
            };
            let (what, when, pause) = (rng.u8(..4), rng.usize(..10), Duration::from_micros(rng.u64(..50)));
            let ender = pool.clone();
            let shutdown = thread::spawn(move || {
                thread::sleep(pause);
                if what == 0 {
                    ender.shutdown().unwrap();
                }
            });
            let ended = catch_unwind(AssertUnwindSafe(|| {
                pool.scope(|scope| {
                    for i in 0..10 {
                        let (owned, result, error) = (held(), held(), held());
                        let job = move || {
                            let _owned = owned;
                            match what {
                                1 if i == when => Err(error),
                                2 if i == when => quietly("job"),
                                _ => Ok(result),
                            }
                        };
                        drop(scope.spawn(job));
                        if what == 3 && i == when {
                            quietly("function");
                        }
                    }
                })
                .is_ok()
            }));
            assert_eq!(alive.load(Relaxed), 0, "SF-PL-7");
            assert_eq!(ended.is_err(), what == 3);
            shutdown.join().unwrap();
        }
    });
}

// The bugs of other pools, by name: see PEERS.

#[test]
fn p1_resize_while_a_submit_blocks() {
    watched(|| {
        for round in 0..200 {
            let pool = Pool::builder(1).queue(0).build().unwrap();
            let held = hold(&pool);
            let waits = blocked_spawn(&pool, || 7);
            if round % 2 == 0 {
                until(|| pool.stats().blocked == 1);
            }
            pool.resize(2).unwrap();
            assert_eq!(waits.join().unwrap().unwrap().join().unwrap(), 7);
            drop(held);
        }
    });
}

#[test]
fn p2_last_worker_panics_while_a_submit_blocks() {
    watched(|| {
        for round in 0..200 {
            let (pool, gate) = (Pool::builder(1).queue(0).build().unwrap(), CancellationToken::new());
            let wait = gate.clone();
            let panics = move || -> () {
                wait.wait();
                quietly("the last worker");
            };
            pool.spawn(panics).unwrap().detach();
            let waits = blocked_spawn(&pool, || 7);
            if round % 2 == 0 {
                until(|| pool.stats().blocked == 1);
            }
            gate.cancel();
            assert_eq!(waits.join().unwrap().unwrap().join().unwrap(), 7);
        }
    });
}

#[test]
fn p3_shutdown_waits_for_the_panic_handler() {
    watched(|| {
        let (gate, (tell, told), handled) = (CancellationToken::new(), mpsc::channel(), counter());
        let (wait, count) = (gate.clone(), counting(&handled));
        let hook = move |_: &_| {
            tell.send(()).unwrap();
            wait.wait();
            count.clone()();
        };
        let pool = Pool::builder(1).on_panic(hook).build().unwrap();
        pool.spawn(|| quietly("no")).unwrap().detach();
        told.recv().unwrap();
        assert_eq!(pool.shutdown_timeout(SHORT), Err(WaitError::TimedOut));
        assert_eq!(pool.wait_idle_timeout(SHORT), Err(WaitError::TimedOut));
        gate.cancel();
        pool.shutdown().unwrap();
        assert_eq!(handled.load(Relaxed), 1);
    });
}

#[test]
fn p4_no_job_is_a_sentinel() {
    fn plain() {}
    struct Nothing;
    impl Work<()> for Nothing {
        type Output = Option<()>;
        const BORROWS_STATE: bool = false;
        fn run(self, _state: &mut WorkerState<()>) -> Option<()> {
            None
        }
    }
    watched(|| {
        let pool = Pool::new(1);
        for _ in 0..3 {
            pool.spawn(|| ()).unwrap().join().unwrap();
            pool.spawn(plain).unwrap().join().unwrap();
            pool.spawn(plain as fn()).unwrap().join().unwrap();
            assert_eq!(pool.spawn(|| None::<u8>).unwrap().join().unwrap(), None);
            assert_eq!(pool.spawn(Nothing).unwrap().join().unwrap(), None);
            let boxed: Box<dyn FnOnce() -> u8 + Send> = Box::new(|| 7);
            assert_eq!(pool.spawn(boxed).unwrap().join().unwrap(), 7);
            assert!(pool.spawn(|| Err::<(), _>("value")).unwrap().join().unwrap().is_err());
        }
        pool.wait_idle().unwrap();
        assert_eq!((pool.stats().workers, pool.stats().completed), (1, 21));
    });
}

#[test]
fn p5_observers_change_nothing() {
    watched(|| {
        let pool = Pool::new(1);
        let (held, task) = (hold(&pool), pool.spawn(|| ()).unwrap());
        for _ in 0..10 {
            assert!(!task.is_finished() && !pool.is_closed() && task.done().is_empty());
            assert_eq!(pool.stats(), pool.stats());
        }
        assert!(task.cancel());
        assert!(task.join().unwrap_err().is_cancelled()); // and does not hang
        drop(held);
    });
}

#[test]
fn p6_cancel_races_the_start_and_one_of_them_wins() {
    watched(|| {
        let (pool, mut rng, mut wins) = (Pool::new(1), Rng::with_seed(1), [0; 2]);
        for _ in 0..3000 {
            let ran = counter();
            let task = pool.spawn(counting(&ran)).unwrap();
            (0..rng.u32(..60)).for_each(|_| std::hint::spin_loop());
            let cancelled = task.cancel();
            assert_eq!(task.join().is_err(), cancelled);
            assert_eq!(ran.load(Relaxed), usize::from(!cancelled), "SF-PL-3");
            wins[usize::from(cancelled)] += 1;
        }
        pool.wait_idle().unwrap();
        assert_eq!([pool.stats().completed, pool.stats().cancelled], wins);
    });
}

#[test]
fn p7_one_of_two_cancels_wins_and_a_panic_after_one_is_a_panic() {
    watched(|| {
        let pool = Pool::new(1);
        for _ in 0..300 {
            let (task, start) = (pool.spawn(|| quietly("begun")).unwrap(), Barrier::new(2));
            let cancel = || {
                start.wait();
                task.cancel()
            };
            let won = thread::scope(|scope| {
                let other = scope.spawn(cancel);
                [cancel(), other.join().unwrap()]
            });
            assert_ne!(won, [true; 2]);
            let error: TaskError = task.join().unwrap_err();
            assert_eq!(error.is_cancelled(), won != [false; 2]);
            assert_eq!(error.message().is_some(), won == [false; 2]);
        }
        works(&pool);
    });
}

#[test]
fn p8_cancel_from_inside_a_job() {
    watched(|| {
        let pool = Pool::builder(1).queue(10).build().unwrap();
        let (held, (tasks, queued)) = (hold(&pool), mpsc::channel::<Task<()>>());
        let cancels = pool.spawn(move || queued.iter().filter(Task::cancel).count()).unwrap();
        (0..9).for_each(|_| tasks.send(pool.spawn(|| unreachable!()).unwrap()).unwrap());
        drop((tasks, held));
        assert_eq!(cancels.join().unwrap(), 9);
        pool.wait_idle().unwrap();
        assert_eq!(pool.stats().cancelled, 9);
    });
}

#[test]
fn p9_nothing_kills_the_process() {
    watched(|| {
        let pool = Pool::new(1);
        pool.spawn(|| quietly("no")).unwrap().join().unwrap_err();
        assert!(pool.close() && !pool.close());
        assert_eq!(pool.spawn(|| 7).unwrap_err().into_inner()(), 7);
        assert_eq!((pool.resize(3), pool.resize(1)), (Ok(1), Ok(3)));
        pool.drain().unwrap();
        pool.shutdown().unwrap();
        assert_eq!((pool.resize(3), pool.close()), (Ok(1), false));
        assert!(pool.try_spawn(|| 7).unwrap_err().is_closed());
        pool.wait_idle().unwrap();
        pool.drain().unwrap();
    });
}

#[test]
fn p10_shrink_then_grow_exceeds_no_limit() {
    watched(|| {
        let (pool, now, most) = (Pool::new(4), counter(), counter());
        let submit = || {
            let (now, most) = (now.clone(), most.clone());
            let job = move || {
                most.fetch_max(now.fetch_add(1, Relaxed) + 1, Relaxed);
                thread::yield_now();
                now.fetch_sub(1, Relaxed);
            };
            pool.spawn(job).unwrap().detach();
        };
        for round in 0..200 {
            (0..10).for_each(|_| submit());
            pool.resize(1).unwrap();
            (0..round % 3).for_each(|_| thread::yield_now());
            pool.resize(4).unwrap();
        }
        pool.wait_idle().unwrap();
        assert!(most.load(Relaxed) <= 4, "{} at once", most.load(Relaxed));
        assert!(pool.stats().workers <= 4);
    });
}

#[test]
fn p11_nested_submit_on_a_full_pool() {
    watched(|| {
        let pool = Pool::builder(2).queue(1).build().unwrap();
        let submit = |i| {
            let inner = pool.clone();
            pool.spawn(move || inner.spawn(move || i).unwrap().join().unwrap()).unwrap()
        };
        let tasks: Vec<_> = (0..100).map(submit).collect();
        assert!(tasks.into_iter().map(|task| task.join().unwrap()).eq(0..100));
    });
}

#[test]
fn p12_shutdown_frees_submitters_and_leaves_no_thread() {
    watched(|| {
        for round in 0..100 {
            let pool = Pool::builder(2).queue(0).name("p12").build().unwrap();
            let held = [hold(&pool), hold(&pool)];
            let waits = [7, 8].map(|i| blocked_spawn(&pool, move || i));
            if round % 2 == 0 {
                until(|| pool.stats().blocked == 2);
            }
            assert_eq!(pool.shutdown_timeout(Duration::ZERO), Err(WaitError::TimedOut));
            waits.into_iter().for_each(|waits| assert!(waits.join().unwrap().unwrap_err().is_closed()));
            drop(held);
            pool.shutdown().unwrap();
            assert_eq!(pool.stats().workers, 0);
        }
        // The last word of a worker is said a little before the operating system is done with its thread.
        until(|| threads("p12").is_empty());
    });
}

#[test]
fn p12_a_submission_races_a_shutdown() {
    watched(|| {
        for _ in 0..500 {
            let (pool, start) = (Pool::new(2), Barrier::new(2));
            pool.spawn(|| ()).unwrap().join().unwrap(); // an idle worker, or one that is about to be
            thread::scope(|scope| {
                let submits = scope.spawn(|| {
                    start.wait();
                    pool.spawn(|| 7).map(Task::join)
                });
                start.wait();
                pool.shutdown().unwrap();
                match submits.join().unwrap() {
                    Ok(joined) => assert!(joined.map_or_else(|error| error.is_cancelled(), |value| value == 7)),
                    Err(refused) => assert!(refused.is_closed()),
                }
            });
            let stats = pool.stats();
            assert_eq!((stats.workers, stats.running, stats.idle, stats.queued), (0, 0, 0, 0));
        }
    });
}

#[test]
fn p13_an_interrupt_reaches_its_own_job_only() {
    watched(|| {
        let pool = Pool::new(1);
        for _ in 0..50 {
            let token = pool.token().child_token();
            let (one, next) = (gated(&pool, &token), pool.token().child_token());
            let other = pool.spawn(move || next.is_cancelled()).unwrap();
            token.cancel();
            one.join().unwrap();
            assert!(!other.join().unwrap());
        }
    });
}

// Where and when.

#[test]
fn jobs_run_on_threads_of_their_own() {
    watched(|| {
        let (pool, start) = (Pool::new(3), Arc::new(Barrier::new(3)));
        let job = || {
            let start = start.clone();
            pool.spawn(move || {
                start.wait();
                thread::current().id()
            })
        };
        let workers: HashSet<_> = [job(), job(), job()].map(|task| task.unwrap().join().unwrap()).into();
        assert!(workers.len() == 3 && !workers.contains(&thread::current().id()));
    });
}

#[test]
fn everything_before_a_submission_happens_before_its_job() {
    watched(|| {
        let pool = Pool::new(2);
        let text = Arc::new(Mutex::new(String::new()));
        for i in 0..200 {
            let seen = text.clone();
            text.lock().unwrap().push('a');
            assert_eq!(pool.spawn(move || seen.lock().unwrap().len()).unwrap().join().unwrap(), i + 1);
        }
    });
}

/// A thread's local variables may hold pools and tasks, and are dropped when those of the pool are gone.
#[test]
fn a_pool_in_a_thread_local_variable_is_dropped_with_it() {
    const CHILD: &str = "HENCE_POOL_IN_A_THREAD_LOCAL";
    thread_local! {
        static LOCAL: RefCell<Option<(Pool, Task<u8>)>> = const { RefCell::new(None) };
    }
    if std::env::var_os(CHILD).is_some() {
        let ends = || {
            let pool = Pool::new(1);
            LOCAL.set(Some((pool.clone(), pool.spawn(|| 7).unwrap()))); // first, so that it is dropped last
            blocking(|| ()); // looks whether a job of a pool runs here
        };
        thread::spawn(ends).join().unwrap();
        return;
    }
    let name = "a_pool_in_a_thread_local_variable_is_dropped_with_it";
    let child = Command::new(std::env::current_exe().unwrap()).args(["--exact", name]).env(CHILD, "").output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
}

/// Whatever a job panics with can be carried on.
#[test]
fn a_panic_can_be_carried_on() {
    watched(|| {
        let pool = Pool::new(1);
        let error = |job: fn()| pool.spawn(job).unwrap().join().unwrap_err();
        let carry = || resume_unwind(error(|| quietly("carried")).into_panic().unwrap());
        let carried: Box<dyn Any + Send> = catch_unwind(AssertUnwindSafe(carry)).unwrap_err();
        assert_eq!(*carried.downcast::<&str>().unwrap(), "carried");
        let TaskError::Panicked(payload) = error(|| panic_any(7)) else { unreachable!() };
        assert_eq!(*payload.into_inner().downcast::<i32>().unwrap(), 7);
    });
}

// What is said.

#[test]
fn what_the_errors_say() {
    struct Plain(u8);
    let errors = || {
        [
            SpawnError::Closed(Plain(1)),
            SpawnError::Full(Plain(2)),
            SpawnError::TimedOut(Plain(3)),
            SpawnError::Cancelled(Plain(4)),
            SpawnError::NoThread(Plain(5), std::io::Error::from(std::io::ErrorKind::WouldBlock)),
        ]
    };
    assert_eq!(
        errors().map(|error| error.to_string()),
        [
            "the pool is closed",
            "the pool's queue is full",
            "timed out waiting for a place in the pool's queue",
            "cancelled waiting for a place in the pool's queue",
            "no thread could be started for the pool",
        ]
    );
    assert_eq!(
        errors().map(|error| format!("{error:?}")),
        ["Closed(..)", "Full(..)", "TimedOut(..)", "Cancelled(..)", "NoThread(.., Kind(WouldBlock))"]
    );
    assert_eq!(
        errors().map(|error| (error.is_closed(), error.is_full())).map(|(a, b)| u8::from(a) + 2 * u8::from(b)),
        [1, 2, 0, 0, 0]
    );
    assert_eq!(errors().map(|error| std::error::Error::source(&error).is_some()), [false, false, false, false, true]);
    assert_eq!(errors().map(|error| error.into_inner().0), [1, 2, 3, 4, 5]);

    assert_eq!(WaitError::TimedOut.to_string(), "timed out waiting for the pool");
    assert_eq!(WaitError::WouldDeadlock.to_string(), "a job cannot wait for its own pool");
    assert_eq!(Pool::builder(0).build().unwrap_err().to_string(), "a pool needs at least one worker");

    let panicked = |pool: &Pool| pool.spawn(|| quietly("no number")).unwrap().join().unwrap_err();
    let pool = Pool::new(1);
    assert_eq!(panicked(&pool).to_string(), "the job panicked: no number");
    assert_eq!(pool.spawn(|| resume_unwind(Box::new(7))).unwrap().join().unwrap_err().to_string(), "the job panicked");
    assert_eq!(
        (TaskError::Cancelled.to_string().as_str(), TaskError::Cancelled.message()),
        ("the job was cancelled", None)
    );
    assert_eq!(format!("{:?}", panicked(&pool)), r#"Panicked(Payload(Some("no number")))"#);

    let scope = |job: fn() -> Result<(), &'static str>| {
        pool.scope::<(), _, _>(|scope| scope.spawn(job).unwrap()).unwrap_err().to_string()
    };
    assert_eq!(scope(|| Err("no")), "no");
    assert_eq!(scope(|| quietly("no number")), "a job panicked: no number");
    assert_eq!(scope(|| resume_unwind(Box::new(7))), "a job panicked");
    assert_eq!(ScopeError::<&str>::Cancelled.to_string(), "the pool was shut down");
}

#[test]
fn all_of_it_can_be_printed() {
    let pool = Pool::builder(1).name("printed").state(|| 7).build().unwrap();
    let builder = format!("{:?}", Pool::builder(3).queue(5));
    assert!(builder.starts_with("Builder {") && builder.contains("capacity: 5"), "{builder}");
    assert_eq!(format!("{:?}", with_state(|_: &mut u8| ())), "WithState(..)");
    assert!(format!("{:?}", pool.wait_idle_async()).starts_with("WaitFuture"));
    pool.scope::<(), (), _>(|scope| assert!(format!("{scope:?}").starts_with("Scope"))).unwrap();

    struct Printed;
    impl Work<i32> for Printed {
        type Output = String;
        const BORROWS_STATE: bool = true;
        fn run(self, state: &mut WorkerState<i32>) -> String {
            format!("{state:?}")
        }
    }
    assert_eq!(pool.spawn(Printed).unwrap().join().unwrap(), "WorkerState { is_made: false }");
}

/// The queue is cleared of cancelled jobs when they are the most of it: those of which nothing more is heard stay.
#[test]
fn jobs_without_a_task_outlast_many_that_are_cancelled() {
    let (pool, ran) = (Pool::new(1), counter());
    let held = hold(&pool);
    let tasks: Vec<_> = (0..100).map(|_| pool.spawn(counting(&ran)).unwrap()).collect();
    pool.execute(counting(&ran)).unwrap();
    assert!(tasks.iter().all(Task::cancel));
    assert_eq!(pool.stats().queued, 1);
    drop(held);
    pool.wait_idle().unwrap();
    assert_eq!((ran.load(Relaxed), pool.stats().cancelled), (1, 100));
}
