//! What a select does to one channel. An operation of a select goes in two steps: it is *chosen*, and it is
//! *completed*, since only then does the select say what it sends, or fetch what it has received.
//!
//! | | chosen | completed | given up instead |
//! |---|---|---|---|
//! | receive | its value moves to `chosen`, or, if it is small and was there, into the operation | the value is fetched | the value is put back (a timer's message is gone) |
//! | send, into the buffer | a place is `reserved` | the value takes the place, or goes to a receiver that waits | the place goes to the next sender |
//! | send, to a receiver that waits | the receiver moves to `promised` | the value is handed over, the receiver's claim settled | the receiver tries again |
//! | closed | nothing | refused | nothing |
//!
//! A channel keeps what is chosen under a ticket, so it is typed and safe, whatever becomes of the select. An operation
//! that is leaked between the two steps keeps its place, its value or its receiver for ever, or its value until the
//! channel is gone.
//!
//! To wait, a select locks all its channels, finds under all those locks that none of its operations is ready, and only
//! then stands in any queue (`Core::stand_unless_ready`): it is never seen waiting while it is still looking, so nobody
//! ever has to claim two waiters at once, and two selects that face each other meet without spinning.
//!
//! Needs: `channel/core.rs`.

use std::mem::MaybeUninit;
use std::time::Instant;

use super::*;

/// One operation of a select that waits.
#[derive(Clone, Debug)]
pub(crate) struct Arm {
    pub(super) waiter: Arc<Waiter>,
    /// Its number in the select.
    pub(super) index: usize,
    pub(super) ticket: Ticket,
}

/// What a channel keeps for selects.
#[derive(Debug)]
pub(super) struct Selects<T> {
    /// Receivers to whom a value has been promised, by the ticket of the promised send; `None` where the receive has
    /// been dropped since.
    pub(super) promised: Vec<(Ticket, Option<Party<T>>)>,
    /// Values that have been received and not fetched yet, by the ticket of the receive.
    pub(super) chosen: Vec<(Ticket, Ranked<T>)>,
    /// Those who wait only to hear that an operation has become ready.
    pub(super) observers: WaitQueue<Arm>,
}

/// Claims those who are to look again.
pub(super) fn claim_observers(observers: &mut WaitQueue<Arm>) -> impl Iterator<Item = Arm> + use<> {
    observers.claim_all(|arm| arm.waiter.claim(Cause::Again)).into_iter()
}

/// An operation of a select that has been chosen. It belongs to one `SelectedOperation`, which completes it or gives
/// it up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chosen {
    /// A receive whose value is here.
    Here(Packed),
    /// The channel keeps what belongs to it under this ticket.
    Kept(Ticket),
    /// It fails: the channel is closed.
    Closed,
    /// A timer's, which has delivered this moment.
    At(Instant),
}

/// A small value and its rank, whose type only its channel knows: in a select that finds it at once, so that the
/// channel need not be locked again to fetch it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed {
    rank: u64,
    value: [MaybeUninit<u64>; 3],
}

impl Packed {
    /// Packs a value; hands it back if it does not fit.
    #[inline]
    fn new<T>((rank, value): Ranked<T>) -> Result<Self, Ranked<T>> {
        let mut packed = Self { rank, value: [MaybeUninit::uninit(); 3] };
        if size_of::<T>() > size_of_val(&packed.value) || align_of::<T>() > align_of::<u64>() {
            return Err((rank, value));
        }
        // SAFETY: the place is large enough, aligned, and our own.
        unsafe { packed.value.as_mut_ptr().cast::<T>().write(value) };
        Ok(packed)
    }

