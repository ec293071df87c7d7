//! The async faces of send and receive: the same waiting, with a task's waker for a thread's parker.
//!
//! Needs: `channel/core.rs`, `channel/ending.rs`, `channel/receiver.rs`, `channel/schedule.rs`, `channel/sender.rs`,
//! `wait.rs`, `sync.rs`, `error.rs`.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::super::error::{RecvError, SendError};
use super::super::sync::{Alarm, is_over, let_go};
use super::super::wait::{Cause, Waiter};
use super::core::{Core, Unreceived, Unsent, Waiting};
use super::ending::Ending;
use super::receiver::{Receiver, Source};
use super::schedule::Schedule;
use super::sender::Sender;

/// Sends when there is room; made by [`Sender::send_async`].
///
/// Dropping it before it is ready takes the send back: the value is dropped with it, unless a receive has taken it.
/// A future that is leaked while it waits keeps its place, and its value can still be received.
#[must_use = "a future does nothing unless it is polled"]
pub struct SendFuture<'a, T> {
    core: &'a Core<T>,
    progress: Progress<T>,
}

enum Progress<T> {
    NotPolled(T),
    Waiting(Waiting<T>),
    Ended,
}

impl<'a, T> SendFuture<'a, T> {
    pub(super) fn new(sender: &'a Sender<T>, value: T) -> Self {
        Self { core: &sender.core, progress: Progress::NotPolled(value) }
    }
}

// The value is moved, never pinned.
impl<T> Unpin for SendFuture<'_, T> {}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Progress::Waiting(waiting) = &self.progress {
            let Poll::Ready(cause) = waiting.party.waiter.poll(cx) else { return Poll::Pending };
            let sent = waiting.sent(cause);
            self.progress = Progress::Ended;
            return Poll::Ready(sent);
        }
        // Before the value is taken out of the future: cloning a waker is user code, and may panic.
        let mut waker = Some(cx.waker().clone());
        let Progress::NotPolled(value) = mem::replace(&mut self.progress, Progress::Ended) else {
            panic!("a SendFuture was polled after it was ready");
        };
        let sent = self.core.send(value, true, || task(&mut waker));
        drop_unneeded(waker);
        match sent {
            Ok(()) => Poll::Ready(Ok(())),
            Err(Unsent::Waits(waiting)) => {
                self.progress = Progress::Waiting(waiting);
                Poll::Pending
            }
            Err(Unsent::Disconnected(value) | Unsent::Full(value)) => Poll::Ready(Err(SendError(value))),
        }
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        if let (Progress::Waiting(waiting), false) = (&self.progress, is_over()) {
            self.core.abandon_send(waiting); // with its value
        }
    }
}

/// Receives when there is a value; made by [`Receiver::recv_async`].
///
/// Dropping it before it is ready loses nothing: a value that it has been given goes to the next receive (SF-CH-5).
#[must_use = "a future does nothing unless it is polled"]
pub struct RecvFuture<'a, T> {
    receiver: &'a Receiver<T>,
    pending: Pending<T>,
}

/// How a task that receives is going to be woken.
pub(crate) struct Pending<T> {
    /// Its place in a channel's line.
    waiting: Option<Waiting<T>>,
    /// Set while it waits for a moment.
    alarm: Option<Alarm>,
}

impl<T> Pending<T> {
    pub(crate) const fn new() -> Self {
        Self { waiting: None, alarm: None }
    }

    fn poll_channel(&mut self, core: &Core<T>, cx: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        if let Some(waiting) = &self.waiting {
            let Poll::Ready(cause) = waiting.party.waiter.poll(cx) else { return Poll::Pending };
            let received = match cause {
                Cause::Done(_) => Some(Ok(waiting.received())),
                Cause::Closed => Some(Err(RecvError)),
                Cause::Again => None,
            };
            self.waiting = None;
            if let Some(received) = received {
                return Poll::Ready(received);
            }
        }
        let mut waker = Some(cx.waker().clone());
        let received = core.recv(true, || task(&mut waker));
        drop_unneeded(waker);
        match received {
            Ok(value) => Poll::Ready(Ok(value)),
            Err(Unreceived::Waits(waiting)) => {
                self.waiting = Some(waiting);
                Poll::Pending
            }
            Err(Unreceived::Disconnected | Unreceived::Empty) => Poll::Ready(Err(RecvError)),
        }
    }

