//! What README.md shows: a row for each family of cells, in a table and in a picture.

use super::{header, plot};
use crate::contest::{Contest, Entrant};
use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};
use std::{error::Error, fs, path::Path};

const BEGIN: &str = "<!-- Measured: `cargo run --release --manifest-path benches/Cargo.toml -- --readme` -->\n";
const END: &str = "<!-- until here -->\n";
/// Beside the benchmarks, in a folder that README.md lies above.
const PICTURE: &str = "benches/summary.svg";

/// Cells of one kind, as those of one kind of channel.
struct Family<'a> {
    name: &'static str,
    contests: Vec<&'a Contest>,
}

/// Writes the table between the two marks in the README of the project at `root`, and the picture.
pub fn write(root: &Path, title: &str, contests: &[Contest]) -> Result<(), Box<dyn Error>> {
    let families = families(contests);
    let readme = root.join("README.md");
    let text = fs::read_to_string(&readme)?;
    let (before, rest) = text.split_once(BEGIN).ok_or("README.md has no place for the table")?;
    let (_, after) = rest.split_once(END).ok_or("README.md does not say where the table ends")?;
    let machine = header().replace('\n', "; ");
    let shown = format!("\n![{title}]({PICTURE})\n\n{}\n\nThe machine: {machine}. {title}.\n\n", table(&families));
    fs::write(&readme, [before, BEGIN, &shown, END, after].concat())?;
    let x = "the peer's median over hence's, geometric mean: to the right of 1, hence is faster";
    plot::write(&root.join(PICTURE), title, x, &families.iter().map(Family::row).collect::<Vec<_>>())
}

fn families(contests: &[Contest]) -> Vec<Family<'_>> {
    let mut families: Vec<Family> = Vec::new();
    for contest in contests.iter().filter(|contest| contest.ratio().is_some()) {
        let name = contest.cell.work.family();
        match families.iter_mut().find(|family| family.name == name) {
            Some(family) => family.contests.push(contest),
            None => families.push(Family { name, contests: vec![contest] }),
        }
    }
    families
}

fn table(families: &[Family]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header(["", "cells", "hence leads in", "best other / hence, geometric mean", "least", "most"]);
    for Family { name, contests } in families {
        let mut ratios: Vec<_> = contests.iter().filter_map(|contest| contest.ratio()).collect();
        ratios.sort_by(f64::total_cmp);
        let leads = ratios.iter().filter(|ratio| **ratio >= 1.0).count();
        let [mean, least, most] =
            [geometric_mean(&ratios), ratios[0], ratios[ratios.len() - 1]].map(|ratio| format!("{ratio:.2}"));
        table.add_row([name.to_string(), ratios.len().to_string(), leads.to_string(), mean, least, most]);
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

impl Family<'_> {
    fn row(&self) -> plot::Row {
        let peers = self.contests.iter().flat_map(|contest| &contest.entrants).map(|Entrant { peer, .. }| peer.name);
        let dot = |name| {
            let ratios: Vec<_> = self.contests.iter().filter_map(|contest| contest.ratio_to(name)).collect();
            (name, geometric_mean(&ratios))
        };
        let mut dots: Vec<_> = peers.map(dot).collect();
        dots.sort_by_key(|dot| dot.0);
        dots.dedup();
        plot::Row { name: self.name.into(), dots }
    }
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}
