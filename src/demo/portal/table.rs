//! The statement page: search form, count, table and pager. Its structure is documented in `pages`.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use std::fmt::Write as _;

use super::config::PortalConfig;
use super::faults::Markup;
use super::pages::{STATEMENT, escape, signed_in};
use super::statement::{Direction, Line};

/// The 13 columns of the organisation statement, in the order that such portals print since 2017.
pub(super) const HEADERS: [&str; 13] = [
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
/// Every so many rows a cell ends in spaces, as exports of such portals do.
const PADDED_EVERY: usize = 3;

/// The days of a statement, both included, in the portal's zone.
#[derive(Clone, Copy)]
pub(super) struct Period {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

impl Period {
    /// The period of `from` and `to` as `DD-MM-YYYY`; none if either is no such day or they are the wrong way round.
    pub fn parse(from: &str, to: &str) -> Option<Self> {
        let day = |text: &str| NaiveDate::parse_from_str(text.trim(), "%d-%m-%Y").ok();
        Some(Self {
            from: day(from)?,
            to: day(to)?,
        })
        .filter(|period| period.from <= period.to)
    }

    /// A row whose money moved belongs to the day of its completion, so that balances of a period chain; any other
    /// to the day it began, and may complete after the period.
    pub fn holds(self, line: &Line<'_>, config: &PortalConfig) -> bool {
        let at = if line.row.settled {
            line.row.place()
        } else {
            line.row.initiated
        };
        (self.from..=self.to).contains(&at.with_timezone(&config.zone).date_naive())
    }
}

/// One page of the statement of a period.
pub(super) struct Leaf<'a> {
    pub period: Period,
    /// Counted from 1, and at most `pages`.
    pub page: usize,
    pub pages: usize,
    /// Rows of the whole period.
    pub total: usize,
    /// Number of the first row of this page, counted from 1; 0 without rows.
    pub first: usize,
    pub lines: Vec<Line<'a>>,
}

impl<'a> Leaf<'a> {
    /// Page `page` of the rows of `period` among `lines`; beyond the last page, the last.
    pub fn cut(lines: Vec<Line<'a>>, period: Period, page: usize, config: &PortalConfig) -> Self {
        let mut lines: Vec<_> = lines
            .into_iter()
            .filter(|line| period.holds(line, config))
            .collect();
        let total = lines.len();
        let size = config.rows_per_page as usize;
        let pages = total.div_ceil(size).max(1);
        let page = page.clamp(1, pages);
        let skipped = (page - 1) * size;
        lines.drain(..skipped.min(total));
        lines.truncate(size);
        Self {
            period,
            page,
            pages,
            total,
            first: if total == 0 { 0 } else { skipped + 1 },
            lines,
        }
    }
}

/// The statement page before a period was chosen, or with one that is none.
pub(super) fn search_only(
    from: &str,
    to: &str,
    refused: bool,
    config: &PortalConfig,
    markup: &Markup,
) -> String {
    let hint = if refused {
        "<p id=\"search-error\" class=\"message\">Enter both dates as DD-MM-YYYY, the earlier one first.</p>"
    } else {
        "<p id=\"choose-period\">Choose a period to see its transactions.</p>"
    };
    let body = format!(
        "<h1>Organisation statement</h1>\n{}{hint}",
        search_form(from, to)
    );
    signed_in(
        "Organisation statement",
        config,
        !markup.drop_signed_in_mark,
        &body,
    )
}

/// A page of the statement as asked for at `now`.
pub(super) fn statement(
    leaf: &Leaf<'_>,
    now: DateTime<Utc>,
    config: &PortalConfig,
    markup: &Markup,
) -> String {
    let (from, to) = (day(leaf.period.from), day(leaf.period.to));
    let mut body = format!(
        "<h1>Organisation statement</h1>\n{}",
        search_form(&from, &to)
    );
    if !markup.drop_table {
        if !markup.hide_rows {
            let last = leaf.first + leaf.lines.len().saturating_sub(1);
            let _ = writeln!(
                body,
                "<p id=\"count\">Records {} - {last} of {}</p>",
                leaf.first, leaf.total
            );
        }
        body.push_str("<div class=\"sheet\"><table id=\"statement\"><tbody>\n");
        body.push_str(&preamble(leaf, now, config));
        body.push_str(&rows(leaf, config, markup));
        body.push_str("</tbody></table></div>\n");
        body.push_str(&pager(leaf, &from, &to));
    }
    signed_in(
        "Organisation statement",
        config,
        !markup.drop_signed_in_mark,
        &body,
    )
}

fn day(date: NaiveDate) -> String {
    date.format("%d-%m-%Y").to_string()
}

fn search_form(from: &str, to: &str) -> String {
    format!(
        "<form id=\"search\" method=\"get\" action=\"{STATEMENT}\">\n\
         <label>From <input id=\"from\" name=\"from\" value=\"{}\" placeholder=\"DD-MM-YYYY\"></label>\n\
         <label>To <input id=\"to\" name=\"to\" value=\"{}\" placeholder=\"DD-MM-YYYY\"></label>\n\
         <button id=\"search-button\" type=\"submit\">Search</button>\n</form>\n",
        escape(from),
        escape(to)
    )
}

fn preamble(leaf: &Leaf<'_>, now: DateTime<Utc>, config: &PortalConfig) -> String {
    let line = |label: &str, text: &str| {
        format!(
            "<tr><td class=\"label\" colspan=\"2\">{label}</td><td colspan=\"11\">{}</td></tr>\n",
            escape(text)
        )
    };
    let period = format!(
        "From {} 00:00:00 To {} 23:59:59",
        day(leaf.period.from),
        day(leaf.period.to)
    );
    let report = now.with_timezone(&config.zone).format("%d-%m-%Y %H:%M:%S");
    [
        line("Account Holder:", &format!("{} - {}", config.short_code, config.organisation)),
        line("Short Code:", &config.short_code),
        line("Account:", "Utility Account"),
        line("Time Period:", &period),
        format!(
            "<tr><td class=\"label\" colspan=\"2\">Operator:</td><td colspan=\"4\">{}</td>\
             <td class=\"label\" colspan=\"2\">Date of Report:</td><td colspan=\"5\">{report}</td></tr>\n",
            escape(&config.user)
        ),
    ]
    .concat()
}

/// Header and data rows in the order and with the columns that `markup` leaves.
fn rows(leaf: &Leaf<'_>, config: &PortalConfig, markup: &Markup) -> String {
    let mut shown: Vec<usize> = (0..HEADERS.len())
        .filter(|n| {
            !markup
                .drop_column
                .iter()
                .any(|dropped| dropped == HEADERS[*n])
        })
        .collect();
    if markup.reverse_columns {
        shown.reverse();
    }
    let mut html = String::new();
    if !markup.drop_header_row {
        html.push_str("<tr>");
        for header in shown.iter().map(|n| HEADERS[*n]) {
            let text = markup
                .rename_header
                .get(header)
                .map_or(header, String::as_str);
            let _ = write!(html, "<th>{}</th>", escape(text));
        }
        html.push_str("</tr>\n");
    }
    if markup.hide_rows {
        return html;
    }
    if leaf.lines.is_empty() {
        let _ = writeln!(
            html,
            "<tr><td id=\"no-records\" colspan=\"{}\">No records found.</td></tr>",
            shown.len()
        );
    }
    for (n, line) in leaf.lines.iter().enumerate() {
        let cells = cells(line, config);
        html.push_str(if n % 2 == 0 {
            "<tr class=\"odd\">"
        } else {
            "<tr class=\"even\">"
        });
        for n in &shown {
            let class = match *n {
                5 | 7 => " class=\"amount\"",
                6 => " class=\"amount out\"",
                _ => "",
            };
            let _ = write!(html, "<td{class}>{}</td>", escape(&cells[*n]));
        }
        html.push_str("</tr>\n");
    }
    html
}

/// The texts of a row under [`HEADERS`].
fn cells(line: &Line<'_>, config: &PortalConfig) -> [String; 13] {
    let row = line.row;
    // The TAB is what such portals print before a time.
    let time = |at: DateTime<Utc>| {
        format!(
            "\t{}",
            at.with_timezone(&config.zone).format("%d-%m-%Y %H:%M:%S")
        )
    };
    let padded = |text: &str, turn: usize| {
        let spaces = if line.number % PADDED_EVERY == turn {
            "  "
        } else {
            ""
        };
        format!("{text}{spaces}")
    };
    let (paid_in, withdrawn) = match row.direction() {
        Direction::Credit => (money(row.amount), String::new()),
        Direction::Debit => (String::new(), money(-row.amount)),
    };
    [
        padded(&row.receipt, 0),
        row.completed.map(time).unwrap_or_default(),
        time(row.initiated),
        padded(&row.details, 1),
        row.status().to_owned(),
        paid_in,
        withdrawn,
        line.balance.map(money).unwrap_or_default(),
        line.balance.is_some().to_string(),
        row.reason.to_owned(),
        padded(&row.other_party, 2),
        row.linked.clone().unwrap_or_default(),
        padded(row.reference.as_deref().unwrap_or_default(), 0),
    ]
}

/// `-1234.5` as `-1,234.50`.
fn money(amount: Decimal) -> String {
    let plain = format!("{amount:.2}");
    let (sign, digits) = plain
        .strip_prefix('-')
        .map_or(("", plain.as_str()), |digits| ("-", digits));
    let (whole, cents) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut grouped = String::from(sign);
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped}.{cents}")
}

