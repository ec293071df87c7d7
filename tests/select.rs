//! Select on real threads: what is chosen, what becomes of the rest, who is woken, and what a chosen operation does that
//! is completed late, wrongly, or never. Where the order matters, pending futures stand for blocked partners: they wait
//! in the same queues, and a poll is a deterministic way to stand in one. The syntax is in `parity/syntax.rs`, timers are
//! in `timed.rs`.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use hence::cancel::CancellationToken;
use hence::channel::{
    ReadyTimeoutError, Receiver, RecvError, Select, SelectTimeoutError, SelectedOperation, SendError, Sender,
    TryReadyError, TryRecvError, TrySelectError, TrySendError, after, bounded, never, select, select_biased, tick,
    unbounded,
};
use util::{
    Drops, LARGE, LOOKS, Large, MOVES, RECEIVES_OF_THREADS, Tracked, Wakes, block_on, blocked, each_fits,
    each_pair_fits, give_up, operations, peek, poll, receives, watched,
};

/// Long enough that a wait happens, short enough to sit through.
const SHORT: Duration = Duration::from_millis(5);
/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(1000);

/// One channel of each kind.
fn every_kind<T>() -> [(Sender<T>, Receiver<T>); 4] {
    [bounded(0), bounded(1), bounded(3), unbounded()]
}

/// Chooses the one operation that is ready.
fn choose_send<T>(sender: &Sender<T>) -> SelectedOperation<'_> {
    let mut select = Select::new();
    select.send(sender);
    select.try_select().expect("a send is ready")
}

fn choose_recv<T>(receiver: &Receiver<T>) -> SelectedOperation<'_> {
    let mut select = Select::new();
    select.recv(receiver);
    select.try_select().expect("a receive is ready")
}

/// What code that is expected to panic says.
fn panics<R>(code: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(code)) else { panic!("the panic did not come out") };
    panic.downcast::<String>().map(|text| *text).unwrap_or_else(|panic| panic.downcast::<&str>().unwrap().to_string())
}

// Exactly one operation happens (SF-SEL-1), and the others leave no trace (SF-SEL-2).

#[test]
fn of_all_that_are_ready_one_happens() {
    watched(|| {
        for _ in 0..200 {
            let channels = [bounded(2), bounded(2), bounded(2)];
            let mut select = Select::new();
            for (i, (sender, receiver)) in channels.iter().enumerate() {
                sender.send(i).unwrap();
                select.send(sender);
                select.recv(receiver);
            }
            let operation = select.select();
            let index = operation.index();
            let (sender, receiver) = &channels[index / 2];
            if index % 2 == 0 {
                operation.send(sender, 7).unwrap();
            } else {
                assert_eq!(operation.recv(receiver), Ok(index / 2));
            }
            for (i, (_, receiver)) in channels.iter().enumerate() {
                let held = if index / 2 != i { 1 } else { [2, 0][index % 2] };
                assert_eq!(receiver.len(), held);
            }
        }
    });
}

#[test]
fn a_blocked_receiving_select_takes_one_value() {
    watched(|| {
        for round in 0..50 {
            let channels: [(Sender<usize>, _); 3] = [bounded(0), bounded(0), bounded(0)];
            let mut sends: Vec<_> = channels.iter().enumerate().map(|(i, (s, _))| s.send_async(i)).collect();
            let taken = thread::scope(|scope| {
                let [(_, a), (_, b), (_, c)] = &channels;
                let taken = scope.spawn(move || {
                    select! {
                        recv(a) -> value => value,
                        recv(b) -> value => value,
                        recv(c) -> value => value,
                    }
                });
                if round % 2 == 0 {
                    thread::yield_now();
                }
                assert!(sends.iter_mut().map(peek).filter(Poll::is_ready).count() <= 1);
                taken.join().unwrap().unwrap()
            });
            for (i, (_, receiver)) in channels.iter().enumerate() {
                if i != taken {
                    assert!(peek(&mut sends[i]).is_pending());
                    assert_eq!(receiver.try_recv(), Ok(i));
                }
                assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
            }
        }
    });
}

#[test]
fn a_blocked_sending_select_sends_one_message() {
    watched(|| {
        for round in 0..50 {
            let channels: [(_, Receiver<usize>); 3] = [bounded(0), bounded(0), bounded(0)];
            let mut receives: Vec<_> = channels.iter().map(|(_, receiver)| receiver.recv_async()).collect();
            let sent = thread::scope(|scope| {
                let [(a, _), (b, _), (c, _)] = &channels;
                let sent = scope.spawn(move || {
                    select! {
                        send(a, 0) -> sent => (0, sent),
                        send(b, 1) -> sent => (1, sent),
                        send(c, 2) -> sent => (2, sent),
                    }
                });
                if round % 2 == 0 {
                    thread::yield_now();
                }
                assert!(receives.iter_mut().all(|receive| peek(receive).is_pending()));
                sent.join().unwrap()
            });
            let received: Vec<_> = receives.iter_mut().map(peek).collect();
            assert_eq!(received.iter().filter(|poll| poll.is_ready()).count(), 1);
            assert_eq!((&received[sent.0], sent.1), (&Ok(sent.0).into(), Ok(())));
        }
    });
}

#[test]
fn an_operation_that_was_not_chosen_leaves_no_trace() {
    watched(|| {
        let (ready, value) = unbounded();
        for (sender, receiver) in every_kind::<usize>() {
            let room = sender.capacity().unwrap_or(5);
            (0..room).for_each(|i| sender.send(i).unwrap());
            for _ in 0..10 {
                ready.send(()).unwrap();
                select_biased! {
                    recv(value) -> ready => ready.unwrap(),
                    recv(receiver) -> _ => panic!("not the first"),
                    send(sender, 7) -> _ => panic!("not the first"),
                }
            }
            assert_eq!(receiver.try_iter().collect::<Vec<_>>(), (0..room).collect::<Vec<_>>());
            assert_eq!((0..room).filter(|&i| sender.try_send(i).is_ok()).count(), room);
        }
    });
}

#[test]
fn a_select_whose_time_is_up_leaves_no_trace() {
    watched(|| {
        let ((s0, r0), (s1, r1)) = (bounded(0), bounded(1));
        s1.send(1).unwrap();
        let ((s2, r2), (_s3, r3)) = (bounded::<u8>(0), bounded::<u8>(2));
        for wait in [Duration::ZERO, Duration::from_millis(1)] {
            select! {
                send(s0, 0) -> _ => panic!("nobody is there"),
                send(s1, 0) -> _ => panic!("there is no room"),
                recv(r2) -> _ => panic!("there is no value"),
                recv(r3) -> _ => panic!("there is no value"),
                recv(r0) -> _ => panic!("there is no value"),
                default(wait) => {}
            }
            // Nobody stands there any more, not even until somebody looks.
            assert!(operations![send s0, recv r0, send s2].try_ready().is_err());
            assert_eq!(s0.try_send(5), Err(TrySendError::Full(5)));
            assert_eq!(r0.try_recv(), Err(TryRecvError::Empty));
            assert_eq!((s1.len(), r1.len(), r3.len()), (1, 1, 0));
        }
        assert_eq!(r1.try_iter().collect::<Vec<_>>(), [1]);
        assert_eq!((s1.try_send(2), s1.try_send(3)), (Ok(()), Err(TrySendError::Full(3))));
    });
}

#[test]
fn a_select_that_is_done_has_left_all_lines() {
    watched(|| {
        let ((a, at_a), (b, at_b), (c, at_c)) = (bounded(0), bounded::<u8>(0), bounded::<u8>(0));
        let (to_b, from_b, to_c, from_c) = (b.clone(), at_b.clone(), c.clone(), at_c.clone());
        let select = blocked(move || {
            select! {
                send(to_b, 0) -> _ => panic!("nobody receives"),
                recv(from_b) -> _ => panic!("nobody sends"),
                recv(at_a) -> value => value,
                recv(from_c) -> _ => panic!("nobody sends"),
                send(to_c, 0) -> _ => panic!("nobody receives"),
            }
        });
        a.send(1).unwrap();
        assert_eq!(select.join().unwrap(), Ok(1));
        assert!(operations![send b, recv at_b, send c, recv at_c].try_ready().is_err());
    });
}

#[test]
fn who_stood_behind_a_select_moves_up() {
    watched(|| {
        for capacity in [0, 1] {
            let ((a, at_a), (b, at_b)) = (bounded(0), bounded(capacity));
            let (selected, mut behind) = (at_b.clone(), at_b.recv_async());
            let select = blocked(move || {
                select! {
                    recv(at_a) -> value => value,
                    recv(selected) -> value => value,
                }
            });
            assert!(peek(&mut behind).is_pending());
            a.send(1).unwrap();
            assert_eq!(select.join().unwrap(), Ok(1));
            b.try_send(2).unwrap();
            assert_eq!(peek(&mut behind), Ok(2).into());

            let ((a, at_a), (b, at_b)) = (bounded(0), bounded(capacity));
            (0..capacity).for_each(|_| b.send(0).unwrap());
            let (selected, mut behind) = (b.clone(), b.send_async(2));
            let select = blocked(move || {
                select! {
                    send(a, 1) -> sent => sent,
                    send(selected, 1) -> sent => sent,
                }
            });
            assert!(peek(&mut behind).is_pending());
            assert_eq!(at_a.recv(), Ok(1));
            assert_eq!(select.join().unwrap(), Ok(()));
            assert!(at_b.try_iter().eq([0, 2].into_iter().skip(1 - capacity)));
            assert_eq!(peek(&mut behind), Ok(()).into());
        }
    });
}

