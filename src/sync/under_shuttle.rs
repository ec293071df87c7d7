//! The facade over shuttle 0.9.9.
//!
//! shuttle runs sequentially consistent interleavings. The orderings written at each site are not lost: every access
//! is told to the watcher ([`hook`]), whose vector clocks honour them. One scheduling point stands before each
//! operation that another thread could observe, and nowhere else: releasing a lock has none, since whatever another
//! thread does next could as well be done after this thread's next operation.
//!
//! Threads are coroutines on one thread of the operating system: a cell is enough where std needs an atomic.

// Needs: sync.rs, sync/hook.rs.

use std::cell::{Cell, OnceCell, RefCell};
use std::mem;
use std::ops::BitOr;
use std::panic::Location;
use std::time::{Duration, Instant};

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, Thread};

use super::Ordering;
use hook::Operation;

pub(crate) use self::OsHandle as Parker;
pub(crate) use hook::{
    Alarm, AtomicBool, AtomicUsize, Backoff, FEW, Identity, LEAST_RING, Once, SPINS_FIRST, SpinWait, is_model_failure,
    makes_rings_at_once, now, reached, start, to_model_clock, wake,
};
pub(crate) use shuttle::thread::{JoinHandle, spawn, yield_now};
pub(crate) use shuttle::thread_local;

// The explorers answer through it; a user's own model tests leave it alone.
#[path = "hook.rs"]
#[allow(dead_code)]
pub(crate) mod hook;

/// A scheduling point.
fn switch() {
    thread::sleep(Duration::ZERO);
}

/// Whether a handle is dropped outside an execution. While shuttle unwinds, its types go on.
pub(crate) fn is_over() -> bool {
    !hook::is_watched() && shuttle::current::try_get_current_task().is_none()
}

/// Whether a panic that production would contain ends the execution: in a user's model, unless it is expected.
pub(crate) fn ends_the_execution(expected: bool) -> bool {
    !hook::is_watched() && !expected && !std::thread::panicking()
}

/// A number below `bound`: the watcher's choice, or shuttle's in a user's model.
pub(crate) fn random(bound: usize) -> usize {
    if hook::is_watched() { hook::watch().choose(bound) } else { thread_rng().gen_range(0..bound) }
}

/// A location's number, given at its first access.
#[derive(Debug, Default)]
struct Id(OnceCell<usize>);

impl Id {
    fn get(&self) -> usize {
        *self.0.get_or_init(|| hook::watch().fresh())
    }
}

/// An atomic whose operations are scheduling points.
#[derive(Debug)]
struct Atomic<T: Copy> {
    value: Cell<T>,
    id: Id,
}

mod raw {
    pub(super) type AtomicBool = super::Atomic<bool>;
    pub(super) type AtomicUsize = super::Atomic<usize>;
}

// SAFETY: all threads of an execution are coroutines on one thread of the operating system, and none is suspended while
// it touches a cell.
unsafe impl<T: Copy + Send> Sync for Atomic<T> {}

impl<T: Copy + PartialEq + BitOr<Output = T>> Atomic<T> {
    fn new(value: T) -> Self {
        Self { value: Cell::new(value), id: Id::default() }
    }

    fn load(&self, order: Ordering) -> T {
        switch();
        hook::watch().load(self.id.get(), order);
        self.value.get()
    }

    fn store(&self, value: T, order: Ordering) {
        switch();
        hook::watch().store(self.id.get(), order);
        self.value.set(value);
    }

    fn swap(&self, value: T, order: Ordering) -> T {
        switch();
        hook::watch().rmw(self.id.get(), order);
        self.value.replace(value)
    }

    fn fetch_or(&self, value: T, order: Ordering) -> T {
        switch();
        hook::watch().rmw(self.id.get(), order);
        self.value.replace(self.value.get() | value)
    }

    fn compare_exchange(&self, current: T, new: T, success: Ordering, failure: Ordering) -> Result<T, T> {
        switch();
        if self.value.get() != current {
            hook::watch().load(self.id.get(), failure);
            return Err(self.value.get());
        }
        hook::watch().rmw(self.id.get(), success);
        Ok(self.value.replace(new))
    }
}

impl Atomic<usize> {
    fn fetch_add(&self, value: usize, order: Ordering) -> usize {
        switch();
        hook::watch().rmw(self.id.get(), order);
        self.value.replace(self.value.get() + value)
    }
}

