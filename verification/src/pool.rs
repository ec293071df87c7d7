//! Runs the rows, as many at once as there are jobs, and shows how far they are.
//!
//! At a terminal each running row has a line of its own; elsewhere each finished row prints one, so that a log can be
//! read.

use std::cmp::Reverse;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hence_registry::{Engine, Run};
use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressStyle};

use crate::child::Job;
use crate::parent;
use crate::pins::Pins;
use crate::rows::Row;
use crate::verdict::{Terms, Verdict, judge};

/// How the rows are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The runner, to be started again for each row.
    pub executable: PathBuf,
    /// Rows at once.
    pub jobs: usize,
    /// For each row.
    pub timeout: Duration,
    /// The seed of the samplers.
    pub seed: u64,
    /// The one schedule to run.
    pub replay: Option<String>,
    /// Whether runs tell which operations they execute.
    pub record: bool,
}

/// A row that was run to its end.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Which.
    pub row: Row,
    /// What its explorer saw.
    pub run: Run,
    /// The last lines that it printed.
    pub noise: Vec<String>,
    /// Whether it is as claimed.
    pub verdict: Verdict,
}

/// Runs `rows` and returns, in their order, those that finished before `interrupted` was set: all, if it never was.
/// The longest run first, going by `pins`, so that none of them is left over for the end.
pub fn run(
    rows: &[Row],
    settings: &Settings,
    terms: Terms<'_>,
    pins: &Pins,
    interrupted: &AtomicBool,
) -> Vec<Finished> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&index| Reverse(expected_executions(&rows[index], pins)));
    let display = Display::new(rows);
    let finished = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(row) = run_one(&rows[index], settings, terms, &display, interrupted) else { return };
            finished.lock().unwrap_or_else(PoisonError::into_inner).push((index, row));
        }
    };
    thread::scope(|scope| {
        for _ in 0..settings.jobs.min(rows.len()) {
            scope.spawn(work);
        }
    });
    display.all.finish_and_clear();
    let mut finished = finished.into_inner().unwrap_or_else(PoisonError::into_inner);
    finished.sort_by_key(|(index, _)| *index);
    finished.into_iter().map(|(_, row)| row).collect()
}

fn run_one(
    row: &Row,
    settings: &Settings,
    terms: Terms<'_>,
    display: &Display,
    interrupted: &AtomicBool,
) -> Option<Finished> {
    let line = display.start(row);
    let job = Job::new(row, settings.seed, settings.replay.clone());
    let job = if settings.record { job.recording() } else { job };
    let left = parent::explore(&settings.executable, &job, settings.timeout, interrupted, |n| line.progress(n));
    line.bar.finish_and_clear();
    let parent::Left { run, noise } = left?;
    let verdict = judge(row, &run, terms);
    display.finish(row, &run, &verdict);
    Some(Finished { row: row.clone(), run, noise, verdict })
}

fn expected_executions(row: &Row, pins: &Pins) -> u64 {
    match row.engine {
        Engine::Pct(schedules) | Engine::Random(schedules) => schedules,
        _ if row.passes() => pins.get(row).unwrap_or(u64::MAX),
        _ => 0, // stops at its first counterexample
    }
}

/// The rows as they run.
struct Display {
    lines: MultiProgress,
    all: ProgressBar,
    width: usize,
    terminal: bool,
}

/// A running row.
struct Line {
    bar: ProgressBar,
    start: Instant,
}

impl Display {
    fn new(rows: &[Row]) -> Display {
        let lines = MultiProgress::new(); // hidden unless standard error is a terminal
        let style = ProgressStyle::with_template("{pos} of {len} rows, {elapsed}").expect("a valid template");
        let all = lines.add(ProgressBar::new(rows.len() as u64).with_style(style));
        all.enable_steady_tick(Duration::from_millis(500));
        let width = rows.iter().map(|row| row.title().len()).max().unwrap_or(0);
        Display { lines, all, width, terminal: io::stderr().is_terminal() }
    }

    fn start(&self, row: &Row) -> Line {
        let style = ProgressStyle::with_template("  {prefix}  {msg}").expect("a valid template");
        let bar = self.lines.insert_before(&self.all, ProgressBar::new_spinner().with_style(style));
        bar.set_prefix(format!("{:width$}", row.title(), width = self.width));
        let line = Line { bar, start: Instant::now() };
        line.progress(0);
        line
    }

    fn finish(&self, row: &Row, run: &Run, verdict: &Verdict) {
        self.all.inc(1);
        let line = format!(
            "[{:>4}/{}] {:5}  {:width$}  {} executions, {:.1} s",
            self.all.position(),
            self.all.length().unwrap_or_default(),
            verdict.word(),
            row.title(),
            HumanCount(run.executions),
            run.seconds,
            width = self.width
        );
        if !self.terminal {
            eprintln!("{line}");
        } else if verdict.is_red() {
            let _ = self.lines.println(line); // lost with the terminal
        }
    }
}

impl Line {
    fn progress(&self, executions: u64) {
        let seconds = self.start.elapsed().as_secs_f64();
        let rate = (executions as f64 / seconds.max(0.001)) as u64;
        self.bar.set_message(format!(
            "{:>12} executions  {:>9}/s  {seconds:>5.0} s",
            HumanCount(executions).to_string(),
            HumanCount(rate).to_string()
        ));
    }
}
