//! One reading of one account: page after page until known rows overlap, each page committed as it comes.
//!
//! A portal with references is committed page by page, so that a new payment does not wait for old pages. Without
//! references equal rows are told apart by counting them, and that needs the whole reading at once; it starts
//! again when rows moved between pages meanwhile.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::announce::{self, Announcement, Seen};
use crate::clock::Clock;
use crate::completeness::{Goal, Progress, Proved};
use crate::event::{AccountRef, Gap};
use crate::extract::HeldRow;
use crate::identity::{self, Fingerprint};
use crate::normalize::{Normalized, RowError};
use crate::past::Unread;
use crate::payment::{Direction, Payment, PaymentId};
use crate::portal::{Days, Portal};
use crate::selectors::{self, Order};
use crate::skeleton::Skeleton;
use crate::store::{Committed, GapsFound, QuarantinedRow, Reading, RowKey, Store};
use crate::understand::{self, TablePage};

mod aside;
mod dry;
mod error;
mod page;
mod proof;

pub use error::ReadError;
use page::FirstPage;

/// How often a reading of a portal without references starts again because rows moved.
const MAX_RESTARTS: usize = 3;
/// A hole is told once it has been open this long: late rows fill most of them by themselves.
pub const GAP_PATIENCE: Duration = Duration::from_secs(120);

/// What is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Portal-local days.
    pub days: Days,
    /// When it may stop.
    pub goal: Goal,
    /// Completions before this are never told; rows before it hold nothing new.
    pub since: DateTime<Utc>,
    /// Pages at the most.
    pub max_pages: usize,
    /// The newest instant known of the account, when the days asked for hold it.
    pub known_until: Option<DateTime<Utc>>,
    /// No rows are not believed: some are known that must be shown, or this run has not read any yet and earlier ones
    /// had.
    pub doubt_empty: bool,
    /// A watermark may be told again.
    pub watermark_due: bool,
    /// Older history that is still to be read: the watermark stays before it.
    pub unread: Option<Unread>,
    /// A day of that history, or the days of a hole, up to `until`, and nothing newer.
    pub is_past: bool,
    /// The newest instant asked for.
    pub until: DateTime<Utc>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Done {
    /// Instant of its first page.
    pub read_at: DateTime<Utc>,
    /// Pages loaded.
    pub pages: usize,
    /// Rows on them.
    pub rows: u64,
    /// Payments told for the first time.
    pub told: usize,
    /// A watermark was told.
    pub watermark: bool,
    /// Rows put aside now.
    pub aside: usize,
    /// Its proof and its holes.
    pub proved: Proved,
    /// Newest instant of any row.
    pub newest: Option<DateTime<Utc>>,
    /// Oldest instant of any row.
    pub oldest: Option<DateTime<Utc>>,
    /// In how many days the password expires, where a page of the table says so.
    pub password_expires_in: Option<u32>,
}

/// What one account's readings remember of each other. Lost with the process; the next one begins with a sweep.
#[derive(Debug, Default)]
pub struct Memory {
    /// Rows in quarantine.
    aside: HashSet<RowKey>,
    /// Holes as found, and when first.
    noticed: HashMap<Gap, Duration>,
    /// Holes that the store was told of.
    told_gaps: HashSet<Gap>,
    /// What was left out since readings end at their limit of pages; a sweep that does not clears it.
    unread: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Up to where any of them left something out.
    unread_until: Option<DateTime<Utc>>,
    /// The first page as it was understood last.
    first_page: Option<Arc<FirstPage>>,
    /// How the portal's pages are usually built.
    usual: Option<Skeleton>,
    /// How those of the last reading were.
    shown: Option<Shown>,
}

/// How the pages of a reading were built.
#[derive(Debug, Default)]
pub struct Shown {
    /// Of all of them.
    pub skeleton: Skeleton,
    /// HTML of the first that was not built as usual.
    pub page: Option<String>,
}