// `default` and a time-out mean that nothing was ready (SF-SEL-3).

#[test]
fn nothing_is_chosen_if_nothing_is_ready() {
    watched(|| {
        for (sender, receiver) in every_kind() {
            let mut select = operations![recv receiver];
            assert_eq!(select.try_select().map(drop).unwrap_err(), TrySelectError);
            assert_eq!(select.select_timeout(Duration::ZERO).map(drop).unwrap_err(), SelectTimeoutError);
            assert_eq!(select.select_deadline(Instant::now()).map(drop).unwrap_err(), SelectTimeoutError);
            assert_eq!(select.try_ready(), Err(TryReadyError));
            assert_eq!(select.ready_timeout(Duration::ZERO), Err(ReadyTimeoutError));
            assert_eq!(select.ready_deadline(Instant::now()), Err(ReadyTimeoutError));
            (0..sender.capacity().unwrap_or(0)).for_each(|i| sender.send(i).unwrap());
            if sender.is_full() {
                let mut select = operations![send sender];
                assert!(select.try_select().is_err() && select.try_ready().is_err());
            }
        }
    });
}

#[test]
fn what_is_ready_is_chosen_without_waiting() {
    watched(|| {
        type Try = for<'a> fn(&mut Select<'a>) -> Option<SelectedOperation<'a>>;
        let tries: [Try; 4] = [
            |select| select.try_select().ok(),
            |select| select.select_timeout(Duration::ZERO).ok(),
            |select| select.select_deadline(Instant::now() - LONG).ok(),
            |select| Some(select.select()),
        ];
        for choose in tries {
            for (sender, receiver) in every_kind() {
                // Room or a receiver that waits, and a value or a sender that waits.
                let mut partner = receiver.recv_async();
                if sender.capacity() == Some(0) {
                    assert!(peek(&mut partner).is_pending());
                }
                let mut select = operations![send sender];
                choose(&mut select).unwrap().send(&sender, 1).unwrap();
                assert_eq!(peek(&mut partner), Ok(1).into());

                let mut partner = sender.send_async(2);
                let _ = peek(&mut partner);
                let mut select = operations![recv receiver];
                assert_eq!(choose(&mut select).unwrap().recv(&receiver), Ok(2));
            }
        }
    });
}

/// A token moves between two channels, and is in one of them at each moment, or in both.
#[test]
fn something_that_is_always_ready_is_always_found() {
    watched(|| {
        let ((a, from_a), (b, from_b)) = (bounded(2), bounded(2));
        a.send(()).unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    b.send(()).unwrap();
                    from_a.recv().unwrap();
                    a.send(()).unwrap();
                    from_b.recv().unwrap();
                }
            });
            for i in 0..3000 {
                let mut select = operations![recv from_a];
                select.recv(&from_b);
                let operation = match i % 3 {
                    0 => select.try_select().ok(),
                    1 => select.select_timeout(Duration::ZERO).ok(),
                    _ => select.try_ready().ok().map(|_| select.select()),
                };
                let operation = operation.expect("one of them was ready all the time");
                let (sender, receiver) = [(&a, &from_a), (&b, &from_b)][operation.index()];
                operation.recv(receiver).unwrap();
                sender.send(()).unwrap();
            }
            stop.store(true, Relaxed);
        });
    });
}

// A chosen operation that is given up (SF-SEL-4).

#[test]
fn an_operation_that_is_dropped_panics() {
    let (sender, receiver) = bounded(1);
    let said = panics(|| drop(choose_send(&sender)));
    assert_eq!(said, "dropped `SelectedOperation` without completing the operation");
    assert_eq!(sender.try_send(1), Ok(()));
    assert_eq!(panics(|| drop(choose_recv(&receiver))), said);
    assert_eq!(receiver.try_recv(), Ok(1));
    sender.close();
    assert_eq!((panics(|| drop(choose_send(&sender))), panics(|| drop(choose_recv(&receiver)))), (said.clone(), said));
}

#[test]
fn a_panic_passes_a_chosen_operation() {
    let (sender, _receiver) = bounded(1);
    let said = panics(|| {
        let _operation = choose_send(&sender);
        panic!("another reason")
    });
    assert_eq!(said, "another reason");
    assert_eq!(sender.try_send(1), Ok(()));
}

#[test]
fn a_message_that_panics_takes_its_operation_back() {
    fn hostile() -> u8 {
        panic!("hostile")
    }
    watched(|| {
        for (sender, receiver) in every_kind::<u8>() {
            let (mut first, mut second) = (receiver.recv_async(), receiver.recv_async());
            assert!(peek(&mut first).is_pending() && peek(&mut second).is_pending());
            let said = panics(|| select! { send(sender, hostile()) -> _ => {} });
            assert_eq!(said, "hostile");
            assert!(peek(&mut first).is_pending() && peek(&mut second).is_pending());
            // And nobody has lost their turn, nor the channel a place.
            assert_eq!((sender.try_send(1), peek(&mut first)), (Ok(()), Ok(1).into()));
            assert_eq!((sender.try_send(2), peek(&mut second)), (Ok(()), Ok(2).into()));
            let room = sender.capacity().unwrap_or(5);
            assert!((0..room).all(|_| sender.try_send(3).is_ok()));
            assert_eq!(sender.try_send(4).is_ok(), sender.capacity().is_none());
        }
    });
}

#[test]
fn a_message_that_leaves_takes_its_operation_back() {
    watched(|| {
        fn leaves(sender: &Sender<u8>, message: Option<u8>) -> Option<u8> {
            select! { send(sender, message?) -> sent => sent.ok().map(|()| 1) }
        }
        let (sender, receiver) = bounded(1);
        assert_eq!(panics(|| leaves(&sender, None)), "dropped `SelectedOperation` without completing the operation");
        assert_eq!(leaves(&sender, Some(2)), Some(1));
        assert_eq!(receiver.try_recv(), Ok(2));
    });
}

#[test]
fn a_received_value_that_is_given_up_is_received_next() {
    for (sender, receiver) in every_kind() {
        let mut sends: Vec<_> = (0..4).map(|i| sender.send_async(i)).collect();
        sends.iter_mut().for_each(|send| _ = peek(send));
        give_up(choose_recv(&receiver));
        give_up(choose_recv(&receiver));
        let (first, second) = (choose_recv(&receiver), choose_recv(&receiver));
        give_up(second);
        give_up(first); // each before all that are there
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
    }
    // The last to be given up is the first.
    for (sender, receiver) in every_kind() {
        let mut sends: Vec<_> = (0..4).map(|i| sender.send_async(i)).collect();
        sends.iter_mut().for_each(|send| _ = peek(send));
        [(); 3].map(|()| choose_recv(&receiver)).into_iter().for_each(give_up);
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2, 1, 0, 3]);
    }
}

#[test]
fn a_received_value_that_is_given_up_comes_back_above_the_capacity() {
    for capacity in [0, 1, 3] {
        let (sender, receiver) = bounded(capacity);
        let mut sends: Vec<_> = (0..=capacity).map(|i| sender.send_async(i)).collect();
        sends.iter_mut().for_each(|send| _ = peek(send));
        let operation = choose_recv(&receiver);
        assert_eq!(receiver.len(), capacity);
        give_up(operation);
        assert_eq!((receiver.len(), receiver.is_full()), (capacity + 1, true));
        let mut waits = sender.send_async(9);
        assert!(peek(&mut waits).is_pending());
        assert_eq!(receiver.try_recv(), Ok(0));
        assert!(peek(&mut waits).is_pending()); // so that gave no room
        assert!(receiver.try_iter().eq((1..=capacity).chain([9])));
        assert!(peek(&mut waits).is_ready());
    }
}

#[test]
fn a_received_value_that_is_given_up_goes_to_the_one_who_waits() {
    watched(|| {
        for (sender, receiver) in every_kind() {
            let mut send = sender.send_async(1);
            let _ = peek(&mut send);
            let operation = choose_recv(&receiver);
            let mut waits = receiver.recv_async();
            assert!(peek(&mut waits).is_pending());
            give_up(operation);
            assert_eq!(receiver.len(), 1); // a task is told
            assert_eq!(peek(&mut waits), Ok(1).into());

            let mut send = sender.send_async(2);
            let _ = peek(&mut send);
            let operation = choose_recv(&receiver);
            let other = receiver.clone();
            let waits =
                blocked(move || select! { recv(other) -> value => value, recv(never::<()>()) -> _ => panic!() });
            give_up(operation);
            assert_eq!(waits.join().unwrap(), Ok(2));
        }
    });
}

#[test]
fn a_place_that_is_given_up_goes_to_the_one_who_waits() {
    watched(|| {
        for capacity in [1, 3] {
            let (sender, receiver) = bounded(capacity);
            let mut operations: Vec<_> = (0..capacity).map(|_| choose_send(&sender)).collect();
            let mut waits = sender.send_async(1);
            assert!(peek(&mut waits).is_pending());
            give_up(operations.pop().unwrap());
            assert_eq!((peek(&mut waits), receiver.len()), (Ok(()).into(), 1));
            operations.into_iter().for_each(give_up);

            let operations: Vec<_> = (1..capacity).map(|_| choose_send(&sender)).collect();
            assert_eq!(receiver.recv(), Ok(1));
            let (operation, other) = (choose_send(&sender), sender.clone());
            let select = blocked(move || select! { send(other, 2) -> sent => sent });
            give_up(operation);
            assert_eq!(select.join().unwrap(), Ok(())); // before anything is received
            operations.into_iter().for_each(give_up);
            assert!(receiver.try_iter().eq([2]));
        }
    });
}

