//! The channel. Handles are shared through std's `Arc` where their own clones and drops are not what is tested: each
//! would be another critical section, and another factor of the number of executions.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use hence_registry::{Engine, Kind, Model, Weaken};

use super::harness::{
    Arc, Counted, CountingWaker, JoinHandle, Witness, block_on, chosen_recv, chosen_send, ends, give_up, join, pending,
    poll, race, sending, spawn,
};
use super::weaken::{claim, weaken};
use super::{DEADLOCK, RACE};
use crate::hence::channel::{Receiver, Sender, TryRecvError, TrySendError, bounded, unbounded};
use crate::hence::sync::{AtomicBool, Lock};

pub(super) fn models() -> Vec<Model> {
    [
        send_before_recv(),
        send_before_recv_async(),
        recv_before_send_returns(),
        close_before_recv_fails(),
        close_before_send_fails(),
        one_close_of_two(),
        all_senders_gone(),
        all_receivers_gone(),
        close_races_sends(),
        handed_over_once(),
        other_handles_leave(),
        values_left_are_dropped(),
        values_own_their_channel(),
        fifo(),
        the_last_comes_first(),
        one_place(),
        looks_beside_a_send(),
        rendezvous_needs_a_receive(),
        put_back_beside_a_sender(),
        looks_before_it_locks(),
        drain(),
        nothing_comes_after_the_end(),
        closed_before_empty(),
        dropped_recv(),
        value_is_passed_on(),
        passed_on_beside_a_poll(),
        dropped_recvs_keep_order(),
        told_too_late(),
        not_polled(),
        first_and_last_recv(),
        first_and_last_send(),
        dropped_send(),
        two_sends(),
        two_receives(),
        async_rendezvous(),
        beside_a_taken_place(),
        told_makes_room(),
        told_again(),
        two_by_two(),
        close_wakes_receivers(),
        close_wakes_senders(),
        a_task_hears(),
        last_drop_wakes_senders(),
    ]
    .concat()
}

/// A receive sees what was written before the send: the value goes from hand to hand, or through a buffer, which has a
/// limit or none.
fn send_before_recv() -> Vec<Model> {
    fn run(capacity: Option<usize>) -> String {
        let ((sender, receiver), witness) = (ends(capacity), Witness::new());
        let theirs = {
            let (sender, witness) = (sender.clone(), witness.clone());
            move || {
                witness.write(1);
                sender.send(7).unwrap();
            }
        };
        let ((), (value, seen)) = race(theirs, || (receiver.recv().unwrap(), witness.read()));
        format!("{value} {seen}")
    }
    vec![
        Model::new("hb_ch_1_rendezvous", &["HB-CH-1"], &["7 1"], || run(Some(0))),
        Model::new("hb_ch_1_bounded", &["HB-CH-1"], &["7 1"], || run(Some(1))),
        Model::new("hb_ch_1_unbounded", &["HB-CH-1"], &["7 1"], || run(None)),
        Model::failing("hb_ch_1_rendezvous_claim_relaxed", &["HB-CH-1"], RACE, || run(Some(0)))
            .weakened(claim(Kind::Relaxed)),
        Model::failing("hb_ch_1_bounded_send_unlocked", &["HB-CH-1"], RACE, || run(Some(1)))
            .weakened(core(Kind::NoLock, "let sent = self.state.with(")),
        Model::failing("hb_ch_1_unbounded_recv_unlocked", &["HB-CH-1"], RACE, || run(None)).weakened(recv_unlocked()),
        Model::failing("lv_ch_1_receiver_not_woken", &["LV-CH-1"], DEADLOCK, || run(Some(1)))
            .weakened(core(Kind::NoWake, "notify(whom); // site: send,")),
    ]
}

/// The same with a task on either side, and a buffer in between.
fn send_before_recv_async() -> Vec<Model> {
    fn run() -> String {
        let ((sender, receiver), witness) = (ends(Some(1)), Witness::new());
        let theirs = {
            let (sender, witness) = (sender.clone(), witness.clone());
            move || {
                witness.write(1);
                block_on(sender.send_async(7)).unwrap();
            }
        };
        let ((), (value, seen)) = race(theirs, || (block_on(receiver.recv_async()).unwrap(), witness.read()));
        format!("{value} {seen}")
    }
    vec![Model::new("hb_ch_1_async", &["HB-CH-1", "LV-CH-1"], &["7 1"], run)]
}

