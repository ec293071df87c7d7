//! The pool. A pool of one worker is explored completely; where two workers are needed, the bound stands at the model and in
//! proofs.md.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Wake, Waker};
use std::time::Duration;

use hence_registry::{Engine, Kind, Model};

use super::harness::{Arc, Counted, Witness, block_on, poll, quietly, spawn};
use super::weaken::weaken;
use super::{DEADLOCK, RACE};
use crate::hence::cancel::CancellationToken;
use crate::hence::channel::{Sender, bounded};
use crate::hence::pool::{Payload, Pool, ScopeError, SpawnError, Task, WaitError, blocking, with_state, yield_now};
use crate::hence::sync;

/// Two workers: out of reach without a bound.
const TWO_WORKERS: &[Engine] =
    &[Engine::LoomBounded(2), Engine::Bounded { preemptions: Some(2), spurious: 0 }, SPURIOUS];
/// The bounded explorer alone: panics unwind through what synchronises.
const UNWINDING: &[Engine] = &[Engine::Bounded { preemptions: None, spurious: 0 }, SPURIOUS];
/// A spurious wake, where it is out of reach with as many preemptions as there are without one, or no bound.
const SPURIOUS: Engine = Engine::Bounded { preemptions: Some(2), spurious: 1 };

/// How long is of no account under an explorer, but that it is not past already.
const SHORT: Duration = Duration::from_millis(1);

