//! Names of months in French, Portuguese and Swahili, which chrono does not read, into English. Pure.

use std::borrow::Cow;

/// English, then what a month is called, without accents and in lower case: whole, and as it is cut short. No word means
/// two months.
const MONTHS: [(&str, &[&str]); 12] = [
    ("Jan", &["jan", "janvier", "janv", "janeiro", "januari"]),
    (
        "Feb",
        &["feb", "fevrier", "fevr", "fev", "fevereiro", "februari"],
    ),
    ("Mar", &["mar", "mars", "marco", "machi", "mac"]),
    ("Apr", &["apr", "avril", "avr", "abril", "abr", "aprili"]),
    ("May", &["may", "mai", "maio", "mei"]),
    ("Jun", &["jun", "juin", "junho", "juni"]),
    ("Jul", &["jul", "juillet", "juil", "julho", "julai"]),
    ("Aug", &["aug", "aout", "agosto", "ago", "agosti"]),
    (
        "Sep",
        &["sep", "septembre", "sept", "setembro", "set", "septemba"],
    ),
    (
        "Oct",
        &["oct", "octobre", "outubro", "out", "oktoba", "okt"],
    ),
    ("Nov", &["nov", "novembre", "novembro", "novemba"]),
    (
        "Dec",
        &["dec", "decembre", "dezembro", "dez", "desemba", "des"],
    ),
];

/// Whole; chrono reads them by their first three letters, which are all of `may`.
const ENGLISH: [&str; 11] = [
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Does this word, whole or cut short as calendars do, name a month in English, French, Portuguese or Swahili?
#[must_use]
pub fn is_month(word: &str) -> bool {
    let folded = folded(word);
    let mut others = MONTHS.iter().flat_map(|(_, others)| *others);
    ENGLISH.contains(&folded.as_str()) || others.any(|other| *other == folded)
}

fn folded(word: &str) -> String {
    word.chars()
        .flat_map(char::to_lowercase)
        .map(plain)
        .collect()
}

/// `text` with the month in English, where it names one in another of these languages; a full stop behind it falls away.
pub(super) fn to_english(text: &str) -> Cow<'_, str> {
    let words = text.split(|c: char| !c.is_alphabetic());
    let named = words.filter(|word| word.len() > 2).find_map(|word| {
        let folded = folded(word);
        let (english, _) = MONTHS
            .iter()
            .find(|(_, others)| others.contains(&folded.as_str()))?;
        Some((word, *english))
    });
    match named {
        None => Cow::Borrowed(text),
        Some((word, english)) => {
            let with_stop = format!("{word}.");
            let word = if text.contains(&with_stop) {
                &with_stop
            } else {
                word
            };
            Cow::Owned(text.replacen(word, english, 1))
        }
    }
}

/// A letter without the accents that these names have.
fn plain(letter: char) -> char {
    match letter {
        'é' | 'è' | 'ê' => 'e',
        'û' | 'ù' => 'u',
        'ç' => 'c',
        other => other,
    }
}
