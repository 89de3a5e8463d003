//! What the texts of a column are: dates, amounts, phone numbers, and how they are written. Pure.

use std::sync::LazyLock;

use chrono::{Datelike as _, NaiveDateTime};
use regex::Regex;

use super::words::sounds_like;
use crate::selectors::{DecimalRule, Field};

/// Texts before the phone numbers of a column.
const MOST_TEXTS: usize = 4;

const DAYS: [&str; 17] = [
    "%d-%m-%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%m/%d/%Y",
    "%m-%d-%Y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d/%b/%Y",
    "%b %e %Y",
    "%b %e, %Y",
    "%d-%m-%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%b-%y",
    "%d %b, %Y",
];
const TIMES: [&str; 6] = [
    "%H:%M:%S",
    "%H:%M",
    "%I:%M:%S %p",
    "%I:%M %p",
    "%H:%M:%S%.f",
    "%I:%M:%S%p",
];

/// How the dates of a column are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dates {
    /// The chrono formats, the one of most rows first.
    pub formats: Vec<String>,
    /// Another one reads every text of the first too, as other instants.
    pub other: Option<String>,
    /// Rows that no format reads.
    pub unread: usize,
    /// Rows that are not newer than the one before.
    pub falls: usize,
    /// Rows that are not older than the one before.
    pub rises: usize,
}

/// The formats that read nearly every text, and bring the rows into an order.
pub(super) fn dates(texts: &[&str]) -> Option<Dates> {
    let looks = |text: &&&str| text.contains(':') && text.bytes().any(|byte| byte.is_ascii_digit());
    if texts.is_empty() || texts.iter().filter(looks).count() * 4 < texts.len() * 3 {
        return None;
    }
    let (mut formats, mut other) = (Vec::new(), None);
    let mut left: Vec<&str> = texts.to_vec();
    while formats.len() < 3 && !left.is_empty() {
        let Some((format, second)) = most(&left) else {
            break;
        };
        left.retain(|text| read(text, &format).is_none());
        if formats.is_empty() {
            other = second;
        }
        formats.push(format);
    }
    if formats.is_empty() || left.len() * 5 > texts.len() {
        return None;
    }
    let first = |text: &&str| formats.iter().find_map(|format| read(text, format));
    let all: Vec<NaiveDateTime> = texts.iter().filter_map(first).collect();
    let pairs = || all.iter().zip(all.iter().skip(1));
    Some(Dates {
        falls: pairs().filter(|(one, next)| one >= next).count(),
        rises: pairs().filter(|(one, next)| one <= next).count(),
        unread: left.len(),
        formats,
        other,
    })
}

/// The format that reads most, best in order; and one that reads the same texts as other instants.
fn most(texts: &[&str]) -> Option<(String, Option<String>)> {
    let mut fitting: Vec<(usize, usize, String, Vec<NaiveDateTime>)> = Vec::new();
    for day in DAYS {
        for time in TIMES {
            for between in [" ", "T", ", "] {
                let format = format!("{day}{between}{time}");
                let all: Vec<_> = texts
                    .iter()
                    .filter_map(|text| read(text, &format))
                    .collect();
                if !all.is_empty() {
                    fitting.push((texts.len() - all.len(), disorder(&all), format, all));
                }
            }
        }
    }
    fitting.sort_by_key(|(unread, disorder, _, _)| (*unread, *disorder));
    let (unread, _, format, all) = fitting.first()?;
    let other = fitting
        .iter()
        .find(|(own, _, _, read)| own == unread && read != all);
    Some((
        format.clone(),
        other.map(|(_, _, format, _)| format.clone()),
    ))
}

fn read(text: &str, format: &str) -> Option<NaiveDateTime> {
    let read = NaiveDateTime::parse_from_str(text, format).ok()?;
    (2000..2100).contains(&read.year()).then_some(read)
}

/// How many rows stand against the order of most.
fn disorder(all: &[NaiveDateTime]) -> usize {
    let pairs = || all.iter().zip(all.iter().skip(1));
    let falls = pairs().filter(|(one, next)| one > next).count();
    let rises = pairs().filter(|(one, next)| one < next).count();
    falls.min(rises)
}

fn regex(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static AMOUNT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"^([A-Z]{2,4}\.? ?)?[-+(]?([A-Z]{3} ?)?[0-9][0-9.,'’ \u{a0}\u{202f}]*\)?( ?[A-Z]{2,4})?$",
    )
});
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"[0-9][0-9.,'’ \u{a0}\u{202f}]*[0-9]|[0-9]"));
static PHONE: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r"\+?[0-9*Xx]{9,15}"));

fn found<'t>(regex: &LazyLock<Option<Regex>>, text: &'t str) -> Option<regex::Match<'t>> {
    regex.as_ref()?.find(text)
}

