//! Kinds of trouble: their words, how long each is waited for. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::status::State;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The account does not run: its files are wrong, or its ledger cannot be opened.
    Broken,
    /// Its selector file was changed and is not taken.
    SelectorFile,
    /// The breaker: no sign-in until a person acts.
    Stopped,
    /// A one-time code is waited for.
    Code,
    /// It fails, and a person must act, or it has failed for long.
    Failing,
    /// It was not read for long.
    NotRead,
    /// The sinks do not take what is there.
    OutboxFull,
    /// The portal says that the password expires soon.
    PasswordExpires,
    /// The portal's pages are built in another way.
    Drift,
    /// Rows that are not understood.
    Quarantine,
    /// Holes in the history.
    Gaps,
    /// Older history cannot be read.
    History,
    /// A sink takes no events.
    SinkDead,
    /// The disk is nearly full.
    Disk,
}

impl Kind {
    /// What follows from what the account is doing.
    pub(super) const OF_STATE: &[Kind] = &[
        Kind::Stopped,
        Kind::Code,
        Kind::Failing,
        Kind::NotRead,
        Kind::OutboxFull,
    ];

    /// The word in notices.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Broken => "broken",
            Kind::SelectorFile => "selector-file",
            Kind::Stopped => "stopped",
            Kind::Code => "code",
            Kind::Failing => "failing",
            Kind::NotRead => "not-read",
            Kind::OutboxFull => "outbox-full",
            Kind::PasswordExpires => "password-expires",
            Kind::Drift => "drift",
            Kind::Quarantine => "quarantine",
            Kind::Gaps => "gaps",
            Kind::History => "history",
            Kind::SinkDead => "sink-dead",
            Kind::Disk => "disk",
        }
    }

    /// How long it must last before it is told.
    pub(super) fn patience(self) -> Duration {
        match self {
            Kind::SinkDead => Duration::from_secs(30),
            Kind::Broken
            | Kind::SelectorFile
            | Kind::Stopped
            | Kind::Code
            | Kind::Failing
            | Kind::NotRead
            | Kind::OutboxFull
            | Kind::PasswordExpires
            | Kind::Drift
            | Kind::Quarantine
            | Kind::Gaps
            | Kind::History
            | Kind::Disk => Duration::ZERO,
        }
    }

    /// Of what an account in this state says nothing, so that it is not over when it is not there.
    ///
    /// Only a reading, or a person who pauses the account, ends what kept it from being read: after a restart the portal may
    /// fail before the account meets its breaker.
    pub(super) fn left_open(state: &State) -> &'static [Kind] {
        match state {
            State::Starting
            | State::SigningIn
            | State::Quiet
            | State::Unattended { .. }
            | State::WaitsForLogin { .. } => Self::OF_STATE,
            State::Failing { .. }
            | State::Yields
            | State::OutboxFull
            | State::Refused { .. }
            | State::WaitsForCode { .. } => &[Kind::Stopped, Kind::Failing, Kind::NotRead],
            State::Stopped(_) => &[Kind::Failing, Kind::NotRead],
            State::SignedIn | State::Paused => &[],
        }
    }
}
