//! A pool of workers: threads that run jobs, as many at a time as the limit says.
//!
//! [`Pool::spawn`] queues a closure and returns a [`Task`]: its result to come, or its panic as an error value. The
//! queue may be bounded, and a submitter that finds it full waits, or not, as it likes. Workers are started when there
//! is work, may expire when there is none, and their limit can be changed at any time. [`Pool::scope`] runs jobs that
//! borrow from the stack.
//!
//! # Happens-before
//! <a id="HB-PL-1"></a>
//! **HB-PL-1.** Everything before the call that submits a job happens before the job. *Not promised:* any order between
//! two jobs, but that they begin in the order of the queue.
//!
//! <a id="HB-PL-2"></a>
//! **HB-PL-2.** A job, with the drop of its closure, the hook if it panicked, and that panic, happens before the return
//! of each `join`, `join_timeout`, `join_deadline`, `is_finished`, `poll` and receive from `done` that reports its end.
//!
//! <a id="HB-PL-3"></a>
//! **HB-PL-3.** All that jobs do, hooks and destructors included, happens before the return of the `drain`, `shutdown`
//! or drop of the pool that waited for it (and their like with limits, if they return `Ok`); all that the jobs do that
//! were accepted before it, before the return of a `wait_idle` that returns `Ok`. *Not promised:* this of the
//! destructors of a worker's thread-local variables.
//!
//! # Safety
//! <a id="SF-PL-1"></a>
//! **SF-PL-1.** A job that was accepted runs exactly once, or never and is reported as cancelled; one that was refused
//! is handed back, and never runs.
//!
//! <a id="SF-PL-2"></a>
//! **SF-PL-2.** When a job starts, no more jobs run, it included, than the limit in force at that moment. A job that
//! waits in `join`, [`blocking`], [`yield_now`], `scope`, a submission to a pool or a wait for one does not run meanwhile.
//! *Not promised:* that a job that has begun goes on only below the limit. One whose wait had a limit of its own goes on
//! when that is over, beside those that run.
//!
//! <a id="SF-PL-3"></a>
//! **SF-PL-3.** `cancel` returns true at most once, and only if the job never runs. Of a cancel, a shutdown and the
//! start of a job exactly one wins.
//!
//! <a id="SF-PL-4"></a>
//! **SF-PL-4.** A panic of a job, of the hook, of the destructor of a job, a result or a worker's state, or of a task's
//! waker, harms no other job and no worker.
//!
//! <a id="SF-PL-5"></a>
//! **SF-PL-5.** Jobs start in the order in which they were accepted, and submitters that wait are accepted in the order
//! in which they came. A queue of capacity C holds at most C jobs, besides one for each worker that is free to take it.
//! Whoever has seen that a job has ended finds room for another, unless a job that has begun wants to go on.
//! *Not promised:* this of jobs that were accepted before the limit was lowered, or before a job went on above it.
//!
//! <a id="SF-PL-6"></a>
//! **SF-PL-6.** `wait_idle` returns `Ok` only if at some moment between its call and its return no job was queued or
//! running; `drain` and `shutdown` only if moreover no worker is left.
//!
//! <a id="SF-PL-7"></a>
//! **SF-PL-7.** `scope` returns, or unwinds, only when all its jobs have ended, and their closures and results are gone
//! or returned; its token is cancelled then. Once one of its jobs has failed, none of them starts; and the first failure is
//! the scope's, never one that its token's cancellation has caused.
//!
//! # Liveness
//! <a id="LV-PL-1"></a>
//! **LV-PL-1.** A job that is queued starts once fewer jobs run than the limit, whatever is resized, cancelled, closed
//! or panics meanwhile, and however often jobs that have begun wait and go on. *Not promised:* this where the operating
//! system refuses to start a thread, until another job is submitted, waits or ends.
//!
//! <a id="LV-PL-2"></a>
//! **LV-PL-2.** A submitter that waits is accepted once there is room, and refused once the pool is closed.
//!
//! <a id="LV-PL-3"></a>
//! **LV-PL-3.** Everybody who waits for a job, or for the pool, returns or is woken once that has ended.
//!
//! <a id="LV-PL-4"></a>
//! **LV-PL-4.** A job that waits for another, of whichever pool, by `join`, `scope`, [`blocking`] or [`yield_now`], for
//! a place in a queue or for a pool, keeps no job of its own pool from running, however small the limit; it goes on
//! once what it waits for has come and fewer jobs run than the limit, or its wait has a limit (a time, a token) that is
//! over. Permits that queued jobs want, too, go by turns to those and to the jobs that have begun.
//!
//! # Waiting from inside
//! A job that joins a job that has not begun runs it on the spot: that needs no other worker, and adds nothing to the
//! number that run. One that joins a job that is running elsewhere gives its permit back meanwhile, so that the others
//! go on; for that a worker more is started, if none is idle, and it leaves when it is one too many (one stays while jobs
//! yield to each other). Running *any* other
//! job on the spot would need no worker, but could stack jobs upon jobs that wait for each other the wrong way round. A job that
//! borrows a worker's state is never run inside another. Jobs that join each other on the spot nest on the worker's stack:
//! about 500 bytes a level and the jobs' own frames, so that the 2 MiB of std's threads are enough for some thousands
//! (a few hundred in a debug build). A job that waits for its pool (`drain`, `shutdown`,
//! `wait_idle`) gets [`WaitError::WouldDeadlock`]; `resize`, `close` and submissions work as anywhere.
//!
//! # Panics
//! Each job runs behind a boundary, [`std::panic::catch_unwind`]: its panic becomes a [`TaskError`], the worker goes
//! on, and the hook ([`Builder::on_panic`]) sees it first. As in Go, where `recover` works only in the deferred function
//! itself and only in its own goroutine, a boundary has its limits: it is around the job, on the worker's stack, so a
//! panic on a thread that the job starts itself does not reach it (nor does it end the process: join that thread); with
//! `panic = "abort"` there is no unwinding and nothing to catch; and a panic that unwinds into a foreign function
//! aborts. A panic while another unwinds aborts, too.
//!
//! In a loom or shuttle model of yours the boundary is open: a failed assertion in a job ends the model, and is what you
//! see. A pool that has a hook expects panics, and under shuttle they are contained; loom cannot go on after one.
//!
//! # Coming from other pools
//! What ants, tunny and go-playground/pool offer, and the method or the line that gives it here
//! (`tests/pool_features.rs` runs each):
//!
//! | there | here |
//! |---|---|
//! | ants `NewPool(n)`, tunny `NewFunc`, pool `NewLimited(n)` | [`Pool::new`]`(n)`, [`Pool::builder`]`(n)` |
//! | ants `Tune`, tunny `SetSize` | [`Pool::resize`], both ways, while busy |
//! | ants `NewPool(-1)`, pool `New()`: no limit | `Pool::builder(usize::MAX).keep_alive(d)` |
//! | ants `WithExpiryDuration`, `WithDisablePurge` | [`Builder::keep_alive`], [`Builder::min_workers`]; without it workers stay |
//! | ants `WithNonblocking`, `WithMaxBlockingTasks` | [`Pool::try_spawn`], [`Builder::max_blocked`] |
//! | tunny `ProcessTimed`, `ProcessCtx` (the submission) | [`Pool::spawn_timeout`], [`Pool::spawn_deadline`], [`Pool::spawn_or_cancelled`] |
//! | ants `Submit` | [`Pool::execute`] |
//! | pool `Queue(f)`, `WorkUnit.Wait`, `.Value`, `.Error` | [`Pool::spawn`], [`Task::join`], [`Task::join_timeout`]; a task is a future, too |
//! | pool `WorkUnit.Cancel` | [`Task::cancel`], true only if it never runs |
//! | tunny `Interrupt`, pool `IsCancelled` in a job | `let token = pool.token().child_token()`, and the job looks at it |
//! | ants `WithPanicHandler` | [`Builder::on_panic`]; and the error of `join` |
//! | tunny `Worker` (constructor, `Terminate`) | [`Builder::state`], [`with_state`] |
//! | ants `Release`, tunny `Close`, pool `Close`, `Cancel` | [`Pool::close`], [`Pool::drain`], [`Pool::shutdown`] |
//! | ants `ReleaseTimeout` | [`Pool::shutdown_timeout`], [`Pool::shutdown_deadline`] |
//! | threadpool `join` | [`Pool::wait_idle`] |
//! | threadpool, rayon: the drop returns at once, and what was submitted runs all the same | the drop of the last clone waits for it, as [`Pool::drain`]; `std::mem::forget(pool)` does not |
//! | ants `Reboot`, pool `Reset` | `builder.clone().build()`, for each new life |
//! | ants `Running`, `Free`, `Waiting`, `Cap`, `IsClosed`, tunny `QueueLength` | [`Pool::stats`], [`Pool::is_closed`] |
//! | ants `NewPoolWithFunc`, tunny `New`: one function | `let process = \|input\| pool.spawn(move \|\| f(input))` |
//! | tunny `Process(x)`, `ProcessTimed` | `pool.spawn(job)?.join()`, `pool.spawn(job)?.join_timeout(d)`; or `select!` on [`Task::done`] and a token |
//! | pool `Batch`: results as a stream, `Cancel`, `WaitAll` | each job sends into a channel; a child token; a [`WaitGroup`](crate::WaitGroup) guard each |
//! | ants `MultiPool` | `pools[turn % n]`; `pools.iter().min_by_key(\|pool\| pool.stats().queued + pool.stats().running)` |
//! | ants `WithPreAlloc` | [`Builder::reserve`] |
//! | thread name, stack size; ants `WithLogger` | [`Builder::name`], [`Builder::stack_size`]; the hook |
//! | errgroup `WithContext`, `Go`, `SetLimit`, `Wait` | [`Pool::scope`], [`Scope::token`], [`Scope::spawn`], [`Pool::scope_bounded`] |
//! | rayon `scope`, `install` | [`Pool::scope`]; a job joins others of its pool without starving it |
//! | rayon: what a job spawns runs before what is older (LIFO), unless stolen | in the order of submission ([SF-PL-5](crate::pool#SF-PL-5)) |
//!
//! # Cost
//! A job is one allocation, of 72 bytes with an empty closure, and a place of 16 bytes in the queue, which keeps what it
//! has grown to until the pool is dropped. A task that is waited for before its job has ended takes one more. Workers
//! that have nothing to do sleep and use no CPU. A child process, after a fork, has no workers: make another pool there.

