//! What a finished reading proves, and what of it is told: watermark, holes.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Done, GAP_PATIENCE, Gathered, Plan, ReadError, Reader};
use crate::completeness::{self, Finished, Progress, Proved};
use crate::event::{Gap, GapCause, Proof};
use crate::payment::Payment;
use crate::portal::Portal;
use crate::selectors::Order;
use crate::store::GapsFound;

impl<P: Portal> Reader<'_, P> {
    pub(super) async fn finish(
        &mut self,
        plan: &Plan,
        progress: &Progress,
        mut gathered: Gathered,
        read_at: DateTime<Utc>,
    ) -> Result<Done, ReadError> {
        if plan.is_past {
            return self.finish_past(plan, progress, gathered, read_at).await;
        }
        if gathered.counted == 0 && plan.doubt_empty {
            return Err(ReadError::EmptyAgain);
        }
        let payments = gathered.take_payments();
        let newest = newest(&payments);
        let order = self.selectors.table.order;
        let covered = progress.passed() && order == Order::NewestFirst;
        if !covered && !gathered.read_to_the_end {
            self.cut_short(
                plan,
                rest(order, progress, newest, (plan.goal.down_to, read_at)),
            );
        } else if plan.goal.overlap == 0 {
            (self.memory.unread, self.memory.unread_until) = (None, None);
        }
        let finished = gathered.finished(self.memory.unread, plan.known_until);
        let proved = completeness::judge(&payments, progress, finished);
        let deepest = match order {
            Order::NewestFirst => progress.last(),
            Order::OldestFirst => progress.oldest(),
        };
        let covered_from = deepest.unwrap_or(plan.goal.down_to);
        // No rows where the last ones that are known need not be shown any more: nothing leads from those to now.
        let proves_nothing = gathered.counted == 0 && plan.known_until.is_some();
        let watermark = !proves_nothing
            && self
                .commit_proof(plan, covered_from, &proved, read_at)
                .await?;
        Ok(Done {
            oldest: progress.oldest(),
            ..gathered.done(read_at, proved, watermark, newest)
        })
    }

    /// The reading ended at its limit of pages before it was through with `rest`.
    fn cut_short(&mut self, plan: &Plan, rest: (DateTime<Utc>, DateTime<Utc>)) {
        tracing::warn!(
            account = self.account.name.as_str(),
            pages = plan.max_pages,
            "a reading ended at its limit of pages: raise `max_pages`, shorten `look_back`, or ask the portal for larger pages"
        );
        // The first of several such readings is told; where later ones left out more, that comes after it.
        self.memory.unread.get_or_insert(rest);
        self.memory.unread_until = self.memory.unread_until.max(Some(rest.1));
    }

    /// Tells the watermark when one is due, and holes as they last or close.
    async fn commit_proof(
        &mut self,
        plan: &Plan,
        covered_from: DateTime<Utc>,
        proved: &Proved,
        read_at: DateTime<Utc>,
    ) -> Result<bool, ReadError> {
        let now = self.clock.monotonic();
        // An ordinary reading does not reach all holes; one that a sweep does not reach is told and given up.
        let is_sweep = plan.goal.overlap == 0;
        self.memory
            .noticed
            .retain(|gap, _| proved.gaps.contains(gap) || (!is_sweep && gap.from < covered_from));
        for gap in &proved.gaps {
            self.memory.noticed.entry(gap.clone()).or_insert(now);
        }
        let lasting: HashSet<Gap> = self
            .memory
            .noticed
            .iter()
            .filter(|(gap, since)| {
                // What an earlier run told is not found anew.
                let known = self.memory.told_gaps.contains(*gap);
                known || now.saturating_sub(**since) >= GAP_PATIENCE
            })
            .map(|(gap, _)| gap.clone())
            .collect();
        if !plan.watermark_due && lasting == self.memory.told_gaps {
            return Ok(false);
        }
        let mut reading = self.reading(read_at);
        let holes: Vec<Gap> = self.memory.noticed.keys().cloned().collect();
        let until = completeness::complete_until(read_at, &holes);
        let until = match plan.unread {
            Some(unread) => until.min(unread.from - TimeDelta::seconds(1)),
            None => until,
        };
        if self.memory.unread.is_none() {
            reading.read_through = Some(read_at);
        }
        reading.watermark = Some((
            until,
            if holes.is_empty() && plan.unread.is_none() {
                proved.proof
            } else {
                Proof::Overlap
            },
        ));
        let mut open: Vec<Gap> = lasting.iter().cloned().collect();
        open.sort();
        reading.gaps = GapsFound {
            covered: Some((covered_from, read_at)),
            open,
        };
        let committed = self.commit(reading).await?;
        self.memory.told_gaps = lasting;
        Ok(committed.watermark)
    }

    /// Days of the past: nobody adds rows to them any more, so their holes are told at once.
    async fn finish_past(
        &mut self,
        plan: &Plan,
        progress: &Progress,
        mut gathered: Gathered,
        read_at: DateTime<Utc>,
    ) -> Result<Done, ReadError> {
        let payments = gathered.take_payments();
        let finished = gathered.finished(None, None);
        let mut proved = completeness::judge(&payments, progress, finished);
        let (from, to) = (plan.goal.down_to, plan.until);
        proved.gaps.retain(|gap| gap.from <= to && gap.to >= from);
        let order = self.selectors.table.order;
        let covered = progress.passed() && order == Order::NewestFirst;
        let rest = rest(order, progress, newest(&payments), (from, to));
        let rest = (rest.0.max(from), rest.1.min(to));
        let is_cut = !covered && !gathered.read_to_the_end && rest.0 < rest.1;
        if is_cut {
            proved.gaps.push(Gap {
                from: rest.0,
                to: rest.1,
                cause: GapCause::NoOverlap,
                before_reference: None,
            });
        }
        // A hole ends, or begins, with a row. Where none of its time is shown, the portal no longer shows those days.
        let mut instants = payments.iter().filter_map(Payment::instant);
        let is_shown = instants.any(|at| (from..=to).contains(&at.to_utc()));
        let mut reading = self.reading(read_at);
        reading.gaps = GapsFound {
            covered: is_shown.then_some((from, to)),
            open: proved.gaps.clone(),
        };
        self.commit(reading).await?;
        if !is_shown {
            return Ok(gathered.done(read_at, proved, false, None));
        }
        let is_filled = |gap: &Gap| from <= gap.from && gap.to <= to && !proved.gaps.contains(gap);
        self.memory.noticed.retain(|gap, _| !is_filled(gap));
        self.memory.told_gaps.retain(|gap| !is_filled(gap));
        let within = |(first, last): &(DateTime<Utc>, DateTime<Utc>)| from <= *first && *last <= to;
        if self.memory.unread.as_ref().is_some_and(within) {
            let later = self.memory.unread_until.filter(|until| *until > to);
            self.memory.unread = match later {
                _ if is_cut => Some(rest),
                later => later.map(|until| (to, until)),
            };
            self.memory.told_gaps.extend(proved.gaps.iter().cloned());
        }
        Ok(gathered.done(read_at, proved, false, None))
    }
}

