//! The attempts of one portal user, on disk before each click.
//!
//! - An attempt that [`Ledger::attempt`] answered is on disk: written, fsynced. One that could not be written was
//!   not made.
//! - One holder at a time, by an exclusive lock beside the file; the second one is told.
//! - What cannot be believed counts as everything spent: a ledger that is missing where the store has seen one,
//!   that is older than the store's mark, or that does not read. It is kept as `<key>.damaged`, and the ledger
//!   that replaces it says why. Only a torn last line is less: it counts as one attempt.
//!
//! Format 1, one line of text per entry, each ending in the first 32 bits of the SHA-256 of what stands before:
//! `attempt 41 2026-11-21T09:03:12.412Z <boot id> <ms since boot> - #9f3c2a11`.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::budget::{Entry, Stamp, in_window};
use crate::lock::{Lock, NotTaken};
use crate::session::Outcome;

mod found;
mod line;

pub use found::{Expectation, Found};

use line::{Kind, Line, Lost};

/// A ledger of this size is not one of ours.
const MAX_BYTES: u64 = 4 << 20;
/// Entries are kept at least so long, so that a longer window in the config finds what it counts.
const KEEP: Duration = Duration::from_secs(24 * 3600);
/// Lines added before what is too old is dropped from the file.
const COMPACT_AFTER: usize = 1000;

/// Names the ledger of one portal user: a hash of origin, number and user name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LedgerKey(String);

impl LedgerKey {
    /// `origin` as the URL standard writes it, e.g. `https://kilima.example`.
    #[must_use]
    pub fn of(origin: &str, number: &str, user: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [origin, number, user] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let hash = hash.finalize();
        Self(data_encoding::HEXLOWER.encode(hash.get(..16).unwrap_or_default()))
    }

