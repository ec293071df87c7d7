//! The async forms of the channel: who is woken, by which waker and how often; what a dropped or leaked future leaves
//! behind. Single-threaded where the order matters, since a poll is a deterministic way to stand in a queue.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::thread;

use hence::channel::{RecvError, SendError, TryRecvError, TrySendError, bounded, unbounded};
use util::{Drops, Wakes, block_on, blocked, peek, poll, watched};

// What they do.

#[test]
fn ready_at_once_when_nothing_has_to_wait() {
    let (sender, receiver) = bounded(1);
    let (wakes, waker) = Wakes::new();
    assert_eq!(poll(&mut sender.send_async(1), &waker), Ok(()).into());
    assert_eq!(poll(&mut receiver.recv_async(), &waker), Ok(1).into());
    sender.close();
    assert_eq!(poll(&mut sender.send_async(2), &waker), Err(SendError(2)).into());
    assert_eq!(poll(&mut receiver.recv_async(), &waker), Err(RecvError).into());
    assert_eq!(wakes.count(), 0);
}

#[test]
fn a_future_does_nothing_until_it_is_polled() {
    let (sender, receiver) = unbounded();
    let send = sender.send_async(1);
    let receive = receiver.recv_async();
    assert!(receiver.is_empty());
    sender.send(2).unwrap();
    assert_eq!(receiver.len(), 1); // not handed to `receive`
    drop((send, receive));
    assert_eq!(receiver.try_recv(), Ok(2));
    assert!(receiver.is_empty());
}

#[test]
fn a_receive_future_receives_again() {
    let (sender, receiver) = unbounded();
    let mut receive = receiver.recv_async();
    for i in 0..3 {
        assert!(peek(&mut receive).is_pending());
        sender.send(i).unwrap();
        assert_eq!(peek(&mut receive), Ok(i).into());
    }
    sender.close();
    assert_eq!(peek(&mut receive), Err(RecvError).into());
    assert_eq!(peek(&mut receive), Err(RecvError).into());
}

#[test]
fn a_send_future_sends_once() {
    let (sender, receiver) = unbounded();
    let mut send = sender.send_async(1);
    assert!(peek(&mut send).is_ready());
    let again = catch_unwind(AssertUnwindSafe(|| peek(&mut send)));
    assert_eq!(*again.unwrap_err().downcast::<&str>().unwrap(), "a SendFuture was polled after it was ready");
    assert_eq!(receiver.try_iter().count(), 1);
}

#[test]
fn blocking_and_async_meet() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        let producer = blocked(move || block_on(sender.send_async(1)));
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(producer.join().unwrap(), Ok(()));

        let (sender, receiver) = bounded(0);
        let consumer = blocked(move || block_on(receiver.recv_async()));
        sender.send(2).unwrap();
        assert_eq!(consumer.join().unwrap(), Ok(2));

        let (sender, receiver) = bounded::<u8>(0);
        let ended = blocked(move || block_on(receiver.recv_async()));
        drop(sender);
        assert_eq!(ended.join().unwrap(), Err(RecvError));

        let (sender, receiver) = bounded(0);
        let refused = blocked(move || block_on(sender.send_async(3)));
        receiver.close();
        assert_eq!(refused.join().unwrap(), Err(SendError(3)));
    });
}

#[test]
fn a_future_may_move_between_threads_while_it_waits() {
    watched(|| {
        for _ in 0..20 {
            let (sender, receiver) = bounded(0);
            thread::scope(|scope| {
                let (mut send, mut receive) = (sender.send_async(1), receiver.recv_async());
                assert!(peek(&mut send).is_pending()); // here, and from there on elsewhere
                let there = scope.spawn(move || block_on(send));
                assert_eq!(scope.spawn(move || peek(&mut receive)).join().unwrap(), Ok(1).into());
                assert_eq!(there.join().unwrap(), Ok(()));

                let mut receive = receiver.recv_async();
                assert!(peek(&mut receive).is_pending());
                let there = scope.spawn(move || block_on(receive));
                sender.send(2).unwrap();
                assert_eq!(there.join().unwrap(), Ok(2));
            });
        }
    });
}

