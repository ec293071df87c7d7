//! Cancellation: one token tells any number of threads and tasks to stop.
//!
//! A [`CancellationToken`] is cancelled at most once, for one cause. Its descendants are cancelled with it. Clones of a
//! token are the same token: give one to each piece of work, and keep one to cancel it.
//!
//! # Stop work
//! Work that computes looks at its token between two steps: [`is_cancelled`], or [`check`] with `?`.
//! ```
//! use hence::CancellationToken;
//!
//! let token = CancellationToken::new();
//! let worker = std::thread::spawn({
//!     let token = token.clone();
//!     move || {
//!         while !token.is_cancelled() {
//!             std::thread::yield_now(); // one step of the work
//!         }
//!     }
//! });
//! assert!(token.cancel()); // true: this call cancelled it
//! worker.join().unwrap();
//! ```
//! `cancel` does not wait for the work to stop. To know that the work has stopped, wait for a
//! [`WaitGroup`](crate::WaitGroup), or join its threads.
//!
//! # A tree of tokens
//! [`child_token`] makes a token that is cancelled with its parent, and that can be cancelled alone.
//! ```
//! # use hence::CancellationToken;
//! let server = CancellationToken::new();
//! let (request, other) = (server.child_token(), server.child_token());
//! request.cancel();
//! assert!(!server.is_cancelled() && !other.is_cancelled());
//! server.cancel();
//! assert!(other.is_cancelled());
//! ```
//!
//! # A deadline
//! [`with_timeout`] and [`with_deadline`] make a child that also ends by itself. [`cause`] says why a token ended, and
//! [`cancel_with`] gives a cause of your own.
//! ```
//! # use hence::{CancellationToken, cancel::Cause};
//! # use std::time::Duration;
//! let token = CancellationToken::new().with_timeout(Duration::from_millis(1));
//! token.wait(); // blocks until it is cancelled, or its deadline has passed
//! assert!(matches!(token.cause(), Some(Cause::DeadlineExceeded)));
//! ```
//!
//! # Wait for a token and for something else
//! [`send_or_cancelled`], [`recv_or_cancelled`] and [`wait_or_cancelled`] block until the operation is done or the
//! token is cancelled. For any other choice, [`done`] is a receiver for `select!`: it never gets a value, and it
//! disconnects when the token is cancelled.
//! ```
//! # use hence::{CancellationToken, channel::{bounded, select}};
//! let (token, (_sender, queue)) = (CancellationToken::new(), bounded::<u32>(1));
//! token.cancel();
//! assert!(queue.recv_or_cancelled(&token).is_err());
//! select! {
//!     recv(queue) -> job => println!("{job:?}"),
//!     recv(token.done()) -> _ => println!("cancelled"),
//! }
//! ```
//! A task waits with [`cancelled`], or runs a future under [`run_until_cancelled`], on any runtime.
//!
//! # Run something on cancellation
//! [`on_cancel`] registers a callback, and [`Registration::stop`] removes it. [`drop_guard`] cancels a token at the end
//! of a scope, by a panic too.
//! ```
//! # use hence::{CancellationToken, channel::unbounded};
//! let (token, (sender, log)) = (CancellationToken::new(), unbounded());
//! token.on_cancel(move || sender.send("connection closed").unwrap());
//! drop(token.clone().drop_guard());
//! assert!(token.is_cancelled());
//! assert_eq!(log.recv(), Ok("connection closed"));
//! ```
//!
//! [`is_cancelled`]: CancellationToken::is_cancelled
//! [`check`]: CancellationToken::check
//! [`cause`]: CancellationToken::cause
//! [`cancel_with`]: CancellationToken::cancel_with
//! [`cancelled`]: CancellationToken::cancelled
//! [`run_until_cancelled`]: CancellationToken::run_until_cancelled
//! [`done`]: CancellationToken::done
//! [`on_cancel`]: CancellationToken::on_cancel
//! [`drop_guard`]: CancellationToken::drop_guard
//! [`child_token`]: CancellationToken::child_token
//! [`with_timeout`]: CancellationToken::with_timeout
//! [`with_deadline`]: CancellationToken::with_deadline
//! [`send_or_cancelled`]: crate::channel::Sender::send_or_cancelled
//! [`recv_or_cancelled`]: crate::channel::Receiver::recv_or_cancelled
//! [`wait_or_cancelled`]: crate::WaitGroup::wait_or_cancelled
//!
//! # Happens-before
//! <a id="HB-CX-1"></a>
//! **HB-CX-1.** Everything before the call of the `cancel` that returned true, at a token, happens before each
//! `is_cancelled`, `check` and `cause` that reports the cancellation, and before the return of each wait that it ends,
//! at that token and at all its descendants. *Not promised:* that a deadline orders anything, or a `cancel` that
//! returned false.
//!
//! <a id="HB-CX-2"></a>
//! **HB-CX-2.** Everything before the call of that `cancel`, and everything before the call of `on_cancel`, happens
//! before the callback. The callback happens before the return of the call that runs it: that `cancel`, or `on_cancel`,
//! or the drop of the last handle of its token.
//!
//! # Safety
//! <a id="SF-CX-1"></a>
//! **SF-CX-1.** A token is cancelled at most once, for one cause, which never changes: of all calls of `cancel` at most
//! one returns true, and none after the deadline.
//!
//! <a id="SF-CX-2"></a>
//! **SF-CX-2.** The `cancel` that returns true cancels all descendants of its token, before it runs a callback and
//! before it returns. It cancels no other token: not the parent, not a sibling. A child of a cancelled token is
//! cancelled from the start, for the same cause. Once a token is found cancelled by the cancellation of an ancestor,
//! that ancestor is found cancelled, too. *Not promised:* that a `cancel` that returned false comes back only after the
//! descendants have been cancelled by the one that returned true.
//!
//! <a id="SF-CX-3"></a>
//! **SF-CX-3.** A callback runs at most once: after its token was cancelled, and never if `stop` returned true.
//!
//! <a id="SF-CX-4"></a>
//! **SF-CX-4.** No token is cancelled by its deadline, or by an ancestor's, before that moment; from that moment on
//! every look finds it cancelled, for that cause unless another came first.
//!
//! <a id="SF-CX-5"></a>
//! **SF-CX-5.** `send_or_cancelled`, `recv_or_cancelled` and `wait_or_cancelled` end in exactly one of two ways: as
//! they would without the token, or cancelled. One that ends cancelled leaves no trace, and a send hands its value
//! back. If the token is cancelled when they are called, they end cancelled.
//!
//! # Liveness
//! <a id="LV-CX-1"></a>
//! **LV-CX-1.** Whoever waits for a token, and every pending future, returns or is woken once it is cancelled, or its
//! deadline has passed, whatever becomes of handles, children and callbacks.
//!
//! <a id="LV-CX-2"></a>
//! **LV-CX-2.** A callback runs if its token is cancelled and the callback has not been stopped, even if another
//! callback, or a task's waker, panics. If nobody holds the token any more, the callback runs when the token would have
//! been cancelled: at its deadline, or when an ancestor is cancelled. `cancel` and `stop` do not wait for a callback
//! that runs on another thread. A callback may cancel, stop and drop tokens as it likes, and may wait, also at a
//! deadline. *Not promised:* in a child process after a fork, the callback at a deadline, if it was registered before.
//!
//! # Cost
//! A token is one allocation, and two more once somebody has had to wait for it. `is_cancelled` is one acquire load,
//! however deep the tree; for a token with a deadline it also reads the clock. Making a child,
//! dropping it, registering a callback and stopping it take constant time, from any thread. Cancelling takes time in
//! proportion to the number of descendants, and does not recurse.
//!
//! # Memory
//! A token lives as long as one of these: a handle; a receiver from its `done`; a registration; a child that was made
//! before a call cancelled the token (whether or not its deadline had passed); and, if the token has a deadline, a
//! callback that has neither run nor been stopped. So a token keeps its ancestors alive.
//!
//! When a token without a deadline is freed, its callbacks go to its parent. They stay there until the parent is
//! cancelled, or until nobody can cancel it any more.
//!
//! A token's table of children grows to the most children that it has had at a time. A table of more than 32 places is
//! freed when it becomes empty, a smaller one when the token is freed. A call that cancels a token with children frees
//! the table, too. A child that is cancelled alone keeps its place until it is dropped.
//!
//! # Threads
//! No thread is started unless a *callback* or a *task* waits for a deadline: a thread that waits needs no other one.
//! Then one thread is started for the process. It sleeps until the next deadline of a callback or a task, or for two
//! seconds if there is none. If there is none when it wakes, it ends.
//!
//! While this thread runs a callback, or wakes a task, another one takes care of the next deadline. So there is at most
//! one thread for each callback or waker that has not returned, and two more, or for a moment three.
//!
//! If the system refuses the first thread, a task that waits polls again and again until there is a thread, and a
//! callback waits until there is one, or until `cancel` runs it.
//!
//! A child process made by `fork` has none of these threads. It starts its own with the first deadline that a task or a
//! callback waits for there. If a task waited for a deadline before the fork, it is woken in the child only after it
//! has been polled there again. If a callback did, it does not run at that deadline in the child.
//!
//! # Coming from other tokens
//! | there | here |
//! |---|---|
//! | tokio-util `new`, `child_token`, `cancel`, `is_cancelled`, `cancelled`, `cancelled_owned`, `run_until_cancelled`, `run_until_cancelled_owned`, `drop_guard`; `==`, `Hash` | the same names, on any runtime; besides, `cancel` says whether it won; a cause, a deadline, callbacks, blocking waits, `select!` |
//! | tokio-util `drop_guard_ref()`; `WaitForCancellationFuture` | `clone().drop_guard()`; [`CancelledFuture`] |
//! | Go `context.WithCancel(parent)`, `WithTimeout`, `WithDeadline` | `parent.child_token()`, `parent.with_timeout(d)`, `parent.with_deadline(t)` |
//! | Go `context.Background()`, `WithoutCancel` | [`CancellationToken::new`]: a root, which no other token cancels |
//! | Go `ctx.Done()`, `ctx.Err()`, `context.Cause(ctx)` | `done()`, `check()`, `cause()` |
//! | Go `WithCancelCause`, `AfterFunc` | `cancel_with`, `on_cancel` (which runs on the canceller's thread, and at a deadline on one of the crate's; whether or not anybody holds the token) |
//! | C# `Register(..).Dispose()`, C++ `stop_callback` | `on_cancel(..).stop()`, which never waits; dropping the registration leaves the callback |

