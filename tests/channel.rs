//! Channels on real threads: what each blocking and non-blocking operation does, at every capacity, and when misused.
//! The async forms are in `futures.rs`, hostile destructors and wakers in `user_code.rs`.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hence::cancel::CancellationToken;
use hence::channel::{
    Receiver, RecvError, SelectedOperation, SendError, Sender, TryRecvError, TrySendError, bounded, unbounded,
};
use util::{
    Drops, LARGE, LOOKS, Large, MOVES, Wakes, blocked, each_fits, each_pair_fits, give_up, operations, peek, poll,
    until, watched,
};

/// One channel of each kind.
fn every_kind<T>() -> Vec<(Sender<T>, Receiver<T>)> {
    vec![bounded(0), bounded(1), bounded(3), unbounded()]
}

/// One channel of each kind that takes a value without a receiver.
fn every_buffered_kind<T>() -> Vec<(Sender<T>, Receiver<T>)> {
    every_kind().split_off(1)
}

/// Takes all places of a channel: a send succeeds only if a receiver stands in line.
fn take_places<T>(sender: &Sender<T>) -> Vec<SelectedOperation<'_>> {
    (0..sender.capacity().unwrap()).map(|_| operations![send * sender].try_select().unwrap()).collect()
}

/// A thread that receives, once it stands in line; all places are taken.
fn receives_in_line<T: Send + 'static>(sender: &Sender<T>, receiver: &Receiver<T>) -> JoinHandle<Result<T, RecvError>> {
    let receiver = receiver.clone();
    let receives = thread::spawn(move || receiver.recv());
    until(|| operations![send * sender].try_ready().is_ok());
    receives
}

// First in, first out.

#[test]
fn values_come_out_in_the_order_in_which_they_went_in() {
    watched(|| {
        for (sender, receiver) in every_kind() {
            let consumer = thread::spawn(move || receiver.iter().collect::<Vec<_>>());
            (0..100).for_each(|i| sender.send(i).unwrap());
            drop(sender);
            assert_eq!(consumer.join().unwrap(), (0..100).collect::<Vec<_>>());
        }
    });
}

#[test]
fn blocked_receivers_are_served_first_come_first_served() {
    watched(|| {
        for capacity in [0, 1, 3] {
            let (sender, receiver) = bounded(capacity);
            let places = take_places(&sender);
            let first = receives_in_line(&sender, &receiver);
            // Should it come late, it is served all the same.
            let second = blocked(move || receiver.recv());
            places.into_iter().for_each(give_up);
            (1..=2).for_each(|i| sender.send(i).unwrap());
            assert_eq!((first.join().unwrap(), second.join().unwrap()), (Ok(1), Ok(2)));
        }
    });
}

#[test]
fn tasks_that_wait_to_receive_are_told_first_come_first_served() {
    for (sender, receiver) in every_kind() {
        let wakes = [(); 5].map(|()| Wakes::new());
        let mut receives = [(); 5].map(|()| receiver.recv_async());
        for (receive, (_, waker)) in receives.iter_mut().zip(&wakes) {
            assert!(poll(receive, waker).is_pending());
        }
        for (i, receive) in receives.iter_mut().enumerate() {
            sender.try_send(i).unwrap();
            assert_eq!(wakes.each_ref().map(|(wakes, _)| wakes.count()), [0, 1, 2, 3, 4].map(|n| usize::from(n <= i)));
            assert_eq!(poll(receive, &wakes[i].1), Ok(i).into());
        }
    }
}

