//! Replaces what could be somebody's: names, numbers, balances, tokens. Everything is replaced unless a rule keeps it. Pure.
//!
//! - The same text becomes the same stand-in, of the same shape, under one key; without the key nobody can tell which was
//!   which. The key is never kept.
//! - Dates and times of day stay. Amounts are multiplied by one whole number, so that sums, balances and equalities hold.
//! - A number in groups (`77 12 34 56`) is one number. Outside of cells a number of one or two digits stays.
//! - A whole text stays when the selector file names it (a header, a status word). In a text that a regex of the file matches,
//!   the words of that regex stay. So does what CSS of the file asks of an attribute. What stayed is in [`Redactor::kept`],
//!   for a person to look over.
//! - Names of which pages are built (ids, classes, parts of paths, keys of queries and of JSON) stay where they hold few digits. They are in
//!   [`Redactor::names`].

mod dates;
mod numbers;
mod page;
mod stays;

use std::collections::BTreeSet;

use regex::Regex;
use sha2::{Digest, Sha256};

use crate::extract::text::collapse;
use crate::selectors::Portal;

/// Codes that say nothing about anybody.
const CURRENCIES: [&str; 18] = [
    "KES", "UGX", "TZS", "RWF", "XOF", "XAF", "GHS", "ZMW", "MZN", "CDF", "MWK", "ETB", "NGN",
    "GNF", "BIF", "MGA", "USD", "EUR",
];

/// How often a stand-in is drawn anew that is the text itself.
const MOST_DRAWS: usize = 8;

