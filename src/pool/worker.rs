//! What runs on a worker's thread.

// Needs: pool/core.rs, pool/limit.rs, pool/permit.rs, pool/shared.rs, pool/work.rs, sync.rs, wait.rs, wait/queue.rs.

use super::super::sync::{Arc, SPINS_FIRST, SpinWait, ignore_panic};
use super::super::wait::{Ticket, Waiter, WakeCause};
use super::core::{Action, Arrival};
use super::limit::Limit;
use super::permit::{Permit, set_home, set_permit};
use super::shared::Shared;
use super::work::WorkerState;

/// Runs jobs until there is nothing for this worker to do any more.
pub(super) fn work<S: 'static>(pool: Arc<Shared<S>>) {
    set_home(Some(pool.clone()));
    let mut state = WorkerState::new(Some(pool.make.clone()));
    let mut from = Arrival::Wake;
    // Whether to look again before it is idle: whoever submits one job often submits more, and to wake a worker for each
    // costs more than to run them.
    let (mut spin_wait, mut patient) = (None, SPINS_FIRST);
    loop {
        match next(&pool, from, patient) {
            Action::Again => {
                patient = spin_wait.get_or_insert_with(SpinWait::new).yield_now();
                from = Arrival::Wake;
                continue;
            }
            Action::Run(job) => {
                let ended = job.run(&mut state, &*pool);
                from = Arrival::Job { ended, ending: set_permit(Permit::Held) == Some(Permit::Ending) };
            }
            Action::Idle((ticket, waiter)) if is_called(&pool, ticket, &waiter) => from = Arrival::Wake,
            Action::Idle(_) | Action::Leave => break,
        }
        (spin_wait, patient) = (None, SPINS_FIRST);
    }
    // Without a permit, its destructor cannot give one away.
    set_permit(Permit::None);
    state.discard(&*pool);
    set_home(None);
    pool.tell(pool.core.leave()); // HB-PL-3
    // It may be the last to hold what the pool was made of, the hook too.
    ignore_panic(|| drop((state, pool)));
}

/// Asks the pool what to do, and tells the others what follows from that.
fn next<S>(pool: &Shared<S>, from: Arrival, patient: bool) -> Action<S> {
    let (next, effects) = pool.core.next(from, patient);
    if !effects.is_none() {
        // Whoever is told may be a task, whose waker, user code, runs here: it finds the permit that this worker has.
        set_permit(if matches!(next, Action::Run(_)) { Permit::Held } else { Permit::None });
        pool.tell(effects);
        set_permit(Permit::Held);
    }
    next
}

/// Waits for work; false if the worker is to leave.
fn is_called<S>(pool: &Shared<S>, ticket: Ticket, waiter: &Arc<Waiter>) -> bool {
    let limit = pool.settings.keep_alive.map_or(Limit::NONE, Limit::timeout);
    matches!(limit.wait_or_leave(waiter, || pool.core.expire(ticket)), Some(WakeCause::Done(_)))
}
