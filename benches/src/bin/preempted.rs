//! How long one is kept waiting by a thread that the system has taken off its core in the middle of an operation: a thread
//! of the lowest priority (Linux's SCHED_IDLE) sends and receives in a loop, busy threads hold all cores, and every
//! millisecond this thread does the same once. Beside hence: a channel with a lock (kanal), one without
//! (crossbeam-channel), a std `Mutex` around a queue, and a queue that nobody shares, which shows what the cores alone do.

use clap::Parser;
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use std::{
    collections::VecDeque,
    hint::{black_box, spin_loop},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

const CAPACITY: usize = 64;
const PAUSE: Duration = Duration::from_millis(1);

#[derive(Parser)]
struct Args {
    /// Seconds for each
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Busy threads of usual priority
    #[arg(long, default_value_t = 4)]
    busy: usize,
}

fn main() {
    let args = Args::parse();
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header([format!("us, {} busy threads", args.busy).as_str(), "p50", "p99", "p99.9", "most", "operations"]);
    let ours = hence::channel::bounded(CAPACITY);
    row(&mut table, &args, "hence, send and receive", || _ = black_box((ours.0.try_send(1), ours.1.try_recv())));
    let ours = hence::channel::unbounded();
    row(&mut table, &args, "hence, unbounded", || _ = black_box((ours.0.try_send(1), ours.1.try_recv())));
    let pool = hence::Pool::new(1);
    row(&mut table, &args, "hence, a pool's stats", || _ = black_box(pool.stats()));
    let kanal = kanal::bounded(CAPACITY);
    row(&mut table, &args, "kanal", || _ = black_box((kanal.0.try_send(1), kanal.1.try_recv())));
    let crossbeam = crossbeam_channel::bounded(CAPACITY);
    row(&mut table, &args, "crossbeam-channel", || _ = black_box((crossbeam.0.try_send(1), crossbeam.1.try_recv())));
    let mutex = Mutex::new(VecDeque::with_capacity(CAPACITY));
    row(&mut table, &args, "std Mutex", || {
        mutex.lock().unwrap().push_back(1);
        _ = black_box(mutex.lock().unwrap().pop_front());
    });
    row(&mut table, &args, "nothing shared", || _ = black_box(VecDeque::from([1]).pop_front()));
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    println!("{table}");
}

fn row(table: &mut Table, args: &Args, name: &str, operation: impl Fn() + Sync) {
    let mut took = beside_a_preempted_thread(args, &operation);
    took.sort_unstable();
    let at = |q: f64| took[((took.len() - 1) as f64 * q) as usize].as_micros().to_string();
    table.add_row([name.into(), at(0.5), at(0.99), at(0.999), at(1.0), took.len().to_string()]);
}

/// How long each of this thread's operations took.
fn beside_a_preempted_thread(args: &Args, operation: &(impl Fn() + Sync)) -> Vec<Duration> {
    let enough = AtomicBool::new(false);
    let until_enough = |work: &dyn Fn()| {
        while !enough.load(Ordering::Relaxed) {
            work();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
            set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy).expect("Linux");
            until_enough(&operation);
        });
        for _ in 0..args.busy {
            scope.spawn(|| until_enough(&|| (0..1000).for_each(|_| spin_loop())));
        }
        let begun = Instant::now();
        let mut took = Vec::new();
        while begun.elapsed() < Duration::from_secs(args.seconds) {
            thread::sleep(PAUSE);
            let start = Instant::now();
            operation();
            took.push(start.elapsed());
        }
        enough.store(true, Ordering::Relaxed);
        took
    })
}
