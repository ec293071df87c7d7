//! A pool: which jobs run, wait and are queued, who is refused, how jobs end, what the hook is told, what is dropped.
//!
//! Jobs are puppets: each does what the driver tells it, one command after the other, and ends when it is told so (or at
//! once, if that was its first command). After each operation the driver waits until the pool's numbers are what the
//! model says, and the jobs that run answer; so the outcome does not depend on threads, but where an operation would set off a race of the pool's own:
//! those are skipped, each with the reason.

mod model;
mod puppet;

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fs, io, mem};

use arbitrary::Arbitrary;
use hence::channel::TryRecvError;
use hence::pool::{Payload, ScopeError, TaskError, WaitError, blocking, yield_now};
use hence::{CancellationToken, Pool};

use super::util::{Drops, quietly};
use super::{Pending, pick};
use model::{Doing, Job, Model, Stage, Verdict};
use puppet::{Bomb, Command, Outcome, Puppet, State, Task, WithState, drop_contained, spawn_all, submit};

/// What a pool is like, and what is done to it.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Program {
    pub(crate) rules: Rules,
    pub(crate) finish: Finish,
    pub(crate) ops: Vec<Op>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Picks among 1 to 4.
    pub(crate) limit: u8,
    pub(crate) capacity: Option<u8>,
    pub(crate) max_blocked: Option<u8>,
    /// With this, idle workers above this number leave at once.
    pub(crate) min_workers: Option<u8>,
    pub(crate) state: StateIs,
    pub(crate) hook_panics: bool,
}

/// What making and dropping a worker's state is like.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub(crate) enum StateIs {
    Fine,
    MakePanics,
    DropPanics,
}

/// How the pool ends, after all jobs have been told to.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Finish {
    Drop,
    Drain,
    DrainAsync,
    Shutdown,
    ShutdownAsync,
}

/// Numbers pick among the jobs that run, the tasks, or whatever the operation is about.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Op {
    Submit {
        how: Submit,
        job: Kind,
    },
    /// The same in a job.
    SubmitInside {
        which: u8,
        how: Submit,
        job: Kind,
    },
    /// Cancels the token of the submissions that wait with one.
    CancelSubmissions,
    /// Tells a job that runs to end.
    End(u8, End),
    /// A job that runs waits in `blocking`, until it is told not to.
    Pause(u8),
    Resume(u8),
    Yield(u8),
    /// A job that runs joins a task.
    JoinInside {
        which: u8,
        task: u8,
    },
    /// Waiting for its own pool is refused.
    WaitInside(u8),
    /// Joins a task whose job has ended, or for no time.
    Join(u8),
    Cancel(u8),
    /// `is_finished`, and what its receiver from `done` says.
    Look(u8),
    /// Polls a task as a future.
    Poll {
        which: u8,
        new_waker: bool,
    },
    Detach(u8),
    /// To one of 1 to 4, or not to 0.
    Resize(u8),
    /// With as many jobs as 0 to 3, the last of which fails.
    Scope {
        jobs: u8,
        fails: Option<Failure>,
        bounded: bool,
        inside: Option<u8>,
    },
    Close,
    /// For no time.
    Drain,
    Shutdown,
    WaitIdle,
    StartWaitIdle,
    PollWaitIdle {
        which: u8,
        new_waker: bool,
    },
    DropWaitIdle(u8),
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub(crate) enum Submit {
    Spawn,
    TrySpawn,
    /// With a limit that has passed.
    Timeout,
    Deadline,
    /// With a token that may be cancelled later, or has been.
    OrCancelled {
        cancelled: bool,
    },
    Execute,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) borrows_state: bool,
    pub(crate) drop_panics: bool,
    /// How it ends at once.
    pub(crate) quick: Option<End>,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Return,
    /// The drop of its result panics.
    ReturnBomb,
    Panic,
    /// The drop of what it panics with panics.
    PanicBomb,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub(crate) enum Failure {
    Error,
    Panic,
}

