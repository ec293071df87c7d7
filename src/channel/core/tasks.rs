//! A task that receives: it is *told* that there is a value, and the value stays where it is until the receive that
//! returns it takes it. So a task that is dropped, or never polled, keeps nothing from anybody.
//!
//! What stands in the line is its waker. Whether it is there still, a poll sees under the lock; so there is nothing to claim,
//! and nothing is allocated for a receive that waits.
//!
//! Whoever puts a value into the buffer, or stands in line with one, tells the first task that waits, which leaves its line.
//! When it is polled it looks, as a receive that has just come does; another may have been faster, and then it stands first
//! in the line again. A task that is dropped after it was told tells the next. A task that waits behind one that was told and
//! is not polled looks by itself when *it* is polled. Threads that wait are served before tasks: they can be handed a value,
//! and are there.

// Needs: channel/core.rs, wait.rs.

use std::task::{Context, Poll};

use super::super::super::wait::{NewWaker, TaskWait};
use super::*;

/// What a poll came to.
enum Polled {
    /// A value, or the end.
    Ready,
    /// Nothing has changed: it may have to stand, with a waker.
    NeedsWaker,
    /// The task waits.
    Waits,
}

impl<T> State<T> {
    /// Whether a send that needs a receiver meets a task: a rendezvous, where nobody is to be overtaken.
    pub(super) fn meets_a_task(&self) -> bool {
        let waits = |others: &Others<T>| !others.tasks.is_empty();
        self.capacity == 0 && self.senders.is_empty() && self.others.as_deref().is_some_and(waits)
    }

    /// Takes the next task out of the line, if there is something that none has been told of (`channel/core.rs` 1).
    pub(super) fn tell(&mut self) -> Option<Waker> {
        self.forget_offers();
        let offers = self.offers();
        let others = self.others.as_mut()?;
        if offers <= others.told {
            return None;
        }
        let waker = others.tasks.pop()?;
        others.told += 1;
        Some(waker)
    }

    /// Whether a task may be one to whom a value has been promised, and which waits for that.
    #[inline]
    fn waits_for_promises(&self) -> bool {
        self.others.as_ref().is_some_and(|others| !others.promised.is_empty())
    }

    /// Something has been taken that a task may have been told of.
    pub(super) fn forget_offers(&mut self) {
        let offers = self.offers();
        if let Some(others) = &mut self.others {
            others.told = others.told.min(offers);
        }
    }

    /// Receives into `value` for a task that stood at `place` or is new, or has it stand there: in line, in front if it stood
    /// there before, or among those who have been promised a value.
    fn poll_recv(
        &mut self,
        place: &mut Option<Ticket>,
        waker: &mut NewWaker<'_>,
        value: &mut Option<T>,
        whom: &mut ToNotify<T>,
    ) -> Polled {
        if let Some(polled) = place.and_then(|ticket| self.stays(ticket, waker)) {
            return polled;
        }
        if self.buffer.is_empty() && !self.closed && !waker.is_made() {
            return Polled::NeedsWaker;
        }
        let stood = place.take();
        if let Some(ticket) = stood {
            waker.keep(self.others().tasks.remove(ticket));
        }
        match self.recv(value, whom) {
            Found::Value | Found::End => Polled::Ready,
            Found::Promise(promise) => {
                let (others, waker) = (self.others(), waker.take());
                let ticket = others.tasks.ticket();
                others.promised.push((promise, Promised::Task(ticket, waker)));
                *place = Some(ticket);
                Polled::Waits
            }
            Found::Nothing => {
                let (tasks, waker) = (&mut self.others().tasks, waker.take());
                *place = Some(if stood.is_some() { tasks.push_front(|_| waker) } else { tasks.push(|_| waker) });
                self.announce(whom);
                Polled::Waits
            }
        }
    }

    /// A task that stands in line stays there, if there is nothing for it: it may wait behind one that was told and is not
    /// polled. One that has been promised a value waits for that. `None`: it is to receive.
    fn stays(&mut self, ticket: Ticket, waker: &mut NewWaker<'_>) -> Option<Polled> {
        let offers = self.offers();
        let others = self.others();
        let known = match others.tasks.get_mut(ticket) {
            Some(_) if offers > 0 => return None,
            Some(waker) => waker,
            None => match others.promise_to(ticket)? {
                Promised::Task(_, waker) => waker,
                _ => return None,
            },
        };
        Some(if waker.replace(known) { Polled::Waits } else { Polled::NeedsWaker })
    }
}

impl<T> Others<T> {
    /// What has been promised to a task.
    fn promise_to(&mut self, ticket: Ticket) -> Option<&mut Promised<T>> {
        let is_its = |promised: &&mut Promised<T>| matches!(promised, Promised::Task(its, _) if *its == ticket);
        self.promised.iter_mut().map(|(_, promised)| promised).find(is_its)
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
        if wait.place.is_none() && self.ring.look().is_some_and(|ring| ring.pop(value).is_ok()) {
            return Poll::Ready(());
        }
        // First without a waker: to clone one and drop it costs as much as this section.
        *value = self.state.with(|state| if state.waits_for_promises() { None } else { state.recv_fast() });
        if value.is_some() {
            wait.place = None; // nobody stands in line where that takes a value
            return Poll::Ready(());
        }
        let mut waker = NewWaker::new(cx);
        if wait.place.is_none() {
            waker.make();
        }
        loop {
            let mut whom = ToNotify::Nobody;
            let polled = self.with(|state| state.poll_recv(&mut wait.place, &mut waker, value, &mut whom));
            // What they throw is no reason to lose a value that is about to be returned.
            whom.quietly(|whom| notify(whom)); // site: poll_recv, a sender that waited, or those for whom the wait is news
            let polled = match polled {
                // One that throws changes nothing.
                Polled::NeedsWaker => {
                    waker.make();
                    continue;
                }
                Polled::Ready => Poll::Ready(()),
                Polled::Waits => Poll::Pending,
            };
            waker.drop_quietly();
            return polled;
        }
    }

    /// A task's receive is dropped while it waits: if it has been told of a value, the next task is.
    pub(in super::super) fn leave_task(&self, ticket: Ticket) {
        let mut whom = ToNotify::Nobody;
        let left = self.with(|state| {
            let others = state.others();
            let forget = |promised| mem::replace(promised, Promised::Nobody);
            let left = others.tasks.remove(ticket).map(|waker| Promised::Task(ticket, waker));
            let left = left.or_else(|| others.promise_to(ticket).map(forget));
            if left.is_none() {
                others.told = others.told.saturating_sub(1);
                state.announce(&mut whom);
            }
            left
        });
        whom.quietly(|whom| notify(whom)); // site: leave_task, the next task
        drop(left); // with its waker, which is user code
    }
}
