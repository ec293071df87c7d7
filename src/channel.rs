//! Channels: many senders, many receivers, any capacity, blocking and async.
//!
//! [`bounded`]`(n)` holds up to n values, `bounded(0)` none (a rendezvous: a send waits for a receive), and
//! [`unbounded`] as many as memory allows. Names and signatures are crossbeam-channel's; [`close`](Sender::close) is
//! added, as in Go, so that a channel can be ended while handles live. Blocking and async operations mix freely.
//!
//! Waiting is fair: senders, and threads that receive, are served first come, first served, and nobody overtakes them. A
//! *task* that receives is told, in its turn, that there is a value; the value stays in the channel until a receive takes
//! it. If another receive was faster, the task stands first in the line again. Threads that wait to receive are served
//! before tasks. A task behind one that was told, and is not polled, is told when that one is dropped, or with another value;
//! polled, it looks by itself. On a bounded channel with room for two values or more, a blocking operation tries again for some microseconds
//! before it stands in line. In line, it yields its core for about as long as a wake-up costs, then it sleeps, and uses
//! no CPU. On a busy machine, where a yield gives the core away for long, it sleeps at once.
//!
//! The guarantees hold for all forms of an operation: `send`, `try_send`, `send_timeout`, `send_deadline`,
//! `send_async`; `recv`, `try_recv`, `recv_timeout`, `recv_deadline`, `recv_async`, the iterators and the stream; and
//! for the same as operations of a select ([`select!`], [`Select`]).
//!
//! # Happens-before
//! **HB-CH-1.** A send happens before the return of the receive that takes its value.
//!
//! **HB-CH-2.** On a channel of capacity C, everything before the call of the k-th receive happens before the return
//! of the (k+C)-th send, k counting successful operations in the order in which they took effect. With C = 0: a send
//! returns only after the call of the receive that takes its value. *Not promised:* with C = 0, this for a send that meets
//! a task. It returns once the task is told, and its value is in the channel until that receive, or another, takes it.
//!
//! **HB-CH-3.** Everything before the call of `close` that closed the channel happens before the return of each
//! operation that fails because of it.
//!
//! **HB-CH-4.** Everything before the drop of *every* sender happens before the return of each receive that fails
//! because there is no sender left; likewise for receivers and sends.
//!
//! *Not promised:* any order between two sends or two receives as such; [`len`](Sender::len) and its like order
//! nothing.
//!
//! # Safety
//! **SF-CH-1.** Each value sent is received exactly once, or handed back in an error, or dropped once: by the channel
//! (with the last receiver), by the future that was to send it, or as SF-SEL-4 says.
//!
//! **SF-CH-2.** First in, first out: if one send ends before another begins, its value is not received after the
//! other's by the same receiver.
//!
//! **SF-CH-3.** A channel of capacity C > 0 holds at most C values that nobody has received; with C = 0 a send succeeds
//! only by meeting a receive. *Not promised:* this, and HB-CH-2, for what a select sends to a task that it met in line, whose
//! value is in the channel until a receive takes it.
//!
//! **SF-CH-4.** What was sent before a close or the last sender's drop can be received after it; a receive fails only
//! when none of it is left, and none succeeds that begins after one has failed so.
//!
//! **SF-CH-5.** Dropping a future loses nothing, and one that is not polled keeps nothing from a thread that receives or a
//! task that is polled: a `recv_async` that has not returned has taken no value; a `send_async` that has not sent is as if
//! it never was.
//!
//! # Liveness
//! **LV-CH-1.** No wake-up is lost: a blocked or pending receive returns or is woken once there is a value for it, a
//! blocked or pending send once there is room for its value.
//!
//! **LV-CH-2.** Closing, or dropping the last handle of one side, wakes everyone who is blocked or pending; but a receive to
//! which a select has promised a value waits for that.
//!
//! # Panics
//! The wakers of tasks and the drops of values are user code, and run under no lock. If one of them panics, the operation
//! that ran it first takes full effect, then the panic propagates: a send has sent, whoever is to be woken is woken, what is
//! to be dropped is dropped. A receive returns its value instead, and the panic of a waker is discarded; so is that of a
//! second waker, and that of the drop of a waker that a poll turned out not to need. A second drop that panics aborts the
//! process, as in a `Vec`.
//!
//! # Tasks
//! What need not wait is ready at its first poll, and gives way to no other task: one that receives again and again from
//! a channel that is never empty keeps its thread for itself, as with flume, async-channel and kanal. There is no hidden
//! budget, after which something that is there is `Pending`: a loop that takes what is there, by `now_or_never` or by a
//! poll, takes all of it. (Of 1000 values in a channel of tokio's, which has one, such a loop takes 128.) A task that may
//! be busy for long says where it gives way: on tokio by its budget,
//! `tokio::task::coop::cooperative(receiver.recv_async()).await`, or, there and elsewhere, by the runtime's `yield_now`
//! every so many values: `tokio::task::yield_now().await`. So it is with all futures of this crate.
//!
//! # Coming from other channels
//! `use hence::channel as crossbeam_channel;` compiles ordinary programs of crossbeam-channel 0.5 unchanged. What
//! differs:
//!
//! | there | here |
//! |---|---|
//! | crossbeam-channel: a channel ends when one side is gone | also by [`close`](Sender::close), idempotent, from either side |
//! | crossbeam-channel: blocking only | also `send_async`, `recv_async`, `stream`, cancel-safe, on any runtime |
//! | crossbeam-channel: `bounded(n)` allocates n places | none in advance; it keeps what a burst has grown (see *Memory*) |
//! | crossbeam-channel: a panic in a `send` arm's message aborts the process | unwinds; the operation is taken back |
//! | crossbeam-channel: a leaked `SelectedOperation` of a rendezvous is undefined behaviour | its partner waits for ever, nothing else |
//! | crossbeam-channel: a selected send whose channel is disconnected before its message is there is lost | is refused, the message comes back |
//! | crossbeam-channel: `recv` on a `tick` takes the tick, then sleeps | sleeps, then takes it: clones do not wait behind each other |
//! | crossbeam-channel: a `tick` received late moves the later ones: the next is a period after that | [`tick`] keeps in step and leaves missed ticks out; [`tick_delayed`] moves the later ones |
//! | crossbeam-channel: if the drop of a value left in the channel panics, the rest is leaked | the rest is dropped; a second panic aborts, as in a `Vec` |
//! | crossbeam-channel: `SelectedOperation::send` wants the very handle | any handle of the same channel |
//! | std `mpsc::channel()`, `sync_channel(n)` | [`unbounded`]`()`, [`bounded`]`(n)`; `Receiver` is `Clone` and `Sync` |
//! | flume `drain()`: takes all there is, at once | `try_iter().take(receiver.len())`, one by one: others may take, too; `try_iter()` alone takes what comes meanwhile, too |
//! | flume `Selector::new().recv(..).wait()` | [`select!`] or [`Select`], where an operation is completed by hand |
//! | flume `into_recv_async`, `into_stream` | the futures and the stream borrow their handle: move the handle into an `async` block |
//! | kanal `close()`: what is inside is dropped | [`close`](Sender::close), and then `receiver.try_iter().for_each(drop)`: what was sent can be received (SF-CH-4) |
//! | Go `make(chan T, n)`, `ch <- v`, `v := <-ch`, `v, ok := <-ch` | `bounded(n)`, `send(v)`, `recv()`, `recv()` whose `Err` is `!ok` |
//! | Go `close(ch)`; a second close, or a send after it, panics | [`close`](Sender::close) returns false; a send hands its value back |
//! | Go `for v := range ch` | `for v in &receiver` |
//! | Go `select { case .. default }` | `select! { recv(r) -> v => .., send(s, v) -> sent => .., default => .. }` |
//! | Go: a send's value is evaluated before the select | after it, for the operation that was chosen, as in crossbeam-channel |
//! | Go `time.After`, `time.Tick`; a nil channel | [`after`], [`tick`] (both leave missed ticks out and keep in step); [`never()`] |
//!
//! # Memory
//! A channel is one allocation of 216 bytes (on a 64-bit machine) when it is made, whatever its capacity; a buffer
//! grows as values come, by doubling, to at most twice the most values that were ever inside. It keeps that until it is
//! dropped. A blocked operation is one small allocation, gone when it ends. (`benches/`, binary `memory`, measures it.)

