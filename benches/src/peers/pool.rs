//! The pools that are compared, all of two workers, and the least that would do.

use crossbeam_channel::{Sender, bounded, unbounded};
use std::{sync::mpsc, thread, time::Duration};

pub const WORKERS: usize = 2;

/// Sets how many workers there are to be.
pub type Resize<P> = fn(&P, usize);
/// Spawns a job so many times in one scope.
pub type Scope<P> = fn(&P, usize, fn());
/// The number of jobs in a binary tree of so many levels: each spawns its two children, waits for them and adds up.
pub type Count<P> = fn(&P, u32) -> usize;

/// What the timed loops need from a pool. The constants are `None` if this peer has no such.
pub trait Pool: Sync + Sized {
    const RESIZE: Option<Resize<Self>> = None;
    const SCOPE: Option<Scope<Self>> = None;
    const JOINS: Option<Count<Self>> = None;
    /// With a scope for every two children.
    const SCOPES: Option<Count<Self>> = None;
    fn new() -> Self;
    fn spawn(&self, job: impl FnOnce() + Send + 'static);
    /// Until no job is left; `counted` waits until all have counted themselves off, for peers that cannot wait.
    fn wait_idle(&self, counted: fn());
    /// Has the job run, and waits for its result.
    fn round_trip<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T;
}

impl Pool for hence::Pool {
    const RESIZE: Option<Resize<Self>> = Some(|pool, workers| _ = pool.resize(workers).unwrap());
    const SCOPE: Option<Scope<Self>> = Some(|pool, jobs, job| {
        let done = pool.scope::<(), (), _>(|scope| {
            let ok = move || {
                job();
                Ok(())
            };
            (0..jobs).for_each(|_| scope.spawn(ok).unwrap());
        });
        done.unwrap();
    });
    const JOINS: Option<Count<Self>> = Some(|pool, levels| {
        fn count(pool: &hence::Pool, levels: u32) -> usize {
            if levels == 1 {
                return 1;
            }
            let child = || {
                let pool_of_child = pool.clone();
                pool.spawn(move || count(&pool_of_child, levels - 1)).unwrap()
            };
            let (one, other) = (child(), child());
            1 + one.join().unwrap() + other.join().unwrap()
        }
        let pool_of_root = pool.clone();
        pool.spawn(move || count(&pool_of_root, levels)).unwrap().join().unwrap()
    });
    const SCOPES: Option<Count<Self>> = Some(|pool, levels| {
        fn count(pool: &hence::Pool, levels: u32) -> usize {
            if levels == 1 {
                return 1;
            }
            let children = pool.scope::<_, (), _>(|scope| {
                (0..2).for_each(|_| scope.spawn(move || Ok(count(pool, levels - 1))).unwrap());
            });
            1 + children.unwrap().iter().sum::<usize>()
        }
        let pool_of_root = pool.clone();
        pool.spawn(move || count(&pool_of_root, levels)).unwrap().join().unwrap()
    });
    fn new() -> Self {
        Self::new(WORKERS)
    }
    #[inline]
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.execute(job).unwrap();
    }
    fn wait_idle(&self, _counted: fn()) {
        self.wait_idle().unwrap();
    }
    #[inline]
    fn round_trip<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        self.spawn(job).unwrap().join().unwrap()
    }
}

