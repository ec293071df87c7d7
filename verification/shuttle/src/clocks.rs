//! Vector clocks that honour the ordering written at each site, where shuttle itself is sequentially consistent.
//!
//! As in C11: an acquire joins what a release left in the location; a relaxed store leaves nothing; a
//! read-modify-write leaves what it found and, if it is a release, its own clock too (the release sequence). Plain
//! memory is checked against the clocks of its last write and of the reads since: an access that is not ordered after
//! them is a race, and ends the execution. Fences are not modelled: `src/` has none.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

use shuttle::current;

use crate::hence::sync::hook::Site;

/// More threads than any model or fuzzed program has.
const THREADS: usize = 24;

/// What a thread has seen of each thread's past.
pub type Clock = [u32; THREADS];

std::thread_local! {
    /// The clocks of the execution under way. All its threads are coroutines on this thread.
    pub(crate) static CLOCKS: RefCell<Clocks> = RefCell::default();
}

/// This moment of the calling thread: what it has seen, up to now and not beyond.
pub fn moment() -> Clock {
    clocks(Clocks::snapshot)
}

/// Accesses them, with the calling thread's number.
pub(crate) fn clocks<R>(access: impl FnOnce(&mut Clocks, usize) -> R) -> R {
    CLOCKS.with_borrow_mut(|clocks| access(clocks, current::me().into()))
}

/// Whether all that `earlier` has seen, `later` has seen, too.
pub fn happens_before(earlier: &Clock, later: &Clock) -> bool {
    earlier.iter().zip(later).all(|(earlier, later)| earlier <= later)
}

fn join(into: &mut Clock, other: &Clock) {
    into.iter_mut().zip(other).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
}

fn acquires(order: Ordering) -> bool {
    matches!(order, Ordering::Acquire | Ordering::AcqRel | Ordering::SeqCst)
}

fn releases(order: Ordering) -> bool {
    matches!(order, Ordering::Release | Ordering::AcqRel | Ordering::SeqCst)
}

/// The accesses to one piece of plain memory that a later one has to be ordered after.
struct Plain {
    written: Clock,
    write_site: Option<Site>,
    read: Clock,
    read_site: Option<Site>,
}

/// The clocks of one execution.
#[derive(Default)]
pub(crate) struct Clocks {
    threads: [Clock; THREADS],
    /// By location: what an acquire of it joins.
    released: HashMap<usize, Clock>,
    plain: HashMap<usize, Plain>,
    ids: usize,
    /// By thread: locks that it holds.
    held: [usize; THREADS],
}

impl Clocks {
    /// A number for a location.
    pub(crate) fn fresh(&mut self) -> usize {
        self.ids += 1;
        self.ids
    }

    fn thread(&mut self, me: usize) -> &mut Clock {
        let clock = &mut self.threads[me];
        clock[me] = clock[me].max(1);
        clock
    }

    /// The calling thread's past, for a thread that it starts, or as it ends for whoever joins it.
    pub(crate) fn snapshot(&mut self, me: usize) -> Clock {
        let past = *self.thread(me);
        self.thread(me)[me] += 1;
        past
    }

    /// Another thread's past becomes the calling thread's.
    pub(crate) fn adopt(&mut self, me: usize, past: &Clock) {
        join(self.thread(me), past);
    }

    pub(crate) fn load(&mut self, me: usize, id: usize, order: Ordering) {
        if acquires(order) {
            if let Some(released) = self.released.get(&id).copied() {
                self.adopt(me, &released);
            }
        }
    }

    pub(crate) fn store(&mut self, me: usize, id: usize, order: Ordering) {
        if releases(order) {
            let past = self.snapshot(me);
            self.released.insert(id, past);
        } else {
            self.released.remove(&id);
        }
    }

    pub(crate) fn rmw(&mut self, me: usize, id: usize, order: Ordering) {
        self.load(me, id, order);
        if releases(order) {
            let past = self.snapshot(me);
            join(self.released.entry(id).or_default(), &past);
        }
    }

    pub(crate) fn lock(&mut self, me: usize, taken: bool) {
        if taken { self.held[me] += 1 } else { self.held[me] -= 1 }
    }

    pub(crate) fn holds_a_lock(&self, me: usize) -> bool {
        self.held[me] > 0
    }

    /// An access to plain memory; panics if it races with an earlier one.
    pub(crate) fn access(&mut self, me: usize, id: usize, write: bool, site: Site) {
        let now = *self.thread(me);
        let plain = self.plain.entry(id).or_insert_with(|| Plain {
            written: Clock::default(),
            write_site: None,
            read: Clock::default(),
            read_site: None,
        });
        let unordered = |past: &Clock| !happens_before(past, &now);
        let what = if write { "write" } else { "read" };
        if unordered(&plain.written) {
            panic!("data race: {what} at {site} is not ordered after the write at {}", plain.write_site.unwrap());
        }
        if write && unordered(&plain.read) {
            panic!("data race: write at {site} is not ordered after the read at {}", plain.read_site.unwrap());
        }
        if write {
            plain.written[me] = now[me];
            plain.write_site = Some(site);
        } else {
            plain.read[me] = now[me];
            plain.read_site = Some(site);
        }
    }
}
