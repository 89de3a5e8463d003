//! Where a key stands in a file, for what is found out only after the file was read. Pure.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Diagnostic, SourceFile};

/// A TOML file whose keys can be pointed at.
pub struct Locator<'a> {
    file: Arc<SourceFile>,
    document: Spanned<DeTable<'a>>,
}

impl<'a> Locator<'a> {
    /// Of a file that was read before; one that is no TOML has no keys.
    #[must_use]
    pub fn new(path: &str, text: &'a str) -> Self {
        let (document, _) = DeTable::parse_recoverable(text);
        Self {
            file: SourceFile::new(path, text),
            document,
        }
    }

    /// A mistake at the value of a key, given by its way there: `fields.status.map`, `marks.outcomes.2.css`; keys with a dot
    /// in them by `steps`. Where there is no such key, it is the nearest one around it.
    #[must_use]
    pub fn wrong(
        &self,
        way: &[&str],
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic {
            file: Arc::clone(&self.file),
            span: self.span(way),
            what: what.into(),
            advice: advice.into(),
        }
    }

    /// The value of a key as text, where it is text.
    #[must_use]
    pub fn text(&self, way: &[&str]) -> Option<&str> {
        let (found, rest) = self.walk(way);
        found
            .filter(|_| rest == 0)
            .and_then(|value| value.get_ref().as_str())
    }

    fn span(&self, way: &[&str]) -> Range<usize> {
        self.walk(way).0.map_or(0..0, Spanned::span)
    }

    /// The last value on the way that is there, and how many keys were left.
    fn walk(&self, way: &[&str]) -> (Option<&Spanned<DeValue<'a>>>, usize) {
        let mut found: Option<&Spanned<DeValue<'a>>> = None;
        for (number, key) in way.iter().enumerate() {
            let next = match found.map(Spanned::get_ref) {
                None => self.document.get_ref().get(*key),
                Some(DeValue::Table(table)) => table.get(*key),
                Some(DeValue::Array(list)) => key.parse().ok().and_then(|at: usize| list.get(at)),
                Some(
                    DeValue::Boolean(_)
                    | DeValue::Datetime(_)
                    | DeValue::Float(_)
                    | DeValue::Integer(_)
                    | DeValue::String(_),
                ) => None,
            };
            match next {
                Some(next) => found = Some(next),
                None => return (found, way.len() - number),
            }
        }
        (found, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_way_and_a_missing_one_by_what_is_around_it() {
        let text = "[fields]\nstatus = { map = { \"In progress\" = \"pending\" } }\nlist = [{ css = \"a\" }]\n";
        let locator = Locator::new("x.toml", text);
        let at = |way: &[&str]| text.get(locator.span(way)).unwrap_or_default();
        assert_eq!(
            at(&["fields", "status", "map", "In progress"]),
            "\"pending\""
        );
        assert_eq!(at(&["fields", "list", "0", "css"]), "\"a\"");
        assert_eq!(at(&["fields", "list", "0", "text"]), "{ css = \"a\" }");
        assert_eq!(at(&["other"]), "");
        assert_eq!(locator.text(&["fields", "list", "0", "css"]), Some("a"));
        assert_eq!(locator.text(&["fields", "list", "0", "text"]), None);
    }
}
