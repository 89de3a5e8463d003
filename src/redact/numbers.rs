//! What digits in a text are: an amount, or somebody's number in groups. Pure.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::constant;

/// No-break spaces are spaces.
const SPACES: [char; 3] = [' ', '\u{a0}', '\u{202f}'];
/// Fewer digits than this in groups are numbers by themselves: `1 20`.
const LEAST_DIGITS: usize = 5;
/// No amount of a statement has more before its decimals.
const AMOUNT_DIGITS: usize = 9;

/// Words, and numbers by themselves.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"[0-9]+[.,][0-9]{4,}|[0-9]{1,3}(?:[,.'’ \u{a0}\u{202f}][0-9]{3})+(?:[.,][0-9]+)?|[0-9]+[.,][0-9]+|[\w*]+",
    )
});
/// Digits with one sign each between them.
static RUN: LazyLock<Regex> =
    LazyLock::new(|| constant(r"\b[0-9]+(?:[-,.'’ \u{a0}\u{202f}][0-9]+)+\b"));
static AMOUNT: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"^(?:[1-9][0-9]{0,2}(?:[,.'’ \u{a0}\u{202f}][0-9]{3})+(?:[.,][0-9]+)?|[0-9]+[.,][0-9]+)$",
    )
});

/// Where numbers stand that are written in groups: `77 12 34 56`, `07.11.22.33.44`, `10.2.30.45`.
pub(super) fn grouped(text: &str) -> impl Iterator<Item = Range<usize>> {
    let runs = RUN.find_iter(text).map(|run| run.range());
    runs.filter(move |run| {
        let (before, behind) = (text.get(..run.start), text.get(run.end..));
        // A masked number is a word.
        let is_masked = before.is_some_and(|before| before.ends_with('*'))
            || behind.is_some_and(|behind| behind.starts_with('*'));
        let is_dialled = before.is_some_and(|before| before.ends_with('+'));
        let is_somebodys = |run: &str| is_grouped(run, is_dialled);
        !is_masked && text.get(run.clone()).is_some_and(is_somebodys)
    })
}

/// Where words stand, and numbers by themselves.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let token = TOKEN.find_at(text, from)?.range();
        let behind = text.get(token.end..).unwrap_or_default();
        from = token.end;
        // The begin of a longer number is no group of this one: `12 1500.00`.
        if behind.starts_with(|c: char| c.is_ascii_digit()) {
            let digits = text.get(token.start..).unwrap_or_default();
            let digits = digits.bytes().take_while(u8::is_ascii_digit).count();
            from = token.start + digits;
        }
        Some(token.start..from)
    })
}

/// `is_dialled`: a plus stands before it.
fn is_grouped(run: &str, is_dialled: bool) -> bool {
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    let signs = run.chars().filter(|letter| !letter.is_ascii_digit());
    let is_of_one_sign = signs.collect::<std::collections::BTreeSet<char>>().len() == 1;
    // `254 712 345 678` is written as an amount is.
    let is_long = digits > AMOUNT_DIGITS && is_of_one_sign && !run.contains([',', '\'', '’']);
    if is_dialled && digits >= LEAST_DIGITS || is_long && AMOUNT.is_match(run) {
        return true;
    }
    let is_amount = |part: &str| is_bare(part) || AMOUNT.is_match(part);
    // A number and an amount beside it, such as `12 1500.00`.
    let are_amounts = run.contains('.') && run.split(SPACES).all(is_amount);
    digits >= LEAST_DIGITS
        && !run.contains([',', '\'', '’'])
        && !AMOUNT.is_match(run)
        && !are_amounts
}

/// Digits alone.
pub(super) fn is_bare(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits and signs, no letters.
pub(super) fn is_number(token: &str) -> bool {
    token.bytes().any(|byte| byte.is_ascii_digit())
        && !token.contains(['*', '_'])
        && !token.chars().any(char::is_alphabetic)
}

/// Is `token` this number, perhaps in groups?
pub(super) fn is_same(token: &str, number: &str) -> bool {
    token.replace(SPACES, "") == number
}

/// The amount times `factor`, written as it was; `None` of one with more digits than any amount has.
pub(super) fn times(token: &str, factor: u128) -> Option<String> {
    let mark = token.rfind(|c: char| !c.is_ascii_digit());
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let behind = |at: usize| digits(token.get(at..).unwrap_or_default());
    // Three digits behind the only mark may be thousands or decimals: either way the sum holds.
    let decimals = mark.map_or(0, |at| behind(at).len());
    let decimals = if decimals == 3 && !token.starts_with('0') {
        0
    } else {
        decimals
    };
    let number = digits(token).parse::<u128>().ok()?;
    let made = number.saturating_mul(factor).to_string();
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
    Some(text)
}
