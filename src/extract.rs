//! HTML page to rows of text. Pure.
//!
//! The table model is the HTML standard's ("forming a table"), spans included. Columns are found by
//! header text. A page is refused before parsing when it is over [`MAX_PAGE_BYTES`] or nested deeper than
//! [`MAX_DEPTH`]: html5ever is quadratic in open elements and a parse cannot be cancelled.

use std::collections::BTreeMap;

use crate::selectors::Field;

/// 8 MiB.
pub const MAX_PAGE_BYTES: usize = 8 << 20;
/// Open elements within each other.
pub const MAX_DEPTH: usize = 512;
/// Rows of one page.
pub const MAX_ROWS: usize = 20_000;
/// Cells of one row, spans counted.
pub const MAX_CELLS: usize = 500;

/// One data row as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Position among the data rows of the page, from 1.
    pub number: usize,
    /// Every field that the file names and the row has, white space collapsed and trimmed.
    pub fields: BTreeMap<Field, RawField>,
    /// Every cell's text, for the quarantine.
    pub cells: Vec<String>,
}

/// The text of one field and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawField {
    /// Column number from 1, where it came from a column.
    pub column: Option<usize>,
    /// The header matched, as printed, or the CSS.
    pub origin: String,
    /// The text.
    pub text: String,
}
