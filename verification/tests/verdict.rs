//! What makes a row red, on made-up runs.

use std::collections::BTreeMap;

use hence_registry::{Engine, Expect, Kind, Model, Run, Timed, Weaken};
use hence_verification::pins::Pins;
use hence_verification::rows::Row;
use hence_verification::verdict::{Terms, Verdict, judge};

const BOUNDED: Engine = Engine::Bounded { preemptions: Some(2), spurious: 0 };

fn row(expect: Expect, engine: Engine) -> Row {
    let weaken = matches!(expect, Expect::Fail { .. }).then(|| Weaken {
        file: "src/wait.rs".into(),
        line: 1,
        kind: Kind::Unchecked,
    });
    let model = Model { expect, weaken, ..Model::new("model", &[], &[], String::new).under(&[engine]) };
    Row { model, engine }
}

fn must_pass(engine: Engine) -> Row {
    row(Expect::Pass { outcomes: &["a", "b"] }, engine)
}

fn must_fail() -> Row {
    row(Expect::Fail { reasons: &["deadlock", "race"] }, Engine::Loom)
}

fn run(outcomes: &[&str]) -> Run {
    let outcomes = outcomes.iter().map(ToString::to_string).collect();
    Run { executions: 7, outcomes, complete: true, weakened: true, ..Run::default() }
}

fn failed(failure: &str) -> Run {
    Run { failure: Some(failure.into()), complete: false, ..run(&["a"]) }
}

#[track_caller]
fn assert_red(row: &Row, run: &Run, why: &str) {
    let verdict = judge(row, run, Terms::Pinning);
    let Verdict::Red(faults) = &verdict else { panic!("{verdict:?}") };
    assert!(faults.len() == 1 && faults[0].contains(why), "{faults:?}");
}

#[test]
fn outcomes_are_exact_under_complete_loom_and_a_subset_elsewhere() {
    assert!(judge(&must_pass(Engine::Loom), &run(&["a", "b"]), Terms::Pinning).is_green());
    assert_red(&must_pass(Engine::Loom), &run(&["a"]), r#"missing outcomes: ["b"]"#);
    for engine in [Engine::LoomBounded(2), BOUNDED, Engine::Pct(10), Engine::Random(10)] {
        assert!(judge(&must_pass(engine), &run(&["a"]), Terms::Pinning).is_green());
        assert_red(&must_pass(engine), &run(&["a", "c"]), r#"unexpected outcomes: ["c"]"#);
    }
}

#[test]
fn a_sweep_reaches_all_outcomes() {
    let sweep = must_pass(Engine::Sweep { preemptions: None, spurious: 1, panics: 1 });
    assert!(judge(&sweep, &run(&["a", "b"]), Terms::Pinning).is_green());
    assert_red(&sweep, &run(&["a"]), r#"missing outcomes: ["b"]"#);
}

#[test]
fn a_model_that_parks_has_a_row_with_a_spurious_wake() {
    let parks = Run { parks: 1, ..run(&["a", "b"]) };
    let mut row = must_pass(BOUNDED);
    assert_red(&row, &parks, "none of its rows has a spurious wake");
    assert!(judge(&row, &parks, Terms::Weakened).is_green());
    row.model.engines.push(Engine::Bounded { preemptions: Some(1), spurious: 1 });
    assert!(judge(&row, &parks, Terms::Pinning).is_green());
}

#[test]
fn waits_with_a_deadline_end_both_ways_or_the_model_says_why_not() {
    let timed = |met, expired| Run { timed: BTreeMap::from([(0, Timed { met, expired })]), ..run(&["a", "b"]) };
    let row = must_pass(BOUNDED);
    assert!(judge(&row, &timed(1, 1), Terms::Pinning).is_green());
    assert_red(&row, &timed(0, 1), "one way: thread 0: 0 met, 1 expired");
    assert_red(&row, &timed(1, 0), "one way: thread 0: 1 met, 0 expired");
    let one_way = Row { model: row.model.one_way("nobody else is there"), engine: BOUNDED };
    assert!(judge(&one_way, &timed(0, 1), Terms::Pinning).is_green());
    assert_red(&one_way, &timed(1, 1), "though the model says: nobody else is there");
}

#[test]
fn an_enumeration_must_be_complete_and_a_sampler_never_is() {
    let incomplete = Run { complete: false, ..run(&["a", "b"]) };
    assert_red(&must_pass(Engine::Loom), &incomplete, "exploration not complete");
    assert_red(&must_pass(BOUNDED), &incomplete, "exploration not complete");
    assert!(judge(&must_pass(Engine::Pct(10)), &incomplete, Terms::Pinning).is_green());
}

#[test]
fn a_model_that_must_pass_must_not_fail() {
    assert_red(&must_pass(Engine::Loom), &failed("a race"), "a race");
    assert!(judge(&must_pass(Engine::Loom), &failed("a race"), Terms::Replay).is_red());
}

#[test]
fn one_schedule_need_not_reach_every_outcome() {
    let schedule = Run { complete: false, ..run(&["a"]) };
    assert!(judge(&must_pass(Engine::Loom), &schedule, Terms::Replay).is_green());
}

#[test]
fn an_expected_failure_fails_for_a_stated_reason() {
    assert!(judge(&must_fail(), &failed("deadlock; threads = []"), Terms::Pinning).is_green());
    assert_red(&must_fail(), &failed("index out of bounds"), "failed for another reason");
    assert_red(&must_fail(), &run(&["a"]), "did not fail");
    let untouched = Run { weakened: false, ..failed("deadlock") };
    assert_red(&must_fail(), &untouched, "the weakened operation was never executed");
}

#[test]
fn executions_are_as_pinned() {
    let (row, run) = (must_pass(Engine::Loom), run(&["a", "b"]));
    let mut pins = Pins::default();
    assert!(judge(&row, &run, Terms::Pinned(&pins)).is_red());
    pins.set(&row, 8);
    assert!(judge(&row, &run, Terms::Pinned(&pins)).is_red());
    pins.set(&row, 7);
    assert!(judge(&row, &run, Terms::Pinned(&pins)).is_green());
}

#[test]
fn a_weakening_that_is_not_executed_says_nothing() {
    let untouched = Run { weakened: false, ..run(&["a", "b"]) };
    assert!(judge(&must_pass(Engine::Loom), &untouched, Terms::Weakened).is_idle());
    assert!(judge(&must_pass(Engine::Loom), &failed("a race"), Terms::Weakened).is_red());
}
