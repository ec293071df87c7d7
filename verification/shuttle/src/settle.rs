//! The main thread held back: it makes a program ready before any other thread runs, and takes stock when none of them
//! can go on.

use std::cell::Cell;

use shuttle::current::TaskId;
use shuttle::scheduler::{Schedule, Scheduler, Task};

/// Where the main thread is in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It runs alone.
    Alone,
    /// It waits for the others to come to rest.
    Settling,
    /// It is a thread as others.
    Free,
}

std::thread_local! {
    static PHASE: Cell<Phase> = const { Cell::new(Phase::Free) };
}

/// Keeps the others from running until the calling thread, the main one, settles or blocks.
pub(crate) fn alone() {
    PHASE.set(Phase::Alone);
}

/// Lets the others run, and comes back, to the main thread, when none of them can.
pub(crate) fn settle() {
    PHASE.set(Phase::Settling);
    shuttle::thread::yield_now();
    PHASE.set(Phase::Free);
}

/// Any scheduler, but it is asked only about the threads that may run: `alone` and [`settle`] say which, and nobody
/// wakes without a reason, but by [`Choices::spurious`](crate::Choices::spurious), at the `park`.
#[derive(Debug)]
pub struct Settling<S>(pub S);

impl<S: Scheduler> Scheduler for Settling<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        PHASE.set(Phase::Free);
        self.0.new_execution()
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        let mut may_run: Vec<&Task> = runnable.iter().copied().filter(|task| !task.can_spuriously_wakeup()).collect();
        let is_wanted = |task: &&Task| match PHASE.get() {
            Phase::Alone => task.id() == TaskId::from(0),
            Phase::Settling => task.id() != TaskId::from(0),
            Phase::Free => true,
        };
        if may_run.iter().any(is_wanted) {
            may_run.retain(is_wanted);
        }
        self.0.next_task(&may_run, current, yields)
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}
