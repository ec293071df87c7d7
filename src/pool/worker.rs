//! What runs on a worker's thread, and what a job may ask of it: to give its permit to others while it waits.
//!
//! Needs: `pool/core.rs`, `pool/job.rs`, `pool/panic.rs`, `pool/shared.rs`, `wait.rs`, `sync.rs`.

use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::ptr;
use std::time::Duration;

use super::super::sync::{Arc, Patience, TRIES_AGAIN, drop_quietly, is_over, let_go, now, thread_local};
use super::super::wait::{Cause, Ticket, Waiter};
use super::core::{Ended, From, Next};
use super::job::Queued;
use super::panic::{Payload, contain};
use super::shared::Limit;

/// What a job is: a closure, `FnOnce() -> T`, or one that borrows the state of the worker that it runs on, made by
/// [`with_state`]; or a type of yours.
pub trait Work<S>: Send {
    /// What it results in.
    type Output;

    /// Whether it asks for the worker's state. If not, a job that joins it may run it on the spot.
    const BORROWS_STATE: bool;

    /// Does it.
    fn run(self, state: &mut WorkerState<S>) -> Self::Output;
}

impl<S, T, F: FnOnce() -> T + Send> Work<S> for F {
    type Output = T;
    const BORROWS_STATE: bool = false;

    fn run(self, _state: &mut WorkerState<S>) -> T {
        self()
    }
}

/// A job that borrows the state of its worker; made by [`with_state`].
pub struct WithState<F>(F);

/// A job that borrows the state of the worker that it runs on: see [`Builder::state`](super::Builder::state).
///
/// # Example
/// ```
/// use hence::pool::{Builder, with_state};
/// let pool = Builder::new(1).state(|| Vec::new()).build().unwrap();
/// pool.spawn(with_state(|buffer: &mut Vec<u8>| buffer.push(1))).unwrap().join().unwrap();
/// assert_eq!(pool.spawn(with_state(|buffer: &mut Vec<u8>| buffer.len())).unwrap().join().unwrap(), 1);
/// ```
pub fn with_state<S, T, F: FnOnce(&mut S) -> T + Send>(job: F) -> WithState<F> {
    WithState(job)
}

impl<S, T, F: FnOnce(&mut S) -> T + Send> Work<S> for WithState<F> {
    type Output = T;
    const BORROWS_STATE: bool = true;

    fn run(self, state: &mut WorkerState<S>) -> T {
        (self.0)(state.get())
    }
}

impl<F> fmt::Debug for WithState<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("WithState(..)")
    }
}

/// Does the work, with the worker's state if it borrows that; a panic has been reported, and is the caller's.
pub(super) fn attempt<S, W: Work<S>>(
    work: W,
    state: &mut WorkerState<S>,
    home: &dyn Home,
) -> Result<W::Output, Payload> {
    let done = contain(|| if W::BORROWS_STATE { work.run(state) } else { work.run(&mut WorkerState::none()) });
    if let Err(panic) = &done {
        home.report(panic);
        if W::BORROWS_STATE {
            // It may be half-way through a change: the next job that needs one has a new one made.
            state.discard(home);
        }
    }
    done
}

/// The same of a job of which nothing more is heard: what comes of it is dropped here.
pub(super) fn attempt_and_forget<S, W: Work<S>>(work: W, state: &mut WorkerState<S>, home: &dyn Home) -> Ended {
    match attempt(work, state, home) {
        Ok(result) => {
            report_panic(home, || drop(result));
            Ended { completed: 1, ..Ended::default() }
        }
        Err(panic) => {
            drop_quietly(panic);
            Ended { panicked: 1, ..Ended::default() }
        }
    }
}

/// Makes a worker's state.
pub(super) type Make<S> = Arc<dyn Fn() -> S + Send + Sync>;

/// The state of one worker, made when a job first asks for it.
pub struct WorkerState<S> {
    /// `None` where a job runs that does not borrow it.
    make: Option<Make<S>>,
    state: Option<S>,
}

impl<S> WorkerState<S> {
    pub(super) const fn none() -> Self {
        Self { make: None, state: None }
    }

    /// The state, made now if there is none.
    ///
    /// # Panics
    /// If making it does; in a job whose [`Work::BORROWS_STATE`] is false.
    pub fn get(&mut self) -> &mut S {
        let Self { make, state } = self;
        state.get_or_insert_with(make.as_deref().expect("a job that does not borrow a worker's state has none"))
    }

