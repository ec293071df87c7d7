//! Who takes part, and with what: a line for each type of each peer.

use crate::{
    cells::Cell,
    peers::{channel, pool, task, wait_group},
    timed,
};
use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

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

const PEERS: &[Peer] = &[
    Peer { name: OURS, sample: timed::channel::<channel::Hence> },
    Peer { name: "crossbeam-channel", sample: timed::channel::<channel::Crossbeam> },
    Peer { name: "crossfire", sample: timed::channel::<channel::CrossfireArray> },
    Peer { name: "crossfire", sample: timed::channel::<channel::CrossfireList> },
    Peer { name: "flume", sample: timed::channel::<channel::Flume> },
    Peer { name: "kanal", sample: timed::channel::<channel::Kanal> },
    Peer { name: "std", sample: timed::channel::<channel::StdBounded> },
    Peer { name: "std", sample: timed::channel::<channel::StdUnbounded> },
    Peer { name: "async-channel", sample: timed::channel::<channel::AsyncChannel> },
    Peer { name: "thingbuf", sample: timed::channel::<channel::Thingbuf> },
    Peer { name: OURS, sample: timed::tasks::<channel::Hence> },
    Peer { name: "tokio", sample: timed::tasks::<task::TokioBounded> },
    Peer { name: "tokio", sample: timed::tasks::<task::TokioUnbounded> },
    Peer { name: "crossfire", sample: timed::tasks::<channel::CrossfireArray> },
    Peer { name: "crossfire", sample: timed::tasks::<channel::CrossfireList> },
    Peer { name: "flume", sample: timed::tasks::<channel::Flume> },
    Peer { name: "kanal", sample: timed::tasks::<channel::Kanal> },
    Peer { name: "async-channel", sample: timed::tasks::<channel::AsyncChannel> },
    Peer { name: OURS, sample: timed::token::<hence::CancellationToken> },
    Peer { name: "tokio-util", sample: timed::token::<tokio_util::sync::CancellationToken> },
    Peer { name: FLOOR, sample: timed::check::<Arc<AtomicBool>> },
    Peer { name: FLOOR, sample: timed::check::<Instant> },
    Peer { name: OURS, sample: timed::wait_group::<hence::WaitGroup> },
    Peer { name: "crossbeam-utils", sample: timed::wait_group::<crossbeam_utils::sync::WaitGroup> },
    Peer { name: "crossfire", sample: timed::wait_group::<crossfire::waitgroup::WaitGroup<()>> },
    Peer { name: "wg", sample: timed::wait_group::<wg::WaitGroup> },
    Peer { name: FLOOR, sample: timed::wait_group::<wait_group::Floor> },
    Peer { name: OURS, sample: timed::pool::<hence::Pool> },
    Peer { name: "rayon", sample: timed::pool::<rayon::ThreadPool> },
    Peer { name: "rusty_pool", sample: timed::pool::<rusty_pool::ThreadPool> },
    Peer { name: "threadpool", sample: timed::pool::<threadpool::ThreadPool> },
    Peer { name: "thread per job", sample: timed::pool::<pool::Threads> },
    Peer { name: FLOOR, sample: timed::pool::<pool::Floor> },
];

/// Ours, and those whose name contains one of `substrings`; all, if there is none.
pub fn chosen(substrings: &[String]) -> impl Iterator<Item = &'static Peer> {
    let named = |name: &str| substrings.iter().any(|substring| name.contains(substring));
    PEERS.iter().filter(move |peer| substrings.is_empty() || peer.name == OURS || named(peer.name))
}

/// The names of the peers, each once, in the table's order: the floor last.
pub fn names() -> impl Iterator<Item = &'static str> {
    let mut seen = BTreeSet::from([FLOOR]);
    PEERS.iter().map(|peer| peer.name).filter(move |&name| seen.insert(name)).chain([FLOOR])
}
