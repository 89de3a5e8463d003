//! Rendering: the structs whose field order and names are the wire, private so that nothing else depends on them. Pure.

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{AccountRef, Envelope, Event, Gap, Proof, event_id, sequence_text};
use crate::payment::{Direction, Party, Payment, Status, gsma_amount};

/// The event as one line of CloudEvents 1.0 JSON, without the line end.
///
/// The same arguments give the same bytes for ever: the store keeps the text, and consumers may compare it.
#[must_use]
pub fn render(event: &Event, account: &AccountRef, envelope: &Envelope) -> String {
    let (subject, data) = data(event, account);
    let wire = WireEvent {
        specversion: "1.0",
        id: event_id(event, account),
        source: source(account),
        event_type: event.event_type().as_str(),
        subject,
        time: utc_text(envelope.time),
        datacontenttype: "application/json",
        dataschema: data.schema(),
        epoch: envelope.epoch.to_string(),
        sequence: sequence_text(envelope.sequence),
        replayed: envelope.replayed.then_some(true),
        data,
    };
    #[expect(
        clippy::expect_used,
        reason = "structs of strings, booleans and integers: JSON can hold every value of them"
    )]
    serde_json::to_string(&wire).expect("an event is always JSON")
}

/// `source` of the account's events.
#[must_use]
pub fn source(account: &AccountRef) -> String {
    source_of(&account.portal, &account.operator.number)
}

/// `/portals/<portal>/accounts/<number>`, a URI reference: what a URI cannot hold is percent-encoded.
#[must_use]
pub fn source_of(portal: &str, number: &str) -> String {
    let mut source = String::from("/portals/");
    percent_encode(portal, &mut source);
    source.push_str("/accounts/");
    percent_encode(number, &mut source);
    source
}

/// RFC 3986: everything but the unreserved characters.
fn percent_encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[derive(Serialize)]
struct WireEvent<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    event_type: &'static str,
    subject: String,
    time: String,
    datacontenttype: &'static str,
    dataschema: &'static str,
    epoch: String,
    sequence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed: Option<bool>,
    data: WireData<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireData<'a> {
    Payment(Box<WirePayment<'a>>),
    Watermark(WireWatermark<'a>),
    Gap(WireGap<'a>),
}

impl WireData<'_> {
    /// Absolute, because CloudEvents asks for a URI; a URN, because there is no host of ours.
    fn schema(&self) -> &'static str {
        match self {
            WireData::Payment(_) => "urn:tillwatch:schema/payment.v1.json",
            WireData::Watermark(_) => "urn:tillwatch:schema/watermark.v1.json",
            WireData::Gap(_) => "urn:tillwatch:schema/gap.v1.json",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WirePayment<'a> {
    transaction_reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_synthetic: Option<bool>,
    /// Where the event's id is not the payment's.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<String>,
    transaction_status: &'static str,
    status_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    #[serde(rename = "type")]
    transaction_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_type: Option<&'a str>,
    direction: &'static str,
    amount: String,
    currency: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fees: Vec<WireFee<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    net_amount: Option<String>,
    debit_party: Vec<WireParty<'a>>,
    credit_party: Vec<WireParty<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payee_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_reference_raw: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_transaction_reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance_after: Option<String>,
    first_seen: String,
    channel: &'static str,
    selector_format: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireFee<'a> {
    fee_type: &'static str,
    fee_amount: String,
    fee_currency: &'a str,
}

#[derive(Serialize)]
struct WireParty<'a> {
    key: &'a str,
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    masked: Option<bool>,
}

#[derive(Serialize)]
struct WireWatermark<'a> {
    account: WireParty<'a>,
    until: String,
    proof: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireGap<'a> {
    account: WireParty<'a>,
    from: String,
    to: String,
    cause: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before_reference: Option<&'a str>,
}

/// Subject and data.
fn data<'a>(event: &'a Event, account: &'a AccountRef) -> (String, WireData<'a>) {
    match event {
        Event::Received {
            payment: row,
            first_seen,
        } => boxed(payment(row, *first_seen, account)),
        Event::Updated {
            payment: row,
            first_seen,
            previous_status,
            revision,
        } => boxed(WirePayment {
            payment_id: Some(row.id.to_string()),
            previous_status: Some(Status::as_str(*previous_status)),
            revision: Some(*revision),
            ..payment(row, *first_seen, account)
        }),
        Event::Reversed {
            payment: row,
            first_seen,
        } => boxed(WirePayment {
            payment_id: Some(row.id.to_string()),
            ..payment(row, *first_seen, account)
        }),
        Event::Watermark { until, proof } => (
            account.operator.number.clone(),
            WireData::Watermark(watermark(*until, *proof, account)),
        ),
        Event::Gap {
            gap: hole, closed, ..
        } => (
            account.operator.number.clone(),
            WireData::Gap(gap(hole, *closed, account)),
        ),
    }
}

