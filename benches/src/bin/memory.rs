//! How much memory hence's channels, tokens, wait groups and pools hold: each allocation of this process is counted.

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use hence::{
    CancellationToken, Pool, WaitGroup,
    channel::{self, Receiver, Sender},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{alloc::System, thread, time::Duration};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MESSAGES: usize = 10_000_000;
const INSIDE: usize = 1000;
const CHILDREN: usize = 1_000_000;
const JOBS: usize = 1_000_000;

type Ends = (Sender<usize>, Receiver<usize>);
type Go = (Sender<()>, Receiver<()>);

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

/// A row: what is created, and what is done to it before the bytes are read.
fn row<T>(table: &mut Table, name: &str, create: impl FnOnce() -> T, act: impl FnOnce(&T)) {
    let (before, allocations_before) = held();
    let created = create();
    act(&created);
    let (during, allocations) = held();
    drop(created);
    thread::sleep(Duration::from_millis(10)); // a thread that has ended lets go of its own a little later
    let (after, _) = held();
    let counts = [during - before, allocations - allocations_before, after - before];
    table.add_row([name.into()].into_iter().chain(counts.map(|count| count.to_string())));
}

fn channels(table: &mut Table) {
    let ends = [("bounded(0)", 0), ("bounded(1)", 1), ("bounded(64)", 64), ("bounded(1000)", INSIDE)];
    for (name, capacity) in ends {
        row(table, name, || channel::bounded::<usize>(capacity), |_| ());
    }
    row(table, "unbounded()", channel::unbounded::<usize>, |_| ());
    row(table, "unbounded(), after 10 million in waves of 1000", channel::unbounded, |ends| carry(ends, INSIDE));
    row(table, "unbounded(), after 10 million with 999 always inside", channel::unbounded, |ends| {
        (1..INSIDE).for_each(|message| ends.0.send(message).unwrap());
        carry(ends, 1);
        assert_eq!(ends.1.try_iter().count(), INSIDE - 1);
    });
    row(
        table,
        "bounded(1000), after 10 million across threads",
        || channel::bounded(INSIDE),
        |(tx, rx)| {
            thread::scope(|scope| {
                scope.spawn(|| (0..MESSAGES).for_each(|message| tx.send(message).unwrap()));
                (0..MESSAGES).for_each(|message| assert_eq!(rx.recv(), Ok(message)));
            });
        },
    );
}

fn tokens(table: &mut Table) {
    let parent = CancellationToken::new();
    let family = |token: &CancellationToken| (0..CHILDREN).map(|_| token.child_token()).collect::<Vec<_>>();
    row(table, "token", CancellationToken::new, |_| ());
    // Of the first, the places stay.
    row(table, "token's first child, with its parent's first places", || parent.child_token(), |_| ());
    let _first = parent.child_token();
    row(table, "token's second child", || parent.child_token(), |_| ());
    row(table, "token, after 1 million children at a time", CancellationToken::new, |token| drop(family(token)));
}

fn wait_groups(table: &mut Table) {
    let group = WaitGroup::new();
    row(table, "wait group", WaitGroup::new, |_| ());
    row(table, "wait group's guard", || group.guard(), |_| ());
}

fn pools(table: &mut Table) {
    // The one worker is busy until a message comes, or there is nobody any more to send it.
    let create = || (channel::bounded::<()>(0), Pool::new(1));
    let queue_up = |((_, rx), pool): &(Go, Pool)| {
        let rx = rx.clone();
        pool.spawn(move || _ = rx.recv()).unwrap().detach();
        (0..JOBS).for_each(|_| pool.spawn(|| ()).unwrap().detach());
    };
    row(table, "pool", || Pool::new(1), |_| ());
    row(table, "pool, with an idle worker", || Pool::new(1), |pool| pool.spawn(|| ()).unwrap().join().unwrap());
    row(table, "pool, with 1 million empty jobs queued", create, queue_up);
    row(table, "pool, after 1 million empty jobs were queued", create, |created| {
        queue_up(created);
        created.0.0.send(()).unwrap();
        created.1.wait_idle().unwrap();
    });
}

/// Blocks once: what a thread allocates the first time, for good, is not ours.
fn warm_up() {
    let (_tx, rx) = channel::bounded::<usize>(1);
    rx.recv_timeout(Duration::from_millis(1)).unwrap_err();
}

fn main() {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["channels are of usize", "bytes held", "allocations", "bytes held\nonce dropped"]);
    warm_up();
    channels(&mut table);
    tokens(&mut table);
    wait_groups(&mut table);
    pools(&mut table);
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    println!("{table}\n1000 slots of a usize are {} bytes", INSIDE * size_of::<usize>());
}
