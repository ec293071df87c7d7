//! The errors and the cause of cancellation: a refused value comes back.

// Needs: sync.rs.

use std::error::Error;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::super::sync::Arc;

/// The error of [`send_or_cancelled`](crate::channel::Sender::send_or_cancelled). It holds the value, which was not
/// sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendOrCancelledError<T> {
    /// The token was cancelled.
    Cancelled(T),
    /// The channel is closed or has no receiver left.
    Disconnected(T),
}

/// The error of [`recv_or_cancelled`](crate::channel::Receiver::recv_or_cancelled).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvOrCancelledError {
    /// The token was cancelled.
    Cancelled,
    /// The channel is empty, and closed or without a sender: no value will come any more.
    Disconnected,
}

/// The error of an operation whose token was cancelled, with the cause. Its text is the cause's.
///
/// ```
/// # use hence::cancel::CancellationToken;
/// let token = CancellationToken::new();
/// token.cancel();
/// assert_eq!(token.check().unwrap_err().to_string(), "cancelled");
/// ```
#[doc(alias = "OperationCanceledException")]
#[derive(Clone, Debug)]
pub struct Cancelled(pub Cause);

/// Why a token was cancelled.
#[derive(Clone, Debug)]
pub enum Cause {
    /// [`cancel`](super::CancellationToken::cancel) was called, at this token or at an ancestor.
    Cancelled,
    /// Its deadline has passed, or an ancestor's.
    DeadlineExceeded,
    /// [`cancel_with`](super::CancellationToken::cancel_with) was called with this error, at this token or at an
    /// ancestor.
    Error(Arc<dyn Error + Send + Sync>),
}

impl<T> SendOrCancelledError<T> {
    /// The value that was not sent.
    ///
    /// ```
    /// # use hence::cancel::SendOrCancelledError;
    /// assert_eq!(SendOrCancelledError::Cancelled("back").into_inner(), "back");
    /// ```
    pub fn into_inner(self) -> T {
        let (Self::Cancelled(value) | Self::Disconnected(value)) = self;
        value
    }

    /// Whether the error is `Cancelled`: the token was cancelled.
    ///
    /// ```
    /// # use hence::cancel::SendOrCancelledError;
    /// assert!(SendOrCancelledError::Cancelled(()).is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        matches!(self, SendOrCancelledError::Cancelled(_))
    }

    /// Whether the error is `Disconnected`: the channel was closed or had no receiver left.
    ///
    /// ```
    /// # use hence::cancel::SendOrCancelledError;
    /// assert!(SendOrCancelledError::Disconnected(()).is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, SendOrCancelledError::Disconnected(_))
    }
}

impl RecvOrCancelledError {
    /// Whether the error is `Cancelled`: the token was cancelled.
    ///
    /// ```
    /// # use hence::cancel::RecvOrCancelledError;
    /// assert!(RecvOrCancelledError::Cancelled.is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        matches!(self, RecvOrCancelledError::Cancelled)
    }

    /// Whether the error is `Disconnected`: no value will come any more.
    ///
    /// ```
    /// # use hence::cancel::RecvOrCancelledError;
    /// assert!(RecvOrCancelledError::Disconnected.is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, RecvOrCancelledError::Disconnected)
    }
}

errors! {
    SendOrCancelledError<T> {
        Self::Cancelled(_) => "cancelled while sending",
        Self::Disconnected(_) => "sending on a disconnected channel",
    }
    RecvOrCancelledError {
        Self::Cancelled => "cancelled while receiving",
        Self::Disconnected => "receiving on an empty and disconnected channel",
    }
}

// A value that cannot be shown can be handed back all the same.
shown! {
    Debug:
    SendOrCancelledError<T> { Self::Cancelled(_) => "Cancelled(..)", Self::Disconnected(_) => "Disconnected(..)" }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Cancelled => f.pad("cancelled"),
            Cause::DeadlineExceeded => f.pad("deadline exceeded"),
            Cause::Error(error) => fmt::Display::fmt(error, f),
        }
    }
}

// As the token is, which hands it out: the error is shared, and only looked at.
impl UnwindSafe for Cause {}
impl RefUnwindSafe for Cause {}

impl Error for Cancelled {
    // Its text is the cause's: so is what comes after it.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Cause::Error(error) => error.source(),
            Cause::Cancelled | Cause::DeadlineExceeded => None,
        }
    }
}
