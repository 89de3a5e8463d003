//! Looking: the report over an open store, and a copy of it that is proved by opening it.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::Report;
use super::codec::{self, Kind};
use super::db::Db;
use super::error::{Refusal, StoreError};
use super::open::{self, STORE_DIR, examine, sync_tree};
use super::outbox;
use super::witness;
use crate::event::Cursor;
use crate::payment::AccountName;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "the store is whole: epoch {}, commit {}, {} records",
            self.epoch, self.commit, self.records
        )?;
        writeln!(f, "{} payments seen", self.payments)?;
        writeln!(
            f,
            "{} events kept, from {} to {}",
            self.outbox, self.oldest, self.newest
        )?;
        for (sink, cursor) in &self.cursors {
            let waiting = self.newest.saturating_sub(cursor.sequence);
            writeln!(f, "sink {sink}: at {}, {waiting} waiting", cursor.sequence)?;
        }
        for (name, state) in &self.accounts {
            write!(f, "account {name}: since {}", state.since)?;
            if let Some(until) = state.watermark {
                write!(f, ", complete up to {until}")?;
            }
            if !state.gaps.is_empty() {
                write!(f, ", {} holes", state.gaps.len())?;
            }
            if state.paused {
                write!(f, ", paused")?;
            }
            writeln!(f)?;
        }
        write!(f, "{} rows in quarantine", self.quarantined)
    }
}

/// Counts and hashes every record again and compares with what was acknowledged.
pub(super) fn verify(db: &Db) -> Result<Report, StoreError> {
    let damaged = |record| StoreError::Damaged { record };
    let found = examine(db.engine()).map_err(|refusal| match refusal {
        Refusal::Engine(error) => StoreError::Engine(error),
        Refusal::Record { record } => damaged(record),
        Refusal::Panicked
        | Refusal::NoWitness
        | Refusal::NoStore
        | Refusal::WitnessDamaged
        | Refusal::Disagrees { .. }
        | Refusal::OtherEpoch { .. }
        | Refusal::Newer { .. } => damaged(Kind::Integrity.word()),
    })?;
    if found.mark != db.mark() || found.integrity.mark != db.mark() {
        return Err(damaged(Kind::Integrity.word()));
    }
    report(db)
}

fn report(db: &Db) -> Result<Report, StoreError> {
    let count = |kind: Kind| -> Result<u64, StoreError> {
        let mut count = 0;
        for record in db.with_prefix(&kind.key(b"")) {
            record?;
            count += 1;
        }
        Ok(count)
    };
    let mut cursors = Vec::new();
    for record in db.with_prefix(&Kind::Cursor.key(b"")) {
        let (key, value) = record?;
        let cursor = Cursor {
            epoch: db.epoch(),
            sequence: codec::decode(Kind::Cursor, &value)?,
        };
        cursors.push((codec::name_in(Kind::Cursor, &key)?, cursor));
    }
    let mut accounts = Vec::new();
    for record in db.with_prefix(&Kind::Account.key(b"")) {
        let (key, value) = record?;
        let name = AccountName::new(&codec::name_in(Kind::Account, &key)?).map_err(|_| {
            StoreError::Damaged {
                record: Kind::Account.word(),
            }
        })?;
        accounts.push((name, codec::decode_account(&value)?));
    }
    Ok(Report {
        epoch: db.epoch(),
        commit: db.mark().commit,
        records: db.mark().count,
        payments: count(Kind::Seen)?,
        outbox: count(Kind::Outbox)?,
        oldest: outbox::oldest_kept(db)?,
        newest: db.acknowledged_sequence(),
        quarantined: count(Kind::Quarantine)?,
        cursors,
        accounts,
    })
}

/// Copies store and witness into the new directory `to`. The caller holds the writer: nothing moves meanwhile.
pub(super) fn copy(db: &mut Db, to: &Path) -> Result<(), StoreError> {
    db.settle()?;
    let copied = |source| StoreError::Io {
        path: to.to_owned(),
        action: "written",
        source,
    };
    if to.exists() {
        return Err(StoreError::TargetExists {
            path: to.to_owned(),
        });
    }
    open::make_dir(to).map_err(|error| StoreError::BackupUnusable(Box::new(error)))?;
    let written = copy_into(db, to).map_err(copied);
    if written.is_err() {
        // Half a copy helps nobody, and on a full disk it stands in the way of the next one.
        let _left = fs::remove_dir_all(to);
    }
    written
}

fn copy_into(db: &Db, to: &Path) -> io::Result<()> {
    copy_tree(&db.dir().join(STORE_DIR), &to.join(STORE_DIR))?;
    fs::copy(db.dir().join(witness::NAME), to.join(witness::NAME))?;
    File::open(to.join(witness::NAME))
        .and_then(|file| file.sync_all())
        .and_then(|()| sync_tree(to))
        .and_then(|()| to.parent().map_or(Ok(()), sync_parent))
}

/// Opens the copy in `dir` and verifies it.
pub(super) fn verify_copy(dir: &Path) -> Result<Report, StoreError> {
    let db = open::open_copy(dir).map_err(|error| StoreError::BackupUnusable(Box::new(error)))?;
    verify(&db)
}

pub(super) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_tree(&source, &target)?;
        } else {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

/// A relative path of one component has the empty path as its parent: the working directory.
fn sync_parent(parent: &Path) -> io::Result<()> {
    if parent.as_os_str().is_empty() {
        witness::sync_dir(Path::new("."))
    } else {
        witness::sync_dir(parent)
    }
}
