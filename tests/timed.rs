//! Operations with a limit, and timers. Nothing here depends on how fast the machine is: what is measured is that nothing
//! ends early, and what may take long has a limit that no test reaches.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use hence::channel::{
    Receiver, RecvError, RecvTimeoutError, SendTimeoutError, Sender, TryRecvError, after, at, bounded, never, select,
    select_biased, tick, tick_delayed, unbounded,
};
use util::{Drops, block_on, blocked, give_up, operations, peek, watched};

/// Long enough that a wait happens, short enough to sit through.
const SHORT: Duration = Duration::from_millis(5);
/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(1000);

/// One channel of each kind.
fn every_kind<T>() -> [(Sender<T>, Receiver<T>); 4] {
    [bounded(0), bounded(1), bounded(3), unbounded()]
}

/// A moment in the past, as far back as there is one.
fn past() -> Instant {
    let now = Instant::now();
    now.checked_sub(LONG).unwrap_or(now)
}

/// That code takes at least this long.
fn takes<R>(time: Duration, code: impl FnOnce() -> R) -> R {
    let begun = Instant::now();
    let result = code();
    assert!(begun.elapsed() >= time);
    result
}

/// A stream of numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

// A limit that is reached.

#[test]
fn a_send_is_never_given_up_early() {
    watched(|| {
        for capacity in [0, 1, 3] {
            let (sender, _receiver) = bounded(capacity);
            (0..capacity).for_each(|_| sender.send(0).unwrap());
            assert_eq!(takes(SHORT, || sender.send_timeout(7, SHORT)), Err(SendTimeoutError::Timeout(7)));
            let deadline = Instant::now() + SHORT;
            assert_eq!(sender.send_deadline(8, deadline), Err(SendTimeoutError::Timeout(8)));
            assert!(Instant::now() >= deadline);
        }
    });
}

#[test]
fn a_receive_is_never_given_up_early() {
    watched(|| {
        for (_sender, receiver) in every_kind::<u8>() {
            assert_eq!(takes(SHORT, || receiver.recv_timeout(SHORT)), Err(RecvTimeoutError::Timeout));
            let deadline = Instant::now() + SHORT;
            assert_eq!(receiver.recv_deadline(deadline), Err(RecvTimeoutError::Timeout));
            assert!(Instant::now() >= deadline);
        }
    });
}

#[test]
fn what_was_given_up_leaves_no_trace() {
    watched(|| {
        for wait in [Duration::ZERO, Duration::from_millis(1)] {
            for capacity in [0, 1] {
                let drops = Drops::new(3);
                let (sender, receiver) = bounded(capacity);
                (0..capacity).for_each(|_| sender.send(drops.value(0)).unwrap());
                let Err(SendTimeoutError::Timeout(back)) = sender.send_timeout(drops.value(1), wait) else { panic!() };
                assert_eq!((back.number, drops.counts()), (1, vec![0, 0, 0]));
                assert_eq!(receiver.try_iter().map(|value| value.number).collect::<Vec<_>>(), vec![0; capacity]);
                assert_eq!(receiver.recv_timeout(wait).map(drop), Err(RecvTimeoutError::Timeout));
                assert_eq!(sender.is_full(), capacity == 0);
                if capacity == 0 {
                    assert!(sender.try_send(drops.value(2)).is_err()); // nobody waits any more
                }
                drop(back);
                assert_eq!(drops.counts()[1], 1);
            }
        }
    });
}

#[test]
fn who_stood_behind_moves_up() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        let (first, mut second) = (receiver.clone(), receiver.recv_async());
        let first = blocked(move || first.recv_timeout(SHORT));
        assert!(peek(&mut second).is_pending());
        assert_eq!(first.join().unwrap(), Err(RecvTimeoutError::Timeout));
        sender.try_send(1).unwrap();
        assert_eq!(peek(&mut second), Ok(1).into());

        let (first, mut second) = (sender.clone(), sender.send_async(3));
        let first = blocked(move || first.send_timeout(2, SHORT));
        assert!(peek(&mut second).is_pending());
        assert_eq!(first.join().unwrap(), Err(SendTimeoutError::Timeout(2)));
        assert_eq!(receiver.try_recv(), Ok(3));
        assert_eq!(peek(&mut second), Ok(()).into());
    });
}

