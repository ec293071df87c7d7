//! What a job does, and the state of the worker that it may borrow for that; run behind the panic boundary.

// Needs: pool/home.rs, pool/panic.rs, sync.rs.

use std::fmt;

use super::super::sync::{Arc, drop_quietly};
use super::home::{Home, Tally, report_panic};
use super::panic::{Payload, catch_panic};

/// What a pool can run. Closures `FnOnce() -> T` implement it, and jobs made by [`with_state`], which borrow the state
/// of their worker. A type of yours can implement it, too.
#[doc(alias = "Runnable")]
#[doc(alias = "Callable")]
pub trait Work<S>: Send {
    /// The type of the result.
    type Output;

    /// Whether the job asks for the worker's state. If false, a job that joins this one may run it on the spot.
    const BORROWS_STATE: bool;

    /// Runs the job.
    fn run(self, state: &mut WorkerState<S>) -> Self::Output;
}

impl<S, T, F: FnOnce() -> T + Send> Work<S> for F {
    type Output = T;
    const BORROWS_STATE: bool = false;

    fn run(self, _state: &mut WorkerState<S>) -> T {
        self()
    }
}

/// A job that borrows the state of its worker. Made by [`with_state`].
pub struct WithState<F>(F);

/// Makes a job that borrows the state of the worker that runs it: see [`Builder::state`](super::Builder::state).
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

shown! { Debug: WithState<F> { Self(_) => "WithState(..)" } }

/// Does the work, with the worker's state if it borrows that; a panic has been reported, and is the caller's.
pub(super) fn attempt<S, W: Work<S>>(
    work: W,
    state: &mut WorkerState<S>,
    home: &dyn Home,
) -> Result<W::Output, Payload> {
    let done = catch_panic(|| if W::BORROWS_STATE { work.run(state) } else { work.run(&mut WorkerState::new(None)) });
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
pub(super) fn attempt_and_forget<S, W: Work<S>>(work: W, state: &mut WorkerState<S>, home: &dyn Home) -> Tally {
    match attempt(work, state, home) {
        Ok(result) => {
            report_panic(home, || drop(result));
            Tally::COMPLETED
        }
        Err(panic) => {
            drop_quietly(panic);
            Tally::PANICKED
        }
    }
}

/// Makes a worker's state.
pub(super) type Make<S> = Arc<dyn Fn() -> S + Send + Sync>;

/// The state of one worker. It is made when a job first asks for it.
pub struct WorkerState<S> {
    /// `None` where a job runs that does not borrow it.
    make: Option<Make<S>>,
    state: Option<S>,
}

impl<S> WorkerState<S> {
    /// None is made yet; none ever, without `make`.
    pub(super) const fn new(make: Option<Make<S>>) -> Self {
        Self { make, state: None }
    }

    /// Borrows the state. Makes it first, if there is none.
    ///
    /// # Panics
    /// If the function that makes the state panics. In a job whose [`Work::BORROWS_STATE`] is false.
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
