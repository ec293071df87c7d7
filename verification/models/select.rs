//! Select: exactly one operation, with the edges of the operation alone, and no trace of the others. Biased, so that
//! loom and the bounded explorer look at the operations in the same order; the order by chance has a model of its own.

use std::future::Future;
use std::task::{Context, Poll};
use std::time::Duration;

use hence_registry::{Engine, Kind, Model};

use super::harness::{
    Counted, CountingWaker, Ends, JoinHandle, Witness, block_on, ends, give_up, join, pending, sending, spawn,
};
use super::weaken::weaken;
use super::{DEADLOCK, RACE};
use crate::hence::cancel::CancellationToken;
use crate::hence::channel::{Select, after};
use crate::{select, select_biased};

pub(super) fn models() -> Vec<Model> {
    let core = |kind, code| weaken(kind, "src/channel/core.rs", code);
    let arms = |kind, code| weaken(kind, "src/channel/core/arms.rs", code);
    let waiter = |kind, code| weaken(kind, "src/wait.rs", code);
    let settle_relaxed = || waiter(Kind::Relaxed, "self.claim.store(cause.to_word()");
    let stand_unlocked = || arms(Kind::NoLock, "self.state.lock();");
    let choose_unlocked = || arms(Kind::NoLock, "let chosen = self.state.with(|state| {");
    vec![
        Model::new("hb_sel_1_send_before_select_rendezvous", &["HB-SEL-1"], &["7 1"], || send_before_select(Some(0))),
        Model::new("hb_sel_1_send_before_select_bounded", &["HB-SEL-1"], &["7 1"], || send_before_select(Some(1))),
        Model::new("hb_sel_1_send_before_select_unbounded", &["HB-SEL-1"], &["7 1"], || send_before_select(None)),
        Model::new("hb_sel_1_select_before_recv_rendezvous", &["HB-SEL-1"], &["7 1"], || select_before_recv(Some(0))),
        Model::new("hb_sel_1_select_before_recv_bounded", &["HB-SEL-1"], &["7 1"], || select_before_recv(Some(1))),
        Model::new("hb_sel_1_select_before_select", &["HB-SEL-1", "LV-SEL-1"], &["7 1"], select_before_select),
        Model::new("hb_sel_1_recv_before_select_returns_rendezvous", &["HB-SEL-1"], &["1"], || {
            recv_before_select_returns(0)
        }),
        Model::new("hb_sel_1_recv_before_select_returns_bounded", &["HB-SEL-1"], &["1"], || {
            recv_before_select_returns(1)
        }),
        Model::new("hb_sel_1_close_before_select_fails", &["HB-SEL-1", "LV-SEL-1"], &["1"], close_before_select_fails),
        Model::new(
            "hb_sel_1_close_before_select_send_fails",
            &["HB-SEL-1", "LV-SEL-1"],
            &["1"],
            close_before_select_send_fails,
        ),
        Model::failing("hb_sel_1_choose_unlocked", &["HB-SEL-1"], RACE, || send_before_select(Some(1)))
            .weakened(choose_unlocked()),
        Model::failing("hb_sel_1_settle_relaxed", &["HB-SEL-1"], RACE, || select_before_recv(Some(0)))
            .weakened(settle_relaxed()),
        Model::new("sf_sel_1_two_senders_rendezvous", &["SF-SEL-1", "SF-SEL-2"], &["1, 2", "2, 1"], || two_senders(0)),
        Model::new("sf_sel_1_two_senders_bounded", &["SF-SEL-1", "SF-SEL-2"], &["1, 2", "2, 1"], || two_senders(1)),
        Model::new("sf_sel_1_two_selects_rendezvous", &["SF-SEL-1", "LV-SEL-1"], &["1 sent", "2 sent"], || {
            two_selects(0)
        }),
        Model::new("sf_sel_1_two_selects_bounded", &["SF-SEL-1", "LV-SEL-1"], TWO_SELECTS, || two_selects(1)),
        Model::new("sf_sel_1_two_selects_crossed", &["SF-SEL-1", "LV-SEL-1"], &["1 sent", "2 sent"], crossed),
        Model::new("sf_sel_1_promise_and_claim", &["SF-SEL-1"], &["1, 2", "2, 1"], promise_and_claim).slow(),
        Model::new(
            "sf_sel_1_closed_before_it_is_completed",
            &["SF-SEL-1", "SF-CH-4"],
            &["refused", "sent"],
            closed_before_it_is_completed,
        ),
        Model::new("sf_sel_1_a_chosen_place_is_taken", &["SF-SEL-1", "SF-CH-3"], &["1"], chosen_place_is_taken),
        Model::new("sf_sel_1_a_place_passed_over_is_free", &["SF-SEL-1", "LV-CH-1"], &["1"], place_passed_over),
        Model::new("sf_sel_1_biased_after_a_wait", &["SF-SEL-1"], &["the first"], biased_after_a_wait)
            .one_way("nobody sends on a timer: it has a message once the moment has come"),
        Model::new("sf_sel_1_numbers_after_a_remove", &["SF-SEL-1"], &["7"], numbers_after_a_remove),
        Model::new("sf_sel_1_both_ends_of_one_channel", &["SF-SEL-1"], &["one sent"], both_ends),
        Model::new("sf_sel_1_the_same_channel_twice", &["SF-SEL-1", "SF-SEL-2"], &["arm 0", "arm 1"], same_twice),
        Model::failing("sf_sel_1_claim_unchecked", &["SF-SEL-1"], TWICE, || two_senders(0))
            .weakened(waiter(Kind::Unchecked, "self.claim.compare_exchange(WAITING, cause")),
        Model::failing("sf_sel_1_promise_unchecked", &["SF-SEL-1"], TWICE, promise_and_claim)
            .weakened(waiter(Kind::Unchecked, "self.claim.compare_exchange(WAITING, PROMISED")),
        Model::new("sf_sel_2_other_value_stays", &["SF-SEL-2"], &["1 then 2", "2 then 1"], other_value_stays),
        Model::new("sf_sel_2_other_place_stays", &["SF-SEL-2"], &["arm 0", "arm 1"], other_place_stays),
        Model::new("sf_sel_2_nobody_is_left_in_line", &["SF-SEL-2"], &["1"], nobody_is_left_in_line),
        Model::failing("sf_sel_2_stands_unlocked", &["SF-SEL-2"], RACE, || two_senders(1)).weakened(stand_unlocked()),
        Model::new("sf_sel_3_default_sees_all_at_once", &["SF-SEL-3"], &["a", "b"], default_sees_all_at_once),
        Model::failing("sf_sel_3_looks_one_after_another", &["SF-SEL-3"], &["a token is always there"], one_by_one),
        Model::new("sf_sel_4_send_given_up_rendezvous", &["SF-SEL-4"], &["2"], send_given_up_rendezvous),
        Model::new("sf_sel_4_place_given_up", &["SF-SEL-4"], &["1"], place_given_up),
        Model::new("sf_sel_4_value_given_up", &["SF-SEL-4"], &["1 2"], value_given_up),
        Model::new("sf_sel_4_given_up_beside_a_poll", &["SF-SEL-4"], &["1"], given_up_beside_a_poll),
        Model::new(
            "sf_sel_4_promised_receive_is_dropped",
            &["SF-SEL-4", "SF-CH-5"],
            &["1"],
            promised_receive_is_dropped,
        ),
        Model::new(
            "sf_sel_4_value_given_up_keeps_order",
            &["SF-SEL-4", "SF-CH-5"],
            &["1 2"],
            value_given_up_keeps_order,
        ),
        Model::new("sf_sel_1_promise_kept_beside_a_poll", &["SF-SEL-1"], &["1"], promise_kept_beside_a_poll),
        Model::new("sf_sel_4_promise_to_nobody", &["SF-SEL-4", "SF-CH-4"], &["refused", "sent"], promise_to_nobody),
        Model::new("sf_sel_4_try_after_a_broken_promise", &["SF-SEL-4"], &["2"], try_after_a_broken_promise),
        Model::failing("sf_sel_4_receiver_not_told", &["SF-SEL-4"], DEADLOCK, send_given_up_rendezvous)
            .weakened(arms(Kind::NoWake, "notify(whom); // site: give_up")),
        Model::failing("sf_sel_4_place_kept", &["SF-SEL-4"], DEADLOCK, place_given_up)
            .weakened(arms(Kind::NoWake, "notify(whom); // site: give_up")),
        Model::new("lv_sel_1_by_chance", &["LV-SEL-1", "SF-SEL-1"], &["1, 2", "2, 1"], by_chance).under(CHANCE),
        Model::new("sf_sel_1_recvs_in_line_in_order", &["SF-SEL-1"], IN_LINE, || recvs_in_line(true)),
        Model::new("sf_sel_1_sends_in_line_in_order", &["SF-SEL-1"], IN_LINE, || sends_in_line(true)),
        Model::failing("sf_sel_1_recvs_in_line_by_chance", &["SF-SEL-1"], &["the last arm"], || recvs_in_line(false))
            .under(CHANCE),
        Model::failing("sf_sel_1_sends_in_line_by_chance", &["SF-SEL-1"], &["the last arm"], || sends_in_line(false))
            .under(CHANCE),
        Model::new("lv_sel_1_room_wakes_a_select", &["LV-SEL-1"], &["arm 0", "arm 1"], room_wakes_a_select),
        Model::new("lv_sel_1_ready", &["LV-SEL-1"], &["7"], ready),
        Model::new("lv_sel_1_ready_rendezvous", &["LV-SEL-1"], &["7"], ready_rendezvous),
        Model::new("lv_sel_1_ready_hears_of_a_close", &["LV-SEL-1"], &["closed"], ready_hears_of_a_close),
        Model::failing("lv_sel_1_not_woken_by_send", &["LV-SEL-1"], DEADLOCK, || send_before_select(Some(0)))
            .weakened(core(Kind::NoWake, "notify(whom); // site: send,")),
        Model::failing("lv_sel_1_not_woken_by_recv", &["LV-SEL-1"], DEADLOCK, || select_before_recv(Some(0)))
            .weakened(core(Kind::NoWake, "notify(whom)); // site: recv,")),
        Model::failing("lv_sel_1_receiver_not_woken", &["LV-SEL-1"], DEADLOCK, || select_before_recv(Some(0)))
            .weakened(arms(Kind::NoWake, "notify(whom); // site: complete_send")),
        Model::failing("lv_sel_1_sender_not_woken", &["LV-SEL-1"], DEADLOCK, || recv_in_select_wakes(0))
            .weakened(arms(Kind::NoWake, "notify(whom)); // site: choose_recv")),
        Model::new("lv_sel_1_recv_in_select_wakes", &["LV-SEL-1"], &["7"], || recv_in_select_wakes(0)),
        Model::new("lv_sel_1_recv_in_select_wakes_a_task", &["LV-SEL-1"], &["7"], recv_in_select_wakes_a_task),
        Model::failing("lv_sel_1_observer_not_woken", &["LV-SEL-1"], DEADLOCK, ready_rendezvous_of_selects)
            .weakened(weaken(Kind::NoWake, "src/select.rs", "observer.notify()")),
        Model::new("lv_sel_1_leaves_its_own_lines", &["LV-SEL-1", "SF-SEL-2"], &["woken"], leaves_its_own_lines)
            .under(&[Engine::Loom, Engine::Bounded { preemptions: Some(3), spurious: 1 }])
            .one_way("nobody has sent while it waits by its limit"),
        Model::new("sf_sel_4_partner_keeps_its_turn", &["SF-SEL-4"], &["1 2"], partner_keeps_its_turn),
        Model::new("lv_sel_1_ready_sees_a_select", &["LV-SEL-1"], &["7"], ready_rendezvous_of_selects),
        Model::new(
            "lv_sel_2_wake_of_a_plain_receive",
            &["LV-SEL-2", "SF-SEL-2"],
            &["a first", "b first"],
            plain_receive,
        ),
        Model::failing("lv_sel_2_wake_is_lost", &["LV-SEL-2"], DEADLOCK, plain_receive)
            .weakened(core(Kind::NoWake, "notify(whom); // site: send,")),
    ]
}

