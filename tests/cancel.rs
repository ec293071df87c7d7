//! Cancellation on real threads and tasks: causes, deadlines, waits, trees, callbacks, guards, and operations that a
//! token can end. Nothing here depends on how fast the machine is: a limit that is reached is short, and one that must
//! not be reached is longer than any test. The crate's own thread is counted in `alarm.rs`, memory in `token_soak.rs`.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::{Future, pending, poll_fn, ready};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use hence::WaitGroup;
use hence::cancel::{
    CancellationToken, Cancelled, CancelledFuture, Cause, RecvOrCancelledError, Registration, SendOrCancelledError,
};
use hence::channel::{
    Receiver, RecvError, RecvTimeoutError, Select, Sender, TryRecvError, bounded, never, select, select_biased,
    unbounded,
};
use util::{Drops, OnDrop, Tracked, Use, Wakes, block_on, blocked, hooked, operations, peek, poll, watched};

/// Long enough that a wait happens, short enough to sit through.
const SHORT: Duration = Duration::from_millis(5);
/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(1000);

/// A moment in the past, as far back as there is one.
fn past() -> Instant {
    let now = Instant::now();
    now.checked_sub(LONG).unwrap_or(now)
}

/// That code takes at least this long.
fn takes<R>(time: Duration, code: impl FnOnce() -> R) -> R {
    let begun = Instant::now();
    let result = code();
    assert!(begun.elapsed() >= time);
    result
}

/// Waits, under a watchdog, for what another thread is to do.
fn until(mut happened: impl FnMut() -> bool) {
    while !happened() {
        thread::yield_now();
    }
}

fn sleep_until(moment: Instant) {
    thread::sleep(moment.saturating_duration_since(Instant::now()));
}

/// What a token says of its end.
fn says(token: &CancellationToken) -> String {
    token.check().expect_err("it is cancelled").to_string()
}

/// Panics, without the words on the screen.
fn hostile(words: &'static str) -> ! {
    resume_unwind(Box::new(words))
}

/// What code that is expected to panic says.
fn panics<R>(code: impl FnOnce() -> R) -> &'static str {
    let Err(panic) = catch_unwind(AssertUnwindSafe(code)) else { panic!("the panic did not come out") };
    *panic.downcast().expect("one of ours")
}

/// A waker that panics when it is woken.
fn hostile_waker(words: &'static str) -> Waker {
    hooked(move |used| {
        if used == Use::Wake {
            hostile(words);
        }
    })
}

/// What several pieces of code have done, in order.
#[derive(Clone, Debug, Default)]
struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Log<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn note(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    fn entries(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }
}

/// Something that counts how often it is done.
#[derive(Clone, Debug, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn one(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// Has a callback count.
fn counting(token: &CancellationToken) -> (Count, Registration) {
    let count = Count::default();
    let counts = count.clone();
    (count, token.on_cancel(move || counts.one()))
}

/// The name of the thread that runs this.
fn here() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// Waits until the crate's threads have come to all deadlines before this moment; one may not be through yet.
fn alarms_are_over() {
    let token = CancellationToken::new().with_timeout(Duration::from_millis(1));
    let (count, _registration) = counting(&token);
    until(|| count.get() == 1);
}

// Once, for one cause (SF-CX-1).

#[test]
fn a_token_is_cancelled_once() {
    let (token, other) = (CancellationToken::new(), CancellationToken::default());
    let clone = token.clone();
    assert!(!token.is_cancelled() && token.check().is_ok() && token.cause().is_none());
    assert!(clone.cancel());
    assert!(!token.cancel() && !clone.cancel() && !token.cancel_with("too late"));
    for token in [token, clone] {
        assert!(token.is_cancelled() && matches!(token.cause(), Some(Cause::Cancelled)));
        assert!(matches!(token.check(), Err(Cancelled(Cause::Cancelled))));
    }
    assert!(!other.is_cancelled());
}

#[test]
fn dropping_a_token_cancels_nothing() {
    let token = CancellationToken::new();
    drop(token.clone());
    drop(token.child_token());
    assert!(!token.is_cancelled());
}

/// An error that comes of another.
#[derive(Debug)]
struct Chained(io::Error);

impl fmt::Display for Chained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the upload failed")
    }
}

impl Error for Chained {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn what_a_cancellation_says() {
    type Cancel = fn(&CancellationToken) -> bool;
    let ways: [(Cancel, &str); 5] = [
        (|token| token.cancel(), "cancelled"),
        (|token| token.cancel_with("the disk is full"), "the disk is full"),
        (|token| token.cancel_with(String::from("the disk is fuller")), "the disk is fuller"),
        (|token| token.cancel_with(io::Error::other("no route")), "no route"),
        (|token| token.cancel_with(Chained(io::Error::other("no route"))), "the upload failed"),
    ];
    for (cancel, text) in ways {
        let token = CancellationToken::new();
        assert!(cancel(&token));
        let (error, cause) = (token.check().unwrap_err(), token.cause().unwrap());
        assert_eq!((error.to_string(), cause.to_string()), (text.into(), text.into()));
        assert_eq!((error.clone().to_string(), cause.clone().to_string()), (text.into(), text.into()));
        // The text is the cause's, so what comes after it is what comes after the cause.
        assert_eq!(error.source().map(ToString::to_string), (text == "the upload failed").then(|| "no route".into()));
    }
    let expired = CancellationToken::new().with_deadline(past());
    assert_eq!(says(&expired), "deadline exceeded");
    assert!(expired.check().unwrap_err().source().is_none());
}

#[test]
fn a_cause_can_be_taken_apart() {
    let token = CancellationToken::new();
    token.cancel_with(io::Error::new(io::ErrorKind::BrokenPipe, "gone"));
    let Some(Cause::Error(error)) = token.cause() else { panic!("{token:?}") };
    assert_eq!(error.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::BrokenPipe);
    // And `?` makes of it what it makes of any error.
    let work = || -> Result<(), Box<dyn Error + Send + Sync>> { Ok(token.check()?) };
    assert_eq!(work().unwrap_err().to_string(), "gone");
}

/// An error that is counted.
struct Counted(Tracked);

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "number {}", self.0.number)
    }
}

impl Error for Counted {}

#[test]
fn an_error_is_shared_by_the_tree_and_dropped_with_the_last_who_has_it() {
    let drops = Drops::new(2);
    let root = CancellationToken::new();
    let before = root.child_token();
    assert!(root.cancel_with(Counted(drops.value(0))));
    assert!(!root.cancel_with(Counted(drops.value(1))) && !before.cancel_with("later still"));
    assert_eq!(drops.counts(), [0, 1]); // the one that came too late is gone
    let tokens = [root.clone(), before, root.child_token(), root.child_token().with_timeout(LONG), root];
    let causes = tokens.each_ref().map(CancellationToken::cause);
    for cause in &causes {
        let (Some(Cause::Error(error)), Some(Cause::Error(first))) = (cause, &causes[0]) else { panic!("{cause:?}") };
        assert!(Arc::ptr_eq(error, first));
        assert_eq!(error.to_string(), "number 0");
    }
    drop(tokens);
    assert_eq!(drops.counts(), [0, 1]);
    drop(causes);
    assert_eq!(drops.counts(), [1, 1]);
}

#[test]
fn of_many_who_cancel_one_does_and_its_cause_counts() {
    watched(|| {
        for round in 0..100 {
            let (token, start) = (CancellationToken::new(), Arc::new(Barrier::new(6)));
            let threads: Vec<_> = (0..6)
                .map(|i| {
                    let (token, start) = (token.clone(), start.clone());
                    thread::spawn(move || {
                        let text = format!("by {i}");
                        start.wait();
                        let mine = if i == round % 6 { token.cancel() } else { token.cancel_with(text.clone()) };
                        // Whoever comes back, it is cancelled, for the cause that it keeps.
                        (mine.then_some(if i == round % 6 { "cancelled".into() } else { text }), says(&token))
                    })
                })
                .collect();
            let results: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            let winners: Vec<_> = results.iter().filter_map(|(winner, _)| winner.as_deref()).collect();
            let &[winner] = &winners[..] else { panic!("cancelled {} times", winners.len()) };
            assert!(results.iter().all(|(_, seen)| seen == winner), "{winner}, {results:?}");
            assert_eq!(says(&token), winner);
        }
    });
}

#[test]
fn nobody_sees_a_cancellation_without_its_cause() {
    watched(|| {
        for _ in 0..200 {
            let token = CancellationToken::new();
            let looks: Vec<_> = [token.clone(), token.child_token()]
                .map(|token| {
                    thread::spawn(move || {
                        loop {
                            if let Some(cause) = token.cause() {
                                break cause.to_string();
                            }
                        }
                    })
                })
                .into();
            let child = token.child_token();
            token.cancel_with("why");
            assert_eq!(says(&child), "why");
            looks.into_iter().for_each(|look| assert_eq!(look.join().unwrap(), "why"));
        }
    });
}

// Deadlines (SF-CX-4).

#[test]
fn the_earliest_deadline_counts() {
    let root = CancellationToken::new();
    let (early, late) = (Instant::now() + LONG, Instant::now() + 2 * LONG);
    let token = root.with_deadline(late);
    assert_eq!((root.deadline(), root.child_token().deadline()), (None, None));
    assert_eq!((token.deadline(), token.clone().deadline()), (Some(late), Some(late)));
    assert_eq!(token.child_token().deadline(), Some(late));
    assert_eq!(token.with_deadline(early).deadline(), Some(early));
    assert_eq!(root.with_deadline(early).with_deadline(late).child_token().deadline(), Some(early));
    assert_eq!(token.with_timeout(4 * LONG).deadline(), Some(late));
    let (before, timed) = (Instant::now(), token.with_timeout(LONG));
    let deadline = timed.deadline().unwrap();
    assert!(before + LONG <= deadline && deadline <= Instant::now() + LONG);
    // Too long for an `Instant`: none of its own.
    assert_eq!(root.with_timeout(Duration::MAX).deadline(), None);
    assert_eq!(token.with_timeout(Duration::MAX).deadline(), Some(late));
    assert!(!root.is_cancelled() && !token.is_cancelled() && !timed.is_cancelled());
    assert!(root.with_timeout(Duration::MAX).cancel() && token.cancel());
}

#[test]
fn a_deadline_is_never_early_and_never_late() {
    watched(|| {
        let looks: [fn(&CancellationToken) -> bool; 6] = [
            |token| token.is_cancelled(),
            |token| token.check().is_err(),
            |token| token.cause().is_some(),
            |token| token.wait_timeout(Duration::ZERO),
            |token| peek(&mut token.cancelled()).is_ready(),
            |token| token.done().is_closed(),
        ];
        for look in looks {
            let deadline = Instant::now() + SHORT;
            let token = CancellationToken::new().with_deadline(deadline);
            for token in [&token, &token.child_token(), &token.with_timeout(LONG)] {
                loop {
                    let before = Instant::now();
                    if look(token) {
                        assert!(Instant::now() >= deadline, "early");
                        break;
                    }
                    assert!(before < deadline, "late");
                }
                assert!(look(token) && matches!(token.cause(), Some(Cause::DeadlineExceeded)));
            }
        }
    });
}

