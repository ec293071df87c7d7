//! The tree of tokens: what a token keeps for its children and its callbacks, and how a cancellation spreads.
//!
//! | bit of a token's latch | meaning | who sets it |
//! |---|---|---|
//! | `SET` | cancelled | whoever cancels, in time; whoever cancels or looks after the deadline |
//! | `TIMED` | it has a deadline | from the start |
//! | `EXPIRED` | its deadline is what ended it | with `SET` |
//!
//! # Invariants
//! 1. A child or a callback is in its token's `children` or `callbacks` from its `push` until its `remove`, or until all are
//!    taken, after the end.
//! 2. Nothing is inserted once all have been taken, which `over` says: by the one who cancels, in the section that sets
//!    the latch; at its deadline, by the alarm of a callback.
//! 3. A node keeps its parent alive, which knows it by a `Weak`. The drop of its last handle frees its place there, and
//!    leaves its callbacks to the parent in the same section: nobody can take them back any more, and they run when the
//!    parent's do. If the parent's have been taken, they run at once.
//! 4. No deadline is later than the parent's: at a deadline nothing has to spread. Where there is one, each callback has an
//!    alarm, which keeps the node until it rings, or the callback is gone: so there are none when the node is dropped.
//! 5. `error` is written in the section that ends the token, or before anybody else knows of it.
//! 6. Under a token's lock nobody takes another, nor under the lock of its latch's line.
//! 7. What a call has closed keeps its children in `closing_children` until that call has closed, or found closed, all that is below:
//!    another call, of an ancestor's cancellation, that finds it closed goes on with them. So neither returns before all
//!    are closed, and neither waits for the other.
//!
//! User code (callbacks, wakers, drops of both and of errors) runs under no lock.

// Needs: sync.rs, wait.rs, wait/latch.rs, wait/queue.rs.

use std::any::Any;
use std::error::Error;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::task::Wake;
use std::time::Instant;

use super::super::sync::{Arc, Lock, Weak, drop_quietly, ignore_panic, is_over, passed};
use super::super::wait::{Ends, Latch, Ticket, WaitQueue, earlier};

const TIMED: usize = Latch::OWNERS;
const EXPIRED: usize = Latch::OWNERS << 1;

/// How a token ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    ByCall,
    ByDeadline,
}

/// A token.
pub(super) struct Node {
    latch: Latch,
    deadline: Option<Instant>,
    parent: Option<Place>,
    state: Lock<State>,
}

pub(super) type Callback = Box<dyn FnOnce() + Send>;

pub(super) type SharedError = Arc<dyn Error + Send + Sync>;

/// A dependent's place: whose, and which.
pub(super) struct Place {
    node: Arc<Node>,
    ticket: Ticket,
}

struct State {
    /// How it ended, once all have been taken.
    over: Option<End>,
    /// Why it was cancelled, where the one who did it has said why.
    error: Option<SharedError>,
    children: WaitQueue<Weak<Node>>,
    callbacks: Callbacks,
    /// Invariant 7.
    closing_children: Option<ChildList>,
}

/// The children of a token that is being cancelled, for all who do it.
type ChildList = Arc<WaitQueue<Weak<Node>>>;

/// Made for the first: most tokens have none.
type Callbacks = Option<Box<WaitQueue<Callback>>>;

/// What whoever ends a token takes: the children and the callbacks, where there are any.
type Taken = (Option<ChildList>, Callbacks);

impl State {
    fn take(&mut self, end: End) -> Taken {
        self.over = Some(end);
        let family = (!self.children.is_empty()).then(|| Arc::new(mem::take(&mut self.children)));
        (family, self.callbacks.take())
    }
}

impl Node {
    /// Open, or over from the start.
    fn new(
        parent: Option<Place>,
        deadline: Option<Instant>,
        over: Option<End>,
        error: Option<SharedError>,
    ) -> Arc<Self> {
        let word = match over {
            None if deadline.is_some() => TIMED,
            None => 0,
            Some(End::ByCall) => Latch::SET,
            Some(End::ByDeadline) => Latch::SET | EXPIRED,
        };
        let state = State { over, error, children: WaitQueue::new(), callbacks: None, closing_children: None };
        Arc::new(Self { latch: Latch::new(word), deadline, parent, state: Lock::new(state) })
    }

