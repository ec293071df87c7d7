//! What a select asks of a handle: of a channel's end, a timer or a token.
//!
//! Needs: `channel.rs`.

use std::time::Instant;

use super::super::channel::core::{Chosen, Place, Side, Tour};
use super::super::channel::{Receiver, Sender, Source};
use super::super::sync::TRIES_AGAIN;
use super::Operation;

/// An end of a channel, a timer or a token.
pub(super) trait Handle {
    /// What tells its channel from others, and the order in which channels are locked.
    fn identity(&self) -> usize;

    /// Chooses the operation if it does not have to wait.
    fn choose(&self, place: &Place) -> Option<Chosen>;

    /// Undoes what a chosen operation has done.
    fn give_up(&self, side: Side, chosen: Chosen);

    /// Whether the operation might not have to wait.
    fn is_ready(&self, side: Side) -> bool;

    /// Whether the operation is worth to be tried again before the select stands in line.
    fn tries_again(&self) -> bool;

    /// When it will have something without anybody's doing.
    fn next(&self) -> Option<Instant> {
        None
    }

    /// Under the lock of its channel, and then, by `rest`, of all the others on the tour: stands in line for the
    /// operations of the `group`, which are all of this channel, unless one of all is ready (false).
    fn stand_unless_ready(
        &self,
        group: &mut [Operation<'_>],
        tour: &mut Tour<'_>,
        rest: &mut dyn FnMut(&mut Tour<'_>) -> bool,
    ) -> bool;

    /// Leaves the line.
    fn leave(&self, place: &Place, observing: bool);
}

impl<T> Handle for Sender<T> {
    fn identity(&self) -> usize {
        self.core.identity()
    }

    #[inline]
    fn choose(&self, _place: &Place) -> Option<Chosen> {
        self.core.choose_send()
    }

    fn give_up(&self, side: Side, chosen: Chosen) {
        self.core.give_up(side, chosen);
    }

    fn is_ready(&self, side: Side) -> bool {
        self.core.is_ready(side)
    }

    fn tries_again(&self) -> bool {
        self.core.tries_again()
    }

    fn stand_unless_ready(
        &self,
        group: &mut [Operation<'_>],
        tour: &mut Tour<'_>,
        rest: &mut dyn FnMut(&mut Tour<'_>) -> bool,
    ) -> bool {
        self.core.stand_unless_ready(group, |operation| &mut operation.place, tour, rest)
    }

    fn leave(&self, place: &Place, observing: bool) {
        self.core.leave(place, observing);
    }
}

impl<T> Handle for Receiver<T> {
    fn identity(&self) -> usize {
        match &self.source {
            Source::Channel(core) => core.identity(),
            Source::Timer(schedule, _) => schedule.identity(),
            Source::Closing(closing) => closing.identity(),
            Source::Never => 0,
        }
    }

    #[inline]
    fn choose(&self, place: &Place) -> Option<Chosen> {
        match &self.source {
            Source::Channel(core) => core.choose_recv(place.index),
            Source::Timer(schedule, _) => schedule.take().map(Chosen::At),
            Source::Closing(closing) => closing.has_ended().then_some(Chosen::Closed),
            Source::Never => None,
        }
    }

    fn give_up(&self, side: Side, chosen: Chosen) {
        // A timer's message is gone: those who wait for the next one, or for ever, cannot be woken.
        if let Source::Channel(core) = &self.source {
            core.give_up(side, chosen);
        }
    }

    fn is_ready(&self, side: Side) -> bool {
        match &self.source {
            Source::Channel(core) => core.is_ready(side),
            Source::Timer(schedule, _) => schedule.is_due(),
            Source::Closing(closing) => closing.has_ended(),
            Source::Never => false,
        }
    }

    fn tries_again(&self) -> bool {
        match &self.source {
            Source::Channel(core) => core.tries_again(),
            Source::Timer(..) | Source::Closing(_) | Source::Never => TRIES_AGAIN,
        }
    }

    fn next(&self) -> Option<Instant> {
        match &self.source {
            Source::Timer(schedule, _) => schedule.next(),
            Source::Closing(closing) => closing.deadline(),
            Source::Channel(_) | Source::Never => None,
        }
    }

    fn stand_unless_ready(
        &self,
        group: &mut [Operation<'_>],
        tour: &mut Tour<'_>,
        rest: &mut dyn FnMut(&mut Tour<'_>) -> bool,
    ) -> bool {
        match &self.source {
            Source::Channel(core) => core.stand_unless_ready(group, |operation| &mut operation.place, tour, rest),
            // Nobody wakes for a timer, so there is no line: the select sleeps no longer than until its moment.
            Source::Timer(schedule, _) => !schedule.is_due() && rest(tour),
            Source::Closing(closing) => {
                !closing.has_ended()
                    && closing.waiting_line().is_some_and(|line| {
                        line.stand_unless_ready(group, |operation| &mut operation.place, tour, rest)
                    })
            }
            Source::Never => rest(tour),
        }
    }

    fn leave(&self, place: &Place, observing: bool) {
        if let Some(core) = self.source.core() {
            core.leave(place, observing);
        }
    }
}
