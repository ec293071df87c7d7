//! User code at its worst: each step of it that the crate runs, in a closure, a destructor or a waker, panics. The bounded
//! explorer tries a panic at each step in turn, and none ([`step`]); an outcome says out of which call of the crate the
//! panic came, or that it was contained. Wherever it goes: nobody waits for ever, no value is lost or dropped twice, all
//! else is done as without it, and what is left can be used. That no lock is held, the explorer sees at each step.
//!
//! | user code | run in `src/` by | models, each `.._past_a_panic` |
//! |---|---|---|
//! | `Waker::clone`, and the drop of one that is outdated or not needed | `wait.rs` `Line::poll`, `register`; `channel/future.rs`, `core/tasks.rs` | `sf_ch_5_*`, `sf_tm_1_task`, `lv_wg_1_guard`, `lv_cx_1_futures`, `lv_pl_3_task`, `lv_pl_3_idle` |
//! | `Waker::wake`, by a send | `channel/core.rs` `send`, `core/arms.rs` `complete_send` | `sf_ch_1_send`, `sf_ch_1_selected_send` |
//! | by a receive | `core.rs` `recv`, `tasks.rs` `poll_recv`, `arms.rs` `choose_recv` | `sf_ch_1_recv`, `sf_ch_1_rendezvous`, `sf_ch_1_async_recv`, `sf_sel_1_recv`, `sf_ch_1_large_recv`, `sf_ch_1_two_recvs` |
//! | by a close, by the last handle | `core.rs` `close`, `drop_sender`, `drop_receiver`; `wait.rs` `notify_all` | `lv_ch_2_*` |
//! | by what is dropped or given up | `tasks.rs` `leave_task`, `arms.rs` `give_up` | `sf_ch_5_told_on`, `sf_sel_4_given_up` |
//! | by the last guard | `wait_group.rs` | `lv_wg_1_guard` |
//! | by a cancel, by an alarm | `wait/latch.rs` `release`; `sync/alarm.rs`, in a model `sync/hook.rs` | `lv_cx_2_cancel`, `sf_tm_1_task`, `lv_cx_1_futures` |
//! | by a pool, by a job's end | `pool/shared.rs` `notify`, `wait/latch.rs` `release` | `lv_pl_3_*` |
//! | the drop of a value | `core.rs` `drop_receiver`, `future.rs` | `sf_ch_1_values_left`, `lv_ch_2_last_receiver`, `sf_ch_5_send` |
//! | a select's message, and what comes between choice and completion | `select/macros.rs`, `select/set.rs` | `sf_sel_4_*` |
//! | the work of `WaitGroup::spawn` | `wait_group.rs` | `lv_wg_1_work` |
//! | a callback | `cancel.rs` `on_cancel`, `tree.rs` `cancel`, `DeadlineWaker` | `lv_cx_2_*`, `sf_cx_3_on_cancel` |
//! | the drop of one that will not run | `cancel.rs` `stop`, `tree.rs` `Node`, `close_below` | `sf_cx_3_stop`, `sf_cx_3_never_run`, `lv_cx_2_last_handle` |
//! | a cause, made and dropped | `cancel.rs` `cancel_with`, `tree.rs` | `sf_cx_1_causes` |
//! | a job, what it holds and returns, the hook | `pool/work.rs` `attempt`, `pool/home.rs` `report_panic`, `pool/job.rs`, `pool/task.rs`, `pool/shared.rs` | `sf_pl_4_*` |
//! | a worker's state, made and dropped | `pool/work.rs` `get`, `discard` | `sf_pl_4_state` |
//! | what the hook and the maker of states hold | `pool/worker.rs` `work`, `pool/shared.rs` `Shared` | `sf_pl_4_what_a_pool_is_made_of` |
//! | the function and the jobs of a scope, their results and errors, callbacks of its token | `pool/scope.rs` | `sf_pl_7_*` |
//! | what `blocking` runs; a job run by one that joins it | `pool/permit.rs` `blocking`, `pool/task.rs` `wait_for` | `lv_pl_4_*` |
//!
//! No other method of a user's type is called (`Clone`, `Debug`, `Display`, `Eq`, `Hash` of a value or an error), but where
//! the caller asks for it, on its stack, with no lock held.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use hence_registry::{Engine, Model};

use super::harness::{Arc, Fragile, FragileWaker, Steps, attempt, ends, pending, poll, race, spawn, step};
use crate::hence::WaitGroup;
use crate::hence::cancel::CancellationToken;
use crate::hence::channel::{
    Receiver, RecvError, Select, Sender, TryRecvError, TrySendError, after, bounded, unbounded,
};
use crate::hence::sync::now;
use crate::{select, select_biased};

