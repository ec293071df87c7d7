//! What threads do with the atomics of `src/`, so that it can be held against what the explorers are known to miss.
//!
//! While models run, each access to an atomic is noted by thread and by the place it is written at; from that follow,
//! atomic by atomic, the pairs of places that may be in a shape's way. `verification/tests/explorers` has the list of
//! those that are, and why each does no harm.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use hence_registry::Model;
use shuttle::current;
use shuttle::scheduler::RandomScheduler;

use crate::explorer::drive;
use crate::hence::sync::hook::{Operation, Site};

/// Two places that access one atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// One thread loads at the first and later writes at the second what another thread loads.
    LoadThenWrite(Place, Place),
    /// One thread stores at the first, another writes at the second.
    StoreBesideWrite(Place, Place),
    /// One thread compares and exchanges at the first, another writes at the second.
    ClaimBesideWrite(Place, Place),
}

/// A file in `src/`, and a line.
pub type Place = (&'static str, u32);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Load,
    Store,
    Claim,
    Swap,
}

#[derive(Default)]
struct Noted {
    /// What each thread is about to do.
    next: BTreeMap<usize, (Place, Operation)>,
    /// By location: who did what where, in order.
    done: BTreeMap<usize, Vec<(usize, Kind, Place)>>,
}

std::thread_local! {
    /// The accesses of the execution under way, while somebody wants to know.
    static NOTED: RefCell<Option<Noted>> = const { RefCell::new(None) };
}

/// A thread is about to do `operation` at `site`.
pub(crate) fn announced(site: Site, operation: Operation) {
    NOTED.with_borrow_mut(|noted| {
        let Some(noted) = noted else { return };
        let me = current::me().into();
        noted.next.remove(&me);
        let place = site.file().rsplit_once("../").map(|(_, file)| (file, site.line()));
        let place = place.filter(|(file, _)| file.starts_with("src/"));
        noted.next.extend(place.map(|place| (me, (place, operation))));
    });
}

/// It does it, to location `id`: a load, a store, or both.
pub(crate) fn done(me: usize, id: usize, loads: bool, stores: bool) {
    NOTED.with_borrow_mut(|noted| {
        let Some(noted) = noted else { return };
        let kind = match noted.next.remove(&me) {
            Some((place, Operation::Claim(..))) => (Kind::Claim, place),
            Some((place, Operation::Access(_))) if !stores => (Kind::Load, place),
            Some((place, Operation::Access(_))) if !loads => (Kind::Store, place),
            Some((place, Operation::Access(_))) => (Kind::Swap, place),
            // The lock and the token of the explorer are no atomics of ours.
            Some((_, Operation::Store | Operation::Wake | Operation::Lock)) | None => return,
        };
        noted.done.entry(id).or_default().push((me, kind.0, kind.1));
    });
}

/// The shapes of so many random schedules of a model that passes.
pub fn shapes(model: &Model, schedules: usize) -> BTreeSet<Shape> {
    let shapes = std::sync::Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let (body, found) = (model.body, shapes.clone());
    drive(RandomScheduler::new_from_seed(1, schedules), None, move || {
        NOTED.set(Some(Noted::default()));
        body();
        let noted = NOTED.take().unwrap_or_default();
        found.lock().unwrap().extend(noted.done.values().flat_map(|accesses| of(accesses)));
    });
    let shapes = shapes.lock().unwrap();
    shapes.clone()
}

/// The shapes of one atomic's accesses.
fn of(accesses: &[(usize, Kind, Place)]) -> BTreeSet<Shape> {
    let mut shapes = BTreeSet::new();
    for (at, &(one, first, place)) in accesses.iter().enumerate() {
        let others = accesses.iter().filter(|(other, ..)| *other != one);
        let is_loaded = others.clone().any(|(_, kind, _)| *kind == Kind::Load);
        let is_write = |kind: Kind| kind != Kind::Load;
        if first == Kind::Load && is_loaded {
            let later = accesses[at..].iter().filter(|(other, kind, _)| *other == one && is_write(*kind));
            shapes.extend(later.map(|&(.., write)| Shape::LoadThenWrite(place, write)));
        }
        let shape = match first {
            Kind::Store => Shape::StoreBesideWrite,
            Kind::Claim => Shape::ClaimBesideWrite,
            Kind::Load | Kind::Swap => continue,
        };
        shapes.extend(others.filter(|(_, kind, _)| is_write(*kind)).map(|&(.., write)| shape(place, write)));
    }
    shapes
}