/// Who makes choices: loom takes the first always.
const CHANCE: &[Engine] = &[Engine::Bounded { preemptions: None, spurious: 1 }];

/// How a select ends that meets only who finds it in line: there, and in the order of its operations.
const IN_LINE: &[&str] = &["the first arm", "time is up"];

/// How long is of no account under an explorer, but that it is not past already.
const SHORT: Duration = Duration::from_millis(1);

/// How a value that went two ways, or a claim that was taken twice, shows.
const TWICE: &[&str] = &[
    "deadlock; threads",
    "deadlock! blocked tasks",
    "Causality violation",
    "data race",
    "has its value",
    "has a value",
    "invariant",
    "received twice",
];

/// Of two selects, each with a send into a channel with room and a receive from the other's: in order, the sends come
/// first, and both go into the buffers.
const TWO_SELECTS: &[&str] = &["both sent"];

fn send_before_select(capacity: Option<usize>) -> String {
    let ((sender, receiver), (_other, quiet), witness) = (ends(capacity), ends::<usize>(Some(0)), Witness::new());
    let other = {
        let (sender, witness) = (sender.clone(), witness.clone());
        spawn(move || {
            witness.write(1);
            sender.send(7).unwrap();
        })
    };
    let value: usize = select_biased! {
        recv(quiet) -> value => value.unwrap(),
        recv(receiver) -> value => value.unwrap(),
    };
    let seen = witness.read();
    other.join().unwrap();
    format!("{value} {seen}")
}

