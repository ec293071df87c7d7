//! What a program may do, by brute force: no explorer, no reduction, no vector clocks.
//!
//! An execution is a graph of events: each read with the write it reads from (rf), the writes to each location in their
//! modification order (mo). One is built event by event, in every way: next is any thread's next step; a read takes any
//! write and a write any place in the modification order that coherence and atomicity allow, by the rules of C++20:
//!
//! - happens-before (hb) is program order, and from a release write to an acquire that reads from it or from the chain
//!   of read-modify-writes that it heads, in any number of steps;
//! - no read or write is ordered by hb against mo (coherence: four rules); a read-modify-write stands right behind what
//!   it read (atomicity);
//! - two accesses to a plain cell, one of them a write, that hb does not order, are a race.
//!
//! A read takes only what is written already, so program order and reads-from have no cycle: this is RC11 without
//! sequentially consistent operations (Lahav et al., PLDI 2017), and load buffering is left out. Graphs are the same in
//! whatever order they were built, so each is gone on with once.
//!
//! [`Memory::Sequential`] is the same with each read taking the last write, and each write the last place: the
//! interleavings. What their orderings order, and so which of them race, stays as written.

use std::collections::{BTreeSet, HashSet};

use hence_registry::program::{Access, Outcome, PLACES, Program, Step, acquires, releases};

/// What a program may end in.
pub(crate) type Outcomes = BTreeSet<Outcome>;

/// Which executions there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    /// The interleavings of the threads' steps.
    Sequential,
    /// All that the memory model allows, but for load buffering.
    Weak,
}

/// All outcomes of `program`.
pub(crate) fn outcomes(program: &Program, memory: Memory) -> Outcomes {
    let code: Vec<Vec<Micro>> = program.0.iter().map(|steps| flat(steps)).collect();
    let mut outcomes = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut pending = vec![Graph::new(&code)];
    while let Some(graph) = pending.pop() {
        let mut ended = true;
        for (thread, steps) in code.iter().enumerate() {
            let Some(micro) = steps.get(graph.threads[thread].at) else { continue };
            ended = false;
            for next in graph.step(thread, micro, memory) {
                match next {
                    None => _ = outcomes.insert(Outcome::Race),
                    Some(next) if seen.insert(next.clone()) => pending.push(next),
                    Some(_) => (),
                }
            }
        }
        if ended {
            outcomes.insert(graph.outcome());
        }
    }
    outcomes
}

/// Whether some execution ends with these values read, thread by thread.
pub(crate) fn may(program: &Program, memory: Memory, values: &[&[usize]]) -> bool {
    outcomes(program, memory).iter().any(|outcome| match outcome {
        Outcome::Values(read) => read[..values.len()].iter().eq(values),
        Outcome::Race => false,
    })
}

/// Steps, with the two ends of a section apart.
enum Micro<'a> {
    Step(&'a Step),
    Lock(usize),
    Unlock(usize),
}

fn flat(steps: &[Step]) -> Vec<Micro<'_>> {
    let mut all = Vec::new();
    for step in steps {
        if let Step::Section(lock, steps) = step {
            all.push(Micro::Lock(*lock));
            all.extend(flat(steps));
            all.push(Micro::Unlock(*lock));
        } else {
            all.push(Micro::Step(step));
        }
    }
    all
}

/// A set of events: one bit each, so many for each thread.
type Events = u64;
const EACH: usize = 16;

/// A write to an atomic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Write {
    /// Itself; empty for the first, which precedes everything.
    event: Events,
    value: usize,
    /// Whether it is a read-modify-write: nothing comes between it and the write before it.
    tied: bool,
    /// What happens before an acquire that reads it.
    released: Events,
    /// Who has read it.
    readers: Events,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Thread {
    /// Its next step.
    at: usize,
    /// What happens before that.
    past: Events,
    values: Vec<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Cell {
    value: usize,
    read: Events,
    written: Events,
}

/// A lock, or the token: its sections, or takings, have one order, and whoever is next has seen those before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Flag {
    set: bool,
    released: Events,
}

/// An execution, as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Graph {
    threads: Vec<Thread>,
    /// In modification order.
    words: [Vec<Write>; PLACES],
    cells: [Cell; PLACES],
    locks: [Flag; PLACES],
    token: Flag,
}

