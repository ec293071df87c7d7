//! `verification/weakenings.md`: which model kills which mutant. `cargo verify --weaken --pin` writes it.

use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

use regex_lite::Regex;

use crate::sweep::{Fate, Mutation};

const FILE: &str = "weakenings.md";

/// What stands above the rows.
const HEAD: &str = "\
# Weakenings

Which model notices which mutation of `src/`. `cargo verify --weaken --pin` writes this file;
[proofs.md](../proofs.md#weakenings) says what is mutated, and how.

| file | operation | weakened | noticed by | executions |
| --- | --- | --- | --- | ---: |
";

/// Writes the table in `folder`.
pub fn write(folder: &Path, mutations: &[Mutation]) -> io::Result<()> {
    let mut text = HEAD.to_string();
    for Mutation { line, kind, fate, .. } in mutations {
        let (code, kind) = (line.code.replace('|', "\\|"), kind.unwrap_or("not executed"));
        let (by, executions) = match fate {
            Fate::Killed { by, executions } => (by.title(), executions.to_string()),
            Fate::Justified(_) => ("argued in `verification/equivalent_mutants.toml`".into(), String::new()),
            Fate::Survived(_) | Fate::NotExecuted => ("nothing".into(), String::new()),
        };
        writeln!(text, "| {} | `{code}` | {kind} | {by} | {executions} |", line.file).expect("a String takes it");
    }
    fs::write(folder.join(FILE), text)
}

/// The rows of the table in `folder`: file, operation, kind, by what it was noticed.
pub fn read(folder: &Path) -> io::Result<Vec<[String; 4]>> {
    let text = fs::read_to_string(folder.join(FILE))?;
    let row = Regex::new(r"(?m)^\| (src/\S+) \| `(.*)` \| ([\w -]+) \| (.*) \| (\d*) ?\|$").expect("a valid pattern");
    let cell = |cell: &str| cell.replace("\\|", "|");
    Ok(row.captures_iter(&text).map(|row| [1, 2, 3, 4].map(|at| cell(&row[at]))).collect())
}
