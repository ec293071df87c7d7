//! What the tests share: a watchdog, a minimal executor, wakers that tell, values that count their drops.
#![allow(dead_code, unused_macros, unused_imports)] // each test file uses its part

use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::pin::{Pin, pin};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use fastrand::Rng;
use hence::Pool;
use hence::cancel::{CancellationToken, DropGuard};
use hence::channel::{Receiver, Select, SelectedOperation, Sender, bounded, select, select_biased};
use hence::pool::Task;

/// How long a test may take before it counts as hung: many times what the slowest needs on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a test that could hang if the crate were wrong, so that it fails instead.
pub(crate) fn watched(test: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let body = thread::Builder::new().name(name).spawn(move || {
        test();
        let _ = done.send(());
    });
    match finished.recv_timeout(LIMIT) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("still running after {LIMIT:?}: it hangs"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => body.unwrap().join().unwrap_or_else(|e| resume_unwind(e)),
    }
}

/// Says what failed.
pub(crate) struct Name(pub(crate) String);

impl Drop for Name {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("failed: {}", self.0);
        }
    }
}

/// Runs rounds, each with a seed, until `size` of what they made comes to `wanted`; the watchdog starts anew after each
/// `stretch` of it.
pub(crate) fn stretches<T: Send + 'static>(
    wanted: u64,
    stretch: u64,
    round: fn(u64) -> T,
    size: fn(&T) -> u64,
    mut take: impl FnMut(T),
) {
    let (mut seeds, mut made) = (Rng::new(), 0);
    while made < wanted {
        let mut rng = seeds.fork();
        let _name = Name(format!("with the seeds of {}", rng.get_seed()));
        let wanted = stretch.min(wanted - made);
        let (report, reports) = mpsc::channel();
        watched(move || {
            let mut made = 0;
            while made < wanted {
                let round = round(rng.u64(..));
                made += size(&round);
                report.send(round).unwrap();
            }
        });
        for round in reports {
            made += size(&round);
            take(round);
        }
    }
}

/// A thread that blocks in `operation`, or very likely does by the time this returns. No test may rest on it.
pub(crate) fn blocked<R: Send + 'static>(operation: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
    let (started, start) = mpsc::channel();
    let thread = thread::spawn(move || {
        started.send(()).unwrap();
        operation()
    });
    start.recv().unwrap();
    thread::sleep(Duration::from_millis(10));
    thread
}

/// Waits until something is so, as it will be before long.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        thread::sleep(Duration::from_micros(100));
    }
}

/// A job that waits until `gate` is cancelled.
pub(crate) fn gated<S>(pool: &Pool<S>, gate: &CancellationToken) -> Task<()> {
    let gate = gate.clone();
    pool.spawn(move || gate.wait()).unwrap()
}

/// Keeps a worker busy until what is returned is dropped.
pub(crate) fn hold<S>(pool: &Pool<S>) -> DropGuard {
    let (gate, (begin, begun)) = (CancellationToken::new(), mpsc::channel());
    let guard = gate.clone().drop_guard();
    let job = move || {
        begin.send(()).unwrap();
        gate.wait();
    };
    pool.spawn(job).unwrap().detach();
    begun.recv().unwrap();
    guard
}

/// Panics without the words on the screen.
pub(crate) fn quietly(words: &'static str) -> ! {
    resume_unwind(Box::new(words))
}

/// Drives a future on the calling thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Polls once with a waker.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Polls once, for a test that does not care who is woken.
pub(crate) fn peek<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll(future, Waker::noop())
}

/// Counts how often its waker has been woken.
#[derive(Debug, Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wakes {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (wakes.clone(), Waker::from(wakes))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// What is done to a waker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Clone,
    Wake,
    Drop,
}

/// A waker that runs `hook` each time it is used: user code where an executor has its own.
pub(crate) fn hooked(hook: impl Fn(Use) + Send + Sync + 'static) -> Waker {
    const VTABLE: RawWakerVTable = RawWakerVTable::new(
        |data| {
            let hook = ManuallyDrop::new(shared(data)); // the waker that is cloned keeps its count
            hook(Use::Clone);
            raw(Shared::clone(&hook))
        },
        |data| shared(data)(Use::Wake),
        |data| ManuallyDrop::new(shared(data))(Use::Wake),
        |data| shared(data)(Use::Drop),
    );
    /// Each waker owns one count of it; boxed twice, since a waker's pointer is thin.
    type Shared = Arc<Box<dyn Fn(Use) + Send + Sync>>;
    fn raw(hook: Shared) -> RawWaker {
        RawWaker::new(Shared::into_raw(hook).cast(), &VTABLE)
    }
    fn shared(data: *const ()) -> Shared {
        // SAFETY: `data` comes from `raw`; the functions above give back no more counts than their waker owns.
        unsafe { Shared::from_raw(data.cast()) }
    }
    // SAFETY: the functions keep RawWaker's contract: they are thread-safe, and each waker owns one count.
    unsafe { Waker::from_raw(raw(Arc::new(Box::new(hook)))) }
}

