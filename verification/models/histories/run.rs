//! Carries a program out.
//!
//! A program ends under every schedule, whatever its steps: once no thread can go on by itself, the main thread checks
//! that those who wait have reason to, and then takes the reasons away. It closes the channels, cancels the tokens,
//! drops the guards and ends the pool, after which no operation blocks; a program that does not end then is a finding.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::hence::cancel::{CancellationToken, Cause, RecvOrCancelledError, SendOrCancelledError};
use crate::hence::channel::{
    Receiver, RecvTimeoutError, Select, SendTimeoutError, Sender, TryRecvError, TrySendError, bounded, unbounded,
};
use crate::hence::pool::{Pool, SpawnError, Task, TaskError, WaitError};
use crate::hence::wait_group::{Guard, WaitGroup};
use crate::settle::{alone, settle};
use crate::spawn;
use shuttle::future::block_on;

use super::check;
use super::program::{Arm, CHANNELS, JOBS, Job, Patience, Program, Step, TOKENS};
use super::trace::{self, Action, Counted, Outcome, trace};

/// Any will do: see `hence::sync::hook`.
const TIMEOUT: Duration = Duration::from_millis(1);
/// The token that ends cancellable operations.
const CANCELS: usize = 1;

/// A handle of a channel, whose drop is traced wherever its last holder is.
#[derive(Debug)]
struct End<H> {
    handle: Option<H>,
    drop: Step,
}

impl<H: Clone> End<H> {
    fn another(&self) -> Arc<Self> {
        Self::new(self.get().clone(), self.drop)
    }
}

impl<H> End<H> {
    fn new(handle: H, drop: Step) -> Arc<Self> {
        Arc::new(Self { handle: Some(handle), drop })
    }

    fn get(&self) -> &H {
        self.handle.as_ref().expect("taken by drop alone")
    }
}

impl<H> Drop for End<H> {
    fn drop(&mut self) {
        trace(Action::Step(self.drop, None), || drop(self.handle.take()), |_| Outcome::Done);
    }
}

type SenderEnd = End<Sender<Counted>>;
type ReceiverEnd = End<Receiver<Counted>>;

/// A thread's handles.
#[derive(Clone, Debug, Default)]
struct Ends {
    senders: [Option<Arc<SenderEnd>>; CHANNELS],
    receivers: [Option<Arc<ReceiverEnd>>; CHANNELS],
}

/// Any living handle of each channel, for the main thread.
#[derive(Debug, Default)]
struct Living {
    senders: [Vec<Weak<SenderEnd>>; CHANNELS],
    receivers: [Vec<Weak<ReceiverEnd>>; CHANNELS],
}

/// What all threads share, by ways that order nothing.
struct World {
    tokens: [CancellationToken; TOKENS],
    group: WaitGroup,
    pool: Pool,
    /// With the threads that made them. Here, so that the main thread can drop them all.
    guards: RefCell<Vec<(usize, Counted, Guard)>>,
    living: RefCell<Living>,
    jobs: Cell<usize>,
    /// The main thread has begun to end things: from now on no guard is made to stay.
    ending: Cell<bool>,
}

// SAFETY: all threads of an execution are coroutines on one thread of the operating system, and none is suspended while
// it touches a cell: no borrow lasts over an operation of the crate's.
unsafe impl Sync for World {}
// SAFETY: as above.
unsafe impl Send for World {}

