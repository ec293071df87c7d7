//! The ring, against the contract by which a channel with a limit uses it: with the lock that its holder has. In the
//! models of the channel it stands open where they say so.

use hence_registry::{Engine, Kind, Model, Weaken};

use super::RACE;
use super::harness::{Arc, Counted, JoinHandle, Witness, chosen_send, ends, pending, race, sending, spawn};
use super::weaken::weaken;
use crate::hence::channel::Select;
use crate::hence::channel::core::ring::{Holder, Refused, Ring};
use crate::hence::sync::hook::{Rings, make_rings};
use crate::hence::sync::{Backoff, Lock};

/// How it shows that somebody waits for a stamp for ever.
const STUCK: &[&str] = &["exceeded maximum number of branches", "exceeded max_steps bound"];

/// How it shows that a position is taken by two, or a ring that is shut is pushed into: a race on the slot, or what the models
/// count.
const TWICE: &[&str] = &["Causality violation", "data race", "and nothing else", "one gets the place", "popped once"];

/// Models of the channel and of the select that are explored once more with the ring open: to the end, as they are without.
const WITH_RINGS: &[&str] = &[
    "hb_ch_1_bounded",
    "hb_ch_1_async",
    "hb_ch_2_bounded",
    "hb_ch_3_close_before_recv_fails",
    "sf_ch_1_handed_over_once_bounded",
    "sf_ch_1_values_left_are_dropped",
    "sf_ch_1_values_own_their_channel",
    "sf_ch_3_capacity",
    "sf_ch_3_looks_beside_a_send",
    "sf_ch_5_dropped_recv_bounded",
    "sf_ch_5_not_polled_bounded",
    "lv_ch_1_beside_a_taken_place",
    "lv_ch_1_told_makes_room",
    "lv_ch_2_close_wakes_receivers",
    "hb_sel_1_send_before_select_bounded",
    "hb_sel_1_recv_before_select_returns_bounded",
    "sf_sel_1_a_chosen_place_is_taken",
    "hb_sel_1_select_before_recv_bounded",
    "sf_sel_4_place_given_up",
    "sf_sel_4_given_up_beside_a_poll",
    "lv_sel_1_ready",
    "lv_sel_1_ready_hears_of_a_close",
    "sf_tm_2_recv_timeout_bounded",
    "sf_tm_2_send_timeout_bounded",
];

/// The same within a bound, loom's beside the name: three threads, or two messages, are too many for all schedules.
const WITH_RINGS_BOUNDED: &[(&str, Engine)] = &[
    ("sf_ch_1_close_races_sends_bounded", Engine::LoomBounded(3)),
    ("sf_ch_1_other_handles_leave", Engine::LoomBounded(3)),
    ("sf_ch_2_fifo_bounded", Engine::LoomBounded(3)),
    ("sf_ch_2_fifo_two_places", Engine::LoomBounded(3)),
    ("sf_ch_3_put_back_beside_a_sender", Engine::LoomBounded(3)),
    ("sf_ch_4_drain_after_close", Engine::LoomBounded(3)),
    ("sf_ch_4_drain_after_last_drop", Engine::LoomBounded(3)),
    ("lv_ch_1_two_sends_bounded", Engine::LoomBounded(2)),
    ("lv_ch_1_two_receives_bounded", Engine::LoomBounded(2)),
    ("sf_sel_3_default_sees_all_at_once", Engine::Loom),
    ("lv_sel_1_room_wakes_a_select", Engine::LoomBounded(3)),
    ("sf_sel_4_value_given_up", Engine::LoomBounded(3)),
];

