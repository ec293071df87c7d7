//! Select: exactly one operation, with the edges of the operation alone, and no trace of the others. Biased, so that
//! loom and the bounded explorer look at the operations in the same order; the order by chance has a model of its own.

use std::future::Future;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hence_registry::{Engine, Kind, Model, Weaken};

use super::harness::{
    Arc, Counted, CountingWaker, Ends, JoinHandle, Witness, block_on, chosen_recv, chosen_send, ends, give_up, join,
    pending, poll, race, sending, spawn,
};
use super::weaken::{claim, weaken};
use super::{DEADLOCK, RACE};
use crate::hence::cancel::CancellationToken;
use crate::hence::channel::{Receiver, Select, SelectedOperation, Sender, after};
use crate::{select, select_biased};

pub(super) fn models() -> Vec<Model> {
    [
        send_before_select(),
        select_before_recv(),
        select_before_select(),
        recv_before_select_returns(),
        close_before_select_fails(),
        close_before_select_send_fails(),
        two_senders(),
        two_selects(),
        two_selects_crossed(),
        promised_beside_told(),
        two_tokens(),
        promise_and_claim(),
        told_by_a_select(),
        closed_before_it_is_completed(),
        chosen_place_is_taken(),
        place_passed_over_is_free(),
        biased_after_a_wait(),
        numbers_after_a_remove(),
        both_ends(),
        same_twice(),
        promise_kept_beside_a_poll(),
        recvs_in_line(),
        sends_in_line(),
        other_value_stays(),
        other_place_stays(),
        nobody_is_left_in_line(),
        default_sees_all_at_once(),
        looks_one_after_another(),
        send_given_up_rendezvous(),
        place_given_up(),
        value_given_up(),
        place_given_up_beside_a_poll(),
        given_up_beside_a_poll(),
        value_given_up_keeps_order(),
        promised_receive_is_dropped(),
        promise_to_nobody(),
        try_after_a_broken_promise(),
        partner_keeps_its_turn(),
        by_chance(),
        room_wakes_a_select(),
        ready(),
        two_are_ready(),
        ready_rendezvous(),
        ready_sees_a_select(),
        ready_hears_of_a_close(),
        recv_in_select_wakes(),
        recv_in_select_wakes_a_task(),
        leaves_its_own_lines(),
        plain_receive(),
    ]
    .concat()
}

/// A select that receives sees what was written before the send.
fn send_before_select() -> Vec<Model> {
    fn run(capacity: Option<usize>) -> String {
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
    vec![
        Model::new("hb_sel_1_send_before_select_rendezvous", &["HB-SEL-1"], &["7 1"], || run(Some(0))),
        Model::new("hb_sel_1_send_before_select_bounded", &["HB-SEL-1"], &["7 1"], || run(Some(1))),
        Model::new("hb_sel_1_send_before_select_unbounded", &["HB-SEL-1"], &["7 1"], || run(None)),
        Model::failing("hb_sel_1_choose_unlocked", &["HB-SEL-1"], RACE, || run(Some(1)))
            .weakened(arms(Kind::NoLock, "let chosen = self.state.with(|state| {")),
        Model::failing("lv_sel_1_not_woken_by_send", &["LV-SEL-1"], DEADLOCK, || run(Some(0)))
            .weakened(core(Kind::NoWake, "notify(whom); // site: send,")),
    ]
}

/// A receive sees what was written before the select that sends.
fn select_before_recv() -> Vec<Model> {
    fn run(capacity: Option<usize>) -> String {
        let ((sender, receiver), witness) = (ends(capacity), Witness::new());
        let theirs = {
            let (sender, witness) = (sender.clone(), witness.clone());
            move || {
                let (_other, quiet) = ends::<usize>(Some(0));
                witness.write(1);
                select_biased! {
                    recv(quiet) -> _ => unreachable!(),
                    send(sender, 7) -> sent => sent.unwrap(),
                }
            }
        };
        let ((), (value, seen)) = race(theirs, || (receiver.recv().unwrap(), witness.read()));
        format!("{value} {seen}")
    }
    vec![
        Model::new("hb_sel_1_select_before_recv_rendezvous", &["HB-SEL-1"], &["7 1"], || run(Some(0))),
        Model::new("hb_sel_1_select_before_recv_bounded", &["HB-SEL-1"], &["7 1"], || run(Some(1))),
        Model::failing("hb_sel_1_settle_relaxed", &["HB-SEL-1"], RACE, || run(Some(0)))
            .weakened(waiter(Kind::Relaxed, "self.claim.store(cause.to_word()")),
        Model::failing("lv_sel_1_not_woken_by_recv", &["LV-SEL-1"], DEADLOCK, || run(Some(0)))
            .weakened(core(Kind::NoWake, "notify(whom)); // site: recv,")),
        Model::failing("lv_sel_1_receiver_not_woken", &["LV-SEL-1"], DEADLOCK, || run(Some(0)))
            .weakened(arms(Kind::NoWake, "notify(whom); // site: complete_send")),
    ]
}

/// A select that receives sees what was written before the select that sends to it.
fn select_before_select() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("hb_sel_1_select_before_select", &["HB-SEL-1", "LV-SEL-1"], &["7 1"], run)]
}

