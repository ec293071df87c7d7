//! The state machine of every channel: one lock, a buffer, and those who wait; and beside the lock a [`Ring`]
//! (`core/ring.rs`) for the time in which nobody waits. A thread that waits is handed its value; a task, which may be
//! dropped before it goes on, is told, and the value stays in the channel (`core/tasks.rs`). A wake-up is sent to no
//! one else, and outside the lock.
//!
//! After Go's `hchan` (one lock, waiter queues, direct hand-off) and kanal (what it buys across threads). What a select
//! does here, in two steps because it says what it sends only after it has been chosen, stands in `core/arms.rs`.
//!
//! # Invariants
//! Whenever the lock is free:
//! 1. An unclaimed receiver stands in `receivers` only if `buffer` is empty and `closed` is false. A task
//!    stands in `tasks` only if there are no more values in `buffer` and senders in `senders` than tasks have been `told` of,
//!    and `closed` is false.
//! 2. An unclaimed sender stands in `senders` only if `buffer` and `reserved` together come to at least `capacity` and
//!    `closed` is false.
//! 3. An unclaimed sender and an unclaimed receiver both wait only if they are arms of one select.
//! 4. `buffer` holds, in the order of their sends, all values that were sent and not received.
//! 5. `closed` never goes back to false; it is set by a close and by the drop of the last handle of either side.
//! 6. `buffer` and `reserved` together never come to more than `capacity`; on top comes what a select has put back, or
//!    has promised a task, and, with a capacity of 0, what was sent to a task that waited.
//! 7. An unclaimed observer stands in `observers` only if no operation that it watches is ready here: whoever makes one
//!    ready, or comes to wait for a partner, claims all of them.
//!
//! Of a slot:
//! 8. While its entry is in its queue, or promised a value, only the holder of the lock touches the slot.
//! 9. After a claim with [`WakeCause::Done`] a sender's slot belongs to the claimer, who holds the lock, and a receiver's
//!    to the receiver. After any other cause or a removal from its queue, a slot belongs to the one who waited.
//! 10. A waiter that stands in one line is claimed by the holder of the lock alone, who takes it out of its queue: none in a
//!     queue is claimed. An arm can be: by another channel of its select, or by the select, whose time is up. A task that
//!     receives has no waiter: it waits exactly as long as it stands in `tasks`, or in `promised`.
//!
//! Of the ring:
//! 11. If there is a ring, it is shut, or the channel is *plain*: open, with nobody in a line, nothing `reserved`, and no value
//!     outside the ring. `Core::with` shuts it before its section, and opens it after that where it is so.
//! 12. If there is none, `sends_below` and `receives` are no more than `find_shortcuts` finds. `Core::with` has them found
//!     anew after its section, and so has an arm that comes to stand; a close makes the first 0. All other sections put a value
//!     in, or take one out, or count handles.
//!
//! # Transitions, each one critical section
//!
//! | operation | a partner waits | room / a value | neither | closed |
//! |---|---|---|---|---|
//! | send | value to the receiver, claim it | value to `buffer`, a task is told | wait in `senders`, or hand back | hand back |
//! | send, capacity 0 | as above; for a task the value to `buffer`, the task is told | | as above | hand back |
//! | receive | (with no value) value from the sender, claim it | first value; the first sender is *admitted* | wait in `receivers` or `tasks`, or say so | first value; with none, say so |
//! | close | claim everyone | values stay for the receivers | | nothing |
//! | last receiver dropped | as close | values go to the one who drops, to be dropped | | values likewise |
//! | last sender dropped | as close | values stay for the receivers | | nothing |
//! | a task that was told is dropped | | with a value, the next task is told | | |
//!
//! *Admitted*: its value moves to `buffer` and it is claimed; an arm is claimed with its place `reserved`. A sender
//! from which a value is taken directly, and which is an arm, *promises* it: it is claimed, and the receiver waits in
//! `promised` until the value is there.
//!
//! While the ring is open, a send and a receive are a push and a pop there, if they need not wait. The rows of the
//! table are for all others, who hold the lock and find the ring shut. A channel of 2 to 4096 places makes its ring
//! when its lock is first contended: what is never contended has its price and its memory alone.
//!
//! A value that changes hands is moved out of the caller's `Option`, or into it: no result carries it.

