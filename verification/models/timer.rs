//! Time: operations with a limit, and timers. Expiry is a choice of the explorer's: a wait with a deadline ends when its
//! thread runs again, and every schedule of that is explored.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Context;
use std::time::{Duration, Instant};

use hence_registry::{Kind, Model, Weaken};

use super::harness::{Arc, Counted, CountingWaker, Witness, block_on, ends, race, spawn};
use super::weaken::weaken;
use super::{DEADLOCK, RACE};
use crate::hence::channel::{
    Receiver, RecvTimeoutError, SendTimeoutError, Sender, after, at, bounded, never, tick, tick_delayed,
};
use crate::hence::sync::{Lock, now, reached};
use crate::hence::wait::{Waiter, WakeCause};
use crate::select_biased;

pub(super) fn models() -> Vec<Model> {
    [
        ticks_in_order(),
        one_message_for_two(),
        taken_by_both(),
        never_early(),
        never_early_async(),
        in_step(),
        a_period_apart(),
        recv_timeout(),
        send_timeout(),
        both_limited(),
        close_and_limits(),
        disconnect_and_limit(),
        select_with_limit(),
        both_at_once(),
        past_deadlines(),
        no_time_left(),
        promised_value_comes(),
        time_is_up(),
        gives_up_unseen(),
        next_receiver(),
        next_sender(),
        limit_ends_the_wait(),
        polled_by_another_task(),
        limit_too_far(),
    ]
    .concat()
}

/// Two receivers of one timer: the one with the later message sees what the other did before.
fn ticks_in_order() -> Vec<Model> {
    fn run() -> String {
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
        let (theirs, mine) = race(receive(1), receive(0));
        assert_ne!(mine, theirs);
        if mine { "second".into() } else { "first".into() }
    }
    vec![
        Model::new("hb_tm_1_ticks_in_order", &["HB-TM-1"], &["first", "second"], run),
        Model::failing("hb_tm_1_take_unlocked", &["HB-TM-1"], RACE, run).weakened(weaken(
            Kind::NoLock,
            "src/timer/schedule.rs",
            "self.next.with(take)",
        )),
    ]
}

/// Two receive from one timer: one of them gets its message.
fn one_message_for_two() -> Vec<Model> {
    fn run() -> String {
        let timer = after(SHORT);
        let receive = |timer: Receiver<_>| move || timer.recv_timeout(3 * SHORT).is_ok();
        match race(receive(timer.clone()), receive(timer)) {
            (false, true) => "a".into(),
            (true, false) => "b".into(),
            both => panic!("one message, once: {both:?}"),
        }
    }
    vec![Model::new("sf_tm_1_one_message_for_two", &["SF-TM-1"], &["a", "b"], run)]
}

/// The fault of a timer whose message is looked at in one critical section and taken in another.
fn taken_by_both() -> Vec<Model> {
    fn run() -> String {
        let message = Arc::new(Lock::new(Some(1)));
        let take = || {
            let message = message.clone();
            move || {
                let there = message.with(|message| *message);
                message.with(|message| *message = None);
                there
            }
        };
        let (theirs, mine) = race(take(), take());
        assert!(mine.xor(theirs).is_some(), "one message, once");
        "once".into()
    }
    vec![Model::failing("sf_tm_1_taken_by_both", &["SF-TM-1"], &["one message, once"], run)]
}

/// A timer's message tells its moment, and does not come before, while another thread waits for a later one.
fn never_early() -> Vec<Model> {
    fn run() -> String {
        let begun = now();
        let timer = after(SHORT);
        assert!(timer.try_recv().is_err());
        let other = spawn(move || reached(begun + 2 * SHORT));
        let moment = timer.recv().unwrap();
        assert!(moment == begun + SHORT && now() >= moment);
        other.join().unwrap();
        "not before".into()
    }
    vec![Model::new("sf_tm_1_never_early", &["SF-TM-1"], &["not before"], run)]
}

/// A task gets a timer's message no earlier.
fn never_early_async() -> Vec<Model> {
    fn run() -> String {
        let begun = now();
        let moment = block_on(after(SHORT).recv_async()).unwrap();
        assert!(moment == begun + SHORT && now() >= moment);
        "not before".into()
    }
    vec![Model::new("sf_tm_1_async", &["SF-TM-1", "LV-TM-1"], &["not before"], run)]
}

/// A tick is due some periods after the ticker was made, and none piles up, though another thread's waits make us late.
fn in_step() -> Vec<Model> {
    fn run(tick: fn(Duration) -> Receiver<Instant>) -> String {
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
    vec![
        Model::new("sf_tm_1_ticks_in_step", &["SF-TM-1"], &["the next", "two are left out"], || run(tick)),
        Model::failing("sf_tm_1_ticks_out_of_step", &["SF-TM-1"], &["in step"], || run(tick_delayed)),
    ]
}

/// A delayed tick is due a period after the last one was taken, which another thread's waits may have made late.
fn a_period_apart() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_tm_1_ticks_a_period_apart", &["SF-TM-1"], &["apart"], run)]
}

