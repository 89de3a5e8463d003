//! What portals of any language write is read back: amounts and dates, drawn.

use chrono::offset::LocalResult;
use chrono::{DateTime, Datelike as _, NaiveDateTime, Timelike as _, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{amount, date};
use crate::selectors::{ClockChange, DecimalRule};

/// Names of the months as the languages write them, whole and short (Unicode CLDR 44).
const MONTHS: [[&str; 12]; 8] = [
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ],
    [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    [
        "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
        "déc.",
    ],
    [
        "Januari", "Februari", "Machi", "Aprili", "Mei", "Juni", "Julai", "Agosti", "Septemba",
        "Oktoba", "Novemba", "Desemba",
    ],
    [
        "Jan", "Feb", "Mac", "Apr", "Mei", "Jun", "Jul", "Ago", "Sep", "Okt", "Nov", "Des",
    ],
    [
        "janeiro",
        "fevereiro",
        "março",
        "abril",
        "maio",
        "junho",
        "julho",
        "agosto",
        "setembro",
        "outubro",
        "novembro",
        "dezembro",
    ],
    [
        "jan.", "fev.", "mar.", "abr.", "mai.", "jun.", "jul.", "ago.", "set.", "out.", "nov.",
        "dez.",
    ],
];

/// What is printed, with `@` where the month's name stands, and the format that a selector file has for it.
const LAYOUTS: [(&str, &str); 9] = [
    ("%d @ %Y %H:%M:%S", "%d %B %Y %H:%M:%S"),
    ("%d-@-%Y %I:%M:%S %p", "%d-%B-%Y %I:%M:%S %p"),
    ("@ %d, %Y %I:%M %p", "%B %d, %Y %I:%M %p"),
    ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"),
    ("%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M"),
    ("%d.%m.%y %H:%M:%S", "%d.%m.%y %H:%M:%S"),
    ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S"),
    ("%Y%m%d%H%M%S", "%Y%m%d%H%M%S"),
    ("%H:%M:%S %d-%m-%Y", "%H:%M:%S %d-%m-%Y"),
];

/// Some without clock changes, some with.
const ZONES: [Tz; 6] = [
    Tz::Africa__Nairobi,
    Tz::Africa__Abidjan,
    Tz::Africa__Kinshasa,
    Tz::Africa__Cairo,
    Tz::Africa__Casablanca,
    Tz::Europe__Lisbon,
];

const NOW: &str = "2026-11-21T09:00:00Z";

fn local() -> impl Strategy<Value = NaiveDateTime> {
    let first = 1_000_000_000_i64; // 2001
    let last = 1_795_000_000_i64; // November 2026
    (first..last).prop_map(|seconds| {
        let at = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        at.naive_utc()
    })
}

/// Digits of `cents` as `rule` groups and marks them.
fn written(cents: u64, rule: DecimalRule) -> String {
    let (whole, fraction) = ((cents / 100).to_string(), cents % 100);
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        let begins = at > 0 && (whole.len() - at).is_multiple_of(3);
        text.extend(rule.group.filter(|_| begins));
        text.push(digit);
    }
    format!("{text}{}{fraction:02}", rule.mark)
}

proptest! {
    #[test]
    fn a_date_of_any_language_layout_and_zone_reads_back(
        local in local(),
        language in prop::sample::select(&MONTHS[..]),
        (printed, format) in prop::sample::select(&LAYOUTS[..]),
        zone in prop::sample::select(&ZONES[..]),
    ) {
        let name = language[local.month0() as usize];
        let text = local.format(printed).to_string().replace('@', name);
        let local = if printed.contains("%S") { local } else { local.with_second(0).unwrap_or(local) };
        let formats = [format.to_owned()];
        let rule = date::Rule { formats: &formats, zone, clock_change: ClockChange::Refuse };
        let now: DateTime<Utc> = NOW.parse().map_err(|_| TestCaseError::fail("no instant"))?;
        let expected = match chrono::TimeZone::from_local_datetime(&zone, &local) {
            LocalResult::Single(instant) => Ok(instant.fixed_offset()),
            LocalResult::Ambiguous(..) => Err(date::DateError::Overlap),
            LocalResult::None => Err(date::DateError::Gap),
        };
        prop_assert_eq!(date::parse(&text, rule, now), expected, "{}", text);
    }

    #[test]
    fn an_amount_of_any_marks_sign_and_currency_word_reads_back(
        cents in 1_u64..99_999_999_999,
        (mark, group) in prop::sample::select(&[
            ('.', Some(',')), (',', Some('.')), (',', Some(' ')), (',', Some('\u{a0}')),
            (',', Some('\u{202f}')), ('.', Some('\'')), ('.', None), (',', None),
        ][..]),
        sign in prop::sample::select(&["#", "-#", "- #", "#-", "(#)", "+#", "−#"][..]),
        (word, currency) in prop::sample::select(&[
            ("KES", "KES"), ("Ksh", "KES"), ("FCFA", "XOF"), ("F CFA", "XAF"), ("UGX", "UGX"),
            ("Frw", "RWF"), ("GH₵", "GHS"), ("MT", "MZN"), ("$", "USD"), ("ZMW", "ZMW"),
        ][..]),
        place in prop::sample::select(&["#", "% #", "%#", "# %", "#%"][..]),
    ) {
        let rule = DecimalRule { mark, group };
        let money = place.replace('#', &written(cents, rule)).replace('%', word);
        let text = sign.replace('#', &money);
        let amount = Decimal::new(i64::try_from(cents).unwrap_or_default(), 2);
        let is_below_zero = sign.contains(['-', '−', '(']);
        let expected = if is_below_zero { -amount } else { amount };
        prop_assert_eq!(amount::parse(&text, rule, currency), Ok(expected), "{}", text);
    }
}
