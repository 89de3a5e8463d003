//! Replaces what could be somebody's: names, numbers, balances, tokens. Everything is replaced unless a rule keeps it. Pure.
//!
//! - The same text becomes the same stand-in, of the same shape, under one key; without the key nobody can tell which was
//!   which. The key is never kept.
//! - Dates and times of day stay. Amounts are multiplied by one whole number, so that sums, balances and equalities hold.
//! - A whole text stays when the selector file names it (a header, a status word). In a text that a regex of the file matches,
//!   the words of that regex stay. What stayed is in [`Redactor::kept`], for a person to look over.
//! - Names of which pages are built (ids, classes, parts of paths, keys of queries and of JSON) stay where they hold few digits. They are in
//!   [`Redactor::names`].

mod page;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use sha2::{Digest, Sha256};

use crate::extract::text::collapse;
use crate::normalize::is_month;
use crate::selectors::{CellSource, Portal, Skip, Source, Step};

/// Codes that say nothing about anybody.
const CURRENCIES: [&str; 18] = [
    "KES", "UGX", "TZS", "RWF", "XOF", "XAF", "GHS", "ZMW", "MZN", "CDF", "MWK", "ETB", "NGN",
    "GNF", "BIF", "MGA", "USD", "EUR",
];

/// A constant that does not compile must end the program: without it nothing would be replaced.
#[expect(clippy::expect_used, reason = "constants, compiled by every test")]
fn constant(text: &str) -> Regex {
    Regex::new(text).expect("a regex")
}

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?x) [0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}
        | [0-9]{1,2}[-/\s]\s*[^\W\d_]{3,9}\.?[-/,\s]\s*[0-9]{2,4}
        | [^\W\d_]{3,9}\.?\s+[0-9]{1,2},?\s+[0-9]{4}
        | [0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(\s*[AaPp]\.?[Mm]\b\.?)?",
    )
});
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    constant(r"[0-9]{1,3}(?:[,.'’ \u{a0}\u{202f}][0-9]{3})+(?:[.,][0-9]+)?|[0-9]+[.,][0-9]+|[\w*]+")
});

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a cell of a table: a number is an amount, or somebody's.
    Cell,
    /// Anywhere else: a small number counts pages or days.
    Elsewhere,
}

