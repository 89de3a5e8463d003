//! A row that is put aside, kept so that a corrected selector file can read it again when the page is long gone. Pure.

use std::rc::Rc;

use scraper::{ElementRef, Selector};

use super::guard::NodeId;
use super::header::HeaderRow;
use super::reading::Reading;
use super::table::Laid;
use super::{Document, ExtractError, Extracted, Row, RowProblem, parse};
use crate::selectors::{CellSource, Hidden, Portal};

/// Bytes of a row that is kept; a longer one is not, so that none is ever read again in part.
const MAX_BYTES: usize = 16 << 10;

/// Where a row stood on its page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stood {
    pub element: NodeId,
    pub header: Option<Rc<HeaderRow>>,
    pub slots: Vec<Rc<str>>,
}

/// What a row is read again from, besides its own cells. Holds what the portal printed: for the store only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRow {
    /// Titles of the columns; empty where the file named none.
    pub headers: Vec<String>,
    /// The row above them, where the file named headers of two levels.
    pub above: Vec<String>,
    /// Text by column: what spans columns or reaches down from a row above stands in each.
    pub slots: Vec<String>,
    /// The row as the page had it, where the file found cells within it; else empty.
    pub markup: String,
    /// Text that the page does not show is not in it: `table.hidden` of the file.
    pub without_hidden: bool,
    /// Number of its page within the reading, from 1.
    pub page: usize,
    /// Number among the data rows of the page, from 1.
    pub number: usize,
}

/// Why a row cannot be read again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReread {
    /// By the headers that it stood under.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// The file finds cells within the row, and did not when the row was put aside.
    #[error(
        "the selector file finds cells by `css` or `label`, for which the row was not kept: look it up at the portal"
    )]
    NoMarkup,
    /// The file takes text that the page does not show, or leaves it out, and did otherwise then.
    #[error(
        "the selector file's `hidden` was another one when the row was put aside: look it up at the portal"
    )]
    OtherHidden,
}

impl Extracted {
    /// What of the row at `index` is kept when it is put aside. `None` where it is too long, or its text not whole.
    #[must_use]
    pub fn held(&self, portal: &Portal, page: &Document, index: usize) -> Option<HeldRow> {
        let (row, stood) = (self.rows.get(index)?, self.stood.get(index)?);
        match row.problem {
            None | Some(RowProblem::CellCount { .. } | RowProblem::UnknownHeader) => {}
            Some(RowProblem::TooManyCells | RowProblem::TextTooLong | RowProblem::Inexact) => {
                return None;
            }
        }
        let element = page.0.tree.get(stood.element).and_then(ElementRef::wrap);
        let markup = element.filter(|_| reads_within(portal));
        let header = stood.header.as_deref().cloned().unwrap_or_default();
        let held = HeldRow {
            headers: header.slots,
            above: header.above,
            slots: stood.slots.iter().map(|slot| slot.to_string()).collect(),
            markup: markup.map_or_else(String::new, |element| element.html()),
            without_hidden: portal.table.hidden == Hidden::Skip,
            page: 1,
            number: row.number,
        };
        let texts = [&held.headers, &held.above, &held.slots, &row.cells];
        let bytes: usize = texts.into_iter().flatten().map(String::len).sum();
        (bytes + held.markup.len() <= MAX_BYTES).then_some(held)
    }
}

fn reads_within(portal: &Portal) -> bool {
    let mut cells = portal
        .fields
        .sources
        .values()
        .flat_map(|source| source.cells());
    cells.any(|(_, cell)| !matches!(cell, CellSource::Header(_)))
}

