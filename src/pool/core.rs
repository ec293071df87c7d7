//! The state machine of every pool: one lock, a queue of jobs, and three lines of those who wait: submitters for a
//! place in the queue, workers for a job, and suspended jobs for their turn to go on. Whoever may run holds a *permit*,
//! of which there are never more than the limit; all that changes hands here are permits, places and jobs.
//!
//! A pool is not put together from a channel of jobs and tokens that stop workers, for one reason: that no job starts
//! above the limit in force ([SF-PL-2](crate::pool#SF-PL-2)) has to be decided in one step with the taking of the job.
//!
//! # Invariants
//! Whenever the lock is free:
//! 1. `active` is the number of permits held: by jobs that run, `ending` of which have their outcome, and by workers that
//!    are `searching`, each of which will look at the queue. `active <= limit`, but for permits that were given before the
//!    limit was lowered, or taken by a job whose time for a wait was up.
//! 2. A job is queued without a searching worker of its own (`len() > searching`) only if no permit is free
//!    (`active >= limit`), or the operating system has just refused the thread for it.
//! 3. An unclaimed suspended job stands in `suspended` only if no permit is free.
//! 4. An unclaimed submitter stands in `submitters` only if there is no room: for each job that is queued a place in the
//!    queue, or a permit within the limit that no job holds that runs and is not ending; while somebody stands in
//!    `suspended`, of these permits only those with workers that are searching, and one more if it is the queue's turn.
//! 5. `withdrawn` is the number of entries in `queue` whose job has been claimed by somebody else than the queue:
//!    cancelled, or run by the one who waits for it.
//! 6. `unfinished` is the number of accepted jobs that have not ended; while it is zero nobody waits in `quiet`.
//! 7. `closed` and `stopped` never go back to false. Closed, with nothing unfinished, no worker is idle; when moreover no
//!    thread is left, nobody waits in `gone`.
//! 8. A waiter in `idle` is claimed by the holder of the lock alone, who takes it out: none in the line is claimed. A
//!    submitter and a suspended job can be, by a token.
//! 9. Permits that both suspended jobs and queued ones want are given by turns: `queue_is_next` says to whom. But a job
//!    that was accepted for a permit which was ending, when nobody stood in `suspended`, has that one.
//! 10. The inbox is open, and may hold jobs, only if no permit is free and the pool is not closed: whoever gives a permit
//!     back empties it first. So a job in it is as good as queued behind `queue`, and is counted in `unfinished` once a
//!     section that counts has moved it there.
//!
//! # Transitions, each one critical section. Each that could make somebody's wait needless is ended by `rebalance`, which
//! restores 2 to 4, 6, 7 and 10; to take a permit, or to leave a line or a full one, does not
//!
//! | operation | what it does |
//! |---|---|
//! | post | the inbox is open: the job is left there, and nothing else is touched |
//! | submit | closed: refused; room: the job joins the queue; else the submitter stands in line, or is refused |
//! | worker, woken | takes a job with its permit, unless the limit has been lowered; where there is none (any more), as below |
//! | worker, about to publish an outcome | (bounded) its permit counts as room, if the queue is to have it: whoever sees the outcome finds that |
//! | worker, after a job | gives its permit back; takes one again with the next job, if one is free and it is the queue's turn; else it is idle, or leaves |
//! | worker, with nothing to do | looks again for a tenth of a millisecond, as if it had been woken at once |
//! | worker, idle for long | leaves, above the minimum |
//! | suspend, resume | a job gives its permit back while it waits for something, and takes one again, or stands in line |
//! | resume, time is up | it leaves the line and goes on, above the limit if need be: no job starts until fewer run |
//! | yield | somebody waits: suspend and resume in one; nobody does: nothing |
//! | give up | a submitter, or one who waits for the pool, leaves its line |
//! | no thread | a thread is refused: the permit of the worker that could not be started goes to a suspended job, or an idle worker |
//! | withdraw | a queued job is claimed out of turn; its place is free |
//! | end | a job is no longer unfinished |
//! | leave | a thread has nothing more to do |
//! | resize | another limit; idle workers above it leave |
//! | close | submitters are refused |
//! | wait | stands in `quiet` or `gone`, unless it is so already |
//! | stop | closes, and hands out the queue |