/// Runs a program to its end.
pub(super) fn run(program: &Program) {
    trace::begin();
    alone();
    let (mut own, mut ends) = (Ends::default(), vec![Ends::default(); program.threads.len()]);
    let mut living = Living::default();
    for channel in 0..CHANNELS {
        let (sender, receiver) = program.capacities[channel].map_or_else(unbounded, bounded);
        let sender = End::new(sender, Step::DropSender(channel));
        let receiver = End::new(receiver, Step::DropReceiver(channel));
        for (ends, steps) in ends.iter_mut().zip(&program.threads) {
            if steps.iter().any(|step| step.sends(channel)) {
                ends.senders[channel] = Some(if program.shared { sender.clone() } else { sender.another() });
            }
            if steps.iter().any(|step| step.receives(channel)) {
                ends.receivers[channel] = Some(if program.shared { receiver.clone() } else { receiver.another() });
            }
        }
        own.senders[channel] = Some(sender);
        own.receivers[channel] = Some(receiver);
        for ends in ends.iter().chain([&own]) {
            living.senders[channel].extend(ends.senders[channel].as_ref().map(Arc::downgrade));
            living.receivers[channel].extend(ends.receivers[channel].as_ref().map(Arc::downgrade));
        }
    }
    let root = CancellationToken::new();
    let child = root.child_token();
    let timed = child.with_timeout(TIMEOUT);
    let builder = Pool::builder(program.workers);
    let builder = program.queue.map_or(builder.clone(), |capacity| builder.queue(capacity));
    let world = Arc::new(World {
        tokens: [root, child, timed],
        group: WaitGroup::new(),
        pool: builder.build().expect("at least one worker"),
        guards: RefCell::default(),
        living: RefCell::new(living),
        jobs: Cell::new(0),
        ending: Cell::new(false),
    });
    let threads: Vec<_> = (1..)
        .zip(program.threads.iter().cloned().zip(ends))
        .map(|(number, (steps, ends))| {
            let mut thread = Thread { number, ends, world: world.clone(), tasks: Vec::new() };
            spawn(move || steps.into_iter().for_each(|step| thread.step(step)))
        })
        .collect();
    if program.leaves {
        own = Ends::default();
    }

    settle();
    world.check_rest(program);
    world.ending.set(true);
    for channel in 0..CHANNELS {
        world.close(channel);
    }
    world.cancel(0);
    while world.drop_guard(|_| true) {}
    if program.steps().any(Step::uses_pool) {
        world.wait_for_pool(if program.shutdown { Step::Shutdown } else { Step::Drain });
    }
    for thread in threads {
        thread.join().expect("a thread panicked");
    }
    drop(own);
    drop(world);
    let wrong = trace::drops().iter().position(|drops| *drops != 1);
    if let Some(value) = wrong {
        panic!("#{value} was dropped {} times", trace::drops()[value]);
    }
}

/// Does a step, whose outcome is all that remains of it.
pub(super) fn did(step: Step, number: Option<usize>, act: impl FnOnce() -> Outcome) {
    trace(Action::Step(step, number), act, Outcome::clone);
}

fn ok_or<E>(result: Result<(), E>, outcome: impl FnOnce(E) -> Outcome) -> Outcome {
    result.map_or_else(outcome, |()| Outcome::Done)
}

impl World {
    /// Asks a living handle of the channel; none if both sides are gone.
    fn ask<R>(
        &self,
        channel: usize,
        sender: impl FnOnce(&Sender<Counted>) -> R,
        receiver: impl FnOnce(&Receiver<Counted>) -> R,
    ) -> Option<R> {
        let living = self.living.borrow();
        let of_senders = living.senders[channel].iter().find_map(Weak::upgrade);
        let of_receivers = living.receivers[channel].iter().find_map(Weak::upgrade);
        drop(living);
        match (of_senders, of_receivers) {
            (Some(end), _) => Some(sender(end.get())),
            (None, Some(end)) => Some(receiver(end.get())),
            (None, None) => None,
        }
    }

    fn close(&self, channel: usize) {
        let close = || self.ask(channel, Sender::close, Receiver::close);
        // With no handle left, it was closed by the last one's drop.
        did(Step::Close(channel), None, || Outcome::Is(close().unwrap_or(false)));
    }

    fn cancel(&self, token: usize) {
        let why = Counted::make();
        did(Step::Cancel(token), Some(why.0), || Outcome::Is(self.tokens[token].cancel_with(why.0.to_string())));
    }

    /// Drops the last guard that one of these threads has made; false if there is none.
    fn drop_guard(&self, of: impl Fn(usize) -> bool) -> bool {
        let mut guards = self.guards.borrow_mut();
        let found = guards.iter().rposition(|(thread, ..)| of(*thread)).map(|found| guards.remove(found));
        drop(guards);
        let Some((_, number, guard)) = found else { return false };
        did(Step::DropGuard, Some(number.0), || {
            drop(guard);
            Outcome::Done
        });
        true
    }

