//! The bugs of the notes on goroutines, found, and their fixes, explored completely.

use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

use hence_registry::Model;

use super::RACE;
use super::harness::{Arc, Witness, spawn};
use crate::hence::channel::{bounded, unbounded};
use crate::hence::sync::{AtomicBool, Backoff};
use crate::hence::wait_group::WaitGroup;

pub(super) fn models() -> Vec<Model> {
    vec![
        Model::failing("notes_unsynchronized_flag", &[], RACE, unsynchronized_flag),
        Model::failing("notes_relaxed_flag", &[], RACE, || atomic_flag(Relaxed, Relaxed)),
        Model::failing("notes_release_without_acquire", &[], RACE, || atomic_flag(Release, Relaxed)),
        Model::new("notes_release_acquire_flag", &[], &["hello"], || atomic_flag(Release, Acquire)),
        Model::new("notes_channel_for_flag", &[], &["hello"], channel_for_flag),
        Model::failing("notes_exit_that_does_not_wait", &[], &["left before the worker had cleaned up"], || {
            exit(false)
        }),
        Model::new("notes_exit_that_waits", &[], &["cleaned up"], || exit(true)),
    ]
}

const HELLO: usize = 5;

/// `msg = "hello, world"; done = true` in one goroutine, `for { if done { println(msg) } }` in another.
fn unsynchronized_flag() -> String {
    let (msg, done) = (Witness::new(), Witness::new());
    let writer = {
        let (msg, done) = (msg.clone(), done.clone());
        spawn(move || {
            msg.write(HELLO);
            done.write(1);
        })
    };
    // One turn of the notes' loop is enough to show the race; endless turns would show nothing more.
    let seen = (done.read() == 1).then(|| msg.read());
    writer.join().unwrap();
    format!("{seen:?}")
}

fn atomic_flag(store: Ordering, load: Ordering) -> String {
    let (msg, done) = (Witness::new(), Arc::new(AtomicBool::new(false)));
    let writer = {
        let (msg, done) = (msg.clone(), done.clone());
        spawn(move || {
            msg.write(HELLO);
            done.store(true, store);
        })
    };
    while !done.load(load) {
        Backoff::new().snooze();
    }
    let seen = msg.read();
    writer.join().unwrap();
    greeting(seen)
}

/// The notes' way out: `done <- true` and `<-done`.
fn channel_for_flag() -> String {
    let (msg, (done, finished)) = (Witness::new(), bounded(0));
    let writer = {
        let msg = msg.clone();
        spawn(move || {
            msg.write(HELLO);
            done.send(true).unwrap();
        })
    };
    finished.recv().unwrap();
    let seen = msg.read();
    writer.join().unwrap();
    greeting(seen)
}

fn greeting(seen: usize) -> String {
    if seen == HELLO { "hello".into() } else { format!("{seen}") }
}

/// Main closes the channel that the worker ranges over, and leaves: at once, or after waiting for the worker.
fn exit(waits: bool) -> String {
    let (jobs, queue) = unbounded::<()>();
    let (group, cleaned) = (WaitGroup::new(), Arc::new(AtomicBool::new(false)));
    let worker = {
        let (guard, cleaned) = (group.guard(), cleaned.clone());
        spawn(move || {
            queue.iter().for_each(drop);
            cleaned.store(true, Relaxed);
            drop(guard);
        })
    };
    jobs.close();
    if waits {
        group.wait();
    }
    assert!(cleaned.load(Relaxed), "left before the worker had cleaned up");
    worker.join().unwrap();
    "cleaned up".into()
}
