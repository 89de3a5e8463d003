//! HTML page to rows of text. Pure.
//!
//! The table model is the HTML standard's ("forming a table"), spans included. Columns are found by
//! header text. A page over the limits below is refused while it is parsed, see `guard`. A file that is no page is made one
//! first, see [`export`], within the same limits and its own.
//!
//! - Nothing on a page is passed over in silence: a row is a header, stands before the header, is named by `skip`,
//!   says that there are no rows, or comes out as a [`Row`], if need be with the [`RowProblem`] that puts it aside.
//! - A page without rows is an error unless the page itself says that it has none.
//! - No text of a cell is in an error.

pub mod ask;
pub mod export;
mod guard;
mod header;
mod held;
mod label;
mod outline;
mod reading;
mod table;
pub mod text;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use regex::Regex;
use scraper::{ElementRef, Html, Selector};

use crate::selectors::{Field, Hidden, Mark, Part, Portal};
use reading::Reading;
use table::Grid;

pub use header::{Missing, header_key};
use held::Stood;
pub use held::{HeldRow, NotReread, reread};

/// 8 MiB.
pub const MAX_PAGE_BYTES: usize = 8 << 20;
/// Open elements within each other.
pub const MAX_DEPTH: usize = 512;
/// Elements, texts and comments of one page.
pub const MAX_NODES: usize = 1_000_000;
/// Attributes of one tag.
pub const MAX_ATTRIBUTES: usize = 256;
/// Rows of one page.
pub const MAX_ROWS: usize = 20_000;
/// Cells of one row, spans counted.
pub const MAX_CELLS: usize = 500;
/// Text of one cell, 4 KiB.
pub const MAX_CELL_BYTES: usize = 4 << 10;
/// Text of all fields of one page: cells that span rows could multiply it.
pub const MAX_TEXT_BYTES: usize = 4 * MAX_PAGE_BYTES;

/// One data row as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Position among the data rows of the page, from 1.
    pub number: usize,
    /// Every field that the file names and the row has, white space collapsed and trimmed; `capture` not yet
    /// applied. Empty when there is a `problem`.
    pub fields: BTreeMap<Field, RawField>,
    /// Every cell's text, for the quarantine. A cell that reaches down from a row above is not among them.
    pub cells: Vec<String>,
    /// Why the row cannot be read. It must end in quarantine.
    pub problem: Option<RowProblem>,
}

/// The text of one field and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawField {
    /// Column number from 1, where it came from a column.
    pub column: Option<usize>,
    /// The header matched, as printed, or the CSS.
    pub origin: String,
    /// The text; a date and its time of day from two cells are joined by a space.
    pub text: String,
    /// What stands where the file looks for the field on rows that take money from the account.
    pub debit: Option<Box<RawField>>,
}

impl Row {
    /// Takes in one cell of a field. The parts of a field come in their order.
    fn put(&mut self, field: Field, part: Part, raw: RawField) {
        match (part, self.fields.get_mut(&field)) {
            (Part::Main, _) | (Part::Time, None) => {
                self.fields.insert(field, raw);
            }
            (Part::Time, Some(date)) => {
                date.text = format!("{} {}", date.text, raw.text).trim().to_owned();
            }
            (Part::Debit, Some(credit)) => credit.debit = Some(Box::new(raw)),
            (Part::Debit, None) => {
                let nothing = RawField {
                    text: String::new(),
                    ..raw.clone()
                };
                let debit = Some(Box::new(raw));
                self.fields.insert(field, RawField { debit, ..nothing });
            }
        }
    }

    /// Of the text of all fields.
    fn bytes(&self) -> usize {
        self.fields.values().map(|field| field.text.len()).sum()
    }
}

/// Why no field of a row can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// Its cells do not stand under the headers.
    #[error(
        "it has {found} cells where the header has {expected}: name the row in `table.skip` if it is no payment"
    )]
    CellCount {
        /// Columns of the header, spans counted.
        expected: usize,
        /// Of the row.
        found: usize,
    },
    /// Over [`MAX_CELLS`].
    #[error("it has more than {MAX_CELLS} cells: correct `table.rows`")]
    TooManyCells,
    /// Over [`MAX_CELL_BYTES`].
    #[error("a cell holds more than {MAX_CELL_BYTES} bytes of text: correct `table.rows`")]
    TextTooLong,
    /// Titles that the file does not know stand above it, or those that it knows stand only below it.
    #[error(
        "it is a row of titles that the selector file does not know, or does not stand under those that it knows: correct the headers, `table.rows` or `table.header`, or name the row in `table.skip`"
    )]
    UnknownHeader,
    /// A number of a workbook that no float holds exactly.
    #[error(
        "a number has more digits than a workbook keeps: ask the portal for CSV, or for that column as text"
    )]
    Inexact,
}