impl Gathered {
    /// The payments of its rows, oldest first.
    fn take_payments(&mut self) -> Vec<Payment> {
        let rows = std::mem::take(&mut self.rows);
        rows.into_iter().rev().map(|row| row.payment).collect()
    }

    fn finished(
        &self,
        unread: Option<(DateTime<Utc>, DateTime<Utc>)>,
        known_until: Option<DateTime<Utc>>,
    ) -> Finished {
        Finished {
            read_to_the_end: self.read_to_the_end,
            rows: self.counted,
            portal_count: self.portal_count,
            unread,
            known_until,
        }
    }

    fn done(
        &self,
        read_at: DateTime<Utc>,
        proved: Proved,
        watermark: bool,
        newest: Option<DateTime<Utc>>,
    ) -> Done {
        Done {
            read_at,
            pages: self.pages,
            rows: self.counted,
            told: self.told,
            watermark,
            aside: self.aside,
            proved,
            newest,
            oldest: None,
            password_expires_in: self.password_expires_in,
        }
    }
}

fn newest(payments: &[Payment]) -> Option<DateTime<Utc>> {
    let instants = payments.iter().filter_map(Payment::instant);
    instants.map(|at| at.to_utc()).max()
}

/// The part of `span` that a reading which broke off did not reach.
fn rest(
    order: Order,
    progress: &Progress,
    newest: Option<DateTime<Utc>>,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> (DateTime<Utc>, DateTime<Utc>) {
    match order {
        Order::NewestFirst => (from, progress.last().unwrap_or(to)),
        Order::OldestFirst => (newest.unwrap_or(from), to),
    }
}
