//! `[fields]` of a selector file: where each field of a payment stands and how its text is read. Pure.

use std::collections::BTreeMap;

use super::cell::source;
use super::value;
use crate::diagnostic::table::{Table, Value};
use crate::payment::{Direction, RowKind, Status, TransactionType};
use crate::selectors::{AmountIs, ClockChange, DecimalRule, Field, Fields, Source};

const CELL: &str = "{ header = \"Receipt No.\" }";
const DATE: &str = "{ header = \"Completion Time\", formats = [\"%d-%m-%Y %H:%M:%S\"] }";
const STATUS: &str = "{ header = \"Status\", map = { Completed = \"completed\" } }";
const TYPE: &str =
    "{ header = \"Reason Type\", map = { \"Pay Bill\" = \"billpay\" }, other = \"transfer\" }";
const KIND: &str =
    "{ header = \"Reason Type\", map = { Charge = \"charge\", Reversal = \"reversal\" } }";
const DIRECTION: &str = "{ header = \"Dr/Cr\", map = { Cr = \"credit\", Dr = \"debit\" } }";
const FEE: &str = "{ header = \"Fee\", amount_is = \"gross\" }";
const PARTY: &str = "{ header = \"Opposite Party\", key = \"msisdn\" }";

/// What is read so far: every field lands in `sources` by the same call.
struct Reading<'t, 'a> {
    fields: &'t Table<'a>,
    sources: BTreeMap<Field, Source>,
}

/// Reads the table and checks that the fields fit each other.
pub fn read(fields: &Table<'_>) -> Option<Fields> {
    let mut reading = Reading {
        fields,
        sources: BTreeMap::new(),
    };
    for field in [
        Field::TransactionReference,
        Field::Amount,
        Field::Credit,
        Field::Debit,
        Field::Currency,
        Field::BalanceAfter,
        Field::PayerName,
        Field::CustomerReference,
        Field::OriginalReference,
    ] {
        reading.field(field, CELL, |_| Some(()));
    }
    let mut dates = BTreeMap::new();
    for field in [Field::CompletionDate, Field::CreationDate] {
        let formats = reading.field(field, DATE, |cell| {
            cell.need("formats", "[\"%d-%m-%Y %H:%M:%S\"]", |list| {
                list.list(|format| format.parse(value::date_time))
            })
        });
        dates.extend(formats.map(|formats| (field, formats)));
    }
    let status = reading.words(
        Field::Status,
        STATUS,
        Status::ALL.map(|status| (status.as_str(), status)),
    );
    let (direction, other_direction) = reading.direction();
    let amount_is = reading.field(Field::Fee, FEE, |cell| {
        cell.need("amount_is", "\"gross\"", |word| {
            word.word([("gross", AmountIs::Gross), ("net", AmountIs::Net)])
        })
    });
    let (types, other_type) = reading.types();
    let kinds = reading.field(Field::Kind, KIND, |cell| {
        let words = RowKind::ALL.map(|kind| (kind.as_str(), kind));
        cell.need("map", "{ Charge = \"charge\" }", |map| {
            map.map(|word| word.word(words))
        })
    });
    let counterparty_key = reading.field(Field::Counterparty, PARTY, |cell| {
        cell.need("key", "\"msisdn\"", |key| key.parse(value::key))
    });
    let blank = fields.optional("blank", "[\"NULL\"]", |list| {
        list.list(|text| text.parse(value::cell))
    });
    let clock_change = fields.optional("clock_change", "\"earlier\"", |word| {
        word.word([
            ("refuse", ClockChange::Refuse),
            ("earlier", ClockChange::Earlier),
            ("later", ClockChange::Later),
        ])
    });
    let decimal = fields.need("decimal", "{ mark = \".\", group = \",\" }", decimal);
    let identity = identity(fields);
    required(fields);
    Some(Fields {
        sources: reading.sources,
        dates,
        blank: blank.unwrap_or_default(),
        decimal: decimal?,
        always_status: status.always,
        always_direction: direction.always,
        other_direction,
        amount_is: amount_is.unwrap_or(AmountIs::Gross),
        clock_change: clock_change.unwrap_or(ClockChange::Refuse),
        status: status.map,
        directions: direction.map,
        types,
        other_type: other_type?,
        kinds: kinds.unwrap_or_default(),
        counterparty_key: counterparty_key.unwrap_or_default(),
        identity: identity.unwrap_or_default(),
    })
}

/// A column of words, or one word for every row.
struct Words<T> {
    map: BTreeMap<String, T>,
    always: Option<T>,
}

