//! A statement as portals print it: about 1 KB of markup a row, thirteen columns, the table not the only one of its page.

use std::fmt::Write as _;

/// As in `selectors/huawei-ke-org.toml`.
const HEADERS: [&str; 13] = [
    "Receipt No.",
    "Completion Time",
    "Initiation Time",
    "Details",
    "Transaction Status",
    "Paid In",
    "Withdrawn",
    "Balance",
    "Balance Confirmed",
    "Reason Type",
    "Other Party Info",
    "Linked Transaction ID",
    "A/C No.",
];

/// A page of so many rows, the newest first.
pub fn page(rows: usize) -> String {
    let mut html = String::from(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>Organization statement</title></head>\n<body>\n\
         <div id=\"topbar\">Operator: <span id=\"operatorName\">WEB OPERATOR 1</span></div>\n\
         <table class=\"menu\"><tr><td>Home</td><td>Statement</td></tr></table>\n\
         <table id=\"statement\" class=\"grid\">\n<tr class=\"head\">",
    );
    for header in HEADERS {
        let _ = write!(html, "<th scope=\"col\">{header}</th>");
    }
    html.push_str("</tr>\n");
    let mut balance = 90_000_000_u64;
    for number in 0..rows {
        let cents = 10_000 + (number as u64 * 7_919) % 400_000;
        row(&mut html, number, cents, balance);
        balance = 90_000_000 + (balance * 31 + cents) % 500_000_000;
    }
    html.push_str("</table>\n</body></html>\n");
    html
}

fn row(html: &mut String, number: usize, cents: u64, balance: u64) {
    let minutes = 28 * 24 * 60 - 1 - number % (28 * 24 * 60);
    let (day, hour, minute) = (minutes / 1440 + 1, minutes / 60 % 24, minutes % 60);
    let second = number / (28 * 24 * 60);
    let payer = 254_700_000_000 + number as u64 * 104_729 % 99_999_999;
    let payer = format!("{}***{:03}", payer / 1_000_000, payer % 1_000);
    let cells = [
        format!("UKL{number:07}"),
        // As some portals print them: a TAB, and a space that does not break.
        format!("{day:02}-11-2026\t{hour:02}:{minute:02}:{second:02}"),
        format!("{day:02}-11-2026&nbsp;{hour:02}:{minute:02}:{second:02}"),
        format!("Pay Bill from {payer} - JANE &amp; SONS Acc. ACC-{number}"),
        "Completed".to_owned(),
        money(cents),
        String::new(),
        money(balance),
        "true".to_owned(),
        "Pay Bill Online".to_owned(),
        format!("{payer} - JANE &amp; SONS"),
        String::new(),
        format!("ACC-{number}"),
    ];
    let parity = if number.is_multiple_of(2) {
        "even"
    } else {
        "odd"
    };
    let _ = write!(html, "<tr class=\"{parity}\" id=\"row-{number}\">");
    for (column, cell) in cells.iter().enumerate() {
        let _ = write!(
            html,
            "<td class=\"cell col-{column}\" tabindex=\"-1\"><div class=\"inner\">{cell}</div></td>\n  "
        );
    }
    html.push_str("</tr>\n");
}

fn money(cents: u64) -> String {
    let (whole, cents) = (cents / 100, cents % 100);
    match (whole / 1_000, whole % 1_000) {
        (0, whole) => format!("{whole}.{cents:02}"),
        (thousands @ ..1_000, rest) => format!("{thousands},{rest:03}.{cents:02}"),
        (thousands, rest) => {
            let (millions, thousands) = (thousands / 1_000, thousands % 1_000);
            format!("{millions},{thousands:03},{rest:03}.{cents:02}")
        }
    }
}