/// The last of C+1 sends returns after the call of the first receive, and sees what was written before.
fn recv_before_send_returns() -> Vec<Model> {
    fn run(capacity: usize) -> String {
        let ((sender, receiver), witness) = (ends(Some(capacity)), Witness::new());
        let other = {
            let (sender, witness) = (sender.clone(), witness.clone());
            spawn(move || {
                (0..=capacity).for_each(|value| sender.send(value).unwrap());
                witness.read()
            })
        };
        witness.write(1);
        receiver.recv().unwrap();
        other.join().unwrap().to_string()
    }
    vec![
        Model::new("hb_ch_2_rendezvous", &["HB-CH-2"], &["1"], || run(0)),
        Model::new("hb_ch_2_bounded", &["HB-CH-2"], &["1"], || run(1)),
        Model::failing("hb_ch_2_rendezvous_claim_relaxed", &["HB-CH-2"], RACE, || run(0))
            .weakened(claim(Kind::Relaxed)),
        Model::failing("hb_ch_2_bounded_claim_relaxed", &["HB-CH-2"], RACE, || run(1)).weakened(claim(Kind::Relaxed)),
    ]
}

/// A receive that fails since the channel is closed sees what was written before the close; a second close is none.
fn close_before_recv_fails() -> Vec<Model> {
    fn run() -> String {
        let ((sender, receiver), witness) = (ends::<()>(Some(1)), Witness::new());
        let closer = {
            let (sender, witness) = (sender.clone(), witness.clone());
            spawn(move || {
                witness.write(1);
                assert!(sender.close());
                assert!(!sender.close(), "closing is idempotent");
            })
        };
        assert!(receiver.recv().is_err());
        let seen = witness.read();
        closer.join().unwrap();
        seen.to_string()
    }
    vec![
        Model::new("hb_ch_3_close_before_recv_fails", &["HB-CH-3", "LV-CH-2"], &["1"], run),
        Model::failing("hb_ch_3_claim_relaxed", &["HB-CH-3"], RACE, run).weakened(claim(Kind::Relaxed)),
    ]
}

/// A send that fails since the channel is closed sees the same, and gives its value back.
fn close_before_send_fails() -> Vec<Model> {
    fn run() -> String {
        let ((sender, receiver), witness) = (ends(Some(0)), Witness::new());
        let closer = {
            let (receiver, witness) = (receiver.clone(), witness.clone());
            spawn(move || {
                witness.write(1);
                assert!(receiver.close());
            })
        };
        assert_eq!(sender.send(7).unwrap_err().into_inner(), 7);
        let seen = witness.read();
        closer.join().unwrap();
        seen.to_string()
    }
    vec![Model::new("hb_ch_3_close_before_send_fails", &["HB-CH-3", "LV-CH-2"], &["1"], run)]
}

/// Of two calls, one from either side, one closes the channel, and says so.
fn one_close_of_two() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends::<()>(Some(1));
        let (theirs, mine) = race(move || sender.close(), || receiver.close());
        assert_ne!(mine, theirs, "true for the call that closed it, and no other");
        if mine { "mine".into() } else { "theirs".into() }
    }
    vec![Model::new("hb_ch_3_one_close_of_two", &["HB-CH-3"], &["mine", "theirs"], run)]
}

/// A receive that fails since no sender is left sees what was written before each of them was dropped.
fn all_senders_gone() -> Vec<Model> {
    fn run() -> String {
        let ((sender, receiver), witnesses) = (unbounded::<()>(), [Witness::new(), Witness::new()]);
        let others = witnesses.each_ref().map(|witness| {
            let (sender, witness) = (sender.clone(), witness.clone());
            spawn(move || {
                witness.write(1);
                drop(sender);
            })
        });
        drop(sender);
        assert!(receiver.recv().is_err());
        let seen = witnesses.map(|witness| witness.read());
        join(others);
        format!("{} {}", seen[0], seen[1])
    }
    vec![
        Model::new("hb_ch_4_all_senders_gone", &["HB-CH-4"], &["1 1"], run),
        Model::failing("hb_ch_4_claim_relaxed", &["HB-CH-4"], RACE, run).weakened(claim(Kind::Relaxed)),
    ]
}

/// A send that fails since no receiver is left sees what was written before each of them was dropped.
fn all_receivers_gone() -> Vec<Model> {
    fn run() -> String {
        let ((sender, receiver), witnesses) = (bounded(0), [Witness::new(), Witness::new()]);
        let others = witnesses.each_ref().map(|witness| {
            let (receiver, witness) = (receiver.clone(), witness.clone());
            spawn(move || {
                witness.write(1);
                drop(receiver);
            })
        });
        drop(receiver);
        assert!(sender.send(7).is_err());
        let seen = witnesses.map(|witness| witness.read());
        join(others);
        format!("{} {}", seen[0], seen[1])
    }
    vec![Model::new("hb_ch_4_all_receivers_gone", &["HB-CH-4"], &["1 1"], run)]
}