// Needs: cancel.rs, pool/builder.rs, pool/core.rs, pool/error.rs, pool/home.rs, pool/inbox.rs, pool/job.rs,
// pool/limit.rs, pool/panic.rs, pool/permit.rs, pool/scope.rs, pool/shared.rs, pool/task.rs, pool/waits.rs,
// pool/work.rs, pool/worker.rs, sync.rs, wait/latch.rs.

mod builder;
mod core;
mod error;
mod home;
mod inbox;
mod job;
mod limit;
mod panic;
mod permit;
mod scope;
mod shared;
mod task;
mod waits;
mod work;
mod worker;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use super::cancel::CancellationToken;
use super::sync::Arc;
use super::wait::Ends;
use core::{Core, Goal};
use job::Queued;
use limit::Limit;
use shared::{Owner, Shared};
use task::{Held, Packet};
use worker::work;

pub use builder::Builder;
pub use core::Stats;
pub use error::{NoWorkers, SpawnError, WaitError};
pub use panic::Payload;
pub use permit::{blocking, yield_now};
pub use scope::{Scope, ScopeError};
pub use task::{Task, TaskError};
pub use waits::WaitFuture;
pub use work::{WithState, Work, WorkerState, with_state};

/// Runs jobs on a limited number of workers. Clones are the same pool.
///
/// Dropping the last clone closes the pool and waits until all jobs have ended and all workers are gone, as
/// [`drain`](Pool::drain): the exit that waits. In a job of its own it closes it and waits for nothing. A job that never
/// ends keeps either from returning: [`shutdown_timeout`](Pool::shutdown_timeout) first, where that can happen.
///
/// # Happens-before
/// [HB-PL-1](crate::pool#HB-PL-1), [HB-PL-3](crate::pool#HB-PL-3).
///
/// # Example
/// ```
/// use hence::Pool;
///
/// let pool = Pool::new(4);
/// let tasks: Vec<_> = (1..=3).map(|i| pool.spawn(move || i * i).unwrap()).collect();
/// let squares: Vec<i32> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
/// assert_eq!(squares, [1, 4, 9]);
/// ```
pub struct Pool<S: 'static = ()> {
    shared: Arc<Shared<S>>,
    owner: Arc<Owner<S>>,
}

