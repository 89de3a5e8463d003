//! Decides what each row element of a page is, and reads the fields of the data rows. Pure.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use scraper::ElementRef;

use super::guard::NodeId;
use super::header::{Best, Columns, Header, HeaderRow, Use, Wanted};
use super::held::Stood;
use super::table::Laid;
use super::{
    Document, ExtractError, MAX_CELL_BYTES, MAX_TEXT_BYTES, RawField, Row, RowProblem, label, text,
};
use crate::selectors::{CellSource, Field, Hidden, Part, Portal, Skip};

/// The rows of one page while they are read.
pub(super) struct Reading<'a> {
    portal: &'a Portal,
    wanted: Wanted<'a>,
    /// Cells that are found within the row and not by a header.
    within: Vec<Within<'a>>,
    /// Elements around or at the text that says "no rows".
    empty_marks: HashSet<NodeId>,
    columns: Option<Columns>,
    /// The titles that the rows stand under now, where the file does not know them.
    unknown: Option<Rc<HeaderRow>>,
    /// Rows above the first header, and the titles that each stands under.
    early: Vec<Early<'a>>,
    /// The row before this one, where a header may have two levels.
    above: Vec<Rc<str>>,
    /// The row that is most like the header, for the error.
    best: Best,
    seen: usize,
    rows: Vec<Row>,
    /// Where each of them stood.
    stood: Vec<Stood>,
    text_bytes: usize,
}

/// A row above the header: a preamble, or a payment that must not be lost.
struct Early<'a> {
    element: ElementRef<'a>,
    laid: Laid,
    under: Option<Rc<HeaderRow>>,
}

/// A cell that is found within the row.
struct Within<'a> {
    field: Field,
    part: Part,
    cell: &'a CellSource,
    /// For explanations.
    printed: String,
}

