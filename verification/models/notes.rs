//! The bugs of the notes on goroutines, found, and their fixes, explored completely.

use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};
use std::time::Duration;

use hence_registry::Model;

use super::harness::{Arc, Witness, spawn};
use super::{DEADLOCK, RACE};
use crate::hence::cancel::CancellationToken;
use crate::hence::channel::{Receiver, bounded, never, tick, unbounded};
use crate::hence::sync::{AtomicBool, Backoff};
use crate::hence::wait_group::WaitGroup;
use crate::select_biased;

pub(super) fn models() -> Vec<Model> {
    vec![
        Model::failing("notes_unsynchronized_flag", &[], RACE, unsynchronized_flag),
        Model::failing("notes_relaxed_flag", &[], RACE, || atomic_flag(Relaxed, Relaxed)),
        Model::failing("notes_release_without_acquire", &[], RACE, || atomic_flag(Release, Relaxed)),
        Model::new("notes_release_acquire_flag", &[], &["hello"], || atomic_flag(Release, Acquire)),
        Model::new("notes_channel_for_flag", &[], &["hello"], channel_for_flag),
        Model::failing("notes_exit_that_does_not_wait", &[], &["left before the worker had cleaned up"], || {
            exit(false)
        }),
        Model::new("notes_exit_that_waits", &[], &["cleaned up"], || exit(true)),
        Model::new("notes_exit_by_range_until_close", &[], &["2 jobs done"], range_until_close),
        Model::new("notes_exit_by_ok_beside_a_ticker", &[], &["1 job, no report", "1 job, one report"], ok_and_ticker),
        Model::new("notes_exit_by_done", &[], &["1 job done, left"], done_channel),
        Model::failing("notes_leak_of_a_blocked_producer", &[], DEADLOCK, || leak(Some)),
        Model::new("notes_leak_ended_by_dropping_the_receiver", &[], &["1 sent"], || {
            leak(|receiver| {
                drop(receiver);
                None
            })
        }),
        Model::new("notes_leak_ended_by_close", &[], &["1 sent"], || {
            leak(|receiver| {
                receiver.close();
                Some(receiver)
            })
        }),
        Model::new("notes_leak_ended_by_done", &[], &["1 sent, then told"], leak_ended_by_done),
        Model::new("notes_leak_ended_by_context", &[], &["1 sent, then told"], leak_ended_by_context),
        Model::new("notes_exit_by_context", &[], &["cancelled", "deadline exceeded"], || context(&CONTEXT)),
        Model::failing("notes_exit_by_context_without_wait", &[], &["left before the worker had cleaned up"], || {
            context(&Context { waits: false, ..CONTEXT })
        }),
        Model::failing("notes_exit_by_context_checked_once", &[], DEADLOCK, || {
            context(&Context { work: check_once, ..CONTEXT })
        }),
        Model::failing("notes_exit_by_context_of_another_parent", &[], DEADLOCK, || {
            context(&Context { token: |_| CancellationToken::new().child_token(), ..CONTEXT })
        }),
    ]
}

const HELLO: usize = 5;

/// `msg = "hello, world"; done = true` in one goroutine, `for { if done { println(msg) } }` in another.
fn unsynchronized_flag() -> String {
    let (msg, done) = (Witness::new(), Witness::new());
    let writer = {
        let (msg, done) = (msg.clone(), done.clone());
        spawn(move || {
            msg.write(HELLO);
            done.write(1);
        })
    };
    // One turn of the notes' loop is enough to show the race; endless turns would show nothing more.
    let seen = (done.read() == 1).then(|| msg.read());
    writer.join().unwrap();
    format!("{seen:?}")
}

fn atomic_flag(store: Ordering, load: Ordering) -> String {
    let (msg, done) = (Witness::new(), Arc::new(AtomicBool::new(false)));
    let writer = {
        let (msg, done) = (msg.clone(), done.clone());
        spawn(move || {
            msg.write(HELLO);
            done.store(true, store);
        })
    };
    while !done.load(load) {
        Backoff::new().snooze();
    }
    let seen = msg.read();
    writer.join().unwrap();
    greeting(seen)
}

