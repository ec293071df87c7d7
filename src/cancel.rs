//! Cancellation: a token that many hold, that is cancelled once, for one cause, and with it all its descendants.
//!
//! To whoever receives from its [`done`], a [`CancellationToken`] is a channel that nobody sends on, and cancelling it closes
//! that channel. To stop work, hand it a token; the work looks at it ([`is_cancelled`], [`check`]),
//! waits for it ([`wait`], [`cancelled`]), waits for it and something else ([`done`] in a `select!`,
//! [`send_or_cancelled`], [`recv_or_cancelled`], [`wait_or_cancelled`]), or leaves a callback ([`on_cancel`]). To know
//! that the work has stopped, wait for a [`WaitGroup`](crate::WaitGroup).
//!
//! Tokens are a tree: [`child_token`] makes one that is cancelled with its parent, or before; [`with_timeout`] and
//! [`with_deadline`] make one that ends by itself, too.
//!
//! [`is_cancelled`]: CancellationToken::is_cancelled
//! [`check`]: CancellationToken::check
//! [`wait`]: CancellationToken::wait
//! [`cancelled`]: CancellationToken::cancelled
//! [`done`]: CancellationToken::done
//! [`on_cancel`]: CancellationToken::on_cancel
//! [`child_token`]: CancellationToken::child_token
//! [`with_timeout`]: CancellationToken::with_timeout
//! [`with_deadline`]: CancellationToken::with_deadline
//! [`send_or_cancelled`]: crate::channel::Sender::send_or_cancelled
//! [`recv_or_cancelled`]: crate::channel::Receiver::recv_or_cancelled
//! [`wait_or_cancelled`]: crate::WaitGroup::wait_or_cancelled
//!
//! # Happens-before
//! **HB-CX-1.** Everything before the call of the `cancel` that returned true, at a token, happens before each
//! `is_cancelled`, `check` and `cause` that reports the cancellation, and before the return of each wait that it ends,
//! at that token and at all its descendants. *Not promised:* anything by a deadline; anything by a `cancel` that
//! returned false.
//!
//! **HB-CX-2.** Everything before the call of that `cancel`, and before the call of `on_cancel`, happens before the
//! callback; the callback happens before the return of that `cancel`, or, if it ran in `on_cancel`, or in the drop of the
//! last handle of its token, of that.
//!
//! # Safety
//! **SF-CX-1.** A token is cancelled at most once, for one cause, which never changes: of all calls of `cancel` at most
//! one returns true, and none after the deadline.
//!
//! **SF-CX-2.** Whoever cancels a token cancels all its descendants, before a callback runs and `cancel` returns, and
//! nobody else: not its parent, not its siblings. A child of a cancelled token is cancelled from the start, for the
//! same cause. A token that is found cancelled by an ancestor's cancellation is found so after that ancestor. *Not
//! promised:* that a `cancel` that returned false comes back only after the descendants have been cancelled by the one
//! that returned true.
//!
//! **SF-CX-3.** A callback runs at most once: after its token was cancelled, and never if `stop` returned true.
//!
//! **SF-CX-4.** No token is cancelled by its deadline, or by an ancestor's, before that moment; from that moment on
//! every look finds it cancelled, for that cause unless another came first.
//!
//! **SF-CX-5.** `send_or_cancelled`, `recv_or_cancelled` and `wait_or_cancelled` end in exactly one way: as without the
//! token; or cancelled, with no trace left and the value handed back. If the token is cancelled when they are called,
//! that is how they end.
//!
//! # Liveness
//! **LV-CX-1.** Whoever waits for a token, and every pending future, returns or is woken once it is cancelled, or its
//! deadline has passed, whatever becomes of handles, children and callbacks.
//!
//! **LV-CX-2.** A callback runs if its token is cancelled and it has not been stopped, even if another callback, or a
//! task's waker, panics; and if nobody holds the token any more, when it would have been: at its deadline, or when an
//! ancestor is cancelled. `cancel` and `stop` wait for no callback of another thread: a callback may cancel, stop, and
//! drop tokens as it likes, and wait, at a deadline too.
//!
//! # Cost
//! A token is one allocation, and two more once somebody has had to wait for it. `is_cancelled` is one acquire load,
//! however deep the tree; with a deadline it also reads the clock. Making a child, dropping it, and registering and
//! stopping a callback take constant time, from any thread. Cancelling takes time in proportion to the descendants, and
//! no stack.
//!
//! What keeps a token is a handle of it, a receiver from its `done`, a registration, a child that was made before it was
//! cancelled (a deadline that has passed does not count), and, if it has a deadline, a callback: so a token keeps its
//! ancestors' memory. Callbacks outlive a token without a deadline: its parent keeps them, until it is cancelled or
//! nobody can do that any more. Its places for children grow to the most children at a time, and are freed when it has none (of up to 32, when
//! it is dropped), or is cancelled; a child that is cancelled alone keeps its place until it is dropped.
//!
//! No thread is started unless a *callback* or a *task* waits for a deadline: then one, for the process, which sleeps
//! until the next such deadline, and leaves when that, or two seconds, has passed and there is none. While it runs a
//! callback, or wakes a task, another one sees to the next deadline: so there are as many as callbacks that do not
//! return, and two more, or for a moment three. If the system refuses the first one, tasks poll until it can be had, and a
//! callback waits for that, or for `cancel`.
//!
//! A child process that was made by `fork` has none of these threads, and starts its own with the first deadline that a
//! task or a callback waits for there. Deadlines that they waited for before the fork end nothing in the child, until the
//! task is polled again.
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
use super::sync::{Alarm, Arc, is_over, now, on_our_clock};
use super::wait::Ends;
use tree::{Callback, End, Expiry, Node, Place, SharedError};

