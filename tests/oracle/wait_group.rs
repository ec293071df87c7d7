//! A wait group: a count of guards, and who waits for it to be zero.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use hence::CancellationToken;
use hence::wait_group::{Guard, WaitFuture, WaitGroup};

use super::pick;
use super::util::{Wakes, poll};

/// What is done to a wait group, in this order.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Program {
    pub(crate) ops: Vec<Op>,
}

impl Program {
    pub(crate) fn run(&self) {
        let group = WaitGroup::new();
        let (mut guards, mut waits) = (Vec::new(), Vec::new());
        for &op in &self.ops {
            apply(op, &group, &mut guards, &mut waits);
            assert_eq!(group.count(), guards.len());
            for (_, over, wakes, _) in &waits {
                assert_eq!(wakes.count(), usize::from(*over));
            }
        }
    }
}

/// What is done to a wait group.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Op {
    Guard,
    CloneGuard(u8),
    DropGuard(u8),
    StartWait,
    PollWait(u8),
    DropWait(u8),
    /// For no time.
    TimedWait,
    /// With a token, if the wait does not block.
    WaitOrCancelled {
        cancelled: bool,
    },
}

/// A pending wait, whether it is over, and how often it was woken.
type Wait<'a> = (WaitFuture<'a>, bool, Arc<Wakes>, Waker);

fn apply<'a>(op: Op, group: &'a WaitGroup, guards: &mut Vec<Guard>, waits: &mut Vec<Wait<'a>>) {
    match op {
        Op::Guard => guards.push(group.guard()),
        Op::CloneGuard(which) => {
            let Some(at) = pick(which, guards.len()) else { return };
            guards.push(guards[at].clone());
        }
        Op::DropGuard(which) => {
            let Some(at) = pick(which, guards.len()) else { return };
            drop(guards.swap_remove(at));
            if guards.is_empty() {
                waits.iter_mut().for_each(|(_, over, ..)| *over = true);
            }
        }
        Op::StartWait => {
            let (mut wait, (wakes, waker)) = (group.wait_async(), Wakes::new());
            if guards.is_empty() {
                assert!(poll(&mut wait, &waker).is_ready());
            } else {
                assert!(poll(&mut wait, &waker).is_pending());
                waits.push((wait, false, wakes, waker));
            }
        }
        Op::PollWait(which) => {
            let Some(at) = pick(which, waits.len()) else { return };
            let (wait, over, _, waker) = &mut waits[at];
            assert_eq!(poll(wait, waker).is_ready(), *over);
            if *over {
                drop(waits.remove(at));
            }
        }
        Op::DropWait(which) => {
            let Some(at) = pick(which, waits.len()) else { return };
            drop(waits.remove(at));
        }
        Op::TimedWait => {
            assert_eq!(group.wait_timeout(Duration::ZERO), guards.is_empty());
            assert_eq!(group.wait_deadline(Instant::now()), guards.is_empty());
            if guards.is_empty() {
                group.wait();
            }
        }
        Op::WaitOrCancelled { cancelled } => {
            let token = CancellationToken::new();
            if cancelled {
                token.cancel();
            }
            if cancelled || guards.is_empty() {
                assert_eq!(group.wait_or_cancelled(&token).is_err(), cancelled);
            }
        }
    }
}
