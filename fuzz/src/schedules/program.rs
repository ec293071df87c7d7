//! A small concurrent program over the public API, and how it is written in bytes.
//!
//! One byte is one step, an index into the list of all steps, and a zero ends a thread: a mutation changes one step,
//! and taking a byte out takes one step out. (The derived form has four bytes for the choice of a variant, of which
//! three say next to nothing, and one before each element.)

use std::fmt;
use std::sync::LazyLock;

use arbitrary::{Arbitrary, Result, Unstructured};

/// Threads of a program, beside the main one.
pub const THREADS: usize = 5;
/// Steps of a thread.
pub const STEPS: usize = 8;
/// Jobs of a program, which have a worker each at most.
pub const JOBS: usize = 6;
/// Channels of a program.
pub const CHANNELS: usize = 2;
/// Tokens of a program, each the parent of the next; the last has a deadline.
pub const TOKENS: usize = 3;

/// How long an operation waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Until it is done.
    Blocks,
    /// Not at all.
    Tries,
    /// A time-out, which is always over: when it is noticed is up to the schedule.
    TimesOut,
    /// Until the second token is cancelled.
    Cancellable,
    /// As a future.
    Async,
}

/// One operation of a select.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    Send(usize),
    Recv(usize),
}

impl Arm {
    pub fn channel(self) -> usize {
        let (Arm::Send(channel) | Arm::Recv(channel)) = self;
        channel
    }
}

/// What a job of the pool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    Returns,
    Panics,
    Sends(usize),
    Receives(usize),
    /// Submits another, and joins it.
    Spawns,
}

/// One step of a thread. Channels and tokens are numbered; a guard, a task is the last one that the thread has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Send(usize, Patience),
    Recv(usize, Patience),
    Select([Arm; 2], Patience),
    /// A select that panics once it has been chosen what to do, so that it is undone.
    GiveUp([Arm; 2]),
    /// A future that is polled once, and dropped.
    Abandon(Arm),
    Close(usize),
    DropSender(usize),
    DropReceiver(usize),
    Cancel(usize),
    IsCancelled(usize),
    Cause(usize),
    WaitToken(usize, Patience),
    /// Makes a child token, and waits for that.
    WaitChild(usize),
    OnCancel(usize),
    Guard,
    DropGuard,
    WaitGroup(Patience),
    Count,
    Spawn(Job, Patience),
    Execute(Job),
    Join(Patience),
    CancelTask,
    Resize(usize),
    ClosePool,
    WaitIdle(Patience),
    Drain,
    Shutdown,
}

use Patience::{Async, Blocks, Cancellable, TimesOut, Tries};

/// All steps, in the order of their bytes, which begin at 1. New ones belong at the end: seeds and corpora stay valid.
static ALL: LazyLock<Vec<Step>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for channel in 0..CHANNELS {
        all.extend([Blocks, Tries, TimesOut, Cancellable, Async].map(|patience| Step::Send(channel, patience)));
        all.extend([Blocks, Tries, TimesOut, Cancellable, Async].map(|patience| Step::Recv(channel, patience)));
        all.extend([Step::Close(channel), Step::DropSender(channel), Step::DropReceiver(channel)]);
    }
    let arms = [Arm::Recv(0), Arm::Recv(1), Arm::Send(0), Arm::Send(1)];
    for (i, first) in arms.into_iter().enumerate() {
        for second in arms.into_iter().skip(i + 1) {
            all.extend([Blocks, Tries, TimesOut].map(|patience| Step::Select([first, second], patience)));
        }
    }
    for token in 0..TOKENS {
        all.extend([Step::Cancel(token), Step::IsCancelled(token), Step::Cause(token), Step::WaitChild(token)]);
        all.extend([Blocks, TimesOut].map(|patience| Step::WaitToken(token, patience)));
    }
    // Not of the last one: with a deadline, each callback is a thread more.
    all.extend([Step::OnCancel(0), Step::OnCancel(1)]);
    all.extend([Step::Guard, Step::DropGuard, Step::Count]);
    all.extend([Blocks, TimesOut, Cancellable, Async].map(Step::WaitGroup));
    for job in [Job::Returns, Job::Panics, Job::Sends(0), Job::Receives(0), Job::Receives(1), Job::Spawns] {
        all.extend([Blocks, Tries, TimesOut].map(|patience| Step::Spawn(job, patience)));
        all.push(Step::Execute(job));
    }
    all.extend([Blocks, TimesOut].map(Step::Join));
    all.extend([Step::CancelTask, Step::Resize(1), Step::Resize(2), Step::Resize(3), Step::ClosePool]);
    all.extend([Blocks, TimesOut].map(Step::WaitIdle));
    all.extend([Step::Drain, Step::Shutdown]);
    for (i, first) in arms.into_iter().enumerate() {
        all.extend(arms.into_iter().skip(i + 1).map(|second| Step::GiveUp([first, second])));
        all.push(Step::Abandon(first));
    }
    assert!(all.len() < 192, "a step is a byte that is no end");
    all
});

