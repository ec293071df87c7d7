//! The runner's end of the pipe: starts a child for one row, follows it, and ends it when its time is up.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hence_registry::Run;

use crate::child::{Job, Message};

/// How long an interruption may go unnoticed.
const NOTICE: Duration = Duration::from_millis(50);

/// How the failure of a run begins that was given up.
pub const TIMED_OUT: &str = "timed out after";

/// Lines of other output that are kept for the report of a failure.
const KEPT: usize = 12;

/// What a child left behind.
#[derive(Clone, Debug)]
pub struct Left {
    /// The run as the child reported it, or what is known of it if the child died.
    pub run: Run,
    /// The last lines that the child printed beside its messages.
    pub noise: Vec<String>,
}

/// Runs `job` in a process of its own; `None` if `interrupted` was set first. Hands each count of executions that
/// arrives to `progress`.
pub fn explore(
    executable: &Path,
    job: &Job,
    timeout: Duration,
    interrupted: &AtomicBool,
    progress: impl FnMut(u64),
) -> Option<Left> {
    let mut child = match start(executable, job) {
        Ok(child) => child,
        Err(fault) => {
            let failure = Some(format!("could not start {}: {fault}", executable.display()));
            return Some(Left { run: Run { failure, ..Run::default() }, noise: Vec::new() });
        }
    };
    let (stdout, stderr) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let noise = Noise { lines: Mutex::default(), loud: job.replay.is_some() };
    let (sender, messages) = mpsc::channel();
    let run = thread::scope(|scope| {
        let noise = &noise;
        scope.spawn(move || {
            for line in lines(stdout) {
                match Message::parse(&line) {
                    // Nobody receives once the child has been given up.
                    Some(message) => drop(sender.send(message)),
                    None => noise.add(line),
                }
            }
        });
        scope.spawn(move || lines(stderr).for_each(|line| noise.add(line)));
        follow(&mut child, &messages, timeout, interrupted, progress)
    })?;
    Some(Left { run, noise: noise.lines.into_inner().unwrap_or_else(PoisonError::into_inner).into() })
}

fn start(executable: &Path, job: &Job) -> io::Result<Child> {
    let mut command = Command::new(executable);
    command.arg("--child").arg(serde_json::to_string(job)?);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if job.replay.is_none() {
        command.env("RUST_BACKTRACE", "0"); // would fill the few lines that are kept
    }
    // Ctrl-C at a terminal reaches the whole group: the child is to be ended by us, not to look as if it had failed.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

/// The child's last word, or what took its place. The child has ended on return.
fn follow(
    child: &mut Child,
    messages: &mpsc::Receiver<Message>,
    timeout: Duration,
    interrupted: &AtomicBool,
    mut progress: impl FnMut(u64),
) -> Option<Run> {
    let start = Instant::now();
    let mut run = Run::default();
    let end = |child: &mut Child| {
        let _ = child.kill(); // fails only if it has ended already
        child.wait()
    };
    loop {
        if interrupted.load(Ordering::Relaxed) {
            let _ = end(child);
            return None;
        }
        if start.elapsed() >= timeout {
            let _ = end(child);
            let after = timeout.as_secs();
            run.failure = Some(format!("{TIMED_OUT} {after} s, exploration not complete"));
            break;
        }
        match messages.recv_timeout(NOTICE) {
            Ok(Message::Progress(executions)) => {
                run.executions = executions;
                progress(executions);
            }
            Ok(Message::Panic { text, executions }) => (run.failure, run.executions) = (Some(text), executions),
            Ok(Message::Done(run)) => {
                let _ = end(child); // it has nothing left to say
                return Some(run);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let status = end(child).map_or_else(|fault| fault.to_string(), |status| status.to_string());
                let cause = run.failure.take().unwrap_or_else(|| "no panic was seen".into());
                run.failure = Some(format!("{cause}\n(the explorer died: {status})"));
                // It cannot be asked any more; that it died, where the model does not otherwise, must do.
                run.weakened = true;
                break;
            }
        }
    }
    run.seconds = start.elapsed().as_secs_f64();
    Some(run)
}

/// What a child prints beside its messages.
struct Noise {
    lines: Mutex<VecDeque<String>>,
    /// Somebody is watching a replay: pass it on at once instead.
    loud: bool,
}

impl Noise {
    fn add(&self, line: String) {
        if self.loud {
            return eprintln!("{line}");
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

fn lines(pipe: impl Read) -> impl Iterator<Item = String> {
    let lines = BufReader::new(pipe).split(b'\n').map_while(Result::ok);
    lines.map(|line| String::from_utf8_lossy(&line).trim_end().to_string())
}