// A limit that has passed, or none at all.

#[test]
fn a_limit_that_has_passed_leaves_one_try() {
    watched(|| {
        for (sender, receiver) in every_kind() {
            type Limited<'a> =
                (&'a dyn Fn(u8) -> Result<(), SendTimeoutError<u8>>, &'a dyn Fn() -> Result<u8, RecvTimeoutError>);
            let limits: [Limited<'_>; 2] = [
                (&|value| sender.send_deadline(value, past()), &|| receiver.recv_deadline(past())),
                (&|value| sender.send_timeout(value, Duration::ZERO), &|| receiver.recv_timeout(Duration::ZERO)),
            ];
            for (send, receive) in limits {
                assert_eq!(receive(), Err(RecvTimeoutError::Timeout));
                // Room, or a receiver that waits.
                let mut partner = receiver.recv_async();
                assert!(peek(&mut partner).is_pending());
                assert_eq!(send(1), Ok(()));
                assert_eq!(peek(&mut partner), Ok(1).into());
                let room = sender.capacity().unwrap_or(5);
                (0..room).for_each(|_| assert_eq!(send(2), Ok(())));
                if sender.is_full() {
                    assert_eq!(send(3), Err(SendTimeoutError::Timeout(3)));
                }
                // A value, or a sender that waits.
                let mut partner = sender.send_async(4);
                let _ = peek(&mut partner);
                (0..room).for_each(|_| assert_eq!(receive(), Ok(2)));
                assert_eq!(receive(), Ok(4));
                assert_eq!(receive(), Err(RecvTimeoutError::Timeout));
            }
            // The end is no time-out, and what was sent before it comes first.
            let _ = sender.try_send(5);
            let (send, receive) = limits[0];
            let left = receiver.len();
            sender.close();
            assert_eq!(send(6), Err(SendTimeoutError::Disconnected(6)));
            assert_eq!(sender.send_timeout(7, LONG), Err(SendTimeoutError::Disconnected(7)));
            (0..left).for_each(|_| assert_eq!(receive(), Ok(5)));
            assert_eq!(receive(), Err(RecvTimeoutError::Disconnected));
            assert_eq!(receiver.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
        }
    });
}

#[test]
fn a_limit_too_far_away_is_none() {
    watched(|| {
        for capacity in [0, 1] {
            let (sender, receiver) = bounded(capacity);
            let waits = receiver.clone();
            let consumer = blocked(move || waits.recv_timeout(Duration::MAX));
            sender.send_timeout(1, Duration::MAX).unwrap();
            assert_eq!(consumer.join().unwrap(), Ok(1));
            (0..capacity).for_each(|_| sender.send(2).unwrap());
            let producer = blocked(move || sender.send_timeout(3, Duration::MAX));
            assert!(receiver.iter().take(capacity + 1).eq([2, 3].into_iter().skip(1 - capacity)));
            assert_eq!(producer.join().unwrap(), Ok(()));
            assert_eq!(receiver.recv_timeout(Duration::MAX), Err(RecvTimeoutError::Disconnected));
        }
    });
}

// A limit that is not reached.

#[test]
fn a_wait_with_a_limit_ends_with_what_it_waits_for() {
    watched(|| {
        for (sender, receiver) in every_kind() {
            let (waits, ends) = (receiver.clone(), receiver.clone());
            let consumer = blocked(move || waits.recv_timeout(LONG));
            sender.send(1).unwrap();
            assert_eq!(consumer.join().unwrap(), Ok(1));
            (0..sender.capacity().unwrap_or(0)).for_each(|_| sender.send(0).unwrap());
            let waits = sender.clone();
            let producer = blocked(move || waits.send_deadline(2, Instant::now() + LONG));
            assert_eq!(receiver.iter().find(|value| *value != 0), Some(2));
            assert_eq!(producer.join().unwrap(), Ok(()));
            let consumer = blocked(move || ends.recv_deadline(Instant::now() + LONG));
            drop(sender);
            assert_eq!(consumer.join().unwrap(), Err(RecvTimeoutError::Disconnected));
        }
        for capacity in [0, 1] {
            let (sender, receiver) = bounded(capacity);
            (0..capacity).for_each(|_| sender.send(0).unwrap());
            let producer = blocked(move || sender.send_timeout(1, LONG));
            drop(receiver);
            assert_eq!(producer.join().unwrap(), Err(SendTimeoutError::Disconnected(1)));
        }
    });
}

// A limit that is reached at the moment when something comes (SF-TM-2, LV-TM-1).

/// Senders and receivers whose limits run out all the time: what a send says went in has come out, once.
fn each_value_has_one_outcome(capacity: Option<usize>, close: bool) {
    watched(move || {
        const EACH: u64 = 1500;
        let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
        let (sent, received) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for me in 0..2 {
                let (sender, sent) = (sender.clone(), &sent);
                scope.spawn(move || {
                    let (mut dice, mut mine) = (Dice(me + 1), Vec::new());
                    for value in me * EACH..(me + 1) * EACH {
                        if close && me == 0 && value == EACH / 2 {
                            sender.close();
                        }
                        let wait = Duration::from_micros(dice.roll(40));
                        let result = match dice.roll(4) {
                            0 => sender.send_deadline(value, Instant::now() + wait),
                            1 => select! {
                                send(sender, value) -> sent => sent.map_err(From::from),
                                default(wait) => Err(SendTimeoutError::Timeout(value)),
                            },
                            _ => sender.send_timeout(value, wait),
                        };
                        match result {
                            Ok(()) => mine.push(value),
                            Err(error) => assert_eq!((error.into_inner(), close || error.is_timeout()), (value, true)),
                        }
                    }
                    sent.lock().unwrap().extend(mine);
                });
                let (receiver, received) = (receiver.clone(), &received);
                scope.spawn(move || {
                    let (mut dice, mut mine) = (Dice(me + 7), Vec::new());
                    loop {
                        let wait = Duration::from_micros(dice.roll(40));
                        let result = match dice.roll(6) {
                            0 => receiver.recv_deadline(Instant::now() + wait),
                            1 => select! {
                                recv(receiver) -> value => value.map_err(From::from),
                                recv(after(wait)) -> _ => Err(RecvTimeoutError::Timeout),
                            },
                            2 => {
                                thread::sleep(wait);
                                continue;
                            }
                            _ => receiver.recv_timeout(wait),
                        };
                        match result {
                            Ok(value) => mine.push(value),
                            Err(RecvTimeoutError::Timeout) => {}
                            Err(RecvTimeoutError::Disconnected) => break,
                        }
                    }
                    received.lock().unwrap().extend(mine);
                });
            }
            drop(sender);
        });
        let (mut sent, mut received) = (sent.into_inner().unwrap(), received.into_inner().unwrap());
        sent.sort();
        received.sort();
        assert_eq!(sent, received);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    });
}

