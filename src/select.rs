//! Select: waits until at least one of several channel operations can proceed, then performs exactly one.
//!
//! ```
//! use hence::channel::{select, unbounded};
//!
//! let (sender, numbers) = unbounded();
//! let (_other, words) = unbounded::<&str>();
//! std::thread::spawn(move || sender.send(7).unwrap());
//! select! {
//!     recv(numbers) -> number => assert_eq!(number, Ok(7)),
//!     recv(words) -> word => panic!("nobody sent {word:?}"),
//! }
//! ```
//!
//! [`select!`](crate::select!) takes operations as they stand in the source. [`Select`] is a set of operations that is
//! made at run time.
//!
//! # Which operation is performed
//! An operation is *ready* if it would not have to wait. An operation that would fail because its channel is closed is
//! ready, too.
//!
//! If several operations are ready, one of them is picked by chance; a *biased* select
//! ([`select_biased!`](crate::select_biased), [`Select::new_biased`]) picks the first one. A select that had to wait is
//! ended by one side of one channel. If several operations of the select are on this side of this channel, one of them
//! is picked in the same way.
//!
//! ```
//! use hence::channel::{bounded, select_biased, unbounded};
//!
//! let (sender, jobs) = unbounded();
//! let (stop, stopped) = bounded::<()>(0);
//! sender.send(1).unwrap();
//! drop(stop); // closed: the receive is ready, and fails
//! select_biased! {
//!     recv(stopped) -> end => assert!(end.is_err()), // looked at first
//!     recv(jobs) -> _ => unreachable!(),
//! }
//! ```
//!
//! # Not waiting, or not for ever
//! `default` runs if no operation is ready. `default(timeout)` runs if none becomes ready within the `Duration`.
//!
//! ```
//! use std::time::Duration;
//! use hence::channel::{bounded, select};
//!
//! let (_sender, receiver) = bounded::<u8>(1);
//! let now = select! {
//!     recv(receiver) -> _ => "a value",
//!     default => "nothing now",
//! };
//! let soon = select! {
//!     recv(receiver) -> _ => "a value",
//!     default(Duration::from_millis(1)) => "nothing in time",
//! };
//! assert_eq!((now, soon), ("nothing now", "nothing in time"));
//! ```
//!
//! # Sending in a select
//! The message of a `send` operation is evaluated only after this operation has been chosen. The messages of all other
//! operations are not evaluated.
//!
//! ```
//! use hence::channel::{bounded, select};
//!
//! let (left, _keep) = bounded(0); // nobody receives
//! let (right, results) = bounded(1);
//! select! {
//!     send(left, panic!("not chosen")) -> _ => unreachable!(),
//!     send(right, 6 * 7) -> sent => sent.unwrap(),
//! }
//! assert_eq!(results.recv(), Ok(42));
//! ```
//!
//! # A set made at run time
//! [`Select`] tells its operations apart by their numbers. It chooses one, and you complete the chosen operation.
//!
//! ```
//! use hence::channel::{unbounded, Select};
//!
//! let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| unbounded()).unzip();
//! senders[2].send("from the last").unwrap();
//!
//! let mut select = Select::new();
//! for receiver in &receivers {
//!     select.recv(receiver);
//! }
//! let operation = select.select();
//! let index = operation.index();
//! assert_eq!(operation.recv(&receivers[index]), Ok("from the last"));
//! assert_eq!(index, 2);
//! ```
//!
//! # Happens-before
//! <a id="HB-SEL-1"></a>
//! **HB-SEL-1.** The operation that happens has the edges of the same operation outside a select:
//! [HB-CH-1](crate::channel#HB-CH-1) to [HB-CH-4](crate::channel#HB-CH-4), [HB-TM-1](crate::timer#HB-TM-1). The others
//! order nothing.
//!
//! # Safety
//! <a id="SF-SEL-1"></a>
//! **SF-SEL-1.** Exactly one operation happens, or none where `default` or a time-out says so.
//!
//! <a id="SF-SEL-2"></a>
//! **SF-SEL-2.** The others leave no trace: they take no value, no place and no turn.
//!
//! <a id="SF-SEL-3"></a>
//! **SF-SEL-3.** `default`, and a `try_select` or `select_timeout` that fails, say that at one moment none of the
//! operations was ready. *Not promised:* one common moment for several timers, if others receive from them, too.
//!
//! <a id="SF-SEL-4"></a>
//! **SF-SEL-4.** A chosen operation that is given up (its message panicked, or its `SelectedOperation` was dropped) is
//! as if it had not been chosen; a value that it received goes to the next receive. *Not promised:*
//! [SF-CH-2](crate::channel#SF-CH-2) and [SF-CH-3](crate::channel#SF-CH-3) for that value; and nothing of this in two
//! cases. A timer's message is lost. Where the channel is closed and empty, other receivers may have been told that
//! nothing will come, so the value is dropped with the channel. A chosen operation that is *leaked* keeps for ever what
//! it was chosen for: a value, a place, or the partner that waits for it. Nothing else is harmed.
//!
//! # Liveness
//! <a id="LV-SEL-1"></a>
//! **LV-SEL-1.** A blocked select returns once one of its operations is ready, two selects that face each other
//! included.
//!
//! <a id="LV-SEL-2"></a>
//! **LV-SEL-2.** A select takes no wake-up that it does not use: whoever else waits on its channels is woken as if the
//! select were not there.

