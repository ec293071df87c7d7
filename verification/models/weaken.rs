//! Weakening one operation of `src/` while a model runs.
//!
//! The facade asks, at each operation, whether the place it is written at is weakened. A place is a file and a line;
//! the mutants name it by a piece of code that stands on one line only, so that a mutant survives edits elsewhere and
//! fails loudly when its line is gone.

use std::collections::HashSet;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};

use hence_registry::{Kind, Site, Weaken};

use crate::hence::sync::hook::{self, Operation, Weakened};

const SOURCES: &[(&str, &str)] = &[
    ("models/wait.rs", include_str!("wait.rs")),
    ("src/cancel/operations.rs", include_str!("../../src/cancel/operations.rs")),
    ("src/cancel/tree.rs", include_str!("../../src/cancel/tree.rs")),
    ("src/channel/core.rs", include_str!("../../src/channel/core.rs")),
    ("src/channel/core/ring.rs", include_str!("../../src/channel/core/ring.rs")),
    ("src/channel/core/arms.rs", include_str!("../../src/channel/core/arms.rs")),
    ("src/channel/core/tasks.rs", include_str!("../../src/channel/core/tasks.rs")),
    ("src/channel/future.rs", include_str!("../../src/channel/future.rs")),
    ("src/pool/core.rs", include_str!("../../src/pool/core.rs")),
    ("src/pool/inbox.rs", include_str!("../../src/pool/inbox.rs")),
    ("src/pool/shared.rs", include_str!("../../src/pool/shared.rs")),
    ("src/select.rs", include_str!("../../src/select.rs")),
    ("src/sync/alarm.rs", include_str!("../../src/sync/alarm.rs")),
    ("src/sync/parker.rs", include_str!("../../src/sync/parker.rs")),
    ("src/sync/spin.rs", include_str!("../../src/sync/spin.rs")),
    ("src/timer/schedule.rs", include_str!("../../src/timer/schedule.rs")),
    ("src/wait.rs", include_str!("../../src/wait.rs")),
    ("src/wait/latch.rs", include_str!("../../src/wait/latch.rs")),
    ("src/wait_group.rs", include_str!("../../src/wait_group.rs")),
];

/// The weakening of the one line of `file` that contains `code`. Where there is no such line, or more than one, the mutant
/// is out of date: it weakens nothing, which makes its rows red.
pub(crate) fn weaken(kind: Kind, file: &str, code: &str) -> Weaken {
    let (_, text) = SOURCES.iter().find(|(name, _)| *name == file).unwrap_or_else(|| panic!("no source {file}"));
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| line.contains(code));
    let line = match (lines.next(), lines.next()) {
        (Some((line, _)), None) => line,
        (found, _) => {
            let many = if found.is_none() { "no line" } else { "several lines" };
            eprintln!("{file} has {many} with `{code}`: the mutant that weakens it is out of date");
            0
        }
    };
    Weaken { file: file.into(), line, kind }
}

/// The same of a waiter's claim, which every wait rests on.
pub(crate) fn claim(kind: Kind) -> Weaken {
    weaken(kind, "src/wait.rs", "self.claim.compare_exchange(WAITING, cause")
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
pub(crate) fn weakened(site: hook::Site, operation: Operation) -> Option<Weakened> {
    if let Some(seen) = SEEN.get() {
        seen.lock().unwrap_or_else(PoisonError::into_inner).insert((site, operation));
    }
    let weaken = IN_FORCE.get()?;
    if weaken.line != site.line() || !site.file().ends_with(&weaken.file) {
        return None;
    }
    let weakened = match (weaken.kind, operation) {
        (Kind::Relaxed, operation) => reordered(operation, Relaxed)?,
        (Kind::Acquire, operation) => reordered(operation, Ordering::Acquire)?,
        (Kind::Release, operation) => reordered(operation, Ordering::Release)?,
        (Kind::FailureRelaxed, Operation::Claim(success, _)) => Weakened::Order(success, Relaxed),
        (Kind::Unchecked, Operation::Claim(..)) => Weakened::Unchecked,
        (Kind::NoWake, Operation::Wake | Operation::Store) => Weakened::Dropped,
        (Kind::NoLock, Operation::Lock) => Weakened::Dropped,
        _ => return None,
    };
    EXECUTED.store(true, Relaxed);
    Some(weakened)
}

/// With another (success) ordering.
fn reordered(operation: Operation, order: Ordering) -> Option<Weakened> {
    match operation {
        Operation::Access(_) => Some(Weakened::Order(order, order)),
        Operation::Claim(_, failure) => Some(Weakened::Order(order, failure)),
        _ => None,
    }
}

static SEEN: OnceLock<Mutex<HashSet<(&Location<'_>, Operation)>>> = OnceLock::new();

/// Notes, for the rest of this process, which operations are executed.
pub(crate) fn record() {
    SEEN.get_or_init(Mutex::default);
}

/// Each way to weaken, by one step, an operation of `src/` that has been executed.
pub(crate) fn recorded() -> Vec<Site> {
    let Some(seen) = SEEN.get() else { return Vec::new() };
    let mut sites = Vec::new();
    for (site, operation) in &*seen.lock().unwrap_or_else(PoisonError::into_inner) {
        // The path leads from the explorer's crate to `src/`; what models do themselves is no site.
        let Some((_, file)) = site.file().rsplit_once("../").filter(|(_, file)| file.starts_with("src/")) else {
            continue;
        };
        sites.extend(
            steps(*operation).into_iter().map(|kind| Site {
                weaken: Weaken { file: file.into(), line: site.line(), kind },
                column: site.column(),
            }),
        );
    }
    sites.sort();
    sites
}

fn steps(operation: Operation) -> Vec<Kind> {
    let order = |order| match order {
        Ordering::AcqRel => &[Kind::Acquire, Kind::Release][..],
        Relaxed => &[],
        _ => &[Kind::Relaxed],
    };
    match operation {
        Operation::Access(success) => order(success).to_vec(),
        Operation::Claim(success, failure) => {
            let mut kinds = order(success).to_vec();
            kinds.extend((failure != Relaxed).then_some(Kind::FailureRelaxed));
            kinds.push(Kind::Unchecked);
            kinds
        }
        Operation::Store | Operation::Wake => vec![Kind::NoWake],
        Operation::Lock => vec![Kind::NoLock],
    }
}
