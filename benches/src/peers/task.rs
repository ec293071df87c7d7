//! The channels as tasks use them, and what runs the tasks.

use super::channel::*;
use crossfire::{MAsyncRx, MAsyncTx, MTx, mpmc};
use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

/// What the timed loops need from a channel between tasks.
pub trait TaskChannel {
    type Tx: Clone + Send + Sync + 'static;
    type Rx: Send + 'static;
    /// `None` if this peer has no such capacity.
    fn make(capacity: Capacity) -> Option<(Self::Tx, Self::Rx)>;
    fn send(tx: &Self::Tx, number: usize) -> impl Future<Output = ()> + Send;
    /// `None` once every sender is gone and the channel is empty.
    fn recv(rx: &mut Self::Rx) -> impl Future<Output = Option<usize>> + Send;
}

macro_rules! peers {
    ($($peer:ident: $tx:ty, $rx:ty,
        make |$capacity:ident| $make:expr, send |$to:ident, $number:ident| $send:expr,
        recv |$from:ident| $recv:expr;)*) => {
        $(
            impl TaskChannel for $peer {
                type Tx = $tx;
                type Rx = $rx;
                fn make($capacity: Capacity) -> Option<(Self::Tx, Self::Rx)> {
                    $make
                }
                #[inline]
                async fn send($to: &Self::Tx, $number: usize) {
                    $send.unwrap();
                }
                #[inline]
                async fn recv($from: &mut Self::Rx) -> Option<usize> {
                    $recv
                }
            }
        )*
    };
}

/// tokio's channel, which only tasks have.
pub struct TokioBounded;
pub struct TokioUnbounded;

// crossfire's and tokio's sends to an unbounded channel wait for nothing, and are no futures.
peers! {
    Hence: hence::channel::Sender<usize>, hence::channel::Receiver<usize>,
        make |capacity| <Self as Channel>::make(capacity),
        send |tx, number| tx.send_async(number).await, recv |rx| rx.recv_async().await.ok();
    TokioBounded: tokio::sync::mpsc::Sender<usize>, tokio::sync::mpsc::Receiver<usize>,
        make |capacity| capacity.map(tokio::sync::mpsc::channel),
        send |tx, number| tx.send(number).await, recv |rx| rx.recv().await;
    TokioUnbounded: tokio::sync::mpsc::UnboundedSender<usize>, tokio::sync::mpsc::UnboundedReceiver<usize>,
        make |capacity| capacity.is_none().then(tokio::sync::mpsc::unbounded_channel),
        send |tx, number| tx.send(number), recv |rx| rx.recv().await;
    CrossfireArray: MAsyncTx<mpmc::Array<usize>>, MAsyncRx<mpmc::Array<usize>>,
        make |capacity| capacity.map(mpmc::bounded_async),
        send |tx, number| tx.send(number).await, recv |rx| rx.recv().await.ok();
    CrossfireList: MTx<mpmc::List<usize>>, MAsyncRx<mpmc::List<usize>>,
        make |capacity| capacity.is_none().then(mpmc::unbounded_async),
        send |tx, number| tx.send(number), recv |rx| rx.recv().await.ok();
    Flume: flume::Sender<usize>, flume::Receiver<usize>,
        make |capacity| <Self as Channel>::make(capacity),
        send |tx, number| tx.send_async(number).await, recv |rx| rx.recv_async().await.ok();
    Kanal: kanal::AsyncSender<usize>, kanal::AsyncReceiver<usize>,
        make |capacity| Some(capacity.map_or_else(kanal::unbounded_async, kanal::bounded_async)),
        send |tx, number| tx.send(number).await, recv |rx| rx.recv().await.ok();
    AsyncChannel: async_channel::Sender<usize>, async_channel::Receiver<usize>,
        make |capacity| <Self as Channel>::make(capacity),
        send |tx, number| tx.send(number).await, recv |rx| rx.recv().await.ok();
}

/// What runs the tasks, with so many workers.
#[derive(Clone, Copy)]
pub enum Executor {
    /// tokio's runtime of many threads.
    Tokio(usize),
    /// The thread pool of the futures crate.
    Futures(usize),
}

impl Executor {
    /// Runs the tasks on new workers: the result of the first one, and the time until it was here.
    pub fn run<T: Send + 'static>(
        self,
        first: impl Future<Output = T> + Send + 'static,
        others: impl IntoIterator<Item: Future<Output = ()> + Send + 'static>,
    ) -> (T, Duration) {
        match self {
            Self::Tokio(workers) => {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).build().unwrap();
                let start = Instant::now();
                others.into_iter().for_each(|other| drop(runtime.spawn(other)));
                let result = runtime.block_on(runtime.spawn(first)).unwrap();
                (result, start.elapsed())
            }
            Self::Futures(workers) => {
                let pool = futures_executor::ThreadPool::builder().pool_size(workers).create().unwrap();
                let (tell, told) = mpsc::channel();
                let start = Instant::now();
                others.into_iter().for_each(|other| pool.spawn_ok(other));
                pool.spawn_ok(async move { tell.send(first.await).unwrap() });
                (told.recv().unwrap(), start.elapsed())
            }
        }
    }
}
