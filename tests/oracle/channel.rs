//! A channel: what each operation returns, who is woken, what it says of itself, which values are dropped.
//!
//! What waits is a task, a pending future, whose polls are under our control; to send, it stands for a blocked thread, which
//! waits in the same line. So is an operation that a select has chosen, between its choice and its completion. A thread that
//! waits to receive is in the model, too: for `tests/linearizability.rs`.

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

/// Why one who waited goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Told {
    /// A sender's value has been taken; a thread that receives has been given this one.
    Done(Number),
    Closed,
    /// A task is to look: there is something for it, or the select that was to send to it has sent, or changed its mind.
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

/// A pending future of the model, or a blocked thread.
#[derive(Clone, Debug)]
struct Waits {
    /// What a sender sends.
    value: Option<Number>,
    told: Option<Told>,
    /// The number of the promise for which a task waits, and no longer in line.
    promise: Option<usize>,
    /// Those with a smaller one are before it in line.
    place: isize,
}

impl Waits {
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
    /// What is inside, whoever has been told of it.
    values: VecDeque<Number>,
    /// Places that selects have chosen.
    reserved: usize,
    /// Those who wait, each kind in the order in which it came.
    sends: Vec<Waits>,
    /// Threads that receive: a value is handed to them.
    threads: Vec<Waits>,
    /// Tasks that receive: they are told.
    tasks: Vec<Waits>,
    /// Of so many offers have tasks been told, and not looked yet; no more than there are.
    told: usize,
    /// Values that were given up after the end: nobody receives them.
    lost: Vec<Number>,
    chosen: Vec<Chosen>,
    promises: usize,
    /// How often somebody has come to stand in a line.
    came: isize,
}

impl Model {
    /// With a sender and a receiver.
    pub(crate) fn new(capacity: Option<usize>) -> Self {
        Self { capacity: capacity.unwrap_or(usize::MAX), senders: 1, receivers: 1, ..Self::default() }
    }

    /// Somebody comes to stand in a line, at its end.
    fn comes(&mut self, value: Option<Number>) -> Waits {
        self.came += 1;
        Waits { value, told: None, promise: None, place: self.came }
    }

    /// One that could not send stands in line, as the last of those who send.
    pub(crate) fn stand_send(&mut self, value: Number) {
        let sends = self.comes(Some(value));
        self.sends.push(sends);
        self.tell();
    }

    /// A thread that has found nothing.
    pub(crate) fn stand_thread(&mut self) {
        let thread = self.comes(None);
        self.threads.push(thread);
    }

    /// A task that has found nothing.
    pub(crate) fn stand_task(&mut self) {
        let task = self.comes(None);
        self.tasks.push(task);
    }

    /// It leaves: what it has been told, if it has.
    pub(crate) fn leave_send(&mut self, at: usize) -> Option<Told> {
        let told = self.sends.remove(at).told;
        self.forget();
        told
    }

    pub(crate) fn leave_thread(&mut self, at: usize) -> Option<Told> {
        self.threads.remove(at).told
    }

    /// A task that is dropped after it was told tells the next.
    pub(crate) fn leave_task(&mut self, at: usize) {
        if self.tasks.remove(at).told == Some(Told::Again) {
            self.told = self.told.saturating_sub(1);
            self.tell();
        }
    }

    /// A task that waits is polled. It looks if it has been told to, or there is something; if it is ready, it is gone.
    pub(crate) fn poll_task(&mut self, at: usize) -> Poll<Result<Number, RecvError>> {
        let looks = self.tasks[at].told.is_some() || self.tasks[at].promise.is_none() && self.offers() > 0;
        if !looks {
            return Poll::Pending;
        }
        let first = self.tasks.iter().map(|task| task.place).min().unwrap();
        let task = self.tasks.remove(at);
        if task.told == Some(Told::Again) {
            self.told = self.told.saturating_sub(1);
        }
        match self.recv() {
            // It stands in front of all others: it has been there.
            Err(TryRecvError::Empty) => {
                self.tasks.insert(at, Waits { told: None, place: first - 1, ..task });
                Poll::Pending
            }
            ended => Poll::Ready(ended.map_err(|_| RecvError)),
        }
    }

