//! What a token's receivers share: a channel that only ever closes, by a call or at its deadline. There is no buffer and
//! nobody sends; whoever receives waits for the end. The channel itself is there only once somebody has come to wait.
//!
//! | `ended` | meaning | who moves it on |
//! |---|---|---|
//! | `OPEN` | open, without a deadline | `end`: -> `CLOSED` |
//! | `TIMED` | open until the deadline | `end`, in time: -> `CLOSED`; whoever closes or looks later: -> `EXPIRED` |
//! | `CLOSED`, `EXPIRED` | over | nobody |
//!
//! # Invariants
//! 1. `ended` leaves `OPEN` or `TIMED` by compare-exchange, once; for `CLOSED` under the owner's lock and, where there is
//!    a line, in the section that closes it, before anybody is claimed there.
//! 2. `line` is made, and handed to whoever wants to stand in it, under the owner's lock, while nobody has closed. So
//!    whoever closes finds, in the section that does, the line that anybody stands in, or ever will.
//! 3. Whoever has locked the line and found it open knows that nobody has closed.
//! 4. Nobody has to be woken at the deadline: whoever waits, waits no longer than until then, and looks again. So one who
//!    only looks wakes nobody, and runs no user code.
//!
//! Needs: `channel/core.rs`, `channel/ending.rs`, `sync.rs`.

use std::time::Instant;

use super::super::sync::{AtomicUsize, Identity, OnceLock, Ordering, passed};
use super::core::Core;
use super::ending::Ending;

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

/// What an owner has for it: a lock.
pub(crate) trait Owner: Send + Sync {
    /// Runs a section under that lock, unless it is known there that it is over.
    fn unless_over(&self, section: impl FnOnce());
}

/// A channel that only ever closes, and what its owner keeps with it.
#[derive(Debug)]
pub(crate) struct Closing<T, O> {
    /// The table above.
    ended: AtomicUsize,
    deadline: Option<Instant>,
    identity: Identity,
    /// Where those stand who wait.
    line: OnceLock<Box<Core<T>>>,
    pub(crate) owner: O,
}

impl<T, O> Closing<T, O> {
    /// Open, or over from the start.
    pub(crate) fn new(end: Option<End>, deadline: Option<Instant>, owner: O) -> Self {
        let ended = match end {
            None if deadline.is_some() => TIMED,
            None => OPEN,
            Some(End::ByCall) => CLOSED,
            Some(End::ByDeadline) => EXPIRED,
        };
        Self { ended: AtomicUsize::new(ended), deadline, identity: Identity::new(), line: OnceLock::new(), owner }
    }
}

impl<T, O> Closing<T, O> {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether it is over. Whoever finds that the deadline has passed says so in `ended`.
    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        // The case to be fast first, and by itself.
        let ended = self.look();
        ended != OPEN && (ended != TIMED || self.expires())
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
            // Relaxed: a deadline orders nothing. Acquire on failure: pairs with the Release in `end` (HB-CX-1).
            let _ = self.ended.compare_exchange(TIMED, EXPIRED, Ordering::Relaxed, Ordering::Acquire);
            true
        }
    }

    /// Ends it by a call; false if it is over. Called under the owner's lock, and the line's where there is one, and
    /// in time: after a look at `expires` where there is a deadline.
    #[inline]
    pub(crate) fn end(&self) -> bool {
        let open = if self.deadline.is_some() { TIMED } else { OPEN };
        // Release: pairs with the Acquire in `look` and `expires` (HB-CX-1). Relaxed on failure: too late.
        self.ended.compare_exchange(open, CLOSED, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// The line, if it has been made: for the one who closes, under the owner's lock, and for one who stands in it.
    #[inline]
    pub(crate) fn line(&self) -> Option<&Core<T>> {
        self.line.get().map(|line| &**line)
    }
}

impl<T: Send, O: Owner> Ending<T> for Closing<T, O> {
    fn has_ended(&self) -> bool {
        self.has_ended()
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn identity(&self) -> usize {
        self.identity.of(self)
    }

    fn line(&self) -> Option<&Core<T>> {
        self.line()
    }

    /// What came before the end happens before, if there is none (HB-LK-1).
    fn waiting_line(&self) -> Option<&Core<T>> {
        let mut line = None;
        self.owner.unless_over(|| line = Some(&**self.line.get_or_init(|| Box::new(Core::new(Some(0))))));
        line
    }
}
