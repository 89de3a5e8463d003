//! Rows in quarantine, understood again by the selector file as it is now: what is a payment is told, once.
//!
//! - A payment and the release of its row are one transaction. Its id is that of a reading, so that what was told before,
//!   by a reading or by an earlier release, is not told again.
//! - A row is judged as on the day on which it was put aside, beside the rows that lay in quarantine by then: what the file
//!   could not tell of a date then it cannot tell now.
//! - A row whose payment a later reading met first is out of date and tells nothing, nor does one that would have a told payment
//!   pending again.
//! - A file that gives other ids than the one by which the account was read releases nothing: a reading compares the two first.
//! - Without references a row that could be a twin of a known payment stays: only a reading can tell them apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::drift::Known;
use crate::event::AccountRef;
use crate::extract::{self, Row};
use crate::identity::Fingerprint;
use crate::normalize::{self, Normalized, Problem};
use crate::payment::{PaymentId, Status};
use crate::selectors::recipe::Recipe;
use crate::selectors::{Order, Portal, file};
use crate::store::{GapsFound, Quarantined, ReadBy, Reading, RowKey, Store, StoreError};
use crate::understand;

/// Added to what is said when a change of the pages was taken for the usual.
pub const ACCEPTED: &str = "\nThe portal's pages count as usual as they are now";

/// Why nothing was released.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Nothing, or not all of it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// See [`gives_known_ids`].
    #[error("{NOT_COMPARED}")]
    NotCompared,
}

const NOT_COMPARED: &str = "the selector file gives payments other ids than the one by which the account was read, so that what was told could be told again: nothing is released. The next reading compares the two; `tillwatch status` says what came of it, and then release again";

/// The portal of a record; `None` where this release does not read its file any more.
#[must_use]
pub fn portal_of(name: &str, kept: &ReadBy) -> Option<Arc<Portal>> {
    let mut portal = file::parse(name, name, &kept.file).ok()?;
    portal.zone = kept.zone.parse().ok()?;
    portal.currency.clone_from(&kept.currency);
    Some(Arc::new(portal))
}

/// Does `portal` give the ids by which the account was read? An account that never was has none.
#[must_use]
pub fn gives_known_ids(portal: &Portal, read_by: Option<&ReadBy>) -> bool {
    read_by.is_none_or(|kept| {
        portal_of(&portal.name, kept).is_some_and(|kept| Recipe::of(&kept) == Recipe::of(portal))
    })
}

/// What became of the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Released {
    /// Events told.
    pub told: usize,
    /// Rows released without one: not completed, told before, out of date, or named by the file as no payment.
    pub silent: usize,
    /// Rows that are not understood.
    pub stays: Vec<Stays>,
}

/// A row that stays in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stays {
    /// When it was put aside.
    pub since: DateTime<Utc>,
    /// Why; names field, header and shape, not text.
    pub why: String,
    /// For a word that the file does not map.
    pub is_word: bool,
}

impl Released {
    /// Are there words still that the file does not map?
    #[must_use]
    pub fn leaves_words(&self) -> bool {
        self.stays.iter().any(|row| row.is_word)
    }
}

impl fmt::Display for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            told,
            silent,
            stays,
        } = self;
        write!(
            f,
            "{told} events told; {silent} rows released without one; {} rows stay",
            stays.len()
        )?;
        for row in stays {
            let since = row.since.to_rfc3339_opts(SecondsFormat::Secs, true);
            write!(f, "\n  {since}  {}", row.why)?;
        }
        Ok(())
    }
}

/// What a row means by the file as it is now.
enum Verdict {
    Payment(Box<Normalized>),
    /// Named by the file as none.
    NoPayment,
    Stays(String, bool),
}

struct Judged {
    key: RowKey,
    since: DateTime<Utc>,
    verdict: Verdict,
}