#[test]
fn each_value_has_one_outcome_at_capacity_0() {
    each_value_has_one_outcome(Some(0), false);
}

#[test]
fn each_value_has_one_outcome_at_capacity_1() {
    each_value_has_one_outcome(Some(1), false);
}

#[test]
fn each_value_has_one_outcome_at_capacity_3() {
    each_value_has_one_outcome(Some(3), false);
}

#[test]
fn each_value_has_one_outcome_unbounded() {
    each_value_has_one_outcome(None, false);
}

#[test]
fn each_value_has_one_outcome_and_a_close_comes_between() {
    for capacity in [Some(0), Some(1), None] {
        each_value_has_one_outcome(capacity, true);
    }
}

/// One receiver's time runs out about when the value comes; another one waits for as long as it takes.
#[test]
fn a_time_out_takes_no_wake_up_with_it() {
    watched(|| {
        let mut dice = Dice(3);
        for round in 0..300 {
            let (sender, receiver) = bounded(round % 2);
            let wait = Duration::from_micros(dice.roll(100));
            let hurried = thread::scope(|scope| {
                let hurried = scope.spawn(|| receiver.recv_timeout(wait));
                let patient = scope.spawn(|| receiver.recv());
                thread::sleep(Duration::from_micros(dice.roll(60)));
                sender.send(1).unwrap();
                let hurried = hurried.join().unwrap();
                if hurried.is_ok() {
                    sender.send(2).unwrap();
                }
                assert_eq!(patient.join().unwrap(), Ok(hurried.map_or(1, |_| 2)));
                hurried
            });
            assert!(matches!(hurried, Ok(1) | Err(RecvTimeoutError::Timeout)));
        }
        // The same for senders.
        for round in 0..300 {
            let (sender, receiver) = bounded(round % 2);
            (0..round % 2).for_each(|_| sender.send(0).unwrap());
            let wait = Duration::from_micros(dice.roll(100));
            thread::scope(|scope| {
                let hurried = scope.spawn(|| sender.send_timeout(1, wait));
                let patient = scope.spawn(|| sender.send(2));
                thread::sleep(Duration::from_micros(dice.roll(60)));
                assert!(round % 2 == 0 || receiver.recv() == Ok(0));
                let first = receiver.recv().unwrap();
                if hurried.join().unwrap().is_ok() {
                    assert_eq!(first + receiver.recv().unwrap(), 3);
                } else {
                    assert_eq!(first, 2);
                }
                assert_eq!(patient.join().unwrap(), Ok(()));
            });
        }
    });
}