    fn wait_for_pool(&self, step: Step) {
        did(step, None, || {
            let waited = match step {
                Step::Shutdown => self.pool.shutdown(),
                Step::Drain => self.pool.drain(),
                Step::WaitIdle(Patience::TimesOut) => self.pool.wait_idle_timeout(TIMEOUT),
                _ => self.pool.wait_idle(),
            };
            ok_or(waited, |error| match error {
                WaitError::TimedOut => Outcome::TimedOut,
                WaitError::WouldDeadlock => panic!("no job waits for its pool"),
            })
        });
    }

    /// No thread can go on by itself: so whoever waits must have reason to.
    fn check_rest(&self, program: &Program) {
        let waiting: Vec<_> =
            trace::events().into_iter().filter(|event| event.thread != 0 && event.returned.is_none()).collect();
        let operations = |event: &trace::Event| match event.action {
            Action::Step(step, _) => step.operations(),
            _ => Vec::new(),
        };
        let is_closed = |channel| self.ask(channel, Sender::is_closed, Receiver::is_closed).unwrap_or(true);
        let meets = |arm: Arm, mine: usize| {
            let partner = match arm {
                Arm::Send(channel) => Arm::Recv(channel),
                Arm::Recv(channel) => Arm::Send(channel),
            };
            waiting.iter().enumerate().any(|(i, event)| i != mine && operations(event).contains(&partner))
        };
        let has_ended = |number| {
            let is_its_end = |event: &trace::Event| {
                matches!(event.action, Action::Job(job, _) if job == number) && event.returned.is_some()
            };
            trace::events().iter().any(is_its_end)
        };
        let stats = self.pool.stats();
        let kept = [0, 1].map(|channel| check::kept(channel, &trace::events(), &trace::drops()));
        for (i, event) in waiting.iter().enumerate() {
            for arm in operations(event) {
                let left = kept[arm.channel()];
                let has_place = match arm {
                    Arm::Send(channel) => program.capacities[channel].is_none_or(|capacity| left < capacity),
                    Arm::Recv(_) => left > 0,
                };
                let ready = has_place || is_closed(arm.channel());
                assert!(!ready && !meets(arm, i), "a wake-up is lost: nothing keeps t{} from `{arm}`", event.thread);
            }
            let Action::Step(step, number) = event.action else { continue };
            let idle = stats.queued + stats.running + stats.waiting == 0;
            // A job that has waited in its own pool goes on once fewer run than may.
            let may_run = event.thread <= program.threads.len() || stats.running < stats.limit;
            let ready = match step {
                Step::Send(_, Patience::Cancellable) | Step::Recv(_, Patience::Cancellable) => {
                    self.tokens[CANCELS].is_cancelled()
                }
                Step::WaitToken(token, _) | Step::WaitChild(token) => self.tokens[token].is_cancelled(),
                Step::WaitGroup(patience) => {
                    self.group.count() == 0 || patience == Patience::Cancellable && self.tokens[CANCELS].is_cancelled()
                }
                Step::WaitIdle(_) | Step::Drain | Step::Shutdown => idle,
                Step::Join(_) => may_run && (idle || number.is_some_and(has_ended)),
                Step::Spawn(..) | Step::Execute(_) => may_run && (self.pool.is_closed() || stats.queued == 0),
                _ => false,
            };
            assert!(!ready, "a wake-up is lost: nothing keeps t{} from `{step}`", event.thread);
        }
        for (channel, kept) in kept.into_iter().enumerate() {
            let len = self.ask(channel, Sender::len, Receiver::len);
            let has_receivers = self.living.borrow().receivers[channel].iter().any(|end| end.strong_count() > 0);
            let fault = format!("a value is lost, or doubled: {kept} of c{channel} are left, and {len:?} there");
            // What a select has received and given up is kept from all where the channel has ended (SF-SEL-4).
            let gives_up = |event: &&trace::Event| match event.action {
                Action::Step(Step::GiveUp(arms), _) => arms.contains(&Arm::Recv(channel)),
                _ => false,
            };
            let hidden = if is_closed(channel) { trace::events().iter().filter(gives_up).count() } else { 0 };
            assert!(!has_receivers || len.is_some_and(|len| (len..=len + hidden).contains(&kept)), "{fault}");
        }
        // By our own count, not the pool's.
        let is_under_way = |event: &&trace::Event| matches!(event.action, Action::Job(..)) && event.returned.is_none();
        let running = waiting.iter().filter(is_under_way).count() - stats.waiting;
        let starved = stats.queued > 0 && running < stats.limit;
        assert!(!starved, "a wake-up is lost: {} jobs queued, {running} run of {}", stats.queued, stats.limit);
    }
}

