//! The wait groups that are compared, and the least that would do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, Thread},
};

/// What the timed loops need from a wait group. Whoever makes one is who waits.
pub trait WaitGroup {
    type Guard: Send;
    fn new() -> Self;
    fn guard(&self) -> Self::Guard;
    fn wait(self);
}

impl WaitGroup for hence::WaitGroup {
    type Guard = hence::wait_group::Guard;
    fn new() -> Self {
        Self::new()
    }
    #[inline]
    fn guard(&self) -> Self::Guard {
        self.guard()
    }
    fn wait(self) {
        Self::wait(&self);
    }
}

/// Every handle counts, that of the one who waits until it does.
impl WaitGroup for crossbeam_utils::sync::WaitGroup {
    type Guard = Self;
    fn new() -> Self {
        Self::new()
    }
    #[inline]
    fn guard(&self) -> Self {
        self.clone()
    }
    fn wait(self) {
        self.wait();
    }
}

/// Without state, and waited for until no guard is left.
impl WaitGroup for crossfire::waitgroup::WaitGroup<()> {
    type Guard = crossfire::waitgroup::WaitGroupGuard<()>;
    fn new() -> Self {
        Self::new((), 0)
    }
    #[inline]
    fn guard(&self) -> Self::Guard {
        self.add_guard()
    }
    fn wait(self) {
        Self::wait(&self);
    }
}

impl WaitGroup for wg::WaitGroup {
    type Guard = WgGuard;
    fn new() -> Self {
        Self::new()
    }
    #[inline]
    fn guard(&self) -> WgGuard {
        WgGuard(self.add(1))
    }
    fn wait(self) {
        Self::wait(&self);
    }
}

/// wg counts off by a call.
pub struct WgGuard(wg::WaitGroup);

impl Drop for WgGuard {
    #[inline]
    fn drop(&mut self) {
        self.0.done();
    }
}

/// A bare count, and the one thread that waits for it.
pub struct Floor(Arc<(AtomicUsize, Thread)>);

impl WaitGroup for Floor {
    type Guard = FloorGuard;
    fn new() -> Self {
        Self(Arc::new((AtomicUsize::new(0), thread::current())))
    }
    #[inline]
    fn guard(&self) -> FloorGuard {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        FloorGuard(self.0.clone())
    }
    fn wait(self) {
        while self.0.0.load(Ordering::Acquire) > 0 {
            thread::park();
        }
    }
}

pub struct FloorGuard(Arc<(AtomicUsize, Thread)>);

impl Drop for FloorGuard {
    #[inline]
    fn drop(&mut self) {
        let (count, waiter) = &*self.0;
        if count.fetch_sub(1, Ordering::Release) == 1 {
            waiter.unpark();
        }
    }
}
