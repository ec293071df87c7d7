//! How long a planted fault lives: fuzzed, and under random programs with PCT and with random schedules.
//!
//! `cargo run --release --manifest-path fuzz/Cargo.toml --example faults` prints the table. Some faults are edits: they
//! go, all together, into a scratch copy of the repository, each behind a switch, so that one build has them all and
//! `HENCE_FAULT` says which is on. The others weaken one operation by `HENCE_WEAKEN`.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};
use std::{env, fs, iter};

use clap::{Parser, Subcommand, ValueEnum};
use comfy_table::{Table, presets::ASCII_MARKDOWN};
use hence_fuzz::schedules::{Input, explore, story};
use hence_registry::Kind;
use hence_under_shuttle::{Choices, executions};
use shuttle::scheduler::{PctScheduler, RandomScheduler};

/// Schedules of each random program: PCT measures a program by its first, and the others change it where it may matter.
const SCHEDULES: usize = 16;
/// Bytes of a random program at most.
const BYTES: usize = 48;

#[derive(Parser)]
struct Arguments {
    /// Seconds for each fault and method
    #[arg(long, default_value_t = 60)]
    budget: u64,
    /// Only faults whose name contains this
    #[arg(default_value = "")]
    filter: String,
    #[command(subcommand)]
    command: Option<Sample>,
}

