//! What `portal diff` prints: the rows that would not stay as they are, and a count of all. As JSON: both.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::Compared;
use crate::cli::columns::fitted;
use crate::cli::portal_try::view::plain;
use crate::difference::{Fate, Known};
use crate::payment::{Payment, gsma_amount};

/// One row and what becomes of it.
struct Line {
    page: String,
    /// From 1; 0 where the changed file does not read it.
    row: usize,
    fate: Fate,
    payment: Option<Payment>,
}

/// Everything found.
pub(super) struct Found(Vec<Line>);

impl Found {
    /// `known`: of a page, and since when is told.
    pub(super) fn of<'a>(
        pages: &[Compared],
        known: impl Fn(&Compared) -> (Cow<'a, Known>, DateTime<Utc>),
    ) -> Self {
        let lines = pages.iter().flat_map(|page| {
            let (known, since) = known(page);
            let fates = page.fates(&known, since).into_iter();
            fates.map(|(row, of, fate)| Line {
                page: page.name.clone(),
                row,
                fate,
                payment: of.payment,
            })
        });
        Self(lines.collect())
    }

    pub(super) fn count(&self, fate: Fate) -> usize {
        self.0.iter().filter(|line| line.fate == fate).count()
    }

    fn concerned(&self) -> impl Iterator<Item = &Line> {
        self.0.iter().filter(|line| line.fate != Fate::Same)
    }

    pub(super) fn table(&self, width: Option<usize>) -> String {
        let heads = ["page", "row", "would be", "when", "amount", "reference"];
        let mut lines = vec![heads.map(str::to_owned).to_vec()];
        lines.extend(self.concerned().map(Line::cells));
        let mut text = String::new();
        if lines.len() > 1 {
            text = fitted(&lines, &[1, 4], width);
            text.push('\n');
        }
        let counts: Vec<String> = Fate::WORDS
            .iter()
            .map(|(fate, word)| format!("{} {}", self.count(*fate), word.replace('-', " ")))
            .collect();
        let _ = writeln!(text, "{} payments: {}", self.0.len(), counts.join(", "));
        if self.count(Fate::Again) > 0 {
            text.push_str(
                "history would be emitted again: an agent refuses this file until told\n",
            );
        }
        text
    }

    pub(super) fn json(&self) -> String {
        let counts = Fate::WORDS.iter();
        let counts: Map<String, Value> = counts
            .map(|(fate, word)| ((*word).to_owned(), json!(self.count(*fate))))
            .collect();
        let rows: Vec<Value> = self.concerned().map(Line::json).collect();
        format!("{}\n", json!({ "counts": counts, "rows": rows }))
    }
}

impl Line {
    fn reference(&self) -> Option<&str> {
        self.payment.as_ref()?.reference.as_deref()
    }

    fn when(&self) -> Option<String> {
        let at = self.payment.as_ref()?.instant()?;
        Some(at.to_rfc3339_opts(SecondsFormat::Secs, true))
    }

    fn amount(&self) -> String {
        self.payment.as_ref().map_or_else(String::new, |payment| {
            format!("{} {}", gsma_amount(payment.amount), payment.currency)
        })
    }

    fn cells(&self) -> Vec<String> {
        let row = match self.row {
            0 => "-".to_owned(),
            row => row.to_string(),
        };
        vec![
            self.page.clone(),
            row,
            self.fate.as_str().replace('-', " "),
            self.when().unwrap_or_default(),
            self.amount(),
            plain(self.reference().unwrap_or_default()),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "page": self.page,
            "row": (self.row > 0).then_some(self.row),
            "fate": self.fate.as_str(),
            "when": self.when(),
            "amount": self.payment.as_ref().map(|payment| gsma_amount(payment.amount)),
            "transactionReference": self.reference(),
        })
    }
}
