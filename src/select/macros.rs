//! The syntax of `select!`: operations are sorted from `default`, their handles bound, the select run by a function,
//! and the operation that was chosen completed in its own arm.
//!
//! Vendoring: the crate's root is named in the one line that says so.

// Needs: nothing.

/// Waits until at least one of several channel operations can proceed, then performs exactly one.
///
/// The syntax is crossbeam-channel's:
///
/// * `recv(receiver) -> result => body` receives. `result` is a pattern for a `Result<T, RecvError>`.
/// * `send(sender, message) -> result => body` sends. `message` is evaluated only after this operation has been chosen.
///   `result` is a pattern for a `Result<(), SendError<T>>`.
/// * `default => body` runs if no operation is ready.
/// * `default(timeout) => body` runs if no operation becomes ready within the `Duration`.
///
/// The body of the operation that was performed runs, or the body of `default`. The value of this body is the value of
/// the macro. If several operations are ready, one of them is picked by chance;
/// [`select_biased!`](crate::select_biased) picks the first one. For a set of operations made at run time see
/// [`Select`](crate::channel::Select).
///
/// Without `default`, blocks until an operation is ready. With `default`, does not wait for a partner. The close of a
/// channel makes the operations on this channel ready: a send fails, and so does a receive once the channel is empty. A
/// receive that pairs with another select, whose message is still being evaluated, waits until that evaluation ends,
/// also with `default`.
///
/// In your own model, shuttle picks the operation. loom cannot pick by chance: there the first operation that is ready
/// is picked. With `HENCE_SELECT=1` in the environment, the second operation is tried first, and so on; run the model
/// once for each number.
///
/// # Panics
/// Only if an expression in it panics. If `message` panics, the operation is undone
/// ([SF-SEL-4](mod@crate::select#SF-SEL-4)).
///
/// # Happens-before
/// [HB-SEL-1](mod@crate::select#HB-SEL-1).
///
/// # Example
/// ```
/// use std::time::Duration;
/// use hence::channel::{bounded, select, unbounded};
///
/// let (jobs, queue) = unbounded();
/// let (done, finished) = bounded::<()>(0);
/// jobs.send(20).unwrap();
///
/// let job = select! {
///     recv(queue) -> job => job.unwrap(),
///     recv(finished) -> _ => 0,
/// };
/// assert_eq!(job, 20);
///
/// drop(done); // closes the channel: a receive from `finished` fails from now on
/// select! {
///     recv(queue) -> _ => unreachable!(),
///     recv(finished) -> closed => assert!(closed.is_err()),
///     default(Duration::from_secs(1)) => unreachable!(),
/// }
/// ```
#[doc(alias = "poll")]
#[doc(alias = "selectgo")]
#[macro_export]
macro_rules! select {
    ($($arms:tt)+) => { $crate::__select!(@select (false) $($arms)+) };
}

/// As [`select!`](crate::select!), but if several operations are ready, the first one is picked.
///
/// Blocks, fails and panics as `select!` does.
///
/// # Happens-before
/// [HB-SEL-1](mod@crate::select#HB-SEL-1).
///
/// # Example
/// ```
/// use hence::channel::{select_biased, unbounded};
///
/// let (sender, receiver) = unbounded();
/// sender.send(1).unwrap();
/// select_biased! {
///     recv(receiver) -> value => assert_eq!(value, Ok(1)),
///     default => unreachable!(),
/// }
/// ```
#[doc(alias = "biased")]
#[macro_export]
macro_rules! select_biased {
    ($($arms:tt)+) => { $crate::__select!(@select (true) $($arms)+) };
}

