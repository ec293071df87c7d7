//! Runs the model tests of a pretend user ([`downstream/`](downstream)) in each explorer's world: what README.md
//! promises under "Under your own model tests".
#![cfg(not(any(loom, shuttle, miri)))]

mod util;

use std::path::{Path, PathBuf};

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/downstream")
}

/// Right programs pass, and wrong ones are found out, each by its own message.
fn model_tests_under(explorer: &str, all: usize, wrong: usize) {
    let world = format!("--cfg hence_{explorer}");
    let printed = util::cargo(&package(), &format!("downstream-{explorer}"), &world, &["test", "--locked"]);
    assert!(printed.contains(&format!("test result: ok. {all} passed; 0 failed; 0 ignored")), "{printed}");
    assert_eq!(printed.matches("should panic ... ok").count(), wrong, "{printed}");
}

#[test]
fn a_user_can_model_under_loom() {
    model_tests_under("loom", 11, 5);
    // The other arm of its select.
    let (succeeded, printed) = util::try_cargo(
        &package(),
        "downstream-loom",
        "--cfg hence_loom",
        &["test", "--locked", "a_select_takes_the_arm"],
        Some(("HENCE_SELECT", "1")),
    );
    assert!(succeeded && printed.contains("1 passed"), "{printed}");
}

#[test]
fn a_user_can_model_under_shuttle() {
    model_tests_under("shuttle", 11, 5);
}

#[test]
fn a_cfg_without_its_feature_is_one_sentence() {
    // Only the tests' dependencies bring the feature.
    let arguments = ["build", "--locked", "--lib"];
    let (succeeded, printed) = util::try_cargo(&package(), "downstream-loom", "--cfg hence_loom", &arguments, None);
    assert!(!succeeded, "{printed}");
    assert!(printed.contains("error: `--cfg hence_loom` (or `loom`) needs the feature `loom` of `hence`"), "{printed}");
    assert!(printed.contains("could not compile `hence` (lib) due to 1 previous error"), "{printed}");
}
