//! What the store promises, on the real engine.
#![expect(clippy::unwrap_used, reason = "a test")]

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::clock::VirtualClock;
use crate::event::{AccountRef, EventType, Gap, GapCause, Proof, Told, parse_told};
use crate::payment::{Direction, OperatorAccount, Payment, Status, TransactionType};

fn start() -> DateTime<Utc> {
    "2026-11-21T09:00:00Z".parse().unwrap()
}

fn name() -> AccountName {
    AccountName::new("kilima-main").unwrap()
}

fn payment(number: u8, status: Status) -> Payment {
    Payment {
        id: PaymentId([number; 16]),
        reference: Some(format!("UKL{number:07}")),
        kind: None,
        status,
        status_text: status.as_str().to_owned(),
        transaction_type: TransactionType::MerchantPay,
        sub_type: None,
        direction: Direction::Credit,
        amount: "1500.50".parse().unwrap(),
        fee: None,
        currency: "KES".to_owned(),
        counterparty: Vec::new(),
        payer_name: Some("JANE D.".to_owned()),
        customer_reference_raw: Some("acc 9900".to_owned()),
        completion_date: (status == Status::Completed)
            .then(|| (start() + TimeDelta::minutes(number.into())).fixed_offset()),
        creation_date: Some(start().fixed_offset()),
        balance_after: None,
        original_reference: None,
        original_id: None,
    }
}

fn reading(payments: Vec<Payment>) -> Reading {
    Reading {
        account: AccountRef {
            name: name(),
            portal: "kilima".to_owned(),
            operator: OperatorAccount {
                operator: "kilima".to_owned(),
                number: "600123".to_owned(),
            },
            account_key: "organisationid".to_owned(),
            selector_format: "kilima@1".to_owned(),
        },
        read_at: start() + TimeDelta::hours(1),
        payments,
        quarantined: Vec::new(),
        understood: Vec::new(),
        watermark: None,
        read_through: None,
        gaps: GapsFound::default(),
    }
}

struct Fixture {
    dir: tempfile::TempDir,
    clock: VirtualClock,
    store: Store,
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = VirtualClock::starting_at(start());
        let store = Store::open(dir.path(), Clock::Virtual(clock.clone()))
            .await
            .unwrap();
        store.begin_account(&name(), start()).await.unwrap();
        Self { dir, clock, store }
    }

    async fn commit(&self, payments: Vec<Payment>) -> Committed {
        self.store.commit(reading(payments)).await.unwrap()
    }

    async fn told(&self) -> Vec<Told> {
        let lines = self.store.outbox_after(0, 1_000).await.unwrap();
        lines
            .iter()
            .map(|line| {
                let told = parse_told(&line.json).unwrap();
                assert_eq!(told.cursor, line.cursor);
                told
            })
            .collect()
    }

    async fn reopened(self) -> Self {
        let Self { dir, clock, store } = self;
        drop(store);
        let store = Store::open(dir.path(), Clock::Virtual(clock.clone()))
            .await
            .unwrap();
        Self { dir, clock, store }
    }
}

#[tokio::test]
async fn a_pending_payment_is_told_once_when_it_completes_and_not_again_after_a_restart() {
    let fixture = Fixture::new().await;
    let pending = fixture.commit(vec![payment(1, Status::Pending)]).await;
    assert_eq!((pending.new_payments, pending.newest), (1, 0));
    for _ in 0..2 {
        fixture.commit(vec![payment(1, Status::Completed)]).await;
    }
    let fixture = fixture.reopened().await;
    fixture.commit(vec![payment(1, Status::Completed)]).await;
    let told = fixture.told().await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].event_type, EventType::Received);
    assert_eq!(told[0].id, payment(1, Status::Completed).id.to_string());
    let told = told[0].payment.as_ref().unwrap();
    assert_eq!(told.first_seen, start() + TimeDelta::hours(1));
}

#[tokio::test]
async fn each_change_of_a_told_payment_is_one_revision_more() {
    let fixture = Fixture::new().await;
    let mut changed = payment(1, Status::Completed);
    fixture.commit(vec![changed.clone()]).await;
    changed.status = Status::Reversed;
    for _ in 0..2 {
        fixture.commit(vec![changed.clone()]).await;
    }
    changed.payer_name = None;
    changed.balance_after = Some("7".parse().unwrap());
    fixture.commit(vec![changed.clone()]).await;
    changed.customer_reference_raw = None;
    fixture.commit(vec![changed]).await;
    let revisions: Vec<_> = fixture
        .told()
        .await
        .iter()
        .map(|told| told.payment.as_ref().unwrap().revision)
        .collect();
    assert_eq!(revisions, [0, 1, 2]);
}

