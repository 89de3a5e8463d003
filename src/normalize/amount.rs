//! An amount as a portal writes it to an exact decimal. Pure.

use std::str::FromStr;

use rust_decimal::Decimal;

use crate::selectors::DecimalRule;

/// GSMA Mobile Money API 1.2, `amount`: at most so many digits before the decimal mark, and after it.
const MAX_WHOLE_DIGITS: usize = 18;
const MAX_DECIMALS: u32 = 4;

/// How portals write their currencies, in lower case, and the ISO 4217 codes each can stand for.
const WORDS: [(&str, &[&str]); 30] = [
    ("ksh", &["KES"]),
    ("kshs", &["KES"]),
    ("tsh", &["TZS"]),
    ("tshs", &["TZS"]),
    ("ush", &["UGX"]),
    ("ushs", &["UGX"]),
    ("frw", &["RWF"]),
    ("gh₵", &["GHS"]),
    ("gh¢", &["GHS"]),
    ("ghc", &["GHS"]),
    ("₵", &["GHS"]),
    ("fcfa", &["XOF", "XAF"]),
    ("cfa", &["XOF", "XAF"]),
    ("f cfa", &["XOF", "XAF"]),
    ("f", &["XOF", "XAF"]),
    ("ar", &["MGA"]),
    ("mt", &["MZN"]),
    ("tk", &["BDT"]),
    ("৳", &["BDT"]),
    ("₱", &["PHP"]),
    ("br", &["ETB"]),
    ("birr", &["ETB"]),
    ("us$", &["USD"]),
    ("$", &["USD"]),
    ("zig", &["ZWG"]),
    ("zk", &["ZMW"]),
    ("k", &["ZMW"]),
    ("mk", &["MWK"]),
    ("₦", &["NGN"]),
    ("fc", &["CDF"]),
];

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Letters or signs that are no number and no currency.
    #[error("holds more than one number and one currency word: use `capture` to keep the number")]
    Leftover,
    /// A currency word of another currency.
    #[error("names another currency than the row has: correct `currency`")]
    OtherCurrency,
    /// Marks that do not stand between groups of three digits, or twice.
    #[error(
        "does not follow `fields.decimal`: a group is three digits, and the decimal mark stands once, between digits"
    )]
    Marks,
    /// More decimals than money has.
    #[error(
        "has more than {MAX_DECIMALS} decimals, or more than {MAX_WHOLE_DIGITS} digits before them: correct `fields.decimal`"
    )]
    OutOfRange,
}

/// Reads `text`: a sign before or behind it, or parentheses for one below zero; a currency word before or after; and
/// digits by `rule`.
///
/// # Errors
/// On anything left over, anything ambiguous, and what GSMA's `amount` cannot hold.
pub fn parse(text: &str, rule: DecimalRule, currency: &str) -> Result<Decimal, AmountError> {
    let text = text.trim();
    let within = text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'));
    let (outer_sign, rest) = match within {
        Some(within) => (Some(true), within.trim()),
        None => sign(text),
    };
    let start = rest
        .find(|c: char| c.is_ascii_digit())
        .ok_or(AmountError::Leftover)?;
    let (before, rest) = rest.split_at_checked(start).ok_or(AmountError::Leftover)?;
    let (inner_sign, before) = trailing_sign(before.trim());
    let end = rest
        .rfind(|c: char| c.is_ascii_digit())
        .map_or(0, |at| at + 1);
    let (number, after) = rest.split_at_checked(end).ok_or(AmountError::Leftover)?;
    let (last_sign, after) = sign(after.trim());
    let (end_sign, after) = trailing_sign(after);
    match (before.trim(), after.trim()) {
        ("", "") => {}
        (word, "") | ("", word) => currency_word(word, currency)?,
        _ => return Err(AmountError::Leftover),
    }
    let mut signs = [outer_sign, inner_sign, last_sign, end_sign]
        .into_iter()
        .flatten();
    let negative = signs.next().unwrap_or(false);
    if signs.next().is_some() {
        return Err(AmountError::Leftover);
    }
    let amount = digits(number, rule)?;
    Ok(if negative { -amount } else { amount })
}

