//! Which column is which field, from its header and from what stands in it. Pure.

use std::collections::BTreeSet;

use super::grid::Grid;
use super::values::{Amounts, Dates, Phones, amounts, dates, phones};
use super::words::{self, sounds_like};
use crate::selectors::Field;

/// Texts that are likely a portal's word for "nothing here".
const BLANKS: [&str; 8] = ["NULL", "null", "-", "--", "N/A", "n/a", "None", "—"];

/// What is known of one column.
#[derive(Debug)]
pub(super) struct Column {
    pub header: String,
    /// Which of several equal headers, from 1.
    pub nth: usize,
    /// From 1.
    pub number: usize,
    /// Texts that are not empty.
    pub texts: Vec<String>,
    pub dates: Option<Dates>,
    pub amounts: Option<Amounts>,
    pub phones: Option<Phones>,
    /// Each text once.
    pub words: BTreeSet<String>,
    rows: usize,
}

impl Column {
    fn sounds(&self, field: Field) -> bool {
        sounds_like(&self.header, field)
    }

    /// Few words, each of them in several rows.
    fn is_words(&self) -> bool {
        let has_letters = |word: &String| word.chars().any(char::is_alphabetic);
        !self.words.is_empty()
            && self.words.len() <= 20
            && (self.words.len() * 2 <= self.texts.len() || self.texts.len() < 6)
            && self.words.iter().all(has_letters)
            && self.dates.is_none()
    }

    /// Looks like a number that names a payment.
    fn is_reference(&self) -> bool {
        let fits = |text: &String| {
            let is_code = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
            let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
            !text.contains(' ') && text.len() >= 4 && (has_digit || text.bytes().all(is_code))
        };
        self.texts.len() == self.rows
            && self.dates.is_none()
            && self.texts.iter().all(fits)
            && self.words.len() * 2 > self.rows
    }

    fn is_money(&self) -> bool {
        let named = [
            Field::Amount,
            Field::Credit,
            Field::Debit,
            Field::BalanceAfter,
        ];
        let named = named.into_iter().any(|field| self.sounds(field));
        let other = self.sounds(Field::TransactionReference) || self.sounds(Field::Counterparty);
        self.phones.is_none()
            && self
                .amounts
                .as_ref()
                .is_some_and(|amounts| named || (!amounts.is_bare && !other))
    }
}

/// The columns of a grid, and the words in it that mean "nothing here".
pub(super) fn of(grid: &Grid) -> (Vec<Column>, Vec<String>) {
    let width = grid.cells.first().map_or(0, Vec::len);
    let every = || grid.cells.iter().flatten();
    let blanks: Vec<String> = BLANKS
        .into_iter()
        .filter(|blank| every().any(|text| text == blank))
        .map(str::to_owned)
        .collect();
    let columns = (0..width).map(|at| {
        let header = grid.headers.get(at).cloned().unwrap_or_default();
        let before = grid.headers.iter().take(at);
        let texts = grid.cells.iter().filter_map(|row| row.get(at));
        let texts: Vec<String> = texts
            .filter(|text| !text.is_empty() && !blanks.contains(text))
            .cloned()
            .collect();
        let shown: Vec<&str> = texts.iter().map(String::as_str).collect();
        Column {
            nth: 1 + before
                .filter(|other| other.eq_ignore_ascii_case(&header))
                .count(),
            number: at + 1,
            dates: dates(&shown),
            amounts: amounts(&shown),
            phones: phones(&shown),
            words: texts.iter().cloned().collect(),
            rows: grid.cells.len(),
            header,
            texts,
        }
    });
    (columns.collect(), blanks)
}

/// A field and its column.
pub(super) type Place = (Field, usize);

/// The columns that were given to fields so far.
struct Choice<'a> {
    columns: &'a [Column],
    places: Vec<Place>,
}

impl Choice<'_> {
    fn is_free(&self, at: usize) -> bool {
        !self.places.iter().any(|(_, taken)| *taken == at)
    }

    /// Gives the field the free column with most points; none with 0.
    fn take(&mut self, field: Field, points: impl Fn(&Column) -> usize) -> bool {
        let free = self
            .columns
            .iter()
            .enumerate()
            .filter(|(at, _)| self.is_free(*at));
        let rated = free.map(|(at, column)| (points(column), at));
        // The first of equals.
        let best = rated.rev().max_by_key(|(points, _)| *points);
        match best.filter(|(points, _)| *points > 0) {
            Some((_, at)) => {
                self.places.push((field, at));
                true
            }
            None => false,
        }
    }

    fn has(&self, field: Field) -> bool {
        self.places.iter().any(|(own, _)| *own == field)
    }
}

