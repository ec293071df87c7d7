//! A user's program: a worker that fills a report and says so over a channel, and its models under loom and shuttle.
//! The crate is used as any user would, by its public names alone; the explorer is chosen by RUSTFLAGS.

#[cfg(all(test, loom))]
mod under_loom;
#[cfg(all(test, shuttle))]
mod under_shuttle;
