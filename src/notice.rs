//! What a person must know of, told once and told again when it is over. Pure: how things stand in, notices out.
//!
//! - Trouble that mostly passes by itself is told only when it lasts.
//! - What an account is just about to find out (it starts, it signs in) neither begins nor ends anything.
//! - No text of a page but titles of columns, no secret: only names of the config, numbers, our own words, and what the
//!   system says of a file of ours.

mod kind;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use kind::Kind;

use crate::drift::Report;
use crate::payment::AccountName;
use crate::status::{Broken, Halt, State, Status};

/// Less free space than this is told, in bytes: a store that cannot write stops everything.
pub const LEAST_FREE: u64 = 256 << 20;
/// An account that was not read for so long is told, whatever it says of itself; or for ten polls, if that is longer.
const NOT_READ: Duration = Duration::from_secs(300);
/// A password that expires within so many days is told a second time.
const LAST_DAYS: u32 = 2;
/// What is told is over when it has been away for so long.
const CALM: Duration = Duration::from_secs(10);

/// Whom trouble concerns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// An account, by its name in the config.
    Account(String),
    /// A sink, by its name in the config.
    Sink(String),
    /// The whole agent.
    Agent,
}

/// Names one trouble.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Whom it concerns.
    pub subject: Subject,
    /// What it is.
    pub kind: Kind,
}

/// One trouble as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What happened.
    pub what: String,
    /// What to do.
    pub todo: String,
    /// How bad: one that grew worse is told again.
    pub level: u32,
    /// Names what asks for a person, where a kind has several: another one is told too. No number in it that changes.
    #[serde(default)]
    pub reason: String,
}

/// How things stand.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The accounts that run.
    pub statuses: &'a [Status],
    /// Rows in quarantine and open holes, of each account.
    pub kept: &'a BTreeMap<AccountName, (u64, u64)>,
    /// Accounts that do not run.
    pub broken: &'a [Broken],
    /// Name of each sink, and why it takes nothing.
    pub sinks: &'a [(String, Option<String>)],
    /// Free bytes where the store lies, where that is known.
    pub free: Option<u64>,
    /// The wall clock.
    pub now: DateTime<Utc>,
    /// When the agent began.
    pub began: DateTime<Utc>,
}

/// Everything that is wrong now.
#[must_use]
pub fn troubles(facts: &Facts<'_>) -> BTreeMap<Key, Trouble> {
    let mut found = BTreeMap::new();
    let account = |name: &AccountName| Subject::Account(name.to_string());
    let broken = facts.broken.iter().map(|broken| {
        let (what, reason) = (broken.why.clone(), broken.why.clone());
        let todo = "correct that, then restart".to_owned();
        (&broken.account, Kind::Broken, what, todo, reason)
    });
    let of_states = facts.statuses.iter().filter_map(|status| {
        let (kind, what, todo, reason) = of_state(status)?;
        Some((&status.account, kind, what, todo, reason))
    });
    for (name, kind, what, todo, reason) in broken.chain(of_states) {
        let subject = account(name);
        let trouble = Trouble {
            what,
            todo,
            level: 1,
            reason,
        };
        found.insert(Key { subject, kind }, trouble);
    }
    let mut add = |subject, kind, what: String, todo: &str, level| {
        let trouble = Trouble {
            what,
            todo: todo.to_owned(),
            level,
            reason: String::new(),
        };
        found.insert(Key { subject, kind }, trouble);
    };
    for status in facts.statuses {
        let subject = account(&status.account);
        if let Some(wrong) = &status.selectors_wrong {
            let what = format!("its selector file was changed and is not taken: {wrong}");
            let todo = "correct it: the one from before stays in force meanwhile";
            add(subject.clone(), Kind::SelectorFile, what, todo, 1);
        }
        if let Some(what) = not_read(status, facts) {
            let todo = "run `tillwatch status` and read the log";
            add(subject.clone(), Kind::NotRead, what, todo, 1);
        }
        if let Some(days) = status.password_expires_in {
            let what = format!("the portal says that the password expires in {days} days");
            let todo = "change it at the portal, then change the secret";
            // Told again when only a few days are left.
            let level = if days <= LAST_DAYS { 2 } else { 1 };
            add(subject.clone(), Kind::PasswordExpires, what, todo, level);
        }
        if let Some(report) = &status.drift {
            let (what, todo) = of_drift(report, &status.account);
            add(subject.clone(), Kind::Drift, what, &todo, report.level);
        }
        if let Some(why) = &status.history_fails {
            let days = status.days_unread;
            let what = format!("history of {days} days cannot be read, and is not told: {why}");
            let todo = "it is tried again after each reading; if the portal shows those days to you, correct the selector file, and where the session ends before a day is read, ask for longer pages or raise `page_loads_per_hour`";
            add(subject.clone(), Kind::History, what, todo, 1);
        }
        let (aside, gaps) = facts.kept.get(&status.account).copied().unwrap_or_default();
        if aside > 0 {
            let what = format!("{aside} rows could not be understood and were put aside");
            let todo = "run `tillwatch quarantine list`, correct the selector file, which is taken while running; `tillwatch quarantine release` tells what the portal no longer shows";
            add(subject.clone(), Kind::Quarantine, what, todo, digits(aside));
        }
        if gaps > 0 {
            let what = format!("{gaps} stretches of the history may lack payments");
            let todo = "compare with the portal; what it shows within the look-back, or by date where it takes dates, comes by itself";
            add(subject, Kind::Gaps, what, todo, digits(gaps));
        }
    }
    for (name, failure) in facts.sinks {
        if let Some(why) = failure {
            let subject = Subject::Sink(name.clone());
            add(
                subject,
                Kind::SinkDead,
                why.clone(),
                "correct the sink: its events are kept meanwhile",
                1,
            );
        }
    }
    if let Some(free) = facts.free.filter(|free| *free < LEAST_FREE) {
        let what = format!("{} MiB are free where the store lies", free >> 20);
        add(
            Subject::Agent,
            Kind::Disk,
            what,
            "make room: nothing is told that cannot be written",
            1,
        );
    }
    found
}

