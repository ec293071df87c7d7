//! User code that the crate runs, destructors of values and wakers, made hostile: it calls the channel that runs it
//! (no lock may be held then), or it panics (nothing else may be lost by that).
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use hence::channel::{Receiver, RecvError, Select, SendError, Sender, TryRecvError, bounded, select, unbounded};
use hence::{CancellationToken, WaitGroup};
use util::{Drops, OnDrop, Tracked, Use, Wakes, block_on, give_up, hooked, operations, peek, poll, watched};

/// Runs code that is expected to panic with "hostile".
fn panics<R>(code: impl FnOnce() -> R) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(code)) else { panic!("the panic did not come out") };
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"hostile"));
}

/// A waker that panics when it is used in one way.
fn panicking(on: Use) -> Waker {
    hooked(move |used| {
        if used == on {
            panic!("hostile");
        }
    })
}

// Re-entry.

/// Everything that can be asked of a channel without blocking.
fn use_all<T: Send>(sender: &Sender<T>, receiver: &Receiver<T>, value: impl Fn() -> T) {
    assert_eq!((sender.len(), sender.is_full()), (receiver.len(), receiver.is_full()));
    drop((sender.clone(), receiver.clone()));
    let _ = sender.try_send(value());
    let _ = receiver.try_recv();
    let _ = peek(&mut sender.send_async(value()));
    let _ = peek(&mut receiver.recv_async());
}

/// A waker that uses its channel, and says how it was used itself.
fn reentrant(sender: &Sender<u8>, receiver: &Receiver<u8>, uses: &Arc<Mutex<Vec<Use>>>) -> Waker {
    let (sender, receiver, uses) = (sender.clone(), receiver.clone(), uses.clone());
    hooked(move |used| {
        uses.lock().unwrap().push(used);
        use_all(&sender, &receiver, || 7);
    })
}

/// What the futures return depends on what the wakers did; what counts is that everything returns.
fn was_used_in_every_way(uses: &Mutex<Vec<Use>>) {
    let uses = uses.lock().unwrap();
    assert!([Use::Clone, Use::Wake, Use::Drop].iter().all(|used| uses.contains(used)), "{uses:?}");
}

#[test]
fn a_blocked_receivers_waker_may_use_its_channel() {
    watched(|| {
        for (sender, receiver) in [bounded(0), bounded(1), bounded(2), unbounded()] {
            let uses = Arc::default();
            for ending in 0..4 {
                let mut receive = receiver.recv_async();
                let _ = poll(&mut receive, &reentrant(&sender, &receiver, &uses));
                let _ = poll(&mut receive, &reentrant(&sender, &receiver, &uses)); // drops the first
                match ending {
                    0 => _ = sender.try_send(1),
                    1 => drop(receive),
                    2 => assert!(sender.close()),
                    _ => _ = receiver.try_recv(),
                }
            }
            was_used_in_every_way(&uses);
        }
    });
}

#[test]
fn a_waker_that_leaves_the_line_may_use_its_channel() {
    watched(|| {
        for (sender, receiver) in [bounded(0), bounded(1), bounded(2), unbounded()] {
            let ends = (sender.clone(), receiver.clone());
            let waker = hooked(move |used| {
                if let Use::Drop = used {
                    use_all(&ends.0, &ends.1, || 7);
                }
            });
            let mut receive = receiver.recv_async();
            assert!(poll(&mut receive, &waker).is_pending());
            drop(receive);
            // It takes what another was told of.
            let (mut told, mut behind) = (receiver.recv_async(), receiver.recv_async());
            assert!(peek(&mut told).is_pending() && poll(&mut behind, &waker).is_pending());
            sender.try_send(1).unwrap();
            assert_eq!(peek(&mut behind), Poll::Ready(Ok(1)));
        }
    });
}

