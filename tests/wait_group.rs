//! WaitGroup on real threads: counting, waiting, panics, reuse, limits, threads that count, and the async form.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use hence::wait_group::{Guard, WaitGroup};
use util::{OnDrop, Wakes, block_on, blocked, peek, poll, watched};

/// Long enough that a wait happens, short enough to sit through.
const SHORT: Duration = Duration::from_millis(5);
/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(1000);

/// A moment in the past, as far back as there is one.
fn past() -> Instant {
    let now = Instant::now();
    now.checked_sub(LONG).unwrap_or(now)
}

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
        fn work(guard: Guard, left: usize, done: Arc<AtomicUsize>) {
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

// Waits with a limit (SF-WG-3).

/// Every wait that has a limit.
type Limited = fn(&WaitGroup, Duration) -> bool;
const LIMITED: [Limited; 2] = [
    |group, timeout| group.wait_timeout(timeout),
    |group, timeout| group.wait_deadline(Instant::now().checked_add(timeout).expect("not too far away")),
];

#[test]
fn a_wait_is_not_given_up_early() {
    watched(|| {
        let group = WaitGroup::new();
        let _guard = group.guard();
        for wait in LIMITED {
            let begun = Instant::now();
            assert!(!wait(&group, SHORT));
            assert!(begun.elapsed() >= SHORT);
            assert!(!wait(&group, Duration::ZERO));
        }
        assert!(!group.wait_deadline(past()));
        assert_eq!(group.count(), 1);
    });
}

#[test]
fn a_limit_that_has_passed_leaves_one_look() {
    watched(|| {
        let group = WaitGroup::new();
        drop(group.guard());
        for wait in LIMITED {
            assert!(wait(&group, Duration::ZERO) && wait(&group, LONG));
        }
        assert!(group.wait_deadline(past()) && group.wait_timeout(Duration::MAX));
    });
}

#[test]
fn a_wait_with_a_limit_ends_with_the_last_guard() {
    watched(|| {
        let waits: [fn(&WaitGroup) -> bool; 3] = [
            |group| group.wait_timeout(LONG),
            |group| group.wait_timeout(Duration::MAX), // too long for an `Instant`: none
            |group| group.wait_deadline(Instant::now() + LONG),
        ];
        let group = WaitGroup::new();
        let guards = [group.guard(), group.guard()];
        let waits = waits.map(|wait| {
            let group = group.clone();
            blocked(move || wait(&group))
        });
        for guard in guards {
            assert!(!waits.iter().any(|wait| wait.is_finished()));
            drop(guard);
        }
        waits.into_iter().for_each(|wait| assert!(wait.join().unwrap()));
    });
}

#[test]
fn a_wait_that_gives_up_leaves_nothing_behind_and_strands_nobody() {
    watched(|| {
        let group = WaitGroup::new();
        for round in 0..20 {
            let guard = group.guard();
            let (wakes, waker) = Wakes::new();
            // It stands first, or between the others.
            let hurried = [round % 2, 1].map(|i| {
                let group = group.clone();
                thread::spawn(move || LIMITED[i](&group, Duration::from_millis(1)))
            });
            let patient = {
                let group = group.clone();
                thread::spawn(move || group.wait())
            };
            let mut task = group.wait_async();
            assert!(poll(&mut task, &waker).is_pending());
            hurried.into_iter().for_each(|wait| assert!(!wait.join().unwrap()));
            assert!((group.count(), wakes.count()) == (1, 0) && !patient.is_finished());
            drop(guard);
            patient.join().unwrap();
            assert!(wakes.count() == 1 && peek(&mut task).is_ready());
        }
    });
}

/// Limits that run out at about the moment of the last guard's drop, on many threads.
#[test]
fn a_wait_says_true_only_if_there_was_no_guard() {
    watched(|| {
        let mut rng = Rng::with_seed(1);
        for _ in 0..300 {
            let (group, start) = (WaitGroup::new(), Barrier::new(5));
            let (guard, done) = (group.guard(), AtomicUsize::new(0));
            let pause = Duration::from_micros(rng.u64(..80));
            thread::scope(|scope| {
                for (wait, most) in [(LIMITED[0], 60), (LIMITED[1], 100), (LIMITED[0], 150)] {
                    let (timeout, group, done, start) = (Duration::from_micros(rng.u64(..most)), &group, &done, &start);
                    scope.spawn(move || {
                        start.wait();
                        let begun = Instant::now();
                        if wait(group, timeout) {
                            assert_eq!((done.load(Relaxed), group.count()), (1, 0), "HB-WG-1");
                        } else {
                            assert!(begun.elapsed() >= timeout, "given up early");
                        }
                    });
                }
                scope.spawn(|| {
                    start.wait();
                    group.wait();
                    assert_eq!(done.load(Relaxed), 1);
                });
                start.wait();
                thread::sleep(pause);
                done.store(1, Relaxed);
                drop(guard);
            });
            assert!(group.wait_timeout(Duration::ZERO));
        }
    });
}

// Threads that count.

#[test]
fn a_thread_counts_until_it_ends() {
    watched(|| {
        let group = WaitGroup::new();
        let (finish, finished) = mpsc::channel::<()>();
        let worker = group.spawn(move || {
            finished.recv().unwrap();
            6 * 7
        });
        let worker = worker.unwrap();
        assert!(group.count() == 1 && !group.wait_timeout(SHORT));
        finish.send(()).unwrap();
        group.wait();
        assert_eq!((group.count(), worker.join().unwrap()), (0, 42));
    });
}

#[test]
fn everything_that_the_work_does_happens_before_the_wait_returns() {
    watched(|| {
        for _ in 0..100 {
            let (group, done) = (WaitGroup::new(), Arc::new([const { AtomicUsize::new(0) }; 4]));
            for i in 0..4 {
                let (done, dropped) = (done.clone(), done.clone());
                // What it owns is dropped before it counts off.
                let owned = OnDrop::new(move || _ = dropped[i].fetch_add(1, Relaxed));
                let work = move || {
                    let _owned = &owned;
                    done[i].fetch_add(1, Relaxed);
                };
                group.spawn(work).unwrap();
            }
            group.wait();
            assert!(done.iter().all(|done| done.load(Relaxed) == 2));
        }
    });
}

#[test]
fn a_thread_that_panics_counts_off() {
    watched(|| {
        let group = WaitGroup::new();
        let workers: Vec<_> = (0..8)
            .map(|i| {
                let work = move || {
                    if i % 2 == 0 {
                        resume_unwind(Box::new(i)); // without the words on the screen
                    }
                    i
                };
                group.spawn(work).unwrap()
            })
            .collect();
        group.wait();
        assert_eq!(group.count(), 0);
        for (i, worker) in workers.into_iter().enumerate() {
            match worker.join() {
                Ok(result) => assert!(result == i && i % 2 == 1),
                Err(panic) => assert!(*panic.downcast::<usize>().unwrap() == i && i % 2 == 0),
            }
        }
    });
}

#[test]
fn a_thread_may_start_others_that_count() {
    watched(|| {
        fn work(group: &WaitGroup, left: usize, done: &Arc<AtomicUsize>) {
            done.fetch_add(1, Relaxed);
            let (next, counts) = (group.clone(), done.clone());
            if left > 0 {
                group.spawn(move || work(&next, left - 1, &counts)).unwrap();
            }
        }
        let (group, done) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
        let (first, counts) = (group.clone(), done.clone());
        group.spawn(move || work(&first, 20, &counts)).unwrap();
        group.wait(); // the count never touches zero in between
        assert_eq!(done.load(Relaxed), 21);
    });
}

#[test]
#[ignore = "counts to `u32::MAX`: half a minute with --release"]
fn too_many_guards_are_refused() {
    let group = WaitGroup::new();
    let last = group.guard();
    (1..u32::MAX).for_each(|_| mem::forget(group.guard()));
    assert_eq!(group.count(), u32::MAX as usize);
    let one_more: [fn(&WaitGroup, &Guard); 3] = [
        |group, _| drop(group.guard()),
        |_, last| drop(last.clone()),
        |group, _| drop(group.spawn(|| unreachable!("no thread is started"))),
    ];
    for one_more in one_more {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| one_more(&group, &last))) else { panic!("one too many") };
        let text = panic
            .downcast::<String>()
            .map(|text| *text)
            .unwrap_or_else(|panic| panic.downcast_ref::<&str>().unwrap().to_string());
        assert_eq!(text, "too many guards on one WaitGroup");
        assert_eq!(group.count(), u32::MAX as usize); // as before
    }
    drop(last);
    let again = group.guard();
    assert!(!group.wait_timeout(Duration::ZERO));
    drop(again);
    assert_eq!(group.count(), u32::MAX as usize - 1);
}

#[test]
fn what_is_printed() {
    let group = WaitGroup::new();
    let guard = group.guard();
    assert_eq!(format!("{group:?}"), "WaitGroup { count: 1 }");
    assert_eq!(format!("{guard:?}"), "Guard { group: WaitGroup { count: 1 } }");
    assert_eq!(format!("{:?}", group.wait_async()), "WaitFuture { waiting: false }");
}
