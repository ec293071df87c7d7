//! Whether a guarantee has all the models that it needs, before any of them runs.
//!
//! Each needs a model that passes under complete loom, one that passes under the bounded explorer, and a mutant that
//! must fail; what it lacks is argued under `## Exceptions` in proofs.md, or is a fault.

use std::collections::{BTreeMap, BTreeSet};

use hence_registry::{Engine, Model};

use crate::guarantees::Guarantee;
use crate::rows::Row;

/// What is wrong with each guarantee, by ID.
pub type Faults = BTreeMap<String, Vec<String>>;

/// The faults of all guarantees that `judged` accepts: those stated in `src/` and those that models carry.
pub fn faults(
    guarantees: &[Guarantee],
    models: &[Model],
    exceptions: &BTreeSet<String>,
    judged: impl Fn(&str) -> bool,
) -> Faults {
    let mut faults = Faults::new();
    for Guarantee { id, place, .. } in guarantees {
        if !exceptions.contains(id) {
            faults.entry(id.clone()).or_default().extend(lacking(id, models));
        }
        if guarantees.iter().any(|other| other.id == *id && other.place != *place) {
            faults.entry(id.clone()).or_default().push(format!("stated twice, once at {place}"));
        }
    }
    let stated: BTreeSet<&str> = guarantees.iter().map(|guarantee| guarantee.id.as_str()).collect();
    for id in models.iter().flat_map(|model| model.ids).filter(|id| !stated.contains(*id)) {
        faults.insert(id.to_string(), vec!["carried by models, stated nowhere in src/".into()]);
    }
    faults.retain(|id, faults| !faults.is_empty() && judged(id));
    faults
}

/// What `id` lacks among `models`.
fn lacking(id: &str, models: &[Model]) -> Option<String> {
    let rows: Vec<Row> = models.iter().flat_map(Row::of).filter(|row| row.has(id)).collect();
    let passing = |wanted: fn(Engine) -> bool| rows.iter().any(|row| row.passes() && wanted(row.engine));
    let needs = [
        ("a model that passes under complete loom", passing(|engine| engine == Engine::Loom)),
        ("a model that passes under the bounded explorer", passing(|engine| engine.name() == "bounded")),
        ("a mutant that must fail", rows.iter().any(|row| !row.passes())),
    ];
    let unmet: Vec<&str> = needs.into_iter().filter(|(_, met)| !met).map(|(need, _)| need).collect();
    (!unmet.is_empty()).then(|| format!("lacks {}", unmet.join(", ")))
}
