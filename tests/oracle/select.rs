//! A select among operations on several channels: it does one of what their models can do.

use std::time::Duration;

use arbitrary::Arbitrary;
use hence::channel::{Receiver, RecvError, Select, Sender};

use super::channel::{Both, Op, Side};
use super::pick;
use super::util::Tracked;

/// Channels of these capacities, and what is done to them.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Program {
    pub(crate) capacities: [Option<u8>; 3],
    pub(crate) steps: Vec<Step>,
}

impl Program {
    pub(crate) fn run(&self) {
        let mut channels = self.capacities.map(|capacity| Both::new(capacity, self.steps.len()));
        for step in &self.steps {
            match *step {
                Step::Op(channel, op) => channels[at(channel)].apply(op),
                Step::Select { ref arms, biased, only_ready, limit } => {
                    select_among(&mut channels, arms, biased, only_ready, limit);
                }
            }
            channels.iter().for_each(Both::check);
        }
    }
}

fn at(channel: u8) -> usize {
    pick(channel, 3).expect("there are three")
}

/// What is done to several channels.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) enum Step {
    Op(u8, Op),
    /// One of these operations, each on a channel of its number, if there is a handle for it.
    Select {
        arms: Vec<(u8, Side)>,
        biased: bool,
        only_ready: bool,
        limit: bool,
    },
}

/// Selects among operations on several channels, and completes what was chosen.
fn select_among(channels: &mut [Both], arms: &[(u8, Side)], biased: bool, only_ready: bool, limit: bool) {
    enum Handle {
        Sender(Sender<Tracked>),
        Receiver(Receiver<Tracked>),
    }
    let handle = |&(channel, side): &(u8, Side)| match side {
        Side::Send => {
            channels[at(channel)].senders.first().cloned().map(|sender| (at(channel), Handle::Sender(sender)))
        }
        Side::Recv => channels[at(channel)].receivers.first().cloned().map(|r| (at(channel), Handle::Receiver(r))),
    };
    let handles: Vec<_> = arms.iter().filter_map(handle).collect();
    let mut select = if biased { Select::new_biased() } else { Select::new() };
    let mut ready = Vec::new();
    for (channel, handle) in &handles {
        let side = match handle {
            Handle::Sender(sender) => (select.send(sender), Side::Send).1,
            Handle::Receiver(receiver) => (select.recv(receiver), Side::Recv).1,
        };
        ready.push(channels[*channel].model.is_ready(side));
    }
    let first = ready.iter().position(|ready| *ready);
    if only_ready {
        let found = if limit { select.ready_timeout(Duration::ZERO).ok() } else { select.try_ready().ok() };
        assert!(if biased { found == first } else { found.map_or(first.is_none(), |found| ready[found]) });
        return;
    }
    let chosen = if limit { select.select_timeout(Duration::ZERO).ok() } else { select.try_select().ok() };
    let Some(operation) = chosen else { return assert_eq!(first, None) };
    let index = operation.index();
    assert!(if biased { first == Some(index) } else { ready[index] });
    let (channel, handle) = &handles[index];
    let both = &mut channels[*channel];
    match handle {
        Handle::Sender(sender) => {
            let value = both.value();
            let chosen = both.model.choose_send().expect("it is ready");
            let expected = both.model.complete_send(chosen, value.number);
            assert_eq!(operation.send(sender, value).map_err(|error| error.0.number), expected);
        }
        Handle::Receiver(receiver) => {
            let expected = both.model.recv().map_err(|_| RecvError);
            assert_eq!(operation.recv(receiver).map(|value| value.number), expected);
        }
    }
}