    /// 32 hexadecimal digits: the name of the file, and of the mark in the store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A ledger could not be opened or written. No attempt was made.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process, or another handle, holds it.
    #[error("another tillwatch uses the login ledger {}: stop it first", path.display())]
    Held {
        /// The ledger.
        path: PathBuf,
    },
    /// Written by a newer program. Nothing was changed.
    #[error(
        "the login ledger {} has format {found}, this program knows {}: start the newer one", path.display(), line::FORMAT
    )]
    Newer {
        /// The ledger.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
    /// The file system says no.
    #[error("could not {what} the login ledger {} ({source}): no sign-in without it", path.display())]
    Io {
        /// `lock`, `read`, `write`.
        what: &'static str,
        /// The ledger.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// The open ledger of one portal user. Dropping it releases the lock.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    /// Bytes known to be good; after a failed write the file is cut back to them.
    good: u64,
    /// The last write failed, and what it left behind is not cut off yet.
    dirty: bool,
    /// Lines added until the file is shortened.
    room: usize,
    entries: Vec<Entry>,
    number: u64,
    keep: Duration,
    _lock: Lock,
}

impl Ledger {
    /// Opens or begins the ledger `key` in `dir`; both are made with no rights for others. What left `window` is
    /// dropped; a clock line ties this boot to the one before.
    ///
    /// # Errors
    /// When another one holds it, when it is newer than this program, and on file system errors.
    pub fn open(
        dir: &Path,
        key: &LedgerKey,
        expectation: Expectation,
        window: Duration,
        now: &Stamp,
    ) -> Result<(Self, Found), LedgerError> {
        let path = dir.join(key.as_str());
        let io = |what| {
            let path = path.clone();
            move |source| LedgerError::Io { what, path, source }
        };
        let mut make = DirBuilder::new();
        let made = make.recursive(true).mode(0o700).create(dir);
        made.map_err(io("make the directory of"))?;
        let lock = lock(&path)?;
        let read = read(&path).map_err(io("read"))?;
        let judged = found::judge(&path, read.as_deref(), expectation, now)?;
        if matches!(judged.found, Found::Restored | Found::Damaged) {
            let aside = path.with_extension("damaged");
            std::fs::copy(&path, aside).map_err(io("keep a copy of"))?;
        }
        let keep = window.max(KEEP);
        let mut lines = judged.lines_within(keep, now);
        lines.push(Line::new(Kind::Clock, judged.number, now));
        let (file, good) = rewrite(&path, &lines).map_err(io("write"))?;
        let ledger = Self {
            path,
            file,
            good,
            dirty: false,
            room: COMPACT_AFTER,
            entries: lines.iter().filter_map(Line::entry).collect(),
            number: judged.number,
            keep,
            _lock: lock,
        };
        Ok((ledger, judged.found))
    }

    /// What the budget counts, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Attempts ever made: the mark that the store is to keep.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one attempt. Only when this answers may the button be clicked. Blocks on fsync.
    ///
    /// # Errors
    /// On file system errors, a full disk among them: then no attempt was made.
    pub fn attempt(&mut self, now: &Stamp) -> Result<u64, LedgerError> {
        self.append(Kind::Attempt, self.number + 1, now)?;
        Ok(self.number)
    }

    /// Counts the whole window as spent: the portal says so.
    ///
    /// # Errors
    /// On file system errors.
    pub fn spend_window(&mut self, now: &Stamp) -> Result<(), LedgerError> {
        self.append(Kind::Window(Lost::Portal), self.number, now)
    }

    /// Notes what became of the last attempt, for people who read the file.
    ///
    /// # Errors
    /// On file system errors.
    pub fn note(&mut self, outcome: Outcome, now: &Stamp) -> Result<(), LedgerError> {
        self.append(Kind::Outcome(outcome), self.number, now)
    }

    /// Ties boot time to wall time: at the start, and after the wall clock was moved.
    ///
    /// # Errors
    /// On file system errors.
    pub fn tie_clocks(&mut self, now: &Stamp) -> Result<(), LedgerError> {
        self.append(Kind::Clock, self.number, now)
    }

    fn append(&mut self, kind: Kind, number: u64, now: &Stamp) -> Result<(), LedgerError> {
        let line = Line::new(kind, number, now);
        let text = line.to_string();
        self.write(text.as_bytes())
            .map_err(|source| self.io("write", source))?;
        self.good += text.len() as u64;
        self.number = number;
        self.entries.extend(line.entry());
        self.room = self.room.saturating_sub(1);
        if self.room == 0 {
            self.compact(now);
        }
        Ok(())
    }

    /// All or nothing: what a failed write left behind is cut off, at the latest before the next one.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.dirty {
            self.cut_back()?;
        }
        self.dirty = true;
        let written = self
            .file
            .write_all(bytes)
            .and_then(|()| self.file.sync_all());
        match written {
            Ok(()) => {
                self.dirty = false;
                Ok(())
            }
            Err(error) => {
                // When this fails too the ledger stays dirty and the next write begins with it.
                let _tried_again_later = self.cut_back();
                Err(error)
            }
        }
    }

    fn cut_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.good)?;
        self.file.sync_all()?;
        self.dirty = false;
        Ok(())
    }

    /// Best effort: the entry that led here is on disk already, and the next append tries again.
    fn compact(&mut self, now: &Stamp) {
        let kept = in_window(now, &self.entries, self.keep);
        let mut lines: Vec<_> = kept.iter().map(Line::of).collect();
        lines.push(Line::new(Kind::Clock, self.number, now));
        match rewrite(&self.path, &lines) {
            Ok((file, good)) => {
                (self.file, self.good, self.room) = (file, good, COMPACT_AFTER);
                self.entries = lines.iter().filter_map(Line::entry).collect();
            }
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "the login ledger could not be shortened");
            }
        }
    }

    fn io(&self, what: &'static str, source: io::Error) -> LedgerError {
        let path = self.path.clone();
        LedgerError::Io { what, path, source }
    }
}

fn lock(path: &Path) -> Result<Lock, LedgerError> {
    let path = path.to_path_buf();
    // A file of its own: the ledger is replaced by rename, and a lock stays with the file it was taken on.
    Lock::take(&path.with_extension("lock")).map_err(|why| match why {
        NotTaken::Held => LedgerError::Held { path },
        NotTaken::Io(source) => LedgerError::Io {
            what: "lock",
            path,
            source,
        },
    })
}

/// The bytes, `None` where there is no file; of one that is too large so many that `judge` sees it.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Replaces the file by one that holds `lines`, durably, and opens it for appending; with its size.
fn rewrite(path: &Path, lines: &[Line]) -> io::Result<(File, u64)> {
    let mut text = line::header();
    for line in lines {
        text.push_str(&line.to_string());
    }
    let aside = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let mut new = options.open(&aside)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    let file = OpenOptions::new().append(true).open(&aside)?;
    std::fs::rename(&aside, path)?;
    if let Some(dir) = path.parent() {
        File::open(dir)?.sync_all()?;
    }
    Ok((file, text.len() as u64))
}
