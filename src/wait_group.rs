//! Waiting until a number of things are done.
//!
//! A [`WaitGroup`] counts [`Guard`]s. [`WaitGroup::wait`] blocks until there is none. A group can be used again and
//! again, and its clones are the same group.
//!
//! # A guard for each thing
//! Make a guard with [`guard`](WaitGroup::guard) before the work starts, and move it into the work. The drop of the
//! guard counts it off.
//! ```
//! use hence::WaitGroup;
//!
//! let group = WaitGroup::new();
//! for i in 0..3 {
//!     let guard = group.guard();
//!     std::thread::spawn(move || {
//!         println!("{i}");
//!         drop(guard);
//!     });
//! }
//! group.wait(); // all three have printed
//! ```
//! Only the drop of a guard lowers the count. So a panic lowers it, too; each guard lowers it once; and it is never
//! below zero. Move the guard into the closure by name, as `drop(guard)` does: a closure does not capture what it does
//! not name.
//!
//! # A thread that is counted
//! [`spawn`](WaitGroup::spawn) makes a guard and starts a thread that holds it. If the system refuses the thread, the
//! work comes back in the error.
//! ```
//! # use hence::WaitGroup;
//! let group = WaitGroup::new();
//! let worker = group.spawn(|| 6 * 7).unwrap();
//! group.wait();
//! assert_eq!(worker.join().unwrap(), 42);
//! ```
//!
//! # A wait that can end early
//! A wait may have a limit, or a token that ends it. [`wait_async`](WaitGroup::wait_async) is the wait of a task.
//! ```
//! # use hence::{CancellationToken, WaitGroup};
//! # use std::time::Duration;
//! let (group, token) = (WaitGroup::new(), CancellationToken::new());
//! let guard = group.guard();
//! assert!(!group.wait_timeout(Duration::from_millis(1)));
//! token.cancel();
//! assert!(group.wait_or_cancelled(&token).is_err());
//! drop(guard);
//! assert!(group.wait_timeout(Duration::ZERO));
//! ```
//!
//! # Happens-before
//! <a id="HB-WG-1"></a>
//! **HB-WG-1.** Everything before a guard is dropped happens before the return of each `wait`, `wait_async`,
//! `wait_timeout`, `wait_deadline` or `wait_or_cancelled` that the drop releases, and of each later one that finds the
//! count at zero. *Not promised:* any order between two guards, or between a wait and a guard that is made after it;
//! [`WaitGroup::count`] orders nothing.
//!
//! # Safety
//! <a id="SF-WG-1"></a>
//! **SF-WG-1.** A `wait` returns only if at some moment between its call and its return there was no guard.
//!
//! <a id="SF-WG-2"></a>
//! **SF-WG-2.** [`WaitGroup::count`] is the number of live guards, whatever threads make, clone and drop them; a group
//! that has come down to zero can be used again.
//!
//! <a id="SF-WG-3"></a>
//! **SF-WG-3.** A wait that gives up (`wait_timeout`, `wait_deadline`, `wait_or_cancelled`, a dropped `wait_async`)
//! leaves nothing behind, and takes nothing from the other waits. It gives up only once its time is up, or its token
//! cancelled.
//!
//! <a id="SF-WG-4"></a>
//! **SF-WG-4.** A group's memory is there as long as one of its handles or guards is, and no longer.
//!
//! # Liveness
//! <a id="LV-WG-1"></a>
//! **LV-WG-1.** Every `wait` that began before the count reached zero returns once it has, and every pending
//! `wait_async` is woken, whether or not the group is used again meanwhile.
//!
//! # Panics
//! The drop of the last guard wakes tasks. If a waker panics, everyone is woken first, then the panic comes out of that
//! drop.
//!
//! # Misuse that the types rule out
//! The count cannot go below zero: only a guard counts off, once, and a guard comes only from a group or from another
//! guard. A guard cannot outlive its group's count, nor count in another group.
//!
//! # Coming from other wait groups
//! | there | here |
//! |---|---|
//! | crossbeam-utils `WaitGroup`: each handle counts, and `wait` gives its own up | a [`Guard`] counts, a handle does not: `let guard = group.guard()` for each, where there `let group = group.clone()` |
//! | crossbeam-utils: waits once | again and again, from many threads, with a limit, or as a task |
//! | Go `Add(1)`, `Done()`; `Go(f)` | `let guard = group.guard()`, `drop(guard)`; [`spawn`](WaitGroup::spawn) |
//! | Go: a count below zero panics | cannot be |
//!
//! # Invariants
//! Of the implementation; `proofs.md` argues from them.
//!
//! A group is a word, which has all that counts, and a line of those who wait, under a lock that is taken by them, and by a
//! drop that has somebody to wake.
//!
//! | part of `word` | meaning |
//! |---|---|
//! | `GUARD` and above | how many guards are alive |
//! | `AWAITED` | there has been no zero since the last one came to stand in line |
//!
//! | who changes it | how |
//! |---|---|
//! | `guard` | + `GUARD` |
//! | a drop that leaves guards | - `GUARD` |
//! | a drop that leaves none | -> 0; if that was `AWAITED`, goes on to `release`, under the lock |
//! | `stand`, under the lock, where there are guards | + `AWAITED` |
//!
//! 1. `word` counts the live guards. Each change is one read-modify-write, so a drop's Release reaches whoever reads, with
//!    Acquire, what it or a later change left.
//! 2. Whenever somebody is in line and the group is not `AWAITED`, there has been a zero since they all stood there, and the
//!    drop that made it is on its way to the lock. Whoever comes to stand there first claims them, and leaves it to a drop that
//!    is on its way to wake them.
//! 3. A waiter is claimed after a zero that came after it stood: once `AWAITED` is gone, that holds for all who are in line. It
//!    is gone where `zeros` is 0.
//! 4. Whoever gives up removes its waiter, under the lock, if it has not been claimed. It may leave the group `AWAITED`: the
//!    next zero finds nobody.
//! 5. The state is kept by one `Arc` for each handle, and one for all guards, from the `guard` that finds none to the drop
//!    that leaves none. A guard's `group` is a copy of it that counts nothing.