// Needs: pool/error.rs, pool/home.rs, pool/inbox.rs, pool/job.rs, sync.rs, wait.rs, wait/queue.rs.

use std::collections::VecDeque;
use std::mem;

use crossbeam_utils::CachePadded;

use super::super::sync::{Arc, FEW, Lock};
use super::super::wait::{Sleeper, Ticket, WaitQueue, Waiter, WakeCause};
use super::error::SpawnError;
use super::home::Tally;
use super::inbox::Inbox;
use super::job::Queued;

/// A pool's state.
pub(super) struct Core<S: 'static> {
    /// Padded: what is beside it, and the count of the `Arc` around it, is touched by others.
    state: CachePadded<Lock<State<S>>>,
    /// `None`: the queue is bounded, and whether there is room is for the state to say.
    inbox: Option<Arc<Inbox<Queued<S>>>>,
}

/// What each submission and each job touches comes first, beside the lock, so that little has to travel between cores.
#[repr(C)]
struct State<S: 'static> {
    queue: VecDeque<Queued<S>>,
    withdrawn: usize,
    active: usize,
    searching: usize,
    ending: usize,
    rules: Rules,
    unfinished: usize,
    completed: u64,
    closed: bool,
    /// False: nobody is in `submitters` or `suspended`.
    somebody_waits: bool,
    /// Invariant 9.
    queue_is_next: bool,
    /// False: nobody is in `quiet` or `gone`.
    is_awaited: bool,
    stopped: bool,
    /// Whether the inbox is open.
    open: bool,
    inbox: Option<Arc<Inbox<Queued<S>>>>,
    /// The last one to become idle is the first to be woken, so that the others may expire.
    idle: WaitQueue<Arc<Waiter>>,
    submitters: WaitQueue<(Arc<Waiter>, Queued<S>)>,
    suspended: WaitQueue<Arc<Waiter>>,
    /// Who waits until no job is unfinished.
    quiet: WaitQueue<Sleeper>,
    /// Who waits until there is neither job nor thread, nor will be.
    gone: WaitQueue<Sleeper>,
    /// Jobs that have given their permit back for a while.
    pausing: usize,
    /// Those that have not decided to leave.
    workers: usize,
    /// Those that have not left.
    threads: usize,
    panicked: u64,
    cancelled: u64,
}

/// What a pool is made for. `usize::MAX`: no bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Permits.
    pub(super) limit: usize,
    /// Workers that stay, however long they are idle.
    pub(super) minimum: usize,
    /// Places in the queue.
    pub(super) capacity: usize,
    /// Submitters that may stand in line.
    pub(super) blocked: usize,
}

/// The numbers of a pool, all taken at the same moment. Made by [`Pool::stats`](super::Pool::stats).
#[doc(alias = "metrics")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The limit: how many jobs may run at a time.
    pub limit: usize,
    /// Workers that are alive and not about to leave.
    pub workers: usize,
    /// Jobs that run.
    pub running: usize,
    /// Jobs that have begun and do not run, because they wait in `join`, `blocking` and the like.
    pub waiting: usize,
    /// Workers without a job.
    pub idle: usize,
    /// Jobs that have been accepted and have not begun.
    pub queued: usize,
    /// Submitters that wait for room in the queue.
    pub blocked: usize,
    /// Jobs that have returned.
    pub completed: u64,
    /// Jobs that have panicked.
    pub panicked: u64,
    /// Jobs that were cancelled after they had been accepted.
    pub cancelled: u64,
}

/// Whoever stands in a line, and where.
pub(super) type Waiting = (Ticket, Arc<Waiter>);

/// What has to be done once the lock is free.
#[must_use]
pub(super) struct Effects {
    /// To be notified: they have been claimed.
    pub(super) claimed: Vec<Sleeper>,
    /// Threads to be started.
    pub(super) start: usize,
}

/// What one waits for.
#[derive(Clone, Copy)]
pub(super) enum Goal {
    /// That no job is queued or running.
    Quiescent,
    /// That this is so, and no thread is left, nor will be: to wait for it closes the pool.
    Terminated,
}

impl Effects {
    const NONE: Self = Self { claimed: Vec::new(), start: 0 };

    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.claimed.is_empty() && self.start == 0
    }
}