    /// Drops it; the next job that asks for one has a new one made.
    pub(super) fn discard(&mut self, home: &dyn Home) {
        let state = self.state.take();
        report_panic(home, || drop(state));
    }
}

impl<S> fmt::Debug for WorkerState<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerState").field("is_made", &self.state.is_some()).finish()
    }
}

/// Runs a destructor, or the like, whose panic is the hook's and nobody else's.
pub(super) fn report_panic<R>(home: &dyn Home, code: impl FnOnce() -> R) {
    if let Err(panic) = contain(|| drop(code())) {
        home.report(&panic);
        drop_quietly(panic);
    }
}

/// A pool, whatever the state of its workers.
pub(super) trait Home: Send + Sync {
    /// Has a queued job claimed out of turn.
    fn withdraw(&self, claim: &dyn Fn() -> bool) -> bool;

    /// A job that was claimed out of turn has ended.
    fn end(&self, how: Ended);

    /// Tells the hook of a panic.
    fn report(&self, panic: &Payload);

    /// A job is about to publish its outcome: whether its permit counts as ending from now on.
    fn ending(&self) -> bool;

    /// Takes the permit of a job that is about to wait, and says whether it counts as ending.
    fn suspend(&self, ending: bool);

    /// Waits for a permit, or goes on without a free one when the limit is over.
    fn resume(&self, limit: &Limit<'_>);

    /// Lets others have the permit, and waits for it; false if there was nobody to give it to.
    fn give_way(&self, ending: bool) -> bool;
}

/// The pool whose worker a thread is.
struct Current {
    home: Arc<dyn Home>,
    permit: Permit,
}

/// What user code that runs on a worker may give to others while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Permit {
    /// Nothing: the worker has no permit, or has lent it already.
    None,
    Held,
    /// One that the pool counts as ending.
    Ending,
}

thread_local! {
    #[allow(clippy::missing_const_for_thread_local, reason = "loom's has no const form")]
    static CURRENT: RefCell<Option<Current>> = RefCell::new(None);
}

fn with_current<R>(look: impl FnOnce(&mut Current) -> R) -> Option<R> {
    // A thread that is ending, and has no variable any more, is no worker any more.
    CURRENT.try_with(|current| current.borrow_mut().as_mut().map(look)).ok().flatten()
}

/// Whether the calling thread is a worker of this pool.
pub(super) fn is_inside(home: &dyn Home) -> bool {
    with_current(|current| ptr::addr_eq(&raw const *current.home, &raw const *home)).unwrap_or(false)
}

/// Whether a job of this pool runs on the calling thread, and holds its permit: not one that is promised to others.
pub(super) fn holds_permit(home: &dyn Home) -> bool {
    is_inside(home) && with_current(|current| current.permit == Permit::Held).unwrap_or(false)
}

/// Runs user code on a worker that has no job now, and says to it whether there is a permit to be lent.
pub(super) fn with_permit(held: bool, code: impl FnOnce()) {
    let set = |permit| with_current(|current| current.permit = permit);
    set(if held { Permit::Held } else { Permit::None });
    code();
    set(Permit::Held);
}

/// Of the job on the calling worker, which is about to publish its outcome.
pub(super) fn announce_end(home: &dyn Home) {
    if home.ending() {
        with_current(|current| current.permit = Permit::Ending);
    }
}

/// Lends the permit of the job on the calling thread, whatever its pool, while it waits; it goes on when there is a permit
/// for it again, or when the limit is over.
pub(super) fn pause<R>(limit: &Limit<'_>, wait: impl FnOnce() -> R) -> R {
    struct Suspended<'a>(Arc<dyn Home>, &'a Limit<'a>);
    impl Drop for Suspended<'_> {
        fn drop(&mut self) {
            if is_over() {
                return;
            }
            self.0.resume(self.1);
            with_current(|current| current.permit = Permit::Held);
        }
    }
    let lend = |current: &mut Current| match mem::replace(&mut current.permit, Permit::None) {
        Permit::None => None,
        permit => Some((current.home.clone(), permit == Permit::Ending)),
    };
    if limit.is_over() {
        return wait(); // which looks once
    }
    let _suspended = with_current(lend).flatten().map(|(home, ending)| {
        home.suspend(ending);
        Suspended(home, limit)
    });
    wait()
}

