//! Histories: small programs whose every execution is recorded, operation by operation, and held against the
//! specification of all that they use. `fuzz/` makes up programs of the same steps, which go the same way.
//!
//! - [`program`] is what a program is made of, and `run` carries one out, and makes sure that it ends;
//! - `trace` is what happened, and `check` says whether it may;
//! - `catalogue` has the programs that are models, and `variants` a channel that is none, and is found out.
//!
//! Under the bounded explorer alone: loom takes executions that differ in real time only for one.

mod catalogue;
#[allow(missing_docs)] // names say it
pub mod program;

#[cfg(hence_shuttle)]
pub mod check;
#[cfg(hence_shuttle)]
mod run;
#[cfg(hence_shuttle)]
#[allow(missing_docs)] // names say it
pub mod trace;
#[cfg(hence_shuttle)]
mod variants;

pub(super) use catalogue::models;
use program::Program;

/// Runs a program, and panics with what is wrong with its history.
#[cfg(hence_shuttle)]
pub fn carry_out(program: &Program) -> check::Allowed {
    run::run(program);
    judge(program)
}

/// Panics with what is wrong with the history.
#[cfg(hence_shuttle)]
fn judge(program: &Program) -> check::Allowed {
    check::check(program, &trace::events()).unwrap_or_else(|fault| panic!("{fault}"))
}

/// One execution of a model; its outcome says nothing more than that all that was seen is allowed.
#[cfg(hence_shuttle)]
fn holds(program: &Program) -> String {
    decided(carry_out(program))
}

/// The same of a channel of two queues.
#[cfg(hence_shuttle)]
fn of_two_queues(program: &Program) -> String {
    variants::two_queues(program);
    decided(judge(program))
}

#[cfg(hence_shuttle)]
fn decided(allowed: check::Allowed) -> String {
    assert_eq!(allowed, check::Allowed::Yes, "a model is small enough to be decided");
    ALLOWED.into()
}

/// The outcome of a model's every execution.
const ALLOWED: &str = "allowed";

#[cfg(hence_loom)]
use unreachable as holds;
#[cfg(hence_loom)]
use unreachable as of_two_queues;

/// No row of a history is loom's.
#[cfg(hence_loom)]
fn unreachable(program: &Program) -> String {
    unreachable!("under loom: {program}")
}
