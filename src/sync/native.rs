//! The facade over std: what a program runs.

// Needs: sync.rs, sync/alarm.rs, sync/parker.rs, sync/spin.rs.

use std::any::Any;
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::hint;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;
use std::task::Waker;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

pub(crate) use super::alarm::Alarm;
pub(crate) use super::parker::Parker;
pub(crate) use super::spin::Lock;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize};
pub(crate) use std::thread::{JoinHandle, yield_now};
pub(crate) use std::thread_local;

use super::Ordering;
use super::alarm::Clock;

/// Whether a blocking operation tries again for a while before it stands in line, where that pays.
pub(crate) const SPINS_FIRST: bool = true;

/// The smallest limit of a channel that has a ring.
pub(crate) const LEAST_RING: usize = if cfg!(hence_rings) { 1 } else { 2 };

/// Whether a channel with a limit makes its ring when it is made: for tests, which are run once more so.
#[inline]
pub(crate) fn makes_rings_at_once() -> bool {
    cfg!(hence_rings)
}

/// How many leftovers a list may have before it is looked through for them.
pub(crate) const FEW: usize = 32;

/// Decides how long a waiter spins, and then yields its core, before it parks: together for about as long as waking an
/// idle core costs, so that a partner who is about to act is met on the way. A parked waiter uses no CPU. Both are by the
/// clock, for a `pause` and a yield differ widely between machines.
///
/// The spin comes first, since a yield switches to whoever else is there, and back: a message through one place, from one
/// of four senders to one of four receivers on two cores, takes 810 ns without it, and 235 with it. On one core nobody
/// comes while it lasts: there is none.
///
/// The yields are for those who come a little later: of messages that come every 20 us, from four senders to four receivers
/// through 64 places, half take 1.6 us where they end after 100 us, 2.9 after 50, and 18 after 20.
///
/// Where the cores are others' as well, both do harm: the partner waits for the core that the spin keeps, and a yield gives
/// it away for a whole time slice, which is worse than a wake. So a spin in vain is the last for a while ([`Doubt`]), and
/// where yields lose more time than they save, waits park at once ([`Balance`]).
#[derive(Debug)]
pub(crate) struct SpinWait {
    begun: Instant,
    /// Whether it may spin still.
    spins: bool,
    /// Whether it may yield still.
    yields: bool,
    /// When the last yield ended.
    last: Option<Instant>,
}

impl SpinWait {
    const SPIN: Duration = Duration::from_micros(4);
    /// Between two looks at the clock, which costs as much.
    const LOOKS: u32 = 8;
    /// From the start, spin and yields together.
    const YIELD: Duration = Duration::from_micros(100);

    pub(crate) fn new() -> Self {
        let begun = Instant::now();
        let yields = YIELDS.pay();
        let spins = yields && !is_one_core() && !SPINS_IN_VAIN.applies();
        Self { begun, spins, yields, last: None }
    }

    /// Waits a little, most often until `is_met`; false: the time for that has run out. `is_met` is a look that disturbs
    /// nobody.
    pub(crate) fn pause(&mut self, is_met: impl Fn() -> bool) -> bool {
        self.spin(is_met) || self.yield_now()
    }

    /// Leaves the other side alone for a moment, if it may be running: so that it gets ahead by several steps, and both do not
    /// work on the same memory.
    pub(crate) fn let_ahead(&self) {
        const HEAD_START: u32 = 8;
        if self.spins {
            (0..HEAD_START).for_each(|_| hint::spin_loop());
        }
    }

    /// Spins until it is met; false: the time for that has run out.
    fn spin(&mut self, is_met: impl Fn() -> bool) -> bool {
        if !self.spins {
            return false;
        }
        while self.begun.elapsed() < Self::SPIN {
            for _ in 0..Self::LOOKS {
                if is_met() {
                    SPINS_IN_VAIN.was_wrong();
                    return true;
                }
                hint::spin_loop();
            }
        }
        SPINS_IN_VAIN.was_right();
        self.spins = false;
        false
    }

    /// Yields the core, and says so; or says that the time for that has run out.
    pub(crate) fn yield_now(&mut self) -> bool {
        if !self.yields {
            return false;
        }
        let begun = self.last.unwrap_or_else(Instant::now);
        thread::yield_now();
        let ended = Instant::now();
        self.last = Some(ended);
        YIELDS.took(ended - begun);
        self.yields = ended - self.begun < Self::YIELD;
        true
    }
}

static SPINS_IN_VAIN: Doubt = Doubt { left: AtomicUsize::new(0), next: AtomicUsize::new(Doubt::FIRST) };
static YIELDS: Balance = Balance(AtomicUsize::new(0));