fn fetch_update(
    atomic: &Atomic<usize>,
    success: Ordering,
    failure: Ordering,
    mut update: impl FnMut(usize) -> Option<usize>,
) -> Result<usize, usize> {
    switch();
    let before = atomic.value.get();
    let Some(after) = update(before) else {
        hook::watch().load(atomic.id.get(), failure);
        return Err(before);
    };
    hook::watch().rmw(atomic.id.get(), success);
    atomic.value.set(after);
    Ok(before)
}

/// Plain memory that the watcher watches.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T> {
    value: std::cell::UnsafeCell<T>,
    id: Id,
}

impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: std::cell::UnsafeCell::new(value), id: Id::default() }
    }

    #[allow(dead_code)] // for the models' witnesses, which several threads may read
    #[track_caller]
    pub(crate) fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
        hook::watch().access(self.id.get(), false, Location::caller());
        access(self.value.get())
    }

    #[track_caller]
    pub(crate) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        hook::watch().access(self.id.get(), true, Location::caller());
        access(self.value.get())
    }
}

/// A lock whose waiters park.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    held: Cell<bool>,
    waiting: RefCell<Vec<Thread>>,
    id: Id,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is reached under the lock alone, by the one coroutine that set `held`; the cells as for atomics.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { held: Cell::new(false), waiting: RefCell::default(), id: Id::default(), value: UnsafeCell::new(value) }
    }

    #[track_caller]
    pub(crate) fn with<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        let dropped = hook::dropped(Location::caller(), Operation::Lock);
        switch();
        let _held = (!dropped).then(|| self.acquire());
        // SAFETY: this coroutine alone has set `held`; where a weakening leaves the lock out, the watcher ends the
        // execution at the racing access before it is made.
        unsafe { self.with_locked(section) }
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
        let dropped = hook::dropped(Location::caller(), Operation::Lock);
        switch();
        if !dropped {
            mem::forget(self.acquire());
        }
    }

    /// # Safety
    /// As of the production lock.
    pub(crate) unsafe fn unlock(&self) {
        // Not, where a weakening has left it out.
        if self.held.get() {
            drop(Held(self));
        }
    }

    /// # Safety
    /// As of the production lock.
    #[track_caller]
    pub(crate) unsafe fn with_locked<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the caller's.
        self.value.with_mut(|value| section(unsafe { &mut *value }))
    }

    fn acquire(&self) -> Held<'_, T> {
        while self.held.replace(true) {
            self.waiting.borrow_mut().push(thread::current());
            thread::park();
        }
        hook::watch().load(self.id.get(), Ordering::Acquire);
        hook::watch().locks(true);
        Held(self)
    }
}

/// Releases the lock and lets its waiters try again.
struct Held<'a, T>(&'a Lock<T>);

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        hook::watch().locks(false);
        hook::watch().store(self.0.id.get(), Ordering::Release);
        self.0.held.set(false);
        self.0.waiting.take().iter().for_each(Thread::unpark);
    }
}

/// A thread, its token, and the token's happens-before edge.
#[derive(Debug)]
pub(crate) struct OsHandle {
    thread: Thread,
    token: Cell<bool>,
    id: Id,
}

// SAFETY: as for the atomics: one thread of the operating system, never suspended while a cell is touched.
unsafe impl Sync for OsHandle {}

impl OsHandle {
    /// The calling thread's handle.
    pub(crate) fn current() -> Self {
        Self { thread: thread::current(), token: Cell::new(false), id: Id::default() }
    }

    /// Blocks the calling thread until a token is there, or spuriously if the watcher says so.
    pub(crate) fn park(&self) {
        while !self.token.replace(false) {
            if hook::watch().spurious() {
                return;
            }
            thread::park();
        }
        hook::watch().rmw(self.id.get(), Ordering::Acquire);
    }

    /// Comes back at once: see `hook::now`.
    #[track_caller]
    pub(crate) fn park_until(&self, _deadline: Instant) {
        hook::watch().waits(Location::caller());
    }

    /// Leaves a token.
    #[track_caller]
    pub(crate) fn unpark(&self) {
        if hook::dropped(Location::caller(), Operation::Wake) {
            return;
        }
        // The scheduling point is in shuttle's `unpark`, before its effect; ours follows without another.
        self.thread.unpark();
        hook::watch().rmw(self.id.get(), Ordering::Release);
        self.token.set(true);
    }
}
