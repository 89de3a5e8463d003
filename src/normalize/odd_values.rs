//! Tests: values that portals write in their own way.
#![expect(clippy::unwrap_used, reason = "a test")]

use super::tests::{account, now};
use super::*;
use crate::extract::{self, tests::portal};
use crate::payment::{Direction, gsma_amount};

const FIELDS: &str = r#"
transaction_reference = { header = "Id" }
status = { always = "completed" }
type = { always = "merchantpay" }
"#;
const DATE: &str = r#"completion_date = { header = "Date", formats = ["%Y-%m-%d %H:%M:%S"] }"#;

/// Every row of a table of these lines, cells apart by `|`, the header first.
fn page(table: &str, fields: &str, lines: &[&str]) -> Vec<Result<Payment, RowError>> {
    let portal = portal(table, &format!("{FIELDS}{fields}"));
    let row = |line: &&str| {
        let cells: String = line.split('|').map(|cell| format!("<td>{cell}")).collect();
        format!("<tr>{cells}")
    };
    let html: String = lines.iter().map(row).collect();
    let parsed = extract::parse(&format!("<table>{html}</table>")).unwrap();
    let rows = extract::extract(&portal, &parsed).unwrap().rows;
    let account = account();
    let page = Page::new(&portal, &account, &rows, now());
    let understood = rows.iter().map(|row| page.payment(row));
    understood.map(|row| row.map(|row| row.payment)).collect()
}

fn one(fields: &str, header: &str, cells: &str) -> Result<Payment, RowError> {
    page("", fields, &[header, cells]).remove(0)
}

fn money(payment: &Payment) -> (Direction, String, Option<String>, Option<String>) {
    let text = |amount: Option<rust_decimal::Decimal>| amount.map(|amount| amount.to_string());
    (
        payment.direction,
        gsma_amount(payment.amount),
        text(payment.fee),
        text(payment.net_amount()),
    )
}

#[test]
fn a_fee_column_gives_gross_and_net_whichever_of_them_the_portal_prints() {
    use Direction::{Credit, Debit};
    let fields = |amount_is: &str| {
        format!(
            "{DATE}\namount = {{ header = \"Amount\" }}\nfee = {{ header = \"Fee\", amount_is = \"{amount_is}\" }}"
        )
    };
    let some = |text: &str| Some(text.to_owned());
    for (amount_is, cells, expected) in [
        (
            "net",
            "1980|20",
            (Credit, "2000".to_owned(), some("20"), some("1980")),
        ),
        (
            "net",
            "-1504|4",
            (Debit, "1500".to_owned(), some("4"), some("1504")),
        ),
        (
            "net",
            "-4950|-50",
            (Debit, "5000".to_owned(), some("-50"), some("4950")),
        ),
        (
            "gross",
            "9750|-97",
            (Credit, "9750".to_owned(), some("97"), some("9653")),
        ),
        (
            "gross",
            "-1500|4",
            (Debit, "1500".to_owned(), some("4"), some("1504")),
        ),
        ("net", "500|", (Credit, "500".to_owned(), None, None)),
        ("net", "500|0", (Credit, "500".to_owned(), None, None)),
    ] {
        let row = format!("A1|2026-11-21 10:00:00|{cells}");
        let payment = one(&fields(amount_is), "Id|Date|Amount|Fee", &row).unwrap();
        assert_eq!(money(&payment), expected, "{amount_is} {cells}");
    }
    let refused = one(
        &fields("net"),
        "Id|Date|Amount|Fee",
        "A1|2026-11-21 10:00:00|-4|4",
    );
    assert_eq!(refused.unwrap_err().problem, Problem::FeeTooLarge);
}

#[test]
fn the_direction_may_be_told_by_the_accounts_own_number_and_other_columns_follow_it() {
    let fields = format!(
        r#"{DATE}
amount = {{ header = "Amount" }}
direction = {{ header = "To", map = {{ "{{number}}" = "credit" }}, other = "debit" }}
counterparty = {{ header = "From", key = "msisdn", debit = {{ header = "To", capture = "([0-9]+)$" }} }}
balance_after = {{ header = "Balance to", debit = {{ header = "Balance from" }} }}
"#
    );
    let rows = page(
        "",
        &fields,
        &[
            "Id|Date|From|To|Amount|Balance from|Balance to",
            "A1|2026-11-21 10:00:00|250780000001|600123|500|1|2",
            "A2|2026-11-21 09:00:00|600123|FRI:250780000002|500|3|4",
        ],
    );
    let told: Vec<_> = rows
        .into_iter()
        .map(|row| {
            let row = row.unwrap();
            let balance = row.balance_after.map(|balance| balance.to_string());
            (row.direction, row.counterparty[0].value.clone(), balance)
        })
        .collect();
    let balance = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [
            (Direction::Credit, "250780000001".to_owned(), balance("2")),
            (Direction::Debit, "250780000002".to_owned(), balance("3")),
        ]
    );
}

