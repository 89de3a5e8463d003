//! What is remembered of an account besides its payments.

use chrono::{DateTime, Utc};

use crate::event::Gap;
use crate::past::Unread;
use crate::session::Outcome;

/// An account's durable state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountState {
    /// Completions from here on are told.
    pub since: DateTime<Utc>,
    /// `until` of the watermark told last.
    pub watermark: Option<DateTime<Utc>>,
    /// Instant of that telling.
    pub watermark_told_at: Option<DateTime<Utc>>,
    /// After a rebuild without a file sink: what is told until the first complete reading carries `replayed`.
    pub replaying: bool,
    /// The last reading that was complete down to the one before, `unread` apart.
    pub read_through: Option<DateTime<Utc>>,
    /// Older history that is still to be read.
    pub unread: Option<Unread>,
    /// Handed to a person: no sign-in, no reading.
    pub paused: bool,
    /// Holes told and not filled.
    pub gaps: Vec<Gap>,
}

impl AccountState {
    /// Of an account that begins now.
    #[must_use]
    pub fn begun(since: DateTime<Utc>) -> Self {
        Self {
            since,
            watermark: None,
            watermark_told_at: None,
            replaying: false,
            read_through: None,
            unread: None,
            paused: false,
            gaps: Vec::new(),
        }
    }
}

/// Salted digest of a credential's version: says "changed" without saying what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialFingerprint(pub [u8; 4]);

/// May this account's credential be used?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Breaker {
    /// Yes.
    Closed,
    /// Not this version of it.
    Open {
        /// The version that was refused.
        credential: CredentialFingerprint,
        /// The portal's verdict: the outcome's word, or that of a session which it did not take.
        outcome: String,
        /// When.
        since: DateTime<Utc>,
    },
    /// Yes, once more: the last attempt with this version had no outcome that is known.
    Doubtful {
        /// The version that was tried.
        credential: CredentialFingerprint,
        /// When.
        since: DateTime<Utc>,
    },
    /// The record was lost with the store: stopped until a person resumes the account.
    Missing,
}

impl Breaker {
    /// The version that it is about.
    #[must_use]
    pub fn credential(&self) -> Option<CredentialFingerprint> {
        match self {
            Breaker::Open { credential, .. } | Breaker::Doubtful { credential, .. } => {
                Some(*credential)
            }
            Breaker::Closed | Breaker::Missing => None,
        }
    }

    /// Does it come of an answer that nobody knows?
    #[must_use]
    pub fn is_doubt(&self) -> bool {
        match self {
            Breaker::Doubtful { .. } => true,
            Breaker::Open { outcome, .. } => outcome == Outcome::Unknown.as_str(),
            Breaker::Closed | Breaker::Missing => false,
        }
    }

    /// Would the portal say it to every account of the portal user? A captcha, a code or a missing right may be one
    /// account's alone.
    #[must_use]
    pub fn is_of_portal_user(&self) -> bool {
        const VERDICTS: [Outcome; 4] = [
            Outcome::WrongPassword,
            Outcome::PasswordExpired,
            Outcome::Locked,
            Outcome::Dormant,
        ];
        let is_verdict = |word: &String| VERDICTS.iter().any(|verdict| verdict.as_str() == word);
        match self {
            Breaker::Open { outcome, .. } => is_verdict(outcome) || self.is_doubt(),
            Breaker::Doubtful { .. } => true,
            Breaker::Closed | Breaker::Missing => false,
        }
    }
}
