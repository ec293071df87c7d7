//! What a model is and what a run of it reports.
//!
//! The models are declared once, in `verification/models`, and compiled once under each explorer; this crate holds
//! the words that both compilations and the runner share. It knows neither loom nor shuttle.

pub mod program;
pub mod weaken;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A small concurrent program over the crate, with what is claimed of it.
#[derive(Clone, Debug)]
pub struct Model {
    /// Unique; the guarantee's ID in snake case and what it shows, as in `hb_ch_1_send_before_recv`.
    pub name: &'static str,
    /// The guarantees that this model is evidence for. Empty only for the notes' and the peers' models, and for
    /// histories, which are held against all that is promised of what they use.
    pub ids: &'static [&'static str],
    /// What is claimed.
    pub expect: Expect,
    /// The explorers that run it.
    pub engines: Vec<Engine>,
    /// Whether `--quick` runs it.
    pub quick: bool,
    /// The mutation in force while it runs: a model with one is a mutant of the model without.
    pub weaken: Option<Weaken>,
    /// Why some waits with a deadline can end in one way only, where that is so.
    pub one_way: Option<&'static str>,
    /// Whether channels with a limit have their rings from the start.
    pub rings: bool,
    /// One execution. What it returns is its outcome.
    pub body: fn() -> String,
}

impl Model {
    /// A model whose every execution passes, with these outcomes, as far as both explorers go without a bound.
    pub fn new(
        name: &'static str,
        ids: &'static [&'static str],
        outcomes: &'static [&'static str],
        body: fn() -> String,
    ) -> Self {
        let engines = vec![Engine::Loom, Engine::Bounded { preemptions: None, spurious: 1 }];
        Self {
            name,
            ids,
            expect: Expect::Pass { outcomes },
            engines,
            quick: true,
            weaken: None,
            one_way: None,
            rings: false,
            body,
        }
    }

    /// A model that fails for one of these reasons, under both explorers.
    pub fn failing(
        name: &'static str,
        ids: &'static [&'static str],
        reasons: &'static [&'static str],
        body: fn() -> String,
    ) -> Self {
        Self { expect: Expect::Fail { reasons }, ..Self::new(name, ids, &[], body) }
    }

    /// The same with this mutation.
    pub fn weakened(self, weaken: Weaken) -> Self {
        Self { weaken: Some(weaken), ..self }
    }

    /// Run by these explorers instead.
    pub fn under(self, engines: &[Engine]) -> Self {
        Self { engines: engines.to_vec(), ..self }
    }

    /// Some waits with a deadline can end in one way only, for this reason.
    pub fn one_way(self, why: &'static str) -> Self {
        Self { one_way: Some(why), ..self }
    }

    /// The same, by this name, with channels that have their rings from the start.
    pub fn with_rings(self, name: &'static str) -> Self {
        Self { name, rings: true, ..self }
    }

    /// Left out of `--quick`.
    pub fn slow(self) -> Self {
        Self { quick: false, ..self }
    }
}

/// What is claimed of every execution of a model, taken together.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// No execution fails, and the set of outcomes is this one: equal under loom, a subset under shuttle.
    Pass {
        /// The outcomes that executions may end in.
        outcomes: &'static [&'static str],
    },
    /// Some execution fails, with a message that contains one of these.
    Fail {
        /// Fragments of the accepted messages, one for each way in which the explorers word the same fault.
        reasons: &'static [&'static str],
    },
}

/// An explorer and how far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Engine {
    /// loom, complete: no preemption bound.
    Loom,
    /// loom with at most this many preemptions. What that leaves out stands in proofs.md.
    LoomBounded(usize),
    /// Our depth-first search on shuttle's scheduler trait.
    Bounded {
        /// Preemptions at most in one execution; `None` is exhaustive.
        preemptions: Option<usize>,
        /// Spurious wake-ups at most in one execution.
        spurious: usize,
    },
    /// The same search, which moreover tries a panic at each step of user code that the model marks.
    Sweep {
        /// As above.
        preemptions: Option<usize>,
        /// As above.
        spurious: usize,
        /// Panics at most in one execution.
        panics: usize,
    },
    /// Probabilistic concurrency testing: this many schedules.
    Pct(u64),
    /// Random schedules, this many.
    Random(u64),
}