impl Memory {
    /// At the start of a run, when these rows lie in quarantine and these holes were told.
    #[must_use]
    pub fn holding(
        aside: impl IntoIterator<Item = RowKey>,
        told_gaps: impl IntoIterator<Item = Gap>,
    ) -> Self {
        Self {
            aside: aside.into_iter().collect(),
            told_gaps: told_gaps.into_iter().collect(),
            ..Self::default()
        }
    }

    /// These rows lie in quarantine now.
    pub fn holds(&mut self, aside: impl IntoIterator<Item = RowKey>) {
        self.aside = aside.into_iter().collect();
    }

    /// From now on pages that are built otherwise are kept for whoever takes what was shown.
    pub fn expect(&mut self, usual: Option<&Skeleton>) {
        self.usual = usual.cloned();
    }

    /// How the pages of the last reading were built, whatever came of it.
    pub fn take_shown(&mut self) -> Option<Shown> {
        self.shown.take()
    }

    /// Do rows lie in quarantine?
    #[must_use]
    pub fn has_aside(&self) -> bool {
        !self.aside.is_empty()
    }

    fn note(&mut self, page: Skeleton, html: String) {
        let usual = self.usual.as_ref();
        let is_unlike = usual.is_some_and(|usual| page.against(usual).is_some());
        let shown = self.shown.get_or_insert_default();
        shown.skeleton.join(page, usual.map(|usual| &usual.columns));
        if is_unlike {
            shown.page.get_or_insert(html);
        }
    }

    /// The selector file is another one: the same page may mean something else.
    pub fn forget_page(&mut self) {
        self.first_page = None;
    }
}

/// One account's reading in progress.
pub struct Reader<'a, P> {
    /// Who.
    pub account: &'a AccountRef,
    /// How its pages are read.
    pub selectors: &'a Arc<selectors::Portal>,
    /// Where they come from.
    pub portal: &'a mut P,
    /// Where they go.
    pub store: &'a Store,
    /// When.
    pub clock: &'a Clock,
    /// Asked between pages: stop here?
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// What earlier readings left.
    pub memory: &'a mut Memory,
}

/// What has been read so far, newest row first.
#[derive(Default)]
struct Gathered {
    rows: Vec<Normalized>,
    ids: HashMap<PaymentId, (Decimal, Direction)>,
    /// Of rows without a reference, page after page as displayed.
    fingerprints: Vec<Vec<Fingerprint>>,
    counted: u64,
    pages: usize,
    told: usize,
    aside: usize,
    portal_count: Option<u64>,
    password_expires_in: Option<u32>,
    read_to_the_end: bool,
}

impl Gathered {
    /// Not where a page before has other money under this reference.
    fn apart(&self, read: Normalized, row: usize) -> Result<Normalized, RowError> {
        let payment = &read.payment;
        let before = self.ids.get(&payment.id);
        let is_other = before.is_some_and(|before| *before != understand::moves(payment));
        if is_other && read.fingerprint.is_none() {
            return Err(RowError::shared_reference(row));
        }
        Ok(read)
    }
}