/// Replaces texts under one key.
#[derive(Debug)]
pub struct Redactor {
    key: [u8; 32],
    /// What amounts are multiplied by.
    factor: u128,
    /// Whole texts that stay, in small letters.
    phrases: BTreeSet<String>,
    /// Regexes of the file, and the words in each.
    patterns: Vec<(Regex, BTreeSet<String>)>,
    /// The account's number: it looks like an amount, and whoever knows it would learn the factor.
    number: Option<String>,
    kept: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Redactor {
    /// For pages of this portal.
    #[must_use]
    pub fn new(key: [u8; 32], portal: &Portal) -> Self {
        let fields = &portal.fields;
        let sources = || {
            fields.sources.values().chain(
                fields
                    .sources
                    .values()
                    .filter_map(|source| source.debit.as_deref()),
            )
        };
        let columns = sources()
            .flat_map(Source::columns)
            .map(|(_, column)| column);
        let skipped = portal.table.skip.iter().filter_map(|skip| match skip {
            Skip::Cell { column, .. } => Some(column),
            Skip::Whole(_) => None,
        });
        let columns: Vec<_> = columns.chain(skipped).collect();
        let headers = columns
            .iter()
            .flat_map(|column| column.names.iter().chain(&column.after));
        // The header of two rows is named with both: each may stand alone in a cell.
        let headers = headers.flat_map(|name| name.split(" / ").chain([name.as_str()]));
        let headers = headers.map(str::to_owned);
        let labels = sources()
            .flat_map(Source::cells)
            .flat_map(|(_, cell)| match cell {
                CellSource::Label { names } => names.clone(),
                CellSource::Header(_) | CellSource::Css { .. } => Vec::new(),
            });
        let words = fields
            .status
            .keys()
            .chain(fields.types.keys())
            .chain(fields.kinds.keys())
            .chain(fields.directions.keys())
            .chain(&fields.blank)
            .cloned();
        let options = portal.table.steps.iter().filter_map(|step| match step {
            Step::Choose { option, .. } => Some(option.clone()),
            _other => None,
        });
        let phrases = headers.chain(labels).chain(words).chain(options);
        let marks = [&portal.marks.signed_in, &portal.marks.signed_out].into_iter();
        let marks = marks
            .chain(portal.marks.outcomes.iter().map(|(mark, _)| mark))
            .chain(portal.interstitials.iter().map(|one| &one.mark))
            .chain(&portal.table.empty)
            .filter_map(|mark| mark.text.as_ref());
        let captures = sources().filter_map(|source| source.capture.as_ref());
        let matches = columns.iter().filter_map(|column| column.matches.as_ref());
        let counts = portal
            .table
            .count
            .iter()
            .chain(&portal.marks.password_expires_in);
        let regexes = marks
            .chain(captures)
            .chain(matches)
            .chain(portal.table.skip.iter().map(|skip| match skip {
                Skip::Whole(text) | Skip::Cell { text, .. } => text,
            }))
            .chain(counts.map(|(_, regex)| regex));
        Self {
            factor: 3 + u128::from(key.first().copied().unwrap_or_default() % 5) * 2,
            key,
            phrases: phrases.map(|phrase| folded(&phrase)).collect(),
            patterns: regexes
                .map(|regex| (regex.clone(), words_of(regex.as_str())))
                .collect(),
            number: None,
            kept: BTreeSet::new(),
            names: BTreeSet::new(),
        }
    }

    /// The account's number is no amount.
    #[must_use]
    pub fn of_account(mut self, number: &str) -> Self {
        self.number = Some(number.to_owned());
        self
    }

    /// Lets these whole texts stay too.
    #[must_use]
    pub fn keeping(mut self, phrases: &[String]) -> Self {
        self.phrases
            .extend(phrases.iter().map(|phrase| folded(phrase)));
        self
    }

    /// Texts that stayed as they were, dates and small numbers left out.
    #[must_use]
    pub fn kept(&self) -> &BTreeSet<String> {
        &self.kept
    }

    /// Ids, classes, parts of paths and keys that stayed as they were.
    #[must_use]
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// A name of which a page is built: as it is with fewer than `digits` digits, else its stand-in.
    fn name(&mut self, name: &str, digits: usize) -> String {
        if name.bytes().filter(u8::is_ascii_digit).count() >= digits {
            return self.text(name, Place::Cell);
        }
        if name.chars().any(char::is_alphanumeric) {
            self.names.insert(name.to_owned());
        }
        name.to_owned()
    }

    /// A part of an address.
    fn part(&mut self, part: &str) -> String {
        let is_long = part.len() >= 40;
        self.name(part, if is_long { 0 } else { 4 })
    }

    /// The text with stand-ins.
    pub fn text(&mut self, text: &str, place: Place) -> String {
        let whole = collapse(text, text.len()).text;
        if self.phrases.contains(&folded(&whole)) {
            self.kept.insert(whole);
            return text.to_owned();
        }
        let matching = self
            .patterns
            .iter()
            .filter(|(regex, _)| regex.is_match(&whole));
        let words: BTreeSet<String> = matching.flat_map(|(_, words)| words.clone()).collect();
        let mut made = String::new();
        let mut from = 0;
        let dates = DATE.find_iter(text);
        for date in dates.filter(|date| is_date(date.as_str()) && is_apart(text, date.range())) {
            self.tokens(
                text.get(from..date.start()).unwrap_or_default(),
                place,
                &words,
                &mut made,
            );
            made.push_str(date.as_str());
            from = date.end();
        }
        self.tokens(
            text.get(from..).unwrap_or_default(),
            place,
            &words,
            &mut made,
        );
        made
    }

    fn tokens(&mut self, text: &str, place: Place, words: &BTreeSet<String>, made: &mut String) {
        let mut from = 0;
        for token in TOKEN.find_iter(text) {
            made.push_str(text.get(from..token.start()).unwrap_or_default());
            let stand_in = self.token(token.as_str(), place, words);
            made.push_str(&stand_in);
            from = token.end();
        }
        made.push_str(text.get(from..).unwrap_or_default());
    }

    fn token(&mut self, token: &str, place: Place, words: &BTreeSet<String>) -> String {
        if self.number.as_deref() == Some(token) {
            return self.shaped(token);
        }
        let is_digit = |byte: u8| byte.is_ascii_digit();
        let is_number = token.bytes().any(is_digit)
            && !token.contains(['*', '_'])
            && !token.chars().any(char::is_alphabetic);
        if is_number {
            let is_bare = token.bytes().all(is_digit);
            let counts = place == Place::Elsewhere && is_bare && token.len() < 5;
            return match (
                counts,
                is_bare && (token.len() > 7 || token.starts_with('0')),
            ) {
                (true, _) => token.to_owned(),
                (false, true) if token.bytes().all(|byte| byte == b'0') => token.to_owned(),
                (false, true) => self.shaped(token),
                (false, false) => self.amount(token),
            };
        }
        if words.contains(&folded(token)) || CURRENCIES.contains(&token) {
            self.kept.insert(token.to_owned());
            return token.to_owned();
        }
        self.shaped(token)
    }

    /// The amount times the factor, written as it was.
    fn amount(&self, token: &str) -> String {
        let mark = token.rfind(|c: char| !c.is_ascii_digit());
        let digits = |text: &str| {
            text.chars()
                .filter(char::is_ascii_digit)
                .collect::<String>()
        };
        let behind = |at: usize| digits(token.get(at..).unwrap_or_default());
        // Three digits behind the only mark may be thousands or decimals: either way the sum holds.
        let decimals = mark.map_or(0, |at| behind(at).len());
        let decimals = if decimals == 3 { 0 } else { decimals };
        let Ok(number) = digits(token).parse::<u128>() else {
            return self.shaped(token);
        };
        let made = number.saturating_mul(self.factor).to_string();
        let made = format!("{made:0>width$}", width = decimals + 1);
        let (whole, cents) = made.split_at(made.len() - decimals);
        let group = token
            .chars()
            .find(|c| !c.is_ascii_digit())
            .filter(|_| decimals == 0 || token.matches(|c: char| !c.is_ascii_digit()).count() > 1);
        let mut text = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if let Some(group) = group.filter(|_| at > 0 && (whole.len() - at).is_multiple_of(3)) {
                text.push(group);
            }
            text.push(digit);
        }
        if let Some(mark) = mark.filter(|_| decimals > 0) {
            text.extend(token.get(mark..).and_then(|rest| rest.chars().next()));
            text.push_str(cents);
        }
        text
    }