/// Two sends, two receives at most and a close, which races with the second send: nothing is lost, nothing doubled.
fn close_races_sends() -> Vec<Model> {
    fn run(capacity: usize) -> String {
        Counted::begin();
        let (sender, receiver) = ends(Some(capacity));
        let senders = [1, 2].map(|value| {
            let (sender, counted) = (sender.clone(), Counted(value));
            spawn(move || sender.send(counted).err().map(|refused| refused.into_inner().0))
        });
        let first = receiver.try_recv().ok();
        receiver.close();
        let received: Vec<usize> = first.into_iter().chain(receiver.try_iter()).map(|counted| counted.0).collect();
        let handed_back: Vec<usize> = senders.into_iter().filter_map(|sender| sender.join().unwrap()).collect();
        let mut all = [received.clone(), handed_back].concat();
        all.sort_unstable();
        assert_eq!(all, [1, 2], "each value is received or handed back");
        assert_eq!(Counted::drops(), 2, "and dropped once");
        format!("{} received", ["none", "one", "two"][received.len()])
    }
    vec![
        Model::new("sf_ch_1_close_races_sends_rendezvous", &["SF-CH-1"], &["none received", "one received"], || run(0)),
        Model::new(
            "sf_ch_1_close_races_sends_bounded",
            &["SF-CH-1"],
            &["none received", "one received", "two received"],
            || run(1),
        ),
        Model::failing("sf_ch_1_recv_unlocked", &["SF-CH-1"], RACE, || run(1)).weakened(recv_unlocked()),
    ]
}

/// However the value goes, it is dropped by who receives it and by nobody else.
fn handed_over_once() -> Vec<Model> {
    fn run((sender, receiver): (Sender<Counted>, Receiver<Counted>)) -> String {
        Counted::begin();
        let ((), received) = race(move || sender.send(Counted(1)).unwrap(), || receiver.recv().unwrap());
        drop(receiver);
        assert_eq!(Counted::drops(), 0, "not by the channel");
        let value = received.0;
        drop(received);
        assert_eq!(Counted::drops(), 1, "and once by its receiver");
        value.to_string()
    }
    vec![
        Model::new("sf_ch_1_handed_over_once_rendezvous", &["SF-CH-1"], &["1"], || run(bounded(0))),
        Model::new("sf_ch_1_handed_over_once_bounded", &["SF-CH-1"], &["1"], || run(bounded(1))),
        Model::new("sf_ch_1_handed_over_once_unbounded", &["SF-CH-1"], &["1"], || run(unbounded())),
    ]
}

/// The drop of a handle that is not the last of its side takes nothing along, and closes nothing.
fn other_handles_leave() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = bounded(1);
        let (other_sender, other_receiver) = (sender.clone(), receiver.clone());
        let sending = spawn(move || {
            other_sender.send(1).unwrap();
            drop(other_sender);
        });
        let leaving = spawn(move || drop(other_receiver));
        let received = receiver.recv().unwrap();
        sending.join().unwrap();
        leaving.join().unwrap();
        format!("{received}, {}", if sender.is_closed() { "closed" } else { "open" })
    }
    vec![Model::new("sf_ch_1_other_handles_leave", &["SF-CH-1"], &["1, open"], run)]
}

/// The last receiver goes while a value is sent: the value is handed back, or left, and dropped with the channel.
fn values_left_are_dropped() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let (sender, receiver) = bounded(1);
        let counted = Counted(1);
        let (sent, ()) = race(move || sender.send(counted).is_ok(), || drop(receiver));
        assert_eq!(Counted::drops(), 1, "dropped once, by the channel or by who got it back");
        if sent { "sent".into() } else { "handed back".into() }
    }
    vec![Model::new("sf_ch_1_values_left_are_dropped", &["SF-CH-1"], &["handed back", "sent"], run)]
}

/// The destructors of what is left, in the channel and in its line, take the channel's lock: none runs under it.
fn values_own_their_channel() -> Vec<Model> {
    /// A value that keeps a handle of the channel that it is sent into.
    struct Owning {
        _channel: Sender<Owning>,
        _counted: Counted,
    }

    fn run() -> String {
        Counted::begin();
        let (sender, receiver) = bounded(1);
        let [left, refused] = [1, 2].map(|value| Owning { _channel: sender.clone(), _counted: Counted(value) });
        assert!(sender.send(left).is_ok());
        race(move || assert!(sender.send(refused).is_err()), || drop(receiver));
        format!("{} dropped", Counted::drops())
    }
    vec![Model::new("sf_ch_1_values_own_their_channel", &["SF-CH-1", "LV-CH-2"], &["2 dropped"], run)]
}

/// A sender's values are received in the order of their sends, however many have room.
fn fifo() -> Vec<Model> {
    fn run(capacity: Option<usize>, values: usize) -> String {
        let (sender, receiver) = ends(capacity);
        let other = sending(&sender, 1..=values);
        let received: Vec<String> = receiver.iter().take(values).map(|value| value.to_string()).collect();
        other.join().unwrap();
        received.join(" ")
    }
    vec![
        Model::new("sf_ch_2_fifo_rendezvous", &["SF-CH-2"], &["1 2"], || run(Some(0), 2)),
        Model::new("sf_ch_2_fifo_bounded", &["SF-CH-2"], &["1 2"], || run(Some(1), 2)),
        Model::new("sf_ch_2_fifo_two_places", &["SF-CH-2"], &["1 2 3"], || run(Some(2), 3)),
        Model::new("sf_ch_2_fifo_unbounded", &["SF-CH-2"], &["1 2"], || run(None, 2)),
    ]
}

