//! A pool of workers: threads that run jobs. A limit says how many jobs run at a time.
//!
//! # Run jobs, get results
//! [`Pool::spawn`] submits a closure as a *job*, and returns a [`Task`], the job's handle. [`Task::join`] blocks until
//! the job has ended, and returns its result. Jobs start in the order in which they were accepted.
//! ```
//! use hence::Pool;
//!
//! let pool = Pool::new(4); // up to 4 jobs run at a time
//! let task = pool.spawn(|| 6 * 7).unwrap();
//! assert_eq!(task.join().unwrap(), 42);
//! ```
//! A task is also a future, on any runtime; [`Task::done`] is a receiver for `select!`. [`Pool::execute`] submits a
//! job without a task. To get many results as they come, let the jobs send them into a channel:
//! ```
//! # use hence::{Pool, channel::unbounded};
//! let pool = Pool::new(4);
//! let (sender, results) = unbounded();
//! for i in 1..=10_u32 {
//!     let sender = sender.clone();
//!     pool.execute(move || sender.send(i * i).unwrap()).unwrap();
//! }
//! drop(sender); // the loop over the results ends with the last job
//! assert_eq!(results.iter().sum::<u32>(), 385);
//! ```
//!
//! # Bound the queue and the threads
//! By default the queue is unbounded, and workers stay once they have been started. A [`Builder`] changes both. If the
//! queue is full, `spawn` waits for room, [`try_spawn`](Pool::try_spawn) fails, and
//! [`spawn_timeout`](Pool::spawn_timeout) waits for some time. A job that is refused is handed back. [`Pool::resize`]
//! changes the limit at any time.
//! ```
//! # use std::time::Duration;
//! # use hence::{Pool, channel::bounded};
//! let pool = Pool::builder(1) // at most 1 job at a time
//!     .queue(1) // at most 1 job waits for a worker
//!     .keep_alive(Duration::from_secs(10)) // idle workers leave after that
//!     .build()
//!     .unwrap();
//! let (sender, receiver) = bounded(0);
//! let (started, has_started) = bounded(1);
//! let task = pool.spawn(move || { started.send(()).unwrap(); receiver.recv().unwrap() }).unwrap();
//! has_started.recv().unwrap();
//! pool.spawn(|| ()).unwrap().detach(); // stands in the queue
//! assert!(pool.try_spawn(|| ()).unwrap_err().is_full());
//! sender.send(7).unwrap();
//! assert_eq!(task.join().unwrap(), 7);
//! ```
//!
//! # When a job panics
//! The panic of a job is an error of its `join`. The worker goes on. [`Builder::on_panic`] sets a hook that sees every
//! panic of a job, also of a job without a task. See [*Panics*](#panics).
//! ```
//! # use hence::Pool;
//! let pool = Pool::new(1);
//! let task = pool.spawn(|| -> u32 { panic!("no number") }).unwrap();
//! assert_eq!(task.join().unwrap_err().message().unwrap(), "no number");
//! assert_eq!(pool.spawn(|| 7).unwrap().join().unwrap(), 7); // the pool still works
//! ```
//!
//! # Borrow from the stack
//! [`Pool::scope`] runs a group of jobs that may borrow local variables, waits for all of them, and returns their
//! results in order. The first error cancels the rest.
//! ```
//! # use hence::{Pool, pool::ScopeError};
//! let pool = Pool::new(4);
//! let words = ["a", "few", "words"];
//! let lengths = pool.scope::<_, (), _>(|scope| {
//!     for word in &words {
//!         scope.spawn(|| Ok(word.len())).unwrap();
//!     }
//! });
//! assert_eq!(lengths.unwrap(), [1, 3, 5]);
//!
//! let failed = pool.scope(|scope| {
//!     scope.spawn(|| "7".parse::<u32>()).unwrap();
//!     scope.spawn(|| "seven".parse::<u32>()).unwrap();
//! });
//! assert!(matches!(failed, Err(ScopeError::Failed(_))));
//! ```
//!
//! # Wait for other jobs
//! A job may submit jobs to its own pool and join them, even if the limit is 1. Around any other wait for jobs of the
//! same pool, call [`blocking`]. See [*Waiting from inside*](#waiting-from-inside).
//! ```
//! # use hence::Pool;
//! fn fibonacci(pool: &Pool, n: u32) -> u32 {
//!     if n < 2 {
//!         return n;
//!     }
//!     let again = pool.clone();
//!     let left = pool.spawn(move || fibonacci(&again, n - 1)).unwrap();
//!     fibonacci(pool, n - 2) + left.join().unwrap()
//! }
//! assert_eq!(fibonacci(&Pool::new(1), 10), 55);
//! ```
//!
//! # Keep something in each worker
//! [`Builder::state`] gives each worker a value of its own, such as a buffer or a connection. A job made by
//! [`with_state`] borrows that of its worker.
//! ```
//! # use hence::pool::{Builder, with_state};
//! let pool = Builder::new(2).state(|| Vec::with_capacity(1024)).build().unwrap();
//! let task = pool.spawn(with_state(|buffer: &mut Vec<u8>| {
//!     buffer.clear();
//!     buffer.extend_from_slice(b"reused");
//!     buffer.len()
//! }));
//! assert_eq!(task.unwrap().join().unwrap(), 6);
//! ```
//!
//! # Shut down
//! | method | accepts new jobs | queued jobs | [`token`](Pool::token) | waits |
//! |---|---|---|---|---|
//! | [`wait_idle`](Pool::wait_idle) | yes | run | | until no job is queued or running |
//! | [`close`](Pool::close) | no | run | | no |
//! | [`drain`](Pool::drain), the drop of the last clone | no | run | | until all jobs have ended and all workers are gone |
//! | [`shutdown`](Pool::shutdown) | no | are cancelled | is cancelled | as `drain` |
//!
//! All but `close` and the drop have forms with a timeout, with a deadline, and for async tasks. A job that runs is
//! never interrupted: to stop early, it checks the pool's token.
//! ```
//! # use hence::Pool;
//! let pool = Pool::new(1);
//! let token = pool.token();
//! let runs = pool.spawn(move || while !token.is_cancelled() { std::thread::yield_now() }).unwrap();
//! while pool.stats().running == 0 { std::thread::yield_now() }
//! let queued = pool.spawn(|| 7).unwrap();
//! pool.shutdown().unwrap();
//! assert!(queued.join().unwrap_err().is_cancelled()); // never ran
//! assert!(runs.is_finished());
//! ```
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
//! or drop of the pool that waited for them (of their forms with a limit, if these return `Ok`). All that a job does
//! that was accepted before a `wait_idle` happens before the return of that `wait_idle`, if it returns `Ok`. *Not
//! promised:* the same of the destructors of a worker's thread-local variables.
//!
//! # Safety
//! <a id="SF-PL-1"></a>
//! **SF-PL-1.** A job that was accepted runs exactly once, or never and is reported as cancelled; one that was refused
//! is handed back, and never runs.
//!
//! <a id="SF-PL-2"></a>
//! **SF-PL-2.** When a job starts, the number of jobs that run, this one included, is at most the limit in force at
//! that moment. A job that waits in `join`, [`blocking`], [`yield_now`], `scope`, a submission to a pool or a wait for
//! one does not run meanwhile. *Not promised:* that a job that has begun goes on only below the limit. If its wait had
//! a limit of its own (a time, a token), the job goes on when that is over, beside those that run.
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
//! *Not promised:* this of jobs that were accepted before the limit was lowered, or before a job went on above it; the
//! order, of a job that a `join` inside the pool runs itself.
//!
//! <a id="SF-PL-6"></a>
//! **SF-PL-6.** `wait_idle` returns `Ok` only if at some moment between its call and its return no job was queued or
//! running; `drain` and `shutdown` only if moreover no worker is left.
//!
//! <a id="SF-PL-7"></a>
//! **SF-PL-7.** `scope` returns, or unwinds, only when all its jobs have ended, and their closures and results are
//! gone or returned; its token is cancelled then. Once one of its jobs has failed, no other job of the scope starts.
//! The scope reports the first failure, and never one that the cancellation of its token has caused.
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
//! **LV-PL-4.** A job that waits for another job, of whichever pool, by `join`, `scope`, [`blocking`] or
//! [`yield_now`], or for a place in a queue, or for a pool, keeps no job of its own pool from running, however small
//! the limit. It goes on once what it waits for has come and fewer jobs run than the limit, or once a limit of its
//! wait (a time, a token) is over. Where queued jobs and jobs that have begun both want permits, they get them by
//! turns.
//!
//! # Waiting from inside
//! To start, a job needs one of the pool's *permits*. There are as many permits as the limit says.
//!
//! A job may join another job of its pool:
//! - If the other job has not begun, `join` runs it on the spot. That needs no other worker, and adds nothing to the
//!   number of jobs that run. A job that borrows a worker's state is never run inside another job.
//! - Otherwise the caller gives its permit back while it waits, so that other jobs go on. If no worker is idle, one
//!   more is started. A worker leaves when there is one too many. (One stays while jobs yield to each other.)
//!
//! A wait runs no job on the spot but the one that it waits for. To run *any* other job there would need no worker,
//! but could stack jobs that wait for each other the wrong way round.
//!
//! Jobs that join each other on the spot nest on the stack of the worker. Each level takes about 500 bytes and the
//! jobs' own frames. So the 2 MiB of std's threads are enough for some thousands of levels (a few hundred in a debug
//! build).
//!
//! If a job waits for its own pool (`drain`, `shutdown`, `wait_idle`), it gets [`WaitError::WouldDeadlock`]. It may
//! call `resize`, `close` and the methods that submit, as any other thread.
//!
//! # Panics
//! Each job runs inside a boundary, [`std::panic::catch_unwind`]. Its panic first goes to the hook
//! ([`Builder::on_panic`]), then becomes a [`TaskError`]; the worker goes on. The boundary is around the job, on the
//! worker's stack. So it has limits, as `recover` has in Go, which works only in the deferred function itself and only
//! in its own goroutine:
//! - If a job starts a thread, a panic on that thread does not reach the boundary. Nor does that panic end the
//!   process. To learn of the panic, join that thread.
//! - With `panic = "abort"` there is no unwinding, and nothing to catch.
//! - A panic that unwinds into a foreign function aborts the process. So does a panic while another one unwinds.
//!
//! If you run your own loom or shuttle model of code with a pool, a panic passes through the boundary: a failed
//! assertion in a job ends the model, and you see that assertion. A pool with a hook expects panics. Under shuttle its
//! panics are caught; loom cannot go on after a panic.
//!
//! # Coming from other pools
//! For each feature of ants, tunny and go-playground/pool: the method, or the line of code, that does the same here.
//! `tests/pool_features.rs` runs each.
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
//! | tunny `Interrupt`, pool `IsCancelled` in a job | `let token = pool.token().child_token()`, and the job checks it |
//! | ants `WithPanicHandler` | [`Builder::on_panic`]; and the error of `join` |
//! | tunny `Worker` (constructor, `Terminate`) | [`Builder::state`], [`with_state`] |
//! | ants `Release`, tunny `Close`, pool `Close`, `Cancel` | [`Pool::close`], [`Pool::drain`], [`Pool::shutdown`] |
//! | ants `ReleaseTimeout` | [`Pool::shutdown_timeout`], [`Pool::shutdown_deadline`] |
//! | threadpool `join` | [`Pool::wait_idle`] |
//! | threadpool, rayon: the drop returns at once, and submitted jobs run all the same | the drop of the last clone waits for them, as [`Pool::drain`] does; `std::mem::forget(pool)` does not wait |
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
//! | rayon: a job that a job spawns runs before older jobs (LIFO), unless it is stolen | jobs start in the order of submission ([SF-PL-5](crate::pool#SF-PL-5)) |
//!
//! # Cost
//! A job takes one allocation, of 72 bytes with an empty closure, and a place of 16 bytes in the queue. If somebody
//! waits for a task before its job has ended, the task takes one more allocation. The queue keeps the memory to
//! which it has grown until the pool is dropped. Workers without a job sleep and use no CPU.
//!
//! A child process made by `fork` has no workers: make another pool there.

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