impl Program {
    pub(crate) fn run(&self) {
        let ops = &self.ops[..self.ops.len().min(100)]; // each takes a while
        let mut both = Both::new(&self.rules, ops.len());
        for &op in ops {
            both.apply(op);
            both.check();
        }
        both.finish(self.finish);
    }
}

/// Longer than anything takes that comes to an end.
const LIMIT: Duration = Duration::from_secs(10);

/// Whether a thread of the process bears a name, where the operating system tells.
fn is_thread(name: &str) -> bool {
    let names = |task: io::Result<fs::DirEntry>| fs::read_to_string(task.ok()?.path().join("comm")).ok();
    fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.filter_map(names).any(|other| other.trim_end() == name))
}

/// Waits until something is so.
fn until(what: &dyn Fn() -> String, mut is_so: impl FnMut() -> bool) {
    let (start, mut looks) = (Instant::now(), 0_u32);
    while !is_so() {
        assert!(start.elapsed() < LIMIT, "{}", what());
        looks += 1;
        if looks < 100 { thread::yield_now() } else { thread::sleep(Duration::from_micros(50)) }
    }
}

/// What the driver holds of a job.
#[derive(Debug, Default)]
struct Handle {
    commands: Option<mpsc::Sender<Command>>,
    /// Dropped, lets it go on from a pause.
    resume: Option<mpsc::Sender<Infallible>>,
}

type Submitted = Result<Option<Task>, Verdict>;

/// The crate's pool and the model, side by side.
struct Both {
    model: Model,
    // First of the crate's, that jobs end when this is dropped.
    handles: Vec<Handle>,
    /// Tasks in the driver's hands.
    tasks: Vec<(usize, Task)>,
    futures: Vec<(usize, Pending<Outcome>)>,
    /// Submissions that wait for room: of which job, and in which.
    submitting: Vec<(usize, Option<usize>, mpsc::Receiver<Submitted>)>,
    helpers: Vec<JoinHandle<()>>,
    /// Joins inside: of which job, and in which.
    joining: Vec<(usize, usize, mpsc::Receiver<Outcome>)>,
    idle_waits: Vec<(bool, Pending<()>)>,
    pool: Option<Pool<State>>,
    token: CancellationToken,
    /// Of its threads.
    name: String,
    hooks: Arc<AtomicUsize>,
    state_drops: Arc<AtomicUsize>,
    works: Drops,
    results: Drops,
    min_workers: Option<usize>,
}

impl Drop for Both {
    fn drop(&mut self) {
        self.handles.clear();
        if thread::panicking() {
            mem::forget(self.pool.take()); // it might wait for ever for what has failed
        }
    }
}