fn select_before_recv(capacity: Option<usize>) -> String {
    let ((sender, receiver), witness) = (ends(capacity), Witness::new());
    let other = {
        let (sender, witness) = (sender.clone(), witness.clone());
        spawn(move || {
            let (_other, quiet) = ends::<usize>(Some(0));
            witness.write(1);
            select_biased! {
                recv(quiet) -> _ => unreachable!(),
                send(sender, 7) -> sent => sent.unwrap(),
            }
        })
    };
    let value = receiver.recv().unwrap();
    let seen = witness.read();
    other.join().unwrap();
    format!("{value} {seen}")
}

fn select_before_select() -> String {
    let ((sender, receiver), witness) = (ends(Some(0)), Witness::new());
    let other = {
        let (sender, witness) = (sender.clone(), witness.clone());
        spawn(move || {
            witness.write(1);
            select_biased! { send(sender, 7) -> sent => sent.unwrap() }
        })
    };
    let value = select_biased! { recv(receiver) -> value => value.unwrap() };
    let seen = witness.read();
    other.join().unwrap();
    format!("{value} {seen}")
}

/// The select's is the last of C+1 sends.
fn recv_before_select_returns(capacity: usize) -> String {
    let ((sender, receiver), witness) = (ends(Some(capacity)), Witness::new());
    (0..capacity).for_each(|value| sender.send(value).unwrap());
    let other = {
        let (sender, witness) = (sender.clone(), witness.clone());
        spawn(move || {
            select_biased! { send(sender, 7) -> sent => sent.unwrap() }
            witness.read()
        })
    };
    witness.write(1);
    receiver.recv().unwrap();
    other.join().unwrap().to_string()
}

