//! One program under both explorers, held against the enumerator; and the smallest program that differs likewise.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{self, UnwindSafe};
use std::sync::Once;

use hence_registry::program::{Outcome, Program};

use crate::enumerator::{self, Memory, Outcomes};
use crate::generator;

/// How an explorer's outcomes differ from those that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    /// The bounded explorer, unbounded, misses an interleaving's outcome.
    BoundedMisses,
    /// It has one that no interleaving has.
    BoundedInvents,
    /// It fails.
    BoundedFails,
    /// loom misses an interleaving's outcome.
    LoomMisses,
    /// loom misses an outcome that the memory model adds to the interleavings'.
    LoomMissesWeak,
    /// loom has one that the memory model does not allow.
    LoomInvents,
    /// It fails.
    LoomFails,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Difference::BoundedMisses => "the bounded explorer misses an outcome",
            Difference::BoundedInvents => "the bounded explorer invents an outcome",
            Difference::BoundedFails => "the bounded explorer fails",
            Difference::LoomMisses => "loom misses a sequentially consistent outcome",
            Difference::LoomMissesWeak => "loom misses a weak outcome",
            Difference::LoomInvents => "loom invents an outcome",
            Difference::LoomFails => "loom fails",
        })
    }
}

/// All the ways in which the explorers differ on `program`, each with an outcome or message that shows it.
pub(crate) fn differences(program: &Program) -> BTreeMap<Difference, String> {
    use Difference::*;
    let mut differences = BTreeMap::new();
    let mut note = |difference, outcome: Option<&Outcome>| {
        differences.extend(outcome.map(|outcome| (difference, outcome.to_string())));
    };
    let sequential = enumerator::outcomes(program, Memory::Sequential);
    let weak = enumerator::outcomes(program, Memory::Weak);
    assert!(sequential.is_subset(&weak), "the enumerator contradicts itself:\n{program}");
    let bounded = run(|| hence_under_shuttle::outcomes(program));
    if let Ok(bounded) = &bounded {
        note(BoundedMisses, sequential.difference(bounded).next());
        note(BoundedInvents, bounded.difference(&sequential).next());
    }
    let loom = run(|| hence_under_loom::outcomes(program));
    if let Ok(loom) = &loom {
        note(LoomMisses, sequential.difference(loom).next());
        note(LoomMissesWeak, weak.difference(loom).find(|outcome| !sequential.contains(outcome)));
        note(LoomInvents, loom.difference(&weak).next());
    }
    differences.extend(bounded.err().map(|message| (BoundedFails, message)));
    differences.extend(loom.err().map(|message| (LoomFails, message)));
    differences
}

fn run(explore: impl FnOnce() -> Outcomes + UnwindSafe) -> Result<Outcomes, String> {
    silence();
    panic::catch_unwind(explore).map_err(|payload| hence_registry::message(payload.as_ref()))
}

/// A smallest program that differs in that way: no step, thread or ordering of it can be spared.
pub(crate) fn minimised(mut program: Program, difference: Difference) -> Program {
    let differs = |program: &Program| differences(program).contains_key(&difference);
    while let Some(smaller) = generator::smaller(&program).into_iter().find(differs) {
        program = smaller;
    }
    program
}

/// Races, which are outcomes here, say nothing on the terminal; all other panics do.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // shuttle's own hook, which is set by its first run, tells of each panic: it is to be asked after ours.
        hence_under_shuttle::outcomes(&Program(vec![Vec::new()]));
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let message = hence_registry::message(panic.payload());
            let races =
                ["Causality violation", "data race", "currently writing to cell", "currently reading from cell"];
            if !races.iter().any(|race| message.contains(race)) {
                others(panic);
            }
        }));
    });
}