#[test]
fn a_blocked_senders_waker_may_use_its_channel() {
    watched(|| {
        let uses = Arc::default();
        for capacity in [0, 1, 2] {
            let (sender, receiver) = bounded(capacity);
            for ending in 0..4 {
                let mut send = sender.send_async(1);
                (0..capacity).for_each(|_| _ = sender.try_send(0));
                if poll(&mut send, &reentrant(&sender, &receiver, &uses)).is_pending() {
                    let _ = poll(&mut send, &reentrant(&sender, &receiver, &uses)); // drops the first
                }
                match ending {
                    0 => _ = receiver.try_recv(),
                    1 => drop(send),
                    2 => assert!(receiver.try_iter().count() <= 3),
                    _ => assert!(receiver.close()),
                }
            }
        }
        was_used_in_every_way(&uses);
    });
}

#[test]
fn a_wait_groups_waker_may_use_it() {
    watched(|| {
        let group = WaitGroup::new();
        let hook = || {
            let group = group.clone();
            hooked(move |_| {
                drop((group.guard(), group.count()));
                let _ = peek(&mut group.wait_async());
            })
        };
        let guard = group.guard();
        let (mut one, mut two) = (group.wait_async(), group.wait_async());
        assert!(poll(&mut one, &hook()).is_pending() && poll(&mut one, &hook()).is_pending());
        assert!(poll(&mut two, &hook()).is_pending());
        drop(two);
        drop(guard);
        assert!(poll(&mut one, &hook()).is_ready());
    });
}

#[test]
fn a_value_may_use_its_channel_when_it_is_dropped_inside() {
    watched(|| {
        let (sender, receiver) = bounded(2);
        let seen = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..2 {
            let (seen, inside) = (seen.clone(), sender.clone());
            let value = OnDrop::new(move || {
                let refused = inside.try_send(OnDrop::nothing()).is_err_and(|error| error.is_disconnected());
                seen.lock().unwrap().push((inside.len(), inside.is_closed(), inside.close(), refused));
            });
            assert!(sender.send(value).is_ok());
        }
        drop(receiver);
        assert_eq!(*seen.lock().unwrap(), [(0, true, false, true); 2]);
    });
}

#[test]
fn a_value_may_use_its_channel_when_it_goes_with_its_future() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        let (inside, other) = (sender.clone(), receiver.clone());
        let mut send = sender.send_async(OnDrop::new(move || use_all(&inside, &other, OnDrop::nothing)));
        assert!(peek(&mut send).is_pending());
        drop(send);
        assert!(receiver.try_recv().is_err());
    });
}

#[test]
fn a_waker_may_drop_the_last_handles() {
    watched(|| {
        let (sender, receiver) = unbounded::<u8>();
        let last = Mutex::new(Some(sender));
        let other = last.lock().unwrap().clone().unwrap();
        let mut receive = receiver.recv_async();
        let waker = hooked(move |used| {
            if used == Use::Wake {
                drop(last.lock().unwrap().take());
            }
        });
        assert!(poll(&mut receive, &waker).is_pending());
        other.send(1).unwrap();
        drop(other);
        assert_eq!(peek(&mut receive), Ok(1).into());
        assert_eq!(peek(&mut receive), Err(RecvError).into());
    });
}

// Panics.

/// A value that counts its drop, and panics in it.
struct Hostile(Tracked);

impl Drop for Hostile {
    fn drop(&mut self) {
        if self.0.number == 1 {
            panic!("hostile");
        }
    }
}

#[test]
fn a_destructor_that_panics_costs_no_other_value() {
    watched(|| {
        let drops = Drops::new(4);
        let (sender, receiver) = bounded(3);
        (0..3).for_each(|i| assert!(sender.send(Hostile(drops.value(i))).is_ok()));
        let (wakes, waker) = Wakes::new();
        let mut blocked = sender.send_async(Hostile(drops.value(3)));
        assert!(poll(&mut blocked, &waker).is_pending());
        panics(|| drop(receiver));
        assert_eq!(drops.counts(), [1, 1, 1, 0]);
        // The channel is disconnected as it would have been, and who waited has been told.
        assert!(sender.is_closed() && sender.is_empty());
        assert_eq!(wakes.count(), 1);
        let Poll::Ready(Err(SendError(value))) = peek(&mut blocked) else { panic!("the send did not fail") };
        assert_eq!(value.0.number, 3);
    });
}

