//! One sign-in: breaker, budget, form, ledger, click, verdict, in this order.
//!
//! Everything that can be asked without spending an attempt is asked first. The attempt is on disk before the
//! click, and what becomes of it decides whether there will be another.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::extract::ExtractError;
use crate::login::budget::{Verdict, Why};
use crate::login::credentials::{self, CredentialError, Sources};
use crate::login::gate::{Gate, Refused};
use crate::login::ledger::Expectation;
use crate::payment::AccountName;
use crate::portal::{Credential, Page, Portal, PortalError};
use crate::selectors;
use crate::session::{Next, Outcome};
use crate::status::Halt;
use crate::store::{Breaker, CredentialFingerprint, Store, StoreError};
use crate::understand::{self, Session};

/// How a try to sign in ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// Signed in; an attempt was spent unless the session was still there.
    In,
    /// The budget allows no attempt before this time has passed.
    Wait {
        /// How long.
        wait: Duration,
        /// What is waited for.
        why: Why,
    },
    /// The portal did not let us in; not before this time has passed again.
    Later {
        /// What it said.
        outcome: Outcome,
        /// How long.
        wait: Duration,
    },
    /// Not without a person.
    Stopped(Halt),
}

/// A try that did not come to a verdict.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No secret.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The ledger could not be written: nothing was clicked.
    #[error(transparent)]
    Gate(#[from] Refused),
    /// No page.
    #[error(transparent)]
    Portal(#[from] PortalError),
    /// A page over the limits.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The page at `sign_in.path` bears none of the marks.
    #[error(
        "the sign-in page bears neither the signed-out nor the signed-in mark: the portal is down or changed; compare `sign_in.path` and `[marks]`"
    )]
    StrangePage,
}

/// What a sign-in needs to know of the account.
pub struct Attempt<'a, P> {
    /// Who.
    pub account: &'a AccountName,
    /// Short code, till or wallet.
    pub number: &'a str,
    /// The portal user.
    pub user: &'a str,
    /// Where the secret may come from.
    pub sources: &'a Sources,
    /// The marks.
    pub selectors: &'a Arc<selectors::Portal>,
    /// Where.
    pub portal: &'a mut P,
    /// What is remembered.
    pub store: &'a Store,
    /// The budget.
    pub gate: &'a Gate,
    /// Names the ledger of this portal user.
    pub ledger: &'a str,
    /// When.
    pub clock: &'a Clock,
}

impl<P: Portal> Attempt<'_, P> {
    /// Signs in, once at the most. `unknown_before` says that the last attempt's outcome was unknown.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn make(self, unknown_before: bool) -> Result<SignIn, SignInError> {
        let credential = self.credential().await?;
        let version = credentials::fingerprint(&self.store.credential_salt().await?, &credential);
        if let Some(halt) = self.breaker(version).await? {
            return Ok(SignIn::Stopped(halt));
        }
        if let Verdict::Wait { wait, why } = self.gate.ask().await {
            return Ok(SignIn::Wait { wait, why });
        }
        let page = self.portal.visit_sign_in().await?;
        match session(self.selectors, page).await? {
            Session::SignedIn => return Ok(SignIn::In),
            Session::SignedOut => {}
            Session::Refused(outcome) => {
                return self.follow(outcome, version, unknown_before).await;
            }
            Session::Stranger => return Err(SignInError::StrangePage),
        }
        if let Err(refused) = self.spend().await? {
            return Ok(refused);
        }
        let outcome = match self.portal.submit(&credential).await {
            Ok(page) => match session(self.selectors, page).await? {
                Session::SignedIn => Outcome::SignedIn,
                Session::Refused(outcome) => outcome,
                Session::SignedOut | Session::Stranger => Outcome::Unknown,
            },
            Err(error) => {
                self.gate.note(Outcome::Unknown).await?;
                return Err(error.into());
            }
        };
        self.gate.note(outcome).await?;
        self.follow(outcome, version, unknown_before).await
    }

    async fn credential(&self) -> Result<Credential, SignInError> {
        let (password, _) = credentials::lookup(self.sources).await?;
        Ok(Credential {
            number: self.number.to_owned(),
            user: self.user.to_owned(),
            password,
        })
    }

    /// Why this version of the credential may not be used, if so. A changed one closes the breaker.
    async fn breaker(&self, version: CredentialFingerprint) -> Result<Option<Halt>, SignInError> {
        match self.store.breaker(self.account).await? {
            Breaker::Closed => Ok(None),
            Breaker::Missing => Ok(Some(Halt::BreakerLost)),
            Breaker::Open {
                credential,
                outcome,
                ..
            } if credential == version => Ok(Some(Halt::Outcome(
                Outcome::from_word(&outcome).unwrap_or(Outcome::Unknown),
            ))),
            Breaker::Open { .. } => {
                tracing::info!(
                    account = self.account.as_str(),
                    "the credential changed: signing in is allowed again"
                );
                self.store
                    .set_breaker(self.account, Breaker::Closed)
                    .await?;
                Ok(None)
            }
        }
    }

    /// Puts the attempt on disk. The budget is asked again: another account may share it.
    async fn spend(&self) -> Result<Result<(), SignIn>, SignInError> {
        let number = match self.gate.spend().await {
            Ok(number) => number,
            Err(Refused::Wait { wait, why }) => return Ok(Err(SignIn::Wait { wait, why })),
            Err(error) => return Err(error.into()),
        };
        self.store.set_ledger_mark(self.ledger, number).await?;
        let forecast = self.gate.forecast().await;
        tracing::info!(
            account = self.account.as_str(),
            attempt = number,
            used = forecast.used,
            cap = forecast.cap,
            "signing in"
        );
        Ok(Ok(()))
    }

    async fn follow(
        &self,
        outcome: Outcome,
        version: CredentialFingerprint,
        unknown_before: bool,
    ) -> Result<SignIn, SignInError> {
        match outcome.consequence().next {
            Next::GoOn => Ok(SignIn::In),
            Next::WaitAndRetry { at_least } => Ok(SignIn::Later {
                outcome,
                wait: at_least,
            }),
            Next::RetryOnceThenStop { at_least } if !unknown_before => Ok(SignIn::Later {
                outcome,
                wait: at_least,
            }),
            Next::RetryOnceThenStop { .. } | Next::AskPerson | Next::StopAccount => {
                let open = Breaker::Open {
                    credential: version,
                    outcome: outcome.as_str().to_owned(),
                    since: self.clock.now(),
                };
                self.store.set_breaker(self.account, open).await?;
                Ok(SignIn::Stopped(Halt::Outcome(outcome)))
            }
        }
    }
}

/// What the store says of the ledger `ledger` of `account`'s portal user.
///
/// # Errors
/// When the store fails.
pub async fn expected_ledger(
    store: &Store,
    account: &AccountName,
    ledger: &str,
) -> Result<Expectation, StoreError> {
    // Beside an account that was begun before lies a ledger, even where a rebuilt store has no mark of it.
    let begun = store.account(account).await?.map(|_| 0);
    let mark = store.ledger_mark(ledger).await?.or(begun);
    Ok(Expectation { mark })
}

async fn session(selectors: &Arc<selectors::Portal>, page: Page) -> Result<Session, ExtractError> {
    let selectors = selectors.clone();
    match tokio::task::spawn_blocking(move || understand::sign_in_page(&selectors, &page.html))
        .await
    {
        Ok(session) => session,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
