//! How every account stands at this moment: one answer for `tillwatch status` and `GET /v1/accounts`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::drift::Report;
use crate::login::gate::{Forecast, Gate};
use crate::page_loads::{Hour, PageLoads};
use crate::payment::AccountName;
use crate::status::{Broken, Halt, Status};
use crate::store::{AccountState, Breaker, Quarantined, Store, StoreError};

/// One account, as JSON in `tillwatch status --json` and `GET /v1/accounts`. Instants are RFC 3339, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Its name in the config.
    pub name: String,
    /// What it does, in words: `signed in`, `waiting for the next login`.
    pub state: String,
    /// What it waits for and what to do, where there is something to say.
    pub why: Option<String>,
    /// Since when the session lives.
    pub signed_in_at: Option<String>,
    /// Its age in seconds.
    pub session_seconds: Option<i64>,
    /// The login budget.
    pub logins: LoginsView,
    /// End of the last complete reading of this run.
    pub last_poll: Option<String>,
    /// When the next is due.
    pub next_poll: Option<String>,
    /// Seconds since the last complete reading: how old what consumers know may be.
    pub freshness_seconds: Option<i64>,
    /// Complete readings of this run.
    pub polls: u64,
    /// Pages of the table loaded in them.
    pub page_loads: u64,
    /// Page loads of any kind that count for the last hour.
    pub page_loads_this_hour: u32,
    /// What `page_loads_per_hour` of its selector file allows.
    pub page_loads_per_hour: u32,
    /// Payments told in this run.
    pub payments_told: u64,
    /// Rows in quarantine.
    pub quarantined: u64,
    /// Holes told and not filled.
    pub gaps: u64,
    /// Days of older history that are still to be read.
    pub days_unread: u64,
    /// Why they could not be read for long.
    pub history_fails: Option<String>,
    /// In how many days the password expires, where the portal said so at the last sign-in.
    pub password_expires_in_days: Option<u32>,
    /// Version of the selector file in force: the first 12 digits of its SHA-256. Empty where none is.
    pub selectors: String,
    /// What is wrong with a newer one, which is not taken.
    pub selectors_wrong: Option<String>,
    /// `closed`: signing in is allowed; `doubtful`: once more; `lost`; or the verdict that opened it.
    pub breaker: String,
    /// "Complete up to", as told last.
    pub watermark: Option<String>,
    /// How the portal's pages have changed, until they are understood again.
    pub drift: Option<DriftView>,
}

/// A change of the portal's pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftView {
    /// When it was met first.
    pub since: String,
    /// What changed, in words.
    pub what: String,
    /// Titles of the table's columns as they were.
    pub before: Vec<String>,
    /// As they are.
    pub after: Vec<String>,
    /// Rows are not understood for it.
    pub costs_rows: bool,
    /// Directory in which the page was kept, with stand-ins for everybody's data.
    pub evidence: Option<String>,
}

/// An account's login budget.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginsView {
    /// Attempts inside the cap's window.
    pub used: u32,
    /// What the portal allows.
    pub cap: u32,
    /// What of it is kept for people.
    pub reserve: u32,
    /// When the next one is possible; `None` means now.
    pub next_possible: Option<String>,
}

/// What the answer is made from. Cheap to clone.
#[derive(Clone)]
pub struct Overview {
    /// How the accounts that run stand.
    pub board: watch::Receiver<Vec<Status>>,
    /// Their budgets.
    pub gates: Arc<BTreeMap<AccountName, Gate>>,
    /// Their page loads.
    pub page_loads: Arc<BTreeMap<AccountName, PageLoads>>,
    /// Accounts that do not run.
    pub broken: Arc<[Broken]>,
    /// Breakers, quarantine, gaps.
    pub store: Store,
    /// Ages.
    pub clock: Clock,
}

impl Overview {
    /// Every configured account: those that run in the order of the config, then the broken ones.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn accounts(&self) -> Result<Vec<AccountView>, StoreError> {
        let statuses = self.board.borrow().clone();
        let mut views = Vec::new();
        for status in &statuses {
            let name = &status.account;
            let forecast = match self.gates.get(name) {
                Some(gate) => Some(gate.forecast().await),
                None => None,
            };
            let kept = Kept {
                state: self.store.account(name).await?,
                breaker: self.store.breaker(name).await?,
                quarantined: self.store.quarantine(Some(name)).await?,
            };
            let hour = match self.page_loads.get(name) {
                Some(loads) => Some(loads.hour().await),
                None => None,
            };
            let view = view(status, forecast.as_ref(), &kept, self.clock.now());
            views.push(with_hour(view, hour, self.clock.now()));
        }
        views.extend(self.broken.iter().map(broken));
        Ok(views)
    }
}

