//! Reading back: what a line that we once rendered says, for resuming a file and rebuilding a store. Pure.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Cursor, EventType, parse_sequence};
use crate::payment::{PaymentId, Status};

/// What one line told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which kind of fact.
    pub event_type: EventType,
    /// The event's id, `pay_…`, `upd_…`, `rev_…`, `wm_…` or `gap_…`.
    pub id: String,
    /// `/portals/<portal>/accounts/<number>`.
    pub source: String,
    /// Epoch and sequence under which it was told.
    pub cursor: Cursor,
    /// Instant of that commit.
    pub time: DateTime<Utc>,
    /// Told again after a rebuild.
    pub replayed: bool,
    /// The payment that a `payment.…` event speaks of (of a reversal: the reversal row).
    pub payment: Option<PaymentId>,
    /// The portal's reference of that payment; `None` where the portal has none.
    pub reference: Option<String>,
    /// Status told.
    pub status: Option<Status>,
    /// 0 for `payment.received`, from 1 for `payment.updated`.
    pub revision: u32,
    /// `firstSeen` of a payment.
    pub first_seen: Option<DateTime<Utc>>,
    /// `until` of a watermark.
    pub until: Option<DateTime<Utc>>,
}

/// Why a line is no event of ours. Says nothing of the line's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEvent {
    /// Not JSON, or a field that every event has is missing or of another shape.
    #[error("not the JSON of an event (column {column})")]
    Json {
        /// From 1; 0 when the line as a whole lacks a field.
        column: usize,
    },
    /// A field holds a word that this version never wrote.
    #[error("`{field}` holds no value that this version knows")]
    Value {
        /// Its name on the wire.
        field: &'static str,
    },
}

#[derive(Deserialize)]
struct WireTold {
    id: String,
    source: String,
    #[serde(rename = "type")]
    event_type: String,
    time: DateTime<Utc>,
    epoch: String,
    sequence: String,
    #[serde(default)]
    replayed: bool,
    data: WireToldData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireToldData {
    transaction_reference: Option<String>,
    #[serde(default)]
    reference_synthetic: bool,
    payment_id: Option<String>,
    transaction_status: Option<String>,
    #[serde(default)]
    revision: u32,
    first_seen: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
}

/// Reads one line of a file sink, without its line end.
///
/// # Errors
/// When it is not an event that [`super::render`] could have written.
pub fn parse_told(line: &str) -> Result<Told, NotAnEvent> {
    let wire: WireTold = serde_json::from_str(line).map_err(|error| NotAnEvent::Json {
        column: error.column(),
    })?;
    let unknown = |field| NotAnEvent::Value { field };
    let event_type = EventType::ALL
        .into_iter()
        .find(|known| known.as_str() == wire.event_type)
        .ok_or(unknown("type"))?;
    let cursor = Cursor {
        epoch: wire.epoch.parse().map_err(|_| unknown("epoch"))?,
        sequence: parse_sequence(&wire.sequence).map_err(|_| unknown("sequence"))?,
    };
    let (payment, status) = match event_type {
        EventType::Received => (Some(payment(&wire.id, "id")?), Some(status(&wire.data)?)),
        EventType::Updated | EventType::Reversed => {
            let id = wire.data.payment_id.as_deref().unwrap_or_default();
            (Some(payment(id, "paymentId")?), Some(status(&wire.data)?))
        }
        EventType::Watermark | EventType::Gap => (None, None),
    };
    Ok(Told {
        event_type,
        id: wire.id,
        source: wire.source,
        cursor,
        time: wire.time,
        replayed: wire.replayed,
        payment,
        reference: wire
            .data
            .transaction_reference
            .filter(|_| !wire.data.reference_synthetic),
        status,
        revision: wire.data.revision,
        first_seen: wire.data.first_seen,
        until: wire.data.until,
    })
}

fn payment(text: &str, field: &'static str) -> Result<PaymentId, NotAnEvent> {
    text.parse().map_err(|_| NotAnEvent::Value { field })
}

fn status(data: &WireToldData) -> Result<Status, NotAnEvent> {
    let word = data.transaction_status.as_deref();
    Status::ALL
        .into_iter()
        .find(|known| Some(known.as_str()) == word)
        .ok_or(NotAnEvent::Value {
            field: "transactionStatus",
        })
}