#[tokio::test]
async fn a_watermark_comes_at_most_once_a_minute_and_only_forward() {
    let fixture = Fixture::new().await;
    let mut told = Vec::new();
    for (step_s, until_s) in [(0, 0), (30, 30), (30, 60), (60, 60), (-600, 120), (60, 90)] {
        fixture.clock.step(TimeDelta::seconds(step_s));
        let mut reading = reading(Vec::new());
        reading.watermark = Some((start() + TimeDelta::seconds(until_s), Proof::Overlap));
        told.push(fixture.store.commit(reading).await.unwrap().watermark);
    }
    assert_eq!(told, [true, false, true, false, true, false]);
}

#[tokio::test]
async fn a_hole_is_told_once_and_once_more_when_it_was_filled_each_time_that_it_opens() {
    let fixture = Fixture::new().await;
    let at = |minute| start() + TimeDelta::minutes(minute);
    let gap = Gap {
        from: at(1),
        to: at(2),
        cause: GapCause::Balance,
        before_reference: None,
    };
    let covering = |from, to, open: &[Gap]| {
        let mut reading = reading(Vec::new());
        reading.gaps = GapsFound {
            covered: Some((at(from), at(to))),
            open: open.to_vec(),
        };
        reading
    };
    let holes = std::slice::from_ref(&gap);
    for (reading, opened, closed) in [
        (covering(0, 5, holes), 1, 0),
        (covering(0, 6, holes), 0, 0),
        // Too short to judge.
        (covering(2, 9, &[]), 0, 0),
        (covering(0, 9, &[]), 0, 1),
        (covering(0, 9, &[]), 0, 0),
        // It opens again: news, with an id of its own; and so is its end.
        (covering(0, 9, holes), 1, 0),
        (covering(0, 9, holes), 0, 0),
        (covering(0, 9, &[]), 0, 1),
        (covering(0, 9, holes), 1, 0),
    ] {
        let done = fixture.store.commit(reading).await.unwrap();
        assert_eq!(
            (done.gaps_opened.len(), done.gaps_closed.len()),
            (opened, closed)
        );
    }
    let told = fixture.told().await;
    let ids: std::collections::HashSet<&str> = told.iter().map(|told| told.id.as_str()).collect();
    assert_eq!((told.len(), ids.len()), (5, 5));
}

#[tokio::test]
async fn holes_beyond_the_limit_are_told_and_the_oldest_makes_room() {
    let fixture = Fixture::new().await;
    let at = |minute: usize| start() + TimeDelta::minutes(i64::try_from(minute).unwrap());
    let holes = (0..=MAX_GAPS).map(|number| Gap {
        from: at(number),
        to: at(number + 1),
        cause: GapCause::Balance,
        before_reference: None,
    });
    let mut reading = reading(Vec::new());
    reading.gaps.open = holes.collect();
    let done = fixture.store.commit(reading.clone()).await.unwrap();
    assert_eq!(done.gaps_opened.len(), MAX_GAPS + 1);
    let kept = fixture.store.account(&name()).await.unwrap().unwrap().gaps;
    assert_eq!((kept.len(), kept[0].from), (MAX_GAPS, at(1)));
    let again = fixture.store.commit(reading).await.unwrap();
    assert!(again.gaps_opened.is_empty());
}

#[tokio::test]
async fn what_sessions_taught_is_kept_for_the_portal_that_taught_it() {
    use crate::session::Learned;
    let fixture = Fixture::new().await;
    let (store, account) = (&fixture.store, name());
    let nothing = Learned::default();
    assert_eq!(store.learned(&account, "one").await.unwrap(), nothing);
    let learned = Learned {
        outlived: std::time::Duration::from_secs(60),
        ..Learned::default()
    };
    let kept = learned.clone();
    store.set_learned(&account, "one", kept).await.unwrap();
    assert_eq!(store.learned(&account, "one").await.unwrap(), learned);
    assert_eq!(store.learned(&account, "two").await.unwrap(), nothing);
}

