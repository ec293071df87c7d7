//! `verification/pins.md`: how many executions each complete exploration takes. `cargo verify --pin` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

use hence_registry::{Engine, Model};

use crate::rows::Row;

const FILE: &str = "pins.md";

/// What stands above the rows.
const HEAD: &str = "\
# Pinned sizes

How many executions each complete exploration takes. `cargo verify --pin` writes this file;
[proofs.md](../proofs.md#how-to-read-a-count) says how to read a count.

| model | engine | bound | executions |
| --- | --- | --- | ---: |
";

/// A row of the table: model, engine, bound.
pub type Key = (String, String, String);

/// The executions that each complete exploration takes.
#[derive(Clone, Debug, Default)]
pub struct Pins(BTreeMap<Key, u64>);

impl Pins {
    /// Reads the table in `folder`; one that is not there yet is empty.
    pub fn read(folder: &Path) -> io::Result<Pins> {
        let text = match fs::read_to_string(folder.join(FILE)) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        Ok(Pins(text.lines().filter_map(parse).collect()))
    }

    /// Writes the table in `folder`: the pins that `models` want, in their order, and no others.
    pub fn write(&self, folder: &Path, models: &[Model]) -> io::Result<()> {
        let mut text = HEAD.to_string();
        for key in wanted(models) {
            if let Some(executions) = self.0.get(&key) {
                let (model, engine, bound) = key;
                writeln!(text, "| {model} | {engine} | {bound} | {executions} |").expect("a String takes it");
            }
        }
        fs::write(folder.join(FILE), text)
    }

    /// The count pinned for a row.
    pub fn get(&self, row: &Row) -> Option<u64> {
        self.0.get(&key(row.model.name, row.engine)).copied()
    }

    /// Pins a count.
    pub fn set(&mut self, row: &Row, executions: u64) {
        self.0.insert(key(row.model.name, row.engine), executions);
    }

    /// The rows that have a pin.
    pub fn keys(&self) -> BTreeSet<Key> {
        self.0.keys().cloned().collect()
    }
}

/// Every row that is to have a pin, in the order of the registry.
pub fn wanted(models: &[Model]) -> Vec<Key> {
    let rows = models.iter().flat_map(Row::of);
    rows.filter(Row::is_pinned).map(|row| key(row.model.name, row.engine)).collect()
}

fn key(model: &str, engine: Engine) -> Key {
    (model.into(), engine.name().into(), engine.bound().unwrap_or_else(|| "none".into()))
}

fn parse(line: &str) -> Option<(Key, u64)> {
    let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
    let [model, engine, bound, executions] = cells[..] else { return None };
    Some(((model.into(), engine.into(), bound.into()), executions.parse().ok()?))
}
