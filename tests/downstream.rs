//! Runs the model tests of a pretend user ([`downstream/`](downstream)) in each explorer's world: what README.md
//! promises under "Under your own model tests".
#![cfg(not(any(loom, shuttle, miri)))]

mod util;

use std::path::Path;

/// The tests of each world: right programs that pass, and wrong ones that have to be found out.
const TESTS: usize = 5;

fn model_tests_under(explorer: &str) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/downstream");
    let world = format!("--cfg {explorer}");
    let printed = util::cargo(&package, &format!("downstream-{explorer}"), &world, &["test", "--locked"]);
    assert!(printed.contains(&format!("test result: ok. {TESTS} passed; 0 failed; 0 ignored")), "{printed}");
    let found_out = printed.matches("should panic ... ok").count();
    assert_eq!(found_out, 2, "{printed}");
}

#[test]
fn a_user_can_model_under_loom() {
    model_tests_under("loom");
}

#[test]
fn a_user_can_model_under_shuttle() {
    model_tests_under("shuttle");
}