/// What a page says about payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The header's cells as printed, spans repeated; empty when the file names no header or the page has no rows.
    pub headers: Vec<String>,
    /// The data rows in the page's order.
    pub rows: Vec<Row>,
    /// The page says that it has no rows; then `rows` is empty.
    pub says_empty: bool,
    /// The element that leads to the next page is there.
    pub has_next: bool,
    /// How many rows there are in all, where the page says so.
    pub portal_count: Option<u64>,
    /// Where each row stood.
    stood: Vec<Stood>,
}

/// Why a page gives no rows. Holds no text of a data cell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// The reading itself failed.
    #[error("reading this page made tillwatch fail: keep the page and report it")]
    Failed,
    /// Over [`MAX_PAGE_BYTES`].
    #[error(
        "the page is {bytes} bytes, the limit is {MAX_PAGE_BYTES}: narrow the portal's date range or page size"
    )]
    PageTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Over [`MAX_DEPTH`].
    #[error("the page nests its elements deeper than {MAX_DEPTH}: it is not a portal's page")]
    PageTooDeep,
    /// Over [`MAX_NODES`].
    #[error(
        "the page has more than {MAX_NODES} elements and texts: narrow the portal's date range or page size"
    )]
    TooManyNodes,
    /// Over [`MAX_ATTRIBUTES`].
    #[error(
        "a tag of the page has more than {MAX_ATTRIBUTES} attributes: it is not a portal's page"
    )]
    TooManyAttributes,
    /// Over [`MAX_ROWS`].
    #[error("the page has more than {MAX_ROWS} rows: narrow the portal's date range or page size")]
    TooManyRows,
    /// Over [`MAX_TEXT_BYTES`].
    #[error("the fields of the page hold more than {MAX_TEXT_BYTES} bytes: correct `table.rows`")]
    TooMuchText,
    /// Nothing matches `table.rows`, and nothing says that there are no rows.
    #[error(
        "no element matches `table.rows`, and the page does not say that it has no rows: correct `table.rows` or `table.empty`"
    )]
    NoTable,
    /// No row holds every header that the file names.
    #[error("{}", header::describe(.missing, .found))]
    MissingHeader {
        /// The headers that the best row does not have.
        missing: Vec<Missing>,
        /// The headers of that row, long numbers blotted out; empty when no row has any of the headers.
        found: Vec<String>,
    },
    /// A header and nothing under it, and nothing that says so.
    #[error(
        "the table has no rows, and the page does not say so: \"no rows\" is believed only where `table.empty` matches"
    )]
    NoRows,
    /// The page says that it has no rows, and has some.
    #[error("`table.empty` matches although the page has {rows} rows: make it narrower")]
    EmptyWithRows {
        /// How many.
        rows: usize,
    },
    /// `table.count` found its place, but no number there.
    #[error(
        "the text that `table.count` captures is no number: let its group hold digits and their group marks only"
    )]
    Count,
}

/// A parsed page. Not `Send`: parse, read and drop it within one blocking step.
#[derive(Debug)]
pub struct Document(Html);

/// Runs what reads a page. A panic in it, in a parser of ours or of others, is an error of this page and of no other.
///
/// # Errors
/// What `read` answers, and [`ExtractError::Failed`].
pub fn guarded<T>(read: impl FnOnce() -> Result<T, ExtractError>) -> Result<T, ExtractError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(ExtractError::Failed))
}

/// Parses a page within the limits.
///
/// # Errors
/// When it is over [`MAX_PAGE_BYTES`], [`MAX_DEPTH`], [`MAX_NODES`] or [`MAX_ATTRIBUTES`].
pub fn parse(html: &str) -> Result<Document, ExtractError> {
    guard::parse(html).map(Document)
}

impl Document {
    /// Does the page bear the mark?
    #[must_use]
    pub fn has(&self, mark: &Mark) -> bool {
        self.marked(mark).next().is_some()
    }

    /// Is it nothing but what [`export::convert`] made of a file?
    #[must_use]
    pub fn is_export(&self) -> bool {
        let body = self.0.root_element().child_elements().last();
        let mut elements = body.into_iter().flat_map(|body| body.child_elements());
        let first = elements.next();
        first.is_some_and(|first| first.value().name() == export::ELEMENT)
    }

