//! Linearizability of one channel, with its happens-before edges: is there an order of its operations that respects
//! real time and obeys the sequential specification, in which each operation has seen what the guarantees say it has?
//!
//! A depth-first search (Wing and Gong, with Lowe's memory of what has been tried). The edges are part of it, because
//! HB-CH-2 counts operations in the order in which they took effect, and only such an order says which was the k-th.
//! Where it finds no order, it is asked again for less: without the edges, then without real time, so that a fault is
//! called by its name.
//!
//! A select that waits is more than one operation and less: it gives all of them up at one moment, of which each
//! channel is asked by itself; and between its choice and its end it holds a place that nobody else sees filled.

use std::cmp::Reverse;
use std::collections::{HashSet, VecDeque};

use crate::{Clock, happens_before};

use super::super::program::{Arm, Patience, Step};
use super::super::trace::Outcome;
use super::{Allowed, Done, require};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Send(usize),
    Recv(usize),
    /// The send of this value was dropped: it may have been too late for that.
    Abandoned(usize),
    /// A send or a receive found no room, no value, or not in time.
    Full,
    Empty,
    SendRefused,
    RecvRefused,
    Close(bool),
    DropSender,
    DropReceiver,
}

#[derive(Clone, Copy, Debug)]
struct Operation<'a> {
    done: Done<'a>,
    what: What,
    /// An operation of a select.
    selected: bool,
}

/// The values that were sent and not received.
pub(super) fn kept(channel: usize, done: &[Done], drops: &[usize]) -> usize {
    let operations: Vec<What> = done.iter().flat_map(|done| operations(channel, done)).map(|it| it.what).collect();
    let is_kept = |what: &&What| match **what {
        What::Send(value) => !operations.contains(&What::Recv(value)),
        What::Abandoned(value) => drops[value] == 0,
        _ => false,
    };
    operations.iter().filter(is_kept).count()
}

/// Each value is received once, if it was sent: all that holds while receives are undone, which no order explains.
fn conserved(channel: usize, operations: &[Operation]) -> Result<(), String> {
    let mut received = HashSet::new();
    for operation in operations {
        let What::Recv(value) = operation.what else { continue };
        let was_sent =
            operations.iter().any(|it| matches!(it.what, What::Send(sent) | What::Abandoned(sent) if sent == value));
        let fault = format!("SF-CH-1: received twice, or never sent on c{channel}");
        require(was_sent && received.insert(value), &fault, &operation.done)?;
    }
    Ok(())
}

pub(super) fn check(channel: usize, capacity: Option<usize>, done: &[Done]) -> Result<Allowed, String> {
    let operations: Vec<Operation> = done.iter().flat_map(|done| operations(channel, done)).collect();
    assert!(operations.len() <= 128, "a program is small");
    conserved(channel, &operations)?;
    let undone = |done: &Done| match done.step() {
        Some((Step::GiveUp(arms), _)) => arms.iter().any(|arm| arm.channel() == channel),
        Some((Step::Abandon(arm), _)) => arm.channel() == channel,
        _ => false,
    };
    if done.iter().any(undone) {
        return Ok(Allowed::Yes);
    }
    let count = |what| operations.iter().filter(|operation| operation.what == what).count();
    let begin = State { senders: count(What::DropSender), receivers: count(What::DropReceiver), ..State::default() };
    let search = |respects| Search::new(capacity, &operations, respects).explains(begin.clone());
    if let Some(allowed) = search(Respects::ItsEdges) {
        return Ok(allowed);
    }
    let fault = if search(Respects::RealTime).is_some() {
        "HB-CH: no order has the happens-before edges"
    } else if search(Respects::Programs).is_some() {
        "it is sequentially consistent, but no order respects real time"
    } else {
        "no order explains it"
    };
    let mut history: Vec<String> = operations.iter().map(|operation| operation.done.event.to_string()).collect();
    history.dedup();
    Err(format!("the history of c{channel} is not linearizable: {fault}:\n{}", history.join("\n")))
}

