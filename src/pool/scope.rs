//! Jobs that belong together and may borrow from the stack of whoever waits for them.
//!
//! # Invariants
//! 1. Each job that the pool has accepted is in `jobs` before the function that was given the scope, or the job that
//!    spawned it, ends. Who takes it out owns its outcome, and takes that once the job has ended.
//! 2. `scope` ends only after each of `jobs` has ended and been taken out, with its outcome: then the packet, which the
//!    pool may keep for a while, holds nothing that is borrowed (`task.rs` 2).
//! 3. `places` holds one unit for each job that has not returned, where there is a limit.
//! 4. `failure` is set by the first that fails, before it cancels the token: what fails because of that comes later. Until
//!    all have ended, nothing is dropped that could panic: `join` must not unwind (2).
//!
//! Where a result takes no memory, `jobs` lists at most three times as many jobs as had not ended when it was last tidied
//! up, and `FEW`: of the rest it has the outcomes.
//!
//! After std's `thread::scope` (how to borrow), and Go's `errgroup` (what an error does).

// Needs: cancel.rs, channel.rs, channel/receiver.rs, channel/sender.rs, pool.rs, pool/error.rs, pool/job.rs,
// pool/limit.rs, pool/panic.rs, pool/permit.rs, pool/task.rs, pool/work.rs, sync.rs, wait/latch.rs.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::{self, AssertUnwindSafe};

use super::super::cancel::CancellationToken;
use super::super::channel::bounded;
use super::super::channel::receiver::Receiver;
use super::super::channel::sender::Sender;
use super::super::sync::{Arc, FEW, Lock, Weak, drop_quietly, ignore_panic, is_over};
use super::super::wait::Ends;
use super::Pool;
use super::error::SpawnError;
use super::job::{Queued, Runs};
use super::limit::Limit;
use super::panic::{Payload, catch_panic};
use super::permit::blocking;
use super::task::{Joins, Packet, TaskError, wait_for};
use super::work::{Work, WorkerState};

/// A group of jobs of one pool, with a common end. The jobs may borrow from the stack. Made by [`Pool::scope`].
#[doc(alias = "JoinSet")]
#[doc(alias = "errgroup")]
#[doc(alias = "TaskGroup")]
pub struct Scope<'scope, 'env: 'scope, T, E, S: 'static = ()> {
    pool: &'env Pool<S>,
    token: CancellationToken,
    places: Option<(Sender<()>, Receiver<()>)>,
    jobs: Lock<Jobs<'env, T>>,
    failure: Lock<Option<Failure<E>>>,
    // Invariant in both, as std's.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Jobs of a scope, in the order in which they were submitted, and the outcomes of those that have been taken out.
struct Jobs<'env, T> {
    /// Said to borrow for longer than they do, so that they may be dropped with the scope; they are empty by then.
    list: VecDeque<Arc<dyn Joins<Option<T>> + 'env>>,
    /// How long the list may grow before it is tidied up.
    most: usize,
    results: Vec<T>,
    /// With whose it is. Few: a failure cancels the rest.
    panics: Vec<(Address, Payload)>,
    /// One of them did not run, or not to its end.
    cancelled: bool,
}

/// What came first.
enum Failure<E> {
    Error(E),
    /// Of this job; `None`: of the function that spawns them.
    Panic(Option<Address>),
}

/// Where a job's packet is, which tells it from others of its scope. A place that is used again has the earlier job's outcome
/// first.
type Address = usize;

/// Why a scope has no results.
#[derive(Debug)]
pub enum ScopeError<E> {
    /// A job returned this error, before any other job had failed.
    Failed(E),
    /// A job panicked with this value, before any other job had failed; or the destructor of a job did, which need not
    /// have begun.
    Panicked(Payload),
    /// The pool was shut down before all jobs had begun.
    Cancelled,
}

impl<E: fmt::Display> fmt::Display for ScopeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScopeError::Failed(error) => error.fmt(f),
            ScopeError::Panicked(payload) => f.pad(&payload.describe("a job")),
            ScopeError::Cancelled => f.pad("the pool was shut down"),
        }
    }
}

impl<E: Error> Error for ScopeError<E> {}