// Needs: channel/core.rs, channel/future.rs, channel/receiver.rs, channel/sender.rs, channel/side.rs, error.rs,
// select/set.rs, sync.rs, timer.rs.

#[macro_use]
mod side;
pub(crate) mod core;
pub(crate) mod future;
pub(crate) mod receiver;
pub(crate) mod sender;

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

/// A channel that holds up to `capacity` values; none for a capacity of 0, where each send waits for its receive.
///
/// Nothing is allocated for the values in advance, so any `capacity` will do; it is a limit, not a reservation.
///
/// # Example
/// ```
/// let (sender, receiver) = hence::channel::bounded(1);
/// sender.send("hello").unwrap();
/// assert!(sender.try_send("full").is_err());
/// assert_eq!(receiver.recv(), Ok("hello"));
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    channel(Some(capacity))
}

/// A channel that never makes a sender wait.
///
/// # Example
/// ```
/// let (sender, receiver) = hence::channel::unbounded();
/// (0..1000).for_each(|i| sender.send(i).unwrap());
/// drop(sender);
/// assert_eq!(receiver.iter().sum::<i32>(), 499_500);
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    channel(None)
}

fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let core = Arc::new(Core::new(capacity));
    (Sender { core: core.clone() }, Receiver::channel(core))
}