pub(super) fn models() -> Vec<Model> {
    let latch = |kind, code| weaken(kind, "src/wait/latch.rs", code);
    let core = |kind, code| weaken(kind, "src/pool/core.rs", code);
    let claim_relaxed = || weaken(Kind::Relaxed, "src/wait.rs", "self.claim.compare_exchange(WAITING, cause");
    let nobody_told = || weaken(Kind::NoWake, "src/pool/shared.rs", "// site: pool");
    let end = "self.word.fetch_or(SET,";
    let watch = "self.word.fetch_or(WATCHED,";
    // Three jobs on one worker.
    const POSTED: &[Engine] = &[Engine::Loom, Engine::Bounded { preemptions: None, spurious: 0 }, SPURIOUS];
    vec![
        Model::new("hb_pl_1_submit_before_job", &["HB-PL-1", "HB-PL-2"], &["1 2"], submit_before_job),
        Model::new("hb_pl_1_submit_before_a_later_job", &["HB-PL-1"], &["1"], submit_before_a_later_job),
        Model::failing("hb_pl_1_submit_without_the_lock", &["HB-PL-1"], RACE, submit_before_a_later_job)
            .weakened(core(Kind::NoLock, "self.step(|state, _| state.submit(job, may_wait))")),
        Model::new("hb_pl_1_posted_before_job", &["HB-PL-1", "SF-PL-5", "SF-PL-6"], &["0 1 2"], posted_before_job)
            .under(POSTED),
        Model::failing("hb_pl_1_posted_without_the_lock", &["HB-PL-1"], RACE, posted_before_job)
            .under(POSTED)
            .weakened(weaken(Kind::NoLock, "src/pool/inbox.rs", "self.0.with(|content| content.post(job))")),
        Model::failing("sf_pl_6_inbox_emptied_without_the_lock", &["SF-PL-6"], RACE, posted_before_job)
            .under(POSTED)
            .weakened(weaken(
                Kind::NoLock,
                "src/pool/inbox.rs",
                "self.0.with(|content| content.empty_into(queue, open))",
            )),
        Model::new(
            "sf_pl_1_posted_or_handed_back",
            &["SF-PL-1", "HB-PL-3"],
            &["accepted, 3", "handed back, 2"],
            posted_or_handed_back,
        )
        .under(TWO_WORKERS),
        Model::new("sf_pl_1_posted_then_shut_down", &["SF-PL-1", "SF-PL-3"], &["3 ended"], posted_then_shut_down)
            .under(POSTED),
        Model::failing("hb_pl_2_end_is_no_release", &["HB-PL-2"], RACE, submit_before_job)
            .weakened(latch(Kind::Acquire, end)),
        Model::failing("hb_pl_2_watch_is_no_acquire", &["HB-PL-2"], RACE, submit_before_job)
            .weakened(latch(Kind::Release, watch)),
        Model::failing("lv_pl_3_end_is_no_acquire", &["LV-PL-3"], RACE, submit_before_job)
            .weakened(latch(Kind::Release, end)),
        Model::failing("lv_pl_3_watch_is_no_release", &["LV-PL-3"], RACE, submit_before_job)
            .weakened(latch(Kind::Acquire, watch)),
        Model::new("hb_pl_2_job_before_is_finished", &["HB-PL-2"], &["finished", "not yet"], job_before_is_finished),
        Model::failing("hb_pl_2_look_relaxed", &["HB-PL-2"], RACE, job_before_is_finished)
            .weakened(latch(Kind::Relaxed, "self.word.load(Ordering::Acquire)")),
        Model::new("hb_pl_2_job_before_await", &["HB-PL-2", "LV-PL-3"], &["1"], job_before_await),
        Model::new("hb_pl_2_hook_before_join", &["HB-PL-2", "SF-PL-4"], &["seen, then the next job"], hook_before_join)
            .under(UNWINDING),
        Model::new("hb_pl_3_job_before_drain", &["HB-PL-3", "SF-PL-6", "LV-PL-3"], &["1"], || {
            job_before(|pool| pool.drain())
        }),
        Model::failing("hb_pl_3_claim_relaxed", &["HB-PL-3"], RACE, || job_before(|pool| pool.drain()))
            .weakened(claim_relaxed()),
        Model::failing("lv_pl_3_nobody_is_told", &["LV-PL-3"], DEADLOCK, || job_before(|pool| pool.drain()))
            .weakened(nobody_told()),
        Model::failing("sf_pl_6_drain_without_the_lock", &["SF-PL-6"], RACE, || job_before(|pool| pool.drain()))
            .weakened(core(Kind::NoLock, "state.wait(goal, waiter, effects)")),
        Model::new("hb_pl_3_job_before_wait_idle", &["HB-PL-3", "SF-PL-6"], &["1"], || {
            job_before(|pool| pool.wait_idle())
        }),
        Model::new("hb_pl_3_job_before_drain_async", &["HB-PL-3", "LV-PL-3"], &["1"], || {
            job_before(|pool| {
                block_on(pool.drain_async());
                Ok(())
            })
        }),
        Model::new("hb_pl_3_states_drop_before_drain", &["HB-PL-3"], &["1"], states_drop_before_drain),
        Model::failing("hb_pl_3_leaves_and_claims_relaxed", &["HB-PL-3"], RACE, states_drop_before_drain)
            .weakened(claim_relaxed()),
        Model::new("hb_pl_2_drop_before_cancelled_join", &["HB-PL-2"], &["1"], drop_before_cancelled_join)
            .under(TWO_WORKERS),
        Model::new("sf_pl_1_cancel_or_run", &["SF-PL-1", "SF-PL-3"], &["cancelled", "ran"], cancel_or_run),
        Model::failing("sf_pl_1_claim_unchecked", &["SF-PL-1", "SF-PL-3"], TAKEN_TWICE, cancel_or_run)
            .weakened(latch(Kind::Unchecked, "self.word.fetch_or(bit,")),
        Model::failing("sf_pl_3_withdrawn_without_the_lock", &["SF-PL-3"], RACE, cancel_or_run)
            .weakened(core(Kind::NoLock, "state.withdraw_by(claim))")),
        Model::new(
            "sf_pl_1_shutdown_or_run",
            &["SF-PL-1", "SF-PL-3", "HB-PL-3"],
            &["cancelled", "ran"],
            shutdown_or_run,
        ),
        Model::new(
            "sf_pl_1_closed_or_accepted",
            &["SF-PL-1", "LV-PL-2"],
            &["accepted", "handed back"],
            closed_or_accepted,
        )
        .under(&[Engine::LoomBounded(3), Engine::Bounded { preemptions: Some(3), spurious: 0 }, SPURIOUS]),
        Model::new("sf_pl_1_refused_after_a_close", &["SF-PL-1", "SF-PL-5"], &["2 ran"], refused_after_a_close),
        Model::new(
            "sf_pl_3_cancelled_then_shut_down",
            &["SF-PL-3", "SF-PL-6"],
            &["0 completed, 2 cancelled", "1 completed, 1 cancelled"],
            cancelled_then_shut_down,
        )
        .under(&[Engine::Loom, SPURIOUS]),
        Model::new(
            "sf_pl_3_many_are_cancelled",
            &["SF-PL-3", "SF-PL-5"],
            &["3 cancelled, 2 completed"],
            many_are_cancelled,
        )
        .under(TWO_WORKERS),
        Model::new(
            "sf_pl_2_suspended_job_waits_its_turn",
            &["SF-PL-2", "LV-PL-4"],
            &["2 jobs"],
            suspended_waits_its_turn,
        )
        .under(TWO_WORKERS),
        Model::new("sf_pl_2_none_starts_above", &["SF-PL-2", "LV-PL-4"], &["3 jobs"], none_starts_above)
            .one_way("the job that is waited for ends later")
            .under(TWO_WORKERS),
        Model::new("sf_pl_2_waker_on_a_worker", &["SF-PL-2", "SF-PL-4"], &["2 jobs"], waker_on_a_worker)
            .under(TWO_WORKERS),
        Model::new("sf_pl_2_shrink_then_start", &["SF-PL-2"], &["3 jobs"], shrink_then_start).under(TWO_WORKERS),
        Model::new("sf_pl_4_destructor_panics", &["SF-PL-4"], &["cancelled, 3", "ran, 3"], destructor_panics)
            .under(UNWINDING),
        Model::new("sf_pl_4_two_look_at_a_panic", &["SF-PL-4", "HB-PL-2"], &["a job, a job"], two_look_at_a_panic)
            .under(UNWINDING),
        Model::new("sf_pl_4_forgotten_jobs_panic", &["SF-PL-4"], &["3 completed, 1 panicked"], forgotten_jobs_panic)
            .under(UNWINDING),
        Model::new(
            "sf_pl_4_job_with_a_state_panics",
            &["SF-PL-4", "HB-PL-2"],
            &["7 jobs, 7 jobs, 0"],
            panics_with_a_state,
        )
        .under(UNWINDING),
        Model::failing("sf_pl_4_worker_without_a_boundary", &["SF-PL-4"], &["a job panics"], worker_without_a_boundary),
        Model::new("sf_pl_5_two_in_the_inbox", &["SF-PL-5"], &["1 2 3"], two_in_the_inbox).under(POSTED),
        Model::new("sf_pl_5_in_order", &["SF-PL-5", "SF-PL-2", "LV-PL-1"], &["1 2"], in_order),
        Model::new("sf_pl_2_shrink_before_start", &["SF-PL-2"], &["at once", "one by one"], shrink_before_start)
            .under(TWO_WORKERS),
        Model::failing("sf_pl_5_next_without_the_lock", &["SF-PL-5", "SF-PL-2"], RACE, in_order)
            .weakened(core(Kind::NoLock, "state.next(from, patient, effects)")),
        Model::new("sf_pl_5_room_after_a_join", &["SF-PL-5"], &["accepted"], room_after_a_join),
        Model::failing("sf_pl_5_ending_without_the_lock", &["SF-PL-5"], RACE, room_after_a_join)
            .weakened(core(Kind::NoLock, "self.step(|state, _| state.ending += 1)")),
        Model::new("sf_pl_5_rendezvous", &["SF-PL-5"], &["accepted", "full"], rendezvous),
        Model::new(
            "sf_pl_5_no_room_above_a_lowered_limit",
            &["SF-PL-5", "SF-PL-2"],
            &["accepted", "full"],
            no_room_above_a_lowered_limit,
        )
        .under(TWO_WORKERS),
        Model::new("sf_pl_7_borrows", &["SF-PL-7", "HB-PL-2"], &["1"], scope_borrows),
        Model::failing("sf_pl_7_end_is_no_release", &["SF-PL-7"], RACE, scope_borrows)
            .weakened(latch(Kind::Acquire, end)),
        Model::new("sf_pl_7_token_ends_with_the_scope", &["SF-PL-7"], &["ended"], token_ends_with_the_scope),
        Model::new("sf_pl_7_error_cancels_the_rest", &["SF-PL-7"], &["failed, 0 more"], scope_fails).under(TWO_WORKERS),
        Model::new("sf_pl_7_job_spawns_a_job", &["SF-PL-7"], &["2"], job_spawns_a_job).under(TWO_WORKERS),
        Model::new("sf_pl_7_ended_jobs_are_counted", &["SF-PL-7", "HB-PL-2"], &["4"], ended_jobs_are_counted)
            .under(TWO_WORKERS)
            .slow(),
        Model::failing("sf_pl_7_counted_by_a_look_relaxed", &["SF-PL-7"], RACE, ended_jobs_are_counted)
            .under(TWO_WORKERS)
            .weakened(latch(Kind::Relaxed, "self.word.load(Ordering::Acquire)")),
        Model::new("sf_pl_7_one_at_a_time", &["SF-PL-7", "HB-CH-2"], &["2"], scope_of_one_at_a_time).under(TWO_WORKERS),
        Model::new("sf_pl_7_no_follow_up", &["SF-PL-7"], &["failed"], no_follow_up).under(&[
            Engine::LoomBounded(1),
            Engine::Bounded { preemptions: Some(2), spurious: 0 },
            Engine::Bounded { preemptions: Some(1), spurious: 1 },
        ]),
        Model::new("sf_pl_7_no_panic_that_follows", &["SF-PL-7"], &["failed"], no_panic_that_follows).under(&[
            Engine::Bounded { preemptions: Some(2), spurious: 0 },
            Engine::Bounded { preemptions: Some(1), spurious: 1 },
        ]),
        Model::failing("sf_pl_7_cancelled_before_it_is_kept", &["SF-PL-7"], &["a follow-up"], cancels_then_keeps),
        Model::new("sf_pl_7_two_failures", &["SF-PL-7"], &["first", "second"], two_failures).under(TWO_WORKERS).slow(),
        Model::new("lv_pl_1_two_jobs", &["LV-PL-1"], &["3"], two_jobs).under(TWO_WORKERS),
        Model::failing("lv_pl_1_nobody_is_woken", &["LV-PL-1"], DEADLOCK, second_job).weakened(nobody_told()),
        Model::new("lv_pl_1_second_job", &["LV-PL-1"], &["2"], second_job),
        Model::new("lv_pl_1_refused_thread", &["LV-PL-1", "SF-PL-1"], &["handed back, then 2"], refused_thread),
        Model::failing("lv_pl_1_refused_without_the_lock", &["LV-PL-1"], RACE, refused_beside_a_job)
            .under(TWO_WORKERS)
            .weakened(core(Kind::NoLock, "state.not_started(claim)")),
        Model::new("lv_pl_1_refused_beside_a_job", &["LV-PL-1"], &["2"], refused_beside_a_job).under(TWO_WORKERS),
        Model::new("lv_pl_1_resize_starts_a_job", &["LV-PL-1"], &["met"], resize_starts_a_job)
            .under(TWO_WORKERS)
            .slow(),
        Model::new("lv_pl_1_expired_or_called", &["LV-PL-1"], &["2"], expired_or_called),
        Model::new("lv_pl_1_minimum_stays", &["LV-PL-1"], &["1"], minimum_stays),
        Model::failing("lv_pl_1_expires_without_the_lock", &["LV-PL-1"], RACE, expired_or_called)
            .weakened(core(Kind::NoLock, "state.expire(ticket)")),
        Model::new("lv_pl_2_submitter_gets_a_place", &["LV-PL-2", "SF-PL-5"], &["2"], submitter_gets_a_place),
        Model::failing("lv_pl_2_submitter_is_not_told", &["LV-PL-2"], DEADLOCK, submitter_gets_a_place)
            .weakened(nobody_told()),
        Model::new("lv_pl_2_close_refuses_who_waits", &["LV-PL-2", "SF-PL-1"], &["refused"], close_refuses_who_waits)
            .under(TWO_WORKERS),
        Model::new("lv_pl_2_timed_submitter", &["LV-PL-2", "SF-PL-1"], &["accepted", "timed out"], timed_submitter),
        Model::new(
            "lv_pl_2_cancelled_job_leaves_room",
            &["LV-PL-2", "SF-PL-3"],
            &["begun", "room"],
            cancelled_job_leaves_room,
        )
        .under(TWO_WORKERS),
        Model::new(
            "lv_pl_2_cancelled_submitter",
            &["LV-PL-2", "SF-PL-1"],
            &["accepted", "cancelled"],
            cancelled_submitter,
        )
        .under(TWO_WORKERS),
        Model::new("lv_pl_3_callback_joins_what_was_queued", &["LV-PL-3"], &["cancelled", "ran"], callback_joins),
        Model::new("lv_pl_3_two_wait_for_one_job", &["LV-PL-3", "HB-PL-2"], &["1 1"], two_wait_for_one_job)
            .under(TWO_WORKERS),
        Model::new("lv_pl_4_join_of_a_job_that_runs", &["LV-PL-4"], &["7"], join_of_a_job_that_runs)
            .under(TWO_WORKERS)
            .slow(),
        Model::new("sf_pl_2_join_while_blocking", &["SF-PL-2", "LV-PL-4"], &["3 jobs"], join_while_blocking)
            .under(TWO_WORKERS),
        Model::new("lv_pl_4_join_from_inside", &["LV-PL-4"], &["7"], join_from_inside),
        Model::new("lv_pl_4_yield_to_the_next", &["LV-PL-4"], &["flag seen"], || yield_to_the_next(usize::MAX))
            .under(TWO_WORKERS),
        Model::new("lv_pl_4_yield_to_a_submitter", &["LV-PL-4", "LV-PL-2"], &["flag seen"], || yield_to_the_next(0))
            .under(TWO_WORKERS),
        Model::new("lv_pl_4_yields_and_the_queue", &["LV-PL-4", "LV-PL-1"], &["flag seen"], yields_and_the_queue)
            .under(TWO_WORKERS),
        Model::new("lv_pl_4_refused_thread_leaves_the_permit", &["LV-PL-4"], &["2"], refused_thread_leaves_the_permit),
        Model::new("lv_pl_4_limit_is_kept_inside", &["LV-PL-4"], &["7"], limit_is_kept_inside)
            .one_way("the job that is waited for ends later")
            .under(TWO_WORKERS),
        Model::failing("lv_pl_4_goes_on_without_the_lock", &["LV-PL-4"], RACE_OR_WRITING, limit_is_kept_inside)
            .under(TWO_WORKERS)
            .weakened(core(Kind::NoLock, "state.resume_above(ticket, waiter)")),
        Model::new("lv_pl_4_cancelled_inside", &["LV-PL-4"], &["cancelled"], cancelled_inside).under(TWO_WORKERS),
        Model::new("lv_pl_4_two_pools", &["LV-PL-4"], &["7"], two_pools).under(TWO_WORKERS).slow(),
        Model::new("lv_pl_4_blocked_inside", &["LV-PL-4"], &["7"], blocked_inside).under(TWO_WORKERS),
        Model::new("lv_pl_4_blocked_twice_inside", &["LV-PL-4", "SF-PL-2"], &["7"], blocked_twice_inside)
            .under(TWO_WORKERS),
        Model::failing("lv_pl_4_resumed_without_the_lock", &["LV-PL-4"], RACE_OR_WRITING, blocked_inside)
            .under(TWO_WORKERS)
            .weakened(core(Kind::NoLock, "self.state.with(State::resume)")),
        Model::new("lv_pl_4_waiting_for_itself_is_refused", &["LV-PL-4"], &["refused"], waiting_for_itself),
        Model::new("sf_pl_1_state_of_a_worker", &["SF-PL-1"], &["2"], state_of_a_worker),
    ]
}

