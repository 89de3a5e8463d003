//! The fields of a payment: where a portal shows each, and how its text is read. Pure.

use std::collections::BTreeMap;

use regex::Regex;
use scraper::Selector;

use crate::payment::{Direction, RowKind, Status, TransactionType};

/// Where one field's text stands in a row.
#[derive(Debug, Clone)]
pub struct Source {
    /// How the cell is found.
    pub cell: CellSource,
    /// A second cell, whose text is joined to the first by a space: a date's time of day.
    pub time: Option<CellSource>,
    /// Where it stands instead on rows that take money from the account.
    pub debit: Option<Box<Source>>,
    /// Some pages have no such column; then no row has the field.
    pub optional: bool,
    /// Keep the first capture group (or the whole match) of this; a row without a match has no such field.
    pub capture: Option<Regex>,
}

/// Which of the cells of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `Source::cell`.
    Main,
    /// `Source::time`.
    Time,
    /// `Source::debit`.
    Debit,
}

impl Source {
    /// Every cell that the file names for the field.
    pub fn cells(&self) -> impl Iterator<Item = (Part, &CellSource)> {
        let debit = self.debit.as_ref().map(|debit| (Part::Debit, &debit.cell));
        let time = self.time.as_ref().map(|time| (Part::Time, time));
        [Some((Part::Main, &self.cell)), time, debit]
            .into_iter()
            .flatten()
    }

    /// Those of them that are found by a header.
    pub fn columns(&self) -> impl Iterator<Item = (Part, &Column)> {
        self.cells().filter_map(|(part, cell)| match cell {
            CellSource::Header(column) => Some((part, column)),
            CellSource::Label { .. } | CellSource::Css { .. } => None,
        })
    }
}

/// How a cell is found.
#[derive(Debug, Clone)]
pub enum CellSource {
    /// By the text of its column's header.
    Header(Column),
    /// By the text of the element right before it within the row: a card, a definition list.
    Label {
        /// Any of these, compared without case and without a colon at the end.
        names: Vec<String>,
    },
    /// By CSS within the row.
    Css {
        /// Inside the row element.
        css: Selector,
        /// The attribute's value instead of the text.
        attribute: Option<String>,
    },
}

/// A column by its header.
#[derive(Debug, Clone)]
pub struct Column {
    /// Any of these, compared without case, with white space collapsed; `Agent / Wallet` where the header is made of two
    /// rows.
    pub names: Vec<String>,
    /// Or what the header's text matches, where it changes.
    pub matches: Option<Regex>,
    /// Which of several equal headers, from 1.
    pub nth: usize,
    /// Counted behind the column with this header.
    pub after: Option<String>,
}

impl Column {
    /// What the file looks for, for messages.
    #[must_use]
    pub fn printed(&self) -> Vec<String> {
        let pattern = self.matches.as_ref().map(|regex| regex.as_str().to_owned());
        self.names.iter().cloned().chain(pattern).collect()
    }
}

/// The fields of a payment that a portal can fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is documented at its key in `Fields`")]
pub enum Field {
    TransactionReference,
    CompletionDate,
    CreationDate,
    Status,
    Type,
    Kind,
    Direction,
    Amount,
    Credit,
    Debit,
    Currency,
    Fee,
    BalanceAfter,
    Counterparty,
    PayerName,
    CustomerReference,
    OriginalReference,
}

impl Field {
    /// Every field, in the order of the docs.
    pub const ALL: [Field; 17] = [
        Field::TransactionReference,
        Field::CompletionDate,
        Field::CreationDate,
        Field::Status,
        Field::Type,
        Field::Kind,
        Field::Direction,
        Field::Amount,
        Field::Credit,
        Field::Debit,
        Field::Currency,
        Field::Fee,
        Field::BalanceAfter,
        Field::Counterparty,
        Field::PayerName,
        Field::CustomerReference,
        Field::OriginalReference,
    ];

    /// Its key in `[fields]`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Field::TransactionReference => "transaction_reference",
            Field::CompletionDate => "completion_date",
            Field::CreationDate => "creation_date",
            Field::Status => "status",
            Field::Type => "type",
            Field::Kind => "kind",
            Field::Direction => "direction",
            Field::Amount => "amount",
            Field::Credit => "credit",
            Field::Debit => "debit",
            Field::Currency => "currency",
            Field::Fee => "fee",
            Field::BalanceAfter => "balance_after",
            Field::Counterparty => "counterparty",
            Field::PayerName => "payer_name",
            Field::CustomerReference => "customer_reference",
            Field::OriginalReference => "original_reference",
        }
    }
}

/// The `[fields]` of a selector file.
#[derive(Debug, Clone)]
pub struct Fields {
    /// Where each named field stands. Only fields that the file names.
    pub sources: BTreeMap<Field, Source>,
    /// chrono formats tried in order, for each date field.
    pub dates: BTreeMap<Field, Vec<String>>,
    /// Cells with one of these texts are empty: the portal's word for "nothing here".
    pub blank: Vec<String>,
    /// How amounts are written.
    pub decimal: DecimalRule,
    /// Status words. A word that is not here is quarantined.
    pub status: BTreeMap<String, Status>,
    /// GSMA types by the portal's words, and the type of a word that is not here.
    pub types: BTreeMap<String, TransactionType>,
    /// The type of rows whose word is not in `types`; required.
    pub other_type: TransactionType,
    /// Words of the `kind` column that make a row a charge or a reversal.
    pub kinds: BTreeMap<String, RowKind>,
    /// Words of the `direction` column, where the direction is a word.
    pub directions: BTreeMap<String, Direction>,
    /// The status of every row of a portal that has no such column; then `sources` and `status` have none.
    pub always_status: Option<Status>,
    /// The direction of a word that is not in `directions`; without it such a word is quarantined.
    pub other_direction: Option<Direction>,
    /// What the fee has to do with the amount, where the file names a fee.
    pub amount_is: AmountIs,
    /// What becomes of a local time that was twice, or never.
    pub clock_change: ClockChange,
    /// The direction of every row, where it is neither a word, a column nor a sign.
    pub always_direction: Option<Direction>,
    /// GSMA key of the counterparty, e.g. `msisdn`.
    pub counterparty_key: String,
    /// Fields that make the id where the portal has no reference; empty when `TransactionReference` is there.
    pub identity: Vec<Field>,
}

/// The amount that a portal prints beside a fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmountIs {
    /// What the payer paid.
    Gross,
    /// What it made of the account's balance.
    Net,
}

/// How a local time is read for which the portal's clocks were put forward over it, or back over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockChange {
    /// Its row is put aside.
    Refuse,
    /// With the offset from before the change.
    Earlier,
    /// With the offset from after it.
    Later,
}

/// How a portal writes amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecimalRule {
    /// The decimal mark: `.` or `,`.
    pub mark: char,
    /// Marks between groups of three digits.
    pub group: Option<char>,
}