/// To a thread that waits a value can be handed; a task, though it came before, is told where there is none.
#[test]
fn threads_that_wait_to_receive_are_served_before_tasks() {
    watched(|| {
        for capacity in [1, 3] {
            let (sender, receiver) = bounded(capacity);
            let places = take_places(&sender);
            let (wakes, waker) = Wakes::new();
            let mut task = receiver.recv_async();
            assert!(poll(&mut task, &waker).is_pending());
            let thread = receives_in_line(&sender, &receiver);
            places.into_iter().for_each(give_up);
            sender.try_send(1).unwrap();
            assert_eq!((receiver.len(), wakes.count(), thread.join().unwrap()), (0, 0, Ok(1)));
            sender.try_send(2).unwrap();
            assert_eq!((receiver.len(), wakes.count()), (1, 1));
            assert_eq!(poll(&mut task, &waker), Ok(2).into());
        }
    });
}

#[test]
fn blocked_senders_are_served_first_come_first_served() {
    for capacity in [0, 1, 3] {
        let (sender, receiver) = bounded(capacity);
        (0..capacity).for_each(|i| sender.try_send(i).unwrap());
        let mut sends: Vec<_> = (capacity..capacity + 5).map(|i| sender.send_async(i)).collect();
        assert!(sends.iter_mut().all(|send| peek(send).is_pending()));
        for i in 0..capacity + 5 {
            // Each receive lets one more sender in, in the order in which they came.
            assert!(sends.iter_mut().skip(i).all(|send| peek(send).is_pending()));
            assert_eq!(receiver.try_recv(), Ok(i));
            assert!(sends.get_mut(i).is_none_or(|send| peek(send) == Ok(()).into()));
        }
    }
}

#[test]
fn nobody_overtakes_a_blocked_sender() {
    let (sender, receiver) = bounded(1);
    sender.send(0).unwrap();
    let mut first = sender.send_async(1);
    assert!(peek(&mut first).is_pending());
    assert_eq!(receiver.recv(), Ok(0)); // the place that this frees belongs to the sender that waits
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    assert_eq!(receiver.recv(), Ok(1));
}

#[test]
fn nobody_overtakes_a_blocked_receiver() {
    watched(|| {
        for capacity in [0, 1, 3] {
            let (sender, receiver) = bounded(capacity);
            let places = take_places(&sender);
            let first = receives_in_line(&sender, &receiver);
            places.into_iter().for_each(give_up);
            sender.send(1).unwrap(); // handed straight to the receiver that waits
            assert_eq!(receiver.len(), 0);
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(first.join().unwrap(), Ok(1));
        }
    });
}

/// A task that waits may be dropped before it is polled again, or never be: its value stays in the channel till it takes it.
#[test]
fn anybody_overtakes_a_task_that_waits_to_receive_and_it_keeps_its_turn() {
    for (sender, receiver) in every_kind() {
        let mut receives = [receiver.recv_async(), receiver.recv_async()];
        assert!(receives.iter_mut().all(|receive| peek(receive).is_pending()));
        sender.send(1).unwrap();
        assert_eq!((receiver.len(), receiver.is_empty()), (1, false));
        assert_eq!(receiver.try_recv(), Ok(1));
        let (wakes, waker) = Wakes::new();
        assert!(poll(&mut receives[0], &waker).is_pending()); // before the other
        sender.send(2).unwrap();
        assert_eq!((wakes.count(), poll(&mut receives[0], &waker)), (1, Ok(2).into()));
        assert!(peek(&mut receives[1]).is_pending());
    }
}

// Full and empty.

#[test]
fn a_full_channel_refuses_and_blocks() {
    watched(|| {
        let (sender, receiver) = bounded(2);
        sender.send(1).unwrap();
        assert!(!sender.is_full());
        sender.send(2).unwrap();
        assert!(sender.is_full() && receiver.is_full());
        assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
        let third = blocked(move || sender.send(3));
        assert_eq!(receiver.len(), 2); // a blocked sender's value is not in the channel
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(third.join().unwrap(), Ok(()));
    });
}

#[test]
fn an_empty_channel_refuses_and_blocks() {
    watched(|| {
        for (sender, receiver) in every_kind() {
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
            let waiting = blocked(move || receiver.recv());
            sender.send(1).unwrap();
            assert_eq!(waiting.join().unwrap(), Ok(1));
        }
    });
}

