//! A cancellation token: cancelled once, for one cause, with its descendants, and never back.

use super::super::program::{Patience, Step, TOKENS};
use super::super::trace::{Action, Outcome};
use super::{Done, ordered, require};

pub(super) fn check(token: usize, done: &[Done]) -> Result<(), String> {
    let is_timed = token == TOKENS - 1;
    // Who tried to cancel it: itself, or one of its ancestors, which are those before it.
    let cancels: Vec<&Done> =
        done.iter().filter(|done| matches!(done.step(), Some((Step::Cancel(of), _)) if of <= token)).collect();
    let succeeded = |done: &&&Done| *done.outcome == Outcome::Is(true);
    let is_itself = |done: &&&Done| matches!(done.step(), Some((Step::Cancel(of), _)) if of == token);
    if let Some(second) = cancels.iter().filter(is_itself).filter(succeeded).nth(1) {
        return Err(format!("SF-CX-1: cancelled twice:\n{}", second.event));
    }

    // Whether each look found it cancelled, in the order of the trace.
    let looks: Vec<(&Done, bool)> = done.iter().filter_map(|done| Some((done, found(token, done)?))).collect();
    for (look, is_cancelled) in &looks {
        if *is_cancelled {
            // HB-CX-1: one of those that succeeded is the cause.
            let seen = cancels.iter().filter(succeeded).any(|cancel| ordered("", cancel, look).is_ok());
            require(is_timed || seen, "HB-CX-1: found cancelled, but no cancel happens before", look)?;
        } else {
            // One that came too late for an ancestor does not wait for the one in time, which goes down the tree.
            let counts = |cancel: &&&Done| succeeded(cancel) || is_itself(cancel);
            let cancelled = cancels.iter().filter(counts).any(|cancel| cancel.ended_before(look));
            require(!cancelled, "SF-CX-2: not cancelled after a cancel", look)?;
            let earlier = looks.iter().any(|(earlier, found)| *found && earlier.ended_before(look));
            require(!earlier, "SF-CX-1: no longer cancelled", look)?;
        }
    }

    let causes = || done.iter().filter_map(|done| Some((done, cause(token, done)?)));
    for (look, cause) in causes() {
        let (_, first) = causes().next().expect("this one, if no other");
        require(cause == first, "SF-CX-1: not the cause that it was", look)?;
    }

    for registered in done {
        let Some((Step::OnCancel(of), number)) = registered.step() else { continue };
        if of != token {
            continue;
        }
        let runs: Vec<&Done> =
            done.iter().filter(|done| done.event.action == Action::Callback(number.unwrap_or(0), token)).collect();
        // By the end of the program every token has been cancelled.
        require(runs.len() == 1, "SF-CX-3: its callback did not run once", registered)?;
        let seen = cancels.iter().filter(succeeded).any(|cancel| ordered("", cancel, runs[0]).is_ok());
        require(is_timed || seen, "HB-CX-2: no cancel happens before the callback", runs[0])?;
    }
    Ok(())
}

/// Whether an operation found the token cancelled; none if it says nothing.
fn found(token: usize, done: &Done) -> Option<bool> {
    match (done.step()?.0, done.outcome) {
        (Step::IsCancelled(of), Outcome::Is(is)) if of == token => Some(*is),
        (Step::Cause(of), Outcome::Cause(cause)) if of == token => Some(cause.is_some()),
        (Step::WaitToken(of, _), outcome) if of == token => Some(*outcome == Outcome::Done),
        (Step::WaitChild(of), _) if of == token && token < TOKENS - 1 => Some(true),
        (Step::Send(_, Patience::Cancellable) | Step::Recv(_, Patience::Cancellable), Outcome::Cancelled)
        | (Step::WaitGroup(Patience::Cancellable), Outcome::Cancelled)
            if token == 1 =>
        {
            Some(true)
        }
        _ => None,
    }
}

fn cause<'a>(token: usize, done: &Done<'a>) -> Option<&'a String> {
    match (done.step()?.0, done.outcome) {
        (Step::Cause(of), Outcome::Cause(cause)) if of == token => cause.as_ref(),
        _ => None,
    }
}