/// Where a worker comes from.
pub(super) enum Arrival {
    /// It has been woken, or is new: it holds a permit.
    Wake,
    /// It has run a job: it holds a permit, which counts as `ending` if that is said.
    Job { ended: Tally, ending: bool },
}

/// What a worker does next.
pub(super) enum Action<S: 'static> {
    Run(Queued<S>),
    /// There is nothing now: as if it had been woken, it is to look again.
    Again,
    Idle(Waiting),
    Leave,
}

impl<S> State<S> {
    /// Jobs that are queued.
    fn len(&self) -> usize {
        self.queue.len() - self.withdrawn
    }

    /// Room is places in the queue, and permits within the limit that are free, or ending, or with workers that are searching.
    /// (A worker that was woken before the limit was lowered may find no job for it to start.) Of what suspended jobs want,
    /// too, no more is promised than the next permit, and that only at the queue's turn.
    fn has_room(&self) -> bool {
        let unused = self.rules.limit.saturating_sub(self.active - self.searching - self.ending);
        let at_most = if self.suspended.is_empty() { unused } else { self.searching + usize::from(self.queue_is_next) };
        self.len() < self.rules.capacity.saturating_add(unused.min(at_most))
    }

    fn accept(&mut self, job: Queued<S>) {
        self.queue.push_back(job);
        self.unfinished += 1;
    }

    /// Queues what has been left in the inbox.
    #[inline]
    fn collect(&mut self) {
        if self.open {
            self.empty_inbox();
        }
    }

    /// The same, and shuts it.
    #[inline]
    fn shut(&mut self) {
        if mem::replace(&mut self.open, false) {
            self.empty_inbox();
        }
    }

    /// Queues what is in the inbox, and sets whether it is open.
    fn empty_inbox(&mut self) {
        if let Some(inbox) = &self.inbox {
            self.unfinished += inbox.empty_into(&mut self.queue, self.open);
        }
    }

    /// Restores the invariants that say who need not wait. Threads are started only if it `may_start` some.
    #[inline]
    fn rebalance(&mut self, may_start: bool, effects: &mut Effects) {
        debug_assert!(self.searching + self.ending <= self.active, "invariant 1");
        if self.somebody_waits {
            self.admit_those_who_wait(may_start, effects);
        }
        if self.active < self.rules.limit {
            self.shut();
            while self.active < self.rules.limit && self.calls_worker(may_start, effects) {}
        }
        if self.active >= self.rules.limit && !self.open && self.len() > self.searching && !self.closed {
            self.open = self.inbox.is_some();
            self.empty_inbox();
        }
        self.release(effects);
    }

    /// Gives free permits to suspended jobs, by turns with queued ones, and free places to submitters.
    #[cold]
    fn admit_those_who_wait(&mut self, may_start: bool, effects: &mut Effects) {
        self.collect();
        self.resume_suspended(may_start, effects);
        self.admit_submitters(effects);
        self.somebody_waits = !(self.suspended.is_empty() && self.submitters.is_empty());
    }

    /// Says whether a suspended job has been given a permit.
    fn resume_suspended(&mut self, may_start: bool, effects: &mut Effects) -> bool {
        let mut resumed = false;
        while self.active < self.rules.limit && !self.suspended.is_empty() {
            if self.is_the_queues_turn(effects) && self.calls_worker(may_start, effects) {
                self.queue_is_next = false;
                continue;
            }
            let Some(suspended) = self.suspended.pop() else { break };
            if suspended.claim(WakeCause::Done(0)) {
                self.active += 1;
                self.pausing -= 1;
                self.queue_is_next = true;
                resumed = true;
                effects.claimed.push(Sleeper::Waiter(suspended));
            }
        }
        resumed
    }

    /// Whether a permit that is free, and that a suspended job wants, goes to a job that is queued, or about to be (with
    /// such a permit there is room for a submitter's).
    fn is_the_queues_turn(&mut self, effects: &mut Effects) -> bool {
        if self.queue_is_next {
            self.admit_submitters(effects);
        }
        // A job that was accepted for a permit that was as good as free comes first, too.
        let is_promised = self.len() > self.rules.capacity.saturating_add(self.searching);
        (self.queue_is_next || is_promised) && self.len() > self.searching
    }

