//! A reading that records nothing: what would a changed selector file tell again of the history?

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Plan, ReadError, Reader};
use crate::completeness::Progress;
use crate::difference::{History, Row};
use crate::identity;
use crate::normalize::Normalized;
use crate::portal::{Page, Portal};
use crate::selectors::{self, Order};
use crate::store::RowKey;
use crate::understand::{self, ReadRow, Understood};

/// Rows in the order of the pages.
#[derive(Default)]
struct Shown {
    now: Vec<ReadRow>,
    before: Vec<ReadRow>,
    /// Rows of pages that the file from before cannot read.
    strange: Vec<ReadRow>,
}

impl<P: Portal> Reader<'_, P> {
    /// Reads as `plan` says by the file in force, and the same pages by the file from `before` where there is one. Up to
    /// `covered` everything was told.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn compare(
        &mut self,
        plan: &Plan,
        before: Option<&Arc<selectors::Portal>>,
        covered: DateTime<Utc>,
    ) -> Result<History, ReadError> {
        let shown = loop {
            match self.shown(plan, before).await {
                Err(ReadError::Session(_) | ReadError::Extract(_))
                    if self.portal.heard(false).await => {}
                ended => break ended?,
            }
        };
        let order = |portal: &Arc<selectors::Portal>| portal.table.order;
        let now = self.numbered(shown.now, order(self.selectors)).await?;
        let strange = self.numbered(shown.strange, order(self.selectors)).await?;
        let before = match before {
            Some(portal) => self.numbered(shown.before, order(portal)).await?,
            None => Vec::new(),
        };
        let rows = now.iter().chain(&before).chain(&strange);
        let ids = rows.filter_map(|row| Some(row.payment.as_ref()?.id));
        let known = self.store.known(ids.collect()).await?;
        let held = self.store.quarantine(Some(&self.account.name)).await?;
        let held: HashSet<RowKey> = held.into_iter().map(|held| held.row.key).collect();
        let is_aside = |row: &Row| held.contains(&RowKey::of(&row.cells));
        Ok(History::of(&before, &now, &known, plan.since)
            + History::guessed(&strange, is_aside, &known, plan.since, covered))
    }

    async fn shown(
        &mut self,
        plan: &Plan,
        before: Option<&Arc<selectors::Portal>>,
    ) -> Result<Shown, ReadError> {
        let mut shown = Shown::default();
        let mut progress = Progress::towards(plan.goal);
        let mut page = self.portal.first_page(plan.days).await?;
        for number in 1.. {
            let as_before = match before {
                Some(portal) => self.understood_by(portal, page.clone()).await,
                None => None,
            };
            let table = self.understand(page, false).await?;
            let understood = table.rows.iter().map(|row| row.meaning.as_ref().ok());
            for row in understood {
                let instant = row.and_then(|row| row.payment.instant());
                progress.row(false, instant.map(|at| at.to_utc()));
            }
            match as_before {
                Some(rows) => {
                    shown.before.extend(rows);
                    shown.now.extend(table.rows);
                }
                None => shown.strange.extend(table.rows),
            }
            let is_newest_first = self.selectors.table.order == Order::NewestFirst;
            let reached = is_newest_first && progress.is_reached();
            if !table.has_next || reached || number >= plan.max_pages {
                break;
            }
            if (self.stop)() {
                return Err(ReadError::Stopped);
            }
            page = self.portal.next_page().await?;
        }
        Ok(shown)
    }

    /// The rows of a page as another file reads them; `None` where it finds no table, or no row that it understands.
    async fn understood_by(
        &self,
        portal: &Arc<selectors::Portal>,
        page: Page,
    ) -> Option<Vec<ReadRow>> {
        let (portal, mut account) = (portal.clone(), self.account.clone());
        account.operator.operator.clone_from(&portal.operator);
        let now = self.clock.now();
        let read = tokio::task::spawn_blocking(move || {
            understand::table_page(&portal, &account, &page.html, now)
        });
        match read.await {
            Ok(Ok(Understood::Table(table))) => {
                let some = table.rows.iter().any(|row| row.meaning.is_ok());
                (some || table.rows.is_empty()).then_some(table.rows)
            }
            Ok(Ok(Understood::Not(_)) | Err(_)) => None,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// With the ids that rows without a reference get among their twins.
    async fn numbered(&self, rows: Vec<ReadRow>, order: Order) -> Result<Vec<Row>, ReadError> {
        let good = rows.iter().filter_map(|row| row.meaning.as_ref().ok());
        let mut good: Vec<Normalized> = good.cloned().collect();
        let good = self
            .store
            .with_known(move |known| {
                let known = |id| Ok::<bool, Infallible>(known(id));
                let Ok(()) = identity::assign(&mut good, order, known);
                good
            })
            .await?;
        let mut good = good.into_iter();
        let rows = rows.into_iter().map(|row| Row {
            payment: match row.meaning {
                Ok(_) => good.next().map(|row| row.payment),
                Err(_) => None,
            },
            cells: row.cells,
        });
        Ok(rows.collect())
    }
}
