//! The way out of a refused store: a new one, filled from a backup and from what file sinks hold.
//!
//! - The damaged store is moved aside (`store.damaged-N`, `witness.damaged-N`), never deleted.
//! - The new one has a new epoch and is built aside. At every instant until its last rename the state directory is
//!   one that opening refuses, so that a crash in between never looks like a first start.
//! - Every breaker record becomes `Missing`: what the lost store knew of a refused password is gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::account::{AccountState, Breaker};
use super::codec::{self, Kind};
use super::db::{Changes, Db};
use super::error::{OpenError, StoreError};
use super::history::{self, History};
use super::open::{self, STORE_DIR, io_error, sync_tree};
use super::verify::{copy_tree, verify};
use super::witness::{self, Witness, sync_dir};
use super::{MAX_BATCH, Report, outbox};
use crate::event::{Epoch, told_again};
use crate::payment::AccountName;

/// Where the new store is built.
const NEW: &str = "store.new";

/// An account of the config, as recovery must know it.
#[derive(Debug, Clone)]
pub struct KnownAccount {
    /// Its name in the config.
    pub name: AccountName,
    /// `source` of its events, by which lines of a file sink are its own.
    pub source: String,
    /// `since` of the config where it is an instant.
    pub since: Option<DateTime<Utc>>,
}

/// What a store is recovered from, besides its state directory.
#[derive(Debug, Default)]
pub struct Sources {
    /// Every account of the config.
    pub accounts: Vec<KnownAccount>,
    /// Names of all configured sinks.
    pub sinks: Vec<String>,
    /// What each file sink holds; empty without a file sink.
    pub histories: Vec<History>,
    /// For accounts whose first start nothing remembers.
    pub since: Option<DateTime<Utc>>,
}

/// What recovery did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The new store, verified.
    pub report: Report,
    /// Where the old one lies; `None` when there was none.
    pub moved_to: Option<PathBuf>,
    /// Payments that count as told because file sinks hold them.
    pub told: usize,
    /// Events of the backup that are told again.
    pub requeued: u64,
    /// What the portals show is told again, flagged `replayed`, until each account's first complete reading.
    pub replaying: bool,
}

/// Why there is no new store.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// Held, or a file could not be moved or written.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The new store could not be filled, or the backup not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing says when these accounts began; beginning them now would leave out what was not told yet.
    #[error(
        "nothing tells when {} began: say `--since <RFC 3339 instant>`; completions from then on are told",
        list(accounts)
    )]
    SinceUnknown {
        /// Which.
        accounts: Vec<AccountName>,
    },
}

fn list(accounts: &[AccountName]) -> String {
    let names: Vec<&str> = accounts.iter().map(AccountName::as_str).collect();
    names.join(", ")
}

/// A new store in `dir` from what file sinks and portals show. Blocks.
///
/// # Errors
/// [`RecoverError`]; the state directory is then as it was, or still refused.
pub fn rebuild(dir: &Path, sources: Sources) -> Result<Recovered, RecoverError> {
    recover(dir, None, sources)
}

/// A new store in `dir` from `backup`, a directory that [`super::Store::backup`] wrote, and from file sinks. Blocks.
///
/// # Errors
/// [`RecoverError`]; the state directory is then as it was, or still refused.
pub fn restore(dir: &Path, backup: &Path, sources: Sources) -> Result<Recovered, RecoverError> {
    recover(dir, Some(backup), sources)
}

