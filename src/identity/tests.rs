//! Ids are for ever, and twins keep theirs.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::HashSet;
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::payment::{Payment, Status, TransactionType};

fn account(operator: &str, number: &str) -> OperatorAccount {
    OperatorAccount {
        operator: operator.into(),
        number: number.into(),
    }
}

fn kilima() -> OperatorAccount {
    account("kilima", "600123")
}

fn values(values: &[(Field, Option<&str>)]) -> BTreeMap<Field, Option<String>> {
    values
        .iter()
        .map(|(field, value)| (*field, value.map(str::to_owned)))
        .collect()
}

#[test]
fn ids_are_for_ever() {
    let credit = id(&kilima(), Direction::Credit, "UKL4AB12CD", None);
    assert_eq!(credit.to_string(), "pay_pmee5ubmifzfxskabicgm4comy");
    assert_eq!(
        id(
            &kilima(),
            Direction::Debit,
            "UKL4AB12CD",
            Some(RowKind::Charge)
        )
        .to_string(),
        "pay_shq2btphb4uxbghkzherfmizqu"
    );
    assert_eq!(
        id(
            &kilima(),
            Direction::Debit,
            "UKL4AB12CD",
            Some(RowKind::Reversal)
        )
        .to_string(),
        "pay_xf7vrprsxd44esquphi56xjyea"
    );
    assert_eq!(
        original_id(&kilima(), Direction::Debit, "UKL4AB12CD"),
        credit
    );
    let named = values(&[
        (Field::CompletionDate, Some("1795251778000000")),
        (Field::Amount, Some("1500.5")),
        (Field::CustomerReference, None),
    ]);
    let fingerprint = fingerprint(&kilima(), Direction::Credit, None, &named);
    assert_eq!(
        twin_id(fingerprint, 0).to_string(),
        "pay_xwn47k6y3uhl2c3ran3f6gk7x4"
    );
    assert_eq!(
        twin_id(fingerprint, 1).to_string(),
        "pay_nizeldlf2kmkfmvljlllecbnci"
    );
}

#[test]
fn a_reference_is_the_same_however_it_is_padded_or_cased() {
    let printed = id(&kilima(), Direction::Credit, "UKL4AB12CD", None);
    assert_eq!(
        id(&kilima(), Direction::Credit, " ukl4ab12cd\t", None),
        printed
    );
    assert_ne!(
        id(&kilima(), Direction::Credit, "UKL4 AB12CD", None),
        printed
    );
}

#[test]
fn a_reversal_of_a_reversal_names_the_payment_the_other_way() {
    assert_eq!(
        original_id(&kilima(), Direction::Credit, "ukl4ab12cd"),
        id(&kilima(), Direction::Debit, "UKL4AB12CD", None)
    );
}

/// A row whose twin group and place in time are known; the creation date names the row for the test.
fn row(group: u8, at: i64) -> Normalized {
    let fingerprint = fingerprint(
        &kilima(),
        Direction::Credit,
        None,
        &values(&[(Field::Amount, Some(&group.to_string()))]),
    );
    Normalized {
        fingerprint: Some(fingerprint),
        payment: Payment {
            id: twin_id(fingerprint, 0),
            reference: None,
            kind: None,
            status: Status::Completed,
            status_text: "Completed".into(),
            transaction_type: TransactionType::BillPay,
            sub_type: None,
            direction: Direction::Credit,
            amount: 5.into(),
            fee: None,
            currency: "KES".into(),
            counterparty: Vec::new(),
            payer_name: None,
            customer_reference_raw: None,
            completion_date: None,
            creation_date: chrono::DateTime::from_timestamp(at, 0).map(|at| at.fixed_offset()),
            balance_after: None,
            original_reference: None,
            original_id: None,
        },
    }
}

fn assigned(mut rows: Vec<Normalized>, order: Order, known: &HashSet<PaymentId>) -> Vec<Payment> {
    let outcome: Result<(), Infallible> = assign(&mut rows, order, |id| Ok(known.contains(&id)));
    outcome.unwrap();
    rows.into_iter().map(|row| row.payment).collect()
}

#[test]
fn twins_are_numbered_from_the_oldest_in_either_order() {
    let fingerprint = row(1, 0).fingerprint.unwrap();
    let numbered = |order| assigned(vec![row(1, 1), row(1, 2)], order, &HashSet::new());
    let ids = |payments: Vec<Payment>| {
        payments
            .into_iter()
            .map(|payment| payment.id)
            .collect::<Vec<_>>()
    };
    let (first, second) = (twin_id(fingerprint, 0), twin_id(fingerprint, 1));
    assert_eq!(ids(numbered(Order::OldestFirst)), [first, second]);
    assert_eq!(ids(numbered(Order::NewestFirst)), [second, first]);
}

#[test]
fn rows_with_a_reference_keep_their_id() {
    let mut with_reference = row(1, 0);
    with_reference.fingerprint = None;
    with_reference.payment.id = PaymentId([7; 16]);
    assert_eq!(
        assigned(vec![with_reference], Order::NewestFirst, &HashSet::new())[0].id,
        PaymentId([7; 16])
    );
}