impl Both {
    fn new(rules: &Rules, jobs: usize) -> Self {
        let limit = usize::from(rules.limit % 4) + 1;
        let (hooks, state_drops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        static POOLS: AtomicUsize = AtomicUsize::new(0);
        let name = format!("puppets {}", POOLS.fetch_add(1, Relaxed));
        let mut builder = Pool::builder(limit).reserve(4).name(&name).stack_size(1 << 20);
        if let Some(capacity) = rules.capacity {
            builder = builder.queue(capacity.into());
        }
        if let Some(blocked) = rules.max_blocked {
            builder = builder.max_blocked(blocked.into());
        }
        if let Some(minimum) = rules.min_workers {
            builder = builder.min_workers(minimum.into()).keep_alive(Duration::ZERO);
        }
        let (told, hook_panics) = (hooks.clone(), rules.hook_panics);
        let hook = move |panic: &Payload| {
            let _ = panic.message();
            told.fetch_add(1, Relaxed);
            if hook_panics {
                quietly("the hook")
            }
        };
        let (drops, state) = (state_drops.clone(), rules.state);
        let make = move || match state {
            StateIs::MakePanics => quietly("no state"),
            _ => State { drops: drops.clone(), panics: state == StateIs::DropPanics },
        };
        let pool = builder.on_panic(hook).state(make).clone().build().expect("it has a worker");
        Self {
            model: Model::new(limit, rules),
            handles: Vec::new(),
            tasks: Vec::new(),
            futures: Vec::new(),
            submitting: Vec::new(),
            helpers: Vec::new(),
            joining: Vec::new(),
            idle_waits: Vec::new(),
            pool: Some(pool),
            token: CancellationToken::new(),
            name,
            hooks,
            state_drops,
            works: Drops::new(jobs),
            results: Drops::new(jobs),
            min_workers: rules.min_workers.map(usize::from),
        }
    }

    fn pool(&self) -> &Pool<State> {
        self.pool.as_ref().expect("it is there until the end")
    }

    /// A new job of the model, and what submits the crate's.
    fn job(&mut self, how: Submit, kind: Kind) -> (usize, impl FnOnce() -> Submitted + Send + use<>) {
        let number = self.handles.len();
        let (sender, commands) = mpsc::channel();
        if let Some(end) = kind.quick {
            sender.send(Command::End(end)).expect("we hold the receiver");
        }
        self.handles.push(Handle { commands: Some(sender), resume: None });
        let is_forgotten = how == Submit::Execute;
        self.model.jobs.push(Job { kind, stage: Stage::Waits, end: None, is_forgotten, results: 0 });
        let puppet = Puppet {
            number,
            commands,
            results: self.results.clone(),
            dropped: self.works.value(number),
            bomb: Bomb(kind.drop_panics),
        };
        let (pool, mut token) = (self.pool().clone(), self.token.clone());
        if how == (Submit::OrCancelled { cancelled: true }) {
            token = token.child_token();
            token.cancel();
        }
        let submit = move || {
            if kind.borrows_state {
                submit(&pool, WithState(puppet), how, &token)
            } else {
                submit(&pool, puppet, how, &token)
            }
        };
        (number, submit)
    }

    /// Has a job that runs do something.
    fn tell(&self, job: usize, what: impl FnOnce() + Send + 'static) {
        let commands = self.handles[job].commands.as_ref().expect("it has not been told to end");
        commands.send(Command::Do(Box::new(what))).expect("it runs");
    }

    /// The same, and waits until it is done.
    fn ask<R: Send + 'static>(&self, job: usize, what: impl FnOnce() -> R + Send + 'static) -> R {
        let (answer, answers) = mpsc::channel();
        self.tell(job, move || answer.send(what()).expect("the driver waits"));
        let answer = answers.recv_timeout(LIMIT);
        answer.unwrap_or_else(|_| panic!("job {job} does not answer: {:?}, {:?}", self.pool(), self.model))
    }

    fn running(&self, which: u8) -> Option<usize> {
        let jobs = self.model.on_top();
        pick(which, jobs.len()).map(|at| jobs[at])
    }

