//! rustdoc does not see RUSTFLAGS, so it compiles the doc examples for std even where the library was built for an
//! explorer; this passes the explorer's cfg on. Not part of the published package.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for world in ["loom", "shuttle"] {
        if std::env::var_os(format!("CARGO_CFG_{}", world.to_uppercase())).is_some() {
            println!("cargo::rustc-cfg={world}");
        }
    }
}
