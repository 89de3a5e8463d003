//! What the next reading of an account is to cover.

use chrono::{DateTime, TimeDelta, Utc};

use super::Agent;
use crate::completeness::{Goal, LATE_MARGIN};
use crate::event::Gap;
use crate::past::{Piece, Unread};
use crate::portal::{Days, Portal};
use crate::reading::{Done, Plan};
use crate::store::{StoreError, WATERMARK_EVERY};

impl<P: Portal> Agent<P> {
    /// An ordinary reading goes down to the last complete one. A sweep, as the first reading of a run, goes back by the
    /// look-back from there: what was shown then may have changed its status ever since.
    pub(super) fn plan(&self) -> Plan {
        let now = self.edges.clock.now();
        let monotonic = self.edges.clock.monotonic();
        let sweep =
            self.sweeps || self.read_through.is_none() || self.schedule.sweep_is_due(monotonic);
        let down_to = match self.read_through {
            // Its newest row says by the portal's clock what our own, which may have been ahead then, says by ours. On an
            // account that is seldom paid it is older than anything that a portal is asked for.
            Some(through) if !sweep => {
                let newest = self.newest.map_or(through, |at| at.min(through));
                newest.max(self.covered() - self.look_back()) - margin()
            }
            Some(_) | None if self.past_is_put_off() => self.covered() - margin(),
            Some(_) | None => self.covered() - self.look_back(),
        };
        let down_to = down_to.max(self.known.since - margin()).min(now);
        let zone = self.account.selectors.zone;
        let days = Days {
            from: down_to.with_timezone(&zone).date_naive(),
            to: now.with_timezone(&zone).date_naive(),
        };
        let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
        // A portal that is not asked for days may show today alone: rows of yesterday are gone at midnight.
        let takes_days = self.account.selectors.table.path_date.is_some();
        let shown_from = if takes_days || self.shows_earlier_days {
            days.from
        } else {
            days.to
        };
        let is_first = self.read_through.is_none() && self.known.watermark.is_some();
        Plan {
            days,
            goal: Goal {
                down_to,
                overlap: if sweep { 0 } else { self.account.pace.overlap },
            },
            since: self.known.since,
            max_pages: self.account.pace.max_pages,
            known_until: self.newest.filter(|at| day(*at) >= days.from),
            doubt_empty: is_first && !self.met_empty
                || self.newest.is_some_and(|at| day(at) >= shown_from),
            watermark_due: self.watermark_told.is_none_or(|told| {
                monotonic.saturating_sub(told) >= WATERMARK_EVERY.to_std().unwrap_or_default()
            }),
            unread: self.known.unread,
            is_past: false,
            until: now,
        }
    }

    /// Has the reading shown a row of a day before its own, for which the portal's clock and ours may differ?
    pub(super) fn is_of_earlier_day(&self, done: &Done) -> bool {
        let zone = self.account.selectors.zone;
        let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
        done.oldest
            .is_some_and(|at| day(at) < day(done.read_at - margin()))
    }

    /// What a changed selector file is compared on, and up to where everything in it was told: history that is put off counts
    /// as the look-back does, for it begins with what was told.
    pub(super) fn comparison(&self) -> (Plan, DateTime<Utc>) {
        let (mut plan, covered) = (self.plan(), self.known_until());
        let Some(unread) = self.known.unread else {
            return (plan, covered);
        };
        let zone = self.account.selectors.zone;
        plan.goal.down_to = plan.goal.down_to.min(unread.from);
        plan.days.from = plan.goal.down_to.with_timezone(&zone).date_naive();
        (plan, covered.min(unread.from + self.look_back()))
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

    /// The days of a hole, which are over.
    pub(super) fn hole(&self, gap: &Gap) -> Plan {
        let zone = self.account.selectors.zone;
        let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
        let (first, last) = (day(gap.from), day(gap.to));
        let newest = Piece {
            day: last,
            from: gap.from,
            to: gap.to,
        };
        Plan {
            days: Days {
                from: first,
                to: last,
            },
            ..self.past(newest)
        }
    }

    /// Where the table can be asked for by date, what lies before the look-back is put off: new payments first.
    pub(super) async fn put_off_the_past(&mut self) -> Result<(), StoreError> {
        let covered = self.covered();
        let top = self.edges.clock.now() - self.look_back();
        let has_dates = self.account.selectors.table.path_date.is_some();
        let bottom = self.known.since - margin();
        if !has_dates || (covered - margin()).max(bottom) >= top {
            return Ok(());
        }
        // Two stretches become one, in which what was read between them is read again: for less than a day the history
        // would begin anew after every pause that is longer than the look-back, and never end.
        if self.known.unread.is_some() && top - covered <= TimeDelta::days(1) {
            // A late row of then may stand before the look-back of the sweep that is due next.
            self.sweeps = true;
            return Ok(());
        }
        let unread = Unread {
            from: (covered - self.look_back()).max(bottom),
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
        self.say_unread();
        Ok(())
    }

    pub(super) fn say_unread(&self) {
        let zone = self.account.selectors.zone;
        let days = self.known.unread.map_or(0, |unread| unread.days(zone));
        self.edges.seat.update(|status| status.days_unread = days);
    }

    /// To where this run or earlier ones have read, the history that is put off apart.
    fn covered(&self) -> DateTime<Utc> {
        let known = &self.known;
        let through = known.read_through.filter(|_| known.unread.is_some());
        let earlier = through.or(known.watermark).unwrap_or(known.since);
        // A clock that was ahead then had not read what is yet to come.
        self.read_through
            .unwrap_or(earlier)
            .min(self.edges.clock.now())
    }

    /// Up to here what was to be told has been told.
    pub(super) fn known_until(&self) -> DateTime<Utc> {
        self.newest
            .map_or(self.covered(), |newest| newest.max(self.covered()))
    }

    /// Is everything before `covered` read day by day?
    fn past_is_put_off(&self) -> bool {
        let unread = self.known.unread;
        unread.is_some_and(|unread| self.covered() - margin() <= unread.to)
    }

    fn look_back(&self) -> TimeDelta {
        TimeDelta::from_std(self.account.pace.look_back).unwrap_or_default()
    }
}

fn margin() -> TimeDelta {
    TimeDelta::from_std(LATE_MARGIN).unwrap_or_default()
}
