//! What must not be forgotten: payments seen, events to tell, cursors, breakers. The only user of sled.
//!
//! - One writer: every method works on a blocking thread behind one mutex.
//! - A write is one transaction, flushed, the `db` file fsynced, the witness replaced; only then does it answer.
//! - Opening believes nothing: it counts and hashes every record and compares with the witness.
//! - It is created only where neither store nor witness is; it is never repaired.
//!
//! Files in the state directory: `lock`, `store/` (sled), `witness`; after a recovery `store.damaged-N` and the witness's.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::announce::Seen;
use crate::clock::Clock;
use crate::event::{Cursor, Epoch, Line};
use crate::past::Unread;
use crate::payment::{AccountName, PaymentId};
use crate::session::Learned;

mod account;
mod breaker;
mod codec;
mod commit;
mod db;
mod error;
mod history;
mod import;
mod learned;
mod open;
mod outbox;
mod read_by;
mod reading;
mod recover;
mod structure;
mod verify;
mod witness;

pub use account::{AccountState, Breaker, CredentialFingerprint};
pub use db::Step;
pub use error::{OpenError, Refusal, StoreError};
pub use history::History;
pub use import::Imported;
pub use open::exists;
pub use read_by::{ReadBy, Refused};
pub use reading::{Committed, GapsFound, Quarantined, QuarantinedRow, Reading, RowKey};
pub use recover::{KnownAccount, RecoverError, Recovered, Sources, rebuild, restore};

use db::Db;

/// Rows that one account may have in quarantine; more are counted, not kept.
pub const MAX_QUARANTINED: usize = 1_000;
/// Open holes that are remembered of one account; more are told too, and the oldest is forgotten.
pub const MAX_GAPS: usize = 500;
/// Events that one call of [`Store::outbox_after`] gives at most.
pub const MAX_BATCH: usize = 10_000;
/// A watermark comes at most this often per account.
pub const WATERMARK_EVERY: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// The open store. Clones share it; it is closed when the last one is dropped.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    epoch: Epoch,
    clock: Clock,
    newest: watch::Sender<u64>,
    // Locked by blocking threads only, never across an await: the single writer.
    db: Mutex<Db>,
}

/// What [`Store::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// This life of the store.
    pub epoch: Epoch,
    /// Writes acknowledged in it.
    pub commit: u64,
    /// All records.
    pub records: u64,
    /// Payments seen.
    pub payments: u64,
    /// Events kept, acknowledged or not.
    pub outbox: u64,
    /// Sequence of the oldest event kept.
    pub oldest: u64,
    /// Sequence of the newest event; 0 when there was none.
    pub newest: u64,
    /// Rows in quarantine.
    pub quarantined: u64,
    /// Each sink's cursor.
    pub cursors: Vec<(String, Cursor)>,
    /// Each account.
    pub accounts: Vec<(AccountName, AccountState)>,
}

impl Store {
    /// Opens the store in the state directory `dir`, or creates it when there is neither store nor witness.
    ///
    /// # Errors
    /// [`OpenError`]: held by another, refused, or the file system's error.
    pub async fn open(dir: &Path, clock: Clock) -> Result<Store, OpenError> {
        Self::open_observed(dir, clock, |_| {}).await
    }

