//! The wire: every type of event byte for byte, its schema, and the way back.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use chrono::{DateTime, Utc};
use insta::assert_snapshot;
use serde_json::Value;
use tillwatch::event::{
    AccountRef, Cursor, Envelope, Epoch, Event, EventType, Gap, GapCause, NotAnEvent, Proof,
    ToldPayment, event_id, parse_told, render,
};
use tillwatch::payment::{
    AccountName, Direction, OperatorAccount, Party, Payment, PaymentId, RowKind, Status,
    TransactionType,
};

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

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

fn envelope() -> Envelope {
    Envelope {
        epoch: Epoch(0x2f9c),
        sequence: 42,
        time: utc("2026-11-21T09:03:12.412Z"),
        replayed: false,
    }
}

fn payment() -> Payment {
    Payment {
        id: PaymentId([0xA5; 16]),
        reference: Some("UKL4AB12CD".to_owned()),
        kind: None,
        status: Status::Completed,
        status_text: "Completed".to_owned(),
        transaction_type: TransactionType::MerchantPay,
        sub_type: None,
        direction: Direction::Credit,
        amount: "1500.50".parse().unwrap(),
        fee: None,
        currency: "KES".to_owned(),
        counterparty: vec![Party {
            key: "msisdn".to_owned(),
            value: "254722***000".to_owned(),
            masked: true,
        }],
        payer_name: Some("JANE D.".to_owned()),
        customer_reference_raw: Some("acc 9900".to_owned()),
        completion_date: Some("2026-11-21T12:02:58+03:00".parse().unwrap()),
        creation_date: Some("2026-11-21T12:02:51+03:00".parse().unwrap()),
        balance_after: Some("81200.00".parse().unwrap()),
        original_reference: None,
        original_id: None,
    }
}

fn first_seen() -> DateTime<Utc> {
    utc("2026-11-21T09:03:12.120Z")
}

fn received() -> Event {
    Event::Received {
        payment: payment(),
        first_seen: first_seen(),
    }
}

/// Nothing but what every row has: no reference, no payer, no dates but the completion.
fn bare() -> Event {
    Event::Received {
        payment: Payment {
            reference: None,
            counterparty: Vec::new(),
            payer_name: None,
            customer_reference_raw: None,
            creation_date: None,
            balance_after: None,
            ..payment()
        },
        first_seen: first_seen(),
    }
}

fn updated() -> Event {
    Event::Updated {
        payment: Payment {
            status: Status::Reversed,
            status_text: "Reversed".to_owned(),
            ..payment()
        },
        first_seen: first_seen(),
        previous_status: Status::Completed,
        revision: 1,
    }
}

fn reversed() -> Event {
    Event::Reversed {
        payment: Payment {
            id: PaymentId([0x5A; 16]),
            reference: Some("UKL4EF34GH".to_owned()),
            kind: Some(RowKind::Reversal),
            transaction_type: TransactionType::Reversal,
            sub_type: Some("Transaction Reversal".to_owned()),
            direction: Direction::Debit,
            balance_after: Some("-300.50".parse().unwrap()),
            original_reference: Some("UKL4AB12CD".to_owned()),
            original_id: Some(PaymentId([0xA5; 16])),
            ..payment()
        },
        first_seen: first_seen(),
    }
}

fn watermark() -> Event {
    Event::Watermark {
        until: utc("2026-11-21T09:03:00Z"),
        proof: Proof::Balance,
    }
}

fn gap(closed: bool) -> Event {
    Event::Gap {
        gap: Gap {
            from: utc("2026-11-21T08:00:00Z"),
            to: utc("2026-11-21T08:05:00Z"),
            cause: GapCause::NoOverlap,
            before_reference: Some("UKL4AB12CD".to_owned()),
        },
        closed,
        again: 0,
    }
}

fn every_event() -> Vec<Event> {
    vec![
        received(),
        bare(),
        updated(),
        reversed(),
        watermark(),
        gap(false),
        gap(true),
    ]
}

#[test]
fn the_example_of_the_docs_is_what_is_rendered() {
    assert_snapshot!(render(&received(), &account(), &envelope()));
}

