//! Appending to a file sink: lock, cut off what is torn, append, fsync, move aside. Blocking.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::scan::{self, Scan, directory, rotated_name};
use super::{SinkError, failed};
use crate::event::{Cursor, Epoch, parse_told};
use crate::lock::{Lock, NotTaken};
use crate::sink::Line;

#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    rotate: u64,
    /// Held from the first use to the end: the lock stays while the data file is moved.
    lock: Option<Lock>,
    /// `None` before the first use, and after a failure or a move: then it is read again.
    open: Option<Open>,
    /// The last event known to be in our files, or acknowledged.
    last: Option<Cursor>,
    /// Ids in all files; read only when an event is told again.
    known: Option<HashSet<String>>,
}

#[derive(Debug)]
struct Open {
    file: File,
    first: Option<Cursor>,
    /// Bytes that are whole lines and on disk.
    length: u64,
}

#[derive(Debug, Default)]
struct Missing {
    bytes: Vec<u8>,
    /// Cursor of the first line; `None` when there is nothing to write.
    first: Option<Cursor>,
    ids: Vec<String>,
}

impl Writer {
    pub(super) fn new(path: PathBuf, rotate: u64) -> Self {
        Self {
            path,
            rotate,
            lock: None,
            open: None,
            last: None,
            known: None,
        }
    }

    /// Could it be written, and is what it holds ours?
    pub(super) fn check(&self) -> Result<(), SinkError> {
        let opened = || failed(&self.path, "opened");
        match fs::metadata(&self.path) {
            Ok(found) if !found.is_file() => {
                let source = io::Error::new(ErrorKind::InvalidInput, "it is no regular file");
                Err(opened()(source))
            }
            Ok(_) => {
                let append = File::options().append(true).open(&self.path);
                append.map_err(opened())?;
                scan::read(&self.path, self.last, &mut |_| {}).map(drop)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let writable = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
                rustix::fs::access(directory(&self.path), writable)
                    .map_err(|errno| opened()(errno.into()))
            }
            Err(error) => Err(opened()(error)),
        }
    }

    /// The further of what the files hold and what was acknowledged, within one epoch.
    pub(super) fn resume(
        &mut self,
        acknowledged: Option<Cursor>,
    ) -> Result<Option<Cursor>, SinkError> {
        self.last = acknowledged;
        self.open = None;
        self.opened()?;
        if let Some(acknowledged) = acknowledged {
            self.recall(acknowledged.epoch)?;
        }
        Ok(self.last)
    }

    /// Appends what of `batch` is not there yet; after a failure nothing of it counts as there.
    pub(super) fn deliver(&mut self, batch: &[Line]) -> Result<(), SinkError> {
        let Some(end) = batch.last().map(|line| line.cursor) else {
            return Ok(());
        };
        self.follow()?;
        self.recall(end.epoch)?;
        let missing = self.missing(batch)?;
        if let Some(first) = missing.first {
            self.make_room(missing.bytes.len() as u64)?;
            self.append(&missing.bytes, first)?;
        }
        if let Some(known) = &mut self.known {
            known.extend(missing.ids);
        }
        self.last = match self.last {
            Some(last) if last.epoch == end.epoch => further(Some(last), Some(end)),
            _ => Some(end),
        };
        Ok(())
    }

    /// What of `batch` does not stand in our files yet.
    fn missing(&mut self, batch: &[Line]) -> Result<Missing, SinkError> {
        let mut missing = Missing::default();
        for line in batch {
            let there = self.last.is_some_and(|last| {
                last.epoch == line.cursor.epoch && line.cursor.sequence <= last.sequence
            });
            if there {
                continue;
            }
            if let Ok(told) = parse_told(&line.json) {
                if told.replayed
                    && (missing.ids.contains(&told.id) || self.known()?.contains(&told.id))
                {
                    continue;
                }
                missing.ids.push(told.id);
            }
            missing.first = missing.first.or(Some(line.cursor));
            missing.bytes.extend_from_slice(line.json.as_bytes());
            missing.bytes.push(b'\n');
        }
        Ok(missing)
    }

    fn known(&mut self) -> Result<&HashSet<String>, SinkError> {
        let known = match self.known.take() {
            Some(known) => known,
            None => {
                let mut ids = HashSet::new();
                super::told(&self.path, |told| {
                    ids.insert(told.id);
                })?;
                ids
            }
        };
        Ok(self.known.insert(known))
    }

    /// Looks for the last event of `epoch` in the files moved aside, when the current one holds none of that epoch.
    fn recall(&mut self, epoch: Epoch) -> Result<(), SinkError> {
        let empty = self.open.as_ref().is_none_or(|open| open.first.is_none());
        if self.last.is_some_and(|last| last.epoch == epoch) && !empty {
            return Ok(());
        }
        let newest = scan::rotated(&self.path)?
            .into_iter()
            .filter(|rotated| rotated.first.epoch == epoch)
            .max_by_key(|rotated| rotated.first.sequence);
        if let Some(newest) = newest {
            let scan = scan::read(&newest.path, None, &mut |_| {})?;
            if let Some(found) = scan.last.filter(|found| found.epoch == epoch) {
                let last = self.last.filter(|last| last.epoch == epoch);
                self.last = further(last, Some(found));
            }
        }
        Ok(())
    }