/// The last of C+1 sends, which is a select's, returns after the call of the first receive, and sees what was written
/// before.
fn recv_before_select_returns() -> Vec<Model> {
    fn run(capacity: usize) -> String {
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
    vec![
        Model::new("hb_sel_1_recv_before_select_returns_rendezvous", &["HB-SEL-1"], &["1"], || run(0)),
        Model::new("hb_sel_1_recv_before_select_returns_bounded", &["HB-SEL-1"], &["1"], || run(1)),
    ]
}

/// A select whose receive fails since the channel is closed sees what was written before the close.
fn close_before_select_fails() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("hb_sel_1_close_before_select_fails", &["HB-SEL-1", "LV-SEL-1"], &["1"], run)]
}

/// A select whose send fails since the channel is closed sees the same, and gives its value back.
fn close_before_select_send_fails() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("hb_sel_1_close_before_select_send_fails", &["HB-SEL-1", "LV-SEL-1"], &["1"], run)]
}

/// Two senders, each with a channel of its own, and a select that receives from both, twice: each value comes once.
fn two_senders() -> Vec<Model> {
    fn run(capacity: usize) -> String {
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
    vec![
        Model::new("sf_sel_1_two_senders_rendezvous", &["SF-SEL-1", "SF-SEL-2"], &["1, 2", "2, 1"], || run(0)).slow(),
        Model::new("sf_sel_1_two_senders_bounded", &["SF-SEL-1", "SF-SEL-2"], &["1, 2", "2, 1"], || run(1)),
        Model::failing("sf_sel_1_claim_unchecked", &["SF-SEL-1"], TWICE, || run(0)).weakened(claim(Kind::Unchecked)),
        Model::failing("sf_sel_2_stands_unlocked", &["SF-SEL-2"], RACE, || run(1))
            .weakened(arms(Kind::NoLock, "self.state.lock();")),
    ]
}

/// Two selects, each with a send to the other and a receive from it: hand to hand, one of them sends what the other
/// receives.
fn two_selects() -> Vec<Model> {
    fn run(capacity: usize) -> String {
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
        match race(meet(&ends[0], &ends[1], 1), meet(&ends[1], &ends[0], 2)) {
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
    vec![
        Model::new("sf_sel_1_two_selects_rendezvous", &["SF-SEL-1", "LV-SEL-1"], &["1 sent", "2 sent"], || run(0)),
        // Into channels with room: in order, the sends come first, and both go into the buffers.
        Model::new("sf_sel_1_two_selects_bounded", &["SF-SEL-1", "LV-SEL-1"], &["both sent"], || run(1)),
    ]
}

/// The same, hand to hand, where both would rather receive.
fn two_selects_crossed() -> Vec<Model> {
    fn run() -> String {
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
        match race(meet(&ends[0], &ends[1], 1), meet(&ends[1], &ends[0], 2)) {
            (None, Some(1)) => "1 sent".into(),
            (Some(2), None) => "2 sent".into(),
            other => panic!("not what was sent: {other:?}"),
        }
    }
    vec![Model::new("sf_sel_1_two_selects_crossed", &["SF-SEL-1", "LV-SEL-1"], &["1 sent", "2 sent"], run)]
}

/// One task is promised what a select has still to say, another is told of what is there: each gets one of the two, also if the
/// first is polled again meanwhile.
fn promised_beside_told() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let first = chosen_send(&sender);
        let other = {
            let sender = sender.clone();
            spawn(move || select_biased! { send(sender, 2) -> sent => sent.unwrap() })
        };
        let mut one = pending(receiver.recv_async());
        let mut two = receiver.recv_async();
        let early = poll(&mut two, Waker::noop());
        first.send(&sender, 1).unwrap();
        let again = poll(&mut one, Waker::noop());
        let two = if let Poll::Ready(value) = early { value } else { block_on(two) };
        let one = if let Poll::Ready(value) = again { value } else { block_on(one) };
        other.join().unwrap();
        format!("{}, {}", one.unwrap(), two.unwrap())
    }
    vec![Model::new("lv_ch_1_promised_beside_told", &["LV-CH-1", "SF-CH-1"], &["1, 2", "2, 1"], run)]
}

/// A select waits for two tokens, of which the first is cancelled: also before it has come to stand at the second.
fn two_tokens() -> Vec<Model> {
    fn run() -> String {
        let tokens = [CancellationToken::new(), CancellationToken::new()];
        let cancelling = tokens[0].clone();
        let ((), done) = race(
            move || _ = cancelling.cancel(),
            || {
                select_biased! {
                    recv(tokens[0].done()) -> _ => 1,
                    recv(tokens[1].done()) -> _ => 2,
                }
            },
        );
        done.to_string()
    }
    vec![Model::new("lv_sel_1_two_tokens", &["LV-SEL-1", "LV-CX-1"], &["1"], run)]
}

/// Two senders, one of them a select, which promises its value before it gives it: each value comes once.
fn promise_and_claim() -> Vec<Model> {
    fn run() -> String {
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
    vec![
        Model::new("sf_sel_1_promise_and_claim", &["SF-SEL-1"], &["1, 2", "2, 1"], run).slow(),
        Model::failing("sf_sel_1_promise_unchecked", &["SF-SEL-1"], TWICE, run)
            .weakened(waiter(Kind::Unchecked, "self.claim.compare_exchange(WAITING, PROMISED")),
    ]
}

/// A select comes to wait behind a value that a task has been told of: it tells the next task, which is polled meanwhile.
fn told_by_a_select() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let (mut told, behind) = (pending(receiver.recv_async()), pending(receiver.recv_async()));
        sender.send(1).unwrap();
        let sending = move || {
            let mut select = Select::new_biased();
            select.send(&sender);
            select.select().send(&sender, 2).unwrap();
        };
        let ((), first) = race(sending, || block_on(behind).unwrap());
        let Poll::Ready(second) = poll(&mut told, Waker::noop()) else { panic!("a value is there") };
        format!("{first} {}", second.unwrap())
    }
    vec![Model::new("lv_sel_1_told_by_a_select", &["LV-SEL-1", "LV-CH-1", "SF-CH-5"], &["1 2"], run)]
}

