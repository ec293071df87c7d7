//! Many threads on one channel, at every capacity: whatever they do to it, each value ends in exactly one way.
//!
//! Senders and receivers mix the blocking, non-blocking and async forms, abandon futures half-way, and clone and drop
//! handles at random. A value carries a flag of its own: the fate that it met.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use hence::WaitGroup;
use hence::channel::{Receiver, RecvError, SendError, Sender, TryRecvError, TrySendError, bounded, unbounded};
use util::{block_on, peek, watched};

const VALUES_PER_SENDER: usize = 1500;

// How a value ends: what a thread of ours says of it, or nothing, if the crate dropped it.
const DROPPED: usize = 0;
const RECEIVED: usize = 1;
const HANDED_BACK: usize = 2;

#[derive(Default)]
struct Fate {
    met: AtomicUsize,
    drops: AtomicUsize,
}

struct Value {
    number: usize,
    /// The number again, to show a value that is torn or made up.
    check: usize,
    fates: Arc<Vec<Fate>>,
}

impl Value {
    fn new(number: usize, fates: &Arc<Vec<Fate>>) -> Self {
        Self { number, check: !number, fates: fates.clone() }
    }

    fn meets(self, fate: usize) {
        assert_eq!(self.check, !self.number);
        let before = self.fates[self.number].met.swap(fate, Relaxed);
        assert_eq!(before, DROPPED, "value {} was met twice", self.number);
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.fates[self.number].drops.fetch_add(1, Relaxed);
    }
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// Senders send everything and leave.
    AllSent,
    /// A sender closes on the way; receivers take what is left.
    ClosedBySender,
    /// A receiver does.
    ClosedByReceiver,
    /// Receivers leave on the way, with values inside.
    Deserted,
}

/// A stream of numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// Sends in ways of the dice's choice; returns, for each value, the fates that it may meet.
fn send_all(mut sender: Sender<Value>, first: usize, fates: Arc<Vec<Fate>>, end: End) -> Vec<&'static [usize]> {
    let mut dice = Dice::new(first);
    let close_at = (end == End::ClosedBySender && first == 0).then(|| dice.roll(VALUES_PER_SENDER));
    let mut send = |i| {
        if Some(i) == close_at {
            sender.close();
        }
        let value = Value::new(first + i, &fates);
        let sent = match dice.roll(8) {
            0 | 1 => sender.send(value),
            2 | 3 => block_on(sender.send_async(value)),
            4 | 5 => match sender.try_send(value) {
                Err(TrySendError::Full(value)) => sender.send(value),
                refused => refused.map_err(|refused| SendError(refused.into_inner())),
            },
            6 => {
                sender = sender.clone(); // and the older one is dropped
                sender.send(value)
            }
            _ => {
                let mut abandoned = sender.send_async(value);
                if peek(&mut abandoned).is_pending() {
                    thread::yield_now(); // so that somebody may take it
                }
                return &[RECEIVED, DROPPED][..];
            }
        };
        match sent {
            // SF-CH-4: it is received, unless no receiver is left to do it.
            Ok(()) if end == End::Deserted => &[RECEIVED, DROPPED],
            Ok(()) => &[RECEIVED],
            Err(SendError(value)) => {
                assert_ne!(end, End::AllSent);
                value.meets(HANDED_BACK);
                &[HANDED_BACK]
            }
        }
    };
    (0..VALUES_PER_SENDER).map(&mut send).collect()
}

/// Receives in ways of the dice's choice until nothing comes any more, or until this receiver has had enough.
fn receive_all(mut receiver: Receiver<Value>, me: usize, end: End) {
    let mut dice = Dice::new(1_000_000 + me);
    let close_at = (end == End::ClosedByReceiver && me == 0).then(|| dice.roll(VALUES_PER_SENDER / 4));
    let leave_at = (end == End::Deserted).then(|| dice.roll(VALUES_PER_SENDER / 4));
    let mut received = 0;
    while Some(received) != leave_at {
        if Some(received) == close_at {
            receiver.close();
        }
        let value = match dice.roll(8) {
            0 | 1 => receiver.recv(),
            2 | 3 => block_on(receiver.recv_async()),
            4 | 5 => match receiver.try_recv() {
                Err(TryRecvError::Empty) => continue,
                ended => ended.map_err(|_| RecvError),
            },
            6 => {
                receiver = receiver.clone();
                receiver.recv()
            }
            _ => {
                let mut abandoned = receiver.recv_async();
                let Poll::Ready(value) = peek(&mut abandoned) else {
                    thread::yield_now(); // so that it may be told of a value, of which it then tells the next
                    continue;
                };
                value
            }
        };
        let Ok(value) = value else { break };
        value.meets(RECEIVED);
        received += 1;
    }
}

fn run(capacity: Option<usize>, senders: usize, receivers: usize, end: End) {
    let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
    let fates: Arc<Vec<Fate>> = Arc::new((0..senders * VALUES_PER_SENDER).map(|_| Fate::default()).collect());
    let consumers: Vec<_> = (0..receivers)
        .map(|i| {
            let receiver = receiver.clone();
            thread::spawn(move || receive_all(receiver, i, end))
        })
        .collect();
    drop(receiver);
    let producers: Vec<_> = (0..senders)
        .map(|i| {
            let (sender, fates) = (sender.clone(), fates.clone());
            thread::spawn(move || send_all(sender, i * VALUES_PER_SENDER, fates, end))
        })
        .collect();
    drop(sender);
    let expected: Vec<_> = producers.into_iter().flat_map(|producer| producer.join().unwrap()).collect();
    consumers.into_iter().for_each(|consumer| consumer.join().unwrap());
    for (number, (fate, expected)) in fates.iter().zip(expected).enumerate() {
        let (met, drops) = (fate.met.load(Relaxed), fate.drops.load(Relaxed));
        assert!(
            drops == 1 && expected.contains(&met),
            "capacity {capacity:?}, {senders}:{receivers}, {end:?}: value {number} was dropped {drops} times and met \
             fate {met}, not one of {expected:?}"
        );
    }
}