impl<P: Portal> Reader<'_, P> {
    /// Reads from the first page on.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read(mut self, plan: &Plan) -> Result<Done, ReadError> {
        loop {
            match self.read_by_one_way(plan).await {
                Err(ReadError::Session(_) | ReadError::Extract(_) | ReadError::EmptyAgain)
                    if self.portal.heard(false).await => {}
                ended => return ended,
            }
        }
    }

    async fn read_by_one_way(&mut self, plan: &Plan) -> Result<Done, ReadError> {
        let read_at = self.clock.now();
        self.memory.shown = None;
        if self.has_references() {
            let mut progress = Progress::towards(plan.goal);
            let gathered = self.pages(plan, &mut progress, read_at).await?;
            return self.finish(plan, &progress, gathered, read_at).await;
        }
        let mut before = Vec::new();
        for _ in 0..MAX_RESTARTS {
            let mut progress = Progress::towards(plan.goal);
            let mut gathered = self.pages(plan, &mut progress, read_at).await?;
            let shown = std::mem::take(&mut gathered.fingerprints);
            let doubtful = identity::may_repeat(&shown) && shown != before;
            if doubtful || gathered.pages > 1 && self.first_page_moved(plan, &gathered).await? {
                before = shown;
                continue;
            }
            gathered.told += self.commit_twins(&mut gathered.rows, plan, read_at).await?;
            return self.finish(plan, &progress, gathered, read_at).await;
        }
        Err(ReadError::Moving)
    }

    fn has_references(&self) -> bool {
        self.selectors.fields.identity.is_empty()
    }

    async fn pages(
        &mut self,
        plan: &Plan,
        progress: &mut Progress,
        read_at: DateTime<Utc>,
    ) -> Result<Gathered, ReadError> {
        let order = self.selectors.table.order;
        let mut gathered = Gathered::default();
        let mut page = self.portal.first_page(plan.days).await?;
        loop {
            let mut table = self.understand(page, gathered.pages == 0).await?;
            gathered.pages += 1;
            gathered.portal_count = table.portal_count.or(gathered.portal_count);
            gathered.password_expires_in =
                table.password_expires_in.or(gathered.password_expires_in);
            let understood = table
                .rows
                .iter()
                .filter_map(|row| row.meaning.as_ref().ok());
            let fingerprints = understood.filter_map(|row| row.fingerprint).collect();
            gathered.fingerprints.push(fingerprints);
            if order == Order::OldestFirst {
                table.rows.reverse();
            }
            let has_next = table.has_next;
            let before = gathered.rows.len();
            self.take(table, plan, progress, &mut gathered, read_at)
                .await?;
            if order == Order::OldestFirst {
                // This page is newer than those before it.
                let added = gathered.rows.len() - before;
                gathered.rows.rotate_right(added);
            }
            let reached = progress.is_reached() && order == Order::NewestFirst;
            if !has_next || reached || gathered.pages >= plan.max_pages {
                gathered.read_to_the_end = !has_next;
                return Ok(gathered);
            }
            if (self.stop)() {
                return Err(ReadError::Stopped);
            }
            page = self.portal.next_page().await?;
        }
    }

    async fn take(
        &mut self,
        table: TablePage,
        plan: &Plan,
        progress: &mut Progress,
        gathered: &mut Gathered,
        read_at: DateTime<Utc>,
    ) -> Result<(), ReadError> {
        let ids = table
            .rows
            .iter()
            .filter_map(|row| row.meaning.as_ref().ok());
        let known = self
            .store
            .known(ids.map(|row| row.payment.id).collect())
            .await?;
        let mut fresh = Vec::new();
        let mut aside: Vec<QuarantinedRow> = Vec::new();
        let mut understood = self.replaced(&table, &known, plan.since).await?;
        let keys = RowKey::of_page(table.rows.iter().map(|row| row.cells.as_slice()));
        for ((number, row), key) in table.rows.into_iter().enumerate().zip(keys) {
            let meaning = row
                .meaning
                .and_then(|read| gathered.apart(read, number + 1));
            let normalized = match meaning {
                Ok(normalized) => normalized,
                Err(error) => {
                    gathered.counted += 1;
                    gathered.aside += 1;
                    if self.memory.aside.contains(&key) {
                        progress.row_aside_before();
                    } else {
                        progress.row(false, None);
                        let page = gathered.pages;
                        aside.push(QuarantinedRow {
                            key,
                            cells: row.cells,
                            reason: error.to_string(),
                            held: row.held.map(|held| HeldRow { page, ..*held }),
                        });
                    }
                    continue;
                }
            };
            let payment = &normalized.payment;
            let instant = payment.instant().map(|at| at.to_utc());
            let news = is_news(payment, &known, plan.since);
            progress.row(!news || instant.is_some_and(|at| at < plan.since), instant);
            let moves = understand::moves(payment);
            let has_reference = normalized.fingerprint.is_none();
            if has_reference && gathered.ids.insert(payment.id, moves).is_some() {
                continue; // moved here from the page before
            }
            gathered.counted += 1;
            if news && normalized.fingerprint.is_none() {
                fresh.push(payment.clone());
            }
            if self.memory.aside.contains(&key) {
                understood.push(key);
            }
            gathered.rows.push(normalized);
        }
        fresh.reverse();
        if !(fresh.is_empty() && aside.is_empty() && understood.is_empty()) {
            let put_aside: Vec<RowKey> = aside.iter().map(|row| row.key).collect();
            let mut reading = self.reading(read_at);
            reading.payments = fresh;
            reading.quarantined = aside;
            reading.understood.clone_from(&understood);
            gathered.told += self.commit(reading).await?.received;
            self.memory.aside.extend(put_aside);
            self.memory.aside.retain(|key| !understood.contains(key));
        }
        Ok(())
    }

    fn reading(&self, read_at: DateTime<Utc>) -> Reading {
        Reading {
            account: self.account.clone(),
            read_at,
            payments: Vec::new(),
            quarantined: Vec::new(),
            understood: Vec::new(),
            watermark: None,
            read_through: None,
            gaps: GapsFound::default(),
        }
    }

    async fn commit(&self, reading: Reading) -> Result<Committed, ReadError> {
        let committed = self.store.commit(reading).await?;
        let account = self.account.name.as_str();
        for row in &committed.newly_quarantined {
            tracing::warn!(account, reason = %row.reason, "a row could not be understood and was put aside");
        }
        if committed.quarantine_overflow > 0 {
            let rows = committed.quarantine_overflow;
            tracing::error!(
                account,
                rows,
                "the quarantine is full and these rows are not kept: correct the selector file"
            );
        }
        for gap in &committed.gaps_opened {
            tracing::warn!(account, from = %gap.from, to = %gap.to, cause = gap.cause.as_str(), "rows may be missing");
        }
        for gap in &committed.gaps_closed {
            tracing::info!(account, from = %gap.from, to = %gap.to, "a hole is filled");
        }
        if committed.updated + committed.reversed > 0 {
            let (updated, reversed) = (committed.updated, committed.reversed);
            tracing::info!(account, updated, reversed, "payments changed");
        }
        if committed.received > 0 {
            tracing::info!(account, payments = committed.received, "payments received");
        }
        Ok(committed)
    }

    /// Did rows move to another page while the older pages were read?
    async fn first_page_moved(
        &mut self,
        plan: &Plan,
        gathered: &Gathered,
    ) -> Result<bool, ReadError> {
        let page = self.portal.first_page(plan.days).await?;
        let table = self.understand(page, true).await?;
        let now = table
            .rows
            .iter()
            .filter_map(|row| row.meaning.as_ref().ok());
        let then = gathered.rows.iter();
        let moved = |(now, then): (&Normalized, &Normalized)| now.payment != then.payment;
        Ok(match self.selectors.table.order {
            Order::NewestFirst => now.zip(then).any(moved),
            Order::OldestFirst => now.zip(then.rev()).any(moved),
        })
    }

    async fn commit_twins(
        &self,
        rows: &mut Vec<Normalized>,
        plan: &Plan,
        read_at: DateTime<Utc>,
    ) -> Result<usize, ReadError> {
        let mut newest_first = std::mem::take(rows);
        newest_first = self
            .store
            .with_known(move |known| {
                let known = |id| Ok::<bool, Infallible>(known(id));
                match identity::assign(&mut newest_first, Order::NewestFirst, known) {
                    Ok(()) => newest_first,
                }
            })
            .await?;
        let ids = newest_first.iter().map(|row| row.payment.id).collect();
        let known = self.store.known(ids).await?;
        let mut reading = self.reading(read_at);
        reading.payments = newest_first
            .iter()
            .rev()
            .map(|row| &row.payment)
            .filter(|payment| is_news(payment, &known, plan.since))
            .cloned()
            .collect();
        *rows = newest_first;
        if reading.payments.is_empty() {
            return Ok(0);
        }
        Ok(self.commit(reading).await?.received)
    }
}

fn is_news(payment: &Payment, known: &HashMap<PaymentId, Seen>, since: DateTime<Utc>) -> bool {
    announce::decide(payment, known.get(&payment.id), since) != Announcement::Nothing
}
