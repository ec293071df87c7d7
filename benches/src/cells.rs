//! What is timed: each cell of the table, and one sample of it.

use crate::peers::Channel;
use std::{
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

pub struct Cell {
    pub name: &'static str,
    capacity: Option<usize>,
    threads: Threads,
}

enum Threads {
    Same,
    Two,
}
use Threads::{Same, Two};

pub const CELLS: &[Cell] = &[
    Cell { name: "pair, cap 64", capacity: Some(64), threads: Same },
    Cell { name: "pair, unbounded", capacity: None, threads: Same },
    Cell { name: "rendezvous 1:1", capacity: Some(0), threads: Two },
    Cell { name: "cap 1 1:1", capacity: Some(1), threads: Two },
    Cell { name: "cap 64 1:1", capacity: Some(64), threads: Two },
    Cell { name: "unbounded 1:1", capacity: None, threads: Two },
];

impl Cell {
    /// The time that `messages` take through a new channel; `None` if `C` has none of this capacity.
    pub fn sample<C: Channel>(&self, messages: usize) -> Option<Duration> {
        let (tx, rx) = C::make(self.capacity)?;
        let (sum, time) = match self.threads {
            Same => pair::<C>(tx, rx, messages),
            Two => across::<C>(tx, rx, messages),
        };
        assert_eq!(sum, (0..messages).sum(), "{}: what was received is not what was sent", self.name);
        Some(time)
    }
}

/// Sends one and receives one, over and over, on this thread.
fn pair<C: Channel>(tx: C::Tx, rx: C::Rx, messages: usize) -> (usize, Duration) {
    let start = Instant::now();
    let mut sum = 0;
    for message in 0..messages {
        C::send(&tx, black_box(message));
        sum += black_box(C::recv(&rx));
    }
    (sum, start.elapsed())
}

/// Sends from this thread to another; the clock stops when the other has the last message.
fn across<C: Channel>(tx: C::Tx, rx: C::Rx, messages: usize) -> (usize, Duration) {
    let ready = Barrier::new(2);
    thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let rx = rx; // dropped by a panic here, so that the sender fails instead of waiting for ever
            ready.wait();
            let sum = (0..messages).map(|_| black_box(C::recv(&rx))).sum();
            (sum, Instant::now())
        });
        ready.wait();
        let start = Instant::now();
        for message in 0..messages {
            C::send(&tx, black_box(message));
        }
        drop(tx); // a lost message then ends the receiver's wait with an error
        let (sum, end) = receiver.join().unwrap();
        (sum, end - start)
    })
}
