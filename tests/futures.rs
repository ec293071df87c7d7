//! The async forms of the channel: who is woken, by which waker and how often; what a dropped or leaked future leaves
//! behind; streams, and tasks that wait for a select or a timer. Single-threaded where the order matters, since a poll is
//! a deterministic way to stand in a queue.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use hence::cancel::CancellationToken;
use hence::channel::{
    RecvError, SelectedOperation, SendError, Sender, TryRecvError, TrySendError, after, at, bounded, never, select,
    tick, unbounded,
};
use hence::wait_group::WaitGroup;
use util::{Drops, Use, Wakes, block_on, blocked, give_up, hooked, operations, peek, poll, watched};

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

/// There is no budget: what is ready is ready, as often as it is asked, and a loop that ends where nothing is ready has seen
/// all there is.
#[test]
fn nothing_that_is_ready_is_pending() {
    let (sender, receiver) = unbounded();
    for i in 0..10_000 {
        assert!(peek(&mut sender.send_async(i)).is_ready());
    }
    let (mut receive, mut stream) = (receiver.recv_async(), receiver.stream());
    for i in (0..10_000).step_by(2) {
        assert_eq!(peek(&mut receive), Ok(i).into());
        assert_eq!(peek(&mut pin!(stream.next())), Some(i + 1).into());
    }
    let (token, group) = (CancellationToken::new(), WaitGroup::new());
    token.cancel();
    for _ in 0..10_000 {
        assert!(peek(&mut token.cancelled()).is_ready() && peek(&mut group.wait_async()).is_ready());
    }
}

/// Runs tasks by turns on one thread until the first has ended: how many turns the second had.
fn turns<'a>(tasks: [Pin<Box<dyn Future<Output = ()> + 'a>>; 2]) -> usize {
    let [mut first, mut second] = tasks;
    let mut turns = 0;
    while peek(&mut first).is_pending() {
        assert!(peek(&mut second).is_pending());
        turns += 1;
    }
    turns
}

