//! One turn of an account: read, and sign in when the page asks for it.

use std::time::Duration;

use super::{Agent, LASTING, RECHECK, Turn, TurnError};
use crate::login::budget::Why;
use crate::portal::{Portal, PortalError, Taped};
use crate::reading::{Done, Plan, ReadError, Reader};
use crate::retry::{self, Retried};
use crate::session::{Act, Event, Next, Outcome};
use crate::sign_in::{Attempt, OTHERS_TURN, SignIn, SignInError};
use crate::status::{Halt, State};
use crate::understand::Session;

impl<P: Portal> Agent<P> {
    pub(super) async fn turn(
        &mut self,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Turn, TurnError> {
        let was_stopped = matches!(self.waited_in, Some(State::Stopped(_)));
        self.look_at_file().await;
        if let Some(halt) = self.held_back() {
            return Ok(Turn::Wait(RECHECK, State::Stopped(halt)));
        }
        let state = State::WaitsForLogin { why: Why::Turn };
        if self.waited_in.as_ref() == Some(&state) && self.edges.gate.is_taken() {
            return Ok(Turn::Wait(OTHERS_TURN, state));
        }
        let waiting = self.edges.store.outbox_depth(&self.limits.sinks).await?;
        if waiting >= self.limits.outbox {
            return Ok(Turn::Wait(self.account.pace.poll, State::OutboxFull));
        }
        match self.stand.act() {
            Act::Read => {}
            act @ (Act::Look | Act::AskCredential) => {
                if let Some(halt) = self.attempt().halted().await? {
                    if act == Act::AskCredential || !self.person_is_done(halt).await? {
                        return Ok(Turn::Wait(RECHECK, State::Stopped(halt)));
                    }
                    self.becomes(Event::PageIn);
                } else {
                    self.becomes(Event::CredentialChanged);
                }
            }
            Act::Rest => return Ok(Turn::Wait(RECHECK, State::Paused)),
        }
        if was_stopped && self.edges.portal.needs_place() {
            // It gave its place up when it stopped. Another one is waited for between two turns, where orders are heard.
            return Ok(Turn::Wait(Duration::ZERO, State::Starting));
        }
        self.put_off_the_past().await?;
        self.unlock().await;
        self.replace_before_closing().await;
        let began = self.edges.clock.monotonic();
        self.edges.portal.open().await?;
        self.meet_brought_back().await?;
        let opened = self.edges.clock.monotonic();
        let read = self.read(stop).await;
        tracing::debug!(
            account = self.account.about.name.as_str(),
            open_ms = (opened - began).as_millis(),
            read_ms = (self.edges.clock.monotonic() - opened).as_millis(),
            "took its turn at a browser"
        );
        if let Some(ended) = self.judge_import(&read).await? {
            return Ok(ended);
        }
        match read {
            Err(ReadError::Session(Session::Refused(Outcome::AlreadySignedIn)))
                if !self.has_yielded =>
            {
                self.yields()
            }
            Err(ReadError::Session(Session::Refused(Outcome::PortalDown))) => {
                self.down(read, stop).await
            }
            Err(ReadError::Session(Session::Refused(outcome)))
                if outcome.consequence().next == Next::StopAccount =>
            {
                self.refused(outcome).await
            }
            Err(ReadError::Session(session @ (Session::SignedOut | Session::Refused(_)))) => {
                if session == Session::SignedOut {
                    self.edges.portal.forget();
                }
                self.life.ended(self.edges.clock.monotonic());
                self.keep_learned().await;
                self.becomes(Event::PageOut);
                self.sign_in_and_read(stop).await
            }
            // The visit of the form meets the same and asks a person.
            Err(ReadError::Portal(PortalError::CertificateRequired)) => {
                self.becomes(Event::PageOut);
                self.sign_in_and_read(stop).await
            }
            other => self.kept(other).await,
        }
    }

    /// In place of the table the portal says that it is down. The session may well live behind it. Where it does not, nothing but
    /// the sign-in page leads out of it, which is asked each tenth time in a row; whatever else comes of that, the pauses grow on.
    async fn down(
        &mut self,
        read: Result<Done, ReadError>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Turn, TurnError> {
        if !asks_form(self.failures) {
            return finished(read);
        }
        if !self.account.selectors.sign_in.clear.is_empty() {
            // What is cleared may be the session: its end is then none of the portal's.
            self.life.forget();
        }
        match self.sign_in_and_read(stop).await? {
            // Soon it can be asked, and is still owed.
            Turn::Wait(wait, state @ State::WaitsForLogin { .. }) if wait <= SOON => {
                Ok(Turn::Wait(wait, state))
            }
            Turn::Wait(
                _,
                State::WaitsForLogin { .. }
                | State::Unattended { .. }
                | State::Refused {
                    outcome: Outcome::PortalDown,
                },
            ) => finished(read),
            turn => Ok(turn),
        }
    }

    /// A portal that is down at its form is asked ever less often, as one that is down at its table.
    pub(super) fn backed_off(&mut self, wait: Duration, state: &State) -> Duration {
        let State::Refused {
            outcome: Outcome::PortalDown,
        } = state
        else {
            return wait;
        };
        self.failures = self.failures.saturating_add(1);
        let jitter = self.jitter(self.failures.into());
        retry::delay(Retried::Portal, self.failures, jitter).max(wait)
    }

    /// Has the account, in this state, a browser in which nobody does anything before a person has acted elsewhere?
    pub(super) fn leaves_browser_idle(&self, state: &State) -> bool {
        let State::Stopped(halt) = state else {
            return false;
        };
        let is_for_person = self.stand.act() == Act::Look && halt.asks_person();
        !is_for_person && self.edges.portal.holds_place()
    }

    /// Is a browser to be waited for before the next turn? Not where that only looks whether the account may go on.
    pub(super) fn wants_place(&self) -> bool {
        self.stand.act() == Act::Read
            && self.held_back().is_none()
            && self.edges.portal.needs_place()
    }

    /// Somebody signed in as the same user and ended our session. Signing in again would end theirs, and cost a login.
    fn yields(&mut self) -> Result<Turn, TurnError> {
        self.life.forget();
        self.has_yielded = true;
        self.becomes(Event::Later);
        Ok(Turn::Wait(self.account.pace.yield_for, State::Yields))
    }

    async fn sign_in_and_read(
        &mut self,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Turn, TurnError> {
        let pace = self.edges.gate.forecast().await.even;
        if let Some(wait) = self.life.hold_back(self.edges.clock.monotonic(), pace) {
            let why = Why::Spacing;
            return Ok(Turn::Wait(wait, State::WaitsForLogin { why }));
        }
        self.say(State::SigningIn, None).await;
        match self.sign_in().await? {
            SignIn::In => {
                self.edges.portal.keep().await;
                match self.read(stop).await {
                    // Another sign-in would lead to the same page.
                    Err(ReadError::Session(Session::Refused(outcome))) if outcome.stops() => {
                        self.refused(outcome).await
                    }
                    read => self.kept(read).await,
                }
            }
            SignIn::Wait { wait, why } => Ok(Turn::Wait(wait, State::WaitsForLogin { why })),
            SignIn::Unattended { wait, until } => Ok(Turn::Wait(wait, State::Unattended { until })),
            SignIn::Later { outcome, wait } => {
                // Whoever is signed in is left alone as after a kick: each try costs a login.
                let yields =
                    (outcome == Outcome::AlreadySignedIn).then_some(self.account.pace.yield_for);
                let wait = wait.max(yields.unwrap_or_default());
                Ok(Turn::Wait(wait, State::Refused { outcome }))
            }
            SignIn::Stopped { halt, is_news } => {
                if is_news {
                    self.waited_in = None;
                    self.person_asked = None;
                }
                Ok(Turn::Wait(RECHECK, State::Stopped(halt)))
            }
        }
    }

    /// A page of the table says that a person must act: no sign-in is spent on hearing it again.
    async fn refused(&mut self, outcome: Outcome) -> Result<Turn, TurnError> {
        self.attempt().refused(outcome).await?;
        let halt = Halt::Outcome(outcome);
        self.becomes(if halt.asks_person() {
            Event::PersonNeeded
        } else {
            Event::Refused
        });
        self.waited_in = None;
        self.person_asked = None;
        Ok(Turn::Wait(RECHECK, State::Stopped(halt)))
    }

    /// Once: what was kept of a session opens with the account's secret. Without one there is only a login, which says so.
    pub(super) async fn unlock(&mut self) {
        if !self.unlocked
            && let Ok(credential) = self.attempt().credential().await
        {
            self.edges.portal.unlock(&credential);
            self.unlocked = true;
        }
    }

    /// A reading that succeeded has shown that the session lives.
    async fn kept(&mut self, read: Result<Done, ReadError>) -> Result<Turn, TurnError> {
        if read.is_ok() {
            self.edges.portal.keep().await;
        }
        finished(read)
    }

    pub(super) fn attempt(&mut self) -> Attempt<'_, Taped<P>> {
        Attempt {
            account: &self.account.about.name,
            number: &self.account.about.operator.number,
            user: &self.account.user,
            sources: &self.account.sources,
            codes: &mut self.edges.codes,
            seat: &self.edges.seat,
            attended: self.account.attended.as_ref(),
            selectors: &self.account.selectors,
            portal: &mut self.edges.portal,
            store: &self.edges.store,
            gate: &self.edges.gate,
            ledger: &self.edges.ledger,
            clock: &self.edges.clock,
        }
    }

    async fn sign_in(&mut self) -> Result<SignIn, SignInError> {
        self.becomes(Event::Attempt);
        let made = self.attempt().make().await;
        let event = match &made {
            Ok(SignIn::In) => {
                self.has_yielded = false;
                self.has_signed_in();
                Event::PageIn
            }
            Ok(SignIn::Later { outcome, .. }) => {
                self.doubtful |= *outcome == Outcome::Unknown;
                Event::Later
            }
            Ok(SignIn::Stopped { halt, .. }) if halt.asks_person() => Event::PersonNeeded,
            Ok(SignIn::Stopped { .. }) => Event::Refused,
            Ok(SignIn::Wait { .. } | SignIn::Unattended { .. }) | Err(_) => Event::Later,
        };
        self.becomes(event);
        made
    }

    async fn read(&mut self, stop: &(dyn Fn() -> bool + Sync)) -> Result<Done, ReadError> {
        self.meet_recipe(stop).await?;
        self.read_as(&self.plan(), stop).await
    }

    pub(super) async fn read_as(
        &mut self,
        plan: &Plan,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Done, ReadError> {
        let reader = Reader {
            account: &self.account.about,
            selectors: &self.account.selectors,
            portal: &mut self.edges.portal,
            store: &self.edges.store,
            clock: &self.edges.clock,
            stop,
            memory: &mut self.memory,
        };
        let began = self.edges.clock.monotonic();
        let read = reader.read(plan).await;
        self.look_at_structure().await;
        self.book(began, read.as_ref().err());
        if read.is_ok() {
            self.has_yielded = false;
            self.becomes(Event::PageIn);
        }
        read
    }

    /// What pages of the table that were asked for since `began` have shown of the session.
    pub(super) fn book(&mut self, began: Duration, failed: Option<&ReadError>) {
        let ended = self.edges.clock.monotonic();
        match failed {
            None => {
                self.life.sign_of_life(began);
                // Page after page was asked for meanwhile: no pause that the session outlived.
                self.life.asked(ended);
                self.life.sign_of_life(ended);
            }
            Some(ReadError::Portal(
                PortalError::Hung { .. }
                | PortalError::BrowserLost { .. }
                | PortalError::OutOfMemory { .. },
            )) => {
                self.life.forget();
                self.becomes(Event::BrowserLost);
            }
            Some(_) => self.life.asked(ended),
        }
    }
}

/// No longer than a pause between two readings of a portal that is down.
const SOON: Duration = Duration::from_secs(60);

/// After so many failures in a row: does a portal that is down at its table hear from us at its form too?
fn asks_form(failures: u32) -> bool {
    failures.saturating_add(1).is_multiple_of(LASTING)
}

fn finished(read: Result<Done, ReadError>) -> Result<Turn, TurnError> {
    match read {
        Ok(done) => Ok(Turn::Read(done)),
        Err(ReadError::Stopped) => Ok(Turn::Stopping),
        Err(ReadError::HistoryAgain { again, of }) => {
            let halt = Halt::HistoryAgain { again, of };
            Ok(Turn::Wait(RECHECK, State::Stopped(halt)))
        }
        Err(error) => Err(error.into()),
    }
}
