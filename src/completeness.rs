//! What a reading proves: known rows that overlap, the portal's own count, the running balance. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::event::{Gap, GapCause, Proof};
use crate::payment::{Direction, Payment, Status};

/// How far below the last complete reading an ordinary one goes: a portal shows some rows this much
/// later than they completed. What comes later still is met by the next sweep.
pub const LATE_MARGIN: Duration = Duration::from_secs(120);

/// When an account's reading may stop.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    /// Rows from here on are read, whatever is known already.
    pub down_to: DateTime<Utc>,
    /// Known and unchanged rows in a row that must have been met as well.
    pub overlap: usize,
}

/// How far a reading has come, fed row by row from the newest to the oldest.
#[derive(Debug, Clone)]
pub struct Progress {
    goal: Goal,
    run: usize,
    oldest: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
    any_known: bool,
}

impl Progress {
    /// Nothing read yet.
    #[must_use]
    pub fn towards(goal: Goal) -> Self {
        Self {
            goal,
            run: 0,
            oldest: None,
            last: None,
            any_known: false,
        }
    }

    /// One more row, of which nothing but its place is new: it was put aside before.
    pub fn row_aside_before(&mut self) {
        self.run += 1;
    }

    /// One more row, older than those before it. `known` means known and unchanged; a row that could
    /// not be understood is not known and has no instant.
    pub fn row(&mut self, known: bool, instant: Option<DateTime<Utc>>) {
        self.run = if known { self.run + 1 } else { 0 };
        self.any_known |= known;
        if let Some(instant) = instant {
            self.oldest = Some(self.oldest.map_or(instant, |oldest| oldest.min(instant)));
            self.last = Some(instant);
        }
    }

    /// Known rows overlap and the goal's instant is passed: older pages need not be read.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.run >= self.goal.overlap && self.passed()
    }

    /// The last row is older than the goal's instant. Any row would not do: one that is pending for long may stand above newer
    /// ones.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.last.is_some_and(|last| last < self.goal.down_to)
    }

    /// Instant of the last row read: everything newer was on the pages, where they begin with the newest.
    #[must_use]
    pub fn last(&self) -> Option<DateTime<Utc>> {
        self.last
    }

    /// At least one row was known before.
    #[must_use]
    pub fn overlaps(&self) -> bool {
        self.any_known
    }

    /// Instant of the oldest row read.
    #[must_use]
    pub fn oldest(&self) -> Option<DateTime<Utc>> {
        self.oldest
    }
}

/// What a finished reading has seen, beside its rows.
#[derive(Debug, Clone, Copy)]
pub struct Finished {
    /// The last page was reached: nothing older is to be had for the days asked for.
    pub read_to_the_end: bool,
    /// Rows on the pages, as many as the portal counts.
    pub rows: u64,
    /// The portal's own count.
    pub portal_count: Option<u64>,
    /// Where it stopped short of its goal, for its pages ran out: from when to when nothing was read.
    pub unread: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The newest instant of any row known before this reading, when it lies in the days asked for.
    pub known_until: Option<DateTime<Utc>>,
}

/// What it proves, and the holes it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The strongest proof that holds for all of it.
    pub proof: Proof,
    /// Holes, oldest first.
    pub gaps: Vec<Gap>,
}

/// Judges a reading: `payments` in the portal's own order, oldest first.
#[must_use]
pub fn judge(payments: &[Payment], progress: &Progress, finished: Finished) -> Proved {
    let chain = running_balance(payments);
    let mut gaps = chain.holes;
    let counted = finished.portal_count.filter(|_| finished.read_to_the_end);
    let oldest_row = progress.oldest();
    if let (Some(until), Some(oldest)) = (finished.known_until, oldest_row)
        && !progress.overlaps()
        && oldest > until
        && counted != Some(finished.rows)
    {
        gaps.push(Gap {
            from: until,
            to: oldest,
            cause: GapCause::NoOverlap,
            before_reference: payments.first().and_then(|p| p.reference.clone()),
        });
    }
    if let Some((from, to)) = finished.unread {
        gaps.push(Gap {
            from,
            to,
            cause: GapCause::NoOverlap,
            before_reference: None,
        });
    }
    if let (Some(count), Some(oldest)) = (counted, oldest_row)
        && count > finished.rows
    {
        let newest = payments.iter().filter_map(utc).max().unwrap_or(oldest);
        gaps.push(Gap {
            from: oldest,
            to: newest,
            cause: GapCause::Count,
            before_reference: None,
        });
    }
    gaps.sort();
    let proof = if chain.links > 0 && chain.unproved == 0 && gaps.is_empty() {
        Proof::Balance
    } else if counted == Some(finished.rows) {
        Proof::Count
    } else if progress.overlaps() {
        Proof::Overlap
    } else {
        Proof::None
    };
    Proved { proof, gaps }
}