/// Each is true of a token that has ended, and where it is the first look at it.
const LOOKS: [fn(&CancellationToken) -> bool; 29] = [
    |token| token.is_cancelled(),
    |token| token.check().is_err(),
    |token| token.cause().is_some(),
    |token| {
        token.wait();
        true
    },
    |token| token.wait_timeout(Duration::ZERO),
    |token| token.wait_timeout(Duration::MAX),
    |token| token.wait_deadline(past()),
    |token| token.wait_deadline(Instant::now() + LONG),
    |token| peek(&mut token.cancelled()).is_ready(),
    |token| !token.cancel(),
    |token| !token.cancel_with("too late"),
    |token| token.child_token().is_cancelled(),
    |token| token.with_timeout(LONG).is_cancelled(),
    |token| token.done().try_recv() == Err(TryRecvError::Disconnected),
    |token| token.done().recv() == Err(RecvError),
    |token| token.done().recv_timeout(Duration::ZERO) == Err(RecvTimeoutError::Disconnected),
    |token| token.done().recv_timeout(LONG) == Err(RecvTimeoutError::Disconnected),
    |token| token.done().recv_deadline(past()) == Err(RecvTimeoutError::Disconnected),
    |token| token.done().iter().count() == 0,
    |token| peek(&mut token.done().recv_async()) == Err(RecvError).into(),
    |token| block_on(token.done().stream().next()).is_none(),
    |token| token.done().is_closed(),
    |token| select! { recv(token.done()) -> end => end.is_err(), default => false },
    |token| select_biased! { recv(never::<u8>()) -> _ => false, recv(token.done()) -> end => end.is_err() },
    |token| select! { recv(token.done()) -> end => end.is_err(), default(LONG) => false },
    |token| {
        let (done, mut select) = (token.done(), Select::new());
        select.recv(&done);
        select.try_select().is_ok_and(|operation| operation.recv(&done).is_err())
    },
    |token| {
        let (done, mut select) = (token.done(), Select::new());
        select.recv(&done);
        select.try_ready() == Ok(0)
    },
    |token| format!("{token:?}") == "CancellationToken { is_cancelled: true }",
    |token| counting(token).0.get() == 1,
];

#[test]
fn every_look_finds_the_end() {
    watched(|| {
        for look in LOOKS {
            let token = CancellationToken::new();
            let before = token.child_token();
            token.cancel();
            assert!([&token, &before, &token.child_token()].into_iter().all(look));
        }
    });
}

#[test]
fn every_look_finds_the_deadline() {
    watched(|| {
        for look in LOOKS {
            let root = CancellationToken::new();
            let soon = root.with_timeout(SHORT);
            let tokens = [
                root.with_deadline(past()),
                root.with_timeout(Duration::ZERO),
                root.with_deadline(past()).child_token(), // born before anybody has looked
                root.with_deadline(past()).with_deadline(past()),
                soon.child_token(),
                soon,
            ];
            thread::sleep(SHORT);
            for token in tokens {
                assert!(look(&token));
                assert!(matches!(token.cause(), Some(Cause::DeadlineExceeded)));
                assert!(!token.cancel() && says(&token) == "deadline exceeded");
            }
            assert!(!root.is_cancelled());
        }
    });
}

#[test]
fn a_cancel_after_the_deadline_is_too_late_and_one_before_it_is_not() {
    watched(|| {
        let drops = Drops::new(1);
        let token = CancellationToken::new().with_timeout(SHORT);
        token.wait();
        assert!(!token.cancel_with(Counted(drops.value(0))) && !token.cancel());
        assert_eq!((says(&token), drops.counts()), ("deadline exceeded".into(), vec![1]));
        // Until it comes in time, on a machine however busy.
        let in_time = |token: &CancellationToken| {
            let won = token.cancel_with("in time");
            sleep_until(token.deadline().unwrap());
            assert_eq!(says(token), if won { "in time" } else { "deadline exceeded" });
            won
        };
        until(|| in_time(&CancellationToken::new().with_timeout(SHORT)));
    });
}

#[test]
fn a_cancel_or_the_deadline_but_not_both() {
    watched(|| {
        let mut rng = Rng::with_seed(1);
        for _ in 0..500 {
            let deadline = Instant::now() + Duration::from_micros(rng.u64(..120));
            let token = CancellationToken::new().with_deadline(deadline);
            let child = token.child_token();
            let wins: usize = thread::scope(|scope| {
                let cancels = [rng.u64(..100), rng.u64(..100)].map(|wait| {
                    let token = &token;
                    scope.spawn(move || {
                        sleep_until(Instant::now() + Duration::from_micros(wait));
                        let begun = Instant::now();
                        let won = token.cancel();
                        assert!(token.is_cancelled(), "SF-CX-1: false, and not cancelled");
                        assert!(!won || begun < deadline, "SF-CX-1: true after the deadline");
                        usize::from(won)
                    })
                });
                cancels.into_iter().map(|cancel| cancel.join().unwrap()).sum()
            });
            let text = ["deadline exceeded", "cancelled"][wins];
            // The child's deadline may have been the first, though not if nobody cancelled.
            assert!(says(&token) == text && (says(&child) == text || wins == 1));
            sleep_until(deadline);
            assert!(says(&token) == text && child.is_cancelled());
        }
    });
}

#[test]
fn a_deadline_ends_a_token_and_its_descendants_alone() {
    watched(|| {
        let root = CancellationToken::new();
        let (sibling, late) = (root.child_token(), root.with_timeout(LONG));
        let token = root.with_timeout(SHORT);
        let descendants = [token.child_token(), token.with_timeout(LONG), token.child_token().child_token()];
        token.wait();
        for token in descendants.iter().chain([&token]) {
            assert!(token.is_cancelled() && says(token) == "deadline exceeded");
        }
        assert!(!root.is_cancelled() && !sibling.is_cancelled() && !late.is_cancelled());
        assert!(root.cancel_with("enough"));
        assert_eq!(
            (says(&sibling), says(&late), says(&token)),
            ("enough".into(), "enough".into(), says(&descendants[2]))
        );
        assert_eq!(says(&token), "deadline exceeded"); // which came first
    });
}

// Waiting (LV-CX-1).

/// Everything that blocks until a token's end.
const WAITS: [fn(&CancellationToken); 16] = [
    |token| token.wait(),
    |token| assert!(token.wait_timeout(LONG)),
    |token| assert!(token.wait_timeout(Duration::MAX)),
    |token| assert!(token.wait_deadline(Instant::now() + LONG)),
    |token| block_on(token.cancelled()),
    |token| assert_eq!(token.done().recv(), Err(RecvError)),
    |token| assert_eq!(token.done().recv_timeout(LONG), Err(RecvTimeoutError::Disconnected)),
    |token| assert_eq!(token.done().iter().count(), 0),
    |token| assert_eq!(block_on(token.done().recv_async()), Err(RecvError)),
    |token| assert_eq!(block_on(token.done().stream().next()), None),
    |token| select! { recv(token.done()) -> end => assert!(end.is_err()), recv(never::<u8>()) -> _ => unreachable!() },
    |token| select_biased! { recv(never::<u8>()) -> _ => panic!(), recv(token.done()) -> end => assert!(end.is_err()) },
    |token| select! { recv(token.done()) -> end => assert!(end.is_err()), default(LONG) => unreachable!() },
    |token| {
        let (done, (_sender, receiver), mut select) = (token.done(), bounded::<u8>(1), Select::new());
        assert_eq!((select.recv(&receiver), select.recv(&done)), (0, 1));
        let operation = select.select();
        assert_eq!((operation.index(), operation.recv(&done)), (1, Err(RecvError)));
    },
    |token| {
        let (done, (_sender, receiver), mut select) = (token.done(), bounded::<u8>(0), Select::new());
        assert_eq!((select.recv(&done), select.recv(&receiver)), (0, 1));
        assert_eq!(select.ready_timeout(LONG), Ok(0));
    },
    |token| {
        let group = WaitGroup::new();
        let _guard = group.guard();
        assert!(group.wait_or_cancelled(token).is_err());
    },
];

#[test]
fn every_wait_ends_with_a_cancellation() {
    watched(|| {
        let token = CancellationToken::new();
        let child = token.child_token();
        let tokens = [token.clone(), child.child_token(), child.with_timeout(LONG)];
        let waits: Vec<_> = tokens
            .iter()
            .flat_map(|token| WAITS.map(|wait| (wait, token.clone())))
            .map(|(wait, token)| blocked(move || wait(&token)))
            .collect();
        assert!(!waits.iter().any(|wait| wait.is_finished()));
        assert!(token.cancel());
        waits.into_iter().for_each(|wait| wait.join().unwrap());
    });
}

#[test]
fn every_wait_ends_with_a_deadline_and_not_before() {
    watched(|| {
        for wait in WAITS {
            let deadline = Instant::now() + SHORT;
            let token = CancellationToken::new().with_deadline(deadline);
            let tokens = [token.child_token(), token.with_timeout(LONG), token];
            let waits = tokens.map(|token| {
                thread::spawn(move || {
                    wait(&token);
                    assert!(Instant::now() >= deadline, "SF-CX-4");
                    assert_eq!(says(&token), "deadline exceeded");
                })
            });
            waits.into_iter().for_each(|wait| wait.join().unwrap());
        }
    });
}

#[test]
fn a_wait_is_not_given_up_early() {
    watched(|| {
        let token = CancellationToken::new();
        for token in [&token, &token.with_timeout(LONG)] {
            assert!(!takes(SHORT, || token.wait_timeout(SHORT)));
            let deadline = Instant::now() + SHORT;
            assert!(!token.wait_deadline(deadline) && Instant::now() >= deadline);
            assert!(!token.wait_timeout(Duration::ZERO) && !token.wait_deadline(past()));
            let done = token.done();
            assert_eq!(takes(SHORT, || done.recv_timeout(SHORT)), Err(RecvTimeoutError::Timeout));
            assert_eq!(done.recv_deadline(past()), Err(RecvTimeoutError::Timeout));
            assert!(takes(SHORT, || select! { recv(done) -> _ => false, default(SHORT) => true }));
            assert!(!token.is_cancelled());
        }
    });
}

#[test]
fn a_wait_that_gives_up_takes_nobodys_wake_up() {
    watched(|| {
        let mut rng = Rng::with_seed(2);
        for _ in 0..300 {
            let token = &CancellationToken::new();
            thread::scope(|scope| {
                let [one, two, pause] = [80, 80, 60].map(|most| Duration::from_micros(rng.u64(..most)));
                let hurried = [
                    scope.spawn(move || token.wait_timeout(one)),
                    scope.spawn(move || token.done().recv_timeout(two) == Err(RecvTimeoutError::Disconnected)),
                    scope.spawn(move || select! { recv(token.done()) -> _ => true, default(one) => false }),
                ];
                let patient = [scope.spawn(|| token.wait()), scope.spawn(|| block_on(token.cancelled()))];
                thread::sleep(pause);
                let mut gone = token.cancelled();
                let _ = peek(&mut gone);
                drop(gone);
                assert!(token.cancel());
                patient.into_iter().for_each(|wait| wait.join().unwrap());
                hurried.into_iter().for_each(|wait| _ = wait.join().unwrap());
            });
        }
    });
}

#[test]
fn a_task_is_woken_once_by_its_latest_waker() {
    for ends_by_parent in [false, true] {
        let root = CancellationToken::new();
        let token = root.child_token();
        let ((old, first), (new, last)) = (Wakes::new(), Wakes::new());
        let mut cancelled = token.cancelled();
        for waker in [&first, &last, &last] {
            assert!(poll(&mut cancelled, waker).is_pending());
        }
        assert!(if ends_by_parent { root.cancel() } else { token.cancel() });
        assert_eq!((old.count(), new.count()), (0, 1));
        assert!(poll(&mut cancelled, &first).is_ready());
        assert!(poll(&mut cancelled, &first).is_ready()); // as often as it is asked
        assert!(poll(&mut token.cancelled(), &first).is_ready());
        root.cancel();
        assert_eq!((old.count(), new.count()), (0, 1));
    }
}

