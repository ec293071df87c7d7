//! Time: operations with a limit, and timers. Expiry is a choice of the explorer's: a wait with a deadline ends when its
//! thread runs again, and every schedule of that is explored.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Context;
use std::time::{Duration, Instant};

use hence_registry::{Kind, Model};

use super::harness::{Arc, Counted, CountingWaker, Witness, block_on, ends, spawn};
use super::weaken::weaken;
use super::{DEADLOCK, RACE};
use crate::hence::channel::{
    Receiver, RecvTimeoutError, SendTimeoutError, Sender, after, at, bounded, never, tick, tick_delayed,
};
use crate::hence::sync::{Lock, now, reached};
use crate::hence::wait::{Waiter, WakeCause};
use crate::select_biased;

pub(super) fn models() -> Vec<Model> {
    let core = |kind, code| weaken(kind, "src/channel/core.rs", code);
    let take_unlocked = || weaken(Kind::NoLock, "src/timer/schedule.rs", "self.next.with(take)");
    let send_not_woken = || core(Kind::NoWake, "notify(whom); // site: send,");
    let recv_not_woken = || core(Kind::NoWake, "notify(whom)); // site: recv,");
    vec![
        Model::new("hb_tm_1_ticks_in_order", &["HB-TM-1"], &["first", "second"], ticks_in_order),
        Model::failing("hb_tm_1_take_unlocked", &["HB-TM-1"], RACE, ticks_in_order).weakened(take_unlocked()),
        Model::new("sf_tm_1_one_message_for_two", &["SF-TM-1"], &["a", "b"], one_message_for_two),
        Model::new("sf_tm_1_never_early", &["SF-TM-1"], &["not before"], never_early),
        Model::new("sf_tm_1_async", &["SF-TM-1", "LV-TM-1"], &["not before"], never_early_async),
        Model::new("sf_tm_1_ticks_in_step", &["SF-TM-1"], &["the next", "two are left out"], || in_step(tick)),
        Model::failing("sf_tm_1_ticks_out_of_step", &["SF-TM-1"], &["in step"], || in_step(tick_delayed)),
        Model::new("sf_tm_1_ticks_a_period_apart", &["SF-TM-1"], &["apart"], a_period_apart),
        Model::failing("sf_tm_1_taken_by_both", &["SF-TM-1"], &["one message, once"], taken_by_both),
        Model::new("sf_tm_2_recv_timeout_rendezvous", &["SF-TM-2"], RECEIVED, || recv_timeout(Some(0))),
        Model::new("sf_tm_2_recv_timeout_bounded", &["SF-TM-2"], RECEIVED, || recv_timeout(Some(1))),
        Model::new("sf_tm_2_recv_timeout_unbounded", &["SF-TM-2"], RECEIVED, || recv_timeout(None)),
        Model::new("sf_tm_2_send_timeout_rendezvous", &["SF-TM-2"], SENT, || send_timeout(0)),
        Model::new("sf_tm_2_send_timeout_bounded", &["SF-TM-2"], SENT, || send_timeout(1)),
        Model::new("sf_tm_2_both_limited", &["SF-TM-2"], &["both time out", "met"], both_limited),
        Model::new("sf_tm_2_close_and_limits", &["SF-TM-2", "LV-CH-2"], CLOSED, close_and_limits),
        Model::new("sf_tm_2_disconnect_and_limit", &["SF-TM-2"], &["received", "timed out"], disconnect_and_limit),
        Model::new("sf_tm_2_select_with_limit", &["SF-TM-2", "SF-SEL-1", "SF-SEL-2"], RECEIVED, || {
            select_with_limit(0, false)
        }),
        Model::new("sf_tm_2_select_with_timer", &["SF-TM-2", "SF-SEL-1", "SF-SEL-2"], RECEIVED, || {
            select_with_limit(1, true)
        }),
        Model::new("sf_tm_2_both_at_once", &["SF-TM-2"], &["received"], both_at_once),
        Model::new("sf_tm_2_past_deadlines", &["SF-TM-2"], &["tried once"], past_deadlines),
        Model::new("sf_tm_2_no_time_left", &["SF-TM-2"], &["neither waits"], || {
            meet(|sender| sender.send_timeout(1, NONE).is_ok(), |receiver| receiver.recv_timeout(NONE).is_ok())
        }),
        Model::new("sf_tm_2_no_time_left_for_a_select", &["SF-TM-2", "SF-SEL-2"], &["neither waits"], || {
            meet(
                |sender| select_biased! { send(sender, 1) -> _ => true, default(NONE) => false },
                |receiver| select_biased! { recv(receiver) -> _ => true, default(NONE) => false },
            )
        }),
        Model::failing("sf_tm_2_a_sender_waits_all_the_same", &["SF-TM-2"], &["one has waited"], || {
            meet(|sender| sender.send_timeout(1, SHORT).is_ok(), |receiver| receiver.recv_timeout(NONE).is_ok())
        }),
        Model::failing("sf_tm_2_a_select_waits_all_the_same", &["SF-TM-2"], &["one has waited"], || {
            meet(
                |sender| sender.send_timeout(1, NONE).is_ok(),
                |receiver| select_biased! { recv(receiver) -> _ => true, default(SHORT) => false },
            )
        }),
        Model::new("sf_tm_2_promised_value_comes", &["SF-TM-2", "SF-SEL-4"], RECEIVED, promised_value_comes),
        Model::new("sf_tm_2_select_time_is_up", &["SF-TM-2", "SF-WT-1"], &["claimed", "time is up"], time_is_up),
        Model::failing("sf_tm_2_gives_up_unlocked", &["SF-TM-2"], RACE, || recv_timeout(Some(0)))
            .weakened(core(Kind::NoLock, "self.state.with(|state| state.receivers.remove(")),
        Model::failing("sf_tm_2_takes_back_unlocked", &["SF-TM-2"], RACE, || send_timeout(0))
            .weakened(core(Kind::NoLock, "let left = self.state.with(")),
        Model::failing("sf_tm_2_gives_up_unseen", &["SF-TM-2"], &["the value is lost"], gives_up_unseen),
        Model::new("lv_tm_1_wake_goes_to_the_next_receiver", &["LV-TM-1"], &["a", "b"], next_receiver),
        Model::new("lv_tm_1_wake_goes_to_the_next_sender", &["LV-TM-1"], &["a", "b"], next_sender),
        Model::new("lv_tm_1_a_limit_ends_the_wait", &["LV-TM-1"], &["Timeout"], limit_ends_the_wait)
            .one_way("nobody sends"),
        Model::new("lv_tm_1_polled_by_another_task", &["LV-TM-1", "SF-TM-1"], &["woken"], polled_by_another_task),
        Model::failing("lv_tm_1_task_not_woken", &["LV-TM-1"], DEADLOCK, polled_by_another_task).weakened(weaken(
            Kind::NoWake,
            "src/channel/future.rs",
            "wait.alarm = schedule.next()",
        )),
        Model::new("lv_tm_1_a_limit_too_far_is_none", &["LV-TM-1"], &["7"], limit_too_far),
        Model::failing("lv_tm_1_next_receiver_not_woken", &["LV-TM-1"], DEADLOCK, next_receiver)
            .weakened(send_not_woken()),
        Model::failing("lv_tm_1_next_sender_not_woken", &["LV-TM-1"], DEADLOCK, next_sender).weakened(recv_not_woken()),
    ]
}

