//! Finds the header row and the column of each field. Pure.

use std::fmt::Write as _;
use std::rc::Rc;

use encoding_rs::WINDOWS_1252;

use super::{MAX_CELL_BYTES, text};
use crate::diagnostic::closest;
use crate::selectors::{Column, Field, Part, Portal, Skip};

/// Between the levels of a header that is made of two rows, as files write it.
const LEVELS: &str = " / ";

/// A header that the file names and the page does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Whose column it is; `None` of one that `table.skip` names.
    pub field: Option<Field>,
    /// The names in the file.
    pub names: Vec<String>,
    /// Which of several equal headers.
    pub nth: usize,
    /// The header of the page that is most like it.
    pub nearest: Option<String>,
}

/// What a column is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Field(Field, Part),
    /// By its position in `table.skip`.
    Skip(usize),
}

/// The texts of a header row by column, from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HeaderRow {
    pub slots: Vec<String>,
    /// Of the row above it, where the file names headers of two levels.
    pub above: Vec<String>,
}

/// More text than this is in no row of titles: many rows of it must not fill the memory.
const MAX_TITLES: usize = 16 << 10;

impl HeaderRow {
    /// Titles that the file does not know; none where they are too long.
    pub fn of(slots: &[Rc<str>], above: &[Rc<str>]) -> Self {
        let bytes: usize = slots.iter().chain(above).map(|slot| slot.len()).sum();
        if bytes > MAX_TITLES {
            return Self::default();
        }
        let texts = |slots: &[Rc<str>]| slots.iter().map(|slot| slot.to_string()).collect();
        Self {
            slots: texts(slots),
            above: texts(above),
        }
    }
}

/// Where the columns stand under one header row.
pub(super) struct Columns {
    pub header: Rc<HeaderRow>,
    pub places: Vec<(Use, usize)>,
}

impl Columns {
    /// Of a file that names no header.
    pub fn none() -> Self {
        Self {
            header: Rc::default(),
            places: Vec::new(),
        }
    }
}

struct Name<'a> {
    wanted_for: Use,
    column: &'a Column,
    /// Collapsed and in lower case.
    folded: Vec<String>,
    after: Option<String>,
    optional: bool,
}

/// The headers that a file names, made comparable once per page.
pub(super) struct Wanted<'a> {
    names: Vec<Name<'a>>,
    /// Some name has two levels, so that the row above a header counts.
    pub has_levels: bool,
}

impl<'a> Wanted<'a> {
    pub fn of(portal: &'a Portal) -> Self {
        let sources = portal.fields.sources.iter();
        let of_fields = sources.flat_map(|(field, source)| {
            source.columns().map(move |(part, column)| {
                Name::of(Use::Field(*field, part), column, source.optional)
            })
        });
        let skips = portal.table.skip.iter().enumerate();
        let of_skips = skips.filter_map(|(at, skip)| match skip {
            Skip::Whole(_) => None,
            Skip::Cell { column, .. } => Some(Name::of(Use::Skip(at), column, false)),
        });
        let names: Vec<_> = of_fields.chain(of_skips).collect();
        let mut folded = names.iter().flat_map(|name| &name.folded);
        Self {
            has_levels: folded.any(|name| name.contains(LEVELS)),
            names,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The columns, when the row holds every header that must be there.
    pub fn find(&self, row: Header<'_>) -> Option<Columns> {
        let places = self.names.iter().filter_map(|name| match name.place(row) {
            Some(at) => Some(Some((name.wanted_for, at))),
            None if name.optional => None,
            None => Some(None),
        });
        let places = places.collect::<Option<Vec<_>>>()?;
        if places.is_empty() {
            return None;
        }
        let texts = |slots: &[Rc<str>]| slots.iter().map(|slot| slot.to_string()).collect();
        let header = Rc::new(HeaderRow {
            slots: texts(row.slots),
            above: texts(row.above),
        });
        Some(Columns { header, places })
    }

    /// Are so many most of the headers?
    pub fn is_most(&self, held: usize) -> bool {
        held * 2 > self.names.len()
    }

    /// How many of the headers the row holds.
    pub fn held(&self, row: Header<'_>) -> usize {
        let held = self.names.iter().filter(|name| name.place(row).is_some());
        held.count()
    }
}

/// A row that may be a header, and the one above it where levels count.
#[derive(Clone, Copy)]
pub(super) struct Header<'r> {
    pub slots: &'r [Rc<str>],
    pub above: &'r [Rc<str>],
}

impl<'a> Name<'a> {
    fn of(wanted_for: Use, column: &'a Column, optional: bool) -> Self {
        let fold = |name: &String| text::collapse(name, MAX_CELL_BYTES).text.to_lowercase();
        Self {
            wanted_for,
            column,
            folded: column.names.iter().map(fold).collect(),
            after: column.after.as_ref().map(fold),
            optional,
        }
    }

