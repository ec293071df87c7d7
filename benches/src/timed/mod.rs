//! One sample of a cell: picks the loop that does its work, for any peer.

mod across;
mod one_thread;
mod select;

use crate::{
    cells::{Cell, Size, Work},
    peers::{Payload, select::Selects},
};
use std::time::Duration;

/// How long `P` takes to do the cell's work so many times on new channels; `None` if it cannot.
pub fn sample<P: Selects>(cell: &Cell, times: usize) -> Option<Duration> {
    match cell.size {
        Size::Usize => work::<P, usize>(cell, times),
        Size::Words => work::<P, [u64; 8]>(cell, times),
    }
}

fn work<P: Selects, T: Payload>(cell: &Cell, times: usize) -> Option<Duration> {
    let capacity = cell.capacity;
    match cell.work {
        Work::Pair => one_thread::fill_drain::<P, T>(capacity, 1, times),
        Work::FillDrain => one_thread::fill_drain::<P, T>(capacity, capacity.unwrap_or(1024), times),
        Work::Create => one_thread::create::<P, T>(capacity, times),
        Work::Across { senders, receivers } => across::transfer::<P, T>(capacity, senders, receivers, times),
        Work::PingPong => across::ping_pong::<P, T>(capacity, times),
        Work::Ready(form, arms) => select::ready::<P>(capacity?, form, arms, times),
        Work::Default(form, arms) => select::default::<P>(capacity, form, arms, times),
        Work::Fed(arms) => select::fed::<P>(capacity, arms, times),
    }
}
