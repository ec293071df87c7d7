//! `cargo verify --weaken`: every operation of `src/` that a model executes is weakened in turn, by one step, and the
//! models that execute it run until one of them notices. Whether each is needed is then no matter of opinion: the mutant
//! was killed by a model, or it has an argument in `verification/equivalent_mutants.toml`, or it survived, which is red.
//!
//! Two passes. The first explores the models as they are, and notes what each executes; what it finds wrong ends the
//! sweep. The second takes the mutations one after another, for each the models that execute it, the quickest first.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io, thread};

use comfy_table::Table;
use hence_registry::{Site, Weaken};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;

use crate::child::Job;
use crate::pool::{Finished, Settings};
use crate::rows::Row;
use crate::sites::{self, Line};
use crate::verdict::{Terms, judge};
use crate::{parent, weaken};

/// What became of a mutation.
#[derive(Clone, Debug)]
pub enum Fate {
    /// A row noticed, after so many executions.
    Killed {
        /// The row.
        by: Row,
        /// Executions of the mutant until then.
        executions: u64,
    },
    /// No model notices, and the argument says why that is all right.
    Justified(String),
    /// None of so many rows noticed.
    Survived(usize),
    /// No model executes it.
    NotExecuted,
}

/// A mutation, and what became of it.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// `src/file.rs:line:column#operand`.
    pub site: String,
    /// The file and the line.
    pub line: Line,
    /// What became of the operation; `None` where no model executes it.
    pub kind: Option<&'static str>,
    /// What became of it.
    pub fate: Fate,
}

/// An entry of `equivalent_mutants.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EquivalentMutant {
    /// As in `src/wait.rs`.
    pub file: String,
    /// A piece of the one line that it is about.
    pub code: String,
    /// The kind of the mutation, or `not-executed`.
    pub kind: String,
    /// Why no model can see it, or need not.
    pub argument: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    mutant: Vec<EquivalentMutant>,
}

/// What is known of the sources before the sweep.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Operations that stand there.
    pub written: Vec<Line>,
    /// Arguments for what no model kills.
    pub equivalent: Vec<EquivalentMutant>,
    /// Whether all models run.
    whole: bool,
}

impl Sources {
    /// Reads both; an argument that is about no line, or about several, is an error. What stands in the source and no
    /// model executes is told only where the `whole` registry runs.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn read(root: &Path, whole: bool) -> Result<Sources, String> {
        let path = root.join("verification/equivalent_mutants.toml");
        let text = match fs::read_to_string(&path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.map_err(|fault| format!("{}: {fault}", path.display()))?,
        };
        let Arguments { mutant: equivalent } =
            toml::from_str(&text).map_err(|fault| format!("{}: {fault}", path.display()))?;
        for EquivalentMutant { file, code, .. } in &equivalent {
            let text = fs::read_to_string(root.join(file)).map_err(|fault| format!("{file}: {fault}"))?;
            let lines = text.lines().filter(|line| line.contains(code.as_str())).count();
            if lines != 1 {
                return Err(format!("{}: {file} has {lines} lines with `{code}`", path.display()));
            }
        }
        let written = sites::written(root).map_err(|fault| format!("src/: {fault}"))?.into_iter().collect();
        Ok(Sources { written, equivalent, whole })
    }

    fn argument(&self, line: &Line, kind: &str) -> Option<usize> {
        let is_about = |entry: &EquivalentMutant| {
            entry.file == line.file && entry.kind == kind && line.code.contains(entry.code.as_str())
        };
        self.equivalent.iter().position(is_about)
    }
}

/// The second pass, over what the first one recorded: of the mutations, by their numbers, those that are `chosen`.
pub fn run(
    recorded: &[Finished],
    sources: &Sources,
    chosen: impl Fn(usize) -> bool,
    settings: &Settings,
    root: &Path,
    interrupted: &AtomicBool,
) -> Sweep {
    let mut executed: BTreeMap<&Site, Vec<&Finished>> = BTreeMap::new();
    for finished in recorded {
        for site in &finished.run.sites {
            executed.entry(site).or_default().push(finished);
        }
    }
    executed.values_mut().for_each(|rows| rows.sort_by(|a, b| a.run.seconds.total_cmp(&b.run.seconds)));
    let todo: Vec<_> = executed.iter().enumerate().filter(|(at, _)| chosen(*at)).map(|(_, entry)| entry).collect();

    let bar = ProgressBar::new(todo.len() as u64);
    bar.set_style(ProgressStyle::with_template("{pos} of {len} mutants, {elapsed}: {msg}").expect("a template"));
    bar.enable_steady_tick(Duration::from_millis(500));
    let (next, swept) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((site, rows)) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
            bar.set_message(weaken::show(&site.weaken));
            let Some(fate) = fate(&site.weaken, rows, settings, interrupted) else { return };
            let mutation = Mutation::new(site, fate, root);
            if bar.is_hidden() {
                eprintln!("[{:>4}/{}] {mutation}", bar.position() + 1, todo.len());
            }
            bar.inc(1);
            swept.lock().unwrap_or_else(PoisonError::into_inner).push(mutation);
        }
    };
    thread::scope(|scope| (0..settings.jobs).for_each(|_| _ = scope.spawn(work)));
    bar.finish_and_clear();

    let mut mutations = swept.into_inner().unwrap_or_else(PoisonError::into_inner);
    // What an interruption or a shard has left out is no evidence that an argument is about nothing.
    let is_whole = sources.whole && mutations.len() == executed.len();
    let is_executed =
        |line: &Line| executed.keys().any(|Site { weaken, .. }| weaken.line == line.line && weaken.file == line.file);
    // An operation that is relaxed already, and claims nothing, has no weaker form.
    let has_none = |line: &Line| line.code.contains("load(Ordering::Relaxed)");
    let idle = sources.written.iter().filter(|line| sources.whole && !is_executed(line) && !has_none(line));
    mutations.extend(idle.map(|line| Mutation {
        site: format!("{}:{}", line.file, line.line),
        line: line.clone(),
        kind: None,
        fate: Fate::NotExecuted,
    }));
    mutations.sort_by(|a, b| (&a.line, a.kind).cmp(&(&b.line, b.kind)));
    Sweep::new(mutations, sources, is_whole)
}

