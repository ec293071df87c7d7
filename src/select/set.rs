//! The select whose operations are known at run time, and the operation that was chosen.

// Needs: channel/core/arms.rs, channel/receiver.rs, channel/sender.rs, error.rs, select.rs, select/handle.rs,
// sync.rs, wait.rs.

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use super::super::channel::core::arms::{Chosen, Side};
use super::super::channel::receiver::{Receiver, Source};
use super::super::channel::sender::Sender;
use super::super::error::{ReadyTimeoutError, RecvError, SelectTimeoutError, SendError, TryReadyError, TrySelectError};
use super::super::sync::ignore_panic;
use super::super::wait::Timeout;
use super::handle::SelectHandle;
use super::{Operation, Selected, ready, run};

/// A set of channel operations, made at run time; waits until at least one can proceed, then chooses exactly one.
///
/// [`send`](Select::send) and [`recv`](Select::recv) add an operation and return its number. The set can be used again
/// and again. If the operations are known when you write the program, [`select!`](crate::select!) is shorter.
///
/// There are two ways to use a set:
///
/// * [`select`](Select::select), [`try_select`](Select::try_select), [`select_timeout`](Select::select_timeout) and
///   [`select_deadline`](Select::select_deadline) choose an operation. You must then complete the
///   [`SelectedOperation`]: its `send` takes the value to send, its `recv` returns the value received.
/// * [`ready`](Select::ready), [`try_ready`](Select::try_ready), [`ready_timeout`](Select::ready_timeout) and
///   [`ready_deadline`](Select::ready_deadline) only say that an operation would not have to wait at this moment.
///   Another thread can be faster to perform this operation.
///
/// A select that is about to wait locks all its channels for a moment.
///
/// # Example
/// ```
/// use hence::channel::{unbounded, Select};
///
/// let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| unbounded()).unzip();
/// senders[1].send(10).unwrap();
///
/// let mut select = Select::new();
/// for receiver in &receivers {
///     select.recv(receiver);
/// }
/// let operation = select.select();
/// let index = operation.index();
/// assert_eq!((index, operation.recv(&receivers[index])), (1, Ok(10)));
/// ```
#[doc(alias = "Selector")]
pub struct Select<'a> {
    operations: Vec<Operation<'a>>,
    next: usize,
    biased: bool,
}

// SAFETY: an operation's channel is used only through its lock, which moves values about between the channel's
// own collections, and never drops or shares one (nor does giving up, `core/arms.rs` `put_back`): no value changes threads but through a `Sender` or `Receiver` that is
// where it may be. (A handle as such would ask for `T: Send` where the operation is added.)
unsafe impl Send for Select<'_> {}
// SAFETY: through a shared reference a select can only be cloned and shown.
unsafe impl Sync for Select<'_> {}

impl<'a> Select<'a> {
    /// Makes an empty set. If several operations are ready, one of them is picked by chance.
    ///
    /// # Example
    /// ```
    /// assert!(hence::channel::Select::new().try_select().is_err());
    /// ```
    pub fn new() -> Self {
        Self { operations: Vec::with_capacity(4), next: 0, biased: false }
    }

    /// Makes an empty set. If several operations are ready, the one that was added first is picked.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::unbounded();
    /// sender.send(1).unwrap();
    /// let mut select = hence::channel::Select::new_biased();
    /// select.recv(&receiver);
    /// select.send(&sender); // is always ready, too
    /// assert_eq!(select.ready(), 0);
    /// ```
    #[doc(alias = "biased")]
    pub fn new_biased() -> Self {
        Self { biased: true, ..Self::new() }
    }

    fn add(&mut self, operation: impl FnOnce(usize) -> Operation<'a>) -> usize {
        let index = self.next;
        self.operations.push(operation(index));
        self.next += 1;
        index
    }

    /// Adds a send operation and returns its number: 0, 1, 2 and so on. The value is given when the send is completed.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::bounded(1);
    /// let mut select = hence::channel::Select::new();
    /// assert_eq!(select.send(&sender), 0);
    /// select.select().send(&sender, "message").unwrap();
    /// assert_eq!(receiver.recv(), Ok("message"));
    /// ```
    pub fn send<T>(&mut self, sender: &'a Sender<T>) -> usize {
        self.add(|index| Operation::send(sender, index))
    }