    fn accepted(&mut self, job: usize, task: Option<Task>) {
        if let Some(task) = task {
            self.tasks.push((job, task));
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Submit { how, job } => self.submit(how, job),
            Op::SubmitInside { which, how, job } => {
                let Some(inside) = self.running(which) else { return };
                self.submit_inside(inside, how, job);
            }
            Op::CancelSubmissions => {
                self.model.cancel_token();
                mem::take(&mut self.token).cancel();
            }
            Op::End(which, end) => {
                let Some(job) = self.running(which) else { return };
                let model = &self.model;
                let is_joined = model.threads.iter().any(|thread| thread.doing == Doing::Joins(job));
                // Whoever joins it wants a permit at the same time as the next job in the queue takes one.
                let joins = is_joined && !(model.may_want() && model.queue.is_empty() && model.submitters.is_empty());
                // A job that submits may be told of the room that this permit is before the permit is given back.
                if joins || model.submits_inside() || !model.may_release() {
                    return;
                }
                self.model.end(job, end);
                self.model.settle();
                let commands = self.handles[job].commands.take().expect("it has not been told to end");
                commands.send(Command::End(end)).expect("it runs");
            }
            Op::Pause(which) => {
                let Some(job) = self.running(which).filter(|_| self.model.may_release()) else { return };
                self.model.thread_of(job).doing = Doing::Pauses;
                self.model.settle();
                let (resume, resumes) = mpsc::channel();
                self.handles[job].resume = Some(resume);
                self.tell(job, move || {
                    // Nothing is sent: it goes on when the sender is dropped.
                    let _ = blocking(|| resumes.recv());
                });
            }
            Op::Resume(which) => {
                let paused = self.model.threads.iter().filter(|thread| thread.doing == Doing::Pauses);
                let paused: Vec<_> = paused.filter_map(|thread| thread.stack.last().copied()).collect();
                let Some(at) = pick(which, paused.len()) else { return };
                if self.model.free() == 0 && !self.model.may_want() {
                    return;
                }
                self.model.want_permit(paused[at]);
                self.handles[paused[at]].resume = None;
            }
            Op::Yield(which) => {
                let model = &self.model;
                let is_alone = model.queue.is_empty() && model.submitters.is_empty();
                let may = model.on_its_way.is_none() && (is_alone || model.queue_is_next.is_some());
                let Some(job) = self.running(which).filter(|_| may) else { return };
                if is_alone && self.model.suspended.is_empty() {
                    self.ask(job, yield_now);
                } else {
                    self.model.give_way(job);
                    self.tell(job, yield_now);
                }
            }
            Op::JoinInside { which, task } => {
                let Some(job) = self.running(which) else { return };
                self.join_inside(job, task);
            }
            Op::WaitInside(which) => {
                let Some(job) = self.running(which) else { return };
                let pool = self.pool().clone();
                assert_eq!(self.ask(job, move || pool.wait_idle()), Err(WaitError::WouldDeadlock));
            }
            Op::Join(which) => {
                let Some(at) = pick(which, self.tasks.len()) else { return };
                let (job, task) = self.tasks.remove(at);
                if self.has_ended(job) {
                    let outcome = task.join_deadline(Instant::now()).unwrap_or_else(|_| panic!("job {job} has ended"));
                    self.take(job, outcome);
                } else {
                    let task = task.join_timeout(Duration::ZERO).expect_err("it has not ended");
                    self.tasks.push((job, task));
                }
            }
            Op::Cancel(which) => {
                let Some(at) = pick(which, self.tasks.len()) else { return };
                let (job, task) = &self.tasks[at];
                let waits = self.model.jobs[*job].stage == Stage::Waits;
                if waits {
                    self.model.queue.retain(|queued| queued != job);
                    self.model.discard(*job);
                    self.model.settle();
                }
                assert_eq!(task.cancel(), waits);
            }
            Op::Look(which) => {
                let Some(at) = pick(which, self.tasks.len()) else { return };
                let (job, task) = &self.tasks[at];
                let has_ended = self.has_ended(*job);
                let expected = if has_ended { TryRecvError::Disconnected } else { TryRecvError::Empty };
                assert_eq!(task.done().try_recv(), Err(expected), "job {job}");
                assert_eq!(task.is_finished(), has_ended, "job {job}");
            }
            Op::Poll { which, new_waker } => {
                let Some(at) = pick(which, self.tasks.len() + self.futures.len()) else { return };
                let (job, mut future) = match at.checked_sub(self.tasks.len()) {
                    Some(at) => self.futures.remove(at),
                    None => {
                        let (job, task) = self.tasks.remove(at);
                        (job, Pending::new(task))
                    }
                };
                let polled = future.poll(new_waker);
                assert_eq!(polled.is_ready(), self.has_ended(job), "job {job}");
                match polled {
                    std::task::Poll::Ready(outcome) => self.take(job, outcome),
                    std::task::Poll::Pending => self.futures.push((job, future)),
                }
            }
            Op::Detach(which) => {
                let Some(at) = pick(which, self.tasks.len() + self.futures.len()) else { return };
                match at.checked_sub(self.tasks.len()) {
                    Some(at) => {
                        let (job, future) = self.futures.remove(at);
                        self.forget(job);
                        drop_contained(future);
                    }
                    None => {
                        let (job, task) = self.tasks.remove(at);
                        self.forget(job);
                        drop_contained(task);
                    }
                }
            }
            Op::Resize(limit) => {
                let limit = usize::from(limit % 5);
                if limit > self.model.limit && !self.model.may_release() {
                    return;
                }
                let before = self.pool().resize(limit);
                assert_eq!(before.ok(), (limit > 0).then_some(self.model.limit));
                if limit > 0 {
                    self.model.limit = limit;
                    self.model.settle();
                }
            }
            Op::Scope { jobs, fails, bounded, inside } => {
                self.scope((jobs % 4).into(), fails, bounded, inside);
            }
            Op::Close => {
                let closes = self.model.close();
                assert_eq!(self.pool().close(), closes);
            }
            Op::Drain => {
                self.model.close();
                self.expect_end(self.pool().drain_timeout(Duration::ZERO));
                self.expect_end(self.pool().drain_deadline(Instant::now()));
            }
            Op::Shutdown => {
                // All that join a job of the queue, or submit one, want a permit at the same time.
                let queue = &self.model.queue;
                let woken = self.model.threads.iter().filter(|thread| match thread.doing {
                    Doing::Joins(job) => queue.contains(&job),
                    Doing::Submits(_) => true,
                    _ => false,
                });
                let (woken, model) = (woken.count(), &self.model);
                if woken > model.free().max(1) || (woken > 0 && model.on_its_way.is_some()) {
                    return;
                }
                self.model.stop();
                self.expect_end(self.pool().shutdown_timeout(Duration::ZERO));
                self.expect_end(self.pool().shutdown_deadline(Instant::now()));
                assert!(self.pool().token().is_cancelled());
            }
            Op::WaitIdle => {
                let expected = if self.model.is_quiet() { Ok(()) } else { Err(WaitError::TimedOut) };
                assert_eq!(self.pool().wait_idle_timeout(Duration::ZERO), expected);
                assert_eq!(self.pool().wait_idle_deadline(Instant::now()), expected);
                if self.model.is_quiet() {
                    assert_eq!(self.pool().wait_idle(), Ok(()));
                }
            }
            Op::StartWaitIdle => {
                let pool = self.pool().clone();
                let mut pending = Pending::new(async move { pool.wait_idle_async().await });
                let is_quiet = self.model.is_quiet();
                assert_eq!(pending.poll(false).is_ready(), is_quiet);
                if !is_quiet {
                    self.idle_waits.push((false, pending));
                }
            }
            Op::PollWaitIdle { which, new_waker } => {
                let Some(at) = pick(which, self.idle_waits.len()) else { return };
                let (over, pending) = &mut self.idle_waits[at];
                assert_eq!(pending.poll(new_waker).is_ready(), *over);
                if *over {
                    self.idle_waits.remove(at);
                }
            }
            Op::DropWaitIdle(which) => {
                let Some(at) = pick(which, self.idle_waits.len()) else { return };
                self.idle_waits.remove(at);
            }
        }
    }

