//! How much memory hence's channels hold: each allocation of this process is counted.

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use hence::channel::{self, Receiver, Sender};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{alloc::System, thread, time::Duration};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MESSAGES: usize = 10_000_000;
const INSIDE: usize = 1000;

type Ends = (Sender<usize>, Receiver<usize>);
type Row = (&'static str, fn() -> Ends, fn(&Ends));

/// What is created, and what is done to it before the bytes are read.
const ROWS: &[Row] = &[
    ("bounded(0)", || channel::bounded(0), |_| ()),
    ("bounded(1)", || channel::bounded(1), |_| ()),
    ("bounded(64)", || channel::bounded(64), |_| ()),
    ("bounded(1000)", || channel::bounded(INSIDE), |_| ()),
    ("unbounded()", channel::unbounded, |_| ()),
    ("unbounded(), after 10 million in waves of 1000", channel::unbounded, |ends| carry(ends, INSIDE)),
    ("unbounded(), after 10 million with 999 always inside", channel::unbounded, |ends| {
        (1..INSIDE).for_each(|message| ends.0.send(message).unwrap());
        carry(ends, 1);
        assert_eq!(ends.1.try_iter().count(), INSIDE - 1);
    }),
    (
        "bounded(1000), after 10 million across threads",
        || channel::bounded(INSIDE),
        |(tx, rx)| {
            thread::scope(|scope| {
                scope.spawn(|| (0..MESSAGES).for_each(|message| tx.send(message).unwrap()));
                (0..MESSAGES).for_each(|message| assert_eq!(rx.recv(), Ok(message)));
            });
        },
    ),
];

/// Sends a wave and receives it, over and over.
fn carry((tx, rx): &Ends, wave: usize) {
    for _ in 0..MESSAGES / wave {
        (0..wave).for_each(|message| tx.send(message).unwrap());
        (0..wave).for_each(|_| _ = rx.recv().unwrap());
    }
}

/// Bytes held now, and allocations made so far.
fn held() -> (usize, usize) {
    let stats = ALLOCATOR.stats();
    (stats.bytes_allocated - stats.bytes_deallocated, stats.allocations + stats.reallocations)
}

/// Blocks once: what a thread allocates the first time, for good, is not the channel's.
fn warm_up() {
    let (_tx, rx) = channel::bounded::<usize>(1);
    rx.recv_timeout(Duration::from_millis(1)).unwrap_err();
}

fn main() {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["channel of usize", "bytes held", "allocations", "bytes held\nonce dropped"]);
    warm_up();
    for (name, create, act) in ROWS {
        let (before, allocations_before) = held();
        let ends = create();
        act(&ends);
        let (during, allocations) = held();
        drop(ends);
        let (after, _) = held();
        let counts = [during - before, allocations - allocations_before, after - before];
        table.add_row([name.to_string()].into_iter().chain(counts.map(|count| count.to_string())));
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    println!("{table}\n1000 slots of a usize are {} bytes", INSIDE * size_of::<usize>());
}
