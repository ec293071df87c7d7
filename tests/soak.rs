//! Soak: messages through each capacity and each number of threads, with every form of operation picked at random, and
//! every value accounted for: received once, handed back once, or dropped once by the crate.
//!
//! A configuration is run in rounds, each with a channel of its own that ends at random: all is sent, somebody closes
//! it on the way, or the receivers leave. A second channel, of which every thread has both ends, makes selects of sends
//! and receives. Futures are dropped half-way, and chosen operations given up. `cargo test` sends 20 000 messages
//! through each configuration; the soak proper is
//!
//! ```console
//! $ HENCE_STRESS=10000000 cargo test --release --test soak -- --nocapture
//! $ RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=detect_leaks=1 HENCE_STRESS=10000000 \
//!     cargo test --release --target x86_64-unknown-linux-gnu --test soak -- --nocapture
//! ```
//!
//! the second with AddressSanitizer and LeakSanitizer (each value owns heap memory), whose reports must be empty.
//! Nothing here leaks on purpose.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use hence::channel::{
    Receiver, RecvError, RecvTimeoutError, Select, SendError, SendTimeoutError, Sender, TryRecvError, TrySendError,
    after, bounded, select, select_biased, unbounded,
};
use util::{Name, block_on, peek, watched};

/// The most values that one thread makes in a round.
const MOST: usize = 4096;

// How a value ends. A few of them together do not come to another.
const RECEIVED: u8 = 1;
const HANDED_BACK: u8 = 6;
const DROPPED: u8 = 36;

/// How the values of a round have ended, by their numbers; thread `i` makes those from `i * MOST`.
struct Fates(Vec<AtomicU8>);

/// A small one (`PAD` is 0) is carried by a select itself, a large one is kept by the channel.
struct Value<'a, const PAD: usize> {
    fates: &'a Fates,
    /// On the heap, so that a leak or a second drop is a sanitizer's business, too.
    number: Box<usize>,
    /// How it will have ended if it is dropped now.
    fate: u8,
    pad: [usize; PAD],
}

impl<'a, const PAD: usize> Value<'a, PAD> {
    fn new(fates: &'a Fates, number: usize) -> Self {
        Self { fates, number: Box::new(number), fate: DROPPED, pad: [!number; PAD] }
    }

    /// Ends it.
    fn meets(mut self, fate: u8) {
        assert!(self.pad.iter().all(|pad| *pad == !*self.number), "torn");
        assert_eq!(self.fate, DROPPED);
        self.fate = fate;
    }
}

impl<const PAD: usize> Drop for Value<'_, PAD> {
    fn drop(&mut self) {
        self.fates.0[*self.number].fetch_add(self.fate, Relaxed);
    }
}

/// The round's channel, and the other one.
const MAIN: usize = 0;
const SIDE: usize = 1;

/// What an operation came to.
enum Event<V> {
    Sent(usize, Result<(), V>),
    Received(usize, Result<V, RecvError>),
    /// Time was up, or it could not be done at once; a value handed back is in `held`.
    Nothing,
}
use Event::{Nothing, Received, Sent};

fn sent<V>(channel: usize, sent: Result<(), SendError<V>>) -> Event<V> {
    Sent(channel, sent.map_err(|refused| refused.0))
}

enum Handle<V> {
    Sender(Sender<V>),
    Receiver(Receiver<V>),
}

impl<V> Clone for Handle<V> {
    fn clone(&self) -> Self {
        match self {
            Handle::Sender(sender) => Handle::Sender(sender.clone()),
            Handle::Receiver(receiver) => Handle::Receiver(receiver.clone()),
        }
    }
}

/// What a thread, or all of them, have seen; by channel, where there are two.
#[derive(Clone, Default)]
struct Tally {
    made: u64,
    sent: [u64; 2],
    received: [u64; 2],
    handed_back: u64,
    /// Sends abandoned while they waited: nobody knows.
    unknown: u64,
    /// Chosen receives of the main channel given up: after the end, what one has received is dropped.
    given_up: u64,
    /// Calls of `close` that did.
    closes: [u64; 2],
    operations: u64,
}

impl Tally {
    fn received(&self) -> u64 {
        self.received[MAIN] + self.received[SIDE]
    }

    fn add(&mut self, other: &Self) {
        self.made += other.made;
        self.handed_back += other.handed_back;
        self.unknown += other.unknown;
        self.given_up += other.given_up;
        self.operations += other.operations;
        for channel in [MAIN, SIDE] {
            self.sent[channel] += other.sent[channel];
            self.received[channel] += other.received[channel];
            self.closes[channel] += other.closes[channel];
        }
    }
}

