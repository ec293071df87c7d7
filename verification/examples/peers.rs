//! How many weakenings of its memory orderings a peer's own loom suite notices.
//!
//! `cargo run -p hence-verification --example peers` prints the table of `verification/peers.md`. A peer's
//! source comes from the registry into a scratch directory, its suite must pass there as published, and then one operand
//! at a time is weakened in the text and the suite run again. The operators are those that a text shows in the same way
//! for everybody: an ordering one step weaker, a fence dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use clap::Parser;
use comfy_table::{Table, presets::ASCII_MARKDOWN};
use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;

#[derive(Parser)]
struct Arguments {
    /// Seconds for each run of a suite
    #[arg(long, default_value_t = 120)]
    limit: u64,
    /// Only peers whose name contains this
    #[arg(default_value = "")]
    filter: String,
}

/// An entry of `verification/peers.toml`.
#[derive(Deserialize)]
struct Peer {
    name: String,
    version: String,
    files: Vec<String>,
    command: String,
    bound: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Killed,
    Survived,
    TimedOut,
    NotCompiled,
}

fn main() {
    let arguments = Arguments::parse();
    let mut table = Table::new();
    let verdicts = ["killed", "survived", "timed out", "not compiled", "SeqCst accesses killed"];
    let header = ["crate", "files", "loom", "preemptions", "suite", "operands", "weakenings"];
    table.load_style(ASCII_MARKDOWN).set_header([&header[..], &verdicts].concat());
    let peers: BTreeMap<String, Vec<Peer>> = toml::from_str(include_str!("../peers.toml")).expect("peers.toml");
    for peer in peers["peer"].iter().filter(|peer| peer.name.contains(&arguments.filter)) {
        match Scratch::fetch(peer, Duration::from_secs(arguments.limit)).measure() {
            Ok(row) => _ = table.add_row(row),
            Err(reason) => eprintln!("{}: {reason}", peer.name),
        }
    }
    table.add_row(ours());
    println!("{table}");
}

/// Our own row: the same operators, as noticed by the models in the table that `cargo verify --weaken --pin` writes.
fn ours() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies inside the repository");
    let table = fs::read_to_string(root.join("verification/weakenings.md")).expect("the table");
    let row = r"(?m)^\| (src/\S+) \| `.*` \| (?:relaxed|acquire|release|failure-relaxed) \| (.*) \| .*\|$";
    let rows: Vec<[&str; 2]> =
        Regex::new(row).expect("a pattern").captures_iter(&table).map(|row| row.extract().1).collect();
    let files: BTreeSet<&str> = rows.iter().map(|[file, _]| *file).collect();
    let read = |file: &&str| fs::read_to_string(root.join(file)).expect("a file of ours");
    let operands: Vec<Operand> = files.iter().flat_map(|file| operands(&read(file))).collect();
    let weakenings: usize = operands.iter().map(|operand| operand.weaker.len()).sum();
    assert_eq!(rows.len(), weakenings, "the table has other weakenings than the text");
    let survived = rows.iter().filter(|[_, by]| by.starts_with("argued")).count();
    let counts = [weakenings, weakenings - survived, survived, 0, 0].map(|count| count.to_string());
    let all = format!("{0} of {0}", operands.len());
    let start = ["hence".into(), short(files), loom(root), "any".into(), String::new(), all];
    [&start[..], &counts, &["0 of 0".into()]].concat()
}

/// The files, for the table.
fn short(files: impl IntoIterator<Item: AsRef<str>>) -> String {
    let files: Vec<_> = files.into_iter().map(|file| file.as_ref().trim_start_matches("src/").to_owned()).collect();
    files.join(", ")
}

/// The version of loom that a package is built with.
fn loom(root: &Path) -> String {
    let lock = fs::read_to_string(root.join("Cargo.lock")).expect("what cargo wrote");
    let loom = Regex::new(r#"name = "loom"\nversion = "([^"]+)""#).expect("a pattern");
    loom.captures(&lock).expect("a loom suite")[1].to_owned()
}

/// A memory ordering passed to a call.
struct Operand {
    line: usize,
    range: Range<usize>,
    /// The call and its ordering.
    what: String,
    /// Whether it is a SeqCst one, and no fence's.
    access: bool,
    weaker: &'static [&'static str],
}

/// The orderings one step weaker; nothing at all, for a fence.
fn weaker(call: &str, failure: bool, ordering: &str) -> &'static [&'static str] {
    match ordering {
        "Relaxed" => &[],
        _ if call == "fence" => &[""],
        "SeqCst" if failure || call.contains("load") => &["Acquire"],
        "SeqCst" if call.contains("store") => &["Release"],
        "SeqCst" => &["AcqRel"],
        "AcqRel" => &["Acquire", "Release"],
        _ => &["Relaxed"],
    }
}