/// Reads the row with these own cells as if it stood on a page now. `None`: the file names it as none of a payment.
///
/// # Errors
/// See [`NotReread`].
pub fn reread(portal: &Portal, held: &HeldRow, own: &[String]) -> Result<Option<Row>, NotReread> {
    if held.without_hidden != (portal.table.hidden == Hidden::Skip) {
        return Err(NotReread::OtherHidden);
    }
    if held.markup.is_empty() && reads_within(portal) {
        return Err(NotReread::NoMarkup);
    }
    let is_cells = held.markup.is_empty() || held.markup.starts_with("<tr");
    let page = parse(&match (held.markup.is_empty(), is_cells) {
        (true, _) => "<table><tbody><tr></table>".to_owned(),
        (false, true) => format!("<table><tbody>{}</table>", held.markup),
        (false, false) => format!("<body>{}", held.markup),
    })?;
    let place = if is_cells { "tr" } else { "body > *" };
    let place = Selector::parse(place).map_err(|_| NotReread::NoMarkup)?;
    let element = page.0.select(&place).next().ok_or(NotReread::NoMarkup)?;
    let mut reading = Reading::new(portal, &page);
    for header in [&held.above, &held.headers] {
        if !header.is_empty() {
            reading.take_header(&laid(header, &[]));
        }
    }
    reading.take(element, laid(&held.slots, own))?;
    let row = reading.finish_one()?;
    let number = held.number;
    Ok(row.map(|row| Row { number, ..row }))
}

fn laid(slots: &[String], own: &[String]) -> Laid {
    let texts = |texts: &[String]| texts.iter().map(|text| Rc::from(text.as_str())).collect();
    Laid {
        slots: texts(slots),
        own: texts(own),
        is_titled: false,
        problem: None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::extract::extract;
    use crate::recording;
    use crate::selectors::file;

    /// Every row of these pages, read again from what is kept of it, is the row that it was.
    fn comes_back(name: &str, text: &str, pages: &[&str]) {
        let portal = file::parse(name, name, text).unwrap();
        for html in pages {
            let page = parse(html).unwrap();
            let extracted = extract(&portal, &page).unwrap();
            assert!(!extracted.rows.is_empty(), "{name}");
            for (index, row) in extracted.rows.iter().enumerate() {
                let held = extracted.held(&portal, &page, index).unwrap();
                let again = reread(&portal, &held, &row.cells).unwrap().unwrap();
                assert_eq!(&again, row, "{name}");
            }
        }
    }

    #[test]
    fn a_row_that_was_kept_is_read_as_on_its_page() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("selectors");
        let mut seen = 0;
        for entry in std::fs::read_dir(&root).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let recordings = root.join("recordings").join(&name);
            if path.extension().is_none_or(|ending| ending != "toml") || !recordings.is_dir() {
                continue;
            }
            for recording in std::fs::read_dir(recordings).unwrap() {
                let dir = recording.unwrap().path();
                let steps = std::fs::read_to_string(dir.join(recording::FILE)).unwrap();
                let steps = recording::parse("recording.toml", &steps).unwrap().steps;
                let tables = steps
                    .iter()
                    .filter(|step| step.is == recording::Kind::Table);
                for step in tables {
                    let file = dir.join(step.file.as_deref().unwrap());
                    let html = std::fs::read_to_string(file).unwrap();
                    let text = std::fs::read_to_string(&path).unwrap();
                    let portal = file::parse(&name, &name, &text).unwrap();
                    let read = extract(&portal, &parse(&html).unwrap());
                    if read.is_ok_and(|read| !read.rows.is_empty()) {
                        comes_back(&name, &text, &[&html]);
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen >= 10, "{seen}");
    }

    #[test]
    fn a_row_that_is_too_long_or_not_whole_is_not_kept() {
        let text = include_str!("../../selectors/kilima.toml");
        let portal = file::parse("kilima", "kilima.toml", text).unwrap();
        let headers = "Receipt No.|Completion Time|Initiation Time|Transaction Status|Paid In|Withdrawn|Balance|\
                       Other Party Info|A/C No.|Linked Transaction ID|Reason Type|Details|More|Most|Last";
        let headers = headers.replace('|', "<th>");
        let kept = |cell: &str, cells: usize| {
            let cells = format!("<td>{cell}").repeat(cells);
            let html =
                format!("<table id=statement><tr><th>{headers}</tr><tr>{cells}</tr></table>");
            let page = parse(&html).unwrap();
            extract(&portal, &page)
                .unwrap()
                .held(&portal, &page, 0)
                .is_some()
        };
        assert!(kept("x", 15));
        assert!(kept("x", 14));
        assert!(!kept(&"x".repeat(4_000), 15));
        assert!(!kept(&"x".repeat(5_000), 15));
    }
}
