//! The wait group.

use std::mem;
use std::task::Waker;
use std::time::Duration;

use hence_registry::{Kind, Model, Weaken};

use super::harness::{Arc, CountingWaker, Witness, block_on, join, pending, poll, race, spawn};
use super::weaken::{claim, weaken};
use super::{DEADLOCK, RACE};
use crate::hence::sync::{AtomicUsize, Lock, Ordering};
use crate::hence::wait_group::{Guard, WaitGroup};

pub(super) fn models() -> Vec<Model> {
    [
        drops_before_wait(),
        drop_before_wait_async(),
        spawned_before_wait(),
        drop_before_a_look(),
        awaited_drop_before_a_look(),
        zero_of_later_guards(),
        claimed_by_the_next(),
        clone_keeps_waiting(),
        zero_outside_the_lock(),
        count_and_reuse(),
        made_while_another_goes(),
        first_and_last_leave(),
        timed_wait(),
        freed_with_the_last(),
        all_waiters_are_released(),
        reused_while_waiting(),
        new_guard_beside_the_last_drop(),
        used_again_at_once(),
        counts_then_looks(),
        dropped_wait_leaves_nothing(),
    ]
    .concat()
}

/// A wait sees what each worker wrote before it dropped its guard.
fn drops_before_wait() -> Vec<Model> {
    fn run() -> String {
        let (group, witnesses) = (WaitGroup::new(), [Witness::new(), Witness::new()]);
        let workers = witnesses.each_ref().map(|witness| spawn(worker(group.guard(), witness)));
        group.wait();
        let seen = witnesses.map(|witness| witness.read());
        join(workers);
        format!("{} {}", seen[0], seen[1])
    }
    vec![
        Model::new("hb_wg_1_drops_before_wait", &["HB-WG-1", "SF-WG-1", "LV-WG-1"], &["1 1"], run),
        Model::failing("hb_wg_1_claim_relaxed", &["HB-WG-1"], RACE, run).weakened(claim(Kind::Relaxed)),
        Model::failing("hb_wg_1_drop_acquire", &["HB-WG-1"], RACE, run).weakened(group(Kind::Acquire, DROP)),
        Model::failing("hb_wg_1_stand_relaxed", &["HB-WG-1"], RACE, run).weakened(group(Kind::FailureRelaxed, STAND)),
        Model::failing("lv_wg_1_stand_unchecked", &["LV-WG-1"], DEADLOCK, run).weakened(group(Kind::Unchecked, STAND)),
    ]
}

/// A task that waits sees what the worker wrote before it dropped its guard.
fn drop_before_wait_async() -> Vec<Model> {
    fn run() -> String {
        let (group, witness) = (WaitGroup::new(), Witness::new());
        let ((), seen) = race(worker(group.guard(), &witness), || {
            block_on(group.wait_async());
            witness.read()
        });
        seen.to_string()
    }
    vec![
        Model::new("hb_wg_1_drop_before_wait_async", &["HB-WG-1", "LV-WG-1"], &["1"], run),
        Model::failing("hb_wg_1_async_polled_unlocked", &["HB-WG-1"], RACE, run)
            .weakened(group(Kind::NoLock, "self.waits.with(|waits| section(")),
    ]
}

/// A wait sees what a thread wrote that the group has spawned.
fn spawned_before_wait() -> Vec<Model> {
    fn run() -> String {
        let (group, witness) = (WaitGroup::new(), Witness::new());
        let worker = {
            let witness = witness.clone();
            group.spawn(move || witness.write(1)).unwrap()
        };
        group.wait();
        let seen = witness.read();
        worker.join().unwrap();
        seen.to_string()
    }
    vec![Model::new("hb_wg_1_spawned_before_wait", &["HB-WG-1"], &["1"], run)]
}

/// A wait without time tells whether the guard has been dropped by now: if so, it sees what was written before.
fn drop_before_a_look() -> Vec<Model> {
    fn run() -> String {
        let (group, witness) = (WaitGroup::new(), Witness::new());
        let worker = spawn(worker(group.guard(), &witness));
        let dropped = group.wait_timeout(Duration::ZERO);
        if dropped {
            assert_eq!(witness.read(), 1);
        }
        worker.join().unwrap();
        assert!(group.wait_timeout(Duration::ZERO));
        if dropped { "dropped".into() } else { "still there".into() }
    }
    vec![
        Model::new("hb_wg_1_drop_before_a_look", &["HB-WG-1", "SF-WG-3"], &["dropped", "still there"], run),
        Model::failing("hb_wg_1_look_relaxed", &["HB-WG-1"], RACE, run)
            .weakened(group(Kind::Relaxed, "self.word.load(Ordering::Acquire) / GUARD")),
    ]
}

