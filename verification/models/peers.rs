//! Bugs that peers had. Where the fault fits in a few lines it is re-created, and expected to fail: that shows that the
//! explorers and the models' form can see it. That we are free of it is shown by the models of our own API beside it.
//!
//! C14, bounds on `Send` and `Sync` that are too wide, is no program that runs: `tests/bounds.rs` holds every handle to
//! its bounds.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use hence_registry::{Engine, Kind, Model};

use super::harness::{Arc, Counted, CountingWaker, Witness, ends, join, quietly, race, sending, spawn};
use super::weaken::weaken;
use super::{DEADLOCK, RACE};
use crate::hence::cancel::CancellationToken;
use crate::hence::channel::{Receiver, Select, TryRecvError, unbounded};
use crate::hence::sync::parker::Parker as ProductionParker;
use crate::hence::sync::{AtomicBool, AtomicUsize, Backoff, Lock, Parker, now};
use crate::hence::wait_group::WaitGroup;
use crate::select_biased;

pub(super) fn models() -> Vec<Model> {
    [
        sent_to_nobody_leaks(),
        first_block_is_freed_twice(),
        receiver_leaves_first_sends(),
        disconnect_orders_nothing(),
        disconnect(),
        end_before_the_last_value(),
        last_value(),
        timed_out_send_leaks(),
        timed_out_send_doubles(),
        late_value_is_lost(),
        timed_send_meets_receive(),
        timed_send_is_admitted(),
        late_value_stays(),
        waiter_has_left(),
        thread_has_left(),
        task_has_left(),
        timed_waiter_has_left(),
        stale_registration_eats_a_wake(),
        passes_on(),
        select_swallows_a_wake(),
        select_leaves_b(),
        notify_is_skipped(),
        one_sees_the_other(),
        two_unparks(),
        time_is_up_for_a_park(),
        one_cell_for_three(),
        close_send_try_recv(),
        send_that_nobody_took(),
        selected_send_is_taken(),
        cancelled_receive(),
        forgotten_send(),
        packet_of_a_leaked_operation(),
        leaked_receive(),
        leaked_place(),
        leaked_rendezvous(),
        claimed_and_not_published(),
        two_by_two(),
        observer_that_writes(),
        observers_change_nothing(),
        each_yields_to_the_other(),
        cancel_races_completion(),
        closed_twice(),
        cancel_cancel_and_panic(),
        check_before_registering(),
        timed_wait_strands_nobody(),
        grandchildren_are_dropped(),
        stop_waits_for_the_callback(),
        stop_under_the_callbacks_lock(),
    ]
    .concat()
}

/// crossbeam-channel #1084: the last receiver has thrown away what there was, and then a sender that has seen it there
/// puts in its first block. Ours: `peers_c1_receiver_leaves_first_sends`.
fn sent_to_nobody_leaks() -> Vec<Model> {
    fn run() -> String {
        let (block, left) = (Arc::new(Lock::new(None)), Arc::new(AtomicBool::new(false)));
        let sender = {
            let (block, left) = (block.clone(), left.clone());
            spawn(move || {
                if !left.load(Acquire) {
                    block.with(|block| *block = Some(7));
                }
            })
        };
        left.store(true, Release);
        let thrown_away = block.with(Option::take);
        sender.join().unwrap();
        assert!(block.with(|block| block.is_none()), "the value has leaked: nobody will look here again");
        format!("{thrown_away:?}")
    }
    vec![Model::failing("peers_c1_sent_to_nobody_leaks", &[], LEAKED, run)]
}

/// crossbeam-channel #1187: the receiver that leaves while a sender puts in the first block waits for it and frees it,
/// but leaves it where the channel's own end frees it again. Ours: `peers_c1_receiver_leaves_first_sends`.
fn first_block_is_freed_twice() -> Vec<Model> {
    fn run() -> String {
        let (tail, block) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let sender = {
            let (tail, block) = (tail.clone(), block.clone());
            spawn(move || {
                tail.store(true, Release);
                block.swap(1, Release);
            })
        };
        let mut freed = block.swap(0, AcqRel);
        while freed == 0 && tail.load(Acquire) {
            Backoff::new().snooze();
            freed = block.load(Acquire); // and not a swap
        }
        sender.join().unwrap();
        let left = block.swap(0, AcqRel);
        assert!(freed == 0 || left == 0, "freed twice");
        format!("{freed} {left}")
    }
    vec![Model::failing("peers_c1_first_block_is_freed_twice", &[], &["freed twice"], run)]
}

/// crossbeam-channel #971, #1084, #1187: the last receiver leaves while the first sends come. Each value is dropped,
/// once.
fn receiver_leaves_first_sends() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let (sender, receiver) = unbounded();
        let sender = Arc::new(sender);
        let others = [1, 2].map(|value| {
            let (sender, counted) = (sender.clone(), Counted(value));
            spawn(move || sender.send(counted).is_ok())
        });
        drop(receiver);
        let sent = join(others).into_iter().filter(|sent| *sent).count();
        assert_eq!(Counted::drops(), 2, "dropped once, by the channel or by who got it back");
        SENT[sent].into()
    }
    vec![Model::new("peers_c1_receiver_leaves_first_sends", &[], SENT, run)]
}

/// crossbeam-channel #838: the last sender's drop is seen by a relaxed load. Ours: `hb_ch_4_*`, `peers_c2_*`.
fn disconnect_orders_nothing() -> Vec<Model> {
    fn run() -> String {
        let (disconnected, witness) = (Arc::new(AtomicBool::new(false)), Witness::new());
        let sender = {
            let (disconnected, witness) = (disconnected.clone(), witness.clone());
            move || {
                witness.write(1);
                disconnected.store(true, Release);
            }
        };
        let ((), seen) = race(sender, || disconnected.load(Relaxed).then(|| witness.read()));
        format!("{seen:?}")
    }
    vec![Model::failing("peers_c2_disconnect_orders_nothing", &[], RACE, run)]
}

