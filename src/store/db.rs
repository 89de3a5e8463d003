//! The engine, wrapped: reads, and the one way to write.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::account::{AccountState, Breaker, CredentialFingerprint};
use super::codec::{self, Identity, Kind};
use super::error::StoreError;
use super::reading::Quarantined;
use super::witness::{Mark, Witness};
use crate::announce::Seen;
use crate::event::{Cursor, Epoch};
use crate::lock::Lock;
use crate::payment::{AccountName, PaymentId};

/// A point within a write, in this order. A crash may come after any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The transaction stands in memory.
    Written,
    /// sled handed it to the operating system.
    Flushed,
    /// The `db` file is fsynced.
    Synced,
    /// The witness says so: the write is acknowledged.
    Witnessed,
}

/// The store's own sum, in the same transaction as what it sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Integrity {
    pub(super) mark: Mark,
    /// The one before: what the witness says when a write was cut off before its last step.
    pub(super) previous: Option<Mark>,
}

/// Records to put and to remove, all or none.
#[derive(Debug, Default)]
pub(super) struct Changes {
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    sequence: Option<u64>,
}

impl Changes {
    pub(super) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.writes.insert(key, Some(value));
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
    }

    /// Is the record `key` among them?
    pub(super) fn holds(&self, key: &[u8]) -> bool {
        self.writes.contains_key(key)
    }

    /// Moves the newest sequence.
    pub(super) fn newest(&mut self, sequence: u64) {
        self.put(Kind::Newest.key(b""), codec::encode(&sequence));
        self.sequence = Some(sequence);
    }
}

/// What [`Db`] is made of, once the records were found to be in order.
pub(super) struct Parts {
    pub(super) dir: PathBuf,
    pub(super) engine: sled::Db,
    /// sled's `db` file, for the fsync that sled leaves out.
    pub(super) file: File,
    pub(super) identity: Identity,
    pub(super) mark: Mark,
    pub(super) newest: u64,
    pub(super) since: BTreeMap<String, DateTime<Utc>>,
    pub(super) on_step: Box<dyn Fn(Step) + Send + Sync>,
    /// Holds the state directory; `None` for a copy that is only looked at. Last: let go after the engine.
    #[expect(dead_code, reason = "held, not read")]
    pub(super) lock: Option<Lock>,
}

/// The open engine and what must be known to write.
pub(super) struct Db {
    parts: Parts,
    /// Sequence up to which events may be told.
    acknowledged: u64,
    /// The last write is in the engine but not in the witness.
    witness_behind: bool,
    /// The engine failed within a write: what it holds is unknown until a restart.
    closed: bool,
}

