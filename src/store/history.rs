//! What file sinks prove to have been told: the memory that survives the loss of the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use crate::announce::{FactTexts, Facts, LastTold, Seen};
use crate::event::{Epoch, EventType, Told, ToldPayment};
use crate::payment::PaymentId;

/// What one file sink holds.
#[derive(Debug, Default)]
pub struct History {
    payments: HashMap<PaymentId, Seen>,
    /// Event ids of holes told.
    gaps: BTreeSet<String>,
    sources: BTreeMap<String, SourceHistory>,
    epochs: BTreeSet<u16>,
}

/// What it holds of one account.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct SourceHistory {
    /// Earliest completion told.
    pub(super) earliest: Option<DateTime<Utc>>,
    /// Latest `until` of a watermark.
    pub(super) watermark: Option<DateTime<Utc>>,
}

impl History {
    /// Adds one line of the sink, in any order.
    pub fn add(&mut self, told: Told) {
        self.epochs.insert(told.cursor.epoch.0);
        let source = self.sources.entry(told.source).or_default();
        source.watermark = source.watermark.max(told.until);
        if let Some(completion) = told.payment.as_ref().and_then(|payment| payment.completion) {
            source.earliest = Some(source.earliest.map_or(completion, |at| at.min(completion)));
        }
        match (told.event_type, told.payment) {
            (EventType::Received | EventType::Updated | EventType::Reversed, Some(payment)) => {
                self.add_payment(&payment);
            }
            (EventType::Gap, _) => {
                self.gaps.insert(told.id);
            }
            (EventType::Watermark, _)
            | (EventType::Received | EventType::Updated | EventType::Reversed, None) => {}
        }
    }

    fn add_payment(&mut self, payment: &ToldPayment) {
        let told = LastTold {
            revision: payment.revision,
            status: payment.status,
            facts: Facts::from_texts(FactTexts {
                status: payment.status,
                amount: &payment.amount,
                currency: &payment.currency,
                completion: payment.completion,
                customer_reference: payment.customer_reference.as_deref(),
            }),
        };
        let seen = Seen {
            status: payment.status,
            first_seen: payment.first_seen,
            told: Some(told),
        };
        self.payments
            .entry(payment.id)
            .and_modify(|known| *known = later(*known, seen))
            .or_insert(seen);
    }

    /// Payments told.
    #[must_use]
    pub fn payments(&self) -> usize {
        self.payments.len()
    }

    /// What every one of `histories` holds, and whether they hold the same payments.
    ///
    /// With several file sinks only what all of them hold counts as told: one that lagged must still get the rest.
    pub(super) fn common(mut histories: Vec<History>) -> (History, bool) {
        let Some(mut common) = histories.pop() else {
            return (History::default(), true);
        };
        let mut same = true;
        for other in histories {
            same &= other.payments == common.payments;
            common.payments.retain(|id, seen| {
                let Some(there) = other.payments.get(id) else {
                    return false;
                };
                *seen = if later(*seen, *there) == *seen {
                    *there
                } else {
                    *seen
                };
                true
            });
            common.gaps.retain(|gap| other.gaps.contains(gap));
            common.epochs.extend(other.epochs);
            for (source, of_it) in &mut common.sources {
                if !other.sources.contains_key(source) {
                    of_it.watermark = None;
                }
            }
            for (source, there) in other.sources {
                let source = common.sources.entry(source).or_default();
                source.earliest = [source.earliest, there.earliest]
                    .into_iter()
                    .flatten()
                    .min();
                source.watermark = source.watermark.min(there.watermark);
            }
        }
        (common, same)
    }

    pub(super) fn seen(&self) -> impl Iterator<Item = (PaymentId, Seen)> + '_ {
        self.payments.iter().map(|(id, seen)| (*id, *seen))
    }

    pub(super) fn gaps(&self) -> impl Iterator<Item = &String> {
        self.gaps.iter()
    }

    pub(super) fn source(&self, source: &str) -> SourceHistory {
        self.sources.get(source).copied().unwrap_or_default()
    }

    pub(super) fn epochs(&self) -> impl Iterator<Item = Epoch> + '_ {
        self.epochs.iter().copied().map(Epoch)
    }
}

/// Of two records of one payment the one told later; a told one before one that was not.
pub(super) fn later(a: Seen, b: Seen) -> Seen {
    let revision = |seen: Seen| seen.told.map(|told| told.revision);
    if revision(b) > revision(a) { b } else { a }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn a_sink_that_knows_nothing_of_an_account_has_not_its_watermark_in_any_order() {
        let at: DateTime<Utc> = "2026-11-21T10:00:00Z".parse().unwrap();
        let of_it = SourceHistory {
            earliest: Some(at),
            watermark: Some(at),
        };
        let full = || History {
            sources: BTreeMap::from([("kilima".to_owned(), of_it)]),
            ..History::default()
        };
        for histories in [
            vec![full(), History::default()],
            vec![History::default(), full()],
        ] {
            let (common, _) = History::common(histories);
            let expected = SourceHistory {
                watermark: None,
                ..of_it
            };
            assert_eq!(common.source("kilima"), expected);
        }
    }
}
