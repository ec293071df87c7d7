//! The registry: every model, declared once, compiled under each explorer.
//!
//! A model's name is the ID of the guarantee it is evidence for, in snake case, and what it shows; a mutant's name ends
//! in what was weakened. What models share through std's `Arc` and atomics, no explorer sees and nothing is ordered by.

mod alarm;
mod cancel;
mod channel;
mod harness;
pub mod histories;
mod notes;
mod peers;
mod peers_pool;
mod pool;
mod program;
mod ring;
mod select;
mod sync;
mod timer;
mod user_code;
mod user_code_pool;
mod wait;
mod wait_group;
pub(crate) mod weaken;

use hence_registry::Model;

pub use program::outcomes;

/// How the explorers word a race on plain memory: loom, and our clocks.
const RACE: &[&str] = &["Causality violation", "data race"];
/// How they word a program in which nobody can go on: loom, and shuttle.
const DEADLOCK: &[&str] = &["deadlock; threads", "deadlock! blocked tasks"];

/// All models, in the order of the files below them in `src/`.
pub fn models() -> Vec<Model> {
    let mut models = [
        notes::models(),
        sync::models(),
        alarm::models(),
        wait::models(),
        ring::models(),
        channel::models(),
        timer::models(),
        select::models(),
        wait_group::models(),
        cancel::models(),
        pool::models(),
        user_code::models(),
        user_code_pool::models(),
        peers::models(),
        peers_pool::models(),
        histories::models(),
    ]
    .concat();
    models.extend(ring::with_rings(&models));
    models
}
