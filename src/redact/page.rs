//! A page, a JSON answer or a CSV with stand-ins. Of a page only what is named here is written. Pure.

use std::fmt::Write as _;

use scraper::{ElementRef, Node};
use serde_json::Value;
use url::{ParseError, Url};

use super::{Place, Redactor};
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
/// Attributes that lead somewhere.
const ADDRESSES: [&str; 3] = ["href", "src", "action"];
/// Attributes with text in them.
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
    /// The page, written anew: elements, the attributes that build it, and stand-ins. No script, no style, no comment.
    pub fn page(&mut self, page: &Document, portal: &Portal) -> String {
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
        let place = if matches!(name, "td" | "th" | "li" | "dd") {
            Place::Cell
        } else {
            place
        };
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
        if STRUCTURE.contains(&key) {
            let words = value.split(' ').map(|word| self.name(word, 5));
            return Some(words.collect::<Vec<_>>().join(" "));
        }
        if ADDRESSES.contains(&key) {
            let path = value
                .strip_prefix(&portal.origin.to_string())
                .unwrap_or(value);
            let is_relative = matches!(Url::parse(path), Err(ParseError::RelativeUrlWithoutBase));
            let is_here = is_relative && !path.starts_with("//") && !path.starts_with('#');
            return Some(if is_here {
                self.address(path, portal)
            } else {
                "#".to_owned()
            });
        }
        TEXTS.contains(&key).then(|| self.text(value, Place::Cell))
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
