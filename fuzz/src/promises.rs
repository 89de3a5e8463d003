//! What is promised of every reading, whatever was read.

use crate::extract::text::shape;
use crate::extract::{Document, ExtractError, MAX_CELL_BYTES, MAX_CELLS, MAX_ROWS};
use crate::normalize::RowError;
use crate::payment::gsma_amount;
use crate::portals::now;
use crate::selectors::Portal;
use crate::trial::{self, Trial};

/// A text with so many digits could be an account, a phone or a reference. Row and column numbers have fewer.
const NUMBER_OF_SOMEBODY: usize = 7;

/// The libraries for workbooks may panic, and the reader of exports makes an error of it (`unharmed`): a panic that is caught is
/// said in a line, and only one that nobody catches ends the run.
pub fn caught_panics_are_none() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
}

/// Reads the table of a page to the end, and checks what came of it.
///
/// # Errors
/// When the page has no such table.
pub fn read_table(portal: &Portal, page: &Document) -> Result<Trial, ExtractError> {
    let account = trial::account(portal, Some("600123"));
    let trial = Trial::of(portal, account, page, now())?;
    let rows = &trial.extracted.rows;
    assert!(rows.len() <= MAX_ROWS);
    assert_eq!(trial.extracted.says_empty, rows.is_empty());
    for (at, (row, meaning)) in rows.iter().zip(&trial.rows).enumerate() {
        assert_eq!(row.number, at + 1, "every row is counted");
        assert!(row.cells.len() <= MAX_CELLS + 1);
        assert!(row.problem.is_none() || row.fields.is_empty());
        let texts = row.fields.values().map(|field| field.text.as_str());
        assert!(
            texts
                .clone()
                .all(|text| text.len() <= 2 * MAX_CELL_BYTES + 1)
        );
        match meaning {
            Ok(read) => {
                let amount = read.payment.amount;
                assert!(amount.is_sign_positive() && !amount.is_zero());
                assert_eq!(gsma_amount(amount).parse(), Ok(amount));
                assert!(row.problem.is_none());
            }
            Err(error) => {
                assert_eq!(error.row, row.number);
                says_nothing_of(error, texts.chain(row.cells.iter().map(String::as_str)));
            }
        }
    }
    let json = trial.json(true);
    let counted = ["payments", "quarantined"].map(|key| json[key].as_array().map_or(0, Vec::len));
    assert_eq!(counted.iter().sum::<usize>(), rows.len(), "no row is lost");
    Ok(trial)
}

/// No error shows the text of a cell. A text that is its own shape says nothing.
pub fn says_nothing_of<'a>(error: &RowError, cells: impl Iterator<Item = &'a str>) {
    let mut message = None;
    for text in cells {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        if digits < NUMBER_OF_SOMEBODY || shape(text) == text {
            continue;
        }
        let message = message.get_or_insert_with(|| error.to_string());
        assert!(!message.contains(text), "a cell's text in: {message}");
    }
}
