//! A few minutes of a busy portal that ends sessions early and counts logins.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use tillwatch::clock::Clock;
use tillwatch::demo::portal::{PortalConfig, Posting};
use tillwatch::demo::traffic;
use tokio::time::interval;

use super::oracle::{missing, payments, verify, within_cap};
use super::stage::{Cast, Stage};

/// Logins that the portal allows within `WINDOW_S`.
const CAP: u32 = 3;
const WINDOW_S: u32 = 75;
/// Rows posted while the agent runs: three in four of them are payments that complete.
const ROWS: u64 = 140;
const SEEDED: usize = 450;

#[tokio::test]
async fn each_payment_comes_out_once_while_sessions_expire_and_the_cap_is_reached() {
    let since = Clock::System.now() - TimeDelta::days(2);
    let stage = Stage::set(
        vec![Cast {
            knobs: PortalConfig {
                login_cap: CAP,
                login_window_s: WINDOW_S,
                absolute_timeout_s: 20,
                // All days are read within one session, on a slow machine too.
                rows_per_page: 50,
                ..PortalConfig::default()
            },
            keys: format!(
                "poll = \"1s\"\nsweep = \"20s\"\nlook_back = \"2d\"\nsince = \"{}\"\n\
                 cap = {{ logins = {CAP}, per = \"{WINDOW_S}s\" }}\nreserve = 0\nspacing = \"1s\"",
                since.to_rfc3339()
            ),
            ..Cast::kilima()
        }],
        "",
    )
    .await;
    stage.portal().seed_history(SEEDED).unwrap();
    let seeded = payments(&stage.portal().truth(), since);
    assert!(seeded >= 300, "{seeded}");

    let agent = stage.start();
    let changed = post(&stage).await;
    stage
        .until("everything is out", || {
            let events = stage.events();
            let updates = events.iter().filter(|e| e["type"] == "payment.updated");
            updates.count() == changed.len()
                && missing(&events, &stage.portal().truth(), since) == 0
        })
        .await;
    assert_eq!(agent.stop().await, 0);

    let truth = stage.portal().truth();
    assert!(payments(&truth, since) >= seeded + 100);
    verify(&stage.events(), &truth, since, &changed);
    // The cap held, and it was reached.
    assert_eq!(within_cap(&truth, CAP, WINDOW_S), CAP as usize);
    assert!(stage.log().contains("waits for its next login"));
    let gaps = stage
        .events()
        .into_iter()
        .filter(|e| e["type"] == "account.gap");
    assert_eq!(gaps.count(), 0);
    stage.is_bare().await;
}

/// Rows of every kind; now and then one that is long overdue, and a told payment whose status changes. Gives the latter.
async fn post(stage: &Stage) -> Vec<String> {
    let (mut changed, mut last_receipt) = (Vec::new(), None);
    let mut pace = interval(Duration::from_millis(500));
    for turn in 0..ROWS {
        pace.tick().await;
        traffic::post_next(stage.portal(), turn, &mut last_receipt).unwrap();
        if turn % 30 == 17 {
            let long_overdue = Posting {
                late_by: 1800,
                ..Posting::default()
            };
            stage.portal().post_payment(&long_overdue).unwrap();
        }
        if turn % 30 == 25 {
            let events = stage.events();
            let told = events
                .iter()
                .rev()
                .filter(|e| e["type"] == "payment.received");
            let mut receipts = told.map(|e| e["subject"].as_str().unwrap().to_owned());
            if let Some(receipt) = receipts.find(|receipt| !changed.contains(receipt)) {
                stage.portal().set_status(&receipt, "Reversed").unwrap();
                changed.push(receipt);
            }
        }
    }
    assert!(changed.len() > 2, "{changed:?}, {}", Utc::now());
    changed
}
