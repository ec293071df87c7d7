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
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use hence::cancel::CancellationToken;
use hence::channel::{
    Receiver, RecvError, RecvStream, SelectedOperation, SendError, Sender, TryRecvError, TrySendError, after, at,
    bounded, never, select, tick, unbounded,
};
use hence::wait_group::WaitGroup;
use util::{
    Drops, LARGE, LOOKS, Large, MOVES, RECEIVES_OF_THREADS, Use, Wakes, block_on, blocked, each_fits, give_up, hooked,
    operations, peek, poll, receives, watched,
};

/// One channel of each kind.
fn every_kind<T>() -> [(Sender<T>, Receiver<T>); 4] {
    [bounded(0), bounded(1), bounded(2), unbounded()]
}

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
    assert_eq!(receiver.len(), 1);
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

// What a receive that waits keeps from others: nothing, for nobody may ever poll it.

#[test]
fn a_receive_that_is_not_polled_keeps_no_value_from_others() {
    watched(|| {
        for (name, receive) in receives() {
            for (sender, receiver) in every_kind() {
                let (wakes, waker) = Wakes::new();
                let (mut held, mut stream) = (receiver.recv_async(), receiver.stream());
                assert!(poll(&mut held, &waker).is_pending() && peek(&mut pin!(stream.next())).is_pending());
                sender.try_send(1).unwrap();
                assert_eq!((wakes.count(), receiver.len()), (1, 1));
                assert_eq!((receive(&receiver), receiver.len()), (Some(1), 0), "{name}");
                assert!(poll(&mut held, &waker).is_pending());
                sender.try_send(2).unwrap();
                assert_eq!((wakes.count(), poll(&mut held, &waker)), (2, Ok(2).into()));
                sender.try_send(3).unwrap(); // the stream has been told
                assert_eq!((receive(&receiver), receiver.len()), (Some(3), 0), "{name}");
            }
        }
    });
}

/// Nor from a thread that has come after it, and waits when the value is sent.
#[test]
fn a_receive_that_is_not_polled_keeps_no_value_from_a_thread_that_waits() {
    watched(|| {
        for (name, receive) in RECEIVES_OF_THREADS {
            for (sender, receiver) in every_kind() {
                let mut held = receiver.recv_async();
                assert!(peek(&mut held).is_pending());
                let other = receiver.clone();
                let waits = blocked(move || receive(&other));
                sender.try_send(1).unwrap();
                assert_eq!(waits.join().unwrap(), Some(1), "{name}");
                assert!(peek(&mut held).is_pending());
                sender.try_send(2).unwrap();
                assert_eq!(peek(&mut held), Ok(2).into());
            }
        }
    });
}

/// Nor any wake-up: what it was told of has been taken, and of the next value it has not been told.
#[test]
fn a_receive_that_is_not_polled_keeps_no_wake_up_from_others() {
    for (sender, receiver) in every_kind() {
        for leaks in [false, true] {
            let ((first, waker), (second, other)) = (Wakes::new(), Wakes::new());
            let mut held = receiver.recv_async();
            assert!(poll(&mut held, &waker).is_pending());
            sender.try_send(1).unwrap();
            assert_eq!((first.count(), receiver.try_recv()), (1, Ok(1)));
            let mut waits = receiver.recv_async();
            assert!(poll(&mut waits, &other).is_pending());
            if leaks {
                mem::forget(held);
            }
            for i in 2..5 {
                sender.try_send(i).unwrap();
                assert_eq!((receiver.len(), second.count()), (1, i - 1));
                assert_eq!(receiver.try_recv(), Ok(i));
                assert!(poll(&mut waits, &other).is_pending());
            }
            sender.try_send(5).unwrap();
            assert_eq!((second.count(), poll(&mut waits, &other)), (4, Ok(5).into()));
            assert_eq!(first.count(), 1);
        }
    }
}

