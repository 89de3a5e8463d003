//! The portal's books: rows, when each became visible, and the balance they run to.
//!
//! - A row *settles* when its status becomes `Completed`: only then it moves the balance, and it stays settled
//!   whatever its status says later (money comes back by a reversal, a row of its own).
//! - The order is that of completion; rows without one stand at their initiation. A late row is posted with an
//!   earlier completion: it appears under newer ones and moves their balances.
//! - Times of a row are whole seconds, as the pages print them; the instant it became visible is exact.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

use super::config::PortalConfig;
use super::dice::Dice;
use super::draft::{charge_of, check, draft};

/// The word of a row whose money moved.
pub const COMPLETED: &str = "Completed";
/// The word of a row that waits; it has no completion time and no balance.
pub const PENDING: &str = "Pending Authorized";
/// The word of a row that was swept after midnight.
pub const EXPIRED: &str = "Expired";
/// The word of a row that did not succeed.
pub const FAILED: &str = "Failed";
/// The word of a pending row that was turned down.
pub const DECLINED: &str = "Declined";
const OPEN_WORDS: [&str; 3] = ["Initiated", "Authorized", PENDING];
/// Cents in the account before the first row: enough for every withdrawal of a seeded history.
const OPENING_CENTS: i64 = 25_000_000;
pub(super) const MAX_TEXT_CHARS: usize = 100;

/// What a row is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// A customer paid in.
    #[default]
    Payment,
    /// The portal's fee for a payment or withdrawal, under the same receipt number.
    Charge,
    /// Money taken out to the bank.
    Withdrawal,
    /// A payment given back, under a receipt of its own.
    Reversal,
}

/// Which way the money goes, seen from the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Into the account.
    Credit,
    /// Out of the account.
    Debit,
}

/// What is asked of the portal's books. What is absent is drawn from the seed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Posting {
    /// `payment` (default), `withdrawal` or `reversal`; a charge comes by [`Posting::charge`].
    pub kind: RowKind,
    /// Above zero, at most two decimals; a string in JSON (`"1500.50"`). A reversal takes its original's.
    #[serde(deserialize_with = "super::draft::decimal_text")]
    pub amount: Option<Decimal>,
    /// Masked number of the payer, `254722***000`.
    pub payer: Option<String>,
    /// Name of the payer, `JANE D.`.
    pub payer_name: Option<String>,
    /// What the payer typed as account, `acc 9900`.
    pub reference: Option<String>,
    /// Status word, any text. Default `Completed`.
    pub status: Option<String>,
    /// Seconds by which the completion lies before now: above zero makes a late row.
    pub late_by: u32,
    /// A fee: one more row, a debit under the same receipt number.
    #[serde(deserialize_with = "super::draft::decimal_text")]
    pub charge: Option<Decimal>,
    /// Receipt of a payment whose payer, name, reference and amount this one repeats.
    pub twin_of: Option<String>,
    /// Receipt of the original; for a reversal only, and needed there.
    pub reverses: Option<String>,
    /// Seconds after which the row changes to `settles_as`.
    pub settles_in: Option<u32>,
    /// Status word after `settles_in`. Default `Completed`.
    pub settles_as: Option<String>,
}

/// Why the books do not take a posting or a change.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// An amount that no row could show.
    #[error("the amount must be above zero, below 1,000,000,000 and have at most two decimals")]
    Amount,
    /// A text longer than a cell takes.
    #[error("a text is longer than {MAX_TEXT_CHARS} characters")]
    TextTooLong,
    /// A charge cannot be posted alone, and only a reversal reverses.
    #[error(
        "kind and reverses do not fit: a reversal names what it reverses, nothing else does, and a charge comes with its payment"
    )]
    Kind,
    /// No row has that receipt.
    #[error("no row has the receipt {receipt}")]
    UnknownReceipt {
        /// The receipt asked for.
        receipt: String,
    },
    /// The statement holds `max_rows` rows.
    #[error("the statement is full at {max_rows} rows")]
    Full {
        /// The knob that was reached.
        max_rows: u32,
    },
}

#[derive(Clone)]
pub(in crate::demo) struct Row {
    pub receipt: String,
    pub kind: RowKind,
    pub amount: Decimal,
    pub settled: bool,
    pub initiated: DateTime<Utc>,
    pub completed: Option<DateTime<Utc>>,
    pub visible: DateTime<Utc>,
    /// Every status word it had, with the instant that word became visible; never empty.
    pub statuses: Vec<(String, DateTime<Utc>)>,
    pub details: String,
    pub reason: &'static str,
    pub other_party: String,
    pub payer: Option<String>,
    pub payer_name: Option<String>,
    pub reference: Option<String>,
    pub linked: Option<String>,
    pub due: Option<(DateTime<Utc>, String)>,
}

impl Row {
    pub fn direction(&self) -> Direction {
        match self.kind {
            RowKind::Payment => Direction::Credit,
            RowKind::Charge | RowKind::Withdrawal | RowKind::Reversal => Direction::Debit,
        }
    }

    pub fn status(&self) -> &str {
        self.statuses.last().map_or("", |(word, _)| word)
    }

    /// Where the row stands in the order of the statement.
    pub fn place(&self) -> DateTime<Utc> {
        self.completed.unwrap_or(self.initiated)
    }