/// Some of `models` once more, with channels that have their rings from the start. `--quick` leaves out what is run once more.
pub(super) fn with_rings(models: &[Model]) -> Vec<Model> {
    let again = |name: &str| {
        let model = models.iter().find(|model| model.name == name).unwrap_or_else(|| panic!("no model {name}"));
        model.clone().with_rings(format!("{name}_ring").leak()).slow()
    };
    let within = |(name, loom): &(&str, Engine)| {
        again(name).under(&[*loom, Engine::Bounded { preemptions: Some(4), spurious: 1 }])
    };
    WITH_RINGS.iter().map(|name| again(name)).chain(WITH_RINGS_BOUNDED.iter().map(within)).collect()
}

pub(super) fn models() -> Vec<Model> {
    [
        push_before_pop(),
        push_before_pop_of_the_holder(),
        pop_before_push(),
        pop_before_push_of_the_holder(),
        pop_before_the_next_holder(),
        holder_before_push(),
        fifo(),
        two_pushes_one_place(),
        two_pops_one_value(),
        two_pushes_two_places(),
        two_pops_two_values(),
        side_by_side(),
        shut_beside_a_push(),
        shut_beside_a_pop(),
        round_and_round(),
        value_beside_a_claimed_place(),
        room_beside_a_claimed_value(),
        first_of_a_biased_select(),
        made_late(),
        above_the_limit(),
    ]
    .concat()
}

/// A ring, and the lock of the channel that it would belong to.
struct Locked<T> {
    ring: Arc<Ring<T>>,
    holder: Lock<Holder<T>>,
}

impl<T> Locked<T> {
    /// With these values, and open.
    fn open<const N: usize>(capacity: usize, values: [T; N]) -> Arc<Self> {
        let locked = Self::shut(capacity);
        locked.with(|holder| values.into_iter().for_each(|value| holder.push(value)));
        locked
    }

    fn shut(capacity: usize) -> Arc<Self> {
        Self::of(Ring::new(capacity))
    }

    fn of(ring: Ring<T>) -> Arc<Self> {
        let ring = Arc::new(ring);
        Arc::new(Self { holder: Lock::new(Holder::new(ring.clone())), ring })
    }

    fn pop(&self) -> Result<T, Refused> {
        let mut value = None;
        self.ring.pop(&mut value).map(|()| value.expect("a pop has a value"))
    }

    /// Runs `section` as the channel does: alone, and then lets others in again.
    fn with<R>(&self, section: impl FnOnce(&mut Holder<T>) -> R) -> R {
        self.shut_for_good(|holder| {
            let result = section(holder);
            holder.open();
            result
        })
    }

    /// The same, and lets nobody in after it.
    fn shut_for_good<R>(&self, section: impl FnOnce(&mut Holder<T>) -> R) -> R {
        self.holder.with(|holder| {
            holder.shut();
            section(holder)
        })
    }
}

/// Tries again whatever was refused. loom hides a thread's load behind a later one of the same word (a limit of its, L1), but
/// not from one that waits.
fn until_done<R>(mut attempt: impl FnMut() -> Result<R, Refused>) -> R {
    loop {
        match attempt() {
            Ok(result) => return result,
            Err(_) => Backoff::new().snooze(),
        }
    }
}

fn in_ring(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/channel/core/ring.rs", code)
}

/// Another thread's side: it writes to the witness, and then does this.
fn writes_and<R>(
    locked: &Arc<Locked<i32>>,
    witness: &Arc<Witness>,
    act: impl FnOnce(&Locked<i32>) -> R + Send + 'static,
) -> impl FnOnce() -> R + Send + 'static {
    let (locked, witness) = (locked.clone(), witness.clone());
    move || {
        witness.write(1);
        act(&locked)
    }
}

