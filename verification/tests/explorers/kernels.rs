//! The kernels of `verification/litmus`, held against the enumeration: what each says never happens is not among what the
//! memory model allows, and is once the kernel is weakened as it says.
//!
//! The language has no branches, and asks for none: an outcome in which a branch would have been taken says so. Data is a
//! Relaxed atomic here, since a read of plain memory that the branch would have skipped is a race.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use hence_registry::program::{Access, Program, Step};

use Access::{CompareExchange, FetchOr, Load, Store, Swap};

use crate::enumerator::{Memory, may};

struct Kernel {
    /// Of the file.
    name: &'static str,
    /// What it forbids: values read, thread by thread.
    forbidden: [&'static [usize]; 2],
    program: Program,
    weakened: Vec<Program>,
}

fn two(one: &[Step], other: &[Step]) -> Program {
    Program(vec![one.to_vec(), other.to_vec()])
}

fn kernels() -> Vec<Kernel> {
    let (word, data) = (|access| Step::Atomic(0, access), |access| Step::Atomic(1, access));
    let publish =
        |store, load| two(&[data(Store(1, Relaxed)), word(Store(1, store))], &[word(Load(load)), data(Load(Relaxed))]);
    let section = |exchange, release| {
        let count = [data(Load(Relaxed)), data(Store(1, Relaxed))];
        let [enter, leave] = [word(CompareExchange(0, 1, exchange, Relaxed)), word(Store(0, release))];
        let steps = [&[enter], &count[..], &[leave]].concat();
        two(&steps, &steps)
    };
    let claim = |to| word(CompareExchange(0, to, Relaxed, Relaxed));
    let apart = |to| [word(Load(Relaxed)), word(Store(to, Relaxed))];
    let ends = |end, watch| {
        two(&[data(Store(1, Relaxed)), word(FetchOr(2, end))], &[word(FetchOr(4, watch)), data(Load(Relaxed))])
    };
    vec![
        Kernel {
            name: "hb-cx-1-publish-consume",
            forbidden: [&[], &[1, 0]],
            program: publish(Release, Acquire),
            weakened: vec![publish(Relaxed, Acquire), publish(Release, Relaxed)],
        },
        Kernel {
            name: "hb-lk-1-last-one-out",
            forbidden: [&[0, 0], &[0, 0]],
            program: section(Acquire, Release),
            weakened: vec![section(Relaxed, Release), section(Acquire, Relaxed)],
        },
        Kernel {
            name: "sf-wt-1-claim",
            forbidden: [&[0], &[0]],
            program: two(&[claim(1)], &[claim(2)]),
            weakened: vec![two(&apart(1), &apart(2))],
        },
        Kernel {
            name: "lv-pk-1-park-handshake",
            forbidden: [&[0], &[0]],
            program: two(&[claim(1)], &[word(Swap(2, Release))]),
            weakened: vec![two(&[claim(1)], &apart(2))],
        },
        Kernel {
            name: "lv-pl-3-close-and-drain",
            forbidden: [&[0], &[0, 1]],
            program: ends(AcqRel, AcqRel),
            weakened: vec![],
        },
        Kernel {
            name: "lv-pl-3-close-and-drain",
            forbidden: [&[0], &[2, 0]],
            program: ends(AcqRel, AcqRel),
            weakened: vec![ends(Acquire, AcqRel), ends(AcqRel, Release)],
        },
    ]
}

#[test]
fn kernels_forbid_what_they_say_and_allow_it_weakened() {
    for Kernel { name, forbidden, program, weakened } in kernels() {
        assert!(!may(&program, Memory::Weak, &forbidden), "{name}: {forbidden:?} happens:\n{program}");
        for weakened in weakened {
            assert!(may(&weakened, Memory::Weak, &forbidden), "{name}: {forbidden:?} does not happen:\n{weakened}");
        }
    }
}

#[test]
fn each_kernel_is_enumerated() {
    let folder = hence_verification::root().join("verification/litmus");
    let files = fs::read_dir(folder).expect("the kernels").map(|file| file.expect("readable").path());
    let files = files.filter(|path| path.extension().is_some_and(|it| it == "litmus"));
    let written: BTreeSet<String> = files.map(|path| path.file_stem().unwrap().display().to_string()).collect();
    let enumerated: BTreeSet<String> = kernels().iter().map(|kernel| kernel.name.to_owned()).collect();
    assert_eq!(written, enumerated);
}
