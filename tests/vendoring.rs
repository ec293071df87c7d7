//! The promise that the source can be taken along: copied whole, used as a package, or lifted file by file. Each way
//! is compiled in a scratch package with warnings denied, offline, with the versions of our own Cargo.lock.
#![cfg(not(any(loom, shuttle, miri)))]

mod util;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use util::cargo;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What the README says a copy needs in its manifest.
fn for_a_copy() -> &'static str {
    let (_, vendoring) = include_str!("../README.md").split_once("## Vendoring").unwrap();
    vendoring.split("```toml").nth(1).unwrap().split("```").next().unwrap()
}

/// What each scratch package runs to show that it works.
const SMOKE_TEST: &str = r#"
#[test]
fn smoke() {
    let (sender, receiver) = hence::channel::bounded(1);
    let group = hence::WaitGroup::new();
    for i in 0..4 {
        let (sender, guard) = (sender.clone(), group.guard());
        std::thread::spawn(move || {
            sender.send(i).unwrap();
            drop(guard);
        });
    }
    assert_eq!(receiver.iter().take(4).sum::<i32>(), 6);
    group.wait();
    hence::channel::select! {
        recv(receiver) -> _ => unreachable!(),
        send(sender, 7) -> sent => assert!(sent.is_ok()),
    }
    assert_eq!(receiver.recv(), Ok(7));
    assert!(sender.close());
    assert_eq!(receiver.recv(), Err(hence::channel::RecvError));
}
"#;

/// A package outside every workspace, with our Cargo.lock and nothing in `src/` yet.
fn scratch(name: &str, manifest: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&package);
    fs::create_dir_all(package.join("src")).unwrap();
    let head = format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[workspace]\n\n[lib]\ndoctest = false\n");
    fs::write(package.join("Cargo.toml"), head + manifest).unwrap();
    fs::copy(Path::new(ROOT).join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    package
}

/// Copies a folder of source.
fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What a program is that has a copy for itself, and uses a part of it.
const PRIVATE: &str = r#"
#[allow(dead_code, unused_imports)]
mod hence;

use hence::channel::{bounded, after};

pub fn at_the_root() -> i32 {
    let (sender, receiver) = bounded(1);
    sender.send(1).unwrap();
    select! { recv(receiver) -> value => value.unwrap(), recv(after(std::time::Duration::MAX)) -> _ => 0 }
}

pub mod elsewhere {
    use crate::hence::channel::select;
    use crate::hence::{WaitGroup, channel::unbounded};

    pub fn in_a_module() -> bool {
        let (_sender, receiver) = unbounded::<i32>();
        WaitGroup::new().wait();
        select! { recv(receiver) -> _ => false, default => true }
    }
}

#[test]
fn works() {
    assert!(at_the_root() == 1 && elsewhere::in_a_module());
}
"#;

#[test]
fn copied_whole_as_a_module() {
    let package = scratch("vendored", for_a_copy());
    copy_as_a_module(&package);
    fs::write(package.join("src/lib.rs"), format!("pub mod hence;\n#[cfg(test)]\n{SMOKE_TEST}")).unwrap();
    let printed = cargo(&package, "vendoring", "-D warnings", &["test", "--offline"]);
    assert!(printed.contains("1 passed"), "{printed}");
}

#[test]
fn copied_whole_as_a_private_module() {
    let readme = include_str!("../README.md");
    for said in
        ["A private `mod hence;` wants `#[allow(dead_code, unused_imports)]`", "`use crate::hence::channel::select;`"]
    {
        assert!(readme.contains(said), "{said}");
    }
    let package = scratch("vendored-privately", for_a_copy());
    copy_as_a_module(&package);
    fs::write(package.join("src/lib.rs"), PRIVATE).unwrap();
    let printed = cargo(&package, "vendoring", "-D warnings", &["test", "--offline"]);
    assert!(printed.contains("1 passed"), "{printed}");
}