// Needs: channel/core/arms.rs, channel/core/buffer.rs, channel/core/ring.rs, channel/core/tasks.rs, sync.rs, wait.rs,
// wait/queue.rs.

pub(crate) mod arms;
mod buffer;
pub(crate) mod ring;
mod tasks;

use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

use super::super::sync::{
    Arc, Identity, Lock, Once, SPINS_FIRST, SpinWait, UnsafeCell, ignore_panic, makes_rings_at_once, wake,
};
use super::super::wait::{Notify, Sleeper, Ticket, WaitQueue, Waiter, WakeCause, notify_all};
use buffer::Buffer;
use ring::{Holder, Refused, Ring};

/// What all handles of one channel share.
#[derive(Debug)]
pub(crate) struct Core<T> {
    /// `None`: unbounded.
    pub(super) capacity: Option<usize>,
    identity: Identity,
    /// The fast path; made when the lock is first contended.
    ring: Once<Arc<Ring<T>>>,
    state: Lock<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    /// `usize::MAX` for unbounded.
    capacity: usize,
    /// With fewer values than this in the buffer, a send has only to put its own there (invariant 12).
    sends_below: usize,
    buffer: Buffer<T>,
    senders: WaitQueue<Entry<T>>,
    receivers: WaitQueue<Entry<T>>,
    /// Places that selects have been given and have not filled yet.
    reserved: usize,
    /// Made when a task first waits to receive, or a select needs it.
    others: Option<Box<Others<T>>>,
    sender_handles: u32,
    receiver_handles: u32,
    closed: bool,
    /// Whether a receive has only to take a value out of the buffer (invariant 12).
    receives: bool,
}

/// What a channel keeps for tasks and for selects.
#[derive(Debug)]
struct Others<T> {
    /// Tasks that wait to receive.
    tasks: WaitQueue<Waker>,
    /// So many of the values in the buffer, and of the senders in line, have tasks been told of; while tasks wait. It goes down
    /// with what there is, whoever takes that.
    told: usize,
    /// Receivers to whom a value has been promised, by the ticket of the promised send.
    promised: Vec<(Ticket, Promised<T>)>,
    /// Values that selects have received and not fetched yet, by the ticket of the receive.
    chosen: Vec<(Ticket, T)>,
    /// Those who wait only to hear that an operation has become ready.
    observers: WaitQueue<Arm>,
}

/// Somebody who stands in line.
#[derive(Debug)]
enum Entry<T> {
    /// An operation on this channel alone: a thread's, or a task's send.
    Direct(Arc<Direct<T>>),
    /// An operation among those of a select.
    Arm(Arm),
}

/// Somebody to whom a value has been promised.
#[derive(Debug)]
enum Promised<T> {
    Entry(Entry<T>),
    /// A task's receive, by the ticket that it has, or had, in `tasks`.
    Task(Ticket, Waker),
    /// A task, which has been dropped since.
    Nobody,
}

/// One operation of a select that waits.
#[derive(Clone, Debug)]
struct Arm {
    waiter: Arc<Waiter>,
    /// Its number in the select.
    index: usize,
    ticket: Ticket,
}

/// A blocked operation on one channel, and the value that changes hands.
#[derive(Debug)]
pub(super) struct Direct<T> {
    pub(super) waiter: Waiter,
    slot: Slot<T>,
}

/// Where the value of one who waits lies: a sender's until it is taken, a receiver's once it is given.
#[derive(Debug)]
struct Slot<T>(UnsafeCell<Option<T>>);

// SAFETY: the slot has one owner at a time (invariants 8 and 9), each with the accesses of the one before it ordered
// before its own, by the lock (HB-LK-1) or by the claim (HB-WT-1): sharing a slot only ever sends its value.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// # Safety
    /// The caller is the slot's owner (invariants 8 and 9).
    unsafe fn put(&self, value: Option<T>) {
        // SAFETY: no one else touches the slot while the caller owns it.
        self.0.with_mut(|slot| unsafe { *slot = value });
    }

    /// # Safety
    /// The caller is the slot's owner (invariants 8 and 9).
    unsafe fn take(&self) -> Option<T> {
        // SAFETY: no one else touches the slot while the caller owns it.
        self.0.with_mut(|slot| unsafe { (*slot).take() })
    }
}