impl Engine {
    /// The name in reports: `loom`, `bounded`, `pct`, `random`.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Loom | Engine::LoomBounded(_) => "loom",
            Engine::Bounded { .. } | Engine::Sweep { .. } => "bounded",
            Engine::Pct(_) => "pct",
            Engine::Random(_) => "random",
        }
    }

    /// What the exploration leaves out, in words; `None` when it leaves nothing out.
    pub fn bound(self) -> Option<String> {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        match self {
            Engine::Loom => None,
            Engine::LoomBounded(preemptions) => Some(count(preemptions, "preemption")),
            Engine::Bounded { preemptions: None, spurious } => Some(count(spurious, "spurious wake")),
            Engine::Bounded { preemptions: Some(preemptions), spurious } => {
                Some(format!("{}, {}", count(preemptions, "preemption"), count(spurious, "spurious wake")))
            }
            Engine::Sweep { preemptions, spurious, panics } => {
                let search = Engine::Bounded { preemptions, spurious }.bound()?;
                Some(format!("{search}, {}", count(panics, "panic")))
            }
            Engine::Pct(schedules) | Engine::Random(schedules) => Some(format!("{schedules} schedules sampled")),
        }
    }

    /// Spurious wake-ups that the exploration tries in one execution.
    pub fn spurious(self) -> usize {
        match self {
            Engine::Bounded { spurious, .. } | Engine::Sweep { spurious, .. } => spurious,
            _ => 0,
        }
    }

    /// Whether the run explores everything within its bound (the samplers never do).
    pub fn enumerates(self) -> bool {
        !matches!(self, Engine::Pct(_) | Engine::Random(_))
    }
}

/// A mutation: one operation in `src/`, made weaker while a model runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Weaken {
    /// The source file, as in `src/wait.rs`.
    pub file: String,
    /// 1-based.
    pub line: u32,
    /// What becomes of it.
    pub kind: Kind,
}

/// How an operation is mutated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The operation's (success) ordering becomes Relaxed.
    Relaxed,
    /// The read half only: AcqRel becomes Acquire.
    Acquire,
    /// The write half only: AcqRel becomes Release.
    Release,
    /// A compare-exchange's failure ordering becomes Relaxed.
    FailureRelaxed,
    /// A compare-exchange that does not compare: the claim is taken whoever holds it.
    Unchecked,
    /// The wake-up, or the store that lets a waiter go on, is left out.
    NoWake,
    /// The lock is not taken.
    NoLock,
}

impl Kind {
    /// The operand that the kind mutates, the last part of a site's name.
    pub fn operand(self) -> &'static str {
        match self {
            Kind::Relaxed | Kind::Acquire | Kind::Release => "order",
            Kind::FailureRelaxed => "failure",
            Kind::Unchecked => "claim",
            Kind::NoWake => "wake",
            Kind::NoLock => "lock",
        }
    }

    /// As in `--weaken`'s report and `HENCE_WEAKEN`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Relaxed => "relaxed",
            Kind::Acquire => "acquire",
            Kind::Release => "release",
            Kind::FailureRelaxed => "failure-relaxed",
            Kind::Unchecked => "unchecked",
            Kind::NoWake => "no-wake",
            Kind::NoLock => "no-lock",
        }
    }

    /// The inverse of [`Kind::name`].
    pub fn parse(name: &str) -> Option<Kind> {
        [Kind::Relaxed, Kind::Acquire, Kind::Release, Kind::FailureRelaxed, Kind::Unchecked, Kind::NoWake, Kind::NoLock]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// A mutation that would have had an effect: its operation was executed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Site {
    /// The mutation.
    pub weaken: Weaken,
    /// 1-based, as rustc counts: where the operation's name stands.
    pub column: u32,
}

/// What one exploration of one model saw.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Run {
    /// Executions begun, counted in the model's own closure.
    pub executions: u64,
    /// The distinct outcomes.
    pub outcomes: BTreeSet<String>,
    /// The first panic's message, if an execution failed.
    pub failure: Option<String>,
    /// How to see the failing execution again: an argument for `--replay`.
    pub replay: Option<String>,
    /// Whether all executions within the engine's bound were explored.
    pub complete: bool,
    /// Whether the mutated operation was executed at all (true where there is none).
    pub weakened: bool,
    /// The operations of `src/` that were executed, if that was asked for.
    #[serde(default)]
    pub sites: Vec<Site>,
    /// Parks that found nothing to return for, where the bounded explorer might return spuriously.
    #[serde(default)]
    pub parks: u64,
    /// How waits with a deadline ended, by the thread that waited, under the bounded explorer.
    #[serde(default)]
    pub timed: BTreeMap<usize, Timed>,
    /// Seconds on the wall.
    pub seconds: f64,
}

/// How one thread's waits with a deadline ended, in all executions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// By what they waited for.
    pub met: u64,
    /// By the deadline.
    pub expired: u64,
}

/// What a run is told beside its model and its engine.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The seed of the samplers.
    pub seed: u64,
    /// The one schedule to run, as an earlier run's `replay` printed it.
    pub replay: Option<String>,
    /// Whether to tell which operations were executed.
    pub record: bool,
}

/// A panic's message.
pub fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}