/// A receive with a limit and a send: the value is received in time, or is there afterwards.
fn recv_timeout() -> Vec<Model> {
    fn run(capacity: Option<usize>) -> String {
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
    vec![
        Model::new("sf_tm_2_recv_timeout_rendezvous", &["SF-TM-2"], RECEIVED, || run(Some(0))),
        Model::new("sf_tm_2_recv_timeout_bounded", &["SF-TM-2"], RECEIVED, || run(Some(1))),
        Model::new("sf_tm_2_recv_timeout_unbounded", &["SF-TM-2"], RECEIVED, || run(None)),
        Model::failing("sf_tm_2_gives_up_unlocked", &["SF-TM-2"], RACE, || run(Some(0)))
            .weakened(core(Kind::NoLock, "self.with(|state| state.receivers.remove(")),
    ]
}

/// A send with a limit on a full channel and a receive: the value is received, or comes back.
fn send_timeout() -> Vec<Model> {
    const SENT: &[&str] = &["sent", "timed out"];

    fn run(capacity: usize) -> String {
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
    vec![
        Model::new("sf_tm_2_send_timeout_rendezvous", &["SF-TM-2"], SENT, || run(0)),
        Model::new("sf_tm_2_send_timeout_bounded", &["SF-TM-2"], SENT, || run(1)),
        Model::failing("sf_tm_2_takes_back_unlocked", &["SF-TM-2"], RACE, || run(0))
            .weakened(core(Kind::NoLock, "let left = self.with(")),
    ]
}

/// A send and a receive, both with limits: they meet, or neither happens and the value comes back.
fn both_limited() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        match race(move || sender.send_timeout(1, SHORT), || receiver.recv_timeout(SHORT)) {
            (Ok(()), Ok(1)) => "met".into(),
            (Err(SendTimeoutError::Timeout(1)), Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)) => {
                "both time out".into()
            }
            other => panic!("{other:?}"),
        }
    }
    vec![Model::new("sf_tm_2_both_limited", &["SF-TM-2"], &["both time out", "met"], run)]
}

/// A send and a receive with limits, and a close: they meet, or each tells why it has ended, and the value comes back.
fn close_and_limits() -> Vec<Model> {
    const CLOSED: &[&str] =
        &["Disconnected, Disconnected", "Disconnected, Timeout", "Timeout, Disconnected", "Timeout, Timeout", "met"];

    fn run() -> String {
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
    vec![Model::new("sf_tm_2_close_and_limits", &["SF-TM-2", "LV-CH-2"], CLOSED, run)]
}

/// A value, and then no sender any more: no end before the value.
fn disconnect_and_limit() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_tm_2_disconnect_and_limit", &["SF-TM-2"], &["received", "timed out"], run)]
}

/// A select with a limit, its own or a timer's, and a send: the value is received in time, or is there afterwards.
fn select_with_limit() -> Vec<Model> {
    fn run(capacity: usize, timer: bool) -> String {
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
    vec![
        Model::new("sf_tm_2_select_with_limit", &["SF-TM-2", "SF-SEL-1", "SF-SEL-2"], RECEIVED, || run(0, false)),
        Model::new("sf_tm_2_select_with_timer", &["SF-TM-2", "SF-SEL-1", "SF-SEL-2"], RECEIVED, || run(1, true)),
    ]
}

/// A message that comes when the time is up is there.
fn both_at_once() -> Vec<Model> {
    fn run() -> String {
        assert!(after(SHORT).recv_timeout(SHORT).is_ok());
        "received".into()
    }
    vec![Model::new("sf_tm_2_both_at_once", &["SF-TM-2"], &["received"], run)]
}

/// A deadline that has passed is no reason not to try.
fn past_deadlines() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_tm_2_past_deadlines", &["SF-TM-2"], &["tried once"], run)]
}

/// A send and a receive on a rendezvous channel, which meet only if one of them waits for the other: with no time left
/// neither does.
fn no_time_left() -> Vec<Model> {
    fn run(send: fn(&Sender<usize>) -> bool, receive: fn(&Receiver<usize>) -> bool) -> String {
        let (sender, receiver) = ends(Some(0));
        let theirs = sender.clone();
        let (sent, received) = race(move || send(&theirs), || receive(&receiver));
        assert_eq!(sent, received);
        assert!(!sent, "one has waited");
        "neither waits".into()
    }
    vec![
        Model::new("sf_tm_2_no_time_left", &["SF-TM-2"], &["neither waits"], || {
            run(|sender| sender.send_timeout(1, NONE).is_ok(), |receiver| receiver.recv_timeout(NONE).is_ok())
        }),
        Model::new("sf_tm_2_no_time_left_for_a_select", &["SF-TM-2", "SF-SEL-2"], &["neither waits"], || {
            run(
                |sender| select_biased! { send(sender, 1) -> _ => true, default(NONE) => false },
                |receiver| select_biased! { recv(receiver) -> _ => true, default(NONE) => false },
            )
        }),
        Model::failing("sf_tm_2_a_sender_waits_all_the_same", &["SF-TM-2"], &["one has waited"], || {
            run(|sender| sender.send_timeout(1, SHORT).is_ok(), |receiver| receiver.recv_timeout(NONE).is_ok())
        }),
        Model::failing("sf_tm_2_a_select_waits_all_the_same", &["SF-TM-2"], &["one has waited"], || {
            run(
                |sender| sender.send_timeout(1, NONE).is_ok(),
                |receiver| select_biased! { recv(receiver) -> _ => true, default(SHORT) => false },
            )
        }),
    ]
}

