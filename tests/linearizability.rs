//! Random programs of a few operations on real threads, run many times: each history has to be linearizable. That is,
//! the operations have taken effect one after the other, each between its call and its return, such that a sequential
//! model (for the channel the one that `tests/properties.rs` uses) returns what they returned.
//!
//! An operation that waits takes effect in two steps, each at a moment of its own: it comes to stand in line, and it
//! leaves, having got what it waited for or not. So does the cancellation of a tree: first the token, then its child. A task
//! that receives takes three: it comes, it looks again, and it is dropped.
//!
//! The search is Wing and Gong's (1993), with the visited configurations remembered, after Lowe (2017).
#![cfg(not(any(loom, shuttle)))]

mod oracle;

use std::collections::{HashSet, VecDeque};
use std::fmt::{self, Debug, Display};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use hence::cancel::{CancellationToken, Cause};
use hence::channel::{
    Receiver, RecvTimeoutError, SendTimeoutError, Sender, TryRecvError, TrySendError, bounded, unbounded,
};
use hence::wait_group::{Guard, WaitGroup};
use oracle::channel::{Model, Told};
use oracle::util::{hooked, poll};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestError, TestRunner};

/// How long an operation waits that waits.
const SHORT: Duration = Duration::from_micros(100);

/// An object that is shared, and its sequential model.
trait Object: Sync {
    type Op: Copy + Debug + Send + Sync;
    type Response: Debug + PartialEq + Send;
    /// What a thread holds of it.
    type Mine: Default + Send;
    type Model: Clone + Debug;

    fn model(&self) -> Self::Model;

    /// Does it.
    fn call(&self, mine: &mut Self::Mine, call: Call<Self::Op>) -> Self::Response;

    /// The next step of a call in the model, the first or a later one; the response, if it was the last.
    fn step(model: &mut Self::Model, call: Call<Self::Op>, is_first: bool) -> Option<Self::Response>;
}

/// An operation in a program, known by its thread and its place there.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Call<O> {
    thread: usize,
    index: usize,
    op: O,
}

impl<O> Call<O> {
    /// A number of its own: the value that it sends.
    fn number(&self) -> usize {
        self.thread * 100 + self.index
    }
}

/// A call and its response, between two moments.
struct Event<O: Object + ?Sized> {
    call: Call<O::Op>,
    response: O::Response,
    called: usize,
    returned: usize,
}

/// The events of each thread.
struct History<O: Object + ?Sized>(Vec<Vec<Event<O>>>);

/// One line for each operation, in the order of the calls.
impl<O: Object + ?Sized> Display for History<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut events: Vec<_> = self.0.iter().flatten().collect();
        events.sort_by_key(|event| event.called);
        for Event { call: Call { thread, index, op }, response, called, returned } in events {
            writeln!(f, "{called:3} to {returned:3}  thread {thread}, operation {index}: {op:?} -> {response:?}")?;
        }
        Ok(())
    }
}

