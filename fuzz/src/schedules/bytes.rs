//! How a program is written in bytes.
//!
//! One byte is one step, an index into the list of all steps, and a zero ends a thread: a mutation changes one step,
//! and taking a byte out takes one step out. (What `arbitrary` derives has four bytes for the choice of a variant, of
//! which three say next to nothing, and one before each element.)

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use hence_under_shuttle::histories::program::{
    Arm, CHANNELS, Job,
    Patience::{Async, Blocks, Cancellable, TimesOut, Tries},
    Program, Step, TOKENS,
};

/// Threads of a program, beside the main one.
const THREADS: usize = 5;
/// Steps of a thread.
const STEPS: usize = 8;

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

/// A program's bytes.
pub fn encode(program: &Program) -> Vec<u8> {
    let capacity = |capacity: Option<usize>| capacity.map_or(3, |capacity| capacity as u8);
    let mut bytes = vec![
        capacity(program.capacities[0]) | capacity(program.capacities[1]) << 2,
        (program.workers as u8 - 1)
            | program.queue.map_or(0, |queue| queue as u8) << 1
            | u8::from(program.shutdown) << 2
            | u8::from(program.leaves) << 3,
    ];
    for thread in &program.threads {
        let byte = |step| 1 + ALL.iter().position(|it| it == step).expect("a step of the list") as u8;
        bytes.extend(thread.iter().map(byte));
        // A full thread needs no end.
        bytes.extend((thread.len() < STEPS).then_some(0));
    }
    bytes.extend((program.threads.len() < THREADS).then_some(0));
    bytes
}

/// The inverse of [`encode`].
pub fn decode(u: &mut Unstructured) -> Result<Program> {
    // What runs out reads as zero.
    let [channels, pool] = [u.int_in_range(0..=u8::MAX)?, u.int_in_range(0..=u8::MAX)?];
    let capacity = |bits: u8| (bits & 3 != 3).then_some((bits & 3).into());
    let mut program = Program {
        capacities: [capacity(channels), capacity(channels >> 2)],
        workers: 1 + usize::from(pool & 1),
        queue: (pool & 2 != 0).then_some(1),
        shutdown: pool & 4 != 0,
        leaves: pool & 8 != 0,
        shared: false,
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