#[test]
fn a_partner_that_is_given_up_waits_on() {
    watched(|| {
        // A blocked receive, a timed one, a select.
        type Partner = fn(&Receiver<i32>) -> Option<i32>;
        let partners: [Partner; 4] = [
            |receiver| receiver.recv().ok(),
            |receiver| receiver.recv_timeout(LONG).ok(),
            |receiver| select! { recv(receiver) -> value => value.ok() },
            |receiver| block_on(receiver.recv_async()).ok(),
        ];
        for partner in partners {
            let (sender, receiver) = bounded(0);
            let partner = blocked(move || partner(&receiver));
            for _ in 0..3 {
                let mut select = operations![send sender];
                give_up(select.select());
            }
            sender.send(7).unwrap();
            assert_eq!(partner.join().unwrap(), Some(7));
        }
        // And if nothing comes any more, it is told.
        let (sender, receiver) = bounded::<i32>(0);
        let mut partner = receiver.recv_async();
        assert!(peek(&mut partner).is_pending());
        let operation = choose_send(&sender);
        receiver.close();
        assert!(peek(&mut partner).is_pending());
        give_up(operation);
        assert_eq!(peek(&mut partner), Err(RecvError).into());
    });
}

// A chosen operation that is leaked (SF-SEL-4).

#[test]
fn a_leaked_receive_keeps_its_value_and_harms_nobody() {
    watched(|| {
        for (sender, receiver) in every_kind() {
            let drops = Drops::new(3);
            for number in 0..3 {
                let mut send = sender.send_async(drops.value(number));
                let _ = peek(&mut send);
                if number == 0 {
                    mem::forget(choose_recv(&receiver));
                } else {
                    assert_eq!(receiver.recv().unwrap().number, number);
                }
                assert!(receiver.is_empty() && (sender.capacity() != Some(0) || peek(&mut send).is_ready()));
            }
            assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Empty);
            assert_eq!(drops.counts(), [0, 1, 1]);
            drop((sender, receiver));
            assert!(drops.counts()[0] <= 1); // with the channel, or never
        }
    });
}

#[test]
fn a_leaked_send_keeps_its_place_and_harms_nobody() {
    watched(|| {
        for (sender, receiver) in [bounded(1), bounded(3), unbounded()] {
            mem::forget(choose_send(&sender));
            let room = sender.capacity().unwrap_or(5).saturating_sub(1);
            (0..room).for_each(|i| sender.try_send(i).unwrap());
            assert_eq!(sender.try_send(9).is_err(), sender.capacity().is_some());
            let consumer = blocked(move || receiver.into_iter().sum::<usize>());
            (100..110).for_each(|i| sender.send(i).unwrap());
            for i in 0..10 {
                select! { send(sender, i) -> sent => sent.unwrap() }
            }
            let unbounded = if sender.capacity().is_none() { 9 } else { 0 };
            drop(sender);
            assert_eq!(consumer.join().unwrap(), (0..room).sum::<usize>() + 1045 + 45 + unbounded);
        }
        // Without any other place, a task and a sender meet as on a rendezvous channel, whoever of them comes first.
        let (sender, receiver) = bounded(1);
        mem::forget(choose_send(&sender));
        let consumer = blocked(move || {
            let (mut stream, mut sum) = (receiver.stream(), 0);
            while let Some(value) = block_on(stream.next()) {
                sum += value;
            }
            sum
        });
        (0..10).for_each(|i| sender.send(i).unwrap());
        (0..10).for_each(|i| block_on(sender.send_async(i)).unwrap());
        for i in 0..10 {
            select! { send(sender, i) -> sent => sent.unwrap() }
        }
        drop(sender);
        assert_eq!(consumer.join().unwrap(), 3 * 45);
    });
}

#[test]
fn a_leaked_rendezvous_keeps_its_partner_and_harms_nobody() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        let (mut partner, mut next) = (receiver.recv_async(), receiver.recv_async());
        assert!(peek(&mut partner).is_pending() && peek(&mut next).is_pending());
        mem::forget(choose_send(&sender));
        sender.try_send(1).unwrap();
        assert_eq!(peek(&mut next), Ok(1).into());
        let consumer = blocked({
            let receiver = receiver.clone();
            move || receiver.iter().take(20).sum::<usize>()
        });
        (0..10).for_each(|i| sender.send(i).unwrap());
        for i in 0..10 {
            select! { send(sender, i) -> sent => sent.unwrap() }
        }
        assert_eq!(consumer.join().unwrap(), 90);
        assert!(peek(&mut partner).is_pending());
        drop(partner); // a future can be taken back all the same
        assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
        drop(sender);
        assert_eq!(receiver.recv(), Err(RecvError));
    });
}

#[test]
fn a_leaked_operation_on_a_closed_channel_is_nothing() {
    watched(|| {
        for (sender, receiver) in every_kind::<u8>() {
            sender.close();
            mem::forget((choose_send(&sender), choose_recv(&receiver)));
            assert_eq!(choose_send(&sender).send(&sender, 1), Err(SendError(1)));
            assert_eq!(choose_recv(&receiver).recv(&receiver), Err(RecvError));
        }
    });
}

// A chosen operation that is completed with a wrong handle, or late.

/// Chosen and completed, given up, and leaked, whatever its size and alignment.
#[test]
fn a_chosen_value_survives_whatever_it_is() {
    fn survives<T: Clone + PartialEq + std::fmt::Debug>(value: T) {
        for (sender, receiver) in every_kind() {
            for _ in 0..3 {
                let mut send = sender.send_async(value.clone());
                let _ = peek(&mut send);
                give_up(choose_recv(&receiver));
                let operation = choose_recv(&receiver);
                assert!(receiver.is_empty());
                assert_eq!(operation.recv(&receiver), Ok(value.clone()));
                assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
            }
        }
    }
    #[derive(Clone, PartialEq, Debug)]
    #[repr(align(16))]
    struct Aligned<T>(T);
    survives(());
    survives(Aligned(()));
    survives([0_u8; 0]);
    survives(1_u8);
    survives((2_u128, Some(2_u128)));
    survives(2_u128);
    survives(Aligned(3_u8));
    survives(Aligned(vec![3_u8]));
    survives([4_u64; 3]);
    survives([5_u8; 24]);
    survives([6_u8; 25]);
    survives([7_u64; 100]);
    survives("eight".to_owned());
    survives((vec![9_u8], Box::new(10_u16), std::num::NonZeroU8::MAX));
    survives(std::cell::Cell::new(Some(Box::new(11_u32))).into_inner());
}

#[test]
fn a_wrong_handle_panics_and_loses_nothing() {
    watched(|| {
        const SAYS: &str = "the operation that was chosen is not one of this handle";
        for (sender, receiver) in every_kind::<u8>() {
            let (other_sender, other_receiver) = bounded::<u8>(1);
            let mut partner = receiver.recv_async();
            let wrong: [&dyn Fn(SelectedOperation<'_>); 3] = [
                &|operation| _ = operation.send(&other_sender, 1),
                &|operation| _ = operation.recv(&receiver),
                &|operation| _ = operation.recv(&never::<u8>()),
            ];
            for wrong in wrong {
                assert!(peek(&mut partner).is_pending());
                assert_eq!(panics(|| wrong(choose_send(&sender))), SAYS);
            }
            assert!(peek(&mut partner).is_pending() && other_receiver.is_empty());
            sender.try_send(2).unwrap();
            assert_eq!(peek(&mut partner), Ok(2).into());

            let mut send = sender.send_async(3);
            let _ = peek(&mut send);
            assert_eq!(panics(|| choose_recv(&receiver).recv(&other_receiver)), SAYS);
            assert_eq!(panics(|| choose_recv(&receiver).recv(&after(LONG))), SAYS);
            assert_eq!(panics(|| choose_recv(&receiver).send(&sender, 4)), SAYS);
            assert_eq!(receiver.try_recv(), Ok(3));
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        }
    });
}

#[test]
fn any_handle_of_the_channel_completes() {
    watched(|| {
        let (sender, receiver) = unbounded();
        choose_send(&sender).send(&sender.clone(), 1).unwrap();
        assert_eq!(choose_recv(&receiver).recv(&receiver.clone()), Ok(1));
    });
}

#[test]
fn an_operation_can_be_completed_late_and_elsewhere() {
    watched(|| {
        let (sender, receiver) = bounded(1);
        let operation = choose_send(&sender);
        assert!(sender.is_full() && sender.is_empty());
        let received = blocked(move || receiver.recv());
        operation.send(&sender, 1).unwrap();
        assert_eq!(received.join().unwrap(), Ok(1));
    });
}

#[test]
fn a_send_that_is_completed_after_the_end_is_refused() {
    watched(|| {
        for (sender, receiver) in [bounded(1), unbounded()] {
            let operation = choose_send(&sender);
            receiver.close();
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
            assert_eq!(operation.send(&sender, 1), Err(SendError(1)));
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        }
        for (sender, receiver) in [bounded(1), unbounded()] {
            let operation = choose_send(&sender);
            drop(receiver);
            assert_eq!(operation.send(&sender, 1), Err(SendError(1)));
        }
        // Nor does a task that waits for it receive it: others may have been told that nothing will come.
        let (sender, receiver) = bounded(0);
        let (wakes, waker) = Wakes::new();
        let mut partner = receiver.recv_async();
        assert!(poll(&mut partner, &waker).is_pending());
        let operation = choose_send(&sender);
        sender.close();
        assert!(poll(&mut partner, &waker).is_pending());
        assert_eq!((wakes.count(), receiver.try_recv()), (0, Err(TryRecvError::Disconnected)));
        assert_eq!((operation.send(&sender, 1), wakes.count()), (Err(SendError(1)), 1));
        assert_eq!(peek(&mut partner), Err(RecvError).into());
    });
}

/// A thread that waits has been met before the end: it waits for the value, and gets it.
#[test]
fn a_rendezvous_that_was_agreed_on_before_the_end_takes_place() {
    watched(|| {
        for (name, receive) in RECEIVES_OF_THREADS {
            let (sender, receiver) = bounded(0);
            let other = receiver.clone();
            let partner = thread::spawn(move || receive(&other));
            let operation = operations![send sender].select();
            sender.close();
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected), "{name}");
            assert_eq!(operation.send(&sender, 1), Ok(()), "{name}");
            assert_eq!(partner.join().unwrap(), Some(1), "{name}");
        }
    });
}

