//! The skeleton of a table's pages: what stays as it is whatever was paid, until the portal changes its pages. Pure.
//!
//! - Titles of the columns in their order, told apart as headers are when columns are looked for; digits in them do not count.
//! - Where the file names no header, how many cells most rows have.
//! - How many of the rows were understood, and which words no map of the file has. Of a word only a digest is kept.
//!
//! A row more or less, other data, one odd row or a header that is repeated change nothing of it.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::extract::{ExtractError, Row, header_key, text};
use crate::normalize::{Problem, RowError};

/// Titles that are kept.
pub const MAX_HEADERS: usize = 100;
/// Unknown words that are told apart; more are not counted.
pub const MAX_WORDS: usize = 8;
/// Rows from which on it is believed how many cells a row has.
const ENOUGH_ROWS: usize = 3;

/// Of the pages of one reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skeleton {
    /// How its columns stand.
    pub columns: Columns,
    /// Data rows.
    pub rows: usize,
    /// Those that were understood.
    pub understood: usize,
    /// Digests of the words that no map has; at most [`MAX_WORDS`].
    pub words: BTreeSet<u64>,
    /// The columns that the file names are not there, so that no row was read.
    pub is_unreadable: bool,
}

/// How the columns of a table stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// Their titles as messages may print them; empty where there are none, or where the page shows no rows.
    pub titles: Vec<String>,
    /// Cells of a row, where the file names no header and nearly all rows agree.
    pub cells: Option<usize>,
}

/// What of a skeleton is not as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// A column was added, removed, renamed or moved.
    pub columns: bool,
    /// Rows are no longer understood that would have been.
    pub fewer: bool,
    /// Unknown words that were not there.
    pub words: BTreeSet<u64>,
    /// The columns that the file names are not there.
    pub unreadable: bool,
}

impl Columns {
    /// Do the columns stand in the same way? `None` where one of the two does not say.
    #[must_use]
    pub fn like(&self, other: &Self) -> Option<bool> {
        if !self.titles.is_empty() && !other.titles.is_empty() {
            let keys = self.titles.iter().map(|title| header_key(title));
            return Some(keys.eq(other.titles.iter().map(|title| header_key(title))));
        }
        Some(self.cells? == other.cells?)
    }

    /// What was done to the columns `before`, in words: `new: a; gone: b; c is now d; moved`.
    #[must_use]
    pub fn difference(&self, before: &Self) -> String {
        if let (Some(now), Some(then)) = (self.cells, before.cells)
            && now != then
        {
            return format!("rows have {now} cells, and had {then}");
        }
        let (now, then) = (counted(&self.titles), counted(&before.titles));
        let missing_in =
            |count: &BTreeMap<String, usize>, title: &str| !count.contains_key(&header_key(title));
        let mut renamed = Vec::new();
        let mut taken = BTreeSet::new();
        if self.titles.len() == before.titles.len() {
            for (was, is) in before.titles.iter().zip(&self.titles) {
                if missing_in(&now, was) && missing_in(&then, is) {
                    renamed.push(format!("`{was}` is now `{is}`"));
                    taken.extend([header_key(was), header_key(is)]);
                }
            }
        }
        let list =
            |titles: &[String], others: &BTreeMap<String, usize>, own: &BTreeMap<String, usize>| {
                let more = titles.iter().filter(|title| {
                    let key = header_key(title);
                    !taken.contains(&key) && own.get(&key) > others.get(&key)
                });
                let mut more: Vec<String> = more.map(|title| format!("`{title}`")).collect();
                more.dedup();
                more.join(", ")
            };
        let (new, gone) = (
            list(&self.titles, &then, &now),
            list(&before.titles, &now, &then),
        );
        let named =
            |word: &str, titles: String| (!titles.is_empty()).then(|| format!("{word}: {titles}"));
        let said: Vec<String> = (named("new", new).into_iter())
            .chain(named("gone", gone))
            .chain(renamed)
            .collect();
        if said.is_empty() {
            "columns stand in another order".to_owned()
        } else {
            said.join("; ")
        }
    }
}

fn counted(titles: &[String]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for title in titles {
        *count.entry(header_key(title)).or_default() += 1;
    }
    count
}

