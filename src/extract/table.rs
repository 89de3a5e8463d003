//! Lays the cells of a row into columns, as the HTML standard's "forming a table" does. Pure.

use std::rc::Rc;

use scraper::ElementRef;

use super::export::INEXACT;
use super::{MAX_CELL_BYTES, MAX_CELLS, RowProblem, guard::NodeId, text};
use crate::selectors::Hidden;

/// The standard's own bounds of the two attributes.
const MAX_COLSPAN: usize = 1_000;
const MAX_ROWSPAN: usize = 65_534;

/// A row laid out.
pub(super) struct Laid {
    /// Text by column: a cell that spans columns stands in each of them, one that spans rows in each row.
    pub slots: Vec<Rc<str>>,
    /// The row's own cells, each once.
    pub own: Vec<Rc<str>>,
    /// Its cells are all those of a header (`th`).
    pub is_titled: bool,
    pub problem: Option<RowProblem>,
}

/// What reaches down from the rows above. A cell ends with its row group (`tbody`).
pub(super) struct Grid {
    hidden: Hidden,
    group: Option<NodeId>,
    /// By column: how many more rows, and the text.
    reaching: Vec<Option<(usize, Rc<str>)>>,
}

impl Grid {
    pub fn new(hidden: Hidden) -> Self {
        Self {
            hidden,
            group: None,
            reaching: Vec::new(),
        }
    }

    /// Lays out the next row.
    pub fn lay(&mut self, row: ElementRef<'_>) -> Laid {
        let group = row.parent().map(|parent| parent.id());
        if group != self.group {
            self.group = group;
            self.reaching.clear();
        }
        let mut laid = Laid {
            slots: Vec::new(),
            own: Vec::new(),
            is_titled: true,
            problem: None,
        };
        for cell in cells(row) {
            if self.hidden == Hidden::Skip && text::is_hidden(cell) {
                continue;
            }
            self.reach_down(&mut laid.slots);
            stand_at_index(cell, &mut laid.slots);
            let text = text::shown(cell, self.hidden, MAX_CELL_BYTES);
            if text.cut {
                laid.problem = Some(RowProblem::TextTooLong);
            }
            if cell.attr(INEXACT).is_some() {
                laid.problem = Some(RowProblem::Inexact);
            }
            let text: Rc<str> = text.text.into();
            let (columns, rows) = spans(cell);
            if laid.slots.len() + columns > MAX_CELLS {
                laid.problem = Some(RowProblem::TooManyCells);
                break;
            }
            laid.own.push(Rc::clone(&text));
            laid.is_titled &= cell.value().name() == "th";
            for _ in 0..columns {
                self.keep(laid.slots.len(), rows, &text);
                laid.slots.push(Rc::clone(&text));
            }
        }
        self.reach_down(&mut laid.slots);
        self.pass(laid.slots.len());
        laid
    }

    /// Lets the cells from above that stand beyond a gap reach on past this row, which has no text for the gap.
    fn pass(&mut self, from: usize) {
        for reaching in self.reaching.iter_mut().skip(from) {
            *reaching = reaching
                .take()
                .filter(|(rows, _)| *rows > 1)
                .map(|(rows, text)| (rows - 1, text));
        }
    }

    /// Takes over the cells from above that stand at the next columns.
    fn reach_down(&mut self, slots: &mut Vec<Rc<str>>) {
        while let Some(reaching) = self.reaching.get_mut(slots.len()) {
            let Some((rows, text)) = reaching else { return };
            slots.push(Rc::clone(text));
            *rows -= 1;
            if *rows == 0 {
                *reaching = None;
            }
        }
    }

    fn keep(&mut self, column: usize, rows: usize, text: &Rc<str>) {
        if rows > 1 {
            if self.reaching.len() <= column {
                self.reaching.resize(column + 1, None);
            }
            if let Some(reaching) = self.reaching.get_mut(column) {
                *reaching = Some((rows - 1, Rc::clone(text)));
            }
        }
    }
}

/// The cells of a `tr` are its `td` and `th`, those of any other element what is a cell by its ARIA role, however deep, or
/// else its child elements.
fn cells(row: ElementRef<'_>) -> Vec<ElementRef<'_>> {
    let children = || row.children().filter_map(ElementRef::wrap);
    if row.value().name() == "tr" {
        let is_cell = |cell: &ElementRef<'_>| matches!(cell.value().name(), "td" | "th");
        return children().filter(is_cell).collect();
    }
    let within = row.descendants().skip(1).filter_map(ElementRef::wrap);
    let by_role: Vec<_> = within.filter(|element| has_cell_role(*element)).collect();
    if by_role.is_empty() {
        children().collect()
    } else {
        by_role
    }
}

/// WAI-ARIA 1.2, roles of what a `row` owns.
fn has_cell_role(element: ElementRef<'_>) -> bool {
    let role = element.attr("role").unwrap_or_default();
    matches!(role, "cell" | "gridcell" | "columnheader" | "rowheader")
}

/// A grid that leaves out the columns that are not in view says where a cell stands: `aria-colindex`, from 1.
fn stand_at_index(cell: ElementRef<'_>, slots: &mut Vec<Rc<str>>) {
    let index = cell
        .attr("aria-colindex")
        .and_then(|index| index.trim().parse::<usize>().ok());
    if let Some(index) = index.filter(|index| (slots.len() + 1..=MAX_CELLS).contains(index)) {
        slots.resize(index - 1, Rc::from(""));
    }
}

/// Columns and rows of a cell. What is no number counts as 1; a `rowspan` of 0 reaches to the end of the group.
fn spans(cell: ElementRef<'_>) -> (usize, usize) {
    let number = |name, by_role| {
        let digits = cell.attr(name).or_else(|| cell.attr(by_role))?.trim_start();
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        digits.get(..end)?.parse::<usize>().ok()
    };
    let columns = number("colspan", "aria-colspan")
        .filter(|columns| (1..=MAX_COLSPAN).contains(columns))
        .unwrap_or(1);
    let rows = match number("rowspan", "aria-rowspan") {
        None => 1,
        Some(0) => MAX_ROWSPAN,
        Some(rows) => rows.min(MAX_ROWSPAN),
    };
    (columns, rows)
}