fn close_before_select_fails() -> String {
    let ((sender, receiver), (_other, quiet), witness) =
        (ends::<usize>(Some(1)), ends::<usize>(Some(0)), Witness::new());
    let closer = {
        let (sender, witness) = (sender.clone(), witness.clone());
        spawn(move || {
            witness.write(1);
            sender.close()
        })
    };
    select_biased! {
        recv(quiet) -> _ => unreachable!(),
        recv(receiver) -> value => assert!(value.is_err()),
    }
    let seen = witness.read();
    closer.join().unwrap();
    seen.to_string()
}

fn close_before_select_send_fails() -> String {
    let ((sender, receiver), witness) = (ends(Some(0)), Witness::new());
    let closer = {
        let (receiver, witness) = (receiver.clone(), witness.clone());
        spawn(move || {
            witness.write(1);
            receiver.close()
        })
    };
    select_biased! { send(sender, 7) -> sent => assert_eq!(sent.unwrap_err().into_inner(), 7) }
    let seen = witness.read();
    closer.join().unwrap();
    seen.to_string()
}

/// Two senders, each with a channel of its own, and a select that receives from both, twice.
fn two_senders(capacity: usize) -> String {
    let ends = [ends(Some(capacity)), ends(Some(capacity))];
    let senders = [sending(&ends[0].0, [1]), sending(&ends[1].0, [2])];
    let received = [(); 2].map(|()| {
        select_biased! {
            recv(ends[0].1) -> value => value.unwrap(),
            recv(ends[1].1) -> value => value.unwrap(),
        }
    });
    join(senders);
    assert_ne!(received[0], received[1], "received twice");
    format!("{}, {}", received[0], received[1])
}

/// Two selects, each with a send to the other and a receive from it.
fn two_selects(capacity: usize) -> String {
    let ends = [ends(Some(capacity)), ends(Some(capacity))];
    let meet = |to: &Ends<usize>, from: &Ends<usize>, value| {
        let (to, from) = (to.0.clone(), from.1.clone());
        move || {
            select_biased! {
                send(to, value) -> sent => { sent.unwrap(); None }
                recv(from) -> value => Some(value.unwrap()),
            }
        }
    };
    let other = spawn(meet(&ends[0], &ends[1], 1));
    let mine = meet(&ends[1], &ends[0], 2)();
    match (other.join().unwrap(), mine) {
        (None, Some(1)) => "1 sent".into(),
        (Some(2), None) => "2 sent".into(),
        (None, None) => {
            let left = ends.map(|(_, receiver)| receiver.try_recv());
            assert_eq!(left, [Ok(1), Ok(2)], "what was sent is there");
            "both sent".into()
        }
        other => panic!("not what was sent: {other:?}"),
    }
}

/// The same, where both would rather receive.
fn crossed() -> String {
    let ends = [ends(Some(0)), ends(Some(0))];
    let meet = |to: &Ends<usize>, from: &Ends<usize>, value| {
        let (to, from) = (to.0.clone(), from.1.clone());
        move || {
            select_biased! {
                recv(from) -> value => Some(value.unwrap()),
                send(to, value) -> sent => { sent.unwrap(); None }
            }
        }
    };
    let other = spawn(meet(&ends[0], &ends[1], 1));
    let mine = meet(&ends[1], &ends[0], 2)();
    match (other.join().unwrap(), mine) {
        (None, Some(1)) => "1 sent".into(),
        (Some(2), None) => "2 sent".into(),
        other => panic!("not what was sent: {other:?}"),
    }
}

/// Two senders, one of them a select, which promises its value before it gives it.
fn promise_and_claim() -> String {
    let ends = [ends(Some(0)), ends(Some(0))];
    let promising = {
        let sender = ends[0].0.clone();
        spawn(move || select_biased! { send(sender, 1) -> sent => sent.unwrap() })
    };
    let claiming = sending(&ends[1].0, [2]);
    let first = select_biased! {
        recv(ends[0].1) -> value => value.unwrap(),
        recv(ends[1].1) -> value => value.unwrap(),
    };
    let second = ends[2 - first].1.recv().unwrap();
    join([promising, claiming]);
    assert_ne!(first, second, "received twice");
    format!("{first}, {second}")
}