/// The same while a task waits: the drop goes on to release it, and the look may come before that or after.
fn awaited_drop_before_a_look() -> Vec<Model> {
    fn run() -> String {
        let (group, witness) = (WaitGroup::new(), Witness::new());
        let guard = group.guard();
        let mut wait = pending(group.wait_async());
        let ((), seen) =
            race(worker(guard, &witness), || group.wait_timeout(Duration::ZERO).then(|| assert_eq!(witness.read(), 1)));
        assert!(poll(&mut wait, Waker::noop()).is_ready(), "released");
        if seen.is_some() { "dropped".into() } else { "still there".into() }
    }
    vec![Model::new("hb_wg_1_awaited_drop_before_a_look", &["HB-WG-1", "LV-WG-1"], &["dropped", "still there"], run)]
}

/// A guard is dropped that releases a task, and meanwhile the group is used again: the drop may release whoever waits for
/// that, too, after a zero that was another's.
fn zero_of_later_guards() -> Vec<Model> {
    fn run() -> String {
        let (group, witness) = (WaitGroup::new(), Witness::new());
        let first = group.guard();
        let mut early = pending(group.wait_async());
        let dropping = spawn(move || drop(first));
        let worker = spawn(worker(group.guard(), &witness));
        group.wait();
        let seen = witness.read();
        dropping.join().unwrap();
        worker.join().unwrap();
        assert!(poll(&mut early, Waker::noop()).is_ready(), "released");
        seen.to_string()
    }
    vec![
        Model::new("hb_wg_1_zero_of_later_guards", &["HB-WG-1", "SF-WG-1", "LV-WG-1"], &["1"], run).slow(),
        Model::failing("hb_wg_1_release_relaxed", &["HB-WG-1"], RACE, run)
            .weakened(group(Kind::Relaxed, "self.word.load(Ordering::Acquire) & AWAITED")),
    ]
}

/// The same, and who comes to stand claims whoever stood before the zero.
fn claimed_by_the_next() -> Vec<Model> {
    fn run() -> String {
        let (group, witness) = (WaitGroup::new(), Witness::new());
        let first = group.guard();
        let mut early = pending(group.wait_async());
        let worker = spawn(worker(first, &witness));
        let second = group.guard();
        let mut late = pending(group.wait_async());
        let released = poll(&mut early, Waker::noop()).is_ready();
        if released {
            assert_eq!(witness.read(), 1);
            drop(second);
            assert!(poll(&mut late, Waker::noop()).is_ready(), "released by its own zero, wherever the other drop is");
            worker.join().unwrap();
            return "zero between the two".into();
        }
        worker.join().unwrap();
        assert!(poll(&mut late, Waker::noop()).is_pending(), "its guard is there");
        drop(second);
        assert!(poll(&mut late, Waker::noop()).is_ready(), "released");
        "not yet".into()
    }
    vec![
        Model::new(
            "hb_wg_1_claimed_by_the_next",
            &["HB-WG-1", "SF-WG-1", "LV-WG-1"],
            &["not yet", "zero between the two"],
            run,
        ),
        Model::failing("hb_wg_1_awaited_relaxed", &["HB-WG-1"], RACE, run).weakened(group(Kind::Relaxed, STAND)),
    ]
}

/// A worker passes its guard on before it drops its own: the count never touches zero in between.
fn clone_keeps_waiting() -> Vec<Model> {
    fn run() -> String {
        let (group, witness) = (WaitGroup::new(), Witness::new());
        let (first, theirs) = (group.guard(), witness.clone());
        let passing_on = move || {
            let second = first.clone();
            drop(first);
            theirs.write(1);
            drop(second);
        };
        let ((), seen) = race(passing_on, || {
            group.wait();
            witness.read()
        });
        seen.to_string()
    }
    vec![
        Model::new("sf_wg_1_clone_keeps_waiting", &["SF-WG-1"], &["1"], run),
        Model::failing("sf_wg_1_wait_without_the_lock", &["SF-WG-1"], RACE, run)
            .weakened(group(Kind::NoLock, "self.waits.with(|waits| self.set_awaited")),
    ]
}

