//! One-time codes that arrive from elsewhere, on their way to the sign-in that waits for one.
//!
//! - Only a code that came after the click counts: before it nobody asks, and what is given then is refused.
//! - A code is used once, and counts for so long only.
//! - It stands in no message and in no log.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use regex::Regex;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::payment::AccountName;

/// What is given is not longer than this, in bytes: the text of a message with the code in it.
pub const MAX_BYTES: usize = 2_048;

/// What was given for a code: the code itself, or the text that holds it. Does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Given(String);

impl Given {
    /// Takes over the text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The code in it: what the first group of `capture` holds, or all of it without spaces and hyphens.
    ///
    /// # Errors
    /// [`NotACode`].
    pub fn code(&self, capture: Option<&Regex>) -> Result<SecretString, NotACode> {
        if self.0.len() > MAX_BYTES {
            return Err(NotACode);
        }
        let text = match capture {
            Some(capture) => capture
                .captures(&self.0)
                .and_then(|found| found.get(1).or_else(|| found.get(0)))
                .ok_or(NotACode)?
                .as_str(),
            None => &self.0,
        };
        let code: String = text
            .trim()
            .chars()
            .filter(|letter| !matches!(letter, ' ' | '-'))
            .collect();
        let fits =
            (4..=12).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
        if fits {
            Ok(SecretString::from(code))
        } else {
            Err(NotACode)
        }
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given(…)")
    }
}

/// No code stands in what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no code in it: give 4 to 12 letters or digits, or correct the account's `otp.capture`"
)]
pub struct NotACode;

/// A code was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// No sign-in is under way.
    #[error(
        "no code is asked for now, so this one would be older than the sign-in: give the next one"
    )]
    NotAsked,
    /// No such account, or none that takes codes.
    #[error(
        "no account that takes codes has this name: it needs `otp = {{ by = \"given\" }}` in the config"
    )]
    NoDesk,
    /// See there.
    #[error(transparent)]
    NotACode(#[from] NotACode),
}

/// Gives a code to the account of this name.
///
/// # Errors
/// [`NotTaken`].
pub fn give(
    desks: &BTreeMap<AccountName, Desk>,
    account: &str,
    given: &Given,
) -> Result<(), NotTaken> {
    let desk = AccountName::new(account)
        .ok()
        .and_then(|name| desks.get(&name));
    desk.ok_or(NotTaken::NoDesk)?.give(given)
}

/// A sign-in waits for a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Since when.
    pub since: DateTime<Utc>,
    /// It gives up then.
    pub until: DateTime<Utc>,
}

/// Where codes for one account are given. Cheap to clone; all clones are one desk.
#[derive(Debug, Clone)]
pub struct Desk {
    slot: watch::Sender<Slot>,
    /// How the code stands in what is given.
    capture: Option<Regex>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Slot {
    /// A form was, or is just being, sent.
    asked: bool,
    waiting: Option<Waiting>,
    /// With its arrival, as [`Clock::monotonic`].
    code: Option<(SecretString, Duration)>,
    stopping: bool,
}

/// How a wait ended without a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCode {
    /// None came in time.
    Late,
    /// The agent is stopping.
    Stopping,
}

impl Desk {
    /// Nobody asks.
    #[must_use]
    pub fn new(clock: Clock, capture: Option<Regex>) -> Self {
        let slot = watch::Sender::new(Slot::default());
        Self {
            slot,
            capture,
            clock,
        }
    }

    /// A form is about to be sent: codes count from now on, until the ticket is dropped.
    #[must_use]
    pub fn open(&self) -> Ticket<'_> {
        self.slot.send_modify(|slot| {
            slot.asked = true;
            slot.code = None;
        });
        Ticket { desk: self }
    }

    /// Gives a code; the newest counts.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn give(&self, given: &Given) -> Result<(), NotTaken> {
        let code = given.code(self.capture.as_ref())?;
        let arrived = self.clock.monotonic();
        let mut taken = false;
        self.slot.send_if_modified(|slot| {
            taken = slot.asked;
            if taken {
                slot.code = Some((code, arrived));
            }
            taken
        });
        if taken {
            Ok(())
        } else {
            Err(NotTaken::NotAsked)
        }
    }

    /// How the code stands in what is given or printed.
    #[must_use]
    pub fn capture(&self) -> Option<&Regex> {
        self.capture.as_ref()
    }

    /// The sign-in that waits for a code now.
    #[must_use]
    pub fn waiting(&self) -> Option<Waiting> {
        self.slot.borrow().waiting
    }

    /// Ends the wait of now and every later one: the agent is stopping.
    pub fn stop(&self) {
        self.slot.send_modify(|slot| slot.stopping = true);
    }
}

/// One sign-in's right to a code. Dropped, no code is asked for any more.
#[derive(Debug)]
pub struct Ticket<'a> {
    desk: &'a Desk,
}