#[test]
fn a_receive_that_is_completed_after_the_end_has_its_value() {
    for (sender, receiver) in every_kind() {
        let mut send = sender.send_async(1);
        let _ = peek(&mut send);
        let operation = choose_recv(&receiver);
        drop(send);
        drop(sender);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(operation.recv(&receiver), Ok(1));
    }
}

#[test]
fn places_that_are_all_taken_by_chosen_operations_are_taken() {
    watched(|| {
        let (sender, receiver) = bounded(2);
        let (first, second) = (choose_send(&sender), choose_send(&sender));
        assert!(sender.is_full() && receiver.is_empty());
        assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        let mut select = operations![send sender];
        select.recv(&receiver);
        assert!(select.try_select().is_err() && select.try_ready().is_err());
        assert!(select.select_timeout(SHORT).is_err() && select.ready_timeout(SHORT).is_err());
        // With a thread that waits to receive, it goes as on a rendezvous channel.
        let other = receiver.clone();
        let partner = thread::spawn(move || other.recv());
        assert_eq!(select.select().send(&sender, 3), Ok(()));
        assert_eq!(partner.join().unwrap(), Ok(3));
        // A task that waits is no room.
        let (wakes, waker) = Wakes::new();
        let mut task = receiver.recv_async();
        assert!(poll(&mut task, &waker).is_pending());
        assert!(select.try_select().is_err() && select.try_ready().is_err());
        assert_eq!((sender.try_send(9), wakes.count()), (Err(TrySendError::Full(9)), 0));
        // Each value takes its own place, in the order in which they come.
        second.send(&sender, 2).unwrap();
        assert_eq!((receiver.len(), wakes.count()), (1, 1));
        first.send(&sender, 1).unwrap();
        assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2, 1]);
        assert!(peek(&mut task).is_pending());
    });
}

#[test]
fn a_value_for_a_taken_place_goes_to_the_receiver_that_waits() {
    watched(|| {
        for (sender, receiver) in [bounded(1), unbounded()] {
            let operation = choose_send(&sender);
            let other = receiver.clone();
            let waits = blocked(move || select! { recv(other) -> value => value });
            operation.send(&sender, 1).unwrap();
            assert_eq!(waits.join().unwrap(), Ok(1));
            assert_eq!(sender.try_send(2), Ok(()));
        }
    });
}

// A blocked select returns once something is ready (LV-SEL-1).

#[test]
fn a_blocked_select_is_woken_by_a_value() {
    watched(|| {
        for (sender, receiver) in every_kind() {
            let select =
                blocked(move || select! { recv(receiver) -> value => value, recv(never::<()>()) -> _ => panic!() });
            sender.send(1).unwrap();
            assert_eq!(select.join().unwrap(), Ok(1));
        }
    });
}

#[test]
fn a_blocked_select_is_woken_by_room() {
    watched(|| {
        for capacity in [0, 1, 3] {
            let (sender, receiver) = bounded(capacity);
            (0..capacity).for_each(|i| sender.send(i).unwrap());
            let select =
                blocked(move || select! { send(sender, 9) -> sent => sent, recv(never::<()>()) -> _ => panic!() });
            assert!(receiver.iter().eq((0..capacity).chain([9])));
            assert_eq!(select.join().unwrap(), Ok(()));
        }
    });
}

#[test]
fn a_blocked_select_is_woken_by_the_end() {
    type End = fn(Sender<u8>, Receiver<u8>);
    let ends_for_receivers: [End; 3] = [
        |sender, receiver| mem::forget((sender.close(), sender, receiver)),
        |sender, receiver| mem::forget((receiver.close(), sender, receiver)),
        |sender, receiver| mem::forget((drop(sender), receiver)),
    ];
    let ends_for_senders: [End; 3] = [
        |sender, receiver| mem::forget((sender.close(), sender, receiver)),
        |sender, receiver| mem::forget((receiver.close(), sender, receiver)),
        |sender, receiver| mem::forget((drop(receiver), sender)),
    ];
    watched(move || {
        for end in ends_for_receivers {
            for (sender, receiver) in every_kind() {
                let waits = receiver.clone();
                let select =
                    blocked(move || select! { recv(waits) -> value => value, recv(never::<()>()) -> _ => panic!() });
                end(sender, receiver);
                assert_eq!(select.join().unwrap(), Err(RecvError));
            }
        }
        for end in ends_for_senders {
            for capacity in [0, 1] {
                let (sender, receiver) = bounded(capacity);
                (0..capacity).for_each(|_| sender.send(0).unwrap());
                let waits = sender.clone();
                let select =
                    blocked(move || select! { send(waits, 7) -> sent => sent, recv(never::<()>()) -> _ => panic!() });
                end(sender, receiver);
                assert_eq!(select.join().unwrap(), Err(SendError(7)));
            }
        }
    });
}

/// Sends and receives `n` values, in whatever order they can be.
fn exchange(sender: &Sender<usize>, receiver: &Receiver<usize>, n: usize) {
    let (mut sent, mut received) = (0, 0);
    while sent < n || received < n {
        if sent == n {
            assert_eq!(receiver.recv(), Ok(received));
            received += 1;
            continue;
        }
        select! {
            send(sender, sent) -> done => {
                done.unwrap();
                sent += 1;
            }
            recv(receiver) -> value => {
                assert_eq!(value, Ok(received));
                received += 1;
            }
        }
    }
}

#[test]
fn two_selects_that_face_each_other_meet() {
    watched(|| {
        for capacity in [0, 1, 3] {
            let ((there, here), (back, again)) = (bounded(capacity), bounded(capacity));
            thread::scope(|scope| {
                scope.spawn(|| exchange(&back, &here, 2000));
                exchange(&there, &again, 2000);
            });
        }
    });
}

#[test]
fn everybody_meets_somebody_on_one_rendezvous_channel() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        for _ in 0..20 {
            let met = Mutex::new(Vec::new());
            thread::scope(|scope| {
                for me in 0..8 {
                    let (met, sender, receiver) = (&met, &sender, &receiver);
                    scope.spawn(move || {
                        select! {
                            send(sender, me) -> sent => sent.unwrap(),
                            recv(receiver) -> other => met.lock().unwrap().extend([me, other.unwrap()]),
                        }
                    });
                }
            });
            let mut met = met.into_inner().unwrap();
            met.sort();
            assert_eq!(met, [0, 1, 2, 3, 4, 5, 6, 7]);
        }
    });
}

/// A way to send or receive one value, and whether it waits: a rendezvous needs somebody who does.
type Way<F> = (&'static str, bool, F);
type SendOne = fn(&Sender<usize>, usize);
type RecvOne = fn(&Receiver<usize>) -> usize;

const SENDS: [Way<SendOne>; 10] = [
    ("send", true, |s, v| s.send(v).unwrap()),
    ("try_send", false, |s, v| {
        while s.try_send(v).is_err() {
            thread::yield_now()
        }
    }),
    ("send_timeout", true, |s, v| while s.send_timeout(v, BRIEF).is_err() {}),
    ("send_deadline", true, |s, v| s.send_deadline(v, Instant::now() + LONG).unwrap()),
    ("send_async", true, |s, v| block_on(s.send_async(v)).unwrap()),
    ("select!", true, |s, v| select! { send(s, v) -> sent => sent.unwrap(), recv(never::<()>()) -> _ => panic!() }),
    ("select_biased!, default(time)", true, |s, v| {
        loop {
            select_biased! { send(s, v) -> sent => break sent.unwrap(), default(BRIEF) => {} }
        }
    }),
    ("select!, default", false, |s, v| {
        loop {
            select! { send(s, v) -> sent => break sent.unwrap(), default => thread::yield_now() }
        }
    }),
    ("Select::select", true, |s, v| {
        let other = s.clone();
        let mut select = operations![send *s, send other];
        select.select().send(s, v).unwrap();
    }),
    ("Select::ready", false, |s, v| {
        loop {
            let mut select = Select::new();
            select.send(s);
            select.ready();
            if s.try_send(v).is_ok() {
                break;
            }
        }
    }),
];

const RECVS: [Way<RecvOne>; 10] = [
    ("recv", true, |r| r.recv().unwrap()),
    ("try_recv", false, |r| {
        loop {
            if let Ok(value) = r.try_recv() {
                break value;
            }
            thread::yield_now();
        }
    }),
    ("recv_timeout", true, |r| {
        loop {
            if let Ok(value) = r.recv_timeout(BRIEF) {
                break value;
            }
        }
    }),
    ("recv_deadline", true, |r| r.recv_deadline(Instant::now() + LONG).unwrap()),
    ("recv_async", true, |r| block_on(r.recv_async()).unwrap()),
    ("select!", true, |r| select! { recv(r) -> value => value.unwrap(), recv(never::<()>()) -> _ => panic!() }),
    ("select_biased!, default(time)", true, |r| {
        loop {
            select_biased! { recv(r) -> value => break value.unwrap(), default(BRIEF) => {} }
        }
    }),
    ("select!, default", false, |r| {
        loop {
            select! { recv(r) -> value => break value.unwrap(), default => thread::yield_now() }
        }
    }),
    ("Select::select", true, |r| {
        let other = r.clone();
        let mut select = operations![recv *r, recv other];
        select.select().recv(r).unwrap()
    }),
    ("Select::ready", false, |r| {
        loop {
            let mut select = Select::new();
            select.recv(r);
            select.ready();
            if let Ok(value) = r.try_recv() {
                break value;
            }
        }
    }),
];

const BRIEF: Duration = Duration::from_micros(100);

/// Every way to send against every way to receive.
fn every_way_meets_every_way(capacity: Option<usize>) {
    watched(move || {
        for (sends, send_waits, send) in SENDS {
            for (receives, recv_waits, recv) in RECVS {
                if capacity == Some(0) && !send_waits && !recv_waits {
                    continue;
                }
                let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
                thread::scope(|scope| {
                    scope.spawn(|| (0..10).for_each(|i| send(&sender, i)));
                    for i in 0..10 {
                        assert_eq!(recv(&receiver), i, "{sends} against {receives}");
                    }
                });
                assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "{sends} against {receives}");
            }
        }
    });
}