/// Whoever is told that nothing will come any more was told the truth (SF-CH-4), whatever waits, and is dropped after that.
#[test]
fn nobody_receives_after_the_end_what_a_receive_was_told_of() {
    watched(|| {
        for (name, receive) in receives() {
            for (i, (sender, receiver)) in every_kind().into_iter().chain(every_kind()).enumerate() {
                let (mut told, mut stream) = ([receiver.recv_async(), receiver.recv_async()], receiver.stream());
                assert!(told.iter_mut().all(|receive| peek(receive).is_pending()));
                assert!(peek(&mut pin!(stream.next())).is_pending());
                sender.try_send(1).unwrap();
                assert!(i % 2 == 0 || receiver.close());
                drop(sender);
                assert_eq!((receive(&receiver), receive(&receiver)), (Some(1), None), "{name}");
                let nothing_comes = || receives().all(|(_, receive)| receive(&receiver).is_none());
                for told in told {
                    assert!(nothing_comes(), "after {name}");
                    drop(told);
                }
                assert!(nothing_comes() && peek(&mut pin!(stream.next())) == None.into(), "after {name}");
                drop(stream);
                assert!(nothing_comes(), "after {name}");
            }
        }
    });
}

/// What is fused stays ended, whatever is dropped meanwhile; and so does a stream.
#[test]
fn iterators_and_streams_stay_ended_when_receives_are_dropped() {
    fn fused<I: std::iter::FusedIterator>(iterator: I) -> I {
        iterator
    }
    watched(|| {
        for (sender, receiver) in every_kind() {
            let (mut iter, mut owned) = (fused(receiver.iter()), fused(receiver.clone().into_iter()));
            let (mut stream, mut told) = (receiver.stream(), [receiver.recv_async(), receiver.recv_async()]);
            assert!(told.iter_mut().all(|receive| peek(receive).is_pending()));
            sender.try_send(1).unwrap();
            drop(sender);
            assert_eq!(iter.next(), Some(1));
            let next = |stream: &mut RecvStream<'_, u8>| peek(&mut pin!(stream.next()));
            for told in told {
                assert_eq!((iter.next(), owned.next(), next(&mut stream)), (None, None, None.into()));
                drop(told);
            }
            assert_eq!((iter.next(), owned.next(), next(&mut stream)), (None, None, None.into()));
        }
        // Also one that waits for the end.
        let (sender, receiver) = unbounded();
        let mut told = receiver.recv_async();
        assert!(peek(&mut told).is_pending());
        sender.send(1).unwrap();
        let (seen, sees) = bounded(0);
        thread::scope(|scope| {
            let mut values = fused(receiver.iter());
            scope.spawn(move || {
                for _ in 0..3 {
                    seen.send(values.next()).unwrap();
                }
            });
            assert_eq!(sees.recv(), Ok(Some(1)));
            drop(sender);
            assert_eq!(sees.recv(), Ok(None));
            drop(told);
            assert_eq!(sees.recv(), Ok(None));
        });
    });
}

// Who is woken.

#[test]
fn a_receive_is_woken_once_when_there_is_a_value_for_it() {
    for (sender, receiver) in [bounded(0), bounded(2), unbounded()] {
        let ((first, waker), (second, other)) = (Wakes::new(), Wakes::new());
        let (mut one, mut two) = (receiver.recv_async(), receiver.recv_async());
        assert!(poll(&mut one, &waker).is_pending() && poll(&mut two, &other).is_pending());
        assert_eq!((first.count(), second.count()), (0, 0));
        sender.try_send(1).unwrap();
        assert_eq!((first.count(), second.count()), (1, 0)); // nobody but the one whose turn it is
        sender.try_send(2).unwrap();
        assert_eq!((first.count(), second.count()), (1, 1));
        // Each takes what is first when it is polled.
        assert_eq!((poll(&mut two, &other), poll(&mut one, &waker)), (Ok(1).into(), Ok(2).into()));
        assert_eq!((first.count(), second.count()), (1, 1));
    }
}