/// The fault of a channel that takes the last value first, in a channel made of a lock.
fn the_last_comes_first() -> Vec<Model> {
    fn run() -> String {
        let stack = Arc::new(Lock::new(Vec::new()));
        let theirs = stack.clone();
        let sending = move || [1, 2].into_iter().for_each(|value| theirs.with(|stack| stack.push(value)));
        let receiving = || (0..2).filter_map(|_| stack.with(|stack| stack.pop())).collect::<Vec<i32>>();
        let ((), received) = race(sending, receiving);
        assert!(received.is_sorted(), "values come in the order of their sends: {received:?}");
        format!("{received:?}")
    }
    vec![Model::failing("sf_ch_2_the_last_comes_first", &["SF-CH-2"], &["in the order of their sends"], run)]
}

/// Of two sends that do not wait one gets the only place.
fn one_place() -> Vec<Model> {
    fn run() -> String {
        let (sender, _receiver) = ends(Some(1));
        let try_send = |value| {
            let sender = sender.clone();
            move || sender.try_send(value).is_ok()
        };
        let (theirs, ours) = race(try_send(1), try_send(2));
        assert_eq!(sender.len(), 1);
        format!("{:?}", (ours, theirs))
    }
    vec![Model::new("sf_ch_3_capacity", &["SF-CH-3"], &["(false, true)", "(true, false)"], run)]
}

/// What a channel says of itself orders nothing, and races with nothing.
fn looks_beside_a_send() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let other = sending(&sender, [1]);
        let seen = (receiver.len(), receiver.is_full());
        assert!(!receiver.is_closed());
        other.join().unwrap();
        format!("{seen:?}")
    }
    vec![Model::new(
        "sf_ch_3_looks_beside_a_send",
        &["SF-CH-3", "SF-LK-1"],
        &["(0, false)", "(0, true)", "(1, true)"],
        run,
    )]
}

/// A send that does not wait meets a receive that waits already, or is refused.
fn rendezvous_needs_a_receive() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let theirs = receiver.clone();
        let (received, (sent, _)) = race(move || theirs.recv(), || (sender.try_send(7), sender.close()));
        match sent {
            Ok(()) => assert_eq!(received, Ok(7), "a send that succeeded has been received"),
            Err(refused) => assert!(refused == TrySendError::Full(7) && received.is_err(), "a refused value is back"),
        }
        if sent.is_ok() { "met".into() } else { "refused".into() }
    }
    vec![Model::new("sf_ch_3_rendezvous_needs_a_receive", &["SF-CH-3"], &["met", "refused"], run)]
}

/// A select puts a value back over a full buffer, beside a sender that waits: the place that it leaves again is none.
fn put_back_beside_a_sender() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        sender.send(1).unwrap();
        let operation = chosen_recv(&receiver);
        sender.send(2).unwrap();
        let other = sending(&sender, [3]);
        give_up(operation);
        let received = [(); 3].map(|()| {
            let value = receiver.recv().unwrap();
            assert!(receiver.len() <= 1, "one place, one value");
            value.to_string()
        });
        other.join().unwrap();
        received.join(" ")
    }
    vec![Model::new("sf_ch_3_put_back_beside_a_sender", &["SF-CH-3", "SF-CH-2"], &["1 2 3"], run)]
}

/// The fault of a channel that looks for room in one critical section and takes it in another.
fn looks_before_it_locks() -> Vec<Model> {
    fn run() -> String {
        let buffer = Arc::new(Lock::new(Vec::new()));
        let try_send = |value| {
            let buffer = buffer.clone();
            move || {
                if buffer.with(|buffer| buffer.is_empty()) {
                    buffer.with(|buffer| buffer.push(value));
                }
            }
        };
        race(try_send(1), try_send(2));
        assert_eq!(buffer.with(|buffer| buffer.len()), 1, "one place, one value");
        "one".into()
    }
    vec![Model::failing("sf_ch_3_looks_before_it_locks", &["SF-CH-3"], &["one place, one value"], run)]
}

/// What was sent before the end is received before it: the end is a close, or the drop of the last sender.
fn drain() -> Vec<Model> {
    fn run(end: fn(Sender<usize>)) -> String {
        let (sender, receiver) = bounded(1);
        let sending = move || {
            sender.send(1).unwrap();
            sender.send(2).unwrap();
            end(sender);
        };
        let ((), received) = race(sending, || receiver.iter().map(|value| value.to_string()).collect::<Vec<_>>());
        received.join(" ")
    }
    vec![
        Model::new("sf_ch_4_drain_after_close", &["SF-CH-4"], &["1 2"], || run(close)),
        Model::new("sf_ch_4_drain_after_last_drop", &["SF-CH-4"], &["1 2"], || run(drop)),
    ]
}