/// Gives each field its column. `type` and `kind` share one, a number and a name may.
pub(super) fn assign(columns: &[Column]) -> Vec<Place> {
    let mut choice = Choice {
        columns,
        places: Vec::new(),
    };
    let points = |is: bool, points: usize| if is { points } else { 0 };
    dated(&mut choice);
    choice.take(Field::Counterparty, |column| {
        let sounds = column.sounds(Field::Counterparty);
        let is_reference = column.sounds(Field::TransactionReference) && !sounds;
        points(
            column.phones.is_some() && !is_reference,
            1 + points(sounds, 2),
        )
    });
    choice.take(Field::Direction, |column| {
        let known = !column.words.is_empty()
            && column.words.len() <= 2
            && column
                .words
                .iter()
                .all(|word| words::direction(word).is_some());
        points(
            known && column.words.len() > usize::from(!column.sounds(Field::Direction)),
            1,
        )
    });
    money(&mut choice);
    choice.take(Field::Status, |column| {
        let known = column
            .words
            .iter()
            .filter(|word| words::status(word).is_some())
            .count();
        points(column.is_words() && column.sounds(Field::Status), 100)
            + points(column.is_words() && known == column.words.len(), 10)
    });
    choice.take(Field::TransactionReference, |column| {
        let unique = column.words.len() * 10 / column.rows.max(1);
        let sounds = points(column.sounds(Field::TransactionReference), 20);
        let other = points(column.sounds(Field::CustomerReference), 8);
        points(
            column.is_reference(),
            (1 + unique + sounds).saturating_sub(other).max(1),
        )
    });
    choice.take(Field::OriginalReference, |column| {
        points(column.sounds(Field::OriginalReference), 1)
    });
    choice.take(Field::Type, |column| {
        points(column.is_words() && column.sounds(Field::Type), 1)
    });
    let mut places = choice.places.iter();
    let amount = places.find(|(field, _)| *field == Field::Amount);
    let behind_amount = amount.map(|(_, at)| at + 2);
    choice.take(Field::Currency, |column| {
        let codes = column
            .words
            .iter()
            .all(|word| word.len() == 3 && word.bytes().all(|b| b.is_ascii_uppercase()));
        points(
            codes && !column.words.is_empty(),
            1 + points(column.sounds(Field::Currency), 2)
                + points(Some(column.number) == behind_amount, 1),
        )
    });
    choice.take(Field::CustomerReference, |column| {
        points(
            column.sounds(Field::CustomerReference),
            1 + column.texts.len(),
        )
    });
    choice.take(Field::PayerName, |column| {
        let text = column.amounts.is_none() && column.dates.is_none();
        points(
            text && column.sounds(Field::PayerName),
            1 + column.texts.len(),
        )
    });
    shared(&mut choice);
    choice.places
}

fn dated(choice: &mut Choice<'_>) {
    choice.take(Field::CompletionDate, |column| match &column.dates {
        Some(_) if column.sounds(Field::CompletionDate) => 3,
        Some(_) if column.sounds(Field::CreationDate) => 1,
        Some(_) => 2,
        None => 0,
    });
    choice.take(Field::CreationDate, |column| {
        usize::from(column.dates.is_some() && column.sounds(Field::CreationDate))
    });
}

fn money(choice: &mut Choice<'_>) {
    choice.take(Field::Fee, |column| {
        usize::from(column.amounts.is_some() && column.sounds(Field::Fee))
    });
    let named = |field: Field| {
        move |column: &Column| {
            usize::from((column.is_money() || column.texts.is_empty()) && column.sounds(field))
        }
    };
    choice.take(Field::BalanceAfter, |column| {
        usize::from(column.is_money() && column.sounds(Field::BalanceAfter))
    });
    choice.take(Field::Credit, named(Field::Credit));
    choice.take(Field::Debit, named(Field::Debit));
    if choice.has(Field::Credit) || choice.has(Field::Debit) {
        choice
            .places
            .retain(|(field, _)| *field != Field::Direction);
        return;
    }
    choice.take(Field::Amount, |column| {
        let points = usize::from(column.is_money());
        points + points * 2 * usize::from(column.sounds(Field::Amount))
    });
}

/// Fields that stand in a column of another.
fn shared(choice: &mut Choice<'_>) {
    let at = |choice: &Choice<'_>, field: Field| {
        choice
            .places
            .iter()
            .find(|(own, _)| *own == field)
            .map(|(_, at)| *at)
    };
    if let Some(at) = at(choice, Field::Type)
        && choice.columns.get(at).is_some_and(|column| {
            column
                .words
                .iter()
                .any(|word| words::row_kind(word).is_some())
        })
    {
        choice.places.push((Field::Kind, at));
    }
    let party = at(choice, Field::Counterparty);
    if let Some(at) = party
        && choice
            .columns
            .get(at)
            .and_then(|column| column.phones.as_ref())
            .is_some_and(|phones| phones.has_name)
    {
        choice
            .places
            .retain(|(field, _)| *field != Field::PayerName);
        choice.places.push((Field::PayerName, at));
    }
}
