//! What the users of other pools have, and how they have it here: a test for each row. What is no method is composed
//! of what there is, in the line marked `compose`.
//!
//! | what | how | test |
//! |---|---|---|
//! | a limit of workers, changed while they are busy | direct | `the_limit_can_be_changed_while_workers_are_busy` |
//! | as many workers as there is work | direct | `workers_without_a_limit_come_and_go_with_the_work` |
//! | idle workers that leave, or stay | direct | `idle_workers_leave_or_stay` |
//! | submissions that block, do not, or give up | direct | `a_submission_that_is_refused_hands_the_job_back` |
//! | a cap on those who block | direct | `so_many_submitters_block_and_no_more` |
//! | a handle: wait, value, error, time-out | direct | `a_task_is_the_result_to_come` |
//! | cancelling a job that is queued | direct | `a_queued_job_can_be_cancelled` |
//! | asking a job that runs to stop | compose | `a_running_job_can_be_asked_to_stop` |
//! | surviving a panic, and a hook | direct | `a_panic_is_an_error_and_the_worker_survives` |
//! | a state for each worker | direct | `each_worker_has_a_state_of_its_own` |
//! | closing, draining, shutting down, waiting | direct | `a_pool_can_be_closed_drained_shut_down_and_waited_for` |
//! | another pool after a close | compose | `a_closed_pool_can_be_made_again` |
//! | numbers, and no harm in reading them | direct | `reading_the_numbers_changes_nothing` |
//! | a pool for one function | compose | `a_pool_for_one_function` |
//! | call and answer, with time-out or cancellation | compose | `a_call_waits_for_its_answer` |
//! | batches | compose | `a_batch_is_a_stream_of_results` |
//! | several pools as one | compose | `several_pools_share_the_work` |
//! | memory ahead, names, stack sizes | direct | `a_builder_sets_the_rest` |
//! | a group that fails fast | direct | `a_group_fails_fast` |
//! | a group of bounded width | direct | `a_group_is_as_wide_as_it_may_be` |
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use hence::channel::{select, unbounded};
use hence::pool::{Builder, ScopeError, SpawnError, WaitError, with_state};
use hence::{CancellationToken, Pool, WaitGroup};
use util::{OnDrop, blocked, gated, hold, quietly, until, watched};

/// Long enough that a wait happens, short enough to sit through.
const SHORT: Duration = Duration::from_millis(5);
/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(1000);

#[test]
fn the_limit_can_be_changed_while_workers_are_busy() {
    watched(|| {
        let (pool, gate) = (Pool::new(1), CancellationToken::new());
        let tasks: Vec<_> = (0..5).map(|_| gated(&pool, &gate)).collect();
        let are = |running, queued| {
            let stats = pool.stats();
            (stats.running, stats.queued) == (running, queued)
        };
        until(|| are(1, 4));
        assert_eq!(pool.resize(3), Ok(1));
        until(|| are(3, 2));
        assert_eq!(pool.resize(2), Ok(3));
        assert!(are(3, 2) && pool.stats().limit == 2);
        gate.cancel();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        until(|| pool.stats().workers <= 2);
        assert!(pool.resize(0).is_err() && pool.stats().limit == 2);
    });
}

#[test]
fn workers_without_a_limit_come_and_go_with_the_work() {
    watched(|| {
        let pool = Builder::new(usize::MAX).keep_alive(SHORT).build().unwrap();
        for _ in 0..2 {
            let gate = CancellationToken::new();
            let tasks: Vec<_> = (0..20).map(|_| gated(&pool, &gate)).collect();
            until(|| pool.stats().running == 20);
            gate.cancel();
            tasks.into_iter().for_each(|task| task.join().unwrap());
            until(|| pool.stats().workers == 0);
        }
    });
}

#[test]
fn idle_workers_leave_or_stay() {
    watched(|| {
        let (elastic, steady) = (Pool::builder(2).keep_alive(SHORT).build().unwrap(), Pool::new(2));
        for pool in [&elastic, &steady] {
            pool.spawn(|| ()).unwrap().join().unwrap();
        }
        until(|| elastic.stats().workers == 0);
        thread::sleep(SHORT);
        assert_eq!(steady.stats().workers, 1);
    });
}

