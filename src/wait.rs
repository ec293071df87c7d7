//! Waiting: a [`Waiter`] is one blocked operation. The [`Line`] it stands in is a [`WaitQueue`] (`wait/queue.rs`) under a
//! lock; a [`Latch`] (`wait/latch.rs`) is a flag that is set once, and its line.
//!
//! A blocked party puts a waiter into the line of what it waits for, under the lock of that thing, and sleeps until
//! somebody has *claimed* the waiter with a cause, or its deadline has passed. One waiter may stand in several lines
//! (that is what a select is); the claim decides which of them it was.
//!
//! A task that waits in one line alone needs no waiter, unless it brings a value: what stands there is its waker. It is claimed
//! by being taken out, and a poll looks, under the lock, whether it is there still.
//!
//! # Guarantees
//! **SF-WT-1.** Of all attempts to claim a waiter exactly one succeeds, and its cause is what the waiter sees.
//!
//! **HB-WT-1.** Everything before a successful claim, or before the `complete` of a promised one, happens before the
//! return of the `wait`, `poll` or `cause` that reports it.
//!
//! **LV-WT-1.** After a claim and its `notify`, the thread in `wait` returns, and the task that last polled is woken.
//!
//! **LV-WT-2.** A task that stands in a `Line` is woken, once taken out, by the waker of the latest poll that found it there;
//! a later poll is ready. Everything before it was taken out happens before the return of that poll.
//!
//! # Invariants
//! 1. `claim` leaves `WAITING` once, for a cause or for `PROMISED`; a cause never changes.
//! 2. Whoever makes that change, and nobody else, acts for the waiter: it has prepared what the cause promises before
//!    it writes the cause, and calls `notify` after that, outside every lock.
//! 3. `signal` of a task (a send: its value is in its waiter's care) holds the waker of the latest poll until `notify` takes
//!    it; a poll that comes after that finds the cause.
//! 4. What stands in a line is changed, and taken out, under its lock.
//!
//! | `claim` | meaning | who moves it on |
//! |---|---|---|
//! | `WAITING` | unclaimed | whoever has something for the waiter: -> a cause, or `PROMISED`; a select whose time is up, or that finds a latch set while it comes to stand in line: -> `Retry` |
//! | `PROMISED` | claimed by a select that has still to say what it sends | that select: -> a cause |
//! | a [`WakeCause`] | claimed | nobody |

// Needs: sync.rs, wait/latch.rs, wait/queue.rs.

mod latch;
mod queue;

use std::mem;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::sync::{
    Alarm, Arc, AtomicUsize, Lock, Ordering, Parker, ignore_panic, now, passed, reached, to_model_clock, wake,
};
pub(crate) use latch::{Ends, Latch};
pub(crate) use queue::{Ticket, WaitQueue};

/// How long an operation waits; asked for before it stands in any line. One whose time is up then looks, and does not
/// wait.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Timeout {
    Now,
    At(Instant),
    Never,
}

impl Timeout {
    #[doc(hidden)]
    pub fn at_most(timeout: Duration) -> Self {
        if timeout.is_zero() {
            return Timeout::Now;
        }
        now().checked_add(timeout).map_or(Timeout::Never, Timeout::At)
    }

    pub(crate) fn until(deadline: Instant) -> Self {
        let deadline = to_model_clock(deadline);
        if passed(deadline) { Timeout::Now } else { Timeout::At(deadline) }
    }

    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Timeout::At(deadline) => Some(deadline),
            Timeout::Now | Timeout::Never => None,
        }
    }

    pub(crate) fn is_over(self) -> bool {
        match self {
            Timeout::Now => true,
            Timeout::At(deadline) => passed(deadline),
            Timeout::Never => false,
        }
    }
}

/// The earlier of two moments, where `None` never comes.
pub(crate) fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (moment, None) | (None, moment) => moment,
    }
}

