//! loom, made to tell whether it was complete: every field of its builder is set here, whatever the environment says,
//! executions are counted in the model's own closure, and only a return that no limit caused counts.

use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Instant;

use hence_registry::{Engine, Model, Options, Run};

use crate::hence::sync::hook::{self, Operation, Rings, Site, Watch, Weakened};
use crate::models::weaken;

pub(crate) use loom::thread::{JoinHandle, spawn};

/// Whether a step of user code panics: not under loom, which does not unwind through what synchronises.
pub(crate) fn panics() -> bool {
    false
}

static EXECUTIONS: AtomicU64 = AtomicU64::new(0);

/// Executions begun so far in this process.
pub fn executions() -> u64 {
    EXECUTIONS.load(Ordering::Relaxed)
}

struct Loom;

impl Watch for Loom {
    fn weakened(&self, site: Site, operation: Operation) -> Option<Weakened> {
        weaken::weakened(site, operation)
    }
}

/// Runs `body` once for each execution that loom tries. Unwinds with what an execution fails with.
fn drive(preemptions: Option<usize>, body: impl Fn() + Send + Sync + 'static) {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| hook::install(&Loom));
    let mut builder = loom::model::Builder::new();
    builder.max_threads = loom::MAX_THREADS;
    builder.max_branches = 10_000;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.preemption_bound = preemptions;
    builder.checkpoint_file = None;
    builder.checkpoint_interval = usize::MAX;
    builder.expect_explicit_explore = false;
    builder.location = false;
    builder.log = false;
    builder.check(move || {
        EXECUTIONS.fetch_add(1, Ordering::Relaxed);
        body();
    });
}

/// Runs `body` once for each execution that loom tries, without a bound.
pub(crate) fn exhaust(body: impl Fn() + Send + Sync + 'static) {
    drive(None, body);
}

/// Explores a model; once per process, since a failing exploration can poison what follows. Never unwinds.
pub fn explore(model: &Model, engine: Engine, options: &Options) -> Run {
    if let Some(weaken) = &model.weaken {
        weaken::enforce(weaken);
    }
    if options.record {
        weaken::record();
    }
    let preemptions = match engine {
        Engine::LoomBounded(preemptions) => Some(preemptions),
        _ => None,
    };
    hook::make_rings(if model.rings { Rings::AtOnce } else { Rings::Never });
    let begun = Instant::now();
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        let (body, outcomes) = (model.body, outcomes.clone());
        drive(preemptions, move || {
            let outcome = body();
            outcomes.lock().unwrap().insert(outcome);
        });
    }));
    let outcomes = outcomes.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    Run {
        executions: executions(),
        outcomes,
        failure: result.as_ref().err().map(|payload| hence_registry::message(payload.as_ref())),
        replay: None,
        complete: result.is_ok(),
        weakened: weaken::executed(),
        sites: weaken::recorded(),
        seconds: begun.elapsed().as_secs_f64(),
        ..Run::default()
    }
}