struct Worker<'a, const PAD: usize> {
    me: usize,
    rng: Rng,
    fates: &'a Fates,
    /// How many values it makes.
    quota: usize,
    /// One that was handed back, to be sent again.
    held: Option<Value<'a, PAD>>,
    /// The operations before which it closes a channel, or leaves.
    close_at: [Option<u64>; 2],
    leave_at: Option<u64>,
    /// Whether futures are dropped half-way, and selected operations given up: then a received value goes back, or is
    /// dropped after the end.
    abandons: bool,
    /// Whether values of one sender arrive in order (SF-CH-2).
    ordered: [bool; 2],
    /// By channel and maker: what the next value's number is at least.
    next: [[usize; 8]; 2],
    /// Whether a receive has said that there will be no more.
    ended: bool,
    over: bool,
    tally: Tally,
}

impl<'a, const PAD: usize> Worker<'a, PAD> {
    fn may_send(&self) -> bool {
        self.held.is_some() || self.tally.made < self.quota as u64
    }

    /// The value to send; only where it [`may_send`](Self::may_send), and only to send it.
    fn value(&mut self) -> Value<'a, PAD> {
        if self.rng.u8(..64) == 0 {
            thread::yield_now(); // in a select: between the choice of the send and its completion
        }
        self.held.take().unwrap_or_else(|| {
            self.tally.made += 1;
            Value::new(self.fates, self.me * MOST + self.tally.made as usize - 1)
        })
    }

    fn timeout(&mut self) -> Duration {
        Duration::from_nanos(self.rng.u64(0..50_000))
    }

    /// A value has come back: mostly it is sent again.
    fn refused(&mut self, value: Value<'a, PAD>) {
        assert!(self.held.is_none());
        if self.rng.u8(..8) > 0 {
            self.held = Some(value);
        } else {
            value.meets(HANDED_BACK);
            self.tally.handed_back += 1;
        }
    }

    fn note(&mut self, event: Event<Value<'a, PAD>>) {
        match event {
            Sent(channel, Ok(())) => self.tally.sent[channel] += 1,
            Sent(channel, Err(value)) => {
                self.refused(value);
                self.over |= channel == MAIN && self.rng.bool();
            }
            Received(channel, Ok(value)) => {
                assert!(!self.ended || channel == SIDE, "SF-CH-4: a value after the end");
                let number = *value.number;
                let next = &mut self.next[channel][number / MOST];
                assert!(!self.ordered[channel] || number >= *next, "SF-CH-2: {number} came late");
                *next = number + 1;
                value.meets(RECEIVED);
                self.tally.received[channel] += 1;
            }
            Received(MAIN, Err(RecvError)) => {
                self.ended = true;
                self.over |= self.rng.bool();
            }
            Received(_, Err(RecvError)) | Nothing => {}
        }
    }

    fn work(
        mut self,
        mut main: Handle<Value<'a, PAD>>,
        side: (Sender<Value<'a, PAD>>, Receiver<Value<'a, PAD>>),
    ) -> Tally {
        while !self.over && Some(self.tally.operations) != self.leave_at {
            if Some(self.tally.operations) == self.close_at[MAIN] {
                self.tally.closes[MAIN] += u64::from(match &main {
                    Handle::Sender(sender) => sender.close(),
                    Handle::Receiver(receiver) => receiver.close(),
                });
            }
            if Some(self.tally.operations) == self.close_at[SIDE] {
                self.tally.closes[SIDE] += u64::from(if self.me % 2 == 0 { side.0.close() } else { side.1.close() });
            }
            if self.rng.u8(..32) == 0 {
                main = main.clone(); // and the older one is dropped
            }
            self.tally.operations += 1;
            let event = match (&main, self.rng.u8(..16)) {
                (Handle::Sender(_), _) if !self.may_send() => break,
                (_, 12..) => self.select(&main, &side),
                (Handle::Sender(main), 8..) => self.select_to_send(main, &side),
                (Handle::Receiver(main), 8..) if self.may_send() => self.select_both(main, &side),
                (Handle::Receiver(main), 8..) => self.select_to_receive(main, &side.1),
                (Handle::Sender(main), dice) => self.send(main, dice),
                (Handle::Receiver(main), dice) => self.receive(main, dice),
            };
            self.note(event);
        }
        if let Some(value) = self.held.take() {
            value.meets(HANDED_BACK);
            self.tally.handed_back += 1;
        }
        self.tally
    }

    fn send(&mut self, main: &Sender<Value<'a, PAD>>, dice: u8) -> Event<Value<'a, PAD>> {
        let (value, timeout) = (self.value(), self.timeout());
        match dice {
            0..3 => sent(MAIN, main.send(value)),
            3 => match main.try_send(value) {
                Ok(()) => Sent(MAIN, Ok(())),
                Err(TrySendError::Disconnected(value)) => Sent(MAIN, Err(value)),
                Err(TrySendError::Full(value)) => {
                    self.refused(value);
                    Nothing
                }
            },
            4 | 5 => {
                let timed = if dice == 4 {
                    main.send_timeout(value, timeout)
                } else {
                    main.send_deadline(value, Instant::now() + timeout)
                };
                match timed {
                    Ok(()) => Sent(MAIN, Ok(())),
                    Err(SendTimeoutError::Disconnected(value)) => Sent(MAIN, Err(value)),
                    Err(SendTimeoutError::Timeout(value)) => {
                        self.refused(value);
                        Nothing
                    }
                }
            }
            6 if self.abandons => {
                let mut abandoned = main.send_async(value);
                for _ in 0..self.rng.u8(1..3) {
                    if let Poll::Ready(result) = peek(&mut abandoned) {
                        return sent(MAIN, result);
                    }
                    thread::yield_now(); // so that somebody may take it
                }
                self.tally.unknown += 1;
                Nothing
            }
            _ => sent(MAIN, block_on(main.send_async(value))),
        }
    }

    fn receive(&mut self, main: &Receiver<Value<'a, PAD>>, dice: u8) -> Event<Value<'a, PAD>> {
        let timeout = self.timeout();
        match dice {
            0 | 1 => Received(MAIN, main.recv()),
            2 => Received(MAIN, main.iter().next().ok_or(RecvError)),
            3 => match main.try_recv() {
                Err(TryRecvError::Empty) => Nothing,
                received => Received(MAIN, received.map_err(|_| RecvError)),
            },
            4 | 5 => {
                let timed =
                    if dice == 4 { main.recv_timeout(timeout) } else { main.recv_deadline(Instant::now() + timeout) };
                match timed {
                    Err(RecvTimeoutError::Timeout) => Nothing,
                    received => Received(MAIN, received.map_err(|_| RecvError)),
                }
            }
            6 if self.abandons => {
                let mut abandoned = main.recv_async();
                for _ in 0..self.rng.u8(1..3) {
                    if let Poll::Ready(received) = peek(&mut abandoned) {
                        return Received(MAIN, received);
                    }
                    thread::yield_now(); // so that it may be told of a value, of which it then tells the next
                }
                Nothing
            }
            6 => Received(MAIN, block_on(main.stream().next()).ok_or(RecvError)),
            _ => Received(MAIN, block_on(main.recv_async())),
        }
    }

    /// A sender's selects by macro. One that waits without a limit has an arm that ends with the round.
    fn select_to_send(
        &mut self,
        main: &Sender<Value<'a, PAD>>,
        (other, side): &(Sender<Value<'a, PAD>>, Receiver<Value<'a, PAD>>),
    ) -> Event<Value<'a, PAD>> {
        let timeout = self.timeout();
        match self.rng.u8(..5) {
            0 => select! {
                send(main, self.value()) -> result => sent(MAIN, result),
                default => Nothing,
            },
            1 => select! {
                recv(side) -> received => Received(SIDE, received),
                send(main, self.value()) -> result => sent(MAIN, result),
                default(timeout) => Nothing,
            },
            2 => select! {
                send(main, self.value()) -> result => sent(MAIN, result),
                recv(side) -> received => Received(SIDE, received),
            },
            3 => select_biased! {
                send(main, self.value()) -> result => sent(MAIN, result),
                recv(side) -> received => Received(SIDE, received),
                send(other, self.value()) -> result => sent(SIDE, result),
            },
            _ => select! {
                send(other, self.value()) -> result => sent(SIDE, result),
                recv(after(timeout)) -> _ => Nothing,
                send(main, self.value()) -> result => sent(MAIN, result),
                recv(side) -> received => Received(SIDE, received),
            },
        }
    }

    /// A receiver's, with something to send on the side.
    fn select_both(
        &mut self,
        main: &Receiver<Value<'a, PAD>>,
        (other, side): &(Sender<Value<'a, PAD>>, Receiver<Value<'a, PAD>>),
    ) -> Event<Value<'a, PAD>> {
        let timeout = self.timeout();
        match self.rng.u8(..5) {
            0 => select! {
                recv(main) -> received => Received(MAIN, received),
                send(other, self.value()) -> result => sent(SIDE, result),
                default => Nothing,
            },
            1 => select! {
                send(other, self.value()) -> result => sent(SIDE, result),
                recv(main) -> received => Received(MAIN, received),
                default(timeout) => Nothing,
            },
            2 => select! {
                recv(main) -> received => Received(MAIN, received),
                send(other, self.value()) -> result => sent(SIDE, result),
            },
            3 => select_biased! {
                recv(main) -> received => Received(MAIN, received),
                recv(side) -> received => Received(SIDE, received),
                send(other, self.value()) -> result => sent(SIDE, result),
            },
            // Its own partner, if it were let.
            _ => select! {
                send(other, self.value()) -> result => sent(SIDE, result),
                recv(side) -> received => Received(SIDE, received),
                default(timeout) => Nothing,
            },
        }
    }

    /// A receiver's, with nothing more to send.
    fn select_to_receive(
        &mut self,
        main: &Receiver<Value<'a, PAD>>,
        side: &Receiver<Value<'a, PAD>>,
    ) -> Event<Value<'a, PAD>> {
        let timeout = self.timeout();
        match self.rng.u8(..3) {
            0 => select! {
                recv(main) -> received => Received(MAIN, received),
                recv(main) -> received => Received(MAIN, received),
                default => Nothing,
            },
            1 => select! {
                recv(side) -> received => Received(SIDE, received),
                recv(main) -> received => Received(MAIN, received),
            },
            _ => select! {
                recv(after(timeout)) -> _ => Nothing,
                recv(main) -> received => Received(MAIN, received),
                recv(side) -> received => Received(SIDE, received),
            },
        }
    }

    /// A dynamic select: up to five operations of both channels in any order, sometimes one of them taken out again.
    fn select(
        &mut self,
        main: &Handle<Value<'a, PAD>>,
        (other, side): &(Sender<Value<'a, PAD>>, Receiver<Value<'a, PAD>>),
    ) -> Event<Value<'a, PAD>> {
        /// An operation that may be added.
        #[derive(Clone, Copy, PartialEq)]
        enum Arm {
            Main,
            Send,
            Recv,
        }
        let mut arms = [Arm::Main; 5];
        let count = self.rng.usize(1..=arms.len());
        for arm in &mut arms[1..count] {
            *arm = match self.rng.u8(..4) {
                0 => Arm::Main,
                1 if self.may_send() => Arm::Send,
                _ => Arm::Recv,
            };
        }
        let arms = &mut arms[..count];
        self.rng.shuffle(arms);
        let mut select = if self.rng.bool() { Select::new() } else { Select::new_biased() };
        for arm in &*arms {
            match (arm, main) {
                (Arm::Main, Handle::Sender(main)) => select.send(main),
                (Arm::Main, Handle::Receiver(main)) => select.recv(main),
                (Arm::Send, _) => select.send(other),
                (Arm::Recv, _) => select.recv(side),
            };
        }
        let mut ends_with_round = true;
        if count > 1 && self.rng.u8(..4) == 0 {
            let out = self.rng.usize(..count);
            select.remove(out);
            ends_with_round = arms.iter().enumerate().any(|(i, arm)| *arm == Arm::Main && i != out);
        }
        let timeout = self.timeout();
        let chosen = match self.rng.u8(..6) {
            0 => select.try_select().ok(),
            1 => select.select_deadline(Instant::now() + timeout).ok(),
            2 => {
                // Somebody else may be faster to do what was ready.
                let ready = if self.rng.bool() { select.ready_timeout(timeout).ok() } else { select.try_ready().ok() };
                return match (ready.map(|index| arms[index]), main) {
                    (None, _) => Nothing,
                    (Some(Arm::Main), Handle::Sender(main)) => self.send(main, 3),
                    (Some(Arm::Main), Handle::Receiver(main)) => self.receive(main, 3),
                    (Some(Arm::Send), _) => match self.send(other, 3) {
                        Sent(_, result) => Sent(SIDE, result),
                        event => event,
                    },
                    (Some(Arm::Recv), _) => match self.receive(side, 3) {
                        Received(_, result) => Received(SIDE, result),
                        event => event,
                    },
                };
            }
            3.. if ends_with_round => Some(select.select()),
            _ => select.select_timeout(timeout).ok(),
        };
        let Some(chosen) = chosen else { return Nothing };
        if self.abandons && self.rng.u8(..16) == 0 {
            // As if its message had panicked.
            let receives = matches!((arms[chosen.index()], main), (Arm::Main, Handle::Receiver(_)));
            self.tally.given_up += u64::from(receives);
            let give_up = || {
                let _chosen = chosen;
                resume_unwind(Box::new(()))
            };
            return catch_unwind(AssertUnwindSafe(give_up)).unwrap_or(Nothing);
        }
        match (arms[chosen.index()], main) {
            (Arm::Main, Handle::Sender(main)) => sent(MAIN, chosen.send(main, self.value())),
            (Arm::Main, Handle::Receiver(main)) => Received(MAIN, chosen.recv(main)),
            (Arm::Send, _) => sent(SIDE, chosen.send(other, self.value())),
            (Arm::Recv, _) => Received(SIDE, chosen.recv(side)),
        }
    }
}

