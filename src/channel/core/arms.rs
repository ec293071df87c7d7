//! What a select does to one channel. An operation of a select goes in two steps: it is *chosen*, and it is
//! *completed*, since only then does the select say what it sends, or fetch what it has received.
//!
//! | | chosen | completed | given up instead |
//! |---|---|---|---|
//! | receive | its value moves to `chosen`, or, if it is small and was there, into the operation | the value is fetched | the value goes to the next receiver, or back to the front; it is kept if the channel has ended |
//! | send, into the buffer | a place is `reserved` | the value takes the place, or goes to a receiver that waits | the place goes to the next sender |
//! | send, to a receiver that waits | the receiver moves to `promised` | the value is handed over, the receiver's claim settled; a task is told | the receiver tries again |
//! | closed | nothing | refused | nothing |
//!
//! A channel keeps what is chosen under a ticket, so it is typed and safe, whatever becomes of the select. An operation
//! that is leaked between the two steps keeps its place, its value or its receiver for ever, or its value until the
//! channel is gone.
//!
//! To wait, a select locks all its channels, finds under all those locks that none of its operations is ready, and only
//! then stands in any queue: it is never seen waiting while it is still looking, so nobody ever has to claim two waiters at
//! once, and two selects that face each other meet without spinning.

// Needs: channel/core.rs.

use std::mem::MaybeUninit;
use std::time::Instant;

use super::*;

/// An operation of a select that has been chosen. It belongs to one `SelectedOperation`, which completes it or gives
/// it up.
#[derive(Debug)]
pub(crate) enum Chosen {
    /// A receive whose value is here.
    Here(InlineValue),
    /// The channel keeps what belongs to it under this ticket.
    Kept(Ticket),
    /// It fails: the channel is closed.
    Closed,
    /// A timer's, which has delivered this moment.
    At(Instant),
}

/// A small value whose type only its channel knows: in a select that finds it at once, so that the channel need not be
/// locked again to fetch it. Only its channel can drop it.
#[derive(Debug)]
pub(crate) struct InlineValue([MaybeUninit<u64>; 3]);

impl InlineValue {
    const fn fits<T>() -> bool {
        size_of::<T>() <= size_of::<Self>() && align_of::<T>() <= align_of::<Self>()
    }

    /// Moves a value in here.
    #[inline]
    fn new<T>(value: T) -> Self {
        assert!(Self::fits::<T>());
        let mut inline = Self([MaybeUninit::uninit(); 3]);
        // SAFETY: the place is large enough, aligned, and our own.
        unsafe { inline.0.as_mut_ptr().cast::<T>().write(value) };
        inline
    }

    /// # Safety
    /// It was made of a `T`: the caller is the channel that made it.
    #[inline]
    unsafe fn into_inner<T>(self) -> T {
        // SAFETY: a `T` was written there, and is read out once: this is the only copy, and is gone with it.
        unsafe { self.0.as_ptr().cast::<T>().read() }
    }
}

/// Which end of a channel an operation is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Send,
    Recv,
}

/// An operation of a select, and its place in its channel's queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) side: Side,
    pub(crate) index: usize,
    pub(crate) ticket: Ticket,
}

/// A channel, whatever it carries: what a select does to it, but for completing.
pub(crate) trait Channel {
    /// Chooses an operation if it does not have to wait; unless it is to be `certain`, as far as can be seen from outside
    /// the lock.
    fn choose(&self, place: &Place, certain: bool) -> Option<Chosen>;

    /// Whether it is worth to try again before standing in line.
    fn spins_first(&self) -> bool;

    /// Whether another attempt is worth it, by a look at the ring; `None` if there is none.
    fn may_proceed(&self, side: Side) -> Option<bool>;

    /// Undoes what a chosen operation has done. `chosen` is this channel's.
    fn give_up(&self, side: Side, chosen: Chosen);

    /// Whether an operation might not have to wait.
    fn is_ready(&self, side: Side) -> bool;

    /// Takes the lock, until `unlock`, for a select, which holds several, and looks as `is_ready_locked` does.
    fn lock(&self, side: Side) -> bool;

    /// # Safety
    /// The caller has taken the lock by `lock`.
    unsafe fn unlock(&self);

    /// # Safety
    /// The caller holds the lock.
    unsafe fn is_ready_locked(&self, side: Side) -> bool;