/// The fault of a group whose last guard is counted off before it has the lock, and where nothing says that it was: who
/// comes to wait for the next guard meanwhile is released by a zero that was before.
fn zero_outside_the_lock() -> Vec<Model> {
    fn run() -> String {
        // Guards; and whether somebody waits, and has been released.
        let group = Arc::new((AtomicUsize::new(1), Lock::new((false, false))));
        let theirs = group.clone();
        let dropping = move || {
            theirs.0.swap(0, Ordering::AcqRel);
            theirs.1.with(|(waits, released)| *released = *waits);
        };
        let (guards, line) = &*group;
        race(dropping, || {
            if guards.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                line.with(|(waits, _)| *waits = true);
            }
        });
        assert!(!line.with(|(_, released)| *released), "released by a zero before its time");
        "not released".into()
    }
    vec![Model::failing("sf_wg_1_zero_outside_the_lock", &["SF-WG-1"], &["released by a zero before its time"], run)]
}

/// Two threads take and drop a guard each, twice: ours is in the count while it lives, and after a wait that is zero.
fn count_and_reuse() -> Vec<Model> {
    fn run() -> String {
        let group = WaitGroup::new();
        let counts = [0, 1].map(|_| {
            let theirs = group.clone();
            let ours = || {
                let guard = group.guard();
                assert!((1..=2).contains(&group.count()), "our guard and perhaps theirs");
                drop(guard);
            };
            race(move || drop(theirs.guard()), ours);
            group.wait();
            group.count()
        });
        format!("{} then {}", counts[0], counts[1])
    }
    vec![Model::new("sf_wg_2_count_and_reuse", &["SF-WG-2", "LV-WG-1"], &["0 then 0"], run)]
}

/// A guard is made while the only other one is dropped: it is counted.
fn made_while_another_goes() -> Vec<Model> {
    fn run() -> String {
        let group = WaitGroup::new();
        let first = group.guard();
        let ((), second) = race(move || drop(first), || group.guard());
        let second = counted(second);
        assert!(!group.wait_timeout(Duration::ZERO), "it is not dropped");
        drop(second);
        assert!(group.wait_timeout(Duration::ZERO), "nothing is left to wait for");
        "counted".into()
    }
    vec![
        Model::new("sf_wg_2_made_while_another_goes", &["SF-WG-2"], &["counted"], run),
        Model::failing("sf_wg_2_drop_unchecked", &["SF-WG-2"], &["one guard is alive"], run)
            .weakened(group(Kind::Unchecked, DROP)),
    ]
}

/// The one guard that there is. One that is not counted is not dropped: that would count below zero.
fn counted(guard: Guard) -> Guard {
    let count = guard.group().count();
    if count != 1 {
        mem::forget(guard);
        panic!("one guard is alive, and {count} are counted");
    }
    guard
}

/// Of three who wait the first and the last give up, while a guard is dropped that is not the last: nothing of them is left.
fn first_and_last_leave() -> Vec<Model> {
    fn run() -> String {
        let group = WaitGroup::new();
        let (guard, other) = (group.guard(), group.guard());
        let wakers = [(); 3].map(|()| CountingWaker::new());
        let [first, mut second, last] = wakers.each_ref().map(|(_, waker)| {
            let mut wait = group.wait_async();
            assert!(poll(&mut wait, waker).is_pending());
            wait
        });
        let dropping = spawn(move || drop(other));
        drop(first);
        drop(last);
        let kept = wakers.each_ref().map(|(counting, _)| Arc::strong_count(counting) - 2);
        assert_eq!(kept, [0, 1, 0], "nothing of the two is left in line");
        dropping.join().unwrap();
        drop(guard);
        assert_eq!(wakers.each_ref().map(|(counting, _)| counting.count()), [0, 1, 0]);
        assert!(poll(&mut second, &wakers[1].1).is_ready());
        "released".into()
    }
    vec![Model::new("sf_wg_3_first_and_last_leave", &["SF-WG-3", "SF-WT-2", "LV-WG-1"], &["released"], run)]
}