    /// Adds a receive operation and returns its number: 0, 1, 2 and so on. The receiver may be a timer's.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::bounded(1);
    /// sender.send("message").unwrap();
    /// let mut select = hence::channel::Select::new();
    /// assert_eq!(select.recv(&receiver), 0);
    /// assert_eq!(select.select().recv(&receiver), Ok("message"));
    /// ```
    pub fn recv<T>(&mut self, receiver: &'a Receiver<T>) -> usize {
        self.add(|index| Operation::recv(receiver, index))
    }

    fn run(&mut self, wait: Timeout) -> Option<SelectedOperation<'a>> {
        self.assert_not_empty(wait);
        run(&mut self.operations, self.biased, wait).map(SelectedOperation::new)
    }

    fn wait_ready(&mut self, wait: Timeout) -> Option<usize> {
        self.assert_not_empty(wait);
        ready(&mut self.operations, self.biased, wait)
    }

    /// Nothing can end the wait of an empty set, but its time.
    fn assert_not_empty(&self, wait: Timeout) {
        let ends = !self.operations.is_empty() || !matches!(wait, Timeout::Never);
        assert!(ends, "no operations have been added to `Select`");
    }

    /// Chooses the first operation that becomes ready.
    ///
    /// Blocks until an operation is ready. The close of a channel makes the operations on this channel ready.
    ///
    /// # Panics
    /// If no operations have been added.
    ///
    /// # Happens-before
    /// [HB-SEL-1](mod@crate::select#HB-SEL-1), when the operation is completed.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::bounded(0);
    /// std::thread::spawn(move || sender.send(1));
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert_eq!(select.select().recv(&receiver), Ok(1));
    /// ```
    pub fn select(&mut self) -> SelectedOperation<'a> {
        self.run(Timeout::Never).expect("waits for ever")
    }

    /// Chooses an operation that is ready.
    ///
    /// Does not wait for a partner. If a receive pairs with another select, whose message is still being evaluated,
    /// waits until that evaluation ends.
    ///
    /// # Errors
    /// If no operation is ready ([SF-SEL-3](mod@crate::select#SF-SEL-3)).
    ///
    /// # Happens-before
    /// [HB-SEL-1](mod@crate::select#HB-SEL-1), when the operation is completed.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::unbounded();
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert!(select.try_select().is_err());
    /// sender.send(1).unwrap();
    /// assert_eq!(select.try_select().unwrap().recv(&receiver), Ok(1));
    /// ```
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.run(Timeout::Now).ok_or(TrySelectError)
    }

    /// Chooses the first operation that becomes ready within `timeout`.
    ///
    /// Blocks as [`select`](Select::select) does, but gives up once `timeout` has passed. If the timeout does not fit
    /// an `Instant`, waits without a limit. If a receive pairs with another select, whose message is still being
    /// evaluated, waits until that evaluation ends, even after `timeout`.
    ///
    /// # Errors
    /// If no operation was ready when the time was up ([SF-SEL-3](mod@crate::select#SF-SEL-3)).
    ///
    /// # Panics
    /// If no operations have been added and the timeout does not fit an `Instant`.
    ///
    /// # Happens-before
    /// [HB-SEL-1](mod@crate::select#HB-SEL-1), when the operation is completed.
    ///
    /// # Example
    /// ```
    /// let (_sender, receiver) = hence::channel::unbounded::<u8>();
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert!(select.select_timeout(std::time::Duration::from_millis(1)).is_err());
    /// ```
    pub fn select_timeout(&mut self, timeout: Duration) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.run(Timeout::at_most(timeout)).ok_or(SelectTimeoutError)
    }

    /// Chooses the first operation that becomes ready by `deadline`.
    ///
    /// Blocks as [`select`](Select::select) does, but gives up once `deadline` has passed. If a receive pairs with
    /// another select, whose message is still being evaluated, waits until that evaluation ends, even after `deadline`.
    ///
    /// # Errors
    /// As [`select_timeout`](Select::select_timeout).
    ///
    /// # Happens-before
    /// [HB-SEL-1](mod@crate::select#HB-SEL-1), when the operation is completed.
    ///
    /// # Example
    /// ```
    /// let (_sender, receiver) = hence::channel::unbounded::<u8>();
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert!(select.select_deadline(std::time::Instant::now()).is_err());
    /// ```
    pub fn select_deadline(&mut self, deadline: Instant) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.run(Timeout::until(deadline)).ok_or(SelectTimeoutError)
    }

    /// Returns the number of the first operation that becomes ready.
    ///
    /// Blocks until an operation is ready. The close of a channel makes the operations on this channel ready.
    ///
    /// A later attempt to perform the operation may still block: another thread can get there first, or the partner was
    /// another select that has meanwhile performed another operation. Two selects that both wait in `ready` do not see
    /// each other: an operation is ready when a partner *waits* to perform its own, and `ready` performs nothing.
    ///
    /// # Panics
    /// If no operations have been added.
    ///
    /// # Happens-before
    /// Nothing: the operation has its own guarantees when it is performed.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::bounded(0);
    /// std::thread::spawn(move || sender.send(1));
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert_eq!(select.ready(), 0);
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    pub fn ready(&mut self) -> usize {
        self.wait_ready(Timeout::Never).expect("waits for ever")
    }

    /// Returns the number of an operation that is ready at this moment. Never blocks.
    ///
    /// # Errors
    /// If no operation is ready.
    ///
    /// # Happens-before
    /// Nothing: the operation has its own guarantees when it is performed.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::unbounded();
    /// let mut select = hence::channel::Select::new();
    /// let index = select.recv(&receiver);
    /// assert!(select.try_ready().is_err());
    /// sender.send(1).unwrap();
    /// assert_eq!(select.try_ready(), Ok(index));
    /// ```
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        self.wait_ready(Timeout::Now).ok_or(TryReadyError)
    }

    /// Returns the number of the first operation that becomes ready within `timeout`.
    ///
    /// Blocks as [`ready`](Select::ready) does, but gives up once `timeout` has passed. If the timeout does not fit an
    /// `Instant`, waits without a limit.
    ///
    /// # Errors
    /// If no operation was ready when the time was up.
    ///
    /// # Panics
    /// If no operations have been added and the timeout does not fit an `Instant`.
    ///
    /// # Happens-before
    /// Nothing: the operation has its own guarantees when it is performed.
    ///
    /// # Example
    /// ```
    /// let (_sender, receiver) = hence::channel::unbounded::<u8>();
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert!(select.ready_timeout(std::time::Duration::from_millis(1)).is_err());
    /// ```
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        self.wait_ready(Timeout::at_most(timeout)).ok_or(ReadyTimeoutError)
    }

    /// Returns the number of the first operation that becomes ready by `deadline`.
    ///
    /// Blocks as [`ready`](Select::ready) does, but gives up once `deadline` has passed.
    ///
    /// # Errors
    /// As [`ready_timeout`](Select::ready_timeout).
    ///
    /// # Happens-before
    /// Nothing: the operation has its own guarantees when it is performed.
    ///
    /// # Example
    /// ```
    /// let (_sender, receiver) = hence::channel::unbounded::<u8>();
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert!(select.ready_deadline(std::time::Instant::now()).is_err());
    /// ```
    pub fn ready_deadline(&mut self, deadline: Instant) -> Result<usize, ReadyTimeoutError> {
        self.wait_ready(Timeout::until(deadline)).ok_or(ReadyTimeoutError)
    }

    /// Removes the operation with the number `index`. The other operations keep their numbers.
    ///
    /// # Panics
    /// If no operation of the set has this number.
    ///
    /// # Example
    /// ```
    /// let (_sender, receiver) = hence::channel::unbounded::<u8>();
    /// let mut select = hence::channel::Select::new();
    /// let index = select.recv(&receiver);
    /// select.remove(index);
    /// ```
    pub fn remove(&mut self, index: usize) {
        let at = self.operations.iter().position(|operation| operation.place.index == index);
        self.operations.remove(at.unwrap_or_else(|| panic!("there is no operation {index} in this `Select`")));
    }
}