/// A job of a scope.
struct ScopedJob<'scope, 'env, F, T, E, S: 'static> {
    scope: &'scope Scope<'scope, 'env, T, E, S>,
    me: Address,
    job: F,
    place: Place<'scope>,
}

/// Given back when the job has ended, or is dropped.
struct Place<'scope>(Option<&'scope Receiver<()>>);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let (Some(places), false) = (self.0, is_over()) {
            let _ = places.try_recv();
        }
    }
}

impl<F: FnOnce() -> Result<T, E> + Send, T: Send, E: Send, S> Work<S> for ScopedJob<'_, '_, F, T, E, S> {
    type Output = Option<T>;
    const BORROWS_STATE: bool = false;

    fn run(self, _state: &mut WorkerState<S>) -> Option<T> {
        let Self { scope, me, job, place: _place } = self;
        if scope.token.is_cancelled() {
            return None;
        }
        let result = panic::catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| {
            scope.fail(Failure::Panic(Some(me)));
            panic::resume_unwind(panic)
        });
        result.map_err(|error| scope.fail(Failure::Error(error))).ok()
    }
}

impl<'env, T> Jobs<'env, T> {
    fn new() -> Self {
        Self { list: VecDeque::new(), most: FEW, results: Vec::new(), panics: Vec::new(), cancelled: false }
    }

    /// Adds a job.
    fn push(&mut self, job: Arc<dyn Joins<Option<T>> + 'env>) {
        if size_of::<T>() == 0 && self.list.len() >= self.most {
            for _ in 0..self.list.len() {
                let Some(job) = self.list.pop_front() else { break };
                if job.has_ended() {
                    // SAFETY: taken out of the list, and it has ended (invariant 1).
                    self.add(&job, unsafe { job.take() });
                } else {
                    self.list.push_back(job);
                }
            }
            self.most = FEW + 2 * self.list.len();
        }
        self.list.push_back(job);
    }

    /// Adds how a job that has been taken out of the list has ended.
    fn add(&mut self, job: &Arc<dyn Joins<Option<T>> + 'env>, outcome: Result<Option<T>, TaskError>) {
        match outcome {
            Ok(Some(result)) => self.results.push(result),
            Err(TaskError::Panicked(payload)) => self.panics.push((Arc::as_ptr(job).addr(), payload)),
            Ok(None) | Err(TaskError::Cancelled) => self.cancelled = true,
        }
    }

    /// What the scope returns. What is not returned is dropped before what is: a destructor that panics would leak that.
    fn end<E>(self, failure: Option<Failure<E>>) -> Result<Vec<T>, ScopeError<E>> {
        let Self { results, mut panics, cancelled, .. } = self;
        let first = match failure {
            Some(Failure::Panic(first)) => panics.iter().position(|(job, _)| Some(*job) == first),
            Some(Failure::Error(_)) => None,
            // The destructor of a job that was not to begin.
            None => (!panics.is_empty()).then_some(0),
        };
        let panic = first.map(|first| panics.swap_remove(first).1);
        panics.into_iter().for_each(drop_quietly);
        let failed = match (failure, panic) {
            (Some(Failure::Error(error)), _) => ScopeError::Failed(error),
            (_, Some(panic)) => ScopeError::Panicked(panic),
            (_, None) if cancelled => ScopeError::Cancelled,
            (_, None) => return Ok(results),
        };
        drop(results);
        Err(failed)
    }
}

