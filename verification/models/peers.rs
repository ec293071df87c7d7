//! Bugs that peers had, re-created in a few lines each and expected to fail: they show that the explorers and the
//! models' form can see them. That we are free of them is shown by the models of our own API, named beside each.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use hence_registry::Model;

use super::harness::{Arc, Witness, spawn};
use super::{DEADLOCK, RACE};
use crate::hence::sync::{AtomicBool, AtomicUsize, Lock, Parker};

pub(super) fn models() -> Vec<Model> {
    vec![
        Model::failing("peers_c2_disconnect_orders_nothing", &[], RACE, disconnect_orders_nothing),
        Model::failing(
            "peers_c3_end_before_the_last_value",
            &[],
            &["the last value is lost"],
            end_before_the_last_value,
        ),
        Model::failing("peers_w1_check_before_registering", &[], DEADLOCK, check_before_registering),
    ]
}

/// crossbeam-channel #838: the last sender's drop is seen by a relaxed load. Ours: `hb_ch_4_*`.
fn disconnect_orders_nothing() -> String {
    let (disconnected, witness) = (Arc::new(AtomicBool::new(false)), Witness::new());
    let sender = {
        let (disconnected, witness) = (disconnected.clone(), witness.clone());
        spawn(move || {
            witness.write(1);
            disconnected.store(true, Release);
        })
    };
    let seen = disconnected.load(Relaxed).then(|| witness.read());
    sender.join().unwrap();
    format!("{seen:?}")
}

/// crossfire #70, flume #78: the receiver finds the buffer empty, the sender sends and leaves, the receiver finds the
/// channel closed and does not look again. Ours: `sf_ch_4_*`.
fn end_before_the_last_value() -> String {
    let (buffer, closed) = (Arc::new(Lock::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let sender = {
        let (buffer, closed) = (buffer.clone(), closed.clone());
        spawn(move || {
            buffer.with(|buffer| buffer.push(1));
            closed.store(true, Release);
        })
    };
    let received = buffer.with(|buffer| buffer.pop());
    let ended = received.is_none() && closed.load(Acquire);
    sender.join().unwrap();
    assert!(!ended, "the last value is lost");
    format!("{received:?}")
}

/// staticgc/taskwait #1: the count is looked at, and the waiter registered, in two steps. Ours: `lv_wg_1_*`.
fn check_before_registering() -> String {
    let count = Arc::new(AtomicUsize::new(1));
    let registered = Arc::new(Lock::new(None::<Arc<Parker>>));
    let worker = {
        let (count, registered) = (count.clone(), registered.clone());
        spawn(move || {
            count.store(0, Release);
            if let Some(parker) = registered.with(Option::take) {
                parker.unpark();
            }
        })
    };
    if count.load(Acquire) > 0 {
        let parker = Arc::new(Parker::current());
        registered.with(|registered| *registered = Some(parker.clone()));
        // The count may have come down between the look and the registration; nobody will say so again.
        loop {
            parker.park();
            if count.load(Acquire) == 0 {
                break;
            }
        }
    }
    worker.join().unwrap();
    "released".into()
}