/// Runs jobs on worker threads, up to a limit at a time. Clones of a pool are handles of the same pool.
///
/// The drop of the last clone closes the pool, and blocks until all accepted jobs have ended and all workers are gone,
/// as [`drain`](Pool::drain) does. If a job of the same pool drops the last clone, this drop closes the pool and does
/// not wait. A job that never ends keeps both `drain` and the drop from returning. Where that can happen, call
/// [`shutdown_timeout`](Pool::shutdown_timeout) first.
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
#[doc(alias = "ThreadPool")]
#[doc(alias = "ExecutorService")]
pub struct Pool<S: 'static = ()> {
    shared: Arc<Shared<S>>,
    owner: Arc<Owner<S>>,
}

impl Pool {
    /// Makes a pool that runs at most `workers` jobs at a time. The queue is unbounded. Workers are started as they are
    /// needed, and stay.
    ///
    /// # Panics
    /// If `workers` is 0.
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(2);
    /// assert_eq!(pool.stats().limit, 2);
    /// ```
    #[doc(alias = "NewPool")]
    #[doc(alias = "newFixedThreadPool")]
    pub fn new(workers: usize) -> Self {
        Builder::new(workers).build().expect("a pool needs at least one worker")
    }

    /// Returns a [`Builder`], for a bounded queue, workers that expire, a hook for panics, and other settings.
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(0).build().is_err());
    /// ```
    #[doc(alias = "ThreadPoolBuilder")]
    #[doc(alias = "NewLimited")]
    pub fn builder(workers: usize) -> Builder {
        Builder::new(workers)
    }
}

