//! The exploration of one model under shuttle: our bounded search, or shuttle's PCT and random schedulers, with our
//! vector clocks watching.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use hence_registry::{Engine, Model, Options, Run};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner, current, thread};

use crate::clocks::{Clock, Clocks};
use crate::hence::sync::hook::{self, Operation, Site, Watch, Weakened};
use crate::models::weaken;
use crate::search::{Path, Search};

static EXECUTIONS: AtomicU64 = AtomicU64::new(0);

/// Executions begun so far in this process.
pub fn executions() -> u64 {
    EXECUTIONS.load(Ordering::Relaxed)
}

std::thread_local! {
    /// The clocks of the execution under way. All its threads are coroutines on this thread.
    static CLOCKS: RefCell<Clocks> = RefCell::default();
    /// The path under way, in a bounded search.
    static PATH: RefCell<Option<Rc<RefCell<Path>>>> = const { RefCell::new(None) };
}

fn clocks<R>(access: impl FnOnce(&mut Clocks, usize) -> R) -> R {
    CLOCKS.with_borrow_mut(|clocks| access(clocks, current::me().into()))
}

struct Shuttle;

impl Watch for Shuttle {
    fn weakened(&self, site: Site, operation: Operation) -> Option<Weakened> {
        weaken::weakened(site, operation)
    }
    fn fresh(&self) -> usize {
        CLOCKS.with_borrow_mut(Clocks::fresh)
    }
    fn load(&self, id: usize, order: Ordering) {
        clocks(|clocks, me| clocks.load(me, id, order));
    }
    fn store(&self, id: usize, order: Ordering) {
        clocks(|clocks, me| clocks.store(me, id, order));
    }
    fn rmw(&self, id: usize, order: Ordering) {
        clocks(|clocks, me| clocks.rmw(me, id, order));
    }
    fn access(&self, id: usize, write: bool, site: Site) {
        clocks(|clocks, me| clocks.access(me, id, write, site));
    }
    fn choose(&self, bound: usize) -> usize {
        PATH.with_borrow(|path| path.as_ref().map_or(0, |path| path.borrow_mut().choose(bound)))
    }
    fn spurious(&self) -> bool {
        PATH.with_borrow(|path| path.as_ref().is_some_and(|path| path.borrow_mut().spurious()))
    }
}

/// A model's thread, whose start and end carry happens-before.
pub(crate) struct JoinHandle<T>(thread::JoinHandle<(T, Clock)>);

/// Starts a thread.
pub(crate) fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let past = clocks(Clocks::snapshot);
    JoinHandle(thread::spawn(move || {
        clocks(|clocks, me| clocks.adopt(me, &past));
        let result = body();
        (result, clocks(Clocks::snapshot))
    }))
}

impl<T> JoinHandle<T> {
    /// Waits for the thread's end.
    pub(crate) fn join(self) -> thread::Result<T> {
        self.0.join().map(|(result, past)| {
            clocks(|clocks, me| clocks.adopt(me, &past));
            result
        })
    }
}

/// Explores a model; once per process, since a failing exploration can poison what follows. Never unwinds.
pub fn explore(model: &Model, engine: Engine, options: &Options) -> Run {
    hook::install(&Shuttle);
    if let Some(weaken) = &model.weaken {
        weaken::enforce(weaken);
    }
    if options.record {
        weaken::record();
    }
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(10_000);
    config.silence_warnings = true;

    let begun = Instant::now();
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let body = {
        let (body, outcomes) = (model.body, outcomes.clone());
        move || {
            EXECUTIONS.fetch_add(1, Ordering::Relaxed);
            CLOCKS.take();
            let outcome = body();
            outcomes.lock().unwrap().insert(outcome);
        }
    };
    let seed = options.seed;
    let result = panic::catch_unwind(AssertUnwindSafe(|| match engine {
        Engine::Bounded { preemptions, spurious } => {
            let path = Rc::new(RefCell::new(Path::new(preemptions, spurious, options.replay.as_deref())));
            PATH.set(Some(path.clone()));
            Runner::new(Search(path), config).run(body)
        }
        Engine::Pct(schedules) => {
            Runner::new(PctScheduler::new_from_seed(seed, 3, schedules as usize), config).run(body)
        }
        Engine::Random(schedules) => {
            Runner::new(RandomScheduler::new_from_seed(seed, schedules as usize), config).run(body)
        }
        Engine::Loom | Engine::LoomBounded(_) => panic!("not an engine of shuttle's"),
    }));
    let outcomes = outcomes.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    let replay = PATH.take().map(|path| path.borrow().replay());
    Run {
        executions: executions(),
        outcomes,
        failure: result.as_ref().err().map(|payload| hence_registry::message(payload.as_ref())),
        replay: if result.is_err() { replay } else { None },
        complete: result.is_ok() && engine.enumerates() && options.replay.is_none(),
        weakened: weaken::executed(),
        sites: weaken::recorded(),
        seconds: begun.elapsed().as_secs_f64(),
    }
}
