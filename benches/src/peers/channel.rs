//! The channels that are compared, each behind one small trait, so that every peer is timed by the same code.

use std::{fmt::Debug, sync::mpsc};

/// `None` is unbounded.
pub type Capacity = Option<usize>;

/// What the timed loops need from a channel. Always monomorphised: no `dyn` between the clock and the peer.
pub trait Channel {
    type Tx<T: Payload>: Clone + Send;
    type Rx<T: Payload>: Send;
    /// `None` if this peer has no such capacity.
    fn make<T: Payload>(capacity: Capacity) -> Option<(Self::Tx<T>, Self::Rx<T>)>;
    fn send<T: Payload>(tx: &Self::Tx<T>, value: T);
    /// `None` once every sender is gone and the channel is empty.
    fn recv<T: Payload>(rx: &Self::Rx<T>) -> Option<T>;
    /// One more receiver; `None` if this peer has but one.
    fn share<T: Payload>(rx: &Self::Rx<T>) -> Option<Self::Rx<T>>;
}

/// A message that carries a number, by which the run is checked. thingbuf needs `Clone`, `Default` and `Sync`.
pub trait Payload: Clone + Debug + Default + Send + Sync + 'static {
    fn of(number: usize) -> Self;
    fn number(&self) -> usize;
}

impl Payload for usize {
    fn of(number: usize) -> Self {
        number
    }
    fn number(&self) -> usize {
        *self
    }
}

impl Payload for [u64; 8] {
    fn of(number: usize) -> Self {
        [number as u64; 8]
    }
    fn number(&self) -> usize {
        self[7] as usize
    }
}

macro_rules! peers {
    ($($peer:ident: $tx:ty, $rx:ty,
        make |$capacity:ident| $make:expr, send |$to:ident, $value:ident| $send:expr,
        recv |$from:ident| $recv:expr, share |$shared:ident| $share:expr;)*) => {
        $(
            pub struct $peer;
            impl Channel for $peer {
                type Tx<T: Payload> = $tx;
                type Rx<T: Payload> = $rx;
                fn make<T: Payload>($capacity: Capacity) -> Option<(Self::Tx<T>, Self::Rx<T>)> {
                    $make
                }
                #[inline]
                fn send<T: Payload>($to: &Self::Tx<T>, $value: T) {
                    $send.unwrap();
                }
                #[inline]
                fn recv<T: Payload>($from: &Self::Rx<T>) -> Option<T> {
                    $recv
                }
                fn share<T: Payload>($shared: &Self::Rx<T>) -> Option<Self::Rx<T>> {
                    $share
                }
            }
        )*
    };
}

// Many senders, many receivers, as hence has them: crossfire in its `mpmc` flavour; std and thingbuf have one receiver.
peers! {
    Hence: hence::channel::Sender<T>, hence::channel::Receiver<T>,
        make |capacity| Some(capacity.map_or_else(hence::channel::unbounded, hence::channel::bounded)),
        send |tx, value| tx.send(value), recv |rx| rx.recv().ok(), share |rx| Some(rx.clone());
    Crossbeam: crossbeam_channel::Sender<T>, crossbeam_channel::Receiver<T>,
        make |capacity| Some(capacity.map_or_else(crossbeam_channel::unbounded, crossbeam_channel::bounded)),
        send |tx, value| tx.send(value), recv |rx| rx.recv().ok(), share |rx| Some(rx.clone());
    CrossfireArray: crossfire::MTx<crossfire::mpmc::Array<T>>, crossfire::MRx<crossfire::mpmc::Array<T>>,
        make |capacity| capacity.filter(|&capacity| capacity > 0).map(crossfire::mpmc::bounded_blocking),
        send |tx, value| tx.send(value), recv |rx| rx.recv().ok(), share |rx| Some(rx.clone());
    CrossfireList: crossfire::MTx<crossfire::mpmc::List<T>>, crossfire::MRx<crossfire::mpmc::List<T>>,
        make |capacity| capacity.is_none().then(crossfire::mpmc::unbounded_blocking),
        send |tx, value| tx.send(value), recv |rx| rx.recv().ok(), share |rx| Some(rx.clone());
    Flume: flume::Sender<T>, flume::Receiver<T>,
        make |capacity| Some(capacity.map_or_else(flume::unbounded, flume::bounded)),
        send |tx, value| tx.send(value), recv |rx| rx.recv().ok(), share |rx| Some(rx.clone());
    Kanal: kanal::Sender<T>, kanal::Receiver<T>,
        make |capacity| Some(capacity.map_or_else(kanal::unbounded, kanal::bounded)),
        send |tx, value| tx.send(value), recv |rx| rx.recv().ok(), share |rx| Some(rx.clone());
    StdBounded: mpsc::SyncSender<T>, mpsc::Receiver<T>,
        make |capacity| capacity.map(mpsc::sync_channel),
        send |tx, value| tx.send(value), recv |rx| rx.recv().ok(), share |_rx| None;
    StdUnbounded: mpsc::Sender<T>, mpsc::Receiver<T>,
        make |capacity| capacity.is_none().then(mpsc::channel),
        send |tx, value| tx.send(value), recv |rx| rx.recv().ok(), share |_rx| None;
    AsyncChannel: async_channel::Sender<T>, async_channel::Receiver<T>,
        make |capacity| match capacity {
            Some(0) => None,
            Some(capacity) => Some(async_channel::bounded(capacity)),
            None => Some(async_channel::unbounded()),
        },
        send |tx, value| tx.send_blocking(value), recv |rx| rx.recv_blocking().ok(), share |rx| Some(rx.clone());
    Thingbuf: thingbuf::mpsc::blocking::Sender<T>, thingbuf::mpsc::blocking::Receiver<T>,
        make |capacity| capacity.filter(|&capacity| capacity > 0).map(thingbuf::mpsc::blocking::channel),
        send |tx, value| tx.send(value), recv |rx| rx.recv(), share |_rx| None;
}
