//! How a run across threads is timed: from the first thread's start to the last one's end.

use std::{
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

/// That one of the times under or at which the part `q` of them is.
pub fn quantile(q: f64, mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[((times.len() - 1) as f64 * q) as usize]
}
