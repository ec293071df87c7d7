//! The state machine of every channel: one lock, a buffer, and two queues of those who wait. A value is handed straight
//! to a receiver that waits; a wake-up is sent to no one else, and outside the lock.
//!
//! After Go's `hchan` (one lock, waiter queues, direct hand-off) and kanal (what it buys across threads). What a select
//! does here, in two steps because it says what it sends only after it has been chosen, stands in `core/arms.rs`.
//!
//! # Invariants
//! Whenever the lock is free:
//! 1. An unclaimed receiver stands in `receivers` only if `returned` and `buffer` are empty and `closed` is false.
//! 2. An unclaimed sender stands in `senders` only if `returned`, `buffer` and `reserved` together come to at least
//!    `capacity` and `closed` is false.
//! 3. An unclaimed sender and an unclaimed receiver both wait only if they are arms of one select.
//! 4. `returned`, by rank, then `buffer` hold, in the order of their sends, all values that were sent and are with
//!    no receiver: a value is handed over, and ranked, only while both are empty, or leaves them in that order.
//! 5. `closed` never goes back to false; it is set by a close and by the drop of the last handle of either side.
//! 6. `buffer` and `reserved` together never come to more than `capacity`.
//!
//! Of a slot:
//! 7. While its party is in its queue, or promised a value, only the holder of the lock touches the slot.
//! 8. After a claim with [`Cause::Done`] a sender's slot belongs to the claimer, who holds the lock, and a receiver's
//!    to the receiver. After any other cause or a removal from its queue, a slot belongs to the one who waited.
//! 9. A party with a slot is claimed by the holder of the lock alone, who takes it out of its queue: none in a queue is
//!    claimed. An arm can be: by another channel of its select, or by the select, whose time is up.
//!
//! # Transitions, each one critical section
//!
//! | operation | a partner waits | room / a value | neither | closed |
//! |---|---|---|---|---|
//! | send | value to the receiver, claim it | value to `buffer` | wait in `senders`, or hand back | hand back |
//! | receive | (with no value) value from the sender, claim it | first value; the first sender is *admitted* | wait in `receivers`, or say so | first value; with none, say so |
//! | close | claim everyone | values stay for the receivers | | nothing |
//! | last receiver dropped | as close | values go to the one who drops, to be dropped | | values likewise |
//! | last sender dropped | as close | values stay for the receivers | | nothing |
//! | a receive that was given a value is dropped, or unwinds | value to the next receiver, claim it | | value to `returned` | value to `returned` |
//! | a receive that was promised one is dropped | | | the promise passes to nobody, its value is put back when it comes | likewise |
//!
//! *Admitted*: its value moves to `buffer` and it is claimed; an arm is claimed with its place `reserved`. A sender
//! from which a value is taken directly, and which is an arm, *promises* it: it is claimed, and the receiver waits in
//! `promised` until the value is there.
//!
//! Needs: `channel/core/arms.rs`, `wait.rs`, `sync.rs`, `error.rs`.

mod arms;

use std::collections::VecDeque;
use std::mem;

use super::super::error::{SendError, TryRecvError, TrySendError};
use super::super::sync::{Arc, Identity, Lock, TRIES_AGAIN, UnsafeCell, let_go};
use super::super::wait::{Cause, Ticket, WaitQueue, Waiter, notify_all};

use arms::{Arm, Selects};
pub(crate) use arms::{Chosen, Place, Side, Stand, Tour};

/// What all handles of one channel share.
#[derive(Debug)]
pub(crate) struct Core<T> {
    /// `None`: unbounded.
    pub(super) capacity: Option<usize>,
    identity: Identity,
    state: Lock<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    /// `usize::MAX` for unbounded.
    capacity: usize,
    /// Values handed to receives that ended before they could return them, by rank. Empty unless that has happened.
    returned: VecDeque<Ranked<T>>,
    /// The last rank that was given.
    rank: u64,
    buffer: VecDeque<T>,
    senders: WaitQueue<Party<T>>,
    receivers: WaitQueue<Party<T>>,
    /// Places that selects have been given and have not filled yet.
    reserved: usize,
    /// What else selects keep here; made when one first does.
    selects: Option<Box<Selects<T>>>,
    sender_handles: usize,
    receiver_handles: usize,
    closed: bool,
}

