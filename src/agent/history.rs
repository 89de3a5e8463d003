//! Reads history that was put off, day by day beside what is new.

use super::{Agent, LASTING, Turn, TurnError};
use crate::portal::Portal;
use crate::reading::{Done, ReadError};
use crate::status::Status;
use crate::understand::Session;

impl<P: Portal> Agent<P> {
    /// The history comes after what is new has been told, for half a pause at the most, or to its end when `once`. Its
    /// failure does not make the reading one.
    pub(super) async fn then_past(
        &mut self,
        done: Done,
        once: bool,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Turn, TurnError> {
        let began = self.edges.clock.monotonic();
        loop {
            match self.read_past(stop).await {
                Err(error) if error.is_final() => return Err(error),
                // What it is short of is our own stop.
                Err(_) if stop() => return Ok(Turn::Read(done)),
                Err(error) if once => return Err(error),
                Err(error) => {
                    self.past_failures = self.past_failures.saturating_add(1);
                    let (account, failures) =
                        (self.account.about.name.as_str(), self.past_failures);
                    let why = why(&error);
                    if failures.is_multiple_of(LASTING) {
                        tracing::error!(
                            account,
                            failures,
                            "a day of history cannot be read, and what was paid then and before is not told: {why}"
                        );
                        let update = |status: &mut Status| status.history_fails = Some(why);
                        self.edges.seat.update(update);
                    } else {
                        tracing::info!(account, "a day of history is read again later: {why}");
                    }
                    return Ok(Turn::Read(done));
                }
                Ok(()) => {
                    self.past_failures = 0;
                    self.edges.seat.update(|status| status.history_fails = None);
                }
            }
            let took = self.edges.clock.monotonic().saturating_sub(began);
            let is_enough = !once && took * 2 >= self.account.pace.poll;
            if self.known.unread.is_none() || is_enough || stop() {
                return Ok(Turn::Read(done));
            }
        }
    }

    /// Reads one more day of the history that was put off, after what is new was read.
    async fn read_past(&mut self, stop: &(dyn Fn() -> bool + Sync)) -> Result<(), TurnError> {
        let Some(unread) = self.known.unread else {
            return Ok(());
        };
        let zone = self.account.selectors.zone;
        let piece = unread.newest(zone);
        let done = self.read_as(&self.past(piece), stop).await?;
        let left = unread.without(piece);
        self.note_unread(left).await?;
        let days_left = left.map_or(0, |left| left.days(zone));
        let (account, rows) = (self.account.about.name.as_str(), done.rows);
        tracing::info!(account, day = %piece.day, rows, days_left, "history read");
        self.edges.seat.update(|status| {
            status.payments_told += done.told as u64;
            status.page_loads += done.pages as u64;
        });
        Ok(())
    }
}

/// Why a day was not read, in words that fit a day.
fn why(error: &TurnError) -> String {
    match error {
        TurnError::Read(ReadError::Session(Session::SignedOut)) => {
            "the session ended before the day was read".to_owned()
        }
        error => error.to_string(),
    }
}