    fn admit_submitters(&mut self, effects: &mut Effects) {
        while self.has_room() {
            let Some((submitter, job)) = self.submitters.pop() else { break };
            if submitter.claim(WakeCause::Done(0)) {
                self.accept(job);
                effects.claimed.push(Sleeper::Waiter(submitter));
            }
        }
    }

    /// Gives a free permit to a worker, if a job is queued that none is awake for; false if not.
    fn calls_worker(&mut self, may_start: bool, effects: &mut Effects) -> bool {
        if self.len() <= self.searching || !may_start && self.idle.is_empty() {
            return false;
        }
        self.active += 1;
        self.searching += 1;
        match self.idle.pop_back() {
            Some(idle) => {
                let claimed = idle.claim(WakeCause::Done(0));
                debug_assert!(claimed, "invariant 8");
                effects.claimed.push(Sleeper::Waiter(idle));
            }
            None => {
                self.workers += 1;
                self.threads += 1;
                effects.start += 1;
            }
        }
        true
    }

    /// Restores invariants 6 and 7.
    #[inline]
    fn release(&mut self, effects: &mut Effects) {
        if self.unfinished == 0 && (self.closed || self.is_awaited) {
            self.release_those_who_wait(effects);
        }
    }

    #[cold]
    fn release_those_who_wait(&mut self, effects: &mut Effects) {
        self.collect();
        if self.unfinished > 0 {
            return;
        }
        effects.claimed.extend(self.quiet.claim_all(|sleeper| sleeper.claim(WakeCause::Done(0))));
        if self.closed {
            self.retire(usize::MAX, effects);
            if self.threads == 0 {
                effects.claimed.extend(self.gone.claim_all(|sleeper| sleeper.claim(WakeCause::Done(0))));
            }
        }
        self.is_awaited = !self.gone.is_empty();
    }

    /// Takes the first job that nobody else has claimed.
    fn pop(&mut self) -> Option<Queued<S>> {
        loop {
            if self.queue.is_empty() {
                self.collect();
            }
            let job = self.queue.pop_front()?;
            if job.claim() {
                return Some(job);
            }
            self.withdrawn -= 1;
        }
    }

    /// A job that was queued is claimed by somebody else than `pop`, if `claim` does that.
    fn withdraw_by(&mut self, claim: impl FnOnce() -> bool) -> bool {
        let claimed = claim();
        // After a stop there is no queue any more.
        if claimed && !self.stopped {
            self.withdrawn += 1;
            if self.withdrawn > FEW && self.withdrawn > self.queue.len() / 2 {
                // What is dropped here has given its work away: no user code.
                self.queue.retain(Queued::is_queued);
                self.withdrawn = 0;
            }
        }
        claimed
    }

    /// Sends away idle workers, the longest idle first.
    fn retire(&mut self, at_most: usize, effects: &mut Effects) {
        for idle in self.idle.drain().take(at_most) {
            let claimed = idle.claim(WakeCause::Closed);
            debug_assert!(claimed, "invariant 8");
            self.workers -= 1;
            effects.claimed.push(Sleeper::Waiter(idle));
        }
    }

    fn end(&mut self, Tally { completed, panicked, cancelled }: Tally) {
        self.completed += completed;
        if panicked + cancelled > 0 {
            self.panicked += panicked;
            self.cancelled += cancelled;
        }
        self.unfinished -= (completed + panicked + cancelled) as usize;
    }

    fn line(&mut self, goal: Goal) -> &mut WaitQueue<Sleeper> {
        match goal {
            Goal::Quiescent => &mut self.quiet,
            Goal::Terminated => &mut self.gone,
        }
    }

    fn submit(&mut self, job: Queued<S>, may_wait: bool) -> Result<Option<Waiting>, SpawnError<()>> {
        if self.closed {
            return Err(SpawnError::Closed(()));
        }
        if self.has_room() {
            self.accept(job);
            return Ok(None);
        }
        if !may_wait || self.submitters.len() >= self.rules.blocked {
            return Err(SpawnError::Full(()));
        }
        let waiter = Arc::new(Waiter::thread());
        self.somebody_waits = true;
        Ok(Some((self.submitters.push(|_| (waiter.clone(), job)), waiter)))
    }

