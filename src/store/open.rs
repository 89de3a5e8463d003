//! Opening: create where nothing is, else believe nothing. Every record is counted, hashed and compared with the witness.
//!
//! | found | then |
//! |---|---|
//! | neither store nor witness | created |
//! | `creating`, store, no witness | a creation that was cut off: begun again, nothing was ever acknowledged |
//! | store and witness that agree | opened |
//! | store one write ahead of the witness | opened; the write was cut off before its last step |
//! | anything else | refused |

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::codec::{self, FORMAT, Identity, Kind};
use super::db::{Db, Integrity, Parts, Step};
use super::error::{OpenError, Refusal};
use super::witness::{self, Mark, Witness, sync_dir};
use crate::event::Epoch;
use crate::lock::{Lock, NotTaken};

/// sled's directory in the state directory.
pub(super) const STORE_DIR: &str = "store";
/// The file of sled's that must be fsynced, from the state directory.
pub(super) const DB_FILE: &str = "store/db";
const LOCK_FILE: &str = "lock";
/// Stands while a store is created.
const CREATING: &str = "creating";
/// How long an engine that was closed may take to let go of its file.
const ENGINE_PATIENCE: Duration = Duration::from_secs(5);
/// sled's default is 1 GiB.
const CACHE_BYTES: u64 = 32 << 20;

pub(super) type OnStep = Box<dyn Fn(Step) + Send + Sync>;

/// An `io::Error`, and what was done to which file.
pub(super) fn io_error<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> OpenError + 'a {
    move |source| OpenError::Io {
        path: path.to_owned(),
        action,
        source,
    }
}

/// [`super::Store::open`], on a blocking thread.
pub(super) fn open(dir: &Path, on_step: OnStep) -> Result<Db, OpenError> {
    make_dir(dir)?;
    let lock = lock(dir)?;
    let store = dir.join(STORE_DIR);
    engine_lets_go(&store);
    let creating = dir.join(CREATING);
    let found = Witness::read(dir).map_err(io_error("read", &dir.join(witness::NAME)))?;
    let refused = |reason| OpenError::Refused {
        dir: dir.to_owned(),
        reason,
    };
    match (store.exists(), found) {
        (false, None) => create(dir, Some(lock), &[], on_step),
        (true, None) if creating.exists() => {
            fs::remove_dir_all(&store).map_err(io_error("removed", &store))?;
            create(dir, Some(lock), &[], on_step)
        }
        (true, None) => Err(refused(Refusal::NoWitness)),
        (false, Some(_)) => Err(refused(Refusal::NoStore)),
        (true, Some(witness)) => {
            remove_marker(dir)?;
            open_existing(dir, Some(lock), witness.map_err(refused)?, on_step)
        }
    }
}

/// Does `dir` hold a store, or what is left of one? [`super::Store::open`] creates it where this says no.
#[must_use]
pub fn exists(dir: &Path) -> bool {
    dir.join(STORE_DIR).exists() || dir.join(witness::NAME).exists()
}

/// Opens a backup, or a store moved aside.
pub(super) fn open_copy(dir: &Path) -> Result<Db, OpenError> {
    let refused = |reason| OpenError::Refused {
        dir: dir.to_owned(),
        reason,
    };
    if !dir.join(STORE_DIR).exists() {
        return Err(refused(Refusal::NoStore));
    }
    let witness = Witness::read(dir)
        .map_err(io_error("read", &dir.join(witness::NAME)))?
        .ok_or_else(|| refused(Refusal::NoWitness))?
        .map_err(refused)?;
    open_existing(dir, None, witness, Box::new(|_| {}))
}

/// Mode 0700: quarantined rows and payments are nobody else's.
pub(super) fn make_dir(dir: &Path) -> Result<(), OpenError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(io_error("created", dir))
}

/// Holds the state directory.
pub(super) fn lock(dir: &Path) -> Result<Lock, OpenError> {
    let path = dir.join(LOCK_FILE);
    Lock::take(&path).map_err(|why| match why {
        NotTaken::Held => OpenError::Locked {
            dir: dir.to_owned(),
        },
        NotTaken::Io(error) => io_error("locked", &path)(error),
    })
}

