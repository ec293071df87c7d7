//! Channels: many senders, many receivers, any capacity, blocking and async.
//!
//! ```
//! use hence::channel::unbounded;
//!
//! let (sender, receiver) = unbounded();
//! std::thread::spawn(move || sender.send("hello").unwrap());
//! assert_eq!(receiver.recv(), Ok("hello"));
//! ```
//!
//! Names and signatures are crossbeam-channel's. Two things are added: [`close`](Sender::close), as in Go, ends a
//! channel while handles live; and blocking operations have async forms. Both forms can be used on the same channel.
//!
//! # Three kinds of channel
//! - [`bounded`]`(n)` holds up to n values. A send to a full channel waits for room.
//! - [`bounded`]`(0)` is a *rendezvous channel* and holds no value. A send waits for a receive.
//! - [`unbounded`]`()` holds as many values as memory allows. A send never waits.
//!
//! ```
//! use hence::channel::bounded;
//!
//! let (sender, receiver) = bounded(2);
//! sender.send(1).unwrap();
//! sender.send(2).unwrap();
//! assert!(sender.try_send(3).is_err()); // full: `send` would wait
//! assert_eq!(receiver.recv(), Ok(1));
//! sender.send(3).unwrap(); // there is room again
//! ```
//!
//! # Sharing a channel
//! Clone a handle to give another thread or task a handle of the same channel. A value is not copied to all receivers:
//! one receiver takes it.
//!
//! ```
//! use std::thread;
//! use hence::channel::bounded;
//!
//! let (jobs, queue) = bounded(16);
//! let (results, sums) = bounded(2);
//! for _ in 0..2 {
//!     let (queue, results) = (queue.clone(), results.clone());
//!     thread::spawn(move || results.send(queue.iter().sum::<u32>()).unwrap());
//! }
//! (1..=100).for_each(|job| jobs.send(job).unwrap());
//! drop(jobs); // the last sender: both workers end
//! assert_eq!(sums.iter().take(2).sum::<u32>(), 5050);
//! ```
//!
//! # Closing a channel
//! [`close`](Sender::close), on a sender or on a receiver, closes the channel. So does the drop of its last sender or
//! of its last receiver. From then on every send fails and hands its value back. A receive first takes what is left; it
//! fails when nothing is left. When the last receiver is dropped, the values that are left are dropped.
//!
//! Errors call a channel that was closed in any of these ways *disconnected*, as crossbeam-channel does.
//!
//! ```
//! use hence::channel::{unbounded, RecvError, SendError};
//!
//! let (sender, receiver) = unbounded();
//! sender.send(1).unwrap();
//! sender.close();
//! assert_eq!(sender.send(2), Err(SendError(2)));
//! assert_eq!(receiver.recv(), Ok(1));
//! assert_eq!(receiver.recv(), Err(RecvError));
//! ```
//!
//! # Forms of an operation
//!
//! | if the operation cannot happen at once, it | send | receive |
//! |---|---|---|
//! | blocks the thread | [`send`](Sender::send) | [`recv`](Receiver::recv), [`iter`](Receiver::iter) |
//! | fails | [`try_send`](Sender::try_send) | [`try_recv`](Receiver::try_recv), [`try_iter`](Receiver::try_iter) |
//! | blocks for at most a `Duration` | [`send_timeout`](Sender::send_timeout) | [`recv_timeout`](Receiver::recv_timeout) |
//! | blocks until an `Instant` at most | [`send_deadline`](Sender::send_deadline) | [`recv_deadline`](Receiver::recv_deadline) |
//! | makes the task wait | [`send_async`](Sender::send_async) | [`recv_async`](Receiver::recv_async), [`stream`](Receiver::stream) |
//! | waits for this operation or for another one | [`select!`], [`Select`] | [`select!`], [`Select`] |
//!
//! ```
//! use std::time::Duration;
//! use hence::channel::{bounded, RecvTimeoutError, TryRecvError};
//!
//! let (sender, receiver) = bounded(1);
//! assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
//! assert_eq!(receiver.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
//! sender.send(1).unwrap();
//! assert_eq!(receiver.try_recv(), Ok(1));
//! ```
//!
//! # Iterating
//! [`iter`](Receiver::iter), and a `for` loop over `&receiver`, receive value after value. They block while the channel
//! is empty, and end when it is closed and empty. [`try_iter`](Receiver::try_iter) ends as soon as it would have to
//! block.
//!
//! ```
//! let (sender, receiver) = hence::channel::unbounded();
//! (1..=3).for_each(|i| sender.send(i).unwrap());
//! assert_eq!(receiver.try_iter().next(), Some(1));
//! drop(sender); // ends the loop
//! for i in &receiver {
//!     assert!(i == 2 || i == 3);
//! }
//! ```
//!
//! # Async
//! The async forms run on any runtime. A task can send to a thread, and a thread to a task.
//!
//! ```
//! # use std::{future::Future, pin::pin, task::{Context, Waker}};
//! use hence::channel::{unbounded, Receiver, Sender};
//!
//! async fn double(queue: Receiver<u32>, results: Sender<u32>) {
//!     while let Ok(job) = queue.recv_async().await {
//!         results.send_async(2 * job).await.unwrap();
//!     }
//! }
//!
//! let ((jobs, queue), (results, doubled)) = (unbounded(), unbounded());
//! jobs.send(21).unwrap(); // blocking form
//! jobs.close();
//! // On your runtime: `double(queue, results).await`.
//! # assert!(pin!(double(queue, results)).poll(&mut Context::from_waker(Waker::noop())).is_ready());
//! assert_eq!(doubled.recv(), Ok(42));
//! ```
//!
//! # Waiting for several channels, and for time
//! [`select!`] waits for several operations and performs one of them. [`after`], [`tick`] and other
//! [timers](crate::timer) are receivers, so a timer can stand in a select.
//!
//! ```
//! # if cfg!(any(loom, shuttle, hence_loom, hence_shuttle)) { return; }
//! use std::time::Duration;
//! use hence::channel::{after, select, unbounded};
//!
//! let (sender, orders) = unbounded();
//! let (_stop, stopped) = unbounded::<()>();
//! sender.send("tea").unwrap();
//! select! {
//!     recv(orders) -> order => assert_eq!(order, Ok("tea")),
//!     recv(stopped) -> _ => unreachable!(),
//!     recv(after(Duration::from_secs(60))) -> _ => unreachable!(),
//! }
//! ```
//!
//! # Waiting
//! Waiting is fair. Senders that wait are served first come, first served, and so are threads that wait to receive.
//! Nobody overtakes them.
//!
//! Threads that wait to receive are served before tasks. A *task* that waits to receive is told, in its turn, that
//! there is a value: its waker is woken. The value stays in the channel until a receive takes it. If another receive
//! was faster, the task goes back to the front of the line. Suppose that a told task is not polled: then the task
//! behind it is told when the told task is dropped, or when there is another value. And a task that is polled always
//! looks for a value by itself.
//!
//! A thread that waits spins for up to four microseconds, then yields its core, until a tenth of a millisecond is over, and
//! after that it sleeps. A thread that sleeps uses no CPU. On one core it does not spin. Where spins were in vain lately,
//! it leaves the spin out; on a busy machine, where yields have cost more than they save, it sleeps at once. On a bounded
//! channel with room for two values or more, a blocking operation tries again during this time, and stands in line after
//! it.
//!
//! A thread that the system takes off its core in the middle of an operation keeps others waiting until it runs again. So
//! do not share a channel with a thread whose priority is so low that busy threads keep it from running (`SCHED_IDLE` on
//! Linux). Others can then wait for seconds, also in `try_send`, as with a `Mutex` of std.
//!
//! A channel is a lock and a buffer. On a 64-bit machine a bounded channel with room for 2 to 4096 values (of no more
//! than 32 KiB each, and 256 KiB together, with 8 bytes for each) gets a ring when threads first meet at its lock. From
//! then on values pass through the ring, without the lock, while nobody waits, and while no select has a place that it
//! has not filled. With or without it, an operation takes a few dozen instructions in which others may have to wait for
//! it: a thread that the system interrupts there keeps them waiting until it runs again.
//!
//! A select evaluates the message of a `send` operation only after it has chosen this operation. A receive that is
//! paired with this send has been *promised* a value. It waits until the message is there, or until the select gives
//! the send up; no time limit and no close ends this wait.
//!
//! # Which operations the guarantees cover
//! The guarantees hold for all forms of an operation: `send`, `try_send`, `send_timeout`, `send_deadline`,
//! `send_async`; `recv`, `try_recv`, `recv_timeout`, `recv_deadline`, `recv_async`, the iterators and the stream; and
//! for a send or a receive as an operation of a select ([`select!`], [`Select`]).
//!
//! # Happens-before
//! <a id="HB-CH-1"></a>
//! **HB-CH-1.** A send happens before the return of the receive that takes its value.
//!
//! <a id="HB-CH-2"></a>
//! **HB-CH-2.** On a channel of capacity C, everything before the call of the k-th receive happens before the return
//! of the (k+C)-th send, k counting successful operations in the order in which they took effect. With C = 0: a send
//! returns only after the call of the receive that takes its value. *Not promised:* with C = 0, this for a send that
//! meets a task. Such a send returns once the task has been told. Its value is then in the channel until that task's
//! receive, or another receive, takes it.
//!
//! <a id="HB-CH-3"></a>
//! **HB-CH-3.** Everything before the call of `close` that closed the channel happens before the return of each
//! operation that fails because of it.
//!
//! <a id="HB-CH-4"></a>
//! **HB-CH-4.** Everything before the drop of *every* sender happens before the return of each receive that fails
//! because there is no sender left; likewise for receivers and sends.
//!
//! *Not promised:* any order between two sends or two receives as such; [`len`](Sender::len) and its like order
//! nothing.
//!
//! # Safety
//! <a id="SF-CH-1"></a>
//! **SF-CH-1.** Each value sent is received exactly once, or handed back in an error, or dropped once: by the channel
//! (with the last receiver), by the future that was to send it, or as [SF-SEL-4](mod@crate::select#SF-SEL-4) says.
//!
//! <a id="SF-CH-2"></a>
//! **SF-CH-2.** First in, first out: if one send ends before another begins, its value is not received after the
//! other's by the same receiver.
//!
//! <a id="SF-CH-3"></a>
//! **SF-CH-3.** A channel of capacity C > 0 holds at most C values that nobody has received; with C = 0 a send succeeds
//! only by meeting a receive. *Not promised:* this, and [HB-CH-2](crate::channel#HB-CH-2), where a select sends to a
//! task that it met in line: the value is in the channel until a receive takes it.
//!
//! <a id="SF-CH-4"></a>
//! **SF-CH-4.** Values sent before a close, or before the last sender's drop, can be received after it. A receive fails
//! because of the close or the drop only when none of these values is left. After one receive has failed in this way,
//! no receive that begins later succeeds.
//!
//! <a id="SF-CH-5"></a>
//! **SF-CH-5.** Dropping a future loses nothing: a `recv_async` that has not returned has taken no value; a
//! `send_async` that has not sent is as if it never was. A future that is not polled keeps nothing from a thread that
//! receives, or from a task that is polled.
//!
//! # Liveness
//! <a id="LV-CH-1"></a>
//! **LV-CH-1.** No wake-up is lost: a blocked or pending receive returns or is woken once there is a value for it, a
//! blocked or pending send once there is room for its value.
//!
//! <a id="LV-CH-2"></a>
//! **LV-CH-2.** Closing, or dropping the last handle of one side, wakes everyone who is blocked or pending. One
//! exception: a receive to which a select has promised a value waits for this value, or until the select gives the send
//! up.
//!
//! # Panics
//! The wakers of tasks and the drops of values are user code, and run under no lock. If one of them panics, the
//! operation that ran it first takes full effect, then the panic propagates: a send has sent, everyone who is to be
//! woken is woken, everything that is to be dropped is dropped.
//!
//! Some panics are discarded instead: the panic of a waker that a receive wakes (the receive returns its value), the
//! panic of a second waker, and the panic of the drop of a waker that a poll turned out not to need. If a second value
//! panics when it is dropped, the process aborts, as in a `Vec`.
//!
//! # Tasks
//! An async operation that need not wait is ready at its first poll, and does not yield to other tasks. So a task that
//! receives again and again from a channel that is never empty keeps its thread for itself, as with flume,
//! async-channel and kanal.
//!
//! There is no hidden budget that makes an operation `Pending` though its value is there. A loop that takes what is
//! there, by `now_or_never` or by a poll, takes all of it. (tokio has such a budget: of 1000 values in a tokio channel,
//! this loop takes 128.)
//!
//! A task that may be busy for long yields where it chooses to. On tokio, tokio's budget can do this:
//! `tokio::task::coop::cooperative(receiver.recv_async()).await`. On every runtime, tokio included, call the runtime's
//! `yield_now` after every so many values: `tokio::task::yield_now().await`.
//!
//! All of this holds for all futures of this crate.
//!
//! # Coming from other channels
//! `use hence::channel as crossbeam_channel;` compiles ordinary programs of crossbeam-channel 0.5 unchanged. What
//! differs:
//!
//! | there | here |
//! |---|---|
//! | crossbeam-channel: a channel ends when one side is gone | also by [`close`](Sender::close), from either side; a second `close` has no effect |
//! | crossbeam-channel: blocking only | also `send_async`, `recv_async`, `stream`: cancel-safe, on any runtime |
//! | crossbeam-channel: `bounded(n)` allocates n places | allocates none in advance, and all at once when threads meet, unless that would be much; keeps a buffer that a burst has grown (see *Memory*) |
//! | crossbeam-channel: a panic in the message of a `send` arm aborts the process | unwinds; the operation is undone |
//! | crossbeam-channel: a leaked `SelectedOperation` of a rendezvous is undefined behaviour | its partner waits for ever; nothing else happens |
//! | crossbeam-channel: if the channel is disconnected before the message of a selected send is there, the message is lost | the send fails and hands the message back |
//! | crossbeam-channel: `recv` on a `tick` takes the tick, then sleeps | `recv` sleeps, then takes the tick: clones do not wait behind each other |
//! | crossbeam-channel: after a `tick` is received late, the next one comes a period after that receive | [`tick`] stays in step and leaves missed ticks out; [`tick_delayed`] counts from the receive |
//! | crossbeam-channel: if the drop of a value left in the channel panics, the other values are leaked | the other values are dropped; a second panic aborts, as in a `Vec` |
//! | crossbeam-channel: `SelectedOperation::send` wants the very handle that was added | takes any handle of the same channel |
//! | std `mpsc::channel()`, `sync_channel(n)` | [`unbounded`]`()`, [`bounded`]`(n)`; `Receiver` is `Clone` and `Sync` |
//! | flume `drain()`: takes everything at once | `try_iter().take(receiver.len())` takes one by one, so other receivers may take some; `try_iter()` alone also takes what is sent meanwhile |
//! | flume `Selector::new().recv(..).wait()` | [`select!`], or [`Select`], where you complete the operation by hand |
//! | flume `into_recv_async`, `into_stream` | the futures and the stream borrow their handle: move the handle into an `async` block |
//! | kanal `close()`: drops the values in the channel | [`close`](Sender::close) leaves them to be received ([SF-CH-4](crate::channel#SF-CH-4)); to drop them, call `receiver.try_iter().for_each(drop)` after it |
//! | Go `make(chan T, n)`, `ch <- v`, `v := <-ch`, `v, ok := <-ch` | `bounded(n)`, `send(v)`, `recv()`, `recv()` whose `Err` is `!ok` |
//! | Go `close(ch)`; a second close, or a send after it, panics | a second [`close`](Sender::close) returns false; a send hands its value back |
//! | Go `for v := range ch` | `for v in &receiver` |
//! | Go `select { case .. default }` | `select! { recv(r) -> v => .., send(s, v) -> sent => .., default => .. }` |
//! | Go: the value of a send is evaluated before the select | evaluated after the select has chosen this send, as in crossbeam-channel |
//! | Go `time.After`, `time.Tick`; a nil channel | [`after`], [`tick`] (Go's and ours leave missed ticks out and stay in step); [`never()`] |
//!
//! # Memory
//! Making a channel allocates once: 240 bytes (on a 64-bit machine), whatever the capacity. The buffer grows as values
//! come, by doubling, to at most twice the largest number of values that were ever in the channel. The channel keeps
//! this buffer until it is dropped. A ring (see *Waiting*), once it is made, has all its places: 8 bytes beside each
//! value, no more than 256 KiB together, and 384 bytes. An operation that blocks, and a `send_async` that waits, is one
//! small allocation, which is freed when the operation ends; a `recv_async` that waits has its place in a line, which
//! grows with the most that wait at a time. (`benches/`, binary `memory`, measures these sizes.)

