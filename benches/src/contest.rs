//! The method: every peer meets every other in the same minutes, and no peer always goes first.

use crate::{
    cells::Cell,
    peers::{PEERS, Peer},
};
use std::time::Duration;

/// One cell and the peers that have such a channel.
pub struct Contest {
    pub cell: &'static Cell,
    pub entrants: Vec<Entrant>,
}

/// One peer in one cell: the nanoseconds per message of each round.
pub struct Entrant {
    pub peer: &'static Peer,
    messages: usize,
    pub ns: Vec<f64>,
}

/// For each round, for each cell, for each peer in an order that rotates: one sample of about the time given.
pub fn run(cells: impl Iterator<Item = &'static Cell>, rounds: u32, sample: Duration) -> Vec<Contest> {
    let enter =
        |cell| Contest { cell, entrants: PEERS.iter().filter_map(|p| Entrant::calibrate(cell, p, sample)).collect() };
    let mut contests: Vec<_> = cells.map(enter).collect();
    for round in 0..rounds as usize {
        for Contest { cell, entrants } in &mut contests {
            let first = round % entrants.len();
            let (later, sooner) = entrants.split_at_mut(first);
            sooner.iter_mut().chain(later).for_each(|entrant| entrant.sample(cell));
        }
    }
    contests
}

impl Entrant {
    /// Finds how many messages fill a sample; the bounds keep a misjudged peer from taking minutes or the memory.
    fn calibrate(cell: &Cell, peer: &'static Peer, sample: Duration) -> Option<Self> {
        const BOUNDS: (usize, usize) = (256, 1 << 22);
        let (mut messages, mut time) = (BOUNDS.0, Duration::ZERO);
        while time < sample / 4 && messages < BOUNDS.1 {
            messages *= 4;
            time = (peer.sample)(cell, messages)?;
        }
        let messages = (messages as f64 * sample.as_secs_f64() / time.as_secs_f64()) as usize;
        Some(Self { peer, messages: messages.clamp(BOUNDS.0, BOUNDS.1), ns: Vec::new() })
    }

    fn sample(&mut self, cell: &Cell) {
        let time = (self.peer.sample)(cell, self.messages).expect("calibrated with this very channel");
        self.ns.push(time.as_secs_f64() * 1e9 / self.messages as f64);
    }
}
