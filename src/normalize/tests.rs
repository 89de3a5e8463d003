//! Rows and what they are understood as.
#![expect(clippy::unwrap_used, reason = "a test")]

use super::*;
use crate::extract::tests::portal;
use crate::extract::{self, RowProblem};
use crate::payment::{
    AccountName, Direction, OperatorAccount, RowKind, Status, TransactionType, gsma_amount,
};
use crate::selectors::Portal;

const FIELDS: &str = r#"
transaction_reference = { header = "Receipt No." }
completion_date = { header = "Completion Time", formats = ["%d-%m-%Y %H:%M:%S"] }
creation_date = { header = "Initiation Time", formats = ["%d-%m-%Y %H:%M:%S"] }
status = { header = "Status", map = { Completed = "completed", Expired = "expired" } }
type = { header = "Reason Type", map = { "Pay Bill" = "billpay", "Org Reversal" = "reversal" }, other = "transfer" }
kind = { header = "Reason Type", map = { "Org Reversal" = "reversal", "Charge" = "charge" } }
credit = { header = "Paid In" }
debit = { header = "Withdrawn" }
balance_after = { header = "Balance" }
counterparty = { header = "Party", key = "msisdn", capture = "^(.+?)( - |$)" }
payer_name = { header = "Party", capture = " - (.+)$" }
customer_reference = { header = "A/C No." }
original_reference = { header = "Linked" }
"#;
const HEADERS: [&str; 11] = [
    "Receipt No.",
    "Completion Time",
    "Initiation Time",
    "Status",
    "Paid In",
    "Withdrawn",
    "Balance",
    "Reason Type",
    "Party",
    "Linked",
    "A/C No.",
];
const CREDIT: [&str; 11] = [
    "UKL4AB12CD",
    "\t21-11-2026 12:02:58",
    "\t21-11-2026 12:02:51",
    "Completed",
    "1,500.50",
    "",
    "81,200.00",
    "Pay Bill",
    "254722***000 - JANE D.",
    "",
    "acc 9900",
];

pub(super) fn account() -> AccountRef {
    AccountRef {
        name: AccountName::new("main").unwrap(),
        portal: "kilima".into(),
        operator: OperatorAccount {
            operator: "kilima".into(),
            number: "600123".into(),
        },
        account_key: "organisationid".into(),
        selector_format: "kilima@1".into(),
    }
}

pub(super) fn now() -> DateTime<Utc> {
    "2026-11-21T09:03:00Z".parse().unwrap()
}

fn row(portal: &Portal, headers: &[&str], cells: &[&str]) -> Row {
    let line = |tag: &str, texts: &[&str]| {
        let cells: String = texts
            .iter()
            .map(|text| format!("<{tag}>{text}</{tag}>"))
            .collect();
        format!("<tr>{cells}</tr>")
    };
    let html = format!(
        "<table>{}{}</table>",
        line("th", headers),
        line("td", cells)
    );
    extract::extract(portal, &extract::parse(&html).unwrap())
        .unwrap()
        .rows
        .remove(0)
}

fn understood(fields: &str, headers: &[&str], cells: &[&str]) -> Result<Normalized, RowError> {
    let portal = portal("", fields);
    let row = row(&portal, headers, cells);
    Page::new(&portal, &account(), std::slice::from_ref(&row), now()).payment(&row)
}

/// The credit above with other cells under the headers named.
fn with(changes: &[(&str, &str)]) -> Result<Normalized, RowError> {
    let mut cells = CREDIT;
    for (header, text) in changes {
        let at = HEADERS.iter().position(|known| known == header).unwrap();
        cells[at] = text;
    }
    understood(FIELDS, &HEADERS, &cells)
}

#[test]
fn a_completed_credit_is_understood_field_by_field() {
    let Normalized {
        payment,
        fingerprint,
    } = with(&[]).unwrap();
    assert_eq!(fingerprint, None);
    assert_eq!(payment.reference.as_deref(), Some("UKL4AB12CD"));
    assert_eq!(
        (payment.status, payment.status_text.as_str()),
        (Status::Completed, "Completed")
    );
    assert_eq!(
        (payment.transaction_type, payment.sub_type.as_deref()),
        (TransactionType::BillPay, Some("Pay Bill"))
    );
    assert_eq!((payment.direction, payment.kind), (Direction::Credit, None));
    assert_eq!(
        (
            gsma_amount(payment.amount).as_str(),
            payment.currency.as_str()
        ),
        ("1500.5", "KES")
    );
    let party = &payment.counterparty[0];
    assert_eq!(
        (party.key.as_str(), party.value.as_str(), party.masked),
        ("msisdn", "254722***000", true)
    );
    assert_eq!(payment.payer_name.as_deref(), Some("JANE D."));
    assert_eq!(payment.customer_reference_raw.as_deref(), Some("acc 9900"));
    assert_eq!(
        payment.completion_date.unwrap().to_rfc3339(),
        "2026-11-21T12:02:58+03:00"
    );
    assert_eq!(
        payment.creation_date.unwrap().to_rfc3339(),
        "2026-11-21T12:02:51+03:00"
    );
    assert_eq!(
        payment.balance_after.map(gsma_amount).as_deref(),
        Some("81200")
    );
}