/// A send that has been chosen, and a close before it is completed: refused, unless it can still be received.
fn closed_before_it_is_completed() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let operation = chosen_send(&sender);
        completed_beside_a_close(operation, &sender, receiver)
    }
    vec![Model::new("sf_sel_1_closed_before_it_is_completed", &["SF-SEL-1", "SF-CH-4"], &["refused", "sent"], run)]
}

/// The one place of a channel, for a send that has been chosen and another that is tried: the chosen one has it.
fn chosen_place_is_taken() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let operation = chosen_send(&sender);
        let theirs = sender.clone();
        let (tried, ()) = race(move || theirs.try_send(2), || operation.send(&sender, 1).unwrap());
        assert!(tried.is_err(), "one place, one value");
        let value = receiver.recv().unwrap();
        sender.try_send(3).expect("the place is free again");
        value.to_string()
    }
    vec![Model::new("sf_sel_1_a_chosen_place_is_taken", &["SF-SEL-1", "SF-CH-3"], &["1"], run)]
}

/// The place that was kept for a send whose value has gone to a receiver instead, which came to wait meanwhile, is free
/// again.
fn place_passed_over_is_free() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let operation = chosen_send(&sender);
        let receiving = move || (receiver.recv().unwrap(), receiver);
        let ((value, _receiver), ()) = race(receiving, || operation.send(&sender, 1).unwrap());
        sender.try_send(2).expect("the place is free again");
        assert!(sender.try_send(3).is_err(), "and is one");
        value.to_string()
    }
    vec![Model::new("sf_sel_1_a_place_passed_over_is_free", &["SF-SEL-1", "LV-CH-1"], &["1"], run)]
}