fn sign(text: &str) -> (Option<bool>, &str) {
    for (sign, negative) in [('-', true), ('−', true), ('+', false)] {
        if let Some(rest) = text.strip_prefix(sign) {
            return (Some(negative), rest.trim_start());
        }
    }
    (None, text)
}

fn trailing_sign(text: &str) -> (Option<bool>, &str) {
    for (sign, negative) in [('-', true), ('−', true), ('+', false)] {
        if let Some(rest) = text.strip_suffix(sign) {
            return (Some(negative), rest);
        }
    }
    (None, text)
}

/// Does the text stand for a currency, whichever?
pub(crate) fn is_currency_word(text: &str) -> bool {
    let word = text.to_lowercase();
    let is_code = word.len() == 3 && word.bytes().all(|b| b.is_ascii_lowercase());
    is_code || WORDS.iter().any(|(known, _)| *known == word)
}

fn currency_word(word: &str, currency: &str) -> Result<(), AmountError> {
    let word = word.to_lowercase();
    if word == currency.to_lowercase() {
        return Ok(());
    }
    match WORDS.iter().find(|(known, _)| *known == word) {
        Some((_, codes)) if codes.contains(&currency) => Ok(()),
        Some(_) => Err(AmountError::OtherCurrency),
        None if word.len() == 3 && word.bytes().all(|b| b.is_ascii_lowercase()) => {
            Err(AmountError::OtherCurrency)
        }
        None => Err(AmountError::Leftover),
    }
}

