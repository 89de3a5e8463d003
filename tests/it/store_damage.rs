//! The store, damaged in every way that was measured: it opens whole or is refused, and the way out loses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use tillwatch::clock::{Clock, VirtualClock};
use tillwatch::event::{AccountRef, Cursor, EventType, Line, Proof, parse_told, source};
use tillwatch::exit::Exit;
use tillwatch::payment::{
    AccountName, Direction, OperatorAccount, Payment, PaymentId, Status, TransactionType,
};
use tillwatch::sink::Sink;
use tillwatch::sink::file::{FileSink, told};
use tillwatch::store::{
    Breaker, GapsFound, History, KnownAccount, OpenError, Reading, Recovered, Refusal, Sources,
    Step, Store, rebuild, restore,
};

const COMMITS: u32 = 200;
const PER_COMMIT: u32 = 3;
const COPIES: u32 = 30;

/// In memory where there is such a place: the tests are about what is written, and sync after each of thousands of
/// writes.
fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

fn start() -> DateTime<Utc> {
    "2026-11-21T09:00:00Z".parse().unwrap()
}

fn clock() -> Clock {
    Clock::Virtual(VirtualClock::starting_at(start()))
}

fn account() -> AccountRef {
    AccountRef {
        name: AccountName::new("kilima-main").unwrap(),
        portal: "kilima".to_owned(),
        operator: OperatorAccount {
            operator: "kilima".to_owned(),
            number: "600123".to_owned(),
        },
        account_key: "organisationid".to_owned(),
        selector_format: "kilima@1".to_owned(),
    }
}

fn payment(number: u32) -> Payment {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let completion = start() + TimeDelta::seconds(number.into());
    Payment {
        id: PaymentId(id),
        reference: Some(format!("UKL{number:07}")),
        kind: None,
        status: Status::Completed,
        status_text: "Completed".to_owned(),
        transaction_type: TransactionType::MerchantPay,
        sub_type: None,
        direction: Direction::Credit,
        amount: (100 + number).into(),
        currency: "KES".to_owned(),
        counterparty: Vec::new(),
        payer_name: Some("JANE D.".to_owned()),
        customer_reference_raw: Some(format!("acc {number}")),
        completion_date: Some(completion.fixed_offset()),
        creation_date: None,
        balance_after: None,
        original_reference: None,
        original_id: None,
    }
}