const SWEEP: &[Engine] = &[Engine::Sweep { preemptions: None, spurious: 1, panics: 1 }];
pub(super) const SWEEP_BOUNDED: &[Engine] = &[Engine::Sweep { preemptions: Some(2), spurious: 1, panics: 1 }];
/// A second panic, of what is told of the first.
pub(super) const TWO_PANICS: &[Engine] = &[Engine::Sweep { preemptions: Some(2), spurious: 1, panics: 2 }];

const SHORT: Duration = Duration::from_millis(1);

pub(super) fn models() -> Vec<Model> {
    let all = [
        receivers_hear(),
        two_wakers(),
        senders_hear(),
        values_left(),
        send_to_a_task(),
        recv_from_a_task(),
        large_recv(),
        two_recvs(),
        send_dropped(),
        recv_dropped(),
        ready_at_once(),
        told_on(),
        timer_and_task(),
        message(),
        between_choice_and_completion(),
        given_up(),
        last_guard(),
        work_with_a_guard(),
        cancel(),
        two_callbacks(),
        deadline(),
        on_cancel(),
        stop(),
        never_run(),
        last_handle(),
        causes(),
        cancelled_futures(),
    ]
    .concat();
    // Those that name no explorers are swept, without a bound.
    all.into_iter()
        .map(|model| match model.engines[..] {
            [Engine::Loom, ..] => model.under(SWEEP),
            _ => model,
        })
        .collect()
}

/// A task waits for a value, and a thread: both hear of the channel's end, though the task's waker panics at any use.
fn receivers_hear() -> Vec<Model> {
    fn run(what: &'static str, end: fn(Sender<usize>)) -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded(0));
        let (woken, waker) = FragileWaker::new();
        let mut task = receiver.recv_async();
        let stands = steps.of("poll", || assert!(poll(&mut task, &waker).is_pending())).is_some();
        let other = receiver.clone();
        let (heard, _) = race(move || other.recv().is_err(), || steps.of(what, || end(sender)));
        assert!(heard && receiver.is_closed());
        assert_eq!(woken.count(), stands.into());
        steps.of("poll", || assert!(poll(&mut task, &waker).is_ready()));
        steps.drop(task);
        steps.drop(waker);
        assert_eq!(Arc::strong_count(&woken), 1);
        steps.outcome()
    }
    vec![
        Model::new(
            "lv_ch_2_close_past_a_panic",
            &["LV-CH-2"],
            &["no panic", "out of close", "out of drop", "out of poll"],
            || run("close", |sender| assert!(sender.close())),
        ),
        Model::new(
            "lv_ch_2_last_sender_past_a_panic",
            &["LV-CH-2"],
            &["no panic", "out of drop", "out of poll"],
            || run("drop", drop),
        ),
    ]
}

/// Two tasks wait, and both their wakers panic: the second one's panic does not end the process.
fn two_wakers() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded::<()>(0));
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let mut tasks = [receiver.recv_async(), receiver.recv_async()];
        tasks.iter_mut().for_each(|task| assert!(poll(task, &woken.clone().into()).is_pending()));
        let other = receiver.clone();
        let (heard, _) = race(move || other.recv().is_err(), || steps.of("close", || assert!(sender.close())));
        assert!(heard);
        assert_eq!(woken.0.load(Relaxed), 2);
        steps.outcome()
    }
    vec![
        Model::new(
            "lv_ch_2_close_past_two_panics",
            &["LV-CH-2"],
            &["no panic", "out of close", "out of close, contained"],
            run,
        )
        .under(TWO_PANICS),
    ]
}

/// A task and a thread wait to send, and hear that the last receiver has gone; what they would have sent comes back,
/// and what is in the channel is dropped.
fn senders_hear() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded(1));
        sender.send(Fragile(0)).unwrap();
        let (woken, waker) = FragileWaker::new();
        let mut task = sender.send_async(Fragile(1));
        let stands = steps.of("poll", || assert!(poll(&mut task, &waker).is_pending())).is_some();
        let other = sender.clone();
        let (back, ()) = race(move || other.send(Fragile(2)).unwrap_err(), || steps.drop(receiver));
        assert!(back.0.0 == 2 && sender.is_closed());
        assert_eq!(woken.count(), stands.into());
        steps.drop(back);
        if let Some(Poll::Ready(sent)) = steps.of("poll", || poll(&mut task, &waker)) {
            let back = sent.unwrap_err();
            assert_eq!(back.0.0, 1);
            steps.drop(back);
        }
        steps.drop(task);
        steps.drop(waker);
        assert_eq!(Arc::strong_count(&woken), 1);
        Fragile::assert_gone(3);
        steps.outcome()
    }
    vec![Model::new(
        "lv_ch_2_last_receiver_past_a_panic",
        &["LV-CH-2", "SF-CH-1"],
        &["no panic", "out of drop", "out of poll"],
        run,
    )]
}