/// A pop that has a value sees what was written before its push.
fn push_before_pop() -> Vec<Model> {
    fn run() -> String {
        let (locked, witness) = (Locked::open(1, []), Witness::new());
        let theirs = writes_and(&locked, &witness, |locked| locked.ring.push(&mut Some(7)).unwrap());
        let ours = || (until_done(|| locked.pop()), witness.read());
        let ((), (value, seen)) = race(theirs, ours);
        format!("{value} {seen}")
    }
    vec![
        Model::new("hb_rg_1_push_before_pop", &["HB-RG-1"], &["7 1"], run),
        Model::failing("hb_rg_1_fill_relaxed", &["HB-RG-1"], RACE, run)
            .weakened(in_ring(Kind::Relaxed, "self.stamp.store(position | FULL")),
        Model::failing("hb_rg_1_pop_relaxed", &["HB-RG-1"], RACE, run)
            .weakened(in_ring(Kind::Relaxed, "slot.stamp.load(Ordering::Acquire) == head | FULL {")),
    ]
}

/// The same of the holder of the lock, who waits for a push that is between its two steps.
fn push_before_pop_of_the_holder() -> Vec<Model> {
    fn run() -> String {
        let (locked, witness) = (Locked::open(1, []), Witness::new());
        let theirs = writes_and(&locked, &witness, |locked| locked.ring.push(&mut Some(7)).is_ok());
        let ours = || locked.shut_for_good(|holder| holder.pop().map(|value| (value, witness.read())));
        match race(theirs, ours) {
            (true, Some((value, seen))) => format!("{value} {seen}"),
            (false, None) => "refused".into(),
            other => panic!("what was pushed before the shutting is found, and nothing else: {other:?}"),
        }
    }
    vec![
        Model::new("hb_rg_1_push_before_pop_of_the_holder", &["HB-RG-1", "SF-RG-2"], &["7 1", "refused"], run),
        Model::failing("hb_rg_1_wait_relaxed", &["HB-RG-1"], RACE, run)
            .weakened(in_ring(Kind::Relaxed, "self.stamp.load(Ordering::Acquire) != stamp")),
        Model::failing("lv_rg_1_not_filled", &["LV-RG-1"], STUCK, run)
            .weakened(in_ring(Kind::NoWake, "self.stamp.store(position | FULL")),
        Model::failing("sf_rg_2_push_unchecked", &["SF-RG-2"], TWICE, run)
            .weakened(in_ring(Kind::Unchecked, "match self.tail.compare_exchange(")),
    ]
}

/// A push into a place that was not free sees what was written before the pop that freed it.
fn pop_before_push() -> Vec<Model> {
    fn run() -> String {
        let (locked, witness) = (Locked::open(1, [1]), Witness::new());
        let theirs = writes_and(&locked, &witness, |locked| locked.pop().unwrap());
        let ours = || {
            until_done(|| locked.ring.push(&mut Some(2)));
            witness.read()
        };
        let (popped, seen) = race(theirs, ours);
        format!("{popped} {seen}")
    }
    vec![
        Model::new("hb_rg_2_pop_before_push", &["HB-RG-2"], &["1 1"], run),
        Model::failing("hb_rg_2_empty_relaxed", &["HB-RG-2"], RACE, run)
            .weakened(in_ring(Kind::Relaxed, "self.stamp.store(next")),
        Model::failing("hb_rg_2_push_relaxed", &["HB-RG-2"], RACE, run)
            .weakened(in_ring(Kind::Relaxed, "slot.stamp.load(Ordering::Acquire) == tail {")),
    ]
}

/// The same of the holder of the lock, who waits for a pop that is between its two steps.
fn pop_before_push_of_the_holder() -> Vec<Model> {
    fn run() -> String {
        let (locked, witness) = (Locked::open(1, [1]), Witness::new());
        let theirs = writes_and(&locked, &witness, |locked| locked.pop().is_ok());
        let ours = || {
            locked.shut_for_good(|holder| {
                if holder.is_full() {
                    return None;
                }
                holder.push(2);
                Some((holder.pop(), witness.read()))
            })
        };
        match race(theirs, ours) {
            (true, Some((Some(2), seen))) => seen.to_string(),
            (false, None) => "refused".into(),
            other => panic!("what was popped before the shutting is gone, and nothing else: {other:?}"),
        }
    }
    vec![
        Model::new("hb_rg_2_pop_before_push_of_the_holder", &["HB-RG-2", "SF-RG-2"], &["1", "refused"], run),
        Model::failing("lv_rg_1_not_emptied", &["LV-RG-1"], STUCK, run)
            .weakened(in_ring(Kind::NoWake, "self.stamp.store(next")),
        Model::failing("sf_rg_2_pop_unchecked", &["SF-RG-2"], TWICE, run)
            .weakened(in_ring(Kind::Unchecked, "match self.head.compare_exchange(")),
    ]
}