    fn submit(&mut self, how: Submit, mut kind: Kind) {
        if self.model.on_its_way.is_some() {
            return; // whatever is queued races it
        }
        self.fit(&mut kind);
        let (job, submit) = self.job(how, kind);
        let verdict = self.model.submit(job, how);
        if verdict == Verdict::Waits {
            let (answer, submitted) = mpsc::channel();
            self.helpers.push(thread::spawn(move || drop(answer.send(submit()))));
            self.submitting.push((job, None, submitted));
        } else {
            match submit() {
                Ok(task) => {
                    assert_eq!(verdict, Verdict::Accepted);
                    self.accepted(job, task);
                }
                Err(refused) => assert_eq!(refused, verdict, "{:?}: {:?}", self.pool(), self.model),
            }
        }
    }

    /// While a job inside waits for room, none that ends at once comes after it: the next in the queue would race it for
    /// the permit.
    fn fit(&self, kind: &mut Kind) {
        if self.model.submits_inside() {
            Self::hold(kind);
        }
    }

    /// Makes it one that does not end at once.
    fn hold(kind: &mut Kind) {
        kind.quick = None;
        kind.borrows_state = false;
    }

    fn submit_inside(&mut self, inside: usize, how: Submit, mut kind: Kind) {
        self.fit(&mut kind);
        let model = &self.model;
        let waits = !model.has_room()
            && !model.closed
            && !matches!(how, Submit::TrySpawn | Submit::OrCancelled { cancelled: true });
        let mut before = model.queue.iter().chain(model.submitters.iter().map(|(job, _)| job));
        let quick = before.any(|job| model.is_quick(model.jobs[*job].kind));
        // One that waits races another that does, and jobs that end at once, for the permit that it wants then.
        let races = matches!(how, Submit::Timeout | Submit::Deadline) || quick || !model.may_want();
        if model.on_its_way.is_some() || (waits && (races || !model.may_release())) {
            return;
        }
        if waits {
            Self::hold(&mut kind);
        }
        let (job, submit) = self.job(how, kind);
        let verdict = self.model.submit(job, how);
        let (answer, submitted) = mpsc::channel();
        self.tell(inside, move || drop(answer.send(submit())));
        if verdict == Verdict::Waits {
            self.submitting.push((job, Some(inside), submitted));
            self.model.thread_of(inside).doing = Doing::Submits(job);
            if matches!(how, Submit::OrCancelled { .. }) {
                self.model.with_token.push(inside);
            }
            self.model.settle();
        } else {
            match submitted.recv_timeout(LIMIT).expect("it does not wait") {
                Ok(task) => {
                    assert_eq!(verdict, Verdict::Accepted);
                    self.accepted(job, task);
                }
                Err(refused) => assert_eq!(refused, verdict, "{:?}: {:?}", self.pool(), self.model),
            }
        }
    }

