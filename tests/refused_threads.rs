//! What becomes of a pool whose operating system refuses it a thread. In a process of its own: it limits its memory.
#![cfg(all(target_os = "linux", not(any(loom, shuttle, miri))))]

mod util;

use std::fs;
use std::sync::mpsc;

use hence::Pool;
use hence::pool::yield_now;
use util::{until, watched};

/// From now on no more than `spare` bytes of address space can be had.
fn limit_memory(spare: u64) {
    let pages: u64 = fs::read_to_string("/proc/self/statm").unwrap().split(' ').next().unwrap().parse().unwrap();
    let limit = libc::rlimit { rlim_cur: pages * 4096 + spare, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the limit is read, and kept by nobody.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

/// A job gives way to a queued one for which there is no thread: it goes on, and then that one runs.
#[test]
fn a_job_that_yields_goes_on_where_no_thread_can_be_started() {
    watched(|| {
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
