//! Tokens.
//!
//! In a token's `ended` one thread may load and later store (whoever looks after the deadline), the class of programs of
//! which loom can miss outcomes: so every model here runs under both explorers, and their outcomes are compared.

use std::future::{Future, pending};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::Context;
use std::time::Duration;

use hence_registry::{Engine, Kind, Model};

use super::harness::{Arc, Counted, CountingWaker, Ends, Witness, block_on, ends, join, poll, quietly, spawn};
use super::weaken::weaken;
use super::{DEADLOCK, RACE};
use crate::hence::cancel::{CancellationToken, Cause};
use crate::hence::channel::{Select, after};
use crate::hence::sync::{Lock, reached};
use crate::hence::wait::{Waiter, WakeCause::Closed, WakeCause::Done};
use crate::hence::wait_group::WaitGroup;
use crate::select_biased;

pub(super) fn models() -> Vec<Model> {
    let latch = |kind, code| weaken(kind, "src/wait/latch.rs", code);
    let tree = |kind, code| weaken(kind, "src/cancel/tree.rs", code);
    let release = || latch(Kind::Acquire, "self.word.fetch_or(SET,");
    let acquire = || latch(Kind::Relaxed, "self.word.load(Ordering::Acquire)");
    let claim = || weaken(Kind::Relaxed, "src/wait.rs", "self.claim.compare_exchange(WAITING, cause");
    let close_unlocked = || tree(Kind::NoLock, "let (taken, is_watched) = node.state.with(");
    let close_unnotified = || latch(Kind::NoWake, "notify_all(released");
    vec![
        Model::new("hb_cx_1_cancel_before_is_cancelled", &["HB-CX-1"], EARLY_OR_LATE, is_cancelled),
        Model::failing("hb_cx_1_store_relaxed", &["HB-CX-1"], RACE, is_cancelled).weakened(release()),
        Model::failing("hb_cx_1_look_relaxed", &["HB-CX-1"], RACE, is_cancelled).weakened(acquire()),
        Model::new("hb_cx_1_cancel_before_a_late_look", &["HB-CX-1"], WON_OR_LATE, late_look),
        Model::failing("hb_cx_1_late_look_relaxed", &["HB-CX-1"], RACE, late_look)
            .weakened(latch(Kind::FailureRelaxed, "self.word.compare_exchange(")),
        Model::new("hb_cx_1_cancel_before_wait", &["HB-CX-1", "LV-CX-1"], &["1"], || waits(CancellationToken::wait)),
        Model::failing("hb_cx_1_wait_claim_relaxed", &["HB-CX-1"], RACE, || waits(CancellationToken::wait))
            .weakened(claim()),
        Model::failing("lv_cx_1_wait_not_notified", &["LV-CX-1"], DEADLOCK, || waits(CancellationToken::wait))
            .weakened(close_unnotified()),
        Model::failing("lv_cx_1_line_looked_for_unordered", &["LV-CX-1"], RACE, || waits(CancellationToken::wait))
            .weakened(latch(Kind::Release, "self.word.fetch_or(SET,")),
        Model::new("sf_sel_3_default_beside_a_token", &["SF-SEL-3"], &["ended", "value"], default_beside_a_token),
        Model::failing("lv_cx_1_line_looked_for_too_early", &["LV-CX-1"], DEADLOCK, line_looked_for_too_early),
        Model::new("hb_cx_1_cancel_before_cancelled", &["HB-CX-1", "LV-CX-1"], &["1"], || {
            waits(|token| block_on(token.cancelled()))
        }),
        Model::new("hb_cx_1_cancel_before_cancelled_owned", &["HB-CX-1", "LV-CX-1"], &["1"], || {
            waits(|token| block_on(token.clone().cancelled_owned()))
        }),
        Model::new("hb_cx_1_cancel_before_what_runs_until_it", &["HB-CX-1", "LV-CX-1"], &["1"], run_until_cancelled),
        Model::failing("hb_cx_1_run_until_claim_relaxed", &["HB-CX-1"], RACE, run_until_cancelled).weakened(claim()),
        Model::failing("lv_cx_1_run_until_not_notified", &["LV-CX-1"], DEADLOCK, run_until_cancelled)
            .weakened(close_unnotified()),
        Model::new(
            "lv_cx_1_run_until_received_or_cancelled",
            &["LV-CX-1", "SF-CH-5"],
            &["left", "received"],
            receive_until_cancelled,
        )
        .under(&[Engine::Loom, Engine::Bounded { preemptions: Some(3), spurious: 1 }]),
        Model::new("hb_cx_1_cancel_before_done", &["HB-CX-1", "LV-CX-1"], &["1"], || {
            waits(|token| select_biased! { recv(token.done()) -> gone => assert!(gone.is_err()) })
        }),
        Model::failing("lv_cx_1_done_not_notified", &["LV-CX-1"], DEADLOCK, || {
            waits(|token| select_biased! { recv(token.done()) -> gone => assert!(gone.is_err()) })
        })
        .weakened(close_unnotified()),
        Model::new("hb_cx_1_parents_cancel_before_childs_wait", &["HB-CX-1", "LV-CX-1"], &["1"], childs_wait),
        Model::new("hb_cx_1_parents_cancel_before_childs_cause", &["HB-CX-1"], &["full", "none"], childs_cause),
        Model::new("hb_cx_2_cancel_before_callback", &["HB-CX-2", "SF-CX-3"], &["1 1"], before_callback),
        Model::failing("hb_cx_2_store_relaxed", &["HB-CX-2"], RACE, before_callback).weakened(release()),
        Model::failing("hb_cx_2_register_unlocked", &["HB-CX-2"], RACE, before_callback)
            .weakened(tree(Kind::NoLock, "    node.state.with(|state| {")),
        Model::new("sf_cx_1_one_of_two_cancels_wins", &["SF-CX-1"], &["first", "second"], two_cancels),
        Model::failing("sf_cx_1_close_unlocked", &["SF-CX-1"], RACE, two_cancels).weakened(close_unlocked()),
        Model::new("sf_cx_1_no_cancel_after_the_deadline", &["SF-CX-1", "SF-CX-4"], WON_OR_LATE, || late(false)),
        Model::failing("sf_cx_1_close_unchecked", &["SF-CX-1"], WINNERS, || late(false))
            .weakened(latch(Kind::Unchecked, "self.word.fetch_or(SET,")),
        Model::new("sf_cx_1_cancel_or_deadline_of_a_child", &["SF-CX-1", "SF-CX-4"], WON_OR_LATE, || late(true)),
        Model::new("sf_cx_1_cancel_comes_too_late", &["SF-CX-1", "SF-CX-4"], &["deadline"], too_late),
        Model::new("sf_cx_2_child_made_while_cancelling", &["SF-CX-2"], EARLY_OR_LATE, child_made_while_cancelling),
        Model::failing("sf_cx_2_child_unlocked", &["SF-CX-2"], RACE, child_made_while_cancelling)
            .weakened(tree(Kind::NoLock, "parent.state.with("))
            .under(&[BOUNDED]), // loom's own lock fails, poisoned, after the race
        Model::failing("sf_cx_2_taken_unlocked", &["SF-CX-2"], RACE, child_made_while_cancelling)
            .weakened(close_unlocked()),
        Model::new("sf_cx_2_grandchild_of_a_dropped_child", &["SF-CX-2"], &["cancelled"], grandchild),
        Model::new("sf_cx_2_last_handle_dropped", &["SF-CX-2", "SF-CX-3", "LV-CX-2"], &["run"], last_handle_dropped),
        Model::failing("sf_cx_2_place_left_unlocked", &["SF-CX-2"], RACE, last_handle_dropped)
            .weakened(tree(Kind::NoLock, "let _removed = self.node.state.with(")),
        Model::new("sf_cx_2_parent_first", &["SF-CX-2"], EARLY_OR_LATE, parent_first),
        // Sequentially consistent, the bounded explorer cannot see it.
        Model::failing("sf_cx_2_parent_later", &["SF-CX-2"], &["found after its parent"], parent_first)
            .weakened(release())
            .under(&[Engine::Loom]),
        Model::new("sf_cx_2_descendant_cancelled_meanwhile", &["SF-CX-2"], EARLY_OR_LATE, cancelled_meanwhile),
        Model::new("sf_cx_2_parent_and_sibling_are_left", &["SF-CX-2"], &["one of three"], siblings),
        Model::new("sf_cx_2_many_places", &["SF-CX-2"], &["all that are left"], many_places),
        Model::new("sf_cx_2_places_are_used_again", &["SF-CX-2"], &["all that are left"], places_are_used_again),
        Model::new("sf_cx_2_callbacks_last", &["SF-CX-2", "SF-CX-3"], &["descendants first"], callbacks_last),
        Model::new("sf_cx_3_stop_or_run", &["SF-CX-3"], STOPPED_OR_RUN, || stop_or_run(false)),
        Model::failing("sf_cx_3_stop_unlocked", &["SF-CX-3"], RACE, || stop_or_run(false))
            .weakened(tree(Kind::NoLock, "state.callbacks.remove(self.ticket)")),
        Model::new("sf_cx_3_stop_or_run_at_the_deadline", &["SF-CX-3"], STOPPED_OR_RUN, || stop_or_run(true)),
        Model::failing("sf_cx_3_taken_unlocked_at_the_deadline", &["SF-CX-3"], RACE, || stop_or_run(true))
            .weakened(tree(Kind::NoLock, "let (_family, mut callbacks) = node.state.with(")),
        Model::new("sf_cx_3_registered_while_cancelling", &["SF-CX-3", "LV-CX-2"], &["1"], registered_while_cancelling),
        Model::new(
            "sf_cx_3_cancel_or_deadline",
            &["SF-CX-3", "LV-CX-2", "HB-CX-2"],
            &["cancelled", "expired"],
            callback_once,
        ),
        Model::new("sf_cx_4_never_early", &["SF-CX-4"], &["at its time"], never_early).one_way("nobody cancels"),
        Model::failing("sf_cx_4_expiry_unchecked", &["SF-CX-4"], WINNERS, || late(false))
            .weakened(latch(Kind::Unchecked, "self.word.compare_exchange(")),
        Model::new("sf_cx_4_childs_cancel_or_parents_deadline", &["SF-CX-4"], WON_OR_LATE, childs_cancel)
            .one_way("nobody cancels the parent, which is waited for"),
        Model::new("sf_cx_5_cancelled_before", &["SF-CX-5"], &["all three"], cancelled_before),
        Model::new("sf_cx_5_send_rendezvous", &["SF-CX-5"], &["handed back", "received"], || send_or_cancelled(0)),
        Model::new("sf_cx_5_send_bounded", &["SF-CX-5"], &["handed back", "received"], || send_or_cancelled(1)),
        Model::new("sf_cx_5_recv", &["SF-CX-5"], &["left", "received"], recv_or_cancelled),
        Model::failing("sf_cx_5_claim_unchecked", &["SF-CX-5"], LOST, recv_or_cancelled).weakened(weaken(
            Kind::Unchecked,
            "src/wait.rs",
            "self.claim.compare_exchange(WAITING, cause",
        )),
        Model::new("sf_cx_5_wait_group", &["SF-CX-5", "LV-CX-1"], &["cancelled", "none left"], wait_or_cancelled),
        Model::failing("lv_cx_1_wait_group_not_notified", &["LV-CX-1"], DEADLOCK, wait_or_cancelled)
            .weakened(close_unnotified()),
        Model::new("sf_cx_5_served_elsewhere", &["SF-CX-5"], &["nothing is left"], served_elsewhere),
        Model::new("lv_cx_1_beside_an_observer", &["LV-CX-1"], &["both"], beside_an_observer),
        Model::failing("lv_cx_1_observer_not_notified", &["LV-CX-1"], DEADLOCK, beside_an_observer)
            .weakened(close_unnotified()),
        Model::new("lv_cx_1_deadline_ends_every_wait", &["LV-CX-1"], &["all"], deadline_ends_every_wait)
            .one_way("nobody cancels, sends, receives or drops the guard"),
        Model::new("lv_cx_1_two_kinds_of_waits", &["LV-CX-1"], &["both"], two_waits)
            .under(&[Engine::Loom, Engine::Bounded { preemptions: Some(3), spurious: 1 }]),
        Model::new("lv_cx_1_two_make_the_line", &["LV-CX-1", "HB-CX-1"], &["both"], two_make_the_line),
        Model::new("lv_cx_1_timed_wait", &["LV-CX-1", "HB-CX-1"], EARLY_OR_LATE, timed_wait),
        Model::new("lv_cx_1_future_dropped", &["LV-CX-1"], EARLY_OR_LATE, future_dropped),
        Model::new("lv_cx_1_dropped_future_is_not_woken", &["LV-CX-1"], &["not woken"], dropped_future_is_not_woken),
        Model::new("lv_cx_1_first_and_last_leave", &["LV-CX-1", "SF-WT-2"], &["one woken"], first_and_last_leave),
        Model::new("lv_cx_2_callback_cancels_and_stops", &["LV-CX-2"], &["0", "1"], callback_cancels),
        Model::failing("lv_cx_2_callback_under_the_lock", &["LV-CX-2"], DEADLOCK, callback_under_the_lock),
        Model::new("lv_cx_2_callback_drops_the_token", &["LV-CX-2", "SF-CX-3"], &["run"], callback_drops_the_token),
        Model::failing("lv_cx_2_left_to_the_parent_unlocked", &["LV-CX-2"], RACE, last_handle_dropped)
            .weakened(tree(Kind::NoLock, "let _removed = self.node.state.with(")),
        Model::new("lv_cx_2_last_handle_of_a_grandchild", &["LV-CX-2"], &["run"], last_handle_of_a_grandchild),
        Model::new("lv_cx_2_nobody_holds_the_token", &["LV-CX-2"], &["run"], || nobody_holds_it(false)),
        Model::new("lv_cx_2_nobody_holds_it_and_its_parent_ends", &["LV-CX-2", "SF-CX-3"], &["run"], || {
            nobody_holds_it(true)
        })
        .under(&[Engine::Loom, Engine::Bounded { preemptions: Some(2), spurious: 1 }]),
        Model::new("sf_cx_3_nobody_can_cancel_the_token", &["SF-CX-3"], &["dropped"], nobody_can_cancel_it),
        Model::new("lv_cx_2_callback_panics", &["LV-CX-2", "SF-CX-2"], &["the other ran"], callback_panics),
    ]
}