/// Whoever holds the lock and finds that a value is gone sees what was written before its pop, though it touches no slot.
fn pop_before_the_next_holder() -> Vec<Model> {
    fn run() -> String {
        let (locked, witness) = (Locked::open(1, [1]), Witness::new());
        let theirs = writes_and(&locked, &witness, |locked| locked.pop().is_ok());
        let ours = || locked.with(|holder| (holder.len() == 0).then(|| witness.read()));
        let (_, seen) = race(theirs, ours);
        seen.map_or_else(|| "still there".into(), |seen| seen.to_string())
    }
    vec![
        Model::new("hb_rg_3_pop_before_the_next_holder", &["HB-RG-3", "SF-RG-2"], &["1", "still there"], run),
        Model::failing("hb_rg_3_head_relaxed", &["HB-RG-3"], RACE, run)
            .weakened(in_ring(Kind::Relaxed, "match self.head.compare_exchange(")),
        Model::failing("hb_rg_3_shut_relaxed", &["HB-RG-3"], RACE, run)
            .weakened(in_ring(Kind::Relaxed, "self.ring.head.fetch_or(SHUT")),
    ]
}

/// A push that a holder has let in sees what was written before that.
fn holder_before_push() -> Vec<Model> {
    fn run() -> String {
        let (locked, witness) = (Locked::shut(1), Witness::new());
        let theirs = writes_and(&locked, &witness, |locked| locked.with(|_| ()));
        let ours = || {
            until_done(|| locked.ring.push(&mut Some(1)));
            witness.read()
        };
        race(theirs, ours).1.to_string()
    }
    vec![
        Model::new("hb_rg_3_holder_before_push", &["HB-RG-3", "LV-RG-1"], &["1"], run),
        Model::failing("hb_rg_3_open_relaxed", &["HB-RG-3"], RACE, run)
            .weakened(in_ring(Kind::Relaxed, "self.ring.tail.store(tail, Ordering::Release")),
        Model::failing("hb_rg_3_tail_relaxed", &["HB-RG-3"], RACE, run)
            .weakened(in_ring(Kind::Relaxed, "match self.tail.compare_exchange(")),
    ]
}

/// Pops come in the order of the pushes, over the edge of a lap; what was refused was so for a time.
fn fifo() -> Vec<Model> {
    fn run() -> String {
        let locked = Locked::open(2, [1]);
        let theirs = {
            let locked = locked.clone();
            move || [2, 3].map(|value| locked.ring.push(&mut Some(value)).is_ok())
        };
        let ours = || [locked.pop().ok(), locked.pop().ok()];
        let (pushed, popped) = race(theirs, ours);
        let left = std::iter::from_fn(|| locked.pop().ok());
        let all: Vec<usize> = popped.into_iter().flatten().chain(left).collect();
        let taken: Vec<usize> =
            [1].into_iter().chain([2, 3].into_iter().zip(pushed).filter(|it| it.1).map(|it| it.0)).collect();
        assert_eq!(all, taken, "what was pushed is popped, in that order");
        format!("{all:?}")
    }
    vec![Model::new("sf_rg_1_fifo", &["SF-RG-1", "LV-RG-1"], &["[1, 2, 3]", "[1, 2]"], run)]
}