    fn first(line: &mut [Waits]) -> Option<&mut Waits> {
        line.iter_mut().filter(|waits| waits.is_in_line()).min_by_key(|waits| waits.place)
    }

    fn has_room(&self) -> bool {
        self.values.len() + self.reserved < self.capacity
    }

    /// Without any room, a task that waits is as good as a receive.
    fn meets_a_task(&self) -> bool {
        self.capacity == 0 && self.tasks.iter().any(Waits::is_in_line)
    }

    pub(super) fn is_ready(&self, side: Side) -> bool {
        self.closed
            || match side {
                Side::Send => self.has_room() || self.threads.iter().any(Waits::is_in_line) || self.meets_a_task(),
                Side::Recv => !self.values.is_empty() || self.sends.iter().any(Waits::is_in_line),
            }
    }

    /// What a receive could take: a value inside, or a sender's in line.
    fn offers(&self) -> usize {
        self.values.len() + self.sends.iter().filter(|send| send.is_in_line()).count()
    }

    /// What has been taken, or has gone, tasks have no longer been told of.
    fn forget(&mut self) {
        self.told = self.told.min(self.offers());
    }

    /// Tells the first task in line, if there is an offer of which none has been told.
    fn tell(&mut self) {
        self.forget();
        if self.offers() > self.told {
            if let Some(task) = Self::first(&mut self.tasks) {
                task.told = Some(Told::Again);
                self.told += 1;
            }
        }
    }

    /// Hands a value to the first thread in line, if there is one.
    fn give(&mut self, value: Number) -> bool {
        let Some(thread) = Self::first(&mut self.threads) else { return false };
        thread.told = Some(Told::Done(value));
        true
    }

    /// To a thread, or into the channel.
    fn deliver(&mut self, value: Number) {
        if !self.give(value) {
            self.values.push_back(value);
            self.tell();
        }
    }

    pub(crate) fn send(&mut self, value: Number) -> Result<(), TrySendError<Number>> {
        if self.closed {
            return Err(TrySendError::Disconnected(value));
        }
        let meets = self.threads.iter().any(Waits::is_in_line) || self.meets_a_task();
        if !meets && !self.has_room() {
            return Err(TrySendError::Full(value));
        }
        self.deliver(value);
        Ok(())
    }

