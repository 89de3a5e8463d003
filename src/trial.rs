//! What one saved page would give, every row understood or put aside: the core of all `tillwatch portal …`. Pure.
//!
//! Text of cells stands in here: it is for the person whose page it is, and for recordings, whose pages hold stand-ins.

use std::convert::Infallible;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::event::{AccountRef, Envelope, Epoch, Event, render};
use crate::extract::{self, Document, ExtractError, Extracted, Row};
use crate::identity;
use crate::normalize::{self, Normalized, RowError};
use crate::payment::{AccountName, OperatorAccount, Payment};
use crate::selectors::{Portal, file};
use crate::understand::{self, Session};

/// The account that a page is read for when nobody has given one.
///
/// `number` is part of every id; `None` is `unknown`.
#[must_use]
pub fn account(portal: &Portal, number: Option<&str>) -> AccountRef {
    #[expect(clippy::expect_used, reason = "a constant of good letters")]
    let name = AccountName::new("try").expect("an account name");
    AccountRef {
        name,
        portal: portal.name.clone(),
        operator: OperatorAccount {
            operator: portal.operator.clone(),
            number: number.unwrap_or("unknown").to_owned(),
        },
        account_key: portal.account_key.clone(),
        selector_format: format!("{}@{}", portal.name, file::FORMAT),
    }
}

/// The word for what the marks of a page say: `signed-in`, `signed-out`, `stranger`, or one of `marks.outcomes`.
#[must_use]
pub fn session_word(session: Session) -> &'static str {
    match session {
        Session::SignedIn => "signed-in",
        Session::SignedOut => "signed-out",
        Session::Refused(outcome) => outcome.as_str(),
        Session::Stranger => "stranger",
    }
}

/// A page of the table read to the end.
#[derive(Debug)]
pub struct Trial {
    /// Whose page it is taken for.
    pub account: AccountRef,
    /// The rows as text.
    pub extracted: Extracted,
    /// For each row of `extracted`. Ids are those of a store that holds nothing yet.
    pub rows: Vec<Result<Normalized, RowError>>,
    /// The instant that bounds the times on the page.
    pub now: DateTime<Utc>,
}

impl Trial {
    /// Reads the table of a page, whatever its marks say.
    ///
    /// # Errors
    /// When the page has no such table.
    pub fn of(
        portal: &Portal,
        account: AccountRef,
        page: &Document,
        now: DateTime<Utc>,
    ) -> Result<Self, ExtractError> {
        let extracted = extract::extract(portal, page)?;
        let understood = normalize::Page::new(portal, &account, &extracted.rows, now);
        let rows = extracted.rows.iter().map(|row| understood.payment(row));
        let mut rows: Vec<_> = rows.collect();
        understand::refuse_shared_references(&mut rows);
        let good = rows.iter().filter_map(|row| row.as_ref().ok());
        let mut good: Vec<Normalized> = good.cloned().collect();
        let Ok(()) = identity::assign::<Infallible>(&mut good, portal.table.order, |_| Ok(false));
        let places = rows.iter_mut().filter_map(|row| row.as_mut().ok());
        places.zip(good).for_each(|(place, row)| *place = row);
        Ok(Self {
            account,
            extracted,
            rows,
            now,
        })
    }

    /// The rows that are payments.
    pub fn understood(&self) -> impl Iterator<Item = (&Row, &Normalized)> {
        let rows = self.extracted.rows.iter().zip(&self.rows);
        rows.filter_map(|(row, read)| read.as_ref().ok().map(|read| (row, read)))
    }

    /// The rows that are not.
    pub fn put_aside(&self) -> impl Iterator<Item = (&Row, &RowError)> {
        let rows = self.extracted.rows.iter().zip(&self.rows);
        rows.filter_map(|(row, read)| read.as_ref().err().map(|error| (row, error)))
    }

    /// One object: the payments as `data` stands in events (plus `row`, and `id` when asked for; without `firstSeen`,
    /// since nothing was seen), the rows that were put aside, and what the page says of itself.
    #[must_use]
    pub fn json(&self, with_ids: bool) -> Map<String, Value> {
        let payments = self.understood().map(|(row, read)| {
            let mut data = self.data(&read.payment);
            data.remove("firstSeen");
            data.insert("row".to_owned(), json!(row.number));
            if with_ids {
                data.insert("id".to_owned(), json!(read.payment.id.to_string()));
            }
            if let Some(kind) = read.payment.kind {
                data.insert("kind".to_owned(), json!(kind.as_str()));
            }
            Value::Object(data)
        });
        let quarantined = self.put_aside().map(|(row, error)| {
            json!({
                "row": row.number,
                "field": error.field.map(|field| field.as_str()),
                "column": error.column,
                "header": error.header,
                "reason": error.problem.to_string(),
                "cells": row.cells,
            })
        });
        let extracted = &self.extracted;
        Map::from_iter([
            ("payments".to_owned(), payments.collect()),
            ("quarantined".to_owned(), quarantined.collect()),
            ("saysEmpty".to_owned(), json!(extracted.says_empty)),
            ("hasNext".to_owned(), json!(extracted.has_next)),
            ("portalCount".to_owned(), json!(extracted.portal_count)),
        ])
    }

    /// `data` of the event that would tell the payment.
    fn data(&self, payment: &Payment) -> Map<String, Value> {
        let event = Event::Received {
            payment: payment.clone(),
            first_seen: self.now,
        };
        let envelope = Envelope {
            epoch: Epoch(0),
            sequence: 1,
            time: self.now,
            replayed: false,
        };
        let line = render(&event, &self.account, &envelope);
        match serde_json::from_str(&line) {
            Ok(Value::Object(mut event)) => match event.remove("data") {
                Some(Value::Object(data)) => data,
                Some(_) | None => Map::new(),
            },
            Ok(_) | Err(_) => Map::new(),
        }
    }
}
