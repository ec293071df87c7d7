//! A job and its outcome, in one allocation that the queue, the worker and the [`Task`] share.
//!
//! | bit of its latch | meaning | who sets it |
//! |---|---|---|
//! | `CLAIMED`, of `job.rs` | the work belongs to whoever set this | a worker that takes it out of the queue, `cancel`, a `join` that runs it where it is called, a shutdown, a submitter to whom it goes back: the first |
//! | `SET` | the outcome is there, and belongs to the task | the claimer, once |
//!
//! # Invariants
//! 1. `CLAIMED` is set once by a call that found it not set: so a job is run once, or discarded, or handed back.
//! 2. `content` belongs to the submitter until the job is published, then to nobody, then to the claimer, and from
//!    `SET` on to the task, or to the last one who drops the packet.
//! 3. The work is gone (done, or dropped) before `SET` is set.

// Needs: channel/receiver.rs, pool/home.rs, pool/job.rs, pool/limit.rs, pool/panic.rs, pool/permit.rs, pool/work.rs,
// sync.rs, wait.rs, wait/latch.rs.

use std::any::Any;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::super::channel::receiver::Receiver;
use super::super::sync::{Arc, UnsafeCell, ignore_panic};
use super::super::wait::{Ends, Latch, TaskWait};
use super::home::{Home, Tally, report_panic};
use super::job::Runs;
use super::limit::Limit;
use super::panic::Payload;
use super::permit::{announce_end, holds_permit, pause};
use super::work::{Work, WorkerState, attempt, attempt_and_forget};

/// A job, before and after it has run.
pub(super) struct Packet<W: Work<S>, S> {
    /// The table above.
    latch: Latch,
    content: UnsafeCell<Content<W, W::Output>>,
}

enum Content<W, T> {
    Work(W),
    Outcome(Result<T, TaskError>),
    Nothing,
}

// SAFETY: `content` has one owner at a time (invariant 2), each with the accesses of the one before it ordered before
// its own: published under the pool's lock or with the task (HB-PL-1), or by the latch (HB-PL-2, HB-LT-1). Sharing a packet only
// ever sends what is in it.
unsafe impl<W: Work<S, Output: Send>, S> Sync for Packet<W, S> {}

/// What a task does with its job: a trait, since a task knows the type of the result alone.
pub(super) trait Joins<T>: Ends {
    /// The outcome.
    ///
    /// # Safety
    /// The caller owns the task, and `has_ended` has said so to it, or a wait for that.
    unsafe fn take(&self) -> Result<T, TaskError>;

    /// Runs a job that has not begun here and now, if it needs no worker's state; false if not.
    fn run_here(&self, home: &dyn Home) -> bool;

    /// Cancels a job that has not begun; false if it has.
    fn cancel(&self, home: &dyn Home) -> bool;

    fn into_ends<'a>(self: Arc<Self>) -> Arc<dyn Ends + 'a>
    where
        Self: 'a;
}

impl<W: Work<S>, S> Packet<W, S> {
    pub(super) fn new(work: W) -> Self {
        Self { latch: Latch::new(0), content: UnsafeCell::new(Content::Work(work)) }
    }

    /// # Safety
    /// The caller owns the content (invariant 2).
    unsafe fn replace(&self, content: Content<W, W::Output>) -> Content<W, W::Output> {
        // SAFETY: nobody else touches it while the caller owns it.
        self.content.with_mut(|old| unsafe { mem::replace(&mut *old, content) })
    }

    /// The work of a job that was not accepted, or that the caller has claimed.
    ///
    /// # Safety
    /// The caller owns the content (invariant 2).
    pub(super) unsafe fn work(&self) -> W {
        // SAFETY: the caller's.
        match unsafe { self.replace(Content::Nothing) } {
            Content::Work(work) => work,
            _ => unreachable!("the work is taken once"),
        }
    }

    /// Called by the claimer, once.
    fn end(&self, outcome: Result<W::Output, TaskError>) {
        // SAFETY: the claimer's, until the next line.
        unsafe { self.replace(Content::Outcome(outcome)) };
        // HB-LT-1: before whoever sees it (HB-PL-2), and LV-LT-1 (LV-PL-3).
        if self.latch.set() == Some(true) {
            // A task's waker is user code, and its panic is not this job's.
            ignore_panic(|| self.latch.release());
        }
    }