impl<S> Pool<S> {
    /// Submits a job, and returns a [`Task`] for its result.
    ///
    /// Blocks while the queue is full; a close or shutdown of the pool ends the wait. If a job of the same pool calls
    /// this, other jobs run meanwhile. An unbounded queue, the default, is never full.
    ///
    /// # Errors
    /// Each hands the job back:
    /// - [`Closed`](SpawnError::Closed): the pool is closed, or was closed during the wait.
    /// - [`Full`](SpawnError::Full): too many submitters wait already ([`Builder::max_blocked`]).
    /// - [`NoThread`](SpawnError::NoThread): there is no worker, and the operating system refused to start one.
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
    #[doc(alias = "submit")]
    #[doc(alias = "spawn_blocking")]
    #[doc(alias = "Queue")]
    pub fn spawn<W>(&self, job: W) -> Result<Task<W::Output>, SpawnError<W>>
    where
        W: Work<S, Output: Send + 'static> + 'static,
    {
        self.submit(job, &Limit::NONE)
    }

    /// Submits a job without a [`Task`]. Nobody gets its result, which the worker drops; a panic reaches only the hook
    /// ([`Builder::on_panic`]).
    ///
    /// Blocks as [`spawn`](Pool::spawn). A little cheaper than `spawn` and [`detach`](Task::detach).
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
    #[doc(alias = "submit")]
    #[doc(alias = "fire_and_forget")]
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

