//! Tokens.
//!
//! In a token's `ended` one thread may load and later store (whoever looks after the deadline), the class of programs of
//! which loom can miss outcomes: so every model here runs under both explorers, and their outcomes are compared.

use std::future::{Future, pending};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::Context;
use std::time::Duration;

use hence_registry::{Engine, Kind, Model, Weaken};

use super::harness::{Arc, Counted, CountingWaker, Ends, Witness, block_on, ends, join, poll, quietly, race, spawn};
use super::weaken::{claim, weaken};
use super::{DEADLOCK, RACE};
use crate::hence::cancel::{CancellationToken, Cause};
use crate::hence::channel::{Select, after};
use crate::hence::sync::{Lock, reached};
use crate::hence::wait::{Waiter, WakeCause::Closed, WakeCause::Done};
use crate::hence::wait_group::WaitGroup;
use crate::select_biased;

pub(super) fn models() -> Vec<Model> {
    [
        is_cancelled(),
        late_look(),
        waits(),
        childs_wait(),
        childs_cause(),
        before_callback(),
        two_cancels(),
        late(),
        too_late(),
        child_made_while_cancelling(),
        grandchild(),
        last_handle_dropped(),
        parent_first(),
        cancelled_meanwhile(),
        siblings(),
        many_places(),
        places_are_used_again(),
        callbacks_last(),
        stop_or_run(),
        registered_while_cancelling(),
        callback_once(),
        nobody_can_cancel_it(),
        never_early(),
        childs_cancel(),
        cancelled_before(),
        send_or_cancelled(),
        recv_or_cancelled(),
        wait_or_cancelled(),
        served_elsewhere(),
        default_beside_a_token(),
        receive_until_cancelled(),
        line_looked_for_too_early(),
        beside_an_observer(),
        deadline_ends_every_wait(),
        two_waits(),
        two_make_the_line(),
        timed_wait(),
        future_dropped(),
        dropped_future_is_not_woken(),
        first_and_last_leave(),
        callback_cancels(),
        callback_under_the_lock(),
        callback_drops_the_token(),
        last_handle_of_a_grandchild(),
        nobody_holds_it(),
        callback_panics(),
    ]
    .concat()
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

/// Whoever finds a token cancelled sees what was done before the cancel.
fn is_cancelled() -> Vec<Model> {
    fn run() -> String {
        let (token, witness) = (CancellationToken::new(), Witness::new());
        let ((), cancelled) = race(writes_and_cancels(token.clone(), &witness), || {
            let cancelled = token.is_cancelled();
            if cancelled {
                assert_eq!(witness.read(), 1);
            }
            cancelled
        });
        early_or_late(cancelled)
    }
    vec![
        Model::new("hb_cx_1_cancel_before_is_cancelled", &["HB-CX-1"], EARLY_OR_LATE, run),
        Model::failing("hb_cx_1_store_relaxed", &["HB-CX-1"], RACE, run).weakened(no_release()),
        Model::failing("hb_cx_1_look_relaxed", &["HB-CX-1"], RACE, run).weakened(no_acquire()),
    ]
}

/// A cancel wins in time, while another thread finds that the deadline has passed: it sees what was done before the
/// cancel.
fn late_look() -> Vec<Model> {
    fn run() -> String {
        let (token, witness) = (CancellationToken::new().with_timeout(SHORT), Witness::new());
        // No explorer sees `won`, and it orders nothing.
        let (won, gate) = (Arc::new(AtomicBool::new(false)), Gate::new());
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
    vec![
        Model::new("hb_cx_1_cancel_before_a_late_look", &["HB-CX-1"], WON_OR_LATE, run),
        Model::failing("hb_cx_1_late_look_relaxed", &["HB-CX-1"], RACE, run)
            .weakened(latch(Kind::FailureRelaxed, "self.word.compare_exchange(")),
    ]
}

/// Whoever waits for a token, in whichever way, sees what was done before the cancel.
fn waits() -> Vec<Model> {
    fn run(wait: fn(&CancellationToken)) -> String {
        let (token, witness) = (CancellationToken::new(), Witness::new());
        let ((), seen) = race(writes_and_cancels(token.clone(), &witness), || {
            wait(&token);
            witness.read()
        });
        seen.to_string()
    }
    fn blocked() -> String {
        run(CancellationToken::wait)
    }
    fn until() -> String {
        run(|token| assert_eq!(block_on(token.run_until_cancelled(pending::<()>())), None))
    }
    fn select() -> String {
        run(|token| select_biased! { recv(token.done()) -> gone => assert!(gone.is_err()) })
    }
    vec![
        Model::new("hb_cx_1_cancel_before_wait", &["HB-CX-1", "LV-CX-1"], &["1"], blocked),
        Model::failing("hb_cx_1_wait_claim_relaxed", &["HB-CX-1"], RACE, blocked).weakened(claim(Kind::Relaxed)),
        Model::failing("lv_cx_1_wait_not_notified", &["LV-CX-1"], DEADLOCK, blocked).weakened(close_unnotified()),
        // Whoever ends the token does not see the line that the other has made.
        Model::failing("lv_cx_1_line_looked_for_unordered", &["LV-CX-1"], RACE, blocked)
            .weakened(latch(Kind::Release, "self.word.fetch_or(SET,")),
        Model::new("hb_cx_1_cancel_before_cancelled", &["HB-CX-1", "LV-CX-1"], &["1"], || {
            run(|token| block_on(token.cancelled()))
        }),
        Model::new("hb_cx_1_cancel_before_cancelled_owned", &["HB-CX-1", "LV-CX-1"], &["1"], || {
            run(|token| block_on(token.clone().cancelled_owned()))
        }),
        Model::new("hb_cx_1_cancel_before_what_runs_until_it", &["HB-CX-1", "LV-CX-1"], &["1"], until),
        Model::failing("lv_cx_1_run_until_not_notified", &["LV-CX-1"], DEADLOCK, until).weakened(close_unnotified()),
        Model::new("hb_cx_1_cancel_before_done", &["HB-CX-1", "LV-CX-1"], &["1"], select),
        Model::failing("lv_cx_1_done_not_notified", &["LV-CX-1"], DEADLOCK, select).weakened(close_unnotified()),
    ]
}

/// A grandchild's wait sees what was done before the root's cancel.
fn childs_wait() -> Vec<Model> {
    fn run() -> String {
        let (token, witness) = (CancellationToken::new(), Witness::new());
        let grandchild = token.child_token().child_token();
        let ((), seen) = race(writes_and_cancels(token, &witness), || {
            grandchild.wait();
            witness.read()
        });
        seen.to_string()
    }
    vec![Model::new("hb_cx_1_parents_cancel_before_childs_wait", &["HB-CX-1", "LV-CX-1"], &["1"], run)]
}

/// Whoever finds a child's cause sees what was done before its parent's cancel.
fn childs_cause() -> Vec<Model> {
    fn run() -> String {
        let (token, witness) = (CancellationToken::new(), Witness::new());
        let child = token.child_token();
        let theirs = {
            let witness = witness.clone();
            move || {
                witness.write(1);
                assert!(token.cancel_with("full"));
            }
        };
        let ((), cause) = race(theirs, || {
            let cause = child.cause();
            if cause.is_some() {
                assert_eq!(witness.read(), 1);
            }
            cause
        });
        assert_eq!(child.check().unwrap_err().to_string(), "full");
        cause.map_or("none".into(), |cause| cause.to_string())
    }
    vec![Model::new("hb_cx_1_parents_cancel_before_childs_cause", &["HB-CX-1"], &["full", "none"], run)]
}

/// The callback sees what was done before `cancel`, and before `on_cancel`, whichever of the two runs it.
fn before_callback() -> Vec<Model> {
    fn run() -> String {
        let (token, witnesses, seen) =
            (CancellationToken::new(), [Witness::new(), Witness::new()], Arc::new(AtomicUsize::new(0)));
        race(writes_and_cancels(token.clone(), &witnesses[0]), || {
            witnesses[1].write(1);
            let seen = seen.clone();
            token.on_cancel(move || {
                let sum = witnesses[0].read() + 10 * witnesses[1].read();
                seen.store(sum, Relaxed);
            });
        });
        let seen = seen.load(Relaxed);
        format!("{} {}", seen % 10, seen / 10)
    }
    vec![
        Model::new("hb_cx_2_cancel_before_callback", &["HB-CX-2", "SF-CX-3"], &["1 1"], run),
        Model::failing("hb_cx_2_store_relaxed", &["HB-CX-2"], RACE, run).weakened(no_release()),
        Model::failing("hb_cx_2_register_unlocked", &["HB-CX-2"], RACE, run)
            .weakened(tree(Kind::NoLock, "    node.state.with(|state| {")),
    ]
}

/// Of two cancels one wins: the cause is the one it gave, for ever.
fn two_cancels() -> Vec<Model> {
    fn run() -> String {
        let token = CancellationToken::new();
        let theirs = token.clone();
        let (first, (second, cause)) = race(
            move || theirs.cancel_with("first"),
            || (token.cancel_with("second"), token.cause().expect("cancelled").to_string()),
        );
        assert!(first != second, "one of them won");
        assert_eq!(cause, if first { "first" } else { "second" });
        assert_eq!(token.cause().expect("cancelled").to_string(), cause, "for ever");
        cause
    }
    vec![
        Model::new("sf_cx_1_one_of_two_cancels_wins", &["SF-CX-1"], &["first", "second"], run),
        Model::failing("sf_cx_1_close_unlocked", &["SF-CX-1"], RACE, run).weakened(close_unlocked()),
    ]
}

/// A cancel races a deadline, its own or that of the token above: the cause is the winner's.
fn late() -> Vec<Model> {
    fn run(inherited: bool) -> String {
        let timed = CancellationToken::new().with_timeout(SHORT);
        let token = if inherited { timed.child_token() } else { timed.clone() };
        let theirs = token.clone();
        let (won, cause) = race(
            move || theirs.cancel(),
            || {
                token.wait();
                token.cause().expect("ended")
            },
        );
        assert_eq!(won, matches!(cause, Cause::Cancelled), "the cause is the winner's: {cause}");
        assert!(timed.wait_timeout(LONG), "its time comes, too");
        if won { "won".into() } else { "deadline".into() }
    }
    vec![
        Model::new("sf_cx_1_no_cancel_after_the_deadline", &["SF-CX-1", "SF-CX-4"], WON_OR_LATE, || run(false)),
        Model::failing("sf_cx_1_close_unchecked", &["SF-CX-1"], WINNERS, || run(false))
            .weakened(latch(Kind::Unchecked, "self.word.fetch_or(SET,")),
        Model::new("sf_cx_1_cancel_or_deadline_of_a_child", &["SF-CX-1", "SF-CX-4"], WON_OR_LATE, || run(true)),
        Model::failing("sf_cx_4_expiry_unchecked", &["SF-CX-4"], WINNERS, || run(false))
            .weakened(latch(Kind::Unchecked, "self.word.compare_exchange(")),
    ]
}

/// A cancel after the deadline comes too late, though nobody has looked since it passed.
fn too_late() -> Vec<Model> {
    fn run() -> String {
        let token = CancellationToken::new().with_timeout(SHORT);
        let child = token.child_token();
        after(LONG).recv().unwrap();
        assert!(!child.cancel_with("too late") && !token.cancel(), "too late");
        assert!([child, token].iter().all(|token| matches!(token.cause(), Some(Cause::DeadlineExceeded))));
        "deadline".into()
    }
    vec![Model::new("sf_cx_1_cancel_comes_too_late", &["SF-CX-1", "SF-CX-4"], &["deadline"], run)]
}

/// A child that is made while its parent is cancelled ends with the same cause.
fn child_made_while_cancelling() -> Vec<Model> {
    fn run() -> String {
        let token = CancellationToken::new();
        let theirs = token.clone();
        let ours = || {
            let child = token.child_token();
            (child.is_cancelled(), child)
        };
        let ((), (from_the_start, child)) = race(move || assert!(theirs.cancel_with("full")), ours);
        assert_eq!(child.check().unwrap_err().to_string(), "full");
        early_or_late(from_the_start)
    }
    vec![
        Model::new("sf_cx_2_child_made_while_cancelling", &["SF-CX-2"], EARLY_OR_LATE, run),
        Model::failing("sf_cx_2_child_unlocked", &["SF-CX-2"], RACE, run)
            .weakened(tree(Kind::NoLock, "parent.state.with("))
            .under(&[BOUNDED]), // loom's own lock fails, poisoned, after the race
        Model::failing("sf_cx_2_taken_unlocked", &["SF-CX-2"], RACE, run).weakened(close_unlocked()),
    ]
}

/// The token between gets a child, and is dropped, while the cancellation is on its way: it reaches the child.
fn grandchild() -> Vec<Model> {
    fn run() -> String {
        let token = CancellationToken::new();
        let child = token.child_token();
        let other = spawn(cancels(token));
        let grandchild = child.child_token();
        drop(child);
        other.join().unwrap();
        assert!(grandchild.is_cancelled(), "a grandchild is reached");
        "cancelled".into()
    }
    vec![Model::new("sf_cx_2_grandchild_of_a_dropped_child", &["SF-CX-2"], &["cancelled"], run)]
}

/// The last handle of a token with a callback is dropped while its parent is cancelled: the callback runs, by one of the
/// two, and is dropped once.
fn last_handle_dropped() -> Vec<Model> {
    fn run() -> String {
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
    vec![
        Model::new("sf_cx_2_last_handle_dropped", &["SF-CX-2", "SF-CX-3", "LV-CX-2"], &["run"], run),
        Model::failing("sf_cx_2_place_left_unlocked", &["SF-CX-2"], RACE, run)
            .weakened(tree(Kind::NoLock, "let _removed = self.node.state.with(")),
        Model::failing("lv_cx_2_left_to_the_parent_unlocked", &["LV-CX-2"], RACE, run)
            .weakened(tree(Kind::NoLock, "let _removed = self.node.state.with(")),
    ]
}

/// Whoever finds a child cancelled finds its parent cancelled, too.
fn parent_first() -> Vec<Model> {
    fn run() -> String {
        let token = CancellationToken::new();
        let child = token.child_token();
        let ((), cancelled) = race(cancels(token.clone()), || {
            let cancelled = child.is_cancelled();
            if cancelled {
                assert!(token.is_cancelled(), "a child is found after its parent");
            }
            cancelled
        });
        early_or_late(cancelled)
    }
    vec![
        Model::new("sf_cx_2_parent_first", &["SF-CX-2"], EARLY_OR_LATE, run),
        // Sequentially consistent, the bounded explorer cannot see it.
        Model::failing("sf_cx_2_parent_later", &["SF-CX-2"], &["found after its parent"], run)
            .weakened(no_release())
            .under(&[Engine::Loom]),
    ]
}

/// Two cancel a token and its child: whoever did returns only when both of the child's descendants are cancelled.
fn cancelled_meanwhile() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_cx_2_descendant_cancelled_meanwhile", &["SF-CX-2"], EARLY_OR_LATE, run)]
}

/// A cancelled child leaves its parent and a sibling as they are.
fn siblings() -> Vec<Model> {
    fn run() -> String {
        let token = CancellationToken::new();
        let child = token.child_token();
        let theirs = move || assert!(child.cancel() && child.is_cancelled()); // and drops it
        let ((), sibling) = race(theirs, || token.child_token());
        assert!(!token.is_cancelled() && !sibling.is_cancelled());
        "one of three".into()
    }
    vec![Model::new("sf_cx_2_parent_and_sibling_are_left", &["SF-CX-2"], &["one of three"], run)]
}

/// One child more than a token keeps places for when it has none (`Slots::KEPT`): the others stay when one leaves.
fn many_places() -> Vec<Model> {
    fn run() -> String {
        let token = CancellationToken::new();
        let mut children: Vec<_> = (0..=32).map(|_| token.child_token()).collect();
        let one = children.pop();
        race(cancels(token), || drop(one));
        assert!(children.iter().all(CancellationToken::is_cancelled));
        "all that are left".into()
    }
    vec![Model::new("sf_cx_2_many_places", &["SF-CX-2"], &["all that are left"], run)]
}

/// Of four children one is dropped before the fourth is made, another while they are cancelled.
fn places_are_used_again() -> Vec<Model> {
    fn run() -> String {
        let token = CancellationToken::new();
        let [a, b, c] = [(); 3].map(|()| token.child_token());
        drop(b);
        let d = token.child_token();
        let other = spawn(cancels(token));
        drop(a);
        let e = c.child_token();
        other.join().unwrap();
        assert!([c, d, e].iter().all(CancellationToken::is_cancelled));
        "all that are left".into()
    }
    vec![Model::new("sf_cx_2_places_are_used_again", &["SF-CX-2"], &["all that are left"], run)]
}

/// When a callback runs, all descendants of its token have been cancelled.
fn callbacks_last() -> Vec<Model> {
    fn run() -> String {
        let (root, group) = (CancellationToken::new(), WaitGroup::new());
        let guard = group.guard();
        let grandchild = root.child_token().child_token();
        root.on_cancel(move || {
            assert!(grandchild.is_cancelled(), "descendants first");
            drop(guard);
        });
        race(move || root.cancel(), || group.wait());
        "descendants first".into()
    }
    vec![Model::new("sf_cx_2_callbacks_last", &["SF-CX-2", "SF-CX-3"], &["descendants first"], run)]
}

/// A callback is stopped or runs, never both, beside a cancel and at the deadline.
fn stop_or_run() -> Vec<Model> {
    fn run(at_deadline: bool) -> String {
        let (token, runs) = (CancellationToken::new(), Runs::default());
        let token = if at_deadline { token.with_timeout(SHORT) } else { token };
        let registration = token.on_cancel(runs.callback());
        // At the deadline the crate's own thread runs it, and nobody joins that one.
        let other = (!at_deadline).then(|| spawn(cancels(token.clone())));
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
    vec![
        Model::new("sf_cx_3_stop_or_run", &["SF-CX-3"], STOPPED_OR_RUN, || run(false)),
        Model::failing("sf_cx_3_stop_unlocked", &["SF-CX-3"], RACE, || run(false))
            .weakened(tree(Kind::NoLock, "state.callbacks.as_mut()?.remove(self.ticket)")),
        Model::new("sf_cx_3_stop_or_run_at_the_deadline", &["SF-CX-3"], STOPPED_OR_RUN, || run(true)),
        Model::failing("sf_cx_3_taken_unlocked_at_the_deadline", &["SF-CX-3"], RACE, || run(true))
            .weakened(tree(Kind::NoLock, "let (_family, mut callbacks) = node.state.with(")),
    ]
}

/// A callback that is registered while its token is cancelled runs once.
fn registered_while_cancelling() -> Vec<Model> {
    fn run() -> String {
        let (token, runs) = (CancellationToken::new(), Runs::default());
        race(cancels(token.clone()), || _ = token.on_cancel(runs.callback()));
        runs.count().to_string()
    }
    vec![Model::new("sf_cx_3_registered_while_cancelling", &["SF-CX-3", "LV-CX-2"], &["1"], run)]
}

/// A callback whose token is cancelled, or expires, runs once: on the thread that cancels, or on the crate's.
fn callback_once() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_cx_3_cancel_or_deadline", &["SF-CX-3", "LV-CX-2", "HB-CX-2"], &["cancelled", "expired"], run)]
}

/// Nobody can cancel a root that nobody holds: its callback is dropped, and that of a child with it.
fn nobody_can_cancel_it() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let token = CancellationToken::new();
        for (number, token) in [token.child_token(), token.clone()].into_iter().enumerate() {
            let counted = Counted(number);
            token.on_cancel(move || panic!("{} runs", counted.0));
        }
        let theirs = token.clone();
        race(move || drop(theirs), || drop(token));
        assert_eq!(Counted::drops(), 2);
        "dropped".into()
    }
    vec![Model::new("sf_cx_3_nobody_can_cancel_the_token", &["SF-CX-3"], &["dropped"], run)]
}

