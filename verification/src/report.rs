//! All that there is to say about a run; [`json`](crate::json) says it to machines, and its `Display` to people.

use hence_registry::Model;

use crate::evidence::Faults;
use crate::guarantees::Guarantee;
use crate::pool::Finished;
use crate::rows::Row;
use crate::sweep::Sweep;
use crate::verdict::Verdict;
use crate::weaken;

/// All that there is to say about a run.
#[derive(Debug)]
pub struct Report<'a> {
    /// What `src/` states.
    pub guarantees: &'a [Guarantee],
    /// The whole registry.
    pub models: &'a [Model],
    /// What was to run.
    pub rows: &'a [Row],
    /// What ran.
    pub finished: &'a [Finished],
    /// What became of the mutants, where all were tried.
    pub sweep: Option<&'a Sweep>,
    /// What is wrong with the guarantees themselves.
    pub faults: Faults,
    /// Whether guarantees without a row are shown too.
    pub all: bool,
    /// Whether the run was cut short.
    pub interrupted: bool,
    /// The seed of the samplers.
    pub seed: u64,
    /// Seconds on the wall.
    pub seconds: f64,
}

impl Report<'_> {
    /// Whether anything is not as claimed.
    pub fn is_red(&self) -> bool {
        !self.faults.is_empty()
            || self.count(Verdict::is_red) > 0
            || self.all_idle()
            || self.sweep.is_some_and(Sweep::is_red)
    }

    /// Whether `HENCE_WEAKEN` named an operation that nothing executed.
    pub(crate) fn all_idle(&self) -> bool {
        let finished = self.finished.len();
        !self.interrupted && finished > 0 && self.count(Verdict::is_idle) == finished
    }

    /// The rows with such a verdict.
    pub(crate) fn count(&self, wanted: fn(&Verdict) -> bool) -> usize {
        self.finished.iter().filter(|row| wanted(&row.verdict)).count()
    }
}

/// Why a row is red and how to see it again: its title, then indented lines.
pub fn why(finished: &Finished, seed: u64) -> String {
    let mut lines = vec![finished.row.title()];
    if let Verdict::Red(faults) = &finished.verdict {
        lines.extend(faults.iter().flat_map(|fault| fault.lines()).map(|line| format!("    {line}")));
    }
    if finished.run.failure.is_some() {
        lines.push(format!("    again: {}", command(finished, seed)));
        lines.extend(finished.noise.iter().map(|line| format!("    | {line}")));
    }
    lines.join("\n") + "\n"
}

/// The command that runs a row again, by its failing schedule if that is known.
fn command(Finished { row, run, .. }: &Finished, seed: u64) -> String {
    let mut command = format!("cargo verify {} --engine {}", row.model.name, row.engine.name());
    if !row.engine.enumerates() {
        command += &format!(" --seed {seed}");
    }
    if let Some(schedule) = &run.replay {
        command += &format!(" --replay '{schedule}'");
    }
    match &row.model.weaken {
        Some(weaken) if row.passes() => format!("HENCE_WEAKEN='{}' {command}", weaken::show(weaken)),
        _ => command,
    }
}
