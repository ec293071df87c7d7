//! The facade: the only file, with those below it, that names `std::sync`, loom or shuttle.
//!
//! Everything above is written once against the names re-exported here and compiled in one of three worlds: natively,
//! or, with the feature `loom` or `shuttle`, under `--cfg hence_loom` or `--cfg hence_shuttle`. A facade must not lie. It
//! never adds an ordering that the real thing lacks, and what a world leaves out is said here:
//!
//! | name | native | loom | shuttle |
//! |---|---|---|---|
//! | `Atomic*` | std's | loom's; the site can be weakened | shuttle's (sequentially consistent); orderings reach the watcher's clocks; the site can be weakened |
//! | `UnsafeCell` | std's | loom's, which reports races | std's; accesses reach the watcher, which reports races |
//! | [`Lock`] | [`spin::Lock`] | loom's `Mutex` | parked waiting; no scheduling point on release, which no schedule needs |
//! | [`Parker`] | [`parker::Parker`] | [`OsHandle`] | [`OsHandle`] |
//! | [`OsHandle`] | std's `park` and `unpark` | loom's `Notify`: one spurious return per handle | shuttle's `park`: as many spurious returns as the watcher asks for |
//! | [`now`] and its like | the monotonic clock | one virtual clock (see `sync/hook.rs`) | the same |
//! | [`random`] | by chance | 0, or as the environment says | as the watcher chooses; as shuttle does without one |
//! | [`Identity`] | an address | a number in the order of creation | the same |
//! | [`Alarm`] | [`alarm::Clock`]: threads that wake tasks and callbacks | a thread for each: it rings when it has its turn, unless the alarm was dropped before; so one thread's alarms ring in any order, and none is refused. In a user's model a task's rings at once | the same |
//! | [`start`], [`yield_now`], [`thread_local`] | std's | loom's; a name and a stack size say nothing; a model may have a thread refused | shuttle's; likewise |
//! | [`is_model_failure`] | no panic | a race, a loop without end: not to be caught | likewise |
//! | [`is_over`]: drops do nothing | never | while a user's model unwinds, and outside an execution | outside an execution |
//! | [`ends_the_execution`]: a panic is not contained | never | in a user's model | the same, unless the pool has a hook |
//! | [`Once`] | std's `OnceLock` | the same, and reports a look at it that is not ordered after its making | the same |
//! | [`SPINS_FIRST`], [`FEW`] | worth its while | not again; after one, so that few jobs get there | the same |
//! | [`makes_rings_at_once`], [`LEAST_RING`] | never: a channel of two places or more makes its ring once its lock has been contended; in the tests of `verification/rings` with the channel | as the model says, and of one place, too; in most there is none | the same |
//! | `Arc` | std's | std's | std's |
//!
//! std's `Arc` (with its `Weak`) stands in every world: its documented contract (the last drop happens after all others) is an axiom of
//! the proofs, it costs the explorers no branch, and it gives the models no ordering that they could mistake for ours.
//! Leaks are found by counting drops, which the models do.
//!
//! [`spin::Lock`], [`parker::Parker`] and [`alarm::Clock`] are compiled in every world, so that they have models of their
//! own; all other models use the explorer's lock, parker and alarm, which keep the same contracts (SF-LK-1, HB-LK-1,
//! HB-PK-1, LV-PK-1, SF-AL-1, LV-AL-1).

// Needs: sync/alarm.rs, sync/native.rs, sync/parker.rs, sync/spin.rs. Under an explorer: sync/under_loom.rs,
// sync/under_shuttle.rs.

use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

// The world is chosen here, and nothing else in `src/` asks, but examples that are not to run under an explorer. The feature brings the explorer; without it there is one
// error, this one, since all else is compiled natively.
#[cfg(all(any(loom, hence_loom), not(feature = "loom")))]
compile_error!(
    "`--cfg hence_loom` (or `loom`) needs the feature `loom` of `hence`: \
     [target.'cfg(hence_loom)'.dev-dependencies] hence = { version = \"0.1\", features = [\"loom\"] }"
);
#[cfg(all(any(shuttle, hence_shuttle), not(feature = "shuttle")))]
compile_error!(
    "`--cfg hence_shuttle` (or `shuttle`) needs the feature `shuttle` of `hence`: \
     [target.'cfg(hence_shuttle)'.dev-dependencies] hence = { version = \"0.1\", features = [\"shuttle\"] }"
);
#[cfg(all(any(loom, hence_loom), any(shuttle, hence_shuttle)))]
compile_error!("choose one explorer: `--cfg hence_loom` or `--cfg hence_shuttle`");

#[cfg(all(any(loom, hence_loom), feature = "loom"))]
#[path = "sync/under_loom.rs"]
mod world;
#[cfg(all(any(shuttle, hence_shuttle), feature = "shuttle"))]
#[path = "sync/under_shuttle.rs"]
mod world;
#[cfg(not(any(all(any(loom, hence_loom), feature = "loom"), all(any(shuttle, hence_shuttle), feature = "shuttle"))))]
#[path = "sync/native.rs"]
mod world;

// Under an explorer only the models of these three use them.
#[allow(dead_code)]
pub(crate) mod alarm;
#[allow(dead_code)]
pub(crate) mod parker;
#[allow(dead_code)]
pub(crate) mod spin;

pub(crate) use world::*;

pub(crate) use std::sync::atomic::Ordering;
pub(crate) use std::sync::{Arc, Weak};

/// Whether `deadline` has passed, asked before a wait.
pub(crate) fn passed(deadline: Instant) -> bool {
    now() >= deadline
}

/// Runs user code whose panic is its owner's affair, and nobody's here. What an explorer has found is let through.
pub(crate) fn ignore_panic<R>(code: impl FnOnce() -> R) {
    if is_over() {
        return mem::forget(code);
    }
    if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| drop(code()))) {
        if is_model_failure(&*panic) || ends_the_execution(false) {
            panic::resume_unwind(panic);
        }
        drop_quietly(panic);
    }
}

/// Drops what a panic has thrown. Its drop is user code, too: what that throws is let go of.
pub(crate) fn drop_quietly<T>(thrown: T) {
    panic::catch_unwind(AssertUnwindSafe(|| drop(thrown))).unwrap_or_else(mem::forget);
}
