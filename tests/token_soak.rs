//! Soak: tokens by the million, made, cancelled and dropped by four threads, in trees of any shape, with deadlines,
//! callbacks, and waits of every kind; and what they cost. Every callback is accounted for: run once or not at all,
//! dropped once; every token is cancelled by one call at most; and it ends with the memory that it began with.
//!
//! A run is made of rounds, each with trees, a channel and a wait group of its own. Threads hand tokens to each other
//! on a board. `cargo test` makes 20 000 tokens; the soak proper is
//!
//! ```console
//! $ HENCE_STRESS=10000000 cargo test --release --test token_soak -- --nocapture
//! $ RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=detect_leaks=1 HENCE_STRESS=10000000 \
//!     cargo test --release --target x86_64-unknown-linux-gnu --test token_soak -- --nocapture
//! ```
//!
//! the second with AddressSanitizer and LeakSanitizer, whose reports must be empty. There is one test, for it counts
//! what the whole process allocates.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::alloc::System;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use hence::WaitGroup;
use hence::cancel::{CancellationToken, Cause, Registration};
use hence::channel::{Receiver, RecvTimeoutError, Sender, bounded, select, unbounded};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use util::{block_on, operations, peek, stretches, watched};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Longer than the test takes.
const LONG: Duration = Duration::from_secs(100_000);

/// The bytes that are allocated now.
fn live() -> isize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

/// How often code allocates, and the bytes that it keeps.
fn allocations<R>(code: impl FnOnce() -> R) -> (R, usize, isize) {
    let (region, before) = (Region::new(ALLOCATOR), live());
    let result = code();
    let change = region.change();
    (result, change.allocations + change.reallocations, live() - before)
}

/// Waits until the crate's thread has been through all deadlines before this moment.
fn alarms_are_over() {
    let (token, (ring, rung)) = (CancellationToken::new().with_timeout(Duration::from_millis(1)), mpsc::channel());
    token.on_cancel(move || ring.send(()).unwrap());
    rung.recv().unwrap();
}

/// Whether there come to be no more live bytes than `before`: what a thread is just freeing is waited for.
fn comes_down_to(before: isize) -> bool {
    let begun = Instant::now();
    while live() > before && begun.elapsed() < Duration::from_secs(10) {
        alarms_are_over();
        thread::sleep(Duration::from_millis(10));
    }
    live() <= before
}

// What tokens cost.

/// Does something once, so that all is made that is made once, and then many times, which must leave nothing behind.
fn leaves_nothing(name: &str, times: u32, code: impl FnMut()) {
    leaves_less_than(1, name, times, code);
}

/// The same where another thread takes part: it may be in the middle of something.
fn leaves_no_trace(name: &str, times: u32, code: impl FnMut()) {
    const MOST_ON_THE_WAY: isize = 2000;
    assert!(times > 400); // five bytes each would be found
    leaves_less_than(MOST_ON_THE_WAY, name, times, code);
}

fn leaves_less_than(bytes: isize, name: &str, times: u32, mut code: impl FnMut()) {
    code();
    let (before, begun) = (live(), Instant::now());
    (0..times).for_each(|_| code());
    let each = begun.elapsed() / times;
    assert!(comes_down_to(before + bytes - 1), "{name}: {} bytes more", live() - before);
    println!("{name}, {times} times: {} bytes left, {each:?} each", live() - before);
}

/// Waits until no other thread allocates or frees: one that has just been started does.
fn nothing_moves() {
    let mut before = None;
    while before.replace(ALLOCATOR.stats()) != Some(ALLOCATOR.stats()) {
        thread::sleep(Duration::from_millis(10));
    }
}

