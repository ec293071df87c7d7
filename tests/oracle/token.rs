//! A tree of tokens: who is cancelled, for which cause, who is woken, which callbacks run, and which are dropped.
//!
//! Deadlines have passed when they are set, or are far in the future, so that nothing happens by itself.

use std::convert::Infallible;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use hence::WaitGroup;
use hence::cancel::{CancellationToken, Cause, DropGuard, RecvOrCancelledError, Registration, SendOrCancelledError};
use hence::channel::{Receiver, RecvError, Sender, TryRecvError, bounded};

use super::util::{Drops, Tracked};
use super::{Pending, pick};

/// What is done to a tree of tokens, in this order. In the beginning it is one token.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Program {
    pub(crate) ops: Vec<Op>,
}

/// Numbers pick among the handles, or whatever the operation is about.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Op {
    Root,
    Child(u8),
    Timeout(u8, Limit),
    Deadline(u8, Limit),
    Clone(u8),
    Drop(u8),
    Cancel(u8),
    CancelWith(u8),
    /// Turns the handle into a guard, which is dropped at once, or disarmed.
    Guard {
        which: u8,
        disarm: bool,
    },
    /// What a token says of itself.
    Look(u8),
    /// For no time: whether it is cancelled.
    TimedWait(u8),
    /// Makes a future with a handle of its own, of `cancelled` or of the receiver from `done`, and polls it.
    StartWait {
        which: u8,
        by_done: bool,
    },
    PollWait {
        which: u8,
        new_waker: bool,
    },
    DropWait(u8),
    Done(u8),
    RecvDone(u8),
    DropDone(u8),
    OnCancel {
        which: u8,
        act: Act,
    },
    Stop(u8),
    /// Leaves the callback there.
    DropRegistration(u8),
    /// On a channel that the program shares, where that would not block.
    Send(u8),
    Recv(u8),
    Close,
    /// For a wait group with a guard, if one is held.
    WaitGroup {
        which: u8,
        held: bool,
    },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Limit {
    Passed,
    /// In so many hours, and one.
    Far(u8),
    /// Too long for an `Instant`: none.
    Never,
}

/// What a callback does.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Act {
    Nothing,
    Panic,
    /// Cancels what is picked among the handles that there are by then.
    Cancel(u8),
}

impl Program {
    pub(crate) fn run(&self) {
        let mut both = Both::new(self.ops.len());
        for &op in &self.ops {
            both.apply(op);
            both.let_go();
            both.check();
        }
    }
}

/// Why a token is cancelled; the number of the error, if there is one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Why {
    Cancelled,
    Deadline,
    Error(usize),
}

/// An error that can be told from others.
#[derive(Debug)]
struct Numbered(usize);

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}", self.0)
    }
}

impl std::error::Error for Numbered {}

fn why(cause: &Cause) -> Why {
    match cause {
        Cause::Cancelled => Why::Cancelled,
        Cause::DeadlineExceeded => Why::Deadline,
        Cause::Error(error) => Why::Error(error.downcast_ref::<Numbered>().expect("one of ours").0),
    }
}

/// A token of the model, known by its number.
#[derive(Debug)]
struct Node {
    parent: Option<usize>,
    /// Whether it was made before its parent was cancelled, and so keeps it. (A deadline alone lets go of no child.)
    keeps_parent: bool,
    ended: Option<Why>,
    deadline: Option<Instant>,
}

impl Node {
    fn root() -> Self {
        Self { parent: None, keeps_parent: false, ended: None, deadline: None }
    }

    fn keeps(&self, parent: usize) -> bool {
        self.keeps_parent && self.parent == Some(parent)
    }
}

/// A callback that waits for its token.
#[derive(Debug)]
struct Callback {
    node: usize,
    act: Act,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Waits,
    Ran,
    /// Or its token is gone.
    Stopped,
}

#[derive(Debug, Default)]
struct Model {
    nodes: Vec<Node>,
    callbacks: Vec<Callback>,
    /// The token of each handle.
    handles: Vec<usize>,
}

