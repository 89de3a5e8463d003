//! Reading a file sink back: which lines are whole, which are ours, where the good part ends. Changes nothing.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{MAX_LINE_BYTES, SinkError, failed};
use crate::event::{Cursor, Epoch, Told, parse_sequence, parse_told};

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Cursor of its first line: the name it gets when it is moved aside.
    pub first: Option<Cursor>,
    /// Cursor of its last whole line.
    pub last: Option<Cursor>,
    /// Bytes up to the end of that line.
    pub good: u64,
    /// All bytes; more than `good` after a crash in the middle of a write.
    pub length: u64,
}

/// A file that was moved aside.
#[derive(Debug)]
pub(super) struct Rotated {
    pub first: Cursor,
    pub path: PathBuf,
    modified: SystemTime,
}

/// The name that the file at `path` gets when its first line is `first`.
pub(super) fn rotated_name(path: &Path, first: Cursor) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path
        .extension()
        .map_or("ndjson".into(), |it| it.to_string_lossy());
    path.with_file_name(format!("{stem}-{first}.{extension}"))
}

/// The directory of `path`.
pub(super) fn directory(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The files that the sink at `path` moved aside, oldest first: by last write, then by name.
pub(super) fn rotated(path: &Path) -> Result<Vec<Rotated>, SinkError> {
    let failed = || failed(directory(path), "read");
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut found = Vec::new();
    let entries = match fs::read_dir(directory(path)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(failed()(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed())?;
        let candidate = entry.path();
        let name = candidate.file_stem().unwrap_or_default().to_string_lossy();
        let first = name
            .strip_prefix(&*stem)
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|cursor| cursor.split_once('-'))
            .and_then(|(epoch, sequence)| {
                let epoch: Epoch = epoch.parse().ok()?;
                let sequence = parse_sequence(sequence).ok()?;
                Some(Cursor { epoch, sequence })
            });
        // Only a name that we would give is one that we gave.
        let Some(first) =
            first.filter(|&first| rotated_name(path, first).file_name() == candidate.file_name())
        else {
            continue;
        };
        found.push(Rotated {
            first,
            modified: entry
                .metadata()
                .and_then(|it| it.modified())
                .map_err(failed())?,
            path: candidate,
        });
    }
    found.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
    Ok(found)
}

/// Reads the file at `path` line by line and visits what each whole line told. A missing file is an empty one.
///
/// `kept` is the last event known to be durable. After a power loss a file may hold zero bytes where writes had not
/// reached the disk; lines behind them are given up only where `kept` shows that each of them is still to be told.
pub(super) fn read(
    path: &Path,
    kept: Option<Cursor>,
    visit: &mut dyn FnMut(Told),
) -> Result<Scan, SinkError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Scan::default()),
        Err(error) => return Err(failed(path, "read")(error)),
    };
    let mut scan = Scan {
        length: file.metadata().map_err(failed(path, "read"))?.len(),
        ..Scan::default()
    };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut bytes = Vec::new();
    let (mut line, mut hole) = (0, None);
    loop {
        bytes.clear();
        let count = reader
            .by_ref()
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut bytes)
            .map_err(failed(path, "read"))?;
        let Some((b'\n', text)) = bytes.split_last() else {
            if (count as u64) < MAX_LINE_BYTES {
                return Ok(scan);
            }
            if !bytes.contains(&0) && hole.is_none() {
                return Err(foreign(path, line + 1));
            }
            hole = hole.or(Some(line + 1));
            continue;
        };
        line += 1;
        let told = std::str::from_utf8(text)
            .ok()
            .and_then(|text| parse_told(text).ok());
        match (told, hole) {
            (Some(told), None) => {
                scan.good += count as u64;
                scan.first = scan.first.or(Some(told.cursor));
                scan.last = Some(told.cursor);
                visit(told);
            }
            (Some(_), Some(at)) if !to_be_told_again(scan.last, kept) => {
                return Err(foreign(path, at));
            }
            (None, None) if text.contains(&0) => hole = Some(line),
            (None, None) => return Err(foreign(path, line)),
            (_, Some(_)) => {}
        }
    }
}

/// Is everything after `last` after `kept` too?
fn to_be_told_again(last: Option<Cursor>, kept: Option<Cursor>) -> bool {
    match (last, kept) {
        (Some(last), Some(kept)) => last.epoch == kept.epoch && last.sequence >= kept.sequence,
        _ => false,
    }
}

fn foreign(path: &Path, line: usize) -> SinkError {
    SinkError::Foreign {
        path: path.to_owned(),
        line,
    }
}