/// A receive with a limit to which a select has promised a value: it waits for it, whatever the time.
fn promised_value_comes() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_tm_2_promised_value_comes", &["SF-TM-2", "SF-SEL-4"], RECEIVED, run)]
}

/// A waiter whose time is up claims itself, unless it has been claimed.
fn time_is_up() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("sf_tm_2_select_time_is_up", &["SF-TM-2", "SF-WT-1"], &["claimed", "time is up"], run)]
}

/// The fault of a receive that gives up without a look at what it was given in the last moment.
fn gives_up_unseen() -> Vec<Model> {
    fn run() -> String {
        let (slot, waiter) = (Arc::new(Lock::new(None)), Arc::new(Waiter::thread()));
        let sending = {
            let (slot, waiter) = (slot.clone(), waiter.clone());
            move || {
                slot.with(|slot| *slot = Some(1));
                assert!(waiter.claim(WakeCause::Done(0)));
                waiter.notify();
            }
        };
        let receiving = || waiter.wait_until(Some(now() + SHORT)).and_then(|_| slot.with(Option::take));
        let ((), received) = race(sending, receiving);
        assert!(received.is_some(), "the value is lost");
        "received".into()
    }
    vec![Model::failing("sf_tm_2_gives_up_unseen", &["SF-TM-2"], &["the value is lost"], run)]
}

/// Two receivers, one with a limit: if the limit is reached, the other one gets the value.
fn next_receiver() -> Vec<Model> {
    fn run() -> String {
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
    vec![
        Model::new("lv_tm_1_wake_goes_to_the_next_receiver", &["LV-TM-1"], &["a", "b"], run),
        Model::failing("lv_tm_1_next_receiver_not_woken", &["LV-TM-1"], DEADLOCK, run)
            .weakened(core(Kind::NoWake, "notify(whom); // site: send,")),
    ]
}

/// Two senders, one with a limit: if the limit is reached, the other one gets its value through.
fn next_sender() -> Vec<Model> {
    fn run() -> String {
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
    vec![
        Model::new("lv_tm_1_wake_goes_to_the_next_sender", &["LV-TM-1"], &["a", "b"], run),
        Model::failing("lv_tm_1_next_sender_not_woken", &["LV-TM-1"], DEADLOCK, run)
            .weakened(core(Kind::NoWake, "notify(whom)); // site: recv,")),
    ]
}

/// A receive to which nobody sends ends when its time is up.
fn limit_ends_the_wait() -> Vec<Model> {
    fn run() -> String {
        let (_sender, receiver) = ends::<usize>(Some(0));
        format!("{:?}", receiver.recv_timeout(SHORT).unwrap_err())
    }
    vec![Model::new("lv_tm_1_a_limit_ends_the_wait", &["LV-TM-1"], &["Timeout"], run).one_way("nobody sends")]
}

/// The task that polls last is the one that is woken, whether or not the first one has been by then.
fn polled_by_another_task() -> Vec<Model> {
    fn run() -> String {
        let (begun, timer, (wakes, waker)) = (now(), after(SHORT), CountingWaker::new());
        let mut receive = Box::pin(timer.recv_async());
        assert!(receive.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(block_on(receive), Ok(begun + SHORT));
        assert!(wakes.count() <= 1, "its alarm was taken back");
        "woken".into()
    }
    vec![
        Model::new("lv_tm_1_polled_by_another_task", &["LV-TM-1", "SF-TM-1"], &["woken"], run),
        Model::failing("lv_tm_1_task_not_woken", &["LV-TM-1"], DEADLOCK, run).weakened(weaken(
            Kind::NoWake,
            "src/channel/future.rs",
            "wait.alarm = schedule.next()",
        )),
    ]
}

/// A send and a receive whose limits are past all clocks wait for each other.
fn limit_too_far() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(0));
        let sending = move || sender.send_timeout(7, Duration::MAX).unwrap();
        let ((), value) = race(sending, || receiver.recv_timeout(Duration::MAX).unwrap());
        value.to_string()
    }
    vec![Model::new("lv_tm_1_a_limit_too_far_is_none", &["LV-TM-1"], &["7"], run)]
}

fn core(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/channel/core.rs", code)
}

const RECEIVED: &[&str] = &["received", "timed out"];
const SHORT: Duration = Duration::from_millis(1);
const NONE: Duration = Duration::ZERO;