impl Step {
    /// The operations of channels that the step waits for, if it waits.
    pub fn operations(self) -> Vec<Arm> {
        match self {
            Step::Send(channel, _) => vec![Arm::Send(channel)],
            Step::Recv(channel, _) => vec![Arm::Recv(channel)],
            Step::Select(arms, _) | Step::GiveUp(arms) => arms.into(),
            Step::Abandon(arm) => vec![arm],
            _ => Vec::new(),
        }
    }

    /// Whether it takes a sender of this channel.
    pub fn sends(self, channel: usize) -> bool {
        let job = matches!(self, Step::Spawn(job, _) | Step::Execute(job) if job == Job::Sends(channel));
        job || self == Step::DropSender(channel) || self.operations().contains(&Arm::Send(channel))
    }

    /// Whether it takes a receiver of this channel.
    pub fn receives(self, channel: usize) -> bool {
        let job = matches!(self, Step::Spawn(job, _) | Step::Execute(job) if job == Job::Receives(channel));
        job || self == Step::DropReceiver(channel) || self.operations().contains(&Arm::Recv(channel))
    }

    /// Whether it takes the pool.
    pub fn uses_pool(self) -> bool {
        use Step::{ClosePool, Drain, Execute, Resize, Shutdown, Spawn, WaitIdle};
        matches!(self, Spawn(..) | Execute(_) | Resize(_) | ClosePool | WaitIdle(_) | Drain | Shutdown)
    }
}

/// The program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Of each channel; `None` is unbounded.
    pub capacities: [Option<usize>; CHANNELS],
    pub workers: usize,
    /// The bound of the pool's queue; `None` is none.
    pub queue: Option<usize>,
    /// Whether the pool ends by a shutdown, which cancels the jobs that have not begun, or by a drain.
    pub shutdown: bool,
    /// Whether the main thread drops its handles of the channels at the start, so that the threads' are the last.
    pub leaves: bool,
    pub threads: Vec<Vec<Step>>,
}

impl Program {
    /// All jobs' and threads' steps.
    pub fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        self.threads.iter().flatten().copied()
    }

    /// The inverse of [`Program::arbitrary`].
    pub fn encode(&self) -> Vec<u8> {
        let capacity = |capacity: Option<usize>| capacity.map_or(3, |capacity| capacity as u8);
        let mut bytes = vec![
            capacity(self.capacities[0]) | capacity(self.capacities[1]) << 2,
            (self.workers as u8 - 1)
                | self.queue.map_or(0, |queue| queue as u8) << 1
                | u8::from(self.shutdown) << 2
                | u8::from(self.leaves) << 3,
        ];
        for thread in &self.threads {
            let byte = |step| 1 + ALL.iter().position(|it| it == step).expect("a step of the list") as u8;
            bytes.extend(thread.iter().map(byte));
            // A full thread needs no end.
            bytes.extend((thread.len() < STEPS).then_some(0));
        }
        bytes.extend((self.threads.len() < THREADS).then_some(0));
        bytes
    }
}

