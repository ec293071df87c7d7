//! The wait group.

use std::time::Duration;

use hence_registry::{Kind, Model, Weaken};

use super::harness::{Arc, CountingWaker, Witness, block_on, join, poll, race, spawn};
use super::weaken::{claim, weaken};
use super::{DEADLOCK, RACE};
use crate::hence::sync::Lock;
use crate::hence::wait_group::{Guard, WaitGroup};

pub(super) fn models() -> Vec<Model> {
    [
        drops_before_wait(),
        drop_before_wait_async(),
        spawned_before_wait(),
        drop_before_a_look(),
        clone_keeps_waiting(),
        count_and_reuse(),
        first_and_last_leave(),
        timed_wait(),
        all_waiters_are_released(),
        reused_while_waiting(),
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
        Model::failing("hb_wg_1_async_claim_relaxed", &["HB-WG-1"], RACE, run).weakened(claim(Kind::Relaxed)),
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
        Model::failing("hb_wg_1_look_without_the_lock", &["HB-WG-1"], RACE, run)
            .weakened(group(Kind::NoLock, "self.state.with(|state| state.count)")),
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
            .weakened(group(Kind::NoLock, "self.state.with(stand)")),
    ]
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
    vec![
        Model::new("sf_wg_2_count_and_reuse", &["SF-WG-2", "LV-WG-1"], &["0 then 0"], run),
        Model::failing("sf_wg_2_guard_without_the_lock", &["SF-WG-2"], RACE, run)
            .weakened(group(Kind::NoLock, "let released = self.group.state.with(")),
    ]
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
            .weakened(group(Kind::NoLock, "self.state.with(|state| state.waiters.remove(ticket))")),
        Model::failing("hb_wg_1_timed_claim_relaxed", &["HB-WG-1"], RACE, run).weakened(claim(Kind::Relaxed)),
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

/// How long is of no account under an explorer, but that it is not past already.
const SHORT: Duration = Duration::from_millis(1);