/// A receive is told of the last value, and dropped: whoever hears that nothing will come hears it after that value.
fn nothing_comes_after_the_end() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = unbounded();
        let abandoned = pending(receiver.recv_async());
        let other = spawn(move || {
            sender.send(1).unwrap();
            drop(sender);
        });
        let early = [(); 2].map(|()| receiver.try_recv());
        drop(abandoned);
        let all: Vec<_> = early.into_iter().chain([receiver.recv().map_err(|_| TryRecvError::Disconnected)]).collect();
        let received: Vec<_> = all.iter().flatten().collect();
        let ended = all.iter().position(|received| *received == Err(TryRecvError::Disconnected));
        assert!(ended.is_none_or(|at| all[at..].iter().all(Result::is_err)), "something came after the end: {all:?}");
        other.join().unwrap();
        assert_eq!(received.len(), 1, "the value is received");
        received[0].to_string()
    }
    vec![Model::new("sf_ch_4_nothing_comes_after_the_end", &["SF-CH-4", "SF-CH-5"], &["1"], run)]
}

/// The fault of a receive that looks whether the channel is closed first, and whether it is empty never again.
fn closed_before_empty() -> Vec<Model> {
    fn run() -> String {
        let (buffer, closed) = (Arc::new(Lock::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let sending = {
            let (buffer, closed) = (buffer.clone(), closed.clone());
            move || {
                buffer.with(|buffer| buffer.push(1));
                closed.store(true, std::sync::atomic::Ordering::Release);
            }
        };
        let ((), ended) = race(sending, || closed.load(std::sync::atomic::Ordering::Acquire));
        assert!(!ended || buffer.with(|buffer| buffer.is_empty()), "a value was left when the receive said: closed");
        "open".into()
    }
    vec![Model::failing("sf_ch_4_closed_before_empty", &["SF-CH-4"], &["a value was left"], run)]
}

/// Polls a receive once and drops it: what it was told of meanwhile is there for the next receive.
fn dropped_recv() -> Vec<Model> {
    fn run(capacity: usize) -> String {
        let (sender, receiver) = ends(Some(capacity));
        let abandoned = pending(receiver.recv_async());
        let other = sending(&sender, [1]);
        drop(abandoned);
        let value = receiver.recv().unwrap();
        other.join().unwrap();
        value.to_string()
    }
    vec![
        Model::new("sf_ch_5_dropped_recv_rendezvous", &["SF-CH-5"], &["1"], || run(0)),
        Model::new("sf_ch_5_dropped_recv_bounded", &["SF-CH-5"], &["1"], || run(1)),
    ]
}

/// The same with another receive that waits behind it.
fn value_is_passed_on() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let abandoned = pending(receiver.recv_async());
        let next = {
            let receiver = receiver.clone();
            spawn(move || block_on(receiver.recv_async()).unwrap())
        };
        sender.send(1).unwrap();
        drop(abandoned);
        next.join().unwrap().to_string()
    }
    vec![
        Model::new("sf_ch_5_value_is_passed_on", &["SF-CH-5", "LV-CH-1"], &["1"], run),
        Model::failing("sf_ch_5_not_passed_on", &["SF-CH-5"], DEADLOCK, run).weakened(weaken(
            Kind::NoWake,
            "src/channel/core/tasks.rs",
            "notify(whom)); // site: leave_task",
        )),
    ]
}

/// The receive behind it is a task, which is polled anew meanwhile, with another waker.
fn passed_on_beside_a_poll() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let (_, waker) = CountingWaker::new();
        let mut cx = Context::from_waker(&waker);
        let [mut abandoned, mut next] = [(); 2].map(|()| {
            let receiver = receiver.clone();
            Box::pin(async move { receiver.recv_async().await })
        });
        assert!(abandoned.as_mut().poll(&mut cx).is_pending() && next.as_mut().poll(&mut cx).is_pending());
        sender.send(1).unwrap();
        let (value, ()) = race(move || block_on(next).unwrap(), || drop(abandoned));
        value.to_string()
    }
    vec![Model::new("sf_ch_5_passed_on_beside_a_poll", &["SF-CH-5", "LV-CH-1"], &["1"], run)]
}

/// Two receives wait, and are dropped while two values are sent: these keep their order.
fn dropped_recvs_keep_order() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let (_, waker) = CountingWaker::new();
        let mut cx = Context::from_waker(&waker);
        let mut abandoned = [(); 2].map(|()| Box::pin(receiver.recv_async()));
        abandoned.iter_mut().for_each(|recv| assert!(recv.as_mut().poll(&mut cx).is_pending()));
        let other = sending(&sender, [1, 2]);
        // The later one first.
        abandoned.into_iter().rev().for_each(drop);
        let received = [receiver.recv().unwrap(), receiver.recv().unwrap()];
        other.join().unwrap();
        format!("{} {}", received[0], received[1])
    }
    vec![Model::new("sf_ch_5_dropped_recvs_keep_order", &["SF-CH-5"], &["1 2"], run)]
}