/// Gives way to the other tasks, as a runtime's `yield_now` does.
async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if mem::replace(&mut has_yielded, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// So a task that is always busy gives way by itself, with the line in the docs of the channel.
#[test]
fn a_busy_receive_gives_way_where_its_task_says_so() {
    for (every, expected) in [(usize::MAX, 0), (128, 78)] {
        let (sender, receiver) = unbounded();
        (0..10_000).for_each(|i| sender.send(i).unwrap());
        let busy = async {
            for i in 1..=10_000 {
                receiver.recv_async().await.unwrap();
                if i % every == 0 {
                    yield_now().await;
                }
            }
        };
        let other = async {
            loop {
                yield_now().await;
            }
        };
        assert_eq!(turns([Box::pin(busy), Box::pin(other)]), expected);
    }
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
    let kept = || Arc::strong_count(&wakes) - 2; // besides `wakes` and `waker`
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

// Streams.

#[test]
fn a_stream_is_all_values_and_then_the_end() {
    watched(|| {
        for (sender, receiver) in [bounded(0), bounded(2), unbounded()] {
            let producer = thread::spawn(move || (0..100).for_each(|i| sender.send(i).unwrap()));
            let values = block_on(async {
                let (mut stream, mut values) = (receiver.stream(), Vec::new());
                while let Some(value) = stream.next().await {
                    values.push(value);
                }
                assert_eq!((stream.next().await, stream.next().await), (None, None));
                values
            });
            assert!(values.into_iter().eq(0..100));
            producer.join().unwrap();
        }
    });
}

#[test]
fn a_stream_is_woken_once_for_each_value() {
    let (sender, receiver) = bounded(0);
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let mut stream = receiver.stream();
    for i in 0..3 {
        assert!(stream.poll_next(&mut cx).is_pending() && stream.poll_next(&mut cx).is_pending());
        assert_eq!(wakes.count(), i);
        sender.try_send(i).unwrap();
        assert_eq!((wakes.count(), stream.poll_next(&mut cx)), (i + 1, Some(i).into()));
    }
    assert!(stream.poll_next(&mut cx).is_pending());
    drop(sender);
    assert_eq!((wakes.count(), stream.poll_next(&mut cx)), (4, None.into()));
    assert_eq!(stream.poll_next(&mut cx), None.into());
    drop(stream);
    assert_eq!(Arc::strong_count(&wakes), 2);
}

#[test]
fn a_dropped_stream_loses_nothing() {
    let (sender, receiver) = bounded(0);
    let mut stream = receiver.stream();
    assert!(peek(&mut pin!(stream.next())).is_pending());
    sender.try_send(1).unwrap();
    drop(stream);
    assert_eq!(receiver.try_recv(), Ok(1));
    let mut stream = receiver.stream();
    assert!(peek(&mut pin!(stream.next())).is_pending());
    drop(stream);
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
}

#[test]
fn a_stream_keeps_what_a_dropped_next_was_given() {
    let (sender, receiver) = bounded(0);
    let mut stream = receiver.stream();
    assert!(peek(&mut pin!(stream.next())).is_pending());
    sender.try_send(1).unwrap(); // to the stream, which stands in line
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(peek(&mut pin!(stream.next())), Some(1).into());
    assert!(peek(&mut pin!(stream.next())).is_pending());
}

#[test]
fn streams_share_the_values() {
    watched(|| {
        let (sender, receiver) = bounded(1);
        let sums: Vec<_> = (0..3)
            .map(|_| {
                let receiver = receiver.clone();
                thread::spawn(move || {
                    block_on(async {
                        let (mut stream, mut sum) = (receiver.stream(), 0);
                        while let Some(value) = stream.next().await {
                            sum += value;
                        }
                        sum
                    })
                })
            })
            .collect();
        (0..1000).for_each(|i| sender.send(i).unwrap());
        drop(sender);
        assert_eq!(sums.into_iter().map(|sum| sum.join().unwrap()).sum::<i32>(), 499_500);
    });
}

// Partners of a select, which says what it sends only after it has been chosen.

fn choose_send<T>(sender: &Sender<T>) -> SelectedOperation<'_> {
    let mut select = operations![send * sender];
    select.try_select().expect("a receive waits")
}

#[test]
fn a_promised_receive_is_woken_once_when_its_value_is_there() {
    let (sender, receiver) = bounded(0);
    let ((old, first), (new, last)) = (Wakes::new(), Wakes::new());
    let mut receive = receiver.recv_async();
    assert!(poll(&mut receive, &first).is_pending());
    let operation = choose_send(&sender);
    assert!(poll(&mut receive, &first).is_pending() && poll(&mut receive, &last).is_pending());
    assert_eq!((old.count(), new.count()), (0, 0));
    operation.send(&sender, 1).unwrap();
    assert_eq!((old.count(), new.count()), (0, 1));
    assert_eq!(poll(&mut receive, &last), Ok(1).into());
}

#[test]
fn a_promise_that_is_given_up_wakes_and_the_receive_waits_on() {
    let (sender, receiver) = bounded(0);
    let ((wakes, waker), (others, other)) = (Wakes::new(), Wakes::new());
    let (mut receive, mut behind) = (receiver.recv_async(), receiver.recv_async());
    assert!(poll(&mut receive, &waker).is_pending() && poll(&mut behind, &other).is_pending());
    give_up(choose_send(&sender));
    assert_eq!((wakes.count(), others.count()), (1, 0));
    assert!(poll(&mut receive, &waker).is_pending());
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    assert_eq!((wakes.count(), others.count()), (2, 1));
    assert_eq!((poll(&mut behind, &other), poll(&mut receive, &waker)), (Ok(1).into(), Ok(2).into()));
}

#[test]
fn what_a_dropped_receive_was_promised_goes_to_the_one_who_waits() {
    let (sender, receiver) = bounded(0);
    let (wakes, waker) = Wakes::new();
    let (mut gone, mut next) = (receiver.recv_async(), receiver.recv_async());
    assert!(peek(&mut gone).is_pending() && poll(&mut next, &waker).is_pending());
    let operation = choose_send(&sender);
    drop(gone);
    assert_eq!(wakes.count(), 0);
    operation.send(&sender, 1).unwrap();
    assert_eq!((wakes.count(), poll(&mut next, &waker)), (1, Ok(1).into()));
}

#[test]
fn what_a_dropped_receive_was_promised_is_received_next() {
    for (sender, receiver) in [bounded(0), bounded(1)] {
        let (mut gone, mut late) = (receiver.recv_async(), receiver.recv_async());
        assert!(peek(&mut gone).is_pending());
        let places: Vec<_> = (0..sender.capacity().unwrap()).map(|_| choose_send(&sender)).collect();
        let operation = choose_send(&sender);
        drop(gone);
        operation.send(&sender, 1).unwrap();
        assert_eq!((receiver.len(), receiver.is_full()), (1, true));
        places.into_iter().for_each(|place| place.send(&sender, 2).unwrap());
        let mut send = sender.send_async(3);
        assert!(peek(&mut send).is_pending());
        assert_eq!(peek(&mut late), Ok(1).into());
        assert!(receiver.try_iter().eq((2..4).skip(1 - sender.capacity().unwrap())));
        assert_eq!(peek(&mut send), Ok(()).into());
    }
}

#[test]
fn a_receive_dropped_after_its_promise_was_given_up_leaves_nothing() {
    for dropped_first in [true, false] {
        let (sender, receiver) = bounded(0);
        let mut gone = receiver.recv_async();
        assert!(peek(&mut gone).is_pending());
        let operation = choose_send(&sender);
        if dropped_first {
            drop(gone);
            give_up(operation);
        } else {
            give_up(operation);
            drop(gone);
        }
        assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    }
}

/// Receives are dropped while a select on another thread chooses them and sends.
#[test]
fn dropped_receives_lose_nothing_that_a_select_sends() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        let producer = thread::spawn(move || {
            for i in 0..1000 {
                select! { send(sender, i) -> sent => sent.unwrap() }
            }
        });
        let mut values = Vec::new();
        loop {
            let mut receives = [receiver.recv_async(), receiver.recv_async()];
            for receive in &mut receives {
                if let Poll::Ready(value) = peek(receive) {
                    values.extend(value);
                }
            }
            if values.len() % 3 == 0 {
                thread::yield_now();
            }
            drop(receives);
            match receiver.recv() {
                Ok(value) => values.push(value),
                Err(RecvError) => break,
            }
        }
        producer.join().unwrap();
        assert!(values.into_iter().eq(0..1000));
    });
}

