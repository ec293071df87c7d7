//! The pool. A pool of one worker is explored completely; where two workers are needed, the bound stands at the model and in
//! proofs.md.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Wake, Waker};
use std::time::Duration;

use hence_registry::{Engine, Kind, Model, Weaken};

use super::harness::{Arc, Counted, Witness, block_on, poll, quietly, race, spawn};
use super::weaken::{claim, weaken};
use super::{DEADLOCK, RACE};
use crate::hence::cancel::CancellationToken;
use crate::hence::channel::{Sender, bounded};
use crate::hence::pool::{Payload, Pool, ScopeError, SpawnError, Task, WaitError, blocking, with_state, yield_now};
use crate::hence::sync;

pub(super) fn models() -> Vec<Model> {
    [
        submit_before_job(),
        submit_before_a_later_job(),
        posted_before_job(),
        job_before_is_finished(),
        job_before_await(),
        hook_before_join(),
        drop_before_cancelled_join(),
        job_before(),
        states_drop_before_drain(),
        posted_or_handed_back(),
        posted_is_not_idle(),
        posted_then_shut_down(),
        cancel_or_run(),
        shutdown_or_run(),
        closed_or_accepted(),
        refused_after_a_close(),
        state_of_a_worker(),
        suspended_waits_its_turn(),
        none_starts_above(),
        waker_on_a_worker(),
        shrink_then_start(),
        shrink_before_start(),
        join_while_blocking(),
        cancelled_then_shut_down(),
        many_are_cancelled(),
        destructor_panics(),
        two_look_at_a_panic(),
        forgotten_jobs_panic(),
        panics_with_a_state(),
        worker_without_a_boundary(),
        two_in_the_inbox(),
        in_order(),
        room_after_a_join(),
        rendezvous(),
        no_room_above_a_lowered_limit(),
        scope_borrows(),
        token_ends_with_the_scope(),
        scope_fails(),
        job_spawns_a_job(),
        ended_jobs_are_counted(),
        scope_of_one_at_a_time(),
        no_follow_up(),
        no_panic_that_follows(),
        cancels_then_keeps(),
        two_failures(),
        two_jobs(),
        second_job(),
        refused_thread(),
        refused_beside_a_job(),
        resize_starts_a_job(),
        expired_or_called(),
        minimum_stays(),
        submitter_gets_a_place(),
        close_refuses_who_waits(),
        timed_submitter(),
        cancelled_job_leaves_room(),
        cancelled_submitter(),
        callback_joins(),
        two_wait_for_one_job(),
        join_of_a_job_that_runs(),
        join_from_inside(),
        yield_to_the_next(),
        yields_to_one_left_behind(),
        yields_and_the_queue(),
        refused_thread_leaves_the_permit(),
        limit_is_kept_inside(),
        cancelled_inside(),
        two_pools(),
        blocked_inside(),
        blocked_twice_inside(),
        waiting_for_itself(),
    ]
    .concat()
}

/// Two workers: out of reach without a bound.
const TWO_WORKERS: &[Engine] =
    &[Engine::LoomBounded(2), Engine::Bounded { preemptions: Some(2), spurious: 0 }, SPURIOUS];
/// Three jobs on one worker.
const POSTED: &[Engine] = &[Engine::Loom, Engine::Bounded { preemptions: None, spurious: 0 }, SPURIOUS];
/// The bounded explorer alone: panics unwind through what synchronises.
const UNWINDING: &[Engine] = &[Engine::Bounded { preemptions: None, spurious: 0 }, SPURIOUS];
/// A spurious wake, where it is out of reach with as many preemptions as there are without one, or no bound.
const SPURIOUS: Engine = Engine::Bounded { preemptions: Some(2), spurious: 1 };

/// loom words a race between two who are at it in other words than one that is over.
const RACE_OR_WRITING: &[&str] = &["Causality violation", "currently writing to cell", "data race"];
/// The last of them: two ends of one job.
const TAKEN_TWICE: &[&str] =
    &["the work is taken once", "Causality violation", "data race", "attempt to subtract with overflow"];

/// How long is of no account under an explorer, but that it is not past already.
const SHORT: Duration = Duration::from_millis(1);

/// A job sees what was done before it was submitted, and whoever joins it what the job did.
fn submit_before_job() -> Vec<Model> {
    fn run() -> String {
        let (before, after) = (Witness::new(), Witness::new());
        let pool = Pool::new(1);
        before.write(1);
        let task = {
            let (before, after) = (before.clone(), after.clone());
            pool.spawn(move || {
                after.write(2);
                before.read()
            })
        };
        let seen = task.unwrap().join().unwrap();
        format!("{seen} {}", after.read())
    }
    vec![
        Model::new("hb_pl_1_submit_before_job", &["HB-PL-1", "HB-PL-2"], &["1 2"], run),
        Model::failing("hb_pl_2_end_is_no_release", &["HB-PL-2"], RACE, run).weakened(end(Kind::Acquire)),
        Model::failing("hb_pl_2_watch_is_no_acquire", &["HB-PL-2"], RACE, run).weakened(watch(Kind::Release)),
        Model::failing("lv_pl_3_end_is_no_acquire", &["LV-PL-3"], RACE, run).weakened(end(Kind::Release)),
        Model::failing("lv_pl_3_watch_is_no_release", &["LV-PL-3"], RACE, run).weakened(watch(Kind::Acquire)),
    ]
}

/// A job sees what was done before it was submitted to a worker that is there already, or about to leave: no thread's
/// start orders the two.
fn submit_before_a_later_job() -> Vec<Model> {
    fn run() -> String {
        let (pool, before, seen) = (Pool::new(1), Witness::new(), Arc::new(AtomicUsize::new(0)));
        pool.spawn(|| ()).unwrap().detach();
        before.write(1);
        {
            let seen = seen.clone();
            pool.spawn(move || seen.store(before.read(), Relaxed)).unwrap().detach();
        }
        pool.drain().unwrap();
        seen.load(Relaxed).to_string()
    }
    vec![
        Model::new("hb_pl_1_submit_before_a_later_job", &["HB-PL-1"], &["1"], run),
        Model::failing("hb_pl_1_submit_without_the_lock", &["HB-PL-1"], RACE, run)
            .weakened(unlocked("self.step(|state, _| state.submit(job, may_wait))")),
    ]
}

/// One job runs, or will, one is queued; the third is left in the inbox, or finds it shut again: it sees what was done
/// before, and comes last.
fn posted_before_job() -> Vec<Model> {
    fn run() -> String {
        let (pool, before, order) = (Pool::new(1), Witness::new(), Arc::new(Mutex::new(Vec::new())));
        for place in 0..2 {
            let order = order.clone();
            pool.execute(move || order.lock().unwrap().push(place)).unwrap();
        }
        before.write(2);
        {
            let order = order.clone();
            pool.execute(move || order.lock().unwrap().push(before.read())).unwrap();
        }
        pool.wait_idle().unwrap();
        let order = order.lock().unwrap();
        assert_eq!(pool.stats().completed, 3);
        format!("{} {} {}", order[0], order[1], order[2])
    }
    vec![
        Model::new("hb_pl_1_posted_before_job", &["HB-PL-1", "SF-PL-5", "SF-PL-6"], &["0 1 2"], run).under(POSTED),
        Model::failing("hb_pl_1_posted_without_the_lock", &["HB-PL-1"], RACE, run)
            .under(POSTED)
            .weakened(inbox_unlocked("self.0.with(|content| content.post(job))")),
        Model::failing("sf_pl_6_inbox_emptied_without_the_lock", &["SF-PL-6"], RACE, run)
            .under(POSTED)
            .weakened(inbox_unlocked("self.0.with(|content| content.empty_into(queue, open))")),
    ]
}

/// Whoever finds a job finished sees what it did.
fn job_before_is_finished() -> Vec<Model> {
    fn run() -> String {
        let (pool, witness) = (Pool::new(1), Witness::new());
        let task = {
            let witness = witness.clone();
            pool.spawn(move || witness.write(1)).unwrap()
        };
        if task.is_finished() {
            assert_eq!(witness.read(), 1);
            return "finished".into();
        }
        "not yet".into()
    }
    vec![
        Model::new("hb_pl_2_job_before_is_finished", &["HB-PL-2"], &["finished", "not yet"], run),
        Model::failing("hb_pl_2_look_relaxed", &["HB-PL-2"], RACE, run).weakened(look_relaxed()),
    ]
}

