//! The skeleton of a page: tags, ids and classes, indented. No text, no value, no address. Pure.

use std::fmt::Write as _;

use scraper::ElementRef;

use super::Document;

/// Lines at the most; a portal's page in between has a few dozen.
const MAX_LINES: usize = 2_000;
/// Letters of one id or class.
const MAX_NAME: usize = 60;
/// As many digits in a row and more may be somebody's number.
const LONG_NUMBER: usize = 5;

impl Document {
    /// The skeleton, at most 2,000 lines. Digits of long numbers in ids and classes are `#`.
    #[must_use]
    pub fn outline(&self) -> String {
        let mut text = String::new();
        let mut open = vec![(self.0.root_element(), 0)];
        let mut lines = 0;
        while let Some((element, depth)) = open.pop() {
            if lines >= MAX_LINES {
                text.push_str("…\n");
                break;
            }
            lines += 1;
            line(&mut text, element, depth);
            let inner: Vec<_> = element.children().filter_map(ElementRef::wrap).collect();
            open.extend(inner.into_iter().rev().map(|child| (child, depth + 1)));
        }
        text
    }
}

fn line(text: &mut String, element: ElementRef<'_>, depth: usize) {
    let value = element.value();
    let _ = write!(text, "{:depth$}{}", "", name(value.name()));
    if let Some(id) = value.id() {
        let _ = write!(text, "#{}", name(id));
    }
    // The parser gives them in no order.
    let mut classes: Vec<&str> = value.classes().collect();
    classes.sort_unstable();
    for class in classes {
        let _ = write!(text, ".{}", name(class));
    }
    text.push('\n');
}

/// A name without what may be somebody's number.
fn name(printed: &str) -> String {
    let letters: Vec<char> = printed.chars().take(MAX_NAME).collect();
    let runs = letters.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    runs.flat_map(|run| {
        let is_long = run.len() >= LONG_NUMBER && run.first().is_some_and(char::is_ascii_digit);
        run.iter()
            .map(move |letter| match letter {
                _ if is_long => '#',
                letter if letter.is_whitespace() || letter.is_control() => '_',
                letter => *letter,
            })
            .collect::<Vec<_>>()
    })
    .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    #[test]
    fn an_outline_has_structure_and_no_text_value_or_number() {
        let page = crate::extract::parse(
            "<!DOCTYPE html><title>JANE D.</title><div id='terms' class='v-window big' data-x='secret'>\
             <p id='row-254722000111'>Dear JANE D., 1500</p><input name=pin value=4711 id=step1></div>",
        )
        .unwrap();
        assert_eq!(
            page.outline(),
            "html\n head\n  title\n body\n  div#terms.big.v-window\n   p#row-############\n   input#step1\n"
        );
    }
}
