//! How an account stands, in words: for health, logs and the demo's status line. Pure.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::drift::Report;
use crate::login::budget::Why;
use crate::payment::AccountName;
use crate::session::{Next, Outcome};

/// Why an account whose files are wrong does not run.
pub const FILES_WRONG: &str = "its files are wrong: `tillwatch check` lists what";

/// An account that does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its name in the config.
    pub account: AccountName,
    /// Why, in words.
    pub why: String,
}

/// The breaker's word for [`Halt::SessionRefused`].
pub const SESSION_REFUSED: &str = "session-refused";

/// Why an account is stopped until a person acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halt {
    /// The portal's verdict on this version of the credential.
    Outcome(Outcome),
    /// The breaker's record was lost with the store.
    BreakerLost,
    /// A person imported a session, and the portal does not take it: a sign-in of ours might end theirs too.
    SessionRefused,
    /// A changed selector file would tell payments again, under other ids.
    HistoryAgain {
        /// So many.
        again: u64,
        /// Of so many that were told.
        of: u64,
    },
}

impl Halt {
    /// What happened and what to do, for status and logs.
    #[must_use]
    pub fn advice(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Halt::HistoryAgain { again, of } => {
                return Cow::Owned(format!(
                    "history would be emitted again: by the changed selector file {again} of {of} payments have another id; correct the file, or let it by `tillwatch resume <account> --emit-again`"
                ));
            }
            Halt::BreakerLost => {
                "the store was rebuilt or restored, so an earlier refusal may be forgotten: check the account and run `tillwatch resume`"
            }
            Halt::SessionRefused => {
                "the portal did not take the imported session: sign in by hand again and import its cookies at once, or finish the sign-in in tillwatch's browser"
            }
            Halt::Outcome(outcome) => outcome.advice(),
        })
    }

    /// Can a person end it by signing in?
    #[must_use]
    pub fn asks_person(self) -> bool {
        match self {
            Halt::Outcome(outcome) => outcome.consequence().next == Next::AskPerson,
            Halt::SessionRefused => true,
            Halt::BreakerLost | Halt::HistoryAgain { .. } => false,
        }
    }

    /// What the word of an open breaker stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            SESSION_REFUSED => Halt::SessionRefused,
            word => Halt::Outcome(Outcome::from_word(word).unwrap_or(Outcome::Unknown)),
        }
    }

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Halt::SessionRefused => SESSION_REFUSED,
            Halt::BreakerLost => "lost",
            Halt::HistoryAgain { .. } => "history-again",
            Halt::Outcome(outcome) => outcome.as_str(),
        }
    }
}

/// What an account is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not yet read since the start.
    Starting,
    /// On its way through the sign-in form.
    SigningIn,
    /// The portal asks for a one-time code.
    WaitsForCode {
        /// It is waited for until then.
        until: DateTime<Utc>,
        /// By a person or what forwards the message; else it is computed or a command prints it.
        given: bool,
    },
    /// Its sign-in needs a person, and none is at hand.
    Unattended {
        /// The next opening.
        until: DateTime<Utc>,
    },
    /// Signed in; read as planned.
    SignedIn,
    /// The budget lets no attempt through yet.
    WaitsForLogin {
        /// What it waits for.
        why: Why,
    },
    /// The portal did not let us in; tried again later.
    Refused {
        /// What it said.
        outcome: Outcome,
    },
    /// Stopped until a person acts.
    Stopped(Halt),
    /// Handed to a person.
    Paused,
    /// Somebody signed in as the same user; the portal is left to them for a while.
    Yields,
    /// The hours in which the portal is not asked for anything.
    Quiet,
    /// Reading stopped: the sinks do not take what is there.
    OutboxFull,
    /// The last turn failed; tried again.
    Failing {
        /// What failed.
        why: String,
        /// A person must act, or it has failed for long.
        person: bool,
        /// Names what failed: the same in each try, whatever numbers the words carry.
        reason: String,
    },
}

