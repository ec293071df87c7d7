//! What a pool is to be like.

// Needs: pool/core.rs, pool/panic.rs, pool/shared.rs, pool/work.rs, sync.rs.

use std::fmt;
use std::time::Duration;

use super::super::sync::Arc;
use super::core::Rules;
use super::panic::Payload;
use super::shared::Settings;
use super::work::Make;

/// What a pool is to be like. A pool's builder can be cloned, to make the same again when that has been closed.
///
/// # Example
/// ```
/// # use std::time::Duration;
/// let builder = hence::Pool::builder(8)
///     .min_workers(1)
///     .keep_alive(Duration::from_secs(10)) // from 1 to 8 workers, as there is work
///     .queue(100)
///     .max_blocked(16)
///     .name("resizer");
/// let pool = builder.clone().build().unwrap();
/// assert_eq!(pool.spawn(|| std::thread::current().name().map(str::to_owned)).unwrap().join().unwrap().unwrap(), "resizer");
/// pool.drain().unwrap();
/// let again = builder.build().unwrap();
/// assert!(!again.is_closed());
/// ```
#[must_use = "a builder makes nothing until `build`"]
pub struct Builder<S: 'static = ()> {
    pub(super) rules: Rules,
    pub(super) reserve: usize,
    pub(super) make: Make<S>,
    pub(super) settings: Settings,
}

impl Builder {
    /// At most `workers` jobs run at a time; `usize::MAX` for no limit. The queue is unbounded, workers are started as
    /// they are needed, and stay.
    ///
    /// # Example
    /// ```
    /// assert!(hence::pool::Builder::new(1).build().is_ok());
    /// ```
    pub fn new(workers: usize) -> Self {
        let rules = Rules { limit: workers, minimum: 0, capacity: usize::MAX, blocked: usize::MAX };
        let settings = Settings { hook: None, name: None, stack_size: None, keep_alive: None };
        Self { rules, reserve: 0, make: Arc::new(|| ()), settings }
    }
}

impl<S> Builder<S> {
    /// Workers that have been idle for `duration` leave; without this, they stay. Those that wait for their time use
    /// no CPU.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// let pool = hence::Pool::builder(4).keep_alive(Duration::from_millis(1)).build().unwrap();
    /// pool.spawn(|| ()).unwrap().join().unwrap();
    /// while pool.stats().workers > 0 { std::thread::yield_now() }
    /// ```
    pub fn keep_alive(self, duration: Duration) -> Self {
        Self { settings: Settings { keep_alive: Some(duration), ..self.settings }, ..self }
    }

    /// So many workers stay however long they are idle, once they have been started.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// assert!(hence::Pool::builder(4).keep_alive(Duration::from_secs(1)).min_workers(2).build().is_ok());
    /// ```
    pub fn min_workers(self, workers: usize) -> Self {
        Self { rules: Rules { minimum: workers, ..self.rules }, ..self }
    }

    /// The queue holds at most `capacity` jobs; with 0, a job is accepted only if a worker is free to take it.
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(4).queue(100).build().is_ok());
    /// ```
    pub fn queue(self, capacity: usize) -> Self {
        Self { rules: Rules { capacity, ..self.rules }, ..self }
    }

    /// Memory for so many queued jobs is allocated at once.
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(4).queue(100).reserve(100).build().is_ok());
    /// ```
    pub fn reserve(self, jobs: usize) -> Self {
        Self { reserve: jobs, ..self }
    }

    /// At most so many submitters wait for room at a time; the next one is refused as if it did not wait.
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(4).queue(0).max_blocked(1).build().is_ok());
    /// ```
    pub fn max_blocked(self, submitters: usize) -> Self {
        Self { rules: Rules { blocked: submitters, ..self.rules }, ..self }
    }

    /// The name of the workers' threads. With a null byte in it, no thread can be started.
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(4).name("worker").build().is_ok());
    /// ```
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { settings: Settings { name: Some(name.into()), ..self.settings }, ..self }
    }

    /// The size of the workers' stacks, in bytes.
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(4).stack_size(64 * 1024).build().is_ok());
    /// ```
    pub fn stack_size(self, bytes: usize) -> Self {
        Self { settings: Settings { stack_size: Some(bytes), ..self.settings }, ..self }
    }

    /// Each worker has a state of its own, which `make` makes on the worker when a job made by
    /// [`with_state`](super::with_state) first asks for it, and which is dropped there when the worker leaves. If `make`
    /// panics, that job has panicked. If a job panics that borrows the state, the state is dropped, and made anew for the
    /// next one.
    ///
    /// # Example
    /// ```
    /// use hence::pool::with_state;
    /// let pool = hence::Pool::builder(1).state(|| String::new()).build().unwrap();
    /// let add = |text: &mut String| { text.push('a'); text.len() };
    /// assert_eq!(pool.spawn(with_state(add)).unwrap().join().unwrap(), 1);
    /// assert_eq!(pool.spawn(with_state(add)).unwrap().join().unwrap(), 2);
    /// ```
    pub fn state<T: 'static>(self, make: impl Fn() -> T + Send + Sync + 'static) -> Builder<T> {
        let Self { rules, reserve, make: _, settings } = self;
        Builder { rules, reserve, make: Arc::new(make), settings }
    }

    /// `hook` is told of each panic: of a job, before anybody who waits for the job is; of the destructor of a job, a
    /// result or a state that the pool drops. It runs on the thread where that happened. If it panics itself, that is
    /// let go of. It is dropped with the pool: by the last handle or, if that ends later, the last worker.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::unbounded();
    /// let pool = hence::Pool::builder(1).on_panic(move |panic| sender.send(panic.message()).unwrap()).build().unwrap();
    /// pool.spawn(|| panic!("seen")).unwrap().detach();
    /// assert_eq!(receiver.recv().unwrap().unwrap(), "seen");
    /// ```
    pub fn on_panic(self, hook: impl Fn(&Payload) + Send + Sync + 'static) -> Self {
        Self { settings: Settings { hook: Some(Arc::new(hook)), ..self.settings }, ..self }
    }
}

impl<S> Clone for Builder<S> {
    fn clone(&self) -> Self {
        Self { make: self.make.clone(), settings: self.settings.clone(), ..*self }
    }
}

impl<S> fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("rules", &self.rules)
            .field("keep_alive", &self.settings.keep_alive)
            .field("name", &self.settings.name)
            .field("stack_size", &self.settings.stack_size)
            .finish_non_exhaustive()
    }
}
