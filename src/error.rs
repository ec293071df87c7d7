//! The errors of channels and selects: each hands back what it refused. Names and texts are crossbeam-channel's.

// Needs: nothing.

/// `Display`, or `Debug`, as a fixed text for each form.
macro_rules! shown {
    ($Trait:ident: $($Type:ident $(<$T:ident>)? { $($form:pat => $text:literal),+ $(,)? })+) => {$(
        impl $(<$T>)? std::fmt::$Trait for $Type $(<$T>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self { $($form => $text),+ })
            }
        }
    )+};
}

/// Errors, and what they say.
macro_rules! errors {
    ($($Type:ident $(<$T:ident>)? { $($texts:tt)+ })+) => {
        shown! { Display: $($Type $(<$T>)? { $($texts)+ })+ }
        $(impl $(<$T>)? std::error::Error for $Type $(<$T>)? {})+
    };
}

/// The error of a send: the channel is closed or has no receiver left. It holds the value, which was not sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

/// The error of a send that does not block. It holds the value, which was not sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// The channel has no room, or, if it is a rendezvous channel, no receiver waits now.
    Full(T),
    /// The channel is closed or has no receiver left.
    #[doc(alias = "Closed")]
    Disconnected(T),
}

/// The error of a send with a time limit. It holds the value, which was not sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendTimeoutError<T> {
    /// Until the time was up, the channel had no room, or, if it is a rendezvous channel, no receiver came.
    Timeout(T),
    /// The channel is closed or has no receiver left.
    #[doc(alias = "Closed")]
    Disconnected(T),
}

/// The error of a receive: the channel is empty, and closed or without a sender. No value will come any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError;

/// The error of a receive that does not block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is no value now; one may come later.
    Empty,
    /// The channel is empty, and closed or without a sender: no value will come any more.
    #[doc(alias = "Closed")]
    Disconnected,
}

/// The error of a receive with a time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvTimeoutError {
    /// No value came until the time was up.
    Timeout,
    /// The channel is empty, and closed or without a sender: no value will come any more.
    #[doc(alias = "Closed")]
    Disconnected,
}

/// The error of a select that does not block: no operation could proceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrySelectError;

/// The error of a select with a time limit: no operation could proceed until the time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectTimeoutError;

/// The error of a readiness check that does not block: no operation of the select was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryReadyError;

/// The error of a wait for readiness with a time limit: no operation of the select was ready until the time was up.
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
        let (Self::Full(value) | Self::Disconnected(value)) = self;
        value
    }

    /// Whether the error is `Full`: there was no room, or, on a rendezvous channel, no receiver that waited.
    ///
    /// ```
    /// # use hence::channel::TrySendError;
    /// assert!(TrySendError::Full(()).is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        matches!(self, TrySendError::Full(_))
    }

    /// Whether the error is `Disconnected`: the channel was closed or had no receiver left.
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
        let (Self::Timeout(value) | Self::Disconnected(value)) = self;
        value
    }

    /// Whether the error is `Timeout`: the time was up.
    ///
    /// ```
    /// # use hence::channel::SendTimeoutError;
    /// assert!(SendTimeoutError::Timeout(()).is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self, SendTimeoutError::Timeout(_))
    }

    /// Whether the error is `Disconnected`: the channel was closed or had no receiver left.
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
    /// Whether the error is `Timeout`: the time was up.
    ///
    /// ```
    /// # use hence::channel::RecvTimeoutError;
    /// assert!(RecvTimeoutError::Timeout.is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self, RecvTimeoutError::Timeout)
    }

    /// Whether the error is `Disconnected`: no value will come any more.
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
    /// Whether the error is `Empty`: there was no value at that moment.
    ///
    /// ```
    /// # use hence::channel::TryRecvError;
    /// assert!(TryRecvError::Empty.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        matches!(self, TryRecvError::Empty)
    }

    /// Whether the error is `Disconnected`: no value will come any more.
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

errors! {
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
shown! {
    Debug:
    SendError<T> { Self(_) => "SendError(..)" }
    TrySendError<T> { Self::Full(_) => "Full(..)", Self::Disconnected(_) => "Disconnected(..)" }
    SendTimeoutError<T> { Self::Timeout(_) => "Timeout(..)", Self::Disconnected(_) => "Disconnected(..)" }
}
