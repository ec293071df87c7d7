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
use super::super::sync::let_go;
use super::super::wait::Wait;
use super::handle::SelectHandle;
use super::{Operation, Selected, ready, run};

/// A set of channel operations, one of which is to happen.
///
/// Operations are added by [`send`](Select::send) and [`recv`](Select::recv) and told apart by their numbers. A set can
/// be used again and again. A select that is going to wait holds the locks of all its channels for a moment. One that does not
/// change while the program runs is shorter as [`select!`](crate::select).
///
/// There are two ways to go. [`select`](Select::select) and its like choose an operation, which must then be completed
/// with what it sends or to get what it received. [`ready`](Select::ready) and its like only say that an operation need
/// not wait at this moment; somebody else may be faster to do it.
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
    /// An empty set, from which an operation is picked by chance where several are ready.
    ///
    /// # Example
    /// ```
    /// assert!(hence::channel::Select::new().try_select().is_err());
    /// ```
    pub fn new() -> Self {
        Self { operations: Vec::with_capacity(4), next: 0, biased: false }
    }

    /// An empty set, from which the first operation added is picked where several are ready.
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
    pub fn new_biased() -> Self {
        Self { biased: true, ..Self::new() }
    }

    fn add(&mut self, operation: impl FnOnce(usize) -> Operation<'a>) -> usize {
        let index = self.next;
        self.operations.push(operation(index));
        self.next += 1;
        index
    }

    /// Adds a send; returns the operation's number: 0, 1, 2 and so on.
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

    /// Adds a receive, also from a timer; returns the operation's number: 0, 1, 2 and so on.
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

    fn run(&mut self, wait: Wait) -> Option<SelectedOperation<'a>> {
        self.assert_not_empty(wait);
        run(&mut self.operations, self.biased, wait).map(SelectedOperation::new)
    }

    fn wait_ready(&mut self, wait: Wait) -> Option<usize> {
        self.assert_not_empty(wait);
        ready(&mut self.operations, self.biased, wait)
    }

    /// Nothing can end the wait of an empty set, but its time.
    fn assert_not_empty(&self, wait: Wait) {
        let ends = !self.operations.is_empty() || !matches!(wait, Wait::ForEver);
        assert!(ends, "no operations have been added to `Select`");
    }

    /// Chooses the first operation to become ready.
    ///
    /// Blocks until one is; the close of one of the channels makes its operation ready.
    ///
    /// # Panics
    /// If no operations have been added.
    ///
    /// # Happens-before
    /// HB-SEL-1, when the operation is completed.
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
        self.run(Wait::ForEver).expect("waits for ever")
    }

    /// Chooses an operation that is ready. Never blocks.
    ///
    /// # Errors
    /// If none is ready (SF-SEL-3).
    ///
    /// # Happens-before
    /// HB-SEL-1, when the operation is completed.
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
        self.run(Wait::Not).ok_or(TrySelectError)
    }

    /// Chooses the first operation to become ready within `timeout`. A timeout too long for an `Instant` is none.
    ///
    /// # Errors
    /// If none was ready when the time was up (SF-SEL-3).
    ///
    /// # Panics
    /// If no operations have been added and the timeout is none.
    ///
    /// # Happens-before
    /// HB-SEL-1, when the operation is completed.
    ///
    /// # Example
    /// ```
    /// let (_sender, receiver) = hence::channel::unbounded::<u8>();
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert!(select.select_timeout(std::time::Duration::from_millis(1)).is_err());
    /// ```
    pub fn select_timeout(&mut self, timeout: Duration) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.run(Wait::at_most(timeout)).ok_or(SelectTimeoutError)
    }

    /// Chooses the first operation to become ready by `deadline`.
    ///
    /// # Errors
    /// As [`select_timeout`](Select::select_timeout).
    ///
    /// # Happens-before
    /// HB-SEL-1, when the operation is completed.
    ///
    /// # Example
    /// ```
    /// let (_sender, receiver) = hence::channel::unbounded::<u8>();
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert!(select.select_deadline(std::time::Instant::now()).is_err());
    /// ```
    pub fn select_deadline(&mut self, deadline: Instant) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.run(Wait::until(deadline)).ok_or(SelectTimeoutError)
    }

    /// The number of the first operation to become ready. It may wait all the same when it is done: somebody else may
    /// be faster, or it was another select that was ready, and no longer is.
    ///
    /// Blocks until one is; the close of one of the channels makes its operation ready. Two selects that both wait in
    /// this way do not see each other: an operation is ready when a partner *waits* for it.
    ///
    /// # Panics
    /// If no operations have been added.
    ///
    /// # Happens-before
    /// Nothing: the operation, when it is done, has its own.
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
        self.wait_ready(Wait::ForEver).expect("waits for ever")
    }

    /// The number of an operation that is ready at this moment. Never blocks.
    ///
    /// # Errors
    /// If none is ready.
    ///
    /// # Happens-before
    /// Nothing: the operation, when it is done, has its own.
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
        self.wait_ready(Wait::Not).ok_or(TryReadyError)
    }

    /// The number of the first operation to become ready within `timeout`. A timeout too long for an `Instant` is none.
    ///
    /// # Errors
    /// If none was ready when the time was up.
    ///
    /// # Happens-before
    /// Nothing: the operation, when it is done, has its own.
    ///
    /// # Example
    /// ```
    /// let (_sender, receiver) = hence::channel::unbounded::<u8>();
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert!(select.ready_timeout(std::time::Duration::from_millis(1)).is_err());
    /// ```
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        self.wait_ready(Wait::at_most(timeout)).ok_or(ReadyTimeoutError)
    }

    /// The number of the first operation to become ready by `deadline`.
    ///
    /// # Errors
    /// As [`ready_timeout`](Select::ready_timeout).
    ///
    /// # Happens-before
    /// Nothing: the operation, when it is done, has its own.
    ///
    /// # Example
    /// ```
    /// let (_sender, receiver) = hence::channel::unbounded::<u8>();
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert!(select.ready_deadline(std::time::Instant::now()).is_err());
    /// ```
    pub fn ready_deadline(&mut self, deadline: Instant) -> Result<usize, ReadyTimeoutError> {
        self.wait_ready(Wait::until(deadline)).ok_or(ReadyTimeoutError)
    }

    /// Takes an operation out, by its number; the others keep theirs.
    ///
    /// # Panics
    /// If there is no such operation.
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