    /// Stands in line, or, if `watching`, among the observers; adds those for whom that is news to `observed`.
    ///
    /// # Safety
    /// The caller holds the lock.
    unsafe fn stand_locked(&self, place: &mut Place, waiter: &Arc<Waiter>, watching: bool, observed: &mut Vec<Sleeper>);

    /// Leaves the line, if nobody has taken the arm out of it.
    fn leave(&self, place: &Place, watching: bool);
}

impl<T> State<T> {
    /// Whether an operation might not have to wait. An arm in a queue may have been claimed through another channel:
    /// then it is not ready after all, and the attempt clears the arm away.
    fn is_ready(&self, side: Side) -> bool {
        self.closed
            || match side {
                Side::Send => self.has_room() || !self.receivers.is_empty() || self.meets_a_task(),
                Side::Recv => !self.buffer.is_empty() || !self.senders.is_empty(),
            }
    }

    fn stand_as_arm(&mut self, place: &mut Place, waiter: &Arc<Waiter>, watching: bool, observed: &mut Vec<Sleeper>) {
        let arm = |ticket| Arm { waiter: waiter.clone(), index: place.index, ticket };
        if watching {
            place.ticket = self.others().observers.push(arm);
            return self.find_shortcuts();
        }
        let line = match place.side {
            Side::Send => &mut self.senders,
            Side::Recv => &mut self.receivers,
        };
        place.ticket = line.push(|ticket| Entry::Arm(arm(ticket)));
        observed.extend(self.tell().map(Sleeper::Task));
        if let Some(others) = &mut self.others {
            observed.extend(claim_observers(&mut others.observers).map(Sleeper::Waiter));
        }
        self.find_shortcuts();
    }

    /// Keeps a value for the select that has received it.
    pub(super) fn keep(&mut self, ticket: Ticket, value: &mut Option<T>) {
        let chosen = &mut self.others().chosen;
        chosen.extend(value.take().map(|value| (ticket, value)));
    }

    /// Takes what is kept under a ticket.
    fn kept(&mut self, ticket: Ticket) -> Option<T> {
        let chosen = &mut self.others().chosen;
        let at = chosen.iter().position(|(kept, _)| *kept == ticket)?;
        Some(chosen.swap_remove(at).1)
    }

    /// What a receive has taken out of the channel, as its select has it.
    #[inline]
    fn chosen(&mut self, mut value: Option<T>) -> Option<Chosen> {
        if InlineValue::fits::<T>() {
            return value.map(|value| Chosen::Here(InlineValue::new(value)));
        }
        let ticket = self.receivers.ticket();
        self.keep(ticket, &mut value);
        Some(Chosen::Kept(ticket))
    }

    fn take_promise(&mut self, ticket: Ticket) -> Option<Promised<T>> {
        let promised = &mut self.others.as_mut()?.promised;
        let at = promised.iter().position(|(promised, _)| *promised == ticket)?;
        Some(promised.swap_remove(at).1)
    }

    /// Chooses a receive, or returns the arm that waits for what a select has promised.
    #[cold]
    fn choose_recv(&mut self, index: usize, whom: &mut ToNotify<T>) -> Result<Option<Chosen>, Arm> {
        let mut value = None;
        match self.recv(&mut value, whom) {
            Found::Value => Ok(self.chosen(value)),
            Found::Promise(promise) => {
                let waiter = Arc::new(Waiter::thread().promised());
                let arm = Arm { waiter, index, ticket: self.receivers.ticket() };
                self.others().promised.push((promise, Promised::Entry(Entry::Arm(arm.clone()))));
                Err(arm)
            }
            Found::End => Ok(Some(Chosen::Closed)),
            Found::Nothing => Ok(None),
        }
    }

    #[inline]
    fn choose_send(&mut self) -> Option<Chosen> {
        if self.closed {
            return Some(Chosen::Closed);
        }
        if self.has_room() {
            self.reserved += 1;
            return Some(Chosen::Kept(self.senders.ticket()));
        }
        while let Some(receiver) = self.receivers.pop() {
            if receiver.waiter().promise() {
                return Some(self.chosen_for(Promised::Entry(receiver)));
            }
        }
        if self.meets_a_task() {
            let (ticket, waker) = self.others().tasks.pop_with_ticket()?;
            return Some(self.chosen_for(Promised::Task(ticket, waker)));
        }
        None
    }

