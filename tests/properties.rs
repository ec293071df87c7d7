//! Random operations on one thread, each checked against a model that is simple enough to be believed: what it
//! returns, who is woken, what the channel says of itself, which values are dropped.
//!
//! Tasks stand for blocked threads: a pending future waits in the same queues, and its polls are under our control.
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use hence::channel::{Receiver, RecvError, SendError, Sender, TryRecvError, TrySendError, bounded, unbounded};
use hence::wait_group::{Guard, WaitFuture, WaitGroup};
use proptest::prelude::*;
use util::{Drops, Tracked, Wakes, poll};

/// What is done to a channel. A number picks among what there is, counting round; with nothing to pick, nothing is done.
#[derive(Clone, Copy, Debug)]
enum Op {
    TrySend,
    TryRecv,
    /// Makes a future, with a handle of its own, and polls it.
    StartSend,
    StartRecv,
    /// Polls a pending future with a new waker, or with the one it knows.
    PollSend {
        which: usize,
        new_waker: bool,
    },
    PollRecv {
        which: usize,
        new_waker: bool,
    },
    DropSend(usize),
    DropRecv(usize),
    CloseBySender,
    CloseByReceiver,
    CloneSender,
    CloneReceiver,
    DropSender,
    DropReceiver,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => Just(Op::TrySend),
        6 => Just(Op::TryRecv),
        4 => Just(Op::StartSend),
        4 => Just(Op::StartRecv),
        3 => (0..8_usize, any::<bool>()).prop_map(|(which, new_waker)| Op::PollSend { which, new_waker }),
        3 => (0..8_usize, any::<bool>()).prop_map(|(which, new_waker)| Op::PollRecv { which, new_waker }),
        3 => (0..8_usize).prop_map(Op::DropSend),
        3 => (0..8_usize).prop_map(Op::DropRecv),
        1 => prop_oneof![Just(Op::CloseBySender), Just(Op::CloseByReceiver)],
        2 => prop_oneof![Just(Op::CloneSender), Just(Op::CloneReceiver)],
        2 => prop_oneof![Just(Op::DropSender), Just(Op::DropReceiver)],
    ]
}

/// A value as the model knows it.
type Number = usize;

/// Why a task that waited goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    /// A sender's value has been taken; a receiver has been given this one.
    Done(Number),
    Closed,
}

/// A pending future of the model.
#[derive(Debug)]
struct Task {
    /// What a sender sends.
    value: Option<Number>,
    told: Option<Told>,
}

/// The channel as its documentation has it. Values stand in the order of their sends, which is that of `Model::order`.
#[derive(Debug, Default)]
struct Model {
    capacity: usize,
    closed: bool,
    senders: usize,
    receivers: usize,
    /// What can be received at once.
    values: VecDeque<Number>,
    /// All values that were ever sent.
    order: Vec<Number>,
    /// Pending futures, oldest first. Those that were not told yet are the queue.
    sends: Vec<Task>,
    recvs: Vec<Task>,
}

impl Model {
    fn waiting(tasks: &mut [Task]) -> Option<&mut Task> {
        tasks.iter_mut().find(|task| task.told.is_none())
    }

    fn send(&mut self, value: Number) -> Result<(), TrySendError<Number>> {
        if self.closed {
            return Err(TrySendError::Disconnected(value));
        }
        if let Some(receiver) = Self::waiting(&mut self.recvs) {
            receiver.told = Some(Told::Done(value));
        } else if self.values.len() < self.capacity {
            self.values.push_back(value);
        } else {
            return Err(TrySendError::Full(value));
        }
        self.order.push(value);
        Ok(())
    }

    fn recv(&mut self) -> Result<Number, TryRecvError> {
        let first = self.values.pop_front();
        if first.is_none() || self.values.len() < self.capacity {
            if let Some(sender) = Self::waiting(&mut self.sends) {
                let value = sender.value.unwrap();
                sender.told = Some(Told::Done(value));
                self.order.push(value);
                if first.is_none() {
                    return Ok(value);
                }
                self.values.push_back(value);
            }
        }
        first.ok_or(if self.closed { TryRecvError::Disconnected } else { TryRecvError::Empty })
    }

