//! What happens on the far side: payments, and everything that makes reading them hard.

use std::time::Duration;

use chrono::TimeDelta;
use tillwatch::clock::VirtualClock;
use tokio::time::sleep;

use crate::books::{Books, Kind};
use crate::dice::Dice;
use crate::people::Steps;
use crate::portal::{Shared, lock};
use crate::watch::{Diary, note};

/// Pending rows: due when, which, and as what they end.
type Pending = Vec<(Duration, usize, &'static str)>;

/// When the agent's machine stands still: the far side goes on, and nobody there notices.
pub struct Naps {
    pub dice: Dice,
    pub mean: Duration,
    /// Where a host holds a machine, its wall clock is behind until somebody puts it right.
    pub steps: Steps,
    pub may_hold: bool,
    pub diary: Diary,
}

/// The next nap, and when the wall clock is put right after the last one.
struct Nights {
    naps: Naps,
    next: Duration,
    behind: Option<(Duration, TimeDelta)>,
}

impl Nights {
    fn next(&self) -> Duration {
        self.behind.map_or(self.next, |(due, _)| due)
    }

    /// All of it passes at once for the agent: the caller has the books.
    fn pass(&mut self, clock: &VirtualClock, end: Duration) {
        let now = clock.elapsed();
        if let Some((_, by)) = self.behind.take_if(|(due, _)| *due <= now) {
            clock.step(by);
            self.naps.steps.end(now);
        }
        if self.behind.is_some() || now < self.next {
            return;
        }
        let dice = &mut self.naps.dice;
        self.next = now + dice.arrival(self.naps.mean);
        let time = dice.log_between(Duration::from_secs(60), Duration::from_secs(3 * 3600));
        if now + time >= end {
            return;
        }
        if self.naps.may_hold && dice.chance(400) {
            let by = TimeDelta::from_std(time).expect("short");
            clock.hold(time);
            self.naps.steps.begin(now, -by);
            let soon = dice.arrival(Duration::from_secs(1200));
            self.behind = Some(((now + time + soon).min(end), by));
        } else {
            clock.suspend(time);
        }
        note(&self.naps.diary, |seen| seen.naps.push((now, now + time)));
    }
}

/// Goes on until virtual time `end`; what is pending then ends at once.
pub async fn run(
    books: Shared,
    clock: VirtualClock,
    mut dice: Dice,
    mean: Duration,
    end: Duration,
    naps: Option<Naps>,
) {
    let mut pending = Pending::new();
    let mut arrival = clock.elapsed() + dice.arrival(mean);
    let mut nights = naps.map(|mut naps| Nights {
        next: clock.elapsed() + naps.dice.arrival(naps.mean),
        behind: None,
        naps,
    });
    loop {
        let due = |pending: &Pending| pending.iter().map(|(due, _, _)| *due).min();
        let soonest = due(&pending).map_or(arrival, |due| due.min(arrival));
        let night = nights.as_ref().map_or(end, Nights::next);
        let next = soonest.min(night).min(end);
        sleep(next.saturating_sub(clock.elapsed())).await;
        let mut books = lock(&books);
        let before = clock.elapsed();
        if let Some(nights) = &mut nights {
            nights.pass(&clock, end);
        }
        let after = clock.elapsed();
        if after > before {
            books.sessions.disturb(after);
        }
        let ends = after >= end;
        loop {
            let soonest = due(&pending).map_or(arrival, |due| due.min(arrival));
            if soonest > after && !ends {
                break;
            }
            let now = soonest.clamp(before, after);
            pending.retain(|(due, index, status)| {
                let over = ends || *due <= now;
                if over {
                    books.turn(*index, status, now);
                }
                !over
            });
            if ends {
                return;
            }
            if now >= arrival {
                let burst = if dice.chance(30) {
                    dice.between(8, 30)
                } else {
                    1
                };
                for _ in 0..burst {
                    post(&mut books, &mut dice, &mut pending, now);
                }
                arrival = now + dice.arrival(mean);
            }
        }
    }
}

fn post(books: &mut Books, dice: &mut Dice, pending: &mut Pending, now: Duration) {
    let references = books.rules.references;
    let payment =
        |books: &mut Books, dice: &mut Dice| books.post(dice, Kind::Payment, now, Duration::ZERO);
    match dice.below(100) {
        65..=74 => {
            let late = Duration::from_secs(dice.between(1, 90));
            books.post(dice, Kind::Payment, now, late);
        }
        75..=80 => {
            let index = payment(books, dice);
            books.never_completed(index, "Pending");
            let due = now + Duration::from_secs(dice.between(5, 3600));
            let completes = dice.chance(850);
            pending.push((due, index, if completes { "Completed" } else { "Declined" }));
        }
        81..=86 => {
            let index = books.post(dice, Kind::Withdrawal, now, Duration::ZERO);
            let charge = books.post(dice, Kind::Charge, now, Duration::ZERO);
            books.rows[charge].reference = books.rows[index].reference.clone();
            books.rows[charge].cents = 100;
        }
        87..=91 => {
            let index = payment(books, dice);
            books.never_completed(index, "Expired");
        }
        92..=95 if references => {
            if let Some(original) = earlier(books, dice, now, Duration::from_secs(10)) {
                let row = &books.rows[original];
                let (reference, cents) = (row.reference.clone(), row.cents);
                let index = books.post(dice, Kind::Reversal, now, Duration::ZERO);
                let row = &mut books.rows[index];
                (row.linked, row.cents) = (Some(reference), cents);
            }
        }
        96..=98 if references => {
            if let Some(original) = earlier(books, dice, now, Duration::from_secs(600)) {
                books.turn(original, "Reversed", now);
            }
        }
        0..=64 | 92.. => {
            let index = payment(books, dice);
            if dice.chance(150) {
                let cents = books.rows[index].cents;
                for _ in 0..dice.between(1, 2) {
                    let twin = payment(books, dice);
                    books.rows[twin].cents = cents;
                }
            }
        }
    }
}

/// A completed payment between `age` and an hour old that nothing has happened to yet.
fn earlier(books: &Books, dice: &mut Dice, now: Duration, age: Duration) -> Option<usize> {
    let hour = Duration::from_secs(3600);
    let recent = books.rows.len().saturating_sub(200)..books.rows.len();
    let taken = |reference: &String| {
        let mut rows = books.rows[recent.clone()].iter();
        rows.any(|other| other.linked.as_ref() == Some(reference))
    };
    let fits = |index: &usize| {
        let row = &books.rows[*index];
        row.kind == Kind::Payment
            && row.status == "Completed"
            && row
                .shown_completed
                .is_some_and(|at| at + age < now && at + hour > now)
            && !taken(&row.reference)
    };
    let found: Vec<usize> = recent.clone().filter(fits).collect();
    let pick = dice.below(found.len() as u64);
    found.get(usize::try_from(pick).ok()?).copied()
}
