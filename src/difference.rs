//! What another selector file makes of the same rows: which payments it would tell anew, again, or otherwise. Pure.
//!
//! | under the file from before | under the other file | then |
//! |---|---|---|
//! | told by its id | by another id that nobody knows, and to be told | `Again` |
//! | anything else | not known, or known and not told, and to be told | `New` |
//! | | told, and a fact is another one than was told and than under the file from before | `Changed` |
//! | a payment | no row, or one that is put aside | `Lost` |
//! | told by its id | by another id that nobody knows, and not to be told | `Lost` |
//! | | anything else | `Same` |

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::announce::{Announcement, Facts, LastTold, Seen, decide};
use crate::payment::{Direction, Payment, PaymentId};

/// What becomes of one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Nothing is told of it that was not told before.
    Same,
    /// It would be told for the first time.
    New,
    /// It was told under another id and would be told as new.
    Again,
    /// `payment.updated` would be told.
    Changed,
    /// It would not be read or understood any more, or taken for something that is not told.
    Lost,
}

impl Fate {
    /// Every fate, with its word in tables and JSON.
    pub const WORDS: [(Fate, &str); 5] = [
        (Fate::Same, "same"),
        (Fate::New, "new"),
        (Fate::Again, "emitted-again"),
        (Fate::Changed, "changed"),
        (Fate::Lost, "lost"),
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let mut words = Self::WORDS.into_iter();
        words
            .find(|(fate, _)| *fate == self)
            .map_or("same", |(_, word)| word)
    }
}

/// What is known of payments by their ids.
pub type Known = HashMap<PaymentId, Seen>;

/// What becomes of the payment of one row, as the two files understand it; `None` where neither does. Telling began at `since`.
#[must_use]
pub fn fate(
    before: Option<&Payment>,
    now: Option<&Payment>,
    known: &Known,
    since: DateTime<Utc>,
) -> Option<Fate> {
    let Some(now) = now else {
        return before.map(|_| Fate::Lost);
    };
    let other = before.filter(|before| before.id != now.id);
    let was_told = other.is_some_and(|other| is_told(other.id, known));
    Some(match decide(now, known.get(&now.id), since) {
        Announcement::Received | Announcement::Reversed if was_told => Fate::Again,
        Announcement::Received | Announcement::Reversed => Fate::New,
        // The other file says it too: a page from before what was told last.
        Announcement::Updated { .. }
            if before.is_some_and(|before| {
                before.id == now.id && Facts::of(before) == Facts::of(now)
            }) =>
        {
            Fate::Same
        }
        Announcement::Updated { .. } => Fate::Changed,
        Announcement::Remember if was_told => Fate::Lost,
        Announcement::Remember | Announcement::Adopt | Announcement::Nothing => Fate::Same,
    })
}

fn is_told(id: PaymentId, known: &Known) -> bool {
    known.get(&id).is_some_and(|seen| seen.told.is_some())
}

/// What would be known of `payments` had they just been read for the first time.
pub fn as_read<'a>(
    payments: impl Iterator<Item = &'a Payment>,
    at: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Known {
    let seen = payments.map(|payment| {
        let told = match decide(payment, None, since) {
            Announcement::Received | Announcement::Reversed => Some(LastTold {
                revision: 0,
                status: payment.status,
                facts: Facts::of(payment),
            }),
            Announcement::Updated { .. }
            | Announcement::Remember
            | Announcement::Adopt
            | Announcement::Nothing => None,
        };
        let seen = Seen {
            status: payment.status,
            first_seen: at,
            told,
        };
        (payment.id, seen)
    });
    seen.collect()
}

/// A row as one file reads it.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its cells: the same row has the same ones in both readings.
    pub cells: Vec<String>,
    /// `None` where it is put aside.
    pub payment: Option<Payment>,
}