/// Runs something that may block for long. Call it around a wait for other jobs of the same pool: meanwhile the calling
/// job's permit goes to them, and a worker more is started if need be. Anywhere else it just runs `wait`.
///
/// Returns when `wait` has returned and there is a permit for the job again: a limit inside `wait` does not bound it. The
/// waits of this module that take a limit, such as [`Task::join_timeout`](super::Task::join_timeout), keep it.
///
/// # Example
/// One worker, and a job that waits for the job behind it:
/// ```
/// use hence::{Pool, channel, pool::blocking};
/// let pool = Pool::new(1);
/// let (sender, receiver) = channel::bounded(0);
/// let first = pool.spawn(move || blocking(|| receiver.recv().unwrap())).unwrap();
/// pool.spawn(move || sender.send(7).unwrap()).unwrap().detach();
/// assert_eq!(first.join().unwrap(), 7);
/// ```
pub fn blocking<R>(wait: impl FnOnce() -> R) -> R {
    pause(&Limit::Until(None), wait)
}

/// Lets another job of the pool have the calling job's permit, if one wants it, and goes on when it is its turn again:
/// for a job that computes for long, or that looks again and again for what another job is to do. Queued jobs and those
/// that have yielded take turns (LV-PL-4). Anywhere else it yields the thread.
///
/// # Example
/// The notes' CPU hog, on one worker, made to share it:
/// ```
/// use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
/// let (pool, flag) = (hence::Pool::new(1), Arc::new(AtomicBool::new(false)));
/// let seen = flag.clone();
/// let hog = pool.spawn(move || while !seen.load(Ordering::Acquire) { hence::pool::yield_now() }).unwrap();
/// pool.spawn(move || flag.store(true, Ordering::Release)).unwrap().detach();
/// hog.join().unwrap();
/// ```
pub fn yield_now() {
    let lent = |current: &mut Current| (current.permit != Permit::None).then(|| (current.home.clone(), current.permit));
    let Some((home, permit)) = with_current(lent).flatten() else { return super::super::sync::yield_now() };
    if home.give_way(permit == Permit::Ending) {
        with_current(|current| current.permit = Permit::Held);
    }
}

/// A worker's way to its pool.
pub(super) trait Employer<S: 'static>: Home {
    fn next(&self, from: From, patient: bool) -> Next<Queued<S>>;

    /// Whether a worker that has been idle for long leaves: not if it has been called, or is one of the few that stay.
    fn expire(&self, ticket: Ticket) -> bool;

    /// The last thing that a worker says.
    fn leave(&self);
}

/// Runs jobs until there is nothing for this worker to do any more.
pub(super) fn work<S: 'static, E: Employer<S> + 'static>(pool: Arc<E>, make: Make<S>, keep_alive: Option<Duration>) {
    let home: Arc<dyn Home> = pool.clone();
    CURRENT.with(|current| *current.borrow_mut() = Some(Current { home, permit: Permit::Held }));
    let mut state = WorkerState { make: Some(make), state: None };
    let mut from = From::Wake;
    // Whether to look again before it is idle: whoever submits one job often submits more, and to wake a worker for each
    // costs more than to run them.
    let (mut patience, mut patient) = (None, TRIES_AGAIN);
    loop {
        match pool.next(from, patient) {
            Next::Again => {
                patient = patience.get_or_insert_with(Patience::new).yield_now();
                from = From::Wake;
                continue;
            }
            Next::Run(job) => {
                let ended = job.run(&mut state, &*pool);
                let permit = with_current(|current| mem::replace(&mut current.permit, Permit::Held));
                from = From::Job { ended, ending: permit == Some(Permit::Ending) };
            }
            Next::Idle(ticket, waiter) if is_called(&*pool, ticket, &waiter, keep_alive) => from = From::Wake,
            Next::Idle(..) | Next::Leave => break,
        }
        (patience, patient) = (None, TRIES_AGAIN);
    }
    // Without a permit, its destructor cannot give one away.
    with_current(|current| current.permit = Permit::None);
    state.discard(&*pool);
    CURRENT.with(|current| current.borrow_mut().take());
    pool.leave(); // HB-PL-3
    // It may be the last to hold what the pool was made of, the hook too.
    let_go(|| drop((state, pool)));
}

/// Waits for work; false if the worker is to leave.
fn is_called<S: 'static>(
    pool: &impl Employer<S>,
    ticket: Ticket,
    waiter: &Waiter,
    keep_alive: Option<Duration>,
) -> bool {
    let deadline = keep_alive.and_then(|keep_alive| now().checked_add(keep_alive));
    matches!(waiter.wait_or_leave(deadline, || pool.expire(ticket)), Some(Cause::Done(_)))
}
