//! What a select asks of a handle: of a channel's end, a timer or a token.
//!
//! Needs: `channel.rs`, `channel/core.rs`, `timer/schedule.rs`, `wait.rs`, `sync.rs`.

use std::time::Instant;

use super::super::channel::core::arms::{Channel, Chosen, Place, Side};
use super::super::channel::receiver::{Receiver, Source};
use super::super::channel::sender::Sender;
use super::super::sync::{Arc, TRIES_AGAIN};
use super::super::timer::schedule::Schedule;
use super::super::wait::{Ends, Waiter};

/// An end of a channel, a timer or a token.
pub(super) trait Handle {
    /// What an operation by it is on.
    fn on(&self) -> On<'_>;

    /// Chooses the operation if it does not have to wait.
    fn choose(&self, place: &Place) -> Option<Chosen>;
}

/// What an operation is on, whatever values go through it.
pub(super) enum On<'a> {
    Channel(&'a dyn Channel),
    Timer(&'a Schedule),
    /// Of a token or a job: one that is not set has not been before, so it need not be locked.
    Latch(&'a dyn Ends),
    Never,
}

impl<T> Handle for Sender<T> {
    fn on(&self) -> On<'_> {
        On::Channel(&*self.core)
    }

    #[inline]
    fn choose(&self, _place: &Place) -> Option<Chosen> {
        self.core.choose_send()
    }
}

impl<T> Handle for Receiver<T> {
    fn on(&self) -> On<'_> {
        match &self.source {
            Source::Channel(core) => On::Channel(&**core),
            Source::Timer(schedule, _) => On::Timer(schedule),
            Source::Ends(ends) => On::Latch(&**ends),
            Source::Never => On::Never,
        }
    }

    #[inline]
    fn choose(&self, place: &Place) -> Option<Chosen> {
        match &self.source {
            Source::Channel(core) => core.choose_recv(place.index),
            Source::Timer(schedule, _) => schedule.take().map(Chosen::At),
            Source::Ends(ends) => ends.has_ended().then_some(Chosen::Closed),
            Source::Never => None,
        }
    }
}

impl On<'_> {
    /// What tells it from others, and the order in which channels are locked.
    pub(super) fn identity(&self) -> usize {
        match self {
            On::Channel(channel) => channel.identity(),
            On::Timer(schedule) => schedule.identity(),
            On::Latch(ends) => ends.latch().identity(),
            On::Never => 0,
        }
    }

    /// Whether an operation on it is worth to be tried again before the select stands in line.
    pub(super) fn tries_again(&self) -> bool {
        if let On::Channel(channel) = self { channel.tries_again() } else { TRIES_AGAIN }
    }

    /// Undoes what a chosen operation has done.
    pub(super) fn give_up(&self, side: Side, chosen: Chosen) {
        // A timer's message is gone: those who wait for the next one, or for ever, cannot be woken.
        if let On::Channel(channel) = self {
            channel.give_up(side, chosen);
        }
    }

    /// When it will have something without anybody's doing.
    pub(super) fn next(&self) -> Option<Instant> {
        match self {
            On::Timer(schedule) => schedule.next(),
            On::Latch(ends) => ends.deadline(),
            On::Channel(_) | On::Never => None,
        }
    }

    /// Whether an operation on it might not have to wait.
    pub(super) fn is_ready(&self, side: Side) -> bool {
        match self {
            On::Channel(channel) => channel.is_ready(side),
            On::Timer(schedule) => schedule.is_due(),
            On::Latch(ends) => ends.has_ended(),
            On::Never => false,
        }
    }

    /// Takes its lock, if it is a channel.
    pub(super) fn lock(&self) {
        if let On::Channel(channel) = self {
            channel.lock();
        }
    }

    /// # Safety
    /// The caller has taken the lock by `lock`.
    pub(super) unsafe fn unlock(&self) {
        if let On::Channel(channel) = self {
            // SAFETY: the caller's.
            unsafe { channel.unlock() };
        }
    }

    /// # Safety
    /// The caller has taken the lock by `lock`.
    pub(super) unsafe fn is_ready_locked(&self, side: Side) -> bool {
        match self {
            // SAFETY: the caller's.
            On::Channel(channel) => unsafe { channel.is_ready_locked(side) },
            _ => self.is_ready(side),
        }
    }

    /// Stands in line, if there is one, to have the operation done, or, if `watching`, to hear that it is ready. Adds those
    /// for whom that is news to `observed`. False: the operation is ready.
    ///
    /// # Safety
    /// The caller has taken the lock by `lock`.
    pub(super) unsafe fn stand_locked(
        &self,
        place: &mut Place,
        waiter: &Arc<Waiter>,
        watching: bool,
        observed: &mut Vec<Arc<Waiter>>,
    ) -> bool {
        match self {
            // SAFETY: the caller's.
            On::Channel(channel) => unsafe { channel.stand_locked(place, waiter, watching, observed) },
            On::Latch(ends) => match ends.latch().stand(waiter) {
                Some(ticket) => place.ticket = ticket,
                None => return false,
            },
            // Nobody wakes for a timer, so there is no line: the select sleeps no longer than until its moment.
            On::Timer(_) | On::Never => {}
        }
        true
    }

    /// Leaves the line.
    pub(super) fn leave(&self, place: &Place, watching: bool) {
        match self {
            On::Channel(channel) => channel.leave(place, watching),
            On::Latch(ends) => _ = ends.latch().leave(place.ticket),
            On::Timer(_) | On::Never => {}
        }
    }
}
