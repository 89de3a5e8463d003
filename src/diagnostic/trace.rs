//! What a reader asks a file for: every key, and what its value is taken for. Pure.
//!
//! The JSON Schema and the key reference of the selector files are made of this, so that they cannot say anything else than
//! the reader does.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// What a value may be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Text.
    Text,
    /// One of these texts.
    Words(Vec<&'static str>),
    /// A whole number within these bounds.
    Whole(u64, u64),
    /// True or false.
    Boolean,
    /// A list; its elements are at `<way>[]`.
    List,
    /// A table of ours; its keys are at `<way>.<key>`.
    Table,
    /// A table whose keys are the portal's words; its values are at `<way>.*`.
    Map,
}

/// A key that was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// What it was taken for, wherever it was given.
    pub kinds: BTreeSet<Kind>,
    /// TOML that shows a value.
    pub example: &'static str,
    /// Its table was not read without needing it.
    pub is_needed: bool,
}

/// Every way to a value that was asked for, with its keys joined by dots.
pub type Trace = BTreeMap<String, Asked>;

#[derive(Debug, Default)]
struct Counts {
    asked: Asked,
    needed: usize,
}

/// Taken down while a file is read.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    tables: RefCell<BTreeMap<String, usize>>,
    keys: RefCell<BTreeMap<String, Counts>>,
}

impl Recorder {
    pub fn table(&self, way: &str) {
        *self.tables.borrow_mut().entry(way.to_owned()).or_default() += 1;
    }

    pub fn asked(&self, way: &str, example: &'static str, is_needed: bool) {
        let mut keys = self.keys.borrow_mut();
        let counts = keys.entry(way.to_owned()).or_default();
        if counts.asked.example.is_empty() {
            counts.asked.example = example;
        }
        counts.needed += usize::from(is_needed);
    }

    pub fn kind(&self, way: &str, kind: Kind) {
        let mut keys = self.keys.borrow_mut();
        keys.entry(way.to_owned())
            .or_default()
            .asked
            .kinds
            .insert(kind);
    }

    pub fn finish(self) -> Trace {
        let tables = self.tables.into_inner();
        let keys = self.keys.into_inner().into_iter();
        keys.map(|(way, counts)| {
            let table = way.rsplit_once('.').map_or("", |(table, _)| table);
            let is_needed = tables
                .get(table)
                .is_some_and(|visits| counts.needed >= *visits);
            let asked = Asked {
                is_needed,
                ..counts.asked
            };
            (way, asked)
        })
        .collect()
    }
}