/// Why a waiter was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WakeCause {
    /// What it waited for has been done for it, at this arm; 0 for an operation that is no select.
    Done(usize),
    /// What it waited for will never be: the channel closed.
    Closed,
    /// Things have changed: it is to try again.
    Retry,
}

const WAITING: usize = 0;
const PROMISED: usize = 1;
const CLOSED: usize = 2;
const RETRY: usize = 3;
const FIRST_ARM: usize = 4;

impl WakeCause {
    fn to_word(self) -> usize {
        match self {
            WakeCause::Closed => CLOSED,
            WakeCause::Retry => RETRY,
            WakeCause::Done(arm) => FIRST_ARM + arm,
        }
    }

    fn from_word(word: usize) -> Option<WakeCause> {
        match word {
            WAITING | PROMISED => None,
            CLOSED => Some(WakeCause::Closed),
            RETRY => Some(WakeCause::Retry),
            word => Some(WakeCause::Done(word - FIRST_ARM)),
        }
    }
}

/// One blocked operation.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// `WAITING`, `PROMISED` or a cause: the table above.
    claim: AtomicUsize,
    signal: Signal,
}

/// How to wake whoever waits.
#[derive(Debug)]
enum Signal {
    Thread(Parker),
    Task(Lock<Option<Waker>>),
}

/// Somebody in a line, who is woken once taken out of it.
#[derive(Debug)]
pub(crate) enum Sleeper {
    /// One who can be claimed through other lines, too, or asks for the cause.
    Waiter(Arc<Waiter>),
    /// A task that waits in this line alone. It is claimed by being taken out, and looks for the cause when it is polled.
    Task(Waker),
}

impl Sleeper {
    /// Claims one that has been taken out of its line.
    pub(crate) fn claim(&self, cause: WakeCause) -> bool {
        match self {
            Sleeper::Waiter(waiter) => waiter.claim(cause),
            Sleeper::Task(_) => true,
        }
    }
}

/// Somebody who is to be woken: once, by whoever has claimed it, or to whom that one has left it, and under no lock, since a
/// waker is user code.
pub(crate) trait Notify {
    #[track_caller]
    fn notify(self);
}

impl Notify for Sleeper {
    #[track_caller]
    fn notify(self) {
        match self {
            Sleeper::Waiter(waiter) => waiter.notify(),
            Sleeper::Task(waker) => wake(waker),
        }
    }
}

/// How a task that waits is going to be woken.
pub(crate) struct TaskWait {
    /// Its place in a line.
    pub(crate) place: Option<Ticket>,
    /// Set while it waits for a moment.
    pub(crate) alarm: Option<Alarm>,
}

impl TaskWait {
    pub(crate) const fn new() -> Self {
        Self { place: None, alarm: None }
    }
}

/// A task's waker on its way into a line. Cloning and dropping one is user code: outside the lock.
pub(crate) struct NewWaker<'a> {
    current: &'a Waker,
    clone: Option<Waker>,
    /// What has been taken out of the line.
    outdated: Option<Waker>,
}

impl<'a> NewWaker<'a> {
    pub(crate) fn new(cx: &Context<'a>) -> Self {
        Self { current: cx.waker(), clone: None, outdated: None }
    }

    /// Under no lock: for an attempt that has found out that it needs one.
    pub(crate) fn make(&mut self) {
        self.clone = Some(self.current.clone());
    }

    pub(crate) fn is_made(&self) -> bool {
        self.clone.is_some()
    }

    /// To stand in line with, once made.
    pub(crate) fn take(&mut self) -> Waker {
        self.clone.take().expect("it was made")
    }

    /// Keeps one that has been taken out of the line, until the lock is free.
    pub(crate) fn keep(&mut self, outdated: Option<Waker>) {
        self.outdated = outdated;
    }

    /// Drops what nobody needs, under no lock. What that throws is no reason to lose what a poll has come to.
    #[inline]
    pub(crate) fn drop_quietly(self) {
        if self.clone.is_some() || self.outdated.is_some() {
            // One by one: if both throw, the second would end the process.
            ignore_panic(|| drop(self.clone));
            ignore_panic(|| drop(self.outdated));
        }
    }

