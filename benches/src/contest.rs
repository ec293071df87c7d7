//! The method: every peer meets every other in the same minutes, and no peer always goes first.

use crate::{
    cells::Cell,
    roster::{FLOOR, OURS, Peer},
    watchdog,
};
use std::{collections::BTreeSet, time::Duration};

/// One cell and the peers that can do its work.
pub struct Contest {
    pub cell: Cell,
    pub entrants: Vec<Entrant>,
    /// Who would be among them, but did not end.
    pub unended: BTreeSet<&'static str>,
}

/// One peer in one cell: the nanoseconds that the work took in each round.
pub struct Entrant {
    pub peer: &'static Peer,
    times: usize,
    pub ns: Vec<f64>,
}

/// For each round, for each cell, for each peer in an order that rotates: one sample of about the time given.
pub fn run(
    cells: impl Iterator<Item = Cell>,
    peers: &[&'static Peer],
    unended: &[String],
    rounds: u32,
    sample: Duration,
) -> Vec<Contest> {
    let enter = |cell: Cell| {
        let ends = |peer: &&'static Peer| !unended.contains(&watchdog::entry(peer.name, &cell.name));
        let (peers, unended): (Vec<_>, Vec<_>) = peers.iter().copied().partition(ends);
        let entrants = peers.into_iter().filter_map(|peer| Entrant::calibrate(&cell, peer, sample)).collect();
        Contest { entrants, unended: unended.into_iter().map(|peer| peer.name).collect(), cell }
    };
    let mut contests: Vec<_> = cells.map(enter).collect();
    for round in 0..rounds as usize {
        for Contest { cell, entrants, .. } in &mut contests {
            let first = round % entrants.len();
            let (later, sooner) = entrants.split_at_mut(first);
            sooner.iter_mut().chain(later).for_each(|entrant| entrant.sample(cell));
        }
    }
    contests
}

impl Contest {
    pub fn of(&self, name: &str) -> Option<&Entrant> {
        self.entrants.iter().find(|entrant| entrant.peer.name == name)
    }

    /// The least median of those who are not `but`. The floor is no peer.
    pub fn best(&self, but: Option<&str>) -> Option<f64> {
        let peers = self.entrants.iter().filter(|entrant| entrant.peer.name != FLOOR);
        let others = peers.filter(|entrant| Some(entrant.peer.name) != but);
        others.map(Entrant::median).min_by(f64::total_cmp)
    }

    /// The best peer's median over ours: above 1, hence leads.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.best(Some(OURS))? / self.of(OURS)?.median())
    }

    /// One peer's median over ours.
    pub fn ratio_to(&self, name: &str) -> Option<f64> {
        Some(self.of(name)?.median() / self.of(OURS)?.median())
    }
}

fn watched(cell: &Cell, peer: &Peer, times: usize) -> Option<Duration> {
    watchdog::watched(peer.name, &cell.name, || (peer.sample)(cell, times))
}

impl Entrant {
    /// Finds how often the work fits in a sample; the bounds keep a misjudged peer from taking minutes or the memory.
    fn calibrate(cell: &Cell, peer: &'static Peer, sample: Duration) -> Option<Self> {
        let (least, most) = cell.work.bounds();
        let (mut times, mut time) = (least, watched(cell, peer, least)?);
        while time < sample / 4 && times < most {
            times *= 4;
            time = watched(cell, peer, times)?;
        }
        let times = (times as f64 * sample.as_secs_f64() / time.as_secs_f64()) as usize;
        Some(Self { peer, times: times.clamp(least, most), ns: Vec::new() })
    }

    fn sample(&mut self, cell: &Cell) {
        let time = watched(cell, self.peer, self.times).expect("calibrated with this very work");
        self.ns.push(time.as_secs_f64() * 1e9 / self.times as f64);
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The `q`-quantile of the rounds, interpolated between neighbours.
    pub fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.ns.clone();
        sorted.sort_by(f64::total_cmp);
        let at = q * (sorted.len() - 1) as f64;
        let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
        below + (above - below) * at.fract()
    }
}