#[test]
fn every_way_meets_every_way_at_capacity_0() {
    every_way_meets_every_way(Some(0));
}

#[test]
fn every_way_meets_every_way_at_capacity_1() {
    every_way_meets_every_way(Some(1));
}

#[test]
fn every_way_meets_every_way_unbounded() {
    every_way_meets_every_way(None);
}

#[test]
fn ready_is_woken_by_what_makes_ready() {
    type Event = fn(&Sender<u8>, &Receiver<u8>);
    fn wakes(side: &str, capacity: usize, values: usize, event: Event) {
        let (sender, receiver) = bounded(capacity);
        (0..values).for_each(|_| sender.send(0).unwrap());
        let (to, from) = (sender.clone(), receiver.clone());
        let sends = side == "send";
        let observer = blocked(move || {
            let (mut select, never) = (Select::new(), never::<()>());
            select.recv(&never);
            if sends {
                select.send(&to)
            } else {
                select.recv(&from)
            };
            (select.ready(), select.ready_timeout(LONG), select.ready_deadline(Instant::now() + LONG))
        });
        thread::scope(|scope| {
            let event = scope.spawn(|| event(&sender, &receiver));
            assert_eq!(observer.join().unwrap(), (1, Ok(1), Ok(1)), "{side}, {capacity}");
            // Whoever waits for a partner may go.
            drop((sender.close(), event.join()));
        });
    }
    watched(|| {
        wakes("recv", 1, 0, |sender, _| sender.send(1).unwrap());
        wakes("recv", 0, 0, |sender, _| _ = sender.send(1));
        wakes("recv", 0, 0, |sender, _| _ = block_on(sender.send_async(1)));
        wakes("recv", 0, 0, |sender, _| select! { send(sender, 1) -> _ => {} });
        wakes("recv", 0, 0, |sender, _| _ = sender.close());
        wakes("recv", 1, 0, |_, receiver| _ = receiver.close());
        wakes("send", 1, 1, |_, receiver| _ = receiver.recv());
        wakes("send", 0, 0, |_, receiver| _ = receiver.recv());
        wakes("send", 0, 0, |_, receiver| _ = receiver.recv_timeout(LONG));
        wakes("send", 0, 0, |_, receiver| select! { recv(receiver) -> _ => {} });
        wakes("send", 1, 1, |_, receiver| _ = receiver.close());
        wakes("send", 1, 1, |_, receiver| mem::forget(choose_recv(receiver)));
    });
}

#[test]
fn a_thousand_arms() {
    watched(|| {
        let channels: Vec<_> = (0..1000).map(|i| bounded::<usize>(i % 3)).collect();
        let mut select = Select::new();
        channels.iter().for_each(|(_, receiver)| _ = select.recv(receiver));
        assert!(select.try_select().is_err() && select.select_timeout(Duration::from_millis(1)).is_err());
        assert!(select.try_ready().is_err() && select.ready_timeout(Duration::from_millis(1)).is_err());
        for lucky in [0, 777, 999] {
            let sender = channels[lucky].0.clone();
            let other = blocked(move || sender.send(lucky));
            assert_eq!(select.ready(), lucky);
            let operation = select.select();
            assert_eq!((operation.index(), operation.recv(&channels[lucky].1)), (lucky, Ok(lucky)));
            other.join().unwrap().unwrap();
        }
        // All of one channel, both sides.
        let (sender, receiver) = bounded(0);
        let mut select = Select::new();
        (0..500).for_each(|_| _ = (select.recv(&receiver), select.send(&sender)));
        assert!(select.select_timeout(Duration::from_millis(1)).is_err());
        thread::scope(|scope| {
            let other = scope.spawn(|| sender.send(1));
            let operation = select.select();
            assert_eq!((operation.index() % 2, operation.recv(&receiver)), (0, Ok(1)));
            other.join().unwrap().unwrap();
            let other = scope.spawn(|| receiver.recv());
            let operation = select.select();
            assert_eq!((operation.index() % 2, operation.send(&sender, 2)), (1, Ok(())));
            assert_eq!(other.join().unwrap(), Ok(2));
        });
    });
}

// A select takes no wake-up that it does not use (LV-SEL-2).

#[test]
fn what_a_select_does_not_take_goes_to_the_one_who_waits() {
    watched(|| {
        for round in 0..100 {
            let ((a, at_a), (b, at_b)) = (bounded(round % 2), bounded(round / 2 % 2));
            thread::scope(|scope| {
                let select = scope.spawn(|| {
                    select! {
                        recv(at_a) -> value => value.unwrap(),
                        recv(at_b) -> value => value.unwrap(),
                    }
                });
                let mut waits = at_b.recv_async();
                assert!(peek(&mut waits).is_pending());
                let (mut to_a, mut to_b) = (a.send_async(1), b.send_async(2));
                let mut both = [&mut to_a, &mut to_b];
                both.rotate_left(usize::from(round % 3 == 0));
                both.into_iter().for_each(|send| _ = peek(send));
                match select.join().unwrap() {
                    // The other value was for whoever waits, or waits itself.
                    1 => assert_eq!(peek(&mut waits), Ok(2).into()),
                    _ => assert_eq!((at_a.try_recv(), peek(&mut waits).is_pending()), (Ok(1), true)),
                }
            });
        }
    });
}

#[test]
fn room_that_a_select_does_not_take_goes_to_the_one_who_waits() {
    watched(|| {
        for round in 0..100 {
            let ((a, at_a), (b, at_b)) = (bounded(1), bounded(round % 2));
            a.send(0).unwrap();
            (0..round % 2).for_each(|_| b.send(0).unwrap());
            thread::scope(|scope| {
                let select = scope.spawn(|| {
                    select! {
                        send(a, 1) -> sent => (1, sent.unwrap()).0,
                        send(b, 2) -> sent => (2, sent.unwrap()).0,
                    }
                });
                let mut waits = b.send_async(3);
                assert!(peek(&mut waits).is_pending());
                assert_eq!(at_a.recv(), Ok(0));
                let first = at_b.recv().unwrap();
                match select.join().unwrap() {
                    1 if round % 2 == 1 => assert_eq!((first, peek(&mut waits)), (0, Ok(()).into())),
                    1 => assert_eq!((first, peek(&mut waits)), (3, Ok(()).into())),
                    _ if round % 2 == 1 => assert_eq!((first, peek(&mut waits).is_pending()), (0, true)),
                    _ => assert_eq!((first, peek(&mut waits).is_pending()), (2, true)),
                }
            });
        }
    });
}

/// Several selects and plain operations on the same channels: all values arrive, and nobody sleeps through the end.
#[test]
fn nobody_sleeps_through_a_value() {
    fn receive_all(receivers: &[Receiver<usize>]) -> Vec<usize> {
        let (mut select, mut values, mut open) = (Select::new(), Vec::new(), receivers.len());
        receivers.iter().for_each(|receiver| _ = select.recv(receiver));
        while open > 0 {
            let operation = select.select();
            let index = operation.index();
            match operation.recv(&receivers[index]) {
                Ok(value) => values.push(value),
                Err(RecvError) => {
                    select.remove(index);
                    open -= 1;
                }
            }
        }
        values
    }
    fn send_all(senders: &[Sender<usize>], values: std::ops::Range<usize>) {
        let mut select = Select::new();
        senders.iter().for_each(|sender| _ = select.send(sender));
        for value in values {
            let operation = select.select();
            let index = operation.index();
            operation.send(&senders[index], value).unwrap();
        }
    }
    watched(|| {
        for capacity in [Some(0), Some(1), None] {
            let ((a, at_a), (b, at_b)) = (capacity.map_or_else(unbounded, bounded), bounded(0));
            let arms = [(vec![a.clone()], 0), (vec![a.clone(), b.clone()], 400), (vec![b, a], 800)];
            let consumers = [vec![at_a.clone()], vec![at_a.clone(), at_b.clone()], vec![at_b, at_a]]
                .map(|receivers| thread::spawn(move || receive_all(&receivers)));
            let producers = arms.map(|(senders, first)| thread::spawn(move || send_all(&senders, first..first + 400)));
            producers.into_iter().for_each(|producer| producer.join().unwrap());
            let mut values: Vec<_> = consumers.into_iter().flat_map(|consumer| consumer.join().unwrap()).collect();
            values.sort();
            assert!(values.into_iter().eq(0..1200));
        }
    });
}

