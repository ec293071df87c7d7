//! What an explorer may ask of the facade: to be told of every access, and to be asked before some of them; and what is
//! the same under both explorers.
//!
//! The hook is thin on purpose: clocks, choices and the table of weakenings live with the explorers, in
//! `verification/`. Without a watcher (a user's own model tests) every method is the default below, which does nothing.

use std::panic::Location;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::task::Waker;

/// Where in the source an operation is written.
pub(crate) type Site = &'static Location<'static>;

/// What the facade is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// An atomic access, with its success and failure orderings.
    Atomic(Ordering, Ordering),
    /// An atomic store, as a whole.
    Store,
    /// A wake-up of a thread or a task.
    Wake,
    /// The taking of a lock.
    Lock,
}

/// What becomes of an operation while a model runs against a weakened crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weakened {
    /// Success and failure orderings to use instead.
    Order(Ordering, Ordering),
    /// A compare-exchange that takes whatever it finds.
    Unchecked,
    /// The operation is left out.
    Dropped,
}

/// An explorer's view of an execution, called by the thread that does the access. loom keeps clocks of its own and asks
/// only for weakenings.
#[allow(unused_variables)]
pub(crate) trait Watch: Sync {
    /// Whether the operation at `site` is weakened: asked before each one.
    fn weakened(&self, site: Site, operation: Operation) -> Option<Weakened> {
        None
    }
    /// A number for a location, unique within the execution and never 0.
    #[cfg(shuttle)]
    fn fresh(&self) -> usize {
        0
    }
    /// An atomic load from location `id`.
    #[cfg(shuttle)]
    fn load(&self, id: usize, order: Ordering) {}
    /// An atomic store to location `id`.
    #[cfg(shuttle)]
    fn store(&self, id: usize, order: Ordering) {}
    /// An atomic read-modify-write of location `id`.
    #[cfg(shuttle)]
    fn rmw(&self, id: usize, order: Ordering) {}
    /// Plain memory `id` is accessed at `site`; `write` unless it is only read.
    #[cfg(shuttle)]
    fn access(&self, id: usize, write: bool, site: Site) {}
    /// Whether a `park` without a token returns all the same.
    #[cfg(shuttle)]
    fn spurious(&self) -> bool {
        false
    }
}

struct Nobody;
impl Watch for Nobody {}

static WATCHER: OnceLock<&'static dyn Watch> = OnceLock::new();

/// Installs the watcher of this process, once.
pub(crate) fn install(watcher: &'static dyn Watch) {
    assert!(WATCHER.set(watcher).is_ok(), "a watcher is installed already");
}

pub(crate) fn watch() -> &'static dyn Watch {
    *WATCHER.get().unwrap_or(&(&Nobody as &dyn Watch))
}

/// Orderings to use at `site`, and whether the comparison counts.
pub(super) fn orders(site: Site, success: Ordering, failure: Ordering) -> (Ordering, Ordering, bool) {
    match watch().weakened(site, Operation::Atomic(success, failure)) {
        Some(Weakened::Order(success, failure)) => (success, failure, true),
        Some(Weakened::Unchecked) => (success, failure, false),
        Some(Weakened::Dropped) | None => (success, failure, true),
    }
}

/// Whether the operation at `site` is left out.
pub(super) fn dropped(site: Site, operation: Operation) -> bool {
    watch().weakened(site, operation) == Some(Weakened::Dropped)
}

/// Wakes a task.
#[track_caller]
pub(crate) fn wake(waker: Waker) {
    if !dropped(Location::caller(), Operation::Wake) {
        waker.wake();
    }
}

/// How often the production parker looks before it parks: twice, so that its model walks that path.
#[derive(Debug)]
pub(crate) struct Patience(bool);

impl Patience {
    pub(crate) fn new() -> Self {
        Self(true)
    }

    /// Says that it yielded, the first time. A yield is a hint: every schedule stays possible without it.
    pub(crate) fn yield_now(&mut self) -> bool {
        std::mem::replace(&mut self.0, false)
    }
}
