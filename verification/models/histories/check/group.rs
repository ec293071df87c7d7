//! The wait group: no wait returns early, and what came before a guard's drop is seen by whom it releases.

use super::super::program::Step;
use super::super::trace::Outcome;
use super::{Done, ordered, require};

pub(super) fn check(done: &[Done]) -> Result<(), String> {
    let of = |wanted: Step| done.iter().filter(move |done| done.step().is_some_and(|(step, _)| step == wanted));
    // Each guard that was made, and its drop.
    let guards: Vec<(&Done, &Done)> = of(Step::Guard)
        .map(|made| {
            let dropped =
                of(Step::DropGuard).find(|drop| drop.step().map(|drop| drop.1) == made.step().map(|made| made.1));
            (made, dropped.expect("the main thread drops what is left"))
        })
        .collect();
    for wait in done {
        match (wait.step(), wait.outcome) {
            (Some((Step::WaitGroup(_), _)), Outcome::Done) => {
                for (_, dropped) in guards.iter().filter(|(made, _)| made.ended_before(wait)) {
                    require(dropped.called.time < wait.returned.time, "SF-WG-1: a guard lives", wait)?;
                    ordered("HB-WG-1", dropped, wait)?;
                }
            }
            (Some((Step::Count, _)), Outcome::Counted(count)) => {
                let living = |(made, dropped): &&(&Done, &Done)| made.ended_before(wait) && wait.ended_before(dropped);
                let at_most = |(made, dropped): &&(&Done, &Done)| {
                    made.called.time < wait.returned.time && dropped.returned.time > wait.called.time
                };
                let (least, most) = (guards.iter().filter(living).count(), guards.iter().filter(at_most).count());
                require((least..=most).contains(count), "SF-WG-2: not the number of living guards", wait)?;
            }
            _ => {}
        }
    }
    Ok(())
}