// Where several are ready: a fair share, or the first.

#[test]
fn each_operation_that_is_ready_gets_a_fair_share() {
    watched(|| {
        let [(s0, r0), (s1, r1), (s2, r2), (s3, r3)] = [(); 4].map(|()| unbounded());
        (0..4000).for_each(|i| _ = (s0.send(i), s1.send(i)));
        let idle = never::<u8>();
        let mut select = Select::new();
        // Those that are not ready add to nobody's share.
        (0..4).for_each(|_| _ = select.recv(&idle));
        assert_eq!([select.recv(&r0), select.recv(&r1), select.send(&s2), select.send(&s3)], [4, 5, 6, 7]);
        let mut shares = [[0; 4]; 3];
        for i in 0..2000 {
            let operation = select.select();
            let index = operation.index() - 4;
            match index {
                0 => _ = operation.recv(&r0).unwrap(),
                1 => _ = operation.recv(&r1).unwrap(),
                2 => operation.send(&s2, i).unwrap(),
                _ => operation.send(&s3, i).unwrap(),
            }
            shares[0][index] += 1;
            shares[1][select.ready() - 4] += 1;
            let index = select! {
                recv(idle) -> _ => 4,
                recv(r0) -> _ => 0,
                recv(r1) -> _ => 1,
                send(s2, i) -> _ => 2,
                send(s3, i) -> _ => 3,
            };
            shares[2][index] += 1;
        }
        assert!(shares.as_flattened().iter().all(|share| (350..650).contains(share)), "{shares:?}");
        assert_eq!(r2.len() + r3.len(), shares[0][2] + shares[0][3] + shares[2][2] + shares[2][3]);
    });
}

#[test]
fn biased_takes_the_first() {
    watched(|| {
        let ((s0, r0), (s1, r1), (s2, _r2)) = (bounded(1), unbounded(), unbounded());
        let mut select = Select::new_biased();
        assert_eq!((select.recv(&r0), select.recv(&r1), select.send(&s2)), (0, 1, 2));
        for _ in 0..100 {
            assert_eq!((select.ready(), select.try_ready(), select.ready_timeout(LONG)), (2, Ok(2), Ok(2)));
            s1.send(1).unwrap();
            assert_eq!(select.ready(), 1);
            s0.send(0).unwrap();
            let operation = select.select();
            assert_eq!((operation.index(), operation.recv(&r0)), (0, Ok(0)));
            let operation = select.try_select().unwrap();
            assert_eq!((operation.index(), operation.recv(&r1)), (1, Ok(1)));
            let operation = select.select_timeout(SHORT).unwrap();
            assert_eq!((operation.index(), operation.send(&s2, 2)), (2, Ok(())));
        }
        // Also after it has been blocked, and for a clone.
        let never = never::<u8>();
        let mut select = Select::new_biased();
        assert_eq!([select.recv(&never), select.recv(&r1), select.recv(&r0)], [0, 1, 2]);
        assert!(select.select_timeout(Duration::from_millis(1)).is_err());
        assert_eq!((s0.send(0), s1.send(1)), (Ok(()), Ok(())));
        assert_eq!((select.clone().ready(), select.ready()), (1, 1));
    });
}

// The same channel in several operations.

#[test]
fn several_receives_from_one_channel_take_one_value() {
    watched(|| {
        for (sender, receiver) in every_kind() {
            let mut chosen = [0; 3];
            for i in 0..100 {
                let mut send = sender.send_async(i);
                let _ = peek(&mut send);
                let (arm, value) = select! {
                    recv(receiver) -> value => (0, value),
                    recv(receiver) -> value => (1, value),
                    recv(receiver.clone()) -> value => (2, value),
                };
                assert_eq!((value, receiver.try_recv()), (Ok(i), Err(TryRecvError::Empty)));
                chosen[arm] += 1;
            }
            assert!(chosen.iter().all(|&times| times > 10), "{chosen:?}");
            let waits = receiver.clone();
            let select = blocked(move || {
                select! {
                    recv(waits) -> value => value,
                    recv(waits) -> value => value,
                }
            });
            sender.send(1).unwrap();
            assert_eq!(select.join().unwrap(), Ok(1));
            let mut late = receiver.recv_async();
            assert!(peek(&mut late).is_pending());
            sender.try_send(2).unwrap(); // the other arm has left the line
            assert_eq!(peek(&mut late), Ok(2).into());
        }
    });
}

#[test]
fn several_sends_to_one_channel_send_one_message() {
    watched(|| {
        for (sender, receiver) in every_kind() {
            let mut receive = receiver.recv_async();
            assert!(peek(&mut receive).is_pending());
            select! {
                send(sender, 1) -> sent => sent.unwrap(),
                send(sender, 1) -> sent => sent.unwrap(),
            }
            assert_eq!(peek(&mut receive), Ok(1).into());
            (0..sender.capacity().unwrap_or(0)).for_each(|_| sender.send(0).unwrap());
            let other = sender.clone();
            let select = blocked(move || {
                select! {
                    send(other, 2) -> sent => sent,
                    send(other, 2) -> sent => sent,
                    send(other, 2) -> sent => sent,
                }
            });
            assert_eq!(receiver.iter().find(|value| *value != 0), Some(2));
            assert_eq!(select.join().unwrap(), Ok(()));
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        }
    });
}

#[test]
fn a_select_does_not_meet_itself() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        let mut select = operations![recv receiver, send sender, recv receiver];
        assert!(select.try_select().is_err() && select.try_ready().is_err());
        assert!(select.select_timeout(SHORT).is_err() && select.ready_timeout(SHORT).is_err());
        for i in 0..100 {
            thread::scope(|scope| {
                let (sender, receiver) = (&sender, &receiver);
                let select = scope.spawn(move || {
                    select! {
                        recv(receiver) -> value => value.unwrap(),
                        send(sender, -i) -> sent => (sent.unwrap(), -i).1,
                    }
                });
                if i % 2 == 0 {
                    sender.send(i).unwrap();
                    assert_eq!(select.join().unwrap(), i);
                } else {
                    assert_eq!(receiver.recv(), Ok(-i));
                    assert_eq!(select.join().unwrap(), -i);
                }
            });
        }
    });
}

#[test]
fn both_sides_of_a_channel_with_room_take_turns() {
    watched(|| {
        let (sender, receiver) = bounded(1);
        for i in 0..100 {
            select! {
                send(sender, i) -> sent => assert_eq!((sent, i % 2), (Ok(()), 0)),
                recv(receiver) -> value => assert_eq!((value, i % 2), (Ok(i - 1), 1)),
                default => panic!("one of them is ready"),
            }
        }
    });
}

// The set of operations.

#[test]
fn operations_keep_their_numbers() {
    watched(|| {
        let channels = [(); 4].map(|()| unbounded());
        let mut select = Select::new();
        for (i, (sender, receiver)) in channels.iter().enumerate() {
            sender.send(i).unwrap();
            assert_eq!(select.recv(receiver), i);
        }
        select.remove(1);
        select.remove(3);
        let clone = select.clone();
        for mut select in [select, clone] {
            for expected in [vec![0, 2, 4], vec![2, 4], vec![4]] {
                if expected.len() == 3 {
                    assert_eq!(select.recv(&channels[3].1), 4);
                }
                let found: Vec<_> = (0..100).map(|_| select.ready()).collect();
                assert!(expected.iter().all(|index| found.contains(index)), "{found:?}");
                assert!(found.iter().all(|index| expected.contains(index)), "{found:?}");
                select.remove(expected[0]);
            }
            assert_eq!(select.recv(&channels[0].1), 5);
            assert_eq!(select.ready(), 5);
        }
    });
}

#[test]
fn a_missing_operation_cannot_be_removed() {
    watched(|| {
        let (sender, receiver) = unbounded::<u8>();
        let mut select = Select::default();
        assert_eq!((select.recv(&receiver), select.send(&sender)), (0, 1));
        select.remove(0);
        assert_eq!(panics(|| select.remove(0)), "there is no operation 0 in this `Select`");
        assert_eq!(panics(|| select.remove(2)), "there is no operation 2 in this `Select`");
        assert_eq!(select.ready(), 1);
    });
}

#[test]
fn an_empty_set_does_not_wait_for_ever() {
    watched(|| {
        let (_sender, receiver) = unbounded::<u8>();
        let mut emptied = Select::new();
        emptied.recv(&receiver);
        emptied.remove(0);
        for mut select in [Select::new(), Select::new_biased(), emptied] {
            assert_eq!(panics(|| select.select()), "no operations have been added to `Select`");
            assert_eq!(panics(|| select.ready()), "no operations have been added to `Select`");
            assert!(select.try_select().is_err() && select.try_ready().is_err());
            let begun = Instant::now();
            assert!(select.select_timeout(SHORT).is_err() && select.ready_timeout(SHORT).is_err());
            assert!(begun.elapsed() >= 2 * SHORT);
        }
    });
}

