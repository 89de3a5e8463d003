//! What happens on the demo portal: payments, and everything that is not to be mistaken for one.

use rust_decimal::Decimal;

use super::portal::{PostError, Posting, RowKind, SideChannel};

/// Posts the next of an endless mix of rows: three in four are payments; equal ones, late ones, pending ones,
/// withdrawals with a charge, expired ones and reversals come round in turn.
///
/// # Errors
/// When the portal is full.
pub fn post_next(
    portal: &SideChannel,
    turn: u64,
    last_receipt: &mut Option<String>,
) -> Result<(), PostError> {
    let payment = Posting {
        kind: RowKind::Payment,
        ..Posting::default()
    };
    let posting = match turn % 12 {
        3 => Posting {
            twin_of: last_receipt.clone(),
            ..payment
        },
        5 => Posting {
            late_by: 45,
            ..payment
        },
        7 => Posting {
            kind: RowKind::Withdrawal,
            charge: Some(Decimal::new(3300, 2)),
            ..Posting::default()
        },
        8 => Posting {
            status: Some("Expired".to_owned()),
            ..payment
        },
        10 => Posting {
            status: Some("Pending Authorized".to_owned()),
            settles_in: Some(3),
            ..payment
        },
        11 if last_receipt.is_some() => Posting {
            kind: RowKind::Reversal,
            reverses: last_receipt.clone(),
            ..Posting::default()
        },
        _ => payment,
    };
    let is_payment = posting.kind == RowKind::Payment && posting.status.is_none();
    let receipt = portal.post_payment(&posting)?;
    if is_payment {
        *last_receipt = Some(receipt);
    }
    Ok(())
}
