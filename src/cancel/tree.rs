//! The tree of tokens: what a token keeps for its children and its callbacks, and how a cancellation spreads.
//!
//! # Invariants
//! 1. A dependent is in its token's `children` or `callbacks` from its `insert` until its `remove`, or until all are taken,
//!    after the end.
//! 2. Nothing is inserted once all have been taken, which `over` says: by the one who cancels, in the section that ends
//!    the token; at its deadline, by the alarm of a callback. Likewise nobody comes to wait (`closing.rs` 2).
//! 3. A node keeps its parent alive, which knows it by a `Weak`. The drop of its last handle frees its place there, and
//!    leaves its callbacks to the parent in the same section: nobody can take them back any more, and they run when the
//!    parent's do. If the parent's have been taken, they run at once.
//! 4. No deadline is later than the parent's: at a deadline nothing has to spread. Where there is one, each callback has an
//!    alarm, which keeps the node until it rings, or the callback is gone: so there are none when the node is dropped.
//! 5. `error` is written in the section that ends the token, or before anybody else knows of it.
//! 6. Under a token's lock nobody takes another, but the one who ends it, who takes its line's. A select takes a
//!    token's for a moment, to make a line, under the locks of channels that come before that line in the one order in
//!    which selects lock them. So no two wait for each other.
//! 7. What a call has closed keeps its children in `below` until that call has closed, or found closed, all that is below:
//!    another call, of an ancestor's cancellation, that finds it closed goes on with them. So neither returns before all
//!    are closed, and neither waits for the other.
//! 8. A slot is made only where none is vacant: there are never more than there were dependents at a time.
//!
//! User code (callbacks, wakers, drops of both and of errors) runs under no lock.
//!
//! Needs: `channel/closing.rs`, `channel/schedule.rs`, `sync.rs`.

use std::any::Any;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::task::Wake;
use std::time::Instant;

use super::super::channel::closing::{Closing, End, Owner};
use super::super::channel::schedule::earlier;
use super::super::sync::{Arc, Lock, Weak, drop_quietly, is_over, let_go};

/// A token.
pub(super) type Node = Closing<Infallible, Branch>;

pub(super) type Callback = Box<dyn FnOnce() + Send>;

pub(super) type SharedError = Arc<dyn Error + Send + Sync>;

/// A token's place in the tree.
#[derive(Debug)]
pub(super) struct Branch {
    parent: Option<Place>,
    state: Lock<State>,
}

/// A dependent's place: whose, and which.
#[derive(Debug)]
pub(super) struct Place {
    node: Arc<Node>,
    slot: usize,
}

#[derive(Debug)]
struct State {
    /// How it ended, once all have been taken.
    over: Option<End>,
    /// Why it was cancelled, where the one who did it has said why.
    error: Option<SharedError>,
    children: Slots<Weak<Node>>,
    callbacks: Slots<Callback>,
    /// Invariant 7.
    below: Option<Family>,
}

/// The children of a token that is being cancelled, for all who do it.
type Family = Arc<Vec<Slot<Weak<Node>>>>;

/// Dependents of one kind, each in a slot of its own until it is removed: both in constant time.
struct Slots<D> {
    slots: Vec<Slot<D>>,
    /// The first vacant slot; `slots.len()` if none is.
    vacant: usize,
    occupied: usize,
}

#[derive(Debug)]
enum Slot<D> {
    Occupied(D),
    /// With the next vacant one.
    Vacant(usize),
}

impl<D> fmt::Debug for Slots<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots").field("occupied", &self.occupied).finish_non_exhaustive()
    }
}

impl<D> Slots<D> {
    /// An empty one keeps no more slots than these.
    const KEPT: usize = 32;

    const fn new() -> Self {
        Self { slots: Vec::new(), vacant: 0, occupied: 0 }
    }

    /// Where the next dependent goes.
    fn next(&self) -> usize {
        debug_assert!(self.vacant < self.slots.len() || self.occupied == self.slots.len(), "invariant 8");
        self.vacant
    }

    fn insert(&mut self, dependent: D) {
        self.occupied += 1;
        match self.slots.get_mut(self.vacant) {
            None => {
                self.slots.push(Slot::Occupied(dependent));
                self.vacant += 1;
            }
            Some(slot) => match mem::replace(slot, Slot::Occupied(dependent)) {
                Slot::Vacant(next) => self.vacant = next,
                Slot::Occupied(_) => unreachable!("it was vacant"),
            },
        }
    }