/// What yields have lost lately, in microseconds: in those that took a time slice, for another process had the core. What
/// they save counts against that. From some loss on waits do without them, until the loss is below that.
///
/// A balance, and not the last one's fate: of yields among many threads of our own some take a millisecond, and one that
/// meets a partner who has still to wake takes a tenth of that, so that two threads that once parked would never do without.
/// Of the messages above, sent among other measurements, one in a hundred takes 8 us so, and 45 where each yield of 50 us
/// ends them for 8 to 512 waits; one of 16 senders to one of 16 receivers through 64 places 63 ns, and 62 to 180. Beside two
/// busy threads one of 4 senders to one of 4 receivers takes 370 ns, and 380 (where two long ones in a row are the last for
/// a while: 1800).
///
/// A lost update does no harm.
#[derive(Debug)]
struct Balance(AtomicUsize);

impl Balance {
    const SLICE: Duration = Duration::from_millis(1);
    const LIMIT: usize = 1_000;
    /// No more is remembered.
    const MOST: usize = 4_000;
    /// What a yield saves that takes no slice, and what a wait that does without.
    const SAVED: usize = 20;
    const REPAID: usize = 8;

    /// Whether a wait may yield; if not, it pays for that.
    fn pay(&self) -> bool {
        let may_yield = self.0.load(Ordering::Relaxed) < Self::LIMIT;
        if !may_yield {
            self.lower(Self::REPAID);
        }
        may_yield
    }

    /// A yield took so long.
    fn took(&self, time: Duration) {
        if time < Self::SLICE {
            return self.lower(Self::SAVED);
        }
        let time = time.as_micros().min(Self::MOST as u128) as usize;
        let lost = self.0.load(Ordering::Relaxed) + time;
        self.0.store(lost.min(Self::MOST), Ordering::Relaxed);
    }

    fn lower(&self, by: usize) {
        let lost = self.0.load(Ordering::Relaxed);
        if lost > 0 {
            self.0.store(lost.saturating_sub(by), Ordering::Relaxed);
        }
    }
}

/// A guess that waits of the process share: after one that went badly, so many are spared the attempt; each time that the
/// next attempt goes badly, too, twice as many. A lost update does no harm.
struct Doubt {
    /// Waits that are still spared it.
    left: AtomicUsize,
    /// How many there will be the next time.
    next: AtomicUsize,
}

impl Doubt {
    const FIRST: usize = 1;
    const MOST: usize = 64;

    /// Whether this wait is spared it.
    fn applies(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
        }
        left > 0
    }

    fn was_right(&self) {
        let next = self.next.load(Ordering::Relaxed);
        self.left.store(next, Ordering::Relaxed);
        self.next.store(Self::MOST.min(2 * next), Ordering::Relaxed);
    }

    fn was_wrong(&self) {
        if self.next.load(Ordering::Relaxed) > Self::FIRST {
            self.next.store(Self::FIRST, Ordering::Relaxed);
        }
    }
}

/// Whether all threads of this process take turns on one core.
fn is_one_core() -> bool {
    static ONE: OnceLock<bool> = OnceLock::new();
    *ONE.get_or_init(|| thread::available_parallelism().is_ok_and(|cores| cores.get() == 1))
}

/// Waits for the holder of a lock, a little longer each time.
#[derive(Debug)]
pub(crate) struct Backoff {
    backoff: crossbeam_utils::Backoff,
    /// Spins before each attempt, besides.
    besides: u32,
    /// Yields after those of `backoff`.
    yields: Cell<u32>,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { backoff: crossbeam_utils::Backoff::new(), besides: 0, yields: Cell::new(0) }
    }

    /// One that lets the holder come back several times. An unbounded channel between two threads takes 10 ns a message with
    /// it, and 16 without; with four senders and four receivers 11 and 30. Where a value is handed over, each such wait is one
    /// that the other side waits for, too: with one place 350 ns, and 230 without.
    pub(crate) fn for_batches() -> Self {
        const BESIDES: u32 = 16;
        Self { besides: BESIDES, ..Self::new() }
    }

    /// Spins at first, while the holder may be running on another core; then yields, while it may be waiting for this
    /// one; then naps, so that even a holder of lower priority than all its waiters gets the core. Not before many yields:
    /// whoever finds the lock held eleven times may only have met others who came and went.
    pub(crate) fn snooze(&self) {
        const YIELDS: u32 = 32;
        const NAP: Duration = Duration::from_micros(50);
        (0..self.besides).for_each(|_| hint::spin_loop());
        if !self.backoff.is_completed() {
            self.backoff.snooze();
        } else if self.yields.get() < YIELDS {
            self.yields.set(self.yields.get() + 1);
            thread::yield_now();
        } else {
            thread::sleep(NAP);
        }
    }
}

