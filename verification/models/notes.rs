//! The bugs of the notes on goroutines, found, and their fixes, explored completely.

use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};
use std::time::Duration;

use hence_registry::Model;

use super::harness::{Arc, Witness, race, spawn};
use super::{DEADLOCK, RACE};
use crate::hence::cancel::CancellationToken;
use crate::hence::channel::{Receiver, bounded, never, tick, unbounded};
use crate::hence::sync::{AtomicBool, Backoff};
use crate::hence::wait_group::WaitGroup;
use crate::select_biased;

pub(super) fn models() -> Vec<Model> {
    [
        unsynchronized_flag(),
        atomic_flag(),
        channel_for_flag(),
        exit(),
        range_until_close(),
        ok_and_ticker(),
        done_channel(),
        leak(),
        leak_ended_by_done(),
        leak_ended_by_context(),
        context(),
    ]
    .concat()
}

/// `msg = "hello, world"; done = true` in one goroutine, `for { if done { println(msg) } }` in another: a race.
fn unsynchronized_flag() -> Vec<Model> {
    fn run() -> String {
        let (msg, done) = (Witness::new(), Witness::new());
        let writer = {
            let (msg, done) = (msg.clone(), done.clone());
            move || {
                msg.write(HELLO);
                done.write(1);
            }
        };
        // One turn of the notes' loop is enough to show the race; endless turns would show nothing more.
        let ((), seen) = race(writer, || (done.read() == 1).then(|| msg.read()));
        format!("{seen:?}")
    }
    vec![Model::failing("notes_unsynchronized_flag", &[], RACE, run)]
}

/// The same with an atomic flag: its reader sees the message if the store is a release and the load an acquire, and
/// races with its writer if not.
fn atomic_flag() -> Vec<Model> {
    fn run(store: Ordering, load: Ordering) -> String {
        let (msg, done) = (Witness::new(), Arc::new(AtomicBool::new(false)));
        let writer = {
            let (msg, done) = (msg.clone(), done.clone());
            move || {
                msg.write(HELLO);
                done.store(true, store);
            }
        };
        let reader = || {
            while !done.load(load) {
                Backoff::new().snooze();
            }
            msg.read()
        };
        greeting(race(writer, reader).1)
    }
    vec![
        Model::failing("notes_relaxed_flag", &[], RACE, || run(Relaxed, Relaxed)),
        Model::failing("notes_release_without_acquire", &[], RACE, || run(Release, Relaxed)),
        Model::new("notes_release_acquire_flag", &[], &["hello"], || run(Release, Acquire)),
    ]
}

/// The notes' way out: `done <- true` and `<-done`.
fn channel_for_flag() -> Vec<Model> {
    fn run() -> String {
        let (msg, (done, finished)) = (Witness::new(), bounded(0));
        let hello = msg.clone();
        let writer = move || {
            hello.write(HELLO);
            done.send(true).unwrap();
        };
        let reader = || {
            finished.recv().unwrap();
            msg.read()
        };
        greeting(race(writer, reader).1)
    }
    vec![Model::new("notes_channel_for_flag", &[], &["hello"], run)]
}

/// Main closes the channel that the worker ranges over, and leaves: at once, or after waiting for the worker, which has
/// cleaned up then.
fn exit() -> Vec<Model> {
    fn run(waits: bool) -> String {
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
    vec![
        Model::failing("notes_exit_that_does_not_wait", &[], &["left before the worker had cleaned up"], || run(false)),
        Model::new("notes_exit_that_waits", &[], &["cleaned up"], || run(true)),
    ]
}

/// `for x := range in`, which ends when the channel is closed and empty: all the jobs are done, and main sees what came
/// of them.
fn range_until_close() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("notes_exit_by_range_until_close", &[], &["2 jobs done"], run)]
}

/// `case x, ok := <-in: if !ok { return }` beside `case <-t.C`. It ticks once: under an explorer, whose clock moves
/// whenever somebody waits for it, it could go on for ever.
fn ok_and_ticker() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("notes_exit_by_ok_beside_a_ticker", &[], &["1 job, no report", "1 job, one report"], run)]
}

/// `case <-done: return`: main tells the worker by a close, and waits until it has left.
fn done_channel() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("notes_exit_by_done", &[], &["1 job done, left"], run)]
}

/// `for i := 0; ; i++ { ch <- i }` in one goroutine, `for v := range ch { if v == 5 { break } }` in another, with 0 for
/// 5; what becomes of its receiver, `leave` says. The producer is joined, so that one that blocks for ever is seen.
fn leak() -> Vec<Model> {
    fn run(leave: fn(Receiver<usize>) -> Option<Receiver<usize>>) -> String {
        let (sender, receiver) = bounded(0);
        let producer = spawn(move || (0..).take_while(|i| sender.send(*i).is_ok()).count());
        receiver.iter().find(|v| *v == 0);
        let _receiver = leave(receiver);
        format!("{} sent", producer.join().unwrap())
    }
    vec![
        Model::failing("notes_leak_of_a_blocked_producer", &[], DEADLOCK, || run(Some)),
        Model::new("notes_leak_ended_by_dropping_the_receiver", &[], &["1 sent"], || {
            run(|receiver| {
                drop(receiver);
                None
            })
        }),
        Model::new("notes_leak_ended_by_close", &[], &["1 sent"], || {
            run(|receiver| {
                receiver.close();
                Some(receiver)
            })
        }),
    ]
}

/// The notes' way out: `select { case <-ctx.Done(): return; case ch <- i: }`. What the consumer did before it said so,
/// the producer sees.
fn leak_ended_by_done() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("notes_leak_ended_by_done", &[], &["1 sent, then told"], run)]
}

/// The same with the token for a context: `cancel()` for `close`.
fn leak_ended_by_context() -> Vec<Model> {
    fn run() -> String {
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
    vec![Model::new("notes_leak_ended_by_context", &[], &["1 sent, then told"], run)]
}

/// Main cancels, and leaves when the worker has cleaned up. The worker says what it left for: `ctx.Err()`. Each mutant
/// goes wrong in one part of [`Context`].
fn context() -> Vec<Model> {
    fn run(context: &Context) -> String {
        let (token, group) = (CancellationToken::new().with_timeout(Duration::from_secs(10)), WaitGroup::new());
        // Relaxed: for the exit that does not wait, whose fault is no race.
        let cleaned = Arc::new(AtomicBool::new(false));
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
    vec![
        Model::new("notes_exit_by_context", &[], &["cancelled", "deadline exceeded"], || run(&CONTEXT)).slow(),
        Model::failing("notes_exit_by_context_without_wait", &[], &["left before the worker had cleaned up"], || {
            run(&Context { waits: false, ..CONTEXT })
        }),
        Model::failing("notes_exit_by_context_checked_once", &[], DEADLOCK, || {
            run(&Context { work: check_once, ..CONTEXT })
        }),
        Model::failing("notes_exit_by_context_of_another_parent", &[], DEADLOCK, || {
            run(&Context { token: |_| CancellationToken::new().child_token(), ..CONTEXT })
        }),
    ]
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

const HELLO: usize = 5;

fn greeting(seen: usize) -> String {
    if seen == HELLO { "hello".into() } else { format!("{seen}") }
}
