//! An operation whose time is up when it is called looks once and does not wait: it costs no more than its `try_` form. What
//! it costs is seen in two ways: who stands in a line has allocated a place there, and who waits yields the core and reads
//! the clock many times before it parks. One test alone, since others would allocate meanwhile.
#![cfg(not(any(loom, shuttle, miri)))]

mod util;

use std::alloc::System;
use std::thread;
use std::time::{Duration, Instant};

use hence::channel::{Receiver, Select, after, bounded, never, select, select_biased, unbounded};
use hence::pool::{Task, TaskError};
use hence::{CancellationToken, Pool, WaitGroup};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use util::watched;

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CALLS: usize = 100;
const NONE: Duration = Duration::ZERO;

/// Allocations of some calls, and the least time that as many took.
fn cost(mut call: impl FnMut()) -> (usize, Duration) {
    call();
    let region = Region::new(GLOBAL);
    let round = |_| {
        let begun = Instant::now();
        (0..CALLS).for_each(|_| call());
        begun.elapsed()
    };
    let least = (0..10).map(round).min().unwrap();
    (region.change().allocations, least)
}

/// That none of the calls, which are given no time, costs more than the one that is not given any to begin with.
fn compare(what: &str, look: impl FnMut(), limited: &mut [&mut dyn FnMut()]) {
    let (allocations, least) = cost(look);
    let (_, turn) = cost(|| _ = (thread::yield_now(), Instant::now())); // who waits has up to 64 of them, and then parks
    let most = 20 * least + 10 * turn;
    for (i, call) in limited.iter_mut().enumerate() {
        let (limited, time) = cost(call);
        // A place for each call would be ten times this; a pool's worker may allocate its own meanwhile.
        assert!(
            limited < allocations + CALLS,
            "{what} {i}: stands in line: {limited} allocations, a look {allocations}"
        );
        assert!(time < most, "{what} {i}: waits: {time:?}, a look {least:?}, a turn of patience {turn:?}");
    }
}

fn receives<T>(what: &str, receiver: &Receiver<T>, past: Instant) {
    compare(
        what,
        || assert!(receiver.try_recv().is_err()),
        &mut [&mut || assert!(receiver.recv_timeout(NONE).is_err()), &mut || {
            assert!(receiver.recv_deadline(past).is_err())
        }],
    );
    compare(
        what,
        || select! { recv(receiver) -> _ => unreachable!(), default => {} },
        &mut [
            &mut || select! { recv(receiver) -> _ => unreachable!(), default(NONE) => {} },
            &mut || select_biased! { recv(receiver) -> _ => unreachable!(), default(NONE) => {} },
        ],
    );
    let mut set = Select::new();
    (0..3).for_each(|_| _ = set.recv(receiver));
    let [mut looks, mut by_time, mut by_moment] = [set.clone(), set.clone(), set];
    compare(
        what,
        || assert!(looks.try_select().is_err() && looks.try_ready().is_err()),
        &mut [
            &mut || assert!(by_time.select_timeout(NONE).is_err() && by_time.ready_timeout(NONE).is_err()),
            &mut || assert!(by_moment.select_deadline(past).is_err() && by_moment.ready_deadline(past).is_err()),
        ],
    );
}

#[test]
fn an_operation_without_time_looks_and_does_not_wait() {
    watched(looks);
}

fn looks() {
    let past = Instant::now();
    for capacity in [Some(0), Some(1), Some(8), None] {
        let (sender, receiver) = capacity.map_or_else(unbounded::<u8>, bounded);
        receives(&format!("a receive, capacity {capacity:?}"), &receiver, past);
        let Some(capacity) = capacity else { continue };
        (0..capacity).for_each(|_| sender.send(0).unwrap());
        compare(
            &format!("a send, capacity {capacity}"),
            || assert!(sender.try_send(1).is_err()),
            &mut [&mut || assert!(sender.send_timeout(1, NONE).is_err()), &mut || {
                assert!(sender.send_deadline(1, past).is_err())
            }],
        );
        compare(
            &format!("a send, capacity {capacity}"),
            || select! { send(sender, 1) -> _ => (), default => () },
            &mut [&mut || select! { send(sender, 1) -> _ => unreachable!(), default(NONE) => () }],
        );
    }
    receives("a timer", &after(Duration::from_secs(1000)), past);
    receives("never", &never::<u8>(), past);

    let root = CancellationToken::new();
    for token in [&root, &root.child_token(), &root.with_timeout(Duration::from_secs(1000))] {
        compare(
            "a token",
            || assert!(!token.is_cancelled()),
            &mut [&mut || assert!(!token.wait_timeout(NONE)), &mut || assert!(!token.wait_deadline(past))],
        );
        receives("a token's receiver", &token.done(), past);
    }

    let group = WaitGroup::new();
    let _guard = group.guard();
    compare(
        "a wait group",
        || assert_eq!(group.count(), 1),
        &mut [&mut || assert!(!group.wait_timeout(NONE)), &mut || assert!(!group.wait_deadline(past))],
    );
    pools(past);
}

fn pools(past: Instant) {
    let (pool, token) = (Pool::builder(1).queue(1).build().unwrap(), CancellationToken::new());
    let (wait, _gate) = (token.clone(), token.drop_guard()); // opens when an assertion fails, too: the pool waits for it
    let mut running = Some(pool.spawn(move || wait.wait()).unwrap());
    while pool.stats().running == 0 {
        thread::yield_now();
    }
    let _queued = pool.spawn(|| ()).unwrap();
    compare(
        "a submission",
        || assert!(pool.try_spawn(|| ()).is_err()),
        &mut [&mut || assert!(pool.spawn_timeout(|| (), NONE).is_err()), &mut || {
            assert!(pool.spawn_deadline(|| (), past).is_err())
        }],
    );
    let mut join = |by: &dyn Fn(Task<()>) -> Result<Result<(), TaskError>, Task<()>>| {
        running = Some(by(running.take().unwrap()).unwrap_err());
    };
    compare("a join", || (), &mut [&mut || join(&|task| task.join_timeout(NONE))]);
    compare("a join", || (), &mut [&mut || join(&|task| task.join_deadline(past))]);
    compare(
        "a pool",
        || assert_eq!(pool.stats().running, 1),
        &mut [
            &mut || assert!(pool.wait_idle_timeout(NONE).is_err()),
            &mut || assert!(pool.wait_idle_deadline(past).is_err()),
            &mut || assert!(pool.drain_timeout(NONE).is_err()),
            &mut || assert!(pool.drain_deadline(past).is_err()),
            &mut || assert!(pool.shutdown_timeout(NONE).is_err()),
            &mut || assert!(pool.shutdown_deadline(past).is_err()),
        ],
    );
}
