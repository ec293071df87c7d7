//! The loops of channels across threads.

use super::threads::{Job, quantile, share, together};
use crate::peers::channel::{Capacity, Channel, Payload};
use std::{
    hint::black_box,
    iter, mem,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

/// From any of the senders to any of the receivers, who go on until the senders are gone: one lost is a wrong sum.
pub fn transfer<P: Channel, T: Payload>(
    capacity: Capacity,
    senders: usize,
    receivers: usize,
    times: usize,
) -> Option<Duration> {
    let (tx, rx) = P::make::<T>(capacity)?;
    let txs = iter::repeat_n(tx, senders).enumerate().map(|(nth, tx)| -> Job<'_> {
        Box::new(move || {
            share(times, nth, senders).for_each(|number| P::send(&tx, black_box(T::of(number))));
            0
        })
    });
    let rxs = shared::<P, _>(rx, receivers)?.into_iter().map(|rx| -> Job<'_> {
        Box::new(move || iter::from_fn(|| P::recv(&rx)).map(|message| black_box(message).number()).sum())
    });
    let (sum, time) = together(rxs.chain(txs).collect());
    assert_eq!(sum, (0..times).sum(), "what was received is not what was sent");
    Some(time)
}

/// The `q`-quantile of the times from the start of a send until its message has been received, as if each had taken
/// that. One of the senders sends every 20 us; whose turn has not come gives way to others.
pub fn latency<P: Channel>(
    capacity: Capacity,
    senders: usize,
    receivers: usize,
    q: f64,
    times: usize,
) -> Option<Duration> {
    const PACE: Duration = Duration::from_micros(20);
    let (tx, rx) = P::make::<usize>(capacity)?;
    let (epoch, late) = (Instant::now(), &Mutex::new(Vec::with_capacity(times)));
    let now = move || epoch.elapsed().as_nanos() as usize;
    let txs = iter::repeat_n(tx, senders).enumerate().map(|(nth, tx)| -> Job<'_> {
        Box::new(move || {
            let mut turn = Instant::now() + PACE * nth as u32;
            for _ in share(times, nth, senders) {
                while Instant::now() < turn {
                    thread::yield_now();
                }
                P::send(&tx, now());
                turn = Instant::now() + PACE * senders as u32; // who is late does not make up for it
            }
            0
        })
    });
    let rxs = shared::<P, _>(rx, receivers)?.into_iter().map(|rx| -> Job<'_> {
        Box::new(move || {
            let late_by = |sent| Duration::from_nanos((now() - sent) as u64);
            let own: Vec<_> = iter::from_fn(|| P::recv(&rx)).map(late_by).collect();
            late.lock().unwrap().extend(own);
            0
        })
    });
    together(rxs.chain(txs).collect());
    let late = mem::take(&mut *late.lock().unwrap());
    assert_eq!(late.len(), times, "a message got lost");
    Some(quantile(q, late) * times as u32)
}

/// So many receivers of one channel; `None` if this peer has but one.
fn shared<P: Channel, T: Payload>(rx: P::Rx<T>, receivers: usize) -> Option<Vec<P::Rx<T>>> {
    let more: Option<Vec<_>> = (1..receivers).map(|_| P::share(&rx)).collect();
    Some(more?.into_iter().chain([rx]).collect())
}

/// A message at a time, there and back.
pub fn ping_pong<P: Channel, T: Payload>(capacity: Capacity, times: usize) -> Option<Duration> {
    let ((ping, pinged), (pong, ponged)) = (P::make::<T>(capacity)?, P::make::<T>(capacity)?);
    let player: Job<'_> = Box::new(move || {
        let there_and_back = |number| {
            P::send(&ping, black_box(T::of(number)));
            black_box(P::recv(&ponged)).unwrap().number()
        };
        (0..times).map(there_and_back).sum()
    });
    let wall: Job<'_> = Box::new(move || {
        iter::from_fn(|| P::recv(&pinged)).for_each(|message| P::send(&pong, message));
        0
    });
    let (sum, time) = together(vec![player, wall]);
    assert_eq!(sum, (0..times).sum(), "what came back is not what was sent");
    Some(time)
}