impl Graph {
    fn new(code: &[Vec<Micro<'_>>]) -> Graph {
        let first = Write { event: 0, value: 0, tied: false, released: 0, readers: 0 };
        Graph {
            threads: vec![Thread::default(); code.len()],
            words: std::array::from_fn(|_| vec![first.clone()]),
            cells: Default::default(),
            locks: Default::default(),
            token: Flag::default(),
        }
    }

    fn outcome(&self) -> Outcome {
        let mut values: Vec<_> = self.threads.iter().map(|thread| thread.values.clone()).collect();
        values.push(self.words.iter().map(|word| word.last().expect("the first").value).collect());
        Outcome::Values(values)
    }

    /// The executions that begin with this one and one more step of `thread`; `None` for a race.
    fn step(&self, thread: usize, micro: &Micro<'_>, memory: Memory) -> Vec<Option<Graph>> {
        let me: Events = 1 << (thread * EACH + self.threads[thread].at);
        let past = self.threads[thread].past;
        let mut next = self.clone();
        next.threads[thread].at += 1;
        next.threads[thread].past |= me;
        match micro {
            Micro::Lock(lock) if self.locks[*lock].set => return Vec::new(),
            Micro::Lock(lock) => {
                next.locks[*lock].set = true;
                next.threads[thread].past |= self.locks[*lock].released;
            }
            Micro::Unlock(lock) => next.locks[*lock] = Flag { set: false, released: past | me },
            Micro::Step(Step::Unpark) => {
                next.token.set = true;
                next.token.released |= past | me;
            }
            Micro::Step(Step::Park) => {
                let mut taken = next.clone();
                taken.token.set = false;
                taken.threads[thread].past |= self.token.released;
                let mut all = vec![Some(next)];
                all.extend(self.token.set.then_some(Some(taken)));
                return all;
            }
            Micro::Step(Step::Read(at)) => {
                if self.cells[*at].written & !past != 0 {
                    return vec![None];
                }
                next.cells[*at].read |= me;
                next.threads[thread].values.push(self.cells[*at].value);
            }
            Micro::Step(Step::Write(at, value)) => {
                if (self.cells[*at].written | self.cells[*at].read) & !past != 0 {
                    return vec![None];
                }
                next.cells[*at].written |= me;
                next.cells[*at].value = *value;
            }
            Micro::Step(Step::Atomic(at, access)) => {
                return self.access(thread, me, *at, *access, memory, &next).into_iter().map(Some).collect();
            }
            Micro::Step(Step::Section(..)) => unreachable!("it has been taken apart"),
        }
        vec![Some(next)]
    }

    fn access(&self, thread: usize, me: Events, at: usize, access: Access, memory: Memory, next: &Graph) -> Vec<Graph> {
        let word = &self.words[at];
        let past = self.threads[thread].past;
        // The last write that coherence lets nobody go behind who has this past: one that is in it, or has been read in it.
        let seen = |write: &Write| (write.event | write.readers) & past != 0;
        let oldest = match memory {
            Memory::Sequential => word.len() - 1,
            Memory::Weak => word.iter().rposition(seen).unwrap_or(0),
        };
        let mut all = Vec::new();
        for from in oldest..word.len() {
            // Between a read-modify-write and what it read there is no place.
            let closed = word.get(from + 1).is_some_and(|write| write.tied);
            let found = word[from].value;
            let written = access.written(found);
            if written.is_some() && closed {
                continue;
            }
            let mut next = next.clone();
            let order = access.order(found);
            if !access.is_store() {
                next.threads[thread].values.push(found);
                next.words[at][from].readers |= me;
                if acquires(order) {
                    next.threads[thread].past |= word[from].released;
                }
            }
            if let Some(value) = written {
                let inherited = if access.is_store() { 0 } else { word[from].released };
                let released = if releases(order) { next.threads[thread].past } else { 0 };
                let write =
                    Write { event: me, value, tied: !access.is_store(), released: inherited | released, readers: 0 };
                next.words[at].insert(from + 1, write);
            }
            all.push(next);
        }
        all
    }
}

/// The enumerator against what is known of small programs.
#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

    use Access::{FetchOr, Load, Store, Swap};
    use Memory::{Sequential, Weak};
    use Step::{Atomic, Park, Read, Section, Unpark, Write};