/// A value and its rank, which orders the values that have been handed to receivers by their sends. It stays with a
/// value that comes back and is handed on.
type Ranked<T> = (u64, T);

/// The rank of a value that has not been handed to a receiver.
const UNRANKED: u64 = u64::MAX;

/// A sender or receiver that waits.
#[derive(Debug)]
enum Party<T> {
    /// An operation on this channel alone.
    Alone(Arc<Alone<T>>),
    /// An operation among those of a select.
    Arm(Arm),
}

/// A blocked operation on one channel, and the value that changes hands.
#[derive(Debug)]
pub(super) struct Alone<T> {
    pub(super) waiter: Waiter,
    slot: Slot<T>,
}

/// Where a waiting party's value lies: a sender's until it is taken, a receiver's once it is given.
#[derive(Debug)]
struct Slot<T>(UnsafeCell<Option<Ranked<T>>>);

// SAFETY: the slot has one owner at a time (invariants 7 and 8), each with the accesses of the one before it ordered
// before its own, by the lock (HB-LK-1) or by the claim (HB-WT-1): sharing a slot only ever sends its value.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// # Safety
    /// The caller is the slot's owner (invariants 7 and 8).
    unsafe fn replace(&self, value: Option<Ranked<T>>) -> Option<Ranked<T>> {
        // SAFETY: no one else touches the slot while the caller owns it.
        self.0.with_mut(|slot| unsafe { mem::replace(&mut *slot, value) })
    }
}

impl<T> Alone<T> {
    fn new(waiter: Waiter, value: Option<T>) -> Arc<Self> {
        Arc::new(Self { waiter, slot: Slot(UnsafeCell::new(value.map(|value| (UNRANKED, value)))) })
    }
}

impl<T> Party<T> {
    fn waiter(&self) -> &Waiter {
        match self {
            Party::Alone(alone) => &alone.waiter,
            Party::Arm(arm) => &arm.waiter,
        }
    }
}

/// An operation that has to wait: its party, and its place in the queue.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    ticket: Ticket,
    pub(super) party: Arc<Alone<T>>,
}

impl<T> Waiting<T> {
    /// How a send that waited has ended.
    pub(super) fn sent(&self, cause: Cause) -> Result<(), SendError<T>> {
        match cause {
            Cause::Done(_) => Ok(()),
            Cause::Closed | Cause::Again => Err(SendError(self.unsent())),
        }
    }

    /// The value of a send that was not served: it was claimed with another cause, or taken out of its queue.
    pub(super) fn unsent(&self) -> T {
        // SAFETY: the slot is the sender's (invariant 8).
        let value = unsafe { self.party.slot.replace(None) };
        value.expect("a sender that was not served has its value").1
    }

    /// The value of a receive that was claimed with [`Cause::Done`].
    pub(super) fn received(&self) -> T {
        self.given().1
    }

    fn given(&self) -> Ranked<T> {
        // SAFETY: claimed with `Done`, so the slot is the receiver's (invariant 8).
        let value = unsafe { self.party.slot.replace(None) };
        value.expect("a receiver that was served has a value")
    }
}

/// Why a send has not happened yet.
pub(super) enum Unsent<T> {
    /// It stands in line.
    Waits(Waiting<T>),
    Full(T),
    Disconnected(T),
}

/// Why a receive has no value yet.
pub(super) enum Unreceived<T> {
    /// It waits for the value that a select has promised, or stands in line.
    Waits(Waiting<T>),
    Empty,
    Disconnected,
}

/// Who has to be notified once the lock is free; all have been claimed.
enum Wake<T> {
    Nobody,
    One(Party<T>),
    All(Vec<Party<T>>),
}

