//! Who is compared: each thing behind a small trait of its own, so that every peer is timed by the same code.

pub mod channel;
pub mod pool;
pub mod select;
pub mod token;
pub mod wait_group;

use crate::cells::Cell;
use std::time::Duration;

/// Ours, among the peers.
pub const OURS: &str = "hence";

/// Nobody's: the least that would do, to compare with.
pub const FLOOR: &str = "floor";

/// A column of the table. A peer has an entry for each of its types, all of one name; no two do the same cell.
pub struct Peer {
    pub name: &'static str,
    /// How long the cell's work takes so many times; `None` if this is not for that peer.
    pub sample: fn(&Cell, usize) -> Option<Duration>,
}

pub fn all() -> impl Iterator<Item = &'static Peer> {
    [channel::PEERS, token::PEERS, wait_group::PEERS, pool::PEERS].into_iter().flatten()
}
