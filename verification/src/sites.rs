//! The operations that stand in the source, found without running anything: for those that no model executes.
//!
//! A line counts whose code names a memory ordering, takes a lock, or wakes somebody by the facade's names for it. The
//! facade's own files are left out, which have one world each; so are functions that pass their caller on as the place
//! of the operation (`track_caller`), since there the callers' lines are the sites.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use regex_lite::Regex;
use walkdir::WalkDir;

/// Files of which each world has another.
const FACADE: [&str; 5] = ["sync.rs", "native.rs", "under_loom.rs", "under_shuttle.rs", "hook.rs"];

/// An operation's line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// As in `src/wait.rs`.
    pub file: String,
    /// 1-based.
    pub line: u32,
    /// Its code.
    pub code: String,
}

/// What looks like an operation, and is none: a definition, an import, a state's or pool's own method of that name.
fn is_else(code: &str) -> bool {
    ["fn ", "use ", "self.wake(", "self.notify("].iter().any(|what| code.contains(what))
}

/// A line without its comment.
pub fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// The operations under `root/src`.
///
/// # Errors
/// If a file cannot be read.
pub fn written(root: &Path) -> io::Result<BTreeSet<Line>> {
    let operation = Regex::new(
        r"Ordering::\w+|\b[a-z0-9_]+\.with\(|\bstate\.lock\(\)|\.(step|rebalanced)\(|\b(notify|unpark|wake)\(",
    )
    .expect("a valid pattern");
    let mut lines = BTreeSet::new();
    for entry in WalkDir::new(root.join("src")).sort_by_file_name() {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy();
        if !name.ends_with(".rs") || FACADE.contains(&&*name) {
            continue;
        }
        let file = entry.path().strip_prefix(root).expect("below it").display().to_string();
        let text = fs::read_to_string(entry.path())?;
        let mut passed_on = None;
        for (number, line) in (1..).zip(text.lines()) {
            let code = code(line);
            let indent = code.len() - code.trim_start().len();
            if code.contains("track_caller") {
                passed_on = Some(indent);
            } else if passed_on == Some(indent) && code.trim_end().ends_with('}') {
                passed_on = None;
            } else if passed_on.is_none() && operation.is_match(code) && !is_else(code) {
                lines.insert(Line { file: file.clone(), line: number, code: code.trim().into() });
            }
        }
    }
    Ok(lines)
}