/// Up to where a reading begun at `read_at` is complete: the instant it began, or just before its
/// first hole.
#[must_use]
pub fn complete_until(read_at: DateTime<Utc>, gaps: &[Gap]) -> DateTime<Utc> {
    gaps.iter()
        .map(|gap| gap.from - TimeDelta::seconds(1))
        .fold(read_at, DateTime::min)
}

/// The row of one second that no other row of it leads to.
fn head_of(second: &[&(&Payment, DateTime<Utc>)]) -> usize {
    let before = |p: &Payment| p.balance_after.map(|balance| balance - effect(p));
    second
        .iter()
        .position(|(p, _)| {
            before(p).is_some() && !second.iter().any(|(q, _)| q.balance_after == before(p))
        })
        .unwrap_or(0)
}

struct Chain {
    holes: Vec<Gap>,
    links: usize,
    unproved: usize,
}

fn utc(payment: &Payment) -> Option<DateTime<Utc>> {
    payment.instant().map(|instant| instant.to_utc())
}

/// Of the row on the balance: what the operator keeps of it never comes to the account.
fn effect(payment: &Payment) -> Decimal {
    let moved = payment.net_amount().unwrap_or(payment.amount);
    match payment.direction {
        Direction::Credit => moved,
        Direction::Debit => -moved,
    }
}