/// One thread of the program, or one job's part of it.
struct Thread {
    number: usize,
    ends: Ends,
    world: Arc<World>,
    tasks: Vec<(usize, Task<usize>)>,
}

impl Thread {
    fn step(&mut self, step: Step) {
        let world = self.world.clone();
        match step {
            Step::Send(channel, patience) => self.send(channel, patience),
            Step::Recv(channel, patience) => self.recv(channel, patience),
            Step::Select(arms, _) | Step::GiveUp(arms) => self.select(step, arms),
            Step::Abandon(arm) => self.abandon(step, arm),
            Step::Close(channel) => world.close(channel),
            Step::DropSender(channel) => drop(self.ends.senders[channel].take()),
            Step::DropReceiver(channel) => drop(self.ends.receivers[channel].take()),
            Step::Cancel(token) => world.cancel(token),
            Step::IsCancelled(token) => did(step, None, || Outcome::Is(world.tokens[token].is_cancelled())),
            Step::Cause(token) => did(step, None, || {
                Outcome::Cause(world.tokens[token].cause().map(|cause| match cause {
                    Cause::Error(why) => format!("#{why}"),
                    cause => format!("{cause:?}"),
                }))
            }),
            Step::WaitToken(token, patience) => did(step, None, || match patience {
                Patience::TimesOut if !world.tokens[token].wait_timeout(TIMEOUT) => Outcome::TimedOut,
                Patience::TimesOut => Outcome::Done,
                _ => {
                    world.tokens[token].wait();
                    Outcome::Done
                }
            }),
            Step::WaitChild(token) => did(step, None, || {
                world.tokens[token].child_token().wait();
                Outcome::Done
            }),
            Step::OnCancel(token) => {
                let callback = Counted::make();
                did(step, Some(callback.0), || {
                    let run = move || trace(Action::Callback(callback.0, token), || (), |()| Outcome::Done);
                    drop(world.tokens[token].on_cancel(run));
                    Outcome::Done
                });
            }
            Step::Guard => {
                let number = Counted::make();
                let make = || world.group.guard();
                let guard = trace(Action::Step(step, Some(number.0)), make, |_| Outcome::Done);
                world.guards.borrow_mut().push((self.number, number, guard));
                if world.ending.get() {
                    self.step(Step::DropGuard);
                }
            }
            Step::DropGuard => {
                world.drop_guard(|thread| thread == self.number);
            }
            Step::WaitGroup(patience) => did(step, None, || match patience {
                Patience::TimesOut if !world.group.wait_timeout(TIMEOUT) => Outcome::TimedOut,
                Patience::TimesOut => Outcome::Done,
                Patience::Cancellable => {
                    ok_or(world.group.wait_or_cancelled(&world.tokens[CANCELS]), |_| Outcome::Cancelled)
                }
                Patience::Async => {
                    block_on(world.group.wait_async());
                    Outcome::Done
                }
                _ => {
                    world.group.wait();
                    Outcome::Done
                }
            }),
            Step::Count => did(step, None, || Outcome::Counted(world.group.count())),
            Step::Spawn(job, _) | Step::Execute(job) => self.spawn(step, job),
            Step::Join(patience) => self.join(step, patience),
            Step::CancelTask => {
                if let Some((number, task)) = self.tasks.last() {
                    did(step, Some(*number), || Outcome::Is(task.cancel()));
                }
            }
            Step::Resize(workers) => did(step, None, || {
                world.pool.resize(workers).expect("at least one worker");
                Outcome::Done
            }),
            Step::ClosePool => did(step, None, || Outcome::Is(world.pool.close())),
            Step::WaitIdle(_) | Step::Drain | Step::Shutdown => world.wait_for_pool(step),
        }
    }