    pub(crate) fn recv(&mut self) -> Result<Number, TryRecvError> {
        if let Some(value) = self.values.pop_front() {
            self.admit();
            return Ok(value);
        }
        match Self::first(&mut self.sends) {
            Some(sender) => {
                let value = sender.value.unwrap();
                sender.told = Some(Told::Done(value));
                self.tell();
                Ok(value)
            }
            None if self.closed => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// A place may have become free, or a task may have taken what another was told of.
    fn admit(&mut self) {
        if self.has_room() {
            if let Some(sender) = Self::first(&mut self.sends) {
                let value = sender.value.unwrap();
                sender.told = Some(Told::Done(value));
                self.values.push_back(value);
            }
        }
        self.tell();
    }

    /// A value comes back: it is received next, but never where others may have been told that nothing will come.
    fn put_back(&mut self, value: Number) {
        if self.closed && self.values.is_empty() {
            return self.lost.push(value);
        }
        if !self.give(value) {
            self.values.push_front(value);
            self.tell();
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
        if !self.meets_a_task() {
            return None;
        }
        self.promises += 1;
        Self::first(&mut self.tasks)?.promise = Some(self.promises);
        Some(Chosen::Promise(self.promises))
    }

    fn choose_recv(&mut self) -> Option<Chosen> {
        match self.recv() {
            Ok(value) => Some(Chosen::Value(value)),
            Err(TryRecvError::Disconnected) => Some(Chosen::Closed(Side::Recv)),
            Err(TryRecvError::Empty) => None,
        }
    }

    /// The task to which a send was promised, if it has not been dropped, is told instead.
    fn settle(&mut self, promise: usize) {
        if let Some(task) = self.tasks.iter_mut().find(|task| task.promise == Some(promise)) {
            (task.told, task.promise) = (Some(Told::Again), None);
            self.told += 1;
        }
    }

    pub(super) fn complete_send(&mut self, chosen: Chosen, value: Number) -> Result<(), Number> {
        match chosen {
            Chosen::Place => self.reserved -= 1,
            Chosen::Promise(promise) => self.settle(promise),
            Chosen::Closed(_) | Chosen::Value(_) => return Err(value),
        }
        if self.closed {
            return Err(value);
        }
        self.deliver(value);
        Ok(())
    }

    fn give_up(&mut self, chosen: Chosen) {
        match chosen {
            Chosen::Value(value) => self.put_back(value),
            Chosen::Place => {
                self.reserved -= 1;
                self.admit();
            }
            Chosen::Promise(promise) => {
                self.settle(promise);
                self.tell();
            }
            Chosen::Closed(_) => {}
        }
    }

    pub(crate) fn close(&mut self) -> bool {
        let lines = self.sends.iter_mut().chain(&mut self.threads).chain(&mut self.tasks);
        for waits in lines.filter(|waits| waits.is_in_line()) {
            waits.told = Some(Told::Closed);
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
            self.lost.clear();
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
                            self.model.stand_task();
                            self.model.receivers += 1;
                        }
                    }
                }
            }
            Op::PollSend { which, new_waker } => {
                let Some(at) = pick(which, self.sends.len()) else { return };
                let polled = self.sends[at].poll(new_waker).map_err(|error| error.into_inner().number);
                let send = &self.model.sends[at];
                let expected = send.told.map(|told| match told {
                    Told::Done(_) => Ok(()),
                    Told::Closed => Err(send.value.unwrap()),
                    Told::Again => unreachable!("nobody promises to receive"),
                });
                assert_eq!(polled, expected.map_or(Poll::Pending, Poll::Ready));
                if expected.is_some() {
                    self.forget_send(at);
                }
            }
            Op::PollRecv { which, new_waker } => {
                let Some(at) = pick(which, self.recvs.len()) else { return };
                // One that has been woken is woken again only after it has looked.
                let was_told = self.model.tasks[at].told.is_some();
                let pending = &mut self.recvs[at];
                let polled = if was_told { pending.poll_again() } else { pending.poll(new_waker) };
                let expected = self.model.poll_task(at);
                assert_eq!(polled.map_ok(|value| value.number), expected);
                if expected.is_ready() {
                    drop(self.recvs.remove(at));
                    self.model.drop_receiver();
                }
            }
            Op::DropSend(which) => {
                let Some(at) = pick(which, self.sends.len()) else { return };
                self.forget_send(at);
            }
            Op::DropRecv(which) => {
                let Some(at) = pick(which, self.recvs.len()) else { return };
                self.model.leave_task(at);
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
        self.model.leave_send(at);
        self.model.drop_sender();
    }

    pub(super) fn check(&self) {
        let model = &self.model;
        let says = (model.values.len(), model.values.is_empty(), !model.has_room(), model.closed);
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
        let woken = |line: &[Waits]| line.iter().map(|waits| usize::from(waits.told.is_some())).collect::<Vec<_>>();
        assert_eq!(self.sends.iter().map(Pending::wakes).collect::<Vec<_>>(), woken(&model.sends));
        assert_eq!(self.recvs.iter().map(Pending::wakes).collect::<Vec<_>>(), woken(&model.tasks));
        // Alive is what the channel holds, what a receive was chosen for, and what a send has not lost.
        let kept = model.sends.iter().filter(|send| !matches!(send.told, Some(Told::Done(_)))).flat_map(|s| s.value);
        let chosen = model.chosen.iter().filter_map(|chosen| match chosen {
            Chosen::Value(value) => Some(*value),
            _ => None,
        });
        let held = model.values.iter().chain(&model.lost).copied();
        let alive: Vec<_> = held.chain(kept).chain(chosen).collect();
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