fn costs() {
    alarms_are_over(); // there is a thread for them from now on
    nothing_moves();
    let (token, times, bytes) = allocations(CancellationToken::new);
    println!("a token: {times} allocation, {bytes} bytes");
    assert_eq!(times, 1);
    let first = token.child_token(); // makes room for some more
    let (child, times, bytes) = allocations(|| token.child_token());
    println!("a child, where its parent has room: {times} allocation, {bytes} bytes");
    assert_eq!(times, 1);
    let (timed, times, _) = allocations(|| token.with_timeout(LONG));
    assert_eq!(times, 1);
    let (_, times, bytes) = allocations(|| {
        let looks =
            [&token, &timed].map(|token| (token.is_cancelled(), token.check().is_ok(), token.cause().is_some()));
        assert_eq!(looks, [(false, true, false); 2]);
        drop((token.clone(), token.done(), token.cancelled(), token.clone().drop_guard().disarm()));
    });
    assert_eq!((times, bytes), (0, 0), "a look, or a handle");
    let (_, times, _) = allocations(|| child.cancel());
    assert_eq!(times, 0, "a cancel, where nobody waits");
    let (_, times, _) = allocations(|| !child.cancel() && child.is_cancelled() && child.check().is_err());
    assert_eq!(times, 0, "a look at a cancelled one, or a cancel that comes too late");
    let makes_room = token.on_cancel(|| ());
    let (registration, times, bytes) = allocations(|| token.on_cancel(|| ()));
    println!("a callback that owns nothing, where its token has room: {times} allocation, {bytes} bytes");
    assert_eq!(times, 1);
    assert!(registration.stop() && makes_room.stop());

    leaves_nothing("a child made and dropped", 1_000_000, || drop(token.child_token()));
    leaves_nothing("a child made and cancelled", 100_000, || assert!(token.with_timeout(LONG).cancel()));
    leaves_nothing("a callback registered and stopped", 100_000, || assert!(token.on_cancel(|| ()).stop()));
    leaves_nothing("a callback at a deadline", 100_000, || assert!(timed.on_cancel(|| ()).stop()));
    leaves_nothing("a task that waits in vain", 100_000, || assert!(peek(&mut timed.cancelled()).is_pending()));

    // Whoever stands in a token's line, and is served elsewhere or gives up, leaves it.
    let (done, group, (sender, receiver)) = (token.done(), WaitGroup::new(), bounded(0));
    thread::scope(|scope| {
        let (times, handle) = (2_000, sender.clone());
        scope.spawn(move || (0..=2 * times).for_each(|i| handle.send(i).unwrap()));
        receiver.recv().unwrap();
        leaves_no_trace("a receive that is not cancelled", times - 1, || {
            assert!(receiver.recv_or_cancelled(&token).is_ok());
            select! { recv(receiver) -> value => assert!(value.is_ok()), recv(done) -> _ => unreachable!() }
        });
    });
    thread::scope(|scope| {
        let (guards, to_drop) = bounded(0);
        scope.spawn(move || {
            for guard in to_drop {
                thread::sleep(Duration::from_micros(50)); // so that most often somebody waits
                drop(guard);
            }
        });
        leaves_no_trace("a wait that is not cancelled", 500, || {
            guards.send(group.guard()).unwrap();
            assert!(group.wait_or_cancelled(&token).is_ok() && group.wait_or_cancelled(&timed).is_ok());
        });
        drop(guards);
    });
    let guard = group.guard();
    leaves_nothing("waits that give up", 200, || {
        let wait = Duration::from_micros(50);
        assert!(!token.wait_timeout(wait) && !timed.wait_timeout(wait));
        assert_eq!(done.recv_timeout(wait), Err(RecvTimeoutError::Timeout));
        assert!(select! { recv(done) -> _ => false, default(wait) => true });
        assert!(operations![recv done].ready_timeout(wait).is_err());
        assert!(sender.send_or_cancelled(1, &token.with_timeout(wait)).is_err());
        assert!(receiver.recv_or_cancelled(&token.with_timeout(wait)).is_err());
        assert!(group.wait_or_cancelled(&token.with_timeout(wait)).is_err() && !group.wait_timeout(wait));
    });
    drop((guard, first, child, timed));

    // A thousand at a time, and then none: what the parent kept for them is freed.
    let before = live();
    for reversed in [true, false] {
        let mut children: Vec<_> = (0..1000).map(|_| token.child_token()).collect();
        let callbacks: Vec<_> = (0..1000).map(|_| token.on_cancel(|| ())).collect();
        if reversed {
            children.reverse();
        }
        drop(children);
        assert!(live() > before);
        assert!(callbacks.into_iter().all(Registration::stop));
    }
    assert!(comes_down_to(before), "{} bytes more", live() - before);
}