    /// Submits a job if the pool can accept it at once. Never blocks.
    ///
    /// # Errors
    /// Each hands the job back: [`Full`](SpawnError::Full), [`Closed`](SpawnError::Closed),
    /// [`NoThread`](SpawnError::NoThread).
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
    #[doc(alias = "WithNonblocking")]
    #[doc(alias = "try_submit")]
    pub fn try_spawn<W>(&self, job: W) -> Result<Task<W::Output>, SpawnError<W>>
    where
        W: Work<S, Output: Send + 'static> + 'static,
    {
        self.submit(job, &Limit::Now)
    }

    /// As [`spawn`](Pool::spawn), but waits for room for at most `timeout`. If the timeout does not fit an `Instant`,
    /// waits without a limit.
    ///
    /// The timeout limits only the wait for room. It does not limit the job.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn), and [`TimedOut`](SpawnError::TimedOut).
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
    #[doc(alias = "ProcessTimed")]
    pub fn spawn_timeout<W>(&self, job: W, timeout: Duration) -> Result<Task<W::Output>, SpawnError<W>>
    where
        W: Work<S, Output: Send + 'static> + 'static,
    {
        self.submit(job, &Limit::timeout(timeout))
    }

    /// As [`spawn`](Pool::spawn), but waits for room until `deadline` at most. If `deadline` has passed, tries once and
    /// does not wait.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn), and [`TimedOut`](SpawnError::TimedOut).
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

