//! A payment: a row of a portal's table, understood. Pure.
//!
//! Field names follow the GSMA Mobile Money API 1.2 (`transactionReference`, `debitParty`, …).
//! These types are not `Serialize`: the wire form is `event.rs`, the stored form `store/codec.rs`.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset};
use rust_decimal::Decimal;

/// Name of an account in our config: `[a-z0-9-]`, at most 64 characters. Never part of an id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

/// Why a text is no account name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an account name is 1 to 64 of the characters a-z, 0-9 and '-'")]
pub struct NotAnAccountName;

impl AccountName {
    /// Checks `name` against `[a-z0-9-]{1,64}`.
    ///
    /// # Errors
    /// When it is empty, too long or holds another character.
    pub fn new(name: &str) -> Result<Self, NotAnAccountName> {
        let fits = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(name.to_owned()))
        } else {
            Err(NotAnAccountName)
        }
    }

    /// The name as written in the config.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The account at the operator that the money moves on: what ids and `source` are made from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperatorAccount {
    /// The operator's word from the selector file, e.g. `kilima`.
    pub operator: String,
    /// Short code, till or wallet number as the operator writes it, e.g. `600123`.
    pub number: String,
}

/// 128 bits that stand for one payment for ever; printed as `pay_` and 26 base32 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentId(pub [u8; 16]);

/// Why a text is no payment id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payment id is `pay_` and 26 characters of a-z2-7")]
pub struct NotAPaymentId;

/// RFC 4648 base32, lower case, no padding: 16 bytes are 26 characters.
#[must_use]
pub fn base32(bytes: &[u8; 16]) -> String {
    data_encoding::BASE32_NOPAD
        .encode(bytes)
        .to_ascii_lowercase()
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pay_{}", base32(&self.0))
    }
}

impl fmt::Debug for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PaymentId {
    type Err = NotAPaymentId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("pay_").ok_or(NotAPaymentId)?;
        let bytes = data_encoding::BASE32_NOPAD
            .decode(digits.to_ascii_uppercase().as_bytes())
            .map_err(|_| NotAPaymentId)?;
        <[u8; 16]>::try_from(bytes)
            .map(PaymentId)
            .map_err(|_| NotAPaymentId)
    }
}

/// Which way the money went, seen from the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Into the account.
    Credit,
    /// Out of the account.
    Debit,
}

impl Direction {
    /// `credit` or `debit`, on the wire and in ids.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Credit => "credit",
            Direction::Debit => "debit",
        }
    }
}

/// What the operator says became of the transaction. An unmapped word is no status: its row is quarantined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Begun, not decided.
    Pending,
    /// The money moved.
    Completed,
    /// It did not, for a technical reason.
    Failed,
    /// A person took it back before it completed.
    Cancelled,
    /// Nobody completed it in time.
    Expired,
    /// Refused.
    Declined,
    /// It had moved and was taken back.
    Reversed,
}

impl Status {
    /// Every status, in the order of the docs.
    pub const ALL: [Status; 7] = [
        Status::Pending,
        Status::Completed,
        Status::Failed,
        Status::Cancelled,
        Status::Expired,
        Status::Declined,
        Status::Reversed,
    ];

    /// The word on the wire and in selector files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
            Status::Expired => "expired",
            Status::Declined => "declined",
            Status::Reversed => "reversed",
        }
    }
}

/// GSMA `type` of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionType {
    /// `billpay`
    BillPay,
    /// `deposit`
    Deposit,
    /// `disbursement`
    Disbursement,
    /// `transfer`
    Transfer,
    /// `merchantpay`
    MerchantPay,
    /// `inttransfer`
    IntTransfer,
    /// `adjustment`
    Adjustment,
    /// `reversal`
    Reversal,
    /// `withdrawal`
    Withdrawal,
}

impl TransactionType {
    /// Every type, in GSMA's order.
    pub const ALL: [TransactionType; 9] = [
        TransactionType::BillPay,
        TransactionType::Deposit,
        TransactionType::Disbursement,
        TransactionType::Transfer,
        TransactionType::MerchantPay,
        TransactionType::IntTransfer,
        TransactionType::Adjustment,
        TransactionType::Reversal,
        TransactionType::Withdrawal,
    ];

    /// GSMA's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TransactionType::BillPay => "billpay",
            TransactionType::Deposit => "deposit",
            TransactionType::Disbursement => "disbursement",
            TransactionType::Transfer => "transfer",
            TransactionType::MerchantPay => "merchantpay",
            TransactionType::IntTransfer => "inttransfer",
            TransactionType::Adjustment => "adjustment",
            TransactionType::Reversal => "reversal",
            TransactionType::Withdrawal => "withdrawal",
        }
    }
}