    /// # Safety
    /// It was packed as a `T`, and is unpacked once: by the channel that packed it, for the `SelectedOperation` that it
    /// belongs to.
    #[inline]
    unsafe fn unpack<T>(self) -> Ranked<T> {
        // SAFETY: a `T` was written there, and nobody else reads it out.
        (self.rank, unsafe { self.value.as_ptr().cast::<T>().read() })
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

/// How a select stands in its channels' queues.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stand<'a> {
    /// Not at all: it only looks whether none of its operations is ready.
    Aside,
    /// To have one of its operations done.
    InLine(&'a Arc<Waiter>),
    /// To hear that one has become ready.
    Observing(&'a Arc<Waiter>),
}

/// A select on its way through the locks of its channels.
#[derive(Debug)]
pub(crate) struct Tour<'a> {
    pub(crate) stand: Stand<'a>,
    /// Observers for whom the select's own waiting is news; to be notified once all locks are free.
    pub(crate) observed: Vec<Arc<Waiter>>,
}

impl<T> State<T> {
    pub(super) fn selects(&mut self) -> &mut Selects<T> {
        self.selects.get_or_insert_with(|| {
            Box::new(Selects { promised: Vec::new(), chosen: Vec::new(), observers: WaitQueue::new() })
        })
    }

    /// Whether an operation might not have to wait. An arm in a queue may have been claimed through another channel:
    /// then it is not ready after all, and the attempt clears the arm away.
    fn is_ready(&self, side: Side) -> bool {
        self.closed
            || match side {
                Side::Send => self.has_room() || !self.receivers.is_empty(),
                Side::Recv => self.len() > 0 || !self.senders.is_empty(),
            }
    }

    fn stand_as(&mut self, place: &mut Place, tour: &mut Tour<'_>) {
        let arm = |waiter: &Arc<Waiter>, ticket| Arm { waiter: waiter.clone(), index: place.index, ticket };
        match tour.stand {
            Stand::Aside => {}
            Stand::Observing(waiter) => place.ticket = self.selects().observers.push(|ticket| arm(waiter, ticket)),
            Stand::InLine(waiter) => {
                let line = match place.side {
                    Side::Send => &mut self.senders,
                    Side::Recv => &mut self.receivers,
                };
                place.ticket = line.push(|ticket| Party::Arm(arm(waiter, ticket)));
                if let Some(selects) = &mut self.selects {
                    tour.observed.extend(claim_observers(&mut selects.observers).map(|arm| arm.waiter));
                }
            }
        }
    }

    /// Keeps a value for the select that has received it.
    #[inline]
    fn keep(&mut self, value: Ranked<T>) -> Chosen {
        let value = self.ranked(value);
        Packed::new(value).map_or_else(|value| self.keep_here(value), Chosen::Here)
    }

    #[cold]
    fn keep_here(&mut self, value: Ranked<T>) -> Chosen {
        let ticket = self.receivers.ticket();
        self.selects().chosen.push((ticket, value));
        Chosen::Kept(ticket)
    }

    /// Takes what is kept under a ticket.
    fn kept(&mut self, ticket: Ticket) -> Ranked<T> {
        let chosen = &mut self.selects().chosen;
        let at = chosen.iter().position(|(kept, _)| *kept == ticket).expect("a chosen receive has its value");
        chosen.swap_remove(at).1
    }

    fn take_promise(&mut self, ticket: Ticket) -> Option<Option<Party<T>>> {
        let promised = &mut self.selects.as_mut()?.promised;
        let at = promised.iter().position(|(promised, _)| *promised == ticket)?;
        Some(promised.swap_remove(at).1)
    }

    /// The receive is dropped to which a value has been promised.
    pub(super) fn forget_promise(&mut self, receiver: &Arc<Alone<T>>) -> Option<Party<T>> {
        let is = |party: &Option<Party<T>>| matches!(party, Some(Party::Alone(alone)) if Arc::ptr_eq(alone, receiver));
        self.selects().promised.iter_mut().find(|(_, party)| is(party)).and_then(|(_, party)| party.take())
    }

    /// Chooses a receive, or returns the arm that waits for what a select has promised.
    #[cold]
    fn choose_recv(&mut self, index: usize) -> (Result<Option<Chosen>, Arm>, Wake<T>) {
        match self.recv() {
            Ok(Source::Value(value, wake)) => (Ok(Some(self.keep(value))), wake),
            Ok(Source::Promise(promise, wake)) => {
                let waiter = Arc::new(Waiter::thread().promised());
                let arm = Arm { waiter, index, ticket: self.receivers.ticket() };
                self.selects().promised.push((promise, Some(Party::Arm(arm.clone()))));
                (Err(arm), wake)
            }
            Err(TryRecvError::Disconnected) => (Ok(Some(Chosen::Closed)), Wake::Nobody),
            Err(TryRecvError::Empty) => (Ok(None), Wake::Nobody),
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
                let ticket = self.senders.ticket();
                self.selects().promised.push((ticket, Some(receiver)));
                return Some(Chosen::Kept(ticket));
            }
        }
        None
    }

    fn complete_send(&mut self, ticket: Ticket, value: T) -> Result<Wake<T>, SendError<T>> {
        let value = (self.next_rank(), value);
        match self.take_promise(ticket) {
            Some(Some(receiver)) => {
                match &receiver {
                    Party::Alone(alone) => {
                        // SAFETY: promised a value, and the lock is held: the slot is ours (`channel/core.rs` 7).
                        unsafe { alone.slot.replace(Some(value)) };
                        alone.waiter.settle(Cause::Done(0));
                    }
                    Party::Arm(arm) => {
                        self.selects().chosen.push((arm.ticket, value));
                        arm.waiter.settle(Cause::Done(arm.index));
                    }
                }
                Ok(Wake::One(receiver))
            }
            Some(None) if self.closed => Err(SendError(value.1)),
            Some(None) => Ok(self.put_back(value)),
            None => {
                self.reserved -= 1;
                if self.closed {
                    return Err(SendError(value.1));
                }
                match self.give(value) {
                    Ok(receiver) => Ok(Wake::One(receiver)),
                    Err((_, value)) => {
                        self.buffer.push_back(value);
                        Ok(self.wake(None))
                    }
                }
            }
        }
    }

    fn give_up_send(&mut self, ticket: Ticket) -> Wake<T> {
        match self.take_promise(ticket) {
            Some(receiver) => {
                if let Some(receiver) = &receiver {
                    receiver.waiter().settle(Cause::Again);
                }
                self.wake(receiver)
            }
            None => {
                self.reserved -= 1;
                self.admit()
            }
        }
    }
}

impl<T> Core<T> {
    /// What tells channels apart, and the order in which a select locks them.
    #[inline]
    pub(crate) fn identity(&self) -> usize {
        self.identity.of(self)
    }