/// The order of the operations is theirs again after a wait, for which it is that of their channels. Both are due at one
/// moment, and made the other way round.
fn biased_after_a_wait() -> Vec<Model> {
    fn run() -> String {
        let [second, first] = [(); 2].map(|()| after(SHORT));
        let which = select_biased! {
            recv(first) -> _ => "the first",
            recv(second) -> _ => "the second",
        };
        which.into()
    }
    vec![
        Model::new("sf_sel_1_biased_after_a_wait", &["SF-SEL-1"], &["the first"], run)
            .one_way("nobody sends on a timer: it has a message once the moment has come"),
    ]
}

/// An operation is taken out: the other one keeps its number, and the next has one of its own.
fn numbers_after_a_remove() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_sel_1_numbers_after_a_remove", &["SF-SEL-1"], &["7"], run)]
}

/// Both ends of one rendezvous channel in each of two selects: a select never meets itself.
fn both_ends() -> Vec<Model> {
    fn run() -> String {
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
        match race(meet(1), meet(2)) {
            (None, Some(1)) | (Some(2), None) => "one sent".into(),
            other => panic!("not what was sent: {other:?}"),
        }
    }
    vec![Model::new("sf_sel_1_both_ends_of_one_channel", &["SF-SEL-1"], &["one sent"], run)]
}

/// One channel in two arms: one value, one of the arms.
fn same_twice() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_sel_1_the_same_channel_twice", &["SF-SEL-1", "SF-SEL-2"], &["arm 0", "arm 1"], run)]
}

/// The receive to which a value has been promised is a task, which is polled anew meanwhile, with another waker: the
/// value comes.
fn promise_kept_beside_a_poll() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let promised = pending(Box::pin(async move { receiver.recv_async().await }));
        let operation = chosen_send(&sender);
        let (value, ()) = race(move || block_on(promised).unwrap(), || operation.send(&sender, 1).unwrap());
        value.to_string()
    }
    vec![Model::new("sf_sel_1_promise_kept_beside_a_poll", &["SF-SEL-1"], &["1"], run)]
}

/// Which of several receives of one channel a partner finds that does not wait for any: the first in line.
fn recvs_in_line() -> Vec<Model> {
    fn run(biased: bool) -> String {
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
    vec![
        Model::new("sf_sel_1_recvs_in_line_in_order", &["SF-SEL-1"], IN_LINE, || run(true)),
        Model::failing("sf_sel_1_recvs_in_line_by_chance", &["SF-SEL-1"], &["the last arm"], || run(false))
            .under(CHANCE),
    ]
}

/// The same of several sends, with one receive.
fn sends_in_line() -> Vec<Model> {
    fn run(biased: bool) -> String {
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
    vec![
        Model::new("sf_sel_1_sends_in_line_in_order", &["SF-SEL-1"], IN_LINE, || run(true)),
        Model::failing("sf_sel_1_sends_in_line_by_chance", &["SF-SEL-1"], &["the last arm"], || run(false))
            .under(CHANCE),
    ]
}

/// The value of the operation that did not happen is there afterwards.
fn other_value_stays() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_sel_2_other_value_stays", &["SF-SEL-2"], &["1 then 2", "2 then 1"], run)]
}

/// Two full channels, of which another thread empties both: the select fills one, the other has its place free.
fn other_place_stays() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_sel_2_other_place_stays", &["SF-SEL-2"], &["arm 0", "arm 1"], run)]
}

/// A select that has received from one rendezvous channel does not wait for the other any more.
fn nobody_is_left_in_line() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_sel_2_nobody_is_left_in_line", &["SF-SEL-2"], &["1"], run)]
}

/// A select with a `default` looks at both channels at once, and finds the token that moves between them.
fn default_sees_all_at_once() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_sel_3_default_sees_all_at_once", &["SF-SEL-3"], &["a", "b"], run)]
}