// Needs: cancel/error.rs, cancel/future.rs, cancel/operations.rs, cancel/tree.rs, channel/receiver.rs, sync.rs,
// wait/latch.rs.

mod error;
mod future;
mod operations;
mod tree;

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::channel::receiver::Receiver;
use super::sync::{Alarm, Arc, is_over, now, to_model_clock};
use super::wait::Ends;
use tree::{Callback, DeadlineWaker, End, Node, Place, SharedError};

pub use error::{Cancelled, Cause, RecvOrCancelledError, SendOrCancelledError};
pub use future::{CancelledFuture, CancelledFutureOwned};

/// Tells work to stop. Clones are the same token; [`child_token`](CancellationToken::child_token) makes another one,
/// which is cancelled with this one.
///
/// Dropping a token does not cancel it; dropping a [`drop_guard`](CancellationToken::drop_guard) does. Two handles are
/// equal if they are the same token: a clone is equal, a child is not.
///
/// # Happens-before
/// [HB-CX-1](crate::cancel#HB-CX-1), [HB-CX-2](crate::cancel#HB-CX-2).
///
/// # Example
/// ```
/// use hence::{WaitGroup, cancel::CancellationToken, channel};
///
/// let (token, group) = (CancellationToken::new(), WaitGroup::new());
/// let (results, collected) = channel::unbounded();
/// for i in 0..4 {
///     let (token, guard, results) = (token.child_token(), group.guard(), results.clone());
///     std::thread::spawn(move || {
///         while !token.is_cancelled() {
///             results.send(i).unwrap(); // some work
///             std::thread::yield_now();
///         }
///         drop(guard);
///     });
/// }
/// collected.recv().unwrap();
/// token.cancel();
/// group.wait(); // the exit that waits
/// ```
#[doc(alias = "CancellationTokenSource")]
#[doc(alias = "context")]
#[doc(alias = "stop_token")]
#[derive(Clone)]
pub struct CancellationToken {
    node: Arc<Node>,
}

