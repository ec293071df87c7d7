//! Waiting for a token as a task, and work that it ends.

// Needs: cancel.rs, cancel/tree.rs, wait.rs, wait/latch.rs.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use super::super::wait::{Ends, TaskWait};
use super::CancellationToken;
use super::tree::Node;

impl CancellationToken {
    /// Returns a future that is ready once this token is cancelled, or its deadline has passed:
    /// [`wait`](CancellationToken::wait) for tasks, on any runtime.
    ///
    /// Dropping the future leaves nothing behind. Polled again after it was ready, the future is ready again. It does
    /// not yield to other tasks by itself ([*Tasks*](crate::channel#tasks)).
    ///
    /// # Happens-before
    /// [HB-CX-1](crate::cancel#HB-CX-1).
    ///
    /// # Example
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    /// let token = hence::cancel::CancellationToken::new();
    /// let mut cancelled = pin!(token.cancelled());
    /// assert!(cancelled.as_mut().poll(&mut cx).is_pending());
    /// token.cancel();
    /// assert!(cancelled.as_mut().poll(&mut cx).is_ready());
    /// ```
    pub fn cancelled(&self) -> CancelledFuture<'_> {
        CancelledFuture { node: &self.node, wait: TaskWait::new() }
    }

    /// [`cancelled`](CancellationToken::cancelled) whose future owns the token: for a task that outlives the caller.
    ///
    /// # Happens-before
    /// [HB-CX-1](crate::cancel#HB-CX-1).
    ///
    /// # Example
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    /// let token = hence::cancel::CancellationToken::new();
    /// let mut cancelled = pin!(token.child_token().cancelled_owned());
    /// token.cancel();
    /// assert!(cancelled.as_mut().poll(&mut cx).is_ready());
    /// ```
    pub fn cancelled_owned(self) -> CancelledFutureOwned {
        CancelledFutureOwned { token: self, wait: TaskWait::new() }
    }

    /// Runs `future` until it is ready: `Some` of its output. If this token is cancelled first, or its deadline passes:
    /// `None`, and `future` is dropped.
    ///
    /// If the token is cancelled at the first poll, `future` is never polled. Otherwise each poll polls `future` first,
    /// and looks at the token only if `future` is pending: so an output is never lost.
    ///
    /// # Happens-before
    /// [HB-CX-1](crate::cancel#HB-CX-1), if `None`.
    ///
    /// # Example
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    /// use hence::{cancel::CancellationToken, channel::unbounded};
    /// let (token, (sender, receiver)) = (CancellationToken::new(), unbounded());
    /// sender.send(1).unwrap();
    /// let received = pin!(token.run_until_cancelled(receiver.recv_async())).poll(&mut cx);
    /// assert_eq!(received, Poll::Ready(Some(Ok(1))));
    /// let mut received = pin!(token.run_until_cancelled(receiver.recv_async()));
    /// assert!(received.as_mut().poll(&mut cx).is_pending());
    /// token.cancel();
    /// assert_eq!(received.as_mut().poll(&mut cx), Poll::Ready(None));
    /// ```
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        if self.is_cancelled() {
            return None;
        }
        let (mut cancelled, mut future) = (self.cancelled(), pin!(future));
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => Pin::new(&mut cancelled).poll(cx).map(|()| None),
        })
        .await
    }

    /// [`run_until_cancelled`](CancellationToken::run_until_cancelled) that owns the token: for a task that outlives
    /// the caller.
    ///
    /// # Happens-before
    /// [HB-CX-1](crate::cancel#HB-CX-1), if `None`.
    ///
    /// # Example
    /// ```
    /// # use std::{future::{Future, pending}, pin::pin, task::{Context, Poll, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    /// let token = hence::cancel::CancellationToken::new();
    /// let mut work = pin!(token.clone().run_until_cancelled_owned(pending::<()>()));
    /// assert!(work.as_mut().poll(&mut cx).is_pending());
    /// token.cancel();
    /// assert_eq!(work.as_mut().poll(&mut cx), Poll::Ready(None));
    /// ```
    pub async fn run_until_cancelled_owned<F: Future>(self, future: F) -> Option<F::Output> {
        self.run_until_cancelled(future).await
    }
}

/// A future that is ready once its token is cancelled; made by [`CancellationToken::cancelled`].
#[doc(alias = "WaitForCancellationFuture")]
#[must_use = "a future does nothing unless it is polled"]
pub struct CancelledFuture<'a> {
    node: &'a Node,
    wait: TaskWait,
}

/// A future that is ready once its token is cancelled; made by [`CancellationToken::cancelled_owned`].
#[doc(alias = "WaitForCancellationFutureOwned")]
#[must_use = "a future does nothing unless it is polled"]
pub struct CancelledFutureOwned {
    token: CancellationToken,
    wait: TaskWait,
}

impl Future for CancelledFuture<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let node = self.node;
        node.poll(&mut self.wait, cx)
    }
}

impl Future for CancelledFutureOwned {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { token, wait } = &mut *self;
        token.node.poll(wait, cx)
    }
}

impl Drop for CancelledFuture<'_> {
    fn drop(&mut self) {
        self.node.leave(&self.wait);
    }
}

impl Drop for CancelledFutureOwned {
    fn drop(&mut self) {
        self.token.node.leave(&self.wait);
    }
}

impl fmt::Debug for CancelledFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("CancelledFuture { .. }")
    }
}

impl fmt::Debug for CancelledFutureOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("CancelledFutureOwned { .. }")
    }
}