#[test]
fn an_error_of_the_store_ends_the_assignment() {
    assert_eq!(
        assign(&mut [row(1, 0)], Order::NewestFirst, |_| Err(
            "the store is gone"
        )),
        Err("the store is gone")
    );
}

fn tricky() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            "", "1", "11", "credit", "debit", "charge", "\0", "\u{1}", "kilima", "|", ":",
        ]),
        0..4,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn different_facts_have_different_ids(
        one in (tricky(), tricky(), tricky(), 0..2_usize, 0..3_usize),
        other in (tricky(), tricky(), tricky(), 0..2_usize, 0..3_usize),
        same in any::<[bool; 5]>(),
    ) {
        type Facts = (String, String, String, usize, usize);
        let id_of = |(operator, number, reference, direction, kind): &Facts| {
            let direction = [Direction::Credit, Direction::Debit][*direction];
            let kind = [None, Some(RowKind::Charge), Some(RowKind::Reversal)][*kind];
            id(&account(operator, number), direction, reference, kind)
        };
        let folded = |fact: &Facts| {
            let mut fact = fact.clone();
            fact.2 = fact.2.trim().to_ascii_uppercase();
            fact
        };
        // Two that have nothing in common differ by any one of their facts: most that are compared share some.
        let other = (
            if same[0] { one.0.clone() } else { other.0 },
            if same[1] { one.1.clone() } else { other.1 },
            if same[2] { one.2.clone() } else { other.2 },
            if same[3] { one.3 } else { other.3 },
            if same[4] { one.4 } else { other.4 },
        );
        prop_assert_eq!(id_of(&one) == id_of(&other), folded(&one) == folded(&other));
    }

    #[test]
    fn different_fields_have_different_fingerprints(
        one in (tricky(), prop::option::of(tricky())),
        other in (tricky(), prop::option::of(tricky())),
        same in any::<[bool; 2]>(),
    ) {
        let of = |(amount, reference): &(String, Option<String>)| {
            let named = values(&[(Field::Amount, Some(amount)), (Field::CustomerReference, reference.as_deref())]);
            fingerprint(&kilima(), Direction::Credit, None, &named)
        };
        let other = (
            if same[0] { one.0.clone() } else { other.0 },
            if same[1] { one.1.clone() } else { other.1 },
        );
        prop_assert_eq!(of(&one) == of(&other), one == other);
    }

    /// A portal gains rows at one end and loses them at the other, and is read through windows of any size that reach
    /// the newest row and at least every row that was not yet seen: each row must get one id, and no two the same.
    #[test]
    fn twins_keep_their_ids_under_any_window(
        arrivals in prop::collection::vec(prop::collection::vec(0..3_u8, 0..5), 1..12),
        extra in prop::collection::vec(0..12_usize, 12),
        newest_first in any::<bool>(),
    ) {
        let order = if newest_first { Order::NewestFirst } else { Order::OldestFirst };
        let mut table: Vec<(u8, i64)> = Vec::new();
        let mut known = HashSet::new();
        let mut seen: BTreeMap<Option<i64>, PaymentId> = BTreeMap::new();
        for (new, extra) in arrivals.iter().zip(extra) {
            let before = table.len();
            // Twins are equal in every field that is named, the second of completion among them: they arrive together.
            for group in new {
                table.push((group + 3 * u8::try_from(before % 80).unwrap_or_default(), i64::try_from(table.len()).unwrap_or_default()));
            }
            let from = before.saturating_sub(extra);
            let mut window: Vec<_> = table[from..].iter().map(|(group, at)| row(*group, *at)).collect();
            if newest_first {
                window.reverse();
            }
            for payment in assigned(window, order, &known) {
                let name = payment.creation_date.map(|at| at.timestamp());
                prop_assert_eq!(*seen.entry(name).or_insert(payment.id), payment.id);
                known.insert(payment.id);
            }
        }
        prop_assert_eq!(seen.values().collect::<HashSet<_>>().len(), table.len());
    }
}

#[test]
fn a_page_that_begins_as_the_one_before_ended_may_repeat_rows() {
    let print = |n: u8| Fingerprint([n; 16]);
    let pages = |all: &[&[u8]]| -> Vec<Vec<Fingerprint>> {
        let page = |page: &&[u8]| page.iter().copied().map(print).collect();
        all.iter().map(page).collect()
    };
    assert!(!may_repeat(&pages(&[&[1, 2, 3], &[4, 5, 6], &[7]])));
    assert!(
        may_repeat(&pages(&[&[1, 2, 3], &[3, 4, 5]])),
        "one row came in above"
    );
    assert!(
        may_repeat(&pages(&[&[1, 2, 3], &[4, 5, 6], &[5, 6]])),
        "two came in"
    );
    assert!(
        !may_repeat(&pages(&[&[1, 1, 2], &[]])),
        "twins on one page are no repeat"
    );
    assert!(!may_repeat(&pages(&[&[1, 2]])));
}
