//! The panic boundary: user code whose panic must harm nobody else runs in [`catch_panic`].

// Needs: sync.rs.

use std::any::Any;
use std::fmt;
use std::mem;
use std::panic::{self, AssertUnwindSafe};

use super::super::sync::{Lock, is_model_failure};

/// The value with which a job panicked. Threads can share it, whatever its type is: one thread at a time has access to
/// it.
pub struct Payload(Lock<Box<dyn Any + Send>>);

impl Payload {
    /// Returns the panic message, if the value is a text (`&str` or `String`), as of `panic!`.
    ///
    /// ```
    /// # use hence::pool::TaskError;
    /// let task = hence::Pool::new(1).spawn(|| panic!("seven")).unwrap();
    /// let Err(TaskError::Panicked(payload)) = task.join() else { unreachable!() };
    /// assert_eq!(payload.message().unwrap(), "seven");
    /// ```
    pub fn message(&self) -> Option<String> {
        self.0.with(|payload| {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            text.or_else(|| payload.downcast_ref::<&str>().copied()).map(str::to_owned)
        })
    }

    /// Returns the value itself, for example for [`std::panic::resume_unwind`].
    ///
    /// ```
    /// # use hence::pool::TaskError;
    /// let task = hence::Pool::new(1).spawn(|| std::panic::panic_any(7)).unwrap();
    /// let Err(TaskError::Panicked(payload)) = task.join() else { unreachable!() };
    /// assert_eq!(*payload.into_inner().downcast::<i32>().unwrap(), 7);
    /// ```
    pub fn into_inner(self) -> Box<dyn Any + Send> {
        self.take()
    }

    pub(super) fn take(&self) -> Box<dyn Any + Send> {
        self.0.with(|payload| mem::replace(payload, Box::new(())))
    }

    /// What an error says of it: that `who` panicked, and the message.
    pub(super) fn describe(&self, who: &str) -> String {
        self.message().map_or_else(|| format!("{who} panicked"), |message| format!("{who} panicked: {message}"))
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Payload").field(&self.message()).finish()
    }
}

/// Runs user code; what it panicked with, if it did. What an explorer has found is let through.
pub(super) fn catch_panic<R>(code: impl FnOnce() -> R) -> Result<R, Payload> {
    panic::catch_unwind(AssertUnwindSafe(code)).map_err(|payload| {
        if is_model_failure(&*payload) {
            panic::resume_unwind(payload);
        }
        Payload(Lock::new(payload))
    })
}