#[test]
fn a_destructor_that_panics_costs_no_value_that_nobody_fetched() {
    // Two futures have been told, and are dropped.
    let drops = Drops::new(3);
    let (sender, receiver) = bounded(3);
    let (mut one, mut two) = (receiver.recv_async(), receiver.recv_async());
    assert!(peek(&mut one).is_pending() && peek(&mut two).is_pending());
    (0..3).for_each(|i| assert!(sender.try_send(Hostile(drops.value(i))).is_ok()));
    drop((one, two));
    panics(|| drop(receiver));
    assert_eq!(drops.counts(), [1, 1, 1]);
}

#[test]
fn a_destructor_that_panics_costs_no_value_put_back() {
    let drops = Drops::new(4);
    let (sender, receiver) = bounded(2);
    (0..2).for_each(|i| assert!(sender.try_send(Hostile(drops.value(i))).is_ok()));
    let chosen = [(); 2].map(|()| operations![recv receiver].select());
    (2..4).for_each(|i| assert!(sender.try_send(Hostile(drops.value(i))).is_ok()));
    chosen.into_iter().for_each(give_up);
    assert_eq!(receiver.len(), 4);
    panics(|| drop(receiver));
    assert_eq!(drops.counts(), [1, 1, 1, 1]);
}

/// Nobody receives it: it goes with the channel.
#[test]
fn a_destructor_that_panics_may_be_that_of_a_value_given_up_after_the_end() {
    let drops = Drops::new(2);
    let (sender, receiver) = unbounded();
    assert!(sender.send(Hostile(drops.value(1))).is_ok());
    let chosen = operations![recv receiver].select();
    drop(sender);
    give_up(chosen);
    assert!(receiver.try_recv().is_err_and(|error| error.is_disconnected()));
    assert_eq!(drops.counts(), [0, 0]);
    panics(|| drop(receiver));
    assert_eq!(drops.counts(), [0, 1]);
}

#[test]
fn a_destructor_that_panics_leaves_the_channel_usable() {
    let drops = Drops::new(3);
    let (sender, receiver) = bounded(0);
    let mut send = sender.send_async(Hostile(drops.value(1)));
    assert!(peek(&mut send).is_pending());
    panics(|| drop(send));
    assert_eq!(drops.counts(), [0, 1, 0]);
    let mut receive = receiver.recv_async();
    assert!(peek(&mut receive).is_pending());
    assert!(sender.try_send(Hostile(drops.value(2))).is_ok());
    assert!(peek(&mut receive).is_ready());
    assert_eq!(drops.counts(), [0, 1, 1]);
}

#[test]
fn two_wakers_that_panic_at_once_cost_no_value() {
    let (sender, receiver) = bounded(1);
    let mut select = Select::new();
    select.send(&sender);
    let place = select.try_select().unwrap();
    let (mut told, mut behind) = (receiver.recv_async(), receiver.recv_async());
    let [old, new] = [(); 2].map(|()| ManuallyDrop::new(panicking(Use::Drop)));
    assert!(peek(&mut told).is_pending() && poll(&mut behind, &old).is_pending());
    let mut send = sender.send_async(1);
    assert!(peek(&mut send).is_pending()); // the first is told
    assert_eq!(poll(&mut behind, &new), Poll::Ready(Ok(1))); // neither waker is needed any more
    place.send(&sender, 2).unwrap();
    assert_eq!(peek(&mut told), Poll::Ready(Ok(2)));
}