    fn send(&self, channel: usize, patience: Patience) {
        let Some(end) = &self.ends.senders[channel] else { return };
        let (sender, value) = (end.get(), Counted::make());
        did(Step::Send(channel, patience), Some(value.0), || match patience {
            Patience::Blocks => ok_or(sender.send(value), |_| Outcome::Disconnected),
            Patience::Async => ok_or(block_on(sender.send_async(value)), |_| Outcome::Disconnected),
            Patience::Tries => ok_or(sender.try_send(value), |error| match error {
                TrySendError::Full(_) => Outcome::Full,
                TrySendError::Disconnected(_) => Outcome::Disconnected,
            }),
            Patience::TimesOut => ok_or(sender.send_timeout(value, TIMEOUT), |error| match error {
                SendTimeoutError::Timeout(_) => Outcome::TimedOut,
                SendTimeoutError::Disconnected(_) => Outcome::Disconnected,
            }),
            Patience::Cancellable => {
                ok_or(sender.send_or_cancelled(value, &self.world.tokens[CANCELS]), |error| match error {
                    SendOrCancelledError::Cancelled(_) => Outcome::Cancelled,
                    SendOrCancelledError::Disconnected(_) => Outcome::Disconnected,
                })
            }
        });
    }

    fn recv(&self, channel: usize, patience: Patience) {
        let Some(end) = &self.ends.receivers[channel] else { return };
        let receiver = end.get();
        did(Step::Recv(channel, patience), None, || {
            let received = match patience {
                Patience::Blocks => receiver.recv().map_err(|_| Outcome::Disconnected),
                Patience::Async => block_on(receiver.recv_async()).map_err(|_| Outcome::Disconnected),
                Patience::Tries => receiver.try_recv().map_err(|error| match error {
                    TryRecvError::Empty => Outcome::Empty,
                    TryRecvError::Disconnected => Outcome::Disconnected,
                }),
                Patience::TimesOut => receiver.recv_timeout(TIMEOUT).map_err(|error| match error {
                    RecvTimeoutError::Timeout => Outcome::TimedOut,
                    RecvTimeoutError::Disconnected => Outcome::Disconnected,
                }),
                Patience::Cancellable => {
                    receiver.recv_or_cancelled(&self.world.tokens[CANCELS]).map_err(|error| match error {
                        RecvOrCancelledError::Cancelled => Outcome::Cancelled,
                        RecvOrCancelledError::Disconnected => Outcome::Disconnected,
                    })
                }
            };
            received.map_or_else(|outcome| outcome, |value| Outcome::Value(value.0))
        });
    }

    fn select(&self, step: Step, arms: [Arm; 2]) {
        let missing = |arm: &Arm| match *arm {
            Arm::Send(channel) => self.ends.senders[channel].is_none(),
            Arm::Recv(channel) => self.ends.receivers[channel].is_none(),
        };
        if arms.iter().any(missing) {
            return;
        }
        let sender = |channel: usize| self.ends.senders[channel].as_ref().expect("looked for above").get();
        let receiver = |channel: usize| self.ends.receivers[channel].as_ref().expect("looked for above").get();
        let value = Counted::make();
        did(step, Some(value.0), || {
            let mut select = Select::new();
            for arm in arms {
                match arm {
                    Arm::Send(channel) => select.send(sender(channel)),
                    Arm::Recv(channel) => select.recv(receiver(channel)),
                };
            }
            let selected = match step {
                Step::Select(_, Patience::Tries) => select.try_select().map_err(|_| Outcome::Empty),
                Step::Select(_, Patience::TimesOut) => select.select_timeout(TIMEOUT).map_err(|_| Outcome::TimedOut),
                _ => Ok(select.select()),
            };
            let selected = match selected {
                Ok(selected) => selected,
                Err(outcome) => return outcome,
            };
            let index = selected.index();
            if step == Step::GiveUp(arms) {
                let chosen = AssertUnwindSafe(selected);
                let panicked = panic::catch_unwind(|| {
                    let _undone = chosen;
                    panic!("as the program says");
                });
                panicked.expect_err("it panics");
                return Outcome::Arm(index, Box::new(Outcome::Cancelled));
            }
            let outcome = match arms[index] {
                Arm::Send(channel) => ok_or(selected.send(sender(channel), value), |_| Outcome::Disconnected),
                Arm::Recv(channel) => {
                    selected.recv(receiver(channel)).map_or(Outcome::Disconnected, |value| Outcome::Value(value.0))
                }
            };
            Outcome::Arm(index, Box::new(outcome))
        });
    }