// Who is woken.

#[test]
fn a_receive_is_woken_once_when_its_value_is_there() {
    for capacity in [0, 1] {
        let (sender, receiver) = bounded(capacity);
        let ((first, waker), (second, other)) = (Wakes::new(), Wakes::new());
        let (mut one, mut two) = (receiver.recv_async(), receiver.recv_async());
        assert!(poll(&mut one, &waker).is_pending() && poll(&mut two, &other).is_pending());
        assert_eq!((first.count(), second.count()), (0, 0));
        sender.try_send(1).unwrap();
        assert_eq!((first.count(), second.count()), (1, 0)); // nobody but the one who is served
        sender.try_send(2).unwrap();
        assert_eq!((first.count(), second.count()), (1, 1));
        assert_eq!((poll(&mut two, &other), poll(&mut one, &waker)), (Ok(2).into(), Ok(1).into()));
        assert_eq!((first.count(), second.count()), (1, 1));
    }
}

#[test]
fn a_send_is_woken_once_when_its_value_is_taken() {
    let (sender, receiver) = bounded(1);
    sender.send(0).unwrap();
    let ((first, waker), (second, other)) = (Wakes::new(), Wakes::new());
    let (mut one, mut two) = (sender.send_async(1), sender.send_async(2));
    assert!(poll(&mut one, &waker).is_pending() && poll(&mut two, &other).is_pending());
    assert_eq!(receiver.recv(), Ok(0));
    assert_eq!((first.count(), second.count()), (1, 0));
    assert_eq!(receiver.recv(), Ok(1));
    assert_eq!((first.count(), second.count()), (1, 1));
    assert_eq!((poll(&mut one, &waker), poll(&mut two, &other)), (Ok(()).into(), Ok(()).into()));
    assert_eq!((first.count(), second.count()), (1, 1));
}

#[test]
fn the_end_wakes_every_task_once() {
    let (wakes, waker) = Wakes::new();
    let (sender, receiver) = bounded::<u8>(0);
    let mut receives: Vec<_> = (0..3).map(|_| receiver.recv_async()).collect();
    assert!(receives.iter_mut().all(|receive| poll(receive, &waker).is_pending()));
    sender.close();
    assert_eq!(wakes.count(), 3);
    assert!(receives.iter_mut().all(|receive| poll(receive, &waker) == Err(RecvError).into()));

    let (wakes, waker) = Wakes::new();
    let (sender, receiver) = bounded(0);
    let mut sends: Vec<_> = (0..3).map(|i| sender.send_async(i)).collect();
    assert!(sends.iter_mut().all(|send| poll(send, &waker).is_pending()));
    drop(receiver);
    assert_eq!(wakes.count(), 3);
    for (i, send) in sends.iter_mut().enumerate() {
        assert_eq!(poll(send, &waker), Err(SendError(i)).into());
    }
    assert_eq!(wakes.count(), 3);
}

#[test]
fn the_waker_of_the_latest_poll_counts() {
    let (sender, receiver) = bounded(0);
    let ((old, first), (new, last)) = (Wakes::new(), Wakes::new());
    let mut receive = receiver.recv_async();
    for waker in [&first, &first, &last, &first, &last, &last] {
        assert!(poll(&mut receive, waker).is_pending());
    }
    sender.try_send(1).unwrap();
    assert_eq!((old.count(), new.count()), (0, 1));
    drop(receive);

    let ((old, first), (new, last)) = (Wakes::new(), Wakes::new());
    assert_eq!(receiver.try_recv(), Ok(1));
    let mut send = sender.send_async(2);
    for waker in [&first, &first, &last, &first, &last, &last] {
        assert!(poll(&mut send, waker).is_pending());
    }
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!((old.count(), new.count()), (0, 1));
}