// The soak.

/// The most tokens, and the most callbacks, that one thread makes in a round.
const MOST: usize = 2048;
const THREADS: usize = 4;

/// What has become of the tokens and callbacks of a round, by their numbers; thread `i` makes those from `i * MOST`.
struct Facts {
    /// How often a call of `cancel` has returned true.
    won: Vec<AtomicU8>,
    run: Vec<AtomicU8>,
    dropped: Vec<AtomicU8>,
}

/// What a callback owns: on the heap, so that a leak or a second drop is a sanitizer's business, too.
struct Call {
    facts: Arc<Facts>,
    number: Box<usize>,
}

impl Call {
    fn runs(self) {
        self.facts.run[*self.number].fetch_add(1, Relaxed);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.facts.dropped[*self.number].fetch_add(1, Relaxed);
    }
}

/// A token, and where it stands.
#[derive(Clone)]
struct Token {
    token: CancellationToken,
    number: usize,
    /// Its parent's number.
    parent: Option<usize>,
}

impl Token {
    fn cancel(&self, facts: &Facts, with_error: bool) -> bool {
        let won = if with_error { self.token.cancel_with(self.number.to_string()) } else { self.token.cancel() };
        assert!(self.token.is_cancelled(), "SF-CX-1");
        if won {
            assert_eq!(facts.won[self.number].fetch_add(1, Relaxed), 0, "SF-CX-1: cancelled twice");
            assert!(!matches!(self.token.cause(), Some(Cause::DeadlineExceeded)), "SF-CX-1: after its deadline");
        }
        won
    }
}

/// What the threads of a round share.
struct Round {
    facts: Arc<Facts>,
    /// Ended when the threads are through.
    root: Token,
    board: [Mutex<Option<Token>>; 8],
    channel: (Sender<u64>, Receiver<u64>),
    group: WaitGroup,
}

/// What a thread, or all of them, have done.
#[derive(Clone, Debug, Default)]
struct Tally {
    tokens: u64,
    timed: u64,
    callbacks: u64,
    cancelled: u64,
    refused: u64,
    stopped: u64,
    too_late: u64,
    waits: u64,
    ended: u64,
    handed_on: u64,
    run: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.tokens += other.tokens;
        self.timed += other.timed;
        self.callbacks += other.callbacks;
        self.cancelled += other.cancelled;
        self.refused += other.refused;
        self.stopped += other.stopped;
        self.too_late += other.too_late;
        self.waits += other.waits;
        self.ended += other.ended;
        self.handed_on += other.handed_on;
        self.run += other.run;
    }
}

/// What `stop` has said of a callback.
#[derive(Clone, Copy, PartialEq)]
enum Stop {
    NotAsked,
    Stopped,
    TooLate,
}

struct Worker<'a> {
    me: usize,
    rng: Rng,
    round: &'a Round,
    quota: u64,
    tokens: Vec<Token>,
    /// Ended when the threads are through: callbacks of their descendants, which nobody holds, own tokens of the same tree,
    /// or have a deadline.
    roots: Vec<Token>,
    registrations: Vec<(Registration, usize)>,
    /// Tokens kept to the end of the round, each with a callback.
    watched: Vec<(Token, usize)>,
    receivers: Vec<Receiver<Infallible>>,
    stops: Vec<Stop>,
    tally: Tally,
}