fn recover(dir: &Path, backup: Option<&Path>, sources: Sources) -> Result<Recovered, RecoverError> {
    open::make_dir(dir)?;
    let _lock = open::lock(dir)?;
    let Sources {
        accounts,
        sinks,
        histories,
        since,
    } = sources;
    let no_file_sink = histories.is_empty();
    let (history, same) = History::common(histories);
    // A witness that does not read says nothing: other sources are asked then.
    let witness = Witness::read(dir)
        .map_err(io_error("read", &dir.join(witness::NAME)))?
        .and_then(Result::ok);
    let new = dir.join(NEW);
    if new.exists() {
        fs::remove_dir_all(&new).map_err(io_error("removed", &new))?;
    }
    open::make_dir(&new)?;
    let backup = backup.map(|backup| open_backup(backup, &new)).transpose()?;

    let mut states = BTreeMap::new();
    if let Some(backup) = &backup {
        for record in backup.with_prefix(&Kind::Account.key(b"")) {
            let (key, value) = record?;
            states.insert(
                codec::name_in(Kind::Account, &key)?,
                codec::decode_account(&value)?,
            );
        }
    }
    begin_unknown(&mut states, &accounts, &history, witness.as_ref(), since)?;
    let replaying = no_file_sink || !same;
    for account in &accounts {
        if let Some(state) = states.get_mut(account.name.as_str()) {
            let told = history.source(&account.source).watermark;
            state.watermark = state.watermark.max(told);
        }
    }
    for state in states.values_mut() {
        state.replaying = replaying;
    }

    let mut epochs: Vec<Epoch> = history.epochs().collect();
    epochs.extend(witness.as_ref().map(|witness| witness.epoch));
    epochs.extend(backup.as_ref().map(Db::epoch));
    let mut filling = Filling {
        db: open::create(&new, None, &epochs, Box::new(|_| {}))?,
        changes: Changes::default(),
        waiting: 0,
    };
    filling.accounts(&states, &accounts)?;
    filling.told(&history, backup.as_ref())?;
    let requeued = match &backup {
        Some(backup) => filling.take_backup(backup, &sinks)?,
        None => 0,
    };
    let report = filling.finish()?;
    drop(backup);
    let moved_to = swap(dir, &new)?;
    Ok(Recovered {
        report,
        moved_to,
        told: history.payments(),
        requeued,
        replaying,
    })
}

/// Opens a copy: opening writes, and a backup stays as it is.
fn open_backup(backup: &Path, new: &Path) -> Result<Db, RecoverError> {
    let copy = new.join("backup");
    copy_tree(backup, &copy).map_err(io_error("copied", backup))?;
    Ok(open::open_copy(&copy)?)
}

/// `since` of every account that began and is not in `states` yet.
fn begin_unknown(
    states: &mut BTreeMap<String, AccountState>,
    accounts: &[KnownAccount],
    history: &History,
    witness: Option<&Witness>,
    since: Option<DateTime<Utc>>,
) -> Result<(), RecoverError> {
    for (name, since) in witness.into_iter().flat_map(|witness| &witness.since) {
        states
            .entry(name.clone())
            .or_insert_with(|| AccountState::begun(*since));
    }
    let mut unknown = Vec::new();
    for account in accounts {
        let name = account.name.as_str().to_owned();
        if states.contains_key(&name) {
            continue;
        }
        let earliest = history.source(&account.source).earliest;
        match earliest.into_iter().chain(account.since).min().or(since) {
            Some(since) => {
                states.insert(name, AccountState::begun(since));
            }
            // A good witness without it: it never began.
            None if witness.is_some() => {}
            None => unknown.push(account.name.clone()),
        }
    }
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(RecoverError::SinceUnknown { accounts: unknown })
    }
}

/// The new store while it is filled, a bounded transaction at a time.
struct Filling {
    db: Db,
    changes: Changes,
    waiting: usize,
}

impl Filling {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), StoreError> {
        self.changes.put(key, value);
        self.waiting += 1;
        if self.waiting >= MAX_BATCH {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), StoreError> {
        self.waiting = 0;
        self.db.apply(std::mem::take(&mut self.changes))
    }

