//! A channel that passes each value on, once, and is none: two queues, which sends take in turn, and receives too.
//! Each of them is correct, and locked.

use std::collections::VecDeque;

use super::program::{Patience, Program, Step};
use super::run::did;
use super::trace::{self, Counted, Outcome};
use crate::hence::sync::Lock;
use crate::models::harness::{Arc, JoinHandle, spawn};
use crate::settle::alone;

struct TwoQueues {
    sends: Lock<usize>,
    receives: Lock<usize>,
    queues: [Lock<VecDeque<Counted>>; 2],
}

fn next(turn: &Lock<usize>) -> usize {
    turn.with(|turn| {
        *turn += 1;
        *turn % 2
    })
}

impl TwoQueues {
    fn send(&self, value: Counted) {
        self.queues[next(&self.sends)].with(|queue| queue.push_back(value));
    }

    fn try_recv(&self) -> Option<Counted> {
        let first = next(&self.receives);
        [first, 1 - first].into_iter().find_map(|turn| self.queues[turn].with(VecDeque::pop_front))
    }

    fn step(&self, step: Step) {
        match step {
            Step::Send(0, Patience::Blocks) => {
                let value = Counted::make();
                did(step, Some(value.0), || {
                    self.send(value);
                    Outcome::Done
                });
            }
            Step::Recv(0, Patience::Tries) => {
                did(step, None, || self.try_recv().map_or(Outcome::Empty, |value| Outcome::Value(value.0)));
            }
            _ => unreachable!("it has no `{step}`"),
        }
    }
}

/// Runs a program of sends, and of receives that try, over such a channel.
pub(super) fn two_queues(program: &Program) {
    trace::begin();
    alone();
    let queues = [Lock::new(VecDeque::new()), Lock::new(VecDeque::new())];
    let channel = Arc::new(TwoQueues { sends: Lock::new(0), receives: Lock::new(0), queues });
    let threads = program.threads.iter().cloned().map(|steps| {
        let channel = channel.clone();
        spawn(move || steps.into_iter().for_each(|step| channel.step(step)))
    });
    let threads: Vec<JoinHandle<()>> = threads.collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
}
