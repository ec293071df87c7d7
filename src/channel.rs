//! Channels: many senders, many receivers, any capacity, blocking and async.
//!
//! [`bounded`]`(n)` holds up to n values, `bounded(0)` none (a rendezvous: a send waits for its receive), and
//! [`unbounded`] as many as memory allows. Names and signatures are crossbeam-channel's; [`close`](Sender::close) is
//! added, as in Go, so that a channel can be ended while handles live. Blocking and async operations mix freely.
//!
//! Waiting is fair: senders and receivers that wait are served first come, first served, and nobody overtakes them.
//! The guarantees hold for all forms of an operation: `send`, `try_send`, `send_async`; `recv`, `try_recv`,
//! `recv_async` and the iterators.
//!
//! # Happens-before
//! **HB-CH-1.** A send happens before the return of the receive that takes its value.
//!
//! **HB-CH-2.** On a channel of capacity C, everything before the call of the k-th receive happens before the return
//! of the (k+C)-th send, k counting successful operations in the order in which they took effect. With C = 0: a send
//! returns only after the call of the receive that takes its value.
//!
//! **HB-CH-3.** Everything before the call of `close` that closed the channel happens before the return of each
//! operation that fails because of it.
//!
//! **HB-CH-4.** Everything before the drop of *every* sender happens before the return of each receive that fails
//! because there is no sender left; likewise for receivers and sends.
//!
//! *Not promised:* any order between two sends or two receives as such; [`len`](Sender::len) and its like order
//! nothing. HB-CH-2 does not count a value that was handed to a receive future dropped before it returned the value.
//!
//! # Safety
//! **SF-CH-1.** Each value sent is received exactly once, or handed back in an error, or dropped once by the channel
//! (with the last receiver) or by the future that held it.
//!
//! **SF-CH-2.** First in, first out: if one send ends before another begins, its value is not received after the
//! other's by the same receiver. *Not promised:* this for a value put back by SF-CH-5, with respect to values received
//! before it came back.
//!
//! **SF-CH-3.** A channel of capacity C holds at most C values that nobody has received; with C = 0 a send succeeds
//! only by meeting a receive. *Not promised:* this for values put back by SF-CH-5, which come on top.
//!
//! **SF-CH-4.** What was sent before a close or the last sender's drop can be received after it; a receive fails only
//! when none of it is left.
//!
//! **SF-CH-5.** Dropping a future loses nothing: a value that a `recv_async` was given and has not returned goes to
//! the next receive, before all values sent after it; a `send_async` that has not sent is as if it never was.
//!
//! # Liveness
//! **LV-CH-1.** No wake-up is lost: a blocked or pending receive returns or is woken once there is a value for it, a
//! blocked or pending send once there is room for its value.
//!
//! **LV-CH-2.** Closing, or dropping the last handle of one side, wakes everyone who is blocked or pending.
//!
//! Needs: `channel/core.rs`, `channel/future.rs`, `wait.rs`, `sync.rs`, `error.rs`.

mod core;
mod future;

use std::fmt;
use std::iter::FusedIterator;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::sync::Arc;
use super::wait::Waiter;
use core::Core;

pub use super::error::{RecvError, SendError, TryRecvError, TrySendError};
pub use future::{RecvFuture, SendFuture};

/// A channel that holds up to `capacity` values; none for a capacity of 0, where each send waits for its receive.
///
/// Nothing is allocated for the values in advance, so any `capacity` will do; it is a limit, not a reservation.
///
/// # Example
/// ```
/// let (sender, receiver) = hence::channel::bounded(1);
/// sender.send("hello").unwrap();
/// assert!(sender.try_send("full").is_err());
/// assert_eq!(receiver.recv(), Ok("hello"));
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    channel(Some(capacity))
}

/// A channel that never makes a sender wait.
///
/// # Example
/// ```
/// let (sender, receiver) = hence::channel::unbounded();
/// (0..1000).for_each(|i| sender.send(i).unwrap());
/// drop(sender);
/// assert_eq!(receiver.iter().sum::<i32>(), 499_500);
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    channel(None)
}

fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let core = Arc::new(Core::new(capacity));
    (Sender { core: core.clone() }, Receiver { core })
}

/// The sending side of a channel. Clones send into the same channel; the last one dropped disconnects it.
///
/// # Example
/// ```
/// let (sender, receiver) = hence::channel::bounded(0);
/// std::thread::spawn(move || sender.send(7));
/// assert_eq!(receiver.recv(), Ok(7));
/// assert!(receiver.recv().is_err()); // the sender is gone
/// ```
pub struct Sender<T> {
    core: Arc<Core<T>>,
}

/// The receiving side of a channel. Clones take from the same channel; the last one dropped disconnects it and drops
/// the values that are left.
///
/// # Example
/// ```
/// let (sender, receiver) = hence::channel::unbounded();
/// let worker = std::thread::spawn(move || receiver.into_iter().sum::<u32>());
/// (1..=3).for_each(|i| sender.send(i).unwrap());
/// drop(sender); // ends the iteration
/// assert_eq!(worker.join().unwrap(), 6);
/// ```
pub struct Receiver<T> {
    core: Arc<Core<T>>,
}

