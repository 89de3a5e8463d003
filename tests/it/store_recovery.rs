//! The way out of a refused store: no payment lost, no new id for an old one, nothing twice in a file.

use std::fs;
use std::path::Path;

use chrono::TimeDelta;
use tempfile::TempDir;
use tillwatch::cli::ConfigArg;
use tillwatch::cli::store::{StoreArgs, StoreCommand, run};
use tillwatch::event::{EventType, Proof, parse_told};
use tillwatch::exit::Exit;
use tillwatch::sink::Sink;
use tillwatch::sink::file::{FileSink, told};
use tillwatch::store::{Breaker, History, OpenError, Recovered, Refusal, Store, rebuild, restore};

use crate::store_world::{
    DAMAGES, Damage, Dice, World, account, clock, copy, deliver, ids, largest, reading,
    received_in, scratch, start, without_file_sink,
};

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
        store
            .begin_account(&name, start() + TimeDelta::days(1))
            .await
            .unwrap();
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

/// A config whose store and file sink are those of `world`.
fn config(world: &World) -> std::path::PathBuf {
    let selectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config/selectors");
    let path = world.dir.path().join("tillwatch.toml");
    let text = format!(
        r#"
state_dir = "state"
selectors_dir = "{}"
[webdriver]
url = "http://127.0.0.1:9515"
[[account]]
name = "kilima-main"
portal = "kilima"
number = "600123"
user = "agent"
[[sink]]
type = "file"
path = "payments.ndjson"
"#,
        selectors.display()
    );
    fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn the_commands_refuse_a_damaged_store_by_their_exit_code_and_bring_it_back() {
    let world = World::new().await;
    let config = config(&world);
    let tillwatch_store = |command| {
        run(StoreArgs {
            config: ConfigArg {
                config: config.clone(),
            },
            command,
        })
    };
    let backup = world.dir.path().join("backup");
    assert_eq!(tillwatch_store(StoreCommand::Check).await, Exit::Ok);
    let to = backup.clone();
    assert_eq!(tillwatch_store(StoreCommand::Backup { to }).await, Exit::Ok);
    let to = backup.clone();
    assert_eq!(
        tillwatch_store(StoreCommand::Backup { to }).await,
        Exit::Failed
    );

    for command in [
        StoreCommand::Rebuild { since: None },
        StoreCommand::Restore {
            backup,
            since: None,
        },
    ] {
        Damage::Truncated.apply(&world.state(), &mut Dice(1));
        assert_eq!(
            tillwatch_store(StoreCommand::Check).await,
            Exit::StoreRefused
        );
        assert_eq!(tillwatch_store(command).await, Exit::Ok);
        assert_eq!(tillwatch_store(StoreCommand::Check).await, Exit::Ok);
        let store = Store::open(&world.state(), clock()).await.unwrap();
        assert_eq!(
            tillwatch_store(StoreCommand::Check).await,
            Exit::AlreadyRunning
        );
        let again = store.commit(reading(0, world.posted)).await.unwrap();
        assert_eq!((again.new_payments, again.received), (0, 0));
    }
}

#[tokio::test]
async fn checking_where_no_store_is_creates_none() {
    let world = World::new().await;
    let config = config(&world);
    fs::remove_dir_all(world.state()).unwrap();
    let command = StoreCommand::Check;
    assert_eq!(
        run(StoreArgs {
            config: ConfigArg { config },
            command
        })
        .await,
        Exit::Failed
    );
    assert!(!world.state().exists());
}
