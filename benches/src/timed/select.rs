//! The loops of selects. Each message is the number of its arm, and the arms are counted.

use super::threads::{Job, share, together};
use crate::peers::{
    channel::{Capacity, Channel},
    select::{Form, Selects},
};
use std::{
    mem,
    time::{Duration, Instant},
};

type Channels<P> = (Vec<<P as Channel>::Tx<usize>>, Vec<<P as Channel>::Rx<usize>>);

fn channels<P: Selects>(capacity: Capacity, arms: usize) -> Option<Channels<P>> {
    (0..arms).map(|_| P::make(capacity)).collect()
}

/// All arms have messages at every select: the clock stops while they are filled up again, which is soon enough that
/// even an arm that is always chosen does not run empty.
pub fn ready<P: Selects>(capacity: usize, form: Form, arms: usize, times: usize) -> Option<Duration> {
    let (txs, rxs) = channels::<P>(Some(capacity), arms)?;
    for (arm, tx) in txs.iter().enumerate() {
        (0..capacity).for_each(|_| P::send(tx, arm));
    }
    let (mut left, mut time) = (times, Duration::ZERO);
    let mut taken = vec![0; arms];
    while left > 0 {
        let burst = left.min(capacity);
        let start = Instant::now();
        P::select(form, &rxs, burst, |arm| taken[arm] += 1)?;
        time += start.elapsed();
        left -= burst;
        for (arm, taken) in taken.iter_mut().enumerate() {
            (0..mem::take(taken)).for_each(|_| P::send(&txs[arm], arm)); // blocks for ever if miscounted
        }
    }
    Some(time)
}

pub fn default<P: Selects>(capacity: Capacity, form: Form, arms: usize, times: usize) -> Option<Duration> {
    let (_txs, rxs) = channels::<P>(capacity, arms)?;
    let start = Instant::now();
    let defaults = P::default(form, &rxs, times)?;
    let time = start.elapsed();
    assert_eq!(defaults, times, "an empty arm was chosen");
    Some(time)
}

/// Every arm has a thread that sends to it, and this many selects take all that they send.
pub fn fed<P: Selects>(capacity: Capacity, arms: usize, times: usize) -> Option<Duration> {
    let (txs, rxs) = channels::<P>(capacity, arms)?;
    P::select(Form::Macro, &rxs, 0, |_| ())?; // cannot at all: then no thread may start to send
    // Clones: the senders themselves live until the end, as a disconnected arm would always be ready.
    let feeders = txs.iter().cloned().enumerate().map(|(arm, tx)| -> Job<'_> {
        Box::new(move || {
            share(times, arm, arms).for_each(|_| P::send(&tx, arm));
            0
        })
    });
    let selecting: Job<'_> = Box::new(move || {
        let mut taken = vec![0; arms];
        P::select(Form::Macro, &rxs, times, |arm| taken[arm] += 1);
        let sent: Vec<_> = (0..arms).map(|arm| share(times, arm, arms).len()).collect();
        assert_eq!(taken, sent, "what was received is not what was sent");
        0
    });
    Some(together([selecting].into_iter().chain(feeders).collect()).1)
}
