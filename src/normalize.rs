//! Row of text to payment. Pure.
//!
//! Nothing is guessed: an empty cell is an absent field, a cell that cannot be read exactly, a word that the file does
//! not map, and fields that contradict each other put the row aside with a [`RowError`]. The same code explains itself
//! to `portal try` when a trace is asked for.

mod amount;
mod date;
mod error;
mod flow;
mod months;
mod order;
mod reader;

use chrono::{DateTime, Utc};

use crate::event::AccountRef;
use crate::extract::Row;
use crate::identity::Fingerprint;
use crate::payment::Payment;
use crate::selectors::{Field, Portal};

pub use amount::AmountError;
pub(crate) use amount::is_currency_word;
pub use date::{DateError, as_printed, has_offset};
pub use error::{Problem, RowError};
pub use months::is_month;

/// A row understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalized {
    /// The payment. Where `fingerprint` is there, its id is that of the first twin until `identity::assign` gave it
    /// its own.
    pub payment: Payment,
    /// What the payment is told apart by, where the portal has no reference.
    pub fingerprint: Option<Fingerprint>,
}

/// How a row was read: for a person who looks at his own saved page. Holds the text of cells; never logged.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Each field of the file, in the order it was read.
    pub fields: Vec<FieldTrace>,
    /// What came of the row.
    pub outcome: Result<Normalized, RowError>,
}

/// How one field was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldTrace {
    /// The field.
    pub field: Field,
    /// Column number from 1.
    pub column: Option<usize>,
    /// Header matched, or CSS; `None` when the row has no such cell.
    pub origin: Option<String>,
    /// The cell's text.
    pub raw: Option<String>,
    /// Each conversion and what came of it.
    pub steps: Vec<String>,
}

/// The rows of one page, understood together: how its dates are written is a matter of all of them.
#[derive(Debug)]
pub struct Page<'a> {
    portal: &'a Portal,
    account: &'a AccountRef,
    now: DateTime<Utc>,
    dates: order::Dates,
}

impl<'a> Page<'a> {
    /// Of these rows, in the page's order. `now` bounds its times: a payment of the day after tomorrow is a misread date.
    #[must_use]
    pub fn new(
        portal: &'a Portal,
        account: &'a AccountRef,
        rows: &[Row],
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            portal,
            account,
            now,
            dates: order::Dates::of(portal, rows, now),
        }
    }

    /// Understands one of them.
    ///
    /// # Errors
    /// When the row must go to quarantine.
    pub fn payment(&self, row: &Row) -> Result<Normalized, RowError> {
        reader::Reader::new(self, row, None).payment()
    }

    /// As [`Page::payment`], and says how each field was read.
    #[must_use]
    pub fn explain(&self, row: &Row) -> Explanation {
        let mut fields = Vec::new();
        let outcome = reader::Reader::new(self, row, Some(&mut fields)).payment();
        Explanation { fields, outcome }
    }
}

#[cfg(test)]
mod locales;
#[cfg(test)]
mod odd_values;
#[cfg(test)]
mod tests;
