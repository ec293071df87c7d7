//! The errors of pools: a refused job comes back.

// Needs: nothing.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a job was not accepted, and the job.
pub enum SpawnError<W> {
    /// The pool accepts no more jobs.
    Closed(W),
    /// There is no room, and this form does not wait; or too many wait already.
    Full(W),
    /// There was no room until the time was up.
    TimedOut(W),
    /// The token was cancelled.
    Cancelled(W),
    /// The pool has no worker, and the operating system starts no thread: why.
    NoThread(W, io::Error),
}

impl<W> SpawnError<W> {
    /// The job.
    ///
    /// ```
    /// let pool = hence::Pool::new(1);
    /// pool.close();
    /// let job = pool.spawn(|| 7).unwrap_err().into_inner();
    /// assert_eq!(job(), 7);
    /// ```
    pub fn into_inner(self) -> W {
        match self {
            SpawnError::Closed(work)
            | SpawnError::Full(work)
            | SpawnError::TimedOut(work)
            | SpawnError::Cancelled(work)
            | SpawnError::NoThread(work, _) => work,
        }
    }

    /// Whether the pool accepts no more jobs.
    ///
    /// ```
    /// assert!(hence::pool::SpawnError::Closed(|| 7).is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        matches!(self, SpawnError::Closed(_))
    }

    /// Whether there was no room.
    ///
    /// ```
    /// assert!(hence::pool::SpawnError::Full(|| 7).is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        matches!(self, SpawnError::Full(_))
    }
}

impl SpawnError<()> {
    /// The same of a job that is handed back.
    pub(super) fn hand_back<W>(self, job: W) -> SpawnError<W> {
        match self {
            SpawnError::Closed(()) => SpawnError::Closed(job),
            SpawnError::Full(()) => SpawnError::Full(job),
            SpawnError::TimedOut(()) => SpawnError::TimedOut(job),
            SpawnError::Cancelled(()) => SpawnError::Cancelled(job),
            SpawnError::NoThread((), error) => SpawnError::NoThread(job, error),
        }
    }
}

// By hand: a job that cannot be shown can be handed back all the same.
impl<W> fmt::Debug for SpawnError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnError::Closed(_) => f.pad("Closed(..)"),
            SpawnError::Full(_) => f.pad("Full(..)"),
            SpawnError::TimedOut(_) => f.pad("TimedOut(..)"),
            SpawnError::Cancelled(_) => f.pad("Cancelled(..)"),
            SpawnError::NoThread(_, error) => write!(f, "NoThread(.., {error:?})"),
        }
    }
}

impl<W> fmt::Display for SpawnError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            SpawnError::Closed(_) => "the pool is closed",
            SpawnError::Full(_) => "the pool's queue is full",
            SpawnError::TimedOut(_) => "timed out waiting for a place in the pool's queue",
            SpawnError::Cancelled(_) => "cancelled waiting for a place in the pool's queue",
            SpawnError::NoThread(..) => "no thread could be started for the pool",
        })
    }
}

impl<W> Error for SpawnError<W> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let SpawnError::NoThread(_, error) = self { Some(error) } else { None }
    }
}

/// Why a wait for a pool ended without what it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitError {
    /// The time was up.
    TimedOut,
    /// A job waits for its own pool: it would wait for itself. What else the call does has been done.
    WouldDeadlock,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            WaitError::TimedOut => "timed out waiting for the pool",
            WaitError::WouldDeadlock => "a job cannot wait for its own pool",
        })
    }
}

impl Error for WaitError {}

/// A pool needs at least one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoWorkers;

impl fmt::Display for NoWorkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("a pool needs at least one worker")
    }
}

impl Error for NoWorkers {}
