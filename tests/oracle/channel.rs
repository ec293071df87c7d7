//! A channel: what each operation returns, who is woken, what it says of itself, which values are dropped.
//!
//! Tasks stand for blocked threads: a pending future waits in the same queues, and its polls are under our control. So is
//! an operation that a select has chosen, between its choice and its completion.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use hence::channel::{
    Receiver, RecvError, RecvTimeoutError, SendError, Sender, TryRecvError, TrySendError, bounded, unbounded,
};

use super::util::{Drops, Tracked, operations, peek};
use super::{Pending, pick};

/// A channel of this capacity, if it has one, and what is done to it.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Program {
    pub(crate) capacity: Option<u8>,
    pub(crate) ops: Vec<Op>,
}

impl Program {
    pub(crate) fn run(&self) {
        let mut both = Both::new(self.capacity, self.ops.len());
        for &op in &self.ops {
            both.apply(op);
            both.check();
        }
        // In the end every value has been dropped once.
        let (drops, made) = (both.drops.clone(), both.next);
        drop(both);
        assert_eq!(&drops.counts()[..made], vec![1; made]);
    }
}

/// What is done to a channel. A number picks among what there is, counting round; with nothing to pick, nothing is done.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Op {
    TrySend,
    TryRecv,
    /// With a limit that has passed.
    TimedSend,
    TimedRecv,
    /// Makes a future, with a handle of its own, and polls it.
    StartSend,
    StartRecv,
    /// Polls a pending future with a new waker, or with the one it knows.
    PollSend {
        which: u8,
        new_waker: bool,
    },
    PollRecv {
        which: u8,
        new_waker: bool,
    },
    DropSend(u8),
    DropRecv(u8),
    /// By a select, with a handle of its own, to be completed later.
    ChooseSend,
    ChooseRecv,
    /// Completes an operation that was chosen.
    Complete(u8),
    GiveUp(u8),
    CloseBySender,
    CloseByReceiver,
    CloneSender,
    CloneReceiver,
    DropSender,
    DropReceiver,
}

/// A value as the model knows it.
pub(crate) type Number = usize;

/// Why a task that waited goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Told {
    /// A sender's value has been taken; a receiver has been given this one.
    Done(Number),
    Closed,
    /// The select that was to send changed its mind.
    Again,
}

/// What an operation was chosen for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Chosen {
    /// To receive this.
    Value(Number),
    /// To fill a place.
    Place,
    /// To send to the pending receive with this promise.
    Promise(usize),
    /// To fail; on which side.
    Closed(Side),
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub(crate) enum Side {
    Send,
    Recv,
}

/// A pending future of the model.
#[derive(Clone, Debug)]
struct Task {
    /// What a sender sends.
    value: Option<Number>,
    told: Option<Told>,
    /// The number of the promise for which a receiver waits, and no longer in line.
    promise: Option<usize>,
}

impl Task {
    fn sends(value: Number) -> Self {
        Self { value: Some(value), told: None, promise: None }
    }

    fn receives() -> Self {
        Self { value: None, told: None, promise: None }
    }

    fn is_in_line(&self) -> bool {
        self.told.is_none() && self.promise.is_none()
    }
}

/// The channel as its documentation has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    capacity: usize,
    closed: bool,
    senders: usize,
    receivers: usize,
    /// What came back, in the order in which it was handed out; received before all that was not handed out yet.
    returned: Vec<Number>,
    values: VecDeque<Number>,
    /// All values that were ever handed to somebody who might give them back.
    handed: Vec<Number>,
    /// Places that selects have chosen.
    reserved: usize,
    /// Pending futures, oldest first. Those that are in line are the queue.
    sends: Vec<Task>,
    recvs: Vec<Task>,
    chosen: Vec<Chosen>,
    promises: usize,
}

impl Model {
    /// With a sender and a receiver.
    pub(crate) fn new(capacity: Option<usize>) -> Self {
        Self { capacity: capacity.unwrap_or(usize::MAX), senders: 1, receivers: 1, ..Self::default() }
    }

