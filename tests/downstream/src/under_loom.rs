//! Plain data in loom's cell shows what happens before what: loom panics at an access that races with another.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use hence::{CancellationToken, Pool, WaitGroup, channel};
use loom::cell::UnsafeCell;
use loom::sync::Notify;
use loom::thread;

/// Data that its threads share without a lock: right only if a channel or a wait group orders their accesses.
#[derive(Default)]
struct Report(UnsafeCell<u32>);

// SAFETY: loom watches the cell, and ends the execution before two accesses race.
unsafe impl Sync for Report {}

impl Report {
    fn write(&self, value: u32) {
        // SAFETY: as above.
        self.0.with_mut(|cell| unsafe { *cell = value });
    }

    fn read(&self) -> u32 {
        // SAFETY: as above.
        self.0.with(|cell| unsafe { *cell })
    }
}

#[test]
fn what_is_written_before_a_send_is_there_after_its_receive() {
    for capacity in [0, 1] {
        loom::model(move || {
            let (report, (sender, receiver)) = (Arc::new(Report::default()), channel::bounded(capacity));
            let worker = thread::spawn({
                let report = report.clone();
                move || {
                    report.write(7);
                    sender.send("ready").unwrap();
                }
            });
            assert_eq!(receiver.recv(), Ok("ready"));
            assert_eq!(report.read(), 7);
            worker.join().unwrap();
        });
    }
}

#[test]
#[should_panic(expected = "Causality violation")]
fn what_is_written_after_a_send_races_with_its_receiver() {
    loom::model(|| {
        let (report, (sender, receiver)) = (Arc::new(Report::default()), channel::bounded(1));
        thread::spawn({
            let report = report.clone();
            move || {
                sender.send("ready").unwrap();
                report.write(7);
            }
        });
        let _ = receiver.recv();
        report.read();
    });
}

#[test]
fn what_is_written_under_a_guard_is_there_after_the_wait() {
    loom::model(|| {
        let (report, group) = (Arc::new(Report::default()), WaitGroup::new());
        let guard = group.guard();
        thread::spawn({
            let report = report.clone();
            move || {
                report.write(7);
                drop(guard);
            }
        });
        group.wait();
        assert_eq!(report.read(), 7);
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn what_is_written_without_a_guard_races_with_the_wait() {
    loom::model(|| {
        let (report, group) = (Arc::new(Report::default()), WaitGroup::new());
        let guard = group.guard();
        thread::spawn({
            let report = report.clone();
            move || {
                drop(guard);
                report.write(7);
            }
        });
        group.wait();
        report.read();
    });
}

/// An executor for one future, as loom has only behind a feature.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Task(Notify);
    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.notify();
        }
    }
    let (task, mut future) = (Arc::new(Task(Notify::new())), pin!(future));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&task.clone().into())) {
            Poll::Ready(output) => return output,
            Poll::Pending => task.0.wait(),
        }
    }
}

#[test]
fn tasks_are_woken_and_see_what_was_written() {
    loom::model(|| {
        let (report, (sender, receiver)) = (Arc::new(Report::default()), channel::bounded(0));
        thread::spawn({
            let report = report.clone();
            move || {
                report.write(7);
                block_on(sender.send_async("ready")).unwrap();
            }
        });
        assert_eq!(block_on(receiver.recv_async()), Ok("ready"));
        assert_eq!(report.read(), 7);
    });
}

#[test]
fn the_last_caller_is_found() {
    loom::model(|| {
        let (callers, queue) = channel::bounded(1);
        thread::spawn(move || (1..=2).for_each(|port| callers.send(port).unwrap()));
        assert_eq!(crate::last(&queue), Some(2));
    });
}

#[test]
#[should_panic(expected = "what the user says, beside handles of each kind")]
fn a_failed_assertion_is_what_is_seen() {
    loom::model(|| {
        let (sender, receiver) = channel::bounded::<u32>(0);
        let (pool, token, group) = (Pool::new(1), CancellationToken::new(), WaitGroup::new());
        let _task = pool.spawn(|| ()).unwrap();
        let (child, guard) = (token.child_token().drop_guard(), group.guard());
        let mut waiting = Box::pin(receiver.recv_async());
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        // A thread that has not begun is dropped after the execution.
        let its = (sender.clone(), receiver.clone(), token.clone(), guard.clone());
        thread::spawn(move || drop(its));
        assert_eq!(sender.len(), 1, "what the user says, beside handles of each kind");
        drop((child, guard));
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_send_that_nobody_receives_is_a_deadlock() {
    loom::model(|| {
        let (sender, receiver) = channel::bounded(0);
        thread::spawn(move || sender.send("ready"));
        let (kept, closed) = channel::bounded::<()>(0);
        let _ = closed.recv();
        drop((receiver, kept));
    });
}

#[test]
#[should_panic(expected = "what a job says that nobody joins")]
fn a_failed_assertion_in_a_job_is_seen() {
    loom::model(|| {
        let (sender, receiver) = channel::bounded(1);
        let job = move || {
            sender.send(7).unwrap();
            assert!(sender.is_empty(), "what a job says that nobody joins");
        };
        Pool::new(1).execute(job).unwrap();
        assert_eq!(receiver.recv(), Ok(7));
    });
}

#[test]
fn a_handle_that_outlives_its_execution_does_nothing() {
    let kept = Arc::new(Mutex::new(None));
    loom::model(move || {
        *kept.lock().unwrap() = Some(channel::bounded::<()>(1));
    });
}

/// `HENCE_SELECT` says which arm: `tests/downstream.rs` has one run for each.
#[test]
fn a_select_takes_the_arm_it_is_told_to_try_first() {
    loom::model(|| {
        let lines: [_; 2] = std::array::from_fn(|_| channel::bounded(1));
        lines.iter().for_each(|(sender, _)| sender.send(()).unwrap());
        let [(_, first), (_, second)] = &lines;
        let taken = channel::select! {
            recv(first) -> _ => "0",
            recv(second) -> _ => "1",
        };
        assert_eq!(taken, std::env::var("HENCE_SELECT").as_deref().unwrap_or("0"));
    });
}
