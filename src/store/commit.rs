//! From a reading to one transaction: payments seen, events told, quarantine, holes, watermark.

use chrono::{DateTime, Utc};

use super::account::{AccountState, Breaker};
use super::codec::{self, Kind};
use super::db::{Changes, Db};
use super::error::StoreError;
use super::reading::{Committed, QuarantinedRow, Reading};
use super::{MAX_GAPS, MAX_QUARANTINED, WATERMARK_EVERY};
use crate::announce::{Announcement, Facts, LastTold, Seen, decide};
use crate::event::{AccountRef, Envelope, Event, Gap, event_id, render};
use crate::past::Unread;
use crate::payment::{AccountName, Payment};

/// Bytes kept of a quarantined row's cells: an engine's record stays small.
const MAX_ROW_BYTES: usize = 16 << 10;

pub(super) fn begin_account(
    db: &mut Db,
    account: &AccountName,
    since: DateTime<Utc>,
) -> Result<AccountState, StoreError> {
    if let Some(state) = db.account(account)? {
        return Ok(state);
    }
    let state = AccountState::begun(since);
    let mut changes = Changes::default();
    changes.put(codec::account_key(account), codec::encode_account(&state));
    // A record is there already when a rebuild did not know the account's state but stopped it.
    if db.get(&codec::breaker_key(account))?.is_none() {
        changes.put(
            codec::breaker_key(account),
            codec::encode_breaker(&Breaker::Closed),
        );
    }
    db.apply(changes)?;
    Ok(state)
}

pub(super) fn set_unread(
    db: &mut Db,
    account: AccountName,
    unread: Option<Unread>,
) -> Result<(), StoreError> {
    let Some(mut state) = db.account(&account)? else {
        return Err(StoreError::UnknownAccount(account));
    };
    state.unread = unread;
    let mut changes = Changes::default();
    changes.put(codec::account_key(&account), codec::encode_account(&state));
    db.apply(changes)
}

pub(super) fn set_paused(
    db: &mut Db,
    account: AccountName,
    paused: bool,
) -> Result<(), StoreError> {
    let Some(mut state) = db.account(&account)? else {
        return Err(StoreError::UnknownAccount(account));
    };
    state.paused = paused;
    let mut changes = Changes::default();
    changes.put(codec::account_key(&account), codec::encode_account(&state));
    db.apply(changes)
}

pub(super) fn set_breaker(
    db: &mut Db,
    account: &AccountName,
    breaker: &Breaker,
) -> Result<(), StoreError> {
    let mut changes = Changes::default();
    changes.put(codec::breaker_key(account), codec::encode_breaker(breaker));
    db.apply(changes)
}

pub(super) fn close_breaker(
    db: &mut Db,
    account: &AccountName,
    others: fn(&Breaker) -> bool,
) -> Result<(), StoreError> {
    let closed = codec::encode_breaker(&Breaker::Closed);
    let mut changes = Changes::default();
    if let Some(credential) = db.breaker(account)?.credential() {
        for found in db.breakers() {
            let (key, breaker) = found?;
            if breaker.credential() == Some(credential) && others(&breaker) {
                changes.put(key, closed.clone());
            }
        }
    }
    changes.put(codec::breaker_key(account), closed);
    db.apply(changes)
}

pub(super) fn set_ledger_mark(db: &mut Db, user_key: &str, attempt: u64) -> Result<(), StoreError> {
    if db
        .ledger_mark(user_key)?
        .is_some_and(|known| known >= attempt)
    {
        return Ok(());
    }
    let mut changes = Changes::default();
    changes.put(
        Kind::Ledger.key(user_key.as_bytes()),
        codec::encode(&attempt),
    );
    db.apply(changes)
}

/// Records `reading`. Nothing is written when it brings nothing new.
pub(super) fn commit(
    db: &mut Db,
    reading: &Reading,
    now: DateTime<Utc>,
) -> Result<Committed, StoreError> {
    // Numbers go on from the last write, also when that one is still without its witness.
    db.settle()?;
    let account = &reading.account.name;
    let Some(state) = db.account(account)? else {
        return Err(StoreError::UnknownAccount(account.clone()));
    };
    let mut commit = Commit {
        db,
        reading,
        now,
        changes: Changes::default(),
        sequence: db.acknowledged_sequence(),
        done: Committed::default(),
    };
    // The payments come first: a watermark may not overtake what it speaks of.
    commit.payments(&state)?;
    commit.quarantine()?;
    let state = commit.gaps(state)?;
    let state = commit.watermark(state);
    commit
        .changes
        .put(codec::account_key(account), codec::encode_account(&state));
    let Commit {
        changes,
        sequence,
        mut done,
        ..
    } = commit;
    db.apply(changes)?;
    done.newest = sequence;
    Ok(done)
}

