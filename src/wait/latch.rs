//! A latch: a flag that is set once, and those who wait for it. A token, and a job, ends by setting its own.
//!
//! Nobody is woken at a deadline: whoever waits, waits no longer than until then, and looks again. So one who only looks
//! wakes nobody, and runs no user code.
//!
//! | bit of `word` | meaning | who sets it |
//! |---|---|---|
//! | `SET` | it is set, for good | `set`, or `expire`: the first |
//! | `WATCHED` | somebody stands, or has stood, in `line` | whoever is about to stand there |
//! | `OWNERS` and above | the owner's | the owner |
//!
//! # Guarantees
//! **HB-LT-1.** Everything before the `set` that set a latch happens before each look that finds it set, and before the
//! return of each wait that it ends. *Not promised:* anything by `expire`.
//!
//! **LV-LT-1.** Whoever stands in line when `set` sets a latch is woken by the `release` that `set` asks for; nobody comes to
//! stand there after it has been set. *Not promised:* a wake-up by `expire`.
//!
//! # Invariants
//! 1. `line` is made before `WATCHED` is set.
//! 2. Of `SET` and `WATCHED` each setter sees the other's bit, if that was first.
//! 3. Whoever stands in line has set `WATCHED`, and not found `SET`, in the section that put it there.
//!
//! So `release`, which comes after `set`, finds those who came before it; those who come after it find `SET`.

// Needs: sync.rs, wait.rs, wait/queue.rs.

use std::task::{Context, Poll};
use std::time::Instant;

use super::super::sync::{Alarm, Arc, AtomicUsize, Identity, Lock, Once, Ordering, is_over, passed};
use super::{Line, Sleeper, TaskWait, Ticket, WaitQueue, Waiter, WakeCause, earlier, notify_all};

const SET: usize = 1;
const WATCHED: usize = 2;

pub(crate) struct Latch {
    /// The table above.
    word: AtomicUsize,
    line: Once<Box<Lock<WaitQueue<Sleeper>>>>,
    identity: Identity,
}

impl Latch {
    /// A latch is set from the start if its word says so.
    pub(crate) const SET: usize = SET;
    /// The first bit of the word that is the owner's.
    pub(crate) const OWNERS: usize = 4;

    pub(crate) fn new(word: usize) -> Self {
        Self { word: AtomicUsize::new(word), line: Once::new(), identity: Identity::new() }
    }

    /// What tells it from others.
    pub(crate) fn identity(&self) -> usize {
        self.identity.of(self)
    }

    /// The word, after what came before `SET` if that is there.
    #[inline]
    pub(crate) fn look(&self) -> usize {
        // Acquire: pairs with the Release in `set` (HB-LT-1).
        self.word.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.look() & SET != 0
    }

