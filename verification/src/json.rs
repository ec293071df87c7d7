//! The report for machines; its shape is fixed in the design, since other programs read it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::guarantees::Guarantee;
use crate::pool::Finished;
use crate::report::Report;
use crate::sweep::{Fate, Mutation};
use crate::verdict::{Verdict, head};

/// The whole document.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    interrupted: bool,
    models: Vec<ModelRow<'a>>,
    guarantees: Vec<GuaranteeRow<'a>>,
    /// Of a sweep.
    weakenings: Vec<WeakeningRow<'a>>,
}

/// A model under one engine.
#[derive(Debug, Serialize)]
struct ModelRow<'a> {
    name: &'a str,
    ids: &'a [&'a str],
    engine: &'a str,
    expect: &'a str,
    outcome: &'a str,
    reason: Option<String>,
    complete: bool,
    bound: Option<String>,
    executions: u64,
    seconds: f64,
}

/// A guarantee and all its models, run or not.
#[derive(Debug, Serialize)]
struct GuaranteeRow<'a> {
    id: &'a str,
    #[serde(rename = "where")]
    place: &'a str,
    models: Vec<&'a str>,
}

impl<'a> Document<'a> {
    /// The document of a run.
    pub fn new(report: &'a Report<'a>) -> Document<'a> {
        let mut carriers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for model in report.models {
            for id in model.ids {
                carriers.entry(id).or_default().push(model.name);
            }
        }
        let guarantee = |Guarantee { id, place, .. }: &'a Guarantee| GuaranteeRow {
            id,
            place,
            models: carriers.get(id.as_str()).cloned().unwrap_or_default(),
        };
        Document {
            interrupted: report.interrupted,
            models: report.finished.iter().map(model).collect(),
            guarantees: report.guarantees.iter().map(guarantee).collect(),
            weakenings: report.sweep.iter().flat_map(|sweep| &sweep.mutations).map(weakening).collect(),
        }
    }
}

/// A mutation and what became of it.
#[derive(Debug, Serialize)]
struct WeakeningRow<'a> {
    site: &'a str,
    kind: Option<&'a str>,
    verdict: &'a str,
    by: Option<&'a str>,
}

fn weakening(Mutation { site, kind, fate, .. }: &Mutation) -> WeakeningRow<'_> {
    let (verdict, by) = match fate {
        Fate::Killed { by, .. } => ("killed", Some(by.model.name)),
        Fate::Justified(argument) => ("justified", Some(argument.as_str())),
        Fate::Survived(_) => ("survived", None),
        Fate::NotExecuted => ("not executed", None),
    };
    WeakeningRow { site, kind: *kind, verdict, by }
}

/// A model that was to pass and is red, for whatever reason, has the outcome `fail`: `outcome` equals `expect` only
/// in a green row, save that an expected failure for another reason than stated says so in its `reason`.
fn model(Finished { row, run, verdict, .. }: &Finished) -> ModelRow<'_> {
    let failed = run.failure.is_some() || (row.passes() && verdict.is_red());
    let word = |fails| if fails { "fail" } else { "pass" };
    ModelRow {
        name: row.model.name,
        ids: row.model.ids,
        engine: row.engine.name(),
        expect: word(!row.passes()),
        outcome: word(failed),
        reason: match verdict {
            Verdict::Red(faults) => Some(faults.join("\n")),
            Verdict::Green | Verdict::Idle => run.failure.as_deref().map(head),
        },
        complete: run.complete && run.failure.is_none(),
        bound: row.engine.bound(),
        executions: run.executions,
        seconds: run.seconds,
    }
}