    /// A receive was dropped after it had been given a value: that is received next, before all that were sent later.
    fn give_back(&mut self, value: Number) {
        if let Some(receiver) = Self::waiting(&mut self.recvs) {
            receiver.told = Some(Told::Done(value));
        } else {
            self.values.push_back(value);
            let order = &self.order;
            self.values.make_contiguous().sort_by_key(|value| order.iter().position(|sent| sent == value));
        }
    }

    fn close(&mut self) -> bool {
        for task in self.sends.iter_mut().chain(&mut self.recvs) {
            task.told.get_or_insert(Told::Closed);
        }
        !std::mem::replace(&mut self.closed, true)
    }

    fn drop_sender(&mut self) {
        self.senders -= 1;
        if self.senders == 0 {
            self.close();
        }
    }

    fn drop_receiver(&mut self) {
        self.receivers -= 1;
        if self.receivers == 0 {
            self.close();
            self.values.clear();
        }
    }
}

/// A pending future of the crate, with a sender or receiver of its own.
struct Pending<O> {
    future: Pin<Box<dyn Future<Output = O>>>,
    wakes: Arc<Wakes>,
    waker: Waker,
    /// How often the wakers of earlier polls were woken, and must not be again.
    outdated: Vec<Arc<Wakes>>,
}

impl<O> Pending<O> {
    fn new(future: impl Future<Output = O> + 'static) -> Self {
        let (wakes, waker) = Wakes::new();
        Self { future: Box::pin(future), wakes, waker, outdated: Vec::new() }
    }

    fn poll(&mut self, new_waker: bool) -> Poll<O> {
        if new_waker {
            let (wakes, waker) = Wakes::new();
            // A task that was woken by its old waker is not woken again by its new one.
            let old = std::mem::replace(&mut self.wakes, wakes);
            self.waker = waker;
            self.outdated.push(old);
        }
        poll(&mut self.future, &self.waker)
    }
}

/// The crate's channel and the model's, side by side.
struct Both {
    model: Model,
    senders: Vec<Sender<Tracked>>,
    receivers: Vec<Receiver<Tracked>>,
    sends: Vec<Pending<Result<(), SendError<Tracked>>>>,
    recvs: Vec<Pending<Result<Tracked, RecvError>>>,
    drops: Drops,
    /// The number of the next value.
    next: Number,
}

impl Both {
    fn new(capacity: Option<usize>, values: usize) -> Self {
        let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
        assert_eq!((sender.capacity(), receiver.capacity()), (capacity, capacity));
        Self {
            model: Model { capacity: capacity.unwrap_or(usize::MAX), senders: 1, receivers: 1, ..Model::default() },
            senders: vec![sender],
            receivers: vec![receiver],
            sends: Vec::new(),
            recvs: Vec::new(),
            drops: Drops::new(values),
            next: 0,
        }
    }