impl Pool {
    /// A pool of at most `workers` workers, with an unbounded queue; workers are started as they are needed, and stay.
    ///
    /// # Panics
    /// If `workers` is 0.
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(2);
    /// assert_eq!(pool.stats().limit, 2);
    /// ```
    pub fn new(workers: usize) -> Self {
        Builder::new(workers).build().expect("a pool needs at least one worker")
    }

    /// Another kind of pool: see [`Builder`].
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(0).build().is_err());
    /// ```
    pub fn builder(workers: usize) -> Builder {
        Builder::new(workers)
    }
}

impl<S> Pool<S> {
    /// Submits a job.
    ///
    /// Blocks while the queue is full; a close ends the wait. In a job of the same pool, others run meanwhile.
    ///
    /// # Errors
    /// Hands the job back: `Closed`; `Full` if too many submitters wait already ([`Builder::max_blocked`]); `NoThread`.
    ///
    /// # Happens-before
    /// [HB-PL-1](crate::pool#HB-PL-1).
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(1);
    /// assert_eq!(pool.spawn(|| 7).unwrap().join().unwrap(), 7);
    /// pool.close();
    /// assert!(pool.spawn(|| 7).unwrap_err().is_closed());
    /// ```
    pub fn spawn<W>(&self, job: W) -> Result<Task<W::Output>, SpawnError<W>>
    where
        W: Work<S, Output: Send + 'static> + 'static,
    {
        self.submit(job, &Limit::NONE)
    }