    fn turn(&mut self, word: &str, at: DateTime<Utc>, completed: Option<DateTime<Utc>>) {
        if !self.settled && !OPEN_WORDS.contains(&word) {
            self.completed = Some(completed.unwrap_or_else(|| at.trunc_subsecs(0)));
            self.settled = word == COMPLETED;
        }
        self.statuses.push((word.to_owned(), at));
        self.due = None;
    }
}

/// A row with the balance after it; rows that moved no money have none.
pub(in crate::demo) struct Line<'a> {
    pub row: &'a Row,
    /// Position in order of posting.
    pub number: usize,
    pub balance: Option<Decimal>,
}

pub(in crate::demo) struct Statement {
    pub(super) rows: Vec<Row>,
    receipts: HashSet<String>,
    pub(super) dice: Dice,
}

impl Statement {
    pub fn new(seed: u64) -> Self {
        Self {
            rows: Vec::new(),
            receipts: HashSet::new(),
            dice: Dice::new(seed),
        }
    }

    /// Adds what `posting` asks for, visible from `now` on; answers its receipt.
    pub fn post(
        &mut self,
        posting: &Posting,
        now: DateTime<Utc>,
        config: &PortalConfig,
    ) -> Result<String, PostError> {
        check(posting)?;
        let original = self.original(posting)?;
        let wanted = self.rows.len() + 1 + usize::from(posting.charge.is_some());
        if wanted > config.max_rows as usize {
            return Err(PostError::Full {
                max_rows: config.max_rows,
            });
        }
        let mut row = draft(&mut self.dice, posting, original.as_ref(), now, config);
        let word = posting.status.clone().unwrap_or_else(|| COMPLETED.into());
        let completed = (now - TimeDelta::seconds(posting.late_by.into())).trunc_subsecs(0);
        // What was swept for its age began a quarter of an hour before.
        let took = if word == EXPIRED {
            900
        } else {
            self.dice.between(2, 20)
        };
        row.initiated = completed - TimeDelta::seconds(took);
        row.receipt = self.new_receipt(row.initiated, config);
        row.turn(&word, now, Some(completed));
        row.due = posting.settles_in.map(|seconds| {
            (
                now + TimeDelta::seconds(seconds.into()),
                posting
                    .settles_as
                    .clone()
                    .unwrap_or_else(|| COMPLETED.into()),
            )
        });
        let receipt = row.receipt.clone();
        let charge = posting.charge.map(|amount| charge_of(&row, amount));
        self.rows.push(row);
        self.rows.extend(charge);
        Ok(receipt)
    }

    /// Gives the rows of `receipt` a new status word, visible from `now` on. Its charge settles with it.
    pub fn set_status(
        &mut self,
        receipt: &str,
        word: &str,
        now: DateTime<Utc>,
    ) -> Result<(), PostError> {
        if word.chars().count() > MAX_TEXT_CHARS {
            return Err(PostError::TextTooLong);
        }
        let mut found = false;
        for row in self.rows.iter_mut().filter(|row| row.receipt == receipt) {
            found = true;
            if row.kind != RowKind::Charge || !row.settled {
                row.turn(word, now, None);
            }
        }
        if found {
            Ok(())
        } else {
            Err(PostError::UnknownReceipt {
                receipt: receipt.to_owned(),
            })
        }
    }

    /// Carries out the changes that fell due by `now`, each at its own instant.
    pub fn advance(&mut self, now: DateTime<Utc>) {
        for row in &mut self.rows {
            if let Some((at, word)) = row.due.take_if(|(at, _)| *at <= now) {
                row.turn(&word, at, None);
            }
        }
    }

    /// Every row, newest first, with its balance.
    pub fn lines(&self) -> Vec<Line<'_>> {
        let mut lines: Vec<_> = self
            .rows
            .iter()
            .enumerate()
            .map(|(number, row)| Line {
                row,
                number,
                balance: None,
            })
            .collect();
        lines.sort_by_key(|line| (line.row.place(), line.number));
        let mut balance = Decimal::new(OPENING_CENTS, 2);
        for line in lines.iter_mut().filter(|line| line.row.settled) {
            match line.row.direction() {
                Direction::Credit => balance += line.row.amount,
                Direction::Debit => balance -= line.row.amount,
            }
            line.balance = Some(balance);
        }
        lines.reverse();
        lines
    }

    fn main_row(&self, receipt: &str) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.receipt == receipt && row.kind != RowKind::Charge)
    }

    /// The row a twin or a reversal refers to. A reversal with an amount may name one that is no longer held.
    fn original(&self, posting: &Posting) -> Result<Option<Row>, PostError> {
        let Some(receipt) = posting.reverses.as_ref().or(posting.twin_of.as_ref()) else {
            return Ok(None);
        };
        let row = self.main_row(receipt).cloned();
        if row.is_some() || (posting.reverses.is_some() && posting.amount.is_some()) {
            Ok(row)
        } else {
            Err(PostError::UnknownReceipt {
                receipt: receipt.clone(),
            })
        }
    }

    fn new_receipt(&mut self, initiated: DateTime<Utc>, config: &PortalConfig) -> String {
        let day = initiated.with_timezone(&config.zone).date_naive();
        loop {
            let receipt = self.dice.receipt(day);
            if self.receipts.insert(receipt.clone()) {
                return receipt;
            }
        }
    }
}