/// The notes' way out: `done <- true` and `<-done`.
fn channel_for_flag() -> String {
    let (msg, (done, finished)) = (Witness::new(), bounded(0));
    let writer = {
        let msg = msg.clone();
        spawn(move || {
            msg.write(HELLO);
            done.send(true).unwrap();
        })
    };
    finished.recv().unwrap();
    let seen = msg.read();
    writer.join().unwrap();
    greeting(seen)
}

fn greeting(seen: usize) -> String {
    if seen == HELLO { "hello".into() } else { format!("{seen}") }
}

/// Main closes the channel that the worker ranges over, and leaves: at once, or after waiting for the worker.
fn exit(waits: bool) -> String {
    let (jobs, queue) = unbounded::<()>();
    let (group, cleaned) = (WaitGroup::new(), Arc::new(AtomicBool::new(false)));
    let worker = {
        let (guard, cleaned) = (group.guard(), cleaned.clone());
        spawn(move || {
            queue.iter().for_each(drop);
            cleaned.store(true, Relaxed);
            drop(guard);
        })
    };
    jobs.close();
    if waits {
        group.wait();
    }
    assert!(cleaned.load(Relaxed), "left before the worker had cleaned up");
    worker.join().unwrap();
    "cleaned up".into()
}

/// `for x := range in`, which ends when the channel is closed and empty: all the jobs are done, and main sees what came
/// of them.
fn range_until_close() -> String {
    let (jobs, queue) = bounded(1);
    let (group, done) = (WaitGroup::new(), Witness::new());
    let worker = {
        let (guard, done) = (group.guard(), done.clone());
        spawn(move || {
            queue.iter().for_each(|()| done.write(done.read() + 1));
            drop(guard);
        })
    };
    (0..2).for_each(|_| jobs.send(()).unwrap());
    jobs.close();
    group.wait();
    let done = done.read();
    worker.join().unwrap();
    format!("{done} jobs done")
}

/// `case x, ok := <-in: if !ok { return }` beside `case <-t.C`. It ticks once: under an explorer, whose clock moves
/// whenever somebody waits for it, it could go on for ever.
fn ok_and_ticker() -> String {
    let (jobs, queue) = bounded(1);
    let (group, done) = (WaitGroup::new(), Witness::new());
    let worker = {
        let (guard, done) = (group.guard(), done.clone());
        spawn(move || {
            let (mut ticker, mut report) = (tick(Duration::from_secs(1)), "no report");
            loop {
                select_biased! {
                    recv(queue) -> job => match job {
                        Ok(()) => done.write(done.read() + 1),
                        Err(_) => break,
                    },
                    recv(ticker) -> _ => (ticker, report) = (never(), "one report"),
                }
            }
            drop(guard);
            report
        })
    };
    jobs.send(()).unwrap();
    jobs.close();
    group.wait();
    let done = done.read();
    format!("{done} job, {}", worker.join().unwrap())
}

/// `case <-done: return`: main tells the worker by a close, and waits until it has left.
fn done_channel() -> String {
    let ((jobs, queue), (done, told)) = (bounded(0), bounded::<()>(0));
    let (group, witness) = (WaitGroup::new(), Witness::new());
    let worker = {
        let (guard, witness) = (group.guard(), witness.clone());
        spawn(move || {
            loop {
                select_biased! {
                    recv(told) -> _ => break,
                    recv(queue) -> job => witness.write(job.unwrap()),
                }
            }
            drop(guard);
        })
    };
    jobs.send(1).unwrap();
    done.close();
    group.wait();
    let seen = witness.read();
    worker.join().unwrap();
    format!("{seen} job done, left")
}