/// What the store knows of an account.
struct Kept {
    state: Option<AccountState>,
    breaker: Breaker,
    quarantined: Vec<Quarantined>,
}

fn view(
    status: &Status,
    forecast: Option<&Forecast>,
    kept: &Kept,
    now: DateTime<Utc>,
) -> AccountView {
    let age = |at: Option<DateTime<Utc>>| at.map(|at| (now - at).num_seconds().max(0));
    let logins = forecast.map_or_else(LoginsView::default, |forecast| LoginsView {
        used: forecast.used,
        cap: forecast.cap,
        reserve: forecast.cap.saturating_sub(forecast.limit),
        next_possible: (forecast.next > now).then(|| text(forecast.next)),
    });
    let state = kept.state.as_ref();
    AccountView {
        name: status.account.to_string(),
        state: status.word().to_owned(),
        why: status.why(),
        signed_in_at: status.signed_in_at.map(text),
        session_seconds: age(status.signed_in_at),
        logins,
        last_poll: status.last_poll.map(text),
        next_poll: status.next_poll.map(text),
        freshness_seconds: age(status.last_poll),
        polls: status.polls,
        page_loads: status.page_loads,
        page_loads_this_hour: 0,
        page_loads_per_hour: 0,
        payments_told: status.payments_told,
        quarantined: kept.quarantined.len() as u64,
        gaps: state.map_or(0, |state| state.gaps.len() as u64),
        days_unread: status.days_unread,
        history_fails: status.history_fails.clone(),
        password_expires_in_days: status.password_expires_in,
        selectors: status.selectors.clone(),
        selectors_wrong: status.selectors_wrong.clone(),
        breaker: breaker_word(&kept.breaker),
        watermark: state.and_then(|state| state.watermark).map(text),
        drift: status.drift.as_ref().map(drift),
    }
}

fn with_hour(mut view: AccountView, hour: Option<Hour>, now: DateTime<Utc>) -> AccountView {
    let Some(hour) = hour else {
        return view;
    };
    (view.page_loads_this_hour, view.page_loads_per_hour) = (hour.used, hour.most);
    if let Some(wait) = hour.waits {
        "waiting for a page load".clone_into(&mut view.state);
        let at = TimeDelta::from_std(wait).map_or(now, |wait| now + wait);
        view.why = Some(format!(
            "`page_loads_per_hour` of its selector file lets the next page through at {}",
            at.format("%H:%M:%S UTC")
        ));
    }
    view
}

fn drift(report: &Report) -> DriftView {
    let report = report.clone();
    DriftView {
        since: text(report.since),
        what: report.what,
        before: report.before,
        after: report.after,
        costs_rows: report.costs_rows,
        evidence: report.evidence,
    }
}

fn breaker_word(breaker: &Breaker) -> String {
    match breaker {
        Breaker::Closed => "closed".to_owned(),
        Breaker::Doubtful { .. } => "doubtful".to_owned(),
        Breaker::Missing => Halt::BreakerLost.as_str().to_owned(),
        Breaker::Open { outcome, .. } => Halt::from_word(outcome).as_str().to_owned(),
    }
}

fn broken(broken: &Broken) -> AccountView {
    AccountView {
        name: broken.account.to_string(),
        state: "not started".to_owned(),
        why: Some(broken.why.clone()),
        signed_in_at: None,
        session_seconds: None,
        logins: LoginsView::default(),
        last_poll: None,
        next_poll: None,
        freshness_seconds: None,
        polls: 0,
        page_loads: 0,
        page_loads_this_hour: 0,
        page_loads_per_hour: 0,
        payments_told: 0,
        quarantined: 0,
        gaps: 0,
        days_unread: 0,
        history_fails: None,
        password_expires_in_days: None,
        selectors: String::new(),
        selectors_wrong: None,
        breaker: "closed".to_owned(),
        watermark: None,
        drift: None,
    }
}

fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}