/// Two pushes, and a place for one.
fn two_pushes_one_place() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let locked = Locked::open(1, []);
        let pushing = |number| {
            let locked = locked.clone();
            move || {
                let mut value = Some(Counted(number));
                let pushed = locked.ring.push(&mut value);
                assert_eq!(pushed.is_ok(), value.is_none(), "a value that is refused stays where it was");
                pushed.is_ok()
            }
        };
        let pushed = race(pushing(1), pushing(2));
        let popped = locked.pop().unwrap();
        assert_eq!(locked.pop().unwrap_err(), Refused::Edge, "no more than the limit");
        assert_eq!(pushed, (popped.0 == 1, popped.0 == 2), "one gets the place");
        popped.0.to_string()
    }
    vec![
        Model::new("sf_rg_1_two_pushes_one_place", &["SF-RG-1", "LV-RG-1"], &["1", "2"], run),
        Model::failing("sf_rg_1_push_unchecked", &["SF-RG-1"], TWICE, run)
            .weakened(in_ring(Kind::Unchecked, "match self.tail.compare_exchange(")),
    ]
}

/// Two pops, and one value.
fn two_pops_one_value() -> Vec<Model> {
    fn run() -> String {
        Counted::begin();
        let locked = Locked::open(1, [Counted(1)]);
        let other = locked.clone();
        let popped = race(move || other.pop().is_ok(), || locked.pop().is_ok());
        assert_eq!(Counted::drops(), 1, "popped once, and dropped once");
        format!("{popped:?}")
    }
    vec![
        Model::new("sf_rg_1_two_pops_one_value", &["SF-RG-1"], &["(false, true)", "(true, false)"], run),
        Model::failing("sf_rg_1_pop_unchecked", &["SF-RG-1"], TWICE, run)
            .weakened(in_ring(Kind::Unchecked, "match self.head.compare_exchange(")),
    ]
}

/// Two pushes, and a place for each: none is refused, whichever comes first.
fn two_pushes_two_places() -> Vec<Model> {
    fn run() -> String {
        let locked = Locked::open(2, []);
        let pushing = |value| {
            let locked = locked.clone();
            move || locked.ring.push(&mut Some(value)).is_ok()
        };
        let pushed = race(pushing(1), pushing(2));
        assert_eq!(pushed, (true, true), "there is a place for each");
        format!("{} {}", locked.pop().unwrap(), locked.pop().unwrap())
    }
    vec![Model::new("lv_rg_1_two_pushes_two_places", &["LV-RG-1", "SF-RG-1"], &["1 2", "2 1"], run)]
}

/// Two pops, and a value for each.
fn two_pops_two_values() -> Vec<Model> {
    fn run() -> String {
        let locked = Locked::open(2, [1, 2]);
        let other = locked.clone();
        let (theirs, ours) = race(move || other.pop(), || locked.pop());
        format!("{} {}", theirs.expect("one for each"), ours.expect("one for each"))
    }
    vec![Model::new("lv_rg_1_two_pops_two_values", &["LV-RG-1", "SF-RG-1"], &["1 2", "2 1"], run)]
}

/// Two pushes beside a pop, or a push beside a pop and a holder: nothing is lost, and nothing is there twice.
fn side_by_side() -> Vec<Model> {
    fn run(pushes: usize, holders: usize) -> String {
        let locked = Locked::open(2, []);
        let pushing = (1..=pushes).map(|value| {
            let locked = locked.clone();
            spawn(move || (locked.ring.push(&mut Some(value)).is_ok().then_some(value), None))
        });
        let holding = (0..holders).map(|_| {
            let locked = locked.clone();
            spawn(move || (None, locked.with(|holder| holder.pop())))
        });
        let others: Vec<JoinHandle<(Option<usize>, Option<usize>)>> = pushing.chain(holding).collect();
        let first = locked.pop().ok();
        let (pushed, held): (Vec<_>, Vec<_>) = others.into_iter().map(|other| other.join().unwrap()).unzip();
        let left = std::iter::from_fn(|| locked.pop().ok());
        let mut popped: Vec<usize> = first.into_iter().chain(held.into_iter().flatten()).chain(left).collect();
        let mut pushed: Vec<usize> = pushed.into_iter().flatten().collect();
        pushed.sort_unstable();
        popped.sort_unstable();
        assert_eq!(popped, pushed, "what was pushed is popped once");
        format!("{first:?} of {}", popped.len())
    }
    vec![
        // Not under loom, which does not let the pop see what is there (L1).
        Model::new(
            "sf_rg_1_two_pushes_beside_a_pop",
            &["SF-RG-1"],
            &["None of 2", "Some(1) of 2", "Some(2) of 2"],
            || run(2, 0),
        )
        .under(&[Engine::Bounded { preemptions: None, spurious: 1 }]),
        Model::new(
            "sf_rg_1_all_side_by_side",
            &["SF-RG-1", "SF-RG-2"],
            &["None of 0", "None of 1", "Some(1) of 1"],
            || run(1, 1),
        ),
    ]
}

