//! A ring: where the values of a channel with a limit pass while nobody waits there, and nobody takes the lock.
//!
//! It stands beside the channel's lock. It is *open* while the channel has nothing to do but to take values in and hand
//! them out. Whoever has more to do holds the lock and *shuts* it: then it is a queue like any other, and the holder's alone.
//!
//! # Guarantees
//! **SF-RG-1.** A value that was pushed is popped once, in the order of the pushes. There are never more than the limit.
//!
//! **SF-RG-2.** While it is shut, it changes by the holder of the lock alone, who sees every push and pop that was not
//! refused.
//!
//! **HB-RG-1.** A push happens before the pop that returns its value.
//!
//! **HB-RG-2.** A pop happens before the push that takes the room it has made.
//!
//! **HB-RG-3.** A pop happens before what a later holder does, and that before the pushes that the holder lets in.
//!
//! **LV-RG-1.** A push is refused only if the ring is shut, or if its place is not free yet; a pop likewise. *Not promised:*
//! that this is long: another may be between its two steps.
//!
//! # State
//! A position is a lap and an index, such that bit 0 is free. `tail` is where the next push goes, `head` where the next pop;
//! in both bit 0 is `SHUT`. A slot's stamp says whose turn it is:
//!
//! | stamp | meaning | who moves it on |
//! |---|---|---|
//! | p | free for position p | the push that has moved `tail` from p: -> p, `FULL` |
//! | p, `FULL` | holds the value of position p | the pop that has moved `head` from p: -> the same index in the next lap |
//!
//! One word holds position and `SHUT`. So a push is either before the shutting, and the holder sees its position, or it finds
//! `SHUT`, and takes the lock: that needs no fence. A position that is taken and not stamped yet is a push or pop
//! between two instructions; the holder waits for that one stamp. Positions decide who finds what: a stamp never says that
//! nothing is there.
//!
//! After Dmitry Vyukov's bounded queue. Its `tail` and `head` may be relaxed; these may not: a value that is handed over
//! under the lock takes no position, so what came before its receive goes on through the words (HB-RG-3).

// Needs: sync.rs.

use std::mem::MaybeUninit;

use crossbeam_utils::CachePadded;

use super::super::super::sync::{Arc, AtomicUsize, Backoff, LEAST_RING, Ordering, UnsafeCell};

/// In a word: only the holder of the lock may go on.
const SHUT: usize = 1;
/// In a stamp: a value is there.
const FULL: usize = 1;

/// Values in order, no more than a limit. It is dropped empty: the last receiver has taken out what was left.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    /// The position of the next push, and `SHUT`.
    tail: CachePadded<AtomicUsize>,
    /// The position of the next pop, and `SHUT`.
    head: CachePadded<AtomicUsize>,
    slots: Box<[Slot<T>]>,
    /// From a position to that of the same index in the next lap.
    lap: usize,
}

#[derive(Debug)]
struct Slot<T> {
    stamp: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: a slot's value is touched by the one whose turn it is, and each turn is ordered after the one before it by the
// stamp (HB-RG-1, HB-RG-2): sharing a ring only ever sends its values.
unsafe impl<T: Send> Sync for Ring<T> {}

/// Why a push or a pop has not happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The ring is shut.
    Shut,
    /// No room, or no value; or somebody is about to make some.
    Edge,
}

impl<T> Ring<T> {
    const MOST_PLACES: usize = 4096;
    const MOST_BYTES: usize = 1 << 18;
    /// Of a slot: while a value is moved in or out, the holder of the lock may wait for that.
    const MOST_BYTES_EACH: usize = 1 << 15;

    /// Whether a channel with this limit is to have one. A limit is no reservation, so it is not to be large; with one
    /// place each value waits for the one before it anyway (under an explorer it has one, the tightest that there is); and
    /// a position of 32 bits comes again too soon.
    pub(crate) const fn suits(capacity: usize) -> bool {
        cfg!(target_pointer_width = "64")
            && LEAST_RING <= capacity
            && capacity <= Self::MOST_PLACES
            && size_of::<Slot<T>>() <= Self::MOST_BYTES / capacity
            && size_of::<Slot<T>>() <= Self::MOST_BYTES_EACH
    }

