//! The wire form of events: CloudEvents 1.0 JSON, one object per line. Pure.

use chrono::{DateTime, Utc};

use crate::payment::{AccountName, OperatorAccount, Payment, Status};

/// The account an event speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRef {
    /// Our config's name; not on the wire.
    pub name: AccountName,
    /// Portal name (selector file stem): `source` is `/portals/<portal>/accounts/<number>`.
    pub portal: String,
    /// Operator and number: `creditParty` of a credit, part of every id.
    pub operator: OperatorAccount,
    /// GSMA key of the number.
    pub account_key: String,
    /// `<portal>@<format>`.
    pub selector_format: String,
}

/// What is added at commit and never changed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Four hex digits, new when a store is created, rebuilt or restored.
    pub epoch: Epoch,
    /// From 1, dense within an epoch, printed with 18 digits.
    pub sequence: u64,
    /// The instant of our commit.
    pub time: DateTime<Utc>,
    /// Told again after a rebuild without a file sink: `"replayed": true` stands on the event.
    pub replayed: bool,
}

/// Names one life of the store: 16 random bits as four hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u16);

/// A cursor as consumers hold it: `<epoch>-<sequence>`, e.g. `2f9c-000000000000000042`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Which life of the store.
    pub epoch: Epoch,
    /// The last sequence received.
    pub sequence: u64,
}

/// What proves that a reading is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The running balance chains through every row.
    Balance,
    /// The portal's own row count agrees.
    Count,
    /// Known rows overlap, nothing more.
    Overlap,
    /// Nothing: the portal's first reading, or rows without any link.
    None,
}

impl Proof {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Proof::Balance => "balance",
            Proof::Count => "count",
            Proof::Overlap => "overlap",
            Proof::None => "none",
        }
    }
}

/// Why a stretch of history is not proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapCause {
    /// The running balance jumps between two neighbouring rows.
    Balance,
    /// The portal's pages ended, or a limit was met, before known rows were reached.
    NoOverlap,
    /// The portal's row count is not what was read.
    Count,
}

impl GapCause {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            GapCause::Balance => "balance",
            GapCause::NoOverlap => "no-overlap",
            GapCause::Count => "count",
        }
    }
}

/// A hole in the history: something may be missing after `from` and before `to`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gap {
    /// Instant of the last row before it.
    pub from: DateTime<Utc>,
    /// Instant of the first row after it.
    pub to: DateTime<Utc>,
    /// Why.
    pub cause: GapCause,
    /// Reference of the first row after it, where it has one.
    pub before_reference: Option<String>,
}

/// Everything that can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `payment.received`: a credit completed.
    Received {
        /// The payment.
        payment: Payment,
        /// Instant of the page on which we first saw it, in any status.
        first_seen: DateTime<Utc>,
    },
    /// `payment.updated`: what was told has changed.
    Updated {
        /// As it is now.
        payment: Payment,
        /// As above.
        first_seen: DateTime<Utc>,
        /// Status as told before.
        previous_status: Status,
        /// 1 for the first change; part of the id.
        revision: u32,
    },
    /// `payment.reversed`: a reversal row; `payment.original_reference` and `original_id` name what it takes back.
    Reversed {
        /// The reversal row.
        payment: Payment,
        /// As above.
        first_seen: DateTime<Utc>,
    },
    /// `account.watermark`: everything the portal showed up to `until` has been told.
    Watermark {
        /// Complete up to here.
        until: DateTime<Utc>,
        /// Says its proof.
        proof: Proof,
    },
    /// `account.gap`: a hole was found, or closed by a later reading.
    Gap {
        /// The hole.
        gap: Gap,
        /// `false` when first told, `true` once it was filled.
        closed: bool,
    },
}
