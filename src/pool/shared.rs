//! What a pool's handles, tasks and workers share: the state machine, and who carries out what it says.
//!
//! Needs: `pool/core.rs`, `pool/error.rs`, `pool/job.rs`, `pool/worker.rs`, `cancel.rs`, `wait.rs`,
//! `sync.rs`.

use std::io;
use std::time::{Duration, Instant};

use super::super::cancel::CancellationToken;
use super::super::sync::{Arc, Weak, let_go, start, yield_now as yield_thread};
use super::super::wait::{Cause, Ticket, Waiter};
use super::core::{Core, Ended, From, Goal, Job, News, Next, Refusal, Rules};
use super::job::Queued;
use super::worker::{Employer, Home, Make, is_inside, pause_in, report_panic, work};
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

/// How a submission waits for room.
pub(super) enum Patience<'a> {
    None,
    Until(Option<Instant>),
    OrCancelled(&'a CancellationToken),
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
    pub(super) fn submit(
        &self,
        job: Queued<S>,
        claim: impl Fn() -> bool,
        patience: Patience<'_>,
    ) -> Result<(), Refused> {
        match self.core.post(job) {
            Ok(()) => Ok(()),
            Err(job) => self.enqueue(job, claim, patience),
        }
    }

    /// The same, of a job that has found the inbox shut.
    pub(super) fn enqueue(
        &self,
        job: Queued<S>,
        claim: impl Fn() -> bool,
        patience: Patience<'_>,
    ) -> Result<(), Refused> {
        let waiter = (!matches!(patience, Patience::None)).then_some(Waiter::thread);
        let (submitted, news) = self.core.submit(job, waiter);
        let mut refused = None;
        for _ in 0..self.notify(news) {
            refused = self.start(|| submitted.is_ok() && claim()).err().or(refused);
        }
        match submitted {
            Ok(()) => refused.map_or(Ok(()), |error| Err(Refused::NoThread(error))),
            Err(Refusal::Closed) => Err(Refused::Closed),
            Err(Refusal::Full) => Err(Refused::Full),
            Err(Refusal::Waits(ticket, waiter)) => pause_in(self, || self.wait_for_room(ticket, &waiter, patience)),
        }
    }

    fn wait_for_room(&self, ticket: Ticket, waiter: &Arc<Waiter>, patience: Patience<'_>) -> Result<(), Refused> {
        let (cause, too_late) = match patience {
            Patience::OrCancelled(token) => (token.wait_with(waiter), Refused::Cancelled),
            Patience::Until(deadline) => (waiter.wait_until(deadline), Refused::TimedOut),
            Patience::None => unreachable!("it does not wait"),
        };
        let cause = match cause {
            Some(cause) => cause,
            None if self.core.leave_submit(ticket) => return Err(too_late),
            // Accepted, or refused, in the last moment.
            None => waiter.wait(),
        };
        match cause {
            Cause::Done(_) => Ok(()),
            Cause::Closed => Err(Refused::Closed),
            Cause::Again => {
                self.core.leave_submit(ticket);
                Err(too_late)
            }
        }
    }

    /// Wakes those who have been claimed; says how many threads are to be started. A waker that panics keeps nobody else
    /// from being woken (SF-PL-4).
    #[cfg_attr(any(loom, shuttle), track_caller)]
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
        report_panic(self, || self.token.cancel());
        let mut cancelled = 0;
        for job in queue {
            if job.claim() {
                job.discard(self);
                cancelled += 1;
            }
        }
        self.end(Ended { cancelled, ..Ended::default() });
    }

    pub(super) fn wait_for(&self, goal: Goal, close: bool, deadline: Option<Instant>) -> Result<(), WaitError> {
        if is_inside(self) {
            if close {
                self.tell(self.core.close().1);
            }
            return Err(WaitError::WouldDeadlock);
        }
        let (waiting, news) = self.core.wait(goal, close, Waiter::thread);
        self.tell(news);
        let Some((ticket, waiter)) = waiting else { return Ok(()) };
        // If nothing is left to leave, it was reached in the last moment.
        if waiter.wait_until(deadline).is_some() || !self.core.leave_wait(goal, ticket) {
            Ok(())
        } else {
            Err(WaitError::TimedOut)
        }
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
        if let Some(hook) = &self.settings.hook {
            let_go(|| hook(panic));
        }
    }

    fn suspend(&self) {
        self.tell(self.core.suspend());
    }

    fn resume(&self) {
        if let Some(waiter) = self.core.resume() {
            waiter.wait();
        }
    }

    fn give_way(&self) {
        let (way, news) = self.core.give_way();
        self.tell(news);
        match way {
            Some(Some(waiter)) => {
                waiter.wait();
            }
            Some(None) => {}
            None => yield_thread(),
        }
    }
}

impl<S> Employer<S> for Shared<S> {
    fn next(&self, from: From, patient: bool) -> Next<Queued<S>> {
        let (next, news) = self.core.next(from, patient);
        self.tell(news);
        next
    }

    fn expire(&self, ticket: Ticket) -> Option<bool> {
        self.core.expire(ticket)
    }

    fn leave(&self) {
        self.tell(self.core.leave());
    }
}

impl<S> Drop for Owner<S> {
    fn drop(&mut self) {
        // In a job of its own it would wait for itself; there is nobody to tell.
        let _ = self.0.wait_for(Goal::Gone, true, None);
    }
}