impl<T> Direct<T> {
    fn new(waiter: Waiter, value: Option<T>) -> Arc<Self> {
        Arc::new(Self { waiter, slot: Slot(UnsafeCell::new(value)) })
    }

    /// The value of a sender that is being served.
    ///
    /// # Safety
    /// The caller holds the lock, and has taken this out of the queue.
    unsafe fn claim_value(&self) -> Option<T> {
        let claimed = self.waiter.claim(WakeCause::Done(0));
        debug_assert!(claimed, "invariant 10");
        // SAFETY: claimed by us with `Done`, and the lock is held: the slot is ours (invariant 9).
        unsafe { self.slot.take() }
    }
}

impl<T> Entry<T> {
    fn waiter(&self) -> &Waiter {
        match self {
            Entry::Direct(direct) => &direct.waiter,
            Entry::Arm(Arm { waiter, .. }) => waiter,
        }
    }
}

/// An operation that has to wait, and its place in the queue.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    ticket: Ticket,
    pub(super) direct: Arc<Direct<T>>,
}

impl<T> Waiting<T> {
    /// The value of a receive that was claimed with [`WakeCause::Done`], or of a send that was not: that was claimed with another
    /// cause, or taken out of its queue.
    pub(super) fn value(&self) -> Option<T> {
        // SAFETY: the slot belongs to the one who waited (invariant 9).
        unsafe { self.direct.slot.take() }
    }
}

/// Where an operation stands that has to wait.
#[derive(Clone, Copy)]
pub(super) enum Stand {
    /// It may not wait.
    Nowhere,
    /// It tries again soon, so it need not be told for certain.
    Later,
    Last,
    /// It has stood in the line, and comes back.
    First,
}

/// Why a send has not happened.
pub(super) enum Unsent<T> {
    /// It stands in line, with its value.
    Waits(Waiting<T>),
    Full,
    Disconnected,
}

/// Why a receive has no value.
pub(super) enum Unreceived<T> {
    /// It waits for the value that a select has promised, or stands in line.
    Waits(Waiting<T>),
    Empty,
    Disconnected,
}

/// Who has to be notified once the lock is free; all have been claimed. Sections add to one that stays where it is: passed on
/// as a result it would be copied at each step, which costs an operation that waits up to 50 ns.
enum ToNotify<T> {
    Nobody,
    /// An operation on this channel alone.
    Direct(Arc<Direct<T>>),
    /// An arm of a select.
    Waiter(Arc<Waiter>),
    Task(Waker),
    #[allow(clippy::box_collection, reason = "one word for three")]
    All(Box<Vec<ToNotify<T>>>),
}

impl<T> ToNotify<T> {
    /// After what has added nobody: else a call looks whether there is something to drop, which costs a send 2 ns.
    #[inline]
    fn forget(self) {
        debug_assert!(matches!(self, ToNotify::Nobody));
        mem::forget(self);
    }

    /// Has them notified, if there is anybody, and lets go of what a waker throws.
    #[inline]
    fn quietly(self, tell: impl FnOnce(Self)) {
        match self {
            ToNotify::Nobody => self.forget(),
            _ => ignore_panic(|| tell(self)),
        }
    }

    #[inline]
    fn add(&mut self, other: impl Into<Self>) {
        match self {
            ToNotify::Nobody => *self = other.into(),
            _ => self.add_another(other.into()),
        }
    }

    #[cold]
    fn add_another(&mut self, other: Self) {
        if let ToNotify::All(all) = self {
            return all.push(other);
        }
        let one = mem::replace(self, ToNotify::Nobody);
        *self = ToNotify::All(Box::new(vec![one, other]));
    }
}

