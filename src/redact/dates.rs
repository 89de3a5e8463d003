//! Dates and times of day in a text. What only begins like one is none: a number in groups, an address of a computer. Pure.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::constant;
use crate::normalize::is_month;

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?x) [0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}
        | [0-9]{1,2}[-/\s]\s*[^\W\d_]{3,9}\.?[-/,\s]\s*[0-9]{2,4}
        | [^\W\d_]{3,9}\.?\s+[0-9]{1,2},?\s+[0-9]{4}
        | [0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(\s*[AaPp]\.?[Mm]\b\.?|Z\b)?",
    )
});

/// Where they stand; a date and the time of day behind its `T` are one.
pub(super) fn found(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for date in DATE.find_iter(text) {
        let before = text.get(..date.start()).unwrap_or_default();
        let behind = text.get(date.end()..).unwrap_or_default();
        let follows = found
            .last()
            .is_some_and(|last| last.end + 1 == date.start());
        let is_whole = is_apart(before.chars().next_back())
            && is_apart(behind.chars().next())
            && (follows || !is_rest(date.as_str(), before))
            && !goes_on(date.as_str(), behind);
        if !is_whole || !is_date(date.as_str()) {
            continue;
        }
        match found.last_mut() {
            Some(last) if text.get(last.end..date.start()) == Some("T") => last.end = date.end(),
            Some(_) | None => found.push(date.range()),
        }
    }
    found
}

fn is_date(text: &str) -> bool {
    if text.contains(':') {
        return is_time(text);
    }
    let parts: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect();
    let is_year = |year: u32| (2000..=2099).contains(&year) || (20..=60).contains(&year);
    let number = |part: &&str| part.parse::<u32>().ok();
    let is_name = |part: &&str| part.chars().all(char::is_alphabetic);
    let (names, numbers): (Vec<&str>, Vec<&str>) = parts.iter().partition(|part| is_name(part));
    let numbers: Vec<Option<u32>> = numbers.iter().map(number).collect();
    match (names.as_slice(), numbers.as_slice()) {
        ([name], [Some(1..=31), Some(year)]) => is_month(name) && is_year(*year),
        ([], [Some(2000..=2099), Some(1..=12), Some(1..=31)]) => true,
        ([], [Some(day), Some(month), Some(year)]) => {
            (1..=31).contains(day)
                && (1..=31).contains(month)
                && (*day <= 12 || *month <= 12)
                && is_year(*year)
        }
        _other => false,
    }
}

fn is_time(text: &str) -> bool {
    let mut numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse::<u32>().unwrap_or_default());
    let hour = numbers.next().unwrap_or_default();
    hour < 24 && numbers.take(2).all(|number| number <= 60)
}

/// No letter or digit touches it.
fn is_apart(beside: Option<char>) -> bool {
    beside.is_none_or(|letter| letter == 'T' || !letter.is_alphanumeric() && letter != '*')
}

/// Signs by which digits beside it would be part of the same number.
fn joins(date: &str, sign: char) -> bool {
    let signs = if date.contains(':') { ":." } else { ".-/" };
    signs.contains(sign)
}

/// Is it the end of a longer number?
fn is_rest(date: &str, before: &str) -> bool {
    let mut letters = before.chars().rev();
    letters.next().is_some_and(|sign| joins(date, sign))
        && letters.next().is_some_and(|c| c.is_ascii_digit())
}

/// Is it the begin of one? Not where a second date follows by another sign, as in a period, or the time of day.
fn goes_on(date: &str, behind: &str) -> bool {
    let mut letters = behind.chars();
    let Some(sign) = letters.next().filter(|sign| joins(date, *sign)) else {
        return false;
    };
    let rest = letters.as_str();
    rest.starts_with(|c: char| c.is_ascii_digit()) && !is_followed(date, sign, rest)
}

fn is_followed(date: &str, sign: char, rest: &str) -> bool {
    let next = DATE.find(rest).filter(|next| next.start() == 0);
    let next = next.map(|next| next.as_str());
    next.is_some_and(|next| {
        is_date(next) && !date.contains(':') && (next.contains(':') || !date.contains(sign))
    })
}
