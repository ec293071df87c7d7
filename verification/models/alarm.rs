//! The alarm clock, on its own: all other models have an alarm of the explorer's for it, which keeps the same contract.
//!
//! Every sleep of its threads has a deadline, and under an explorer such a sleep looks again at once: that a thread is
//! told of an earlier alarm, or called from its sleep, no model shows, but `tests/alarm.rs`.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Wake, Waker};
use std::time::Duration;

use hence_registry::{Engine, Kind, Model, Weaken};

use super::harness::{Arc, Witness, race, spawn};
use super::weaken::weaken;
use super::{DEADLOCK, RACE};
use crate::hence::sync::alarm::Clock;
use crate::hence::sync::{Lock, now};
use crate::hence::wait_group::{Guard, WaitGroup};

pub(super) fn models() -> Vec<Model> {
    [rung_or_taken_back(), each_rings(), one_waits_for_the_next(), one_waits_for_its_own(), rung_by_the_keeper()]
        .concat()
}

/// An alarm that is dropped rings, or leaves nothing behind.
fn rung_or_taken_back() -> Vec<Model> {
    fn run() -> String {
        let (group, begun) = (WaitGroup::new(), now());
        let (waker, rung) = call(&group, move || assert!(now() >= begun + SHORT, "never early"));
        let clock = clock();
        drop(clock.set(begun + SHORT, waker, true));
        assert_eq!(clock.pending(), 0, "nothing is left behind");
        group.wait();
        match rung.load(Relaxed) {
            0 => "taken back".into(),
            1 => "rung".into(),
            _ => panic!("rung twice"),
        }
    }
    vec![
        Model::new("sf_al_1_rung_or_taken_back", &["SF-AL-1"], &["rung", "taken back"], run).one_way(NOTHING_TO_DO),
        Model::failing("sf_al_1_taken_back_unlocked", &["SF-AL-1"], RACE, run)
            .weakened(in_clock(Kind::NoLock, "state.calls.remove(&self.key)")),
    ]
}

/// Two threads set the first alarms of a clock: each of them rings, once.
fn each_rings() -> Vec<Model> {
    fn run() -> String {
        let (clock, group, witness) = (clock(), WaitGroup::new(), Witness::new());
        let other = {
            let (group, witness) = (group.clone(), witness.clone());
            spawn(move || {
                witness.write(1);
                let (waker, rung) = call(&group, move || assert_eq!(witness.read(), 1, "set before it rings"));
                (clock.set(now() + 2 * SHORT, waker, true), rung)
            })
        };
        let (waker, mine) = call(&group, || ());
        let _alarm = clock.set(now() + SHORT, waker, false);
        let (_other, others) = other.join().unwrap();
        group.wait();
        assert_eq!((mine.load(Relaxed), others.load(Relaxed)), (1, 1), "rung, each once");
        "each".into()
    }
    vec![
        Model::new("lv_al_1_each_rings", &["LV-AL-1", "SF-AL-1"], &["each"], run)
            .under(WITHIN_TWO)
            .one_way(NOTHING_TO_DO),
        Model::failing("lv_al_1_set_unlocked", &["LV-AL-1"], RACE, run)
            .weakened(in_clock(Kind::NoLock, "state.insert(deadline")),
        Model::failing("lv_al_1_looked_at_unlocked", &["LV-AL-1"], RACE, run)
            .weakened(in_clock(Kind::NoLock, "state.next(&me, came)")),
        Model::failing("lv_al_1_not_rung", &["LV-AL-1"], &["rung, each once"], run)
            .weakened(in_clock(Kind::NoWake, "ignore_panic(|| wake(waker))")),
    ]
}

/// The first call waits for the second one, whose alarm has been set before it: both are made.
fn one_waits_for_the_next() -> Vec<Model> {
    fn run() -> String {
        let (clock, group, second) = (clock(), WaitGroup::new(), WaitGroup::new());
        let (waker, rung) = call(&second, || ());
        let _later = clock.set(now() + 2 * SHORT, waker, false);
        let (waker, _) = call(&group, move || second.wait());
        let _alarm = clock.set(now() + SHORT, waker, false);
        group.wait();
        assert_eq!(rung.load(Relaxed), 1);
        "both".into()
    }
    vec![
        Model::new("lv_al_1_one_that_waits_for_the_next", &["LV-AL-1"], &["both"], run)
            .under(WITHIN_TWO)
            .one_way(NOTHING_TO_DO),
    ]
}

/// A call sets an alarm itself, and waits for it: that rings meanwhile.
fn one_waits_for_its_own() -> Vec<Model> {
    fn run() -> String {
        let (clock, group) = (clock(), WaitGroup::new());
        let (waker, _) = call(&group, move || {
            let own = WaitGroup::new();
            let (waker, rung) = call(&own, || ());
            let _alarm = clock.set(now() + SHORT, waker, true);
            own.wait();
            assert_eq!(rung.load(Relaxed), 1);
        });
        let _alarm = clock.set(now() + SHORT, waker, false);
        group.wait();
        "both".into()
    }
    vec![
        Model::new("lv_al_1_one_that_waits_for_its_own", &["LV-AL-1"], &["both"], run)
            .under(&[Engine::Loom, TWO])
            .one_way(NOTHING_TO_DO),
    ]
}

/// The fault of a clock whose one thread makes all the calls, in a clock of two: the second call is not made before the
/// first one returns, which waits for it.
fn rung_by_the_keeper() -> Vec<Model> {
    fn run() -> String {
        let (first, second) = (WaitGroup::new(), WaitGroup::new());
        let guards = Arc::new(Lock::new((Some(first.guard()), Some(second.guard()))));
        let keeper = move || {
            second.wait(); // the first call
            drop(guards.with(|(first, _)| first.take()));
            drop(guards.with(|(_, second)| second.take())); // the second one
        };
        race(keeper, || first.wait());
        "both".into()
    }
    vec![Model::failing("lv_al_1_rung_by_the_keeper", &["LV-AL-1"], DEADLOCK, run)]
}

const NOTHING_TO_DO: &str = "a thread that is not called leaves when its time is up";

const TWO: Engine = Engine::Bounded { preemptions: Some(2), spurious: 1 };
const WITHIN_TWO: &[Engine] = &[Engine::LoomBounded(2), TWO];

const SHORT: Duration = Duration::from_millis(1);

/// A clock of this execution's, for its threads to share with us for as long as they like.
fn clock() -> &'static Clock {
    Box::leak(Box::new(Clock::new()))
}

/// A mutation of the line of the clock that has this code.
fn in_clock(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/sync/alarm.rs", code)
}

/// A waker that counts, does something when it is woken, and is over when it is dropped.
struct Call<F> {
    rung: Arc<AtomicUsize>,
    ring: F,
    _over: Guard,
}

impl<F: Fn() + Send + Sync + 'static> Wake for Call<F> {
    fn wake(self: Arc<Self>) {
        self.rung.fetch_add(1, Relaxed);
        (self.ring)();
    }
}

/// A waker, and how often it has been woken, which no explorer sees. The group waits for it to be dropped.
fn call(group: &WaitGroup, ring: impl Fn() + Send + Sync + 'static) -> (Waker, Arc<AtomicUsize>) {
    let rung = Arc::new(AtomicUsize::new(0));
    (Waker::from(Arc::new(Call { rung: rung.clone(), ring, _over: group.guard() })), rung)
}