/// A transaction in the making.
struct Commit<'a> {
    db: &'a Db,
    reading: &'a Reading,
    now: DateTime<Utc>,
    changes: Changes,
    sequence: u64,
    done: Committed,
}

impl Commit<'_> {
    fn tell(&mut self, event: &Event, replayed: bool) {
        self.sequence += 1;
        let envelope = Envelope {
            epoch: self.db.epoch(),
            sequence: self.sequence,
            time: self.now,
            replayed,
        };
        let json = render(event, &self.reading.account, &envelope);
        self.changes.put(
            codec::outbox_key(self.sequence),
            codec::encode_outbox(self.now, &json),
        );
        self.changes.newest(self.sequence);
    }

    fn payments(&mut self, state: &AccountState) -> Result<(), StoreError> {
        // Rows move between pages while they are read: of an id that stands twice the last row counts.
        let mut last = std::collections::HashMap::new();
        for (index, payment) in self.reading.payments.iter().enumerate() {
            last.insert(payment.id, index);
        }
        for (index, payment) in self.reading.payments.iter().enumerate() {
            if last.get(&payment.id) == Some(&index) {
                self.payment(payment, state)?;
            }
        }
        Ok(())
    }

    fn payment(&mut self, payment: &Payment, state: &AccountState) -> Result<(), StoreError> {
        let seen = self.db.seen(payment.id)?;
        let first_seen = seen.map_or(self.reading.read_at, |seen| seen.first_seen);
        let replayed = state.replaying;
        self.done.new_payments += usize::from(seen.is_none());
        let announcement = decide(payment, seen.as_ref(), state.since);
        let event = match announcement {
            Announcement::Nothing => return Ok(()),
            Announcement::Remember | Announcement::Adopt => None,
            Announcement::Received => {
                self.done.received += 1;
                let payment = payment.clone();
                Some((
                    Event::Received {
                        payment,
                        first_seen,
                    },
                    0,
                ))
            }
            Announcement::Reversed => {
                self.done.reversed += 1;
                let payment = payment.clone();
                Some((
                    Event::Reversed {
                        payment,
                        first_seen,
                    },
                    0,
                ))
            }
            Announcement::Updated {
                previous_status,
                revision,
            } => {
                self.done.updated += 1;
                let payment = payment.clone();
                let event = Event::Updated {
                    payment,
                    first_seen,
                    previous_status,
                    revision,
                };
                Some((event, revision))
            }
        };
        let told = match event {
            Some((event, revision)) => {
                self.tell(&event, replayed);
                Some(told_now(payment, revision))
            }
            None if announcement == Announcement::Adopt => Some(told_now(payment, 0)),
            None => seen.and_then(|seen| seen.told),
        };
        let seen = Seen {
            status: payment.status,
            first_seen,
            told,
        };
        self.changes
            .put(codec::seen_key(payment.id), codec::encode_seen(&seen));
        Ok(())
    }

    fn quarantine(&mut self) -> Result<(), StoreError> {
        let account = &self.reading.account.name;
        let mut held = self.db.quarantined_keys(account)?;
        for row in &self.reading.understood {
            let key = codec::quarantine_key(account, *row);
            if held.remove(&key) {
                self.changes.remove(key);
                self.done.released += 1;
            }
        }
        for row in &self.reading.quarantined {
            let key = codec::quarantine_key(account, row.key);
            // A row keeps the reason of its first reading: it is told once.
            if held.contains(&key) {
                continue;
            }
            if held.len() >= MAX_QUARANTINED {
                self.done.quarantine_overflow += 1;
                continue;
            }
            let row = shortened(row);
            self.changes.put(
                key.clone(),
                codec::encode_quarantined(&row, self.reading.read_at),
            );
            held.insert(key);
            self.done.newly_quarantined.push(row);
        }
        self.done.quarantined = held.len();
        Ok(())
    }

    fn gaps(&mut self, mut state: AccountState) -> Result<AccountState, StoreError> {
        let found = &self.reading.gaps;
        let judged = |gap: &Gap| {
            found
                .covered
                .is_some_and(|(from, to)| from <= gap.from && gap.to <= to)
        };
        let (open, closed): (Vec<_>, Vec<_>) = std::mem::take(&mut state.gaps)
            .into_iter()
            .partition(|gap| found.open.contains(gap) || !judged(gap));
        state.gaps = open;
        for gap in closed {
            let again = self.times_closed(&gap)?;
            // A hole of an older store that opened again was not told again: nor is its end.
            let was_told = again == 0 || self.is_told(&gap, false, again)?;
            if was_told && self.tell_gap(&gap, true, again)? {
                self.done.gaps_closed.push(gap);
            }
        }
        for gap in &found.open {
            if state.gaps.contains(gap) {
                continue;
            }
            let again = self.times_closed(gap)?;
            // After a rebuild it may have been told already.
            if self.tell_gap(gap, false, again)? {
                self.done.gaps_opened.push(gap.clone());
            }
            state.gaps.push(gap.clone());
            // The oldest has been told, and lies before what is read again.
            if state.gaps.len() > MAX_GAPS {
                let oldest = state.gaps.iter().enumerate();
                let oldest = oldest.min_by_key(|(_, gap)| gap.from).map(|(at, _)| at);
                state.gaps.remove(oldest.unwrap_or_default());
            }
        }
        Ok(state)
    }

    /// How often the hole was told as filled: it may open again.
    fn times_closed(&self, gap: &Gap) -> Result<u32, StoreError> {
        let mut times = 0;
        while self.is_told(gap, true, times)? {
            times += 1;
        }
        Ok(times)
    }

    fn is_told(&self, gap: &Gap, closed: bool, again: u32) -> Result<bool, StoreError> {
        let event = gap_event(gap, closed, again);
        let told = self.db.get(&told_gap_key(&event, &self.reading.account))?;
        Ok(told.is_some())
    }

    /// Says whether it was news.
    fn tell_gap(&mut self, gap: &Gap, closed: bool, again: u32) -> Result<bool, StoreError> {
        if self.is_told(gap, closed, again)? {
            return Ok(false);
        }
        let event = gap_event(gap, closed, again);
        self.tell(&event, false);
        let key = told_gap_key(&event, &self.reading.account);
        self.changes.put(key, codec::encode(&()));
        Ok(true)
    }

    fn watermark(&mut self, mut state: AccountState) -> AccountState {
        let Some((until, proof)) = self.reading.watermark else {
            return state;
        };
        state.replaying = false;
        state.read_through = self.reading.read_through.or(state.read_through);
        // A clock that was stepped back must not silence the watermark until it caught up.
        let too_soon = state
            .watermark_told_at
            .is_some_and(|told| told <= self.now && self.now - told < WATERMARK_EVERY);
        if too_soon || state.watermark.is_some_and(|last| until <= last) {
            return state;
        }
        self.tell(&Event::Watermark { until, proof }, false);
        self.done.watermark = true;
        state.watermark = Some(until);
        state.watermark_told_at = Some(self.now);
        state
    }
}

fn gap_event(gap: &Gap, closed: bool, again: u32) -> Event {
    let gap = gap.clone();
    Event::Gap { gap, closed, again }
}

/// Where it is noted that a hole was told.
pub(super) fn told_gap_key(event: &Event, account: &AccountRef) -> Vec<u8> {
    Kind::ToldGap.key(event_id(event, account).as_bytes())
}

fn told_now(payment: &Payment, revision: u32) -> LastTold {
    LastTold {
        revision,
        status: payment.status,
        facts: Facts::of(payment),
    }
}

fn shortened(row: &QuarantinedRow) -> QuarantinedRow {
    let mut row = row.clone();
    let mut left = MAX_ROW_BYTES;
    for cell in &mut row.cells {
        let keep = cell.floor_char_boundary(left);
        cell.truncate(keep);
        left -= keep;
    }
    row.cells.truncate(crate::extract::MAX_CELLS);
    row
}