    /// Does the work of a job that has been claimed; `before_end` is called before anybody can see the outcome.
    fn run(&self, state: &mut WorkerState<S>, home: &dyn Home, before_end: impl FnOnce()) -> Tally {
        // SAFETY: the caller has claimed it (invariant 2).
        let work = unsafe { self.work() };
        let (outcome, ended) = match attempt(work, state, home) {
            Ok(value) => (Ok(value), Tally::COMPLETED),
            Err(panic) => (Err(TaskError::Panicked(panic)), Tally::PANICKED),
        };
        before_end();
        self.end(outcome);
        ended
    }
}

impl<W: Work<S, Output: Send>, S> Runs<S> for Packet<W, S> {
    fn run(&self, state: &mut WorkerState<S>, home: &dyn Home) -> Tally {
        self.run(state, home, || announce_end(home))
    }

    fn discard(&self, home: &dyn Home) {
        // SAFETY: the caller has claimed it (invariant 2).
        let work = unsafe { self.work() };
        report_panic(home, || drop(work));
        self.end(Err(TaskError::Cancelled));
    }
}

impl<W: Work<S, Output: Send>, S> Joins<W::Output> for Packet<W, S> {
    unsafe fn take(&self) -> Result<W::Output, TaskError> {
        // SAFETY: the caller's, who has seen that it is set.
        match unsafe { self.replace(Content::Nothing) } {
            Content::Outcome(outcome) => outcome,
            _ => panic!("the outcome of a job is taken once"),
        }
    }

    fn run_here(&self, home: &dyn Home) -> bool {
        let claimed = !W::BORROWS_STATE && home.withdraw(&self.latch);
        if claimed {
            home.end(self.run(&mut WorkerState::new(None), home, || ()));
        }
        claimed
    }

    fn cancel(&self, home: &dyn Home) -> bool {
        let claimed = home.withdraw(&self.latch);
        if claimed {
            self.discard(home);
            home.end(Tally::cancelled(1));
        }
        claimed
    }

    fn into_ends<'a>(self: Arc<Self>) -> Arc<dyn Ends + 'a>
    where
        Self: 'a,
    {
        self
    }
}

impl<W: Work<S, Output: Send>, S> Ends for Packet<W, S> {
    fn latch(&self) -> &Latch {
        &self.latch
    }
}

/// A job of which nothing more is heard, and that its submitter holds, too, until it is accepted or refused.
pub(super) struct Held<W: Work<S>, S>(pub(super) Packet<W, S>);

impl<W: Work<S, Output: Send>, S> Runs<S> for Held<W, S> {
    fn run(&self, state: &mut WorkerState<S>, home: &dyn Home) -> Tally {
        // SAFETY: the caller has claimed it (invariant 2).
        attempt_and_forget(unsafe { self.0.work() }, state, home)
    }

    fn discard(&self, home: &dyn Home) {
        // SAFETY: as above.
        let work = unsafe { self.0.work() };
        report_panic(home, || drop(work));
    }
}

impl<W: Work<S, Output: Send>, S> Ends for Held<W, S> {
    fn latch(&self) -> &Latch {
        &self.0.latch
    }
}

/// The handle of a job. Made by [`Pool::spawn`](super::Pool::spawn) and similar methods. [`join`](Task::join) waits for
/// the job and returns its result.
///
/// If the task is dropped, or [detached](Task::detach), the job goes on without it. The result of the job is then
/// dropped by the worker; or with the task, if the job has ended by then; or with the last receiver from
/// [`done`](Task::done), if there is one.
///
/// A task is also a future, on any runtime. It is ready when the job has ended. If the future is dropped, the job is
/// detached. If it is polled after it was ready, it panics. It does not yield to other tasks of the runtime on its own
/// ([*Tasks*](crate::channel#tasks)).
///
/// # Happens-before
/// [HB-PL-2](crate::pool#HB-PL-2).
///
/// # Example
/// ```
/// let pool = hence::Pool::new(2);
/// let task = pool.spawn(|| 6 * 7).unwrap();
/// assert_eq!(task.join().unwrap(), 42);
/// ```
#[doc(alias = "JoinHandle")]
#[doc(alias = "WorkUnit")]
#[must_use = "its result is lost; `detach` says that this is meant"]
pub struct Task<T> {
    job: Arc<dyn Joins<T>>,
    home: Arc<dyn Home>,
    wait: TaskWait,
}

