//! Many accounts on few browsers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use tillwatch::clock::Clock;
use tillwatch::demo::guest::Which;
use tillwatch::demo::portal::{PortalConfig, Posting};
use tokio::net::TcpListener;

use super::stage::{Cast, Stage};

const ACCOUNTS: [&str; 20] = [
    "a00", "a01", "a02", "a03", "a04", "a05", "a06", "a07", "a08", "a09", "a10", "a11", "a12",
    "a13", "a14", "a15", "a16", "a17", "a18", "a19",
];
const BROWSERS: usize = 3;

/// As many of them are at portals like Kilima; the others at one of each other kind in turn.
const AT_KILIMA: usize = 8;

fn cast(index: usize) -> Cast {
    Cast {
        name: ACCOUNTS[index],
        knobs: PortalConfig {
            short_code: ACCOUNTS[index].to_owned(),
            seed: 1 + index as u64,
            ..PortalConfig::default()
        },
        keys: keys(),
        ..Cast::kilima()
    }
}

fn keys() -> String {
    // Portals print whole seconds.
    let since = Clock::System.now() - TimeDelta::seconds(1);
    format!("poll = \"1s\"\nsince = \"{}\"", since.to_rfc3339())
}

async fn twenty() -> Stage {
    let mut stage = Stage::set((0..AT_KILIMA).map(cast).collect(), "").await;
    let kinds = [Which::Mwezi, Which::Tausi, Which::Ngome];
    for (name, which) in ACCOUNTS[AT_KILIMA..].iter().zip(kinds.iter().cycle()) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        stage.add_guest(*which, name, listener, &keys());
    }
    bound(&stage, BROWSERS);
    stage
}

/// Payments told of each account, by its number.
fn told(stage: &Stage) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for event in stage.events() {
        if event["type"] == "payment.received" {
            let source = event["source"].as_str().unwrap();
            let number = source.rsplit('/').next().unwrap();
            *told.entry(number.to_owned()).or_default() += 1;
        }
    }
    told
}

/// Each driver leads a process group with its browser in it. What a process is called while it becomes another one is no
/// driver yet.
fn browsers(stage: &Stage) -> usize {
    let processes = stage.processes().into_iter();
    processes
        .filter(|process| process.is_driver() && process.pid == process.group)
        .count()
}

/// Who was given a browser, in the order of the log. The first time that an account waits for longer than its interval, the
/// log warns of that instead.
fn turns(stage: &Stage) -> Vec<String> {
    let log = stage.log();
    let turns = log.lines().filter(|line| {
        line.contains("is given a browser") || line.contains("waits longer for a browser")
    });
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
    let stage = twenty().await;
    let agent = stage.start_at("debug");
    for round in 1..=2 {
        for portal in &stage.portals {
            portal.control().post_payment(&Posting::default()).unwrap();
        }
        for guest in &stage.guests {
            guest.control().post_payment(&Posting::default()).unwrap();
        }
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
        let all: BTreeMap<String, usize> = ACCOUNTS
            .iter()
            .map(|name| ((*name).to_owned(), round))
            .collect();
        stage
            .until("each account's payment is out, once", || {
                told(&stage) == all
            })
            .await;
    }
    let kilimas = stage.portals.iter();
    let guests = stage.guests.iter();
    let logins: Vec<usize> = kilimas
        .map(|portal| portal.control().truth().attempts.len())
        .chain(guests.map(|guest| guest.control().truth().attempts.len()))
        .collect();
    assert_eq!(logins, [1; ACCOUNTS.len()], "{}", stage.log());
    // Whoever waits longest is next: between two turns of one account every other one has had one, but for those that
    // were at a browser meanwhile.
    let turns = turns(&stage);
    for name in ACCOUNTS {
        let mine: Vec<usize> = (0..turns.len()).filter(|at| turns[*at] == name).collect();
        assert!(mine.len() >= 2, "{name} had {} turns", mine.len());
        for pair in mine.windows(2) {
            let between: BTreeSet<&String> = turns[pair[0] + 1..pair[1]].iter().collect();
            assert!(between.len() >= ACCOUNTS.len() - BROWSERS, "{turns:?}");
        }
    }
    assert_eq!(agent.stop().await, 0);
    stage.is_bare().await;
}