    /// As [`spawn`](Pool::spawn), but waits for room until `token` is cancelled at most.
    ///
    /// The token does not stop the job. A job that is to stop needs a clone of the token, and has to check it.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn), and [`Cancelled`](SpawnError::Cancelled), also if the token was cancelled before the
    /// call.
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
    #[doc(alias = "ProcessCtx")]
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

    /// Sets the limit: how many jobs may run at a time. Returns the previous limit. Never blocks.
    ///
    /// After an increase, queued jobs start at once. After a decrease, jobs that run go on, idle workers leave, and no
    /// job starts until fewer jobs run than the new limit.
    ///
    /// # Errors
    /// If `workers` is 0. Then nothing is changed.
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(2);
    /// assert_eq!(pool.resize(8), Ok(2));
    /// assert!(pool.resize(0).is_err());
    /// assert_eq!(pool.stats().limit, 8);
    /// ```
    #[doc(alias = "Tune")]
    #[doc(alias = "SetSize")]
    #[doc(alias = "set_num_threads")]
    pub fn resize(&self, workers: usize) -> Result<usize, NoWorkers> {
        if workers == 0 {
            return Err(NoWorkers);
        }
        Ok(self.shared.told(self.shared.core.resize(workers)))
    }

    /// Closes the pool: it accepts no more jobs. Jobs that were accepted still run. Returns true for the one call that
    /// closed the pool.
    ///
    /// Never blocks. Submitters that wait for room get their jobs back. To wait for the jobs, call
    /// [`drain`](Pool::drain).
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(1);
    /// assert!(pool.close() && !pool.close());
    /// ```
    pub fn close(&self) -> bool {
        self.shared.told(self.shared.core.close())
    }

    /// Closes the pool, and blocks until all accepted jobs have ended and all workers are gone. Then nothing of the
    /// workers' threads is left to run, except the destructors of thread-local variables.
    ///
    /// # Errors
    /// [`WouldDeadlock`](WaitError::WouldDeadlock) in a job of the same pool. The pool is closed all the same.
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
    #[doc(alias = "awaitTermination")]
    #[doc(alias = "Release")]
    #[doc(alias = "join")]
    pub fn drain(&self) -> Result<(), WaitError> {
        self.shared.wait_for(Goal::Terminated, &Limit::NONE)
    }

    /// As [`drain`](Pool::drain), but waits for at most `timeout`. If the timeout does not fit an `Instant`, waits
    /// without a limit.
    ///
    /// # Errors
    /// - [`TimedOut`](WaitError::TimedOut): the pool is closed, but not all jobs have ended, or not all workers are
    ///   gone.
    /// - [`WouldDeadlock`](WaitError::WouldDeadlock) in a job of the same pool.
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

    /// As [`drain`](Pool::drain), but waits until `deadline` at most.
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