impl<T> From<Entry<T>> for ToNotify<T> {
    #[inline]
    fn from(entry: Entry<T>) -> Self {
        match entry {
            Entry::Direct(direct) => ToNotify::Direct(direct),
            Entry::Arm(Arm { waiter, .. }) => ToNotify::Waiter(waiter),
        }
    }
}

impl<T> Notify for ToNotify<T> {
    #[inline]
    #[track_caller]
    fn notify(self) {
        match self {
            ToNotify::Nobody => {}
            ToNotify::Direct(direct) => direct.waiter.notify(),
            ToNotify::Waiter(waiter) => waiter.notify(),
            ToNotify::Task(waker) => wake(waker),
            ToNotify::All(all) => notify_all(all.into_iter()),
        }
    }
}

#[inline]
#[track_caller]
fn notify<T>(whom: ToNotify<T>) {
    whom.notify();
}

/// What a receive has found.
enum Found {
    /// A value, in the channel or with a sender, who has been claimed: it is in the caller's hands.
    Value,
    /// A select, which has been claimed: it will send to whoever stands in `promised` with this ticket.
    Promise(Ticket),
    Nothing,
    /// Nothing, and nothing will come.
    End,
}

/// Claims those who are to look again.
fn claim_observers(observers: &mut WaitQueue<Arm>) -> impl Iterator<Item = Arc<Waiter>> + use<> {
    observers.claim_all(|arm| arm.waiter.claim(WakeCause::Retry)).into_iter().map(|arm| arm.waiter)
}

impl<T> State<T> {
    #[inline]
    fn new(capacity: Option<usize>) -> Self {
        let capacity = capacity.unwrap_or(usize::MAX);
        Self {
            capacity,
            sends_below: capacity,
            buffer: Buffer::new(),
            senders: WaitQueue::new(),
            receivers: WaitQueue::new(),
            reserved: 0,
            others: None,
            sender_handles: 1,
            receiver_handles: 1,
            closed: false,
            receives: capacity > 0,
        }
    }

    /// Makes the channel's ring, if one suits it. It is shut.
    #[cold]
    fn make_ring(&mut self, ring: &Once<Arc<Ring<T>>>) {
        if Ring::<T>::suits(self.capacity) {
            let ring = ring.get_or_make(|| Arc::new(Ring::new(self.capacity))); // under the lock, or nobody else's yet
            self.buffer.pass_through(Holder::new(ring.clone()));
            (self.sends_below, self.receives) = (0, false);
        }
    }

    fn others(&mut self) -> &mut Others<T> {
        self.others.get_or_insert_with(|| {
            Box::new(Others {
                tasks: WaitQueue::new(),
                told: 0,
                promised: Vec::new(),
                chosen: Vec::new(),
                observers: WaitQueue::new(),
            })
        })
    }

    /// What a receive could take now or, where a sender is an arm, soon.
    fn offers(&self) -> usize {
        self.buffer.len() + self.senders.len()
    }

    fn has_room(&self) -> bool {
        self.buffer.len() + self.reserved < self.capacity
    }

    /// Whether nobody has to hear of a value, or of room, but who stands in the queues.
    #[inline]
    fn nobody_listens(&self) -> bool {
        self.others.as_ref().is_none_or(|others| others.tasks.is_empty() && others.observers.is_empty())
    }

    /// Whether there is nothing to do but to take values in and hand them out.
    fn is_plain(&self) -> bool {
        !self.closed
            && self.senders.is_empty()
            && self.receivers.is_empty()
            && self.nobody_listens()
            && self.reserved == 0
    }

    /// Opens the ring, if there is one, and nobody whom a value would pass by there.
    #[inline]
    fn open_if_plain(&mut self) {
        if self.is_plain() {
            self.buffer.open();
        }
    }

    /// Finds out anew what may be done without looking. Nothing at a rendezvous.
    #[inline]
    fn find_shortcuts(&mut self) {
        if self.capacity == 0 {
            return;
        }
        let nobody_listens = self.nobody_listens() && !self.buffer.has_ring();
        let may_send = nobody_listens && !self.closed && self.receivers.is_empty();
        self.sends_below = if may_send { self.capacity.saturating_sub(self.reserved) } else { 0 };
        self.receives = nobody_listens && self.senders.is_empty();
    }

