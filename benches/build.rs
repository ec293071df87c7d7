//! Hands the compiler's version to the report's header.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let output = Command::new(env::var_os("RUSTC").unwrap()).arg("--version").output().unwrap();
    println!("cargo::rustc-env=RUSTC_VERSION={}", String::from_utf8(output.stdout).unwrap());
}