    /// Takes the place of an earlier one; false: it is to be made.
    pub(crate) fn replace(&mut self, known: &mut Waker) -> bool {
        if known.will_wake(self.current) {
            return true;
        }
        let Some(clone) = self.clone.take() else { return false };
        self.outdated = Some(mem::replace(known, clone));
        true
    }
}

/// A line under a lock, and what those wait for who stand there.
pub(crate) trait Line {
    /// Runs `section` on those in line, under the lock.
    fn with_line<R>(&self, section: impl FnOnce(&mut WaitQueue<Sleeper>) -> R) -> R;

    /// Stands in line, unless there is nothing to wait for. `make` runs under the lock.
    fn stand(&self, make: impl FnOnce() -> Sleeper) -> Option<Ticket>;

    /// The same for the calling thread, with a waiter of its own.
    fn stand_as_thread(&self) -> Option<(Ticket, Arc<Waiter>)> {
        let mut waiter = None;
        let ticket = self.stand(|| Sleeper::Waiter(waiter.insert(Arc::new(Waiter::thread())).clone()))?;
        Some((ticket, waiter.expect("it stands in line")))
    }

    /// Leaves the line; false: it has been taken out.
    fn leave(&self, ticket: Ticket) -> bool {
        self.with_line(|line| line.remove(ticket)).is_some()
    }

    /// Polls a future that waits in this line alone.
    fn poll(&self, place: &mut Option<Ticket>, cx: &mut Context<'_>) -> Poll<()> {
        let mut waker = NewWaker::new(cx);
        *place = match *place {
            Some(ticket) if self.stays(ticket, &mut waker) => Some(ticket),
            Some(_) => None,
            None => {
                waker.make();
                self.stand(|| Sleeper::Task(waker.take()))
            }
        };
        waker.drop_quietly();
        if place.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Has a task that is in line still woken by the latest waker; false: it has been taken out.
    fn stays(&self, ticket: Ticket, waker: &mut NewWaker<'_>) -> bool {
        loop {
            let replaced = self.with_line(|line| match line.get_mut(ticket) {
                Some(Sleeper::Task(known)) => Some(waker.replace(known)),
                _ => None,
            });
            match replaced {
                Some(false) => waker.make(),
                stays => return stays.is_some(),
            }
        }
    }
}

impl Waiter {
    /// A waiter for the calling thread, which alone may [`wait`](Waiter::wait) on it.
    pub(crate) fn thread() -> Self {
        Self { claim: AtomicUsize::new(WAITING), signal: Signal::Thread(Parker::current()) }
    }

    /// A waiter for the task that `waker` wakes.
    pub(crate) fn task(waker: Waker) -> Self {
        Self { claim: AtomicUsize::new(WAITING), signal: Signal::Task(Lock::new(Some(waker))) }
    }

    /// The same, promised from the start: it waits for one partner alone.
    pub(crate) fn promised(mut self) -> Self {
        self.claim = AtomicUsize::new(PROMISED);
        self
    }

