//! From the notes on goroutines, on memory order ("不同Goroutine之间不满足顺序一致性内存模型"): one goroutine writes a
//! message and sets a plain flag, another spins on the flag and reads the message. It may spin for ever, or see the
//! flag and not the message. In safe Rust that program does not compile, so `unsynchronized_flag.rs` cannot stand here:
//! `cargo verify notes` explores it as a model, and finds the race. This is the way out: a channel for the flag.
//!
//! `cargo run --example channel_for_flag`

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use hence::channel::bounded;

/// What a thread leaves for another. Relaxed: it orders nothing, so whoever sees it owes that to the channel.
static MESSAGE: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn main() {
    if cfg!(any(loom, shuttle)) {
        return; // the explorers have models of it
    }
    thread::scope(|scope| {
        let (done, finished) = bounded(0);
        scope.spawn(move || {
            MESSAGE.store(1, Relaxed);
            done.send(()).unwrap();
        });
        finished.recv().unwrap();
        // HB-CH-1: the send, and all before it, happens before the return of the receive. No spinning, either.
        println!("a send in place of `done = true`:  message {}", seen(1));
    });

    thread::scope(|scope| {
        let (done, finished) = bounded::<()>(0);
        scope.spawn(move || {
            MESSAGE.store(2, Relaxed);
            done.close();
        });
        assert!(finished.recv().is_err());
        // HB-CH-3: everything before the close happens before what fails because of it, in any number of receivers.
        println!("a close, which everybody sees:     message {}", seen(2));
    });

    thread::scope(|scope| {
        let (done, finished) = bounded(0);
        scope.spawn(move || {
            MESSAGE.store(3, Relaxed);
            finished.recv().unwrap();
        });
        done.send(()).unwrap();
        // HB-CH-2: with no buffer, the call of the receive happens before the return of the send. With room for one
        // value this would be a bug: the first send need not wait for anybody.
        println!("a rendezvous, the other way round: message {}", seen(3));
    });

    let (messages, inbox) = bounded(1);
    thread::spawn(move || messages.send("hello, world").unwrap());
    println!("best of all, send the message:     {}", inbox.recv().unwrap());
}

fn seen(expected: usize) -> usize {
    let message = MESSAGE.load(Relaxed);
    assert_eq!(message, expected);
    message
}