/// The fault of a `default` that looks at one channel after another.
fn looks_one_after_another() -> Vec<Model> {
    fn run() -> String {
        let (a, b) = (ends(Some(1)), ends(Some(1)));
        let mover = token(&a, &b);
        let seen = a.1.try_recv().or_else(|_| b.1.try_recv());
        mover.join().unwrap();
        assert!(seen.is_ok(), "a token is always there");
        "seen".into()
    }
    vec![Model::failing("sf_sel_3_looks_one_after_another", &["SF-SEL-3"], &["a token is always there"], run)]
}

/// A select that has met a receiver does not say what it sends: the receiver gets what is sent next.
fn send_given_up_rendezvous() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let other = {
            let receiver = receiver.clone();
            spawn(move || receiver.recv().unwrap())
        };
        let operation = chosen_send(&sender);
        give_up(operation);
        sender.send(2).unwrap();
        other.join().unwrap().to_string()
    }
    vec![
        Model::new("sf_sel_4_send_given_up_rendezvous", &["SF-SEL-4"], &["2"], run),
        Model::failing("sf_sel_4_receiver_not_told", &["SF-SEL-4"], DEADLOCK, run)
            .weakened(arms(Kind::NoWake, "notify(whom); // site: give_up")),
    ]
}

/// A place that was chosen and not used goes to the sender that waits for one.
fn place_given_up() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let operation = chosen_send(&sender);
        let other = sending(&sender, [1]);
        give_up(operation);
        other.join().unwrap(); // before there is a receive, which would serve the sender too
        receiver.recv().unwrap().to_string()
    }
    vec![
        Model::new("sf_sel_4_place_given_up", &["SF-SEL-4"], &["1"], run),
        Model::failing("sf_sel_4_place_kept", &["SF-SEL-4"], DEADLOCK, run)
            .weakened(arms(Kind::NoWake, "notify(whom); // site: give_up")),
    ]
}

/// A value that was chosen and not fetched goes to the next receive, before later ones.
fn value_given_up() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let (sender, receiver) = ends(Some(2));
        let other = {
            let sender = sender.clone();
            spawn(move || [1, 2].into_iter().for_each(|value| assert!(sender.send(Counted(value)).is_ok())))
        };
        let operation = chosen_recv(&receiver);
        give_up(operation);
        let received = [(); 2].map(|()| receiver.recv().unwrap());
        other.join().unwrap();
        assert_eq!(Counted::drops(), 0, "dropped by nobody else");
        format!("{} {}", received[0].0, received[1].0)
    }
    vec![Model::new("sf_sel_4_value_given_up", &["SF-SEL-4"], &["1 2"], run)]
}

/// A task waits for the place that is given up, and looks again, meanwhile: it gets the place.
fn place_given_up_beside_a_poll() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let operation = chosen_send(&sender);
        let theirs = sender.clone();
        let (sent, ()) = race(move || block_on(theirs.send_async(1)), || give_up(operation));
        sent.unwrap();
        receiver.try_recv().unwrap().to_string()
    }
    vec![Model::new("sf_sel_4_place_given_up_beside_a_poll", &["SF-SEL-4", "LV-CH-1"], &["1"], run)]
}

/// A task waits for the value that is given up, and looks again, meanwhile: the value comes.
fn given_up_beside_a_poll() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        sender.send(1).unwrap();
        let operation = chosen_recv(&receiver);
        let theirs = receiver.clone();
        let (value, ()) = race(move || block_on(theirs.recv_async()).unwrap(), || give_up(operation));
        value.to_string()
    }
    vec![Model::new("sf_sel_4_given_up_beside_a_poll", &["SF-SEL-4"], &["1"], run)]
}

/// A receive future that was given a later value is dropped, and then a value is given up: both keep their order.
fn value_given_up_keeps_order() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(None);
        sender.send(1).unwrap();
        let operation = chosen_recv(&receiver);
        let abandoned = pending(receiver.recv_async());
        let other = sending(&sender, [2]);
        drop(abandoned);
        give_up(operation);
        let received = [(); 2].map(|()| receiver.recv().unwrap());
        other.join().unwrap();
        format!("{} {}", received[0], received[1])
    }
    vec![Model::new("sf_sel_4_value_given_up_keeps_order", &["SF-SEL-4", "SF-CH-5"], &["1 2"], run)]
}

