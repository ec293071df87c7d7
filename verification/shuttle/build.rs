//! Compiles this package, and only this package, in shuttle's world.

fn main() {
    println!("cargo::rustc-cfg=hence_shuttle");
    println!("cargo::rerun-if-changed=build.rs");
}