    /// An empty ring, which is shut.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::in_lap(capacity, 0)
    }

    /// The same after so many laps.
    pub(crate) fn in_lap(capacity: usize, laps: usize) -> Self {
        let lap = (2 * capacity).next_power_of_two();
        let first = lap.wrapping_mul(laps);
        let slot = |index: usize| Slot {
            stamp: AtomicUsize::new(first + 2 * index),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        };
        Self {
            tail: CachePadded::new(AtomicUsize::new(first | SHUT)),
            head: CachePadded::new(AtomicUsize::new(first | SHUT)),
            slots: (0..capacity).map(slot).collect(),
            lap,
        }
    }

    /// Moves a value in, unless that is refused.
    #[inline]
    pub(crate) fn push(&self, value: &mut Option<T>) -> Result<(), Refused> {
        assert!(value.is_some(), "a push has a value"); // or the slot would say so, and have none
        // Relaxed: the exchange looks again.
        let mut tail = self.tail.load(Ordering::Relaxed);
        while tail & SHUT == 0 {
            let slot = self.slot(tail);
            // Acquire: pairs with the Release in `empty` (HB-RG-2).
            if slot.stamp.load(Ordering::Acquire) == tail {
                let after = self.after(tail);
                // Acquire: pairs with the Release of `tail` in `open` (HB-RG-3). Relaxed on failure: it is tried again.
                match self.tail.compare_exchange(tail, after, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => {
                        // SAFETY: the position is ours, and its slot is free.
                        unsafe { slot.fill(tail, value) };
                        return Ok(());
                    }
                    Err(now) => tail = now,
                }
            } else {
                // Relaxed: whether it was read too early.
                let now = self.tail.load(Ordering::Relaxed);
                if now == tail {
                    return Err(Refused::Edge);
                }
                tail = now;
            }
        }
        Err(Refused::Shut)
    }

    /// Moves the first value into `value`, unless that is refused.
    #[inline]
    pub(crate) fn pop(&self, value: &mut Option<T>) -> Result<(), Refused> {
        // Relaxed: the exchange looks again.
        let mut head = self.head.load(Ordering::Relaxed);
        while head & SHUT == 0 {
            let slot = self.slot(head);
            // Acquire: pairs with the Release in `fill` (HB-RG-1).
            if slot.stamp.load(Ordering::Acquire) == head | FULL {
                let after = self.after(head);
                // Release: pairs with the Acquire of `head` in `shut` (HB-RG-3). Relaxed on failure: it is tried again.
                match self.head.compare_exchange(head, after, Ordering::Release, Ordering::Relaxed) {
                    Ok(_) => {
                        // SAFETY: the position is ours, and its slot is full.
                        *value = Some(unsafe { slot.empty(head.wrapping_add(self.lap)) });
                        return Ok(());
                    }
                    Err(now) => head = now,
                }
            } else {
                // Relaxed: whether it was read too early.
                let now = self.head.load(Ordering::Relaxed);
                if now == head {
                    return Err(Refused::Edge);
                }
                head = now;
            }
        }
        Err(Refused::Shut)
    }

    /// Whether another push is worth it: a look that disturbs nobody.
    pub(crate) fn may_push(&self) -> bool {
        self.may_go_on(&self.tail, 0)
    }

    /// The same for a pop.
    pub(crate) fn may_pop(&self) -> bool {
        self.may_go_on(&self.head, FULL)
    }

    /// Whether it is the turn of whoever goes on from `word`, as the position and `full` say. While the ring is shut it is not:
    /// whoever looks takes the lock soon enough, and must not take it again and again.
    fn may_go_on(&self, word: &AtomicUsize, full: usize) -> bool {
        // Relaxed: whoever goes on looks again.
        let position = word.load(Ordering::Relaxed);
        // Relaxed: likewise.
        position & SHUT == 0 && self.slot(position).stamp.load(Ordering::Relaxed) == position | full
    }

    fn slot(&self, position: usize) -> &Slot<T> {
        &self.slots[self.index(position)]
    }

    fn index(&self, position: usize) -> usize {
        (position & (self.lap - 1)) >> 1
    }

    /// The position after this one.
    fn after(&self, position: usize) -> usize {
        let is_last = self.index(position) + 1 == self.slots.len();
        if is_last { (position & !(self.lap - 1)).wrapping_add(self.lap) } else { position + 2 }
    }
}