impl<'a> Worker<'a> {
    fn new(me: usize, quota: u64, round: &'a Round, rng: Rng) -> Self {
        let (tokens, roots, registrations, watched) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (receivers, stops, tally) = (Vec::new(), Vec::new(), Tally::default());
        Self { me, rng, round, quota, tokens, roots, registrations, watched, receivers, stops, tally }
    }

    /// One of its own tokens, or one on the board, or the root.
    fn pick(&mut self) -> Token {
        let own = if self.rng.u8(..4) > 0 { self.rng.choice(&self.tokens).cloned() } else { None };
        let at = self.rng.usize(..self.round.board.len());
        own.or_else(|| self.round.board[at].lock().unwrap().clone()).unwrap_or_else(|| self.round.root.clone())
    }

    fn wait(&mut self) -> Duration {
        Duration::from_nanos(self.rng.u64(..30_000))
    }

    fn child_of(&mut self, parent: &Token) -> Token {
        let token = match self.rng.u8(..32) {
            0..24 => parent.token.child_token(),
            24..28 => parent.token.with_timeout(LONG),
            28 => parent.token.with_deadline(Instant::now()),
            _ => {
                self.tally.timed += 1;
                parent.token.with_timeout(Duration::from_nanos(self.rng.u64(..200_000)))
            }
        };
        self.named(token, Some(parent.number))
    }

    fn named(&mut self, token: CancellationToken, parent: Option<usize>) -> Token {
        self.tally.tokens += 1;
        Token { token, number: self.me * MOST + self.tally.tokens as usize - 1, parent }
    }

    /// A child that ends soon.
    fn hurried(&mut self) -> CancellationToken {
        let (token, wait) = (self.pick(), self.wait());
        self.tally.waits += 1;
        token.token.with_timeout(wait)
    }

    fn call(&mut self) -> Option<Call> {
        (self.stops.len() < MOST).then(|| {
            self.stops.push(Stop::NotAsked);
            Call { facts: self.round.facts.clone(), number: Box::new(self.me * MOST + self.stops.len() - 1) }
        })
    }

    fn register(&mut self) {
        let token = self.pick();
        let Some(call) = self.call() else { return };
        let number = *call.number;
        self.tally.callbacks += 1;
        let registration = match self.rng.u8(..8) {
            // One that ends another token, whose callback is accounted for as well.
            0 if self.stops.len() < MOST => {
                let (other, inner) = (CancellationToken::new(), self.call().expect("there is room for one more"));
                other.on_cancel(move || inner.runs());
                token.token.on_cancel(move || {
                    assert!(other.cancel());
                    call.runs();
                })
            }
            _ => token.token.on_cancel(move || call.runs()),
        };
        match self.rng.u8(..4) {
            0 => self.stop(registration, number),
            1 => self.registrations.push((registration, number)),
            2 => self.watched.push((token, number)),
            _ => {}
        }
    }

    /// A child whose end is its parent's, too.
    fn rebel(&mut self) {
        let parent = self.pick();
        if parent.number == self.round.root.number {
            return;
        }
        let child = self.child_of(&parent);
        let Some(call) = self.call() else { return };
        let facts = self.round.facts.clone();
        self.tally.callbacks += 1;
        // The child keeps its parent alive anyway.
        child.token.on_cancel(move || {
            parent.cancel(&facts, true);
            call.runs();
        });
        self.tokens.push(child);
    }

    fn stop(&mut self, registration: Registration, number: usize) {
        let stopped = registration.stop();
        self.stops[number - self.me * MOST] = if stopped { Stop::Stopped } else { Stop::TooLate };
        self.tally.stopped += u64::from(stopped);
        self.tally.too_late += u64::from(!stopped);
    }

    fn cancel(&mut self) {
        let token = self.pick();
        if token.number == self.round.root.number {
            return;
        }
        let with_error = self.rng.bool();
        if token.cancel(&self.round.facts, with_error) {
            self.tally.cancelled += 1;
            let mut children = self.tokens.iter().filter(|child| child.parent == Some(token.number));
            assert!(children.all(|child| child.token.is_cancelled()), "SF-CX-2");
        } else {
            self.tally.refused += 1;
        }
    }