#[test]
fn a_dropped_future_leaves_nothing_behind() {
    for token in [CancellationToken::new(), CancellationToken::new().with_timeout(LONG)] {
        let (wakes, waker) = Wakes::new();
        let (mut gone, mut stays) = (token.cancelled(), token.cancelled());
        let done = token.done();
        let mut receive = done.recv_async();
        assert!(poll(&mut gone, &waker).is_pending() && poll(&mut receive, &waker).is_pending());
        assert!(Arc::strong_count(&wakes) > 2);
        assert!(peek(&mut stays).is_pending());
        drop((gone, receive));
        assert_eq!(Arc::strong_count(&wakes), 2);
        drop(token.cancelled()); // never polled
        assert!(token.cancel());
        assert_eq!(wakes.count(), 0);
        assert!(peek(&mut stays).is_ready());
    }
}

#[test]
fn an_owned_future_keeps_its_token_and_leaves_nothing_behind() {
    let (wakes, waker) = Wakes::new();
    let root = CancellationToken::new();
    let (child, limited) = (root.child_token(), root.with_timeout(LONG));
    let mut waits = [child, limited, root.clone()].map(CancellationToken::cancelled_owned); // the only handles, but of `root`
    waits.iter_mut().for_each(|wait| assert!(poll(wait, &waker).is_pending()));
    let [gone, mut child, mut same] = waits;
    drop((gone, root.clone().cancelled_owned()));
    assert!(root.cancel());
    assert_eq!(wakes.count(), 2);
    assert!(poll(&mut child, &waker).is_ready() && poll(&mut same, &waker).is_ready());
    assert!(poll(&mut same, &waker).is_ready()); // as often as it is asked
    drop((child, same, waker));
    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[test]
fn work_runs_until_it_is_done_or_its_token_cancelled() {
    let token = CancellationToken::new();
    assert_eq!(peek(&mut pin!(token.run_until_cancelled(ready(1)))), Some(1).into());
    assert_eq!(peek(&mut pin!(token.clone().run_until_cancelled_owned(ready(1)))), Some(1).into());
    // What the work does while it is polled counts, though it cancels its own token.
    let mut cancels = pin!(token.run_until_cancelled(poll_fn(|_| Poll::Ready(token.cancel()))));
    assert_eq!(peek(&mut cancels), Some(true).into());
    // A token that is cancelled when it is first asked lets nothing begin.
    let begins = || poll_fn(|_| -> Poll<()> { unreachable!() });
    assert_eq!(peek(&mut pin!(token.run_until_cancelled(begins()))), None.into());
    assert_eq!(peek(&mut pin!(token.child_token().run_until_cancelled_owned(begins()))), None.into());
}

#[test]
fn work_that_its_token_ends_is_dropped_and_loses_nothing() {
    for owned in [false, true] {
        let (token, (sender, receiver)) = (CancellationToken::new(), unbounded());
        let (wakes, waker) = Wakes::new();
        let drops = Drops::new(1);
        let work = async {
            let _value = drops.value(0);
            receiver.recv_async().await
        };
        let mut work: Pin<Box<dyn Future<Output = _>>> = if owned {
            Box::pin(token.clone().run_until_cancelled_owned(work))
        } else {
            Box::pin(token.run_until_cancelled(work))
        };
        assert!(poll(&mut work, &waker).is_pending());
        assert!(token.cancel());
        assert_eq!(wakes.count(), 1);
        sender.send(7).unwrap(); // the receive is told, and not polled any more but once
        if owned {
            assert_eq!(poll(&mut work, &waker), Some(Ok(7)).into());
        } else {
            drop(work);
            assert_eq!(receiver.try_recv(), Ok(7));
        }
        assert_eq!(drops.counts(), [1]);
    }
    // Ready with `None`, and the work is gone before anybody can see that.
    let (token, drops) = (CancellationToken::new(), Drops::new(1));
    let value = drops.value(0);
    let mut work = pin!(token.run_until_cancelled(async move {
        let _value = value;
        pending::<()>().await;
    }));
    assert!(peek(&mut work).is_pending());
    token.cancel();
    assert_eq!(peek(&mut work), None.into());
    assert_eq!(drops.counts(), [1]);
}

#[test]
fn a_token_is_equal_to_its_clones_alone() {
    let (root, other) = (CancellationToken::new(), CancellationToken::new());
    let (clone, child, dead) = (root.clone(), root.child_token(), CancellationToken::new());
    assert!(dead.cancel() && other.cancel());
    assert!(root == clone && root != child && root != other && child != clone && dead != other && dead == dead.clone());
    let hashes = RandomState::new();
    assert_eq!(hashes.hash_one(&root), hashes.hash_one(&clone));
    assert_ne!(hashes.hash_one(&root), hashes.hash_one(&child));
    assert!(clone.cancel());
    assert!(root == clone && root != child); // whether it is cancelled is another matter
}

#[test]
fn a_deadline_wakes_a_task() {
    watched(|| {
        until(|| {
            let deadline = Instant::now() + SHORT;
            let token = CancellationToken::new().with_deadline(deadline);
            let (log, (old, first)) = (Log::new(), Wakes::new());
            let noted = log.clone();
            let waker = hooked(move |used| {
                if used == Use::Wake {
                    noted.note((here(), Instant::now() >= deadline));
                }
            });
            let (done, mut cancelled) = (token.done(), token.cancelled());
            let mut receive = done.recv_async();
            let in_time = poll(&mut cancelled, &first).is_pending()
                && poll(&mut cancelled, &waker).is_pending()
                && poll(&mut receive, &waker).is_pending();
            if !in_time {
                return false; // a busy machine: again
            }
            until(|| log.entries().len() == 2);
            assert_eq!((log.entries(), old.count()), (vec![("hence-alarm".into(), true); 2], 0));
            assert!(peek(&mut cancelled).is_ready() && peek(&mut receive).is_ready());
            true
        });
    });
}

/// A task that is polled by whoever wakes it, and dropped when it is ready.
struct Inline {
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    ready: Count,
}

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        let Ok(mut future) = self.future.try_lock() else { return }; // it is being polled, and has ended a token
        let waker = Waker::from(self.clone());
        let polled = future.as_mut().map(|future| future.as_mut().poll(&mut Context::from_waker(&waker)));
        if polled.is_some_and(|polled| polled.is_ready()) {
            *future = None;
            self.ready.one();
        }
    }
}

#[test]
fn a_task_may_be_polled_and_dropped_where_it_is_woken() {
    watched(|| {
        let starts = |token: CancellationToken| {
            let future: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move { token.cancelled().await });
            let task = Arc::new(Inline { future: Mutex::new(Some(future)), ready: Count::default() });
            task.clone().wake();
            task
        };
        let root = CancellationToken::new();
        let tasks = [root.clone(), root.child_token(), root.with_timeout(LONG)].map(starts);
        assert!(tasks.iter().all(|task| task.ready.get() == 0));
        assert!(root.cancel());
        assert!(tasks.iter().all(|task| task.ready.get() == 1));
        until(|| {
            let task = starts(CancellationToken::new().with_timeout(SHORT));
            let in_time = task.ready.get() == 0;
            thread::sleep(SHORT);
            alarms_are_over();
            in_time && task.ready.get() == 1 // not if its waker came while it was polled
        });
    });
}

// The receiver.

