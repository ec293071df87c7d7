//! The exploration of one model under shuttle: our bounded search, or shuttle's PCT and random schedulers, with our
//! vector clocks watching.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Instant;

use hence_registry::{Engine, Model, Options, Run, Timed, Weaken};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner, current, thread};

use crate::clocks::{CLOCKS, Clock, Clocks, clocks};
use crate::hence::sync::hook::{self, Operation, Rings, Site, Watch, Weakened};
use crate::histories::trace;
use crate::models::weaken;
use crate::search::{Choices, Path, Search};
use crate::settle::Settling;
use crate::shapes::{self, Shape};

static EXECUTIONS: AtomicU64 = AtomicU64::new(0);

/// Executions begun so far in this process.
pub fn executions() -> u64 {
    EXECUTIONS.load(Ordering::Relaxed)
}

std::thread_local! {
    /// How waits with a deadline have ended.
    static TIMED: RefCell<Waits> = RefCell::default();
    /// Who answers the choices of the exploration under way.
    static CHOICES: RefCell<Option<Rc<RefCell<dyn Choices>>>> = const { RefCell::new(None) };
}

/// Waits with a deadline: those that are under way, and how others ended.
#[derive(Default)]
struct Waits {
    /// By thread: whether it waits for something else than the deadline, too.
    open: BTreeMap<usize, bool>,
    ended: BTreeMap<usize, Timed>,
}

impl Waits {
    /// A sleep until a moment (`schedule.rs`) has one end only.
    fn begin(&mut self, me: usize, site: Site) {
        self.met(me);
        self.open.insert(me, !site.file().ends_with("schedule.rs"));
    }

    fn expire(&mut self, me: usize) {
        if self.open.remove(&me) == Some(true) {
            self.ended.entry(me).or_default().expired += 1;
        }
    }

    /// A thread that has gone on without coming to the deadline has met what it waited for.
    fn met(&mut self, me: usize) {
        if self.open.remove(&me) == Some(true) {
            self.ended.entry(me).or_default().met += 1;
        }
    }

    /// All threads have ended.
    fn all_met(&mut self) {
        while let Some((&me, _)) = self.open.first_key_value() {
            self.met(me);
        }
    }
}

struct Shuttle;

impl Watch for Shuttle {
    fn weakened(&self, site: Site, operation: Operation) -> Option<Weakened> {
        shapes::announced(site, operation);
        weaken::weakened(site, operation)
    }
    fn fresh(&self) -> usize {
        CLOCKS.with_borrow_mut(Clocks::fresh)
    }
    fn load(&self, id: usize, order: Ordering) {
        shapes::done(current::me().into(), id, shapes::Done::Load, order);
        trace::accessed();
        clocks(|clocks, me| clocks.load(me, id, order));
    }
    fn store(&self, id: usize, order: Ordering) {
        shapes::done(current::me().into(), id, shapes::Done::Store, order);
        trace::accessed();
        clocks(|clocks, me| clocks.store(me, id, order));
    }
    fn rmw(&self, id: usize, order: Ordering) {
        shapes::done(current::me().into(), id, shapes::Done::Both, order);
        trace::accessed();
        clocks(|clocks, me| clocks.rmw(me, id, order));
    }
    fn access(&self, id: usize, write: bool, site: Site) {
        clocks(|clocks, me| clocks.access(me, id, write, site));
    }
    fn choose(&self, bound: usize) -> usize {
        CHOICES.with_borrow(|choices| choices.as_ref().map_or(0, |choices| choices.borrow_mut().choose(bound)))
    }
    fn locks(&self, taken: bool) {
        clocks(|clocks, me| clocks.lock(me, taken));
    }
    fn waits(&self, site: Site) {
        TIMED.with_borrow_mut(|waits| waits.begin(current::me().into(), site));
    }
    fn expires(&self) {
        TIMED.with_borrow_mut(|waits| waits.expire(current::me().into()));
    }
    fn spurious(&self) -> bool {
        CHOICES.with_borrow(|choices| choices.as_ref().is_some_and(|choices| choices.borrow_mut().spurious()))
    }
}

/// Whether the step of user code that the calling thread has come to panics. It holds no lock.
pub(crate) fn panics() -> bool {
    assert!(!clocks(|clocks, me| clocks.holds_a_lock(me)), "user code under a lock");
    CHOICES.with_borrow(|choices| choices.as_ref().is_some_and(|choices| choices.borrow_mut().panics()))
}

/// A thread of a model or a fuzzed program, whose start and end carry happens-before.
#[derive(Debug)]
pub struct JoinHandle<T>(thread::JoinHandle<(T, Clock)>);