    fn value(&mut self) -> Tracked {
        self.next += 1;
        self.drops.value(self.next - 1)
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::TrySend => {
                if let Some(sender) = self.senders.first().cloned() {
                    let value = self.value();
                    let expected = self.model.send(value.number);
                    assert_eq!(sender.try_send(value).map_err(number_of), expected);
                }
            }
            Op::TryRecv => {
                if let Some(receiver) = self.receivers.first() {
                    assert_eq!(receiver.try_recv().map(|value| value.number), self.model.recv());
                }
            }
            Op::StartSend => {
                if let Some(sender) = self.senders.first().cloned() {
                    let value = self.value();
                    let number = value.number;
                    let mut pending = Pending::new(async move { sender.send_async(value).await });
                    let polled = pending.poll(false).map_err(|error| error.into_inner().number);
                    match self.model.send(number) {
                        Ok(()) => assert_eq!(polled, Ok(()).into()),
                        Err(TrySendError::Disconnected(number)) => assert_eq!(polled, Err(number).into()),
                        Err(TrySendError::Full(number)) => {
                            assert!(polled.is_pending());
                            self.sends.push(pending);
                            self.model.sends.push(Task { value: Some(number), told: None });
                            self.model.senders += 1;
                        }
                    }
                }
            }
            Op::StartRecv => {
                if let Some(receiver) = self.receivers.first().cloned() {
                    let mut pending = Pending::new(async move { receiver.recv_async().await });
                    let polled = pending.poll(false).map_ok(|value| value.number);
                    match self.model.recv() {
                        Ok(number) => assert_eq!(polled, Ok(number).into()),
                        Err(TryRecvError::Disconnected) => assert_eq!(polled, Err(RecvError).into()),
                        Err(TryRecvError::Empty) => {
                            assert!(polled.is_pending());
                            self.recvs.push(pending);
                            self.model.recvs.push(Task { value: None, told: None });
                            self.model.receivers += 1;
                        }
                    }
                }
            }
            Op::PollSend { which, new_waker } => {
                let Some(at) = which.checked_rem(self.sends.len()) else { return };
                let polled = self.sends[at].poll(new_waker).map_err(|error| error.into_inner().number);
                let task = &self.model.sends[at];
                let expected = task.told.map(|told| match told {
                    Told::Done(_) => Ok(()),
                    Told::Closed => Err(task.value.unwrap()),
                });
                assert_eq!(polled, expected.map_or(Poll::Pending, Poll::Ready));
                if expected.is_some() {
                    self.forget_send(at);
                }
            }
            Op::PollRecv { which, new_waker } => {
                let Some(at) = which.checked_rem(self.recvs.len()) else { return };
                let polled = self.recvs[at].poll(new_waker).map_ok(|value| value.number);
                let expected = self.model.recvs[at].told.map(|told| match told {
                    Told::Done(number) => Ok(number),
                    Told::Closed => Err(RecvError),
                });
                assert_eq!(polled, expected.map_or(Poll::Pending, Poll::Ready));
                if expected.is_some() {
                    self.forget_recv(at);
                }
            }
            Op::DropSend(which) => {
                let Some(at) = which.checked_rem(self.sends.len()) else { return };
                self.forget_send(at);
            }
            Op::DropRecv(which) => {
                let Some(at) = which.checked_rem(self.recvs.len()) else { return };
                if let Some(Told::Done(value)) = self.model.recvs.remove(at).told {
                    self.model.give_back(value);
                }
                drop(self.recvs.remove(at));
                self.model.drop_receiver();
            }
            Op::CloseBySender => {
                if let Some(sender) = self.senders.first() {
                    assert_eq!(sender.close(), self.model.close());
                }
            }
            Op::CloseByReceiver => {
                if let Some(receiver) = self.receivers.first() {
                    assert_eq!(receiver.close(), self.model.close());
                }
            }
            Op::CloneSender => {
                if let Some(sender) = self.senders.first().cloned() {
                    self.senders.push(sender);
                    self.model.senders += 1;
                }
            }
            Op::CloneReceiver => {
                if let Some(receiver) = self.receivers.first().cloned() {
                    self.receivers.push(receiver);
                    self.model.receivers += 1;
                }
            }
            Op::DropSender => {
                if self.senders.pop().is_some() {
                    self.model.drop_sender();
                }
            }
            Op::DropReceiver => {
                if self.receivers.pop().is_some() {
                    self.model.drop_receiver();
                }
            }
        }
    }

    /// A send future is gone, and with it its value, if nobody took that, and its handle.
    fn forget_send(&mut self, at: usize) {
        drop(self.sends.remove(at));
        self.model.sends.remove(at);
        self.model.drop_sender();
    }

    /// A receive future is gone that has returned what it was given.
    fn forget_recv(&mut self, at: usize) {
        drop(self.recvs.remove(at));
        self.model.recvs.remove(at);
        self.model.drop_receiver();
    }

    fn check(&self) {
        let model = &self.model;
        let says = (model.values.len(), model.values.is_empty(), model.values.len() >= model.capacity, model.closed);
        for sender in &self.senders {
            assert_eq!((sender.len(), sender.is_empty(), sender.is_full(), sender.is_closed()), says);
        }
        for receiver in &self.receivers {
            assert_eq!((receiver.len(), receiver.is_empty(), receiver.is_full(), receiver.is_closed()), says);
        }
        // Woken once each, as soon as there is something to tell; never for nothing.
        let woken = |tasks: &[Task]| tasks.iter().map(|task| usize::from(task.told.is_some())).collect::<Vec<_>>();
        assert_eq!(self.sends.iter().map(|pending| pending.wakes.count()).collect::<Vec<_>>(), woken(&model.sends));
        assert_eq!(self.recvs.iter().map(|pending| pending.wakes.count()).collect::<Vec<_>>(), woken(&model.recvs));
        let outdated = self.sends.iter().flat_map(|p| &p.outdated).chain(self.recvs.iter().flat_map(|p| &p.outdated));
        assert_eq!(outdated.map(|wakes| wakes.count()).sum::<usize>(), 0);
        // Alive is what the channel holds, what a receive was given, and what a send has not lost.
        let given = model.recvs.iter().filter_map(|task| match task.told {
            Some(Told::Done(value)) => Some(value),
            _ => None,
        });
        let kept = model.sends.iter().filter(|task| !matches!(task.told, Some(Told::Done(_)))).flat_map(|t| t.value);
        let alive: Vec<_> = model.values.iter().copied().chain(given).chain(kept).collect();
        for (value, &drops) in self.drops.counts()[..self.next].iter().enumerate() {
            assert_eq!(drops, usize::from(!alive.contains(&value)), "drops of value {value}");
        }
    }
}