#[test]
fn a_payment_without_reference_and_payer_says_so() {
    assert_snapshot!(render(&bare(), &account(), &envelope()));
}

#[test]
fn a_changed_status_names_the_payment_and_what_was_told_before() {
    assert_snapshot!(render(&updated(), &account(), &envelope()));
}

#[test]
fn a_reversal_names_the_reference_and_the_event_that_it_takes_back() {
    assert_snapshot!(render(&reversed(), &account(), &envelope()));
}

#[test]
fn a_watermark_says_until_when_and_its_proof() {
    assert_snapshot!(render(&watermark(), &account(), &envelope()));
}

#[test]
fn a_gap_is_opened_and_closed_under_two_ids() {
    assert_snapshot!(render(&gap(false), &account(), &envelope()));
    assert_snapshot!(render(&gap(true), &account(), &envelope()));
}

#[test]
fn an_event_told_again_is_flagged_and_keeps_its_id() {
    let again = Envelope {
        epoch: Epoch(0x0001),
        sequence: 7,
        time: utc("2026-11-22T00:00:00Z"),
        replayed: true,
    };
    for event in every_event() {
        let line: Value = serde_json::from_str(&render(&event, &account(), &again)).unwrap();
        assert_eq!(line["replayed"], true);
        assert_eq!(line["epoch"], "0001");
        assert_eq!(line["id"], event_id(&event, &account()));
    }
}

#[test]
fn the_name_of_an_account_in_our_config_changes_no_byte() {
    let renamed = AccountRef {
        name: AccountName::new("other").unwrap(),
        ..account()
    };
    for event in every_event() {
        assert_eq!(
            render(&event, &renamed, &envelope()),
            render(&event, &account(), &envelope())
        );
    }
}

#[test]
fn no_two_facts_share_an_id() {
    let other_account = AccountRef {
        operator: OperatorAccount {
            number: "600124".to_owned(),
            ..account().operator
        },
        ..account()
    };
    let mut ids: Vec<String> = [received(), updated(), reversed()]
        .iter()
        .map(|event| event_id(event, &account()))
        .collect();
    for event in [watermark(), gap(false), gap(true)] {
        ids.push(event_id(&event, &account()));
        ids.push(event_id(&event, &other_account));
    }
    let told = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), told);
}

#[test]
fn a_number_that_no_uri_can_hold_is_encoded_in_source() {
    let odd = AccountRef {
        operator: OperatorAccount {
            number: "FRI:2376/MM é".to_owned(),
            ..account().operator
        },
        ..account()
    };
    let line: Value = serde_json::from_str(&render(&watermark(), &odd, &envelope())).unwrap();
    assert_eq!(
        line["source"],
        "/portals/kilima/accounts/FRI%3A2376%2FMM%20%C3%A9"
    );
}

#[test]
fn every_line_reads_back_as_what_was_told() {
    for event in every_event() {
        let told = parse_told(&render(&event, &account(), &envelope())).unwrap();
        assert_eq!(told.event_type, event.event_type());
        assert_eq!(told.id, event_id(&event, &account()));
        assert_eq!(told.source, "/portals/kilima/accounts/600123");
        assert_eq!(told.cursor.to_string(), "2f9c-000000000000000042");
        assert_eq!(told.time, envelope().time);
        let row = match &event {
            Event::Received { payment, .. }
            | Event::Updated { payment, .. }
            | Event::Reversed { payment, .. } => Some(payment),
            Event::Watermark { until, .. } => {
                assert_eq!(told.until, Some(*until));
                None
            }
            Event::Gap { .. } => None,
        };
        let told_payment = row.map(|row| ToldPayment {
            id: row.id,
            reference: row.reference.clone(),
            status: row.status,
            revision: u32::from(told.event_type == EventType::Updated),
            amount: "1500.5".to_owned(),
            currency: "KES".to_owned(),
            completion: row.completion_date.map(|date| date.to_utc()),
            customer_reference: row.customer_reference(),
            first_seen: first_seen(),
        });
        assert_eq!(told.payment, told_payment);
    }
}