/// Whoever finds the channel disconnected sees what came before the last sender's drop.
fn disconnect() -> Vec<Model> {
    fn run(look: Look<usize>) -> String {
        let ((sender, receiver), witness) = (unbounded(), Witness::new());
        let written = witness.clone();
        let theirs = move || {
            written.write(1);
            drop(sender);
        };
        let ours = || match look(&receiver) {
            Err(TryRecvError::Disconnected) => format!("disconnected, {}", witness.read()),
            Err(TryRecvError::Empty) => "empty".into(),
            Ok(value) => unreachable!("{value}"),
        };
        race(theirs, ours).1
    }
    vec![
        Model::new("peers_c2_disconnect_by_try_recv", &[], DISCONNECTED, || run(Receiver::try_recv)),
        Model::new("peers_c2_disconnect_in_time", &[], DISCONNECTED, || run(recv_in_time)),
        Model::new("peers_c2_disconnect_by_select", &[], DISCONNECTED, || run(select_recv)),
    ]
}

/// crossfire #70, flume #78: the receiver finds the buffer empty, the sender sends and leaves, the receiver finds the
/// channel closed and does not look again. Ours: `sf_ch_4_*`, `peers_c3_*`.
fn end_before_the_last_value() -> Vec<Model> {
    fn run() -> String {
        let (buffer, closed) = (Arc::new(Lock::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let sender = {
            let (buffer, closed) = (buffer.clone(), closed.clone());
            spawn(move || {
                buffer.with(|buffer| buffer.push(1));
                closed.store(true, Release);
            })
        };
        let received = buffer.with(|buffer| buffer.pop());
        let ended = received.is_none() && closed.load(Acquire);
        sender.join().unwrap();
        assert!(!ended, "the value is lost");
        format!("{received:?}")
    }
    vec![Model::failing("peers_c3_end_before_the_last_value", &[], LOST, run)]
}

/// A look that finds no value does not find the end either, if there was a last value.
fn last_value() -> Vec<Model> {
    fn run(look: Look<usize>) -> String {
        let (sender, receiver) = unbounded();
        let other = spawn(move || {
            sender.send(1).unwrap();
            drop(sender);
        });
        let first = look(&receiver);
        assert_ne!(first, Err(TryRecvError::Disconnected), "the value is lost");
        other.join().unwrap();
        let rest: Vec<usize> = receiver.iter().collect();
        assert_eq!(first.into_iter().chain(rest).collect::<Vec<_>>(), [1]);
        if first.is_ok() { "at once".into() } else { "later".into() }
    }
    vec![
        Model::new("peers_c3_last_value_by_try_recv", &[], AT_ONCE_OR_LATER, || run(Receiver::try_recv)),
        Model::new("peers_c3_last_value_in_time", &[], AT_ONCE_OR_LATER, || run(recv_in_time)),
        Model::new("peers_c3_last_value_by_select", &[], AT_ONCE_OR_LATER, || run(select_recv)),
    ]
}

/// kanal: the sender's time is up; it takes its offer back, and not the value that it offered.
/// Ours: `peers_c4_timed_send_*`.
fn timed_out_send_leaks() -> Vec<Model> {
    fn run() -> String {
        let (offered, value) = (Arc::new(AtomicBool::new(true)), Arc::new(Lock::new(Some(7))));
        let receiver = {
            let (offered, value) = (offered.clone(), value.clone());
            move || if offered.swap(false, AcqRel) { value.with(Option::take) } else { None }
        };
        let (received, timed_out) = race(receiver, || offered.swap(false, AcqRel));
        assert!(value.with(|value| value.is_none()), "the value has leaked: nobody will look here again");
        format!("{received:?}, {timed_out}")
    }
    vec![Model::failing("peers_c4_timed_out_send_leaks", &[], LEAKED, run)]
}

/// kanal: the sender's time is up while a receiver is half-way through taking its value.
/// Ours: `peers_c4_timed_send_*`.
fn timed_out_send_doubles() -> Vec<Model> {
    fn run() -> String {
        let (offer, taken) = (Arc::new(Lock::new(Some(7))), Arc::new(AtomicBool::new(false)));
        let receiver = {
            let (offer, taken) = (offer.clone(), taken.clone());
            spawn(move || {
                let value = offer.with(|offer| *offer);
                taken.store(true, Release);
                value
            })
        };
        let timed_out = !taken.load(Acquire);
        let handed_back = offer.with(|offer| offer.take().filter(|_| timed_out));
        let received = receiver.join().unwrap();
        assert!(received.is_none() || handed_back.is_none(), "the value is there twice");
        format!("{received:?} {handed_back:?}")
    }
    vec![Model::failing("peers_c4_timed_out_send_doubles", &[], &["the value is there twice"], run)]
}

/// std #39364: a receive has registered, looks once more when its time is up, and leaves; what has come in between was
/// meant for it. Ours: `peers_c4_late_value_*`.
fn late_value_is_lost() -> Vec<Model> {
    fn run() -> String {
        let (registered, slot) = (Arc::new(AtomicBool::new(true)), Arc::new(Lock::new(None)));
        let sender = {
            let (registered, slot) = (registered.clone(), slot.clone());
            spawn(move || {
                let sends = registered.load(Acquire);
                if sends {
                    slot.with(|slot| *slot = Some(7));
                }
                sends
            })
        };
        let received = slot.with(Option::take);
        registered.store(false, Release);
        let sent = sender.join().unwrap();
        assert!(received.is_some() || !sent, "the value is lost");
        format!("{received:?}")
    }
    vec![Model::failing("peers_c4_late_value_is_lost", &[], LOST, run)]
}

/// A send and a receive have a limit each: both meet, or both leave, and the value is with one of them.
fn timed_send_meets_receive() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let (sender, receiver) = ends(Some(0));
        let other = receiver.clone();
        let (received, refused) =
            race(move || other.recv_timeout(A_WHILE).ok(), || sender.send_timeout(Counted(7), A_WHILE).err());
        assert!(refused.as_ref().is_none_or(|refused| refused.is_timeout()), "nobody has closed it");
        assert_eq!(Counted::drops(), 0, "the value is with the sender or with the receiver");
        let handed_back = refused.map(|refused| refused.into_inner());
        assert!(received.is_some() != handed_back.is_some(), "and not with both");
        let outcome = if received.is_some() { "received" } else { "timed out" };
        drop((received, handed_back));
        assert_eq!(Counted::drops(), 1);
        outcome.into()
    }
    vec![Model::new("peers_c4_timed_send_meets_receive", &[], &["received", "timed out"], run)]
}

