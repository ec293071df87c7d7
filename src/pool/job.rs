//! What stands in a pool's queue: a job that its submitter holds, too, or one of which nothing more is heard, which belongs
//! to the queue alone. The second kind needs no latch and no count: an empty closure costs no allocation.

// Needs: pool/home.rs, pool/work.rs, sync.rs, wait/latch.rs.

use super::super::sync::Arc;
use super::super::wait::{Ends, Latch};
use super::home::{Home, Tally, report_panic};
use super::work::{Work, WorkerState, attempt_and_forget};

/// The bit of a job's latch that says that it has been claimed.
const CLAIMED: usize = Latch::OWNERS;

/// Takes a job by its latch; true for the one caller who then runs or discards it.
pub(super) fn claim(job: &Latch) -> bool {
    // It need order nothing: the work came here with the packet itself (HB-PL-1).
    job.mark(CLAIMED)
}

/// A job in the queue.
pub(super) enum Queued<S: 'static> {
    /// Whoever claims it runs it.
    Shared(Arc<dyn Runs<S>>),
    /// Whoever takes it out runs it.
    Forgotten(Box<dyn Forgotten<S>>),
}

/// A job that others hold, too, as the queue sees it. A trait, as the next one, since jobs of all types stand in one queue.
pub(super) trait Runs<S>: Ends {
    /// Does the work of a job that has been claimed, and says how that ended.
    fn run(&self, state: &mut WorkerState<S>, home: &dyn Home) -> Tally;

    /// Drops the work of a job that has been claimed; it ends as cancelled.
    fn discard(&self, home: &dyn Home);
}

/// A job of which nothing more is heard: the same, of what is moved.
pub(super) trait Forgotten<S>: Send {
    fn run(self: Box<Self>, state: &mut WorkerState<S>, home: &dyn Home) -> Tally;

    fn discard(self: Box<Self>, home: &dyn Home);
}

impl<S, W: Work<S>> Forgotten<S> for W {
    fn run(self: Box<Self>, state: &mut WorkerState<S>, home: &dyn Home) -> Tally {
        attempt_and_forget(*self, state, home)
    }

    fn discard(self: Box<Self>, home: &dyn Home) {
        report_panic(home, || drop(self));
    }
}

impl<S, W: Work<S> + 'static> From<Box<W>> for Queued<S> {
    fn from(job: Box<W>) -> Self {
        Self::Forgotten(job)
    }
}

impl<S> Queued<S> {
    /// Takes it; true for the one caller who then runs or discards it.
    pub(super) fn claim(&self) -> bool {
        if let Self::Shared(job) = self { claim(job.latch()) } else { true }
    }

    /// Whether nobody has taken it.
    pub(super) fn is_queued(&self) -> bool {
        if let Self::Shared(job) = self { !job.latch().is_marked(CLAIMED) } else { true }
    }

    /// Runs a job that has been claimed; its end is the caller's to tell the pool.
    pub(super) fn run(self, state: &mut WorkerState<S>, home: &dyn Home) -> Tally {
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
