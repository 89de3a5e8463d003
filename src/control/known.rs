//! What the store knows of payments, on its way over the socket.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::announce::{Facts, LastTold, Seen};
use crate::difference::Known;
use crate::payment::{AccountName, NotAPaymentId, PaymentId, Status};
use crate::store::{Store, StoreError};

/// What is known of some payments of an account. Instants are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownPayments {
    /// Completions from here on are told.
    since: DateTime<Utc>,
    /// Those that are known.
    payments: Vec<KnownPayment>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownPayment {
    id: String,
    status: String,
    first_seen: DateTime<Utc>,
    told: Option<Told>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    revision: u32,
    status: String,
    facts: [u8; 16],
}

/// The store was not asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKnown {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Id(#[from] NotAPaymentId),
    #[error("{0} was never started")]
    NeverStarted(AccountName),
}

impl KnownPayments {
    pub(super) async fn of(
        store: &Store,
        account: &AccountName,
        ids: &[String],
    ) -> Result<Self, NotKnown> {
        let ids: Result<Vec<PaymentId>, _> = ids.iter().map(|id| id.parse()).collect();
        let Some(state) = store.account(account).await? else {
            return Err(NotKnown::NeverStarted(account.clone()));
        };
        let known = store.known(ids?).await?;
        let payments = known.iter().map(|(id, seen)| KnownPayment {
            id: id.to_string(),
            status: seen.status.as_str().to_owned(),
            first_seen: seen.first_seen,
            told: seen.told.map(|told| Told {
                revision: told.revision,
                status: told.status.as_str().to_owned(),
                facts: told.facts.0,
            }),
        });
        Ok(Self {
            since: state.since,
            payments: payments.collect(),
        })
    }

    /// By id, and since when is told; `None` where another version wrote it.
    #[must_use]
    pub fn read(&self) -> Option<(Known, DateTime<Utc>)> {
        let known = self.payments.iter().map(|payment| {
            let told = match &payment.told {
                None => None,
                Some(told) => Some(LastTold {
                    revision: told.revision,
                    status: status(&told.status)?,
                    facts: Facts(told.facts),
                }),
            };
            let seen = Seen {
                status: status(&payment.status)?,
                first_seen: payment.first_seen,
                told,
            };
            Some((payment.id.parse().ok()?, seen))
        });
        Some((known.collect::<Option<Known>>()?, self.since))
    }
}

fn status(word: &str) -> Option<Status> {
    let mut all = Status::ALL.into_iter();
    all.find(|status| status.as_str() == word)
}