#[tokio::test]
async fn pruning_keeps_what_a_configured_sink_has_not_acknowledged() {
    let fixture = Fixture::new().await;
    let payments = (1..=5).map(|number| payment(number, Status::Completed));
    fixture.commit(payments.collect()).await;
    let sinks = ["file".to_owned(), "stdout".to_owned()];
    let cursor = |sequence| Cursor {
        epoch: fixture.store.epoch(),
        sequence,
    };
    fixture.store.acknowledge("file", cursor(5)).await.unwrap();
    fixture
        .store
        .acknowledge("stdout", cursor(2))
        .await
        .unwrap();
    fixture
        .store
        .acknowledge("stdout", cursor(1))
        .await
        .unwrap();
    assert_eq!(fixture.store.outbox_depth(&sinks).await.unwrap(), 3);
    let later = start() + TimeDelta::hours(1);
    assert_eq!(fixture.store.prune(&sinks, start()).await.unwrap(), 0);
    assert_eq!(fixture.store.prune(&sinks, later).await.unwrap(), 2);
    assert_eq!(fixture.store.oldest_kept().await.unwrap(), 3);
    // Numbers go on when nothing is kept.
    fixture
        .store
        .acknowledge("stdout", cursor(5))
        .await
        .unwrap();
    assert_eq!(fixture.store.prune(&sinks, later).await.unwrap(), 3);
    let fixture = fixture.reopened().await;
    assert_eq!(fixture.store.oldest_kept().await.unwrap(), 6);
    assert_eq!(
        fixture
            .commit(vec![payment(6, Status::Completed)])
            .await
            .newest,
        6
    );
}

#[tokio::test]
async fn a_quarantined_row_is_counted_once_and_released_when_it_is_understood() {
    let fixture = Fixture::new().await;
    let cells = vec!["UKL0000001".to_owned(), "??".to_owned()];
    let row = QuarantinedRow {
        key: RowKey::of(&cells),
        cells,
        reason: "status is a word that the file does not map".to_owned(),
        held: None,
    };
    let mut bad = reading(Vec::new());
    bad.quarantined = vec![row.clone(), row.clone()];
    assert_eq!(
        fixture
            .store
            .commit(bad.clone())
            .await
            .unwrap()
            .newly_quarantined
            .len(),
        1
    );
    assert_eq!(
        fixture
            .store
            .commit(bad)
            .await
            .unwrap()
            .newly_quarantined
            .len(),
        0
    );
    let listed = fixture.store.quarantine(Some(&name())).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].account, &listed[0].row), (&name(), &row));
    let mut good = reading(vec![payment(1, Status::Completed)]);
    good.understood = vec![row.key];
    assert_eq!(fixture.store.commit(good).await.unwrap().released, 1);
    assert_eq!(fixture.store.quarantine(None).await.unwrap(), []);
}

#[tokio::test]
async fn a_breaker_without_a_record_is_missing_and_a_begun_account_has_a_closed_one() {
    let fixture = Fixture::new().await;
    let stranger = AccountName::new("never-begun").unwrap();
    assert_eq!(
        fixture.store.breaker(&stranger).await.unwrap(),
        Breaker::Missing
    );
    assert_eq!(
        fixture.store.breaker(&name()).await.unwrap(),
        Breaker::Closed
    );
    let open = Breaker::Open {
        credential: CredentialFingerprint([7; 4]),
        outcome: "wrong-password".to_owned(),
        since: start(),
    };
    fixture
        .store
        .set_breaker(&name(), open.clone())
        .await
        .unwrap();
    let fixture = fixture.reopened().await;
    fixture.store.begin_account(&name(), start()).await.unwrap();
    assert_eq!(fixture.store.breaker(&name()).await.unwrap(), open);
}

#[tokio::test]
async fn what_is_said_of_a_credential_is_known_of_every_account_that_has_it() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (ours, other) = (CredentialFingerprint([7; 4]), CredentialFingerprint([8; 4]));
    let open = |credential, outcome: &str| Breaker::Open {
        credential,
        outcome: outcome.to_owned(),
        since: start(),
    };
    let doubt = Breaker::Doubtful {
        credential: ours,
        since: start(),
    };
    let account = |name: &str| AccountName::new(name).unwrap();
    let begun = [
        ("refused", open(ours, "wrong-password")),
        ("captcha", open(ours, "captcha-required")),
        ("doubtful", doubt.clone()),
        ("stranger", open(other, "wrong-password")),
    ];
    for (name, breaker) in &begun {
        let name = account(name);
        store.set_breaker(&name, breaker.clone()).await.unwrap();
    }
    let all = store.breakers_elsewhere(&name(), ours).await.unwrap();
    assert_eq!(all.len(), 3);
    let stand = async || {
        let mut closed = Vec::new();
        for (name, _) in &begun {
            if store.breaker(&account(name)).await.unwrap() == Breaker::Closed {
                closed.push(*name);
            }
        }
        closed
    };
    store.set_breaker(&name(), doubt).await.unwrap();
    store.close_breaker(&name()).await.unwrap();
    assert_eq!(stand().await, ["doubtful"], "an answer ends doubts alone");
    let refused = open(ours, "wrong-password");
    store.set_breaker(&name(), refused).await.unwrap();
    store.allow_credential(&name()).await.unwrap();
    assert_eq!(stand().await, ["refused", "doubtful"]);
}

