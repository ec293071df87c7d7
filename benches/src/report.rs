//! What is shown and kept: the header, the table of medians, the file of samples.

use crate::{
    contest::{Contest, Entrant},
    peers::PEERS,
};
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
    thread,
    time::SystemTime,
};

/// Ours, among the peers.
const OURS: &str = "hence";

/// The names of the peers, each once, in the table's order.
fn names() -> impl Iterator<Item = &'static str> {
    let mut seen = BTreeSet::new();
    PEERS.iter().map(|peer| peer.name).filter(move |&name| seen.insert(name))
}

/// Where, when and of what versions.
pub fn header() -> String {
    let cores = thread::available_parallelism().map_or_else(|_| "?".into(), |cores| cores.to_string());
    let versions: Vec<_> = names().filter_map(|name| Some(format!("{name} {}", locked_version(name)?))).collect();
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    format!("{cores} cores, {}, {now}\n{}", env!("RUSTC_VERSION"), versions.join(", "))
}

/// The version that Cargo.lock has for a package.
fn locked_version(package: &str) -> Option<&'static str> {
    let (_, entry) = include_str!("../Cargo.lock").split_once(&format!("name = \"{package}\"\nversion = \""))?;
    entry.split('"').next()
}

/// Per cell and peer the median, its multiple of the best median, and the quartiles; last, the best other over ours.
pub fn table(contests: &[Contest]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(
        ["ns per message"].into_iter().chain(names()).map(String::from).chain(["best other\n/ hence".into()]),
    );
    for Contest { cell, entrants } in contests {
        let of = |name| entrants.iter().find(|entrant| entrant.peer.name == name);
        let best_of_all = best(entrants.iter());
        let others = entrants.iter().filter(|entrant| entrant.peer.name != OURS);
        let show = |name| of(name).map_or("-".into(), |entrant| shown(entrant, best_of_all));
        let ratio = of(OURS).map_or("-".into(), |ours| format!("{:.2}", best(others) / median(ours)));
        table.add_row([cell.name.into()].into_iter().chain(names().map(show)).chain([ratio]));
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn shown(entrant: &Entrant, best: f64) -> String {
    let [low, median, high] = [0.25, 0.5, 0.75].map(|q| quantile(&entrant.ns, q));
    format!("{}  {:.2}x\n{}..{}", time(median), median / best, time(low), time(high))
}

fn time(ns: f64) -> String {
    match ns {
        ..100.0 => format!("{ns:.1}"),
        100.0..10_000.0 => format!("{ns:.0}"),
        _ => format!("{:.1}us", ns / 1000.0),
    }
}

/// The least of their medians.
fn best<'a>(entrants: impl Iterator<Item = &'a Entrant>) -> f64 {
    entrants.map(median).fold(f64::INFINITY, f64::min)
}

fn median(entrant: &Entrant) -> f64 {
    quantile(&entrant.ns, 0.5)
}

/// The `q`-quantile, interpolated between neighbours.
fn quantile(samples: &[f64], q: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = q * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

/// Every sample, one a line; the run on one core appends to the file of the run before it.
pub fn write_tsv(path: &Path, placement: &str, contests: &[Contest], append: bool) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    let mut file = OpenOptions::new().create(true).write(true).append(append).truncate(!append).open(path)?;
    let mut lines = if append { String::new() } else { "cell\tpeer\tround\tns\tplacement\n".into() };
    for Contest { cell, entrants } in contests {
        for Entrant { peer, ns, .. } in entrants {
            for (round, ns) in ns.iter().enumerate() {
                lines += &format!("{}\t{}\t{round}\t{ns:.2}\t{placement}\n", cell.name, peer.name);
            }
        }
    }
    file.write_all(lines.as_bytes())
}
