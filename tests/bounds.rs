//! Which handle may go to which thread: a bound too wide is unsound, one too narrow useless (peers' bug C14).
#![cfg(not(any(loom, shuttle)))]

mod util;

use std::cell::Cell;
use std::error::Error;
use std::fmt::Debug;
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard;

use hence::cancel::{
    CancellationToken, Cancelled, CancelledFuture, CancelledFutureOwned, Cause, DropGuard, RecvOrCancelledError,
    Registration, SendOrCancelledError,
};
use hence::channel::{
    IntoIter, Iter, Receiver, RecvError, RecvFuture, SendError, SendFuture, Sender, TryIter, TryRecvError, TrySendError,
};
use hence::pool::{
    Builder, NoWorkers, Payload, Pool, Scope, ScopeError, SpawnError, Stats, Task, TaskError, WaitError, WithState,
    Work, WorkerState,
};
use hence::wait_group::{Guard, WaitFuture, WaitGroup};
use util::implements;

/// Whether each type of a channel of `$value` implements a trait.
macro_rules! channel_of {
    ($value:ty: $bound:path) => {
        [
            implements!(Sender<$value>: $bound),
            implements!(Receiver<$value>: $bound),
            implements!(SendFuture<'static, $value>: $bound),
            implements!(RecvFuture<'static, $value>: $bound),
            implements!(Iter<'static, $value>: $bound),
            implements!(TryIter<'static, $value>: $bound),
            implements!(IntoIter<$value>: $bound),
        ]
    };
}

#[test]
fn the_probe_tells_types_apart() {
    assert!(implements!(Cell<u8>: Send) && !implements!(Cell<u8>: Sync));
    assert!(implements!(MutexGuard<'static, u8>: Sync) && !implements!(MutexGuard<'static, u8>: Send));
    assert!(!implements!(Rc<u8>: Send) && !implements!(Rc<u8>: Sync));
}

#[test]
fn channels_are_send_and_sync_for_values_that_are_send() {
    assert_eq!(channel_of!(u8: Send), [true; 7]);
    assert_eq!(channel_of!(u8: Sync), [true; 7]);
    // Not Sync, and need not be: no value is ever shared. A send future holds one, and is as Sync as it.
    assert_eq!(channel_of!(Cell<u8>: Send), [true; 7]);
    assert_eq!(channel_of!(Cell<u8>: Sync), [true, true, false, true, true, true, true]);
}

#[test]
fn channels_of_values_that_must_not_be_sent_stay_where_they_are() {
    assert_eq!(channel_of!(Rc<u8>: Send), [false; 7]);
    assert_eq!(channel_of!(Rc<u8>: Sync), [false; 7]);
    assert_eq!(channel_of!(*const u8: Send), [false; 7]);
    assert_eq!(channel_of!(*const u8: Sync), [false; 7]);
    // Sync, but not Send: sharing a handle would send the value.
    assert_eq!(channel_of!(MutexGuard<'static, u8>: Send), [false; 7]);
    assert_eq!(channel_of!(MutexGuard<'static, u8>: Sync), [false; 7]);
}

#[test]
fn everything_is_unpin_whatever_the_value() {
    assert_eq!(channel_of!(PhantomPinned: Unpin), [true; 7]);
    assert!(implements!(WaitFuture<'static>: Unpin));
}

#[test]
fn handles_may_be_used_across_a_panic() {
    // A closure that borrows a handle can be given to `catch_unwind`.
    assert!(implements!(Sender<Cell<u8>>: UnwindSafe) && implements!(Sender<Cell<u8>>: RefUnwindSafe));
    assert!(implements!(Receiver<Cell<u8>>: UnwindSafe) && implements!(Receiver<Cell<u8>>: RefUnwindSafe));
    assert!(implements!(WaitGroup: UnwindSafe) && implements!(WaitGroup: RefUnwindSafe));
    assert!(implements!(Guard: UnwindSafe) && implements!(Guard: RefUnwindSafe));
}

#[test]
fn wait_groups_go_anywhere() {
    assert!(implements!(WaitGroup: Send) && implements!(WaitGroup: Sync));
    assert!(implements!(Guard: Send) && implements!(Guard: Sync));
    assert!(implements!(WaitFuture<'static>: Send) && implements!(WaitFuture<'static>: Sync));
}

#[test]
fn handles_clone_values_need_not() {
    struct Plain;
    assert!(implements!(Sender<Plain>: Clone) && implements!(Receiver<Plain>: Clone));
    assert!(implements!(WaitGroup: Clone) && implements!(Guard: Clone));
    // A clone of what is consumed would be a second of it.
    assert!(!implements!(SendFuture<'static, u8>: Clone) && !implements!(RecvFuture<'static, u8>: Clone));
    assert!(!implements!(WaitFuture<'static>: Clone));
}

#[test]
fn everything_can_be_printed_whatever_the_value() {
    struct Plain;
    assert_eq!(channel_of!(Plain: Debug), [true; 7]);
    assert!(implements!(SendError<Plain>: Debug) && implements!(TrySendError<Plain>: Debug));
    assert!(implements!(WaitGroup: Debug) && implements!(Guard: Debug) && implements!(WaitFuture<'static>: Debug));
}

#[test]
fn errors_are_as_their_values() {
    struct Plain;
    assert!(implements!(SendError<Plain>: Error) && implements!(TrySendError<Plain>: Error));
    assert!(implements!(RecvError: Error) && implements!(TryRecvError: Error));
    assert!(implements!(SendError<u8>: Send) && !implements!(SendError<Rc<u8>>: Send));
    assert!(implements!(TrySendError<u8>: Copy) && !implements!(TrySendError<String>: Copy));
}

/// Whether each type of a token implements a trait.
macro_rules! tokens {
    ($bound:path) => {
        [
            implements!(CancellationToken: $bound),
            implements!(Registration: $bound),
            implements!(DropGuard: $bound),
            implements!(CancelledFuture<'static>: $bound),
            implements!(CancelledFutureOwned: $bound),
            implements!(Cancelled: $bound),
            implements!(Cause: $bound),
        ]
    };
}

#[test]
fn tokens_go_anywhere() {
    assert_eq!(tokens!(Send), [true; 7]);
    assert_eq!(tokens!(Sync), [true; 7]);
    assert_eq!(tokens!(Unpin), [true; 7]);
    assert_eq!(tokens!(Debug), [true; 7]);
}

#[test]
fn tokens_may_be_used_across_a_panic() {
    // Not the futures, which are a task's own; but a wait group's, which has nothing but its place in line.
    assert_eq!(tokens!(UnwindSafe), [true, true, true, false, false, true, true]);
    assert_eq!(tokens!(RefUnwindSafe), [true, true, true, false, false, true, true]);
    assert!(!implements!(RecvFuture<'static, u8>: UnwindSafe) && !implements!(RecvFuture<'static, u8>: RefUnwindSafe));
    assert!(implements!(WaitFuture<'static>: UnwindSafe) && implements!(WaitFuture<'static>: RefUnwindSafe));
}

#[test]
fn a_registration_and_a_guard_are_not_cloned() {
    assert_eq!(tokens!(Clone), [true, false, false, false, false, true, true]);
}

#[test]
fn a_cancellation_is_an_error_and_operations_hand_any_value_back() {
    struct Plain;
    assert_eq!(tokens!(Error), [false, false, false, false, false, true, false]);
    assert!(implements!(SendOrCancelledError<Plain>: Error) && implements!(RecvOrCancelledError: Error));
    assert!(implements!(SendOrCancelledError<Plain>: Debug));
    assert!(implements!(SendOrCancelledError<u8>: Send) && !implements!(SendOrCancelledError<Rc<u8>>: Send));
    assert!(implements!(SendOrCancelledError<u8>: Copy) && !implements!(SendOrCancelledError<String>: Copy));
}

/// Whether each type of a pool implements a trait; workers' states, results and errors are `$value`s.
macro_rules! pools {
    ($value:ty: $bound:path) => {
        [
            implements!(Pool<$value>: $bound),
            implements!(Builder<$value>: $bound),
            implements!(Task<$value>: $bound),
            implements!(Scope<'static, 'static, $value, u8, $value>: $bound),
            implements!(hence::pool::WaitFuture<'static, $value>: $bound),
        ]
    };
}

#[test]
fn pools_go_anywhere_whatever_stays_on_their_workers() {
    // A state is made, used and dropped on its worker; only a result that may be sent gets into a task, see below.
    assert_eq!((pools!(u8: Send), pools!(u8: Sync)), ([true; 5], [true; 5]));
    assert_eq!((pools!(Cell<u8>: Send), pools!(Cell<u8>: Sync)), ([true; 5], [true; 5]));
    assert!(implements!(Pool<Rc<u8>>: Send) && implements!(Pool<Rc<u8>>: Sync));
    assert!(implements!(Builder<Rc<u8>>: Send) && implements!(Builder<Rc<u8>>: Sync));
    // The state itself does not leave it.
    assert!(!implements!(WorkerState<Rc<u8>>: Send) && !implements!(WorkerState<Rc<u8>>: Sync));
    // An error is shared by the jobs of a scope, one at a time.
    assert!(implements!(Scope<'static, 'static, u8, Cell<u8>>: Sync));
    assert!(!implements!(Scope<'static, 'static, u8, Rc<u8>>: Sync));
}

#[test]
fn work_is_what_may_be_sent_and_is_called_once() {
    assert!(implements!(Box<dyn FnOnce() + Send>: Work<()>) && implements!(fn() -> u8: Work<u8>));
    assert!(!implements!(Box<dyn FnOnce()>: Work<()>) && !implements!(u8: Work<()>));
    assert!(implements!(WithState<Box<dyn FnOnce(&mut Rc<u8>) + Send>>: Work<Rc<u8>>));
    assert!(!implements!(WithState<Box<dyn FnOnce(&mut Rc<u8>)>>: Work<Rc<u8>>));
    assert!(!implements!(WithState<Box<dyn FnOnce(&mut u8) + Send>>: Work<i8>)); // another state
}

#[test]
fn a_result_that_must_not_be_sent_is_no_result_of_a_job() {
    /// What `spawn` asks of a job: this does not compile if it asks for more. (`Task` of anything is `Send`, so it must
    /// ask for no less.)
    trait Spawns: Work<()> + Sized + 'static {
        fn spawns(self, pool: &Pool) -> Result<Task<Self::Output>, SpawnError<Self>>;
    }
    impl<W: Work<()> + 'static> Spawns for W
    where
        W::Output: Send + 'static,
    {
        fn spawns(self, pool: &Pool) -> Result<Task<Self::Output>, SpawnError<Self>> {
            pool.spawn(self)
        }
    }
    assert!(implements!(fn() -> u8: Spawns) && implements!(fn() -> Cell<u8>: Spawns));
    assert!(!implements!(fn() -> Rc<u8>: Spawns) && !implements!(fn() -> MutexGuard<'static, u8>: Spawns));
    let pool = Pool::new(1);
    pool.close();
    assert!((|| 7).spawns(&pool).is_err());
}

#[test]
fn pools_are_unpin_and_may_be_used_across_a_panic() {
    assert_eq!(pools!(PhantomPinned: Unpin)[..3], [true; 3]);
    assert!(implements!(hence::pool::WaitFuture<'static, PhantomPinned>: Unpin));
    assert!(implements!(Pool<Cell<u8>>: UnwindSafe) && implements!(Pool<Cell<u8>>: RefUnwindSafe));
    assert!(implements!(Task<Cell<u8>>: UnwindSafe) && implements!(Task<Cell<u8>>: RefUnwindSafe));
}

#[test]
fn pools_can_be_printed_and_tasks_are_not_cloned() {
    struct Plain;
    assert_eq!(pools!(Plain: Debug), [true; 5]);
    assert_eq!(pools!(Plain: Clone), [true, true, false, false, false]);
    assert!(implements!(Stats: Copy) && implements!(WaitError: Copy) && implements!(NoWorkers: Copy));
    assert!(!implements!(Payload: Clone) && !implements!(TaskError: Clone));
}

#[test]
fn errors_of_pools_are_errors_that_go_anywhere() {
    struct Plain;
    assert!(implements!(TaskError: Error) && implements!(TaskError: Send) && implements!(TaskError: Sync));
    assert!(implements!(Payload: Send) && implements!(Payload: Sync) && implements!(Payload: Debug));
    assert!(implements!(SpawnError<Plain>: Error) && implements!(WaitError: Error) && implements!(NoWorkers: Error));
    assert!(implements!(SpawnError<u8>: Send) && implements!(SpawnError<u8>: Sync));
    assert!(!implements!(SpawnError<Rc<u8>>: Send) && !implements!(SpawnError<Cell<u8>>: Sync));
    assert!(implements!(ScopeError<WaitError>: Error) && !implements!(ScopeError<Rc<u8>>: Send));
}
