//! How records lie in the engine: one tree, keys of a kind byte and a name, values of a format byte and a body.
//!
//! Bodies are JSON, but for the two kinds that there are millions of. A newer format is refused, never rewritten.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::account::{AccountState, Breaker, CredentialFingerprint};
use super::error::StoreError;
use super::reading::{Quarantined, QuarantinedRow, RowKey};
use crate::announce::{Facts, LastTold, Seen};
use crate::event::{Cursor, Epoch, Gap, GapCause, Line};
use crate::extract::HeldRow;
use crate::past::Unread;
use crate::payment::{AccountName, PaymentId, Status};

/// First byte of every value.
pub(super) const FORMAT: u8 = 1;

/// First byte of every key. A number is never given a second meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Commit number, count and hash of all other records.
    Integrity = 0,
    /// Epoch and salt.
    Identity = 1,
    /// By name: [`AccountState`].
    Account = 2,
    /// By payment id: [`Seen`].
    Seen = 3,
    /// By sequence, big-endian: an event as told.
    Outbox = 4,
    /// By sink: its cursor.
    Cursor = 5,
    /// By account, 0, row key.
    Quarantine = 6,
    /// By account.
    Breaker = 7,
    /// By portal user: highest attempt number known.
    Ledger = 8,
    /// By event id: a hole that was told, so that it is told once.
    ToldGap = 9,
    /// The newest sequence; stays when the outbox is pruned.
    Newest = 10,
    /// By account: what its sessions have taught.
    Learned = 11,
    /// By account: what is known of the structure of its portal's pages.
    Structure = 12,
    /// By account: by which selector file its payments got their ids.
    ReadBy = 13,
}

impl Kind {
    /// In messages.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Kind::Integrity => "integrity",
            Kind::Identity => "identity",
            Kind::Account => "account",
            Kind::Seen => "payment",
            Kind::Outbox => "outbox",
            Kind::Cursor => "cursor",
            Kind::Quarantine => "quarantine",
            Kind::Breaker => "breaker",
            Kind::Ledger => "ledger mark",
            Kind::ToldGap => "gap",
            Kind::Newest => "sequence",
            Kind::Learned => "lives of sessions",
            Kind::Structure => "structure of pages",
            Kind::ReadBy => "selector file",
        }
    }

    /// Key of the record `name` of this kind.
    pub(super) fn key(self, name: &[u8]) -> Vec<u8> {
        let mut key = Vec::with_capacity(1 + name.len());
        key.push(self as u8);
        key.extend_from_slice(name);
        key
    }

    fn damaged(self) -> StoreError {
        StoreError::Damaged {
            record: self.word(),
        }
    }
}

pub(super) fn account_key(account: &AccountName) -> Vec<u8> {
    Kind::Account.key(account.as_str().as_bytes())
}

pub(super) fn seen_key(id: PaymentId) -> Vec<u8> {
    Kind::Seen.key(&id.0)
}

pub(super) fn outbox_key(sequence: u64) -> Vec<u8> {
    Kind::Outbox.key(&sequence.to_be_bytes())
}

pub(super) fn breaker_key(account: &AccountName) -> Vec<u8> {
    Kind::Breaker.key(account.as_str().as_bytes())
}

/// Every quarantine key of `account` begins so.
pub(super) fn quarantine_prefix(account: &AccountName) -> Vec<u8> {
    let mut key = Kind::Quarantine.key(account.as_str().as_bytes());
    key.push(0);
    key
}

pub(super) fn quarantine_key(account: &AccountName, row: RowKey) -> Vec<u8> {
    let mut key = quarantine_prefix(account);
    key.extend_from_slice(&row.0);
    key
}

/// The sequence in an outbox key.
pub(super) fn sequence_in(key: &[u8]) -> Result<u64, StoreError> {
    let bytes = key.get(1..).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u64::from_be_bytes).ok_or(Kind::Outbox.damaged())
}

/// The text of a key after its kind byte.
pub(super) fn name_in(kind: Kind, key: &[u8]) -> Result<String, StoreError> {
    let text = key.get(1..).map(|name| String::from_utf8(name.to_vec()));
    text.and_then(Result::ok).ok_or(kind.damaged())
}

/// The body of a value, when this program knows its format.
pub(super) fn body(kind: Kind, value: &[u8]) -> Result<&[u8], StoreError> {
    match value.split_first() {
        Some((&FORMAT, body)) => Ok(body),
        Some((&found, _)) if found > FORMAT => Err(StoreError::Newer {
            record: kind.word(),
            found,
            known: FORMAT,
        }),
        Some(_) | None => Err(kind.damaged()),
    }
}

