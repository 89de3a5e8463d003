//! What a failed turn asks for: what is tried again, and whether a person must act.

use crate::portal::PortalError;
use crate::reading::ReadError;
use crate::retry::{self, Retried};
use crate::sign_in::SignInError;
use crate::store::StoreError;

/// A turn failed; the account tries again later.
#[derive(Debug, thiserror::Error)]
pub(super) enum TurnError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    SignIn(#[from] SignInError),
    #[error(transparent)]
    Portal(#[from] PortalError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to try again, and whether a person must act for it to succeed.
pub(super) fn judge(error: &TurnError) -> (Retried, bool) {
    let portal = |error| match retry::portal_verdict(error) {
        retry::Verdict::Wait(what) => (what, false),
        retry::Verdict::Tell(what) => (what, true),
        retry::Verdict::Stop => (Retried::Markup, true),
    };
    match error {
        TurnError::Portal(error)
        | TurnError::Read(ReadError::Portal(error))
        | TurnError::SignIn(SignInError::Portal(error)) => portal(error),
        TurnError::Read(ReadError::Extract(_)) | TurnError::SignIn(SignInError::Extract(_)) => {
            (Retried::Markup, true)
        }
        TurnError::Read(
            ReadError::Session(_) | ReadError::EmptyAgain | ReadError::Moving | ReadError::Stopped,
        )
        | TurnError::SignIn(SignInError::StrangePage) => (Retried::Portal, false),
        TurnError::SignIn(SignInError::Credential(_)) => (Retried::Markup, true),
        TurnError::Store(_)
        | TurnError::Read(ReadError::Store(_))
        | TurnError::SignIn(SignInError::Store(_) | SignInError::Gate(_)) => {
            (Retried::Browser, true)
        }
    }
}