/// What asks for a person, what happened, what to do, and the name of the reason.
fn of_state(status: &Status) -> Option<(Kind, String, String, String)> {
    let name = &status.account;
    match &status.state {
        State::Stopped(halt) => Some((
            Kind::Stopped,
            halt.advice().into_owned(),
            after(*halt, name),
            halt.as_str().to_owned(),
        )),
        State::WaitsForCode { until, given: true } => Some((
            Kind::Code,
            "the portal asks for a one-time code".to_owned(),
            format!("run `tillwatch otp {name}` before {}", text(*until)),
            String::new(),
        )),
        State::OutboxFull => Some((
            Kind::OutboxFull,
            "the outbox is full, so the account is not read".to_owned(),
            "correct the sink that takes no events".to_owned(),
            String::new(),
        )),
        State::Failing {
            why,
            person: true,
            reason,
        } => Some((
            Kind::Failing,
            why.clone(),
            format!("correct it; it is tried again, at once by `tillwatch poll {name}`"),
            reason.clone(),
        )),
        State::Failing { person: false, .. }
        | State::WaitsForCode { given: false, .. }
        | State::Unattended { .. }
        | State::Starting
        | State::SigningIn
        | State::SignedIn
        | State::WaitsForLogin { .. }
        | State::Yields
        | State::Quiet
        | State::Refused { .. }
        | State::Paused => None,
    }
}

/// What changed, and what ends it.
fn of_drift(report: &Report, account: &AccountName) -> (String, String) {
    let mut what = format!("{}; {}", report.what, report.columns());
    if let Some(evidence) = &report.evidence {
        what.push_str(&format!("; see {evidence}"));
    }
    let todo = if report.costs_rows {
        format!(
            "correct the selector file, which is taken while running, then run `tillwatch quarantine release {account}`"
        )
    } else {
        format!(
            "no row is lost: look whether the selector file still reads the right columns, then run `tillwatch quarantine release {account}`"
        )
    };
    (what, todo)
}

/// What ends a stop.
fn after(halt: Halt, name: &AccountName) -> String {
    if matches!(halt, Halt::HistoryAgain { .. }) {
        format!("compare by `tillwatch portal diff`, or run `tillwatch resume {name} --emit-again`")
    } else if halt.asks_person() {
        format!("or run `tillwatch resume {name}` to sign in again")
    } else {
        format!("then run `tillwatch resume {name}`, or change the secret")
    }
}

fn not_read(status: &Status, facts: &Facts<'_>) -> Option<String> {
    // Told as what it is; and a person who paused it knows.
    if status.state.is_left_alone() {
        return None;
    }
    let since = status.last_poll.unwrap_or(facts.began);
    let since = status.due_since.map_or(since, |due| due.max(since));
    let allowed = status.interval.saturating_mul(10).max(NOT_READ);
    let allowed = TimeDelta::from_std(allowed).unwrap_or(TimeDelta::MAX);
    (facts.now - since > allowed).then(|| {
        let why = status
            .why()
            .map_or_else(String::new, |why| format!(": {why}"));
        format!("not read since {} ({}{why})", text(since), status.word())
    })
}