#[test]
fn a_receive_that_waits_is_no_room() {
    for capacity in [1, 3] {
        let (sender, receiver) = bounded(capacity);
        let (wakes, waker) = Wakes::new();
        let mut receives: Vec<_> = (0..2 * capacity).map(|_| receiver.recv_async()).collect();
        assert!(receives.iter_mut().all(|receive| poll(receive, &waker).is_pending()));
        (0..capacity).for_each(|i| sender.try_send(i).unwrap());
        assert_eq!((sender.len(), sender.is_full(), wakes.count()), (capacity, true, capacity));
        assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
        let mut send = sender.send_async(capacity);
        assert!(peek(&mut send).is_pending());
        // What is taken makes room, for which there is another to tell.
        assert_eq!(poll(&mut receives[0], &waker), Ok(0).into());
        assert_eq!((peek(&mut send), wakes.count()), (Ok(()).into(), capacity + 1));
        for (i, receive) in receives[1..=capacity].iter_mut().enumerate() {
            assert_eq!(poll(receive, &waker), Ok(i + 1).into());
        }
        assert_eq!((receiver.len(), wakes.count()), (0, capacity + 1));
    }
}

/// Without room a task that waits is as good as a receive: one value for each.
#[test]
fn a_rendezvous_takes_a_value_for_each_receive_that_waits() {
    let (sender, receiver) = bounded(0);
    let (wakes, waker) = Wakes::new();
    let (mut one, mut two) = (receiver.recv_async(), receiver.recv_async());
    assert!(poll(&mut one, &waker).is_pending() && poll(&mut two, &waker).is_pending());
    assert_eq!((sender.try_send(1), sender.try_send(2)), (Ok(()), Ok(())));
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!((receiver.len(), receiver.is_full(), wakes.count()), (2, true, 2));
    let mut send = sender.send_async(3); // and the next waits for the next
    assert!(peek(&mut send).is_pending());
    assert_eq!((peek(&mut one), peek(&mut two)), (Ok(1).into(), Ok(2).into()));
    assert!(peek(&mut send).is_pending());
    assert_eq!(peek(&mut one), Ok(3).into());
    assert_eq!(peek(&mut send), Ok(()).into());
}

/// Also where all places are taken, so that a send waits though the channel is empty.
#[test]
fn a_receive_that_waits_is_told_of_a_send_that_waits() {
    let (sender, receiver) = bounded(1);
    let place = choose_send(&sender);
    let ((first, waker), (second, other)) = (Wakes::new(), Wakes::new());
    let (mut one, mut two) = (receiver.recv_async(), receiver.recv_async());
    assert!(poll(&mut one, &waker).is_pending() && poll(&mut two, &other).is_pending());
    let mut send = sender.send_async(1);
    assert!(peek(&mut send).is_pending());
    assert_eq!((first.count(), second.count(), receiver.len()), (1, 0, 0));
    // It goes, and another comes: of that the first has not been told.
    drop(send);
    let mut send = sender.send_async(2);
    assert!(peek(&mut send).is_pending());
    assert_eq!((first.count(), second.count()), (1, 1));
    assert_eq!((poll(&mut two, &other), peek(&mut send)), (Ok(2).into(), Ok(()).into()));
    assert!(poll(&mut one, &waker).is_pending());
    // One that has not been told finds it by itself, too.
    let mut two = receiver.recv_async();
    assert!(poll(&mut two, &other).is_pending());
    let mut send = sender.send_async(3);
    assert!(peek(&mut send).is_pending());
    assert_eq!((first.count(), second.count()), (2, 1));
    assert_eq!((poll(&mut two, &other), peek(&mut send)), (Ok(3).into(), Ok(()).into()));
    // And the place is a place again.
    place.send(&sender, 4).unwrap();
    assert_eq!((first.count(), receiver.len()), (2, 1)); // it has been told, and has not looked
    assert_eq!(poll(&mut one, &waker), Ok(4).into());
}

