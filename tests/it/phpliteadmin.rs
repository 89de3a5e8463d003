//! A portal nobody here wrote: Debian's phpLiteAdmin, unmodified, read by a selector file and no Rust of its own.

mod agent;
mod host;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use chrono_tz::Africa::Nairobi;
use rust_decimal::Decimal;
use serde_json::Value as Json;
use tillwatch::clock::Clock;

use agent::{Agent, Desk};
use host::{Host, PASSWORD, Row};

/// Payments in the table before the agent starts.
const SEEDED: u32 = 300;
const BURSTS: u32 = 6;
/// Rows of a burst; the last three of them are late.
const BURST: u32 = 10;
const LATE: u32 = 3;
/// Pending rows that complete meanwhile.
const COMPLETING: u32 = 4;

/// What must be told of a payment, and what was.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    amount: Decimal,
    completed: DateTime<Utc>,
    initiated: DateTime<Utc>,
    payer: Option<String>,
    msisdn: String,
    reference: Option<String>,
}

fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&Nairobi)
        .format("%Y-%m-%d %H:%M:%S")
        .to_string()
}

fn instant(local: &str) -> DateTime<Utc> {
    let local = NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M:%S").unwrap();
    local.and_local_timezone(Nairobi).unwrap().to_utc()
}

/// An incoming payment. Some cells are NULL, some hold what HTML must escape.
fn incoming(number: u32, completed: DateTime<Utc>) -> Row {
    Row {
        receipt: format!("BRZ{number:05}"),
        initiated: local(completed - TimeDelta::seconds(7)),
        completed: Some(local(completed)),
        direction: "in".to_owned(),
        amount: format!("{}.{:02}", 20 + number * 37 % 90_000, number * 5 % 100),
        payer: (!number.is_multiple_of(4)).then(|| format!("JANE <{}> & D.", number % 23)),
        msisdn: format!("254722***{:03}", number % 50),
        // phpLiteAdmin cuts a text after 300 characters unless it is asked for all of it.
        reference: (!number.is_multiple_of(5)).then(|| {
            "ACC-9900 "
                .repeat(1 + number as usize % 40)
                .trim()
                .to_owned()
        }),
        status: "Completed".to_owned(),
    }
}

/// 300 payments over a day and a half, every tenth the twin of the one before; and rows that are none.
fn seed(base: DateTime<Utc>, since: DateTime<Utc>) -> Vec<Row> {
    let mut rows: Vec<Row> = (0..SEEDED)
        .map(|number| incoming(number, base - TimeDelta::minutes(7 * i64::from(number))))
        .collect();
    for at in (1..rows.len()).step_by(10) {
        let twin = rows[at - 1].clone();
        rows[at] = Row {
            receipt: rows[at].receipt.clone(),
            ..twin
        };
    }
    for number in 0..5 {
        let hour = base - TimeDelta::hours(3 * i64::from(number));
        let status = |number, status: &str| Row {
            status: status.to_owned(),
            ..incoming(number, hour)
        };
        rows.push(status(80_000 + number, "Failed"));
        rows.push(Row {
            direction: "out".to_owned(),
            ..incoming(81_000 + number, hour)
        });
        rows.push(incoming(82_000 + number, since - TimeDelta::hours(1)));
        rows.push(pending(number, base));
    }
    rows
}

/// Has no completion time yet, so it stands on the last page.
fn pending(number: u32, base: DateTime<Utc>) -> Row {
    Row {
        completed: None,
        status: "Pending".to_owned(),
        ..incoming(83_000 + number, base - TimeDelta::hours(i64::from(number)))
    }
}

/// What the database says must be told.
fn owed(host: &Host, since: DateTime<Utc>) -> BTreeMap<String, Told> {
    let credits = host
        .rows()
        .into_iter()
        .filter(|row| row.status == "Completed" && row.direction == "in");
    credits
        .map(|row| {
            let told = Told {
                amount: row.amount.parse().unwrap(),
                completed: instant(&row.completed.unwrap()),
                initiated: instant(&row.initiated),
                payer: row.payer,
                msisdn: row.msisdn,
                reference: row.reference,
            };
            (row.receipt, told)
        })
        .filter(|(_, told)| told.completed >= since)
        .collect()
}

fn text(event: &Json, pointer: &str) -> Option<String> {
    let value = event.pointer(pointer)?;
    Some(value.as_str().unwrap().to_owned())
}

fn received(desk: &Desk) -> Vec<(String, Told)> {
    let instant = |event: &Json, pointer: &str| {
        let text = text(event, pointer).unwrap();
        DateTime::parse_from_rfc3339(&text).unwrap().to_utc()
    };
    desk.events()
        .iter()
        .filter(|event| event["type"] == "payment.received")
        .map(|event| {
            let told = Told {
                amount: text(event, "/data/amount").unwrap().parse().unwrap(),
                completed: instant(event, "/data/completionDate"),
                initiated: instant(event, "/data/creationDate"),
                payer: text(event, "/data/payerName"),
                msisdn: text(event, "/data/debitParty/0/value").unwrap(),
                reference: text(event, "/data/customerReferenceRaw"),
            };
            (text(event, "/subject").unwrap(), told)
        })
        .collect()
}