#[test]
fn a_tokens_receiver_has_an_end_and_no_values() {
    watched(|| {
        let token = CancellationToken::new();
        let done = token.done();
        let facts = |done: &Receiver<Infallible>| (done.len(), done.is_empty(), done.is_full(), done.capacity());
        for done in [&done, &done.clone(), &token.with_timeout(LONG).done()] {
            assert_eq!((facts(done), done.is_closed()), ((0, true, true, Some(0)), false));
            assert_eq!(done.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(done.try_iter().count(), 0);
            assert!(peek(&mut done.recv_async()).is_pending());
            assert!(!done.close());
            assert_eq!((done.try_recv(), done.is_closed()), (Err(TryRecvError::Empty), false));
            assert_eq!(format!("{done:?}"), "Receiver { .. }");
        }
        assert!(!token.is_cancelled());
        token.cancel();
        for done in [&done, &done.clone(), &token.done()] {
            assert_eq!((facts(done), done.is_closed(), done.close()), ((0, true, true, Some(0)), true, false));
            assert_eq!((done.recv(), done.try_recv()), (Err(RecvError), Err(TryRecvError::Disconnected)));
            assert_eq!((done.iter().count(), done.try_iter().count(), done.clone().into_iter().count()), (0, 0, 0));
        }
    });
}

#[test]
fn a_closed_receiver_still_waits_for_the_end() {
    watched(|| {
        let token = CancellationToken::new();
        let done = token.done();
        let wait = {
            let done = done.clone();
            blocked(move || done.recv())
        };
        assert!(!done.close());
        assert!(!wait.is_finished() && !token.is_cancelled());
        assert!(token.cancel());
        assert_eq!(wait.join().unwrap(), Err(RecvError));
    });
}

#[test]
fn receivers_of_one_token_are_the_same() {
    let token = CancellationToken::new();
    let done = token.done();
    assert!(done.same_channel(&token.clone().done()) && done.same_channel(&done.clone()));
    let others = [token.child_token().done(), CancellationToken::new().done(), never(), unbounded().1];
    assert!(others.iter().all(|other| !done.same_channel(other) && !other.same_channel(&done)));
}

#[test]
fn a_receiver_outlives_its_token() {
    watched(|| {
        let root = CancellationToken::new();
        let (of_child, of_root) = (root.child_token().done(), root.clone().done());
        let timed = root.with_timeout(SHORT).done();
        let lost = CancellationToken::new().done();
        assert_eq!(timed.recv(), Err(RecvError)); // by its deadline
        assert_eq!(of_child.try_recv(), Err(TryRecvError::Empty));
        assert!(root.cancel());
        drop(root);
        assert_eq!((of_child.recv(), of_root.recv()), (Err(RecvError), Err(RecvError)));
        // Nobody is left to cancel this one: that is no end.
        assert_eq!((lost.recv_timeout(SHORT), lost.is_closed()), (Err(RecvTimeoutError::Timeout), false));
    });
}

#[test]
fn a_select_chooses_the_token_that_is_cancelled() {
    watched(|| {
        let tokens = [CancellationToken::new(), CancellationToken::new(), CancellationToken::new()];
        let dones = tokens.each_ref().map(CancellationToken::done);
        let mut select = Select::new();
        dones.iter().for_each(|done| _ = select.recv(done));
        assert!(select.try_select().is_err() && select.try_ready().is_err() && select.select_timeout(SHORT).is_err());
        tokens[1].cancel();
        for _ in 0..20 {
            assert_eq!((select.ready(), select.try_ready()), (1, Ok(1)));
            let operation = select.select();
            assert_eq!((operation.index(), operation.recv(&dones[1])), (1, Err(RecvError)));
        }
        select.remove(1);
        assert!(select.try_select().is_err());
        tokens[2].cancel();
        assert_eq!(select.select_deadline(Instant::now() + LONG).unwrap().recv(&dones[2]), Err(RecvError));
    });
}

#[test]
fn a_select_of_a_value_and_an_end() {
    watched(|| {
        let token = CancellationToken::new();
        let (sender, receiver) = unbounded();
        assert_eq!(select! { recv(receiver) -> _ => 1, recv(token.done()) -> _ => 2, default => 3 }, 3);
        sender.send(7).unwrap();
        assert_eq!(select! { recv(receiver) -> value => value, recv(token.done()) -> _ => unreachable!() }, Ok(7));
        token.cancel();
        assert_eq!(select! { recv(receiver) -> _ => 1, recv(token.done()) -> _ => 2, default => 3 }, 2);
        sender.send(8).unwrap();
        assert_eq!(select_biased! { recv(token.done()) -> _ => 1, recv(receiver) -> _ => 2 }, 1);
        assert_eq!(receiver.len(), 1);
        assert_eq!(select_biased! { recv(receiver) -> value => value, recv(token.done()) -> _ => Ok(0) }, Ok(8));
        // Both are ready, and both are chosen sometimes.
        let mut chosen = [false; 2];
        while chosen != [true; 2] {
            let _ = sender.send(9);
            chosen[select! { recv(receiver) -> _ => 0, recv(token.done()) -> _ => 1 }] = true;
        }
    });
}

#[test]
fn a_select_that_a_token_ends_takes_no_value_and_no_place() {
    watched(|| {
        let (sender, receiver) = bounded(0);
        for sends in [false, true] {
            let token = CancellationToken::new();
            let waits = {
                let (sender, receiver, token) = (sender.clone(), receiver.clone(), token.clone());
                blocked(move || {
                    if sends {
                        select! { send(sender, 1) -> _ => false, recv(token.done()) -> _ => true }
                    } else {
                        select! { recv(receiver) -> _ => false, recv(token.done()) -> _ => true }
                    }
                })
            };
            token.cancel();
            assert!(waits.join().unwrap());
            assert!(sender.try_send(2).is_err() && receiver.try_recv().is_err());
        }
    });
}

/// Whoever stands in a line claims those who wait for readiness, to look again, and has to wake them.
#[test]
fn a_wait_for_a_group_takes_no_wake_up_of_who_waits_for_readiness() {
    watched(|| {
        let (token, group) = (CancellationToken::new(), WaitGroup::new());
        let _guard = group.guard();
        let (done, of_group) = (token.done(), token.clone());
        let observer = blocked(move || operations![recv done].ready());
        let waits = blocked(move || group.wait_or_cancelled(&of_group).is_err());
        assert!(token.cancel());
        assert!(waits.join().unwrap());
        assert_eq!(observer.join().unwrap(), 0, "LV-SEL-1");
    });
}

/// The wakers of a token's tasks are user code. A select, which looks at the token under the locks of other channels,
/// runs none: here of channels whose addresses, by which it locks, are below and above the token's.
#[test]
fn a_select_that_finds_the_deadline_runs_no_waker_under_a_lock() {
    watched(|| {
        until(|| {
            let mut channels: Vec<_> = (0..8).map(|_| bounded::<u8>(0)).collect();
            let token = CancellationToken::new().with_timeout(SHORT);
            channels.extend((0..8).map(|_| bounded::<u8>(0)));
            let receivers: Vec<_> = channels.iter().map(|(_, receiver)| receiver.clone()).collect();
            let waker = hooked(move |used| {
                if used == Use::Wake {
                    receivers.iter().for_each(|receiver| _ = receiver.try_recv());
                }
            });
            let (done, mut cancelled) = (token.done(), token.cancelled());
            let in_time = poll(&mut cancelled, &waker).is_pending();
            thread::sleep(2 * SHORT);
            let mut select = Select::new();
            channels.iter().for_each(|(_, receiver)| _ = select.recv(receiver));
            select.recv(&done);
            assert!(select.try_select().is_ok_and(|operation| operation.recv(&done).is_err()));
            in_time
        });
    });
}

// The tree (SF-CX-2).

#[test]
fn a_token_takes_its_descendants_with_it_and_nobody_else() {
    let root = CancellationToken::new();
    let [left, right] = [root.child_token(), root.with_timeout(LONG)];
    let [leaf, other] = [left.child_token(), left.child_token()];
    assert!(leaf.cancel_with("leaf"));
    assert!(![&root, &left, &right, &other].into_iter().any(CancellationToken::is_cancelled));
    assert!(left.cancel_with("left"));
    assert!(!root.is_cancelled() && !right.is_cancelled());
    assert_eq!((says(&leaf), says(&other)), ("leaf".into(), "left".into()));
    assert!(root.cancel());
    assert_eq!((says(&right), says(&left)), ("cancelled".into(), "left".into()));
}

#[test]
fn a_child_of_a_cancelled_token_is_born_cancelled_for_its_cause() {
    let ends: [fn(&CancellationToken) -> CancellationToken; 4] = [
        |root| {
            root.cancel();
            root.clone()
        },
        |root| {
            root.cancel_with("why");
            root.clone()
        },
        |root| root.with_deadline(past()),
        |root| {
            let child = root.with_timeout(LONG);
            root.cancel_with("why");
            child
        },
    ];
    for end in ends {
        let token = end(&CancellationToken::new());
        let cause = says(&token);
        // For its parent's cause, not for a deadline of its own.
        for child in [token.child_token(), token.with_timeout(LONG), token.with_deadline(past())] {
            assert!(child.is_cancelled() && !child.cancel() && !child.cancel_with("later"));
            assert_eq!((says(&child), says(&child.child_token())), (cause.clone(), cause.clone()));
            assert_eq!(counting(&child).0.get(), 1);
            assert!(peek(&mut child.cancelled()).is_ready() && child.done().is_closed());
        }
    }
}

#[test]
fn whoever_is_between_may_be_dropped() {
    let root = CancellationToken::new();
    let middle = root.child_token();
    let leaf = middle.child_token().child_token();
    let other = middle.child_token();
    drop(middle);
    assert!(!leaf.is_cancelled());
    assert!(root.cancel_with("from above"));
    assert_eq!((says(&leaf), says(&other)), ("from above".into(), "from above".into()));

    let root = CancellationToken::new();
    let leaf = root.child_token().with_timeout(LONG).child_token();
    drop(root);
    let twig = leaf.child_token();
    assert!(!leaf.is_cancelled() && leaf.deadline().is_some());
    assert!(leaf.cancel() && twig.is_cancelled());
}

/// Trees of which many tokens have been dropped, against their description.
#[test]
fn whoever_descends_from_a_cancelled_token_is_cancelled_and_nobody_else() {
    const TOKENS: usize = 300;
    let mut rng = Rng::with_seed(3);
    for _ in 0..60 {
        let mut parents = vec![0];
        let mut tokens = vec![Some(CancellationToken::new())];
        let mut cancelled = vec![false];
        while tokens.len() < TOKENS {
            let i = rng.usize(..tokens.len());
            match (&tokens[i], rng.u8(..20)) {
                (Some(parent), 0..14) => {
                    let child = if rng.bool() { parent.child_token() } else { parent.with_timeout(LONG) };
                    tokens.push(Some(child));
                    cancelled.push(cancelled[i]);
                    parents.push(i);
                }
                (Some(_), 14..19) if i > 0 => tokens[i] = None,
                (Some(token), _) if rng.u8(..8) == 0 && i > 0 => {
                    assert_eq!(token.cancel(), !mem::replace(&mut cancelled[i], true));
                    // Parents come before their children.
                    (i + 1..tokens.len()).for_each(|j| cancelled[j] |= cancelled[parents[j]]);
                }
                _ => {}
            }
        }
        let look = |cancelled: &[bool]| {
            for (token, cancelled) in tokens.iter().zip(cancelled) {
                assert!(token.as_ref().is_none_or(|token| token.is_cancelled() == *cancelled));
            }
        };
        look(&cancelled);
        assert!(tokens[0].as_ref().unwrap().cancel());
        look(&[true; TOKENS]);
    }
}

#[test]
fn children_made_while_their_parent_is_cancelled_are_cancelled() {
    watched(|| {
        for round in 0..200 {
            let token = CancellationToken::new();
            let middle = token.child_token();
            let makers = [token.clone(), middle].map(|token| {
                thread::spawn(move || {
                    let (mut children, mut counts) = (Vec::new(), Vec::new());
                    while children.len() < 20 || children.len() < 1000 && !token.is_cancelled() {
                        let child = token.child_token();
                        counts.push(counting(&child).0);
                        drop(token.child_token());
                        children.push(child.child_token());
                        children.push(child);
                    }
                    (children, counts)
                })
            });
            thread::sleep(Duration::from_micros(round % 50));
            assert!(token.cancel_with("stop"));
            for maker in makers {
                let (children, counts) = maker.join().unwrap();
                // By the cancel that returned true, or before they came.
                assert!(children.iter().all(|child| child.is_cancelled() && says(child) == "stop"));
                assert!(counts.iter().all(|count| count.get() == 1));
            }
        }
    });
}

#[test]
fn children_may_be_dropped_and_cancelled_while_their_parent_is() {
    watched(|| {
        for _ in 0..100 {
            let token = CancellationToken::new();
            let (count, registration) = counting(&token);
            drop(registration);
            let children: Vec<_> = (0..60).map(|_| token.child_token()).collect();
            let drops = Drops::new(60);
            for (i, child) in children.iter().enumerate() {
                let dropped = drops.value(i);
                child.on_cancel(move || drop(dropped));
            }
            thread::scope(|scope| {
                let mut children = children.into_iter();
                for _ in 0..3 {
                    let mine: Vec<_> = children.by_ref().take(20).collect();
                    scope.spawn(move || {
                        for (i, child) in mine.into_iter().enumerate() {
                            let leaf = child.child_token();
                            match i % 3 {
                                0 => drop(child),
                                1 => _ = child.cancel(),
                                _ => _ = child.is_cancelled(),
                            }
                            drop(leaf);
                        }
                    });
                }
                scope.spawn(|| assert!(token.cancel()));
            });
            assert_eq!((count.get(), drops.counts()), (1, vec![1; 60]));
        }
    });
}

// Callbacks (SF-CX-3, LV-CX-2).

#[test]
fn a_callback_runs_once_on_the_thread_that_cancels() {
    watched(|| {
        let root = CancellationToken::new();
        let token = root.child_token();
        let log = Log::new();
        for token in [&token, &token, &root] {
            let log = log.clone();
            token.on_cancel(move || log.note(thread::current().id()));
        }
        assert!(log.entries().is_empty());
        let canceller = thread::spawn(move || {
            assert!(root.cancel() && !root.cancel() && !token.cancel());
            let before = log.entries(); // the callbacks happen before `cancel` returns
            drop((root, token));
            (before, log.entries(), thread::current().id())
        });
        let (before, after, canceller) = canceller.join().unwrap();
        assert_eq!((before, after), (vec![canceller; 3], vec![canceller; 3]));
    });
}

#[test]
fn a_callback_of_a_cancelled_token_runs_at_once_and_here() {
    let token = CancellationToken::new();
    token.cancel();
    for token in [&token, &token.child_token(), &token.with_deadline(past())] {
        let (log, log_of_it) = (Log::new(), Log::new());
        let noted = log.clone();
        let registration = token.on_cancel(move || noted.note(thread::current().id()));
        log_of_it.note(thread::current().id());
        assert_eq!(log.entries(), log_of_it.entries());
        assert!(!registration.stop());
    }
}

#[test]
fn a_callback_runs_after_all_are_cancelled_and_woken() {
    watched(|| {
        let root = CancellationToken::new();
        let middle = root.child_token();
        let leaf = middle.with_timeout(LONG);
        let (wakes, waker) = Wakes::new();
        let mut futures = [root.cancelled(), middle.cancelled(), leaf.cancelled()];
        assert!(futures.iter_mut().all(|future| poll(future, &waker).is_pending()));
        let log = Log::new();
        for token in [&root, &middle, &leaf] {
            let (log, wakes) = (log.clone(), wakes.clone());
            let tokens = [root.clone(), middle.clone(), leaf.clone()];
            token.on_cancel(move || log.note((tokens.each_ref().map(CancellationToken::is_cancelled), wakes.count())));
        }
        assert!(root.cancel());
        assert_eq!(log.entries(), [([true; 3], 3); 3]);
    });
}

#[test]
fn a_stopped_callback_never_runs_and_one_that_has_run_cannot_be_stopped() {
    let token = CancellationToken::new();
    let drops = Drops::new(2);
    let [stopped, ran] = [0, 1].map(|i| {
        let value = drops.value(i);
        token.on_cancel(move || {
            assert_eq!(value.number, 1, "it was stopped");
            drop(value);
        })
    });
    assert!(stopped.stop());
    assert_eq!(drops.counts(), [1, 0]);
    assert!(token.cancel());
    assert_eq!(drops.counts(), [1, 1]);
    assert!(!ran.stop());
}

#[test]
fn places_are_used_again_for_whoever_comes() {
    let token = CancellationToken::new();
    let (counts, registrations): (Vec<_>, Vec<_>) = (0..100).map(|_| counting(&token)).unzip();
    let mut registrations: Vec<_> = registrations.into_iter().map(Some).collect();
    let (mut later, mut children) = (Vec::new(), Vec::new());
    for i in [5, 3, 98, 99, 0, 50] {
        assert!(registrations[i].take().unwrap().stop());
        children.push(token.child_token());
        drop(token.child_token());
        later.push(counting(&token));
    }
    assert!(later.pop().unwrap().1.stop());
    assert!(token.cancel());
    for (i, (count, registration)) in counts.iter().zip(registrations).enumerate() {
        assert_eq!(count.get(), usize::from(registration.is_some()), "{i}");
        assert!(registration.is_none_or(|registration| !registration.stop()));
    }
    assert!(later.into_iter().all(|(count, registration)| count.get() == 1 && !registration.stop()));
    assert!(children.iter().all(CancellationToken::is_cancelled));
}

#[test]
fn a_dropped_registration_leaves_the_callback() {
    let token = CancellationToken::new();
    let (count, registration) = counting(&token);
    drop(registration);
    assert!(token.cancel());
    assert_eq!(count.get(), 1);
}

/// As with Go's `context.AfterFunc`.
#[test]
fn a_callback_runs_though_nobody_holds_its_token() {
    let root = CancellationToken::new();
    let (drops, log) = (Drops::new(4), Log::new());
    let callback = |number| {
        let (value, log) = (drops.value(number), log.clone());
        move || {
            log.note(value.number);
            drop(value);
        }
    };
    root.on_cancel(callback(0));
    root.child_token().on_cancel(callback(1));
    // Parents that the last one alone has kept.
    root.child_token().child_token().child_token().on_cancel(callback(2));
    root.child_token().with_timeout(LONG).on_cancel(callback(3));
    assert_eq!(drops.counts(), [0; 4]);
    assert!(root.cancel());
    let mut ran = log.entries();
    ran.sort_unstable();
    assert_eq!((ran, drops.counts()), (vec![0, 1, 2, 3], vec![1; 4]));
}

/// Nor does it when it is stopped: that leaves nothing behind.
#[test]
fn a_registration_can_stop_the_callback_of_a_token_that_nobody_holds() {
    let root = CancellationToken::new();
    let drops = Drops::new(2);
    for (number, token) in [root.child_token(), root.with_timeout(LONG)].into_iter().enumerate() {
        let value = drops.value(number);
        let registration = token.on_cancel(move || panic!("{value:?} ran"));
        drop(token);
        assert!(registration.stop());
    }
    assert_eq!(drops.counts(), [1, 1]);
    assert!(root.cancel());
}

#[test]
fn a_callback_is_dropped_unrun_when_nobody_can_cancel_any_more() {
    let drops = Drops::new(2);
    let root = CancellationToken::new();
    for (number, token) in [root.child_token(), root.clone()].into_iter().enumerate() {
        let value = drops.value(number);
        token.on_cancel(move || panic!("{value:?} ran"));
    }
    assert_eq!(drops.counts(), [0, 0]);
    drop(root);
    assert_eq!(drops.counts(), [1, 1]);
    // Its children, its receivers and its registrations know it, too.
    let token = CancellationToken::new();
    let drops = Drops::new(2);
    let [registration, _] = [0, 1].map(|i| {
        let value = drops.value(i);
        token.on_cancel(move || panic!("{value:?} ran"))
    });
    let rest = (token.child_token(), token.done());
    drop(token);
    assert!(registration.stop());
    assert_eq!(drops.counts()[0], 1);
    drop(rest);
    assert_eq!(drops.counts(), [1, 1]);
}

#[test]
fn a_callback_that_owns_its_token_keeps_it_until_it_has_run() {
    let root = CancellationToken::new();
    let child = root.child_token();
    let drops = Drops::new(1);
    let (value, own, log) = (drops.value(0), child.clone(), Log::new());
    let noted = log.clone();
    child.on_cancel(move || {
        noted.note((value.number, own.is_cancelled()));
        drop(value);
    });
    drop(child);
    assert_eq!(drops.counts(), [0]);
    assert!(root.cancel());
    assert_eq!((log.entries(), drops.counts()), (vec![(0, true)], vec![1]));
}

#[test]
fn a_callback_may_do_anything_with_tokens() {
    watched(|| {
        let log = Log::new();
        let (parent, other) = (CancellationToken::new(), CancellationToken::new());
        let token = parent.child_token();
        let last = Mutex::new(Some(CancellationToken::new()));
        let (own, above, others, noted) = (token.clone(), parent.clone(), other.clone(), log.clone());
        token.on_cancel(move || {
            noted.note(("own", own.cancel()));
            noted.note(("parent's", above.cancel_with("from below")));
            noted.note(("another's", others.cancel()));
            let (nested, counts) = (noted.clone(), own.child_token());
            own.on_cancel(move || nested.note(("nested", true)));
            noted.note(("child's", counts.is_cancelled() && own.with_timeout(LONG).is_cancelled()));
            own.wait();
            noted.note(("waits", own.wait_timeout(LONG) && peek(&mut own.cancelled()).is_ready()));
            drop(last.lock().unwrap().take()); // the last handle of one
            drop((own, above)); // and of its own
            noted.note(("guards", !others.clone().drop_guard().disarm().cancel()));
        });
        parent.on_cancel({
            let log = log.clone();
            move || log.note(("from below", true))
        });
        assert!(token.cancel());
        assert_eq!(
            log.entries(),
            [
                ("own", false),
                ("from below", true),
                ("parent's", true),
                ("another's", true),
                ("nested", true),
                ("child's", true),
                ("waits", true),
                ("guards", true),
            ]
        );
        assert_eq!((says(&parent), says(&token)), ("from below".into(), "cancelled".into()));
    });
}

/// Of two that stop each other, each runs or is stopped.
#[test]
fn a_callback_may_stop_another() {
    let token = CancellationToken::new();
    let registrations: Arc<[Mutex<Option<Registration>>; 2]> = Arc::default();
    let (ran, stopped) = ([Count::default(), Count::default()], [Count::default(), Count::default()]);
    for i in 0..2 {
        let (ran, stopped, others) = (ran[i].clone(), stopped[1 - i].clone(), registrations.clone());
        let registration = token.on_cancel(move || {
            ran.one();
            let other = others[1 - i].lock().unwrap().take();
            if other.is_some_and(Registration::stop) {
                stopped.one();
            }
        });
        *registrations[i].lock().unwrap() = Some(registration);
    }
    assert!(token.cancel());
    for (ran, stopped) in ran.iter().zip(&stopped) {
        assert_eq!(ran.get() + stopped.get(), 1);
    }
}

#[test]
fn a_callback_runs_under_no_lock() {
    watched(|| {
        let root = CancellationToken::new();
        let token = root.child_token();
        let (own, above) = (token.clone(), root.clone());
        let (count, _registration) = counting(&token);
        token.on_cancel(move || {
            // On another thread, so that no lock of this one would be its own.
            let worker = thread::spawn(move || {
                for token in [own, above] {
                    assert!(token.is_cancelled() && token.check().is_err() && !token.cancel());
                    assert!(token.child_token().is_cancelled() && counting(&token).0.get() == 1);
                    token.wait();
                    assert!(block_on(token.done().recv_async()).is_err());
                }
            });
            worker.join().unwrap();
        });
        assert!(root.cancel());
        assert_eq!(count.get(), 1);
    });
}

#[test]
fn nobody_waits_for_a_callback_of_another_thread() {
    watched(|| {
        let token = CancellationToken::new();
        let ((started, start), (finish, finished)) = (mpsc::channel(), mpsc::channel::<()>());
        let registration = token.on_cancel(move || {
            started.send(()).unwrap();
            finished.recv().unwrap();
        });
        let canceller = {
            let token = token.clone();
            thread::spawn(move || token.cancel())
        };
        start.recv().unwrap();
        // It is running; none of these waits for it.
        assert!(!token.cancel() && !registration.stop());
        assert!(token.is_cancelled() && token.child_token().is_cancelled());
        assert_eq!(counting(&token).0.get(), 1);
        drop(token);
        assert!(!canceller.is_finished()); // but the one that runs it does
        finish.send(()).unwrap();
        assert!(canceller.join().unwrap());
    });
}

#[test]
fn a_callback_runs_or_is_stopped() {
    watched(|| {
        let mut rng = Rng::with_seed(4);
        let mut outcomes = [0; 2];
        for _ in 0..1000 {
            let root = CancellationToken::new();
            let token = root.child_token();
            let (drops, ran) = (Drops::new(1), Count::default());
            let (value, runs) = (drops.value(0), ran.clone());
            let registration = token.on_cancel(move || {
                runs.one();
                drop(value);
            });
            let start = Barrier::new(2);
            let (early, late) = (rng.u32(..200), rng.u32(..200));
            let stopped = thread::scope(|scope| {
                let stops = scope.spawn(|| {
                    start.wait();
                    (0..early).for_each(|_| std::hint::spin_loop());
                    registration.stop()
                });
                start.wait();
                (0..late).for_each(|_| std::hint::spin_loop());
                assert!(root.cancel());
                stops.join().unwrap()
            });
            assert_eq!((ran.get(), drops.counts()[0]), (usize::from(!stopped), 1), "SF-CX-3");
            outcomes[ran.get()] += 1;
        }
        println!("{} stopped, {} run", outcomes[0], outcomes[1]);
    });
}

#[test]
fn a_callback_registered_during_a_cancel_runs() {
    watched(|| {
        for round in 0..500 {
            let token =
                if round % 2 == 0 { CancellationToken::new() } else { CancellationToken::new().with_timeout(LONG) };
            let start = Barrier::new(3);
            let counts = thread::scope(|scope| {
                let registers = [(); 2].map(|()| {
                    scope.spawn(|| {
                        start.wait();
                        (0..20).map(|_| counting(&token).0).collect::<Vec<_>>()
                    })
                });
                start.wait();
                assert!(token.cancel());
                registers.map(|register| register.join().unwrap())
            });
            assert!(counts.iter().flatten().all(|count| count.get() == 1), "LV-CX-2");
        }
    });
}

// Panics (LV-CX-2).

/// A tree in which somebody waits in every way, to see that nobody is forgotten.
struct Witnesses {
    root: CancellationToken,
    child: CancellationToken,
    waits: Vec<thread::JoinHandle<()>>,
    callbacks: Vec<Count>,
}

impl Witnesses {
    fn new() -> Self {
        let root = CancellationToken::new();
        let child = root.child_token();
        let waits = [&root, &child, &child.child_token()]
            .map(|token| {
                let token = token.clone();
                blocked(move || token.wait())
            })
            .into();
        let mut witnesses = Self { root, child, waits, callbacks: Vec::new() };
        witnesses.callbacks();
        witnesses
    }

    /// More callbacks, in each place.
    fn callbacks(&mut self) {
        let leaf = self.child.child_token();
        self.callbacks.extend([&self.root, &self.child, &leaf].map(|token| counting(token).0));
        self.child.on_cancel(move || assert!(leaf.is_cancelled())); // keeps it
    }

    /// After a cancel that panicked.
    fn have_seen_everything(self) {
        assert!(self.root.is_cancelled() && self.child.is_cancelled());
        assert!(self.callbacks.iter().all(|count| count.get() == 1), "{:?}", self.callbacks);
        self.waits.into_iter().for_each(|wait| wait.join().unwrap());
        assert!(!self.root.cancel() && !self.child.cancel()); // and nothing is left to panic
    }
}

#[test]
fn a_callback_that_panics_keeps_nothing_else_from_its_end() {
    for of_child in [false, true] {
        watched(move || {
            let mut witnesses = Witnesses::new();
            let token = if of_child { &witnesses.child } else { &witnesses.root };
            token.on_cancel(|| hostile("in a callback"));
            witnesses.callbacks();
            assert_eq!(panics(|| witnesses.root.cancel()), "in a callback");
            witnesses.have_seen_everything();
        });
    }
}

#[test]
fn of_several_panics_the_first_comes_out() {
    watched(|| {
        let mut witnesses = Witnesses::new();
        let log = Log::new();
        let words = ["one", "two", "three"];
        for (words, token) in words.into_iter().zip([&witnesses.root, &witnesses.child, &witnesses.root]) {
            let log = log.clone();
            token.on_cancel(move || {
                log.note(words);
                hostile(words);
            });
        }
        witnesses.callbacks();
        let first = panics(|| witnesses.root.cancel());
        let mut ran = log.entries();
        assert_eq!(first, ran[0]);
        ran.sort();
        assert_eq!(ran, ["one", "three", "two"]);
        witnesses.have_seen_everything();
    });
}

#[test]
fn a_waker_that_panics_keeps_nothing_else_from_its_end() {
    for of_child in [false, true] {
        watched(move || {
            let witnesses = Witnesses::new();
            let (root, child) = (witnesses.root.clone(), witnesses.child.clone());
            let (wakes, waker) = Wakes::new();
            let mut before = [root.cancelled(), child.cancelled()];
            assert!(before.iter_mut().all(|future| poll(future, &waker).is_pending()));
            let mut bad = if of_child { child.cancelled() } else { root.cancelled() };
            assert!(poll(&mut bad, &hostile_waker("in a waker")).is_pending());
            let mut after = [root.cancelled(), child.cancelled()];
            assert!(after.iter_mut().all(|future| poll(future, &waker).is_pending()));
            assert_eq!(panics(|| root.cancel()), "in a waker");
            assert_eq!(wakes.count(), 4, "LV-CX-1");
            assert!(before.iter_mut().chain([&mut bad]).chain(&mut after).all(|future| peek(future).is_ready()));
            witnesses.have_seen_everything();
        });
    }
}

#[test]
fn wakers_and_callbacks_may_panic_all_over_the_tree() {
    watched(|| {
        let mut witnesses = Witnesses::new();
        let (root, child) = (witnesses.root.clone(), witnesses.child.clone());
        let mut futures = [root.cancelled(), child.cancelled()];
        assert!(poll(&mut futures[0], &hostile_waker("the root's waker")).is_pending());
        assert!(poll(&mut futures[1], &hostile_waker("the child's waker")).is_pending());
        child.on_cancel(|| hostile("a callback"));
        witnesses.callbacks();
        assert_eq!(panics(|| root.cancel()), "the root's waker"); // the first to be woken
        assert!(futures.iter_mut().all(|future| peek(future).is_ready()));
        witnesses.have_seen_everything();
    });
}

/// What a panic throws that panics again when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        if !thread::panicking() {
            hostile("in the drop of a panic");
        }
    }
}

