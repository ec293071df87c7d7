//! The examples run, and end.
#![cfg(not(any(loom, shuttle)))]

mod util;

#[path = "../examples/channel_for_flag.rs"]
mod channel_for_flag;
#[path = "../examples/cpu_hog.rs"]
mod cpu_hog;
#[path = "../examples/graceful_exit.rs"]
mod graceful_exit;
#[path = "../examples/leaked_producer.rs"]
mod leaked_producer;
#[path = "../examples/select_timeout.rs"]
mod select_timeout;

#[test]
fn examples_run() {
    for example in
        [channel_for_flag::main, cpu_hog::main, graceful_exit::main, leaked_producer::main, select_timeout::main]
    {
        util::watched(example);
    }
}
