//! Nothing planted survives; what holds a page together does.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde_json::json;

use super::*;
use crate::extract;
use crate::selectors::file;
use crate::trial::{Trial, account};
use crate::understand;

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

/// 700 names, numbers and tokens, each unlike all others.
fn planted() -> Vec<String> {
    let mut stream = Stream::new(&[1; 32], "planted");
    let mut letters = |count: usize, first: u8| -> String {
        (0..count)
            .map(|_| char::from(first + stream.next() % if first == b'0' { 10 } else { 26 }))
            .collect()
    };
    let mut found = Vec::new();
    for number in 0..100 {
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
        let sign = [" ", ".", "-", "\u{a0}"][number % 4];
        let groups: Vec<String> = (0..5).map(|_| letters(2, b'0')).collect();
        found.push(groups.join(sign));
        found.push(format!("0{}{sign}{}", letters(3, b'0'), letters(4, b'0')));
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
fn of_700_planted_names_numbers_and_tokens_none_survives() {
    let planted = planted();
    assert_eq!(planted.iter().collect::<BTreeSet<_>>().len(), 700);
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

/// The texts of `html` between tags and in attributes, as the page with stand-ins has them.
fn words(redactor: &mut Redactor, portal: &Portal, html: &str) -> Vec<String> {
    let made = redactor.page(&extract::parse(html).unwrap(), portal);
    let words = made.split(|c: char| !c.is_alphanumeric());
    words.map(str::to_owned).collect()
}

#[test]
fn of_numbers_of_three_and_four_digits_none_survives_wherever_it_stands() {
    let (mut redactor, portal) = (redactor(), kilima());
    for number in (100..10_000).step_by(37) {
        for text in [number.to_string(), format!("{number:04}")] {
            for html in [
                format!("<p>PIN {text}</p>"),
                format!("<div><span>{text}</span></div>"),
                format!("<h2 title=\"{text}\">Balance: {text} KES</h2>"),
                format!("<table><td data-sort=\"{text}\">{text}</table>"),
                format!("<a href=\"/pay?pin={text}\">x</a>"),
            ] {
                let words = words(&mut redactor, &portal, &html);
                assert!(!words.contains(&text), "{text} survived in {html}");
            }
        }
    }
    assert!(
        !redactor
            .kept()
            .iter()
            .any(|text| text.len() > 2 && text != "KES")
    );
}

#[test]
fn a_number_in_groups_is_replaced_as_one() {
    for text in [
        "77 12 34 56",
        "07 08 09 10 11",
        "77.12.34.56",
        "07.11.22.33.44",
        "10.2.30.45",
        "77-123-456",
        "77\u{a0}12\u{202f}34\u{a0}56",
        "5.12.11.26",
    ] {
        let mut redactor = redactor();
        let said = format!("Call {text}, please");
        let made = redactor.text(&said, Place::Elsewhere);
        let signs = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "9");
        assert!(
            made.contains(&signs(text)) || signs(&made).contains(&signs(text)),
            "{made}"
        );
        assert!(redactor.kept().is_empty(), "{text}: {:?}", redactor.kept());
        assert!(!made.contains(text), "{made}");
        assert_eq!(made, redactor.text(&said, Place::Elsewhere));
    }
}

#[test]
fn a_number_is_the_same_one_in_groups_and_without() {
    let mut redactor = redactor().of_account("600123");
    for (bare, groups) in [
        ("0708091011", "07 08 09 10 11"),
        ("77123456", "77.12.34.56"),
        ("600123", "600 123"),
    ] {
        let bare = redactor.text(bare, Place::Cell);
        let groups = redactor.text(groups, Place::Elsewhere);
        let digits: String = groups.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(bare, digits);
    }
}

#[test]
fn amounts_keep_what_stands_beside_them_apart() {
    let mut redactor = redactor();
    for (text, made) in [
        ("12 1500.00", "84 10500.00"),
        ("1 500 000,00KES", "10 500 000,00KES"),
        ("(1,500.00)", "(10,500.00)"),
        ("123.4567", "864.1969"),
        ("0.100", "0.700"),
    ] {
        assert_eq!(redactor.text(text, Place::Cell), made);
    }
}

#[test]
fn small_numbers_outside_of_cells_stay_and_are_listed() {
    let mut redactor = redactor();
    let made = redactor.text("Page 1 / 20", Place::Elsewhere);
    let words: Vec<&str> = made.split(' ').collect();
    assert_eq!((words[1], words[3]), ("1", "20"));
    let listed: Vec<&str> = redactor.kept().iter().map(String::as_str).collect();
    assert_eq!(listed, ["1", "20"]);
}

#[test]
fn the_portals_own_count_stays_and_is_listed() {
    let mut redactor = redactor();
    let html = "<p id=count>Records 101 - 120 of <b>1,500</b></p><p>1,500</p>";
    let before = extract::parse(html).unwrap();
    let made = redactor.page(&before, &kilima());
    let (css, regex) = kilima().table.count.unwrap();
    let after = extract::parse(&made).unwrap();
    assert_eq!(after.captured(&css, &regex).as_deref(), Some("1,500"));
    assert_eq!(made.matches("1,500").count(), 1, "{made}");
    assert!(redactor.kept().contains("1,500"));
}

const FIELDS: &str = r#"
transaction_reference = { header = "Receipt No." }
completion_date = { header = "Time", formats = ["%Y-%m-%d %H:%M:%S"] }
status = { always = "completed" }
type = { always = "merchantpay" }
amount = { header = "Amount" }
"#;

/// The amounts of a page, and those of the page with stand-ins, by what they were multiplied.
fn factors(portal: &Portal, html: &str) -> Vec<Decimal> {
    let mut redactor = Redactor::new([7; 32], portal);
    let before = extract::parse(html).unwrap();
    let after = extract::parse(&redactor.page(&before, portal)).unwrap();
    let now = "2026-11-21T09:03:00Z".parse().unwrap();
    let read = |page: &extract::Document| {
        let trial = Trial::of(portal, account(portal, None), page, now).unwrap();
        let amounts = trial.understood().map(|(_, read)| read.payment.amount);
        amounts.collect::<Vec<_>>()
    };
    let (before, after) = (read(&before), read(&after));
    assert_eq!(before.len(), after.len());
    let pairs = before.iter().zip(&after);
    pairs.map(|(before, after)| after / before).collect()
}

#[test]
fn sums_hold_in_a_grid_without_a_table_as_in_one() {
    let row = |number: u32, cells: [&str; 2]| {
        let [amount, column] = cells;
        format!(
            "<div class=row><div role=gridcell>UKL{number}</div><div role=gridcell>2026-11-20 12:00:0{number}</div>\
             <div role=gridcell aria-colindex={column}>{amount}</div></div>"
        )
    };
    let amounts = ["5", "50", "1500", "15000", "1,500.00", "0.100"];
    let rows = (0..)
        .zip(amounts)
        .map(|(number, amount)| row(number, [amount, "4"]));
    let rows: String = rows.collect();
    let header = "<div class=row><div role=columnheader>Receipt No.</div><div role=columnheader>Time</div>\
                  <div role=columnheader>Note</div><div role=columnheader>Amount</div></div>";
    let by_role = extract::tests::portal_with_rows("rows = \".row\"", FIELDS);
    let html = format!("<div id=operator></div>{header}{rows}");
    let found = factors(&by_role, &html);
    assert_eq!(found.len(), amounts.len());
    assert!(
        found[0] > Decimal::ONE && found.iter().all(|factor| *factor == found[0]),
        "{found:?}"
    );
    let plain = html
        .replace("role=gridcell", "")
        .replace("role=columnheader", "");
    let plain = plain
        .replace("aria-colindex=4", "")
        .replace("<div >Note</div>", "");
    assert_eq!(factors(&by_role, &plain), found);
}

#[test]
fn what_the_page_takes_from_view_is_no_part_of_an_amount_afterwards() {
    let portal = extract::tests::portal("hidden = \"skip\"", FIELDS);
    let cells = "<td>UKL1<td>2026-11-20 12:00:00<td>";
    let html = format!(
        "<table><tr><th>Receipt No.<th>Time<th>Amount\
         <tr>{cells}<span style='color: red; DISPLAY:none !important'>0005</span>5\
         <tr>{cells}<i style='visibility: collapse'>17</i>5<tr style='display: none'>{cells}6</table>"
    );
    let found = factors(&portal, &html);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0], found[1]);
    let made = Redactor::new([7; 32], &portal).page(&extract::parse(&html).unwrap(), &portal);
    assert!(
        !made.contains("red") && !made.contains("!important"),
        "{made}"
    );
}