fn number_of(error: TrySendError<Tracked>) -> TrySendError<Number> {
    match error {
        TrySendError::Full(value) => TrySendError::Full(value.number),
        TrySendError::Disconnected(value) => TrySendError::Disconnected(value.number),
    }
}

/// What is done to a wait group.
#[derive(Clone, Copy, Debug)]
enum GroupOp {
    Guard,
    CloneGuard(usize),
    DropGuard(usize),
    StartWait,
    PollWait(usize),
    DropWait(usize),
}

fn group_op() -> impl Strategy<Value = GroupOp> {
    prop_oneof![
        2 => Just(GroupOp::Guard),
        1 => (0..8_usize).prop_map(GroupOp::CloneGuard),
        4 => (0..8_usize).prop_map(GroupOp::DropGuard),
        2 => Just(GroupOp::StartWait),
        2 => (0..8_usize).prop_map(GroupOp::PollWait),
        1 => (0..8_usize).prop_map(GroupOp::DropWait),
    ]
}

/// A pending wait, whether it is over, and how often it was woken.
type Wait<'a> = (WaitFuture<'a>, bool, Arc<Wakes>, Waker);

fn apply<'a>(op: GroupOp, group: &'a WaitGroup, guards: &mut Vec<Guard>, waits: &mut Vec<Wait<'a>>) {
    match op {
        GroupOp::Guard => guards.push(group.guard()),
        GroupOp::CloneGuard(which) => {
            let Some(at) = which.checked_rem(guards.len()) else { return };
            guards.push(guards[at].clone());
        }
        GroupOp::DropGuard(which) => {
            let Some(at) = which.checked_rem(guards.len()) else { return };
            drop(guards.swap_remove(at));
            if guards.is_empty() {
                waits.iter_mut().for_each(|(_, over, ..)| *over = true);
            }
        }
        GroupOp::StartWait => {
            let (mut wait, (wakes, waker)) = (group.wait_async(), Wakes::new());
            if guards.is_empty() {
                assert!(poll(&mut wait, &waker).is_ready());
            } else {
                assert!(poll(&mut wait, &waker).is_pending());
                waits.push((wait, false, wakes, waker));
            }
        }
        GroupOp::PollWait(which) => {
            let Some(at) = which.checked_rem(waits.len()) else { return };
            let (wait, over, _, waker) = &mut waits[at];
            assert_eq!(poll(wait, waker).is_ready(), *over);
            if *over {
                drop(waits.remove(at));
            }
        }
        GroupOp::DropWait(which) => {
            let Some(at) = which.checked_rem(waits.len()) else { return };
            drop(waits.remove(at));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_channel_does_what_the_model_does(
        capacity in prop_oneof![4 => (0..=4_usize).prop_map(Some), 1 => Just(None)],
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let mut both = Both::new(capacity, ops.len());
        for op in ops {
            both.apply(op);
            both.check();
        }
        // In the end every value has been dropped once.
        let (drops, made) = (both.drops.clone(), both.next);
        drop(both);
        prop_assert_eq!(&drops.counts()[..made], vec![1; made]);
    }

    #[test]
    fn a_wait_group_does_what_its_count_says(ops in prop::collection::vec(group_op(), 1..60)) {
        let group = WaitGroup::new();
        let (mut guards, mut waits) = (Vec::new(), Vec::new());
        for op in ops {
            apply(op, &group, &mut guards, &mut waits);
            prop_assert_eq!(group.count(), guards.len());
            for (_, over, wakes, _) in &waits {
                prop_assert_eq!(wakes.count(), usize::from(*over));
            }
        }
    }
}
