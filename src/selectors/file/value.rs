//! One value of a selector file: what it must look like, and what to write when it does not. Pure.

use std::fmt::Write as _;

use chrono::format::{Item, Numeric, StrftimeItems};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use chrono_tz::{TZ_VARIANTS, Tz};
use regex::Regex;
use scraper::Selector;

use crate::diagnostic::closest;
use crate::diagnostic::table::{Wrong, wrong};
use crate::extract::text::collapse;
use crate::normalize::has_offset;
use crate::selectors::Origin;
use crate::selectors::parse_duration;

/// `scheme://host[:port]`.
pub fn origin(text: &str) -> Result<Origin, Wrong> {
    Origin::parse(text).map_err(|error| wrong("is no origin", error.to_string()))
}

/// An IANA zone.
pub fn zone(text: &str) -> Result<Tz, Wrong> {
    text.parse().map_err(|_| {
        let names = TZ_VARIANTS.iter().map(|zone| zone.name());
        let advice = match closest(text, names).filter(|_| text.contains('/')) {
            Some(name) => format!("did you mean `{name}`?"),
            None => {
                "write an IANA name such as `Africa/Nairobi`; abbreviations like `EAT` name no zone"
                    .to_owned()
            }
        };
        wrong("is no time zone", advice)
    })
}

/// ISO 4217: three capitals.
pub fn currency(text: &str) -> Result<String, Wrong> {
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(text.to_owned())
    } else {
        Err(wrong(
            "is no currency code",
            "write the three capitals of ISO 4217, such as `KES` or `XOF`",
        ))
    }
}

/// A name that is safe in paths, URLs and ids.
pub fn name(text: &str) -> Result<String, Wrong> {
    let fits = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err(wrong(
            "is no name",
            "write 1 to 64 of the characters a-z, 0-9 and `-`",
        ))
    }
}

/// A GSMA key of an account identifier.
pub fn key(text: &str) -> Result<String, Wrong> {
    if text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase()) {
        Ok(text.to_owned())
    } else {
        Err(wrong(
            "is no GSMA key",
            "write one in small letters, such as `msisdn`, `organisationid`, `walletid`, `accountid`",
        ))
    }
}

/// How long a session may rest. From 10 seconds to 7 days.
///
/// # Errors
/// What to write instead.
pub fn idle(text: &str) -> Result<std::time::Duration, Wrong> {
    let advice = "write a duration from `10s` to `7d`, such as `10m`";
    let idle = parse_duration(text).map_err(|_| wrong("is no duration", advice))?;
    let (least, most) = (
        std::time::Duration::from_secs(10),
        std::time::Duration::from_hours(7 * 24),
    );
    if (least..=most).contains(&idle) {
        Ok(idle)
    } else {
        Err(wrong("is out of bounds", advice))
    }
}

/// A path and query at the origin, without placeholders.
pub fn path(text: &str) -> Result<String, Wrong> {
    let path = path_with_dates(text)?;
    if path.contains(['{', '}']) {
        return Err(wrong(
            "has a placeholder where none is known",
            "write the path as it stands in the browser's address bar",
        ));
    }
    Ok(path)
}

/// A path and query at the origin; `{from}` and `{to}` may stand in it.
pub fn path_with_dates(text: &str) -> Result<String, Wrong> {
    let bare = text.replace("{from}", "0").replace("{to}", "0");
    if bare.contains(['{', '}']) {
        return Err(wrong(
            "has an unknown placeholder",
            "`{from}` and `{to}` are the placeholders; write a literal brace as `%7B` or `%7D`",
        ));
    }
    let at_origin = Origin::parse("https://portal.example")
        .is_ok_and(|origin| bare.starts_with('/') && origin.join(&bare).is_some());
    if !at_origin || text.contains(char::is_whitespace) {
        return Err(wrong(
            "is no path at the origin",
            "begin with one `/` and leave scheme and host to `origin`, such as `/login.action`",
        ));
    }
    Ok(text.to_owned())
}

/// The whole text of a cell, as cells are compared: white space collapsed and trimmed.
pub fn cell(text: &str) -> Result<String, Wrong> {
    if collapse(text, text.len()).text == text {
        Ok(text.to_owned())
    } else {
        Err(wrong(
            "is no text that a cell can have",
            "write it without space at its ends and with single spaces within: cells are trimmed before they are compared, and one without text is empty anyway",
        ))
    }
}

/// CSS that this program can evaluate on a saved page.
pub fn css(text: &str) -> Result<Selector, Wrong> {
    Selector::parse(text).map_err(|_| {
        let (what, advice) = not_css(text);
        wrong(what, advice)
    })
}