impl CancellationToken {
    /// Makes a token without a parent and without a deadline: the root of a tree.
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// assert!(!token.is_cancelled());
    /// ```
    #[doc(alias = "Background")]
    pub fn new() -> Self {
        Self { node: tree::root() }
    }

    /// Cancels this token and all its descendants. Returns true for the one call that cancelled this token; false if it
    /// was cancelled before, or if its deadline has passed.
    ///
    /// Wakes everyone who waits, then runs the callbacks on this thread. Does not block, unless a callback or a task's
    /// waker does.
    ///
    /// # Panics
    /// If a callback, or a task's waker, panics: the call first takes full effect, and runs the other callbacks, then
    /// the panic propagates. Of several panics the first propagates; the others are discarded.
    ///
    /// # Happens-before
    /// [HB-CX-1](crate::cancel#HB-CX-1), [HB-CX-2](crate::cancel#HB-CX-2).
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// assert!(token.cancel());
    /// assert!(!token.cancel());
    /// ```
    #[doc(alias = "request_stop")]
    pub fn cancel(&self) -> bool {
        tree::cancel(&self.node, None)
    }

    /// Whether this token is cancelled, or its deadline has passed. Once true, always true. Does not block.
    ///
    /// # Happens-before
    /// [HB-CX-1](crate::cancel#HB-CX-1), if true.
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// token.cancel();
    /// assert!(token.is_cancelled());
    /// ```
    #[doc(alias = "IsCancellationRequested")]
    #[doc(alias = "stop_requested")]
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// Blocks the thread until this token is cancelled, or its deadline has passed. Returns at once if that is so
    /// already.
    ///
    /// For tasks there is [`cancelled`](CancellationToken::cancelled).
    ///
    /// # Happens-before
    /// [HB-CX-1](crate::cancel#HB-CX-1).
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// let other = token.clone();
    /// std::thread::spawn(move || other.cancel());
    /// token.wait();
    /// assert!(token.is_cancelled());
    /// ```
    pub fn wait(&self) {
        self.wait_until(None);
    }