/// Copies all of `src/` as a module of a package, as the README says.
fn copy_as_a_module(package: &Path) {
    let module = package.join("src/hence");
    copy_all(&Path::new(ROOT).join("src"), &module);
    fs::rename(module.join("lib.rs"), module.join("mod.rs")).unwrap();
    let macros = module.join("select/macros.rs");
    let source = fs::read_to_string(&macros).unwrap();
    assert_eq!(source.matches("vendoring:").count(), 1, "one line to edit");
    fs::write(macros, source.replace("use $crate::select as", "use $crate::hence::select as")).unwrap();
}

#[test]
fn used_as_a_package() {
    let package = scratch("dependent", &format!("\n[dependencies]\nhence = {{ path = {ROOT:?} }}\n"));
    fs::write(package.join("src/lib.rs"), format!("#[cfg(test)]\n{SMOKE_TEST}")).unwrap();
    let printed = cargo(&package, "vendoring", "-D warnings", &["test", "--offline"]);
    assert!(printed.contains("1 passed"), "{printed}");
    let locked = fs::read_to_string(package.join("Cargo.lock")).unwrap();
    assert_eq!(locked.matches("[[package]]").count(), 3, "no explorer without its feature: {locked}");
}

#[test]
fn a_channel_can_be_lifted_alone() {
    lift(
        "channel.rs",
        "#![allow(dead_code, unused_imports)] // what only tokens use\n\
         pub mod channel;\nmod error;\npub mod select;\nmod sync;\npub mod timer;\nmod wait;\n",
    );
}

#[test]
fn a_token_can_be_lifted_with_what_it_ends() {
    lift(
        "cancel.rs",
        "#![allow(dead_code, unused_imports)] // what only pools use\n\
         pub mod cancel;\npub mod channel;\nmod error;\npub mod select;\nmod sync;\npub mod timer;\nmod wait;\n\
         pub mod wait_group;\n",
    );
}

#[test]
fn a_pool_can_be_lifted_with_what_it_is_made_of() {
    lift(
        "pool.rs",
        "pub mod cancel;\npub mod channel;\nmod error;\npub mod pool;\npub mod select;\nmod sync;\npub mod timer;\n\
         mod wait;\npub mod wait_group;\n",
    );
}

#[test]
fn a_wait_group_can_be_lifted_alone() {
    lift(
        "wait_group.rs",
        "#![allow(dead_code, unused_imports)] // what only channels use\nmod sync;\nmod wait;\npub mod wait_group;\n",
    );
}

#[test]
fn waiting_can_be_lifted_alone() {
    // Nobody calls it here, and it is not public.
    lift("wait.rs", "#![allow(dead_code, unused_imports)]\nmod sync;\nmod wait;\n");
}

#[test]
fn the_facade_can_be_lifted_alone() {
    lift("sync.rs", "#![allow(dead_code, unused_imports)]\nmod sync;\n");
}

#[test]
fn errors_can_be_lifted_alone() {
    lift("error.rs", "pub mod error;\n");
}

/// Copies a file and those that its header says it needs, and compiles them as a crate.
fn lift(file: &str, lib: &str) {
    let package = scratch(&format!("lifted-{}", file.trim_end_matches(".rs").replace('_', "-")), for_a_copy());
    let mut needed = BTreeSet::new();
    gather(file, &mut needed);
    for file in &needed {
        let copy = package.join("src").join(file);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(Path::new(ROOT).join("src").join(file), copy).unwrap();
    }
    fs::write(package.join("src/lib.rs"), lib).unwrap();
    cargo(&package, "vendoring", "-D warnings", &["check", "--offline"]);
}

/// Adds a file of `src/` and, as the last paragraph of each header says, all that it needs without an explorer.
fn gather(file: &str, needed: &mut BTreeSet<String>) {
    if !needed.insert(file.to_owned()) {
        return;
    }
    let source = fs::read_to_string(Path::new(ROOT).join("src").join(file)).unwrap();
    let header: Vec<_> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let needs = header.join("\n").rsplit_once("\n Needs: ").map(|(_, needs)| needs.to_owned());
    let needs = needs.unwrap_or_else(|| panic!("src/{file}: its header does not end in `Needs:`"));
    assert!(!needs.contains("\n\n"), "src/{file}: its header does not end in `Needs:`");
    let always = needs.split(';').next().unwrap(); // what follows is for explorers
    always.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".rs")).for_each(|name| gather(name, needed));
}
