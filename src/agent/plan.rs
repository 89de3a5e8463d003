//! What the next reading of an account is to cover.

use chrono::{DateTime, TimeDelta, Utc};

use super::Agent;
use crate::completeness::{Goal, LATE_MARGIN};
use crate::past::{Piece, Unread};
use crate::portal::{Days, Portal};
use crate::reading::Plan;
use crate::store::{StoreError, WATERMARK_EVERY};

impl<P: Portal> Agent<P> {
    /// An ordinary reading goes down to the last complete one; a sweep covers the look-back, and the first
    /// reading of a run everything since the stored watermark.
    pub(super) fn plan(&self) -> Plan {
        let now = self.edges.clock.now();
        let monotonic = self.edges.clock.monotonic();
        let sweep = self.read_through.is_none() || self.schedule.sweep_is_due(monotonic);
        let look_back = self.look_back();
        let down_to = match self.read_through {
            Some(through) if !sweep => through - margin(),
            Some(through) => look_back.min(through - margin()),
            None => look_back.min(self.covered() - margin()),
        };
        let down_to = down_to.max(self.known.since - margin()).min(now);
        let zone = self.account.selectors.zone;
        let days = Days {
            from: down_to.with_timezone(&zone).date_naive(),
            to: now.with_timezone(&zone).date_naive(),
        };
        let begins = |at: &DateTime<Utc>| at.with_timezone(&zone).date_naive() >= days.from;
        Plan {
            days,
            goal: Goal {
                down_to,
                overlap: if sweep { 0 } else { self.account.pace.overlap },
            },
            since: self.known.since,
            max_pages: self.account.pace.max_pages,
            known_until: self.newest.filter(begins),
            doubt_empty: self.read_through.is_none()
                && self.known.watermark.is_some()
                && !self.met_empty,
            watermark_due: self.watermark_told.is_none_or(|told| {
                monotonic.saturating_sub(told) >= WATERMARK_EVERY.to_std().unwrap_or_default()
            }),
            unread: self.known.unread,
            is_past: false,
            until: now,
        }
    }

    /// One day of the history that is still to be read.
    pub(super) fn past(&self, piece: Piece) -> Plan {
        Plan {
            days: Days {
                from: piece.day,
                to: piece.day,
            },
            goal: Goal {
                down_to: piece.from,
                overlap: 0,
            },
            since: self.known.since,
            max_pages: self.account.pace.max_pages,
            known_until: None,
            doubt_empty: false,
            watermark_due: false,
            unread: self.known.unread,
            is_past: true,
            until: piece.to,
        }
    }

    /// Where the table can be asked for by date, what lies before the look-back is put off: new payments first.
    pub(super) async fn put_off_the_past(&mut self) -> Result<(), StoreError> {
        if self.account.selectors.table.path_date.is_none() {
            return Ok(());
        }
        let covered = self.read_through.unwrap_or_else(|| self.covered());
        let bottom = (covered - margin()).max(self.known.since - margin());
        let top = self.look_back();
        if bottom >= top {
            return Ok(());
        }
        let unread = Unread {
            from: bottom,
            to: top,
        };
        let unread = unread.with(self.known.unread);
        self.note_unread(Some(unread)).await?;
        self.read_through = self.read_through.map(|through| through.max(top + margin()));
        self.known.read_through = Some(top + margin());
        let days = unread.days(self.account.selectors.zone);
        let account = self.account.about.name.as_str();
        tracing::info!(
            account,
            days,
            "history before the look-back is read day by day beside what is new"
        );
        Ok(())
    }

    pub(super) async fn note_unread(&mut self, unread: Option<Unread>) -> Result<(), StoreError> {
        let name = &self.account.about.name;
        self.edges.store.set_unread(name, unread).await?;
        self.known.unread = unread;
        Ok(())
    }

    /// To where earlier runs have read, the history that is put off apart.
    fn covered(&self) -> DateTime<Utc> {
        let known = &self.known;
        let through = known.read_through.filter(|_| known.unread.is_some());
        through.or(known.watermark).unwrap_or(known.since)
    }

    fn look_back(&self) -> DateTime<Utc> {
        let back = TimeDelta::from_std(self.account.pace.look_back).unwrap_or(TimeDelta::MAX);
        self.edges.clock.now() - back
    }
}

fn margin() -> TimeDelta {
    TimeDelta::from_std(LATE_MARGIN).unwrap_or_default()
}
