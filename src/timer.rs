//! Timers: receivers whose messages come at set moments.
//!
//! Each message is an `Instant`: the moment at which the message was due. A timer is a [`Receiver`]: receive from it,
//! clone it (the clones share its messages), or wait for it in a select.
//!
//! # A time limit in a select
//! [`after`] gives one message. In a select it is a time limit for all the other operations.
//!
//! ```
//! # if cfg!(any(loom, shuttle, hence_loom, hence_shuttle)) { return; }
//! use std::time::Duration;
//! use hence::channel::{after, select, unbounded};
//!
//! let (_sender, receiver) = unbounded::<u8>();
//! select! {
//!     recv(receiver) -> value => panic!("nobody sent {value:?}"),
//!     recv(after(Duration::from_millis(10))) -> _ => {} // too late
//! }
//! ```
//!
//! # One deadline for a whole loop
//! A timer made before a loop is one deadline for all rounds. A timer made within the loop is a new limit for each
//! round.
//!
//! ```
//! # if cfg!(any(loom, shuttle, hence_loom, hence_shuttle)) { return; }
//! use std::time::{Duration, Instant};
//! use hence::channel::{at, select, unbounded};
//!
//! let (sender, receiver) = unbounded();
//! sender.send(20).unwrap();
//! sender.send(22).unwrap();
//! let deadline = at(Instant::now() + Duration::from_millis(10));
//! let mut sum = 0;
//! loop {
//!     select! {
//!         recv(receiver) -> value => sum += value.unwrap(),
//!         recv(deadline) -> _ => break,
//!     }
//! }
//! assert!(sum <= 42); // less, if time was up before
//! ```
//!
//! # Again and again
//! [`tick`] gives a message each period, in step with the clock. [`tick_delayed`] starts each period when the message
//! before is received.
//!
//! ```
//! # if cfg!(any(loom, shuttle, hence_loom, hence_shuttle)) { return; }
//! use std::time::Duration;
//!
//! let ticks = hence::channel::tick(Duration::from_millis(2));
//! for moment in ticks.iter().take(3) {
//!     println!("a report, due at {moment:?}");
//! }
//! ```
//!
//! # An operation that may be left out
//! [`never()`] is a receiver to which no message comes. It stands for a receiver that is not there.
//!
//! ```
//! use hence::channel::{never, select, unbounded, Receiver};
//!
//! let (sender, receiver) = unbounded();
//! sender.send(1).unwrap();
//! let other: Option<Receiver<i32>> = None;
//! select! {
//!     recv(receiver) -> value => assert_eq!(value, Ok(1)),
//!     recv(other.unwrap_or(never())) -> _ => unreachable!(),
//! }
//! ```
//!
//! # What a timer costs
//! A timer has no thread, and costs nothing while nobody waits for it: a thread that receives sleeps until the moment.
//!
//! A *task* cannot sleep. When a task first waits for a timer by `recv_async`, a thread that wakes tasks is started:
//! one for the whole process. While this thread runs a waker, a second thread can take over, so a slow waker does not
//! stop the other timers. If the system refuses a thread, a task polls again and again until its moment. After a fork,
//! in the child process, a timer for which a task already waited wakes this task only after the task has been polled
//! again.
//!
//! # Happens-before
//! <a id="HB-TM-1"></a>
//! **HB-TM-1.** The receive that takes one message of a timer happens before the return of each receive that takes a
//! later one. *Not promised:* anything by a time-out as such, or by the passing of time.
//!
//! # Safety
//! <a id="SF-TM-1"></a>
//! **SF-TM-1.** A message is never early, and the moment in it is the one at which it was due. One message is received
//! once, by one of the receivers, and messages do not pile up. `after` and `at` have one message. The messages of
//! `tick` are due at whole numbers of periods after the timer was made: each at the first of these moments after the
//! message before was received. Each message of `tick_delayed` is due a period after the message before was received,
//! the first one a period after the timer was made.
//!
//! <a id="SF-TM-2"></a>
//! **SF-TM-2.** A receive or send with a time-out ends in exactly one way. If the receive was given a value, it returns
//! that value. If the channel or a receiver has taken the value of the send, the send succeeds
//! ([SF-CH-1](crate::channel#SF-CH-1) says what becomes of the value). In all other cases the operation leaves no
//! trace, and a send gives its value back. An operation whose time is up when it is called does what can be done at
//! once, and stands in no line.
//!
//! # Liveness
//! <a id="LV-TM-1"></a>
//! **LV-TM-1.** A blocked operation returns once its time is up, and it takes no wake-up with it: whoever else can go
//! on, does. *Not promised:* this for a receive to which a select has promised a value. It waits for that value, or until
//! the select gives the send up.

