//! Lays the cells of a row into columns, as the HTML standard's "forming a table" does. Pure.

use std::rc::Rc;

use scraper::ElementRef;

use super::{MAX_CELL_BYTES, MAX_CELLS, RowProblem, guard::NodeId, text};

/// The standard's own bounds of the two attributes.
const MAX_COLSPAN: usize = 1_000;
const MAX_ROWSPAN: usize = 65_534;

/// A row laid out.
pub(super) struct Laid {
    /// Text by column: a cell that spans columns stands in each of them, one that spans rows in each row.
    pub slots: Vec<Rc<str>>,
    /// The row's own cells, each once.
    pub own: Vec<Rc<str>>,
    pub problem: Option<RowProblem>,
}

/// What reaches down from the rows above. A cell ends with its row group (`tbody`).
#[derive(Default)]
pub(super) struct Grid {
    group: Option<NodeId>,
    /// By column: how many more rows, and the text.
    reaching: Vec<Option<(usize, Rc<str>)>>,
}

impl Grid {
    /// Lays out the next row. The cells of a `tr` are its `td` and `th`, those of any other element its child elements.
    pub fn lay(&mut self, row: ElementRef<'_>) -> Laid {
        let group = row.parent().map(|parent| parent.id());
        if group != self.group {
            self.group = group;
            self.reaching.clear();
        }
        let mut laid = Laid {
            slots: Vec::new(),
            own: Vec::new(),
            problem: None,
        };
        let is_tr = row.value().name() == "tr";
        let children = row.children().filter_map(ElementRef::wrap);
        for cell in children.filter(|cell| !is_tr || matches!(cell.value().name(), "td" | "th")) {
            self.reach_down(&mut laid.slots);
            let text = text::of(cell, MAX_CELL_BYTES);
            if text.cut {
                laid.problem = Some(RowProblem::TextTooLong);
            }
            let text: Rc<str> = text.text.into();
            let (columns, rows) = spans(cell);
            if laid.slots.len() + columns > MAX_CELLS {
                laid.problem = Some(RowProblem::TooManyCells);
                break;
            }
            laid.own.push(Rc::clone(&text));
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

/// Columns and rows of a cell. What is no number counts as 1; a `rowspan` of 0 reaches to the end of the group.
fn spans(cell: ElementRef<'_>) -> (usize, usize) {
    let number = |name| {
        let digits = cell.attr(name)?.trim_start();
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        digits.get(..end)?.parse::<usize>().ok()
    };
    let columns = number("colspan")
        .filter(|columns| (1..=MAX_COLSPAN).contains(columns))
        .unwrap_or(1);
    let rows = match number("rowspan") {
        None => 1,
        Some(0) => MAX_ROWSPAN,
        Some(rows) => rows.min(MAX_ROWSPAN),
    };
    (columns, rows)
}