pub use error::{Cancelled, Cause, RecvOrCancelledError, SendOrCancelledError};
pub use future::{CancelledFuture, CancelledFutureOwned};

/// Tells work to stop. Clones are the same token; [`child_token`](CancellationToken::child_token) makes another.
///
/// Dropping it cancels nothing (but see [`drop_guard`](CancellationToken::drop_guard)). Two are equal if they are the same
/// token: clones are, a child and its parent are not.
///
/// # Happens-before
/// HB-CX-1, HB-CX-2.
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
#[derive(Clone)]
pub struct CancellationToken {
    node: Arc<Node>,
}

impl CancellationToken {
    /// A token that no other token cancels: the root of a tree.
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// assert!(!token.is_cancelled());
    /// ```
    pub fn new() -> Self {
        Self { node: tree::root() }
    }

    /// Cancels this token and all its descendants; true for the one call that did. False if it was cancelled before, or
    /// its deadline has passed.
    ///
    /// Wakes everyone who waits, then runs the callbacks on this thread. Does not block but for their sake.
    ///
    /// # Panics
    /// If a callback, or a task's waker, does: after all has been done, with the first panic.
    ///
    /// # Happens-before
    /// HB-CX-1, HB-CX-2.
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// assert!(token.cancel());
    /// assert!(!token.cancel());
    /// ```
    pub fn cancel(&self) -> bool {
        tree::cancel(&self.node, None)
    }

    /// Whether it is cancelled. Once true, always true.
    ///
    /// # Happens-before
    /// HB-CX-1, if true.
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// token.cancel();
    /// assert!(token.is_cancelled());
    /// ```
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// Blocks the thread until it is cancelled, or its deadline has passed.
    ///
    /// # Happens-before
    /// HB-CX-1.
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

    /// A token that is cancelled with this one, if not before. It has this one's deadline.
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
    #[must_use = "dropping a token cancels nothing"]
    pub fn child_token(&self) -> Self {
        Self { node: tree::child(&self.node, None) }
    }

