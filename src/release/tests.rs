//! On the real store: what is released is told once, and what is not understood stays.
#![expect(clippy::unwrap_used, reason = "a test")]

use chrono::TimeDelta;

use super::*;
use crate::clock::Clock;
use crate::selectors::file;
use crate::store::QuarantinedRow;
use crate::trial;
use crate::understand::{Understood, table_page};

const SHIPPED: &str = include_str!("../../selectors/kilima.toml");
const HEADERS: &str = "Receipt No.|Completion Time|Initiation Time|Details|Transaction Status|Paid In|Withdrawn|Balance|\
                       Balance Confirmed|Reason Type|Other Party Info|Linked Transaction ID|A/C No.";

fn portal(text: &str) -> Arc<Portal> {
    Arc::new(file::parse("kilima", "kilima.toml", text).unwrap())
}

/// With another word for a status.
fn knows(word: &str, status: &str) -> Arc<Portal> {
    let line = format!("[fields.status.map]\n{word} = \"{status}\"");
    portal(&SHIPPED.replace("[fields.status.map]", &line))
}

fn now() -> DateTime<Utc> {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn row(receipt: &str, status: &str, amount: &str) -> String {
    format!(
        "{receipt}|21-11-2026 12:02:58|21-11-2026 12:02:51|Payment|{status}|{amount}||9,000.00|true|Pay Bill Online|\
         254722***000 - JANE D.||acc 9900"
    )
}

struct World {
    store: Store,
    account: AccountRef,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Clock::System).await.unwrap();
        let account = trial::account(&portal(SHIPPED), Some("600123"));
        let since = "2026-01-01T00:00:00Z".parse().unwrap();
        store.begin_account(&account.name, since).await.unwrap();
        Self {
            store,
            account,
            _dir: dir,
        }
    }

    /// Reads a page with these rows at `at` and commits it, as the agent does.
    async fn reads(&self, portal: &Portal, rows: &[String], at: DateTime<Utc>) {
        let line = |tag: &str, cells: &str| {
            let cells = cells.replace('|', &format!("</{tag}><{tag}>"));
            format!("<tr><{tag}>{cells}</{tag}></tr>")
        };
        let rows: String = rows.iter().map(|row| line("td", row)).collect();
        let html = format!(
            "<div id=operator><b id=operator-name>J</b></div><table id=statement>{}{rows}</table>",
            line("th", HEADERS)
        );
        let Understood::Table(page) = table_page(portal, &self.account, &html, at).unwrap() else {
            unreachable!()
        };
        let mut reading = Reading {
            account: self.account.clone(),
            read_at: at,
            payments: Vec::new(),
            quarantined: Vec::new(),
            understood: Vec::new(),
            watermark: None,
            read_through: None,
            gaps: GapsFound::default(),
        };
        let keys = RowKey::of_page(page.rows.iter().map(|row| row.cells.as_slice()));
        for (row, key) in page.rows.into_iter().zip(keys) {
            match row.meaning {
                Ok(read) => reading.payments.push(read.payment),
                Err(error) => reading.quarantined.push(QuarantinedRow {
                    key,
                    cells: row.cells,
                    reason: error.to_string(),
                    held: row.held.map(|held| *held),
                }),
            }
        }
        self.store.commit(reading).await.unwrap();
    }

    async fn releases(&self, portal: &Arc<Portal>) -> Released {
        release(&self.store, &self.account, portal, now())
            .await
            .unwrap()
    }

    /// Type and subject of every event.
    async fn told(&self) -> Vec<(String, String)> {
        let lines = self.store.outbox_after(0, 1_000).await.unwrap();
        let told = lines.iter().map(|line| {
            let event: serde_json::Value = serde_json::from_str(&line.json).unwrap();
            let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
            (text("type"), text("subject"))
        });
        told.collect()
    }

    async fn held(&self) -> usize {
        self.store.quarantine(None).await.unwrap().len()
    }
}

fn counts(released: &Released) -> (usize, usize, usize) {
    (released.told, released.silent, released.stays.len())
}

fn received(receipt: &str) -> (String, String) {
    ("payment.received".to_owned(), receipt.to_owned())
}