    /// The first group of `regex` in the text of the first element that has it.
    #[must_use]
    pub fn captured(&self, css: &Selector, regex: &Regex) -> Option<String> {
        self.0.select(css).find_map(|element| {
            let printed = text::of(element, MAX_CELL_BYTES).text;
            let group = regex.captures(&printed)?;
            group
                .get(1)
                .or_else(|| group.get(0))
                .map(|group| group.as_str().to_owned())
        })
    }

    /// The tree itself, for who looks at pages that no file describes yet.
    pub(crate) fn tree(&self) -> &Html {
        &self.0
    }

    /// How many elements match.
    #[must_use]
    pub fn count(&self, css: &Selector) -> usize {
        self.0.select(css).count()
    }

    fn marked<'a>(&'a self, mark: &'a Mark) -> impl Iterator<Item = ElementRef<'a>> {
        self.0.select(&mark.css).filter(|element| {
            mark.text
                .as_ref()
                .is_none_or(|regex| regex.is_match(&text::of(*element, MAX_PAGE_BYTES).text))
        })
    }
}

/// Reads the rows of a signed-in page.
///
/// # Errors
/// See [`ExtractError`]. A row that cannot be read is no error but has a [`Row::problem`].
pub fn extract(portal: &Portal, page: &Document) -> Result<Extracted, ExtractError> {
    let table = &portal.table;
    let mut reading = Reading::new(portal, page);
    let mut grid = Grid::new(table.hidden);
    if let Some(header) = &table.header {
        for element in page.0.select(header).take(MAX_ROWS) {
            reading.take_header(&grid.lay(element));
        }
        grid = Grid::new(table.hidden);
    }
    let rows = page.0.select(&table.rows);
    let rows = rows.filter(|row| table.hidden == Hidden::Read || !text::is_hidden(*row));
    for (number, element) in rows.enumerate() {
        if number >= MAX_ROWS {
            return Err(ExtractError::TooManyRows);
        }
        let laid = grid.lay(element);
        reading.take(element, laid)?;
    }
    let says_empty = table.empty.as_ref().is_some_and(|mark| page.has(mark));
    let has_next = table
        .next
        .as_ref()
        .is_some_and(|next| page.0.select(&next.css).next().is_some());
    let portal_count = portal_count(portal, page)?;
    let stood = reading.take_stood();
    let (headers, rows) = reading.finish(says_empty)?;
    Ok(Extracted {
        headers,
        // No rows are given only where the page, or an export's header, says so.
        says_empty: rows.is_empty(),
        rows,
        has_next,
        portal_count,
        stood,
    })
}

/// Where the link to the next page leads, as written; `None` where `table.next` is no plain link: a button, or one that
/// runs a script.
///
/// # Errors
/// When the page is over the limits.
pub fn next_address(portal: &Portal, html: &str) -> Result<Option<String>, ExtractError> {
    let page = parse(html)?;
    let next = portal.table.next.as_ref();
    let link = next.and_then(|next| page.0.select(&next.css).next());
    Ok(link
        .filter(|link| link.value().name() == "a" && link.attr("onclick").is_none())
        .and_then(|link| link.attr("href").map(str::to_owned)))
}

/// Does anything match `table.rows`?
#[must_use]
pub fn has_rows(portal: &Portal, html: &str) -> bool {
    parse(html).is_ok_and(|page| page.0.select(&portal.table.rows).next().is_some())
}

/// The number in `table.count`; `None` where the page has no such text.
fn portal_count(portal: &Portal, page: &Document) -> Result<Option<u64>, ExtractError> {
    let Some((css, regex)) = &portal.table.count else {
        return Ok(None);
    };
    page.captured(css, regex)
        .map(|printed| number(&printed).ok_or(ExtractError::Count))
        .transpose()
}

fn number(printed: &str) -> Option<u64> {
    let digits: String = printed
        .chars()
        .filter(|c| !matches!(c, ',' | '.' | ' ' | '\''))
        .collect();
    digits.parse().ok()
}

/// CSS of `table.count`, for the browser.
#[must_use]
pub fn count_css(portal: &Portal) -> Option<String> {
    portal.table.count.as_ref().map(|(css, _)| text::css(css))
}

/// The number that `table.count` captures in this text.
#[must_use]
pub fn counted(portal: &Portal, printed: &str) -> Option<u64> {
    let (_, regex) = portal.table.count.as_ref()?;
    let printed = text::collapse(printed, MAX_CELL_BYTES).text;
    number(regex.captures(&printed)?.get(1)?.as_str())
}

#[cfg(test)]
mod odd_tables;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod tests;
