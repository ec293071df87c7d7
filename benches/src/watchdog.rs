//! The limit of a sample. A peer that never ends would keep the run for ever, and its threads cannot be ended alone.
//! Nor is anybody to be measured beside threads that spin: the whole run begins anew, without that peer in that cell.

use crate::roster::OURS;
use std::{
    env, io,
    process::{self, Command},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

/// Far more than any sample takes.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Who does what, and since when.
static RUNNING: Mutex<Option<(Instant, &str, String)>> = Mutex::new(None);

/// Starts the thread that watches the samples. It looks once a second, so that a sample wakes nobody.
pub fn start() {
    thread::spawn(|| {
        loop {
            thread::sleep(Duration::from_secs(1));
            let running = RUNNING.lock().unwrap();
            if let Some((since, peer, cell)) = &*running
                && since.elapsed() > LIMIT
            {
                begin_anew_without(peer, cell);
            }
        }
    });
}

/// Takes a sample under the limit.
pub fn watched<T>(peer: &'static str, cell: &str, sample: impl FnOnce() -> T) -> T {
    *RUNNING.lock().unwrap() = Some((Instant::now(), peer, cell.into()));
    let taken = sample();
    *RUNNING.lock().unwrap() = None;
    taken
}

/// How the arguments name one peer in one cell.
pub fn entry(peer: &str, cell: &str) -> String {
    format!("{peer} in {cell}")
}

/// In this very process, where the system allows it: that ends its threads. hence may not be left out.
fn begin_anew_without(peer: &str, cell: &str) -> ! {
    let entry = entry(peer, cell);
    eprintln!("{entry} has not ended within {LIMIT:?}");
    if peer != OURS {
        let mut anew = Command::new(env::current_exe().unwrap());
        anew.args(env::args_os().skip(1)).args(["--unended", &entry]);
        eprintln!("beginning anew with --unended {entry:?}");
        eprintln!("that failed: {}", replace_this_process(anew));
    }
    process::exit(1)
}

#[cfg(unix)]
fn replace_this_process(mut by: Command) -> io::Error {
    std::os::unix::process::CommandExt::exec(&mut by)
}

#[cfg(not(unix))]
fn replace_this_process(_by: Command) -> io::Error {
    io::ErrorKind::Unsupported.into()
}
