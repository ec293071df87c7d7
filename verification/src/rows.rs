//! Which model runs under which engine: a [`Row`] of the report, and the choice of rows that the command line makes.

use clap::ValueEnum;
use hence_registry::{Engine, Expect, Model, Weaken};

use crate::engines;

/// A model under one of its engines.
#[derive(Clone, Debug)]
pub struct Row {
    /// The model.
    pub model: Model,
    /// One of `model.engines`.
    pub engine: Engine,
}

impl Row {
    /// One row for each engine of `model`.
    pub fn of(model: &Model) -> impl Iterator<Item = Row> {
        model.engines.iter().map(|&engine| Row { model: model.clone(), engine })
    }

    /// Whether the row's executions are pinned in `verification/pins.md`: those of complete explorations are.
    pub fn is_pinned(&self) -> bool {
        self.passes() && self.engine.enumerates()
    }

    /// Whether the model is claimed to pass.
    pub fn passes(&self) -> bool {
        matches!(self.model.expect, Expect::Pass { .. })
    }

    /// Whether the model carries `id`.
    pub fn has(&self, id: &str) -> bool {
        self.model.ids.contains(&id)
    }

    /// For people: `hb_wg_1_drop_before_wait, bounded (2 preemptions)`.
    pub fn title(&self) -> String {
        let bound = self.engine.bound().map(|bound| format!(" ({bound})")).unwrap_or_default();
        format!("{}, {}{bound}", self.model.name, self.engine.name())
    }
}

/// What `--engine` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Explorer {
    /// loom: memory orderings, complete
    Loom,
    /// all that is built on shuttle: bounded, pct and random
    Shuttle,
    /// the preemption-bounded depth-first search
    Bounded,
    /// probabilistic concurrency testing
    Pct,
    /// random schedules
    Random,
}

impl Explorer {
    fn is(self, engine: Engine) -> bool {
        match self {
            Explorer::Loom => engines::is_loom(engine),
            Explorer::Shuttle => !engines::is_loom(engine),
            Explorer::Bounded => engine.name() == "bounded",
            Explorer::Pct => engine.name() == "pct",
            Explorer::Random => engine.name() == "random",
        }
    }
}

/// Part I of N.
#[derive(Clone, Copy, Debug)]
pub struct Shard {
    index: usize,
    of: usize,
}

impl Shard {
    /// Whether the `at`-th of some things, from 0, is in this part.
    pub fn has(self, at: usize) -> bool {
        at % self.of == self.index - 1
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((index, of)) if 1 <= index && index <= of => Ok(Shard { index, of }),
            _ => Err("expected I/N with 1 <= I <= N".into()),
        }
    }
}

/// Which rows are to run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// A part of a model's name, or an ID, or the family of an ID.
    pub filter: Option<String>,
    /// Only the rows of this explorer.
    pub explorer: Option<Explorer>,
    /// Only the models that are marked quick.
    pub quick: bool,
    /// Only this part of the models that are left.
    pub shard: Option<Shard>,
    /// Mutates the crate under every model that does not mutate it already; those are left out.
    pub weaken: Option<Weaken>,
}

/// No model is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NothingSelected;

impl Selection {
    /// The chosen rows of `models`, model by model. An empty shard of something is not an error.
    pub fn choose(&self, models: &[Model]) -> Result<Vec<Row>, NothingSelected> {
        let chosen: Vec<Vec<Row>> =
            models.iter().filter_map(|model| self.rows_of(model)).filter(|rows| !rows.is_empty()).collect();
        if chosen.is_empty() {
            return Err(NothingSelected);
        }
        let shard = self.shard.unwrap_or(Shard { index: 1, of: 1 });
        Ok((0..).zip(chosen).filter(|(at, _)| shard.has(*at)).flat_map(|(_, rows)| rows).collect())
    }

    fn rows_of(&self, model: &Model) -> Option<Vec<Row>> {
        let mut model = model.clone();
        if self.filter.as_deref().is_some_and(|filter| !matches(&model, filter)) || (self.quick && !model.quick) {
            return None;
        }
        if let Some(weaken) = &self.weaken {
            if model.weaken.replace(weaken.clone()).is_some() {
                return None;
            }
        }
        let wanted = |engine| engines::holds(engine) && self.explorer.is_none_or(|explorer| explorer.is(engine));
        Some(Row::of(&model).filter(|row| wanted(row.engine)).collect())
    }
}

/// `HB-CH-1` is that ID alone (not `HB-CH-10`), `HB-CH` its family; anything else is a part of a name.
fn matches(model: &Model, filter: &str) -> bool {
    let filter = filter.to_lowercase();
    let of_family = |id: &&str| {
        let id = id.to_lowercase();
        id.strip_prefix(&filter).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    model.name.to_lowercase().contains(&filter) || model.ids.iter().any(of_family)
}
