//! One input is a program and a schedule: the program is run once, under that schedule, in shuttle's world, and what it
//! did is held against the specification.
//!
//! - [`program`] is what an input decodes to, and [`schedule`] is who decides which thread runs;
//! - [`run`] carries a program out, and makes sure that it ends under every schedule;
//! - [`trace`] is what happened, and [`check`] says whether it may.

pub mod check;
pub mod program;
pub mod run;
pub mod schedule;
pub mod trace;

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Once;

use arbitrary::{Arbitrary, Unstructured};
use hence_registry::weaken;
use hence_under_shuttle::executions;
use shuttle::scheduler::Scheduler;

use program::Program;
use schedule::{Settling, Turns};

/// A program, and the bytes that schedule it.
#[derive(Arbitrary, Clone, PartialEq, Eq)]
pub struct Input<'a> {
    pub program: Program,
    pub schedule: &'a [u8],
}

/// For `cargo fuzz fmt`: the program as a trace begins, and its turns.
impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}schedule: {:?}", self.program, self.schedule)
    }
}

impl<'a> Input<'a> {
    /// Every string of bytes is an input: what is missing ends the program, and lets each thread run until it blocks.
    pub fn decode(bytes: &'a [u8]) -> Self {
        Self::arbitrary_take_rest(Unstructured::new(bytes)).expect("no string of bytes is refused")
    }

    /// The inverse of [`Input::decode`].
    pub fn encode(&self) -> Vec<u8> {
        [self.program.encode(), self.schedule.to_vec()].concat()
    }
}

/// Runs an input; what is wrong, if anything.
pub fn replay(input: &Input) -> Result<(), String> {
    let turns = Turns::new(input.schedule);
    explore(&input.program, turns.clone(), Some(Rc::new(RefCell::new(turns))))
}

/// Runs a program under every schedule that the scheduler begins, up to the first finding, after which this process
/// is not to be trusted with another.
pub fn explore(
    program: &Program,
    scheduler: impl Scheduler + 'static,
    choices: Option<Rc<RefCell<dyn hence_under_shuttle::Choices>>>,
) -> Result<(), String> {
    prepare();
    let scheduler = Rc::new(RefCell::new(scheduler));
    let run = || {
        let (program, before) = (program.clone(), executions());
        let body = move || {
            trace::begin();
            run::run(&program);
        };
        hence_under_shuttle::drive(Settling::new(scheduler.clone()), choices.clone(), body);
        executions() > before
    };
    // The trace is checked out here: the search may go deeper than the stack of a coroutine.
    while panic::catch_unwind(AssertUnwindSafe(run)).map_err(|panic| hence_registry::message(&*panic))? {
        check::check(program, &trace::events())?;
    }
    Ok(())
}

/// The program, and the steps of its last execution, one a line.
pub fn story(program: &Program) -> String {
    let mut story = program.to_string();
    for event in trace::events() {
        writeln!(story, "{event}").expect("a string takes all");
    }
    story
}

/// Once per process: the weakening that the environment asks for, and silence about panics. Those of jobs are part of
/// the program, and of the others a finding tells; libFuzzer's hook would end the process at the first.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Some(weaken) = weaken::from_environment().unwrap_or_else(|fault| panic!("{fault}")) {
            hence_under_shuttle::enforce(&weaken);
        }
        // shuttle puts a hook of its own before any that it finds at its first execution: this is that.
        hence_under_shuttle::drive(Turns::new(&[]), None, || ());
        panic::set_hook(Box::new(|_| {}));
    });
}
