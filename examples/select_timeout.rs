//! From the notes on goroutines, whose selects have a `default`, a ticker and a context with a time-out: the ways not
//! to wait for ever, as arms of a `select!`.
//!
//! `cargo run --example select_timeout`

use std::thread;
use std::time::{Duration, Instant};

use hence::channel::{after, never, select, tick, unbounded};

const SHORT: Duration = Duration::from_millis(20);

pub(crate) fn main() {
    if cfg!(any(loom, shuttle)) {
        return; // the explorers have models of it
    }
    let begun = Instant::now();
    let say = |what: &str| println!("{:3} ms: {what}", begun.elapsed().as_millis());
    let (sender, receiver) = unbounded();

    // Not at all. SF-SEL-3: at one moment nothing was ready.
    select! {
        recv(receiver) -> _ => unreachable!(),
        default => say("nothing there: default"),
    }

    // For a while. LV-TM-1: it returns once its time is up; SF-TM-2: and it has taken nothing.
    select! {
        recv(receiver) -> _ => unreachable!(),
        default(SHORT) => say("nothing came: default(20 ms)"),
    }

    // `time.After`: a time-out as a channel. Made outside the loop it limits all turns together, inside it each.
    let slow = thread::spawn(move || {
        for i in 1.. {
            thread::sleep(SHORT / 2);
            if sender.send(i).is_err() {
                break; // nobody listens any more
            }
        }
    });
    let limit = after(3 * SHORT);
    loop {
        select! {
            recv(receiver) -> i => say(&format!("value {}", i.unwrap())),
            recv(limit) -> due => {
                assert!(due.unwrap() <= Instant::now()); // SF-TM-1: never early
                say("enough: after(60 ms)");
                break;
            }
        }
    }

    // `time.Tick`, and an arm that is switched off: Go's nil channel.
    let (ticks, nil) = (tick(SHORT), never::<()>());
    for _ in 0..3 {
        select! {
            recv(ticks) -> _ => say(&format!("tick, {} values wait", receiver.len())),
            recv(nil) -> _ => unreachable!(),
        }
    }

    drop(receiver); // LV-CH-2
    slow.join().unwrap();
    say("the sender has left");
}
