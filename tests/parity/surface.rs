//! Every public item, with its signature, its traits, and what it says of itself.
#![allow(clippy::type_complexity, reason = "the types are what is shown")]

use std::cell::Cell;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::iter::FusedIterator;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use super::crossbeam_channel::{
    IntoIter, Iter, ReadyTimeoutError, Receiver, RecvError, RecvTimeoutError, Select, SelectTimeoutError,
    SelectedOperation, SendError, SendTimeoutError, Sender, TryIter, TryReadyError, TryRecvError, TrySelectError,
    TrySendError, after, at, bounded, never, select, select_biased, tick, unbounded,
};
use crate::util::implements;

/// The functions and methods. They need nothing of the value.
pub(crate) fn signatures() {
    struct Value;
    check::<Value>();

    fn check<T: 'static>() {
        let _: fn(usize) -> (Sender<T>, Receiver<T>) = bounded::<T>;
        let _: fn() -> (Sender<T>, Receiver<T>) = unbounded::<T>;
        let _: fn(Duration) -> Receiver<Instant> = after;
        let _: fn(Instant) -> Receiver<Instant> = at;
        let _: fn(Duration) -> Receiver<Instant> = tick;
        let _: fn() -> Receiver<T> = never::<T>;

        let _: fn(&Sender<T>, T) -> Result<(), SendError<T>> = Sender::<T>::send;
        let _: fn(&Sender<T>, T) -> Result<(), TrySendError<T>> = Sender::<T>::try_send;
        let _: fn(&Sender<T>, T, Duration) -> Result<(), SendTimeoutError<T>> = Sender::<T>::send_timeout;
        let _: fn(&Sender<T>, T, Instant) -> Result<(), SendTimeoutError<T>> = Sender::<T>::send_deadline;
        let _: fn(&Sender<T>) -> bool = Sender::<T>::is_empty;
        let _: fn(&Sender<T>) -> bool = Sender::<T>::is_full;
        let _: fn(&Sender<T>) -> usize = Sender::<T>::len;
        let _: fn(&Sender<T>) -> Option<usize> = Sender::<T>::capacity;
        let _: fn(&Sender<T>, &Sender<T>) -> bool = Sender::<T>::same_channel;
        let _: fn(&Sender<T>) -> Sender<T> = Sender::<T>::clone;

        let _: fn(&Receiver<T>) -> Result<T, RecvError> = Receiver::<T>::recv;
        let _: fn(&Receiver<T>) -> Result<T, TryRecvError> = Receiver::<T>::try_recv;
        let _: fn(&Receiver<T>, Duration) -> Result<T, RecvTimeoutError> = Receiver::<T>::recv_timeout;
        let _: fn(&Receiver<T>, Instant) -> Result<T, RecvTimeoutError> = Receiver::<T>::recv_deadline;
        let _: fn(&Receiver<T>) -> bool = Receiver::<T>::is_empty;
        let _: fn(&Receiver<T>) -> bool = Receiver::<T>::is_full;
        let _: fn(&Receiver<T>) -> usize = Receiver::<T>::len;
        let _: fn(&Receiver<T>) -> Option<usize> = Receiver::<T>::capacity;
        let _: fn(&Receiver<T>, &Receiver<T>) -> bool = Receiver::<T>::same_channel;
        let _: fn(&Receiver<T>) -> Receiver<T> = Receiver::<T>::clone;
        let _: fn(&Receiver<T>) -> Iter<'_, T> = Receiver::<T>::iter;
        let _: fn(&Receiver<T>) -> TryIter<'_, T> = Receiver::<T>::try_iter;
        let _: fn(&'static Receiver<T>) -> Iter<'static, T> = <&Receiver<T>>::into_iter;
        let _: fn(Receiver<T>) -> IntoIter<T> = Receiver::<T>::into_iter;
        let _: fn(&mut Iter<'static, T>) -> Option<T> = Iter::next;
        let _: fn(&mut TryIter<'static, T>) -> Option<T> = TryIter::next;
        let _: fn(&mut IntoIter<T>) -> Option<T> = IntoIter::next;

        fn select<'a, T: 'a>() {
            let _: fn() -> Select<'a> = Select::new;
            let _: fn() -> Select<'a> = Select::new_biased;
            let _: fn() -> Select<'a> = Select::default;
            let _: fn(&Select<'a>) -> Select<'a> = Select::clone;
            let _: fn(&mut Select<'a>, &'a Sender<T>) -> usize = Select::send::<T>;
            let _: fn(&mut Select<'a>, &'a Receiver<T>) -> usize = Select::recv::<T>;
            let _: fn(&mut Select<'a>, usize) = Select::remove;
            let _: fn(&mut Select<'a>) -> Result<SelectedOperation<'a>, TrySelectError> = Select::try_select;
            let _: fn(&mut Select<'a>) -> SelectedOperation<'a> = Select::select;
            let _: fn(&mut Select<'a>, Duration) -> Result<SelectedOperation<'a>, SelectTimeoutError> =
                Select::select_timeout;
            let _: fn(&mut Select<'a>, Instant) -> Result<SelectedOperation<'a>, SelectTimeoutError> =
                Select::select_deadline;
            let _: fn(&mut Select<'a>) -> Result<usize, TryReadyError> = Select::try_ready;
            let _: fn(&mut Select<'a>) -> usize = Select::ready;
            let _: fn(&mut Select<'a>, Duration) -> Result<usize, ReadyTimeoutError> = Select::ready_timeout;
            let _: fn(&mut Select<'a>, Instant) -> Result<usize, ReadyTimeoutError> = Select::ready_deadline;
            let _: fn(&SelectedOperation<'a>) -> usize = SelectedOperation::index;
            let _: fn(SelectedOperation<'a>, &Sender<T>, T) -> Result<(), SendError<T>> = SelectedOperation::send::<T>;
            let _: fn(SelectedOperation<'a>, &Receiver<T>) -> Result<T, RecvError> = SelectedOperation::recv::<T>;
        }
        select::<T>();

        let _: fn(SendError<T>) -> T = SendError::<T>::into_inner;
        let _: fn(TrySendError<T>) -> T = TrySendError::<T>::into_inner;
        let _: fn(&TrySendError<T>) -> bool = TrySendError::<T>::is_full;
        let _: fn(&TrySendError<T>) -> bool = TrySendError::<T>::is_disconnected;
        let _: fn(SendTimeoutError<T>) -> T = SendTimeoutError::<T>::into_inner;
        let _: fn(&SendTimeoutError<T>) -> bool = SendTimeoutError::<T>::is_timeout;
        let _: fn(&SendTimeoutError<T>) -> bool = SendTimeoutError::<T>::is_disconnected;
        let _: fn(&TryRecvError) -> bool = TryRecvError::is_empty;
        let _: fn(&TryRecvError) -> bool = TryRecvError::is_disconnected;
        let _: fn(&RecvTimeoutError) -> bool = RecvTimeoutError::is_timeout;
        let _: fn(&RecvTimeoutError) -> bool = RecvTimeoutError::is_disconnected;
        let _: fn(SendError<T>) -> TrySendError<T> = From::from;
        let _: fn(SendError<T>) -> SendTimeoutError<T> = From::from;
        let _: fn(RecvError) -> TryRecvError = From::from;
        let _: fn(RecvError) -> RecvTimeoutError = From::from;
    }
}

/// The errors can be made and taken apart, and these are all there are.
pub(crate) fn errors() -> Vec<&'static str> {
    let SendError(value) = SendError("sent");
    let full = |error: TrySendError<&'static str>| match error {
        TrySendError::Full(value) | TrySendError::Disconnected(value) => (value, error.is_full()),
    };
    let late = |error: SendTimeoutError<&'static str>| match error {
        SendTimeoutError::Timeout(value) | SendTimeoutError::Disconnected(value) => (value, error.is_timeout()),
    };
    let empty = |error| match error {
        TryRecvError::Empty => ("empty", error.is_empty() && !error.is_disconnected()),
        TryRecvError::Disconnected => ("disconnected", error.is_disconnected() && !error.is_empty()),
    };
    let too_late = |error| match error {
        RecvTimeoutError::Timeout => ("timeout", error.is_timeout() && !error.is_disconnected()),
        RecvTimeoutError::Disconnected => ("disconnected", error.is_disconnected() && !error.is_timeout()),
    };
    let (RecvError, TrySelectError, SelectTimeoutError, TryReadyError, ReadyTimeoutError) =
        (RecvError, TrySelectError, SelectTimeoutError, TryReadyError, ReadyTimeoutError);
    assert_eq!([full(TrySendError::Full("f")), full(SendError("d").into())], [("f", true), ("d", false)]);
    assert_eq!([late(SendTimeoutError::Timeout("t")), late(SendError("d").into())], [("t", true), ("d", false)]);
    assert_eq!(empty(TryRecvError::Empty), ("empty", true));
    assert_eq!(empty(RecvError.into()), ("disconnected", true));
    assert_eq!(too_late(RecvTimeoutError::Timeout), ("timeout", true));
    assert_eq!(too_late(RecvError.into()), ("disconnected", true));
    vec![
        value,
        SendError("1").into_inner(),
        TrySendError::Full("2").into_inner(),
        SendTimeoutError::Timeout("3").into_inner(),
    ]
}

/// What everything says of itself: by `Display` where it has one, and by `Debug`.
pub(crate) fn texts() -> Vec<(&'static str, String)> {
    struct Mute;
    let mut texts = Vec::new();
    macro_rules! display {
        ($($thing:expr),+ $(,)?) => { $(texts.push((concat!(stringify!($thing), " {}"), format!("{}", $thing)));)+ };
    }
    macro_rules! debug {
        ($($thing:expr),+ $(,)?) => {
            $(texts.push((concat!(stringify!($thing), " {:?}"), format!("{:?}", $thing)));
            texts.push((concat!(stringify!($thing), " {:#?}"), format!("{:#?}", $thing)));)+
        };
    }
    display![
        SendError(Mute),
        TrySendError::Full(Mute),
        TrySendError::Disconnected(Mute),
        SendTimeoutError::Timeout(Mute),
        SendTimeoutError::Disconnected(Mute),
        RecvError,
        TryRecvError::Empty,
        TryRecvError::Disconnected,
        RecvTimeoutError::Timeout,
        RecvTimeoutError::Disconnected,
        TrySelectError,
        SelectTimeoutError,
    ];
    debug![
        SendError(Mute),
        TrySendError::Full(Mute),
        TrySendError::Disconnected(Mute),
        SendTimeoutError::Timeout(Mute),
        SendTimeoutError::Disconnected(Mute),
        RecvError,
        TryRecvError::Empty,
        TryRecvError::Disconnected,
        RecvTimeoutError::Timeout,
        RecvTimeoutError::Disconnected,
        TrySelectError,
        SelectTimeoutError,
        TryReadyError,
        ReadyTimeoutError,
    ];
    let (sender, receiver) = unbounded::<Mute>();
    let mut select = Select::new();
    select.send(&sender);
    let operation = select.select();
    debug![
        sender,
        receiver,
        receiver.iter(),
        receiver.try_iter(),
        receiver.clone().into_iter(),
        Select::new(),
        operation
    ];
    drop(operation.send(&sender, Mute));
    texts
}

/// Whether each type has each trait. `Cell` is not `Sync`, a `MutexGuard` not `Send`, an `Rc` neither.
pub(crate) fn traits() -> Vec<(&'static str, &'static str, bool)> {
    macro_rules! of_type {
        ($type:ty: $($trait:path),+) => { [$((stringify!($type), stringify!($trait), implements!($type: $trait))),+] };
    }
    macro_rules! table {
        ($($type:ty),+ $(,)?) => {
            [$(of_type!(
                $type: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord,
                Hash, Debug, Display, Error, Iterator, FusedIterator, ExactSizeIterator, DoubleEndedIterator, IntoIterator
            ),)+]
        };
    }
    let tables = [
        table![
            Sender<u8>,
            Receiver<u8>,
            &'static Receiver<u8>,
            Iter<'static, u8>,
            TryIter<'static, u8>,
            IntoIter<u8>,
            SendError<u8>,
            TrySendError<u8>,
            SendTimeoutError<u8>,
            Select<'static>,
            SelectedOperation<'static>,
            RecvError,
            TryRecvError,
            RecvTimeoutError,
            TrySelectError,
            SelectTimeoutError,
            TryReadyError,
            ReadyTimeoutError,
        ]
        .as_slice(),
        &table![
            Sender<Cell<u8>>,
            Receiver<Cell<u8>>,
            &'static Receiver<Cell<u8>>,
            Iter<'static, Cell<u8>>,
            TryIter<'static, Cell<u8>>,
            IntoIter<Cell<u8>>,
            SendError<Cell<u8>>,
            TrySendError<Cell<u8>>,
            SendTimeoutError<Cell<u8>>,
        ],
        &table![
            Sender<Rc<u8>>,
            Receiver<Rc<u8>>,
            &'static Receiver<Rc<u8>>,
            Iter<'static, Rc<u8>>,
            TryIter<'static, Rc<u8>>,
            IntoIter<Rc<u8>>,
            SendError<Rc<u8>>,
            TrySendError<Rc<u8>>,
            SendTimeoutError<Rc<u8>>,
        ],
        &table![
            Sender<MutexGuard<'static, u8>>,
            Receiver<MutexGuard<'static, u8>>,
            &'static Receiver<MutexGuard<'static, u8>>,
            Iter<'static, MutexGuard<'static, u8>>,
            TryIter<'static, MutexGuard<'static, u8>>,
            IntoIter<MutexGuard<'static, u8>>,
            SendError<MutexGuard<'static, u8>>,
            TrySendError<MutexGuard<'static, u8>>,
            SendTimeoutError<MutexGuard<'static, u8>>,
        ],
        &table![
            Sender<&'static mut u8>,
            Receiver<&'static mut u8>,
            &'static Receiver<&'static mut u8>,
            Iter<'static, &'static mut u8>,
            TryIter<'static, &'static mut u8>,
            IntoIter<&'static mut u8>,
            SendError<&'static mut u8>,
            TrySendError<&'static mut u8>,
            SendTimeoutError<&'static mut u8>,
        ],
    ];
    tables.concat().concat()
}

/// What a channel and a timer say of their size, and of which is which.
pub(crate) fn sizes() -> Vec<(usize, bool, bool, Option<usize>, bool)> {
    fn say<T>(receiver: &Receiver<T>, other: &Receiver<T>) -> (usize, bool, bool, Option<usize>, bool) {
        let same = receiver.same_channel(other);
        assert!(receiver.same_channel(&receiver.clone()));
        (receiver.len(), receiver.is_empty(), receiver.is_full(), receiver.capacity(), same)
    }
    let mut said = Vec::new();
    for (sender, receiver) in [bounded(0), bounded(1), bounded(2), unbounded()] {
        for i in 0..3 {
            said.push(say(&receiver, &receiver.clone()));
            let of_sender = (sender.len(), sender.is_empty(), sender.is_full(), sender.capacity());
            let same = sender.same_channel(&sender.clone()) && !sender.same_channel(&unbounded().0);
            said.push((of_sender.0, of_sender.1, of_sender.2, of_sender.3, same));
            let _ = sender.try_send(i);
        }
    }
    said.push(say(&bounded::<u8>(1).1, &bounded::<u8>(1).1));
    let (past, far) = (Instant::now(), Duration::from_secs(1000));
    for timer in [at(past), after(Duration::ZERO), tick(Duration::ZERO), at(past + far), after(far), tick(far)] {
        said.extend([say(&timer, &timer.clone()), say(&timer, &after(Duration::ZERO)), say(&timer, &never())]);
        said.push((0, timer.try_recv().is_ok(), timer.try_recv().is_ok(), None, false));
        said.push(say(&timer, &timer));
    }
    for timer in [never(), after(Duration::MAX), tick(Duration::MAX)] {
        said.extend([say(&timer, &timer.clone()), say(&timer, &never()), say(&timer, &after(far))]);
    }
    said
}

/// Both macros can be imported, and named by their path.
pub(crate) fn macros() -> [i32; 4] {
    use super::crossbeam_channel;
    [
        select! { default => 1 },
        select_biased! { default => 2 },
        crossbeam_channel::select! { default => 3 },
        crossbeam_channel::select_biased! { default => 4 },
    ]
}
