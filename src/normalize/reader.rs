//! Reads the fields of one row, each noted in the trace when one is kept. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};
use regex::Regex;

use super::error::{Problem, RowError};
use super::{FieldTrace, Normalized, Page};
use crate::extract::{Row, text};
use crate::identity::{self, Fingerprint};
use crate::payment::{Direction, Party, Payment, RowKind, Status, TransactionType, gsma_amount};
use crate::selectors::{Field, Portal};

/// GSMA Mobile Money API 1.2, `transactionReference`.
const MAX_REFERENCE_CHARS: usize = 256;

pub(super) struct Reader<'a> {
    page: &'a Page<'a>,
    pub(super) portal: &'a Portal,
    row: &'a Row,
    /// The row takes money from the account: some fields stand elsewhere then.
    is_debit: bool,
    trace: Option<&'a mut Vec<FieldTrace>>,
}

impl<'a> Reader<'a> {
    pub fn new(page: &'a Page<'a>, row: &'a Row, trace: Option<&'a mut Vec<FieldTrace>>) -> Self {
        Self {
            page,
            portal: page.portal,
            row,
            is_debit: false,
            trace,
        }
    }

    /// Every field is read before the first error is returned, so that a trace is whole.
    pub fn payment(mut self) -> Result<Normalized, RowError> {
        if let Some(problem) = self.row.problem {
            return Err(self.whole(problem.into()));
        }
        let reference = self.reference();
        let completion_date = self.date(Field::CompletionDate);
        let creation_date = self.date(Field::CreationDate);
        let status = self.status();
        let (transaction_type, sub_type) = self.transaction_type();
        let kind = self.kind();
        let currency = self.currency();
        let printed = currency
            .as_deref()
            .unwrap_or(&self.portal.currency)
            .to_owned();
        let flow = self.flow(&printed);
        let fee = self.money(Field::Fee, &printed);
        self.is_debit = matches!(flow, Ok((Direction::Debit, _)));
        let balance_after = self.money(Field::BalanceAfter, &printed);
        let counterparty = self.counterparty();
        let payer_name = self.words(Field::PayerName);
        let customer_reference_raw = self.words(Field::CustomerReference);
        let original = self.words(Field::OriginalReference);

        let reference = reference?;
        let (status, status_text) = status?;
        let completion_date = completion_date?;
        if status == Status::Completed && completion_date.is_none() {
            return Err(self.error(Field::CompletionDate, Problem::CompletedWithoutDate));
        }
        let (direction, printed_amount) = flow?;
        let (amount, fee) = self.gross(direction, printed_amount, fee?)?;
        let operator = &self.page.account.operator;
        let original_reference = match kind {
            Some(RowKind::Reversal) => original.clone(),
            Some(RowKind::Charge) | None => None,
        };
        let original_id = original_reference
            .as_deref()
            .map(|original| identity::original_id(operator, direction, original));
        let id = reference
            .as_deref()
            .map(|reference| identity::id(operator, direction, reference, kind));
        let mut payment = Payment {
            id: id.unwrap_or(crate::payment::PaymentId([0; 16])),
            reference,
            kind,
            status,
            status_text,
            transaction_type,
            sub_type,
            direction,
            amount,
            fee,
            currency: currency?,
            counterparty,
            payer_name,
            customer_reference_raw,
            completion_date,
            creation_date: creation_date?,
            balance_after: balance_after?,
            original_reference,
            original_id,
        };
        let fingerprint = match id {
            Some(_) => None,
            None => Some(self.fingerprint(&payment, original)?),
        };
        if let Some(fingerprint) = fingerprint {
            payment.id = identity::twin_id(fingerprint, 0);
        }
        Ok(Normalized {
            payment,
            fingerprint,
        })
    }

