//! The production lock and parker, against the contracts that all other models take the explorer's own to keep.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use hence_registry::{Engine, Kind, Model};

use super::harness::{Arc, Witness, join, spawn};
use super::weaken::weaken;
use super::{DEADLOCK, RACE};
use crate::hence::sync::{AtomicBool, Backoff, parker::Parker, spin::Lock};

/// How an endless spin shows: loom's branch limit, shuttle's step limit.
const STUCK: &[&str] = &["exceeded maximum number of branches", "exceeded max_steps bound"];

/// The bounded explorer alone: a panic unwinds through what synchronises.
const UNWINDING: &[Engine] = &[Engine::Bounded { preemptions: None, spurious: 1 }];

pub(super) fn models() -> Vec<Model> {
    let spin = |kind, code| weaken(kind, "src/sync/spin.rs", code);
    let parker = |kind, code| weaken(kind, "src/sync/parker.rs", code);
    vec![
        Model::new("hb_lk_1_sections_are_ordered", &["HB-LK-1", "SF-LK-1", "LV-LK-1"], &["2"], sections_are_ordered),
        Model::new("hb_lk_1_two_sections_each", &["HB-LK-1", "SF-LK-1", "LV-LK-1"], &["4"], two_sections_each),
        Model::failing("hb_lk_1_release_relaxed", &["HB-LK-1"], RACE, sections_are_ordered)
            .weakened(spin(Kind::Relaxed, "self.0.store(false")),
        Model::failing("hb_lk_1_acquire_relaxed", &["HB-LK-1"], RACE, sections_are_ordered)
            .weakened(spin(Kind::Relaxed, "self.held.compare_exchange(")),
        Model::failing("sf_lk_1_unchecked", &["SF-LK-1"], RACE, sections_are_ordered)
            .weakened(spin(Kind::Unchecked, "self.held.compare_exchange(")),
        // Not under loom, whose scheduler lets two threads that spin take turns for ever, the holder never among them.
        Model::new("sf_lk_1_three_threads", &["SF-LK-1", "LV-LK-1"], &["3"], three_threads)
            .under(&[Engine::Bounded { preemptions: None, spurious: 0 }]),
        Model::failing("lv_lk_1_released_by_nobody", &["LV-LK-1"], STUCK, sections_are_ordered)
            .weakened(spin(Kind::NoWake, "self.0.store(false")),
        Model::new("lv_lk_1_released_by_a_panic", &["LV-LK-1", "HB-LK-1"], &["0", "1"], released_by_a_panic)
            .under(UNWINDING),
        Model::failing("lv_lk_1_kept_by_a_panic", &["LV-LK-1"], STUCK, kept_by_a_panic).under(UNWINDING),
        Model::new("hb_pk_1_unpark_before_park", &["HB-PK-1"], &["1"], unpark_before_park),
        Model::failing("hb_pk_1_unpark_relaxed", &["HB-PK-1"], RACE, unpark_before_park)
            .weakened(parker(Kind::Relaxed, "self.state.swap(NOTIFIED")),
        Model::failing("hb_pk_1_take_relaxed", &["HB-PK-1"], RACE, unpark_before_park)
            .weakened(parker(Kind::Relaxed, "compare_exchange(NOTIFIED, EMPTY")),
        Model::new("lv_pk_1_no_token_is_lost", &["LV-PK-1"], &["1 2"], no_token_is_lost),
        Model::failing("lv_pk_1_sleeper_not_woken", &["LV-PK-1"], DEADLOCK, no_token_is_lost)
            .weakened(parker(Kind::NoWake, "self.owner.unpark()")),
    ]
}

fn sections_are_ordered() -> String {
    contending([1], 1)
}

fn two_sections_each() -> String {
    contending([2], 2)
}

fn three_threads() -> String {
    contending([1, 1], 1)
}

/// Other threads, each with so many sections, and this one with so many.
fn contending<const N: usize>(theirs: [usize; N], mine: usize) -> String {
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

fn unpark_before_park() -> String {
    let (parker, witness) = (Arc::new(Parker::current()), Witness::new());
    let other = {
        let (parker, witness) = (parker.clone(), witness.clone());
        spawn(move || {
            witness.write(1);
            parker.unpark();
        })
    };
    // The production parker returns for a token only, though its contract would let it return for nothing.
    parker.park();
    let seen = witness.read();
    other.join().unwrap();
    seen.to_string()
}

/// Two tokens, the second left after the first was taken.
fn no_token_is_lost() -> String {
    let (parker, witness) = (Arc::new(Parker::current()), Witness::new());
    let seen = [1, 2].map(|round| {
        let other = {
            let (parker, witness) = (parker.clone(), witness.clone());
            spawn(move || {
                witness.write(round);
                parker.unpark();
            })
        };
        parker.park();
        let seen = witness.read();
        other.join().unwrap();
        seen
    });
    format!("{} {}", seen[0], seen[1])
}

/// Two sections, one of which panics.
fn released_by_a_panic() -> String {
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

/// The fault of a lock whose section is followed by the release, in one that nothing else is left of.
fn kept_by_a_panic() -> String {
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

/// A thread that outlives the panic of what it does.
fn panicking(does: impl FnOnce() + Send + 'static) -> super::harness::JoinHandle<()> {
    spawn(move || assert!(panic::catch_unwind(AssertUnwindSafe(does)).is_err()))
}

/// Says nothing of it on the terminal.
fn panics() -> ! {
    panic::resume_unwind(Box::new("a section"))
}
