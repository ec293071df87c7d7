//! The waiter: one claim, its edge, and its wake-up, for threads and for tasks.

use std::collections::VecDeque;
use std::iter;
use std::mem;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hence_registry::{Kind, Model, Weaken};

use super::harness::{Arc, CountingWaker, JoinHandle, Witness, block_on, join, race, spawn};
use super::weaken::{claim, weaken};
use super::{DEADLOCK, RACE};
use crate::hence::sync::{Lock, now};
use crate::hence::wait::{Ends, Latch, Line, Sleeper, TaskWait, WaitQueue, Waiter, WakeCause};

pub(super) fn models() -> Vec<Model> {
    [
        claim_before_wait(),
        claim_before_poll(),
        one_claim(),
        first_and_last_leave(),
        place_is_used_again(),
        all_at_once(),
        comes_back(),
        latest_waker_is_woken(),
        latest_waker_in_line(),
        set_before_look(),
        set_before_wait(),
        set_before_poll(),
        two_wait(),
        set_or_left(),
    ]
    .concat()
}

/// A thread that waits sees the cause of the claim, and what the claimer wrote before.
fn claim_before_wait() -> Vec<Model> {
    fn run() -> String {
        let (waiter, witness) = (Arc::new(Waiter::thread()), Witness::new());
        let ((), (cause, seen)) = race(claims(&waiter, &witness), || (waiter.wait(), witness.read()));
        format!("{cause:?} {seen}")
    }
    vec![
        Model::new("hb_wt_1_claim_before_wait", &["HB-WT-1", "LV-WT-1"], &["Done(0) 1"], run),
        Model::failing("hb_wt_1_claim_relaxed", &["HB-WT-1"], RACE, run).weakened(claim(Kind::Relaxed)),
        Model::failing("hb_wt_1_cause_relaxed", &["HB-WT-1"], RACE, run)
            .weakened(wait(Kind::Relaxed, "self.claim.load(")),
        Model::failing("lv_wt_1_thread_not_unparked", &["LV-WT-1"], DEADLOCK, run).weakened(not_notified()),
    ]
}

/// A task that waits sees the same. Its first poll makes the waiter.
fn claim_before_poll() -> Vec<Model> {
    fn run() -> String {
        let witness = Witness::new();
        let mut waiting = None;
        let mut other = None;
        let cause = block_on(std::future::poll_fn(|cx| {
            let waiter = waiting.get_or_insert_with(|| Arc::new(Waiter::task(cx.waker().clone())));
            other.get_or_insert_with(|| spawn(claims(waiter, &witness)));
            waiter.poll(cx)
        }));
        let seen = witness.read();
        other.unwrap().join().unwrap();
        format!("{cause:?} {seen}")
    }
    vec![
        Model::new("hb_wt_1_claim_before_poll", &["HB-WT-1", "LV-WT-1"], &["Done(0) 1"], run),
        Model::failing("lv_wt_1_task_not_woken", &["LV-WT-1"], DEADLOCK, run).weakened(not_notified()),
    ]
}

/// Of two claims one succeeds, and its cause is what the waiter sees.
fn one_claim() -> Vec<Model> {
    fn run() -> String {
        let waiter = Arc::new(Waiter::thread());
        let claim = |cause| {
            let waiter = waiter.clone();
            move || {
                let claimed = waiter.claim(cause);
                if claimed {
                    waiter.notify();
                }
                claimed
            }
        };
        let (done, closed) = (spawn(claim(WakeCause::Done(0))), spawn(claim(WakeCause::Closed)));
        let cause = waiter.wait();
        let claims = (done.join().unwrap(), closed.join().unwrap());
        assert!(claims.0 != claims.1, "exactly one claim succeeds: {claims:?}");
        assert_eq!(claims.0, cause == WakeCause::Done(0), "the waiter sees the winner's cause");
        assert_eq!(waiter.cause(), Some(cause), "a cause never changes");
        format!("{cause:?}")
    }
    vec![
        Model::new("sf_wt_1_one_claim", &["SF-WT-1"], &["Closed", "Done(0)"], run),
        Model::failing("sf_wt_1_unchecked", &["SF-WT-1"], &["exactly one claim succeeds"], run)
            .weakened(claim(Kind::Unchecked)),
    ]
}