#[derive(Subcommand)]
enum Sample {
    /// Runs random programs in this process, and fails at the first finding: what the table starts
    Sample { method: Method },
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Method {
    Fuzz,
    Pct,
    Random,
}

/// How a fault is switched on.
enum Plant {
    /// The one line of this file that contains this.
    Weaken(Kind, &'static str, &'static str),
    /// This file, with each of these pieces, which stands there once, replaced; `FAULT` is whether it is on.
    Edit(&'static str, &'static [(&'static str, &'static str)]),
}

struct Fault {
    name: &'static str,
    plant: Plant,
}

const CORE: &str = "src/channel/core.rs";
const ARMS: &str = "src/channel/core/arms.rs";
const POOL: &str = "src/pool/core.rs";

/// The faults, in the order of the files they are in.
fn faults() -> Vec<Fault> {
    use Kind::{NoLock, NoWake, Relaxed, Unchecked};
    let weaken = |name, kind, file, code| Fault { name, plant: Plant::Weaken(kind, file, code) };
    let edit = |name, file, pieces| Fault { name, plant: Plant::Edit(file, pieces) };
    vec![
        weaken("claim-unchecked", Unchecked, "src/wait.rs", "self.claim.compare_exchange(WAITING, cause"),
        weaken("claim-relaxed", Relaxed, "src/wait.rs", "self.claim.compare_exchange(WAITING, cause"),
        weaken("promise-unchecked", Unchecked, "src/wait.rs", "self.claim.compare_exchange(WAITING, PROMISED"),
        weaken("promise-kept-relaxed", Relaxed, "src/wait.rs", "self.claim.store(cause.to_word()"),
        weaken("receiver-not-woken", NoWake, CORE, "// site: send, a receiver"),
        weaken("sender-not-woken", NoWake, CORE, "// site: recv,"),
        weaken("close-wakes-nobody", NoWake, CORE, "// site: close"),
        weaken("recv-unlocked", NoLock, CORE, "let received = self.state.with(|state| {"),
        edit(
            "closed-before-empty",
            CORE,
            &[
                ("if self.receives {", "if !(self.closed && FAULT) && self.receives {"),
                (
                    "fn recv(&mut self, value: &mut Option<T>, whom: &mut ToNotify<T>) -> Found {",
                    "fn recv(&mut self, value: &mut Option<T>, whom: &mut ToNotify<T>) -> Found { if self.closed && FAULT { return Found::End; }",
                ),
            ],
        ),
        edit(
            "value-lost-to-a-time-out",
            CORE,
            &[(
                "state.receivers.remove(waiting.ticket)).is_some()",
                "state.receivers.remove(waiting.ticket)).is_some() || FAULT",
            )],
        ),
        edit(
            "capacity-exceeded",
            CORE,
            &[(
                "self.buffer.len() + self.reserved < self.capacity",
                "self.buffer.len() + (if FAULT { 0 } else { self.reserved }) < self.capacity",
            )],
        ),
        weaken("undone-select-wakes-nobody", NoWake, ARMS, "// site: give_up"),
        weaken("promised-not-woken", NoWake, ARMS, "// site: complete_send"),
        edit(
            "undone-select-keeps-its-place",
            ARMS,
            &[(
                "self.reserved -= 1;\n                return self.admit(whom);",
                "self.reserved -= usize::from(!FAULT);\n                return self.admit(whom);",
            )],
        ),
        edit(
            "undone-select-loses-its-value",
            ARMS,
            &[(
                "self.with(|state| state.put_back(&mut value, &mut whom))",
                "if FAULT { return drop(value); }\n                self.with(|state| state.put_back(&mut value, &mut whom))",
            )],
        ),
        weaken("end-relaxed", Relaxed, "src/wait/latch.rs", "self.word.fetch_or(SET,"),
        weaken("look-relaxed", Relaxed, "src/wait/latch.rs", "self.word.load(Ordering::Acquire)"),
        weaken("job-claim-unchecked", Unchecked, "src/wait/latch.rs", "self.word.fetch_or(bit,"),
        // It looks before it locks.
        edit(
            "child-missed",
            "src/cancel/tree.rs",
            &[(
                "parent.state.with(|state| {\n        if state.over.is_some() {",
                "let looked = (FAULT).then(|| parent.ended().is_some());\n    parent.state.with(|state| {\n        if looked.unwrap_or(state.over.is_some()) {",
            )],
        ),
        edit(
            "wait-returns-early",
            "src/wait_group.rs",
            &[
                ("(word >= GUARD && ", "(word >= (if FAULT { 2 * GUARD } else { GUARD }) && "),
                ("Err(word) if word < GUARD =>", "Err(word) if word < (if FAULT { 2 * GUARD } else { GUARD }) =>"),
            ],
        ),
        weaken("wait-group-unlocked", NoLock, "src/wait_group.rs", "self.waits.with(|waits| self.set_awaited"),
        weaken("withdrawal-unlocked", NoLock, POOL, "state.withdraw_by(claim))"),
        weaken("inbox-unlocked", NoLock, "src/pool/inbox.rs", "self.0.with(|content| content.post(job))"),
        // What has been left in the inbox since the last look.
        edit(
            "job-lost-at-close",
            POOL,
            &[(
                "self.shut();\n        let refused = ",
                "if let Some(inbox) = self.inbox.as_ref().filter(|_| FAULT) {\n            inbox.empty_into(&mut VecDeque::new(), false);\n            self.open = false;\n        }\n        self.shut();\n        let refused = ",
            )],
        ),
        edit(
            "permit-lost-at-resize",
            POOL,
            &[
                (
                    "match from {\n            Arrival::Wake => {",
                    "let lowered = matches!(from, Arrival::Wake) && self.active > self.rules.limit;\n        match from {\n            Arrival::Wake => {",
                ),
                (
                    "self.active -= 1;\n        let resumed",
                    "self.active -= usize::from(!(lowered && FAULT));\n        let resumed",
                ),
            ],
        ),
        edit(
            "resize-forgets-the-queue",
            POOL,
            &[(
                "self.step(|state, effects| state.resize(limit, effects))",
                "if FAULT {\n            return self.state.with(|state| {\n                let mut effects = Effects::NONE;\n                (state.resize(limit, &mut effects), effects)\n            });\n        }\n        self.step(|state, effects| state.resize(limit, effects))",
            )],
        ),
    ]
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let budget = Duration::from_secs(arguments.budget);
    match arguments.command {
        Some(Sample::Sample { method }) => sample(method, budget),
        None => {
            let scratch = Scratch::build();
            let mut table = Table::new();
            table.load_style(ASCII_MARKDOWN).set_header(["fault", "by", "fuzzing", "PCT, depth 3", "random"]);
            for fault in faults().iter().filter(|fault| fault.name.contains(&arguments.filter)) {
                let times =
                    [Method::Fuzz, Method::Pct, Method::Random].map(|method| scratch.time(fault, method, budget));
                let by = match fault.plant {
                    Plant::Weaken(kind, ..) => format!("{}={}", kind.operand(), kind.name()),
                    Plant::Edit(..) => "edit".into(),
                };
                eprintln!("{}: {}", fault.name, times.join("; "));
                table.add_row([vec![fault.name.to_owned(), by], times.to_vec()].concat());
            }
            println!("{table}");
            ExitCode::SUCCESS
        }
    }
}

/// A copy of the repository with all edits in it, built.
struct Scratch {
    root: PathBuf,
    target: PathBuf,
    sampler: PathBuf,
}

impl Scratch {
    fn build() -> Self {
        let fuzz = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let repository = fuzz.parent().expect("the package lies inside the repository");
        let root = env::temp_dir().join("hence-faults");
        let _ = fs::remove_dir_all(&root);
        let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(repository).output().expect("git starts");
        for file in String::from_utf8(listed.stdout).expect("names are UTF-8").split_terminator('\0') {
            let (from, to) = (repository.join(file), root.join(file));
            fs::create_dir_all(to.parent().expect("inside the copy")).expect("the copy can be written");
            // What git lists may have been deleted since.
            if from.is_file() {
                fs::copy(from, to).expect("the copy can be written");
            }
        }
        for Fault { name, plant } in faults() {
            if let Plant::Edit(file, pieces) = plant {
                let path = root.join(file);
                let text = fs::read_to_string(&path).expect("a source file");
                fs::write(&path, edited(name, file, text, pieces)).expect("the copy can be written");
            }
        }
        let built = fuzz.join("target/faults");
        run(Command::new("cargo")
            .args(["fuzz", "build", "-s", "none", "schedules"])
            .current_dir(&root)
            .env("CARGO_TARGET_DIR", &built));
        run(Command::new("cargo")
            .args(["build", "--release", "--example", "faults", "--manifest-path", "fuzz/Cargo.toml"])
            .current_dir(&root)
            .env("CARGO_TARGET_DIR", &built));
        let host = Command::new("rustc").args(["--print", "host-tuple"]).output().expect("rustc starts");
        let host = String::from_utf8(host.stdout).expect("a name");
        let target = built.join(host.trim()).join("release/schedules");
        Self { root, target, sampler: built.join("release/examples/faults") }
    }

