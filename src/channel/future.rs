//! The async faces of send and receive: the same waiting, with a task's waker for a thread's parker.

// Needs: channel/core.rs, channel/receiver.rs, channel/sender.rs, error.rs, sync.rs, timer/schedule.rs, wait.rs.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use super::super::error::{RecvError, SendError};
use super::super::sync::{Alarm, is_over};
use super::super::timer::schedule::Schedule;
use super::super::wait::{NewWaker, TaskWait, Waiter, WakeCause};
use super::core::{Core, Stand, Unsent, Waiting};
use super::receiver::{Receiver, Source};
use super::sender::{Sender, refused};

/// A future that sends its value once that is possible; made by [`Sender::send_async`].
///
/// Dropping the future before it is ready takes the send back: the value is dropped with the future, unless the value
/// has already moved into the channel or to a receive. A future that is leaked while it waits keeps its place in line,
/// and its value can still be received.
#[must_use = "a future does nothing unless it is polled"]
pub struct SendFuture<'a, T> {
    core: &'a Core<T>,
    /// Until it is polled.
    value: Option<T>,
    waiting: Option<Waiting<T>>,
}

impl<T> Sender<T> {
    /// Returns a future that sends a value: [`send`](Sender::send) for tasks, on any runtime.
    ///
    /// The future does nothing until it is polled. It waits while `send` would block; a close, or the drop of the last
    /// receiver, ends the wait. Cancel-safe: dropping the future takes the send back
    /// ([SF-CH-5](crate::channel#SF-CH-5)). A future that need not wait does not yield to other tasks
    /// ([*Tasks*](crate::channel#tasks)).
    ///
    /// # Errors
    /// As [`send`](Sender::send).
    ///
    /// # Panics
    /// The future panics if it is polled again after it was ready.
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
    #[doc(alias = "into_send_async")]
    pub fn send_async(&self, value: T) -> SendFuture<'_, T> {
        SendFuture { core: &self.core, value: Some(value), waiting: None }
    }
}

// The value is moved, never pinned.
impl<T> Unpin for SendFuture<'_, T> {}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { core, value, waiting } = &mut *self;
        if let Some(place) = waiting {
            let Poll::Ready(cause) = place.direct.waiter.poll(cx) else { return Poll::Pending };
            let place = waiting.take().expect("it is there");
            return Poll::Ready(match cause {
                WakeCause::Done(_) => Ok(()),
                WakeCause::Closed | WakeCause::Retry => Err(SendError(refused(place.value()))),
            });
        }
        assert!(value.is_some(), "a SendFuture was polled after it was ready");
        let mut waker = NewWaker::new(cx);
        let mut sent = core.send(value, Stand::Nowhere, || unreachable!("it may not wait"));
        if let Err(Unsent::Full) = sent {
            waker.make();
            sent = core.send(value, Stand::Last, || Waiter::task(waker.take()));
        }
        waker.drop_quietly();
        match sent {
            Ok(()) => Poll::Ready(Ok(())),
            Err(Unsent::Waits(place)) => {
                *waiting = Some(place);
                Poll::Pending
            }
            Err(Unsent::Disconnected | Unsent::Full) => Poll::Ready(Err(SendError(refused(value.take())))),
        }
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        if let (Some(waiting), false) = (&self.waiting, is_over()) {
            self.core.leave_send(waiting); // with its value
        }
    }
}

/// A future that receives a value once there is one; made by [`Receiver::recv_async`].
///
/// Dropping the future before it is ready loses nothing: it has taken no value ([SF-CH-5](crate::channel#SF-CH-5)).
#[must_use = "a future does nothing unless it is polled"]
pub struct RecvFuture<'a, T> {
    receiver: &'a Receiver<T>,
    wait: TaskWait,
}

impl<T> Receiver<T> {
    /// Returns a future that receives a value: [`recv`](Receiver::recv) for tasks, on any runtime.
    ///
    /// The future waits while the channel is empty; a close, or the drop of the last sender, ends the wait. If the
    /// future pairs with a `select!` whose message is still being evaluated, the future waits until that evaluation
    /// ends.
    ///
    /// The future takes a value only in the poll that returns this value. Cancel-safe: dropping the future loses
    /// nothing ([SF-CH-5](crate::channel#SF-CH-5)). A future that is polled again after it was ready receives another
    /// value. A future that need not wait does not yield to other tasks ([*Tasks*](crate::channel#tasks)).
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
    #[doc(alias = "into_recv_async")]
    pub fn recv_async(&self) -> RecvFuture<'_, T> {
        RecvFuture { receiver: self, wait: TaskWait::new() }
    }

    /// Returns a stream that receives value after value: `recv_async` again and again.
    ///
    /// The stream ends when the channel is empty, and is closed or has no sender left. A stream whose next value is
    /// there does not yield to other tasks ([*Tasks*](crate::channel#tasks)).
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
    #[doc(alias = "into_stream")]
    #[doc(alias = "ReceiverStream")]
    pub fn stream(&self) -> RecvStream<'_, T> {
        RecvStream(self.recv_async())
    }
}

fn poll_timer(schedule: &Schedule, wait: &mut TaskWait, cx: &mut Context<'_>) -> Poll<Instant> {
    // The one before is taken back first: its waker may be another task's.
    wait.alarm = None;
    if let Some(due) = schedule.take() {
        return Poll::Ready(due);
    }
    wait.alarm = schedule.next().map(|next| Alarm::for_task(next, cx.waker().clone()));
    Poll::Pending
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { receiver, wait } = &mut *self;
        let mut value = None;
        let polled = match &receiver.source {
            Source::Channel(core) => core.poll_recv(wait, cx, &mut value),
            Source::Timer(schedule, make) => poll_timer(schedule, wait, cx).map(|due| value = Some(make(due))),
            Source::Ends(ends) => ends.poll(wait, cx),
            Source::Never => Poll::Pending,
        };
        polled.map(|()| value.ok_or(RecvError))
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        match (&self.receiver.source, &self.wait.place) {
            (Source::Channel(core), Some(ticket)) if !is_over() => core.leave_task(*ticket),
            (Source::Ends(ends), _) => ends.leave(&self.wait),
            _ => {}
        }
    }
}

/// A stream of the values of a channel; made by [`Receiver::stream`]. Dropping the stream loses nothing
/// ([SF-CH-5](crate::channel#SF-CH-5)).
///
/// The standard library has no `Stream` trait yet. [`poll_next`](RecvStream::poll_next) means what `Stream::poll_next`
/// of the crate `futures` means, so one line makes a `futures` stream:
/// `futures::stream::poll_fn(move |cx| stream.poll_next(cx))`.
#[must_use = "a stream does nothing unless it is polled"]
pub struct RecvStream<'a, T>(RecvFuture<'a, T>);

impl<'a, T> RecvStream<'a, T> {
    /// Returns a future that receives the next value; `None` at the end. Cancel-safe: dropping the future loses
    /// nothing.
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

    /// Receives the next value if there is one; otherwise returns `Pending`, and the task is woken once there is one.
    ///
    /// Returns `None` when the stream has ended, also if it is polled again after that.
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
