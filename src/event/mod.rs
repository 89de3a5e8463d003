//! The wire form of events: CloudEvents 1.0 JSON, one object per line. Pure.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::payment::{AccountName, OperatorAccount, Payment, PaymentId, Status, base32};

mod again;
mod told;
mod wire;

pub use again::told_again;
pub use told::{NotAnEvent, Told, ToldPayment, parse_told};
pub use wire::{render, source, source_of};

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

/// One event of the outbox, rendered at commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Epoch and sequence.
    pub cursor: Cursor,
    /// The CloudEvents JSON, without the line end.
    pub json: String,
}

/// Why a text is no epoch or no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is `<epoch>-<sequence>`: four hex digits, `-`, eighteen digits")]
pub struct NotACursor;

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

impl FromStr for Epoch {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.len() == 4 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let bits = fits.then(|| u16::from_str_radix(text, 16));
        bits.and_then(Result::ok).map(Epoch).ok_or(NotACursor)
    }
}

/// A sequence as it stands on the wire: 18 digits, so that texts sort as numbers do.
#[must_use]
pub fn sequence_text(sequence: u64) -> String {
    format!("{sequence:018}")
}

/// Reads what [`sequence_text`] wrote; a consumer may leave the leading zeros out.
///
/// # Errors
/// When it is not 1 to 18 digits.
pub fn parse_sequence(text: &str) -> Result<u64, NotACursor> {
    let fits = (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten().ok_or(NotACursor)
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, sequence_text(self.sequence))
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, sequence) = text.split_once('-').ok_or(NotACursor)?;
        Ok(Cursor {
            epoch: epoch.parse()?,
            sequence: parse_sequence(sequence)?,
        })
    }
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
    /// `account.watermark`: everything the portal showed up to `until` has been told, or put aside, or lies in a hole that is told as open.
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
        /// How often it had been told as filled before, and opened again: each time is a fact of its own.
        again: u32,
    },
}

/// CloudEvents `type`. Short on purpose: there is no domain of ours to reverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// `payment.received`
    Received,
    /// `payment.updated`
    Updated,
    /// `payment.reversed`
    Reversed,
    /// `account.watermark`
    Watermark,
    /// `account.gap`
    Gap,
}

impl EventType {
    /// Every type, in the order of the docs.
    pub const ALL: [EventType; 5] = [
        EventType::Received,
        EventType::Updated,
        EventType::Reversed,
        EventType::Watermark,
        EventType::Gap,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::Received => "payment.received",
            EventType::Updated => "payment.updated",
            EventType::Reversed => "payment.reversed",
            EventType::Watermark => "account.watermark",
            EventType::Gap => "account.gap",
        }
    }
}

impl Event {
    /// Its CloudEvents type.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        match self {
            Event::Received { .. } => EventType::Received,
            Event::Updated { .. } => EventType::Updated,
            Event::Reversed { .. } => EventType::Reversed,
            Event::Watermark { .. } => EventType::Watermark,
            Event::Gap { .. } => EventType::Gap,
        }
    }
}

/// The id of the fact that `event` tells: the same for ever, whatever the epoch, the sequence or the
/// time of telling. `pay_…` is the payment's own id, the others are hashes over what makes them unique.
#[must_use]
pub fn event_id(event: &Event, account: &AccountRef) -> String {
    match event {
        Event::Received { payment, .. } => payment.id.to_string(),
        Event::Updated {
            payment, revision, ..
        } => updated_id(payment.id, *revision),
        Event::Reversed { payment, .. } => reversed_id(payment.id),
        Event::Watermark { until, .. } => {
            let until = instant_bytes(*until);
            hashed("wm", &account_fields(&account.operator, &[&until]))
        }
        Event::Gap { gap, closed, again } => {
            let (from, to) = (instant_bytes(gap.from), instant_bytes(gap.to));
            let before = gap.before_reference.as_deref().unwrap_or_default();
            let again = again.to_be_bytes();
            let rest: [&[u8]; 6] = [
                gap.cause.as_str().as_bytes(),
                &from,
                &to,
                before.as_bytes(),
                if *closed { b"closed" } else { b"open" },
                &again,
            ];
            // The first time has the id that it always had.
            let rest = if again == [0; 4] { &rest[..5] } else { &rest };
            hashed("gap", &account_fields(&account.operator, rest))
        }
    }
}

/// Id of the `payment.updated` that tells change number `revision` of a payment.
#[must_use]
pub fn updated_id(payment: PaymentId, revision: u32) -> String {
    hashed("upd", &[&payment.0, &revision.to_be_bytes()])
}

/// Id of the `payment.reversed` that tells the reversal row `payment`.
#[must_use]
pub fn reversed_id(payment: PaymentId) -> String {
    hashed("rev", &[&payment.0])
}

fn account_fields<'a>(account: &'a OperatorAccount, rest: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut fields = vec![account.operator.as_bytes(), account.number.as_bytes()];
    fields.extend_from_slice(rest);
    fields
}

fn instant_bytes(instant: DateTime<Utc>) -> [u8; 8] {
    instant.timestamp_millis().to_be_bytes()
}

/// 128 bits of SHA-256 over the prefix and the length-prefixed fields, so that no two lists of fields are one text.
fn hashed(prefix: &str, fields: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    hash.update(b"tillwatch event 1 ");
    hash.update(prefix.as_bytes());
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    let mut bits = [0; 16];
    for (bit, byte) in bits.iter_mut().zip(hash.finalize()) {
        *bit = byte;
    }
    format!("{prefix}_{}", base32(&bits))
}