pub(super) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    let mut value = vec![FORMAT];
    #[expect(
        clippy::expect_used,
        reason = "structs of strings and integers, written to memory: JSON can hold every value of them"
    )]
    serde_json::to_writer(&mut value, record).expect("a record is always JSON");
    value
}

pub(super) fn decode<'a, T: Deserialize<'a>>(kind: Kind, value: &'a [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(body(kind, value)?).map_err(|_| kind.damaged())
}

/// Epoch and salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) epoch: u16,
    pub(super) salt: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct StoredAccount {
    since: DateTime<Utc>,
    watermark: Option<DateTime<Utc>>,
    watermark_told_at: Option<DateTime<Utc>>,
    replaying: bool,
    read_through: Option<DateTime<Utc>>,
    unread: Option<(DateTime<Utc>, DateTime<Utc>)>,
    paused: bool,
    gaps: Vec<StoredGap>,
}

#[derive(Serialize, Deserialize)]
struct StoredGap {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    cause: String,
    before_reference: Option<String>,
}

pub(super) fn encode_account(state: &AccountState) -> Vec<u8> {
    let gap = |gap: &Gap| StoredGap {
        from: gap.from,
        to: gap.to,
        cause: gap.cause.as_str().to_owned(),
        before_reference: gap.before_reference.clone(),
    };
    encode(&StoredAccount {
        since: state.since,
        watermark: state.watermark,
        watermark_told_at: state.watermark_told_at,
        replaying: state.replaying,
        read_through: state.read_through,
        unread: state.unread.map(|unread| (unread.from, unread.to)),
        paused: state.paused,
        gaps: state.gaps.iter().map(gap).collect(),
    })
}

pub(super) fn decode_account(value: &[u8]) -> Result<AccountState, StoreError> {
    let stored: StoredAccount = decode(Kind::Account, value)?;
    let gap = |gap: StoredGap| {
        let cause = [GapCause::Balance, GapCause::NoOverlap, GapCause::Count]
            .into_iter()
            .find(|cause| cause.as_str() == gap.cause)
            .ok_or(Kind::Account.damaged())?;
        Ok(Gap {
            from: gap.from,
            to: gap.to,
            cause,
            before_reference: gap.before_reference,
        })
    };
    Ok(AccountState {
        since: stored.since,
        watermark: stored.watermark,
        watermark_told_at: stored.watermark_told_at,
        replaying: stored.replaying,
        read_through: stored.read_through,
        unread: stored.unread.map(|(from, to)| Unread { from, to }),
        paused: stored.paused,
        gaps: stored
            .gaps
            .into_iter()
            .map(gap)
            .collect::<Result<_, StoreError>>()?,
    })
}

/// Status bytes are of the store alone: the order of [`Status::ALL`] may change, these may not.
fn status_byte(status: Status) -> u8 {
    match status {
        Status::Pending => 1,
        Status::Completed => 2,
        Status::Failed => 3,
        Status::Cancelled => 4,
        Status::Expired => 5,
        Status::Declined => 6,
        Status::Reversed => 7,
    }
}

fn status_of(byte: u8) -> Option<Status> {
    Status::ALL
        .into_iter()
        .find(|status| status_byte(*status) == byte)
}

/// Format, status, first seen (ms, i64), then, when it was told: revision (u32), status, facts.
pub(super) fn encode_seen(seen: &Seen) -> Vec<u8> {
    let mut value = vec![FORMAT, status_byte(seen.status)];
    value.extend_from_slice(&seen.first_seen.timestamp_millis().to_be_bytes());
    if let Some(told) = &seen.told {
        value.extend_from_slice(&told.revision.to_be_bytes());
        value.push(status_byte(told.status));
        value.extend_from_slice(&told.facts.0);
    }
    value
}

pub(super) fn decode_seen(value: &[u8]) -> Result<Seen, StoreError> {
    let body = body(Kind::Seen, value)?;
    seen_in(body).ok_or(Kind::Seen.damaged())
}

fn seen_in(body: &[u8]) -> Option<Seen> {
    let (&[status], rest) = body.split_first_chunk::<1>()?;
    let (millis, rest) = rest.split_first_chunk::<8>()?;
    let told = if rest.is_empty() {
        None
    } else {
        let (revision, rest) = rest.split_first_chunk::<4>()?;
        let (&[status], facts) = rest.split_first_chunk::<1>()?;
        Some(LastTold {
            revision: u32::from_be_bytes(*revision),
            status: status_of(status)?,
            facts: Facts(facts.try_into().ok()?),
        })
    };
    Some(Seen {
        status: status_of(status)?,
        first_seen: DateTime::from_timestamp_millis(i64::from_be_bytes(*millis))?,
        told,
    })
}