/// Whoever awaits a job sees what it did.
fn job_before_await() -> Vec<Model> {
    fn run() -> String {
        let (pool, witness) = (Pool::new(1), Witness::new());
        let task = {
            let witness = witness.clone();
            pool.spawn(move || witness.write(1)).unwrap()
        };
        block_on(task).unwrap();
        witness.read().to_string()
    }
    vec![Model::new("hb_pl_2_job_before_await", &["HB-PL-2", "LV-PL-3"], &["1"], run)]
}

/// Whoever joins a job that panicked sees what the hook did. The hook panics, too, and the worker goes on.
fn hook_before_join() -> Vec<Model> {
    fn run() -> String {
        let witness = Witness::new();
        let pool = {
            let witness = witness.clone();
            Pool::builder(1).on_panic(move |_| {
                witness.write(1);
                panic!("the hook, too");
            })
        };
        let pool = pool.build().unwrap();
        let mut next = 0;
        quietly(|| {
            let task = pool.spawn(|| -> () { panic!("a job") }).unwrap();
            assert_eq!(task.join().unwrap_err().message().unwrap(), "a job");
            assert_eq!(witness.read(), 1);
            next = pool.spawn(|| 2).unwrap().join().unwrap();
        });
        assert_eq!(next, 2);
        "seen, then the next job".into()
    }
    vec![
        Model::new("hb_pl_2_hook_before_join", &["HB-PL-2", "SF-PL-4"], &["seen, then the next job"], run)
            .under(UNWINDING)
            .slow(),
    ]
}

/// One thread shuts the pool down, and drops the job; the other, who joins it and hears that it was cancelled, or that
/// it has run, sees the drop.
fn drop_before_cancelled_join() -> Vec<Model> {
    fn run() -> String {
        let (pool, witness) = (Pool::new(1), Witness::new());
        let leaves = Leaves(witness.clone());
        let task = pool.spawn(move || drop(leaves)).unwrap();
        let theirs = pool.clone();
        let ((), seen) = race(
            move || theirs.shutdown().unwrap(),
            || {
                let _ = task.join();
                witness.read()
            },
        );
        seen.to_string()
    }
    vec![Model::new("hb_pl_2_drop_before_cancelled_join", &["HB-PL-2"], &["1"], run).under(TWO_WORKERS)]
}

/// Whoever waits for the pool, in whichever way, sees a job's last deed.
fn job_before() -> Vec<Model> {
    fn run(wait: fn(&Pool) -> Result<(), WaitError>) -> String {
        let (pool, witness) = (Pool::new(1), Witness::new());
        {
            let witness = witness.clone();
            pool.spawn(move || witness.write(1)).unwrap().detach();
        }
        wait(&pool).unwrap();
        witness.read().to_string()
    }
    fn drain() -> String {
        run(Pool::drain)
    }
    vec![
        Model::new("hb_pl_3_job_before_drain", &["HB-PL-3", "SF-PL-6", "LV-PL-3"], &["1"], drain),
        Model::failing("hb_pl_3_claim_relaxed", &["HB-PL-3"], RACE, drain).weakened(claim(Kind::Relaxed)),
        Model::failing("lv_pl_3_nobody_is_told", &["LV-PL-3"], DEADLOCK, drain).weakened(nobody_told()),
        Model::failing("sf_pl_6_drain_without_the_lock", &["SF-PL-6"], RACE, drain)
            .weakened(unlocked("state.wait(goal, make, effects)")),
        Model::new("hb_pl_3_job_before_wait_idle", &["HB-PL-3", "SF-PL-6"], &["1"], || run(Pool::wait_idle)),
        Model::new("hb_pl_3_job_before_drain_async", &["HB-PL-3", "LV-PL-3"], &["1"], || {
            run(|pool| {
                block_on(pool.drain_async());
                Ok(())
            })
        }),
    ]
}

/// Whoever drains the pool sees the drop of a worker's state.
fn states_drop_before_drain() -> Vec<Model> {
    fn run() -> String {
        let witness = Witness::new();
        let state = {
            let witness = witness.clone();
            move || Leaves(witness.clone())
        };
        let pool = Pool::builder(1).state(state).build().unwrap();
        pool.execute(with_state(|_: &mut Leaves| ())).unwrap();
        pool.drain().unwrap();
        witness.read().to_string()
    }
    vec![
        Model::new("hb_pl_3_states_drop_before_drain", &["HB-PL-3"], &["1"], run),
        Model::failing("hb_pl_3_leaves_and_claims_relaxed", &["HB-PL-3"], RACE, run).weakened(claim(Kind::Relaxed)),
    ]
}

/// A close beside a job that is left in the inbox: it runs, or is handed back.
fn posted_or_handed_back() -> Vec<Model> {
    fn run() -> String {
        let (pool, ran) = (Pool::new(1), Arc::new(AtomicUsize::new(0)));
        let job = || {
            let ran = ran.clone();
            move || _ = ran.fetch_add(1, Relaxed)
        };
        pool.execute(job()).unwrap();
        pool.execute(job()).unwrap();
        let ((), outcome) = race(closes(&pool), || match pool.execute(job()) {
            Ok(()) => "accepted",
            Err(SpawnError::Closed(_)) => "handed back",
            Err(error) => panic!("{error}"),
        });
        pool.drain().unwrap();
        format!("{outcome}, {}", ran.load(Relaxed))
    }
    vec![
        Model::new("sf_pl_1_posted_or_handed_back", &["SF-PL-1", "HB-PL-3"], &["accepted, 3", "handed back, 2"], run)
            .under(TWO_WORKERS),
    ]
}

/// The last job that runs ends while another is left in the inbox, and its worker goes, for the limit has been lowered: the
/// pool is not idle until that one has ended.
fn posted_is_not_idle() -> Vec<Model> {
    fn run() -> String {
        let (pool, ended) = (Pool::new(2), Witness::new());
        let (gate, opened) = bounded(1);
        pool.execute(move || opened.recv().unwrap()).unwrap();
        // The first calls a worker, which may be late; behind the second the inbox is open.
        let cancelled = [(), ()].map(|()| pool.spawn(|| ()).unwrap());
        let mut idle = pool.wait_idle_async();
        assert!(poll(&mut idle, Waker::noop()).is_pending());
        let cancelled = cancelled.map(|task| task.cancel());
        pool.resize(1).unwrap();
        {
            let ended = ended.clone();
            pool.execute(move || ended.write(1)).unwrap();
        }
        gate.send(()).unwrap();
        block_on(idle);
        assert_eq!(ended.read(), 1, "it was accepted before the pool was idle");
        format!("{} cancelled", cancelled.iter().filter(|cancelled| **cancelled).count())
    }
    vec![
        Model::new(
            "sf_pl_6_posted_is_not_idle",
            &["SF-PL-6", "HB-PL-3"],
            &["0 cancelled", "1 cancelled", "2 cancelled"],
            run,
        )
        .under(TWO_WORKERS),
    ]
}

/// A shutdown cancels what is in the inbox with the queue, or it has run.
fn posted_then_shut_down() -> Vec<Model> {
    fn run() -> String {
        let (pool, ran) = (Pool::new(1), Arc::new(AtomicUsize::new(0)));
        for _ in 0..3 {
            let ran = ran.clone();
            pool.execute(move || _ = ran.fetch_add(1, Relaxed)).unwrap();
        }
        pool.shutdown().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.queued), (ran.load(Relaxed) as u64, 0));
        format!("{} ended", stats.completed + stats.cancelled)
    }
    vec![Model::new("sf_pl_1_posted_then_shut_down", &["SF-PL-1", "SF-PL-3"], &["3 ended"], run).under(POSTED)]
}

