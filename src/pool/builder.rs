//! What a pool is to be like.

// Needs: pool/core.rs, pool/panic.rs, pool/shared.rs, pool/work.rs, sync.rs.

use std::fmt;
use std::time::Duration;

use super::super::sync::Arc;
use super::core::Rules;
use super::panic::Payload;
use super::shared::Settings;
use super::work::Make;

/// The settings of a new pool; [`build`](Builder::build) makes the pool. A builder can be cloned, to make the same kind
/// of pool again, for example after the first one was closed.
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
#[doc(alias = "ThreadPoolBuilder")]
#[doc(alias = "ThreadPoolExecutor")]
#[must_use = "a builder makes nothing until `build`"]
pub struct Builder<S: 'static = ()> {
    pub(super) rules: Rules,
    pub(super) reserve: usize,
    pub(super) make: Make<S>,
    pub(super) settings: Settings,
}

impl Builder {
    /// Makes a builder of a pool that runs at most `workers` jobs at a time; `usize::MAX` means no limit. Unless other
    /// methods change this, the queue is unbounded, and workers are started as they are needed and stay.
    ///
    /// # Example
    /// ```
    /// assert!(hence::pool::Builder::new(1).build().is_ok());
    /// ```
    #[doc(alias = "num_threads")]
    #[doc(alias = "worker_threads")]
    #[doc(alias = "max_blocking_threads")]
    pub fn new(workers: usize) -> Self {
        let rules = Rules { limit: workers, minimum: 0, capacity: usize::MAX, blocked: usize::MAX };
        let settings = Settings { hook: None, name: None, stack_size: None, keep_alive: None };
        Self { rules, reserve: 0, make: Arc::new(|| ()), settings }
    }
}

impl<S> Builder<S> {
    /// Limits the queue to `capacity` jobs. With 0, a job is accepted only if a worker is free to take it.
    ///
    /// When the queue is full, [`Pool::spawn`](super::Pool::spawn) waits for room, and
    /// [`Pool::try_spawn`](super::Pool::try_spawn) fails.
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(4).queue(100).build().is_ok());
    /// ```
    #[doc(alias = "capacity")]
    #[doc(alias = "queue_size")]
    pub fn queue(self, capacity: usize) -> Self {
        Self { rules: Rules { capacity, ..self.rules }, ..self }
    }

    /// At most `submitters` callers wait for room in the queue at a time. A further one does not wait: its job is
    /// refused with [`Full`](super::SpawnError::Full).
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(4).queue(0).max_blocked(1).build().is_ok());
    /// ```
    #[doc(alias = "WithMaxBlockingTasks")]
    pub fn max_blocked(self, submitters: usize) -> Self {
        Self { rules: Rules { blocked: submitters, ..self.rules }, ..self }
    }

    /// A worker that has been idle for `duration` leaves, unless [`min_workers`](Builder::min_workers) keeps it.
    /// Without this setting, idle workers stay. An idle worker uses no CPU while it waits for this time to pass.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// let pool = hence::Pool::builder(4).keep_alive(Duration::from_millis(1)).build().unwrap();
    /// pool.spawn(|| ()).unwrap().join().unwrap();
    /// while pool.stats().workers > 0 { std::thread::yield_now() }
    /// ```
    #[doc(alias = "WithExpiryDuration")]
    #[doc(alias = "thread_keep_alive")]
    #[doc(alias = "idle_timeout")]
    pub fn keep_alive(self, duration: Duration) -> Self {
        Self { settings: Settings { keep_alive: Some(duration), ..self.settings }, ..self }
    }

    /// Up to `workers` workers stay, however long they are idle. This setting starts no worker: it keeps workers that
    /// have been started for a job.
    ///
    /// # Example
    /// ```
    /// # use std::time::Duration;
    /// assert!(hence::Pool::builder(4).keep_alive(Duration::from_secs(1)).min_workers(2).build().is_ok());
    /// ```
    #[doc(alias = "corePoolSize")]
    pub fn min_workers(self, workers: usize) -> Self {
        Self { rules: Rules { minimum: workers, ..self.rules }, ..self }
    }

    /// Sets a hook that is called for each panic of a job, for each panic of the destructor of a job, a result or a
    /// state that the pool drops, and for a panic of a callback of the pool's token when a shutdown cancels it. For a
    /// job, the hook is called before anybody who waits for the job learns of the panic.
    ///
    /// The hook runs on the thread where the panic happened. If the hook itself panics, that panic is discarded. The
    /// hook is dropped with the pool: by the last handle, or by the last worker if this one ends later.
    ///
    /// # Example
    /// ```
    /// let (sender, receiver) = hence::channel::unbounded();
    /// let pool = hence::Pool::builder(1).on_panic(move |panic| sender.send(panic.message()).unwrap()).build().unwrap();
    /// pool.spawn(|| panic!("seen")).unwrap().detach();
    /// assert_eq!(receiver.recv().unwrap().unwrap(), "seen");
    /// ```
    #[doc(alias = "WithPanicHandler")]
    #[doc(alias = "panic_handler")]
    pub fn on_panic(self, hook: impl Fn(&Payload) + Send + Sync + 'static) -> Self {
        Self { settings: Settings { hook: Some(Arc::new(hook)), ..self.settings }, ..self }
    }

    /// Gives each worker a state of its own: a buffer, a connection. Jobs made by [`with_state`](super::with_state)
    /// borrow it.
    ///
    /// The worker calls `make` when the first such job asks for the state. The state is dropped on the same worker,
    /// when the worker leaves. If `make` panics, the job that asked has panicked. If a job panics while it borrows the
    /// state, the state is dropped, and the next job that asks gets a new one.
    ///
    /// # Example
    /// ```
    /// use hence::pool::with_state;
    /// let pool = hence::Pool::builder(1).state(|| String::new()).build().unwrap();
    /// let add = |text: &mut String| { text.push('a'); text.len() };
    /// assert_eq!(pool.spawn(with_state(add)).unwrap().join().unwrap(), 1);
    /// assert_eq!(pool.spawn(with_state(add)).unwrap().join().unwrap(), 2);
    /// ```
    #[doc(alias = "thread_local")]
    #[doc(alias = "NewFunc")]
    pub fn state<T: 'static>(self, make: impl Fn() -> T + Send + Sync + 'static) -> Builder<T> {
        Builder { rules: self.rules, reserve: self.reserve, make: Arc::new(make), settings: self.settings }
    }

    /// Allocates memory for `jobs` queued jobs when the pool is made.
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(4).queue(100).reserve(100).build().is_ok());
    /// ```
    #[doc(alias = "WithPreAlloc")]
    #[doc(alias = "with_capacity")]
    pub fn reserve(self, jobs: usize) -> Self {
        Self { reserve: jobs, ..self }
    }

    /// Sets the name of the workers' threads. If the name contains a null byte, no thread can be started.
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(4).name("worker").build().is_ok());
    /// ```
    #[doc(alias = "thread_name")]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { settings: Settings { name: Some(name.into()), ..self.settings }, ..self }
    }

    /// Sets the size of the workers' stacks, in bytes.
    ///
    /// # Example
    /// ```
    /// assert!(hence::Pool::builder(4).stack_size(64 * 1024).build().is_ok());
    /// ```
    #[doc(alias = "thread_stack_size")]
    pub fn stack_size(self, bytes: usize) -> Self {
        Self { settings: Settings { stack_size: Some(bytes), ..self.settings }, ..self }
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
