//! One sign-in: breaker, budget, form, ledger, click, one-time code where one is asked for, verdict, in this order.
//!
//! Everything that can be asked without spending an attempt is asked first. The attempt is on disk before the
//! click, and what becomes of it decides whether there will be another.

mod allowed;
mod leave;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use allowed::Doubts;
use leave::Leave;

use crate::agent::Seat;
use crate::attended::Attended;
use crate::clock::Clock;
use crate::extract::{self, ExtractError};
use crate::login::budget::{Verdict, Why};
use crate::login::code::Ticket;
use crate::login::credentials::{self, CredentialError, Sources};
use crate::login::gate::{Gate, Refused, Turn};
use crate::login::ledger::Expectation;
use crate::one_time_code::{CodeError, Codes};
use crate::payment::AccountName;
use crate::portal::{Credential, Page, Portal, PortalError};
use crate::selectors;
use crate::session::{Next, Outcome};
use crate::status::{Halt, State};
use crate::store::{Breaker, CredentialFingerprint, Store, StoreError};
use crate::understand::{self, Session};

/// After so long is looked again whether another account of the portal user is through with its sign-in.
pub const OTHERS_TURN: Duration = Duration::from_secs(5);

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
    /// It needs a person, and none is at hand: nothing was asked of the portal.
    Unattended {
        /// How long.
        wait: Duration,
        /// The next opening.
        until: DateTime<Utc>,
    },
    /// The portal did not let us in; not before this time has passed again.
    Later {
        /// What it said.
        outcome: Outcome,
        /// How long.
        wait: Duration,
    },
    /// Not without a person.
    Stopped {
        /// Why.
        halt: Halt,
        /// The portal said so just now; else it is known from before, and nothing was asked.
        is_news: bool,
    },
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
    /// The one-time code's seed is missing or wrong, which is seen before anything is clicked.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The agent is stopping while a code is waited for: the attempt is spent, its outcome unknown.
    #[error("the agent is stopping")]
    Stopping,
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
        "the sign-in page bears neither the signed-out nor the signed-in mark: the portal is down or changed; compare `sign_in.path` and `[marks]` with the newest file in `browser/<account>/unknown-pages` of `state_dir`"
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
    /// Where its one-time codes come from.
    pub codes: &'a mut Codes,
    /// Hours in which a person is at hand, where one is needed.
    pub attended: Option<&'a Attended>,
    /// Where it is said that a code is waited for.
    pub seat: &'a Seat,
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
    /// Why the account is stopped, if it is. Asks neither browser nor portal.
    ///
    /// # Errors
    /// When there is no secret or the store fails.
    pub async fn halted(&self) -> Result<Option<Halt>, SignInError> {
        let credential = self.credential().await?;
        let version = self.version(&credential).await?;
        Ok(self.leave(version, Doubts::Own).await?.err())
    }

    /// Signs in, once at the most.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn make(mut self) -> Result<SignIn, SignInError> {
        let credential = self.credential().await?;
        let version = self.version(&credential).await?;
        let leave = match self.leave_now(version, Doubts::Own).await? {
            Ok(leave) => leave,
            Err(not_now) => return Ok(not_now),
        };
        let now = self.clock.now();
        let closed = self
            .attended
            .and_then(|hours| hours.closed_for(now, self.selectors.zone));
        if let Some(wait) = closed {
            let until = now + TimeDelta::from_std(wait).unwrap_or_default();
            return Ok(SignIn::Unattended { wait, until });
        }
        if let Verdict::Wait { wait, why } = self.gate.ask().await {
            return Ok(SignIn::Wait { wait, why });
        }
        self.codes.check().await?;
        let page = match self.portal.visit_sign_in().await {
            Err(PortalError::CertificateRequired) => {
                return self
                    .follow(Outcome::CertificateRequired, version, leave)
                    .await;
            }
            page => page?,
        };
        let busy = page.busy();
        match session(self.selectors, page).await? {
            Session::SignedIn => return Ok(SignIn::In),
            Session::SignedOut => {}
            Session::Refused(outcome) => {
                return self.follow(outcome, version, leave).await;
            }
            Session::Stranger => {
                return Err(busy.map_or(SignInError::StrangePage, SignInError::Portal));
            }
        }
        // Two accounts of one portal user must not try at once what the portal may be about to refuse.
        let Some(mut turn) = self.gate.turn() else {
            let (wait, why) = (OTHERS_TURN, Why::Turn);
            return Ok(SignIn::Wait { wait, why });
        };
        let leave = match self.leave_now(version, Doubts::OfAll).await? {
            Ok(leave) => leave,
            Err(not_now) => return Ok(not_now),
        };
        if let Err(refused) = self.spend().await? {
            return Ok(refused);
        }
        // Whoever dies between the click and its answer does not know what the portal said: the next start must not click
        // as if nothing had been.
        self.set_breaker(leave.used_up(version, self.clock.now()))
            .await?;
        let outcome = match self.click(&credential, &mut turn).await {
            Ok(outcome) => outcome,
            Err(no_verdict) => {
                self.leave_behind(leave.breaker(version)).await?;
                return Err(no_verdict);
            }
        };
        // What the portal said counts even where the ledger cannot take it: the attempt itself is on disk.
        if let Err(error) = self.gate.note(outcome).await {
            tracing::warn!(account = self.account.as_str(), "{error}");
        }
        self.follow(outcome, version, leave).await
    }

    /// What the portal says to the credential, and to the one-time code where it asks for one.
    ///
    /// # Errors
    /// When the credential was not sent, or was taken and the agent stops while it waits for a code.
    async fn click(
        &mut self,
        credential: &Credential,
        turn: &mut Turn,
    ) -> Result<Outcome, SignInError> {
        let desk = self.codes.desk().clone();
        let (ticket, clicked) = (desk.open(), self.clock.now());
        let outcome = match self.portal.submit(credential).await {
            Ok(page) => match self.heard(page).await {
                Ok(Session::SignedIn) => Outcome::SignedIn,
                Ok(Session::Refused(outcome)) => outcome,
                Ok(Session::SignedOut | Session::Stranger) => Outcome::Unknown,
                Err(error) => self.unanswered(&error),
            },
            // Nothing was sent: the form is not the one that the file describes, or the browser did not start.
            Err(
                error @ (PortalError::ElementMissing { .. }
                | PortalError::NoWebDriver { .. }
                | PortalError::Uncounted { .. }),
            ) => {
                return Err(error.into());
            }
            // The click may have arrived, and a portal may answer a wrong password with an error page.
            Err(error) => self.unanswered(&error),
        };
        if outcome == Outcome::OtpRequired && self.codes.are_there() {
            return self.answer(&ticket, clicked, turn).await;
        }
        Ok(outcome)
    }

    /// What the page after the sign-in says; also in how many days the password expires, which is told once.
    async fn heard(&self, page: Page) -> Result<Session, ExtractError> {
        if self.selectors.marks.password_expires_in.is_none() {
            return session(self.selectors, page).await;
        }
        let selectors = self.selectors.clone();
        let hear = move || {
            let document = extract::parse(&page.html)?;
            let days = understand::password_expires_in(&selectors.marks, &document);
            Ok((understand::session(&selectors.marks, &document), days))
        };
        let heard = tokio::task::spawn_blocking(|| extract::guarded(hear));
        let (session, days) = match heard.await {
            Ok(heard) => heard?,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        if session == Session::SignedIn {
            self.password_expires(days);
        }
        Ok(session)
    }

    /// The portal says in how many days the password expires, or no longer does.
    pub fn password_expires(&self, days: Option<u32>) {
        let account = self.account.as_str();
        let mut is_news = false;
        self.seat.update(|status| {
            is_news = status.password_expires_in != days;
            status.password_expires_in = days;
        });
        if let Some(days) = days.filter(|_| is_news) {
            tracing::warn!(
                account,
                days,
                "the portal says that the password expires soon: change it there, then change the secret"
            );
        }
    }

    /// The portal asks for a one-time code: waits for it and types it, once.
    async fn answer(
        &mut self,
        ticket: &Ticket<'_>,
        clicked: DateTime<Utc>,
        turn: &mut Turn,
    ) -> Result<Outcome, SignInError> {
        let account = self.account.as_str();
        let waiting = ticket.announce(self.codes.wait());
        let given = self.codes.is_given();
        self.seat.update(|status| {
            let until = waiting.until;
            status.state = State::WaitsForCode { until, given };
        });
        tracing::info!(account, until = %waiting.until, "the portal asks for a one-time code");
        let used = &mut turn.code_step;
        let code = self.codes.code(ticket, account, clicked, self.clock, used);
        let code = code.await;
        self.seat.update(|status| status.state = State::SigningIn);
        let code = match code {
            Ok(code) => code,
            Err(CodeError::Stopping) => return Err(SignInError::Stopping),
            Err(error) => {
                tracing::warn!(account, "no one-time code to type: {error}");
                return Ok(Outcome::OtpRequired);
            }
        };
        let page = match self.portal.submit_code(&code).await {
            Ok(page) => page,
            // Nothing was sent: the page is not the one that the file describes.
            Err(error @ PortalError::ElementMissing { .. }) => {
                tracing::error!(account, "the one-time code could not be typed: {error}");
                return Ok(Outcome::OtpRequired);
            }
            Err(error) => return Ok(self.unanswered(&error)),
        };
        Ok(match self.heard(page).await {
            Ok(Session::SignedIn) => Outcome::SignedIn,
            // Asked again for what was just given.
            Ok(Session::Refused(Outcome::OtpRequired)) => Outcome::WrongCode,
            Ok(Session::Refused(outcome)) => outcome,
            Ok(Session::SignedOut | Session::Stranger) => Outcome::Unknown,
            Err(error) => self.unanswered(&error),
        })
    }

    fn unanswered(&self, error: &dyn std::error::Error) -> Outcome {
        let account = self.account.as_str();
        tracing::warn!(account, "no answer to the sign-in: {error}");
        Outcome::Unknown
    }

    /// The account's credential as it is now.
    ///
    /// # Errors
    /// When there is no secret.
    pub async fn credential(&self) -> Result<Credential, SignInError> {
        let (password, _) = credentials::lookup(self.sources).await?;
        Ok(Credential {
            number: self.number.to_owned(),
            user: self.user.to_owned(),
            password,
        })
    }

    /// What the attempt leaves. Other accounts may have taken over the doubt there was while it lasted.
    async fn leave_behind(&self, breaker: Breaker) -> Result<(), SignInError> {
        match breaker {
            Breaker::Closed => Ok(self.store.close_breaker(self.account).await?),
            breaker => self.set_breaker(breaker).await,
        }
    }

    async fn set_breaker(&self, breaker: Breaker) -> Result<(), SignInError> {
        Ok(self.store.set_breaker(self.account, breaker).await?)
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
        leave: Leave,
    ) -> Result<SignIn, SignInError> {
        let (credential, since) = (version, self.clock.now());
        let (breaker, then) = match (outcome.consequence().next, leave) {
            (Next::GoOn, _) => (Breaker::Closed, SignIn::In),
            (Next::WaitAndRetry { at_least: wait }, _) => {
                (leave.breaker(credential), SignIn::Later { outcome, wait })
            }
            (Next::RetryOnceThenStop { at_least: wait }, Leave::Free) => (
                leave.used_up(credential, since),
                SignIn::Later { outcome, wait },
            ),
            (Next::RetryOnceThenStop { .. } | Next::AskPerson | Next::StopAccount, _) => {
                let open = Breaker::Open {
                    credential,
                    outcome: outcome.as_str().to_owned(),
                    since,
                };
                let halt = Halt::Outcome(outcome);
                (
                    open,
                    SignIn::Stopped {
                        halt,
                        is_news: true,
                    },
                )
            }
        };
        self.leave_behind(breaker).await?;
        Ok(then)
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

/// What a page of the sign-in says.
pub(crate) async fn session(
    selectors: &Arc<selectors::Portal>,
    page: Page,
) -> Result<Session, ExtractError> {
    let selectors = selectors.clone();
    let read = move || understand::sign_in_page(&selectors, &page.html);
    match tokio::task::spawn_blocking(|| extract::guarded(read)).await {
        Ok(session) => session,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