/// The last receiver goes, and two values are left, one of which a dropped future was told of: both are dropped, though
/// a drop panics.
fn values_left() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded(2));
        let mut task = receiver.recv_async();
        assert!(poll(&mut task, Waker::noop()).is_pending());
        (0..2).for_each(|value| assert!(sender.try_send(Fragile(value)).is_ok()));
        drop(task);
        steps.drop(receiver);
        Fragile::assert_gone(2);
        assert!(sender.is_closed() && sender.is_empty());
        steps.outcome()
    }
    vec![Model::new("sf_ch_1_values_left_past_a_panic", &["SF-CH-1"], &["no panic", "out of drop"], run)]
}

/// A send wakes a task whose waker panics: the value is with the task that was woken for it, or comes back.
fn send_to_a_task() -> Vec<Model> {
    fn run(what: &'static str, send: fn(&Sender<Fragile>, Fragile) -> Result<(), Fragile>) -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded(0));
        let (woken, waker) = FragileWaker::new();
        let mut task = receiver.recv_async();
        let stands = steps.of("poll", || assert!(poll(&mut task, &waker).is_pending())).is_some();
        let sent = steps.of(what, || send(&sender, Fragile(0)));
        assert_eq!(woken.count(), stands.into());
        if stands {
            let value = told(&mut steps, &mut task, &waker);
            assert_eq!(value.0, 0);
            steps.drop(value);
        } else {
            steps.drop(sent.unwrap().unwrap_err());
        }
        steps.drop(task);
        steps.drop(waker);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(Arc::strong_count(&woken), 1);
        Fragile::assert_gone(1);
        steps.outcome()
    }
    vec![
        Model::new(
            "sf_ch_1_send_past_a_panic",
            &["SF-CH-1", "LV-CH-1"],
            &["no panic", "out of drop", "out of poll", "out of send"],
            || run("send", |sender, value| sender.try_send(value).map_err(TrySendError::into_inner)),
        ),
        Model::new(
            "sf_ch_1_selected_send_past_a_panic",
            &["SF-CH-1", "SF-SEL-1"],
            &["no panic", "out of drop", "out of poll", "out of send"],
            || {
                run("send", |sender, value| {
                    let mut value = Some(value);
                    select_biased! {
                        send(sender, value.take().unwrap()) -> sent => sent.unwrap(),
                        default => {}
                    }
                    value.map_or(Ok(()), Err)
                })
            },
        ),
    ]
}

/// A receive wakes a task that sends, and takes a value, whatever the waker throws.
fn recv_from_a_task() -> Vec<Model> {
    fn run(capacity: usize, recv: fn(&Receiver<Fragile>) -> Fragile) -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded(capacity));
        (0..capacity).for_each(|value| assert!(sender.try_send(Fragile(value)).is_ok()));
        let (woken, waker) = FragileWaker::new();
        let mut task = sender.send_async(Fragile(capacity));
        let stands = steps.of("poll", || assert!(poll(&mut task, &waker).is_pending())).is_some();
        let all = capacity + usize::from(stands);
        for next in 0..all {
            let value = steps.of("recv", || recv(&receiver)).unwrap_or_else(|| recv(&receiver));
            assert_eq!(value.0, next);
            steps.drop(value);
        }
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(woken.count(), stands.into());
        steps.drop(task);
        steps.drop(waker);
        assert_eq!(Arc::strong_count(&woken), 1);
        Fragile::assert_gone(capacity + 1);
        steps.outcome()
    }
    vec![
        Model::new("sf_ch_1_recv_past_a_panic", &["SF-CH-1", "SF-CH-2"], RECEIVED, || {
            run(1, |receiver| receiver.recv().unwrap())
        }),
        Model::new("sf_ch_1_rendezvous_past_a_panic", &["SF-CH-1", "SF-CH-2"], RECEIVED, || {
            run(0, |receiver| receiver.try_recv().unwrap())
        }),
        Model::new("sf_ch_1_async_recv_past_a_panic", &["SF-CH-1", "SF-CH-2"], RECEIVED, || {
            run(1, |receiver| {
                let Poll::Ready(value) = poll(&mut receiver.recv_async(), Waker::noop()) else { panic!("it is there") };
                value.unwrap()
            })
        }),
        Model::new("sf_sel_1_recv_past_a_panic", &["SF-SEL-1", "SF-CH-1"], RECEIVED, || {
            run(1, |receiver| select! { recv(receiver) -> value => value.unwrap() })
        }),
    ]
}

