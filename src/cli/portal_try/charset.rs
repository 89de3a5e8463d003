//! Which encoding the bytes of a saved page have, and what they then say. Pure.
//!
//! In this order: the byte order mark; UTF-8, where they are; what the portal said of them; the `meta` at their beginning. UTF-8
//! stands before both names because a recording, and what is copied from the inspector, is UTF-8 whatever its `meta` says, while
//! text of another encoding is UTF-8 by chance only.

use std::fmt;
use std::sync::LazyLock;

use encoding_rs::{Encoding, UTF_8};
use regex::Regex;

/// How far the HTML standard has browsers look for the `meta`.
const HEAD_BYTES: usize = 1024;

/// A comment, such as the one that browsers write before a saved page, or a `meta` with its charset.
static META: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?is)<!--.*?-->|<meta\b[^>]*?[\s;"'/]charset\s*=\s*["']?\s*(?<label>[\w:.-]+)"#)
        .ok()
});
static CONTENT_TYPE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i);\s*charset\s*=\s*["']?(?<label>[\w:.-]+)"#).ok());

/// The bytes are not what they were taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page is not {encoding}, which {by}: {}", .by.advice())]
pub struct WrongEncoding {
    /// Its name.
    pub encoding: &'static str,
    /// Why it was taken.
    pub by: By,
}

/// Why bytes were taken for an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The byte order mark.
    Mark,
    /// The header `Content-Type`.
    ContentType,
    /// The `meta` at the beginning.
    Meta,
    /// Nothing named another.
    Default,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            By::Mark => f.write_str("its byte order mark says"),
            By::ContentType => f.write_str("the portal says"),
            By::Meta => f.write_str("its `<meta charset>` says"),
            By::Default => write!(
                f,
                "is assumed where no `<meta charset>` in the first {HEAD_BYTES} bytes names another"
            ),
        }
    }
}

impl By {
    fn advice(self) -> &'static str {
        match self {
            By::Mark => "it is damaged, save it again",
            By::ContentType | By::Meta | By::Default => {
                "open it in the browser, enter `document.characterSet` in the console, and convert the saved file from what that says: \
                 `iconv -f windows-1252 -t utf-8`"
            }
        }
    }
}

/// The text of a page that the portal sent as `content_type`, where that is known.
///
/// # Errors
/// When the bytes do not fit the encoding that they are taken for.
pub fn decoded(bytes: &[u8], content_type: Option<&str>) -> Result<String, WrongEncoding> {
    let (encoding, by, bytes) = taken_for(bytes, content_type);
    let (text, is_broken) = encoding.decode_without_bom_handling(bytes);
    if is_broken {
        let encoding = encoding.name();
        return Err(WrongEncoding { encoding, by });
    }
    Ok(text.into_owned())
}

/// The encoding, why, and the bytes without their mark.
fn taken_for<'b>(bytes: &'b [u8], content_type: Option<&str>) -> (&'static Encoding, By, &'b [u8]) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(mark..).unwrap_or_default();
        return (encoding, By::Mark, rest);
    }
    let (encoding, by) = if std::str::from_utf8(bytes).is_ok() {
        (UTF_8, By::Default)
    } else if let Some(encoding) = content_type.and_then(|said| named(&CONTENT_TYPE, said)) {
        (encoding, By::ContentType)
    } else if let Some(encoding) = named(&META, &head(bytes)) {
        // A `meta` that can be read as ASCII is not UTF-16, whatever it says.
        (encoding.output_encoding(), By::Meta)
    } else {
        (UTF_8, By::Default)
    };
    (encoding, by, bytes)
}

/// What stands at the beginning, each byte a letter.
fn head(bytes: &[u8]) -> String {
    let head = bytes.iter().take(HEAD_BYTES);
    head.copied().map(char::from).collect()
}

/// The first encoding that browsers know by its name.
fn named(label: &LazyLock<Option<Regex>>, text: &str) -> Option<&'static Encoding> {
    let mut found = label.as_ref()?.captures_iter(text);
    found.find_map(|found| Encoding::for_label(found.name("label")?.as_str().as_bytes()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<String, String> {
        decoded(bytes, None).map_err(|error| error.to_string())
    }

    #[test]
    fn a_page_is_read_as_it_says_it_is_written() {
        for (bytes, ends) in [
            (b"<meta charset=iso-8859-1>caf\xe9 \x80".as_slice(), "café €"),
            (b"<META CHARSET='windows-1252' />caf\xe9", "café"),
            (
                b"<meta http-equiv=Content-Type content=\"text/html; charset=ISO-8859-1\">caf\xe9",
                "café",
            ),
            (
                b"<!-- <meta charset=koi8-r> --><meta charset=nonsense><meta charset=latin1>caf\xe9",
                "café",
            ),
            (b"<meta charset=utf-16>caf\xc3\xa9", "café"),
            (b"\xef\xbb\xbf<meta charset=latin1>caf\xc3\xa9", "café"),
            (b"\xff\xfe<\0p\0>\0\xe9\0", "<p>é"),
            (b"\xfe\xff\0<\0p\0>\0\xe9", "<p>é"),
            // A recording: written anew as UTF-8, its `meta` kept.
            (b"<meta charset=iso-8859-1>caf\xc3\xa9", "café"),
            (b"caf\xc3\xa9", "café"),
            (b"", ""),
        ] {
            let text = text(bytes).unwrap();
            assert!(text.ends_with(ends), "{text}");
            assert!(!text.starts_with('\u{feff}'), "{text}");
        }
        let said = |kind: &str| decoded(b"<meta charset=koi8-r>caf\xe9", Some(kind)).unwrap();
        assert!(said("text/html; charset=\"ISO-8859-1\"").ends_with("café"));
        assert!(said("text/html").ends_with("cafИ"));
    }

    #[test]
    fn bytes_that_do_not_fit_are_refused_with_the_encoding_and_its_reason() {
        let far = format!("{}<meta charset=latin1>", " ".repeat(HEAD_BYTES)).into_bytes();
        for (bytes, told) in [
            (
                b"<p charset=latin1>caf\xe9".as_slice(),
                "is not UTF-8, which is assumed where no `<meta charset>` in the first 1024 bytes names another: open",
            ),
            (
                &[far.as_slice(), b"\xe9"].concat(),
                "is not UTF-8, which is assumed",
            ),
            (
                b"<meta charset=utf-8>caf\xe9",
                "is not UTF-8, which its `<meta charset>` says: open it in the browser",
            ),
            (
                b"<meta charset=big5>caf\xff",
                "is not Big5, which its `<meta charset>` says",
            ),
            (
                b"\xef\xbb\xbfcaf\xe9",
                "is not UTF-8, which its byte order mark says: it is damaged",
            ),
        ] {
            let error = text(bytes).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
