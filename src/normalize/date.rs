//! A portal's local time to an instant. Pure.

use chrono::format::{Fixed, Item, Numeric, StrftimeItems};
use chrono::offset::LocalResult;
use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use super::months;
use crate::selectors::ClockChange;

/// How far a portal's clock may be before ours. Day and month confused, or a wrong zone's date, are further.
const MAX_AHEAD: TimeDelta = TimeDelta::days(1);
/// Mobile money is younger than this.
const FIRST_YEAR: i32 = 2000;

/// Why a text is no instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// No format of the file fits.
    #[error("follows none of the `formats`: add the one it is written in")]
    NoFormat,
    /// Two formats of the file fit and mean different instants.
    #[error("can be read by two of the `formats`, as two instants: keep the one the portal uses")]
    TwoReadings,
    /// With day and month exchanged the page would be in its order.
    #[error(
        "is out of the page's `order`, which would hold with day and month exchanged: correct `formats`, or `table.order`"
    )]
    DayAndMonth,
    /// Clocks were put forward over it.
    #[error(
        "never was in the portal's zone, where clocks were put forward over it: correct `zone`, or say by `clock_change` how the portal means it"
    )]
    Gap,
    /// Clocks were put back over it.
    #[error(
        "was twice in the portal's zone, when clocks were put back: say by `clock_change` which of the two the portal means"
    )]
    Overlap,
    /// Before 2000 or more than a day ahead of now.
    #[error(
        "is before {FIRST_YEAR} or more than a day in the future: correct `formats` (day and month?) or `zone`"
    )]
    Implausible,
}

/// How a date column is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule<'a> {
    /// chrono's, all of them tried.
    pub formats: &'a [String],
    /// Of texts that name no offset.
    pub zone: Tz,
    pub clock_change: ClockChange,
}

/// Reads `text` as an instant, in the portal's zone.
///
/// # Errors
/// See [`DateError`]: nothing is guessed.
pub(super) fn parse(
    text: &str,
    rule: Rule<'_>,
    now: DateTime<Utc>,
) -> Result<DateTime<FixedOffset>, DateError> {
    let in_english = months::to_english(text);
    let mut readings = rule
        .formats
        .iter()
        .filter_map(|format| reading(&in_english, format));
    let first = readings.next().ok_or(DateError::NoFormat)?;
    if readings.any(|other| other != first) {
        return Err(DateError::TwoReadings);
    }
    let instant = match first {
        Reading::Instant(instant) => instant.with_timezone(&rule.zone).fixed_offset(),
        Reading::Local(local) => at(local, rule.zone, rule.clock_change)?,
    };
    let is_future = instant.signed_duration_since(now) > MAX_AHEAD;
    if chrono::Datelike::year(&instant) < FIRST_YEAR || is_future {
        return Err(DateError::Implausible);
    }
    Ok(instant)
}

#[derive(PartialEq)]
enum Reading {
    /// With an offset in the text.
    Instant(DateTime<FixedOffset>),
    Local(NaiveDateTime),
}

fn reading(text: &str, format: &str) -> Option<Reading> {
    if has_offset(format) {
        let instant = DateTime::parse_from_str(text, format);
        return instant.ok().map(Reading::Instant);
    }
    let local = NaiveDateTime::parse_from_str(text, format);
    local.ok().map(Reading::Local)
}

/// Does the format read an offset from UTC?
pub fn has_offset(format: &str) -> bool {
    StrftimeItems::new(format).any(|item| {
        matches!(
            item,
            Item::Fixed(
                Fixed::TimezoneOffset
                    | Fixed::TimezoneOffsetColon
                    | Fixed::TimezoneOffsetDoubleColon
                    | Fixed::TimezoneOffsetTripleColon
                    | Fixed::TimezoneOffsetColonZ
                    | Fixed::TimezoneOffsetZ
                    | Fixed::RFC3339
            )
        )
    })
}

/// `at` as a portal with these formats may print it: in whole seconds, or in whole minutes where one of them has no seconds.
pub fn as_printed<'a>(
    at: DateTime<Utc>,
    formats: impl IntoIterator<Item = &'a String>,
) -> DateTime<Utc> {
    let whole = at.with_nanosecond(0).unwrap_or(at);
    if formats.into_iter().all(|format| has_seconds(format)) {
        return whole;
    }
    whole.with_second(0).unwrap_or(whole)
}

fn has_seconds(format: &str) -> bool {
    StrftimeItems::new(format).any(|item| {
        matches!(
            item,
            Item::Numeric(Numeric::Second | Numeric::Timestamp, _)
                | Item::Fixed(Fixed::RFC3339 | Fixed::RFC2822)
        )
    })
}