impl Clone for Select<'_> {
    fn clone(&self) -> Self {
        Self { operations: self.operations.clone(), next: self.next, biased: self.biased }
    }
}

impl Default for Select<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Select { .. }")
    }
}

/// An operation that a [`Select`] has chosen. Complete it by [`send`](SelectedOperation::send) or
/// [`recv`](SelectedOperation::recv), with a handle of its channel.
///
/// # Panics
/// The drop of a `SelectedOperation` that was not completed undoes the operation
/// ([SF-SEL-4](mod@crate::select#SF-SEL-4)), then panics. If the thread is panicking already, the drop undoes the
/// operation and does not panic.
///
/// # Example
/// ```
/// use hence::channel::{bounded, Select};
///
/// let (requests, _inbox) = bounded(1);
/// let (_server, replies) = bounded::<u8>(1);
/// let mut select = Select::new();
/// let (request, reply) = (select.send(&requests), select.recv(&replies));
/// let operation = select.select();
/// match operation.index() {
///     i if i == request => operation.send(&requests, "please").unwrap(),
///     i if i == reply => drop(operation.recv(&replies)),
///     _ => unreachable!(),
/// }
/// ```
#[must_use = "a chosen operation must be completed"]
pub struct SelectedOperation<'a>(Selected<'a>);

