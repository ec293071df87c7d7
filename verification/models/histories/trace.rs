//! What happened: each operation with its call, its return, and the vector clock of both.
//!
//! All threads of an execution are coroutines on one thread of the operating system, so that the trace is a
//! thread-local which orders nothing that it records.

use std::cell::RefCell;
use std::fmt;

use crate::{Clock, moment};
use shuttle::current;

use super::program::{Job, Step};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A step; with a number where it has one: of the values it may send, of the guard, callback, task or child.
    Step(Step, Option<usize>),
    /// A job's run.
    Job(usize, Job),
    /// A callback's run, of this token.
    Callback(usize, usize),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// This value was received.
    Value(usize),
    /// At this operation of the select.
    Arm(usize, Box<Outcome>),
    Full,
    Empty,
    TimedOut,
    Disconnected,
    Cancelled,
    Panicked,
    /// The answer, or whether it made a difference.
    Is(bool),
    Counted(usize),
    Cause(Option<String>),
}

/// A moment of one thread.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// In the order of the execution.
    pub time: usize,
    /// What the thread has seen by then.
    pub clock: Clock,
}

/// An operation.
#[derive(Clone, Debug)]
pub struct Event {
    /// 0 is the main thread, then the program's in their order, then workers.
    pub thread: usize,
    pub action: Action,
    pub called: Moment,
    /// With its outcome; none while it is under way.
    pub returned: Option<(Moment, Outcome)>,
}

#[derive(Debug, Default)]
struct Trace {
    events: Vec<Event>,
    time: usize,
    /// Steps that have been called and have not begun: threads and events.
    called: Vec<(usize, usize)>,
    /// Drops of each value and job, by its number.
    drops: Vec<usize>,
}

std::thread_local! {
    static TRACE: RefCell<Trace> = RefCell::default();
}

/// Begins a trace.
pub(crate) fn begin() {
    TRACE.take();
}

/// The trace so far, in the order of the calls.
pub fn events() -> Vec<Event> {
    TRACE.with_borrow(|trace| trace.events.clone())
}

fn now(trace: &mut Trace) -> Moment {
    trace.time += 1;
    Moment { time: trace.time, clock: moment() }
}

/// Does something, and traces it.
pub(crate) fn trace<R>(action: Action, act: impl FnOnce() -> R, outcome: impl FnOnce(&R) -> Outcome) -> R {
    let event = TRACE.with_borrow_mut(|trace| {
        let (thread, called) = (current::me().into(), now(trace));
        trace.events.push(Event { thread, action, called, returned: None });
        let event = trace.events.len() - 1;
        if matches!(action, Action::Step(..)) {
            trace.called.push((thread, event));
        }
        event
    });
    let result = act();
    let outcome = outcome(&result);
    TRACE.with_borrow_mut(|trace| {
        let returned = now(trace);
        trace.called.retain(|(_, called)| *called != event);
        trace.events[event].returned = Some((returned, outcome));
    });
    result
}

/// The calling thread accesses what others could observe. For a step it is the first time since its call: then it might
/// as well have been called only now, and is taken to have been, since no schedule separates the end of one step from
/// the call of the next (a lock's release is no scheduling point).
pub(crate) fn accessed() {
    TRACE.with_borrow_mut(|trace| {
        if trace.called.is_empty() {
            return;
        }
        let Trace { events, time, called, .. } = trace;
        let me = current::me().into();
        called.retain(|(thread, event)| {
            if *thread == me {
                *time += 1;
                events[*event].called.time = *time;
            }
            *thread != me
        });
    });
}

/// Something whose drops are counted. The counter is not in it: a second drop would find it gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counted(pub(crate) usize);

impl Counted {
    pub(crate) fn make() -> Self {
        TRACE.with_borrow_mut(|trace| {
            trace.drops.push(0);
            Self(trace.drops.len() - 1)
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        TRACE.with_borrow_mut(|trace| trace.drops[self.0] += 1);
    }
}

/// The drops of each [`Counted`].
pub(crate) fn drops() -> Vec<usize> {
    TRACE.with_borrow(|trace| trace.drops.clone())
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Step(step, None) => write!(f, "{step}"),
            Action::Step(step, Some(number)) => write!(f, "{step} #{number}"),
            Action::Job(number, job) => write!(f, "job #{number} {job}"),
            Action::Callback(number, token) => write!(f, "callback #{number} of k{token}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Done => f.write_str("done"),
            Outcome::Value(value) => write!(f, "value #{value}"),
            Outcome::Arm(arm, outcome) => write!(f, "operation {arm}: {outcome}"),
            Outcome::Full => f.write_str("full"),
            Outcome::Empty => f.write_str("empty"),
            Outcome::TimedOut => f.write_str("timed out"),
            Outcome::Disconnected => f.write_str("disconnected"),
            Outcome::Cancelled => f.write_str("cancelled"),
            Outcome::Panicked => f.write_str("panicked"),
            Outcome::Is(is) => write!(f, "{is}"),
            Outcome::Counted(count) => write!(f, "{count}"),
            Outcome::Cause(cause) => f.write_str(cause.as_deref().unwrap_or("none")),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thread = if self.thread == 0 { "main".into() } else { format!("t{}", self.thread) };
        write!(f, "{:>4} {thread:<4} {:<32} ", self.called.time, self.action.to_string())?;
        match &self.returned {
            Some((at, outcome)) => write!(f, "{:>4} {outcome}", at.time),
            None => f.write_str("   - never returned"),
        }
    }
}
