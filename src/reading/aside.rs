//! Rows put aside whose text has changed since: which of them a row that is understood now has replaced.
//!
//! A row lies in quarantine under its text, so a row that is understood after its text changed releases nothing by itself. The
//! rule: a row put aside counts as understood when, on a page that no longer shows its text, a row brings news that has the
//! same reference in the same column. News, because the row that replaces it was not known before, or is told to have
//! changed. Where two rows share a reference (a payment and its charge) the wrong one may bring it: then the row that
//! was put aside is put aside again as soon as it is met again, which the next sweep of the look-back does.
//! A row that goes back to what was told of it brings no news and releases nothing, nor does a row without a reference: their
//! old text stays in quarantine, for a person to see.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::{ReadError, Reader, is_news};
use crate::announce::Seen;
use crate::payment::PaymentId;
use crate::portal::Portal;
use crate::store::RowKey;
use crate::understand::{ReadRow, TablePage};

/// Where the reference of a row stands: column and text.
type Place = (usize, String);

impl<P: Portal> Reader<'_, P> {
    /// Rows in quarantine that a row of this page has replaced. `known` is what is known of its payments.
    pub(super) async fn replaced(
        &self,
        table: &TablePage,
        known: &HashMap<PaymentId, Seen>,
        since: DateTime<Utc>,
    ) -> Result<Vec<RowKey>, ReadError> {
        if self.memory.aside.is_empty() {
            return Ok(Vec::new());
        }
        let rows = table.rows.iter();
        let news: HashSet<Place> = rows.flat_map(|row| places(row, known, since)).collect();
        if news.is_empty() {
            return Ok(Vec::new());
        }
        let shown = RowKey::of_page(table.rows.iter().map(|row| row.cells.as_slice()));
        let shown: HashSet<RowKey> = shown.into_iter().collect();
        let held = self.store.quarantine(Some(&self.account.name)).await?;
        let replaced = held.into_iter().map(|held| held.row).filter(|row| {
            let at = row.cells.iter().map(|cell| cell.trim().to_owned());
            !shown.contains(&row.key) && at.enumerate().any(|place| news.contains(&place))
        });
        Ok(replaced.map(|row| row.key).collect())
    }
}

/// Where a row with news bears its reference; nowhere for any other row.
fn places(row: &ReadRow, known: &HashMap<PaymentId, Seen>, since: DateTime<Utc>) -> Vec<Place> {
    let Ok(normalized) = &row.meaning else {
        return Vec::new();
    };
    let payment = &normalized.payment;
    let reference = payment.reference.as_deref().unwrap_or_default();
    if reference.is_empty() || !is_news(payment, known, since) {
        return Vec::new();
    }
    let cells = row.cells.iter().map(|cell| cell.trim()).enumerate();
    cells
        .filter(|(_, cell)| *cell == reference)
        .map(|(column, cell)| (column, cell.to_owned()))
        .collect()
}