/// Releases what is understood. Nobody else may read the account meanwhile.
///
/// # Errors
/// When the store fails; what was released before is.
pub async fn release(
    store: &Store,
    account: &AccountRef,
    portal: &Arc<Portal>,
    now: DateTime<Utc>,
) -> Result<Released, StoreError> {
    let held = store.quarantine(Some(&account.name)).await?;
    let (about, by) = (account.clone(), portal.clone());
    let judged = tokio::task::spawn_blocking(move || judge(held, &about, &by)).await;
    let judged = match judged {
        Ok(judged) => judged,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    let mut released = Released::default();
    for group in judged.chunk_by(|one, next| one.since == next.since) {
        release_group(store, account, group, now, &mut released).await?;
    }
    Ok(released)
}

/// With no agent beside it: also takes the pages as they are for the usual ones, where no word is left that would be told.
///
/// # Errors
/// See [`ReleaseError`].
pub async fn release_alone(
    store: &Store,
    account: &AccountRef,
    portal: &Arc<Portal>,
    now: DateTime<Utc>,
) -> Result<String, ReleaseError> {
    let read_by = store.read_by(&account.name).await?;
    if !gives_known_ids(portal, read_by.as_ref()) {
        return Err(ReleaseError::NotCompared);
    }
    let released = release(store, account, portal, now).await?;
    let mut said = released.to_string();
    let origin = portal.origin.to_string();
    let mut known = store.structure(&account.name, &origin).await?;
    let is_accepted = !released.leaves_words() && known.as_mut().is_some_and(Known::accept);
    if let Some(known) = known.filter(|_| is_accepted) {
        store.set_structure(&account.name, &origin, known).await?;
        said.push_str(ACCEPTED);
    }
    Ok(said)
}

/// The rows that were put aside by one reading, in one transaction.
async fn release_group(
    store: &Store,
    account: &AccountRef,
    group: &[Judged],
    now: DateTime<Utc>,
    released: &mut Released,
) -> Result<(), StoreError> {
    let mut reading = Reading {
        account: account.clone(),
        read_at: group.first().map_or(now, |row| row.since),
        payments: Vec::new(),
        quarantined: Vec::new(),
        understood: Vec::new(),
        watermark: None,
        read_through: None,
        gaps: GapsFound::default(),
    };
    let ids = group.iter().filter_map(|row| match &row.verdict {
        Verdict::Payment(read) => Some(read.payment.id),
        Verdict::NoPayment | Verdict::Stays(..) => None,
    });
    let known = store.known(ids.collect()).await?;
    for row in group {
        match &row.verdict {
            Verdict::Payment(read) => {
                let seen = known.get(&read.payment.id);
                if read.fingerprint.is_some() && seen.is_some() {
                    let why = "an equal payment is known, and without references only a reading of the portal can tell whether it is this one";
                    released.stays.push(row.stays(why.to_owned(), false));
                    continue;
                }
                let is_out_of_date = seen.is_some_and(|seen| {
                    // What was told does not become undecided: the portal has said more of it since.
                    let goes_back = seen.told.is_some() && read.payment.status == Status::Pending;
                    seen.first_seen >= row.since || goes_back
                });
                if !is_out_of_date {
                    reading.payments.push(read.payment.clone());
                }
                reading.understood.push(row.key);
            }
            Verdict::NoPayment => reading.understood.push(row.key),
            Verdict::Stays(why, is_word) => {
                released.stays.push(row.stays(why.clone(), *is_word));
            }
        }
    }
    if reading.understood.is_empty() {
        return Ok(());
    }
    let committed = store.commit(reading).await?;
    let told = committed.received + committed.updated + committed.reversed;
    released.told += told;
    released.silent += committed.released.saturating_sub(told);
    Ok(())
}

impl Judged {
    fn stays(&self, why: String, is_word: bool) -> Stays {
        Stays {
            since: self.since,
            why,
            is_word,
        }
    }
}

/// Oldest first; within one reading oldest row first.
fn judge(mut held: Vec<Quarantined>, account: &AccountRef, portal: &Portal) -> Vec<Judged> {
    let order = portal.table.order;
    held.sort_by_key(|row| {
        let place = row.row.held.as_ref().map(|held| (held.page, held.number));
        let (page, number) = place.unwrap_or_default();
        let newest_first = (usize::MAX - page, usize::MAX - number);
        match order {
            Order::NewestFirst => (row.first_seen, newest_first),
            Order::OldestFirst => (row.first_seen, (page, number)),
        }
    });
    let mut judged = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for group in held.chunk_by(|one, next| one.first_seen == next.first_seen) {
        let mut verdicts = Vec::new();
        for row in group {
            verdicts.push(again(row, portal).map(|row| {
                row.map(|row| {
                    rows.push(row);
                    rows.len() - 1
                })
            }));
        }
        let since = group.first().map(|row| row.first_seen).unwrap_or_default();
        let mut displayed = rows.clone();
        if order == Order::NewestFirst {
            displayed.reverse();
        }
        let page = normalize::Page::new(portal, account, &displayed, since);
        for (row, verdict) in group.iter().zip(verdicts) {
            let verdict = match verdict {
                Ok(None) => Verdict::NoPayment,
                Ok(Some(at)) => match rows.get(at).map(|row| page.payment(row)) {
                    Some(Ok(read)) => Verdict::Payment(Box::new(read)),
                    Some(Err(error)) => {
                        let is_word = error.problem == Problem::UnmappedWord;
                        Verdict::Stays(error.to_string(), is_word)
                    }
                    None => Verdict::NoPayment,
                },
                Err(why) => Verdict::Stays(why, false),
            };
            judged.push(Judged {
                key: row.row.key,
                since: row.first_seen,
                verdict,
            });
        }
    }
    keep_twins_apart(&mut judged);
    keep_shared_references(&mut judged);
    judged
}

/// The row as text under the columns that the file names now; `None` where the file names it as no payment.
fn again(row: &Quarantined, portal: &Portal) -> Result<Option<Row>, String> {
    let Some(held) = &row.row.held else {
        return Err(format!(
            "{} (it was too long to be kept whole, or was put aside by an earlier version: look it up at the portal)",
            row.row.reason
        ));
    };
    extract::reread(portal, held, &row.row.cells).map_err(|error| error.to_string())
}

/// Of equal rows without a reference nobody knows whether they are one payment.
fn keep_twins_apart(judged: &mut [Judged]) {
    let mut count: BTreeMap<Fingerprint, usize> = BTreeMap::new();
    for row in judged.iter() {
        if let Some(fingerprint) = row.verdict.fingerprint() {
            *count.entry(fingerprint).or_default() += 1;
        }
    }
    for row in judged {
        let twins = row
            .verdict
            .fingerprint()
            .and_then(|print| count.get(&print));
        if twins.is_some_and(|twins| *twins > 1) {
            let why = "an equal row lies in quarantine, and without references nobody can tell whether both are one payment";
            row.verdict = Verdict::Stays(why.to_owned(), false);
        }
    }
}

/// As on a page: rows that share a reference and move other money are nobody's payment.
fn keep_shared_references(judged: &mut [Judged]) {
    let read = judged.iter().filter_map(|row| match &row.verdict {
        Verdict::Payment(read) => Some(&**read),
        Verdict::NoPayment | Verdict::Stays(..) => None,
    });
    let shared: BTreeSet<PaymentId> = understand::with_shared_reference(read).collect();
    for row in judged {
        if let Verdict::Payment(read) = &row.verdict
            && shared.contains(&read.payment.id)
        {
            row.verdict = Verdict::Stays(Problem::SharedReference.to_string(), false);
        }
    }
}

impl Verdict {
    fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Verdict::Payment(read) => read.fingerprint,
            Verdict::NoPayment | Verdict::Stays(..) => None,
        }
    }
}

#[cfg(test)]
mod tests;
