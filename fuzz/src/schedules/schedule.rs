//! Who runs next: the bytes of an input, or another scheduler, with the main thread held back.

use std::cell::{Cell, RefCell};
use std::mem;
use std::rc::Rc;

use hence_under_shuttle::Choices;
use shuttle::current::TaskId;
use shuttle::scheduler::{Schedule, Scheduler, Task};

/// Where the main thread is in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It makes things ready, and starts the threads, none of which runs before it has: their numbers are 1, 2, ...
    Setup,
    /// It waits for the others to come to rest.
    Settling,
    /// It is a thread as others.
    Free,
}

std::thread_local! {
    static PHASE: Cell<Phase> = const { Cell::new(Phase::Setup) };
}

/// Lets the others run, and comes back, to the main thread, when none of them can.
pub fn settle() {
    PHASE.set(Phase::Settling);
    shuttle::thread::yield_now();
    PHASE.set(Phase::Free);
}

/// Any scheduler's next execution, but the main thread runs alone at first, and not while it settles, and nobody wakes
/// without a reason but by [`Choices::spurious`].
#[derive(Debug)]
pub struct Settling<S> {
    scheduler: Rc<RefCell<S>>,
    begun: bool,
}

impl<S> Settling<S> {
    pub fn new(scheduler: Rc<RefCell<S>>) -> Self {
        Self { scheduler, begun: false }
    }
}

impl<S: Scheduler> Scheduler for Settling<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        PHASE.set(Phase::Setup);
        if mem::replace(&mut self.begun, true) { None } else { self.scheduler.borrow_mut().new_execution() }
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        let awake: Vec<&Task> = runnable.iter().copied().filter(|task| !task.can_spuriously_wakeup()).collect();
        let (main, others): (Vec<&Task>, _) = awake.iter().partition(|task| task.id() == TaskId::from(0));
        let may_run = match PHASE.get() {
            Phase::Setup if !main.is_empty() => main,
            Phase::Settling if !others.is_empty() => others,
            _ => awake,
        };
        self.scheduler.borrow_mut().next_task(&may_run, current, yields)
    }

    fn next_u64(&mut self) -> u64 {
        self.scheduler.borrow_mut().next_u64()
    }
}

/// A schedule made of bytes, one for each turn of a thread.
///
/// A byte says who takes over (2 bits: the first of the others that can run, the second, ...), for how many scheduling
/// points it goes on if nothing stops it (5 bits), and whether one park of that time returns without a reason (1 bit).
/// So a schedule of n bytes has n switches, and taking a byte out takes a switch out. After the last byte, each thread
/// runs until it blocks or yields, and then the next one in turn, so that every loop ends.
#[derive(Clone, Debug)]
pub struct Turns(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    bytes: Vec<u8>,
    begun: bool,
    next: usize,
    left: usize,
    to: usize,
    spurious: bool,
}

/// The byte of a turn.
pub fn turn(to: u8, steps: u8, spurious: bool) -> u8 {
    steps << 3 | (to & 3) << 1 | u8::from(spurious)
}

impl Turns {
    pub fn new(bytes: &[u8]) -> Self {
        let bytes = bytes.to_vec();
        Self(Rc::new(RefCell::new(State { bytes, begun: false, next: 0, left: 0, to: 0, spurious: false })))
    }
}

impl Scheduler for Turns {
    fn new_execution(&mut self) -> Option<Schedule> {
        (!mem::replace(&mut self.0.borrow_mut().begun, true)).then(|| Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        let mut state = self.0.borrow_mut();
        let others: Vec<TaskId> = runnable.iter().map(|task| task.id()).filter(|task| Some(*task) != current).collect();
        let goes_on = current.filter(|current| runnable.iter().any(|task| task.id() == *current));
        if runnable.len() == 1 {
            return Some(runnable[0].id());
        }
        if !yields && state.left > 0 && goes_on.is_some() {
            state.left -= 1;
            return goes_on;
        }
        let Some(&byte) = state.bytes.get(state.next) else {
            (state.left, state.to, state.spurious) = (usize::MAX, 0, false);
            return others.iter().copied().find(|task| Some(*task) > current).or(Some(others[0]));
        };
        state.next += 1;
        (state.left, state.to, state.spurious) = ((byte >> 3).into(), (byte >> 1 & 3).into(), byte & 1 == 1);
        Some(others[state.to % others.len()])
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

impl Choices for Turns {
    fn choose(&mut self, options: usize) -> usize {
        self.0.borrow().to % options
    }

    fn spurious(&mut self) -> bool {
        mem::take(&mut self.0.borrow_mut().spurious)
    }
}