impl<'a> Arbitrary<'a> for Program {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        // What runs out reads as zero.
        let [channels, pool] = [u.int_in_range(0..=u8::MAX)?, u.int_in_range(0..=u8::MAX)?];
        let capacity = |bits: u8| (bits & 3 != 3).then_some((bits & 3).into());
        let mut program = Self {
            capacities: [capacity(channels), capacity(channels >> 2)],
            workers: 1 + usize::from(pool & 1),
            queue: (pool & 2 != 0).then_some(1),
            shutdown: pool & 4 != 0,
            leaves: pool & 8 != 0,
            threads: Vec::new(),
        };
        while program.threads.len() < THREADS {
            let mut steps = Vec::new();
            while steps.len() < STEPS {
                // A quarter of all bytes are ends, so that bytes made up at random are small programs, too.
                match usize::from(u.int_in_range(0..=u8::MAX)?) {
                    0 | 192.. => break,
                    step => steps.push(ALL[(step - 1) % ALL.len()]),
                }
            }
            if steps.is_empty() {
                break;
            }
            program.threads.push(steps);
        }
        Ok(program)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (channel, capacity) in self.capacities.iter().enumerate() {
            let capacity = capacity.map_or("unbounded".into(), |capacity| format!("bounded({capacity})"));
            writeln!(f, "c{channel}: {capacity}")?;
        }
        let queue = self.queue.map_or(String::new(), |queue| format!(".queue({queue})"));
        let end = if self.shutdown { "shutdown" } else { "drain" };
        writeln!(f, "pool: builder({}){queue}, ends by {end}", self.workers)?;
        if self.leaves {
            writeln!(f, "main drops its senders and receivers at the start")?;
        }
        for (thread, steps) in (1..).zip(&self.threads) {
            let steps: Vec<String> = steps.iter().map(Step::to_string).collect();
            writeln!(f, "t{thread}: {}", steps.join("; "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Blocks => "",
            Tries => "try_",
            TimesOut => "timed ",
            Cancellable => "cancellable ",
            Async => "async ",
        })
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arm::Send(channel) => write!(f, "send c{channel}"),
            Arm::Recv(channel) => write!(f, "recv c{channel}"),
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Job::Returns => f.write_str("{}"),
            Job::Panics => f.write_str("{ panic }"),
            Job::Sends(channel) => write!(f, "{{ send c{channel} }}"),
            Job::Receives(channel) => write!(f, "{{ recv c{channel} }}"),
            Job::Spawns => f.write_str("{ spawn {}; join }"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Send(channel, patience) => write!(f, "{patience}send c{channel}"),
            Step::Recv(channel, patience) => write!(f, "{patience}recv c{channel}"),
            Step::Select([first, second], patience) => write!(f, "{patience}select {{ {first}, {second} }}"),
            Step::GiveUp([first, second]) => write!(f, "select {{ {first}, {second} }}, given up"),
            Step::Abandon(arm) => write!(f, "abandoned {arm}"),
            Step::Close(channel) => write!(f, "close c{channel}"),
            Step::DropSender(channel) => write!(f, "drop sender of c{channel}"),
            Step::DropReceiver(channel) => write!(f, "drop receiver of c{channel}"),
            Step::Cancel(token) => write!(f, "cancel k{token}"),
            Step::IsCancelled(token) => write!(f, "is_cancelled k{token}"),
            Step::Cause(token) => write!(f, "cause of k{token}"),
            Step::WaitToken(token, patience) => write!(f, "{patience}wait k{token}"),
            Step::WaitChild(token) => write!(f, "wait child of k{token}"),
            Step::OnCancel(token) => write!(f, "on_cancel k{token}"),
            Step::Guard => f.write_str("guard"),
            Step::DropGuard => f.write_str("drop guard"),
            Step::WaitGroup(patience) => write!(f, "{patience}wait group"),
            Step::Count => f.write_str("count of group"),
            Step::Spawn(job, patience) => write!(f, "{patience}spawn {job}"),
            Step::Execute(job) => write!(f, "execute {job}"),
            Step::Join(patience) => write!(f, "{patience}join task"),
            Step::CancelTask => f.write_str("cancel task"),
            Step::Resize(workers) => write!(f, "resize pool to {workers}"),
            Step::ClosePool => f.write_str("close pool"),
            Step::WaitIdle(patience) => write!(f, "{patience}wait_idle"),
            Step::Drain => f.write_str("drain pool"),
            Step::Shutdown => f.write_str("shutdown pool"),
        }
    }
}