/// The same where the receive makes room for the value: it is in the channel, or with its sender.
fn timed_send_is_admitted() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let (sender, receiver) = ends(Some(1));
        sender.send(Counted(1)).unwrap();
        let other = receiver.clone();
        let (received, refused) =
            race(move || other.try_recv().unwrap().0, || sender.send_timeout(Counted(2), A_WHILE).err());
        assert_eq!(received, 1);
        let left: Vec<usize> = receiver.try_iter().map(|counted| counted.0).collect();
        let admitted = refused.is_none();
        assert_eq!(left.len(), usize::from(admitted), "in the channel or handed back");
        drop(refused);
        assert_eq!(Counted::drops(), 2, "each dropped once");
        if admitted { "admitted".into() } else { "timed out".into() }
    }
    vec![Model::new("peers_c4_timed_send_is_admitted", &[], &["admitted", "timed out"], run)]
}

/// A receive gives up, and the value that comes meanwhile is there for the next.
fn late_value_stays() -> Vec<Model> {
    fn run(look: Look<usize>) -> String {
        let (sender, receiver) = ends(Some(0));
        let other = {
            let sender = sender.clone();
            spawn(move || sender.send(7).unwrap())
        };
        let first = look(&receiver);
        let value = first.unwrap_or_else(|_| receiver.recv().unwrap());
        other.join().unwrap();
        assert_eq!(value, 7);
        if first.is_ok() { "at once".into() } else { "later".into() }
    }
    vec![
        Model::new("peers_c4_late_value_stays", &[], AT_ONCE_OR_LATER, || run(recv_in_time)),
        Model::new("peers_c4_late_value_stays_after_select", &[], AT_ONCE_OR_LATER, || run(select_recv)),
    ]
}

/// rust #98498, rayon #768, kanal #4, oneshot RUSTSEC-2026-0005: "done" is published, and then the waiter's handle is
/// fetched from its frame, which it has left. Ours: `peers_c5_thread_*`, `peers_c5_task_*`.
fn waiter_has_left() -> Vec<Model> {
    fn run() -> String {
        let (done, frame) = (Arc::new(AtomicBool::new(false)), Witness::new());
        let other = {
            let (done, frame) = (done.clone(), frame.clone());
            spawn(move || {
                done.store(true, Release);
                frame.read(); // whom to wake
            })
        };
        let left = done.load(Acquire);
        if left {
            frame.write(1); // another call's by now
        }
        other.join().unwrap();
        format!("{left}")
    }
    vec![Model::failing("peers_c5_waiter_has_left", &[], RACE, run)]
}

/// The first receive may return (woken spuriously) before it is woken; whoever then wakes it meets the second one, in
/// the same frame.
fn thread_has_left() -> Vec<Model> {
    fn run() -> String {
        let ((sender, receiver), frame) = (ends(Some(0)), Witness::new());
        let other = {
            let (sender, frame) = (sender.clone(), frame.clone());
            spawn(move || {
                frame.write(1);
                (1..=2).for_each(|value| sender.send(value).unwrap());
            })
        };
        let received = [1, 2].map(|_| {
            let value: usize = receiver.recv().unwrap();
            frame.write(2);
            value
        });
        other.join().unwrap();
        format!("{} {}", received[0], received[1])
    }
    vec![Model::new("peers_c5_thread_has_left", &[], &["1 2"], run)]
}

/// A receive that finds its value by looking again may be over before it is woken.
fn task_has_left() -> Vec<Model> {
    fn run() -> String {
        let ((sender, receiver), frame) = (ends(Some(1)), Witness::new());
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        let other = {
            let (sender, frame) = (sender.clone(), frame.clone());
            spawn(move || {
                frame.write(1);
                sender.send(7).unwrap();
            })
        };
        let mut stream = receiver.stream();
        let looks = [1, 2].map(|_| stream.poll_next(&mut cx));
        drop(stream);
        let outcome = match looks {
            [Poll::Ready(_), _] => "never waited",
            [Poll::Pending, Poll::Pending] => "not yet served",
            [Poll::Pending, Poll::Ready(_)] => {
                frame.write(2);
                if woken.0.load(Relaxed) { "woken, then left" } else { "left, then woken" }
            }
        };
        other.join().unwrap();
        assert!(outcome != "left, then woken" || woken.0.load(Relaxed), "woken all the same");
        outcome.into()
    }
    vec![Model::new("peers_c5_task_has_left", &[], TASK_HAS_LEFT, run)]
}

/// A waker that says whether it was called.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

/// A wait's time is up: its thread, and all that it had, is gone while the one who cancels is still at it.
fn timed_waiter_has_left() -> Vec<Model> {
    fn run() -> String {
        let token = CancellationToken::new();
        let waiting = {
            let token = token.clone();
            spawn(move || token.wait_timeout(A_WHILE))
        };
        assert!(token.cancel());
        drop(token);
        if waiting.join().unwrap() { "in time".into() } else { "too late".into() }
    }
    vec![Model::new("peers_c5_timed_waiter_has_left", &[], &["in time", "too late"], run)]
}

/// crossfire #22, async-std #452: a receive that has given up stays registered, and eats the next wake.
/// Ours: `peers_c6_*_gone*`.
fn stale_registration_eats_a_wake() -> Vec<Model> {
    fn run() -> String {
        let stock = Stock::new();
        assert!(!take_or_register(&stock, &Arc::new(Parker::current())));
        // Its time is up: it goes.
        let other = stock.clone();
        race(move || take(&other), || give(&stock));
        "taken".into()
    }
    vec![Model::failing("peers_c6_stale_registration_eats_a_wake", &[], DEADLOCK, run)]
}

