//! The crate and its models in shuttle's world, the exploration of one model, and what `fuzz/` drives its
//! own programs with.

#[path = "../../../src/lib.rs"]
#[doc(hidden)]
pub mod hence;
#[doc(hidden)]
pub use hence::select; // where `select!` looks for it
#[path = "../../models/mod.rs"]
mod models;

mod clocks;
mod explorer;
mod search;
mod settle;
mod shapes;

pub use clocks::{Clock, happens_before, moment};
pub use explorer::{JoinHandle, drive, enforce, executions, explore, shapes, spawn};
pub use models::{histories, models, outcomes};
pub use search::Choices;
pub use settle::Settling;
pub use shapes::{Kind, Place, Shape};