    /// Submits a job of which nothing more will be heard, but by the hook if it panics: fire and forget. As
    /// [`spawn`](Pool::spawn), and a little cheaper than to [`detach`](Task::detach) its task. The worker drops its result.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn).
    ///
    /// # Happens-before
    /// [HB-PL-1](crate::pool#HB-PL-1).
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(1);
    /// let (sender, receiver) = hence::channel::bounded(1);
    /// pool.execute(move || sender.send(7).unwrap()).unwrap();
    /// assert_eq!(receiver.recv(), Ok(7));
    /// ```
    pub fn execute<W>(&self, job: W) -> Result<(), SpawnError<W>>
    where
        W: Work<S, Output: Send + 'static> + 'static,
    {
        let Err(job) = self.shared.core.post(Box::new(job)) else { return Ok(()) };
        let held = Arc::new(Held(Packet::new(*job)));
        self.shared
            .enqueue(Queued::Shared(held.clone()), held.latch(), &Limit::NONE)
            // SAFETY: it was not accepted: it is ours.
            .map_err(|refusal| refusal.hand_back(unsafe { held.0.work() }))
    }

    /// Submits a job if that is possible at once. Never blocks.
    ///
    /// # Errors
    /// Hands the job back: `Full`, `Closed`, `NoThread`.
    ///
    /// # Happens-before
    /// [HB-PL-1](crate::pool#HB-PL-1).
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::builder(1).queue(0).build().unwrap();
    /// let (sender, receiver) = hence::channel::bounded(0);
    /// let task = pool.try_spawn(move || receiver.recv().unwrap()).unwrap();
    /// assert!(pool.try_spawn(|| 0).unwrap_err().is_full());
    /// sender.send(7).unwrap();
    /// assert_eq!(task.join().unwrap(), 7);
    /// ```
    pub fn try_spawn<W>(&self, job: W) -> Result<Task<W::Output>, SpawnError<W>>
    where
        W: Work<S, Output: Send + 'static> + 'static,
    {
        self.submit(job, &Limit::Now)
    }

    /// Submits a job, if that is possible within `timeout`. A timeout too long for an `Instant` is none.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn); `TimedOut`.
    ///
    /// # Happens-before
    /// [HB-PL-1](crate::pool#HB-PL-1).
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// let pool = hence::Pool::new(1);
    /// assert_eq!(pool.spawn_timeout(|| 7, Duration::from_millis(1)).unwrap().join().unwrap(), 7);
    /// ```
    pub fn spawn_timeout<W>(&self, job: W, timeout: Duration) -> Result<Task<W::Output>, SpawnError<W>>
    where
        W: Work<S, Output: Send + 'static> + 'static,
    {
        self.submit(job, &Limit::timeout(timeout))
    }

