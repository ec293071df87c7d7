//! `hence-verify`, which `cargo verify` runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    hence_verification::cli::main()
}
