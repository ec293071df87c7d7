//! The loops of channels between tasks.

use super::threads::share;
use crate::peers::{
    channel::Capacity,
    task::{Executor, TaskChannel},
};
use std::{hint::black_box, iter, time::Duration};

/// A message at a time, there and back.
pub fn ping_pong<P: TaskChannel>(executor: Executor, capacity: Capacity, times: usize) -> Option<Duration> {
    let ((ping, mut pinged), (pong, mut ponged)) = (P::make(capacity)?, P::make(capacity)?);
    let player = async move {
        let mut sum = 0;
        for number in 0..times {
            P::send(&ping, black_box(number)).await;
            sum += black_box(P::recv(&mut ponged).await).unwrap();
        }
        sum
    };
    let wall = async move {
        while let Some(number) = P::recv(&mut pinged).await {
            P::send(&pong, number).await;
        }
    };
    let (sum, time) = executor.run(player, [wall]);
    assert_eq!(sum, (0..times).sum(), "what came back is not what was sent");
    Some(time)
}

/// From any of the senders to the receiver, who goes on until they are gone.
pub fn transfer<P: TaskChannel>(
    executor: Executor,
    capacity: Capacity,
    senders: usize,
    times: usize,
) -> Option<Duration> {
    let (tx, mut rx) = P::make(capacity)?;
    let receiver = async move {
        let mut sum = 0;
        while let Some(number) = P::recv(&mut rx).await {
            sum += black_box(number);
        }
        sum
    };
    let txs = iter::repeat_n(tx, senders).enumerate().map(|(nth, tx)| async move {
        for number in share(times, nth, senders) {
            P::send(&tx, black_box(number)).await;
        }
    });
    let (sum, time) = executor.run(receiver, txs);
    assert_eq!(sum, (0..times).sum(), "what was received is not what was sent");
    Some(time)
}
