//! The tokens that are compared, and what a look at one costs at least.

use hence::CancellationToken;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

/// What can be looked at: is the work to stop? Not yet, here.
pub trait Check: Sync + Sized {
    /// A new one, with a deadline or without; `None` if this peer has no such.
    fn make(deadline: Option<Instant>) -> Option<Self>;
    fn is_cancelled(&self) -> bool;
}

/// What else the timed loops need from a token.
pub trait Token: Check {
    /// Blocks the thread until it is cancelled; `None` if this peer cannot.
    const WAIT: Option<fn(&Self)> = None;
    fn child(&self) -> Self;
    fn cancel(&self);
    fn cancelled(&self) -> impl Future<Output = ()>;
}

impl Check for CancellationToken {
    fn make(deadline: Option<Instant>) -> Option<Self> {
        let root = Self::new();
        Some(deadline.map_or_else(|| root.clone(), |deadline| root.with_deadline(deadline)))
    }
    #[inline]
    fn is_cancelled(&self) -> bool {
        self.is_cancelled()
    }
}

impl Token for CancellationToken {
    const WAIT: Option<fn(&Self)> = Some(Self::wait);
    #[inline]
    fn child(&self) -> Self {
        self.child_token()
    }
    fn cancel(&self) {
        self.cancel();
    }
    fn cancelled(&self) -> impl Future<Output = ()> {
        self.cancelled()
    }
}

impl Check for tokio_util::sync::CancellationToken {
    fn make(deadline: Option<Instant>) -> Option<Self> {
        deadline.is_none().then(Self::new)
    }
    #[inline]
    fn is_cancelled(&self) -> bool {
        self.is_cancelled()
    }
}

impl Token for tokio_util::sync::CancellationToken {
    #[inline]
    fn child(&self) -> Self {
        self.child_token()
    }
    fn cancel(&self) {
        self.cancel();
    }
    fn cancelled(&self) -> impl Future<Output = ()> {
        self.cancelled()
    }
}

/// A bare flag, shared as a token is.
impl Check for Arc<AtomicBool> {
    fn make(deadline: Option<Instant>) -> Option<Self> {
        deadline.is_none().then(Self::default)
    }
    #[inline]
    fn is_cancelled(&self) -> bool {
        self.load(Ordering::Acquire)
    }
}

/// A bare look at the clock.
impl Check for Instant {
    fn make(deadline: Option<Instant>) -> Option<Self> {
        deadline
    }
    #[inline]
    fn is_cancelled(&self) -> bool {
        Instant::now() >= *self
    }
}