/// A constant that does not compile must end the program: without it nothing would be replaced.
#[expect(clippy::expect_used, reason = "constants, compiled by every test")]
fn constant(text: &str) -> Regex {
    Regex::new(text).expect("a regex")
}

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a cell of a table, a list or a row: a number is an amount, or somebody's.
    Cell,
    /// Where the portal prints a number that the selector file reads of the page as a whole (`table.count`): it stays.
    Count,
    /// Anywhere else: a number of one or two digits counts pages or days.
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
    /// What CSS of the file asks of attributes.
    asked: Vec<stays::Asked>,
    /// Attributes with text that the file reads.
    attributes: BTreeSet<String>,
    /// What stays in a [`Place::Count`] of this page: its number, and the words that tell it.
    counts: BTreeSet<String>,
    /// The account's number: it looks like an amount, and whoever knows it would learn the factor.
    number: Option<String>,
    kept: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Redactor {
    /// For pages of this portal.
    #[must_use]
    pub fn new(key: [u8; 32], portal: &Portal) -> Self {
        let asked = stays::asked(portal);
        Self {
            factor: 3 + u128::from(key.first().copied().unwrap_or_default() % 5) * 2,
            key,
            phrases: stays::phrases(portal),
            patterns: stays::patterns(portal),
            attributes: stays::attributes(portal, &asked),
            asked,
            counts: BTreeSet::new(),
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

    /// Texts and numbers that stayed as they were, dates left out.
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
        for date in dates::found(text) {
            let before = text.get(from..date.start).unwrap_or_default();
            self.numbers(before, place, &words, &mut made);
            made.push_str(text.get(date.clone()).unwrap_or_default());
            from = date.end;
        }
        let rest = text.get(from..).unwrap_or_default();
        self.numbers(rest, place, &words, &mut made);
        made
    }

    /// Of a text without dates.
    fn numbers(&mut self, text: &str, place: Place, words: &BTreeSet<String>, made: &mut String) {
        let mut from = 0;
        for number in numbers::grouped(text) {
            let before = text.get(from..number.start).unwrap_or_default();
            self.tokens(before, place, words, made);
            made.push_str(&self.in_groups(text.get(number.clone()).unwrap_or_default()));
            from = number.end;
        }
        self.tokens(text.get(from..).unwrap_or_default(), place, words, made);
    }

    fn tokens(&mut self, text: &str, place: Place, words: &BTreeSet<String>, made: &mut String) {
        let mut from = 0;
        for token in numbers::tokens(text) {
            made.push_str(text.get(from..token.start).unwrap_or_default());
            let word = text.get(token.clone()).unwrap_or_default();
            made.push_str(&self.token(word, place, words));
            from = token.end;
        }
        made.push_str(text.get(from..).unwrap_or_default());
    }

    fn token(&mut self, token: &str, place: Place, words: &BTreeSet<String>) -> String {
        let number = self.number.as_deref();
        if number.is_some_and(|number| numbers::is_same(token, number)) {
            return self.in_groups(token);
        }
        if self.stays(token, place, words) {
            self.kept.insert(token.to_owned());
            return token.to_owned();
        }
        let is_somebodys = numbers::is_bare(token) && (token.len() > 7 || token.starts_with('0'));
        let is_amount = numbers::is_number(token) && !is_somebodys;
        let amount = is_amount.then(|| numbers::times(token, self.factor));
        amount.flatten().unwrap_or_else(|| self.shaped(token))
    }

    fn stays(&self, token: &str, place: Place, words: &BTreeSet<String>) -> bool {
        let is_small = place != Place::Cell && token.len() <= 2;
        let is_nothing = token.bytes().all(|byte| byte == b'0');
        let is_counted =
            || place == Place::Count && self.counts.contains(&collapse(token, token.len()).text);
        numbers::is_bare(token) && (is_small || is_nothing)
            || is_counted()
            || words.contains(&folded(token))
            || CURRENCIES.contains(&token)
    }

    /// A stand-in for letters and digits, the signs between them as they are: that of the number without its signs.
    fn in_groups(&self, token: &str) -> String {
        let bare: String = token.chars().filter(|c| c.is_alphanumeric()).collect();
        let made = self.shaped(&bare);
        let mut made = made.chars();
        let letters = token.chars().map(|letter| match letter {
            letter if letter.is_alphanumeric() => made.next().unwrap_or('9'),
            sign => sign,
        });
        letters.collect()
    }

    /// A stand-in of the same length, cases and digits. The first three digits of a phone number say the country, and stay.
    fn shaped(&self, token: &str) -> String {
        let mut stream = Stream::new(&self.key, &folded(token));
        let mut made = drawn(token, &mut stream);
        // Now and then a short one draws itself; a sign always does.
        for _ in 0..MOST_DRAWS {
            if made != token {
                break;
            }
            made = drawn(token, &mut stream);
        }
        made
    }

    /// A path and query: the path as the file or the portal's pages have it, without long numbers; of the query only dates,
    /// numbers of two digits and what the file itself asks for.
    pub fn address(&mut self, address: &str, portal: &Portal) -> String {
        let (address, _) = address.split_once('#').unwrap_or((address, ""));
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let path: Vec<String> = path.split('/').map(|part| self.part(part)).collect();
        let path = path.join("/");
        if query.is_empty() {
            return path;
        }
        let cursor = stays::cursor(portal);
        let mut made = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if stays::asks(portal, &key, &value) {
                made.append_pair(&key, &value);
                continue;
            }
            let place = match cursor {
                // The same stand-in as in the answer before.
                Some(cursor) if cursor == key => Place::Cell,
                Some(_) | None => Place::Elsewhere,
            };
            made.append_pair(&self.part(&key), &self.text(&value, place));
        }
        format!("{path}?{}", made.finish())
    }
}

/// Letters and digits in place of those of `token`.
fn drawn(token: &str, stream: &mut Stream) -> String {
    let is_phone = token.len() >= 9
        && token
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'X' | b'x'));
    let letters = token.chars().enumerate();
    letters
        .map(|(at, letter)| match letter {
            '0'..='9' if is_phone && at < 3 => letter,
            '0'..='9' => char::from(b'0' + stream.next() % 10),
            'X' | 'x' | '*' | '_' if is_phone => letter,
            '*' | '_' => letter,
            letter if letter.is_uppercase() => char::from(b'A' + stream.next() % 26),
            letter if letter.is_alphabetic() => char::from(b'a' + stream.next() % 26),
            _mark => '9',
        })
        .collect()
}

fn folded(text: &str) -> String {
    text.to_lowercase()
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
