//! The report for people: the tables (guarantee by guarantee, and the models that stand for none), then what is red and
//! why, then one line that sums it up. And the list of what would run.

use std::fmt::{self, Display, Formatter};

use comfy_table::presets::{NOTHING, UTF8_FULL_CONDENSED};
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};
use hence_registry::{Engine, Model};
use indicatif::HumanCount;

use crate::pool::Finished;
use crate::report::{Report, why};
use crate::rows::Row;
use crate::verdict::Verdict;

/// Characters of a guarantee's statement that there is room for.
const STATEMENT: usize = 48;

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for table in [guarantees(self), others(self)] {
            if !table.is_empty() {
                writeln!(f, "{table}")?;
            }
        }
        if let Some(sweep) = self.sweep {
            writeln!(f, "{sweep}")?;
        }
        for (id, faults) in &self.faults {
            writeln!(f, "red: {id}: {}", faults.join("; "))?;
        }
        for row in self.finished.iter().filter(|row| row.verdict.is_red()) {
            write!(f, "red: {}", why(row, self.seed))?;
        }
        if self.all_idle() {
            writeln!(f, "red: no model that ran executes the operation that HENCE_WEAKEN names")?;
        }
        write!(f, "rows: {} green, {} red", self.count(Verdict::is_green), self.count(Verdict::is_red))?;
        match self.count(Verdict::is_idle) {
            0 => {}
            idle => write!(f, ", {idle} that do not execute the weakened site")?,
        }
        match self.rows.len() - self.finished.len() {
            0 => {}
            left => write!(f, ", {left} not finished: interrupted")?,
        }
        let executions = HumanCount(self.finished.iter().map(|row| row.run.executions).sum());
        write!(f, "; {executions} executions in {:.1} s; seed {}", self.seconds, self.seed)
    }
}

/// A line for each guarantee.
fn guarantees(report: &Report<'_>) -> Table {
    let mut table =
        table(["guarantee", "where", "statement", "models green", "loom", "bounded", "mutants killed", "verdict"]);
    for guarantee in report.guarantees {
        let sum = Sum::of(report, |model| model.ids.contains(&guarantee.id.as_str()));
        if report.all || sum.models > 0 {
            table.add_row([
                Cell::new(&guarantee.id),
                Cell::new(&guarantee.place),
                Cell::new(shortened(&guarantee.statement)),
                number(format!("{}/{}", sum.green, sum.models)),
                number(HumanCount(sum.loom)),
                number(HumanCount(sum.bounded)),
                number(format!("{}/{}", sum.killed, sum.mutants)),
                sum.verdict(report.faults.contains_key(&guarantee.id)),
            ]);
        }
    }
    table
}

/// A line for each of the notes' and the peers' models, which stand for no guarantee.
fn others(report: &Report<'_>) -> Table {
    let mut table = table(["the notes' and the peers' models", "must", "loom", "bounded", "verdict"]);
    for model in report.models.iter().filter(|model| model.ids.is_empty()) {
        let sum = Sum::of(report, |other| other.name == model.name);
        if sum.models > 0 {
            table.add_row([
                Cell::new(model.name),
                Cell::new(if sum.mutants > 0 { "fail" } else { "pass" }),
                number(HumanCount(sum.loom)),
                number(HumanCount(sum.bounded)),
                sum.verdict(false),
            ]);
        }
    }
    table
}

/// What `--list` prints: a line for each row, beginning with the model's name.
pub(crate) fn list(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    for row in rows {
        let bound = row.engine.bound().unwrap_or_else(|| "complete".into());
        let expect = if row.passes() { "must pass" } else { "must fail" };
        table.add_row([row.model.name, &row.model.ids.join(" "), row.engine.name(), &bound, expect]);
    }
    table.column_iter_mut().for_each(|column| _ = column.set_padding((0, 2)));
    table.trim_fmt()
}

/// What a line of a table sums up: some of the models that were to run.
#[derive(Default)]
struct Sum {
    models: usize,
    green: usize,
    mutants: usize,
    killed: usize,
    /// Executions, and those below.
    loom: u64,
    bounded: u64,
    red: bool,
    unfinished: bool,
    idle: bool,
}

impl Sum {
    fn of(report: &Report<'_>, wanted: impl Fn(&Model) -> bool) -> Sum {
        let mut sum = Sum { idle: true, ..Sum::default() };
        for model in report.models.iter().filter(|model| wanted(model)) {
            let rows = report.rows.iter().filter(|row| row.model.name == model.name).count();
            let finished = report.finished.iter().filter(|finished| finished.row.model.name == model.name);
            if rows > 0 {
                sum.add(rows, &finished.collect::<Vec<_>>(), Row::of(model).any(|row| !row.passes()));
            }
        }
        sum
    }

    fn add(&mut self, rows: usize, finished: &[&Finished], is_mutant: bool) {
        let red = finished.iter().any(|row| row.verdict.is_red());
        let green = finished.len() == rows && finished.iter().all(|row| row.verdict.is_green());
        self.models += 1;
        self.green += usize::from(green);
        self.mutants += usize::from(is_mutant);
        self.killed += usize::from(is_mutant && green);
        self.red |= red;
        self.unfinished |= finished.len() < rows;
        self.idle &= finished.iter().all(|row| row.verdict.is_idle());
        for Finished { row, run, .. } in finished {
            match row.engine {
                Engine::Loom | Engine::LoomBounded(_) => self.loom += run.executions,
                Engine::Bounded { .. } | Engine::Sweep { .. } => self.bounded += run.executions,
                Engine::Pct(_) | Engine::Random(_) => {}
            }
        }
    }

    fn verdict(&self, faulty: bool) -> Cell {
        let (word, color) = match self {
            _ if self.red || faulty => ("red", Color::Red),
            _ if self.models == 0 => ("not run", Color::Yellow),
            _ if self.unfinished => ("not finished", Color::Yellow),
            _ if self.idle => ("site not executed", Color::Yellow),
            _ => ("green", Color::Green),
        };
        Cell::new(word).fg(color)
    }
}

fn table<const N: usize>(heads: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(heads.map(|head| Cell::new(head).add_attribute(Attribute::Bold)));
    table
}

fn number(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn shortened(statement: &str) -> String {
    match statement.char_indices().nth(STATEMENT) {
        Some((end, _)) => format!("{}…", statement[..end].trim_end()),
        None => statement.into(),
    }
}
