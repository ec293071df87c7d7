//! What is timed: the table of cells.

use crate::peers::{channel::Capacity, select::Form, task::Executor};
use ChannelWork::*;
use Group::*;
use PoolWork::*;
use TokenWork::*;
use WaitGroupWork::*;
use std::fmt::{self, Display, Formatter};

#[derive(Clone)]
pub struct Cell {
    pub name: String,
    pub group: Group,
    pub work: Work,
}

/// Which mark the cell is held against.
#[derive(Clone, Copy, PartialEq)]
pub enum Group {
    OneThread,
    AcrossThreads,
    /// A select that never waits.
    Selects,
    /// A look at a token.
    Checks,
    Children,
    Guards,
    /// Empty jobs, and a job there and back.
    Pools,
    Unmarked,
}

/// What happens over and over, and to what; the figure is the time of one.
#[derive(Clone, Copy)]
pub enum Work {
    Channel { work: ChannelWork, capacity: Capacity, size: Size },
    Tasks { work: TaskWork, executor: Executor, capacity: Capacity },
    Token(TokenWork),
    WaitGroup(WaitGroupWork),
    Pool(PoolWork),
}

#[derive(Clone, Copy)]
pub enum ChannelWork {
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
    /// How late a message is received, when somebody sends one every 20 us: this quantile.
    Latency { senders: usize, receivers: usize, q: f64 },
    /// A select whose arms all have messages.
    Ready(Form, usize),
    /// A select whose arms are all empty takes its default.
    Default(Form, usize),
    /// A select whose arms are fed by a thread each.
    Fed(usize),
}

/// Of a channel between tasks.
#[derive(Clone, Copy)]
pub enum TaskWork {
    /// To another task and back, over two channels.
    PingPong,
    /// A message from any of the sending tasks to the one that receives.
    Across { senders: usize },
}

#[derive(Clone, Copy)]
pub enum TokenWork {
    /// Each thread asks whether it is cancelled; it is not.
    Check { threads: usize, deadline: bool },
    /// Create a child and drop it.
    Child,
    /// Cancel a token that has so many children.
    Cancel(usize),
    /// Create a token and a line of so many descendants, cancel the first, drop all.
    Chain(usize),
    /// Cancel a token that so many tasks wait for.
    WakeTasks(usize),
    /// The same with threads, until the last one runs.
    WakeThreads(usize),
}

#[derive(Clone, Copy)]
pub enum WaitGroupWork {
    /// Make a guard and drop it.
    Guard,
    /// So many threads, set off together, each drop a guard; one waits for them.
    ForkJoin(usize),
    /// So many threads drop guards of one group.
    Drops(usize),
}

#[derive(Clone, Copy)]
pub enum PoolWork {
    /// An empty job, from one of so many threads.
    Jobs(usize),
    /// The same, of a job that carries a word: where the closure is boxed, an empty one costs no allocation.
    Words(usize),
    /// The same in a scope, from one thread.
    Scope,
    /// A job, until its result is there.
    RoundTrip,
    /// A binary tree of jobs, of so many levels: each job waits for those below it.
    Joins(u32),
    /// The same in a scope each.
    Scopes(u32),
    /// A job of 10 us, while all workers are busy.
    Busy,
    /// How late such a job begins after it was submitted: this quantile.
    Late(f64),
    /// Change the number of workers, while all are busy.
    Resize,
}

/// The payload.
#[derive(Clone, Copy)]
pub enum Size {
    Usize,
    Words,
}

const CAPACITIES: &[Capacity] = &[Some(0), Some(1), Some(64), Some(1024), None];
const PACED: &[Capacity] = &[Some(1), Some(64), None];
const SIZES: &[Size] = &[Size::Usize, Size::Words];
const ONE_SIZE: &[Size] = &[Size::Usize];

