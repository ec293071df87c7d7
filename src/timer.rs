//! Timers: receivers of messages that come at moments. Each message is the moment, an `Instant`, that it was due at.
//!
//! They can be received from alone, cloned, and stand in a select; clones share the messages. A timer costs no thread
//! and nothing while nobody waits for it: whoever receives sleeps until the moment. (A *task* cannot sleep: if one
//! waits for a timer by `recv_async`, a thread is started that wakes tasks, one for the process; another one
//! while a waker runs, so that one that is slow stops no other. Where the system refuses a thread, a task polls until its
//! moment. In a child process after a fork, a task's timer that was set before it rings once the task has been polled
//! again.)
//!
//! # Happens-before
//! **HB-TM-1.** The receive that takes one message of a timer happens before the return of each receive that takes a
//! later one. *Not promised:* anything by a time-out as such, or by the passing of time.
//!
//! # Safety
//! **SF-TM-1.** A message is never early, and its moment is the one it was due at; one message is received once, by one
//! of the receivers, and none pile up. `after` and `at` have one message. Those of `tick` are due at whole numbers of
//! periods after it was made: each at the first of these moments after the one before was received. Those of
//! `tick_delayed` are due a period after that.
//!
//! **SF-TM-2.** A receive or send with a time-out ends in exactly one way: a value that it was given is returned, one
//! that was taken from it has been received by one receiver, and in all other cases it has left no trace; a send gives
//! its value back. One whose time is up when it is called does what can be done at once, and stands in no line.
//!
//! # Liveness
//! **LV-TM-1.** A blocked operation returns once its time is up, and it takes no wake-up with it: whoever else can go
//! on, does.

// Needs: channel/receiver.rs, sync.rs, timer/schedule.rs.

use std::time::{Duration, Instant};

pub(crate) mod schedule;

use super::channel::receiver::Receiver;
use super::sync::{now, on_our_clock};
use schedule::Repeat;

/// One message, `duration` from now. If that is too far away for an `Instant`, it never comes.
///
/// # Happens-before
/// HB-TM-1.
///
/// # Example
/// ```
/// # use std::time::{Duration, Instant};
/// # if cfg!(any(loom, shuttle, hence_loom, hence_shuttle)) { return; }
/// let begun = Instant::now();
/// hence::channel::after(Duration::from_millis(10)).recv().unwrap();
/// assert!(begun.elapsed() >= Duration::from_millis(10));
/// ```
pub fn after(duration: Duration) -> Receiver<Instant> {
    now().checked_add(duration).map_or_else(never, |when| Receiver::timer(when, Repeat::Never))
}

/// One message, at `when`; at once, if that is past.
///
/// # Happens-before
/// HB-TM-1.
///
/// # Example
/// ```
/// # use std::time::{Duration, Instant};
/// # if cfg!(any(loom, shuttle, hence_loom, hence_shuttle)) { return; }
/// let when = Instant::now() + Duration::from_millis(10);
/// assert_eq!(hence::channel::at(when).recv(), Ok(when));
/// assert!(Instant::now() >= when);
/// ```
pub fn at(when: Instant) -> Receiver<Instant> {
    Receiver::timer(on_our_clock(when), Repeat::Never)
}

/// A message every `duration`, the first one `duration` from now: n of them take n times as long, whatever each receipt
/// takes. Who is late finds the first that was missed; the others are left out, and the next one is in step again, as
/// with Go's `time.Ticker`. With [`tick_delayed`] a whole `duration` follows a receipt.
///
/// # Happens-before
/// HB-TM-1.
///
/// # Example
/// ```
/// # use std::time::{Duration, Instant};
/// # if cfg!(any(loom, shuttle, hence_loom, hence_shuttle)) { return; }
/// let begun = Instant::now();
/// let ticks = hence::channel::tick(Duration::from_millis(5));
/// assert_eq!(ticks.iter().take(2).count(), 2);
/// assert!(begun.elapsed() >= Duration::from_millis(10));
/// ```
pub fn tick(duration: Duration) -> Receiver<Instant> {
    repeated(duration, Repeat::InPhase(duration))
}

/// A message `duration` from now, and another one each time `duration` has passed since the last one was *received*: no
/// two are received sooner one after the other, and each late receipt delays all that follow.
///
/// # Happens-before
/// HB-TM-1.
///
/// # Example
/// ```
/// # use std::time::{Duration, Instant};
/// # if cfg!(any(loom, shuttle, hence_loom, hence_shuttle)) { return; }
/// let ticks = hence::channel::tick_delayed(Duration::from_millis(5));
/// std::thread::sleep(Duration::from_millis(8)); // late
/// let received = Instant::now();
/// assert_eq!(ticks.iter().take(2).count(), 2);
/// assert!(received.elapsed() >= Duration::from_millis(5));
/// ```
pub fn tick_delayed(duration: Duration) -> Receiver<Instant> {
    repeated(duration, Repeat::FromReceipt(duration))
}

fn repeated(duration: Duration, repeat: Repeat) -> Receiver<Instant> {
    now().checked_add(duration).map_or_else(never, |when| Receiver::timer(when, repeat))
}

/// A receiver to which nothing ever comes, and that never disconnects: an operation of a select that is left out.
///
/// # Example
/// ```
/// # use hence::channel::{bounded, never, select};
/// let (sender, receiver) = bounded(1);
/// sender.send(1).unwrap();
/// let other = None; // it might be there
/// select! {
///     recv(receiver) -> value => assert_eq!(value, Ok(1)),
///     recv(other.unwrap_or(&never::<i32>())) -> _ => unreachable!(),
/// }
/// ```
pub const fn never<T>() -> Receiver<T> {
    Receiver::never()
}