// Timers.

const SHORT: Duration = Duration::from_millis(5);
/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(1000);

#[test]
fn a_task_waits_for_a_timer() {
    watched(|| {
        let begun = Instant::now();
        let message = block_on(after(SHORT).recv_async()).unwrap();
        assert!(begun + SHORT <= message && message <= Instant::now());
        let when = Instant::now() + SHORT;
        assert_eq!(block_on(at(when).recv_async()), Ok(when));
        assert!(Instant::now() >= when);
        assert_eq!(block_on(at(when).recv_async()), Ok(when)); // at once
        let (begun, ticks) = (Instant::now(), tick(SHORT));
        block_on(async {
            let mut stream = ticks.stream();
            for n in 1..=3 {
                assert!(stream.next().await.unwrap() >= begun + n * SHORT);
            }
        });
        assert!(begun.elapsed() >= 3 * SHORT);
    });
}

#[test]
fn a_task_is_woken_once_when_its_timer_is_due() {
    watched(|| {
        let timer = after(SHORT);
        let ((old, first), (new, last)) = (Wakes::new(), Wakes::new());
        let mut receive = timer.recv_async();
        if poll(&mut receive, &first).is_pending() && poll(&mut receive, &last).is_pending() {
            while new.count() == 0 {
                thread::yield_now();
            }
            assert!(poll(&mut receive, &last).is_ready());
        }
        assert!(old.count() <= 1 && new.count() <= 1);
        assert!(poll(&mut receive, &last).is_pending()); // there is no other message
        assert!(old.count() <= 1 && new.count() <= 1);
    });
}