/// A token is over at its deadline and not before. Its child goes with it, its parent does not.
fn never_early() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_cx_4_never_early", &["SF-CX-4"], &["at its time"], run).one_way("nobody cancels")]
}

/// A child is cancelled, or ends at its parent's deadline.
fn childs_cancel() -> Vec<Model> {
    fn run() -> String {
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
    vec![
        Model::new("sf_cx_4_childs_cancel_or_parents_deadline", &["SF-CX-4"], WON_OR_LATE, run)
            .one_way("nobody cancels the parent, which is waited for"),
    ]
}

/// On a token that is cancelled already a send, a receive and a wait give up, though each could do what it is for.
fn cancelled_before() -> Vec<Model> {
    fn run() -> String {
        let (token, (sender, receiver), group) = (CancellationToken::new(), ends(Some(2)), WaitGroup::new());
        sender.send_or_cancelled(1, &token).unwrap();
        let other = spawn(cancels(token.clone()));
        token.wait();
        assert!(
            sender.send_or_cancelled(2, &token).is_err_and(|error| error.is_cancelled() && error.into_inner() == 2)
        );
        assert!(receiver.recv_or_cancelled(&token).is_err_and(|error| error.is_cancelled()));
        assert!(group.wait_or_cancelled(&token).is_err());
        other.join().unwrap();
        assert_eq!((receiver.len(), receiver.recv()), (1, Ok(1)));
        "all three".into()
    }
    vec![Model::new("sf_cx_5_cancelled_before", &["SF-CX-5"], &["all three"], run)]
}

/// A token ends a send, while somebody receives: the value is received, or handed back.
fn send_or_cancelled() -> Vec<Model> {
    fn run(capacity: usize) -> String {
        let (token, (sender, receiver)): (_, Ends<Counted>) = (CancellationToken::new(), ends(Some(capacity)));
        Counted::begin();
        let sending = {
            let (token, sender) = (token.clone(), sender.clone());
            spawn(move || sender.send_or_cancelled(Counted(7), &token))
        };
        let cancelling = spawn(cancels(token.clone()));
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
    vec![
        Model::new("sf_cx_5_send_rendezvous", &["SF-CX-5"], &["handed back", "received"], || run(0)).slow(),
        Model::new("sf_cx_5_send_bounded", &["SF-CX-5"], &["handed back", "received"], || run(1)),
    ]
}

/// A token ends a receive, while a value comes: it is received, or left for the next.
fn recv_or_cancelled() -> Vec<Model> {
    fn run() -> String {
        let (token, (sender, receiver)) = (CancellationToken::new(), ends(Some(1)));
        let sending = {
            let sender = sender.clone();
            spawn(move || sender.send(7).unwrap())
        };
        let cancelling = spawn(cancels(token.clone()));
        let received = receiver.recv_or_cancelled(&token);
        join([sending, cancelling]);
        assert_eq!(received.is_ok(), receiver.try_recv().is_err(), "there is one value");
        if received.is_ok() { "received".into() } else { "left".into() }
    }
    vec![
        Model::new("sf_cx_5_recv", &["SF-CX-5"], &["left", "received"], run).slow(),
        Model::failing("sf_cx_5_claim_unchecked", &["SF-CX-5"], LOST, run).weakened(claim(Kind::Unchecked)),
    ]
}

/// A token ends the wait for a group, or the last guard does: who waited sees what was done before.
fn wait_or_cancelled() -> Vec<Model> {
    fn run() -> String {
        let (token, group, witnesses) = (CancellationToken::new(), WaitGroup::new(), [Witness::new(), Witness::new()]);
        let guard = group.guard();
        let dropping = {
            let witness = witnesses[0].clone();
            spawn(move || {
                witness.write(1);
                drop(guard);
            })
        };
        let cancelling = spawn(writes_and_cancels(token.clone(), &witnesses[1]));
        let waited = group.wait_or_cancelled(&token);
        assert_eq!(witnesses[usize::from(waited.is_err())].read(), 1);
        group.wait();
        join([dropping, cancelling]);
        if waited.is_ok() { "none left".into() } else { "cancelled".into() }
    }
    vec![
        Model::new("sf_cx_5_wait_group", &["SF-CX-5", "LV-CX-1"], &["cancelled", "none left"], run).slow(),
        Model::failing("lv_cx_1_wait_group_not_notified", &["LV-CX-1"], DEADLOCK, run).weakened(close_unnotified()),
    ]
}

/// What is done for a waiter in its other line: then it has left the token's, which lives on.
fn served_elsewhere() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_cx_5_served_elsewhere", &["SF-CX-5"], &["nothing is left"], run)]
}

/// A value is there until the token has been cancelled: there is no moment at which neither arm is ready, and no
/// `default` is chosen.
fn default_beside_a_token() -> Vec<Model> {
    fn run() -> String {
        let (token, (sender, receiver)) = (CancellationToken::new(), ends(Some(1)));
        sender.send(7).unwrap();
        let done = token.done();
        let cancelling = spawn(cancels(token.clone()));
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
    vec![Model::new("sf_sel_3_default_beside_a_token", &["SF-SEL-3"], &["ended", "value"], run)]
}

/// A receive that a token ends, while a value comes: it is received, or left for the next.
fn receive_until_cancelled() -> Vec<Model> {
    fn run() -> String {
        let (token, (sender, receiver)) = (CancellationToken::new(), ends(None));
        let theirs = {
            let token = token.clone();
            move || {
                assert!(token.cancel());
                sender.send(7).unwrap();
            }
        };
        let ((), received) = race(theirs, || block_on(token.run_until_cancelled(receiver.recv_async())));
        assert_eq!(received.is_none(), receiver.try_recv() == Ok(7), "there is one value");
        if received == Some(Ok(7)) { "received".into() } else { "left".into() }
    }
    vec![
        Model::new("lv_cx_1_run_until_received_or_cancelled", &["LV-CX-1", "SF-CH-5"], &["left", "received"], run)
            .under(&[Engine::Loom, Engine::Bounded { preemptions: Some(3), spurious: 1 }]),
    ]
}

/// The fault of one who looks for a line, and then says that it is over, in a token with a line of one.
fn line_looked_for_too_early() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::failing("lv_cx_1_line_looked_for_too_early", &["LV-CX-1"], DEADLOCK, run)]
}

