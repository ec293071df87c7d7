//! To leave a long line takes no longer than to leave a short one, whoever leaves first. What is compared are two costs of
//! our own, by a wide margin: a line that has to be searched or moved up costs two hundred times as much, one that does not
//! fit the caches ten times, on a busy machine.
#![cfg(not(any(loom, shuttle, miri)))]

mod util;

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use hence::channel::{bounded, unbounded};
use hence::{CancellationToken, Pool, WaitGroup};
use util::{gated, peek, watched};

/// A task that waits, on the heap: so many do not fit a stack.
type Waits<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// The least time that one of `n` takes to leave, of a few rounds: in an order that is neither theirs nor the reverse.
fn each<'a>(n: usize, wait: &dyn Fn() -> Waits<'a>) -> f64 {
    const STEP: usize = 7919; // a prime, and no divisor of any `n`
    let round = || {
        let mut waits: Vec<_> = (0..n).map(|_| Some(wait())).collect();
        waits.iter_mut().flatten().for_each(|wait| assert!(peek(wait).is_pending()));
        let begun = Instant::now();
        (0..n).for_each(|i| waits[i * STEP % n] = None);
        begun.elapsed()
    };
    let least = (0..3).map(|_| round()).min().unwrap();
    least.as_nanos() as f64 / n as f64
}

fn compare<'a>(what: &str, wait: impl Fn() -> Waits<'a>) {
    const FEW: usize = 500;
    const MANY: usize = 100_000;
    let (few, many) = (each(FEW, &wait), each(MANY, &wait));
    println!("{what}: {few:.0} ns each of {FEW}, {many:.0} ns each of {MANY}");
    assert!(many < 40.0 * few, "{what}: {few:.0} ns each of {FEW}, {many:.0} ns each of {MANY}");
}

#[test]
fn leaving_a_line_takes_as_long_however_long_it_is() {
    watched(|| {
        let (_sender, receiver) = unbounded::<u8>();
        compare("a receive", || Box::pin(async { _ = receiver.recv_async().await }));
        compare("a stream's next", || Box::pin(async { _ = receiver.stream().next().await }));
        let (sender, _receiver) = bounded(0);
        compare("a send", || Box::pin(async { _ = sender.send_async(1).await }));
        let (sender, _receiver) = bounded(1);
        sender.send(1).unwrap();
        compare("a send into a buffer", || Box::pin(async { _ = sender.send_async(1).await }));

        let token = CancellationToken::new();
        compare("a token", || Box::pin(token.cancelled()));
        let done = token.done();
        compare("a token's receiver", || Box::pin(async { _ = done.recv_async().await }));
        let timed = token.with_timeout(Duration::from_secs(1000));
        compare("a token with a deadline", || Box::pin(timed.cancelled()));

        let group = WaitGroup::new();
        let _guard = group.guard();
        compare("a wait group", || Box::pin(group.wait_async()));

        let (pool, gate) = (Pool::new(1), token.drop_guard());
        let running = gated(&pool, &timed);
        compare("a pool", || Box::pin(pool.wait_idle_async()));
        let done = running.done();
        compare("a job", || Box::pin(async { _ = done.recv_async().await }));
        drop(gate);
        running.join().unwrap();
    });
}