/// `balance(n-1) + in - out = balance(n)` over the rows that moved money. Rows of one second may stand
/// in another order than they were booked in, so any order of them that chains is taken.
fn running_balance(payments: &[Payment]) -> Chain {
    let booked: Vec<(&Payment, DateTime<Utc>)> = payments
        .iter()
        .filter(|p| matches!(p.status, Status::Completed | Status::Reversed))
        .filter_map(|p| utc(p).map(|at| (p, at)))
        .collect();
    let mut chain = Chain {
        holes: Vec::new(),
        links: 0,
        unproved: 0,
    };
    let mut last: Option<(Decimal, DateTime<Utc>)> = None;
    for second in booked.chunk_by(|(_, a), (_, b)| a == b) {
        let mut waiting: Vec<&(&Payment, DateTime<Utc>)> = second.iter().collect();
        while !waiting.is_empty() {
            let next = last.and_then(|(balance, _)| {
                waiting
                    .iter()
                    .position(|(p, _)| p.balance_after == Some(balance + effect(p)))
            });
            let (payment, at) = waiting.remove(next.unwrap_or_else(|| head_of(&waiting)));
            let Some(balance) = payment.balance_after else {
                chain.unproved += 1;
                continue;
            };
            match (last, next) {
                (Some(_), Some(_)) => chain.links += 1,
                (Some((_, from)), None) => chain.holes.push(Gap {
                    from,
                    to: *at,
                    cause: GapCause::Balance,
                    before_reference: payment.reference.clone(),
                }),
                (None, _) => {}
            }
            last = Some((balance, *at));
        }
    }
    if chain.unproved > 0 {
        // A booked row without a balance breaks the chain where it stands: what follows it is no hole.
        chain.holes.clear();
    }
    chain
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::payment::{PaymentId, TransactionType};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
    }

    fn row(second: i64, amount: i64, balance: Option<i64>) -> Payment {
        Payment {
            id: PaymentId([0; 16]),
            reference: Some(format!("R{second}")),
            kind: None,
            status: Status::Completed,
            status_text: "Completed".into(),
            transaction_type: TransactionType::BillPay,
            sub_type: None,
            direction: if amount < 0 {
                Direction::Debit
            } else {
                Direction::Credit
            },
            amount: Decimal::from(amount.abs()),
            fee: None,
            currency: "KES".into(),
            counterparty: Vec::new(),
            payer_name: None,
            customer_reference_raw: None,
            completion_date: Some(at(second).fixed_offset()),
            creation_date: None,
            balance_after: balance.map(Decimal::from),
            original_reference: None,
            original_id: None,
        }
    }

    fn finished() -> Finished {
        Finished {
            read_to_the_end: false,
            rows: 3,
            portal_count: None,
            unread: None,
            known_until: None,
        }
    }

    fn progress(down_to: i64, overlap: usize) -> Progress {
        Progress::towards(Goal {
            down_to: at(down_to),
            overlap,
        })
    }

    #[test]
    fn a_reading_stops_only_after_known_rows_that_also_cover_the_time() {
        let mut reading = progress(100, 2);
        reading.row(true, Some(at(200)));
        reading.row(true, Some(at(150)));
        assert!(!reading.is_reached(), "two known rows, but none old enough");
        reading.row(false, Some(at(90)));
        assert!(
            !reading.is_reached(),
            "old enough, but a new row broke the run"
        );
        reading.row(true, Some(at(80)));
        reading.row(true, Some(at(70)));
        assert!(reading.is_reached());
    }

    #[test]
    fn an_old_row_above_newer_ones_ends_no_reading() {
        let mut reading = progress(100, 0);
        reading.row(true, Some(at(50)));
        reading.row(true, Some(at(200)));
        assert!(!reading.is_reached());
        assert_eq!(
            (reading.last(), reading.oldest()),
            (Some(at(200)), Some(at(50)))
        );
        reading.row(true, Some(at(90)));
        assert!(reading.is_reached());
    }

    #[test]
    fn rows_that_were_put_aside_before_do_not_break_the_run_of_known_ones() {
        let mut reading = progress(100, 2);
        reading.row(true, Some(at(95)));
        reading.row_aside_before();
        assert!(reading.is_reached());
    }

    #[test]
    fn what_the_operator_keeps_never_comes_to_the_balance() {
        let with_fee = |second, amount, fee: i64, balance| Payment {
            fee: Some(fee.into()),
            ..row(second, amount, Some(balance))
        };
        let rows = [
            row(1, 100, Some(1_000)),
            with_fee(2, 200, 2, 1_198),
            with_fee(3, -100, 1, 1_097),
            with_fee(4, -200, -2, 899),
        ];
        let proved = judge(&rows, &progress(0, 0), finished());
        assert_eq!((proved.proof, proved.gaps), (Proof::Balance, Vec::new()));
    }

    #[test]
    fn a_running_balance_that_chains_proves_the_reading() {
        let rows = [
            row(1, 100, Some(1100)),
            row(2, -30, Some(1070)),
            row(3, 5, Some(1075)),
        ];
        let proved = judge(&rows, &progress(0, 1), finished());
        assert_eq!((proved.proof, proved.gaps.len()), (Proof::Balance, 0));
    }

    #[test]
    fn a_missing_row_is_a_hole_and_the_watermark_stays_before_it() {
        let rows = [row(1, 100, Some(1100)), row(3, 5, Some(1075))];
        let proved = judge(&rows, &progress(0, 1), finished());
        assert_eq!(proved.gaps.len(), 1);
        let gap = &proved.gaps[0];
        assert_eq!(
            (gap.from, gap.to, gap.cause),
            (at(1), at(3), GapCause::Balance)
        );
        assert!(complete_until(at(9), &proved.gaps) < at(3));
    }

    #[test]
    fn rows_of_one_second_may_stand_in_any_order() {
        let rows = [
            row(1, 100, Some(1100)),
            row(2, -1, Some(1119)),
            row(2, 20, Some(1120)),
            row(3, 1, Some(1120)),
        ];
        assert_eq!(judge(&rows, &progress(0, 1), finished()).gaps, []);
        assert_eq!(judge(&rows[1..], &progress(0, 1), finished()).gaps, []);
    }

    #[test]
    fn rows_that_moved_no_money_are_not_part_of_the_chain() {
        let mut expired = row(2, 900, None);
        expired.status = Status::Expired;
        let rows = [row(1, 100, Some(1100)), expired, row(3, 5, Some(1105))];
        assert_eq!(
            judge(&rows, &progress(0, 1), finished()).proof,
            Proof::Balance
        );
    }

    #[test]
    fn pages_that_end_above_what_is_known_are_a_gap() {
        let mut reading = progress(0, 1);
        reading.row(false, Some(at(50)));
        let end = Finished {
            read_to_the_end: true,
            known_until: Some(at(10)),
            ..finished()
        };
        let proved = judge(&[row(50, 1, None)], &reading, end);
        assert_eq!(proved.gaps[0].cause, GapCause::NoOverlap);
        assert_eq!((proved.gaps[0].from, proved.gaps[0].to), (at(10), at(50)));
    }

    #[test]
    fn pages_that_run_out_before_the_goal_are_a_gap_whatever_was_known() {
        let mut reading = progress(0, 1);
        reading.row(true, Some(at(50)));
        let short = Finished {
            unread: Some((at(0), at(50))),
            ..finished()
        };
        let proved = judge(&[row(50, 1, Some(1))], &reading, short);
        assert_eq!((proved.gaps[0].from, proved.gaps[0].to), (at(0), at(50)));
    }

    #[test]
    fn the_portals_own_count_is_a_proof_and_a_smaller_reading_a_gap() {
        let counted = |portal| Finished {
            read_to_the_end: true,
            portal_count: Some(portal),
            ..finished()
        };
        let mut reading = progress(0, 1);
        reading.row(false, Some(at(1)));
        let rows = [row(1, 1, None)];
        assert_eq!(judge(&rows, &reading, counted(3)).proof, Proof::Count);
        assert_eq!(
            judge(&rows, &reading, counted(4)).gaps[0].cause,
            GapCause::Count
        );
    }
}
