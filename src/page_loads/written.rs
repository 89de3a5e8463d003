//! The count of page loads on disk: a list of shares, oldest first.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::clock::{BootId, Stamp};
use crate::login::budget::{Cost, Entry};

/// Written aside, fsynced, renamed: a crash leaves the old count or the new one.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(dir)?.sync_all()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    number: u64,
    all: bool,
    wall: DateTime<Utc>,
    boot: String,
    since_boot_ms: u64,
    #[serde(default)]
    open: bool,
}

pub(super) fn print(shares: &[Entry], open: usize) -> String {
    let closed = shares.len().saturating_sub(open);
    let written: Vec<Written> = shares
        .iter()
        .enumerate()
        .map(|(index, share)| Written {
            open: index >= closed,
            number: share.number,
            all: share.cost == Cost::Window,
            wall: share.at.wall,
            boot: share.at.boot.0.clone(),
            since_boot_ms: u64::try_from(share.at.since_boot.as_millis()).unwrap_or(u64::MAX),
        })
        .collect();
    serde_json::to_string(&written).unwrap_or_default()
}

/// The shares, and how many of them are open.
pub(super) fn parse(text: &str) -> Option<(Vec<Entry>, usize)> {
    let written: Vec<Written> = serde_json::from_str(text).ok()?;
    let open = written.iter().filter(|share| share.open).count();
    let entries = written.into_iter().map(|share| Entry {
        number: share.number,
        cost: if share.all { Cost::Window } else { Cost::One },
        at: Stamp {
            wall: share.wall,
            boot: BootId(share.boot),
            since_boot: Duration::from_millis(share.since_boot_ms),
        },
    });
    Some((entries.collect(), open))
}
