//! Who is due, and when. Pure.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveTime, TimeZone};
use chrono_tz::Tz;

/// How often an account is read, how far back, and when not.
#[derive(Debug, Clone)]
pub struct Pace {
    /// `poll`: pause from one reading to the next, shortened by up to a tenth so that accounts do not march in step. 1s to
    /// 1h, default 30s.
    pub poll: Duration,
    /// `look_back`: every row completed within this long is read again at each sweep. 1m to 90d, default 24h.
    pub look_back: Duration,
    /// `sweep`: how often the whole look-back is read; not shorter than `poll`. 1s to 24h, default 15m.
    pub sweep: Duration,
    /// `overlap`: known rows in a row after which an ordinary reading may stop. 1 to 10,000, default 20.
    pub overlap: usize,
    /// `max_pages`: pages of one reading. 1 to 10,000, default 200.
    pub max_pages: usize,
    /// `yield_for`: how long the portal is left to somebody who signed in as the same user. 0s to 24h, default 10m.
    pub yield_for: Duration,
    /// `quiet`: times of the day, in the portal's zone, at which the portal is not asked for anything. Default none.
    pub quiet: Vec<Quiet>,
}

/// Hours of every day; over midnight where `to` is the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// Its first minute.
    pub from: NaiveTime,
    /// The first minute after it.
    pub to: NaiveTime,
}

impl Quiet {
    /// How much of it is left at `now`; `None` outside it. Local times: an hour that the zone leaves out or repeats
    /// shortens or lengthens it.
    #[must_use]
    pub fn left(&self, now: &DateTime<Tz>) -> Option<Duration> {
        let time = now.time();
        let (today, tomorrow) = (time < self.to, time >= self.from);
        let ends_tomorrow = match (self.from < self.to, today, tomorrow) {
            (true, true, true) | (false, true, false) => false,
            (false, _, true) => true,
            (true, _, _) | (false, false, false) => return None,
        };
        let days = Days::new(u64::from(ends_tomorrow));
        let end = now.date_naive().checked_add_days(days)?.and_time(self.to);
        // Where the zone leaves that time out, the quiet ends an hour later by the clock.
        let end = now
            .timezone()
            .from_local_datetime(&end)
            .earliest()
            .or_else(|| {
                let later = end.checked_add_signed(chrono::TimeDelta::hours(1))?;
                now.timezone().from_local_datetime(&later).earliest()
            })?;
        (end - *now).to_std().ok()
    }
}

/// When an account is read next. Instants are monotonic time since an arbitrary origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    sweep_every: Duration,
    next: Duration,
    swept: Option<Duration>,
}

impl Schedule {
    /// Due at once.
    #[must_use]
    pub fn starting(now: Duration, sweep_every: Duration) -> Self {
        Self {
            sweep_every,
            next: now,
            swept: None,
        }
    }

    /// The instant of the next reading.
    #[must_use]
    pub fn next(&self) -> Duration {
        self.next
    }

    /// Is the whole look-back to be read this time?
    #[must_use]
    pub fn sweep_is_due(&self, now: Duration) -> bool {
        self.swept
            .is_none_or(|swept| now >= swept + self.sweep_every)
    }

    /// A reading begun at `began` succeeded, and the next one follows in `interval`. The rhythm is kept; beats that have
    /// passed are left out.
    pub fn read(&mut self, began: Duration, now: Duration, swept: bool, interval: Duration) {
        if swept {
            self.swept = Some(began);
        }
        self.next = (self.next + interval).clamp(now, now + interval);
    }

    /// Next at `at`, whatever the rhythm says.
    pub fn wake_at(&mut self, at: Duration) {
        self.next = at;
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn the_rhythm_is_kept_and_missed_beats_are_left_out() {
        let mut schedule = Schedule::starting(S(100), S(900));
        assert_eq!(schedule.next(), S(100));
        schedule.read(S(100), S(104), false, S(30));
        assert_eq!(schedule.next(), S(130));
        schedule.read(S(130), S(300), false, S(30));
        assert_eq!(schedule.next(), S(300));
    }

    #[test]
    fn the_first_reading_is_a_sweep_and_then_one_each_period() {
        let mut schedule = Schedule::starting(S(0), S(900));
        assert!(schedule.sweep_is_due(S(0)));
        schedule.read(S(0), S(1), true, S(30));
        assert!(!schedule.sweep_is_due(S(899)));
        assert!(schedule.sweep_is_due(S(900)));
    }

    fn left(from: &str, to: &str, now: &str) -> Option<u64> {
        let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").unwrap();
        let quiet = Quiet {
            from: time(from),
            to: time(to),
        };
        let now: DateTime<chrono::FixedOffset> = now.parse().unwrap();
        let left = quiet.left(&now.with_timezone(&chrono_tz::Europe::London));
        left.map(|left| left.as_secs() / 60)
    }

    #[test]
    fn quiet_hours_may_run_over_midnight() {
        let at = |time: &str| left("23:00", "04:30", &format!("2026-01-10T{time}:00+00:00"));
        assert_eq!(at("22:59"), None);
        assert_eq!(at("23:00"), Some(330));
        assert_eq!(at("04:29"), Some(1));
        assert_eq!(at("04:30"), None);
        let at = |time: &str| left("09:00", "17:00", &format!("2026-01-10T{time}:00+00:00"));
        assert_eq!(
            [at("08:59"), at("16:00"), at("17:00")],
            [None, Some(60), None]
        );
    }

    #[test]
    fn quiet_hours_end_by_the_portals_clock_when_the_zone_steps() {
        // London goes from 01:00 to 02:00 on the 29th of March 2026, and back from 02:00 to 01:00 on the 25th of October.
        let spring = |to| left("23:00", to, "2026-03-29T00:30:00+00:00");
        assert_eq!(spring("04:30"), Some(180));
        assert_eq!(spring("01:30"), Some(60), "a time that the zone leaves out");
        assert_eq!(
            left("23:00", "04:30", "2026-10-25T00:30:00+01:00"),
            Some(300)
        );
    }
}