#[test]
fn a_panic_whose_drop_panics_keeps_no_callback_from_running() {
    let token = CancellationToken::new();
    token.on_cancel(|| hostile("the first"));
    token.on_cancel(|| panic_any(Grenade));
    let (count, _registration) = counting(&token);
    let _ = catch_unwind(AssertUnwindSafe(|| token.cancel())).map_err(mem::forget);
    assert_eq!(count.get(), 1, "LV-CX-2");
}

#[test]
fn a_callback_that_panics_at_once_panics_here() {
    let token = CancellationToken::new();
    token.cancel();
    assert_eq!(panics(|| token.on_cancel(|| hostile("at once"))), "at once");
    assert_eq!(counting(&token).0.get(), 1);
}

#[test]
fn a_callback_whose_drop_panics_leaves_its_token_usable() {
    let hostile_drop = || OnDrop::new(|| hostile("in a drop"));
    let token = CancellationToken::new();
    let (value, (count, _registration)) = (hostile_drop(), counting(&token));
    let registration = token.on_cancel(move || drop(value));
    assert_eq!(panics(|| registration.stop()), "in a drop");
    let (value, root) = (hostile_drop(), CancellationToken::new());
    root.on_cancel(move || drop(value));
    assert_eq!(panics(|| drop(root)), "in a drop"); // with its last handle
    assert!(token.cancel());
    assert_eq!(count.get(), 1);
}