impl<'scope, 'env, T, E, S> Scope<'scope, 'env, T, E, S> {
    /// Submits a job to the scope. The job may borrow whatever outlives the scope, and may spawn more jobs of the
    /// scope.
    ///
    /// Blocks while the queue of the pool is full; a close of the pool ends this wait. In
    /// [`scope_bounded`](Pool::scope_bounded), also blocks while `limit` jobs of the scope have not ended; a close does
    /// not end that wait. If a job of the same pool calls this, other jobs run meanwhile.
    ///
    /// # Errors
    /// As [`Pool::spawn`]; the job is handed back.
    ///
    /// # Happens-before
    /// [HB-PL-1](crate::pool#HB-PL-1).
    ///
    /// # Example
    /// See [`Pool::scope`].
    #[doc(alias = "Go")]
    #[doc(alias = "spawn_scoped")]
    pub fn spawn<F>(&'scope self, job: F) -> Result<(), SpawnError<F>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send,
        E: Send,
    {
        let place = Place(self.places.as_ref().map(|(taken, places)| {
            if taken.try_send(()).is_err() {
                blocking(|| taken.send(()).expect("we hold a receiver"));
            }
            places
        }));
        let packet = Arc::new_cyclic(|me: &Weak<Packet<_, _>>| {
            Packet::new(ScopedJob { scope: self, me: me.as_ptr().addr(), job, place })
        });
        let job: Arc<dyn Runs<S> + 'scope> = packet.clone();
        // SAFETY: only the lifetime of what it borrows is forgotten. If the pool accepts it, `scope`
        // does not end before the job has, and has taken its outcome (invariants 1 and 2); if not, the work is taken
        // back here. After either the packet holds nothing borrowed, and neither its methods nor its drop touch
        // anything that is.
        let job = unsafe { mem::transmute::<Arc<dyn Runs<S> + 'scope>, Arc<dyn Runs<S> + 'static>>(job) };
        match self.pool.shared.submit(Queued::Shared(job), packet.latch(), &Limit::NONE) {
            Ok(()) => {
                let job: Arc<dyn Joins<Option<T>> + 'scope> = packet;
                // SAFETY: as above.
                let job = unsafe { mem::transmute::<Arc<dyn Joins<_> + 'scope>, Arc<dyn Joins<_> + 'env>>(job) };
                self.jobs.with(|jobs| jobs.push(job));
                Ok(())
            }
            // SAFETY: it was not accepted: it is ours.
            Err(refusal) => Err(refusal.hand_back(unsafe { packet.work() }.job)),
        }
    }

    /// Returns the token of the scope. It is cancelled once a job has failed, when the pool is shut down, and when the
    /// scope ends. Jobs that are to stop early can check it or wait for it.
    ///
    /// # Example
    /// See [`Pool::scope`].
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    fn fail(&self, failure: Failure<E>) {
        // Not dropped under the lock: an error's drop is user code.
        let _late = self.failure.with(|first| if first.is_none() { first.replace(failure) } else { Some(failure) });
        // A callback that panics is its owner's affair.
        ignore_panic(|| self.token.cancel());
    }

    /// Waits for all jobs, in the order in which they were submitted.
    fn join(&self) {
        while let Some(job) = self.jobs.with(|jobs| jobs.list.pop_front()) {
            wait_for(&*job, &*self.pool.shared);
            // SAFETY: taken out of the list, and it has ended (invariant 1).
            let outcome = unsafe { job.take() };
            self.jobs.with(|jobs| jobs.add(&job, outcome));
        }
    }
}

impl<T, E, S> fmt::Debug for Scope<'_, '_, T, E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("token", &self.token).finish_non_exhaustive()
    }
}