/// A wait that gives up races the last guard; another, without a limit, is not stranded by it.
fn timed_wait() -> Vec<Model> {
    fn run() -> String {
        let (group, witness) = (WaitGroup::new(), Witness::new());
        let worker = spawn(worker(group.guard(), &witness));
        let in_time = group.wait_timeout(SHORT);
        if in_time {
            assert_eq!(witness.read(), 1);
        }
        group.wait();
        assert!(group.wait_timeout(SHORT), "nothing is left to wait for");
        worker.join().unwrap();
        if in_time { "in time".into() } else { "too late".into() }
    }
    vec![
        Model::new("sf_wg_3_timed_wait", &["SF-WG-3", "HB-WG-1"], &["in time", "too late"], run),
        Model::failing("sf_wg_3_left_without_the_lock", &["SF-WG-3"], RACE, run)
            .weakened(group(Kind::NoLock, "self.waits.with(|waits| section(")),
        Model::failing("hb_wg_1_timed_claim_relaxed", &["HB-WG-1"], RACE, run).weakened(claim(Kind::Relaxed)),
    ]
}

/// The handle goes while two guards do, of which one leaves another handle: the memory goes with that, or, once it has made a
/// guard and gone, with this one.
fn freed_with_the_last() -> Vec<Model> {
    fn run() -> String {
        let group = WaitGroup::new();
        let state = Arc::downgrade(&group.state);
        let (first, second) = (group.guard(), group.guard());
        let passing_on = move || {
            let handle = first.group().clone();
            drop(first);
            handle
        };
        let (handle, ()) = race(passing_on, || {
            drop(group);
            drop(second);
        });
        assert_eq!((state.strong_count(), handle.count()), (1, 0), "kept by its handle");
        let last = handle.guard();
        drop(handle);
        assert_eq!(state.strong_count(), 1, "kept by its guard");
        drop(last);
        assert_eq!(state.strong_count(), 0, "kept by nobody");
        "freed".into()
    }
    vec![
        Model::new("sf_wg_4_freed_with_the_last", &["SF-WG-4"], &["freed"], run),
        Model::failing("sf_wg_4_each_guard_is_the_first", &["SF-WG-4"], &["kept by its handle"], run)
            .weakened(group(Kind::Unchecked, "self.state.word.fetch_add(GUARD,")),
        Model::failing("sf_wg_4_no_drop_is_the_last", &["SF-WG-4"], &["kept by its handle"], run)
            .weakened(group(Kind::Unchecked, DROP)),
    ]
}

/// The drop of the last guard releases both who wait.
fn all_waiters_are_released() -> Vec<Model> {
    fn run() -> String {
        let group = WaitGroup::new();
        let guard = group.guard();
        let waiter = {
            let group = group.clone();
            spawn(move || group.wait())
        };
        let dropper = spawn(move || drop(guard));
        group.wait();
        waiter.join().unwrap();
        dropper.join().unwrap();
        "released".into()
    }
    vec![
        Model::new("lv_wg_1_all_waiters_are_released", &["LV-WG-1"], &["released"], run),
        Model::failing("lv_wg_1_waiters_not_notified", &["LV-WG-1"], DEADLOCK, run)
            .weakened(group(Kind::NoWake, "notify_all(released")),
        Model::failing("lv_wg_1_released_without_the_lock", &["LV-WG-1"], RACE, run)
            .weakened(group(Kind::NoLock, "let released = self.waits.with(")),
    ]
}

/// The count reaches zero and goes up again at once: whoever waited for the zero is released all the same.
fn reused_while_waiting() -> Vec<Model> {
    fn run() -> String {
        let group = WaitGroup::new();
        let guard = group.guard();
        let reuser = {
            let group = group.clone();
            spawn(move || {
                drop(guard);
                group.guard()
            })
        };
        // Begins before the zero (and is released by it), after it and before the second guard, or after that one, which
        // lives until this thread is told to go on: the second wait is for the second guard.
        let waiter = {
            let group = group.clone();
            spawn(move || group.wait())
        };
        let second = reuser.join().unwrap();
        drop(second);
        waiter.join().unwrap();
        group.wait();
        "released".into()
    }
    vec![Model::new("lv_wg_1_reused_while_waiting", &["LV-WG-1"], &["released"], run)]
}