/// It is in the channel until it is taken, and another may be faster.
#[test]
fn a_receive_whose_value_another_took_keeps_its_turn() {
    for (sender, receiver) in every_kind() {
        let ((first, waker), (second, other)) = (Wakes::new(), Wakes::new());
        let (mut one, mut two) = (receiver.recv_async(), receiver.recv_async());
        assert!(poll(&mut one, &waker).is_pending() && poll(&mut two, &other).is_pending());
        for i in 0..3 {
            sender.try_send(i).unwrap();
            assert_eq!((receiver.len(), first.count(), second.count()), (1, i + 1, 0));
            assert_eq!(receiver.try_recv(), Ok(i));
            assert!(poll(&mut one, &waker).is_pending() && poll(&mut two, &other).is_pending());
        }
        sender.try_send(3).unwrap();
        assert_eq!((first.count(), second.count()), (4, 0));
        assert_eq!(poll(&mut one, &waker), Ok(3).into());
        sender.try_send(4).unwrap();
        assert_eq!((first.count(), second.count()), (4, 1));
        assert_eq!(poll(&mut two, &other), Ok(4).into());
    }
}

/// One that has taken its value is new when it waits again: it stands behind those who came meanwhile.
#[test]
fn a_stream_that_has_taken_its_value_comes_last() {
    for (sender, receiver) in every_kind() {
        let ((first, waker), (second, other)) = (Wakes::new(), Wakes::new());
        let (mut cx, mut stream, mut behind) = (Context::from_waker(&waker), receiver.stream(), receiver.recv_async());
        assert!(stream.poll_next(&mut cx).is_pending());
        sender.try_send(1).unwrap();
        assert_eq!(stream.poll_next(&mut cx), Some(1).into()); // nobody is in line
        assert!(poll(&mut behind, &other).is_pending() && stream.poll_next(&mut cx).is_pending());
        sender.try_send(2).unwrap();
        assert_eq!((first.count(), second.count()), (1, 1));
        assert_eq!(poll(&mut behind, &other), Ok(2).into());
    }
}

/// A waker may throw when it is cloned: then the receive is where it was.
#[test]
fn a_receive_keeps_its_turn_when_its_waker_panics() {
    let panicking = || hooked(|used| assert!(used != Use::Clone, "hostile"));
    for (sender, receiver) in every_kind() {
        let (wakes, waker) = Wakes::new();
        let (mut one, mut two) = (receiver.recv_async(), receiver.recv_async());
        assert!(peek(&mut one).is_pending() && poll(&mut two, &waker).is_pending());
        sender.try_send(1).unwrap(); // `one` is told
        assert_eq!(receiver.try_recv(), Ok(1));
        assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut one, &panicking()))).is_err());
        assert!(peek(&mut one).is_pending());
        sender.try_send(2).unwrap();
        assert_eq!(wakes.count(), 0);
        assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut one, &panicking()))).is_ok(), "it needs none");
        sender.try_send(3).unwrap();
        assert_eq!((wakes.count(), poll(&mut two, &waker)), (1, Ok(3).into()));
    }
}

/// LV-CH-1: it was told of a sender in line, looks with a waker that throws, and is dropped.
#[test]
fn a_receive_whose_waker_panics_keeps_no_wake_up_from_others() {
    let (sender, receiver) = bounded(1);
    let _place = mem::ManuallyDrop::new(choose_send(&sender));
    let (wakes, waker) = Wakes::new();
    let (mut one, mut two) = (receiver.recv_async(), receiver.recv_async());
    assert!(peek(&mut one).is_pending() && poll(&mut two, &waker).is_pending());
    let mut send = sender.send_async(1);
    assert!(peek(&mut send).is_pending()); // `one` is told
    let panicking = hooked(|used| assert!(used != Use::Clone, "hostile"));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut one, &panicking))).is_err());
    drop(one);
    assert_eq!((wakes.count(), poll(&mut two, &waker)), (1, Ok(1).into()));
}