    /// Chooses a send if it does not have to wait.
    pub(crate) fn choose_send(&self) -> Option<Chosen> {
        self.state.with(State::choose_send)
    }

    /// Chooses a receive if it does not have to wait, but for a value that another select has promised.
    #[inline]
    pub(crate) fn choose_recv(&self, index: usize) -> Option<Chosen> {
        loop {
            let chosen = self.state.with(|state| match state.recv_quietly() {
                Some(value) => Ok(state.keep((UNRANKED, value))),
                None => Err(state.choose_recv(index)),
            });
            let (chosen, wake) = match chosen {
                Ok(chosen) => return Some(chosen),
                Err(slow) => slow,
            };
            let unwinding = Unwinding(|| {
                if let Ok(Some(chosen)) = chosen {
                    self.give_up(Side::Recv, chosen);
                }
            });
            notify(wake); // choose_recv: a sender that waited
            mem::forget(unwinding);
            match chosen {
                Ok(chosen) => return chosen,
                Err(arm) if arm.waiter.wait() == Cause::Again => {}
                Err(arm) => return Some(Chosen::Kept(arm.ticket)),
            }
        }
    }

    /// Sends what a chosen send was for.
    pub(crate) fn complete_send(&self, ticket: Ticket, value: T) -> Result<(), SendError<T>> {
        let wake = self.state.with(|state| state.complete_send(ticket, value))?;
        notify(wake); // complete_send: the receiver
        Ok(())
    }

    /// Fetches what a chosen receive has received; `None` if it fails. `chosen` is this channel's, and is given away.
    #[inline]
    pub(crate) fn complete_recv(&self, chosen: Chosen) -> Option<T> {
        match chosen {
            // SAFETY: packed by this channel; the caller gives it away.
            Chosen::Here(packed) => Some(unsafe { packed.unpack() }.1),
            Chosen::Kept(ticket) => Some(self.state.with(|state| state.kept(ticket)).1),
            Chosen::Closed | Chosen::At(_) => None,
        }
    }

    /// Undoes what a chosen operation has done. `chosen` is this channel's, and is given away.
    pub(crate) fn give_up(&self, side: Side, chosen: Chosen) {
        let wake = self.state.with(|state| match (side, chosen) {
            (Side::Send, Chosen::Kept(ticket)) => state.give_up_send(ticket),
            (Side::Recv, Chosen::Kept(ticket)) => {
                let value = state.kept(ticket);
                state.put_back(value)
            }
            // SAFETY: packed by this channel; the caller gives it away.
            (Side::Recv, Chosen::Here(packed)) => state.put_back(unsafe { packed.unpack() }),
            _ => Wake::Nobody,
        });
        notify(wake); // give_up: whoever is next
    }

    /// Under the lock of this channel, and then, by `rest`, of all the others on the tour: stands in line for the
    /// operations of the `group`, unless one of all is ready (false).
    pub(crate) fn stand_unless_ready<S>(
        &self,
        group: &mut [S],
        place: impl Fn(&mut S) -> &mut Place,
        tour: &mut Tour<'_>,
        rest: &mut dyn FnMut(&mut Tour<'_>) -> bool,
    ) -> bool {
        let stand = |state: &mut State<T>| {
            if group.iter_mut().any(|slot| state.is_ready(place(slot).side)) || !rest(tour) {
                return false;
            }
            group.iter_mut().for_each(|slot| state.stand_as(place(slot), tour));
            true
        };
        self.state.with(stand)
    }

    /// Leaves the queue, if nobody has taken the arm out of it.
    pub(crate) fn leave(&self, place: &Place, observing: bool) {
        let _arm = self.state.with(|state| {
            if observing {
                return state.selects().observers.remove(place.ticket).map(Party::Arm);
            }
            match place.side {
                Side::Send => state.senders.remove(place.ticket),
                Side::Recv => state.receivers.remove(place.ticket),
            }
        });
    }

    pub(crate) fn is_ready(&self, side: Side) -> bool {
        self.state.with(|state| state.is_ready(side))
    }
}