    fn abandon(&self, step: Step, arm: Arm) {
        let mut context = Context::from_waker(Waker::noop());
        match arm {
            Arm::Send(channel) => {
                let Some(end) = &self.ends.senders[channel] else { return };
                let value = Counted::make();
                did(step, Some(value.0), || match pin!(end.get().send_async(value)).poll(&mut context) {
                    Poll::Ready(sent) => ok_or(sent, |_| Outcome::Disconnected),
                    Poll::Pending => Outcome::Cancelled,
                });
            }
            Arm::Recv(channel) => {
                let Some(end) = &self.ends.receivers[channel] else { return };
                did(step, None, || match pin!(end.get().recv_async()).poll(&mut context) {
                    Poll::Ready(received) => received.map_or(Outcome::Disconnected, |value| Outcome::Value(value.0)),
                    Poll::Pending => Outcome::Cancelled,
                });
            }
        }
    }

    fn spawn(&mut self, step: Step, kind: Job) {
        let world = &self.world;
        if world.jobs.get() == JOBS {
            return;
        }
        world.jobs.set(world.jobs.get() + 1);
        let counted = Counted::make();
        let number = counted.0;
        let mut inner = Thread { number: 0, ends: self.ends.clone(), world: world.clone(), tasks: Vec::new() };
        let job = move || {
            trace(
                Action::Job(counted.0, kind),
                || match kind {
                    Job::Returns | Job::Panics => {}
                    Job::Sends(channel) => inner.send(channel, Patience::Blocks),
                    Job::Receives(channel) => inner.recv(channel, Patience::Blocks),
                    Job::Spawns => {
                        inner.step(Step::Spawn(Job::Returns, Patience::Blocks));
                        inner.step(Step::Join(Patience::Blocks));
                    }
                },
                |()| if kind == Job::Panics { Outcome::Panicked } else { Outcome::Done },
            );
            assert!(kind != Job::Panics, "as the program says");
            counted.0
        };
        let pool = &world.pool;
        let submit = || match step {
            Step::Spawn(_, Patience::Tries) => pool.try_spawn(job).map(Some).map_err(refused),
            Step::Spawn(_, Patience::TimesOut) => pool.spawn_timeout(job, TIMEOUT).map(Some).map_err(refused),
            Step::Execute(_) => pool.execute(job).map(|()| None).map_err(refused),
            _ => pool.spawn(job).map(Some).map_err(refused),
        };
        let outcome = |submitted: &Result<_, Outcome>| submitted.as_ref().err().cloned().unwrap_or(Outcome::Done);
        if let Ok(Some(task)) = trace(Action::Step(step, Some(number)), submit, outcome) {
            self.tasks.push((number, task));
        }
    }

    fn join(&mut self, step: Step, patience: Patience) {
        let Some((number, task)) = self.tasks.pop() else { return };
        let outcome = |joined: Result<usize, TaskError>| match joined {
            Ok(result) => Outcome::Value(result),
            Err(TaskError::Panicked(_)) => Outcome::Panicked,
            Err(TaskError::Cancelled) => Outcome::Cancelled,
        };
        let join = || {
            match patience {
                Patience::TimesOut => task.join_timeout(TIMEOUT),
                _ => Ok(task.join()),
            }
            .map(outcome)
        };
        let back = trace(Action::Step(step, Some(number)), join, |joined| match joined {
            Ok(outcome) => outcome.clone(),
            Err(_) => Outcome::TimedOut,
        });
        self.tasks.extend(back.err().map(|task| (number, task)));
    }
}

fn refused<W>(error: SpawnError<W>) -> Outcome {
    match error {
        SpawnError::Closed(_) => Outcome::Disconnected,
        SpawnError::Full(_) => Outcome::Full,
        SpawnError::TimedOut(_) => Outcome::TimedOut,
        SpawnError::Cancelled(_) => Outcome::Cancelled,
        SpawnError::NoThread(..) => panic!("shuttle starts every thread"),
    }
}