#[inline]
#[track_caller]
fn notify<T>(wake: Wake<T>) {
    match wake {
        Wake::Nobody => {}
        Wake::One(party) => party.waiter().notify(),
        Wake::All(parties) => notify_all(parties.iter().map(Party::waiter)),
    }
}

/// Undoes a receive that unwinds: a waker has panicked that was woken because of it.
struct Unwinding<F: FnMut()>(F);

impl<F: FnMut()> Drop for Unwinding<F> {
    fn drop(&mut self) {
        let_go(|| self.0());
    }
}

/// Those whom a close has released: claimed, and to be notified once no lock is held.
#[must_use = "they wait for it"]
pub(crate) struct Released<T>(Vec<Party<T>>);

impl<T> Released<T> {
    pub(crate) fn notify(self) {
        release(&Some(self.0)); // close
    }
}

/// Notifies those whom a close has released.
#[inline]
#[track_caller]
fn release<T>(released: &Option<Vec<Party<T>>>) {
    if let Some(parties) = released.as_ref().filter(|parties| !parties.is_empty()) {
        notify_all(parties.iter().map(Party::waiter));
    }
}

/// Where a receive found its value.
enum Source<T> {
    /// In the channel or with a sender, who has been claimed.
    Value(Ranked<T>, Wake<T>),
    /// With a select, which has been claimed: it will send to whoever stands in `promised` with this ticket.
    Promise(Ticket, Wake<T>),
}

impl<T> State<T> {
    fn len(&self) -> usize {
        self.returned.len() + self.buffer.len()
    }

    fn has_room(&self) -> bool {
        self.len() + self.reserved < self.capacity
    }

    fn next_rank(&mut self) -> u64 {
        self.rank += 1;
        self.rank
    }

    /// A value that has been received, which may come back.
    fn ranked(&mut self, (rank, value): Ranked<T>) -> Ranked<T> {
        (if rank == UNRANKED { self.next_rank() } else { rank }, value)
    }

    /// The one to notify, and with it the observers, for whom something may have changed.
    #[inline]
    fn wake(&mut self, party: Option<Party<T>>) -> Wake<T> {
        if let Some(observers) = self.selects.as_mut().map(|selects| &mut selects.observers).filter(|o| !o.is_empty()) {
            return Wake::All(arms::claim_observers(observers).map(Party::Arm).chain(party).collect());
        }
        party.map_or(Wake::Nobody, Wake::One)
    }

    #[inline]
    fn has_no_observers(&self) -> bool {
        self.selects.as_ref().is_none_or(|selects| selects.observers.is_empty())
    }

    /// Whether a send has only to put its value into the buffer.
    #[inline]
    fn takes_quietly(&self) -> bool {
        !self.closed && self.receivers.is_empty() && self.has_no_observers() && self.has_room()
    }

    fn send(&mut self, value: T) -> Result<Wake<T>, TrySendError<T>> {
        if self.closed {
            return Err(TrySendError::Disconnected(value));
        }
        let rank = self.next_rank();
        match self.give((rank, value)) {
            Ok(receiver) => Ok(Wake::One(receiver)),
            Err((_, value)) if self.has_room() => {
                self.buffer.push_back(value);
                Ok(self.wake(None))
            }
            Err((_, value)) => Err(TrySendError::Full(value)),
        }
    }

    /// The next value, where a receive has only to take it out of the buffer.
    #[inline]
    fn recv_quietly(&mut self) -> Option<T> {
        if self.returned.is_empty() && self.senders.is_empty() && self.has_no_observers() {
            self.buffer.pop_front()
        } else {
            None
        }
    }

    fn recv(&mut self) -> Result<Source<T>, TryRecvError> {
        let first = if self.returned.is_empty() {
            self.buffer.pop_front().map(|value| (UNRANKED, value))
        } else {
            self.returned.pop_front()
        };
        match first {
            Some(value) => {
                let wake = self.admit();
                Ok(Source::Value(value, wake))
            }
            None => match self.take() {
                Some(source) => Ok(source),
                None if self.closed => Err(TryRecvError::Disconnected),
                None => Err(TryRecvError::Empty),
            },
        }
    }

