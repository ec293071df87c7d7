//! Sequential oracles: for each primitive the operations on it, a model that is simple enough to be believed, and a
//! program of operations that is run on both, side by side. An operation that does what its model forbids panics.
//!
//! Two drive them: `tests/properties.rs` (proptest), and the targets of `fuzz/` (libFuzzer, by way of `arbitrary`).
#![allow(dead_code)] // each fuzz target uses its part

pub(crate) mod channel;
pub(crate) mod select;
pub(crate) mod wait_group;

#[path = "../util/mod.rs"]
pub(crate) mod util;

/// A number picks among what there is, counting round; with nothing to pick, `None`.
fn pick(number: u8, len: usize) -> Option<usize> {
    usize::from(number).checked_rem(len)
}
