//! From the notes on goroutines, on leaks ("Goroutine泄露"): a producer sends 0, 1, 2, .. for ever, the consumer breaks
//! out of its loop at 5, and the producer stays blocked in its send. Shown first, then ended in four ways: dropping
//! the receiver, close, a select on a done channel, and, as in the notes, a context.
//!
//! `cargo run --example leaked_producer`

use std::thread::{self, JoinHandle};
use std::time::Duration;

use hence::cancel::CancellationToken;
use hence::channel::{Receiver, Sender, bounded, select};

/// Sends until it is refused; returns the number that nobody took.
fn produce(numbers: Sender<u32>) -> u32 {
    let mut i = 0;
    loop {
        // SF-CH-1: what cannot be sent comes back.
        match numbers.send(i) {
            Ok(()) => i += 1,
            Err(refused) => return refused.into_inner(),
        }
    }
}

/// The same, but looks at `done` too.
fn produce_until(numbers: Sender<u32>, done: Receiver<()>) -> u32 {
    let mut i = 0;
    loop {
        select! {
            send(numbers, i) -> sent => if sent.is_err() { return i } else { i += 1 },
            recv(done) -> _ => return i, // LV-SEL-1: wakes for either; SF-SEL-1: and i was not sent
        }
    }
}

/// The same with a context.
fn produce_or_cancelled(numbers: Sender<u32>, context: CancellationToken) -> u32 {
    // SF-CX-5: sent, or handed back.
    (0..).find_map(|i| numbers.send_or_cancelled(i, &context).err()).expect("ends only so").into_inner()
}

/// The consumer that breaks.
fn consume(numbers: &Receiver<u32>) {
    for i in numbers {
        if i == 5 {
            break;
        }
    }
}

fn report(how: &str, producer: JoinHandle<u32>) {
    println!("{how}: the producer has left, with {} in its hand", producer.join().unwrap());
}

pub(crate) fn main() {
    if cfg!(any(loom, shuttle)) {
        return; // the explorers have models of it
    }
    let (sender, numbers) = bounded(0);
    let producer = thread::spawn(move || produce(sender));
    consume(&numbers);
    thread::sleep(Duration::from_millis(50));
    println!("nobody receives any more: has the producer left? {}", producer.is_finished());

    // In Go the channel would stay, since the producer holds it. Here each side has handles of its own.
    drop(numbers);
    report("the receiver dropped", producer); // LV-CH-2: the last receiver's drop wakes everyone

    let (sender, numbers) = bounded(0);
    let producer = thread::spawn(move || produce(sender));
    consume(&numbers);
    numbers.close(); // LV-CH-2; for a receiver that has clones elsewhere
    report("the channel closed", producer);

    let (sender, numbers) = bounded(0);
    let (done, finished) = bounded(0);
    let producer = thread::spawn(move || produce_until(sender, finished));
    consume(&numbers);
    drop(done); // closes it: everybody who selects on it learns of that, however many they are
    report("a done channel", producer);

    let (sender, numbers) = bounded(0);
    let context = CancellationToken::new();
    let producer = {
        let context = context.child_token();
        thread::spawn(move || produce_or_cancelled(sender, context))
    };
    consume(&numbers);
    context.cancel(); // SF-CX-2, LV-CX-1
    report("a context", producer);
}