/// A send that has been chosen, and a close before it is completed: refused, unless it can still be received.
fn closed_before_it_is_completed() -> String {
    let (sender, receiver) = ends(Some(1));
    let mut select = Select::new_biased();
    select.send(&sender);
    let operation = select.select();
    let other = spawn(move || {
        receiver.close();
        receiver.recv().is_ok()
    });
    let sent = operation.send(&sender, 1).is_ok();
    assert_eq!(sent, other.join().unwrap(), "a value was left when the receive said: closed");
    if sent { "sent".into() } else { "refused".into() }
}

/// The one place of a channel, for a send that has been chosen and another that is tried.
fn chosen_place_is_taken() -> String {
    let (sender, receiver) = ends(Some(1));
    let mut select = Select::new_biased();
    select.send(&sender);
    let operation = select.select();
    let other = {
        let sender = sender.clone();
        spawn(move || sender.try_send(2))
    };
    operation.send(&sender, 1).unwrap();
    assert!(other.join().unwrap().is_err(), "one place, one value");
    let value = receiver.recv().unwrap();
    sender.try_send(3).expect("the place is free again");
    value.to_string()
}

/// The place that was kept for a send whose value has gone to a receiver instead, which came to wait meanwhile.
fn place_passed_over() -> String {
    let (sender, receiver) = ends(Some(1));
    let mut select = Select::new_biased();
    select.send(&sender);
    let operation = select.select();
    let other = spawn(move || (receiver.recv().unwrap(), receiver));
    operation.send(&sender, 1).unwrap();
    let (value, _receiver) = other.join().unwrap();
    sender.try_send(2).expect("the place is free again");
    assert!(sender.try_send(3).is_err(), "and is one");
    value.to_string()
}

/// The order of the operations is theirs again after a wait, for which it is that of their channels. Both are due at one
/// moment, and made the other way round.
fn biased_after_a_wait() -> String {
    let [second, first] = [(); 2].map(|()| after(SHORT));
    let which = select_biased! {
        recv(first) -> _ => "the first",
        recv(second) -> _ => "the second",
    };
    which.into()
}

/// An operation is taken out: the other one keeps its number, and the next has one of its own.
fn numbers_after_a_remove() -> String {
    let ends = [(); 3].map(|()| ends(Some(1)));
    let mut select = Select::new_biased();
    let [removed, kept] = [0, 1].map(|at| select.recv(&ends[at].1));
    select.remove(removed);
    let added = select.recv(&ends[2].1);
    assert_ne!(added, kept, "two of one number");
    let other = sending(&ends[2].0, [7]);
    let operation = select.select();
    assert_eq!(operation.index(), added);
    let value = operation.recv(&ends[2].1).unwrap();
    other.join().unwrap();
    value.to_string()
}

/// Both ends of one rendezvous channel in each of two selects: a select never meets itself.
fn both_ends() -> String {
    let ends = ends(Some(0));
    let meet = |value| {
        let (sender, receiver) = ends.clone();
        move || {
            select_biased! {
                send(sender, value) -> sent => { sent.unwrap(); None }
                recv(receiver) -> value => Some(value.unwrap()),
            }
        }
    };
    let other = spawn(meet(1));
    let mine = meet(2)();
    match (other.join().unwrap(), mine) {
        (None, Some(1)) | (Some(2), None) => "one sent".into(),
        other => panic!("not what was sent: {other:?}"),
    }
}

/// One channel in two arms: one value, one of the arms.
fn same_twice() -> String {
    let (sender, receiver) = ends(Some(1));
    let other = sending(&sender, [1]);
    let arm = select_biased! {
        recv(receiver) -> value => { assert_eq!(value, Ok(1)); 0 }
        recv(receiver) -> value => { assert_eq!(value, Ok(1)); 1 }
    };
    other.join().unwrap();
    assert!(receiver.try_recv().is_err(), "received twice");
    format!("arm {arm}")
}

/// The value of the operation that did not happen is there afterwards.
fn other_value_stays() -> String {
    let ends = [ends(Some(0)), ends(Some(1))];
    let senders = [sending(&ends[0].0, [1]), sending(&ends[1].0, [2])];
    let first = select_biased! {
        recv(ends[0].1) -> value => value.unwrap(),
        recv(ends[1].1) -> value => value.unwrap(),
    };
    let second = ends[2 - first].1.recv().unwrap();
    join(senders);
    format!("{first} then {second}")
}

/// A select that has received from one rendezvous channel does not wait for the other any more.
fn nobody_is_left_in_line() -> String {
    let ends = [ends(Some(0)), ends(Some(0))];
    let other = sending(&ends[0].0, [1]);
    let value = select_biased! {
        recv(ends[0].1) -> value => value.unwrap(),
        recv(ends[1].1) -> _ => unreachable!(),
    };
    let mut select = Select::new_biased();
    select.send(&ends[1].0);
    assert!(select.try_ready().is_err(), "nobody waits for the other");
    other.join().unwrap();
    value.to_string()
}