    /// The values, if a send has only to put its own there.
    #[inline]
    fn sends_fast(&mut self) -> Option<&mut VecDeque<T>> {
        let sends_below = self.sends_below;
        Some(self.buffer.deque()).filter(|values| values.len() < sends_below)
    }

    fn send(&mut self, value: &mut Option<T>, whom: &mut ToNotify<T>) -> Result<(), Unsent<T>> {
        if self.closed {
            return Err(Unsent::Disconnected);
        }
        if self.hand_off(value, whom) {
            return Ok(());
        }
        if !self.has_room() && !self.meets_a_task() {
            return Err(Unsent::Full);
        }
        self.put(value, whom);
        Ok(())
    }

    /// Puts a value into the buffer.
    fn put(&mut self, value: &mut Option<T>, whom: &mut ToNotify<T>) {
        value.take().into_iter().for_each(|value| self.buffer.push_back(value));
        self.announce(whom);
    }

    /// The first value, if a receive has only to take it out of the buffer.
    #[inline]
    fn recv_fast(&mut self) -> Option<T> {
        if self.receives { self.buffer.deque().pop_front() } else { None }
    }

    fn recv(&mut self, value: &mut Option<T>, whom: &mut ToNotify<T>) -> Found {
        *value = self.buffer.pop_front();
        if value.is_some() {
            self.admit(whom);
            return Found::Value;
        }
        let nothing = if self.closed { Found::End } else { Found::Nothing };
        self.take_from_sender(value, whom).unwrap_or(nothing)
    }

    /// Hands a value to the first receiver that waits; false: none does.
    #[inline]
    fn hand_off(&mut self, value: &mut Option<T>, whom: &mut ToNotify<T>) -> bool {
        while let Some(receiver) = self.receivers.pop() {
            match &receiver {
                Entry::Direct(direct) => {
                    // SAFETY: popped under the lock: the slot is ours until the claim (invariant 8).
                    unsafe { direct.slot.put(value.take()) };
                    let claimed = direct.waiter.claim(WakeCause::Done(0));
                    debug_assert!(claimed, "invariant 10");
                }
                Entry::Arm(arm) if arm.waiter.claim(WakeCause::Done(arm.index)) => self.keep(arm.ticket, value),
                _ => continue,
            }
            whom.add(receiver);
            return true;
        }
        false
    }

    /// Takes the value of the first sender that waits.
    #[inline]
    fn take_from_sender(&mut self, value: &mut Option<T>, whom: &mut ToNotify<T>) -> Option<Found> {
        while let Some(sender) = self.senders.pop() {
            let found = match &sender {
                Entry::Direct(direct) => {
                    // SAFETY: popped under the lock.
                    *value = unsafe { direct.claim_value() };
                    Found::Value
                }
                Entry::Arm(arm) if arm.waiter.claim(WakeCause::Done(arm.index)) => Found::Promise(arm.ticket),
                _ => continue,
            };
            whom.add(sender);
            self.announce(whom);
            return Some(found);
        }
        None
    }

    /// Lets the first sender that waits have the place that has become free.
    #[inline]
    fn admit(&mut self, whom: &mut ToNotify<T>) {
        if !self.senders.is_empty() && self.has_room() {
            while let Some(sender) = self.senders.pop() {
                match &sender {
                    Entry::Direct(direct) => {
                        // SAFETY: popped under the lock.
                        let value = unsafe { direct.claim_value() };
                        value.into_iter().for_each(|value| self.buffer.push_back(value));
                    }
                    Entry::Arm(arm) if arm.waiter.claim(WakeCause::Done(arm.index)) => self.reserved += 1,
                    _ => continue,
                }
                whom.add(sender);
                break;
            }
        }
        self.announce(whom);
    }

    /// Adds those who listen: a task, if there is something that none has been told of, and observers, for whom something
    /// may have changed.
    #[inline]
    fn announce(&mut self, whom: &mut ToNotify<T>) {
        if !self.nobody_listens() {
            self.announce_to_some(whom);
        }
    }