#[test]
fn each_task_is_woken_at_its_moment() {
    watched(|| {
        let woken = Arc::new(Mutex::new(Vec::new()));
        let begun = Instant::now();
        let timers = [8, 2, 6, 4].map(|i| (i, at(begun + i * SHORT)));
        let mut receives = timers.each_ref().map(|(i, timer)| (*i, timer.recv_async()));
        let pending = receives.iter_mut().filter_map(|(i, receive)| {
            let (i, woken) = (*i, woken.clone());
            let waker = hooked(move |used| {
                if used == Use::Wake {
                    woken.lock().unwrap().push((i, Instant::now()));
                }
            });
            poll(receive, &waker).is_pending().then_some(())
        });
        let pending = pending.count();
        while woken.lock().unwrap().len() < pending {
            thread::yield_now();
        }
        let woken = woken.lock().unwrap();
        assert!(woken.iter().all(|(i, at)| *at >= begun + *i * SHORT), "{woken:?}, {begun:?}");
    });
}

#[test]
fn alarms_that_are_dropped_leave_nothing() {
    watched(|| {
        let (wakes, waker) = Wakes::new();
        let kept = || Arc::strong_count(&wakes) - 2;
        let timers: Vec<_> = (0..500).map(|i| if i % 2 == 0 { after(LONG) } else { tick(LONG) }).collect();
        for _ in 0..3 {
            let mut receives: Vec<_> = timers.iter().map(|timer| timer.recv_async()).collect();
            for _ in 0..2 {
                assert!(receives.iter_mut().all(|receive| poll(receive, &waker).is_pending()));
                assert_eq!(kept(), 500);
            }
            receives.truncate(100);
            assert_eq!(kept(), 100);
            drop(receives);
            assert_eq!(kept(), 0);
        }
        assert_eq!(wakes.count(), 0);
        assert!(block_on(after(SHORT).recv_async()).is_ok()); // and the clock goes on
    });
}

#[test]
fn a_task_whose_message_another_takes_waits_on() {
    watched(|| {
        let timer = at(Instant::now());
        let clone = timer.clone();
        let (mut one, mut two) = (timer.recv_async(), clone.recv_async());
        assert!(peek(&mut one).is_ready());
        assert!(peek(&mut two).is_pending() && peek(&mut one).is_pending());
        let begun = Instant::now();
        let ticks = tick(SHORT);
        let tasks = [(); 3].map(|()| {
            let ticks = ticks.clone();
            thread::spawn(move || block_on(ticks.recv_async()).unwrap())
        });
        let mut moments = tasks.map(|task| task.join().unwrap());
        moments.sort();
        assert!(moments.iter().zip(1..).all(|(moment, n)| *moment >= begun + n * SHORT));
    });
}

#[test]
fn a_task_that_waits_for_never_is_never_woken() {
    let (wakes, waker) = Wakes::new();
    for receiver in [never(), after(Duration::MAX), tick(Duration::MAX)] {
        let (mut receive, mut stream) = (receiver.recv_async(), receiver.stream());
        assert!(poll(&mut receive, &waker).is_pending());
        assert!(poll(&mut pin!(stream.next()), &waker).is_pending());
    }
    assert_eq!((wakes.count(), Arc::strong_count(&wakes)), (0, 2));
}