const BOUNDED: Engine = Engine::Bounded { preemptions: None, spurious: 1 };

const WINNERS: &[&str] = &["the cause is the winner's"];
const EARLY_OR_LATE: &[&str] = &["early", "late"];
const WON_OR_LATE: &[&str] = &["deadline", "won"];
const STOPPED_OR_RUN: &[&str] = &["run", "stopped"];
const LOST: &[&str] = &["there is one value"];

/// How long is of no account under an explorer, but that it is not past already.
const SHORT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(1);

fn early_or_late(late: bool) -> String {
    if late { "late".into() } else { "early".into() }
}

/// How often callbacks have run, which no explorer sees.
#[derive(Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    fn callback(&self) -> impl FnOnce() + Send + 'static {
        let runs = self.0.clone();
        move || {
            runs.fetch_add(1, Relaxed);
        }
    }

    fn count(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// What loom does not see (a move of the clock, the count of an `Arc`) it does not try in another order. This it sees:
/// whoever passes first goes on first.
#[derive(Clone)]
struct Gate(Arc<Lock<()>>);

impl Gate {
    fn new() -> Self {
        Self(Arc::new(Lock::new(())))
    }

    fn pass(&self) {
        self.0.with(|()| ());
    }
}

/// Keeps a token for ever: until the thread at its deadline has seen it, too. loom does not see that this one's drop is
/// what that one's part depends on.
fn keep(token: CancellationToken) {
    std::mem::forget(token);
}

fn is_cancelled() -> String {
    let (token, witness) = (CancellationToken::new(), Witness::new());
    let other = {
        let (token, witness) = (token.clone(), witness.clone());
        spawn(move || {
            witness.write(1);
            assert!(token.cancel());
        })
    };
    let cancelled = token.is_cancelled();
    if cancelled {
        assert_eq!(witness.read(), 1);
    }
    other.join().unwrap();
    early_or_late(cancelled)
}

/// A cancel wins in time, while another thread finds that the deadline has passed.
fn late_look() -> String {
    let (token, witness) = (CancellationToken::new().with_timeout(SHORT), Witness::new());
    let (won, gate) = (Arc::new(AtomicBool::new(false)), Gate::new()); // no explorer sees `won`, and it orders nothing
    let other = {
        let (token, witness, won, gate) = (token.clone(), witness.clone(), won.clone(), gate.clone());
        spawn(move || {
            gate.pass(); // before the write, which it must not order
            witness.write(1);
            won.store(token.cancel(), Relaxed);
        })
    };
    gate.pass();
    reached(token.deadline().unwrap());
    assert!(token.is_cancelled());
    if won.load(Relaxed) {
        assert_eq!(witness.read(), 1);
    }
    other.join().unwrap();
    if won.load(Relaxed) { "won".into() } else { "deadline".into() }
}

fn waits(wait: fn(&CancellationToken)) -> String {
    let (token, witness) = (CancellationToken::new(), Witness::new());
    let other = {
        let (token, witness) = (token.clone(), witness.clone());
        spawn(move || {
            witness.write(1);
            assert!(token.cancel());
        })
    };
    wait(&token);
    let seen = witness.read();
    other.join().unwrap();
    seen.to_string()
}

fn run_until_cancelled() -> String {
    waits(|token| assert_eq!(block_on(token.run_until_cancelled(pending::<()>())), None))
}

/// A receive that a token ends, while a value comes: it is received, or left for the next.
fn receive_until_cancelled() -> String {
    let (token, (sender, receiver)) = (CancellationToken::new(), ends(None));
    let other = {
        let token = token.clone();
        spawn(move || {
            assert!(token.cancel());
            sender.send(7).unwrap();
        })
    };
    let received = block_on(token.run_until_cancelled(receiver.recv_async()));
    other.join().unwrap();
    assert_eq!(received.is_none(), receiver.try_recv() == Ok(7), "there is one value");
    if received == Some(Ok(7)) { "received".into() } else { "left".into() }
}

fn childs_wait() -> String {
    let (token, witness) = (CancellationToken::new(), Witness::new());
    let grandchild = token.child_token().child_token();
    let other = {
        let witness = witness.clone();
        spawn(move || {
            witness.write(1);
            assert!(token.cancel());
        })
    };
    grandchild.wait();
    let seen = witness.read();
    other.join().unwrap();
    seen.to_string()
}

fn childs_cause() -> String {
    let (token, witness) = (CancellationToken::new(), Witness::new());
    let child = token.child_token();
    let other = {
        let witness = witness.clone();
        spawn(move || {
            witness.write(1);
            assert!(token.cancel_with("full"));
        })
    };
    let cause = child.cause();
    if cause.is_some() {
        assert_eq!(witness.read(), 1);
    }
    other.join().unwrap();
    assert_eq!(child.check().unwrap_err().to_string(), "full");
    cause.map_or("none".into(), |cause| cause.to_string())
}

/// The callback sees what was done before `cancel`, and before `on_cancel`, whichever of the two runs it.
fn before_callback() -> String {
    let (token, witnesses, seen) =
        (CancellationToken::new(), [Witness::new(), Witness::new()], Arc::new(AtomicUsize::new(0)));
    let other = {
        let (token, witness) = (token.clone(), witnesses[0].clone());
        spawn(move || {
            witness.write(1);
            assert!(token.cancel());
        })
    };
    witnesses[1].write(1);
    let callback = {
        let seen = seen.clone();
        move || {
            let sum = witnesses[0].read() + 10 * witnesses[1].read();
            seen.store(sum, Relaxed);
        }
    };
    token.on_cancel(callback);
    other.join().unwrap();
    let seen = seen.load(Relaxed);
    format!("{} {}", seen % 10, seen / 10)
}

fn two_cancels() -> String {
    let token = CancellationToken::new();
    let other = {
        let token = token.clone();
        spawn(move || token.cancel_with("first"))
    };
    let second = token.cancel_with("second");
    let cause = token.cause().expect("cancelled").to_string();
    let first = other.join().unwrap();
    assert!(first != second, "one of them won");
    assert_eq!(cause, if first { "first" } else { "second" });
    assert_eq!(token.cause().expect("cancelled").to_string(), cause, "for ever");
    cause
}

/// A cancel races a deadline, its own or that of the token above.
fn late(inherited: bool) -> String {
    let timed = CancellationToken::new().with_timeout(SHORT);
    let token = if inherited { timed.child_token() } else { timed.clone() };
    let other = {
        let token = token.clone();
        spawn(move || token.cancel())
    };
    token.wait();
    let cause = token.cause().expect("ended");
    let won = other.join().unwrap();
    assert_eq!(won, matches!(cause, Cause::Cancelled), "the cause is the winner's: {cause}");
    assert!(timed.wait_timeout(LONG), "its time comes, too");
    if won { "won".into() } else { "deadline".into() }
}

/// Nobody has looked since the deadline passed.
fn too_late() -> String {
    let token = CancellationToken::new().with_timeout(SHORT);
    let child = token.child_token();
    after(LONG).recv().unwrap();
    assert!(!child.cancel_with("too late") && !token.cancel(), "too late");
    assert!([child, token].iter().all(|token| matches!(token.cause(), Some(Cause::DeadlineExceeded))));
    "deadline".into()
}

fn child_made_while_cancelling() -> String {
    let token = CancellationToken::new();
    let other = {
        let token = token.clone();
        spawn(move || assert!(token.cancel_with("full")))
    };
    let child = token.child_token();
    let from_the_start = child.is_cancelled();
    other.join().unwrap();
    assert_eq!(child.check().unwrap_err().to_string(), "full");
    early_or_late(from_the_start)
}

/// The token between gets a child, and is dropped, while the cancellation is on its way.
fn grandchild() -> String {
    let token = CancellationToken::new();
    let child = token.child_token();
    let other = spawn(move || assert!(token.cancel()));
    let grandchild = child.child_token();
    drop(child);
    other.join().unwrap();
    assert!(grandchild.is_cancelled(), "a grandchild is reached");
    "cancelled".into()
}

/// The last handle of a token with a callback is dropped while its parent is cancelled: the callback runs, by one of the
/// two, and is dropped once.
fn last_handle_dropped() -> String {
    Counted::begin();
    let (token, runs) = (CancellationToken::new(), Runs::default());
    let child = token.child_token();
    let (counted, run) = (Counted(0), runs.callback());
    child.on_cancel(move || {
        run();
        drop(counted);
    });
    let gate = Gate::new();
    let other = {
        let (token, gate) = (token.clone(), gate.clone());
        spawn(move || {
            gate.pass();
            assert!(token.cancel());
        })
    };
    gate.pass();
    drop(child);
    other.join().unwrap();
    assert_eq!(Counted::drops(), 1);
    drop(token.child_token()); // its place is free
    assert_eq!(runs.count(), 1, "whoever does it");
    "run".into()
}

/// The same of a grandchild, whose parent nobody else keeps.
fn last_handle_of_a_grandchild() -> String {
    let (token, runs) = (CancellationToken::new(), Runs::default());
    let grandchild = token.child_token().child_token();
    grandchild.on_cancel(runs.callback());
    let other = spawn(move || drop(grandchild));
    assert!(token.cancel());
    other.join().unwrap();
    assert_eq!(runs.count(), 1, "whoever does it");
    "run".into()
}

/// A callback whose token nobody holds any more runs at the deadline, or when an ancestor is cancelled.
fn nobody_holds_it(cancel: bool) -> String {
    let (token, group) = (CancellationToken::new(), WaitGroup::new());
    let (guard, runs) = (group.guard(), Runs::default());
    let run = runs.callback();
    token.with_timeout(SHORT).on_cancel(move || {
        run();
        drop(guard); // a second run would have none
    });
    if cancel {
        token.cancel();
    }
    group.wait();
    assert_eq!(runs.count(), 1);
    "run".into()
}

/// Nobody can cancel a root that nobody holds: its callback is dropped, and that of a child with it.
fn nobody_can_cancel_it() -> String {
    Counted::begin();
    let token = CancellationToken::new();
    for (number, token) in [token.child_token(), token.clone()].into_iter().enumerate() {
        let counted = Counted(number);
        token.on_cancel(move || panic!("{} runs", counted.0));
    }
    let other = token.clone();
    let other = spawn(move || drop(other));
    drop(token);
    other.join().unwrap();
    assert_eq!(Counted::drops(), 2);
    "dropped".into()
}

fn parent_first() -> String {
    let token = CancellationToken::new();
    let child = token.child_token();
    let other = {
        let token = token.clone();
        spawn(move || assert!(token.cancel()))
    };
    let cancelled = child.is_cancelled();
    if cancelled {
        assert!(token.is_cancelled(), "a child is found after its parent");
    }
    other.join().unwrap();
    early_or_late(cancelled)
}

/// Two cancel a token and its child: whoever did returns only when both of the child's descendants are cancelled.
fn cancelled_meanwhile() -> String {
    let root = CancellationToken::new();
    let child = root.child_token();
    let grandchild = child.child_token();
    let last = grandchild.child_token();
    let other = {
        let last = last.clone();
        spawn(move || {
            let cancelled = child.cancel();
            assert!(!cancelled || last.is_cancelled(), "not before `cancel` returned");
            cancelled
        })
    };
    assert!(root.cancel());
    assert!(last.is_cancelled(), "not before `cancel` returned");
    if other.join().unwrap() { "early" } else { "late" }.into()
}

fn siblings() -> String {
    let token = CancellationToken::new();
    let child = token.child_token();
    let other = spawn(move || assert!(child.cancel() && child.is_cancelled())); // and drops it
    let sibling = token.child_token();
    other.join().unwrap();
    assert!(!token.is_cancelled() && !sibling.is_cancelled());
    "one of three".into()
}

/// Of four children one is dropped before the fourth is made, another while they are cancelled.
fn places_are_used_again() -> String {
    let token = CancellationToken::new();
    let [a, b, c] = [(); 3].map(|()| token.child_token());
    drop(b);
    let d = token.child_token();
    let other = spawn(move || assert!(token.cancel()));
    drop(a);
    let e = c.child_token();
    other.join().unwrap();
    assert!([c, d, e].iter().all(CancellationToken::is_cancelled));
    "all that are left".into()
}

/// One child more than a token keeps places for when it has none (`Slots::KEPT`): the others stay when one leaves.
fn many_places() -> String {
    let token = CancellationToken::new();
    let mut children: Vec<_> = (0..=32).map(|_| token.child_token()).collect();
    let one = children.pop();
    let other = spawn(move || assert!(token.cancel()));
    drop(one);
    other.join().unwrap();
    assert!(children.iter().all(CancellationToken::is_cancelled));
    "all that are left".into()
}

/// When a callback runs, all descendants of its token have been cancelled.
fn callbacks_last() -> String {
    let (root, group) = (CancellationToken::new(), WaitGroup::new());
    let guard = group.guard();
    let grandchild = root.child_token().child_token();
    root.on_cancel(move || {
        assert!(grandchild.is_cancelled(), "descendants first");
        drop(guard);
    });
    let other = spawn(move || root.cancel());
    group.wait();
    other.join().unwrap();
    "descendants first".into()
}

fn stop_or_run(at_deadline: bool) -> String {
    let (token, runs) = (CancellationToken::new(), Runs::default());
    let token = if at_deadline { token.with_timeout(SHORT) } else { token };
    let registration = token.on_cancel(runs.callback());
    // At the deadline the crate's own thread runs it, and nobody joins that one.
    let other = (!at_deadline).then(|| {
        let token = token.clone();
        spawn(move || assert!(token.cancel()))
    });
    let stopped = registration.stop();
    if let Some(other) = other {
        other.join().unwrap();
        assert_eq!(runs.count(), usize::from(!stopped));
    } else {
        assert!(!stopped || runs.count() == 0);
    }
    keep(token);
    if stopped { "stopped".into() } else { "run".into() }
}

fn registered_while_cancelling() -> String {
    let (token, runs) = (CancellationToken::new(), Runs::default());
    let other = {
        let token = token.clone();
        spawn(move || assert!(token.cancel()))
    };
    token.on_cancel(runs.callback());
    other.join().unwrap();
    runs.count().to_string()
}

/// A callback whose token is cancelled, or expires, runs once: on the thread that cancels, or on the crate's.
fn callback_once() -> String {
    let (token, group) = (CancellationToken::new().with_timeout(SHORT), WaitGroup::new());
    let guard = group.guard();
    let (runs, gate) = (Runs::default(), Gate::new());
    let run = runs.callback();
    token.on_cancel(move || {
        gate.pass(); // so that others can go on before it has run
        run();
        drop(guard); // a second run would have none
    });
    let won = token.cancel();
    assert!(!won || runs.count() == 1, "run before `cancel` returns");
    group.wait();
    keep(token);
    if won { "cancelled".into() } else { "expired".into() }
}

fn never_early() -> String {
    let root = CancellationToken::new();
    let token = root.with_timeout(SHORT);
    let child = token.with_timeout(LONG);
    assert!(!token.is_cancelled() && token.cause().is_none(), "not yet");
    assert!(!token.wait_timeout(SHORT / 2), "not yet");
    assert!(token.wait_timeout(LONG), "now");
    assert!(child.is_cancelled() && !root.is_cancelled(), "the child, and nobody else");
    for token in [token, child] {
        assert!(matches!(token.cause(), Some(Cause::DeadlineExceeded)), "by its deadline");
        assert!(!token.cancel());
        assert!(matches!(token.child_token().cause(), Some(Cause::DeadlineExceeded)), "by its deadline");
    }
    "at its time".into()
}

fn childs_cancel() -> String {
    let parent = CancellationToken::new().with_timeout(SHORT);
    let (child, gate) = (parent.child_token(), Gate::new());
    let other = {
        let (child, gate) = (child.clone(), gate.clone());
        spawn(move || {
            gate.pass();
            child.cancel()
        })
    };
    gate.pass();
    parent.wait();
    assert!(child.is_cancelled(), "by itself or with its parent");
    let won = other.join().unwrap();
    assert!(matches!(parent.cause(), Some(Cause::DeadlineExceeded)));
    assert_eq!(matches!(child.cause(), Some(Cause::Cancelled)), won);
    if won { "won".into() } else { "deadline".into() }
}

/// Each of them could do what it is for, too.
fn cancelled_before() -> String {
    let (token, (sender, receiver), group) = (CancellationToken::new(), ends(Some(2)), WaitGroup::new());
    sender.send_or_cancelled(1, &token).unwrap();
    let other = {
        let token = token.clone();
        spawn(move || assert!(token.cancel()))
    };
    token.wait();
    assert!(sender.send_or_cancelled(2, &token).is_err_and(|error| error.is_cancelled() && error.into_inner() == 2));
    assert!(receiver.recv_or_cancelled(&token).is_err_and(|error| error.is_cancelled()));
    assert!(group.wait_or_cancelled(&token).is_err());
    other.join().unwrap();
    assert_eq!((receiver.len(), receiver.recv()), (1, Ok(1)));
    "all three".into()
}

fn send_or_cancelled(capacity: usize) -> String {
    let (token, (sender, receiver)): (_, Ends<Counted>) = (CancellationToken::new(), ends(Some(capacity)));
    Counted::begin();
    let sending = {
        let (token, sender) = (token.clone(), sender.clone());
        spawn(move || sender.send_or_cancelled(Counted(7), &token))
    };
    let cancelling = {
        let token = token.clone();
        spawn(move || assert!(token.cancel()))
    };
    let received = receiver.try_recv();
    let [sent] = join([sending]);
    join([cancelling]);
    let received = received.or_else(|_| receiver.try_recv());
    let handed_back = match sent.as_ref().map_err(|error| error.is_cancelled()) {
        Ok(()) => false,
        Err(cancelled) => {
            assert!(cancelled, "nobody closed it");
            true
        }
    };
    assert_eq!(received.is_ok(), !handed_back, "received or handed back");
    drop((received, sent));
    assert_eq!(Counted::drops(), 1);
    if handed_back { "handed back".into() } else { "received".into() }
}

fn recv_or_cancelled() -> String {
    let (token, (sender, receiver)) = (CancellationToken::new(), ends(Some(1)));
    let sending = {
        let sender = sender.clone();
        spawn(move || sender.send(7).unwrap())
    };
    let cancelling = {
        let token = token.clone();
        spawn(move || assert!(token.cancel()))
    };
    let received = receiver.recv_or_cancelled(&token);
    join([sending, cancelling]);
    assert_eq!(received.is_ok(), receiver.try_recv().is_err(), "there is one value");
    if received.is_ok() { "received".into() } else { "left".into() }
}

fn wait_or_cancelled() -> String {
    let (token, group, witnesses) = (CancellationToken::new(), WaitGroup::new(), [Witness::new(), Witness::new()]);
    let guard = group.guard();
    let dropping = {
        let witness = witnesses[0].clone();
        spawn(move || {
            witness.write(1);
            drop(guard);
        })
    };
    let cancelling = {
        let (token, witness) = (token.clone(), witnesses[1].clone());
        spawn(move || {
            witness.write(1);
            assert!(token.cancel());
        })
    };
    let waited = group.wait_or_cancelled(&token);
    assert_eq!(witnesses[usize::from(waited.is_err())].read(), 1);
    group.wait();
    join([dropping, cancelling]);
    if waited.is_ok() { "none left".into() } else { "cancelled".into() }
}

/// What is done for a waiter in its other line: then it has left the token's, which lives on.
fn served_elsewhere() -> String {
    let (token, waiter) = (CancellationToken::new(), Arc::new(Waiter::thread()));
    let serving = {
        let waiter = waiter.clone();
        spawn(move || {
            assert!(waiter.claim(Done(0)));
            waiter.notify();
        })
    };
    assert_eq!(token.wait_or_leave(&waiter, || unreachable!("it is served")), Some(Done(0)));
    join([serving]);
    assert_eq!(Arc::strong_count(&waiter), 1, "nothing of it is left in the token's line");
    "nothing is left".into()
}

/// Standing in a token's line is news to whoever waits for readiness: it looks again, and is not forgotten.
fn beside_an_observer() -> String {
    let (token, group) = (CancellationToken::new(), WaitGroup::new());
    let observing = {
        let (done, guard) = (token.done(), group.guard());
        spawn(move || {
            drop(guard);
            let mut select = Select::new();
            select.recv(&done);
            select.ready()
        })
    };
    group.wait_or_cancelled(&token).unwrap();
    assert!(token.cancel());
    observing.join().unwrap();
    "both".into()
}

fn deadline_ends_every_wait() -> String {
    let timed = || CancellationToken::new().with_timeout(SHORT);
    timed().wait();
    block_on(timed().cancelled());
    select_biased! { recv(timed().done()) -> gone => assert!(gone.is_err()) }
    let ((sender, receiver), group) = (ends::<u8>(Some(0)), WaitGroup::new());
    assert!(sender.send_or_cancelled(1, &timed()).is_err_and(|error| error.is_cancelled()));
    assert!(receiver.recv_or_cancelled(&timed()).is_err_and(|error| error.is_cancelled()));
    let _guard = group.guard();
    assert!(group.wait_or_cancelled(&timed()).is_err());
    "all".into()
}

fn two_waits() -> String {
    let token = CancellationToken::new();
    let child = token.child_token();
    let blocked = {
        let token = token.clone();
        spawn(move || token.wait())
    };
    let cancelling = spawn(move || assert!(token.cancel()));
    select_biased! { recv(child.done()) -> gone => assert!(gone.is_err()) }
    join([blocked, cancelling]);
    "both".into()
}

/// Two come to wait for one token, each as the first, while it is cancelled.
fn two_make_the_line() -> String {
    let (token, witness) = (CancellationToken::new(), Witness::new());
    let blocked = {
        let (token, witness) = (token.clone(), witness.clone());
        spawn(move || {
            token.wait();
            assert_eq!(witness.read(), 1);
        })
    };
    let cancelling = {
        let (token, witness) = (token.clone(), witness.clone());
        spawn(move || {
            witness.write(1);
            assert!(token.cancel());
        })
    };
    assert!(token.done().recv().is_err());
    assert_eq!(witness.read(), 1);
    join([blocked, cancelling]);
    "both".into()
}

/// A value is there until the token has been cancelled: so there is no moment at which neither arm is ready.
fn default_beside_a_token() -> String {
    let (token, (sender, receiver)) = (CancellationToken::new(), ends(Some(1)));
    sender.send(7).unwrap();
    let done = token.done();
    let cancelling = {
        let token = token.clone();
        spawn(move || assert!(token.cancel()))
    };
    let taking = {
        let receiver = receiver.clone();
        spawn(move || token.is_cancelled().then(|| receiver.try_recv()))
    };
    let chosen = select_biased! {
        recv(receiver) -> _ => "value",
        recv(done) -> _ => "ended",
        default => panic!("one of the two was ready"),
    };
    join([cancelling]);
    taking.join().unwrap();
    chosen.into()
}

/// The fault of one who looks for a line, and then says that it is over, in a token with a line of one.
fn line_looked_for_too_early() -> String {
    let token = Arc::new(Lock::new((false, None::<Arc<Waiter>>))); // whether it is over, and the line
    let cancelling = {
        let token = token.clone();
        spawn(move || {
            let line = token.with(|(_, line)| line.clone());
            token.with(|(over, _)| *over = true);
            if let Some(waiter) = line.filter(|waiter| waiter.claim(Closed)) {
                waiter.notify();
            }
        })
    };
    let waiter = Arc::new(Waiter::thread());
    let stand = |(over, line): &mut (bool, Option<Arc<Waiter>>)| {
        let open = !*over;
        *line = open.then(|| waiter.clone());
        open
    };
    if token.with(stand) {
        waiter.wait();
    }
    cancelling.join().unwrap();
    "woken".into()
}

fn timed_wait() -> String {
    let (token, witness) = (CancellationToken::new(), Witness::new());
    let other = {
        let (token, witness) = (token.clone(), witness.clone());
        spawn(move || {
            witness.write(1);
            assert!(token.cancel());
        })
    };
    let cancelled = token.wait_timeout(SHORT);
    if cancelled {
        assert_eq!(witness.read(), 1);
    }
    token.wait();
    other.join().unwrap();
    early_or_late(cancelled)
}

fn future_dropped() -> String {
    let (token, (_, waker)) = (CancellationToken::new(), CountingWaker::new());
    let other = {
        let token = token.clone();
        spawn(move || assert!(token.cancel()))
    };
    let late = Box::pin(token.cancelled()).as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
    token.wait();
    other.join().unwrap();
    early_or_late(late)
}

/// Nothing of it is left in line.
fn dropped_future_is_not_woken() -> String {
    let (token, (wakes, waker)) = (CancellationToken::new(), CountingWaker::new());
    let mut abandoned = Box::pin(token.cancelled());
    assert!(abandoned.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(abandoned);
    let other = {
        let token = token.clone();
        spawn(move || assert!(token.cancel()))
    };
    token.wait();
    other.join().unwrap();
    assert_eq!(wakes.count(), 0, "nothing of it is left");
    "not woken".into()
}

/// Of three who wait the first and the last give up.
fn first_and_last_leave() -> String {
    let (token, wakers) = (CancellationToken::new(), [(); 3].map(|()| CountingWaker::new()));
    let [first, mut second, last] = wakers.each_ref().map(|(_, waker)| {
        let mut wait = Box::pin(token.cancelled());
        assert!(poll(&mut wait, waker).is_pending());
        wait
    });
    drop(first);
    drop(last);
    let kept = wakers.each_ref().map(|(counting, _)| Arc::strong_count(counting) - 2);
    assert_eq!(kept, [0, 1, 0], "nothing of the two is left in line");
    let other = {
        let token = token.clone();
        spawn(move || assert!(token.cancel()))
    };
    token.wait();
    other.join().unwrap();
    assert_eq!(wakers.each_ref().map(|(counting, _)| counting.count()), [0, 1, 0]);
    assert!(poll(&mut second, &wakers[1].1).is_ready());
    "one woken".into()
}

/// A callback cancels its own token and the one above, takes a neighbour's callback back, and makes a child.
fn callback_cancels() -> String {
    let (root, runs) = (CancellationToken::new(), Runs::default());
    let token = root.child_token();
    let neighbour = root.on_cancel(runs.callback());
    let callback = {
        let (root, token) = (root.clone(), token.clone());
        move || {
            assert!(!token.cancel() && token.child_token().is_cancelled());
            neighbour.stop();
            root.cancel();
        }
    };
    token.on_cancel(callback);
    let other = {
        let token = token.clone();
        spawn(move || token.cancel())
    };
    root.cancel();
    other.join().unwrap();
    assert!(root.is_cancelled() && token.is_cancelled());
    runs.count().to_string()
}

/// The fault of a token that runs its callbacks under its lock, in a token made of one.
fn callback_under_the_lock() -> String {
    let cancelled = Arc::new(Lock::new(false));
    let callback = {
        let cancelled = cancelled.clone();
        move || cancelled.with(|cancelled| assert!(*cancelled))
    };
    let other = {
        let cancelled = cancelled.clone();
        spawn(move || {
            cancelled.with(|cancelled| {
                *cancelled = true;
                callback();
            });
        })
    };
    other.join().unwrap();
    "run".into()
}

/// The callback owns the last handle of its token.
fn callback_drops_the_token() -> String {
    let (root, runs) = (CancellationToken::new(), Runs::default());
    let token = root.child_token();
    let (own, run) = (token.clone(), runs.callback());
    token.on_cancel(move || {
        drop(own);
        run();
    });
    let other = spawn(move || assert!(root.cancel()));
    token.cancel();
    drop(token);
    other.join().unwrap();
    assert_eq!(runs.count(), 1, "it kept its token alive");
    "run".into()
}

fn callback_panics() -> String {
    let (token, runs) = (CancellationToken::new(), Runs::default());
    let child = token.child_token();
    token.on_cancel(|| panic!("of its own"));
    token.on_cancel(runs.callback());
    let waiting = {
        let child = child.clone();
        spawn(move || child.wait())
    };
    quietly(|| {
        let cancel = std::panic::AssertUnwindSafe(|| token.cancel());
        assert!(std::panic::catch_unwind(cancel).is_err_and(|panic| panic.is::<&str>()), "the panic comes out");
    });
    assert!(token.is_cancelled() && child.is_cancelled());
    waiting.join().unwrap();
    assert_eq!(runs.count(), 1);
    "the other ran".into()
}