/// `None`: interrupted.
fn fate(weaken: &Weaken, rows: &[&Finished], settings: &Settings, interrupted: &AtomicBool) -> Option<Fate> {
    for Finished { row, run, .. } in rows {
        let mut row = row.clone();
        row.model.weaken = Some(weaken.clone());
        // A mutant may go round in circles: no verdict.
        let timeout = Duration::from_secs_f64(20.0 + 10.0 * run.seconds);
        let job = Job::new(&row, settings.seed, None);
        let left = parent::explore(&settings.executable, &job, timeout, interrupted, |_| {})?;
        let timed_out = left.run.failure.as_deref().is_some_and(|failure| failure.starts_with(parent::TIMED_OUT));
        if !timed_out && judge(&row, &left.run, Terms::Weakened).is_red() {
            return Some(Fate::Killed { by: row, executions: left.run.executions });
        }
    }
    Some(Fate::Survived(rows.len()))
}

impl Mutation {
    fn new(site: &Site, fate: Fate, root: &Path) -> Self {
        let Site { weaken: Weaken { file, line, kind }, column } = site;
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        let code = sites::code(text.lines().nth(*line as usize - 1).unwrap_or_default()).trim().to_string();
        Self {
            site: format!("{file}:{line}:{column}#{}", kind.operand()),
            line: Line { file: file.clone(), line: *line, code },
            kind: Some(kind.name()),
            fate,
        }
    }

    fn is_red(&self) -> bool {
        matches!(self.fate, Fate::Survived(_) | Fate::NotExecuted)
    }
}

impl Display for Mutation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.site)?;
        if let Some(kind) = self.kind {
            write!(f, "={kind}")?;
        }
        match &self.fate {
            Fate::Killed { by, executions } => write!(f, " killed by {}, in {executions} executions", by.title()),
            Fate::Justified(argument) => write!(f, " justified: {argument}"),
            Fate::Survived(rows) => write!(f, " SURVIVED {rows} rows: {}", self.line.code),
            Fate::NotExecuted => write!(f, " NOT EXECUTED by any model: {}", self.line.code),
        }
    }
}

/// The sweep's outcome.
#[derive(Debug)]
pub struct Sweep {
    /// All, in the order of the source.
    pub mutations: Vec<Mutation>,
    /// Arguments that are out of date, and why.
    pub stale: Vec<String>,
}

impl Sweep {
    /// Puts the arguments beside what they are about.
    fn new(mut mutations: Vec<Mutation>, sources: &Sources, whole: bool) -> Self {
        let mut used = vec![false; sources.equivalent.len()];
        let mut stale = Vec::new();
        for mutation in &mut mutations {
            let Some(at) = sources.argument(&mutation.line, mutation.kind.unwrap_or("not-executed")) else {
                continue;
            };
            used[at] = true;
            let argument = sources.equivalent[at].argument.split_whitespace().collect::<Vec<_>>().join(" ");
            match &mutation.fate {
                Fate::Killed { by, .. } => stale.push(format!("{} is killed by {}", mutation.site, by.title())),
                _ => mutation.fate = Fate::Justified(argument),
            }
        }
        if whole {
            let unused = used.iter().zip(&sources.equivalent).filter(|(used, _)| !**used);
            stale.extend(unused.map(|(_, EquivalentMutant { file, code, kind, .. })| {
                format!("{file}: `{code}` has no such mutation as {kind}")
            }));
        }
        Self { mutations, stale }
    }

    /// Whether something survived, or an argument is out of date.
    pub fn is_red(&self) -> bool {
        !self.stale.is_empty() || self.mutations.iter().any(Mutation::is_red)
    }

    fn count(&self, file: &str, wanted: fn(&Fate) -> bool) -> usize {
        let of_file = |mutation: &&Mutation| file.is_empty() || mutation.line.file == file;
        self.mutations.iter().filter(of_file).filter(|mutation| wanted(&mutation.fate)).count()
    }
}

impl Display for Sweep {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let wanted: [fn(&Fate) -> bool; 5] = [
            |_| true,
            |fate| matches!(fate, Fate::Killed { .. }),
            |fate| matches!(fate, Fate::Justified(_)),
            |fate| matches!(fate, Fate::Survived(_)),
            |fate| matches!(fate, Fate::NotExecuted),
        ];
        let mut files: Vec<&str> = self.mutations.iter().map(|mutation| mutation.line.file.as_str()).collect();
        files.dedup();
        let mut table = Table::new();
        table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
        table.set_header(["file", "mutants", "killed", "justified", "survived", "not executed"]);
        for file in files {
            let counts = wanted.map(|wanted| self.count(file, wanted).to_string());
            table.add_row([vec![file.to_string()], counts.to_vec()].concat());
        }
        writeln!(f, "{table}")?;
        let red = self.mutations.iter().filter(|mutation| mutation.is_red());
        red.map(ToString::to_string)
            .chain(self.stale.iter().map(|stale| format!("out of date: {stale}")))
            .try_for_each(|line| writeln!(f, "red: {line}"))?;
        let [all, killed, justified, survived, idle] = wanted.map(|wanted| self.count("", wanted));
        write!(f, "mutants: {all}; {killed} killed, {justified} justified, {survived} survived, {idle} not executed")
    }
}
