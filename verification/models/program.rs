//! A program of `hence_registry::program` run over the facade: the operations that the models are made of.

use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hence_registry::program::{Access, Outcome, PLACES, Program, Step};

use super::harness::{Arc, Witness, spawn};
use crate::explorer;
use crate::hence::sync::{AtomicUsize, Lock, Parker};

/// The outcomes of all executions that the explorer tries.
pub fn outcomes(program: &Program) -> BTreeSet<Outcome> {
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let body = {
        let (program, outcomes) = (Arc::new(program.clone()), outcomes.clone());
        move || {
            let outcome = run(&program);
            outcomes.lock().unwrap().insert(outcome);
        }
    };
    explorer::exhaust(body);
    let outcomes = outcomes.lock().unwrap();
    outcomes.clone()
}

/// One execution.
fn run(program: &Arc<Program>) -> Outcome {
    let memory = Arc::new(Memory::new());
    let others: Vec<_> = (1..program.0.len())
        .map(|thread| {
            let (program, memory) = (program.clone(), memory.clone());
            spawn(move || memory.run(&program.0[thread]))
        })
        .collect();
    let mut values = vec![memory.run(&program.0[0])];
    values.extend(others.into_iter().map(|thread| thread.join().unwrap()));
    values.push(memory.words.iter().map(|word| word.load(Relaxed)).collect());
    if memory.raced.load(Relaxed) { Outcome::Race } else { Outcome::Values(values) }
}

/// What the threads of a program share.
struct Memory {
    words: [AtomicUsize; PLACES],
    cells: [Arc<Witness>; PLACES],
    locks: [Lock<()>; PLACES],
    parker: Parker,
    /// std's: no explorer sees it.
    raced: AtomicBool,
}

impl Memory {
    fn new() -> Self {
        Self {
            words: std::array::from_fn(|_| AtomicUsize::new(0)),
            cells: std::array::from_fn(|_| Witness::new()),
            locks: std::array::from_fn(|_| Lock::new(())),
            parker: Parker::current(),
            raced: AtomicBool::new(false),
        }
    }

    fn run(&self, steps: &[Step]) -> Vec<usize> {
        let mut values = Vec::new();
        steps.iter().for_each(|step| self.step(step, &mut values));
        values
    }

    fn step(&self, step: &Step, values: &mut Vec<usize>) {
        match step {
            Step::Atomic(at, access) => values.extend(access_word(&self.words[*at], *access)),
            Step::Read(at) => values.extend(self.plainly(|| self.cells[*at].read())),
            Step::Write(at, value) => _ = self.plainly(|| self.cells[*at].write(*value)),
            Step::Section(at, steps) => {
                self.locks[*at].with(|()| steps.iter().for_each(|step| self.step(step, values)));
            }
            Step::Park => self.parker.park(),
            Step::Unpark => self.parker.unpark(),
        }
    }

    /// An access to plain memory. A race is an outcome here: the access is left out, and the execution goes on.
    fn plainly<R>(&self, access: impl FnOnce() -> R) -> Option<R> {
        let result = panic::catch_unwind(AssertUnwindSafe(access)).ok();
        self.raced.fetch_or(result.is_none(), Relaxed);
        result
    }
}

fn access_word(word: &AtomicUsize, access: Access) -> Option<usize> {
    match access {
        Access::Load(order) => Some(word.load(order)),
        Access::Store(value, order) => {
            word.store(value, order);
            None
        }
        Access::Swap(value, order) => Some(word.swap(value, order)),
        Access::FetchOr(value, order) => Some(word.fetch_or(value, order)),
        Access::CompareExchange(expected, new, success, failure) => {
            Some(word.compare_exchange(expected, new, success, failure).unwrap_or_else(|found| found))
        }
    }
}