#[test]
fn a_waker_that_panics_on_a_send_costs_no_value() {
    let (sender, receiver) = bounded(0);
    let mut receive = receiver.recv_async();
    assert!(poll(&mut receive, &panicking(Use::Wake)).is_pending());
    panics(|| sender.try_send(1));
    assert_eq!(peek(&mut receive), Ok(1).into());
}

/// A receive that makes room for the task returns its value all the same.
#[test]
fn a_waker_that_panics_on_a_receive_costs_no_value() {
    type Receive = fn(&Receiver<Tracked>) -> Option<Tracked>;
    let receives: [Receive; 9] = [
        |receiver| receiver.recv().ok(),
        |receiver| receiver.try_recv().ok(),
        |receiver| receiver.recv_timeout(Duration::ZERO).ok(),
        |receiver| receiver.recv_deadline(Instant::now()).ok(),
        |receiver| receiver.recv_or_cancelled(&CancellationToken::new()).ok(),
        |receiver| receiver.iter().next(),
        |receiver| block_on(receiver.recv_async()).ok(),
        |receiver| select! { recv(receiver) -> value => value.ok() },
        |receiver| operations![recv * receiver].select().recv(receiver).ok(),
    ];
    for receive in receives {
        for capacity in [0, 1] {
            let drops = Drops::new(2);
            let (sender, receiver) = bounded(capacity);
            (0..capacity).for_each(|i| assert!(sender.send(drops.value(i)).is_ok()));
            let mut blocked = sender.send_async(drops.value(1));
            assert!(poll(&mut blocked, &panicking(Use::Wake)).is_pending());
            assert!((0..=capacity).all(|i| receive(&receiver).unwrap().number == 1 - capacity + i));
            assert!(receiver.try_recv().is_err());
            assert!(matches!(peek(&mut blocked), Poll::Ready(Ok(()))));
            assert_eq!(drops.counts(), [capacity, 1]);
        }
    }
}

/// So does one that was chosen by a select, and is given up.
#[test]
fn a_waker_that_panics_when_a_value_comes_back_costs_no_value() {
    let (sender, receiver) = bounded(1);
    sender.send(1).unwrap();
    let chosen = operations![recv receiver].select();
    let mut waits = receiver.recv_async();
    assert!(poll(&mut waits, &panicking(Use::Wake)).is_pending());
    give_up(chosen);
    assert_eq!((receiver.len(), peek(&mut waits)), (1, Ok(1).into()));
}

/// Nor do those where nothing else is done: a receive that was told is dropped, and a send comes to stand in line.
#[test]
fn a_waker_that_panics_when_it_is_only_told_costs_no_value() {
    let (sender, receiver) = unbounded();
    let (mut gone, mut next) = (receiver.recv_async(), receiver.recv_async());
    assert!(peek(&mut gone).is_pending() && poll(&mut next, &panicking(Use::Wake)).is_pending());
    sender.send(1).unwrap();
    drop(gone);
    assert_eq!((receiver.len(), peek(&mut next)), (1, Ok(1).into()));

    let (sender, receiver) = bounded(1);
    let place = operations![send sender].select();
    let mut receive = receiver.recv_async();
    assert!(poll(&mut receive, &panicking(Use::Wake)).is_pending());
    let mut send = sender.send_async(1);
    assert!(peek(&mut send).is_pending());
    assert_eq!((peek(&mut receive), peek(&mut send)), (Ok(1).into(), Ok(()).into()));
    give_up(place);
}

#[test]
fn wakers_that_all_panic_do_not_end_the_process() {
    let (sender, receiver) = bounded::<u8>(0);
    let mut tasks = [receiver.recv_async(), receiver.recv_async(), receiver.recv_async()];
    tasks.iter_mut().for_each(|task| assert!(poll(task, &panicking(Use::Wake)).is_pending()));
    panics(|| sender.close());
    assert!(tasks.iter_mut().all(|task| peek(task) == Err(RecvError).into()));
}

