//! What waits and goes leaves nothing behind: three rounds of it keep no more memory than one. There is one test, for it
//! counts what the whole process allocates; each step runs on one thread, but for what it says.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::alloc::System;
use std::thread;
use std::time::{Duration, Instant};

use hence::channel::{Select, after, bounded, select};
use hence::pool::{SpawnError, Task};
use hence::{CancellationToken, Pool, WaitGroup};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use util::{hold, operations, peek, until, watched};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Long enough that a wait happens, short enough to sit through.
const SHORT: Duration = Duration::from_millis(1);
/// Longer than the test takes.
const LONG: Duration = Duration::from_secs(1000);

/// The bytes that are allocated now.
fn live() -> isize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

/// Runs `round` until three in a row have kept nothing: lines and buffers grow in the first ones. A thread of
/// another round frees the last of its memory when the operating system is done with it, and a worker stands in line a
/// little after its last job, so there is time for that.
#[track_caller]
fn keeps_nothing(what: &str, mut round: impl FnMut()) {
    let mut kept = 0;
    for _ in 0..100 {
        let before = live();
        (0..3).for_each(|_| round());
        thread::sleep(SHORT);
        kept = live() - before;
        if kept == 0 {
            return;
        }
    }
    panic!("{what}: three rounds keep {kept} bytes");
}

/// Starts `operation` on another thread, and does something once it very likely waits; `serve` ends it.
fn served<R: Send>(operation: impl FnOnce() -> R + Send, serve: impl FnOnce()) -> R {
    thread::scope(|scope| {
        let waits = scope.spawn(operation);
        thread::sleep(SHORT);
        serve();
        waits.join().unwrap()
    })
}