impl<'a> Reading<'a> {
    pub fn new(portal: &'a Portal, page: &'a Document) -> Self {
        let sources = portal.fields.sources.iter();
        let within = sources.flat_map(|(field, source)| {
            source.cells().filter_map(|(part, cell)| {
                Some(Within {
                    field: *field,
                    part,
                    cell,
                    printed: match cell {
                        CellSource::Header(_) => return None,
                        CellSource::Label { names } => names.join(" or "),
                        CellSource::Css { css, .. } => text::css(css),
                    },
                })
            })
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
        let wanted = Wanted::of(portal);
        Self {
            portal,
            columns: wanted.is_empty().then(Columns::none),
            wanted,
            unknown: None,
            early: Vec::new(),
            within: within.collect(),
            empty_marks,
            above: Vec::new(),
            best: Best::default(),
            seen: 0,
            rows: Vec::new(),
            stood: Vec::new(),
            text_bytes: 0,
        }
    }

    /// A row of a header that is a table of its own.
    pub fn take_header(&mut self, laid: &Laid) {
        self.is_header(laid);
    }

    /// Decides what one row element is.
    pub fn take(&mut self, element: ElementRef<'a>, laid: Laid) -> Result<(), ExtractError> {
        self.seen += 1;
        if self.empty_marks.contains(&element.id()) {
            return Ok(());
        }
        let above = self.above.clone();
        if !self.wanted.is_empty() && self.is_header(&laid) {
            self.unknown = None;
            return self.take_early();
        }
        if self.is_skipped(&laid) {
            return Ok(());
        }
        if !self.wanted.is_empty() && self.is_of_titles(element, &laid) {
            self.unknown = Some(Rc::new(HeaderRow::of(&laid.slots, &above)));
            if self.columns.is_none() {
                return Ok(());
            }
        }
        if self.columns.is_none() {
            let under = self.unknown.clone();
            self.early.push(Early {
                element,
                laid,
                under,
            });
            return Ok(());
        }
        let under = self.unknown.clone();
        self.put(element, laid, under)
    }

    /// Adds a data row. One that stands `under` titles that the file does not know has no fields.
    fn put(
        &mut self,
        element: ElementRef<'_>,
        mut laid: Laid,
        under: Option<Rc<HeaderRow>>,
    ) -> Result<(), ExtractError> {
        if under.is_some() {
            laid.problem.get_or_insert(RowProblem::UnknownHeader);
        }
        let row = self.row(element, &laid);
        self.text_bytes += row.bytes();
        self.rows.push(row);
        let columns = self.columns.as_ref();
        self.stood.push(Stood {
            element: element.id(),
            header: under.or_else(|| columns.map(|columns| Rc::clone(&columns.header))),
            slots: laid.slots,
        });
        if self.text_bytes > MAX_TEXT_BYTES {
            Err(ExtractError::TooMuchText)
        } else {
            Ok(())
        }
    }

    /// Now that the header is found: which of the rows above it would be payments under it?
    fn take_early(&mut self) -> Result<(), ExtractError> {
        for early in std::mem::take(&mut self.early) {
            let is_payment = match &early.under {
                Some(titles) => could_be_payment(&early.laid, titles),
                None => self.looks_like_payment(&early.laid),
            };
            if is_payment && !self.is_skipped(&early.laid) {
                let columns = self.columns.as_ref();
                let header = columns.map(|columns| Rc::clone(&columns.header));
                self.put(early.element, early.laid, early.under.or(header))?;
            }
        }
        Ok(())
    }

    /// Is it as wide as the header, with digits where the date and an amount are to stand?
    fn looks_like_payment(&self, laid: &Laid) -> bool {
        let Some(columns) = &self.columns else {
            return false;
        };
        let (mut dated, mut paid) = (false, false);
        for (wanted_for, at) in &columns.places {
            let cell = self.cell(laid, *at);
            let has_digits = cell.is_some_and(|cell| cell.contains(|c: char| c.is_ascii_digit()));
            match wanted_for {
                Use::Field(Field::CompletionDate, Part::Main) => dated |= has_digits,
                Use::Field(Field::Amount | Field::Credit | Field::Debit, _) => paid |= has_digits,
                Use::Field(..) | Use::Skip(_) => {}
            }
        }
        // The few cells of a preamble may span many columns.
        let is_full = laid.own.len() * 2 > laid.slots.len();
        let (found, expected) = (laid.slots.len(), columns.header.slots.len());
        let shifted = expected.checked_add_signed(self.portal.table.header_shift);
        dated && paid && is_full && (found == expected || Some(found) == shifted)
    }

    /// Is it a row of titles, though not those that the file knows? Words in most columns, and most of the known titles among
    /// them, of which one may hold the account's number; or some of these, or header cells, and nowhere as many digits as a date
    /// or a reference has.
    fn is_of_titles(&self, element: ElementRef<'_>, laid: &Laid) -> bool {
        let digits = |cell: &str| cell.chars().filter(|c| c.is_numeric()).count();
        let numbered = laid.own.iter().filter(|cell| digits(cell) > 2).count();
        if numbered > 1 {
            return false;
        }
        let has_words = |cell: &&Rc<str>| cell.chars().any(char::is_alphabetic);
        let worded = laid.own.iter().filter(has_words).count();
        let row = Header {
            slots: &laid.slots,
            above: &self.above,
        };
        let held = self.wanted.held(row);
        worded >= 3
            && worded * 2 >= laid.slots.len()
            && (self.wanted.is_most(held) || (laid.is_titled || held > 0) && numbered == 0)
            && !holds_controls(element)
    }

    /// Does the row hold the headers? Then the columns stand as it says from here on.
    fn is_header(&mut self, laid: &Laid) -> bool {
        let row = Header {
            slots: &laid.slots,
            above: &self.above,
        };
        let found = self.wanted.find(row);
        if found.is_none() && self.columns.is_none() {
            self.best.consider(&self.wanted, row);
        }
        if self.wanted.has_levels {
            self.above.clone_from(&laid.slots);
        }
        let is_header = found.is_some();
        self.columns = found.or_else(|| self.columns.take());
        is_header
    }

    /// Does the file name the row as none of a payment?
    fn is_skipped(&self, laid: &Laid) -> bool {
        let skip = &self.portal.table.skip;
        if skip.is_empty() {
            return false;
        }
        let cells = laid.own.iter().map(|cell| &**cell);
        let cells: Vec<&str> = cells.filter(|cell| !cell.is_empty()).collect();
        let whole = cells.join(" ");
        skip.iter().enumerate().any(|(at, skip)| match skip {
            Skip::Whole(regex) => regex.is_match(&whole),
            Skip::Cell { text, .. } => {
                let columns = self.columns.iter().flat_map(|columns| &columns.places);
                let mut cells = columns
                    .filter(|(wanted_for, _)| *wanted_for == Use::Skip(at))
                    .filter_map(|(_, column)| self.cell(laid, *column));
                cells.any(|cell| text.is_match(cell))
            }
        })
    }

    /// The cell under the header at `column`.
    fn cell<'l>(&self, laid: &'l Laid, column: usize) -> Option<&'l Rc<str>> {
        let column = column.checked_add_signed(self.portal.table.header_shift)?;
        laid.slots.get(column)
    }