/// A row that is not an ordinary payment although it may carry the reference of one. Part of the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKind {
    /// A fee on another row, often under that row's reference.
    Charge,
    /// Takes another payment back; names it in `original_reference`.
    Reversal,
}

impl RowKind {
    /// Every kind.
    pub const ALL: [RowKind; 2] = [RowKind::Charge, RowKind::Reversal];

    /// The word in selector files and ids.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RowKind::Charge => "charge",
            RowKind::Reversal => "reversal",
        }
    }
}

/// One identifier of a party: GSMA `{key, value}`, and whether the portal masked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// GSMA key: `msisdn`, `organisationid`, `accountid`, …
    pub key: String,
    /// As printed by the portal, trimmed, spaces inside a number removed.
    pub value: String,
    /// Some digits are hidden.
    pub masked: bool,
}

/// A row understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Our idempotency key.
    pub id: PaymentId,
    /// The portal's own number, trimmed; `None` where the portal has none and the id is a hash of fields.
    pub reference: Option<String>,
    /// Ordinary payment (`None`), or what else the row is.
    pub kind: Option<RowKind>,
    /// Mapped status.
    pub status: Status,
    /// The portal's word for it.
    pub status_text: String,
    /// GSMA type.
    pub transaction_type: TransactionType,
    /// The portal's word for the type, when it has one.
    pub sub_type: Option<String>,
    /// Seen from the account.
    pub direction: Direction,
    /// Greater than zero, gross.
    pub amount: Decimal,
    /// What the operator kept of it, in the same currency, where the portal says so; below zero where it was given back.
    pub fee: Option<Decimal>,
    /// ISO 4217.
    pub currency: String,
    /// The payer of a credit, the payee of a debit; empty when the portal does not say.
    pub counterparty: Vec<Party>,
    /// Name of the other side as printed.
    pub payer_name: Option<String>,
    /// What the payer typed (account number, note), as printed.
    pub customer_reference_raw: Option<String>,
    /// When it completed. Always there when `status` is completed.
    pub completion_date: Option<DateTime<FixedOffset>>,
    /// When it was begun.
    pub creation_date: Option<DateTime<FixedOffset>>,
    /// Balance of the account after this row.
    pub balance_after: Option<Decimal>,
    /// On a reversal: the reference of the payment that it takes back.
    pub original_reference: Option<String>,
    /// Id of the payment that `original_reference` names, whether or not we ever saw it.
    pub original_id: Option<PaymentId>,
}

impl Payment {
    /// The instant that places the row in time: completion, else initiation.
    #[must_use]
    pub fn instant(&self) -> Option<DateTime<FixedOffset>> {
        self.completion_date.or(self.creation_date)
    }

    /// What the payment made of the account's balance, where the fee is known.
    #[must_use]
    pub fn net_amount(&self) -> Option<Decimal> {
        self.fee.map(|fee| match self.direction {
            Direction::Credit => self.amount - fee,
            Direction::Debit => self.amount + fee,
        })
    }

    /// `customer_reference_raw` made comparable: letters and digits, upper case, words joined by one `-`.
    #[must_use]
    pub fn customer_reference(&self) -> Option<String> {
        let raw = self.customer_reference_raw.as_deref()?;
        let words: Vec<String> = raw
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_uppercase)
            .collect();
        (!words.is_empty()).then(|| words.join("-"))
    }
}

/// An amount as GSMA writes it: no sign, no trailing zeros, no exponent (`1000.5`, `1500`).
#[must_use]
pub fn gsma_amount(amount: Decimal) -> String {
    amount.abs().normalize().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_id_prints_as_26_characters_and_parses_back() {
        let id = PaymentId([0xA5; 16]);
        let text = id.to_string();
        assert_eq!(text.len(), "pay_".len() + 26);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!("pay_short".parse::<PaymentId>(), Err(NotAPaymentId));
    }

    #[test]
    fn amounts_are_written_as_gsma_wants_them() {
        let written = |text: &str| text.parse::<Decimal>().map(gsma_amount);
        assert_eq!(written("1000.50").as_deref(), Ok("1000.5"));
        assert_eq!(written("-120000.00").as_deref(), Ok("120000"));
        assert_eq!(written("0.0100").as_deref(), Ok("0.01"));
    }

    #[test]
    fn account_names_are_safe_in_paths_and_urls() {
        assert!(AccountName::new("kilima-main").is_ok());
        for bad in ["", "Kilima", "a/b", "..", "a b"] {
            assert_eq!(AccountName::new(bad), Err(NotAnAccountName), "{bad:?}");
        }
    }
}