/// A receive is told of a value that another one takes: it stands first in the line again.
fn told_too_late() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(None);
        let ((told, waker), (behind, other)) = (CountingWaker::new(), CountingWaker::new());
        let (mut cx, mut cx_behind) = (Context::from_waker(&waker), Context::from_waker(&other));
        let [mut first, mut second] = [(); 2].map(|()| Box::pin(receiver.recv_async()));
        assert!(first.as_mut().poll(&mut cx).is_pending() && second.as_mut().poll(&mut cx_behind).is_pending());
        let theirs = receiver.clone();
        let taking = move || theirs.try_recv();
        let (taken, polled) = race(taking, || {
            sender.send(1).unwrap();
            first.as_mut().poll(&mut cx)
        });
        assert_eq!((told.count(), behind.count()), (1, 0), "the first is told");
        match (polled, taken) {
            (Poll::Ready(Ok(1)), Err(TryRecvError::Empty)) => "it was there".into(),
            (Poll::Pending, Ok(1)) => {
                sender.send(2).unwrap();
                assert_eq!((told.count(), behind.count()), (2, 0), "and is the first again");
                assert_eq!(first.as_mut().poll(&mut cx), Poll::Ready(Ok(2)));
                "too late".into()
            }
            other => panic!("one of the two receives the value: {other:?}"),
        }
    }
    vec![Model::new("sf_ch_5_told_too_late", &["SF-CH-5", "SF-WT-2"], &["it was there", "too late"], run)]
}

/// A receive is told of a value and not polled; a thread waits, too, or comes later.
fn not_polled() -> Vec<Model> {
    fn run(capacity: Option<usize>) -> String {
        let (sender, receiver) = ends(capacity);
        let _held = pending(receiver.recv_async());
        let other = sending(&sender, [1]);
        let value = receiver.recv().unwrap();
        other.join().unwrap();
        value.to_string()
    }
    vec![
        Model::new("sf_ch_5_not_polled_rendezvous", &["SF-CH-5", "LV-CH-1"], &["1"], || run(Some(0))),
        Model::new("sf_ch_5_not_polled_bounded", &["SF-CH-5", "LV-CH-1"], &["1"], || run(Some(1))),
    ]
}

/// Three receives wait, and the first and the last are dropped, while a value is sent: it is the second's.
fn first_and_last_recv() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let (_, waker) = CountingWaker::new();
        let mut cx = Context::from_waker(&waker);
        let [mut first, mut second, mut last] = [(); 3].map(|()| Box::pin(receiver.recv_async()));
        for recv in [&mut first, &mut second, &mut last] {
            assert!(recv.as_mut().poll(&mut cx).is_pending());
        }
        let other = sending(&sender, [1]);
        drop(first);
        drop(last);
        other.join().unwrap();
        let Poll::Ready(received) = second.as_mut().poll(&mut cx) else { panic!("sent, and the second is left") };
        assert!(sender.try_send(2).is_err(), "nobody is left in line");
        received.unwrap().to_string()
    }
    vec![Model::new("sf_ch_5_first_and_last_recv", &["SF-CH-5", "SF-WT-2", "LV-CH-1"], &["1"], run)]
}

/// Three sends wait, and the first and the last are dropped, while a value is received.
fn first_and_last_send() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let (_, waker) = CountingWaker::new();
        let mut cx = Context::from_waker(&waker);
        let [mut first, mut second, mut last] = [1, 2, 3].map(|value| Box::pin(sender.send_async(value)));
        for send in [&mut first, &mut second, &mut last] {
            assert!(send.as_mut().poll(&mut cx).is_pending());
        }
        let other = receiving(&receiver, 1);
        drop(first);
        drop(last);
        let received = other.join().unwrap().into_iter().chain(receiver.try_iter());
        let received: Vec<String> = received.map(|value| value.to_string()).collect();
        assert!(second.as_mut().poll(&mut cx).is_ready());
        received.join(", ")
    }
    vec![Model::new("sf_ch_5_first_and_last_send", &["SF-CH-5", "SF-WT-2"], &["1, 2", "2"], run)]
}

/// A send waits, and is dropped while a receive is tried: the value is received, or dropped with the send.
fn dropped_send() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let (sender, receiver) = ends(Some(0));
        let abandoned = pending(sender.send_async(Counted(1)));
        let theirs = receiver.clone();
        let (received, ()) = race(move || theirs.try_recv().is_ok(), || drop(abandoned));
        assert_eq!(Counted::drops(), 1, "dropped once, by who received it or with the future");
        assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)), "nothing is left behind");
        if received { "received".into() } else { "taken back".into() }
    }
    vec![Model::new("sf_ch_5_dropped_send", &["SF-CH-5"], &["received", "taken back"], run)]
}