    fn join_inside(&mut self, job: usize, task: u8) {
        // Only of later jobs than those of its thread, so that none waits for itself.
        let latest = self.model.thread_of(job).stack.iter().copied().max().expect("it runs");
        let later: Vec<_> = (0..self.tasks.len()).filter(|&at| self.tasks[at].0 > latest).collect();
        let Some(at) = pick(task, later.len()) else { return };
        let target = self.tasks[later[at]].0;
        let Job { kind, stage, .. } = self.model.jobs[target];
        // A job that ends at once elsewhere: its end races the queue.
        let races = stage == Stage::Waits && kind.borrows_state && self.model.is_quick(kind);
        if races || !self.model.may_release() {
            return;
        }
        let (target, task) = self.tasks.remove(later[at]);
        let (answer, answers) = mpsc::channel();
        self.joining.push((target, job, answers));
        self.tell(job, move || drop(answer.send(task.join())));
        match stage {
            Stage::Waits if !kind.borrows_state => {
                self.model.queue.retain(|queued| *queued != target);
                self.model.thread_of(job).stack.push(target);
                self.model.begin(target);
            }
            Stage::Waits | Stage::Begun => self.model.thread_of(job).doing = Doing::Joins(target),
            Stage::Completed | Stage::Panicked | Stage::Cancelled => {}
        }
        self.model.settle();
    }

    fn scope(&mut self, jobs: usize, fails: Option<Failure>, bounded: bool, inside: Option<u8>) {
        let model = &self.model;
        // Where it would wait for others, or race them.
        let is_alone = model.queue.is_empty() && model.submitters.is_empty() && model.suspended.is_empty();
        let is_within = model.running() <= model.limit; // else a job that waits for a moment has to wait for another
        if !is_alone || !is_within || model.max_blocked != usize::MAX {
            return;
        }
        let inside = match inside {
            Some(which) => match self.running(which) {
                Some(job) => Some(job),
                None => return,
            },
            None if model.free() == 0 => return,
            None => None,
        };
        let (pool, accepted) = (self.pool().clone(), if model.closed { 0 } else { jobs });
        let run = move || {
            if bounded {
                pool.scope_bounded(1, |scope| spawn_all(scope, jobs, fails, accepted > 0))
            } else {
                pool.scope(|scope| spawn_all(scope, jobs, fails, accepted > 0))
            }
        };
        let ended = match inside {
            Some(job) => {
                // Its jobs and the one that waits for them take turns.
                self.model.queue_is_next = None;
                self.ask(job, run)
            }
            None => run(),
        };
        let fails = fails.filter(|_| accepted > 0);
        match ended {
            Ok(results) => assert!(fails.is_none() && results.into_iter().eq(0..accepted)),
            Err(ScopeError::Failed(error)) => assert_eq!((fails, error), (Some(Failure::Error), jobs - 1)),
            Err(ScopeError::Panicked(_)) => assert_eq!(fails, Some(Failure::Panic)),
            Err(ScopeError::Cancelled) => panic!("nobody cancels it"),
        }
        let panics = usize::from(fails == Some(Failure::Panic));
        self.model.completed += (accepted - panics) as u64;
        self.model.panicked += panics as u64;
        self.model.hooks += panics;
    }