    /// Submits a job, if that is possible by `deadline`. It tries at least once, even if the deadline has passed.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn); `TimedOut`.
    ///
    /// # Happens-before
    /// [HB-PL-1](crate::pool#HB-PL-1).
    ///
    /// # Example
    /// ```
    /// # use std::time::Instant;
    /// let pool = hence::Pool::new(1);
    /// assert_eq!(pool.spawn_deadline(|| 7, Instant::now()).unwrap().join().unwrap(), 7);
    /// ```
    pub fn spawn_deadline<W>(&self, job: W, deadline: Instant) -> Result<Task<W::Output>, SpawnError<W>>
    where
        W: Work<S, Output: Send + 'static> + 'static,
    {
        self.submit(job, &Limit::deadline(deadline))
    }

    /// Submits a job, unless `token` is cancelled first. (That the *job* is to stop it has to find out itself: give it a
    /// clone of the token.)
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn); `Cancelled`, also if the token was cancelled before.
    ///
    /// # Happens-before
    /// [HB-PL-1](crate::pool#HB-PL-1); on `Cancelled` [HB-CX-1](crate::cancel#HB-CX-1).
    ///
    /// # Example
    /// ```
    /// use hence::{CancellationToken, Pool, pool::SpawnError};
    /// let (pool, token) = (Pool::new(1), CancellationToken::new());
    /// pool.spawn_or_cancelled(|| 7, &token).unwrap().detach();
    /// token.cancel();
    /// assert!(matches!(pool.spawn_or_cancelled(|| 7, &token), Err(SpawnError::Cancelled(_))));
    /// ```
    pub fn spawn_or_cancelled<W>(&self, job: W, token: &CancellationToken) -> Result<Task<W::Output>, SpawnError<W>>
    where
        W: Work<S, Output: Send + 'static> + 'static,
    {
        if token.is_cancelled() {
            return Err(SpawnError::Cancelled(job));
        }
        self.submit(job, &Limit::OrCancelled(token))
    }

    fn submit<W>(&self, job: W, limit: &Limit<'_>) -> Result<Task<W::Output>, SpawnError<W>>
    where
        W: Work<S, Output: Send + 'static> + 'static,
    {
        let packet = Arc::new(Packet::new(job));
        match self.shared.submit(Queued::Shared(packet.clone()), packet.latch(), limit) {
            Ok(()) => Ok(Task::new(packet, self.shared.clone())),
            // SAFETY: it was not accepted: it is ours.
            Err(refusal) => Err(refusal.hand_back(unsafe { packet.work() })),
        }
    }

    /// Sets how many workers may run jobs at a time; says how many it were. Never blocks.
    ///
    /// With more, queued jobs start at once. With fewer, jobs that run go on, idle workers leave, and no job starts
    /// until fewer run than that.
    ///
    /// # Errors
    /// If `workers` is 0: nothing is changed.
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(2);
    /// assert_eq!(pool.resize(8), Ok(2));
    /// assert!(pool.resize(0).is_err());
    /// assert_eq!(pool.stats().limit, 8);
    /// ```
    pub fn resize(&self, workers: usize) -> Result<usize, NoWorkers> {
        if workers == 0 {
            return Err(NoWorkers);
        }
        Ok(self.shared.told(self.shared.core.resize(workers)))
    }

    /// Accepts no more jobs; those that were accepted still run. True for the call that did. Never blocks; submitters
    /// that wait get their jobs back.
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(1);
    /// assert!(pool.close() && !pool.close());
    /// ```
    pub fn close(&self) -> bool {
        self.shared.told(self.shared.core.close())
    }

    /// Closes the pool, and blocks until all jobs have ended and all workers are gone: of their threads, nothing is left
    /// to run but the destructors of thread-local variables.
    ///
    /// # Errors
    /// `WouldDeadlock` in a job of the same pool.
    ///
    /// # Happens-before
    /// [HB-PL-3](crate::pool#HB-PL-3).
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(1);
    /// let task = pool.spawn(|| 7).unwrap();
    /// pool.drain().unwrap();
    /// assert!(task.is_finished());
    /// ```
    pub fn drain(&self) -> Result<(), WaitError> {
        self.shared.wait_for(Goal::Terminated, &Limit::NONE)
    }

    /// The same for at most `timeout`. A timeout too long for an `Instant` is none.
    ///
    /// # Errors
    /// `TimedOut`: closed, but not all jobs have ended. `WouldDeadlock` in a job of the same pool.
    ///
    /// # Happens-before
    /// [HB-PL-3](crate::pool#HB-PL-3), if `Ok`.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// assert!(hence::Pool::new(1).drain_timeout(Duration::from_secs(60)).is_ok());
    /// ```
    pub fn drain_timeout(&self, timeout: Duration) -> Result<(), WaitError> {
        self.shared.wait_for(Goal::Terminated, &Limit::timeout(timeout))
    }

    /// The same until `deadline` at the latest.
    ///
    /// # Errors
    /// As [`drain_timeout`](Pool::drain_timeout).
    ///
    /// # Happens-before
    /// [HB-PL-3](crate::pool#HB-PL-3), if `Ok`.
    ///
    /// # Example
    /// ```
    /// # use std::time::Instant;
    /// assert!(hence::Pool::new(1).drain_deadline(Instant::now()).is_ok());
    /// ```
    pub fn drain_deadline(&self, deadline: Instant) -> Result<(), WaitError> {
        self.shared.wait_for(Goal::Terminated, &Limit::deadline(deadline))
    }

    /// [`drain`](Pool::drain) for tasks, on any runtime: closes when it is first polled. A job of the same pool that
    /// blocks on it waits for itself.
    ///
    /// # Happens-before
    /// [HB-PL-3](crate::pool#HB-PL-3).
    ///
    /// # Example
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Waker}};
    /// let pool = hence::Pool::new(1);
    /// assert!(pin!(pool.drain_async()).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    /// ```
    pub fn drain_async(&self) -> WaitFuture<'_, S> {
        WaitFuture::new(&self.shared, Goal::Terminated, false)
    }

    /// Closes the pool, cancels what is queued, then cancels [`token`](Pool::token), and blocks until the jobs that run
    /// have ended and all workers are gone, as [`drain`](Pool::drain) says it.
    ///
    /// # Errors
    /// `WouldDeadlock` in a job of the same pool: all but the wait has been done.
    ///
    /// # Happens-before
    /// [HB-PL-3](crate::pool#HB-PL-3).
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(1);
    /// let token = pool.token();
    /// pool.spawn(move || token.wait()).unwrap().detach();
    /// let queued = pool.spawn(|| 7).unwrap();
    /// pool.shutdown().unwrap();
    /// assert!(queued.join().unwrap_err().is_cancelled());
    /// ```
    pub fn shutdown(&self) -> Result<(), WaitError> {
        self.shared.shut_down(&Limit::NONE)
    }

    /// The same, waiting for at most `timeout`. A timeout too long for an `Instant` is none.
    ///
    /// # Errors
    /// `TimedOut`: a job still runs. `WouldDeadlock` in a job of the same pool.
    ///
    /// # Happens-before
    /// [HB-PL-3](crate::pool#HB-PL-3), if `Ok`.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// # use hence::pool::WaitError;
    /// let pool = hence::Pool::new(1);
    /// let (sender, receiver) = hence::channel::bounded::<()>(0);
    /// pool.spawn(move || receiver.recv()).unwrap().detach();
    /// pool.spawn(|| ()).unwrap().detach();
    /// while pool.stats().running == 0 { std::thread::yield_now() }
    /// assert_eq!(pool.shutdown_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
    /// drop(sender);
    /// assert!(pool.shutdown().is_ok());
    /// ```
    pub fn shutdown_timeout(&self, timeout: Duration) -> Result<(), WaitError> {
        self.shared.shut_down(&Limit::timeout(timeout))
    }

    /// The same, waiting until `deadline` at the latest.
    ///
    /// # Errors
    /// As [`shutdown_timeout`](Pool::shutdown_timeout).
    ///
    /// # Happens-before
    /// [HB-PL-3](crate::pool#HB-PL-3), if `Ok`.
    ///
    /// # Example
    /// ```
    /// # use std::time::Instant;
    /// assert!(hence::Pool::new(1).shutdown_deadline(Instant::now()).is_ok());
    /// ```
    pub fn shutdown_deadline(&self, deadline: Instant) -> Result<(), WaitError> {
        self.shared.shut_down(&Limit::deadline(deadline))
    }

    /// [`shutdown`](Pool::shutdown) for tasks, on any runtime: stops the pool when it is first polled.
    ///
    /// # Happens-before
    /// [HB-PL-3](crate::pool#HB-PL-3).
    ///
    /// # Example
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Waker}};
    /// let pool = hence::Pool::new(1);
    /// assert!(pin!(pool.shutdown_async()).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    /// ```
    pub fn shutdown_async(&self) -> WaitFuture<'_, S> {
        WaitFuture::new(&self.shared, Goal::Terminated, true)
    }

    /// Blocks until no job is queued or running. Jobs submitted meanwhile delay it only until that is so for a moment.
    ///
    /// # Errors
    /// `WouldDeadlock` in a job of the same pool.
    ///
    /// # Happens-before
    /// [HB-PL-3](crate::pool#HB-PL-3).
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(2);
    /// let task = pool.spawn(|| 7).unwrap();
    /// pool.wait_idle().unwrap();
    /// assert!(task.is_finished());
    /// ```
    pub fn wait_idle(&self) -> Result<(), WaitError> {
        self.shared.wait_for(Goal::Quiescent, &Limit::NONE)
    }

    /// The same for at most `timeout`. A timeout too long for an `Instant` is none.
    ///
    /// # Errors
    /// `TimedOut`. `WouldDeadlock` in a job of the same pool.
    ///
    /// # Happens-before
    /// [HB-PL-3](crate::pool#HB-PL-3), if `Ok`.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// assert!(hence::Pool::new(1).wait_idle_timeout(Duration::from_millis(1)).is_ok());
    /// ```
    pub fn wait_idle_timeout(&self, timeout: Duration) -> Result<(), WaitError> {
        self.shared.wait_for(Goal::Quiescent, &Limit::timeout(timeout))
    }

    /// The same until `deadline` at the latest.
    ///
    /// # Errors
    /// As [`wait_idle_timeout`](Pool::wait_idle_timeout).
    ///
    /// # Happens-before
    /// [HB-PL-3](crate::pool#HB-PL-3), if `Ok`.
    ///
    /// # Example
    /// ```
    /// # use std::time::Instant;
    /// assert!(hence::Pool::new(1).wait_idle_deadline(Instant::now()).is_ok());
    /// ```
    pub fn wait_idle_deadline(&self, deadline: Instant) -> Result<(), WaitError> {
        self.shared.wait_for(Goal::Quiescent, &Limit::deadline(deadline))
    }

    /// [`wait_idle`](Pool::wait_idle) for tasks, on any runtime. Dropping the future leaves nothing behind.
    ///
    /// # Happens-before
    /// [HB-PL-3](crate::pool#HB-PL-3).
    ///
    /// # Example
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Waker}};
    /// let pool = hence::Pool::new(1);
    /// assert!(pin!(pool.wait_idle_async()).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    /// ```
    pub fn wait_idle_async(&self) -> WaitFuture<'_, S> {
        WaitFuture::new(&self.shared, Goal::Quiescent, false)
    }

    /// A token that `shutdown` cancels: for jobs that are to stop when the pool does.
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(1);
    /// let token = pool.token();
    /// pool.shutdown().unwrap();
    /// assert!(token.is_cancelled());
    /// ```
    pub fn token(&self) -> CancellationToken {
        self.shared.token.clone()
    }

    /// Whether no more jobs are accepted. Once true, always true.
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(1);
    /// pool.close();
    /// assert!(pool.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.core.is_closed()
    }

    /// What the pool is doing, all at one moment during the call. Looking changes nothing, and orders nothing; a job is
    /// counted as ended shortly after its task says so.
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(2);
    /// pool.spawn(|| ()).unwrap().detach();
    /// pool.wait_idle().unwrap();
    /// let stats = pool.stats();
    /// assert_eq!((stats.completed, stats.running, stats.queued), (1, 0, 0));
    /// ```
    pub fn stats(&self) -> Stats {
        self.shared.core.stats()
    }
}

impl<S> Builder<S> {
    /// Makes the pool. No thread is started yet.
    ///
    /// # Errors
    /// If the limit is 0.
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(0).build().is_err());
    /// ```
    pub fn build(self) -> Result<Pool<S>, NoWorkers> {
        if self.rules.limit == 0 {
            return Err(NoWorkers);
        }
        let shared = Shared::new(Core::new(self.rules, self.reserve), work, self.make, self.settings);
        Ok(Pool { owner: Arc::new(Owner(shared.clone())), shared })
    }
}

impl<S> Clone for Pool<S> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), owner: self.owner.clone() }
    }
}

impl<S> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("stats", &self.stats()).finish()
    }
}

impl<S> UnwindSafe for Pool<S> {}
impl<S> RefUnwindSafe for Pool<S> {}
