//! What the next reading of an account is to cover.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Agent;
use crate::completeness::{Goal, LATE_MARGIN};
use crate::portal::{Days, Portal};
use crate::reading::Plan;
use crate::store::WATERMARK_EVERY;

impl<P: Portal> Agent<P> {
    /// An ordinary reading goes down to the last complete one; a sweep covers the look-back, and the first
    /// reading of a run everything since the stored watermark.
    pub(super) fn plan(&self) -> Plan {
        let now = self.edges.clock.now();
        let monotonic = self.edges.clock.monotonic();
        let back = |by: Duration| now - TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        let margin = TimeDelta::from_std(LATE_MARGIN).unwrap_or_default();
        let sweep = self.read_through.is_none() || self.schedule.sweep_is_due(monotonic);
        let down_to = match self.read_through {
            Some(through) if !sweep => through - margin,
            Some(through) => back(self.account.look_back).min(through - margin),
            None => back(self.account.look_back)
                .min(self.known.watermark.unwrap_or(self.known.since) - margin),
        };
        let down_to = down_to.max(self.known.since - margin).min(now);
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
                overlap: if sweep { 0 } else { self.account.overlap },
            },
            since: self.known.since,
            max_pages: self.account.max_pages,
            known_until: self.newest.filter(begins),
            doubt_empty: self.read_through.is_none()
                && self.known.watermark.is_some()
                && !self.met_empty,
            watermark_due: self.watermark_told.is_none_or(|told| {
                monotonic.saturating_sub(told) >= WATERMARK_EVERY.to_std().unwrap_or_default()
            }),
        }
    }
}
