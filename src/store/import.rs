//! Payments that an earlier program told: remembered as told, so that nobody hears of them twice.

use std::fmt;

use chrono::{DateTime, Utc};

use super::codec;
use super::db::{Changes, Db};
use super::error::StoreError;
use crate::announce::{Facts, LastTold, Seen};
use crate::payment::{PaymentId, Status};

/// Records of one transaction: a write stays small whatever the file holds.
const PER_WRITE: usize = 5_000;

/// What an import recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Count as told from now on.
    pub new: usize,
    /// Were told before, here or by an earlier import.
    pub known: usize,
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Imported { new, known } = self;
        write!(
            f,
            "{new} payments count as told from now on; {known} were told before"
        )
    }
}

pub(super) fn import(
    db: &mut Db,
    ids: &[PaymentId],
    now: DateTime<Utc>,
) -> Result<Imported, StoreError> {
    let mut imported = Imported::default();
    for ids in ids.chunks(PER_WRITE) {
        let mut changes = Changes::default();
        for id in ids {
            let seen = db.seen(*id)?;
            let key = codec::seen_key(*id);
            if seen.is_some_and(|seen| seen.told.is_some()) || changes.holds(&key) {
                imported.known += 1;
                continue;
            }
            imported.new += 1;
            let told = Seen {
                status: Status::Completed,
                first_seen: seen.map_or(now, |seen| seen.first_seen),
                told: Some(LastTold {
                    revision: 0,
                    status: Status::Completed,
                    facts: Facts::TOLD_ELSEWHERE,
                }),
            };
            changes.put(key, codec::encode_seen(&told));
        }
        db.apply(changes)?;
    }
    Ok(imported)
}
