//! How often a version of the credential may still be tried, and what an attempt leaves of that. Pure.

use chrono::{DateTime, Utc};

use crate::session::Outcome;
use crate::store::{Breaker, CredentialFingerprint};

/// How often a version of the credential may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    Free,
    /// Its last attempt had no outcome that is known: one more, then a person is asked.
    OnceMore,
}

impl Leave {
    /// The breaker that gives this leave.
    pub(super) fn breaker(
        self,
        credential: CredentialFingerprint,
        since: DateTime<Utc>,
    ) -> Breaker {
        match self {
            Leave::Free => Breaker::Closed,
            Leave::OnceMore => Breaker::Doubtful { credential, since },
        }
    }

    /// The breaker after an attempt whose outcome is not known.
    pub(super) fn used_up(
        self,
        credential: CredentialFingerprint,
        since: DateTime<Utc>,
    ) -> Breaker {
        match self {
            Leave::Free => Leave::OnceMore.breaker(credential, since),
            Leave::OnceMore => Breaker::Open {
                credential,
                outcome: Outcome::Unknown.as_str().to_owned(),
                since,
            },
        }
    }
}