/// The last guard is dropped while a task waits, and another is made: that releases the task, unless the second came first.
fn new_guard_beside_the_last_drop() -> Vec<Model> {
    fn run() -> String {
        let group = WaitGroup::new();
        let first = group.guard();
        let (wakes, waker) = CountingWaker::new();
        let mut wait = group.wait_async();
        assert!(poll(&mut wait, &waker).is_pending());
        let ((), second) = race(move || drop(first), || group.guard());
        let second = counted(second);
        let released = wakes.count();
        assert_eq!(poll(&mut wait, &waker).is_ready(), released == 1, "woken once it is released");
        drop(second);
        if released == 1 {
            return "zero between the two".into();
        }
        assert!(wakes.count() == 1 && poll(&mut wait, &waker).is_ready(), "released by the second");
        "zero after both".into()
    }
    let outcomes = &["zero between the two", "zero after both"];
    vec![Model::new("lv_wg_1_new_guard_beside_the_last_drop", &["LV-WG-1", "SF-WG-1", "SF-WG-2"], outcomes, run)]
}

/// One waits when the last guard is dropped, another, for a limited time, meanwhile; then the group is used again. The
/// zero that the second has seen has released the first, and nobody who has come since.
fn used_again_at_once() -> Vec<Model> {
    fn run() -> String {
        let group = WaitGroup::new();
        let guard = group.guard();
        let [(_, early), (_, late)] = [CountingWaker::new(), CountingWaker::new()];
        let mut first = group.wait_async();
        assert!(poll(&mut first, &early).is_pending());
        let dropping = spawn(move || drop(guard));
        let in_time = group.wait_timeout(SHORT);
        let again = in_time.then(|| group.guard());
        let mut later = group.wait_async();
        let waits = poll(&mut later, &late).is_pending();
        dropping.join().unwrap();
        assert!(poll(&mut first, &early).is_ready(), "released by the zero");
        if let Some(again) = again {
            assert!(waits && poll(&mut later, &late).is_pending(), "not before its guard is dropped");
            drop(again);
            assert!(poll(&mut later, &late).is_ready(), "released by the next zero");
            return "in time".into();
        }
        "too late".into()
    }
    vec![Model::new("lv_wg_1_used_again_at_once", &["LV-WG-1", "SF-WG-1", "SF-WG-2"], &["in time", "too late"], run)]
}

/// The fault of a group whose last guard counts off in one section, and looks for a zero in another.
fn counts_then_looks() -> Vec<Model> {
    fn run() -> String {
        let group = Arc::new(Lock::new((1, false))); // guards, and whether the one who waits has been released
        let theirs = group.clone();
        let dropping = move || {
            theirs.with(|(guards, _)| *guards -= 1);
            theirs.with(|(guards, released)| *released = *guards == 0);
        };
        race(dropping, || {
            if group.with(|(guards, _)| *guards == 0) {
                group.with(|(guards, _)| *guards += 1);
            }
        });
        assert!(group.with(|(_, released)| *released), "released by the zero");
        "released".into()
    }
    vec![Model::failing("lv_wg_1_counts_then_looks", &["LV-WG-1"], &["released by the zero"], run)]
}

/// A wait is polled once and dropped, while the last guard goes: the next wait ends all the same.
fn dropped_wait_leaves_nothing() -> Vec<Model> {
    fn run() -> String {
        let group = WaitGroup::new();
        let guard = group.guard();
        let dropper = spawn(move || drop(guard));
        {
            let (_, waker) = CountingWaker::new();
            let mut abandoned = std::pin::pin!(group.wait_async());
            let _ = poll(&mut abandoned, &waker);
        }
        group.wait();
        dropper.join().unwrap();
        "released".into()
    }
    vec![Model::new("lv_wg_1_dropped_wait_leaves_nothing", &["LV-WG-1"], &["released"], run)]
}

/// The worker's side: it drops its guard after it has written to the witness.
fn worker(guard: Guard, witness: &Arc<Witness>) -> impl FnOnce() + Send + 'static {
    let witness = witness.clone();
    move || {
        witness.write(1);
        drop(guard);
    }
}

fn group(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/wait_group.rs", code)
}

/// A guard's drop.
const DROP: &str = "state.word.fetch_update(Ordering::AcqRel,";
/// Whoever comes to stand in line.
const STAND: &str = "self.word.fetch_update(Ordering::Acquire, Ordering::Acquire, awaited)";

/// How long is of no account under an explorer, but that it is not past already.
const SHORT: Duration = Duration::from_millis(1);