    fn wait_for(&mut self) {
        let (Token { token, .. }, wait) = (self.pick(), self.wait());
        self.tally.waits += 1;
        let ended = match self.rng.u8(..6) {
            0 => token.wait_timeout(wait),
            1 => token.wait_deadline(Instant::now() + wait),
            2 => token.done().recv_timeout(wait) == Err(RecvTimeoutError::Disconnected),
            3 => select! { recv(token.done()) -> _ => true, default(wait) => false },
            4 => {
                let done = token.done();
                operations![recv done].ready_timeout(wait).is_ok()
            }
            _ => {
                let mut cancelled = token.cancelled();
                let pending = peek(&mut cancelled).is_pending();
                thread::yield_now();
                pending && peek(&mut cancelled).is_ready()
            }
        };
        self.tally.ended += u64::from(ended);
        assert!(!ended || token.is_cancelled(), "LV-CX-1: it returned before the end");
    }

    /// Something that waits, and that ends with its token at the latest.
    fn operate(&mut self) {
        let (token, (sender, receiver)) = (self.hurried(), &self.round.channel);
        let ended = match self.rng.u8(..7) {
            0 => sender.send_or_cancelled(self.rng.u64(..), &token).is_err(),
            1 | 2 => receiver.recv_or_cancelled(&token).is_err(),
            3 => {
                let _guard = self.rng.bool().then(|| self.round.group.guard());
                self.round.group.wait_or_cancelled(&token).is_err()
            }
            4 => {
                token.wait();
                true
            }
            5 => {
                block_on(token.cancelled());
                true
            }
            _ => select! { recv(token.done()) -> _ => true, recv(receiver) -> _ => false },
        };
        self.tally.ended += u64::from(ended);
        assert!(!ended || token.is_cancelled(), "SF-CX-5");
    }

    fn work(mut self) -> Self {
        while self.tally.tokens < self.quota {
            let at = self.rng.usize(..self.round.board.len());
            match self.rng.u8(..32) {
                0..9 => {
                    let parent = self.pick();
                    let child = self.child_of(&parent);
                    self.tokens.push(child);
                }
                9 => {
                    let token = self.named(CancellationToken::new(), None);
                    self.roots.push(token.clone());
                    self.tokens.push(token);
                }
                10..14 if !self.tokens.is_empty() => {
                    let i = self.rng.usize(..self.tokens.len());
                    drop(self.tokens.swap_remove(i));
                }
                14 | 15 => {
                    let token = self.pick();
                    self.tally.handed_on += 1;
                    let older = self.round.board[at].lock().unwrap().replace(token);
                    drop(older);
                }
                16 => {
                    let taken = self.round.board[at].lock().unwrap().take();
                    self.tokens.extend(taken);
                }
                17 => self.cancel(),
                18..22 => self.register(),
                22 => self.rebel(),
                23 | 24 if !self.registrations.is_empty() => {
                    let i = self.rng.usize(..self.registrations.len());
                    let (registration, number) = self.registrations.swap_remove(i);
                    self.stop(registration, number);
                }
                25 | 26 => self.wait_for(),
                27 | 28 => self.operate(),
                29 => {
                    let token = self.pick();
                    let guard = self.child_of(&token).token.drop_guard();
                    if self.rng.bool() { drop(guard) } else { drop(guard.disarm()) }
                }
                30 => {
                    let token = self.pick().token;
                    let cancelled = token.is_cancelled();
                    assert!(!cancelled || (token.check().is_err() && token.cause().is_some()));
                }
                _ => {
                    let done = self.pick().token.done();
                    self.receivers.push(done);
                    if self.receivers.len() > 8 {
                        self.receivers.clear();
                    }
                }
            }
        }
        // The end of the round, which one of them brings.
        let root = &self.round.root;
        match self.me {
            0 => assert!(root.cancel(&self.round.facts, false), "nobody else does"),
            1 => root.token.wait(),
            2 => block_on(root.token.cancelled()),
            _ => assert!(
                self.round.channel.1.clone().recv_or_cancelled(&root.token).is_ok() || root.token.is_cancelled()
            ),
        }
        self.tokens.clear();
        self
    }
}