    /// A pool that has been closed, and waited for for no time.
    fn expect_end(&self, ended: Result<(), WaitError>) {
        // Where no job is left, a worker may still be about to leave.
        assert!(ended.is_ok() <= self.model.is_quiet(), "{ended:?}");
    }

    fn has_ended(&self, job: usize) -> bool {
        !matches!(self.model.jobs[job].stage, Stage::Waits | Stage::Begun)
    }

    /// A task is dropped.
    fn forget(&mut self, job: usize) {
        let Job { stage, is_forgotten, results, .. } = &mut self.model.jobs[job];
        *is_forgotten = true;
        *results += usize::from(*stage == Stage::Completed);
    }

    /// The outcome of a job.
    fn take(&mut self, job: usize, outcome: Outcome) {
        let Job { stage, end, kind, results, .. } = &mut self.model.jobs[job];
        match &outcome {
            Ok(_) => assert_eq!(*stage, Stage::Completed, "job {job}"),
            Err(TaskError::Cancelled) => assert_eq!(*stage, Stage::Cancelled, "job {job}"),
            Err(TaskError::Panicked(_)) => assert_eq!(*stage, Stage::Panicked, "job {job}"),
        }
        *results += usize::from(outcome.is_ok());
        match outcome {
            Err(error @ TaskError::Panicked(_)) if *end == Some(End::Panic) && !kind.borrows_state => {
                assert_eq!(error.into_panic().and_then(|panic| panic.downcast().ok()), Some(Box::new(job)));
            }
            outcome => drop_contained(outcome),
        }
    }

    /// Collects what has been decided by now; but whoever wants a permit says nothing before it has one.
    fn collect(&mut self) {
        for (job, inside, submitted) in mem::take(&mut self.submitting) {
            let waits = self.model.submitters.iter().any(|&(other, _)| other == job);
            if waits || inside.is_some_and(|inside| self.model.suspended.contains(&inside)) {
                self.submitting.push((job, inside, submitted));
                continue;
            }
            let was_accepted = self.model.jobs[job].stage != Stage::Waits || self.model.queue.contains(&job);
            match submitted.recv_timeout(LIMIT).expect("it waits no more") {
                Ok(task) => {
                    assert!(was_accepted, "job {job} was accepted");
                    self.accepted(job, task);
                }
                Err(refused) => {
                    assert!(!was_accepted, "job {job} was refused: {refused:?}");
                    assert!(matches!(refused, Verdict::Closed | Verdict::Cancelled), "{refused:?}");
                }
            }
        }
        for (job, inside, outcome) in mem::take(&mut self.joining) {
            if self.has_ended(job) && !self.model.suspended.contains(&inside) {
                self.take(job, outcome.recv_timeout(LIMIT).expect("it is joined"));
            } else {
                self.joining.push((job, inside, outcome));
            }
        }
    }