#[test]
fn a_submission_that_is_refused_hands_the_job_back() {
    watched(|| {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        let held = hold(&pool);
        let job = || 7;
        let refused = pool.try_spawn(job).unwrap_err();
        assert!(refused.is_full() && refused.into_inner()() == 7);
        let refused = pool.spawn_timeout(job, SHORT).unwrap_err();
        assert!(matches!(refused, SpawnError::TimedOut(_)) && refused.into_inner()() == 7);
        let refused = pool.spawn_deadline(job, Instant::now() + SHORT).unwrap_err();
        assert!(matches!(refused, SpawnError::TimedOut(_)) && refused.into_inner()() == 7);
        let refused = pool.spawn_or_cancelled(job, &CancellationToken::new().with_timeout(SHORT)).unwrap_err();
        assert!(matches!(refused, SpawnError::Cancelled(_)) && refused.into_inner()() == 7);
        let blocked = blocked({
            let pool = pool.clone();
            move || pool.spawn(job)
        });
        until(|| pool.stats().blocked == 1);
        drop(held);
        assert_eq!(blocked.join().unwrap().unwrap().join().unwrap(), 7);
        pool.close();
        let refused = pool.spawn(job).unwrap_err();
        assert!(refused.is_closed() && refused.into_inner()() == 7);
    });
}

#[test]
fn so_many_submitters_block_and_no_more() {
    watched(|| {
        let pool = Pool::builder(1).queue(0).max_blocked(1).build().unwrap();
        let held = hold(&pool);
        let first = blocked({
            let pool = pool.clone();
            move || pool.spawn(|| 1).unwrap().join()
        });
        until(|| pool.stats().blocked == 1);
        assert!(pool.spawn(|| 2).unwrap_err().is_full() && pool.spawn_timeout(|| 2, LONG).unwrap_err().is_full());
        drop(held);
        assert_eq!(first.join().unwrap().unwrap(), 1);
    });
}

#[test]
fn a_task_is_the_result_to_come() {
    watched(|| {
        let (pool, gate) = (Pool::new(1), CancellationToken::new());
        let task = gated(&pool, &gate);
        let task = task.join_timeout(SHORT).unwrap_err();
        let task = task.join_deadline(Instant::now()).unwrap_err();
        assert!(!task.is_finished());
        gate.cancel();
        task.join_timeout(LONG).unwrap().unwrap();
        assert_eq!(pool.spawn(|| 7).unwrap().join().unwrap(), 7);
        assert_eq!(pool.spawn(|| -> u8 { quietly("no") }).unwrap().join().unwrap_err().message().unwrap(), "no");
    });
}

#[test]
fn a_queued_job_can_be_cancelled() {
    watched(|| {
        let (pool, gate) = (Pool::new(1), CancellationToken::new());
        let first = gated(&pool, &gate);
        until(|| pool.stats().running == 1);
        let second = pool.spawn(|| unreachable!()).unwrap();
        assert!(!first.cancel() && second.cancel() && !second.cancel());
        assert!(second.join().unwrap_err().is_cancelled());
        gate.cancel();
        first.join().unwrap();
    });
}

