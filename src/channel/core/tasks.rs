//! A task that receives: it is *told* that there is a value, and the value stays where it is until the receive that
//! returns it takes it. So a task that is dropped, or never polled, keeps nothing from anybody.
//!
//! Whoever puts a value into the buffer, or stands in line with one, tells the first task that waits, which leaves its line.
//! When it is polled it looks, as a receive that has just come does; another may have been faster, and then it stands first
//! in the line again. A task that is dropped after it was told tells the next. A task that waits behind one that was told and
//! is not polled looks by itself when *it* is polled. Threads that wait are served before tasks: they can be handed a value,
//! and are there.
//!
//! Needs: `channel/core.rs`, `wait.rs`.

use std::task::{Context, Poll, Waker};

use super::super::super::wait::TaskWait;
use super::*;

impl<T> State<T> {
    /// Whether a send that needs a receiver meets a task: a rendezvous, where nobody is to be overtaken.
    pub(super) fn meets_a_task(&self) -> bool {
        let waits = |others: &Others<T>| !others.tasks.is_empty();
        self.capacity == 0 && self.senders.is_empty() && self.others.as_deref().is_some_and(waits)
    }

    /// Claims the next task, if there is something that none has been told of (`channel/core.rs` 1).
    pub(super) fn tell(&mut self) -> Option<Entry<T>> {
        self.forget_offers();
        let offers = self.offers();
        let others = self.others.as_mut()?;
        if offers <= others.told {
            return None;
        }
        let task = others.tasks.pop()?;
        others.told += 1;
        let claimed = task.claim(Cause::Again);
        debug_assert!(claimed, "none in a line is claimed");
        Some(Entry::Task(task))
    }

    /// Takes a task that is polled out of the line, or notes that one that was told has come back. False: it stays in the
    /// line, since there is nothing to take; or it has been promised a value.
    fn comes_back(&mut self, ticket: Ticket, cause: Poll<Cause>) -> bool {
        let nothing = self.offers() == 0;
        let others = self.others();
        match cause {
            // Another may have taken what it was told of: then that is not counted any more.
            Poll::Ready(Cause::Again) => others.told = others.told.saturating_sub(1),
            Poll::Ready(_) => {}
            Poll::Pending if nothing => return false,
            Poll::Pending => return others.tasks.remove(ticket).is_some(),
        }
        true
    }

    /// Something has been taken that a task may have been told of.
    pub(super) fn forget_offers(&mut self) {
        let offers = self.offers();
        if let Some(others) = &mut self.others {
            others.told = others.told.min(offers);
        }
    }

    /// Puts a task's waiter into the line, in front if it has been there, or among those who have been promised a value.
    fn stand_as_task(&mut self, waiter: Waiter, was_there: bool, promise: Option<Ticket>) -> (Ticket, Arc<Waiter>) {
        let waiter = Arc::new(if promise.is_some() { waiter.promised() } else { waiter });
        let entry = waiter.clone();
        let others = self.others();
        let ticket = match promise {
            Some(promise) => {
                others.promised.push((promise, Some(Entry::Task(entry))));
                Ticket::NONE
            }
            None if was_there => others.tasks.push_front(|_| entry),
            None => others.tasks.push(|_| entry),
        };
        (ticket, waiter)
    }

    /// The task is dropped to which a value has been promised: nobody waits for it any more.
    fn forget_promise(&mut self, task: &Arc<Waiter>) {
        let is_its = |entry: &Option<Entry<T>>| matches!(entry, Some(Entry::Task(waiter)) if Arc::ptr_eq(waiter, task));
        if let Some((_, entry)) = self.others().promised.iter_mut().find(|(_, entry)| is_its(entry)) {
            *entry = None;
        }
    }
}

impl<T> Core<T> {
    /// Receives into `value` for a task; ready without one: there will be none. One that has to wait is woken when it is to
    /// be polled again.
    pub(in super::super) fn poll_recv(
        &self,
        wait: &mut TaskWait,
        cx: &mut Context<'_>,
        value: &mut Option<T>,
    ) -> Poll<()> {
        let was_there = wait.place.is_some();
        if let Some((ticket, waiter)) = &wait.place {
            let cause = waiter.poll(cx);
            // What it was told of is there, most often: then it needs no waker.
            let (came_back, whom) = self.state.with(|state| {
                let came_back = state.comes_back(*ticket, cause);
                let takes = came_back && !state.buffer.is_empty();
                let found = takes.then(|| state.recv(value));
                (came_back, if let Some(Found::Value(whom)) = found { whom } else { ToNotify::Nobody })
            });
            whom.quietly(|whom| notify(whom)); // poll_recv: a sender that waited
            if !came_back {
                return Poll::Pending;
            }
            // Dropping a waker is user code.
            let outdated = wait.place.take();
            let_go(|| drop(outdated));
            if value.is_some() {
                return Poll::Ready(());
            }
        }
        // Cloned, and dropped where it is not needed, outside the lock: both are user code.
        let mut waker = Some(cx.waker().clone());
        let (polled, whom) = self.state.with(|state| {
            let mut stand = |state: &mut State<T>, promise| {
                let waiter = Waiter::task(waker.take().expect("it stands once"));
                wait.place = Some(state.stand_as_task(waiter, was_there, promise));
                Poll::Pending
            };
            match state.recv(value) {
                Found::Value(whom) => (Poll::Ready(()), whom),
                Found::Promise(promise, whom) => (stand(state, Some(promise)), whom),
                Found::Nothing => (stand(state, None), state.announce(ToNotify::Nobody)),
                Found::End => (Poll::Ready(()), ToNotify::Nobody),
            }
        });
        // What it throws is no reason to lose a value that is about to be returned.
        if waker.is_some() {
            let_go(|| drop::<Option<Waker>>(waker));
        }
        whom.quietly(|whom| notify(whom)); // poll_recv: a sender that waited, or those for whom the wait is news
        polled
    }

    /// A task's receive is dropped while it waits: if it has been told of a value, the next task is.
    pub(in super::super) fn leave_task(&self, ticket: Ticket, waiter: &Arc<Waiter>) {
        let whom = self.state.with(|state| {
            if state.others().tasks.remove(ticket).is_some() {
                return ToNotify::Nobody;
            }
            match waiter.cause() {
                Some(Cause::Again) => {
                    let others = state.others();
                    others.told = others.told.saturating_sub(1);
                    return state.announce(ToNotify::Nobody);
                }
                Some(_) => {}
                None => state.forget_promise(waiter),
            }
            ToNotify::Nobody
        });
        whom.quietly(|whom| notify(whom)); // leave_task: the next task
    }
}
