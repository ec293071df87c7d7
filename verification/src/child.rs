//! Our own executable, started again to explore one row: the child's end of the pipe.
//!
//! A failing explorer can poison what follows it, and a double panic aborts; so every row has a process to itself. The
//! child writes messages to its standard output, one marked line of JSON each; a model may print between them.

use std::io::{self, Write};
use std::panic;
use std::process::{self, ExitCode};
use std::sync::Once;
use std::thread;
use std::time::Duration;

use hence_registry::{Engine, Options, Run, Weaken};
use serde::{Deserialize, Serialize};

use crate::engines::{self, World};
use crate::rows::Row;

/// Precedes a message on its line.
const MARKER: &str = "@hence ";

/// How often the child tells how far it is.
const PROGRESS: Duration = Duration::from_millis(200);

/// What a child is to explore: the argument of the hidden `--child`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    model: String,
    engine: Engine,
    weaken: Option<Weaken>,
    seed: u64,
    pub(crate) replay: Option<String>,
    #[serde(default)]
    record: bool,
}

impl Job {
    /// The job that explores `row`.
    pub fn new(row: &Row, seed: u64, replay: Option<String>) -> Job {
        Job {
            model: row.model.name.into(),
            engine: row.engine,
            weaken: row.model.weaken.clone(),
            seed,
            replay,
            record: false,
        }
    }

    /// The same, which tells the operations that it executes, too.
    pub fn recording(self) -> Job {
        Job { record: true, ..self }
    }

    fn explore(self, world: &World) -> Run {
        let Some(mut model) = (world.models)().into_iter().find(|model| model.name == self.model) else {
            return Run { failure: Some("this world has no such model".into()), ..Run::default() };
        };
        model.weaken = self.weaken;
        (world.explore)(&model, self.engine, &Options { seed: self.seed, replay: self.replay, record: self.record })
    }
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// Executions begun so far.
    Progress(u64),
    /// The first panic: sent at once, since what follows may be an abort.
    Panic {
        /// Its message.
        text: String,
        /// Executions begun by then.
        executions: u64,
    },
    /// The end.
    Done(Run),
}

impl Message {
    /// The message in a line of the child's output, if there is one. What a model printed before it is dropped.
    pub(crate) fn parse(line: &str) -> Option<Message> {
        let (_, message) = line.split_once(MARKER)?;
        serde_json::from_str(message).ok()
    }

    /// Says it; ends the process if nobody listens any more.
    fn send(&self) {
        let message = serde_json::to_string(self).expect("a message is plain data");
        let mut stdout = io::stdout().lock();
        if writeln!(stdout, "{MARKER}{message}").and_then(|()| stdout.flush()).is_err() {
            process::exit(1);
        }
    }
}

/// Explores the job written in `json`.
pub(crate) fn main(json: &str) -> ExitCode {
    let job = serde_json::from_str::<Job>(json).ok();
    let Some((job, world)) = job.and_then(|job| engines::world(job.engine).map(|world| (job, world))) else {
        eprintln!("error: --child is for the runner's own use");
        return ExitCode::from(2);
    };
    let executions = world.executions;
    report_first_panic(executions);
    thread::spawn(move || {
        loop {
            thread::sleep(PROGRESS);
            Message::Progress(executions()).send();
        }
    });
    Message::Done(job.explore(&world)).send();
    ExitCode::SUCCESS
}

/// Tells of the first panic; the others are noise that it caused, or that the model catches millions of times.
fn report_first_panic(executions: fn() -> u64) {
    static FIRST: Once = Once::new();
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        FIRST.call_once(|| {
            Message::Panic { text: hence_registry::message(panic.payload()), executions: executions() }.send();
            default(panic);
        });
    }));
}
