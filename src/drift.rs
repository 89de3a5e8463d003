//! Drift: the pages of a portal are no longer built as they were. What is known of their skeleton, when a change is told,
//! and when it is over. Pure.
//!
//! A change is open until the page is as it was for some readings in a row, or until rows that it cost are understood again (the selector file was
//! corrected), or until a person takes the page as it is for the usual one. Each new skeleton is told once within it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::skeleton::{Columns, MAX_WORDS, Skeleton, digest};

/// Skeletons that are told within one change; a portal that shows ever new ones is told no further.
const MAX_TOLD: usize = 16;

/// Readings in a row that find the columns as they were before they count as back: while a portal is being renewed, one of its
/// servers may show the old pages and another the new ones.
const BACK: u32 = 10;

/// What is known of a portal's pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// As its pages are understood: columns and words, no counts.
    pub usual: Skeleton,
    /// What they have become.
    pub drift: Option<Drift>,
}

/// A change that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// When it was met first.
    pub since: DateTime<Utc>,
    /// The columns as they were told last.
    pub after: Columns,
    /// The columns that the file names are not there.
    pub is_unreadable: bool,
    /// So many of so many rows were not understood, when that was told.
    pub aside: Option<(usize, usize)>,
    /// Digests of the words that nobody knows.
    pub words: BTreeSet<u64>,
    /// Digests of the columns that were told.
    pub told: BTreeSet<u64>,
    /// Grows with each that was told.
    pub level: u32,
    /// Directory in which the page was kept.
    pub evidence: Option<String>,
    /// Readings in a row, up to now, that found the columns as they were.
    pub back: u32,
}

/// What a reading has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Nothing to tell.
    Nothing,
    /// The page changed, or changed again.
    Changed,
    /// The change is over.
    Over,
}

impl Drift {
    fn begun(usual: &Skeleton, now: DateTime<Utc>) -> Self {
        Self {
            since: now,
            after: usual.columns.clone(),
            is_unreadable: false,
            aside: None,
            words: BTreeSet::new(),
            told: BTreeSet::from([told(&usual.columns, false)]),
            level: 0,
            evidence: None,
            back: 0,
        }
    }

    /// Has it kept rows from being understood?
    #[must_use]
    pub fn costs_rows(&self) -> bool {
        self.is_unreadable || self.aside.is_some() || !self.words.is_empty()
    }

    /// Takes in how the page stands now. Says whether that was told already.
    fn take(&mut self, shown: &Skeleton, usual: &Skeleton) -> bool {
        if shown.says_something() {
            self.is_unreadable = shown.is_unreadable;
        }
        let Some(changes) = shown.against(usual) else {
            return true;
        };
        let mut is_news = false;
        self.is_unreadable = changes.unreadable;
        if changes.columns || changes.unreadable {
            let is_new = self.told.len() <= MAX_TOLD
                && self.told.insert(told(&shown.columns, shown.is_unreadable));
            is_news |= is_new;
            self.after.clone_from(&shown.columns);
        }
        if changes.fewer && self.aside.is_none() {
            self.aside = Some((shown.rows - shown.understood, shown.rows));
            is_news = true;
        }
        for word in changes.words {
            is_news |= self.words.len() < MAX_WORDS && self.words.insert(word);
        }
        self.level += u32::from(is_news);
        !is_news
    }
}

fn told(columns: &Columns, is_unreadable: bool) -> u64 {
    let keys: Vec<String> = (columns.titles.iter())
        .map(|title| crate::extract::header_key(title))
        .collect();
    let mut parts: Vec<&str> = keys.iter().map(String::as_str).collect();
    let cells = format!("{:?} {is_unreadable}", columns.cells);
    parts.push(&cells);
    digest(&parts)
}

impl Known {
    /// From the first reading on that says something. A page that the file does not read is nothing to go by.
    #[must_use]
    pub fn first(shown: &Skeleton) -> Option<Self> {
        (shown.says_something() && !shown.is_unreadable).then(|| Self {
            usual: Skeleton {
                columns: shown.columns.clone(),
                words: shown.words.clone(),
                ..Skeleton::default()
            },
            drift: None,
        })
    }

