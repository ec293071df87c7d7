//! Every model under every engine of the explorer whose cfg is set, as ordinary tests:
//! `RUSTFLAGS="--cfg loom" cargo test --release`, and the same with shuttle. Each runs in the process and under the
//! verdict that `cargo verify` would give it. Without a cfg they are listed and ignored.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hence_verification::child::Job;
use hence_verification::parent::{self, Left};
use hence_verification::pins::Pins;
use hence_verification::pool::Finished;
use hence_verification::rows::Row;
use hence_verification::verdict::{Terms, Verdict, judge};
use hence_verification::{engines, report};
use libtest_mimic::{Arguments, Failed, Trial};

const SEED: u64 = 1;
const TIMEOUT: Duration = Duration::from_secs(900);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let explorer = cfg!(any(loom, shuttle));
    if !explorer && !arguments.list {
        eprintln!("the models run under RUSTFLAGS=\"--cfg loom\" (or shuttle) cargo test --release, and cargo verify");
    }
    let pins = Arc::new(Pins::read(&hence_verification::here()).expect("readable"));
    let rows = engines::models().into_iter().flat_map(|model| Row::of(&model).collect::<Vec<_>>());
    let trials = rows.filter(|row| engines::holds(row.engine)).map(|row| {
        let pins = Arc::clone(&pins);
        Trial::test(name(&row), move || check(row, &pins)).with_ignored_flag(!explorer)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// As in `hb_wg_1_drop_before_wait::bounded_2_preemptions_1_spurious_wakes`; `--skip ::slow` leaves out what `--quick` does.
fn name(row: &Row) -> String {
    let bound = row.engine.bound().map(|bound| format!("_{bound}")).unwrap_or_default();
    let slow = if row.model.quick { "" } else { "::slow" };
    format!("{}::{}{bound}{slow}", row.model.name, row.engine.name()).replace(", ", "_").replace(' ', "_")
}

fn check(row: Row, pins: &Pins) -> Result<(), Failed> {
    let runner = Path::new(env!("CARGO_BIN_EXE_hence-verify"));
    let job = Job::new(&row, SEED, None);
    let left = parent::explore(runner, &job, TIMEOUT, &AtomicBool::new(false), |_| {});
    let Left { run, noise } = left.expect("nobody interrupts it");
    let verdict = judge(&row, &run, Terms::Pinned(pins));
    let finished = Finished { row, run, noise, verdict };
    match &finished.verdict {
        Verdict::Red(_) => Err(report::why(&finished, SEED).into()),
        Verdict::Green | Verdict::Idle => Ok(()),
    }
}
