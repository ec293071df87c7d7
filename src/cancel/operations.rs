//! Blocking operations that a token can end.
//!
//! On a channel such an operation is a select of two: of the operation and the token's `done`. A wait group has no
//! channel: there its waiter stands in two lines, the group's and the token's, and the first to claim it says how it
//! ends.

// Needs: cancel.rs, cancel/error.rs, channel/receiver.rs, channel/sender.rs, error.rs, sync.rs, wait.rs,
// wait/latch.rs, wait_group.rs.

use super::super::channel::receiver::Receiver;
use super::super::channel::sender::Sender;
use super::super::error::{RecvError, SendError, TryRecvError, TrySendError};
use super::super::sync::Arc;
use super::super::wait::{Ends, Line, Waiter, WakeCause};
use super::super::wait_group::WaitGroup;
use super::{CancellationToken, Cancelled, RecvOrCancelledError, SendOrCancelledError};

impl<T> Sender<T> {
    /// [`send`](Sender::send) that a token can end. Blocks until the value is sent, or `token` is cancelled, or its
    /// deadline passes. If the token is cancelled when this is called, nothing is sent, even if there is room.
    ///
    /// # Errors
    /// The value comes back in the error: `Cancelled` if the token was cancelled, `Disconnected` if the channel is
    /// closed or has no receiver left.
    ///
    /// # Happens-before
    /// [HB-CH-1](crate::channel#HB-CH-1), [HB-CH-2](crate::channel#HB-CH-2); on `Cancelled`
    /// [HB-CX-1](crate::cancel#HB-CX-1), on `Disconnected` [HB-CH-3](crate::channel#HB-CH-3),
    /// [HB-CH-4](crate::channel#HB-CH-4).
    ///
    /// # Example
    /// ```
    /// # use hence::{cancel::{CancellationToken, SendOrCancelledError}, channel::bounded};
    /// let (token, (sender, _receiver)) = (CancellationToken::new(), bounded(1));
    /// assert_eq!(sender.send_or_cancelled(1, &token), Ok(()));
    /// token.cancel();
    /// assert_eq!(sender.send_or_cancelled(2, &token), Err(SendOrCancelledError::Cancelled(2)));
    /// ```
    pub fn send_or_cancelled(&self, value: T, token: &CancellationToken) -> Result<(), SendOrCancelledError<T>> {
        if token.is_cancelled() {
            return Err(SendOrCancelledError::Cancelled(value));
        }
        let value = match self.try_send(value) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(value)) => return Err(SendOrCancelledError::Disconnected(value)),
            Err(TrySendError::Full(value)) => value,
        };
        crate::select_biased! {
            recv(token.done()) -> _ => Err(SendOrCancelledError::Cancelled(value)),
            send(self, value) -> sent => {
                sent.map_err(|SendError(value)| SendOrCancelledError::Disconnected(value))
            }
        }
    }
}

impl<T> Receiver<T> {
    /// [`recv`](Receiver::recv) that a token can end. Blocks until there is a value, or `token` is cancelled, or its
    /// deadline passes. If the token is cancelled when this is called, nothing is received, even if there is a value.
    ///
    /// # Errors
    /// `Cancelled` if the token was cancelled, `Disconnected` if the channel is empty, and closed or without a sender.
    ///
    /// # Happens-before
    /// [HB-CH-1](crate::channel#HB-CH-1), [HB-CH-2](crate::channel#HB-CH-2); on `Cancelled`
    /// [HB-CX-1](crate::cancel#HB-CX-1), on `Disconnected` [HB-CH-3](crate::channel#HB-CH-3),
    /// [HB-CH-4](crate::channel#HB-CH-4).
    ///
    /// # Example
    /// ```
    /// # use hence::{cancel::{CancellationToken, RecvOrCancelledError}, channel::unbounded};
    /// let (token, (sender, receiver)) = (CancellationToken::new(), unbounded());
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.recv_or_cancelled(&token), Ok(1));
    /// token.cancel();
    /// assert_eq!(receiver.recv_or_cancelled(&token), Err(RecvOrCancelledError::Cancelled));
    /// ```
    pub fn recv_or_cancelled(&self, token: &CancellationToken) -> Result<T, RecvOrCancelledError> {
        if token.is_cancelled() {
            return Err(RecvOrCancelledError::Cancelled);
        }
        match self.try_recv() {
            Ok(value) => return Ok(value),
            Err(TryRecvError::Disconnected) => return Err(RecvOrCancelledError::Disconnected),
            Err(TryRecvError::Empty) => {}
        }
        crate::select_biased! {
            recv(token.done()) -> _ => Err(RecvOrCancelledError::Cancelled),
            recv(self) -> value => value.map_err(|RecvError| RecvOrCancelledError::Disconnected),
        }
    }
}

impl CancellationToken {
    /// Waits with a waiter that stands in another line, too: why it was claimed there. `None` if the token was
    /// cancelled, and the waiter has left that line, by `leave`.
    pub(crate) fn wait_or_leave(&self, waiter: &Arc<Waiter>, leave: impl FnOnce() -> bool) -> Option<WakeCause> {
        self.node.latch().wait_or_leave(self.deadline(), waiter, leave)
    }
}

impl WaitGroup {
    /// [`wait`](WaitGroup::wait) that a token can end. Blocks the thread until there is no guard, or `token` is
    /// cancelled, or its deadline passes. If the token is cancelled when this is called, returns the error, even if
    /// there is no guard. Leaves nothing behind.
    ///
    /// # Errors
    /// [`Cancelled`], with the cause, if the token was cancelled.
    ///
    /// # Happens-before
    /// [HB-WG-1](crate::wait_group#HB-WG-1); on an error [HB-CX-1](crate::cancel#HB-CX-1).
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// # use hence::{WaitGroup, cancel::CancellationToken};
    /// let (token, group) = (CancellationToken::new(), WaitGroup::new());
    /// assert!(group.wait_or_cancelled(&token).is_ok());
    /// let _guard = group.guard();
    /// assert!(group.wait_or_cancelled(&token.with_timeout(Duration::from_millis(1))).is_err());
    /// ```
    pub fn wait_or_cancelled(&self, token: &CancellationToken) -> Result<(), Cancelled> {
        token.check()?;
        let Some((ticket, waiter)) = self.state.stand_as_thread() else { return Ok(()) };
        match token.wait_or_leave(&waiter, || self.state.leave(ticket)) {
            Some(_) => Ok(()),
            None => Err(token.cancellation()),
        }
    }
}
