//! What a pool's handles, tasks and workers share: the state machine, and who carries out what it says.
//!
//! Needs: `pool/core.rs`, `pool/error.rs`, `pool/job.rs`, `pool/worker.rs`, `cancel.rs`, `wait.rs`,
//! `sync.rs`.

use std::io;
use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use super::super::cancel::CancellationToken;
use super::super::sync::{Arc, Weak, ends_the_execution, is_over, let_go, passed, start, yield_now as yield_thread};
use super::super::wait::{Cause, Ticket, Waiter};
use super::core::{Core, Ended, From, Goal, Job, News, Next, Refusal, Rules};
use super::job::Queued;
use super::worker::{Employer, Home, Make, is_inside, pause, report_panic, with_permit, work};
use super::{Payload, SpawnError, WaitError};

/// Told of a panic.
pub(super) type Hook = Arc<dyn Fn(&Payload) + Send + Sync>;

/// What workers share with the handles.
pub(super) struct Shared<S: 'static> {
    pub(super) core: Core<Queued<S>>,
    me: Weak<Self>,
    settings: Settings<S>,
    pub(super) token: CancellationToken,
}

/// What workers are like.
pub(super) struct Settings<S> {
    pub(super) make: Make<S>,
    pub(super) hook: Option<Hook>,
    pub(super) name: Option<String>,
    pub(super) stack_size: Option<usize>,
    pub(super) keep_alive: Option<Duration>,
}

/// What the handles share: dropped with the last one.
pub(super) struct Owner<S: 'static>(pub(super) Arc<Shared<S>>);

/// How long a wait may take.
pub(super) enum Limit<'a> {
    /// It does not wait.
    Now,
    /// `None`: for ever.
    Until(Option<Instant>),
    OrCancelled(&'a CancellationToken),
}

impl Limit<'_> {
    /// Whether there is no time left for a wait.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Limit::Now => true,
            Limit::Until(deadline) => deadline.is_some_and(passed),
            Limit::OrCancelled(_) => false,
        }
    }

    /// Waits: why the waiter was claimed. `None` if it is over, and the waiter has left its line, by `leave`.
    fn wait_or_leave(&self, waiter: &Arc<Waiter>, leave: impl FnOnce() -> bool) -> Option<Cause> {
        match self {
            Limit::Now => unreachable!("it does not stand in line"),
            Limit::Until(deadline) => waiter.wait_or_leave(*deadline, leave),
            Limit::OrCancelled(token) => token.wait_or_leave(waiter, leave),
        }
    }

    fn refused(&self) -> Refused {
        match self {
            Limit::Now => Refused::Full,
            Limit::Until(_) => Refused::TimedOut,
            Limit::OrCancelled(_) => Refused::Cancelled,
        }
    }
}

/// Why a submission was refused.
pub(super) enum Refused {
    Closed,
    Full,
    TimedOut,
    Cancelled,
    NoThread(io::Error),
}

impl Refused {
    pub(super) fn hand_back<W>(self, job: W) -> SpawnError<W> {
        match self {
            Refused::Closed => SpawnError::Closed(job),
            Refused::Full => SpawnError::Full(job),
            Refused::TimedOut => SpawnError::TimedOut(job),
            Refused::Cancelled => SpawnError::Cancelled(job),
            Refused::NoThread(error) => SpawnError::NoThread(job, error),
        }
    }
}

