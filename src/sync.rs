//! The facade: the only file, with those below it, that names `std::sync`, loom or shuttle.
//!
//! Everything above is written once against the names re-exported here and compiled in one of three worlds: natively,
//! under `--cfg loom` or under `--cfg shuttle`. A facade must not lie. It never adds an ordering that the real thing
//! lacks, and what a world leaves out is said here:
//!
//! | name | native | loom | shuttle |
//! |---|---|---|---|
//! | `Atomic*` | std's | loom's; the site can be weakened | shuttle's (sequentially consistent); orderings reach the watcher's clocks; the site can be weakened |
//! | `UnsafeCell` | std's | loom's, which reports races | std's; accesses reach the watcher, which reports races |
//! | [`Lock`] | [`spin::Lock`] | loom's `Mutex` | parked waiting; no scheduling point on release, which no schedule needs |
//! | [`Parker`] | [`parker::Parker`] | [`os::Handle`] | [`os::Handle`] |
//! | [`os::Handle`] | std's `park` and `unpark` | loom's `Notify`: one spurious return per handle | shuttle's `park`: as many spurious returns as the watcher asks for |
//! | [`now`] and its like | the monotonic clock | one virtual clock (see `sync/hook.rs`) | the same |
//! | [`random`] | by chance | always 0 | as the watcher chooses; 0 without one |
//! | [`Identity`] | an address | a number in the order of creation | the same |
//! | [`Alarm`] | [`alarm::Clock`]: threads that wake tasks and callbacks | a thread for each: it rings when it has its turn, unless the alarm was dropped before; so one thread's alarms ring in any order, and none is refused | the same |
//! | [`start`], [`yield_now`], [`thread_local`] | std's | loom's; a name and a stack size say nothing, no thread is refused | shuttle's; likewise |
//! | [`is_verdict`] | no panic | a race, a loop without end: not to be caught | likewise |
//! | [`Once`] | std's `OnceLock` | the same, and reports a look at it that is not ordered after its making | the same |
//! | `Arc`, `OnceLock` | std's | std's | std's |
//!
//! std's `Arc` (with its `Weak`) stands in every world: its documented contract (the last drop happens after all others) is an axiom of
//! the proofs, it costs the explorers no branch, and it gives the models no ordering that they could mistake for ours.
//! Leaks are found by counting drops, which the models do.
//!
//! So does std's `OnceLock`: that a value once put there stays where it is, and is seen whole, is an axiom. It is put
//! there, and looked for, under a lock of ours, or looked for by one who has done so before: so it decides nothing that an
//! explorer would have to try in another order. All it does is lend a reference that outlives the lock, safely.
//!
//! [`spin::Lock`], [`parker::Parker`] and [`alarm::Clock`] are compiled in every world, so that they have models of their
//! own; all other models use the explorer's lock, parker and alarm, which keep the same contracts (SF-LK-1, HB-LK-1,
//! HB-PK-1, LV-PK-1, LV-AL-1).
//!
//! Needs: `sync/native.rs`, `sync/alarm.rs`, `sync/parker.rs`, `sync/spin.rs`; under an explorer also `sync/hook.rs`
//! and `sync/under_loom.rs` or `sync/under_shuttle.rs`.

use std::mem;
use std::panic::{self, AssertUnwindSafe};

#[cfg(all(loom, shuttle))]
compile_error!("choose one explorer: `--cfg loom` or `--cfg shuttle`");

// Under an explorer only the models of these three use them.
#[cfg_attr(any(loom, shuttle), allow(dead_code))]
pub(crate) mod alarm;
// The explorers answer through it; a user's own model tests leave it alone.
#[cfg(any(loom, shuttle))]
#[allow(dead_code)]
pub(crate) mod hook;
#[cfg(not(any(loom, shuttle)))]
mod native;
#[cfg_attr(any(loom, shuttle), allow(dead_code))]
pub(crate) mod parker;
#[cfg_attr(any(loom, shuttle), allow(dead_code))]
pub(crate) mod spin;
#[cfg(loom)]
mod under_loom;
#[cfg(shuttle)]
mod under_shuttle;

#[cfg(not(any(loom, shuttle)))]
pub(crate) use native::*;
#[cfg(loom)]
pub(crate) use under_loom::*;
#[cfg(shuttle)]
pub(crate) use under_shuttle::*;

pub(crate) use std::sync::atomic::Ordering;
pub(crate) use std::sync::{Arc, OnceLock, Weak};

/// Runs user code whose panic is its owner's affair, and nobody's here. What an explorer has found is let through.
pub(crate) fn let_go<R>(code: impl FnOnce() -> R) {
    if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| drop(code()))) {
        if is_verdict(&*panic) {
            panic::resume_unwind(panic);
        }
        drop_quietly(panic);
    }
}

/// Drops what a panic has thrown. Its drop is user code, too: what that throws is let go of.
pub(crate) fn drop_quietly<T>(thrown: T) {
    panic::catch_unwind(AssertUnwindSafe(|| drop(thrown))).unwrap_or_else(mem::forget);
}