// How it works, after Go's `selectgo`:
// 1. Each operation is tried, one after another. The first that does not have to wait is chosen.
// 2. If none is, and after some more attempts where all channels are buffered, all channels are locked, in the order
//    of their lock keys, and only if none of the operations is ready then does the select stand in the queues, or
//    give up. Otherwise again from 1. Latches (tokens, tasks) are not locked: one that is not set has not been before.
// 3. Whoever has something for one of its arms claims it; the claim decides which. It leaves the other queues.

// Needs: channel/core/arms.rs, channel/receiver.rs, channel/sender.rs, select/handle.rs, select/macros.rs,
// select/set.rs, sync.rs, wait.rs, wait/queue.rs.

mod handle;
#[macro_use]
mod macros;
mod set;

use super::channel::core::arms::{Chosen, Place, Side};
use super::channel::receiver::Receiver;
use super::channel::sender::Sender;
use super::sync::{Arc, SpinWait, ignore_panic, random};
use super::wait::{Notify, Sleeper, Ticket, Waiter, WakeCause, earlier};
use handle::SelectHandle;

#[doc(hidden)]
pub use super::wait::Timeout;
pub use set::{Select, SelectedOperation};

/// An operation among others.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "for the macro alone")] // which a private copy does not ask for
#[derive(Clone, Copy)]
pub struct Operation<'a> {
    handle: SelectHandle<'a>,
    place: Place,
}

impl<'a> Operation<'a> {
    #[inline]
    fn new(handle: impl Into<SelectHandle<'a>>, side: Side, index: usize) -> Self {
        Self { handle: handle.into(), place: Place { side, index, ticket: Ticket::NONE } }
    }

    #[doc(hidden)]
    #[inline]
    pub fn send<T>(sender: &'a Sender<T>, index: usize) -> Self {
        Self::new(sender, Side::Send, index)
    }

    #[doc(hidden)]
    #[inline]
    pub fn recv<T>(receiver: &'a Receiver<T>, index: usize) -> Self {
        Self::new(receiver, Side::Recv, index)
    }
}

/// Does `attempt` on each operation, in order if `biased` and otherwise by chance, until it succeeds.
#[inline]
fn first<'o, 'a>(
    operations: &'o [Operation<'a>],
    biased: bool,
    mut attempt: impl FnMut(&Operation<'a>) -> bool,
) -> Option<&'o Operation<'a>> {
    let all = operations.len();
    if biased || all <= 1 {
        return operations.iter().find(|operation| attempt(operation));
    }
    if all > 64 {
        let mut order: Vec<_> = operations.iter().collect();
        return (0..all).find_map(|i| {
            order.swap(i, i + random(all - i));
            attempt(order[i]).then_some(order[i])
        });
    }
    // Each attempt is at any of those that are left, by bits.
    let mut left = u64::MAX >> (64 - all);
    let mut at = random(all);
    for tried in 1..=all {
        if attempt(&operations[at]) {
            return Some(&operations[at]);
        }
        left &= !(1 << at);
        at = nth_bit(left, if tried < all { random(all - tried) } else { 0 });
    }
    None
}

/// The number of the nth bit that is set; 64 if there is none.
fn nth_bit(mut bits: u64, n: usize) -> usize {
    (0..n).for_each(|_| bits &= bits.wrapping_sub(1));
    bits.trailing_zeros() as usize
}