/// Of two receives one leaves when it pleases; the other gets the value, or, where the first has it, the next.
fn passes_on() -> Vec<Model> {
    fn run(look: Look<usize>) -> String {
        let (sender, receiver) = ends(Some(1));
        let other = {
            let receiver = receiver.clone();
            spawn(move || receiver.recv().unwrap())
        };
        let sending = {
            let sender = sender.clone();
            spawn(move || sender.send(7).unwrap())
        };
        let mine = look(&receiver);
        if let Ok(value) = mine {
            sender.send(value).unwrap();
        }
        assert_eq!(other.join().unwrap(), 7);
        sending.join().unwrap();
        if mine.is_ok() { "in time".into() } else { "gone".into() }
    }
    vec![
        Model::new("peers_c6_timed_out_receive_has_gone", &[], IN_TIME_OR_GONE, || run(recv_in_time)),
        Model::new("peers_c6_timed_out_select_has_gone", &[], IN_TIME_OR_GONE, || run(select_recv)),
        Model::new("peers_c6_dropped_receive_has_gone", &[], IN_TIME_OR_GONE, || run(poll_once)),
    ]
}

/// flume #44, raven #403: a select on a and b is woken for b, takes what a has meanwhile, and whoever waits for b alone
/// sleeps on. Ours: `peers_c7_wake_*`.
fn select_swallows_a_wake() -> Vec<Model> {
    fn run() -> String {
        let [a, b] = [Stock::new(), Stock::new()];
        let plain = {
            let b = b.clone();
            spawn(move || take(&b))
        };
        let giving = {
            let (a, b) = (a.clone(), b.clone());
            spawn(move || [b, a].iter().for_each(|stock| give(stock)))
        };
        let parker = Arc::new(Parker::current());
        let a_or_b = || {
            // Leaving, it takes its registrations with it.
            let found = [&a, &b].into_iter().find(|stock| take_or_register(stock, &parker))?;
            [&a, &b].iter().for_each(|stock| stock.with(|stock| stock.waiting.retain(|at| !Arc::ptr_eq(at, &parker))));
            Some(found)
        };
        let taken = loop {
            match a_or_b() {
                Some(taken) => break taken,
                None => parker.park(),
            }
        };
        if Arc::ptr_eq(taken, &b) {
            give(&b);
        }
        plain.join().unwrap();
        giving.join().unwrap();
        "taken".into()
    }
    vec![Model::failing("peers_c7_select_swallows_a_wake", &[], DEADLOCK, run)]
}

/// A select on a and b, and a plain receive of b, which gets what b has, or, where the select has it, the next. The
/// values come in `order`.
fn select_leaves_b() -> Vec<Model> {
    fn run(order: [usize; 2]) -> String {
        let ends = [ends(Some(1)), ends(Some(1))];
        let plain = {
            let b = ends[1].1.clone();
            spawn(move || b.recv().unwrap())
        };
        let sending = {
            let senders = order.map(|at| (at, ends[at].0.clone()));
            spawn(move || senders.iter().for_each(|(at, sender)| sender.send(*at).unwrap()))
        };
        let taken = select_biased! {
            recv(ends[0].1) -> value => value.unwrap(),
            recv(ends[1].1) -> value => value.unwrap(),
        };
        if taken == 1 {
            ends[1].0.send(1).unwrap();
        }
        assert_eq!(plain.join().unwrap(), 1);
        sending.join().unwrap();
        ["a", "b"][taken].into()
    }
    vec![
        Model::new("peers_c7_wake_before_the_choice", &[], &["a", "b"], || run([1, 0])).slow(),
        Model::new("peers_c7_wake_after_the_choice", &[], &["a", "b"], || run([0, 1])).slow(),
    ]
}

/// event-listener #138: "nobody waits, so nobody is woken". Each side stores and then looks at the other's store, which
/// needs a fence between the two, or a lock around them. Ours: `peers_c8_one_sees_the_other`, `lv_ch_1_*`. tokio's token
/// was the same program: the one who waits registers and then looks at a flag, the one who cancels sets it and then looks
/// for somebody to wake.
fn notify_is_skipped() -> Vec<Model> {
    fn run() -> String {
        let (waits, ready) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let parker = Arc::new(Parker::current());
        let other = {
            let (waits, ready, parker) = (waits.clone(), ready.clone(), parker.clone());
            spawn(move || {
                ready.store(true, Release);
                if waits.load(Acquire) {
                    parker.unpark();
                }
            })
        };
        waits.store(true, Release);
        while !ready.load(Acquire) {
            parker.park();
        }
        other.join().unwrap();
        "woken".into()
    }
    vec![stale("peers_c8_notify_is_skipped", run), stale("peers_w2_flag_and_waiter_pass_each_other", run)]
}

/// Each sends, and then looks for the other's value: not both can come too early.
fn one_sees_the_other() -> Vec<Model> {
    fn run() -> String {
        let ends = [ends(Some(1)), ends(Some(1))];
        let send_and_look = |me: usize| {
            let (mine, theirs) = (ends[me].0.clone(), ends[1 - me].1.clone());
            move || {
                mine.send(me).unwrap();
                theirs.try_recv().is_ok()
            }
        };
        let (second, first) = race(send_and_look(1), send_and_look(0));
        match (first, second) {
            (true, true) => "both".into(),
            (true, false) => "the first".into(),
            (false, true) => "the second".into(),
            (false, false) => panic!("neither has seen the other's value"),
        }
    }
    vec![Model::new("peers_c8_one_sees_the_other", &[], &["both", "the first", "the second"], run)]
}

/// rust #53366, #99587, #114591: the second unpark finds the first one's token, and what it was for is not seen. Ours:
/// `peers_c9_no_unpark_is_lost`, which is more than HB-PK-1 promises.
fn two_unparks() -> Vec<Model> {
    fn run<P: Send + Sync + 'static>(parker: P, unpark: fn(&P), park: fn(&P)) -> String {
        let (parker, reasons) = (Arc::new(parker), Arc::new(AtomicUsize::new(0)));
        let other = {
            let (parker, reasons) = (parker.clone(), reasons.clone());
            spawn(move || {
                (1..=2).for_each(|reason| {
                    reasons.store(reason, Relaxed);
                    unpark(&parker);
                });
            })
        };
        while reasons.load(Relaxed) < 2 {
            park(&parker);
        }
        other.join().unwrap();
        "both seen".into()
    }
    vec![
        stale("peers_c9_unpark_that_finds_a_token", || run(Token::new(), unpark_if_empty, park_by_exchange)),
        stale("peers_c9_token_taken_by_a_store", || run(Token::new(), unpark_by_swap, park_by_store)),
        Model::new("peers_c9_no_unpark_is_lost", &[], &["both seen"], || {
            run(ProductionParker::current(), ProductionParker::unpark, ProductionParker::park)
        }),
    ]
}