    /// Takes in what a reading has shown. `has_aside`: rows of the account lie in quarantine.
    pub fn look(&mut self, shown: &Skeleton, has_aside: bool, now: DateTime<Utc>) -> News {
        let Some(drift) = &mut self.drift else {
            let mut drift = Drift::begun(&self.usual, now);
            if !drift.take(shown, &self.usual) {
                self.drift = Some(drift);
                return News::Changed;
            }
            // An empty page had no header, or too few rows to count their cells; or the file finds columns in another way.
            if shown.columns != Columns::default()
                && shown.columns.like(&self.usual.columns).is_none()
            {
                self.usual.columns.clone_from(&shown.columns);
            }
            return News::Nothing;
        };
        let is_sound = shown.says_something()
            && !shown.is_unreadable
            && !shown.is_poor()
            && shown.words.is_subset(&self.usual.words)
            && (drift.words.is_empty() || !has_aside);
        let is_as_usual = shown.columns.like(&self.usual.columns);
        let is_about_columns = drift.after != self.usual.columns;
        let is_corrected = drift.costs_rows()
            && is_about_columns
            && is_as_usual != Some(true)
            && shown.columns != Columns::default()
            && shown.columns.like(&drift.after) != Some(false);
        if is_sound && is_corrected {
            self.usual.columns.clone_from(&shown.columns);
            self.drift = None;
            return News::Over;
        }
        if is_sound && is_about_columns && is_as_usual == Some(true) {
            drift.back += 1;
        } else if shown.says_something() {
            drift.back = 0;
        }
        if is_sound && !is_about_columns && is_as_usual != Some(false) || drift.back >= BACK {
            self.drift = None;
            return News::Over;
        }
        if drift.take(shown, &self.usual) {
            News::Nothing
        } else {
            News::Changed
        }
    }

    /// A person takes the pages as they are for the usual ones. Says whether there was anything to take so: a table that
    /// cannot be read is none.
    pub fn accept(&mut self) -> bool {
        let Some(drift) = self.drift.take_if(|drift| !drift.is_unreadable) else {
            return false;
        };
        self.usual.columns = drift.after;
        for word in drift.words {
            if self.usual.words.len() < MAX_WORDS {
                self.usual.words.insert(word);
            }
        }
        true
    }

    /// How the change stands, for people.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        let drift = self.drift.as_ref()?;
        Some(Report {
            since: drift.since,
            what: what(drift, &self.usual),
            before: self.usual.columns.titles.clone(),
            after: drift.after.titles.clone(),
            costs_rows: drift.costs_rows(),
            level: drift.level,
            evidence: drift.evidence.clone(),
        })
    }
}

/// A change in words. Holds titles of columns and numbers, no text of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// When it was met first.
    pub since: DateTime<Utc>,
    /// What changed, as a sentence without its end.
    pub what: String,
    /// Titles of the columns as they were.
    pub before: Vec<String>,
    /// As they are.
    pub after: Vec<String>,
    /// Rows are not understood for it.
    pub costs_rows: bool,
    /// Grows with each new skeleton within the change.
    pub level: u32,
    /// Directory in which the page was kept.
    pub evidence: Option<String>,
}

impl Report {
    /// Before and after on one line.
    #[must_use]
    pub fn columns(&self) -> String {
        let list = |titles: &[String]| match titles {
            [] => "none found".to_owned(),
            titles => titles.join(" | "),
        };
        format!(
            "before: {}; after: {}",
            list(&self.before),
            list(&self.after)
        )
    }
}

fn what(drift: &Drift, usual: &Skeleton) -> String {
    let mut text = "the portal's page changed".to_owned();
    let mut says = |said: &str| {
        let _ = write!(text, ", {said}");
    };
    if drift.after.like(&usual.columns) == Some(false) {
        says(&drift.after.difference(&usual.columns));
    }
    if drift.is_unreadable {
        says(if drift.after.titles.is_empty() {
            "no row is where the selector file looks for one"
        } else {
            "columns that the selector file names are gone and no row can be read"
        });
    }
    if let Some((aside, rows)) = drift.aside {
        says(&format!("{aside} of {rows} rows were not understood"));
    }
    match drift.words.len() {
        0 => {}
        1 => says("it uses a word that the selector file does not map"),
        MAX_WORDS => says(&format!(
            "it uses {MAX_WORDS} or more words that the selector file does not map"
        )),
        words => says(&format!(
            "it uses {words} words that the selector file does not map"
        )),
    }
    text
}

#[cfg(test)]
mod tests;