/// Step 2: the channels of the operations, which are in the order of their lock keys, locked.
struct LockedChannels<'o, 'a> {
    operations: &'o mut [Operation<'a>],
    /// The channels of so many operations are.
    locked: usize,
}

impl<'o, 'a> LockedChannels<'o, 'a> {
    /// Locks all of them; `None` once an operation is ready.
    fn new(operations: &'o mut [Operation<'a>]) -> Option<Self> {
        let mut all = Self { operations, locked: 0 };
        while let Some(operation) = all.operations.get(all.locked) {
            let is_first = all.is_first(all.locked);
            all.locked += 1;
            if let SelectHandle::Channel(channel, _) = operation.handle {
                let side = operation.place.side;
                let is_ready = if is_first {
                    channel.lock(side)
                } else {
                    // SAFETY: the operation before this one has locked it.
                    unsafe { channel.is_ready_locked(side) }
                };
                if is_ready {
                    return None;
                }
            }
        }
        // The others last: while this is done, what has been seen of the channels stays so.
        let mut others = all.operations.iter().take_while(|operation| operation.handle.lock_key().is_none());
        if others.any(|operation| operation.handle.is_ready(operation.place.side)) { None } else { Some(all) }
    }

    /// Whether this operation is the first of its channel.
    fn is_first(&self, at: usize) -> bool {
        at == 0 || self.operations[at - 1].handle.lock_key() != self.operations[at].handle.lock_key()
    }

    /// Stands in all lines; adds those for whom that is news to `observed`. False: a latch has been set since the look,
    /// so it is to try again; it stands in some.
    fn stand(&mut self, waiter: &Arc<Waiter>, watching: bool, observed: &mut Vec<Sleeper>) -> bool {
        let stands = |Operation { handle, place }: &mut Operation<'_>| {
            // SAFETY: all channels are locked.
            unsafe { handle.stand_locked(place, waiter, watching, observed) }
        };
        // Claimed before anybody else can do it, in a channel's line.
        self.operations.iter_mut().all(stands) || {
            waiter.claim(WakeCause::Retry);
            false
        }
    }
}

impl Drop for LockedChannels<'_, '_> {
    fn drop(&mut self) {
        for at in 0..self.locked {
            if let (SelectHandle::Channel(channel, _), true) = (self.operations[at].handle, self.is_first(at)) {
                // SAFETY: locked by `new`, and released once.
                unsafe { channel.unlock() };
            }
        }
    }
}

/// Puts the operations that will stand in one line in an order by chance: whoever comes claims the first of them.
fn shuffle_lines<L: PartialEq>(operations: &mut [Operation<'_>], line: impl Fn(&Operation<'_>) -> L) {
    let mut first = 0;
    for i in 1..operations.len() {
        if line(&operations[i]) == line(&operations[first]) {
            operations.swap(i, i - random(i + 1 - first));
        } else {
            first = i;
        }
    }
}

/// How step 2 went, and after it step 3.
enum Blocked {
    /// One is ready, or might be.
    Again,
    /// None was, and it was not to wait.
    Over,
    /// This one has been done.
    Done(usize),
}