    /// One that could not send stands in line, as the last of those who send.
    pub(crate) fn stand_send(&mut self, value: Number) {
        self.sends.push(Task::sends(value));
    }

    pub(crate) fn stand_recv(&mut self) {
        self.recvs.push(Task::receives());
    }

    /// It leaves: what it has been told, if it has.
    pub(crate) fn leave_send(&mut self, at: usize) -> Option<Told> {
        self.sends.remove(at).told
    }

    pub(crate) fn leave_recv(&mut self, at: usize) -> Option<Told> {
        self.recvs.remove(at).told
    }

    fn in_line(tasks: &mut [Task]) -> Option<&mut Task> {
        tasks.iter_mut().find(|task| task.is_in_line())
    }

    fn len(&self) -> usize {
        self.returned.len() + self.values.len()
    }

    fn has_room(&self) -> bool {
        self.len() + self.reserved < self.capacity
    }

    pub(super) fn is_ready(&self, side: Side) -> bool {
        let (possible, partners) = match side {
            Side::Send => (self.has_room(), &self.recvs),
            Side::Recv => (self.len() > 0, &self.sends),
        };
        self.closed || possible || partners.iter().any(Task::is_in_line)
    }

    /// Hands a value to the first receiver in line, if there is one.
    fn give(&mut self, value: Number) -> bool {
        let Some(receiver) = Self::in_line(&mut self.recvs) else { return false };
        receiver.told = Some(Told::Done(value));
        self.hand_out(value);
        true
    }

    fn hand_out(&mut self, value: Number) {
        if !self.handed.contains(&value) {
            self.handed.push(value);
        }
    }

    pub(crate) fn send(&mut self, value: Number) -> Result<(), TrySendError<Number>> {
        if self.closed {
            return Err(TrySendError::Disconnected(value));
        }
        if !self.give(value) {
            if !self.has_room() {
                return Err(TrySendError::Full(value));
            }
            self.values.push_back(value);
        }
        Ok(())
    }