/// A select promises a value to a receive future, which is dropped: the next receive gets it.
fn promised_receive_is_dropped() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let other = {
            let sender = sender.clone();
            spawn(move || select_biased! { send(sender, 1) -> sent => sent.unwrap() })
        };
        let mut abandoned = Box::pin(receiver.recv_async());
        let polled = poll(&mut abandoned, Waker::noop());
        drop(abandoned);
        let value = match polled {
            Poll::Ready(value) => value.unwrap(),
            Poll::Pending => receiver.recv().unwrap(),
        };
        other.join().unwrap();
        value.to_string()
    }
    vec![Model::new("sf_sel_4_promised_receive_is_dropped", &["SF-SEL-4", "SF-CH-5"], &["1"], run)]
}

/// The receive to which a value has been promised is dropped, and the channel closed, before the value is there: the
/// send is refused, unless its value can still be received.
fn promise_to_nobody() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let abandoned = pending(receiver.recv_async());
        let operation = chosen_send(&sender);
        drop(abandoned);
        completed_beside_a_close(operation, &sender, receiver.clone())
    }
    vec![Model::new("sf_sel_4_promise_to_nobody", &["SF-SEL-4", "SF-CH-4"], &["refused", "sent"], run)]
}

/// A select promises a value and gives up: a receive that does not wait takes the one of the sender behind it.
fn try_after_a_broken_promise() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_sel_4_try_after_a_broken_promise", &["SF-SEL-4"], &["2"], run)]
}

/// Two wait to receive, and a select that has chosen the first of them gives up: it is the first still.
fn partner_keeps_its_turn() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let (_, waker) = CountingWaker::new();
        let mut cx = Context::from_waker(&waker);
        let [mut first, mut second] = [(); 2].map(|()| Box::pin(receiver.recv_async()));
        assert!(first.as_mut().poll(&mut cx).is_pending() && second.as_mut().poll(&mut cx).is_pending());
        let operation = chosen_send(&sender);
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
    vec![Model::new("sf_sel_4_partner_keeps_its_turn", &["SF-SEL-4"], &["1 2"], run)]
}

/// `select!` picks any operation that is ready.
fn by_chance() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("lv_sel_1_by_chance", &["LV-SEL-1", "SF-SEL-1"], &["1, 2", "2, 1"], run).under(CHANCE)]
}

/// A select finds both channels full, and is woken by whichever receive makes room.
fn room_wakes_a_select() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("lv_sel_1_room_wakes_a_select", &["LV-SEL-1"], &["arm 0", "arm 1"], run)]
}

/// `ready` hears of a send, and tells which operation is ready.
fn ready() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("lv_sel_1_ready", &["LV-SEL-1"], &["7"], run)]
}

/// Two threads wait in `ready`: one send wakes both.
fn two_are_ready() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(None);
        let watch = |receiver: Arc<Receiver<usize>>| {
            spawn(move || {
                let mut select = Select::new_biased();
                select.recv(&receiver);
                select.ready()
            })
        };
        let watching = [watch(receiver.clone()), watch(receiver.clone())];
        sender.send(7).unwrap();
        assert_eq!(join(watching), [0, 0]);
        receiver.try_recv().unwrap().to_string()
    }
    vec![Model::new("lv_sel_1_two_are_ready", &["LV-SEL-1"], &["7"], run)]
}

/// `ready` hears of a sender that waits, where there is no buffer.
fn ready_rendezvous() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let other = sending(&sender, [7]);
        let mut select = Select::new_biased();
        select.recv(&receiver);
        assert_eq!(select.ready(), 0);
        let value = receiver.recv().unwrap();
        other.join().unwrap();
        value.to_string()
    }
    vec![Model::new("lv_sel_1_ready_rendezvous", &["LV-SEL-1"], &["7"], run)]
}