    /// Makes a child: a token that is cancelled when this one is, and that can be cancelled before. Its deadline is
    /// this token's.
    ///
    /// Cancelling the child does not cancel this token. A child of a cancelled token is cancelled from the start.
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// let child = token.child_token();
    /// assert!(child.cancel() && !token.is_cancelled());
    /// let child = token.child_token();
    /// assert!(token.cancel() && child.is_cancelled());
    /// assert!(token.child_token().is_cancelled());
    /// ```
    #[doc(alias = "WithCancel")]
    #[doc(alias = "CreateLinkedTokenSource")]
    #[must_use = "dropping a token cancels nothing"]
    pub fn child_token(&self) -> Self {
        Self { node: tree::child(&self.node, None) }
    }

    /// Makes a child that also ends by itself: after `timeout`, or at this token's deadline if that is earlier. If the
    /// timeout does not fit an `Instant`, the child has no deadline of its own.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// use hence::cancel::{CancellationToken, Cause};
    /// let token = CancellationToken::new().with_timeout(Duration::from_millis(1));
    /// token.wait();
    /// assert!(matches!(token.cause(), Some(Cause::DeadlineExceeded)));
    /// ```
    #[doc(alias = "WithTimeout")]
    #[doc(alias = "CancelAfter")]
    #[must_use = "dropping a token cancels nothing"]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { node: tree::child(&self.node, now().checked_add(timeout)) }
    }

    /// Makes a child that also ends by itself: at `deadline`, or at this token's deadline if that is earlier.
    ///
    /// # Example
    /// ```
    /// # use std::time::Instant;
    /// let token = hence::cancel::CancellationToken::new();
    /// let child = token.with_deadline(Instant::now());
    /// assert!(child.is_cancelled() && !token.is_cancelled());
    /// ```
    #[doc(alias = "WithDeadline")]
    #[must_use = "dropping a token cancels nothing"]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self { node: tree::child(&self.node, Some(to_model_clock(deadline))) }
    }

    /// When this token ends by itself: the earliest of its own deadline and its ancestors'. `None`: it does not.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// let token = hence::cancel::CancellationToken::new().with_timeout(Duration::from_secs(1));
    /// let child = token.with_timeout(Duration::from_secs(2));
    /// assert!(child.deadline().is_some() && child.deadline() == token.deadline());
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.node.deadline()
    }

    /// [`cancel`](CancellationToken::cancel) with a cause of yours. [`cause`](CancellationToken::cause) and
    /// [`check`](CancellationToken::check) report it, at this token and at the descendants that this call cancels. If
    /// the call returns false, `cause` is dropped.
    ///
    /// # Panics
    /// As [`cancel`](CancellationToken::cancel). Besides, if the conversion of `cause` panics: then nothing is
    /// cancelled; or if the drop of a `cause` that came too late panics.
    ///
    /// # Happens-before
    /// As [`cancel`](CancellationToken::cancel).
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// assert!(token.cancel_with("the disk is full"));
    /// assert_eq!(token.check().unwrap_err().to_string(), "the disk is full");
    /// ```
    #[doc(alias = "WithCancelCause")]
    pub fn cancel_with(&self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> bool {
        tree::cancel(&self.node, Some(&SharedError::from(cause.into())))
    }

    /// Returns an error if this token is cancelled, or its deadline has passed: for `?` between two steps of work. Does
    /// not block.
    ///
    /// # Errors
    /// [`Cancelled`], with the cause.
    ///
    /// # Happens-before
    /// [HB-CX-1](crate::cancel#HB-CX-1), on an error.
    ///
    /// # Example
    /// ```
    /// use hence::cancel::{CancellationToken, Cancelled};
    /// fn work(token: &CancellationToken) -> Result<u32, Cancelled> {
    ///     (1..=3).map(|step| token.check().map(|()| step)).sum()
    /// }
    /// let token = CancellationToken::new();
    /// assert_eq!(work(&token).unwrap(), 6);
    /// token.cancel();
    /// assert!(work(&token).is_err());
    /// ```
    #[doc(alias = "ThrowIfCancellationRequested")]
    #[inline]
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(self.cancellation()) } else { Ok(()) }
    }

    /// Of a token that is cancelled.
    #[cold]
    fn cancellation(&self) -> Cancelled {
        Cancelled(self.cause().expect("it is cancelled"))
    }

    /// Why this token is cancelled; `None` if it is not. Does not block.
    ///
    /// # Happens-before
    /// [HB-CX-1](crate::cancel#HB-CX-1), if it is cancelled.
    ///
    /// # Example
    /// ```
    /// use hence::cancel::{CancellationToken, Cause};
    /// let token = CancellationToken::new();
    /// assert!(token.cause().is_none());
    /// token.cancel();
    /// assert!(matches!(token.cause(), Some(Cause::Cancelled)));
    /// ```
    pub fn cause(&self) -> Option<Cause> {
        self.is_cancelled().then(|| match (self.node.ended(), self.node.error()) {
            (Some(End::ByDeadline), _) => Cause::DeadlineExceeded,
            (_, Some(error)) => Cause::Error(error),
            (_, None) => Cause::Cancelled,
        })
    }

    /// [`wait`](CancellationToken::wait) for at most `timeout`. Returns whether the token is cancelled. If the timeout
    /// does not fit an `Instant`, waits without a limit.
    ///
    /// # Happens-before
    /// [HB-CX-1](crate::cancel#HB-CX-1), if true.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// let token = hence::cancel::CancellationToken::new();
    /// assert!(!token.wait_timeout(Duration::from_millis(1)));
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(now().checked_add(timeout))
    }

    /// [`wait`](CancellationToken::wait) until `deadline` at the latest. Returns whether the token is cancelled. If
    /// `deadline` has passed, does not block.
    ///
    /// # Happens-before
    /// [HB-CX-1](crate::cancel#HB-CX-1), if true.
    ///
    /// # Example
    /// ```
    /// # use std::time::Instant;
    /// let token = hence::cancel::CancellationToken::new();
    /// assert!(!token.wait_deadline(Instant::now()));
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_until(Some(to_model_clock(deadline)))
    }

    fn wait_until(&self, deadline: Option<Instant>) -> bool {
        self.node.wait_until(deadline)
    }

    /// Makes a receiver that disconnects when this token is cancelled, or its deadline has passed: an operation for a
    /// `select!`. Nothing is ever sent to this receiver.
    ///
    /// `close` on this receiver has no effect. The receiver keeps the token and its callbacks alive.
    ///
    /// # Happens-before
    /// [HB-CX-1](crate::cancel#HB-CX-1).
    ///
    /// # Example
    /// ```
    /// # use hence::{cancel::CancellationToken, channel::{bounded, select}};
    /// let (token, (_sender, receiver)) = (CancellationToken::new(), bounded::<u8>(0));
    /// token.cancel();
    /// select! {
    ///     recv(receiver) -> value => panic!("{value:?}"),
    ///     recv(token.done()) -> _ => assert!(token.is_cancelled()),
    /// }
    /// ```
    pub fn done(&self) -> Receiver<Infallible> {
        Receiver::ending(self.node.clone())
    }

    /// Registers `callback` to run on cancellation, once.
    ///
    /// | the token ends | `callback` runs |
    /// |---|---|
    /// | before `callback` is registered | in this call, on this thread |
    /// | by `cancel`, its own or an ancestor's | in that `cancel`, on its thread, after everyone who waits has been woken and all descendants are cancelled |
    /// | by its deadline | on a thread of the crate's |
    ///
    /// It runs under no lock. At a deadline it may take its time, and wait: other timers go on. Only if the system then
    /// refuses another thread, such callbacks run one after the other.
    ///
    /// Dropping the [`Registration`] does not remove the callback; [`stop`](Registration::stop) does. Dropping all
    /// handles of the token does not remove it either: it runs when the token would have been cancelled, at its
    /// deadline or with its parent. (If the parent is cancelled while the last handle is dropped, it may then run in
    /// that drop.) Only where nobody is left who could cancel, at a root without a deadline, the callback is dropped
    /// without having run.
    ///
    /// A callback that owns a handle of its own token, or of an ancestor, keeps that token alive until it has run.
    ///
    /// # Panics
    /// If `callback` runs in this call, and panics. A panic at the deadline, or in the drop of the last handle, is
    /// discarded; one in `cancel` comes out of that `cancel`.
    ///
    /// # Happens-before
    /// [HB-CX-2](crate::cancel#HB-CX-2).
    ///
    /// # Example
    /// ```
    /// # use hence::{cancel::CancellationToken, channel::unbounded};
    /// let (token, (sender, receiver)) = (CancellationToken::new(), unbounded());
    /// token.on_cancel(move || sender.send("stopped").unwrap());
    /// token.cancel();
    /// assert_eq!(receiver.recv(), Ok("stopped"));
    /// ```
    #[doc(alias = "AfterFunc")]
    #[doc(alias = "Register")]
    #[doc(alias = "stop_callback")]
    pub fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) -> Registration {
        if self.is_cancelled() {
            callback();
            return Registration { place: None };
        }
        // The alarm first: should it ring before the callback is there, `register` finds that the token has ended.
        let alarm = self
            .node
            .deadline()
            .map(|deadline| Alarm::set(deadline, Waker::from(Arc::new(DeadlineWaker(self.node.clone())))));
        let callback: Callback = Box::new(move || {
            let _until_then = alarm;
            callback();
        });
        match tree::register(&self.node, callback) {
            Ok(place) => Registration { place: Some(place) },
            Err(callback) => {
                callback();
                Registration { place: None }
            }
        }
    }

    /// Makes a guard that cancels this token when it is dropped, at the end of a scope or by a panic.
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// drop(token.clone().drop_guard());
    /// assert!(token.is_cancelled());
    /// ```
    #[doc(alias = "drop_guard_ref")]
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }
}