// Needs: sync.rs, wait.rs, wait/queue.rs.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::sync::{Arc, AtomicUsize, JoinHandle, Lock, Ordering, is_over, start};
use super::wait::{Line, Sleeper, Ticket, Timeout, WaitQueue, WakeCause, notify_all};

/// Counts [`Guard`]s, and waits until there is none. Clones share the count. A group does not count itself, only its
/// guards.
///
/// # Happens-before
/// [HB-WG-1](crate::wait_group#HB-WG-1).
///
/// # Example
/// A program that waits before it exits: when `wait` returns, the work of every worker is done, and seen.
/// ```
/// use hence::WaitGroup;
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use std::{sync::Arc, thread};
///
/// let group = WaitGroup::new();
/// let done = Arc::new(AtomicUsize::new(0));
/// for _ in 0..4 {
///     let (guard, done) = (group.guard(), done.clone());
///     thread::spawn(move || {
///         done.fetch_add(1, Relaxed);
///         drop(guard); // or let a panic drop it
///     });
/// }
/// group.wait();
/// assert_eq!(done.load(Relaxed), 4);
/// ```
#[doc(alias = "TaskTracker")]
#[doc(alias = "CountDownLatch")]
#[derive(Clone)]
pub struct WaitGroup {
    pub(crate) state: Arc<State>,
}

pub(crate) struct State {
    /// The tables above.
    word: AtomicUsize,
    waits: Lock<Waits>,
}

struct Waits {
    /// Who waits for the count to reach zero.
    line: WaitQueue<Sleeper>,
    /// Zeros that have been `AWAITED`, or are, and whose drop has not come here yet.
    zeros: usize,
    /// Who has been claimed, and is to be woken by the next drop that comes here.
    released: Vec<Sleeper>,
}

const AWAITED: usize = 1;
const GUARD: usize = 2;
/// Guards alive at most; more would fit, so that those are counted, too, that are about to be refused.
const MOST: usize = if usize::BITS > 32 { u32::MAX as usize } else { usize::MAX / 4 };

impl WaitGroup {
    /// Makes a group without guards.
    pub fn new() -> Self {
        let waits = Lock::new(Waits { line: WaitQueue::new(), zeros: 0, released: Vec::new() });
        Self { state: Arc::new(State { word: AtomicUsize::new(0), waits }) }
    }