impl<T> Task<T> {
    pub(super) fn new(job: Arc<dyn Joins<T>>, home: Arc<dyn Home>) -> Self {
        Self { job, home, wait: TaskWait::new() }
    }

    /// Blocks until the job has ended, and returns its result.
    ///
    /// A job may call this for another job of its pool, however small the limit. If the other job has not begun,
    /// this call runs it, here and now, unless it borrows a worker's state. Otherwise the permit of the caller goes to
    /// other jobs meanwhile, as in [`blocking`](super::blocking). A job that joins itself waits for ever.
    ///
    /// If the job was cancelled, by [`cancel`](Task::cancel) or by a shutdown of the pool, `join` returns an error.
    ///
    /// # Errors
    /// - [`Panicked`](TaskError::Panicked), with the panic's value.
    /// - [`Cancelled`](TaskError::Cancelled): the job never ran.
    ///
    /// # Happens-before
    /// [HB-PL-2](crate::pool#HB-PL-2).
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(1);
    /// let task = pool.spawn(|| -> u8 { panic!("no number") }).unwrap();
    /// assert_eq!(task.join().unwrap_err().message(), Some("no number".into()));
    /// ```
    #[doc(alias = "wait")]
    #[doc(alias = "get")]
    pub fn join(self) -> Result<T, TaskError> {
        wait_for(&*self.job, &*self.home);
        self.outcome()
    }

    /// As [`join`](Task::join), but waits for at most `timeout`. If the timeout does not fit an `Instant`, waits
    /// without a limit.
    ///
    /// In a job, this never runs the other job on the spot, because that could take longer than `timeout`. The caller's
    /// permit goes to other jobs meanwhile. When the time is up the caller goes on, even if other jobs hold all permits
    /// ([SF-PL-2](crate::pool#SF-PL-2)).
    ///
    /// # Errors
    /// Returns the task, if the time was up first.
    ///
    /// # Happens-before
    /// [HB-PL-2](crate::pool#HB-PL-2), if the job has ended.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// let pool = hence::Pool::new(1);
    /// let (sender, receiver) = hence::channel::bounded(0);
    /// let task = pool.spawn(move || receiver.recv().unwrap()).unwrap();
    /// let task = task.join_timeout(Duration::from_millis(1)).unwrap_err();
    /// sender.send(7).unwrap();
    /// assert_eq!(task.join_timeout(Duration::MAX).unwrap().unwrap(), 7);
    /// ```
    #[doc(alias = "wait_timeout")]
    pub fn join_timeout(self, timeout: Duration) -> Result<Result<T, TaskError>, Self> {
        self.join_within(&Limit::timeout(timeout))
    }

    /// As [`join_timeout`](Task::join_timeout), but waits until `deadline` at most. If `deadline` has passed, looks
    /// once and does not wait.
    ///
    /// # Errors
    /// Returns the task, if the time was up first.
    ///
    /// # Happens-before
    /// [HB-PL-2](crate::pool#HB-PL-2), if the job has ended.
    ///
    /// # Example
    /// ```
    /// # use std::time::{Duration, Instant};
    /// let pool = hence::Pool::new(1);
    /// let task = pool.spawn(|| 1).unwrap();
    /// assert_eq!(task.join_deadline(Instant::now() + Duration::from_secs(60)).unwrap().unwrap(), 1);
    /// ```
    pub fn join_deadline(self, deadline: Instant) -> Result<Result<T, TaskError>, Self> {
        self.join_within(&Limit::deadline(deadline))
    }

    fn join_within(self, limit: &Limit<'_>) -> Result<Result<T, TaskError>, Self> {
        let wait = || self.job.wait_until(limit.moment());
        let has_ended = self.job.has_ended() || !limit.is_over() && pause(limit, wait);
        if has_ended { Ok(self.outcome()) } else { Err(self) }
    }

    /// Of a job that has ended; once.
    fn outcome(&self) -> Result<T, TaskError> {
        // SAFETY: the task is ours alone, `join` and its like own it and `poll` borrows it mutably, and it has ended.
        unsafe { self.job.take() }
    }

    /// Returns true if the job has ended: it has returned, has panicked, or was cancelled. Never blocks.
    ///
    /// # Happens-before
    /// [HB-PL-2](crate::pool#HB-PL-2), if true.
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(1);
    /// let task = pool.spawn(|| 1).unwrap();
    /// while !task.is_finished() { std::thread::yield_now() }
    /// ```
    pub fn is_finished(&self) -> bool {
        self.job.has_ended()
    }

