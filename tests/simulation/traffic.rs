//! What happens on the far side: payments, and everything that makes reading them hard.

use std::time::Duration;

use tillwatch::clock::VirtualClock;
use tokio::time::sleep;

use crate::books::{Books, Kind};
use crate::dice::Dice;
use crate::portal::{Shared, lock};

/// Pending rows: due when, which, and as what they end.
type Pending = Vec<(Duration, usize, &'static str)>;

/// Goes on until virtual time `until`; what is pending then ends at once.
pub async fn run(
    books: Shared,
    clock: VirtualClock,
    mut dice: Dice,
    mean: Duration,
    until: Duration,
) {
    let mut pending = Pending::new();
    let mut arrival = clock.elapsed() + dice.arrival(mean);
    loop {
        let due = pending.iter().map(|(due, _, _)| *due).min();
        let next = due.map_or(arrival, |due| due.min(arrival)).min(until);
        sleep(next.saturating_sub(clock.elapsed())).await;
        let now = clock.elapsed();
        let ends = now >= until;
        let mut books = lock(&books);
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
