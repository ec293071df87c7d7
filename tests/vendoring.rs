//! The promise that the source can be taken along: copied whole, used as a package, or lifted file by file. Each way
//! is compiled in a scratch package with warnings denied, offline, with the versions of our own Cargo.lock.
#![cfg(not(any(loom, shuttle, miri)))]

mod util;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
        ["A private `mod hence;` needs `#[allow(dead_code, unused_imports)]`", "`use crate::hence::channel::select;`"]
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
fn a_channel_can_be_lifted() {
    lifted("channel", &["cancel.rs", "pool.rs", "wait_group.rs"], &format!("{PRIVATE_CHANNEL}\n"));
}

#[test]
fn a_select_can_be_lifted() {
    lifted("select", &["cancel.rs", "pool.rs", "wait_group.rs"], &format!("{PRIVATE_CHANNEL}\n"));
}

#[test]
fn a_timer_can_be_lifted() {
    let program = "#[test]\nfn works() { assert!(hence::timer::after(std::time::Duration::ZERO).recv().is_ok()); }\n";
    lifted("timer", &["cancel.rs", "pool.rs", "wait_group.rs"], program);
}

#[test]
fn a_wait_group_can_be_lifted() {
    let program = "#[test]\nfn works() { let group = hence::WaitGroup::new(); drop(group.guard()); group.wait(); }\n";
    lifted("WaitGroup", &["cancel.rs", "channel.rs", "pool.rs", "select.rs", "timer.rs", "error.rs"], program);
}

#[test]
fn a_token_can_be_lifted() {
    let program =
        "#[test]\nfn works() { let token = hence::CancellationToken::new(); token.cancel(); token.wait(); }\n";
    lifted("CancellationToken", &["pool.rs"], program);
}

#[test]
fn a_pool_can_be_lifted() {
    let program = "#[test]\nfn works() { assert_eq!(hence::Pool::new(1).spawn(|| 7).unwrap().join().unwrap(), 7); }\n";
    lifted("Pool", &[], program);
}

#[test]
fn what_cannot_be_lifted_is_refused() {
    let package = scratch("lifted-not", "");
    let (here, full) = (package.join("src/hence"), package.join("src"));
    fs::write(full.join("lib.rs"), "").unwrap();
    let refused = |primitive: &str, folder: &Path| {
        let (succeeded, printed) = lift(&[primitive, folder.to_str().unwrap()]);
        assert!(!succeeded, "{printed}");
        printed
    };
    assert!(
        refused("Mutex", &here).contains("no primitive is called Mutex; there are CancellationToken, Pool, WaitGroup")
    );
    assert!(refused("Pool", Path::new("theirs")).contains("is no folder below a `src`"));
    fs::create_dir(&here).unwrap();
    fs::write(here.join("mine.rs"), "").unwrap();
    assert!(refused("Pool", &here).contains("is not empty"));
    assert!(refused("--help", &here).contains("no primitive is called"));
    assert_eq!(fs::read_dir(&here).unwrap().count(), 1, "nothing has been written");
}

/// What uses a channel that was lifted.
const PRIVATE_CHANNEL: &str = r#"
#[test]
fn works() {
    let (sender, receiver) = hence::channel::bounded(1);
    sender.send(1).unwrap();
    select! { recv(receiver) -> value => assert_eq!(value, Ok(1)), default => unreachable!() }
}
"#;

/// Lifts a primitive into a private module of a crate, without these files and without the explorers', and runs a program
/// that uses it.
fn lifted(primitive: &str, without: &[&str], program: &str) {
    let package = scratch(&format!("lifted-{}", primitive.to_lowercase()), for_a_copy());
    let module = package.join("src/hence");
    let (succeeded, printed) = lift(&[primitive, module.to_str().unwrap()]);
    assert!(succeeded, "{printed}");
    for file in without.iter().chain(&["sync/hook.rs", "sync/under_loom.rs", "sync/under_shuttle.rs"]) {
        assert!(!module.join(file).exists(), "{primitive} needs no {file}");
    }
    fs::write(package.join("src/lib.rs"), format!("#[cfg(test)]\nmod hence;\n\n{}", program.trim_start())).unwrap();
    let printed = cargo(&package, "vendoring", "-D warnings", &["test", "--offline"]);
    assert!(printed.contains("1 passed"), "{printed}");
}

/// Runs `examples/lift.rs`.
fn lift(arguments: &[&str]) -> (bool, String) {
    let run = ["run", "--quiet", "--example", "lift", "--"];
    let output = Command::new(env!("CARGO")).current_dir(ROOT).args(run).args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}
