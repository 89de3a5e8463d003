//! One line of the ledger file: written, read, and what a whole file of them means.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::super::budget::{BootId, Cost, Entry, Stamp};
use crate::session::Outcome;

/// The format written; a file that names a higher one is refused.
pub(super) const FORMAT: u64 = 1;
const NAME: &str = "tillwatch-ledger";

/// Why the whole window counts as spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    Missing,
    Restored,
    Damaged,
    Portal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Attempt,
    Window(Lost),
    Clock,
    Outcome(Outcome),
}

/// A line before it is text.
#[derive(Debug, Clone)]
pub(super) struct Line {
    kind: &'static str,
    word: &'static str,
    cost: Option<Cost>,
    number: u64,
    at: Stamp,
}

impl Line {
    pub(super) fn new(kind: Kind, number: u64, at: &Stamp) -> Self {
        let (kind, word, cost) = match kind {
            Kind::Attempt => ("attempt", "-", Some(Cost::One)),
            Kind::Window(Lost::Missing) => ("window", "missing", Some(Cost::Window)),
            Kind::Window(Lost::Restored) => ("window", "restored", Some(Cost::Window)),
            Kind::Window(Lost::Damaged) => ("window", "damaged", Some(Cost::Window)),
            Kind::Window(Lost::Portal) => ("window", "portal", Some(Cost::Window)),
            Kind::Clock => ("clock", "-", Some(Cost::Nothing)),
            Kind::Outcome(outcome) => ("outcome", outcome.as_str(), None),
        };
        let at = at.clone();
        Self {
            kind,
            word,
            cost,
            number,
            at,
        }
    }

    /// The line that a kept entry is written again as. Why a window was lost is not kept so long.
    pub(super) fn of(entry: &Entry) -> Self {
        let kind = match entry.cost {
            Cost::Nothing => "clock",
            Cost::One => "attempt",
            Cost::Window => "window",
        };
        Self {
            kind,
            word: "-",
            cost: Some(entry.cost),
            number: entry.number,
            at: entry.at.clone(),
        }
    }

    /// What the budget counts; `None` for what only people read.
    pub(super) fn entry(&self) -> Option<Entry> {
        let (number, at) = (self.number, self.at.clone());
        self.cost.map(|cost| Entry { number, cost, at })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line {
            kind, word, number, ..
        } = self;
        let wall = self.at.wall.to_rfc3339_opts(SecondsFormat::Millis, true);
        let boot = &self.at.boot.0;
        let ms = self.at.since_boot.as_millis();
        f.write_str(&sealed(&format!(
            "{kind} {number} {wall} {boot} {ms} {word}"
        )))
    }
}

pub(super) fn header() -> String {
    sealed(&format!("{NAME} {FORMAT}"))
}

fn sealed(text: &str) -> String {
    format!("{text} #{}\n", sum(text))
}

fn sum(text: &str) -> String {
    let hash = Sha256::digest(text);
    HEXLOWER.encode(hash.get(..4).unwrap_or_default())
}

fn unsealed(line: &[u8]) -> Option<&str> {
    let (text, seal) = std::str::from_utf8(line).ok()?.rsplit_once(" #")?;
    (sum(text) == seal).then_some(text)
}

/// `None` for what cannot be read, `Some((number, None))` for lines without a cost.
fn parsed(text: &str) -> Option<(u64, Option<Entry>)> {
    let mut words = text.split(' ');
    let kind = words.next()?;
    let number = words.next()?.parse().ok()?;
    let wall = DateTime::parse_from_rfc3339(words.next()?).ok()?;
    let boot = BootId(words.next()?.to_owned());
    let since_boot = Duration::from_millis(words.next()?.parse().ok()?);
    words.next()?;
    let at = Stamp {
        wall: wall.with_timezone(&Utc),
        boot,
        since_boot,
    };
    let entry = |cost| Some(Entry { number, cost, at });
    let entry = match kind {
        "attempt" => entry(Cost::One),
        "window" => entry(Cost::Window),
        "clock" => entry(Cost::Nothing),
        "outcome" => None,
        _ => return None,
    };
    words.next().is_none().then_some((number, entry))
}

/// What the bytes of a ledger say.
#[derive(Debug)]
pub(super) enum Reading {
    /// Every line but perhaps the last one reads.
    Lines {
        entries: Vec<Entry>,
        number: u64,
        torn: bool,
    },
    /// Some line does not read, or attempts are missing between two lines.
    Damaged { highest: u64 },
    /// Of a format that this program does not know.
    Newer { format: u64 },
}

impl Reading {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        // What follows the last line feed: nothing, or a line that was not written to its end.
        let tail = lines.pop().unwrap_or_default();
        let torn = !tail.is_empty();
        let mut lines = lines.into_iter().map(unsealed);
        let head = lines.next().flatten().and_then(|text| text.split_once(' '));
        let format = match head {
            Some((NAME, format)) => format.parse().ok(),
            Some(_) | None => None,
        };
        let lines: Vec<_> = lines.map(|text| parsed(text?)).collect();
        let highest = lines.iter().flatten().map(|(number, _)| *number).max();
        let highest = highest.unwrap_or(0);
        match format {
            Some(FORMAT) => {}
            Some(format) if format > FORMAT => return Reading::Newer { format },
            Some(_) | None => return Reading::Damaged { highest },
        }
        let mut entries = Vec::with_capacity(lines.len());
        let mut before: Option<u64> = None;
        for line in lines {
            let Some((number, entry)) = line else {
                return Reading::Damaged { highest };
            };
            let cost = entry.as_ref().map(|entry| entry.cost);
            let follows = match (before, cost) {
                (None, _) => true,
                (Some(before), Some(Cost::One)) => number == before + 1,
                (Some(before), Some(Cost::Nothing | Cost::Window) | None) => number == before,
            };
            if !follows {
                return Reading::Damaged { highest };
            }
            before = Some(number);
            entries.extend(entry);
        }
        let number = before.unwrap_or(0);
        Reading::Lines {
            entries,
            number,
            torn,
        }
    }
}
