//! The pool as its documentation has it, whenever all its threads have done what they can.

use std::collections::VecDeque;
use std::mem;

use super::{End, Kind, Rules, StateIs, Submit};

/// What a thread of the pool does that has begun a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Doing {
    Runs,
    /// Until the driver says otherwise.
    Pauses,
    /// In the join of this job.
    Joins(usize),
    /// In the submission of this job.
    Submits(usize),
    /// Wants to go on, and stands in line for a permit.
    Suspended,
}

/// A thread of the pool with the jobs that it has begun: those but the last wait for the next to end, in a join that runs
/// it on the spot.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) stack: Vec<usize>,
    pub(super) doing: Doing,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    /// Or not yet accepted, or refused.
    Waits,
    Begun,
    Completed,
    Panicked,
    Cancelled,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) kind: Kind,
    pub(super) stage: Stage,
    /// How it has ended, if it has returned or panicked by itself.
    pub(super) end: Option<End>,
    /// Whether it has no task any more: its result is the pool's to drop.
    pub(super) is_forgotten: bool,
    /// How often its result has been dropped.
    pub(super) results: usize,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) limit: usize,
    pub(super) capacity: usize,
    pub(super) max_blocked: usize,
    pub(super) closed: bool,
    pub(super) state: StateIs,
    pub(super) jobs: Vec<Job>,
    pub(super) queue: VecDeque<usize>,
    /// The jobs of those who wait for room, and whether they wait with the token.
    pub(super) submitters: VecDeque<(usize, bool)>,
    pub(super) threads: Vec<Thread>,
    /// Jobs that want a permit again, by the last job of their thread.
    pub(super) suspended: VecDeque<usize>,
    /// The last of these, where it may not have come to stand in line yet: nothing but a permit tells that it has.
    pub(super) on_its_way: Option<usize>,
    /// Whether the queue comes before `suspended`: they take turns. `None` where that was decided by a race.
    pub(super) queue_is_next: Option<bool>,
    /// Jobs whose wait the token ends: in a submission with it, or in line after one.
    pub(super) with_token: Vec<usize>,
    pub(super) completed: u64,
    pub(super) panicked: u64,
    pub(super) cancelled: u64,
    /// What the hook is told, and what it may be told besides.
    pub(super) hooks: usize,
    pub(super) maybe_hooks: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    Accepted,
    Closed,
    Full,
    TimedOut,
    Cancelled,
    Waits,
}

impl Model {
    pub(super) fn new(limit: usize, rules: &Rules) -> Self {
        Self {
            limit,
            capacity: rules.capacity.map_or(usize::MAX, usize::from),
            max_blocked: rules.max_blocked.map_or(usize::MAX, usize::from),
            closed: false,
            state: rules.state,
            jobs: Vec::new(),
            queue: VecDeque::new(),
            submitters: VecDeque::new(),
            threads: Vec::new(),
            suspended: VecDeque::new(),
            on_its_way: None,
            queue_is_next: Some(false),
            with_token: Vec::new(),
            completed: 0,
            panicked: 0,
            cancelled: 0,
            hooks: 0,
            maybe_hooks: 0,
        }
    }

    pub(super) fn running(&self) -> usize {
        self.threads.iter().filter(|thread| thread.doing == Doing::Runs).count()
    }

    pub(super) fn free(&self) -> usize {
        self.limit.saturating_sub(self.running())
    }

    /// "A queue of capacity C holds at most C jobs, besides one for each worker that is free to take it." Where suspended
    /// jobs want one, too, they take turns.
    pub(super) fn has_room(&self) -> bool {
        let for_the_queue =
            if self.suspended.is_empty() { usize::MAX } else { (self.queue_is_next == Some(true)).into() };
        self.queue.len() < self.capacity.saturating_add(self.free().min(for_the_queue))
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.threads.is_empty()
    }

    pub(super) fn thread_of(&mut self, job: usize) -> &mut Thread {
        self.threads.iter_mut().find(|thread| thread.stack.last() == Some(&job)).expect("it has begun")
    }