/// loom words a race between two who are at it in other words than one that is over.
const RACE_OR_WRITING: &[&str] = &["Causality violation", "currently writing to cell", "data race"];
/// The last of them: two ends of one job.
const TAKEN_TWICE: &[&str] =
    &["the work is taken once", "Causality violation", "data race", "attempt to subtract with overflow"];

fn submit_before_job() -> String {
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

/// To a worker that is there already, or about to leave: no thread's start orders the two.
fn submit_before_a_later_job() -> String {
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

/// One job runs, or will, one is queued; the third is left in the inbox, or finds it shut again.
fn posted_before_job() -> String {
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

/// A close beside a job that is left in the inbox.
fn posted_or_handed_back() -> String {
    let (pool, ran) = (Pool::new(1), Arc::new(AtomicUsize::new(0)));
    let job = || {
        let ran = ran.clone();
        move || _ = ran.fetch_add(1, Relaxed)
    };
    pool.execute(job()).unwrap();
    pool.execute(job()).unwrap();
    let closer = {
        let pool = pool.clone();
        spawn(move || assert!(pool.close()))
    };
    let outcome = match pool.execute(job()) {
        Ok(()) => "accepted",
        Err(SpawnError::Closed(_)) => "handed back",
        Err(error) => panic!("{error}"),
    };
    closer.join().unwrap();
    pool.drain().unwrap();
    format!("{outcome}, {}", ran.load(Relaxed))
}

/// What is in the inbox is cancelled with the queue.
fn posted_then_shut_down() -> String {
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

fn job_before_is_finished() -> String {
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

fn job_before_await() -> String {
    let (pool, witness) = (Pool::new(1), Witness::new());
    let task = {
        let witness = witness.clone();
        pool.spawn(move || witness.write(1)).unwrap()
    };
    block_on(task).unwrap();
    witness.read().to_string()
}

fn hook_before_join() -> String {
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

/// A job's last deed, and the wait for the pool that follows.
fn job_before(wait: fn(&Pool) -> Result<(), WaitError>) -> String {
    let (pool, witness) = (Pool::new(1), Witness::new());
    {
        let witness = witness.clone();
        pool.spawn(move || witness.write(1)).unwrap().detach();
    }
    wait(&pool).unwrap();
    witness.read().to_string()
}

/// Its drop is written down.
struct Leaves(Arc<Witness>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.write(1);
    }
}

fn states_drop_before_drain() -> String {
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

/// One thread shuts the pool down, and drops the job; the other hears that it was cancelled, or it has run.
fn drop_before_cancelled_join() -> String {
    let (pool, witness) = (Pool::new(1), Witness::new());
    let leaves = Leaves(witness.clone());
    let task = pool.spawn(move || drop(leaves)).unwrap();
    let shutdown = {
        let pool = pool.clone();
        spawn(move || pool.shutdown().unwrap())
    };
    let _ = task.join();
    let seen = witness.read();
    shutdown.join().unwrap();
    seen.to_string()
}

fn cancel_or_run() -> String {
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

fn shutdown_or_run() -> String {
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

fn closed_or_accepted() -> String {
    let pool = Pool::new(1);
    let closer = {
        let pool = pool.clone();
        spawn(move || assert!(pool.close()))
    };
    let outcome = match pool.spawn(|| 7) {
        Ok(task) => {
            assert_eq!(task.join().unwrap(), 7);
            "accepted"
        }
        Err(SpawnError::Closed(job)) => {
            assert_eq!(job(), 7);
            "handed back"
        }
        Err(error) => panic!("{error}"),
    };
    closer.join().unwrap();
    outcome.into()
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

/// Two jobs, one permit: the first gives it to the second while it waits, and gets it back only when that has ended.
fn suspended_waits_its_turn() -> String {
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

/// The first waits for the second for a while, and goes on beside it: the third starts only when both have ended.
fn none_starts_above() -> String {
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

/// A task's waker runs on the worker that has just given its permit back: it has none to lend.
fn waker_on_a_worker() -> String {
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

/// Two run, the limit is lowered to one: a third starts only when both have ended.
fn shrink_then_start() -> String {
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

/// Two workers have been called, and the limit is lowered to one: unless both jobs have started by then, they do not run
/// beside each other.
fn shrink_before_start() -> String {
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

/// Its drop panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

/// A cancelled job's destructor panics, or the job itself, and then a result's that nobody takes: the worker goes on.
fn destructor_panics() -> String {
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

/// Of jobs that have no task, the result's destructor of one panics, and another itself: the worker lives on.
fn forgotten_jobs_panic() -> String {
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

/// The hook is told, of a pool whose workers have states too, and the state that the job has left half-way is made anew.
fn panics_with_a_state() -> String {
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

fn two_look_at_a_panic() -> String {
    let pool = Pool::new(1);
    let mut seen = None;
    quietly(|| {
        let error = Arc::new(pool.spawn(|| -> () { panic!("a job") }).unwrap().join().unwrap_err());
        let other = {
            let error = error.clone();
            spawn(move || error.message().unwrap())
        };
        seen = Some((error.message().unwrap(), other.join().unwrap()));
    });
    let (one, other) = seen.unwrap();
    format!("{one}, {other}")
}

/// Re-created: a job's panic is the worker's end, and the next job has none.
fn worker_without_a_boundary() -> String {
    let (jobs, queue) = super::harness::ends::<fn()>(None);
    let worker = spawn(move || queue.recv().into_iter().for_each(|job| job()));
    jobs.send(|| panic!("a job panics")).unwrap();
    worker.join().unwrap();
    "the next job".into()
}

/// The first is queued behind a job that runs, or will, the others are in the inbox; to count them all queues them.
fn two_in_the_inbox() -> String {
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

fn in_order() -> String {
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

/// Whoever has seen that a job has ended finds its worker free.
fn room_after_a_join() -> String {
    let pool = Pool::builder(1).queue(0).build().unwrap();
    pool.try_spawn(|| ()).unwrap().join().unwrap();
    pool.try_spawn(|| ()).unwrap().detach();
    "accepted".into()
}

/// Without a queue, a second job is accepted only if the worker is free again.
fn rendezvous() -> String {
    let pool = Pool::builder(1).queue(0).build().unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    pool.try_spawn(does(&done)).unwrap().detach();
    accepted_only_after(&pool, &done)
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

/// Two workers have been called, and the limit is lowered to one: the other one is not free to take a job, though its
/// own was cancelled.
fn no_room_above_a_lowered_limit() -> String {
    let pool = Pool::builder(2).queue(0).build().unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    pool.try_spawn(does(&done)).unwrap().detach();
    pool.try_spawn(|| ()).unwrap().cancel();
    assert_eq!(pool.resize(1), Ok(2));
    accepted_only_after(&pool, &done)
}

fn scope_borrows() -> String {
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

/// Who waits for the scope's token does not wait for ever.
fn token_ends_with_the_scope() -> String {
    let (pool, mut token) = (Pool::new(1), None);
    pool.scope::<(), (), _>(|scope| {
        token = Some(scope.token());
        scope.spawn(|| Ok(())).unwrap();
    })
    .unwrap();
    token.unwrap().wait();
    "ended".into()
}

/// Those that have ended are taken out of the list when another is spawned, here by a job, while the scope joins them.
fn ended_jobs_are_counted() -> String {
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

fn scope_fails() -> String {
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

/// While the scope's end is waited for.
fn job_spawns_a_job() -> String {
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

/// Two workers, and a scope that has one of its jobs run at a time: the second sees what the first did.
fn scope_of_one_at_a_time() -> String {
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

/// One job fails, and another, which waits until the scope is cancelled, fails because of that.
fn no_follow_up() -> String {
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

/// The same of panics: the first that is joined is not the first that failed.
fn no_panic_that_follows() -> String {
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

/// The fault of a job that cancels its scope before it has kept the failure, in one of two threads.
fn cancels_then_keeps() -> String {
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

fn two_failures() -> String {
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

fn two_jobs() -> String {
    let pool = Pool::new(2);
    let (a, b) = (pool.spawn(|| 1).unwrap(), pool.spawn(|| 2).unwrap());
    (a.join().unwrap() + b.join().unwrap()).to_string()
}

/// Submitted when the worker is idle, or about to be.
fn second_job() -> String {
    let pool = Pool::new(1);
    pool.spawn(|| ()).unwrap().detach();
    pool.wait_idle().unwrap();
    pool.spawn(|| ()).unwrap().detach();
    pool.drain().unwrap();
    pool.stats().completed.to_string()
}

/// The only thread is refused: the job comes back, and the pool works when there is a thread again.
fn refused_thread() -> String {
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

/// The second worker's thread is refused: its job runs on the first.
fn refused_beside_a_job() -> String {
    let pool = Pool::new(2);
    let gate = gated(&pool);
    sync::hook::refuse_threads(1);
    pool.execute(|| ()).unwrap();
    gate.send(()).unwrap();
    pool.drain().unwrap();
    pool.stats().completed.to_string()
}

/// The one worker waits, without saying so, for the job behind it.
fn resize_starts_a_job() -> String {
    let pool = Pool::new(1);
    let (sender, receiver) = bounded(1);
    let first = pool.spawn(move || receiver.recv().unwrap()).unwrap();
    let second = pool.spawn(move || sender.send("met").unwrap()).unwrap();
    pool.resize(2).unwrap();
    second.join().unwrap();
    first.join().unwrap().into()
}

/// The worker's time may be up whenever a job comes.
fn expired_or_called() -> String {
    let pool = Pool::builder(1).keep_alive(SHORT).build().unwrap();
    pool.spawn(|| ()).unwrap().detach();
    pool.wait_idle().unwrap();
    pool.spawn(|| ()).unwrap().detach();
    pool.drain().unwrap();
    assert_nothing_is_left(&pool);
    pool.stats().completed.to_string()
}

/// However long it is idle.
fn minimum_stays() -> String {
    let pool = Pool::builder(1).min_workers(1).keep_alive(SHORT).build().unwrap();
    pool.execute(|| ()).unwrap();
    pool.wait_idle().unwrap();
    pool.stats().workers.to_string()
}

fn submitter_gets_a_place() -> String {
    let pool = Pool::builder(1).queue(0).build().unwrap();
    pool.spawn(|| ()).unwrap().detach();
    pool.spawn(|| ()).unwrap().detach();
    pool.drain().unwrap();
    pool.stats().completed.to_string()
}

/// A job that runs until the sender says so; what is submitted after it and the next is left in the inbox.
fn gated(pool: &Pool) -> Sender<()> {
    let (gate, opened) = bounded(1);
    pool.execute(move || opened.recv().unwrap()).unwrap();
    gate
}

/// Though the inbox has been open.
fn refused_after_a_close() -> String {
    let pool = Pool::new(1);
    let gate = gated(&pool);
    pool.execute(|| ()).unwrap();
    assert!(pool.close());
    assert!(matches!(pool.execute(|| ()), Err(SpawnError::Closed(_))));
    gate.send(()).unwrap();
    pool.drain().unwrap();
    format!("{} ran", pool.stats().completed)
}

/// The pool has ended: no job and no worker is counted any more.
fn assert_nothing_is_left(pool: &Pool) {
    let stats = pool.stats();
    let left = [stats.workers, stats.running, stats.waiting, stats.idle, stats.queued, stats.blocked];
    assert_eq!(left, [0; 6], "{stats:?}");
}

/// One job is cancelled behind another, which runs, or will, or is cancelled by the shutdown.
fn cancelled_then_shut_down() -> String {
    let pool = Pool::new(1);
    let gate = gated(&pool);
    assert!(pool.spawn(|| ()).unwrap().cancel());
    gate.send(()).unwrap();
    pool.shutdown().unwrap();
    assert_nothing_is_left(&pool);
    let stats = pool.stats();
    format!("{} completed, {} cancelled", stats.completed, stats.cancelled)
}

/// More jobs than a queue keeps that have been cancelled (`State::withdraw`), all by one job, behind which they stand.
fn many_are_cancelled() -> String {
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

/// No place comes free before the submitter has been refused.
fn close_refuses_who_waits() -> String {
    let pool = Pool::builder(1).queue(0).build().unwrap();
    let (refused, gate) = bounded(1);
    pool.execute(move || gate.recv().unwrap()).unwrap();
    let closer = {
        let pool = pool.clone();
        spawn(move || assert!(pool.close()))
    };
    assert!(matches!(pool.execute(|| ()), Err(SpawnError::Closed(_))));
    refused.send(()).unwrap();
    closer.join().unwrap();
    pool.drain().unwrap();
    "refused".into()
}

fn timed_submitter() -> String {
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

fn cancelled_submitter() -> String {
    Counted::begin();
    let (pool, token) = (Pool::builder(1).queue(0).build().unwrap(), CancellationToken::new());
    pool.execute(|| ()).unwrap();
    let cancelling = {
        let token = token.clone();
        spawn(move || token.cancel())
    };
    let value = Counted(1);
    let outcome = match pool.spawn_or_cancelled(move || drop(value), &token) {
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
    cancelling.join().unwrap();
    pool.drain().unwrap();
    assert_eq!(Counted::drops(), 1);
    outcome.into()
}

/// The one place is free again, though the job that was cancelled is still in the queue.
fn cancelled_job_leaves_room() -> String {
    let pool = Pool::builder(1).queue(1).build().unwrap();
    pool.try_spawn(|| ()).unwrap().detach();
    let second = pool.try_spawn(|| ()).unwrap();
    if !second.cancel() {
        return "begun".into();
    }
    pool.try_spawn(|| ()).unwrap().join().unwrap();
    "room".into()
}

/// A callback on the pool's token joins a job that the shutdown has found queued.
fn callback_joins() -> String {
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

/// By its task, and by a receiver from `done`.
fn two_wait_for_one_job() -> String {
    let (pool, witness) = (Pool::new(1), Witness::new());
    let task = {
        let witness = witness.clone();
        pool.spawn(move || witness.write(1)).unwrap()
    };
    let done = task.done();
    let other = {
        let witness = witness.clone();
        spawn(move || {
            assert!(done.recv().is_err());
            witness.read()
        })
    };
    task.join().unwrap();
    format!("{} {}", witness.read(), other.join().unwrap())
}

/// The first job waits for the third; the second joins the first. One may run at a time.
fn join_of_a_job_that_runs() -> String {
    let (pool, (sender, receiver)) = (Pool::new(1), bounded(1));
    let first = pool.spawn(move || blocking(|| receiver.recv().unwrap())).unwrap();
    let second = pool.spawn(move || first.join().unwrap()).unwrap();
    pool.execute(move || sender.send(7).unwrap()).unwrap();
    second.join().unwrap().to_string()
}

/// A job joins another within a wait that has given its permit away: it does not run it, beside a third.
fn join_while_blocking() -> String {
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

fn join_from_inside() -> String {
    let (pool, result) = (Pool::new(1), Arc::new(AtomicUsize::new(0)));
    let (inside, outer) = (pool.clone(), result.clone());
    let job = move || outer.store(inside.spawn(|| 7).unwrap().join().unwrap(), Relaxed);
    pool.spawn(job).unwrap().detach();
    pool.wait_idle().unwrap();
    result.load(Relaxed).to_string()
}

/// With no place in the queue, the next one's submitter stands in line.
fn yield_to_the_next(places: usize) -> String {
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

/// Two yield to each other until the third, behind them in the queue, has run.
fn yields_and_the_queue() -> String {
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

/// A job that yields to a queued one for which there is no thread goes on itself.
fn refused_thread_leaves_the_permit() -> String {
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

/// A wait for a job that goes on only when the wait is over.
fn limit_is_kept_inside() -> String {
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

/// A submission that is cancelled, beside a job that holds the permit until it is over.
fn cancelled_inside() -> String {
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

/// A job of one pool joins one of another, which joins one of the first.
fn two_pools() -> String {
    let (one, other) = (Pool::new(1), Pool::new(1));
    let (inner, inside) = (one.clone(), other.clone());
    let first = one.spawn(move || {
        let second = inside.spawn(move || inner.spawn(|| 7).unwrap().join().unwrap());
        second.unwrap().join().unwrap()
    });
    first.unwrap().join().unwrap().to_string()
}

fn blocked_inside() -> String {
    let pool = Pool::new(1);
    let (sender, receiver) = bounded(1);
    let first = pool.spawn(move || blocking(|| receiver.recv().unwrap())).unwrap();
    pool.spawn(move || sender.send(7).unwrap()).unwrap().detach();
    first.join().unwrap().to_string()
}

/// A wait within a wait: the permit is given back once, and taken again once.
fn blocked_twice_inside() -> String {
    let pool = Pool::new(1);
    let (sender, receiver) = bounded(1);
    let first = pool.spawn(move || blocking(|| blocking(|| receiver.recv().unwrap()))).unwrap();
    pool.execute(move || sender.send(7).unwrap()).unwrap();
    first.join().unwrap().to_string()
}

fn waiting_for_itself() -> String {
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

fn state_of_a_worker() -> String {
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