    /// Whether it is over. Whoever finds that the deadline has passed says so in the latch.
    #[inline]
    pub(super) fn is_cancelled(&self) -> bool {
        // The case to be fast first, and by itself.
        let word = self.latch.look();
        word & (Latch::SET | TIMED) != 0 && self.is_set_or_late(word)
    }

    // Never inlined: the look that finds nothing, most of them, is to fall through in every build.
    #[cold]
    #[inline(never)]
    fn is_set_or_late(&self, word: usize) -> bool {
        word & Latch::SET != 0 || self.expires()
    }

    /// How it ended, as far as anybody has said, whatever the clock says.
    pub(super) fn ended(&self) -> Option<End> {
        let word = self.latch.look();
        (word & Latch::SET != 0).then_some(if word & EXPIRED == 0 { End::ByCall } else { End::ByDeadline })
    }

    /// Whether the deadline has passed; then it is over, by that or by a call.
    #[cold]
    fn expires(&self) -> bool {
        let is_late = self.deadline.is_some_and(passed);
        if is_late {
            self.latch.expire(EXPIRED);
        }
        is_late
    }

    pub(super) fn error(&self) -> Option<SharedError> {
        self.state.with(|state| state.error.clone())
    }

    /// Takes the callbacks that are left, of a token that nobody holds any more.
    fn callbacks(&self) -> Callbacks {
        self.state.with(|state| state.callbacks.take())
    }

    /// Children that another call has still to close, and for which cause.
    fn closing_children(&self) -> Option<(ChildList, Option<SharedError>)> {
        self.state.with(|state| Some((state.closing_children.clone()?, state.error.clone())))
    }
}

impl Ends for Node {
    fn latch(&self) -> &Latch {
        &self.latch
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn has_ended(&self) -> bool {
        self.is_cancelled()
    }
}

/// A token without a parent.
pub(super) fn root() -> Arc<Node> {
    Node::new(None, None, None, None)
}

/// A child of `parent`, with the earlier of its own deadline and its parent's.
pub(super) fn child(parent: &Arc<Node>, deadline: Option<Instant>) -> Arc<Node> {
    let deadline = earlier(parent.deadline, deadline);
    parent.state.with(|state| {
        if state.over.is_some() {
            // So is the child, from the start and for the same reason.
            return Node::new(None, deadline, state.over, state.error.clone());
        }
        let mut child = None;
        state.children.push(|ticket| {
            let place = Place { node: parent.clone(), ticket };
            Arc::downgrade(child.insert(Node::new(Some(place), deadline, None, None)))
        });
        child.expect("made with its place")
    })
}

/// Keeps a callback until the end; hands it back if that has been.
pub(super) fn register(node: &Arc<Node>, callback: Callback) -> Result<Place, Callback> {
    node.state.with(|state| {
        if state.over.is_some() {
            return Err(callback);
        }
        Ok(Place { node: node.clone(), ticket: state.callbacks.get_or_insert_default().push(|_| callback) })
    })
}

impl Place {
    /// A callback leaves it; false if all have been taken before.
    pub(super) fn leave(&self) -> bool {
        self.node.state.with(|state| state.callbacks.as_mut()?.remove(self.ticket)).is_some()
    }