    /// A send that has been chosen for a receiver, which waits for its value from now on.
    fn chosen_for(&mut self, receiver: Promised<T>) -> Chosen {
        let ticket = self.senders.ticket();
        self.others().promised.push((ticket, receiver));
        Chosen::Kept(ticket)
    }

    /// False: closed; the value stays where it is.
    fn complete_send(&mut self, ticket: Ticket, value: &mut Option<T>, whom: &mut ToNotify<T>) -> bool {
        match self.take_promise(ticket) {
            // The two have met: neither a close that came since nor anybody else can part them.
            Some(Promised::Entry(receiver)) => {
                match &receiver {
                    Entry::Direct(direct) => {
                        // SAFETY: promised a value, and the lock is held: the slot is ours (`channel/core.rs` 8).
                        unsafe { direct.slot.put(value.take()) };
                        direct.waiter.complete(WakeCause::Done(0));
                    }
                    Entry::Arm(arm) => {
                        self.keep(arm.ticket, value);
                        arm.waiter.complete(WakeCause::Done(arm.index));
                    }
                }
                whom.add(receiver);
                true
            }
            // A task may be dropped before it goes on, so it is told, like any other, and may be too late.
            Some(Promised::Task(_, waker)) => {
                // Counted first: or `deliver` would tell another of the same value.
                if !self.closed {
                    self.others().told += 1;
                }
                let sent = self.deliver(value, whom);
                // It was a thread's that came since: then there is nothing to have been told of.
                self.forget_offers();
                whom.add(ToNotify::Task(waker));
                sent
            }
            // The task is gone: a send like any other, but that nobody was made to wait for room.
            Some(Promised::Nobody) => self.deliver(value, whom),
            None => {
                // Given back first: a receiver that came since takes the value, and then the place is nobody's.
                self.reserved -= 1;
                self.deliver(value, whom)
            }
        }
    }

    /// Sends a value for which there is a place, unless the channel is closed.
    fn deliver(&mut self, value: &mut Option<T>, whom: &mut ToNotify<T>) -> bool {
        if self.closed {
            return false;
        }
        if !self.hand_off(value, whom) {
            self.put(value, whom);
        }
        true
    }

    /// Puts back what a receive has taken, for the next one. Where others may have been told that nothing will come, it is
    /// kept until the channel is gone: a select may be on a thread on which a value is not to be dropped.
    fn put_back(&mut self, value: &mut Option<T>, whom: &mut ToNotify<T>) {
        if self.closed && self.buffer.is_empty() {
            return self.keep(Ticket::NONE, value);
        }
        if !self.hand_off(value, whom) {
            value.take().into_iter().for_each(|value| self.buffer.push_front(value));
            self.announce(whom);
        }
    }

    fn give_up_send(&mut self, ticket: Ticket, whom: &mut ToNotify<T>) {
        match self.take_promise(ticket) {
            Some(Promised::Entry(receiver)) => {
                receiver.waiter().complete(WakeCause::Retry);
                whom.add(receiver);
            }
            Some(Promised::Task(_, waker)) => {
                self.others().told += 1;
                whom.add(ToNotify::Task(waker));
            }
            Some(Promised::Nobody) => {}
            None => {
                self.reserved -= 1;
                return self.admit(whom);
            }
        }
        self.announce(whom);
    }
}

impl<T> Core<T> {
    /// Chooses a send if it does not have to wait.
    fn choose_send(&self) -> Option<Chosen> {
        self.with(State::choose_send)
    }