impl Ticket<'_> {
    /// Announces the wait, from now on for `time`.
    #[must_use]
    pub fn announce(&self, time: Duration) -> Waiting {
        let since = self.desk.clock.now();
        let time = TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
        let until = since.checked_add_signed(time).unwrap_or(since);
        let waiting = Waiting { since, until };
        self.desk
            .slot
            .send_modify(|slot| slot.waiting = Some(waiting));
        waiting
    }

    /// Waits up to `time` for a code that came since the click and no longer ago than `valid`; takes it away.
    ///
    /// # Errors
    /// [`NoCode`].
    pub async fn code(&self, time: Duration, valid: Duration) -> Result<SecretString, NoCode> {
        let in_time = tokio::time::timeout(time, self.fresh(valid)).await;
        in_time.unwrap_or(Err(NoCode::Late))
    }

    async fn fresh(&self, valid: Duration) -> Result<SecretString, NoCode> {
        let mut changes = self.desk.slot.subscribe();
        loop {
            match changes
                .wait_for(|slot| slot.stopping || slot.code.is_some())
                .await
            {
                Ok(slot) if !slot.stopping => {}
                Ok(_) | Err(_) => return Err(NoCode::Stopping),
            }
            let now = self.desk.clock.monotonic();
            let mut taken = None;
            self.desk.slot.send_modify(|slot| taken = slot.code.take());
            // One that grew old while the portal was slow does not count: a newer one may still come.
            if let Some((code, arrived)) = taken
                && now.saturating_sub(arrived) <= valid
            {
                return Ok(code);
            }
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.desk.slot.send_modify(|slot| {
            slot.asked = false;
            slot.waiting = None;
            slot.code = None;
        });
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::clock::VirtualClock;

    const WAIT: Duration = Duration::from_secs(300);
    const VALID: Duration = Duration::from_secs(120);

    fn desk(capture: Option<&str>) -> Desk {
        let wall = "2026-11-21T09:00:00Z".parse().unwrap();
        let capture = capture.map(|capture| Regex::new(capture).unwrap());
        Desk::new(Clock::Virtual(VirtualClock::starting_at(wall)), capture)
    }

    fn given(text: &str) -> Given {
        Given::new(text.to_owned())
    }

    async fn code(ticket: &Ticket<'_>) -> Result<String, NoCode> {
        let code = ticket.code(WAIT, VALID).await?;
        Ok(code.expose_secret().to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_code_from_before_the_click_does_not_count() {
        let desk = desk(None);
        assert_eq!(desk.give(&given("111111")), Err(NotTaken::NotAsked));
        let ticket = desk.open();
        assert_eq!(desk.give(&given("222 222")), Ok(()));
        assert_eq!(code(&ticket).await.as_deref(), Ok("222222"));
        drop(ticket);
        assert_eq!(desk.give(&given("333333")), Err(NotTaken::NotAsked));
    }

    #[tokio::test(start_paused = true)]
    async fn a_code_is_used_once_and_the_newest_counts() {
        let desk = desk(None);
        let ticket = desk.open();
        desk.give(&given("111111")).unwrap();
        desk.give(&given("222222")).unwrap();
        assert_eq!(code(&ticket).await.as_deref(), Ok("222222"));
        assert_eq!(code(&ticket).await, Err(NoCode::Late));
        drop(ticket);
        let ticket = desk.open();
        assert_eq!(code(&ticket).await, Err(NoCode::Late));
    }

    #[tokio::test(start_paused = true)]
    async fn a_code_expires() {
        let desk = desk(None);
        let ticket = desk.open();
        desk.give(&given("111111")).unwrap();
        tokio::time::advance(VALID + Duration::from_secs(1)).await;
        assert_eq!(code(&ticket).await, Err(NoCode::Late));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_seen_and_is_sent_home_when_the_agent_stops() {
        let desk = desk(None);
        assert_eq!(desk.waiting(), None);
        let ticket = desk.open();
        let waiting = ticket.announce(WAIT);
        assert_eq!(waiting.until - waiting.since, TimeDelta::seconds(300));
        assert_eq!(desk.waiting(), Some(waiting));
        let stop = async { desk.stop() };
        assert_eq!(tokio::join!(code(&ticket), stop).0, Err(NoCode::Stopping));
        drop(ticket);
        assert_eq!(desk.waiting(), None);
    }

    #[test]
    fn a_code_is_found_in_a_message_and_never_printed() {
        let message = given("Kilima: 482 913 is your code. Tell it to nobody, ref 77.");
        assert_eq!(message.code(None).err(), Some(NotACode));
        let capture = Regex::new(r"([0-9 ]+) is your code").unwrap();
        let code = message.code(Some(&capture)).unwrap();
        assert_eq!(code.expose_secret(), "482913");
        for text in ["", "123", "1234567890123", "12é4", "12;4"] {
            assert_eq!(given(text).code(None).err(), Some(NotACode), "{text}");
        }
        assert_eq!(given("482 913").code(Some(&capture)).err(), Some(NotACode));
        assert_eq!(format!("{message:?}"), "Given(…)");
    }
}