fn pager(leaf: &Leaf<'_>, from: &str, to: &str) -> String {
    let link = |id: &str, text: &str, page: usize| {
        format!(
            "<a id=\"{id}\" href=\"{STATEMENT}?from={from}&amp;to={to}&amp;page={page}\">{text}</a>\n"
        )
    };
    let previous = if leaf.page > 1 {
        link("previous", "Previous", leaf.page - 1)
    } else {
        String::new()
    };
    let next = if leaf.page < leaf.pages {
        link("next", "Next", leaf.page + 1)
    } else {
        String::new()
    };
    format!(
        "<p id=\"pager\">{previous}<span id=\"page\">Page {} of {}</span>\n{next}</p>",
        leaf.page, leaf.pages
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]
    use super::*;

    #[test]
    fn money_is_grouped_in_thousands_and_keeps_its_sign() {
        let shown = |text: &str| money(text.parse().unwrap());
        assert_eq!(shown("1500.5"), "1,500.50");
        assert_eq!(shown("-1234567.89"), "-1,234,567.89");
        assert_eq!(shown("999"), "999.00");
        assert_eq!(shown("-120000"), "-120,000.00");
    }

    #[test]
    fn a_period_is_two_days_the_right_way_round() {
        assert!(Period::parse("20-11-2026", "21-11-2026").is_some());
        assert!(Period::parse("21-11-2026", "20-11-2026").is_none());
        assert!(Period::parse("2026-11-20", "21-11-2026").is_none());
    }
}