#[test]
fn marks_in_attributes_of_data_stay_and_what_else_stands_there_does_not() {
    let text = include_str!("../../selectors/ngome.toml");
    let portal = file::parse("ngome", "ngome.toml", text).unwrap();
    let mut redactor = Redactor::new([7; 32], &portal);
    for word in ["locked", "bad-login", "jane", "locked jane", "4821"] {
        let html = format!(
            "<section id=verdict data-is=\"{word}\" data-who=\"Amina Otieno\"><td>Amina Otieno</section>"
        );
        let page = extract::parse(&html).unwrap();
        let after = extract::parse(&redactor.page(&page, &portal)).unwrap();
        let session = |page: &extract::Document| understand::session(&portal.marks, page);
        assert_eq!(session(&after), session(&page), "{word}");
    }
    let kept: Vec<&str> = redactor.kept().iter().map(String::as_str).collect();
    assert_eq!(kept, ["bad-login", "locked"]);
    assert!(redactor.names().contains("data-who"));
}

#[test]
fn an_attribute_that_a_field_is_read_from_has_the_stand_in_of_its_text() {
    let fields = FIELDS.replace(
        "{ header = \"Receipt No.\" }",
        "{ css = \"i\", attribute = \"data-ref\" }",
    );
    let portal = extract::tests::portal("", &fields);
    let html = "<table><tr><th>Ref<th>Time<th>Amount<tr><td><i data-ref=UKL1>UKL1</i><td>2026-11-20 12:00:00<td>5</table>";
    let mut redactor = Redactor::new([7; 32], &portal);
    let made = redactor.page(&extract::parse(html).unwrap(), &portal);
    let stand_in = redactor.text("UKL1", Place::Cell);
    assert!(
        made.contains(&format!("<i data-ref=\"{stand_in}\">{stand_in}</i>")),
        "{made}"
    );
    assert_ne!(stand_in, "UKL1");
}

#[test]
fn of_aria_only_places_of_cells_stay() {
    let mut redactor = redactor();
    let html = "<p aria-colindex=4 aria-rowindex=1024 aria-sort=ascending aria-hidden=true aria-colspan=Jane aria-label=Amina aria-sort=4>x</p>";
    let made = redactor.page(&extract::parse(html).unwrap(), &kilima());
    let kept = "<p aria-colindex=\"4\" aria-hidden=\"true\" aria-rowindex=\"1024\" aria-sort=\"ascending\">";
    assert!(made.contains(kept), "{made}");
    assert!(redactor.names().contains("1024"));
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
        "07.11.22.33.44",
        "10.2.30.45",
        "5.12.11.2026",
        "12-11-2026-4821",
        "77:12",
        "10:20:30:40:50",
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
        "2026-11-21T10:00:01-03:00",
        "2026-11-21T10:00:01.123Z",
        "01/11/2026-21/11/2026",
        "21.11.2026.",
        "21/Nov/2026:10:00:01",
        "21-11-2026-10:00:01",
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