const RECEIVED: &[&str] = &["received", "timed out"];
const SENT: &[&str] = &["sent", "timed out"];
const CLOSED: &[&str] =
    &["Disconnected, Disconnected", "Disconnected, Timeout", "Timeout, Disconnected", "Timeout, Timeout", "met"];
const SHORT: Duration = Duration::from_millis(1);
const NONE: Duration = Duration::ZERO;

/// Two receivers of one timer: the one with the later message sees what the other did before.
fn ticks_in_order() -> String {
    let ticks = tick(SHORT);
    let begun = now();
    // No explorer sees these: they tell which message was the earlier, and order nothing.
    let order = Arc::new(AtomicUsize::new(0));
    let witnesses = [Witness::new(), Witness::new()];
    let receive = |me: usize| {
        let (ticks, order, witnesses) = (ticks.clone(), order.clone(), witnesses.clone());
        move || {
            witnesses[me].write(1);
            let moment = ticks.recv().unwrap();
            assert!(moment > begun && moment <= now(), "a message is never early");
            let later = order.swap(1, Relaxed) == 1;
            if later {
                assert_eq!(witnesses[1 - me].read(), 1);
            }
            later
        }
    };
    let other = spawn(receive(1));
    let mine = receive(0)();
    assert_ne!(mine, other.join().unwrap());
    if mine { "second".into() } else { "first".into() }
}

