//! What came out of standard output, and how long after the portal showed it: the demo's own count.
//!
//! It sits between the stdout sink and the terminal, so it sees what a consumer would see.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::portal::truth::TruthRow;
use super::portal::{Direction, RowKind, Truth};
use crate::clock::Clock;

/// One payment as it first came out, and how often in all.
#[derive(Debug, Clone, Copy)]
struct Emitted {
    first: DateTime<Utc>,
    times: u64,
}

/// Counts `payment.received` lines by reference.
#[derive(Debug, Clone)]
pub struct Meter {
    clock: Clock,
    // Written by the stdout sink's thread, read by the status line: held for one insert.
    emitted: Arc<Mutex<HashMap<String, Emitted>>>,
}

/// A writer that the meter listens in on. Only whole lines count, once they are written.
pub struct Tapped<W> {
    meter: Meter,
    out: W,
    line: Vec<u8>,
}

#[derive(Deserialize)]
struct WireEvent {
    #[serde(rename = "type")]
    event_type: String,
    subject: Option<String>,
}

/// What `--summary` writes: counted at the portal and at standard output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Payments that completed on the portal while the agent ran.
    pub posted: u64,
    /// Different payments that came out.
    pub emitted: u64,
    /// Lines beyond the first of a payment.
    pub duplicates: u64,
    /// From visible on the portal to written, in milliseconds.
    pub delay_ms: Delays,
    /// Sign-ins as the portal counts them.
    pub logins: u64,
    /// The portal's cap on them, per hour.
    pub cap: u32,
    /// Loads of the statement's first page.
    pub polls: u64,
}

/// Percentiles, nearest rank; `null` when nothing came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Delays {
    /// Half were faster.
    pub p50: Option<i64>,
    /// 99 of 100 were faster.
    pub p99: Option<i64>,
    /// The slowest.
    pub max: Option<i64>,
}

impl Meter {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            emitted: Arc::default(),
        }
    }

    /// Listens in on `out`.
    pub fn tap<W: Write>(&self, out: W) -> Tapped<W> {
        Tapped {
            meter: self.clone(),
            out,
            line: Vec::new(),
        }
    }

    fn count(&self, line: &[u8]) {
        let Ok(event) = serde_json::from_slice::<WireEvent>(line) else {
            return;
        };
        let Some(subject) = event
            .subject
            .filter(|_| event.event_type == "payment.received")
        else {
            return;
        };
        let now = self.clock.now();
        let mut emitted = self.emitted.lock().unwrap_or_else(PoisonError::into_inner);
        emitted
            .entry(subject)
            .or_insert(Emitted {
                first: now,
                times: 0,
            })
            .times += 1;
    }

    /// Different payments so far, and the delay of the last one.
    #[must_use]
    pub fn so_far(&self, truth: &Truth) -> (u64, Option<i64>) {
        let emitted = self
            .emitted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let last = emitted.iter().max_by_key(|(_, payment)| payment.first);
        let delay = last.and_then(|(receipt, payment)| {
            let row =
                posted(truth, DateTime::<Utc>::MIN_UTC).find(|row| row.receipt == *receipt)?;
            Some((payment.first - row.status_at).num_milliseconds())
        });
        (emitted.len() as u64, delay)
    }

    /// Payments of the portal's truth since `since` that have not come out, those included that still wait for their
    /// completion.
    #[must_use]
    pub fn outstanding(&self, truth: &Truth, since: DateTime<Utc>) -> usize {
        let emitted = self.emitted.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |row: &&TruthRow| row.visible_at >= since && row.completed_at.is_none();
        let untold = posted(truth, since).filter(|row| !emitted.contains_key(&row.receipt));
        untold.count() + truth.rows.iter().filter(waits).count()
    }

    /// The account of a run that began at `since`.
    #[must_use]
    pub fn summary(&self, truth: &Truth, since: DateTime<Utc>, cap: u32) -> Summary {
        let emitted = self
            .emitted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut delays: Vec<i64> = posted(truth, since)
            .filter_map(|row| {
                Some((emitted.get(&row.receipt)?.first - row.status_at).num_milliseconds())
            })
            .collect();
        delays.sort_unstable();
        let at = |percent: usize| {
            let rank = (delays.len() * percent).div_ceil(100);
            delays.get(rank.saturating_sub(1)).copied()
        };
        Summary {
            posted: posted(truth, since).count() as u64,
            emitted: emitted.len() as u64,
            duplicates: emitted.values().map(|payment| payment.times - 1).sum(),
            delay_ms: Delays {
                p50: at(50),
                p99: at(99),
                max: delays.last().copied(),
            },
            logins: truth.attempts.len() as u64,
            cap,
            polls: truth
                .loads
                .iter()
                .filter(|load| {
                    load.path == "/statement.action" && load.page.is_none_or(|page| page == 1)
                })
                .count() as u64,
        }
    }
}

/// Customers' payments that completed at or after `since` (a whole second) and are visible.
fn posted(truth: &Truth, since: DateTime<Utc>) -> impl Iterator<Item = &TruthRow> {
    truth.rows.iter().filter(move |row| {
        row.kind == RowKind::Payment
            && row.direction == Direction::Credit
            && row.settled
            && row.completed_at.is_some_and(|at| at >= since)
            && row.visible_at <= truth.now
    })
}

impl<W: Write> Write for Tapped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        for byte in bytes.iter().take(written) {
            if *byte == b'\n' {
                self.meter.count(&self.line);
                self.line.clear();
            } else {
                self.line.push(*byte);
            }
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes the summary as JSON.
///
/// # Errors
/// When the file cannot be written.
pub fn write_summary(summary: &Summary, path: &Path) -> io::Result<()> {
    let mut json = serde_json::to_string_pretty(summary)?;
    json.push('\n');
    std::fs::write(path, json)
}