impl<T> Sender<T> {
    /// Sends a value.
    ///
    /// Blocks while the channel is full; on a rendezvous channel, until a receive takes the value. A close or the drop
    /// of the last receiver ends the wait.
    ///
    /// # Errors
    /// Hands the value back if the channel is closed or has no receiver left.
    ///
    /// # Happens-before
    /// HB-CH-1, HB-CH-2; on an error HB-CH-3, HB-CH-4.
    ///
    /// # Example
    /// ```
    /// # use hence::channel::{bounded, SendError};
    /// let (sender, receiver) = bounded(1);
    /// assert_eq!(sender.send(1), Ok(()));
    /// drop(receiver);
    /// assert_eq!(sender.send(2), Err(SendError(2)));
    /// ```
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.core.send_or_wait(value, Waiter::thread)? {
            None => Ok(()),
            Some(waiting) => waiting.sent(waiting.party.waiter.wait()),
        }
    }

    /// Sends a value if that is possible at once: there is room, or a receiver waits for it. Never blocks.
    ///
    /// # Errors
    /// Hands the value back: `Full` if it would have to wait, `Disconnected` if the channel is closed or has no
    /// receiver left.
    ///
    /// # Happens-before
    /// HB-CH-1, HB-CH-2; on `Disconnected` HB-CH-3, HB-CH-4.
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
        self.core.try_send(value)
    }

    /// Sends a value when polled: [`send`](Sender::send) for tasks, on any runtime.
    ///
    /// The future waits while `send` would block; a close or the drop of the last receiver ends the wait. Dropping it
    /// takes the send back (SF-CH-5).
    ///
    /// # Errors
    /// As [`send`](Sender::send).
    ///
    /// # Panics
    /// The future does, if it is polled after it was ready.
    ///
    /// # Happens-before
    /// As [`send`](Sender::send).
    ///
    /// # Example
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    /// let (sender, receiver) = hence::channel::bounded(0);
    /// let mut send = pin!(sender.send_async(7));
    /// assert!(send.as_mut().poll(&mut cx).is_pending());
    /// assert_eq!(receiver.recv(), Ok(7));
    /// assert_eq!(send.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
    /// ```
    pub fn send_async(&self, value: T) -> SendFuture<'_, T> {
        SendFuture::new(self, value)
    }
}

impl<T> Receiver<T> {
    /// Receives a value.
    ///
    /// Blocks while the channel is empty. A close or the drop of the last sender ends the wait; values sent before it
    /// are received first.
    ///
    /// # Errors
    /// If the channel is empty, and closed or without a sender.
    ///
    /// # Happens-before
    /// HB-CH-1, HB-CH-2; on an error HB-CH-3, HB-CH-4.
    ///
    /// # Example
    /// ```
    /// # use hence::channel::{unbounded, RecvError};
    /// let (sender, receiver) = unbounded();
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.recv(), Ok(1));
    /// assert_eq!(receiver.recv(), Err(RecvError));
    /// ```
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        match self.core.recv_or_wait(Waiter::thread) {
            Ok(value) => Ok(value),
            Err(None) => Err(RecvError),
            Err(Some(waiting)) => waiting.received(waiting.party.waiter.wait()).ok_or(RecvError),
        }
    }

    /// Receives a value if there is one, in the channel or with a sender that waits. Never blocks.
    ///
    /// # Errors
    /// `Empty` if there is none now, `Disconnected` if there will be none.
    ///
    /// # Happens-before
    /// HB-CH-1, HB-CH-2; on `Disconnected` HB-CH-3, HB-CH-4.
    ///
    /// # Example
    /// ```
    /// # use hence::channel::{unbounded, TryRecvError};
    /// let (sender, receiver) = unbounded::<u8>();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.core.try_recv()
    }

    /// Receives a value when polled: [`recv`](Receiver::recv) for tasks, on any runtime.
    ///
    /// The future waits while the channel is empty; a close or the drop of the last sender ends the wait. Dropping it
    /// loses nothing (SF-CH-5): a value that it has been given goes to the next receive, and may stay in the channel,
    /// above its capacity, until there is one. A future that is *leaked* while it waits takes one value
    /// with it. Polled after it was ready, it receives again.
    ///
    /// # Errors
    /// As [`recv`](Receiver::recv).
    ///
    /// # Happens-before
    /// As [`recv`](Receiver::recv).
    ///
    /// # Example
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    /// let (sender, receiver) = hence::channel::bounded(0);
    /// let mut recv = pin!(receiver.recv_async());
    /// assert!(recv.as_mut().poll(&mut cx).is_pending());
    /// sender.send(7).unwrap();
    /// assert_eq!(recv.as_mut().poll(&mut cx), Poll::Ready(Ok(7)));
    /// ```
    pub fn recv_async(&self) -> RecvFuture<'_, T> {
        RecvFuture::new(self)
    }

    /// An iterator that receives until the channel is empty, and closed or without a sender; each step blocks as
    /// [`recv`](Receiver::recv) does.
    ///
    /// # Happens-before
    /// As [`recv`](Receiver::recv), for each step and for the end.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::unbounded();
    /// (0..3).for_each(|i| sender.send(i).unwrap());
    /// sender.close();
    /// assert_eq!(receiver.iter().collect::<Vec<_>>(), [0, 1, 2]);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// An iterator over the values that are there now; its steps never block. It ends where
    /// [`try_recv`](Receiver::try_recv) fails.
    ///
    /// # Happens-before
    /// As [`try_recv`](Receiver::try_recv), for each step.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::unbounded();
    /// (0..3).for_each(|i| sender.send(i).unwrap());
    /// assert_eq!(receiver.try_iter().count(), 3);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }
}