fn at(
    local: NaiveDateTime,
    zone: Tz,
    clock_change: ClockChange,
) -> Result<DateTime<FixedOffset>, DateError> {
    let refused = match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) => return Ok(instant.fixed_offset()),
        LocalResult::Ambiguous(..) => DateError::Overlap,
        LocalResult::None => DateError::Gap,
    };
    // Clocks change by less than a day, and not twice in two.
    let beside = match clock_change {
        ClockChange::Refuse => return Err(refused),
        ClockChange::Earlier => local - TimeDelta::days(1),
        ClockChange::Later => local + TimeDelta::days(1),
    };
    let known = zone.from_local_datetime(&beside).earliest();
    let offset = known.map(|instant| instant.offset().fix()).ok_or(refused)?;
    let instant = offset.from_local_datetime(&local).single();
    instant.ok_or(refused)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]
    use super::*;

    fn read(text: &str, formats: &[&str], zone: Tz) -> Result<String, DateError> {
        let now = "2026-11-21T09:00:00Z".parse().unwrap();
        let formats: Vec<String> = formats.iter().map(|format| (*format).to_owned()).collect();
        let rule = Rule {
            formats: &formats,
            zone,
            clock_change: ClockChange::Refuse,
        };
        parse(text, rule, now).map(|instant| instant.to_rfc3339())
    }

    #[test]
    fn an_instant_is_printed_in_whole_minutes_where_a_format_has_no_seconds() {
        let at = "2026-11-22T12:03:27.5Z".parse().unwrap();
        let printed = |formats: &[&str]| {
            let formats: Vec<String> = formats.iter().map(|&one| one.to_owned()).collect();
            super::as_printed(at, &formats).to_rfc3339()
        };
        let second = "2026-11-22T12:03:27+00:00";
        assert_eq!(printed(&["%d-%m-%Y %H:%M:%S", "%FT%T", "%s", "%+"]), second);
        assert_eq!(printed(&["%d-%m-%Y %I:%M:%S %p"]), second);
        let minute = "2026-11-22T12:03:00+00:00";
        assert_eq!(printed(&["%d-%m-%Y %H:%M:%S", "%d/%m/%Y %H:%M"]), minute);
        assert_eq!(printed(&["%d/%m/%Y %I:%M %p"]), minute);
    }

    #[test]
    fn local_times_become_instants_with_their_offset() {
        for (text, format, zone, instant) in [
            (
                "21-11-2026 12:02:58",
                "%d-%m-%Y %H:%M:%S",
                Tz::Africa__Nairobi,
                "2026-11-21T12:02:58+03:00",
            ),
            (
                "2025-08-01 23:59:43",
                "%Y-%m-%d %H:%M:%S",
                Tz::Africa__Douala,
                "2025-08-01T23:59:43+01:00",
            ),
            (
                "07-Nov-2022 10:11:12",
                "%d-%b-%Y %H:%M:%S",
                Tz::Africa__Kigali,
                "2022-11-07T10:11:12+02:00",
            ),
            (
                "Nov 9 2025 12:00:00 AM",
                "%b %d  %Y  %I:%M:%S %p",
                Tz::Africa__Abidjan,
                "2025-11-09T00:00:00+00:00",
            ),
            (
                "04/03/26 14:30",
                "%d/%m/%y %H:%M",
                Tz::Africa__Dar_es_Salaam,
                "2026-03-04T14:30:00+03:00",
            ),
        ] {
            assert_eq!(
                read(text, &[format], zone).as_deref(),
                Ok(instant),
                "{text}"
            );
        }
    }

    #[test]
    fn a_time_that_never_was_or_was_twice_is_refused() {
        let format = ["%Y-%m-%d %H:%M:%S"];
        assert_eq!(
            read("2026-03-29 02:30:00", &format, Tz::Europe__Berlin),
            Err(DateError::Gap)
        );
        assert_eq!(
            read("2026-10-25 02:30:00", &format, Tz::Europe__Berlin),
            Err(DateError::Overlap)
        );
    }

    #[test]
    fn what_is_ambiguous_or_implausible_is_refused() {
        let zone = Tz::Africa__Nairobi;
        let both = ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"];
        assert_eq!(
            read("03/04/2026 10:00", &both, zone),
            Err(DateError::TwoReadings)
        );
        assert_eq!(
            read("13/04/2026 10:00", &both, zone).as_deref(),
            Ok("2026-04-13T10:00:00+03:00")
        );
        assert_eq!(
            read("04/04/2026 10:00", &both, zone).as_deref(),
            Ok("2026-04-04T10:00:00+03:00")
        );
        assert_eq!(
            read("21/11/2062 10:00", &both, zone),
            Err(DateError::Implausible)
        );
        assert_eq!(
            read("11/12/0026 10:00", &["%d/%m/%Y %H:%M"], zone),
            Err(DateError::Implausible)
        );
        assert_eq!(
            read("21/11/2026 10:00 h", &both, zone),
            Err(DateError::NoFormat)
        );
        assert_eq!(read("", &both, zone), Err(DateError::NoFormat));
    }
}