    /// Hands a value to the first receiver that waits, or back.
    #[inline]
    fn give(&mut self, value: Ranked<T>) -> Result<Party<T>, Ranked<T>> {
        while let Some(receiver) = self.receivers.pop() {
            match &receiver {
                Party::Alone(alone) => {
                    // SAFETY: popped under the lock: the slot is ours until the claim (invariant 7).
                    unsafe { alone.slot.replace(Some(value)) };
                    let claimed = alone.waiter.claim(Cause::Done(0));
                    debug_assert!(claimed, "invariant 9");
                }
                Party::Arm(arm) if arm.waiter.claim(Cause::Done(arm.index)) => {
                    self.selects().chosen.push((arm.ticket, value));
                }
                Party::Arm(_) => continue,
            }
            return Ok(receiver);
        }
        Err(value)
    }

    /// Takes the value of the first sender that waits.
    #[inline]
    fn take(&mut self) -> Option<Source<T>> {
        while let Some(sender) = self.senders.pop() {
            match &sender {
                Party::Alone(alone) => {
                    let value = claim_value(alone);
                    return Some(Source::Value(value, self.wake(Some(sender))));
                }
                Party::Arm(arm) if arm.waiter.claim(Cause::Done(arm.index)) => {
                    return Some(Source::Promise(arm.ticket, self.wake(Some(sender))));
                }
                Party::Arm(_) => {}
            }
        }
        None
    }

    /// Lets the first sender that waits have the place that has become free.
    #[inline]
    fn admit(&mut self) -> Wake<T> {
        if !self.senders.is_empty() && self.has_room() {
            while let Some(sender) = self.senders.pop() {
                match &sender {
                    Party::Alone(alone) => {
                        let (_, value) = claim_value(alone);
                        self.buffer.push_back(value);
                    }
                    Party::Arm(arm) if arm.waiter.claim(Cause::Done(arm.index)) => self.reserved += 1,
                    Party::Arm(_) => continue,
                }
                return self.wake(Some(sender));
            }
        }
        self.wake(None)
    }

    /// Stands in line to receive, or, with the `promise` of a sender, waits for its value.
    fn stand(&mut self, waiter: Waiter, promise: Option<Ticket>) -> Waiting<T> {
        let Some(promise) = promise else {
            let party = Alone::new(waiter, None);
            return Waiting { ticket: self.receivers.push(|_| Party::Alone(party.clone())), party };
        };
        let party = Alone::new(waiter.promised(), None);
        self.selects().promised.push((promise, Some(Party::Alone(party.clone()))));
        Waiting { ticket: self.receivers.ticket(), party }
    }

    #[cold]
    fn send_or_stand(
        &mut self,
        value: T,
        may_wait: bool,
        waiter: impl FnOnce() -> Waiter,
    ) -> (Result<(), Unsent<T>>, Wake<T>) {
        match self.send(value) {
            Ok(wake) => (Ok(()), wake),
            Err(TrySendError::Disconnected(value)) => (Err(Unsent::Disconnected(value)), Wake::Nobody),
            Err(TrySendError::Full(value)) if may_wait => {
                let party = Alone::new(waiter(), Some(value));
                let ticket = self.senders.push(|_| Party::Alone(party.clone()));
                (Err(Unsent::Waits(Waiting { ticket, party })), self.wake(None))
            }
            Err(TrySendError::Full(value)) => (Err(Unsent::Full(value)), Wake::Nobody),
        }
    }