    /// Takes a dependent out, with the memory that is not needed any more; `None` if all have been taken.
    fn remove(&mut self, slot: usize) -> Option<(D, Vec<Slot<D>>)> {
        let dependent = match mem::replace(self.slots.get_mut(slot)?, Slot::Vacant(self.vacant)) {
            Slot::Occupied(dependent) => dependent,
            Slot::Vacant(_) => unreachable!("removed once"),
        };
        self.vacant = slot;
        self.occupied -= 1;
        let empty = self.occupied == 0 && self.slots.len() > Self::KEPT;
        Some((dependent, if empty { self.take() } else { Vec::new() }))
    }

    fn take(&mut self) -> Vec<Slot<D>> {
        mem::replace(self, Self::new()).slots
    }
}

impl<D> Slot<D> {
    fn occupied(self) -> Option<D> {
        match self {
            Slot::Occupied(dependent) => Some(dependent),
            Slot::Vacant(_) => None,
        }
    }
}

impl State {
    fn take(&mut self, end: End) -> (Vec<Slot<Weak<Node>>>, Vec<Slot<Callback>>) {
        self.over = Some(end);
        (self.children.take(), self.callbacks.take())
    }
}

impl Branch {
    fn new(parent: Option<Place>, over: Option<End>, error: Option<SharedError>) -> Self {
        let state = State { over, error, children: Slots::new(), callbacks: Slots::new(), below: None };
        Self { parent, state: Lock::new(state) }
    }

    pub(super) fn error(&self) -> Option<SharedError> {
        self.state.with(|state| state.error.clone())
    }

    /// Takes the callbacks that are left, of a token that nobody holds any more.
    fn callbacks(&self) -> Vec<Slot<Callback>> {
        self.state.with(|state| state.callbacks.take())
    }

    /// Children that another call has still to close, and for which cause.
    fn below(&self) -> Option<(Family, Option<SharedError>)> {
        self.state.with(|state| Some((state.below.clone()?, state.error.clone())))
    }
}

impl Owner for Branch {
    fn unless_over(&self, section: impl FnOnce()) {
        self.state.with(|state| state.over.is_none().then(section));
    }
}

/// A token without a parent.
pub(super) fn root() -> Arc<Node> {
    Arc::new(Node::new(None, None, Branch::new(None, None, None)))
}

/// A child of `parent`, with the earlier of its own deadline and its parent's.
pub(super) fn child(parent: &Arc<Node>, deadline: Option<Instant>) -> Arc<Node> {
    let deadline = earlier(parent.deadline(), deadline);
    parent.owner.state.with(|state| {
        if state.over.is_some() {
            // So is the child, from the start and for the same reason.
            let branch = Branch::new(None, state.over, state.error.clone());
            return Arc::new(Node::new(state.over, deadline, branch));
        }
        let place = Place { node: parent.clone(), slot: state.children.next() };
        let child = Arc::new(Node::new(None, deadline, Branch::new(Some(place), None, None)));
        state.children.insert(Arc::downgrade(&child));
        child
    })
}

/// Keeps a callback until the end; hands it back if that has been.
pub(super) fn register(node: &Arc<Node>, callback: Callback) -> Result<Place, Callback> {
    node.owner.state.with(|state| {
        if state.over.is_some() {
            return Err(callback);
        }
        let place = Place { node: node.clone(), slot: state.callbacks.next() };
        state.callbacks.insert(callback);
        Ok(place)
    })
}

impl Place {
    /// A callback leaves it; false if all have been taken before.
    pub(super) fn leave(&self) -> bool {
        self.node.owner.state.with(|state| state.callbacks.remove(self.slot)).is_some()
    }

    /// A child does, and leaves its callbacks there; hands them back if all have been taken before.
    fn leave_parent(&self, callbacks: Vec<Slot<Callback>>) -> Vec<Slot<Callback>> {
        let (_removed, left) = self.node.owner.state.with(|state| {
            let removed = state.children.remove(self.slot);
            if state.over.is_some() {
                return (removed, callbacks);
            }
            callbacks.into_iter().filter_map(Slot::occupied).for_each(|callback| state.callbacks.insert(callback));
            (removed, Vec::new())
        });
        left
    }
}

/// What a call takes that has ended a token: the children, if there are any, and the callbacks.
type Taken = (Option<Family>, Vec<Slot<Callback>>);

