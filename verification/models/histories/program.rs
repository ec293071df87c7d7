//! A small concurrent program over the public API, as data.

use std::fmt;

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
    /// Whether the threads have the main thread's handles, too, and none of their own, so that dropping them is no step.
    pub shared: bool,
    pub threads: Vec<Vec<Step>>,
}

impl Program {
    /// All jobs' and threads' steps.
    pub fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        self.threads.iter().flatten().copied()
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
        if self.shared {
            writeln!(f, "all share main's senders and receivers")?;
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
            Patience::Blocks => "",
            Patience::Tries => "try_",
            Patience::TimesOut => "timed ",
            Patience::Cancellable => "cancellable ",
            Patience::Async => "async ",
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
