//! The facade over loom 0.7.3.
//!
//! loom explores the C11 orderings written at each site, and reports races on plain memory, deadlocks and leaks of its
//! own objects. It leaves out load buffering, stores older than the last seven to a location, sequentially consistent
//! *accesses* (they act as AcqRel), spurious compare-exchange failure, and what `verification/tests/explorers/limits.rs`
//! lists by shape; `shapes.rs` beside it says why nothing is lost in `src/`.

// Needs: sync.rs, sync/hook.rs.

use std::mem;
use std::panic::{self, Location};
use std::sync::OnceLock;

use super::Ordering;
use hook::Operation;

pub(crate) use hook::{
    Alarm, FEW, Identity, Once, SPINS_FIRST, SpinWait, is_model_failure, now, passed, reached, start, to_model_clock,
    wake,
};
pub(crate) use loom::thread::{JoinHandle, spawn, yield_now};
pub(crate) use loom::thread_local;
pub(crate) use os::Handle as Parker;

// The explorers answer through it; a user's own model tests leave it alone.
#[path = "hook.rs"]
#[allow(dead_code)]
pub(crate) mod hook;

/// Waits for another thread in a loop.
#[derive(Debug)]
pub(crate) struct Backoff;

impl Backoff {
    pub(crate) fn new() -> Self {
        Self
    }

    /// Lets the other threads run until they can go no further. That leaves nothing out if the loop that calls this
    /// has had no effect, since then it might as well not have begun yet.
    pub(crate) fn snooze(&self) {
        loom::thread::yield_now();
    }
}

/// Whether a handle is dropped while a user's model unwinds, or outside an execution: loom's types panic then, or run other
/// threads, which share the thread that panics.
pub(crate) fn is_over() -> bool {
    // It does not say whether an execution runs, but whatever is made outside of one panics.
    let is_outside = || panic::catch_unwind(|| loom::cell::UnsafeCell::new(())).is_err();
    !hook::is_watched() && (std::thread::panicking() || is_outside())
}

/// Whether a panic that production would contain ends the execution: in a user's model any, since whatever it drops on
/// its way drops without a word ([`is_over`]).
pub(crate) fn ends_the_execution(_expected: bool) -> bool {
    !hook::is_watched() && !std::thread::panicking()
}

/// The first of `bound`, for loom has no choices, or as `HENCE_SELECT` says.
pub(crate) fn random(bound: usize) -> usize {
    static FIRST: OnceLock<usize> = OnceLock::new();
    let first = FIRST.get_or_init(|| {
        let first = std::env::var("HENCE_SELECT");
        first.map_or(0, |first| first.parse().expect("`HENCE_SELECT` is the number of an arm"))
    });
    first % bound
}

macro_rules! atomic {
    ($name:ident, $value:ty) => {
        /// loom's atomic, each of whose operations knows where it is written.
        #[derive(Debug)]
        pub(crate) struct $name(loom::sync::atomic::$name);

        #[allow(dead_code)] // one set of operations for the library and the models
        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $value {
                let order = hook::order(Location::caller(), order);
                self.0.load(order)
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $value, order: Ordering) {
                if hook::dropped(Location::caller(), Operation::Store) {
                    return;
                }
                let order = hook::order(Location::caller(), order);
                self.0.store(value, order);
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                let order = hook::order(Location::caller(), order);
                self.0.swap(value, order)
            }

            #[track_caller]
            pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                let (order, _, compare) = hook::orders(Location::caller(), order, Ordering::Relaxed);
                let before = self.0.fetch_or(value, order);
                if compare { before } else { <$value>::default() }
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let (success, failure, compare) = hook::orders(Location::caller(), success, failure);
                if compare {
                    self.0.compare_exchange(current, new, success, failure)
                } else {
                    Ok(self.0.swap(new, success))
                }
            }
        }
    };
}

atomic!(AtomicBool, bool);
atomic!(AtomicUsize, usize);

/// Plain memory that loom watches.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(loom::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    #[allow(dead_code)] // for the models' witnesses, which several threads may read
    #[track_caller]
    pub(crate) fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
        self.0.with(access)
    }

    #[track_caller]
    pub(crate) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        self.0.with_mut(access)
    }
}

/// loom's mutex around watched memory, so that a lock that is left out shows as a race.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    /// Of who has taken it by `lock`; dropped before the mutex.
    guard: std::cell::RefCell<Option<loom::sync::MutexGuard<'static, ()>>>,
    mutex: loom::sync::Mutex<()>,
    value: UnsafeCell<T>,
}

// SAFETY: as for the production lock: `value` is reached under the mutex alone; where a weakening leaves the mutex out,
// loom ends the execution at the racing access before it is made. `guard` is touched by the one who holds the mutex, and
// all threads of an execution are coroutines on one thread of the operating system.
unsafe impl<T: Send> Sync for Lock<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Lock<T> {}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { guard: Default::default(), mutex: loom::sync::Mutex::new(()), value: UnsafeCell::new(value) }
    }

    #[track_caller]
    pub(crate) fn with<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        let _held = self.acquire();
        // SAFETY: this thread alone is between the lock and the unlock of `mutex`.
        unsafe { self.with_locked(section) }
    }

    #[track_caller]
    fn acquire(&self) -> Option<loom::sync::MutexGuard<'_, ()>> {
        (!hook::dropped(Location::caller(), Operation::Lock)).then(|| self.mutex.lock().unwrap())
    }

    /// Takes the lock, until `unlock`.
    #[track_caller]
    pub(crate) fn lock(&self) {
        let guard = self.acquire();
        // SAFETY: `unlock` drops it, by a reference to this lock.
        let guard = guard.map(|guard| unsafe {
            mem::transmute::<loom::sync::MutexGuard<'_, ()>, loom::sync::MutexGuard<'static, ()>>(guard)
        });
        self.guard.replace(guard);
    }

    /// # Safety
    /// As of the production lock.
    pub(crate) unsafe fn unlock(&self) {
        let guard = self.guard.take();
        drop(guard);
    }

    /// # Safety
    /// As of the production lock.
    #[track_caller]
    pub(crate) unsafe fn with_locked<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the caller's.
        self.value.with_mut(|value| section(unsafe { &mut *value }))
    }
}

pub(crate) mod os {
    //! The operating system's parking, as loom models it.

    use std::panic::Location;
    use std::time::Instant;

    use super::hook::{self, Operation};

    /// loom's `Notify`: a token, its happens-before edge, one waiter, and one spurious return. One edge too many: of two
    /// threads that are about to `unpark` one handle, the second comes after the first.
    #[derive(Debug)]
    pub(crate) struct Handle(loom::sync::Notify);

    impl Handle {
        /// A handle for the calling thread to park on.
        pub(crate) fn current() -> Self {
            Self(loom::sync::Notify::new())
        }

        /// Blocks the calling thread until a token is there, or spuriously.
        pub(crate) fn park(&self) {
            self.0.wait();
        }

        /// Comes back at once: see `hook::now`.
        pub(crate) fn park_until(&self, _deadline: Instant) {}

        /// Leaves a token.
        #[track_caller]
        pub(crate) fn unpark(&self) {
            if !hook::dropped(Location::caller(), Operation::Wake) {
                self.0.notify();
            }
        }
    }
}
