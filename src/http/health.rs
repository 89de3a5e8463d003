//! `/healthz`: is the process at work? `/readyz`: is every account read, and every sink served?

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;

use super::{Http, refusal};
use crate::payment::AccountName;

/// An account may miss so many polls before it counts as not read.
const POLLS_MISSED: u32 = 3;
/// And this much time at least: a sign-in and a few slow pages take longer than three short intervals.
const ALWAYS_ALLOWED: TimeDelta = TimeDelta::seconds(60);
/// A store that does not answer a read for so long is not at work.
const STORE_ANSWERS: Duration = Duration::from_secs(2);

/// What the agent says of its accounts and sinks. Empty until it has begun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Every configured account.
    pub accounts: Vec<AccountHealth>,
    /// Every configured sink.
    pub sinks: Vec<SinkHealth>,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountHealth {
    /// Its name in the config.
    pub name: AccountName,
    /// Is it to be read?
    pub duty: Duty,
    /// What it does, in words: `signed in`, `waits for the next login`, `the portal is down`.
    pub state: String,
    /// Pause between two polls.
    pub interval: Duration,
    /// End of the last complete reading.
    pub last_poll: Option<DateTime<Utc>>,
    /// When the next is due.
    pub next_poll: Option<DateTime<Utc>>,
    /// When the next login is possible; `None` means now.
    pub next_login: Option<DateTime<Utc>>,
    /// Attempts inside the cap's window.
    pub logins_used: u32,
    /// The cap.
    pub logins_cap: u32,
}

/// Is an account to be read?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Yes.
    Running,
    /// A person has the portal: it is not to be read.
    Paused,
    /// It was stopped (wrong password, broken file, locked user) and needs a person.
    Stopped,
}

/// One sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkHealth {
    /// Its name in the config.
    pub name: String,
    /// Events that it has not acknowledged.
    pub behind: u64,
    /// Why it takes none, in words; `None` while it does.
    pub failure: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    ready: bool,
    accounts: Vec<ReadyAccount>,
    sinks: Vec<ReadySink>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadyAccount {
    name: String,
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    state: String,
    last_poll: Option<String>,
    next_poll: Option<String>,
    next_login: Option<String>,
    logins_used: u32,
    logins_cap: u32,
}

#[derive(Serialize)]
struct ReadySink {
    name: String,
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    behind: u64,
}

/// 200 while the process runs and its store answers.
pub(super) async fn healthz(State(http): State<Http>) -> Response {
    match tokio::time::timeout(STORE_ANSWERS, http.store.oldest_kept()).await {
        Ok(Ok(_)) => Json(json!({ "status": "ok" })).into_response(),
        Ok(Err(error)) => refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        Err(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer"),
    }
}

/// 200 when every account that is to be read was, lately, and no sink fails; else 503 with the same body.
pub(super) async fn readyz(State(http): State<Http>) -> Response {
    let health = http.health.borrow().clone();
    let ready = judge(&health, http.clock.now());
    let status = if ready.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(ready)).into_response()
}

fn judge(health: &Health, now: DateTime<Utc>) -> Ready {
    let accounts: Vec<ReadyAccount> = health
        .accounts
        .iter()
        .map(|account| {
            let why = not_ready(account, now);
            ReadyAccount {
                name: account.name.to_string(),
                ready: why.is_none(),
                why,
                state: account.state.clone(),
                last_poll: account.last_poll.map(instant_text),
                next_poll: account.next_poll.map(instant_text),
                next_login: account.next_login.map(instant_text),
                logins_used: account.logins_used,
                logins_cap: account.logins_cap,
            }
        })
        .collect();
    let sinks: Vec<ReadySink> = health
        .sinks
        .iter()
        .map(|sink| ReadySink {
            name: sink.name.clone(),
            ready: sink.failure.is_none(),
            why: sink.failure.clone(),
            behind: sink.behind,
        })
        .collect();
    let begun = !accounts.is_empty();
    Ready {
        ready: begun
            && accounts.iter().all(|account| account.ready)
            && sinks.iter().all(|sink| sink.ready),
        accounts,
        sinks,
    }
}

/// Why an account is not ready; `None` when it is.
fn not_ready(account: &AccountHealth, now: DateTime<Utc>) -> Option<String> {
    match account.duty {
        Duty::Paused => return None,
        Duty::Stopped => return Some("stopped until a person acts".to_owned()),
        Duty::Running => {}
    }
    let Some(last) = account.last_poll else {
        return Some("not read since the start".to_owned());
    };
    let missed = account.interval.saturating_mul(POLLS_MISSED);
    let allowed = TimeDelta::from_std(missed).unwrap_or(TimeDelta::MAX);
    let age = now - last;
    (age > allowed.max(ALWAYS_ALLOWED)).then(|| format!("last read {} s ago", age.num_seconds()))
}

fn instant_text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-21T09:00:00Z";

    fn account(duty: Duty, interval_s: u64, read_s_ago: Option<i64>) -> AccountHealth {
        let now: DateTime<Utc> = NOW.parse().unwrap();
        AccountHealth {
            name: AccountName::new("kilima-main").unwrap(),
            duty,
            state: "signed in".to_owned(),
            interval: Duration::from_secs(interval_s),
            last_poll: read_s_ago.map(|ago| now - TimeDelta::seconds(ago)),
            next_poll: None,
            next_login: None,
            logins_used: 1,
            logins_cap: 30,
        }
    }

    fn why(account: &AccountHealth) -> Option<String> {
        not_ready(account, NOW.parse().unwrap())
    }

    #[test]
    fn an_account_is_ready_while_it_is_read_within_three_polls() {
        assert_eq!(why(&account(Duty::Running, 30, Some(90))), None);
        let late = why(&account(Duty::Running, 30, Some(91)));
        assert_eq!(late.as_deref(), Some("last read 91 s ago"));
        assert_eq!(why(&account(Duty::Running, 2, Some(60))), None);
        assert!(why(&account(Duty::Running, 2, Some(61))).is_some());
        assert!(why(&account(Duty::Running, 30, None)).is_some());
    }

    #[test]
    fn a_paused_account_is_no_fault_and_a_stopped_one_is() {
        assert_eq!(why(&account(Duty::Paused, 30, None)), None);
        assert!(why(&account(Duty::Stopped, 30, Some(1))).is_some());
    }

    #[test]
    fn nothing_is_ready_before_the_agent_has_begun_or_while_a_sink_fails() {
        let now = NOW.parse().unwrap();
        assert!(!judge(&Health::default(), now).ready);
        let mut health = Health {
            accounts: vec![account(Duty::Running, 30, Some(1))],
            sinks: vec![SinkHealth {
                name: "file".to_owned(),
                behind: 0,
                failure: None,
            }],
        };
        assert!(judge(&health, now).ready);
        health.sinks[0].failure = Some("no space left on device".to_owned());
        assert!(!judge(&health, now).ready);
    }
}