/// What the portal shows from payment `from` up to, not including, `to`.
fn reading(from: u32, to: u32) -> Reading {
    Reading {
        account: account(),
        read_at: start() + TimeDelta::seconds(to.into()),
        payments: (from..to).map(payment).collect(),
        quarantined: Vec::new(),
        understood: Vec::new(),
        watermark: None,
        gaps: GapsFound::default(),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// A store of some hundred commits, and the file sink that was told of them.
struct World {
    dir: TempDir,
    /// What it told, line by line.
    lines: Vec<Line>,
    /// Payments on the portal.
    posted: u32,
}

impl World {
    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn sink_file(&self) -> PathBuf {
        self.dir.path().join("payments.ndjson")
    }

    async fn new() -> Self {
        let mut world = Self {
            dir: scratch(),
            lines: Vec::new(),
            posted: 0,
        };
        let store = Store::open(&world.state(), clock()).await.unwrap();
        store.begin_account(&account().name, start()).await.unwrap();
        for _ in 0..COMMITS {
            world.posted += PER_COMMIT;
            let known = world.posted.saturating_sub(5 * PER_COMMIT);
            store.commit(reading(known, world.posted)).await.unwrap();
        }
        world.lines = deliver(&store, &world.sink_file()).await;
        world
    }

    /// Does the store in `dir` hold all of it?
    async fn is_whole(&self, store: &Store) -> bool {
        let ids: Vec<_> = (0..self.posted).map(|number| payment(number).id).collect();
        let known = store.known(ids).await.unwrap();
        let lines = store.outbox_after(0, 10_000).await.unwrap();
        let cursor = store.cursor("file").await.unwrap();
        known.len() == self.posted as usize
            && known.values().all(|seen| seen.told.is_some())
            && lines == self.lines
            && cursor == self.lines.last().map(|line| line.cursor)
    }

    fn sources(&self) -> Sources {
        let mut history = History::default();
        told(&self.sink_file(), |told| history.add(told)).unwrap();
        Sources {
            histories: vec![history],
            ..without_file_sink()
        }
    }
}

fn without_file_sink() -> Sources {
    Sources {
        accounts: vec![KnownAccount {
            name: account().name,
            source: source(&account()),
            since: None,
        }],
        sinks: vec!["file".to_owned()],
        histories: Vec::new(),
        since: None,
    }
}

/// Delivers everything to the file sink and acknowledges it. Gives the whole outbox.
async fn deliver(store: &Store, file: &Path) -> Vec<Line> {
    let mut sink = FileSink::new(file.to_owned(), 1 << 30);
    let resumed = sink
        .resume(store.cursor("file").await.unwrap())
        .await
        .unwrap();
    let after = resumed
        .filter(|cursor| cursor.epoch == store.epoch())
        .map_or(0, |cursor| cursor.sequence);
    let lines = store.outbox_after(after, 10_000).await.unwrap();
    sink.deliver(&lines).await.unwrap();
    if let Some(line) = lines.last() {
        store.acknowledge("file", line.cursor).await.unwrap();
    }
    store.outbox_after(0, 10_000).await.unwrap()
}

/// Ids of the `payment.received` lines of the file, in order.
fn received_in(file: &Path) -> Vec<String> {
    let mut ids = Vec::new();
    told(file, |told| {
        if told.event_type == EventType::Received {
            ids.push(told.id);
        }
    })
    .unwrap();
    ids
}

fn ids(to: u32) -> Vec<String> {
    (0..to)
        .map(|number| payment(number).id.to_string())
        .collect()
}

/// Numbers from a seed, the same on every run (Knuth's MMIX constants).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    Truncated,
    Zeroed,
    BitFlipped,
    WitnessBitFlipped,
}

const DAMAGES: [Damage; 4] = [
    Damage::Truncated,
    Damage::Zeroed,
    Damage::BitFlipped,
    Damage::WitnessBitFlipped,
];

impl Damage {
    fn apply(self, dir: &Path, dice: &mut Dice) {
        let path = match self {
            Damage::WitnessBitFlipped => dir.join("witness"),
            Damage::Truncated | Damage::Zeroed | Damage::BitFlipped => largest(&dir.join("store")),
        };
        let mut bytes = fs::read(&path).unwrap();
        let length = bytes.len();
        // The file's unused end is zero: damage there would be none.
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let at = |dice: &mut Dice, limit: usize| usize::try_from(dice.below(limit as u64)).unwrap();
        match self {
            Damage::Truncated => bytes.truncate(used - 1 - at(dice, used / 2)),
            Damage::Zeroed => {
                let from = used - 1 - at(dice, used / 2);
                bytes[from..].fill(0);
                assert_eq!(bytes.len(), length);
            }
            Damage::BitFlipped | Damage::WitnessBitFlipped => {
                bytes[at(dice, used)] ^= 1 << dice.below(8);
            }
        }
        fs::write(&path, bytes).unwrap();
    }
}

fn largest(dir: &Path) -> PathBuf {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap()
}

#[tokio::test]
async fn a_damaged_copy_opens_whole_or_is_refused_and_never_panics_or_loses_in_silence() {
    let world = World::new().await;
    let mut dice = Dice(7);
    let mut tally: BTreeMap<Damage, (u32, u32)> = BTreeMap::new();
    for damage in DAMAGES {
        for copy_number in 0..COPIES {
            let dir = scratch();
            copy(&world.state(), dir.path());
            damage.apply(dir.path(), &mut dice);
            let (whole, refused) = tally.entry(damage).or_default();
            match Store::open(dir.path(), clock()).await {
                Ok(store) => {
                    assert!(
                        world.is_whole(&store).await,
                        "{damage:?}, copy {copy_number}: opened with records gone"
                    );
                    *whole += 1;
                }
                Err(error) => {
                    assert_eq!(error.exit(), Exit::StoreRefused, "{damage:?}: {error}");
                    *refused += 1;
                }
            }
        }
    }
    println!("opened whole, refused: {tally:?}");
    for damage in [Damage::Truncated, Damage::Zeroed, Damage::BitFlipped] {
        assert!(tally[&damage].1 > 0, "{damage:?} never did any damage");
    }
    assert_eq!(tally[&Damage::WitnessBitFlipped], (0, COPIES));
}

/// A copy that is refused for `damage`.
async fn refused_copy(world: &World, damage: Damage) -> TempDir {
    let mut dice = Dice(11);
    loop {
        let dir = scratch();
        copy(&world.state(), dir.path());
        damage.apply(dir.path(), &mut dice);
        if Store::open(dir.path(), clock()).await.is_err() {
            return dir;
        }
    }
}

async fn recovered(
    state: &Path,
    work: impl FnOnce(&Path) -> Recovered + Send + 'static,
) -> Recovered {
    let state = state.to_owned();
    tokio::task::spawn_blocking(move || work(&state))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_rebuild_from_the_file_sink_tells_every_payment_once_also_those_posted_meanwhile() {
    let world = World::new().await;
    for damage in DAMAGES {
        let dir = refused_copy(&world, damage).await;
        let file = dir.path().join("payments.ndjson");
        fs::copy(world.sink_file(), &file).unwrap();
        let sources = world.sources();
        let done = recovered(dir.path(), |dir| rebuild(dir, sources).unwrap()).await;
        assert_eq!(done.told, world.posted as usize);
        assert!(!done.replaying);
        assert!(done.moved_to.unwrap().exists());

        let store = Store::open(dir.path(), clock()).await.unwrap();
        assert_ne!(store.epoch(), world.lines[0].cursor.epoch);
        let name = account().name;
        assert_eq!(store.breaker(&name).await.unwrap(), Breaker::Missing);
        let state = store
            .begin_account(&name, start() + TimeDelta::days(1))
            .await
            .unwrap();
        assert!(state.recovered);
        assert_eq!(store.breaker(&name).await.unwrap(), Breaker::Missing);
        let now = world.posted + 7;
        let committed = store.commit(reading(0, now)).await.unwrap();
        assert_eq!(
            (committed.received, committed.updated),
            (7, 0),
            "{damage:?}"
        );
        deliver(&store, &file).await;
        assert_eq!(received_in(&file), ids(now), "{damage:?}");
    }
}

#[tokio::test]
async fn a_rebuild_without_a_file_sink_tells_the_look_back_again_flagged_replayed() {
    let world = World::new().await;
    let dir = refused_copy(&world, Damage::Truncated).await;
    let done = recovered(dir.path(), |dir| rebuild(dir, without_file_sink()).unwrap()).await;
    assert!(done.replaying);
    let store = Store::open(dir.path(), clock()).await.unwrap();
    let mut first = reading(0, world.posted + 1);
    first.watermark = Some((start() + TimeDelta::days(1), Proof::Balance));
    store.commit(first).await.unwrap();
    store.commit(reading(0, world.posted + 2)).await.unwrap();
    let lines = store.outbox_after(0, 10_000).await.unwrap();
    let told: Vec<_> = lines
        .iter()
        .map(|line| parse_told(&line.json).unwrap())
        .filter(|told| told.event_type == EventType::Received)
        .collect();
    let told_ids: Vec<_> = told.iter().map(|told| told.id.clone()).collect();
    assert_eq!(told_ids, ids(world.posted + 2));
    let replayed = told.iter().filter(|told| told.replayed).count();
    assert_eq!(replayed, world.posted as usize + 1);
    assert!(!told.last().unwrap().replayed);
}

#[tokio::test]
async fn a_rebuild_that_cannot_know_when_an_account_began_asks_and_changes_nothing() {
    let world = World::new().await;
    fs::remove_file(world.state().join("witness")).unwrap();
    let state = world.state();
    let asked = tokio::task::spawn_blocking(move || rebuild(&state, without_file_sink()))
        .await
        .unwrap();
    assert!(asked.unwrap_err().to_string().contains("--since"));
    let still = Store::open(&world.state(), clock()).await;
    assert!(matches!(
        still,
        Err(OpenError::Refused {
            reason: Refusal::NoWitness,
            ..
        })
    ));
    let mut sources = without_file_sink();
    sources.since = Some(start());
    recovered(&world.state(), |dir| rebuild(dir, sources).unwrap()).await;
    let store = Store::open(&world.state(), clock()).await.unwrap();
    let account = store.account(&account().name).await.unwrap().unwrap();
    assert_eq!(account.since, start());
}

#[tokio::test]
async fn two_file_sinks_of_which_one_lagged_both_end_with_every_payment_once() {
    let world = World::new().await;
    let dir = refused_copy(&world, Damage::Truncated).await;
    let lagging = dir.path().join("lagging.ndjson");
    let mut sink = FileSink::new(lagging.clone(), 1 << 30);
    sink.deliver(&world.lines[..100]).await.unwrap();
    drop(sink);
    let mut sources = world.sources();
    let mut history = History::default();
    told(&lagging, |told| history.add(told)).unwrap();
    sources.histories.push(history);
    recovered(dir.path(), |dir| rebuild(dir, sources).unwrap()).await;
    let store = Store::open(dir.path(), clock()).await.unwrap();
    store.commit(reading(0, world.posted + 1)).await.unwrap();
    let lines = store.outbox_after(0, 10_000).await.unwrap();
    for file in [lagging, world.sink_file()] {
        let mut sink = FileSink::new(file.clone(), 1 << 30);
        sink.deliver(&lines).await.unwrap();
        assert_eq!(received_in(&file), ids(world.posted + 1));
    }
}

#[tokio::test]
async fn a_restored_backup_gives_each_sink_what_it_lacks_and_the_file_nothing_twice() {
    let world = World::new().await;
    let backup = world.dir.path().join("backup");
    let store = Store::open(&world.state(), clock()).await.unwrap();
    // The second sink stands ten events back when the backup is made.
    let behind = world.lines[world.lines.len() - 11].cursor;
    store.acknowledge("stdout", behind).await.unwrap();
    store.backup(&backup).await.unwrap();
    let later = world.posted + 5;
    store.commit(reading(0, later)).await.unwrap();
    deliver(&store, &world.sink_file()).await;
    drop(store);
    let untouched = fs::read(largest(&backup.join("store"))).unwrap();
    Damage::Zeroed.apply(&world.state(), &mut Dice(3));

    let mut sources = world.sources();
    sources.sinks.push("stdout".to_owned());
    let from = backup.clone();
    let done = recovered(&world.state(), move |dir| {
        restore(dir, &from, sources).unwrap()
    })
    .await;
    assert_eq!(done.requeued, 10);
    assert_eq!(fs::read(largest(&backup.join("store"))).unwrap(), untouched);

    let store = Store::open(&world.state(), clock()).await.unwrap();
    let posted = later + 2;
    store.commit(reading(0, posted)).await.unwrap();
    let lines = deliver(&store, &world.sink_file()).await;
    assert_eq!(received_in(&world.sink_file()), ids(posted));
    let for_stdout: Vec<_> = lines
        .iter()
        .map(|line| parse_told(&line.json).unwrap())
        .collect();
    assert_eq!(for_stdout.len(), 12);
    let (again, new) = for_stdout.split_at(10);
    assert!(again.iter().all(|told| told.replayed));
    assert!(new.iter().all(|told| !told.replayed));
    for (line, told) in lines.iter().zip(&for_stdout) {
        assert_eq!(line.cursor, told.cursor);
    }
    let breaker = store.breaker(&account().name).await.unwrap();
    assert_eq!(breaker, Breaker::Missing);
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_leaves_the_state_directory_as_it_was() {
    let world = World::new().await;
    let backup = world.dir.path().join("backup");
    copy(&world.state(), &backup);
    Damage::WitnessBitFlipped.apply(&backup, &mut Dice(5));
    let (state, sources) = (world.state(), world.sources());
    let refused = tokio::task::spawn_blocking(move || restore(&state, &backup, sources))
        .await
        .unwrap();
    assert!(refused.is_err());
    let store = Store::open(&world.state(), clock()).await.unwrap();
    assert!(world.is_whole(&store).await);
}

#[tokio::test]
async fn a_crash_after_any_step_of_a_commit_leaves_all_of_it_or_nothing() {
    let dir = scratch();
    let images = scratch();
    let taken: Arc<Mutex<Vec<(Step, PathBuf)>>> = Arc::default();
    let (from, to, list) = (
        dir.path().to_owned(),
        images.path().to_owned(),
        Arc::clone(&taken),
    );
    let on_step = move |step| {
        let mut list = list.lock().unwrap();
        let image = to.join(list.len().to_string());
        copy(&from, &image);
        list.push((step, image));
    };
    let store = Store::open_observed(dir.path(), clock(), on_step)
        .await
        .unwrap();
    store.begin_account(&account().name, start()).await.unwrap();
    for commit in 1..=5 {
        store.commit(reading(0, commit * PER_COMMIT)).await.unwrap();
        let cursor = Cursor {
            epoch: store.epoch(),
            sequence: (commit * PER_COMMIT).into(),
        };
        store.acknowledge("file", cursor).await.unwrap();
    }
    let taken = taken.lock().unwrap().clone();
    let mut steps = BTreeSet::new();
    let mut acknowledged = 0;
    for (step, image) in taken {
        let store = Store::open(&image, clock()).await.unwrap();
        let report = store.verify().await.unwrap();
        assert_eq!(report.payments, report.newest, "{step:?}");
        assert_eq!(report.outbox, report.newest, "{step:?}");
        assert!(
            report.newest >= acknowledged,
            "{step:?}: an acknowledged commit is gone"
        );
        if step == Step::Witnessed {
            acknowledged = report.newest;
        }
        drop(store);
        fs::remove_dir_all(image).unwrap();
        steps.insert(format!("{step:?}"));
    }
    assert_eq!(acknowledged, u64::from(5 * PER_COMMIT));
    assert_eq!(steps.len(), 4);
}

#[tokio::test]
async fn a_store_or_a_witness_alone_is_refused_and_an_unfinished_creation_begun_again() {
    let world = World::new().await;
    let only_witness = scratch();
    fs::copy(
        world.state().join("witness"),
        only_witness.path().join("witness"),
    )
    .unwrap();
    let opened = Store::open(only_witness.path(), clock()).await;
    assert!(matches!(
        opened,
        Err(OpenError::Refused {
            reason: Refusal::NoStore,
            ..
        })
    ));

    let only_store = scratch();
    copy(
        &world.state().join("store"),
        &only_store.path().join("store"),
    );
    let opened = Store::open(only_store.path(), clock()).await;
    assert!(matches!(
        opened,
        Err(OpenError::Refused {
            reason: Refusal::NoWitness,
            ..
        })
    ));

    let unfinished = scratch();
    fs::create_dir(unfinished.path().join("store")).unwrap();
    fs::write(unfinished.path().join("store/db"), b"torn").unwrap();
    fs::write(unfinished.path().join("creating"), b"").unwrap();
    let store = Store::open(unfinished.path(), clock()).await.unwrap();
    assert_eq!(store.verify().await.unwrap().payments, 0);
}

#[tokio::test]
async fn an_older_copy_of_the_store_under_the_newer_witness_is_refused() {
    let world = World::new().await;
    let older = scratch();
    copy(&world.state().join("store"), &older.path().join("store"));
    let store = Store::open(&world.state(), clock()).await.unwrap();
    for more in 1..=2 {
        store.commit(reading(0, world.posted + more)).await.unwrap();
    }
    drop(store);
    fs::copy(world.state().join("witness"), older.path().join("witness")).unwrap();
    let opened = Store::open(older.path(), clock()).await;
    assert!(matches!(
        opened,
        Err(OpenError::Refused {
            reason: Refusal::Disagrees { .. },
            ..
        })
    ));
}