    #[cold]
    fn recv_or_stand(
        &mut self,
        may_wait: bool,
        waiter: impl FnOnce() -> Waiter,
    ) -> (Result<Ranked<T>, Unreceived<T>>, Wake<T>) {
        match self.recv() {
            Ok(Source::Value(value, wake)) => (Ok(self.ranked(value)), wake),
            Ok(Source::Promise(ticket, wake)) => (Err(Unreceived::Waits(self.stand(waiter(), Some(ticket)))), wake),
            Err(TryRecvError::Disconnected) => (Err(Unreceived::Disconnected), Wake::Nobody),
            Err(TryRecvError::Empty) if may_wait => {
                let waiting = self.stand(waiter(), None);
                (Err(Unreceived::Waits(waiting)), self.wake(None))
            }
            Err(TryRecvError::Empty) => (Err(Unreceived::Empty), Wake::Nobody),
        }
    }

    /// Puts back a value that a receive was given and does not return: to the next receive.
    fn put_back(&mut self, value: Ranked<T>) -> Wake<T> {
        match self.give(value) {
            Ok(receiver) => Wake::One(receiver),
            Err(value) => {
                let at = self.returned.partition_point(|(rank, _)| *rank < value.0);
                self.returned.insert(at, value);
                self.wake(None)
            }
        }
    }

    /// Closes; `None` if it was closed. The parties returned have been claimed and are to be notified.
    fn close(&mut self) -> Option<Vec<Party<T>>> {
        if mem::replace(&mut self.closed, true) {
            return None;
        }
        if self.senders.is_empty() && self.receivers.is_empty() && self.has_no_observers() {
            return Some(Vec::new());
        }
        let claim = |party: &Party<T>| match party {
            Party::Alone(alone) => alone.waiter.claim(Cause::Closed),
            Party::Arm(arm) => arm.waiter.claim(Cause::Again),
        };
        let mut released = self.senders.claim_all(claim);
        released.extend(self.receivers.claim_all(claim));
        let observers = self.selects.iter_mut().flat_map(|selects| arms::claim_observers(&mut selects.observers));
        released.extend(observers.map(Party::Arm));
        Some(released)
    }
}

/// Claims a sender that was popped, and takes its value.
fn claim_value<T>(sender: &Alone<T>) -> Ranked<T> {
    let claimed = sender.waiter.claim(Cause::Done(0));
    debug_assert!(claimed, "invariant 9");
    // SAFETY: claimed by us with `Done`, and the lock is held: the slot is ours (invariant 8).
    let value = unsafe { sender.slot.replace(None) };
    value.expect("a waiting sender's value")
}

impl<T> Core<T> {
    /// A channel with one handle on each side.
    pub(crate) fn new(capacity: Option<usize>) -> Self {
        let state = State {
            capacity: capacity.unwrap_or(usize::MAX),
            returned: VecDeque::new(),
            rank: 0,
            buffer: VecDeque::new(),
            senders: WaitQueue::new(),
            receivers: WaitQueue::new(),
            reserved: 0,
            selects: None,
            sender_handles: 1,
            receiver_handles: 1,
            closed: false,
        };
        Self { capacity, identity: Identity::new(), state: Lock::new(state) }
    }

    /// Whether it is worth to try again before standing in line: where the buffer is full and empty by turns. With one
    /// place or none a value changes hands at each step anyway, and without a bound nobody waits for room.
    #[inline]
    pub(crate) fn tries_again(&self) -> bool {
        TRIES_AGAIN && self.capacity.is_some_and(|capacity| capacity > 1)
    }

    /// Sends, or, if it `may_wait`, stands in line with a waiter made by `waiter`, which runs under the lock.
    #[inline]
    pub(super) fn send(&self, value: T, may_wait: bool, waiter: impl FnOnce() -> Waiter) -> Result<(), Unsent<T>> {
        let sent = self.state.with(|state| {
            if state.takes_quietly() {
                state.buffer.push_back(value);
                return None;
            }
            Some(state.send_or_stand(value, may_wait, waiter))
        });
        match sent {
            None => Ok(()),
            Some((sent, wake)) => {
                notify(wake); // send: a receiver that waited
                sent
            }
        }
    }