#[test]
fn the_portals_word_for_nothing_is_an_empty_cell_only_where_the_file_names_it() {
    let nothing = [
        ("Withdrawn", "-"),
        ("A/C No.", "NULL"),
        ("Initiation Time", "NULL"),
    ];
    let mut cells = CREDIT;
    for (header, text) in nothing {
        let at = HEADERS.iter().position(|known| *known == header).unwrap();
        cells[at] = text;
    }
    let named = format!("{FIELDS}blank = [\"-\", \"NULL\"]\n");
    let payment = understood(&named, &HEADERS, &cells).unwrap().payment;
    assert_eq!(payment.direction, Direction::Credit);
    assert_eq!(payment.customer_reference_raw, None);
    assert_eq!(payment.creation_date, None);
    assert!(understood(FIELDS, &HEADERS, &cells).is_err());
    let literal = with(&[("A/C No.", "NULL")]).unwrap().payment;
    assert_eq!(literal.customer_reference_raw.as_deref(), Some("NULL"));
    cells[0] = "NULL";
    let error = understood(&named, &HEADERS, &cells).unwrap_err();
    assert!(error.to_string().contains("Receipt No."), "{error}");
}

#[test]
fn a_withdrawal_is_a_debit_whether_or_not_it_is_printed_negative() {
    for text in ["-120,000.00", "120,000.00", "−120,000.00"] {
        let payment = with(&[("Paid In", ""), ("Withdrawn", text)])
            .unwrap()
            .payment;
        assert_eq!(
            (payment.direction, gsma_amount(payment.amount).as_str()),
            (Direction::Debit, "120000")
        );
    }
    let payment = with(&[("Paid In", "0.00"), ("Withdrawn", "5")])
        .unwrap()
        .payment;
    assert_eq!(payment.direction, Direction::Debit);
}

#[test]
fn an_expired_row_with_an_amount_in_paid_in_is_a_payment_of_that_status() {
    let payment = with(&[("Status", "Expired"), ("Balance", "")])
        .unwrap()
        .payment;
    assert_eq!(
        (payment.status, payment.balance_after),
        (Status::Expired, None)
    );
    let payment = with(&[("Status", "EXPIRED"), ("Completion Time", "")])
        .unwrap()
        .payment;
    assert_eq!(
        (payment.status_text.as_str(), payment.completion_date),
        ("EXPIRED", None)
    );
}

#[test]
fn a_reversal_names_what_it_takes_back_and_a_charge_under_the_same_receipt_is_another_payment() {
    let original = with(&[]).unwrap().payment;
    let debit = [
        ("Paid In", ""),
        ("Withdrawn", "-1,500.50"),
        ("Linked", "ukl4ab12cd"),
    ];
    let reversal = with(
        &[
            &debit[..],
            &[("Receipt No.", "UKL9"), ("Reason Type", "Org Reversal")],
        ]
        .concat(),
    )
    .unwrap()
    .payment;
    assert_eq!(
        (reversal.kind, reversal.original_id),
        (Some(RowKind::Reversal), Some(original.id))
    );
    assert_eq!(reversal.original_reference.as_deref(), Some("ukl4ab12cd"));
    let charge = with(&[&debit[..], &[("Reason Type", "Charge")]].concat())
        .unwrap()
        .payment;
    let withdrawal = with(&debit).unwrap().payment;
    assert_eq!(
        (charge.original_reference, charge.kind),
        (None, Some(RowKind::Charge))
    );
    assert!(charge.id != withdrawal.id && withdrawal.id != original.id);
}

#[test]
fn masks_are_seen_in_numbers_and_spaces_leave_them() {
    for (printed, value, masked) in [
        ("2547 ***** 126", "2547*****126", true),
        ("0722XX11XX", "0722XX11XX", true),
        ("0722xxx000", "0722xxx000", true),
        ("(*********013)", "(*********013)", true),
        ("+254 722 000 000", "+254722000000", false),
        ("ID:XPAY/USER", "ID:XPAY/USER", false),
        ("AN***W KY*E", "AN***W KY*E", true),
    ] {
        let payment = with(&[("Party", printed)]).unwrap().payment;
        let party = &payment.counterparty[0];
        assert_eq!(
            (party.value.as_str(), party.masked),
            (value, masked),
            "{printed}"
        );
        assert_eq!(payment.payer_name, None);
    }
    assert!(
        with(&[("Party", "")])
            .unwrap()
            .payment
            .counterparty
            .is_empty()
    );
}

