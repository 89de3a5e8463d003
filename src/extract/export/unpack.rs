//! What a file is by its first bytes, and what is in it when it is packed. Pure.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use flate2::read::MultiGzDecoder;
use regex::Regex;
use zip::ZipArchive;
use zip::result::ZipError;

use super::{ExportError, MAX_PACKED, MAX_WORKBOOK_BYTES};
use crate::extract::{MAX_NODES, MAX_PAGE_BYTES};

/// What unpacked bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A workbook in a ZIP.
    Xlsx,
    /// A compound file (CFB): a BIFF workbook, or an encrypted XLSX.
    Xls,
    Pdf,
    /// Anything else.
    Text,
}

/// RFC 1952 section 2.3.1.
const GZIP: &[u8] = b"\x1f\x8b";
/// APPNOTE 4.3.7 and, without a file, 4.3.16.
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// MS-CFB 2.2.
pub(super) const CFB: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// What makes a ZIP a workbook: ECMA-376 part 2.
const WORKBOOK: &str = "[Content_Types].xml";

/// By the first bytes; a ZIP that is no workbook is unpacked before anybody asks.
pub(super) fn kind(bytes: &[u8]) -> Kind {
    if is_zip(bytes) {
        Kind::Xlsx
    } else if bytes.starts_with(CFB) {
        Kind::Xls
    } else if bytes.starts_with(b"%PDF-") {
        Kind::Pdf
    } else {
        Kind::Text
    }
}

fn is_zip(bytes: &[u8]) -> bool {
    ZIP.iter().any(|magic| bytes.starts_with(magic))
}

/// Takes the file out of gzip and ZIP, each at most [`MAX_PAGE_BYTES`] while it is inflated.
pub(super) fn unpack<'a>(
    bytes: &'a [u8],
    member: Option<&Regex>,
) -> Result<Cow<'a, [u8]>, ExportError> {
    let mut inner = Cow::Borrowed(bytes);
    for _ in 0..=MAX_PACKED {
        if inner.len() > MAX_PAGE_BYTES {
            return Err(ExportError::TooLarge);
        }
        let unpacked = if inner.starts_with(GZIP) {
            inflated(MultiGzDecoder::new(&*inner), "gzip")?
        } else if is_zip(&inner) {
            match unzipped(&inner, member)? {
                Some(unpacked) => unpacked,
                None => return Ok(inner),
            }
        } else {
            return Ok(inner);
        };
        inner = Cow::Owned(unpacked);
    }
    Err(ExportError::PackedTooOften)
}

/// At most [`MAX_PAGE_BYTES`] and one are taken, whatever the file promises.
fn inflated(packed: impl Read, container: &'static str) -> Result<Vec<u8>, ExportError> {
    let mut unpacked = Vec::new();
    packed
        .take(MAX_PAGE_BYTES as u64 + 1)
        .read_to_end(&mut unpacked)
        .map_err(|_| ExportError::Damaged { container })?;
    if unpacked.len() > MAX_PAGE_BYTES {
        return Err(ExportError::TooLarge);
    }
    Ok(unpacked)
}

/// The file in a ZIP; `None` where the ZIP is a workbook that is small enough to be read.
fn unzipped(bytes: &[u8], member: Option<&Regex>) -> Result<Option<Vec<u8>>, ExportError> {
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| refused(&error, "ZIP"))?;
    if archive.index_for_name(WORKBOOK).is_some() {
        return small_enough(&mut archive).map(|()| None);
    }
    let mut files = 0;
    let mut fitting = Vec::new();
    for index in 0..archive.len() {
        let Some(Ok(name)) = archive.name_for_index(index) else {
            continue;
        };
        // macOS puts a shadow beside every file.
        if name.ends_with('/') || name.starts_with("__MACOSX/") {
            continue;
        }
        files += 1;
        if member.is_none_or(|member| member.is_match(&name)) {
            fitting.push(index);
        }
    }
    let [index] = fitting[..] else {
        return Err(ExportError::Member {
            files,
            fitting: fitting.len(),
        });
    };
    let file = archive.by_index(index);
    let file = file.map_err(|error| refused(&error, "ZIP"))?;
    inflated(file, "ZIP").map(Some)
}

/// Inflates all parts of a workbook and counts: what the parts' headers promise is not believed.
fn small_enough(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<(), ExportError> {
    let mut left = MAX_WORKBOOK_BYTES;
    for index in 0..archive.len() {
        let part = archive.by_index(index);
        let part = part.map_err(|error| refused(&error, "XLSX"))?;
        let mut inflated = Vec::new();
        let read = part.take(left as u64 + 1).read_to_end(&mut inflated);
        read.map_err(|_| ExportError::Damaged { container: "XLSX" })?;
        left = left
            .checked_sub(inflated.len())
            .ok_or(ExportError::WorkbookTooLarge)?;
        if promised(&inflated) > MAX_NODES {
            return Err(ExportError::WorkbookTooLarge);
        }
    }
    Ok(())
}

/// The most texts that a part says it has, for which the library would take memory at once. ECMA-376 part 1, 18.4.9.
fn promised(part: &[u8]) -> usize {
    const COUNT: &[u8] = b"uniqueCount";
    // In UTF-16 there is a zero beside every letter.
    let ascii: Vec<u8> = part.iter().copied().filter(|byte| *byte != 0).collect();
    let said = ascii.windows(COUNT.len()).enumerate();
    let said = said.filter(|(_, word)| *word == COUNT).map(|(at, _)| {
        let value = ascii.get(at + COUNT.len()..).unwrap_or_default().iter();
        let value = value.skip_while(|byte| !byte.is_ascii_digit() && **byte != b'>');
        let digits = value.take_while(|byte| byte.is_ascii_digit());
        digits.fold(0_usize, |number, digit| {
            number
                .saturating_mul(10)
                .saturating_add(usize::from(digit - b'0'))
        })
    });
    said.max().unwrap_or(0)
}

fn refused(error: &ZipError, container: &'static str) -> ExportError {
    match error {
        ZipError::UnsupportedArchive(text) if *text == ZipError::PASSWORD_REQUIRED => {
            ExportError::Encrypted
        }
        _other => ExportError::Damaged { container },
    }
}