    /// Makes a guard: the count goes up by one, and down again when the guard is dropped. Does not block.
    ///
    /// # Panics
    /// If `u32::MAX` guards are alive; where a pointer has 32 bits, if 2^30 - 1 are.
    ///
    /// # Example
    /// ```
    /// let group = hence::WaitGroup::new();
    /// let guard = group.guard();
    /// assert_eq!(group.count(), 1);
    /// drop(guard);
    /// assert_eq!(group.count(), 0);
    /// ```
    #[doc(alias = "Add")]
    #[must_use = "the count goes down again when the guard is dropped"]
    #[inline]
    pub fn guard(&self) -> Guard {
        // Relaxed: makes nothing known, and looks at nothing that others did.
        let before = self.state.word.fetch_add(GUARD, Ordering::Relaxed) / GUARD;
        if before == 0 {
            // The guards' `Arc`: the last drop has it.
            mem::forget(self.clone());
        }
        // SAFETY: a copy that counts nothing. It is used only while its guard is alive, so the state is there; and dropped only
        // as the guards' `Arc`, once (invariant 5).
        let guard = Guard { group: ManuallyDrop::new(unsafe { ptr::read(self) }) };
        assert!(before < MOST, "too many guards on one WaitGroup");
        guard
    }

    /// Blocks the thread until there is no guard. Returns at once if there is none.
    ///
    /// Returns as soon as the count has been zero at some instant, even if new guards are made since.
    ///
    /// For tasks there is [`wait_async`](WaitGroup::wait_async).
    ///
    /// # Happens-before
    /// [HB-WG-1](crate::wait_group#HB-WG-1).
    ///
    /// # Example
    /// ```
    /// hence::WaitGroup::new().wait(); // nothing to wait for
    /// ```
    pub fn wait(&self) {
        self.wait_within(Timeout::Never);
    }

    /// Starts a thread that runs `work`, and counts it until it ends, by a return or a panic. Does not wait for the
    /// thread.
    ///
    /// # Errors
    /// [`NoThreadError`] if the operating system refuses the thread. It holds the reason, and `work`, which has not
    /// been begun; the count is as before.
    ///
    /// # Panics
    /// As [`guard`](WaitGroup::guard).
    ///
    /// # Happens-before
    /// [HB-WG-1](crate::wait_group#HB-WG-1), for everything that `work` does.
    ///
    /// # Example
    /// ```
    /// let group = hence::WaitGroup::new();
    /// let worker = group.spawn(|| 6 * 7).unwrap();
    /// group.spawn(|| panic!("counts off all the same")).unwrap();
    /// group.wait();
    /// assert_eq!(worker.join().unwrap(), 42);
    /// ```
    #[doc(alias = "Go")]
    pub fn spawn<T, W>(&self, work: W) -> Result<JoinHandle<T>, NoThreadError<W>>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let guard = self.guard();
        // A thread that is refused drops what it was to run: so that is in a box that two have.
        let given = Arc::new(Lock::new(Some(work)));
        let taken = given.clone();
        let started = start(None, None, move || {
            let _guard = guard;
            take(&taken)()
        });
        started.map_err(|error| NoThreadError { work: take(&given), error })
    }

    /// [`wait`](WaitGroup::wait) for at most `timeout`. Returns true if there was no guard, false if the time was up
    /// first. If the timeout does not fit an `Instant`, waits without a limit. Leaves nothing behind.
    ///
    /// # Happens-before
    /// [HB-WG-1](crate::wait_group#HB-WG-1), if true.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// let group = hence::WaitGroup::new();
    /// let guard = group.guard();
    /// assert!(!group.wait_timeout(Duration::from_millis(1)));
    /// drop(guard);
    /// assert!(group.wait_timeout(Duration::ZERO));
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_within(Timeout::at_most(timeout))
    }

    /// [`wait`](WaitGroup::wait) until `deadline` at the latest. Returns true if there was no guard, false if the time
    /// was up first. If `deadline` has passed, looks once and does not block. A last guard whose drop has not returned when
    /// the time is up may count as either.
    ///
    /// # Happens-before
    /// [HB-WG-1](crate::wait_group#HB-WG-1), if true.
    ///
    /// # Example
    /// ```
    /// # use std::time::Instant;
    /// assert!(hence::WaitGroup::new().wait_deadline(Instant::now()));
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_within(Timeout::until(deadline))
    }

    fn wait_within(&self, wait: Timeout) -> bool {
        if let Timeout::Now = wait {
            return self.state.guards() == 0;
        }
        let Some((ticket, waiter)) = self.state.stand_as_thread() else { return true };
        waiter.wait_or_leave(wait.deadline(), || self.state.leave(ticket)).is_some()
    }

    /// Returns a future that is ready once there is no guard: [`wait`](WaitGroup::wait) for tasks, on any runtime.
    ///
    /// The wait begins at the first poll. Dropping the future leaves nothing behind. Polled again after it was ready,
    /// the future waits again. It does not yield to other tasks by itself ([*Tasks*](crate::channel#tasks)).
    ///
    /// # Happens-before
    /// [HB-WG-1](crate::wait_group#HB-WG-1).
    ///
    /// # Example
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Waker}};
    /// let group = hence::WaitGroup::new();
    /// let guard = group.guard();
    /// let mut wait = pin!(group.wait_async());
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(wait.as_mut().poll(&mut cx).is_pending());
    /// drop(guard);
    /// assert!(wait.as_mut().poll(&mut cx).is_ready());
    /// ```
    pub fn wait_async(&self) -> WaitFuture<'_> {
        WaitFuture { group: self, place: None }
    }

    /// The number of live guards, at some moment during the call. Does not block. It gives no happens-before edge: a
    /// zero does not mean that you see what the guards' holders did. For that, call [`wait`](WaitGroup::wait).
    ///
    /// # Example
    /// ```
    /// assert_eq!(hence::WaitGroup::new().count(), 0);
    /// ```
    pub fn count(&self) -> usize {
        self.state.guards()
    }
}

