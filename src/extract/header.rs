//! Finds the header row and the column of each field. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use super::{MAX_CELL_BYTES, text};
use crate::diagnostic::closest;
use crate::selectors::{CellSource, Field, Source};

/// A header that the file names and the page does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Whose column it is.
    pub field: Field,
    /// The names in the file.
    pub names: Vec<String>,
    /// Which of several equal headers.
    pub nth: usize,
    /// The header of the page that is most like it.
    pub nearest: Option<String>,
}

/// Where the fields stand under one header row.
pub(super) struct Columns {
    /// The header's texts by column, from 0.
    pub headers: Vec<String>,
    pub places: Vec<(Field, usize)>,
}

impl Columns {
    /// Of a file that names no header.
    pub fn none() -> Self {
        Self {
            headers: Vec::new(),
            places: Vec::new(),
        }
    }
}

struct Name<'a> {
    field: Field,
    printed: &'a [String],
    /// Collapsed and in lower case.
    folded: Vec<String>,
    nth: usize,
}

/// The headers that a file names, made comparable once per page.
pub(super) struct Wanted<'a>(Vec<Name<'a>>);

impl<'a> Wanted<'a> {
    pub fn of(sources: &'a BTreeMap<Field, Source>) -> Self {
        let names = sources
            .iter()
            .filter_map(|(field, source)| match &source.cell {
                CellSource::Header { names, nth } => {
                    let folded = names
                        .iter()
                        .map(|name| text::collapse(name, MAX_CELL_BYTES).text.to_lowercase())
                        .collect();
                    Some(Name {
                        field: *field,
                        printed: names,
                        folded,
                        nth: *nth,
                    })
                }
                CellSource::Css { .. } => None,
            });
        Self(names.collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The columns, when the row holds every header.
    pub fn find(&self, slots: &[Rc<str>]) -> Option<Columns> {
        let places = self
            .0
            .iter()
            .map(|name| place(name, slots).map(|at| (name.field, at)));
        let places = places.collect::<Option<Vec<_>>>()?;
        let headers = slots.iter().map(|slot| slot.to_string()).collect();
        Some(Columns { headers, places })
    }

    /// How many of the headers the row holds.
    pub fn held(&self, slots: &[Rc<str>]) -> usize {
        self.0
            .iter()
            .filter(|name| place(name, slots).is_some())
            .count()
    }
}

/// The column of the nth equal header. One that spans columns counts in each of them.
fn place(name: &Name<'_>, slots: &[Rc<str>]) -> Option<usize> {
    let equal = |slot: &str| name.folded.iter().any(|folded| equals(slot, folded));
    let mut found = slots.iter().enumerate().filter(|(_, slot)| equal(slot));
    found.nth(name.nth.saturating_sub(1)).map(|(at, _)| at)
}

/// Without regard to case; `folded` is in lower case. Asked for every cell of a page, and most are ASCII.
fn equals(slot: &str, folded: &str) -> bool {
    if slot.is_ascii() || folded.is_ascii() {
        return slot.eq_ignore_ascii_case(folded);
    }
    slot.chars().flat_map(char::to_lowercase).eq(folded.chars())
}

/// The row that holds most of the headers, kept for the error.
#[derive(Default)]
pub(super) struct Best {
    held: usize,
    slots: Vec<Rc<str>>,
}

impl Best {
    pub fn consider(&mut self, held: usize, slots: &[Rc<str>]) {
        if held > self.held {
            self.held = held;
            self.slots = slots.to_vec();
        }
    }

    /// What is missing and what is there. A row with less than a third of the headers is taken for data or
    /// preamble, whose text belongs in no error.
    pub fn finish(self, wanted: &Wanted<'_>) -> (Vec<Missing>, Vec<String>) {
        let is_header = self.held * 3 >= wanted.0.len() && self.held > 0;
        let slots = if is_header { self.slots } else { Vec::new() };
        let found: Vec<String> = slots
            .iter()
            .filter(|slot| !slot.is_empty())
            .map(|slot| text::printable(slot))
            .collect();
        let missing = wanted.0.iter().filter(|name| place(name, &slots).is_none());
        let missing = missing.map(|name| Missing {
            field: name.field,
            names: name.printed.to_vec(),
            nth: name.nth,
            nearest: nearest(name, &found),
        });
        (missing.collect(), found)
    }
}

fn nearest(name: &Name<'_>, found: &[String]) -> Option<String> {
    let found_folded: Vec<String> = found.iter().map(|header| header.to_lowercase()).collect();
    name.folded.iter().find_map(|wanted| {
        let nearest = closest(wanted, found_folded.iter().map(String::as_str))?;
        let at = found_folded.iter().position(|header| header == nearest)?;
        found.get(at).cloned()
    })
}

/// The message of a missing header.
pub(super) fn describe(missing: &[Missing], found: &[String]) -> String {
    if found.is_empty() {
        let names: Vec<_> = missing
            .iter()
            .filter_map(|one| one.names.first())
            .map(String::as_str)
            .collect();
        return format!(
            "no row holds the headers that the selector file names ({}): correct `table.rows` or the headers",
            names.join(", ")
        );
    }
    let mut text = String::from("the table has no header ");
    for (number, one) in missing.iter().enumerate() {
        if number > 0 {
            text.push_str(", nor ");
        }
        let names: Vec<_> = one.names.iter().map(|name| format!("`{name}`")).collect();
        let _ = write!(text, "{}", names.join(" or "));
        if one.nth > 1 {
            let _ = write!(text, " number {}", one.nth);
        }
        let _ = write!(text, " (field {})", one.field.as_str());
        if let Some(nearest) = &one.nearest {
            let _ = write!(text, ", is it `{nearest}` now?");
        }
    }
    let _ = write!(text, "; it has: {}", found.join(", "));
    text
}
