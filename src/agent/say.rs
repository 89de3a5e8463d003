//! Says how an account stands: in the log when it changes, on the board always.

use std::time::Duration;

use chrono::TimeDelta;

use super::Agent;
use crate::login::budget::Verdict;
use crate::login::gate::Forecast;
use crate::portal::Portal;
use crate::reading::Done;
use crate::status::State;

impl<P: Portal> Agent<P> {
    /// A place at a browser came after `waited`. That accounts wait for longer than their pause is told once.
    pub(super) fn say_waited(&mut self, waited: Duration) {
        let account = self.account.about.name.as_str();
        let waited_ms = waited.as_millis();
        let is_crowded = waited > self.account.pace.poll;
        if is_crowded && !self.crowded {
            tracing::warn!(
                account,
                waited_ms,
                "waits longer for a browser than from poll to poll: raise `max_sessions` or `poll`"
            );
        } else {
            tracing::debug!(account, waited_ms, "is given a browser");
        }
        self.crowded = is_crowded;
    }

    pub(super) fn log_state(&self, state: &State, wait: Duration) {
        let account = self.account.about.name.as_str();
        let before = &self.waited_in;
        let wait_ms = wait.as_millis();
        match state {
            State::Stopped(halt) if before.as_ref() != Some(state) => {
                tracing::error!(account, "stopped: {}", halt.advice());
            }
            State::OutboxFull if before.as_ref() != Some(state) => {
                tracing::error!(
                    account,
                    "the outbox is full: reading stops until the sinks take their events"
                );
            }
            State::Refused { outcome } => tracing::warn!(
                account,
                outcome = outcome.as_str(),
                wait_ms,
                "the portal did not let us in"
            ),
            State::WaitsForLogin { why } if before.as_ref() != Some(state) => {
                tracing::info!(
                    account,
                    why = why.as_str(),
                    wait_ms,
                    "waits for its next login"
                );
            }
            State::Yields => tracing::warn!(
                account,
                wait_ms,
                "somebody signed in as this user and ended our session: the portal is left to them"
            ),
            State::Quiet if before.as_ref() != Some(state) => {
                tracing::info!(account, wait_ms, "quiet hours: the portal is left alone");
            }
            State::Stopped(_)
            | State::Quiet
            | State::OutboxFull
            | State::WaitsForLogin { .. }
            | State::Starting
            | State::SigningIn
            | State::WaitsForCode { .. }
            | State::Unattended { .. }
            | State::SignedIn
            | State::Paused
            | State::Failing { .. } => {}
        }
    }

    pub(super) async fn say(&mut self, state: State, done: Option<&Done>) {
        let Forecast {
            used,
            cap,
            verdict,
            next,
            ..
        } = self.edges.gate.forecast().await;
        let clock = &self.edges.clock;
        let now = clock.now();
        let ahead = self.schedule.next().saturating_sub(clock.monotonic());
        let next_poll = TimeDelta::from_std(ahead).ok().map(|ahead| now + ahead);
        let began = self.life.age(clock.monotonic()).and(self.signed_in_at);
        self.edges.seat.update(|status| {
            if matches!(state, State::SignedIn) {
                status.signed_in_at = began;
            } else {
                status.signed_in_at = status
                    .signed_in_at
                    .filter(|_| matches!(state, State::Failing { .. }));
            }
            if status.state.is_left_alone() && !state.is_left_alone() {
                status.due_since = Some(now);
            }
            status.state = state;
            status.next_poll = next_poll;
            status.logins_used = used;
            status.logins_cap = cap;
            status.next_login = (verdict != Verdict::Go).then_some(next);
            if let Some(done) = done {
                status.last_poll = Some(done.read_at);
                status.polls += 1;
                status.page_loads += done.pages as u64;
                status.payments_told += done.told as u64;
                status.quarantined = done.aside as u64;
                status.gaps = done.proved.gaps.len() as u64;
            }
        });
    }
}
