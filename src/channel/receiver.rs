//! The receiving handle, and its iterators.
//!
//! Needs: `channel/core.rs`, `channel/ending.rs`, `channel/future.rs`, `channel/schedule.rs`, `channel/side.rs`, `wait.rs`, `sync.rs`,
//! `error.rs`.

use std::iter::FusedIterator;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use super::super::error::{RecvError, RecvTimeoutError, TryRecvError};
use super::super::sync::{Arc, Patience, is_over, passed};
use super::super::wait::{Cause, Wait, Waiter};
use super::core::{Core, Unreceived};
use super::ending::Ending;
use super::schedule::{Repeat, Schedule, sleep_until};
use super::{RecvFuture, RecvStream};

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
    pub(crate) source: Source<T>,
}

/// Where a receiver's values come from.
pub(crate) enum Source<T> {
    Channel(Arc<Core<T>>),
    /// A timer's moments, made into values.
    Timer(Arc<Schedule>, fn(Instant) -> T),
    /// None: there is only an end.
    Closing(Arc<dyn Ending<T>>),
    Never,
}

impl<T> Source<T> {
    /// Where one who waits stands in line, if there is a line.
    pub(crate) fn core(&self) -> Option<&Core<T>> {
        match self {
            Source::Channel(core) => Some(core),
            Source::Closing(closing) => closing.line(),
            Source::Timer(..) | Source::Never => None,
        }
    }
}

impl Receiver<Instant> {
    pub(crate) fn timer(first: Instant, repeat: Repeat) -> Self {
        Self { source: Source::Timer(Arc::new(Schedule::new(first, repeat)), |moment| moment) }
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
        // Beside `recv_until`, for speed: without its deadline a receive takes 14 ns, not 16.
        if let Source::Channel(core) = &self.source {
            return match core.recv(!core.tries_again(), Waiter::thread) {
                Ok(value) => Ok(value),
                Err(unreceived) => wait_for_value(core, unreceived, None).map_err(|_| RecvError),
            };
        }
        self.recv_until(None).map_err(|_| RecvError)
    }

    /// Receives a value if there is one, in the channel or with a sender that waits. Never blocks; but where the sender
    /// is a select, which says what it sends only after it has been chosen, for that long.
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
        let core = match &self.source {
            Source::Channel(core) => core,
            Source::Timer(schedule, value) => return schedule.take().map(value).ok_or(TryRecvError::Empty),
            Source::Closing(closing) if closing.has_ended() => return Err(TryRecvError::Disconnected),
            Source::Closing(_) | Source::Never => return Err(TryRecvError::Empty),
        };
        loop {
            match core.recv(false, Waiter::thread) {
                Ok(value) => return Ok(value),
                Err(Unreceived::Empty) => return Err(TryRecvError::Empty),
                Err(Unreceived::Disconnected) => return Err(TryRecvError::Disconnected),
                Err(Unreceived::Waits(promised)) => {
                    if let Cause::Done(_) = promised.party.waiter.wait() {
                        return Ok(promised.received());
                    }
                }
            }
        }
    }

    /// Receives a value, if there is one within `timeout`: [`recv`](Receiver::recv) with a limit. A timeout too long
    /// for an `Instant` is none. A value that a select has promised is waited for, however long its message takes.
    ///
    /// # Errors
    /// `Timeout` if the time was up, `Disconnected` if the channel is empty, and closed or without a sender.
    ///
    /// # Happens-before
    /// HB-CH-1, HB-CH-2; on `Disconnected` HB-CH-3, HB-CH-4; on `Timeout` nothing.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// # use hence::channel::{unbounded, RecvTimeoutError};
    /// let (sender, receiver) = unbounded();
    /// assert_eq!(receiver.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.recv_timeout(Duration::from_millis(1)), Ok(1));
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        match Wait::at_most(timeout) {
            Wait::Not => self.try_recv().map_err(without_time),
            wait => self.recv_until(wait.deadline()),
        }
    }

    /// Receives a value, if there is one by `deadline`: [`recv_timeout`](Receiver::recv_timeout) with a moment for a
    /// duration. It tries at least once, even if the deadline has passed.
    ///
    /// # Errors
    /// As [`recv_timeout`](Receiver::recv_timeout).
    ///
    /// # Happens-before
    /// As [`recv_timeout`](Receiver::recv_timeout).
    ///
    /// # Example
    /// ```
    /// # use std::time::Instant;
    /// # use hence::channel::{unbounded, RecvTimeoutError};
    /// let (sender, receiver) = unbounded();
    /// assert_eq!(receiver.recv_deadline(Instant::now()), Err(RecvTimeoutError::Timeout));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.recv_deadline(Instant::now()), Ok(1));
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        // What is there costs no look at the clock.
        match self.try_recv().map_err(without_time) {
            Err(RecvTimeoutError::Timeout) => {}
            received => return received,
        }
        match Wait::until(deadline) {
            Wait::Not => Err(RecvTimeoutError::Timeout),
            wait => self.recv_until(wait.deadline()),
        }
    }

    /// Receives a value when polled: [`recv`](Receiver::recv) for tasks, on any runtime.
    ///
    /// The future waits while the channel is empty; a close or the drop of the last sender ends the wait. Dropping it
    /// loses nothing (SF-CH-5): a value that it has been given goes to the next receive, and may stay in the channel,
    /// above its capacity, until there is one. A future that is *leaked* while it waits takes one value
    /// with it. Polled after it was ready, it receives again. Gives way to no other task by itself
    /// ([*Tasks*](crate::channel#tasks)).
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

    /// The values as a stream: `recv_async` again and again, until the channel is empty, and closed or without a
    /// sender. Gives way to no other task by itself ([*Tasks*](crate::channel#tasks)).
    ///
    /// # Happens-before
    /// As [`recv`](Receiver::recv), for each value and for the end.
    ///
    /// # Example
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let mut cx = Context::from_waker(Waker::noop());
    /// let (sender, receiver) = hence::channel::unbounded();
    /// let mut stream = receiver.stream();
    /// sender.send(7).unwrap();
    /// drop(sender);
    /// assert_eq!(pin!(stream.next()).poll(&mut cx), Poll::Ready(Some(7)));
    /// assert_eq!(stream.poll_next(&mut cx), Poll::Ready(None));
    /// ```
    pub fn stream(&self) -> RecvStream<'_, T> {
        RecvStream::new(self)
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

    #[inline]
    fn recv_until(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        match &self.source {
            Source::Channel(core) => match core.recv(!core.tries_again(), Waiter::thread) {
                Ok(value) => Ok(value),
                Err(unreceived) => wait_for_value(core, unreceived, deadline),
            },
            Source::Timer(schedule, value) => schedule.recv(deadline).map(value),
            Source::Closing(closing) if closing.wait_until(deadline) => Err(RecvTimeoutError::Disconnected),
            Source::Closing(_) => Err(RecvTimeoutError::Timeout),
            Source::Never => {
                sleep_until(deadline);
                Err(RecvTimeoutError::Timeout)
            }
        }
    }

    /// Whether both handles are of the same channel, or the same timer.
    ///
    /// # Example
    /// ```
    /// let (_sender, receiver) = hence::channel::unbounded::<u8>();
    /// assert!(receiver.same_channel(&receiver.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        match (&self.source, &other.source) {
            (Source::Channel(a), Source::Channel(b)) => Arc::ptr_eq(a, b),
            (Source::Timer(a, _), Source::Timer(b, _)) => Arc::ptr_eq(a, b),
            (Source::Closing(a), Source::Closing(b)) => a.identity() == b.identity(),
            (Source::Never, Source::Never) => true,
            _ => false,
        }
    }

    pub(crate) const fn never() -> Self {
        Self { source: Source::Never }
    }

    pub(crate) fn closing(closing: Arc<dyn Ending<T>>) -> Self {
        Self { source: Source::Closing(closing) }
    }

    pub(super) fn channel(core: Arc<Core<T>>) -> Self {
        Self { source: Source::Channel(core) }
    }

    /// `timer` is told how many messages are there, and of how many at most.
    fn on<R>(&self, channel: impl FnOnce(&Core<T>) -> R, timer: impl FnOnce(usize, usize) -> R) -> R {
        match &self.source {
            Source::Channel(core) => channel(core),
            Source::Timer(schedule, _) => timer(schedule.is_due().into(), 1),
            Source::Closing(_) | Source::Never => timer(0, 0),
        }
    }

    fn has_ended(&self) -> bool {
        match &self.source {
            Source::Channel(core) => core.is_closed(),
            Source::Closing(closing) => closing.has_ended(),
            Source::Timer(..) | Source::Never => false,
        }
    }
}

