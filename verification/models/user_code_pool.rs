//! User code at its worst, in a pool: see `user_code.rs`.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Poll, Waker};

use hence_registry::Model;

use super::harness::{Arc, Fragile, FragileWaker, Steps, poll, spawn, step};
use super::user_code::{SWEEP_BOUNDED, TWO_PANICS, callback};
use crate::hence::channel::bounded;
use crate::hence::pool::{Builder, Payload, Pool, ScopeError, TaskError, blocking, with_state};

const CONTAINED: &[&str] = &["contained", "no panic"];
const CONTAINED_TWICE: &[&str] = &["contained", "contained, contained", "no panic"];

pub(super) fn models() -> Vec<Model> {
    [
        job(),
        state(),
        executed(),
        cancelled_job(),
        shutdown(),
        made_of(),
        scope(),
        scope_errors(),
        awaited_task(),
        awaited_pool(),
        blocking_job(),
        join_inside(),
    ]
    .concat()
}

/// A job panics, or what it holds or returns, or the hook that is told of it: the pool goes on.
fn job() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, (told, pool)) = (Steps::begin(), hooked());
        let (pool, held) = (pool.build().unwrap(), Fragile(0));
        let job = move || {
            step();
            drop(held);
            Fragile(1)
        };
        let joined = pool.spawn(job).unwrap().join();
        assert_eq!(told.load(Relaxed), joined.is_err().into());
        let results = 1 + usize::from(joined.is_ok());
        steps.drop(joined);
        Fragile::assert_gone(results);
        goes_on(&pool, 1);
        steps.outcome()
    }
    vec![
        Model::new(
            "sf_pl_4_job_past_two_panics",
            &["SF-PL-4", "HB-PL-2"],
            &["contained", "contained, contained", "no panic", "out of drop"],
            run,
        )
        .under(TWO_PANICS),
    ]
}

/// The making of a worker's state panics, or the job that borrows it, or its end: each state that was made is dropped,
/// once.
fn state() -> Vec<Model> {
    fn run() -> String {
        let (steps, (_, pool), made) = (Steps::begin(), hooked(), Arc::new(AtomicUsize::new(0)));
        let make = {
            let made = made.clone();
            move || {
                step();
                Fragile(made.fetch_add(1, Relaxed))
            }
        };
        let pool = pool.state(make).build().unwrap();
        let borrow = || {
            pool.spawn(with_state(|state: &mut Fragile| {
                step();
                state.0
            }))
            .unwrap()
            .join()
        };
        let (one, two) = (borrow(), borrow());
        if let (Ok(one), Ok(two)) = (&one, &two) {
            assert_eq!((*one, *two), (0, 0), "the same state");
        }
        goes_on(&pool, 2);
        Fragile::assert_gone(made.load(Relaxed));
        steps.outcome()
    }
    vec![Model::new("sf_pl_4_state_past_two_panics", &["SF-PL-4"], CONTAINED_TWICE, run).under(TWO_PANICS)]
}

/// Nobody joins two jobs, so that the pool drops what they hold and what they return, which panics: the hook is told,
/// and the pool goes on.
fn executed() -> Vec<Model> {
    fn run() -> String {
        let (steps, (told, pool)) = (Steps::begin(), hooked());
        let pool = pool.build().unwrap();
        let returned = Arc::new(AtomicUsize::new(0));
        for number in 0..2 {
            let (held, returned) = (Fragile(number), returned.clone());
            let job = move || {
                drop(held);
                Fragile(2 + returned.fetch_add(1, Relaxed))
            };
            pool.execute(job).unwrap();
        }
        goes_on(&pool, 2);
        assert_eq!(told.load(Relaxed), Steps::panicked().into());
        Fragile::assert_gone(2 + returned.load(Relaxed));
        steps.outcome()
    }
    vec![Model::new("sf_pl_4_executed_past_a_panic", &["SF-PL-4", "SF-PL-1"], CONTAINED, run).under(SWEEP_BOUNDED)]
}

/// A job that is cancelled, or that has run, panics as it is dropped: the hook is told, and the pool goes on.
fn cancelled_job() -> Vec<Model> {
    fn run() -> String {
        let (steps, (told, pool)) = (Steps::begin(), hooked());
        let (pool, held) = (pool.build().unwrap(), Fragile(0));
        let task = pool.spawn(move || drop(held)).unwrap();
        let cancelled = task.cancel();
        match task.join() {
            Ok(()) => assert!(!cancelled && !Steps::panicked()),
            Err(TaskError::Panicked(_)) => assert!(!cancelled),
            Err(TaskError::Cancelled) => assert!(cancelled),
        }
        assert_eq!(told.load(Relaxed), Steps::panicked().into());
        Fragile::assert_gone(1);
        goes_on(&pool, 1);
        steps.outcome()
    }
    vec![Model::new("sf_pl_4_cancel_past_a_panic", &["SF-PL-4", "SF-PL-3"], CONTAINED, run).under(SWEEP_BOUNDED)]
}