/// A token whose deadline has passed while a hostile task and another one waited, and nobody has looked since.
fn expired_with_tasks(token: &CancellationToken) -> Option<([CancelledFuture<'_>; 2], Arc<Wakes>)> {
    let (wakes, waker) = Wakes::new();
    let mut futures = [token.cancelled(), token.cancelled()];
    let in_time =
        poll(&mut futures[0], &hostile_waker("in a waker")).is_pending() && poll(&mut futures[1], &waker).is_pending();
    sleep_until(token.deadline().unwrap());
    alarms_are_over();
    until(|| wakes.count() == 1); // by the clock
    in_time.then_some((futures, wakes))
}

#[test]
fn a_look_that_finds_the_deadline_runs_no_waker() {
    watched(|| {
        for look in LOOKS {
            until(|| {
                let token = CancellationToken::new().with_timeout(SHORT);
                let Some((mut futures, wakes)) = expired_with_tasks(&token) else { return false };
                assert_eq!(wakes.count(), 1);
                assert!(look(&token)); // or it would panic
                assert!(futures.iter_mut().all(|future| peek(future).is_ready()));
                assert_eq!((wakes.count(), says(&token)), (1, "deadline exceeded".into()));
                true
            });
        }
    });
}

#[test]
fn a_waker_that_panics_at_the_deadline_keeps_no_callback_from_running() {
    watched(|| {
        until(|| {
            let token = CancellationToken::new().with_timeout(SHORT);
            let (count, _registration) = counting(&token);
            let Some((mut futures, wakes)) = expired_with_tasks(&token) else { return false };
            assert!(count.get() == 1 && wakes.count() > 0);
            assert!(futures.iter_mut().all(|future| peek(future).is_ready()));
            true
        });
    });
}

// Callbacks at a deadline: on a thread of the crate's.

#[test]
fn a_deadlines_callbacks_run_once_on_the_crates_thread_and_never_early() {
    watched(|| {
        until(|| {
            let deadline = Instant::now() + SHORT;
            let token = CancellationToken::new().with_deadline(deadline);
            let log = Log::new();
            let tokens = [token.clone(), token.clone(), token.child_token(), token.with_timeout(LONG)];
            for token in &tokens {
                let (log, own) = (log.clone(), token.clone());
                token.on_cancel(move || log.note((here(), own.is_cancelled(), Instant::now() >= deadline)));
            }
            if !log.entries().is_empty() {
                return false; // a busy machine: one came too late, and ran at once
            }
            until(|| log.entries().len() == tokens.len());
            assert_eq!(log.entries(), vec![("hence-alarm".into(), true, true); tokens.len()]);
            assert!(!token.cancel());
            alarms_are_over();
            assert_eq!(log.entries().len(), tokens.len());
            true
        });
    });
}

#[test]
fn a_callback_stopped_before_the_deadline_does_not_run() {
    watched(|| {
        until(|| {
            let token = CancellationToken::new().with_timeout(SHORT);
            let ((count, registration), drops) = (counting(&token), Drops::new(1));
            let value = drops.value(0);
            let other = token.on_cancel(move || drop(value));
            let stopped = [registration.stop(), other.stop()];
            assert!(!stopped[1] || drops.counts() == [1]);
            sleep_until(token.deadline().unwrap());
            alarms_are_over();
            until(|| (count.get(), drops.counts()) == (usize::from(!stopped[0]), vec![1]));
            stopped == [true; 2]
        });
    });
}

#[test]
fn a_callback_of_a_token_dropped_before_the_deadline_runs() {
    watched(|| {
        let token = CancellationToken::new().with_timeout(SHORT).child_token();
        let (drops, (count, registration)) = (Drops::new(1), counting(&token));
        let value = drops.value(0);
        token.on_cancel(move || drop(value));
        drop((registration, token));
        until(|| count.get() == 1 && drops.counts() == [1]);
    });
}

#[test]
fn a_cancel_before_the_deadline_runs_the_callbacks_here_and_the_deadline_does_not() {
    watched(|| {
        until(|| {
            let token = CancellationToken::new().with_timeout(SHORT);
            let (log, child) = (Log::new(), token.child_token());
            for token in [&token, &child] {
                let log = log.clone();
                token.on_cancel(move || log.note(here()));
            }
            let in_time = token.cancel() && says(&child) == "cancelled";
            assert!(!in_time || log.entries() == [here(), here()]);
            sleep_until(token.deadline().unwrap());
            alarms_are_over();
            assert_eq!(log.entries().len(), 2);
            in_time
        });
    });
}

#[test]
fn a_look_at_the_deadline_leaves_the_callbacks_to_the_crates_thread() {
    watched(|| {
        until(|| {
            let token = CancellationToken::new().with_timeout(SHORT);
            let log = Log::new();
            let noted = log.clone();
            token.on_cancel(move || noted.note(here()));
            if !log.entries().is_empty() {
                return false;
            }
            until(|| token.is_cancelled());
            assert!(!token.cancel());
            until(|| log.entries().len() == 1);
            assert_eq!(log.entries(), ["hence-alarm"]);
            true
        });
    });
}

/// Nor does one that waits for time itself.
#[test]
fn a_callback_at_a_deadline_that_waits_stops_no_other_timer() {
    watched(|| {
        let (go, count) = (CancellationToken::new(), Count::default());
        let short = || CancellationToken::new().with_timeout(SHORT);
        for _ in 0..3 {
            let (go, counts) = (go.clone(), count.clone());
            short().on_cancel(move || {
                block_on(short().cancelled());
                counts.one();
                go.wait();
            });
        }
        block_on(short().cancelled());
        until(|| count.get() == 3); // all three at once
        block_on(short().cancelled());
        let (other, _registration) = counting(&short());
        until(|| other.get() == 1);
        go.cancel();
    });
}

#[test]
fn deadlines_in_any_order() {
    watched(|| {
        let (mut rng, log) = (Rng::with_seed(5), Log::new());
        let tokens: Vec<_> = (0..200)
            .map(|i| {
                let deadline = Instant::now() + Duration::from_micros(rng.u64(..20_000));
                let token = CancellationToken::new().with_deadline(deadline);
                let log = log.clone();
                token.on_cancel(move || log.note((i, Instant::now() >= deadline)));
                token
            })
            .collect();
        until(|| log.entries().len() == tokens.len());
        let mut entries = log.entries();
        entries.sort();
        assert!(entries.into_iter().eq((0..200).map(|i| (i, true))));
    });
}

#[test]
fn a_callback_at_a_deadline_may_wait_for_another() {
    watched(|| {
        /// Has a callback register the next one.
        fn next(left: u32, log: Log<u32>) {
            let token = CancellationToken::new().with_timeout(Duration::from_millis(1));
            let own = token.clone();
            token.on_cancel(move || {
                assert!(own.is_cancelled());
                log.note(left);
                if left > 0 {
                    next(left - 1, log);
                }
            });
        }
        let log = Log::new();
        next(5, log.clone());
        until(|| log.entries().len() == 6);
        assert_eq!(log.entries(), [5, 4, 3, 2, 1, 0]);
    });
}

#[test]
fn a_panic_at_a_deadline_stops_no_other() {
    watched(|| {
        let log = Log::new();
        let mut tokens = Vec::new();
        for i in 0..10 {
            let token = CancellationToken::new().with_timeout(SHORT);
            for hostile_one in [false, true, false] {
                let log = log.clone();
                // At once on a busy machine: then it panics here.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    token.on_cancel(move || {
                        log.note(i);
                        if hostile_one {
                            hostile("at the deadline");
                        }
                    })
                }));
            }
            tokens.push(token);
        }
        until(|| log.entries().len() == 30);
        alarms_are_over();
    });
}

