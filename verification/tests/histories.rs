//! The history checker on histories made up by hand: what it lets pass, what it does not, and what it calls it.
//!
//! An operation is its thread, its step, the moments of its call and its return, and its outcome. Nobody has seen
//! anything before it began, which satisfies every happens-before edge, but where a test says otherwise.
#![cfg(not(loom))]

use hence_under_shuttle::Clock;
use hence_under_shuttle::histories::check::{Allowed, check};
use hence_under_shuttle::histories::program::{Job, Patience, Program, Step};
use hence_under_shuttle::histories::trace::{Action, Event, Moment, Outcome};

use Outcome::{Done, Empty, Is, Value};
use Patience::{Blocks, Tries};

const REAL_TIME: &str = "it is sequentially consistent, but no order respects real time";
const NO_ORDER: &str = "no order explains it";

fn event(thread: usize, action: Action, [called, returned]: [usize; 2], outcome: Outcome) -> Event {
    let at = |time| Moment { time, clock: Clock::default() };
    Event { thread, action, called: at(called), returned: Some((at(returned), outcome)) }
}

fn op(thread: usize, step: Step, during: [usize; 2], outcome: Outcome) -> Event {
    event(thread, Action::Step(step, None), during, outcome)
}

/// One that has a number: a value, a guard, a job.
fn numbered(thread: usize, step: Step, number: usize, during: [usize; 2], outcome: Outcome) -> Event {
    event(thread, Action::Step(step, Some(number)), during, outcome)
}

fn send(thread: usize, value: usize, during: [usize; 2]) -> Event {
    numbered(thread, Step::Send(0, Blocks), value, during, Done)
}

fn recv(thread: usize, value: usize, during: [usize; 2]) -> Event {
    op(thread, Step::Recv(0, Blocks), during, Value(value))
}

/// The thread had seen this much of itself when it called, or has seen this much of `of` when it returned.
fn clock(of: usize) -> Clock {
    let mut clock = Clock::default();
    clock[of] = 1;
    clock
}

#[track_caller]
fn is_allowed(capacity: Option<usize>, events: &[Event]) {
    let program = Program { capacities: [capacity, None], workers: 1, ..Program::default() };
    assert_eq!(check(&program, events), Ok(Allowed::Yes));
}

#[track_caller]
fn is_rejected(capacity: Option<usize>, events: &[Event], fault: &str) {
    let program = Program { capacities: [capacity, None], workers: 1, ..Program::default() };
    let said = check(&program, events).expect_err("it is not allowed");
    assert!(said.contains(fault), "{said}");
}

#[test]
fn two_sends_are_received_in_their_order() {
    is_allowed(None, &[send(1, 7, [1, 2]), send(2, 8, [3, 4]), recv(3, 7, [5, 6]), recv(3, 8, [7, 8])]);
    // Where they overlap, either was first.
    is_allowed(None, &[send(1, 7, [1, 3]), send(2, 8, [2, 4]), recv(3, 8, [5, 6]), recv(3, 7, [7, 8])]);
}

/// Only real time forbids the first: each thread alone has seen nothing wrong. Were it not for real time, it would pass
/// as the second does, in which the sends overlap; the third breaks the order of one thread.
#[test]
fn sends_of_two_threads_are_ordered_by_real_time_alone() {
    let [late, early] = [recv(3, 8, [5, 6]), recv(3, 7, [7, 8])];
    let received = [late, early];
    is_rejected(None, &[&[send(1, 7, [1, 2]), send(2, 8, [3, 4])], &received[..]].concat(), REAL_TIME);
    is_allowed(None, &[&[send(1, 7, [1, 3]), send(2, 8, [2, 4])], &received[..]].concat());
    is_rejected(None, &[&[send(1, 7, [1, 2]), send(1, 8, [3, 4])], &received[..]].concat(), NO_ORDER);
}

#[test]
fn a_value_that_is_there_is_found() {
    let try_recv = |during| op(2, Step::Recv(0, Tries), during, Empty);
    is_rejected(None, &[send(1, 7, [1, 2]), try_recv([3, 4]), recv(2, 7, [5, 6])], REAL_TIME);
    is_allowed(None, &[send(1, 7, [1, 3]), try_recv([2, 4]), recv(2, 7, [5, 6])]);
}

#[test]
fn each_value_is_received_once_if_it_was_sent() {
    is_rejected(None, &[send(1, 7, [1, 2]), recv(2, 7, [3, 4]), recv(3, 7, [5, 6])], "SF-CH-1");
    is_rejected(None, &[send(1, 7, [1, 2]), recv(2, 8, [3, 4])], "SF-CH-1");
}

#[test]
fn a_full_channel_takes_no_value() {
    is_allowed(Some(1), &[send(1, 7, [1, 2]), send(1, 8, [3, 6]), recv(2, 7, [4, 5])]);
    is_rejected(Some(1), &[send(1, 7, [1, 2]), send(1, 8, [3, 4]), recv(2, 7, [5, 6])], REAL_TIME);
    is_rejected(Some(1), &[send(1, 7, [1, 2]), send(2, 8, [3, 4])], NO_ORDER);
    let full = |during| numbered(2, Step::Send(0, Tries), 8, during, Outcome::Full);
    is_allowed(Some(1), &[send(1, 7, [1, 2]), full([3, 4]), recv(3, 7, [5, 6])]);
    is_rejected(Some(2), &[send(1, 7, [1, 2]), full([3, 4]), recv(3, 7, [5, 6])], NO_ORDER);
}

