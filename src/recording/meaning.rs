//! What of a page must be the same with stand-ins: told by row and field, never by a text. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};

use crate::normalize::{Normalized, Problem, RowError};
use crate::payment::Payment;
use crate::selectors::Field;
use crate::trial::Trial;
use crate::understand::Session;

/// Rows that are named; of more it is said how many.
const MOST_ROWS: usize = 5;

/// Of a page.
#[derive(Debug)]
pub(super) struct Meaning {
    session: Session,
    /// `None` where no rows can be read.
    table: Option<Table>,
}

#[derive(Debug)]
struct Table {
    rows: Vec<Row>,
    says_empty: bool,
    has_next: bool,
    portal_count: Option<u64>,
}

#[derive(Debug, PartialEq, Eq)]
enum Row {
    /// The fields that it has; the text of those that stay, of the others nothing.
    Understood(BTreeMap<Field, String>),
    PutAside(Option<Field>, Problem),
}

impl Meaning {
    pub fn of(session: Session, trial: Option<&Trial>) -> Self {
        let table = trial.map(|trial| Table {
            rows: trial.rows.iter().map(Row::of).collect(),
            says_empty: trial.extracted.says_empty,
            has_next: trial.extracted.has_next,
            portal_count: trial.extracted.portal_count,
        });
        Self { session, table }
    }

    /// What is another one in `after`, each as `<where>: <what>`.
    pub fn changes(&self, after: &Self) -> Vec<String> {
        let mut told = Vec::new();
        if self.session != after.session {
            told.push(": its marks say something else about the session than before".to_owned());
        }
        match (&self.table, &after.table) {
            (None, None) => {}
            (Some(table), Some(after)) if table.rows.len() == after.rows.len() => {
                told.extend(table.changes(after));
            }
            (Some(_), _) | (None, Some(_)) => {
                told.push(": other rows are understood than before".to_owned());
            }
        }
        told
    }
}

impl Table {
    fn changes(&self, after: &Self) -> Vec<String> {
        let of_page = [
            ("`table.empty`", self.says_empty != after.says_empty),
            ("`table.next`", self.has_next != after.has_next),
            ("`table.count`", self.portal_count != after.portal_count),
        ];
        let of_page = of_page.into_iter().filter(|(_, is_other)| *is_other);
        let mut told: Vec<String> = of_page
            .map(|(key, _)| format!(": {key} gives something else than before"))
            .collect();
        let mut by_field: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, (row, after)) in self.rows.iter().zip(&after.rows).enumerate() {
            for field in row.changes(after) {
                by_field.entry(field).or_default().push(at + 1);
            }
        }
        let by_field = by_field.iter();
        told.extend(
            by_field
                .map(|(field, rows)| format!(", {}: {field} is not read as before", named(rows))),
        );
        told
    }
}

/// Such as `rows 1, 2, 3, 4, 5 and 15 more`.
fn named(rows: &[usize]) -> String {
    let first: Vec<String> = rows.iter().take(MOST_ROWS).map(usize::to_string).collect();
    let word = if rows.len() == 1 { "row" } else { "rows" };
    let more = match rows.len().saturating_sub(MOST_ROWS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{word} {}{more}", first.join(", "))
}

impl Row {
    fn of(read: &Result<Normalized, RowError>) -> Self {
        match read {
            Ok(read) => Row::Understood(fields(&read.payment)),
            Err(error) => Row::PutAside(error.field, error.problem),
        }
    }

    fn changes(&self, after: &Self) -> Vec<&'static str> {
        match (self, after) {
            (Row::Understood(fields), Row::Understood(after)) => {
                let others = Field::ALL.into_iter();
                let others = others.filter(|field| fields.get(field) != after.get(field));
                others.map(Field::as_str).collect()
            }
            (Row::PutAside(..), Row::PutAside(..)) if self == after => Vec::new(),
            (_, Row::PutAside(field, _)) | (Row::PutAside(field, _), _) => {
                vec![field.map_or("the row as a whole", Field::as_str)]
            }
        }
    }
}

fn fields(payment: &Payment) -> BTreeMap<Field, String> {
    let there = |is_there: bool| is_there.then(String::new);
    let word = |word: &str| Some(word.to_owned());
    let instant = |date: Option<DateTime<FixedOffset>>| date.map(|date| date.to_rfc3339());
    let fields = [
        (Field::Status, word(payment.status.as_str())),
        (Field::Direction, word(payment.direction.as_str())),
        (Field::Type, word(payment.transaction_type.as_str())),
        (
            Field::Kind,
            payment.kind.and_then(|kind| word(kind.as_str())),
        ),
        (Field::CompletionDate, instant(payment.completion_date)),
        (Field::CreationDate, instant(payment.creation_date)),
        (Field::Currency, word(&payment.currency)),
        (
            Field::TransactionReference,
            there(payment.reference.is_some()),
        ),
        (Field::Fee, there(payment.fee.is_some())),
        (Field::BalanceAfter, there(payment.balance_after.is_some())),
        (Field::Counterparty, there(!payment.counterparty.is_empty())),
        (Field::PayerName, there(payment.payer_name.is_some())),
        (
            Field::CustomerReference,
            there(payment.customer_reference_raw.is_some()),
        ),
        (
            Field::OriginalReference,
            there(payment.original_reference.is_some()),
        ),
    ];
    let fields = fields.into_iter();
    fields
        .filter_map(|(field, text)| Some((field, text?)))
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::extract;
    use crate::selectors::file;
    use crate::trial;
    use crate::understand;

    const STATEMENT: &str =
        include_str!("../../selectors/recordings/kilima/pages/statement-first.html");

    fn meaning(html: &str) -> Meaning {
        let text = include_str!("../../selectors/kilima.toml");
        let portal = file::parse("kilima", "kilima.toml", text).unwrap();
        let page = extract::parse(html).unwrap();
        let account = trial::account(&portal, None);
        let now = "2026-11-21T09:03:00Z".parse().unwrap();
        let trial = Trial::of(&portal, account, &page, now).unwrap();
        Meaning::of(understand::session(&portal.marks, &page), Some(&trial))
    }

    fn changed(from: &str, to: &str) -> Vec<String> {
        let other = STATEMENT.replacen(from, to, 1);
        assert_ne!(other, STATEMENT, "{from}");
        meaning(STATEMENT).changes(&meaning(&other))
    }

    #[test]
    fn what_is_read_otherwise_is_told_by_row_and_field_and_not_by_its_text() {
        assert_eq!(
            meaning(STATEMENT).changes(&meaning(STATEMENT)),
            [""; 0],
            "the same page"
        );
        assert_eq!(
            changed("of 72<", "of 504<"),
            [": `table.count` gives something else than before"]
        );
        assert_eq!(
            changed("<td>Completed</td>", "<td>Xyz</td>"),
            [", row 5: status is not read as before"]
        );
        assert_eq!(
            changed("id=\"operator-name\"", ""),
            [": its marks say something else about the session than before"]
        );
    }

    #[test]
    fn many_rows_are_told_in_one_line() {
        let other = STATEMENT.replace("20-11-2026 2", "19-11-2026 2");
        let told = meaning(STATEMENT).changes(&meaning(&other));
        let dates: Vec<_> = told
            .iter()
            .filter(|line| line.contains("completion_date"))
            .collect();
        assert_eq!(dates.len(), 1, "{told:?}");
        assert!(
            dates[0].starts_with(", rows 2, 4, 5, 6, 7 and "),
            "{told:?}"
        );
    }
}
