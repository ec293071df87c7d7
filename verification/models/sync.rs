//! The production lock and parker, against the contracts that all other models take the explorer's own to keep.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use hence_registry::{Engine, Kind, Model, Weaken};

use super::harness::{Arc, JoinHandle, Witness, join, race, spawn};
use super::weaken::weaken;
use super::{DEADLOCK, RACE};
use crate::hence::sync::{AtomicBool, Backoff, parker::Parker, spin::Lock};

/// How an endless spin shows: loom's branch limit, shuttle's step limit.
const STUCK: &[&str] = &["exceeded maximum number of branches", "exceeded max_steps bound"];

/// The bounded explorer alone: a panic unwinds through what synchronises.
const UNWINDING: &[Engine] = &[Engine::Bounded { preemptions: None, spurious: 1 }];

pub(super) fn models() -> Vec<Model> {
    [sections_are_ordered(), released_by_a_panic(), kept_by_a_panic(), unpark_before_park(), no_token_is_lost()]
        .concat()
}

/// Other threads have so many sections each, and this one `mine`: a section sees what those before it wrote, and none
/// is beside it.
fn sections_are_ordered() -> Vec<Model> {
    fn run<const N: usize>(theirs: [usize; N], mine: usize) -> String {
        let (lock, witness) = (Arc::new(Lock::new(())), Witness::new());
        let increments = |sections: usize| {
            let (lock, witness) = (lock.clone(), witness.clone());
            move || (0..sections).for_each(|_| lock.with(|()| witness.write(witness.read() + 1)))
        };
        let others = theirs.map(|sections| spawn(increments(sections)));
        increments(mine)();
        join(others);
        witness.read().to_string()
    }
    vec![
        Model::new("hb_lk_1_sections_are_ordered", &["HB-LK-1", "SF-LK-1", "LV-LK-1"], &["2"], || run([1], 1)),
        Model::new("hb_lk_1_two_sections_each", &["HB-LK-1", "SF-LK-1", "LV-LK-1"], &["4"], || run([2], 2)),
        // Not under loom, whose scheduler lets two threads that spin take turns for ever, the holder never among them.
        Model::new("sf_lk_1_three_threads", &["SF-LK-1", "LV-LK-1"], &["3"], || run([1, 1], 1))
            .under(&[Engine::Bounded { preemptions: None, spurious: 0 }]),
        Model::failing("hb_lk_1_release_relaxed", &["HB-LK-1"], RACE, || run([1], 1))
            .weakened(in_spin_lock(Kind::Relaxed, "self.0.store(false")),
        Model::failing("hb_lk_1_acquire_relaxed", &["HB-LK-1"], RACE, || run([1], 1))
            .weakened(in_spin_lock(Kind::Relaxed, "self.held.compare_exchange(")),
        Model::failing("sf_lk_1_unchecked", &["SF-LK-1"], RACE, || run([1], 1))
            .weakened(in_spin_lock(Kind::Unchecked, "self.held.compare_exchange(")),
        Model::failing("lv_lk_1_released_by_nobody", &["LV-LK-1"], STUCK, || run([1], 1))
            .weakened(in_spin_lock(Kind::NoWake, "self.0.store(false")),
    ]
}

/// A section that panics releases the lock, and the one that comes after it sees what it wrote.
fn released_by_a_panic() -> Vec<Model> {
    fn run() -> String {
        let (lock, witness) = (Arc::new(Lock::new(())), Witness::new());
        let other = {
            let (lock, witness) = (lock.clone(), witness.clone());
            panicking(move || {
                lock.with(|()| {
                    witness.write(1);
                    panics()
                })
            })
        };
        let seen = lock.with(|()| witness.read());
        other.join().unwrap();
        seen.to_string()
    }
    vec![Model::new("lv_lk_1_released_by_a_panic", &["LV-LK-1", "HB-LK-1"], &["0", "1"], run).under(UNWINDING)]
}

/// The fault of a lock that is released after its section, in one of which nothing else is left: a section that panics
/// keeps it.
fn kept_by_a_panic() -> Vec<Model> {
    fn run() -> String {
        let held = Arc::new(AtomicBool::new(false));
        let with = |section: fn()| {
            let held = held.clone();
            move || {
                while held.compare_exchange(false, true, Acquire, Relaxed).is_err() {
                    Backoff::new().snooze();
                }
                section();
                held.store(false, Release);
            }
        };
        let other = panicking(with(|| panics()));
        with(|| ())();
        other.join().unwrap();
        "released".into()
    }
    vec![Model::failing("lv_lk_1_kept_by_a_panic", &["LV-LK-1"], STUCK, run).under(UNWINDING)]
}

/// A park sees what came before the unpark that it returns for.
fn unpark_before_park() -> Vec<Model> {
    fn run() -> String {
        let (parker, witness) = (Arc::new(Parker::current()), Witness::new());
        let (other, written) = (parker.clone(), witness.clone());
        let theirs = move || {
            written.write(1);
            other.unpark();
        };
        let ours = || {
            // The production parker returns for a token only, though its contract would let it return for nothing.
            parker.park();
            witness.read()
        };
        race(theirs, ours).1.to_string()
    }
    vec![
        Model::new("hb_pk_1_unpark_before_park", &["HB-PK-1"], &["1"], run),
        Model::failing("hb_pk_1_unpark_relaxed", &["HB-PK-1"], RACE, run)
            .weakened(in_parker(Kind::Relaxed, "self.state.swap(NOTIFIED")),
        Model::failing("hb_pk_1_take_relaxed", &["HB-PK-1"], RACE, run)
            .weakened(in_parker(Kind::Relaxed, "compare_exchange(NOTIFIED, EMPTY")),
    ]
}

/// Two tokens are left, the second after the first was taken: a park returns for each.
fn no_token_is_lost() -> Vec<Model> {
    fn run() -> String {
        let (parker, witness) = (Arc::new(Parker::current()), Witness::new());
        let [first, second] = [1, 2].map(|round| {
            let (other, written) = (parker.clone(), witness.clone());
            let theirs = move || {
                written.write(round);
                other.unpark();
            };
            let ours = || {
                parker.park();
                witness.read()
            };
            race(theirs, ours).1
        });
        format!("{first} {second}")
    }
    vec![
        Model::new("lv_pk_1_no_token_is_lost", &["LV-PK-1"], &["1 2"], run),
        Model::failing("lv_pk_1_sleeper_not_woken", &["LV-PK-1"], DEADLOCK, run)
            .weakened(in_parker(Kind::NoWake, "self.owner.unpark()")),
    ]
}

fn in_spin_lock(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/sync/spin.rs", code)
}

fn in_parker(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/sync/parker.rs", code)
}

/// A thread that outlives the panic of what it does.
fn panicking(does: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    spawn(move || assert!(panic::catch_unwind(AssertUnwindSafe(does)).is_err()))
}

/// Says nothing of it on the terminal.
fn panics() -> ! {
    panic::resume_unwind(Box::new("a section"))
}
