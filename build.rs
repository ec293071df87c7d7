//! rustdoc does not see RUSTFLAGS, so it compiles the doc examples for std even where the library was built for an
//! explorer; this passes the explorer's cfg on. And it turns on the README's example, which is not in the published
//! package, and neither is this file.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=readme");
    for world in ["loom", "shuttle"] {
        let cfgs = [world.to_uppercase(), format!("HENCE_{}", world.to_uppercase())];
        if cfgs.iter().any(|cfg| std::env::var_os(format!("CARGO_CFG_{cfg}")).is_some()) {
            println!("cargo::rustc-cfg={world}");
        }
    }
}
