//! The state machine of every channel: one lock, a buffer, and two queues of waiters, of which one at most is not
//! empty. A value is handed straight to a receiver that waits; a wake-up is sent to no one else, and outside the lock.
//!
//! After Go's `hchan` (one lock, waiter queues, direct hand-off) and kanal (what it buys across threads).
//!
//! # Invariants
//! Whenever the lock is free:
//! 1. A receiver stands in `receivers` only if `returned` and `buffer` are empty and `closed` is false.
//! 2. A sender stands in `senders` only if `returned` and `buffer` together hold at least `capacity` values and
//!    `closed` is false.
//! 3. `returned`, by rank, then `buffer` hold, in the order of their sends, all values that were sent and are with
//!    no receiver: a value is handed over, and ranked, only while both are empty.
//! 4. `closed` never goes back to false; it is set by a close and by the drop of the last handle of either side.
//! 5. `buffer` never holds more than `capacity` values.
//!
//! Of a [`Party`]'s slot:
//! 6. While the party is unclaimed and in its queue, only the holder of the lock touches the slot.
//! 7. After a claim with [`Cause::Done`] a sender's slot belongs to the claimer, who holds the lock, and a receiver's
//!    to the receiver. After [`Cause::Closed`] or a removal from its queue, a slot belongs to the one who waited.
//!
//! # Transitions, each one critical section
//!
//! | operation | a partner waits | room / a value | neither | closed |
//! |---|---|---|---|---|
//! | send | value to the receiver, claim it | value to `buffer` | wait in `senders`, or hand back | hand back |
//! | receive | (with no value) value from the sender, claim it | first value; the first sender's value takes its place, claim it | wait in `receivers`, or say so | first value; with none, say so |
//! | close | claim everyone with `Closed` | values stay for the receivers | | nothing |
//! | last receiver dropped | as close | values go to the one who drops, to be dropped | | values likewise |
//! | last sender dropped | as close | values stay for the receivers | | nothing |
//! | a chosen receive is dropped | value to the next receiver, claim it | | value to `returned` | value to `returned` |
//!
//! Needs: `wait.rs`, `sync.rs`, `error.rs`.

use std::collections::VecDeque;
use std::mem;

use super::super::error::{SendError, TryRecvError, TrySendError};
use super::super::sync::{Arc, Lock, UnsafeCell};
use super::super::wait::{Cause, Ticket, WaitQueue, Waiter, notify_all};

/// What all handles of one channel share.
#[derive(Debug)]
pub(super) struct Core<T> {
    /// `None`: unbounded.
    pub(super) capacity: Option<usize>,
    state: Lock<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    /// `usize::MAX` for unbounded.
    capacity: usize,
    /// Values handed to receive futures that were dropped before they could return them, by rank. Empty unless that
    /// has happened.
    returned: VecDeque<Ranked<T>>,
    /// The rank of the next value that is handed to a receiver.
    rank: u64,
    buffer: VecDeque<T>,
    senders: WaitQueue<Arc<Party<T>>>,
    receivers: WaitQueue<Arc<Party<T>>>,
    sender_handles: usize,
    receiver_handles: usize,
    closed: bool,
}

/// A value and its rank, which orders the values that have been handed to receivers by their sends. It stays with a
/// value that comes back and is handed on.
type Ranked<T> = (u64, T);

/// The rank of a value that has not been handed to a receiver.
const UNRANKED: u64 = u64::MAX;

/// A sender or receiver that waits, and the value that changes hands.
#[derive(Debug)]
pub(super) struct Party<T> {
    pub(super) waiter: Waiter,
    slot: Slot<T>,
}

/// Where a waiting party's value lies: a sender's until it is taken, a receiver's once it is given.
#[derive(Debug)]
struct Slot<T>(UnsafeCell<Option<Ranked<T>>>);

// SAFETY: the slot has one owner at a time (invariants 6 and 7), each with the accesses of the one before it ordered
// before its own, by the lock (HB-LK-1) or by the claim (HB-WT-1): sharing a slot only ever sends its value.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// # Safety
    /// The caller is the slot's owner (invariants 6 and 7).
    unsafe fn replace(&self, value: Option<Ranked<T>>) -> Option<Ranked<T>> {
        // SAFETY: no one else touches the slot while the caller owns it.
        self.0.with_mut(|slot| unsafe { mem::replace(&mut *slot, value) })
    }
}

impl<T> Party<T> {
    fn new(waiter: Waiter, value: Option<T>) -> Arc<Self> {
        Arc::new(Self { waiter, slot: Slot(UnsafeCell::new(value.map(|value| (UNRANKED, value)))) })
    }
}