impl Model {
    fn is_within(&self, node: usize, ancestor: usize) -> bool {
        node == ancestor || self.nodes[node].parent.is_some_and(|parent| self.is_within(parent, ancestor))
    }

    fn child(&mut self, parent: usize, deadline: Option<Instant>, passed: bool) {
        let of_parent = &self.nodes[parent];
        let ended = of_parent.ended.or(passed.then_some(Why::Deadline));
        let deadline = [of_parent.deadline, deadline].into_iter().flatten().min();
        self.handles.push(self.nodes.len());
        let keeps_parent = matches!(of_parent.ended, None | Some(Why::Deadline));
        self.nodes.push(Node { parent: Some(parent), keeps_parent, ended, deadline });
    }

    /// Whether this call cancels the token, and whether a callback panics.
    fn cancel(&mut self, node: usize, why: Why) -> (bool, bool) {
        if self.nodes[node].ended.is_some() {
            return (false, false);
        }
        for at in 0..self.nodes.len() {
            if self.nodes[at].ended.is_none() && self.is_within(at, node) {
                self.nodes[at].ended = Some(why);
            }
        }
        let mut panics = false;
        for at in 0..self.callbacks.len() {
            let callback = &mut self.callbacks[at];
            if callback.state == State::Waits && self.nodes[callback.node].ended.is_some() {
                callback.state = State::Ran;
                let act = callback.act;
                panics |= self.act(act);
            }
        }
        (true, panics)
    }

    /// Whether a callback waits for this token.
    fn waits_for(&self, node: usize) -> bool {
        self.callbacks.iter().any(|callback| callback.node == node && callback.state == State::Waits)
    }

    /// What a callback does: whether it panics.
    fn act(&mut self, act: Act) -> bool {
        match act {
            Act::Nothing => false,
            Act::Panic => true,
            Act::Cancel(which) => {
                let Some(at) = pick(which, self.handles.len()) else { return false };
                self.cancel(self.handles[at], Why::Cancelled).1
            }
        }
    }
}

/// What callbacks see of the driver: they may be sent to other threads.
#[derive(Debug, Default)]
struct Shared {
    handles: Vec<CancellationToken>,
    /// The numbers of the callbacks that have panicked, in that order.
    panics: Vec<usize>,
}

/// The crate's tokens and the model's, side by side.
struct Both {
    model: Model,
    shared: Arc<Mutex<Shared>>,
    waits: Vec<(usize, Pending<()>)>,
    dones: Vec<(usize, Receiver<Infallible>)>,
    /// By callback, and whether it keeps the token: not where that had ended before.
    registrations: Vec<(usize, bool, Registration)>,
    /// How often the value that each callback owns has been dropped, and how often it has run.
    drops: Drops,
    runs: Drops,
    channel: (Sender<u8>, Receiver<u8>),
    start: Instant,
    errors: usize,
}

impl Both {
    fn new(callbacks: usize) -> Self {
        let shared = Shared { handles: vec![CancellationToken::new()], panics: Vec::new() };
        Self {
            model: Model { nodes: vec![Node::root()], handles: vec![0], ..Model::default() },
            shared: Arc::new(Mutex::new(shared)),
            waits: Vec::new(),
            dones: Vec::new(),
            registrations: Vec::new(),
            drops: Drops::new(callbacks),
            runs: Drops::new(callbacks),
            channel: bounded(2),
            start: Instant::now(),
            errors: 0,
        }
    }

    /// A handle's place, its token's number, and the handle.
    fn handle(&self, which: u8) -> Option<(usize, usize, CancellationToken)> {
        let at = pick(which, self.model.handles.len())?;
        Some((at, self.model.handles[at], self.shared.lock().unwrap().handles[at].clone()))
    }

    fn push(&mut self, token: CancellationToken) {
        self.shared.lock().unwrap().handles.push(token);
    }

    fn forget(&mut self, at: usize) -> CancellationToken {
        self.model.handles.remove(at);
        self.shared.lock().unwrap().handles.remove(at)
    }

