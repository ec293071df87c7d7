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
    /// A future that is ready when it is cancelled: [`wait`](CancellationToken::wait) for tasks, on any runtime.
    ///
    /// Dropping the future leaves nothing behind. Polled after it was ready, it is ready again. Gives way to no other
    /// task by itself ([*Tasks*](crate::channel#tasks)).
    ///
    /// # Happens-before
    /// HB-CX-1.
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

    /// [`cancelled`](CancellationToken::cancelled) with the token inside: for a task of its own.
    ///
    /// # Happens-before
    /// HB-CX-1.
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

    /// Runs a future until it is ready, unless the token is cancelled first: then `None`, and the future is dropped.
    ///
    /// If the token is cancelled when this is first polled, the future never is. After that the future is polled before
    /// the token is looked at: what it has done counts.
    ///
    /// # Happens-before
    /// HB-CX-1, if `None`.
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

    /// [`run_until_cancelled`](CancellationToken::run_until_cancelled) with the token inside: for a task of its own.
    ///
    /// # Happens-before
    /// HB-CX-1, if `None`.
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

/// Ready when the token is cancelled; made by [`CancellationToken::cancelled`].
#[must_use = "a future does nothing unless it is polled"]
pub struct CancelledFuture<'a> {
    node: &'a Node,
    wait: TaskWait,
}

/// Ready when its token is cancelled; made by [`CancellationToken::cancelled_owned`].
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