/// A job is cancelled or runs, not both, and whoever joins it hears which.
fn cancel_or_run() -> Vec<Model> {
    fn run() -> String {
        let (pool, ran) = (Pool::new(1), Arc::new(AtomicUsize::new(0)));
        let task = {
            let ran = ran.clone();
            pool.spawn(move || ran.fetch_add(1, Relaxed)).unwrap()
        };
        let cancelled = task.cancel();
        assert!(!task.cancel(), "once");
        let result = task.join();
        pool.drain().unwrap();
        let (ran, stats) = (ran.load(Relaxed) as u64, pool.stats());
        assert_eq!((ran, 1 - ran), (stats.completed, stats.cancelled));
        assert_eq!(cancelled, ran == 0);
        match result {
            Ok(_) if ran == 1 => "ran".into(),
            Err(error) if ran == 0 && error.is_cancelled() => "cancelled".into(),
            other => panic!("{other:?}, ran {ran} times"),
        }
    }
    vec![
        Model::new("sf_pl_1_cancel_or_run", &["SF-PL-1", "SF-PL-3"], &["cancelled", "ran"], run),
        Model::failing("sf_pl_1_claim_unchecked", &["SF-PL-1", "SF-PL-3"], TAKEN_TWICE, run)
            .weakened(latch(Kind::Unchecked, "self.word.fetch_or(bit,")),
        Model::failing("sf_pl_3_withdrawn_without_the_lock", &["SF-PL-3"], RACE, run)
            .weakened(unlocked("state.withdraw_by(claim))")),
    ]
}

/// A shutdown cancels a job, or it has run by the end of it.
fn shutdown_or_run() -> Vec<Model> {
    fn run() -> String {
        let (pool, witness) = (Pool::new(1), Witness::new());
        let task = {
            let witness = witness.clone();
            pool.spawn(move || witness.write(1)).unwrap()
        };
        pool.shutdown().unwrap();
        let ran = witness.read();
        assert!(task.is_finished());
        match task.join() {
            Ok(()) if ran == 1 => "ran".into(),
            Err(error) if ran == 0 && error.is_cancelled() => "cancelled".into(),
            other => panic!("{other:?}, ran {ran} times"),
        }
    }
    vec![Model::new("sf_pl_1_shutdown_or_run", &["SF-PL-1", "SF-PL-3", "HB-PL-3"], &["cancelled", "ran"], run)]
}

/// A close beside a submission: the job runs, or is handed back.
fn closed_or_accepted() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let ((), outcome) = race(closes(&pool), || match pool.spawn(|| 7) {
            Ok(task) => {
                assert_eq!(task.join().unwrap(), 7);
                "accepted"
            }
            Err(SpawnError::Closed(job)) => {
                assert_eq!(job(), 7);
                "handed back"
            }
            Err(error) => panic!("{error}"),
        });
        outcome.into()
    }
    vec![Model::new("sf_pl_1_closed_or_accepted", &["SF-PL-1", "LV-PL-2"], &["accepted", "handed back"], run).under(&[
        Engine::LoomBounded(3),
        Engine::Bounded { preemptions: Some(3), spurious: 0 },
        SPURIOUS,
    ])]
}

/// A closed pool refuses a job, though its inbox has been open.
fn refused_after_a_close() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let gate = gated(&pool);
        pool.execute(|| ()).unwrap();
        assert!(pool.close());
        assert!(matches!(pool.execute(|| ()), Err(SpawnError::Closed(_))));
        gate.send(()).unwrap();
        pool.drain().unwrap();
        format!("{} ran", pool.stats().completed)
    }
    vec![Model::new("sf_pl_1_refused_after_a_close", &["SF-PL-1", "SF-PL-5"], &["2 ran"], run)]
}

/// A worker's state goes from one job to the next.
fn state_of_a_worker() -> Vec<Model> {
    fn run() -> String {
        let (pool, last) = (Pool::builder(1).state(|| 0).build().unwrap(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..2 {
            let last = last.clone();
            let count = move |state: &mut usize| {
                *state += 1;
                last.store(*state, Relaxed);
            };
            pool.spawn(with_state(count)).unwrap().detach();
        }
        pool.drain().unwrap();
        last.load(Relaxed).to_string()
    }
    vec![Model::new("sf_pl_1_state_of_a_worker", &["SF-PL-1"], &["2"], run)]
}

/// Two jobs, one permit: the first gives it to the second while it waits, and gets it back only when that has ended.
fn suspended_waits_its_turn() -> Vec<Model> {
    fn run() -> String {
        let (pool, alone) = (Pool::new(1), Running::new());
        let (sender, receiver) = bounded(1);
        let first = {
            let alone = alone.clone();
            pool.spawn(move || {
                alone.enter_alone();
                alone.leave();
                blocking(|| receiver.recv().unwrap());
                alone.enter_alone();
                alone.leave();
            })
        };
        let second = pool.spawn(move || {
            alone.enter_alone();
            sender.send(()).unwrap();
            alone.leave();
        });
        first.unwrap().join().unwrap();
        second.unwrap().join().unwrap();
        format!("{} jobs", pool.stats().limit + 1)
    }
    vec![
        Model::new("sf_pl_2_suspended_job_waits_its_turn", &["SF-PL-2", "LV-PL-4"], &["2 jobs"], run)
            .under(TWO_WORKERS),
    ]
}

/// The first waits for the second for a while, and goes on beside it: the third starts only when both have ended.
fn none_starts_above() -> Vec<Model> {
    fn run() -> String {
        let (pool, running) = (Pool::new(1), Running::new());
        let (sender, gate) = bounded(1);
        let (inside, count) = (pool.clone(), running.clone());
        let first = move || {
            let beside = count.clone();
            let second = inside.spawn(move || {
                beside.enter();
                gate.recv().unwrap();
                beside.leave();
            });
            let second = second.unwrap().join_timeout(SHORT).expect_err("its gate is shut");
            count.enter();
            inside.execute(move || count.enter_alone()).unwrap();
            sender.send(()).unwrap();
            second.detach();
        };
        let leaving = running.clone();
        let first = pool.spawn(move || {
            first();
            leaving.leave();
        });
        first.unwrap().join().unwrap();
        pool.drain().unwrap();
        format!("{} jobs", pool.stats().completed)
    }
    vec![
        Model::new("sf_pl_2_none_starts_above", &["SF-PL-2", "LV-PL-4"], &["3 jobs"], run)
            .one_way("the job that is waited for ends later")
            .under(TWO_WORKERS),
    ]
}

/// A task's waker runs on the worker that has just given its permit back: it has none to lend.
fn waker_on_a_worker() -> Vec<Model> {
    fn run() -> String {
        struct Lends;
        impl Wake for Lends {
            fn wake(self: Arc<Self>) {
                blocking(|| ());
            }
        }
        let pool = Pool::new(1);
        pool.execute(|| ()).unwrap();
        {
            let mut idle = pool.wait_idle_async();
            let waker = Waker::from(Arc::new(Lends));
            if poll(&mut idle, &waker).is_pending() {
                pool.execute(|| ()).unwrap();
                pool.drain().unwrap();
                return format!("{} jobs", pool.stats().completed);
            }
        }
        pool.execute(|| ()).unwrap();
        pool.drain().unwrap();
        format!("{} jobs", pool.stats().completed)
    }
    vec![Model::new("sf_pl_2_waker_on_a_worker", &["SF-PL-2", "SF-PL-4"], &["2 jobs"], run).under(TWO_WORKERS)]
}

/// Two run, the limit is lowered to one: a third starts only when both have ended.
fn shrink_then_start() -> Vec<Model> {
    fn run() -> String {
        let (pool, running) = (Pool::new(2), Running::new());
        let job = |most: usize| {
            let running = running.clone();
            move || {
                assert!(running.enter() < most, "above the limit");
                running.leave();
            }
        };
        let tasks = [pool.spawn(job(2)).unwrap(), pool.spawn(job(2)).unwrap()];
        assert_eq!(pool.resize(1), Ok(2));
        let third = pool.spawn(job(1)).unwrap();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        third.join().unwrap();
        pool.drain().unwrap();
        format!("{} jobs", pool.stats().completed)
    }
    vec![Model::new("sf_pl_2_shrink_then_start", &["SF-PL-2"], &["3 jobs"], run).under(TWO_WORKERS)]
}

/// Two workers have been called, and the limit is lowered to one: unless both jobs have started by then, they do not run
/// beside each other.
fn shrink_before_start() -> Vec<Model> {
    fn run() -> String {
        let (pool, running) = (Pool::new(2), Running::new());
        let beside = Arc::new(AtomicUsize::new(0));
        let job = || {
            let (running, beside) = (running.clone(), beside.clone());
            move || {
                beside.fetch_add(running.enter(), Relaxed);
                running.leave();
            }
        };
        let tasks = [pool.spawn(job()).unwrap(), pool.spawn(job()).unwrap()];
        assert_eq!(pool.resize(1), Ok(2));
        let started = pool.stats();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        pool.drain().unwrap();
        let beside = beside.load(Relaxed);
        assert!(beside == 0 || started.running + started.completed as usize == 2, "above the limit");
        if beside == 0 { "one by one" } else { "at once" }.into()
    }
    vec![Model::new("sf_pl_2_shrink_before_start", &["SF-PL-2"], &["at once", "one by one"], run).under(TWO_WORKERS)]
}

/// A job joins another within a wait that has given its permit away: it does not run it, beside a third.
fn join_while_blocking() -> Vec<Model> {
    fn run() -> String {
        let (pool, running, beside) = (Pool::new(1), Running::new(), Arc::new(AtomicUsize::new(0)));
        let (inside, counts) = (pool.clone(), beside.clone());
        let job = move || {
            let counted = || {
                let (running, beside) = (running.clone(), counts.clone());
                move || {
                    beside.fetch_add(running.enter(), Relaxed);
                    running.leave();
                }
            };
            inside.execute(counted()).unwrap();
            let joined = inside.spawn(counted()).unwrap();
            blocking(|| joined.join().unwrap());
        };
        pool.execute(job).unwrap();
        pool.wait_idle().unwrap();
        assert_eq!(beside.load(Relaxed), 0, "above the limit");
        format!("{} jobs", pool.stats().completed)
    }
    vec![Model::new("sf_pl_2_join_while_blocking", &["SF-PL-2", "LV-PL-4"], &["3 jobs"], run).under(TWO_WORKERS)]
}

/// One job is cancelled behind another, which runs, or will, or is cancelled by the shutdown: nothing is left of them.
fn cancelled_then_shut_down() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let gate = gated(&pool);
        assert!(pool.spawn(|| ()).unwrap().cancel());
        gate.send(()).unwrap();
        pool.shutdown().unwrap();
        assert_nothing_is_left(&pool);
        let stats = pool.stats();
        format!("{} completed, {} cancelled", stats.completed, stats.cancelled)
    }
    vec![
        Model::new(
            "sf_pl_3_cancelled_then_shut_down",
            &["SF-PL-3", "SF-PL-6"],
            &["0 completed, 2 cancelled", "1 completed, 1 cancelled"],
            run,
        )
        .under(&[Engine::Loom, SPURIOUS]),
    ]
}

