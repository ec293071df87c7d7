//! The sending handle.

// Needs: channel/core.rs, error.rs, sync.rs, wait.rs.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use super::super::error::{SendError, SendTimeoutError, TrySendError};
use super::super::sync::{Arc, SpinWait, is_over, passed};
use super::super::wait::{Timeout, Waiter, WakeCause};
use super::core::{Core, Stand, Unsent};

/// The sending side of a channel.
///
/// A clone sends into the same channel. The drop of the last sender closes the channel.
///
/// # Example
/// ```
/// let (sender, receiver) = hence::channel::bounded(0);
/// std::thread::spawn(move || sender.send(7));
/// assert_eq!(receiver.recv(), Ok(7));
/// assert!(receiver.recv().is_err()); // the sender is gone
/// ```
#[doc(alias = "SyncSender")]
#[doc(alias = "Transmitter")]
pub struct Sender<T> {
    pub(crate) core: Arc<Core<T>>,
}

impl<T> Sender<T> {
    /// Sends a value.
    ///
    /// Blocks while the channel is full. On a rendezvous channel, blocks until a receive takes the value, or until a
    /// task that waits to receive has been told of it. A close, or the drop of the last receiver, ends the wait.
    ///
    /// # Errors
    /// Hands the value back if the channel is closed or has no receiver left.
    ///
    /// # Happens-before
    /// [HB-CH-1](crate::channel#HB-CH-1), [HB-CH-2](crate::channel#HB-CH-2); on an error
    /// [HB-CH-3](crate::channel#HB-CH-3), [HB-CH-4](crate::channel#HB-CH-4).
    ///
    /// # Example
    /// ```
    /// # use hence::channel::{bounded, SendError};
    /// let (sender, receiver) = bounded(1);
    /// assert_eq!(sender.send(1), Ok(()));
    /// drop(receiver);
    /// assert_eq!(sender.send(2), Err(SendError(2)));
    /// ```
    #[doc(alias = "blocking_send")]
    #[doc(alias = "send_blocking")]
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        let mut value = Some(value);
        match self.core.send(&mut value, self.core.stand(), Waiter::thread) {
            Ok(()) => Ok(()),
            Err(unsent) => self.wait_for_room(&mut value, unsent, None).map_err(|_| SendError(refused(value))),
        }
    }

    /// Sends a value if there is room for it, or if a receiver waits for one. Never blocks.
    ///
    /// # Errors
    /// Hands the value back: `Full` if `send` would have to wait, `Disconnected` if the channel is closed or has no
    /// receiver left.
    ///
    /// # Happens-before
    /// [HB-CH-1](crate::channel#HB-CH-1), [HB-CH-2](crate::channel#HB-CH-2); on `Disconnected`
    /// [HB-CH-3](crate::channel#HB-CH-3), [HB-CH-4](crate::channel#HB-CH-4).
    ///
    /// # Example
    /// ```
    /// # use hence::channel::{bounded, TrySendError};
    /// let (sender, receiver) = bounded(1);
    /// assert_eq!(sender.try_send(1), Ok(()));
    /// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    /// drop(receiver);
    /// assert_eq!(sender.try_send(3), Err(TrySendError::Disconnected(3)));
    /// ```
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let mut value = Some(value);
        match self.core.send(&mut value, Stand::Nowhere, Waiter::thread) {
            Ok(()) => Ok(()),
            Err(Unsent::Disconnected) => Err(TrySendError::Disconnected(refused(value))),
            Err(Unsent::Full | Unsent::Waits(_)) => Err(TrySendError::Full(refused(value))),
        }
    }

    /// Sends a value if that is possible within `timeout`.
    ///
    /// Blocks as [`send`](Sender::send) does, but gives up once `timeout` has passed. Tries at least once, even if
    /// `timeout` is zero. If the timeout does not fit an `Instant`, waits without a limit.
    ///
    /// # Errors
    /// Hands the value back: `Timeout` if the time was up, `Disconnected` if the channel is closed or has no receiver
    /// left.
    ///
    /// # Happens-before
    /// [HB-CH-1](crate::channel#HB-CH-1), [HB-CH-2](crate::channel#HB-CH-2); on `Disconnected`
    /// [HB-CH-3](crate::channel#HB-CH-3), [HB-CH-4](crate::channel#HB-CH-4); on `Timeout` nothing.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// # use hence::channel::{bounded, SendTimeoutError};
    /// let (sender, _receiver) = bounded(1);
    /// assert_eq!(sender.send_timeout(1, Duration::from_millis(1)), Ok(()));
    /// assert_eq!(sender.send_timeout(2, Duration::from_millis(1)), Err(SendTimeoutError::Timeout(2)));
    /// ```
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_within(Some(value), Timeout::at_most(timeout))
    }

    /// Sends a value if that is possible by `deadline`.
    ///
    /// Blocks as [`send`](Sender::send) does, but gives up once `deadline` has passed. Tries at least once, even if
    /// `deadline` has passed before the call.
    ///
    /// # Errors
    /// As [`send_timeout`](Sender::send_timeout).
    ///
    /// # Happens-before
    /// As [`send_timeout`](Sender::send_timeout).
    ///
    /// # Example
    /// ```
    /// # use std::time::Instant;
    /// # use hence::channel::{bounded, SendTimeoutError};
    /// let (sender, _receiver) = bounded(1);
    /// assert_eq!(sender.send_deadline(1, Instant::now()), Ok(()));
    /// assert_eq!(sender.send_deadline(2, Instant::now()), Err(SendTimeoutError::Timeout(2)));
    /// ```
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        // Where there is room, this costs no look at the clock.
        let mut value = Some(value);
        match self.core.send(&mut value, Stand::Nowhere, Waiter::thread) {
            Ok(()) => Ok(()),
            Err(Unsent::Disconnected) => Err(SendTimeoutError::Disconnected(refused(value))),
            Err(Unsent::Full | Unsent::Waits(_)) => self.send_within(value, Timeout::until(deadline)),
        }
    }

    fn send_within(&self, mut value: Option<T>, wait: Timeout) -> Result<(), SendTimeoutError<T>> {
        let stand = if let Timeout::Now = wait { Stand::Nowhere } else { self.core.stand() };
        let ended = match self.core.send(&mut value, stand, Waiter::thread) {
            Ok(()) => return Ok(()),
            Err(Unsent::Full) if matches!(stand, Stand::Nowhere) => SendTimeoutError::Timeout(()),
            Err(unsent) => match self.wait_for_room(&mut value, unsent, wait.deadline()) {
                Ok(()) => return Ok(()),
                Err(ended) => ended,
            },
        };
        match ended {
            SendTimeoutError::Timeout(()) => Err(SendTimeoutError::Timeout(refused(value))),
            SendTimeoutError::Disconnected(()) => Err(SendTimeoutError::Disconnected(refused(value))),
        }
    }

    /// Waits, after some more attempts: a receiver that is about to make room makes it for many values, while one that
    /// serves a line wakes a sender for each.
    #[cold]
    fn wait_for_room(
        &self,
        value: &mut Option<T>,
        mut unsent: Unsent<T>,
        deadline: Option<Instant>,
    ) -> Result<(), SendTimeoutError<()>> {
        let (mut spin_wait, mut stand) = (None, Stand::Later);
        let waiting = loop {
            stand = match unsent {
                Unsent::Waits(waiting) => break waiting,
                Unsent::Disconnected => return Err(SendTimeoutError::Disconnected(())),
                Unsent::Full if matches!(stand, Stand::Nowhere) => return Err(SendTimeoutError::Timeout(())),
                Unsent::Full if deadline.is_some_and(passed) => Stand::Nowhere,
                Unsent::Full if self.core.pause_for_room(spin_wait.get_or_insert_with(SpinWait::new)) => Stand::Later,
                Unsent::Full => Stand::Last,
            };
            match self.core.send(value, stand, Waiter::thread) {
                Ok(()) => return Ok(()),
                Err(again) => unsent = again,
            }
        };
        let ended = match waiting.direct.waiter.wait_or_leave(deadline, || self.core.leave_send(&waiting)) {
            Some(WakeCause::Done(_)) => return Ok(()),
            Some(WakeCause::Closed | WakeCause::Retry) => SendTimeoutError::Disconnected(()),
            None => SendTimeoutError::Timeout(()),
        };
        *value = waiting.value();
        Err(ended)
    }

    /// Returns `true` if both handles belong to the same channel.
    ///
    /// # Example
    /// ```
    /// let (sender, _receiver) = hence::channel::unbounded::<u8>();
    /// assert!(sender.same_channel(&sender.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }

    fn has_ended(&self) -> bool {
        self.core.is_closed()
    }

    fn on<R>(&self, channel: impl FnOnce(&Core<T>) -> R, _timer: impl FnOnce(usize, usize) -> R) -> R {
        channel(&self.core)
    }
}

/// The value of a send that was refused.
#[inline]
pub(super) fn refused<T>(value: Option<T>) -> T {
    value.expect("what is refused is handed back")
}

either_side!(Sender);
opaque! { Sender<T>, "Sender"; }

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.core.add_sender();
        Self { core: self.core.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if !is_over() {
            self.core.drop_sender();
        }
    }
}