impl Default for CancellationToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken").field("is_cancelled", &self.is_cancelled()).finish()
    }
}

impl PartialEq for CancellationToken {
    fn eq(&self, other: &Self) -> bool {
        self.node.latch().identity() == other.node.latch().identity()
    }
}

impl Eq for CancellationToken {}

impl Hash for CancellationToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.node.latch().identity().hash(state);
    }
}

impl UnwindSafe for CancellationToken {}
impl RefUnwindSafe for CancellationToken {}

/// A registered callback; made by [`CancellationToken::on_cancel`]. Dropping the `Registration` does not remove the
/// callback.
#[doc(alias = "CancellationTokenRegistration")]
pub struct Registration {
    /// `None` where the callback ran at once.
    place: Option<Place>,
}

impl Registration {
    /// Removes the callback. Returns true if the callback will never run; false if it has run, is running, or is about
    /// to. Never blocks.
    ///
    /// # Panics
    /// If the drop of the removed callback panics. The callback will not run all the same.
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// assert!(token.on_cancel(|| unreachable!()).stop());
    /// token.cancel();
    /// ```
    #[doc(alias = "Unregister")]
    pub fn stop(self) -> bool {
        self.place.is_some_and(|place| place.leave())
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Registration { .. }")
    }
}

impl UnwindSafe for Registration {}
impl RefUnwindSafe for Registration {}

/// Cancels its token when dropped; made by [`CancellationToken::drop_guard`].
///
/// # Panics
/// The drop panics where [`cancel`](CancellationToken::cancel) would. If the thread is panicking already, that aborts
/// the process.
#[derive(Debug)]
#[must_use = "dropping it cancels the token"]
pub struct DropGuard {
    /// `None` once disarmed.
    token: Option<CancellationToken>,
}

impl DropGuard {
    /// Returns the token without cancelling it.
    ///
    /// # Example
    /// ```
    /// let guard = hence::cancel::CancellationToken::new().drop_guard();
    /// assert!(!guard.disarm().is_cancelled());
    /// ```
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().expect("disarmed once")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let (Some(token), false) = (&self.token, is_over()) {
            token.cancel();
        }
    }
}