/// The operands in this text that can be weakened.
fn operands(text: &str) -> Vec<Operand> {
    let code = code(text);
    let pattern = Regex::new(r"(?:\w+::)*\b(Relaxed|Acquire|Release|AcqRel|SeqCst)\b").expect("a pattern");
    let mut calls = BTreeSet::new();
    let mut operands = Vec::new();
    for found in pattern.captures_iter(&code) {
        let (mut range, ordering) = (found.get(0).expect("a match").range(), &found[1]);
        let (before, after) = (&code[..range.start], &code[range.end..]);
        if !before.trim_end().ends_with(['(', ',']) || !after.trim_start().starts_with([')', ',']) {
            continue;
        }
        let open = range.start - 1 - unpaired(before.bytes().rev(), b")}]", b"({[");
        let path = code[..open].rsplit(|char: char| !char.is_alphanumeric() && !"_:".contains(char)).next();
        let path = path.expect("one part at least");
        let call = path.rsplit(':').next().expect("one part at least");
        // The second ordering of a call is for its failure.
        let weaker = weaker(call, !calls.insert(open), ordering);
        if call == "fence" {
            range = open - path.len()..range.end + 1 + unpaired(after.bytes(), b"({[", b")}]");
        }
        if !weaker.is_empty() {
            let line = 1 + before.matches('\n').count();
            let (what, access) = (format!("{call}, {ordering}"), ordering == "SeqCst" && call != "fence");
            operands.push(Operand { line, range, what, access, weaker });
        }
    }
    operands
}

/// The text with all that is no code of the product made blank: comments, literals, imports, test modules.
fn code(text: &str) -> String {
    let comment = r#"//[^\n]*|(?s:/\*.*?\*/)|"(?:\\(?s:.)|[^"\\])*"|'(?:\\[^\n]+?|[^'\\\n])'"#;
    let import = r"\buse\s[^;{]*(?:\{[^;]*\})?;";
    let tests = r"#\[cfg\((?:all\()?test\b[^\]]*\]\s*(?:pub\S*\s+)?mod\s+\w+\s*\{";
    [comment, import, tests].iter().fold(text.to_owned(), |text, pattern| {
        let mut code = text.clone().into_bytes();
        for found in Regex::new(pattern).expect("a pattern").find_iter(&text) {
            let rest = &text[found.end()..];
            let body = if *pattern == tests { unpaired(rest.bytes(), b"({[", b")}]") } else { 0 };
            let no_code = &mut code[found.start()..found.end() + body];
            no_code.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        String::from_utf8(code).expect("whole characters are gone")
    })
}

/// Where the first bracket stands whose partner is not among these bytes.
fn unpaired(mut bytes: impl Iterator<Item = u8>, open: &[u8], close: &[u8]) -> usize {
    let mut depth = 0;
    let found = bytes.position(|byte| {
        depth += i32::from(open.contains(&byte)) - i32::from(close.contains(&byte));
        depth < 0
    });
    found.expect("brackets are paired")
}

/// A peer's source, to be changed.
struct Scratch<'a> {
    peer: &'a Peer,
    root: PathBuf,
    limit: Duration,
}

impl<'a> Scratch<'a> {
    /// The source as published.
    fn fetch(peer: &'a Peer, limit: Duration) -> Self {
        let (place, Peer { name, version, .. }) = (env::temp_dir().join("hence-peers"), peer);
        let (fetch, root) = (place.join("fetch"), place.join(name));
        let _ = (fs::remove_dir_all(&fetch), fs::remove_dir_all(&root));
        fs::create_dir_all(fetch.join("src")).expect("a place for the source");
        let scratch = Self { peer, root, limit };
        let manifest =
            format!("package = {{ name = 'fetch' }}\nworkspace = {{}}\ndependencies = {{ {name} = '={version}' }}\n");
        fs::write(fetch.join("Cargo.toml"), manifest).expect("it can be written");
        fs::write(fetch.join("src/lib.rs"), "").expect("it can be written");
        let vendored = Command::new("cargo").args(["vendor", "--quiet"]).current_dir(&fetch).output();
        assert!(vendored.expect("cargo starts").status.success(), "{name} {version} cannot be fetched");
        fs::rename(fetch.join("vendor").join(name), &scratch.root).expect("they are on one disk");
        // Newer than what an earlier run built last, whatever date they were published with.
        for file in peer.files.iter().map(|file| scratch.root.join(file)) {
            fs::write(&file, fs::read(&file).expect("a file of the peer's")).expect("it can be written");
        }
        scratch
    }