/// Ends a token that nothing else has ended, wakes those who wait for it, and takes its dependents.
#[inline]
fn close(node: &Node, error: Option<&SharedError>, panics: &mut Panics) -> Option<Taken> {
    if node.deadline().is_some() && node.expires() {
        return None;
    }
    let (taken, released) = node.owner.state.with(|state| {
        // Where there is a line, under its lock too: a select that has found it open finds the token so (SF-SEL-3).
        let released = match node.line() {
            Some(line) => Some(line.close_if(|| node.end())?),
            None if node.end() => None,
            None => return None,
        };
        state.error = error.cloned();
        let (children, callbacks) = state.take(End::ByCall);
        state.below = (!children.is_empty()).then(|| Arc::new(children));
        Some(((state.below.clone(), callbacks), released))
    })?;
    if let Some(released) = released {
        panics.catch(|| released.notify());
    }
    Some(taken)
}

/// Cancels a token and, if that is what ended it, all its descendants; then runs their callbacks.
pub(super) fn cancel(node: &Arc<Node>, error: Option<&SharedError>) -> bool {
    let mut panics = Panics(None);
    let Some((family, mut callbacks)) = close(node, error, &mut panics) else { return false };
    if let Some(family) = family {
        close_below(node, family, error, &mut callbacks, &mut panics);
    }
    for callback in callbacks.into_iter().filter_map(Slot::occupied) {
        panics.catch(callback);
    }
    panics.resume();
    true
}

/// Closes all descendants of a token that this call has closed, and adds their callbacks.
fn close_below(
    node: &Arc<Node>,
    family: Family,
    error: Option<&SharedError>,
    callbacks: &mut Vec<Slot<Callback>>,
    panics: &mut Panics,
) {
    let mut closed = vec![node.clone()];
    // Whose turn is still to come, and for which cause.
    let mut families = vec![(family, error.cloned())];
    while let Some((family, error)) = families.pop() {
        for slot in &*family {
            let Slot::Occupied(child) = slot else { continue };
            let Some(child) = child.upgrade() else { continue };
            if let Some((family, others)) = close(&child, error.as_ref(), panics) {
                callbacks.extend(others);
                if let Some(family) = family {
                    families.push((family, error.clone()));
                    closed.push(child);
                }
            } else {
                families.extend(child.owner.below());
                // It may be the last handle by now.
                panics.catch(|| drop(child));
            }
        }
    }
    for node in closed {
        let _family = node.owner.state.with(|state| state.below.take());
    }
}

/// What ends a token at its deadline where it has callbacks, which then run (invariant 4).
#[derive(Debug)]
pub(super) struct Expiry(pub(super) Arc<Node>);

impl Wake for Expiry {
    fn wake(self: Arc<Self>) {
        let node = &self.0;
        let mut panics = Panics(None);
        node.expires();
        // If it was cancelled in time, whoever did that takes them.
        if node.ended() == Some(End::ByDeadline) {
            let (_children, callbacks) = node.owner.state.with(|state| state.take(End::ByDeadline));
            for callback in callbacks.into_iter().filter_map(Slot::occupied) {
                panics.catch(callback);
            }
        }
        panics.resume();
    }
}

/// The first panic of several pieces of user code, none of which keeps the next from running.
struct Panics(Option<Box<dyn Any + Send>>);

impl Panics {
    fn catch<R>(&mut self, code: impl FnOnce() -> R) -> Option<R> {
        match panic::catch_unwind(AssertUnwindSafe(code)) {
            Ok(result) => Some(result),
            Err(panic) if self.0.is_none() => {
                self.0 = Some(panic);
                None
            }
            Err(panic) => {
                drop_quietly(panic);
                None
            }
        }
    }

    fn resume(self) {
        if let Some(panic) = self.0 {
            panic::resume_unwind(panic);
        }
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        if is_over() {
            return;
        }
        // In a loop, for the parent may have no other handle, nor its parent: a long line of them must not recurse.
        let (mut callbacks, mut place) = (self.callbacks(), self.parent.take());
        while let Some(child) = place {
            for callback in child.leave_parent(callbacks).into_iter().filter_map(Slot::occupied) {
                let_go(callback);
            }
            (callbacks, place) = match Arc::into_inner(child.node) {
                Some(mut parent) => (parent.owner.callbacks(), parent.owner.parent.take()),
                None => (Vec::new(), None),
            };
        }
        // Nobody can cancel a root that nobody holds: its callbacks are dropped.
    }
}
