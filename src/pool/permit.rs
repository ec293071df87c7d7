//! The permit of the job on the calling thread, which goes to others while the job waits.

// Needs: pool/home.rs, pool/limit.rs, sync.rs.

use std::cell::RefCell;
use std::mem;
use std::ptr;

use super::super::sync::{Arc, is_over, thread_local, yield_now as yield_thread};
use super::home::Home;
use super::limit::Limit;

/// The pool whose worker a thread is.
struct Current {
    home: Arc<dyn Home>,
    permit: Permit,
}

/// What user code that runs on a worker may give to others while it waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
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

/// Says whose worker the calling thread is from now on, and that it holds a permit.
pub(super) fn set_home(home: Option<Arc<dyn Home>>) {
    let current = home.map(|home| Current { home, permit: Permit::Held });
    drop(CURRENT.with(|variable| variable.replace(current)));
}

/// Whether the calling thread is a worker of this pool.
pub(super) fn is_inside(home: &dyn Home) -> bool {
    with_current(|current| ptr::addr_eq(&raw const *current.home, &raw const *home)).unwrap_or(false)
}

/// Whether a job of this pool runs on the calling thread, and holds its permit: not one that is promised to others.
pub(super) fn holds_permit(home: &dyn Home) -> bool {
    is_inside(home) && with_current(|current| current.permit == Permit::Held).unwrap_or(false)
}

/// Sets what user code on the calling thread may give away; says what that was, if it is a worker's.
pub(super) fn set_permit(permit: Permit) -> Option<Permit> {
    with_current(|current| mem::replace(&mut current.permit, permit))
}

/// Takes the permit away from the user code on the calling thread: whose it is, and whether it counts as ending.
fn lend() -> Option<(Arc<dyn Home>, bool)> {
    let lend = |current: &mut Current| match mem::replace(&mut current.permit, Permit::None) {
        Permit::None => None,
        permit => Some((current.home.clone(), permit == Permit::Ending)),
    };
    with_current(lend).flatten()
}

/// Of the job on the calling worker, which is about to publish its outcome.
pub(super) fn announce_end(home: &dyn Home) {
    if home.ending() {
        set_permit(Permit::Ending);
    }
}

/// Lends the permit of the job on the calling thread, whatever its pool, while it waits; it goes on when there is a permit
/// for it again, or when the limit is over.
pub(super) fn pause<R>(limit: &Limit<'_>, wait: impl FnOnce() -> R) -> R {
    struct Suspended<'a>(Arc<dyn Home>, &'a Limit<'a>);
    impl Drop for Suspended<'_> {
        fn drop(&mut self) {
            if !is_over() {
                self.0.resume(self.1);
                set_permit(Permit::Held);
            }
        }
    }
    if limit.is_over() {
        return wait(); // which looks once
    }
    let _suspended = lend().map(|(home, ending)| {
        home.suspend(ending);
        Suspended(home, limit)
    });
    wait()
}

/// Runs `wait`, which may block for long. Call this in a job around a wait for other jobs of the same pool. Meanwhile
/// the permit of the calling job goes to other jobs, and one more worker is started if necessary. Outside a job, only
/// runs `wait`.
///
/// Returns when `wait` has returned *and* the calling job has a permit again. So a timeout inside `wait` does not limit
/// the whole call. If you need a limit, use the waits of this module that take one, such as
/// [`Task::join_timeout`](super::Task::join_timeout): they return in time.
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
#[doc(alias = "block_in_place")]
#[doc(alias = "ManagedBlocker")]
pub fn blocking<R>(wait: impl FnOnce() -> R) -> R {
    pause(&Limit::NONE, wait)
}

/// Offers the permit of the calling job to another job of its pool. If one wants the permit, waits until it is the
/// calling job's turn again. Outside a job, yields the thread.
///
/// Call this in a job that computes for long, or that checks in a loop whether another job has done something. Queued
/// jobs and jobs that have yielded take turns ([LV-PL-4](crate::pool#LV-PL-4)).
///
/// # Example
/// A job that never blocks shares the only worker:
/// ```
/// use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
/// let (pool, flag) = (hence::Pool::new(1), Arc::new(AtomicBool::new(false)));
/// let seen = flag.clone();
/// let hog = pool.spawn(move || while !seen.load(Ordering::Acquire) { hence::pool::yield_now() }).unwrap();
/// pool.spawn(move || flag.store(true, Ordering::Release)).unwrap().detach();
/// hog.join().unwrap();
/// ```
#[doc(alias = "Gosched")]
pub fn yield_now() {
    let Some((home, ending)) = lend() else { return yield_thread() };
    let gave_way = home.give_way(ending);
    set_permit(if ending && !gave_way { Permit::Ending } else { Permit::Held });
}
