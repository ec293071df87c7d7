//! The alarm clock of tasks and callbacks: it wakes them at a moment. Threads need none, they park until a deadline.
//!
//! A task has no thread that could sleep, nor has a callback, and a runtime's timers are the runtime's: there is no way
//! without a thread of our own. There is one for the process, started when a task or a callback first waits for a
//! moment; it sleeps until the next one that somebody waits for. Nothing else in the crate starts a thread of its own.
//!
//! Needs: the facade's `let_go`.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::Instant;

use super::super::let_go;

/// Whom to wake, by deadline and number.
type Calls = BTreeMap<(Instant, u64), Waker>;

struct Clock {
    /// With the number of the next call.
    calls: Mutex<(Calls, u64)>,
    /// There is an earlier call than there was.
    earlier: Condvar,
}

/// A call that the clock is to make; dropping it takes it back.
#[derive(Debug)]
pub(crate) struct Alarm((Instant, u64));

impl Alarm {
    /// The same for a task's waker, which may as well be woken too soon.
    pub(crate) fn for_task(deadline: Instant, waker: Waker) -> Self {
        Self::set(deadline, waker)
    }

    /// Has `waker` woken once `deadline` has passed.
    pub(crate) fn set(deadline: Instant, waker: Waker) -> Self {
        let clock = clock();
        let mut calls = clock.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let (calls, next) = &mut *calls;
        let key = (deadline, *next);
        *next += 1;
        calls.insert(key, waker);
        if calls.first_key_value().is_some_and(|(first, _)| *first == key) {
            clock.earlier.notify_one();
        }
        Self(key)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // Dropping a waker is user code: after the lock.
        let _call = clock().calls.lock().unwrap_or_else(PoisonError::into_inner).0.remove(&self.0);
    }
}

fn clock() -> &'static Clock {
    static CLOCK: OnceLock<&Clock> = OnceLock::new();
    CLOCK.get_or_init(|| {
        let clock: &Clock =
            Box::leak(Box::new(Clock { calls: Mutex::new((Calls::new(), 0)), earlier: Condvar::new() }));
        let run = || clock.run();
        thread::Builder::new().name("hence-alarm".into()).spawn(run).expect("a thread for the timers of tasks");
        clock
    })
}

impl Clock {
    fn run(&self) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some(first) = calls.0.first_entry() else {
                calls = self.earlier.wait(calls).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = first.key().0.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let waker = first.remove();
                drop(calls);
                // A waker that panics is its runtime's bug, and no reason for all other timers to stop.
                let_go(|| waker.wake());
                calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            } else {
                calls = self.earlier.wait_timeout(calls, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}