    /// A child that ends by itself after `timeout`, or at this token's deadline if that is earlier. A timeout too long
    /// for an `Instant` is none.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// use hence::cancel::{CancellationToken, Cause};
    /// let token = CancellationToken::new().with_timeout(Duration::from_millis(1));
    /// token.wait();
    /// assert!(matches!(token.cause(), Some(Cause::DeadlineExceeded)));
    /// ```
    #[must_use = "dropping a token cancels nothing"]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { node: tree::child(&self.node, now().checked_add(timeout)) }
    }

    /// A child that ends by itself at `deadline`, or at this token's deadline if that is earlier.
    ///
    /// # Example
    /// ```
    /// # use std::time::Instant;
    /// let token = hence::cancel::CancellationToken::new();
    /// let child = token.with_deadline(Instant::now());
    /// assert!(child.is_cancelled() && !token.is_cancelled());
    /// ```
    #[must_use = "dropping a token cancels nothing"]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self { node: tree::child(&self.node, Some(on_our_clock(deadline))) }
    }

    /// When it ends by itself: the earliest of its own deadline and its ancestors'; `None` for never.
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

    /// Cancels and says why: [`cancel`](CancellationToken::cancel), with a cause for all who ask. One that comes too
    /// late is dropped.
    ///
    /// # Panics
    /// As [`cancel`](CancellationToken::cancel); and if the making of the cause does, before anything has been done, or the
    /// drop of one that comes too late.
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
    pub fn cancel_with(&self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> bool {
        tree::cancel(&self.node, Some(&SharedError::from(cause.into())))
    }

    /// An error, if it is cancelled: for `?` between two steps of work.
    ///
    /// # Errors
    /// The cause.
    ///
    /// # Happens-before
    /// HB-CX-1, on an error.
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
    #[inline]
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(self.cancellation()) } else { Ok(()) }
    }

    /// Of a token that is cancelled.
    #[cold]
    fn cancellation(&self) -> Cancelled {
        Cancelled(self.cause().expect("it is cancelled"))
    }

    /// Why it is cancelled, if it is.
    ///
    /// # Happens-before
    /// HB-CX-1, if it is.
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

    /// The same for at most `timeout`: whether it is cancelled. A timeout too long for an `Instant` is none.
    ///
    /// # Happens-before
    /// HB-CX-1, if true.
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

    /// The same until `deadline` at the latest: whether it is cancelled.
    ///
    /// # Happens-before
    /// HB-CX-1, if true.
    ///
    /// # Example
    /// ```
    /// # use std::time::Instant;
    /// let token = hence::cancel::CancellationToken::new();
    /// assert!(!token.wait_deadline(Instant::now()));
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_until(Some(on_our_clock(deadline)))
    }

    fn wait_until(&self, deadline: Option<Instant>) -> bool {
        self.node.wait_until(deadline)
    }

    /// A receiver that disconnects when it is cancelled, and to which nothing is ever sent: an operation for a select.
    /// To `close` it does nothing. It keeps the token alive, and its callbacks.
    ///
    /// # Happens-before
    /// HB-CX-1.
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

    /// Has `callback` run when it is cancelled: by `cancel`, on the thread that cancels; at the deadline, on a thread
    /// of the crate's; at once, on this one, if it is cancelled already.
    ///
    /// `cancel` runs it after everyone who waits has been woken and all descendants are cancelled, under no lock.
    /// Dropping the registration leaves it there, and so does dropping all handles of the token: it runs when the token
    /// would have been cancelled, by its deadline or with its parent, unless it is [stopped](Registration::stop). (If that
    /// happens while the last handle is dropped, on the thread that drops it.) Only where nobody is left who could cancel,
    /// at a root without a deadline, it is dropped without having run. So a callback that owns a handle of its token, or of
    /// an ancestor, keeps that until it has run.
    ///
    /// At a deadline it may take its time, and wait: other timers go on. Only if the system then refuses another thread
    /// do such callbacks run one after the other.
    ///
    /// # Panics
    /// If it runs at once, and panics. (What it throws at the deadline, on the crate's thread, or in the drop of the last
    /// handle, is let go of.)
    ///
    /// # Happens-before
    /// HB-CX-2.
    ///
    /// # Example
    /// ```
    /// # use hence::{cancel::CancellationToken, channel::unbounded};
    /// let (token, (sender, receiver)) = (CancellationToken::new(), unbounded());
    /// token.on_cancel(move || sender.send("stopped").unwrap());
    /// token.cancel();
    /// assert_eq!(receiver.recv(), Ok("stopped"));
    /// ```
    pub fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) -> Registration {
        if self.is_cancelled() {
            callback();
            return Registration { place: None };
        }
        // The alarm first: should it ring before the callback is there, `register` finds that the token has ended.
        let alarm =
            self.node.deadline().map(|deadline| Alarm::set(deadline, Waker::from(Arc::new(Expiry(self.node.clone())))));
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

    /// A guard that cancels it when dropped, by the end of a scope or by a panic.
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// drop(token.clone().drop_guard());
    /// assert!(token.is_cancelled());
    /// ```
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

/// A callback that waits for its token; made by [`CancellationToken::on_cancel`]. Dropping it leaves the callback
/// there.
pub struct Registration {
    /// `None` where the callback ran at once.
    place: Option<Place>,
}

impl Registration {
    /// Takes the callback back: true if it will never run, false if it has run, is running, or is about to. Never
    /// waits.
    ///
    /// # Panics
    /// If the drop of the callback does, which will not run.
    ///
    /// # Example
    /// ```
    /// let token = hence::cancel::CancellationToken::new();
    /// assert!(token.on_cancel(|| unreachable!()).stop());
    /// token.cancel();
    /// ```
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
/// The drop does where [`cancel`](CancellationToken::cancel) would; during a panic that aborts the process.
#[derive(Debug)]
#[must_use = "dropping it cancels the token"]
pub struct DropGuard {
    /// `None` once disarmed.
    token: Option<CancellationToken>,
}

impl DropGuard {
    /// The token, which the guard no longer cancels.
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
