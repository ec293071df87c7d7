//! From the notes on goroutines, on starvation ("独占CPU导致其它Goroutine饿死") and on panics ("goroutine和panic"): a job
//! that spins until another job has set a flag, on the only worker, starves that job. `cargo verify notes_cpu_hog` finds
//! it stuck. The ways out: let others have the worker now and then, or wait by something that blocks, and say so. And a
//! panic that must not end the process becomes an error at the edge of the pool.
//!
//! `cargo run --example cpu_hog`

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hence::pool::{blocking, yield_now};
use hence::{Pool, channel};

pub(crate) fn main() {
    if cfg!(any(loom, shuttle)) {
        return; // the explorers have models of it
    }
    yields();
    blocks();
    panics();
}

/// The job spins, but it yields: the job behind it runs in between.
fn yields() {
    let (pool, flag) = (Pool::new(1), Arc::new(AtomicBool::new(false)));
    let seen = flag.clone();
    let hog = pool.spawn(move || {
        let mut looks = 0_u64;
        while !seen.load(Ordering::Acquire) {
            looks += 1;
            yield_now();
        }
        looks
    });
    pool.execute(move || flag.store(true, Ordering::Release)).unwrap();
    println!("the hog saw the flag, after {} looks", hog.unwrap().join().unwrap());
}

/// The job waits for a channel, and lends its place to others meanwhile.
fn blocks() {
    let (pool, (sender, receiver)) = (Pool::new(1), channel::bounded(0));
    let waits = pool.spawn(move || blocking(|| receiver.recv().unwrap())).unwrap();
    pool.execute(move || sender.send("a message").unwrap()).unwrap();
    println!("the other job sent {}", waits.join().unwrap());
}

/// A panic becomes an error at the edge of the pool; the worker takes the next job.
fn panics() {
    let pool = Pool::builder(1).on_panic(|panic| println!("the hook saw {:?}", panic.message())).build().unwrap();
    let result = pool.spawn(|| -> u32 { panic!("a bug") }).unwrap().join();
    println!("the submitter got: {}", result.unwrap_err());
    println!("the next job: {}", pool.spawn(|| 42).unwrap().join().unwrap());
}
