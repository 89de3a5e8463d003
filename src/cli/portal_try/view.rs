//! How `portal try` shows a page that was read: as a table, as JSON, one row explained.
//!
//! Here a person looks at his own saved page, so the text of cells is shown.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Look, Outcome, Reading};
use crate::cli::columns::fitted;
use crate::exit::Exit;
use crate::extract::Row;
use crate::normalize;
use crate::payment::{Payment, gsma_amount};

impl Reading {
    fn exit(&self) -> Exit {
        if self.trial.rows.iter().all(Result::is_ok) {
            Exit::Ok
        } else {
            Exit::Quarantined
        }
    }

    fn notes(&self) -> String {
        self.notes
            .iter()
            .map(|note| format!("note: {note}\n"))
            .collect()
    }
}

/// Text of a page must not steer the terminal.
pub(in crate::cli) fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { '·' } else { letter })
        .collect()
}

/// The payments as a table, then the rows that were put aside, then a summary.
pub(super) fn table(reading: &Reading, look: Look, with_ids: bool) -> Outcome {
    let mut out = String::new();
    let payments: Vec<_> = reading.trial.understood().collect();
    if !payments.is_empty() {
        let mut lines = vec![headers(with_ids)];
        lines.extend(
            payments
                .iter()
                .map(|(row, read)| line(row, &read.payment, with_ids)),
        );
        out.push_str(&fitted(&lines, &AT_THE_RIGHT, look.width));
    }
    for (row, error) in reading.trial.put_aside() {
        let cells: Vec<String> = row.cells.iter().map(|cell| plain(cell)).collect();
        out.push_str(&format!(
            "\nput aside: {error}\n  cells: {}\n",
            cells.join(" | ")
        ));
    }
    let extracted = &reading.trial.extracted;
    let put_aside = extracted.rows.len() - payments.len();
    let mut summary = match extracted.rows.len() {
        0 => "the page says that it has no rows".to_owned(),
        rows => format!(
            "{rows} rows: {} payments, {put_aside} put aside",
            payments.len()
        ),
    };
    if let Some(count) = extracted.portal_count {
        let _ = write!(summary, "; the portal says {count} in all");
    }
    summary.push_str(if extracted.has_next {
        "; there is a next page"
    } else {
        "; there is no next page"
    });
    let gap = if out.is_empty() { "" } else { "\n" };
    Outcome {
        out: format!("{out}{gap}{summary}\n"),
        err: reading.notes(),
        exit: reading.exit(),
    }
}

fn headers(with_ids: bool) -> Vec<String> {
    let mut headers = vec![
        "row",
        "when",
        "what",
        "amount",
        "status",
        "reference",
        "party",
        "name",
        "customer reference",
        "balance",
    ];
    if with_ids {
        headers.push("id");
    }
    headers.into_iter().map(str::to_owned).collect()
}

/// Columns whose text stands at the right: row, amount, balance.
const AT_THE_RIGHT: [usize; 3] = [0, 3, 9];

fn line(row: &Row, payment: &Payment, with_ids: bool) -> Vec<String> {
    let kind = payment
        .kind
        .map_or(String::new(), |kind| format!(" {}", kind.as_str()));
    let when = payment.instant().map_or(String::new(), |when| {
        when.format("%Y-%m-%d %H:%M:%S").to_string()
    });
    let mut line = vec![
        row.number.to_string(),
        when,
        format!("{}{kind}", payment.direction.as_str()),
        format!("{} {}", gsma_amount(payment.amount), payment.currency),
        payment.status.as_str().to_owned(),
        payment.reference.clone().unwrap_or_default(),
        payment
            .counterparty
            .first()
            .map(|party| party.value.clone())
            .unwrap_or_default(),
        payment.payer_name.clone().unwrap_or_default(),
        payment.customer_reference_raw.clone().unwrap_or_default(),
        payment
            .balance_after
            .map(|balance| balance.normalize().to_string())
            .unwrap_or_default(),
    ];
    if with_ids {
        line.push(payment.id.to_string());
    }
    line.iter().map(|cell| plain(cell)).collect()
}

/// One JSON object, see [`crate::trial::Trial::json`].
pub(super) fn json(reading: &Reading, with_ids: bool) -> Outcome {
    Outcome {
        out: format!("{}\n", Value::Object(reading.trial.json(with_ids))),
        err: reading.notes(),
        exit: reading.exit(),
    }
}

/// How each field of one row was read.
pub(super) fn explanation(reading: &Reading, row: &Row) -> Outcome {
    let trial = &reading.trial;
    let rows = &trial.extracted.rows;
    let page = normalize::Page::new(&reading.portal, &trial.account, rows, trial.now);
    let explained = page.explain(row);
    let mut out = format!("row {}\n", row.number);
    for trace in &explained.fields {
        let place = match (&trace.origin, trace.column) {
            (Some(header), Some(column)) => format!("column {column}, header `{}`", plain(header)),
            (Some(css), None) => format!("css `{}`", plain(css)),
            (None, _) => "the row has no such cell".to_owned(),
        };
        let _ = writeln!(out, "\n{}: {place}", trace.field.as_str());
        if let Some(raw) = &trace.raw {
            let _ = writeln!(out, "  cell: `{}`", plain(raw));
        }
        for step in &trace.steps {
            let _ = writeln!(out, "  {}", plain(step));
        }
    }
    // What the row is among the others of its page.
    let outcome = trial.rows.get(row.number.wrapping_sub(1));
    let exit = match outcome.unwrap_or(&explained.outcome) {
        Ok(read) => {
            let line = line(row, &read.payment, false);
            let named = headers(false)
                .into_iter()
                .zip(line)
                .skip(1)
                .filter(|(_, text)| !text.is_empty());
            out.push_str("\npayment\n");
            for (name, text) in named {
                let _ = writeln!(out, "  {name}: {text}");
            }
            Exit::Ok
        }
        Err(error) => {
            let cells: Vec<String> = row.cells.iter().map(|cell| plain(cell)).collect();
            let _ = writeln!(out, "\nput aside: {error}\n  cells: {}", cells.join(" | "));
            Exit::Quarantined
        }
    };
    Outcome {
        out,
        err: reading.notes(),
        exit,
    }
}