fn channel<V>(capacity: Option<usize>) -> (Sender<V>, Receiver<V>) {
    capacity.map_or_else(unbounded, bounded)
}

/// When nobody else has the channel any more: it has as much room as on its first day, and nobody stands in its queues.
fn inspect<'a, const PAD: usize>(
    sender: &Sender<Value<'a, PAD>>,
    receiver: &Receiver<Value<'a, PAD>>,
    fates: &'a Fates,
    first: usize,
) -> Tally {
    let mut tally = Tally::default();
    let empty = |tally: &mut Tally| {
        for value in receiver.try_iter() {
            value.meets(RECEIVED);
            tally.received[SIDE] += 1;
        }
    };
    empty(&mut tally);
    if let (false, Some(capacity)) = (sender.is_closed(), sender.capacity()) {
        for i in 0..=capacity {
            tally.made += 1;
            match sender.try_send(Value::new(fates, first + i)) {
                Ok(()) => {
                    assert!(i < capacity, "a receiver that left is still waited for, or there is too much room");
                    tally.sent[SIDE] += 1;
                }
                Err(refused) => {
                    assert!(i == capacity && refused.is_full(), "a place is lost");
                    refused.into_inner().meets(HANDED_BACK);
                    tally.handed_back += 1;
                }
            }
        }
        empty(&mut tally);
    }
    tally
}

