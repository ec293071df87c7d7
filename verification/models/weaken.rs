//! Weakening one operation of `src/` while a model runs.
//!
//! The facade asks, at each operation, whether the place it is written at is weakened. A place is a file and a line;
//! the twins name it by a piece of code that stands on one line only, so that a twin survives edits elsewhere and
//! fails loudly when its line is gone.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, Ordering::Relaxed};

use hence_registry::{Kind, Weaken};

use crate::hence::sync::hook::{Operation, Site, Weakened};

const SOURCES: &[(&str, &str)] = &[
    ("models/wait.rs", include_str!("wait.rs")),
    ("src/cancel/operations.rs", include_str!("../../src/cancel/operations.rs")),
    ("src/cancel/tree.rs", include_str!("../../src/cancel/tree.rs")),
    ("src/channel/closing.rs", include_str!("../../src/channel/closing.rs")),
    ("src/channel/core.rs", include_str!("../../src/channel/core.rs")),
    ("src/channel/core/arms.rs", include_str!("../../src/channel/core/arms.rs")),
    ("src/channel/schedule.rs", include_str!("../../src/channel/schedule.rs")),
    ("src/pool/core.rs", include_str!("../../src/pool/core.rs")),
    ("src/pool/inbox.rs", include_str!("../../src/pool/inbox.rs")),
    ("src/pool/shared.rs", include_str!("../../src/pool/shared.rs")),
    ("src/pool/task.rs", include_str!("../../src/pool/task.rs")),
    ("src/selection.rs", include_str!("../../src/selection.rs")),
    ("src/sync/parker.rs", include_str!("../../src/sync/parker.rs")),
    ("src/sync/spin.rs", include_str!("../../src/sync/spin.rs")),
    ("src/wait.rs", include_str!("../../src/wait.rs")),
    ("src/wait_group.rs", include_str!("../../src/wait_group.rs")),
];

/// The weakening of the one line of `file` that contains `code`. Where there is no such line, or more than one, the twin
/// is out of date: it weakens nothing, which makes its rows red.
pub(crate) fn weaken(kind: Kind, file: &str, code: &str) -> Weaken {
    let (_, text) = SOURCES.iter().find(|(name, _)| *name == file).unwrap_or_else(|| panic!("no source {file}"));
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| line.contains(code));
    let line = match (lines.next(), lines.next()) {
        (Some((line, _)), None) => line,
        (found, _) => {
            let many = if found.is_none() { "no line" } else { "several lines" };
            eprintln!("{file} has {many} with `{code}`: the twin that weakens it is out of date");
            0
        }
    };
    Weaken { file: file.into(), line, kind }
}

static IN_FORCE: OnceLock<Weaken> = OnceLock::new();
static EXECUTED: AtomicBool = AtomicBool::new(false);

/// Puts a weakening in force for the rest of this process.
pub(crate) fn enforce(weaken: &Weaken) {
    IN_FORCE.set(weaken.clone()).expect("one exploration per process");
}

/// Whether the weakened operation, if there is one, has been executed.
pub(crate) fn executed() -> bool {
    IN_FORCE.get().is_none() || EXECUTED.load(Relaxed)
}

/// The facade's question: what becomes of the operation at `site`.
pub(crate) fn weakened(site: Site, operation: Operation) -> Option<Weakened> {
    let weaken = IN_FORCE.get()?;
    if weaken.line != site.line() || !site.file().ends_with(&weaken.file) {
        return None;
    }
    let weakened = match (weaken.kind, operation) {
        (Kind::Relaxed, Operation::Atomic(_, failure)) => Weakened::Order(Relaxed, failure),
        (Kind::Acquire, Operation::Atomic(_, failure)) => Weakened::Order(Ordering::Acquire, failure),
        (Kind::Release, Operation::Atomic(_, failure)) => Weakened::Order(Ordering::Release, failure),
        (Kind::FailureRelaxed, Operation::Atomic(success, _)) => Weakened::Order(success, Relaxed),
        (Kind::Unchecked, Operation::Atomic(..)) => Weakened::Unchecked,
        (Kind::NoWake, Operation::Wake | Operation::Store) => Weakened::Dropped,
        (Kind::NoLock, Operation::Lock) => Weakened::Dropped,
        _ => return None,
    };
    EXECUTED.store(true, Relaxed);
    Some(weakened)
}
