//! What a failed turn asks for: what is tried again, and whether a person must act.

use crate::portal::PortalError;
use crate::reading::ReadError;
use crate::retry::{self, Retried};
use crate::sign_in::SignInError;
use crate::store::StoreError;
use crate::understand::Session;

/// A turn failed.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// While reading.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// While signing in.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// While opening the browser.
    #[error(transparent)]
    Portal(#[from] PortalError),
    /// In between.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TurnError {
    /// What the portal edge said, wherever it was met.
    #[must_use]
    pub fn of_portal(&self) -> Option<&PortalError> {
        match self {
            TurnError::Portal(error)
            | TurnError::Read(ReadError::Portal(error))
            | TurnError::SignIn(SignInError::Portal(error)) => Some(error),
            TurnError::Read(_) | TurnError::SignIn(_) | TurnError::Store(_) => None,
        }
    }

    /// The store takes nothing more before a restart; everything else is tried again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            TurnError::Store(error)
            | TurnError::Read(ReadError::Store(error))
            | TurnError::SignIn(SignInError::Store(error)) => error.is_final(),
            TurnError::Read(_) | TurnError::SignIn(_) | TurnError::Portal(_) => false,
        }
    }
}

/// A failure that has lasted this many tries is told to a person, whatever it is.
pub(super) const LASTING: u32 = 10;
/// An announcement that nobody has seen before comes for good, and what a portal stumbles over is gone the next time.
const STRANGE: u32 = 2;

/// What to try again, and after how many failures in a row a person is told.
pub(super) fn judge(error: &TurnError) -> (Retried, u32) {
    let portal = |error| match retry::portal_verdict(error) {
        retry::Verdict::Wait(what) => (what, LASTING),
        retry::Verdict::Tell(what) => (what, 1),
        retry::Verdict::Stop => (Retried::Markup, 1),
    };
    match error {
        TurnError::Portal(error)
        | TurnError::Read(ReadError::Portal(error))
        | TurnError::SignIn(SignInError::Portal(error)) => portal(error),
        TurnError::Read(ReadError::Extract(_)) | TurnError::SignIn(SignInError::Extract(_)) => {
            (Retried::Markup, 1)
        }
        TurnError::Read(ReadError::Session(Session::Stranger))
        | TurnError::SignIn(SignInError::StrangePage) => (Retried::Portal, STRANGE),
        TurnError::Read(
            ReadError::Session(_)
            | ReadError::EmptyAgain
            | ReadError::Moving
            | ReadError::HistoryAgain { .. }
            | ReadError::Stopped,
        )
        | TurnError::SignIn(SignInError::Stopping) => (Retried::Portal, LASTING),
        TurnError::SignIn(SignInError::Credential(_) | SignInError::Code(_)) => {
            (Retried::Markup, 1)
        }
        TurnError::Store(_)
        | TurnError::Read(ReadError::Store(_))
        | TurnError::SignIn(SignInError::Store(_) | SignInError::Gate(_)) => (Retried::Browser, 1),
    }
}
