//! By which selector file an account's payments got their ids, kept over restarts: another file is compared with it before a
//! payment is told by its ids.
//!
//! A store of before has no such record: then the file in force is believed to be the one of before.

use serde::{Deserialize, Serialize};

use super::codec::{self, Kind};
use super::db::{Changes, Db};
use super::error::StoreError;
use crate::payment::AccountName;

/// A selector file as an account used it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadBy {
    /// The file as it was written.
    pub file: String,
    /// The account's zone, which may be another one than the file's.
    pub zone: String,
    /// The account's currency, likewise.
    pub currency: String,
    /// Another file that would tell history again, and stopped the account.
    pub refused: Option<Refused>,
}

/// The file that would tell history again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Names it: `Recipe::as_str`.
    pub recipe: String,
    /// Payments that it would tell again.
    pub again: u64,
    /// Of so many.
    pub of: u64,
    /// A person has said that it may.
    pub allowed: bool,
}

fn key(account: &AccountName) -> Vec<u8> {
    Kind::ReadBy.key(account.as_str().as_bytes())
}

pub(super) fn get(db: &Db, account: &AccountName) -> Result<Option<ReadBy>, StoreError> {
    let found = db.get(&key(account))?;
    found
        .map(|value| codec::decode(Kind::ReadBy, &value))
        .transpose()
}

pub(super) fn set(db: &mut Db, account: &AccountName, read_by: &ReadBy) -> Result<(), StoreError> {
    let mut changes = Changes::default();
    changes.put(key(account), codec::encode(read_by));
    db.apply(changes)
}

/// Allows what was refused; `None` when nothing was.
pub(super) fn allow(db: &mut Db, account: &AccountName) -> Result<Option<ReadBy>, StoreError> {
    let Some(mut read_by) = get(db, account)? else {
        return Ok(None);
    };
    let Some(refused) = &mut read_by.refused else {
        return Ok(None);
    };
    refused.allowed = true;
    set(db, account, &read_by)?;
    Ok(Some(read_by))
}