#[tokio::test]
async fn what_a_corrected_file_understands_is_told_once_with_the_id_of_a_reading() {
    let world = World::new().await;
    let rows = [
        row("UKL1", "Quibbled", "5.00"),
        row("UKL2", "Parked", "6.00"),
    ];
    world.reads(&portal(SHIPPED), &rows, now()).await;
    assert_eq!((world.held().await, world.told().await), (2, vec![]));

    let unchanged = world.releases(&portal(SHIPPED)).await;
    assert_eq!(counts(&unchanged), (0, 0, 2));
    assert!(unchanged.leaves_words());
    assert!(!unchanged.to_string().contains("Quibbled"), "{unchanged}");

    let fixed = knows("Quibbled", "completed");
    let first = world.releases(&fixed).await;
    assert_eq!(counts(&first), (1, 0, 1));
    let why = &first.stays[0].why;
    assert!(
        why.contains("row 2, column 5, `Transaction Status`"),
        "{why}"
    );
    let second = world.releases(&fixed).await;
    assert_eq!(counts(&second), (0, 0, 1));
    // The portal still shows them, to an agent that was restarted.
    world
        .reads(&fixed, &rows, now() + TimeDelta::hours(1))
        .await;
    assert_eq!(world.told().await, [received("UKL1")]);
    let line = &world.store.outbox_after(0, 1).await.unwrap()[0].json;
    assert!(
        line.contains("\"firstSeen\":\"2026-11-21T10:00:00"),
        "{line}"
    );
}

#[tokio::test]
async fn rows_that_share_a_reference_and_move_other_money_stay() {
    let world = World::new().await;
    let shipped = portal(SHIPPED);
    let rows = ["5.00", "6.00"].map(|amount| row("UKL1", "Completed", amount));
    world.reads(&shipped, &rows, now()).await;
    let released = world.releases(&shipped).await;
    assert_eq!(counts(&released), (0, 0, 2));
    for row in &released.stays {
        assert!(row.why.contains("other money"), "{}", row.why);
    }
    assert_eq!((world.held().await, world.told().await), (2, vec![]));
}

#[tokio::test]
async fn a_row_that_the_file_now_names_as_no_payment_is_released_in_silence() {
    let world = World::new().await;
    world
        .reads(&portal(SHIPPED), &[row("UKL1", "Quibbled", "5.00")], now())
        .await;
    let rows = "rows = \"table#statement tr\"";
    let skips =
        format!("{rows}\nskip = [{{ header = \"Transaction Status\", text = \"^Quibbled$\" }}]");
    let skipped = world
        .releases(&portal(&SHIPPED.replace(rows, &skips)))
        .await;
    assert_eq!(counts(&skipped), (0, 1, 0));
    assert_eq!((world.held().await, world.told().await), (0, vec![]));
}

#[tokio::test]
async fn a_row_that_a_later_reading_overtook_tells_nothing_and_a_change_of_a_known_payment_is_told()
{
    let world = World::new().await;
    let later = now() + TimeDelta::hours(1);
    let shipped = portal(SHIPPED);
    world
        .reads(&shipped, &[row("UKL1", "Quibbled", "5.00")], now())
        .await;
    world
        .reads(&shipped, &[row("UKL1", "Completed", "5.00")], later)
        .await;
    let fixed = knows("Quibbled", "reversed");
    assert_eq!(counts(&world.releases(&fixed).await), (0, 1, 0));

    world
        .reads(
            &shipped,
            &[row("UKL1", "Quibbled", "5.00")],
            later + TimeDelta::hours(1),
        )
        .await;
    assert_eq!(counts(&world.releases(&fixed).await), (1, 0, 0));
    let updated = ("payment.updated".to_owned(), "UKL1".to_owned());
    assert_eq!(world.told().await, [received("UKL1"), updated]);
}

#[tokio::test]
async fn what_was_told_is_not_told_as_undecided_again() {
    let world = World::new().await;
    let shipped = portal(SHIPPED);
    let hours = |hours: i64| now() + TimeDelta::hours(hours);
    for (at, status) in [(0, "Completed"), (1, "Quibbled"), (2, "Completed")] {
        let shown = [row("UKL1", status, "5.00")];
        world.reads(&shipped, &shown, hours(at)).await;
    }
    let released = world.releases(&knows("Quibbled", "pending")).await;
    assert_eq!(counts(&released), (0, 1, 0));
    assert_eq!(world.told().await, [received("UKL1")]);
}