fn digits(number: u64) -> u32 {
    number.checked_ilog10().map_or(0, |log| log + 1)
}

fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Trouble that may go on though it is not found: what the account is doing, or that it does not run, says nothing of it.
#[must_use]
pub fn unsettled(statuses: &[Status], broken: &[Broken]) -> BTreeSet<Key> {
    let running = statuses
        .iter()
        .map(|status| (&status.account, Kind::left_open(&status.state)));
    let broken = broken
        .iter()
        .map(|broken| (&broken.account, Kind::OF_STATE));
    let open = running.chain(broken).flat_map(|(account, kinds)| {
        kinds.iter().map(|kind| Key {
            subject: Subject::Account(account.to_string()),
            kind: *kind,
        })
    });
    open.collect()
}

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Of what.
    pub key: Key,
    /// As it stands, or stood last.
    pub trouble: Trouble,
    /// It is over.
    pub solved: bool,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trouble { what, todo, .. } = &self.trouble;
        match &self.key.subject {
            Subject::Account(name) => write!(f, "account {name}: ")?,
            Subject::Sink(name) => write!(f, "sink {name}: ")?,
            Subject::Agent => {}
        }
        if self.solved {
            write!(f, "solved: {what}")
        } else {
            write!(f, "{what}. {todo}")
        }
    }
}

/// What was told and is not over.
pub type Told = Vec<(Key, Trouble)>;

struct Open {
    trouble: Trouble,
    since: Duration,
    /// The level that was told.
    told: Option<u32>,
    /// The reasons that were told.
    reasons: BTreeSet<String>,
    /// It was found in this run.
    found: bool,
    gone: Option<Duration>,
}

/// Remembers what was told. Instants are monotonic time since an arbitrary origin.
#[derive(Default)]
pub struct Watch {
    open: BTreeMap<Key, Open>,
}

impl Watch {
    /// Goes on after a restart at `now`: what was told then is not told again.
    #[must_use]
    pub fn resume(told: Told, now: Duration) -> Self {
        let open = told.into_iter().map(|(key, trouble)| {
            let open = Open {
                since: now,
                told: Some(trouble.level),
                reasons: BTreeSet::from([trouble.reason.clone()]),
                trouble,
                found: false,
                gone: None,
            };
            (key, open)
        });
        Self {
            open: open.collect(),
        }
    }

    /// What was told and is not over, to be kept over a restart.
    #[must_use]
    pub fn told(&self) -> Told {
        let told = self.open.iter().filter(|(_, open)| open.told.is_some());
        told.map(|(key, open)| (key.clone(), open.trouble.clone()))
            .collect()
    }

    /// Compares what is wrong `now` with what was: gives what is to be told.
    pub fn look(
        &mut self,
        found: BTreeMap<Key, Trouble>,
        unsettled: &BTreeSet<Key>,
        now: Duration,
    ) -> Vec<Notice> {
        let mut notices = Vec::new();
        self.open.retain(|key, open| {
            if unsettled.contains(key) || found.contains_key(key) {
                return true;
            }
            if open.told.is_none() {
                return false;
            }
            let gone = *open.gone.get_or_insert(now);
            if now.saturating_sub(gone) < CALM {
                return true;
            }
            // Found by a sign-in, or by many tries, only: without those in this run nobody knows whether it is over.
            let is_rare = matches!(key.kind, Kind::PasswordExpires | Kind::History);
            if open.found || !is_rare {
                notices.push(Notice {
                    key: key.clone(),
                    trouble: open.trouble.clone(),
                    solved: true,
                });
            }
            false
        });
        for (key, trouble) in found {
            let open = self.open.entry(key.clone()).or_insert_with(|| Open {
                trouble: trouble.clone(),
                since: now,
                told: None,
                reasons: BTreeSet::new(),
                found: true,
                gone: None,
            });
            (open.found, open.gone) = (true, None);
            let lasted = now.saturating_sub(open.since) >= key.kind.patience();
            // Another reason asks something else of the person.
            let is_other = !open.reasons.contains(&trouble.reason);
            let is_news = open
                .told
                .is_none_or(|told| trouble.level > told || is_other);
            if lasted && is_news {
                open.told = Some(trouble.level);
                open.trouble = trouble.clone();
                // Failures come and go by turns by themselves: each is told once, until the account is read.
                if key.kind != Kind::Failing {
                    open.reasons.clear();
                }
                open.reasons.insert(trouble.reason.clone());
                notices.push(Notice {
                    key,
                    trouble,
                    solved: false,
                });
            }
        }
        notices
    }
}

#[cfg(test)]
mod tests;