/// Two full channels, of which another thread empties both: the select fills one, the other has its place free.
fn other_place_stays() -> String {
    let ends = [ends(Some(1)), ends(Some(1))];
    ends.iter().for_each(|(sender, _)| sender.send(0).unwrap());
    let other = {
        let receivers = ends.each_ref().map(|(_, receiver)| receiver.clone());
        spawn(move || receivers.map(|receiver| receiver.recv().unwrap()))
    };
    let arm = select_biased! {
        send(ends[0].0, 1) -> sent => { sent.unwrap(); 0 }
        send(ends[1].0, 1) -> sent => { sent.unwrap(); 1 }
    };
    assert_eq!(other.join().unwrap(), [0, 0]);
    ends[1 - arm].0.try_send(2).unwrap();
    assert!(ends[arm].0.try_send(3).is_err(), "the select's value has its place");
    format!("arm {arm}")
}

/// A token moves from one channel to another, and is in one or both at every moment.
fn token(a: &Ends<usize>, b: &Ends<usize>) -> JoinHandle<()> {
    b.0.send(1).unwrap();
    let (a, b) = (a.0.clone(), b.1.clone());
    spawn(move || {
        a.send(1).unwrap();
        let _ = b.try_recv();
    })
}

fn default_sees_all_at_once() -> String {
    let (a, b) = (ends(Some(1)), ends(Some(1)));
    let mover = token(&a, &b);
    let seen = select_biased! {
        recv(a.1) -> _ => "a",
        recv(b.1) -> _ => "b",
        default => panic!("a token is always there"),
    };
    mover.join().unwrap();
    seen.into()
}

/// The fault of a `default` that looks at one channel after another.
fn one_by_one() -> String {
    let (a, b) = (ends(Some(1)), ends(Some(1)));
    let mover = token(&a, &b);
    let seen = a.1.try_recv().or_else(|_| b.1.try_recv());
    mover.join().unwrap();
    assert!(seen.is_ok(), "a token is always there");
    "seen".into()
}

/// A select that has met a receiver and does not say what it sends.
fn send_given_up_rendezvous() -> String {
    let (sender, receiver) = ends(Some(0));
    let other = {
        let receiver = receiver.clone();
        spawn(move || receiver.recv().unwrap())
    };
    let mut select = Select::new_biased();
    select.send(&sender);
    let operation = select.select();
    give_up(operation);
    sender.send(2).unwrap();
    other.join().unwrap().to_string()
}

/// A place that was chosen and not used goes to the sender that waits for one.
fn place_given_up() -> String {
    let (sender, receiver) = ends(Some(1));
    let mut select = Select::new_biased();
    select.send(&sender);
    let operation = select.select();
    let other = sending(&sender, [1]);
    give_up(operation);
    other.join().unwrap(); // before there is a receive, which would serve the sender too
    receiver.recv().unwrap().to_string()
}

/// A value that was chosen and not fetched goes to the next receive, before later ones.
fn value_given_up() -> String {
    Counted::begin();
    let (sender, receiver) = ends(Some(2));
    let other = {
        let sender = sender.clone();
        spawn(move || [1, 2].into_iter().for_each(|value| assert!(sender.send(Counted(value)).is_ok())))
    };
    let mut select = Select::new_biased();
    select.recv(&receiver);
    let operation = select.select();
    give_up(operation);
    let received = [(); 2].map(|()| receiver.recv().unwrap());
    other.join().unwrap();
    assert_eq!(Counted::drops(), 0, "dropped by nobody else");
    format!("{} {}", received[0].0, received[1].0)
}

/// A task waits for it, and looks again, meanwhile.
fn given_up_beside_a_poll() -> String {
    let (sender, receiver) = ends(Some(1));
    sender.send(1).unwrap();
    let mut select = Select::new_biased();
    select.recv(&receiver);
    let operation = select.select();
    let other = {
        let receiver = receiver.clone();
        spawn(move || block_on(receiver.recv_async()).unwrap())
    };
    give_up(operation);
    other.join().unwrap().to_string()
}

/// The same after a receive future that was given a later value, and was dropped.
fn value_given_up_keeps_order() -> String {
    let (sender, receiver) = ends(None);
    sender.send(1).unwrap();
    let mut select = Select::new_biased();
    select.recv(&receiver);
    let operation = select.select();
    let abandoned = pending(receiver.recv_async());
    let other = sending(&sender, [2]);
    drop(abandoned);
    give_up(operation);
    let received = [(); 2].map(|()| receiver.recv().unwrap());
    other.join().unwrap();
    format!("{} {}", received[0], received[1])
}

