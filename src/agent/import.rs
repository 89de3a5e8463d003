//! A session that this run did not begin: its age, and, where a person imported it, whether the portal takes it.
//!
//! An imported session is only read with. A page of the table proves it; one that asks for a sign-in ends it, and the account
//! then waits for a person: no login is spent on a portal at which a person had to sign in.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::oneshot;

use super::{Agent, RECHECK, Turn, TurnError};
use crate::clock::Stamp;
use crate::control::Answer;
use crate::portal::Portal;
use crate::portal::kept::Kept;
use crate::reading::{Done, ReadError};
use crate::session::Event;
use crate::status::{Halt, State};
use crate::understand::Session;

/// The wall clock is believed to have been moved when it is off by more than this.
const STEP: Duration = Duration::from_secs(2);

impl<P: Portal> Agent<P> {
    /// An attempt, or a person in our browser, has begun a session.
    pub(super) fn has_signed_in(&mut self) {
        let stamp = self.edges.clock.stamp();
        self.life.signed_in(self.edges.clock.monotonic());
        self.signed_in_at = Some(stamp.wall);
        self.edges.portal.begun(&stamp);
        self.edges
            .seat
            .update(|status| status.signed_in_at = Some(stamp.wall));
    }

    /// A browser is there: is the session in it one from before?
    pub(super) async fn meet_brought_back(&mut self) -> Result<(), TurnError> {
        let Some(brought) = self.edges.portal.brought_back() else {
            return Ok(());
        };
        if let Some(begun) = &brought.begun {
            let (begun, now) = (begun.stamp(), self.edges.clock.stamp());
            let age = now.since(&begun);
            self.life.brought_back(self.edges.clock.monotonic(), age);
            self.signed_in_at = Some(wall_of(&begun, &now));
        }
        if brought.is_imported && !self.imported {
            self.imported = true;
            self.attempt().await_import().await?;
        }
        Ok(())
    }

    /// Takes over the session that a person began elsewhere; `answer` hears what the portal says to it.
    pub(super) async fn import(
        &mut self,
        origin: &str,
        session: Kept,
        answer: oneshot::Sender<Answer>,
    ) {
        match self.taken_over(origin, session).await {
            Ok(()) => {
                self.answer_import(Answer::Refused(
                    "another session was imported after it: that one is tried".to_owned(),
                ));
                self.import_asked = Some(answer);
            }
            Err(why) => {
                // Whoever asked may have gone away meanwhile; so everywhere below.
                let _gone = answer.send(Answer::Refused(why));
                return;
            }
        }
        self.schedule.wake_at(self.edges.clock.monotonic());
    }

    async fn taken_over(&mut self, origin: &str, session: Kept) -> Result<(), String> {
        let name = self.account.about.name.clone();
        let pin = self.account.selectors.origin.to_string();
        if origin != pin {
            return Err(format!(
                "the running agent has {name} pinned to {pin}, the config says {origin}: restart the agent"
            ));
        }
        self.unlock().await;
        let imported = self.edges.portal.import(session).await;
        imported.map_err(|error| error.to_string())?;
        let resumed = self.edges.store.set_paused(&name, false).await;
        resumed.map_err(|error| error.to_string())?;
        self.life.forget();
        self.becomes(Event::Resume);
        self.becomes(Event::BrowserLost);
        (self.imported, self.doubtful) = (false, false);
        (self.person_asked, self.waited_in) = (None, None);
        tracing::info!(
            account = name.as_str(),
            "a session was imported and is tried now"
        );
        Ok(())
    }

    /// After a reading: has it shown what the portal thinks of an imported session? `Some`: the turn ends here.
    pub(super) async fn judge_import(
        &mut self,
        read: &Result<Done, ReadError>,
    ) -> Result<Option<Turn>, TurnError> {
        if !self.imported {
            return Ok(None);
        }
        match read {
            Ok(_) => {
                self.attempt().import_taken().await?;
                self.imported = false;
                let account = self.account.about.name.as_str();
                tracing::info!(account, "the portal took the imported session");
                let said = format!("the portal takes the session: {account} goes on with it");
                self.answer_import(Answer::Done(said));
                Ok(None)
            }
            Err(ReadError::Session(Session::SignedOut | Session::Refused(_))) => {
                Ok(Some(self.import_refused().await))
            }
            Err(_) => Ok(None),
        }
    }