/// A value that reports its drop, once, under its number.
#[derive(Debug)]
pub(crate) struct Tracked {
    pub(crate) number: usize,
    drops: Drops,
}

/// How often each of the tracked values has been dropped.
#[derive(Clone, Debug)]
pub(crate) struct Drops(Arc<Vec<AtomicUsize>>);

impl Drops {
    /// For values numbered below `count`.
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count).map(|_| AtomicUsize::new(0)).collect::<Vec<_>>().into())
    }

    pub(crate) fn value(&self, number: usize) -> Tracked {
        Tracked { number, drops: self.clone() }
    }

    pub(crate) fn counts(&self) -> Vec<usize> {
        self.0.iter().map(|drops| drops.load(Relaxed)).collect()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.drops.0[self.number].fetch_add(1, Relaxed);
    }
}

/// A value whose destructor is any code at all.
pub(crate) struct OnDrop(pub(crate) Box<dyn FnMut() + Send>);

impl OnDrop {
    pub(crate) fn new(code: impl FnMut() + Send + 'static) -> Self {
        Self(Box::new(code))
    }

    pub(crate) fn nothing() -> Self {
        Self::new(|| ())
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Whether a type implements a trait, as a constant: the inherent constant, if its bounds hold, hides the trait's.
macro_rules! implements {
    ($type:ty: $($bound:tt)+) => {{
        #[allow(dead_code)]
        struct Probe<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        trait Otherwise {
            const ANSWER: bool = false;
        }
        impl<T: ?Sized> Otherwise for Probe<T> {}
        #[allow(dead_code)]
        impl<T: ?Sized + $($bound)+> Probe<T> {
            const ANSWER: bool = true;
        }
        <Probe<$type>>::ANSWER
    }};
}
pub(crate) use implements;

/// Runs cargo in another package, with flags of its own, and returns what it printed; fails if cargo does.
pub(crate) fn cargo(package: &Path, target_dir: &str, rustflags: &str, arguments: &[&str]) -> String {
    let (succeeded, printed) = try_cargo(package, target_dir, rustflags, arguments, None);
    assert!(succeeded, "cargo {arguments:?} failed in {}:\n{printed}", package.display());
    printed
}

/// The same with a variable set, and whether it succeeded.
pub(crate) fn try_cargo(
    package: &Path,
    target_dir: &str,
    rustflags: &str,
    arguments: &[&str],
    variable: Option<(&str, &str)>,
) -> (bool, String) {
    // The oracles are built by cargo-fuzz, too, which does not set it.
    let Some(tmpdir) = option_env!("CARGO_TARGET_TMPDIR") else { panic!("cargo sets it where it builds tests") };
    let output = Command::new(env!("CARGO"))
        .current_dir(package)
        .args(arguments)
        .arg("--target-dir")
        .arg(Path::new(tmpdir).join(target_dir))
        .env_remove("CARGO_ENCODED_RUSTFLAGS") // would win over ours
        .env("RUSTFLAGS", rustflags)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TERM_COLOR", "never")
        .envs(variable)
        .output()
        .expect("cargo can be run");
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), printed.into_owned())
}

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(1000);

/// A way to receive: what has come, or `None` if nothing will, or is there.
pub(crate) type Receive = fn(&Receiver<u8>) -> Option<u8>;

/// The ways that wait as a thread.
pub(crate) const RECEIVES_OF_THREADS: [(&str, Receive); 8] = [
    ("recv", |receiver| receiver.recv().ok()),
    ("recv_timeout", |receiver| receiver.recv_timeout(LONG).ok()),
    ("recv_deadline", |receiver| receiver.recv_deadline(Instant::now() + LONG).ok()),
    ("recv_or_cancelled", |receiver| receiver.recv_or_cancelled(&CancellationToken::new()).ok()),
    ("iter", |receiver| receiver.iter().next()),
    ("into_iter", |receiver| receiver.clone().into_iter().next()),
    ("select!", |receiver| select! { recv(receiver) -> value => value.ok() }),
    ("Select", |receiver| {
        let mut select = Select::new();
        select.recv(receiver);
        select.select().recv(receiver).ok()
    }),
];