/// `ready` hears of a select that waits to send: news to those who wait to hear that a receive is ready.
fn ready_sees_a_select() -> Vec<Model> {
    fn run() -> String {
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
    vec![
        Model::new("lv_sel_1_ready_sees_a_select", &["LV-SEL-1"], &["7"], run),
        Model::failing("lv_sel_1_observer_not_woken", &["LV-SEL-1"], DEADLOCK, run).weakened(weaken(
            Kind::NoWake,
            "src/select.rs",
            "observer.notify()",
        )),
    ]
}

/// `ready` hears of a close.
fn ready_hears_of_a_close() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends::<usize>(Some(0));
        let other = spawn(move || sender.close());
        let mut select = Select::new_biased();
        select.recv(&receiver);
        assert_eq!(select.ready(), 0);
        assert!(receiver.try_recv().is_err() && other.join().unwrap());
        "closed".into()
    }
    vec![Model::new("lv_sel_1_ready_hears_of_a_close", &["LV-SEL-1"], &["closed"], run)]
}

/// A select that receives wakes the sender that waits.
fn recv_in_select_wakes() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let other = sending(&sender, [7]);
        let value = select_biased! { recv(receiver) -> value => value.unwrap() };
        other.join().unwrap();
        value.to_string()
    }
    vec![
        Model::new("lv_sel_1_recv_in_select_wakes", &["LV-SEL-1"], &["7"], run),
        Model::failing("lv_sel_1_sender_not_woken", &["LV-SEL-1"], DEADLOCK, run)
            .weakened(arms(Kind::NoWake, "notify(whom)); // site: choose_recv")),
    ]
}

/// A task sends, and looks again, while the select receives: the value goes over.
fn recv_in_select_wakes_a_task() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let sending = move || block_on(sender.send_async(7)).unwrap();
        let ((), value) = race(sending, || select_biased! { recv(receiver) -> value => value.unwrap() });
        value.to_string()
    }
    vec![Model::new("lv_sel_1_recv_in_select_wakes_a_task", &["LV-SEL-1"], &["7"], run)]
}

/// A set that has waited before is ended by a token while it comes to stand in line: it leaves nobody else's place.
fn leaves_its_own_lines() -> Vec<Model> {
    fn run() -> String {
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
    vec![
        Model::new("lv_sel_1_leaves_its_own_lines", &["LV-SEL-1", "SF-SEL-2"], &["woken"], run)
            .under(&[Engine::Loom, Engine::Bounded { preemptions: Some(3), spurious: 1 }])
            .one_way("nobody has sent while it waits by its limit"),
    ]
}

/// A select on two channels and a plain receive on one of them: whichever the select takes, the plain receive gets the
/// value that is left, or the next.
fn plain_receive() -> Vec<Model> {
    fn run() -> String {
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
    vec![
        Model::new("lv_sel_2_wake_of_a_plain_receive", &["LV-SEL-2", "SF-SEL-2"], &["a first", "b first"], run),
        Model::failing("lv_sel_2_wake_is_lost", &["LV-SEL-2"], DEADLOCK, run)
            .weakened(core(Kind::NoWake, "notify(whom); // site: send,")),
    ]
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

/// The outcome: which arm was found, if any was.
fn found(arm: Option<usize>) -> String {
    assert_ne!(arm, Some(2), "the last arm");
    match arm {
        None => "time is up".into(),
        Some(0) => "the first arm".into(),
        Some(arm) => format!("arm {arm}"),
    }
}

fn core(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/channel/core.rs", code)
}

fn arms(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/channel/core/arms.rs", code)
}

fn waiter(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/wait.rs", code)
}

/// Who makes choices: loom takes the first always.
const CHANCE: &[Engine] = &[Engine::Bounded { preemptions: None, spurious: 1 }];

/// How a select ends that meets only who finds it in line: there, and in the order of its operations.
const IN_LINE: &[&str] = &["the first arm", "time is up"];

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

/// How long is of no account under an explorer, but that it is not past already.
const SHORT: Duration = Duration::from_millis(1);

/// A send that a select has chosen is completed beside a close, and a receive after that: what was sent, it receives.
fn completed_beside_a_close(
    operation: SelectedOperation<'_>,
    sender: &Sender<usize>,
    receiver: Arc<Receiver<usize>>,
) -> String {
    let closing = move || {
        receiver.close();
        receiver.recv().is_ok()
    };
    let (received, sent) = race(closing, || operation.send(sender, 1).is_ok());
    assert_eq!(sent, received, "a value was left when the receive said: closed");
    if sent { "sent".into() } else { "refused".into() }
}