    /// Removes the job from the queue if it has not begun. Returns true for the one call that removed it: the job then
    /// never runs. Returns false if the job has begun or has ended.
    ///
    /// Never blocks. The call that returns true drops the job's closure. To ask a job that runs to stop, let it check a
    /// [`CancellationToken`](crate::CancellationToken).
    ///
    /// # Happens-before
    /// [HB-PL-1](crate::pool#HB-PL-1), with this call in place of the job.
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(1);
    /// let (sender, receiver) = hence::channel::bounded(0);
    /// let (first, second) = (pool.spawn(move || receiver.recv()).unwrap(), pool.spawn(|| unreachable!()).unwrap());
    /// assert!(second.cancel() && !second.cancel());
    /// assert!(second.join().unwrap_err().is_cancelled());
    /// sender.send(()).unwrap();
    /// assert!(!first.cancel() || first.is_finished());
    /// # first.join().unwrap().unwrap();
    /// ```
    #[doc(alias = "abort")]
    pub fn cancel(&self) -> bool {
        self.job.cancel(&*self.home)
    }

    /// Returns a receiver for `select!`. It never gets a value, and it disconnects when the job has ended. `close` on
    /// this receiver has no effect.
    ///
    /// # Happens-before
    /// [HB-PL-2](crate::pool#HB-PL-2).
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// # use hence::channel::select;
    /// let pool = hence::Pool::new(1);
    /// let task = pool.spawn(|| 1).unwrap();
    /// select! {
    ///     recv(task.done()) -> _ => assert_eq!(task.join().unwrap(), 1),
    ///     default(Duration::from_secs(60)) => unreachable!(),
    /// }
    /// ```
    pub fn done(&self) -> Receiver<Infallible>
    where
        T: 'static,
    {
        Receiver::ending(self.job.clone().into_ends())
    }

    /// Drops the task and lets the job run. A panic of the job still reaches the hook
    /// ([`Builder::on_panic`](super::Builder::on_panic)).
    ///
    /// [`Pool::execute`](super::Pool::execute) submits a job without a task.
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(1);
    /// pool.spawn(|| println!("by itself")).unwrap().detach();
    /// pool.wait_idle().unwrap();
    /// ```
    pub fn detach(self) {}
}

/// Waits for the end of a job, or brings it about: where it has not begun, a job that holds a permit of the same pool may
/// as well use it for this one.
pub(super) fn wait_for<T>(job: &(dyn Joins<T> + '_), home: &dyn Home) {
    let has_ended = job.has_ended() || holds_permit(home) && job.run_here(home);
    if !has_ended {
        pause(&Limit::NONE, || job.wait_until(None));
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { job, wait, .. } = &mut *self;
        job.poll(wait, cx).map(|()| self.outcome())
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.job.leave(&self.wait);
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("is_finished", &self.is_finished()).finish()
    }
}

impl<T> UnwindSafe for Task<T> {}
impl<T> RefUnwindSafe for Task<T> {}

/// Why a job has no result.
#[doc(alias = "JoinError")]
#[derive(Debug)]
pub enum TaskError {
    /// The job panicked, with this value.
    Panicked(Payload),
    /// The job was cancelled before it began, and never ran.
    Cancelled,
}

impl TaskError {
    /// Returns true if the job was cancelled and never ran.
    ///
    /// ```
    /// assert!(hence::pool::TaskError::Cancelled.is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        matches!(self, TaskError::Cancelled)
    }

    /// Returns the panic message, if the job panicked with a text.
    ///
    /// ```
    /// assert!(hence::pool::TaskError::Cancelled.message().is_none());
    /// ```
    pub fn message(&self) -> Option<String> {
        if let TaskError::Panicked(payload) = self { payload.message() } else { None }
    }

    /// Returns the value of the panic, if the job panicked: for [`std::panic::resume_unwind`].
    ///
    /// ```
    /// assert!(hence::pool::TaskError::Cancelled.into_panic().is_none());
    /// ```
    pub fn into_panic(self) -> Option<Box<dyn Any + Send>> {
        if let TaskError::Panicked(payload) = self { Some(payload.into_inner()) } else { None }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Panicked(payload) => f.pad(&payload.describe("the job")),
            TaskError::Cancelled => f.pad("the job was cancelled"),
        }
    }
}

impl Error for TaskError {}
