//! Lines for the tests of sinks and streams: watermarks and payments as the agent renders them.

#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::{DateTime, TimeDelta, Utc};
use tillwatch::event::{AccountRef, Cursor, Envelope, Epoch, Event, Line, Proof, render};
use tillwatch::payment::{
    AccountName, Direction, OperatorAccount, Payment, PaymentId, Status, TransactionType,
};
use tillwatch::store::{GapsFound, Reading, Store};

fn account() -> AccountRef {
    AccountRef {
        name: AccountName::new("kilima-main").unwrap(),
        portal: "kilima".to_owned(),
        operator: OperatorAccount {
            operator: "kilima".to_owned(),
            number: "600123".to_owned(),
        },
        account_key: "organisationid".to_owned(),
        selector_format: "kilima@1".to_owned(),
    }
}

/// Commits one reading with the payments `numbers`; gives the newest sequence.
pub async fn commit_payments(store: &Store, numbers: std::ops::Range<u16>) -> u64 {
    let read_at: DateTime<Utc> = "2026-11-21T09:00:00Z".parse().unwrap();
    store
        .begin_account(&account().name, read_at - TimeDelta::days(1))
        .await
        .unwrap();
    let reading = Reading {
        account: account(),
        read_at,
        payments: numbers.map(row).collect(),
        quarantined: Vec::new(),
        understood: Vec::new(),
        watermark: None,
        read_through: None,
        gaps: GapsFound::default(),
    };
    store.commit(reading).await.unwrap().newest
}

/// Payment number `number`, told in `epoch` at `sequence`.
pub fn payment(epoch: u16, sequence: u64, number: u16, replayed: bool) -> Line {
    let event = Event::Received {
        payment: row(number),
        first_seen: "2026-11-21T09:00:00Z".parse().unwrap(),
    };
    line(&event, epoch, sequence, replayed)
}

fn row(number: u16) -> Payment {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    Payment {
        id: PaymentId(id),
        reference: Some(format!("UKL4AB{number:04}")),
        kind: None,
        status: Status::Completed,
        status_text: "Completed".to_owned(),
        transaction_type: TransactionType::MerchantPay,
        sub_type: None,
        direction: Direction::Credit,
        amount: 100.into(),
        fee: None,
        currency: "KES".to_owned(),
        counterparty: Vec::new(),
        payer_name: None,
        customer_reference_raw: None,
        completion_date: Some("2026-11-21T12:00:00+03:00".parse().unwrap()),
        creation_date: None,
        balance_after: None,
        original_reference: None,
        original_id: None,
    }
}

/// A watermark of its own for each sequence.
pub fn watermark(epoch: u16, sequence: u64) -> Line {
    let start: DateTime<Utc> = "2026-11-21T09:00:00Z".parse().unwrap();
    let until = start + TimeDelta::minutes(i64::try_from(sequence).unwrap());
    let proof = Proof::Balance;
    line(&Event::Watermark { until, proof }, epoch, sequence, false)
}

fn line(event: &Event, epoch: u16, sequence: u64, replayed: bool) -> Line {
    let epoch = Epoch(epoch);
    let envelope = Envelope {
        epoch,
        sequence,
        time: "2026-11-21T09:03:12.412Z".parse().unwrap(),
        replayed,
    };
    Line {
        cursor: Cursor { epoch, sequence },
        json: render(event, &account(), &envelope),
    }
}