/// How the amounts of a column are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amounts {
    /// Marks of decimals and of thousands; `None` where no text has either.
    pub mark: Option<char>,
    pub group: Option<char>,
    /// What stands before and behind every number, such as a currency.
    pub around: Option<(String, String)>,
    /// Some are below zero.
    pub has_sign: bool,
    /// As many digits as an id or a phone number has, and no mark.
    pub is_bare: bool,
}

/// Are all of the texts amounts, and how are they written?
pub(super) fn amounts(texts: &[&str]) -> Option<Amounts> {
    if texts.is_empty() || texts.iter().any(|text| found(&AMOUNT, text).is_none()) {
        return None;
    }
    let mut conventions = [(0, None, None), (0, None, None)];
    let mut spaced = None;
    let mut around = None;
    let mut has_sign = false;
    let mut is_bare = true;
    for text in texts {
        let number = found(&NUMBER, text)?;
        let before = text.get(..number.start()).unwrap_or_default();
        let behind = text.get(number.end()..).unwrap_or_default();
        has_sign |= before.contains(['-', '(']);
        let before = before.trim_matches(['-', '+', '(']).to_owned();
        if before.chars().any(char::is_alphabetic) || behind.chars().any(char::is_alphabetic) {
            around = Some((before, behind.trim_start_matches(')').to_owned()));
        }
        let digits = number.as_str();
        is_bare &= digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let marks: Vec<(usize, char)> = digits
            .char_indices()
            .filter(|(_, letter)| !letter.is_ascii_digit())
            .collect();
        let Some((at, last)) = marks.last().copied() else {
            continue;
        };
        let decimals = digits.len() - at - last.len_utf8();
        let repeated = marks.iter().filter(|(_, letter)| *letter == last).count() > 1;
        let mark = (decimals != 3 && !repeated && matches!(last, '.' | ',')).then_some(last);
        let mut others = marks.iter().map(|(_, letter)| *letter);
        let group = others.find(|letter| Some(*letter) != mark);
        if mark.is_none() && !matches!(group, Some('.' | ',')) {
            // `1 500` is written alike by both.
            spaced = spaced.or(group);
            continue;
        }
        // Two ways to write `1,234.50`: the one of most rows counts.
        let is_second = mark == Some(',') || group == Some('.');
        if let Some((votes, own_mark, own_group)) = conventions.get_mut(usize::from(is_second)) {
            *votes += 1;
            *own_mark = own_mark.or(mark);
            *own_group = own_group.or(group);
        }
    }
    let [first, second] = conventions;
    let (_, mark, group) = if second.0 > first.0 { second } else { first };
    let every = |(before, behind): &(String, String)| {
        let mut texts = texts.iter();
        texts.all(|text| text.contains(before.as_str()) && text.ends_with(behind.as_str()))
    };
    let around = around.filter(every);
    Some(Amounts {
        mark,
        group: group.or(spaced).filter(|group| Some(*group) != mark),
        around,
        has_sign,
        is_bare,
    })
}

/// One rule for all columns of amounts, and whether any of them shows its mark of decimals.
pub(super) fn rule<'a>(columns: impl Iterator<Item = &'a Amounts> + Clone) -> (DecimalRule, bool) {
    let shown = columns.clone().find_map(|column| column.mark);
    let group = columns.clone().find_map(|column| column.group);
    let mark = shown.unwrap_or(if group == Some('.') { ',' } else { '.' });
    let rule = DecimalRule {
        mark,
        group: group.filter(|group| *group != mark),
    };
    (rule, shown.is_some())
}

/// Where phone numbers stand in the texts of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phones {
    /// What stands before the numbers: each of a few texts, in the order of the rows; none where the cell begins with them.
    pub before: Vec<String>,
    /// What stands behind every number: its beginning.
    pub behind: String,
    /// What follows it is a name.
    pub has_name: bool,
    /// Digits that every number begins with.
    pub country: String,
}

