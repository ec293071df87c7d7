//! shuttle's executions are sequentially consistent, so a race shows as an outcome, and a missing message as a deadlock.

use std::sync::Arc;

use hence::{WaitGroup, channel};
use shuttle::sync::atomic::{AtomicU32, Ordering::Relaxed};
use shuttle::{check_random, future, thread};

/// Enough for each of these to meet what it looks for. (Depth-first search has no end where threads park: shuttle's park
/// may return spuriously any number of times.)
const SCHEDULES: usize = 1000;

#[test]
fn what_is_written_before_a_send_is_there_after_its_receive() {
    for capacity in [0, 1] {
        check_random(
            move || {
                let (report, (sender, receiver)) = (Arc::new(AtomicU32::new(0)), channel::bounded(capacity));
                let worker = thread::spawn({
                    let report = report.clone();
                    move || {
                        report.store(7, Relaxed);
                        sender.send("ready").unwrap();
                    }
                });
                assert_eq!(receiver.recv(), Ok("ready"));
                assert_eq!(report.load(Relaxed), 7);
                worker.join().unwrap();
            },
            SCHEDULES,
        );
    }
}

#[test]
#[should_panic(expected = "written too late")]
fn what_is_written_after_a_send_races_with_its_receiver() {
    check_random(
        || {
            let (report, (sender, receiver)) = (Arc::new(AtomicU32::new(0)), channel::bounded(1));
            thread::spawn({
                let report = report.clone();
                move || {
                    sender.send("ready").unwrap();
                    report.store(7, Relaxed);
                }
            });
            let _ = receiver.recv();
            drop(receiver);
            assert_eq!(report.load(Relaxed), 7, "written too late");
        },
        SCHEDULES,
    );
}

#[test]
fn what_is_written_under_a_guard_is_there_after_the_wait() {
    check_random(
        || {
            let (report, group) = (Arc::new(AtomicU32::new(0)), WaitGroup::new());
            let guard = group.guard();
            thread::spawn({
                let report = report.clone();
                move || {
                    report.store(7, Relaxed);
                    drop(guard);
                }
            });
            group.wait();
            assert_eq!(report.load(Relaxed), 7);
        },
        SCHEDULES,
    );
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_send_that_nobody_receives_is_a_deadlock() {
    check_random(
        || {
            let (sender, receiver) = channel::bounded(0);
            let worker = thread::spawn(move || sender.send("ready"));
            worker.join().unwrap().unwrap();
            drop(receiver);
        },
        SCHEDULES,
    );
}

#[test]
fn tasks_are_woken_under_shuttles_executor() {
    check_random(
        || {
            let (sender, receiver) = channel::bounded(0);
            thread::spawn(move || future::block_on(sender.send_async(7)).unwrap());
            assert_eq!(future::block_on(receiver.recv_async()), Ok(7));
        },
        SCHEDULES,
    );
}
