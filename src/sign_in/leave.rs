//! How often a version of the credential may still be tried, and what an attempt leaves of that. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::session::{Next, Outcome};
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
                at_least.saturating_sub((now - since).to_std().unwrap_or_default())
            }
            (Leave::Free | Leave::OnceMore(_), _) => Duration::ZERO,
        }
    }
}

/// The breaker that an account goes by: its `own`, or what the portal said of the same credential to another account.
pub(super) fn strictest(own: Breaker, elsewhere: impl Iterator<Item = Breaker>) -> Breaker {
    let rank = |breaker: &Breaker| match breaker {
        Breaker::Open { .. } => 2,
        Breaker::Doubtful { .. } => 1,
        Breaker::Closed | Breaker::Missing => 0,
    };
    let others = elsewhere.filter(Breaker::is_of_portal_user);
    others.fold(own, |strictest, other| {
        if rank(&other) > rank(&strictest) {
            other
        } else {
            strictest
        }
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_pause_after_an_unknown_answer_is_counted_from_that_answer() {
        let since = DateTime::UNIX_EPOCH;
        let after = |seconds| Leave::OnceMore(since).pause(since + TimeDelta::seconds(seconds));
        assert_eq!(after(0), Duration::from_secs(120));
        assert_eq!(after(100), Duration::from_secs(20));
        assert_eq!(after(120), Duration::ZERO);
        assert_eq!(Leave::Free.pause(since), Duration::ZERO);
    }

    #[test]
    fn what_the_portal_would_say_to_any_account_counts_for_all() {
        let credential = CredentialFingerprint([7; 4]);
        let since = DateTime::UNIX_EPOCH;
        let open = |outcome: Outcome| Breaker::Open {
            credential,
            outcome: outcome.as_str().to_owned(),
            since,
        };
        let doubt = Breaker::Doubtful { credential, since };
        let (wrong, captcha) = (open(Outcome::WrongPassword), open(Outcome::CaptchaRequired));
        let of = |own: &Breaker, others: &[&Breaker]| {
            strictest(own.clone(), others.iter().map(|other| (*other).clone()))
        };
        assert_eq!(of(&Breaker::Closed, &[&captcha]), Breaker::Closed);
        assert_eq!(of(&Breaker::Closed, &[&captcha, &doubt]), doubt);
        assert_eq!(of(&doubt, &[&doubt, &wrong]), wrong);
        assert_eq!(of(&captcha, &[&wrong]), captcha);
    }
}
