//! WaitGroup on real threads: counting, waiting, panics, reuse, and the async form.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;

use hence::WaitGroup;
use util::{Wakes, block_on, blocked, peek, poll, watched};

#[test]
fn the_count_is_the_number_of_guards() {
    let group = WaitGroup::new();
    assert_eq!((group.count(), WaitGroup::default().count()), (0, 0));
    let one = group.guard();
    let two = one.clone(); // a clone counts for itself
    let three = two.group().guard();
    assert_eq!((group.count(), group.clone().count(), three.group().count()), (3, 3, 3));
    drop(two);
    assert_eq!(group.count(), 2);
    drop((one, three));
    assert_eq!(group.count(), 0);
}

#[test]
fn groups_do_not_share_a_count_and_clones_do() {
    let (one, other) = (WaitGroup::new(), WaitGroup::new());
    let same = one.clone();
    let guard = one.guard();
    assert_eq!((one.count(), same.count(), other.count()), (1, 1, 0));
    other.wait();
    drop((one, same));
    assert_eq!(guard.group().count(), 1); // a guard keeps its group
}

#[test]
fn a_group_without_guards_waits_for_nothing() {
    watched(|| {
        let group = WaitGroup::new();
        group.wait();
        assert!(peek(&mut group.wait_async()).is_ready());
        drop(group.guard());
        group.wait();
    });
}

#[test]
fn wait_sees_everything_that_the_workers_did() {
    watched(|| {
        for _ in 0..50 {
            let (group, done) = (WaitGroup::new(), Arc::new([const { AtomicUsize::new(0) }; 4]));
            for i in 0..4 {
                let (guard, done) = (group.guard(), done.clone());
                thread::spawn(move || {
                    done[i].store(1, Relaxed);
                    drop(guard);
                });
            }
            group.wait();
            assert!(done.iter().all(|done| done.load(Relaxed) == 1));
            assert_eq!(group.count(), 0);
        }
    });
}

#[test]
fn no_wait_returns_before_the_last_guard_is_dropped() {
    watched(|| {
        let (group, returned) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
        let mut guards = vec![group.guard(), group.guard(), group.guard()];
        let waits: Vec<_> = (0..3)
            .map(|i| {
                let (group, returned) = (group.clone(), returned.clone());
                blocked(move || {
                    if i == 0 {
                        block_on(group.wait_async())
                    } else {
                        group.wait()
                    }
                    returned.fetch_add(1, Relaxed);
                })
            })
            .collect();
        while let Some(guard) = guards.pop() {
            assert_eq!(returned.load(Relaxed), 0);
            drop(guard);
        }
        waits.into_iter().for_each(|wait| wait.join().unwrap());
        assert_eq!(returned.load(Relaxed), 3);
    });
}

#[test]
fn a_panic_drops_its_guard() {
    watched(|| {
        let group = WaitGroup::new();
        let guard = group.guard();
        let worker = thread::spawn(move || {
            let _guard = guard;
            panic!("the worker's own");
        });
        group.wait();
        assert!(worker.join().is_err());
        let (one, two) = (group.guard(), group.guard());
        let caught = catch_unwind(AssertUnwindSafe(move || {
            let _one = one;
            panic!("again");
        }));
        assert!(caught.is_err());
        assert_eq!(group.count(), 1); // each guard counts off once
        drop(two);
        group.wait();
    });
}

#[test]
fn a_guard_may_be_dropped_while_its_thread_panics_and_others_wait() {
    watched(|| {
        let group = WaitGroup::new();
        let workers: Vec<_> = (0..8)
            .map(|i| {
                let guard = group.guard();
                thread::spawn(move || {
                    let _guard = guard;
                    assert!(i % 2 == 0, "half of them panic");
                })
            })
            .collect();
        let waits: Vec<_> = (0..4)
            .map(|_| {
                thread::spawn({
                    let group = group.clone();
                    move || group.wait()
                })
            })
            .collect();
        waits.into_iter().for_each(|wait| wait.join().unwrap());
        assert_eq!(workers.into_iter().filter_map(|worker| worker.join().err()).count(), 4);
    });
}