/// More jobs than a queue keeps that have been cancelled (`State::withdraw`), all by one job, behind which they stand.
fn many_are_cancelled() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let inside = pool.clone();
        let job = move || {
            let tasks: Vec<Task<()>> = (0..3).map(|_| inside.spawn(|| ()).unwrap()).collect();
            assert!(tasks.iter().all(Task::cancel));
            assert_eq!(inside.stats().queued, 0);
            inside.execute(|| ()).unwrap();
        };
        pool.execute(job).unwrap();
        pool.wait_idle().unwrap();
        let stats = pool.stats();
        format!("{} cancelled, {} completed", stats.cancelled, stats.completed)
    }
    vec![
        Model::new("sf_pl_3_many_are_cancelled", &["SF-PL-3", "SF-PL-5"], &["3 cancelled, 2 completed"], run)
            .under(TWO_WORKERS),
    ]
}

/// A cancelled job's destructor panics, or the job itself, and then a result's that nobody takes: the worker goes on.
fn destructor_panics() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let mut outcome = "";
        quietly(|| {
            let bomb = Bomb;
            let task = pool.spawn(move || drop(bomb)).unwrap();
            outcome = if task.cancel() { "cancelled" } else { "ran" };
            task.detach();
            pool.execute(|| Bomb).unwrap();
            pool.execute(|| ()).unwrap();
            pool.drain().unwrap();
        });
        let stats = pool.stats();
        assert_eq!(stats.completed, 2);
        format!("{outcome}, {}", stats.panicked + stats.cancelled + stats.completed)
    }
    vec![Model::new("sf_pl_4_destructor_panics", &["SF-PL-4"], &["cancelled, 3", "ran, 3"], run).under(UNWINDING)]
}

/// Two look at the panic of one job, at once: both get its message.
fn two_look_at_a_panic() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let mut seen = None;
        quietly(|| {
            let error = Arc::new(pool.spawn(|| -> () { panic!("a job") }).unwrap().join().unwrap_err());
            let theirs = error.clone();
            seen = Some(race(move || theirs.message().unwrap(), || error.message().unwrap()));
        });
        let (other, one) = seen.unwrap();
        format!("{one}, {other}")
    }
    vec![Model::new("sf_pl_4_two_look_at_a_panic", &["SF-PL-4", "HB-PL-2"], &["a job, a job"], run).under(UNWINDING)]
}

/// Of jobs that have no task, the result's destructor of one panics, and another itself: the worker lives on.
fn forgotten_jobs_panic() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        quietly(|| {
            let gate = gated(&pool);
            pool.execute(|| ()).unwrap();
            pool.execute(|| Bomb).unwrap();
            pool.execute(|| -> () { panic!("a job") }).unwrap();
            gate.send(()).unwrap();
            pool.drain().unwrap();
        });
        let stats = pool.stats();
        format!("{} completed, {} panicked", stats.completed, stats.panicked)
    }
    vec![Model::new("sf_pl_4_forgotten_jobs_panic", &["SF-PL-4"], &["3 completed, 1 panicked"], run).under(UNWINDING)]
}

/// The hook is told, of a pool whose workers have states too, and the state that the job has left half-way is made anew.
fn panics_with_a_state() -> Vec<Model> {
    fn run() -> String {
        let told = Arc::new(Mutex::new(String::new()));
        let hook = {
            let told = told.clone();
            move |panic: &Payload| *told.lock().unwrap() = panic.message().unwrap()
        };
        let pool = Pool::builder(1).on_panic(hook).state(|| 0).build().unwrap();
        let mut seen = None;
        quietly(|| {
            let half_way = |state: &mut usize| -> () {
                *state = 7;
                panic!("{state} jobs")
            };
            let first = pool.spawn(with_state(half_way)).unwrap();
            let second = pool.spawn(with_state(|state: &mut usize| *state)).unwrap();
            pool.drain().unwrap();
            seen = Some((first.join().unwrap_err().message().unwrap(), second.join().unwrap()));
        });
        let (message, state) = seen.unwrap();
        format!("{}, {message}, {state}", told.lock().unwrap())
    }
    vec![
        Model::new("sf_pl_4_job_with_a_state_panics", &["SF-PL-4", "HB-PL-2"], &["7 jobs, 7 jobs, 0"], run)
            .under(UNWINDING),
    ]
}

/// Re-created: a job's panic is the worker's end, and the next job has none.
fn worker_without_a_boundary() -> Vec<Model> {
    fn run() -> String {
        let (jobs, queue) = super::harness::ends::<fn()>(None);
        let worker = spawn(move || queue.recv().into_iter().for_each(|job| job()));
        jobs.send(|| panic!("a job panics")).unwrap();
        worker.join().unwrap();
        "the next job".into()
    }
    vec![Model::failing("sf_pl_4_worker_without_a_boundary", &["SF-PL-4"], &["a job panics"], run)]
}

/// The first is queued behind a job that runs, or will, the others are in the inbox; to count them all queues them.
fn two_in_the_inbox() -> Vec<Model> {
    fn run() -> String {
        let (pool, order) = (Pool::new(1), Arc::new(Mutex::new(Vec::new())));
        let gate = gated(&pool);
        for nth in 1..=3 {
            let order = order.clone();
            pool.execute(move || order.lock().unwrap().push(nth.to_string())).unwrap();
        }
        let stats = pool.stats();
        assert_eq!(stats.queued + stats.running, 4);
        gate.send(()).unwrap();
        pool.wait_idle().unwrap();
        order.lock().unwrap().join(" ")
    }
    vec![Model::new("sf_pl_5_two_in_the_inbox", &["SF-PL-5"], &["1 2 3"], run).under(POSTED)]
}

