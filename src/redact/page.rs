//! A page, a JSON answer or a CSV with stand-ins. Of a page only what is named here is written. Pure.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use scraper::{ElementRef, Node};
use serde_json::Value;
use url::{ParseError, Url};

use super::{Place, Redactor, stays};
use crate::extract::Document;
use crate::extract::export::{self, ExportError};
use crate::selectors::Portal;

/// Attributes that say how a page is built.
const STRUCTURE: [&str; 19] = [
    "id",
    "class",
    "type",
    "name",
    "for",
    "colspan",
    "rowspan",
    "role",
    "method",
    "rel",
    "scope",
    "headers",
    "lang",
    "charset",
    "disabled",
    "hidden",
    "checked",
    "selected",
    "data-inexact",
];
/// Attributes that say where a cell of a grid stands: by a number, or by one of [`WORDS`].
const POSITIONS: [&str; 6] = [
    "aria-colindex",
    "aria-rowindex",
    "aria-colspan",
    "aria-rowspan",
    "aria-hidden",
    "aria-sort",
];
/// What stands in them beside numbers (WAI-ARIA 1.2).
const WORDS: [&str; 6] = ["true", "false", "ascending", "descending", "none", "other"];
/// Attributes that lead somewhere.
const ADDRESSES: [&str; 3] = ["href", "src", "action"];
/// Attributes with text in them; so have all of `data-`.
const TEXTS: [&str; 6] = [
    "value",
    "title",
    "alt",
    "placeholder",
    "content",
    "datetime",
];
/// Elements without an end tag (HTML standard, "void elements").
const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

impl Redactor {
    /// The page, written anew: elements, the attributes that build it, and stand-ins. No script, no style but what takes an
    /// element from view, no comment.
    pub fn page(&mut self, page: &Document, portal: &Portal) -> String {
        self.counts = BTreeSet::new();
        for (css, regex) in stays::counts(portal) {
            if let Some(number) = page.captured(css, regex) {
                self.counts.extend(stays::words_of(regex.as_str()));
                self.counts.insert(number);
            }
        }
        let mut made = String::from("<!DOCTYPE html>\n");
        self.element(
            page.tree().root_element(),
            Place::Elsewhere,
            portal,
            &mut made,
        );
        made.push('\n');
        made
    }

    /// Recursion is as deep as the page, which is bounded.
    fn element(
        &mut self,
        element: ElementRef<'_>,
        place: Place,
        portal: &Portal,
        made: &mut String,
    ) {
        let name = element.value().name();
        if matches!(
            name,
            "script" | "style" | "noscript" | "template" | "svg" | "object" | "embed"
        ) {
            return;
        }
        let _ = write!(made, "<{name}");
        let mut attributes: Vec<(&str, &str)> = element.value().attrs().collect();
        attributes.sort_unstable();
        for (key, value) in attributes {
            if let Some(value) = self.attribute(key, value, portal) {
                let value = value
                    .replace('&', "&amp;")
                    .replace('"', "&quot;")
                    .replace('<', "&lt;");
                let _ = write!(made, " {key}=\"{value}\"");
            }
        }
        made.push('>');
        if VOID.contains(&name) {
            return;
        }
        let place = place_of(element, portal).unwrap_or(place);
        for child in element.children() {
            match child.value() {
                Node::Text(text) => {
                    let text = self.text(text, place);
                    made.push_str(&text.replace('&', "&amp;").replace('<', "&lt;"));
                }
                Node::Element(_) => {
                    if let Some(child) = ElementRef::wrap(child) {
                        self.element(child, place, portal, made);
                    }
                }
                Node::Document
                | Node::Fragment
                | Node::Doctype(_)
                | Node::Comment(_)
                | Node::ProcessingInstruction(_) => {}
            }
        }
        let _ = write!(made, "</{name}>");
    }

