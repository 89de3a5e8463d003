//! An export or an endpoint that the table is read from instead of the page. Pure.

use std::fmt::Write as _;

use encoding_rs::Encoding;
use regex::Regex;

/// What is asked for in the session that the page at `table.path` proves.
#[derive(Debug, Clone)]
pub enum Export {
    /// `table.download`: a file that the portal makes.
    Download(Download),
    /// `table.json`: an endpoint that the page's own scripts ask.
    Json(Endpoint),
}

/// A file of rows.
#[derive(Debug, Clone)]
pub struct Download {
    /// How it is asked for.
    pub ask: Ask,
    /// What is not found by the bytes alone.
    pub format: FileFormat,
}

/// How a download is asked for.
#[derive(Debug, Clone)]
pub enum Ask {
    /// `path`: an address at the origin, with `{from}` and `{to}` where it takes dates.
    Path(String),
    /// `link`: CSS of the link to it on the signed-in page.
    Link(scraper::Selector),
    /// `form`: the form on the signed-in page that asks for it.
    Form {
        /// CSS of the form.
        form: scraper::Selector,
        /// Its fields as they are sent instead of as the page has them: name, and text with `{from}` and `{to}`.
        fields: Vec<(String, String)>,
    },
}

/// What a file does not say of itself.
#[derive(Debug, Clone, Default)]
pub struct FileFormat {
    /// Of a text without byte order mark that is not UTF-8; unset: windows-1252.
    pub encoding: Option<&'static Encoding>,
    /// Between the cells of a CSV; unset: the one that fits the most lines.
    pub delimiter: Option<u8>,
    /// Name of the sheet; unset: all that are not hidden, one after the other.
    pub sheet: Option<String>,
    /// The name within a ZIP matches this; unset: it holds one file.
    pub member: Option<Regex>,
}

/// An endpoint that answers JSON.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// At the origin, with `{from}` and `{to}` where it takes dates.
    pub path: String,
    /// Where the list of rows stands in the answer.
    pub rows: Pointer,
    /// How the next answer is asked for; `None`: one answer holds everything.
    pub next: Option<NextAnswer>,
}

/// How an endpoint pages: by a query parameter of the same address.
#[derive(Debug, Clone)]
pub struct NextAnswer {
    /// Name of the parameter.
    pub parameter: String,
    /// What it is set to.
    pub to: Onward,
    /// Where the answer says `true` as long as there is more.
    pub more: Option<Pointer>,
}

/// What leads to the next answer.
#[derive(Debug, Clone)]
pub enum Onward {
    /// `cursor`: what stands there; null, missing or empty on the last one, unless `more` says it.
    Cursor(Pointer),
    /// `page`: the number of the page, counted from this one.
    Page(u64),
}

/// A JSON pointer, RFC 6901: `/page_info/end_cursor`; the empty one is the whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// Parses it; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let parts = text.strip_prefix('/')?.split('/');
        let parts = parts.map(|part| {
            let strange = part.replace("~0", "").replace("~1", "").contains('~');
            (!strange).then(|| part.replace("~1", "/").replace("~0", "~"))
        });
        parts.collect::<Option<Vec<_>>>().map(Self)
    }

    /// The keys and indexes on the way.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// One part as it is written in a pointer.
    #[must_use]
    pub fn escaped(part: &str) -> String {
        part.replace('~', "~0").replace('/', "~1")
    }
}

impl std::fmt::Display for Pointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.parts().try_for_each(|part| {
            f.write_char('/')?;
            f.write_str(&Self::escaped(part))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Pointer;

    #[test]
    fn a_pointer_is_written_as_it_is_read() {
        for text in ["", "/", "/a", "/a~1b/0/m~0n"] {
            assert_eq!(
                Pointer::parse(text).map(|pointer| pointer.to_string()),
                Some(text.to_owned())
            );
        }
        for text in ["a", "a/b", "/a~2", "/~"] {
            assert_eq!(Pointer::parse(text), None, "{text}");
        }
    }
}
