//! The production parker: spins and yields before it parks, and costs the waker no system call unless somebody sleeps.
//!
//! The same contract as the handle of the operating system that it stands on, for one thread that parks and any
//! number that unpark:
//!
//! **HB-PK-1.** Everything before an `unpark` happens before the return of the `park` that takes its token. *Not
//! promised:* the same for an `unpark` that found another's token still there.
//!
//! **LV-PK-1.** A `park` returns if an `unpark` came after the last token was taken; `unpark`s without a `park`
//! between them leave one token.
//!
//! *Not promised:* that a `park` returns only for a token. The caller checks what it waits for, in a loop.
//!
//! | state | meaning | `park` | `unpark` |
//! |---|---|---|---|
//! | `EMPTY` | no token, nobody sleeps | spins and yields, then -> `PARKED` and sleeps | -> `NOTIFIED` |
//! | `PARKED` | no token, the owner sleeps or is about to | after its deadline -> `EMPTY` | -> `NOTIFIED`, wakes the owner |
//! | `NOTIFIED` | a token | -> `EMPTY`, returns | stays |
//!
//! Every step is a read-modify-write, the class of programs that loom explores completely; the look of the spin decides
//! nothing. After Mara Bos, *Rust Atomics and Locks*, and std's own futex parker; the waiting before the sleep is ours
//! ([`SpinWait`]).

// Needs: sync.rs.

use std::time::Instant;

use super::{AtomicUsize, Ordering, OsHandle, SpinWait, passed, reached};

const EMPTY: usize = 0;
const PARKED: usize = 1;
const NOTIFIED: usize = 2;

/// Blocks the thread that made it until another leaves a token.
#[derive(Debug)]
pub(crate) struct Parker {
    state: AtomicUsize,
    owner: OsHandle,
}

impl Parker {
    /// A parker for the calling thread.
    pub(crate) fn current() -> Self {
        Self { state: AtomicUsize::new(EMPTY), owner: OsHandle::current() }
    }

    /// Blocks the calling thread, which must have made this parker, until there is a token, and takes it.
    pub(crate) fn park(&self) {
        self.park_within(None);
    }

    /// The same, until `deadline` at the latest.
    pub(crate) fn park_until(&self, deadline: Instant) {
        self.park_within(Some(deadline));
    }

    fn park_within(&self, deadline: Option<Instant>) {
        let mut spin_wait = SpinWait::new();
        // Relaxed: `take` takes what it finds. A load, so that the line stays with whoever is about to write it.
        let is_notified = || self.state.load(Ordering::Relaxed) == NOTIFIED;
        while !self.take() && !deadline.is_some_and(passed) {
            if !spin_wait.pause(is_notified) {
                return self.sleep(deadline);
            }
        }
    }

    #[cold]
    fn sleep(&self, deadline: Option<Instant>) {
        // Relaxed: whatever it finds, the token is taken by `take`, which carries the edge.
        if self.state.compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            let taken = self.take();
            debug_assert!(taken, "EMPTY became neither PARKED nor NOTIFIED");
            return;
        }
        while !self.take() {
            let Some(deadline) = deadline else {
                self.owner.park();
                continue;
            };
            self.owner.park_until(deadline);
            if reached(deadline) {
                // Acquire: pairs with the Release in `unpark` (HB-PK-1). A swap, not a store: it takes a token that
                // has come in between.
                self.state.swap(EMPTY, Ordering::Acquire);
                return;
            }
        }
    }

    /// Leaves a token, and wakes the owner if it sleeps.
    pub(crate) fn unpark(&self) {
        // Release: pairs with the Acquire in `take` (HB-PK-1). A swap, not a store: it has to see whether the owner
        // sleeps (LV-PK-1).
        if self.state.swap(NOTIFIED, Ordering::Release) == PARKED {
            self.owner.unpark();
        }
    }

    fn take(&self) -> bool {
        // Acquire: pairs with the Release in `unpark` (HB-PK-1). By compare-exchange: a plain store of EMPTY could
        // wipe out a token that came in between (LV-PK-1). Relaxed on failure: nothing was taken.
        self.state.compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
}
