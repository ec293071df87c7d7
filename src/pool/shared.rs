//! What a pool's handles, tasks and workers share: the state machine, and who carries out what it says.

// Needs: cancel.rs, pool/core.rs, pool/error.rs, pool/home.rs, pool/job.rs, pool/limit.rs, pool/panic.rs,
// pool/permit.rs, pool/work.rs, sync.rs, wait.rs, wait/latch.rs, wait/queue.rs.

use std::io;
use std::panic::resume_unwind;
use std::time::Duration;

use super::super::cancel::CancellationToken;
use super::super::sync::{Arc, Weak, ends_the_execution, ignore_panic, is_over, start, yield_now as yield_thread};
use super::super::wait::{Latch, Line, Notify, Sleeper, Ticket, WaitQueue, WakeCause};
use super::core::{Core, Effects, Goal, Waiting};
use super::error::{SpawnError, WaitError};
use super::home::{Home, Tally, report_panic};
use super::job::{Queued, claim};
use super::limit::Limit;
use super::panic::Payload;
use super::permit::{is_inside, pause};
use super::work::Make;

/// Told of a panic.
type Hook = Arc<dyn Fn(&Payload) + Send + Sync>;

/// What workers share with the handles.
pub(super) struct Shared<S: 'static> {
    pub(super) core: Core<S>,
    me: Weak<Self>,
    /// What runs on the thread of each worker.
    work: fn(Arc<Self>),
    pub(super) make: Make<S>,
    pub(super) settings: Settings,
    pub(super) token: CancellationToken,
}

/// What workers are like.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) hook: Option<Hook>,
    pub(super) name: Option<String>,
    pub(super) stack_size: Option<usize>,
    pub(super) keep_alive: Option<Duration>,
}

/// What the handles share: dropped with the last one.
pub(super) struct Owner<S: 'static>(pub(super) Arc<Shared<S>>);

impl<S> Shared<S> {
    pub(super) fn new(core: Core<S>, work: fn(Arc<Self>), make: Make<S>, settings: Settings) -> Arc<Self> {
        let token = CancellationToken::new();
        Arc::new_cyclic(|me| Self { core, me: me.clone(), work, make, settings, token })
    }

    /// `latch` is the job's.
    pub(super) fn submit(&self, job: Queued<S>, latch: &Latch, limit: &Limit<'_>) -> Result<(), SpawnError<()>> {
        match self.core.post(job) {
            Ok(()) => Ok(()),
            Err(job) => self.enqueue(job, latch, limit),
        }
    }

    /// The same, of a job that has found the inbox shut.
    pub(super) fn enqueue(&self, job: Queued<S>, latch: &Latch, limit: &Limit<'_>) -> Result<(), SpawnError<()>> {
        let may_wait = !limit.is_over();
        let (submitted, effects) = self.core.submit(job, may_wait);
        let accepted = matches!(submitted, Ok(None));
        let mut refused = None;
        for _ in 0..self.notify(effects) {
            refused = self.start(|| accepted && claim(latch)).err().or(refused);
        }
        match submitted {
            Ok(None) => refused.map_or(Ok(()), |error| Err(SpawnError::NoThread((), error))),
            Ok(Some(waiting)) => pause(limit, || self.wait_for_room(waiting, limit)),
            Err(SpawnError::Full(())) if !may_wait => Err(limit.refusal()), // otherwise, too many wait
            Err(refusal) => Err(refusal),
        }
    }

    fn wait_for_room(&self, (ticket, waiter): Waiting, limit: &Limit<'_>) -> Result<(), SpawnError<()>> {
        match limit.wait_or_leave(&waiter, || self.core.leave_submit(ticket)) {
            Some(WakeCause::Done(_)) => Ok(()),
            Some(WakeCause::Closed | WakeCause::Retry) => Err(SpawnError::Closed(())),
            None => Err(limit.refusal()),
        }
    }

    /// Wakes those who have been claimed; says how many threads are to be started. A waker that panics keeps nobody else
    /// from being woken (SF-PL-4).
    #[track_caller]
    fn notify(&self, effects: Effects) -> usize {
        for claimed in effects.claimed {
            ignore_panic(|| claimed.notify()); // site: pool, all have been claimed
        }
        effects.start
    }

    /// What came of a step whose effects have been told.
    #[inline]
    pub(super) fn told<R>(&self, (result, effects): (R, Effects)) -> R {
        self.tell(effects);
        result
    }

    /// Wakes those who have been claimed, and starts the threads.
    #[inline]
    pub(super) fn tell(&self, effects: Effects) {
        if !effects.is_none() {
            self.tell_some(effects);
        }
    }

