//! `attended` of an account: the hours in which a person is at hand for its sign-in.

use chrono::NaiveTime;

use crate::attended::{Attended, NotHours};
use crate::diagnostic::table::{Table, Value, wrong};

/// Reads `{ days = "mon-sat", from = "08:00", to = "18:00" }`.
pub(super) fn read(attended: &Table<'_>) -> Option<Attended> {
    let midnight = NaiveTime::MIN;
    let end = NaiveTime::from_hms_opt(23, 59, 59)?;
    let days = attended.need("days", "\"mon-sat\"", |text| {
        text.parse(|days| {
            Attended::new(days, midnight, end)
                .map(|_| days.to_owned())
                .map_err(|error| {
                    wrong(
                        error.to_string(),
                        "write such as `mon-fri` or `mon-wed,sat`",
                    )
                })
        })
    });
    let from = attended.need("from", "\"08:00\"", time);
    let to = attended.need("to", "\"18:00\"", time);
    match Attended::new(&days?, from?, to?) {
        Ok(hours) => Some(hours),
        Err(NotHours::Days | NotHours::Order) => {
            attended.wrong(
                "`attended` ends before it begins",
                "write `from` before `to`: hours do not run over midnight",
            );
            None
        }
    }
}

fn time(value: &Value<'_>) -> Option<NaiveTime> {
    value.parse(|text| {
        NaiveTime::parse_from_str(text, "%H:%M")
            .map_err(|_| wrong("is no time of day", "write such as `08:00`"))
    })
}
