//! Where loom is known to differ from what there is: by the shape of the program, each with smallest ones. The bounded
//! explorer, without a bound, is not known to differ anywhere.

use std::sync::atomic::Ordering::{AcqRel, Relaxed};

use hence_registry::program::{Access, PLACES, Program, Step};

use Access::{CompareExchange, FetchOr, Load, Store, Swap};
use Difference::{LoomInvents, LoomMisses, LoomMissesWeak};
use Step::{Atomic, Park, Read, Unpark, Write};

use crate::compare::Difference;

/// A shape of programs on which loom is known to differ.
pub(crate) struct Limit {
    pub(crate) name: &'static str,
    /// Whether a program has it.
    pub(crate) has: fn(&Program) -> bool,
    /// How loom differs, and on which program that cannot be made smaller.
    pub(crate) seen: Vec<(Difference, Program)>,
}

/// All of them.
pub(crate) fn limits() -> Vec<Limit> {
    let (x, y) = (|access| Atomic(0, access), |access| Atomic(1, access));
    vec![
        Limit {
            name: "a thread loads, and later writes, what another thread loads",
            has: |program| {
                two_threads(program, |mine, theirs| {
                    let mut since = mine.iter().skip_while(|access| !access.is_load());
                    since.any(|access| !access.is_load()) && theirs.iter().any(|access| access.is_load())
                })
            },
            seen: vec![
                (LoomMisses, Program(vec![vec![x(Load(Relaxed))], vec![x(Load(Relaxed)), x(FetchOr(1, Relaxed))]])),
                (
                    LoomMissesWeak,
                    Program(vec![
                        vec![x(Load(Relaxed)), y(Load(Relaxed))],
                        vec![x(Load(Relaxed)), y(Store(1, Relaxed)), x(Store(2, Relaxed))],
                    ]),
                ),
            ],
        },
        Limit {
            name: "a plain store beside another thread's write",
            has: |program| {
                two_threads(program, |mine, theirs| {
                    mine.iter().any(|access| access.is_store()) && theirs.iter().any(|access| !access.is_load())
                })
            },
            seen: vec![
                (LoomInvents, Program(vec![vec![x(Store(1, Relaxed))], vec![x(FetchOr(2, Relaxed))]])),
                (
                    LoomMissesWeak,
                    Program(vec![
                        vec![x(Store(1, Relaxed)), y(FetchOr(2, Relaxed))],
                        vec![y(Store(4, Relaxed)), x(FetchOr(8, Relaxed))],
                    ]),
                ),
            ],
        },
        Limit {
            name: "a compare-exchange that fails beside another thread's write",
            has: |program| {
                two_threads(program, |mine, theirs| {
                    mine.iter().any(|access| matches!(access, CompareExchange(..)))
                        && theirs.iter().any(|access| !access.is_load())
                })
            },
            seen: vec![(
                LoomMissesWeak,
                Program(vec![
                    vec![y(Swap(1, Relaxed)), x(CompareExchange(2, 4, Relaxed, Relaxed))],
                    vec![x(Swap(8, Relaxed)), y(Swap(16, Relaxed))],
                ]),
            )],
        },
        Limit {
            name: "what a thread does right after a park that returned spuriously",
            has: |program| {
                let mut after = program.0[0].iter().skip_while(|step| **step != Park).skip(1);
                after.any(|step| matches!(step, Atomic(..) | Step::Section(..)))
            },
            seen: vec![(
                LoomMisses,
                Program(vec![
                    vec![x(Swap(1, Relaxed)), Park, x(Swap(2, Relaxed))],
                    vec![x(Swap(4, Relaxed)), x(Swap(8, Relaxed)), Unpark],
                ]),
            )],
        },
        Limit {
            name: "two threads that leave a token for one thread",
            has: |program| program.0.iter().filter(|steps| steps.contains(&Unpark)).count() > 1,
            seen: vec![(
                LoomInvents,
                Program(vec![
                    vec![Write(0, 1), x(Swap(2, AcqRel))],
                    vec![Unpark, Read(0)],
                    vec![x(Swap(8, AcqRel)), Unpark],
                ]),
            )],
        },
    ]
}

impl Limit {
    /// Whether it is why loom differs so on `program`, a smallest one.
    pub(crate) fn explains(&self, difference: Difference, program: &Program) -> bool {
        self.seen.iter().any(|(seen, _)| *seen == difference) && (self.has)(program)
    }
}

/// Whether there is an atomic that some two threads access so.
fn two_threads(program: &Program, is: fn(&[Access], &[Access]) -> bool) -> bool {
    (0..PLACES).any(|word| {
        let threads: Vec<Vec<Access>> = program.0.iter().map(|steps| accesses(steps, word)).collect();
        let is_with = |one: usize| (0..threads.len()).any(|other| one != other && is(&threads[one], &threads[other]));
        (0..threads.len()).any(is_with)
    })
}

fn accesses(steps: &[Step], word: usize) -> Vec<Access> {
    let of = |step: &Step| match step {
        Atomic(at, access) if *at == word => vec![*access],
        Step::Section(_, steps) => accesses(steps, word),
        _ => Vec::new(),
    };
    steps.iter().flat_map(of).collect()
}
