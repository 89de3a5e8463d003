//! The statement: what stands in it, in which order, and that it agrees with the portal's truth.

use super::visitor::{ALL, Stage, TODAY};
use chrono::{NaiveDateTime, Utc};
use reqwest::StatusCode;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use tillwatch::demo::portal::truth::TruthRow;
use tillwatch::demo::portal::{Direction, PortalConfig, PostError, Posting, RowKind, Truth};

const HEADERS: [&str; 13] = [
    "Receipt No.",
    "Completion Time",
    "Initiation Time",
    "Details",
    "Transaction Status",
    "Paid In",
    "Withdrawn",
    "Balance",
    "Balance Confirmed",
    "Reason Type",
    "Other Party Info",
    "Linked Transaction ID",
    "A/C No.",
];

fn number(cell: &str) -> Option<Decimal> {
    (!cell.is_empty()).then(|| cell.replace(',', "").parse().unwrap())
}

fn instant(cell: &str) -> Option<chrono::DateTime<Utc>> {
    let local = NaiveDateTime::parse_from_str(cell, "%d-%m-%Y %H:%M:%S").ok()?;
    Some(
        local
            .and_local_timezone(chrono_tz::Africa::Nairobi)
            .unwrap()
            .with_timezone(&Utc),
    )
}

fn amount(text: &str) -> Posting {
    Posting {
        amount: Some(text.parse().unwrap()),
        ..Posting::default()
    }
}

fn assert_chain(rows: &[BTreeMap<String, String>]) {
    let settled: Vec<_> = rows
        .iter()
        .filter(|row| !row["Balance"].is_empty())
        .collect();
    assert!(settled.len() > 1);
    for pair in settled.windows(2) {
        let moved = number(&pair[0]["Paid In"]).unwrap_or_default()
            + number(&pair[0]["Withdrawn"]).unwrap_or_default();
        assert_eq!(
            number(&pair[1]["Balance"]).unwrap() + moved,
            number(&pair[0]["Balance"]).unwrap()
        );
    }
}

fn agrees(row: &BTreeMap<String, String>, truth: &TruthRow) -> bool {
    let signed: Decimal = truth.amount.parse().unwrap();
    let (paid_in, withdrawn) = match truth.direction {
        Direction::Credit => (Some(signed), None),
        Direction::Debit => (None, Some(-signed)),
    };
    row["Receipt No."] == truth.receipt
        && instant(&row["Completion Time"]) == truth.completed_at
        && instant(&row["Initiation Time"]) == Some(truth.initiated_at)
        && row["Transaction Status"] == truth.status
        && number(&row["Paid In"]) == paid_in
        && number(&row["Withdrawn"]) == withdrawn
        && number(&row["Balance"])
            == truth
                .balance
                .as_ref()
                .map(|balance| balance.parse().unwrap())
        && row["Linked Transaction ID"] == truth.linked_receipt.clone().unwrap_or_default()
        && row["A/C No."] == truth.customer_reference.clone().unwrap_or_default()
        && truth
            .payer
            .as_ref()
            .is_none_or(|payer| row["Other Party Info"].starts_with(payer))
}