impl<S> Pool<S> {
    /// Runs jobs that may borrow from the stack. Calls the closure `spawn`, which submits jobs to the [`Scope`] that it
    /// gets. Then blocks until all jobs of the scope have ended. Returns their results, in the order of submission.
    ///
    /// The first job that fails, by an error or by a panic, cancels the rest. Jobs that have not begun never run. Jobs
    /// that run are asked to stop, by [`Scope::token`]. A [`shutdown`](Pool::shutdown) of the pool does the same.
    ///
    /// If a job of the same pool calls this, it runs jobs of the scope on the spot, or lets other jobs run meanwhile.
    ///
    /// All results are kept until the end. To get them as they come, let each job send its result into a channel. (If
    /// results take no memory, as `()`, the jobs that have ended are forgotten from time to time.)
    ///
    /// # Errors
    /// - [`Failed`](ScopeError::Failed) or [`Panicked`](ScopeError::Panicked): the first failure of a job.
    /// - [`Cancelled`](ScopeError::Cancelled): the pool was shut down before all jobs had begun.
    ///
    /// # Panics
    /// If `spawn` panics: this panic goes on once all jobs have ended. If the drop of a result that is not returned
    /// panics.
    ///
    /// # Happens-before
    /// [HB-PL-1](crate::pool#HB-PL-1), [HB-PL-2](crate::pool#HB-PL-2): all its jobs happen before its return.
    ///
    /// # Example
    /// ```
    /// use hence::{Pool, channel::unbounded, pool::ScopeError};
    /// let (pool, text) = (Pool::new(4), String::from("borrowed by all"));
    /// let lengths = pool.scope::<_, (), _>(|scope| {
    ///     for word in text.split(' ') {
    ///         scope.spawn(|| Ok(word.len())).unwrap();
    ///     }
    /// });
    /// assert_eq!(lengths.unwrap(), [8, 2, 3]);
    ///
    /// let failed = pool.scope::<(), _, _>(|scope| {
    ///     scope.spawn(|| Err("no")).unwrap();
    ///     scope.spawn(|| { scope.token().wait(); Ok(()) }).unwrap();
    /// });
    /// assert!(matches!(failed, Err(ScopeError::Failed("no"))));
    ///
    /// let (sender, as_they_come) = unbounded();
    /// pool.scope::<(), (), _>(|scope| {
    ///     for word in text.split(' ') {
    ///         let sender = sender.clone();
    ///         scope.spawn(move || { sender.send(word.len()).unwrap(); Ok(()) }).unwrap();
    ///     }
    /// }).unwrap();
    /// assert_eq!(as_they_come.try_iter().sum::<usize>(), 13);
    /// ```
    #[doc(alias = "install")]
    #[doc(alias = "join_all")]
    pub fn scope<'env, T: 'env, E: 'env, F>(&'env self, spawn: F) -> Result<Vec<T>, ScopeError<E>>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, T, E, S>),
    {
        self.scope_of(None, spawn)
    }

    /// As [`scope`](Pool::scope), but at most `limit` of its jobs are submitted and not ended at a time. While there
    /// are so many, [`Scope::spawn`] blocks. If all these jobs wait in `Scope::spawn` themselves, they wait for each
    /// other, for ever.
    ///
    /// # Errors
    /// As [`scope`](Pool::scope).
    ///
    /// # Panics
    /// If `limit` is 0, and as [`scope`](Pool::scope).
    ///
    /// # Happens-before
    /// As [`scope`](Pool::scope).
    ///
    /// # Example
    /// ```
    /// let pool = hence::Pool::new(4);
    /// let squares = pool.scope_bounded::<_, (), _>(2, |scope| {
    ///     (0..10).for_each(|i| scope.spawn(move || Ok(i * i)).unwrap());
    /// });
    /// assert_eq!(squares.unwrap()[9], 81);
    /// ```
    #[doc(alias = "SetLimit")]
    pub fn scope_bounded<'env, T: 'env, E: 'env, F>(&'env self, limit: usize, spawn: F) -> Result<Vec<T>, ScopeError<E>>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, T, E, S>),
    {
        assert!(limit > 0, "a scope needs room for at least one job");
        self.scope_of(Some(limit), spawn)
    }

    fn scope_of<'env, T: 'env, E: 'env, F>(&'env self, limit: Option<usize>, spawn: F) -> Result<Vec<T>, ScopeError<E>>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, T, E, S>),
    {
        let scope = Scope {
            pool: self,
            token: self.shared.token.child_token(),
            places: limit.map(bounded),
            jobs: Lock::new(Jobs::new()),
            failure: Lock::new(None),
            scope: PhantomData,
            env: PhantomData,
        };
        let spawned = catch_panic(|| spawn(&scope));
        if spawned.is_err() {
            scope.fail(Failure::Panic(None));
        }
        scope.join();
        // Whoever waits for the token waits for the end, if nothing else. A callback that panics is its owner's affair.
        ignore_panic(|| scope.token.cancel());
        let jobs = scope.jobs.with(|jobs| mem::replace(jobs, Jobs::new()));
        if let Err(panic) = spawned {
            jobs.panics.into_iter().for_each(drop_quietly);
            drop(jobs.results);
            panic::resume_unwind(panic.into_inner());
        }
        jobs.end(scope.failure.with(Option::take))
    }
}