    /// Chooses a receive if it does not have to wait, but for a value that another select has promised.
    #[inline]
    fn choose_recv(&self, index: usize, certain: bool) -> Option<Chosen> {
        if let (Some(ring), true) = (self.ring.look(), InlineValue::fits::<T>()) {
            let mut value = None;
            match ring.pop(&mut value) {
                Ok(()) => return value.map(|value| Chosen::Here(InlineValue::new(value))),
                Err(Refused::Edge) if !certain => return None,
                Err(_) => {}
            }
        }
        loop {
            let mut whom = ToNotify::Nobody;
            let chosen = self.state.with(|state| {
                let first = state.recv_fast();
                if first.is_none() {
                    return Err(self.with_locked(state, |state| state.choose_recv(index, &mut whom)));
                }
                self.make_ring_if_contended(state);
                Ok(state.chosen(first))
            });
            let chosen = match chosen {
                Ok(chosen) => {
                    whom.forget();
                    return chosen;
                }
                Err(slow) => slow,
            };
            // There is a value to return, whatever a waker throws.
            whom.quietly(|whom| notify(whom)); // site: choose_recv, a sender that waited
            match chosen {
                Ok(chosen) => return chosen,
                Err(arm) if arm.waiter.wait() == WakeCause::Retry => {}
                Err(arm) => return Some(Chosen::Kept(arm.ticket)),
            }
        }
    }

    /// Sends what a chosen send was for; false if that is refused: then the value is where it was.
    pub(crate) fn complete_send(&self, ticket: Ticket, value: &mut Option<T>) -> bool {
        let mut whom = ToNotify::Nobody;
        let sent = self.with(|state| state.complete_send(ticket, value, &mut whom));
        notify(whom); // site: complete_send, the receiver
        sent
    }

    /// Fetches what a chosen receive has received; `None` if it fails. `chosen` is this channel's.
    #[inline]
    pub(crate) fn complete_recv(&self, chosen: Chosen) -> Option<T> {
        match chosen {
            // SAFETY: made by this channel.
            Chosen::Here(value) => Some(unsafe { value.into_inner() }),
            Chosen::Kept(ticket) => self.state.with(|state| state.kept(ticket)),
            Chosen::Closed | Chosen::At(_) => None,
        }
    }
}

impl<T> Channel for Core<T> {
    fn choose(&self, place: &Place, certain: bool) -> Option<Chosen> {
        match place.side {
            Side::Send => self.choose_send(),
            Side::Recv => self.choose_recv(place.index, certain),
        }
    }

    fn may_proceed(&self, side: Side) -> Option<bool> {
        let look = |ring: &Arc<Ring<T>>| match side {
            Side::Send => ring.may_push(),
            Side::Recv => ring.may_pop(),
        };
        self.ring.look().map(look)
    }

    fn spins_first(&self) -> bool {
        self.spins_first()
    }

    fn give_up(&self, side: Side, chosen: Chosen) {
        let mut whom = ToNotify::Nobody;
        match (side, chosen) {
            (Side::Send, Chosen::Kept(ticket)) => self.with(|state| state.give_up_send(ticket, &mut whom)),
            (Side::Send, _) => return,
            (Side::Recv, chosen) => {
                let mut value = self.complete_recv(chosen);
                if value.is_none() {
                    return;
                }
                self.with(|state| state.put_back(&mut value, &mut whom));
            }
        }
        notify(whom); // site: give_up, whoever is next
    }

    fn is_ready(&self, side: Side) -> bool {
        self.with(|state| state.is_ready(side))
    }

    fn lock(&self, side: Side) -> bool {
        self.state.lock();
        let look = |state: &mut State<T>| {
            state.buffer.shut();
            state.is_ready(side)
        };
        // SAFETY: it is locked.
        unsafe { self.state.with_locked(look) }
    }

    unsafe fn unlock(&self) {
        // SAFETY: the caller's.
        unsafe {
            self.state.with_locked(State::open_if_plain);
            self.state.unlock();
        }
    }

    unsafe fn is_ready_locked(&self, side: Side) -> bool {
        // SAFETY: the caller's.
        unsafe { self.state.with_locked(|state| state.is_ready(side)) }
    }

    unsafe fn stand_locked(
        &self,
        place: &mut Place,
        waiter: &Arc<Waiter>,
        watching: bool,
        observed: &mut Vec<Sleeper>,
    ) {
        // SAFETY: the caller's.
        unsafe { self.state.with_locked(|state| state.stand_as_arm(place, waiter, watching, observed)) };
    }

    fn leave(&self, place: &Place, watching: bool) {
        let _arm = self.with(|state| {
            if watching {
                return state.others.as_mut()?.observers.remove(place.ticket).map(Entry::Arm);
            }
            let arm = match place.side {
                Side::Send => state.senders.remove(place.ticket),
                Side::Recv => state.receivers.remove(place.ticket),
            };
            state.forget_offers();
            arm
        });
    }
}
