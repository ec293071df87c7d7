//! The command line: what is asked for, in which order it is done, and with which code the runner exits.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use hence_registry::Model;

use crate::evidence::{self, Faults};
use crate::json::Document;
use crate::pins::Pins;
use crate::pool::{self, Finished, Settings};
use crate::proofs::Proofs;
use crate::report::Report;
use crate::rows::{Explorer, Row, Selection, Shard};
use crate::sweep::{self, Sources};
use crate::verdict::Terms;
use crate::{child, engines, guarantees, tables, weaken, weakenings};

const CODES: &str = "\
Exit codes: 0 all as claimed, 1 something is not, 2 nothing to run or bad usage, 130 interrupted.
HENCE_WEAKEN=FILE:LINE#OPERAND=KIND mutates one operation in src/ under every model that runs; the run goes red if \
a model catches it.";

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Explores every model of the crate and reports guarantee by guarantee.
#[derive(Debug, Parser)]
#[command(name = "cargo verify", bin_name = "cargo verify", version, after_help = CODES)]
struct Arguments {
    /// Only these models: a part of a name, an ID (HB-CH-1), or the family of an ID (HB-CH)
    filter: Option<String>,
    /// Only the rows of this explorer
    #[arg(long, value_enum)]
    engine: Option<Explorer>,
    /// Only the models marked quick; leaves models out, never shrinks one
    #[arg(long)]
    quick: bool,
    /// Print the models and run nothing
    #[arg(long)]
    list: bool,
    /// Only part I of N of the models, for running the parts side by side
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Write the report as JSON too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Mutate every operation in src/ that the models execute, in turn: each mutant must be killed by one of them, or be
    /// argued in verification/equivalent_mutants.toml
    #[arg(long, conflicts_with_all = ["list", "replay"])]
    weaken: bool,
    /// Models explored at once [default: one per core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Seconds for each row
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    timeout: u64,
    /// Seed of the samplers [default: a new one each time; the report tells it]
    #[arg(long, value_name = "U64")]
    seed: Option<u64>,
    /// Run one model under one engine along one schedule, as a failure's report gives it
    #[arg(long, value_name = "SCHEDULE", requires = "filter", conflicts_with = "pin")]
    replay: Option<String>,
    /// Write the executions of the rows that ran to verification/pins.md; with --weaken, who killed which mutant, to
    /// verification/weakenings.md
    #[arg(long)]
    pin: bool,
    /// Stands in for verification/, where these tables are, in the runner's own tests
    #[arg(long, value_name = "FOLDER", hide = true)]
    tables: Option<PathBuf>,
    /// What a child of the runner is to explore
    #[arg(long, value_name = "JSON", hide = true)]
    child: Option<String>,
}

/// What was wrong with what was asked.
struct Usage(String);

impl From<String> for Usage {
    fn from(message: String) -> Usage {
        Usage(message)
    }
}

/// The whole runner.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(job) = &arguments.child {
        return child::main(job);
    }
    arguments.run().unwrap_or_else(|Usage(message)| {
        eprintln!("error: {message}");
        ExitCode::from(2)
    })
}