impl State {
    /// How many guards there are; if none, after what came before their drops.
    fn guards(&self) -> usize {
        // Acquire: pairs with the Release in `drop` (HB-WG-1).
        self.word.load(Ordering::Acquire) / GUARD
    }

    /// Under the lock, for one who is about to stand in line; `None`: there is no guard.
    fn set_awaited(&self, waits: &mut Waits) -> Option<()> {
        let awaited = |word| (word >= GUARD && word & AWAITED == 0).then_some(word | AWAITED);
        // Acquire: pairs with the Release in `drop`: of a zero that it finds, or that has been since others stood (HB-WG-1).
        match self.word.fetch_update(Ordering::Acquire, Ordering::Acquire, awaited) {
            Ok(_) => {
                waits.release(); // who stands there stood before the last zero (invariant 2)
                waits.zeros += 1;
            }
            Err(word) if word < GUARD => return None,
            Err(_) => {}
        }
        Some(())
    }

    /// After the zero that has taken `AWAITED` away: wakes whom it has released.
    #[cold]
    fn release(&self) {
        let released = self.waits.with(|waits| {
            waits.zeros -= 1;
            // With other zeros on their way it may be `AWAITED` again, for the next; if not, all who stand here have had theirs,
            // wherever the drop that made it is. Acquire: pairs with the Release in that `drop` (HB-WG-1).
            if waits.zeros == 0 || self.word.load(Ordering::Acquire) & AWAITED == 0 {
                waits.release();
            }
            mem::take(&mut waits.released)
        });
        notify_all(released.into_iter());
    }
}

impl Waits {
    /// Claims all who stand here.
    fn release(&mut self) {
        self.released.append(&mut self.line.claim_all(|sleeper| sleeper.claim(WakeCause::Done(0))));
    }
}

impl Line for State {
    fn with_line<R>(&self, section: impl FnOnce(&mut WaitQueue<Sleeper>) -> R) -> R {
        self.waits.with(|waits| section(&mut waits.line))
    }

    /// Unless there is no guard.
    fn stand(&self, make: impl FnOnce() -> Sleeper) -> Option<Ticket> {
        self.waits.with(|waits| self.set_awaited(waits).map(|()| waits.line.push(|_| make())))
    }
}