    /// The text of a field after its `capture`; `None` when it is empty or not there.
    pub(super) fn text(&mut self, field: Field) -> Option<&'a str> {
        let source = self.portal.fields.sources.get(&field)?;
        let raw = self.row.fields.get(&field);
        let (source, raw) = match &source.debit {
            Some(debit) if self.is_debit => (&**debit, raw.and_then(|raw| raw.debit.as_deref())),
            Some(_) | None => (source, raw),
        };
        if let Some(trace) = &mut self.trace {
            trace.push(FieldTrace {
                field,
                column: raw.and_then(|raw| raw.column),
                origin: raw.map(|raw| raw.origin.clone()),
                raw: raw.map(|raw| raw.text.clone()),
                steps: Vec::new(),
            });
        }
        let mut text = raw?.text.as_str();
        if self.portal.fields.blank.iter().any(|blank| blank == text) {
            self.step(|| format!("`{text}` stands in `blank`: the row has no such field"));
            return None;
        }
        if let Some(regex) = &source.capture {
            text = captured(regex, text);
            self.step(|| format!("capture keeps `{text}`"));
        }
        if text.is_empty() {
            self.step(|| "empty: the row has no such field".to_owned());
            return None;
        }
        Some(text)
    }

    /// The account's own, as the portal knows it.
    pub(super) fn number(&self) -> &'a str {
        &self.page.account.operator.number
    }

    /// A field that is taken as printed.
    fn words(&mut self, field: Field) -> Option<String> {
        self.text(field).map(str::to_owned)
    }

    /// Notes what came of the field that was read last.
    pub(super) fn step(&mut self, text: impl FnOnce() -> String) {
        if let Some(last) = self.trace.as_mut().and_then(|trace| trace.last_mut()) {
            last.steps.push(text());
        }
    }

    pub(super) fn whole(&self, problem: Problem) -> RowError {
        RowError {
            row: self.row.number,
            field: None,
            column: None,
            header: None,
            shape: None,
            problem,
        }
    }

    pub(super) fn error(&mut self, field: Field, problem: Problem) -> RowError {
        self.step(|| format!("error: {problem}"));
        let raw = self.row.fields.get(&field);
        RowError {
            row: self.row.number,
            field: Some(field),
            column: raw.and_then(|raw| raw.column),
            header: raw.map(|raw| text::printable(&raw.origin)),
            shape: raw
                .filter(|raw| !raw.text.is_empty())
                .map(|raw| text::shape(&raw.text)),
            problem,
        }
    }

    fn reference(&mut self) -> Result<Option<String>, RowError> {
        let field = Field::TransactionReference;
        if !self.portal.fields.sources.contains_key(&field) {
            return Ok(None);
        }
        match self.text(field) {
            None => Err(self.error(field, Problem::Missing)),
            Some(text) if text.chars().count() > MAX_REFERENCE_CHARS => {
                Err(self.error(field, Problem::TooLong))
            }
            Some(text) if is_float(text) => Err(self.error(field, Problem::Float)),
            Some(text) => Ok(Some(text.to_owned())),
        }
    }

    fn date(&mut self, field: Field) -> Result<Option<DateTime<FixedOffset>>, RowError> {
        let Some(text) = self.text(field) else {
            return Ok(None);
        };
        match self
            .page
            .dates
            .read(self.portal, field, text, self.page.now)
        {
            Ok(instant) => {
                let zone = self.portal.zone;
                self.step(|| format!("local time of {zone}: {}", instant.to_rfc3339()));
                Ok(Some(instant))
            }
            Err(problem) => Err(self.error(field, problem.into())),
        }
    }

    fn status(&mut self) -> Result<(Status, String), RowError> {
        let field = Field::Status;
        if let Some(status) = self.portal.fields.always_status {
            return Ok((status, status.as_str().to_owned()));
        }
        let Some(text) = self.text(field) else {
            return Err(self.error(field, Problem::Missing));
        };
        match mapped(&self.portal.fields.status, text) {
            Some(status) => {
                self.step(|| format!("map: {}", status.as_str()));
                Ok((status, text.to_owned()))
            }
            None => Err(self.error(field, Problem::UnmappedWord)),
        }
    }

    fn transaction_type(&mut self) -> (TransactionType, Option<String>) {
        let other = self.portal.fields.other_type;
        let Some(text) = self.text(Field::Type) else {
            return (other, None);
        };
        let mapped = mapped(&self.portal.fields.types, text);
        self.step(|| match mapped {
            Some(known) => format!("map: {}", known.as_str()),
            None => format!("not in the map, so `other`: {}", other.as_str()),
        });
        (mapped.unwrap_or(other), Some(text.to_owned()))
    }

    fn kind(&mut self) -> Option<RowKind> {
        let text = self.text(Field::Kind)?;
        let kind = mapped(&self.portal.fields.kinds, text);
        self.step(|| match kind {
            Some(kind) => format!("map: {}", kind.as_str()),
            None => "not in the map: an ordinary payment".to_owned(),
        });
        kind
    }

    /// The other side's number. One of digits, mask signs and spaces loses its spaces.
    fn counterparty(&mut self) -> Vec<Party> {
        let Some(text) = self.text(Field::Counterparty) else {
            return Vec::new();
        };
        let in_number = |c: char| {
            c.is_ascii_digit() || matches!(c, '*' | 'X' | 'x' | ' ' | '+' | '-' | '(' | ')')
        };
        let is_number =
            text.chars().all(in_number) && text.contains(|c: char| c.is_ascii_digit() || c == '*');
        let value: String = if is_number {
            text.chars().filter(|c| *c != ' ').collect()
        } else {
            text.to_owned()
        };
        let masked = value.contains('*') || (is_number && value.contains(['X', 'x']));
        self.step(|| format!("{value}{}", if masked { ", masked" } else { "" }));
        vec![Party {
            key: self.portal.fields.counterparty_key.clone(),
            value,
            masked,
        }]
    }

    /// What the row is told apart by where the portal has no reference.
    fn fingerprint(
        &self,
        payment: &Payment,
        original: Option<String>,
    ) -> Result<Fingerprint, RowError> {
        let side =
            |direction| (payment.direction == direction).then(|| gsma_amount(payment.amount));
        let instant = |date: Option<DateTime<FixedOffset>>| {
            date.map(|date| date.timestamp_micros().to_string())
        };
        let value = |field: &Field| match field {
            Field::TransactionReference => payment.reference.clone(),
            Field::CompletionDate => instant(payment.completion_date),
            Field::CreationDate => instant(payment.creation_date),
            Field::Status => Some(payment.status.as_str().to_owned()),
            Field::Type => payment.sub_type.clone(),
            Field::Kind => payment.kind.map(|kind| kind.as_str().to_owned()),
            Field::Direction => Some(payment.direction.as_str().to_owned()),
            Field::Amount => Some(gsma_amount(payment.amount)),
            Field::Credit => side(Direction::Credit),
            Field::Debit => side(Direction::Debit),
            Field::Currency => Some(payment.currency.clone()),
            Field::Fee => payment.fee.map(gsma_amount),
            Field::BalanceAfter => payment
                .balance_after
                .map(|balance| balance.normalize().to_string()),
            Field::Counterparty => payment
                .counterparty
                .first()
                .map(|party| party.value.clone()),
            Field::PayerName => payment.payer_name.clone(),
            Field::CustomerReference => payment.customer_reference_raw.clone(),
            Field::OriginalReference => original.clone(),
        };
        let values: BTreeMap<_, _> = self
            .portal
            .fields
            .identity
            .iter()
            .map(|field| (*field, value(field)))
            .collect();
        if values.values().all(Option::is_none) {
            return Err(self.whole(Problem::NoIdentity));
        }
        Ok(identity::fingerprint(
            &self.page.account.operator,
            payment.direction,
            payment.kind,
            &values,
        ))
    }
}