/// Two jobs are cancelled or run, and a callback of the pool's token runs: whatever panics, the shutdown does all it
/// has to.
fn shutdown() -> Vec<Model> {
    fn run() -> String {
        let (steps, (told, pool), runs) = (Steps::begin(), hooked(), Arc::default());
        let pool = pool.build().unwrap();
        pool.token().on_cancel(callback(&runs));
        let tasks = [0, 1].map(|number| {
            let held = Fragile(number);
            pool.spawn(move || drop(held)).unwrap()
        });
        pool.shutdown().unwrap();
        assert!(tasks.iter().all(|task| task.is_finished()));
        Fragile::assert_gone(2);
        assert_eq!((runs.load(Relaxed), told.load(Relaxed)), (1, Steps::panicked().into()));
        assert_eq!(pool.stats().workers, 0);
        drop(tasks);
        steps.outcome()
    }
    vec![Model::new("sf_pl_4_shutdown_past_a_panic", &["SF-PL-4", "LV-PL-3"], CONTAINED, run).under(SWEEP_BOUNDED)]
}

/// What the hook and the maker of states hold is dropped with the pool: by a worker, if that is the last.
fn made_of() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, one, other) = (Steps::begin(), Fragile(0), Fragile(1));
        let (sender, gone) = bounded::<()>(0);
        let pool = Pool::builder(1).state(move || _ = &one).on_panic(move |_| _ = (&other, &sender)).build().unwrap();
        let last = pool.clone();
        pool.execute(move || drop(last)).unwrap();
        assert!(!pool.is_closed()); // the job may run meanwhile
        steps.drop(pool);
        assert!(gone.recv().is_err());
        Fragile::assert_gone(2);
        steps.outcome()
    }
    vec![
        Model::new(
            "sf_pl_4_what_a_pool_is_made_of_past_a_panic",
            &["SF-PL-4"],
            &["contained", "no panic", "out of drop"],
            run,
        )
        .under(SWEEP_BOUNDED),
    ]
}

/// The function of a scope panics, or its job, or what that returns, or a callback of the scope's token: the scope ends
/// after its jobs, and the pool goes on.
fn scope() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, runs, ended) = (Steps::begin(), Arc::default(), AtomicUsize::new(0));
        let pool = Pool::new(1);
        let begun = AtomicUsize::new(0);
        let (begun, ended) = (&begun, &ended);
        struct Ends<'a>(&'a AtomicUsize);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(1, Relaxed);
            }
        }
        let scoped = steps.of("scope", || {
            pool.scope::<_, Fragile, _>(|scope| {
                scope.token().on_cancel(callback(&runs));
                let job = move || {
                    begun.fetch_add(1, Relaxed);
                    let _ends = Ends(ended);
                    step();
                    Ok(Fragile(0))
                };
                scope.spawn(job).unwrap();
                step();
            })
        });
        assert_eq!(begun.load(Relaxed), ended.load(Relaxed), "all jobs have ended");
        match scoped {
            Some(Ok(results)) => {
                assert_eq!(results.len(), 1);
                steps.drop(results);
                Fragile::assert_gone(1);
            }
            Some(Err(ScopeError::Panicked(_))) => Fragile::assert_gone(0),
            None => assert_eq!(runs.load(Relaxed), 1),
            Some(Err(error)) => panic!("{error:?}"),
        }
        goes_on(&pool, 1);
        steps.outcome()
    }
    vec![
        Model::new(
            "sf_pl_7_scope_past_two_panics",
            &["SF-PL-7", "SF-PL-4"],
            &[
                "contained",
                "contained, contained",
                "no panic",
                "out of drop",
                "out of drop, contained",
                "out of scope",
                "out of scope, contained",
            ],
            run,
        )
        .under(TWO_PANICS)
        .slow(),
    ]
}

/// Two jobs fail: one error comes out, the other is dropped, with what a third has returned.
fn scope_errors() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, pool, ended) = (Steps::begin(), Pool::new(1), AtomicUsize::new(0));
        let ended = &ended;
        let scoped = steps.of("scope", || {
            pool.scope(|scope| {
                let returns = move |result: Result<Fragile, Fragile>| {
                    move || {
                        ended.fetch_add(1, Relaxed);
                        result
                    }
                };
                scope.spawn(returns(Ok(Fragile(0)))).unwrap();
                scope.spawn(returns(Err(Fragile(1)))).unwrap();
                scope.spawn(returns(Err(Fragile(2)))).unwrap();
            })
        });
        if let Some(scoped) = scoped {
            match scoped {
                Err(ScopeError::Failed(error)) => steps.drop(error),
                Err(ScopeError::Panicked(_)) => assert!(Steps::panicked()),
                other => panic!("{other:?}"),
            }
        }
        Fragile::assert_gone(3);
        goes_on(&pool, 3);
        steps.outcome()
    }
    vec![
        Model::new(
            "sf_pl_7_errors_past_two_panics",
            &["SF-PL-7", "SF-PL-4"],
            &[
                "contained",
                "no panic",
                "out of drop",
                "out of drop, contained",
                "out of scope",
                "out of scope, contained",
            ],
            run,
        )
        .under(TWO_PANICS)
        .slow(),
    ]
}