    /// [`drain`](Pool::drain) for a task, on any runtime. The first poll closes the pool. If a job of the same pool
    /// blocks on this future, the job waits for itself, for ever.
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

    /// Stops the pool: closes it, cancels the queued jobs, and then cancels [`token`](Pool::token). Blocks until the
    /// jobs that run have ended and all workers are gone, as in [`drain`](Pool::drain).
    ///
    /// A job that runs is not interrupted. To stop early, it has to check the token.
    ///
    /// # Errors
    /// [`WouldDeadlock`](WaitError::WouldDeadlock) in a job of the same pool. Everything but the wait has been done.
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
    #[doc(alias = "shutdownNow")]
    #[doc(alias = "terminate")]
    #[doc(alias = "Release")]
    pub fn shutdown(&self) -> Result<(), WaitError> {
        self.shared.shut_down(&Limit::NONE)
    }

    /// As [`shutdown`](Pool::shutdown), but waits for at most `timeout`. If the timeout does not fit an `Instant`,
    /// waits without a limit.
    ///
    /// # Errors
    /// - [`TimedOut`](WaitError::TimedOut): the pool is stopped, but a job still runs, or not all workers are gone.
    /// - [`WouldDeadlock`](WaitError::WouldDeadlock) in a job of the same pool. Everything but the wait has been done.
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
    #[doc(alias = "ReleaseTimeout")]
    pub fn shutdown_timeout(&self, timeout: Duration) -> Result<(), WaitError> {
        self.shared.shut_down(&Limit::timeout(timeout))
    }

    /// As [`shutdown`](Pool::shutdown), but waits until `deadline` at most.
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

    /// [`shutdown`](Pool::shutdown) for a task, on any runtime. The first poll stops the pool. If a job of the same
    /// pool blocks on this future, the job waits for itself, for ever.
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

    /// Returns the token of the pool. A shutdown of the pool cancels it: give it to jobs that are to stop then.
    ///
    /// For a token of one job, make a [child](CancellationToken::child_token).
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

    /// Blocks until no job is queued or running. Returns as soon as the pool has been idle at some instant, even if new
    /// jobs arrive. The pool stays open.
    ///
    /// # Errors
    /// [`WouldDeadlock`](WaitError::WouldDeadlock) in a job of the same pool.
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
    #[doc(alias = "join")]
    #[doc(alias = "join_all")]
    #[doc(alias = "WaitAll")]
    pub fn wait_idle(&self) -> Result<(), WaitError> {
        self.shared.wait_for(Goal::Quiescent, &Limit::NONE)
    }

    /// As [`wait_idle`](Pool::wait_idle), but waits for at most `timeout`. If the timeout does not fit an `Instant`,
    /// waits without a limit.
    ///
    /// # Errors
    /// - [`TimedOut`](WaitError::TimedOut): the pool was not idle before the time was up.
    /// - [`WouldDeadlock`](WaitError::WouldDeadlock) in a job of the same pool.
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

    /// As [`wait_idle`](Pool::wait_idle), but waits until `deadline` at most.
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

    /// [`wait_idle`](Pool::wait_idle) for a task, on any runtime. If the future is dropped, the wait ends and leaves
    /// nothing behind. If a job of the same pool blocks on this future, the job waits for itself, for ever.
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

    /// Returns true if the pool accepts no more jobs. Once true, always true.
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

    /// Returns what the pool is doing: numbers that were all true at one instant during the call. The call changes
    /// nothing, and orders nothing. A job is counted as ended shortly after its task reports the end.
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(2);
    /// pool.spawn(|| ()).unwrap().detach();
    /// pool.wait_idle().unwrap();
    /// let stats = pool.stats();
    /// assert_eq!((stats.completed, stats.running, stats.queued), (1, 0, 0));
    /// ```
    #[doc(alias = "active_count")]
    #[doc(alias = "queued_count")]
    #[doc(alias = "current_num_threads")]
    #[doc(alias = "Running")]
    #[doc(alias = "QueueLength")]
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