impl Reading<'_, '_> {
    /// Reads a field's cell and, by `more`, its own keys.
    fn field<T>(
        &mut self,
        field: Field,
        example: &'static str,
        more: impl FnOnce(&Table<'_>) -> Option<T>,
    ) -> Option<T> {
        let (source, own) = self.fields.optional(field.as_str(), example, |value| {
            value.table(|cell| {
                let source = source(field, cell);
                let own = more(cell);
                Some((source?, own?))
            })
        })?;
        self.sources.insert(field, source);
        Some(own)
    }

    fn words<T: Copy, const N: usize>(
        &mut self,
        field: Field,
        example: &'static str,
        words: [(&'static str, T); N],
    ) -> Words<T> {
        if let Some(always) = self.always(field, example, words) {
            return Words {
                map: BTreeMap::new(),
                always,
            };
        }
        let map = self.field(field, example, |cell| {
            cell.need("map", "{ \"the portal's word\" = \"ours\" }", |map| {
                map.map(|word| word.word(words))
            })
        });
        Words {
            map: map.unwrap_or_default(),
            always: None,
        }
    }

    /// A column of words, and the direction of every other word, where the file says one.
    fn direction(&mut self) -> (Words<Direction>, Option<Direction>) {
        let words = [Direction::Credit, Direction::Debit];
        let words = words.map(|direction| (direction.as_str(), direction));
        if let Some(always) = self.always(Field::Direction, DIRECTION, words) {
            let map = BTreeMap::new();
            return (Words { map, always }, None);
        }
        let read = self.field(Field::Direction, DIRECTION, |cell| {
            let map = cell.need("map", "{ Cr = \"credit\" }", |map| {
                map.map(|word| word.word(words))
            });
            let other = cell.optional("other", "\"debit\"", |word| word.word(words));
            Some((map?, other))
        });
        let (map, other) = read.unwrap_or_default();
        (Words { map, always: None }, other)
    }

    fn types(&mut self) -> (BTreeMap<String, TransactionType>, Option<TransactionType>) {
        let words = TransactionType::ALL.map(|kind| (kind.as_str(), kind));
        if let Some(always) = self.always(Field::Type, TYPE, words) {
            return (BTreeMap::new(), always);
        }
        let read = self.field(Field::Type, TYPE, |cell| {
            let map = cell.need("map", "{ \"Pay Bill\" = \"billpay\" }", |map| {
                map.map(|word| word.word(words))
            });
            let other = cell.need("other", "\"transfer\"", |word| word.word(words));
            Some((map?, other?))
        });
        read.map_or_else(
            || (BTreeMap::new(), None),
            |(map, other)| (map, Some(other)),
        )
    }

    /// The word of `{ always = "…" }`; the outer `None` when the field is no such table.
    fn always<T: Copy, const N: usize>(
        &self,
        field: Field,
        example: &'static str,
        words: [(&'static str, T); N],
    ) -> Option<Option<T>> {
        let value = self.fields.value(field.as_str(), example)?;
        value.has_key("always").then(|| {
            value.table(|cell| cell.need("always", "\"completed\"", |word| word.word(words)))
        })
    }
}

fn decimal(value: &Value<'_>) -> Option<DecimalRule> {
    value.table(|rule| {
        let mark = rule.need("mark", "\".\"", |mark| mark.word([(".", '.'), (",", ',')]));
        let groups = [
            (",", ','),
            (".", '.'),
            ("'", '\''),
            ("’", '’'),
            (" ", ' '),
            ("\u{a0}", '\u{a0}'),
            ("\u{202f}", '\u{202f}'),
        ];
        let group = rule.optional("group", "\",\"", |group| group.word(groups));
        if mark.is_some() && mark == group {
            rule.wrong(
                "`mark` and `group` are the same",
                "the mark stands before the decimals, the group between thousands",
            );
            return None;
        }
        Some(DecimalRule { mark: mark?, group })
    })
}

/// The fields that make an id: of this file, and never those that change after the fact.
fn identity(fields: &Table<'_>) -> Option<Vec<Field>> {
    let list = fields.value("identity", "[\"completion_date\", \"amount\"]")?;
    if fields.has("transaction_reference") {
        return list.wrong(
            "stands beside `transaction_reference`",
            "remove it: the portal's own reference is the identity",
        );
    }
    let names = list.list(|name| {
        let field = name.word(Field::ALL.map(|field| (field.as_str(), field)))?;
        match field {
            Field::Status | Field::Counterparty | Field::PayerName => name.wrong(
                "changes after the fact",
                "leave it out: a payment whose identity changed would be told as a second one",
            ),
            Field::TransactionReference
            | Field::CompletionDate
            | Field::CreationDate
            | Field::Type
            | Field::Kind
            | Field::Direction
            | Field::Amount
            | Field::Credit
            | Field::Debit
            | Field::Currency
            | Field::Fee
            | Field::BalanceAfter
            | Field::CustomerReference
            | Field::OriginalReference => {
                if fields.has(field.as_str()) {
                    Some(field)
                } else {
                    name.wrong(
                        "is not in `fields`",
                        format!("add `{} = {{ … }}`, or leave it out", field.as_str()),
                    )
                }
            }
        }
    })?;
    let dated = names
        .iter()
        .any(|field| matches!(field, Field::CompletionDate | Field::CreationDate));
    if !dated {
        return list.wrong(
            "names no date",
            "add `completion_date`: without one, equal payments of two days are one",
        );
    }
    Some(names)
}

/// Which fields must be there, and which exclude each other.
fn required(fields: &Table<'_>) {
    if !fields.has("transaction_reference") && !fields.has("identity") {
        fields.wrong(
            "nothing tells two payments apart",
            format!("add `transaction_reference = {CELL}`, or `identity = [\"completion_date\", …]` where the portal has no reference"),
        );
    }
    for (field, example) in [
        (Field::CompletionDate, DATE),
        (Field::Status, STATUS),
        (Field::Type, TYPE),
    ] {
        fields.need(field.as_str(), example, |_| Some(()));
    }
    let amount = fields.value("amount", CELL);
    let direction = fields.value("direction", DIRECTION);
    let columns = fields.has("credit") || fields.has("debit");
    match (amount, columns) {
        (Some(amount), true) => {
            let advice = "keep `amount` (signed, or with `direction`), or keep the two columns";
            amount.wrong::<()>("stands beside `credit` or `debit`", advice);
        }
        (None, false) => fields.wrong(
            "no amount is named",
            "add `credit` and `debit` for two columns, or `amount` for one",
        ),
        (None, true) => {
            if let Some(direction) = direction {
                let advice = "remove it: the column that is filled says the direction";
                direction.wrong::<()>("stands beside `credit` or `debit`", advice);
            }
        }
        (Some(_), false) => {}
    }
}