/// The same of a select and a value that is too large to be kept in it.
fn large_recv() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded(1));
        let large = |value| (Fragile(value), [0_u64; 3]);
        assert!(sender.try_send(large(0)).is_ok());
        let (_, waker) = FragileWaker::new();
        let mut task = sender.send_async(large(1));
        let stands = steps.of("poll", || assert!(poll(&mut task, &waker).is_pending())).is_some();
        let recv = || select! { recv(receiver) -> value => value.unwrap() };
        for next in 0..1 + usize::from(stands) {
            let value = steps.of("recv", recv).unwrap_or_else(recv);
            assert_eq!(value.0.0, next);
            steps.drop(value);
        }
        steps.drop(task);
        steps.drop(waker);
        Fragile::assert_gone(2);
        steps.outcome()
    }
    vec![Model::new("sf_ch_1_large_recv_past_a_panic", &["SF-CH-1"], RECEIVED, run)]
}

/// Two receive, and a task sends one value: whoever has taken it keeps it, whatever the waker throws.
fn two_recvs() -> Vec<Model> {
    fn run() -> String {
        let (_steps, (sender, receiver)) = (Steps::begin(), bounded(0));
        let mut task = sender.send_async(Fragile(0));
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        assert!(poll(&mut task, &woken.into()).is_pending());
        let thread = {
            let receiver = receiver.clone();
            spawn(move || receiver.recv().ok())
        };
        let mine = receiver.try_recv().ok();
        assert!(sender.close());
        let theirs = thread.join().unwrap();
        assert_ne!(mine.is_some(), theirs.is_some(), "one of us has it");
        let whose = if mine.is_some() { "mine" } else { "theirs" };
        let _ = attempt(|| drop((mine, theirs)));
        Fragile::assert_gone(1);
        whose.into()
    }
    vec![Model::new("sf_ch_1_two_recvs_past_a_panic", &["SF-CH-1"], &["mine", "theirs"], run)]
}

/// A send is polled by one task, and by another, and dropped: as if it never was.
fn send_dropped() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded(0));
        let [(first, one), (second, other)] = [FragileWaker::new(), FragileWaker::new()];
        let mut task = sender.send_async(Fragile(0));
        for waker in [&one, &other] {
            steps.of("poll", || assert!(poll(&mut task, waker).is_pending()));
        }
        steps.drop(task);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        Fragile::assert_gone(1);
        steps.drop(one);
        steps.drop(other);
        assert_eq!((first.count(), second.count()), (0, 0));
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
        steps.outcome()
    }
    vec![Model::new("sf_ch_5_send_past_a_panic", &["SF-CH-5"], &["no panic", "out of drop", "out of poll"], run)]
}

/// The same of a receive; a value that comes meanwhile goes to a thread that receives.
fn recv_dropped() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), ends(Some(1)));
        let [(first, one), (second, other)] = [FragileWaker::new(), FragileWaker::new()];
        let mut task = receiver.recv_async();
        for waker in [&one, &other] {
            steps.of("poll", || assert!(poll(&mut task, waker).is_pending()));
        }
        let thread = {
            let receiver = receiver.clone();
            spawn(move || receiver.recv().unwrap())
        };
        steps.of("send", || sender.send(Fragile(0)).unwrap());
        steps.drop(task);
        let value = thread.join().unwrap();
        steps.drop(value);
        Fragile::assert_gone(1);
        steps.drop(one);
        steps.drop(other);
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
        steps.outcome()
    }
    vec![Model::new(
        "sf_ch_5_recv_past_a_panic",
        &["SF-CH-5"],
        &["contained", "no panic", "out of drop", "out of poll", "out of send"],
        run,
    )]
}