/// How an operation ends that has no time to wait.
fn without_time(error: TryRecvError) -> RecvTimeoutError {
    match error {
        TryRecvError::Empty => RecvTimeoutError::Timeout,
        TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
    }
}

#[cold]
pub(super) fn wait_for_value<T>(
    core: &Core<T>,
    unreceived: Unreceived<T>,
    deadline: Option<Instant>,
) -> Result<T, RecvTimeoutError> {
    let mut unreceived = unreceived;
    let mut patience = None;
    loop {
        let waiting = match unreceived {
            Unreceived::Waits(waiting) => waiting,
            Unreceived::Disconnected => return Err(RecvTimeoutError::Disconnected),
            // Some more attempts: a sender that is about to send sends many values, while one that serves a line wakes
            // a receiver for each.
            Unreceived::Empty if deadline.is_some_and(passed) => return Err(RecvTimeoutError::Timeout),
            Unreceived::Empty => {
                let may_wait = !patience.get_or_insert_with(Patience::new).yield_now();
                match core.recv(may_wait, Waiter::thread) {
                    Ok(value) => return Ok(value),
                    Err(again) => unreceived = again,
                }
                continue;
            }
        };
        let waiter = &waiting.party.waiter;
        match waiter.wait_or_leave(deadline, || core.leave_recv(&waiting)) {
            None => return Err(RecvTimeoutError::Timeout),
            Some(Cause::Done(_)) => return Ok(waiting.received()),
            Some(Cause::Closed) => return Err(RecvTimeoutError::Disconnected),
            Some(Cause::Again) => match core.recv(!core.tries_again(), Waiter::thread) {
                Ok(value) => return Ok(value),
                Err(again) => unreceived = again,
            },
        }
    }
}

either_side!(Receiver);
opaque! {
    Receiver<T>, "Receiver";
    Iter<'_, T>, "Iter";
    TryIter<'_, T>, "TryIter";
    IntoIter<T>, "IntoIter";
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self {
            source: match &self.source {
                Source::Channel(core) => {
                    core.add_receiver();
                    Source::Channel(core.clone())
                }
                Source::Timer(schedule, value) => Source::Timer(schedule.clone(), *value),
                Source::Closing(closing) => Source::Closing(closing.clone()),
                Source::Never => Source::Never,
            },
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let (Source::Channel(core), false) = (&self.source, is_over()) {
            core.drop_receiver();
        }
    }
}

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
