//! The keys of `[[account]]` that say how often it is read, how far back, and when not.

use std::time::Duration;

use crate::config::value::duration;
use crate::diagnostic::table::{Table, Value, wrong};
use crate::schedule::{Pace, Quiet};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

pub(super) fn read(account: &Table<'_>) -> Pace {
    let count = |key, example, default| {
        let number = account.optional(key, example, |number: &Value<'_>| number.whole(1..=10_000));
        number
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(default)
    };
    let poll = account.optional("poll", "\"30s\"", duration(SECOND, Duration::from_hours(1)));
    let look_back = account.optional(
        "look_back",
        "\"24h\"",
        duration(Duration::from_mins(1), 90 * DAY),
    );
    let sweep = account.optional("sweep", "\"15m\"", duration(SECOND, DAY));
    let yield_for = account.optional("yield_for", "\"10m\"", duration(Duration::ZERO, DAY));
    let quiet = account.optional("quiet", "[{ from = \"23:00\", to = \"04:30\" }]", |list| {
        list.list(|hours| hours.table(quiet))
    });
    let pace = Pace {
        poll: poll.unwrap_or(Duration::from_secs(30)),
        look_back: look_back.unwrap_or(DAY),
        sweep: sweep.unwrap_or(Duration::from_mins(15)),
        overlap: count("overlap", "20", 20),
        max_pages: count("max_pages", "200", 200),
        yield_for: yield_for.unwrap_or(Duration::from_mins(10)),
        quiet: quiet.unwrap_or_default(),
    };
    if pace.sweep < pace.poll {
        let what = "`sweep` is shorter than `poll`";
        account.wrong(
            what,
            "make it longer: a sweep is a poll that reads the whole look-back",
        );
    }
    pace
}

fn quiet(hours: &Table<'_>) -> Option<Quiet> {
    let time = |key, example| {
        hours.need(key, example, |text: &Value<'_>| {
            text.parse(|text| {
                chrono::NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| {
                    wrong(
                        "is no time of day",
                        "write hours and minutes, such as `23:00`",
                    )
                })
            })
        })
    };
    let (from, to) = (time("from", "\"23:00\""), time("to", "\"04:30\""));
    let quiet = Quiet {
        from: from?,
        to: to?,
    };
    if quiet.from == quiet.to {
        hours.wrong(
            "`from` and `to` are the same time",
            "leave out `quiet`, or write when it begins and when it ends",
        );
        return None;
    }
    Some(quiet)
}
