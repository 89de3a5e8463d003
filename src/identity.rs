//! The idempotency key of a payment. Pure.
//!
//! - An id is (operator account, direction, reference, row kind), hashed. Without a reference it is the hash of the
//!   fields that the selector file names, plus an ordinal among identical twins.
//! - Ids are for ever: the encodings below and the words in them ([`Direction::as_str`], [`RowKind::as_str`],
//!   [`Field::as_str`]) never change. A golden test holds them.
//! - Status, masked payer, the text of an amount and the version of the selector file are not part of it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::normalize::Normalized;
use crate::payment::{Direction, OperatorAccount, PaymentId, RowKind};
use crate::selectors::{Field, Order};

/// What payments without a reference are told apart by: equal for twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 16]);

/// SHA-256 over parts, each after its length as 8 bytes big-endian: no two lists of parts are one text.
struct Hash(Sha256);

impl Hash {
    fn of(
        recipe: &str,
        account: &OperatorAccount,
        direction: Direction,
        kind: Option<RowKind>,
    ) -> Self {
        Self(Sha256::new())
            .part(recipe)
            .part(&account.operator)
            .part(&account.number)
            .part(direction.as_str())
            .part(kind.map_or("", RowKind::as_str))
    }

    fn part(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    /// The first 128 bits.
    fn finish(self) -> [u8; 16] {
        let mut first = [0; 16];
        first
            .iter_mut()
            .zip(self.0.finalize())
            .for_each(|(to, from)| *to = from);
        first
    }
}

/// The id of a payment that has a reference. The reference is compared without surrounding white space and
/// without the case of ASCII letters.
#[must_use]
pub fn id(
    account: &OperatorAccount,
    direction: Direction,
    reference: &str,
    kind: Option<RowKind>,
) -> PaymentId {
    let reference = reference.trim().to_ascii_uppercase();
    PaymentId(
        Hash::of("tillwatch/reference/1", account, direction, kind)
            .part(reference)
            .finish(),
    )
}

/// The id of the payment that a reversal takes back: an ordinary one, the other way.
#[must_use]
pub fn original_id(
    account: &OperatorAccount,
    reversal: Direction,
    original_reference: &str,
) -> PaymentId {
    let direction = match reversal {
        Direction::Credit => Direction::Debit,
        Direction::Debit => Direction::Credit,
    };
    id(account, direction, original_reference, None)
}

/// The fingerprint of a payment without a reference: `values` are the normalised values of the fields that the file
/// names, `None` where the row has none. Their order does not matter.
#[must_use]
pub fn fingerprint(
    account: &OperatorAccount,
    direction: Direction,
    kind: Option<RowKind>,
    values: &BTreeMap<Field, Option<String>>,
) -> Fingerprint {
    let mut named: Vec<_> = values
        .iter()
        .map(|(field, value)| (field.as_str(), value))
        .collect();
    named.sort();
    let hash = Hash::of("tillwatch/fingerprint/1", account, direction, kind);
    let hash = named.into_iter().fold(hash, |hash, (field, value)| {
        let hash = hash.part(field);
        match value {
            Some(value) => hash.part("1").part(value),
            None => hash.part("0"),
        }
    });
    Fingerprint(hash.finish())
}

/// The id of the twin number `ordinal`, counted from 0, oldest first.
#[must_use]
pub fn twin_id(fingerprint: Fingerprint, ordinal: u64) -> PaymentId {
    let hash = Hash(Sha256::new())
        .part("tillwatch/twin/1")
        .part(fingerprint.0)
        .part(ordinal.to_be_bytes());
    PaymentId(hash.finish())
}

/// Gives the rows of one reading their ids for good.
///
/// `rows` are all rows of the reading, page after page, in the portal's `order`, each row once. A row with a reference
/// has its id already. Rows without one are numbered among their twins, oldest first: with `n` twins known from
/// before (the ordinals 0 to n-1 that `known` says yes to), fewer than `n` visible ones are the newest of them, since
/// it is the oldest rows that leave a portal's pages; otherwise the visible ones begin at ordinal 0 and what exceeds
/// `n` is new. So a twin keeps its ordinal whichever window of the table is read.
///
/// `known` is asked for each ordinal until it says no, once per group of twins.
///
/// # Errors
/// The first error of `known`; then the ids are not to be used.
pub fn assign<E>(
    rows: &mut [Normalized],
    order: Order,
    mut known: impl FnMut(PaymentId) -> Result<bool, E>,
) -> Result<(), E> {
    let mut twins: BTreeMap<Fingerprint, Vec<&mut Normalized>> = BTreeMap::new();
    for row in rows {
        if let Some(fingerprint) = row.fingerprint {
            twins.entry(fingerprint).or_default().push(row);
        }
    }
    for (fingerprint, mut visible) in twins {
        match order {
            Order::OldestFirst => {}
            Order::NewestFirst => visible.reverse(),
        }
        let mut recorded = 0;
        while known(twin_id(fingerprint, recorded))? {
            recorded += 1;
        }
        let first = recorded.saturating_sub(visible.len() as u64);
        for (ordinal, row) in (first..).zip(visible) {
            row.payment.id = twin_id(fingerprint, ordinal);
        }
    }
    Ok(())
}

/// May a row of `pages` (fingerprints page after page, as displayed) stand there twice? So it is when rows were put in
/// above while the pages were read: a page then begins with what the page before ended with. Twins across the end of
/// a page look the same.
#[must_use]
pub fn may_repeat(pages: &[Vec<Fingerprint>]) -> bool {
    pages.windows(2).any(|pair| match pair {
        [page, next] => (1..=page.len().min(next.len()))
            .any(|moved| page.ends_with(next.get(..moved).unwrap_or_default())),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
