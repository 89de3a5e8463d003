//! What must have come out, worked out from the portal's own truth.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use tillwatch::demo::portal::truth::{Attempt, TruthRow};
use tillwatch::demo::portal::{LoginOutcome, RowKind, Truth};

/// Rows whose money moved at or after `since`.
fn due(truth: &Truth, kind: RowKind, since: DateTime<Utc>) -> impl Iterator<Item = &TruthRow> {
    truth.rows.iter().filter(move |row| {
        row.kind == kind && row.settled && row.completed_at.is_some_and(|at| at >= since)
    })
}

/// Payments that completed at or after `since`.
pub fn payments(truth: &Truth, since: DateTime<Utc>) -> usize {
    due(truth, RowKind::Payment, since).count()
}

/// Facts that have not come out yet.
pub fn missing(events: &[Value], truth: &Truth, since: DateTime<Utc>) -> usize {
    let told = |wanted: &str| -> HashSet<&str> {
        let of_type = events.iter().filter(|event| event["type"] == wanted);
        of_type.map(|event| text(&event["subject"])).collect()
    };
    let (received, reversed) = (told("payment.received"), told("payment.reversed"));
    let payments =
        due(truth, RowKind::Payment, since).filter(|row| !received.contains(row.receipt.as_str()));
    let reversals =
        due(truth, RowKind::Reversal, since).filter(|row| !reversed.contains(row.receipt.as_str()));
    payments.count() + reversals.count()
}

/// Every fact came out once, none besides, each with what the portal knows of it. `changed` are payments whose
/// status became `Reversed` after they were told.
pub fn verify(events: &[Value], truth: &Truth, since: DateTime<Utc>, changed: &[String]) {
    let ids: HashSet<&str> = events.iter().map(|event| text(&event["id"])).collect();
    assert_eq!(ids.len(), events.len(), "an id came twice");
    for pair in events.windows(2) {
        assert!(text(&pair[0]["sequence"]) < text(&pair[1]["sequence"]));
    }
    let received = by_subject(events, "payment.received");
    let expected: Vec<&TruthRow> = due(truth, RowKind::Payment, since).collect();
    assert_eq!(received.len(), expected.len());
    for row in expected {
        let event = received[row.receipt.as_str()];
        same_money(event, row);
        assert_eq!(event["data"]["direction"], "credit");
        let payer = &event["data"]["debitParty"][0];
        assert_eq!(payer["value"].as_str(), row.payer.as_deref());
        assert_eq!(payer["masked"], true);
        assert_eq!(
            event["data"]["payerName"].as_str(),
            row.payer_name.as_deref()
        );
        let reference = event["data"]["customerReferenceRaw"].as_str();
        assert_eq!(reference, row.customer_reference.as_deref());
    }
    let reversed = by_subject(events, "payment.reversed");
    let expected: Vec<&TruthRow> = due(truth, RowKind::Reversal, since).collect();
    assert_eq!(reversed.len(), expected.len());
    for row in expected {
        let event = reversed[row.receipt.as_str()];
        same_money(event, row);
        let original = row.linked_receipt.as_deref().unwrap();
        assert_eq!(event["data"]["originalTransactionReference"], original);
        if let Some(told) = received.get(original) {
            assert_eq!(event["data"]["originalEventId"], told["id"]);
        }
    }
    let updated = by_subject(events, "payment.updated");
    assert_eq!(updated.len(), changed.len());
    for receipt in changed {
        let data = &updated[receipt.as_str()]["data"];
        assert_eq!(data["transactionStatus"], "reversed");
        assert_eq!(data["previousStatus"], "completed");
        assert_eq!(data["paymentId"], received[receipt.as_str()]["id"]);
    }
}

fn same_money(event: &Value, row: &TruthRow) {
    let data = &event["data"];
    let amount: Decimal = text(&data["amount"]).parse().unwrap();
    assert_eq!(amount, row.amount.parse::<Decimal>().unwrap(), "{event}");
    assert_eq!(data["currency"].as_str(), Some(row.currency.as_str()));
    assert_eq!(data["transactionReference"], row.receipt.as_str());
    assert_eq!(Some(instant(&data["completionDate"])), row.completed_at);
    assert_eq!(instant(&data["creationDate"]), row.initiated_at);
}

/// Events of one type by their subject; a subject that comes twice fails the test.
fn by_subject<'a>(events: &'a [Value], wanted: &str) -> HashMap<&'a str, &'a Value> {
    let mut found = HashMap::new();
    for event in events.iter().filter(|event| event["type"] == wanted) {
        let before = found.insert(text(&event["subject"]), event);
        assert!(before.is_none(), "twice: {event}");
    }
    found
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub fn instant(value: &Value) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text(value)).unwrap().to_utc()
}

/// The most attempts that arrived within any `seconds`, as the portal counts them.
pub fn most_within(attempts: &[Attempt], seconds: u32) -> usize {
    let window = TimeDelta::seconds(seconds.into());
    let within = |last: &Attempt| {
        let since = last.at - window;
        let counted = attempts
            .iter()
            .filter(|at| at.at > since && at.at <= last.at);
        counted.count()
    };
    attempts.iter().map(within).max().unwrap_or(0)
}

/// The portal never had a reason to refuse: each attempt was within its cap.
pub fn within_cap(truth: &Truth, cap: u32, seconds: u32) -> usize {
    assert!(!truth.locked);
    let refused = |attempt: &&Attempt| attempt.outcome == LoginOutcome::TooManyLogins;
    assert_eq!(truth.attempts.iter().find(refused), None);
    let most = most_within(&truth.attempts, seconds);
    assert!(most <= cap as usize, "{most} logins within {seconds} s");
    most
}