impl<'a> SelectedOperation<'a> {
    #[inline]
    pub(super) fn new(selected: Selected<'a>) -> Self {
        Self(selected)
    }

    #[doc(hidden)]
    #[inline]
    pub fn of(selected: Option<Selected<'a>>) -> Self {
        Self::new(selected.expect("an operation that was chosen"))
    }

    /// Returns the number of the operation, as [`Select::send`] or [`Select::recv`] returned it.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::unbounded();
    /// sender.send(1).unwrap();
    /// let mut select = hence::channel::Select::new();
    /// let index = select.recv(&receiver);
    /// let operation = select.select();
    /// assert_eq!(operation.index(), index);
    /// operation.recv(&receiver).unwrap();
    /// ```
    pub fn index(&self) -> usize {
        self.0.index
    }

    /// What was chosen; from now on it is the caller's to complete.
    #[inline]
    fn complete<'h>(self, side: Side, handle: impl Into<SelectHandle<'h>>) -> Chosen {
        let is_same = self.0.side == side && self.0.handle.is_same(&handle.into());
        assert!(is_same, "the operation that was chosen is not one of this handle");
        ManuallyDrop::new(self).take()
    }

    /// What was chosen; once.
    #[inline]
    fn take(&mut self) -> Chosen {
        mem::replace(&mut self.0.chosen, Chosen::Closed)
    }

    /// Completes a send: sends `value`. Any sender of the channel will do.
    ///
    /// # Errors
    /// Hands the value back if the channel is closed or has no receiver left, also if this happened after the operation
    /// was chosen.
    ///
    /// # Panics
    /// If the operation is not a send on the channel of `sender`.
    ///
    /// # Happens-before
    /// [HB-SEL-1](mod@crate::select#HB-SEL-1).
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::bounded(1);
    /// let mut select = hence::channel::Select::new();
    /// select.send(&sender);
    /// select.select().send(&sender, 1).unwrap();
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    #[inline(always)] // as for `recv`
    pub fn send<T>(self, sender: &Sender<T>, value: T) -> Result<(), SendError<T>> {
        let mut value = Some(value);
        let sent = match self.complete(Side::Send, sender) {
            Chosen::Kept(ticket) => sender.core.complete_send(ticket, &mut value),
            Chosen::Closed | Chosen::Here(_) | Chosen::At(_) => false,
        };
        if sent { Ok(()) } else { Err(SendError(value.expect("what is refused is handed back"))) }
    }

    /// Completes a receive: returns the value that the operation received. Any receiver of the channel will do.
    ///
    /// # Errors
    /// If the operation was chosen because the channel was empty, and was closed or had no sender left.
    ///
    /// # Panics
    /// If the operation is not a receive on the channel of `receiver`.
    ///
    /// # Happens-before
    /// [HB-SEL-1](mod@crate::select#HB-SEL-1).
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::bounded::<u8>(1);
    /// drop(sender);
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert!(select.select().recv(&receiver).is_err());
    /// ```
    #[inline(always)] // else what was chosen is copied for the call, at a tenth of a `select!`'s cost
    pub fn recv<T>(self, receiver: &Receiver<T>) -> Result<T, RecvError> {
        match (&receiver.source, self.complete(Side::Recv, receiver)) {
            (Source::Channel(core), chosen) => core.complete_recv(chosen).ok_or(RecvError),
            (Source::Timer(_, value), Chosen::At(moment)) => Ok(value(moment)),
            _ => Err(RecvError),
        }
    }
}

impl UnwindSafe for SelectedOperation<'_> {}
impl RefUnwindSafe for SelectedOperation<'_> {}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        // A waker that panics, too, is not to end the process.
        let chosen = self.take();
        ignore_panic(|| self.0.handle.give_up(self.0.side, chosen));
        assert!(std::thread::panicking(), "dropped `SelectedOperation` without completing the operation");
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SelectedOperation { .. }")
    }
}