#[test]
fn what_cannot_be_understood_is_put_aside_without_a_word_of_its_text() {
    let refusals: &[(&[(&str, &str)], &str)] = &[
        (
            &[("Status", "Complete Payment")],
            "row 1, column 4, `Status` (field status), cell like `Aaaaaaaa Aaaaaaa`: is a word that its `map` does not have: add it there, or the payment stays dark",
        ),
        (
            &[("Status", "")],
            "row 1, column 4, `Status` (field status): is empty, but every payment has one: correct its header or `capture`, or name the row in `table.skip`",
        ),
        (
            &[("Receipt No.", "")],
            "row 1, column 1, `Receipt No.` (field transaction_reference): is empty, but every payment has one: correct its header or `capture`, or name the row in `table.skip`",
        ),
        (
            &[("Paid In", "1.500,50")],
            "row 1, column 5, `Paid In` (field credit), cell like `9.999,99`: does not follow `fields.decimal`: a group is three digits, and the decimal mark stands once, between digits",
        ),
        (
            &[("Paid In", "JANE")],
            "row 1, column 5, `Paid In` (field credit), cell like `AAAA`: holds more than one number and one currency word: use `capture` to keep the number",
        ),
        (
            &[("Paid In", "TZS 5")],
            "row 1, column 5, `Paid In` (field credit), cell like `AAA 9`: names another currency than the row has: correct `currency`",
        ),
        (
            &[("Paid In", "0.00")],
            "row 1, column 5, `Paid In` (field credit), cell like `9.99`: is zero: name such rows in `table.skip` if they are no payments",
        ),
        (
            &[("Paid In", "-5.00")],
            "row 1, column 5, `Paid In` (field credit), cell like `-9.99`: is below zero, which a credit cannot be: correct `direction`, or the headers of credit and debit",
        ),
        (
            &[("Paid In", "")],
            "row 1: neither credit nor debit has an amount: correct their headers, or name the row in `table.skip`",
        ),
        (
            &[("Withdrawn", "5")],
            "row 1: both credit and debit have an amount: correct their headers",
        ),
        (
            &[("Balance", "n/a")],
            "row 1, column 7, `Balance` (field balance_after), cell like `a/a`: holds more than one number and one currency word: use `capture` to keep the number",
        ),
        (
            &[("Completion Time", "")],
            "row 1, column 2, `Completion Time` (field completion_date): is empty, but the status says completed: correct its header, or the status map",
        ),
        (
            &[("Completion Time", "2026-11-21")],
            "row 1, column 2, `Completion Time` (field completion_date), cell like `9999-99-99`: follows none of the `formats`: add the one it is written in",
        ),
        (
            &[("Initiation Time", "21-12-2026 12:00:00")],
            "row 1, column 3, `Initiation Time` (field creation_date), cell like `99-99-9999 99:99:99`: is before 2000 or more than a day in the future: correct `formats` (day and month?) or `zone`",
        ),
    ];
    for (changes, message) in refusals {
        assert_eq!(with(changes).unwrap_err().to_string(), *message);
    }
    let long = "A".repeat(257);
    assert_eq!(
        with(&[("Receipt No.", &long)]).unwrap_err().problem,
        Problem::TooLong
    );
}

#[test]
fn a_row_that_does_not_stand_under_its_headers_is_put_aside() {
    let error = understood(FIELDS, &HEADERS, &["UKL4AB12CD", "5"]).unwrap_err();
    assert_eq!(
        error.problem,
        Problem::Row(RowProblem::CellCount {
            expected: 11,
            found: 2
        })
    );
}

const SIGNED: &str = r#"
transaction_reference = { header = "Id" }
completion_date = { header = "Date", formats = ["%Y-%m-%d %H:%M:%S"] }
status = { always = "completed" }
type = { always = "merchantpay" }
amount = { header = "Amount" }
currency = { header = "Currency" }
"#;
const SIGNED_HEADERS: [&str; 5] = ["Id", "Date", "Amount", "Currency", "Way"];