/// Some trees' life.
fn round(seed: u64) -> Tally {
    let mut rng = Rng::with_seed(seed);
    let counts = || (0..=THREADS * MOST).map(|_| AtomicU8::new(0)).collect();
    let facts = Arc::new(Facts { won: counts(), run: counts(), dropped: counts() });
    let token = CancellationToken::new();
    let shared = Round {
        facts: facts.clone(),
        root: Token { token, number: THREADS * MOST, parent: None },
        board: Default::default(),
        channel: if rng.bool() { bounded(rng.usize(..3)) } else { unbounded() },
        group: WaitGroup::new(),
    };
    // From a handful of tokens to many.
    let quota = 1 << rng.u32(3..MOST.ilog2());
    let workers: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|me| {
                let worker = Worker::new(me, quota, &shared, Rng::with_seed(seed ^ (me as u64 + 1) << 56));
                scope.spawn(move || worker.work())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    let (mut total, mut stops) = (Tally::default(), Vec::new());
    let run = |number: usize| facts.run[number].load(Relaxed);
    for root in workers.iter().flat_map(|worker| &worker.roots) {
        root.cancel(&facts, false);
    }
    for worker in workers {
        total.add(&worker.tally);
        for (token, number) in &worker.watched {
            // A deadline's callbacks, and what they cancel, run on another thread.
            while token.token.is_cancelled() && run(*number) == 0 {
                thread::yield_now();
            }
            assert!(run(*number) == 0 || token.token.is_cancelled(), "SF-CX-3: run, and not cancelled");
        }
        stops.push(worker.stops);
    }
    drop(shared);
    // Now nobody has a handle, but callbacks that are running.
    while Arc::strong_count(&facts) > 1 {
        thread::yield_now();
    }
    assert!(facts.won.iter().all(|won| won.load(Relaxed) <= 1));
    for (me, stops) in stops.iter().enumerate() {
        for number in 0..MOST {
            let at = me * MOST + number;
            let ends = (run(at), facts.dropped[at].load(Relaxed));
            let valid = match stops.get(number) {
                None => ends == (0, 0),
                Some(Stop::NotAsked) => ends == (0, 1) || ends == (1, 1),
                Some(Stop::Stopped) => ends == (0, 1),
                Some(Stop::TooLate) => ends == (1, 1),
            };
            assert!(valid, "SF-CX-3: callback {at} was (run, dropped) {ends:?} times");
            total.run += u64::from(ends.0);
        }
    }
    total
}

/// Runs rounds until so many tokens have been made.
fn soak(tokens: u64) -> Tally {
    /// After so many tokens the watchdog starts anew.
    const STRETCH: u64 = 20_000;
    let mut total = Tally::default();
    stretches(tokens, STRETCH, round, |tally| tally.tokens, |tally| total.add(&tally));
    total
}

#[test]
fn tokens_cost_little_and_leave_nothing_behind() {
    watched(costs);

    let tokens = std::env::var("HENCE_STRESS").map_or(20_000, |n| n.parse().expect("HENCE_STRESS is a number"));
    soak(10_000); // makes what is made once
    alarms_are_over();
    thread::sleep(Duration::from_millis(50));
    let (before, begun) = (live(), Instant::now());
    let total = soak(tokens);
    let settled = comes_down_to(before);
    let (after, seconds) = (live(), begun.elapsed().as_secs_f64());
    println!("{total:#?}");
    println!(
        "{seconds:.1} s, {:.2} million tokens a second; {before} bytes live before, {after} after",
        total.tokens as f64 / seconds / 1e6
    );
    assert!(settled, "{} bytes are left", after - before);
}