impl State {
    /// The state in words.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::SigningIn => "signing in",
            State::WaitsForCode { .. } => "waiting for a one-time code",
            State::Unattended { .. } => "waiting for attended hours",
            State::SignedIn => "signed in",
            State::WaitsForLogin { .. } => "waiting for the next login",
            State::Refused { .. } => "refused by the portal, will try again",
            State::Stopped(_) => "stopped, a person must act",
            State::Paused => "paused",
            State::Yields => "yielding to somebody else",
            State::Quiet => "quiet hours",
            State::OutboxFull => "outbox full",
            State::Failing { .. } => "failing, will try again",
        }
    }

    /// Is the account left alone on purpose, or until a person acts?
    #[must_use]
    pub fn is_left_alone(&self) -> bool {
        match self {
            State::Stopped(_)
            | State::Paused
            | State::OutboxFull
            | State::WaitsForCode { .. }
            | State::Quiet
            | State::Unattended { .. } => true,
            State::Starting
            | State::SigningIn
            | State::SignedIn
            | State::WaitsForLogin { .. }
            | State::Yields
            | State::Refused { .. }
            | State::Failing { .. } => false,
        }
    }

    /// Why it is in this state and what to do, where there is something to say.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        match self {
            State::Starting | State::SigningIn | State::SignedIn => None,
            State::WaitsForCode { until, given: true } => Some(format!(
                "give the code before {} UTC: `tillwatch otp <account>`, or POST it to /v1/accounts/<account>/otp",
                until.format("%H:%M:%S")
            )),
            State::WaitsForCode { given: false, .. } => None,
            State::Unattended { until } => Some(format!(
                "its sign-in needs a person, who is at hand from {}",
                until.format("%Y-%m-%d %H:%M UTC")
            )),
            State::WaitsForLogin { why } => Some(why.as_str().to_owned()),
            State::Refused {
                outcome: Outcome::Unknown,
            } => Some(
                "what the portal said to the last sign-in is not known: one more is made after a pause".to_owned(),
            ),
            State::Refused { outcome } => Some(outcome.advice().to_owned()),
            State::Stopped(halt) => Some(halt.advice().into_owned()),
            State::Paused => Some("handed to a person: `tillwatch resume` goes on".to_owned()),
            State::Yields => Some(
                "somebody signed in as this user and ended our session: see `yield_for`".to_owned(),
            ),
            State::Quiet => Some("`quiet` of this account".to_owned()),
            State::OutboxFull => {
                Some("a sink does not take its events: see the log for which".to_owned())
            }
            State::Failing { why, .. } => Some(why.clone()),
        }
    }
}

/// How an account stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Who.
    pub account: AccountName,
    /// What it is doing, or did before it began to wait for a browser.
    pub state: State,
    /// It waits for a browser: all are taken.
    pub awaits_browser: bool,
    /// Pause between two readings.
    pub interval: Duration,
    /// Since when the session lives.
    pub signed_in_at: Option<DateTime<Utc>>,
    /// The last complete reading.
    pub last_poll: Option<DateTime<Utc>>,
    /// Since when it is to be read, after it was left alone on purpose in this run.
    pub due_since: Option<DateTime<Utc>>,
    /// The next one.
    pub next_poll: Option<DateTime<Utc>>,
    /// Attempts in the window.
    pub logins_used: u32,
    /// The cap.
    pub logins_cap: u32,
    /// When the next login is possible; `None` means now.
    pub next_login: Option<DateTime<Utc>>,
    /// Complete readings of this run.
    pub polls: u64,
    /// Pages of the table loaded in complete readings of this run.
    pub page_loads: u64,
    /// Payments told in this run.
    pub payments_told: u64,
    /// Days of older history that are still to be read.
    pub days_unread: u64,
    /// Why they could not be read for long.
    pub history_fails: Option<String>,
    /// Rows put aside on the last reading.
    pub quarantined: u64,
    /// Holes in the last reading.
    pub gaps: u64,
    /// In how many days the password expires, where the portal said so at the last sign-in.
    pub password_expires_in: Option<u32>,
    /// How the portal's pages have changed, until they are understood again.
    pub drift: Option<Report>,
    /// Version of the selector file in force.
    pub selectors: String,
    /// What is wrong with a newer one, which is not taken.
    pub selectors_wrong: Option<String>,
}

impl Status {
    /// What it is doing, in words.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.awaits_browser {
            "waiting for a browser"
        } else {
            self.state.word()
        }
    }

    /// Why, and what to do, where there is something to say.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        if self.awaits_browser {
            Some("every browser is taken: see `max_sessions`".to_owned())
        } else {
            self.state.why()
        }
    }

    /// Before its first turn.
    #[must_use]
    pub fn starting(account: AccountName, interval: Duration) -> Self {
        Self {
            account,
            state: State::Starting,
            awaits_browser: false,
            interval,
            signed_in_at: None,
            last_poll: None,
            due_since: None,
            next_poll: None,
            logins_used: 0,
            logins_cap: 0,
            next_login: None,
            polls: 0,
            page_loads: 0,
            payments_told: 0,
            days_unread: 0,
            history_fails: None,
            quarantined: 0,
            gaps: 0,
            password_expires_in: None,
            drift: None,
            selectors: String::new(),
            selectors_wrong: None,
        }
    }
}
