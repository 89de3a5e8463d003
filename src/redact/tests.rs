//! Nothing planted survives; what holds a page together does.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde_json::json;

use super::*;
use crate::extract;
use crate::selectors::file;
use crate::trial::{Trial, account};

fn kilima() -> Portal {
    file::parse(
        "kilima",
        "kilima.toml",
        include_str!("../../selectors/kilima.toml"),
    )
    .unwrap()
}

fn redactor() -> Redactor {
    Redactor::new([7; 32], &kilima())
}

const FIRST: &str = include_str!("../../selectors/recordings/kilima/pages/statement-first.html");

/// 500 names, numbers and tokens, each unlike all others.
fn planted() -> Vec<String> {
    let mut stream = Stream::new(&[1; 32], "planted");
    let mut letters = |count: usize, first: u8| -> String {
        (0..count)
            .map(|_| char::from(first + stream.next() % if first == b'0' { 10 } else { 26 }))
            .collect()
    };
    let mut found = Vec::new();
    for _ in 0..100 {
        found.push(format!("{}{}", letters(1, b'A'), letters(7, b'a')));
        found.push(format!("254{}", letters(9, b'0')));
        found.push(format!(
            "{}{}{}",
            letters(4, b'A'),
            letters(4, b'0'),
            letters(4, b'a')
        ));
        found.push(format!("7{}.{}", letters(5, b'0'), letters(2, b'0')));
        found.push(format!("{}-{}", letters(3, b'A'), letters(6, b'0')));
    }
    found
}

#[test]
fn the_number_of_the_account_does_not_tell_what_amounts_were_multiplied_by() {
    let mut redactor = redactor().of_account("600123");
    let text = |redactor: &mut Redactor, text: &str| redactor.text(text, Place::Cell);
    let (number, amount) = (text(&mut redactor, "600123"), text(&mut redactor, "600124"));
    let whole = |text: &str| text.parse::<u64>().unwrap();
    assert_eq!(whole(&amount) % 600_124, 0, "{amount}");
    assert!(
        number.len() == 6 && whole(&number) % 600_123 != 0,
        "{number}"
    );
    assert_eq!(text(&mut redactor, "till 600123"), {
        let word = text(&mut redactor, "till");
        format!("{word} {number}")
    });
}

#[test]
fn of_500_planted_names_numbers_and_tokens_none_survives() {
    let planted = planted();
    assert_eq!(planted.iter().collect::<BTreeSet<_>>().len(), 500);
    let mut page = String::from("<title>x</title><table id=statement>");
    for (number, text) in planted.iter().enumerate() {
        page.push_str(&match number % 7 {
            0 => format!("<tr><td>{text}</td></tr>"),
            1 => format!("<p title=\"{text}\">Hello {text}!</p>"),
            2 => format!("<input type=hidden name=csrf value=\"{text}\">"),
            3 => format!("<a href=\"/statement.action?who={text}&day=21-11-2026\">{text}</a><a href=\"export?who={text}\">x</a><a href=\"export#{text}\">x</a>"),
            4 => format!("<!-- {text} --><script>var token = '{text}'</script><td data-x='{text}'>{text}</td>"),
            5 => format!("<td>Pay Bill from {text} - {text} Acc. {text}</td>"),
            _ => format!("<option value={text}>{text}</option><style>.a{{content:'{text}'}}</style>"),
        });
    }
    let mut redactor = redactor();
    let portal = kilima();
    let made = redactor.page(&extract::parse(&page).unwrap(), &portal);
    let json = redactor.json(&json!({"rows": planted})).to_string();
    let records: Vec<String> = planted.chunks(10).map(|record| record.join(";")).collect();
    let csv = redactor.csv(&records.join("\n"), &portal).unwrap();
    for text in &planted {
        for made in [&made, &json, &csv] {
            assert!(!made.contains(text.as_str()), "{text} survived");
        }
    }
}