/// A future that need not wait has cloned a waker that it does not need: no value is lost with that.
fn ready_at_once() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded(0));
        let (woken, waker) = FragileWaker::new();
        let other = pending(sender.send_async(Fragile(0)));
        let mut task = receiver.recv_async();
        let value = match steps.of("poll", || poll(&mut task, &waker)) {
            Some(Poll::Ready(value)) => value.unwrap(),
            Some(Poll::Pending) => panic!("it is there"),
            None => receiver.try_recv().unwrap(),
        };
        steps.drop(value);
        steps.drop(task);
        drop(other);
        assert!(sender.close());
        let mut task = sender.send_async(Fragile(1));
        if let Some(sent) = steps.of("poll", || poll(&mut task, &waker)) {
            let Poll::Ready(Err(back)) = sent else { panic!("it is closed") };
            steps.drop(back);
        }
        steps.drop(task);
        steps.drop(waker);
        assert_eq!((woken.count(), Arc::strong_count(&woken)), (0, 1));
        Fragile::assert_gone(2);
        steps.outcome()
    }
    vec![Model::new(
        "sf_ch_5_ready_at_once_past_a_panic",
        &["SF-CH-5", "SF-CH-1"],
        &["contained", "no panic", "out of drop", "out of poll"],
        run,
    )]
}

/// A receive that was told of a value is dropped, and the task that is told of it instead is woken by that.
fn told_on() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded(0));
        let mut first = receiver.recv_async();
        assert!(poll(&mut first, Waker::noop()).is_pending());
        let (woken, waker) = FragileWaker::new();
        let mut second = receiver.recv_async();
        let stands = steps.of("poll", || assert!(poll(&mut second, &waker).is_pending())).is_some();
        sender.try_send(Fragile(0)).unwrap();
        steps.drop(first);
        assert_eq!(woken.count(), stands.into());
        let value = if stands { told(&mut steps, &mut second, &waker) } else { receiver.try_recv().unwrap() };
        steps.drop(value);
        steps.drop(second);
        steps.drop(waker);
        assert_eq!(Arc::strong_count(&woken), 1);
        Fragile::assert_gone(1);
        steps.outcome()
    }
    vec![Model::new(
        "sf_ch_5_told_on_past_a_panic",
        &["SF-CH-5", "SF-CH-1"],
        &["contained", "no panic", "out of drop", "out of poll"],
        run,
    )]
}

/// An alarm whose waker panics is let go of; the message comes all the same.
fn timer_and_task() -> Vec<Model> {
    fn run() -> String {
        let mut steps = Steps::begin();
        let (begun, timer) = (now(), after(SHORT));
        let [(first, one), (second, other)] = [FragileWaker::new(), FragileWaker::new()];
        let mut task = timer.recv_async();
        let polled = [&one, &other].map(|waker| steps.of("poll", || poll(&mut task, waker)));
        let message = polled.into_iter().flatten().find_map(|polled| match polled {
            Poll::Ready(message) => Some(message.unwrap()),
            Poll::Pending => None,
        });
        assert_eq!(message.unwrap_or_else(|| timer.recv().unwrap()), begun + SHORT);
        steps.drop(task);
        steps.drop(one);
        steps.drop(other);
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
        steps.outcome()
    }
    vec![Model::new(
        "sf_tm_1_task_past_a_panic",
        &["SF-TM-1", "LV-TM-1"],
        &["contained", "no panic", "out of drop", "out of poll"],
        run,
    )]
}

/// A select's message panics after a receiver, or a place, has been promised it: the next send has that.
fn message() -> Vec<Model> {
    fn run(capacity: usize) -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded(capacity));
        let (_other, never) = bounded::<()>(0);
        let thread = {
            let receiver = receiver.clone();
            spawn(move || [receiver.recv().unwrap(), receiver.recv().unwrap()])
        };
        let message = || {
            step();
            Fragile(0)
        };
        let sent = steps.of("select", || {
            select! {
                send(sender, message()) -> sent => sent.unwrap(),
                recv(never) -> _ => unreachable!(),
            }
        });
        if sent.is_none() {
            sender.send(Fragile(0)).unwrap();
        }
        sender.send(Fragile(1)).unwrap();
        let [one, two] = thread.join().unwrap();
        assert_eq!((one.0, two.0), (0, 1));
        steps.drop([one, two]);
        Fragile::assert_gone(2);
        steps.outcome()
    }
    vec![
        Model::new(
            "sf_sel_4_message_past_a_panic",
            &["SF-SEL-4", "LV-SEL-1"],
            &["no panic", "out of drop", "out of select"],
            || run(0),
        ),
        Model::new(
            "sf_sel_4_message_for_a_place_past_a_panic",
            &["SF-SEL-4", "LV-SEL-1"],
            &["no panic", "out of drop", "out of select"],
            || run(1),
        ),
    ]
}

