//! The text of an element, its white space, and its shape. Pure.

use scraper::selector::ToCss;
use scraper::{ElementRef, Node, Selector};

use crate::selectors::Hidden;

/// A text within a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounded {
    /// White space collapsed and trimmed.
    pub text: String,
    /// There was more than the limit; the rest was left away.
    pub cut: bool,
}

/// Makes one space of every run of white space (no-break spaces and TABs included) and drops what does not print:
/// soft hyphens, zero-width spaces, direction marks. At most `limit` bytes.
#[must_use]
pub fn collapse(text: &str, limit: usize) -> Bounded {
    let mut collapsed = Collapsing::new(limit);
    collapsed.push(text);
    collapsed.finish()
}

/// The text of `element` and everything in it but scripts, styles and `row-detail` (what a click on the row showed), collapsed. A line break or a block within it
/// separates words.
#[must_use]
pub fn of(element: ElementRef<'_>, limit: usize) -> Bounded {
    shown(element, Hidden::Read, limit)
}

/// As [`of`]; with `Hidden::Skip` without what is within it and taken from view.
#[must_use]
pub fn shown(element: ElementRef<'_>, hidden: Hidden, limit: usize) -> Bounded {
    let mut collapsed = Collapsing::new(limit);
    walk(element, hidden, &mut collapsed);
    collapsed.finish()
}

/// Does its own markup take the element from view? Style sheets are not read.
#[must_use]
pub fn is_hidden(element: ElementRef<'_>) -> bool {
    let style = element.attr("style").unwrap_or_default();
    let mut rules = style.split(';').filter_map(|rule| rule.split_once(':'));
    element.attr("hidden").is_some()
        || rules.any(|(name, value)| {
            let is = |printed: &str, word: &str| printed.trim().eq_ignore_ascii_case(word);
            let value = value.trim().trim_end_matches("!important");
            is(name, "display") && is(value, "none")
                || is(name, "visibility") && (is(value, "hidden") || is(value, "collapse"))
        })
}

/// Recursion is as deep as the page, so at most `MAX_DEPTH`.
fn walk(element: ElementRef<'_>, hidden: Hidden, collapsed: &mut Collapsing) {
    let name = element.value().name();
    if matches!(
        name,
        "script" | "style" | "noscript" | "template" | "row-detail"
    ) || hidden == Hidden::Skip && is_hidden(element)
    {
        return;
    }
    let separates = stands_apart(element) && !(is_raised(name) && collapsed.ends_in_mark());
    if separates {
        collapsed.push(" ");
    }
    for child in element.children() {
        if collapsed.cut {
            return;
        }
        if let Node::Text(text) = child.value() {
            collapsed.push(text);
        } else if let Some(child) = ElementRef::wrap(child) {
            walk(child, hidden, collapsed);
        }
    }
    if separates {
        collapsed.push(" ");
    }
}

/// Does a reader see it apart from what is beside it? Two numbers must not become one.
fn stands_apart(element: ElementRef<'_>) -> bool {
    match element.value().name() {
        // `150<sup>00</sup>`, but neither `N<sup>o</sup>` nor `150<sup>.00</sup>`.
        name if is_raised(name) => {
            let mut letters = element.text().flat_map(str::chars);
            let first = letters.find(|letter| !letter.is_whitespace());
            first.is_some_and(|first| first.is_numeric())
        }
        // Blocks by the HTML standard's own style sheet, line breaks, controls, and text that was struck out or put in its place.
        "address" | "article" | "aside" | "blockquote" | "body" | "br" | "button" | "caption"
        | "center" | "dd" | "del" | "details" | "dialog" | "div" | "dl" | "dt" | "fieldset"
        | "figcaption" | "figure" | "footer" | "form" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6"
        | "header" | "hgroup" | "hr" | "ins" | "legend" | "li" | "main" | "nav" | "ol"
        | "option" | "p" | "pre" | "s" | "section" | "select" | "summary" | "table" | "tbody"
        | "td" | "tfoot" | "th" | "thead" | "tr" | "ul" => true,
        _ => false,
    }
}