    fn attribute(&mut self, key: &str, value: &str, portal: &Portal) -> Option<String> {
        if key == "style" {
            return hiding(value);
        }
        if STRUCTURE.contains(&key) || POSITIONS.contains(&key) && is_position(value) {
            let words = value.split(' ').map(|word| self.name(word, 5));
            return Some(words.collect::<Vec<_>>().join(" "));
        }
        if ADDRESSES.contains(&key) {
            return Some(self.link(value, portal));
        }
        // What a script calls its data is a name too.
        let is_data = key.starts_with("data-") && self.name(key, 5) == key;
        let is_text = is_data || TEXTS.contains(&key) || self.attributes.contains(key);
        is_text.then(|| self.text_of(key, value))
    }

    fn link(&mut self, to: &str, portal: &Portal) -> String {
        let path = to.strip_prefix(&portal.origin.to_string()).unwrap_or(to);
        let is_relative = matches!(Url::parse(path), Err(ParseError::RelativeUrlWithoutBase));
        if is_relative && !path.starts_with("//") && !path.starts_with('#') {
            self.address(path, portal)
        } else {
            "#".to_owned()
        }
    }

    /// The text of an attribute; what CSS of the file asks of it stays.
    fn text_of(&mut self, key: &str, value: &str) -> String {
        let asked = self.asked.iter().find(|asked| asked.holds(key, value));
        let Some(asked) = asked.map(|asked| asked.text.clone()) else {
            return self.text(value, Place::Cell);
        };
        let (before, behind) = value.split_once(&asked).unwrap_or_default();
        let before = self.text(before, Place::Cell);
        let made = format!("{before}{asked}{}", self.text(behind, Place::Cell));
        self.kept.insert(asked);
        made
    }

    /// JSON with its keys, and stand-ins for its values.
    pub fn json(&mut self, value: &Value) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Number(number) => {
                let made = self.text(&number.to_string(), Place::Cell);
                let read = |made: &str| serde_json::from_str(made).ok();
                // No number of JSON begins with a nought.
                let made = read(&made).or_else(|| read(made.trim_start_matches('0')));
                made.unwrap_or(Value::Null)
            }
            Value::String(text) => Value::String(self.text(text, Place::Cell)),
            Value::Array(list) => list.iter().map(|value| self.json(value)).collect(),
            Value::Object(table) => {
                let pairs = table
                    .iter()
                    .map(|(key, value)| (self.name(key, 4), self.json(value)));
                Value::Object(pairs.collect())
            }
        }
    }

    /// A CSV of the portal: each cell by itself.
    ///
    /// # Errors
    /// When it is none that the agent would read.
    pub fn csv(&mut self, text: &str, portal: &Portal) -> Result<String, ExportError> {
        export::rewritten(portal, text, &mut |cell| self.text(cell, Place::Cell))
    }
}

/// Where the texts of this element stand; `None`: where the element stands itself.
fn place_of(element: ElementRef<'_>, portal: &Portal) -> Option<Place> {
    if stays::counts(portal).any(|(css, _)| css.matches(&element)) {
        return Some(Place::Count);
    }
    let role = element.attr("role").unwrap_or_default();
    let is_cell = matches!(element.value().name(), "td" | "th" | "li" | "dd")
        || matches!(role, "cell" | "gridcell" | "columnheader" | "rowheader")
        || portal.table.rows.matches(&element);
    is_cell.then_some(Place::Cell)
}

fn is_position(value: &str) -> bool {
    WORDS.contains(&value) || value.parse::<u16>().is_ok()
}

/// Those rules of a `style` that take the element from view: where hidden text is no part of the table, it must stay hidden.
fn hiding(style: &str) -> Option<String> {
    let rules = style.split(';').filter_map(|rule| {
        let (name, value) = rule.split_once(':')?;
        let (name, value) = (name.trim().to_lowercase(), value.trim().to_lowercase());
        let word = value.trim_end_matches("!important").trim_end();
        match (name.as_str(), word) {
            ("display", "none") | ("visibility", "hidden" | "collapse") => {
                Some(format!("{name}: {word}"))
            }
            _other => None,
        }
    });
    let rules: Vec<String> = rules.collect();
    (!rules.is_empty()).then(|| rules.join("; "))
}
