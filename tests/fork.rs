//! A child process has none of its parent's threads, and what they held stays held: the clock of tasks and callbacks
//! notices. In a process of its own, since it forks.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

mod util;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use hence::cancel::CancellationToken;
use hence::channel::after;
use util::{Wakes, poll};

/// Long enough that a wait happens, short enough to sit through.
const SHORT: Duration = Duration::from_millis(5);
/// Longer than a timer of `SHORT` takes on any machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether a task that waits for a moment is woken, and a callback runs at its deadline.
fn rings() -> bool {
    let ((wakes, waker), timer) = (Wakes::new(), after(SHORT));
    let mut task = timer.recv_async();
    let (tell, told) = mpsc::channel();
    CancellationToken::new().with_timeout(SHORT).on_cancel(move || tell.send(()).unwrap());
    let woken = poll(&mut task, &waker).is_ready() || {
        let until = Instant::now() + PATIENCE;
        while wakes.count() == 0 && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        wakes.count() > 0
    };
    woken && told.recv_timeout(PATIENCE).is_ok()
}

/// Runs a test in a child of this process; whether it returned true.
fn in_a_child(test: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs only what this file shows, and ends by `_exit`; the locks of std's that it uses are free.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: a signal to this process, which ends it: a child that hangs fails.
            unsafe { libc::alarm(60) };
            let passed = test();
            // SAFETY: ends the child, without the parent's destructors.
            unsafe { libc::_exit(i32::from(!passed)) }
        }
        child => {
            let mut status = 0;
            // SAFETY: a child of ours, and a place for its status.
            unsafe { libc::waitpid(child, &mut status, 0) };
            status == 0
        }
    }
}

#[test]
fn the_clock_goes_on_in_a_child() {
    assert!(in_a_child(rings), "which is the first to need one");
    assert!(rings());
    // An alarm that is set before the fork and dropped after it, in both.
    let ((_, waker), timer) = (Wakes::new(), after(PATIENCE));
    let mut task = timer.recv_async();
    assert!(poll(&mut task, &waker).is_pending());
    for _ in 0..20 {
        let child = in_a_child(|| {
            drop(task_of(&timer, &waker));
            rings() && in_a_child(rings)
        });
        assert!(child, "no timer rings in the child");
    }
    drop(task);
    assert!(rings());
}

/// A task that has been polled.
fn task_of<'a>(timer: &'a hence::channel::Receiver<Instant>, waker: &std::task::Waker) -> impl Sized + use<'a> {
    let mut task = timer.recv_async();
    assert!(poll(&mut task, waker).is_pending());
    task
}