    #[cold]
    fn tell_some(&self, effects: Effects) {
        for _ in 0..self.notify(effects) {
            // If there is none, the jobs that are queued wait for the next step.
            let _ = self.start(|| false);
        }
    }

    /// Starts a worker. If that is refused, and no other worker is there, the job that `claim` claims goes back.
    fn start(&self, claim: impl FnOnce() -> bool) -> io::Result<()> {
        let (work, pool) = (self.work, self.me.upgrade().expect("it is being used"));
        let Settings { name, stack_size, .. } = &self.settings;
        start(name.clone(), *stack_size, move || work(pool)).map(drop).or_else(|error| {
            let (refused, effects) = self.core.not_started(claim);
            self.notify(effects);
            if refused { Err(error) } else { Ok(()) }
        })
    }

    pub(super) fn stop(&self) {
        let mut cancelled = 0;
        for job in self.told(self.core.stop()) {
            if job.claim() {
                job.discard(self);
                cancelled += 1;
            }
        }
        self.end(Tally::cancelled(cancelled));
        // Last: a callback may wait for what was queued.
        report_panic(self, || self.token.cancel());
    }

    /// Stops, and waits for the end.
    pub(super) fn shut_down(&self, limit: &Limit<'_>) -> Result<(), WaitError> {
        self.stop();
        self.wait_for(Goal::Terminated, limit)
    }

    pub(super) fn wait_for(&self, goal: Goal, limit: &Limit<'_>) -> Result<(), WaitError> {
        if is_inside(self) {
            if matches!(goal, Goal::Terminated) {
                self.told(self.core.close());
            }
            return Err(WaitError::WouldDeadlock);
        }
        let end = End { shared: self, goal };
        if limit.is_over() {
            return if end.has_come() { Ok(()) } else { Err(WaitError::TimedOut) };
        }
        let Some((ticket, waiter)) = end.stand_as_thread() else { return Ok(()) };
        let reached = pause(limit, || limit.wait_or_leave(&waiter, || end.leave(ticket)));
        reached.map(drop).ok_or(WaitError::TimedOut)
    }
}

/// What those wait for who wait for a pool.
pub(super) struct End<'a, S: 'static> {
    pub(super) shared: &'a Shared<S>,
    pub(super) goal: Goal,
}

impl<S> End<'_, S> {
    pub(super) fn has_come(&self) -> bool {
        let nobody: Option<fn() -> Sleeper> = None;
        self.shared.told(self.shared.core.wait(self.goal, nobody)).is_ok()
    }
}

impl<S> Line for End<'_, S> {
    fn with_line<R>(&self, section: impl FnOnce(&mut WaitQueue<Sleeper>) -> R) -> R {
        self.shared.core.with_line(self.goal, section)
    }

    fn stand(&self, make: impl FnOnce() -> Sleeper) -> Option<Ticket> {
        self.shared.told(self.shared.core.wait(self.goal, Some(make))).err().flatten()
    }
}

impl<S> Home for Shared<S> {
    fn withdraw(&self, job: &Latch) -> bool {
        self.told(self.core.withdraw(|| claim(job)))
    }

    fn end(&self, how: Tally) {
        self.tell(self.core.end(how));
    }

    fn report(&self, panic: &Payload) {
        let hook = &self.settings.hook;
        if ends_the_execution(hook.is_some()) {
            resume_unwind(panic.take()); // an assertion of a user's model has failed
        }
        if let Some(hook) = hook {
            ignore_panic(|| hook(panic));
        }
    }

    fn ending(&self) -> bool {
        self.core.ending().map(|effects| self.tell(effects)).is_some()
    }

    fn suspend(&self, ending: bool) {
        self.tell(self.core.suspend(ending));
    }

    fn resume(&self, limit: &Limit<'_>) {
        let Some((ticket, waiter)) = self.core.resume() else { return };
        limit.wait_or_leave(&waiter, || self.told(self.core.resume_above(ticket, &waiter)));
    }

    fn give_way(&self, ending: bool) -> bool {
        let Some(stands) = self.told(self.core.give_way(ending)) else {
            yield_thread();
            return false;
        };
        if let Some(waiter) = stands {
            waiter.wait();
        }
        true
    }
}

impl<S> Drop for Owner<S> {
    fn drop(&mut self) {
        if !is_over() {
            // In a job of its own it would wait for itself; there is nobody to tell.
            let _ = self.0.wait_for(Goal::Terminated, &Limit::NONE);
        }
    }
}