/// Each line is crossed out: a cell for every capacity and size in it.
const CHANNELS: &[(Group, ChannelWork, &[Capacity], &[Size])] = &[
    (OneThread, Pair, &[Some(64), None], SIZES),
    (OneThread, FillDrain, &[Some(64), Some(1024), None], ONE_SIZE),
    (OneThread, Create, &[Some(0), Some(64), None], ONE_SIZE),
    (AcrossThreads, Across { senders: 1, receivers: 1 }, CAPACITIES, SIZES),
    (AcrossThreads, Across { senders: 1, receivers: 1 }, &[Some(2)], ONE_SIZE),
    (AcrossThreads, Across { senders: 4, receivers: 1 }, CAPACITIES, SIZES),
    (AcrossThreads, Across { senders: 4, receivers: 1 }, &[Some(2)], ONE_SIZE),
    (AcrossThreads, Across { senders: 1, receivers: 4 }, CAPACITIES, SIZES),
    (AcrossThreads, Across { senders: 1, receivers: 4 }, &[Some(2)], ONE_SIZE),
    (AcrossThreads, Across { senders: 4, receivers: 4 }, CAPACITIES, SIZES),
    (AcrossThreads, Across { senders: 4, receivers: 4 }, &[Some(2)], ONE_SIZE),
    (AcrossThreads, Across { senders: 2, receivers: 2 }, &[Some(64), None], ONE_SIZE),
    (AcrossThreads, Across { senders: 8, receivers: 8 }, &[Some(64), None], ONE_SIZE),
    (AcrossThreads, Across { senders: 16, receivers: 16 }, &[Some(64), None], ONE_SIZE),
    (AcrossThreads, Across { senders: 32, receivers: 32 }, &[Some(64), None], ONE_SIZE),
    (AcrossThreads, PingPong, &[Some(0), Some(1)], ONE_SIZE),
    (Unmarked, Latency { senders: 1, receivers: 1, q: 0.5 }, PACED, ONE_SIZE),
    (Unmarked, Latency { senders: 1, receivers: 1, q: 0.99 }, PACED, ONE_SIZE),
    (Unmarked, Latency { senders: 1, receivers: 1, q: 0.999 }, PACED, ONE_SIZE),
    (Unmarked, Latency { senders: 1, receivers: 1, q: 1.0 }, PACED, ONE_SIZE),
    (Unmarked, Latency { senders: 4, receivers: 4, q: 0.5 }, PACED, ONE_SIZE),
    (Unmarked, Latency { senders: 4, receivers: 4, q: 0.99 }, PACED, ONE_SIZE),
    (Unmarked, Latency { senders: 4, receivers: 4, q: 0.999 }, PACED, ONE_SIZE),
    (Unmarked, Latency { senders: 4, receivers: 4, q: 1.0 }, PACED, ONE_SIZE),
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

/// Likewise: a cell for every executor and capacity.
const TASKS: &[(TaskWork, &[Capacity])] =
    &[(TaskWork::PingPong, &[Some(1), Some(64), None]), (TaskWork::Across { senders: 4 }, &[Some(64), None])];
const EXECUTORS: &[Executor] = &[Executor::Tokio(1), Executor::Tokio(2), Executor::Futures(1)];

const TOKENS: &[(Group, TokenWork)] = &[
    (Checks, Check { threads: 1, deadline: false }),
    (Checks, Check { threads: 2, deadline: false }),
    (Checks, Check { threads: 1, deadline: true }),
    (Children, Child),
    (Children, Cancel(100)),
    (Unmarked, Cancel(1_000_000)),
    (Unmarked, Chain(10_000)),
    (Unmarked, WakeTasks(100)),
    (Unmarked, WakeThreads(100)),
];

const WAIT_GROUPS: &[(Group, WaitGroupWork)] = &[(Guards, Guard), (Unmarked, ForkJoin(4)), (Unmarked, Drops(4))];

const POOLS: &[(Group, PoolWork)] = &[
    (Pools, Jobs(1)),
    (Pools, Jobs(4)),
    (Pools, Words(1)),
    (Pools, Words(4)),
    (Unmarked, Scope),
    (Pools, RoundTrip),
    (Unmarked, Joins(10)),
    (Unmarked, Scopes(10)),
    (Unmarked, Busy),
    (Unmarked, Late(0.5)),
    (Unmarked, Late(0.99)),
    (Unmarked, Late(1.0)),
    (Unmarked, Resize),
];

pub fn all() -> impl Iterator<Item = Cell> {
    let channels = CHANNELS.iter().flat_map(|&(group, work, capacities, sizes)| {
        capacities.iter().flat_map(move |&capacity| {
            sizes.iter().map(move |&size| {
                let name = format!("{work}, {}", limit(capacity));
                let name = if sizes.len() > 1 { format!("{name}, {size}") } else { name };
                Cell { name, group, work: Work::Channel { work, capacity, size } }
            })
        })
    });
    let tasks = TASKS.iter().flat_map(|&(work, capacities)| {
        EXECUTORS.iter().flat_map(move |&executor| {
            capacities.iter().map(move |&capacity| {
                let name = format!("async {work}, on {executor}, {}", limit(capacity));
                Cell { name, group: Unmarked, work: Work::Tasks { work, executor, capacity } }
            })
        })
    });
    let tokens = TOKENS.iter().map(|&(group, work)| {
        let name = format!("token, {work}");
        Cell { name, group, work: Work::Token(work) }
    });
    let wait_groups = WAIT_GROUPS.iter().map(|&(group, work)| {
        let name = format!("wait group, {work}");
        Cell { name, group, work: Work::WaitGroup(work) }
    });
    let pools = POOLS.iter().map(|&(group, work)| {
        let name = format!("pool, {work}");
        Cell { name, group, work: Work::Pool(work) }
    });
    channels.chain(tasks).chain(tokens).chain(wait_groups).chain(pools)
}

impl Work {
    /// What README.md sums up in one row.
    pub fn family(self) -> &'static str {
        match self {
            Work::Channel { work: Pair | FillDrain | Create, .. } => "a channel, one thread",
            Work::Channel { work: Across { .. }, capacity, .. } => match capacity {
                Some(0 | 1) => "across threads, 0 or 1 places",
                Some(_) => "across threads, 2 to 1024 places",
                None => "across threads, unbounded",
            },
            Work::Channel { work: ChannelWork::PingPong | Latency { .. }, .. } => "latency, ping-pong",
            Work::Channel { work: Ready(..) | Default(..) | Fed(_), .. } => "select",
            Work::Tasks { .. } => "between tasks",
            Work::Token(_) => "token",
            Work::WaitGroup(_) => "wait group",
            Work::Pool(_) => "pool",
        }
    }

    /// How often a sample does it, at least and at most.
    pub fn bounds(self) -> (usize, usize) {
        match self {
            Work::Channel { work: Latency { .. }, .. } => (2_000, 2_000), // for the quantiles
            Work::Token(Cancel(1_000_000..)) => (1, 1),
            Work::Token(WakeThreads(_)) => (1, 16), // to set it up takes much longer
            Work::Token(Chain(_)) => (1, 1 << 22),
            Work::Pool(Jobs(_) | Words(_) | Scope) => (1024, 100_000), // all may be queued at once
            Work::Pool(Joins(_) | Scopes(_)) => (1, 1 << 22),
            Work::Pool(Late(_)) => (10_000, 10_000), // for the quantiles
            Work::Pool(Resize) => (64, 256),         // the pauses take longer
            _ => (256, 1 << 22),
        }
    }
}