/// A receive that a select has chosen to send to waits for the value, however long that takes; if it does not come, its
/// time is up.
#[test]
fn a_value_that_is_on_its_way_is_waited_for() {
    type Wait = fn(&Receiver<u8>) -> Option<u8>;
    let waits: [Wait; 4] = [
        |receiver| receiver.recv_timeout(SHORT).ok(),
        |receiver| receiver.recv_deadline(Instant::now() + SHORT).ok(),
        |receiver| select! { recv(receiver) -> value => value.ok(), default(SHORT) => None },
        |receiver| select! { recv(receiver) -> value => value.ok(), recv(after(SHORT)) -> _ => None },
    ];
    watched(move || {
        for (wait, comes) in waits.into_iter().flat_map(|wait| [(wait, true), (wait, false)]) {
            let (sender, receiver) = bounded(0);
            loop {
                let receiver = receiver.clone();
                let waits = thread::spawn(move || wait(&receiver));
                let mut select = operations![send sender];
                // It is chosen while it waits; or it came too late, and is followed by another.
                let chosen = loop {
                    match select.try_select() {
                        Ok(operation) => break Some(operation),
                        Err(_) if waits.is_finished() => break None,
                        Err(_) => thread::yield_now(),
                    }
                };
                let Some(operation) = chosen else { continue };
                thread::sleep(2 * SHORT);
                assert!(!waits.is_finished());
                if comes {
                    operation.send(&sender, 7).unwrap();
                } else {
                    give_up(operation);
                }
                assert_eq!(waits.join().unwrap(), comes.then_some(7));
                break;
            }
        }
    });
}

// Timers.

#[test]
fn a_message_is_its_moment_and_never_early() {
    watched(|| {
        let begun = Instant::now();
        let message = after(SHORT).recv().unwrap();
        assert!(begun + SHORT <= message && message <= Instant::now());
        let when = Instant::now() + SHORT;
        assert_eq!(at(when).recv(), Ok(when));
        assert!(Instant::now() >= when);
        let begun = Instant::now();
        let mut last = begun;
        for message in tick(SHORT).iter().take(4) {
            assert!(last + SHORT <= message && message <= Instant::now());
            last = message;
        }
        assert!(begun.elapsed() >= 4 * SHORT);
    });
}