    /// Claims the waiter; true for the one caller whose `cause` counts.
    pub(crate) fn claim(&self, cause: WakeCause) -> bool {
        // Release: pairs with the Acquire in `cause` (HB-WT-1). Relaxed on failure: a loser looks at nothing.
        self.claim.compare_exchange(WAITING, cause.to_word(), Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// Claims the waiter for a cause that is still to come: `complete` names it. True for the one caller who may.
    pub(crate) fn promise(&self) -> bool {
        // Relaxed: says nothing to the waiter, which sleeps on until `complete`.
        self.claim.compare_exchange(WAITING, PROMISED, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Names the cause of a promised waiter: called once, by the one who promised.
    pub(crate) fn complete(&self, cause: WakeCause) {
        // Release: pairs with the Acquire in `cause` (HB-WT-1).
        self.claim.store(cause.to_word(), Ordering::Release);
    }

    /// Wakes whoever waits. Called once, by the one whose claim succeeded, or to whom that one has left it, and under no lock:
    /// a waker is user code.
    #[track_caller]
    pub(crate) fn notify(&self) {
        match &self.signal {
            Signal::Thread(parker) => parker.unpark(),
            Signal::Task(waker) => {
                if let Some(waker) = waker.with(Option::take) {
                    wake(waker);
                }
            }
        }
    }

    /// The cause, once claimed.
    pub(crate) fn cause(&self) -> Option<WakeCause> {
        // Acquire: pairs with the Release in `claim` and in `complete` (HB-WT-1).
        WakeCause::from_word(self.claim.load(Ordering::Acquire))
    }

    /// Blocks the thread that made this waiter until it is claimed.
    pub(crate) fn wait(&self) -> WakeCause {
        loop {
            // The park first: `notify` is what ends the wait, and a look before it would seldom find anything.
            self.parker().park();
            if let Some(cause) = self.cause() {
                return cause;
            }
        }
    }

    /// The same until `deadline`, if there is one, at the latest: `None` if nobody has claimed it by then. It can still
    /// be claimed after that, until it has been claimed or taken out of its queue by the one who waited.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> Option<WakeCause> {
        let Some(deadline) = deadline else { return Some(self.wait()) };
        loop {
            self.parker().park_until(deadline);
            if let Some(cause) = self.cause() {
                return Some(cause);
            }
            if reached(deadline) {
                return None;
            }
        }
    }

    /// The same, and then `leave` takes the waiter out of its line. `None`: it has left.
    pub(crate) fn wait_or_leave(&self, deadline: Option<Instant>, leave: impl FnOnce() -> bool) -> Option<WakeCause> {
        self.wait_until(deadline).or_else(|| self.leave_or_wait(leave))
    }

    /// Leaves the line, by `leave`. Where the waiter is not there any more (false), it has been claimed in the last moment,
    /// or promised something: there is a cause, or will be one.
    pub(crate) fn leave_or_wait(&self, leave: impl FnOnce() -> bool) -> Option<WakeCause> {
        // It may have been claimed, and not be notified for long: by another who waits for a group.
        if leave() { None } else { self.cause().or_else(|| Some(self.wait())) }
    }

    fn parker(&self) -> &Parker {
        let Signal::Thread(parker) = &self.signal else { unreachable!("a task waits by polling") };
        parker
    }

    /// Asks for the cause, and leaves the task's latest waker where there is none yet.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<WakeCause> {
        if self.cause().is_none() {
            self.register(cx.waker());
        }
        // Again: a claim between the look above and the registration has woken the waker of an earlier poll.
        self.cause().map_or(Poll::Pending, Poll::Ready)
    }

    fn register(&self, waker: &Waker) {
        let Signal::Task(registered) = &self.signal else { unreachable!("a thread waits by parking") };
        // Cloning and dropping a waker are user code: both outside the lock.
        let known = registered.with(|registered| registered.as_ref().is_some_and(|known| known.will_wake(waker)));
        if !known {
            let waker = waker.clone();
            let outdated = registered.with(|registered| registered.replace(waker));
            drop(outdated);
        }
    }
}

/// Notifies all of `claimed`, the rest too if a waker panics; what a second one throws is let go of.
#[track_caller]
pub(crate) fn notify_all<I: Iterator<Item: Notify>>(claimed: I) {
    struct Rest<I: Iterator<Item: Notify>>(I);
    impl<I: Iterator<Item: Notify>> Drop for Rest<I> {
        fn drop(&mut self) {
            self.0.by_ref().for_each(|one| ignore_panic(|| one.notify()));
        }
    }
    let mut rest = Rest(claimed);
    for one in rest.0.by_ref() {
        one.notify();
    }
}
