//! The facade over std: what a program runs.
//!
//! Needs: `sync/parker.rs`, `sync/spin.rs`.

use std::task::Waker;
use std::thread;
use std::time::Duration;

pub(crate) use super::parker::Parker;
pub(crate) use super::spin::Lock;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize};

/// How often a waiter yields its core before it parks: for about as long as waking an idle core costs (tens of
/// microseconds), so that a partner who is about to act is met on the way. A parked waiter uses no CPU.
pub(crate) const YIELDS: usize = 64;

/// Offers the core to another thread.
pub(crate) fn yield_now() {
    thread::yield_now();
}

/// Waits for the holder of a lock, a little longer each time.
#[derive(Debug)]
pub(crate) struct Backoff(crossbeam_utils::Backoff);

impl Backoff {
    pub(crate) fn new() -> Self {
        Self(crossbeam_utils::Backoff::new())
    }

    /// Spins at first, while the holder may be running on another core; then yields, while it may be waiting for this
    /// one; then naps, so that even a holder of lower priority than all its waiters gets the core.
    pub(crate) fn snooze(&self) {
        const NAP: Duration = Duration::from_micros(50);
        if self.0.is_completed() { thread::sleep(NAP) } else { self.0.snooze() }
    }
}

/// Wakes a task.
#[inline]
pub(crate) fn wake(waker: Waker) {
    waker.wake();
}

/// Plain memory, accessed the way loom's cell is.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    #[inline]
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[inline]
    pub(crate) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        access(self.0.get())
    }
}

pub(crate) mod os {
    //! The operating system's parking, as std documents it.

    use std::thread::{self, Thread};

    /// A thread's handle: what parks it and wakes it.
    #[derive(Debug)]
    pub(crate) struct Handle(Thread);

    impl Handle {
        /// The calling thread's handle.
        pub(crate) fn current() -> Self {
            Self(thread::current())
        }

        /// Blocks the calling thread, whose handle this must be, until a token is there or for no reason at all.
        pub(crate) fn park(&self) {
            debug_assert_eq!(self.0.id(), thread::current().id());
            thread::park();
        }

        /// Leaves a token.
        pub(crate) fn unpark(&self) {
            self.0.unpark();
        }
    }
}