/// Three threads, one message each way: two senders, and this thread to receive. All come through.
fn two_sends() -> Vec<Model> {
    fn run(capacity: Option<usize>) -> String {
        let (sender, receiver) = ends(capacity);
        let others = [1, 2].map(|value| sending(&sender, [value]));
        let sum = receiver.recv().unwrap() + receiver.recv().unwrap();
        join(others);
        sum.to_string()
    }
    vec![
        Model::new("lv_ch_1_two_sends_rendezvous", &["LV-CH-1"], &["3"], || run(Some(0))),
        Model::new("lv_ch_1_two_sends_bounded", &["LV-CH-1"], &["3"], || run(Some(1))),
        Model::new("lv_ch_1_two_sends_unbounded", &["LV-CH-1"], &["3"], || run(None)),
        Model::failing("lv_ch_1_sender_not_woken", &["LV-CH-1"], DEADLOCK, || run(Some(1)))
            .weakened(core(Kind::NoWake, "notify(whom)); // site: recv,")),
    ]
}

/// Two receivers, and this thread to send: each of them gets a value.
fn two_receives() -> Vec<Model> {
    fn run(capacity: Option<usize>) -> String {
        let (sender, receiver) = ends(capacity);
        let others = [receiving(&receiver, 1), receiving(&receiver, 1)];
        (1..=2).for_each(|value| sender.send(value).unwrap());
        let received = others.map(|other| other.join().unwrap()[0]);
        format!("{}, {}", received[0], received[1])
    }
    vec![Model::new("lv_ch_1_two_receives_bounded", &["LV-CH-1"], &["1, 2", "2, 1"], || run(Some(1)))]
}

/// Two tasks meet, with nothing in between: the send sees what was written before the call of the receive.
fn async_rendezvous() -> Vec<Model> {
    fn run() -> String {
        let ((sender, receiver), witness) = (ends(Some(0)), Witness::new());
        let theirs = {
            let (receiver, witness) = (receiver.clone(), witness.clone());
            move || {
                witness.write(1);
                block_on(receiver.recv_async()).unwrap()
            }
        };
        let (value, ((), seen)) = race(theirs, || (block_on(sender.send_async(7)).unwrap(), witness.read()));
        format!("{value} {seen}")
    }
    vec![Model::new("lv_ch_1_async_rendezvous", &["LV-CH-1"], &["7 1"], run)]
}

/// The one place is a select's, which has not said what it sends: a task and a sender meet all the same.
fn beside_a_taken_place() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let operation = chosen_send(&sender);
        let other = sending(&sender, [7]);
        let value = block_on(receiver.recv_async()).unwrap();
        other.join().unwrap();
        operation.send(&sender, 8).unwrap();
        assert_eq!(receiver.try_recv(), Ok(8));
        value.to_string()
    }
    vec![Model::new("lv_ch_1_beside_a_taken_place", &["LV-CH-1"], &["7"], run)]
}

/// A task that was told takes its value, which lets another task send, that looks again meanwhile.
fn told_makes_room() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let mut told = pending(receiver.recv_async());
        sender.try_send(1).unwrap();
        let other = {
            let sender = sender.clone();
            spawn(move || block_on(sender.send_async(2)).unwrap())
        };
        let Poll::Ready(first) = poll(&mut told, Waker::noop()) else { panic!("it is there") };
        let second = receiver.recv().unwrap();
        other.join().unwrap();
        format!("{} {second}", first.unwrap())
    }
    vec![Model::new("lv_ch_1_told_makes_room", &["LV-CH-1", "SF-CH-2"], &["1 2"], run)]
}

/// A receive is told of a value, which another one takes, and is not polled: the next value is told to the one behind it.
fn told_again() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(None);
        let _held = pending(receiver.recv_async());
        sender.send(1).unwrap();
        assert_eq!(receiver.try_recv(), Ok(1));
        let other = sending(&sender, [2]);
        let value = block_on(receiver.recv_async()).unwrap();
        other.join().unwrap();
        value.to_string()
    }
    vec![Model::new("lv_ch_1_told_again", &["LV-CH-1", "SF-CH-5"], &["2"], run)]
}

