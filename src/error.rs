//! The errors of channels and selects: each hands back what it refused. Names and texts are crossbeam-channel's.

// Needs: nothing.

/// Errors that say a fixed text, by their form.
macro_rules! texts {
    ($($Type:ident $(<$T:ident>)? { $($form:pat => $text:literal),+ $(,)? })+) => {$(
        impl $(<$T>)? std::fmt::Display for $Type $(<$T>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self { $($form => $text),+ })
            }
        }

        impl $(<$T>)? std::error::Error for $Type $(<$T>)? {}
    )+};
}

/// `Debug` without what is inside.
macro_rules! shows_as {
    ($($Type:ident $(<$T:ident>)? { $($form:pat => $text:literal),+ $(,)? })+) => {$(
        impl $(<$T>)? std::fmt::Debug for $Type $(<$T>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self { $($form => $text),+ })
            }
        }
    )+};
}

/// The channel is closed or has no receiver left: here is the value that was not sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

/// Why a value could not be sent at once, and the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room, or, on a rendezvous channel, nobody to take it now.
    Full(T),
    /// The channel is closed or has no receiver left.
    Disconnected(T),
}

/// Why a value was not sent in time, and the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendTimeoutError<T> {
    /// There was no room, or nobody to take it, until the time was up.
    Timeout(T),
    /// The channel is closed or has no receiver left.
    Disconnected(T),
}

/// The channel is empty, and closed or without a sender: nothing will come any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError;

/// Why no value could be received at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is no value now.
    Empty,
    /// There is no value and there will be none: closed, or without a sender.
    Disconnected,
}

/// Why no value was received in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvTimeoutError {
    /// There was no value until the time was up.
    Timeout,
    /// There is no value and there will be none: closed, or without a sender.
    Disconnected,
}

/// No operation of a select could be done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrySelectError;

/// No operation of a select could be done in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectTimeoutError;

/// No operation of a select was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryReadyError;

/// No operation of a select became ready in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyTimeoutError;

impl<T> SendError<T> {
    /// The value that was not sent.
    ///
    /// ```
    /// # use hence::channel::SendError;
    /// assert_eq!(SendError("back").into_inner(), "back");
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> TrySendError<T> {
    /// The value that was not sent.
    ///
    /// ```
    /// # use hence::channel::TrySendError;
    /// assert_eq!(TrySendError::Full("back").into_inner(), "back");
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            TrySendError::Full(value) | TrySendError::Disconnected(value) => value,
        }
    }

    /// Whether there was no room.
    ///
    /// ```
    /// # use hence::channel::TrySendError;
    /// assert!(TrySendError::Full(()).is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        matches!(self, TrySendError::Full(_))
    }

    /// Whether the channel was closed or had no receiver left.
    ///
    /// ```
    /// # use hence::channel::TrySendError;
    /// assert!(TrySendError::Disconnected(()).is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, TrySendError::Disconnected(_))
    }
}

impl<T> SendTimeoutError<T> {
    /// The value that was not sent.
    ///
    /// ```
    /// # use hence::channel::SendTimeoutError;
    /// assert_eq!(SendTimeoutError::Timeout("back").into_inner(), "back");
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            SendTimeoutError::Timeout(value) | SendTimeoutError::Disconnected(value) => value,
        }
    }

    /// Whether the time was up.
    ///
    /// ```
    /// # use hence::channel::SendTimeoutError;
    /// assert!(SendTimeoutError::Timeout(()).is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self, SendTimeoutError::Timeout(_))
    }

    /// Whether the channel was closed or had no receiver left.
    ///
    /// ```
    /// # use hence::channel::SendTimeoutError;
    /// assert!(SendTimeoutError::Disconnected(()).is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, SendTimeoutError::Disconnected(_))
    }
}

impl RecvTimeoutError {
    /// Whether the time was up.
    ///
    /// ```
    /// # use hence::channel::RecvTimeoutError;
    /// assert!(RecvTimeoutError::Timeout.is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self, RecvTimeoutError::Timeout)
    }

    /// Whether no value will come any more.
    ///
    /// ```
    /// # use hence::channel::RecvTimeoutError;
    /// assert!(RecvTimeoutError::Disconnected.is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, RecvTimeoutError::Disconnected)
    }
}

impl TryRecvError {
    /// Whether there was merely no value.
    ///
    /// ```
    /// # use hence::channel::TryRecvError;
    /// assert!(TryRecvError::Empty.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        matches!(self, TryRecvError::Empty)
    }

    /// Whether no value will come any more.
    ///
    /// ```
    /// # use hence::channel::TryRecvError;
    /// assert!(TryRecvError::Disconnected.is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, TryRecvError::Disconnected)
    }
}

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(SendError(value): SendError<T>) -> Self {
        TrySendError::Disconnected(value)
    }
}

impl<T> From<SendError<T>> for SendTimeoutError<T> {
    fn from(SendError(value): SendError<T>) -> Self {
        SendTimeoutError::Disconnected(value)
    }
}

impl From<RecvError> for RecvTimeoutError {
    fn from(RecvError: RecvError) -> Self {
        RecvTimeoutError::Disconnected
    }
}

impl From<RecvError> for TryRecvError {
    fn from(RecvError: RecvError) -> Self {
        TryRecvError::Disconnected
    }
}

texts! {
    SendError<T> { Self(_) => "sending on a disconnected channel" }
    TrySendError<T> {
        Self::Full(_) => "sending on a full channel",
        Self::Disconnected(_) => "sending on a disconnected channel",
    }
    SendTimeoutError<T> {
        Self::Timeout(_) => "timed out waiting on send operation",
        Self::Disconnected(_) => "sending on a disconnected channel",
    }
    RecvError { Self => "receiving on an empty and disconnected channel" }
    TryRecvError {
        Self::Empty => "receiving on an empty channel",
        Self::Disconnected => "receiving on an empty and disconnected channel",
    }
    RecvTimeoutError {
        Self::Timeout => "timed out waiting on receive operation",
        Self::Disconnected => "receiving on an empty and disconnected channel",
    }
    TrySelectError { Self => "all operations in select would block" }
    SelectTimeoutError { Self => "timed out waiting on select" }
    TryReadyError { Self => "no operation in select is ready" }
    ReadyTimeoutError { Self => "timed out waiting for an operation in select to become ready" }
}

// A value that cannot be shown can be handed back all the same.
shows_as! {
    SendError<T> { Self(_) => "SendError(..)" }
    TrySendError<T> { Self::Full(_) => "Full(..)", Self::Disconnected(_) => "Disconnected(..)" }
    SendTimeoutError<T> { Self::Timeout(_) => "Timeout(..)", Self::Disconnected(_) => "Disconnected(..)" }
}
