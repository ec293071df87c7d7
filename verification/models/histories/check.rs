//! Whether what happened may happen: channels against their sequential specification, the rest against invariants.

mod channel;
mod group;
mod pool;
mod token;

use crate::happens_before;

use super::program::{CHANNELS, Program, Step, TOKENS};
use super::trace::{Action, Event, Moment, Outcome};

/// A history that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allowed {
    /// Some order explains it.
    Yes,
    /// So many operations overlap that not all orders were tried.
    Undecided,
}

/// Holds a complete trace against the specification; what is wrong, if anything.
pub fn check(program: &Program, events: &[Event]) -> Result<Allowed, String> {
    let done: Vec<Done> = events.iter().map(Done::of).collect::<Result<_, _>>()?;
    let mut allowed = Allowed::Yes;
    for channel in 0..CHANNELS {
        allowed = allowed.max(channel::check(channel, program.capacities[channel], &done)?);
    }
    for token in 0..TOKENS {
        token::check(token, &done)?;
    }
    group::check(&done)?;
    pool::check(program, &done)?;
    Ok(allowed)
}

/// How many of the values sent to a channel have not been received, by the operations that have ended.
pub(super) fn kept(channel: usize, events: &[Event], drops: &[usize]) -> usize {
    let done: Vec<Done> = events.iter().filter_map(|event| Done::of(event).ok()).collect();
    channel::kept(channel, &done, drops)
}

/// An operation that has ended.
#[derive(Clone, Copy, Debug)]
struct Done<'a> {
    event: &'a Event,
    called: &'a Moment,
    returned: &'a Moment,
    outcome: &'a Outcome,
}

impl<'a> Done<'a> {
    fn of(event: &'a Event) -> Result<Self, String> {
        let (returned, outcome) = event.returned.as_ref().ok_or_else(|| format!("never returned:\n{event}"))?;
        Ok(Self { event, called: &event.called, returned, outcome })
    }

    /// The step, with its number, if it is one.
    fn step(&self) -> Option<(Step, Option<usize>)> {
        match self.event.action {
            Action::Step(step, number) => Some((step, number)),
            _ => None,
        }
    }

    fn ended_before(&self, other: &Done) -> bool {
        self.returned.time < other.called.time
    }
}

/// That all before the call of `earlier` happens before the return of `later`.
fn ordered(id: &str, earlier: &Done, later: &Done) -> Result<(), String> {
    if happens_before(&earlier.called.clock, &later.returned.clock) {
        return Ok(());
    }
    Err(format!("{id}: the first does not happen before the return of the second:\n{}\n{}", earlier.event, later.event))
}

/// That this holds of an operation.
fn require(holds: bool, what: &str, of: &Done) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{what}:\n{}", of.event)) }
}