#[test]
fn a_running_job_can_be_asked_to_stop() {
    watched(|| {
        let pool = Pool::new(2);
        let spawn = |token: CancellationToken| pool.spawn(move || token.wait()).unwrap();
        let token = pool.token().child_token(); // compose: a token for one job, which ends with the pool's
        let (one, other) = (spawn(token.clone()), spawn(pool.token().child_token()));
        token.cancel();
        one.join().unwrap();
        assert!(!other.is_finished());
        pool.shutdown().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_panic_is_an_error_and_the_worker_survives() {
    watched(|| {
        let (hook, seen) = mpsc::channel();
        let pool = Pool::builder(1).on_panic(move |panic| hook.send(panic.message()).unwrap()).build().unwrap();
        let worker = || pool.spawn(|| thread::current().id()).unwrap().join().unwrap();
        let before = worker();
        assert_eq!(pool.spawn(|| quietly("one")).unwrap().join().unwrap_err().message().unwrap(), "one");
        pool.spawn(|| quietly("two")).unwrap().detach();
        assert_eq!(worker(), before);
        assert_eq!([seen.recv().unwrap(), seen.recv().unwrap()], [Some("one".into()), Some("two".into())]);
        assert_eq!((pool.stats().panicked, pool.stats().workers), (2, 1));
    });
}

#[test]
fn each_worker_has_a_state_of_its_own() {
    watched(|| {
        let (made, gone) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let make = {
            let (made, gone) = (made.clone(), gone.clone());
            move || {
                let gone = gone.clone();
                (made.fetch_add(1, Relaxed), OnDrop::new(move || _ = gone.fetch_add(1, Relaxed)))
            }
        };
        let pool = Pool::builder(2).state(make).build().unwrap();
        let gate = CancellationToken::new();
        let numbers = [(), ()].map(|()| {
            let gate = gate.clone();
            let number = move |state: &mut (usize, OnDrop)| {
                gate.wait();
                state.0
            };
            pool.spawn(with_state(number)).unwrap()
        });
        until(|| pool.stats().running == 2);
        gate.cancel();
        let mut numbers = numbers.map(|task| task.join().unwrap());
        numbers.sort_unstable();
        assert_eq!((numbers, gone.load(Relaxed)), ([0, 1], 0));
        pool.drain().unwrap();
        assert_eq!((made.load(Relaxed), gone.load(Relaxed)), (2, 2));
    });
}

#[test]
fn a_pool_can_be_closed_drained_shut_down_and_waited_for() {
    watched(|| {
        let pool = Pool::new(1);
        let held = hold(&pool);
        assert_eq!(pool.wait_idle_timeout(SHORT), Err(WaitError::TimedOut));
        assert_eq!(pool.wait_idle_deadline(Instant::now()), Err(WaitError::TimedOut));
        drop(held);
        pool.wait_idle().unwrap();

        let (held, last) = (hold(&pool), pool.spawn(|| 7).unwrap());
        assert!(pool.close() && !pool.close() && pool.is_closed());
        assert_eq!(pool.drain_timeout(SHORT), Err(WaitError::TimedOut));
        assert_eq!(pool.drain_deadline(Instant::now()), Err(WaitError::TimedOut));
        drop(held);
        pool.drain().unwrap();
        assert_eq!((last.join().unwrap(), pool.stats().workers), (7, 0));

        let pool = Pool::new(1);
        let (held, never) = (hold(&pool), pool.spawn(|| 7).unwrap());
        assert_eq!(pool.shutdown_timeout(SHORT), Err(WaitError::TimedOut));
        assert_eq!(pool.shutdown_deadline(Instant::now()), Err(WaitError::TimedOut));
        assert!(never.join().unwrap_err().is_cancelled() && pool.token().is_cancelled());
        drop(held);
        pool.shutdown().unwrap();
        assert_eq!(pool.stats().workers, 0);
    });
}

#[test]
fn a_closed_pool_can_be_made_again() {
    watched(|| {
        let builder = Pool::builder(2).name("again");
        let pool = builder.clone().build().unwrap();
        pool.drain().unwrap();
        let pool = builder.build().unwrap(); // compose: what it was made by makes another
        assert_eq!(pool.spawn(|| 7).unwrap().join().unwrap(), 7);
    });
}

#[test]
fn reading_the_numbers_changes_nothing() {
    watched(|| {
        let pool = Pool::builder(1).queue(1).build().unwrap();
        let (held, queued) = (hold(&pool), pool.spawn(|| 7).unwrap());
        let blocked = blocked({
            let pool = pool.clone();
            move || pool.spawn(|| 8).unwrap().join()
        });
        until(|| pool.stats().blocked == 1);
        let before = pool.stats();
        assert_eq!((before.limit, before.workers, before.running, before.waiting, before.idle), (1, 1, 1, 0, 0));
        assert_eq!((before.queued, before.completed, before.panicked, before.cancelled), (1, 0, 0, 0));
        for _ in 0..100 {
            assert!(!pool.is_closed() && !pool.token().is_cancelled() && !queued.is_finished());
            let _ = (format!("{pool:?} {queued:?}"), queued.done().is_empty());
            assert_eq!(pool.stats(), before);
        }
        drop(held);
        assert_eq!((queued.join().unwrap(), blocked.join().unwrap().unwrap()), (7, 8));
        pool.wait_idle().unwrap();
        let after = pool.stats();
        assert_eq!((after.running, after.queued, after.blocked, after.completed), (0, 0, 0, 3));
    });
}

#[test]
fn a_pool_for_one_function() {
    watched(|| {
        fn length(text: String) -> usize {
            text.len()
        }
        let pool = Pool::new(2);
        let process = |text| pool.spawn(move || length(text)); // compose: a typed pool is a closure
        let tasks = ["one", "three"].map(|text| process(text.to_owned()).unwrap());
        assert_eq!(tasks.map(|task| task.join().unwrap()), [3, 5]);
    });
}

#[test]
fn a_call_waits_for_its_answer() {
    watched(|| {
        let (pool, gate, token) =
            (Pool::new(1), CancellationToken::new(), CancellationToken::new().with_timeout(SHORT));
        let answer = pool.spawn(|| 6 * 7).unwrap().join(); // compose: a call
        assert_eq!(answer.unwrap(), 42);
        let in_time = pool.spawn(|| 6 * 7).unwrap().join_timeout(LONG); // compose: a call with a time-out
        assert_eq!(in_time.unwrap().unwrap(), 42);
        let too_late = gated(&pool, &gate).join_timeout(SHORT);
        assert!(too_late.is_err());
        let task = gated(&pool, &gate);
        // compose: a call that can be cancelled
        let answer = select! { recv(task.done()) -> _ => Some(task.join()), recv(token.done()) -> _ => None };
        assert!(answer.is_none());
        gate.cancel();
    });
}

#[test]
fn a_batch_is_a_stream_of_results() {
    watched(|| {
        let (pool, token, group) = (Pool::new(2), CancellationToken::new(), WaitGroup::new());
        let (sender, results) = unbounded();
        let submit = |i: u64| {
            let (sender, token, guard) = (sender.clone(), token.clone(), group.guard());
            // compose: a member of the batch
            let job = move || drop((token.is_cancelled() || sender.send(i * i).is_err(), guard));
            pool.spawn(job).unwrap().detach();
        };
        (1..=10).for_each(submit);
        assert_eq!(results.iter().take(10).sum::<u64>(), 385); // compose: the results as they come
        let held = [hold(&pool), hold(&pool)];
        (1..=10).for_each(submit);
        token.cancel(); // compose: the rest is not done
        drop(held);
        group.wait(); // compose: all have ended
        assert!(results.is_empty());
    });
}

#[test]
fn several_pools_share_the_work() {
    watched(|| {
        let (pools, turn) = ([(); 3].map(|()| Pool::new(1)), AtomicUsize::new(0));
        let next = || &pools[turn.fetch_add(1, Relaxed) % pools.len()]; // compose: in turn
        (0..6).for_each(|_| next().spawn(|| ()).unwrap().join().unwrap());
        pools.iter().for_each(|pool| pool.wait_idle().unwrap());
        assert!(pools.iter().all(|pool| pool.stats().completed == 2));
        let tasks = |pool: &&Pool| pool.stats().running + pool.stats().queued;
        let least = || pools.iter().min_by_key(tasks).unwrap(); // compose: to the one with the least to do
        let held: Vec<_> = (0..3).map(|_| hold(least())).collect();
        assert!(pools.iter().all(|pool| pool.stats().running == 1));
        drop(held);
    });
}

#[test]
fn a_builder_sets_the_rest() {
    watched(|| {
        /// More than the stack that a thread has by default.
        const MUCH: usize = 4 << 20;
        let pool = Pool::builder(1).queue(100).reserve(100).name("a worker").stack_size(4 * MUCH).build().unwrap();
        let job = || {
            let much = std::hint::black_box([1_u8; MUCH]);
            (thread::current().name().map(str::to_owned), much[MUCH / 2])
        };
        assert_eq!(pool.spawn(job).unwrap().join().unwrap(), (Some("a worker".to_owned()), 1));
    });
}

#[test]
fn a_group_fails_fast() {
    watched(|| {
        let pool = Pool::new(2);
        let failed = pool.scope::<(), _, _>(|scope| {
            scope.spawn(|| Err("no")).unwrap();
            let waits = || {
                scope.token().wait();
                Ok(())
            };
            (0..10).for_each(|_| scope.spawn(waits).unwrap());
        });
        assert!(matches!(failed, Err(ScopeError::Failed("no"))));
    });
}

#[test]
fn a_group_is_as_wide_as_it_may_be() {
    watched(|| {
        let (pool, now, most) = (Pool::new(4), AtomicUsize::new(0), AtomicUsize::new(0));
        let job = || {
            most.fetch_max(now.fetch_add(1, Relaxed) + 1, Relaxed);
            thread::yield_now();
            now.fetch_sub(1, Relaxed);
            Ok::<_, ()>(())
        };
        let done = pool.scope_bounded(2, |scope| (0..50).for_each(|_| scope.spawn(job).unwrap()));
        assert!(done.unwrap().len() == 50 && most.load(Relaxed) <= 2);
    });
}
