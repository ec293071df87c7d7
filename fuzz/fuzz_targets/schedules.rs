//! A small concurrent program, and the schedule it runs under.
//!
//! A finding is printed as the program and its steps; with `HENCE_TRACE=1`, so is what is none.

#![no_main]

use std::{env, process};

use hence_fuzz::schedules::{Input, replay, story};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Input| {
    let finding = replay(&input).err();
    if finding.is_some() || env::var_os("HENCE_TRACE").is_some() {
        eprint!("{}", story(&input.program));
    }
    if let Some(fault) = finding {
        eprintln!("finding: {fault}");
        process::abort();
    }
});
