//! Whether the explorers explore what they say: random programs, small enough to enumerate what they may do without an
//! explorer, run under both. The bounded explorer, without a bound, has to show exactly the interleavings' outcomes,
//! races among them; loom, exactly what the memory model allows. Where loom is known to differ, `limits.rs` says so by the
//! shape of a program; a difference whose smallest program has none of these shapes is red. `shapes.rs` holds the shapes
//! against `src/`.
//!
//! More programs: `HENCE_PROGRAMS=20000 HENCE_SEED=7 cargo test --release --package hence-verification --test explorers
//! -- --nocapture 2> /dev/null`, which prints a table.

#![cfg(not(any(loom, shuttle)))]

mod compare;
mod enumerator;
mod generator;
mod kernels;
mod limits;
mod shapes;

use std::collections::BTreeMap;
use std::env;

use compare::{Difference, differences, minimised};
use fastrand::Rng;
use hence_registry::program::{Access, Program, Step};
use limits::limits;

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn the_explorers_differ_where_they_are_known_to_and_nowhere_else() {
    let mut rng = Rng::with_seed(setting("HENCE_SEED", 1));
    let limits = limits();
    let mut table: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut unknown: BTreeMap<(Difference, String), String> = BTreeMap::new();
    for _ in 0..setting("HENCE_PROGRAMS", 100) {
        let program = generator::draw(&mut rng);
        let class = class(&program);
        *table.entry((class, "programs".into())).or_default() += 1;
        for difference in differences(&program).into_keys() {
            let smallest = minimised(program.clone(), difference);
            let limit = limits.iter().find(|limit| limit.explains(difference, &smallest));
            let row = format!("{difference}: {}", limit.map_or("for no known reason", |limit| limit.name));
            *table.entry((class, row)).or_default() += 1;
            if limit.is_none() {
                let shown = differences(&smallest).remove(&difference).expect("it differs");
                unknown.entry((difference, smallest.to_string())).or_insert(shown);
            }
        }
    }
    for ((class, row), count) in table {
        println!("{class:<32} {count:>6} {row}");
    }
    for ((difference, program), shown) in &unknown {
        println!("{difference}:\n{program}{shown}\n");
    }
    assert!(unknown.is_empty(), "{} differences for no known reason", unknown.len());
}

/// What a program is made of, for the table.
fn class(program: &Program) -> &'static str {
    fn any(steps: &[Step], is: fn(&Step) -> bool) -> bool {
        steps.iter().any(|step| is(step) || matches!(step, Step::Section(_, inner) if any(inner, is)))
    }
    let has = |is| program.0.iter().any(|steps| any(steps, is));
    if has(|step| *step == Step::Park) {
        "parking"
    } else if !has(|step| matches!(step, Step::Atomic(..))) {
        "locks and plain memory"
    } else if has(|step| matches!(step, Step::Atomic(_, Access::Store(..)))) {
        "atomics, stores among them"
    } else if has(|step| matches!(step, Step::Atomic(_, Access::Load(_)))) {
        "atomics, loads but no stores"
    } else {
        "read-modify-writes"
    }
}

#[test]
fn each_limit_is_still_one() {
    for limit in limits() {
        for (difference, program) in limit.seen {
            assert!((limit.has)(&program), "{}: not its shape:\n{program}", limit.name);
            let differences = differences(&program);
            assert!(differences.contains_key(&difference), "{}: no more {difference}:\n{program}", limit.name);
            let smallest = minimised(program.clone(), difference);
            assert_eq!(smallest, program, "{}: there is a smaller one:\n{smallest}", limit.name);
        }
    }
}