    /// Sets a bit of the owner's; true for the one call that did.
    #[inline]
    pub(crate) fn mark(&self, bit: usize) -> bool {
        // Relaxed: orders nothing.
        self.word.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// Whether a bit of the owner's is set.
    pub(crate) fn is_marked(&self, bit: usize) -> bool {
        // Relaxed: looks at nothing else.
        self.word.load(Ordering::Relaxed) & bit != 0
    }

    /// Sets it; `None` if it was set. True: somebody waits, whom `release` is to wake.
    #[inline]
    #[must_use = "they wait for it"]
    pub(crate) fn set(&self) -> Option<bool> {
        // Release: pairs with the Acquire in `look` and in `stand` (HB-LT-1). Acquire: pairs with the Release in `stand`,
        // whose line is looked for (LV-LT-1).
        let before = self.word.fetch_or(SET, Ordering::AcqRel);
        (before & SET == 0).then_some(before & WATCHED != 0)
    }

    /// Wakes those who wait: after `set`, and under no lock. The rest too if a waker panics.
    #[cold]
    pub(crate) fn release(&self) {
        let released = self.with_line(|line| line.claim_all(|sleeper| sleeper.claim(WakeCause::Retry)));
        notify_all(released.into_iter());
    }

    /// Sets it, with `bits` of the owner's, unless it is set, and tells nobody: they know when.
    #[cold]
    pub(crate) fn expire(&self, bits: usize) {
        let mut word = self.look();
        while word & SET == 0 {
            // Relaxed: a deadline orders nothing. Acquire on failure: pairs with the Release in `set` (HB-LT-1).
            let expired = self.word.compare_exchange(word, word | SET | bits, Ordering::Relaxed, Ordering::Acquire);
            match expired {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Waits with a waiter that stands in another line, too: why it was claimed there. `None` if this is set, by `deadline`
    /// at the latest, and the waiter has left that line, by `leave`.
    pub(crate) fn wait_or_leave(
        &self,
        deadline: Option<Instant>,
        waiter: &Arc<Waiter>,
        leave: impl FnOnce() -> bool,
    ) -> Option<WakeCause> {
        let Some(ticket) = self.stand(|| Sleeper::Waiter(waiter.clone())) else { return waiter.leave_or_wait(leave) };
        let cause = waiter.wait_until(deadline);
        self.leave(ticket);
        match cause {
            // This latch has claimed it.
            Some(WakeCause::Retry) => {
                leave();
                None
            }
            Some(cause) => Some(cause),
            None => waiter.leave_or_wait(leave).filter(|cause| *cause != WakeCause::Retry),
        }
    }
}

impl Line for Latch {
    /// For one who has stood there, or has found that somebody has.
    fn with_line<R>(&self, section: impl FnOnce(&mut WaitQueue<Sleeper>) -> R) -> R {
        self.line.get().expect("made before anybody stands there").with(section)
    }

    fn stand(&self, make: impl FnOnce() -> Sleeper) -> Option<Ticket> {
        let line = self.line.get_or_make(|| Box::new(Lock::new(WaitQueue::new())));
        line.with(|line| {
            // Release: pairs with the Acquire in `set` (LV-LT-1). Acquire: pairs with the Release there (HB-LT-1).
            if self.word.fetch_or(WATCHED, Ordering::AcqRel) & SET != 0 {
                return None;
            }
            Some(line.push(|_| make()))
        })
    }
}

/// Something that ends, once, by setting its latch.
pub(crate) trait Ends: Send + Sync {
    fn latch(&self) -> &Latch;

    /// When it ends by itself, and nobody is woken.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Whether it has ended.
    fn has_ended(&self) -> bool {
        self.latch().is_set()
    }

    /// Waits for the end, but no longer than until `deadline`: whether it has come. If the time is up when it is called,
    /// it looks, and does not wait.
    fn wait_until(&self, deadline: Option<Instant>) -> bool {
        let is_late = deadline.is_some_and(passed);
        if self.has_ended() {
            return true;
        }
        if is_late {
            return false;
        }
        let latch = self.latch();
        let Some((ticket, waiter)) = latch.stand_as_thread() else { return true };
        let deadline = earlier(self.deadline(), deadline);
        waiter.wait_or_leave(deadline, || latch.leave(ticket)).is_some() || self.has_ended()
    }

    /// The same for a task: ready when it has ended.
    fn poll(&self, wait: &mut TaskWait, cx: &mut Context<'_>) -> Poll<()> {
        // The one before is taken back first: its waker may be another task's.
        wait.alarm = None;
        if self.has_ended() {
            return Poll::Ready(());
        }
        if self.latch().poll(&mut wait.place, cx).is_ready() {
            return Poll::Ready(());
        }
        wait.alarm = self.deadline().map(|deadline| Alarm::for_task(deadline, cx.waker().clone()));
        Poll::Pending
    }

    /// A task leaves, which need not have come.
    fn leave(&self, wait: &TaskWait) {
        if let (Some(ticket), false) = (wait.place, is_over()) {
            self.latch().leave(ticket);
        }
    }
}
