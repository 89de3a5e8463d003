//! What of an account's history is still to be read, and in which pieces: one day of the portal's own calendar at a
//! time, newest first. Pure.
//!
//! Only for portals whose table can be asked for by date. An account that begins long ago, or was away for longer than
//! its look-back, reads what is new at once and the rest day by day beside it; the rest is on disk, so a restart goes
//! on where it was. The watermark stays before it.

use chrono::{DateTime, Days as CalendarDays, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// A stretch of history that no complete reading has covered: from its oldest to its newest instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// Oldest instant.
    pub from: DateTime<Utc>,
    /// Newest instant; what is newer has been read.
    pub to: DateTime<Utc>,
}

/// One piece of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The portal-local day to ask for.
    pub day: NaiveDate,
    /// First instant of that day, or of the stretch.
    pub from: DateTime<Utc>,
    /// Last instant.
    pub to: DateTime<Utc>,
}

impl Unread {
    /// Both stretches in one.
    #[must_use]
    pub fn with(self, other: Option<Unread>) -> Unread {
        other.map_or(self, |other| Unread {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
        })
    }

    /// The newest day of it.
    #[must_use]
    pub fn newest(&self, zone: Tz) -> Piece {
        // `to` itself belongs to what was read.
        let last = self.to - TimeDelta::seconds(1);
        let day = last.with_timezone(&zone).date_naive();
        Piece {
            day,
            from: midnight(day, zone).map_or(self.from, |begins| begins.max(self.from)),
            to: self.to,
        }
    }

    /// What is left when `piece` was read.
    #[must_use]
    pub fn without(self, piece: Piece) -> Option<Unread> {
        (piece.from > self.from).then_some(Unread {
            from: self.from,
            to: piece.from,
        })
    }

    /// Days of the portal's calendar in it.
    #[must_use]
    pub fn days(&self, zone: Tz) -> u64 {
        let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
        let days = (day(self.to - TimeDelta::seconds(1)) - day(self.from)).num_days() + 1;
        u64::try_from(days).unwrap_or_default()
    }
}

/// The first instant of a day; zones that step at midnight begin it later.
fn midnight(day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let begins = day.and_time(chrono::NaiveTime::MIN);
    let later = begins + TimeDelta::hours(1);
    let found = zone
        .from_local_datetime(&begins)
        .earliest()
        .or_else(|| zone.from_local_datetime(&later).earliest())
        .or_else(|| {
            let next = day.checked_add_days(CalendarDays::new(1))?;
            zone.from_local_datetime(&next.and_time(chrono::NaiveTime::MIN))
                .earliest()
        });
    found.map(|at| at.to_utc())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_stretch_is_read_day_by_day_of_the_portals_calendar_and_ends() {
        let zone = chrono_tz::Africa::Nairobi; // UTC+3
        let mut left = Some(Unread {
            from: at("2026-11-01T10:00:00Z"),
            to: at("2026-11-03T21:00:00Z"),
        });
        let mut pieces = Vec::new();
        while let Some(unread) = left {
            let piece = unread.newest(zone);
            pieces.push((
                piece.day.to_string(),
                piece.from.to_rfc3339(),
                unread.days(zone),
            ));
            left = unread.without(piece);
        }
        let expected = [
            ("2026-11-03", "2026-11-02T21:00:00+00:00", 3),
            ("2026-11-02", "2026-11-01T21:00:00+00:00", 2),
            ("2026-11-01", "2026-11-01T10:00:00+00:00", 1),
        ];
        let expected = expected.map(|(day, from, left)| (day.to_owned(), from.to_owned(), left));
        assert_eq!(pieces, expected);
    }

    #[test]
    fn a_day_that_begins_at_one_o_clock_is_read_whole() {
        // Beirut stepped from 00:00 to 01:00 on the 29th of March 2026.
        let zone = chrono_tz::Asia::Beirut;
        let unread = Unread {
            from: at("2026-03-27T00:00:00Z"),
            to: at("2026-03-29T12:00:00Z"),
        };
        let piece = unread.newest(zone);
        assert_eq!(piece.day.to_string(), "2026-03-29");
        assert_eq!(piece.from, at("2026-03-28T22:00:00Z"));
        let next = unread.without(piece).unwrap().newest(zone);
        assert_eq!(next.day.to_string(), "2026-03-28");
    }
}