/// The time.
#[inline]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Whether `deadline` has passed, asked by a wait that has found nothing else to end it.
pub(crate) fn reached(deadline: Instant) -> bool {
    super::passed(deadline)
}

/// A user's deadline on the clock of [`now`]: the same clock.
#[inline]
pub(crate) fn to_model_clock(deadline: Instant) -> Instant {
    deadline
}

/// What tells an object from others while it lives, and orders them: its address.
#[derive(Debug)]
pub(crate) struct Identity;

impl Identity {
    pub(crate) const fn new() -> Self {
        Self
    }

    #[inline]
    pub(crate) fn of<T: ?Sized>(&self, owner: &T) -> usize {
        std::ptr::from_ref(owner).addr()
    }
}

/// A number below `bound`, by chance: Marsaglia's xorshift, which is good enough to be fair by and costs two
/// nanoseconds. Each thread begins elsewhere.
#[inline]
pub(crate) fn random(bound: usize) -> usize {
    thread_local! {
        /// 0 until the first draw; never after it.
        static STATE: Cell<u32> = const { Cell::new(0) };
    }
    // A thread that is ending has no state left, and takes what comes first.
    STATE
        .try_with(|state| {
            let mut x = state.get();
            if x == 0 {
                x = seed();
            }
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            state.set(x);
            ((u64::from(x) * bound as u64) >> 32) as usize
        })
        .unwrap_or(0)
}

/// Where a thread's numbers begin, never 0: what std's random keys make of 0.
#[cold]
fn seed() -> u32 {
    RandomState::new().hash_one(0) as u32 | 1
}

/// Whether a panic is an explorer's: never.
pub(crate) fn is_model_failure(_panic: &(dyn Any + Send)) -> bool {
    false
}

/// Whether the execution of a model is over: there is none.
#[inline]
pub(crate) fn is_over() -> bool {
    false
}

/// Whether a panic that is contained ends the execution of a model: there is none.
pub(crate) fn ends_the_execution(_expected: bool) -> bool {
    false
}

/// The clock of the first process that waits by it.
static CLOCK: OnceLock<Box<Clock>> = OnceLock::new();

impl Alarm {
    /// Has `waker` woken once `deadline` has passed.
    pub(crate) fn set(deadline: Instant, waker: Waker) -> Self {
        Clock::here(&CLOCK).set(deadline, waker, false)
    }

    /// The same for a task's waker, which may as well be woken too soon.
    pub(crate) fn for_task(deadline: Instant, waker: Waker) -> Self {
        Clock::here(&CLOCK).set(deadline, waker, true)
    }
}

/// Starts a thread. Where std panics, as for a name with a null byte in it, that is an error, too.
pub(crate) fn start<T: Send + 'static>(
    name: Option<String>,
    stack_size: Option<usize>,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let builder = name.map_or_else(thread::Builder::new, |name| thread::Builder::new().name(name));
    let builder = match stack_size {
        Some(bytes) => builder.stack_size(bytes),
        None => builder,
    };
    let started = panic::catch_unwind(AssertUnwindSafe(|| builder.spawn(work)));
    started.unwrap_or_else(|_| Err(io::Error::other("the thread could not be made")))
}

/// Wakes a task.
#[inline]
pub(crate) fn wake(waker: Waker) {
    waker.wake();
}

/// Plain memory, accessed the way loom's cell is.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    #[inline]
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[inline]
    pub(crate) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        access(self.0.get())
    }
}

/// Something that is made once, by whoever first wants it.
#[derive(Debug)]
pub(crate) struct Once<T>(OnceLock<T>);

impl<T> Once<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(make)
    }

    /// It, if it has been made, which somebody has said before.
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.get()
    }

    /// It, or nothing: it may be being made.
    pub(crate) fn look(&self) -> Option<&T> {
        self.0.get()
    }
}

/// A thread's handle: what parks it and wakes it.
#[derive(Debug)]
pub(crate) struct OsHandle(Thread);

impl OsHandle {
    /// The calling thread's handle.
    pub(crate) fn current() -> Self {
        Self(thread::current())
    }

    /// Blocks the calling thread, whose handle this must be, until a token is there or for no reason at all.
    pub(crate) fn park(&self) {
        debug_assert_eq!(self.0.id(), thread::current().id());
        thread::park();
    }

    /// The same, until `deadline` at the latest.
    pub(crate) fn park_until(&self, deadline: Instant) {
        debug_assert_eq!(self.0.id(), thread::current().id());
        thread::park_timeout(deadline.saturating_duration_since(now()));
    }

    /// Leaves a token.
    pub(crate) fn unpark(&self) {
        self.0.unpark();
    }
}
