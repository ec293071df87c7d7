//! The values that a channel holds, in the order of their sends.

// Needs: channel/core/ring.rs.

use std::collections::VecDeque;
use std::mem;

use super::ring::Holder;

/// The values of the deque, and after them those of the ring, if there is one. That is shut while anything is called here but
/// `open` and `shut`.
#[derive(Debug)]
pub(super) struct Buffer<T> {
    deque: VecDeque<T>,
    /// Boxed, so that a channel without one is not much larger for it.
    ring: Option<Box<Holder<T>>>,
}

impl<T> Buffer<T> {
    pub(super) const fn new() -> Self {
        Self { deque: VecDeque::new(), ring: None }
    }

    /// From now on values go into a ring, which is empty.
    pub(super) fn pass_through(&mut self, ring: Holder<T>) {
        self.ring = Some(Box::new(ring));
    }

    #[inline]
    pub(super) fn has_ring(&self) -> bool {
        self.ring.is_some()
    }

    /// The values outside a ring.
    #[inline]
    pub(super) fn deque(&mut self) -> &mut VecDeque<T> {
        &mut self.deque
    }

    #[inline]
    pub(super) fn shut(&mut self) {
        if let Some(ring) = &mut self.ring {
            ring.shut();
        }
    }

    /// Opens the ring, if it has all values.
    pub(super) fn open(&mut self) {
        if let (Some(ring), true) = (&mut self.ring, self.deque.is_empty()) {
            ring.open();
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.deque.len() + self.ring.as_ref().map_or(0, |ring| ring.len())
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(super) fn push_back(&mut self, value: T) {
        let Some(ring) = &mut self.ring else { return self.deque.push_back(value) };
        if ring.is_full() {
            // One above the limit, which a select had promised a task.
            move_all(ring, &mut self.deque);
        }
        ring.push(value);
    }

    pub(super) fn push_front(&mut self, value: T) {
        self.deque.push_front(value);
    }

    #[inline]
    pub(super) fn pop_front(&mut self) -> Option<T> {
        self.deque.pop_front().or_else(|| self.ring.as_mut()?.pop())
    }

    /// Takes all.
    pub(super) fn take(&mut self) -> VecDeque<T> {
        let mut values = mem::take(&mut self.deque);
        if let Some(ring) = &mut self.ring {
            move_all(ring, &mut values);
        }
        values
    }
}

/// A function of its own: a value may be too large for the stack of a channel that never has one.
#[cold]
#[inline(never)]
fn move_all<T>(ring: &mut Holder<T>, values: &mut VecDeque<T>) {
    values.reserve(ring.len());
    while let Some(value) = ring.pop() {
        values.push_back(value);
    }
}