/// `for i := 0; ; i++ { ch <- i }` in one goroutine, `for v := range ch { if v == 5 { break } }` in another, with 0 for
/// 5; what becomes of its receiver, `leave` says. The producer is joined, so that one that blocks for ever is seen.
fn leak(leave: fn(Receiver<usize>) -> Option<Receiver<usize>>) -> String {
    let (sender, receiver) = bounded(0);
    let producer = spawn(move || (0..).take_while(|i| sender.send(*i).is_ok()).count());
    receiver.iter().find(|v| *v == 0);
    let _receiver = leave(receiver);
    format!("{} sent", producer.join().unwrap())
}

/// The notes' way out: `select { case <-ctx.Done(): return; case ch <- i: }`. What the consumer did before it said so,
/// the producer sees.
fn leak_ended_by_done() -> String {
    let ((sender, receiver), (done, told), witness) = (bounded(0), bounded::<()>(0), Witness::new());
    let producer = {
        let witness = witness.clone();
        spawn(move || {
            let mut i = 0;
            loop {
                select_biased! {
                    recv(told) -> _ => break (i, witness.read()),
                    send(sender, i) -> sent => {
                        sent.unwrap();
                        i += 1;
                    }
                }
            }
        })
    };
    receiver.iter().find(|v| *v == 0);
    witness.write(1);
    done.close();
    match producer.join().unwrap() {
        (sent, 1) => format!("{sent} sent, then told"),
        (sent, seen) => format!("{sent} sent, {seen} seen"),
    }
}

/// The same with the token for a context: `cancel()` for `close`.
fn leak_ended_by_context() -> String {
    let ((sender, receiver), token, witness) = (bounded(0), CancellationToken::new(), Witness::new());
    let producer = {
        let (token, witness) = (token.clone(), witness.clone());
        spawn(move || {
            let sent = (0..).take_while(|i| sender.send_or_cancelled(*i, &token).is_ok()).count();
            (sent, witness.read())
        })
    };
    receiver.iter().find(|v| *v == 0);
    witness.write(1);
    token.cancel();
    match producer.join().unwrap() {
        (sent, 1) => format!("{sent} sent, then told"),
        (sent, seen) => format!("{sent} sent, {seen} seen"),
    }
}

/// `context.WithTimeout` and a WaitGroup, and where programs go wrong with them.
struct Context {
    /// The worker's context, made from main's.
    token: fn(&CancellationToken) -> CancellationToken,
    work: fn(&CancellationToken, &Receiver<()>),
    waits: bool,
}

const CONTEXT: Context = Context { token: CancellationToken::clone, work, waits: true };

/// `for { select { case <-ctx.Done(): return; case <-queue: } }`
fn work(token: &CancellationToken, queue: &Receiver<()>) {
    loop {
        select_biased! {
            recv(token.done()) -> _ => return,
            recv(queue) -> _ => {}
        }
    }
}

/// `if ctx.Err() != nil { return }`, and then a receive that nobody cancels.
fn check_once(token: &CancellationToken, queue: &Receiver<()>) {
    if token.check().is_ok() {
        let _ = queue.recv();
    }
}

/// Main cancels, and leaves when the worker has cleaned up. The worker says what it left for: `ctx.Err()`.
fn context(context: &Context) -> String {
    let (token, group) = (CancellationToken::new().with_timeout(Duration::from_secs(10)), WaitGroup::new());
    let cleaned = Arc::new(AtomicBool::new(false)); // relaxed: for the exit that does not wait, whose fault is no race
    let (_jobs, queue) = bounded(1);
    let (own, work) = ((context.token)(&token), context.work);
    let worker = {
        let (guard, cleaned) = (group.guard(), cleaned.clone());
        spawn(move || {
            work(&own, &queue);
            cleaned.store(true, Relaxed);
            drop(guard);
            own.check().unwrap_err().to_string()
        })
    };
    token.cancel();
    if context.waits {
        group.wait();
    }
    assert!(cleaned.load(Relaxed), "left before the worker had cleaned up");
    worker.join().unwrap()
}
