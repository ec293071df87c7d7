//! What the crate promises: the numbered statements in the comments of `src/`.
//!
//! A statement begins `**HB-WG-1.**`, in a `///`, `//!` or `//` comment, and lives in one place only.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
    /// What follows the ID on its line.
    pub statement: String,
}

/// All guarantees stated under `root/src`, by file and line.
pub fn scan(root: &Path) -> Vec<Guarantee> {
    let marker = Regex::new(&format!(r"^\s*//[/!]?\s*\*\*({ID})\.\*\*\s*(.*)$")).expect("a valid pattern");
    let mut found = Vec::new();
    for entry in WalkDir::new(root.join("src")).sort_by_file_name().into_iter().filter_map(Result::ok) {
        if entry.path().extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).expect("a source file is text");
        let file = entry.path().strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
        for (index, line) in text.lines().enumerate() {
            if let Some(parts) = marker.captures(line) {
                let (id, statement) = (parts[1].to_string(), parts[2].to_string());
                found.push(Guarantee { id, place: format!("{file}:{}", index + 1), statement });
            }
        }
    }
    found
}

/// The IDs of `guarantees`.
pub fn ids(guarantees: &[Guarantee]) -> BTreeSet<String> {
    guarantees.iter().map(|guarantee| guarantee.id.clone()).collect()
}
