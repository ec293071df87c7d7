//! proofs.md as data: the guarantees that it has a row for, the exceptions that it argues, the counts that it pins.
//!
//! Four things are read: table lines `| HB-CH-1 | ...`, list lines `- **HB-CH-1** ...` under `## Exceptions`, and, each
//! between its markers, the table of pins, which `cargo verify --pin` writes, and that of weakenings, which
//! `cargo verify --weaken --pin` writes. The rest is prose.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use hence_registry::{Engine, Model};
use regex_lite::Regex;

use crate::guarantees::ID;
use crate::rows::Row;
use crate::sweep::{Fate, Weakening};

const PINS: [&str; 2] = ["<!-- pins:begin -->", "<!-- pins:end -->"];
const WEAKENINGS: [&str; 2] = ["<!-- weakenings:begin -->", "<!-- weakenings:end -->"];

/// What a fresh proofs.md says before its first pins.
const FRESH: &str =
    "# Proofs\n\nWhat `cargo verify` explored, row by row; `cargo verify --pin` rewrites the table.\n\n";

/// The file as it was read.
#[derive(Clone, Debug)]
pub struct Proofs {
    path: PathBuf,
    text: String,
}

impl Proofs {
    /// Reads the file; one that is not there yet is empty.
    pub fn read(path: &Path) -> io::Result<Proofs> {
        let text = match fs::read_to_string(path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        Ok(Proofs { path: path.into(), text })
    }

    /// The guarantees that have a row in a table.
    pub fn table_ids(&self) -> BTreeSet<String> {
        ids(&self.text, &format!(r"^\|[\s*`]*({ID})[\s*`]*\|"))
    }

    /// The guarantees whose missing models are argued under `## Exceptions`.
    pub fn exceptions(&self) -> BTreeSet<String> {
        let section = self.text.lines().skip_while(|line| line.trim() != "## Exceptions").skip(1);
        let lines: Vec<&str> = section.take_while(|line| !line.starts_with("## ")).collect();
        ids(&lines.join("\n"), &format!(r"^- \*\*({ID})\*\*"))
    }

    /// The text, without the tables that the tool writes.
    pub fn prose(&self) -> String {
        let mut prose = self.text.clone();
        for markers in [PINS, WEAKENINGS] {
            prose = self.around(markers).map_or(prose.clone(), |(_, table, _)| prose.replace(table, ""));
        }
        prose
    }

    /// The pinned counts; none if there is no table of them.
    pub fn pins(&self) -> Pins {
        let table = self.around(PINS).map_or("", |(_, table, _)| table);
        Pins(table.lines().filter_map(parse).collect())
    }

    /// Replaces the table of pins: by those of `pins` that `models` want, in their order, and by no others.
    pub fn pin(&self, pins: &Pins, models: &[Model]) -> io::Result<()> {
        let mut table = String::from("\n\n| model | engine | bound | executions |\n| --- | --- | --- | ---: |\n");
        for key in wanted(models) {
            if let Some(executions) = pins.0.get(&key) {
                let (model, engine, bound) = key;
                writeln!(table, "| {model} | {engine} | {bound} | {executions} |").expect("a String takes it");
            }
        }
        self.replace(PINS, &table)
    }

    /// Replaces the table of weakenings.
    pub fn pin_weakenings(&self, weakenings: &[Weakening]) -> io::Result<()> {
        let mut table = String::from(
            "\n\n| file | operation | weakened | noticed by | executions |\n| --- | --- | --- | --- | ---: |\n",
        );
        for Weakening { line, kind, fate, .. } in weakenings {
            let (code, kind) = (line.code.replace('|', "\\|"), kind.unwrap_or("not executed"));
            let (by, executions) = match fate {
                Fate::Killed { by, executions } => (by.title(), executions.to_string()),
                Fate::Justified(_) => ("argued in `verification/justified.toml`".into(), String::new()),
                Fate::Survived(_) | Fate::NotExecuted => ("nothing".into(), String::new()),
            };
            writeln!(table, "| {} | `{code}` | {kind} | {by} | {executions} |", line.file).expect("a String takes it");
        }
        self.replace(WEAKENINGS, &table)
    }

    /// The rows of the table of weakenings: file, operation, kind, by what it was noticed.
    pub fn weakenings(&self) -> Vec<[String; 4]> {
        let table = self.around(WEAKENINGS).map_or("", |(_, table, _)| table);
        let row =
            Regex::new(r"(?m)^\| (src/\S+) \| `(.*)` \| ([\w -]+) \| (.*) \| (\d*) ?\|$").expect("a valid pattern");
        let cell = |cell: &str| cell.replace("\\|", "|");
        row.captures_iter(table).map(|row| [1, 2, 3, 4].map(|at| cell(&row[at]))).collect()
    }

    fn replace(&self, [begin, end]: [&str; 2], table: &str) -> io::Result<()> {
        let (before, after) = match self.around([begin, end]) {
            Some((before, _, after)) => (before.to_string(), after),
            None if self.text.is_empty() => (FRESH.to_string(), "\n"),
            None => (format!("{}\n\n", self.text.trim_end()), "\n"),
        };
        fs::write(&self.path, format!("{before}{begin}{table}\n{end}{after}"))
    }

    /// The text before, between and after these markers.
    fn around(&self, [begin, end]: [&str; 2]) -> Option<(&str, &str, &str)> {
        let (before, rest) = self.text.split_once(begin)?;
        let (table, after) = rest.split_once(end)?;
        Some((before, table, after))
    }
}

/// A row of the pinned table: model, engine, bound.
pub type Key = (String, String, String);

/// The executions that each complete exploration takes.
#[derive(Clone, Debug, Default)]
pub struct Pins(BTreeMap<Key, u64>);

impl Pins {
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

fn ids(text: &str, pattern: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).expect("a valid pattern");
    text.lines().filter_map(|line| Some(pattern.captures(line)?[1].to_string())).collect()
}
