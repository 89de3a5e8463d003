//! Hours in which a person is at hand for a sign-in that needs one. Pure.
//!
//! A sign-in outside them waits for the next opening. A session that would end outside them is replaced before they close,
//! so that the person is asked by day and not missed by night.

use std::time::Duration;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

/// The last part of the hours, in which a session that will not last until the next opening is replaced.
const BEFORE_CLOSING: Duration = Duration::from_secs(30 * 60);
/// Days that are searched for an opening: one of them opens, since a week has an attended day.
const A_WEEK: u64 = 8;

/// Hours of some days of the week, in the portal's zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attended {
    days: [bool; 7],
    from: NaiveTime,
    to: NaiveTime,
}

/// Days or hours that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHours {
    /// Neither a day nor a range of days.
    #[error("names a day that is none")]
    Days,
    /// They end before they begin.
    #[error("ends before it begins: hours do not run over midnight")]
    Order,
}

impl Attended {
    /// `days` are three-letter names, ranges of them, or both: `mon-fri`, `sat-mon`, `mon-wed,sat`.
    ///
    /// # Errors
    /// [`NotHours`].
    pub fn new(days: &str, from: NaiveTime, to: NaiveTime) -> Result<Self, NotHours> {
        if from >= to {
            return Err(NotHours::Order);
        }
        Ok(Self {
            days: parse_days(days)?,
            from,
            to,
        })
    }

    /// How long until a person is at hand; `None` when one is.
    #[must_use]
    pub fn closed_for(&self, now: DateTime<Utc>, zone: Tz) -> Option<Duration> {
        if self.closing(now, zone).is_some() {
            return None;
        }
        let opening = self.next_opening(now, zone)?;
        (opening - now).to_std().ok()
    }

    /// Is the session, which began and ends at these instants, to be replaced now? So it is when a person is at hand
    /// for only a little longer and nobody is when it ends; once, however short a new one is.
    #[must_use]
    pub fn replace_now(
        &self,
        now: DateTime<Utc>,
        (began, ends): (DateTime<Utc>, DateTime<Utc>),
        zone: Tz,
    ) -> bool {
        let Some(closing) = self.closing(now, zone) else {
            return false;
        };
        let last_part = closing - TimeDelta::from_std(BEFORE_CLOSING).unwrap_or_default();
        let opens = self.next_opening(closing, zone);
        began < last_part
            && last_part <= now
            && closing <= ends
            && opens.is_some_and(|opens| ends < opens)
    }

    /// When the hours that are on now end.
    fn closing(&self, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let today = now.with_timezone(&zone).date_naive();
        let (opens, closes) = self.of(today, zone)?;
        (opens <= now && now < closes).then_some(closes)
    }

    fn next_opening(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let today = after.with_timezone(&zone).date_naive();
        (0..=A_WEEK)
            .filter_map(|days| self.of(today.checked_add_days(Days::new(days))?, zone))
            .map(|(opens, _)| opens)
            .find(|opens| *opens > after)
    }

    /// First and last instant of one day's hours.
    fn of(&self, day: NaiveDate, zone: Tz) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let place = usize::try_from(day.weekday().num_days_from_monday()).ok()?;
        if !self.days.get(place).copied().unwrap_or(false) {
            return None;
        }
        Some((at(day, self.from, zone)?, at(day, self.to, zone)?))
    }
}

/// A local time as an instant; one that the zone leaves out is an hour later by the clock.
fn at(day: NaiveDate, time: NaiveTime, zone: Tz) -> Option<DateTime<Utc>> {
    let local = day.and_time(time);
    let found = zone.from_local_datetime(&local).earliest().or_else(|| {
        let later = local.checked_add_signed(TimeDelta::hours(1))?;
        zone.from_local_datetime(&later).earliest()
    })?;
    Some(found.to_utc())
}

fn parse_days(text: &str) -> Result<[bool; 7], NotHours> {
    let mut days = [false; 7];
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (day(first)?, day(last)?);
        let mut next = first;
        loop {
            if let Some(day) = usize::try_from(next.num_days_from_monday())
                .ok()
                .and_then(|place| days.get_mut(place))
            {
                *day = true;
            }
            if next == last {
                break;
            }
            next = next.succ();
        }
    }
    Ok(days)
}

fn day(text: &str) -> Result<Weekday, NotHours> {
    let text = text.trim();
    if text.len() != 3 {
        return Err(NotHours::Days);
    }
    text.parse().map_err(|_| NotHours::Days)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use chrono_tz::Africa::Nairobi;

    fn hours(days: &str) -> Attended {
        let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        Attended::new(days, time(8), time(18)).unwrap()
    }

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse::<DateTime<chrono::FixedOffset>>()
            .unwrap()
            .to_utc()
    }

    /// Minutes until somebody is at hand. The 21st of November 2026 is a Saturday.
    fn closed(days: &str, now: &str) -> Option<u64> {
        let now = instant(&format!("2026-11-{now}:00+03:00"));
        let closed = hours(days).closed_for(now, Nairobi);
        closed.map(|closed| closed.as_secs() / 60)
    }

    #[test]
    fn a_sign_in_waits_for_the_next_opening() {
        assert_eq!(closed("mon-sat", "21T07:59"), Some(1));
        assert_eq!(closed("mon-sat", "21T08:00"), None);
        assert_eq!(closed("mon-sat", "21T17:59"), None);
        assert_eq!(closed("mon-sat", "21T18:00"), Some(38 * 60));
        assert_eq!(closed("sat-mon", "21T18:00"), Some(14 * 60));
        assert_eq!(closed("sat", "21T18:00"), Some((6 * 24 + 14) * 60));
        assert_eq!(closed("wed,fri", "21T12:00"), Some((3 * 24 + 20) * 60));
    }

    #[test]
    fn a_session_that_would_end_by_night_is_replaced_before_the_hours_close() {
        let at = |text: &str| instant(&format!("2026-11-{text}:00+03:00"));
        let replace_one_of = |began: &str, now: &str, ends: &str| {
            hours("mon-sat").replace_now(at(now), (at(began), at(ends)), Nairobi)
        };
        let replace = |now: &str, ends: &str| replace_one_of("20T12:00", now, ends);
        assert!(!replace("20T17:29", "20T20:00"), "not yet");
        assert!(replace("20T17:30", "20T20:00"));
        assert!(
            !replace("20T17:30", "20T17:59"),
            "it ends while somebody is there"
        );
        assert!(!replace("20T17:30", "21T08:00"), "it lasts until morning");
        assert!(replace("21T17:45", "23T07:59"), "over the weekend");
        assert!(!replace("20T18:00", "20T20:00"), "nobody is there");
        let renewed = replace_one_of("20T17:31", "20T17:40", "21T01:31");
        assert!(!renewed, "the new one is not replaced again");
    }

    #[test]
    fn what_is_no_day_is_refused() {
        let eight = NaiveTime::from_hms_opt(8, 0, 0).unwrap();
        let nine = NaiveTime::from_hms_opt(9, 0, 0).unwrap();
        for days in ["", "monday", "mo", "mon-", "mon..fri", "mon,,tue"] {
            assert_eq!(
                Attended::new(days, eight, nine),
                Err(NotHours::Days),
                "{days}"
            );
        }
        assert_eq!(Attended::new("mon", nine, eight), Err(NotHours::Order));
    }
}
