//! What the sessions of an account have taught, kept over restarts. It is about one portal: with another origin, nothing is known.
//!
//! Spans are whole milliseconds. A store of before has no such record, which says the same as an empty one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::codec::{self, Kind};
use super::db::{Changes, Db};
use super::error::StoreError;
use crate::payment::AccountName;
use crate::session::{End, Learned};

#[derive(Serialize, Deserialize)]
struct StoredLearned {
    origin: String,
    outlived_ms: u64,
    /// Each lived for so long, and ended after so long without a sign of life.
    ends: Vec<(u64, u64)>,
    ended_idle_ms: Vec<u64>,
}

fn encode(origin: &str, learned: &Learned) -> Vec<u8> {
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let end = |end: &End| (millis(end.lived), millis(end.idle));
    codec::encode(&StoredLearned {
        origin: origin.to_owned(),
        outlived_ms: millis(learned.outlived),
        ends: learned.ends.iter().map(end).collect(),
        ended_idle_ms: learned.ended_idle.iter().copied().map(millis).collect(),
    })
}

/// Of another origin: `None`.
fn decode(origin: &str, value: &[u8]) -> Result<Option<Learned>, StoreError> {
    let stored: StoredLearned = codec::decode(Kind::Learned, value)?;
    let end = |(lived, idle)| End {
        lived: Duration::from_millis(lived),
        idle: Duration::from_millis(idle),
    };
    let learned = Learned {
        outlived: Duration::from_millis(stored.outlived_ms),
        ends: stored.ends.into_iter().map(end).collect(),
        ended_idle: (stored.ended_idle_ms.into_iter())
            .map(Duration::from_millis)
            .collect(),
    };
    Ok((stored.origin == origin).then_some(learned))
}

fn key(account: &AccountName) -> Vec<u8> {
    Kind::Learned.key(account.as_str().as_bytes())
}

pub(super) fn get(db: &Db, account: &AccountName, origin: &str) -> Result<Learned, StoreError> {
    let found = db.get(&key(account))?;
    let learned = found.map(|value| decode(origin, &value)).transpose()?;
    Ok(learned.flatten().unwrap_or_default())
}

pub(super) fn set(
    db: &mut Db,
    account: &AccountName,
    origin: &str,
    learned: &Learned,
) -> Result<(), StoreError> {
    let mut changes = Changes::default();
    changes.put(key(account), encode(origin, learned));
    db.apply(changes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_for_its_origin_and_for_no_other() {
        let span = Duration::from_millis;
        let learned = Learned {
            outlived: span(1_500),
            ends: vec![End {
                lived: span(3_600_001),
                idle: span(300_000),
            }],
            ended_idle: vec![span(300_000), span(301_000)],
        };
        let value = encode("https://kilima.example", &learned);
        let read = decode("https://kilima.example", &value).unwrap();
        assert_eq!(read, Some(learned));
        let other = decode("https://tausi.example", &value).unwrap();
        assert_eq!(other, None);
    }

    #[test]
    fn a_record_of_the_first_format_is_read() {
        let value =
            b"\x01{\"origin\":\"o\",\"outlived_ms\":9,\"ends\":[[7,8]],\"ended_idle_ms\":[10]}";
        let read = decode("o", value).unwrap().unwrap();
        assert_eq!(read.outlived, Duration::from_millis(9));
        assert_eq!((read.ends.len(), read.ended_idle.len()), (1, 1));
    }
}
