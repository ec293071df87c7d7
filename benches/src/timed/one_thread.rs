//! The loops of channels on one thread: what the operations themselves cost when nobody waits.

use crate::peers::channel::{Capacity, Channel, Payload};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Sends a burst and receives it, over and over.
pub fn fill_drain<P: Channel, T: Payload>(capacity: Capacity, burst: usize, times: usize) -> Option<Duration> {
    let (tx, rx) = P::make::<T>(capacity)?;
    let (mut sent, mut sum) = (0, 0);
    let start = Instant::now();
    while sent < times {
        let next = sent..times.min(sent + burst);
        next.clone().for_each(|number| P::send(&tx, black_box(T::of(number))));
        sent = next.end;
        next.for_each(|_| sum += black_box(P::recv(&rx)).unwrap().number());
    }
    let time = start.elapsed();
    assert_eq!(sum, (0..times).sum(), "what was received is not what was sent");
    Some(time)
}

pub fn create<P: Channel, T: Payload>(capacity: Capacity, times: usize) -> Option<Duration> {
    P::make::<T>(capacity)?;
    let start = Instant::now();
    (0..times).for_each(|_| drop(black_box(P::make::<T>(black_box(capacity)))));
    Some(start.elapsed())
}
