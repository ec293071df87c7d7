//! What is shown and kept: the header and the tables of medians here, the rest in a file each.

pub mod plot;
pub mod readme;
pub mod summary;
pub mod tsv;

use crate::{
    contest::{Contest, Entrant},
    roster::names,
    watchdog::{LIMIT, entry},
};
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use std::{mem, thread, time::SystemTime};

/// Where, when and of what versions.
pub fn header() -> String {
    let cores = thread::available_parallelism().map_or_else(|_| "?".into(), |cores| cores.to_string());
    let versions: Vec<_> = names().filter_map(|name| Some(format!("{name} {}", locked_version(name)?))).collect();
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    format!("{cores} cores, {}, {now}\n{}", env!("RUSTC_VERSION"), versions.join(", "))
}

/// The version that Cargo.lock has for a package.
fn locked_version(package: &str) -> Option<&'static str> {
    let (_, entry) = include_str!("../../Cargo.lock").split_once(&format!("name = \"{package}\"\nversion = \""))?;
    entry.split('"').next()
}

/// A table each of the channels, the tokens, the wait groups and the pools, with a column for everybody who takes part.
pub fn tables(contests: &[Contest]) -> impl Iterator<Item = Table> {
    contests.chunk_by(|one, next| mem::discriminant(&one.cell.work) == mem::discriminant(&next.cell.work)).map(table)
}

/// Per cell and peer the median, its multiple of the best median, and the quartiles; last, the best other over ours.
fn table(contests: &[Contest]) -> Table {
    let takes_part = |contest: &Contest, name| contest.of(name).is_some() || contest.unended.contains(name);
    let names = || names().filter(|name| contests.iter().any(|contest| takes_part(contest, name)));
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["ns each"].into_iter().chain(names()).map(String::from).chain(["best other\n/ hence".into()]));
    for contest in contests {
        let show = |name| match contest.of(name) {
            Some(entrant) => shown(entrant, contest.best(None)),
            None if contest.unended.contains(name) => "did not end".into(),
            None => "-".into(),
        };
        let ratio = contest.ratio().map_or("-".into(), |ratio| format!("{ratio:.2}"));
        table.add_row([contest.cell.name.clone()].into_iter().chain(names().map(show)).chain([ratio]));
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

/// A line for each peer that did not end, and where.
pub fn unended(contests: &[Contest]) -> String {
    let line = |contest: &Contest, peer| format!("did not end within {LIMIT:?}: {}\n", entry(peer, &contest.cell.name));
    contests.iter().flat_map(|contest| contest.unended.iter().map(move |peer| line(contest, peer))).collect()
}

fn shown(entrant: &Entrant, best: Option<f64>) -> String {
    let [low, median, high] = [0.25, 0.5, 0.75].map(|q| entrant.quantile(q));
    let multiple = median / best.unwrap_or(median);
    format!("{}  {multiple:.2}x\n{}..{}", time(median), time(low), time(high))
}

fn time(ns: f64) -> String {
    match ns {
        ..10.0 => format!("{ns:.2}"),
        10.0..100.0 => format!("{ns:.1}"),
        100.0..10_000.0 => format!("{ns:.0}"),
        10_000.0..1e7 => format!("{:.1}us", ns / 1e3),
        _ => format!("{:.1}ms", ns / 1e6),
    }
}