impl Db {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            acknowledged: parts.newest,
            parts,
            witness_behind: false,
            closed: false,
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        Epoch(self.parts.identity.epoch)
    }

    pub(super) fn salt(&self) -> [u8; 32] {
        self.parts.identity.salt
    }

    pub(super) fn dir(&self) -> &Path {
        &self.parts.dir
    }

    pub(super) fn mark(&self) -> Mark {
        self.parts.mark
    }

    /// Sequence of the last event acknowledged as durable.
    pub(super) fn acknowledged_sequence(&self) -> u64 {
        self.acknowledged
    }

    pub(super) fn engine(&self) -> &sled::Db {
        &self.parts.engine
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        Ok(self.parts.engine.get(key)?)
    }

    /// Records whose key begins with `prefix`, in key order.
    pub(super) fn with_prefix(
        &self,
        prefix: &[u8],
    ) -> impl DoubleEndedIterator<Item = Result<(sled::IVec, sled::IVec), StoreError>> + use<> {
        self.parts
            .engine
            .scan_prefix(prefix)
            .map(|record| Ok(record?))
    }

    /// Records with keys in `range`, in key order.
    pub(super) fn in_range(
        &self,
        range: std::ops::RangeInclusive<Vec<u8>>,
    ) -> impl DoubleEndedIterator<Item = Result<(sled::IVec, sled::IVec), StoreError>> + use<> {
        self.parts.engine.range(range).map(|record| Ok(record?))
    }

    pub(super) fn seen(&self, id: PaymentId) -> Result<Option<Seen>, StoreError> {
        let value = self.get(&codec::seen_key(id))?;
        value.map(|value| codec::decode_seen(&value)).transpose()
    }

    pub(super) fn account(
        &self,
        account: &AccountName,
    ) -> Result<Option<AccountState>, StoreError> {
        let value = self.get(&codec::account_key(account))?;
        value.map(|value| codec::decode_account(&value)).transpose()
    }

    pub(super) fn cursor(&self, sink: &str) -> Result<Option<Cursor>, StoreError> {
        let value = self.get(&Kind::Cursor.key(sink.as_bytes()))?;
        value
            .map(|value| {
                Ok(Cursor {
                    epoch: self.epoch(),
                    sequence: codec::decode(Kind::Cursor, &value)?,
                })
            })
            .transpose()
    }

    /// Key and breaker of each account.
    pub(super) fn breakers(
        &self,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Breaker), StoreError>> + use<> {
        self.with_prefix(&Kind::Breaker.key(b"")).map(|record| {
            let (key, value) = record?;
            Ok((key.to_vec(), codec::decode_breaker(&value)?))
        })
    }

    pub(super) fn breakers_elsewhere(
        &self,
        account: &AccountName,
        credential: CredentialFingerprint,
    ) -> Result<Vec<Breaker>, StoreError> {
        let own = codec::breaker_key(account);
        let others = self.breakers().filter(|found| match found {
            Ok((key, breaker)) => *key != own && breaker.credential() == Some(credential),
            Err(_) => true,
        });
        others.map(|found| Ok(found?.1)).collect()
    }

    pub(super) fn breaker(&self, account: &AccountName) -> Result<Breaker, StoreError> {
        match self.get(&codec::breaker_key(account))? {
            Some(value) => codec::decode_breaker(&value),
            None => Ok(Breaker::Missing),
        }
    }

    pub(super) fn ledger_mark(&self, user_key: &str) -> Result<Option<u64>, StoreError> {
        let value = self.get(&Kind::Ledger.key(user_key.as_bytes()))?;
        value
            .map(|value| codec::decode(Kind::Ledger, &value))
            .transpose()
    }

    /// Keys of the rows of `account` in quarantine.
    pub(super) fn quarantined_keys(
        &self,
        account: &AccountName,
    ) -> Result<BTreeSet<Vec<u8>>, StoreError> {
        self.with_prefix(&codec::quarantine_prefix(account))
            .map(|record| Ok(record?.0.to_vec()))
            .collect()
    }

    pub(super) fn quarantine(
        &self,
        account: Option<&AccountName>,
    ) -> Result<Vec<Quarantined>, StoreError> {
        let prefix = match account {
            Some(account) => codec::quarantine_prefix(account),
            None => Kind::Quarantine.key(b""),
        };
        self.with_prefix(&prefix)
            .map(|record| {
                let (key, value) = record?;
                codec::decode_quarantined(&key, &value)
            })
            .collect()
    }

    /// Writes all of `changes` or nothing; durable and witnessed when it answers.
    pub(super) fn apply(&mut self, changes: Changes) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        // The store may be ahead of its witness by one write, never by two.
        self.settle()?;
        let Some((batch, mark, since)) = self.prepare(&changes)? else {
            return Ok(());
        };
        self.closed = true;
        self.parts.engine.apply_batch(batch)?;
        (self.parts.on_step)(Step::Written);
        self.parts.engine.flush()?;
        (self.parts.on_step)(Step::Flushed);
        self.parts
            .file
            .sync_all()
            .map_err(|source| StoreError::Io {
                path: self.parts.dir.join(super::open::DB_FILE),
                action: "synced",
                source,
            })?;
        (self.parts.on_step)(Step::Synced);
        self.closed = false;
        self.parts.mark = mark;
        self.parts.since = since;
        if let Some(sequence) = changes.sequence {
            self.parts.newest = sequence;
        }
        self.witness_behind = true;
        self.settle()
    }

    /// The batch, and what the witness will say; `None` when nothing changes.
    #[expect(
        clippy::type_complexity,
        reason = "three values that one caller takes apart at once"
    )]
    fn prepare(
        &self,
        changes: &Changes,
    ) -> Result<Option<(sled::Batch, Mark, BTreeMap<String, DateTime<Utc>>)>, StoreError> {
        let before = self.parts.mark;
        let mut mark = before;
        let mut since = self.parts.since.clone();
        let mut batch = sled::Batch::default();
        let mut changed = false;
        for (key, new) in &changes.writes {
            let old = self.get(key)?;
            if old.as_deref() == new.as_deref() {
                continue;
            }
            changed = true;
            if let Some(old) = &old {
                mark.remove(key, old);
            }
            match new {
                Some(new) => {
                    mark.add(key, new);
                    batch.insert(key.as_slice(), new.as_slice());
                    if key.first() == Some(&(Kind::Account as u8)) {
                        let name = codec::name_in(Kind::Account, key)?;
                        since.insert(name, codec::decode_account(new)?.since);
                    }
                }
                None => batch.remove(key.as_slice()),
            }
        }
        if !changed {
            return Ok(None);
        }
        mark.commit += 1;
        let integrity = Integrity {
            mark,
            previous: Some(before),
        };
        batch.insert(
            Kind::Integrity.key(b"").as_slice(),
            codec::encode(&integrity).as_slice(),
        );
        Ok(Some((batch, mark, since)))
    }

    /// Brings the witness up to the engine.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        if !self.witness_behind {
            return Ok(());
        }
        let witness = Witness {
            epoch: self.epoch(),
            mark: self.parts.mark,
            since: self.parts.since.clone(),
        };
        witness
            .write(&self.parts.dir)
            .map_err(|source| StoreError::Io {
                path: self.parts.dir.join(super::witness::NAME),
                action: "written",
                source,
            })?;
        self.witness_behind = false;
        self.acknowledged = self.parts.newest;
        (self.parts.on_step)(Step::Witnessed);
        Ok(())
    }
}
