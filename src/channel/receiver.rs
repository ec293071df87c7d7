//! The receiving handle, and its iterators.

// Needs: channel/core.rs, error.rs, sync.rs, timer/schedule.rs, wait.rs, wait/latch.rs.

use std::iter::FusedIterator;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use super::super::error::{RecvError, RecvTimeoutError, TryRecvError};
use super::super::sync::{Arc, SpinWait, is_over, passed};
use super::super::timer::schedule::{Repeat, Schedule, sleep_until};
use super::super::wait::{Ends, Timeout, Waiter, WakeCause};
use super::core::{Core, Stand, Unreceived};

/// The receiving side of a channel.
///
/// A clone receives from the same channel; each value goes to one of the receivers. The drop of the last receiver
/// closes the channel and drops the values that are left.
///
/// A timer ([`after`](crate::channel::after) and the like), `CancellationToken::done` and a task's `done` are
/// receivers, too: so they can stand in a select.
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
    Ends(Arc<dyn Ends>),
    Never,
}

impl Receiver<Instant> {
    pub(crate) fn timer(first: Instant, repeat: Repeat) -> Self {
        Self { source: Source::Timer(Arc::new(Schedule::new(first, repeat)), |moment| moment) }
    }
}

impl<T> Receiver<T> {
    /// Receives a value.
    ///
    /// Blocks while the channel is empty. A close, or the drop of the last sender, ends the wait; values sent before
    /// the close or the drop are received first.
    ///
    /// # Errors
    /// If the channel is empty, and is closed or has no sender left.
    ///
    /// # Happens-before
    /// [HB-CH-1](crate::channel#HB-CH-1), [HB-CH-2](crate::channel#HB-CH-2); on an error
    /// [HB-CH-3](crate::channel#HB-CH-3), [HB-CH-4](crate::channel#HB-CH-4).
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
    #[doc(alias = "receive")]
    #[doc(alias = "blocking_recv")]
    #[doc(alias = "recv_blocking")]
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        let mut value = None;
        // Beside `recv_until`, for speed: without its deadline a receive takes 14 ns, not 16.
        if let Source::Channel(core) = &self.source {
            if let Err(unreceived) = core.recv(&mut value, core.stand(), Waiter::thread) {
                wait_for_value(core, &mut value, unreceived, None);
            }
        } else {
            self.recv_until(&mut value, None);
        }
        value.ok_or(RecvError)
    }

    /// Receives a value if there is one: in the channel, or with a sender that waits.
    ///
    /// Does not wait for a sender. If the receive pairs with a `select!` whose message is still being evaluated, the
    /// receive waits until that evaluation ends.
    ///
    /// # Errors
    /// `Empty` if there is no value now, `Disconnected` if no value will come any more: the channel is empty, and is
    /// closed or has no sender left.
    ///
    /// # Happens-before
    /// [HB-CH-1](crate::channel#HB-CH-1), [HB-CH-2](crate::channel#HB-CH-2); on `Disconnected`
    /// [HB-CH-3](crate::channel#HB-CH-3), [HB-CH-4](crate::channel#HB-CH-4).
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
        let mut value = None;
        let ended = self.try_recv_into(&mut value);
        value.ok_or(ended)
    }

    /// Into `value`; otherwise, why there is none.
    #[inline]
    fn try_recv_into(&self, value: &mut Option<T>) -> TryRecvError {
        let core = match &self.source {
            Source::Channel(core) => core,
            Source::Timer(schedule, make) => {
                *value = schedule.take().map(make);
                return TryRecvError::Empty;
            }
            Source::Ends(ends) if ends.has_ended() => return TryRecvError::Disconnected,
            Source::Ends(_) | Source::Never => return TryRecvError::Empty,
        };
        loop {
            match core.recv(value, Stand::Nowhere, Waiter::thread) {
                Ok(()) | Err(Unreceived::Empty) => return TryRecvError::Empty,
                Err(Unreceived::Disconnected) => return TryRecvError::Disconnected,
                Err(Unreceived::Waits(promised)) => {
                    if let WakeCause::Done(_) = promised.direct.waiter.wait() {
                        *value = promised.value();
                        return TryRecvError::Empty;
                    }
                }
            }
        }
    }

    /// Receives a value if there is one within `timeout`.
    ///
    /// Blocks as [`recv`](Receiver::recv) does, but gives up once `timeout` has passed. Tries at least once, even if
    /// `timeout` is zero. If the timeout does not fit an `Instant`, waits without a limit. If the receive pairs with a
    /// `select!` whose message is still being evaluated, the receive waits until that evaluation ends, even after
    /// `timeout`.
    ///
    /// # Errors
    /// `Timeout` if the time was up, `Disconnected` if the channel is empty, and is closed or has no sender left.
    ///
    /// # Happens-before
    /// [HB-CH-1](crate::channel#HB-CH-1), [HB-CH-2](crate::channel#HB-CH-2); on `Disconnected`
    /// [HB-CH-3](crate::channel#HB-CH-3), [HB-CH-4](crate::channel#HB-CH-4); on `Timeout` nothing.
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
        let mut value = None;
        let ended = self.recv_within(&mut value, Timeout::at_most(timeout));
        value.ok_or(ended)
    }

    /// Receives a value if there is one by `deadline`.
    ///
    /// Blocks as [`recv`](Receiver::recv) does, but gives up once `deadline` has passed. Tries at least once, even if
    /// `deadline` has passed before the call. If the receive pairs with a `select!` whose message is still being
    /// evaluated, the receive waits until that evaluation ends, even after `deadline`.
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
        let mut value = None;
        // What is there costs no look at the clock.
        let mut ended = self.recv_within(&mut value, Timeout::Now);
        if value.is_none() && ended == RecvTimeoutError::Timeout {
            ended = self.recv_within(&mut value, Timeout::until(deadline));
        }
        value.ok_or(ended)
    }

    /// Returns an iterator that receives value after value.
    ///
    /// Each step blocks as [`recv`](Receiver::recv) does. The iterator ends when the channel is empty, and is closed or
    /// has no sender left.
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

    /// Returns an iterator that receives values as long as there are any, without waiting for a sender.
    ///
    /// Each step is a [`try_recv`](Receiver::try_recv). The iterator ends when `try_recv` fails. So the iterator also
    /// takes values that are sent meanwhile.
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
    #[doc(alias = "drain")]
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }

    /// For the iterators.
    fn next(&self) -> Option<T> {
        let mut value = None;
        self.recv_until(&mut value, None);
        value
    }

    /// Into `value`; otherwise, why there is none.
    fn recv_within(&self, value: &mut Option<T>, wait: Timeout) -> RecvTimeoutError {
        match wait {
            Timeout::Now => match self.try_recv_into(value) {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            },
            wait => self.recv_until(value, wait.deadline()),
        }
    }

    fn recv_until(&self, value: &mut Option<T>, deadline: Option<Instant>) -> RecvTimeoutError {
        match &self.source {
            Source::Channel(core) => match core.recv(value, core.stand(), Waiter::thread) {
                Ok(()) => RecvTimeoutError::Timeout,
                Err(unreceived) => wait_for_value(core, value, unreceived, deadline),
            },
            Source::Timer(schedule, make) => {
                *value = schedule.recv(deadline).map(make);
                RecvTimeoutError::Timeout
            }
            Source::Ends(ends) if ends.wait_until(deadline) => RecvTimeoutError::Disconnected,
            Source::Ends(_) => RecvTimeoutError::Timeout,
            Source::Never => {
                sleep_until(deadline);
                RecvTimeoutError::Timeout
            }
        }
    }

    /// Returns `true` if both receivers belong to the same channel, timer, token or job.
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
            (Source::Ends(a), Source::Ends(b)) => a.latch().identity() == b.latch().identity(),
            (Source::Never, Source::Never) => true,
            _ => false,
        }
    }

    pub(crate) const fn never() -> Self {
        Self { source: Source::Never }
    }

    pub(crate) fn ending(ends: Arc<dyn Ends>) -> Self {
        Self { source: Source::Ends(ends) }
    }

    pub(super) fn channel(core: Arc<Core<T>>) -> Self {
        Self { source: Source::Channel(core) }
    }

    /// `timer` is told how many messages are there, and of how many at most.
    fn on<R>(&self, channel: impl FnOnce(&Core<T>) -> R, timer: impl FnOnce(usize, usize) -> R) -> R {
        match &self.source {
            Source::Channel(core) => channel(core),
            Source::Timer(schedule, _) => timer(schedule.is_due().into(), 1),
            Source::Ends(_) | Source::Never => timer(0, 0),
        }
    }

    fn has_ended(&self) -> bool {
        match &self.source {
            Source::Channel(core) => core.is_closed(),
            Source::Ends(ends) => ends.has_ended(),
            Source::Timer(..) | Source::Never => false,
        }
    }
}