/// An operation that has been chosen, to be completed by [`send`](SelectedOperation::send) or
/// [`recv`](SelectedOperation::recv).
///
/// # Panics
/// If it is dropped and not completed, unless the thread is panicking already. In either case the operation is taken
/// back first (SF-SEL-4).
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

    /// The number of the operation.
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

    /// Completes a send.
    ///
    /// # Errors
    /// Hands the value back if the channel is closed or has no receiver left; also if that has come about since the
    /// operation was chosen.
    ///
    /// # Panics
    /// If `sender` is not of the channel for which the operation was added.
    ///
    /// # Happens-before
    /// HB-SEL-1.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::bounded(1);
    /// let mut select = hence::channel::Select::new();
    /// select.send(&sender);
    /// select.select().send(&sender, 1).unwrap();
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    #[inline]
    pub fn send<T>(self, sender: &Sender<T>, value: T) -> Result<(), SendError<T>> {
        let mut value = Some(value);
        let sent = match self.complete(Side::Send, sender) {
            Chosen::Kept(ticket) => sender.core.complete_send(ticket, &mut value),
            Chosen::Closed | Chosen::Here(_) | Chosen::At(_) => false,
        };
        if sent { Ok(()) } else { Err(SendError(value.expect("what is refused is handed back"))) }
    }

    /// Completes a receive.
    ///
    /// # Errors
    /// If the channel is empty, and closed or without a sender.
    ///
    /// # Panics
    /// If `receiver` is not of the channel for which the operation was added.
    ///
    /// # Happens-before
    /// HB-SEL-1.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::bounded::<u8>(1);
    /// drop(sender);
    /// let mut select = hence::channel::Select::new();
    /// select.recv(&receiver);
    /// assert!(select.select().recv(&receiver).is_err());
    /// ```
    #[inline]
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
        let_go(|| self.0.handle.give_up(self.0.side, chosen));
        assert!(std::thread::panicking(), "dropped `SelectedOperation` without completing the operation");
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SelectedOperation { .. }")
    }
}
