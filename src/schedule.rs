//! Who is due, and when. Pure.

use std::time::Duration;

/// When an account is read next. Instants are monotonic time since an arbitrary origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    interval: Duration,
    sweep_every: Duration,
    next: Duration,
    swept: Option<Duration>,
}

impl Schedule {
    /// Due at once.
    #[must_use]
    pub fn starting(now: Duration, interval: Duration, sweep_every: Duration) -> Self {
        Self {
            interval,
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

    /// A reading begun at `began` succeeded. The rhythm is kept; beats that have passed are left out.
    pub fn read(&mut self, began: Duration, now: Duration, swept: bool) {
        if swept {
            self.swept = Some(began);
        }
        self.next += self.interval;
        if self.next <= now {
            self.next = now;
        }
        if self.next > now + self.interval {
            self.next = now + self.interval;
        }
    }

    /// Next at `at`, whatever the rhythm says.
    pub fn wake_at(&mut self, at: Duration) {
        self.next = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn the_rhythm_is_kept_and_missed_beats_are_left_out() {
        let mut schedule = Schedule::starting(S(100), S(30), S(900));
        assert_eq!(schedule.next(), S(100));
        schedule.read(S(100), S(104), false);
        assert_eq!(schedule.next(), S(130));
        schedule.read(S(130), S(300), false);
        assert_eq!(schedule.next(), S(300));
    }

    #[test]
    fn the_first_reading_is_a_sweep_and_then_one_each_period() {
        let mut schedule = Schedule::starting(S(0), S(30), S(900));
        assert!(schedule.sweep_is_due(S(0)));
        schedule.read(S(0), S(1), true);
        assert!(!schedule.sweep_is_due(S(899)));
        assert!(schedule.sweep_is_due(S(900)));
    }
}
