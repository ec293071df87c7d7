//! The runner behind `cargo verify`: what it shares with the tests beside it.
//!
//! From the claim to the report:
//! - [`guarantees`] finds what `src/` promises, [`proofs`] what proofs.md says of it, [`pins`] reads and writes how much was
//!   explored;
//! - [`engines`] holds the explorers, [`rows`] chooses which model runs under which of them, [`weaken`] reads
//!   `HENCE_WEAKEN`;
//! - [`pool`] runs the rows, each in a process of its own: [`parent`] is our end of the pipe, [`child`] the other;
//! - [`verdict`] says whether a row is as claimed, [`evidence`] whether a guarantee has all the models it needs;
//! - [`sweep`] mutates every operation in turn, [`sites`] finds those that no model executes, [`weakenings`] is the table
//!   of what became of them;
//! - [`report`] is all that there is to say, `tables` prints it for people, [`json`] for machines; [`cli`] puts it all
//!   together.

pub mod child;
pub mod cli;
pub mod engines;
pub mod evidence;
pub mod guarantees;
pub mod json;
pub mod parent;
pub mod pins;
pub mod pool;
pub mod proofs;
pub mod report;
pub mod rows;
pub mod sites;
pub mod sweep;
mod tables;
pub mod verdict;
pub mod weakenings;
pub use hence_registry::weaken;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// Where the arguments are written.
pub fn proofs_md() -> PathBuf {
    root().join("proofs.md")
}

/// The root of the repository that this runner was built from.
pub fn root() -> PathBuf {
    here().parent().expect("the package lies inside the repository").to_path_buf()
}

/// The folder of this package, `verification/`, in which the tables stand that `--pin` writes.
pub fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of `src/` by their paths below it, with their text.
///
/// # Panics
/// If one cannot be read.
pub fn sources() -> BTreeMap<String, String> {
    let src = root().join("src");
    let files = WalkDir::new(&src).into_iter().map(|entry| entry.expect("src/ can be read").into_path());
    let files = files.filter(|path| path.extension().is_some_and(|it| it == "rs"));
    let name = |path: &Path| path.strip_prefix(&src).expect("below it").display().to_string();
    files.map(|path| (name(&path), fs::read_to_string(&path).expect("readable"))).collect()
}