#[test]
fn what_we_never_wrote_is_no_event() {
    let line = render(&received(), &account(), &envelope());
    for cut in 0..line.len() {
        let torn = line.get(..cut).unwrap();
        assert!(
            matches!(parse_told(torn), Err(NotAnEvent::Json { .. })),
            "{cut}"
        );
    }
    let changed = |from: &str, to: &str| parse_told(&line.replace(from, to));
    assert_eq!(
        changed("payment.received", "payment.guessed"),
        Err(NotAnEvent::Value { field: "type" })
    );
    assert_eq!(
        changed("\"completed\"", "\"settled\""),
        Err(NotAnEvent::Value {
            field: "transactionStatus"
        })
    );
    assert_eq!(
        changed("2f9c", "2f9"),
        Err(NotAnEvent::Value { field: "epoch" })
    );
}

#[test]
fn cursors_print_and_parse() {
    let cursor = Cursor {
        epoch: Epoch(0x00af),
        sequence: 42,
    };
    assert_eq!(cursor.to_string(), "00af-000000000000000042");
    assert_eq!("00af-000000000000000042".parse(), Ok(cursor));
    assert_eq!("00AF-42".parse(), Ok(cursor));
    for bad in [
        "", "00af", "00af-", "-42", "0af-42", "00af-+4", "00af-4x", "+0af-4",
    ] {
        assert!(bad.parse::<Cursor>().is_err(), "{bad:?}");
    }
}

/// The part of JSON Schema that our files use: types, required, properties, enum, const, pattern, items.
fn breaches(schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let fits_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64(),
        Some(_) => false,
        None => true,
    };
    if !fits_type {
        found.push(format!("{at}: type"));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        found.push(format!("{at}: enum"));
    }
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        found.push(format!("{at}: const"));
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str())
        && !regex::Regex::new(pattern).unwrap().is_match(text)
    {
        found.push(format!("{at}: pattern"));
    }
    for item in value.as_array().into_iter().flatten() {
        breaches(&schema["items"], item, &format!("{at}[]"), found);
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        if value.get(required.as_str().unwrap()).is_none() {
            found.push(format!("{at}.{required}: required"));
        }
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(key) {
            Some(property) => breaches(property, inner, &format!("{at}.{key}"), found),
            None if schema["additionalProperties"] == false => {
                found.push(format!("{at}.{key}: unknown"));
            }
            None => {}
        }
    }
}

fn schema(name: &str) -> Value {
    let path = format!("{}/docs/schema/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    serde_json::from_str(&text).expect(&path)
}

#[test]
fn every_event_fits_its_published_schema() {
    let envelope_schema = schema("event.v1.json");
    for event in every_event() {
        let line: Value = serde_json::from_str(&render(&event, &account(), &envelope())).unwrap();
        let id = line["dataschema"].as_str().unwrap();
        let data_schema = schema(id.strip_prefix("urn:tillwatch:schema/").unwrap());
        assert_eq!(data_schema["$id"], id);
        let mut found = Vec::new();
        breaches(&envelope_schema, &line, "event", &mut found);
        // The test proves something only where an unknown key would be a breach.
        let mut strict = data_schema;
        strict["additionalProperties"] = Value::Bool(false);
        breaches(&strict, &line["data"], "data", &mut found);
        assert!(found.is_empty(), "{found:?} in {line}");
    }
}

#[test]
fn the_schemas_list_every_word() {
    let payment = schema("payment.v1.json");
    let words = |of: &str| -> Vec<String> {
        let list = payment["properties"][of]["enum"].as_array().unwrap();
        list.iter()
            .map(|word| word.as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(words("transactionStatus"), Status::ALL.map(Status::as_str));
    assert_eq!(words("previousStatus"), Status::ALL.map(Status::as_str));
    assert_eq!(
        words("type"),
        TransactionType::ALL.map(TransactionType::as_str)
    );
    let types = schema("event.v1.json")["properties"]["type"]["enum"].clone();
    assert_eq!(
        types,
        serde_json::json!(EventType::ALL.map(EventType::as_str))
    );
}