/// What a step did to this channel.
fn operations<'a>(channel: usize, done: &Done<'a>) -> Vec<Operation<'a>> {
    let Some((step, number)) = done.step() else { return Vec::new() };
    // A select of two operations, of which one is a token's.
    let cancellable = matches!(step, Step::Send(_, Patience::Cancellable) | Step::Recv(_, Patience::Cancellable));
    let one = |what, selected| vec![Operation { done: *done, what, selected: selected || cancellable }];
    match (step, done.outcome) {
        (Step::Close(of), Outcome::Is(closed)) if of == channel => one(What::Close(*closed), false),
        (Step::DropSender(of), _) if of == channel => one(What::DropSender, false),
        (Step::DropReceiver(of), _) if of == channel => one(What::DropReceiver, false),
        (Step::Select(arms, _) | Step::GiveUp(arms), Outcome::Arm(arm, outcome)) => {
            match operation(channel, arms[*arm], number, outcome) {
                Some(what) => one(what, true),
                None => Vec::new(),
            }
        }
        (Step::Abandon(Arm::Send(of)), Outcome::Cancelled) if of == channel => {
            number.map(What::Abandoned).map_or(Vec::new(), |what| one(what, false))
        }
        (_, outcome) => {
            let arms = step.operations().into_iter();
            arms.filter_map(|arm| operation(channel, arm, number, outcome)).flat_map(|what| one(what, false)).collect()
        }
    }
}

fn operation(channel: usize, arm: Arm, number: Option<usize>, outcome: &Outcome) -> Option<What> {
    match (arm, outcome) {
        _ if arm.channel() != channel => None,
        (_, Outcome::Cancelled) => None,
        (Arm::Send(_), Outcome::Done) => number.map(What::Send),
        (Arm::Send(_), Outcome::Disconnected) => Some(What::SendRefused),
        (Arm::Send(_), _) => Some(What::Full),
        (Arm::Recv(_), Outcome::Value(value)) => Some(What::Recv(*value)),
        (Arm::Recv(_), Outcome::Disconnected) => Some(What::RecvRefused),
        (Arm::Recv(_), _) => Some(What::Empty),
    }
}

/// The channel after some of its operations.
#[derive(Clone, Debug, Default)]
struct State {
    /// The sends, in their order, as indices of operations.
    sent: Vec<usize>,
    /// Those whose values are inside.
    queue: VecDeque<usize>,
    /// The receives, in their order.
    received: Vec<usize>,
    closed: bool,
    /// What has to have been seen by an operation that fails because of the close.
    closed_by: Clock,
    senders: usize,
    receivers: usize,
    /// What those who dropped handles of each side had seen.
    senders_dropped: Clock,
    receivers_dropped: Clock,
}

/// What an order of the operations has to respect, beside the sequential specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Respects {
    /// Each thread's order: sequential consistency.
    Programs,
    /// That one ended before another began, too: linearizability.
    RealTime,
    /// And the happens-before edges.
    ItsEdges,
}

/// Configurations that a search visits at most. Many operations that all overlap have more orders than can be tried.
const MOST: usize = 50_000;

struct Search<'a> {
    capacity: Option<usize>,
    operations: &'a [Operation<'a>],
    /// Of each operation, those that come before it in every order, as bits.
    before: Vec<u128>,
    /// Whether the edges count.
    clocks: bool,
}

