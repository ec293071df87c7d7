//! Where the operating system starts no thread, nothing panics and nothing is lost. Each test runs in a process of its own,
//! whose memory it limits: no other has the same address space left.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

mod util;

use std::error::Error;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs, io};

use hence::cancel::{CancellationToken, Cause};
use hence::channel::{after, tick};
use hence::pool::yield_now;
use hence::{Pool, WaitGroup};
use util::{block_on, until, watched};

/// Long enough that a wait happens, short enough to sit through.
const SHORT: Duration = Duration::from_millis(20);
/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `test`, whose name this is, in a process of its own.
fn alone(name: &str, test: fn()) {
    const ALONE: &str = "HENCE_ALONE";
    if env::var_os(ALONE).is_some() {
        return watched(test);
    }
    let mut command = Command::new(env::current_exe().unwrap());
    let output = command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(ALONE, "1").output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
}

/// Less than the stack of a thread.
const LITTLE: u64 = 1 << 20;

/// From now on no more than `spare` bytes of address space can be had.
fn limit_memory(spare: u64) {
    let status = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split(' ').next().unwrap().parse().unwrap();
    let limit = libc::rlimit { rlim_cur: pages * 4096 + spare, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: a limit of this process, from a place that lives long enough.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}

/// There is a limit no more.
fn lift_the_limit() {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}

#[test]
fn a_callback_with_a_deadline_waits_for_a_cancel() {
    alone("a_callback_with_a_deadline_waits_for_a_cancel", || {
        let (tell, told) = mpsc::channel();
        let token = CancellationToken::new().with_timeout(PATIENCE);
        limit_memory(LITTLE);
        let registration = token.on_cancel(|| unreachable!("it is stopped"));
        token.on_cancel(move || tell.send(()).unwrap());
        assert!(registration.stop());
        assert!(token.cancel());
        assert!(told.try_recv().is_ok(), "the callback was lost");
    });
}

#[test]
fn a_callback_runs_once_a_thread_can_be_had() {
    alone("a_callback_runs_once_a_thread_can_be_had", || {
        let (tell, told) = mpsc::channel();
        let token = CancellationToken::new().with_timeout(SHORT);
        limit_memory(LITTLE);
        token.on_cancel(move || tell.send(()).unwrap());
        token.wait();
        assert!(told.try_recv().is_err());
        assert!(matches!(token.cause(), Some(Cause::DeadlineExceeded)));
        lift_the_limit();
        block_on(after(SHORT).recv_async()).unwrap(); // asks for a thread again
        assert!(told.recv_timeout(PATIENCE).is_ok(), "the callback was lost");
    });
}

#[test]
fn a_task_polls_until_its_moment() {
    alone("a_task_polls_until_its_moment", || {
        let token = CancellationToken::new().with_timeout(SHORT);
        limit_memory(LITTLE);
        assert!(block_on(after(SHORT).recv_async()).is_ok());
        assert!(block_on(async { tick(SHORT).stream().next().await }).is_some());
        block_on(token.cancelled());
    });
}

#[test]
fn a_thread_that_cannot_be_started_hands_its_work_back() {
    alone("a_thread_that_cannot_be_started_hands_its_work_back", || {
        let group = WaitGroup::new();
        limit_memory(LITTLE);
        let refused = group.spawn(|| 7).unwrap_err();
        assert_eq!(group.count(), 0);
        assert!(refused.source().is_some_and(|error| error.is::<io::Error>()));
        assert_eq!(refused.to_string(), "no thread could be started");
        assert_eq!(refused.into_inner()(), 7);
        group.wait();
        lift_the_limit();
        assert_eq!(group.spawn(|| 7).unwrap().join().unwrap(), 7);
    });
}

/// A job gives way to a queued one for which there is no thread: it goes on, and then that one runs.
#[test]
fn a_job_that_yields_goes_on() {
    alone("a_job_that_yields_goes_on", || {
        let pool = Pool::builder(1).stack_size(64 << 20).build().unwrap();
        let (go, wait) = mpsc::channel::<()>();
        let first = pool.spawn(move || {
            wait.recv().unwrap();
            (0..10).for_each(|_| yield_now());
        });
        until(|| pool.stats().running == 1);
        let second = pool.spawn(|| 7).unwrap();
        limit_memory(8 << 20);
        go.send(()).unwrap();
        first.unwrap().join().unwrap();
        assert_eq!(second.join().unwrap(), 7);
        assert_eq!(pool.stats().workers, 1);
    });
}
