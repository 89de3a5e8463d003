//! A past for the portal: rows of every kind, in the mix and disorder of real statements.

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::config::PortalConfig;
use super::statement::{
    DECLINED, EXPIRED, FAILED, PENDING, PostError, Posting, RowKind, Statement,
};

/// The pause between two happenings of a history, in seconds.
const PAUSE_S: (i64, i64) = (20, 160);
/// Among the last so many happenings pending rows are still waiting; two decks, so that one holds at least one.
const STILL_PENDING: usize = 80;
/// Seconds after midnight at which rows begun the day before are swept.
const SWEEP_S: i64 = 610;

#[derive(Clone, Copy, PartialEq)]
enum Happening {
    Payment,
    Charged,
    Withdrawal,
    Reversal,
    Failed,
    Expired,
    Pending,
    Twins,
    Late,
}

/// One deck holds every kind; a history is as many decks as it takes.
const DECK: [(Happening, usize); 9] = [
    (Happening::Payment, 22),
    (Happening::Charged, 5),
    (Happening::Withdrawal, 2),
    (Happening::Reversal, 2),
    (Happening::Failed, 2),
    (Happening::Expired, 2),
    (Happening::Pending, 1),
    (Happening::Twins, 2),
    (Happening::Late, 2),
];

impl Happening {
    fn rows(self) -> usize {
        match self {
            Self::Charged | Self::Withdrawal | Self::Twins => 2,
            Self::Payment
            | Self::Reversal
            | Self::Failed
            | Self::Expired
            | Self::Pending
            | Self::Late => 1,
        }
    }
}

impl Statement {
    /// Adds exactly `rows` rows, the last of them shortly before `until`.
    pub fn seed_history(
        &mut self,
        rows: usize,
        until: DateTime<Utc>,
        config: &PortalConfig,
    ) -> Result<(), PostError> {
        if self.rows.len() + rows > config.max_rows as usize {
            return Err(PostError::Full {
                max_rows: config.max_rows,
            });
        }
        let plan = self.plan(rows);
        let pauses: Vec<_> = plan
            .iter()
            .map(|_| TimeDelta::seconds(self.dice.between(PAUSE_S.0, PAUSE_S.1)))
            .collect();
        let mut at = until - pauses.iter().sum::<TimeDelta>();
        for (left, (happening, pause)) in plan
            .iter()
            .zip(&pauses)
            .enumerate()
            .map(|(n, step)| (plan.len() - n, step))
        {
            self.advance(at);
            self.happen(*happening, at, until, left <= STILL_PENDING, config)?;
            at += *pause;
        }
        self.advance(until);
        Ok(())
    }

    fn plan(&mut self, rows: usize) -> Vec<Happening> {
        let mut plan = Vec::new();
        let mut left = rows;
        while left > 0 {
            let mut deck: Vec<_> = DECK
                .iter()
                .flat_map(|(happening, count)| std::iter::repeat_n(*happening, *count))
                .collect();
            self.dice.shuffle(&mut deck);
            for happening in deck {
                let fits = if happening.rows() <= left {
                    happening
                } else {
                    Happening::Payment
                };
                if left > 0 {
                    plan.push(fits);
                    left -= fits.rows();
                }
            }
        }
        plan
    }

    fn happen(
        &mut self,
        happening: Happening,
        at: DateTime<Utc>,
        until: DateTime<Utc>,
        still_pending: bool,
        config: &PortalConfig,
    ) -> Result<(), PostError> {
        let fee = Some(Decimal::new(self.dice.between(5, 110) * 100, 2));
        let plain = Posting::default();
        let posting = match happening {
            Happening::Payment => plain,
            Happening::Charged => Posting {
                charge: fee,
                ..plain
            },
            Happening::Withdrawal => Posting {
                kind: RowKind::Withdrawal,
                amount: self.withdrawal(),
                charge: fee,
                ..plain
            },
            Happening::Reversal => self.reversal(),
            Happening::Failed => Posting {
                status: Some(FAILED.into()),
                ..plain
            },
            Happening::Expired => expiring(at, until, config),
            Happening::Pending => self.pending(still_pending),
            Happening::Late => Posting {
                late_by: self.dice.between(200, 900) as u32,
                ..plain
            },
            Happening::Twins => {
                let first = self.post(&plain, at, config)?;
                let again = at + TimeDelta::seconds(self.dice.between(1, 9));
                return self
                    .post(
                        &Posting {
                            twin_of: Some(first),
                            ..plain
                        },
                        again,
                        config,
                    )
                    .map(drop);
            }
        };
        self.post(&posting, at, config).map(drop)
    }

    fn withdrawal(&mut self) -> Option<Decimal> {
        Some(Decimal::new(self.dice.between(1, 40) * 50_000, 2))
    }

    /// Gives back one of the last payments that settled and was not given back before; without one, a payment.
    fn reversal(&mut self) -> Posting {
        let back = self.dice.between(0, 12) as usize;
        let reversed = |receipt: &str| {
            self.rows
                .iter()
                .any(|row| row.linked.as_deref() == Some(receipt))
        };
        let candidates = self
            .rows
            .iter()
            .rev()
            .filter(|row| row.kind == RowKind::Payment && row.settled);
        match candidates.filter(|row| !reversed(&row.receipt)).nth(back) {
            Some(original) => Posting {
                kind: RowKind::Reversal,
                reverses: Some(original.receipt.clone()),
                ..Posting::default()
            },
            None => Posting::default(),
        }
    }

    fn pending(&mut self, still: bool) -> Posting {
        let status = Some(PENDING.to_owned());
        if still {
            return Posting {
                status,
                ..Posting::default()
            };
        }
        let settles_as = (self.dice.between(0, 1) == 1).then(|| DECLINED.to_owned());
        Posting {
            status,
            settles_in: Some(self.dice.between(60, 600) as u32),
            settles_as,
            ..Posting::default()
        }
    }
}

/// Waits for the sweep after midnight; a history that ends before it has the row expire for its age.
fn expiring(at: DateTime<Utc>, until: DateTime<Utc>, config: &PortalConfig) -> Posting {
    let midnight = at.with_timezone(&config.zone).date_naive() + Days::new(1);
    let sweep = midnight
        .and_time(NaiveTime::MIN)
        .and_local_timezone(config.zone)
        .earliest();
    let wait =
        sweep.map(|midnight| midnight.with_timezone(&Utc) + TimeDelta::seconds(SWEEP_S) - at);
    match wait
        .filter(|wait| at + *wait <= until)
        .and_then(|wait| u32::try_from(wait.num_seconds()).ok())
    {
        Some(seconds) => Posting {
            status: Some(PENDING.into()),
            settles_in: Some(seconds),
            settles_as: Some(EXPIRED.into()),
            ..Posting::default()
        },
        None => Posting {
            status: Some(EXPIRED.into()),
            ..Posting::default()
        },
    }
}
