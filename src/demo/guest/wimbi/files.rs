//! Wimbi's rows as files: CSV in English and French, an HTML table, JSON objects.

use std::fmt::Write as _;
use std::io::Write as _;

use chrono_tz::Tz;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::escape;
use crate::demo::portal::statement::Line;
use crate::demo::portal::{Direction, RowKind};

/// The id of a row.
pub(super) fn id(line: &Line<'_>) -> String {
    format!("T_{:016}", line.number)
}

fn kind(line: &Line<'_>) -> &'static str {
    match line.row.kind {
        RowKind::Payment => "merchant_payment",
        RowKind::Charge => "service_fee",
        RowKind::Withdrawal => "api_payout",
        RowKind::Reversal => "merchant_payment_refund",
    }
}

fn status(line: &Line<'_>) -> &'static str {
    match line.row.status() {
        "Completed" => "succeeded",
        "Failed" | "Declined" | "Expired" => "failed",
        _ => "processing",
    }
}

fn signed(line: &Line<'_>) -> Decimal {
    match line.row.direction() {
        Direction::Credit => line.row.amount,
        Direction::Debit => -line.row.amount,
    }
}

fn at(line: &Line<'_>, zone: Tz, format: &str) -> String {
    let at = line.row.place().with_timezone(&zone);
    at.format(format).to_string()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// As Wave writes it: net amounts, a 12-hour clock with double spaces.
pub(super) fn english(lines: &[Line<'_>], zone: Tz) -> String {
    let mut csv = "timestamp,transaction_id,transaction_type,amount,currency,counterparty_mobile,counterparty_name,client_reference,status\r\n".to_owned();
    for line in lines {
        let _ = write!(
            csv,
            "{},{},{},{:.2},UGX,{},{},{},{}\r\n",
            at(line, zone, "%b %-d  %Y  %I:%M:%S %p"),
            id(line),
            kind(line),
            signed(line),
            line.row.payer.as_deref().unwrap_or_default(),
            quoted(line.row.payer_name.as_deref().unwrap_or_default()),
            quoted(line.row.reference.as_deref().unwrap_or_default()),
            status(line),
        );
    }
    csv
}

/// The same in French, with a header of which one word was decoded twice.
pub(super) fn french(lines: &[Line<'_>], zone: Tz) -> String {
    let mut csv = "\u{feff}Horodatage;Identifiant de transaction;Type de transaction;Montant;Devise;NumÃ©ro de téléphone;Nom;Référence client;État\n".to_owned();
    for line in lines {
        let _ = writeln!(
            csv,
            "{};{};{};{};UGX;{};{};{};{}",
            at(line, zone, "%Y-%m-%d %H:%M:%S"),
            id(line),
            kind(line),
            format!("{:.2}", signed(line)).replace('.', ","),
            line.row.payer.as_deref().unwrap_or_default(),
            line.row.payer_name.as_deref().unwrap_or_default(),
            quoted(line.row.reference.as_deref().unwrap_or_default()),
            status(line),
        );
    }
    csv
}

/// What some portals call Excel.
pub(super) fn page(lines: &[Line<'_>], zone: Tz) -> String {
    let mut html = "<html><head><meta charset=\"utf-8\"></head><body><table border=1><tr><th>timestamp<th>transaction_id\
                    <th>transaction_type<th>amount<th>status</tr>"
        .to_owned();
    for line in lines {
        let _ = write!(
            html,
            "<tr><td>{}<td>{}<td>{}<td>{:.2}<td>{}</tr>",
            at(line, zone, "%b %-d  %Y  %I:%M:%S %p"),
            id(line),
            kind(line),
            signed(line),
            escape(status(line)),
        );
    }
    html + "</table></body></html>"
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    // Into memory, which takes everything.
    let _ = packed.write_all(bytes);
    packed.finish().unwrap_or_default()
}

/// One object per row.
pub(super) fn items(lines: &[Line<'_>], zone: Tz) -> Vec<Value> {
    let item = |line: &Line<'_>| {
        json!({
            "id": id(line),
            "when": at(line, zone, "%Y-%m-%d %H:%M:%S"),
            "type": kind(line),
            "amount": { "value": format!("{:.2}", signed(line)), "currency": "UGX" },
            "counterparty": { "mobile": line.row.payer, "name": line.row.payer_name },
            "client_reference": line.row.reference,
            "status": status(line),
        })
    };
    lines.iter().map(item).collect()
}
