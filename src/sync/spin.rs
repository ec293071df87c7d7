//! The production lock: one byte, one read-modify-write to take, one plain store to release.
//!
//! std's `Mutex` pays a second read-modify-write on release to learn whether somebody sleeps; a send and a receive take
//! the lock once each, and with it they would cost twice as much (`benches/`: 8.9 for 4.6 ns on one thread; 51 for 16
//! across two). The price: a waiter cannot be woken, so it spins, yields and then naps ([`Backoff`]). What makes that
//! sound here: a critical section is a few dozen instructions and perhaps one allocation (a channel's that makes its
//! ring, or takes out what is left in it, some ten thousand, once, and the page faults of 256 KiB at most), never user
//! code, and never blocking, so a holder is gone in well under a microsecond unless it is preempted; and a preempted
//! holder is given the core, because its waiters yield and then sleep; one of the lowest priority, beside threads that are
//! always busy, only when the system thinks of it (`benches/`, `--bin preempted`: 1 to 7 seconds at worst; std's `Mutex` 1,
//! crossbeam-channel 4). Two kinds of holders take other locks of this
//! kind: a select, those of its channels, all in one order, and then, one at a time, those of its timers and of its
//! latches' lines, under which nobody takes any, and holds the first for as many such sections; and a pool's section,
//! that of the inbox. The holder of a channel's may wait for one who is between two instructions on its ring: that one,
//! too, is gone at once unless it is preempted.
//!
//! # Guarantees
//! **SF-LK-1.** At most one caller at a time is inside [`Lock::with`], or between [`Lock::lock`] and [`Lock::unlock`].
//!
//! **HB-LK-1.** Everything inside one of these happens before everything inside each later one.
//!
//! **LV-LK-1.** When a holder leaves, by a panic too, one of the waiting callers gets in. *Not promised:* which one.

// Needs: sync.rs.

use super::{AtomicBool, Backoff, Ordering, UnsafeCell};

/// Data that one caller at a time may touch.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    /// false: free; true: somebody is inside `with`.
    held: AtomicBool,
    /// Whether anybody has ever had to wait for it.
    contended: AtomicBool,
    /// As `with_batches` says.
    for_batches: bool,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is reached only under the lock, by one thread at a time (SF-LK-1) with the previous one's accesses
// before its own (HB-LK-1): sharing the lock only ever sends the value.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self::with_batches(value, false)
    }

    /// The same, `for_batches` or not: of sections that nobody waits for, each as good if it comes a little later. Whoever finds
    /// it held leaves it alone for long enough that the holder comes back to it, several times, before another core has its
    /// memory.
    #[inline]
    pub(crate) fn with_batches(value: T, for_batches: bool) -> Self {
        let (held, contended) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { held, contended, for_batches, value: UnsafeCell::new(value) }
    }

    /// Runs `section` on the value, alone. Releases on unwinding too.
    #[inline]
    pub(crate) fn with<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        self.lock();
        let _held = Held(&self.held);
        // SAFETY: this caller alone has set `held`, and leaves it set until `_held` is dropped.
        unsafe { self.with_locked(section) }
    }

    /// Takes the lock, until `unlock`: for who holds several.
    #[inline]
    pub(crate) fn lock(&self) {
        if !self.try_acquire() {
            self.contend();
        }
    }

    /// # Safety
    /// The caller has taken the lock by `lock`, and not released it.
    pub(crate) unsafe fn unlock(&self) {
        drop(Held(&self.held));
    }

    /// Runs `section` on the value.
    ///
    /// # Safety
    /// The caller holds the lock, and is not in another section.
    #[inline]
    pub(crate) unsafe fn with_locked<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: nobody else is inside, or comes there, while the caller holds the lock (SF-LK-1).
        self.value.with_mut(|value| section(unsafe { &mut *value }))
    }

    #[inline]
    fn try_acquire(&self) -> bool {
        // Acquire: pairs with the Release in `Held::drop` (HB-LK-1). Relaxed on failure: a loser enters nothing.
        self.held.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Whether anybody has ever had to wait for it. Asked by the holder.
    #[inline]
    pub(crate) fn was_contended(&self) -> bool {
        // Relaxed: a guess.
        self.contended.load(Ordering::Relaxed)
    }

    #[cold]
    fn contend(&self) {
        // Relaxed: a guess.
        self.contended.store(true, Ordering::Relaxed);
        let backoff = if self.for_batches { Backoff::for_batches() } else { Backoff::new() };
        while !self.try_acquire() {
            backoff.snooze();
        }
    }
}

/// Releases the lock.
struct Held<'a>(&'a AtomicBool);

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `try_acquire` (HB-LK-1).
        self.0.store(false, Ordering::Release);
    }
}