/// While it is shut, no push comes between: a holder counts the same twice.
fn shut_beside_a_push() -> Vec<Model> {
    fn run() -> String {
        let locked = Locked::open(2, [1]);
        let other = locked.clone();
        let theirs = move || other.ring.push(&mut Some(2));
        let ours = || {
            locked.with(|holder| {
                let before = holder.len();
                let first = holder.pop();
                assert_eq!((holder.len(), first), (before - 1, Some(1)), "the holder's alone");
                before
            })
        };
        let (pushed, seen) = race(theirs, ours);
        if seen == 2 {
            assert!(pushed.is_ok());
        }
        format!("{pushed:?} {seen}")
    }
    vec![Model::new("sf_rg_2_shut_beside_a_push", &["SF-RG-2"], &["Err(Shut) 1", "Ok(()) 1", "Ok(()) 2"], run)]
}

/// Nor does a pop.
fn shut_beside_a_pop() -> Vec<Model> {
    fn run() -> String {
        let locked = Locked::open(2, [1]);
        let other = locked.clone();
        let theirs = move || other.pop();
        let ours = || {
            locked.with(|holder| {
                let before = holder.len();
                holder.push(2);
                assert_eq!(holder.len(), before + 1, "the holder's alone");
                before
            })
        };
        let (popped, seen) = race(theirs, ours);
        format!("{popped:?} {seen}")
    }
    vec![Model::new("sf_rg_2_shut_beside_a_pop", &["SF-RG-2"], &["Err(Shut) 1", "Ok(1) 0", "Ok(1) 1"], run)]
}

/// Lap after lap it holds as many as its limit, whatever that is: it is let be full and empty by turns.
fn round_and_round() -> Vec<Model> {
    fn run() -> String {
        // From the first lap, and over the end of what a word holds.
        for (capacity, laps) in (1..=5).flat_map(|capacity| [(capacity, 0), (capacity, usize::MAX)]) {
            let locked = Locked::of(Ring::in_lap(capacity, laps));
            locked.with(|_| ());
            for first in 0..3 * capacity {
                let values = first..first + capacity;
                values.clone().for_each(|value| locked.ring.push(&mut Some(value)).unwrap());
                assert_eq!(locked.ring.push(&mut Some(0)), Err(Refused::Edge), "full at its limit");
                assert!(locked.with(|holder| holder.is_full()));
                // One by the holder, so that laps begin at each index in turn.
                assert_eq!(locked.with(|holder| holder.pop()), Some(first));
                values.skip(1).for_each(|value| assert_eq!(locked.pop(), Ok(value), "in order"));
                assert_eq!(locked.pop(), Err(Refused::Edge), "empty");
                locked.with(|holder| holder.push(0));
                assert_eq!((locked.pop(), locked.with(|holder| holder.len())), (Ok(0), 0));
            }
        }
        "in order".into()
    }
    vec![Model::new("sf_rg_1_round_and_round", &["SF-RG-1", "LV-RG-1"], &["in order"], run)]
}

