//! The same guarantees everywhere: the comments in `src/`, the models and proofs.md hold one set of IDs, and every
//! exploration that is to be complete has its count in `verification/pins.md`. Nothing is explored here.

mod util;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use hence_registry::Model;
use hence_verification::guarantees::Guarantee;
use hence_verification::pins::{self, Pins};
use hence_verification::proofs::Proofs;
use hence_verification::rows::Row;
use hence_verification::sweep::Sources;
use hence_verification::{engines, evidence, guarantees, here, root, sites, weakenings};
use regex_lite::Regex;

use util::assert_none;

fn proofs_md() -> Proofs {
    Proofs::read(&hence_verification::proofs_md()).expect("proofs.md can be read")
}

/// The rows of `verification/weakenings.md`.
fn weakened() -> Vec<[String; 4]> {
    weakenings::read(&here()).expect("the table can be read")
}

#[test]
fn source_models_and_proofs_hold_the_same_ids() {
    let stated: BTreeSet<String> = guarantees::scan(&root()).into_iter().map(|guarantee| guarantee.id).collect();
    let carried: BTreeSet<String> =
        engines::models().iter().flat_map(|model| model.ids).map(ToString::to_string).collect();
    let listed = proofs_md().table_ids();
    let places = [("not stated in src/", &stated), ("on no model", &carried), ("no row in proofs.md", &listed)];
    let all: BTreeSet<&String> = places.iter().flat_map(|(_, ids)| ids.iter()).collect();
    let faults = all.into_iter().filter_map(|id| {
        let absent: Vec<&str> = places.iter().filter(|(_, ids)| !ids.contains(id)).map(|(place, _)| *place).collect();
        (!absent.is_empty()).then(|| format!("{id}: {}", absent.join(", ")))
    });
    assert_none("IDs that are not everywhere", faults);
}

/// The index of lib.rs: every ID, and where it is stated.
#[test]
fn the_index_holds_every_id() {
    let sources = hence_verification::sources();
    let (_, index) = sources["lib.rs"].split_once("//! # Index of guarantees").expect("the heading");
    let row = Regex::new(r"^//! \| \[([A-Z]+-[A-Z]+-\d+)\]\(.*\| \[`(\w+)`\]").expect("a valid pattern");
    let rows = index.lines().filter_map(|line| row.captures(line));
    let rows: BTreeMap<String, String> = rows.map(|row| (row[1].into(), format!("src/{}.rs", &row[2]))).collect();
    let below = Regex::new(guarantees::ID).expect("a valid pattern");
    let (_, inner) = index.split_once("contracts between the files").expect("the contracts between the files");
    let inner: BTreeSet<&str> = below.find_iter(inner).map(|id| id.as_str()).collect();
    let faults = guarantees::scan(&root()).into_iter().filter_map(|Guarantee { id, place, .. }| {
        let file = place.split(':').next().expect("a file");
        let is_there = rows.get(&id).is_some_and(|stated| stated == file) || inner.contains(&*id);
        (!is_there).then(|| format!("{id}, {place}"))
    });
    assert_none("IDs that are not in the index of lib.rs, or stated elsewhere", faults);
}

#[test]
fn every_guarantee_has_the_models_it_needs() {
    let faults = evidence::faults(&guarantees::scan(&root()), &engines::models(), &proofs_md().exceptions(), |_| true);
    assert_none("guarantees", faults.into_iter().map(|(id, faults)| format!("{id}: {}", faults.join("; "))));
}

#[test]
fn exceptions_are_of_guarantees() {
    let stated: BTreeSet<String> = guarantees::scan(&root()).into_iter().map(|guarantee| guarantee.id).collect();
    assert_none("exceptions for what src/ does not state", proofs_md().exceptions().difference(&stated).cloned());
}

#[test]
fn a_model_is_named_after_a_guarantee() {
    let is_named_after = |model: &Model, id: &str| model.name.starts_with(&(id.to_lowercase().replace('-', "_") + "_"));
    let models = engines::models();
    let strays =
        models.iter().filter(|model| !model.ids.is_empty() && !model.ids.iter().any(|id| is_named_after(model, id)));
    assert_none("models named after none of their IDs", strays.map(|model| format!("{}: {:?}", model.name, model.ids)));
}

