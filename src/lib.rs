//! Channels, selects, timers, cancellation, wait groups and pools, for threads and tasks. Their guarantees are written
//! down, numbered, and checked.
//!
//! A guarantee is a sentence with an ID. It stands in the docs of the module that gives it. A model checker explores
//! each guarantee completely, and each is shown to fail when the operation that it rests on is weakened.
//! `cargo verify`, in the repository, does both.
//!
//! ```
//! # if cfg!(any(loom, shuttle, hence_loom, hence_shuttle)) { return; } // an explorer runs models only
//! use hence::{WaitGroup, channel};
//!
//! let (jobs, queue) = channel::bounded(16);
//! let group = WaitGroup::new();
//! for _ in 0..4 {
//!     let (queue, guard) = (queue.clone(), group.guard());
//!     std::thread::spawn(move || {
//!         queue.iter().for_each(|job: u32| drop(job * 2));
//!         drop(guard); // HB-WG-1: all of the above happens before `wait` returns
//!     });
//! }
//! (0..100).for_each(|job| jobs.send(job).unwrap()); // HB-CH-1: happens before its receive returns
//! jobs.close(); // SF-CH-4: what was sent is still received
//! group.wait();
//! ```
//!
//! # Under a model checker
//!
//! Your own models can use this crate. With the feature `loom` and `--cfg hence_loom` in RUSTFLAGS (or `shuttle` and
//! `--cfg hence_shuttle`), the crate runs on the primitives of that explorer, with the same API, and the explorer
//! explores the crate's code as part of your model (README, "Under your own model tests"). The head of `src/sync.rs`
//! and proofs.md list what each explorer leaves out.
//!
//! # The map
//!
//! | module | what it holds | needs |
//! |---|---|---|
//! | [`pool`] | [`Pool`]: jobs on workers, tasks, the panic boundary, resizing, shutdown, scopes | `cancel`, `channel`, `channel/`, `wait`, `sync` |
//! | [`cancel`] | [`CancellationToken`]: a tree of latches; operations that it can end | `channel/`, `wait_group`, `wait`, `sync`, `error` |
//! | [`channel`] | bounded, rendezvous and unbounded channels; selects and timers, under crossbeam-channel's names | `channel/`, `select`, `timer`, `sync`, `error` |
//! | [`select`](mod@select) | `select!` and `Select`: of many operations, one | `channel/`, `timer`, `wait`, `sync`, `error` |
//! | [`timer`] | `after`, `at`, `tick`, `tick_delayed`, `never`: receivers of moments | `channel/`, `wait`, `sync` |
//! | `channel/` | the folder: the channel itself, and the handles of its two sides, blocking, timed and async | `timer`, `wait`, `sync`, `error` |
//! | [`wait_group`] | [`WaitGroup`] and its guards | `wait`, `sync` |
//! | `wait` | a waiter (thread or task), the queue it stands in, and the latch | `sync` |
//! | `sync` | the facade over std, loom and shuttle; the lock, the parker and the alarm clock | |
//! | `error` | errors that hand back what they refused | |
//!
//! (`timer/`, the state of a timer, lies below `channel/`, and `timer` above it: ARCHITECTURE.md draws the floors file by file.)
//!
//! # Index of guarantees
//!
//! The full sentence of each guarantee stands in the module that the last column names. `proofs.md` has a row for each:
//! what it rests on, and how its models are made to fail.
//!
//! | ID | what it says, in short | stated at |
//! |---|---|---|
//! | [HB-CH-1](crate::channel#HB-CH-1) | a send happens before the receive that takes its value | [`channel`] |
//! | [HB-CH-2](crate::channel#HB-CH-2) | the k-th receive happens before the (k+C)-th send returns | [`channel`] |
//! | [HB-CH-3](crate::channel#HB-CH-3) | a close happens before what fails because of it | [`channel`] |
//! | [HB-CH-4](crate::channel#HB-CH-4) | the drop of every peer happens before what fails because of it | [`channel`] |
//! | [SF-CH-1](crate::channel#SF-CH-1) | each value is received, handed back or dropped, once | [`channel`] |
//! | [SF-CH-2](crate::channel#SF-CH-2) | first in, first out | [`channel`] |
//! | [SF-CH-3](crate::channel#SF-CH-3) | never more than C values are held | [`channel`] |
//! | [SF-CH-4](crate::channel#SF-CH-4) | what was sent before a close can be received after it | [`channel`] |
//! | [SF-CH-5](crate::channel#SF-CH-5) | a dropped future takes nothing with it | [`channel`] |
//! | [LV-CH-1](crate::channel#LV-CH-1) | no wake-up is lost | [`channel`] |
//! | [LV-CH-2](crate::channel#LV-CH-2) | a close wakes everyone | [`channel`] |
//! | [HB-SEL-1](mod@crate::select#HB-SEL-1) | a select's operation has the edges of the operation alone | [`select`](mod@select) |
//! | [SF-SEL-1](mod@crate::select#SF-SEL-1) | exactly one operation happens | [`select`](mod@select) |
//! | [SF-SEL-2](mod@crate::select#SF-SEL-2) | the others leave no trace | [`select`](mod@select) |
//! | [SF-SEL-3](mod@crate::select#SF-SEL-3) | `default` says that at one moment none was ready | [`select`](mod@select) |
//! | [SF-SEL-4](mod@crate::select#SF-SEL-4) | an operation that is given up is undone | [`select`](mod@select) |
//! | [LV-SEL-1](mod@crate::select#LV-SEL-1) | a select returns once one of its operations is ready | [`select`](mod@select) |
//! | [LV-SEL-2](mod@crate::select#LV-SEL-2) | a select takes no wake-up that it does not use | [`select`](mod@select) |
//! | [HB-TM-1](crate::timer#HB-TM-1) | one message of a timer happens before the later ones | [`timer`] |
//! | [SF-TM-1](crate::timer#SF-TM-1) | a timer is never early, and each message is received once | [`timer`] |
//! | [SF-TM-2](crate::timer#SF-TM-2) | an operation with a time-out ends in exactly one way | [`timer`] |
//! | [LV-TM-1](crate::timer#LV-TM-1) | a time-out ends the wait, and takes no wake-up with it | [`timer`] |
//! | [HB-WG-1](crate::wait_group#HB-WG-1) | a guard's drop happens before the waits that it releases | [`wait_group`] |
//! | [SF-WG-1](crate::wait_group#SF-WG-1) | no wait returns early | [`wait_group`] |
//! | [SF-WG-2](crate::wait_group#SF-WG-2) | the count is the number of live guards | [`wait_group`] |
//! | [SF-WG-3](crate::wait_group#SF-WG-3) | a wait that gives up leaves nothing behind | [`wait_group`] |
//! | [SF-WG-4](crate::wait_group#SF-WG-4) | a group is freed with its last handle or guard | [`wait_group`] |
//! | [LV-WG-1](crate::wait_group#LV-WG-1) | no wait sleeps through the last guard's drop | [`wait_group`] |
//! | [HB-CX-1](crate::cancel#HB-CX-1) | a cancel happens before whatever reports it, down the tree | [`cancel`] |
//! | [HB-CX-2](crate::cancel#HB-CX-2) | a cancel happens before the callbacks, and they before its return | [`cancel`] |
//! | [SF-CX-1](crate::cancel#SF-CX-1) | a token is cancelled once, for one cause | [`cancel`] |
//! | [SF-CX-2](crate::cancel#SF-CX-2) | with all its descendants, parents first, and nobody else | [`cancel`] |
//! | [SF-CX-3](crate::cancel#SF-CX-3) | a callback runs once, or never | [`cancel`] |
//! | [SF-CX-4](crate::cancel#SF-CX-4) | a deadline is never early | [`cancel`] |
//! | [SF-CX-5](crate::cancel#SF-CX-5) | an operation that can be cancelled ends in exactly one way | [`cancel`] |
//! | [LV-CX-1](crate::cancel#LV-CX-1) | whoever waits for a token hears of its end | [`cancel`] |
//! | [LV-CX-2](crate::cancel#LV-CX-2) | callbacks run, whatever the others do; nobody waits for one | [`cancel`] |
//! | [HB-PL-1](crate::pool#HB-PL-1) | a submission happens before its job | [`pool`] |
//! | [HB-PL-2](crate::pool#HB-PL-2) | a job happens before what reports its end | [`pool`] |
//! | [HB-PL-3](crate::pool#HB-PL-3) | all jobs happen before the pool's end, and before it is found idle | [`pool`] |
//! | [SF-PL-1](crate::pool#SF-PL-1) | an accepted job runs once, or is reported as cancelled | [`pool`] |
//! | [SF-PL-2](crate::pool#SF-PL-2) | no job starts above the limit | [`pool`] |
//! | [SF-PL-3](crate::pool#SF-PL-3) | a cancelled job never runs | [`pool`] |
//! | [SF-PL-4](crate::pool#SF-PL-4) | a panic harms nobody else | [`pool`] |
//! | [SF-PL-5](crate::pool#SF-PL-5) | jobs start in order; the queue is bounded | [`pool`] |
//! | [SF-PL-6](crate::pool#SF-PL-6) | no wait for a pool returns early | [`pool`] |
//! | [SF-PL-7](crate::pool#SF-PL-7) | a scope ends after its jobs | [`pool`] |
//! | [LV-PL-1](crate::pool#LV-PL-1) | a queued job starts once there is a place to run | [`pool`] |
//! | [LV-PL-2](crate::pool#LV-PL-2) | submitters that wait are accepted or refused | [`pool`] |
//! | [LV-PL-3](crate::pool#LV-PL-3) | whoever waits for a job or a pool hears of its end | [`pool`] |
//! | [LV-PL-4](crate::pool#LV-PL-4) | waiting from inside starves nobody | [`pool`] |
//!
//! These guarantees rest on contracts between the files: SF-LK-1, HB-LK-1, LV-LK-1 (the lock), HB-PK-1, LV-PK-1 (the
//! parker), SF-AL-1, LV-AL-1 (the alarm clock), SF-WT-1, SF-WT-2, HB-WT-1, LV-WT-1, LV-WT-2 (the waiter, the line), HB-LT-1,
//! LV-LT-1 (the latch), SF-RG-1, SF-RG-2, HB-RG-1, HB-RG-2, HB-RG-3, LV-RG-1 (the ring), each with models of its own.

// The other examples: under an explorer's cfg there is nothing to run them on.
#![cfg(not(all(doctest, any(loom, shuttle, hence_loom, hence_shuttle))))]

#[cfg(all(doctest, readme))]
#[doc = include_str!("../README.md")]
mod readme {}

// First, since others use their macros.
#[macro_use]
mod error;
#[macro_use]
pub mod select;

pub mod channel;
pub mod pool;
pub(crate) mod sync;
pub mod timer;
pub(crate) mod wait;
pub mod wait_group;

// After the channel, as the methods that it adds stand on the pages of the handles.
pub mod cancel;

#[doc(inline)]
pub use cancel::CancellationToken;
#[doc(inline)]
pub use pool::Pool;
#[doc(inline)]
pub use wait_group::WaitGroup;