    /// Something that cancels a token: it says so, unless a callback panics.
    fn cancel(&mut self, node: usize, why: Why, cancel: impl FnOnce() -> Option<bool>) {
        let (cancels, panics) = self.model.cancel(node, why);
        self.expect_panic(panics, || {
            if let Some(cancelled) = cancel() {
                assert_eq!(cancelled, cancels);
            }
        });
    }

    /// Runs what is to panic as the first of its callbacks that does.
    fn expect_panic(&self, panics: bool, code: impl FnOnce()) {
        let before = self.shared.lock().unwrap().panics.len();
        let Err(panic) = catch_unwind(AssertUnwindSafe(code)) else { return assert!(!panics, "it is to panic") };
        match panic.downcast::<usize>() {
            Ok(callback) => {
                assert!(panics, "callback {callback} is not to panic");
                assert_eq!(Some(&*callback), self.shared.lock().unwrap().panics.get(before), "the first panic");
            }
            Err(panic) => resume_unwind(panic),
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Root => {
                self.model.handles.push(self.model.nodes.len());
                self.model.nodes.push(Node::root());
                self.push(CancellationToken::default());
            }
            Op::Child(which) => {
                let Some((_, node, token)) = self.handle(which) else { return };
                self.model.child(node, None, false);
                self.push(token.child_token());
            }
            Op::Timeout(which, limit) => {
                let Some((_, node, token)) = self.handle(which) else { return };
                let timeout = match limit {
                    Limit::Passed => Duration::ZERO,
                    Limit::Far(hours) => far(hours),
                    Limit::Never => Duration::MAX,
                };
                let before = Instant::now();
                let child = token.with_timeout(timeout);
                let after = Instant::now();
                // Its own, if no ancestor's comes before that: some moment in between.
                let own = child.deadline().filter(|deadline| {
                    before.checked_add(timeout).is_some_and(|earliest| earliest <= *deadline)
                        && after.checked_add(timeout).is_some_and(|latest| *deadline <= latest)
                });
                let is_own = before
                    .checked_add(timeout)
                    .is_some_and(|earliest| self.model.nodes[node].deadline.is_none_or(|deadline| earliest < deadline));
                assert!(!is_own || own.is_some(), "{:?} for {timeout:?}", child.deadline());
                self.model.child(node, own, matches!(limit, Limit::Passed));
                self.push(child);
            }
            Op::Deadline(which, limit) => {
                let Some((_, node, token)) = self.handle(which) else { return };
                let deadline = match limit {
                    Limit::Passed => self.start,
                    Limit::Far(hours) => self.start + far(hours),
                    Limit::Never => self.start + far(u8::MAX) * 2,
                };
                self.model.child(node, Some(deadline), matches!(limit, Limit::Passed));
                self.push(token.with_deadline(deadline));
            }
            Op::Clone(which) => {
                let Some((_, node, token)) = self.handle(which) else { return };
                self.model.handles.push(node);
                self.push(token);
            }
            Op::Drop(which) => {
                let Some((at, ..)) = self.handle(which) else { return };
                drop(self.forget(at));
            }
            Op::Cancel(which) => {
                let Some((_, node, token)) = self.handle(which) else { return };
                self.cancel(node, Why::Cancelled, || Some(token.cancel()));
            }
            Op::CancelWith(which) => {
                let Some((_, node, token)) = self.handle(which) else { return };
                self.errors += 1;
                let error = self.errors;
                self.cancel(node, Why::Error(error), || Some(token.cancel_with(Numbered(error))));
            }
            Op::Guard { which, disarm } => {
                let Some((at, node, token)) = self.handle(which) else { return };
                let guard: DropGuard = self.forget(at).drop_guard();
                drop(token);
                if disarm {
                    self.model.handles.push(node);
                    self.push(guard.disarm());
                } else {
                    self.cancel(node, Why::Cancelled, || {
                        drop(guard);
                        None
                    });
                }
            }
            Op::Look(which) => {
                let Some((_, node, token)) = self.handle(which) else { return };
                let Node { ended, deadline, .. } = self.model.nodes[node];
                assert_eq!(token.is_cancelled(), ended.is_some());
                assert_eq!(token.cause().as_ref().map(why), ended);
                assert_eq!(token.check().err().map(|cancelled| why(&cancelled.0)), ended);
                assert_eq!(token.deadline(), deadline);
            }
            Op::TimedWait(which) => {
                let Some((_, node, token)) = self.handle(which) else { return };
                let is_cancelled = self.model.nodes[node].ended.is_some();
                assert_eq!(token.wait_timeout(Duration::ZERO), is_cancelled);
                assert_eq!(token.wait_deadline(self.start), is_cancelled);
                if is_cancelled {
                    token.wait();
                }
            }
            Op::StartWait { which, by_done } => {
                let Some((_, node, token)) = self.handle(which) else { return };
                let mut pending = if by_done {
                    let done = token.done();
                    Pending::new(async move { assert_eq!(done.recv_async().await, Err(RecvError)) })
                } else {
                    Pending::new(async move { token.cancelled().await })
                };
                let is_cancelled = self.model.nodes[node].ended.is_some();
                assert_eq!(pending.poll(false).is_ready(), is_cancelled);
                if !is_cancelled {
                    self.waits.push((node, pending));
                }
            }
            Op::PollWait { which, new_waker } => {
                let Some(at) = pick(which, self.waits.len()) else { return };
                let (node, pending) = &mut self.waits[at];
                let is_cancelled = self.model.nodes[*node].ended.is_some();
                assert_eq!(pending.poll(new_waker), if is_cancelled { Poll::Ready(()) } else { Poll::Pending });
                if is_cancelled {
                    self.waits.remove(at);
                }
            }
            Op::DropWait(which) => {
                let Some(at) = pick(which, self.waits.len()) else { return };
                self.waits.remove(at);
            }
            Op::Done(which) => {
                let Some((_, node, token)) = self.handle(which) else { return };
                self.dones.push((node, token.done()));
            }
            Op::RecvDone(which) => {
                let Some(at) = pick(which, self.dones.len()) else { return };
                let (node, done) = &self.dones[at];
                let is_cancelled = self.model.nodes[*node].ended.is_some();
                let expected = if is_cancelled { TryRecvError::Disconnected } else { TryRecvError::Empty };
                assert!(!done.close());
                assert_eq!(done.try_recv(), Err(expected));
            }
            Op::DropDone(which) => {
                let Some(at) = pick(which, self.dones.len()) else { return };
                self.dones.remove(at);
            }
            Op::OnCancel { which, act } => {
                let Some((_, node, token)) = self.handle(which) else { return };
                self.on_cancel(node, &token, act);
            }
            Op::Stop(which) => {
                let Some(at) = pick(which, self.registrations.len()) else { return };
                let (callback, _, registration) = self.registrations.remove(at);
                let waits = self.model.callbacks[callback].state == State::Waits;
                assert_eq!(registration.stop(), waits);
                if waits {
                    self.model.callbacks[callback].state = State::Stopped;
                }
            }
            Op::DropRegistration(which) => {
                let Some(at) = pick(which, self.registrations.len()) else { return };
                self.registrations.remove(at);
            }
            Op::Send(which) => {
                let Some((_, node, token)) = self.handle(which) else { return };
                let (sender, _) = &self.channel;
                let expected = match self.model.nodes[node].ended {
                    Some(_) => Err(SendOrCancelledError::Cancelled(which)),
                    None if sender.is_closed() => Err(SendOrCancelledError::Disconnected(which)),
                    None if sender.is_full() => return,
                    None => Ok(()),
                };
                let len = sender.len() + usize::from(expected.is_ok());
                assert_eq!(sender.send_or_cancelled(which, &token), expected);
                assert_eq!(sender.len(), len);
            }
            Op::Recv(which) => {
                let Some((_, node, token)) = self.handle(which) else { return };
                let (_, receiver) = &self.channel;
                let expected = match self.model.nodes[node].ended {
                    Some(_) => Some(RecvOrCancelledError::Cancelled),
                    None if !receiver.is_empty() => None,
                    None if receiver.is_closed() => Some(RecvOrCancelledError::Disconnected),
                    None => return,
                };
                let len = receiver.len() - usize::from(expected.is_none());
                assert_eq!(receiver.recv_or_cancelled(&token).err(), expected);
                assert_eq!(receiver.len(), len);
            }
            Op::Close => {
                self.channel.0.close();
            }
            Op::WaitGroup { which, held } => {
                let Some((_, node, token)) = self.handle(which) else { return };
                let (group, ended) = (WaitGroup::new(), self.model.nodes[node].ended);
                let _guard = held.then(|| group.guard());
                if ended.is_some() || !held {
                    assert_eq!(group.wait_or_cancelled(&token).err().map(|cancelled| why(&cancelled.0)), ended);
                }
            }
        }
    }