    use super::*;

    fn x(access: Access) -> Step {
        Atomic(0, access)
    }

    fn y(access: Access) -> Step {
        Atomic(1, access)
    }

    fn races(program: &Program) -> bool {
        let races = [Sequential, Weak].map(|memory| outcomes(program, memory).contains(&Outcome::Race));
        assert_eq!(races[0], races[1]);
        races[0]
    }

    #[test]
    fn store_buffering_is_weak_and_load_buffering_is_left_out() {
        let buffered =
            Program(vec![vec![x(Store(1, Release)), y(Load(Acquire))], vec![y(Store(1, Release)), x(Load(Acquire))]]);
        assert!(may(&buffered, Weak, &[&[0], &[0]]) && !may(&buffered, Sequential, &[&[0], &[0]]));
        let buffered =
            Program(vec![vec![x(Load(Relaxed)), y(Store(1, Relaxed))], vec![y(Load(Relaxed)), x(Store(1, Relaxed))]]);
        assert!(!may(&buffered, Weak, &[&[1], &[1]]));
    }

    #[test]
    fn a_message_passes_by_release_and_acquire() {
        let passing = |store, load| {
            Program(vec![vec![x(Store(1, Relaxed)), y(Store(1, store))], vec![y(Load(load)), x(Load(Relaxed))]])
        };
        assert!(!may(&passing(Release, Acquire), Weak, &[&[], &[1, 0]]));
        assert!(may(&passing(Relaxed, Acquire), Weak, &[&[], &[1, 0]]));
        assert!(may(&passing(Release, Relaxed), Weak, &[&[], &[1, 0]]));
        assert!(!may(&passing(Relaxed, Relaxed), Sequential, &[&[], &[1, 0]]));
    }

    #[test]
    fn one_atomic_is_coherent() {
        let reads = vec![x(Load(Relaxed)), x(Load(Relaxed))];
        let coherent = Program(vec![vec![x(Store(1, Relaxed)), x(Store(2, Relaxed))], reads.clone(), reads]);
        assert!(may(&coherent, Weak, &[&[], &[1, 2], &[0, 1]]));
        assert!(!may(&coherent, Weak, &[&[], &[2, 1]]));
        let rmw = vec![x(FetchOr(1, Relaxed))];
        assert!(!may(&Program(vec![rmw.clone(), rmw]), Weak, &[&[0], &[0]]));
    }

    #[test]
    fn readers_may_disagree_on_independent_writes() {
        let independent = Program(vec![
            vec![x(Store(1, Release))],
            vec![y(Store(1, Release)), x(Load(Acquire))],
            vec![x(Load(Acquire)), y(Load(Acquire))],
        ]);
        assert!(may(&independent, Weak, &[&[], &[0], &[1, 0]]));
        assert!(!may(&independent, Sequential, &[&[], &[0], &[1, 0]]));
    }

    #[test]
    fn a_read_modify_write_continues_a_release_sequence_and_a_store_ends_it() {
        let with = |between| {
            let other = vec![x(between)];
            Program(vec![vec![Write(0, 1), x(Store(2, Release))], other, vec![x(Load(Acquire)), Read(0)]])
        };
        assert!(may(&with(FetchOr(4, Relaxed)), Weak, &[&[], &[2], &[6, 1]]));
        assert!(!may(&with(Store(4, Relaxed)), Weak, &[&[], &[], &[4, 1]]));
        assert!(!may(&with(Store(4, Relaxed)), Sequential, &[&[], &[], &[4, 1]]));
    }

    #[test]
    fn plain_memory_races_unless_something_orders_it() {
        let section = |step| vec![Section(0, vec![step])];
        assert!(!races(&Program(vec![section(Write(0, 1)), section(Read(0))])));
        assert!(races(&Program(vec![section(Write(0, 1)), vec![Read(0)]])));
        assert!(races(&Program(vec![vec![Write(0, 1), x(Swap(1, AcqRel))], vec![x(Swap(2, AcqRel)), Read(0)]])));
        // A park may return for nothing.
        assert!(races(&Program(vec![vec![Park, Read(0)], vec![Write(0, 1), Unpark]])));
        assert!(!races(&Program(vec![vec![Read(0)], vec![Read(0)]])));
    }
}