    pub(super) fn submit(&mut self, job: usize, how: Submit) -> Verdict {
        if how == (Submit::OrCancelled { cancelled: true }) {
            return Verdict::Cancelled;
        }
        if self.closed {
            return Verdict::Closed;
        }
        if self.has_room() {
            self.queue.push_back(job);
            self.settle();
            return Verdict::Accepted;
        }
        if matches!(how, Submit::Timeout | Submit::Deadline) {
            return Verdict::TimedOut; // it has no time, and does not come to stand in line
        }
        if how == Submit::TrySpawn || self.submitters.len() >= self.max_blocked {
            return Verdict::Full;
        }
        self.submitters.push_back((job, matches!(how, Submit::OrCancelled { .. })));
        Verdict::Waits
    }

    /// Permits to suspended jobs, by turns with queued ones, then room to submitters, then permits to queued jobs, until
    /// nothing changes.
    pub(super) fn settle(&mut self) {
        loop {
            if self.free() > 0 && !self.suspended.is_empty() {
                if let Some(job) = self.take_turn() {
                    self.start(job);
                }
                continue;
            }
            if self.admit_one() {
                continue;
            }
            if self.free() > 0 {
                if let Some(job) = self.queue.pop_front() {
                    self.start(job);
                    continue;
                }
            }
            break;
        }
        // Those whose submission is over go on, after all that was accepted by that. There is one at most.
        let waits = |job| self.submitters.iter().any(|&(other, _)| other == job);
        let over = self.threads.iter().find_map(|thread| match thread.doing {
            Doing::Submits(job) if !waits(job) => thread.stack.last().copied(),
            _ => None,
        });
        if let Some(job) = over {
            self.want_permit(job);
        }
    }

    /// A permit is free, and a suspended job wants it: that goes on, or the queued one that comes back is to start.
    fn take_turn(&mut self) -> Option<usize> {
        let is_alone = self.queue.is_empty() && self.submitters.is_empty();
        if !is_alone && self.queue_is_next.expect("it is certain whose turn it is") {
            while self.admit_one() {}
            if let Some(job) = self.queue.pop_front() {
                self.queue_is_next = Some(false);
                return Some(job);
            }
        }
        let job = self.suspended.pop_front().expect("one waits");
        // One that had not come to stand in line yet took the permit out of turn, and left the turn as it was.
        let took_its_turn = self.on_its_way != Some(job);
        self.queue_is_next = if took_its_turn { Some(true) } else { self.queue_is_next.filter(|is_next| *is_next) };
        self.goes_on(job);
        None
    }

    fn goes_on(&mut self, job: usize) {
        self.thread_of(job).doing = Doing::Runs;
        self.on_its_way = self.on_its_way.filter(|other| *other != job);
        self.with_token.retain(|other| *other != job);
    }

    /// The first submitter has a place, if there is one.
    fn admit_one(&mut self) -> bool {
        let admits = self.has_room() && !self.closed;
        let admitted = if admits { self.submitters.pop_front() } else { None };
        self.queue.extend(admitted.map(|(job, _)| job));
        admitted.is_some()
    }

    /// The token is cancelled: whoever waits with it goes on, above the limit if need be.
    pub(super) fn cancel_token(&mut self) {
        self.submitters.retain(|(_, has_token)| !has_token);
        for job in mem::take(&mut self.with_token) {
            self.suspended.retain(|other| *other != job);
            self.goes_on(job);
        }
        self.settle();
    }

    pub(super) fn want_permit(&mut self, job: usize) {
        if self.free() > 0 && self.suspended.is_empty() {
            // It takes the permit that is free, or is given the one that a worker is about to give back.
            self.queue_is_next = self.queue_is_next.filter(|is_next| *is_next);
            return self.goes_on(job);
        }
        self.thread_of(job).doing = Doing::Suspended;
        self.suspended.push_back(job);
        self.settle();
        if self.thread_of(job).doing == Doing::Suspended {
            assert_eq!(self.on_its_way, None, "one at a time");
            self.on_its_way = Some(job);
        }
    }

    /// Whether it is certain who gets a permit that is given back: not if one who wants it races the queue for it.
    pub(super) fn may_release(&self) -> bool {
        // Nor where both want it that are to take turns, and an earlier race has decided whose it is.
        let is_certain = self.on_its_way.is_none() && (self.queue_is_next.is_some() || self.suspended.is_empty());
        is_certain || (self.queue.is_empty() && self.submitters.is_empty())
    }