fn has_told(desk: &Desk, receipt: &str) -> bool {
    desk.events()
        .iter()
        .any(|event| event["type"] == "payment.received" && event["subject"] == receipt)
}

/// Posts each burst once the one before has begun to arrive; the sessions are forgotten on the way.
async fn grow(host: &Host, agent: &mut Agent<'_>, base: DateTime<Utc>) {
    let mut awaited = "BRZ00000".to_owned();
    for burst in 0..BURSTS {
        agent
            .until(&format!("{awaited} is told"), |desk| {
                has_told(desk, &awaited)
            })
            .await;
        let now = Clock::System.now().trunc_subsecs(0);
        let first = SEEDED + burst * BURST;
        let mut rows: Vec<Row> = (first..first + BURST - LATE)
            .map(|number| incoming(number, now))
            .collect();
        rows.extend((first + BURST - LATE..first + BURST).map(|number| {
            incoming(
                number,
                base - TimeDelta::minutes(31 * i64::from(number % 60)),
            )
        }));
        if burst < COMPLETING {
            rows.push(Row {
                completed: Some(local(now)),
                status: "Completed".to_owned(),
                ..pending(burst, base)
            });
        }
        host.post(&rows);
        awaited.clone_from(&rows[0].receipt);
        if burst == BURSTS / 2 {
            host.expire_sessions();
        }
    }
}

/// The seeded payments, and 60 more with late ones in bursts, while the agent watches.
#[tokio::test]
async fn every_payment_of_a_growing_table_is_told_once_and_as_the_database_has_it() {
    let base = Clock::System.now().trunc_subsecs(0) - TimeDelta::minutes(2);
    let since = base - TimeDelta::hours(40);
    let host = Host::start(&seed(base, since)).await;
    let account = format!(
        "since = \"{}\"\nlook_back = \"3d\"\npoll = \"1s\"\nsweep = \"10s\"\nspacing = \"1s\"",
        since.to_rfc3339()
    );
    let desk = Desk::new(&host, PASSWORD, &account).await;
    let mut agent = desk.run(&[]);
    grow(&host, &mut agent, base).await;

    let owed = owed(&host, since);
    assert_eq!(owed.len(), (SEEDED + BURSTS * BURST + COMPLETING) as usize);
    agent
        .until("everything is told", |desk| {
            received(desk).len() >= owed.len()
        })
        .await;
    // What is told twice, or should not be, has two more readings of the whole table to show.
    let pages = host.rows().len().div_ceil(40);
    let (_, loads) = host.page_loads();
    agent
        .until("the table is read twice more", |_| {
            host.page_loads().1 >= loads + 3 * pages
        })
        .await;
    assert_eq!(agent.stop().await, Some(0));

    eprintln!(
        "{} rows, {} owed; first and later pages loaded: {:?}; {} readings",
        host.rows().len(),
        owed.len(),
        host.page_loads(),
        desk.logged().matches("DEBUG read").count()
    );
    let told = received(&desk);
    assert_eq!(told.len(), owed.len());
    assert_eq!(told.into_iter().collect::<BTreeMap<_, _>>(), owed);
    let events = desk.events();
    let kinds: BTreeSet<&str> = events.iter().filter_map(|e| e["type"].as_str()).collect();
    assert_eq!(
        kinds,
        BTreeSet::from(["account.watermark", "payment.received"])
    );
    assert_eq!(
        host.sign_ins(),
        2,
        "one at the start, one after the sessions were forgotten"
    );
}

/// The portal has no lock; a real one would.
#[tokio::test]
async fn a_wrong_password_is_recognised_and_not_tried_again() {
    let host = Host::start(&[]).await;
    let desk = Desk::new(&host, "Baraza-2025", "").await;
    for _ in 0..2 {
        assert_eq!(desk.run(&["--once"]).ended().await, Some(7));
        assert_eq!(host.sign_ins(), 1);
    }
    assert!(
        desk.logged().contains("the portal refuses the password"),
        "{}",
        desk.logged()
    );
    assert!(!desk.logged().contains("Baraza-2025"));
}

/// "This table is empty", said by the page, is believed.
#[tokio::test]
async fn an_empty_table_is_read_as_one() {
    let host = Host::start(&[]).await;
    let desk = Desk::new(&host, PASSWORD, "").await;
    assert_eq!(
        desk.run(&["--once"]).ended().await,
        Some(0),
        "{}",
        desk.logged()
    );
    assert_eq!(received(&desk), []);
    assert_eq!(host.sign_ins(), 1);
}