    fn next(&mut self, from: Arrival, patient: bool, effects: &mut Effects) -> Action<S> {
        match from {
            Arrival::Wake => {
                self.searching -= 1;
                // With the permit that it was woken with: the jobs that are suspended come after it.
                if self.active <= self.rules.limit {
                    if let Some(job) = self.pop() {
                        return Action::Run(job);
                    }
                }
            }
            Arrival::Job { ended, ending } => {
                self.end(ended);
                self.ending -= usize::from(ending);
            }
        }
        self.active -= 1;
        let resumed = self.somebody_waits && self.gives_way(effects);
        if self.active < self.rules.limit {
            if let Some(job) = self.pop() {
                self.active += 1;
                return Action::Run(job);
            }
        }
        let others = self.active + self.idle.len();
        // One more than the limit stays where jobs yield to each other, so that not each yield starts a thread.
        let enough = others > self.rules.limit || others == self.rules.limit && !(resumed && self.idle.is_empty());
        if enough || (self.closed && self.unfinished == 0) {
            self.workers -= 1;
            return Action::Leave;
        }
        if patient && self.active < self.rules.limit {
            // First, for those who wait for the pool may be tasks, whose wakers run before the worker looks again.
            self.release(effects);
            if effects.claimed.is_empty() {
                self.active += 1;
                self.searching += 1;
                return Action::Again;
            }
        }
        let waiter = Arc::new(Waiter::thread());
        Action::Idle((self.idle.push(|_| waiter.clone()), waiter))
    }

    /// A worker has given its permit back: it goes to a suspended job, if it is not the queue's turn. Says whether to one.
    #[cold]
    fn gives_way(&mut self, effects: &mut Effects) -> bool {
        self.collect();
        let is_wanted = self.active < self.rules.limit && !self.suspended.is_empty();
        if is_wanted && self.is_the_queues_turn(effects) {
            self.queue_is_next = false;
            return false;
        }
        let resumed = self.resume_suspended(false, effects);
        self.admit_submitters(effects);
        resumed
    }

    fn expire(&mut self, ticket: Ticket) -> bool {
        let expires = self.workers > self.rules.minimum && self.idle.remove(ticket).is_some();
        self.workers -= usize::from(expires);
        expires
    }

    /// The permit of a worker that the operating system has refused goes to whoever can go on without a new thread.
    fn not_started(&mut self, claim: impl FnOnce() -> bool) -> (bool, Effects) {
        let mut effects = Effects::NONE;
        self.collect();
        self.active -= 1;
        self.searching -= 1;
        self.workers -= 1;
        self.threads -= 1;
        let refused = self.active == 0 && self.withdraw_by(claim);
        if refused {
            self.unfinished -= 1;
        }
        self.rebalance(false, &mut effects);
        (refused, effects)
    }

    fn suspend(&mut self, ending: bool) {
        self.ending -= usize::from(ending);
        self.active -= 1;
        self.pausing += 1;
    }

    /// Takes a permit, or stands in line for one.
    fn resume(&mut self) -> Option<Waiting> {
        if self.active < self.rules.limit {
            self.active += 1;
            self.pausing -= 1;
            return None;
        }
        let waiter = Arc::new(Waiter::thread());
        self.somebody_waits = true;
        Some((self.suspended.push(|_| waiter.clone()), waiter))
    }

    /// Goes on without a permit that is free, unless it has been given one (false).
    fn resume_above(&mut self, ticket: Ticket, waiter: &Waiter) -> bool {
        let is_above = self.suspended.remove(ticket).is_some() || waiter.cause() != Some(WakeCause::Done(0));
        if is_above {
            self.active += 1;
            self.pausing -= 1;
        }
        is_above
    }

    fn give_way(&mut self, ending: bool, effects: &mut Effects) -> Option<Option<Arc<Waiter>>> {
        if self.len() == 0 && self.suspended.is_empty() && self.submitters.is_empty() {
            return None;
        }
        self.suspend(ending);
        self.rebalance(true, effects);
        Some(self.resume().map(|(_, waiter)| waiter))
    }