/// Does most of the texts hold a phone number?
pub(super) fn phones(texts: &[&str]) -> Option<Phones> {
    let numbers: Vec<(&str, regex::Match<'_>)> = texts
        .iter()
        .filter_map(|text| Some((*text, found(&PHONE, text)?)))
        .filter(|(text, number)| is_phone(text, number))
        .filter(|(text, number)| !names_payment(text.get(..number.start()).unwrap_or_default()))
        .collect();
    if numbers.len() * 2 < texts.len() || numbers.is_empty() {
        return None;
    }
    let (_, number) = numbers.first()?;
    let mut before: Vec<String> = Vec::new();
    for (text, number) in &numbers {
        let own = text.get(..number.start()).unwrap_or_default();
        if !before.iter().any(|known| known == own) {
            before.push(own.to_owned());
        }
    }
    if before.len() > MOST_TEXTS {
        return None;
    }
    let behind: Vec<&str> = numbers
        .iter()
        .map(|(text, number)| text.get(number.end()..).unwrap_or_default())
        .filter(|behind| !behind.is_empty())
        .collect();
    let mark: String = behind
        .first()
        .map(|behind| {
            behind
                .chars()
                .take_while(|c| !c.is_alphanumeric())
                .collect()
        })
        .unwrap_or_default();
    let same = behind
        .first()
        .filter(|first| behind.iter().all(|behind| behind == *first));
    let digits = number.as_str().trim_start_matches('+');
    Some(Phones {
        before: before.into_iter().filter(|text| !text.is_empty()).collect(),
        has_name: same.is_none()
            && !mark.is_empty()
            && behind.iter().all(|behind| behind.starts_with(&mark)),
        behind: same.map_or(mark, |same| (*same).to_owned()),
        country: digits.get(..3).unwrap_or_default().to_owned(),
    })
}

/// The number behind this text is that of a payment.
fn names_payment(before: &str) -> bool {
    [Field::TransactionReference, Field::OriginalReference]
        .iter()
        .any(|field| sounds_like(before.trim(), *field))
}

/// Not a part of something longer, and not a mere row of `X`.
fn is_phone(text: &str, number: &regex::Match<'_>) -> bool {
    let edge = |letter: Option<char>| {
        letter.is_none_or(|letter| !letter.is_alphanumeric() && letter != '.')
    };
    let before = text
        .get(..number.start())
        .and_then(|before| before.chars().next_back());
    let behind = text
        .get(number.end()..)
        .and_then(|behind| behind.chars().next());
    let digits = number.as_str().bytes().filter(u8::is_ascii_digit).count();
    edge(before) && edge(behind) && digits >= 4
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn a_format_of_dates_is_the_one_that_brings_them_into_order() {
        let found = dates(&[
            "03/11/2026 10:00:00",
            "02/11/2026 09:00:00",
            "01/11/2026 08:00:00",
        ])
        .unwrap();
        assert_eq!(found.formats, ["%d/%m/%Y %H:%M:%S"]);
        assert!(found.other.is_some());
        assert_eq!((found.falls, found.rises), (2, 0));
        let found = dates(&["11/22/2026 10:00 PM"]).unwrap();
        assert_eq!(
            (found.formats.join(""), found.other),
            ("%m/%d/%Y %I:%M %p".to_owned(), None)
        );
        assert_eq!(
            dates(&["22-Nov-2026 07:55:58"]).unwrap().formats,
            ["%d-%b-%Y %H:%M:%S"]
        );
        assert_eq!(dates(&["JANE D."]), None);
    }

    #[test]
    fn marks_of_decimals_and_thousands_are_told_apart() {
        let marks = |texts: &[&str]| {
            let found = amounts(texts).unwrap();
            (found.mark, found.group)
        };
        assert_eq!(marks(&["1,500.50", "20"]), (Some('.'), Some(',')));
        assert_eq!(marks(&["1.234,50"]), (Some(','), Some('.')));
        assert_eq!(marks(&["1 500", "12 000 000"]), (None, Some(' ')));
        assert_eq!(marks(&["1 500", "12,50"]), (Some(','), Some(' ')));
        assert_eq!(marks(&["1,500"]), (None, Some(',')));
        assert_eq!(marks(&["9750"]), (None, None));
        let found = amounts(&["UGX 1,500.50", "UGX -3.00"]).unwrap();
        assert_eq!(found.around, Some(("UGX ".to_owned(), String::new())));
        assert!(found.has_sign && !found.is_bare);
        assert!(amounts(&["13460000001"]).unwrap().is_bare);
        assert_eq!(amounts(&["acc 9900"]), None);
    }

    #[test]
    fn a_phone_number_is_found_among_what_stands_around_it() {
        let found = phones(&["254722***000 - JANE D.", "254711***000 - AMINA W.", ""]).unwrap();
        assert_eq!(
            (
                found.behind.as_str(),
                found.has_name,
                found.country.as_str()
            ),
            (" - ", true, "254")
        );
        let found = phones(&["FRI:23767XX34XX2/MSISDN"]).unwrap();
        assert_eq!(
            (
                found.before.join("|"),
                found.behind.as_str(),
                found.has_name
            ),
            ("FRI:".to_owned(), "/MSISDN", false)
        );
        let found = phones(&[
            "Received From 758121821 KOFI A.",
            "Sent Money To 747511488 GRACE O.",
            "Received From 797103890 JANE D.",
            "Reversed Transaction 149730000001",
        ]);
        let found = found.unwrap();
        assert_eq!(found.before, ["Received From ", "Sent Money To "]);
        assert!(found.has_name);
        assert_eq!(phones(&["ACC-9374"]), None);
    }
}
