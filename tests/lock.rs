//! The production lock itself, on real threads: no code of a user runs under it, so nothing outside shows what a panic there
//! would do. Its file is compiled a second time here, over what it needs.
#![cfg(not(any(loom, shuttle)))]

#[allow(dead_code)]
#[path = "../src/sync/spin.rs"]
mod spin;
mod util;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use spin::Lock;
use util::{quietly, watched};

/// As the facade's.
struct Backoff;

impl Backoff {
    fn new() -> Self {
        Self
    }

    fn for_batches() -> Self {
        Self
    }

    fn snooze(&self) {
        thread::yield_now();
    }
}

/// As the facade's.
#[derive(Debug)]
struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        access(self.0.get())
    }
}

#[test]
fn a_section_that_panics_releases_the_lock() {
    watched(|| {
        let lock = Arc::new(Lock::new(0));
        let panicking = |lock: &Lock<i32>| {
            let section = |value: &mut i32| {
                *value += 1;
                quietly("in a section")
            };
            catch_unwind(AssertUnwindSafe(|| lock.with(section))).is_err()
        };
        assert!(panicking(&lock));
        let others = [(); 4].map(|()| {
            let lock = lock.clone();
            thread::spawn(move || (0..100).all(|_| panicking(&lock) && lock.with(|value| *value > 0)))
        });
        assert!(others.into_iter().all(|other| other.join().unwrap()));
        assert_eq!(lock.with(|value| *value), 401);
    });
}