    /// A child does, and leaves its callbacks there; hands them back if all have been taken before.
    fn leave_parent(&self, mut callbacks: Callbacks) -> Callbacks {
        let _removed = self.node.state.with(|state| {
            let removed = state.children.remove(self.ticket);
            if state.over.is_none() {
                for callback in callbacks.iter_mut().flat_map(|list| list.drain()) {
                    state.callbacks.get_or_insert_default().push(|_| callback);
                }
            }
            removed
        });
        callbacks
    }
}

/// Ends a token that nothing else has ended, wakes those who wait for it, and takes its dependents.
#[inline]
fn close(node: &Node, error: Option<&SharedError>, panics: &mut FirstPanic) -> Option<Taken> {
    if node.deadline.is_some() && node.expires() {
        return None;
    }
    let (taken, is_watched) = node.state.with(|state| {
        let is_watched = node.latch.set()?;
        state.error = error.cloned();
        let taken = state.take(End::ByCall);
        state.closing_children.clone_from(&taken.0);
        Some((taken, is_watched))
    })?;
    if is_watched {
        panics.catch(|| node.latch.release());
    }
    Some(taken)
}

/// Cancels a token and, if that is what ended it, all its descendants; then runs their callbacks.
pub(super) fn cancel(node: &Arc<Node>, error: Option<&SharedError>) -> bool {
    let mut panics = FirstPanic(None);
    let Some((family, callbacks)) = close(node, error, &mut panics) else { return false };
    let mut callbacks = Vec::from_iter(callbacks.map(|list| *list));
    if let Some(family) = family {
        close_below(node, family, error, &mut callbacks, &mut panics);
    }
    for callback in callbacks.iter_mut().flat_map(WaitQueue::drain) {
        panics.catch(callback);
    }
    panics.resume();
    true
}

/// Closes all descendants of a token that this call has closed, and adds their callbacks.
fn close_below(
    node: &Arc<Node>,
    family: ChildList,
    error: Option<&SharedError>,
    callbacks: &mut Vec<WaitQueue<Callback>>,
    panics: &mut FirstPanic,
) {
    let mut closed = vec![node.clone()];
    // Whose turn is still to come, and for which cause.
    let mut families = vec![(family, error.cloned())];
    while let Some((family, error)) = families.pop() {
        for child in family.iter().filter_map(Weak::upgrade) {
            if let Some((family, others)) = close(&child, error.as_ref(), panics) {
                callbacks.extend(others.map(|list| *list));
                if let Some(family) = family {
                    families.push((family, error.clone()));
                    closed.push(child);
                }
            } else {
                // Another call has closed it, and may still be on its way down. Its children are our affair, too (invariant 7):
                // or this call would return before they are closed.
                families.extend(child.closing_children());
                // It may be the last handle by now.
                panics.catch(|| drop(child));
            }
        }
        // Another call's error, perhaps, and its last owner.
        panics.catch(|| drop((family, error)));
    }
    // Only now: until all that is below is closed, whoever meets one of these has to find its children.
    for node in closed {
        let family = node.state.with(|state| state.closing_children.take());
        panics.catch(|| drop((family, node)));
    }
}

/// What ends a token at its deadline where it has callbacks, which then run (invariant 4).
pub(super) struct DeadlineWaker(pub(super) Arc<Node>);

impl Wake for DeadlineWaker {
    fn wake(self: Arc<Self>) {
        let node = &self.0;
        let mut panics = FirstPanic(None);
        node.expires();
        // If it was cancelled in time, whoever did that takes them.
        if node.ended() == Some(End::ByDeadline) {
            let (_family, mut callbacks) = node.state.with(|state| state.take(End::ByDeadline));
            for callback in callbacks.iter_mut().flat_map(|list| list.drain()) {
                panics.catch(callback);
            }
        }
        panics.resume();
    }
}

/// The first panic of several pieces of user code, none of which keeps the next from running.
struct FirstPanic(Option<Box<dyn Any + Send>>);

impl FirstPanic {
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

impl Drop for Node {
    fn drop(&mut self) {
        if is_over() {
            return;
        }
        // In a loop, for the parent may have no other handle, nor its parent: a long line of them must not recurse.
        let (mut callbacks, mut place) = (self.callbacks(), self.parent.take());
        while let Some(child) = place {
            child.leave_parent(callbacks).iter_mut().flat_map(|list| list.drain()).for_each(ignore_panic);
            (callbacks, place) = match Arc::into_inner(child.node) {
                Some(mut parent) => (parent.callbacks(), parent.parent.take()),
                None => (None, None),
            };
        }
        // Nobody can cancel a root that nobody holds: its callbacks are dropped.
    }
}