/// Its `join` runs the first child itself. A scope is opened by the thread that calls it, as ours.
impl Pool for rayon::ThreadPool {
    const SCOPE: Option<Scope<Self>> = Some(|pool, jobs, job| {
        pool.in_place_scope(|scope| (0..jobs).for_each(|_| scope.spawn(move |_| job())));
    });
    const JOINS: Option<Count<Self>> = Some(|pool, levels| {
        fn count(levels: u32) -> usize {
            if levels == 1 {
                return 1;
            }
            let (one, other) = rayon::join(|| count(levels - 1), || count(levels - 1));
            1 + one + other
        }
        pool.install(|| count(levels))
    });
    const SCOPES: Option<Count<Self>> = Some(|pool, levels| {
        fn count(levels: u32) -> usize {
            if levels == 1 {
                return 1;
            }
            let mut children = [0; 2];
            rayon::scope(|scope| {
                children.iter_mut().for_each(|child| scope.spawn(move |_| *child = count(levels - 1)));
            });
            1 + children.iter().sum::<usize>()
        }
        pool.install(|| count(levels))
    });
    fn new() -> Self {
        rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build().unwrap()
    }
    #[inline]
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.spawn(job);
    }
    fn wait_idle(&self, counted: fn()) {
        counted();
    }
    #[inline]
    fn round_trip<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        self.install(job)
    }
}

/// Its `join` may return while a worker has a job that it has not begun.
impl Pool for rusty_pool::ThreadPool {
    fn new() -> Self {
        Self::new(WORKERS, WORKERS, Duration::MAX)
    }
    #[inline]
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.execute(job);
    }
    fn wait_idle(&self, counted: fn()) {
        counted();
    }
    #[inline]
    fn round_trip<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        self.evaluate(job).await_complete()
    }
}

impl Pool for threadpool::ThreadPool {
    /// Of a clone: it wants the pool mutable.
    const RESIZE: Option<Resize<Self>> = Some(|pool, workers| pool.clone().set_num_threads(workers));
    fn new() -> Self {
        Self::new(WORKERS)
    }
    #[inline]
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.execute(job);
    }
    fn wait_idle(&self, _counted: fn()) {
        self.join();
    }
    /// As its documentation does it.
    #[inline]
    fn round_trip<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (tx, rx) = mpsc::channel();
        self.execute(move || tx.send(job()).unwrap());
        rx.recv().unwrap()
    }
}

/// No pool at all.
pub struct Threads;

impl Pool for Threads {
    const SCOPE: Option<Scope<Self>> = Some(|_, jobs, job| {
        thread::scope(|scope| (0..jobs).for_each(|_| _ = scope.spawn(job)));
    });
    const JOINS: Option<Count<Self>> = Some(|_, levels| {
        fn count(levels: u32) -> usize {
            if levels == 1 {
                return 1;
            }
            let child = || thread::spawn(move || count(levels - 1));
            let (one, other) = (child(), child());
            1 + one.join().unwrap() + other.join().unwrap()
        }
        thread::spawn(move || count(levels)).join().unwrap()
    });
    const SCOPES: Option<Count<Self>> = Some(|_, levels| {
        fn count(levels: u32) -> usize {
            if levels == 1 {
                return 1;
            }
            thread::scope(|scope| {
                let child = || scope.spawn(move || count(levels - 1));
                let (one, other) = (child(), child());
                1 + one.join().unwrap() + other.join().unwrap()
            })
        }
        thread::spawn(move || count(levels)).join().unwrap()
    });
    fn new() -> Self {
        Self
    }
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        thread::spawn(job);
    }
    fn wait_idle(&self, counted: fn()) {
        counted();
    }
    fn round_trip<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        thread::spawn(job).join().unwrap()
    }
}

/// A channel of jobs, and threads that receive from it.
pub struct Floor(Sender<Box<dyn FnOnce() + Send>>);

impl Pool for Floor {
    fn new() -> Self {
        let (tx, rx) = unbounded::<Box<dyn FnOnce() + Send>>();
        for _ in 0..WORKERS {
            let rx = rx.clone();
            thread::spawn(move || rx.iter().for_each(|job| job()));
        }
        Self(tx)
    }
    #[inline]
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.0.send(Box::new(job)).unwrap();
    }
    fn wait_idle(&self, counted: fn()) {
        counted();
    }
    #[inline]
    fn round_trip<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (tx, rx) = bounded(1);
        self.spawn(move || tx.send(job()).unwrap());
        rx.recv().unwrap()
    }
}
