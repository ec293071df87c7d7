//! What models are made of: threads, plain-data witnesses, tasks. It adds no ordering of its own: what models share,
//! they share through std's `Arc`, which no explorer sees.

use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{self, AssertUnwindSafe};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};

use crate::hence::channel::{Receiver, Select, SelectedOperation, Sender, bounded, unbounded};
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

/// The two sides of a race: `theirs` on a thread of its own, `ours` here. What both came to.
pub(crate) fn race<T: Send + 'static, U>(
    theirs: impl FnOnce() -> T + Send + 'static,
    ours: impl FnOnce() -> U,
) -> (T, U) {
    let thread = spawn(theirs);
    let ours = ours();
    (thread.join().unwrap(), ours)
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

/// A send that a select has chosen, for which there is a place or a receiver.
pub(crate) fn chosen_send<T>(sender: &Sender<T>) -> SelectedOperation<'_> {
    let mut select = Select::new_biased();
    select.send(sender);
    select.select()
}

/// The same of a receive.
pub(crate) fn chosen_recv<T>(receiver: &Receiver<T>) -> SelectedOperation<'_> {
    let mut select = Select::new_biased();
    select.recv(receiver);
    select.select()
}

/// Gives up an operation that a select has chosen, which panics.
pub(crate) fn give_up(operation: SelectedOperation<'_>) {
    quietly(|| assert!(panic::catch_unwind(AssertUnwindSafe(|| drop(operation))).is_err()));
}

/// A future that has been polled once, and has to wait.
pub(crate) fn pending<F: Future + Unpin>(mut future: F) -> F {
    assert!(poll(&mut future, Waker::noop()).is_pending());
    future
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

/// What a step of user code panics with.
const STEP: &str = "a step of user code";

/// Steps that have panicked in the execution under way.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A step of user code: an explorer that sweeps for panics tries one here. It says nothing on the terminal.
pub(crate) fn step() {
    if crate::explorer::panics() {
        PANICS.fetch_add(1, Relaxed);
        panic::resume_unwind(Box::new(STEP));
    }
}

/// A step in a destructor. While a panic unwinds it is none: a second that leaves a destructor then ends the process, as
/// in all of Rust.
fn last_step() {
    if !std::thread::panicking() {
        step();
    }
}

/// Code of the crate that runs steps of user code: out of which of it a panic came.
pub(crate) struct Steps(Vec<&'static str>);

impl Steps {
    /// Begins to count anew what steps and [`Fragile`] values do.
    pub(crate) fn begin() -> Self {
        PANICS.store(0, Relaxed);
        GONE.store(0, Relaxed);
        Self(Vec::new())
    }

    /// Runs `code`, called `what`; `None` if a step panicked in it, and that came out.
    pub(crate) fn of<R>(&mut self, what: &'static str, code: impl FnOnce() -> R) -> Option<R> {
        let result = attempt(code);
        if result.is_none() {
            self.0.push(what);
        }
        result
    }

    /// The same of what is to be over: values, futures, wakers.
    pub(crate) fn drop<T>(&mut self, what: T) {
        self.of("drop", || drop(what));
    }

    /// A panic came out of what another thread did.
    pub(crate) fn note(&mut self, what: &'static str, result: Option<impl Sized>) {
        if result.is_none() {
            self.0.push(what);
        }
    }

    /// Whether a step has panicked, wherever that went.
    pub(crate) fn panicked() -> bool {
        PANICS.load(Relaxed) > 0
    }

    /// Where panics went: out of what, or nowhere.
    pub(crate) fn outcome(self) -> String {
        let contained = PANICS.load(Relaxed) - self.0.len();
        let out = self.0.into_iter().map(|what| format!("out of {what}"));
        let all: Vec<String> = out.chain((0..contained).map(|_| "contained".into())).collect();
        if all.is_empty() { "no panic".into() } else { all.join(", ") }
    }
}

/// Runs code of the crate; `None` if a step of user code panicked in it, and that came out.
pub(crate) fn attempt<R>(code: impl FnOnce() -> R) -> Option<R> {
    match panic::catch_unwind(AssertUnwindSafe(code)) {
        Ok(result) => Some(result),
        Err(panic) if panic.downcast_ref() == Some(&STEP) => None,
        Err(panic) => panic::resume_unwind(panic),
    }
}

/// The [`Fragile`] values that have been dropped in the execution under way, as bits.
static GONE: AtomicUsize = AtomicUsize::new(0);

/// A value with a number, whose drop is a step of user code, and the only one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fragile(pub(crate) usize);

impl Fragile {
    /// Whether those below this number have been dropped, and no others.
    #[track_caller]
    pub(crate) fn assert_gone(below: usize) {
        assert_eq!(GONE.load(Relaxed), (1 << below) - 1, "each value is dropped, once");
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        let gone = GONE.fetch_or(1 << self.0, Relaxed);
        assert_eq!(gone & (1 << self.0), 0, "dropped twice");
        last_step();
    }
}

/// A waker that counts, whose every use is a step of user code.
#[derive(Debug, Default)]
pub(crate) struct FragileWaker(AtomicUsize);

impl FragileWaker {
    const VTABLE: RawWakerVTable = RawWakerVTable::new(
        |data| {
            step();
            // The waker that is cloned keeps its count.
            Self::raw(Arc::clone(&ManuallyDrop::new(Self::shared(data))))
        },
        |data| Self::shared(data).wake(),
        |data| ManuallyDrop::new(Self::shared(data)).wake(),
        |data| {
            drop(Self::shared(data));
            last_step();
        },
    );

    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let counting = Arc::new(Self::default());
        // SAFETY: the functions keep RawWaker's contract: they are thread-safe, and each waker owns one count.
        (counting.clone(), unsafe { Waker::from_raw(Self::raw(counting)) })
    }

    fn raw(counting: Arc<Self>) -> RawWaker {
        RawWaker::new(Arc::into_raw(counting).cast(), &Self::VTABLE)
    }

    fn shared(data: *const ()) -> Arc<Self> {
        // SAFETY: `data` comes from `raw`; the functions above give back no more counts than their waker owns.
        unsafe { Arc::from_raw(data.cast()) }
    }

    fn wake(&self) {
        self.0.fetch_add(1, Relaxed);
        step();
    }

    /// How often it has been woken.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// Polls a future once.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}