/// Of the three in line the first and the last go, each by itself, while those who are there are taken in turn.
fn first_and_last_leave() -> Vec<Model> {
    fn run<L: Send + 'static, T: Send + 'static>(
        line: L,
        going: [T; 2],
        remove: fn(&mut L, T) -> Option<u8>,
        pop: fn(&mut L) -> Option<u8>,
    ) -> String {
        let line = Arc::new(Lock::new(line));
        let going = going.map(|ticket| {
            let line = line.clone();
            spawn(move || line.with(|line| remove(line, ticket)))
        });
        let taken: Vec<u8> = iter::from_fn(|| line.with(pop)).collect();
        let mut all: Vec<u8> = join(going).into_iter().flatten().chain(taken.iter().copied()).collect();
        all.sort_unstable();
        assert!(taken.is_sorted() && all == [1, 2, 3], "each once, in turn: taken {taken:?}, of {all:?}");
        let taken: Vec<String> = taken.iter().map(ToString::to_string).collect();
        taken.join(", ")
    }
    /// The fault of a line in which the last takes the place of whoever goes.
    fn swapped_out(line: &mut VecDeque<u8>, entry: u8) -> Option<u8> {
        let at = line.binary_search(&entry).ok()?;
        line.swap_remove_back(at)
    }
    vec![
        Model::new("sf_wt_2_first_and_last_leave", &["SF-WT-2"], &["1, 2", "1, 2, 3", "2", "2, 3"], || {
            let mut line = WaitQueue::new();
            let [first, _, last] = [1, 2, 3].map(|entry| line.push(|_| entry));
            run(line, [first, last], WaitQueue::remove, WaitQueue::pop)
        }),
        Model::failing("sf_wt_2_the_last_takes_the_place", &["SF-WT-2"], &["each once, in turn"], || {
            run(VecDeque::from([1, 2, 3]), [1, 3], swapped_out, VecDeque::pop_front)
        }),
    ]
}

/// One is taken, and another stands where it stood, while the first goes by itself: the other stays.
fn place_is_used_again() -> Vec<Model> {
    fn run<L: Send + 'static, T: Send + 'static>(
        mut line: L,
        push: fn(&mut L, u8) -> T,
        remove: fn(&mut L, T) -> Option<u8>,
        pop: fn(&mut L) -> Option<u8>,
    ) -> String {
        let ticket = push(&mut line, 1);
        let line = Arc::new(Lock::new(line));
        let going = {
            let line = line.clone();
            spawn(move || line.with(|line| remove(line, ticket)))
        };
        let taken = line.with(pop);
        line.with(|line| _ = push(line, 2));
        let gone = going.join().unwrap();
        assert!(gone != Some(2) && line.with(pop) == Some(2), "another is taken out: {gone:?}");
        assert_eq!([taken, gone].into_iter().flatten().collect::<Vec<_>>(), [1]);
        if taken.is_some() { "taken".into() } else { "gone by itself".into() }
    }
    vec![
        Model::new("sf_wt_2_a_place_is_used_again", &["SF-WT-2"], &["gone by itself", "taken"], || {
            run(WaitQueue::new(), |line, entry| line.push(|_| entry), WaitQueue::remove, WaitQueue::pop)
        }),
        // The fault of a line that knows those who stand in it by their place alone.
        Model::failing("sf_wt_2_known_by_its_place", &["SF-WT-2"], &["another is taken out"], || {
            run(None, |place, entry| _ = place.insert(entry), |place, ()| place.take(), Option::take)
        }),
    ]
}

/// All are taken at once, and others stand where they stood, while one goes by itself: in turn, and no other goes.
fn all_at_once() -> Vec<Model> {
    fn run(take_all: fn(&mut WaitQueue<u8>) -> Vec<u8>) -> String {
        let mut line = WaitQueue::new();
        let [_, going, _] = [1, 2, 3].map(|entry| line.push(|_| entry));
        let line = Arc::new(Lock::new(line));
        let theirs = line.clone();
        let taken_and_more = || {
            let taken = line.with(take_all);
            line.with(|line| (4..=6).for_each(|entry| _ = line.push(|_| entry)));
            taken
        };
        let (gone, mut all) = race(move || theirs.with(|line| line.remove(going)), taken_and_more);
        let left: Vec<u8> = iter::from_fn(|| line.with(WaitQueue::pop)).collect();
        assert!(all.is_sorted() && left == [4, 5, 6], "no other is taken out: {gone:?}, left {left:?}");
        all.extend(gone);
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
        if gone.is_some() { "gone by itself".into() } else { "taken".into() }
    }
    vec![
        Model::new("sf_wt_2_all_at_once", &["SF-WT-2"], &["gone by itself", "taken"], || {
            run(|line| line.claim_all(|_| true))
        }),
        // The fault of a line that is made anew, whose numbers begin again.
        Model::failing("sf_wt_2_numbers_begin_again", &["SF-WT-2"], &["no other is taken out"], || {
            run(|line| mem::take(line).claim_all(|_| true))
        }),
    ]
}

