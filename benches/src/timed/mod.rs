//! One sample of a cell: picks the loop that does its work, for any peer. `None`: not this peer's work.

mod across;
mod one_thread;
mod pool;
mod select;
mod task;
mod threads;
mod token;
mod wait_group;

use crate::{
    cells::{Cell, ChannelWork, PoolWork, Size, TaskWork, TokenWork, WaitGroupWork, Work},
    peers::{
        channel::Payload,
        pool::Pool,
        select::Selects,
        task::TaskChannel,
        token::{Check, Token},
        wait_group::WaitGroup,
    },
};
use std::time::Duration;

/// How long `P` takes to do the cell's work so many times on new channels.
pub fn channel<P: Selects>(cell: &Cell, times: usize) -> Option<Duration> {
    match cell.work {
        Work::Channel { size: Size::Usize, .. } => on_channel::<P, usize>(cell, times),
        Work::Channel { size: Size::Words, .. } => on_channel::<P, [u64; 8]>(cell, times),
        _ => None,
    }
}

fn on_channel<P: Selects, T: Payload>(cell: &Cell, times: usize) -> Option<Duration> {
    let Work::Channel { work, capacity, .. } = cell.work else { return None };
    match work {
        ChannelWork::Pair => one_thread::fill_drain::<P, T>(capacity, 1, times),
        ChannelWork::FillDrain => one_thread::fill_drain::<P, T>(capacity, capacity.unwrap_or(1024), times),
        ChannelWork::Create => one_thread::create::<P, T>(capacity, times),
        ChannelWork::Across { senders, receivers } => across::transfer::<P, T>(capacity, senders, receivers, times),
        ChannelWork::PingPong => across::ping_pong::<P, T>(capacity, times),
        ChannelWork::Latency { senders, receivers, q } => across::latency::<P>(capacity, senders, receivers, q, times),
        ChannelWork::Ready(form, arms) => select::ready::<P>(capacity?, form, arms, times),
        ChannelWork::Default(form, arms) => select::default::<P>(capacity, form, arms, times),
        ChannelWork::Fed(arms) => select::fed::<P>(capacity, arms, times),
    }
}

/// The same on channels between tasks.
pub fn tasks<P: TaskChannel>(cell: &Cell, times: usize) -> Option<Duration> {
    let Work::Tasks { work, executor, capacity } = cell.work else { return None };
    match work {
        TaskWork::PingPong => task::ping_pong::<P>(executor, capacity, times),
        TaskWork::Across { senders } => task::transfer::<P>(executor, capacity, senders, times),
    }
}

/// The same on tokens.
pub fn token<P: Token>(cell: &Cell, times: usize) -> Option<Duration> {
    let Work::Token(work) = cell.work else { return None };
    match work {
        TokenWork::Check { .. } => check::<P>(cell, times),
        TokenWork::Child => token::child::<P>(times),
        TokenWork::Cancel(children) => token::cancel::<P>(children, times),
        TokenWork::Chain(descendants) => token::chain::<P>(descendants, times),
        TokenWork::WakeTasks(tasks) => token::wake_tasks::<P>(tasks, times),
        TokenWork::WakeThreads(threads) => token::wake_threads::<P>(threads, times),
    }
}

/// The same on what can only be looked at.
pub fn check<P: Check>(cell: &Cell, times: usize) -> Option<Duration> {
    let Work::Token(TokenWork::Check { threads, deadline }) = cell.work else { return None };
    token::check::<P>(threads, deadline, times)
}

/// The same on wait groups.
pub fn wait_group<P: WaitGroup>(cell: &Cell, times: usize) -> Option<Duration> {
    let Work::WaitGroup(work) = cell.work else { return None };
    Some(match work {
        WaitGroupWork::Guard => wait_group::guard::<P>(times),
        WaitGroupWork::ForkJoin(workers) => wait_group::fork_join::<P>(workers, times),
        WaitGroupWork::Drops(threads) => wait_group::drops::<P>(threads, times),
    })
}

/// The same on pools.
pub fn pool<P: Pool>(cell: &Cell, times: usize) -> Option<Duration> {
    let Work::Pool(work) = cell.work else { return None };
    match work {
        PoolWork::Jobs(threads) => Some(pool::jobs::<P, _>(threads, times, |_| pool::count_off)),
        PoolWork::Words(threads) => Some(pool::jobs::<P, _>(threads, times, pool::carrying)),
        PoolWork::Scope => pool::scope::<P>(times),
        PoolWork::RoundTrip => Some(pool::round_trip::<P>(times)),
        PoolWork::Joins(levels) => pool::tree::<P>(P::JOINS, levels, times),
        PoolWork::Scopes(levels) => pool::tree::<P>(P::SCOPES, levels, times),
        PoolWork::Busy => Some(pool::busy::<P>(times)),
        PoolWork::Late(q) => Some(pool::late::<P>(q, times)),
        PoolWork::Resize => pool::resize::<P>(times),
    }
}