    /// How long it took one method to find one fault.
    fn time(&self, fault: &Fault, method: Method, budget: Duration) -> String {
        let place = env::temp_dir().join("hence-faults-corpus");
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).expect("a place for the corpus");
        let mut command = match method {
            Method::Fuzz => {
                let mut command = Command::new(&self.target);
                command.args(["-seed=1", "-print_final_stats=1", "-max_len=96", "-len_control=0"]);
                command.arg(format!("-max_total_time={}", budget.as_secs()));
                command.arg(format!("-artifact_prefix={}/", place.display()));
                command.args([place.clone(), self.root.join("fuzz/seeds/schedules")]);
                command
            }
            Method::Pct | Method::Random => {
                let mut command = Command::new(&self.sampler);
                let method = method.to_possible_value().expect("a method of the command line");
                command.args(["--budget", &budget.as_secs().to_string(), "", "sample", method.get_name()]);
                command
            }
        };
        match &fault.plant {
            Plant::Weaken(kind, file, code) => {
                let line = line(&self.root.join(file), code);
                command.env("HENCE_WEAKEN", format!("{file}:{line}#{}={}", kind.operand(), kind.name()))
            }
            Plant::Edit(..) => command.env("HENCE_FAULT", fault.name),
        };
        let begun = Instant::now();
        let output = command.stdin(Stdio::null()).output().expect("it starts");
        let seconds = begun.elapsed().as_secs_f64();
        let said = String::from_utf8_lossy(&output.stderr);
        let executions = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        // A data race that is found while another unwinds ends a sampler before it has said how many.
        let executions = executions.map_or("aborted", str::trim);
        if output.status.success() {
            return format!("not found ({executions})");
        }
        format!("{seconds:.1} s ({executions})")
    }
}

