//! Why an export gives no table. Pure.

use super::{MAX_JSON_DEPTH, MAX_PACKED, MAX_RECORD_BYTES, MAX_WORKBOOK_BYTES};
use crate::extract::{MAX_CELLS, MAX_PAGE_BYTES, MAX_ROWS};
use crate::selectors::Pointer;

/// Why a file gives no table. Holds no text of a cell, and no name of a file or sheet, which may hold an account number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// No byte, or white space only.
    #[error("the export is empty, not even a header: it is not believed to say \"no rows\"")]
    Nothing,
    /// Over [`MAX_PAGE_BYTES`], packed or unpacked.
    #[error(
        "the export is more than {MAX_PAGE_BYTES} bytes: narrow the portal's date range in `table.path` or `table.download`"
    )]
    TooLarge,
    /// Over [`MAX_WORKBOOK_BYTES`].
    #[error("the workbook unpacks to more than {MAX_WORKBOOK_BYTES} bytes: narrow the date range")]
    WorkbookTooLarge,
    /// Over [`MAX_PACKED`].
    #[error("the export is packed more than {MAX_PACKED} times: it is not a portal's file")]
    PackedTooOften,
    /// It breaks off, or its checksum is wrong.
    #[error(
        "the export is a damaged {container} file: it broke off on its way, or the portal made it so"
    )]
    Damaged {
        /// `gzip`, `ZIP`, `XLSX` or `XLS`.
        container: &'static str,
    },
    /// It wants a password.
    #[error("the export is encrypted: ask the portal for one without a password")]
    Encrypted,
    /// A ZIP of several files and nothing says which, or none fits.
    #[error(
        "{fitting} of the {files} files in the ZIP fit: name one by `member = \"regex\"` in `table.download`"
    )]
    Member {
        /// All files.
        files: usize,
        /// Those that `member` matches.
        fitting: usize,
    },
    /// PDF.
    #[error("the export is a PDF, which holds no table: ask the portal for CSV or a workbook")]
    Pdf,
    /// Neither text nor a kind that is known.
    #[error(
        "the export is neither text nor a workbook: if it is text, name its `encoding`, such as \"utf-16le\""
    )]
    Binary,
    /// Bytes that the encoding does not have.
    #[error("the export is not {encoding}: correct `encoding` in `table.download`")]
    Encoding {
        /// The one that was tried.
        encoding: &'static str,
    },
    /// No delimiter, or two that fit equally well.
    #[error(
        "the delimiter of the CSV cannot be told: name it by `delimiter = \";\"` in `table.download`"
    )]
    Delimiter,
    /// Over [`MAX_RECORD_BYTES`].
    #[error(
        "record {record} of the CSV is longer than {MAX_RECORD_BYTES} bytes: a quote is left open, or it is no CSV"
    )]
    EndlessRecord {
        /// From 1.
        record: usize,
    },
    /// Over [`MAX_CELLS`].
    #[error(
        "row {row} of the export has more than {MAX_CELLS} cells: it is not a list of payments"
    )]
    TooManyCells {
        /// From 1.
        row: usize,
    },
    /// Over [`MAX_ROWS`].
    #[error("the export has more than {MAX_ROWS} rows: narrow the portal's date range")]
    TooManyRows,
    /// The table made of it is over [`MAX_PAGE_BYTES`].
    #[error("the table of the export is more than {MAX_PAGE_BYTES} bytes: narrow the date range")]
    TableTooLarge,
    /// No sheet of that name, or all are hidden.
    #[error(
        "none of the workbook's {visible} visible sheets is the one that `sheet` names: correct it in `table.download`"
    )]
    Sheet {
        /// How many there are.
        visible: usize,
    },
    /// JSON where a file was asked for.
    #[error(
        "the portal answers JSON instead of a file: an error of its own, or an endpoint to be read by `table.json`"
    )]
    UnexpectedJson,
    /// Not JSON.
    #[error("the answer is no JSON (line {line}, column {column})")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// The list is not where the file says.
    #[error(
        "the answer has no list at `{pointer}`: an error of the portal, or correct `rows` in `table.json`"
    )]
    NoList {
        /// As in the file.
        pointer: Pointer,
    },
    /// A row that is a mere text, number or null.
    #[error(
        "item {item} of the list is neither an object nor a list: correct `rows` in `table.json`"
    )]
    Item {
        /// From 1.
        item: usize,
    },
    /// An object that says the same twice, perhaps differently.
    #[error("item {item} of the list names a key twice: which one counts cannot be told")]
    TwiceKey {
        /// From 1.
        item: usize,
    },
    /// Over [`MAX_JSON_DEPTH`].
    #[error("item {item} of the list nests deeper than {MAX_JSON_DEPTH}: it is not a payment")]
    TooDeep {
        /// From 1.
        item: usize,
    },
    /// The way to the next answer cannot be told.
    #[error(
        "what stands at `{pointer}` does not say whether there is more: correct `next` in `table.json`"
    )]
    Next {
        /// As in the file.
        pointer: Pointer,
    },
}

impl ExportError {
    /// Is it likely that the portal said something else than it should, so that asking again later may help?
    #[must_use]
    pub fn is_an_answer_of_trouble(&self) -> bool {
        match self {
            ExportError::Nothing
            | ExportError::Damaged { .. }
            | ExportError::UnexpectedJson
            | ExportError::NotJson { .. }
            | ExportError::NoList { .. } => true,
            ExportError::TooLarge
            | ExportError::WorkbookTooLarge
            | ExportError::PackedTooOften
            | ExportError::Encrypted
            | ExportError::Member { .. }
            | ExportError::Pdf
            | ExportError::Binary
            | ExportError::Encoding { .. }
            | ExportError::Delimiter
            | ExportError::EndlessRecord { .. }
            | ExportError::TooManyCells { .. }
            | ExportError::TooManyRows
            | ExportError::TableTooLarge
            | ExportError::Sheet { .. }
            | ExportError::Item { .. }
            | ExportError::TwiceKey { .. }
            | ExportError::TooDeep { .. }
            | ExportError::Next { .. } => false,
        }
    }
}
