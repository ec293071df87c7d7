//! Sequential oracles: for each primitive the operations on it, a model that is simple enough to be believed, and a
//! program of operations that is run on both, side by side. An operation that does what its model forbids panics.
//!
//! Two drive them: `tests/properties.rs` (proptest), and the targets of `fuzz/` (libFuzzer, by way of `arbitrary`), whose
//! seeds `tests/seeds.rs` replays.
#![allow(dead_code)] // each fuzz target uses its part

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use arbitrary::{Arbitrary, Unstructured};
use util::{Wakes, poll};

pub(crate) mod channel;
pub(crate) mod pool;
pub(crate) mod select;
pub(crate) mod token;
pub(crate) mod wait_group;

#[path = "../util/mod.rs"]
pub(crate) mod util;

/// The program that a fuzz target makes of these bytes.
pub(crate) fn decode<'a, P: Arbitrary<'a>>(bytes: &'a [u8]) -> P {
    P::arbitrary_take_rest(Unstructured::new(bytes)).expect("what is missing is zero")
}

/// A number picks among what there is, counting round; with nothing to pick, `None`.
fn pick(number: u8, len: usize) -> Option<usize> {
    usize::from(number).checked_rem(len)
}

/// A pending future of the crate, with handles of its own.
struct Pending<O> {
    future: Pin<Box<dyn Future<Output = O>>>,
    wakes: Arc<Wakes>,
    waker: Waker,
    /// How often the wakers of earlier polls were woken, and must not be again.
    outdated: Vec<Arc<Wakes>>,
}

impl<O> Pending<O> {
    fn new(future: impl Future<Output = O> + 'static) -> Self {
        let (wakes, waker) = Wakes::new();
        Self { future: Box::pin(future), wakes, waker, outdated: Vec::new() }
    }

    fn poll(&mut self, new_waker: bool) -> Poll<O> {
        if new_waker {
            let (wakes, waker) = Wakes::new();
            let old = std::mem::replace(&mut self.wakes, wakes);
            self.waker = waker;
            self.outdated.push(old);
        }
        poll(&mut self.future, &self.waker)
    }

    /// It has been woken, and asks again.
    fn poll_again(&mut self) -> Poll<O> {
        (self.wakes, self.waker) = Wakes::new();
        poll(&mut self.future, &self.waker)
    }

    /// How often it was woken. A task that was woken by its old waker is not woken again by its new one, nor the other
    /// way round.
    fn wakes(&self) -> usize {
        assert_eq!(
            self.outdated.iter().map(|wakes| wakes.count()).sum::<usize>(),
            0,
            "wakes by wakers of earlier polls"
        );
        self.wakes.count()
    }
}