/// What both sides of a channel can do, written once.
macro_rules! either_side {
    ($Side:ident, $add:ident, $drop:ident) => {
        impl<T> $Side<T> {
            /// Closes the channel: from now on every send is refused, and receivers take what is left. True for the
            /// call that closed it, false if it was closed or one side was gone.
            ///
            /// Does not block, and wakes everyone who waits: a blocked send gets its value back.
            ///
            /// # Happens-before
            /// HB-CH-3.
            ///
            /// # Example
            /// ```
            /// let (sender, receiver) = hence::channel::bounded(1);
            /// sender.send(1).unwrap();
            /// assert!(receiver.close());
            /// assert!(!sender.close());
            /// assert!(sender.send(2).is_err());
            /// assert_eq!(receiver.recv(), Ok(1));
            /// assert!(receiver.recv().is_err());
            /// ```
            pub fn close(&self) -> bool {
                self.core.close()
            }

            /// Whether sends are refused: the channel was closed, or one side is gone. Once true, always true.
            ///
            /// # Example
            /// ```
            /// let (sender, receiver) = hence::channel::bounded::<u8>(1);
            /// assert!(!sender.is_closed());
            /// drop(receiver);
            /// assert!(sender.is_closed());
            /// ```
            pub fn is_closed(&self) -> bool {
                self.core.is_closed()
            }

            /// The number of values in the channel, at some moment during the call. A blocked sender's value is not
            /// in the channel.
            ///
            /// # Example
            /// ```
            /// let (sender, receiver) = hence::channel::unbounded();
            /// sender.send(1).unwrap();
            /// assert_eq!(receiver.len(), 1);
            /// ```
            pub fn len(&self) -> usize {
                self.core.len()
            }

            /// Whether there is no value in the channel.
            ///
            /// # Example
            /// ```
            /// let (sender, _receiver) = hence::channel::bounded::<u8>(1);
            /// assert!(sender.is_empty());
            /// ```
            pub fn is_empty(&self) -> bool {
                self.core.len() == 0
            }

            /// Whether there is no room for a value. A rendezvous channel is always full.
            ///
            /// # Example
            /// ```
            /// let (sender, _receiver) = hence::channel::bounded::<u8>(0);
            /// assert!(sender.is_full() && sender.is_empty());
            /// ```
            pub fn is_full(&self) -> bool {
                self.core.is_full()
            }

            /// How many values the channel holds at most; `None` if it is unbounded.
            ///
            /// # Example
            /// ```
            /// let (sender, _receiver) = hence::channel::bounded::<u8>(5);
            /// assert_eq!(sender.capacity(), Some(5));
            /// ```
            pub fn capacity(&self) -> Option<usize> {
                self.core.capacity
            }

            /// Whether both handles are of the same channel.
            ///
            /// # Example
            /// ```
            /// let (sender, receiver) = hence::channel::unbounded::<u8>();
            /// assert!(sender.same_channel(&sender.clone()));
            /// assert!(receiver.same_channel(&receiver.clone()));
            /// ```
            pub fn same_channel(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.core, &other.core)
            }
        }

        impl<T> Clone for $Side<T> {
            fn clone(&self) -> Self {
                self.core.$add();
                Self { core: self.core.clone() }
            }
        }

        impl<T> Drop for $Side<T> {
            fn drop(&mut self) {
                self.core.$drop();
            }
        }

        impl<T> UnwindSafe for $Side<T> {}
        impl<T> RefUnwindSafe for $Side<T> {}
    };
}

either_side!(Sender, add_sender, drop_sender);
either_side!(Receiver, add_receiver, drop_receiver);

/// Receives, blocking, until nothing will come any more; made by [`Receiver::iter`].
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// Receives what is there; made by [`Receiver::try_iter`].
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// Receives, blocking, until nothing will come any more, and owns its receiver; made by `Receiver::into_iter`.
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IntoIter<T> {}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}

/// Shows that it is there, and nothing of the values, which may have nothing to show.
macro_rules! opaque {
    ($($Type:ty, $name:literal;)+) => {
        $(impl<T> fmt::Debug for $Type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(concat!($name, " { .. }"))
            }
        })+
    };
}

opaque! {
    Sender<T>, "Sender";
    Receiver<T>, "Receiver";
    SendFuture<'_, T>, "SendFuture";
    RecvFuture<'_, T>, "RecvFuture";
    Iter<'_, T>, "Iter";
    TryIter<'_, T>, "TryIter";
    IntoIter<T>, "IntoIter";
}
