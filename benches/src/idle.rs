//! What waiting costs: the CPU time of this process while threads are blocked. hence only.

use cpu_time::ProcessTime;
use hence::{
    CancellationToken, Pool,
    channel::{self, Receiver},
    pool::Builder,
};
use std::{
    pin::pin,
    sync::{Arc, Barrier},
    task::{Context, Waker},
    thread,
    time::Duration,
};

type Wait = fn(&Receiver<usize>, &Receiver<usize>, &CancellationToken);

const WAITS: &[(&str, Wait)] = &[
    ("idle, recv", |rx, _, _| _ = rx.recv()),
    ("idle, recv_timeout(10 s)", |rx, _, _| _ = rx.recv_timeout(Duration::from_secs(10))),
    ("idle, select! of 2", |rx, other, _| channel::select! { recv(rx) -> _ => {}, recv(other) -> _ => {} }),
    ("idle, token wait", |_, _, token| token.wait()),
    ("idle, token wait, and a task each that waits for a deadline", |_, _, token| {
        let timed = token.with_timeout(Duration::from_secs(3600));
        let mut task = pin!(timed.cancelled());
        assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()); // starts the alarm's thread
        token.wait();
    }),
    ("idle, token wait, and a pool each whose 2 workers have no job", |_, _, token| idle_pool(Pool::builder(2), token)),
    ("idle, token wait, and such a pool each with an hour of keep_alive", |_, _, token| {
        idle_pool(Pool::builder(2).keep_alive(Duration::from_secs(3600)), token);
    }),
];

/// Its workers have had a job each.
fn idle_pool(builder: Builder, token: &CancellationToken) {
    let (pool, both_run) = (builder.build().unwrap(), Arc::new(Barrier::new(2)));
    for _ in 0..2 {
        let both_run = both_run.clone();
        pool.spawn(move || _ = both_run.wait()).unwrap().detach();
    }
    token.wait();
}

/// A line for each way to wait whose name is chosen.
pub fn lines(is_chosen: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
    let chosen = WAITS.iter().filter(move |(name, _)| is_chosen(name));
    chosen.map(|&(name, wait)| {
        format!("{name}: {:.2} ms of CPU time in a second, 4 threads", cpu_time(4, wait).as_secs_f64() * 1e3)
    })
}

/// The CPU time that this process uses in a second in which that many threads wait.
fn cpu_time(threads: usize, wait: Wait) -> Duration {
    let ((tx, rx), (other_tx, other)) = (channel::unbounded(), channel::unbounded());
    let token = CancellationToken::new();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| wait(&rx, &other, &token));
        }
        thread::sleep(Duration::from_millis(100)); // all have parked by then
        let start = ProcessTime::now();
        thread::sleep(Duration::from_secs(1));
        let used = start.elapsed();
        token.cancel(); // ends the waits, as does this
        drop((tx, other_tx));
        used
    })
}