    fn accounts(
        &mut self,
        states: &BTreeMap<String, AccountState>,
        accounts: &[KnownAccount],
    ) -> Result<(), StoreError> {
        let missing = || codec::encode_breaker(&Breaker::Missing);
        for (name, state) in states {
            self.put(
                Kind::Account.key(name.as_bytes()),
                codec::encode_account(state),
            )?;
            self.put(Kind::Breaker.key(name.as_bytes()), missing())?;
        }
        for account in accounts {
            self.put(codec::breaker_key(&account.name), missing())?;
        }
        Ok(())
    }

    fn told(&mut self, history: &History, backup: Option<&Db>) -> Result<(), StoreError> {
        for (id, told) in history.seen() {
            let known = backup.map(|backup| backup.seen(id)).transpose()?.flatten();
            let seen = known.map_or(told, |known| history::later(known, told));
            self.put(codec::seen_key(id), codec::encode_seen(&seen))?;
        }
        for gap in history.gaps() {
            self.put(Kind::ToldGap.key(gap.as_bytes()), codec::encode(&()))?;
        }
        Ok(())
    }

    /// What a backup alone knows, and the events that some sink may not have had.
    fn take_backup(&mut self, backup: &Db, sinks: &[String]) -> Result<u64, StoreError> {
        for kind in [
            Kind::Seen,
            Kind::Quarantine,
            Kind::Ledger,
            Kind::ToldGap,
            Kind::Learned,
            Kind::Structure,
            Kind::ReadBy,
        ] {
            for record in backup.with_prefix(&kind.key(b"")) {
                let (key, value) = record?;
                if !self.changes.holds(&key) && self.db.get(&key)?.is_none() {
                    self.put(key.to_vec(), value.to_vec())?;
                }
            }
        }
        let mut sequence = 0;
        let first = outbox::acknowledged_by_all(backup, sinks)? + 1;
        let range = codec::outbox_key(first)..=codec::outbox_key(u64::MAX);
        for record in backup.in_range(range) {
            let (key, value) = record?;
            let (told_at, line) = codec::decode_outbox(backup.epoch(), &key, &value)?;
            let json = told_again(&line.json, self.db.epoch(), sequence + 1).ok_or(
                StoreError::Damaged {
                    record: Kind::Outbox.word(),
                },
            )?;
            sequence += 1;
            self.changes.newest(sequence);
            self.put(
                codec::outbox_key(sequence),
                codec::encode_outbox(told_at, &json),
            )?;
        }
        Ok(sequence)
    }

    fn finish(mut self) -> Result<Report, StoreError> {
        self.write()?;
        verify(&self.db)
    }
}

/// Puts the new store in the place of the old. See the module's head for why in this order.
fn swap(dir: &Path, new: &Path) -> Result<Option<PathBuf>, OpenError> {
    let (store, witness) = (dir.join(STORE_DIR), dir.join(witness::NAME));
    sync_tree(new).map_err(io_error("synced", new))?;
    let number = (1..)
        .find(|number| !damaged(&store, *number).exists() && !damaged(&witness, *number).exists())
        .unwrap_or(u32::MAX);
    if witness.exists() {
        let aside = damaged(&witness, number);
        fs::copy(&witness, &aside).map_err(io_error("copied", &witness))?;
    }
    rename(&new.join(witness::NAME), &witness)?;
    // From here the witness is of the new epoch: with the old store, or without one, opening refuses.
    sync_dir(dir).map_err(io_error("synced", dir))?;
    let moved_to = if store.exists() {
        let aside = damaged(&store, number);
        rename(&store, &aside)?;
        sync_dir(dir).map_err(io_error("synced", dir))?;
        Some(aside)
    } else {
        None
    };
    rename(&new.join(STORE_DIR), &store)?;
    fs::remove_dir_all(new).map_err(io_error("removed", new))?;
    sync_dir(dir).map_err(io_error("synced", dir))?;
    Ok(moved_to)
}

fn damaged(path: &Path, number: u32) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".damaged-{number}"));
    path.with_file_name(name)
}

fn rename(from: &Path, to: &Path) -> Result<(), OpenError> {
    fs::rename(from, to).map_err(io_error("moved", from))
}