/// `@parse (biased) (operations) (default) rest`, one arm a step; then `@bind (biased) (to bind) (bound) (number)
/// (default)`, one handle a step; then the select, and `@complete operation (bound)`, one arm a step.
#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    (@select $biased:tt $($arms:tt)+) => {{
        use $crate::select as __hence_select; // vendoring: the path to this module in your crate
        $crate::__select!(@parse $biased () () $($arms)+)
    }};

    // An arm's body is a block, an expression before a comma, or the last expression.
    (@parse $biased:tt $arms:tt $default:tt $kind:ident $args:tt -> $result:pat => $body:block, $($rest:tt)*) => {
        $crate::__select!(@arm $biased $arms $default ($kind $args ($result) $body) $($rest)*)
    };
    (@parse $biased:tt $arms:tt $default:tt $kind:ident $args:tt -> $result:pat => $body:block $($rest:tt)*) => {
        $crate::__select!(@arm $biased $arms $default ($kind $args ($result) $body) $($rest)*)
    };
    (@parse $biased:tt $arms:tt $default:tt $kind:ident $args:tt -> $result:pat => $body:expr, $($rest:tt)*) => {
        $crate::__select!(@arm $biased $arms $default ($kind $args ($result) $body) $($rest)*)
    };
    (@parse $biased:tt $arms:tt $default:tt $kind:ident $args:tt -> $result:pat => $body:expr) => {
        $crate::__select!(@arm $biased $arms $default ($kind $args ($result) $body))
    };
    (@parse $biased:tt $arms:tt () default => $($rest:tt)*) => {
        $crate::__select!(@parse $biased $arms () default() => $($rest)*)
    };
    (@parse $biased:tt $arms:tt () default $args:tt => $body:block, $($rest:tt)*) => {
        $crate::__select!(@parse $biased $arms ($args $body) $($rest)*)
    };
    (@parse $biased:tt $arms:tt () default $args:tt => $body:block $($rest:tt)*) => {
        $crate::__select!(@parse $biased $arms ($args $body) $($rest)*)
    };
    (@parse $biased:tt $arms:tt () default $args:tt => $body:expr, $($rest:tt)*) => {
        $crate::__select!(@parse $biased $arms ($args $body) $($rest)*)
    };
    (@parse $biased:tt $arms:tt () default $args:tt => $body:expr) => {
        $crate::__select!(@parse $biased $arms ($args $body))
    };
    (@parse $biased:tt $arms:tt $default:tt) => {
        $crate::__select!(@bind $biased $arms () (0usize) $default)
    };
    (@parse $biased:tt $arms:tt $default:tt $($rest:tt)+) => {
        compile_error!(concat!(
            "expected `recv(receiver) -> result => body`, `send(sender, message) -> result => body`, or one `default => \
             body` or `default(timeout) => body`, found `", stringify!($($rest)+), "`"
        ))
    };

    (@arm $biased:tt ($($arms:tt)*) $default:tt (recv ($receiver:expr $(,)?) $result:tt $body:expr) $($rest:tt)*) => {
        $crate::__select!(@parse $biased ($($arms)* (recv ($receiver) () $result $body)) $default $($rest)*)
    };
    (@arm $biased:tt ($($arms:tt)*) $default:tt (send ($sender:expr, $message:expr $(,)?) $result:tt $body:expr) $($rest:tt)*) => {
        $crate::__select!(@parse $biased ($($arms)* (send ($sender) ($message) $result $body)) $default $($rest)*)
    };

    (@bind $biased:tt (($kind:ident ($handle:expr) $message:tt $result:tt $body:expr) $($arms:tt)*) ($($bound:tt)*) ($number:expr) $default:tt) => {
        match $handle {
            ref handle => $crate::__select!(
                @bind $biased ($($arms)*) ($($bound)* ($kind handle ($number) $message $result $body)) ($number + 1) $default
            ),
        }
    };
    (@bind ($biased:tt) () ($(($kind:ident $handle:ident ($number:expr) $($arm:tt)*))*) $count:tt $default:tt) => {{
        // What is gone, or has been moved and never borrowed, cannot keep a body with an `await` from being `Send`.
        let (index, selected) = {
            let mut operations: [__hence_select::Operation<'_>; $count] =
                [$(__hence_select::Operation::$kind($handle, $number)),*];
            __hence_select::choose(&mut operations, $biased, $crate::__select!(@wait $default))
        };
        $crate::__select!(@complete index selected ($(($kind $handle ($number) $($arm)*))*) $default)
    }};

    (@wait ()) => { __hence_select::Timeout::Never };
    (@wait (() $body:expr)) => { __hence_select::Timeout::Now };
    (@wait (($timeout:expr $(,)?) $body:expr)) => { __hence_select::Timeout::at_most($timeout) };

    (@complete $index:ident $selected:ident ((recv $handle:ident ($number:expr) () ($result:pat) $body:expr) $($arms:tt)*) $default:tt) => {
        if $index == $number {
            let $result = __hence_select::SelectedOperation::of($selected).recv($handle);
            $body
        } else {
            $crate::__select!(@complete $index $selected ($($arms)*) $default)
        }
    };
    (@complete $index:ident $selected:ident ((send $handle:ident ($number:expr) ($message:expr) ($result:pat) $body:expr) $($arms:tt)*) $default:tt) => {
        if $index == $number {
            let $result = __hence_select::SelectedOperation::of($selected).send($handle, $message);
            $body
        } else {
            $crate::__select!(@complete $index $selected ($($arms)*) $default)
        }
    };
    (@complete $index:ident $selected:ident () ()) => { unreachable!("it waits for ever") };
    (@complete $index:ident $selected:ident () ($args:tt $body:expr)) => { $body };
}