/// Standing in a token's line is news to whoever waits for readiness: it looks again, and is not forgotten.
fn beside_an_observer() -> Vec<Model> {
    fn run() -> String {
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
    vec![
        Model::new("lv_cx_1_beside_an_observer", &["LV-CX-1"], &["both"], run),
        Model::failing("lv_cx_1_observer_not_notified", &["LV-CX-1"], DEADLOCK, run).weakened(close_unnotified()),
    ]
}

/// A deadline ends every kind of wait.
fn deadline_ends_every_wait() -> Vec<Model> {
    fn run() -> String {
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
    vec![
        Model::new("lv_cx_1_deadline_ends_every_wait", &["LV-CX-1"], &["all"], run)
            .one_way("nobody cancels, sends, receives or drops the guard"),
    ]
}

/// A cancel ends the wait of a thread for the token, and of a select for its child.
fn two_waits() -> Vec<Model> {
    fn run() -> String {
        let token = CancellationToken::new();
        let child = token.child_token();
        let blocked = {
            let token = token.clone();
            spawn(move || token.wait())
        };
        let cancelling = spawn(cancels(token));
        select_biased! { recv(child.done()) -> gone => assert!(gone.is_err()) }
        join([blocked, cancelling]);
        "both".into()
    }
    vec![
        Model::new("lv_cx_1_two_kinds_of_waits", &["LV-CX-1"], &["both"], run)
            .under(&[Engine::Loom, Engine::Bounded { preemptions: Some(3), spurious: 1 }]),
    ]
}

/// Two come to wait for one token, each as the first, while it is cancelled.
fn two_make_the_line() -> Vec<Model> {
    fn run() -> String {
        let (token, witness) = (CancellationToken::new(), Witness::new());
        let blocked = {
            let (token, witness) = (token.clone(), witness.clone());
            spawn(move || {
                token.wait();
                assert_eq!(witness.read(), 1);
            })
        };
        let cancelling = spawn(writes_and_cancels(token.clone(), &witness));
        assert!(token.done().recv().is_err());
        assert_eq!(witness.read(), 1);
        join([blocked, cancelling]);
        "both".into()
    }
    vec![Model::new("lv_cx_1_two_make_the_line", &["LV-CX-1", "HB-CX-1"], &["both"], run).slow()]
}

/// A wait that gives up races the cancel; the one after it, without a limit, ends.
fn timed_wait() -> Vec<Model> {
    fn run() -> String {
        let (token, witness) = (CancellationToken::new(), Witness::new());
        let ((), cancelled) = race(writes_and_cancels(token.clone(), &witness), || {
            let cancelled = token.wait_timeout(SHORT);
            if cancelled {
                assert_eq!(witness.read(), 1);
            }
            token.wait();
            cancelled
        });
        early_or_late(cancelled)
    }
    vec![Model::new("lv_cx_1_timed_wait", &["LV-CX-1", "HB-CX-1"], EARLY_OR_LATE, run)]
}

/// A future is dropped while its token is cancelled: the wait that follows ends.
fn future_dropped() -> Vec<Model> {
    fn run() -> String {
        let (token, (_, waker)) = (CancellationToken::new(), CountingWaker::new());
        let ((), late) = race(cancels(token.clone()), || {
            let late = Box::pin(token.cancelled()).as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
            token.wait();
            late
        });
        early_or_late(late)
    }
    vec![Model::new("lv_cx_1_future_dropped", &["LV-CX-1"], EARLY_OR_LATE, run)]
}

/// Nothing of a future that has been dropped is left in line.
fn dropped_future_is_not_woken() -> Vec<Model> {
    fn run() -> String {
        let (token, (wakes, waker)) = (CancellationToken::new(), CountingWaker::new());
        let mut abandoned = Box::pin(token.cancelled());
        assert!(abandoned.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(abandoned);
        race(cancels(token.clone()), || token.wait());
        assert_eq!(wakes.count(), 0, "nothing of it is left");
        "not woken".into()
    }
    vec![Model::new("lv_cx_1_dropped_future_is_not_woken", &["LV-CX-1"], &["not woken"], run)]
}

/// Of three who wait the first and the last give up.
fn first_and_last_leave() -> Vec<Model> {
    fn run() -> String {
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
        race(cancels(token.clone()), || token.wait());
        assert_eq!(wakers.each_ref().map(|(counting, _)| counting.count()), [0, 1, 0]);
        assert!(poll(&mut second, &wakers[1].1).is_ready());
        "one woken".into()
    }
    vec![Model::new("lv_cx_1_first_and_last_leave", &["LV-CX-1", "SF-WT-2"], &["one woken"], run)]
}

/// A callback cancels its own token and the one above, takes a neighbour's callback back, and makes a child.
fn callback_cancels() -> Vec<Model> {
    fn run() -> String {
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
        let theirs = token.clone();
        race(move || theirs.cancel(), || root.cancel());
        assert!(root.is_cancelled() && token.is_cancelled());
        runs.count().to_string()
    }
    vec![Model::new("lv_cx_2_callback_cancels_and_stops", &["LV-CX-2"], &["0", "1"], run)]
}

/// The fault of a token that runs its callbacks under its lock, in a token made of one.
fn callback_under_the_lock() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::failing("lv_cx_2_callback_under_the_lock", &["LV-CX-2"], DEADLOCK, run)]
}

/// A callback that owns the last handle of its token runs.
fn callback_drops_the_token() -> Vec<Model> {
    fn run() -> String {
        let (root, runs) = (CancellationToken::new(), Runs::default());
        let token = root.child_token();
        let (own, run) = (token.clone(), runs.callback());
        token.on_cancel(move || {
            drop(own);
            run();
        });
        let other = spawn(cancels(root));
        token.cancel();
        drop(token);
        other.join().unwrap();
        assert_eq!(runs.count(), 1, "it kept its token alive");
        "run".into()
    }
    vec![Model::new("lv_cx_2_callback_drops_the_token", &["LV-CX-2", "SF-CX-3"], &["run"], run)]
}

/// The last handle of a grandchild, whose parent nobody else keeps, is dropped while the root is cancelled: the
/// callback runs, by one of the two.
fn last_handle_of_a_grandchild() -> Vec<Model> {
    fn run() -> String {
        let (token, runs) = (CancellationToken::new(), Runs::default());
        let grandchild = token.child_token().child_token();
        grandchild.on_cancel(runs.callback());
        race(move || drop(grandchild), || assert!(token.cancel()));
        assert_eq!(runs.count(), 1, "whoever does it");
        "run".into()
    }
    vec![Model::new("lv_cx_2_last_handle_of_a_grandchild", &["LV-CX-2"], &["run"], run)]
}

/// A callback whose token nobody holds any more runs at the deadline, or when an ancestor is cancelled.
fn nobody_holds_it() -> Vec<Model> {
    fn run(cancel: bool) -> String {
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
    vec![
        Model::new("lv_cx_2_nobody_holds_the_token", &["LV-CX-2"], &["run"], || run(false)),
        Model::new("lv_cx_2_nobody_holds_it_and_its_parent_ends", &["LV-CX-2", "SF-CX-3"], &["run"], || run(true))
            .under(&[Engine::Loom, Engine::Bounded { preemptions: Some(2), spurious: 1 }]),
    ]
}

/// A callback's panic comes out of `cancel`, after the descendants have been cancelled and the other callback has run.
fn callback_panics() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("lv_cx_2_callback_panics", &["LV-CX-2", "SF-CX-2"], &["the other ran"], run)]
}

/// One side of a race: it cancels the token, which nobody else does.
fn cancels(token: CancellationToken) -> impl FnOnce() + Send + 'static {
    move || assert!(token.cancel())
}

/// The same after it has written, for whoever finds the token cancelled.
fn writes_and_cancels(token: CancellationToken, witness: &Arc<Witness>) -> impl FnOnce() + Send + use<> {
    let witness = witness.clone();
    move || {
        witness.write(1);
        assert!(token.cancel());
    }
}

fn latch(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/wait/latch.rs", code)
}

fn tree(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/cancel/tree.rs", code)
}

/// What came before the end of the token is not published with it.
fn no_release() -> Weaken {
    latch(Kind::Acquire, "self.word.fetch_or(SET,")
}

/// A look at the token does not take up what was.
fn no_acquire() -> Weaken {
    latch(Kind::Relaxed, "self.word.load(Ordering::Acquire)")
}

/// A cancel takes what is below the token without its lock.
fn close_unlocked() -> Weaken {
    tree(Kind::NoLock, "let (taken, is_watched) = node.state.with(")
}

/// A cancel wakes nobody.
fn close_unnotified() -> Weaken {
    latch(Kind::NoWake, "notify_all(released")
}

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