/// Jobs begin in the order in which they were submitted, one at a time on one worker.
fn in_order() -> Vec<Model> {
    fn run() -> String {
        let (pool, order, alone) = (Pool::new(1), Arc::new(Mutex::new(Vec::new())), Running::new());
        for nth in 1..=2 {
            let (order, alone) = (order.clone(), alone.clone());
            let job = move || {
                alone.enter_alone();
                order.lock().unwrap().push(nth);
                alone.leave();
            };
            pool.spawn(job).unwrap().detach();
        }
        pool.drain().unwrap();
        let order = order.lock().unwrap();
        format!("{} {}", order[0], order[1])
    }
    vec![
        Model::new("sf_pl_5_in_order", &["SF-PL-5", "SF-PL-2", "LV-PL-1"], &["1 2"], run),
        Model::failing("sf_pl_5_next_without_the_lock", &["SF-PL-5", "SF-PL-2"], RACE, run)
            .weakened(unlocked("state.next(from, patient, effects)")),
    ]
}

/// Whoever has seen that a job has ended finds its worker free.
fn room_after_a_join() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        pool.try_spawn(|| ()).unwrap().join().unwrap();
        pool.try_spawn(|| ()).unwrap().detach();
        "accepted".into()
    }
    vec![
        Model::new("sf_pl_5_room_after_a_join", &["SF-PL-5"], &["accepted"], run),
        Model::failing("sf_pl_5_ending_without_the_lock", &["SF-PL-5"], RACE, run)
            .weakened(unlocked("self.step(|state, _| state.ending += 1)")),
    ]
}

/// Without a queue, a second job is accepted only if the worker is free again.
fn rendezvous() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        pool.try_spawn(does(&done)).unwrap().detach();
        accepted_only_after(&pool, &done)
    }
    vec![Model::new("sf_pl_5_rendezvous", &["SF-PL-5"], &["accepted", "full"], run)]
}

/// Two workers have been called, and the limit is lowered to one: the other one is not free to take a job, though its
/// own was cancelled.
fn no_room_above_a_lowered_limit() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::builder(2).queue(0).build().unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        pool.try_spawn(does(&done)).unwrap().detach();
        pool.try_spawn(|| ()).unwrap().cancel();
        assert_eq!(pool.resize(1), Ok(2));
        accepted_only_after(&pool, &done)
    }
    vec![
        Model::new("sf_pl_5_no_room_above_a_lowered_limit", &["SF-PL-5", "SF-PL-2"], &["accepted", "full"], run)
            .under(TWO_WORKERS),
    ]
}

/// A scope's job writes to what it borrows, and whoever opened the scope reads it.
fn scope_borrows() -> Vec<Model> {
    fn run() -> String {
        let (pool, witness) = (Pool::new(1), Witness::new());
        let lent = &witness;
        let done = pool.scope::<(), (), _>(|scope| {
            scope
                .spawn(|| {
                    lent.write(1);
                    Ok(())
                })
                .unwrap();
        });
        assert_eq!(done.unwrap().len(), 1);
        witness.read().to_string()
    }
    vec![
        Model::new("sf_pl_7_borrows", &["SF-PL-7", "HB-PL-2"], &["1"], run),
        Model::failing("sf_pl_7_end_is_no_release", &["SF-PL-7"], RACE, run).weakened(end(Kind::Acquire)),
    ]
}

/// The end of a scope ends its token: who waits for that does not wait for ever.
fn token_ends_with_the_scope() -> Vec<Model> {
    fn run() -> String {
        let (pool, mut token) = (Pool::new(1), None);
        pool.scope::<(), (), _>(|scope| {
            token = Some(scope.token());
            scope.spawn(|| Ok(())).unwrap();
        })
        .unwrap();
        token.unwrap().wait();
        "ended".into()
    }
    vec![Model::new("sf_pl_7_token_ends_with_the_scope", &["SF-PL-7"], &["ended"], run)]
}

/// A job that fails cancels the rest of its scope: the one behind it does not run.
fn scope_fails() -> Vec<Model> {
    fn run() -> String {
        let (pool, more) = (Pool::new(1), AtomicUsize::new(0));
        let failed = pool.scope::<(), _, _>(|scope| {
            scope.spawn(|| Err("no")).unwrap();
            scope
                .spawn(|| {
                    more.fetch_add(1, Relaxed);
                    Ok(())
                })
                .unwrap();
        });
        assert!(matches!(failed, Err(ScopeError::Failed("no"))));
        format!("failed, {} more", more.load(Relaxed))
    }
    vec![Model::new("sf_pl_7_error_cancels_the_rest", &["SF-PL-7"], &["failed, 0 more"], run).under(TWO_WORKERS)]
}

/// A job of a scope spawns another while the scope's end is waited for: both run.
fn job_spawns_a_job() -> Vec<Model> {
    fn run() -> String {
        let (pool, ran) = (Pool::new(1), AtomicUsize::new(0));
        let (pool, ran) = (&pool, &ran);
        let done = pool.scope::<(), (), _>(|scope| {
            let again = move || {
                scope.spawn(|| Ok(_ = ran.fetch_add(1, Relaxed))).unwrap();
                Ok(_ = ran.fetch_add(1, Relaxed))
            };
            scope.spawn(again).unwrap();
        });
        assert_eq!(done.unwrap().len(), 2);
        ran.load(Relaxed).to_string()
    }
    vec![Model::new("sf_pl_7_job_spawns_a_job", &["SF-PL-7"], &["2"], run).under(TWO_WORKERS)]
}

/// Jobs that have ended are taken out of the list when another is spawned, here by a job, while the scope joins them:
/// all four are counted.
fn ended_jobs_are_counted() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let results = pool.scope::<(), (), _>(|scope| {
            for _ in 0..2 {
                scope.spawn(|| Ok(())).unwrap();
            }
            scope
                .spawn(|| {
                    scope.spawn(|| Ok(())).unwrap();
                    Ok(())
                })
                .unwrap();
        });
        results.unwrap().len().to_string()
    }
    vec![
        Model::new("sf_pl_7_ended_jobs_are_counted", &["SF-PL-7", "HB-PL-2"], &["4"], run).under(TWO_WORKERS).slow(),
        Model::failing("sf_pl_7_counted_by_a_look_relaxed", &["SF-PL-7"], RACE, run)
            .under(TWO_WORKERS)
            .weakened(look_relaxed()),
    ]
}

/// Two workers, and a scope that has one of its jobs run at a time: the second sees what the first did.
fn scope_of_one_at_a_time() -> Vec<Model> {
    fn run() -> String {
        let (pool, witness) = (Pool::new(2), Witness::new());
        let lent = &witness;
        let done = pool.scope_bounded::<(), (), _>(1, |scope| {
            for _ in 0..2 {
                let job = || {
                    lent.write(lent.read() + 1);
                    Ok(())
                };
                scope.spawn(job).unwrap();
            }
        });
        assert_eq!(done.unwrap().len(), 2);
        witness.read().to_string()
    }
    vec![Model::new("sf_pl_7_one_at_a_time", &["SF-PL-7", "HB-CH-2"], &["2"], run).under(TWO_WORKERS)]
}

/// One job fails, and another, which waits until the scope is cancelled, fails because of that: the scope tells of the
/// first.
fn no_follow_up() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(2);
        let failed = pool.scope::<(), _, _>(|scope| {
            let follow_up = || {
                scope.token().wait();
                Err("a follow-up")
            };
            scope.spawn(follow_up).unwrap();
            scope.spawn(|| Err("failed")).unwrap();
        });
        match failed {
            Err(ScopeError::Failed(which)) => which.into(),
            other => panic!("{other:?}"),
        }
    }
    vec![Model::new("sf_pl_7_no_follow_up", &["SF-PL-7"], &["failed"], run).under(&[
        Engine::LoomBounded(1),
        Engine::Bounded { preemptions: Some(2), spurious: 0 },
        Engine::Bounded { preemptions: Some(1), spurious: 1 },
    ])]
}