/// A token beside a parker that is asked only where the token says so.
struct Token {
    there: AtomicUsize,
    sleeper: Parker,
}

impl Token {
    fn new() -> Self {
        Self { there: AtomicUsize::new(0), sleeper: Parker::current() }
    }
}

fn unpark_by_swap(token: &Token) {
    if token.there.swap(1, Release) == 0 {
        token.sleeper.unpark();
    }
}

/// Writes nothing where it finds a token: whoever takes that has not acquired what came before this.
fn unpark_if_empty(token: &Token) {
    if token.there.compare_exchange(0, 1, Release, Relaxed).is_ok() {
        token.sleeper.unpark();
    }
}

fn park_by_exchange(token: &Token) {
    while token.there.compare_exchange(1, 0, Acquire, Relaxed).is_err() {
        token.sleeper.park();
    }
}

/// Its store may follow another unpark, whose token it wipes out without having acquired it.
fn park_by_store(token: &Token) {
    while token.there.load(Acquire) == 0 {
        token.sleeper.park();
    }
    token.there.store(0, Relaxed);
}

/// A park that ends with its time takes the token that comes in the last moment, and what came before it.
fn time_is_up_for_a_park() -> Vec<Model> {
    fn run() -> String {
        let (parker, reason) = (Arc::new(ProductionParker::current()), Arc::new(AtomicBool::new(false)));
        let other = {
            let (parker, reason) = (parker.clone(), reason.clone());
            spawn(move || {
                reason.store(true, Relaxed);
                parker.unpark();
            })
        };
        parker.park_until(now() + A_WHILE);
        while !reason.load(Relaxed) {
            parker.park();
        }
        other.join().unwrap();
        "seen".into()
    }
    let end_of_park = weaken(Kind::Relaxed, "src/sync/parker.rs", "self.state.swap(EMPTY");
    vec![
        Model::new("peers_c9_time_is_up_for_a_park", &[], &["seen"], run)
            .one_way("after each sleep the clock says that time is up; the same swap takes a token that has come"),
        stale("peers_c9_time_is_up_and_token_lost", run).weakened(end_of_park),
    ]
}

/// tokio oneshot RUSTSEC-2021-0124: after a close the sender takes its value back out of the cell, from which a
/// try_recv takes it too. Ours: `peers_c10_close_*`.
fn one_cell_for_three() -> Vec<Model> {
    fn run() -> String {
        let [sent, closed] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let cell = Witness::new();
        let sender = {
            let (sent, closed, cell) = (sent.clone(), closed.clone(), cell.clone());
            spawn(move || {
                cell.write(7);
                sent.store(true, Release);
                if closed.load(Acquire) {
                    cell.write(0);
                }
            })
        };
        closed.store(true, Release);
        let received = sent.load(Acquire).then(|| cell.write(0));
        sender.join().unwrap();
        format!("{received:?}")
    }
    vec![Model::failing("peers_c10_one_cell_for_three", &[], RACE, run)]
}

/// A value, a close and a look at once: in the end the value is in one place.
fn close_send_try_recv() -> Vec<Model> {
    fn run(capacity: usize) -> String {
        Counted::begin();
        let (sender, receiver) = ends(Some(capacity));
        let sending = {
            let sender = sender.clone();
            spawn(move || sender.send(Counted(7)).err())
        };
        let closing = {
            let receiver = receiver.clone();
            spawn(move || assert!(receiver.close()))
        };
        let received = receiver.try_recv().ok();
        closing.join().unwrap();
        let refused = sending.join().unwrap();
        let left = receiver.try_recv().ok();
        assert_eq!(Counted::drops(), 0, "nobody has thrown it away");
        match (received, refused, left) {
            (Some(Counted(7)), None, None) => "received".into(),
            (None, Some(refused), None) if refused.0 == Counted(7) => "handed back".into(),
            (None, None, Some(Counted(7))) => "left".into(),
            places => panic!("one value in one place: {places:?}"),
        }
    }
    vec![
        Model::new("peers_c10_close_send_try_recv_rendezvous", &[], &["handed back", "received"], || run(0)),
        Model::new("peers_c10_close_send_try_recv_bounded", &[], &["handed back", "left", "received"], || run(1)),
    ]
}

/// flume #134: a send in a select puts its value down and is done, though nobody has come to take it.
/// Ours: `peers_c11_selected_*`.
fn send_that_nobody_took() -> Vec<Model> {
    fn run() -> String {
        let slot = Arc::new(Lock::new(None));
        let other = slot.clone();
        let send = || slot.with(|slot| *slot = Some(7)); // and is done
        let (received, ()) = race(move || other.with(Option::take), send);
        assert!(received.is_some(), "sent, and nobody has it");
        format!("{received:?}")
    }
    vec![Model::failing("peers_c11_send_that_nobody_took", &[], &["sent, and nobody has it"], run)]
}

/// A send in a select says that it was done only if it has been received; the receiver may have left.
fn selected_send_is_taken() -> Vec<Model> {
    fn run() -> String {
        let ((sender, receiver), witness) = (ends(Some(0)), Witness::new());
        let other = {
            let (receiver, witness) = (receiver.clone(), witness.clone());
            spawn(move || {
                witness.write(1);
                receiver.recv_timeout(A_WHILE).ok()
            })
        };
        let sent = select_biased! {
            send(sender, 7) -> sent => sent.is_ok(),
            default(A_WHILE) => false,
        };
        assert!(!sent || witness.read() == 1, "the receive was called");
        assert_eq!(other.join().unwrap(), sent.then_some(7), "who sent has been received from");
        if sent { "taken".into() } else { "not sent".into() }
    }
    vec![Model::new("peers_c11_selected_send_has_been_taken", &[], &["not sent", "taken"], run)]
}

