//! What is known of the structure of a portal's pages, kept over restarts. It is about one portal: with another origin,
//! nothing is known. Holds titles of columns, numbers and digests.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Store;
use super::codec::{self, Kind};
use super::db::{Changes, Db};
use super::error::StoreError;
use crate::drift::{Drift, Known};
use crate::payment::AccountName;
use crate::skeleton::{Columns, Skeleton};

#[derive(Serialize, Deserialize)]
struct StoredStructure {
    origin: String,
    usual: StoredColumns,
    words: BTreeSet<u64>,
    drift: Option<StoredDrift>,
}

#[derive(Serialize, Deserialize)]
struct StoredColumns {
    titles: Vec<String>,
    cells: Option<usize>,
}

#[derive(Serialize, Deserialize)]
struct StoredDrift {
    since: DateTime<Utc>,
    after: StoredColumns,
    is_unreadable: bool,
    aside: Option<(usize, usize)>,
    words: BTreeSet<u64>,
    told: BTreeSet<u64>,
    level: u32,
    evidence: Option<String>,
}

impl StoredColumns {
    fn of(columns: &Columns) -> Self {
        let Columns { titles, cells } = columns.clone();
        Self { titles, cells }
    }

    fn read(self) -> Columns {
        let Self { titles, cells } = self;
        Columns { titles, cells }
    }
}

fn encode(origin: &str, known: &Known) -> Vec<u8> {
    let drift = known.drift.clone().map(|drift| StoredDrift {
        since: drift.since,
        after: StoredColumns::of(&drift.after),
        is_unreadable: drift.is_unreadable,
        aside: drift.aside,
        words: drift.words,
        told: drift.told,
        level: drift.level,
        evidence: drift.evidence,
    });
    codec::encode(&StoredStructure {
        origin: origin.to_owned(),
        usual: StoredColumns::of(&known.usual.columns),
        words: known.usual.words.clone(),
        drift,
    })
}

/// Of another origin: `None`.
fn decode(origin: &str, value: &[u8]) -> Result<Option<Known>, StoreError> {
    let stored: StoredStructure = codec::decode(Kind::Structure, value)?;
    let drift = stored.drift.map(|drift| Drift {
        since: drift.since,
        after: drift.after.read(),
        is_unreadable: drift.is_unreadable,
        aside: drift.aside,
        words: drift.words,
        told: drift.told,
        level: drift.level,
        evidence: drift.evidence,
        back: 0,
    });
    let usual = Skeleton {
        columns: stored.usual.read(),
        words: stored.words,
        ..Skeleton::default()
    };
    Ok((stored.origin == origin).then_some(Known { usual, drift }))
}

impl Store {
    /// What is known of the structure of the pages that `account` is shown at `origin`; `None` where nothing is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn structure(
        &self,
        account: &AccountName,
        origin: &str,
    ) -> Result<Option<Known>, StoreError> {
        let (account, origin) = (account.clone(), origin.to_owned());
        self.run(move |db, _| get(db, &account, &origin)).await
    }

    /// Keeps that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_structure(
        &self,
        account: &AccountName,
        origin: &str,
        known: Known,
    ) -> Result<(), StoreError> {
        let (account, origin) = (account.clone(), origin.to_owned());
        self.run(move |db, _| set(db, &account, &origin, &known))
            .await
    }
}

fn key(account: &AccountName) -> Vec<u8> {
    Kind::Structure.key(account.as_str().as_bytes())
}

fn get(db: &Db, account: &AccountName, origin: &str) -> Result<Option<Known>, StoreError> {
    let found = db.get(&key(account))?;
    let known = found.map(|value| decode(origin, &value)).transpose()?;
    Ok(known.flatten())
}

fn set(db: &mut Db, account: &AccountName, origin: &str, known: &Known) -> Result<(), StoreError> {
    let mut changes = Changes::default();
    changes.put(key(account), encode(origin, known));
    db.apply(changes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_for_its_origin_and_for_no_other() {
        let columns = |titles: &[&str]| Columns {
            titles: titles.iter().map(|title| (*title).to_owned()).collect(),
            cells: Some(3),
        };
        let known = Known {
            usual: Skeleton {
                columns: columns(&["Date", "Amount"]),
                words: BTreeSet::from([u64::MAX]),
                ..Skeleton::default()
            },
            drift: Some(Drift {
                since: "2026-11-21T09:00:00Z".parse().unwrap(),
                after: columns(&["Date", "Fee", "Amount"]),
                is_unreadable: true,
                aside: Some((2, 5)),
                words: BTreeSet::from([1, u64::MAX]),
                told: BTreeSet::from([7]),
                level: 2,
                evidence: Some("/var/lib/tillwatch/evidence/kilima/1".to_owned()),
                back: 0,
            }),
        };
        let value = encode("https://kilima.example", &known);
        let read = decode("https://kilima.example", &value).unwrap();
        assert_eq!(read, Some(known));
        assert_eq!(decode("https://tausi.example", &value).unwrap(), None);
    }
}
