//! What the cells of a new row say: as posted, else as in its original, else drawn from the seed.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::config::PortalConfig;
use super::dice::Dice;
use super::statement::{MAX_TEXT_CHARS, PostError, Posting, Row, RowKind};

const NAMES: [&str; 8] = [
    "JANE D.",
    "AMINA W.",
    "PETER K.",
    "GRACE N.",
    "JOHN O'B.",
    "FATUMA A.",
    "SAMUEL M.",
    "LUCY & SONS",
];
const MAX_AMOUNT_CENTS: i64 = 99_999_999_999;

/// Refuses what no row could show.
pub(super) fn check(posting: &Posting) -> Result<(), PostError> {
    let most = Decimal::new(MAX_AMOUNT_CENTS, 2);
    let printable = |amount: &Decimal| {
        *amount > Decimal::ZERO && *amount <= most && amount.normalize().scale() <= 2
    };
    if ![posting.amount, posting.charge]
        .iter()
        .flatten()
        .all(printable)
    {
        return Err(PostError::Amount);
    }
    let texts = [
        &posting.payer,
        &posting.payer_name,
        &posting.reference,
        &posting.status,
        &posting.settles_as,
    ];
    if texts
        .into_iter()
        .flatten()
        .any(|text| text.chars().count() > MAX_TEXT_CHARS)
    {
        return Err(PostError::TextTooLong);
    }
    match posting.kind {
        RowKind::Reversal if posting.reverses.is_some() => Ok(()),
        RowKind::Payment | RowKind::Withdrawal if posting.reverses.is_none() => Ok(()),
        RowKind::Charge | RowKind::Reversal | RowKind::Payment | RowKind::Withdrawal => {
            Err(PostError::Kind)
        }
    }
}

/// A row with its cells filled, still without receipt, status and times of its own.
pub(super) fn draft(
    dice: &mut Dice,
    posting: &Posting,
    original: Option<&Row>,
    now: DateTime<Utc>,
    config: &PortalConfig,
) -> Row {
    // Drawn whether needed or not: one posting takes the same throws whatever it names.
    let (drawn_amount, drawn_payer) = (amount(dice), payer(dice));
    let (drawn_name, drawn_reference) = (dice.pick(&NAMES), reference(dice));
    let amount = posting
        .amount
        .or(original.map(|row| row.amount))
        .unwrap_or(drawn_amount);
    let copied = |cell: fn(&Row) -> &Option<String>| original.and_then(|row| cell(row).clone());
    let payer = posting
        .payer
        .clone()
        .or_else(|| copied(|row| &row.payer))
        .unwrap_or(drawn_payer);
    let name = posting
        .payer_name
        .clone()
        .or_else(|| copied(|row| &row.payer_name))
        .unwrap_or(drawn_name.into());
    let reference = posting
        .reference
        .clone()
        .or_else(|| copied(|row| &row.reference))
        .unwrap_or(drawn_reference);
    let party = format!("{payer} - {name}");
    let holder = format!("{} - {}", config.short_code, config.organisation);
    let (details, reason, other_party) = match posting.kind {
        RowKind::Payment => (
            format!("Pay Bill from {party} Acc. {reference}"),
            "Pay Bill Online",
            party,
        ),
        RowKind::Withdrawal => (
            "Merchant Account to Organization Settlement Account".into(),
            "Withdraw Funds to Bank",
            holder,
        ),
        RowKind::Reversal => (
            format!(
                "Reversal of {} to {party}",
                posting.reverses.as_deref().unwrap_or_default()
            ),
            "Org Reversal",
            party,
        ),
        // Charges are made by `charge_of`; `check` refuses one posted alone.
        RowKind::Charge => ("Pay merchant Charge".into(), "Pay merchant Charge", holder),
    };
    let from_customer = matches!(posting.kind, RowKind::Payment | RowKind::Reversal);
    Row {
        receipt: String::new(),
        kind: posting.kind,
        amount,
        settled: false,
        initiated: now,
        completed: None,
        visible: now,
        statuses: Vec::new(),
        details,
        reason,
        other_party,
        payer: from_customer.then_some(payer),
        payer_name: from_customer.then_some(name),
        reference: (posting.kind == RowKind::Payment).then_some(reference),
        linked: posting.reverses.clone(),
        due: None,
    }
}

/// The fee of `row`: same receipt, times and status, out of the account.
pub(super) fn charge_of(row: &Row, amount: Decimal) -> Row {
    let (details, reason) = match row.kind {
        RowKind::Withdrawal => (
            "Withdraw Funds to Bank Charge",
            "Withdraw Funds to Bank Charge",
        ),
        RowKind::Payment | RowKind::Reversal | RowKind::Charge => {
            ("Pay merchant Charge", "Pay merchant Charge")
        }
    };
    Row {
        kind: RowKind::Charge,
        amount,
        details: details.into(),
        reason,
        payer: None,
        payer_name: None,
        reference: None,
        linked: None,
        ..row.clone()
    }
}

fn amount(dice: &mut Dice) -> Decimal {
    let shillings = if dice.between(1, 8) == 1 {
        dice.between(10_000, 180_000)
    } else {
        dice.between(20, 9_999)
    };
    let cents = if dice.between(1, 5) == 1 {
        dice.between(1, 99)
    } else {
        0
    };
    Decimal::new(shillings * 100 + cents, 2)
}

fn payer(dice: &mut Dice) -> String {
    format!(
        "2547{:02}***{:03}",
        dice.between(0, 99),
        dice.between(0, 999)
    )
}

/// The same account number as different customers type it.
fn reference(dice: &mut Dice) -> String {
    let number = dice.between(9_000, 9_999);
    match dice.next() % 7 {
        0 => format!("acc {number}"),
        1 => format!("Acc{number}"),
        2 => format!("ACC/{number}"),
        3 => format!("00{number}"),
        4 => format!("acc-{number}"),
        _ => format!("ACC-{number}"),
    }
}

/// Reads `"1500.50"`: a number in JSON would pass through binary floating point on its way.
pub(super) fn decimal_text<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<Decimal>, D::Error> {
    let text = Option::<String>::deserialize(input)?;
    text.map(|text| {
        text.parse()
            .map_err(|_| D::Error::custom("an amount is a string such as \"1500.50\""))
    })
    .transpose()
}
