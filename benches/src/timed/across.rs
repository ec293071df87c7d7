//! The loops across threads, and how such a run is timed: from the first thread's start to the last one's end.

use crate::{
    cells::Capacity,
    peers::channel::{Channel, Payload},
};
use std::{
    hint::black_box,
    iter,
    ops::Range,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// A thread's part; it returns the sum of the numbers that it received.
pub type Job<'a> = Box<dyn FnOnce() -> usize + Send + 'a>;

/// Starts the jobs together: the sum of what they received, and the time until the last one ended.
///
/// Each reads the clock on its own thread: this one may be scheduled late.
pub fn together(jobs: Vec<Job<'_>>) -> (usize, Duration) {
    let ready = &Barrier::new(jobs.len());
    thread::scope(|scope| {
        let start = |job: Job<'_>| {
            ready.wait();
            (Instant::now(), job(), Instant::now())
        };
        let threads: Vec<_> = jobs.into_iter().map(|job| scope.spawn(move || start(job))).collect();
        let ended: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let start = ended.iter().map(|&(start, ..)| start).min().unwrap();
        let end = ended.iter().map(|&(.., end)| end).max().unwrap();
        (ended.iter().map(|(_, sum, _)| sum).sum(), end - start)
    })
}

/// Sender `nth`'s part of all the numbers.
pub fn share(times: usize, nth: usize, of: usize) -> Range<usize> {
    times * nth / of..times * (nth + 1) / of
}

/// From any of the senders to any of the receivers, who go on until the senders are gone: one lost is a wrong sum.
pub fn transfer<P: Channel, T: Payload>(
    capacity: Capacity,
    senders: usize,
    receivers: usize,
    times: usize,
) -> Option<Duration> {
    let (tx, rx) = P::make::<T>(capacity)?;
    let txs = iter::repeat_n(tx, senders).enumerate().map(|(nth, tx)| -> Job<'_> {
        Box::new(move || {
            share(times, nth, senders).for_each(|number| P::send(&tx, black_box(T::of(number))));
            0
        })
    });
    let more: Option<Vec<_>> = (1..receivers).map(|_| P::share(&rx)).collect();
    let rxs = more?.into_iter().chain([rx]).map(|rx| -> Job<'_> {
        Box::new(move || iter::from_fn(|| P::recv(&rx)).map(|message| black_box(message).number()).sum())
    });
    let (sum, time) = together(rxs.chain(txs).collect());
    assert_eq!(sum, (0..times).sum(), "what was received is not what was sent");
    Some(time)
}

/// A message at a time, there and back.
pub fn ping_pong<P: Channel, T: Payload>(capacity: Capacity, times: usize) -> Option<Duration> {
    let ((ping, pinged), (pong, ponged)) = (P::make::<T>(capacity)?, P::make::<T>(capacity)?);
    let player: Job<'_> = Box::new(move || {
        let there_and_back = |number| {
            P::send(&ping, black_box(T::of(number)));
            black_box(P::recv(&ponged)).unwrap().number()
        };
        (0..times).map(there_and_back).sum()
    });
    let wall: Job<'_> = Box::new(move || {
        iter::from_fn(|| P::recv(&pinged)).for_each(|message| P::send(&pong, message));
        0
    });
    let (sum, time) = together(vec![player, wall]);
    assert_eq!(sum, (0..times).sum(), "what came back is not what was sent");
    Some(time)
}
