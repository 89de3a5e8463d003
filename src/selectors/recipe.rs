//! The recipe of a selector file: what of it decides which id a payment gets. Pure.
//!
//! Files of one recipe give a row one id, whatever else of them differs; files of two recipes may, which only a page can show. So a
//! recipe says when to compare, and may tell more files apart than it must: another release may do so in another way,
//! and nothing is kept under a recipe for longer than a question to a person lasts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{AmountIs, Export, Field, Fields, Portal, file};

/// Fields that are amounts of money.
const MONEY: [Field; 5] = [
    Field::Amount,
    Field::Credit,
    Field::Debit,
    Field::Fee,
    Field::BalanceAfter,
];

/// A digest over the meaning of a file, overrides of the account included: comments, the order of keys and everything that
/// makes no id are not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe(String);

impl Recipe {
    /// Of a portal.
    #[must_use]
    pub fn of(portal: &Portal) -> Self {
        Self(digest(&meaning(portal)))
    }

    /// 12 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names a file as it is written: the first 12 digits of its SHA-256.
#[must_use]
pub fn version(text: &str) -> String {
    digest(text)
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(6).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn meaning(portal: &Portal) -> String {
    let fields = &portal.fields;
    let named = named(fields);
    let sources = fields.sources.iter();
    let sources: BTreeMap<_, _> = sources.filter(|(field, _)| named.contains(field)).collect();
    let dates = fields.dates.iter();
    let dates: BTreeMap<_, _> = dates.filter(|(field, _)| named.contains(field)).collect();
    let identity: BTreeSet<_> = fields.identity.iter().collect();
    let blank: BTreeSet<_> = fields.blank.iter().collect();
    let mut text = format!(
        "{} {:?} {:?}",
        file::FORMAT,
        portal.operator,
        (cells(portal), sources, blank, &identity)
    );
    let directions = (
        fields.always_direction,
        &fields.directions,
        fields.other_direction,
    );
    let _ = write!(text, "{directions:?} {:?}", fields.kinds);
    if MONEY.iter().any(|field| named.contains(field)) {
        let rule = (fields.decimal, &portal.currency);
        let _ = write!(text, "money {rule:?}");
    }
    if !dates.is_empty() {
        let rule = (&dates, portal.zone, fields.clock_change);
        let _ = write!(text, "dates {rule:?}");
    }
    if !identity.is_empty() {
        // Equal rows are numbered in this order.
        let rule = (portal.table.order, fields.amount_is);
        let _ = write!(text, "twins {rule:?}");
    }
    text
}

/// What decides which text is in which cell.
fn cells(portal: &Portal) -> String {
    let table = &portal.table;
    let export = match &table.export {
        None => String::new(),
        Some(Export::Download(download)) => format!("{:?}", download.format),
        Some(Export::Json(endpoint)) => endpoint.rows.to_string(),
    };
    let header = (&table.header, table.header_shift);
    let row = (&table.rows, table.hidden, &table.detail);
    format!("{header:?} {row:?} {export}")
}

/// Fields whose text can change an id.
fn named(fields: &Fields) -> BTreeSet<Field> {
    let mut named = BTreeSet::from([
        Field::TransactionReference,
        Field::Kind,
        Field::Direction,
        Field::Credit,
        Field::Debit,
    ]);
    named.extend(&fields.identity);
    let is_read = |field| fields.sources.contains_key(&field);
    let by_column = is_read(Field::Credit) || is_read(Field::Debit);
    if !by_column && !is_read(Field::Direction) && fields.always_direction.is_none() {
        // The sign is the direction.
        named.insert(Field::Amount);
    }
    if MONEY.iter().any(|field| fields.identity.contains(field)) {
        named.insert(Field::Amount);
        named.insert(Field::Currency);
        if fields.amount_is == AmountIs::Net {
            named.insert(Field::Fee);
        }
    }
    named.retain(|field| is_read(*field));
    named
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    const KILIMA: &str = include_str!("../../selectors/kilima.toml");
    const WITHOUT_REFERENCES: &str = include_str!("../../tests/simulation/no_references.toml");

    fn recipe(text: &str) -> Recipe {
        Recipe::of(&file::parse("portal", "portal.toml", text).unwrap())
    }

    /// Of each `(from, to)`: is the file with `to` in the place of `from` of another recipe?
    fn changed<'a>(file: &str, changes: &[(&str, &'a str)]) -> Vec<(&'a str, bool)> {
        let changed = changes.iter().map(|(from, to)| {
            assert!(file.contains(from), "{from}");
            (*to, recipe(file) != recipe(&file.replacen(from, to, 1)))
        });
        changed.collect()
    }

    fn all<'a>(changes: &[(&str, &'a str)], are: bool) -> Vec<(&'a str, bool)> {
        changes.iter().map(|(_, to)| (*to, are)).collect()
    }

    #[test]
    fn what_makes_an_id_from_a_reference_is_part_of_it_and_nothing_else() {
        let part = [
            ("operator = \"kilima\"", "operator = \"tausi\""),
            ("{ header = \"Receipt No.\" }", "{ header = \"Receipt\" }"),
            (
                "{ header = \"Receipt No.\" }",
                "{ header = \"Receipt No.\", capture = \"^[A-Z0-9]+\" }",
            ),
            ("{ header = \"Paid In\" }", "{ header = \"Withdrawn\" }"),
            (
                "decimal = { mark = \".\", group = \",\" }",
                "decimal = { mark = \",\", group = \".\" }",
            ),
            (
                "\"Org Reversal\" = \"reversal\"\n\"Pay merchant Charge\" = \"charge\"",
                "\"Pay merchant Charge\" = \"charge\"",
            ),
            ("decimal =", "blank = [\"-\"]\ndecimal ="),
            (
                "rows = \"table#statement tr\"",
                "rows = \"table#statement > tbody > tr\"",
            ),
            ("order =", "hidden = \"skip\"\norder ="),
        ];
        assert_eq!(changed(KILIMA, &part), all(&part, true));
        let no_part = [
            ("format = 1", "# Another comment.\n\nformat = 1"),
            (
                "operator = \"kilima\"\norigin = \"https://org.kilima.example\"",
                "origin = \"https://org.kilima.example\"\noperator = \"kilima\"",
            ),
            ("https://org.kilima.example", "https://other.example"),
            ("zone = \"Africa/Nairobi\"", "zone = \"UTC\""),
            ("#login-button", "#sign-in"),
            ("page_loads_per_hour = 20000", "page_loads_per_hour = 600"),
            ("%d-%m-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S"),
            ("Completed = \"completed\"", "Done = \"completed\""),
            ("order =", "skip = [\"^Total\"]\norder ="),
            ("{ header = \"Balance\" }", "{ header = \"Balance after\" }"),
            ("next = \"a#next\"", "next = \"a.next\""),
        ];
        assert_eq!(changed(KILIMA, &no_part), all(&no_part, false));
    }

    #[test]
    fn without_a_reference_everything_that_the_named_fields_yield_is_part_of_it() {
        let part = [
            (
                "[\"completion_date\", \"credit\", \"debit\"]",
                "[\"completion_date\", \"credit\", \"debit\", \"creation_date\"]",
            ),
            ("zone = \"Africa/Nairobi\"", "zone = \"UTC\""),
            ("currency = \"KES\"", "currency = \"UGX\""),
            (
                "\"Time\", formats = [\"%d-%m-%Y %H:%M:%S\"]",
                "\"Time\", formats = [\"%d-%m-%Y %H:%M\"]",
            ),
            ("order = \"newest-first\"", "order = \"oldest-first\""),
            ("decimal = { mark = \".\" }", "decimal = { mark = \",\" }"),
            (
                "map = { Charge = \"charge\", Reversal = \"reversal\" }",
                "map = { Charge = \"charge\" }",
            ),
        ];
        assert_eq!(changed(WITHOUT_REFERENCES, &part), all(&part, true));
        let no_part = [
            (
                "[\"completion_date\", \"credit\", \"debit\"]",
                "[\"debit\", \"completion_date\", \"credit\"]",
            ),
            (
                "\"Begun\", formats = [\"%d-%m-%Y %H:%M:%S\"]",
                "\"Begun\", formats = [\"%d-%m-%Y %H:%M\"]",
            ),
            ("Completed = \"completed\"", "Done = \"completed\""),
        ];
        assert_eq!(changed(WITHOUT_REFERENCES, &no_part), all(&no_part, false));
    }

    #[test]
    fn a_version_is_what_sha256sum_prints_first() {
        assert_eq!(version("abc"), "ba7816bf8f01");
    }
}
