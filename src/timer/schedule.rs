//! What a timer's receivers share: the moment of the next message. There is no buffer and nobody sends; whoever
//! receives sleeps until that moment, and takes the message if no other receiver has.
//!
//! Nobody is ever woken: a receiver whose message another one took finds that out at the moment it slept for.
//!
//! | state | a receive before the moment | after it |
//! |---|---|---|
//! | `Some(moment)` | sleeps until it | takes it; `None`, or the next moment, as [`Repeat`] says |
//! | `None` | sleeps for ever | |

// Needs: sync.rs, wait.rs.

use std::time::{Duration, Instant};

use super::super::sync::{Lock, Parker, now, passed, reached};
use super::super::wait::earlier;

/// When messages come.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// The moment of the next message.
    next: Lock<Option<Instant>>,
    repeat: Repeat,
}

/// When the message comes that follows one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Repeat {
    Never,
    /// At the first moment after now that is some periods after the one before.
    InPhase(Duration),
    /// So long after now.
    FromReceipt(Duration),
}

impl Repeat {
    /// The next moment after `due`, whose message is received `now`; `None` for never.
    fn next(self, due: Instant, now: Instant) -> Option<Instant> {
        match self {
            Repeat::Never => None,
            Repeat::InPhase(period) => now.checked_add(period - remainder(now - due, period)),
            Repeat::FromReceipt(period) => now.checked_add(period),
        }
    }
}

/// What is left of `time` once all whole periods have been taken from it.
fn remainder(time: Duration, period: Duration) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    if time < period {
        return time;
    }
    // No period at all: no time is left.
    let nanos = time.as_nanos().checked_rem(period.as_nanos()).unwrap_or(0);
    Duration::new((nanos / SECOND) as u64, (nanos % SECOND) as u32)
}

impl Schedule {
    pub(crate) fn new(first: Instant, repeat: Repeat) -> Self {
        Self { next: Lock::new(Some(first)), repeat }
    }

    /// The moment of the next message, if there will be one.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next.with(|next| *next)
    }

    /// Whether there is a message now.
    pub(crate) fn is_due(&self) -> bool {
        self.next().is_some_and(passed)
    }

    /// Takes the message that is due: the moment that it was due at.
    pub(crate) fn take(&self) -> Option<Instant> {
        let take = |next: &mut Option<Instant>| {
            let now = now();
            let due = next.take_if(|next| *next <= now)?;
            *next = self.repeat.next(due, now);
            Some(due)
        };
        self.next.with(take)
    }

    /// Takes the next message, when it is due, by `deadline`.
    #[cold]
    pub(crate) fn recv(&self, deadline: Option<Instant>) -> Option<Instant> {
        loop {
            if let Some(due) = self.take() {
                return Some(due);
            }
            if deadline.is_some_and(passed) {
                return None;
            }
            sleep_until(earlier(self.next(), deadline));
        }
    }
}

/// Blocks the thread until a moment; for ever without one.
#[cold]
pub(crate) fn sleep_until(moment: Option<Instant>) {
    let parker = Parker::current();
    loop {
        match moment {
            None => parker.park(),
            Some(moment) => {
                parker.park_until(moment);
                if reached(moment) {
                    return;
                }
            }
        }
    }
}