    /// The peer's row of the table, or why it has none.
    fn measure(&self) -> Result<Vec<String>, String> {
        let Peer { name, version, files, bound, .. } = self.peer;
        let executables = self.build().map_err(|said| format!("the suite does not compile: {said}"))?;
        let begun = Instant::now();
        match self.run(&executables) {
            Verdict::Survived => {}
            verdict => return Err(format!("the suite as published: {verdict:?}")),
        }
        let suite = begun.elapsed().as_secs();
        let (mut written, mut compiled, mut verdicts) = (0, 0, Vec::new());
        for file in files {
            let (all, operands) = self.operands(file);
            (written, compiled) = (written + all, compiled + operands.len());
            for Operand { line, range, what, access, weaker } in &operands {
                for weaker in *weaker {
                    let built = self.build_with(file, |text| {
                        let ordering = format!("::core::sync::atomic::Ordering::{weaker}");
                        text.replace_range(range.clone(), if weaker.is_empty() { "()" } else { &ordering });
                    });
                    let verdict = built.map_or(Verdict::NotCompiled, |executables| match self.run(&executables) {
                        // Once more, lest a test that depends on luck counts.
                        Verdict::Killed => self.run(&executables),
                        verdict => verdict,
                    });
                    eprintln!("{name} {file}:{line}: {what} to {weaker:?}: {verdict:?}");
                    verdicts.push((*access, verdict));
                }
            }
        }
        let (accesses, others): (Vec<_>, Vec<_>) = verdicts.into_iter().partition(|(access, _)| *access);
        let count =
            |of: &[(bool, Verdict)], what| of.iter().filter(|(_, verdict)| *verdict == what).count().to_string();
        let mut row = vec![format!("{name} {version}"), short(files), loom(&self.root), bound.clone()];
        row.extend([format!("{suite} s"), format!("{compiled} of {written}"), others.len().to_string()]);
        let verdicts = [Verdict::Killed, Verdict::Survived, Verdict::TimedOut, Verdict::NotCompiled];
        row.extend(verdicts.map(|what| count(&others, what)));
        row.push(format!("{} of {}", count(&accesses, Verdict::Killed), accesses.len()));
        Ok(row)
    }

    /// How many operands a file has, and those of them that are in the suite's build: a name that nobody knows, put in
    /// their place, is complained of.
    fn operands(&self, file: &str) -> (usize, Vec<Operand>) {
        let operands = operands(&fs::read_to_string(self.root.join(file)).expect("a file of the peer's"));
        let built = self.build_with(file, |text| {
            for (number, operand) in operands.iter().enumerate().rev() {
                text.replace_range(operand.range.clone(), &format!("hence_operand_{number}"));
            }
        });
        let (said, all) = (built.err().unwrap_or_default(), operands.len());
        let compiled = operands.into_iter().enumerate();
        let compiled = compiled.filter(|(number, _)| said.contains(&format!("`hence_operand_{number}`")));
        (all, compiled.map(|(_, operand)| operand).collect())
    }

    /// Builds the suite over a file changed so.
    fn build_with(&self, file: &str, change: impl FnOnce(&mut String)) -> Result<Vec<PathBuf>, String> {
        let path = self.root.join(file);
        let original = fs::read_to_string(&path).expect("a file of the peer's");
        let mut text = original.clone();
        change(&mut text);
        fs::write(&path, text).expect("it can be written");
        let built = self.build();
        fs::write(&path, original).expect("it can be written");
        built
    }

    /// Builds the suite: its executables, or what was said against it.
    fn build(&self) -> Result<Vec<PathBuf>, String> {
        let mut build = self.command("cargo");
        let words = self.peer.command.split_whitespace().take_while(|word| *word != "--");
        let arguments = words.skip_while(|word| *word != "cargo").skip(1);
        let built = build.args(arguments).args(["--no-run", "--message-format=json"]).output().expect("cargo starts");
        let said = String::from_utf8_lossy(&built.stdout);
        let messages: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if built.status.success() {
            let tests = messages.iter().filter(|message| message["profile"]["test"] == true);
            return Ok(tests.filter_map(|message| message["executable"].as_str()).map(PathBuf::from).collect());
        }
        let errors = messages.iter().filter_map(|message| message["message"]["rendered"].as_str());
        Err(errors.chain([&*String::from_utf8_lossy(&built.stderr)]).collect())
    }

    /// Runs the suite until a test fails or the time is up.
    fn run(&self, executables: &[PathBuf]) -> Verdict {
        let arguments = self.peer.command.split_once(" -- ").map_or("", |(_, arguments)| arguments);
        let (begun, log) = (Instant::now(), self.root.join("suite.log"));
        let runs = executables.iter().map(|executable| {
            let output = fs::File::create(&log).expect("it can be written");
            let errors = output.try_clone().expect("a second handle");
            let mut suite = self.command(executable);
            suite.args(arguments.split_whitespace()).stdout(output).stderr(errors);
            let mut suite = suite.spawn().expect("the suite starts");
            let verdict = loop {
                if let Some(status) = suite.try_wait().expect("it was started") {
                    break if status.success() { Verdict::Survived } else { Verdict::Killed };
                }
                if fs::read(&log).is_ok_and(|log| String::from_utf8_lossy(&log).contains("... FAILED")) {
                    break Verdict::Killed;
                }
                if begun.elapsed() > self.limit {
                    break Verdict::TimedOut;
                }
                thread::sleep(Duration::from_millis(50));
            };
            let _ = (suite.kill(), suite.wait());
            verdict
        });
        { runs }.find(|verdict| *verdict != Verdict::Survived).unwrap_or(Verdict::Survived)
    }

    /// A program in the peer's directory, with the variables of its command.
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        command.env("CARGO_TARGET_DIR", self.root.with_file_name("target")).env("CARGO_INCREMENTAL", "1");
        command.envs(self.peer.command.split_whitespace().map_while(|word| word.split_once('=')));
        command
    }
}
