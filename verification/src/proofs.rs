//! proofs.md as data: the guarantees that it has a row for, and the exceptions that it argues.
//!
//! Two things are read: table lines `| HB-CH-1 | ...`, and list lines `- **HB-CH-1** ...` under `## Exceptions`. The rest
//! is prose.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use regex_lite::Regex;

use crate::guarantees::ID;

/// The file as it was read.
#[derive(Clone, Debug)]
pub struct Proofs {
    /// All of it.
    pub text: String,
}

impl Proofs {
    /// Reads the file.
    pub fn read(path: &Path) -> io::Result<Proofs> {
        Ok(Proofs { text: fs::read_to_string(path)? })
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
}

fn ids(text: &str, pattern: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).expect("a valid pattern");
    text.lines().filter_map(|line| Some(pattern.captures(line)?[1].to_string())).collect()
}