/// What a file's `capture` keeps.
pub(super) fn captured<'t>(regex: &Regex, text: &'t str) -> &'t str {
    let kept = regex
        .captures(text)
        .and_then(|groups| groups.get(1).or_else(|| groups.get(0)));
    kept.map_or("", |kept| kept.as_str().trim())
}

/// Whole numbers that some program took for floats: `149730678579.0`, `1.49730678579E+11`, `1,4973E11`, `1E+11`. Another
/// day the same number stands there as it is, and would be another payment.
fn is_float(reference: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let exponent = |text: &str| digits(text) && text.len() <= 3;
    let (number, signed) = match reference.split_once(['e', 'E']) {
        None => (reference, None),
        Some((number, power)) => match power.strip_prefix('+') {
            Some(power) if exponent(power) => (number, Some(true)),
            None if exponent(power) => (number, Some(false)),
            Some(_) | None => return false,
        },
    };
    let parts = number.split_once(['.', ',']);
    match (parts, signed) {
        (Some((whole, fraction)), Some(_)) => digits(whole) && digits(fraction),
        (Some((whole, fraction)), None) => {
            let nothing = digits(fraction) && fraction.bytes().all(|b| b == b'0');
            // Three digits behind a comma are a group of thousands.
            digits(whole) && nothing && (number.contains('.') || fraction.len() < 3)
        }
        // Without a point or a sign it may be a code that has an E in it.
        (None, Some(signed)) => signed && digits(number),
        (None, None) => false,
    }
}

/// The value of a word: exact, else without regard to case.
pub(super) fn mapped<T: Copy>(map: &BTreeMap<String, T>, word: &str) -> Option<T> {
    map.get(word).copied().or_else(|| {
        let folded = word.to_lowercase();
        map.iter()
            .find(|(known, _)| known.to_lowercase() == folded)
            .map(|(_, value)| *value)
    })
}
