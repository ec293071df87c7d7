//! The async faces of send and receive: the same waiting, with a task's waker for a thread's parker.
//!
//! Needs: `channel.rs`, `channel/core.rs`, `wait.rs`, `error.rs`.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::super::error::{RecvError, SendError};
use super::super::wait::Waiter;
use super::core::{Core, Waiting};
use super::{Receiver, Sender};

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
        match self.core.send_or_wait(value, || task(&mut waker)) {
            Ok(None) => Poll::Ready(Ok(())),
            Err(refused) => Poll::Ready(Err(refused)),
            Ok(Some(waiting)) => {
                self.progress = Progress::Waiting(waiting);
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        if let Progress::Waiting(waiting) = &self.progress {
            self.core.abandon_send(waiting);
        }
    }
}

/// Receives when there is a value; made by [`Receiver::recv_async`].
///
/// Dropping it before it is ready loses nothing: a value that it has been given goes to the next receive (SF-CH-5).
#[must_use = "a future does nothing unless it is polled"]
pub struct RecvFuture<'a, T> {
    core: &'a Core<T>,
    waiting: Option<Waiting<T>>,
}

impl<'a, T> RecvFuture<'a, T> {
    pub(super) fn new(receiver: &'a Receiver<T>) -> Self {
        Self { core: &receiver.core, waiting: None }
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(waiting) = &self.waiting {
            let Poll::Ready(cause) = waiting.party.waiter.poll(cx) else { return Poll::Pending };
            let received = waiting.received(cause);
            self.waiting = None;
            return Poll::Ready(received.ok_or(RecvError));
        }
        let mut waker = Some(cx.waker().clone());
        match self.core.recv_or_wait(|| task(&mut waker)) {
            Ok(value) => Poll::Ready(Ok(value)),
            Err(None) => Poll::Ready(Err(RecvError)),
            Err(waiting) => {
                self.waiting = waiting;
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(waiting) = &self.waiting {
            self.core.abandon_recv(waiting);
        }
    }
}

/// A waiter for the task whose waker was cloned before the lock was taken, and is dropped after it if not needed:
/// both are user code.
fn task(waker: &mut Option<Waker>) -> Waiter {
    Waiter::task(waker.take().expect("one waiter for one poll"))
}