#[test]
fn what_waits_and_goes_leaves_nothing() {
    watched(|| {
        // The ones that are left, in whose lines all others stand.
        let (token, group) = (CancellationToken::new(), WaitGroup::new());
        let (empty, full, meets) = (bounded::<u8>(1), bounded(1), bounded(0));
        full.0.send(0).unwrap();
        let (_kept, _guard) = (token.child_token(), WaitGroup::new().guard());
        token.on_cancel(|| ());

        keeps_nothing("a child", || drop(token.child_token()));
        keeps_nothing("children, out of order", || {
            let [a, b, c] = [(); 3].map(|()| token.child_token());
            drop((b, a, c));
        });
        keeps_nothing("a callback", || assert!(token.on_cancel(|| ()).stop()));
        keeps_nothing("a token that is awaited", || assert!(peek(&mut Box::pin(token.cancelled())).is_pending()));
        keeps_nothing("a token's time", || assert!(!token.wait_timeout(SHORT)));
        keeps_nothing("a receive's time", || assert!(empty.1.recv_timeout(SHORT).is_err()));
        keeps_nothing("a send's time", || assert!(full.0.send_timeout(1, SHORT).is_err()));
        keeps_nothing("a receive that is awaited", || assert!(peek(&mut empty.1.recv_async()).is_pending()));
        keeps_nothing("a receive that is told, and goes", || {
            let mut told = empty.1.recv_async();
            assert!(peek(&mut told).is_pending());
            empty.0.send(1).unwrap();
            drop(told);
            assert_eq!(empty.1.recv(), Ok(1));
        });
        keeps_nothing("a receive whose value another takes", || {
            let mut told = empty.1.recv_async();
            for _ in 0..3 {
                assert!(peek(&mut told).is_pending());
                empty.0.send(1).unwrap();
                assert_eq!(empty.1.recv(), Ok(1));
            }
        });
        keeps_nothing("a receive that is promised a value, and goes", || {
            let mut promised = meets.1.recv_async();
            assert!(peek(&mut promised).is_pending());
            let mut select = operations![send meets.0];
            let operation = select.select();
            drop(promised);
            operation.send(&meets.0, 1).unwrap();
            assert_eq!(meets.1.recv(), Ok(1));
        });
        keeps_nothing("a send that is awaited", || assert!(peek(&mut full.0.send_async(1)).is_pending()));
        keeps_nothing("a select's time", || {
            select! {
                recv(empty.1) -> _ => unreachable!(),
                send(full.0, 1) -> _ => unreachable!(),
                recv(token.done()) -> _ => unreachable!(),
                recv(after(SHORT)) -> _ => {}
            }
        });
        keeps_nothing("a look for readiness", || {
            let done = token.done();
            let mut select = Select::new();
            select.recv(&empty.1);
            select.recv(&done);
            assert!(select.ready_timeout(SHORT).is_err());
        });
        keeps_nothing("three sends, of which the first and the last go", || {
            let [mut a, mut b, mut c] = [1, 2, 3].map(|value| full.0.send_async(value));
            assert!(peek(&mut a).is_pending() && peek(&mut b).is_pending() && peek(&mut c).is_pending());
            drop(a);
            drop(c);
            assert_eq!((full.1.recv(), full.1.recv()), (Ok(0), Ok(2)));
            full.0.send(0).unwrap();
        });
        keeps_nothing("a group's time", || {
            let _guard = group.guard();
            assert!(!group.wait_timeout(SHORT) && peek(&mut group.wait_async()).is_pending());
        });

        // What succeeds beside a token has left the token's line.
        keeps_nothing("a group that is waited for", || {
            let guard = group.guard();
            served(|| group.wait_or_cancelled(&token).unwrap(), || drop(guard));
        });
        keeps_nothing("a receive beside a token", || {
            served(|| empty.1.recv_or_cancelled(&token).unwrap(), || empty.0.send(1).unwrap());
        });
        keeps_nothing("a send beside a token", || {
            served(|| full.0.send_or_cancelled(0, &token).unwrap(), || assert_eq!(full.1.recv(), Ok(0)));
        });

        let pool = Pool::builder(1).queue(0).build().unwrap();
        let held = hold(&pool);
        keeps_nothing("a submission's time", || {
            assert!(matches!(pool.spawn_timeout(|| (), SHORT), Err(SpawnError::TimedOut(_))));
            assert_eq!(pool.stats().blocked, 0);
        });
        keeps_nothing("a submission that is cancelled", || {
            let token = CancellationToken::new();
            let submit = || pool.spawn_or_cancelled(|| (), &token).map(Task::detach);
            let refused = served(submit, || assert!(token.cancel()));
            assert!(matches!(refused, Err(SpawnError::Cancelled(_))));
            assert_eq!(pool.stats().blocked, 0);
        });
        keeps_nothing("a pool's time", || assert!(pool.wait_idle_timeout(SHORT).is_err()));
        drop(held);
        keeps_nothing("a submission beside a token", || {
            let held = hold(&pool);
            let submit = || pool.spawn_or_cancelled(|| (), &token).unwrap().join().unwrap();
            served(submit, || drop(held));
            pool.wait_idle().unwrap();
        });
        keeps_nothing("a job that is cancelled behind another", || {
            let pool = Pool::new(1);
            let held = hold(&pool);
            assert!(pool.spawn(|| ()).unwrap().cancel());
            drop(held);
            pool.shutdown_deadline(Instant::now() + LONG).unwrap();
            let stats = pool.stats();
            assert_eq!((stats.workers, stats.queued, stats.running + stats.waiting, stats.cancelled), (0, 0, 0, 1));
        });
        keeps_nothing("a worker that expires", || {
            let pool = Pool::builder(1).keep_alive(SHORT).build().unwrap();
            pool.spawn(|| ()).unwrap().join().unwrap();
            until(|| pool.stats().workers == 0);
            pool.spawn(|| ()).unwrap().join().unwrap();
            pool.drain().unwrap();
            assert_eq!(pool.stats().workers, 0);
        });
    });
}
