//! The explorers that this executable was built with: both, or the one whose cfg it was compiled under.
//!
//! Each is a world of its own: a crate that holds `src/` and the models compiled for it.

use hence_registry::{Engine, Model, Options, Run};

/// An explorer's crate.
pub(crate) struct World {
    pub(crate) models: fn() -> Vec<Model>,
    pub(crate) explore: fn(&Model, Engine, &Options) -> Run,
    /// Executions begun in this process.
    pub(crate) executions: fn() -> u64,
}

/// The world in which `engine` explores, if it is built in.
pub(crate) fn world(engine: Engine) -> Option<World> {
    #[cfg(not(shuttle))]
    if is_loom(engine) {
        use hence_under_loom::{executions, explore, models};
        return Some(World { models, explore, executions });
    }
    #[cfg(not(loom))]
    if !is_loom(engine) {
        use hence_under_shuttle::{executions, explore, models};
        return Some(World { models, explore, executions });
    }
    None
}

/// Whether `engine` is loom; the others are all built on shuttle.
pub fn is_loom(engine: Engine) -> bool {
    matches!(engine, Engine::Loom | Engine::LoomBounded(_))
}

/// Whether this executable can run `engine`.
pub fn holds(engine: Engine) -> bool {
    world(engine).is_some()
}

/// Every model, in the order in which it was declared: the same in each world, but for the bodies.
pub fn models() -> Vec<Model> {
    let world = world(Engine::Loom).or_else(|| world(Engine::Random(0))).expect("one explorer is built in");
    (world.models)()
}
