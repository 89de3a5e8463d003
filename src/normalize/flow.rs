//! Which way the money went, and how much. Pure.

use rust_decimal::Decimal;

use super::amount;
use super::error::{Problem, RowError};
use super::reader::{Reader, mapped};
use crate::payment::Direction;
use crate::selectors::{AmountIs, Field};

/// In `direction.map`: the cell holds the account's own number.
const OWN_NUMBER: &str = "{number}";

impl Reader<'_> {
    pub(super) fn currency(&mut self) -> Result<String, RowError> {
        let field = Field::Currency;
        if !self.portal.fields.sources.contains_key(&field) {
            return Ok(self.portal.currency.clone());
        }
        let Some(text) = self.text(field) else {
            return Err(self.error(field, Problem::Missing));
        };
        let code = text.to_ascii_uppercase();
        if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) {
            Ok(code)
        } else {
            Err(self.error(field, Problem::Currency))
        }
    }

    pub(super) fn money(
        &mut self,
        field: Field,
        currency: &str,
    ) -> Result<Option<Decimal>, RowError> {
        let Some(text) = self.text(field) else {
            return Ok(None);
        };
        match amount::parse(text, self.portal.fields.decimal, currency) {
            Ok(amount) => {
                self.step(|| format!("amount: {amount} {currency}"));
                Ok(Some(amount))
            }
            Err(problem) => Err(self.error(field, problem.into())),
        }
    }

    /// Direction and amount: from two columns, a word, a constant, or the sign.
    pub(super) fn flow(&mut self, currency: &str) -> Result<(Direction, Decimal), RowError> {
        let sources = &self.portal.fields.sources;
        if sources.contains_key(&Field::Credit) || sources.contains_key(&Field::Debit) {
            return self.sides(currency);
        }
        let direction = self.direction();
        let amount = self.money(Field::Amount, currency);
        let Some(amount) = amount? else {
            return Err(self.error(Field::Amount, Problem::Missing));
        };
        let direction = match direction? {
            Some(direction) => direction,
            None if amount.is_sign_negative() => Direction::Debit,
            None => Direction::Credit,
        };
        self.checked(Field::Amount, direction, amount)
    }

    /// Two columns of which one has an amount; zero counts as none.
    fn sides(&mut self, currency: &str) -> Result<(Direction, Decimal), RowError> {
        let (credit, debit) = (
            self.money(Field::Credit, currency),
            self.money(Field::Debit, currency),
        );
        let (credit, debit) = (credit?, debit?);
        let moved = |amount: Option<Decimal>| amount.filter(|amount| !amount.is_zero());
        match (moved(credit), moved(debit)) {
            (Some(_), Some(_)) => Err(self.whole(Problem::TwoSides)),
            (Some(amount), None) => self.checked(Field::Credit, Direction::Credit, amount),
            (None, Some(amount)) => self.checked(Field::Debit, Direction::Debit, amount),
            (None, None) => match (credit, debit) {
                (None, None) => Err(self.whole(Problem::NoSide)),
                (Some(_), _) => Err(self.error(Field::Credit, Problem::Zero)),
                (None, Some(_)) => Err(self.error(Field::Debit, Problem::Zero)),
            },
        }
    }

    /// A debit may be printed with or without a minus sign.
    fn checked(
        &mut self,
        field: Field,
        direction: Direction,
        amount: Decimal,
    ) -> Result<(Direction, Decimal), RowError> {
        if amount.is_zero() {
            return Err(self.error(field, Problem::Zero));
        }
        match direction {
            Direction::Credit if amount.is_sign_negative() => {
                Err(self.error(field, Problem::NegativeCredit))
            }
            Direction::Credit | Direction::Debit => Ok((direction, amount.abs())),
        }
    }

    fn direction(&mut self) -> Result<Option<Direction>, RowError> {
        let field = Field::Direction;
        if let Some(always) = self.portal.fields.always_direction {
            return Ok(Some(always));
        }
        if !self.portal.fields.sources.contains_key(&field) {
            return Ok(None);
        }
        let Some(text) = self.text(field) else {
            return Err(self.error(field, Problem::Missing));
        };
        let fields = &self.portal.fields;
        let own = (text == self.number()).then_some(OWN_NUMBER);
        let direction = own
            .and_then(|own| fields.directions.get(own).copied())
            .or_else(|| mapped(&fields.directions, text));
        match (direction, fields.other_direction) {
            (Some(direction), _) => {
                self.step(|| format!("map: {}", direction.as_str()));
                Ok(Some(direction))
            }
            (None, Some(other)) => {
                self.step(|| format!("not in the map, so `other`: {}", other.as_str()));
                Ok(Some(other))
            }
            (None, None) => Err(self.error(field, Problem::UnmappedWord)),
        }
    }

    /// What the payer paid and what of it was the fee, from what the portal prints.
    ///
    /// A portal whose amounts are net prints a fee that was given back, as of a refund, below zero. Beside gross amounts
    /// the sign says nothing.
    pub(super) fn gross(
        &mut self,
        direction: Direction,
        printed: Decimal,
        fee: Option<Decimal>,
    ) -> Result<(Decimal, Option<Decimal>), RowError> {
        let Some(fee) = fee.filter(|fee| !fee.is_zero()) else {
            return Ok((printed, None));
        };
        if self.portal.fields.amount_is == AmountIs::Gross {
            return Ok((printed, Some(fee.abs())));
        }
        let gross = match direction {
            Direction::Credit => printed + fee,
            Direction::Debit => printed - fee,
        };
        if gross <= Decimal::ZERO {
            return Err(self.error(Field::Fee, Problem::FeeTooLarge));
        }
        self.step(|| format!("the amount is net: {gross} with the fee"));
        Ok((gross, Some(fee)))
    }
}