/// One channel's life. Returns the tally, and how many values the crate has dropped.
fn round<const PAD: usize>(capacity: Option<usize>, senders: usize, receivers: usize, seed: u64) -> (Tally, u64) {
    let mut rng = Rng::with_seed(seed);
    let threads = senders + receivers;
    let fates = Fates((0..(threads + 1) * MOST).map(|_| AtomicU8::new(0)).collect());
    // From a handful of values to many.
    let quota = 1 << rng.u32(2..=MOST.ilog2());
    let abandons = rng.bool();
    // Whether threads, one or some, close the channels on the way; and whether the receivers leave on the way.
    let [closes, closes_side, deserted] = [2, 4, 4].map(|one_in| rng.u8(..one_in) == 0);
    let (sender, receiver) = channel(capacity);
    let side = channel(*rng.choice(&[Some(0), Some(0), Some(1), Some(2), None]).unwrap());

    let kept = rng.bool().then(|| side.clone());

    let mut moment = |one_in: usize| (rng.usize(..one_in) == 0).then(|| rng.u64(..quota));
    let workers: Vec<_> = (0..threads)
        .map(|me| Worker::<PAD> {
            me,
            rng: Rng::with_seed(seed ^ (me as u64 + 1) << 56),
            fates: &fates,
            quota: quota as usize / if me < senders { 1 } else { 4 },
            held: None,
            close_at: [moment(threads).filter(|_| closes), moment(threads).filter(|_| closes_side)],
            leave_at: moment(1).filter(|_| deserted && me >= senders),
            abandons,
            // A value that has been given up may be late, unless there is but one receiver.
            ordered: [!abandons || receivers == 1, !abandons],
            next: [[0; 8]; 2],
            ended: false,
            over: false,
            tally: Tally::default(),
        })
        .collect();
    let mut tallies: Vec<Tally> = thread::scope(|scope| {
        let threads: Vec<_> = workers
            .into_iter()
            .map(|worker| {
                let main = if worker.me < senders {
                    Handle::Sender(sender.clone())
                } else {
                    Handle::Receiver(receiver.clone())
                };
                let side = side.clone();
                scope.spawn(move || worker.work(main, side))
            })
            .collect();
        drop((sender, receiver, side));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    tallies.extend(kept.map(|(sender, receiver)| inspect(&sender, &receiver, &fates, threads * MOST)));

    let mut total = Tally::default();
    let mut ends = [0; 256];
    for (tally, fates) in tallies.iter().zip(fates.0.chunks(MOST)) {
        total.add(tally);
        for (number, fate) in fates.iter().enumerate() {
            let fate = fate.load(Relaxed);
            let made = (number as u64) < tally.made;
            let valid = if made { matches!(fate, RECEIVED | HANDED_BACK | DROPPED) } else { fate == 0 };
            assert!(valid, "SF-CH-1: value {number}, made: {made}, has the fates {fate}");
            ends[usize::from(fate)] += 1;
        }
    }
    let Tally { made, sent, received, unknown, given_up, handed_back, .. } = total;
    let dropped = ends[usize::from(DROPPED)];
    assert_eq!(ends[usize::from(RECEIVED)], received[MAIN] + received[SIDE]);
    assert_eq!(ends[usize::from(HANDED_BACK)], handed_back);
    assert_eq!(made, received[MAIN] + received[SIDE] + handed_back + dropped);
    assert_eq!(sent[MAIN] + sent[SIDE] + unknown, received[MAIN] + received[SIDE] + dropped);
    assert!(received[MAIN] <= sent[MAIN] + unknown && received[SIDE] <= sent[SIDE], "received and not sent");
    assert!(total.closes.iter().all(|closes| *closes <= 1), "closed twice");
    // SF-CH-4: what was sent is received, if there is somebody to do it. But where a select gives up what it has received,
    // others may have been told that nothing will come.
    if !deserted {
        let lost = sent[MAIN].saturating_sub(received[MAIN]);
        assert!(lost <= given_up, "SF-CH-4: of {} sent {lost} are lost, {given_up} given up", sent[MAIN]);
    }
    (total, dropped)
}

/// Runs rounds until `HENCE_STRESS` messages have been received.
fn soak(capacity: Option<usize>, senders: usize, receivers: usize) {
    /// After so many messages the watchdog starts anew.
    const STRETCH: u64 = 20_000;
    let messages = std::env::var("HENCE_STRESS").map_or(STRETCH, |n| n.parse().expect("HENCE_STRESS is a number"));
    let name = capacity.map_or("unbounded".into(), |capacity| format!("capacity {capacity}"));
    let name = format!("{name}, {senders}:{receivers}");
    let (begun, mut seeds) = (Instant::now(), Rng::new());
    let (mut total, mut dropped, mut rounds) = (Tally::default(), 0, 0);
    while total.received() < messages {
        let mut rng = seeds.fork();
        let _name = Name(format!("{name}, with the seeds of {}", rng.get_seed()));
        let wanted = STRETCH.min(messages - total.received());
        let (report, reports) = mpsc::channel();
        watched(move || {
            let mut received = 0;
            while received < wanted {
                let round = if rng.bool() { round::<0> } else { round::<5> };
                let (tally, dropped) = round(capacity, senders, receivers, rng.u64(..));
                received += tally.received();
                report.send((tally, dropped)).unwrap();
            }
        });
        for (tally, dropped_in_round) in reports {
            total.add(&tally);
            dropped += dropped_in_round;
            rounds += 1;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    // Those whose futures were abandoned are among the ones dropped, unless they had been sent.
    println!(
        "{name}: {} values = {} received + {} handed back + {dropped} dropped by the crate; {} operations, \
         {rounds} rounds, {seconds:.1} s, {:.2} million received a second",
        total.made,
        total.received(),
        total.handed_back,
        total.operations,
        total.received() as f64 / seconds / 1e6
    );
}

fn all_shapes(capacity: Option<usize>) {
    for (senders, receivers) in [(1, 1), (4, 1), (1, 4), (4, 4)] {
        soak(capacity, senders, receivers);
    }
}

#[test]
fn soak_at_capacity_0() {
    all_shapes(Some(0));
}

#[test]
fn soak_at_capacity_1() {
    all_shapes(Some(1));
}

#[test]
fn soak_at_capacity_64() {
    all_shapes(Some(64));
}

#[test]
fn soak_unbounded() {
    all_shapes(None);
}