/// The same of panics: the first that is joined is not the first that failed.
fn no_panic_that_follows() -> Vec<Model> {
    fn run() -> String {
        let mut message = None;
        quietly(|| {
            let pool = Pool::new(2);
            let failed = pool.scope::<(), (), _>(|scope| {
                let follow_up = || {
                    scope.token().wait();
                    panic!("a follow-up");
                };
                scope.spawn(follow_up).unwrap();
                scope.spawn(|| panic!("failed")).unwrap();
            });
            if let Err(ScopeError::Panicked(payload)) = failed {
                message = payload.message();
            }
        });
        message.expect("it panicked")
    }
    vec![Model::new("sf_pl_7_no_panic_that_follows", &["SF-PL-7"], &["failed"], run).under(&[
        Engine::Bounded { preemptions: Some(2), spurious: 0 },
        Engine::Bounded { preemptions: Some(1), spurious: 1 },
    ])]
}

/// The fault of a job that cancels its scope before it has kept the failure, in one of two threads.
fn cancels_then_keeps() -> Vec<Model> {
    fn run() -> String {
        let (token, failure) = (CancellationToken::new(), Arc::new(sync::Lock::new(None)));
        let keep = |error: &'static str| {
            let failure = failure.clone();
            move || failure.with(|first| _ = first.get_or_insert(error))
        };
        let failing = {
            let (token, keep) = (token.clone(), keep("failed"));
            spawn(move || {
                token.cancel();
                keep();
            })
        };
        token.wait();
        keep("a follow-up")();
        failing.join().unwrap();
        failure.with(|first| assert_eq!(*first, Some("failed"), "a follow-up is no failure"));
        "failed".into()
    }
    vec![Model::failing("sf_pl_7_cancelled_before_it_is_kept", &["SF-PL-7"], &["a follow-up"], run)]
}

/// Two jobs of a scope fail: the scope says what one of them said.
fn two_failures() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(2);
        let failed = pool.scope::<(), _, _>(|scope| {
            scope.spawn(|| Err("first")).unwrap();
            scope.spawn(|| Err("second")).unwrap();
        });
        match failed {
            Err(ScopeError::Failed(which)) => which.into(),
            other => panic!("{other:?}"),
        }
    }
    vec![Model::new("sf_pl_7_two_failures", &["SF-PL-7"], &["first", "second"], run).under(TWO_WORKERS).slow()]
}

/// Two jobs for two workers both run.
fn two_jobs() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(2);
        let (a, b) = (pool.spawn(|| 1).unwrap(), pool.spawn(|| 2).unwrap());
        (a.join().unwrap() + b.join().unwrap()).to_string()
    }
    vec![Model::new("lv_pl_1_two_jobs", &["LV-PL-1"], &["3"], run).under(TWO_WORKERS)]
}

/// A job that is submitted when the worker is idle, or about to be, runs.
fn second_job() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        pool.spawn(|| ()).unwrap().detach();
        pool.wait_idle().unwrap();
        pool.spawn(|| ()).unwrap().detach();
        pool.drain().unwrap();
        pool.stats().completed.to_string()
    }
    vec![
        Model::new("lv_pl_1_second_job", &["LV-PL-1"], &["2"], run),
        Model::failing("lv_pl_1_nobody_is_woken", &["LV-PL-1"], DEADLOCK, run).weakened(nobody_told()),
    ]
}

/// The only thread is refused: the job comes back, and the pool works when there is a thread again.
fn refused_thread() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        sync::hook::refuse_threads(1);
        let refused = pool.spawn(|| 7).expect_err("no thread");
        assert!(matches!(refused, SpawnError::NoThread(..)));
        assert_eq!(refused.into_inner()(), 7);
        let stats = pool.stats();
        assert_eq!((stats.workers, stats.running, stats.queued), (0, 0, 0));
        pool.execute(|| ()).unwrap();
        pool.execute(|| ()).unwrap();
        pool.drain().unwrap();
        format!("handed back, then {}", pool.stats().completed)
    }
    vec![Model::new("lv_pl_1_refused_thread", &["LV-PL-1", "SF-PL-1"], &["handed back, then 2"], run)]
}

/// The second worker's thread is refused: its job runs on the first.
fn refused_beside_a_job() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(2);
        let gate = gated(&pool);
        sync::hook::refuse_threads(1);
        pool.execute(|| ()).unwrap();
        gate.send(()).unwrap();
        pool.drain().unwrap();
        pool.stats().completed.to_string()
    }
    vec![
        Model::new("lv_pl_1_refused_beside_a_job", &["LV-PL-1"], &["2"], run).under(TWO_WORKERS),
        Model::failing("lv_pl_1_refused_without_the_lock", &["LV-PL-1"], RACE, run)
            .under(TWO_WORKERS)
            .weakened(unlocked("state.not_started(claim)")),
    ]
}

/// The one worker waits, without saying so, for the job behind it: once there may be two, that job runs.
fn resize_starts_a_job() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let (sender, receiver) = bounded(1);
        let first = pool.spawn(move || receiver.recv().unwrap()).unwrap();
        let second = pool.spawn(move || sender.send("met").unwrap()).unwrap();
        pool.resize(2).unwrap();
        second.join().unwrap();
        first.join().unwrap().into()
    }
    vec![Model::new("lv_pl_1_resize_starts_a_job", &["LV-PL-1"], &["met"], run).under(TWO_WORKERS).slow()]
}

/// The worker's time may be up whenever a job comes: the job runs.
fn expired_or_called() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::builder(1).keep_alive(SHORT).build().unwrap();
        pool.spawn(|| ()).unwrap().detach();
        pool.wait_idle().unwrap();
        pool.spawn(|| ()).unwrap().detach();
        pool.drain().unwrap();
        assert_nothing_is_left(&pool);
        pool.stats().completed.to_string()
    }
    vec![
        Model::new("lv_pl_1_expired_or_called", &["LV-PL-1"], &["2"], run),
        Model::failing("lv_pl_1_expires_without_the_lock", &["LV-PL-1"], RACE, run)
            .weakened(unlocked("state.expire(ticket)")),
    ]
}

/// A worker of the minimum stays, however long it is idle.
fn minimum_stays() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::builder(1).min_workers(1).keep_alive(SHORT).build().unwrap();
        pool.execute(|| ()).unwrap();
        pool.wait_idle().unwrap();
        pool.stats().workers.to_string()
    }
    vec![Model::new("lv_pl_1_minimum_stays", &["LV-PL-1"], &["1"], run)]
}

/// A submitter for whom there is no place gets one when the job before has ended.
fn submitter_gets_a_place() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        pool.spawn(|| ()).unwrap().detach();
        pool.spawn(|| ()).unwrap().detach();
        pool.drain().unwrap();
        pool.stats().completed.to_string()
    }
    vec![
        Model::new("lv_pl_2_submitter_gets_a_place", &["LV-PL-2", "SF-PL-5"], &["2"], run),
        Model::failing("lv_pl_2_submitter_is_not_told", &["LV-PL-2"], DEADLOCK, run).weakened(nobody_told()),
    ]
}

/// A close refuses the submitter who waits: no place comes free before.
fn close_refuses_who_waits() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::builder(1).queue(0).build().unwrap();
        let (refused, gate) = bounded(1);
        pool.execute(move || gate.recv().unwrap()).unwrap();
        race(closes(&pool), || {
            assert!(matches!(pool.execute(|| ()), Err(SpawnError::Closed(_))));
            refused.send(()).unwrap();
        });
        pool.drain().unwrap();
        "refused".into()
    }
    vec![Model::new("lv_pl_2_close_refuses_who_waits", &["LV-PL-2", "SF-PL-1"], &["refused"], run).under(TWO_WORKERS)]
}

/// A submission that may time out: its job is accepted, or handed back and never run.
fn timed_submitter() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let pool = Pool::builder(1).queue(0).build().unwrap();
        pool.spawn(|| ()).unwrap().detach();
        let value = Counted(1);
        let outcome = match pool.spawn_timeout(move || drop(value), SHORT) {
            Ok(task) => {
                task.detach();
                "accepted"
            }
            Err(error) => {
                assert!(matches!(error, SpawnError::TimedOut(_)));
                assert_eq!((Counted::drops(), pool.stats().blocked), (0, 0), "handed back");
                "timed out"
            }
        };
        pool.drain().unwrap();
        assert_eq!(Counted::drops(), 1);
        outcome.into()
    }
    vec![Model::new("lv_pl_2_timed_submitter", &["LV-PL-2", "SF-PL-1"], &["accepted", "timed out"], run)]
}

