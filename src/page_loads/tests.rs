//! The count of page loads: over restarts, clock steps and other hours.

use super::*;
use crate::clock::VirtualClock;
use chrono::{DateTime, TimeDelta};

fn opened(path: &Path, clock: &VirtualClock) -> PageLoads {
    let (_, goes_on) = watch::channel(false);
    PageLoads::open(path, 600, Clock::Virtual(clock.clone()), goes_on).unwrap()
}

fn clock() -> VirtualClock {
    VirtualClock::starting_at(DateTime::from_timestamp(1_790_000_000, 0).unwrap())
}

/// As many as are given from now on.
async fn taken_in_an_hour(loads: &PageLoads, clock: &VirtualClock) -> u32 {
    let began = clock.elapsed();
    let mut within = 0;
    loop {
        loads.take().await.unwrap();
        if clock.elapsed() >= began + HOUR {
            return within;
        }
        within += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn the_hour_says_what_is_used_and_whether_a_page_waits() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let loads = opened(&dir.path().join("kilima"), &clock);
    for _ in 0..25 {
        loads.take().await.unwrap();
    }
    let expected = Hour {
        used: 25,
        most: 600,
        waits: None,
    };
    assert_eq!(loads.hour().await, expected);
    let all = loads.clone();
    let waits = tokio::spawn(async move { all.reserve(600).await });
    tokio::task::yield_now().await;
    while !waits.is_finished() && loads.hour().await.waits.is_none() {
        tokio::task::yield_now().await;
    }
    let hour = loads.hour().await;
    assert!(hour.waits.is_some_and(|wait| wait <= HOUR), "{hour:?}");
    waits.await.unwrap().unwrap();
    assert_eq!(loads.hour().await.waits, None);
    clock.suspend(2 * HOUR);
    assert_eq!(loads.hour().await.used, 0);
}

#[tokio::test(start_paused = true)]
async fn no_rolling_hour_has_more_loads_than_stated_whatever_restarts_and_clocks_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("page-loads/kilima");
    let clock = clock();
    let mut at = Vec::new();
    for life in 0..40_u32 {
        let loads = opened(&path, &clock);
        for _ in 0..life % 7 * 25 {
            loads.take().await.unwrap();
            at.push(clock.elapsed());
        }
        clock.step(TimeDelta::minutes(if life % 2 == 0 { 90 } else { -45 }));
    }
    assert!(at.len() > 2000, "{}", at.len());
    let most = at
        .iter()
        .map(|from| {
            at.iter()
                .filter(|to| *to >= from && **to < *from + HOUR)
                .count()
        })
        .max();
    assert!(
        most.is_some_and(|most| (500..=600).contains(&most)),
        "{most:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_share_that_was_begun_long_ago_is_not_used_beside_a_whole_hour() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let loads = opened(&dir.path().join("n"), &clock);
    loads.take().await.unwrap();
    tokio::time::sleep(HOUR).await;
    let within = taken_in_an_hour(&loads, &clock).await;
    assert!((500..=600).contains(&within), "{within}");
}

#[tokio::test(start_paused = true)]
async fn reserved_loads_wait_for_nothing_and_count_when_they_are_made() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let loads = opened(&dir.path().join("n"), &clock);
    for _ in 0..550 {
        loads.take().await.unwrap();
    }
    loads.reserve(45).await.unwrap();
    let asked = clock.elapsed();
    for _ in 0..45 {
        loads.take().await.unwrap();
    }
    assert_eq!(clock.elapsed(), asked);

    loads.reserve(45).await.unwrap();
    tokio::time::sleep(2 * HOUR).await;
    let within = taken_in_an_hour(&loads, &clock).await;
    assert!((500..=600).contains(&within), "{within}");
}

#[tokio::test(start_paused = true)]
async fn a_busy_hour_slows_the_next_loads_down_and_never_stops_them_for_long() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let loads = opened(&dir.path().join("n"), &clock);
    let mut longest = Duration::ZERO;
    for _ in 0..1800 {
        let asked = clock.elapsed();
        loads.take().await.unwrap();
        longest = longest.max(clock.elapsed() - asked);
    }
    assert!(longest < Duration::from_secs(900), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_count_that_cannot_be_read_is_an_hour_used() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("n");
    fs::write(&path, "[{\"number\":").unwrap();
    let clock = clock();
    let loads = opened(&path, &clock);
    let asked = clock.elapsed();
    loads.take().await.unwrap();
    assert!(clock.elapsed() - asked >= HOUR);
}

#[tokio::test(start_paused = true)]
async fn another_hour_is_kept_from_the_next_load_on() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let loads = opened(&dir.path().join("n"), &clock);
    for _ in 0..200 {
        loads.take().await.unwrap();
    }
    loads.allow(120);
    assert_eq!(
        (loads.hour().await.used, loads.hour().await.most),
        (120, 120)
    );
    let within = taken_in_an_hour(&loads, &clock).await;
    assert!(within <= 120, "{within}");
    let within = taken_in_an_hour(&loads, &clock).await;
    assert!((100..=120).contains(&within), "{within}");
    loads.allow(6000);
    let used = loads.hour().await.used;
    assert!((100..=200).contains(&used), "{used}");
    let asked = clock.elapsed();
    for _ in 0..1000 {
        loads.take().await.unwrap();
    }
    assert!(clock.elapsed() - asked < HOUR);
}

#[tokio::test(start_paused = true)]
async fn loads_of_a_share_count_from_when_they_were_made_in_a_shorter_hour_too() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let loads = opened(&dir.path().join("n"), &clock);
    loads.take().await.unwrap();
    tokio::time::sleep(HOUR * 5 / 6).await;
    let before = 9;
    for _ in 0..before {
        loads.take().await.unwrap();
    }
    loads.allow(60);
    let within = taken_in_an_hour(&loads, &clock).await;
    assert!(before + within <= 60, "{before} and {within}");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_stops_waits_for_no_page() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("n");
    fs::write(&path, "no count").unwrap();
    let (stop, stopped) = watch::channel(false);
    let loads = PageLoads::open(&path, 600, Clock::Virtual(clock()), stopped).unwrap();
    let asking = tokio::spawn(async move { loads.take().await });
    stop.send_replace(true);
    assert!(matches!(
        asking.await.unwrap(),
        Err(PageLoadsError::Stopping)
    ));
}