impl<'a> Search<'a> {
    fn new(capacity: Option<usize>, operations: &'a [Operation<'a>], respects: Respects) -> Self {
        let precedes = |earlier: &Done, later: &Done| {
            let counts = respects >= Respects::RealTime || earlier.event.thread == later.event.thread;
            counts && earlier.ended_before(later)
        };
        let before_one = |later: &Operation| {
            let bits = (0..).zip(operations).filter(|(_, earlier)| precedes(&earlier.done, &later.done));
            bits.fold(0, |before, (i, _)| before | 1 << i)
        };
        let before = operations.iter().map(before_one).collect();
        Self { capacity, operations, before, clocks: respects == Respects::ItsEdges }
    }

    /// Whether some order explains the history: none if none does.
    fn explains(&self, begin: State) -> Option<Allowed> {
        // The operations done and the order of the sends: all that the future depends on, but for the order of closes.
        let mut tried: HashSet<(u128, Vec<usize>, Clock)> = HashSet::new();
        let mut ahead = vec![(0u128, begin)];
        while let Some((done, state)) = ahead.pop() {
            if done.count_ones() as usize == self.operations.len() {
                return Some(Allowed::Yes);
            }
            if tried.len() == MOST {
                return Some(Allowed::Undecided);
            }
            if tried.insert((done, state.sent.clone(), state.closed_by)) {
                self.go_on(done, &state, &mut ahead);
            }
        }
        None
    }

    /// All that can follow after one more operation; last, so that it is tried first, that which returned first.
    fn go_on(&self, done: u128, state: &State, ahead: &mut Vec<(u128, State)>) {
        let is_next = |i: &usize| done & 1 << i == 0 && self.before[*i] & !done == 0;
        let mut next: Vec<usize> = (0..self.operations.len()).filter(is_next).collect();
        next.sort_by_key(|i| Reverse(self.operations[*i].done.returned.time));
        for &i in &next {
            let mut after = state.clone();
            if !self.allows(done, i, &mut after) {
                continue;
            }
            if let (Some(0), What::Send(value)) = (self.capacity, self.operations[i].what) {
                // A rendezvous is one step of two operations; but where it meets a task, that comes for the value later.
                if let Some(&j) = next.iter().find(|j| self.operations[**j].what == What::Recv(value)) {
                    let mut both = after.clone();
                    if self.allows(done, j, &mut both) && self.sees(&self.operations[j].done.called.clock, i) {
                        ahead.push((done | 1 << i | 1 << j, both));
                    }
                }
                if after.queue.len() > next.iter().filter(|j| self.is_of_a_task(**j)).count() {
                    continue;
                }
            }
            ahead.push((done | 1 << i, after));
        }
    }

    /// Whether it is a receive of a task, which may wait.
    fn is_of_a_task(&self, i: usize) -> bool {
        matches!(self.operations[i].done.step(), Some((Step::Recv(_, Patience::Async), _)))
    }

    /// Whether the operation's return has seen this.
    fn sees(&self, what: &Clock, operation: usize) -> bool {
        !self.clocks || happens_before(what, &self.operations[operation].done.returned.clock)
    }

    /// Whether the specification allows the operation now; and what the channel is after it.
    fn allows(&self, done: u128, i: usize, state: &mut State) -> bool {
        let Operation { done: Done { called, .. }, what, .. } = self.operations[i];
        let capacity = self.capacity.unwrap_or(usize::MAX);
        match what {
            What::Send(_) => {
                state.sent.push(i);
                state.queue.push_back(i);
                // HB-CH-2
                let earlier = state.sent.len().checked_sub(capacity.saturating_add(1));
                let seen = earlier.filter(|_| capacity > 0).is_none_or(|earlier| {
                    let receive = state.received.get(earlier);
                    receive.is_some_and(|receive| self.sees(&self.operations[*receive].done.called.clock, i))
                });
                // A rendezvous has limits of its own: see `go_on`.
                !state.closed && (capacity == 0 || state.queue.len() <= capacity) && seen
            }
            What::Recv(value) => {
                state.received.push(i);
                // SF-CH-2 and HB-CH-1
                state.queue.pop_front().is_some_and(|send| {
                    let Operation { done, what, .. } = self.operations[send];
                    what == What::Send(value) && self.sees(&done.called.clock, i)
                })
            }
            What::Abandoned(_) => unreachable!("no order is looked for"),
            What::Full => {
                let of_select = |j: &usize| {
                    let Operation { what, selected, done: it } = self.operations[*j];
                    selected
                        && matches!(what, What::Send(_) | What::SendRefused)
                        && it.called.time < self.operations[i].done.returned.time
                };
                let open = (0..self.operations.len()).filter(|j| done & 1 << j == 0);
                !state.closed && state.queue.len() + open.filter(of_select).count() >= capacity
            }
            What::Empty => !state.closed && state.queue.is_empty(),
            // HB-CH-3 and HB-CH-4
            What::SendRefused => state.closed && self.sees(&state.closed_by, i),
            What::RecvRefused => state.closed && state.queue.is_empty() && self.sees(&state.closed_by, i),
            What::Close(closes) => {
                let closed = state.closed;
                state.close(&called.clock);
                closed != closes
            }
            What::DropSender => {
                state.senders -= 1;
                join(&mut state.senders_dropped, &called.clock);
                if state.senders == 0 {
                    let by = state.senders_dropped;
                    state.close(&by);
                }
                true
            }
            What::DropReceiver => {
                state.receivers -= 1;
                join(&mut state.receivers_dropped, &called.clock);
                if state.receivers == 0 {
                    let by = state.receivers_dropped;
                    state.close(&by);
                    state.queue.clear();
                }
                true
            }
        }
    }
}

impl State {
    fn close(&mut self, by: &Clock) {
        if !self.closed {
            (self.closed, self.closed_by) = (true, *by);
        }
    }
}

fn join(into: &mut Clock, other: &Clock) {
    into.iter_mut().zip(other).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
}