#[test]
fn a_moment_that_has_passed_is_there_at_once() {
    watched(|| {
        assert_eq!(at(past()).try_recv().map(|message| message <= Instant::now()), Ok(true));
        let now = Instant::now();
        assert_eq!((at(now).recv(), at(now).recv_timeout(Duration::ZERO)), (Ok(now), Ok(now)));
        assert!(after(Duration::ZERO).try_recv().is_ok());
        assert!(tick(Duration::ZERO).try_iter().take(1000).count() == 1000);
    });
}

#[test]
fn a_timer_has_one_message() {
    watched(|| {
        for timer in [after(LONG), at(Instant::now() + LONG), tick(LONG)] {
            assert_eq!((timer.len(), timer.is_empty(), timer.is_full(), timer.capacity()), (0, true, false, Some(1)));
            assert_eq!(timer.try_recv(), Err(TryRecvError::Empty));
        }
        for timer in [after(SHORT), at(Instant::now() + SHORT)] {
            let clone = timer.clone();
            assert!(timer.recv().is_ok());
            assert_eq!(clone.try_recv(), Err(TryRecvError::Empty)); // no disconnection: there is nobody to leave
            assert_eq!(clone.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
            assert_eq!((clone.len(), clone.is_empty(), clone.is_full()), (0, true, false));
        }
    });
}

#[test]
fn a_timer_that_is_due_holds_a_message() {
    for timer in [at(past()), after(Duration::ZERO), tick(Duration::ZERO)] {
        for handle in [&timer, &timer.clone()] {
            assert_eq!(
                (handle.len(), handle.is_empty(), handle.is_full(), handle.capacity()),
                (1, false, true, Some(1))
            );
        }
    }
}

#[test]
fn ticks_do_not_pile_up() {
    watched(|| {
        let ticks = tick(SHORT);
        thread::sleep(4 * SHORT);
        assert_eq!(ticks.len(), 1);
        let first = ticks.try_recv().unwrap(); // due long ago
        let received = Instant::now();
        let second = ticks.recv().unwrap();
        assert!(first + 3 * SHORT <= second && second <= received + SHORT);
        let ticks = tick_delayed(SHORT);
        thread::sleep(4 * SHORT);
        let (before, first) = (Instant::now(), ticks.try_recv().unwrap());
        let received = Instant::now();
        let second = ticks.recv().unwrap();
        assert!(first + 4 * SHORT <= second && before + SHORT <= second && second <= received + SHORT);
    });
}

/// The n-th message is due n periods after the ticker was made, however it is received and whatever that takes; those
/// that are missed are left out, and the next one is in step.
#[test]
fn ticks_do_not_drift() {
    watched(|| {
        type Receive = fn(&Receiver<Instant>) -> Instant;
        let receive: [Receive; 7] = [
            |ticks| ticks.recv().unwrap(),
            |ticks| ticks.recv_timeout(LONG).unwrap(),
            |ticks| ticks.iter().next().unwrap(),
            |ticks| loop {
                if let Ok(moment) = ticks.try_recv() {
                    return moment;
                }
            },
            |ticks| block_on(ticks.recv_async()).unwrap(),
            |ticks| block_on(async { ticks.stream().next().await.unwrap() }),
            |ticks| select! { recv(ticks) -> moment => moment.unwrap(), recv(never::<()>()) -> _ => unreachable!() },
        ];
        let mut rng = Dice(88_172_645_463_325_252);
        for receive in receive {
            let period = Duration::from_millis(2);
            let ticks = tick(period);
            let first = ticks.recv().unwrap();
            let mut last = first;
            for _ in 0..10 {
                if rng.roll(4) == 0 {
                    thread::sleep(2 * period); // late
                }
                let before = Instant::now();
                let moment = receive(&ticks);
                assert!(moment > last && moment <= Instant::now(), "one after the other, none early");
                assert_eq!((moment - first).as_nanos() % period.as_nanos(), 0, "in step");
                // If this receive had to wait, it did so for the next moment, none has been left out in between.
                assert!(moment <= before || moment <= before + period, "no more than a period to wait");
                last = moment;
            }
        }
    });
}

#[test]
fn clones_share_the_messages() {
    watched(|| {
        for timer in [after(SHORT), at(Instant::now() + SHORT)] {
            let receives: Vec<_> = (0..4)
                .map(|_| {
                    let timer = timer.clone();
                    thread::spawn(move || timer.recv_timeout(10 * SHORT).is_ok())
                })
                .collect();
            assert_eq!(receives.into_iter().map(|r| usize::from(r.join().unwrap())).sum::<usize>(), 1);
        }
        let (begun, ticks) = (Instant::now(), tick(SHORT));
        let receives: Vec<_> = (0..4)
            .map(|_| {
                let ticks = ticks.clone();
                thread::spawn(move || ticks.recv().unwrap())
            })
            .collect();
        let mut moments: Vec<_> = receives.into_iter().map(|receive| receive.join().unwrap()).collect();
        moments.sort();
        assert!(moments.iter().zip(1..).all(|(moment, n)| *moment >= begun + n * SHORT), "{moments:?}, {begun:?}");
        assert!(begun.elapsed() >= 4 * SHORT);
    });
}

#[test]
fn timers_are_told_apart() {
    let (one, two) = (after(LONG), after(LONG));
    assert!(one.same_channel(&one.clone()) && !one.same_channel(&two) && !one.same_channel(&never()));
    assert!(!one.same_channel(&unbounded().1) && !unbounded().1.same_channel(&one));
    assert!(never::<u8>().same_channel(&never()));
}

#[test]
fn a_timer_cannot_be_closed() {
    watched(|| {
        for timer in [after(LONG), tick(LONG), never()] {
            assert!(!timer.close() && !timer.is_closed());
            assert_eq!(timer.try_recv(), Err(TryRecvError::Empty));
        }
        let timer = at(past());
        assert!(!timer.close());
        assert!(timer.recv().is_ok());
    });
}

#[test]
fn never_has_nothing() {
    watched(|| {
        let never = never::<Instant>();
        for receiver in [&never, &never.clone(), &after(Duration::MAX), &tick(Duration::MAX)] {
            assert_eq!(
                (receiver.len(), receiver.is_empty(), receiver.is_full(), receiver.capacity()),
                (0, true, true, Some(0))
            );
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(takes(SHORT, || receiver.recv_timeout(SHORT)), Err(RecvTimeoutError::Timeout));
            assert_eq!(receiver.recv_deadline(past()), Err(RecvTimeoutError::Timeout));
            assert_eq!(receiver.try_iter().count(), 0);
        }
    });
}

#[test]
fn a_period_may_be_endless() {
    watched(|| {
        let far = Duration::from_secs(u64::MAX / 4);
        let ticks = tick(far);
        assert_eq!(ticks.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
        assert_eq!(after(far).recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    });
}

#[test]
fn a_limit_and_a_timer_the_earlier_counts() {
    watched(|| {
        assert!(after(SHORT).recv_timeout(LONG).is_ok());
        assert!(tick(SHORT).recv_deadline(Instant::now() + LONG).is_ok());
        assert_eq!(takes(SHORT, || after(LONG).recv_timeout(SHORT)), Err(RecvTimeoutError::Timeout));
        assert_eq!(takes(SHORT, || tick(LONG).recv_timeout(SHORT)), Err(RecvTimeoutError::Timeout));
        let timer = after(SHORT);
        assert!(timer.recv_timeout(Duration::ZERO).is_ok() || timer.recv().is_ok()); // now, or later
        // What is due is received, though the time is up.
        assert!(at(past()).recv_deadline(past()).is_ok() && at(past()).recv_timeout(Duration::ZERO).is_ok());
        assert!(tick(Duration::ZERO).recv_deadline(past()).is_ok());
        let due = at(past());
        assert!(operations![recv due].select_deadline(past()).is_ok_and(|operation| operation.recv(&due).is_ok()));
        let when = Instant::now() + SHORT; // both at once: what has come is there
        assert_eq!(at(when).recv_deadline(when), Ok(when));
        let timer = at(when + SHORT);
        let mut select = operations![recv timer];
        assert_eq!(select.select_deadline(when + SHORT).unwrap().recv(&timer), Ok(when + SHORT));
    });
}

// Timers in a select.

#[test]
fn the_earlier_of_two_timers_is_chosen() {
    watched(|| {
        for _ in 0..5 {
            let (early, late) = (after(SHORT), after(LONG));
            let mut select = operations![recv late, recv early];
            let operation = select.select();
            assert_eq!(operation.index(), 1);
            assert!(operation.recv(&early).unwrap() <= Instant::now());
            assert!(takes(SHORT, || select.select_timeout(SHORT)).is_err()); // and the other one is not due
        }
    });
}

#[test]
fn a_timer_does_not_hold_up_the_rest() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        let consumer = blocked(move || {
            select! {
                recv(after(LONG)) -> _ => panic!("too late"),
                recv(tick(LONG)) -> _ => panic!("too late"),
                recv(receiver) -> value => value,
                default(LONG) => panic!("too late"),
            }
        });
        sender.send(1).unwrap();
        assert_eq!(consumer.join().unwrap(), Ok(1));
    });
}