/// One is taken out, and comes back, while another is taken: its turn comes first again.
fn comes_back() -> Vec<Model> {
    fn run(back: fn(&mut WaitQueue<u8>, u8)) -> String {
        let mut line = WaitQueue::new();
        (1..=3).for_each(|entry| _ = line.push(|_| entry));
        let line = Arc::new(Lock::new(line));
        let theirs = line.clone();
        let out_and_back = move || {
            let first = theirs.with(WaitQueue::pop).unwrap();
            theirs.with(|line| back(line, first));
        };
        let ((), taken) = race(out_and_back, || line.with(WaitQueue::pop).unwrap());
        let left: Vec<u8> = iter::from_fn(|| line.with(WaitQueue::pop)).collect();
        assert!(left.is_sorted() && left.len() == 2, "those who are left stand in turn: {left:?}");
        format!("{taken} taken meanwhile")
    }
    vec![
        Model::new("sf_wt_2_comes_back_first", &["SF-WT-2"], &["1 taken meanwhile", "2 taken meanwhile"], || {
            run(|line, entry| _ = line.push_front(|_| entry))
        }),
        Model::failing("sf_wt_2_comes_back_last", &["SF-WT-2"], &["in turn"], || {
            run(|line, entry| _ = line.push(|_| entry))
        }),
    ]
}

/// A task is polled with another waker than it began with: the claim wakes that one, once, or is seen by the poll.
fn latest_waker_is_woken() -> Vec<Model> {
    fn run() -> String {
        let (_, first) = CountingWaker::new();
        let (counting, second) = CountingWaker::new();
        let (waiter, witness) = (Arc::new(Waiter::task(first)), Witness::new());
        let ((), polled) = race(claims(&waiter, &witness), || waiter.poll(&mut Context::from_waker(&second)));
        match polled {
            Poll::Ready(_) => "ready".into(),
            Poll::Pending => {
                assert_eq!(counting.count(), 1, "the waker of the latest poll is woken, once");
                assert!(waiter.poll(&mut Context::from_waker(&second)).is_ready());
                "pending, woken".into()
            }
        }
    }
    vec![Model::new("lv_wt_1_latest_waker_is_woken", &["LV-WT-1"], &["pending, woken", "ready"], run)]
}

/// The same in a line: the waker that stands there is taken out, and woken, or the poll finds that it is gone.
fn latest_waker_in_line() -> Vec<Model> {
    fn run() -> String {
        let (ends, witness, other) = ending();
        let (counting, second) = CountingWaker::new();
        let mut place = None;
        let first = ends.0.poll(&mut place, &mut Context::from_waker(Waker::noop()));
        let polled = first.is_pending() && ends.0.poll(&mut place, &mut Context::from_waker(&second)).is_pending();
        if !polled {
            assert_eq!(witness.read(), 1);
        }
        other.join().unwrap();
        if !polled {
            return "ready".into();
        }
        assert_eq!(counting.count(), 1, "the waker of the latest poll is woken, once");
        assert!(ends.0.poll(&mut place, &mut Context::from_waker(&second)).is_ready());
        "pending, woken".into()
    }
    vec![
        Model::new("lv_wt_2_latest_waker_in_line", &["LV-WT-2"], &["pending, woken", "ready"], run),
        Model::failing("lv_wt_2_polled_unlocked", &["LV-WT-2"], RACE, run)
            .weakened(latch(Kind::NoLock, ".with(section)")),
        Model::failing("lv_wt_2_not_woken", &["LV-WT-2"], &["woken, once"], run)
            .weakened(latch(Kind::NoWake, "notify_all(released")),
    ]
}

/// A look that finds the latch set sees what was written before it was set.
fn set_before_look() -> Vec<Model> {
    fn run() -> String {
        let (ends, witness, other) = ending();
        let seen = ends.0.is_set();
        if seen {
            assert_eq!(witness.read(), 1);
        }
        other.join().unwrap();
        if seen { "set".into() } else { "not yet".into() }
    }
    vec![
        Model::new("hb_lt_1_set_before_look", &["HB-LT-1"], &["not yet", "set"], run),
        Model::failing("hb_lt_1_set_is_no_release", &["HB-LT-1"], RACE, run).weakened(latch(Kind::Acquire, SET)),
        Model::failing("hb_lt_1_look_relaxed", &["HB-LT-1"], RACE, run)
            .weakened(latch(Kind::Relaxed, "self.word.load(Ordering::Acquire)")),
    ]
}