/// kanal #50: a receive is cancelled when it has been given its value, which the next one gets.
fn cancelled_receive() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let (sender, receiver) = ends(Some(0));
        let other = {
            let sender = sender.clone();
            spawn(move || assert!(sender.send(Counted(7)).is_ok()))
        };
        let (_, waker) = CountingWaker::new();
        let first = match receiver.stream().poll_next(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => value,
            Poll::Pending => None, // and dropped
        };
        let outcome = if first.is_some() { "at once" } else { "later" };
        let value = first.unwrap_or_else(|| receiver.recv().unwrap());
        other.join().unwrap();
        assert_eq!((value.0, Counted::drops()), (7, 0));
        outcome.into()
    }
    vec![Model::new("peers_c11_cancelled_receive_keeps_the_value", &[], AT_ONCE_OR_LATER, run)]
}

/// async-channel #45: a send that waits is forgotten. It keeps its turn and its value, and the next has its own.
fn forgotten_send() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        sender.send(0).unwrap();
        let (_, waker) = CountingWaker::new();
        let mut forgotten = Box::pin(sender.send_async(1));
        assert!(forgotten.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        std::mem::forget(forgotten);
        let other = sender.clone();
        let receive = || [(); 3].map(|()| receiver.recv().unwrap().to_string());
        let ((), received) = race(move || other.send(2).unwrap(), receive);
        received.join(" ")
    }
    vec![Model::new("peers_c11_forgotten_send_blocks_nobody", &[], &["0 1 2"], run)]
}

/// crossbeam-channel: a chosen operation that is leaked leaves behind, for its partner, the address of a packet in a
/// frame that is gone. Ours: `peers_c12_leaked_*`.
fn packet_of_a_leaked_operation() -> Vec<Model> {
    fn run() -> String {
        let (chosen, packet) = (Arc::new(AtomicBool::new(false)), Witness::new());
        let partner = {
            let (chosen, packet) = (chosen.clone(), packet.clone());
            spawn(move || {
                if chosen.load(Acquire) {
                    packet.write(7);
                }
            })
        };
        chosen.store(true, Release);
        packet.write(0); // The operation is leaked, and the frame another call's.
        partner.join().unwrap();
        "leaked".into()
    }
    vec![Model::failing("peers_c12_packet_of_a_leaked_operation", &[], RACE, run)]
}

/// A chosen receive is leaked: it keeps its value, and the next one is received.
fn leaked_receive() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(None);
        let other = {
            let sender = sender.clone();
            spawn(move || (1..=2).for_each(|value| sender.send(value).unwrap()))
        };
        let mut select = Select::new_biased();
        select.recv(&receiver);
        std::mem::forget(select.select());
        let value: usize = receiver.recv().unwrap();
        other.join().unwrap();
        value.to_string()
    }
    vec![Model::new("peers_c12_leaked_receive_harms_nobody", &[], &["2"], run)]
}

/// A chosen send is leaked: it keeps one of the two places, and the other one serves.
fn leaked_place() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(2));
        let other = {
            let receiver = receiver.clone();
            spawn(move || [(); 2].map(|()| receiver.recv().unwrap()))
        };
        let mut select = Select::new_biased();
        select.send(&sender);
        std::mem::forget(select.select());
        (1..=2).for_each(|value| sender.send(value).unwrap());
        let received: [usize; 2] = other.join().unwrap();
        format!("{} {}", received[0], received[1])
    }
    vec![Model::new("peers_c12_leaked_place_harms_nobody", &[], &["1 2"], run)]
}

/// A chosen send is leaked: it keeps the receive that it was to send to, and others meet as before.
fn leaked_rendezvous() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let (_, waker) = CountingWaker::new();
        let mut promised = pin!(receiver.recv_async());
        assert!(promised.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let mut select = Select::new_biased();
        select.send(&sender);
        std::mem::forget(select.select());
        let other = sending(&sender, [7]);
        let value: usize = receiver.recv().unwrap();
        other.join().unwrap();
        assert!(promised.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "its partner waits for ever");
        value.to_string()
    }
    vec![Model::new("peers_c12_leaked_rendezvous_harms_nobody", &[], &["7"], run)]
}

/// A consumer is woken for the second slot, finds the first one claimed and not published, takes that for "empty" and
/// sleeps on; the wake for the first slot comes to it too. Ours: `peers_c13_two_by_two_*`, `lv_ch_1_two_by_two_*`.
fn claimed_and_not_published() -> Vec<Model> {
    fn run() -> String {
        let ring = Arc::new(Lock::new(Ring::default()));
        let produce = |value: usize| {
            let ring = ring.clone();
            move || {
                let at = ring.with(|ring| {
                    ring.slots.push(None);
                    ring.slots.len() - 1
                });
                let first = ring.with(|ring| {
                    ring.slots[at] = Some(value);
                    ring.waiting.pop_front()
                });
                if let Some(first) = first {
                    first.unpark();
                }
            }
        };
        let consume = || {
            let ring = ring.clone();
            move || {
                let parker = Arc::new(Parker::current());
                let next = || {
                    ring.with(|ring| {
                        ring.waiting.retain(|waiting| !Arc::ptr_eq(waiting, &parker));
                        let next = ring.slots.get(ring.head).copied().flatten();
                        match next {
                            Some(_) => ring.head += 1,
                            None => ring.waiting.push_back(parker.clone()),
                        }
                        next
                    })
                };
                loop {
                    match next() {
                        Some(value) => break value,
                        None => parker.park(),
                    }
                }
            }
        };
        let consumers = [spawn(consume()), spawn(consume())];
        let producer = spawn(produce(1));
        produce(2)();
        producer.join().unwrap();
        let received = join(consumers);
        format!("{received:?}")
    }
    vec![Model::failing("peers_c13_claimed_and_not_published", &[], DEADLOCK, run)]
}

/// A ring as Vyukov's, whose slots are claimed in one step and published in another.
#[derive(Default)]
struct Ring {
    slots: Vec<Option<usize>>,
    head: usize,
    waiting: VecDeque<Arc<Parker>>,
}

