//! From the notes on goroutines, on leaving gracefully ("协程的优雅退出", "并发的安全退出"): four ways to tell workers
//! that it is over. Main waits for them each time: by `join`, and by a `WaitGroup`, as in the notes.
//!
//! `cargo run --example graceful_exit`

use std::thread;
use std::time::Duration;

use hence::WaitGroup;
use hence::cancel::{CancellationToken, Cancelled};
use hence::channel::{Receiver, bounded, select, tick};

const SHORT: Duration = Duration::from_millis(20);

/// 1. `for x := range in`: ends when the channel is closed, and what was sent before is done first (SF-CH-4).
fn range_until_close(queue: &Receiver<u32>) {
    for job in queue {
        println!("range: job {job}");
    }
    println!("range: closed and empty");
}

/// 2. `case x, ok := <-in` and a ticker: the receive that fails is Go's `!ok`.
fn receive_with_ok(queue: &Receiver<u32>) {
    let (ticks, mut done) = (tick(SHORT), 0);
    loop {
        select! {
            recv(queue) -> job => {
                let Ok(job) = job else { break }; // LV-CH-2, LV-SEL-1: a close wakes the select
                println!("ok: job {job}");
                done += 1;
            }
            recv(ticks) -> _ => println!("ok: working, {done} done"), // SF-TM-1: one at a time, never early
        }
    }
    println!("ok: closed and empty");
}

/// 3. `case <-ctx.Done()`: nothing is ever sent on `done`; its close reaches everybody.
fn until_done(me: usize, queue: &Receiver<u32>, done: &Receiver<()>) {
    loop {
        select! {
            recv(queue) -> job => match job {
                Ok(job) => println!("done channel: worker {me}, job {job}"),
                Err(_) => break,
            },
            recv(done) -> _ => break,
        }
    }
    println!("done channel: worker {me} leaves");
}

/// 4. A context, which the notes recommend: one that is cancelled, or whose time is up.
fn until_cancelled(me: usize, queue: &Receiver<u32>, context: &CancellationToken) -> Result<(), Cancelled> {
    while let Ok(job) = queue.recv_or_cancelled(context) {
        println!("context: worker {me}, job {job}");
    }
    context.check() // Go's `ctx.Err()`
}

pub(crate) fn main() {
    if cfg!(any(loom, shuttle)) {
        return; // the explorers have models of it
    }
    for worker in [range_until_close, receive_with_ok] {
        let (jobs, queue) = bounded(2);
        let worker = thread::spawn(move || worker(&queue));
        (1..=2).for_each(|job| jobs.send(job).unwrap());
        thread::sleep(2 * SHORT);
        jobs.send(3).unwrap();
        drop(jobs); // the last sender: closes the channel
        worker.join().unwrap();
    }

    let ((jobs, queue), (done, finished), group) = (bounded(2), bounded(0), WaitGroup::new());
    for me in 1..=3 {
        let (queue, finished, guard) = (queue.clone(), finished.clone(), group.guard());
        thread::spawn(move || {
            until_done(me, &queue, &finished);
            drop(guard); // HB-WG-1: all of the above happens before the return of `wait`
        });
    }
    (1..=4).for_each(|job| jobs.send(job).unwrap());
    thread::sleep(SHORT);
    drop(done); // HB-CH-4: happens before the workers see it
    group.wait(); // LV-WG-1
    println!("all have left");

    let ((jobs, queue), context, group) = (bounded(2), CancellationToken::new(), WaitGroup::new());
    let in_time = context.with_timeout(Duration::from_secs(10));
    for (me, context) in [context.child_token(), in_time, context.with_timeout(SHORT / 2)].into_iter().enumerate() {
        let queue = queue.clone();
        let worker = move || match until_cancelled(me + 1, &queue, &context) {
            Ok(()) => println!("context: worker {}: no more jobs", me + 1),
            Err(cause) => println!("context: worker {} leaves: {cause}", me + 1),
        };
        group.spawn(worker).unwrap();
    }
    (1..=4).for_each(|job| jobs.send(job).unwrap());
    thread::sleep(SHORT);
    context.cancel(); // SF-CX-2: reaches the children; LV-CX-1: wakes them
    group.wait(); // without this, main would be gone before them
    println!("all have left");
}
