//! How long a wait may take: the one type behind all forms, those that do not wait, wait for some time, until a moment, for
//! ever, or until a token is cancelled.

// Needs: cancel.rs, pool/error.rs, sync.rs, wait.rs.

use std::time::{Duration, Instant};

use super::super::cancel::CancellationToken;
use super::super::sync::{Arc, now, passed, to_model_clock};
use super::super::wait::{Waiter, WakeCause};
use super::error::SpawnError;

pub(super) enum Limit<'a> {
    /// It does not wait.
    Now,
    /// `None`: for ever.
    Until(Option<Instant>),
    OrCancelled(&'a CancellationToken),
}

impl Limit<'_> {
    pub(super) const NONE: Self = Limit::Until(None);

    /// So long from now; for ever, if no `Instant` is that far away.
    pub(super) fn timeout(timeout: Duration) -> Self {
        Limit::Until(now().checked_add(timeout))
    }

    /// Until a moment of the user's clock.
    pub(super) fn deadline(deadline: Instant) -> Self {
        Limit::Until(Some(to_model_clock(deadline)))
    }

    /// When the time is up, where there is such a moment.
    pub(super) fn moment(&self) -> Option<Instant> {
        if let Limit::Until(moment) = self { *moment } else { None }
    }

    /// Whether there is no time left for a wait.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Limit::Now) || self.moment().is_some_and(passed)
    }

    /// Waits: why the waiter was claimed. `None` if the limit is over, and the waiter has left its line, by `leave`.
    pub(super) fn wait_or_leave(&self, waiter: &Arc<Waiter>, leave: impl FnOnce() -> bool) -> Option<WakeCause> {
        match self {
            Limit::Now => unreachable!("it does not stand in line"),
            Limit::Until(moment) => waiter.wait_or_leave(*moment, leave),
            Limit::OrCancelled(token) => token.wait_or_leave(waiter, leave),
        }
    }

    /// Why a submission is refused that has found no room within the limit.
    pub(super) fn refusal(&self) -> SpawnError<()> {
        match self {
            Limit::Now => SpawnError::Full(()),
            Limit::Until(_) => SpawnError::TimedOut(()),
            Limit::OrCancelled(_) => SpawnError::Cancelled(()),
        }
    }
}