#[test]
fn a_set_is_used_again_and_again() {
    watched(|| {
        let ((s0, r0), (s1, r1)) = (bounded(0), bounded(1));
        thread::scope(|scope| {
            scope.spawn(|| (0..300).for_each(|i| s0.send(i).unwrap()));
            scope.spawn(|| (0..300).for_each(|i| s1.send(i).unwrap()));
            let mut select = operations![recv r0, recv r1];
            let mut next = [0, 0];
            while next != [300, 300] {
                let operation = match next[0] % 3 {
                    0 => select.select(),
                    1 => select.select_timeout(LONG).unwrap(),
                    _ => select.select_deadline(Instant::now() + LONG).unwrap(),
                };
                let index = operation.index();
                assert_eq!(operation.recv([&r0, &r1][index]), Ok(next[index]));
                next[index] += 1;
                assert!(next[0] < 300 || next[1] == 300 || select.ready() == 1);
            }
        });
    });
}

#[test]
fn a_set_and_its_clone_may_block_on_two_threads() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        let mut select = operations![recv receiver];
        let mut clone = select.clone();
        thread::scope(|scope| {
            let other = scope.spawn(|| clone.select().recv(&receiver));
            let sends = scope.spawn(|| (sender.send(1), sender.send(2)));
            let mut received = [select.select().recv(&receiver), other.join().unwrap()];
            received.sort_by_key(|value| value.unwrap());
            assert_eq!(received, [Ok(1), Ok(2)]);
            assert_eq!(sends.join().unwrap(), (Ok(()), Ok(())));
        });
    });
}

// Time.

#[test]
fn a_select_is_never_early() {
    watched(|| {
        let (sender, receiver) = bounded::<u8>(0);
        let mut select = operations![recv receiver, send sender];
        let waits: [fn(&mut Select<'_>); 5] = [
            |select| assert!(select.select_timeout(SHORT).is_err()),
            |select| assert!(select.select_deadline(Instant::now() + SHORT).is_err()),
            |select| assert!(select.ready_timeout(SHORT).is_err()),
            |select| assert!(select.ready_deadline(Instant::now() + SHORT).is_err()),
            |_| select! { recv(never::<()>()) -> _ => panic!(), default(SHORT) => {} },
        ];
        for wait in waits {
            let begun = Instant::now();
            wait(&mut select);
            assert!(begun.elapsed() >= SHORT);
        }
    });
}

#[test]
fn a_time_too_long_is_none() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        let selects: [fn(&Receiver<u8>) -> u8; 4] = [
            |receiver| {
                let mut select = Select::new();
                select.recv(receiver);
                select.select_timeout(Duration::MAX).unwrap().recv(receiver).unwrap()
            },
            |receiver| {
                let mut select = Select::new();
                select.recv(receiver);
                select.ready_timeout(Duration::MAX).unwrap() as u8 + receiver.recv().unwrap()
            },
            |receiver| select! { recv(receiver) -> value => value.unwrap(), default(Duration::MAX) => 0 },
            |receiver| select! { recv(receiver) -> value => value.unwrap(), recv(after(Duration::MAX)) -> _ => 0 },
        ];
        for select in selects {
            let receiver = receiver.clone();
            let select = blocked(move || select(&receiver));
            sender.send(7).unwrap();
            assert_eq!(select.join().unwrap(), 7);
        }
    });
}

#[test]
fn a_thread_that_ends_may_select() {
    struct AtTheEnd(Sender<i32>, Receiver<i32>);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            select! { recv(self.1) -> value => self.0.send(value.unwrap() + 1).unwrap() }
            select! { recv(self.1) -> _ => {}, default(Duration::from_millis(1)) => self.0.send(0).unwrap() }
        }
    }
    thread_local! {
        static END: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) };
    }
    watched(|| {
        let ((there, here), (back, again)) = (bounded(0), bounded(0));
        let ends = thread::spawn(move || END.set(Some(AtTheEnd(back, here))));
        there.send(1).unwrap();
        assert_eq!(again.iter().collect::<Vec<_>>(), [2, 0]);
        ends.join().unwrap();
    });
}

/// SF-CH-4: a promise whose receive has been dropped is no way past the end.
#[test]
fn nothing_comes_after_the_end() {
    let (sender, receiver) = bounded(0);
    let mut receive = receiver.recv_async();
    assert!(peek(&mut receive).is_pending());
    let mut select = operations![send sender];
    let operation = select.select(); // promised to `receive`
    drop(receive);
    receiver.close();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    let sent = operation.send(&sender, 1);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(sent, Err(SendError(1)));
}

/// SF-CH-4: nor is a receive that has been chosen, and is given up.
#[test]
fn nothing_comes_after_the_end_from_what_is_given_up() {
    watched(|| {
        for (name, receive) in receives() {
            for (i, (sender, receiver)) in every_kind().into_iter().chain(every_kind()).enumerate() {
                let mut send = sender.send_async(1);
                let _ = peek(&mut send);
                let (operation, mut values) = (choose_recv(&receiver), receiver.iter());
                drop(send);
                assert!(i % 2 == 0 || receiver.close());
                drop(sender);
                let mut stream = receiver.stream();
                assert_eq!((receive(&receiver), values.next()), (None, None), "{name}");
                assert_eq!(peek(&mut pin!(stream.next())), None.into());
                give_up(operation);
                assert_eq!((receiver.len(), values.next()), (0, None), "after {name}");
                assert_eq!(peek(&mut pin!(stream.next())), None.into());
                assert!(receives().all(|(_, receive)| receive(&receiver).is_none()), "after {name}");
            }
        }
    });
}

/// One that waited for it and was told of the end is told the truth, too.
#[test]
fn whoever_is_woken_by_the_end_receives_nothing_after_it() {
    watched(|| {
        for (name, receive) in RECEIVES_OF_THREADS {
            for (sender, receiver) in every_kind() {
                let mut send = sender.send_async(1);
                let _ = peek(&mut send);
                let operation = choose_recv(&receiver);
                let (seen, sees) = mpsc::channel();
                let other = receiver.clone();
                let waits = blocked(move || (0..2).for_each(|_| seen.send(receive(&other)).unwrap()));
                let mut task = receiver.recv_async();
                assert!(peek(&mut task).is_pending());
                sender.close();
                assert_eq!(sees.recv(), Ok(None), "{name}");
                give_up(operation);
                assert_eq!((sees.recv(), peek(&mut task)), (Ok(None), Err(RecvError).into()), "{name}");
                waits.join().unwrap();
            }
        }
    });
}

/// A small value and a large one. Where another is left, nobody has been told of an end.
#[test]
fn a_last_value_that_is_given_up_after_the_end_goes_with_the_channel() {
    fn check<T>(with: impl Fn(Tracked) -> T, number: impl Fn(&T) -> usize) {
        for (sender, receiver) in every_kind() {
            let drops = Drops::new(1);
            let mut send = sender.send_async(with(drops.value(0)));
            let _ = peek(&mut send);
            let operation = choose_recv(&receiver);
            sender.close();
            give_up(operation);
            assert!(receiver.try_recv().is_err_and(|error| error.is_disconnected()));
            assert_eq!((drops.counts(), receiver.len()), (vec![0], 0));
            drop(receiver);
            assert_eq!(drops.counts(), [1]);
        }
        for (sender, receiver) in [bounded(2), unbounded()] {
            let drops = Drops::new(2);
            (0..2).for_each(|i| assert!(sender.try_send(with(drops.value(i))).is_ok()));
            let operation = choose_recv(&receiver);
            sender.close();
            give_up(operation);
            assert_eq!((drops.counts(), receiver.len()), (vec![0, 0], 2));
            assert!(receiver.try_iter().map(|value| number(&value)).eq([0, 1]));
            assert_eq!(drops.counts(), [1, 1]);
        }
    }
    check(|value| value, |value| value.number);
    check(|value| (value, [0_u64; 8]), |value| value.0.number);
}

/// The same with no receiver left: the value comes back.
#[test]
fn a_send_to_nobody_is_refused() {
    let drops = Drops::new(1);
    let (sender, receiver) = bounded(0);
    let mut receive = receiver.recv_async();
    assert!(peek(&mut receive).is_pending());
    let mut select = operations![send sender];
    let operation = select.select();
    drop(receive);
    drop(receiver);
    assert_eq!(operation.send(&sender, drops.value(0)).map_err(drop), Err(()));
    assert_eq!(drops.counts(), [1]);
}

/// Each thread's choices begin elsewhere: the first of a thread is by chance, too.
#[test]
fn the_first_choice_of_a_thread_is_by_chance() {
    let pick = || {
        let ((first, a), (second, b)) = (unbounded(), unbounded());
        first.send(()).unwrap();
        second.send(()).unwrap();
        let mut select = Select::new();
        assert_eq!([select.recv(&a), select.recv(&b)], [0, 1]);
        (select.ready(), select! { recv(a) -> _ => 0, recv(b) -> _ => 1 })
    };
    let mut shares = [[0; 2]; 3];
    for _ in 0..300 {
        let (ready, selected) = thread::spawn(pick).join().unwrap();
        shares[0][ready] += 1;
        shares[1][selected] += 1;
        shares[2][usize::from(ready == selected)] += 1;
    }
    assert!(shares.as_flattened().iter().all(|share| *share > 60), "{shares:?}");
}

/// Which operations of a set happen that is met by `meet` alone, which succeeds once the set stands in line.
fn shares_in_line<'a>(
    mut select: Select<'a>,
    complete: impl Fn(SelectedOperation<'a>),
    meet: impl Fn() -> bool + Sync,
) -> [u32; 3] {
    let mut shares = [0; 3];
    for _ in 0..300 {
        thread::scope(|scope| {
            scope.spawn(|| {
                while !meet() {
                    thread::yield_now();
                }
            });
            let operation = select.select();
            shares[operation.index()] += 1;
            complete(operation);
        });
    }
    shares
}