/// Starts a thread.
pub fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let past = clocks(Clocks::snapshot);
    JoinHandle(thread::spawn(move || {
        clocks(|clocks, me| clocks.adopt(me, &past));
        let result = body();
        (result, clocks(Clocks::snapshot))
    }))
}

impl<T> JoinHandle<T> {
    /// Waits for the thread's end.
    pub fn join(self) -> thread::Result<T> {
        self.0.join().map(|(result, past)| {
            clocks(|clocks, me| clocks.adopt(me, &past));
            result
        })
    }
}

/// Puts a mutation in force for the rest of this process, once.
pub fn enforce(weaken: &Weaken) {
    weaken::enforce(weaken);
}

/// Runs `body` once for each execution that the scheduler begins, with our clocks watching and `choices` answering.
/// Unwinds with what an execution fails with; another run after that is not to be trusted.
pub fn drive(
    scheduler: impl Scheduler + 'static,
    choices: Option<Rc<RefCell<dyn Choices>>>,
    body: impl Fn() + Send + Sync + 'static,
) {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| hook::install(&Shuttle));
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(10_000);
    config.silence_warnings = true;
    CHOICES.set(choices);
    Runner::new(scheduler, config).run(move || {
        EXECUTIONS.fetch_add(1, Ordering::Relaxed);
        CLOCKS.take();
        // Of the execution before: its threads may have outlived its body.
        TIMED.with_borrow_mut(Waits::all_met);
        body();
    });
}

/// Runs `body` once for each schedule, without a bound but for one spurious wake-up.
pub(crate) fn exhaust(body: impl Fn() + Send + Sync + 'static) {
    search(Rc::new(RefCell::new(Path::new(None, 1, 0, None))), body);
}

/// Runs `body` once for each path.
fn search(path: Rc<RefCell<Path>>, body: impl Fn() + Send + Sync + 'static) {
    drive(Settling(Search(path.clone())), Some(path), body);
}

/// Explores a model; once per process, since a failing exploration can poison what follows. Never unwinds.
pub fn explore(model: &Model, engine: Engine, options: &Options) -> Run {
    if let Some(weaken) = &model.weaken {
        enforce(weaken);
    }
    if options.record {
        weaken::record();
    }
    hook::make_rings(if model.rings { Rings::AtOnce } else { Rings::Never });
    let begun = Instant::now();
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let body = {
        let (body, outcomes) = (model.body, outcomes.clone());
        move || {
            let outcome = body();
            outcomes.lock().unwrap().insert(outcome);
        }
    };
    let (seed, mut path) = (options.seed, None);
    let mut within = |preemptions, spurious, panics, body| {
        let begun = Rc::new(RefCell::new(Path::new(preemptions, spurious, panics, options.replay.as_deref())));
        path = Some(begun.clone());
        search(begun, body);
    };
    let result = panic::catch_unwind(AssertUnwindSafe(|| match engine {
        Engine::Bounded { preemptions, spurious } => within(preemptions, spurious, 0, body),
        Engine::Sweep { preemptions, spurious, panics } => within(preemptions, spurious, panics, body),
        Engine::Pct(schedules) => drive(PctScheduler::new_from_seed(seed, 3, schedules as usize), None, body),
        Engine::Random(schedules) => drive(RandomScheduler::new_from_seed(seed, schedules as usize), None, body),
        Engine::Loom | Engine::LoomBounded(_) => panic!("not an engine of shuttle's"),
    }));
    let outcomes = outcomes.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    let parks = path.as_ref().map_or(0, |path| path.borrow().parks);
    let replay = path.map(|path| path.borrow().replay());
    let mut waits = TIMED.take();
    waits.all_met();
    Run {
        executions: executions(),
        outcomes,
        failure: result.as_ref().err().map(|payload| hence_registry::message(payload.as_ref())),
        replay: if result.is_err() { replay } else { None },
        complete: result.is_ok() && engine.enumerates() && options.replay.is_none(),
        weakened: weaken::executed(),
        sites: weaken::recorded(),
        parks,
        timed: waits.ended,
        seconds: begun.elapsed().as_secs_f64(),
    }
}

/// The shapes in so many random schedules of a model that passes.
pub fn shapes(model: &Model, schedules: usize) -> BTreeSet<Shape> {
    let shapes = Arc::new(Mutex::new(BTreeSet::new()));
    let (body, found) = (model.body, shapes.clone());
    hook::make_rings(if model.rings { Rings::AtOnce } else { Rings::Never });
    drive(Settling(RandomScheduler::new_from_seed(1, schedules)), None, move || {
        shapes::begin();
        body();
        found.lock().unwrap().extend(shapes::end());
    });
    let shapes = shapes.lock().unwrap();
    shapes.clone()
}