/// A select promises a value to a receive future, which is dropped: the next receive gets it.
fn promised_receive_is_dropped() -> String {
    let (sender, receiver) = ends(Some(0));
    let other = {
        let sender = sender.clone();
        spawn(move || select_biased! { send(sender, 1) -> sent => sent.unwrap() })
    };
    let mut abandoned = Box::pin(receiver.recv_async());
    let polled =
        std::future::Future::poll(abandoned.as_mut(), &mut std::task::Context::from_waker(std::task::Waker::noop()));
    drop(abandoned);
    let value = match polled {
        Poll::Ready(value) => value.unwrap(),
        Poll::Pending => receiver.recv().unwrap(),
    };
    other.join().unwrap();
    value.to_string()
}

/// The receive to which a value has been promised is a task, which is polled anew meanwhile, with another waker.
fn promise_kept_beside_a_poll() -> String {
    let (sender, receiver) = ends(Some(0));
    let promised = pending(Box::pin(async move { receiver.recv_async().await }));
    let mut select = Select::new_biased();
    select.send(&sender);
    let operation = select.select();
    let promised = spawn(move || block_on(promised).unwrap());
    operation.send(&sender, 1).unwrap();
    promised.join().unwrap().to_string()
}

/// The receive to which a value has been promised is dropped, and the channel closed, before the value is there.
fn promise_to_nobody() -> String {
    let (sender, receiver) = ends(Some(0));
    let abandoned = pending(receiver.recv_async());
    let mut select = Select::new_biased();
    select.send(&sender);
    let operation = select.select();
    drop(abandoned);
    let other = {
        let receiver = receiver.clone();
        spawn(move || {
            receiver.close();
            receiver.recv().is_ok()
        })
    };
    let sent = operation.send(&sender, 1).is_ok();
    assert_eq!(sent, other.join().unwrap(), "a value was left when the receive said: closed");
    if sent { "sent".into() } else { "refused".into() }
}

/// A select promises a value and gives up: a receive that does not wait takes the one of the sender behind it.
fn try_after_a_broken_promise() -> String {
    let (sender, receiver) = ends(Some(0));
    let promising = {
        let sender = sender.clone();
        spawn(move || {
            let mut select = Select::new_biased();
            select.send(&sender);
            if let Ok(operation) = select.select_timeout(SHORT) {
                give_up(operation);
            }
        })
    };
    let _behind = pending(sender.send_async(2));
    let value = receiver.try_recv().expect("a sender waits, whatever becomes of the other");
    promising.join().unwrap();
    value.to_string()
}

/// `select!` picks any operation that is ready.
fn by_chance() -> String {
    let ends = [ends(Some(1)), ends(Some(1))];
    let senders = [sending(&ends[0].0, [1]), sending(&ends[1].0, [2])];
    let received = [(); 2].map(|()| {
        select! {
            recv(ends[0].1) -> value => value.unwrap(),
            recv(ends[1].1) -> value => value.unwrap(),
        }
    });
    join(senders);
    format!("{}, {}", received[0], received[1])
}

/// Which of several receives of one channel a partner finds that does not wait for any: the first in line.
fn recvs_in_line(biased: bool) -> String {
    let (sender, receiver) = ends(Some(0));
    let other = {
        let sender = sender.clone();
        spawn(move || sender.try_send(1).is_ok())
    };
    let mut select = if biased { Select::new_biased() } else { Select::new() };
    (0..3).for_each(|_| _ = select.recv(&receiver));
    let arm = select.select_timeout(SHORT).ok().map(|operation| {
        let index = operation.index();
        assert_eq!(operation.recv(&receiver), Ok(1));
        index
    });
    assert_eq!(other.join().unwrap(), arm.is_some());
    found(arm)
}

/// The same of several sends, with one receive.
fn sends_in_line(biased: bool) -> String {
    let (sender, receiver) = ends(Some(0));
    let other = {
        let receiver = receiver.clone();
        spawn(move || receiver.try_recv().is_ok())
    };
    let mut select = if biased { Select::new_biased() } else { Select::new() };
    (0..3).for_each(|_| _ = select.send(&sender));
    let arm = select.select_timeout(SHORT).ok().map(|operation| {
        let index = operation.index();
        operation.send(&sender, 1).unwrap();
        index
    });
    assert_eq!(other.join().unwrap(), arm.is_some());
    found(arm)
}

fn found(arm: Option<usize>) -> String {
    assert_ne!(arm, Some(2), "the last arm");
    match arm {
        None => "time is up".into(),
        Some(0) => "the first arm".into(),
        Some(arm) => format!("arm {arm}"),
    }
}

fn room_wakes_a_select() -> String {
    let ends = [ends(Some(1)), ends(Some(1))];
    ends.iter().for_each(|(sender, _)| sender.send(0).unwrap());
    let others = ends.each_ref().map(|(_, receiver)| {
        let receiver = receiver.clone();
        spawn(move || receiver.recv().unwrap())
    });
    let arm = select_biased! {
        send(ends[0].0, 1) -> sent => { sent.unwrap(); 0 }
        send(ends[1].0, 1) -> sent => { sent.unwrap(); 1 }
    };
    join(others);
    format!("arm {arm}")
}

