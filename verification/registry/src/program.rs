//! Small concurrent programs as data: what the explorers are compared on. `verification/models/program.rs` runs one over
//! the facade; `verification/tests/explorers` draws them at random, and enumerates what they may do without an explorer.
//!
//! A program cannot deadlock: only the first thread parks, and somebody unparks it; sections nest in one order.

use std::fmt;
use std::sync::atomic::Ordering;

use Ordering::{AcqRel, Acquire, Release};

/// How many atomics there are, how many plain cells, and how many locks. All begin with 0.
pub const PLACES: usize = 2;

/// Two to four threads, each a list of steps; the first starts the others, and afterwards joins them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program(pub Vec<Vec<Step>>);

/// What a thread does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// An operation on the atomic of this number.
    Atomic(usize, Access),
    /// Plain memory is read.
    Read(usize),
    /// Plain memory is written.
    Write(usize, usize),
    /// Steps under a lock.
    Section(usize, Vec<Step>),
    /// Waits for a token, or returns spuriously.
    Park,
    /// Leaves the first thread a token.
    Unpark,
}

/// An operation on an atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// `load`
    Load(Ordering),
    /// `store` of a value
    Store(usize, Ordering),
    /// `swap` for a value
    Swap(usize, Ordering),
    /// `fetch_or` with a value
    FetchOr(usize, Ordering),
    /// `compare_exchange` of one value for another, with its orderings of success and of failure
    CompareExchange(usize, usize, Ordering, Ordering),
}

impl Access {
    /// Whether it only reads. A compare-exchange writes, though it may fail.
    pub fn is_load(self) -> bool {
        matches!(self, Access::Load(_))
    }

    /// Whether it only writes.
    pub fn is_store(self) -> bool {
        matches!(self, Access::Store(..))
    }

    /// What it leaves where it finds `found`; none where it leaves that as it is.
    pub fn written(self, found: usize) -> Option<usize> {
        match self {
            Access::Load(_) => None,
            Access::Store(value, _) | Access::Swap(value, _) => Some(value),
            Access::FetchOr(value, _) => Some(found | value),
            Access::CompareExchange(expected, new, ..) => (found == expected).then_some(new),
        }
    }

    /// Its ordering, given what it finds.
    pub fn order(self, found: usize) -> Ordering {
        match self {
            Access::Load(order) | Access::Store(_, order) | Access::Swap(_, order) | Access::FetchOr(_, order) => order,
            Access::CompareExchange(expected, _, success, _) if found == expected => success,
            Access::CompareExchange(.., failure) => failure,
        }
    }
}

/// Whether a read with this ordering is an acquire.
pub fn acquires(order: Ordering) -> bool {
    matches!(order, Acquire | AcqRel)
}

/// Whether a write with this ordering is a release.
pub fn releases(order: Ordering) -> bool {
    matches!(order, Release | AcqRel)
}

/// What an execution has shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// What each thread has read, in its order, and at last what the atomics held.
    Values(Vec<Vec<usize>>),
    /// Two accesses to plain memory were not ordered.
    Race,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Values(values) => write!(f, "{values:?}"),
            Outcome::Race => f.write_str("race"),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, steps) in self.0.iter().enumerate() {
            write!(f, "    {number}:")?;
            steps.iter().try_for_each(|step| write!(f, " {step};"))?;
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Atomic(at, access) => write!(f, "{}.{access:?}", ['x', 'y'][*at]),
            Step::Read(at) => write!(f, "{}.read", ['p', 'q'][*at]),
            Step::Write(at, value) => write!(f, "{}.write({value})", ['p', 'q'][*at]),
            Step::Section(at, steps) => {
                write!(f, "{}.lock {{", ['a', 'b'][*at])?;
                steps.iter().try_for_each(|step| write!(f, " {step};"))?;
                f.write_str(" }")
            }
            Step::Park => f.write_str("park"),
            Step::Unpark => f.write_str("unpark"),
        }
    }
}
