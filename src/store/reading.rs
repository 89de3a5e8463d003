//! What goes into a commit and what comes out of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::event::{AccountRef, Gap, Proof};
use crate::extract::HeldRow;
use crate::payment::Payment;

/// One reading of one account, understood: what a single transaction records.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Whose.
    pub account: AccountRef,
    /// Instant of its first page: `firstSeen` of what is new.
    pub read_at: DateTime<Utc>,
    /// Oldest first: the order of telling. An id that stands twice counts as its last row.
    pub payments: Vec<Payment>,
    /// Rows that could not be understood.
    pub quarantined: Vec<QuarantinedRow>,
    /// Keys of the rows that were understood: what of them lies in quarantine is released.
    pub understood: Vec<RowKey>,
    /// "Complete up to", with its proof; `None` when this reading completes nothing.
    pub watermark: Option<(DateTime<Utc>, Proof)>,
    /// The instant of this reading when it is complete down to the one before.
    pub read_through: Option<DateTime<Utc>>,
    /// The holes, as this reading sees them.
    pub gaps: GapsFound,
}

/// The holes in the stretch that a reading covered. An open one inside it that is not found again was filled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GapsFound {
    /// First and last instant that the reading can judge; `None` closes nothing.
    pub covered: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The holes found.
    pub open: Vec<Gap>,
}

/// Names a row by its text: a digest over its cells, the same on every reading of the same row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey(pub [u8; 16]);

impl RowKey {
    /// Of the cells of a row, in order.
    #[must_use]
    pub fn of(cells: &[String]) -> Self {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        for cell in cells {
            hash.update((cell.len() as u64).to_be_bytes());
            hash.update(cell);
        }
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        RowKey(key)
    }

    /// Of each row of a page. Equal rows are several: without references they may be several payments.
    #[must_use]
    pub fn of_page<'a>(rows: impl Iterator<Item = &'a [String]>) -> Vec<Self> {
        let mut met: BTreeMap<RowKey, usize> = BTreeMap::new();
        let keys = rows.map(|cells| {
            let key = RowKey::of(cells);
            let before = met.entry(key).or_default();
            *before += 1;
            match *before {
                1 => key,
                // No cell holds what does not print.
                number => RowKey::of(&[cells, &[format!("\0{number}")]].concat()),
            }
        });
        keys.collect()
    }
}

/// A row put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedRow {
    /// Which row.
    pub key: RowKey,
    /// Its cells as text: kept for the person who repairs the selector file, never logged.
    pub cells: Vec<String>,
    /// Why; names field, header and shape, not text.
    pub reason: String,
    /// What it can be read again from; `None` where that was not kept.
    pub held: Option<HeldRow>,
}

/// A row in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Name of its account.
    pub account: crate::payment::AccountName,
    /// The row.
    pub row: QuarantinedRow,
    /// First reading that met it.
    pub first_seen: DateTime<Utc>,
}

/// What a commit recorded and told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// Sequence of the newest event after it.
    pub newest: u64,
    /// Payments met for the first time, told or not.
    pub new_payments: usize,
    /// `payment.received` told.
    pub received: usize,
    /// `payment.updated` told.
    pub updated: usize,
    /// `payment.reversed` told.
    pub reversed: usize,
    /// An `account.watermark` was told.
    pub watermark: bool,
    /// Holes told.
    pub gaps_opened: Vec<Gap>,
    /// Holes told as filled.
    pub gaps_closed: Vec<Gap>,
    /// Rows that are new in quarantine.
    pub newly_quarantined: Vec<QuarantinedRow>,
    /// Rows taken out of it.
    pub released: usize,
    /// Rows of this account in quarantine now.
    pub quarantined: usize,
    /// Rows not recorded because the account's quarantine holds [`super::MAX_QUARANTINED`].
    pub quarantine_overflow: usize,
}