/// Whoever comes while a select waits finds all its arms in line.
#[test]
fn the_arms_of_one_channel_in_which_a_select_waits_get_a_fair_share() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        for biased in [false, true] {
            let new = || if biased { Select::new_biased() } else { Select::new() };
            let mut receives = new();
            (0..3).for_each(|_| _ = receives.recv(&receiver));
            let receives = shares_in_line(
                receives,
                |operation| operation.recv(&receiver).unwrap(),
                || sender.try_send(()).is_ok(),
            );
            let mut sends = new();
            (0..3).for_each(|_| _ = sends.send(&sender));
            let sends =
                shares_in_line(sends, |operation| operation.send(&sender, ()).unwrap(), || receiver.try_recv().is_ok());
            for shares in [receives, sends] {
                let is_fair = if biased { shares == [300, 0, 0] } else { shares.iter().all(|n| *n > 40) };
                assert!(is_fair, "{shares:?}");
            }
        }
    });
}

/// Also beyond 64 operations.
#[test]
fn a_fair_share_of_many() {
    let channels: Vec<_> = (0..65).map(|_| unbounded()).collect();
    let mut select = Select::new();
    channels.iter().for_each(|(_, receiver)| _ = select.recv(receiver));
    channels[63..].iter().for_each(|(sender, _)| sender.send(()).unwrap());
    let mut shares = [0; 2];
    (0..10_000).for_each(|_| shares[select.ready() - 63] += 1);
    assert!(shares.iter().all(|share| *share > 4000), "{shares:?}");
}

/// As crossbeam-channel has it: what nothing can end is refused.
#[test]
#[should_panic(expected = "no operations have been added")]
fn an_empty_set_with_a_time_too_long() {
    let _ = Select::new().select_timeout(Duration::MAX);
}

/// A body with an `await` leaves its future `Send`.
#[test]
fn bodies_may_await() {
    fn sendable<F: Future + Send>(future: F) -> F {
        future
    }
    let (sender, receiver) = unbounded();
    sender.send(7).unwrap();
    let sum = sendable(async move {
        select! {
            recv(receiver) -> value => value.unwrap() + std::future::ready(1).await,
            default => std::future::ready(0).await,
        }
    });
    assert_eq!(block_on(sum), 8);
}

// How much of the stack a select takes. An overflow aborts the process.

/// One of many operations needs no more than one of few.
#[test]
fn a_select_of_many_operations_fits_a_small_stack() {
    const MANY: usize = 20_000;
    const BRIEF: Duration = Duration::from_millis(1);
    const LOOKS: [fn(&mut Select<'_>); 6] = [
        |select| assert!(select.try_select().is_err()),
        |select| assert!(select.select_timeout(BRIEF).is_err()),
        |select| assert!(select.select_deadline(Instant::now() + BRIEF).is_err()),
        |select| assert!(select.try_ready().is_err()),
        |select| assert!(select.ready_timeout(BRIEF).is_err()),
        |select| assert!(select.ready_deadline(Instant::now() + BRIEF).is_err()),
    ];
    fn on_a_small_stack(code: impl FnOnce() + Send) {
        let small = || thread::Builder::new().stack_size(64 << 10);
        thread::scope(|scope| small().spawn_scoped(scope, code).unwrap().join().unwrap());
    }
    fn looks<'a, H: Sync>(handles: &'a [H], add: impl Fn(&mut Select<'a>, &'a H) + Sync) {
        on_a_small_stack(|| {
            for mut select in [Select::new(), Select::new_biased()] {
                handles.iter().for_each(|handle| add(&mut select, handle));
                LOOKS.iter().for_each(|look| look(&mut select));
            }
        });
    }
    watched(|| {
        let channels: Vec<_> = (0..MANY).map(|i| bounded(i % 3)).collect();
        looks(&channels, |select, (_, receiver)| _ = select.recv(receiver));
        on_a_small_stack(|| {
            let mut select = Select::new();
            channels.iter().for_each(|(_, receiver)| _ = select.recv(receiver));
            let send = blocked({
                let sender = channels[MANY / 2].0.clone();
                move || sender.send(7)
            });
            assert_eq!(select.ready(), MANY / 2);
            assert_eq!(select.select().recv(&channels[MANY / 2].1), Ok(7));
            assert_eq!(send.join().unwrap(), Ok(()));
        });
        channels.iter().for_each(|(sender, _)| while sender.try_send(0).is_ok() {});
        looks(&channels, |select, (sender, _)| _ = select.send(sender));

        let tokens: Vec<_> = (0..MANY).map(|_| CancellationToken::new()).collect();
        let done: Vec<_> = tokens.iter().map(CancellationToken::done).collect();
        let timed: Vec<_> = tokens.iter().map(|token| token.with_timeout(LONG).done()).collect();
        looks(&done, |select, done| _ = select.recv(done));
        looks(&timed, |select, done| _ = select.recv(done));
        on_a_small_stack(|| {
            let mut select = Select::new();
            done.iter().for_each(|done| _ = select.recv(done));
            let cancel = blocked({
                let token = tokens[MANY / 2].clone();
                move || token.cancel()
            });
            assert_eq!(select.ready(), MANY / 2);
            assert!(select.select().recv(&done[MANY / 2]).is_err() && cancel.join().unwrap());
        });

        let timers: Vec<_> = (0..MANY).map(|i| if i % 2 == 0 { after(LONG) } else { tick(LONG) }).collect();
        looks(&timers, |select, timer| _ = select.recv(timer));
        let never: Vec<_> = (0..MANY).map(|_| never::<u8>()).collect();
        looks(&never, |select, never| _ = select.recv(never));
    });
}

#[test]
#[cfg_attr(miri, ignore = "its stack is not the compiler's")]
fn a_look_for_a_large_value_needs_no_more_stack_than_elsewhere() {
    watched(|| {
        each_fits(
            LOOKS,
            [
                (6, || {
                    let (_sender, receiver) = bounded::<Large>(0);
                    select! { recv(receiver) -> _ => panic!(), default => {} }
                }),
                // measured: 7, without LTO 7
                (7, || {
                    let (_sender, receiver) = bounded::<Large>(0);
                    select! { recv(receiver) -> _ => panic!(), default(Duration::from_millis(1)) => {} }
                }),
                (6, || {
                    let (_sender, receiver) = bounded::<Large>(0);
                    let mut select = operations![recv receiver];
                    assert!(select.try_select().is_err() && select.select_timeout(SHORT).is_err());
                    assert!(select.try_ready().is_err() && select.ready_timeout(SHORT).is_err());
                }),
            ],
        );
    });
}

#[test]
#[cfg_attr(miri, ignore = "its stack is not the compiler's")]
fn a_large_value_needs_no_more_stack_than_elsewhere() {
    watched(|| {
        each_fits(
            MOVES,
            [
                // measured: 5, without LTO 8
                (8, || {
                    let (sender, receiver) = bounded(1);
                    sender.send([1_u8; LARGE]).unwrap();
                    select! { recv(receiver) -> value => assert_eq!(value.unwrap()[LARGE - 1], 1) }
                }),
                // measured: 8, without LTO 8
                (8, || {
                    let (sender, receiver) = bounded(1);
                    select! { send(sender, [1_u8; LARGE]) -> sent => sent.unwrap() }
                    assert_eq!(receiver.recv().unwrap()[LARGE - 1], 1);
                }),
                // measured: 5, without LTO 8
                (8, || {
                    let (sender, receiver) = bounded(1);
                    sender.send([1_u8; LARGE]).unwrap();
                    assert_eq!(operations![recv receiver].select().recv(&receiver).unwrap()[LARGE - 1], 1);
                }),
                // measured: 7, without LTO 7
                (7, || {
                    let (sender, receiver) = bounded(1);
                    operations![send sender].select().send(&sender, [1_u8; LARGE]).unwrap();
                    assert_eq!(receiver.recv().unwrap()[LARGE - 1], 1);
                }),
                // measured: 7, without LTO 8
                (8, || {
                    let (sender, receiver) = bounded(1);
                    sender.send([1_u8; LARGE]).unwrap();
                    give_up(choose_recv(&receiver));
                    assert_eq!(receiver.len(), 1);
                }),
                (6, || {
                    let (sender, _) = bounded(1);
                    select! {
                        send(sender, [1_u8; LARGE]) -> sent => assert_eq!(sent.unwrap_err().into_inner()[LARGE - 1], 1),
                    }
                }),
            ],
        );
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
                // measured: 9, without LTO 10
                (
                    10,
                    (
                        |sender| sender.send([1; LARGE]).unwrap(),
                        |receiver| select! { recv(receiver) -> value => assert_eq!(value.unwrap()[LARGE - 1], 1) },
                    ),
                ),
                // measured: 9, without LTO 9
                (
                    9,
                    (
                        |sender| select! { send(sender, [1; LARGE]) -> sent => sent.unwrap() },
                        |receiver| assert_eq!(receiver.recv().unwrap()[LARGE - 1], 1),
                    ),
                ),
                // measured: 9, without LTO 10
                (
                    10,
                    (
                        |sender| select! { send(sender, [1; LARGE]) -> sent => sent.unwrap() },
                        |receiver| select! { recv(receiver) -> value => assert_eq!(value.unwrap()[LARGE - 1], 1) },
                    ),
                ),
            ],
        );
    });
}

// What they say.

#[test]
fn what_the_errors_of_ready_say() {
    assert_eq!(TryReadyError.to_string(), "no operation in select is ready");
    assert_eq!(ReadyTimeoutError.to_string(), "timed out waiting for an operation in select to become ready");
}