/// What people write in place of CSS, most telling first: the crate's own message helps nobody.
fn not_css(text: &str) -> (&'static str, &'static str) {
    const KNOWN: [(&str, &str, &str); 8] = [
        (
            r"^\.?/|^xpath=|\[@",
            "is XPath, not CSS",
            "write CSS: in the browser's inspector, Copy, then \"CSS selector\"",
        ),
        (
            r"::(text|attr)\b",
            "is Scrapy's dialect, not CSS",
            "leave `::text` out: text is taken anyway; for an attribute add `attribute = \"…\"`",
        ),
        (
            r":contains\(|:has-text\(|^text=",
            "matches by text, which CSS cannot",
            "leave that part out; match the text by `text = \"regex\"` in a mark or `capture = \"regex\"` in a field",
        ),
        (
            r":(eq|gt|lt|nth)\(|:(first|last|even|odd)([^\w-]|$)",
            "is jQuery, not CSS",
            "count with `:nth-child(2)`, `:nth-of-type(2)`, `:first-child` or `:last-child`",
        ),
        (
            r":(visible|hidden|button|input|text|password|submit)([^\w-]|$)",
            "is jQuery, not CSS",
            "name the element by tag, id, class or attribute, such as `input[type=submit]`",
        ),
        (
            r":(checked|selected|enabled|disabled|focus|hover|active|visited)([^\w-]|$)",
            "asks for a state that only a live page has",
            "match the attribute in the page's source, such as `[disabled]` or `[checked]`",
        ),
        (
            r"[#.]\d",
            "has an id or class that begins with a digit",
            "write it as an attribute, such as `[id=\"1st\"]`",
        ),
        (
            r"[#.][\w-]+:[\w-]+",
            "has an unescaped colon in an id or class, or an unknown pseudo-class",
            "write the id as an attribute, such as `[id=\"form:user\"]`",
        ),
    ];
    KNOWN
        .iter()
        .find(|(pattern, _, _)| Regex::new(pattern).is_ok_and(|regex| regex.is_match(text)))
        .map_or(
            (
                "is no CSS selector",
                "try it in the browser's console: `document.querySelector(\"…\")`",
            ),
            |(_, what, advice)| (what, advice),
        )
}

/// A regex of the `regex` crate.
pub fn regex(text: &str) -> Result<Regex, Wrong> {
    Regex::new(text).map_err(|error| {
        let look_around = ["(?=", "(?!", "(?<=", "(?<!"]
            .iter()
            .any(|look| text.contains(look));
        if look_around {
            return wrong(
                "uses look-around, which these regexes do not have",
                "match more and keep the part that is wanted in a group: `Acc\\. (\\w+)`",
            );
        }
        let message = error.to_string();
        let reason = message.lines().last().unwrap_or_default();
        let reason = reason.trim_start_matches("error: ");
        wrong(
            "is no regex",
            format!("{reason}; write it for Rust's `regex` crate, without `/…/`"),
        )
    })
}

/// A regex with a capture group.
pub fn regex_with_group(text: &str) -> Result<Regex, Wrong> {
    let regex = regex(text)?;
    if regex.captures_len() < 2 {
        return Err(wrong(
            "has no group",
            "put parentheses around the part that is wanted: `of ([0-9,]+)`",
        ));
    }
    Ok(regex)
}

/// A chrono format of a date and time of day: local time of the portal's zone, or with an offset from UTC.
///
/// Proved by writing an instant with it and reading it back: whatever lacks a part gives another instant.
pub fn date_time(text: &str) -> Result<String, Wrong> {
    refuse_foreign(text)?;
    let sample = NaiveDate::from_ymd_opt(2026, 11, 21).and_then(|day| day.and_hms_opt(17, 42, 0));
    let (proved, read) = if has_offset(text) {
        let sample = sample.map(|sample| sample.and_utc().fixed_offset());
        let written = sample.and_then(|sample| write_with(sample.format(text)));
        let read = written.map(|written| DateTime::parse_from_str(&written, text).ok() == sample);
        (read, "or an offset that digits say, such as `%:z`")
    } else {
        let written = sample.and_then(|sample| write_with(sample.format(text)));
        let read =
            written.map(|written| NaiveDateTime::parse_from_str(&written, text).ok() == sample);
        (read, "a date alone cannot order payments")
    };
    match proved {
        None => Err(wrong(
            "names a zone",
            "leave it out, or match it as literal text: local times are read in `zone`",
        )),
        Some(true) => Ok(text.to_owned()),
        Some(false) => Err(wrong(
            "does not say year, month, day, hour and minute",
            format!(
                "write all of them, such as `%d-%m-%Y %H:%M:%S` (12-hour clocks: `%I:%M:%S %p`); {read}"
            ),
        )),
    }
}

