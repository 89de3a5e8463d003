//! How a ledger was found, and what is made of it beside what the store expects.

use std::path::Path;
use std::time::Duration;

use super::super::budget::{Entry, Stamp, in_window};
use super::line::{Kind, Line, Lost, Reading};
use super::{LedgerError, MAX_BYTES};

/// What the store knows about a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expectation {
    /// The highest attempt number that the store has recorded; `None` where it never saw this ledger.
    pub mark: Option<u64>,
}

/// How a ledger was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// None was there, and none was expected.
    New,
    /// As it was left.
    Whole,
    /// With a torn last line, now counted as an attempt.
    Torn,
    /// Missing beside a store that has seen it: the whole window counts as spent.
    Missing,
    /// Older than the store's mark: the whole window counts as spent.
    Restored,
    /// Not readable: the whole window counts as spent.
    Damaged,
}

impl Found {
    /// The word in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Found::New => "new",
            Found::Whole => "whole",
            Found::Torn => "torn",
            Found::Missing => "missing",
            Found::Restored => "restored",
            Found::Damaged => "damaged",
        }
    }
}

/// What a file means beside what the store expects.
pub(super) struct Judged {
    pub(super) found: Found,
    entries: Vec<Entry>,
    pub(super) number: u64,
    /// Says why everything else is no longer believed.
    lost: Option<Line>,
}

impl Judged {
    pub(super) fn lines_within(&self, keep: Duration, now: &Stamp) -> Vec<Line> {
        match &self.lost {
            Some(lost) => vec![lost.clone()],
            None => in_window(now, &self.entries, keep)
                .iter()
                .map(Line::of)
                .collect(),
        }
    }
}

/// Never fails but on a newer format: what cannot be believed is a finding.
pub(super) fn judge(
    path: &Path,
    read: Option<&[u8]>,
    expectation: Expectation,
    now: &Stamp,
) -> Result<Judged, LedgerError> {
    let mark = expectation.mark.unwrap_or(0);
    let lost = |found, why, highest: u64| {
        let number = highest.max(mark);
        Judged {
            found,
            entries: Vec::new(),
            number,
            lost: Some(Line::new(Kind::Window(why), number, now)),
        }
    };
    let Some(bytes) = read else {
        return Ok(match expectation.mark {
            Some(_) => lost(Found::Missing, Lost::Missing, 0),
            None => Judged {
                found: Found::New,
                entries: Vec::new(),
                number: 0,
                lost: None,
            },
        });
    };
    if bytes.len() as u64 > MAX_BYTES {
        return Ok(lost(Found::Damaged, Lost::Damaged, 0));
    }
    Ok(match Reading::of(bytes) {
        Reading::Newer { format } => {
            let path = path.to_path_buf();
            return Err(LedgerError::Newer {
                path,
                found: format,
            });
        }
        Reading::Damaged { highest } => lost(Found::Damaged, Lost::Damaged, highest),
        Reading::Lines { number, .. } if number < mark => {
            lost(Found::Restored, Lost::Restored, number)
        }
        Reading::Lines {
            mut entries,
            number,
            torn,
        } => {
            let number = number + u64::from(torn);
            if torn {
                entries.extend(Line::new(Kind::Attempt, number, now).entry());
            }
            Judged {
                found: if torn { Found::Torn } else { Found::Whole },
                entries,
                number,
                lost: None,
            }
        }
    })
}