/// Two producers, two consumers; on each side one that tries before it waits: each value is received, once.
fn two_by_two() -> Vec<Model> {
    fn run(capacity: Option<usize>) -> String {
        let (sender, receiver) = ends(capacity);
        let trying = {
            let sender = sender.clone();
            spawn(move || match sender.try_send(1) {
                Ok(()) => {}
                Err(full) => sender.send(full.into_inner()).unwrap(),
            })
        };
        let sending = spawn(move || sender.send(2).unwrap());
        let receiving = {
            let receiver = receiver.clone();
            spawn(move || receiver.recv().unwrap())
        };
        let mine: usize = receiver.try_recv().or_else(|_| receiver.recv()).unwrap();
        let theirs = receiving.join().unwrap();
        join([trying, sending]);
        format!("{mine}, {theirs}")
    }
    vec![
        // Out of reach without a bound. Without the tries it is not: `lv_ch_1_two_by_two_*`.
        Model::new("peers_c13_two_by_two_unbounded", &[], &["1, 2", "2, 1"], || run(None))
            .under(&[Engine::LoomBounded(3), THREE_PREEMPTIONS])
            .slow(),
        Model::new("peers_c13_two_by_two_bounded", &[], &["1, 2", "2, 1"], || run(Some(1)))
            .under(&[Engine::LoomBounded(3), THREE_PREEMPTIONS])
            .slow(),
    ]
}

/// go-playground/pool: `IsCancelled` leaves a mark, and the cancel that finds it does not do its part.
fn observer_that_writes() -> Vec<Model> {
    fn run() -> String {
        let (state, parker) = (Arc::new(AtomicUsize::new(LIVE)), Arc::new(Parker::current()));
        let observing = {
            let state = state.clone();
            spawn(move || state.compare_exchange(LIVE, SEEN, AcqRel, Acquire).is_ok())
        };
        let cancelling = {
            let (state, parker) = (state.clone(), parker.clone());
            spawn(move || {
                if state.compare_exchange(LIVE, CANCELLED, AcqRel, Acquire).is_ok() {
                    parker.unpark();
                }
            })
        };
        while state.swap(LIVE, AcqRel) != CANCELLED {
            parker.park();
        }
        observing.join().unwrap();
        cancelling.join().unwrap();
        "cancelled".into()
    }
    vec![Model::failing("peers_p5_observer_that_writes", &[], DEADLOCK, run)]
}

const LIVE: usize = 0;
const SEEN: usize = 1;
const CANCELLED: usize = 2;

/// Whoever looks at a token, while another cancels it, does not keep the cancel from its part.
fn observers_change_nothing() -> Vec<Model> {
    fn run() -> String {
        let token = CancellationToken::new();
        let observing = {
            let token = token.clone();
            spawn(move || token.is_cancelled() || token.cause().is_some())
        };
        let cancelling = {
            let token = token.clone();
            spawn(move || token.cancel())
        };
        token.wait();
        observing.join().unwrap();
        assert!(cancelling.join().unwrap() && !token.cancel());
        "cancelled, once".into()
    }
    vec![Model::new("peers_p5_observers_change_nothing", &[], &["cancelled, once"], run)]
}

/// go-playground/pool: the cancel leaves it to a job that has finished to say so, and the job to the cancel.
fn each_yields_to_the_other() -> Vec<Model> {
    fn run() -> String {
        let flags = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let parker = Arc::new(Parker::current());
        let threads = [0, 1].map(|own| {
            let (flags, parker) = (flags.clone(), parker.clone());
            spawn(move || {
                flags[own].store(true, Release);
                if !flags[1 - own].load(Acquire) {
                    parker.unpark();
                }
            })
        });
        parker.park(); // until told
        join(threads);
        "told".into()
    }
    vec![Model::failing("peers_p6_each_yields_to_the_other", &[], DEADLOCK, run)]
}

/// A job's end and a cancel race: one of the two wins, and whoever waits for the job is told in either case.
fn cancel_races_completion() -> Vec<Model> {
    fn run() -> String {
        let (token, group) = (CancellationToken::new(), WaitGroup::new());
        let job = {
            let (token, guard) = (token.clone(), group.guard());
            spawn(move || {
                let completed = token.cancel_with("completed");
                drop(guard);
                completed
            })
        };
        let cancelling = {
            let token = token.clone();
            spawn(move || token.cancel())
        };
        group.wait();
        token.wait();
        let completed = job.join().unwrap();
        assert!(cancelling.join().unwrap() != completed, "one of them");
        token.cause().unwrap().to_string()
    }
    vec![Model::new("peers_p6_cancel_races_completion", &[], &["cancelled", "completed"], run)]
}

/// go-playground/pool: each of two threads looks whether a channel is closed, and then closes it.
fn closed_twice() -> Vec<Model> {
    fn run() -> String {
        let (sender, _receiver) = ends::<()>(Some(0));
        let threads = [0, 1].map(|_| {
            let sender = sender.clone();
            spawn(move || {
                if !sender.is_closed() {
                    assert!(sender.close(), "closed twice");
                }
            })
        });
        join(threads);
        "closed".into()
    }
    vec![Model::failing("peers_p7_closed_twice", &[], &["closed twice"], run)]
}

/// Two threads cancel, and a third, whose job has panicked: one of the three has done it.
fn cancel_cancel_and_panic() -> Vec<Model> {
    fn run() -> String {
        let token = CancellationToken::new();
        let threads = [0, 1].map(|_| {
            let token = token.clone();
            spawn(move || token.cancel())
        });
        quietly(|| assert!(std::panic::catch_unwind(|| panic!("in the job")).is_err()));
        let won = token.cancel_with("a panic in the job");
        let others = join(threads);
        assert_eq!(others.into_iter().chain([won]).filter(|won| *won).count(), 1);
        "one of three".into()
    }
    vec![Model::new("peers_p7_cancel_cancel_and_panic", &[], &["one of three"], run).slow()]
}

/// staticgc/taskwait #1: the count is looked at, and the waiter registered, in two steps. Ours: `lv_wg_1_*`.
fn check_before_registering() -> Vec<Model> {
    fn run() -> String {
        let count = Arc::new(AtomicUsize::new(1));
        let registered = Arc::new(Lock::new(None::<Arc<Parker>>));
        let worker = {
            let (count, registered) = (count.clone(), registered.clone());
            spawn(move || {
                count.store(0, Release);
                if let Some(parker) = registered.with(Option::take) {
                    parker.unpark();
                }
            })
        };
        if count.load(Acquire) > 0 {
            let parker = Arc::new(Parker::current());
            registered.with(|registered| *registered = Some(parker.clone()));
            // The count may have come down between the look and the registration; nobody will say so again.
            loop {
                parker.park();
                if count.load(Acquire) == 0 {
                    break;
                }
            }
        }
        worker.join().unwrap();
        "released".into()
    }
    vec![Model::failing("peers_w1_check_before_registering", &[], DEADLOCK, run)]
}

