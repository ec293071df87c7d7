//! What an explorer may ask of the facade: to be told of every access, and to be asked before some of them; and what is
//! the same under both explorers.
//!
//! The hook is thin on purpose: clocks, choices and the table of weakenings live with the explorers, in
//! `verification/`. Without a watcher (a user's own model tests) every method is the default below, which does nothing.

// Needs: nothing.

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::mem;
use std::panic::Location;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::{Duration, Instant};

/// Where in the source an operation is written.
pub(crate) type Site = &'static Location<'static>;

/// What the facade is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    /// An atomic load, store or swap, with its ordering.
    Access(Ordering),
    /// A read-modify-write whose caller goes by what it found, with its success and failure orderings.
    Claim(Ordering, Ordering),
    /// An atomic store, as a whole.
    Store,
    /// A wake-up of a thread or a task.
    Wake,
    /// The taking of a lock.
    Lock,
}

/// What becomes of an operation while a model runs against a weakened crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weakened {
    /// Success and failure orderings to use instead.
    Order(Ordering, Ordering),
    /// A compare-exchange that takes whatever it finds.
    Unchecked,
    /// The operation is left out.
    Dropped,
}

/// An explorer's view of an execution, called by the thread that does the access. loom keeps clocks of its own and asks
/// only for weakenings.
#[allow(unused_variables)]
pub(crate) trait Watch: Sync {
    /// Whether the operation at `site` is weakened: asked before each one.
    fn weakened(&self, site: Site, operation: Operation) -> Option<Weakened> {
        None
    }
    /// A number for a location, unique within the execution and never 0.
    fn fresh(&self) -> usize {
        0
    }
    /// An atomic load from location `id`.
    fn load(&self, id: usize, order: Ordering) {}
    /// An atomic store to location `id`.
    fn store(&self, id: usize, order: Ordering) {}
    /// An atomic read-modify-write of location `id`.
    fn rmw(&self, id: usize, order: Ordering) {}
    /// Plain memory `id` is accessed at `site`; `write` unless it is only read.
    fn access(&self, id: usize, write: bool, site: Site) {}
    /// The calling thread has taken a lock, or releases one.
    fn locks(&self, taken: bool) {}
    /// A number below `bound`, where a program has a choice.
    fn choose(&self, bound: usize) -> usize {
        0
    }
    /// Whether a `park` without a token returns all the same.
    fn spurious(&self) -> bool {
        false
    }
    /// A wait begins at `site` that a deadline will end if nothing else does.
    fn waits(&self, site: Site) {}
    /// It has come to its deadline.
    fn expires(&self) {}
}

/// # Time
/// One virtual clock, which only a wait moves: one that has a deadline does not sleep. It looks once more for what it
/// waits for, and if that is not there, the deadline is what came first, and the clock moves there. That leaves nothing
/// out: a wait that goes on for longer is one whose thread runs later, and every schedule has been or will be explored;
/// and an expiry may always be noticed late.
///
/// The clock is no object of the explorer's: reading it orders nothing, and loom does not try both orders of a move and
/// a look from two threads. A model that needs a deadline to have passed already says so by [`reached`].
pub(crate) fn now() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now) + ELAPSED.get()
}