    /// Opens again when somebody moved, emptied or wrote the file.
    fn follow(&mut self) -> Result<(), SinkError> {
        if let Some(open) = &self.open {
            let ours = open.file.metadata().map_err(failed(&self.path, "read"))?;
            let same = match fs::metadata(&self.path) {
                Ok(there) => (there.dev(), there.ino()) == (ours.dev(), ours.ino()),
                Err(error) if error.kind() == ErrorKind::NotFound => false,
                Err(error) => return Err(failed(&self.path, "read")(error)),
            };
            if !same || ours.len() != open.length {
                self.open = None;
            }
        }
        self.opened().map(drop)
    }

    /// The file, locked, cut back to its whole lines, and on disk as far as it goes.
    fn opened(&mut self) -> Result<&mut Open, SinkError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                self.acquire()?;
                let file = create(&self.path).map_err(failed(&self.path, "opened"))?;
                let Scan {
                    first,
                    last,
                    good,
                    length,
                } = scan::read(&self.path, self.last, &mut |_| {})?;
                if good < length {
                    let torn_bytes = length - good;
                    tracing::warn!(path = %self.path.display(), torn_bytes, "a torn last line is cut off");
                    file.set_len(good)
                        .map_err(failed(&self.path, "truncated"))?;
                }
                // What an earlier run wrote may not have reached the disk, and is about to count as told.
                file.sync_all().map_err(failed(&self.path, "synced"))?;
                sync_directory(&self.path)?;
                self.last = further(self.last, last);
                Open {
                    file,
                    first,
                    length: good,
                }
            }
        };
        Ok(self.open.insert(open))
    }

    fn acquire(&mut self) -> Result<(), SinkError> {
        if self.lock.is_some() {
            return Ok(());
        }
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let lock_path = self.path.with_file_name(format!(".{name}.lock"));
        let lock = Lock::take(&lock_path).map_err(|why| match why {
            NotTaken::Held => SinkError::InUse {
                path: self.path.clone(),
            },
            NotTaken::Io(error) => failed(&lock_path, "locked")(error),
        })?;
        self.lock = Some(lock);
        Ok(())
    }

    /// Moves the file aside when `more` bytes would take it past the limit.
    fn make_room(&mut self, more: u64) -> Result<(), SinkError> {
        let rotate = self.rotate;
        let open = self.opened()?;
        let Some(first) = open.first.filter(|_| open.length + more > rotate) else {
            return Ok(());
        };
        let target = rotated_name(&self.path, first);
        if target.exists() {
            return Err(failed(&target, "rotated")(ErrorKind::AlreadyExists.into()));
        }
        self.open = None;
        fs::rename(&self.path, &target).map_err(failed(&self.path, "rotated"))?;
        tracing::info!(path = %target.display(), "the event file was moved aside");
        // The directory is synced with the new file in it.
        self.opened().map(drop)
    }

    fn append(&mut self, bytes: &[u8], first: Cursor) -> Result<(), SinkError> {
        let path = self.path.clone();
        let open = self.opened()?;
        let written = open
            .file
            .write_all(bytes)
            .map_err(failed(&path, "written"))
            .and_then(|()| open.file.sync_data().map_err(failed(&path, "synced")));
        match written {
            Ok(()) => {
                open.length += bytes.len() as u64;
                open.first = open.first.or(Some(first));
                Ok(())
            }
            Err(error) => {
                // Whole lines that no fsync vouches for must not be found by the next try.
                if let Err(source) = open.file.set_len(open.length) {
                    tracing::warn!(path = %path.display(), %source, "a failed write could not be cut off");
                }
                self.open = None;
                Err(error)
            }
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

fn sync_directory(path: &Path) -> Result<(), SinkError> {
    let directory = directory(path);
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(failed(directory, "synced"))
}

/// The later of two cursors of one epoch. Of two epochs the first: it is the one that the agent speaks of.
fn further(a: Option<Cursor>, b: Option<Cursor>) -> Option<Cursor> {
    match (a, b) {
        (Some(a), Some(b)) if a.epoch == b.epoch && b.sequence > a.sequence => Some(b),
        (Some(a), _) => Some(a),
        (None, b) => b,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn lines(range: std::ops::Range<u64>) -> Vec<Line> {
        let line = |sequence| {
            let cursor = Cursor {
                epoch: Epoch(0x2f9c),
                sequence,
            };
            let json = format!(
                r#"{{"id":"wm_{sequence}","source":"/","type":"account.watermark","time":"2026-11-21T09:00:00Z","epoch":"2f9c","sequence":"{sequence:018}","data":{{"until":"2026-11-21T09:00:00Z"}}}}"#
            );
            Line { cursor, json }
        };
        range.map(line).collect()
    }

    #[test]
    fn a_batch_that_met_a_full_disk_is_written_once_when_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.ndjson");
        let mut writer = Writer::new(path.clone(), 1 << 20);
        writer.deliver(&lines(1..3)).unwrap();
        writer.open.as_mut().unwrap().file =
            File::options().append(true).open("/dev/full").unwrap();
        let missing = writer.missing(&lines(3..5)).unwrap();
        let refused = writer.append(&missing.bytes, missing.first.unwrap());
        let full = |error: &SinkError| {
            matches!(
                error,
                SinkError::Io {
                    action: "written",
                    ..
                }
            )
        };
        assert!(refused.is_err_and(|error| full(&error)));
        writer.deliver(&lines(3..5)).unwrap();
        let told: Vec<String> = fs::read_to_string(&path)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        let sent: Vec<String> = lines(1..5).into_iter().map(|line| line.json).collect();
        assert_eq!(told, sent);
    }
}