/// An operation that has to wait: its party, and its place in the queue.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    ticket: Ticket,
    pub(super) party: Arc<Party<T>>,
}

impl<T> Waiting<T> {
    /// How a send that waited has ended.
    pub(super) fn sent(&self, cause: Cause) -> Result<(), SendError<T>> {
        match cause {
            Cause::Done => Ok(()),
            // SAFETY: claimed with `Closed`, so the slot is the sender's (invariant 7).
            Cause::Closed => match unsafe { self.party.slot.replace(None) } {
                Some((_, value)) => Err(SendError(value)),
                None => unreachable!("a sender that was not served has its value"),
            },
        }
    }

    /// How a receive that waited has ended: with a value, or closed.
    pub(super) fn received(&self, cause: Cause) -> Option<T> {
        self.given(cause).map(|(_, value)| value)
    }

    fn given(&self, cause: Cause) -> Option<Ranked<T>> {
        match cause {
            // SAFETY: claimed with `Done`, so the slot is the receiver's (invariant 7).
            Cause::Done => unsafe { self.party.slot.replace(None) },
            Cause::Closed => None,
        }
    }
}

/// Who has to be notified once the lock is free.
type Wake<T> = Option<Arc<Party<T>>>;

#[cfg_attr(any(loom, shuttle), track_caller)]
fn notify<T>(wake: Wake<T>) {
    if let Some(party) = wake {
        party.waiter.notify();
    }
}

impl<T> State<T> {
    fn len(&self) -> usize {
        self.returned.len() + self.buffer.len()
    }

    #[inline]
    fn send(&mut self, value: T) -> Result<Wake<T>, TrySendError<T>> {
        if self.closed {
            return Err(TrySendError::Disconnected(value));
        }
        match self.give((self.rank, value)) {
            Ok(receiver) => {
                self.rank += 1;
                Ok(Some(receiver))
            }
            Err((_, value)) if self.len() < self.capacity => {
                self.buffer.push_back(value);
                Ok(None)
            }
            Err((_, value)) => Err(TrySendError::Full(value)),
        }
    }

    #[inline]
    fn recv(&mut self) -> Result<(T, Wake<T>), TryRecvError> {
        let first =
            if self.returned.is_empty() { self.buffer.pop_front() } else { self.returned.pop_front().map(|r| r.1) };
        match first {
            Some(value) if self.len() < self.capacity => {
                // The first sender's value takes the place that has become free.
                let sender = self.take().map(|(value, sender)| {
                    self.buffer.push_back(value);
                    sender
                });
                Ok((value, sender))
            }
            Some(value) => Ok((value, None)),
            None => match self.take() {
                Some((value, sender)) => Ok((value, Some(sender))),
                None if self.closed => Err(TryRecvError::Disconnected),
                None => Err(TryRecvError::Empty),
            },
        }
    }

    /// Hands a value to the first receiver that waits, or back.
    #[inline]
    fn give(&mut self, mut value: Ranked<T>) -> Result<Arc<Party<T>>, Ranked<T>> {
        while let Some(receiver) = self.receivers.pop() {
            // SAFETY: unclaimed and popped under the lock: the slot is ours until the claim (invariant 6).
            unsafe { receiver.slot.replace(Some(value)) };
            if receiver.waiter.claim(Cause::Done) {
                return Ok(receiver);
            }
            // SAFETY: our claim failed, so the one who waits was told of another cause and leaves this slot alone.
            value = unsafe { receiver.slot.replace(None) }.expect("what was put there");
        }
        Err(value)
    }

    /// Takes the value of the first sender that waits.
    #[inline]
    fn take(&mut self) -> Option<(T, Arc<Party<T>>)> {
        while let Some(sender) = self.senders.pop() {
            if sender.waiter.claim(Cause::Done) {
                // SAFETY: claimed by us with `Done`, and the lock is held: the slot is ours (invariant 7).
                let (_, value) = unsafe { sender.slot.replace(None) }.expect("a waiting sender's value");
                return Some((value, sender));
            }
        }
        None
    }

    /// Closes; false if it was closed. The parties returned have been claimed and are to be notified.
    fn close(&mut self) -> Option<Vec<Arc<Party<T>>>> {
        if mem::replace(&mut self.closed, true) {
            return None;
        }
        let mut released = self.senders.claim_all(|party| party.waiter.claim(Cause::Closed));
        released.extend(self.receivers.claim_all(|party| party.waiter.claim(Cause::Closed)));
        Some(released)
    }
}