#[test]
fn a_receive_that_was_not_told_takes_what_is_there() {
    for (sender, receiver) in every_kind() {
        let ((first, waker), (second, other)) = (Wakes::new(), Wakes::new());
        let (mut told, mut polled) = (receiver.recv_async(), receiver.recv_async());
        assert!(poll(&mut told, &waker).is_pending() && poll(&mut polled, &other).is_pending());
        sender.try_send(1).unwrap();
        assert_eq!(poll(&mut polled, &other), Ok(1).into());
        assert!(poll(&mut told, &waker).is_pending());
        sender.try_send(2).unwrap();
        assert_eq!((poll(&mut told, &waker), first.count(), second.count()), (Ok(2).into(), 2, 0));
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
fn a_dropped_receive_that_was_not_told_leaves_the_line() {
    let (sender, receiver) = bounded(0);
    let (mut gone, mut stays) = (receiver.recv_async(), receiver.recv_async());
    assert!(peek(&mut gone).is_pending() && peek(&mut stays).is_pending());
    drop(gone);
    sender.try_send(1).unwrap();
    assert_eq!(peek(&mut stays), Ok(1).into());
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
}

#[test]
fn a_dropped_receive_that_was_told_tells_the_one_who_waits() {
    for (sender, receiver) in every_kind() {
        let (wakes, waker) = Wakes::new();
        let (mut gone, mut next) = (receiver.recv_async(), receiver.recv_async());
        assert!(peek(&mut gone).is_pending() && poll(&mut next, &waker).is_pending());
        sender.try_send(1).unwrap();
        assert_eq!(wakes.count(), 0);
        drop(gone);
        assert_eq!(wakes.count(), 1);
        assert_eq!(poll(&mut next, &waker), Ok(1).into());
    }
}

/// It goes from between two, the first of which has been told of the value: that is no news to the last.
#[test]
fn a_dropped_receive_that_was_not_told_tells_nobody() {
    for (sender, receiver) in every_kind() {
        let (wakes, waker) = Wakes::new();
        let (mut told, mut gone, mut last) = (receiver.recv_async(), receiver.recv_async(), receiver.recv_async());
        assert!(peek(&mut told).is_pending() && peek(&mut gone).is_pending());
        assert!(poll(&mut last, &waker).is_pending());
        sender.try_send(1).unwrap();
        drop(gone);
        assert_eq!(wakes.count(), 0);
        assert_eq!(peek(&mut told), Ok(1).into());
        sender.try_send(2).unwrap();
        assert_eq!((wakes.count(), poll(&mut last, &waker)), (1, Ok(2).into()));
    }
}

#[test]
fn a_dropped_receive_whose_value_another_took_tells_nobody() {
    for (sender, receiver) in every_kind() {
        let (wakes, waker) = Wakes::new();
        let (mut gone, mut next) = (receiver.recv_async(), receiver.recv_async());
        assert!(peek(&mut gone).is_pending() && poll(&mut next, &waker).is_pending());
        sender.try_send(1).unwrap();
        assert_eq!(receiver.try_recv(), Ok(1));
        drop(gone);
        assert_eq!((wakes.count(), receiver.len()), (0, 0));
        sender.try_send(2).unwrap();
        assert_eq!((wakes.count(), poll(&mut next, &waker)), (1, Ok(2).into()));
    }
}

#[test]
fn what_a_dropped_receive_was_told_of_comes_before_what_was_sent_after() {
    for capacity in [0, 1, 2] {
        let (sender, receiver) = bounded(capacity);
        let mut gone = receiver.recv_async();
        assert!(peek(&mut gone).is_pending());
        let room = capacity.max(1); // there is a receive that waits
        (0..room).for_each(|i| sender.try_send(i).unwrap());
        let mut send = sender.send_async(room);
        assert!(peek(&mut send).is_pending());
        drop(gone);
        assert_eq!((receiver.len(), receiver.is_full()), (room, true));
        assert!(peek(&mut send).is_pending());
        assert_eq!(receiver.try_recv(), Ok(0));
        let sent = peek(&mut send);
        assert_eq!(sent.is_ready(), capacity > 0); // into the place that this has freed
        assert!(receiver.try_iter().eq(1..=room));
        assert!(sent.is_ready() || peek(&mut send).is_ready());
    }
}

/// Three futures have been told of 0, 1 and 2, and are dropped in some order.
#[test]
fn what_dropped_receives_were_told_of_keeps_the_order_of_the_sends() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for (sender, receiver) in [bounded(0), bounded(3), unbounded()] {
            let mut receives: Vec<_> = (0..3).map(|_| Some(receiver.recv_async())).collect();
            assert!(receives.iter_mut().flatten().all(|receive| peek(receive).is_pending()));
            (0..3).for_each(|i| sender.try_send(i).unwrap());
            order.iter().for_each(|&i| drop(receives[i].take()));
            assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 1, 2], "dropped in order {order:?}");
        }
    }
}