fn is_raised(name: &str) -> bool {
    matches!(name, "sup" | "sub")
}

struct Collapsing {
    text: String,
    /// White space was met that has not been written.
    blank: bool,
    cut: bool,
    limit: usize,
}

impl Collapsing {
    fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            blank: false,
            cut: false,
            limit,
        }
    }

    fn push(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '\u{ad}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'
                | '\u{feff}' => {}
                letter if letter.is_whitespace() => self.blank = true,
                letter => {
                    let space = self.blank && !self.text.is_empty();
                    if self.text.len() + usize::from(space) + letter.len_utf8() > self.limit {
                        self.cut = true;
                        return;
                    }
                    if space {
                        self.text.push(' ');
                    }
                    self.blank = false;
                    self.text.push(letter);
                }
            }
        }
    }

    /// `150.` before a raised `00`.
    fn ends_in_mark(&self) -> bool {
        !self.blank && self.text.ends_with(['.', ','])
    }

    fn finish(self) -> Bounded {
        Bounded {
            text: self.text,
            cut: self.cut,
        }
    }
}

/// A selector as CSS text.
#[must_use]
pub fn css(selector: &Selector) -> String {
    selector.to_css_string()
}

/// What a text looks like without what it says: digits as `9`, letters as `A` or `a`, the rest as it is.
///
/// `9 999,99 KES` is `9 999,99 AAA`. At most 40 characters, then `…`.
#[must_use]
pub fn shape(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut shape: String = text
        .chars()
        .take(LONGEST)
        .map(|letter| match letter {
            letter if letter.is_numeric() => '9',
            letter if letter.is_uppercase() => 'A',
            letter if letter.is_alphabetic() => 'a',
            letter => letter,
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shape.push('…');
    }
    shape
}

/// A header as messages may print it: one with more than two digits may hold an account number and shows its
/// shape only, as does one over 60 characters.
#[must_use]
pub fn printable(header: &str) -> String {
    let digits = header.chars().filter(|c| c.is_numeric()).count();
    if digits > 2 || header.chars().count() > 60 {
        shape(header)
    } else {
        header.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_of_every_kind_is_one_space() {
        let text = "\t 1\u{a0}500\u{202f}000,00\r\n Ksh\u{ad}s \u{200b}";
        assert_eq!(collapse(text, 100).text, "1 500 000,00 Kshs");
        assert_eq!(
            collapse("abc def", 5),
            Bounded {
                text: "abc d".into(),
                cut: true
            }
        );
        assert_eq!(
            collapse("abc ", 3),
            Bounded {
                text: "abc".into(),
                cut: false
            }
        );
    }

    #[test]
    fn numbers_that_are_seen_apart_are_not_one_number() {
        for (markup, text) in [
            ("150<sup>00</sup>", "150 00"),
            ("1,500<sup>.00</sup>", "1,500.00"),
            ("1,500.<sup>00</sup>", "1,500.00"),
            ("N<sup>o</sup> de reçu", "No de reçu"),
            ("<del>5</del><ins>6</ins>", "5 6"),
            ("<section>15</section><section>7</section>", "15 7"),
            ("1<b>50</b>", "150"),
        ] {
            let page = scraper::Html::parse_fragment(markup);
            assert_eq!(of(page.root_element(), 100).text, text, "{markup}");
        }
    }

    #[test]
    fn a_shape_says_what_a_text_looks_like_and_nothing_of_it() {
        assert_eq!(shape("9 999,99 KES"), "9 999,99 AAA");
        assert_eq!(shape("Jane Ämne 254722***000"), "Aaaa Aaaa 999999***999");
        assert_eq!(shape(&"7".repeat(41)), format!("{}…", "9".repeat(40)));
    }

    #[test]
    fn an_account_number_in_a_header_is_not_printed() {
        assert_eq!(printable("Compte: 600123456"), "Aaaaaa: 999999999");
        assert_eq!(printable("Paid In"), "Paid In");
    }
}