fn every_end(capacity: Option<usize>) {
    watched(move || {
        for (senders, receivers) in [(1, 1), (4, 1), (1, 4), (4, 4)] {
            for end in [End::AllSent, End::ClosedBySender, End::ClosedByReceiver, End::Deserted] {
                run(capacity, senders, receivers, end);
            }
        }
    });
}

#[test]
fn each_value_ends_in_one_way_at_capacity_0() {
    every_end(Some(0));
}

#[test]
fn each_value_ends_in_one_way_at_capacity_1() {
    every_end(Some(1));
}

#[test]
fn each_value_ends_in_one_way_at_capacity_2() {
    every_end(Some(2));
}

#[test]
fn each_value_ends_in_one_way_at_capacity_64() {
    every_end(Some(64));
}

#[test]
fn each_value_ends_in_one_way_unbounded() {
    every_end(None);
}

/// SF-CH-2 across threads: each receiver sees the values of each sender in the order in which they were sent.
#[test]
fn each_receiver_sees_each_sender_in_order() {
    watched(|| {
        for capacity in [Some(0), Some(1), Some(64), None] {
            let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
            let producers: Vec<_> = (0..3)
                .map(|me| {
                    let sender = sender.clone();
                    thread::spawn(move || {
                        for i in 0..1000_usize {
                            if i % 2 == 0 { sender.send((me, i)) } else { block_on(sender.send_async((me, i))) }
                                .unwrap();
                        }
                    })
                })
                .collect();
            drop(sender);
            let consumers: Vec<_> = (0..2)
                .map(|_| {
                    let receiver = receiver.clone();
                    thread::spawn(move || {
                        let (mut next, mut count) = ([0; 3], 0);
                        for (sender, i) in receiver {
                            assert!(i >= next[sender], "sender {sender}: {i} after {}", next[sender] - 1);
                            next[sender] = i + 1;
                            count += 1;
                        }
                        count
                    })
                })
                .collect();
            drop(receiver);
            producers.into_iter().for_each(|producer| producer.join().unwrap());
            assert_eq!(consumers.into_iter().map(|consumer| consumer.join().unwrap()).sum::<usize>(), 3000);
        }
    });
}

/// SF-CH-3 across threads: what is in the channel stays within its capacity, whoever waits for it: threads, or tasks, which
/// are told of what is inside. Without a capacity there is one value for each task that waits.
#[test]
fn the_channel_never_holds_more_than_its_capacity() {
    watched(|| {
        for (capacity, tasks) in [(0, 0), (1, 0), (3, 0), (0, 2), (1, 2), (3, 2)] {
            let (sender, receiver) = bounded(capacity);
            let most = if capacity == 0 { tasks } else { capacity };
            let producers: Vec<_> = (0..3)
                .map(|_| {
                    let sender = sender.clone();
                    thread::spawn(move || {
                        for i in 0..500 {
                            sender.send(i).unwrap();
                            assert!(sender.len() <= most);
                        }
                    })
                })
                .collect();
            drop(sender);
            let consumers: Vec<_> = (0..tasks)
                .map(|_| {
                    let receiver = receiver.clone();
                    thread::spawn(move || {
                        let (mut stream, mut count) = (receiver.stream(), 0);
                        while block_on(stream.next()).is_some() {
                            assert!(receiver.len() <= most);
                            count += 1;
                        }
                        count
                    })
                })
                .collect();
            let count = receiver.iter().inspect(|_| assert!(receiver.len() <= most)).count();
            assert_eq!(count + consumers.into_iter().map(|consumer| consumer.join().unwrap()).sum::<usize>(), 1500);
            producers.into_iter().for_each(|producer| producer.join().unwrap());
        }
    });
}

/// Guards made, cloned and dropped by many threads: every wait sees all that was done under them.
#[test]
fn wait_groups_wait_for_everyone() {
    watched(|| {
        for round in 0..100 {
            let (group, done) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
            let guards: Vec<_> = (0..4).map(|_| group.guard()).collect();
            for (i, guard) in guards.into_iter().enumerate() {
                let done = done.clone();
                thread::spawn(move || {
                    let mut dice = Dice::new(round * 4 + i);
                    for _ in 0..dice.roll(20) {
                        drop(guard.clone());
                    }
                    if dice.roll(4) == 0 {
                        thread::sleep(Duration::from_micros(50));
                    }
                    done.fetch_add(1, Relaxed);
                    drop(guard);
                });
            }
            let waits: Vec<_> = (0..3)
                .map(|i| {
                    let (group, done) = (group.clone(), done.clone());
                    thread::spawn(move || {
                        if i == 0 {
                            block_on(group.wait_async())
                        } else {
                            group.wait()
                        }
                        assert_eq!(done.load(Relaxed), 4);
                    })
                })
                .collect();
            waits.into_iter().for_each(|wait| wait.join().unwrap());
        }
    });
}