    fn resize(&mut self, limit: usize, effects: &mut Effects) -> usize {
        let before = mem::replace(&mut self.rules.limit, limit);
        let surplus = (self.active + self.idle.len()).saturating_sub(limit);
        self.retire(surplus, effects);
        before
    }

    fn stop(&mut self, effects: &mut Effects) -> VecDeque<Queued<S>> {
        self.close(effects);
        self.stopped = true;
        self.withdrawn = 0;
        mem::take(&mut self.queue)
    }

    fn wait(
        &mut self,
        goal: Goal,
        make: Option<impl FnOnce() -> Sleeper>,
        effects: &mut Effects,
    ) -> Result<(), Option<Ticket>> {
        let is_reached = match goal {
            Goal::Quiescent => self.unfinished == 0,
            Goal::Terminated => {
                self.close(effects);
                self.unfinished == 0 && self.threads == 0
            }
        };
        if is_reached {
            return Ok(());
        }
        Err(make.map(|make| {
            self.is_awaited = true;
            self.line(goal).push(|_| make())
        }))
    }

    fn close(&mut self, effects: &mut Effects) -> bool {
        if mem::replace(&mut self.closed, true) {
            return false;
        }
        self.shut();
        let refused = self.submitters.claim_all(|(submitter, _)| submitter.claim(WakeCause::Closed));
        effects.claimed.extend(refused.into_iter().map(|(submitter, _)| Sleeper::Waiter(submitter)));
        true
    }
}

impl<S> Core<S> {
    pub(super) fn new(rules: Rules, reserve: usize) -> Self {
        let inbox = (rules.capacity == usize::MAX).then(|| Arc::new(Inbox::new(reserve)));
        let state = State {
            open: false,
            inbox: inbox.clone(),
            queue: VecDeque::with_capacity(reserve),
            withdrawn: 0,
            active: 0,
            searching: 0,
            ending: 0,
            rules,
            unfinished: 0,
            completed: 0,
            closed: false,
            somebody_waits: false,
            queue_is_next: false,
            is_awaited: false,
            stopped: false,
            idle: WaitQueue::new(),
            submitters: WaitQueue::new(),
            suspended: WaitQueue::new(),
            quiet: WaitQueue::new(),
            gone: WaitQueue::new(),
            pausing: 0,
            workers: 0,
            threads: 0,
            panicked: 0,
            cancelled: 0,
        };
        Self { state: CachePadded::new(Lock::new(state)), inbox }
    }

    /// One critical section that ends with `rebalance`.
    #[track_caller]
    fn step<R>(&self, change: impl FnOnce(&mut State<S>, &mut Effects) -> R) -> (R, Effects) {
        self.rebalanced(|state, effects| {
            state.collect();
            change(state, effects)
        })
    }

    /// The same for what looks into the inbox only where the queue is empty.
    #[track_caller]
    fn rebalanced<R>(&self, change: impl FnOnce(&mut State<S>, &mut Effects) -> R) -> (R, Effects) {
        self.state.with(|state| {
            let mut effects = Effects::NONE;
            let result = change(state, &mut effects);
            state.rebalance(true, &mut effects);
            (result, effects)
        })
    }

    /// Leaves a job in the inbox, if that is open.
    #[inline]
    pub(super) fn post<J: Into<Queued<S>>>(&self, job: J) -> Result<(), J> {
        match &self.inbox {
            Some(inbox) => inbox.post(job),
            None => Err(job),
        }
    }

    /// Queues a job, or, if it `may_wait`, stands in line.
    pub(super) fn submit(&self, job: Queued<S>, may_wait: bool) -> (Result<Option<Waiting>, SpawnError<()>>, Effects) {
        self.step(|state, _| state.submit(job, may_wait))
    }

    /// A submitter leaves its line; false if it has been taken out.
    pub(super) fn leave_submit(&self, ticket: Ticket) -> bool {
        self.state.with(|state| state.submitters.remove(ticket)).is_some()
    }

    /// A worker asks what to do: a job, or, if it is `patient`, to look again, or to be idle, or to leave.
    pub(super) fn next(&self, from: Arrival, patient: bool) -> (Action<S>, Effects) {
        self.rebalanced(|state, effects| state.next(from, patient, effects))
    }

    /// A worker has been idle for long: whether it leaves. Not if it has been claimed, or is one of the minimum.
    pub(super) fn expire(&self, ticket: Ticket) -> bool {
        self.state.with(|state| state.expire(ticket))
    }