    fn row(&self, element: ElementRef<'_>, laid: &Laid) -> Row {
        let mut row = Row {
            number: self.rows.len() + 1,
            fields: BTreeMap::new(),
            cells: laid.own.iter().map(|text| text.to_string()).collect(),
            problem: laid.problem,
        };
        let Some(columns) = self.columns.as_ref().filter(|_| row.problem.is_none()) else {
            return row;
        };
        let (expected, found) = (columns.header.slots.len(), laid.slots.len());
        let shift = self.portal.table.header_shift;
        if !self.wanted.is_empty()
            && found != expected
            && Some(found) != expected.checked_add_signed(shift)
        {
            row.problem = Some(RowProblem::CellCount { expected, found });
            return row;
        }
        for (wanted_for, at) in &columns.places {
            if let Use::Field(field, part) = wanted_for
                && let (Some(text), Some(header)) =
                    (self.cell(laid, *at), columns.header.slots.get(*at))
            {
                let raw = RawField {
                    column: at.checked_add_signed(shift + 1),
                    origin: header.clone(),
                    text: text.to_string(),
                    debit: None,
                };
                row.put(*field, *part, raw);
            }
        }
        for cell in &self.within {
            let Some(text) = self.text_within(element, cell.cell) else {
                continue;
            };
            if text.cut {
                row.problem = Some(RowProblem::TextTooLong);
                row.fields.clear();
                return row;
            }
            let raw = RawField {
                column: None,
                origin: cell.printed.clone(),
                text: text.text,
                debit: None,
            };
            row.put(cell.field, cell.part, raw);
        }
        row
    }

    fn text_within(&self, row: ElementRef<'_>, cell: &CellSource) -> Option<text::Bounded> {
        let hidden = self.portal.table.hidden;
        match cell {
            CellSource::Header(_) => None,
            CellSource::Label { names } => {
                let value = label::value(row, names, hidden)?;
                Some(text::shown(value, hidden, MAX_CELL_BYTES))
            }
            CellSource::Css { css, attribute } => {
                let mut found = row.select(css);
                let found = found.find(|cell| hidden == Hidden::Read || !text::is_hidden(*cell))?;
                match attribute {
                    Some(name) => Some(text::collapse(found.attr(name)?, MAX_CELL_BYTES)),
                    None => Some(text::shown(found, hidden, MAX_CELL_BYTES)),
                }
            }
        }
    }

    /// The only row that was taken; `None` when the file names it as none of a payment.
    pub fn finish_one(mut self) -> Result<Option<Row>, ExtractError> {
        if self.columns.is_none() && !self.early.is_empty() {
            let (missing, found) = self.best.finish(&self.wanted);
            return Err(ExtractError::MissingHeader { missing, found });
        }
        Ok(self.rows.pop())
    }

    /// Where the rows taken so far stood.
    pub fn take_stood(&mut self) -> Vec<Stood> {
        std::mem::take(&mut self.stood)
    }

    /// Believes "no rows" only where the page says so.
    pub fn finish(self, says_empty: bool) -> Result<(Vec<String>, Vec<Row>), ExtractError> {
        let headers = self.columns.map(|columns| columns.header.slots.clone());
        match (says_empty, self.rows.len(), headers) {
            (true, 0, headers) => Ok((headers.unwrap_or_default(), Vec::new())),
            (true, rows, _) => Err(ExtractError::EmptyWithRows { rows }),
            (false, _, None) if self.seen == 0 => Err(ExtractError::NoTable),
            (false, _, None) => {
                let (missing, found) = self.best.finish(&self.wanted);
                Err(ExtractError::MissingHeader { missing, found })
            }
            (false, 0, Some(_)) if self.seen == 0 => Err(ExtractError::NoTable),
            // An export's header is what it says first: with nothing under it, it says that there is nothing.
            (false, 0, Some(headers)) if self.portal.table.header_alone => {
                Ok((headers, Vec::new()))
            }
            (false, 0, Some(_)) => Err(ExtractError::NoRows),
            (false, _, Some(headers)) => Ok((headers, self.rows)),
        }
    }
}

/// Under titles that the file does not know: as wide as these, and with as many digits in a cell as a date has?
fn could_be_payment(laid: &Laid, titles: &HeaderRow) -> bool {
    let digits = |cell: &Rc<str>| cell.chars().filter(|c| c.is_numeric()).count();
    laid.slots.len() == titles.slots.len() && laid.own.iter().any(|cell| digits(cell) >= 6)
}

/// A row of filters below the titles is none of titles.
fn holds_controls(row: ElementRef<'_>) -> bool {
    let mut within = row.descendants().filter_map(ElementRef::wrap);
    within.any(|element| matches!(element.value().name(), "input" | "select" | "textarea"))
}
