//! Any lines as the dates of one page, by the formats and zones that portals have.
#![no_main]

use std::sync::LazyLock;

use chrono::{DateTime, FixedOffset};
use libfuzzer_sys::fuzz_target;
use pure::cell::{read, row};
use pure::normalize::{DateError, Problem};
use pure::portals::portal;
use pure::selectors::{Field, Portal};

/// More rows add nothing but time.
const MAX_ROWS: usize = 8;

/// Formats, zone and what a changed clock means.
const RULES: [(&[&str], &str, &str); 8] = [
    (&["%d-%m-%Y %H:%M:%S"], "Africa/Nairobi", "refuse"),
    (
        &["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"],
        "Africa/Kigali",
        "refuse",
    ),
    (
        &["%d-%b-%Y %I:%M:%S %p", "%d %B %Y %H:%M"],
        "Africa/Maputo",
        "refuse",
    ),
    (
        &["%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%d %H:%M:%S"],
        "Africa/Douala",
        "refuse",
    ),
    (
        &["%b %d %Y %I:%M:%S %p", "%d/%m/%y %H:%M:%S"],
        "Africa/Abidjan",
        "refuse",
    ),
    (&["%Y-%m-%d %H:%M:%S"], "Europe/Berlin", "refuse"),
    (&["%Y-%m-%d %H:%M:%S"], "Africa/Casablanca", "earlier"),
    (&["%A, %d %B %Y %H:%M"], "Africa/Cairo", "later"),
];

static PORTALS: LazyLock<[Portal; 8]> = LazyLock::new(|| {
    RULES.map(|(formats, zone, change)| {
        let text = include_str!("date.toml");
        let text = text.replace("$formats", &format!("{formats:?}"));
        let text = text.replace("$zone", zone).replace("$change", change);
        portal("date.toml", &text)
    })
});

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let rule = usize::from(*first) % RULES.len();
    let text = String::from_utf8_lossy(rest);
    let lines: Vec<_> = text.split('\n').take(MAX_ROWS).collect();
    for instant in dates(rule, &lines).into_iter().flatten() {
        assert!(
            reads_again(rule, instant),
            "{text:?} is {instant}, and cannot be read again"
        );
    }
});

fn dates(rule: usize, lines: &[&str]) -> Vec<Result<DateTime<FixedOffset>, Problem>> {
    let rows = lines.iter().enumerate().map(|(at, line)| {
        row(
            &[(Field::CompletionDate, line), (Field::Amount, "1")],
            at + 1,
        )
    });
    let read = read(&PORTALS[rule], &rows.collect::<Vec<_>>());
    let dates = read
        .into_iter()
        .map(|read| read.map(|payment| payment.completion_date.expect("completed, so when")));
    dates.collect()
}

/// Written in one of the formats it is the same instant, or one that the formats leave open; never another.
fn reads_again(rule: usize, instant: DateTime<FixedOffset>) -> bool {
    let (formats, ..) = RULES[rule];
    let read = formats.iter().map(|format| {
        let written = instant.format(format).to_string();
        dates(rule, &[&written]).pop()
    });
    let open = Problem::Date(DateError::TwoReadings);
    read.flatten()
        .any(|again| again == Ok(instant) || again == Err(open))
}