/// A thread that comes to wait for the latch is let through, or woken, and sees what was written before it was set.
fn set_before_wait() -> Vec<Model> {
    fn run() -> String {
        let (ends, witness, other) = ending();
        let waiter = Arc::new(Waiter::thread());
        if ends.0.stand(|| Sleeper::Waiter(waiter.clone())).is_some() {
            assert_eq!(waiter.wait(), WakeCause::Retry);
        }
        let seen = witness.read();
        other.join().unwrap();
        seen.to_string()
    }
    vec![
        Model::new("hb_lt_1_set_before_wait", &["HB-LT-1", "LV-LT-1"], &["1"], run),
        // Who comes to stand and finds it set has to see what was written before.
        Model::failing("hb_lt_1_watch_is_no_acquire", &["HB-LT-1"], RACE, run).weakened(latch(Kind::Release, WATCH)),
        // Who sets it and finds it watched has to see who stands in line.
        Model::failing("lv_lt_1_set_is_no_acquire", &["LV-LT-1"], RACE, run).weakened(latch(Kind::Release, SET)),
        Model::failing("lv_lt_1_watch_is_no_release", &["LV-LT-1"], RACE, run).weakened(latch(Kind::Acquire, WATCH)),
        Model::failing("lv_lt_1_not_notified", &["LV-LT-1"], DEADLOCK, run)
            .weakened(latch(Kind::NoWake, "notify_all(released")),
    ]
}

/// A task that waits sees the same.
fn set_before_poll() -> Vec<Model> {
    fn run() -> String {
        let (ends, witness, other) = ending();
        let mut wait = TaskWait::new();
        block_on(std::future::poll_fn(|cx| ends.poll(&mut wait, cx)));
        let seen = witness.read();
        ends.leave(&wait);
        other.join().unwrap();
        seen.to_string()
    }
    vec![Model::new("hb_lt_1_set_before_poll", &["HB-LT-1", "LV-LT-1"], &["1"], run)]
}

/// Two come to wait, each as the first.
fn two_wait() -> Vec<Model> {
    fn run() -> String {
        let (ends, witness, other) = ending();
        let waiting = {
            let (ends, witness) = (ends.clone(), witness.clone());
            spawn(move || {
                assert!(ends.wait_until(None));
                assert_eq!(witness.read(), 1);
            })
        };
        assert!(ends.wait_until(None));
        assert_eq!(witness.read(), 1);
        join([waiting, other]);
        "both".into()
    }
    vec![Model::new("lv_lt_1_two_wait", &["LV-LT-1"], &["both"], run)]
}

/// A wait with a limit ends when the latch is set, and sees what was written before; or it leaves its place in line,
/// beside a `release` that takes whoever stands there.
fn set_or_left() -> Vec<Model> {
    fn run() -> String {
        let (ends, witness, other) = ending();
        let seen = ends.wait_until(Some(now() + Duration::from_millis(1)));
        if seen {
            assert_eq!(witness.read(), 1);
        }
        other.join().unwrap();
        if seen { "set".into() } else { "time is up".into() }
    }
    vec![
        Model::new("lv_lt_1_set_or_left", &["LV-LT-1", "HB-LT-1"], &["set", "time is up"], run),
        Model::failing("lv_lt_1_released_unlocked", &["LV-LT-1"], RACE, run)
            .weakened(latch(Kind::NoLock, ".with(section)")),
    ]
}

/// The claimer's side: it claims the waiter after it has written to the witness.
fn claims(waiter: &Arc<Waiter>, witness: &Arc<Witness>) -> impl FnOnce() + Send + 'static {
    let (waiter, witness) = (waiter.clone(), witness.clone());
    move || {
        witness.write(1);
        assert!(waiter.claim(WakeCause::Done(0)));
        waiter.notify(); // the claimer's
    }
}

/// `notify` is one operation, and its site is where it is called.
fn not_notified() -> Weaken {
    weaken(Kind::NoWake, "models/wait.rs", concat!("notify(); // the ", "claimer's"))
}

fn wait(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/wait.rs", code)
}

/// What ends, and nothing else.
struct Bare(Latch);

impl Ends for Bare {
    fn latch(&self) -> &Latch {
        &self.0
    }
}

/// Something that ends, and a thread that ends it after it has written to the witness.
fn ending() -> (Arc<Bare>, Arc<Witness>, JoinHandle<()>) {
    let (ends, witness) = (Arc::new(Bare(Latch::new(0))), Witness::new());
    let other = {
        let (ends, witness) = (ends.clone(), witness.clone());
        spawn(move || {
            witness.write(1);
            if ends.0.set().expect("set once") {
                ends.0.release();
            }
        })
    };
    (ends, witness, other)
}

/// The lines of the latch that set it, and that announce who stands in line.
const SET: &str = "self.word.fetch_or(SET,";
const WATCH: &str = "self.word.fetch_or(WATCHED,";

fn latch(kind: Kind, code: &str) -> Weaken {
    weaken(kind, "src/wait/latch.rs", code)
}