/// Runs a program once, each of its lists on a thread.
fn run<O: Object>(object: &O, program: &[Vec<O::Op>]) -> History<O> {
    // SeqCst: the moments of all threads are in one order, and what happens between two of them stays between them.
    let (clock, ready) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let body = |thread: usize| {
        let mut mine = O::Mine::default();
        // A barrier that wakes nobody: all are to begin at once, as far as there are cores.
        ready.fetch_add(1, SeqCst);
        while ready.load(SeqCst) < program.len() {
            thread::yield_now();
        }
        let event = |(index, &op)| {
            let (call, called) = (Call { thread, index, op }, clock.fetch_add(1, SeqCst));
            let response = object.call(&mut mine, call);
            Event { call, response, called, returned: clock.fetch_add(1, SeqCst) }
        };
        let events = program[thread].iter().enumerate().map(event).collect();
        (events, mine)
    };
    let ended: Vec<(Vec<_>, _)> = thread::scope(|scope| {
        let body = &body;
        let threads: Vec<_> = (0..program.len()).map(|thread| scope.spawn(move || body(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    // What a thread holds it has held until all had returned.
    History(ended.into_iter().map(|(events, _mine)| events).collect())
}

/// Whether there is an order of steps that explains a history.
struct Search<'a, O: Object> {
    history: &'a History<O>,
    visited: HashSet<String>,
}

impl<O: Object> Search<'_, O> {
    fn is_linearizable(history: &History<O>, model: &O::Model) -> bool {
        let positions = vec![(0, true); history.0.len()];
        Search { history, visited: HashSet::new() }.explains(model, &positions)
    }

    /// From a state of the model, where each thread is before this event, and before its first step or a later one.
    fn explains(&mut self, model: &O::Model, positions: &[(usize, bool)]) -> bool {
        let next = |thread: usize| self.history.0[thread].get(positions[thread].0);
        // What has not been done yet has to be before the first of its returns.
        let Some(first_return) = (0..positions.len()).filter_map(next).map(|event| event.returned).min() else {
            return true;
        };
        if !self.visited.insert(format!("{positions:?} {model:?}")) {
            return false;
        }
        (0..positions.len()).any(|thread| {
            let Some(event) = self.history.0[thread].get(positions[thread].0) else { return false };
            if event.called > first_return {
                return false;
            }
            let (mut model, mut positions) = (model.clone(), positions.to_vec());
            let (position, is_first) = &mut positions[thread];
            match O::step(&mut model, event.call, *is_first) {
                None => *is_first = false,
                Some(response) if response == event.response => (*position, *is_first) = (*position + 1, true),
                Some(_) => return false,
            }
            self.explains(&model, &positions)
        })
    }
}

/// Runs a program many times, each on an object of its own.
fn check<O: Object>(make: impl Fn() -> O, program: &[Vec<O::Op>]) -> Result<(), TestCaseError> {
    const TIMES: usize = 30;
    for _ in 0..TIMES {
        let object = make();
        let model = object.model();
        let history = run(&object, program);
        if !Search::is_linearizable(&history, &model) {
            return Err(TestCaseError::fail(format!("not linearizable:\n{history}")));
        }
    }
    Ok(())
}

/// Two or three threads with a few operations each.
fn program<S: Strategy + Clone>(op: S) -> impl Strategy<Value = Vec<Vec<S::Value>>> {
    prop::collection::vec(prop::collection::vec(op, 1..=4), 2..=3)
}

/// Many times each: a race that is lost one time in a thousand is found in a run or two.
fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

// The channel.

#[derive(Clone, Copy, Debug)]
enum ChannelOp {
    TrySend,
    TryRecv,
    /// For a short time.
    Send,
    Recv,
    /// A task, dropped when it has looked twice.
    RecvAsync,
    Close,
}

fn channel_op() -> impl Strategy<Value = ChannelOp> + Clone {
    prop_oneof![
        3 => Just(ChannelOp::TrySend),
        3 => Just(ChannelOp::TryRecv),
        3 => Just(ChannelOp::Send),
        3 => Just(ChannelOp::Recv),
        2 => Just(ChannelOp::RecvAsync),
        1 => Just(ChannelOp::Close),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ChannelResponse {
    Sent,
    Received(usize),
    /// Full, or empty, now or for a short time.
    NotYet,
    Disconnected,
    Closed(bool),
}

struct Channel {
    capacity: Option<usize>,
    sender: Sender<usize>,
    receiver: Receiver<usize>,
}

impl Channel {
    fn new(capacity: Option<usize>) -> Self {
        let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
        Self { capacity, sender, receiver }
    }
}

/// The oracle's model, and whose its lines' members are.
#[derive(Clone, Debug, Default)]
struct Lines {
    channel: Model,
    sends: Vec<usize>,
    threads: Vec<usize>,
    tasks: Vec<usize>,
    /// Those of the tasks that have looked again.
    looked: Vec<usize>,
}

fn find(line: &[usize], number: usize) -> usize {
    line.iter().position(|other| *other == number).expect("it stands there")
}

fn leave(line: &mut Vec<usize>, number: usize) -> usize {
    let at = find(line, number);
    line.remove(at);
    at
}

impl Lines {
    /// A later step.
    fn goes_on(&mut self, call: Call<ChannelOp>) -> Option<ChannelResponse> {
        use ChannelResponse::{Disconnected, NotYet, Received, Sent};
        let number = call.number();
        let told = match call.op {
            ChannelOp::Send => self.channel.leave_send(leave(&mut self.sends, number)),
            ChannelOp::RecvAsync if self.looked.contains(&number) => {
                self.channel.leave_task(leave(&mut self.tasks, number));
                None
            }
            ChannelOp::RecvAsync => match self.channel.poll_task(find(&self.tasks, number)) {
                Poll::Pending => {
                    self.looked.push(number);
                    return None;
                }
                Poll::Ready(received) => {
                    leave(&mut self.tasks, number);
                    return Some(received.map_or(Disconnected, Received));
                }
            },
            _ => self.channel.leave_thread(leave(&mut self.threads, number)),
        };
        Some(match told {
            Some(Told::Done(_)) if matches!(call.op, ChannelOp::Send) => Sent,
            Some(Told::Done(value)) => Received(value),
            Some(_) => Disconnected,
            None => NotYet,
        })
    }
}

impl Object for Channel {
    type Op = ChannelOp;
    type Response = ChannelResponse;
    type Mine = ();
    type Model = Lines;

    fn model(&self) -> Lines {
        Lines { channel: Model::new(self.capacity), ..Lines::default() }
    }

    fn call(&self, (): &mut (), call: Call<ChannelOp>) -> ChannelResponse {
        use ChannelResponse::{Closed, Disconnected, NotYet, Received, Sent};
        match call.op {
            ChannelOp::TrySend => match self.sender.try_send(call.number()) {
                Ok(()) => Sent,
                Err(TrySendError::Full(_)) => NotYet,
                Err(TrySendError::Disconnected(_)) => Disconnected,
            },
            ChannelOp::Send => match self.sender.send_timeout(call.number(), SHORT) {
                Ok(()) => Sent,
                Err(SendTimeoutError::Timeout(_)) => NotYet,
                Err(SendTimeoutError::Disconnected(_)) => Disconnected,
            },
            ChannelOp::TryRecv => match self.receiver.try_recv() {
                Ok(value) => Received(value),
                Err(TryRecvError::Empty) => NotYet,
                Err(TryRecvError::Disconnected) => Disconnected,
            },
            ChannelOp::Recv => match self.receiver.recv_timeout(SHORT) {
                Ok(value) => Received(value),
                Err(RecvTimeoutError::Timeout) => NotYet,
                Err(RecvTimeoutError::Disconnected) => Disconnected,
            },
            ChannelOp::RecvAsync => {
                let mut receive = self.receiver.recv_async();
                let (wake, woken) = mpsc::channel();
                let waker = hooked(move |_| _ = wake.send(()));
                let mut received = poll(&mut receive, &waker);
                if received.is_pending() {
                    while woken.try_recv().is_ok() {} // it was cloned
                    let _ = woken.recv_timeout(SHORT);
                    received = poll(&mut receive, &waker);
                }
                match received {
                    Poll::Ready(Ok(value)) => Received(value),
                    Poll::Ready(Err(_)) => Disconnected,
                    Poll::Pending => NotYet,
                }
            }
            ChannelOp::Close => Closed(self.sender.close()),
        }
    }

    fn step(model: &mut Lines, call: Call<ChannelOp>, is_first: bool) -> Option<ChannelResponse> {
        use ChannelResponse::{Closed, Disconnected, NotYet, Received, Sent};
        if !is_first {
            return model.goes_on(call);
        }
        let (Lines { channel, sends, threads, tasks, .. }, number) = (model, call.number());
        match call.op {
            ChannelOp::TrySend | ChannelOp::Send => match channel.send(number) {
                Ok(()) => Some(Sent),
                Err(TrySendError::Disconnected(_)) => Some(Disconnected),
                Err(TrySendError::Full(_)) if matches!(call.op, ChannelOp::TrySend) => Some(NotYet),
                Err(TrySendError::Full(_)) => {
                    channel.stand_send(number);
                    sends.push(number);
                    None
                }
            },
            ChannelOp::TryRecv | ChannelOp::Recv | ChannelOp::RecvAsync => match channel.recv() {
                Ok(value) => Some(Received(value)),
                Err(TryRecvError::Disconnected) => Some(Disconnected),
                Err(TryRecvError::Empty) if matches!(call.op, ChannelOp::TryRecv) => Some(NotYet),
                Err(TryRecvError::Empty) if matches!(call.op, ChannelOp::Recv) => {
                    channel.stand_thread();
                    threads.push(number);
                    None
                }
                Err(TryRecvError::Empty) => {
                    channel.stand_task();
                    tasks.push(number);
                    None
                }
            },
            ChannelOp::Close => Some(Closed(channel.close())),
        }
    }
}

// The token: a parent and its child.

#[derive(Clone, Copy, Debug)]
enum TokenOp {
    Cancel(Which),
    IsCancelled(Which),
    /// Who has cancelled it.
    Cause(Which),
    /// For a short time.
    Wait(Which),
}

#[derive(Clone, Copy, Debug)]
enum Which {
    Parent,
    Child,
}

fn token_op() -> impl Strategy<Value = TokenOp> + Clone {
    let which = || prop_oneof![Just(Which::Parent), Just(Which::Child)];
    prop_oneof![
        2 => which().prop_map(TokenOp::Cancel),
        2 => which().prop_map(TokenOp::IsCancelled),
        1 => which().prop_map(TokenOp::Cause),
        1 => which().prop_map(TokenOp::Wait),
    ]
}

struct Tokens([CancellationToken; 2]);

impl Tokens {
    fn new() -> Self {
        let parent = CancellationToken::new();
        let child = parent.child_token();
        Self([parent, child])
    }
}

#[derive(Debug, PartialEq)]
enum TokenResponse {
    Is(bool),
    By(Option<String>),
}

impl Object for Tokens {
    type Op = TokenOp;
    type Response = TokenResponse;
    type Mine = ();
    /// Who has cancelled each.
    type Model = [Option<usize>; 2];

    fn model(&self) -> [Option<usize>; 2] {
        [None; 2]
    }

    fn call(&self, (): &mut (), call: Call<TokenOp>) -> TokenResponse {
        use TokenResponse::{By, Is};
        match call.op {
            TokenOp::Cancel(which) => Is(self.0[which as usize].cancel_with(call.number().to_string())),
            TokenOp::IsCancelled(which) => Is(self.0[which as usize].is_cancelled()),
            TokenOp::Cause(which) => By(self.0[which as usize].cause().map(|cause| match cause {
                Cause::Error(error) => error.to_string(),
                cause => panic!("nobody's: {cause}"),
            })),
            TokenOp::Wait(which) => Is(self.0[which as usize].wait_timeout(SHORT)),
        }
    }

    fn step(model: &mut [Option<usize>; 2], call: Call<TokenOp>, is_first: bool) -> Option<TokenResponse> {
        use TokenResponse::{By, Is};
        match call.op {
            TokenOp::Cancel(Which::Parent) if !is_first => {
                model[1].get_or_insert(call.number());
                Some(Is(true))
            }
            TokenOp::Cancel(which) => {
                let cancels = model[which as usize].is_none();
                model[which as usize].get_or_insert(call.number());
                let goes_on = cancels && matches!(which, Which::Parent);
                (!goes_on).then_some(Is(cancels))
            }
            // A wait that gives up has looked once more.
            TokenOp::IsCancelled(which) | TokenOp::Wait(which) => Some(Is(model[which as usize].is_some())),
            TokenOp::Cause(which) => Some(By(model[which as usize].map(|number| number.to_string()))),
        }
    }
}

// The wait group.

#[derive(Clone, Copy, Debug)]
enum GroupOp {
    Guard,
    /// The thread's own, if it has one.
    DropGuard,
    Count,
    /// For a short time.
    Wait,
}

fn group_op() -> impl Strategy<Value = GroupOp> + Clone {
    prop_oneof![
        3 => Just(GroupOp::Guard),
        3 => Just(GroupOp::DropGuard),
        1 => Just(GroupOp::Count),
        3 => Just(GroupOp::Wait),
    ]
}

#[derive(Clone, Debug, Default)]
struct GroupModel {
    /// Of each thread.
    guards: [usize; 3],
    /// The waits that stand in line, and those that have been told.
    waits: Vec<usize>,
    told: Vec<usize>,
}

#[derive(Debug, PartialEq)]
enum GroupResponse {
    Nothing,
    Count(usize),
    IsOver(bool),
}

impl Object for WaitGroup {
    type Op = GroupOp;
    type Response = GroupResponse;
    type Mine = Vec<Guard>;
    type Model = GroupModel;

    fn model(&self) -> GroupModel {
        GroupModel::default()
    }

    fn call(&self, guards: &mut Vec<Guard>, call: Call<GroupOp>) -> GroupResponse {
        match call.op {
            GroupOp::Guard => guards.push(self.guard()),
            GroupOp::DropGuard => drop(guards.pop()),
            GroupOp::Count => return GroupResponse::Count(self.count()),
            GroupOp::Wait => return GroupResponse::IsOver(self.wait_timeout(SHORT)),
        }
        GroupResponse::Nothing
    }

    fn step(model: &mut GroupModel, call: Call<GroupOp>, is_first: bool) -> Option<GroupResponse> {
        let GroupModel { guards, waits, told } = model;
        match call.op {
            GroupOp::Guard => guards[call.thread] += 1,
            GroupOp::DropGuard => {
                let had = guards[call.thread] > 0;
                guards[call.thread] -= usize::from(had);
                if had && guards.iter().sum::<usize>() == 0 {
                    told.append(waits);
                }
            }
            GroupOp::Count => return Some(GroupResponse::Count(guards.iter().sum())),
            GroupOp::Wait if !is_first => {
                waits.retain(|wait| *wait != call.number());
                return Some(GroupResponse::IsOver(told.contains(&call.number())));
            }
            GroupOp::Wait if guards.iter().sum::<usize>() == 0 => return Some(GroupResponse::IsOver(true)),
            GroupOp::Wait => {
                waits.push(call.number());
                return None;
            }
        }
        Some(GroupResponse::Nothing)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_rendezvous_is_linearizable(program in program(channel_op())) {
        check(|| Channel::new(Some(0)), &program)?;
    }

    #[test]
    fn a_bounded_channel_is_linearizable(capacity in 1..=2_usize, program in program(channel_op())) {
        check(|| Channel::new(Some(capacity)), &program)?;
    }

    #[test]
    fn an_unbounded_channel_is_linearizable(program in program(channel_op())) {
        check(|| Channel::new(None), &program)?;
    }

    #[test]
    fn a_token_and_its_child_are_linearizable(program in program(token_op())) {
        check(Tokens::new, &program)?;
    }

    #[test]
    fn a_wait_group_is_linearizable(program in program(group_op())) {
        check(WaitGroup::new, &program)?;
    }
}

// The check can fail.

/// Last in, first out, where a queue is wanted.
#[derive(Default)]
struct Stack(Mutex<VecDeque<usize>>);

impl Object for Stack {
    type Op = ChannelOp;
    type Response = ChannelResponse;
    type Mine = ();
    type Model = Lines;

    fn model(&self) -> Lines {
        Channel::new(None).model()
    }

    fn call(&self, (): &mut (), call: Call<ChannelOp>) -> ChannelResponse {
        let mut values = self.0.lock().unwrap();
        match call.op {
            ChannelOp::TrySend | ChannelOp::Send => {
                values.push_back(call.number());
                ChannelResponse::Sent
            }
            _ => values.pop_back().map_or(ChannelResponse::NotYet, ChannelResponse::Received),
        }
    }

    fn step(model: &mut Lines, call: Call<ChannelOp>, is_first: bool) -> Option<ChannelResponse> {
        Channel::step(model, call, is_first)
    }
}

#[test]
fn a_stack_is_no_queue_and_two_sends_and_a_receive_show_it() {
    let op = prop_oneof![Just(ChannelOp::TrySend), Just(ChannelOp::TryRecv)];
    // On one thread, so that what it shrinks to does not depend on who comes first.
    let program = prop::collection::vec(prop::collection::vec(op, 1..=8), 1);
    let failure = TestRunner::new(config()).run(&program, |program| check(Stack::default, &program));
    let Err(TestError::Fail(reason, program)) = failure else { panic!("not found: {failure:?}") };
    assert!(matches!(program[..], [ref ops] if format!("{ops:?}") == "[TrySend, TrySend, TryRecv]"), "{program:?}");
    let lines = "not linearizable:
  0 to   1  thread 0, operation 0: TrySend -> Sent
  2 to   3  thread 0, operation 1: TrySend -> Sent
  4 to   5  thread 0, operation 2: TryRecv -> Received(1)
";
    assert_eq!(reason.message(), lines);
}

/// Whether a history is linearizable, of operations each with its thread, its response, its call and its return.
fn explains(capacity: usize, events: &[(usize, ChannelOp, ChannelResponse, usize, usize)]) -> bool {
    let mut history = History::<Channel>((0..3).map(|_| Vec::new()).collect());
    for &(thread, op, response, called, returned) in events {
        let index = history.0[thread].len();
        history.0[thread].push(Event { call: Call { thread, index, op }, response, called, returned });
    }
    Search::is_linearizable(&history, &Channel::new(Some(capacity)).model())
}

#[test]
fn a_value_is_received_once() {
    use ChannelOp::{Recv, TryRecv, TrySend};
    use ChannelResponse::{NotYet, Received, Sent};
    let second = |response| [(0, TrySend, Sent, 0, 1), (1, TryRecv, Received(0), 2, 5), (2, Recv, response, 3, 4)];
    assert!(explains(1, &second(NotYet)));
    assert!(!explains(1, &second(Received(0))));
}

#[test]
fn what_has_returned_has_taken_effect() {
    use ChannelOp::{TryRecv, TrySend};
    use ChannelResponse::{NotYet, Sent};
    // Side by side, the receive may come first; not after the send has returned.
    assert!(explains(1, &[(0, TrySend, Sent, 0, 2), (1, TryRecv, NotYet, 1, 3)]));
    assert!(!explains(1, &[(0, TrySend, Sent, 0, 1), (1, TryRecv, NotYet, 2, 3)]));
}

#[test]
fn a_rendezvous_takes_two_at_a_time() {
    use ChannelOp::{Recv, Send, TrySend};
    use ChannelResponse::{NotYet, Received, Sent};
    let pair = |called| [(0, Send, Sent, 0, 2), (1, Recv, Received(0), called, 4)];
    assert!(explains(0, &pair(1)));
    assert!(!explains(0, &pair(3)));
    assert!(!explains(0, &[(0, TrySend, Sent, 0, 1), (1, Recv, NotYet, 2, 3)]));
}