/// A cancelled job leaves its place, the only one, free, though it is still in the queue.
fn cancelled_job_leaves_room() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::builder(1).queue(1).build().unwrap();
        pool.try_spawn(|| ()).unwrap().detach();
        let second = pool.try_spawn(|| ()).unwrap();
        if !second.cancel() {
            return "begun".into();
        }
        pool.try_spawn(|| ()).unwrap().join().unwrap();
        "room".into()
    }
    vec![
        Model::new("lv_pl_2_cancelled_job_leaves_room", &["LV-PL-2", "SF-PL-3"], &["begun", "room"], run)
            .under(TWO_WORKERS),
    ]
}

/// A token ends a submission: its job is accepted, or handed back and never run.
fn cancelled_submitter() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let (pool, token) = (Pool::builder(1).queue(0).build().unwrap(), CancellationToken::new());
        pool.execute(|| ()).unwrap();
        let (theirs, value) = (token.clone(), Counted(1));
        let ours = || match pool.spawn_or_cancelled(move || drop(value), &token) {
            Ok(task) => {
                task.detach();
                "accepted"
            }
            Err(error) => {
                assert!(matches!(error, SpawnError::Cancelled(_)));
                assert_eq!((Counted::drops(), pool.stats().blocked), (0, 0), "handed back");
                "cancelled"
            }
        };
        let (_, outcome) = race(move || theirs.cancel(), ours);
        pool.drain().unwrap();
        assert_eq!(Counted::drops(), 1);
        outcome.into()
    }
    vec![
        Model::new("lv_pl_2_cancelled_submitter", &["LV-PL-2", "SF-PL-1"], &["accepted", "cancelled"], run)
            .under(TWO_WORKERS),
    ]
}

/// A callback on the pool's token joins a job that the shutdown has found queued, and does not wait for ever.
fn callback_joins() -> Vec<Model> {
    fn run() -> String {
        let (pool, outcome) = (Pool::new(1), Arc::new(Mutex::new("")));
        let task = pool.spawn(|| ()).unwrap();
        {
            let outcome = outcome.clone();
            let joins = move || *outcome.lock().unwrap() = if task.join().is_ok() { "ran" } else { "cancelled" };
            pool.token().on_cancel(joins);
        }
        pool.shutdown().unwrap();
        let outcome = *outcome.lock().unwrap();
        outcome.into()
    }
    vec![Model::new("lv_pl_3_callback_joins_what_was_queued", &["LV-PL-3"], &["cancelled", "ran"], run)]
}

/// Two wait for one job, by its task and by a receiver from `done`: both see what it did.
fn two_wait_for_one_job() -> Vec<Model> {
    fn run() -> String {
        let (pool, witness) = (Pool::new(1), Witness::new());
        let task = {
            let witness = witness.clone();
            pool.spawn(move || witness.write(1)).unwrap()
        };
        let done = task.done();
        let theirs = {
            let witness = witness.clone();
            move || {
                assert!(done.recv().is_err());
                witness.read()
            }
        };
        let (theirs, ours) = race(theirs, || {
            task.join().unwrap();
            witness.read()
        });
        format!("{ours} {theirs}")
    }
    vec![Model::new("lv_pl_3_two_wait_for_one_job", &["LV-PL-3", "HB-PL-2"], &["1 1"], run).under(TWO_WORKERS)]
}

/// The first job waits for the third; the second joins the first. One may run at a time.
fn join_of_a_job_that_runs() -> Vec<Model> {
    fn run() -> String {
        let (pool, (sender, receiver)) = (Pool::new(1), bounded(1));
        let first = pool.spawn(move || blocking(|| receiver.recv().unwrap())).unwrap();
        let second = pool.spawn(move || first.join().unwrap()).unwrap();
        pool.execute(move || sender.send(7).unwrap()).unwrap();
        second.join().unwrap().to_string()
    }
    vec![Model::new("lv_pl_4_join_of_a_job_that_runs", &["LV-PL-4"], &["7"], run).under(TWO_WORKERS).slow()]
}

/// A job submits another to its own worker, and joins it.
fn join_from_inside() -> Vec<Model> {
    fn run() -> String {
        let (pool, result) = (Pool::new(1), Arc::new(AtomicUsize::new(0)));
        let (inside, outer) = (pool.clone(), result.clone());
        let job = move || outer.store(inside.spawn(|| 7).unwrap().join().unwrap(), Relaxed);
        pool.spawn(job).unwrap().detach();
        pool.wait_idle().unwrap();
        result.load(Relaxed).to_string()
    }
    vec![Model::new("lv_pl_4_join_from_inside", &["LV-PL-4"], &["7"], run)]
}

/// A job yields until the next one has run. With no place in the queue, that one's submitter stands in line.
fn yield_to_the_next() -> Vec<Model> {
    fn run(places: usize) -> String {
        let pool = Pool::builder(1).queue(places).build().unwrap();
        let flag = Arc::new(AtomicUsize::new(0));
        let hog = {
            let flag = flag.clone();
            pool.spawn(move || {
                while flag.load(Relaxed) == 0 {
                    yield_now();
                }
            })
        };
        pool.spawn(move || flag.store(1, Relaxed)).unwrap().detach();
        hog.unwrap().join().unwrap();
        "flag seen".into()
    }
    vec![
        Model::new("lv_pl_4_yield_to_the_next", &["LV-PL-4"], &["flag seen"], || run(usize::MAX)).under(TWO_WORKERS),
        Model::new("lv_pl_4_yield_to_a_submitter", &["LV-PL-4", "LV-PL-2"], &["flag seen"], || run(0))
            .under(TWO_WORKERS),
    ]
}

/// A job yields until the next one has run, which was left in the inbox: nobody else looks there.
fn yields_to_one_left_behind() -> Vec<Model> {
    fn run() -> String {
        let (pool, flag) = (Pool::new(1), Arc::new(AtomicUsize::new(0)));
        pool.execute(|| ()).unwrap(); // while it runs the hog is queued, and the inbox open
        let hog = {
            let flag = flag.clone();
            pool.spawn(move || {
                while flag.load(Relaxed) == 0 {
                    yield_now();
                }
            })
        };
        pool.execute(move || flag.store(1, Relaxed)).unwrap();
        hog.unwrap().join().unwrap();
        "flag seen".into()
    }
    vec![
        Model::new("lv_pl_4_yields_to_one_left_behind", &["LV-PL-4", "LV-PL-1"], &["flag seen"], run)
            .under(TWO_WORKERS),
    ]
}

/// Two yield to each other until the third, behind them in the queue, has run.
fn yields_and_the_queue() -> Vec<Model> {
    fn run() -> String {
        let (pool, flag) = (Pool::new(1), Arc::new(AtomicUsize::new(0)));
        let (all_there, gate) = bounded(1);
        let hog = || {
            let flag = flag.clone();
            move || {
                while flag.load(Relaxed) == 0 {
                    yield_now();
                }
            }
        };
        let (first, second) = (hog(), hog());
        pool.execute(move || {
            gate.recv().unwrap();
            first();
        })
        .unwrap();
        pool.execute(second).unwrap();
        {
            let flag = flag.clone();
            pool.execute(move || flag.store(1, Relaxed)).unwrap();
        }
        all_there.send(()).unwrap();
        pool.drain().unwrap();
        "flag seen".into()
    }
    vec![Model::new("lv_pl_4_yields_and_the_queue", &["LV-PL-4", "LV-PL-1"], &["flag seen"], run).under(TWO_WORKERS)]
}

/// A job that yields to a queued one for which there is no thread goes on itself.
fn refused_thread_leaves_the_permit() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let (all_there, gate) = bounded(1);
        pool.execute(move || {
            gate.recv().unwrap();
            sync::hook::refuse_threads(1);
            yield_now();
        })
        .unwrap();
        pool.execute(|| ()).unwrap();
        all_there.send(()).unwrap();
        pool.drain().unwrap();
        pool.stats().completed.to_string()
    }
    vec![Model::new("lv_pl_4_refused_thread_leaves_the_permit", &["LV-PL-4"], &["2"], run)]
}

