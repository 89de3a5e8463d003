//! Mistakes in a file, each with its place and what to write instead. Pure.
//!
//! - Whatever is wrong with a file comes out in this one form, all of it at once.
//! - What looks like a secret in a file is shown as stars (`secrets_in_a_file_are_not_shown`).

pub mod locate;
pub mod table;
pub mod trace;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use regex::Regex;

/// A file as people see it in messages: what looks like a secret is starred out, byte for byte.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFile {
    path: String,
    shown: String,
}

impl SourceFile {
    /// `path` as it is to be printed; `text` is empty for a file that could not be read.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_owned(),
            shown: star_secrets(text),
        })
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it stands.
    pub file: Arc<SourceFile>,
    /// Bytes of the file's text.
    pub span: Range<usize>,
    /// What is wrong, a lowercase fragment.
    pub what: String,
    /// What to write instead.
    pub advice: String,
}

impl Diagnostic {
    /// A mistake of the file as a whole, e.g. that it cannot be read.
    #[must_use]
    pub fn whole_file(path: &str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            file: SourceFile::new(path, ""),
            span: 0..0,
            what: what.into(),
            advice: advice.into(),
        }
    }

    /// `file:line: what: advice`, on one line.
    #[must_use]
    pub fn line(&self) -> String {
        let before = self.file.shown.get(..self.span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        format!("{}:{line}: {}: {}", self.file.path, self.what, self.advice)
    }

    fn group(&self) -> Group<'_> {
        let title = Level::ERROR.primary_title(&self.what);
        let advice = Level::HELP.message(&self.advice);
        if self.file.shown.is_empty() {
            return title
                .element(Origin::path(self.file.path.as_str()))
                .element(advice);
        }
        let place = AnnotationKind::Primary.span(self.span.clone());
        let excerpt = Snippet::source(self.file.shown.as_str())
            .path(self.file.path.as_str())
            .annotation(place);
        title.element(excerpt).element(advice)
    }
}

/// Everything found, in the order of files and places. An error to return: it prints as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Sorts, and tells the same mistake once.
    #[must_use]
    pub fn new(mut found: Vec<Diagnostic>) -> Self {
        found.sort_by(|a, b| {
            (&a.file, a.span.start, a.span.end, &a.what).cmp(&(
                &b.file,
                b.span.start,
                b.span.end,
                &b.what,
            ))
        });
        found.dedup();
        Self(found)
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is nothing wrong?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each as an underlined excerpt with file:line:column, a blank line between two, no line end at the end.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let rendered: Vec<String> = self
            .iter()
            .map(|diagnostic| renderer.render(&[diagnostic.group()]))
            .collect();
        rendered.join("\n\n")
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self(vec![one])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// The word of `known` that `written` was probably meant to be: at most a third of its letters differ.
#[must_use]
pub fn closest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    known
        .into_iter()
        .map(|word| (distance(&written, &word.to_lowercase()), word))
        .filter(|(distance, word)| *distance <= word.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// "did you mean `x`?", else the list of what is known.
#[must_use]
pub fn did_you_mean(written: &str, known: &[&str]) -> String {
    match closest(written, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("write one of `{}`", known.join("`, `")),
    }
}

/// Letters to insert, delete or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut before = i;
        let mut left = i + 1;
        for (above, other) in row.iter_mut().skip(1).zip(&b) {
            let cost = (before + usize::from(letter != *other))
                .min(left + 1)
                .min(*above + 1);
            before = *above;
            *above = cost;
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Stars over values of keys like `password`, over passwords in addresses, and over what `with` types unless it is a placeholder.
fn star_secrets(text: &str) -> String {
    static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r#"(?i)(?:passw(?:or)?d|passphrase|secret|token|pin|\bwith)["']?[ \t]*=[ \t]*("[^"\n]*"?|'[^'\n]*'?|[^\s,}]+)|://[^\s/@"':]*:([^\s/@"']+)@"#,
        )
        .ok()
    });
    let mut shown = text.to_owned();
    for found in SECRET.iter().flat_map(|secret| secret.captures_iter(text)) {
        let Some(value) = found.get(1).or_else(|| found.get(2)) else {
            continue;
        };
        let bare = value.as_str().trim_matches(['"', '\'']);
        if !(bare.starts_with('{') && bare.ends_with('}')) {
            shown.replace_range(value.range(), &"*".repeat(value.len()));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_a_file_are_not_shown() {
        for (written, shown) in [
            ("password = \"hunter2\"", "password = *********"),
            ("secret = hunter2 # x", "secret = ******* # x"),
            ("a = { pin = '1, 2' }", "a = { pin = ****** }"),
            ("with = \"hünter\"", "with = *********"),
            ("with = \"{password}\"", "with = \"{password}\""),
            ("token_file = \"/run/x\"", "token_file = \"/run/x\""),
            (
                "proxy = \"http://me:hunter2@proxy.example:3128\"",
                "proxy = \"http://me:*******@proxy.example:3128\"",
            ),
        ] {
            assert_eq!(star_secrets(written), shown);
        }
    }

    #[test]
    fn the_closest_word_is_offered_and_a_far_one_is_not() {
        let known = ["operator", "origin", "zone", "currency"];
        assert_eq!(closest("opertor", known), Some("operator"));
        assert_eq!(closest("orgin", known), Some("origin"));
        assert_eq!(closest("Zone", known), Some("zone"));
        assert_eq!(closest("browser", known), None);
    }

    #[test]
    fn an_excerpt_has_file_line_column_and_advice() {
        let found = Diagnostics::from(Diagnostic {
            file: SourceFile::new("a.toml", "x = 1\nzone = \"EAT\"\n"),
            span: 13..18,
            what: "no such zone".to_owned(),
            advice: "write `Africa/Nairobi`".to_owned(),
        });
        let shown = found.render(false);
        for part in ["error: no such zone", "a.toml:2:8", "^^^^^", "help: write"] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    }
}
