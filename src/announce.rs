//! What a payment, as a portal shows it now, makes us tell. Pure.
//!
//! - A credit that completed at or after `since` is told once, when it is first seen completed.
//! - A reversal row that completed at or after `since` is told once.
//! - What an earlier program told counts as told: the facts met first stand for what it said.
//! - What was told is told again, one revision up, when a fact that consumers rely on changes.
//! - Everything else (withdrawals, charges, pending, failed and expired rows, rows from before `since`)
//!   is remembered and not told.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::payment::{Direction, Payment, RowKind, Status, gsma_amount};

/// Digest of the facts that consumers rely on: status, amount, currency, completion date, customer reference.
///
/// Balance, masked payer and payer's name are left out: portals change them without anything having happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Facts(pub [u8; 16]);

impl Facts {
    /// Of a payment that an earlier program told: what exactly it said is not known here.
    pub const TOLD_ELSEWHERE: Facts = Facts([0; 16]);
}

/// The facts as they stand on the wire, so that a line of a file sink gives the same digest as the payment.
#[derive(Debug, Clone, Copy)]
pub struct FactTexts<'a> {
    /// `transactionStatus`.
    pub status: Status,
    /// `amount`.
    pub amount: &'a str,
    /// `currency`.
    pub currency: &'a str,
    /// `completionDate`; compared as an instant, whatever its offset.
    pub completion: Option<DateTime<Utc>>,
    /// `customerReference`.
    pub customer_reference: Option<&'a str>,
}

impl Facts {
    /// Of a payment.
    #[must_use]
    pub fn of(payment: &Payment) -> Self {
        Self::from_texts(FactTexts {
            status: payment.status,
            amount: &gsma_amount(payment.amount),
            currency: &payment.currency,
            completion: payment.completion_date.map(|date| date.to_utc()),
            customer_reference: payment.customer_reference().as_deref(),
        })
    }

    /// Of a line that told it.
    #[must_use]
    pub fn from_texts(texts: FactTexts<'_>) -> Self {
        let completion = texts.completion.map(|at| at.timestamp_millis().to_string());
        let mut hash = Sha256::new();
        for field in [
            Some(texts.status.as_str()),
            Some(texts.amount),
            Some(texts.currency),
            completion.as_deref(),
            texts.customer_reference,
        ] {
            // A missing field and an empty one are two things.
            hash.update([u8::from(field.is_some())]);
            let text = field.unwrap_or_default();
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        let mut digest = [0; 16];
        for (to, from) in digest.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Facts(digest)
    }
}

/// What was last told of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastTold {
    /// 0 for `payment.received` and `payment.reversed`, then one more with each `payment.updated`.
    pub revision: u32,
    /// Status told.
    pub status: Status,
    /// Facts told.
    pub facts: Facts,
}

/// What the store remembers of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Status on the latest page.
    pub status: Status,
    /// Instant of the page on which it first stood, in any status.
    pub first_seen: DateTime<Utc>,
    /// `None` while nobody was told of it.
    pub told: Option<LastTold>,
}

/// What to do about a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announcement {
    /// Tell `payment.received`.
    Received,
    /// Tell `payment.reversed`.
    Reversed,
    /// Tell `payment.updated`.
    Updated {
        /// Status as told before.
        previous_status: Status,
        /// Of this telling, from 1.
        revision: u32,
    },
    /// Record it as it stands, tell nobody.
    Remember,
    /// It was told elsewhere: record the facts as they stand as told, tell nobody.
    Adopt,
    /// The record already says all of it.
    Nothing,
}

/// What `payment` makes us tell, when `seen` is what we know of it and telling began at `since`.
#[must_use]
pub fn decide(payment: &Payment, seen: Option<&Seen>, since: DateTime<Utc>) -> Announcement {
    let Some(seen) = seen else {
        return first_telling(payment, since).unwrap_or(Announcement::Remember);
    };
    match seen.told {
        Some(told) if told.facts == Facts::of(payment) => Announcement::Nothing,
        Some(told) if told.facts == Facts::TOLD_ELSEWHERE && told.status == payment.status => {
            Announcement::Adopt
        }
        Some(told) => Announcement::Updated {
            previous_status: told.status,
            revision: told.revision.saturating_add(1),
        },
        None => match first_telling(payment, since) {
            Some(telling) => telling,
            None if seen.status == payment.status => Announcement::Nothing,
            None => Announcement::Remember,
        },
    }
}