#[test]
fn unbounded_never_makes_a_sender_wait() {
    let (sender, receiver) = unbounded();
    (0..10_000).for_each(|i| sender.try_send(i).unwrap());
    assert_eq!((sender.len(), sender.is_full(), sender.capacity()), (10_000, false, None));
    assert!(receiver.try_iter().eq(0..10_000));
    assert!(receiver.is_empty());
}

#[test]
fn counts_and_limits_are_the_same_on_both_sides() {
    for (sender, receiver) in every_kind::<u8>() {
        let capacity = sender.capacity();
        assert_eq!(receiver.capacity(), capacity);
        for sent in 0..=4 {
            let room = capacity.is_none_or(|capacity| sent < capacity);
            assert_eq!((sender.len(), receiver.len()), (sent, sent));
            assert_eq!((sender.is_empty(), receiver.is_empty()), (sent == 0, sent == 0));
            assert_eq!((sender.is_full(), receiver.is_full()), (!room, !room));
            assert_eq!(sender.try_send(7).is_ok(), room);
            if !room {
                break;
            }
        }
    }
}

#[test]
fn a_limit_is_not_a_reservation() {
    fn works<T>(value: fn() -> T) {
        for capacity in [usize::MAX, usize::MAX - 1, isize::MAX as usize] {
            let (sender, receiver) = bounded(capacity);
            assert_eq!((sender.capacity(), receiver.capacity()), (Some(capacity), Some(capacity)));
            sender.send(value()).unwrap();
            assert!(!sender.is_full());
            assert!(receiver.recv().is_ok());
        }
    }
    works(|| 0_u8);
    works(|| ());
    works(|| vec![0_u64; 1 << 10]);
    // Too large for a test thread's stack: the type alone, with no value of it ever made.
    let (sender, receiver) = bounded::<[u64; 1 << 20]>(usize::MAX);
    assert_eq!((sender.capacity(), sender.len(), receiver.is_full()), (Some(usize::MAX), 0, false));
    let (sender, _receiver) = bounded::<Box<[u64; 1 << 20]>>(usize::MAX);
    sender.send(vec![0; 1 << 20].into_boxed_slice().try_into().unwrap()).unwrap();
}

#[test]
fn values_of_size_zero_are_counted_like_others() {
    struct Nothing;
    for (sender, receiver) in every_buffered_kind() {
        assert!(sender.send(Nothing).is_ok());
        assert_eq!(receiver.len(), 1);
        assert!(receiver.recv().is_ok() && receiver.try_recv().is_err());
    }
    let (sender, receiver) = bounded(0);
    assert!(sender.try_send(Nothing).is_err());
    let mut receive = receiver.recv_async();
    assert!(peek(&mut receive).is_pending());
    assert!(sender.try_send(Nothing).is_ok() && peek(&mut receive).is_ready());
}

#[test]
fn large_values_and_borrowed_values_pass_whole() {
    watched(|| {
        let words = vec![String::from("a"), String::from("b")];
        let (sender, receiver) = bounded(0);
        thread::scope(|scope| {
            scope.spawn(|| words.iter().for_each(|word| sender.send((word.as_str(), [7_u64; 512])).unwrap()));
            for word in &words {
                assert_eq!(receiver.recv(), Ok((word.as_str(), [7; 512])));
            }
        });
    });
}

// Rendezvous.

#[test]
fn a_rendezvous_channel_holds_nothing() {
    let (sender, receiver) = bounded(0);
    assert!(sender.is_empty() && sender.is_full());
    assert_eq!(sender.capacity(), Some(0));
    assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    let mut send = sender.send_async(2);
    assert!(peek(&mut send).is_pending());
    assert_eq!(receiver.len(), 0);
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(peek(&mut send), Ok(()).into());
}