    fn poll_timer(&mut self, schedule: &Schedule, cx: &mut Context<'_>) -> Poll<Instant> {
        // The one before is taken back first: its waker may be another task's.
        self.alarm = None;
        if let Some(due) = schedule.take() {
            return Poll::Ready(due);
        }
        self.alarm = schedule.next().map(|next| Alarm::for_task(next, cx.waker().clone()));
        Poll::Pending
    }

    /// Ready when there is an end.
    pub(crate) fn poll_closing(&mut self, closing: &(impl Ending<T> + ?Sized), cx: &mut Context<'_>) -> Poll<()> {
        self.alarm = None;
        if closing.has_ended() {
            return Poll::Ready(());
        }
        let line = if self.waiting.is_some() { closing.line() } else { closing.waiting_line() };
        if line.is_none_or(|line| self.poll_channel(line, cx).is_ready()) {
            return Poll::Ready(());
        }
        self.alarm = closing.deadline().map(|deadline| Alarm::for_task(deadline, cx.waker().clone()));
        Poll::Pending
    }

    /// Leaves the line, which is asked for if it stands in one.
    pub(crate) fn abandon<'a>(&self, line: impl FnOnce() -> Option<&'a Core<T>>)
    where
        T: 'a,
    {
        if let (Some(waiting), false) = (&self.waiting, is_over()) {
            line().expect("it stands in it").abandon_recv(waiting);
        }
    }
}

impl<'a, T> RecvFuture<'a, T> {
    pub(super) fn new(receiver: &'a Receiver<T>) -> Self {
        Self { receiver, pending: Pending::new() }
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { receiver, pending } = &mut *self;
        match &receiver.source {
            Source::Channel(core) => pending.poll_channel(core, cx),
            Source::Timer(schedule, value) => pending.poll_timer(schedule, cx).map(|due| Ok(value(due))),
            Source::Closing(closing) => pending.poll_closing(&**closing, cx).map(|()| Err(RecvError)),
            Source::Never => Poll::Pending,
        }
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        self.pending.abandon(|| self.receiver.source.core());
    }
}

/// The values of a channel as they come; made by [`Receiver::stream`].
///
/// `Stream` is no trait of std's yet. [`poll_next`](RecvStream::poll_next) has its meaning, so that one line makes a
/// `futures` stream of it:
/// `futures::stream::poll_fn(move |cx| stream.poll_next(cx))`. Dropping it loses nothing (SF-CH-5).
#[must_use = "a stream does nothing unless it is polled"]
pub struct RecvStream<'a, T>(RecvFuture<'a, T>);

impl<'a, T> RecvStream<'a, T> {
    pub(super) fn new(receiver: &'a Receiver<T>) -> Self {
        Self(RecvFuture::new(receiver))
    }

    /// The next value, when there is one; `None` at the end. Cancel-safe: dropping the future loses nothing.
    ///
    /// # Happens-before
    /// As [`Receiver::recv`].
    ///
    /// # Example
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// let (sender, receiver) = hence::channel::unbounded();
    /// sender.send(7).unwrap();
    /// let mut stream = receiver.stream();
    /// let sum = async { stream.next().await.unwrap() + 1 };
    /// assert_eq!(pin!(sum).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(8));
    /// ```
    #[allow(clippy::should_implement_trait, reason = "the name that streams have for it")]
    pub fn next(&mut self) -> impl Future<Output = Option<T>> + use<'_, 'a, T> {
        std::future::poll_fn(|cx| self.poll_next(cx))
    }

    /// The next value, if there is one; otherwise the task is woken once there is. `None` at the end, as often as it is
    /// asked.
    ///
    /// # Happens-before
    /// As [`Receiver::recv`].
    ///
    /// # Example
    /// ```
    /// # use std::task::{Context, Poll, Waker};
    /// let (sender, receiver) = hence::channel::unbounded::<u8>();
    /// sender.close();
    /// assert_eq!(receiver.stream().poll_next(&mut Context::from_waker(Waker::noop())), Poll::Ready(None));
    /// ```
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.0).poll(cx).map(Result::ok)
    }
}

opaque! {
    SendFuture<'_, T>, "SendFuture";
    RecvFuture<'_, T>, "RecvFuture";
    RecvStream<'_, T>, "RecvStream";
}

/// What the drop of a waker throws is no reason to lose a value that is about to be returned.
fn drop_unneeded(waker: Option<Waker>) {
    let_go(|| drop(waker));
}

/// A waiter for the task whose waker was cloned before the lock was taken, and is dropped after it if not needed:
/// both are user code.
fn task(waker: &mut Option<Waker>) -> Waiter {
    Waiter::task(waker.take().expect("one waiter for one poll"))
}
