//! What really happened, for those who check a reader of the pages: rows, sign-in attempts and page loads.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

use super::access::LoginOutcome;
use super::statement::{Direction, Line, RowKind};

/// Entries kept of each log; older ones are dropped and counted as forgotten.
const LOG_LIMIT: usize = 100_000;

/// Everything the portal knows at `now`. Instants are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// The portal's time.
    pub now: DateTime<Utc>,
    /// Every row ever visible, in order of posting.
    pub rows: Vec<TruthRow>,
    /// Every POST of the sign-in form, in order of arrival.
    pub attempts: Vec<Attempt>,
    /// Every request for a page, in order of arrival.
    pub loads: Vec<PageLoad>,
    /// Attempts and loads too old to be listed.
    pub forgotten: u64,
    /// Whether the user is locked.
    pub locked: bool,
    /// When the open session was opened, if one is open.
    pub session_since: Option<DateTime<Utc>>,
}

/// A row as the portal knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthRow {
    /// Shared by a payment and its charge.
    pub receipt: String,
    /// What the row is about.
    pub kind: RowKind,
    /// Which way the money goes.
    pub direction: Direction,
    /// Above zero, two decimals, no separators: `1500.50`.
    pub amount: String,
    /// ISO 4217; always `KES`.
    pub currency: String,
    /// Masked number of the payer; payments and reversals only.
    pub payer: Option<String>,
    /// Name of the payer; payments and reversals only.
    pub payer_name: Option<String>,
    /// What the payer typed as account; payments only.
    pub customer_reference: Option<String>,
    /// Present status word.
    pub status: String,
    /// Whether the money moved; stays true whatever the status word becomes later.
    pub settled: bool,
    /// When it began, whole seconds.
    pub initiated_at: DateTime<Utc>,
    /// When it ended, whole seconds; none while it waits.
    pub completed_at: Option<DateTime<Utc>>,
    /// When a page first could show it.
    pub visible_at: DateTime<Utc>,
    /// When a page first could show its present status.
    pub status_at: DateTime<Utc>,
    /// Every status it had, oldest first.
    pub statuses: Vec<StatusAt>,
    /// Receipt of the row that it reverses.
    pub linked_receipt: Option<String>,
    /// Balance after it in the order of the statement as of now; two decimals. Late rows change it.
    pub balance: Option<String>,
}

/// A status word and when a page first could show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusAt {
    /// The word.
    pub status: String,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// A POST of the sign-in form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// What came of it.
    pub outcome: LoginOutcome,
}

/// A request for a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageLoad {
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// `GET`, `POST` or `HEAD`.
    pub method: String,
    /// Such as `/statement.action`.
    pub path: String,
    /// The page of the statement asked for, if the address names one.
    pub page: Option<u64>,
    /// `Sec-Fetch-Mode` as browsers send it: `navigate` for a page that is loaded, `cors` for what a script fetches; none
    /// from what is no browser.
    #[serde(default)]
    pub mode: Option<String>,
}

pub(in crate::demo) fn row(line: &Line<'_>) -> TruthRow {
    let row = line.row;
    let plain = |amount: Decimal| format!("{amount:.2}");
    TruthRow {
        receipt: row.receipt.clone(),
        kind: row.kind,
        direction: row.direction(),
        amount: plain(row.amount),
        currency: "KES".into(),
        payer: row.payer.clone(),
        payer_name: row.payer_name.clone(),
        customer_reference: row.reference.clone(),
        status: row.status().to_owned(),
        settled: row.settled,
        initiated_at: row.initiated,
        completed_at: row.completed,
        visible_at: row.visible,
        status_at: row.statuses.last().map_or(row.visible, |(_, at)| *at),
        statuses: row
            .statuses
            .iter()
            .map(|(status, at)| StatusAt {
                status: status.clone(),
                at: *at,
            })
            .collect(),
        linked_receipt: row.linked.clone(),
        balance: line.balance.map(plain),
    }
}

/// The logs that grow with every request.
#[derive(Default)]
pub(super) struct Journal {
    attempts: VecDeque<Attempt>,
    attempts_forgotten: u64,
    loads: VecDeque<PageLoad>,
    loads_forgotten: u64,
}

impl Journal {
    pub fn load(&mut self, load: PageLoad) {
        self.loads.push_back(load);
        if self.loads.len() > LOG_LIMIT {
            self.loads.pop_front();
            self.loads_forgotten += 1;
        }
    }

    /// Notes an attempt without its outcome; answers the number to give it one by.
    pub fn attempt(&mut self, at: DateTime<Utc>) -> u64 {
        self.attempts.push_back(Attempt {
            at,
            outcome: LoginOutcome::Unanswered,
        });
        if self.attempts.len() > LOG_LIMIT {
            self.attempts.pop_front();
            self.attempts_forgotten += 1;
        }
        self.attempts_forgotten + self.attempts.len() as u64 - 1
    }

    pub fn outcome(&mut self, number: u64, outcome: LoginOutcome) {
        let place = number
            .checked_sub(self.attempts_forgotten)
            .and_then(|place| usize::try_from(place).ok());
        if let Some(attempt) = place.and_then(|place| self.attempts.get_mut(place)) {
            attempt.outcome = outcome;
        }
    }

    pub fn attempts(&self) -> Vec<Attempt> {
        self.attempts.iter().cloned().collect()
    }

    pub fn loads(&self) -> Vec<PageLoad> {
        self.loads.iter().cloned().collect()
    }

    pub fn forgotten(&self) -> u64 {
        self.attempts_forgotten + self.loads_forgotten
    }
}