#[test]
fn a_panic_at_a_deadline_whose_drop_panics_stops_no_other() {
    watched(|| {
        let token = CancellationToken::new().with_timeout(SHORT);
        let _ = catch_unwind(AssertUnwindSafe(|| token.on_cancel(|| panic_any(Grenade)))).map_err(mem::forget);
        thread::sleep(2 * SHORT);
        alarms_are_over();
    });
}

// Guards.

#[test]
fn a_guard_cancels_when_it_is_dropped() {
    let root = CancellationToken::new();
    let token = root.child_token();
    let (child, guard) = (token.child_token(), token.clone().drop_guard());
    assert_eq!(format!("{guard:?}"), "DropGuard { token: Some(CancellationToken { is_cancelled: false }) }");
    assert!(!token.is_cancelled());
    drop(guard);
    assert!(token.is_cancelled() && child.is_cancelled() && !root.is_cancelled());
    assert!(matches!(token.cause(), Some(Cause::Cancelled)));
    drop(token.drop_guard()); // a second time it does nothing
}

#[test]
fn a_guard_cancels_when_its_thread_panics() {
    watched(|| {
        let token = CancellationToken::new();
        let guard = token.clone().drop_guard();
        let worker = thread::spawn(move || {
            let _guard = guard;
            hostile("the worker's own");
        });
        token.wait();
        assert!(worker.join().is_err());
    });
}

#[test]
fn a_disarmed_guard_cancels_nothing() {
    let token = CancellationToken::new();
    let back = token.clone().drop_guard().disarm();
    assert!(!token.is_cancelled() && back.done().same_channel(&token.done()));
    drop(back);
    assert!(!token.is_cancelled());
}

#[test]
fn a_guard_panics_as_its_cancel_does() {
    let token = CancellationToken::new();
    token.on_cancel(|| hostile("in a callback"));
    let guard = token.clone().drop_guard();
    assert_eq!(panics(|| drop(guard)), "in a callback");
    assert!(token.is_cancelled());
}

// Operations that a token can end (SF-CX-5).

/// One channel of each kind.
fn every_kind<T>() -> [(Sender<T>, Receiver<T>); 4] {
    [bounded(0), bounded(1), bounded(3), unbounded()]
}

/// Tokens that are not going to end.
fn live() -> [CancellationToken; 3] {
    let token = CancellationToken::new();
    [token.child_token(), token.with_timeout(LONG), token]
}

/// Tokens that have ended, each in a way of its own.
fn dead() -> [CancellationToken; 4] {
    let (root, token) = (CancellationToken::new(), CancellationToken::new());
    let child = token.child_token();
    token.cancel_with("why");
    [root.with_deadline(past()), token.child_token(), child, token]
}

#[test]
fn what_need_not_wait_is_done() {
    watched(|| {
        for token in live() {
            for (sender, receiver) in every_kind() {
                // To a receiver that waits, and from a sender that does.
                let mut partner = receiver.recv_async();
                assert!(peek(&mut partner).is_pending());
                assert_eq!(sender.send_or_cancelled(1, &token), Ok(()));
                assert_eq!(peek(&mut partner), Ok(1).into());
                drop(partner);
                let room = sender.capacity().unwrap_or(5);
                (0..room).for_each(|i| assert_eq!(sender.send_or_cancelled(i, &token), Ok(())));
                let mut partner = sender.send_async(room);
                let _ = peek(&mut partner);
                (0..=room).for_each(|i| assert_eq!(receiver.recv_or_cancelled(&token), Ok(i)));
                assert!(receiver.is_empty());
                // What was sent before a close is received after it.
                let left = sender.try_send(9).is_ok();
                sender.close();
                assert_eq!(sender.send_or_cancelled(7, &token), Err(SendOrCancelledError::Disconnected(7)));
                assert!(!left || receiver.recv_or_cancelled(&token) == Ok(9));
                assert_eq!(receiver.recv_or_cancelled(&token), Err(RecvOrCancelledError::Disconnected));
                drop(receiver);
                assert_eq!(sender.send_or_cancelled(8, &token), Err(SendOrCancelledError::Disconnected(8)));
            }
            let group = WaitGroup::new();
            assert!(group.wait_or_cancelled(&token).is_ok());
            drop(group.guard());
            assert!(group.wait_or_cancelled(&token).is_ok());
        }
    });
}

#[test]
fn a_token_that_is_cancelled_already_comes_first() {
    watched(|| {
        for token in dead() {
            for (sender, receiver) in every_kind() {
                let drops = Drops::new(3);
                // A partner waits, or there is room.
                let mut partner = receiver.recv_async();
                assert!(peek(&mut partner).is_pending());
                let Err(SendOrCancelledError::Cancelled(back)) = sender.send_or_cancelled(drops.value(0), &token)
                else {
                    panic!("sent all the same");
                };
                assert_eq!((back.number, drops.counts()), (0, vec![0; 3]));
                assert!(peek(&mut partner).is_pending() && receiver.is_empty());
                drop(partner);
                // A partner waits, or there is a value.
                let mut partner = sender.send_async(drops.value(1));
                let _ = peek(&mut partner);
                assert_eq!(receiver.recv_or_cancelled(&token).map(drop), Err(RecvOrCancelledError::Cancelled));
                assert_eq!(receiver.recv().map(|value| value.number), Ok(1));
                assert!(sender.capacity() != Some(0) || peek(&mut partner).is_ready());
                drop(partner);
                // Or there is nothing to wait for any more.
                sender.close();
                assert!(sender.send_or_cancelled(drops.value(2), &token).is_err_and(|error| error.is_cancelled()));
                assert_eq!(receiver.recv_or_cancelled(&token).map(drop), Err(RecvOrCancelledError::Cancelled));
                drop(back);
                assert_eq!(drops.counts(), [1; 3]);
            }
            let group = WaitGroup::new();
            assert_eq!(group.wait_or_cancelled(&token).unwrap_err().to_string(), says(&token));
            let _guard = group.guard();
            assert_eq!(group.wait_or_cancelled(&token).unwrap_err().to_string(), says(&token));
        }
    });
}

#[test]
fn what_waits_is_done_when_it_can_be() {
    watched(|| {
        for token in live() {
            for (sender, receiver) in every_kind() {
                let waits = {
                    let (receiver, token) = (receiver.clone(), token.clone());
                    blocked(move || receiver.recv_or_cancelled(&token))
                };
                sender.send(1).unwrap();
                assert_eq!(waits.join().unwrap(), Ok(1));
                if let Some(capacity) = sender.capacity() {
                    (0..capacity).for_each(|_| sender.send(0).unwrap());
                    let waits = {
                        let (sender, token) = (sender.clone(), token.clone());
                        blocked(move || sender.send_or_cancelled(2, &token))
                    };
                    assert_eq!(receiver.iter().find(|value| *value != 0), Some(2));
                    assert_eq!(waits.join().unwrap(), Ok(()));
                    // And if it never can be, that is said.
                    (0..capacity).for_each(|_| sender.send(0).unwrap());
                    let waits = {
                        let (sender, token) = (sender.clone(), token.clone());
                        blocked(move || sender.send_or_cancelled(3, &token))
                    };
                    receiver.close();
                    assert_eq!(waits.join().unwrap(), Err(SendOrCancelledError::Disconnected(3)));
                }
            }
            for (sender, receiver) in every_kind::<u8>() {
                let token = token.clone();
                let waits = blocked(move || receiver.recv_or_cancelled(&token));
                drop(sender);
                assert_eq!(waits.join().unwrap(), Err(RecvOrCancelledError::Disconnected));
            }
            let group = WaitGroup::new();
            let (guard, waiting) = (group.guard(), group.clone());
            let waits = {
                let token = token.clone();
                blocked(move || waiting.wait_or_cancelled(&token).is_ok())
            };
            drop(guard);
            assert!(waits.join().unwrap() && !token.is_cancelled());
        }
    });
}

/// How a token comes to its end while somebody waits.
const ENDS: [fn(&CancellationToken, &CancellationToken); 3] = [
    |_, token| assert!(token.cancel_with("enough")),
    |root, _| assert!(root.cancel_with("enough")),
    |_, token| sleep_until(token.deadline().unwrap()),
];

/// A token for each of `ENDS`.
fn ending() -> impl Iterator<Item = (impl FnOnce(), CancellationToken, &'static str)> {
    ENDS.into_iter().enumerate().map(|(i, end)| {
        let root = CancellationToken::new();
        let token = if i == 2 { root.with_timeout(8 * SHORT) } else { root.child_token() };
        let ended = token.clone();
        (move || end(&root, &ended), token, ["enough", "enough", "deadline exceeded"][i])
    })
}

#[test]
fn a_send_that_is_ended_hands_its_value_back_and_leaves_no_trace() {
    watched(|| {
        for capacity in [0, 1, 3] {
            for (end, token, text) in ending() {
                let drops = Drops::new(2);
                let (sender, receiver) = bounded(capacity);
                (0..capacity).for_each(|_| sender.send(drops.value(0)).unwrap());
                let waits = {
                    let (sender, token, value) = (sender.clone(), token.clone(), drops.value(1));
                    blocked(move || sender.send_or_cancelled(value, &token))
                };
                end();
                let error = waits.join().unwrap().unwrap_err();
                assert!(error.is_cancelled() && !error.is_disconnected());
                assert_eq!((error.into_inner().number, says(&token).as_str()), (1, text));
                // Nothing of it comes, and there is as much room as before.
                assert_eq!(receiver.try_iter().map(|value| value.number).collect::<Vec<_>>(), vec![0; capacity]);
                assert_eq!(drops.counts(), [capacity, 1]);
                let sent = (0..=capacity).take_while(|_| sender.try_send(drops.value(0)).is_ok()).count();
                assert_eq!(sent, capacity);
            }
        }
    });
}