impl<T> Core<T> {
    /// A channel with one handle on each side.
    pub(super) fn new(capacity: Option<usize>) -> Self {
        let state = State {
            capacity: capacity.unwrap_or(usize::MAX),
            returned: VecDeque::new(),
            rank: 0,
            buffer: VecDeque::new(),
            senders: WaitQueue::new(),
            receivers: WaitQueue::new(),
            sender_handles: 1,
            receiver_handles: 1,
            closed: false,
        };
        Self { capacity, state: Lock::new(state) }
    }

    #[inline]
    pub(super) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let wake = self.state.with(|state| state.send(value))?;
        notify(wake); // try_send: a receiver that waited
        Ok(())
    }

    #[inline]
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        let (value, wake) = self.state.with(State::recv)?;
        notify(wake); // try_recv: a sender that waited
        Ok(value)
    }

    /// Sends, or stands in line with a waiter made by `waiter`, which runs under the lock.
    #[inline]
    pub(super) fn send_or_wait(
        &self,
        value: T,
        waiter: impl FnOnce() -> Waiter,
    ) -> Result<Option<Waiting<T>>, SendError<T>> {
        let (wake, waiting) = self.state.with(|state| match state.send(value) {
            Ok(wake) => Ok((wake, None)),
            Err(TrySendError::Disconnected(value)) => Err(SendError(value)),
            Err(TrySendError::Full(value)) => {
                let party = Party::new(waiter(), Some(value));
                let ticket = state.senders.push(party.clone());
                Ok((None, Some(Waiting { ticket, party })))
            }
        })?;
        notify(wake); // send: a receiver that waited
        Ok(waiting)
    }

    /// Receives (`Ok(Ok)`), stands in line (`Ok(Err)`) with a waiter made by `waiter`, which runs under the lock, or
    /// finds the channel empty and closed (`Err`).
    #[inline]
    pub(super) fn recv_or_wait(&self, waiter: impl FnOnce() -> Waiter) -> Result<T, Option<Waiting<T>>> {
        let (value, wake) = self.state.with(|state| match state.recv() {
            Ok(received) => Ok(received),
            Err(TryRecvError::Disconnected) => Err(None),
            Err(TryRecvError::Empty) => {
                let party = Party::new(waiter(), None);
                let ticket = state.receivers.push(party.clone());
                Err(Some(Waiting { ticket, party }))
            }
        })?;
        notify(wake); // recv: a sender that waited
        Ok(value)
    }

    /// A send is abandoned while it waits; its value goes with it unless it has been taken.
    pub(super) fn abandon_send(&self, waiting: &Waiting<T>) {
        drop(self.state.with(|state| state.senders.remove(waiting.ticket)));
    }

    /// A receive is abandoned while it waits; a value that it has been given goes to the next receive.
    pub(super) fn abandon_recv(&self, waiting: &Waiting<T>) {
        let (_removed, wake) = self.state.with(|state| {
            let removed = state.receivers.remove(waiting.ticket);
            if removed.is_some() {
                return (removed, None);
            }
            let Some(value) = waiting.party.waiter.cause().and_then(|cause| waiting.given(cause)) else {
                return (None, None);
            };
            let wake = state.give(value).map_err(|value| {
                let at = state.returned.partition_point(|(rank, _)| *rank < value.0);
                state.returned.insert(at, value);
            });
            (None, wake.ok())
        });
        notify(wake); // abandon: the next receiver
    }

    /// Closes; false if it was closed.
    pub(super) fn close(&self) -> bool {
        let released = self.state.with(State::close);
        notify_all(released.iter().flatten().map(|party| &party.waiter)); // close
        released.is_some()
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
        notify_all(released.iter().flatten().map(|party| &party.waiter)); // last sender dropped
    }

    pub(super) fn drop_receiver(&self) {
        let (released, _values) = self.state.with(|state| {
            state.receiver_handles -= 1;
            if state.receiver_handles > 0 {
                return (None, None);
            }
            (state.close(), Some((mem::take(&mut state.returned), mem::take(&mut state.buffer))))
        });
        // The values are dropped last, outside the lock: their destructors are user code, and may panic.
        notify_all(released.iter().flatten().map(|party| &party.waiter)); // last receiver dropped
    }

    pub(super) fn len(&self) -> usize {
        self.state.with(|state| state.len())
    }

    pub(super) fn is_full(&self) -> bool {
        self.state.with(|state| state.len() >= state.capacity)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.with(|state| state.closed)
    }
}
