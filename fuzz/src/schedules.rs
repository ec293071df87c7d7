//! One input is a program and a schedule: the program is run once, under that schedule, in shuttle's world, and what it
//! did is held against the specification.
//!
//! What a program is, how it runs and what its history is held against is `verification/models/histories`, the same
//! that the bounded explorer exhausts for small ones. Here is what libFuzzer needs beside it:
//!
//! - [`bytes`] is what an input decodes to, and [`turns`] the schedule.

pub mod bytes;
pub mod turns;

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Once;

use arbitrary::{Arbitrary, Unstructured};
use hence_registry::weaken;
use hence_under_shuttle::histories::{self, program::Program, trace};
use hence_under_shuttle::{Choices, Settling};
use shuttle::scheduler::Scheduler;

use turns::Turns;

/// A program, and the bytes that schedule it.
#[derive(Arbitrary, Clone, PartialEq, Eq)]
pub struct Input<'a> {
    #[arbitrary(with = bytes::decode)]
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
        [bytes::encode(&self.program), self.schedule.to_vec()].concat()
    }
}

/// Runs an input; what is wrong, if anything.
pub fn replay(input: &Input) -> Result<(), String> {
    let turns = Turns::new(input.schedule);
    explore(&input.program, turns.clone(), Some(Rc::new(RefCell::new(turns))))
}

/// Runs a program under every schedule that the scheduler begins, up to the first finding, after which this process
/// is not to be trusted with another. A history with more orders than can be tried is let pass.
pub fn explore(
    program: &Program,
    scheduler: impl Scheduler + 'static,
    choices: Option<Rc<RefCell<dyn Choices>>>,
) -> Result<(), String> {
    prepare();
    let program = program.clone();
    let body = move || _ = histories::carry_out(&program);
    let run = || hence_under_shuttle::drive(Settling(scheduler), choices, body);
    panic::catch_unwind(AssertUnwindSafe(run)).map_err(|panic| hence_registry::message(&*panic))
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
