//! What waiting costs: the CPU time of this process while receivers are blocked. hence only.

use cpu_time::ProcessTime;
use hence::channel::{self, Receiver};
use std::{thread, time::Duration};

type Wait = fn(&Receiver<usize>, &Receiver<usize>);

const WAITS: &[(&str, Wait)] = &[
    ("idle, recv", |rx, _| _ = rx.recv()),
    ("idle, recv_timeout(10 s)", |rx, _| _ = rx.recv_timeout(Duration::from_secs(10))),
    ("idle, select! of 2", |rx, other| channel::select! { recv(rx) -> _ => {}, recv(other) -> _ => {} }),
];

/// A line for each way to wait whose name contains `filter`.
pub fn lines(filter: &str) -> impl Iterator<Item = String> {
    let chosen = WAITS.iter().filter(move |(name, _)| name.contains(filter));
    chosen.map(|&(name, wait)| {
        format!("{name}: {:.2} ms of CPU time in a second, 4 receivers", cpu_time(4, wait).as_secs_f64() * 1e3)
    })
}

/// The CPU time that this process uses in a second in which that many threads wait.
fn cpu_time(threads: usize, wait: Wait) -> Duration {
    let ((tx, rx), (other_tx, other)) = (channel::unbounded(), channel::unbounded());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| wait(&rx, &other));
        }
        thread::sleep(Duration::from_millis(100)); // all have parked by then
        let start = ProcessTime::now();
        thread::sleep(Duration::from_secs(1));
        let used = start.elapsed();
        drop((tx, other_tx)); // ends the waits
        used
    })
}
