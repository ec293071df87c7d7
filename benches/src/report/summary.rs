//! How many cells reach the mark of their group, and which do not. A timing never fails the run.

use crate::{
    cells::Group::{self, *},
    contest::Contest,
    roster::FLOOR,
};

struct Mark {
    group: Group,
    /// A peer's median over ours; of checks, ours over the floor's.
    ratio: fn(&Contest) -> Option<f64>,
    reached: fn(f64) -> bool,
    says: &'static str,
    /// A second mark, under which no cell should be.
    least: f64,
}

const MARKS: &[Mark] = &[
    Mark {
        group: OneThread,
        ratio: Contest::ratio,
        reached: |ratio| ratio >= 0.9,
        says: "one thread: best other / hence is 0.90 or more",
        least: 0.0,
    },
    Mark {
        group: AcrossThreads,
        ratio: Contest::ratio,
        reached: |ratio| ratio >= 0.67,
        says: "across threads: best other / hence is 0.67 or more, at least a tie (mark: in three quarters)",
        least: 0.5,
    },
    Mark {
        group: Selects,
        ratio: |contest| contest.ratio_to("crossbeam-channel"),
        reached: |ratio| ratio > 1.0,
        says: "select, ready and default: crossbeam-channel / hence is more than 1",
        least: 0.0,
    },
    Mark {
        group: Checks,
        ratio: |contest| contest.ratio_to(FLOOR).map(f64::recip),
        reached: |ratio| ratio <= 1.2,
        says: "token, check: hence / floor is 1.20 or less",
        least: 0.0,
    },
    Mark {
        group: Children,
        ratio: |contest| contest.ratio_to("tokio-util"),
        reached: |ratio| ratio >= 1.0,
        says: "token, child create+drop and cancel of 100: tokio-util / hence is 1 or more",
        least: 0.0,
    },
    Mark {
        group: Guards,
        ratio: |contest| contest.ratio_to("crossbeam-utils"),
        reached: |ratio| ratio >= 1.0,
        says: "wait group, guard+drop: crossbeam-utils / hence is 1 or more",
        least: 0.0,
    },
    Mark {
        group: Pools,
        ratio: Contest::ratio,
        reached: |ratio| ratio >= 1.0,
        says: "pool, empty jobs and round trip: best other / hence is 1 or more",
        least: 0.0,
    },
];

/// For each group that was run, a line, and one for each cell that misses.
pub fn lines(contests: &[Contest]) -> String {
    MARKS.iter().filter_map(|mark| mark.lines(contests)).collect()
}

impl Mark {
    fn lines(&self, contests: &[Contest]) -> Option<String> {
        let group = contests.iter().filter(|contest| contest.cell.group == self.group);
        let rounded = |ratio: f64| (ratio * 100.0).round() / 100.0; // as it is shown
        let ratios: Vec<_> = group.filter_map(|c| Some((rounded((self.ratio)(c)?), &c.cell.name))).collect();
        let mut misses: Vec<_> = ratios.iter().filter(|(ratio, _)| !(self.reached)(*ratio)).collect();
        misses.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let mut lines = format!("{} of {}: {}", ratios.len() - misses.len(), ratios.len(), self.says);
        if self.least > 0.0 {
            let under = ratios.iter().filter(|(ratio, _)| *ratio < self.least).count();
            lines += &format!("; {under} under {:.2} (mark: none)", self.least);
        }
        lines.push('\n');
        lines.extend(misses.iter().map(|(ratio, name)| format!("  {ratio:.2}  {name}\n")));
        (!ratios.is_empty()).then_some(lines)
    }
}
