//! Random programs, and smaller ones.

use fastrand::Rng;
use hence_registry::program::{Access, PLACES, Program, Step};
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};

/// What one program is drawn from: so that many programs use few kinds of steps in few places, and meet often.
struct Palette {
    kinds: Vec<Kind>,
    words: usize,
    /// Values written so far, each by one step: what a read returns tells whom it read.
    values: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Load,
    Store,
    Swap,
    FetchOr,
    CompareExchange,
    Plain,
    Section,
}

const KINDS: [Kind; 7] =
    [Kind::Load, Kind::Store, Kind::Swap, Kind::FetchOr, Kind::CompareExchange, Kind::Plain, Kind::Section];

/// More scheduling points than this make a program slow, and show nothing that fewer do not.
const MOST: usize = 7;

/// A program.
pub(crate) fn draw(rng: &mut Rng) -> Program {
    loop {
        let program = any(rng);
        if program.0.iter().map(|steps| points(steps)).sum::<usize>() <= MOST {
            return program;
        }
    }
}

/// The scheduling points in these steps.
fn points(steps: &[Step]) -> usize {
    let of = |step: &Step| match step {
        Step::Read(_) | Step::Write(..) => 0,
        Step::Section(_, steps) => 1 + points(steps),
        Step::Atomic(..) | Step::Park | Step::Unpark => 1,
    };
    steps.iter().map(of).sum()
}

fn any(rng: &mut Rng) -> Program {
    let mut kinds = KINDS.to_vec();
    rng.shuffle(&mut kinds);
    kinds.truncate(rng.usize(1..=4));
    if rng.u8(..5) == 0 {
        kinds = vec![Kind::Plain, Kind::Section];
    }
    let mut palette = Palette { kinds, words: rng.usize(1..=PLACES), values: 0 };
    let threads = rng.usize(2..=3);
    let longest = if threads == 2 { 4 } else { 3 };
    let mut program = Program((0..threads).map(|_| palette.steps(rng, longest, 0)).collect());
    if rng.u8(..3) == 0 {
        let (first, others) = program.0.split_first_mut().expect("two threads");
        first.insert(rng.usize(..=first.len()), Step::Park);
        for other in others.iter_mut().take(rng.usize(1..threads)) {
            other.insert(rng.usize(..=other.len()), Step::Unpark);
        }
    }
    program
}

impl Palette {
    /// Steps under so many locks.
    fn steps(&mut self, rng: &mut Rng, longest: usize, depth: usize) -> Vec<Step> {
        (0..rng.usize(1..=longest)).map(|_| self.step(rng, depth)).collect()
    }

    fn step(&mut self, rng: &mut Rng, depth: usize) -> Step {
        let at = rng.usize(..self.words);
        let read = |rng: &mut Rng| one(rng, &[Relaxed, Acquire]);
        let written = |rng: &mut Rng| one(rng, &[Relaxed, Release]);
        let both = |rng: &mut Rng| one(rng, &[Relaxed, Acquire, Release, AcqRel]);
        match self.kinds[rng.usize(..self.kinds.len())] {
            Kind::Load => Step::Atomic(at, Access::Load(read(rng))),
            Kind::Store => Step::Atomic(at, Access::Store(self.value(), written(rng))),
            Kind::Swap => Step::Atomic(at, Access::Swap(self.value(), both(rng))),
            Kind::FetchOr => Step::Atomic(at, Access::FetchOr(self.value(), both(rng))),
            Kind::CompareExchange => {
                let expected = if rng.bool() { 0 } else { 1 << rng.usize(..4) };
                Step::Atomic(at, Access::CompareExchange(expected, self.value(), both(rng), read(rng)))
            }
            Kind::Plain if rng.bool() => Step::Read(at),
            Kind::Plain => Step::Write(at, self.value()),
            Kind::Section if depth < PLACES => {
                let lock = rng.usize(depth..PLACES);
                Step::Section(lock, self.steps(rng, 2, lock + 1))
            }
            Kind::Section if rng.bool() => Step::Read(at),
            Kind::Section => Step::Write(at, self.value()),
        }
    }

    fn value(&mut self) -> usize {
        self.values += 1;
        1 << (self.values - 1)
    }
}

fn one(rng: &mut Rng, orders: &[Ordering]) -> Ordering {
    orders[rng.usize(..orders.len())]
}

/// Programs with one step, or one thread, less, and such with one ordering more relaxed.
pub(crate) fn smaller(program: &Program) -> Vec<Program> {
    let mut all = Vec::new();
    for thread in 0..program.0.len() {
        let with = |steps: Vec<Step>| {
            let mut less = program.clone();
            less.0[thread] = steps;
            less
        };
        all.extend(less(&program.0[thread]).into_iter().map(with));
        if thread > 0 && program.0[thread].is_empty() {
            let mut less = program.clone();
            less.0.remove(thread);
            all.push(less);
        }
    }
    // A token that nobody leaves may not come.
    let steps = |program: &Program, step| program.0.iter().flatten().any(|it| *it == step);
    all.retain(|it| !steps(it, Step::Park) || steps(it, Step::Unpark));
    all
}

fn less(steps: &[Step]) -> Vec<Vec<Step>> {
    let mut all = Vec::new();
    for at in 0..steps.len() {
        let with = |step: &[Step]| [&steps[..at], step, &steps[at + 1..]].concat();
        all.push(with(&[]));
        match &steps[at] {
            Step::Section(lock, inner) => {
                all.push(with(inner));
                all.extend(less(inner).into_iter().map(|inner| with(&[Step::Section(*lock, inner)])));
            }
            Step::Atomic(place, access) => {
                all.extend(relaxed(*access).map(|access| with(&[Step::Atomic(*place, access)])));
            }
            _ => (),
        }
    }
    all
}

fn relaxed(access: Access) -> Option<Access> {
    let relaxed = match access {
        Access::Load(_) => Access::Load(Relaxed),
        Access::Store(value, _) => Access::Store(value, Relaxed),
        Access::Swap(value, _) => Access::Swap(value, Relaxed),
        Access::FetchOr(value, _) => Access::FetchOr(value, Relaxed),
        Access::CompareExchange(expected, new, ..) => Access::CompareExchange(expected, new, Relaxed, Relaxed),
    };
    (relaxed != access).then_some(relaxed)
}
