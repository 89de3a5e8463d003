//! Each fate of a payment, and when history counts as told again.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::payment::{Direction, Status, TransactionType};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn since() -> DateTime<Utc> {
    at("2026-11-01T00:00:00Z")
}

fn covered() -> DateTime<Utc> {
    at("2026-11-21T10:00:00Z")
}

/// A completed credit.
fn payment(id: u8) -> Payment {
    Payment {
        id: PaymentId([id; 16]),
        reference: None,
        kind: None,
        status: Status::Completed,
        status_text: String::new(),
        transaction_type: TransactionType::MerchantPay,
        sub_type: None,
        direction: Direction::Credit,
        amount: "10.50".parse().unwrap(),
        fee: None,
        currency: "KES".to_owned(),
        counterparty: Vec::new(),
        payer_name: None,
        customer_reference_raw: None,
        completion_date: Some(at("2026-11-21T09:00:00Z").fixed_offset()),
        creation_date: None,
        balance_after: None,
        original_reference: None,
        original_id: None,
    }
}

fn row(cells: &str, payment: Option<Payment>) -> Row {
    Row {
        cells: vec![cells.to_owned()],
        payment,
    }
}

fn told(ids: impl IntoIterator<Item = u8>) -> Known {
    let payments: Vec<Payment> = ids.into_iter().map(payment).collect();
    as_read(payments.iter(), since(), since())
}

#[test]
fn each_payment_has_its_fate() {
    let known = told([1]);
    let fate = |before: Option<&Payment>, now: Option<&Payment>| fate(before, now, &known, since());
    let (one, other) = (payment(1), payment(2));
    let dearer = Payment {
        amount: 11.into(),
        ..one.clone()
    };
    let debit = Payment {
        direction: Direction::Debit,
        ..other.clone()
    };
    let old = Payment {
        completion_date: Some(at("2026-10-31T09:00:00Z").fixed_offset()),
        ..other.clone()
    };
    for (before, now, expected) in [
        (Some(&one), Some(&one), Some(Fate::Same)),
        (None, Some(&one), Some(Fate::Same)),
        (Some(&one), Some(&other), Some(Fate::Again)),
        (None, Some(&other), Some(Fate::New)),
        (Some(&other), Some(&other), Some(Fate::New)),
        (Some(&one), Some(&dearer), Some(Fate::Changed)),
        (Some(&one), None, Some(Fate::Lost)),
        (None, None, None),
        // Under another id, and not told.
        (Some(&one), Some(&debit), Some(Fate::Lost)),
        (Some(&one), Some(&old), Some(Fate::Lost)),
        (Some(&other), Some(&debit), Some(Fate::Same)),
        // Known before and not told, so it was no payment then.
        (Some(&debit), Some(&payment(3)), Some(Fate::New)),
    ] {
        assert_eq!(fate(before, now), expected, "{before:?} {now:?}");
    }
}

#[test]
fn rows_are_paired_by_their_cells_and_equal_ones_in_order() {
    let before = [
        row("a", Some(payment(1))),
        row("a", Some(payment(2))),
        row("b", None),
    ];
    let now = [row("c", None), row("a", Some(payment(3))), row("a", None)];
    let id = |row: Option<&Row>| {
        row.map(|row| (row.cells.concat(), row.payment.as_ref().map(|p| p.id.0[0])))
    };
    let pairs: Vec<_> = pairs(&before, &now)
        .into_iter()
        .map(|(one, two)| (id(one), id(two)))
        .collect();
    let of = |cells: &str, id| Some((cells.to_owned(), id));
    assert_eq!(
        pairs,
        [
            (None, of("c", None)),
            (of("a", Some(1)), of("a", Some(3))),
            (of("a", Some(2)), of("a", None)),
            (of("b", None), None),
        ]
    );
}

#[test]
fn a_file_that_finds_other_text_in_the_cells_tells_history_again_all_the_same() {
    let known = told(1..=2);
    let paid = |id: u8, amount: u8| {
        let amount = amount.into();
        Some(Payment {
            amount,
            ..payment(id)
        })
    };
    let before = [row("hidden 1", paid(1, 5)), row("hidden 2", paid(2, 6))];
    let now = [
        row("1", paid(11, 5)),
        row("2", paid(12, 6)),
        row("3", paid(13, 7)),
    ];
    let history = History::of(&before, &now, &known, since());
    assert_eq!(history, History { again: 2, of: 2 });
}

#[test]
fn one_payment_under_another_id_is_history_told_again() {
    let known = told(1..=9);
    let before: Vec<Row> = (1..=9)
        .map(|id| row(&id.to_string(), Some(payment(id))))
        .collect();
    let mut now = before.clone();
    now.push(row("late", Some(payment(20))));
    let history = |now: &[Row]| History::of(&before, now, &known, since());
    assert_eq!(history(&now), History { again: 0, of: 9 });
    now[0].payment = Some(payment(30));
    assert_eq!(history(&now), History { again: 1, of: 9 });
}

#[test]
fn where_the_file_from_before_reads_nothing_most_of_the_covered_past_must_be_unknown() {
    let known = told(1..=4);
    let rows = |ids: &[u8]| -> Vec<Row> {
        ids.iter()
            .map(|id| row(&id.to_string(), Some(payment(*id))))
            .collect()
    };
    let judged = |now: &[Row]| History::guessed(now, |_| false, &known, since(), covered());
    assert_eq!(
        judged(&rows(&[1, 2, 3, 4, 20])),
        History { again: 0, of: 5 }
    );
    assert_eq!(judged(&rows(&[1, 20, 21, 22])), History { again: 3, of: 4 });
    let put_aside = |row: &Row| row.cells != ["1"];
    let now = rows(&[1, 20, 21, 22]);
    let history = History::guessed(&now, put_aside, &known, since(), covered());
    assert_eq!(history, History { again: 0, of: 1 });
    // What came since the last reading is new.
    let newer = Payment {
        completion_date: Some(covered().fixed_offset()),
        ..payment(20)
    };
    assert_eq!(judged(&[row("20", Some(newer))]), History::default());
}