impl<S> Shared<S> {
    pub(super) fn new(rules: Rules, reserve: usize, settings: Settings<S>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            core: Core::new(rules, reserve),
            me: me.clone(),
            settings,
            token: CancellationToken::new(),
        })
    }

    /// `claim` is the job's.
    pub(super) fn submit(&self, job: Queued<S>, claim: impl Fn() -> bool, limit: &Limit<'_>) -> Result<(), Refused> {
        match self.core.post(job) {
            Ok(()) => Ok(()),
            Err(job) => self.enqueue(job, claim, limit),
        }
    }

    /// The same, of a job that has found the inbox shut.
    pub(super) fn enqueue(&self, job: Queued<S>, claim: impl Fn() -> bool, limit: &Limit<'_>) -> Result<(), Refused> {
        let may_wait = !limit.is_over();
        let (submitted, news) = self.core.submit(job, may_wait.then_some(Waiter::thread));
        let mut refused = None;
        for _ in 0..self.notify(news) {
            refused = self.start(|| submitted.is_ok() && claim()).err().or(refused);
        }
        match submitted {
            Ok(()) => refused.map_or(Ok(()), |error| Err(Refused::NoThread(error))),
            Err(Refusal::Closed) => Err(Refused::Closed),
            Err(Refusal::Full) if may_wait => Err(Refused::Full), // too many wait
            Err(Refusal::Full) => Err(limit.refused()),
            Err(Refusal::Waits(ticket, waiter)) => pause(limit, || self.wait_for_room(ticket, &waiter, limit)),
        }
    }

    fn wait_for_room(&self, ticket: Ticket, waiter: &Arc<Waiter>, limit: &Limit<'_>) -> Result<(), Refused> {
        match limit.wait_or_leave(waiter, || self.core.leave_submit(ticket)) {
            Some(Cause::Done(_)) => Ok(()),
            Some(Cause::Closed | Cause::Again) => Err(Refused::Closed),
            None => Err(limit.refused()),
        }
    }

    /// Wakes those who have been claimed; says how many threads are to be started. A waker that panics keeps nobody else
    /// from being woken (SF-PL-4).
    #[track_caller]
    fn notify(&self, news: News) -> usize {
        for waiter in &news.claimed {
            let_go(|| waiter.notify()); // pool: all have been claimed
        }
        news.start
    }

    /// The same, and starts the threads.
    #[inline]
    pub(super) fn tell(&self, news: News) {
        if !news.is_none() {
            self.tell_some(news);
        }
    }

    #[cold]
    fn tell_some(&self, news: News) {
        for _ in 0..self.notify(news) {
            // If there is none, the jobs that are queued wait for the next step.
            let _ = self.start(|| false);
        }
    }

    /// Starts a worker. If that is refused, and no other worker is there, the job that `claim` claims goes back.
    fn start(&self, claim: impl FnOnce() -> bool) -> io::Result<()> {
        let pool = self.me.upgrade().expect("it is being used");
        let Settings { make, keep_alive, name, stack_size, .. } = &self.settings;
        let (make, keep_alive) = (make.clone(), *keep_alive);
        let worker = move || work(pool, make, keep_alive);
        start(name.clone(), *stack_size, worker).map(drop).or_else(|error| {
            let (refused, news) = self.core.not_started(claim);
            self.notify(news);
            if refused { Err(error) } else { Ok(()) }
        })
    }

    pub(super) fn stop(&self) {
        let (queue, news) = self.core.stop();
        self.tell(news);
        let mut cancelled = 0;
        for job in queue {
            if job.claim() {
                job.discard(self);
                cancelled += 1;
            }
        }
        self.end(Ended { cancelled, ..Ended::default() });
        // Last: a callback may wait for what was queued.
        report_panic(self, || self.token.cancel());
    }

    pub(super) fn wait_for(&self, goal: Goal, close: bool, deadline: Option<Instant>) -> Result<(), WaitError> {
        if is_inside(self) {
            if close {
                self.tell(self.core.close().1);
            }
            return Err(WaitError::WouldDeadlock);
        }
        let limit = Limit::Until(deadline);
        let (reached, news) = self.core.wait(goal, close, (!limit.is_over()).then_some(Waiter::thread));
        self.tell(news);
        let (ticket, waiter) = match reached {
            Ok(()) => return Ok(()),
            Err(None) => return Err(WaitError::TimedOut),
            Err(Some(waiting)) => waiting,
        };
        let reached = pause(&limit, || waiter.wait_or_leave(deadline, || self.core.leave_wait(goal, ticket)));
        reached.map(drop).ok_or(WaitError::TimedOut)
    }
}

impl<S> Home for Shared<S> {
    fn withdraw(&self, claim: &dyn Fn() -> bool) -> bool {
        let (claimed, news) = self.core.withdraw(claim);
        self.tell(news);
        claimed
    }

    fn end(&self, how: Ended) {
        self.tell(self.core.end(how));
    }

    fn report(&self, panic: &Payload) {
        let hook = &self.settings.hook;
        if ends_the_execution(hook.is_some()) {
            resume_unwind(panic.take()); // an assertion of a user's model has failed
        }
        if let Some(hook) = hook {
            let_go(|| hook(panic));
        }
    }

    fn ending(&self) -> bool {
        let bounded = self.core.is_bounded();
        if bounded {
            self.tell(self.core.ending());
        }
        bounded
    }

    fn suspend(&self, ending: bool) {
        self.tell(self.core.suspend(ending));
    }

    fn resume(&self, limit: &Limit<'_>) {
        let Some((ticket, waiter)) = self.core.resume() else { return };
        let go_on = || {
            let (is_above, news) = self.core.resume_above(ticket, &waiter);
            self.tell(news);
            is_above
        };
        limit.wait_or_leave(&waiter, go_on);
    }

    fn give_way(&self, ending: bool) -> bool {
        let (way, news) = self.core.give_way(ending);
        self.tell(news);
        let Some(stands) = way else {
            yield_thread();
            return false;
        };
        if let Some(waiter) = stands {
            waiter.wait();
        }
        true
    }
}

impl<S> Employer<S> for Shared<S> {
    fn next(&self, from: From, patient: bool) -> Next<Queued<S>> {
        let (next, news) = self.core.next(from, patient);
        if !news.is_none() {
            // Whoever is told may be a task, whose waker, user code, runs here: it finds the permit that this worker has.
            with_permit(matches!(next, Next::Run(_)), || self.tell_some(news));
        }
        next
    }

    fn expire(&self, ticket: Ticket) -> bool {
        self.core.expire(ticket)
    }

    fn leave(&self) {
        self.tell(self.core.leave());
    }
}

impl<S> Drop for Owner<S> {
    fn drop(&mut self) {
        if is_over() {
            return;
        }
        // In a job of its own it would wait for itself; there is nobody to tell.
        let _ = self.0.wait_for(Goal::Gone, true, None);
    }
}