    fn on_cancel(&mut self, node: usize, token: &CancellationToken, act: Act) {
        let number = self.model.callbacks.len();
        self.model.callbacks.push(Callback { node, act, state: State::Waits });
        // The handles keep the callbacks: these do not keep the handles.
        let (owned, runs, shared) = (self.drops.value(number), self.runs.clone(), Arc::downgrade(&self.shared));
        let callback = move || {
            let _owned: Tracked = owned;
            drop(runs.value(number));
            let shared = shared.upgrade().expect("nothing runs after the program");
            match act {
                Act::Nothing => {}
                Act::Panic => {
                    shared.lock().unwrap().panics.push(number);
                    resume_unwind(Box::new(number));
                }
                Act::Cancel(which) => {
                    let token = {
                        let Shared { handles, .. } = &*shared.lock().unwrap();
                        pick(which, handles.len()).map(|at| handles[at].clone())
                    };
                    token.map(|token| token.cancel());
                }
            }
        };
        let (waits, mut panics) = (self.model.nodes[node].ended.is_none(), false);
        if !waits {
            self.model.callbacks[number].state = State::Ran;
            panics = self.model.act(act);
        }
        let mut registration = None;
        self.expect_panic(panics, || registration = Some(token.on_cancel(callback)));
        self.registrations.extend(registration.map(|registration| (number, waits, registration)));
    }