/// The others.
pub(crate) const OTHER_RECEIVES: [(&str, Receive); 8] = [
    ("try_recv", |receiver| receiver.try_recv().ok()),
    ("recv_timeout of no time", |receiver| receiver.recv_timeout(Duration::ZERO).ok()),
    ("try_iter", |receiver| receiver.try_iter().next()),
    ("recv_async", |receiver| block_on(receiver.recv_async()).ok()),
    ("stream", |receiver| block_on(async { receiver.stream().next().await })),
    ("select_biased!, default", |receiver| select_biased! { recv(receiver) -> value => value.ok(), default => None }),
    ("try_select", |receiver| {
        let mut select = Select::new();
        select.recv(receiver);
        select.try_select().ok()?.recv(receiver).ok()
    }),
    ("ready", |receiver| {
        let mut select = Select::new();
        select.recv(receiver);
        assert_eq!(select.ready(), 0);
        receiver.try_recv().ok()
    }),
];

/// All of them.
pub(crate) fn receives() -> impl Iterator<Item = (&'static str, Receive)> {
    RECEIVES_OF_THREADS.into_iter().chain(OTHER_RECEIVES)
}

/// What is large, and what moves it: in a debug build each step of the way has a copy of its own.
pub(crate) const LARGE: usize = 128 << 10;
pub(crate) type Large = [u8; LARGE];

/// Whether the compiler optimises. (It does not say so, and our release profile has debug assertions.)
pub(crate) fn is_optimised() -> bool {
    std::env::current_exe().is_ok_and(|path| path.components().any(|folder| folder.as_os_str() == "release"))
}

/// Starts a thread with so much of a stack that it holds this many large values. An overflow aborts the process.
pub(crate) fn on_a_stack_of(copies: usize, moves: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::Builder::new().stack_size(copies * LARGE).spawn(moves).unwrap()
}

/// How many large values fit the stack of an operation that moves one, or of one that looks and finds none; so it is with
/// crossbeam-channel, with a margin.
pub(crate) const MOVES: usize = 60;
pub(crate) const LOOKS: usize = 40;

/// Does each of these on a stack for so many copies, or for this many where the compiler optimises.
#[track_caller]
pub(crate) fn each_fits<const N: usize>(copies: usize, operations: [(usize, fn()); N]) {
    for (optimised, operation) in operations {
        on_a_stack_of(if is_optimised() { optimised } else { copies }, operation).join().unwrap();
    }
}

/// One thread sends a large value, another receives it, and perhaps no more.
pub(crate) type Pair = (fn(Sender<Large>), fn(Receiver<Large>));

/// The same for two threads, each with such a stack, whoever of them comes first, and waits.
#[track_caller]
pub(crate) fn each_pair_fits<const N: usize>(copies: usize, pairs: [(usize, Pair); N]) {
    for (optimised, (send, receive)) in pairs {
        let copies = if is_optimised() { optimised } else { copies };
        for capacity in [0, 1, 2] {
            let (sender, receiver) = bounded(capacity);
            let first = on_a_stack_of(copies, move || receive(receiver));
            thread::sleep(Duration::from_millis(10));
            on_a_stack_of(copies, move || send(sender)).join().unwrap();
            first.join().unwrap();

            let (sender, receiver) = bounded(capacity);
            let (full, _kept) = (sender.clone(), receiver.clone());
            on_a_stack_of(MOVES, move || (0..capacity).for_each(|_| full.send([1; LARGE]).unwrap())).join().unwrap();
            let first = on_a_stack_of(copies, move || send(sender));
            thread::sleep(Duration::from_millis(10));
            on_a_stack_of(copies, move || receive(receiver)).join().unwrap();
            first.join().unwrap();
        }
    }
}

/// Gives a chosen operation up the way a message that panics does, without the words.
pub(crate) fn give_up(operation: SelectedOperation<'_>) {
    let given_up = catch_unwind(AssertUnwindSafe(|| {
        let _operation = operation;
        resume_unwind(Box::new("given up"))
    }));
    assert_eq!(*given_up.unwrap_err().downcast::<&str>().unwrap(), "given up");
}

/// A set of operations: `operations![recv receiver, send sender]`.
macro_rules! operations {
    ($($side:ident $handle:expr),+) => {{
        let mut select = hence::channel::Select::new();
        $(select.$side(&$handle);)+
        select
    }};
}
pub(crate) use operations;
