//! Events to tell: read, acknowledged, pruned.

use chrono::{DateTime, Utc};

use super::MAX_BATCH;
use super::codec::{self, Kind};
use super::db::{Changes, Db};
use super::error::StoreError;
use crate::event::{Cursor, Line};

/// Events after `sequence`. One that is not yet acknowledged as durable is not told.
pub(super) fn after(db: &Db, sequence: u64, limit: usize) -> Result<Vec<Line>, StoreError> {
    let newest = db.acknowledged_sequence();
    if sequence >= newest {
        return Ok(Vec::new());
    }
    let range = codec::outbox_key(sequence + 1)..=codec::outbox_key(newest);
    db.in_range(range)
        .take(limit.min(MAX_BATCH))
        .map(|record| {
            let (key, value) = record?;
            Ok(codec::decode_outbox(db.epoch(), &key, &value)?.1)
        })
        .collect()
}

pub(super) fn oldest_kept(db: &Db) -> Result<u64, StoreError> {
    match db.with_prefix(&Kind::Outbox.key(b"")).next() {
        Some(record) => codec::sequence_in(&record?.0),
        None => Ok(db.acknowledged_sequence() + 1),
    }
}

pub(super) fn acknowledge(db: &mut Db, sink: &str, cursor: Cursor) -> Result<(), StoreError> {
    let known = db.cursor(sink)?.map_or(0, |cursor| cursor.sequence);
    let told = db.acknowledged_sequence();
    if cursor.epoch != db.epoch() || cursor.sequence <= known || cursor.sequence > told {
        return Ok(());
    }
    let mut changes = Changes::default();
    changes.put(
        Kind::Cursor.key(sink.as_bytes()),
        codec::encode(&cursor.sequence),
    );
    db.apply(changes)
}

/// Sequence that all of `sinks` have acknowledged; the newest when there is no sink.
pub(super) fn acknowledged_by_all(db: &Db, sinks: &[String]) -> Result<u64, StoreError> {
    let mut least = db.acknowledged_sequence();
    for sink in sinks {
        least = least.min(db.cursor(sink)?.map_or(0, |cursor| cursor.sequence));
    }
    Ok(least)
}

pub(super) fn depth(db: &Db, sinks: &[String]) -> Result<u64, StoreError> {
    Ok(db.acknowledged_sequence() - acknowledged_by_all(db, sinks)?)
}

pub(super) fn prune(
    db: &mut Db,
    sinks: &[String],
    keep_since: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let range = codec::outbox_key(0)..=codec::outbox_key(acknowledged_by_all(db, sinks)?);
    let mut changes = Changes::default();
    let mut dropped = 0;
    for record in db.in_range(range).take(MAX_BATCH) {
        let (key, value) = record?;
        let (told_at, _) = codec::decode_outbox(db.epoch(), &key, &value)?;
        // In order: what is kept stays without holes, also when the clock was stepped.
        if told_at >= keep_since {
            break;
        }
        changes.remove(key.to_vec());
        dropped += 1;
    }
    db.apply(changes)?;
    Ok(dropped)
}
