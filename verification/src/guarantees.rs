//! What the crate promises: the numbered statements in the comments of `src/`.
//!
//! A statement begins `**HB-WG-1.**`, in a `///`, `//!` or `//` comment, and lives in one place only.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, iter};

use regex_lite::Regex;
use walkdir::WalkDir;

/// The form of an ID, for regular expressions.
pub const ID: &str = r"[A-Z]{2}-[A-Z]{2,3}-\d+";

/// One numbered statement.
#[derive(Clone, Debug)]
pub struct Guarantee {
    /// As in `HB-WG-1`.
    pub id: String,
    /// As in `src/wait_group.rs:12`.
    pub place: String,
    /// What is promised, on one line and without links.
    pub statement: String,
}

/// All guarantees stated under `root/src`, by file and line.
pub fn scan(root: &Path) -> Vec<Guarantee> {
    let marker = Regex::new(&format!(r"^\*\*({ID})\.\*\*\s*(.*)$")).expect("a valid pattern");
    let link = Regex::new(r"\[([^\]]+)\](\([^)]*\))?").expect("a valid pattern");
    let mut found = Vec::new();
    for entry in WalkDir::new(root.join("src")).sort_by_file_name().into_iter().filter_map(Result::ok) {
        if entry.path().extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).expect("a source file is text");
        let file = entry.path().strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
        let comments: Vec<&str> = text.lines().map(|line| comment(line).unwrap_or_default()).collect();
        for (index, line) in comments.iter().enumerate() {
            if let Some(parts) = marker.captures(line) {
                let statement = statement(&parts[2], &comments[index + 1..], &link);
                found.push(Guarantee { id: parts[1].into(), place: format!("{file}:{}", index + 1), statement });
            }
        }
    }
    found
}

fn comment(line: &str) -> Option<&str> {
    Some(line.trim().strip_prefix("//")?.trim_start_matches(['/', '!']).trim_start())
}

/// The statement that begins with `first`: up to an empty line, another statement, or what is not promised. A `link` is its text.
fn statement(first: &str, rest: &[&str], link: &Regex) -> String {
    let ends = |line: &str| line.is_empty() || line.starts_with("**") || line.starts_with("*Not promised");
    let lines: Vec<&str> = iter::once(first).chain(rest.iter().copied().take_while(|line| !ends(line))).collect();
    let paragraph = lines.join(" ");
    let paragraph = link.replace_all(&paragraph, "$1");
    let promised = paragraph.split("*Not promised").next().unwrap_or_default();
    promised.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The IDs of `guarantees`.
pub fn ids(guarantees: &[Guarantee]) -> BTreeSet<String> {
    guarantees.iter().map(|guarantee| guarantee.id.clone()).collect()
}
