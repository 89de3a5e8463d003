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
    /// What a `payment.…` event says (of a reversal: of the reversal row).
    pub payment: Option<ToldPayment>,
    /// `until` of a watermark.
    pub until: Option<DateTime<Utc>>,
}

/// The facts of a payment as they were told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldPayment {
    /// Its id.
    pub id: PaymentId,
    /// The portal's reference; `None` where the portal has none.
    pub reference: Option<String>,
    /// `transactionStatus`.
    pub status: Status,
    /// 0 for `payment.received` and `payment.reversed`, from 1 for `payment.updated`.
    pub revision: u32,
    /// `amount` as on the wire.
    pub amount: String,
    /// `currency`.
    pub currency: String,
    /// `completionDate`.
    pub completion: Option<DateTime<Utc>>,
    /// `customerReference`.
    pub customer_reference: Option<String>,
    /// `firstSeen`.
    pub first_seen: DateTime<Utc>,
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
struct WireTold<'a> {
    id: String,
    source: String,
    #[serde(rename = "type")]
    event_type: String,
    time: DateTime<Utc>,
    epoch: String,
    sequence: String,
    #[serde(default)]
    replayed: bool,
    #[serde(borrow)]
    data: &'a serde_json::value::RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireToldPayment {
    transaction_reference: String,
    #[serde(default)]
    reference_synthetic: bool,
    payment_id: Option<String>,
    transaction_status: String,
    #[serde(default)]
    revision: u32,
    amount: String,
    currency: String,
    customer_reference: Option<String>,
    completion_date: Option<DateTime<Utc>>,
    first_seen: DateTime<Utc>,
}

#[derive(Deserialize)]
struct WireToldWatermark {
    until: DateTime<Utc>,
}

/// Reads one line of a file sink, without its line end.
///
/// # Errors
/// When it is not an event that [`super::render`] could have written.
pub fn parse_told(line: &str) -> Result<Told, NotAnEvent> {
    let wire: WireTold<'_> = serde_json::from_str(line).map_err(not_json)?;
    let unknown = |field| NotAnEvent::Value { field };
    let event_type = EventType::ALL
        .into_iter()
        .find(|known| known.as_str() == wire.event_type)
        .ok_or(unknown("type"))?;
    let cursor = Cursor {
        epoch: wire.epoch.parse().map_err(|_| unknown("epoch"))?,
        sequence: parse_sequence(&wire.sequence).map_err(|_| unknown("sequence"))?,
    };
    let (payment, until) = match event_type {
        EventType::Received | EventType::Updated | EventType::Reversed => {
            (Some(payment(event_type, &wire)?), None)
        }
        EventType::Watermark => {
            let data: WireToldWatermark =
                serde_json::from_str(wire.data.get()).map_err(not_json)?;
            (None, Some(data.until))
        }
        EventType::Gap => (None, None),
    };
    Ok(Told {
        event_type,
        id: wire.id,
        source: wire.source,
        cursor,
        time: wire.time,
        replayed: wire.replayed,
        payment,
        until,
    })
}

fn payment(event_type: EventType, wire: &WireTold<'_>) -> Result<ToldPayment, NotAnEvent> {
    let data: WireToldPayment = serde_json::from_str(wire.data.get()).map_err(not_json)?;
    let (id, field) = match event_type {
        EventType::Received => (Some(&wire.id), "id"),
        EventType::Updated | EventType::Reversed | EventType::Watermark | EventType::Gap => {
            (data.payment_id.as_ref(), "paymentId")
        }
    };
    let status = Status::ALL
        .into_iter()
        .find(|known| known.as_str() == data.transaction_status);
    Ok(ToldPayment {
        id: id
            .and_then(|id| id.parse().ok())
            .ok_or(NotAnEvent::Value { field })?,
        reference: Some(data.transaction_reference).filter(|_| !data.reference_synthetic),
        status: status.ok_or(NotAnEvent::Value {
            field: "transactionStatus",
        })?,
        revision: data.revision,
        amount: data.amount,
        currency: data.currency,
        completion: data.completion_date,
        customer_reference: data.customer_reference,
        first_seen: data.first_seen,
    })
}

fn not_json(error: serde_json::Error) -> NotAnEvent {
    NotAnEvent::Json {
        column: error.column(),
    }
}