fn one_message_for_two() -> String {
    let timer = after(SHORT);
    let receive = |timer: Receiver<_>| move || timer.recv_timeout(3 * SHORT).is_ok();
    let other = spawn(receive(timer.clone()));
    let mine = receive(timer)();
    match (mine, other.join().unwrap()) {
        (true, false) => "a".into(),
        (false, true) => "b".into(),
        both => panic!("one message, once: {both:?}"),
    }
}

/// The fault of a timer whose message is looked at in one critical section and taken in another.
fn taken_by_both() -> String {
    let message = Arc::new(Lock::new(Some(1)));
    let take = || {
        let message = message.clone();
        move || {
            let there = message.with(|message| *message);
            message.with(|message| *message = None);
            there
        }
    };
    let other = spawn(take());
    let mine = take()();
    assert!(mine.xor(other.join().unwrap()).is_some(), "one message, once");
    "once".into()
}

fn never_early() -> String {
    let begun = now();
    let timer = after(SHORT);
    assert!(timer.try_recv().is_err());
    let other = spawn(move || reached(begun + 2 * SHORT));
    let moment = timer.recv().unwrap();
    assert!(moment == begun + SHORT && now() >= moment);
    other.join().unwrap();
    "not before".into()
}

/// A tick is due some periods after the ticker was made, and none piles up, though another thread's waits make us late.
fn in_step(tick: fn(Duration) -> Receiver<Instant>) -> String {
    let (begun, gate) = (now(), Arc::new(Lock::new(())));
    let ticks = tick(SHORT);
    let other = {
        let gate = gate.clone();
        // loom does not see the clock: whoever passes first goes on first.
        spawn(move || gate.with(|()| _ = reached(begun + 3 * SHORT + SHORT / 2)))
    };
    gate.with(|()| ());
    let first = ticks.recv().unwrap();
    assert_eq!(first, begun + SHORT, "the first one that was missed");
    let taken = now(); // or a little later
    let second = ticks.recv().unwrap();
    let periods = (second - first).as_nanos() / SHORT.as_nanos();
    assert_eq!(second, first + periods as u32 * SHORT, "in step");
    assert!(second <= taken + SHORT, "none that is due is left out");
    assert!(ticks.try_recv().is_err() || now() >= second + SHORT, "none pile up");
    other.join().unwrap();
    match periods {
        1 => "the next".into(),
        3 => "two are left out".into(),
        _ => panic!("{periods} periods"),
    }
}

/// The next one is due a period after the last one was taken, which another thread's waits may have made late.
fn a_period_apart() -> String {
    let ticks = tick_delayed(SHORT);
    let other = spawn(|| reached(now() + 3 * SHORT));
    let first = ticks.recv().unwrap();
    let taken = now();
    assert!(ticks.try_recv().is_err() || now() >= taken + SHORT, "none pile up");
    let second = ticks.recv().unwrap();
    assert!(second >= first + SHORT, "a period apart");
    other.join().unwrap();
    "apart".into()
}

fn never_early_async() -> String {
    let begun = now();
    let moment = block_on(after(SHORT).recv_async()).unwrap();
    assert!(moment == begun + SHORT && now() >= moment);
    "not before".into()
}