/// Two futures have been told of 0 and 1, a third waits; it is told when the first is dropped, and dropped itself.
#[test]
fn what_is_dropped_twice_keeps_the_order_of_the_sends() {
    for order in [[0, 1], [1, 0]] {
        let (sender, receiver) = unbounded();
        let mut receives: Vec<_> = (0..3).map(|_| Some(receiver.recv_async())).collect();
        assert!(receives.iter_mut().flatten().all(|receive| peek(receive).is_pending()));
        (0..2).for_each(|i| sender.try_send(i).unwrap());
        order.iter().for_each(|&i| drop(receives[i].take()));
        drop(receives); // the third had been told in place of the first that was dropped
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 1], "dropped in order {order:?}");
    }
}

#[test]
fn what_a_dropped_receive_was_told_of_outlives_the_end() {
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
fn a_leaked_receive_keeps_nothing() {
    for (sender, receiver) in every_kind() {
        let (mut waits, mut told) = (receiver.recv_async(), receiver.recv_async());
        assert!(peek(&mut told).is_pending());
        sender.try_send(1).unwrap();
        mem::forget(told);
        assert_eq!((receiver.len(), receiver.try_recv()), (1, Ok(1)));
        assert!(peek(&mut waits).is_pending());
        mem::forget(waits);
        sender.try_send(2).unwrap();
        assert_eq!((receiver.len(), receiver.try_recv()), (1, Ok(2)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    }
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
fn a_stream_keeps_the_turn_of_a_dropped_next() {
    for capacity in [0, 1] {
        let (sender, receiver) = bounded(capacity);
        let (wakes, waker) = Wakes::new();
        let (mut stream, mut behind) = (receiver.stream(), receiver.recv_async());
        assert!(poll(&mut pin!(stream.next()), &waker).is_pending());
        assert!(peek(&mut behind).is_pending());
        sender.try_send(1).unwrap(); // it is the stream that stands in line, and is told
        assert_eq!(wakes.count(), 1);
        assert_eq!(peek(&mut pin!(stream.next())), Some(1).into());
        assert!(peek(&mut pin!(stream.next())).is_pending());
        sender.try_send(2).unwrap(); // now it stands behind
        assert_eq!(peek(&mut behind), Ok(2).into());
        // What it does not take when it is polled, another may have.
        sender.try_send(3).unwrap();
        assert_eq!(receiver.try_recv(), Ok(3));
        assert!(peek(&mut pin!(stream.next())).is_pending());
    }
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
    sender.try_send(1).unwrap(); // it has kept its turn
    assert_eq!((wakes.count(), others.count()), (2, 0));
    sender.try_send(2).unwrap();
    assert_eq!((wakes.count(), others.count()), (2, 1));
    assert_eq!((poll(&mut receive, &waker), poll(&mut behind, &other)), (Ok(1).into(), Ok(2).into()));
}

/// LV-CH-1: a thread came meanwhile, and was handed what a task had been promised: of what is sent then, the next task hears.
#[test]
fn what_was_promised_to_a_task_may_go_to_a_thread() {
    let in_time = (0..20).any(|_| {
        let (sender, receiver) = bounded(0);
        let ((first, waker), (second, other)) = (Wakes::new(), Wakes::new());
        let (mut one, mut two) = (receiver.recv_async(), receiver.recv_async());
        assert!(poll(&mut one, &waker).is_pending() && poll(&mut two, &other).is_pending());
        let operation = choose_send(&sender); // promised to `one`
        let receives = receiver.clone();
        let thread = thread::spawn(move || receives.recv());
        thread::sleep(Duration::from_millis(10)); // it stands in line, most often
        operation.send(&sender, 1).unwrap();
        let was_there = receiver.is_empty();
        assert_eq!((thread.join().unwrap(), first.count()), (Ok(1), 1));
        sender.try_send(2).unwrap();
        if was_there {
            assert_eq!((receiver.len(), second.count()), (1, 1));
        }
        was_there
    });
    assert!(in_time, "the thread never came in time");
}

/// A thread, too, to which a promise was made that has been given up, is before those who came after it.
#[test]
fn a_thread_keeps_its_turn_when_a_promise_is_given_up() {
    let in_time = (0..20).any(|_| {
        let (sender, receiver) = bounded(0);
        let receives = |receiver: &Receiver<u8>| {
            let receiver = receiver.clone();
            let thread = thread::spawn(move || receiver.recv());
            thread::sleep(Duration::from_millis(10)); // it stands in line, most often
            thread
        };
        let first = receives(&receiver);
        let operation = operations![send & sender].try_select();
        let second = receives(&receiver);
        operation.into_iter().for_each(give_up);
        thread::sleep(Duration::from_millis(10)); // it stands there again
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        (first.join().unwrap(), second.join().unwrap()) == (Ok(1), Ok(2))
    });
    assert!(in_time, "it has lost its turn");
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
    let (sender, receiver) = bounded(0);
    let (mut gone, mut late) = (receiver.recv_async(), receiver.recv_async());
    assert!(peek(&mut gone).is_pending());
    let operation = choose_send(&sender);
    drop(gone);
    operation.send(&sender, 1).unwrap();
    assert_eq!((receiver.len(), receiver.is_full()), (1, true));
    let mut send = sender.send_async(2);
    assert!(peek(&mut send).is_pending());
    assert_eq!(peek(&mut late), Ok(1).into());
    assert!(receiver.try_iter().eq([2]));
    assert_eq!(peek(&mut send), Ok(()).into());
}

/// It is no more than told, when the value is there.
#[test]
fn what_a_receive_was_promised_another_may_take() {
    let (sender, receiver) = bounded(0);
    let ((first, waker), (second, other)) = (Wakes::new(), Wakes::new());
    let (mut promised, mut behind) = (receiver.recv_async(), receiver.recv_async());
    assert!(poll(&mut promised, &waker).is_pending() && poll(&mut behind, &other).is_pending());
    choose_send(&sender).send(&sender, 1).unwrap();
    assert_eq!((receiver.len(), first.count(), second.count()), (1, 1, 0));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!(poll(&mut promised, &waker).is_pending());
    sender.try_send(2).unwrap();
    assert_eq!((first.count(), second.count(), poll(&mut promised, &waker)), (2, 0, Ok(2).into()));
}

/// For as long as it is promised, a task waits for that alone: what comes meanwhile is for the others.
#[test]
fn a_promised_receive_does_not_look() {
    let (sender, receiver) = bounded(0);
    let ((first, waker), (second, other)) = (Wakes::new(), Wakes::new());
    let (mut promised, mut behind) = (receiver.recv_async(), receiver.recv_async());
    assert!(poll(&mut promised, &waker).is_pending() && poll(&mut behind, &other).is_pending());
    let operation = choose_send(&sender);
    sender.try_send(2).unwrap();
    assert_eq!((first.count(), second.count()), (0, 1));
    assert!(poll(&mut promised, &waker).is_pending());
    operation.send(&sender, 1).unwrap();
    assert_eq!((first.count(), second.count()), (1, 1));
    assert_eq!((poll(&mut promised, &waker), poll(&mut behind, &other)), (Ok(2).into(), Ok(1).into()));
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

// How much of the stack a large value takes. An overflow aborts the process.

/// A future that is ready with a value.
fn ready<F: Future>(future: F) -> F::Output {
    let Poll::Ready(output) = pin!(future).poll(&mut Context::from_waker(Waker::noop())) else { panic!("it waits") };
    output
}

#[test]
#[cfg_attr(miri, ignore = "its stack is not the compiler's")]
fn a_task_that_finds_nothing_needs_no_more_stack_than_elsewhere() {
    watched(|| {
        each_fits(
            LOOKS,
            [
                (6, || {
                    let (_sender, receiver) = unbounded::<Large>();
                    assert!(peek(&mut receiver.recv_async()).is_pending());
                }),
                // measured: 6, without LTO 8
                (8, || {
                    let (_sender, receiver) = unbounded::<Large>();
                    assert!(receiver.stream().poll_next(&mut Context::from_waker(Waker::noop())).is_pending());
                }),
            ],
        )
    });
}

#[test]
#[cfg_attr(miri, ignore = "its stack is not the compiler's")]
fn a_large_value_needs_no_more_stack_in_a_task_than_elsewhere() {
    watched(|| {
        each_fits(
            MOVES,
            [
                // measured: 7, without LTO 7
                (7, || {
                    let (sender, receiver) = bounded(1);
                    ready(sender.send_async([1_u8; LARGE])).unwrap();
                    assert_eq!(receiver.recv().unwrap()[LARGE - 1], 1);
                }),
                // measured: 8, without LTO 8
                (8, || {
                    let (sender, receiver) = bounded(1);
                    sender.send([1_u8; LARGE]).unwrap();
                    assert_eq!(ready(receiver.recv_async()).unwrap()[LARGE - 1], 1);
                }),
                // measured: 8, without LTO 8
                (8, || {
                    let (sender, receiver) = bounded(1);
                    ready(sender.send_async([1_u8; LARGE])).unwrap();
                    assert_eq!(ready(receiver.recv_async()).unwrap()[LARGE - 1], 1);
                }),
                // measured: 11, without LTO 11
                (11, || {
                    let (sender, receiver) = bounded(0);
                    let mut receive = receiver.recv_async();
                    assert!(peek(&mut receive).is_pending());
                    ready(sender.send_async([1_u8; LARGE])).unwrap();
                    assert_eq!(ready(receive).unwrap()[LARGE - 1], 1);
                }),
                // measured: 9, without LTO 9
                (9, || {
                    let (sender, receiver) = bounded(0);
                    let mut send = sender.send_async([1_u8; LARGE]);
                    assert!(peek(&mut send).is_pending());
                    assert_eq!(receiver.recv().unwrap()[LARGE - 1], 1);
                    assert!(peek(&mut send).is_ready());
                }),
                // measured: 8, without LTO 8
                (8, || {
                    let (sender, receiver) = bounded(0);
                    let mut send = sender.send_async([1_u8; LARGE]);
                    assert!(peek(&mut send).is_pending());
                    receiver.close();
                    assert_eq!(peek(&mut send).map(|refused| refused.unwrap_err().into_inner()[LARGE - 1]), 1.into());
                }),
                // measured: 7, without LTO 10
                (10, || {
                    let (sender, receiver) = bounded(1);
                    sender.send([1_u8; LARGE]).unwrap();
                    let mut stream = receiver.stream();
                    assert_eq!(ready(stream.next()).unwrap()[LARGE - 1], 1);
                }),
            ],
        )
    });
}