/// A ring, for whoever holds the lock: while it is shut, nobody else goes on.
#[derive(Debug)]
pub(crate) struct Holder<T> {
    ring: Arc<Ring<T>>,
    /// Where it stands while it is shut; `None`: it is open.
    shut: Option<Ends>,
}

/// Positions of the next pop and the next push.
#[derive(Clone, Copy, Debug)]
struct Ends {
    head: usize,
    tail: usize,
}

impl<T> Holder<T> {
    /// The one of a ring that has just been made.
    pub(crate) fn new(ring: Arc<Ring<T>>) -> Self {
        // Relaxed: it is shut, so nobody changes it.
        let first = ring.head.load(Ordering::Relaxed) & !SHUT;
        Self { ring, shut: Some(Ends { head: first, tail: first }) }
    }

    /// Has all others refused, from now on.
    #[inline]
    pub(crate) fn shut(&mut self) {
        if self.shut.is_none() {
            // Relaxed: a push that was before it shows by its position, and its value by the stamp.
            let tail = self.ring.tail.fetch_or(SHUT, Ordering::Relaxed);
            // Acquire: pairs with the Release in `pop` (HB-RG-3).
            let head = self.ring.head.fetch_or(SHUT, Ordering::Acquire);
            self.shut = Some(Ends { head, tail });
        }
    }

    /// Lets all others in.
    pub(crate) fn open(&mut self) {
        if let Some(Ends { head, tail }) = self.shut.take() {
            // Relaxed: what a pop has to see, it sees by the stamp.
            self.ring.head.store(head, Ordering::Relaxed);
            // Release: pairs with the Acquire of `tail` in `push` (HB-RG-3).
            self.ring.tail.store(tail, Ordering::Release);
        }
    }

    fn ends(&self) -> Ends {
        self.shut.expect("the holder has shut it")
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        let (Ends { head, tail }, ring) = (self.ends(), &self.ring);
        let is_ahead = head ^ tail >= ring.lap; // by one lap
        ring.index(tail) + if is_ahead { ring.slots.len() } else { 0 } - ring.index(head)
    }

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.len() == self.ring.slots.len()
    }

    /// Moves a value in, for which there is room.
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        let Ends { head, tail } = self.ends();
        let slot = self.ring.slot(tail);
        slot.wait_for(tail);
        self.shut = Some(Ends { head, tail: self.ring.after(tail) });
        // SAFETY: the position is ours, and its slot is free.
        unsafe { slot.fill(tail, &mut Some(value)) };
    }

    /// Moves the first value out, if there is one.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let Ends { head, tail } = self.ends();
        if head == tail {
            return None;
        }
        let slot = self.ring.slot(head);
        slot.wait_for(head | FULL);
        self.shut = Some(Ends { head: self.ring.after(head), tail });
        // SAFETY: the position is ours, and its slot is full.
        Some(unsafe { slot.empty(head.wrapping_add(self.ring.lap)) })
    }
}

impl<T> Slot<T> {
    /// # Safety
    /// The caller has taken `position`, and the stamp says so.
    #[inline]
    unsafe fn fill(&self, position: usize, value: &mut Option<T>) {
        let value = value.take().expect("a push has a value");
        // SAFETY: the slot is the caller's until the stamp goes on.
        self.value.with_mut(|slot| unsafe { (*slot).write(value) });
        // Release: pairs with the Acquire in `pop` and in `wait_for` (HB-RG-1).
        self.stamp.store(position | FULL, Ordering::Release);
    }

    /// # Safety
    /// The caller has taken the position whose value is here, and the stamp says so.
    #[inline]
    unsafe fn empty(&self, next: usize) -> T {
        // SAFETY: the slot is the caller's until the stamp goes on, and was filled.
        let value = self.value.with_mut(|slot| unsafe { (*slot).assume_init_read() });
        // Release: pairs with the Acquire in `push` and in `wait_for` (HB-RG-2).
        self.stamp.store(next, Ordering::Release);
        value
    }

    /// Waits for one that is between its two steps.
    #[inline]
    fn wait_for(&self, stamp: usize) {
        let backoff = Backoff::new();
        // Acquire: pairs with the Release in `fill` and in `empty` (HB-RG-1, HB-RG-2).
        while self.stamp.load(Ordering::Acquire) != stamp {
            backoff.snooze();
        }
    }
}