fn run(command: &mut Command) {
    assert!(command.status().expect("it starts").success(), "{command:?} failed");
}

/// A file's text with a fault in it, behind its switch.
fn edited(name: &str, file: &str, text: String, pieces: &[(&str, &str)]) -> String {
    let switch = format!(
        "{{ static ON: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| \
         std::env::var(\"HENCE_FAULT\").is_ok_and(|on| on == \"{name}\")); *ON }}"
    );
    pieces.iter().fold(text, |text, (piece, faulty)| {
        assert_eq!(text.matches(piece).count(), 1, "{name}: {file} has not once `{piece}`");
        text.replace(piece, &faulty.replace("FAULT", &switch))
    })
}

/// The number of the one line that contains this.
fn line(file: &Path, code: &str) -> usize {
    let text = fs::read_to_string(file).expect("a source file");
    let lines: Vec<usize> =
        (1..).zip(text.lines()).filter(|(_, line)| line.contains(code)).map(|(line, _)| line).collect();
    assert_eq!(lines.len(), 1, "{} has not one line with `{code}`", file.display());
    lines[0]
}

/// Random programs, each under so many schedules, until one fails or the time is up.
fn sample(method: Method, budget: Duration) -> ExitCode {
    let (begun, mut random) = (Instant::now(), fastrand::Rng::with_seed(1));
    let mut found = None;
    while found.is_none() && begun.elapsed() < budget {
        let length = random.usize(..BYTES);
        let bytes: Vec<u8> = iter::repeat_with(|| random.u8(..)).take(length).collect();
        let program = Input::decode(&bytes).program;
        if program.threads.len() < 2 {
            continue; // PCT wants something to schedule
        }
        let choices: Rc<RefCell<dyn Choices>> = Rc::new(RefCell::new(Luck(random.fork())));
        let ran = match method {
            Method::Pct => explore(&program, PctScheduler::new_from_seed(random.u64(..), 3, SCHEDULES), Some(choices)),
            _ => explore(&program, RandomScheduler::new_from_seed(random.u64(..), SCHEDULES), Some(choices)),
        };
        found = ran.err().map(|fault| format!("{}finding: {fault}", story(&program)));
    }
    eprintln!("stat::number_of_executed_units: {}", executions());
    let Some(fault) = found else { return ExitCode::SUCCESS };
    eprintln!("{fault}");
    ExitCode::FAILURE
}

/// What a program leaves to its explorer, by chance.
struct Luck(fastrand::Rng);

impl Choices for Luck {
    fn choose(&mut self, options: usize) -> usize {
        self.0.usize(..options)
    }

    fn spurious(&mut self) -> bool {
        self.0.u8(..) < 32
    }
}

/// What moves in the sources takes a fault's place along: this says so, and the table need not be run for it.
#[test]
fn each_fault_has_its_place() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies inside the repository");
    for Fault { name, plant } in faults() {
        match plant {
            Plant::Weaken(_, file, code) => _ = line(&repository.join(file), code),
            Plant::Edit(file, pieces) => {
                let text = fs::read_to_string(repository.join(file)).expect("a source file");
                edited(name, file, text, pieces);
            }
        }
    }
}
