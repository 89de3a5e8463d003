//! A downloaded export as an HTML table that the one engine reads. Pure.
//!
//! CSV, XLSX, BIFF .xls and JSON, packed or not, become a `downloaded-table` element with their kind as its class: marks,
//! `rows`, `header` and `skip` see nothing but a page. The kind is found by the bytes: names and content types lie.
//!
//! - Cells keep what the file says: their digits, their order, rows of unequal length.
//! - Everything is bounded while it is read, before memory is taken for it.
//! - No text of a cell is in an error.

mod biff;
mod csv;
mod decoded;
mod error;
mod json;
mod sheet;
mod unpack;
mod writer;

use url::Url;

use crate::selectors::{Endpoint, Export, FileFormat, Portal};

pub use error::ExportError;

/// What an XLSX workbook may unpack to, 32 MiB: its XML is some ten times its text.
pub const MAX_WORKBOOK_BYTES: usize = 32 << 20;
/// Packed files within each other.
pub const MAX_PACKED: usize = 3;
/// One record of a CSV, 256 KiB.
pub const MAX_RECORD_BYTES: usize = 256 << 10;
/// Objects and lists within each other in one row of JSON.
pub const MAX_JSON_DEPTH: usize = 32;
/// Name of the element that holds the table.
pub const ELEMENT: &str = "downloaded-table";
/// Attribute of a cell whose number is not kept exactly: its row is put aside.
pub(super) const INEXACT: &str = "data-inexact";

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Converted {
    /// A page: perhaps an export that is an HTML table under another name, perhaps a sign-in page.
    Html(String),
    /// The `downloaded-table` element.
    Table(String),
}

impl Converted {
    /// The element in both cases.
    #[must_use]
    pub fn into_element(self) -> String {
        match self {
            Converted::Html(page) => format!("<{ELEMENT} class=\"html\">{page}</{ELEMENT}>"),
            Converted::Table(element) => element,
        }
    }
}

/// Turns what `portal` gave into HTML. `asked` is the address that gave it, for the link to the next answer.
///
/// # Errors
/// See [`ExportError`].
pub fn convert(
    portal: &Portal,
    bytes: &[u8],
    asked: Option<&Url>,
) -> Result<Converted, ExportError> {
    let endpoint = match &portal.table.export {
        Some(Export::Json(endpoint)) => Some(endpoint),
        Some(Export::Download(_)) | None => None,
    };
    read(bytes, &format(portal), endpoint, asked)
}

fn read(
    bytes: &[u8],
    format: &FileFormat,
    endpoint: Option<&Endpoint>,
    asked: Option<&Url>,
) -> Result<Converted, ExportError> {
    let bytes = unpack::unpack(bytes, format.member.as_ref())?;
    match unpack::kind(&bytes) {
        unpack::Kind::Xlsx => sheet::xlsx(&bytes, format.sheet.as_deref()).map(Converted::Table),
        unpack::Kind::Xls => sheet::xls(&bytes, format.sheet.as_deref()).map(Converted::Table),
        unpack::Kind::Pdf => Err(ExportError::Pdf),
        unpack::Kind::Text => {
            let text = decoded::decoded(&bytes, format.encoding)?;
            match (endpoint, text.trim_start().as_bytes().first()) {
                (_, None) => Err(ExportError::Nothing),
                (_, Some(b'<')) => Ok(Converted::Html(text)),
                (Some(endpoint), _) => json::table(&text, endpoint, asked).map(Converted::Table),
                (None, Some(b'{' | b'[')) if json::is_json(&text) => {
                    Err(ExportError::UnexpectedJson)
                }
                (None, Some(_)) => csv::table(&text, format.delimiter).map(Converted::Table),
            }
        }
    }
}

/// The text that an export of `portal` is, unpacked; `None` of a workbook, which is no text.
///
/// # Errors
/// See [`ExportError`].
pub fn text(portal: &Portal, bytes: &[u8]) -> Result<Option<String>, ExportError> {
    let format = format(portal);
    let bytes = unpack::unpack(bytes, format.member.as_ref())?;
    match unpack::kind(&bytes) {
        unpack::Kind::Text => decoded::decoded(&bytes, format.encoding).map(Some),
        unpack::Kind::Xlsx | unpack::Kind::Xls | unpack::Kind::Pdf => Ok(None),
    }
}

/// A CSV of `portal` in UTF-8 with other cells: `made` of what stood in each.
///
/// # Errors
/// See [`ExportError`].
pub fn rewritten(
    portal: &Portal,
    text: &str,
    made: &mut dyn FnMut(&str) -> String,
) -> Result<String, ExportError> {
    let format = format(portal);
    let text = csv::rewritten(text, format.delimiter, made)?;
    // Read again, it is to be taken for what it is.
    let mark = format.encoding.map_or("", |_| "\u{feff}");
    Ok(format!("{mark}{text}"))
}

fn format(portal: &Portal) -> FileFormat {
    match &portal.table.export {
        Some(Export::Download(download)) => download.format.clone(),
        Some(Export::Json(_)) | None => FileFormat::default(),
    }
}

#[cfg(test)]
mod tests;
