//! What the running agent says of itself: to the health endpoints and to the demo's status line.

use std::time::Duration;

use tokio::sync::watch;

use super::Task;
use crate::delivery::Progress;
use crate::http::health::{AccountHealth, Duty, Health, SinkHealth};
use crate::status::{Broken, State, Status};
use crate::store::Store;

/// Sinks fall behind without anybody saying so: looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where it is said.
pub struct Listeners {
    /// The health endpoints.
    pub health: watch::Sender<Health>,
    /// A status line.
    pub statuses: Option<watch::Sender<Option<Vec<Status>>>>,
}

/// Who is spoken of.
pub struct Subjects {
    /// How the accounts that run stand.
    pub board: watch::Receiver<Vec<Status>>,
    /// Accounts that do not run.
    pub broken: Vec<Broken>,
    /// The sinks by name.
    pub sinks: Vec<(String, watch::Receiver<Progress>)>,
    /// Says how much there is to deliver.
    pub store: Store,
}

/// Passes on what changes, until `stop`.
pub async fn report(
    mut subjects: Subjects,
    listeners: Listeners,
    mut stop: watch::Receiver<bool>,
) -> Task {
    loop {
        let statuses = subjects.board.borrow_and_update().clone();
        listeners.health.send_replace(health(&subjects, &statuses));
        if let Some(line) = &listeners.statuses {
            line.send_replace(Some(statuses));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            changed = subjects.board.changed() => if changed.is_err() { return Task::Service },
            _ = stop.changed() => return Task::Service,
        }
    }
}

fn health(subjects: &Subjects, statuses: &[Status]) -> Health {
    let broken = subjects.broken.iter().map(|broken| AccountHealth {
        name: broken.account.clone(),
        duty: Duty::Stopped,
        state: broken.why.clone(),
        interval: Duration::ZERO,
        last_poll: None,
        next_poll: None,
        next_login: None,
        logins_used: 0,
        logins_cap: 0,
    });
    let newest = *subjects.store.newest().borrow();
    let sinks = subjects.sinks.iter().map(|(name, progress)| {
        let progress = progress.borrow().clone();
        SinkHealth {
            name: name.clone(),
            behind: newest.saturating_sub(progress.acknowledged),
            failure: progress.failure,
        }
    });
    Health {
        accounts: statuses.iter().map(account).chain(broken).collect(),
        sinks: sinks.collect(),
    }
}

fn account(status: &Status) -> AccountHealth {
    let duty = match &status.state {
        State::Paused | State::Quiet => Duty::Paused,
        State::Stopped(_) => Duty::Stopped,
        State::Starting
        | State::SigningIn
        | State::WaitsForCode { .. }
        | State::Unattended { .. }
        | State::SignedIn
        | State::WaitsForLogin { .. }
        | State::Refused { .. }
        | State::Yields
        | State::OutboxFull
        | State::Failing { .. } => Duty::Running,
    };
    let word = status.word();
    AccountHealth {
        name: status.account.clone(),
        duty,
        state: status
            .why()
            .map_or_else(|| word.to_owned(), |why| format!("{word}: {why}")),
        interval: status.interval,
        last_poll: status.last_poll,
        next_poll: status.next_poll,
        next_login: status.next_login,
        logins_used: status.logins_used,
        logins_cap: status.logins_cap,
    }
}
