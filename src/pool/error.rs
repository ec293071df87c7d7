//! The errors of pools: a refused job comes back.

// Needs: nothing.

use std::error::Error;
use std::fmt;
use std::io;

/// Why the pool did not accept a job. It contains the job.
#[doc(alias = "ErrPoolClosed")]
#[doc(alias = "ErrPoolOverload")]
#[doc(alias = "RejectedExecutionException")]
pub enum SpawnError<W> {
    /// The pool is closed: it accepts no more jobs.
    Closed(W),
    /// There was no room, and this method does not wait; or too many submitters waited already.
    Full(W),
    /// There was no room before the timeout or the deadline.
    TimedOut(W),
    /// The token was cancelled before the job was accepted.
    Cancelled(W),
    /// The pool has no worker, and the operating system refused to start a thread. Contains the system's error.
    NoThread(W, io::Error),
}

impl<W> SpawnError<W> {
    /// Returns the job.
    ///
    /// ```
    /// let pool = hence::Pool::new(1);
    /// pool.close();
    /// let job = pool.spawn(|| 7).unwrap_err().into_inner();
    /// assert_eq!(job(), 7);
    /// ```
    pub fn into_inner(self) -> W {
        match self {
            Self::Closed(work) | Self::Full(work) | Self::TimedOut(work) | Self::Cancelled(work) => work,
            Self::NoThread(work, _) => work,
        }
    }

    /// Returns true if the pool was closed.
    ///
    /// ```
    /// assert!(hence::pool::SpawnError::Closed(|| 7).is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        matches!(self, SpawnError::Closed(_))
    }

    /// Returns true if there was no room ([`SpawnError::Full`]).
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

impl<W> Error for SpawnError<W> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let SpawnError::NoThread(_, error) = self { Some(error) } else { None }
    }
}

/// Why a wait for a pool failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitError {
    /// The timeout or the deadline passed first.
    TimedOut,
    /// A job called this for its own pool: the job would wait for itself. Everything else that the call does, such as
    /// to close the pool, has been done.
    WouldDeadlock,
}

/// The limit was 0: a pool needs at least one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoWorkers;

shown! {
    Display:
    SpawnError<W> {
        Self::Closed(_) => "the pool is closed",
        Self::Full(_) => "the pool's queue is full",
        Self::TimedOut(_) => "timed out waiting for a place in the pool's queue",
        Self::Cancelled(_) => "cancelled waiting for a place in the pool's queue",
        Self::NoThread(..) => "no thread could be started for the pool",
    }
}

errors! {
    WaitError {
        Self::TimedOut => "timed out waiting for the pool",
        Self::WouldDeadlock => "a job cannot wait for its own pool",
    }
    NoWorkers { Self => "a pool needs at least one worker" }
}
