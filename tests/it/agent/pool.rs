//! Many accounts on few browsers.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use tillwatch::clock::Clock;
use tillwatch::demo::portal::{PortalConfig, Posting};

use super::stage::{Cast, Stage};

const ACCOUNTS: [&str; 20] = [
    "a00", "a01", "a02", "a03", "a04", "a05", "a06", "a07", "a08", "a09", "a10", "a11", "a12",
    "a13", "a14", "a15", "a16", "a17", "a18", "a19",
];
const BROWSERS: usize = 3;

fn cast(index: usize) -> Cast {
    Cast {
        name: ACCOUNTS[index],
        knobs: PortalConfig {
            short_code: format!("6{index:05}"),
            seed: 1 + index as u64,
            ..PortalConfig::default()
        },
        keys: format!(
            "poll = \"1s\"\nsince = \"{}\"",
            // Portals print whole seconds.
            (Clock::System.now() - TimeDelta::seconds(1)).to_rfc3339()
        ),
        ..Cast::kilima()
    }
}

/// Each driver leads a process group with its browser in it. What a process is called while it becomes another one is no
/// driver yet.
fn browsers(stage: &Stage) -> usize {
    let processes = stage.processes().into_iter();
    processes
        .filter(|process| process.is_driver() && process.pid == process.group)
        .count()
}

/// How often each account had its turn, in the order of the log.
fn turns(stage: &Stage) -> Vec<String> {
    let log = stage.log();
    let turns = log.lines().filter(|line| line.contains("took its turn"));
    turns
        .map(|line| {
            let (_, after) = line.split_once("account=").unwrap();
            let name = after.split_whitespace().next().unwrap();
            name.trim_matches('"').to_owned()
        })
        .collect()
}

/// Bounds the browsers of the stage.
fn bound(stage: &Stage, most: usize) {
    let file = stage.path("tillwatch.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let bounded = format!("[webdriver]\nmax_sessions = {most}\n");
    std::fs::write(&file, config.replacen("[webdriver]\n", &bounded, 1)).unwrap();
}

#[tokio::test]
async fn accounts_that_read_without_a_browser_leave_their_place_to_others() {
    let cast = (0..4).map(|index| Cast {
        keys: format!("{}\nread = \"http\"", cast(index).keys),
        ..cast(index)
    });
    let stage = Stage::set(cast.collect(), "").await;
    bound(&stage, 1);
    let selectors = stage.path("selectors/kilima.toml");
    let text = std::fs::read_to_string(&selectors).unwrap();
    let text = text.replacen("[table]", "[table]\nmay_leave_browser = true", 1);
    std::fs::write(&selectors, text).unwrap();
    let agent = stage.start();
    stage
        .until("each has left the browser", || {
            assert!(browsers(&stage) <= 1);
            stage.log().matches("read by it from now on").count() == 4 && browsers(&stage) == 0
        })
        .await;
    for portal in &stage.portals {
        let receipt = portal.control().post_payment(&Posting::default()).unwrap();
        stage
            .until("the payment comes out", || {
                assert_eq!(browsers(&stage), 0, "{}", stage.log());
                stage.is_told(&receipt)
            })
            .await;
        assert_eq!(portal.control().truth().attempts.len(), 1);
    }
    assert_eq!(agent.stop().await, 0);
    stage.is_bare().await;
}

#[tokio::test]
async fn twenty_accounts_on_three_browsers_take_turns_and_spend_one_login_each() {
    let stage = Stage::set((0..ACCOUNTS.len()).map(cast).collect(), "").await;
    bound(&stage, BROWSERS);
    let agent = stage.start_at("debug");
    for _round in 0..2 {
        let receipts: Vec<String> = (stage.portals.iter())
            .map(|portal| portal.control().post_payment(&Posting::default()).unwrap())
            .collect();
        // Turn by turn: a busy machine takes its time for each.
        let before = turns(&stage).len();
        for turn in before..before + ACCOUNTS.len() + BROWSERS {
            stage
                .until("the next turn", || {
                    assert!(browsers(&stage) <= BROWSERS);
                    turns(&stage).len() > turn
                })
                .await;
        }
        for receipt in &receipts {
            stage.until_told(receipt).await;
        }
    }
    for portal in &stage.portals {
        assert_eq!(
            portal.control().truth().attempts.len(),
            1,
            "{}",
            stage.log()
        );
    }
    // Whoever waits longest is next: between two turns of one account every other one has had one, but for those that
    // were at a browser meanwhile.
    let turns = turns(&stage);
    assert!(turns.len() >= 2 * ACCOUNTS.len(), "{turns:?}");
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, name) in turns.iter().enumerate() {
        if let Some(before) = last.insert(name, at) {
            assert!(at - before <= ACCOUNTS.len() + BROWSERS, "{turns:?}");
            assert!(at - before >= ACCOUNTS.len() - BROWSERS, "{turns:?}");
        }
    }
    assert_eq!(agent.stop().await, 0);
    stage.is_bare().await;
}