    #[cold]
    fn announce_to_some(&mut self, whom: &mut ToNotify<T>) {
        if let Some(waker) = self.tell() {
            whom.add(ToNotify::Task(waker));
        }
        if let Some(others) = &mut self.others {
            if !others.observers.is_empty() {
                claim_observers(&mut others.observers).for_each(|observer| whom.add(ToNotify::Waiter(observer)));
            }
        }
    }

    /// Waits for the value that a sender has promised.
    fn stand_for_promise(&mut self, waiter: Waiter, promise: Ticket) -> Waiting<T> {
        let direct = Direct::new(waiter.promised(), None);
        self.others().promised.push((promise, Promised::Entry(Entry::Direct(direct.clone()))));
        Waiting { ticket: self.receivers.ticket(), direct }
    }

    /// Closes; `None` if it was closed.
    fn close(&mut self) -> Option<ToNotify<T>> {
        if mem::replace(&mut self.closed, true) {
            return None;
        }
        self.sends_below = 0;
        if self.senders.is_empty() && self.receivers.is_empty() && self.nobody_listens() {
            return Some(ToNotify::Nobody);
        }
        let claim = |entry: &Entry<T>| match entry {
            Entry::Arm(arm) => arm.waiter.claim(WakeCause::Retry),
            _ => entry.waiter().claim(WakeCause::Closed),
        };
        let mut released: Vec<_> = self.senders.claim_all(claim).into_iter().map(ToNotify::from).collect();
        released.extend(self.receivers.claim_all(claim).into_iter().map(ToNotify::from));
        if let Some(others) = &mut self.others {
            released.extend(others.tasks.drain().map(ToNotify::Task));
            released.extend(claim_observers(&mut others.observers).map(ToNotify::Waiter));
        }
        Some(ToNotify::All(Box::new(released)))
    }
}

/// Whether values pass many at a time, rather than one by one: it pays then to let the others get on with theirs.
fn is_large(capacity: Option<usize>) -> bool {
    const SMALL: usize = 16;
    capacity.is_none_or(|capacity| capacity > SMALL)
}

impl<T> Core<T> {
    /// A channel with one handle on each side.
    #[inline]
    pub(crate) fn new(capacity: Option<usize>) -> Self {
        let (ring, mut state) = (Once::new(), State::new(capacity));
        if makes_rings_at_once() {
            state.make_ring(&ring);
            state.buffer.open();
        }
        Self { capacity, identity: Identity::new(), ring, state: Lock::with_batches(state, is_large(capacity)) }
    }

    /// Runs `section` on the state, alone: nobody is on the fast path, either. It may change everything.
    #[inline]
    #[track_caller]
    fn with<R>(&self, section: impl FnOnce(&mut State<T>) -> R) -> R {
        self.state.with(|state| self.with_locked(state, section))
    }

    /// The same, for the holder of the lock.
    #[inline]
    fn with_locked<R>(&self, state: &mut State<T>, section: impl FnOnce(&mut State<T>) -> R) -> R {
        state.buffer.shut();
        let result = section(state);
        self.open(state);
        result
    }

    /// Lets others on the fast path, if there is nobody whom they would pass by.
    #[inline]
    fn open(&self, state: &mut State<T>) {
        if !state.buffer.has_ring() {
            state.find_shortcuts();
            self.make_ring_if_contended(state);
        } else {
            state.open_if_plain();
        }
    }

    #[inline]
    fn make_ring_if_contended(&self, state: &mut State<T>) {
        if self.state.was_contended() && Ring::<T>::suits(state.capacity) {
            state.make_ring(&self.ring);
        }
    }

    /// The order in which a select locks channels.
    #[inline]
    pub(crate) fn lock_key(&self) -> usize {
        self.identity.of(self)
    }

    /// Where an operation stands that has just come.
    #[inline]
    pub(super) fn stand(&self) -> Stand {
        if self.spins_first() { Stand::Later } else { Stand::Last }
    }

