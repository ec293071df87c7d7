//! What several tests have in common.

/// Fails with one line for each fault.
#[track_caller]
pub(crate) fn assert_none(what: &str, faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "{what}:\n  {}\n", faults.join("\n  "));
}
