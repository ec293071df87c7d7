//! What models are made of: threads, plain-data witnesses, tasks. It adds no ordering of its own: what models share,
//! they share through std's `Arc`, which no explorer sees.

use std::future::Future;
use std::panic;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use crate::hence::channel::{Receiver, Sender, bounded, unbounded};
use crate::hence::sync::{Parker, UnsafeCell};

pub(crate) use crate::explorer::{JoinHandle, spawn};
pub(crate) use std::sync::Arc;

/// Plain memory: the explorers report an access that is not ordered after the write it sees, or races with one.
#[derive(Debug)]
pub(crate) struct Witness(UnsafeCell<usize>);

// SAFETY: not so, which is the point: an explorer ends the execution at the first access that would be a race.
unsafe impl Sync for Witness {}

impl Witness {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(UnsafeCell::new(0)))
    }

    #[track_caller]
    pub(crate) fn write(&self, value: usize) {
        // SAFETY: the explorer has found no race.
        self.0.with_mut(|it| unsafe { *it = value });
    }

    #[track_caller]
    pub(crate) fn read(&self) -> usize {
        // SAFETY: the explorer has found no race.
        self.0.with(|it| unsafe { *it })
    }
}

/// Waits for threads' ends.
pub(crate) fn join<T, const N: usize>(threads: [JoinHandle<T>; N]) -> [T; N] {
    threads.map(|thread| thread.join().unwrap())
}

/// A channel's ends, for many threads.
pub(crate) type Ends<T> = (Arc<Sender<T>>, Arc<Receiver<T>>);

/// A channel of this capacity; `None`: unbounded.
pub(crate) fn ends<T>(capacity: Option<usize>) -> Ends<T> {
    let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
    (Arc::new(sender), Arc::new(receiver))
}

/// A thread that sends these values.
pub(crate) fn sending<T, I>(sender: &Arc<Sender<T>>, values: I) -> JoinHandle<()>
where
    T: Send + 'static,
    I: IntoIterator<Item = T> + Send + 'static,
{
    let sender = sender.clone();
    spawn(move || values.into_iter().for_each(|value| assert!(sender.send(value).is_ok())))
}

/// Runs something that is expected to panic, and says nothing of it on the terminal.
pub(crate) fn quietly(section: impl FnOnce()) {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    section();
    panic::set_hook(hook);
}

/// A waker that counts.
#[derive(Debug, Default)]
pub(crate) struct CountingWaker(AtomicUsize);

impl CountingWaker {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let counting = Arc::new(Self::default());
        (counting.clone(), Waker::from(counting))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// A waker that wakes a thread of the model.
struct Unparker(Parker);

impl Wake for Unparker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on the calling thread, which sleeps while the future is pending: a lost wake-up is a deadlock.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let parker = Arc::new(Unparker(Parker::current()));
    let waker = Waker::from(parker.clone());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        parker.0.park();
    }
}

/// Drops of [`Counted`] values in the execution under way. Not in the values, which a double drop would corrupt.
static DROPS: AtomicUsize = AtomicUsize::new(0);

/// A value whose drop is counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counted(pub(crate) usize);

impl Counted {
    /// Begins to count anew. Executions run one after another.
    pub(crate) fn begin() {
        DROPS.store(0, Relaxed);
    }

    /// Drops since then.
    pub(crate) fn drops() -> usize {
        DROPS.load(Relaxed)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Relaxed);
    }
}