    /// Waits a little before another send; false: the time for that has run out.
    ///
    /// Where a few values fill the buffer, a yield before each is dear: with two places 1:4 takes 50 ns a message by spinning
    /// first, and 1 650 without. Where many do, the receiver is busy with them meanwhile, and the core is better given to who
    /// has room: of eight senders with 64 places each and one select 102 ns without the spin, 156 with it, and one channel's
    /// four senders the same either way.
    pub(super) fn pause_for_room(&self, spin_wait: &mut SpinWait) -> bool {
        match self.ring.look() {
            Some(ring) if !is_large(self.capacity) => spin_wait.pause(|| ring.may_push()),
            _ => spin_wait.yield_now(),
        }
    }

    /// The same before another receive. With many places it leaves the senders alone for a moment first: values of 8 words, from
    /// one sender through 1024 places, take 22 ns each with that, and up to 270 without.
    pub(super) fn pause_for_value(&self, spin_wait: &mut SpinWait) -> bool {
        let Some(ring) = self.ring.look() else { return spin_wait.yield_now() };
        if is_large(self.capacity) {
            spin_wait.let_ahead();
        }
        spin_wait.pause(|| ring.may_pop())
    }

    /// Whether it is worth to try again before standing in line: where the buffer is full and empty by turns. With one
    /// place or none a value changes hands at each step anyway, and without a bound nobody waits for room.
    #[inline]
    pub(crate) fn spins_first(&self) -> bool {
        SPINS_FIRST && self.capacity.is_some_and(|capacity| capacity > 1)
    }

    /// Sends, or, if `stand` says so, stands in line with a waiter made by `waiter`, which runs under the lock.
    #[inline(always)] // else a small value goes through memory, which costs as much as all else but the lock
    pub(super) fn send(
        &self,
        value: &mut Option<T>,
        stand: Stand,
        waiter: impl FnOnce() -> Waiter,
    ) -> Result<(), Unsent<T>> {
        if let Some(ring) = self.ring.look() {
            match (ring.push(value), stand) {
                (Ok(()), _) => return Ok(()),
                (Err(Refused::Edge), Stand::Later) => return Err(Unsent::Full),
                (Err(_), _) => {}
            }
        }
        let mut whom = ToNotify::Nobody;
        let sent = self.state.with(|state| {
            if let Some(buffer) = state.sends_fast() {
                buffer.push_back(value.take()?);
                self.make_ring_if_contended(state);
                return None;
            }
            Some(self.send_or_stand(state, value, stand, waiter, &mut whom))
        });
        match sent {
            None => {
                whom.forget();
                Ok(())
            }
            Some(Ok(())) => {
                notify(whom); // site: send, a receiver that waited
                Ok(())
            }
            Some(unsent) => {
                // It has not ended yet, whatever a waker throws.
                whom.quietly(|whom| notify(whom)); // site: send, a task, to whom it offers its value
                unsent
            }
        }
    }

    /// Receives into `value`, or waits with a waiter made by `waiter`, which runs under the lock: for a value that a select
    /// has promised, and, as `stand` says, in line.
    #[inline(always)] // as `send`
    pub(super) fn recv(
        &self,
        value: &mut Option<T>,
        stand: Stand,
        waiter: impl FnOnce() -> Waiter,
    ) -> Result<(), Unreceived<T>> {
        if let Some(ring) = self.ring.look() {
            match (ring.pop(value), stand) {
                (Ok(()), _) => return Ok(()),
                (Err(Refused::Edge), Stand::Later) => return Err(Unreceived::Empty),
                (Err(_), _) => {}
            }
        }
        let mut whom = ToNotify::Nobody;
        let received = self.state.with(|state| {
            if let Some(first) = state.recv_fast() {
                *value = Some(first);
                self.make_ring_if_contended(state);
                return None;
            }
            Some(self.recv_or_stand(state, value, stand, waiter, &mut whom))
        });
        match received {
            None => {
                whom.forget();
                Ok(())
            }
            Some(received) => {
                // There is a value to return, whatever a waker throws.
                whom.quietly(|whom| notify(whom)); // site: recv, a sender that waited
                received
            }
        }
    }