/// Steps 2 and 3.
#[cold]
fn block(operations: &mut [Operation<'_>], biased: bool, wait: Timeout, watching: bool) -> Blocked {
    for operation in &mut *operations {
        // It may stand in some of its lines alone, and is not to leave another by a ticket of an earlier wait.
        operation.place.ticket = Ticket::NONE;
    }
    let line = |operation: &Operation<'_>| (operation.handle.lock_key(), operation.place.side);
    if !operations.is_sorted_by_key(line) {
        operations.sort_unstable_by_key(|operation| (line(operation), operation.place.index));
    }
    if !biased {
        shuffle_lines(operations, line);
    }
    let waiter = (!wait.is_over()).then(|| Arc::new(Waiter::thread()));
    let mut observed = Vec::new();
    let stood = LockedChannels::new(operations)
        .map(|mut channels| waiter.as_ref().map(|waiter| channels.stand(waiter, watching, &mut observed)));
    observed.into_iter().for_each(|observer| ignore_panic(|| observer.notify())); // site: block, those who wait to hear of it
    let blocked = match (stood, &waiter) {
        (Some(Some(stood)), Some(waiter)) => wait_in_line(operations, waiter, stood, wait, watching),
        (Some(_), _) => Blocked::Over,
        (None, _) => Blocked::Again,
    };
    if biased && !operations.is_sorted_by_key(|operation| operation.place.index) {
        operations.sort_unstable_by_key(|operation| operation.place.index);
    }
    blocked
}

/// Step 3, for one that has `stood` in all lines, or is only to leave those in which it does.
fn wait_in_line(operations: &[Operation<'_>], waiter: &Waiter, stood: bool, wait: Timeout, watching: bool) -> Blocked {
    let timers = operations.iter().filter_map(|operation| operation.handle.next());
    let deadline = timers.map(Some).fold(wait.deadline(), earlier);
    // Time is up: it stands in many lines, so it claims itself, which leaves none of them to anybody.
    let end = || waiter.wait_or_leave(deadline, || waiter.claim(WakeCause::Retry));
    let cause = if stood { end() } else { None }.unwrap_or(WakeCause::Retry);
    for Operation { handle, place } in operations {
        if cause != WakeCause::Done(place.index) {
            handle.leave(place, watching);
        }
    }
    match cause {
        WakeCause::Done(index) => Blocked::Done(index),
        WakeCause::Closed | WakeCause::Retry => Blocked::Again,
    }
}

/// An operation that was chosen; [`SelectedOperation::new`] makes somebody responsible for it.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "for the macro alone")]
pub struct Selected<'a> {
    handle: SelectHandle<'a>,
    side: Side,
    index: usize,
    chosen: Chosen,
}

impl<'a> Selected<'a> {
    #[inline]
    fn new(operation: &Operation<'a>, chosen: Chosen) -> Self {
        Self { handle: operation.handle, side: operation.place.side, index: operation.place.index, chosen }
    }
}

/// Performs a select for the macro: the number of the operation first, so that the rest need not be looked at.
#[doc(hidden)]
#[inline]
pub fn choose<'a>(operations: &mut [Operation<'a>], biased: bool, wait: Timeout) -> (usize, Option<Selected<'a>>) {
    let selected = run(operations, biased, wait);
    (selected.as_ref().map_or(usize::MAX, |selected| selected.index), selected)
}

/// Performs a select.
#[inline]
fn run<'a>(operations: &mut [Operation<'a>], biased: bool, wait: Timeout) -> Option<Selected<'a>> {
    // With a `default`, the look at all comes first: most often it is the last.
    let mut look = matches!(wait, Timeout::Now);
    // A biased select passes by nothing that is ready, though somebody be between two steps there.
    let (mut spin_wait, mut certain) = (None, biased);
    loop {
        if !look {
            let mut chosen = None;
            let found = first(operations, biased, |operation| {
                chosen = operation.handle.choose(&operation.place, certain);
                chosen.is_some()
            });
            if let (Some(operation), Some(chosen)) = (found, chosen) {
                return Some(Selected::new(operation, chosen));
            }
        }
        look = false;
        if !wait.is_over()
            && operations.iter().all(|operation| operation.handle.spins_first())
            && pause(operations, spin_wait.get_or_insert_with(SpinWait::new))
        {
            continue;
        }
        match block(operations, biased, wait, false) {
            Blocked::Again => certain = true, // or it might take turns for ever with one that stops between two steps
            Blocked::Over => return None,
            Blocked::Done(index) => {
                let done = operations.iter().find(|operation| operation.place.index == index);
                let operation = done.expect("an operation that was done is one of ours");
                return Some(Selected::new(operation, Chosen::Kept(operation.place.ticket)));
            }
        }
    }
}

/// Waits a little before another attempt; false: the time for that has run out.
fn pause(operations: &[Operation<'_>], spin_wait: &mut SpinWait) -> bool {
    let looks = || operations.iter().filter_map(|operation| operation.handle.may_proceed(operation.place.side));
    if looks().next().is_some() { spin_wait.pause(|| looks().any(|may| may)) } else { spin_wait.yield_now() }
}

/// Waits until an operation is ready: its number.
fn ready(operations: &mut [Operation<'_>], biased: bool, wait: Timeout) -> Option<usize> {
    loop {
        let ready = first(operations, biased, |operation| operation.handle.is_ready(operation.place.side));
        if let Some(operation) = ready {
            return Some(operation.place.index);
        }
        if let Blocked::Over = block(operations, biased, wait, true) {
            return None;
        }
    }
}