    /// Whether one may come to want a permit, now or later, who does not get it at once: no two race for their places.
    pub(super) fn may_want(&self) -> bool {
        self.on_its_way.is_none() && !self.submits_inside()
    }

    /// A job gives its permit to whoever is first, and wants one again; in one step: it is in line before another ends.
    pub(super) fn give_way(&mut self, job: usize) {
        self.thread_of(job).doing = Doing::Suspended;
        let mut next = None;
        if self.free() > 0 {
            if self.suspended.is_empty() {
                while self.admit_one() {}
                next = self.queue.pop_front();
            } else {
                next = self.take_turn();
            }
        }
        self.suspended.push_back(job);
        if let Some(next) = next {
            self.start(next);
        }
        self.settle();
    }

    /// On a thread of its own.
    pub(super) fn start(&mut self, job: usize) {
        self.threads.push(Thread { stack: vec![job], doing: Doing::Runs });
        self.begin(job);
    }

    /// A job begins, on top of its thread; a quick one ends, too.
    pub(super) fn begin(&mut self, job: usize) {
        self.jobs[job].stage = Stage::Begun;
        let Kind { borrows_state, quick, .. } = self.jobs[job].kind;
        if borrows_state && self.state == StateIs::MakePanics {
            self.end(job, End::Panic);
        } else if let Some(end) = quick {
            self.end(job, end);
        }
    }

    /// The job on top of a thread that runs ends.
    pub(super) fn end(&mut self, job: usize, end: End) {
        let Job { kind, stage, end: how, is_forgotten, results } = &mut self.jobs[job];
        *how = Some(end);
        let returns = matches!(end, End::Return | End::ReturnBomb);
        if returns && !kind.drop_panics {
            *stage = Stage::Completed;
            self.completed += 1;
            if *is_forgotten {
                *results += 1;
                self.hooks += usize::from(end == End::ReturnBomb);
            }
        } else {
            *stage = Stage::Panicked;
            self.panicked += 1;
            self.hooks += 1;
            // The documentation does not say whether the hook is told of the payload's destructor.
            self.maybe_hooks += usize::from(*is_forgotten && end == End::PanicBomb);
        }
        let at = self.threads.iter().position(|thread| thread.stack.last() == Some(&job)).expect("it has begun");
        self.threads[at].stack.pop();
        if self.threads[at].stack.is_empty() {
            self.threads.remove(at);
        }
        self.joined(job);
    }

    /// Whoever joins a job that has ended goes on.
    pub(super) fn joined(&mut self, job: usize) {
        let joins = self.threads.iter().find(|thread| thread.doing == Doing::Joins(job));
        if let Some(joins) = joins.and_then(|thread| thread.stack.last().copied()) {
            self.want_permit(joins);
        }
    }

    pub(super) fn discard(&mut self, job: usize) {
        self.jobs[job].stage = Stage::Cancelled;
        self.cancelled += 1;
        self.hooks += usize::from(self.jobs[job].kind.drop_panics);
        self.joined(job);
    }

    pub(super) fn close(&mut self) -> bool {
        let before = mem::replace(&mut self.closed, true);
        self.submitters.clear();
        self.settle();
        !before
    }

    pub(super) fn stop(&mut self) {
        let queue = mem::take(&mut self.queue);
        self.close();
        queue.into_iter().for_each(|job| self.discard(job));
    }

    /// Whether it ends as soon as it begins.
    pub(super) fn is_quick(&self, kind: Kind) -> bool {
        kind.quick.is_some() || (kind.borrows_state && self.state == StateIs::MakePanics)
    }

    /// Whether a job inside waits for room.
    pub(super) fn submits_inside(&self) -> bool {
        self.threads.iter().any(|thread| matches!(thread.doing, Doing::Submits(_)))
    }

    /// The last job of each thread that runs.
    pub(super) fn on_top(&self) -> Vec<usize> {
        let runs = self.threads.iter().filter(|thread| thread.doing == Doing::Runs);
        let mut jobs: Vec<_> = runs.filter_map(|thread| thread.stack.last().copied()).collect();
        jobs.sort_unstable();
        jobs
    }
}
