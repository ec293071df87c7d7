//! What the command line promises: exit codes, what is selected, the JSON, the pins. Runs the one model that has the
//! fewest pinned executions, and nothing else to its end.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use hence_registry::{Engine, Model};
use hence_verification::pins::Pins;
use hence_verification::rows::Row;
use hence_verification::{engines, here};
use serde_json::Value;
use tempfile::TempDir;

fn verify(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hence-verify"));
    command.args(arguments).env_remove("HENCE_WEAKEN");
    command
}

fn output(arguments: &[&str]) -> Output {
    verify(arguments).output().expect("the runner starts")
}

#[track_caller]
fn assert_usage(output: &Output, message: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
}

/// The models that this build of the runner can explore.
fn models() -> Vec<Model> {
    let mut models = engines::models();
    models.retain(|model| model.engines.iter().any(|&engine| engines::holds(engine)));
    models
}

/// The names in what `--list` prints.
fn listed(arguments: &[&str]) -> BTreeSet<String> {
    let output = output(&[&["--list"], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8(output.stdout).expect("text");
    stdout.lines().filter_map(|line| line.split_whitespace().next()).map(Into::into).collect()
}

/// The model that passes soonest, by the pins; the first that passes if none are pinned.
fn cheapest() -> &'static str {
    static NAME: LazyLock<&str> = LazyLock::new(|| {
        let pins = Pins::read(&here()).expect("readable");
        let cost = |row: Row| match row.engine {
            Engine::Pct(schedules) | Engine::Random(schedules) => Some(schedules),
            _ => pins.get(&row),
        };
        let passing = models().into_iter().filter(|model| Row::of(model).all(|row| row.passes()));
        let total = |model: &Model| Row::of(model).map(cost).sum::<Option<u64>>().unwrap_or(u64::MAX);
        passing.min_by_key(total).expect("a model that passes").name
    });
    *NAME
}

/// A copy of the pins to write to, which may not hold.
fn copy_of_pins(folder: &TempDir) -> PathBuf {
    let copy = folder.path().join("pins.md");
    fs::copy(here().join("pins.md"), &copy).expect("a copy");
    copy
}

#[test]
fn bad_usage_exits_2() {
    assert_usage(&output(&["no_such_model"]), "no model matches");
    assert_usage(&output(&["--list", "no_such_model"]), "no model matches");
    assert_usage(&output(&["--shard", "3/2"]), "I/N");
    assert_usage(&output(&["--weaken", "--pin", "--quick"]), "--pin");
    assert_usage(&output(&["hb", "--replay", "1"]), "full name");
    assert_usage(&output(&["--replay", "1", "--pin", "hb"]), "--pin");
    assert_usage(&output(&["--json", "/no/such/folder/report.json"]), "/no/such/folder");
}

#[test]
fn a_bad_weakening_exits_2_and_says_why() {
    let faults = [
        ("src/wait.rs", "no #"),
        ("src/wait.rs:1#claim", "no ="),
        ("src/wait.rs#claim=unchecked", "no line"),
        ("wait.rs:1#claim=unchecked", "no file in src/"),
        ("src/wait.rs:1:x#claim=unchecked", "no column"),
        ("src/wait.rs:1#claim=removed", "unknown kind `removed`"),
        ("src/wait.rs:1#order=unchecked", "the operand `claim`"),
    ];
    for (weakening, fault) in faults {
        assert_usage(&verify(&["--list"]).env("HENCE_WEAKEN", weakening).output().expect("the runner starts"), fault);
    }
}

#[test]
fn a_weakening_that_nothing_executes_is_red() {
    let output = verify(&[cheapest()]).env("HENCE_WEAKEN", "src/lib.rs:1#order=relaxed").output().expect("starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("no model that ran executes the operation"), "{stdout}");
}

#[test]
fn a_filter_is_a_part_of_a_name_or_an_id_or_its_family() {
    let models = models();
    for id in models.iter().flat_map(|model| model.ids).collect::<BTreeSet<_>>() {
        let carriers = |wanted: &dyn Fn(&str) -> bool| {
            let models = models.iter().filter(|model| model.ids.iter().any(|id| wanted(id)));
            models.map(|model| model.name.to_string()).collect::<BTreeSet<_>>()
        };
        assert_eq!(listed(&[id]), carriers(&|other| other == *id));
        assert_eq!(listed(&[&id.to_lowercase()]), carriers(&|other| other == *id));
        let family = id.trim_end_matches(|last: char| last.is_ascii_digit());
        assert_eq!(listed(&[family.trim_end_matches('-')]), carriers(&|other| other.starts_with(family)));
    }
    assert!(listed(&[&cheapest()[1..]]).contains(cheapest()));
}

#[test]
fn shards_are_parts_of_the_whole() {
    let shards = ["1/3", "2/3", "3/3"].map(|shard| listed(&["--shard", shard]));
    let sum: usize = shards.iter().map(BTreeSet::len).sum();
    assert_eq!(shards.into_iter().flatten().collect::<BTreeSet<_>>(), listed(&[]));
    assert_eq!(sum, listed(&[]).len());
}

#[test]
fn quick_leaves_models_out() {
    let quick = models().into_iter().filter(|model| model.quick).map(|model| model.name.to_string());
    assert_eq!(listed(&["--quick"]), quick.collect());
}

#[test]
fn engine_leaves_rows_out() {
    let has_loom = |row: &Row| engines::is_loom(row.engine) && engines::holds(row.engine);
    let loom = models().into_iter().filter(|model| Row::of(model).any(|row| has_loom(&row)));
    let expected: BTreeSet<String> = loom.map(|model| model.name.into()).collect();
    if !expected.is_empty() {
        assert_eq!(listed(&["--engine", "loom"]), expected);
    }
}

#[test]
fn what_was_pinned_is_green_and_what_differs_is_red() {
    let folder = TempDir::new().expect("a folder");
    let (pins, json) = (copy_of_pins(&folder), folder.path().join("report.json"));
    let run = |more: &[&str]| {
        let files = ["--tables", folder.path().to_str().expect("text"), "--json", json.to_str().expect("text")];
        let output = output(&[&[cheapest()], &files[..], more].concat());
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    let (code, stdout) = run(&["--pin"]);
    assert_eq!(code, Some(0), "{stdout}");
    let (code, stdout) = run(&[]);
    assert_eq!(code, Some(0), "{stdout}");
    assert_shape(&serde_json::from_str(&fs::read_to_string(&json).expect("written")).expect("JSON"));

    let pinned = fs::read_to_string(&pins).expect("written");
    let (before, table) = pinned.split_once("---: |\n").expect("pins");
    fs::write(&pins, format!("{before}---: |\n{}", table.replace(" |\n", "1 |\n"))).expect("written");
    let (code, stdout) = run(&[]);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains("verification/pins.md pins"), "{stdout}");

    fs::write(&pins, before).expect("written");
    let (code, stdout) = run(&[]);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains("not pinned"), "{stdout}");
}

/// The keys of the JSON are all there, no others are, and they hold what the design says.
fn assert_shape(document: &Value) {
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<BTreeSet<_>>();
    let set = |keys: &[&str]| keys.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(keys(document), set(&["interrupted", "models", "guarantees", "weakenings"]));
    assert_eq!(document["interrupted"], false);
    assert_eq!(document["weakenings"], Value::Array(Vec::new()));
    let models = document["models"].as_array().expect("an array");
    for model in models {
        let all =
            ["name", "ids", "engine", "expect", "outcome", "reason", "complete", "bound", "executions", "seconds"];
        assert_eq!(keys(model), set(&all));
        assert!(["loom", "bounded", "pct", "random"].contains(&model["engine"].as_str().expect("text")));
        assert_eq!(model["expect"], model["outcome"], "{model}");
        assert_eq!(model["reason"].is_null(), model["outcome"] == "pass", "{model}");
        assert!(model["executions"].as_u64().expect("a number") > 0);
    }
    assert!(models.iter().any(|model| model["name"] == cheapest() && model["complete"] == true));
    for guarantee in document["guarantees"].as_array().expect("an array") {
        assert_eq!(keys(guarantee), set(&["id", "where", "models"]));
        let place = guarantee["where"].as_str().expect("text");
        assert!(place.starts_with("src/") && place.contains(".rs:"), "{place}");
    }
}

#[test]
fn a_row_that_takes_too_long_is_red() {
    let output = output(&[cheapest(), "--timeout", "0"]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("timed out after 0 s, exploration not complete"), "{stdout}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_partial_report_and_exits_130() {
    let folder = TempDir::new().expect("a folder");
    let json = folder.path().join("report.json");
    let mut command = verify(&["--json", json.to_str().expect("text")]);
    let mut runner = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the runner starts");
    let mut stderr = BufReader::new(runner.stderr.take().expect("a pipe")).lines();
    let first = stderr.next().expect("a line").expect("text");
    assert!(first.starts_with("exploring"), "{first}");
    let signalled = Command::new("kill").args(["-INT", &runner.id().to_string()]).status().expect("kill starts");
    assert!(signalled.success());
    stderr.for_each(drop);
    let output = runner.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("not finished: interrupted"), "{output:?}");
    let document: Value = serde_json::from_str(&fs::read_to_string(&json).expect("written")).expect("JSON");
    assert_eq!(document["interrupted"], true);
}