#[test]
fn wakers_are_not_kept() {
    let (wakes, waker) = Wakes::new();
    let (sender, receiver) = bounded(0);
    let kept = || std::sync::Arc::strong_count(&wakes) - 2; // besides `wakes` and `waker`
    let mut receive = receiver.recv_async();
    assert!(poll(&mut receive, &waker).is_pending());
    assert_eq!(kept(), 1);
    sender.try_send(1).unwrap();
    assert_eq!(kept(), 0); // gone with the wake-up
    drop(receive);
    assert_eq!(receiver.try_recv(), Ok(1));
    let mut send = sender.send_async(2);
    assert!(poll(&mut send, &waker).is_pending());
    assert_eq!(kept(), 1);
    drop(send);
    assert_eq!(kept(), 0);
}

// Dropped before they were ready (SF-CH-5).

#[test]
fn a_dropped_send_is_as_if_it_never_was() {
    for capacity in [0, 1] {
        let drops = Drops::new(3);
        let (sender, receiver) = bounded(capacity);
        (0..capacity).for_each(|_| sender.send(drops.value(0)).unwrap());
        let mut gone = sender.send_async(drops.value(1));
        let mut stays = sender.send_async(drops.value(2));
        assert!(peek(&mut gone).is_pending() && peek(&mut stays).is_pending());
        drop(gone);
        assert_eq!(drops.counts(), [0, 1, 0]); // its value goes with it, once
        if capacity == 1 {
            assert_eq!(receiver.try_recv().unwrap().number, 0);
        }
        assert_eq!(receiver.try_recv().unwrap().number, 2);
        assert!(peek(&mut stays).is_ready());
        assert!(receiver.try_recv().is_err());
        drop(stays);
        assert_eq!(drops.counts(), [capacity, 1, 1]);
    }
}

#[test]
fn a_send_that_was_never_polled_drops_its_value() {
    let drops = Drops::new(1);
    let (sender, _receiver) = bounded(1);
    drop(sender.send_async(drops.value(0)));
    assert_eq!(drops.counts(), [1]);
}

#[test]
fn a_send_dropped_after_its_value_was_taken_changes_nothing() {
    let drops = Drops::new(1);
    let (sender, receiver) = bounded(0);
    let mut send = sender.send_async(drops.value(0));
    assert!(peek(&mut send).is_pending());
    let value = receiver.try_recv().unwrap();
    drop(send);
    assert_eq!(drops.counts(), [0]);
    drop(value);
    assert_eq!(drops.counts(), [1]);
}

#[test]
fn a_send_dropped_after_a_close_drops_its_value() {
    let drops = Drops::new(1);
    let (sender, receiver) = bounded(0);
    let mut send = sender.send_async(drops.value(0));
    assert!(peek(&mut send).is_pending());
    receiver.close();
    drop(send);
    assert_eq!(drops.counts(), [1]);
}

#[test]
fn a_dropped_receive_that_was_given_nothing_leaves_the_line() {
    let (sender, receiver) = bounded(0);
    let (mut gone, mut stays) = (receiver.recv_async(), receiver.recv_async());
    assert!(peek(&mut gone).is_pending() && peek(&mut stays).is_pending());
    drop(gone);
    sender.try_send(1).unwrap();
    assert_eq!(peek(&mut stays), Ok(1).into());
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
}

#[test]
fn what_a_dropped_receive_was_given_goes_to_the_one_who_waits() {
    let (sender, receiver) = bounded(0);
    let (wakes, waker) = Wakes::new();
    let (mut gone, mut next) = (receiver.recv_async(), receiver.recv_async());
    assert!(peek(&mut gone).is_pending() && poll(&mut next, &waker).is_pending());
    sender.try_send(1).unwrap();
    assert_eq!(wakes.count(), 0);
    drop(gone);
    assert_eq!(wakes.count(), 1);
    assert_eq!(poll(&mut next, &waker), Ok(1).into());
}

