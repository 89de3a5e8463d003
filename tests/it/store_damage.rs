//! The store, damaged in every way that was measured, or cut off in a write: it opens whole or is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tillwatch::event::Cursor;
use tillwatch::exit::Exit;
use tillwatch::store::{OpenError, Refusal, Step, Store};

use crate::store_world::{
    DAMAGES, Damage, Dice, PER_COMMIT, World, account, clock, copy, reading, scratch, start,
};

const COPIES: u32 = 30;

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