    pub(crate) fn recv(&mut self) -> Result<Number, TryRecvError> {
        let first = if self.returned.is_empty() { self.values.pop_front() } else { Some(self.returned.remove(0)) };
        if let Some(value) = first {
            self.admit();
            return Ok(value);
        }
        match Self::in_line(&mut self.sends) {
            Some(sender) => {
                let value = sender.value.unwrap();
                sender.told = Some(Told::Done(value));
                Ok(value)
            }
            None if self.closed => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// A place has become free.
    fn admit(&mut self) {
        if self.has_room() {
            if let Some(sender) = Self::in_line(&mut self.sends) {
                let value = sender.value.unwrap();
                sender.told = Some(Told::Done(value));
                self.values.push_back(value);
            }
        }
    }

    /// A value comes back: it is received next.
    fn give_back(&mut self, value: Number) {
        if !self.give(value) {
            self.returned.push(value);
            let handed = &self.handed;
            self.returned.sort_by_key(|value| handed.iter().position(|handed| handed == value));
        }
    }

    pub(super) fn choose_send(&mut self) -> Option<Chosen> {
        if self.closed {
            return Some(Chosen::Closed(Side::Send));
        }
        if self.has_room() {
            self.reserved += 1;
            return Some(Chosen::Place);
        }
        self.promises += 1;
        let promise = self.promises;
        Self::in_line(&mut self.recvs)?.promise = Some(promise);
        Some(Chosen::Promise(promise))
    }

    fn choose_recv(&mut self) -> Option<Chosen> {
        match self.recv() {
            Ok(value) => {
                self.hand_out(value);
                Some(Chosen::Value(value))
            }
            Err(TryRecvError::Disconnected) => Some(Chosen::Closed(Side::Recv)),
            Err(TryRecvError::Empty) => None,
        }
    }

    fn promised(&mut self, promise: usize) -> Option<&mut Task> {
        self.recvs.iter_mut().find(|task| task.promise == Some(promise))
    }

    pub(super) fn complete_send(&mut self, chosen: Chosen, value: Number) -> Result<(), Number> {
        match chosen {
            Chosen::Place => {
                self.reserved -= 1;
                if self.closed {
                    return Err(value);
                }
                if !self.give(value) {
                    self.values.push_back(value);
                }
                Ok(())
            }
            Chosen::Promise(promise) => {
                if self.closed && self.promised(promise).is_none() {
                    return Err(value);
                }
                self.hand_out(value);
                match self.promised(promise) {
                    Some(task) => (task.told, task.promise) = (Some(Told::Done(value)), None),
                    None => self.give_back(value),
                }
                Ok(())
            }
            Chosen::Closed(_) | Chosen::Value(_) => Err(value),
        }
    }

    fn give_up(&mut self, chosen: Chosen) {
        match chosen {
            Chosen::Value(value) => self.give_back(value),
            Chosen::Place => {
                self.reserved -= 1;
                self.admit();
            }
            Chosen::Promise(promise) => {
                if let Some(task) = self.promised(promise) {
                    (task.told, task.promise) = (Some(Told::Again), None);
                }
            }
            Chosen::Closed(_) => {}
        }
    }

    pub(crate) fn close(&mut self) -> bool {
        for task in self.sends.iter_mut().chain(&mut self.recvs).filter(|task| task.is_in_line()) {
            task.told = Some(Told::Closed);
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
            self.returned.clear();
            self.values.clear();
        }
    }
}

/// An operation of the crate that a select has chosen, with a sender or receiver of its own: when it is polled again, it
/// is completed.
struct Operation {
    /// `None` at once, if nothing was chosen.
    future: Pin<Box<dyn Future<Output = Option<Completed>>>>,
    /// What a send is to send.
    message: Rc<RefCell<Option<Tracked>>>,
}

#[derive(Debug)]
enum Completed {
    Send(Result<(), SendError<Tracked>>),
    Recv(Result<Tracked, RecvError>),
}

impl Operation {
    fn send(sender: Sender<Tracked>) -> Self {
        let message = Rc::new(RefCell::new(None));
        let to_send = message.clone();
        let future = async move {
            let mut select = operations![send sender];
            let operation = select.try_select().ok()?;
            let message = once_polled_again(&to_send).await;
            Some(Completed::Send(operation.send(&sender, message.expect("a message"))))
        };
        Self { future: Box::pin(future), message }
    }

    fn recv(receiver: Receiver<Tracked>) -> Self {
        let message = Rc::new(RefCell::new(None));
        let unused = message.clone();
        let future = async move {
            let mut select = operations![recv receiver];
            let operation = select.select_timeout(Duration::ZERO).ok()?;
            once_polled_again(&unused).await;
            Some(Completed::Recv(operation.recv(&receiver)))
        };
        Self { future: Box::pin(future), message }
    }
}

/// Pending, once; then the message.
async fn once_polled_again(message: &RefCell<Option<Tracked>>) -> Option<Tracked> {
    let mut polled = false;
    std::future::poll_fn(|_| match std::mem::replace(&mut polled, true) {
        true => Poll::Ready(message.take()),
        false => Poll::Pending,
    })
    .await
}

impl Drop for Operation {
    /// Gives it up, if it was not completed: as a panic does, which is the way without a message on the screen.
    fn drop(&mut self) {
        let future = std::mem::replace(&mut self.future, Box::pin(async { None }));
        if !thread::panicking() {
            let _ = catch_unwind(AssertUnwindSafe(|| {
                let _future = future;
                resume_unwind(Box::new(()))
            }));
        }
    }
}

/// The crate's channel and the model's, side by side.
pub(super) struct Both {
    pub(super) model: Model,
    pub(super) senders: Vec<Sender<Tracked>>,
    pub(super) receivers: Vec<Receiver<Tracked>>,
    sends: Vec<Pending<Result<(), SendError<Tracked>>>>,
    recvs: Vec<Pending<Result<Tracked, RecvError>>>,
    chosen: Vec<Operation>,
    drops: Drops,
    /// The number of the next value.
    next: Number,
}

impl Both {
    pub(super) fn new(capacity: Option<u8>, values: usize) -> Self {
        let capacity = capacity.map(usize::from);
        let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
        assert_eq!((sender.capacity(), receiver.capacity()), (capacity, capacity));
        Self {
            model: Model::new(capacity),
            senders: vec![sender],
            receivers: vec![receiver],
            sends: Vec::new(),
            recvs: Vec::new(),
            chosen: Vec::new(),
            drops: Drops::new(values),
            next: 0,
        }
    }

    pub(super) fn value(&mut self) -> Tracked {
        self.next += 1;
        self.drops.value(self.next - 1)
    }

    pub(super) fn apply(&mut self, op: Op) {
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
                            self.model.stand_send(number);
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
                            self.model.stand_recv();
                            self.model.receivers += 1;
                        }
                    }
                }
            }
            Op::PollSend { which, new_waker } => {
                let Some(at) = pick(which, self.sends.len()) else { return };
                let polled = self.sends[at].poll(new_waker).map_err(|error| error.into_inner().number);
                let task = &self.model.sends[at];
                let expected = task.told.map(|told| match told {
                    Told::Done(_) => Ok(()),
                    Told::Closed => Err(task.value.unwrap()),
                    Told::Again => unreachable!("nobody promises to receive"),
                });
                assert_eq!(polled, expected.map_or(Poll::Pending, Poll::Ready));
                if expected.is_some() {
                    self.forget_send(at);
                }
            }
            Op::PollRecv { which, new_waker } => {
                let Some(at) = pick(which, self.recvs.len()) else { return };
                let expected = match self.model.recvs[at].told {
                    None => None,
                    Some(Told::Done(number)) => Some(Ok(number)),
                    Some(Told::Closed) => Some(Err(RecvError)),
                    Some(Told::Again) => return self.poll_recv_again(at),
                };
                let polled = self.recvs[at].poll(new_waker).map_ok(|value| value.number);
                assert_eq!(polled, expected.map_or(Poll::Pending, Poll::Ready));
                if expected.is_some() {
                    self.forget_recv(at);
                }
            }
            Op::DropSend(which) => {
                let Some(at) = pick(which, self.sends.len()) else { return };
                self.forget_send(at);
            }
            Op::DropRecv(which) => {
                let Some(at) = pick(which, self.recvs.len()) else { return };
                if let Some(Told::Done(value)) = self.model.recvs.remove(at).told {
                    self.model.give_back(value);
                }
                drop(self.recvs.remove(at));
                self.model.drop_receiver();
            }
            Op::TimedSend => {
                if let Some(sender) = self.senders.first().cloned() {
                    let value = self.value();
                    let expected = self.model.send(value.number).map_err(|error| error.into_inner());
                    let sent = sender.send_deadline(value, Instant::now()).map_err(|error| {
                        assert_eq!(error.is_timeout(), !self.model.closed);
                        error.into_inner().number
                    });
                    assert_eq!(sent, expected);
                }
            }
            Op::TimedRecv => {
                if let Some(receiver) = self.receivers.first() {
                    let expected = self.model.recv().map_err(|error| match error {
                        TryRecvError::Empty => RecvTimeoutError::Timeout,
                        TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                    });
                    assert_eq!(receiver.recv_timeout(Duration::ZERO).map(|value| value.number), expected);
                }
            }
            Op::ChooseSend => {
                if let Some(sender) = self.senders.first().cloned() {
                    let mut operation = Operation::send(sender);
                    let chosen = self.model.choose_send();
                    assert_eq!(peek(&mut operation.future).is_pending(), chosen.is_some());
                    if let Some(chosen) = chosen {
                        self.chosen.push(operation);
                        self.model.chosen.push(chosen);
                        self.model.senders += 1;
                    }
                }
            }
            Op::ChooseRecv => {
                if let Some(receiver) = self.receivers.first().cloned() {
                    let mut operation = Operation::recv(receiver);
                    let chosen = self.model.choose_recv();
                    assert_eq!(peek(&mut operation.future).is_pending(), chosen.is_some());
                    if let Some(chosen) = chosen {
                        self.chosen.push(operation);
                        self.model.chosen.push(chosen);
                        self.model.receivers += 1;
                    }
                }
            }
            Op::Complete(which) => {
                let Some(at) = pick(which, self.chosen.len()) else { return };
                let (mut operation, chosen) = (self.chosen.remove(at), self.model.chosen.remove(at));
                let value = self.value();
                let number = value.number;
                operation.message.replace(Some(value));
                let Poll::Ready(Some(completed)) = peek(&mut operation.future) else { panic!("it is completed") };
                match completed {
                    Completed::Send(sent) => {
                        let expected = self.model.complete_send(chosen, number);
                        assert_eq!(sent.map_err(|error| error.into_inner().number), expected);
                        self.model.drop_sender();
                    }
                    Completed::Recv(received) => {
                        let expected = match chosen {
                            Chosen::Value(number) => Ok(number),
                            _ => Err(RecvError),
                        };
                        assert_eq!(received.map(|value| value.number), expected);
                        self.model.drop_receiver();
                    }
                }
            }
            Op::GiveUp(which) => {
                let Some(at) = pick(which, self.chosen.len()) else { return };
                drop(self.chosen.remove(at));
                let chosen = self.model.chosen.remove(at);
                self.model.give_up(chosen);
                match chosen {
                    Chosen::Place | Chosen::Promise(_) | Chosen::Closed(Side::Send) => self.model.drop_sender(),
                    Chosen::Value(_) | Chosen::Closed(Side::Recv) => self.model.drop_receiver(),
                }
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

    /// A receive future was told to try again: it does, and if it still has to wait, at the end of the line.
    fn poll_recv_again(&mut self, at: usize) {
        let mut pending = self.recvs.remove(at);
        self.model.recvs.remove(at);
        let polled = pending.poll_again().map_ok(|value| value.number);
        match self.model.recv() {
            Err(TryRecvError::Empty) => {
                assert!(polled.is_pending());
                self.recvs.push(pending);
                self.model.stand_recv();
            }
            ended => {
                assert_eq!(polled, ended.map_err(|_| RecvError).into());
                drop(pending);
                self.model.drop_receiver();
            }
        }
    }

    /// A receive future is gone that has returned what it was given.
    fn forget_recv(&mut self, at: usize) {
        drop(self.recvs.remove(at));
        self.model.recvs.remove(at);
        self.model.drop_receiver();
    }

    pub(super) fn check(&self) {
        let model = &self.model;
        let says = (model.len(), model.len() == 0, !model.has_room(), model.closed);
        for sender in &self.senders {
            assert_eq!((sender.len(), sender.is_empty(), sender.is_full(), sender.is_closed()), says);
        }
        for receiver in &self.receivers {
            assert_eq!((receiver.len(), receiver.is_empty(), receiver.is_full(), receiver.is_closed()), says);
        }
        if let (Some(sender), Some(receiver)) = (self.senders.first(), self.receivers.first()) {
            let (mut send, mut recv) = (operations![send sender], operations![recv receiver]);
            assert_eq!(send.try_ready().is_ok(), model.is_ready(Side::Send));
            assert_eq!(recv.ready_timeout(Duration::ZERO).is_ok(), model.is_ready(Side::Recv));
        }
        // Woken once each, as soon as there is something to tell; never for nothing.
        let woken = |tasks: &[Task]| tasks.iter().map(|task| usize::from(task.told.is_some())).collect::<Vec<_>>();
        assert_eq!(self.sends.iter().map(Pending::wakes).collect::<Vec<_>>(), woken(&model.sends));
        assert_eq!(self.recvs.iter().map(Pending::wakes).collect::<Vec<_>>(), woken(&model.recvs));
        // Alive is what the channel holds, what a receive was given or chosen for, and what a send has not lost.
        let given = model.recvs.iter().filter_map(|task| match task.told {
            Some(Told::Done(value)) => Some(value),
            _ => None,
        });
        let kept = model.sends.iter().filter(|task| !matches!(task.told, Some(Told::Done(_)))).flat_map(|t| t.value);
        let chosen = model.chosen.iter().filter_map(|chosen| match chosen {
            Chosen::Value(value) => Some(*value),
            _ => None,
        });
        let held = model.returned.iter().chain(&model.values).copied();
        let alive: Vec<_> = held.chain(given).chain(kept).chain(chosen).collect();
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
