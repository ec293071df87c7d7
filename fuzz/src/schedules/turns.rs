//! Who runs next, by the bytes of an input.

use std::cell::RefCell;
use std::mem;
use std::rc::Rc;

use hence_under_shuttle::Choices;
use shuttle::current::TaskId;
use shuttle::scheduler::{Schedule, Scheduler, Task};

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
