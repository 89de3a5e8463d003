//! May the credential be used now? By what the portal said of it, to this account and to others of the same portal user.

use super::leave::{Leave, strictest};
use super::{Attempt, SignIn, SignInError};
use crate::login::credentials;
use crate::portal::{Credential, Portal};
use crate::session::Outcome;
use crate::status::Halt;
use crate::store::{Breaker, CredentialFingerprint};

/// Whose unanswered sign-ins count. While another account signs in, its own is one until the answer is there.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Doubts {
    Own,
    /// Of all accounts of the portal user; where none of them signs in now.
    OfAll,
}

impl<P: Portal> Attempt<'_, P> {
    /// Which version of the credential it is.
    pub(super) async fn version(
        &self,
        credential: &Credential,
    ) -> Result<CredentialFingerprint, SignInError> {
        let salt = self.store.credential_salt().await?;
        Ok(credentials::fingerprint(&salt, self.ledger, credential))
    }

    /// The leave to try this version of the credential now, or why there is none.
    pub(super) async fn leave_now(
        &self,
        version: CredentialFingerprint,
        doubts: Doubts,
    ) -> Result<Result<Leave, SignIn>, SignInError> {
        let is_news = false;
        let leave = match self.leave(version, doubts).await? {
            Ok(leave) => leave,
            Err(halt) => return Ok(Err(SignIn::Stopped { halt, is_news })),
        };
        let wait = leave.pause(self.clock.now());
        if wait.is_zero() {
            return Ok(Ok(leave));
        }
        let (account, outcome) = (self.account.as_str(), Outcome::Unknown);
        tracing::warn!(
            account,
            wait_s = wait.as_secs(),
            "nobody knows what the portal said to the last sign-in: the next one waits"
        );
        Ok(Err(SignIn::Later { outcome, wait }))
    }

    /// How often this version of the credential may be tried, or why not at all. A changed one closes the breaker. What the
    /// portal said of it to another account of the same portal user counts, and is kept, as if it had been said to this one.
    pub(super) async fn leave(
        &self,
        version: CredentialFingerprint,
        doubts: Doubts,
    ) -> Result<Result<Leave, Halt>, SignInError> {
        let own = match self.store.breaker(self.account).await? {
            Breaker::Missing => return Ok(Err(Halt::BreakerLost)),
            Breaker::Closed => Breaker::Closed,
            breaker if breaker.credential() == Some(version) => breaker,
            Breaker::Doubtful { .. } | Breaker::Open { .. } => {
                tracing::info!(
                    account = self.account.as_str(),
                    "the credential changed: signing in is allowed again"
                );
                self.set_breaker(Breaker::Closed).await?;
                Breaker::Closed
            }
        };
        let elsewhere = self.store.breakers_elsewhere(self.account, version).await?;
        let counts = |breaker: &Breaker| doubts == Doubts::OfAll || !breaker.is_doubt();
        let mut breaker = strictest(own.clone(), elsewhere.into_iter().filter(counts));
        let now = self.clock.now();
        if let Breaker::Doubtful { since, .. } = &mut breaker {
            // Written while the clock was ahead: the pause is none longer for that.
            *since = now.min(*since);
        }
        if breaker != own {
            self.set_breaker(breaker.clone()).await?;
        }
        Ok(match breaker {
            Breaker::Closed | Breaker::Missing => Ok(Leave::Free),
            Breaker::Doubtful { since, .. } => Ok(Leave::OnceMore(since)),
            Breaker::Open { outcome, .. } => Err(Halt::from_word(&outcome)),
        })
    }
}