/// Digits, grouped in threes or not at all, and at most one decimal mark between digits.
fn digits(number: &str, rule: DecimalRule) -> Result<Decimal, AmountError> {
    let (whole, fraction) = match number.split_once(rule.mark) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !fraction.is_none_or(all_digits) {
        return Err(AmountError::Marks);
    }
    let mut plain = String::with_capacity(number.len());
    match rule.group.filter(|group| whole.contains(*group)) {
        None => plain.push_str(whole),
        Some(group) => {
            for (at, part) in whole.split(group).enumerate() {
                let fits = if at == 0 {
                    (1..=3).contains(&part.len())
                } else {
                    part.len() == 3
                };
                if !fits {
                    return Err(AmountError::Marks);
                }
                plain.push_str(part);
            }
        }
    }
    if !all_digits(&plain) {
        return Err(AmountError::Marks);
    }
    if plain.trim_start_matches('0').len() > MAX_WHOLE_DIGITS {
        return Err(AmountError::OutOfRange);
    }
    if let Some(fraction) = fraction.map(|fraction| fraction.trim_end_matches('0')) {
        if fraction.len() > MAX_DECIMALS as usize {
            return Err(AmountError::OutOfRange);
        }
        if !fraction.is_empty() {
            plain.push('.');
            plain.push_str(fraction);
        }
    }
    Decimal::from_str(&plain).map_err(|_| AmountError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POINT: DecimalRule = DecimalRule {
        mark: '.',
        group: Some(','),
    };
    const COMMA: DecimalRule = DecimalRule {
        mark: ',',
        group: Some(' '),
    };
    const BARE: DecimalRule = DecimalRule {
        mark: '.',
        group: None,
    };

    fn read(text: &str, rule: DecimalRule, currency: &str) -> Result<String, AmountError> {
        parse(text, rule, currency).map(|amount| amount.to_string())
    }

    #[test]
    fn amounts_of_real_portals_are_read_exactly() {
        for (text, rule, currency, amount) in [
            ("1,234.00", POINT, "KES", "1234"),
            ("Ksh1,500.00", POINT, "KES", "1500"),
            ("Ksh 1,500.50", POINT, "KES", "1500.5"),
            ("KES 110", POINT, "KES", "110"),
            ("-120,000.00", POINT, "KES", "-120000"),
            ("− 120,000.00", POINT, "KES", "-120000"),
            ("Ksh -5.25", POINT, "KES", "-5.25"),
            ("-Ksh 5.25", POINT, "KES", "-5.25"),
            ("+1,640.02", POINT, "KES", "1640.02"),
            ("20,000 TZS", POINT, "TZS", "20000"),
            ("GH₵303.00", POINT, "GHS", "303"),
            ("35 000 FCFA", COMMA, "XOF", "35000"),
            ("5825F", COMMA, "XAF", "5825"),
            ("1 000 Ar", COMMA, "MGA", "1000"),
            ("12,345.67MT", POINT, "MZN", "12345.67"),
            ("₱1,234.56", POINT, "PHP", "1234.56"),
            ("341192.86", BARE, "XAF", "341192.86"),
            ("1500", POINT, "KES", "1500"),
            (
                "999999999999999999.9999",
                BARE,
                "KES",
                "999999999999999999.9999",
            ),
            ("0.00", POINT, "KES", "0"),
            ("(300.00)", POINT, "KES", "-300"),
            ("(Ksh 1,300.00)", POINT, "KES", "-1300"),
            ("300-", POINT, "KES", "-300"),
            ("300.00 - KES", POINT, "KES", "-300"),
            ("12,345.67 MT", POINT, "MZN", "12345.67"),
            ("51300Ar", COMMA, "MGA", "51300"),
            ("Tk 6,400.00", POINT, "BDT", "6400"),
            ("2,000 RWF", POINT, "RWF", "2000"),
        ] {
            assert_eq!(read(text, rule, currency).as_deref(), Ok(amount), "{text}");
        }
    }

    #[test]
    fn what_is_ambiguous_or_left_over_is_refused() {
        use AmountError::{Leftover, Marks, OtherCurrency, OutOfRange};
        for (text, rule, error) in [
            ("", POINT, Leftover),
            ("-", POINT, Leftover),
            ("(-300.00)", POINT, Leftover),
            ("(300.00", POINT, Leftover),
            ("-300-", POINT, Leftover),
            ("--300", POINT, Leftover),
            ("-Ksh -300", POINT, Leftover),
            ("12 50", POINT, Marks),
            ("1,50", POINT, Marks),
            ("1,5000", POINT, Marks),
            ("1,234,56", POINT, Marks),
            ("1.234.567", POINT, Marks),
            ("1.234,50", POINT, Marks),
            ("1,234.50", COMMA, Marks),
            ("1,234", BARE, Marks),
            (".50", POINT, Leftover),
            ("5.", POINT, Leftover),
            ("1e5", POINT, Marks),
            ("UGX 27,200", POINT, OtherCurrency),
            ("Tsh 27,200", POINT, OtherCurrency),
            ("EUR 27", POINT, OtherCurrency),
            ("about 27", POINT, Leftover),
            ("KES 27 KES", POINT, Leftover),
            ("1.23456", POINT, OutOfRange),
            ("1000000000000000000", POINT, OutOfRange),
            ("١٢٣", POINT, Leftover),
        ] {
            assert_eq!(read(text, rule, "KES"), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_reads_back_as_it_was_written(cents in -99_999_999_999_i64..99_999_999_999, mark in 0..3_usize) {
            let amount = Decimal::new(cents, 2);
            let rule = [POINT, COMMA, BARE][mark];
            let plain = format!("{:.2}", amount.abs());
            let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, "00"));
            let mut grouped = String::new();
            for (at, digit) in whole.chars().enumerate() {
                if let Some(group) = rule.group.filter(|_| at > 0 && (whole.len() - at).is_multiple_of(3)) {
                    grouped.push(group);
                }
                grouped.push(digit);
            }
            let sign = if cents < 0 { "-" } else { "" };
            prop_assert_eq!(parse(&format!("{sign}{grouped}{}{fraction}", rule.mark), rule, "KES"), Ok(amount));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}") {
            let _ = parse(&text, COMMA, "XAF");
        }
    }
}
