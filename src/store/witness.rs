//! The witness: a small file outside the engine that says what was acknowledged.
//!
//! JSON on one line, then `sha256 <hex>` of that line: a flipped bit in it is noticed too. Replaced whole:
//! written aside, fsynced, renamed, directory fsynced.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::Refusal;
use crate::event::Epoch;

/// Name in the state directory.
pub(super) const NAME: &str = "witness";
const FORMAT: u32 = 1;

/// A sum over all records: changes with any of them, whatever their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Number of the write that led here; creation is 1.
    pub(super) commit: u64,
    /// Records, the integrity record not counted.
    pub(super) count: u64,
    /// Sum modulo 2^128 of each record's hash.
    #[serde(with = "hex128")]
    pub(super) hash: u128,
}

impl Mark {
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.count += 1;
        self.hash = self.hash.wrapping_add(record_hash(key, value));
    }

    pub(super) fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.saturating_sub(1);
        self.hash = self.hash.wrapping_sub(record_hash(key, value));
    }
}

fn record_hash(key: &[u8], value: &[u8]) -> u128 {
    let digest = Sha256::new()
        .chain_update((key.len() as u64).to_be_bytes())
        .chain_update(key)
        .chain_update(value)
        .finalize();
    digest
        .iter()
        .take(16)
        .fold(0, |bits, byte| (bits << 8) | u128::from(*byte))
}

/// A number as 32 hex digits: JSON's own are not exact beyond 53 bits.
mod hex128 {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(hash: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{hash:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        let text = String::deserialize(from)?;
        u128::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Witness {
    pub(super) epoch: Epoch,
    /// What was acknowledged last.
    pub(super) mark: Mark,
    /// What must survive the loss of the engine's files: each account's `since`.
    pub(super) since: BTreeMap<String, DateTime<Utc>>,
}

#[derive(Serialize, Deserialize)]
struct StoredWitness {
    format: u32,
    epoch: u16,
    mark: Mark,
    since: BTreeMap<String, DateTime<Utc>>,
}

/// Read for its format alone: a newer one may have another shape.
#[derive(Deserialize)]
struct StoredFormat {
    format: u32,
}

impl Witness {
    /// Reads `<dir>/witness`; `None` when there is none.
    pub(super) fn read(dir: &Path) -> io::Result<Option<Result<Witness, Refusal>>> {
        match std::fs::read(dir.join(NAME)) {
            Ok(bytes) => Ok(Some(parse(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces `<dir>/witness`.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let aside = aside(dir);
        let mut file = File::create(&aside)?;
        file.write_all(&self.text())?;
        file.sync_all()?;
        std::fs::rename(&aside, dir.join(NAME))?;
        sync_dir(dir)
    }

    fn text(&self) -> Vec<u8> {
        let stored = StoredWitness {
            format: FORMAT,
            epoch: self.epoch.0,
            mark: self.mark,
            since: self.since.clone(),
        };
        #[expect(
            clippy::expect_used,
            reason = "a struct of strings and integers: JSON can hold every value of it"
        )]
        let mut text = serde_json::to_string(&stored).expect("a witness is always JSON");
        let digest = checksum(text.as_bytes());
        text.push_str("\nsha256 ");
        text.push_str(&digest);
        text.push('\n');
        text.into_bytes()
    }
}

fn aside(dir: &Path) -> PathBuf {
    dir.join("witness.new")
}

fn checksum(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

fn parse(bytes: &[u8]) -> Result<Witness, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::WitnessDamaged)?;
    let (line, digest) = text
        .strip_suffix('\n')
        .and_then(|text| text.split_once("\nsha256 "))
        .ok_or(Refusal::WitnessDamaged)?;
    if checksum(line.as_bytes()) != digest {
        return Err(Refusal::WitnessDamaged);
    }
    let format: StoredFormat = serde_json::from_str(line).map_err(|_| Refusal::WitnessDamaged)?;
    if format.format > FORMAT {
        return Err(Refusal::Newer {
            what: "the witness",
            found: format.format,
            known: FORMAT,
        });
    }
    let stored: StoredWitness = serde_json::from_str(line).map_err(|_| Refusal::WitnessDamaged)?;
    Ok(Witness {
        epoch: Epoch(stored.epoch),
        mark: stored.mark,
        since: stored.since,
    })
}

/// Makes renames and new names in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
