//! Why a row is put aside. Pure.

use std::fmt;

use super::{AmountError, DateError};
use crate::extract::RowProblem;
use crate::selectors::Field;

/// A row that cannot be understood, with the cell that stands in the way. Never the cell's text, only its shape: a
/// status word too, since a mistaken column would print a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// Number of the row among the data rows of its page, from 1.
    pub row: usize,
    /// The field; `None` when the row as a whole is the problem.
    pub field: Option<Field>,
    /// Column number from 1.
    pub column: Option<usize>,
    /// The header as printed, long numbers blotted out, or the CSS.
    pub header: Option<String>,
    /// Shape of the cell's text, `extract::text::shape`.
    pub shape: Option<String>,
    /// What is wrong and what to do.
    pub problem: Problem,
}

impl RowError {
    /// Row `row` shares its reference with other money.
    #[must_use]
    pub fn shared_reference(row: usize) -> Self {
        Self {
            row,
            field: Some(Field::TransactionReference),
            column: None,
            header: None,
            shape: None,
            problem: Problem::SharedReference,
        }
    }
}

impl std::error::Error for RowError {}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}", self.row)?;
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        if let Some(header) = &self.header {
            write!(f, ", `{header}`")?;
        }
        if let Some(field) = self.field {
            write!(f, " (field {})", field.as_str())?;
        }
        if let Some(shape) = &self.shape {
            write!(f, ", cell like `{shape}`")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// What is wrong with a row or one of its cells, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The cells do not stand where the header says.
    #[error("{0}")]
    Row(#[from] RowProblem),
    /// A field that every payment has is not there.
    #[error(
        "is empty, but every payment has one: correct its header or `capture`, or name the row in `table.skip`"
    )]
    Missing,
    /// The word is in no map.
    #[error("is a word that its `map` does not have: add it there, or the payment stays dark")]
    UnmappedWord,
    /// No amount.
    #[error("{0}")]
    Amount(#[from] AmountError),
    /// No instant.
    #[error("{0}")]
    Date(#[from] DateError),
    /// Moves no money.
    #[error("is zero: name such rows in `table.skip` if they are no payments")]
    Zero,
    /// Neither column of the two has an amount.
    #[error(
        "neither credit nor debit has an amount: correct their headers, or name the row in `table.skip`"
    )]
    NoSide,
    /// Both have.
    #[error("both credit and debit have an amount: correct their headers")]
    TwoSides,
    /// A credit below zero.
    #[error(
        "is below zero, which a credit cannot be: correct `direction`, or the headers of credit and debit"
    )]
    NegativeCredit,
    /// Not three letters.
    #[error(
        "is no ISO 4217 code: use `capture`, or leave `fields.currency` away for a portal of one currency"
    )]
    Currency,
    /// GSMA's limit of 256 characters.
    #[error(
        "is longer than 256 characters, which no reference is: correct its header or `capture`"
    )]
    TooLong,
    /// A reference such as `123.0`.
    #[error(
        "is a whole number that was made a fraction, perhaps with digits lost: find a column or an export that holds it as text, or keep its digits by `capture` where none can be lost"
    )]
    Float,
    /// A fee as large as the payment.
    #[error("leaves nothing of the amount: correct the header of `fee`, or its `amount_is`")]
    FeeTooLarge,
    /// Completed, but when?
    #[error("is empty, but the status says completed: correct its header, or the status map")]
    CompletedWithoutDate,
    /// Another row of the reading bears its reference, and moves other money.
    #[error(
        "is the reference of another row that moves other money: name such rows in `table.skip`, or give them a `kind` of their own"
    )]
    SharedReference,
    /// None of the fields of `identity` has a value.
    #[error("none of the fields of `identity` has a value: the row cannot be told from others")]
    NoIdentity,
}
