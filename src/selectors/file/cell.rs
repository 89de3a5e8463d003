//! Where a selector file says that a cell stands: by its header, by a label, or by CSS within the row. Pure.

use super::value;
use crate::diagnostic::table::{Table, Value};
use crate::selectors::{CellSource, Column, Field, Skip, Source};

const CELL: &str = "{ header = \"Receipt No.\" }";

/// Reads the cell of `field` with the keys that this field may have.
pub fn source(field: Field, table: &Table<'_>) -> Option<Source> {
    let cell = cell(table);
    let capture = capture(table);
    let is_date = matches!(field, Field::CompletionDate | Field::CreationDate);
    let time = is_date.then(|| {
        table.optional("time", "{ header = \"Heure\" }", |time| {
            time.table(self::cell)
        })
    });
    let debit =
        has_sides(field).then(|| table.optional("debit", CELL, |debit| debit.table(other_side)));
    let optional =
        may_be_missing(field).then(|| table.optional("optional", "true", Value::boolean));
    Some(Source {
        cell: cell?,
        time: time.flatten(),
        debit: debit.flatten().map(Box::new),
        optional: optional.flatten().unwrap_or(false),
        capture,
    })
}

/// Of a debit: a cell and what to keep of it.
fn other_side(table: &Table<'_>) -> Option<Source> {
    let cell = cell(table);
    let capture = capture(table);
    Some(Source {
        cell: cell?,
        time: None,
        debit: None,
        optional: false,
        capture,
    })
}

fn capture(table: &Table<'_>) -> Option<regex::Regex> {
    table.optional("capture", "\"^([0-9*]+)\"", |text| text.parse(value::regex))
}

/// What portals print in another column where money leaves the account.
fn has_sides(field: Field) -> bool {
    matches!(
        field,
        Field::BalanceAfter | Field::Counterparty | Field::PayerName | Field::CustomerReference
    )
}

/// What a payment can do without.
fn may_be_missing(field: Field) -> bool {
    has_sides(field)
        || matches!(
            field,
            Field::CreationDate | Field::OriginalReference | Field::Fee
        )
}

/// An entry of `table.skip`: what the whole row's text matches, or a column and what its cell matches.
pub fn skip(entry: &Value<'_>) -> Option<Skip> {
    if !entry.is_table() {
        return entry.parse(value::regex).map(Skip::Whole);
    }
    entry.table(|entry| {
        let column = column(entry);
        if column.is_none() && !entry.has("header") && !entry.has("header_matches") {
            entry.wrong(
                "names no column",
                "add `header = \"…\"`, the text above the column",
            );
        }
        let text = entry.need("text", "\"^0(\\\\.0+)?$\"", |text| text.parse(value::regex));
        Some(Skip::Cell {
            column: column?,
            text: text?,
        })
    })
}

/// A column by its header.
fn column(table: &Table<'_>) -> Option<Column> {
    let header = table.value("header", "\"Receipt No.\"");
    let matches = table.value("header_matches", "\"^Account: [0-9]+$\"");
    let nth = table.optional("nth", "2", |nth| nth.whole(1..=100));
    let after = table.optional("after", "\"Amount\"", |after| {
        after.text().map(str::to_owned)
    });
    let (names, matches) = match (header, matches) {
        (Some(header), None) => (names(&header)?, None),
        (None, Some(matches)) => (Vec::new(), Some(matches.parse(value::regex)?)),
        (Some(_), Some(matches)) => {
            return matches.wrong(
                "stands beside `header`",
                "keep the one that finds the column",
            );
        }
        (None, None) => return None,
    };
    Some(Column {
        names,
        matches,
        nth: usize::try_from(nth.unwrap_or(1)).ok()?,
        after,
    })
}

/// Exactly one of `header`, `header_matches`, `label` and `css`.
fn cell(table: &Table<'_>) -> Option<CellSource> {
    let label = table.value("label", "\"Amount\"");
    let css = table.value("css", "\"td.ref\"");
    let attribute = table.value("attribute", "\"title\"");
    let by_header = table.has("header") || table.has("header_matches");
    if let (Some(attribute), None) = (&attribute, &css) {
        attribute.wrong::<()>("needs `css`", "name the element by `css`, within the row");
    }
    if !by_header {
        for key in ["nth", "after"] {
            if table.has(key) {
                table.wrong(
                    format!(
                        "`{key}` finds one of several headers; it does nothing without `header`"
                    ),
                    "name the column by `header`, or write CSS such as `css = \"td:nth-child(2)\"`",
                );
            }
        }
    }
    let column = column(table);
    match (by_header, label, css) {
        (true, None, None) => column.map(CellSource::Header),
        (false, Some(label), None) => Some(CellSource::Label {
            names: names(&label)?,
        }),
        (false, None, Some(css)) => Some(CellSource::Css {
            css: css.parse(value::css)?,
            attribute: attribute.and_then(|name| name.text()).map(str::to_owned),
        }),
        (false, None, None) => {
            table.wrong(
                "no cell is named",
                "add `header = \"…\"`, the text above the column, `label = \"…\"`, the text before the value, or `css = \"…\"` within the row",
            );
            None
        }
        (_, label, css) => css.or(label)?.wrong(
            "stands beside another way to find the cell",
            "keep one of `header`, `header_matches`, `label` and `css`",
        ),
    }
}

fn names(header: &Value<'_>) -> Option<Vec<String>> {
    let name = |value: &Value<'_>| value.text().map(str::to_owned);
    if header.is_list() {
        header.list(name)
    } else {
        name(header).map(|name| vec![name])
    }
}