std::thread_local! {
    /// The virtual clock. All threads of an execution are coroutines on one thread of the operating system; it goes on
    /// from one execution to the next, and nothing depends on where it stands.
    static ELAPSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// That `deadline` has passed, asked by a wait that has found nothing else to end it: the clock moves.
pub(crate) fn reached(deadline: Instant) -> bool {
    watch().expires();
    let left = deadline.saturating_duration_since(now());
    ELAPSED.set(ELAPSED.get() + left);
    true
}

/// A user's deadline, which was reckoned from std's clock, on the virtual one: as far from now.
pub(crate) fn to_model_clock(deadline: Instant) -> Instant {
    now() + deadline.saturating_duration_since(Instant::now())
}

/// What tells an object from others, and orders them: a number, since addresses differ from one execution to the next.
#[derive(Debug)]
pub(crate) struct Identity(usize);

std::thread_local! {
    static IDENTITIES: Cell<usize> = const { Cell::new(0) };
}

impl Identity {
    pub(crate) fn new() -> Self {
        Self(IDENTITIES.replace(IDENTITIES.get() + 1) + 1)
    }

    pub(crate) fn of<T: ?Sized>(&self, _owner: &T) -> usize {
        self.0
    }
}

/// A call at a moment, made by a thread of its own: that moment comes when it is that thread's turn, which may be at once,
/// or after the task has been woken by something else and polls again. Dropping it takes the call back, if there has
/// been none: then nobody is woken, and the clock stays where it is.
#[derive(Debug)]
pub(crate) struct Alarm(Arc<super::Lock<Option<Waker>>>);

impl Alarm {
    #[track_caller]
    pub(crate) fn for_task(deadline: Instant, waker: Waker) -> Self {
        if dropped(Location::caller(), Operation::Wake) {
            return Self(Arc::new(super::Lock::new(None)));
        }
        if !is_watched() {
            // A user's model has few threads: that moment comes at once. A task that goes on later is polled later.
            reached(deadline);
            super::super::ignore_panic(|| waker.wake());
            return Self(Arc::new(super::Lock::new(None)));
        }
        Self::set(deadline, waker)
    }

    pub(crate) fn set(deadline: Instant, waker: Waker) -> Self {
        let call = Arc::new(super::Lock::new(Some(waker)));
        let alarm = Self(call.clone());
        super::spawn(move || {
            let waker = call.with(|call| call.take().inspect(|_| _ = reached(deadline)));
            super::super::ignore_panic(|| waker.map(Waker::wake));
        });
        alarm
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if super::is_over() {
            return;
        }
        // Dropping a waker is user code: after the lock.
        let _call = self.0.with(Option::take);
    }
}

std::thread_local! {
    /// How many of the next threads are refused.
    static REFUSED: Cell<usize> = const { Cell::new(0) };
}

/// Has so many of the threads that are to be started from now on refused, as an operating system may.
pub(crate) fn refuse_threads(count: usize) {
    REFUSED.set(count);
}

/// Starts a thread, unless it is refused.
pub(crate) fn start<T: Send + 'static>(
    _name: Option<String>,
    _stack_size: Option<usize>,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<super::JoinHandle<T>> {
    if let Some(left) = REFUSED.get().checked_sub(1) {
        REFUSED.set(left);
        return Err(io::Error::other("refused"));
    }
    Ok(super::spawn(work))
}

/// Something that is made once, by whoever first wants it. A `get` that finds it has to be ordered after its making: the
/// explorer reports one that is not, which might as well have found nothing. A `look` may find either.
#[derive(Debug)]
pub(crate) struct Once<T> {
    value: OnceLock<T>,
    made: super::Lock<bool>,
    witness: super::UnsafeCell<()>,
    /// For those who look. The orderings are std's, and not ours to weaken.
    published: super::raw::AtomicBool,
}

// SAFETY: the witness has no content.
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    pub(crate) fn new() -> Self {
        Self {
            value: OnceLock::new(),
            made: super::Lock::new(false),
            witness: super::UnsafeCell::new(()),
            published: super::raw::AtomicBool::new(false),
        }
    }

    #[track_caller]
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        self.made.with(|made| {
            if !mem::replace(made, true) {
                self.witness.with_mut(|_| ());
            }
        });
        let value = self.value.get_or_init(make);
        if is_made_beside_others() {
            // Release: pairs with the Acquire in `look`.
            self.published.store(true, Ordering::Release);
        }
        value
    }

    #[track_caller]
    pub(crate) fn get(&self) -> Option<&T> {
        let value = self.value.get()?;
        self.witness.with(|_| ());
        Some(value)
    }

    /// It, or nothing, if it may be being made. A step only where that can be.
    pub(crate) fn look(&self) -> Option<&T> {
        // Acquire: pairs with the Release in `get_or_make`.
        let is_hidden = is_made_beside_others() && !self.published.load(Ordering::Acquire);
        if is_hidden { None } else { self.value.get() }
    }
}

/// Whether what is looked for is made while others look: rings are, or are there before anybody else is, or never.
fn is_made_beside_others() -> bool {
    RINGS.get() == Rings::Late
}

/// Whether a panic is the explorer's own: what it, or a step of user code, has found. No boundary may keep that from it.
pub(crate) fn is_model_failure(panic: &(dyn Any + Send)) -> bool {
    const VERDICTS: [&str; 6] = [
        "Causality violation",
        "currently reading from cell",
        "currently writing to cell",
        "data race",
        "exceeded max", // loom's branches, shuttle's steps
        "user code under a lock",
    ];
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.is_some_and(|text| VERDICTS.iter().any(|verdict| text.contains(verdict)))
}

struct Nobody;
impl Watch for Nobody {}

static WATCHER: OnceLock<&'static dyn Watch> = OnceLock::new();

/// Installs the watcher of this process, once.
pub(crate) fn install(watcher: &'static dyn Watch) {
    assert!(WATCHER.set(watcher).is_ok(), "a watcher is installed already");
}

/// Whether a model of ours is explored; if not, it is a user's.
pub(crate) fn is_watched() -> bool {
    WATCHER.get().is_some()
}

pub(crate) fn watch() -> &'static dyn Watch {
    *WATCHER.get().unwrap_or(&(&Nobody as &dyn Watch))
}

/// The ordering to use at `site`.
fn order(site: Site, order: Ordering) -> Ordering {
    match watch().weakened(site, Operation::Access(order)) {
        Some(Weakened::Order(order, _)) => order,
        _ => order,
    }
}