#[tokio::test]
async fn since_is_stored_once() {
    let fixture = Fixture::new().await.reopened().await;
    let later = start() + TimeDelta::days(1);
    let state = fixture.store.begin_account(&name(), later).await.unwrap();
    assert_eq!(state.since, start());
}

#[tokio::test]
async fn a_second_open_of_the_directory_is_locked_until_the_first_is_closed() {
    let fixture = Fixture::new().await;
    let second = Store::open(fixture.dir.path(), Clock::System).await;
    assert!(matches!(second, Err(OpenError::Locked { .. })));
    fixture.reopened().await;
}

#[tokio::test]
async fn a_witness_that_cannot_be_written_holds_events_back_until_it_can() {
    let fixture = Fixture::new().await;
    let aside = fixture.dir.path().join("witness.new");
    std::fs::create_dir(&aside).unwrap();
    let failed = fixture
        .store
        .commit(reading(vec![payment(1, Status::Completed)]))
        .await;
    assert!(matches!(failed, Err(StoreError::Io { .. })));
    assert_eq!(*fixture.store.newest().borrow(), 0);
    assert!(fixture.told().await.is_empty());
    std::fs::remove_dir(&aside).unwrap();
    let again = vec![payment(1, Status::Completed), payment(2, Status::Completed)];
    assert_eq!(fixture.commit(again).await.newest, 2);
    assert_eq!(*fixture.store.newest().borrow(), 2);
    assert_eq!(fixture.reopened().await.told().await.len(), 2);
}

#[tokio::test]
async fn a_backup_made_while_open_opens_as_a_store_and_never_overwrites() {
    let fixture = Fixture::new().await;
    fixture.commit(vec![payment(1, Status::Completed)]).await;
    let target = fixture.dir.path().join("backup");
    let report = fixture.store.backup(&target).await.unwrap();
    assert_eq!((report.payments, report.newest), (1, 1));
    assert_eq!(report, fixture.store.verify().await.unwrap());
    let again = fixture.store.backup(&target).await;
    assert!(matches!(again, Err(StoreError::TargetExists { .. })));
}

#[tokio::test]
async fn a_store_with_a_record_of_a_newer_format_is_refused() {
    let fixture = Fixture::new().await;
    fixture.commit(vec![payment(1, Status::Completed)]).await;
    let Fixture { dir, store, .. } = fixture;
    drop(store);
    let engine = sled::open(dir.path().join("store")).unwrap();
    let newer = [codec::FORMAT + 1];
    engine
        .insert(codec::seen_key(PaymentId([1; 16])), &newer)
        .unwrap();
    drop(engine);
    let opened = Store::open(dir.path(), Clock::System).await;
    let Err(OpenError::Refused {
        reason: Refusal::Newer { .. },
        ..
    }) = opened
    else {
        panic!("opened a newer store");
    };
}

#[tokio::test]
async fn what_is_told_again_differs_in_epoch_and_sequence_alone() {
    let fixture = Fixture::new().await;
    let mut tricky = payment(1, Status::Completed);
    tricky.customer_reference_raw = Some("\",\"epoch\":\"x\",\"data\":{".to_owned());
    tricky.reference = tricky.customer_reference_raw.clone();
    fixture.commit(vec![tricky]).await;
    let line = fixture.store.outbox_after(0, 1).await.unwrap().remove(0);
    let again = crate::event::told_again(&line.json, Epoch(0xabcd), 7).unwrap();
    let (before, after) = (parse_told(&line.json).unwrap(), parse_told(&again).unwrap());
    let cursor = Cursor {
        epoch: Epoch(0xabcd),
        sequence: 7,
    };
    assert_eq!(
        after,
        Told {
            cursor,
            replayed: true,
            ..before
        }
    );
}
