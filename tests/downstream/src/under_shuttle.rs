//! shuttle's executions are sequentially consistent, so a race shows as an outcome, and a missing message as a deadlock.

use std::sync::{Arc, Mutex};

use hence::{CancellationToken, Pool, WaitGroup, channel};
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

#[test]
fn the_last_caller_is_found() {
    check_random(
        || {
            let (callers, queue) = channel::bounded(1);
            thread::spawn(move || (1..=2).for_each(|port| callers.send(port).unwrap()));
            assert_eq!(crate::last(&queue), Some(2));
        },
        SCHEDULES,
    );
}

#[test]
#[should_panic(expected = "what the user says, beside handles of each kind")]
fn a_failed_assertion_is_what_is_seen() {
    check_random(
        || {
            let (sender, receiver) = channel::bounded::<u32>(0);
            let (pool, token, group) = (Pool::new(1), CancellationToken::new(), WaitGroup::new());
            let _task = pool.spawn(|| ()).unwrap();
            let (child, guard) = (token.child_token().drop_guard(), group.guard());
            let its = (sender.clone(), receiver.clone(), token.clone(), guard.clone());
            thread::spawn(move || drop(its));
            assert_eq!(sender.len(), 1, "what the user says, beside handles of each kind");
            drop((child, guard));
        },
        SCHEDULES,
    );
}

#[test]
#[should_panic(expected = "what a job says that nobody joins")]
fn a_failed_assertion_in_a_job_is_seen() {
    check_random(|| Pool::new(1).execute(|| panic!("what a job says that nobody joins")).unwrap(), SCHEDULES);
}

#[test]
fn a_panic_that_a_hook_expects_is_the_joiners_and_drops_what_it_drops() {
    check_random(
        || {
            let pool = Pool::builder(1).on_panic(|_| ()).build().unwrap();
            let (sender, receiver) = channel::bounded::<u32>(1);
            let job = move || -> () { panic!("{} messages", sender.len()) };
            let task = pool.spawn(job).unwrap();
            assert!(receiver.recv().is_err());
            assert_eq!(task.join().unwrap_err().message().unwrap(), "0 messages");
        },
        SCHEDULES,
    );
}

#[test]
fn a_handle_that_outlives_its_execution_does_nothing() {
    let kept = Arc::new(Mutex::new(None));
    check_random(move || *kept.lock().unwrap() = Some(channel::bounded::<()>(1)), SCHEDULES);
}

#[test]
#[should_panic(expected = "the second arm")]
fn a_select_takes_its_second_arm_too() {
    check_random(
        || {
            let lines: [_; 2] = std::array::from_fn(|_| channel::bounded(1));
            lines.iter().for_each(|(sender, _)| sender.send(()).unwrap());
            let [(_, first), (_, second)] = &lines;
            channel::select! {
                recv(first) -> _ => {}
                recv(second) -> _ => panic!("the second arm"),
            }
        },
        SCHEDULES,
    );
}