// Needs: channel/core.rs, channel/future.rs, channel/receiver.rs, channel/sender.rs, channel/side.rs, error.rs,
// select/set.rs, sync.rs, timer.rs.

#[macro_use]
mod side;
pub(crate) mod core;
pub(crate) mod receiver;
pub(crate) mod sender;

// After the handles, as their methods stand on their pages.
pub(crate) mod future;

use super::sync::Arc;
use core::Core;

pub use super::error::{
    ReadyTimeoutError, RecvError, RecvTimeoutError, SelectTimeoutError, SendError, SendTimeoutError, TryReadyError,
    TryRecvError, TrySelectError, TrySendError,
};
pub use super::select::{Select, SelectedOperation};
pub use super::timer::{after, at, never, tick, tick_delayed};
pub use future::{RecvFuture, RecvStream, SendFuture};
pub use receiver::{IntoIter, Iter, Receiver, TryIter};
pub use sender::Sender;
// The macros, by the order of the crate's modules: `crate::select` is a module, too.
pub use select;
pub use select_biased;

/// Makes a channel that holds up to `capacity` values; with a `capacity` of 0, a *rendezvous channel*.
///
/// A send blocks while the channel is full. A rendezvous channel holds no value: each send waits for a receive.
///
/// `capacity` is a limit, not a reservation: nothing is allocated for the values in advance, so any `capacity` will do.
///
/// # Example
/// ```
/// let (sender, receiver) = hence::channel::bounded(1);
/// sender.send("hello").unwrap();
/// assert!(sender.try_send("full").is_err());
/// assert_eq!(receiver.recv(), Ok("hello"));
/// ```
#[doc(alias = "sync_channel")]
#[doc(alias = "mpsc")]
#[doc(alias = "mpmc")]
#[doc(alias = "rendezvous")]
#[doc(alias = "ArrayQueue")]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    channel(Some(capacity))
}

/// Makes a channel without a limit: a send never waits.
///
/// # Example
/// ```
/// let (sender, receiver) = hence::channel::unbounded();
/// (0..1000).for_each(|i| sender.send(i).unwrap());
/// drop(sender);
/// assert_eq!(receiver.iter().sum::<i32>(), 499_500);
/// ```
#[doc(alias = "channel")]
#[doc(alias = "mpsc")]
#[doc(alias = "mpmc")]
#[doc(alias = "unbounded_channel")]
#[doc(alias = "SegQueue")]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    channel(None)
}

fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let core = Arc::new(Core::new(capacity));
    (Sender { core: core.clone() }, Receiver::channel(core))
}
