//! The crate and its models in loom's world, and the exploration of one model.

#[path = "../../../src/lib.rs"]
#[doc(hidden)]
pub mod hence;
#[doc(hidden)]
pub use hence::select; // where `select!` looks for it
#[path = "../../models/mod.rs"]
mod models;

mod explorer;

pub use explorer::{executions, explore};
pub use models::{histories, models, outcomes};