#[test]
fn every_passing_model_is_tried_where_parks_and_deadlines_are_seen() {
    let models = engines::models();
    let unseen = models.iter().filter(|model| {
        let rows: Vec<Row> = Row::of(model).collect();
        rows.iter().all(Row::passes) && rows.iter().all(|row| row.engine.name() != "bounded")
    });
    assert_none("models without a row of the bounded explorer", unseen.map(|model| model.name.into()));
}

#[test]
fn no_two_rows_are_the_same() {
    let mut rows: BTreeMap<String, usize> = BTreeMap::new();
    for row in engines::models().iter().flat_map(Row::of) {
        *rows.entry(row.title()).or_default() += 1;
    }
    assert_none("rows declared more than once", rows.into_iter().filter(|(_, n)| *n > 1).map(|(title, _)| title));
    let mut names = BTreeSet::new();
    let doubles = engines::models().into_iter().filter(|model| !names.insert(model.name));
    assert_none("names given more than once", doubles.map(|model| model.name.into()));
}

#[test]
fn every_complete_exploration_is_pinned_and_nothing_else() {
    let wanted: BTreeSet<pins::Key> = pins::wanted(&engines::models()).into_iter().collect();
    let pinned = Pins::read(&here()).expect("the table can be read").keys();
    let show = |what: &str, (model, engine, bound): &pins::Key| format!("{what}: {model}, {engine}, {bound}");
    let missing = wanted.difference(&pinned).map(|key| show("no pin", key));
    let stale = pinned.difference(&wanted).map(|key| show("no such row", key));
    assert_none(
        "verification/pins.md and the registry differ (`cargo verify --pin` writes the pins)",
        missing.chain(stale),
    );
}

#[test]
fn weakenings_are_of_what_stands_in_src() {
    let models: BTreeSet<&str> = engines::models().iter().map(|model| model.name).collect();
    let faults = weakened().into_iter().filter_map(|[file, operation, kind, by]| {
        let text = fs::read_to_string(root().join(&file)).unwrap_or_default();
        let is_there = text.lines().any(|line| sites::code(line).trim() == operation);
        let is_noticed =
            by.starts_with("argued") || by.split_once(',').is_some_and(|(model, _)| models.contains(model));
        (!is_there || !is_noticed).then(|| format!("{file}: `{operation}` {kind}: {by}"))
    });
    assert_none("rows that are out of date (run `cargo verify --weaken --pin`)", faults);
}

#[test]
fn every_ordering_has_its_row_of_weakenings() {
    let rows = weakened();
    let written = Sources::read(&root(), true).expect("no argument is about nothing").written;
    assert!(written.len() > 50, "the scan finds the operations");
    let has_row = |line: &sites::Line| rows.iter().any(|[file, code, ..]| *file == line.file && *code == line.code);
    let orders =
        |line: &&sites::Line| ["Acquire", "Release", "AcqRel", "SeqCst"].iter().any(|it| line.code.contains(it));
    let missing = written.iter().filter(orders).filter(|line| !has_row(line));
    assert_none(
        "orderings without a row (run `cargo verify --weaken --pin`)",
        missing.map(|line| format!("{}:{}: {}", line.file, line.line, line.code)),
    );
}

#[test]
fn litmus_kernels_name_models_that_there_are() {
    let models: BTreeSet<&str> = engines::models().iter().map(|model| model.name).collect();
    let named = Regex::new(r"models: ([^*]*) \*\)").expect("a valid pattern");
    let files = fs::read_dir(root().join("verification/litmus")).expect("the kernels").map(|file| file.unwrap().path());
    let kernels: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "litmus")).collect();
    assert_eq!(kernels.len(), 5);
    let faults = kernels.into_iter().flat_map(|path| {
        let text = fs::read_to_string(&path).expect("readable");
        let named: Vec<String> =
            named.captures(&text).map_or(Vec::new(), |it| it[1].split_whitespace().map(Into::into).collect());
        let unknown: Vec<_> = named.iter().filter(|name| !models.contains(name.as_str())).cloned().collect();
        let fault = |what: &str| format!("{}: {what}", path.display());
        if named.is_empty() { vec![fault("names no model")] } else { unknown.iter().map(|it| fault(it)).collect() }
    });
    assert_none("kernels", faults);
}