#[test]
fn a_rendezvous_send_returns_only_after_its_receive_began() {
    watched(|| {
        use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
        for _ in 0..100 {
            let (sender, receiver) = bounded(0);
            let asked = Arc::new(AtomicBool::new(false));
            let seen = asked.clone();
            let producer = thread::spawn(move || {
                sender.send(1).unwrap();
                assert!(seen.load(Relaxed), "the send returned before anybody asked for its value");
            });
            asked.store(true, Relaxed);
            assert_eq!(receiver.recv(), Ok(1));
            producer.join().unwrap();
        }
    });
}

#[test]
fn try_send_meets_a_receiver_that_waits() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        let waiting = blocked(move || receiver.recv());
        // Until the other thread stands in the queue there is nobody to take the value.
        let mut value = 1;
        while let Err(refused) = sender.try_send(value) {
            assert!(refused.is_full());
            value = refused.into_inner();
            thread::yield_now();
        }
        assert_eq!(waiting.join().unwrap(), Ok(1));
    });
}

#[test]
fn try_recv_meets_a_sender_that_waits() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        let waiting = blocked(move || sender.send(1));
        loop {
            match receiver.try_recv() {
                Ok(value) => break assert_eq!(value, 1),
                Err(refused) => assert_eq!(refused, TryRecvError::Empty),
            }
            thread::yield_now();
        }
        assert_eq!(waiting.join().unwrap(), Ok(()));
    });
}

// Closing.

#[test]
fn the_first_close_says_true() {
    for (sender, receiver) in every_kind::<u8>() {
        assert!(!sender.is_closed() && !receiver.is_closed());
        assert!(sender.close());
        assert!(sender.is_closed() && receiver.is_closed());
        assert!(!sender.close() && !receiver.close() && !sender.clone().close());
    }
    for (sender, receiver) in every_kind::<u8>() {
        assert!(receiver.close()); // the receiving side may close too
        assert!(!receiver.clone().close() && !sender.close());
    }
}

#[test]
fn a_side_that_is_gone_has_closed() {
    for (sender, receiver) in every_kind::<u8>() {
        drop(sender);
        assert!(receiver.is_closed() && !receiver.close());
    }
    for (sender, receiver) in every_kind::<u8>() {
        drop(receiver);
        assert!(sender.is_closed() && !sender.close());
    }
}

#[test]
fn one_of_many_who_close_is_told_so() {
    watched(|| {
        for (sender, receiver) in every_kind::<u8>() {
            let closers: Vec<_> = (0..4)
                .map(|i| {
                    let (sender, receiver) = (sender.clone(), receiver.clone());
                    thread::spawn(move || if i % 2 == 0 { sender.close() } else { receiver.close() })
                })
                .collect();
            assert_eq!(closers.into_iter().map(|c| c.join().unwrap()).filter(|&won| won).count(), 1);
        }
    });
}

#[test]
fn a_send_after_close_hands_the_value_back() {
    for (sender, _receiver) in every_kind() {
        sender.close();
        assert_eq!(sender.send("back"), Err(SendError("back")));
        assert_eq!(sender.try_send("back"), Err(TrySendError::Disconnected("back")));
        assert_eq!(sender.send("back").unwrap_err().into_inner(), "back");
    }
}

#[test]
fn a_send_without_receivers_hands_the_value_back() {
    for (sender, receiver) in every_kind() {
        let other = receiver.clone();
        drop(receiver);
        assert!(!sender.is_closed());
        drop(other);
        assert_eq!(sender.send("back"), Err(SendError("back")));
        assert_eq!(sender.try_send("back"), Err(TrySendError::Disconnected("back")));
    }
}