#[test]
fn ready_says_when_a_timer_is_due() {
    watched(|| {
        let (timer, idle) = (after(SHORT), after(LONG));
        let mut select = operations![recv idle, recv timer];
        assert_eq!((select.ready(), select.try_ready(), select.ready_timeout(LONG)), (1, Ok(1), Ok(1)));
        assert!(timer.try_recv().is_ok());
        assert!(select.try_ready().is_err() && select.ready_timeout(SHORT).is_err());
    });
}

#[test]
fn a_select_whose_message_another_takes_waits_on() {
    watched(|| {
        for _ in 0..5 {
            let (sender, receiver) = bounded::<()>(0);
            let timer = after(SHORT);
            let selects = [(); 3].map(|()| {
                let (timer, receiver) = (timer.clone(), receiver.clone());
                thread::spawn(move || {
                    select! {
                        recv(timer) -> message => message.is_ok(),
                        recv(receiver) -> end => end.is_ok(),
                    }
                })
            });
            while !timer.is_empty() || !selects.iter().any(|select| select.is_finished()) {
                thread::yield_now();
            }
            drop(sender);
            assert_eq!(selects.into_iter().filter_map(|select| select.join().unwrap().then_some(())).count(), 1);
        }
    });
}

#[test]
fn one_timer_in_several_operations_gives_one_message() {
    watched(|| {
        let timer = after(SHORT);
        let message = select! {
            recv(timer) -> message => message,
            recv(timer.clone()) -> message => message,
            recv(timer) -> message => message,
        };
        assert!(message.is_ok());
        assert_eq!(timer.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn a_ticker_drives_a_loop_until_the_end() {
    watched(|| {
        let (jobs, queue) = bounded::<u32>(0);
        let worker = thread::spawn(move || {
            let (ticks, mut ticked, mut worked) = (tick(Duration::from_millis(1)), 0, 0);
            loop {
                select_biased! {
                    recv(ticks) -> _ => ticked += 1,
                    recv(queue) -> job => match job {
                        Ok(job) => worked += job,
                        Err(RecvError) => return (ticked, worked),
                    },
                }
            }
        });
        for job in 0..10 {
            thread::sleep(Duration::from_millis(1));
            jobs.send(job).unwrap();
        }
        drop(jobs);
        let (ticked, worked) = worker.join().unwrap();
        assert!(ticked >= 1 && worked == 45, "{ticked} ticks, {worked} worked");
    });
}