#[tokio::test]
async fn a_file_that_gives_other_ids_than_the_one_read_by_releases_nothing() {
    let world = World::new().await;
    let shown = [row("UKL1", "Quibbled", "5.00")];
    world.reads(&portal(SHIPPED), &shown, now()).await;
    let read_by = ReadBy {
        file: SHIPPED.to_owned(),
        zone: "Africa/Nairobi".to_owned(),
        currency: "KES".to_owned(),
        refused: None,
    };
    let kept = world.store.set_read_by(&world.account.name, read_by);
    kept.await.unwrap();
    let line = "transaction_reference = { header = \"Receipt No.\" }";
    let other = line.replace(" }", ", capture = \"^.(.*)$\" }");
    let fixed = knows("Quibbled", "completed");
    let released = |by: Arc<Portal>| {
        let (store, account) = (world.store.clone(), world.account.clone());
        async move { release_alone(&store, &account, &by, now()).await }
    };
    let both = portal(&fixed.text.replace(line, &other));
    let refused = released(both).await.unwrap_err();
    assert!(matches!(refused, ReleaseError::NotCompared), "{refused}");
    assert_eq!((world.held().await, world.told().await), (1, vec![]));
    released(fixed).await.unwrap();
    assert_eq!(world.told().await, [received("UKL1")]);
}

#[tokio::test]
async fn a_doubt_about_day_and_month_is_not_forgotten_with_the_page() {
    let world = World::new().await;
    let shipped = portal(SHIPPED);
    let on =
        |receipt: &str, day: &str| row(receipt, "Completed", "5.00").replace("21-11-2026", day);
    // Newest first: read as this file says, the order is broken; with day and month exchanged it holds.
    let rows = [
        on("UKL3", "05-03-2026"),
        on("UKL2", "04-03-2026"),
        on("UKL1", "10-02-2026"),
    ];
    let american = portal(&SHIPPED.replace("%d-%m-%Y %H", "%m-%d-%Y %H"));
    world.reads(&american, &rows, now()).await;
    assert_eq!(world.held().await, 3);
    assert_eq!(counts(&world.releases(&american).await), (0, 0, 3));
    assert_eq!(counts(&world.releases(&shipped).await), (3, 0, 0));
    let order: Vec<String> = world.told().await.into_iter().map(|(_, of)| of).collect();
    assert_eq!(order, ["UKL1", "UKL2", "UKL3"]);
}

#[tokio::test]
async fn without_references_what_may_be_a_twin_stays() {
    let world = World::new().await;
    let text = SHIPPED
        .replace("transaction_reference = { header = \"Receipt No.\" }\n", "")
        .replace(
            "original_reference = { header = \"Linked Transaction ID\" }\n",
            "",
        )
        .replace(
            "[fields]\n",
            "[fields]\nidentity = [\"completion_date\", \"credit\", \"debit\"]\n",
        );
    let without = portal(&text);
    let fixed = portal(&text.replace(
        "[fields.status.map]",
        "[fields.status.map]\nQuibbled = \"completed\"",
    ));
    let rows = [
        row("a", "Quibbled", "5.00"),
        row("b", "Quibbled", "6.00"),
        row("c", "Quibbled", "6.00"),
        row("d", "Quibbled", "7.00"),
        row("e", "Completed", "7.00"),
        row("f", "Quibbled", "8.00"),
        row("f", "Quibbled", "8.00"),
    ];
    world.reads(&without, &rows, now()).await;
    let released = world.releases(&fixed).await;
    assert_eq!(counts(&released), (1, 0, 5), "{released}");
    assert_eq!(counts(&world.releases(&fixed).await), (0, 0, 5));
}

#[tokio::test]
async fn a_row_of_which_only_the_cells_were_kept_stays() {
    let world = World::new().await;
    let long =
        row("UKL1", "Quibbled", "5.00").replace("Payment|", &format!("{}|", "x".repeat(5_000)));
    world.reads(&portal(SHIPPED), &[long], now()).await;
    let released = world.releases(&knows("Quibbled", "completed")).await;
    assert_eq!(counts(&released), (0, 0, 1));
    assert!(released.stays[0].why.contains("look it up at the portal"));
}