/// A value that was sent is there for a receive that does not wait, whoever is between two steps before it.
fn value_beside_a_claimed_place() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(2));
        let other = sending(&sender, [1]);
        sender.send(2).unwrap();
        let value = receiver.try_recv().expect("one was sent before");
        other.join().unwrap();
        value.to_string()
    }
    vec![
        Model::new("", &["SF-CH-3", "SF-RG-2"], &["1", "2"], run)
            .with_rings("sf_ch_3_value_beside_a_claimed_place_ring"),
    ]
}

/// The same of room for a send.
fn room_beside_a_claimed_value() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(2));
        (1..=2).for_each(|value| sender.send(value).unwrap());
        let theirs = receiver.clone();
        let other = spawn(move || theirs.recv().unwrap());
        let mine = receiver.recv().unwrap();
        sender.try_send(3).expect("there was room before");
        format!("{mine} {}", other.join().unwrap())
    }
    vec![
        // Not under loom, which does not let the other come last (L1).
        Model::new("", &["SF-CH-3", "SF-RG-2"], &["1 2", "2 1", "2 3"], run)
            .with_rings("sf_ch_3_room_beside_a_claimed_value_ring")
            .under(&[Engine::Bounded { preemptions: None, spurious: 1 }]),
    ]
}

/// A biased select takes the first operation that is ready, whoever is between two steps there.
fn first_of_a_biased_select() -> Vec<Model> {
    fn run() -> String {
        let ((sender, first), (_other, second)) = (ends(Some(2)), ends(Some(2)));
        _other.send(3).unwrap();
        let beside = sending(&sender, [1]);
        sender.send(2).unwrap();
        let mut select = Select::new_biased();
        select.recv(&first);
        select.recv(&second);
        let operation = select.select();
        assert_eq!(operation.index(), 0, "the first is ready");
        let value = operation.recv(&first).unwrap();
        beside.join().unwrap();
        value.to_string()
    }
    vec![
        Model::new("", &["SF-SEL-1", "SF-RG-2"], &["1", "2"], run).with_rings("sf_sel_1_first_of_a_biased_select_ring"),
    ]
}

/// The ring is made while values are in the channel, and a receive or a send is on its way: nothing is lost or overtaken.
fn made_late() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(2));
        sender.send(1).unwrap();
        make_rings(Rings::Late);
        let other = sending(&sender, [2, 3]);
        let received = [(); 3].map(|()| receiver.recv().unwrap().to_string());
        other.join().unwrap();
        make_rings(Rings::Never);
        received.join(" ")
    }
    vec![
        Model::new("sf_ch_2_ring_made_late", &["SF-CH-2", "SF-CH-1", "LV-CH-1"], &["1 2 3"], run)
            .under(&[Engine::Loom, Engine::Bounded { preemptions: Some(5), spurious: 1 }]),
    ]
}

/// A value goes into a ring that is full: a select had promised it to a task, which is gone.
fn above_the_limit() -> Vec<Model> {
    fn run() -> String {
        let (sender, receiver) = ends(Some(1));
        let reserved = chosen_send(&sender);
        let theirs = sender.clone();
        let other = spawn(move || {
            let mut select = Select::new_biased();
            select.send(&theirs);
            select.select().send(&theirs, 2).unwrap();
        });
        // Promised the value of the other select, if that stands in line by now.
        let task = pending(receiver.recv_async());
        drop(task);
        reserved.send(&sender, 1).unwrap();
        let (first, second) = (receiver.recv().unwrap(), receiver.recv().unwrap());
        other.join().unwrap();
        format!("{first} {second}")
    }
    vec![
        Model::new("", &["SF-CH-2", "SF-SEL-4"], &["1 2", "2 1"], run)
            .with_rings("sf_ch_2_above_the_limit_ring")
            .under(&[Engine::LoomBounded(5), Engine::Bounded { preemptions: Some(5), spurious: 1 }]),
    ]
}
