//! Decides what each row element of a page is, and reads the fields of the data rows. Pure.

use std::collections::{BTreeMap, HashSet};

use scraper::{ElementRef, Selector};

use super::guard::NodeId;
use super::header::{Best, Columns, Wanted};
use super::table::Laid;
use super::{
    Document, ExtractError, MAX_CELL_BYTES, MAX_TEXT_BYTES, RawField, Row, RowProblem, text,
};
use crate::selectors::{CellSource, Field, Portal};

/// The rows of one page while they are read.
pub(super) struct Reading<'a> {
    portal: &'a Portal,
    wanted: Wanted<'a>,
    /// CSS of the fields that are found by CSS, as printed in explanations.
    by_css: Vec<(Field, &'a Selector, Option<&'a str>, String)>,
    /// Elements around or at the text that says "no rows".
    empty_marks: HashSet<NodeId>,
    columns: Option<Columns>,
    /// The row that is most like the header, for the error.
    best: Best,
    seen: usize,
    rows: Vec<Row>,
    text_bytes: usize,
}

impl<'a> Reading<'a> {
    pub fn new(portal: &'a Portal, page: &'a Document) -> Self {
        let sources = &portal.fields.sources;
        let by_css = sources
            .iter()
            .filter_map(|(field, source)| match &source.cell {
                CellSource::Css { css, attribute } => {
                    Some((*field, css, attribute.as_deref(), text::css(css)))
                }
                CellSource::Header { .. } => None,
            });
        let marks = portal.table.empty.iter().flat_map(|mark| page.marked(mark));
        let empty_marks = marks
            .flat_map(|element| {
                element
                    .ancestors()
                    .map(|node| node.id())
                    .chain([element.id()])
            })
            .collect();
        let wanted = Wanted::of(sources);
        Self {
            portal,
            columns: wanted.is_empty().then(Columns::none),
            wanted,
            by_css: by_css.collect(),
            empty_marks,
            best: Best::default(),
            seen: 0,
            rows: Vec::new(),
            text_bytes: 0,
        }
    }

    /// A row of a header that is a table of its own.
    pub fn take_header(&mut self, laid: &Laid) {
        match self.wanted.find(&laid.slots) {
            Some(columns) => self.columns = Some(columns),
            None => {
                let held = self.wanted.held(&laid.slots);
                self.best.consider(held, &laid.slots);
            }
        }
    }

    /// Decides what one row element is.
    pub fn take(&mut self, element: ElementRef<'_>, laid: Laid) -> Result<(), ExtractError> {
        self.seen += 1;
        if self.empty_marks.contains(&element.id()) {
            return Ok(());
        }
        if !self.wanted.is_empty() {
            if let Some(columns) = self.wanted.find(&laid.slots) {
                self.columns = Some(columns);
                return Ok(());
            }
            if self.columns.is_none() {
                let held = self.wanted.held(&laid.slots);
                self.best.consider(held, &laid.slots);
                return Ok(());
            }
        }
        if !self.is_skipped(&laid) {
            let row = self.row(element, laid);
            self.text_bytes += row
                .fields
                .values()
                .map(|field| field.text.len())
                .sum::<usize>();
            self.rows.push(row);
        }
        if self.text_bytes > MAX_TEXT_BYTES {
            Err(ExtractError::TooMuchText)
        } else {
            Ok(())
        }
    }

    /// Does the file name the row, by its whole text, as none of a payment?
    fn is_skipped(&self, laid: &Laid) -> bool {
        let skip = &self.portal.table.skip;
        if skip.is_empty() {
            return false;
        }
        let whole = laid.own.join(" ");
        skip.iter().any(|regex| regex.is_match(&whole))
    }

    fn row(&self, element: ElementRef<'_>, laid: Laid) -> Row {
        let mut row = Row {
            number: self.rows.len() + 1,
            fields: BTreeMap::new(),
            cells: laid.own.iter().map(|text| text.to_string()).collect(),
            problem: laid.problem,
        };
        let Some(columns) = self.columns.as_ref().filter(|_| row.problem.is_none()) else {
            return row;
        };
        if !self.wanted.is_empty() && laid.slots.len() != columns.headers.len() {
            row.problem = Some(RowProblem::CellCount {
                expected: columns.headers.len(),
                found: laid.slots.len(),
            });
            return row;
        }
        for (field, at) in &columns.places {
            if let (Some(text), Some(header)) = (laid.slots.get(*at), columns.headers.get(*at)) {
                let (column, origin) = (Some(at + 1), header.clone());
                row.fields.insert(
                    *field,
                    RawField {
                        column,
                        origin,
                        text: text.to_string(),
                    },
                );
            }
        }
        for (field, css, attribute, printed) in &self.by_css {
            let Some(found) = element.select(css).next() else {
                continue;
            };
            let text = match attribute {
                Some(name) => found
                    .attr(name)
                    .map(|value| text::collapse(value, MAX_CELL_BYTES)),
                None => Some(text::of(found, MAX_CELL_BYTES)),
            };
            let Some(text) = text else { continue };
            if text.cut {
                row.problem = Some(RowProblem::TextTooLong);
                row.fields.clear();
                return row;
            }
            let origin = printed.clone();
            row.fields.insert(
                *field,
                RawField {
                    column: None,
                    origin,
                    text: text.text,
                },
            );
        }
        row
    }

    /// Believes "no rows" only where the page says so.
    pub fn finish(self, says_empty: bool) -> Result<(Vec<String>, Vec<Row>), ExtractError> {
        let headers = self.columns.map(|columns| columns.headers);
        match (says_empty, self.rows.len(), headers) {
            (true, 0, headers) => Ok((headers.unwrap_or_default(), Vec::new())),
            (true, rows, _) => Err(ExtractError::EmptyWithRows { rows }),
            (false, _, None) if self.seen == 0 => Err(ExtractError::NoTable),
            (false, _, None) => {
                let (missing, found) = self.best.finish(&self.wanted);
                Err(ExtractError::MissingHeader { missing, found })
            }
            (false, 0, Some(_)) if self.seen == 0 => Err(ExtractError::NoTable),
            (false, 0, Some(_)) => Err(ExtractError::NoRows),
            (false, _, Some(headers)) => Ok((headers, self.rows)),
        }
    }
}
