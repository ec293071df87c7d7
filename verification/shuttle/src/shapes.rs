//! What threads do with the atomics of `src/`, so that it can be held against what loom is known to miss.
//!
//! While models run, each access to an atomic, and each wake-up of a thread, is noted by thread and by the place it is
//! written at; from that follow, object by object, the pairs of places that have one of the shapes below.
//! `verification/tests/explorers/shapes.rs` lists them, and says why each does no harm.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use shuttle::current;

use crate::hence::sync::hook::{Operation, Site};

/// What threads do with one object, at two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    /// What.
    pub kind: Kind,
    /// Where the one thread does it.
    pub first: Place,
    /// What is later, or what another thread does.
    pub second: Place,
}

/// The shapes of the limits in `verification/tests/explorers/limits.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A thread loads, and later writes, what another thread loads.
    LoadThenWrite,
    /// A thread stores what another thread writes.
    StoreBesideWrite,
    /// A thread makes a read-modify-write that may fail on what another thread writes.
    ClaimBesideWrite,
    /// Two threads wake one.
    TwoWakes,
}

/// A file, as in `src/wait.rs`, and a line.
pub type Place = (&'static str, u32);

/// An access, as far as the watcher is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Load,
    Store,
    Both,
}

/// An access, together with what was announced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Load,
    Store,
    Swap,
    Claim,
    Wake,
}

#[derive(Default)]
struct Noted {
    /// What each thread is about to do.
    next: BTreeMap<usize, (Place, Operation)>,
    /// By object: who did what where, in order.
    done: BTreeMap<usize, Vec<(usize, Act, Place)>>,
}

std::thread_local! {
    /// The execution under way, while somebody wants to know.
    static NOTED: RefCell<Option<Noted>> = const { RefCell::new(None) };
}

/// The calling thread is about to do `operation` at `site`.
pub(crate) fn announced(site: Site, operation: Operation) {
    NOTED.with_borrow_mut(|noted| {
        let Some(noted) = noted else { return };
        let me = current::me().into();
        noted.next.remove(&me);
        // The path leads from this crate to `src/`, or to the models.
        let place = site.file().rsplit_once("../").map(|(_, file)| (file, site.line()));
        noted.next.extend(place.map(|place| (me, (place, operation))));
    });
}

/// It does it, to object `id`.
pub(crate) fn done(me: usize, id: usize, done: Done, order: Ordering) {
    NOTED.with_borrow_mut(|noted| {
        let Some((noted, (place, operation))) =
            noted.as_mut().and_then(|noted| noted.next.remove(&me).map(|next| (noted, next)))
        else {
            return;
        };
        let act = match (operation, done) {
            (Operation::Claim(..), _) => Act::Claim,
            (Operation::Access(_), Done::Load) => Act::Load,
            (Operation::Access(_), Done::Store) => Act::Store,
            (Operation::Access(_), Done::Both) => Act::Swap,
            (Operation::Wake, Done::Both) if order == Ordering::Release => Act::Wake,
            // The explorer's own lock and park.
            _ => return,
        };
        noted.done.entry(id).or_default().push((me, act, place));
    });
}

/// Begins to note what the execution does that the calling thread begins.
pub(crate) fn begin() {
    NOTED.set(Some(Noted::default()));
}

/// The shapes of what it has done since.
pub(crate) fn end() -> BTreeSet<Shape> {
    let noted = NOTED.take().unwrap_or_default();
    noted.done.values().flat_map(|acts| of(acts)).collect()
}

/// The shapes of what was done to one object.
fn of(acts: &[(usize, Act, Place)]) -> BTreeSet<Shape> {
    let is_write = |act: Act| matches!(act, Act::Store | Act::Swap | Act::Claim);
    let mut shapes = BTreeSet::new();
    for (at, &(one, act, first)) in acts.iter().enumerate() {
        let others = acts.iter().filter(|(other, ..)| *other != one);
        let mut add = |kind, second| _ = shapes.insert(Shape { kind, first, second });
        if act == Act::Load && others.clone().any(|(_, theirs, _)| *theirs == Act::Load) {
            let later = acts[at..].iter().filter(|(other, act, _)| *other == one && is_write(*act));
            later.for_each(|&(.., second)| add(Kind::LoadThenWrite, second));
        }
        for &(_, theirs, second) in others {
            match act {
                Act::Store if is_write(theirs) => add(Kind::StoreBesideWrite, second),
                Act::Claim if is_write(theirs) => add(Kind::ClaimBesideWrite, second),
                Act::Wake if theirs == Act::Wake => add(Kind::TwoWakes, second),
                _ => (),
            }
        }
    }
    shapes
}