    /// Whether something keeps a token that has not ended.
    fn is_alive(&self, node: usize) -> bool {
        self.model.handles.contains(&node)
            || self.waits.iter().any(|(of, _)| *of == node)
            || self.dones.iter().any(|(of, _)| *of == node)
            || self.registrations.iter().any(|&(of, keeps, _)| keeps && self.model.callbacks[of].node == node)
            || self.model.nodes[node].deadline.is_some() && self.model.waits_for(node)
            || (0..self.model.nodes.len()).any(|at| self.model.nodes[at].keeps(node) && self.is_alive(at))
    }

    /// Callbacks whose token is gone go to its parent; those of a root never run.
    fn let_go(&mut self) {
        for at in 0..self.model.callbacks.len() {
            while let Callback { node, state: State::Waits, .. } = self.model.callbacks[at] {
                if self.is_alive(node) {
                    break;
                }
                match self.model.nodes[node].parent {
                    Some(parent) => self.model.callbacks[at].node = parent,
                    None => self.model.callbacks[at].state = State::Stopped,
                }
            }
        }
    }

    fn check(&self) {
        for (node, pending) in &self.waits {
            let woken = usize::from(self.model.nodes[*node].ended.is_some());
            assert_eq!(pending.wakes(), woken, "wakes by token {node}");
        }
        let (drops, runs) = (self.drops.counts(), self.runs.counts());
        for (number, &Callback { state, .. }) in self.model.callbacks.iter().enumerate() {
            assert_eq!(runs[number], usize::from(state == State::Ran), "runs of callback {number}");
            assert_eq!(drops[number], usize::from(state != State::Waits), "drops of callback {number}");
        }
    }
}

/// Nothing takes that long.
fn far(hours: u8) -> Duration {
    Duration::from_secs(3600) * (u32::from(hours) + 1)
}