fn signed(
    fields: &str,
    amount: &str,
    currency: &str,
    way: &str,
) -> Result<(Direction, String), Problem> {
    let cells = ["13460000001", "2026-11-20 23:59:43", amount, currency, way];
    understood(&format!("{SIGNED}{fields}"), &SIGNED_HEADERS, &cells)
        .map(|row| {
            (
                row.payment.direction,
                format!(
                    "{} {}",
                    gsma_amount(row.payment.amount),
                    row.payment.currency
                ),
            )
        })
        .map_err(|error| error.problem)
}

#[test]
fn direction_comes_from_the_sign_a_word_or_the_file() {
    let credit = |text: &str| Ok((Direction::Credit, text.to_owned()));
    let debit = |text: &str| Ok((Direction::Debit, text.to_owned()));
    assert_eq!(signed("", "9,750", "xaf", ""), credit("9750 XAF"));
    assert_eq!(signed("", "-9,750 FCFA", "XAF", ""), debit("9750 XAF"));
    assert_eq!(signed("", "9,750", "F CFA", ""), Err(Problem::Currency));
    assert_eq!(signed("", "9,750", "", ""), Err(Problem::Missing));
    assert_eq!(signed("", "", "XAF", ""), Err(Problem::Missing));
    let word = "direction = { header = \"Way\", map = { In = \"credit\", Out = \"debit\" } }";
    assert_eq!(signed(word, "5", "XAF", "In"), credit("5 XAF"));
    assert_eq!(signed(word, "5", "XAF", "out"), debit("5 XAF"));
    assert_eq!(signed(word, "-5", "XAF", "Out"), debit("5 XAF"));
    assert_eq!(
        signed(word, "-5", "XAF", "In"),
        Err(Problem::NegativeCredit)
    );
    assert_eq!(
        signed(word, "5", "XAF", "Sideways"),
        Err(Problem::UnmappedWord)
    );
    assert_eq!(
        signed("direction = { always = \"credit\" }", "5", "XAF", ""),
        credit("5 XAF")
    );
}

const UNNAMED: &str = r#"
completion_date = { header = "Date", formats = ["%Y-%m-%d %H:%M:%S"] }
status = { header = "Status", map = { ok = "completed", wait = "pending" } }
type = { always = "merchantpay" }
amount = { header = "Amount" }
payer_name = { header = "Name" }
customer_reference = { header = "Note" }
identity = ["completion_date", "amount", "customer_reference"]
"#;

#[test]
fn without_a_reference_the_named_fields_tell_payments_apart_and_nothing_else() {
    let headers = ["Date", "Status", "Amount", "Name", "Note"];
    let of = |cells: [&str; 5]| {
        understood(UNNAMED, &headers, &cells)
            .unwrap()
            .fingerprint
            .unwrap()
    };
    let first = of(["2026-11-20 10:00:00", "ok", "5.00", "JANE D.", "acc 1"]);
    assert_eq!(
        of(["2026-11-20 10:00:00", "wait", "KES 5", "J*** D.", "acc  1"]),
        first
    );
    assert_ne!(
        of(["2026-11-20 10:00:01", "ok", "5.00", "JANE D.", "acc 1"]),
        first
    );
    assert_ne!(
        of(["2026-11-20 10:00:00", "ok", "-5.00", "JANE D.", "acc 1"]),
        first
    );
    assert_ne!(
        of(["2026-11-20 10:00:00", "ok", "5.00", "JANE D.", "acc 2"]),
        first
    );
}

#[test]
fn an_explanation_tells_every_field_also_of_a_row_that_is_put_aside() {
    let portal = portal("", FIELDS);
    let mut cells = CREDIT;
    cells[3] = "Unheard of";
    let row = row(&portal, &HEADERS, &cells);
    let account = account();
    let explanation = Page::new(&portal, &account, std::slice::from_ref(&row), now()).explain(&row);
    assert_eq!(
        explanation.outcome.unwrap_err().problem,
        Problem::UnmappedWord
    );
    let fields: Vec<_> = explanation.fields.iter().map(|trace| trace.field).collect();
    assert_eq!(fields.len(), 13, "{fields:?}");
    let of = |field| {
        explanation
            .fields
            .iter()
            .find(|trace| trace.field == field)
            .unwrap()
    };
    assert_eq!(of(Field::Credit).steps, ["amount: 1500.5 KES"]);
    assert_eq!(of(Field::PayerName).steps, ["capture keeps `JANE D.`"]);
    assert_eq!(
        of(Field::CompletionDate).steps,
        ["local time of Africa/Nairobi: 2026-11-21T12:02:58+03:00"]
    );
    assert!(of(Field::Status).steps[0].starts_with("error: is a word"));
    assert_eq!(of(Field::Kind).origin.as_deref(), Some("Reason Type"));
}
