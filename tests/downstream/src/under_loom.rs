//! Plain data in loom's cell shows what happens before what: loom panics at an access that races with another.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};

use hence::{WaitGroup, channel};
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
        drop(receiver); // a handle that the panic dropped would synchronise while it unwinds
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
        drop(group);
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