/// A task and a thread wait for one job: both are told, though the task's waker panics.
fn awaited_task() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, pool) = (Steps::begin(), Pool::new(1));
        let (woken, waker) = FragileWaker::new();
        let mut task = pool.spawn(|| 7).unwrap();
        let done = task.done();
        let thread = spawn(move || done.recv().is_err());
        let polled = steps.of("poll", || poll(&mut task, &waker));
        pool.drain().unwrap();
        assert!(thread.join().unwrap());
        if !matches!(polled, Some(Poll::Ready(_))) {
            assert_eq!(woken.count(), polled.is_some().into());
            assert!(poll(&mut task, Waker::noop()).is_ready());
        }
        steps.drop(task);
        steps.drop(waker);
        assert_eq!(Arc::strong_count(&woken), 1);
        steps.outcome()
    }
    vec![
        Model::new(
            "lv_pl_3_task_past_a_panic",
            &["LV-PL-3", "SF-PL-4"],
            &["contained", "no panic", "out of drop", "out of poll"],
            run,
        )
        .under(SWEEP_BOUNDED),
    ]
}

/// A task and a thread wait until the pool is idle: both are told, though the task's waker panics.
fn awaited_pool() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, pool) = (Steps::begin(), Pool::new(1));
        let (woken, waker) = FragileWaker::new();
        pool.execute(|| ()).unwrap();
        let mut idle = pool.wait_idle_async();
        let stands = steps.of("poll", || poll(&mut idle, &waker)).is_some_and(|polled| polled.is_pending());
        pool.wait_idle().unwrap();
        pool.drain().unwrap();
        assert_eq!(woken.count(), stands.into());
        steps.drop(idle);
        steps.drop(waker);
        assert_eq!(Arc::strong_count(&woken), 1);
        steps.outcome()
    }
    vec![
        Model::new(
            "lv_pl_3_idle_past_a_panic",
            &["LV-PL-3", "SF-PL-4"],
            &["contained", "no panic", "out of drop", "out of poll"],
            run,
        )
        .under(SWEEP_BOUNDED),
    ]
}

/// A job panics while it has given its permit away: it has it again when it has ended, and no sooner.
fn blocking_job() -> Vec<Model> {
    fn run() -> String {
        let (steps, pool) = (Steps::begin(), Pool::new(1));
        let (sender, receiver) = bounded(1);
        let waits = move || {
            blocking(|| {
                receiver.recv().unwrap();
                step();
            });
        };
        let waiting = pool.spawn(waits).unwrap();
        let other = pool.spawn(move || sender.send(()).unwrap()).unwrap();
        other.join().unwrap();
        assert_eq!(waiting.join().is_err(), Steps::panicked());
        goes_on(&pool, 2);
        steps.outcome()
    }
    vec![
        Model::new("lv_pl_4_blocking_past_a_panic", &["LV-PL-4", "SF-PL-4", "SF-PL-2"], CONTAINED, run)
            .under(SWEEP_BOUNDED),
    ]
}

/// A job joins another one, which it runs on the spot: a panic of that comes out of the join.
fn join_inside() -> Vec<Model> {
    fn run() -> String {
        let (steps, pool) = (Steps::begin(), Pool::new(1));
        let inside = pool.clone();
        let outer = pool.spawn(move || inside.spawn(step).unwrap().join().is_err());
        assert_eq!(outer.unwrap().join().unwrap(), Steps::panicked());
        goes_on(&pool, 2);
        steps.outcome()
    }
    vec![Model::new("lv_pl_4_join_past_a_panic", &["LV-PL-4", "SF-PL-4"], CONTAINED, run).under(SWEEP_BOUNDED)]
}

/// A pool of one worker whose hook counts, and is a step.
fn hooked() -> (Arc<AtomicUsize>, Builder) {
    let told = Arc::new(AtomicUsize::new(0));
    let hook = callback_of_many(&told);
    (told, Pool::builder(1).on_panic(move |_: &Payload| hook()))
}

fn callback_of_many(runs: &Arc<AtomicUsize>) -> impl Fn() + Send + Sync + 'static {
    let runs = runs.clone();
    move || {
        runs.fetch_add(1, Relaxed);
        step();
    }
}

/// The pool goes on, and is left without a job or a worker.
fn goes_on(pool: &Pool<impl Sized + 'static>, ended: u64) {
    assert_eq!(pool.spawn(|| 7).unwrap().join().unwrap(), 7);
    pool.drain().unwrap();
    let stats = pool.stats();
    assert_eq!((stats.completed + stats.panicked + stats.cancelled, stats.workers), (ended + 1, 0));
}