impl Skeleton {
    /// Of a page with these rows and what came of each.
    pub fn of<'a>(
        titles: &[String],
        rows: impl Iterator<Item = (&'a Row, Option<&'a RowError>)>,
    ) -> Self {
        let mut skeleton = Self::default();
        skeleton.columns.titles = bounded(titles);
        let mut shapes: BTreeMap<usize, usize> = BTreeMap::new();
        for (row, error) in rows {
            skeleton.rows += 1;
            skeleton.understood += usize::from(error.is_none());
            *shapes.entry(row.cells.len()).or_default() += 1;
            if let Some(word) = error.and_then(|error| unknown_word(row, error)) {
                skeleton.add_word(word);
            }
        }
        if skeleton.columns.titles.is_empty() && skeleton.rows >= ENOUGH_ROWS {
            let most = shapes.into_iter().max_by_key(|(_, rows)| *rows);
            let most = most.filter(|(_, rows)| rows * 10 >= skeleton.rows * 9);
            skeleton.columns.cells = most.map(|(cells, _)| cells);
        }
        skeleton
    }

    /// Of a page that gave no rows for want of the columns that the file names. `None` for any other trouble.
    #[must_use]
    pub fn of_trouble(trouble: &ExtractError) -> Option<Self> {
        let titles = match trouble {
            ExtractError::MissingHeader { found, .. } => bounded(found),
            ExtractError::NoTable => Vec::new(),
            _other => return None,
        };
        let columns = Columns {
            titles,
            cells: None,
        };
        Some(Self {
            columns,
            is_unreadable: true,
            ..Self::default()
        })
    }

    /// Adds another page of the same reading. Of two headers the one counts that is not `usual`.
    pub fn join(&mut self, page: Self, usual: Option<&Columns>) {
        let is_news = usual.is_some_and(|usual| page.columns.like(usual) == Some(false));
        if self.columns == Columns::default() || is_news {
            self.columns = page.columns;
        }
        self.rows += page.rows;
        self.understood += page.understood;
        self.is_unreadable |= page.is_unreadable;
        page.words.into_iter().for_each(|word| self.add_word(word));
    }

    fn add_word(&mut self, word: u64) {
        if self.words.len() < MAX_WORDS {
            self.words.insert(word);
        }
    }

    /// Are too many of the rows not understood to be odd ones: a quarter, and more than one?
    #[must_use]
    pub fn is_poor(&self) -> bool {
        let aside = self.rows - self.understood;
        aside > 1 && aside * 4 >= self.rows
    }

    /// Does it say anything? A page that says "no rows" does not.
    #[must_use]
    pub fn says_something(&self) -> bool {
        self.rows > 0 || self.columns != Columns::default()
    }

    /// What is not as it was `before`. What got better is no change.
    #[must_use]
    pub fn against(&self, before: &Self) -> Option<Changes> {
        let changes = Changes {
            columns: self.columns.like(&before.columns) == Some(false),
            fewer: self.is_poor() && !before.is_poor(),
            words: self.words.difference(&before.words).copied().collect(),
            unreadable: self.is_unreadable,
        };
        (changes != Changes::default()).then_some(changes)
    }
}

fn bounded(titles: &[String]) -> Vec<String> {
    // A column without a title (a box to tick, a button) is told by nothing.
    let titles = titles.iter().filter(|title| !header_key(title).is_empty());
    let titles = titles.take(MAX_HEADERS);
    titles.map(|title| text::printable(title)).collect()
}

/// The digest of a word that no map has. Its letters only: what else a cell holds may differ from row to row.
fn unknown_word(row: &Row, error: &RowError) -> Option<u64> {
    if error.problem != Problem::UnmappedWord {
        return None;
    }
    let field = error.field?;
    let printed = row.fields.get(&field)?.text.to_lowercase();
    let letters: Vec<&str> = printed
        .split(|letter: char| !letter.is_alphabetic())
        .filter(|word| !word.is_empty())
        .collect();
    Some(digest(&[field.as_str(), &letters.join(" ")]))
}

/// The first 64 bits of a hash over `parts`, the same for ever.
#[must_use]
pub fn digest(parts: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let first = hash.finalize().into_iter().take(8);
    first.fold(0, |number, byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests;
