//! The facade over loom 0.7.3.
//!
//! loom explores the C11 orderings written at each site, and reports races on plain memory, deadlocks and leaks of its
//! own objects. It leaves out load buffering, stores older than the last seven to a location, sequentially consistent
//! *accesses* (they act as AcqRel), spurious compare-exchange failure, and what `verification/tests/explorers/limits.rs`
//! lists by shape; `shapes.rs` beside it says why nothing is lost in `src/`.

// Needs: sync/hook.rs.

use std::mem;
use std::panic::{self, Location};
use std::sync::atomic::Ordering;
use std::time::Instant;

use hook::Operation;
use loom::sync::atomic as raw;

pub(crate) use self::OsHandle as Parker;
pub(crate) use hook::{
    Alarm, AtomicBool, AtomicUsize, Backoff, FEW, Identity, LEAST_RING, Once, SPINS_FIRST, SpinWait, is_model_failure,
    makes_rings_at_once, now, reached, start, to_model_clock, wake,
};
pub(crate) use loom::cell::UnsafeCell;
pub(crate) use loom::thread::{JoinHandle, spawn, yield_now};
pub(crate) use loom::thread_local;

// The explorers answer through it; a user's own model tests leave it alone.
#[path = "hook.rs"]
#[allow(dead_code)]
pub(crate) mod hook;

/// Whether a handle is dropped while a user's model unwinds, or outside an execution: loom's types panic then, or run other
/// threads, which share the thread that panics.
pub(crate) fn is_over() -> bool {
    // It does not say whether an execution runs, but whatever is made outside of one panics.
    let is_outside = || panic::catch_unwind(|| UnsafeCell::new(())).is_err();
    !hook::is_watched() && (std::thread::panicking() || is_outside())
}

/// Whether a panic that production would contain ends the execution: in a user's model any, since whatever it drops on
/// its way drops without a word ([`is_over`]).
pub(crate) fn ends_the_execution(_expected: bool) -> bool {
    !hook::is_watched() && !std::thread::panicking()
}

/// The first of `bound`, for loom has no choices, or as `HENCE_SELECT` says.
pub(crate) fn random(bound: usize) -> usize {
    let first = std::env::var("HENCE_SELECT");
    first.map_or(0, |first| first.parse().expect("`HENCE_SELECT` is the number of an arm")) % bound
}

/// loom's own begins with a load, which hides an earlier one of this thread's (L1). An exchange that fails finds the latest
/// value, as whoever goes on has to. It looks first without any order, so that each of the two is looked at by itself.
fn fetch_update(
    atomic: &raw::AtomicUsize,
    success: Ordering,
    failure: Ordering,
    mut update: impl FnMut(usize) -> Option<usize>,
) -> Result<usize, usize> {
    const NO_VALUE: usize = usize::MAX;
    let look = |order| atomic.compare_exchange(NO_VALUE, NO_VALUE, order, order).unwrap_or_else(|found| found);
    loop {
        let before = look(Ordering::Relaxed);
        match update(before) {
            Some(after) if atomic.compare_exchange(before, after, success, Ordering::Relaxed).is_ok() => {
                return Ok(before);
            }
            None if look(failure) == before => return Err(before),
            _ => {}
        }
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

    /// The same: how long one waits for it is of no account here.
    pub(crate) fn with_batches(value: T, _for_batches: bool) -> Self {
        Self::new(value)
    }

    /// As the model says.
    pub(crate) fn was_contended(&self) -> bool {
        hook::was_contended()
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

/// loom's `Notify`: a token, its happens-before edge, one waiter, and one spurious return. One edge too many: of two
/// threads that are about to `unpark` one handle, the second comes after the first.
#[derive(Debug)]
pub(crate) struct OsHandle(loom::sync::Notify);

impl OsHandle {
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