    /// The column of the nth equal header, behind the one that it must follow. One that spans columns counts in each
    /// of them.
    fn place(&self, row: Header<'_>) -> Option<usize> {
        let behind = match &self.after {
            None => 0,
            Some(after) => row.slots.iter().position(|slot| equals(slot, after))? + 1,
        };
        let slots = row.slots.iter().enumerate().skip(behind);
        let mut found = slots.filter(|(at, slot)| self.is(slot, row.above.get(*at)));
        found
            .nth(self.column.nth.saturating_sub(1))
            .map(|(at, _)| at)
    }

    fn is(&self, slot: &str, above: Option<&Rc<str>>) -> bool {
        let pattern = self.column.matches.as_ref();
        pattern.is_some_and(|pattern| pattern.is_match(slot))
            || self.folded.iter().any(|folded| {
                equals(slot, folded) || above.is_some_and(|above| two_levels(above, slot, folded))
            })
    }
}

/// Is `folded` the text of both rows of the header?
fn two_levels(above: &str, slot: &str, folded: &str) -> bool {
    folded
        .split_once(LEVELS)
        .is_some_and(|(upper, lower)| equals(above, upper) && equals(slot, lower))
}

/// Without regard to case; `folded` is in lower case. Asked for every cell of a page, and most are ASCII.
fn equals(slot: &str, folded: &str) -> bool {
    if slot.is_ascii() {
        return slot.eq_ignore_ascii_case(folded);
    }
    let same = |slot: &str| slot.chars().flat_map(char::to_lowercase).eq(folded.chars());
    same(slot) || repaired(slot).is_some_and(|slot| same(&slot))
}

/// What two titles of the same column agree in: white space, case and what an encoding did to it do not count, nor do
/// digits, which may be of a day or a number.
#[must_use]
pub fn header_key(title: &str) -> String {
    let title = text::collapse(title, MAX_CELL_BYTES).text;
    let title = repaired(&title).unwrap_or(title).to_lowercase();
    let mut key = String::with_capacity(title.len());
    for letter in title.chars() {
        match letter {
            letter if !letter.is_numeric() => key.push(letter),
            _digit if key.ends_with('#') => {}
            _digit => key.push('#'),
        }
    }
    key
}

/// UTF-8 that somebody took for Windows-1252: `NumÃ©ro` is `Numéro`.
fn repaired(text: &str) -> Option<String> {
    if !text.contains(['Ã', 'Â', 'â', 'Å']) {
        return None;
    }
    let (bytes, _, has_others) = WINDOWS_1252.encode(text);
    let repaired = (!has_others).then(|| String::from_utf8(bytes.into_owned()).ok());
    repaired.flatten()
}

/// The row that holds most of the headers, kept for the error.
#[derive(Default)]
pub(super) struct Best {
    held: usize,
    slots: Vec<Rc<str>>,
    above: Vec<Rc<str>>,
}

impl Best {
    pub fn consider(&mut self, wanted: &Wanted<'_>, row: Header<'_>) {
        let held = wanted.held(row);
        if held > self.held {
            self.held = held;
            self.slots = row.slots.to_vec();
            self.above = row.above.to_vec();
        }
    }

    /// What is missing and what is there. A row with less than a third of the headers is taken for data or
    /// preamble, whose text belongs in no error.
    pub fn finish(self, wanted: &Wanted<'_>) -> (Vec<Missing>, Vec<String>) {
        let is_header = self.held * 3 >= wanted.names.len() && self.held > 0;
        let (slots, above) = if is_header {
            (self.slots, self.above)
        } else {
            (Vec::new(), Vec::new())
        };
        let row = Header {
            slots: &slots,
            above: &above,
        };
        let found: Vec<String> = slots
            .iter()
            .filter(|slot| !slot.is_empty())
            .map(|slot| text::printable(slot))
            .collect();
        let missing = wanted.names.iter();
        let missing = missing.filter(|name| !name.optional && name.place(row).is_none());
        let missing = missing.map(|name| Missing {
            field: match name.wanted_for {
                Use::Field(field, _) => Some(field),
                Use::Skip(_) => None,
            },
            names: name.column.printed(),
            nth: name.column.nth,
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
        let _ = match one.field {
            Some(field) => write!(text, " (field {})", field.as_str()),
            None => write!(text, " (`table.skip`)"),
        };
        if let Some(nearest) = &one.nearest {
            let _ = write!(text, ", is it `{nearest}` now?");
        }
    }
    let _ = write!(text, "; it has: {}", found.join(", "));
    text
}
