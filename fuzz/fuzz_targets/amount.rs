//! Any text as an amount, by the decimal rules and currencies that portals have.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pure::cell::{read, row};
use pure::payment::{Direction, Payment};
use pure::portals::portal;
use pure::selectors::{Field, Portal};

/// Decimal mark, group mark and currency.
const RULES: [(char, Option<char>, &str); 6] = [
    ('.', Some(','), "KES"),
    (',', Some(' '), "XAF"),
    ('.', None, "ZMW"),
    (',', Some('.'), "MZN"),
    ('.', Some(' '), "GHS"),
    ('.', Some('\''), "BDT"),
];

static PORTALS: LazyLock<[Portal; 6]> = LazyLock::new(|| {
    RULES.map(|(mark, group, currency)| {
        let group = group.map(|group| format!(", group = \"{group}\""));
        let decimal = format!("{{ mark = \"{mark}\"{} }}", group.unwrap_or_default());
        let text = include_str!("amount.toml");
        let text = text.replace("$decimal", &decimal);
        portal("amount.toml", &text.replace("$currency", currency))
    })
});

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let rule = usize::from(*first) % RULES.len();
    let text = String::from_utf8_lossy(rest);
    let Some(amount) = amount(rule, &text) else {
        return;
    };
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    assert!(
        digits(&amount) <= digits(&text),
        "{text:?} has digits that were not read"
    );
    for again in [plain(rule, &amount), grouped(rule, &amount)] {
        assert_eq!(
            self::amount(rule, &again).as_ref(),
            Some(&amount),
            "{text:?}, {again:?}"
        );
    }
});

/// The amount read, with its sign, as GSMA writes it.
fn amount(rule: usize, text: &str) -> Option<String> {
    let rows = [row(&[(Field::Amount, text)], 1)];
    let read = read(&PORTALS[rule], &rows).pop()?;
    let Payment {
        direction, amount, ..
    } = read.ok()?;
    let sign = match direction {
        Direction::Credit => "",
        Direction::Debit => "-",
    };
    Some(format!("{sign}{}", amount.normalize()))
}

fn plain(rule: usize, amount: &str) -> String {
    amount.replace('.', &RULES[rule].0.to_string())
}

fn grouped(rule: usize, amount: &str) -> String {
    let (mark, group, currency) = RULES[rule];
    let (sign, amount) = match amount.strip_prefix('-') {
        Some(amount) => ("-", amount),
        None => ("", amount),
    };
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, "0"));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        let is_first = at == 0 || !(whole.len() - at).is_multiple_of(3);
        grouped.extend(group.filter(|_| !is_first));
        grouped.push(digit);
    }
    format!("{sign}{grouped}{mark}{fraction} {currency}")
}
