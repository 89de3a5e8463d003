//! A person finishes a sign-in in our own browser: looks whether they are done, and keeps its hands off meanwhile.

use std::time::Duration;

use chrono::TimeDelta;

use super::{Agent, TurnError};
use crate::login::budget::Verdict;
use crate::portal::Portal;
use crate::session::Event;
use crate::sign_in;
use crate::status::{Halt, State};
use crate::understand::Session;

impl<P: Portal> Agent<P> {
    /// Is the account, stopped by `halt`, signed in by a person? Then it goes on from there. The page is looked at as it
    /// stands: nothing is loaded, clicked or typed. After `person_wait` the browser is closed and not looked at again.
    pub(super) async fn person_is_done(&mut self, halt: Halt) -> Result<bool, TurnError> {
        if !halt.asks_person() {
            return Ok(false);
        }
        let now = self.edges.clock.monotonic();
        let asked = *self.person_asked.get_or_insert(now);
        if !self.shows_signed_in().await {
            // After a last look: somebody may have finished just now.
            if now.saturating_sub(asked) > self.account.person_wait {
                self.edges.portal.close().await;
            }
            return Ok(false);
        }
        let account = self.account.about.name.as_str();
        tracing::info!(account, "a person signed in; going on from there");
        let name = &self.account.about.name;
        self.edges.store.close_breaker(name).await?;
        self.person_asked = None;
        self.has_signed_in();
        self.edges.portal.keep().await;
        self.say(State::SignedIn, None).await;
        Ok(true)
    }

    /// Does the page that stands in our browser bear the signed-in mark?
    async fn shows_signed_in(&mut self) -> bool {
        let account = self.account.about.name.as_str();
        let page = match self.edges.portal.look().await {
            Ok(page) => page,
            Err(error) => {
                tracing::debug!(account, "nothing to see where a person signs in: {error}");
                return false;
            }
        };
        match sign_in::session(&self.account.selectors, page).await {
            Ok(Session::SignedIn) => true,
            // On the way, perhaps at somebody else's captcha.
            Ok(Session::SignedOut | Session::Refused(_) | Session::Stranger) | Err(_) => false,
        }
    }

    /// Signs out of a session that would end while nobody is at hand, so that the next sign-in comes while somebody is;
    /// not before one is possible.
    pub(super) async fn replace_before_closing(&mut self) {
        let (now, monotonic) = (self.edges.clock.now(), self.edges.clock.monotonic());
        let (Some(hours), Some(age), Some(left)) = (
            &self.account.attended,
            self.life.age(monotonic),
            self.life.left(monotonic),
        ) else {
            return;
        };
        let span = |time: Duration| TimeDelta::from_std(time).unwrap_or_default();
        let (began, ends) = (now - span(age), now + span(left));
        if !hours.replace_now(now, (began, ends), self.account.selectors.zone) {
            return;
        }
        if self.edges.gate.forecast().await.verdict != Verdict::Go {
            return;
        }
        let account = self.account.about.name.as_str();
        tracing::info!(account, %ends, "the session would end while nobody is at hand: it is replaced now");
        self.edges.portal.close().await;
        self.life.forget();
        self.becomes(Event::PageOut);
    }
}
