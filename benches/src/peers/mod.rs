//! What is compared: each thing behind a small trait of its own, so that every peer is timed by the same code.

pub mod channel;
pub mod pool;
pub mod select;
pub mod task;
pub mod token;
pub mod wait_group;