#[test]
fn a_group_can_be_used_again() {
    watched(|| {
        let group = WaitGroup::new();
        for round in 1..=20 {
            let workers = Arc::new(AtomicUsize::new(0));
            for _ in 0..round % 4 {
                let (guard, workers) = (group.guard(), workers.clone());
                thread::spawn(move || {
                    workers.fetch_add(1, Relaxed);
                    drop(guard);
                });
            }
            group.wait();
            assert_eq!(workers.load(Relaxed), round % 4);
        }
    });
}

#[test]
fn a_wait_is_over_though_the_group_is_used_again() {
    let group = WaitGroup::new();
    let (wakes, waker) = Wakes::new();
    let mut wait = group.wait_async();
    let first = group.guard();
    assert!(poll(&mut wait, &waker).is_pending());
    drop(first);
    let second = group.guard(); // reached zero between the two: the wait is over
    assert_eq!(wakes.count(), 1);
    assert!(poll(&mut wait, &waker).is_ready());
    assert!(poll(&mut wait, &waker).is_pending()); // polled again, it waits again
    drop(second);
    assert!(poll(&mut wait, &waker).is_ready());
    assert_eq!(wakes.count(), 2);
}

#[test]
fn many_threads_wait_for_many() {
    watched(|| {
        let (group, start) = (WaitGroup::new(), Arc::new(Barrier::new(12)));
        let threads: Vec<_> = (0..12)
            .map(|i| {
                let (group, start, guard) = (group.clone(), start.clone(), (i < 6).then(|| group.guard()));
                thread::spawn(move || {
                    start.wait();
                    if let Some(guard) = guard {
                        (0..100).for_each(|_| drop(guard.clone()));
                    } else if i % 2 == 0 {
                        group.wait();
                    } else {
                        block_on(group.wait_async());
                    }
                })
            })
            .collect();
        group.wait();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(group.count(), 0);
    });
}

#[test]
fn a_guard_handed_on_keeps_the_wait() {
    watched(|| {
        // Each worker starts the next before it ends: the count never touches zero in between.
        fn work(guard: hence::wait_group::Guard, left: usize, done: Arc<AtomicUsize>) {
            done.fetch_add(1, Relaxed);
            if left > 0 {
                let next = guard.clone();
                thread::spawn(move || work(next, left - 1, done));
            }
        }
        let (group, done) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
        work(group.guard(), 20, done.clone());
        group.wait();
        assert_eq!(done.load(Relaxed), 21);
    });
}

#[test]
fn a_task_is_woken_once_by_its_latest_waker() {
    let group = WaitGroup::new();
    let (one, two) = (group.guard(), group.guard());
    let ((old, first), (new, last)) = (Wakes::new(), Wakes::new());
    let mut wait = group.wait_async();
    for waker in [&first, &last, &last] {
        assert!(poll(&mut wait, waker).is_pending());
    }
    drop(one);
    assert_eq!((old.count(), new.count()), (0, 0));
    drop(two);
    assert_eq!((old.count(), new.count()), (0, 1));
    assert!(poll(&mut wait, &first).is_ready());
    assert_eq!((old.count(), new.count()), (0, 1));
}

#[test]
fn a_dropped_wait_leaves_nothing_behind() {
    let group = WaitGroup::new();
    let guard = group.guard();
    let (wakes, waker) = Wakes::new();
    let (mut gone, mut stays) = (group.wait_async(), group.wait_async());
    assert!(poll(&mut gone, &waker).is_pending() && peek(&mut stays).is_pending());
    drop(gone);
    assert_eq!(Arc::strong_count(&wakes), 2);
    drop(guard);
    assert_eq!(wakes.count(), 0);
    assert!(peek(&mut stays).is_ready());
    drop(group.wait_async()); // never polled
}

#[test]
fn what_is_printed() {
    let group = WaitGroup::new();
    let guard = group.guard();
    assert_eq!(format!("{group:?}"), "WaitGroup { count: 1 }");
    assert_eq!(format!("{guard:?}"), "Guard { group: WaitGroup { count: 1 } }");
    assert_eq!(format!("{:?}", group.wait_async()), "WaitFuture { waiting: false }");
}
