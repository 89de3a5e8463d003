//! Rows that hold only what one target is about, put through the ordinary reading of rows.

use crate::extract::{RawField, Row};
use crate::normalize::{Page, Problem, RowError};
use crate::payment::Payment;
use crate::portals::now;
use crate::promises::says_nothing_of;
use crate::selectors::{Field, Portal};
use crate::trial;

/// A row of these fields; `number` is its place on the page.
pub fn row(texts: &[(Field, &str)], number: usize) -> Row {
    let raw = |text: &str| RawField {
        column: Some(1),
        origin: "Header".to_owned(),
        text: text.to_owned(),
        debit: None,
    };
    let texts = texts.iter();
    Row {
        number,
        fields: texts
            .clone()
            .map(|(field, text)| (*field, raw(text)))
            .collect(),
        cells: texts.map(|(_, text)| (*text).to_owned()).collect(),
        problem: None,
    }
}

/// Reads rows as one page: the payment of each, or what is wrong with it.
pub fn read(portal: &Portal, rows: &[Row]) -> Vec<Result<Payment, Problem>> {
    let account = trial::account(portal, None);
    let page = Page::new(portal, &account, rows, now());
    let read = rows.iter().map(|row| {
        let meaning = page.payment(row);
        assert_eq!(page.explain(row).outcome, meaning, "to explain is to read");
        let aside = |error: RowError| {
            says_nothing_of(&error, row.cells.iter().map(String::as_str));
            error.problem
        };
        meaning.map(|read| read.payment).map_err(aside)
    });
    read.collect()
}
