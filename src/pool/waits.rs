//! Waiting for a pool as a task.

// Needs: pool/core.rs, pool/shared.rs, sync.rs, wait.rs, wait/queue.rs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::super::sync::is_over;
use super::super::wait::{Line, Ticket};
use super::core::Goal;
use super::shared::{End, Shared};

/// A future that is ready when a pool is idle, or has ended. Made by
/// [`Pool::wait_idle_async`](super::Pool::wait_idle_async), [`drain_async`](super::Pool::drain_async) and
/// [`shutdown_async`](super::Pool::shutdown_async).
///
/// If it is dropped, the wait ends and leaves nothing behind. If it is polled after it was ready, it waits again. It
/// does not yield to other tasks on its own ([*Tasks*](crate::channel#tasks)).
#[must_use = "a future does nothing unless it is polled"]
pub struct WaitFuture<'a, S: 'static> {
    end: End<'a, S>,
    /// Whether the pool is to be stopped first.
    stop: bool,
    place: Option<Ticket>,
}

impl<'a, S> WaitFuture<'a, S> {
    pub(super) fn new(shared: &'a Shared<S>, goal: Goal, stop: bool) -> Self {
        Self { end: End { shared, goal }, stop, place: None }
    }
}

impl<S> Future for WaitFuture<'_, S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { end, stop, place } = &mut *self;
        if *stop && place.is_none() {
            end.shared.stop();
        }
        end.poll(place, cx)
    }
}

impl<S> Drop for WaitFuture<'_, S> {
    fn drop(&mut self) {
        if let (Some(ticket), false) = (self.place, is_over()) {
            self.end.leave(ticket);
        }
    }
}

impl<S> fmt::Debug for WaitFuture<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFuture").field("waiting", &self.place.is_some()).finish()
    }
}
