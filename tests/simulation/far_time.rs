//! True time, which nobody steps: as instants, as the portal's calendar prints it, and as something to wait for.

use std::time::Duration;

use chrono::offset::LocalResult;
use chrono::{DateTime, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use tillwatch::clock::VirtualClock;
use tokio::time::sleep;

/// True time at virtual second 0, where no step of a zone is wanted.
const START: i64 = 1_790_000_000;

/// Zones, and instants at which their clocks are put forward or back. Cairo steps at midnight.
pub const ZONE_STEPS: [(Tz, i64); 6] = [
    (Tz::Europe__London, 1_774_746_000), // 2026-03-29 01:00 UTC, forward
    (Tz::Europe__London, 1_792_890_000), // 2026-10-25 01:00 UTC, back
    (Tz::Africa__Cairo, 1_776_981_600),  // 2026-04-23 22:00 UTC, forward
    (Tz::Africa__Cairo, 1_793_307_600),  // 2026-10-29 21:00 UTC, back
    (Tz::Africa__Casablanca, 1_771_120_800), // 2026-02-15 02:00 UTC, back
    (Tz::Africa__Casablanca, 1_774_144_800), // 2026-03-22 02:00 UTC, forward
];

/// When the world began, and where the portal is.
#[derive(Debug, Clone, Copy)]
pub struct Calendar {
    pub began: DateTime<Utc>,
    pub zone: Tz,
}

impl Calendar {
    /// A zone that never steps.
    pub fn steady() -> Self {
        Self {
            began: DateTime::from_timestamp(START, 0).expect("a valid instant"),
            zone: Tz::Africa__Nairobi,
        }
    }

    /// Begins so that clocks step at `at`.
    pub fn stepping((zone, step): (Tz, i64), at: Duration) -> Self {
        let step = DateTime::from_timestamp(step, 0).expect("a valid instant");
        let offset = |at: DateTime<Utc>| at.with_timezone(&zone).offset().fix();
        let second = TimeDelta::seconds(1);
        assert_ne!(offset(step - second), offset(step), "{zone} steps there");
        let whole = Duration::from_secs(at.as_secs());
        Self {
            began: step - whole,
            zone,
        }
    }

    pub fn wall(&self, at: Duration) -> DateTime<Utc> {
        self.began + TimeDelta::from_std(at).expect("a short time")
    }

    /// Whole seconds, as pages print them.
    pub fn printed(&self, at: Duration) -> DateTime<Utc> {
        self.wall(Duration::from_secs(at.as_secs()))
    }

    /// As a page prints it: local, without its offset.
    pub fn local(&self, at: Duration) -> String {
        let local = self.printed(at).with_timezone(&self.zone);
        local.format("%d-%m-%Y %H:%M:%S").to_string()
    }

    /// True time of `wall`; 0 where it lies before the start.
    pub fn since_start(&self, wall: DateTime<Utc>) -> Duration {
        (wall - self.began).to_std().unwrap_or_default()
    }

    /// The second in which `day` begins, by the portal's clock.
    pub fn begins(&self, day: NaiveDate) -> u64 {
        let midnight = day.and_time(NaiveTime::MIN);
        let one = midnight + TimeDelta::hours(1);
        let begins = [midnight, one]
            .iter()
            .find_map(|local| self.zone.from_local_datetime(local).earliest());
        self.since_start(begins.expect("an instant").to_utc())
            .as_secs()
    }

    /// The portal's clock shows the time of `at` twice: nobody can tell from a page which one is meant.
    pub fn is_twice(&self, at: Duration) -> bool {
        let local = self.printed(at).with_timezone(&self.zone).naive_local();
        matches!(
            self.zone.from_local_datetime(&local),
            LocalResult::Ambiguous(..)
        )
    }
}

/// Waits for true time `at`, as who is not on the agent's machine does: its suspends stop nobody else.
pub async fn until(clock: &VirtualClock, at: Duration) {
    const LOOK: Duration = Duration::from_secs(300);
    loop {
        let left = at.saturating_sub(clock.elapsed());
        if left.is_zero() {
            return;
        }
        sleep(left.min(LOOK)).await;
    }
}
