//! Copies one primitive, and what it needs, as a module of another crate:
//!
//! ```text
//! cargo run --example lift -- WaitGroup ../theirs/src/hence
//! ```
//!
//! Then say `mod hence;` there, and add `crossbeam-utils` and the lints of README.md, "Vendoring", to Cargo.toml. With
//! `--explorers` it takes along what runs it under loom and shuttle, which want the features of the same names.
//!
//! Each file says below its header what it needs; a test of `verification/` holds that to its `use` lines.

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::fs;
use std::path::{Component, Path};

const SRC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

const USAGE: &str = "usage: cargo run --example lift -- PRIMITIVE FOLDER [--explorers]";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let explorers = arguments.iter().position(|argument| argument == "--explorers").map(|at| arguments.remove(at));
    let [primitive, folder] = &arguments[..] else { return Err(USAGE.into()) };
    let copied = lift(primitive, Path::new(folder), explorers.is_some())?;
    println!("{copied} files in {folder}");
    Ok(())
}

/// Copies a primitive with what it needs to a folder; how many files those are.
fn lift(primitive: &str, folder: &Path, explorers: bool) -> Result<usize, Box<dyn Error>> {
    let lib = fs::read_to_string(Path::new(SRC).join("lib.rs"))?;
    let module = module(primitive, &lib)?;
    let path = path_in_its_crate(folder)?;
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(format!("{} is not empty", folder.display()).into());
    }
    let mut files = BTreeSet::new();
    gather(&format!("{module}.rs"), explorers, &mut files)?;
    for file in &files {
        let mut text = fs::read_to_string(Path::new(SRC).join(file))?;
        if file == "select/macros.rs" {
            text = text.replace("use $crate::select as", &format!("use $crate::{path}::select as"));
        }
        let copy = folder.join(file);
        fs::create_dir_all(copy.parent().expect("it lies in the folder"))?;
        fs::write(copy, text)?;
    }
    fs::write(folder.join("mod.rs"), root(primitive, &lib, &files))?;
    Ok(files.len() + 1)
}

/// The module of a primitive, which is named by its type or its module.
fn module(primitive: &str, lib: &str) -> Result<String, String> {
    let modules: Vec<_> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let shown = lib.lines().filter_map(|line| line.strip_prefix("pub use ")?.strip_suffix(';')?.split_once("::"));
    let types: Vec<_> = shown.collect();
    if modules.contains(&primitive) {
        return Ok(primitive.into());
    }
    match types.iter().find(|(_, name)| *name == primitive) {
        Some((module, _)) => Ok((*module).into()),
        None => {
            let all = types.iter().map(|(_, name)| *name).chain(modules).collect::<Vec<_>>().join(", ");
            Err(format!("no primitive is called {primitive}; there are {all}"))
        }
    }
}

/// The path of the module that lies in a folder: what comes after `src`.
fn path_in_its_crate(folder: &Path) -> Result<String, String> {
    let parts: Vec<_> = folder.components().collect();
    let src = parts.iter().rposition(|part| *part == Component::Normal("src".as_ref()));
    let below = src.map(|at| &parts[at + 1..]).unwrap_or_default();
    if below.is_empty() || !below.iter().all(|part| matches!(part, Component::Normal(_))) {
        return Err(format!("{} is no folder below a `src`", folder.display()));
    }
    Ok(below.iter().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("::"))
}

/// Adds a file, those that declare its module, and all that these need.
fn gather(file: &str, explorers: bool, files: &mut BTreeSet<String>) -> Result<(), Box<dyn Error>> {
    if !files.insert(file.to_owned()) {
        return Ok(());
    }
    let text = fs::read_to_string(Path::new(SRC).join(file)).map_err(|error| format!("src/{file}: {error}"))?;
    let says = text.lines().skip_while(|line| !line.starts_with("// Needs: "));
    let says = says.map_while(|line| line.strip_prefix("// ")).collect::<Vec<_>>().join(" ");
    let says = says.split_once(" Under an explorer: ").map_or((&*says, ""), |(always, explorers)| (always, explorers));
    let needs = says.0.split([' ', ',']).chain(explorers.then_some(says.1.split([' ', ','])).into_iter().flatten());
    for needed in needs.map(|word| word.trim_end_matches('.')).filter(|word| word.ends_with(".rs")) {
        gather(needed, explorers, files)?;
    }
    if let Some((above, _)) = file.rsplit_once('/') {
        gather(&format!("{above}.rs"), explorers, files)?;
    }
    Ok(())
}

/// The root of the copy: of ours, what concerns these files.
fn root(primitive: &str, lib: &str, files: &BTreeSet<String>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut root = format!(
        "//! {primitive} of hence {version}, and what it needs. MIT or Apache-2.0, at your choice.\n\
         #![allow(dead_code, unused_imports)] // what only other primitives use\n"
    );
    // An item with its comments and attributes.
    let mut item = Vec::new();
    for line in lib.lines().skip_while(|line| line.starts_with("//!")) {
        item.push(line);
        if line.is_empty() {
            item.clear();
        } else if line.ends_with(';') {
            let named = line.split_once("mod ").or(line.split_once("use ")).map(|(_, named)| named);
            let module = named.and_then(|named| named.split([':', ';']).next());
            if module.is_some_and(|module| files.contains(&format!("{module}.rs"))) {
                root += &format!("\n{}\n", item.join("\n"));
            }
            item.clear();
        }
    }
    root
}
