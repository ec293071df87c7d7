//! Waiting for a pool as a task.

// Needs: pool/core.rs, pool/shared.rs, sync.rs, wait.rs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::super::sync::is_over;
use super::super::wait::poll_in_line;
use super::core::{Goal, Waiting};
use super::shared::Shared;

/// A future that is ready when a pool is idle, or has ended. Made by
/// [`Pool::wait_idle_async`](super::Pool::wait_idle_async), [`drain_async`](super::Pool::drain_async) and
/// [`shutdown_async`](super::Pool::shutdown_async).
///
/// If it is dropped, the wait ends and leaves nothing behind. If it is polled after it was ready, it waits again. It
/// does not yield to other tasks on its own ([*Tasks*](crate::channel#tasks)).
#[must_use = "a future does nothing unless it is polled"]
pub struct WaitFuture<'a, S: 'static> {
    shared: &'a Shared<S>,
    goal: Goal,
    stop: bool,
    waiting: Option<Waiting>,
}

impl<'a, S> WaitFuture<'a, S> {
    pub(super) fn new(shared: &'a Shared<S>, goal: Goal, stop: bool) -> Self {
        Self { shared, goal, stop, waiting: None }
    }
}

impl<S> Future for WaitFuture<'_, S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { shared, goal, stop, waiting } = &mut *self;
        poll_in_line(waiting, cx, |waiter| {
            if *stop {
                shared.stop();
            }
            shared.told(shared.core.wait(*goal, Some(waiter))).err().flatten()
        })
    }
}

impl<S> Drop for WaitFuture<'_, S> {
    fn drop(&mut self) {
        if let (Some((ticket, _)), false) = (&self.waiting, is_over()) {
            self.shared.core.leave_wait(self.goal, *ticket);
        }
    }
}

impl<S> fmt::Debug for WaitFuture<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFuture").field("waiting", &self.waiting.is_some()).finish()
    }
}