fn ready() -> String {
    let ((sender, receiver), (_other, quiet)) = (ends(Some(1)), ends::<usize>(Some(0)));
    let other = sending(&sender, [7]);
    let mut select = Select::new_biased();
    select.recv(&quiet);
    select.recv(&receiver);
    assert_eq!(select.ready(), 1);
    let value = receiver.try_recv().unwrap();
    other.join().unwrap();
    value.to_string()
}

fn ready_rendezvous() -> String {
    let (sender, receiver) = ends(Some(0));
    let other = sending(&sender, [7]);
    let mut select = Select::new_biased();
    select.recv(&receiver);
    assert_eq!(select.ready(), 0);
    let value = receiver.recv().unwrap();
    other.join().unwrap();
    value.to_string()
}

fn ready_hears_of_a_close() -> String {
    let (sender, receiver) = ends::<usize>(Some(0));
    let other = spawn(move || sender.close());
    let mut select = Select::new_biased();
    select.recv(&receiver);
    assert_eq!(select.ready(), 0);
    assert!(receiver.try_recv().is_err() && other.join().unwrap());
    "closed".into()
}

/// It is a select that waits to send: news to those who wait to hear that a receive is ready.
fn ready_rendezvous_of_selects() -> String {
    let (sender, receiver) = ends(Some(0));
    let other = {
        let sender = sender.clone();
        spawn(move || select_biased! { send(sender, 7) -> sent => sent.unwrap() })
    };
    let mut select = Select::new_biased();
    select.recv(&receiver);
    assert_eq!(select.ready(), 0);
    let value: usize = receiver.recv().unwrap();
    other.join().unwrap();
    value.to_string()
}

/// A set that has waited before is ended by a token while it comes to stand in line: it leaves nobody else's place.
fn leaves_its_own_lines() -> String {
    let token = CancellationToken::new();
    let (done, (sender, receiver)) = (token.done(), ends(Some(1)));
    let mut select = Select::new_biased();
    select.recv(&receiver);
    select.recv(&done);
    assert!(select.select_timeout(SHORT).is_err());
    let observing = {
        let receiver = receiver.clone();
        spawn(move || {
            let mut select = Select::new_biased();
            select.recv(&receiver);
            select.ready()
        })
    };
    let cancelling = spawn(move || token.cancel());
    assert_eq!(select.ready(), 1);
    sender.send(1).unwrap();
    observing.join().unwrap();
    assert!(cancelling.join().unwrap());
    "woken".into()
}

/// Two wait to receive, and a select that has chosen the first of them gives up: it is the first still.
fn partner_keeps_its_turn() -> String {
    let (sender, receiver) = ends(Some(0));
    let (_, waker) = CountingWaker::new();
    let mut cx = Context::from_waker(&waker);
    let [mut first, mut second] = [(); 2].map(|()| Box::pin(receiver.recv_async()));
    assert!(first.as_mut().poll(&mut cx).is_pending() && second.as_mut().poll(&mut cx).is_pending());
    let mut select = Select::new_biased();
    select.send(&sender);
    let operation = select.select();
    give_up(operation);
    assert!(first.as_mut().poll(&mut cx).is_pending());
    let other = sending(&sender, [1, 2]);
    other.join().unwrap();
    let received = [&mut first, &mut second].map(|recv| match recv.as_mut().poll(&mut cx) {
        Poll::Ready(value) => value.unwrap(),
        Poll::Pending => panic!("sent to it"),
    });
    format!("{} {}", received[0], received[1])
}

fn recv_in_select_wakes(capacity: usize) -> String {
    let (sender, receiver) = ends(Some(capacity));
    let other = sending(&sender, [7]);
    let value = select_biased! { recv(receiver) -> value => value.unwrap() };
    other.join().unwrap();
    value.to_string()
}

/// A task sends, and looks again, while the select receives.
fn recv_in_select_wakes_a_task() -> String {
    let (sender, receiver) = ends(Some(0));
    let other = spawn(move || block_on(sender.send_async(7)).unwrap());
    let value = select_biased! { recv(receiver) -> value => value.unwrap() };
    other.join().unwrap();
    value.to_string()
}

/// A select on two channels and a plain receive on one of them: whichever the select takes, the plain receive gets the
/// value that is left, or the next.
fn plain_receive() -> String {
    let ends = [ends(Some(1)), ends(Some(1))];
    let selecting = {
        let (a, b) = (ends[0].1.clone(), ends[1].1.clone());
        spawn(move || {
            select_biased! {
                recv(a) -> value => value.unwrap(),
                recv(b) -> value => value.unwrap(),
            }
        })
    };
    let plain = {
        let b = ends[1].1.clone();
        spawn(move || b.recv().unwrap())
    };
    ends[1].0.send(2).unwrap();
    ends[0].0.send(1).unwrap();
    let first = selecting.join().unwrap();
    if first == 2 {
        ends[1].0.send(2).unwrap();
    }
    assert_eq!(plain.join().unwrap(), 2);
    if first == 1 { "a first".into() } else { "b first".into() }
}