/// Orderings to use at `site`, and whether the comparison counts.
fn orders(site: Site, success: Ordering, failure: Ordering) -> (Ordering, Ordering, bool) {
    match watch().weakened(site, Operation::Claim(success, failure)) {
        Some(Weakened::Order(success, failure)) => (success, failure, true),
        Some(Weakened::Unchecked) => (success, failure, false),
        Some(Weakened::Dropped) | None => (success, failure, true),
    }
}

/// Whether the operation at `site` is left out.
pub(super) fn dropped(site: Site, operation: Operation) -> bool {
    watch().weakened(site, operation) == Some(Weakened::Dropped)
}

macro_rules! atomic {
    ($name:ident, $value:ty) => {
        /// The explorer's atomic, each of whose operations knows where it is written.
        #[derive(Debug)]
        pub(crate) struct $name(super::raw::$name);

        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                Self(super::raw::$name::new(value))
            }

            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $value {
                self.0.load(self::order(Location::caller(), order))
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $value, order: Ordering) {
                if !dropped(Location::caller(), Operation::Store) {
                    self.0.store(value, self::order(Location::caller(), order));
                }
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                self.0.swap(value, self::order(Location::caller(), order))
            }

            #[track_caller]
            pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                let (order, _, compare) = orders(Location::caller(), order, Ordering::Relaxed);
                let before = self.0.fetch_or(value, order);
                if compare { before } else { <$value>::default() }
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let (success, failure, compare) = orders(Location::caller(), success, failure);
                if compare {
                    self.0.compare_exchange(current, new, success, failure)
                } else {
                    Ok(self.0.swap(new, success))
                }
            }
        }
    };
}

atomic!(AtomicBool, bool);
atomic!(AtomicUsize, usize);

impl AtomicUsize {
    #[track_caller]
    pub(crate) fn fetch_add(&self, value: usize, order: Ordering) -> usize {
        let (order, _, compare) = orders(Location::caller(), order, Ordering::Relaxed);
        let before = self.0.fetch_add(value, order);
        if compare { before } else { 0 }
    }

    /// One step, as the attempts before the one that counts have no effect.
    #[track_caller]
    pub(crate) fn fetch_update(
        &self,
        success: Ordering,
        failure: Ordering,
        mut update: impl FnMut(usize) -> Option<usize>,
    ) -> Result<usize, usize> {
        let (success, failure, compare) = orders(Location::caller(), success, failure);
        if compare {
            super::fetch_update(&self.0, success, failure, update)
        } else {
            let before = self.0.load(failure);
            let Some(after) = update(before) else { return Err(before) };
            self.0.store(after, success);
            Ok(before)
        }
    }
}

/// Waits for another thread in a loop.
#[derive(Debug)]
pub(crate) struct Backoff;

impl Backoff {
    pub(crate) fn new() -> Self {
        Self
    }

    /// The same: how long it waits is of no account here.
    pub(crate) fn for_batches() -> Self {
        Self
    }

    /// Lets the other threads run until they can go no further. That leaves nothing out if the loop that calls this
    /// has had no effect, since then it might as well not have begun yet.
    pub(crate) fn snooze(&self) {
        super::yield_now();
    }
}

/// Wakes a task.
#[track_caller]
pub(crate) fn wake(waker: Waker) {
    if !dropped(Location::caller(), Operation::Wake) {
        waker.wake();
    }
}

/// Not under an explorer: another attempt is one that might as well have been made later.
pub(crate) const SPINS_FIRST: bool = false;

/// The smallest limit of a channel that has a ring.
pub(crate) const LEAST_RING: usize = 1;

std::thread_local! {
    /// When a channel with a limit makes its ring.
    static RINGS: Cell<Rings> = const { Cell::new(Rings::Never) };
}

/// When a channel with a limit makes its ring.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rings {
    /// Nobody ever finds a lock contended: whoever would have to wait for it might as well have come later.
    Never,
    AtOnce,
    /// From now on all locks are found to have been contended.
    Late,
}

/// Says when channels make their rings, from now on.
pub(crate) fn make_rings(when: Rings) {
    RINGS.set(when);
}

/// Whether a channel with a limit makes its ring when it is made.
pub(crate) fn makes_rings_at_once() -> bool {
    RINGS.get() == Rings::AtOnce
}

/// Whether anybody has ever had to wait for a lock.
pub(crate) fn was_contended() -> bool {
    is_made_beside_others()
}

/// So few that a model gets to the looking through.
pub(crate) const FEW: usize = 1;

/// How often the production parker looks before it parks: twice, so that its model walks that path.
#[derive(Debug)]
pub(crate) struct SpinWait(bool);

impl SpinWait {
    pub(crate) fn new() -> Self {
        Self(true)
    }

    /// Does nothing.
    pub(crate) fn let_ahead(&self) {}

    /// Says that it waited, the first time. That is a hint: every schedule stays possible without it.
    pub(crate) fn pause(&mut self, _is_met: impl Fn() -> bool) -> bool {
        self.yield_now()
    }

    /// The same, where there is nothing to look at.
    pub(crate) fn yield_now(&mut self) -> bool {
        mem::replace(&mut self.0, false)
    }
}