#[tokio::test]
async fn truth_over_http_agrees_with_every_row_of_the_pages() {
    let stage = Stage::open(PortalConfig::default()).await;
    assert_eq!(
        stage.post("/_control/history", r#"{"rows":412}"#).await.0,
        StatusCode::OK
    );
    let mut reader = stage.reader().await;
    let first = reader.get(ALL).await;
    assert_eq!(first.texts("#statement th"), HEADERS);
    assert_eq!(
        (first.texts("#count"), first.texts("#page")),
        (
            vec!["Records 1 - 20 of 412".into()],
            vec!["Page 1 of 21".into()]
        )
    );
    let rows = reader.read_all(ALL).await;
    let truth: Truth = serde_json::from_str(&reader.get("/_control/truth").await.html).unwrap();
    assert_eq!((rows.len(), truth.rows.len()), (412, 412));
    for row in &rows {
        assert_eq!(
            truth.rows.iter().filter(|truth| agrees(row, truth)).count(),
            1,
            "{row:?}"
        );
    }
    assert_chain(&rows);
    let pages = truth
        .loads
        .iter()
        .filter(|load| load.path == "/statement.action")
        .map(|load| load.page.unwrap_or(1));
    assert_eq!(
        pages.collect::<Vec<_>>(),
        [&[1], &(1..=21).collect::<Vec<_>>()[..]].concat()
    );
}

#[tokio::test]
async fn a_history_holds_every_kind_of_row_a_real_statement_holds() {
    let stage = Stage::open(PortalConfig::default()).await;
    stage.control.seed_history(900).unwrap();
    let rows = stage.control.truth().rows;
    let count = |test: &dyn Fn(&TruthRow) -> bool| rows.iter().filter(|row| test(row)).count();
    let by_receipt = |receipt: &str| {
        rows.iter()
            .filter(|row| row.receipt == receipt)
            .collect::<Vec<_>>()
    };
    for status in [
        "Completed",
        "Failed",
        "Expired",
        "Pending Authorized",
        "Declined",
    ] {
        assert!(count(&|row| row.status == status) > 0, "{status}");
    }
    for row in rows.iter().filter(|row| row.kind == RowKind::Charge) {
        assert!(
            matches!(by_receipt(&row.receipt)[..], [main, charge] if main.kind != RowKind::Charge && charge.balance.is_some())
        );
    }
    for row in rows.iter().filter(|row| row.kind == RowKind::Reversal) {
        let original = by_receipt(row.linked_receipt.as_ref().unwrap())[0];
        assert!(
            original.amount == row.amount
                && original.receipt != row.receipt
                && row.direction == Direction::Debit
        );
    }
    assert!(
        count(&|row| row.kind == RowKind::Reversal) > 5
            && count(&|row| row.kind == RowKind::Withdrawal) > 5
    );
    assert!(
        count(&|row| row.status == "Failed"
            && row.direction == Direction::Credit
            && row.balance.is_none())
            > 5
    );
    // Began before midnight, swept ten minutes after it.
    assert!(
        count(&|row| row.status == "Expired"
            && row
                .completed_at
                .is_some_and(|at| at.to_rfc3339().contains("T21:10:")))
            > 0
    );
    assert!(
        count(&|row| row
            .completed_at
            .is_some_and(|at| (row.visible_at - at).num_seconds() >= 200))
            > 5
    );
    let twins = |a: &TruthRow, b: &TruthRow| {
        a.payer == b.payer && a.amount == b.amount && a.receipt != b.receipt && a.kind == b.kind
    };
    let close = |a: &TruthRow, b: &TruthRow| (a.visible_at - b.visible_at).num_seconds().abs() < 10;
    assert!(
        count(&|row| rows
            .iter()
            .any(|other| twins(row, other) && close(row, other)))
            > 5
    );
    assert!(
        rows.windows(2)
            .any(|pair| pair[0].receipt > pair[1].receipt),
        "receipts follow no order"
    );
    assert!(
        rows.iter()
            .all(|row| row.receipt.starts_with("UKK") || row.receipt.starts_with("UKL"))
    );
}

#[tokio::test]
async fn cells_are_written_as_such_portals_write_them() {
    let stage = Stage::open(PortalConfig::default()).await;
    let paid = Posting {
        payer: Some("254722***000".into()),
        payer_name: Some("JANE D.".into()),
        reference: Some("acc 9900".into()),
        charge: Some(Decimal::new(1500, 2)),
        ..amount("12500.5")
    };
    let receipt = stage.control.post_payment(&paid).unwrap();
    stage
        .control
        .post_payment(&Posting {
            kind: RowKind::Reversal,
            reverses: Some(receipt.clone()),
            ..Posting::default()
        })
        .unwrap();
    let page = stage.reader().await.get(TODAY).await;
    let raw = page.texts("#statement td");
    assert!(
        raw.contains(&"\t21-11-2026 12:00:00".to_owned()),
        "a TAB leads the time"
    );
    assert!(
        raw.contains(&format!("{receipt}  ")),
        "spaces trail the receipt"
    );
    assert_eq!(
        page.column("Details"),
        [
            format!("Reversal of {receipt} to 254722***000 - JANE D."),
            "Pay merchant Charge".into(),
            "Pay Bill from 254722***000 - JANE D. Acc. acc 9900".into(),
        ]
    );
    assert_eq!(page.column("Paid In"), ["", "", "12,500.50"]);
    assert_eq!(page.column("Withdrawn"), ["-12,500.50", "-15.00", ""]);
    assert_eq!(
        page.column("Balance"),
        ["249,985.00", "262,485.50", "262,500.50"]
    );
    assert_eq!(
        page.column("Reason Type"),
        ["Org Reversal", "Pay merchant Charge", "Pay Bill Online"]
    );
    assert_eq!(
        page.column("Linked Transaction ID"),
        [receipt.as_str(), "", ""]
    );
    assert_eq!(
        page.texts("#statement tr:nth-child(4) td"),
        [
            "Time Period:",
            "From 21-11-2026 00:00:00 To 21-11-2026 23:59:59"
        ]
    );
}

#[tokio::test]
async fn a_late_row_stands_under_newer_ones_and_moves_their_balances() {
    let stage = Stage::open(PortalConfig::default()).await;
    let early = stage.control.post_payment(&amount("100")).unwrap();
    stage.pass(60);
    let newer = stage.control.post_payment(&amount("10")).unwrap();
    let mut reader = stage.reader().await;
    assert_eq!(
        reader.get(TODAY).await.column("Balance"),
        ["250,110.00", "250,100.00"]
    );
    stage.pass(30);
    let (_, answer) = stage
        .post("/_control/payments", r#"{"amount":"5.25","late_by":60}"#)
        .await;
    let page = reader.get(TODAY).await;
    assert_eq!(
        page.column("Receipt No."),
        [newer, answer["receipt"].as_str().unwrap().to_owned(), early]
    );
    assert_eq!(
        page.column("Balance"),
        ["250,115.25", "250,105.25", "250,100.00"]
    );
    let late = &stage.control.truth().rows[2];
    assert_eq!(
        (late.visible_at - late.completed_at.unwrap()).num_seconds(),
        60
    );
}

#[tokio::test]
async fn rows_move_to_the_next_page_when_newer_ones_come() {
    let stage = Stage::open(PortalConfig::default()).await;
    for _ in 0..40 {
        stage.control.post_payment(&Posting::default()).unwrap();
    }
    let mut reader = stage.reader().await;
    let first = reader.get(TODAY).await;
    assert!(!first.has("#previous"));
    stage.control.post_payment(&Posting::default()).unwrap();
    let second = reader.get(&first.attribute("#next", "href").unwrap()).await;
    assert_eq!(
        first.column("Receipt No.").last(),
        second.column("Receipt No.").first()
    );
    let last = reader
        .get(&second.attribute("#next", "href").unwrap())
        .await;
    assert_eq!(
        (
            last.texts("#count"),
            last.has("#next"),
            last.has("#previous")
        ),
        (vec!["Records 41 - 41 of 41".into()], false, true)
    );
    assert_eq!(
        reader.get(&format!("{TODAY}&page=9")).await.texts("#page"),
        ["Page 3 of 3"]
    );
}

#[tokio::test]
async fn a_period_without_rows_says_so_and_one_that_is_none_is_refused() {
    let stage = Stage::open(PortalConfig::default()).await;
    let mut reader = stage.reader().await;
    let empty = reader.get(TODAY).await;
    assert_eq!(
        (empty.texts("#no-records"), empty.texts("#count")),
        (
            vec!["No records found.".into()],
            vec!["Records 0 - 0 of 0".into()]
        )
    );
    for wrong in [
        "?from=2026-11-21&to=2026-11-21",
        "?from=22-11-2026&to=21-11-2026",
        "?from=21-11-2026",
    ] {
        let page = reader.get(&format!("/statement.action{wrong}")).await;
        assert!(page.has("#search-error") && !page.has("table"));
    }
}

#[tokio::test]
async fn a_pending_row_completes_or_declines_later() {
    let stage = Stage::open(PortalConfig::default()).await;
    let pending = Posting {
        status: Some("Pending Authorized".into()),
        ..amount("100")
    };
    let by_hand = stage.control.post_payment(&pending).unwrap();
    stage
        .control
        .post_payment(&Posting {
            settles_in: Some(30),
            settles_as: Some("Declined".into()),
            ..pending.clone()
        })
        .unwrap();
    let mut reader = stage.reader().await;
    let waiting = reader.get(TODAY).await;
    assert_eq!(
        (waiting.column("Completion Time"), waiting.column("Balance")),
        (vec![String::new(); 2], vec![String::new(); 2])
    );
    stage.pass(60);
    stage
        .post(
            "/_control/status",
            &format!(r#"{{"receipt":"{by_hand}","status":"Completed"}}"#),
        )
        .await;
    let settled = reader.get(TODAY).await;
    assert_eq!(
        settled.column("Transaction Status"),
        ["Completed", "Declined"]
    );
    assert_eq!(
        settled.column("Completion Time"),
        ["21-11-2026 12:01:00", "21-11-2026 12:00:30"]
    );
    assert_eq!(settled.column("Balance"), ["250,100.00", ""]);
    let row = &stage.control.truth().rows[0];
    assert_eq!(
        (
            (row.status_at - row.visible_at).num_seconds(),
            row.statuses.len()
        ),
        (60, 2)
    );
    stage.control.set_status(&by_hand, "Under Review").unwrap();
    assert_eq!(
        reader.get(TODAY).await.column("Balance"),
        ["250,100.00", ""],
        "settled money stays"
    );
}

#[tokio::test]
async fn an_expired_row_completes_after_the_period_it_belongs_to() {
    let stage = Stage::open(PortalConfig::default()).await;
    stage.pass(11 * 3_600 + 3_000);
    let waits = Posting {
        status: Some("Pending Authorized".into()),
        settles_in: Some(1_210),
        settles_as: Some("Expired".into()),
        ..amount("700")
    };
    stage.control.post_payment(&waits).unwrap();
    stage.pass(2_000);
    let row = &stage.reader().await.get(TODAY).await.rows()[0];
    assert_eq!(
        (
            row["Completion Time"].as_str(),
            row["Paid In"].as_str(),
            row["Balance"].as_str()
        ),
        ("22-11-2026 00:10:10", "700.00", "")
    );
}

#[tokio::test]
async fn what_no_row_could_show_is_refused_and_the_statement_is_bounded() {
    let stage = Stage::open(PortalConfig {
        max_rows: 2,
        ..PortalConfig::default()
    })
    .await;
    for wrong in ["0", "-5", "1.005", "99999999999"] {
        assert_eq!(
            stage.control.post_payment(&amount(wrong)),
            Err(PostError::Amount)
        );
    }
    let unknown = Posting {
        twin_of: Some("UKL0000000".into()),
        ..Posting::default()
    };
    assert!(matches!(
        stage.control.post_payment(&unknown),
        Err(PostError::UnknownReceipt { .. })
    ));
    for body in [
        r#"{"amount":5}"#,
        r#"{"amont":"5"}"#,
        r#"{"kind":"charge"}"#,
        r#"{"kind":"reversal"}"#,
    ] {
        assert_eq!(
            stage.post("/_control/payments", body).await.0,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{body}"
        );
    }
    assert!(stage.control.truth().rows.is_empty());
    stage.control.seed_history(2).unwrap();
    assert_eq!(
        stage.control.post_payment(&amount("5")),
        Err(PostError::Full { max_rows: 2 })
    );
}
