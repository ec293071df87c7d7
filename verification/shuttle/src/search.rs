//! The bounded explorer: a depth-first search over the schedules of a program, with at most so many preemptions in
//! each (iterative context bounding: Musuvathi and Qadeer, PLDI 2007), on shuttle's `Scheduler` trait.
//!
//! An execution is a path of choices: which thread runs next, whether a `park` returns spuriously, and whether a step of
//! user code panics. The search runs the program once per path, each time with the last choice that has an untried
//! alternative changed and everything after it taken anew. Switching away from a thread that could go on is a preemption
//! and costs one of the budget; without a budget (`None`) the search is exhaustive.
//!
//! A thread that yields waits in a loop for another (a lock's contention does), and runs again only when no thread is
//! left that has not yielded: the turn of the loop had no effect, so it might as well not have begun yet, and a spin has
//! finitely many schedules. Without a budget the same is done to a thread that waits for a lock: that it comes later is
//! another schedule. A thread that waits for a token is not put off: that it looked for the token can matter.

use std::cell::RefCell;
use std::rc::Rc;

use shuttle::current::TaskId;
use shuttle::scheduler::{Schedule, Scheduler, Task};

/// The choices that a program leaves to its explorer, beside which thread runs next.
pub trait Choices {
    /// One of so many options.
    fn choose(&mut self, options: usize) -> usize;
    /// Whether a `park` returns spuriously.
    fn spurious(&mut self) -> bool;
    /// Whether a step of user code panics.
    fn panics(&mut self) -> bool {
        false
    }
}

/// One choice of a path.
struct Choice {
    taken: usize,
    options: usize,
}

/// How often something may happen in one execution, and how often it has in the one under way.
struct Budget {
    most: usize,
    spent: usize,
}

impl Budget {
    fn new(most: usize) -> Self {
        Self { most, spent: 0 }
    }

    fn is_left(&self) -> bool {
        self.spent < self.most
    }

    fn spend(&mut self, happens: bool) {
        self.spent += usize::from(happens);
    }
}

/// The path under way, and the budgets of the execution under way.
pub(crate) struct Path {
    choices: Vec<Choice>,
    depth: usize,
    begun: bool,
    /// Set where one given path is to be run, and no other.
    replay: bool,
    preemptions: Budget,
    spurious: Budget,
    panics: Budget,
    /// Parks, in all executions, that found nothing to return for.
    pub(crate) parks: u64,
    /// Threads that have yielded, and wait until all have.
    yielded: Vec<TaskId>,
    /// Whether the thread under way goes on to wait for a token.
    parking: bool,
}

impl Path {
    pub(crate) fn new(preemptions: Option<usize>, spurious: usize, panics: usize, replay: Option<&str>) -> Self {
        let choices = replay.map_or_else(Vec::new, |replay| {
            let taken = replay.split('.').map(|word| word.parse().expect("a replay is numbers joined by dots"));
            taken.map(|taken| Choice { taken, options: usize::MAX }).collect()
        });
        Self {
            choices,
            depth: 0,
            begun: false,
            replay: replay.is_some(),
            preemptions: Budget::new(preemptions.unwrap_or(usize::MAX)),
            spurious: Budget::new(spurious),
            panics: Budget::new(panics),
            parks: 0,
            yielded: Vec::new(),
            parking: false,
        }
    }

    /// The path so far, as `--replay` takes it.
    pub(crate) fn replay(&self) -> String {
        let taken: Vec<String> = self.choices[..self.depth].iter().map(|choice| choice.taken.to_string()).collect();
        taken.join(".")
    }

    /// Moves on to the next path; false when all have been taken.
    fn advance(&mut self) -> bool {
        if self.begun {
            if self.replay {
                return false;
            }
            // The deepest choice with an alternative left takes it; those below it begin anew.
            let Some(last) = self.choices.iter().rposition(|choice| choice.taken + 1 < choice.options) else {
                return false;
            };
            self.choices.truncate(last + 1);
            self.choices[last].taken += 1;
        }
        self.begun = true;
        self.depth = 0;
        for budget in [&mut self.preemptions, &mut self.spurious, &mut self.panics] {
            budget.spent = 0;
        }
        self.yielded.clear();
        self.parking = false;
        true
    }

    fn next(&mut self, runnable: &[TaskId], current: Option<TaskId>, yields: bool) -> TaskId {
        // shuttle calls every park a yield. A thread that waits for a lock may be put off, too, as long as there is no
        // bound: it might as well have come later. One that waits for a token has been asked before, and may not.
        let puts_off =
            |task: &TaskId| yields && !self.parking && (runnable.contains(task) || self.preemptions.most == usize::MAX);
        self.yielded.extend(current.filter(puts_off));
        self.parking = false;
        if runnable.iter().all(|task| self.yielded.contains(task)) {
            self.yielded.clear();
        }
        let goes_on = current.filter(|task| !yields && runnable.contains(task) && !self.yielded.contains(task));
        let mut options = Vec::from_iter(goes_on);
        if goes_on.is_none() || self.preemptions.is_left() {
            options.extend(runnable.iter().filter(|task| Some(**task) != current && !self.yielded.contains(task)));
        }
        if options.is_empty() {
            options.extend(current); // it yields, and no one else can run
        }
        let next = options[self.choose(options.len())];
        self.preemptions.spend(goes_on.is_some_and(|current| next != current));
        next
    }
}

impl Choices for Path {
    fn choose(&mut self, options: usize) -> usize {
        if options == 1 {
            return 0;
        }
        if self.depth == self.choices.len() {
            self.choices.push(Choice { taken: 0, options });
        }
        let choice = &self.choices[self.depth];
        assert!(
            choice.options == options || self.replay && choice.taken < options,
            "the model is not deterministic: {} options where there were {}",
            options,
            choice.options
        );
        self.depth += 1;
        choice.taken
    }

    fn spurious(&mut self) -> bool {
        self.parks += 1;
        let spurious = self.spurious.is_left() && self.choose(2) == 1;
        self.spurious.spend(spurious);
        self.parking = !spurious;
        spurious
    }

    fn panics(&mut self) -> bool {
        let panics = self.panics.is_left() && self.choose(2) == 1;
        self.panics.spend(panics);
        panics
    }
}

/// The search as a scheduler, under [`Settling`](crate::Settling).
pub(crate) struct Search(pub(crate) Rc<RefCell<Path>>);

impl Scheduler for Search {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.0.borrow_mut().advance().then(|| Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        let runnable: Vec<TaskId> = runnable.iter().map(|task| task.id()).collect();
        Some(self.0.borrow_mut().next(&runnable, current, yields))
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}