    /// A stand-in of the same length, cases and digits. The first three digits of a phone number say the country, and stay.
    fn shaped(&self, token: &str) -> String {
        let mut stream = Stream::new(&self.key, &folded(token));
        let is_phone = token.len() >= 9
            && token
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'X' | b'x'));
        let mut made: String = token
            .chars()
            .enumerate()
            .map(|(at, letter)| match letter {
                '0'..='9' if is_phone && at < 3 => letter,
                '0'..='9' => char::from(b'0' + stream.next() % 10),
                'X' | 'x' | '*' | '_' if is_phone => letter,
                '*' | '_' => letter,
                letter if letter.is_uppercase() => char::from(b'A' + stream.next() % 26),
                letter if letter.is_alphabetic() => char::from(b'a' + stream.next() % 26),
                _mark => '9',
            })
            .collect();
        if made == token && token.len() > 3 {
            // A number of this shape that happens to be itself.
            made = made.chars().rev().collect();
        }
        made
    }

    /// A path and query: the path as the file or the portal's pages have it, without long numbers; of the query only dates,
    /// small numbers and what the file itself asks for.
    pub fn address(&mut self, address: &str, portal: &Portal) -> String {
        let (address, _) = address.split_once('#').unwrap_or((address, ""));
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let path: Vec<String> = path.split('/').map(|part| self.part(part)).collect();
        let path = path.join("/");
        if query.is_empty() {
            return path;
        }
        let own = |key: &str, value: &str| portal.table.path.contains(&format!("{key}={value}"));
        let mut made = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if own(&key, &value) {
                made.append_pair(&key, &value);
            } else {
                made.append_pair(&self.part(&key), &self.text(&value, Place::Elsewhere));
            }
        }
        format!("{path}?{}", made.finish())
    }
}

fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// The words that stand in a regex as they are.
fn words_of(regex: &str) -> BTreeSet<String> {
    let bare = regex
        .replace("(?i)", " ")
        .replace("\\d", " ")
        .replace("\\w", " ")
        .replace("\\s", " ")
        .replace("\\b", " ");
    let bare = bare.replace("A-Z", " ").replace("a-z", " ");
    let words = bare.split(|c: char| !c.is_alphabetic());
    words.filter(|word| word.len() > 1).map(folded).collect()
}

fn is_date(text: &str) -> bool {
    if text.contains(':') {
        return true;
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

/// No letter or digit touches it.
fn is_apart(text: &str, range: std::ops::Range<usize>) -> bool {
    let before = text
        .get(..range.start)
        .and_then(|text| text.chars().next_back());
    let behind = text.get(range.end..).and_then(|text| text.chars().next());
    let free = |letter: Option<char>| {
        letter.is_none_or(|letter| !letter.is_alphanumeric() && letter != '*')
    };
    free(before.filter(|letter| *letter != 'T')) && free(behind.filter(|letter| *letter != 'T'))
}

/// Bytes that follow from key and text.
struct Stream {
    seed: [u8; 32],
    at: usize,
}

impl Stream {
    fn new(key: &[u8; 32], text: &str) -> Self {
        Self {
            seed: Sha256::new()
                .chain_update(key)
                .chain_update(text)
                .finalize()
                .into(),
            at: 0,
        }
    }

    fn next(&mut self) -> u8 {
        if self.at == self.seed.len() {
            self.seed = Sha256::digest(self.seed).into();
            self.at = 0;
        }
        let byte = self.seed.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        byte
    }
}

#[cfg(test)]
mod tests;