/// The instants of a column of dates, or why one is none.
fn dates(table: &str, formats: &str, texts: &[&str]) -> Vec<Result<String, Problem>> {
    let fields = format!(
        "completion_date = {{ header = \"Date\", formats = {formats} }}\namount = {{ header = \"Amount\" }}"
    );
    let lines: Vec<String> = texts.iter().map(|text| format!("A|{text}|5")).collect();
    let lines: Vec<&str> = std::iter::once("Id|Date|Amount")
        .chain(lines.iter().map(String::as_str))
        .collect();
    page(table, &fields, &lines)
        .into_iter()
        .map(|row| match row {
            Ok(payment) => Ok(payment.completion_date.unwrap().to_rfc3339()),
            Err(error) => Err(error.problem),
        })
        .collect()
}

#[test]
fn months_are_read_in_english_french_swahili_and_portuguese() {
    for text in [
        "2 Aug 2026 10:00",
        "2 août 2026 10:00",
        "2 aout 2026 10:00",
        "2 AOÛT 2026 10:00",
        "2 Agosti 2026 10:00",
        "2 Ago 2026 10:00",
        "2 agosto 2026 10:00",
        "2 ago. 2026 10:00",
        "2 August 2026 10:00",
    ] {
        let read = dates("", "[\"%d %B %Y %H:%M\"]", &[text]);
        assert_eq!(read, [Ok("2026-08-02T10:00:00+03:00".to_owned())], "{text}");
    }
    for (text, month) in [
        ("janv.", 1),
        ("févr.", 2),
        ("mars", 3),
        ("Machi", 3),
        ("avr.", 4),
        ("Mei", 5),
        ("maio", 5),
        ("juin", 6),
        ("juil.", 7),
        ("sept.", 9),
        ("Septemba", 9),
        ("out", 10),
        ("Oktoba", 10),
        ("nov.", 11),
    ] {
        let read = dates(
            "",
            "[\"%d %b %Y %H:%M\"]",
            &[&format!("02 {text} 2026 10:00")],
        );
        assert_eq!(
            read,
            [Ok(format!("2026-{month:02}-02T10:00:00+03:00"))],
            "{text}"
        );
    }
    for text in ["déc.", "Desemba", "dezembro"] {
        let read = dates(
            "",
            "[\"%d %b %Y %H:%M\"]",
            &[&format!("02 {text} 2025 10:00")],
        );
        assert_eq!(read, [Ok("2025-12-02T10:00:00+03:00".to_owned())], "{text}");
    }
}

#[test]
fn a_text_with_an_offset_is_an_instant_in_the_portals_zone() {
    let formats = "[\"%Y-%m-%d %H:%M:%S%:z\", \"%d/%m/%Y %H:%M\"]";
    assert_eq!(
        dates(
            "",
            formats,
            &["2025-09-21 00:00:00+00:00", "20/09/2025 23:00"]
        ),
        [
            Ok("2025-09-21T03:00:00+03:00".to_owned()),
            Ok("2025-09-20T23:00:00+03:00".to_owned())
        ]
    );
}

#[test]
fn date_and_time_of_day_may_stand_in_two_columns() {
    let fields = r#"
completion_date = { header = "Date", time = { header = "Heure" }, formats = ["%d/%m/%Y %H:%M:%S"] }
amount = { header = "Montant" }
"#;
    let payment = one(
        fields,
        "Id|Date|Heure|Montant",
        "A1|02/07/2025|14:10:01|500",
    )
    .unwrap();
    let date = payment.completion_date.unwrap().to_rfc3339();
    assert_eq!(date, "2025-07-02T14:10:01+03:00");
    let refused = one(fields, "Id|Date|Heure|Montant", "A1|02/07/2025||500").unwrap_err();
    assert_eq!(refused.problem, Problem::Date(DateError::NoFormat));
}