/// A panic comes between the choice of an operation and its completion, of each side: no value is lost.
fn between_choice_and_completion() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded(1));
        let thread = {
            let receiver = receiver.clone();
            spawn(move || receiver.recv().unwrap())
        };
        let send = |number| {
            let mut select = Select::new();
            select.send(&sender);
            let operation = select.select();
            step();
            operation.send(&sender, Fragile(number)).unwrap();
        };
        let recv = || {
            let mut select = Select::new();
            select.recv(&receiver);
            let operation = select.select();
            step();
            operation.recv(&receiver).unwrap()
        };
        for number in 0..2 {
            steps.of("select", || send(number)).unwrap_or_else(|| send(number));
        }
        let (mine, theirs) = (steps.of("select", recv).unwrap_or_else(recv), thread.join().unwrap());
        assert_eq!(mine.0 + theirs.0, 1);
        steps.drop(mine);
        steps.drop(theirs);
        Fragile::assert_gone(2);
        steps.outcome()
    }
    vec![Model::new("sf_sel_4_between_past_a_panic", &["SF-SEL-4"], &["no panic", "out of drop", "out of select"], run)]
}

/// The place that a select was given goes to a task when the select's message panics; the task's waker panics, too.
fn given_up() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, (sender, receiver)) = (Steps::begin(), bounded(1));
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let mut select = Select::new();
        select.send(&sender);
        let operation = select.select();
        let mut task = sender.send_async(1);
        assert!(poll(&mut task, &woken.clone().into()).is_pending());
        let sent = steps.of("select", || {
            let operation = operation;
            step();
            operation.send(&sender, 0).unwrap();
        });
        assert_eq!(woken.0.load(Relaxed), sent.is_none().into());
        let received = receiver.try_recv();
        assert_eq!(received, Ok(sent.map_or(1, |()| 0)));
        steps.outcome()
    }
    vec![
        Model::new(
            "sf_sel_4_given_up_past_two_panics",
            &["SF-SEL-4", "SF-SEL-2"],
            &["contained", "no panic", "out of select", "out of select, contained"],
            run,
        )
        .under(TWO_PANICS),
    ]
}

/// Two tasks and a thread wait for the last guard: all are told, though the tasks' wakers panic.
fn last_guard() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, group) = (Steps::begin(), WaitGroup::new());
        let guard = group.guard();
        let wakers = [FragileWaker::new(), FragileWaker::new()];
        let mut tasks = [group.wait_async(), group.wait_async()];
        let mut stand = [false; 2];
        for ((task, stands), (_, waker)) in tasks.iter_mut().zip(&mut stand).zip(&wakers) {
            *stands = steps.of("poll", || assert!(poll(task, waker).is_pending())).is_some();
        }
        let other = group.clone();
        race(move || other.wait(), || steps.drop(guard));
        for ((task, stands), (woken, waker)) in tasks.iter_mut().zip(stand).zip(&wakers) {
            assert_eq!(woken.count(), stands.into());
            steps.of("poll", || assert!(poll(task, waker).is_ready()));
        }
        steps.drop(tasks);
        for (woken, waker) in wakers {
            steps.drop(waker);
            assert_eq!(Arc::strong_count(&woken), 1);
        }
        drop(group.guard());
        group.wait();
        steps.outcome()
    }
    vec![Model::new("lv_wg_1_guard_past_a_panic", &["LV-WG-1"], &["no panic", "out of drop", "out of poll"], run)]
}

/// What `WaitGroup::spawn` runs, but for the end of the thread, which an explorer takes for a failure: where the work
/// panics, the wait ends all the same.
fn work_with_a_guard() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, group) = (Steps::begin(), WaitGroup::new());
        let guard = group.guard();
        let work = move || {
            let _guard = guard;
            step();
        };
        let (worked, ()) = race(move || attempt(work), || group.wait());
        steps.note("work", worked);
        steps.outcome()
    }
    vec![Model::new("lv_wg_1_work_past_a_panic", &["LV-WG-1"], &["no panic", "out of work"], run)]
}

