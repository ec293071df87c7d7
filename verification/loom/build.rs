//! Compiles this package, and only this package, in loom's world.

fn main() {
    println!("cargo::rustc-cfg=hence_loom");
    println!("cargo::rerun-if-changed=build.rs");
}
