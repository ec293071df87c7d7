//! What stands in a pool's queue: a job that a task stands for too, or one of which nothing more is heard, which belongs
//! to the queue alone. The second kind needs no stage, no line and no count: an empty closure costs no allocation.
//!
//! Needs: `pool/core.rs`, `pool/task.rs`, `pool/worker.rs`, `sync.rs`.

use std::any::Any;

use super::super::sync::Arc;
use super::core::{Ended, Job};
use super::task::Runs;
use super::worker::{Home, Work, WorkerState, attempt_and_forget, report_panic};

/// A job in the queue.
pub(super) enum Queued<S: 'static> {
    /// Whoever claims its packet runs it.
    Shared(Arc<dyn Runs<S>>),
    /// Whoever takes it out runs it.
    Forgotten(Box<dyn Forgotten<S>>),
}

/// A job of which nothing more is heard.
pub(super) trait Forgotten<S>: Send {
    fn run(self: Box<Self>, state: &mut WorkerState<S>, home: &dyn Home) -> Ended;

    fn discard(self: Box<Self>, home: &dyn Home);

    /// For whoever knows what it is.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<S, W: Work<S> + 'static> Forgotten<S> for W {
    fn run(self: Box<Self>, state: &mut WorkerState<S>, home: &dyn Home) -> Ended {
        attempt_and_forget(*self, state, home)
    }

    fn discard(self: Box<Self>, home: &dyn Home) {
        report_panic(home, || drop(self));
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl<S> Queued<S> {
    pub(super) fn forgotten(job: impl Work<S> + 'static) -> Self {
        Self::Forgotten(Box::new(job))
    }

    /// The job of which this was made by `forgotten`.
    pub(super) fn into_work<W: 'static>(self) -> W {
        match self {
            Self::Forgotten(job) => *job.into_any().downcast().expect("it was made of this"),
            Self::Shared(_) => unreachable!("it has a task"),
        }
    }

    /// Runs a job that has been claimed; its end is the caller's to tell the pool.
    pub(super) fn run(self, state: &mut WorkerState<S>, home: &dyn Home) -> Ended {
        match self {
            Self::Shared(job) => {
                let how = job.run(state, home);
                // The last one to hold a job that nobody joins drops its result.
                report_panic(home, || drop(job));
                how
            }
            Self::Forgotten(job) => job.run(state, home),
        }
    }

    /// Drops the work of a job that has been claimed; it ends as cancelled.
    pub(super) fn discard(self, home: &dyn Home) {
        match self {
            Self::Shared(job) => job.discard(home),
            Self::Forgotten(job) => job.discard(home),
        }
    }
}

impl<S> Job for Queued<S> {
    fn claim(&self) -> bool {
        match self {
            Self::Shared(job) => job.claim(),
            Self::Forgotten(_) => true,
        }
    }

    fn is_queued(&self) -> bool {
        match self {
            Self::Shared(job) => job.is_queued(),
            Self::Forgotten(_) => true,
        }
    }
}
