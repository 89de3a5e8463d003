//! What an account's loop is given: who it is, where it reads and writes, where it says how it stands.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};

use crate::attended::Attended;
use crate::clock::Clock;
use crate::config::SelectorFile;
use crate::control::Ordered;
use crate::event::AccountRef;
use crate::login::credentials::Sources;
use crate::login::gate::Gate;
use crate::one_time_code::Codes;
use crate::payment::AccountName;
use crate::portal::Taped;
use crate::portal::pool::Pool;
use crate::schedule::Pace;
use crate::selectors;
use crate::status::Status;
use crate::store::Store;

/// One account, resolved: everything its loop needs to know.
#[derive(Debug, Clone)]
pub struct Account {
    /// Names and identity.
    pub about: AccountRef,
    /// The portal user.
    pub user: String,
    /// The selector file with this account's overrides.
    pub selectors: Arc<selectors::Portal>,
    /// That file, where it is looked at again while the account runs.
    pub file: Option<Arc<SelectorFile>>,
    /// Where the secret may come from.
    pub sources: Sources,
    /// How often it is read, and how far back.
    pub pace: Pace,
    /// Hours in which a person is at hand for a sign-in, where one is needed.
    pub attended: Option<Attended>,
    /// How long a person has for finishing a sign-in in our browser.
    pub person_wait: Duration,
    /// Completions from here on are told; `None` means from the account's first start.
    pub since: Option<DateTime<Utc>>,
    /// Whether the portal is signed out of whenever the agent stops; else the session is kept.
    pub sign_out_at_stop: bool,
}

/// Limits that all accounts share.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Sinks whose acknowledgement counts.
    pub sinks: Vec<String>,
    /// Events not acknowledged by all of them at which reading stops.
    pub outbox: u64,
}

/// What an account works with.
pub struct Edges<P> {
    /// Where pages come from.
    pub portal: Taped<P>,
    /// Where payments go.
    pub store: Store,
    /// The login budget of its portal user.
    pub gate: Gate,
    /// Where one-time codes come from.
    pub codes: Codes,
    /// Names the ledger of that portal user.
    pub ledger: String,
    /// Time.
    pub clock: Clock,
    /// Bounds the browsers of all accounts.
    pub pool: Pool,
    /// From the control socket.
    pub orders: mpsc::Receiver<Ordered>,
    /// How it stands, for health and status.
    pub seat: Seat,
}

/// One account's place among the statuses of all.
#[derive(Debug, Clone)]
pub struct Seat {
    board: watch::Sender<Vec<Status>>,
    index: usize,
}

impl Seat {
    /// Takes the next place for `account`, read every `interval`.
    #[must_use]
    pub fn take(
        board: &watch::Sender<Vec<Status>>,
        account: &AccountName,
        interval: Duration,
    ) -> Self {
        let mut index = 0;
        board.send_modify(|all| {
            index = all.len();
            all.push(Status::starting(account.clone(), interval));
        });
        Self {
            board: board.clone(),
            index,
        }
    }

    /// Changes what is said of it.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Status)) {
        self.board.send_modify(|all| {
            if let Some(status) = all.get_mut(self.index) {
                change(status);
            }
        });
    }
}