fn boxed(payment: WirePayment<'_>) -> (String, WireData<'_>) {
    (
        payment.transaction_reference.clone(),
        WireData::Payment(Box::new(payment)),
    )
}

fn payment<'a>(
    row: &'a Payment,
    first_seen: DateTime<Utc>,
    account: &'a AccountRef,
) -> WirePayment<'a> {
    let own = vec![own_party(account)];
    let other = other_party(&row.counterparty);
    let name = row.payer_name.as_deref();
    let (debit_party, credit_party, payer_name, payee_name) = match row.direction {
        Direction::Credit => (other, own, name, None),
        Direction::Debit => (own, other, None, name),
    };
    WirePayment {
        // GSMA wants a reference on every transaction: without the portal's, our id stands in and says so.
        transaction_reference: row.reference.clone().unwrap_or_else(|| row.id.to_string()),
        reference_synthetic: row.reference.is_none().then_some(true),
        payment_id: None,
        transaction_status: row.status.as_str(),
        status_text: &row.status_text,
        previous_status: None,
        revision: None,
        transaction_type: row.transaction_type.as_str(),
        sub_type: row.sub_type.as_deref(),
        direction: row.direction.as_str(),
        amount: gsma_amount(row.amount),
        currency: &row.currency,
        fees: fees(row),
        net_amount: row.net_amount().map(signed_text),
        debit_party,
        credit_party,
        payer_name,
        payee_name,
        customer_reference: row.customer_reference(),
        customer_reference_raw: row.customer_reference_raw.as_deref(),
        original_transaction_reference: row.original_reference.as_deref(),
        original_event_id: row.original_id.map(|id| id.to_string()),
        completion_date: row.completion_date.map(local_text),
        creation_date: row.creation_date.map(local_text),
        balance_after: row.balance_after.map(signed_text),
        first_seen: utc_text(first_seen),
        channel: "portal",
        selector_format: &account.selector_format,
    }
}

/// GSMA wants a type with every fee, and no sign.
fn fees(row: &Payment) -> Vec<WireFee<'_>> {
    let fee = row.fee.map(|fee| WireFee {
        fee_type: if fee.is_sign_negative() {
            "refund"
        } else {
            "transaction"
        },
        fee_amount: gsma_amount(fee),
        fee_currency: &row.currency,
    });
    fee.into_iter().collect()
}

fn own_party(account: &AccountRef) -> WireParty<'_> {
    WireParty {
        key: &account.account_key,
        value: &account.operator.number,
        masked: None,
    }
}

/// GSMA wants at least one identifier: a portal that names nobody gives `msisdn` `unknown`.
fn other_party(parties: &[Party]) -> Vec<WireParty<'_>> {
    if parties.is_empty() {
        return vec![WireParty {
            key: "msisdn",
            value: "unknown",
            masked: None,
        }];
    }
    parties
        .iter()
        .map(|party| WireParty {
            key: &party.key,
            value: &party.value,
            masked: party.masked.then_some(true),
        })
        .collect()
}

fn watermark(until: DateTime<Utc>, proof: Proof, account: &AccountRef) -> WireWatermark<'_> {
    WireWatermark {
        account: own_party(account),
        until: utc_text(until),
        proof: proof.as_str(),
    }
}

fn gap<'a>(hole: &'a Gap, closed: bool, account: &'a AccountRef) -> WireGap<'a> {
    WireGap {
        account: own_party(account),
        from: utc_text(hole.from),
        to: utc_text(hole.to),
        cause: hole.cause.as_str(),
        state: if closed { "closed" } else { "open" },
        before_reference: hole.before_reference.as_deref(),
    }
}

fn utc_text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// As the portal printed it, with the offset of its zone.
fn local_text(instant: DateTime<FixedOffset>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// Like GSMA's amount but with its sign: an account of charges stands below zero.
fn signed_text(balance: Decimal) -> String {
    balance.normalize().to_string()
}
