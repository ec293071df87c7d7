//! The crate's own threads, counted by the operating system: there is none until a callback or a task waits for a
//! deadline, then one for the process, and it sleeps; more only while callbacks do not return. One test, since it looks at
//! the whole process.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

mod util;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use hence::WaitGroup;
use hence::cancel::CancellationToken;
use hence::channel::{after, bounded, select, tick};
use util::{block_on, peek, watched};

/// Long enough that a wait happens, short enough to sit through.
const SHORT: Duration = Duration::from_millis(5);
/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(1000);

/// The threads of this process.
fn threads() -> Vec<PathBuf> {
    fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path()).collect()
}

/// Those of the crate.
fn alarms() -> Vec<PathBuf> {
    let name = |task: &PathBuf| fs::read_to_string(task.join("comm")).unwrap_or_default(); // unless it has just ended
    threads().into_iter().filter(|task| name(task) == "hence-alarm\n").collect()
}

/// Waits, under the watchdog, until there are so many threads: one that was joined may be about to go.
fn are_threads(count: usize) {
    while threads().len() != count {
        thread::yield_now();
    }
}

/// What the system says of a sleeping thread: the time that it has used, and how often it has gone to sleep.
fn asleep(task: &Path) -> (Duration, u64) {
    loop {
        let status = fs::read_to_string(task.join("status")).unwrap();
        let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
        if field("State:").starts_with('S') {
            let stat = fs::read_to_string(task.join("stat")).unwrap();
            // After the name in brackets: the 12th and 13th are its ticks in user and in system mode, 10 ms each.
            let mut stat = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11);
            let ticks: u64 = stat.by_ref().take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
            return (Duration::from_millis(10 * ticks), field("voluntary_ctxt_switches:").parse().unwrap());
        }
        thread::yield_now();
    }
}

/// All that needs no thread: blocking waits sleep by themselves.
fn wait_for_deadlines() {
    let token = CancellationToken::new().with_timeout(SHORT);
    let (child, group) = (token.child_token(), WaitGroup::new());
    let _guard = group.guard();
    let (sender, receiver) = bounded(0);
    assert!(!token.wait_timeout(Duration::ZERO) && !group.wait_timeout(SHORT));
    assert!(sender.send_or_cancelled(1, &token.with_timeout(SHORT)).is_err());
    assert!(receiver.recv_or_cancelled(&token.child_token()).is_err());
    assert!(group.wait_or_cancelled(&child).is_err());
    child.wait();
    select! { recv(token.done()) -> end => assert!(end.is_err()), recv(after(LONG)) -> _ => unreachable!() }
    assert!(tick(SHORT).recv().is_ok() && child.done().recv_timeout(LONG).is_err());
    // A task and a callback that wait for a call, not for a moment.
    let token = CancellationToken::new();
    token.on_cancel(|| ());
    assert!(peek(&mut token.cancelled()).is_pending() && peek(&mut receiver.recv_async()).is_pending());
    assert!(token.cancel());
}

#[test]
fn one_thread_from_the_first_need_and_asleep() {
    watched(|| {
        let before = threads().len();
        let waits: Vec<_> = (0..4).map(|_| thread::spawn(wait_for_deadlines)).collect();
        waits.into_iter().for_each(|wait| wait.join().unwrap());
        wait_for_deadlines();
        are_threads(before);
        assert_eq!(alarms(), Vec::<PathBuf>::new());

        // The first who need one, all at once.
        let ran = Arc::new(AtomicUsize::new(0));
        let users: Vec<_> = (0..8)
            .map(|i| {
                let ran = ran.clone();
                thread::spawn(move || {
                    let token = CancellationToken::new().with_timeout(SHORT);
                    if i % 2 == 0 {
                        block_on(token.cancelled());
                        ran.fetch_add(1, Relaxed);
                    } else {
                        token.on_cancel(move || _ = ran.fetch_add(1, Relaxed));
                        assert!(block_on(after(SHORT).recv_async()).is_ok());
                    }
                    token // so that it lives until all have run
                })
            })
            .collect();
        let tokens: Vec<_> = users.into_iter().map(|user| user.join().unwrap()).collect();
        while ran.load(Relaxed) < tokens.len() {
            thread::yield_now();
        }
        are_threads(before); // they leave when there is nothing to do

        // It is one for all, and has nothing to do until the first deadline.
        let distant = CancellationToken::new().with_timeout(LONG);
        let registrations: Vec<_> = (0..100).map(|_| distant.on_cancel(|| unreachable!())).collect();
        let mut task = distant.cancelled();
        assert!(peek(&mut task).is_pending());
        are_threads(before + 1);
        let alarms_of_all = loop {
            let named = alarms(); // it names itself
            if !named.is_empty() {
                break named;
            }
            thread::yield_now();
        };
        let [alarm] = &alarms_of_all[..] else { panic!("{alarms_of_all:?}") };
        let (used, slept) = asleep(alarm);
        let begun = Instant::now();
        thread::sleep(Duration::from_secs(1));
        let (used_later, slept_later) = asleep(alarm);
        println!("in {:?}: {:?} of CPU, woken {} times", begun.elapsed(), used_later - used, slept_later - slept);
        assert!(used_later - used <= Duration::from_millis(20) && slept_later == slept);
        assert!(registrations.into_iter().all(|registration| registration.stop()));
        are_threads(before + 1);
        assert_eq!(alarms(), alarms_of_all);

        an_earlier_alarm_is_told_to_the_keeper();
        callbacks_that_wait_keep_a_thread_each();
    });
}

/// It sleeps for longer than any test takes.
fn an_earlier_alarm_is_told_to_the_keeper() {
    let (long, short) = (after(LONG), after(10 * SHORT));
    let mut task = long.recv_async();
    assert!(peek(&mut task).is_pending());
    assert!(block_on(short.recv_async()).is_ok());
    assert!(peek(&mut task).is_pending());
}

/// And stop no other timer; all but two leave when they are done.
fn callbacks_that_wait_keep_a_thread_each() {
    const WAIT: usize = 5;
    let go = CancellationToken::new();
    let running = Arc::new(AtomicUsize::new(0));
    for _ in 0..WAIT {
        let (go, running) = (go.clone(), running.clone());
        CancellationToken::new().with_timeout(SHORT).on_cancel(move || {
            running.fetch_add(1, Relaxed);
            go.wait();
        });
    }
    while running.load(Relaxed) < WAIT {
        thread::yield_now();
    }
    assert!(block_on(after(SHORT).recv_async()).is_ok(), "the clock goes on");
    assert!((WAIT..=WAIT + 2).contains(&alarms().len()), "{:?}", alarms());
    go.cancel();
    let long = after(LONG);
    let mut task = long.recv_async();
    assert!(peek(&mut task).is_pending()); // so that one of them has to stay
    while alarms().len() > 1 {
        thread::yield_now();
    }
}
