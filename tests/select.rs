//! Select and timers on real threads, each promise of the docs on its own.
#![cfg(not(any(loom, shuttle)))]

use std::thread;
use std::time::{Duration, Instant};

use hence::channel::{self, Select, after, at, bounded, never, select, select_biased, tick, unbounded};

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(10);

#[test]
fn a_ready_receive_is_chosen() {
    let (s1, r1) = unbounded();
    let (_s2, r2) = unbounded::<i32>();
    s1.send(1).unwrap();
    select! {
        recv(r1) -> v => assert_eq!(v, Ok(1)),
        recv(r2) -> _ => panic!(),
    }
    select! {
        recv(r1) -> _ => panic!(),
        recv(r2) -> _ => panic!(),
        default => {}
    }
    let begun = Instant::now();
    select! {
        recv(r1) -> _ => panic!(),
        recv(r2) -> _ => panic!(),
        default(SHORT) => {}
    }
    assert!(begun.elapsed() >= SHORT);
}

#[test]
fn rendezvous_select_against_select() {
    let (s, r) = bounded(0);
    let (t, u) = bounded(0);
    let n = 10_000;
    let other = thread::spawn(move || {
        let (mut got, mut sent) = (0, 0);
        for i in 0..n {
            select! {
                recv(r) -> v => { assert!(v.is_ok()); got += 1; }
                send(t, i) -> res => { res.unwrap(); sent += 1; }
            }
        }
        (got, sent)
    });
    let (mut got, mut sent) = (0, 0);
    for i in 0..n {
        select! {
            send(s, i) -> res => { res.unwrap(); sent += 1; }
            recv(u) -> v => { assert!(v.is_ok()); got += 1; }
        }
    }
    let (got2, sent2) = other.join().unwrap();
    assert_eq!((got, sent), (sent2, got2));
}

#[test]
fn select_send_meets_plain_receive_and_try_receive() {
    let (s, r) = bounded(0);
    let other = thread::spawn(move || {
        for i in 0..1000 {
            select! { send(s, i) -> res => res.unwrap() }
        }
    });
    for i in 0..500 {
        assert_eq!(r.recv(), Ok(i));
    }
    for i in 500..1000 {
        let v = loop {
            if let Ok(v) = r.try_recv() {
                break v;
            }
            thread::yield_now();
        };
        assert_eq!(v, i);
    }
    other.join().unwrap();
}

#[test]
fn a_message_that_panics_takes_the_send_back() {
    for capacity in [0, 1] {
        let (s, r) = bounded::<i32>(capacity);
        let other = thread::spawn(move || r.recv());
        thread::sleep(SHORT);
        let panicked = std::panic::catch_unwind(|| {
            select! { send(s, panic!("the message")) -> _ => {} }
        });
        assert!(panicked.is_err());
        s.send(7).unwrap();
        assert_eq!(other.join().unwrap(), Ok(7));
    }
}

#[test]
fn timers() {
    let begun = Instant::now();
    let (a, never) = (after(SHORT), never::<()>());
    select! {
        recv(a) -> m => assert!(m.unwrap() >= begun + SHORT),
        recv(never) -> _ => panic!(),
    }
    assert!(begun.elapsed() >= SHORT);
    assert!(a.try_recv().is_err());
    assert!(a.recv_timeout(SHORT).is_err());
    let when = Instant::now() + SHORT;
    assert_eq!(at(when).recv(), Ok(when));
    let ticks = tick(SHORT);
    let begun = Instant::now();
    assert_eq!(ticks.iter().take(3).count(), 3);
    assert!(begun.elapsed() >= SHORT * 3 - Duration::from_millis(1));
}

#[test]
fn body_forms() {
    let (s, r) = unbounded::<u32>();
    s.send(1).unwrap();
    let v = 'outer: loop {
        select_biased! {
            recv(r) -> v => break 'outer v.unwrap(),
            default() => continue,
        }
    };
    assert_eq!(v, 1);
    let x = select!(recv(&r) -> _ => 1, default(Duration::ZERO) => 2);
    assert_eq!(x, 2);
    fn question(r: &channel::Receiver<u32>) -> Result<u32, channel::RecvError> {
        select! { recv(r) -> v => Ok(v? + 1) }
    }
    s.send(2).unwrap();
    assert_eq!(question(&r), Ok(3));
    drop(s);
    assert!(question(&r).is_err());
    // The body may move what the arms borrow.
    let (s, r) = unbounded::<u32>();
    select! {
        recv(r) -> _ => drop(r),
        send(s, 1) -> _ => { drop(s); drop(r) }
    }
}

#[test]
fn many_operations() {
    let channels: Vec<_> = (0..1000).map(|_| bounded::<usize>(1)).collect();
    let mut select = Select::new();
    for (_, r) in &channels {
        select.recv(r);
    }
    assert!(select.try_select().is_err());
    let s = channels[777].0.clone();
    let other = thread::spawn(move || {
        thread::sleep(SHORT);
        s.send(5).unwrap();
    });
    let operation = select.select_timeout(LONG).unwrap();
    assert_eq!(operation.index(), 777);
    assert_eq!(operation.recv(&channels[777].1), Ok(5));
    other.join().unwrap();
}