    fn check(&mut self) {
        // Those that are to run answer.
        for job in self.model.on_top() {
            self.ask(job, || ());
        }
        let is_quiet = self.model.is_quiet();
        self.idle_waits.iter_mut().for_each(|(over, _)| *over |= is_quiet);
        let model = &self.model;
        let expected = (
            [model.limit, model.running(), model.threads.len() - model.running()],
            [model.queue.len(), model.submitters.len()],
            [model.completed, model.panicked, model.cancelled],
        );
        let says = || {
            let stats = self.pool().stats();
            let now = [stats.limit, stats.running, stats.waiting];
            (now, [stats.queued, stats.blocked], [stats.completed, stats.panicked, stats.cancelled])
        };
        until(&|| format!("the pool says {:?}, the model {expected:?}: {model:?}", says()), || says() == expected);
        // Those that are idle are within the limit, and leave if they are to.
        let busy = model.threads.len();
        let most = self.min_workers.map_or(busy + model.limit, |minimum| minimum.max(busy));
        let workers = || self.pool().stats().workers;
        until(&|| format!("{} workers, with {busy} jobs", workers()), || (busy..=most).contains(&workers()));
        assert_eq!(self.pool().is_closed(), model.closed);
        self.collect();
        let model = &self.model;
        let hooks = || self.hooks.load(Relaxed).saturating_sub(self.state_drops.load(Relaxed));
        until(&|| format!("{} panics reported, not {}: {model:?}", hooks(), model.hooks), || {
            (model.hooks..=model.hooks + model.maybe_hooks).contains(&hooks())
        });
        let waits = |job| model.queue.contains(&job) || model.submitters.iter().any(|&(other, _)| other == job);
        let (works, results) = (self.works.counts(), self.results.counts());
        for (number, job) in model.jobs.iter().enumerate() {
            // One that was refused may be in the hands of whoever has no permit to drop it.
            if !self.submitting.iter().any(|(submitted, ..)| *submitted == number) {
                let is_alive = job.stage == Stage::Begun || waits(number);
                assert_eq!(works[number], usize::from(!is_alive), "drops of job {number}: {model:?}");
            }
            assert_eq!(results[number], job.results, "drops of the result of job {number}: {model:?}");
        }
        for (over, pending) in &self.idle_waits {
            until(&|| format!("{} wakes", pending.wakes()), || pending.wakes() == usize::from(*over));
        }
        for (job, future) in &self.futures {
            let woken = usize::from(self.has_ended(*job));
            until(&|| format!("{} wakes of job {job}", future.wakes()), || future.wakes() == woken);
        }
    }

    fn finish(mut self, how: Finish) {
        // Nobody can tell the jobs anything any more: they return.
        self.handles.clear();
        let pool = self.pool.take().expect("it is there until the end");
        drop(mem::take(&mut self.idle_waits));
        let (answer, answers) = mpsc::channel();
        let observer = pool.token();
        let end = thread::spawn(move || {
            let stops = matches!(how, Finish::Shutdown | Finish::ShutdownAsync);
            match how {
                Finish::Drop => {}
                Finish::Drain => pool.drain().expect("outside"),
                Finish::DrainAsync => super::util::block_on(pool.drain_async()),
                Finish::Shutdown => pool.shutdown().expect("outside"),
                Finish::ShutdownAsync => super::util::block_on(pool.shutdown_async()),
            }
            let stats = (!matches!(how, Finish::Drop)).then(|| pool.stats());
            drop(pool);
            answer.send((stops, stats)).expect("the driver waits");
        });
        let (stops, stats) = answers.recv_timeout(LIMIT).expect("the pool ends");
        end.join().expect("no panic");
        assert!(observer.is_cancelled() >= stops);
        if let Some(stats) = stats {
            assert_eq!([stats.workers, stats.running, stats.waiting, stats.queued, stats.blocked], [0; 5]);
        }
        for helper in self.helpers.drain(..) {
            helper.join().expect("no panic");
        }
        // With the last that could hold anything of a job, each has been dropped once, and no result twice.
        let (works, results, jobs) = (self.works.clone(), self.results.clone(), self.model.jobs.len());
        drop_contained(mem::take(&mut self.joining));
        while let Some((.., submitted)) = self.submitting.pop() {
            drop_contained(submitted.try_recv());
        }
        mem::take(&mut self.tasks).into_iter().for_each(drop_contained);
        mem::take(&mut self.futures).into_iter().for_each(drop_contained);
        // (Where a job that submits drops the last handle of its pool, that drop waits for nothing.)
        until(&|| format!("drops of {jobs} jobs: {works:?}"), || {
            works.counts()[..jobs].iter().all(|drops| *drops == 1)
        });
        assert!(results.counts().into_iter().all(|drops| drops <= 1));
        // A pool does not wait for the last that a thread does, its thread-local destructors: a leak checker would see it.
        until(&|| format!("threads of {}", self.name), || !is_thread(&self.name));
    }
}