/// The rows of `now` in their order, each with the one that it is in `before`; then those that only `before` has.
///
/// A row has the cells that it had, or, where the files do not find the same text in cells, moves the money that it moved at
/// the same instant. Of several that do, the next in order is taken.
#[must_use]
pub fn pairs<'a>(before: &'a [Row], now: &'a [Row]) -> Vec<(Option<&'a Row>, Option<&'a Row>)> {
    let mut left: Vec<Option<&Row>> = before.iter().map(Some).collect();
    let mut pairs: Vec<(Option<&Row>, Option<&Row>)> =
        now.iter().map(|row| (None, Some(row))).collect();
    pair_up(&mut left, &mut pairs, |row| Some(&row.cells));
    pair_up(&mut left, &mut pairs, |row| row.payment.as_ref().map(money));
    pairs.extend(left.into_iter().flatten().map(|row| (Some(row), None)));
    pairs
}

/// Gives each row of `pairs` that has none the next of `left` with an equal trait.
fn pair_up<'a, T: Eq + Hash>(
    left: &mut [Option<&'a Row>],
    pairs: &mut [(Option<&'a Row>, Option<&'a Row>)],
    told_by: impl Fn(&'a Row) -> Option<T>,
) {
    let mut places: HashMap<T, VecDeque<usize>> = HashMap::new();
    for (at, row) in left.iter().enumerate() {
        if let Some(told_by) = row.and_then(&told_by) {
            places.entry(told_by).or_default().push_back(at);
        }
    }
    for (before, now) in pairs {
        if before.is_none()
            && let Some(told_by) = now.and_then(&told_by)
            && let Some(at) = places.get_mut(&told_by).and_then(VecDeque::pop_front)
        {
            *before = left.get_mut(at).and_then(Option::take);
        }
    }
}

/// What a payment is whatever it is called.
fn money(payment: &Payment) -> (Direction, Decimal, &str, Option<DateTime<Utc>>) {
    let instant = payment.instant().map(|at| at.to_utc());
    (
        payment.direction,
        payment.amount,
        &payment.currency,
        instant,
    )
}

/// How much of what was told a reading would tell again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct History {
    /// Payments that would be told again.
    pub again: u64,
    /// Of so many that were told.
    pub of: u64,
}

impl History {
    /// Of rows that both files can read.
    #[must_use]
    pub fn of(before: &[Row], now: &[Row], known: &Known, since: DateTime<Utc>) -> Self {
        let mut history = Self::default();
        for (before, now) in pairs(before, now) {
            let payment = now.and_then(|row| row.payment.as_ref());
            let before = before.and_then(|row| row.payment.as_ref());
            let again = fate(before, payment, known, since) == Some(Fate::Again);
            history.count(payment, known, again);
        }
        history
    }

    /// Of rows that the file from before cannot read, as after a change of the portal itself. Up to `covered` everything that was
    /// to be told has been: if most of what stands there is not known, it is known under other ids.
    ///
    /// `is_aside`: rows that lay in quarantine and are new indeed.
    #[must_use]
    pub fn guessed(
        now: &[Row],
        is_aside: impl Fn(&Row) -> bool,
        known: &Known,
        since: DateTime<Utc>,
        covered: DateTime<Utc>,
    ) -> Self {
        let mut history = Self::default();
        for row in now.iter().filter(|row| !is_aside(row)) {
            let payment = row.payment.as_ref();
            let is_past = |payment: &Payment| {
                payment.instant().is_some_and(|at| at < covered)
                    && fate(None, Some(payment), known, since) == Some(Fate::New)
                    && !known.contains_key(&payment.id)
            };
            history.count(payment, known, payment.is_some_and(is_past));
        }
        if history.again * 2 <= history.of {
            // Rows that came late.
            history.again = 0;
        }
        history
    }

    fn count(&mut self, payment: Option<&Payment>, known: &Known, again: bool) {
        let was_told = payment.is_some_and(|payment| is_told(payment.id, known));
        self.again += u64::from(again);
        self.of += u64::from(again || was_told);
    }
}

impl std::ops::Add for History {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            again: self.again + other.again,
            of: self.of + other.of,
        }
    }
}

#[cfg(test)]
mod tests;
