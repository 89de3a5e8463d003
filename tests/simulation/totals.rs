//! What a run of many seeds met, in one line, and the proof that every kind of fault came.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::oracle::Verdict;
use crate::profile::DAY;
use crate::world::Outcome;

#[derive(Debug, Default)]
pub struct Totals {
    pub time: Duration,
    counts: BTreeMap<&'static str, u64>,
    crashes: BTreeMap<&'static str, u64>,
}

/// Crashes that a default run must meet.
const POINTS: [&str; 8] = [
    "after the click",
    "before a sink's write",
    "after a sink's write",
    "before the flush",
    "before the fsync",
    "before the witness",
    "after the witness",
    "anywhere",
];

impl Totals {
    pub fn add(&mut self, outcome: &Outcome, verdict: &Verdict) {
        self.time += outcome.lasted;
        let (befell, came, books) = (&outcome.befell, &outcome.came, &outcome.books);
        let count = |of: usize| of as u64;
        for (what, how_many) in [
            ("seeds", 1),
            ("polls", outcome.polls),
            ("page loads", books.page_loads),
            ("payments", count(verdict.received)),
            ("updates", count(verdict.updated)),
            ("reversals", count(verdict.reversed)),
            ("watermarks judged", count(verdict.watermarks)),
            ("logins", count(books.attempts.len())),
            ("wrong passwords", count(books.wrong.len())),
            ("rebuilds", befell.rebuilds),
            ("lost ledgers", befell.lost_ledgers),
            ("old ledgers", befell.old_ledgers),
            ("reboots", befell.reboots),
            ("downtimes", befell.downtimes),
            ("clock steps", count(outcome.stepped.len())),
            ("failed loads", came.failed_loads),
            ("strange pages", came.strangers),
            ("pages without table", came.no_tables),
            ("bare tables", came.bare),
            ("expired sessions", came.expired),
            ("kept sessions restored", came.restored),
            ("repeats to the forgetful sink", repeats(outcome)),
        ] {
            *self.counts.entry(what).or_default() += how_many;
        }
        for point in &outcome.crashes {
            *self.crashes.entry(point.as_str()).or_default() += 1;
        }
    }

    pub fn days(&self) -> f64 {
        self.time.as_secs_f64() / DAY.as_secs_f64()
    }

    /// Kinds of things that never happened.
    pub fn missing(&self) -> Vec<&'static str> {
        let counts = self.counts.iter().filter(|(_, count)| **count == 0);
        let crashes = POINTS
            .iter()
            .filter(|point| !self.crashes.contains_key(*point));
        counts
            .map(|(what, _)| *what)
            .chain(crashes.copied())
            .collect()
    }
}

fn repeats(outcome: &Outcome) -> u64 {
    let mut seen = std::collections::HashSet::new();
    let lines = outcome.plain.iter();
    lines.filter(|line| !seen.insert(&line.json)).count() as u64
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} virtual days", self.days())?;
        for (what, count) in &self.counts {
            write!(f, ", {count} {what}")?;
        }
        let all: u64 = self.crashes.values().sum();
        write!(f, ", {all} crashes (")?;
        for (index, (point, count)) in self.crashes.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {point}")?;
        }
        write!(f, ")")
    }
}
