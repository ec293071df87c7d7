//! Compiles this package, and only this package, with rings that are made with their channels.

fn main() {
    println!("cargo::rustc-cfg=hence_rings");
    println!("cargo::rerun-if-changed=build.rs");
}