    /// The operating system has refused a thread that `Effects` asked for. Where no worker is there to run a job, `claim`
    /// takes the one for which it was asked, if that is still queued: it is not accepted after all (true). Others wait
    /// for the next worker, or the next step, which asks for a thread again.
    pub(super) fn not_started(&self, claim: impl FnOnce() -> bool) -> (bool, Effects) {
        self.state.with(|state| state.not_started(claim))
    }

    /// A thread has nothing more to do.
    pub(super) fn leave(&self) -> Effects {
        self.step(|state, _| state.threads -= 1).1
    }

    /// A running job is about to publish its outcome: its permit is as good as free. `None` where the queue has no bound,
    /// and so room in any case.
    pub(super) fn ending(&self) -> Option<Effects> {
        self.inbox.is_none().then(|| self.step(|state, _| state.ending += 1).1)
    }

    /// A running job, which may be `ending`, gives its permit back.
    pub(super) fn suspend(&self, ending: bool) -> Effects {
        self.step(|state, _| state.suspend(ending)).1
    }

    /// A suspended job takes a permit again, or stands in line for one.
    pub(super) fn resume(&self) -> Option<Waiting> {
        self.state.with(State::resume)
    }

    /// A suspended job that stands in line has no time left, and goes on all the same; false if it has been given a permit.
    pub(super) fn resume_above(&self, ticket: Ticket, waiter: &Waiter) -> (bool, Effects) {
        self.step(|state, _| state.resume_above(ticket, waiter))
    }

    /// A running job lets those before it have its permit, and takes one again or stands in line for one. `None` where
    /// there is nobody to give it to.
    pub(super) fn give_way(&self, ending: bool) -> (Option<Option<Arc<Waiter>>>, Effects) {
        self.state.with(|state| {
            let mut effects = Effects::NONE;
            state.collect();
            (state.give_way(ending, &mut effects), effects)
        })
    }

    /// Claims a queued job out of turn, by `claim`.
    pub(super) fn withdraw(&self, claim: impl FnOnce() -> bool) -> (bool, Effects) {
        self.step(|state, _| state.withdraw_by(claim))
    }

    /// Jobs that have been claimed out of turn have ended.
    pub(super) fn end(&self, how: Tally) -> Effects {
        self.step(|state, _| state.end(how)).1
    }

    /// Sets the limit; says which it was.
    pub(super) fn resize(&self, limit: usize) -> (usize, Effects) {
        self.step(|state, effects| state.resize(limit, effects))
    }

    /// Accepts no more jobs; false if that was so.
    pub(super) fn close(&self) -> (bool, Effects) {
        self.step(State::close)
    }

    /// Closes, and hands out the queue, in which some jobs may have been claimed.
    pub(super) fn stop(&self) -> (VecDeque<Queued<S>>, Effects) {
        self.step(State::stop)
    }

    /// Looks whether a goal is reached, or, with what `make` makes, under the lock, stands in line for it.
    pub(super) fn wait(
        &self,
        goal: Goal,
        make: Option<impl FnOnce() -> Sleeper>,
    ) -> (Result<(), Option<Ticket>>, Effects) {
        self.step(|state, effects| state.wait(goal, make, effects))
    }

    /// Runs `section` on those who wait for a goal.
    pub(super) fn with_line<R>(&self, goal: Goal, section: impl FnOnce(&mut WaitQueue<Sleeper>) -> R) -> R {
        self.state.with(|state| section(state.line(goal)))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.look(|state| state.closed)
    }

    pub(super) fn stats(&self) -> Stats {
        self.look(|state| Stats {
            limit: state.rules.limit,
            workers: state.workers,
            running: state.active - state.searching,
            waiting: state.pausing,
            idle: state.workers.saturating_sub(state.active - state.searching + state.pausing),
            queued: state.len(),
            blocked: state.submitters.len(),
            completed: state.completed,
            panicked: state.panicked,
            cancelled: state.cancelled,
        })
    }

    fn look<R>(&self, look: impl FnOnce(&State<S>) -> R) -> R {
        self.state.with(|state| {
            state.collect();
            look(state)
        })
    }
}