#[test]
fn what_was_sent_before_the_end_can_be_received_after_it() {
    for end in ["closed by the sender", "closed by the receiver", "sender dropped"] {
        for (sender, receiver) in every_buffered_kind() {
            let sent: Vec<_> = (0..3).take_while(|&i| sender.try_send(i).is_ok()).collect();
            match end {
                "closed by the sender" => assert!(sender.close()),
                "closed by the receiver" => assert!(receiver.close()),
                _ => drop(sender),
            }
            assert_eq!(receiver.len(), sent.len());
            for &i in &sent {
                assert_eq!(receiver.recv(), Ok(i));
            }
            assert_eq!(receiver.recv(), Err(RecvError));
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
            assert_eq!(receiver.recv(), Err(RecvError)); // and so it stays
        }
    }
}

#[test]
fn the_last_sender_disconnects_and_no_other() {
    let (sender, receiver) = unbounded::<u8>();
    let other = sender.clone();
    drop(sender);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    drop(other);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn a_close_gives_blocked_senders_their_values_back() {
    watched(|| {
        for by_receiver in [true, false] {
            for capacity in [0, 1] {
                let (sender, receiver) = bounded(capacity);
                (0..capacity).for_each(|_| sender.send(100).unwrap());
                let blocked: Vec<_> = (0..3)
                    .map(|i| {
                        let sender = sender.clone();
                        blocked(move || sender.send(i))
                    })
                    .collect();
                assert!(if by_receiver { receiver.close() } else { sender.close() });
                for (i, send) in blocked.into_iter().enumerate() {
                    assert_eq!(send.join().unwrap(), Err(SendError(i)));
                }
                assert_eq!(receiver.iter().count(), capacity);
            }
        }
    });
}

#[test]
fn the_last_receiver_gives_blocked_senders_their_values_back() {
    watched(|| {
        let drops = Drops::new(4);
        let (sender, receiver) = bounded(1);
        sender.send(drops.value(0)).unwrap();
        let blocked: Vec<_> = (1..4)
            .map(|i| {
                let (sender, value) = (sender.clone(), drops.value(i));
                blocked(move || sender.send(value))
            })
            .collect();
        drop(receiver);
        assert_eq!(drops.counts(), [1, 0, 0, 0]); // the one inside is dropped, the others are not
        for (send, i) in blocked.into_iter().zip(1..) {
            assert_eq!(send.join().unwrap().unwrap_err().into_inner().number, i);
        }
        assert_eq!(drops.counts(), [1, 1, 1, 1]);
    });
}

#[test]
fn the_end_wakes_blocked_receivers() {
    watched(|| {
        for close in [true, false] {
            for (sender, receiver) in every_kind::<u8>() {
                let receivers: Vec<_> = (0..3)
                    .map(|_| {
                        let receiver = receiver.clone();
                        blocked(move || receiver.recv())
                    })
                    .collect();
                if close {
                    assert!(receiver.close());
                } else {
                    drop(sender);
                }
                assert!(receivers.into_iter().all(|receiver| receiver.join().unwrap() == Err(RecvError)));
            }
        }
    });
}

// Each value once.

#[test]
fn the_last_receiver_drops_what_is_inside_once() {
    for (sender, receiver) in every_buffered_kind() {
        let drops = Drops::new(2);
        let sent = (0..2).take_while(|&i| sender.try_send(drops.value(i)).is_ok()).count();
        let other = receiver.clone();
        drop(receiver);
        assert_eq!(drops.counts()[..sent], [0, 0][..sent]);
        drop(other);
        assert_eq!(drops.counts(), [1, 1]); // one that was refused was dropped with its error
        drop(sender);
        assert_eq!(drops.counts(), [1, 1]);
    }
}

#[test]
fn values_outlive_their_senders_and_a_close() {
    let drops = Drops::new(2);
    let (sender, receiver) = bounded(2);
    sender.send(drops.value(0)).unwrap();
    sender.send(drops.value(1)).unwrap();
    sender.close();
    drop(sender);
    assert_eq!(drops.counts(), [0, 0]);
    assert_eq!(receiver.recv().unwrap().number, 0);
    assert_eq!(drops.counts(), [1, 0]);
    drop(receiver);
    assert_eq!(drops.counts(), [1, 1]);
}

// Iterators.

#[test]
fn iterators_end_when_the_channel_does_and_stay_ended() {
    watched(|| {
        let (sender, receiver) = unbounded();
        (0..6).for_each(|i| sender.send(i).unwrap());
        sender.close();
        let mut by_reference = receiver.iter();
        assert_eq!((by_reference.next(), by_reference.next()), (Some(0), Some(1)));
        assert_eq!((&receiver).into_iter().take(2).collect::<Vec<_>>(), [2, 3]);
        let mut owned = receiver.clone().into_iter();
        assert_eq!((owned.next(), owned.next(), owned.next(), owned.next()), (Some(4), Some(5), None, None));
        assert_eq!((by_reference.next(), by_reference.next()), (None, None));
        let mut sum = 0;
        for i in receiver {
            sum += i;
        }
        assert_eq!(sum, 0);
    });
}

#[test]
fn an_owned_iterator_is_a_receiver() {
    let (sender, receiver) = bounded(1);
    let values = receiver.into_iter();
    assert!(!sender.is_closed());
    drop(values);
    assert_eq!(sender.send(1), Err(SendError(1)));
}

#[test]
fn try_iter_takes_what_is_there_and_goes_on_later() {
    let (sender, receiver) = bounded(2);
    let mut there = receiver.try_iter();
    assert_eq!(there.next(), None);
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    let mut waiting = sender.send_async(3); // with a sender that waits is there too
    assert!(peek(&mut waiting).is_pending());
    assert_eq!(there.by_ref().collect::<Vec<_>>(), [1, 2, 3]);
    sender.send(4).unwrap();
    assert_eq!(there.collect::<Vec<_>>(), [4]);
}

// Handles and errors.

#[test]
fn handles_know_their_channel() {
    let ((a, from_a), (b, from_b)) = (unbounded::<u8>(), unbounded::<u8>());
    assert!(a.same_channel(&a) && a.same_channel(&a.clone()) && !a.same_channel(&b));
    assert!(from_a.same_channel(&from_a.clone()) && !from_a.same_channel(&from_b));
}

#[test]
fn what_is_printed() {
    struct Unprintable;
    let (sender, receiver) = bounded::<Unprintable>(1);
    assert_eq!(format!("{sender:?} {receiver:?}"), "Sender { .. } Receiver { .. }");
    assert_eq!(format!("{:?}", receiver.recv_async()), "RecvFuture { .. }");
    assert_eq!(format!("{:?}", sender.send_async(Unprintable)), "SendFuture { .. }");
}

#[test]
fn errors_say_what_happened() {
    struct Unprintable;
    let both = |error: &dyn std::error::Error| format!("{error:?}: {error}");
    assert_eq!(both(&SendError(Unprintable)), "SendError(..): sending on a disconnected channel");
    assert_eq!(both(&TrySendError::Full(Unprintable)), "Full(..): sending on a full channel");
    assert_eq!(both(&TrySendError::Disconnected(Unprintable)), "Disconnected(..): sending on a disconnected channel");
    assert_eq!(both(&RecvError), "RecvError: receiving on an empty and disconnected channel");
    assert_eq!(both(&TryRecvError::Empty), "Empty: receiving on an empty channel");
    assert_eq!(both(&TryRecvError::Disconnected), "Disconnected: receiving on an empty and disconnected channel");
}

#[test]
fn errors_convert_and_hand_back() {
    assert_eq!(SendError(1).into_inner(), 1);
    assert_eq!(TrySendError::Full(1).into_inner(), 1);
    assert_eq!(TrySendError::Disconnected(1).into_inner(), 1);
    assert_eq!(TrySendError::from(SendError(1)), TrySendError::Disconnected(1));
    assert_eq!(TryRecvError::from(RecvError), TryRecvError::Disconnected);
    assert!(TrySendError::Full(1).is_full() && !TrySendError::Full(1).is_disconnected());
    assert!(TrySendError::Disconnected(1).is_disconnected() && !TrySendError::Disconnected(1).is_full());
    assert!(TryRecvError::Empty.is_empty() && !TryRecvError::Empty.is_disconnected());
    assert!(TryRecvError::Disconnected.is_disconnected() && !TryRecvError::Disconnected.is_empty());
}

// How much of the stack a large value takes. An overflow aborts the process.

const BRIEF: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(1000);

#[test]
#[cfg_attr(miri, ignore = "its stack is not the compiler's")]
fn a_look_for_a_large_value_needs_no_more_stack_than_elsewhere() {
    watched(|| {
        each_fits(
            LOOKS,
            [
                // measured: 6, without LTO 7
                (7, || {
                    let (_sender, receiver) = unbounded::<Large>();
                    assert!(receiver.try_iter().next().is_none());
                }),
                // measured: 6, without LTO 7
                (7, || {
                    let (_, receiver) = bounded::<Large>(1); // its sender is gone
                    assert!(receiver.iter().next().is_none());
                }),
                (6, || {
                    let (_, receiver) = bounded::<Large>(0);
                    assert!(receiver.recv().is_err());
                }),
                // measured: 6, without LTO 7
                (7, || {
                    let (_sender, receiver) = unbounded::<Large>();
                    assert!(receiver.try_recv().is_err());
                }),
                // measured: 6, without LTO 7
                (7, || {
                    let (_sender, receiver) = unbounded::<Large>();
                    assert!(receiver.recv_timeout(Duration::ZERO).is_err());
                }),
                // measured: 7, without LTO 8
                (8, || {
                    let (_sender, receiver) = bounded::<Large>(2);
                    assert!(receiver.recv_timeout(BRIEF).is_err());
                }),
                // measured: 6, without LTO 7
                (7, || {
                    let (_sender, receiver) = bounded::<Large>(0);
                    assert!(receiver.recv_deadline(Instant::now() + BRIEF).is_err());
                }),
                // measured: 9, without LTO 9
                (9, || {
                    let (_sender, receiver) = bounded::<Large>(0);
                    assert!(receiver.recv_or_cancelled(&CancellationToken::new().with_timeout(BRIEF)).is_err());
                }),
            ],
        )
    });
}

#[test]
#[cfg_attr(miri, ignore = "its stack is not the compiler's")]
fn a_large_value_needs_no_more_stack_than_elsewhere() {
    watched(|| {
        each_fits(
            MOVES,
            [
                (6, || {
                    let (sender, receiver) = bounded(1);
                    sender.send([1_u8; LARGE]).unwrap();
                    assert_eq!(receiver.recv().unwrap()[LARGE - 1], 1);
                }),
                (6, || {
                    let (sender, receiver) = unbounded();
                    sender.send([1_u8; LARGE]).unwrap();
                    assert_eq!(receiver.recv().unwrap()[LARGE - 1], 1);
                }),
                (6, || {
                    let (sender, receiver) = bounded(1);
                    sender.try_send([1_u8; LARGE]).unwrap();
                    assert_eq!(receiver.try_recv().unwrap()[LARGE - 1], 1);
                }),
                (6, || {
                    let (sender, receiver) = bounded(1);
                    sender.send_timeout([1_u8; LARGE], LONG).unwrap();
                    assert_eq!(receiver.recv_timeout(LONG).unwrap()[LARGE - 1], 1);
                }),
                (6, || {
                    let (sender, receiver) = bounded(1);
                    sender.send_deadline([1_u8; LARGE], Instant::now() + LONG).unwrap();
                    assert_eq!(receiver.recv_deadline(Instant::now() + LONG).unwrap()[LARGE - 1], 1);
                }),
                // measured: 7, without LTO 7
                (7, || {
                    let ((sender, receiver), token) = (bounded(1), CancellationToken::new());
                    sender.send_or_cancelled([1_u8; LARGE], &token).unwrap();
                    assert_eq!(receiver.recv_or_cancelled(&token).unwrap()[LARGE - 1], 1);
                }),
                (6, || {
                    let (sender, receiver) = bounded(1);
                    sender.send([1_u8; LARGE]).unwrap();
                    assert_eq!(receiver.iter().next().unwrap()[LARGE - 1], 1);
                }),
                (6, || {
                    let (sender, receiver) = bounded(1);
                    sender.send([1_u8; LARGE]).unwrap();
                    assert_eq!(receiver.into_iter().next().unwrap()[LARGE - 1], 1);
                }),
                (6, || {
                    let (sender, receiver) = bounded(1);
                    sender.send([1_u8; LARGE]).unwrap();
                    assert_eq!(receiver.try_iter().next().unwrap()[LARGE - 1], 1);
                }),
            ],
        )
    });
}

#[test]
#[cfg_attr(miri, ignore = "its stack is not the compiler's")]
fn a_large_value_that_is_refused_needs_no_more_stack_than_elsewhere() {
    watched(|| {
        each_fits(
            MOVES,
            [
                // measured: 7, without LTO 6
                (7, || {
                    let (sender, _receiver) = bounded(0);
                    assert_eq!(sender.try_send([1_u8; LARGE]).unwrap_err().into_inner()[LARGE - 1], 1);
                }),
                (6, || {
                    let (sender, _) = bounded(0);
                    assert_eq!(sender.send([1_u8; LARGE]).unwrap_err().into_inner()[LARGE - 1], 1);
                }),
                // measured: 7, without LTO 7
                (7, || {
                    let (sender, _receiver) = bounded(0);
                    assert_eq!(sender.send_timeout([1_u8; LARGE], BRIEF).unwrap_err().into_inner()[LARGE - 1], 1);
                }),
                // measured: 9, without LTO 8
                (9, || {
                    let (sender, _receiver) = bounded(0);
                    let deadline = Instant::now() + BRIEF;
                    assert_eq!(sender.send_deadline([1_u8; LARGE], deadline).unwrap_err().into_inner()[LARGE - 1], 1);
                }),
                // measured: 10, without LTO 10
                (10, || {
                    let ((sender, _receiver), token) = (bounded(0), CancellationToken::new().with_timeout(BRIEF));
                    assert_eq!(sender.send_or_cancelled([1_u8; LARGE], &token).unwrap_err().into_inner()[LARGE - 1], 1);
                }),
            ],
        )
    });
}

/// Whoever comes second is served by the one who waits, each on a stack of its own.
#[test]
#[cfg_attr(miri, ignore = "its stack is not the compiler's")]
fn a_large_value_between_two_threads_needs_no_more_stack_than_elsewhere() {
    watched(|| {
        each_pair_fits(
            MOVES,
            [
                // measured: 8, without LTO 7
                (
                    8,
                    (
                        |sender| sender.send([1; LARGE]).unwrap(),
                        |receiver| assert_eq!(receiver.recv().unwrap()[LARGE - 1], 1),
                    ),
                ),
                // measured: 8, without LTO 9
                (
                    9,
                    (
                        |sender| sender.send([1; LARGE]).unwrap(),
                        |receiver| assert_eq!(receiver.iter().next().unwrap()[LARGE - 1], 1),
                    ),
                ),
                // measured: 8, without LTO 9
                (
                    9,
                    (
                        |sender| sender.send_timeout([1; LARGE], LONG).unwrap(),
                        |receiver| assert_eq!(receiver.recv_timeout(LONG).unwrap()[LARGE - 1], 1),
                    ),
                ),
                // measured: 10, without LTO 13
                (
                    13,
                    (
                        |sender| sender.send_or_cancelled([1; LARGE], &CancellationToken::new()).unwrap(),
                        |receiver| {
                            assert_eq!(receiver.recv_or_cancelled(&CancellationToken::new()).unwrap()[LARGE - 1], 1)
                        },
                    ),
                ),
            ],
        );
    });
}
