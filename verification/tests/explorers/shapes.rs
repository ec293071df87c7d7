//! That the atomics of `src/` are out of the way of what loom is known to miss (`limits.rs`): an operation that has one of
//! these shapes, in some schedule of some model, is listed here, with the reason why nothing is lost. One that is not
//! listed is red, and so is an entry that no model has any more. The models' own atomics are none of `src/`.

use std::collections::BTreeSet;
use std::fs;

use hence_registry::Expect;
use hence_under_shuttle::Kind::{self, ClaimBesideWrite, LoadThenWrite, StoreBesideWrite, TwoWakes};
use hence_under_shuttle::{Place, Shape, shapes};
use hence_verification::{root, sites};

/// Random schedules of each model: a shape is a matter of who does what, and less of when.
const SCHEDULES: usize = 100;

const SECOND_EXPLORER: &str = "The models run under the bounded explorer, too, which hides no load, and end alike.";
const DOES_NOT_ASK: &str = "Fails on PROMISED or a cause, and does not ask which.";
const HOLDERS: &str = "By the holder of the lock: while the ring is shut no exchange writes.";
const ITS_TURN: &str = "By the one whose turn it is, who has read what the one before it wrote.";
const TRIES_AGAIN: &str = "A failure on an older value is one more turn of the loop.";

/// The shape, the file, a piece of the operation's one line, and the reason.
const HARMLESS: [(Kind, &str, &str, &str); 27] = [
    (LoadThenWrite, "src/channel/core/ring.rs", "let mut tail = self.tail.load(", SECOND_EXPLORER),
    (LoadThenWrite, "src/channel/core/ring.rs", "let now = self.tail.load(", SECOND_EXPLORER),
    (LoadThenWrite, "src/channel/core/ring.rs", "let mut head = self.head.load(", SECOND_EXPLORER),
    (LoadThenWrite, "src/channel/core/ring.rs", "let now = self.head.load(", SECOND_EXPLORER),
    (LoadThenWrite, "src/channel/core/ring.rs", "slot.stamp.load(Ordering::Acquire) == tail", SECOND_EXPLORER),
    (LoadThenWrite, "src/channel/core/ring.rs", "slot.stamp.load(Ordering::Acquire) == head | FULL", SECOND_EXPLORER),
    (
        LoadThenWrite,
        "src/channel/core/ring.rs",
        "let first = ring.head.load(",
        "By the one who makes it: nobody else has it yet.",
    ),
    (LoadThenWrite, "src/channel/core/ring.rs", "while self.stamp.load(", SECOND_EXPLORER),
    (StoreBesideWrite, "src/channel/core/ring.rs", "self.ring.head.store(head", HOLDERS),
    (StoreBesideWrite, "src/channel/core/ring.rs", "self.ring.tail.store(tail", HOLDERS),
    (StoreBesideWrite, "src/channel/core/ring.rs", "self.stamp.store(position | FULL", ITS_TURN),
    (StoreBesideWrite, "src/channel/core/ring.rs", "self.stamp.store(next", ITS_TURN),
    (ClaimBesideWrite, "src/channel/core/ring.rs", "match self.tail.compare_exchange(", TRIES_AGAIN),
    (ClaimBesideWrite, "src/channel/core/ring.rs", "match self.head.compare_exchange(", TRIES_AGAIN),
    (StoreBesideWrite, "src/sync/spin.rs", "self.contended.store(true", "A guess that is never taken back."),
    (LoadThenWrite, "src/wait/latch.rs", "self.word.load(Ordering::Acquire)", SECOND_EXPLORER),
    (
        StoreBesideWrite,
        "src/sync/spin.rs",
        "self.0.store(false",
        "The holder's: an exchange that writes comes before it as the holder's own, or reads it.",
    ),
    (
        StoreBesideWrite,
        "src/wait.rs",
        "self.claim.store(",
        "By the one whose exchange left PROMISED: after that no exchange writes.",
    ),
    (ClaimBesideWrite, "src/wait/latch.rs", "self.word.compare_exchange(", TRIES_AGAIN),
    (
        ClaimBesideWrite,
        "src/sync/parker.rs",
        "self.state.compare_exchange(EMPTY, PARKED",
        "Fails on NOTIFIED alone, which only this thread overwrites.",
    ),
    (ClaimBesideWrite, "src/sync/parker.rs", "self.state.compare_exchange(NOTIFIED, EMPTY", TRIES_AGAIN),
    (ClaimBesideWrite, "src/sync/spin.rs", "self.held.compare_exchange(", TRIES_AGAIN),
    (ClaimBesideWrite, "src/wait_group.rs", "let word = state.word.fetch_update(", TRIES_AGAIN),
    (
        ClaimBesideWrite,
        "src/wait_group.rs",
        "match self.word.fetch_update(",
        "A look at what is past finds who was there then: argued in proofs.md, SF-WG-1.",
    ),
    (ClaimBesideWrite, "src/wait.rs", "self.claim.compare_exchange(WAITING, cause", DOES_NOT_ASK),
    (ClaimBesideWrite, "src/wait.rs", "self.claim.compare_exchange(WAITING, PROMISED", DOES_NOT_ASK),
    (
        TwoWakes,
        "src/sync/parker.rs",
        "self.owner.unpark()",
        "No edge rests on it but those of `state`, and the model with two of them joins the first before the second.",
    ),
];

#[test]
fn what_src_does_with_its_atomics_is_out_of_the_limits_way() {
    let passing = hence_under_shuttle::models().into_iter().filter(|model| matches!(model.expect, Expect::Pass { .. }));
    let found: BTreeSet<Shape> = passing.flat_map(|model| shapes(&model, SCHEDULES)).collect();
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for Shape { kind, first, second } in found {
        let line = code(first);
        if !first.0.starts_with("src/") || kind == ClaimBesideWrite && !can_fail(&line) {
            continue;
        }
        let is_it = |entry: &(Kind, &str, &str, &str)| entry.0 == kind && entry.1 == first.0 && line.contains(entry.2);
        match HARMLESS.iter().position(is_it) {
            Some(entry) => _ = seen.insert(entry),
            None => {
                faults.push(format!("{kind:?}, not listed: {}: `{line}` | {}: `{}`", first.0, second.0, code(second)))
            }
        }
    }
    let stale = (0..HARMLESS.len()).filter(|entry| !seen.contains(entry));
    faults.extend(stale.map(|entry| format!("no model has it: {:?}", HARMLESS[entry])));
    assert!(faults.is_empty(), "shapes of src/:\n  {}\n", faults.join("\n  "));
}

/// Whether it can find something that it goes by without writing: not a `fetch_or`.
fn can_fail(line: &str) -> bool {
    ["compare_exchange", "fetch_update"].iter().any(|name| line.contains(name))
}

/// The code at a place.
fn code((file, line): Place) -> String {
    let folder = if file.starts_with("src/") { root() } else { root().join("verification") };
    let text = fs::read_to_string(folder.join(file)).expect("a source file");
    sites::code(text.lines().nth(line as usize - 1).expect("a line of it")).trim().to_owned()
}