/// Creates a store with an epoch that is none of `not`.
pub(super) fn create(
    dir: &Path,
    lock: Option<Lock>,
    not: &[Epoch],
    on_step: OnStep,
) -> Result<Db, OpenError> {
    let creating = dir.join(CREATING);
    let refused = |reason| OpenError::Refused {
        dir: dir.to_owned(),
        reason,
    };
    File::create(&creating).map_err(io_error("created", &creating))?;
    sync_dir(dir).map_err(io_error("synced", dir))?;
    let identity = new_identity(not)?;
    let engine = open_engine(&dir.join(STORE_DIR)).map_err(refused)?;
    let (key, value) = (Kind::Identity.key(b""), codec::encode(&identity));
    let mut mark = Mark {
        commit: 1,
        ..Mark::default()
    };
    mark.add(&key, &value);
    let integrity = Integrity {
        mark,
        previous: None,
    };
    let mut batch = sled::Batch::default();
    batch.insert(key, value);
    batch.insert(Kind::Integrity.key(b""), codec::encode(&integrity));
    engine
        .apply_batch(batch)
        .and_then(|()| engine.flush())
        .map_err(|error| refused(error.into()))?;
    let file = open_db_file(dir)?;
    sync_tree(&dir.join(STORE_DIR)).map_err(io_error("synced", &dir.join(STORE_DIR)))?;
    let witness = Witness {
        epoch: Epoch(identity.epoch),
        mark,
        since: BTreeMap::new(),
    };
    witness
        .write(dir)
        .map_err(io_error("written", &dir.join(witness::NAME)))?;
    remove_marker(dir)?;
    Ok(Db::new(Parts {
        lock,
        dir: dir.to_owned(),
        engine,
        file,
        identity,
        mark,
        newest: 0,
        since: BTreeMap::new(),
        on_step,
    }))
}

