//! The loops of tokens.

use super::threads::{Job, together};
use crate::peers::token::{Check, Token};
use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

/// Each of the threads looks so many times at the same token, and goes on as long as it is not cancelled.
pub fn check<P: Check>(threads: usize, deadline: bool, times: usize) -> Option<Duration> {
    const FAR: Duration = Duration::from_secs(3600);
    let token = &P::make(deadline.then(|| Instant::now() + FAR))?;
    let look = || (0..times).any(|_| black_box(token).is_cancelled());
    let looks = (0..threads).map(|_| -> Job<'_> { Box::new(|| look().into()) });
    let (cancelled, time) = together(looks.collect());
    assert_eq!(cancelled, 0, "nobody has cancelled it");
    Some(time)
}

pub fn child<P: Token>(times: usize) -> Option<Duration> {
    let parent = P::make(None)?;
    let start = Instant::now();
    (0..times).for_each(|_| drop(black_box(black_box(&parent).child())));
    Some(start.elapsed())
}

/// The clock stops while a token and its children are made and dropped.
pub fn cancel<P: Token>(children: usize, times: usize) -> Option<Duration> {
    let mut time = Duration::ZERO;
    for _ in 0..times {
        let root = P::make(None)?;
        let children: Vec<_> = (0..children).map(|_| root.child()).collect();
        time += time_of(|| root.cancel());
        assert!(children.iter().all(P::is_cancelled), "a child was missed");
    }
    Some(time)
}

/// Makes a token and a line of descendants, each the child of the one before it, cancels the first and drops them all.
pub fn chain<P: Token>(descendants: usize, times: usize) -> Option<Duration> {
    P::make(None)?;
    let live_and_die = || {
        let mut line = Vec::with_capacity(descendants + 1);
        line.extend(P::make(None));
        (0..descendants).for_each(|nth| line.push(line[nth].child()));
        line[0].cancel();
        assert!(line[descendants].is_cancelled(), "the last one was missed");
    };
    Some(time_of(|| (0..times).for_each(|_| live_and_die())))
}

/// The clock stops while tasks begin to wait, and when they have been woken: they are not polled again.
pub fn wake_tasks<P: Token>(tasks: usize, times: usize) -> Option<Duration> {
    let mut time = Duration::ZERO;
    for _ in 0..times {
        let (token, woken) = (P::make(None)?, Arc::new(Wakes::default()));
        let waker = Waker::from(woken.clone());
        let mut tasks: Vec<_> = (0..tasks).map(|_| Box::pin(token.cancelled())).collect();
        for task in &mut tasks {
            assert!(task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "nobody has cancelled it");
        }
        time += time_of(|| token.cancel());
        assert_eq!(woken.0.load(Ordering::Relaxed), tasks.len(), "each is woken once");
    }
    Some(time)
}

/// From the cancel to the moment when the last thread has returned from its wait.
pub fn wake_threads<P: Token>(threads: usize, times: usize) -> Option<Duration> {
    let wait = P::WAIT?;
    let mut time = Duration::ZERO;
    for _ in 0..times {
        let token = &P::make(None)?;
        let waiting = move || {
            wait(token);
            Instant::now()
        };
        time += thread::scope(|scope| {
            let waiters: Vec<_> = (0..threads).map(|_| scope.spawn(waiting)).collect();
            thread::sleep(Duration::from_millis(10)); // all have parked by then
            let start = Instant::now();
            token.cancel();
            waiters.into_iter().map(|waiter| waiter.join().unwrap() - start).max().unwrap()
        });
    }
    Some(time)
}

fn time_of(act: impl FnOnce()) -> Duration {
    let start = Instant::now();
    act();
    start.elapsed()
}

/// Counts how often tasks are woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
