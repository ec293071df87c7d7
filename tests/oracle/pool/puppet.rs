//! The jobs of the crate's pool, and what may panic in one.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use hence::pool::{Scope, SpawnError, TaskError, Work, WorkerState};
use hence::{CancellationToken, Pool};

use super::super::util::{Drops, Tracked, quietly};
use super::model::Verdict;
use super::{End, Failure, Submit};

/// Panics where it is dropped, if it is armed; but not while something else unwinds.
#[derive(Debug)]
pub(super) struct Bomb(pub(super) bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 && !thread::panicking() {
            resume_unwind(Box::new(())) // no allocation: what the drop of a panic throws is forgotten, on purpose
        }
    }
}

/// What a job results in. The number is counted before the bomb goes off.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) _dropped: Tracked,
    pub(super) _bomb: Bomb,
}

/// A worker's state.
pub(super) struct State {
    pub(super) drops: Arc<AtomicUsize>,
    pub(super) panics: bool,
}

impl Drop for State {
    fn drop(&mut self) {
        if self.panics {
            self.drops.fetch_add(1, Relaxed);
            quietly("a state")
        }
    }
}

pub(super) enum Command {
    Do(Box<dyn FnOnce() + Send>),
    End(End),
}

/// A job: does what it is told, until it is told to end, or nobody can tell it anything any more.
pub(super) struct Puppet {
    pub(super) number: usize,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) results: Drops,
    pub(super) dropped: Tracked,
    pub(super) bomb: Bomb,
}

impl Puppet {
    pub(super) fn play(self) -> Value {
        let Self { number, commands, results, dropped, bomb } = self;
        let end = loop {
            match commands.recv() {
                Ok(Command::Do(what)) => what(),
                Ok(Command::End(end)) => break end,
                Err(mpsc::RecvError) => break End::Return,
            }
        };
        match end {
            End::Return | End::ReturnBomb => {
                drop((dropped, bomb));
                Value { _dropped: results.value(number), _bomb: Bomb(end == End::ReturnBomb) }
            }
            End::Panic => resume_unwind(Box::new(number)),
            End::PanicBomb => resume_unwind(Box::new(Bomb(true))),
        }
    }
}

/// The same, with a worker's state.
pub(super) struct WithState(pub(super) Puppet);

impl Work<State> for WithState {
    type Output = Value;
    const BORROWS_STATE: bool = true;

    fn run(self, state: &mut WorkerState<State>) -> Value {
        let _state = state.get();
        self.0.play()
    }
}

impl Work<State> for Puppet {
    type Output = Value;
    const BORROWS_STATE: bool = false;

    fn run(self, _state: &mut WorkerState<State>) -> Value {
        self.play()
    }
}

/// The jobs of a scope, the last of which may fail.
pub(super) fn spawn_all<'scope>(
    scope: &'scope Scope<'scope, '_, usize, usize, State>,
    jobs: usize,
    fails: Option<Failure>,
    accepted: bool,
) {
    assert!(!accepted || !scope.token().is_cancelled());
    for i in 0..jobs {
        let fails = fails.filter(|_| i + 1 == jobs);
        let job = move || match fails {
            None => Ok(i),
            Some(Failure::Error) => Err(i),
            Some(Failure::Panic) => quietly("a job of a scope"),
        };
        assert_eq!(scope.spawn(job).is_ok(), accepted);
    }
}

pub(super) type Task = hence::pool::Task<Value>;
pub(super) type Outcome = Result<Value, TaskError>;

/// Submits a job: a task, if it has one, or why not. The job that comes back is dropped.
pub(super) fn submit<W>(
    pool: &Pool<State>,
    job: W,
    how: Submit,
    token: &CancellationToken,
) -> Result<Option<Task>, Verdict>
where
    W: Work<State, Output = Value> + 'static,
{
    let refused = |error: SpawnError<W>| {
        let verdict = match error {
            SpawnError::Closed(_) => Verdict::Closed,
            SpawnError::Full(_) => Verdict::Full,
            SpawnError::TimedOut(_) => Verdict::TimedOut,
            SpawnError::Cancelled(_) => Verdict::Cancelled,
            SpawnError::NoThread(_, ref error) => panic!("no thread: {error}"),
        };
        drop_contained(error.into_inner());
        verdict
    };
    match how {
        Submit::Spawn => pool.spawn(job).map(Some),
        Submit::TrySpawn => pool.try_spawn(job).map(Some),
        Submit::Timeout => pool.spawn_timeout(job, Duration::ZERO).map(Some),
        Submit::Deadline => pool.spawn_deadline(job, Instant::now()).map(Some),
        Submit::OrCancelled { .. } => pool.spawn_or_cancelled(job, token).map(Some),
        Submit::Execute => pool.execute(job).map(|()| None),
    }
    .map_err(refused)
}

/// Drops what may hold a bomb.
pub(super) fn drop_contained<T>(value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}