#[test]
fn both_are_there_for_a_rendezvous() {
    is_allowed(Some(0), &[send(1, 7, [1, 4]), recv(2, 7, [2, 3])]);
    is_rejected(Some(0), &[send(1, 7, [1, 2]), recv(2, 7, [3, 4])], REAL_TIME);
    is_rejected(Some(0), &[send(1, 7, [1, 2])], NO_ORDER);
}

#[test]
fn a_close_ends_the_sends_and_leaves_the_values() {
    let close = |during| op(3, Step::Close(0), during, Is(true));
    let disconnected = |during| op(2, Step::Recv(0, Blocks), during, Outcome::Disconnected);
    is_allowed(Some(1), &[send(1, 7, [1, 2]), close([3, 4]), recv(2, 7, [5, 6]), disconnected([7, 8])]);
    is_rejected(Some(1), &[close([1, 2]), send(1, 7, [3, 4]), recv(2, 7, [5, 6])], REAL_TIME);
    is_rejected(Some(1), &[send(1, 7, [1, 2]), close([3, 4]), disconnected([5, 6]), recv(2, 7, [7, 8])], NO_ORDER);
    is_rejected(Some(1), &[close([1, 2]), close([3, 4])], NO_ORDER);
    is_rejected(Some(1), &[disconnected([1, 2])], NO_ORDER);
}

#[test]
fn a_receive_has_seen_its_send_and_a_send_the_receive_that_made_room() {
    let [mut sent, mut received] = [send(1, 7, [1, 2]), recv(2, 7, [3, 4])];
    sent.called.clock = clock(1);
    is_rejected(None, &[sent.clone(), received.clone()], "HB-CH");
    received.returned.as_mut().expect("it returned").0.clock = clock(1);
    is_allowed(None, &[sent, received]);

    let [first, mut second, mut received] = [send(1, 7, [1, 2]), send(1, 8, [3, 6]), recv(2, 7, [4, 5])];
    received.called.clock = clock(2);
    is_rejected(Some(1), &[first.clone(), second.clone(), received.clone()], "HB-CH");
    second.returned.as_mut().expect("it returned").0.clock = clock(2);
    is_allowed(Some(1), &[first, second, received]);
}

#[test]
fn an_operation_that_never_returns_is_told() {
    is_rejected(None, &[Event { returned: None, ..send(1, 7, [1, 2]) }], "never returned");
}

#[test]
fn a_token_is_cancelled_once_and_for_good() {
    let cancel = |during, first| op(1, Step::Cancel(0), during, Is(first));
    let look = |token, during, is| op(2, Step::IsCancelled(token), during, Is(is));
    is_allowed(None, &[look(0, [1, 2], false), cancel([3, 4], true), cancel([5, 6], false), look(1, [7, 8], true)]);
    is_allowed(None, &[cancel([1, 4], true), look(0, [2, 3], true), look(1, [5, 6], true)]);
    is_rejected(None, &[cancel([1, 2], true), cancel([3, 4], true)], "SF-CX-1: cancelled twice");
    is_rejected(None, &[cancel([1, 2], true), look(1, [3, 4], false)], "SF-CX-2");
    is_rejected(None, &[cancel([1, 6], true), look(0, [2, 3], true), look(0, [4, 5], false)], "no longer cancelled");
    is_rejected(None, &[look(0, [1, 2], true)], "HB-CX-1");
    let mut cancelled = cancel([1, 2], true);
    cancelled.called.clock = clock(1);
    is_rejected(None, &[cancelled, look(0, [3, 4], true)], "HB-CX-1");
}

#[test]
fn a_wait_returns_once_no_guard_is_left() {
    let made = numbered(1, Step::Guard, 0, [1, 2], Done);
    let dropped = |during| numbered(1, Step::DropGuard, 0, during, Done);
    let wait = |during| op(2, Step::WaitGroup(Blocks), during, Done);
    is_allowed(None, &[made.clone(), dropped([4, 6]), wait([3, 5])]);
    is_rejected(None, &[made.clone(), dropped([5, 6]), wait([3, 4])], "SF-WG-1");
    let count = |count| op(2, Step::Count, [3, 4], Outcome::Counted(count));
    is_allowed(None, &[made.clone(), count(1), dropped([5, 6])]);
    is_rejected(None, &[made, count(0), dropped([5, 6])], "SF-WG-2");
}

#[test]
fn a_job_runs_once_and_no_more_run_than_may() {
    let submitted = |job, during| numbered(1, Step::Execute(Job::Sends(0)), job, during, Done);
    let ran = |thread, job, during| event(thread, Action::Job(job, Job::Sends(0)), during, Done);
    is_allowed(None, &[submitted(0, [1, 2]), submitted(1, [3, 4]), ran(2, 0, [5, 6]), ran(3, 1, [7, 8])]);
    is_rejected(None, &[submitted(0, [1, 2]), submitted(1, [3, 4]), ran(2, 0, [5, 7]), ran(3, 1, [6, 8])], "SF-PL-2");
    is_rejected(None, &[submitted(0, [1, 2]), ran(2, 0, [3, 4]), ran(2, 0, [5, 6])], "SF-PL-1: it ran too often");
    is_rejected(None, &[submitted(0, [1, 2])], "SF-PL-1: it never ran");
    let idle = op(1, Step::WaitIdle(Blocks), [3, 4], Done);
    is_rejected(None, &[submitted(0, [1, 2]), idle, ran(2, 0, [5, 6])], "SF-PL-6");
}
