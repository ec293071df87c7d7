//! A pool as its jobs see it.

// Needs: pool/limit.rs, pool/panic.rs, sync.rs, wait/latch.rs.

use super::super::sync::drop_quietly;
use super::super::wait::Latch;
use super::limit::Limit;
use super::panic::{Payload, catch_panic};

/// A pool, whatever the state of its workers: a trait, since neither a task nor the thread that a job runs on knows the type
/// of that.
pub(super) trait Home: Send + Sync {
    /// Has a queued job claimed out of turn, by its latch: true for the one caller who then runs or discards it.
    fn withdraw(&self, job: &Latch) -> bool;

    /// A job that was claimed out of turn has ended.
    fn end(&self, how: Tally);

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

/// How jobs have ended.
#[derive(Clone, Copy)]
pub(super) struct Tally {
    pub(super) completed: u64,
    pub(super) panicked: u64,
    pub(super) cancelled: u64,
}

impl Tally {
    pub(super) const COMPLETED: Self = Self { completed: 1, panicked: 0, cancelled: 0 };
    pub(super) const PANICKED: Self = Self { completed: 0, panicked: 1, cancelled: 0 };

    /// So many jobs have been cancelled.
    pub(super) const fn cancelled(jobs: u64) -> Self {
        Self { completed: 0, panicked: 0, cancelled: jobs }
    }
}

/// Runs a destructor, or the like, whose panic is the hook's and nobody else's.
pub(super) fn report_panic<R>(home: &dyn Home, code: impl FnOnce() -> R) {
    if let Err(panic) = catch_panic(|| drop(code())) {
        home.report(&panic);
        drop_quietly(panic);
    }
}
