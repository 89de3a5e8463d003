//! Reads history by date, beside what is new: what was put off, day by day, then holes whose days are over. A portal may show
//! later what it did not, and a hole beyond the look-back is met by no other reading.

use std::collections::HashMap;
use std::time::Duration;

use super::{Agent, LASTING, Turn, TurnError};
use crate::event::Gap;
use crate::portal::Portal;
use crate::reading::{Done, ReadError};
use crate::status::Status;
use crate::understand::Session;

/// Open holes are looked up once in this time, and after each start.
const LOOK_UP_EVERY: Duration = Duration::from_secs(3600);
/// Each is read again once in this time.
const HOLE_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Holes that are to be read again.
#[derive(Debug, Default)]
pub(super) struct Holes {
    /// Newest last.
    waiting: Vec<Gap>,
    /// When each that is still open was read again; monotonic.
    read: HashMap<Gap, Duration>,
    /// When they are looked up next; monotonic.
    due: Duration,
}

impl<P: Portal> Agent<P> {
    /// The history comes after what is new has been told, for half a pause at the most, or to its end when `once`; quiet hours
    /// end it too. Its failure does not make the reading one.
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
            let is_enough =
                (!once && took * 2 >= self.account.pace.poll) || self.quiet_left().is_some();
            if !self.has_past() || is_enough || stop() {
                return Ok(Turn::Read(done));
            }
        }
    }

    /// Reads one more day of the history that was put off, after what is new was read.
    async fn read_past(&mut self, stop: &(dyn Fn() -> bool + Sync)) -> Result<(), TurnError> {
        let Some(unread) = self.known.unread else {
            return self.read_hole(stop).await;
        };
        let zone = self.account.selectors.zone;
        let piece = unread.newest(zone);
        let done = self.read_as(&self.past(piece), stop).await?;
        let left = unread.without(piece);
        self.note_unread(left).await?;
        let days_left = left.map_or(0, |left| left.days(zone));
        let (account, rows) = (self.account.about.name.as_str(), done.rows);
        tracing::info!(account, day = %piece.day, rows, days_left, "history read");
        self.count_past(&done);
        Ok(())
    }

    /// Is there history that waits to be read?
    pub(super) fn has_past(&self) -> bool {
        self.known.unread.is_some() || !self.holes.waiting.is_empty()
    }

    /// Reads the days of one more hole again.
    async fn read_hole(&mut self, stop: &(dyn Fn() -> bool + Sync)) -> Result<(), TurnError> {
        self.look_up_holes().await?;
        let Some(gap) = self.holes.waiting.last().cloned() else {
            return Ok(());
        };
        let read = self.read_as(&self.hole(&gap), stop).await;
        let account = self.account.about.name.as_str();
        match read.map_err(TurnError::Read) {
            Ok(done) => {
                self.holes.waiting.pop();
                self.holes
                    .read
                    .insert(gap.clone(), self.edges.clock.monotonic());
                let (rows, told) = (done.rows, done.told);
                tracing::info!(account, from = %gap.from, to = %gap.to, rows, told, "the days of a hole were read again");
                self.count_past(&done);
                Ok(())
            }
            Err(error) if error.is_final() => Err(error),
            Err(_) if stop() => Ok(()),
            Err(error) => {
                // A portal may not show days that long ago: nothing that is new is to wait for them, nor other holes.
                let why = why(&error);
                tracing::warn!(account, from = %gap.from, to = %gap.to, "the days of a hole cannot be read, and are tried again in a day: {why}");
                self.holes.read.insert(gap, self.edges.clock.monotonic());
                self.holes.waiting.clear();
                Ok(())
            }
        }
    }

    async fn look_up_holes(&mut self) -> Result<(), TurnError> {
        let now = self.edges.clock.monotonic();
        let takes_dates = self.account.selectors.table.path_date.is_some();
        if !takes_dates || now < self.holes.due {
            return Ok(());
        }
        let zone = self.account.selectors.zone;
        let today = self.edges.clock.now().with_timezone(&zone).date_naive();
        let state = self.edges.store.account(&self.account.about.name).await?;
        let mut waiting = state.map(|state| state.gaps).unwrap_or_default();
        let holes = &mut self.holes;
        holes
            .read
            .retain(|gap, at| waiting.contains(gap) && now.saturating_sub(*at) < HOLE_EVERY);
        waiting.retain(|gap| {
            let is_over = gap.to.with_timezone(&zone).date_naive() < today;
            is_over && !holes.read.contains_key(gap)
        });
        waiting.sort();
        (holes.waiting, holes.due) = (waiting, now + LOOK_UP_EVERY);
        Ok(())
    }

    fn count_past(&self, done: &Done) {
        self.edges.seat.update(|status| {
            status.payments_told += done.told as u64;
            status.page_loads += done.pages as u64;
        });
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