/// The task that polls last is the one that is woken, whether or not the first one has been by then.
fn polled_by_another_task() -> String {
    let (begun, timer, (wakes, waker)) = (now(), after(SHORT), CountingWaker::new());
    let mut receive = Box::pin(timer.recv_async());
    assert!(receive.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(block_on(receive), Ok(begun + SHORT));
    assert!(wakes.count() <= 1, "its alarm was taken back");
    "woken".into()
}

/// A deadline that has passed is no reason not to try.
/// A message that comes when the time is up is there.
fn both_at_once() -> String {
    assert!(after(SHORT).recv_timeout(SHORT).is_ok());
    "received".into()
}

fn past_deadlines() -> String {
    let ((sender, receiver), past) = (bounded(1), Instant::now());
    assert_eq!(sender.send_deadline(1, past), Ok(()));
    assert_eq!(sender.send_deadline(2, past), Err(SendTimeoutError::Timeout(2)));
    assert_eq!(receiver.recv_deadline(past), Ok(1));
    assert_eq!(receiver.recv_deadline(past), Err(RecvTimeoutError::Timeout));
    let due = at(past);
    let when = due.recv_deadline(past).expect("a timer that is due");
    assert_eq!((when <= now(), due.recv_deadline(past)), (true, Err(RecvTimeoutError::Timeout)));
    "tried once".into()
}

/// A send and a receive on a rendezvous channel, which meet only if one of them waits for the other.
fn meet(send: fn(&Sender<usize>) -> bool, receive: fn(&Receiver<usize>) -> bool) -> String {
    let (sender, receiver) = ends(Some(0));
    let other = {
        let sender = sender.clone();
        spawn(move || send(&sender))
    };
    let received = receive(&receiver);
    let sent = other.join().unwrap();
    assert_eq!(sent, received);
    assert!(!sent, "one has waited");
    "neither waits".into()
}

/// A receive with a limit and a send: the value is received in time, or is there afterwards.
fn recv_timeout(capacity: Option<usize>) -> String {
    Counted::begin();
    let (sender, receiver) = ends(capacity);
    let other = spawn(move || sender.send(Counted(1)).is_ok());
    let timely = receiver.recv_timeout(SHORT);
    let outcome = match &timely {
        Ok(_) => "received",
        Err(error) => {
            assert_eq!(*error, RecvTimeoutError::Timeout);
            drop(receiver.recv().unwrap());
            "timed out"
        }
    };
    assert!(other.join().unwrap());
    drop(timely);
    assert_eq!(Counted::drops(), 1, "received once");
    assert!(receiver.try_recv().is_err(), "nothing is left");
    outcome.into()
}

/// A send with a limit on a full channel and a receive: the value is received, or comes back.
fn send_timeout(capacity: usize) -> String {
    Counted::begin();
    let (sender, receiver) = ends(Some(capacity));
    (0..capacity).for_each(|_| assert!(sender.send(Counted(0)).is_ok()));
    let other = {
        let receiver = receiver.clone();
        spawn(move || receiver.recv().unwrap().0)
    };
    let outcome = match sender.send_timeout(Counted(1), SHORT) {
        Ok(()) => "sent",
        Err(SendTimeoutError::Timeout(Counted(1))) => {
            assert!(sender.send(Counted(2)).is_ok());
            "timed out"
        }
        Err(error) => panic!("{error}"),
    };
    let sent = if outcome == "sent" { 1 } else { 2 };
    let mut received = vec![other.join().unwrap()];
    received.extend(receiver.try_iter().map(|value| value.0));
    let expected: Vec<usize> = std::iter::repeat_n(0, capacity).chain([sent]).collect();
    assert_eq!(received, expected);
    assert_eq!(Counted::drops(), capacity + sent, "each once");
    outcome.into()
}

fn both_limited() -> String {
    let (sender, receiver) = ends(Some(0));
    let other = spawn(move || sender.send_timeout(1, SHORT));
    let received = receiver.recv_timeout(SHORT);
    match (other.join().unwrap(), received) {
        (Ok(()), Ok(1)) => "met".into(),
        (Err(SendTimeoutError::Timeout(1)), Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)) => {
            "both time out".into()
        }
        other => panic!("{other:?}"),
    }
}

/// A send and a receive with limits, and a close.
fn close_and_limits() -> String {
    let (sender, receiver) = ends(Some(0));
    let closer = {
        let sender = sender.clone();
        spawn(move || sender.close())
    };
    let other = {
        let sender = sender.clone();
        spawn(move || sender.send_timeout(1, SHORT))
    };
    let received = receiver.recv_timeout(SHORT);
    assert!(closer.join().unwrap());
    match (other.join().unwrap(), received) {
        (Ok(()), Ok(1)) => "met".into(),
        (Err(sent), Err(received)) => {
            assert_eq!(sent.into_inner(), 1);
            format!("{}, {received:?}", if sent.is_timeout() { "Timeout" } else { "Disconnected" })
        }
        other => panic!("{other:?}"),
    }
}

/// A value, and then no sender any more: no end before the value.
fn disconnect_and_limit() -> String {
    let (sender, receiver) = bounded(1);
    let other = spawn(move || {
        sender.send(1).unwrap();
        drop(sender);
    });
    let outcome = match receiver.recv_timeout(SHORT) {
        Ok(1) => "received",
        Err(RecvTimeoutError::Timeout) => {
            assert_eq!(receiver.recv(), Ok(1), "the value comes before the end");
            "timed out"
        }
        other => panic!("{other:?}"),
    };
    other.join().unwrap();
    assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Disconnected));
    outcome.into()
}

