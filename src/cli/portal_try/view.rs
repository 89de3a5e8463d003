//! How `portal try` shows a page that was read: as a table, as JSON, one row explained.
//!
//! Here a person looks at his own saved page, so the text of cells is shown.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{Look, Outcome, Reading};
use crate::cli::columns::fitted;
use crate::event::{Envelope, Epoch, Event, render};
use crate::exit::Exit;
use crate::extract::Row;
use crate::normalize::{self, Normalized, RowError};
use crate::payment::{Payment, gsma_amount};

impl Reading {
    fn exit(&self) -> Exit {
        if self.rows.iter().all(Result::is_ok) {
            Exit::Ok
        } else {
            Exit::Quarantined
        }
    }

    fn understood(&self) -> impl Iterator<Item = (&Row, &Normalized)> {
        self.extracted
            .rows
            .iter()
            .zip(&self.rows)
            .filter_map(|(row, read)| read.as_ref().ok().map(|read| (row, read)))
    }

    fn put_aside(&self) -> impl Iterator<Item = (&Row, &RowError)> {
        self.extracted
            .rows
            .iter()
            .zip(&self.rows)
            .filter_map(|(row, read)| read.as_ref().err().map(|error| (row, error)))
    }

    fn notes(&self) -> String {
        self.notes
            .iter()
            .map(|note| format!("note: {note}\n"))
            .collect()
    }
}

/// Text of a page must not steer the terminal.
fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { '·' } else { letter })
        .collect()
}

/// The payments as a table, then the rows that were put aside, then a summary.
pub(super) fn table(reading: &Reading, look: Look, with_ids: bool) -> Outcome {
    let mut out = String::new();
    let payments: Vec<_> = reading.understood().collect();
    if !payments.is_empty() {
        let mut lines = vec![headers(with_ids)];
        lines.extend(
            payments
                .iter()
                .map(|(row, read)| line(row, &read.payment, with_ids)),
        );
        out.push_str(&fitted(&lines, &AT_THE_RIGHT, look.width));
    }
    for (row, error) in reading.put_aside() {
        let cells: Vec<String> = row.cells.iter().map(|cell| plain(cell)).collect();
        out.push_str(&format!(
            "\nput aside: {error}\n  cells: {}\n",
            cells.join(" | ")
        ));
    }
    let extracted = &reading.extracted;
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

/// One JSON object: the payments as `data` stands in events (plus `row`, and `id` when the account's number was given;
/// without `firstSeen`, since nothing was seen), and the rows that were put aside.
pub(super) fn json(reading: &Reading, with_ids: bool) -> Outcome {
    let payments: Vec<Value> = reading
        .understood()
        .map(|(row, read)| {
            let mut data = data(reading, &read.payment);
            data.remove("firstSeen");
            data.insert("row".to_owned(), json!(row.number));
            if with_ids {
                data.insert("id".to_owned(), json!(read.payment.id.to_string()));
            }
            if let Some(kind) = read.payment.kind {
                data.insert("kind".to_owned(), json!(kind.as_str()));
            }
            Value::Object(data)
        })
        .collect();
    let quarantined: Vec<Value> = reading
        .put_aside()
        .map(|(row, error)| {
            json!({
                "row": row.number,
                "field": error.field.map(|field| field.as_str()),
                "column": error.column,
                "header": error.header,
                "reason": error.problem.to_string(),
                "cells": row.cells,
            })
        })
        .collect();
    let extracted = &reading.extracted;
    let object = json!({
        "payments": payments,
        "quarantined": quarantined,
        "saysEmpty": extracted.says_empty,
        "hasNext": extracted.has_next,
        "portalCount": extracted.portal_count,
    });
    Outcome {
        out: format!("{object}\n"),
        err: reading.notes(),
        exit: reading.exit(),
    }
}

/// `data` of the event that would tell the payment.
fn data(reading: &Reading, payment: &Payment) -> Map<String, Value> {
    let event = Event::Received {
        payment: payment.clone(),
        first_seen: reading.now,
    };
    let envelope = Envelope {
        epoch: Epoch(0),
        sequence: 1,
        time: reading.now,
        replayed: false,
    };
    let line = render(&event, &reading.account, &envelope);
    match serde_json::from_str(&line) {
        Ok(Value::Object(mut event)) => match event.remove("data") {
            Some(Value::Object(data)) => data,
            Some(_) | None => Map::new(),
        },
        Ok(_) | Err(_) => Map::new(),
    }
}

/// How each field of one row was read.
pub(super) fn explanation(reading: &Reading, row: &Row) -> Outcome {
    let rows = &reading.extracted.rows;
    let page = normalize::Page::new(&reading.portal, &reading.account, rows, reading.now);
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
    let exit = match &explained.outcome {
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