/// A job waits, for a limited time, for another, which goes on only when the wait is over.
fn limit_is_kept_inside() -> Vec<Model> {
    fn run() -> String {
        let (pool, (sender, gate)) = (Pool::new(1), bounded(1));
        let inside = pool.clone();
        let outer = pool.spawn(move || {
            let inner = inside.spawn(move || gate.recv().unwrap()).unwrap();
            let inner = inner.join_timeout(SHORT).expect_err("its gate is shut");
            sender.send(7).unwrap();
            inner.join().unwrap()
        });
        outer.unwrap().join().unwrap().to_string()
    }
    vec![
        Model::new("lv_pl_4_limit_is_kept_inside", &["LV-PL-4"], &["7"], run)
            .one_way("the job that is waited for ends later")
            .under(TWO_WORKERS),
        Model::failing("lv_pl_4_goes_on_without_the_lock", &["LV-PL-4"], RACE_OR_WRITING, run)
            .under(TWO_WORKERS)
            .weakened(unlocked("state.resume_above(ticket, waiter)")),
    ]
}

/// A token ends a job's submissions, beside another job that holds the permit until they are over.
fn cancelled_inside() -> Vec<Model> {
    fn run() -> String {
        let (pool, token) = (Pool::builder(1).queue(1).build().unwrap(), CancellationToken::new());
        let (sender, gate) = bounded(1);
        let (inside, limit) = (pool.clone(), token.clone());
        let outer = pool.spawn(move || {
            inside.execute(move || gate.recv().unwrap()).unwrap(); // takes the place, and then the permit
            let mut outcome = "accepted";
            while let "accepted" = outcome {
                if inside.spawn_or_cancelled(|| (), &limit).is_err() {
                    outcome = "cancelled";
                }
            }
            sender.send(()).unwrap();
            outcome
        });
        token.cancel();
        outer.unwrap().join().unwrap().into()
    }
    vec![Model::new("lv_pl_4_cancelled_inside", &["LV-PL-4"], &["cancelled"], run).under(TWO_WORKERS)]
}

/// A job of one pool joins one of another, which joins one of the first.
fn two_pools() -> Vec<Model> {
    fn run() -> String {
        let (one, other) = (Pool::new(1), Pool::new(1));
        let (inner, inside) = (one.clone(), other.clone());
        let first = one.spawn(move || {
            let second = inside.spawn(move || inner.spawn(|| 7).unwrap().join().unwrap());
            second.unwrap().join().unwrap()
        });
        first.unwrap().join().unwrap().to_string()
    }
    vec![Model::new("lv_pl_4_two_pools", &["LV-PL-4"], &["7"], run).under(TWO_WORKERS).slow()]
}

/// While a job waits, and says so, the next one runs, which lets it go on.
fn blocked_inside() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let (sender, receiver) = bounded(1);
        let first = pool.spawn(move || blocking(|| receiver.recv().unwrap())).unwrap();
        pool.spawn(move || sender.send(7).unwrap()).unwrap().detach();
        first.join().unwrap().to_string()
    }
    vec![
        Model::new("lv_pl_4_blocked_inside", &["LV-PL-4"], &["7"], run).under(TWO_WORKERS),
        Model::failing("lv_pl_4_resumed_without_the_lock", &["LV-PL-4"], RACE_OR_WRITING, run)
            .under(TWO_WORKERS)
            .weakened(unlocked("self.state.with(State::resume)")),
    ]
}

/// A wait within a wait: the permit is given back once, and taken again once.
fn blocked_twice_inside() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let (sender, receiver) = bounded(1);
        let first = pool.spawn(move || blocking(|| blocking(|| receiver.recv().unwrap()))).unwrap();
        pool.execute(move || sender.send(7).unwrap()).unwrap();
        first.join().unwrap().to_string()
    }
    vec![Model::new("lv_pl_4_blocked_twice_inside", &["LV-PL-4", "SF-PL-2"], &["7"], run).under(TWO_WORKERS)]
}

/// A job that waits for its own pool, or shuts it down, is told that it would wait for itself.
fn waiting_for_itself() -> Vec<Model> {
    fn run() -> String {
        let pool = Pool::new(1);
        let inside = pool.clone();
        let job = move || {
            assert_eq!(inside.wait_idle(), Err(WaitError::WouldDeadlock));
            assert_eq!(inside.resize(2), Ok(1));
            assert_eq!(inside.shutdown(), Err(WaitError::WouldDeadlock));
        };
        pool.spawn(job).unwrap().detach();
        pool.wait_idle().unwrap();
        assert_eq!(pool.stats().completed, 1);
        "refused".into()
    }
    vec![Model::new("lv_pl_4_waiting_for_itself_is_refused", &["LV-PL-4"], &["refused"], run)]
}

/// One side of a race: it closes the pool, which nobody else does.
fn closes(pool: &Pool) -> impl FnOnce() + Send + use<> {
    let pool = pool.clone();
    move || assert!(pool.close())
}

fn latch(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/wait/latch.rs", code)
}

/// The end of a job, which wakes those who wait for it.
fn end(kind: Kind) -> Weaken {
    latch(kind, "self.word.fetch_or(SET,")
}

/// The step of one who comes to wait for it.
fn watch(kind: Kind) -> Weaken {
    latch(kind, "self.word.fetch_or(WATCHED,")
}

/// A look at whether it has ended.
fn look_relaxed() -> Weaken {
    latch(Kind::Relaxed, "self.word.load(Ordering::Acquire)")
}

fn nobody_told() -> Weaken {
    weaken(Kind::NoWake, "src/pool/shared.rs", "// site: pool")
}

/// What the core does under its lock is done without.
fn unlocked(code: &str) -> Weaken {
    weaken(Kind::NoLock, "src/pool/core.rs", code)
}

fn inbox_unlocked(code: &str) -> Weaken {
    weaken(Kind::NoLock, "src/pool/inbox.rs", code)
}

/// A job that runs until the sender says so; what is submitted after it and the next is left in the inbox.
fn gated(pool: &Pool) -> Sender<()> {
    let (gate, opened) = bounded(1);
    pool.execute(move || opened.recv().unwrap()).unwrap();
    gate
}

/// A job that says when its work is done.
fn does(done: &Arc<AtomicUsize>) -> impl FnOnce() + Send + use<> {
    let done = done.clone();
    move || done.store(1, Relaxed)
}

/// Whether another job is accepted: not before the work of this one is done, for it has, or will have, the only permit.
/// (It is as good as free a little before the end can be seen.)
fn accepted_only_after(pool: &Pool, done: &AtomicUsize) -> String {
    match pool.try_spawn(|| ()) {
        Ok(next) => {
            assert_eq!(done.load(Relaxed), 1, "room above the limit");
            next.join().unwrap();
            "accepted".into()
        }
        Err(error) => {
            assert!(error.is_full());
            "full".into()
        }
    }
}

/// The pool has ended: no job and no worker is counted any more.
fn assert_nothing_is_left(pool: &Pool) {
    let stats = pool.stats();
    let left = [stats.workers, stats.running, stats.waiting, stats.idle, stats.queued, stats.blocked];
    assert_eq!(left, [0; 6], "{stats:?}");
}

/// Counts jobs that run. Before each leaves, an explorer tries what the others do meanwhile.
struct Running {
    count: AtomicUsize,
    /// Orders nothing.
    seen: sync::AtomicUsize,
}

impl Running {
    fn new() -> Arc<Self> {
        Arc::new(Self { count: AtomicUsize::new(0), seen: sync::AtomicUsize::new(0) })
    }

    /// Says how many there were.
    fn enter(&self) -> usize {
        self.count.fetch_add(1, Relaxed)
    }

    fn leave(&self) {
        self.seen.swap(0, Relaxed);
        self.count.fetch_sub(1, Relaxed);
    }

    fn enter_alone(&self) {
        assert_eq!(self.enter(), 0, "above the limit");
    }
}

/// Its drop is written down.
struct Leaves(Arc<Witness>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.write(1);
    }
}

/// Its drop panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}
