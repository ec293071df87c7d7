//! A task that receives: it is *told* that there is a value, and the value stays where it is until the receive that
//! returns it takes it. So a task that is dropped, or never polled, keeps nothing from anybody.
//!
//! Whoever puts a value into the buffer, or stands in line with one, tells the first task that waits, which leaves its line.
//! When it is polled it looks, as a receive that has just come does; another may have been faster, and then it stands first
//! in the line again. A task that is dropped after it was told tells the next. A task that waits behind one that was told and
//! is not polled looks by itself when *it* is polled. Threads that wait are served before tasks: they can be handed a value,
//! and are there.

// Needs: channel/core.rs, wait.rs.

use std::task::{Context, Poll, Waker};

use super::super::super::wait::TaskWait;
use super::*;

/// What a poll came to.
enum Polled {
    /// A value, or the end.
    Ready,
    /// Nothing has changed: it may have to stand, with a waker.
    NeedsWaker,
    /// The task stays where it stood.
    Stays,
    /// It stands where `place` says.
    Stands,
}

impl<T> State<T> {
    /// Whether a send that needs a receiver meets a task: a rendezvous, where nobody is to be overtaken.
    pub(super) fn meets_a_task(&self) -> bool {
        let waits = |others: &Others<T>| !others.tasks.is_empty();
        self.capacity == 0 && self.senders.is_empty() && self.others.as_deref().is_some_and(waits)
    }

    /// Claims the next task, if there is something that none has been told of (`channel/core.rs` 1).
    pub(super) fn tell(&mut self) -> Option<Arc<Waiter>> {
        self.forget_offers();
        let offers = self.offers();
        let others = self.others.as_mut()?;
        if offers <= others.told {
            return None;
        }
        let task = others.tasks.pop()?;
        others.told += 1;
        let claimed = task.claim(WakeCause::Retry);
        debug_assert!(claimed, "none in a line is claimed");
        Some(task)
    }

    /// Takes a task that is polled out of the line, or notes that one that was told has come back. False: it has been promised
    /// a value, and waits for that.
    fn comes_back(&mut self, ticket: Ticket, cause: Poll<WakeCause>) -> bool {
        let others = self.others();
        match cause {
            // Another may have taken what it was told of: then that is not counted any more.
            Poll::Ready(WakeCause::Retry) => others.told = others.told.saturating_sub(1),
            Poll::Ready(_) => {}
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

    /// Receives into `value` for a task that has stood in line or not, or puts a waiter there, in front if it has, or among
    /// those who have been promised a value: `place` is where it stands then.
    fn poll_recv(
        &mut self,
        stood: Option<(Ticket, Poll<WakeCause>)>,
        waker: &mut Option<Waker>,
        value: &mut Option<T>,
        place: &mut Option<(Ticket, Arc<Waiter>)>,
    ) -> (Polled, ToNotify<T>) {
        if let Some((ticket, cause)) = stood {
            if cause.is_pending() && self.offers() == 0 {
                return (Polled::Stays, ToNotify::Nobody);
            }
            // What it was told of is there, most often.
            if waker.is_none() && self.buffer.is_empty() {
                return (Polled::NeedsWaker, ToNotify::Nobody);
            }
            if !self.comes_back(ticket, cause) {
                return (Polled::Stays, ToNotify::Nobody);
            }
        }
        let mut waiter = || Waiter::task(waker.take().expect("it stands once, and not for what is in the buffer"));
        match self.recv(value) {
            Found::Value(whom) => (Polled::Ready, whom),
            Found::End => (Polled::Ready, ToNotify::Nobody),
            Found::Promise(promise, whom) => {
                let waiter = Arc::new(waiter().promised());
                self.others().promised.push((promise, Some(Entry::Task(waiter.clone()))));
                *place = Some((Ticket::NONE, waiter));
                (Polled::Stands, whom)
            }
            Found::Nothing => {
                let waiter = Arc::new(waiter());
                let (tasks, entry) = (&mut self.others().tasks, waiter.clone());
                let ticket = if stood.is_some() { tasks.push_front(|_| entry) } else { tasks.push(|_| entry) };
                *place = Some((ticket, waiter));
                (Polled::Stands, self.announce(ToNotify::Nobody))
            }
        }
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
        if wait.place.is_none() && self.ring.look().is_some_and(|ring| ring.pop(value).is_ok()) {
            return Poll::Ready(());
        }
        let stood = wait.place.as_ref().map(|(ticket, waiter)| (*ticket, waiter.poll(cx)));
        // Cloned, and dropped where it is not needed, outside the lock: both are user code. One that throws changes nothing.
        let mut waker = stood.is_none().then(|| cx.waker().clone());
        let mut place = None;
        loop {
            let (polled, whom) = self.with(|state| state.poll_recv(stood, &mut waker, value, &mut place));
            // What they throw is no reason to lose a value that is about to be returned.
            whom.quietly(|whom| notify(whom)); // site: poll_recv, a sender that waited, or those for whom the wait is news
            match polled {
                Polled::NeedsWaker => {
                    waker = Some(cx.waker().clone());
                    continue;
                }
                Polled::Stays => {}
                Polled::Ready | Polled::Stands => mem::swap(&mut wait.place, &mut place),
            }
            // The place that it has left has a waker, too.
            if waker.is_some() || place.is_some() {
                ignore_panic(|| drop((waker, place)));
            }
            return if wait.place.is_some() { Poll::Pending } else { Poll::Ready(()) };
        }
    }

    /// A task's receive is dropped while it waits: if it has been told of a value, the next task is.
    pub(in super::super) fn leave_task(&self, ticket: Ticket, waiter: &Arc<Waiter>) {
        let whom = self.with(|state| {
            if state.others().tasks.remove(ticket).is_some() {
                return ToNotify::Nobody;
            }
            match waiter.cause() {
                Some(WakeCause::Retry) => {
                    let others = state.others();
                    others.told = others.told.saturating_sub(1);
                    return state.announce(ToNotify::Nobody);
                }
                Some(_) => {}
                None => state.forget_promise(waiter),
            }
            ToNotify::Nobody
        });
        whom.quietly(|whom| notify(whom)); // site: leave_task, the next task
    }
}