fn remove_marker(dir: &Path) -> Result<(), OpenError> {
    let creating = dir.join(CREATING);
    match fs::remove_file(&creating) {
        Ok(()) => sync_dir(dir).map_err(io_error("synced", dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error("removed", &creating)(error)),
    }
}

/// `/dev/urandom`, so that epoch and salt need no generator of their own.
fn new_identity(not: &[Epoch]) -> Result<Identity, OpenError> {
    let path = PathBuf::from("/dev/urandom");
    let mut random = File::open(&path).map_err(io_error("opened", &path))?;
    let mut salt = [0; 32];
    let mut epoch = [0; 2];
    random
        .read_exact(&mut salt)
        .map_err(io_error("read", &path))?;
    loop {
        random
            .read_exact(&mut epoch)
            .map_err(io_error("read", &path))?;
        let epoch = u16::from_be_bytes(epoch);
        if !not.contains(&Epoch(epoch)) {
            return Ok(Identity { epoch, salt });
        }
    }
}

fn open_existing(
    dir: &Path,
    lock: Option<Lock>,
    witness: Witness,
    on_step: OnStep,
) -> Result<Db, OpenError> {
    let refused = |reason| OpenError::Refused {
        dir: dir.to_owned(),
        reason,
    };
    let store = dir.join(STORE_DIR);
    let (engine, found) = quietly(|| {
        let engine = open_engine(&store)?;
        let found = examine(&engine)?;
        Ok((engine, found))
    })
    .map_err(refused)?;
    let behind = compare(&found, &witness).map_err(refused)?;
    if behind {
        sync_tree(&store).map_err(io_error("synced", &store))?;
        let witness = Witness {
            epoch: witness.epoch,
            mark: found.mark,
            since: found.since.clone(),
        };
        witness
            .write(dir)
            .map_err(io_error("written", &dir.join(witness::NAME)))?;
    }
    Ok(Db::new(Parts {
        lock,
        dir: dir.to_owned(),
        engine,
        file: open_db_file(dir)?,
        identity: found.identity,
        mark: found.mark,
        newest: found.newest,
        since: found.since,
        on_step,
    }))
}

fn open_db_file(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(DB_FILE);
    File::open(&path).map_err(io_error("opened", &path))
}

/// What the records say.
pub(super) struct Found {
    pub(super) identity: Identity,
    /// Counted and hashed just now.
    pub(super) mark: Mark,
    pub(super) integrity: Integrity,
    pub(super) newest: u64,
    since: BTreeMap<String, chrono::DateTime<chrono::Utc>>,
}

/// Reads every record.
pub(super) fn examine(engine: &sled::Db) -> Result<Found, Refusal> {
    let damaged = |kind: Kind| Refusal::Record {
        record: kind.word(),
    };
    let mut mark = Mark::default();
    let (mut integrity, mut identity, mut newest) = (None, None, 0);
    let mut since = BTreeMap::new();
    for record in engine.iter() {
        let (key, value) = record?;
        if let Some(&found) = value.first().filter(|format| **format > FORMAT) {
            return Err(Refusal::Newer {
                what: "a record",
                found: found.into(),
                known: FORMAT.into(),
            });
        }
        let kind = key.first().copied().unwrap_or(u8::MAX);
        if kind == Kind::Integrity as u8 {
            integrity = codec::decode::<Integrity>(Kind::Integrity, &value).ok();
            continue;
        }
        mark.add(&key, &value);
        if kind == Kind::Identity as u8 {
            identity = codec::decode::<Identity>(Kind::Identity, &value).ok();
        } else if kind == Kind::Newest as u8 {
            newest = codec::decode(Kind::Newest, &value).map_err(|_| damaged(Kind::Newest))?;
        } else if kind == Kind::Account as u8 {
            let name = codec::name_in(Kind::Account, &key);
            let state = codec::decode_account(&value);
            let (Ok(name), Ok(state)) = (name, state) else {
                return Err(damaged(Kind::Account));
            };
            since.insert(name, state.since);
        }
    }
    let integrity = integrity.ok_or(damaged(Kind::Integrity))?;
    mark.commit = integrity.mark.commit;
    Ok(Found {
        identity: identity.ok_or(damaged(Kind::Identity))?,
        mark,
        integrity,
        newest,
        since,
    })
}

/// Do the records agree with the store's own sum and with the witness? `true`: the witness is one write behind.
fn compare(found: &Found, witness: &Witness) -> Result<bool, Refusal> {
    if found.identity.epoch != witness.epoch.0 {
        return Err(Refusal::OtherEpoch {
            witness: witness.epoch,
            store: Epoch(found.identity.epoch),
        });
    }
    let agrees = found.mark == found.integrity.mark;
    if agrees && found.mark == witness.mark {
        Ok(false)
    } else if agrees && found.integrity.previous == Some(witness.mark) {
        Ok(true)
    } else {
        Err(Refusal::Disagrees {
            found: found.mark.count,
            expected: witness.mark.count,
            commit: witness.mark.commit,
        })
    }
}

/// Waits a while for the engine's file. Who holds the state directory waits for no other agent, but for what an
/// engine leaves behind that this process closed a moment ago: its last threads, and the copies of its files in
/// child processes that are just being started. Whatever else is wrong is judged where the engine opens the file.
fn engine_lets_go(store: &Path) {
    let path = store.join("db");
    let Ok(file) = File::options().read(true).write(true).open(path) else {
        return;
    };
    let (free, is_free) = mpsc::channel();
    std::thread::spawn(move || {
        if file.lock().and_then(|()| file.unlock()).is_ok() {
            // Nobody waits any more.
            free.send(()).ok();
        }
    });
    if is_free.recv_timeout(ENGINE_PATIENCE) == Err(RecvTimeoutError::Timeout) {
        tracing::warn!(
            "the file of the store's engine is in use, though nobody holds the state directory"
        );
    }
}

fn open_engine(store: &Path) -> Result<sled::Db, Refusal> {
    Ok(sled::Config::new()
        .path(store)
        .cache_capacity(CACHE_BYTES)
        // Flushed by hand: the background flusher would hide a missing flush from the tests, and act without us.
        .flush_every_ms(None)
        .open()?)
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, turning a panic into a refusal, without the panic's message on stderr.
fn quietly<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                loud(panic);
            }
        }));
    });
    QUIET.set(true);
    let answer = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    answer.unwrap_or(Err(Refusal::Panicked))
}

/// Fsyncs a directory and everything in it.
pub(super) fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            File::open(&path)?.sync_all()?;
        }
    }
    sync_dir(dir)
}