/// A chrono format of a date.
pub fn date(text: &str) -> Result<String, Wrong> {
    refuse_foreign(text)?;
    let sample = NaiveDate::from_ymd_opt(2026, 11, 21);
    let written = sample.and_then(|sample| write_with(sample.format(text)));
    let read = written.and_then(|written| NaiveDate::parse_from_str(&written, text).ok());
    if read.is_some() && read == sample {
        Ok(text.to_owned())
    } else {
        Err(wrong(
            "does not say year, month and day, or says a time of day",
            "write such as `%d-%m-%Y` or `%Y-%m-%d`",
        ))
    }
}

/// What chrono does not know, and epoch seconds, which are no local time.
fn refuse_foreign(text: &str) -> Result<(), Wrong> {
    for item in StrftimeItems::new(text) {
        match item {
            Item::Error => {
                return Err(wrong(
                    "is no date format",
                    "write chrono's specifiers, such as `%d-%m-%Y %H:%M:%S`; a literal percent sign is `%%`",
                ));
            }
            Item::Numeric(Numeric::Timestamp, _) => {
                return Err(wrong(
                    "reads epoch seconds, which are no local time",
                    "take the column that prints the local time",
                ));
            }
            Item::Literal(_)
            | Item::OwnedLiteral(_)
            | Item::Space(_)
            | Item::OwnedSpace(_)
            | Item::Numeric(..)
            | Item::Fixed(_) => {}
        }
    }
    let plain = !text.contains('%');
    if plain {
        return Err(wrong(
            "is no date format",
            "write chrono's specifiers: `dd-MM-yyyy HH:mm:ss` is `%d-%m-%Y %H:%M:%S`",
        ));
    }
    Ok(())
}

/// `None` when the format asks for something that the value does not have.
fn write_with(value: impl std::fmt::Display) -> Option<String> {
    let mut written = String::new();
    write!(written, "{value}").ok().map(|()| written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_formats_must_give_an_instant_to_the_minute() {
        for good in [
            "%d-%m-%Y %H:%M:%S",
            "%Y-%m-%d %H:%M",
            "%d/%m/%y %I:%M:%S %p",
            "%b %e %Y %I:%M:%S %p",
            "%d-%b-%Y %H:%M:%S",
            "%FT%T",
            "%FT%T%:z",
            "%F %T%z",
            "%+",
        ] {
            assert_eq!(date_time(good).as_deref(), Ok(good), "{good}");
        }
        for bad in [
            "%d-%m-%Y",
            "%H:%M:%S",
            "%d-%m %H:%M",
            "%d-%m-%Y %I:%M",
            "%d-%m-%Y %H",
            "%Q",
            "%s",
            "%T%z",
            "%FT%T %Z",
            "dd/mm/yyyy",
        ] {
            assert!(date_time(bad).is_err(), "{bad}");
        }
        assert!(date("%d-%m-%Y").is_ok());
        for bad in ["%d-%m", "%d-%m-%Y %H:%M", "%s"] {
            assert!(date(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_stay_at_the_origin() {
        for good in ["/a", "/a?x={from}&y={to}", "/"] {
            assert!(path_with_dates(good).is_ok(), "{good}");
        }
        for bad in [
            "a",
            "//evil.example/a",
            "/\\evil.example",
            "https://x.example/",
            "/a b",
            "/{page}",
        ] {
            assert!(path_with_dates(bad).is_err(), "{bad}");
        }
        assert!(path("/a?x={from}").is_err());
    }

    #[test]
    fn each_dialect_that_is_not_css_is_named() {
        for (text, word) in [
            ("td:contains('Paid')", "text"),
            ("td::text", "Scrapy"),
            ("tr:eq(2)", "jQuery"),
            ("tr:first", "jQuery"),
            ("div:visible", "jQuery"),
            ("//table/tr", "XPath"),
            ("input:checked", "state"),
            ("#form:user", "colon"),
            ("#1st", "digit"),
            ("..", "no CSS"),
        ] {
            let what = css(text).map_or_else(|wrong| wrong.what, |_| "accepted".to_owned());
            assert!(what.contains(word), "{text}: {what}");
        }
        for good in [
            "tr:first-child",
            "a:not(.x)",
            "td:has(b)",
            "[id=\"form:user\"]",
            "#form\\:user",
            "tr:nth-child(2) > td",
        ] {
            assert!(css(good).is_ok(), "{good}");
        }
    }
}
