//! What runs on a worker's thread.

// Needs: pool/core.rs, pool/limit.rs, pool/permit.rs, pool/shared.rs, pool/work.rs, sync.rs, wait.rs, wait/queue.rs.

use super::super::sync::{Arc, Patience, TRIES_AGAIN, let_go};
use super::super::wait::{Cause, Ticket, Waiter};
use super::core::{From, Next};
use super::limit::Limit;
use super::permit::{Permit, set_home, set_permit};
use super::shared::Shared;
use super::work::WorkerState;

/// Runs jobs until there is nothing for this worker to do any more.
pub(super) fn work<S: 'static>(pool: Arc<Shared<S>>) {
    set_home(Some(pool.clone()));
    let mut state = WorkerState::new(Some(pool.make.clone()));
    let mut from = From::Wake;
    // Whether to look again before it is idle: whoever submits one job often submits more, and to wake a worker for each
    // costs more than to run them.
    let (mut patience, mut patient) = (None, TRIES_AGAIN);
    loop {
        match next(&pool, from, patient) {
            Next::Again => {
                patient = patience.get_or_insert_with(Patience::new).yield_now();
                from = From::Wake;
                continue;
            }
            Next::Run(job) => {
                let ended = job.run(&mut state, &*pool);
                from = From::Job { ended, ending: set_permit(Permit::Held) == Some(Permit::Ending) };
            }
            Next::Idle((ticket, waiter)) if is_called(&pool, ticket, &waiter) => from = From::Wake,
            Next::Idle(_) | Next::Leave => break,
        }
        (patience, patient) = (None, TRIES_AGAIN);
    }
    // Without a permit, its destructor cannot give one away.
    set_permit(Permit::None);
    state.discard(&*pool);
    set_home(None);
    pool.tell(pool.core.leave()); // HB-PL-3
    // It may be the last to hold what the pool was made of, the hook too.
    let_go(|| drop((state, pool)));
}

/// Asks the pool what to do, and tells the others what follows from that.
fn next<S>(pool: &Shared<S>, from: From, patient: bool) -> Next<S> {
    let (next, news) = pool.core.next(from, patient);
    if !news.is_none() {
        // Whoever is told may be a task, whose waker, user code, runs here: it finds the permit that this worker has.
        set_permit(if matches!(next, Next::Run(_)) { Permit::Held } else { Permit::None });
        pool.tell(news);
        set_permit(Permit::Held);
    }
    next
}

/// Waits for work; false if the worker is to leave.
fn is_called<S>(pool: &Shared<S>, ticket: Ticket, waiter: &Arc<Waiter>) -> bool {
    let limit = pool.settings.keep_alive.map_or(Limit::NONE, Limit::timeout);
    matches!(limit.wait_or_leave(waiter, || pool.core.expire(ticket)), Some(Cause::Done(_)))
}