/// Two senders and two receivers, this thread one of them, with so many messages each: all come through.
fn two_by_two() -> Vec<Model> {
    const SAMPLES: [Engine; 2] = [Engine::Pct(20_000), Engine::Random(20_000)];

    /// What the two receivers of `run(_, 2)` can have got: each sender's values in order, as seen by each receiver.
    /// Sender 1 sends 1 and 2, sender 2 sends 3 and 4.
    const TWO_BY_TWO: &[&str] = &[
        "12, 34", "13, 24", "13, 42", "14, 32", "31, 24", "31, 42", "34, 12", "24, 13", "24, 31", "42, 13", "42, 31",
        "32, 14", "23, 14", "14, 23", "41, 32", "32, 41", "41, 23", "23, 41",
    ];

    fn run(capacity: usize, messages: usize) -> String {
        let (sender, receiver) = ends(Some(capacity));
        let senders = [0, 1].map(|s| sending(&sender, (1..=messages).map(move |m| s * messages + m)));
        let other = receiving(&receiver, messages);
        let mine: Vec<usize> = receiver.iter().take(messages).collect();
        let theirs = other.join().unwrap();
        join(senders);
        let digits = |values: Vec<usize>| values.iter().map(ToString::to_string).collect::<String>();
        format!("{}, {}", digits(mine), digits(theirs))
    }
    let at_most = |preemptions| Engine::Bounded { preemptions: Some(preemptions), spurious: 1 };
    let sampled = |preemptions| [&[at_most(preemptions)][..], &SAMPLES].concat();
    vec![
        Model::new("lv_ch_1_two_by_two_rendezvous", &["LV-CH-1", "SF-CH-1"], &["1, 2", "2, 1"], || run(0, 1))
            .under(&[Engine::Loom, at_most(3)])
            .slow(),
        Model::new("lv_ch_1_two_by_two_bounded", &["LV-CH-1", "SF-CH-1"], &["1, 2", "2, 1"], || run(1, 1))
            .under(&[Engine::Loom, at_most(3)])
            .slow(),
        Model::new("lv_ch_1_two_by_two_by_two_rendezvous", &["LV-CH-1", "SF-CH-1", "SF-CH-2"], TWO_BY_TWO, || {
            run(0, 2)
        })
        .under(&sampled(2))
        .slow(),
        Model::new("lv_ch_1_two_by_two_by_two_bounded", &["LV-CH-1", "SF-CH-1", "SF-CH-2"], TWO_BY_TWO, || run(1, 2))
            .under(&sampled(3))
            .slow(),
    ]
}

/// A close wakes all receivers that wait.
fn close_wakes_receivers() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let others = [receiving(&receiver, 1), receiving(&receiver, 1)];
        assert!(sender.close());
        assert_eq!(others.map(|other| other.join().unwrap().len()), [0, 0]);
        "all woken".into()
    }
    vec![
        Model::new("lv_ch_2_close_wakes_receivers", &["LV-CH-2"], &["all woken"], run),
        Model::failing("lv_ch_2_not_woken_by_close", &["LV-CH-2"], DEADLOCK, run)
            .weakened(core(Kind::NoWake, "notify(whom); // site: close")),
    ]
}

/// A close wakes all senders that wait, and each gets its own value back.
fn close_wakes_senders() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let others = [1, 2].map(|value| {
            let sender = sender.clone();
            spawn(move || sender.send(value).unwrap_err().into_inner())
        });
        assert!(receiver.close());
        assert_eq!(join(others), [1, 2], "each gets its own value back");
        "all woken".into()
    }
    vec![Model::new("lv_ch_2_close_wakes_senders", &["LV-CH-2", "SF-CH-1"], &["all woken"], run)]
}

/// A task waits, and looks again, while the channel ends, by a close or with its last sender: it hears of that.
fn a_task_hears() -> Vec<Model> {
    fn run(end: fn(Sender<usize>)) -> String {
        let (sender, receiver) = bounded(0);
        race(move || end(sender), || assert!(block_on(receiver.recv_async()).is_err()));
        "woken".into()
    }
    vec![
        Model::new("lv_ch_2_close_wakes_a_task", &["LV-CH-2"], &["woken"], || run(close)),
        Model::new("lv_ch_2_last_sender_leaves_a_task", &["LV-CH-2"], &["woken"], || run(drop)),
    ]
}

/// The drop of the last receiver wakes a task that sends, which gets its value back.
fn last_drop_wakes_senders() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = bounded(0);
        let other = spawn(move || drop(receiver));
        let mut send = pin!(sender.send_async(7));
        let refused = block_on(std::future::poll_fn(|cx| match send.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result.unwrap_err()),
            Poll::Pending => Poll::Pending,
        }));
        assert_eq!(refused.into_inner(), 7);
        other.join().unwrap();
        "woken".into()
    }
    vec![
        Model::new("lv_ch_2_last_drop_wakes_senders", &["LV-CH-2"], &["woken"], run),
        Model::failing("lv_ch_2_not_woken_by_drop", &["LV-CH-2"], DEADLOCK, run)
            .weakened(core(Kind::NoWake, "notify(whom)); // site: last receiver")),
    ]
}

fn close(sender: Sender<usize>) {
    assert!(sender.close());
}

/// A thread that receives so many values.
fn receiving(receiver: &Arc<Receiver<usize>>, values: usize) -> JoinHandle<Vec<usize>> {
    let receiver = receiver.clone();
    spawn(move || receiver.iter().take(values).collect())
}

fn core(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/channel/core.rs", code)
}

fn recv_unlocked() -> Weaken {
    core(Kind::NoLock, "let received = self.state.with(|state| {")
}