#[test]
fn a_waker_that_panics_keeps_nobody_else_asleep() {
    for close in [true, false] {
        let (sender, receiver) = bounded::<u8>(0);
        let (wakes, waker) = Wakes::new();
        let (mut one, mut two) = (receiver.recv_async(), receiver.recv_async());
        assert!(poll(&mut one, &panicking(Use::Wake)).is_pending() && poll(&mut two, &waker).is_pending());
        if close {
            panics(|| sender.close());
        } else {
            panics(|| drop(sender));
        }
        assert_eq!(wakes.count(), 1, "LV-CH-2: the end wakes everyone");
        assert_eq!((peek(&mut one), peek(&mut two)), (Err(RecvError).into(), Err(RecvError).into()));
    }
}

#[test]
fn a_waker_that_panics_keeps_no_sender_asleep_and_no_value() {
    let drops = Drops::new(3);
    let (sender, receiver) = bounded(1);
    assert!(sender.send(drops.value(0)).is_ok());
    let (wakes, waker) = Wakes::new();
    let (mut one, mut two) = (sender.send_async(drops.value(1)), sender.send_async(drops.value(2)));
    assert!(poll(&mut one, &panicking(Use::Wake)).is_pending() && poll(&mut two, &waker).is_pending());
    panics(|| drop(receiver));
    assert_eq!(drops.counts(), [1, 0, 0]);
    assert_eq!(wakes.count(), 1, "LV-CH-2: the drop of the last receiver wakes everyone");
}

#[test]
fn a_waker_that_panics_keeps_no_other_wait_asleep() {
    let group = WaitGroup::new();
    let guard = group.guard();
    let (wakes, waker) = Wakes::new();
    let (mut one, mut two) = (group.wait_async(), group.wait_async());
    assert!(poll(&mut one, &panicking(Use::Wake)).is_pending() && poll(&mut two, &waker).is_pending());
    panics(|| drop(guard));
    assert_eq!(wakes.count(), 1, "LV-WG-1: every pending wait is woken");
    assert!(peek(&mut one).is_ready() && peek(&mut two).is_ready());
}

#[test]
fn a_waker_whose_clone_panics_takes_the_send_back() {
    for polled in [false, true] {
        let drops = Drops::new(1);
        let (sender, receiver) = bounded(0);
        let mut send = sender.send_async(drops.value(0));
        if polled {
            assert!(peek(&mut send).is_pending());
        }
        panics(|| poll(&mut send, &panicking(Use::Clone)));
        drop(send);
        assert!(
            receiver.try_recv().is_err(),
            "SF-CH-5: a send that was dropped was received (polled before: {polled})"
        );
        assert_eq!(drops.counts(), [1]);
    }
}

#[test]
fn a_waker_whose_clone_panics_leaves_receives_in_order() {
    for polled in [false, true] {
        let (sender, receiver) = bounded(0);
        let mut receive = receiver.recv_async();
        if polled {
            assert!(peek(&mut receive).is_pending());
        }
        panics(|| poll(&mut receive, &panicking(Use::Clone)));
        assert_eq!(sender.try_send(1).is_ok(), polled); // who stands in line stays there
        drop(receive);
        assert_eq!(receiver.try_recv().ok(), polled.then_some(1));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    }
}

#[test]
fn handles_dropped_by_a_panic_are_dropped() {
    static LEFT: AtomicUsize = AtomicUsize::new(0);
    let (sender, receiver) = unbounded();
    panics(|| {
        let _sender = sender;
        let _values = [OnDrop::new(|| _ = LEFT.fetch_add(1, Relaxed))];
        panic!("hostile");
    });
    assert!(receiver.is_closed());
    drop::<Receiver<u8>>(receiver);
    assert_eq!(LEFT.load(Relaxed), 1);
}
