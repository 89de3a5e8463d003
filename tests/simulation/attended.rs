//! Attended hours over days: a person is asked for in them alone, and ahead of an end that would come outside of them.

use std::time::Duration;

use chrono::{DateTime, NaiveTime, Timelike};
use chrono_tz::Tz;
use tillwatch::attended::Attended;

use crate::books::Books;
use crate::profile::{DAY, Profile};
use crate::run::one;

/// Day by day, the local times of the sign-ins.
fn by_day(books: &Books) -> Vec<Vec<NaiveTime>> {
    let local: Vec<DateTime<Tz>> = (books.sessions.attempts.iter())
        .map(|attempt| {
            books
                .rules
                .calendar
                .wall(attempt.at)
                .with_timezone(&books.rules.calendar.zone)
        })
        .collect();
    let days = local.chunk_by(|one, next| one.date_naive() == next.date_naive());
    days.map(|day| day.iter().map(DateTime::time).collect())
        .collect()
}

#[test]
fn a_session_that_would_end_by_night_is_replaced_within_the_attended_hours() {
    let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).expect("a time");
    let (opens, closes) = (time(8, 0), time(18, 0));
    let mut profile = Profile::calm(4);
    profile.lasts = DAY * 6;
    profile.poll = Duration::from_secs(60);
    profile.rules.cap = 30;
    profile.rules.idle = DAY;
    profile.rules.absolute = Duration::from_secs(8 * 3600);
    profile.attended = Attended::new("mon-sun", opens, closes).ok();
    let (outcome, verdict) = one(profile);
    assert_eq!(verdict.broken, Vec::<String>::new());
    let days = by_day(&outcome.books);
    for at in days.iter().flatten() {
        assert!((opens..closes).contains(at), "{days:?}");
    }
    // Three ends are a pattern. From then on: in the morning, when the session of the evening before is long over; when that
    // one has ended; and once more before the hours close, though its session would have lasted until midnight.
    let hours = |day: &Vec<NaiveTime>| -> Vec<u32> { day.iter().map(NaiveTime::hour).collect() };
    for day in &days[2..days.len() - 1] {
        assert_eq!(hours(day), [8, 16, 17], "{days:?}");
        assert!(day[2] >= time(17, 30), "{days:?}");
    }
    assert!(days.len() >= 6, "{days:?}");
}