/// A wait with a limit leaves, or is in time, and the wait beside it is told in either case.
fn timed_wait_strands_nobody() -> Vec<Model> {
    fn run() -> String {
        let group = WaitGroup::new();
        let guard = group.guard();
        let dropping = spawn(move || drop(guard));
        let timed = {
            let group = group.clone();
            spawn(move || group.wait_timeout(A_WHILE))
        };
        group.wait();
        dropping.join().unwrap();
        if timed.join().unwrap() { "in time".into() } else { "too late".into() }
    }
    vec![Model::new("peers_w1_timed_wait_strands_nobody", &[], &["in time", "too late"], run)]
}

/// A tree is dropped from two threads, its root last or first: nothing of it stays.
fn grandchildren_are_dropped() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let root = CancellationToken::new();
        let child = root.child_token();
        let grandchild = child.child_token();
        let counted = Counted(0);
        grandchild.on_cancel(move || drop(counted));
        let dropping = spawn(move || drop((grandchild, child)));
        drop(root.child_token());
        drop(root);
        dropping.join().unwrap();
        assert_eq!(Counted::drops(), 1);
        "dropped".into()
    }
    vec![Model::new("peers_w2_grandchildren_are_dropped", &[], &["dropped"], run)]
}

/// C#: a registration's end waits for its callback, which waits for a lock that the one who ends it holds.
fn stop_waits_for_the_callback() -> Vec<Model> {
    fn run() -> String {
        let (lock, ran) = (Arc::new(Lock::new(())), Arc::new(Parker::current()));
        let callback = {
            let (lock, ran) = (lock.clone(), ran.clone());
            move || {
                lock.with(|()| ());
                ran.unpark();
            }
        };
        race(callback, || lock.with(|()| ran.park()));
        "stopped".into()
    }
    vec![Model::failing("peers_w3_stop_waits_for_the_callback", &[], DEADLOCK, run)]
}

/// A callback is taken back under the lock that it takes: it has run, or will not, and nobody waits for ever.
fn stop_under_the_callbacks_lock() -> Vec<Model> {
    fn run() -> String {
        let (token, lock) = (CancellationToken::new(), Arc::new(Lock::new(())));
        let registration = {
            let lock = lock.clone();
            token.on_cancel(move || lock.with(|()| ()))
        };
        let (_, stopped) = race(move || token.cancel(), || lock.with(|()| registration.stop()));
        if stopped { "stopped".into() } else { "run".into() }
    }
    vec![Model::new("peers_w3_stop_under_the_callbacks_lock", &[], &["run", "stopped"], run)]
}

const THREE_PREEMPTIONS: Engine = Engine::Bounded { preemptions: Some(3), spurious: 1 };

const LEAKED: &[&str] = &["the value has leaked"];
const LOST: &[&str] = &["the value is lost"];
const SENT: &[&str] = &["none sent", "one sent", "two sent"];
const DISCONNECTED: &[&str] = &["empty", "disconnected, 1"];
const AT_ONCE_OR_LATER: &[&str] = &["at once", "later"];
const TASK_HAS_LEFT: &[&str] = &["left, then woken", "never waited", "not yet served", "woken, then left"];
const IN_TIME_OR_GONE: &[&str] = &["gone", "in time"];

/// How long is of no account under an explorer, but that it is not past already.
const A_WHILE: Duration = Duration::from_secs(1);

/// A fault that rests on what the bounded explorer does not see, as it is sequentially consistent.
fn stale(name: &'static str, body: fn() -> String) -> Model {
    Model::failing(name, &[], DEADLOCK, body).under(&[Engine::Loom])
}

/// A receive that ends, with or without a value: `try_recv`, and these.
type Look<T> = fn(&Receiver<T>) -> Result<T, TryRecvError>;

fn recv_in_time<T>(receiver: &Receiver<T>) -> Result<T, TryRecvError> {
    receiver.recv_timeout(A_WHILE).map_err(|error| match error.is_timeout() {
        true => TryRecvError::Empty,
        false => TryRecvError::Disconnected,
    })
}

fn select_recv<T>(receiver: &Receiver<T>) -> Result<T, TryRecvError> {
    select_biased! {
        recv(receiver) -> value => value.map_err(|_| TryRecvError::Disconnected),
        default(A_WHILE) => Err(TryRecvError::Empty),
    }
}

/// A future that is dropped if it has to wait.
fn poll_once<T>(receiver: &Receiver<T>) -> Result<T, TryRecvError> {
    let (_, waker) = CountingWaker::new();
    match pin!(receiver.recv_async()).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(value) => value.map_err(|_| TryRecvError::Disconnected),
        Poll::Pending => Err(TryRecvError::Empty),
    }
}

/// Things to be had, and who waits for one, as peers make it: each that comes wakes one, who then looks again.
#[derive(Default)]
struct Stock {
    things: usize,
    waiting: VecDeque<Arc<Parker>>,
}

impl Stock {
    fn new() -> Arc<Lock<Self>> {
        Arc::new(Lock::new(Self::default()))
    }
}

fn give(stock: &Lock<Stock>) {
    let first = stock.with(|stock| {
        stock.things += 1;
        stock.waiting.pop_front()
    });
    if let Some(first) = first {
        first.unpark();
    }
}

/// Takes a thing, or registers.
fn take_or_register(stock: &Lock<Stock>, parker: &Arc<Parker>) -> bool {
    stock.with(|stock| {
        stock.waiting.retain(|waiting| !Arc::ptr_eq(waiting, parker));
        if stock.things == 0 {
            stock.waiting.push_back(parker.clone());
            return false;
        }
        stock.things -= 1;
        true
    })
}

fn take(stock: &Lock<Stock>) {
    let parker = Arc::new(Parker::current());
    while !take_or_register(stock, &parker) {
        parker.park();
    }
}