#[test]
fn rows_dates_statuses_equalities_and_balances_are_as_before() {
    let portal = kilima();
    let mut redactor = redactor();
    let before = extract::parse(FIRST).unwrap();
    let made = redactor.page(&before, &portal);
    let now = "2026-11-21T09:03:00Z".parse().unwrap();
    let read = |page: &extract::Document| {
        let trial = Trial::of(&portal, account(&portal, None), page, now).unwrap();
        let payments = trial.understood().map(|(_, read)| read.payment.clone());
        payments.collect::<Vec<_>>()
    };
    let (before, after) = (read(&before), read(&extract::parse(&made).unwrap()));
    assert_eq!(before.len(), 20);
    assert_eq!(after.len(), 20);
    let factor = after[0].amount / before[0].amount;
    assert!(factor > Decimal::ONE);
    for (one, other) in before.iter().zip(&after) {
        assert_eq!(
            (one.instant(), one.status, one.kind, one.direction),
            (other.instant(), other.status, other.kind, other.direction)
        );
        assert_eq!(one.amount * factor, other.amount);
        assert_eq!(
            one.balance_after.map(|balance| balance * factor),
            other.balance_after
        );
        assert_ne!(one.reference, other.reference);
        assert_eq!(one.payer_name.is_some(), other.payer_name.is_some());
    }
    for (at, one) in before.iter().enumerate() {
        for (to, other) in before.iter().enumerate() {
            assert_eq!(
                one.reference == other.reference,
                after[at].reference == after[to].reference
            );
            assert_eq!(
                one.payer_name == other.payer_name,
                after[at].payer_name == after[to].payer_name
            );
        }
    }
    assert!(redactor.kept().contains("Completed") && redactor.kept().contains("Receipt No."));
    assert!(
        redactor.names().contains("operator"),
        "{:?}",
        redactor.names()
    );
    assert!(!made.contains("JANE"));
}

#[test]
fn one_key_gives_one_stand_in_and_another_key_another() {
    let mut one = redactor();
    let text = "JANE D. 254722***000";
    let made = one.text(text, Place::Cell);
    assert_eq!(made, one.text(text, Place::Cell));
    assert_ne!(
        made,
        Redactor::new([8; 32], &kilima()).text(text, Place::Cell)
    );
    assert_eq!(made.len(), text.len());
    assert!(made.contains("254") && made.contains("***"), "{made}");
    assert_eq!(
        one.text("20-11-2026 23:41:27", Place::Cell),
        "20-11-2026 23:41:27"
    );
    assert_eq!(
        one.text("1 of 72", Place::Elsewhere).split(' ').next_back(),
        Some("72")
    );
}

#[test]
fn what_only_looks_like_a_date_does_not_stay() {
    let mut redactor = redactor();
    for text in [
        "5 Maina 1200",
        "Mary 12, 3456",
        "12\n  Mary\n  4821",
        "45 May 2026",
        "May 5 4821",
    ] {
        let made = redactor.text(text, Place::Cell);
        for word in text
            .split_whitespace()
            .filter(|word| word.len() > 2 && *word != "May")
        {
            assert!(!made.contains(word), "{word} in {made}");
        }
    }
}

#[test]
fn dates_stay_however_they_are_spaced() {
    let mut redactor = redactor();
    for date in [
        "Nov  3 2026  7:09:48 AM",
        "3  Nov,  2026\u{a0}10:00",
        "21-11-2026\t10:00:01",
    ] {
        assert_eq!(redactor.text(date, Place::Cell), date);
    }
}

#[test]
fn a_csv_keeps_its_records_whatever_stands_in_the_cells() {
    let mut redactor = redactor();
    let portal = kilima();
    let text = "sep=;\nReference;\"Payer \"\"P\"\"\";Amount\nRJ12ABCD34;\"Amina; Otieno\";\"1.250,50\"\n\n;;7\n";
    let made = redactor.csv(text, &portal).unwrap();
    let lines: Vec<&str> = made.lines().collect();
    assert_eq!(lines.len(), 4, "{made}");
    assert_eq!(lines[0], "sep=;");
    assert!(
        lines[2].contains("; ") && !lines[2].contains("Amina"),
        "{made}"
    );
    // A whole amount is multiplied, not what stands on either side of its mark.
    let factor = lines[3].rsplit(';').next().unwrap().parse::<u64>().unwrap() / 7;
    let amount = lines[2].rsplit(';').next().unwrap();
    let cents: u64 = amount.replace(['.', ',', '"'], "").parse().unwrap();
    assert_eq!(cents, 125_050 * factor, "{made}");
}

#[test]
fn numbers_and_tokens_do_not_stay_as_keys_of_a_query() {
    let mut redactor = redactor();
    let portal = kilima();
    let token = "eyJhbGciOiJIUzIxNiIsInR5cCIkpXVCJabcdefghijk";
    for key in ["254712345678", token] {
        let made = redactor.address(&format!("export?{key}"), &portal);
        assert!(made.starts_with("export?") && !made.contains(key), "{made}");
    }
}
