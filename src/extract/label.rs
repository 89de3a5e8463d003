//! Finds a value by the label that stands before it: cards, definition lists, tables of two columns. Pure.

use scraper::ElementRef;

use super::{MAX_CELL_BYTES, text};
use crate::selectors::Hidden;

/// The element right after the first one within `row` whose whole text is one of `names`.
pub(super) fn value<'a>(
    row: ElementRef<'a>,
    names: &[String],
    hidden: Hidden,
) -> Option<ElementRef<'a>> {
    let within = row.descendants().skip(1).filter_map(ElementRef::wrap);
    let mut labels = within.filter(|element| is_label(*element, names, hidden));
    labels.find_map(|label| label.next_siblings().find_map(ElementRef::wrap))
}

/// Without regard to case, and to a colon at the end.
fn is_label(element: ElementRef<'_>, names: &[String], hidden: Hidden) -> bool {
    let printed = text::shown(element, hidden, MAX_CELL_BYTES).text;
    let printed = printed.trim_end_matches(':').trim_end().to_lowercase();
    names.iter().any(|name| {
        let name = text::collapse(name, MAX_CELL_BYTES).text.to_lowercase();
        printed == name.trim_end_matches(':').trim_end()
    })
}
