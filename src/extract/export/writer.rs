//! Writes the table, within the limits of a page. Pure.

use super::{ELEMENT, ExportError};
use crate::extract::{MAX_CELLS, MAX_PAGE_BYTES, MAX_ROWS};

/// A table being written. End tags are left out, as HTML allows: they would be a third of it.
pub(super) struct Writer {
    html: String,
    rows: usize,
    cells: usize,
}

impl Writer {
    /// `kind` is the class of the element.
    pub fn new(kind: &'static str) -> Self {
        Self {
            html: format!("<{ELEMENT} class=\"{kind}\"><table>"),
            rows: 0,
            cells: 0,
        }
    }

    /// Ends the table, if it has rows, and begins another.
    pub fn table(&mut self) {
        if self.has_rows() {
            self.html.push_str("</table><table>");
        }
    }

    /// Was any begun?
    pub fn has_rows(&self) -> bool {
        self.rows > 0
    }

    /// Begins a row.
    pub fn row(&mut self) -> Result<(), ExportError> {
        if self.rows == MAX_ROWS {
            return Err(ExportError::TooManyRows);
        }
        self.rows += 1;
        self.cells = 0;
        self.html.push_str("<tr>");
        Ok(())
    }

    /// A cell of it. `attributes` is empty or begins with a space.
    pub fn cell(&mut self, attributes: &str, text: &str) -> Result<(), ExportError> {
        if self.cells == MAX_CELLS {
            return Err(ExportError::TooManyCells { row: self.rows });
        }
        self.cells += 1;
        self.html.push_str("<td");
        self.html.push_str(attributes);
        self.html.push('>');
        self.text(text)
    }

    fn text(&mut self, text: &str) -> Result<(), ExportError> {
        if self.html.len() + text.len() > MAX_PAGE_BYTES {
            return Err(ExportError::TableTooLarge);
        }
        escape(text, &mut self.html);
        Ok(())
    }

    /// Ends the table; `after` is HTML that follows it within the element.
    pub fn finish(mut self, after: &str) -> Result<String, ExportError> {
        self.html.push_str("</table>");
        self.html.push_str(after);
        self.html.push_str("</");
        self.html.push_str(ELEMENT);
        self.html.push('>');
        if self.html.len() > MAX_PAGE_BYTES {
            return Err(ExportError::TableTooLarge);
        }
        Ok(self.html)
    }
}

/// Text as it is written in HTML, in attributes too.
pub(super) fn escape(text: &str, html: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '"' => html.push_str("&quot;"),
            letter => html.push(letter),
        }
    }
}