#[test]
fn which_of_day_and_month_comes_first_is_said_by_the_other_rows_or_by_the_pages_order() {
    let formats = "[\"%d/%m/%Y %H:%M\", \"%m/%d/%Y %H:%M\"]";
    let day_first = |day: &str| Ok(format!("2026-{day}T10:00:00+03:00"));
    // Another row has a thirteenth.
    assert_eq!(
        dates("", formats, &["13/04/2026 10:00", "03/04/2026 10:00"]),
        [day_first("04-13"), day_first("04-03")]
    );
    // The other reading lies in the future.
    assert_eq!(
        dates("", formats, &["02/12/2026 10:00", "02/11/2026 10:00"]),
        [day_first("02-12"), day_first("02-11")]
    );
    // Only one reading is newest first.
    assert_eq!(
        dates(
            "",
            formats,
            &["01/05/2026 10:00", "12/04/2026 10:00", "11/04/2026 10:00"]
        ),
        [day_first("05-01"), day_first("04-12"), day_first("04-11")]
    );
    // Nothing says.
    assert_eq!(
        dates("", formats, &["03/04/2026 10:00"]),
        [Err(Problem::Date(DateError::TwoReadings))]
    );
}

#[test]
fn a_page_that_is_in_order_only_with_day_and_month_exchanged_is_put_aside() {
    let texts = ["05/01/2026 10:00", "04/12/2026 10:00", "04/11/2026 10:00"];
    let read = dates("", "[\"%d/%m/%Y %H:%M\"]", &texts);
    let shifted = ["01/05/2026 10:00", "12/04/2026 10:00", "11/04/2026 10:00"];
    assert!(
        dates("", "[\"%d/%m/%Y %H:%M\"]", &shifted)
            .iter()
            .all(Result::is_ok)
    );
    // In November, the fourth of December lies ahead: the order says nothing where a date is none.
    assert!(read.iter().any(Result::is_err));
    let past = ["05/01/2025 10:00", "04/12/2025 10:00", "04/11/2025 10:00"];
    assert_eq!(
        dates("", "[\"%d/%m/%Y %H:%M\"]", &past),
        vec![Err(Problem::Date(DateError::DayAndMonth)); 3]
    );
    // A late row breaks the order in both readings.
    let late = ["05/04/2025 10:00", "05/04/2025 11:00", "04/04/2025 10:00"];
    assert!(
        dates("", "[\"%d/%m/%Y %H:%M\"]", &late)
            .iter()
            .all(Result::is_ok)
    );
}

#[test]
fn a_clock_change_is_refused_or_read_as_the_file_says() {
    let read = |change: &str, text: &str| {
        let fields = format!("{DATE}\namount = {{ header = \"Amount\" }}\n{change}");
        let mut portal = portal("", &format!("{FIELDS}{fields}"));
        portal.zone = chrono_tz::Africa::Casablanca;
        let html = format!("<table><tr><td>Id<td>Date<td>Amount<tr><td>A<td>{text}<td>5</table>");
        let rows = extract::extract(&portal, &extract::parse(&html).unwrap())
            .unwrap()
            .rows;
        let account = account();
        let understood = Page::new(&portal, &account, &rows, now()).payment(&rows[0]);
        understood
            .map(|row| row.payment.completion_date.unwrap().to_rfc3339())
            .map_err(|error| error.problem)
    };
    // Morocco puts its clocks back at 03:00 of 15 February 2026, and forward at 02:00 of 22 March.
    let (twice, never) = ("2026-02-15 02:30:00", "2026-03-22 02:30:00");
    assert_eq!(read("", twice), Err(Problem::Date(DateError::Overlap)));
    assert_eq!(read("", never), Err(Problem::Date(DateError::Gap)));
    let earlier = "clock_change = \"earlier\"";
    assert_eq!(
        read(earlier, twice).as_deref(),
        Ok("2026-02-15T02:30:00+01:00")
    );
    assert_eq!(
        read(earlier, never).as_deref(),
        Ok("2026-03-22T02:30:00+00:00")
    );
    let later = "clock_change = \"later\"";
    assert_eq!(
        read(later, twice).as_deref(),
        Ok("2026-02-15T02:30:00+00:00")
    );
    assert_eq!(
        read(later, never).as_deref(),
        Ok("2026-03-22T02:30:00+01:00")
    );
}

#[test]
fn a_number_that_became_a_fraction_is_no_reference() {
    let fields = format!("{DATE}\namount = {{ header = \"Amount\" }}");
    let read = |id: &str| {
        let row = format!("{id}|2026-11-21 10:00:00|5");
        one(&fields, "Id|Date|Amount", &row).map_err(|error| error.problem)
    };
    for id in [
        "149730678579.0",
        "149730678579.00",
        "1.49730678579E+11",
        "1.5e+10",
        "1.23457E11",
        "1,4973E+11",
        "1E+11",
        "123,0",
    ] {
        assert_eq!(read(id).unwrap_err(), Problem::Float, "{id}");
    }
    for id in [
        "149730678579",
        "MP250702.1410.C51234",
        "1.5",
        "E5",
        "12E5",
        "ABC.0",
        "1E11",
        "12,000",
    ] {
        assert!(read(id).is_ok(), "{id}");
    }
}