    async fn import_refused(&mut self) -> Turn {
        self.imported = false;
        self.edges.portal.forget();
        self.life.forget();
        self.becomes(Event::PersonNeeded);
        let halt = match self.attempt().halted().await {
            Ok(Some(halt)) => halt,
            // What is wrong with the credential is told when it is needed.
            Ok(None) | Err(_) => Halt::SessionRefused,
        };
        let account = self.account.about.name.as_str();
        tracing::warn!(
            account,
            "the portal did not take the imported session; no login was spent"
        );
        let said = format!(
            "{account}: {}; no login was spent",
            Halt::SessionRefused.advice()
        );
        self.answer_import(Answer::Refused(said));
        self.waited_in = None;
        Turn::Wait(RECHECK, State::Stopped(halt))
    }

    fn answer_import(&mut self, answer: Answer) {
        if let Some(asked) = self.import_asked.take() {
            let _gone = asked.send(answer);
        }
    }

    /// A pause keeps no session, also none that was imported and not tried yet: who imported it hears so at once.
    pub(super) fn say_import_dropped(&mut self) {
        self.imported = false;
        let name = &self.account.about.name;
        let said = format!(
            "{name} was paused before the session could be tried, and a pause keeps none: import a new one, which ends the pause"
        );
        self.answer_import(Answer::Refused(said));
    }

    /// A turn ended without a word of the portal on the session: who imported it is not kept waiting.
    pub(super) fn say_import_waits(&mut self, turn: &Result<Turn, TurnError>) {
        if self.import_asked.is_none() {
            return;
        }
        let why = match turn {
            Ok(Turn::Wait(_, state)) => state.word().to_owned(),
            Ok(Turn::Read(_) | Turn::Stopping) => "the agent is stopping".to_owned(),
            Err(error) => error.to_string(),
        };
        self.say_import_kept(&why);
    }

    /// Every browser is taken, perhaps for long: by a person who signs in in one.
    pub(super) fn say_import_crowded(&mut self) {
        self.say_import_kept("every browser is taken: raise `max_sessions`");
    }

    fn say_import_kept(&mut self, why: &str) {
        let name = &self.account.about.name;
        let said = format!(
            "{name}: the session is kept and will be tried, but could not be yet ({why}): see `tillwatch status`"
        );
        self.answer_import(Answer::Refused(said));
    }
}

/// When the session began, by the wall clock as it is now.
fn wall_of(begun: &Stamp, now: &Stamp) -> DateTime<Utc> {
    if now.stepped(begun, STEP) {
        now.wall - TimeDelta::from_std(now.since(begun)).unwrap_or_default()
    } else {
        begun.wall
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::clock::BootId;

    fn stamp(wall: &str, boot: &str, since_boot: u64) -> Stamp {
        Stamp {
            wall: format!("2026-11-21T{wall}Z").parse().unwrap(),
            boot: BootId(boot.to_owned()),
            since_boot: Duration::from_secs(since_boot),
        }
    }

    /// When it began by the clock as it is now, and its age in seconds.
    fn seen(now: &Stamp) -> (DateTime<Utc>, u64) {
        let begun = stamp("08:00:00", "one", 1_000);
        (wall_of(&begun, now), now.since(&begun).as_secs())
    }

    #[test]
    fn the_age_of_a_session_counts_from_its_sign_in_whatever_the_wall_clock_does() {
        let at = |wall| stamp(wall, "one", 0).wall;
        assert_eq!(
            seen(&stamp("09:00:00", "one", 4_600)),
            (at("08:00:00"), 3_600)
        );
        // Three hours ahead of what it said before, and an hour behind.
        assert_eq!(
            seen(&stamp("12:00:00", "one", 4_600)),
            (at("11:00:00"), 3_600)
        );
        assert_eq!(
            seen(&stamp("08:00:00", "one", 4_600)),
            (at("07:00:00"), 3_600)
        );
        // Over a boot the wall clock is all there is, but for the time since the boot.
        assert_eq!(seen(&stamp("09:00:00", "two", 60)), (at("08:00:00"), 3_600));
        assert_eq!(seen(&stamp("07:00:00", "two", 60)), (at("08:00:00"), 60));
    }
}