#[test]
fn what_a_dropped_receive_was_given_comes_before_what_was_sent_after() {
    for capacity in [0, 1, 2] {
        let (sender, receiver) = bounded(capacity);
        let mut gone = receiver.recv_async();
        assert!(peek(&mut gone).is_pending());
        sender.try_send(0).unwrap();
        (1..=capacity).for_each(|i| sender.try_send(i).unwrap());
        let mut send = sender.send_async(capacity + 1);
        assert!(peek(&mut send).is_pending());
        drop(gone);
        assert_eq!((receiver.len(), receiver.is_full()), (capacity + 1, true)); // above its capacity, as documented
        assert_eq!(receiver.try_recv(), Ok(0));
        assert!(peek(&mut send).is_pending()); // so that gave no room
        assert!(receiver.try_iter().eq(1..capacity + 2));
        assert!(peek(&mut send).is_ready());
    }
}

/// Three futures have been given 0, 1 and 2, and are dropped in some order.
#[test]
fn what_dropped_receives_were_given_keeps_the_order_of_the_sends() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for (sender, receiver) in [bounded(0), bounded(2), unbounded()] {
            let mut receives: Vec<_> = (0..3).map(|_| Some(receiver.recv_async())).collect();
            assert!(receives.iter_mut().flatten().all(|receive| peek(receive).is_pending()));
            (0..3).for_each(|i| sender.try_send(i).unwrap());
            order.iter().for_each(|&i| drop(receives[i].take()));
            assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 1, 2], "dropped in order {order:?}");
        }
    }
}

/// Two futures have been given 0 and 1, a third waits; it is given what the first dropped one had, and dropped itself.
#[test]
fn what_is_dropped_twice_keeps_the_order_of_the_sends() {
    for order in [[0, 1], [1, 0]] {
        let (sender, receiver) = unbounded();
        let mut receives: Vec<_> = (0..3).map(|_| Some(receiver.recv_async())).collect();
        assert!(receives.iter_mut().flatten().all(|receive| peek(receive).is_pending()));
        (0..2).for_each(|i| sender.try_send(i).unwrap());
        order.iter().for_each(|&i| drop(receives[i].take()));
        drop(receives); // the third had been given the value of the first that was dropped
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 1], "dropped in order {order:?}");
    }
}

#[test]
fn what_a_dropped_receive_was_given_outlives_the_end() {
    let drops = Drops::new(2);
    let (sender, receiver) = bounded(0);
    let (mut first, mut second) = (receiver.recv_async(), receiver.recv_async());
    assert!(peek(&mut first).is_pending() && peek(&mut second).is_pending());
    sender.try_send(drops.value(0)).unwrap();
    sender.try_send(drops.value(1)).unwrap();
    sender.close();
    drop((first, second));
    assert_eq!(drops.counts(), [0, 0]);
    assert_eq!(receiver.recv().unwrap().number, 0);
    assert_eq!(drops.counts(), [1, 0]);
    drop(receiver);
    assert_eq!(drops.counts(), [1, 1]);
}

// Leaked while they wait.

#[test]
fn the_value_of_a_leaked_send_can_still_be_received() {
    let drops = Drops::new(2);
    let (sender, receiver) = bounded(0);
    let mut leaked = sender.send_async(drops.value(0));
    assert!(peek(&mut leaked).is_pending());
    mem::forget(leaked);
    let mut second = sender.send_async(drops.value(1));
    assert!(peek(&mut second).is_pending());
    assert_eq!(receiver.recv().unwrap().number, 0);
    assert_eq!(receiver.recv().unwrap().number, 1); // and does not block the rest
    assert_eq!(peek(&mut second).map(|sent| sent.is_ok()), Poll::Ready(true));
    assert_eq!(drops.counts(), [1, 1]);
}

#[test]
fn a_leaked_receive_keeps_what_it_was_given_and_no_more() {
    let (sender, receiver) = bounded(1);
    let mut leaked = receiver.recv_async();
    assert!(peek(&mut leaked).is_pending());
    mem::forget(leaked);
    (1..=2).for_each(|i| sender.try_send(i).unwrap()); // one goes to the leaked future, one into the channel
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}
