//! How often a version of the credential may still be tried, and what an attempt leaves of that. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::session::{Next, Outcome};
use crate::status::Halt;
use crate::store::{Breaker, CredentialFingerprint};

/// How often a version of the credential may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    Free,
    /// Its last attempt, at this instant, had no outcome that is known: one more, then a person is asked.
    OnceMore(DateTime<Utc>),
}

impl Leave {
    /// The breaker that gives this leave.
    pub(super) fn breaker(self, credential: CredentialFingerprint) -> Breaker {
        match self {
            Leave::Free => Breaker::Closed,
            Leave::OnceMore(since) => Breaker::Doubtful { credential, since },
        }
    }

    /// The breaker after an attempt at `now` whose outcome is not known.
    pub(super) fn used_up(self, credential: CredentialFingerprint, now: DateTime<Utc>) -> Breaker {
        match self {
            Leave::Free => Leave::OnceMore(now).breaker(credential),
            Leave::OnceMore(_) => Breaker::Open {
                credential,
                outcome: Outcome::Unknown.as_str().to_owned(),
                since: now,
            },
        }
    }

    /// What is left of the pause after an attempt whose outcome is not known, also where the agent was started anew in it.
    pub(super) fn pause(self, now: DateTime<Utc>) -> Duration {
        match (self, Outcome::Unknown.consequence().next) {
            (Leave::OnceMore(since), Next::RetryOnceThenStop { at_least }) => {
                // Of a clock that was put back nothing is known but that the pause is no longer than all of it.
                at_least.saturating_sub((now - since).to_std().unwrap_or_default())
            }
            (Leave::Free | Leave::OnceMore(_), _) => Duration::ZERO,
        }
    }
}

/// The breaker that an account goes by: its `own`, or what the portal said of the same credential to another account.
pub(super) fn strictest(own: Breaker, elsewhere: Vec<Breaker>) -> Breaker {
    let rank = |breaker: &Breaker| match breaker {
        Breaker::Open { .. } => 2,
        Breaker::Doubtful { .. } => 1,
        Breaker::Closed | Breaker::Missing => 0,
    };
    let others = elsewhere.into_iter().filter(is_of_credential);
    others.fold(own, |strictest, other| {
        if rank(&other) > rank(&strictest) {
            other
        } else {
            strictest
        }
    })
}

/// Would the portal say it to every account of the portal user? A captcha or a missing right may be one account's alone.
fn is_of_credential(breaker: &Breaker) -> bool {
    match breaker {
        Breaker::Open { outcome, .. } => matches!(
            Halt::from_word(outcome),
            Halt::Outcome(
                Outcome::WrongPassword
                    | Outcome::PasswordExpired
                    | Outcome::Locked
                    | Outcome::Dormant
                    | Outcome::Unknown
            )
        ),
        Breaker::Doubtful { .. } => true,
        Breaker::Closed | Breaker::Missing => false,
    }
}