/// The work of a thread, which takes it if it is started, and else its owner does.
fn take<W>(work: &Lock<Option<W>>) -> W {
    work.with(Option::take).expect("taken by one of the two")
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup").field("count", &self.count()).finish()
    }
}

impl UnwindSafe for WaitGroup {}
impl RefUnwindSafe for WaitGroup {}

/// One of the things that a [`WaitGroup`] waits for; made by [`WaitGroup::guard`]. A clone is one more guard.
///
/// Dropping a guard, at the end of a scope or by a panic, lowers the count by one. The drop of the last guard wakes
/// everyone who waits.
///
/// # Panics
/// Cloning a guard panics as [`WaitGroup::guard`] does. The drop of the last guard panics if a task's waker does:
/// after everyone has been woken.
///
/// # Happens-before
/// [HB-WG-1](crate::wait_group#HB-WG-1).
///
/// # Example
/// ```
/// let group = hence::WaitGroup::new();
/// let guard = group.guard();
/// let worker = std::thread::spawn(move || {
///     let _guard = guard;
///     panic!("the guard is dropped all the same");
/// });
/// group.wait();
/// assert!(worker.join().is_err());
/// ```
#[doc(alias = "Done")]
#[doc(alias = "TaskTrackerToken")]
#[must_use = "a guard that is dropped at once waits for nothing"]
pub struct Guard {
    /// Counted for all guards together: invariant 5.
    group: ManuallyDrop<WaitGroup>,
}

impl Guard {
    /// The group that counts this guard.
    ///
    /// # Example
    /// ```
    /// let guard = hence::WaitGroup::new().guard();
    /// assert_eq!(guard.group().count(), 1);
    /// ```
    pub fn group(&self) -> &WaitGroup {
        &self.group
    }
}

impl Clone for Guard {
    fn clone(&self) -> Self {
        self.group.guard()
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        if is_over() {
            return;
        }
        let state = &self.group.state;
        let left = |word| Some(if word / GUARD == 1 { 0 } else { word - GUARD });
        // Release: pairs with the Acquire in `guards`, `set_awaited` and `release` (HB-WG-1). Acquire: pairs with that
        // Release, so that what others did with the memory comes before the last one's drop of it (SF-WG-4). Relaxed on
        // failure: there is none.
        let word = state.word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, left).expect("it counts this guard");
        if word / GUARD == 1 {
            // SAFETY: the guards' `Arc`, which this drop has, since it left none (invariant 5). `self.group` is not used again.
            let group = unsafe { ManuallyDrop::take(&mut self.group) };
            if word & AWAITED != 0 {
                group.state.release();
            }
        }
        // If others are left, the state is theirs, and not to be touched any more.
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("group", self.group()).finish()
    }
}

/// The error of [`WaitGroup::spawn`]: the operating system has refused a thread. Its [`source`](Error::source) is the
/// reason.
pub struct NoThreadError<W> {
    work: W,
    error: io::Error,
}

impl<W> NoThreadError<W> {
    /// Returns the work, which has not been begun.
    ///
    /// # Example
    /// ```
    /// let group = hence::WaitGroup::new();
    /// if let Err(refused) = group.spawn(|| println!("on a thread, or else on this one")) {
    ///     refused.into_inner()();
    /// }
    /// group.wait();
    /// ```
    pub fn into_inner(self) -> W {
        self.work
    }
}

// By hand: work that cannot be shown can be handed back all the same.
impl<W> fmt::Debug for NoThreadError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoThreadError(.., {:?})", self.error)
    }
}

impl<W> fmt::Display for NoThreadError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("no thread could be started")
    }
}

impl<W> Error for NoThreadError<W> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// A future that is ready once its group has no guard; made by [`WaitGroup::wait_async`].
#[must_use = "a future does nothing unless it is polled"]
pub struct WaitFuture<'a> {
    group: &'a WaitGroup,
    place: Option<Ticket>,
}

impl Future for WaitFuture<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { group, place } = &mut *self;
        group.state.poll(place, cx)
    }
}

impl Drop for WaitFuture<'_> {
    fn drop(&mut self) {
        if let (Some(ticket), false) = (self.place, is_over()) {
            self.group.state.leave(ticket);
        }
    }
}

impl fmt::Debug for WaitFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFuture").field("waiting", &self.place.is_some()).finish()
    }
}