    /// A send that finds more than room: out of line, so that what is left of [`send`](Core::send) is small enough to be inlined,
    /// with LTO, too.
    #[cold]
    #[inline(never)]
    fn send_or_stand(
        &self,
        state: &mut State<T>,
        value: &mut Option<T>,
        stand: Stand,
        waiter: impl FnOnce() -> Waiter,
        whom: &mut ToNotify<T>,
    ) -> Result<(), Unsent<T>> {
        self.with_locked(state, |state| match state.send(value, whom) {
            Err(Unsent::Full) if matches!(stand, Stand::Last | Stand::First) => {
                let direct = Direct::new(waiter(), value.take());
                let ticket = state.senders.push(|_| Entry::Direct(direct.clone()));
                state.announce(whom);
                Err(Unsent::Waits(Waiting { ticket, direct }))
            }
            sent => sent,
        })
    }

    /// The same for a receive that finds more than a value.
    #[cold]
    #[inline(never)]
    fn recv_or_stand(
        &self,
        state: &mut State<T>,
        value: &mut Option<T>,
        stand: Stand,
        waiter: impl FnOnce() -> Waiter,
        whom: &mut ToNotify<T>,
    ) -> Result<(), Unreceived<T>> {
        self.with_locked(state, |state| match state.recv(value, whom) {
            Found::Value => Ok(()),
            Found::Promise(promise) => Err(Unreceived::Waits(state.stand_for_promise(waiter(), promise))),
            Found::End => Err(Unreceived::Disconnected),
            Found::Nothing => {
                if let Stand::Nowhere | Stand::Later = stand {
                    return Err(Unreceived::Empty);
                }
                let direct = Direct::new(waiter(), None);
                let entry = Entry::Direct(direct.clone());
                let is_first = matches!(stand, Stand::First);
                let line = &mut state.receivers;
                let ticket = if is_first { line.push_front(|_| entry) } else { line.push(|_| entry) };
                state.announce(whom);
                Err(Unreceived::Waits(Waiting { ticket, direct }))
            }
        })
    }

    /// A send leaves its line, with its value; false if that has been taken.
    pub(super) fn leave_send(&self, waiting: &Waiting<T>) -> bool {
        let left = self.with(|state| {
            let left = state.senders.remove(waiting.ticket);
            state.forget_offers();
            left
        });
        left.is_some()
    }

    /// A receive leaves its line; false if it has been given a value, or promised one.
    pub(super) fn leave_recv(&self, waiting: &Waiting<T>) -> bool {
        self.with(|state| state.receivers.remove(waiting.ticket)).is_some()
    }

    /// Closes; false if it was closed.
    pub(crate) fn close(&self) -> bool {
        let Some(whom) = self.with(State::close) else { return false };
        notify(whom); // site: close
        true
    }

    pub(super) fn add_sender(&self) {
        self.state.with(|state| state.sender_handles = state.sender_handles.checked_add(1).expect("too many senders"));
    }

    pub(super) fn add_receiver(&self) {
        self.state
            .with(|state| state.receiver_handles = state.receiver_handles.checked_add(1).expect("too many receivers"));
    }

    pub(super) fn drop_sender(&self) {
        let closed = self.state.with(|state| {
            state.sender_handles -= 1;
            if state.sender_handles > 0 {
                return None;
            }
            state.buffer.shut();
            state.close()
        });
        closed.into_iter().for_each(|whom| notify(whom)); // site: last sender dropped
    }

    pub(super) fn drop_receiver(&self) {
        // Dropped last, outside the lock: their destructors are user code, and may panic.
        let (mut values, mut chosen) = (VecDeque::new(), Vec::new());
        let closed = self.state.with(|state| {
            state.receiver_handles -= 1;
            if state.receiver_handles > 0 {
                return None;
            }
            state.buffer.shut();
            if !state.buffer.is_empty() {
                values = state.buffer.take();
            }
            if let Some(others) = &mut state.others {
                chosen = mem::take(&mut others.chosen);
            }
            state.close()
        });
        closed.into_iter().for_each(|whom| notify(whom)); // site: last receiver dropped
    }

    pub(super) fn len(&self) -> usize {
        self.with(|state| state.buffer.len())
    }

    pub(super) fn is_full(&self) -> bool {
        self.with(|state| !state.has_room())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.with(|state| state.closed)
    }
}