/// A thread waits for the token, a task for its child; both tokens have callbacks: whatever panics, all are told, and
/// all run.
fn cancel() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, token, runs) = (Steps::begin(), CancellationToken::new(), Arc::default());
        let child = token.child_token();
        [&token, &token, &child].into_iter().for_each(|token| drop(token.on_cancel(callback(&runs))));
        let (woken, waker) = FragileWaker::new();
        let mut task = child.cancelled();
        let stands = steps.of("poll", || assert!(poll(&mut task, &waker).is_pending())).is_some();
        let thread = {
            let token = token.clone();
            spawn(move || token.wait())
        };
        steps.of("cancel", || assert!(token.cancel()));
        assert!(token.is_cancelled() && child.is_cancelled());
        assert_eq!((runs.load(Relaxed), woken.count()), (3, stands.into()));
        thread.join().unwrap();
        steps.of("poll", || assert!(poll(&mut task, &waker).is_ready()));
        steps.drop(task);
        steps.drop(waker);
        assert_eq!(Arc::strong_count(&woken), 1);
        assert!(!token.cancel());
        steps.outcome()
    }
    vec![
        Model::new(
            "lv_cx_2_cancel_past_a_panic",
            &["LV-CX-2", "SF-CX-2", "SF-CX-3"],
            &["no panic", "out of cancel", "out of drop", "out of poll"],
            run,
        )
        .under(SWEEP_BOUNDED),
    ]
}

/// Two callbacks panic, and a waker: the first panic comes out, when all has been done.
fn two_callbacks() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, token, runs) = (Steps::begin(), CancellationToken::new(), Arc::default());
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let mut task = token.cancelled();
        assert!(poll(&mut task, &woken.clone().into()).is_pending());
        (0..2).for_each(|_| drop(token.on_cancel(callback(&runs))));
        steps.of("cancel", || assert!(token.cancel()));
        assert_eq!((runs.load(Relaxed), woken.0.load(Relaxed)), (2, 1));
        steps.outcome()
    }
    vec![
        Model::new(
            "lv_cx_2_cancel_past_two_panics",
            &["LV-CX-2"],
            &["no panic", "out of cancel", "out of cancel, contained"],
            run,
        )
        .under(TWO_PANICS),
    ]
}

/// Callbacks run at their token's deadline, on a thread of the crate's, or at once, if it has passed: one that panics
/// does not keep the other from it.
fn deadline() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, token) = (Steps::begin(), CancellationToken::new().with_timeout(SHORT));
        let (sender, receiver) = unbounded();
        for number in 0..2 {
            let sender = sender.clone();
            let callback = move || {
                sender.send(number).unwrap();
                step();
            };
            steps.of("on_cancel", || token.on_cancel(callback));
        }
        drop(sender);
        let mut run: Vec<usize> = receiver.iter().collect();
        run.sort_unstable();
        assert_eq!(run, [0, 1]);
        assert!(token.is_cancelled());
        steps.outcome()
    }
    vec![
        Model::new(
            "lv_cx_2_deadline_past_a_panic",
            &["LV-CX-2", "SF-CX-3"],
            &["contained", "no panic", "out of on_cancel"],
            run,
        )
        .under(SWEEP_BOUNDED),
    ]
}

/// A callback is run by whoever comes last, the one who registers or the one who cancels: its panic comes out of that
/// call.
fn on_cancel() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, token, runs) = (Steps::begin(), CancellationToken::new(), Arc::default());
        let other = token.clone();
        let cancelling = move || attempt(|| assert!(other.cancel()));
        let (cancelled, ()) = race(cancelling, || drop(steps.of("on_cancel", || token.on_cancel(callback(&runs)))));
        steps.note("cancel", cancelled);
        assert_eq!(runs.load(Relaxed), 1);
        steps.of("on_cancel", || token.on_cancel(callback(&runs)));
        assert_eq!(runs.load(Relaxed), 2);
        steps.outcome()
    }
    vec![Model::new(
        "sf_cx_3_on_cancel_past_a_panic",
        &["SF-CX-3", "LV-CX-2"],
        &["no panic", "out of cancel", "out of on_cancel"],
        run,
    )]
}

/// A callback that is taken back is dropped, with what it holds; the other one runs.
fn stop() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, token, runs) = (Steps::begin(), CancellationToken::new(), Arc::default());
        let (held, count) = (Fragile(0), callback(&runs));
        let registered = token.on_cancel(move || {
            count();
            drop(held);
        });
        token.on_cancel(callback(&runs));
        let other = token.clone();
        let cancelling = move || attempt(|| assert!(other.cancel()));
        let (cancelled, stopped) = race(cancelling, || steps.of("stop", || registered.stop()));
        steps.note("cancel", cancelled);
        assert_eq!(runs.load(Relaxed), if stopped.unwrap_or(true) { 1 } else { 2 });
        Fragile::assert_gone(1);
        steps.outcome()
    }
    vec![Model::new(
        "sf_cx_3_stop_past_a_panic",
        &["SF-CX-3", "LV-CX-2"],
        &["no panic", "out of cancel", "out of stop"],
        run,
    )]
}