/// A select with a limit, its own or a timer's, and a send.
fn select_with_limit(capacity: usize, timer: bool) -> String {
    let (sender, receiver) = ends(Some(capacity));
    let other = {
        let sender = sender.clone();
        spawn(move || sender.send(1).unwrap())
    };
    let outcome = if timer {
        let alarm = after(SHORT);
        select_biased! {
            recv(receiver) -> value => { assert_eq!(value, Ok(1)); "received" }
            recv(alarm) -> moment => { assert!(moment.unwrap() <= now()); "timed out" }
        }
    } else {
        let quiet = never::<usize>();
        select_biased! {
            recv(quiet) -> _ => unreachable!(),
            recv(receiver) -> value => { assert_eq!(value, Ok(1)); "received" }
            default(SHORT) => "timed out",
        }
    };
    if outcome == "timed out" {
        assert_eq!(receiver.recv(), Ok(1));
    }
    other.join().unwrap();
    assert!(receiver.try_recv().is_err(), "received twice");
    outcome.into()
}

/// A receive with a limit to which a select has promised a value: it waits for it, whatever the time.
fn promised_value_comes() -> String {
    let (sender, receiver) = ends(Some(0));
    let other = {
        let sender = sender.clone();
        spawn(move || select_biased! { send(sender, 1) -> sent => sent.unwrap() })
    };
    let outcome = match receiver.recv_timeout(SHORT) {
        Ok(1) => "received",
        Err(RecvTimeoutError::Timeout) => {
            assert_eq!(receiver.recv(), Ok(1));
            "timed out"
        }
        other => panic!("{other:?}"),
    };
    other.join().unwrap();
    outcome.into()
}

/// A waiter whose time is up claims itself, unless it has been claimed.
fn time_is_up() -> String {
    let waiter = Arc::new(Waiter::thread());
    let other = {
        let waiter = waiter.clone();
        spawn(move || {
            let claimed = waiter.claim(WakeCause::Done(1));
            if claimed {
                waiter.notify();
            }
            claimed
        })
    };
    let cause = match waiter.wait_until(Some(now() + SHORT)) {
        Some(cause) => cause,
        None if waiter.claim(WakeCause::Retry) => WakeCause::Retry,
        None => waiter.wait(),
    };
    let claimed = other.join().unwrap();
    assert_eq!(cause, if claimed { WakeCause::Done(1) } else { WakeCause::Retry });
    if claimed { "claimed".into() } else { "time is up".into() }
}

/// The fault of a receive that gives up without a look at what it was given in the last moment.
fn gives_up_unseen() -> String {
    let (slot, waiter) = (Arc::new(Lock::new(None)), Arc::new(Waiter::thread()));
    let sender = {
        let (slot, waiter) = (slot.clone(), waiter.clone());
        spawn(move || {
            slot.with(|slot| *slot = Some(1));
            assert!(waiter.claim(WakeCause::Done(0)));
            waiter.notify();
        })
    };
    let received = waiter.wait_until(Some(now() + SHORT)).and_then(|_| slot.with(Option::take));
    sender.join().unwrap();
    assert!(received.is_some(), "the value is lost");
    "received".into()
}

/// Two receivers, one with a limit: if the limit is reached, the other one gets the value.
fn next_receiver() -> String {
    let (sender, receiver) = ends(Some(1));
    let plain = {
        let receiver = receiver.clone();
        spawn(move || receiver.recv().unwrap())
    };
    let limited = {
        let receiver = receiver.clone();
        spawn(move || receiver.recv_timeout(SHORT).is_ok())
    };
    sender.send(1).unwrap();
    let limited = limited.join().unwrap();
    if limited {
        sender.send(1).unwrap();
    }
    assert_eq!(plain.join().unwrap(), 1);
    if limited { "a".into() } else { "b".into() }
}

/// Two senders, one with a limit: if the limit is reached, the other one gets its value through.
fn next_sender() -> String {
    let (sender, receiver) = ends(Some(0));
    let plain = {
        let sender = sender.clone();
        spawn(move || sender.send(1).unwrap())
    };
    let limited = {
        let sender = sender.clone();
        spawn(move || sender.send_timeout(2, SHORT).is_ok())
    };
    let first = receiver.recv().unwrap();
    let limited = limited.join().unwrap();
    if first == 2 {
        assert!(limited);
        assert_eq!(receiver.recv(), Ok(1));
    }
    plain.join().unwrap();
    if first == 2 { "a".into() } else { "b".into() }
}

fn limit_ends_the_wait() -> String {
    let (_sender, receiver) = ends::<usize>(Some(0));
    format!("{:?}", receiver.recv_timeout(SHORT).unwrap_err())
}

fn limit_too_far() -> String {
    let (sender, receiver) = ends(Some(0));
    let other = spawn(move || sender.send_timeout(7, Duration::MAX).unwrap());
    let value: usize = receiver.recv_timeout(Duration::MAX).unwrap();
    other.join().unwrap();
    value.to_string()
}
