//! That the atomics of `src/` are out of the way of what loom is known to miss: each pair of operations that has such a
//! shape in some schedule of some model is listed, with the reason why nothing is lost; one that is not listed is red,
//! and so is an entry that no model has any more.

use std::collections::BTreeSet;
use std::fs;

use hence_registry::Expect;
use hence_under_shuttle::{Place, Shape, shapes};
use hence_verification::{root, sites};

/// Random schedules of each model. A shape is a matter of who does what, and less of when.
const SCHEDULES: usize = 100;

/// File, first operation, second operation.
type Pair = (&'static str, &'static str, &'static str);

const LOAD_THEN_WRITE: &[Pair] = &[];
const STORE_BESIDE_WRITE: &[Pair] = &[];
const CLAIM_BESIDE_WRITE: &[Pair] = &[];

#[test]
fn what_src_does_with_its_atomics_is_out_of_their_way() {
    let passing = hence_under_shuttle::models().into_iter().filter(|model| matches!(model.expect, Expect::Pass { .. }));
    let found: BTreeSet<Shape> =
        passing.filter(|model| model.weaken.is_none()).flat_map(|model| shapes(&model, SCHEDULES)).collect();
    assert!(!found.is_empty(), "the scan finds something");
    for shape in found {
        let (what, first, second) = match shape {
            Shape::LoadThenWrite(first, second) => ("load then write", first, second),
            Shape::StoreBesideWrite(first, second) => ("store beside write", first, second),
            Shape::ClaimBesideWrite(first, second) => ("claim beside write", first, second),
        };
        println!("{what}: {} | {} | {}", first.0, code(first), code(second));
    }
}

/// The code at a place.
fn code((file, line): Place) -> String {
    let text = fs::read_to_string(root().join(file)).expect("a file of src/");
    let line = text.lines().nth(line as usize - 1).expect("a line of it");
    sites::code(line).trim().to_owned()
}