    /// Receives, or waits with a waiter made by `waiter`, which runs under the lock: for a value that a select has
    /// promised, and, if it `may_wait`, in line.
    #[inline(always)]
    pub(super) fn recv(&self, may_wait: bool, waiter: impl FnOnce() -> Waiter) -> Result<T, Unreceived<T>> {
        let received = self.state.with(|state| match state.recv_quietly() {
            Some(value) => Ok(value),
            None => Err(state.recv_or_stand(may_wait, waiter)),
        });
        match received {
            Ok(value) => Ok(value),
            Err((mut received, wake)) => {
                let unwinding = Unwinding(|| {
                    if let Ok(value) = mem::replace(&mut received, Err(Unreceived::Empty)) {
                        self.put_back(value);
                    }
                });
                notify(wake); // recv: a sender that waited
                mem::forget(unwinding);
                received.map(|(_, value)| value)
            }
        }
    }

    /// A send is abandoned while it waits: its value is its own again, unless that has been taken (false).
    pub(super) fn abandon_send(&self, waiting: &Waiting<T>) -> bool {
        self.state.with(|state| state.senders.remove(waiting.ticket)).is_some()
    }

    /// A receive leaves its line; false if it has been given a value, or promised one.
    pub(super) fn leave_recv(&self, waiting: &Waiting<T>) -> bool {
        self.state.with(|state| state.receivers.remove(waiting.ticket)).is_some()
    }

    /// A receive is abandoned while it waits; a value that it has been given goes to the next receive.
    pub(super) fn abandon_recv(&self, waiting: &Waiting<T>) {
        let (_removed, wake) = self.state.with(|state| {
            let removed = state.receivers.remove(waiting.ticket);
            if removed.is_some() {
                return (removed, Wake::Nobody);
            }
            match waiting.party.waiter.cause() {
                Some(Cause::Done(_)) => (None, state.put_back(waiting.given())),
                Some(Cause::Closed | Cause::Again) => (None, Wake::Nobody),
                None => (state.forget_promise(&waiting.party), Wake::Nobody),
            }
        });
        notify(wake); // abandon: the next receiver
    }

    #[cold]
    fn put_back(&self, value: Ranked<T>) {
        let wake = self.state.with(|state| state.put_back(value));
        notify(wake); // put back: the next receiver
    }

    /// Closes; false if it was closed.
    pub(crate) fn close(&self) -> bool {
        self.close_if(|| true).map(Released::notify).is_some()
    }

    /// Closes if `may` says so, which is asked once, and before anybody can know; `None` if it was closed.
    pub(crate) fn close_if(&self, may: impl FnOnce() -> bool) -> Option<Released<T>> {
        let closed = self.state.with(|state| if state.closed || !may() { None } else { state.close() });
        closed.map(Released)
    }

    pub(super) fn add_sender(&self) {
        self.state.with(|state| state.sender_handles = state.sender_handles.checked_add(1).expect("too many senders"));
    }

    pub(super) fn add_receiver(&self) {
        self.state
            .with(|state| state.receiver_handles = state.receiver_handles.checked_add(1).expect("too many receivers"));
    }

    pub(super) fn drop_sender(&self) {
        let released = self.state.with(|state| {
            state.sender_handles -= 1;
            if state.sender_handles == 0 { state.close() } else { None }
        });
        release(&released); // last sender dropped
    }

    pub(super) fn drop_receiver(&self) {
        let (released, _values) = self.state.with(|state| {
            state.receiver_handles -= 1;
            if state.receiver_handles > 0 {
                return (None, None);
            }
            let chosen = state.selects.as_mut().map(|selects| mem::take(&mut selects.chosen));
            let values = (mem::take(&mut state.returned), mem::take(&mut state.buffer), chosen);
            (state.close(), Some(values))
        });
        // The values are dropped last, outside the lock: their destructors are user code, and may panic.
        release(&released); // last receiver dropped
    }

    pub(super) fn len(&self) -> usize {
        self.state.with(|state| state.len())
    }

    pub(super) fn is_full(&self) -> bool {
        self.state.with(|state| !state.has_room())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.with(|state| state.closed)
    }
}
