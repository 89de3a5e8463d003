//! The text of a file whose encoding nobody names. Pure.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::ExportError;

/// By the byte order mark, else as `named`, else UTF-8 where it is, else windows-1252, which every byte is.
pub(super) fn decoded(
    bytes: &[u8],
    named: Option<&'static Encoding>,
) -> Result<String, ExportError> {
    let marked = Encoding::for_bom(bytes);
    let (encoding, rest) = match (marked, named) {
        (Some((encoding, mark)), _) => (encoding, bytes.get(mark..).unwrap_or_default()),
        (None, Some(named)) => (named, bytes),
        (None, None) if std::str::from_utf8(bytes).is_ok() => (UTF_8, bytes),
        (None, None) => (WINDOWS_1252, bytes),
    };
    let (text, broken) = encoding.decode_without_bom_handling(rest);
    if broken {
        return Err(ExportError::Encoding {
            encoding: encoding.name(),
        });
    }
    if text.contains('\0') {
        return Err(ExportError::Binary);
    }
    Ok(text.into_owned())
}