    /// [`Store::open`] for tests that copy the directory between the steps of a write: `on_step` is called
    /// after each, on the writing thread.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_observed(
        dir: &Path,
        clock: Clock,
        on_step: impl Fn(Step) + Send + Sync + 'static,
    ) -> Result<Store, OpenError> {
        let dir = dir.to_owned();
        let task = {
            let dir = dir.clone();
            move || open::open(&dir, Box::new(on_step))
        };
        let db = match tokio::task::spawn_blocking(task).await {
            Ok(opened) => opened?,
            Err(_) => {
                return Err(OpenError::Refused {
                    dir,
                    reason: Refusal::Panicked,
                });
            }
        };
        Ok(Store {
            shared: Arc::new(Shared {
                dir,
                epoch: db.epoch(),
                clock,
                newest: watch::Sender::new(db.acknowledged_sequence()),
                db: Mutex::new(db),
            }),
        })
    }

    /// Runs `work` on a blocking thread, alone. A panic inside (the engine's) closes the store.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db, DateTime<Utc>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let task = move || {
            // A poisoned mutex means that a write panicked half way: nothing more is believed.
            let mut db = shared.db.lock().map_err(|_| StoreError::Closed)?;
            let answer = work(&mut db, shared.clock.now());
            let newest = db.acknowledged_sequence();
            shared
                .newest
                .send_if_modified(|known| std::mem::replace(known, newest) != newest);
            answer
        };
        match tokio::task::spawn_blocking(task).await {
            Ok(answer) => answer,
            Err(_) => Err(StoreError::Closed),
        }
    }

    /// The state directory, which holds what else is kept.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// This life of the store.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// Sequence of the last event acknowledged as durable; changes wake its watchers.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.shared.newest.subscribe()
    }

    /// What is remembered of `account`; `None` when it was never begun.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn account(&self, account: &AccountName) -> Result<Option<AccountState>, StoreError> {
        let account = account.clone();
        self.run(move |db, _| db.account(&account)).await
    }

    /// Begins `account` with `since` and a closed breaker, or gives what was begun before: `since` is
    /// stored once and for all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_account(
        &self,
        account: &AccountName,
        since: DateTime<Utc>,
    ) -> Result<AccountState, StoreError> {
        let account = account.clone();
        self.run(move |db, _| commit::begin_account(db, &account, since))
            .await
    }

    /// Pauses `account` (a person has the portal) or ends the pause.
    ///
    /// # Errors
    /// [`StoreError`]; unknown when never begun.
    pub async fn set_paused(&self, account: &AccountName, paused: bool) -> Result<(), StoreError> {
        let account = account.clone();
        self.run(move |db, _| commit::set_paused(db, account, paused))
            .await
    }

    /// Notes what of an account's history is still to be read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_unread(
        &self,
        account: &AccountName,
        unread: Option<Unread>,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.run(move |db, _| commit::set_unread(db, account, unread))
            .await
    }

    /// What sessions of `account` at `origin` have taught; nothing where nothing is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn learned(
        &self,
        account: &AccountName,
        origin: &str,
    ) -> Result<Learned, StoreError> {
        let (account, origin) = (account.clone(), origin.to_owned());
        self.run(move |db, _| learned::get(db, &account, &origin))
            .await
    }

    /// Keeps that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_learned(
        &self,
        account: &AccountName,
        origin: &str,
        learned: Learned,
    ) -> Result<(), StoreError> {
        let (account, origin) = (account.clone(), origin.to_owned());
        self.run(move |db, _| learned::set(db, &account, &origin, &learned))
            .await
    }

    /// By which selector file the payments of `account` got their ids; `None` where none is on record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_by(&self, account: &AccountName) -> Result<Option<ReadBy>, StoreError> {
        let account = account.clone();
        self.run(move |db, _| read_by::get(db, &account)).await
    }

    /// Puts that on record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_read_by(
        &self,
        account: &AccountName,
        read_by: ReadBy,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.run(move |db, _| read_by::set(db, &account, &read_by))
            .await
    }

    /// Allows the file that was refused to tell history again; `None` when none was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn allow_history(&self, account: &AccountName) -> Result<Option<ReadBy>, StoreError> {
        let account = account.clone();
        self.run(move |db, _| read_by::allow(db, &account)).await
    }

    /// Those of `ids` that are known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known(&self, ids: Vec<PaymentId>) -> Result<HashMap<PaymentId, Seen>, StoreError> {
        self.run(move |db, _| {
            let mut known = HashMap::new();
            for id in ids {
                if let Some(seen) = db.seen(id)? {
                    known.insert(id, seen);
                }
            }
            Ok(known)
        })
        .await
    }

    /// Runs `work` with a probe for "is this id known?": for ordinals among twins, which reach beyond a page.
    ///
    /// # Errors
    /// [`StoreError`], the first that a probe met.
    pub async fn with_known<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Fn(PaymentId) -> bool) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(move |db, _| {
            let failed = std::cell::RefCell::new(None);
            let answer = work(&|id| match db.seen(id) {
                Ok(seen) => seen.is_some(),
                Err(error) => {
                    failed.borrow_mut().get_or_insert(error);
                    false
                }
            });
            match failed.into_inner() {
                Some(error) => Err(error),
                None => Ok(answer),
            }
        })
        .await
    }

    /// Records `reading` and what it makes us tell, in one transaction; durable when it answers.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of it is acknowledged. The same reading may be committed again.
    pub async fn commit(&self, reading: Reading) -> Result<Committed, StoreError> {
        self.run(move |db, now| commit::commit(db, &reading, now))
            .await
    }

    /// Counts `ids` as completed and told by an earlier program, except those that were told here. The same ids may
    /// be imported again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn import(&self, ids: Vec<PaymentId>) -> Result<Imported, StoreError> {
        self.run(move |db, now| import::import(db, &ids, now)).await
    }

    /// Events after `sequence`, oldest first, at most `limit` (and [`MAX_BATCH`]).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outbox_after(&self, sequence: u64, limit: usize) -> Result<Vec<Line>, StoreError> {
        self.run(move |db, _| outbox::after(db, sequence, limit))
            .await
    }

    /// Sequence of the oldest event kept; one past the newest when none is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn oldest_kept(&self) -> Result<u64, StoreError> {
        self.run(|db, _| outbox::oldest_kept(db)).await
    }

    /// How far `sink` has acknowledged; `None` when it never did in this store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cursor(&self, sink: &str) -> Result<Option<Cursor>, StoreError> {
        let sink = sink.to_owned();
        self.run(move |db, _| db.cursor(&sink)).await
    }

    /// Moves the cursor of `sink` forward to `cursor`; an older one, or one of another epoch, changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acknowledge(&self, sink: &str, cursor: Cursor) -> Result<(), StoreError> {
        let sink = sink.to_owned();
        self.run(move |db, _| outbox::acknowledge(db, &sink, cursor))
            .await
    }

    /// Events that at least one of `sinks` has not acknowledged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outbox_depth(&self, sinks: &[String]) -> Result<u64, StoreError> {
        let sinks = sinks.to_vec();
        self.run(move |db, _| outbox::depth(db, &sinks)).await
    }

    /// Drops events that every one of `sinks` (the configured ones) has acknowledged and that were told before
    /// `keep_since`, at most [`MAX_BATCH`] a call. Gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune(
        &self,
        sinks: &[String],
        keep_since: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        let sinks = sinks.to_vec();
        self.run(move |db, _| outbox::prune(db, &sinks, keep_since))
            .await
    }

    /// Rows in quarantine, of one account or of all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn quarantine(
        &self,
        account: Option<&AccountName>,
    ) -> Result<Vec<Quarantined>, StoreError> {
        let account = account.cloned();
        self.run(move |db, _| db.quarantine(account.as_ref())).await
    }

    /// The highest attempt number known of a portal user's ledger; `None` when none was ever noted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ledger_mark(&self, user_key: &str) -> Result<Option<u64>, StoreError> {
        let user_key = user_key.to_owned();
        self.run(move |db, _| db.ledger_mark(&user_key)).await
    }

    /// Notes that number; it never goes back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_ledger_mark(&self, user_key: &str, attempt: u64) -> Result<(), StoreError> {
        let user_key = user_key.to_owned();
        self.run(move |db, _| commit::set_ledger_mark(db, &user_key, attempt))
            .await
    }

    /// Counts and hashes every record again, compares, and reports. Reads only.
    ///
    /// # Errors
    /// [`StoreError`]; damaged when the records are not what was acknowledged.
    pub async fn verify(&self) -> Result<Report, StoreError> {
        self.run(|db, _| verify::verify(db)).await
    }

    /// Copies the store into the new directory `to` while the agent runs, and opens the copy to verify it.
    ///
    /// # Errors
    /// [`StoreError`]: the target exists, could not be written, or does not verify.
    pub async fn backup(&self, to: &Path) -> Result<Report, StoreError> {
        let to: PathBuf = to.to_owned();
        let copied = to.clone();
        self.run(move |db, _| verify::copy(db, &copied)).await?;
        tokio::task::spawn_blocking(move || verify::verify_copy(&to))
            .await
            .map_err(|_| StoreError::Closed)?
    }
}

#[cfg(test)]
mod tests;