// Needs: channel/receiver.rs, sync.rs, timer/schedule.rs.

use std::time::{Duration, Instant};

pub(crate) mod schedule;

use super::channel::receiver::Receiver;
use super::sync::{now, to_model_clock};
use schedule::Repeat;

/// Makes a timer with one message, due `duration` from now.
///
/// A receive blocks until the message is due. After this message no other comes, and the timer never disconnects: one
/// more `recv` blocks for ever. If the moment does not fit an `Instant`, the message never comes.
///
/// # Happens-before
/// [HB-TM-1](crate::timer#HB-TM-1).
///
/// # Example
/// ```
/// # use std::time::{Duration, Instant};
/// # if cfg!(any(loom, shuttle, hence_loom, hence_shuttle)) { return; }
/// let begun = Instant::now();
/// hence::channel::after(Duration::from_millis(10)).recv().unwrap();
/// assert!(begun.elapsed() >= Duration::from_millis(10));
/// ```
#[doc(alias = "sleep")]
#[doc(alias = "timeout")]
#[doc(alias = "timer")]
pub fn after(duration: Duration) -> Receiver<Instant> {
    repeated(duration, Repeat::Never)
}

/// Makes a timer with one message, due at `when`; due at once if `when` has passed.
///
/// A receive blocks until the message is due. After this message no other comes, and the timer never disconnects: one
/// more `recv` blocks for ever.
///
/// # Happens-before
/// [HB-TM-1](crate::timer#HB-TM-1).
///
/// # Example
/// ```
/// # use std::time::{Duration, Instant};
/// # if cfg!(any(loom, shuttle, hence_loom, hence_shuttle)) { return; }
/// let when = Instant::now() + Duration::from_millis(10);
/// assert_eq!(hence::channel::at(when).recv(), Ok(when));
/// assert!(Instant::now() >= when);
/// ```
#[doc(alias = "sleep_until")]
#[doc(alias = "deadline")]
pub fn at(when: Instant) -> Receiver<Instant> {
    Receiver::timer(to_model_clock(when), Repeat::Never)
}

/// Makes a timer with a message every `duration`; the first one is due `duration` from now.
///
/// A receive blocks until a message is due. The messages stay in step: if none is missed, n messages take n times
/// `duration`, however late each of them is received. A receiver that is late gets the first message that it missed.
/// The other missed messages are left out, and the next message is in step again, as with Go's `time.Ticker`. To have a
/// whole `duration` after each receive, use [`tick_delayed`].
///
/// # Happens-before
/// [HB-TM-1](crate::timer#HB-TM-1).
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
#[doc(alias = "interval")]
#[doc(alias = "ticker")]
pub fn tick(duration: Duration) -> Receiver<Instant> {
    repeated(duration, Repeat::InPhase(duration))
}

/// Makes a timer with a message `duration` from now, and another one each time `duration` has passed since the last one
/// was *received*.
///
/// A receive blocks until a message is due. At least `duration` lies between two receives, and each late receive delays
/// all messages that follow. To stay in step, use [`tick`].
///
/// # Happens-before
/// [HB-TM-1](crate::timer#HB-TM-1).
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
#[doc(alias = "interval")]
#[doc(alias = "ticker")]
#[doc(alias = "MissedTickBehavior")]
pub fn tick_delayed(duration: Duration) -> Receiver<Instant> {
    repeated(duration, Repeat::FromReceipt(duration))
}

/// A timer whose first message is due `duration` from now.
fn repeated(duration: Duration, repeat: Repeat) -> Receiver<Instant> {
    now().checked_add(duration).map_or_else(never, |when| Receiver::timer(when, repeat))
}

/// Makes a receiver to which no message ever comes, and that never disconnects.
///
/// In a select, it stands for an operation that is left out. Alone, `recv` on it blocks for ever.
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
#[doc(alias = "pending")]
#[doc(alias = "nil")]
pub const fn never<T>() -> Receiver<T> {
    Receiver::never()
}
