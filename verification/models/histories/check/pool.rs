//! The pool: a job that was accepted runs once, or is reported as cancelled; what it did is seen by whoever hears of
//! its end; and no more jobs run than may.

use super::super::program::{Job, Program, Step};
use super::super::trace::{Action, Outcome};
use super::{Done, ordered, require};

pub(super) fn check(program: &Program, done: &[Done]) -> Result<(), String> {
    let resized =
        program.steps().filter_map(|step| if let Step::Resize(workers) = step { Some(workers) } else { None });
    let limit = resized.chain([program.workers]).max().expect("at least the first limit");
    let may_cancel = program.shutdown || program.steps().any(|step| matches!(step, Step::Shutdown));
    let of = |number: usize| {
        done.iter().filter(move |done| done.step().is_some_and(|(_, of)| of == Some(number))).filter_map(|done| {
            let (step, _) = done.step()?;
            Some((step, done))
        })
    };
    let runs: Vec<(usize, Job, &Done)> = done
        .iter()
        .filter_map(
            |done| if let Action::Job(number, job) = done.event.action { Some((number, job, done)) } else { None },
        )
        .collect();

    for submitted in done {
        let Some((Step::Spawn(job, _) | Step::Execute(job), Some(number))) = submitted.step() else { continue };
        let its_runs: Vec<&Done> = runs.iter().filter(|(of, ..)| *of == number).map(|(.., done)| *done).collect();
        let accepted = *submitted.outcome == Outcome::Done;
        require(its_runs.len() <= usize::from(accepted), "SF-PL-1: it ran too often", submitted)?;
        let cancelled = |(step, done): (Step, &Done)| match step {
            Step::CancelTask => *done.outcome == Outcome::Is(true),
            Step::Join(_) => *done.outcome == Outcome::Cancelled,
            _ => false,
        };
        let is_cancelled = of(number).any(cancelled);
        let Some(run) = its_runs.first() else {
            require(!accepted || is_cancelled || may_cancel, "SF-PL-1: it never ran", submitted)?;
            let has_result = |(step, done): (Step, &Done)| {
                matches!(step, Step::Join(_)) && !matches!(done.outcome, Outcome::Cancelled | Outcome::TimedOut)
            };
            require(!of(number).any(has_result), "SF-PL-1: it never ran, and has a result", submitted)?;
            continue;
        };
        require(!is_cancelled, "SF-PL-3: it was cancelled, and ran", submitted)?;
        ordered("HB-PL-1", submitted, run)?;
        for (step, join) in of(number) {
            if !matches!(step, Step::Join(_)) || *join.outcome == Outcome::TimedOut {
                continue;
            }
            let expected = if job == Job::Panics { Outcome::Panicked } else { Outcome::Value(number) };
            require(*join.outcome == expected, "HB-PL-2: not its result", join)?;
            ordered("HB-PL-2", run, join)?;
        }
    }

    for wait in done {
        let Some((Step::WaitIdle(_) | Step::Drain | Step::Shutdown, _)) = wait.step() else { continue };
        if *wait.outcome != Outcome::Done {
            continue;
        }
        for submitted in done.iter().filter(|submitted| submitted.ended_before(wait)) {
            let Some((Step::Spawn(..) | Step::Execute(_), number)) = submitted.step() else { continue };
            for (.., run) in runs.iter().filter(|(of, ..)| Some(*of) == number) {
                require(run.returned.time < wait.returned.time, "SF-PL-6: it did not wait for a job", wait)?;
                ordered("HB-PL-3", run, wait)?;
            }
        }
    }

    for (.., start) in &runs {
        let now = start.called.time;
        let running = |(_, job, run): &&(usize, Job, &Done)| {
            // A job that joins another need not run meanwhile.
            *job != Job::Spawns && run.called.time <= now && now < run.returned.time
        };
        require(runs.iter().filter(running).count() <= limit, "SF-PL-2: above the limit", start)?;
    }
    Ok(())
}