#[test]
fn a_receive_that_is_ended_takes_no_value_and_no_turn() {
    watched(|| {
        for (sender, receiver) in [bounded(0), bounded(1), bounded(3), unbounded()] {
            for (end, token, text) in ending() {
                let waits = {
                    let (receiver, token) = (receiver.clone(), token.clone());
                    blocked(move || receiver.recv_or_cancelled(&token))
                };
                let mut second = receiver.recv_async();
                assert!(peek(&mut second).is_pending());
                end();
                assert_eq!(waits.join().unwrap(), Err(RecvOrCancelledError::Cancelled));
                assert_eq!(says(&token), text);
                // Who stood behind is served.
                sender.try_send(1).unwrap();
                assert_eq!(peek(&mut second), Ok(1).into());
                drop(second);
                assert_eq!(sender.try_send(2).is_ok(), sender.capacity() != Some(0));
                assert_eq!(receiver.try_recv().ok(), (sender.capacity() != Some(0)).then_some(2));
            }
        }
    });
}

#[test]
fn a_wait_for_a_group_that_is_ended_strands_nobody() {
    watched(|| {
        for (end, token, text) in ending() {
            let group = WaitGroup::new();
            let guard = group.guard();
            let waits = {
                let (group, token) = (group.clone(), token.clone());
                blocked(move || group.wait_or_cancelled(&token))
            };
            let (patient, (wakes, waker)) = (group.clone(), Wakes::new());
            let patient = blocked(move || patient.wait());
            let mut task = group.wait_async();
            assert!(poll(&mut task, &waker).is_pending());
            end();
            let cancelled = waits.join().unwrap().unwrap_err();
            assert_eq!((cancelled.to_string().as_str(), says(&token).as_str()), (text, text));
            assert!(!patient.is_finished() && wakes.count() == 0);
            assert_eq!(group.count(), 1);
            drop(guard);
            patient.join().unwrap();
            assert!(wakes.count() == 1 && peek(&mut task).is_ready());
            // And again.
            let live = CancellationToken::new();
            assert!(group.wait_or_cancelled(&live).is_ok());
            let _guard = group.guard();
            assert!(group.wait_or_cancelled(&live.with_timeout(Duration::from_millis(1))).is_err());
        }
    });
}

/// An end that comes at the moment of a value: what a send says went in has come out, once.
#[test]
fn each_value_has_one_outcome() {
    watched(|| {
        const EACH: u64 = 1000;
        for capacity in [Some(0), Some(1), Some(3), None] {
            let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
            let root = CancellationToken::new();
            let (sent, received) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
            /// Ends about now.
            fn hurried(root: &CancellationToken, rng: &mut Rng) -> CancellationToken {
                root.with_timeout(Duration::from_micros(rng.u64(..40)))
            }
            thread::scope(|scope| {
                for me in 0..2 {
                    let (sender, sent, root) = (sender.clone(), &sent, &root);
                    scope.spawn(move || {
                        let (mut rng, mut mine) = (Rng::with_seed(me), Vec::new());
                        for value in me * EACH..(me + 1) * EACH {
                            match sender.send_or_cancelled(value, &hurried(root, &mut rng)) {
                                Ok(()) => mine.push(value),
                                Err(error) => assert_eq!(error, SendOrCancelledError::Cancelled(value)),
                            }
                        }
                        sent.lock().unwrap().extend(mine);
                    });
                    let (receiver, received) = (receiver.clone(), &received);
                    scope.spawn(move || {
                        let (mut rng, mut mine) = (Rng::with_seed(me + 7), Vec::new());
                        loop {
                            match receiver.recv_or_cancelled(&hurried(root, &mut rng)) {
                                Ok(value) => mine.push(value),
                                Err(RecvOrCancelledError::Cancelled) => {}
                                Err(RecvOrCancelledError::Disconnected) => break,
                            }
                        }
                        received.lock().unwrap().extend(mine);
                    });
                }
                drop(sender);
            });
            let (mut sent, mut received) = (sent.into_inner().unwrap(), received.into_inner().unwrap());
            sent.sort();
            received.sort();
            assert_eq!(sent, received);
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        }
    });
}

/// An end that comes at the moment of the last guard's drop.
#[test]
fn a_wait_for_a_group_has_one_outcome() {
    watched(|| {
        let mut rng = Rng::with_seed(6);
        for _ in 0..500 {
            let (group, token) = (WaitGroup::new(), CancellationToken::new());
            let guard = group.guard();
            let [drops_after, cancels_after] = [rng.u64(..60), rng.u64(..60)].map(Duration::from_micros);
            thread::scope(|scope| {
                let waits = scope.spawn(|| (group.wait_or_cancelled(&token).is_ok(), group.count()));
                let patient = scope.spawn(|| group.wait());
                scope.spawn(|| {
                    thread::sleep(cancels_after);
                    token.cancel();
                });
                thread::sleep(drops_after);
                drop(guard);
                let (done, count) = waits.join().unwrap();
                assert!(if done { count == 0 } else { token.is_cancelled() });
                patient.join().unwrap();
            });
        }
    });
}

#[test]
fn what_the_errors_say() {
    struct Plain(u8);
    let (cancelled, gone) = (SendOrCancelledError::Cancelled(Plain(1)), SendOrCancelledError::Disconnected(Plain(2)));
    assert_eq!((format!("{cancelled:?}"), format!("{gone:?}")), ("Cancelled(..)".into(), "Disconnected(..)".into()));
    assert_eq!(
        (cancelled.to_string().as_str(), gone.to_string().as_str()),
        ("cancelled while sending", "sending on a disconnected channel")
    );
    assert!(cancelled.is_cancelled() && !cancelled.is_disconnected());
    assert!(gone.is_disconnected() && !gone.is_cancelled());
    assert_eq!((cancelled.into_inner().0, gone.into_inner().0), (1, 2));
    let (cancelled, gone) = (RecvOrCancelledError::Cancelled, RecvOrCancelledError::Disconnected);
    assert_eq!((format!("{cancelled:?}"), format!("{gone:?}")), ("Cancelled".into(), "Disconnected".into()));
    assert_eq!(
        (cancelled.to_string().as_str(), gone.to_string().as_str()),
        ("cancelled while receiving", "receiving on an empty and disconnected channel")
    );
    assert!(cancelled.is_cancelled() && !cancelled.is_disconnected());
    assert!(gone.is_disconnected() && !gone.is_cancelled());
    // As any text, they can be padded.
    assert_eq!(format!("{:>10}|{:<10}", Cause::Cancelled, Cancelled(Cause::Cancelled)), " cancelled|cancelled ");
    assert_eq!(
        format!("{:?} {:?}", Cancelled(Cause::Cancelled), Cause::DeadlineExceeded),
        "Cancelled(Cancelled) DeadlineExceeded"
    );
    let any: [Box<dyn Error>; 3] =
        [Box::new(cancelled), Box::new(Cancelled(Cause::Cancelled)), Box::new(SendOrCancelledError::Cancelled(1))];
    assert!(any.iter().all(|error| error.source().is_none()));
}

// Deep, and wide.

/// Runs code where there is little room for recursion.
fn on_a_small_stack(code: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(64 << 10).spawn(code).unwrap().join().unwrap();
}

/// As many tokens, each the child of the one before.
fn line(length: usize) -> Vec<CancellationToken> {
    std::iter::successors(Some(CancellationToken::new()), |token| Some(token.child_token())).take(length).collect()
}

const DEEP: usize = 100_000;

#[test]
fn a_long_line_of_tokens_is_dropped_in_any_order() {
    watched(|| {
        on_a_small_stack(|| {
            line(DEEP).into_iter().for_each(drop); // the oldest first
            line(DEEP).into_iter().rev().for_each(drop);
            let mut shuffled = line(DEEP);
            Rng::with_seed(7).shuffle(&mut shuffled);
            shuffled.into_iter().for_each(drop);
            // The last one alone has kept the others.
            let last = line(DEEP).pop().unwrap();
            assert!(!last.is_cancelled());
            drop(last);
            let done = line(DEEP).pop().unwrap().done();
            assert_eq!(done.try_recv(), Err(TryRecvError::Empty));
            drop(done);
            let registration = line(DEEP).pop().unwrap().on_cancel(|| panic!("nobody cancels it"));
            drop(registration);
        });
    });
}

#[test]
fn a_long_line_of_tokens_is_cancelled_at_once() {
    watched(|| {
        on_a_small_stack(|| {
            let (ran, dropped) = (Count::default(), Drops::new(1));
            for reversed in [false, true] {
                let mut tokens = line(DEEP);
                let middle = DEEP / 2;
                for token in tokens.iter().step_by(100) {
                    let ran = ran.clone();
                    token.on_cancel(move || ran.one());
                }
                assert!(tokens[middle].cancel_with("half"));
                assert!(tokens.iter().enumerate().all(|(i, token)| token.is_cancelled() == (i >= middle)));
                assert!(tokens[0].cancel());
                assert_eq!((says(&tokens[middle - 1]), says(&tokens[DEEP - 1])), ("cancelled".into(), "half".into()));
                assert!(tokens.iter().all(CancellationToken::is_cancelled));
                if reversed {
                    tokens.reverse();
                }
                tokens.into_iter().for_each(drop);
            }
            assert_eq!(ran.get(), 2 * DEEP / 100);
            // Through those whom only the last one keeps; it is dropped by the callback, inside.
            let mut tokens = line(DEEP);
            let (last, first) = (tokens.pop().unwrap(), tokens.swap_remove(0));
            drop(tokens);
            let (value, own) = (dropped.value(0), last.clone());
            last.on_cancel(move || drop((own, value)));
            drop(last);
            assert_eq!(dropped.counts(), [0]);
            assert!(first.cancel());
            assert_eq!(dropped.counts(), [1]);
        });
    });
}

#[test]
fn a_million_children_are_cancelled_by_one_call() {
    watched(|| {
        let token = CancellationToken::new();
        let (count, begun) = (Count::default(), Instant::now());
        let children: Vec<_> = (0..1_000_000).map(|_| token.child_token()).collect();
        let counts = count.clone();
        children.last().unwrap().on_cancel(move || counts.one());
        let made = begun.elapsed();
        assert!(token.cancel());
        let cancelled = begun.elapsed() - made;
        assert!(children.iter().all(CancellationToken::is_cancelled) && count.get() == 1);
        drop(children);
        println!("made in {made:?}, cancelled in {cancelled:?}, dropped by {:?}", begun.elapsed());
    });
}

// What is printed.

#[test]
fn what_is_printed() {
    let token = CancellationToken::new();
    assert_eq!(format!("{token:?}"), "CancellationToken { is_cancelled: false }");
    assert_eq!(format!("{:?}", token.cancelled()), "CancelledFuture { .. }");
    assert_eq!(format!("{:?}", token.clone().cancelled_owned()), "CancelledFutureOwned { .. }");
    assert_eq!(format!("{:?}", token.on_cancel(|| ())), "Registration { .. }");
    token.cancel();
    assert_eq!(format!("{token:?}"), "CancellationToken { is_cancelled: true }");
    assert_eq!(format!("{:?}", token.on_cancel(|| ())), "Registration { .. }");
}