/// Waits for a value; otherwise, why there is none.
#[cold]
fn wait_for_value<T>(
    core: &Core<T>,
    value: &mut Option<T>,
    mut unreceived: Unreceived<T>,
    deadline: Option<Instant>,
) -> RecvTimeoutError {
    let (mut spin_wait, mut stand) = (None, Stand::Later);
    loop {
        stand = match unreceived {
            Unreceived::Waits(waiting) => {
                match waiting.direct.waiter.wait_or_leave(deadline, || core.leave_recv(&waiting)) {
                    None => return RecvTimeoutError::Timeout,
                    Some(WakeCause::Done(_)) => {
                        *value = waiting.value();
                        return RecvTimeoutError::Timeout;
                    }
                    Some(WakeCause::Closed) => return RecvTimeoutError::Disconnected,
                    Some(WakeCause::Retry) => Stand::First,
                }
            }
            Unreceived::Disconnected => return RecvTimeoutError::Disconnected,
            // Some more attempts: a sender that is about to send sends many values, while one that serves a line wakes
            // a receiver for each.
            Unreceived::Empty if matches!(stand, Stand::Nowhere) => return RecvTimeoutError::Timeout,
            Unreceived::Empty if deadline.is_some_and(passed) => Stand::Nowhere,
            Unreceived::Empty if core.pause_for_value(spin_wait.get_or_insert_with(SpinWait::new)) => Stand::Later,
            Unreceived::Empty => Stand::Last,
        };
        match core.recv(value, stand, Waiter::thread) {
            Ok(()) => return RecvTimeoutError::Timeout,
            Err(again) => unreceived = again,
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
                Source::Ends(ends) => Source::Ends(ends.clone()),
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

/// A blocking iterator over the values of a channel, until no value will come any more; made by [`Receiver::iter`].
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// An iterator that receives values as long as there are any, without waiting; made by [`Receiver::try_iter`].
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// A blocking iterator that owns its receiver, until no value will come any more; made by `Receiver::into_iter`.
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.next()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let mut value = None;
        self.receiver.try_recv_into(&mut value);
        value
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.next()
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
