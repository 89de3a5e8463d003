//! What a consumer holds, read as a consumer reads it: JSON, not our own types.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::books::{Row, Rules};
use crate::sinks::Arrived;

/// One line, and where it stands among all.
pub struct Told {
    pub at: Duration,
    pub epoch: String,
    pub sequence: u64,
    pub id: String,
    pub kind: String,
    pub time: DateTime<Utc>,
    pub data: Value,
    pub json: String,
}

impl Told {
    fn of(arrived: &Arrived) -> Self {
        let value: Value = serde_json::from_str(&arrived.json).expect("JSON");
        let text = |key: &str| value[key].as_str().expect("a text").to_owned();
        Self {
            at: arrived.at,
            epoch: text("epoch"),
            sequence: text("sequence").parse().expect("a number"),
            id: text("id"),
            kind: text("type"),
            time: text("time").parse().expect("an instant"),
            data: value["data"].clone(),
            json: arrived.json.clone(),
        }
    }

    pub fn text(&self, key: &str) -> &str {
        self.data[key].as_str().unwrap_or_default()
    }

    pub fn instant(&self, key: &str) -> Option<DateTime<Utc>> {
        let at = DateTime::parse_from_rfc3339(self.text(key)).ok()?;
        Some(at.to_utc())
    }

    /// What tells which payment it is: the reference, or, where there is none, what else is known of it.
    pub fn names(&self, references: bool) -> Name {
        if references {
            return Name::Reference(self.text("transactionReference").to_owned());
        }
        Name::Facts(
            self.text("amount").to_owned(),
            self.instant("completionDate"),
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    Reference(String),
    Facts(String, Option<DateTime<Utc>>),
}

impl Name {
    pub fn of(row: &Row, rules: &Rules) -> Self {
        if rules.references {
            Name::Reference(row.reference.clone())
        } else {
            let completed = row.completed.map(|at| rules.calendar.printed(at));
            Name::Facts(gsma(row.cents), completed)
        }
    }
}

/// Cents as the GSMA writes an amount.
pub fn gsma(cents: i64) -> String {
    let text = format!("{}.{:02}", cents / 100, cents % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The lines of a consumer, and the places of those of one type.
pub struct Lines {
    pub all: Vec<Told>,
}

impl Lines {
    pub fn of(held: &[Arrived]) -> Self {
        Self {
            all: held.iter().map(Told::of).collect(),
        }
    }

    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (usize, &'a Told)> {
        let all = self.all.iter().enumerate();
        all.filter(move |(_, told)| told.kind == kind)
    }

    /// Where each payment stands as received, in order of arrival; a repeat is not counted again.
    pub fn received(&self, references: bool) -> HashMap<Name, Vec<usize>> {
        let mut places: HashMap<Name, Vec<usize>> = HashMap::new();
        let mut ids = std::collections::HashSet::new();
        for (place, told) in self.of_type("payment.received") {
            if ids.insert(&told.id) {
                places
                    .entry(told.names(references))
                    .or_default()
                    .push(place);
            }
        }
        places
    }
}