/// The event that tells a payment for the first time; `None` while there is nothing to tell.
fn first_telling(payment: &Payment, since: DateTime<Utc>) -> Option<Announcement> {
    let moved = match payment.status {
        Status::Completed => true,
        Status::Pending
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Declined
        | Status::Reversed => false,
    };
    let in_time = payment.completion_date.is_some_and(|date| date >= since);
    if !(moved && in_time) {
        return None;
    }
    match (payment.kind, payment.direction) {
        (None, Direction::Credit) => Some(Announcement::Received),
        (Some(RowKind::Reversal), Direction::Debit) => Some(Announcement::Reversed),
        (None, Direction::Debit)
        | (Some(RowKind::Reversal), Direction::Credit)
        | (Some(RowKind::Charge), Direction::Credit | Direction::Debit) => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use crate::payment::{PaymentId, TransactionType};

    fn since() -> DateTime<Utc> {
        "2026-11-21T09:00:00Z".parse().unwrap()
    }

    fn payment(kind: Option<RowKind>, direction: Direction, status: Status) -> Payment {
        Payment {
            id: PaymentId([1; 16]),
            reference: None,
            kind,
            status,
            status_text: String::new(),
            transaction_type: TransactionType::MerchantPay,
            sub_type: None,
            direction,
            amount: "10.50".parse().unwrap(),
            fee: None,
            currency: "KES".to_owned(),
            counterparty: Vec::new(),
            payer_name: None,
            customer_reference_raw: Some("acc 1".to_owned()),
            completion_date: Some(since().fixed_offset()),
            creation_date: None,
            balance_after: None,
            original_reference: None,
            original_id: None,
        }
    }

    fn credit(status: Status) -> Payment {
        payment(None, Direction::Credit, status)
    }

    fn seen(status: Status, told: Option<&Payment>) -> Seen {
        Seen {
            status,
            first_seen: since(),
            told: told.map(|payment| LastTold {
                revision: 2,
                status: payment.status,
                facts: Facts::of(payment),
            }),
        }
    }

    #[test]
    fn only_completed_credits_and_reversal_rows_are_told() {
        let kinds = [None, Some(RowKind::Charge), Some(RowKind::Reversal)];
        for kind in kinds {
            for direction in [Direction::Credit, Direction::Debit] {
                for status in Status::ALL {
                    let expected = match (kind, direction, status) {
                        (None, Direction::Credit, Status::Completed) => Announcement::Received,
                        (Some(RowKind::Reversal), Direction::Debit, Status::Completed) => {
                            Announcement::Reversed
                        }
                        _ => Announcement::Remember,
                    };
                    let payment = payment(kind, direction, status);
                    assert_eq!(decide(&payment, None, since()), expected, "{payment:?}");
                }
            }
        }
    }

    #[test]
    fn what_completed_before_since_is_remembered_and_stays_untold() {
        let mut old = credit(Status::Completed);
        old.completion_date = Some((since() - chrono::TimeDelta::seconds(1)).fixed_offset());
        assert_eq!(decide(&old, None, since()), Announcement::Remember);
        let remembered = seen(Status::Completed, None);
        assert_eq!(
            decide(&old, Some(&remembered), since()),
            Announcement::Nothing
        );
        old.completion_date = None;
        assert_eq!(decide(&old, None, since()), Announcement::Remember);
    }

    #[test]
    fn a_pending_payment_is_told_when_it_completes_and_its_status_followed_until_then() {
        let pending = seen(Status::Pending, None);
        for (status, expected) in [
            (Status::Pending, Announcement::Nothing),
            (Status::Failed, Announcement::Remember),
            (Status::Completed, Announcement::Received),
        ] {
            assert_eq!(decide(&credit(status), Some(&pending), since()), expected);
        }
    }

    #[test]
    fn what_was_told_elsewhere_is_told_again_only_when_it_did_not_stay_completed() {
        let elsewhere = Seen {
            status: Status::Completed,
            first_seen: since(),
            told: Some(LastTold {
                revision: 0,
                status: Status::Completed,
                facts: Facts::TOLD_ELSEWHERE,
            }),
        };
        let said = |status| decide(&credit(status), Some(&elsewhere), since());
        assert_eq!(said(Status::Completed), Announcement::Adopt);
        let updated = Announcement::Updated {
            previous_status: Status::Completed,
            revision: 1,
        };
        assert_eq!(said(Status::Reversed), updated);
    }

    #[test]
    fn only_a_change_of_facts_is_told_again() {
        let told = credit(Status::Completed);
        let before = seen(Status::Completed, Some(&told));
        let after = |change: fn(&mut Payment)| {
            let mut payment = told.clone();
            change(&mut payment);
            decide(&payment, Some(&before), since())
        };
        for silent in [
            (|payment| payment.balance_after = Some(1.into())) as fn(&mut Payment),
            |payment| payment.payer_name = Some("JANE D.".to_owned()),
            |payment| payment.status_text = "Done".to_owned(),
            // The same amount, reference and instant, written in other ways.
            |payment| payment.amount.rescale(4),
            |payment| payment.customer_reference_raw = Some("ACC-1".to_owned()),
            |payment| {
                let zone = chrono::FixedOffset::east_opt(3 * 3600).unwrap();
                payment.completion_date = payment.completion_date.map(|at| at.with_timezone(&zone));
            },
        ] {
            assert_eq!(after(silent), Announcement::Nothing);
        }
        let updated = Announcement::Updated {
            previous_status: Status::Completed,
            revision: 3,
        };
        for loud in [
            (|payment| payment.status = Status::Reversed) as fn(&mut Payment),
            |payment| payment.amount += rust_decimal::Decimal::ONE,
            |payment| payment.currency = "UGX".to_owned(),
            |payment| payment.customer_reference_raw = None,
            |payment| payment.completion_date = None,
        ] {
            assert_eq!(after(loud), updated);
        }
    }
}