/// Format, instant of telling (ms, i64), then the line.
pub(super) fn encode_outbox(told_at: DateTime<Utc>, json: &str) -> Vec<u8> {
    let mut value = vec![FORMAT];
    value.extend_from_slice(&told_at.timestamp_millis().to_be_bytes());
    value.extend_from_slice(json.as_bytes());
    value
}

/// When it was told, and the line.
pub(super) fn decode_outbox(
    epoch: Epoch,
    key: &[u8],
    value: &[u8],
) -> Result<(DateTime<Utc>, Line), StoreError> {
    let sequence = sequence_in(key)?;
    let body = body(Kind::Outbox, value)?;
    let (millis, json) = body
        .split_first_chunk::<8>()
        .ok_or(Kind::Outbox.damaged())?;
    let told_at = DateTime::from_timestamp_millis(i64::from_be_bytes(*millis))
        .ok_or(Kind::Outbox.damaged())?;
    let json = String::from_utf8(json.to_vec()).map_err(|_| Kind::Outbox.damaged())?;
    let cursor = Cursor { epoch, sequence };
    Ok((told_at, Line { cursor, json }))
}

#[derive(Serialize, Deserialize)]
struct StoredQuarantined {
    first_seen: DateTime<Utc>,
    reason: String,
    cells: Vec<String>,
    /// Not in records of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<StoredHeld>,
}

#[derive(Serialize, Deserialize)]
struct StoredHeld {
    headers: Vec<String>,
    above: Vec<String>,
    slots: Vec<String>,
    markup: String,
    /// Not in records of before.
    #[serde(default)]
    without_hidden: bool,
    page: usize,
    number: usize,
}

fn stored_held(held: &HeldRow) -> StoredHeld {
    let held = held.clone();
    StoredHeld {
        headers: held.headers,
        above: held.above,
        slots: held.slots,
        markup: held.markup,
        without_hidden: held.without_hidden,
        page: held.page,
        number: held.number,
    }
}

fn held_row(stored: StoredHeld) -> HeldRow {
    HeldRow {
        headers: stored.headers,
        above: stored.above,
        slots: stored.slots,
        markup: stored.markup,
        without_hidden: stored.without_hidden,
        page: stored.page,
        number: stored.number,
    }
}

pub(super) fn encode_quarantined(row: &QuarantinedRow, first_seen: DateTime<Utc>) -> Vec<u8> {
    encode(&StoredQuarantined {
        first_seen,
        reason: row.reason.clone(),
        cells: row.cells.clone(),
        held: row.held.as_ref().map(stored_held),
    })
}

pub(super) fn decode_quarantined(key: &[u8], value: &[u8]) -> Result<Quarantined, StoreError> {
    let damaged = || Kind::Quarantine.damaged();
    let name = key.get(1..).ok_or_else(damaged)?;
    let (account, row) = name.split_last_chunk::<16>().ok_or_else(damaged)?;
    let account = account
        .strip_suffix(&[0])
        .and_then(|name| std::str::from_utf8(name).ok())
        .and_then(|name| AccountName::new(name).ok())
        .ok_or_else(damaged)?;
    let stored: StoredQuarantined = decode(Kind::Quarantine, value)?;
    Ok(Quarantined {
        account,
        row: QuarantinedRow {
            key: RowKey(*row),
            cells: stored.cells,
            reason: stored.reason,
            held: stored.held.map(held_row),
        },
        first_seen: stored.first_seen,
    })
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
enum StoredBreaker {
    Closed,
    Open {
        credential: [u8; 4],
        outcome: String,
        since: DateTime<Utc>,
    },
    Doubtful {
        credential: [u8; 4],
        since: DateTime<Utc>,
    },
    Missing,
}

pub(super) fn encode_breaker(breaker: &Breaker) -> Vec<u8> {
    encode(&match breaker {
        Breaker::Closed => StoredBreaker::Closed,
        Breaker::Open {
            credential,
            outcome,
            since,
        } => StoredBreaker::Open {
            credential: credential.0,
            outcome: outcome.clone(),
            since: *since,
        },
        Breaker::Doubtful { credential, since } => StoredBreaker::Doubtful {
            credential: credential.0,
            since: *since,
        },
        Breaker::Missing => StoredBreaker::Missing,
    })
}

pub(super) fn decode_breaker(value: &[u8]) -> Result<Breaker, StoreError> {
    Ok(match decode(Kind::Breaker, value)? {
        StoredBreaker::Closed => Breaker::Closed,
        StoredBreaker::Open {
            credential,
            outcome,
            since,
        } => Breaker::Open {
            credential: CredentialFingerprint(credential),
            outcome,
            since,
        },
        StoredBreaker::Doubtful { credential, since } => Breaker::Doubtful {
            credential: CredentialFingerprint(credential),
            since,
        },
        StoredBreaker::Missing => Breaker::Missing,
    })
}

#[cfg(test)]
mod tests;
