//! The channels that are compared, each behind one small trait, so that every peer is timed by the same code.

use crate::cells::Cell;
use std::{sync::mpsc, time::Duration};

/// What the timed loops need from a channel of `usize`. Always monomorphised: no `dyn` between the clock and the peer.
pub trait Channel {
    type Tx: Send;
    type Rx: Send;
    /// `None` for the capacity means unbounded; `None` returned means that this channel has no such capacity.
    fn make(capacity: Option<usize>) -> Option<(Self::Tx, Self::Rx)>;
    fn send(tx: &Self::Tx, value: usize);
    fn recv(rx: &Self::Rx) -> usize;
}

/// A column of the table. A peer whose bounded and unbounded ends differ in type has two entries of one name.
pub struct Peer {
    pub name: &'static str,
    pub sample: fn(&Cell, usize) -> Option<Duration>,
}

macro_rules! peers {
    ($($channel:ident is $name:literal: $tx:ty, $rx:ty, $make:expr;)*) => {
        $(
            struct $channel;
            impl Channel for $channel {
                type Tx = $tx;
                type Rx = $rx;
                fn make(capacity: Option<usize>) -> Option<(Self::Tx, Self::Rx)> {
                    let make: fn(Option<usize>) -> Option<(Self::Tx, Self::Rx)> = $make;
                    make(capacity)
                }
                #[inline]
                fn send(tx: &Self::Tx, value: usize) {
                    tx.send(value).unwrap();
                }
                #[inline]
                fn recv(rx: &Self::Rx) -> usize {
                    rx.recv().unwrap()
                }
            }
        )*
        pub const PEERS: &[Peer] = &[$(Peer { name: $name, sample: Cell::sample::<$channel> }),*];
    };
}

// Many senders, many receivers, as hence has them: crossfire in its `mpmc` flavour; std has one receiver and no other.
peers! {
    Hence is "hence": hence::channel::Sender<usize>, hence::channel::Receiver<usize>,
        |capacity| Some(capacity.map_or_else(hence::channel::unbounded, hence::channel::bounded));
    Crossbeam is "crossbeam-channel": crossbeam_channel::Sender<usize>, crossbeam_channel::Receiver<usize>,
        |capacity| Some(capacity.map_or_else(crossbeam_channel::unbounded, crossbeam_channel::bounded));
    CrossfireArray is "crossfire": crossfire::MTx<crossfire::mpmc::Array<usize>>,
        crossfire::MRx<crossfire::mpmc::Array<usize>>,
        |capacity| capacity.filter(|&capacity| capacity > 0).map(crossfire::mpmc::bounded_blocking);
    CrossfireList is "crossfire": crossfire::MTx<crossfire::mpmc::List<usize>>,
        crossfire::MRx<crossfire::mpmc::List<usize>>,
        |capacity| capacity.is_none().then(crossfire::mpmc::unbounded_blocking);
    Flume is "flume": flume::Sender<usize>, flume::Receiver<usize>,
        |capacity| Some(capacity.map_or_else(flume::unbounded, flume::bounded));
    Kanal is "kanal": kanal::Sender<usize>, kanal::Receiver<usize>,
        |capacity| Some(capacity.map_or_else(kanal::unbounded, kanal::bounded));
    StdBounded is "std": mpsc::SyncSender<usize>, mpsc::Receiver<usize>, |capacity| capacity.map(mpsc::sync_channel);
    StdUnbounded is "std": mpsc::Sender<usize>, mpsc::Receiver<usize>,
        |capacity| capacity.is_none().then(mpsc::channel);
}
