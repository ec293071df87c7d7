//! The loops of wait groups.

use super::threads::{Job, share, together};
use crate::peers::wait_group::WaitGroup;
use std::{
    hint::black_box,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Another guard is alive, so that the count does not come down to zero: crossbeam-utils' cannot before the wait.
pub fn guard<P: WaitGroup>(times: usize) -> Duration {
    let group = P::new();
    let _other = group.guard();
    let start = Instant::now();
    (0..times).for_each(|_| drop(black_box(black_box(&group).guard())));
    start.elapsed()
}

/// The workers live throughout, and have their guards of all groups beforehand. They drop them a group at a time, while
/// this thread waits for it; a barrier, the same for all peers, sets them off.
pub fn fork_join<P: WaitGroup>(workers: usize, times: usize) -> Duration {
    let groups: Vec<_> = (0..times).map(|_| P::new()).collect();
    let (go, done) = (&Barrier::new(workers + 1), &AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..workers {
            let guards: Vec<_> = groups.iter().map(P::guard).collect();
            scope.spawn(move || {
                go.wait(); // all threads run
                for guard in guards {
                    go.wait();
                    done.fetch_add(1, Ordering::Relaxed);
                    drop(guard);
                }
            });
        }
        go.wait();
        let start = Instant::now();
        for (before, group) in groups.into_iter().enumerate() {
            go.wait();
            group.wait();
            assert_eq!(done.load(Ordering::Relaxed), workers * (before + 1), "a worker was not waited for");
        }
        start.elapsed()
    })
}

/// Each thread has its share of the guards beforehand. Another one is alive, as above.
pub fn drops<P: WaitGroup>(threads: usize, times: usize) -> Duration {
    let group = P::new();
    let other = group.guard();
    let droppers = (0..threads).map(|nth| -> Job<'_> {
        let guards: Vec<_> = share(times, nth, threads).map(|_| group.guard()).collect();
        Box::new(move || {
            guards.into_iter().for_each(drop);
            0
        })
    });
    let (_, time) = together(droppers.collect());
    drop(other);
    group.wait(); // for ever if miscounted
    time
}
