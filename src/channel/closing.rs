//! What a token's receivers share: a channel that only ever closes, by a call or at its deadline. There is no buffer and
//! nobody sends; whoever receives waits for the end.
//!
//! | `ended` | meaning | who moves it on |
//! |---|---|---|
//! | `OPEN` | open, without a deadline | `close`: -> `CLOSED` |
//! | `TIMED` | open until the deadline | `close`, in time: -> `CLOSED`; whoever closes or looks later: -> `EXPIRED` |
//! | `CLOSED`, `EXPIRED` | over | nobody |
//!
//! # Invariants
//! 1. `ended` leaves `OPEN` or `TIMED` by compare-exchange, once: for `CLOSED` in the critical section that closes `core`,
//!    before anybody is claimed there.
//! 2. Nobody has to be woken at the deadline: whoever waits, waits no longer than until then, and looks again. So one who
//!    only looks wakes nobody, and runs no user code.
//!
//! Needs: `channel/core.rs`, `wait.rs`, `sync.rs`, `error.rs`.

use std::time::Instant;

use super::super::error::RecvTimeoutError;
use super::super::sync::{AtomicUsize, Ordering, passed};
use super::super::wait::Waiter;
use super::core::Core;
use super::receiver::wait_for_value;
use super::schedule::earlier;

const OPEN: usize = 0;
const TIMED: usize = 1;
const CLOSED: usize = 2;
const EXPIRED: usize = 3;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    ByCall,
    ByDeadline,
}

/// A channel that only ever closes, and what its owner keeps with it.
#[derive(Debug)]
pub(crate) struct Closing<T, O: ?Sized> {
    /// The table above.
    ended: AtomicUsize,
    deadline: Option<Instant>,
    pub(crate) core: Core<T>,
    pub(crate) owner: O,
}

impl<T, O> Closing<T, O> {
    pub(crate) fn new(deadline: Option<Instant>, owner: O) -> Self {
        let ended = AtomicUsize::new(if deadline.is_some() { TIMED } else { OPEN });
        Self { ended, deadline, core: Core::new(Some(0)), owner }
    }
}

impl<T, O: ?Sized> Closing<T, O> {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether it is over. Whoever finds that the deadline has passed says so in `ended`.
    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        match self.look() {
            OPEN => false,
            TIMED => self.expires(),
            _ => true,
        }
    }

    /// How it ended, as far as anybody has said, whatever the clock says.
    pub(crate) fn ended(&self) -> Option<End> {
        match self.look() {
            CLOSED => Some(End::ByCall),
            EXPIRED => Some(End::ByDeadline),
            _ => None,
        }
    }

    #[inline]
    fn look(&self) -> usize {
        // Acquire: pairs with the Release in `end` (HB-CX-1).
        self.ended.load(Ordering::Acquire)
    }

    /// Whether the deadline has passed; then it is over, by that or by a call.
    #[cold]
    #[inline(never)]
    pub(crate) fn expires(&self) -> bool {
        self.deadline.is_some_and(passed) && {
            self.expire();
            true
        }
    }

    fn expire(&self) {
        // Relaxed: a deadline orders nothing. Acquire on failure: pairs with the Release in `end` (HB-CX-1).
        let _ = self.ended.compare_exchange(TIMED, EXPIRED, Ordering::Relaxed, Ordering::Acquire);
    }

    /// Closes it; true for the one call that did, and in time. That call does `also` first, under the lock.
    #[inline]
    pub(crate) fn close(&self, also: impl FnOnce()) -> bool {
        !(self.deadline.is_some() && self.expires()) && self.end(also)
    }

    /// Ends it as another has ended, whatever the clock says; with `also` as for `close`.
    pub(crate) fn end_like(&self, other: End, also: impl FnOnce()) {
        match other {
            End::ByCall => drop(self.end(also)),
            End::ByDeadline => self.expire(),
        }
    }

    #[inline]
    fn end(&self, also: impl FnOnce()) -> bool {
        let open = if self.deadline.is_some() { TIMED } else { OPEN };
        self.core.close_if(|| {
            also();
            // Release: pairs with the Acquire in `look` and `expire` (HB-CX-1). Relaxed on failure: too late.
            self.ended.compare_exchange(open, CLOSED, Ordering::Release, Ordering::Relaxed).is_ok()
        })
    }

    /// Waits for the end, or until `deadline`: there is never a value.
    pub(crate) fn recv(&self, deadline: Option<Instant>) -> RecvTimeoutError {
        if self.has_ended() {
            return RecvTimeoutError::Disconnected;
        }
        let unreceived = match self.core.recv(true, Waiter::thread) {
            Ok(_) => unreachable!("nobody sends"),
            Err(unreceived) => unreceived,
        };
        match wait_for_value(&self.core, unreceived, earlier(self.deadline, deadline)) {
            Err(RecvTimeoutError::Timeout) if !self.has_ended() => RecvTimeoutError::Timeout,
            _ => RecvTimeoutError::Disconnected,
        }
    }
}
