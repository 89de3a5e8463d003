//! Lines for the tests of sinks and streams: watermarks and payments as the agent renders them.

#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::{TimeDelta, Utc};
use tillwatch::event::{AccountRef, Cursor, Envelope, Epoch, Event, Line, Proof, render};
use tillwatch::payment::{
    AccountName, Direction, OperatorAccount, Payment, PaymentId, Status, TransactionType,
};

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

/// Payment number `number`, told in `epoch` at `sequence`.
pub fn payment(epoch: u16, sequence: u64, number: u8, replayed: bool) -> Line {
    let first_seen = "2026-11-21T09:00:00Z".parse().unwrap();
    let payment = Payment {
        id: PaymentId([number; 16]),
        reference: Some(format!("UKL4AB{number:04}")),
        kind: None,
        status: Status::Completed,
        status_text: "Completed".to_owned(),
        transaction_type: TransactionType::MerchantPay,
        sub_type: None,
        direction: Direction::Credit,
        amount: 100.into(),
        currency: "KES".to_owned(),
        counterparty: Vec::new(),
        payer_name: None,
        customer_reference_raw: None,
        completion_date: Some("2026-11-21T12:00:00+03:00".parse().unwrap()),
        creation_date: None,
        balance_after: None,
        original_reference: None,
        original_id: None,
    };
    let event = Event::Received {
        payment,
        first_seen,
    };
    line(&event, epoch, sequence, replayed)
}

/// A watermark of its own for each sequence.
pub fn watermark(epoch: u16, sequence: u64) -> Line {
    let start: chrono::DateTime<Utc> = "2026-11-21T09:00:00Z".parse().unwrap();
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