impl Arguments {
    fn run(self) -> Result<ExitCode, Usage> {
        let models = engines::models();
        let selection = self.selection()?;
        let rows = self.rows(&selection, &models)?;
        if self.list {
            println!("{}", tables::list(&rows));
            return Ok(ExitCode::SUCCESS);
        }
        let folder = self.tables.clone().unwrap_or_else(crate::here);
        let of_tables = |fault| format!("the tables in {}: {fault}", folder.display());
        let pins = Pins::read(&folder).map_err(of_tables)?;
        let proofs = Proofs::read(&crate::proofs_md()).map_err(|fault| format!("proofs.md: {fault}"))?;
        let json = self.json.as_deref().map(create).transpose()?;
        let settings = self.settings()?;
        ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))
            .map_err(|fault| format!("no handler for Ctrl-C: {fault}"))?;

        let whole = self.filter.is_none() && self.engine.is_none() && !self.quick;
        let sources = self.weaken.then(|| Sources::read(&crate::root(), whole)).transpose()?;

        let terms = self.terms(&selection, &pins);
        let start = Instant::now();
        eprintln!("exploring {} rows, {} at a time, seed {}", rows.len(), settings.jobs, settings.seed);
        let finished = pool::run(&rows, &settings, terms, &pins, &INTERRUPTED);

        let is_sound = finished.iter().all(|row| !row.verdict.is_red());
        let sweep = sources.filter(|_| is_sound && !INTERRUPTED.load(Ordering::Relaxed)).map(|sources| {
            let chosen = |at| self.shard.is_none_or(|shard| shard.has(at));
            sweep::run(&finished, &sources, chosen, &settings, &crate::root(), &INTERRUPTED)
        });
        let guarantees = guarantees::scan(&crate::root());
        let faults = match terms {
            // A sweep leaves the mutants out.
            Terms::Pinned(_) | Terms::Pinning if !self.weaken => {
                let exceptions = proofs.exceptions();
                // A run over some models answers for their guarantees only.
                let judged = |id: &str| self.filter.is_none() || rows.iter().any(|row| row.has(id));
                evidence::faults(&guarantees, &models, &exceptions, judged)
            }
            _ => Faults::new(),
        };
        let report = Report {
            guarantees: &guarantees,
            models: &models,
            rows: &rows,
            finished: &finished,
            sweep: sweep.as_ref(),
            faults,
            all: self.filter.is_none(),
            interrupted: INTERRUPTED.load(Ordering::Relaxed),
            seed: settings.seed,
            seconds: start.elapsed().as_secs_f64(),
        };
        let _ = writeln!(io::stdout(), "{report}"); // nobody may be reading, and the rest matters all the same
        if let Some(file) = json {
            serde_json::to_writer_pretty(file, &Document::new(&report)).map_err(|fault| format!("--json: {fault}"))?;
        }
        if self.pin && self.weaken {
            // Half a table would look like a whole one; what was swept is in the report.
            if let Some(sweep) = sweep.as_ref().filter(|_| !report.interrupted) {
                weakenings::write(&folder, &sweep.mutations).map_err(of_tables)?;
            }
        } else if self.pin {
            pinned(&finished, pins.clone()).write(&folder, &models).map_err(of_tables)?;
        }
        Ok(ExitCode::from(if report.interrupted { 130 } else { u8::from(report.is_red()) }))
    }

    fn selection(&self) -> Result<Selection, Usage> {
        let weaken = weaken::from_environment()?;
        if weaken.is_some() && self.weaken {
            return Err(Usage("--weaken mutates each operation in turn, HENCE_WEAKEN one: not both".into()));
        }
        let is_part = self.filter.is_some() || self.engine.is_some() || self.quick || self.shard.is_some();
        if self.weaken && self.pin && is_part {
            return Err(Usage("--weaken --pin writes the whole table: not with a part of the models".into()));
        }
        if weaken.is_some() && self.pin {
            return Err(Usage("--pin with HENCE_WEAKEN would pin the executions of a mutant".into()));
        }
        Ok(Selection {
            filter: self.filter.clone(),
            explorer: self.engine,
            quick: self.quick,
            // Each part of a sweep needs to know what all models execute.
            shard: self.shard.filter(|_| !self.weaken),
            weaken,
        })
    }

    fn rows(&self, selection: &Selection, models: &[Model]) -> Result<Vec<Row>, Usage> {
        let mut rows =
            selection.choose(models).map_err(|_| "no model matches; `cargo verify --list` shows them".to_string())?;
        if self.weaken {
            // A model that is to fail mutates something itself.
            rows.retain(|row| row.passes() && row.engine.enumerates());
        }
        if self.replay.is_some() {
            rows.retain(|row| Some(row.model.name) == self.filter.as_deref());
            let engines: BTreeSet<&str> = rows.iter().map(|row| row.engine.name()).collect();
            if engines.len() != 1 {
                return Err(Usage("--replay wants a model's full name and --engine loom|bounded|pct|random".into()));
            }
            rows.truncate(1);
        }
        Ok(rows)
    }

    fn settings(&self) -> Result<Settings, Usage> {
        let drawn = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| u64::from(now.subsec_nanos()));
        let jobs = self.jobs.map_or_else(thread::available_parallelism, Ok).map_or(1, NonZeroUsize::get);
        Ok(Settings {
            executable: std::env::current_exe().map_err(|fault| format!("cannot find myself: {fault}"))?,
            jobs,
            timeout: Duration::from_secs(self.timeout),
            seed: self.seed.unwrap_or_else(drawn),
            replay: self.replay.clone(),
            record: self.weaken,
        })
    }

    fn terms<'a>(&self, selection: &Selection, pins: &'a Pins) -> Terms<'a> {
        if self.replay.is_some() {
            Terms::Replay
        } else if selection.weaken.is_some() {
            Terms::Weakened
        } else if self.pin && !self.weaken {
            Terms::Pinning
        } else {
            Terms::Pinned(pins)
        }
    }
}

/// Before the run, so that a path that cannot be written costs nobody an exploration.
fn create(path: &Path) -> Result<File, String> {
    File::create(path).map_err(|fault| format!("{}: {fault}", path.display()))
}

/// `pins` with the counts of the rows that ran and are as claimed.
fn pinned(finished: &[Finished], mut pins: Pins) -> Pins {
    for Finished { row, run, verdict, .. } in finished {
        if row.is_pinned() && !verdict.is_red() {
            pins.set(row, run.executions);
        }
    }
    pins
}
