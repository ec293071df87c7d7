//! What is timed: the table of cells.

use crate::peers::select::Form;
use Group::*;
use Work::*;
use std::fmt::{self, Display, Formatter};

/// `None` is unbounded.
pub type Capacity = Option<usize>;

#[derive(Clone)]
pub struct Cell {
    pub name: String,
    pub group: Group,
    pub work: Work,
    pub capacity: Capacity,
    pub size: Size,
}

/// Which mark the cell is held against.
#[derive(Clone, Copy, PartialEq)]
pub enum Group {
    OneThread,
    AcrossThreads,
    /// A select that never waits.
    Selects,
}

/// What happens over and over; the figure is the time of one.
#[derive(Clone, Copy)]
pub enum Work {
    /// Send one and receive one.
    Pair,
    /// Send until full (1024 if there is no limit), then receive until empty.
    FillDrain,
    /// Create a channel and drop it.
    Create,
    /// A message from any of the senders to any of the receivers, each on a thread of its own.
    Across { senders: usize, receivers: usize },
    /// To another thread and back, over two channels.
    PingPong,
    /// A select whose arms all have messages.
    Ready(Form, usize),
    /// A select whose arms are all empty takes its default.
    Default(Form, usize),
    /// A select whose arms are fed by a thread each.
    Fed(usize),
}

/// The payload.
#[derive(Clone, Copy)]
pub enum Size {
    Usize,
    Words,
}

const CAPACITIES: &[Capacity] = &[Some(0), Some(1), Some(64), None];
const SIZES: &[Size] = &[Size::Usize, Size::Words];
const ONE_SIZE: &[Size] = &[Size::Usize];

/// Each line is crossed out: a cell for every capacity and size in it.
const TABLE: &[(Group, Work, &[Capacity], &[Size])] = &[
    (OneThread, Pair, &[Some(64), None], SIZES),
    (OneThread, FillDrain, &[Some(64), Some(1024), None], ONE_SIZE),
    (OneThread, Create, &[Some(0), Some(64), None], ONE_SIZE),
    (AcrossThreads, Across { senders: 1, receivers: 1 }, CAPACITIES, SIZES),
    (AcrossThreads, Across { senders: 4, receivers: 1 }, CAPACITIES, SIZES),
    (AcrossThreads, Across { senders: 1, receivers: 4 }, CAPACITIES, SIZES),
    (AcrossThreads, Across { senders: 4, receivers: 4 }, CAPACITIES, SIZES),
    (AcrossThreads, PingPong, &[Some(0), Some(1)], ONE_SIZE),
    (AcrossThreads, Fed(2), &[Some(64), Some(0)], ONE_SIZE),
    (AcrossThreads, Fed(8), &[Some(64), Some(0)], ONE_SIZE),
    (Selects, Ready(Form::Macro, 2), &[Some(256)], ONE_SIZE),
    (Selects, Ready(Form::Macro, 8), &[Some(256)], ONE_SIZE),
    (Selects, Ready(Form::Value, 2), &[Some(256)], ONE_SIZE),
    (Selects, Ready(Form::Value, 8), &[Some(256)], ONE_SIZE),
    (Selects, Default(Form::Macro, 2), &[Some(64)], ONE_SIZE),
    (Selects, Default(Form::Macro, 8), &[Some(64)], ONE_SIZE),
    (Selects, Default(Form::Value, 2), &[Some(64)], ONE_SIZE),
    (Selects, Default(Form::Value, 8), &[Some(64)], ONE_SIZE),
];

pub fn all() -> impl Iterator<Item = Cell> {
    TABLE.iter().flat_map(|&(group, work, capacities, sizes)| {
        capacities.iter().flat_map(move |&capacity| {
            sizes.iter().map(move |&size| {
                let name = match capacity {
                    Some(capacity) => format!("{work}, cap {capacity}"),
                    None => format!("{work}, unbounded"),
                };
                let name = if sizes.len() > 1 { format!("{name}, {size}") } else { name };
                Cell { name, group, work, capacity, size }
            })
        })
    })
}

impl Display for Work {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Pair => write!(f, "pair"),
            FillDrain => write!(f, "fill-drain"),
            Create => write!(f, "create+drop"),
            Across { senders, receivers } => write!(f, "{senders}:{receivers}"),
            PingPong => write!(f, "ping-pong"),
            Ready(form, arms) => write!(f, "{form} ready, {arms} arms"),
            Default(form, arms) => write!(f, "{form} default, {arms} arms"),
            Fed(arms) => write!(f, "select! fed, {arms} arms"),
        }
    }
}

impl Display for Form {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::Macro => "select!",
            Form::Value => "Select",
        })
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Size::Usize => "usize",
            Size::Words => "[u64; 8]",
        })
    }
}