/// Callbacks that never run are dropped with their token, though the drop of one panics.
fn never_run() -> Vec<Model> {
    fn run() -> String {
        let mut steps = Steps::begin();
        let token = CancellationToken::new();
        for number in 0..2 {
            let held = Fragile(number);
            token.on_cancel(move || drop(held));
        }
        steps.drop(token);
        Fragile::assert_gone(2);
        steps.outcome()
    }
    vec![Model::new("sf_cx_3_never_run_past_a_panic", &["SF-CX-3"], &["no panic", "out of drop"], run)]
}

/// A child with a callback loses its last handle while its parent is being cancelled: whoever runs the callback, the
/// parent's other child is cancelled.
fn last_handle() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, token) = (Steps::begin(), CancellationToken::new());
        let (child, sibling) = (token.child_token(), token.child_token());
        let held = Fragile(0);
        child.on_cancel(move || drop(held));
        let thread = spawn(move || attempt(|| drop(child)));
        steps.of("cancel", || assert!(token.cancel()));
        assert!(sibling.is_cancelled());
        steps.note("drop", thread.join().unwrap());
        Fragile::assert_gone(1);
        steps.outcome()
    }
    vec![
        Model::new(
            "lv_cx_2_last_handle_past_a_panic",
            &["LV-CX-2", "SF-CX-2"],
            &["contained", "no panic", "out of cancel"],
            run,
        )
        .under(SWEEP_BOUNDED),
    ]
}

/// One cause is kept until the last handle goes, the others come too late: each is dropped, once.
fn causes() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, token, made) = (Steps::begin(), CancellationToken::new(), AtomicUsize::new(0));
        let child = token.child_token();
        for _ in 0..3 {
            steps.of("cancel_with", || token.cancel_with(Making(&made)));
        }
        assert_eq!(child.check().unwrap_err().to_string(), "0");
        steps.drop(token);
        steps.drop(child);
        Fragile::assert_gone(made.into_inner());
        steps.outcome()
    }
    vec![Model::new(
        "sf_cx_1_causes_past_a_panic",
        &["SF-CX-1"],
        &["no panic", "out of cancel_with", "out of drop"],
        run,
    )]
}

/// A cause whose making and whose end are steps.
#[derive(Debug)]
struct FragileCause(Fragile);

impl fmt::Display for FragileCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.0)
    }
}

impl Error for FragileCause {}

/// What it is made of: with how many have been made.
struct Making<'a>(&'a AtomicUsize);

impl From<Making<'_>> for Box<dyn Error + Send + Sync> {
    fn from(Making(made): Making<'_>) -> Self {
        step();
        Box::new(FragileCause(Fragile(made.fetch_add(1, Relaxed))))
    }
}

/// A wait for a token is polled by one task, and by another, and dropped: whatever the wakers throw, it ends with the
/// token's deadline.
fn cancelled_futures() -> Vec<Model> {
    fn run() -> String {
        let (mut steps, token) = (Steps::begin(), CancellationToken::new().with_timeout(SHORT));
        let [(first, one), (second, other)] = [FragileWaker::new(), FragileWaker::new()];
        let mut task = token.cancelled();
        steps.of("poll", || assert!(poll(&mut task, &one).is_pending()));
        steps.of("poll", || poll(&mut task, &other).is_ready());
        token.wait();
        steps.of("poll", || assert!(poll(&mut task, &other).is_ready()));
        steps.drop(task);
        steps.drop(one);
        steps.drop(other);
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
        steps.outcome()
    }
    vec![
        Model::new(
            "lv_cx_1_futures_past_a_panic",
            &["LV-CX-1"],
            &["contained", "no panic", "out of drop", "out of poll"],
            run,
        )
        .one_way("nobody cancels"),
    ]
}

/// A receive has a value to return, and lets go of what a waker throws.
const RECEIVED: &[&str] = &["contained", "no panic", "out of drop", "out of poll"];

/// The value that a task was told of. If the poll panics, the next one finds it.
fn told<F: Future<Output = Result<Fragile, RecvError>> + Unpin>(
    steps: &mut Steps,
    task: &mut F,
    waker: &Waker,
) -> Fragile {
    let polled = steps.of("poll", || poll(task, waker)).unwrap_or_else(|| poll(task, waker));
    let Poll::Ready(Ok(value)) = polled else { panic!("it is there") };
    value
}

/// A waker whose wake alone is a step.
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
        step();
    }
}

/// A callback that counts, and is a step.
pub(super) fn callback(runs: &Arc<AtomicUsize>) -> impl FnOnce() + Send + 'static {
    let runs = runs.clone();
    move || {
        runs.fetch_add(1, Relaxed);
        step();
    }
}
