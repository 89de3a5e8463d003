//! `[store]`: how much is kept. The section may be left out.

use std::time::Duration;

use super::value::duration;
use crate::diagnostic::table::Table;

/// Limits of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Store {
    /// `outbox_limit`: events that some sink has not acknowledged, after which reading stops. 100 to 100,000,000,
    /// default 1,000,000.
    pub outbox_limit: u64,
    /// `replay_for`: how long acknowledged events are kept for readers of the stream. 0s to 366d, default 7d.
    pub replay_for: Duration,
}

const DAY: Duration = Duration::from_hours(24);

impl Default for Store {
    fn default() -> Self {
        Self {
            outbox_limit: 1_000_000,
            replay_for: 7 * DAY,
        }
    }
}

pub(super) fn read(section: &Table<'_>) -> Option<Store> {
    let default = Store::default();
    let outbox_limit = section.optional("outbox_limit", "1_000_000", |limit| {
        limit.whole(100..=100_000_000)
    });
    let replay_for = section.optional("replay_for", "\"7d\"", duration(Duration::ZERO, 366 * DAY));
    Some(Store {
        outbox_limit: outbox_limit.unwrap_or(default.outbox_limit),
        replay_for: replay_for.unwrap_or(default.replay_for),
    })
}
