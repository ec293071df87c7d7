//! Whether a row is as claimed.
//!
//! A model that is to pass must not fail, must be explored to the end, in as many executions as are pinned, and must
//! end in the declared outcomes: exactly these under complete loom and in a sweep, no others under the rest. One that
//! parks must have a row with a spurious wake, and its waits with a deadline must have ended both ways, or the model says
//! why not. A model that is to fail must fail for a stated reason, and have executed the operation that it mutates.

use std::collections::BTreeSet;

use hence_registry::{Engine, Expect, Run, Timed};

use crate::pins::Pins;
use crate::rows::Row;

/// What the rows of a run are held to.
#[derive(Clone, Copy, Debug)]
pub enum Terms<'a> {
    /// All that is claimed, and the pinned counts.
    Pinned(&'a Pins),
    /// All that is claimed: the counts are about to be pinned.
    Pinning,
    /// All that is claimed, though `HENCE_WEAKEN` mutates the crate; where it does not, nothing is learnt.
    Weakened,
    /// One schedule, which must not show a failure.
    Replay,
}

/// How a row came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As claimed.
    Green,
    /// The operation that `HENCE_WEAKEN` mutates was not executed, so nothing was learnt.
    Idle,
    /// Not as claimed, for these reasons.
    Red(Vec<String>),
}

impl Verdict {
    /// Whether the row is as claimed.
    pub fn is_green(&self) -> bool {
        *self == Verdict::Green
    }

    /// Whether the row says nothing.
    pub fn is_idle(&self) -> bool {
        *self == Verdict::Idle
    }

    /// Whether the row is not as claimed.
    pub fn is_red(&self) -> bool {
        matches!(self, Verdict::Red(_))
    }

    /// One word for reports.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Green => "green",
            Verdict::Idle => "site not executed",
            Verdict::Red(_) => "red",
        }
    }
}

/// Holds `run` to what is claimed of `row`.
pub fn judge(row: &Row, run: &Run, terms: Terms<'_>) -> Verdict {
    if matches!(terms, Terms::Weakened) && !run.weakened && run.failure.is_none() {
        return Verdict::Idle;
    }
    let faults = match row.model.expect {
        Expect::Pass { outcomes } => must_pass(row, run, outcomes, terms),
        Expect::Fail { reasons } => must_fail(row, run, reasons, terms),
    };
    if faults.is_empty() { Verdict::Green } else { Verdict::Red(faults) }
}

fn must_pass(row: &Row, run: &Run, declared: &[&str], terms: Terms<'_>) -> Vec<String> {
    let declared: BTreeSet<String> = declared.iter().map(ToString::to_string).collect();
    let unexpected: Vec<_> = run.outcomes.difference(&declared).collect();
    let missing: Vec<_> = declared.difference(&run.outcomes).collect();
    let mut faults = Vec::new();
    if let Some(failure) = &run.failure {
        faults.push(head(failure));
    }
    if !unexpected.is_empty() {
        faults.push(format!("unexpected outcomes: {unexpected:?}"));
    }
    if run.failure.is_some() || matches!(terms, Terms::Replay) {
        return faults; // what was not explored cannot be missed
    }
    if row.engine.enumerates() && !run.complete {
        faults.push("exploration not complete".into());
    } else if matches!(row.engine, Engine::Loom | Engine::Sweep { .. }) && !missing.is_empty() {
        faults.push(format!("missing outcomes: {missing:?}"));
    }
    if matches!(terms, Terms::Pinned(_) | Terms::Pinning) && row.engine.name() == "bounded" {
        faults.extend(untried(row, run));
    }
    if let (Terms::Pinned(pins), true) = (terms, faults.is_empty() && row.is_pinned()) {
        faults.extend(differs_from_pin(run.executions, pins.get(row)));
    }
    faults
}

/// What the bounded explorer has met in a model, and not tried.
fn untried(row: &Row, run: &Run) -> Vec<String> {
    let mut faults = Vec::new();
    if run.parks > 0 && row.model.engines.iter().all(|engine| engine.spurious() == 0) {
        faults.push("it parks, and none of its rows has a spurious wake".into());
    }
    let ends = run.timed.iter().filter(|(_, timed)| timed.met == 0 || timed.expired == 0);
    let ends = ends.map(|(thread, Timed { met, expired })| format!("thread {thread}: {met} met, {expired} expired"));
    let ends: Vec<String> = ends.collect();
    match row.model.one_way {
        None if !ends.is_empty() => faults.push(format!("waits with a deadline end in one way: {}", ends.join("; "))),
        Some(why) if ends.is_empty() => faults.push(format!("all waits end both ways, though the model says: {why}")),
        _ => {}
    }
    faults
}

fn differs_from_pin(executions: u64, pin: Option<u64>) -> Option<String> {
    match pin {
        None => Some(format!("{executions} executions, not pinned: run `cargo verify --pin`")),
        Some(pin) if pin != executions => Some(format!(
            "{executions} executions, verification/pins.md pins {pin}: run `cargo verify --pin` if the change is meant"
        )),
        Some(_) => None,
    }
}

fn must_fail(row: &Row, run: &Run, reasons: &[&str], terms: Terms<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    match &run.failure {
        None => faults.push(format!("did not fail; to fail with one of {reasons:?}")),
        Some(failure) if !reasons.iter().any(|reason| failure.contains(reason)) => {
            faults.push(format!("failed for another reason than one of {reasons:?}: {}", head(failure)));
        }
        Some(_) => {}
    }
    if row.model.weaken.is_some() && !run.weakened && !matches!(terms, Terms::Weakened) {
        faults.push("the weakened operation was never executed".into());
    }
    faults
}

/// The first lines of a failure's message.
pub fn head(failure: &str) -> String {
    let lines: Vec<&str> = failure.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
    lines.join("\n")
}
