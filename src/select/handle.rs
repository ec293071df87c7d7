//! What a select asks of what an operation is on: a channel, a timer or a latch.

// Needs: channel/core/arms.rs, channel/receiver.rs, channel/sender.rs, sync.rs, timer/schedule.rs, wait.rs,
// wait/latch.rs, wait/queue.rs.

use std::ptr;
use std::time::Instant;

use super::super::channel::core::arms::{Channel, Chosen, Place, Side};
use super::super::channel::receiver::{Receiver, Source};
use super::super::channel::sender::Sender;
use super::super::sync::{Arc, SPINS_FIRST};
use super::super::timer::schedule::Schedule;
use super::super::wait::{Ends, Line, Sleeper, Ticket, Waiter};

/// What an operation is on, whatever values go through it.
#[derive(Clone, Copy)]
pub(super) enum SelectHandle<'a> {
    /// And its lock key.
    Channel(&'a dyn Channel, usize),
    Timer(&'a Schedule),
    /// Of a token or a job: one that is not set has not been before, so it need not be locked.
    Latch(&'a dyn Ends),
    Never,
}

impl<'a, T> From<&'a Sender<T>> for SelectHandle<'a> {
    #[inline]
    fn from(sender: &'a Sender<T>) -> Self {
        SelectHandle::Channel(&*sender.core, sender.core.lock_key())
    }
}

impl<'a, T> From<&'a Receiver<T>> for SelectHandle<'a> {
    #[inline]
    fn from(receiver: &'a Receiver<T>) -> Self {
        match &receiver.source {
            Source::Channel(core) => SelectHandle::Channel(&**core, core.lock_key()),
            Source::Timer(schedule, _) => SelectHandle::Timer(schedule),
            Source::Ends(ends) => SelectHandle::Latch(&**ends),
            Source::Never => SelectHandle::Never,
        }
    }
}

impl SelectHandle<'_> {
    /// Whether both are of the same thing.
    #[inline]
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (SelectHandle::Channel(a, _), SelectHandle::Channel(b, _)) => ptr::addr_eq(*a, *b),
            (SelectHandle::Timer(a), SelectHandle::Timer(b)) => ptr::eq(*a, *b),
            (SelectHandle::Latch(a), SelectHandle::Latch(b)) => ptr::addr_eq(*a, *b),
            (SelectHandle::Never, SelectHandle::Never) => true,
            _ => false,
        }
    }

    /// The order in which channels are locked. What has no lock comes first.
    pub(super) fn lock_key(&self) -> Option<usize> {
        if let SelectHandle::Channel(_, key) = self { Some(*key) } else { None }
    }

    /// Chooses the operation if it does not have to wait; unless it is to be `certain`, as far as a look shows.
    #[inline]
    pub(super) fn choose(&self, place: &Place, certain: bool) -> Option<Chosen> {
        match self {
            SelectHandle::Channel(channel, _) => channel.choose(place, certain),
            SelectHandle::Timer(schedule) => schedule.take().map(Chosen::At),
            SelectHandle::Latch(ends) => ends.has_ended().then_some(Chosen::Closed),
            SelectHandle::Never => None,
        }
    }

    /// Undoes what a chosen operation has done.
    pub(super) fn give_up(&self, side: Side, chosen: Chosen) {
        // A timer's message is gone: those who wait for the next one, or for ever, cannot be woken.
        if let SelectHandle::Channel(channel, _) = self {
            channel.give_up(side, chosen);
        }
    }

    /// Whether an operation on it is worth to be tried again before the select stands in line.
    pub(super) fn spins_first(&self) -> bool {
        if let SelectHandle::Channel(channel, _) = self { channel.spins_first() } else { SPINS_FIRST }
    }

    /// Whether another attempt is worth it, by a look that disturbs nobody; `None` if that shows nothing.
    pub(super) fn may_proceed(&self, side: Side) -> Option<bool> {
        match self {
            SelectHandle::Channel(channel, _) => channel.may_proceed(side),
            SelectHandle::Latch(ends) => Some(ends.has_ended()),
            SelectHandle::Timer(_) | SelectHandle::Never => None,
        }
    }

    /// When it will have something without anybody's doing.
    pub(super) fn next(&self) -> Option<Instant> {
        match self {
            SelectHandle::Timer(schedule) => schedule.next(),
            SelectHandle::Latch(ends) => ends.deadline(),
            SelectHandle::Channel(..) | SelectHandle::Never => None,
        }
    }

    /// Whether an operation on it might not have to wait.
    pub(super) fn is_ready(&self, side: Side) -> bool {
        match self {
            SelectHandle::Channel(channel, _) => channel.is_ready(side),
            SelectHandle::Timer(schedule) => schedule.is_due(),
            SelectHandle::Latch(ends) => ends.has_ended(),
            SelectHandle::Never => false,
        }
    }

    /// Stands in line, if there is one, to have the operation done, or, if `watching`, to hear that it is ready. Adds those
    /// for whom that is news to `observed`. False: the operation is ready.
    ///
    /// # Safety
    /// If it is a channel, the caller holds its lock.
    pub(super) unsafe fn stand_locked(
        &self,
        place: &mut Place,
        waiter: &Arc<Waiter>,
        watching: bool,
        observed: &mut Vec<Sleeper>,
    ) -> bool {
        match self {
            // SAFETY: the caller's.
            SelectHandle::Channel(channel, _) => unsafe { channel.stand_locked(place, waiter, watching, observed) },
            SelectHandle::Latch(ends) => match ends.latch().stand(|| Sleeper::Waiter(waiter.clone())) {
                Some(ticket) => place.ticket = ticket,
                None => return false,
            },
            // Nobody wakes for a timer, so there is no line: the select sleeps no longer than until its moment.
            SelectHandle::Timer(_) | SelectHandle::Never => {}
        }
        true
    }

    /// Leaves the line.
    pub(super) fn leave(&self, place: &Place, watching: bool) {
        match self {
            SelectHandle::Channel(channel, _) => channel.leave(place, watching),
            // It need not have come to stand there.
            SelectHandle::Latch(ends) if place.ticket != Ticket::NONE => _ = ends.latch().leave(place.ticket),
            SelectHandle::Latch(_) => {}
            SelectHandle::Timer(_) | SelectHandle::Never => {}
        }
    }
}