impl Display for ChannelWork {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Pair => write!(f, "pair"),
            FillDrain => write!(f, "fill-drain"),
            Create => write!(f, "create+drop"),
            Across { senders, receivers } => write!(f, "{senders}:{receivers}"),
            PingPong => write!(f, "ping-pong"),
            Latency { senders, receivers, q } => write!(f, "latency {senders}:{receivers}, {}", quantile(*q)),
            Ready(form, arms) => write!(f, "{form} ready, {arms} arms"),
            Default(form, arms) => write!(f, "{form} default, {arms} arms"),
            Fed(arms) => write!(f, "select! fed, {arms} arms"),
        }
    }
}

impl Display for TaskWork {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::PingPong => write!(f, "ping-pong"),
            Self::Across { senders } => write!(f, "{senders}:1"),
        }
    }
}

impl Display for TokenWork {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Check { deadline: true, .. } => write!(f, "check, with a deadline"),
            Check { threads: 1, .. } => write!(f, "check"),
            Check { threads, .. } => write!(f, "check, {threads} threads"),
            Child => write!(f, "child create+drop"),
            Cancel(children) => write!(f, "cancel {children} children"),
            Chain(descendants) => write!(f, "chain of {descendants}"),
            WakeTasks(tasks) => write!(f, "wake {tasks} tasks"),
            WakeThreads(threads) => write!(f, "wake {threads} threads"),
        }
    }
}

impl Display for WaitGroupWork {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Guard => write!(f, "guard+drop"),
            ForkJoin(workers) => write!(f, "fork-join of {workers}"),
            Drops(threads) => write!(f, "drops from {threads} threads"),
        }
    }
}

impl Display for PoolWork {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Jobs(1) => write!(f, "jobs from 1 thread"),
            Jobs(threads) => write!(f, "jobs from {threads} threads"),
            Words(1) => write!(f, "jobs with a word from 1 thread"),
            Words(threads) => write!(f, "jobs with a word from {threads} threads"),
            Scope => write!(f, "jobs in a scope"),
            RoundTrip => write!(f, "round trip"),
            Joins(levels) => write!(f, "tree of joins, {levels} levels"),
            Scopes(levels) => write!(f, "tree of scopes, {levels} levels"),
            Busy => write!(f, "10 us jobs"),
            Late(q) => write!(f, "10 us jobs, latency, {}", quantile(*q)),
            Resize => write!(f, "resize under load"),
        }
    }
}

fn quantile(q: f64) -> String {
    if q < 1.0 { format!("p{}", q * 100.0) } else { "max".into() }
}

impl Display for Form {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::Macro => "select!",
            Form::Value => "Select",
        })
    }
}

impl Display for Executor {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (name, workers) = match self {
            Self::Tokio(workers) => ("tokio", workers),
            Self::Futures(workers) => ("futures", workers),
        };
        write!(f, "{workers} {name} worker{}", if *workers == 1 { "" } else { "s" })
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

fn limit(capacity: Capacity) -> String {
    capacity.map_or("unbounded".into(), |capacity| format!("cap {capacity}"))
}
