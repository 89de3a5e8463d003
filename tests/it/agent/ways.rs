//! The three ways to read the table, counted at the portal: what came by a navigation, by a script, without a browser.

use std::collections::BTreeSet;
use std::fs;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tillwatch::clock::Clock;
use tillwatch::demo::portal::{Fault, FaultRule, PortalConfig, SideChannel};
use tillwatch::demo::traffic;
use tokio::time::{Duration, interval};

use super::oracle::{missing, verify};
use super::stage::{Cast, Stage, payment};

const STATEMENT: &str = "/statement.action";

/// The `Sec-Fetch-Mode` of each load of the statement from the `from`th on; `none` where no browser asked.
fn modes(portal: &SideChannel, from: usize) -> Vec<(String, u64)> {
    let loads = portal.truth().loads.into_iter().skip(from);
    loads
        .filter(|load| load.path == STATEMENT)
        .map(|load| {
            let mode = load.mode.unwrap_or_else(|| "none".to_owned());
            (mode, load.page.unwrap_or(1))
        })
        .collect()
}

fn loads(portal: &SideChannel) -> usize {
    portal.truth().loads.len()
}

/// How many of the loads were so.
fn count(portal: &SideChannel, from: usize, mode: &str) -> usize {
    let of_mode = modes(portal, from).into_iter();
    of_mode.filter(|(found, _)| found == mode).count()
}

/// Lets `auto` leave the browser.
fn permit_http(stage: &Stage) {
    let file = stage.path("selectors/kilima.toml");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replacen("[table]", "[table]\nmay_leave_browser = true", 1);
    fs::write(&file, text).unwrap();
}

fn hit(fault: Fault, mode: &str) -> FaultRule {
    FaultRule {
        fault,
        path: Some(STATEMENT.to_owned()),
        mode: Some(mode.to_owned()),
        times: None,
        ms: 0,
        after: false,
    }
}

#[tokio::test]
async fn each_way_gives_every_payment_once_while_sessions_expire() {
    let since = Clock::System.now() - TimeDelta::days(2);
    let ways = [
        ("http", "none"),
        ("fetch", "cors"),
        ("navigate", "navigate"),
    ];
    let cast = ways.map(|(way, _)| Cast {
        name: way,
        selectors: "kilima",
        knobs: PortalConfig {
            short_code: way.to_owned(),
            absolute_timeout_s: 20,
            ..PortalConfig::default()
        },
        keys: format!(
            "read = {way:?}\npoll = \"1s\"\nsweep = \"5s\"\nlook_back = \"2d\"\nspacing = \"1s\"\nsince = \"{}\"",
            since.to_rfc3339()
        ),
    });
    let stage = Stage::set(cast.into(), "").await;
    let portals: Vec<&SideChannel> = stage
        .portals
        .iter()
        .map(|portal| portal.control())
        .collect();
    for portal in &portals {
        portal.seed_history(60).unwrap();
    }
    let agent = stage.start();
    let mut pace = interval(Duration::from_millis(500));
    let mut last = [None, None, None];
    for turn in 0..80 {
        pace.tick().await;
        for (portal, last) in portals.iter().zip(&mut last) {
            traffic::post_next(portal, turn, last).unwrap();
        }
    }
    let told = |way: &str| -> Vec<Value> {
        let source = format!("/portals/kilima/accounts/{way}");
        let events = stage.events().into_iter();
        events
            .filter(|event| event["source"] == source.as_str())
            .collect()
    };
    stage
        .until("everything is out", || {
            let mut all = ways.iter().zip(&portals);
            all.all(|((way, _), portal)| missing(&told(way), &portal.truth(), since) == 0)
        })
        .await;
    assert_eq!(agent.stop().await, 0);
    for ((way, mode), portal) in ways.iter().zip(&portals) {
        verify(&told(way), &portal.truth(), since, &[]);
        assert!(
            portal.truth().attempts.len() > 1,
            "{way}: no session expired"
        );
        // Not the first page only: each way found the links to the older ones.
        let pages: BTreeSet<u64> = modes(portal, 0)
            .into_iter()
            .filter(|(found, _)| found == mode)
            .map(|(_, page)| page)
            .collect();
        assert!(
            pages.is_superset(&[1, 2, 3].into()),
            "{way}: {pages:?}\n{}",
            stage.log()
        );
    }
    let by_browser = modes(portals[2], 0);
    assert!(
        by_browser.iter().all(|(mode, _)| mode == "navigate"),
        "{by_browser:?}"
    );
    stage.is_bare().await;
}

#[tokio::test]
async fn auto_goes_down_to_http_and_the_browser_comes_back_only_for_a_sign_in() {
    let cast = Cast {
        keys: "poll = \"1s\"\nsign_out_at_stop = true".to_owned(),
        ..Cast::kilima()
    };
    let stage = Stage::set(vec![cast], "").await;
    permit_http(&stage);
    let (portal, agent) = (stage.portal(), stage.start());
    let without_browser = async |what: &str| {
        stage.until(what, || stage.processes().is_empty()).await;
        let from = loads(portal);
        stage
            .until("read without a browser", || count(portal, from, "none") > 2)
            .await;
        assert!(stage.processes().is_empty());
        assert!(modes(portal, from).iter().all(|(mode, _)| mode == "none"));
    };
    stage
        .until("signed in", || count(portal, 0, "none") > 0)
        .await;
    without_browser("the browser is released").await;
    // On the way down each was compared with the way before it, three times.
    let before: Vec<String> = modes(portal, 0).into_iter().map(|(mode, _)| mode).collect();
    let fetched = before.iter().position(|mode| mode == "cors").unwrap();
    let asked = before.iter().position(|mode| mode == "none").unwrap();
    assert!(fetched < asked, "{before:?}");
    assert!(
        count(portal, 0, "navigate") >= 3 && count(portal, 0, "cors") >= 6,
        "{before:?}"
    );
    let receipt = portal.post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    assert_eq!(portal.truth().attempts.len(), 1);

    portal.expire_session(0);
    stage
        .until("the browser comes back", || !stage.processes().is_empty())
        .await;
    without_browser("and is released again").await;
    let receipt = portal.post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    assert_eq!(portal.truth().attempts.len(), 2, "{}", stage.log());

    // Signed out without a browser: none is started for it.
    let paused = stage.command(&["pause", "kilima"]).output().await.unwrap();
    assert!(paused.status.success(), "{paused:?}");
    assert_eq!(agent.stop().await, 0);
    assert_eq!(portal.truth().session_since, None);
    let last = portal.truth().loads;
    let out = last
        .iter()
        .find(|load| load.path == "/logout.action")
        .unwrap();
    assert_eq!(out.mode, None);
    verify(
        &stage.events(),
        &portal.truth(),
        DateTime::<Utc>::UNIX_EPOCH,
        &[],
    );
    stage.is_bare().await;
}

#[tokio::test]
async fn a_way_that_gives_other_rows_is_not_used_and_costs_nothing() {
    let stage = Stage::set(vec![Cast::kilima()], "").await;
    permit_http(&stage);
    let portal = stage.portal();
    portal.seed_history(30).unwrap();
    assert!(portal.add_fault(hit(Fault::Stale, "cors")));
    let agent = stage.start();
    stage
        .until("the difference is seen", || {
            stage.log().contains("it did not give the same rows")
        })
        .await;
    let from = loads(portal);
    for _ in 0..3 {
        let receipt = portal.post_payment(&payment()).unwrap();
        stage.until_told(&receipt).await;
    }
    let after = modes(portal, from);
    assert!(
        after.iter().all(|(mode, _)| mode == "navigate"),
        "{after:?}"
    );
    assert_eq!(agent.stop().await, 0);
    assert_eq!(portal.truth().attempts.len(), 1);
    stage.is_bare().await;
}

#[tokio::test]
async fn a_sign_in_page_that_only_a_cheap_way_meets_spends_no_login() {
    let stage = Stage::set(vec![Cast::kilima()], "").await;
    permit_http(&stage);
    let (portal, agent) = (stage.portal(), stage.start());
    for (mode, dearer) in [("none", "cors"), ("cors", "navigate")] {
        stage
            .until("read by the cheapest way", || {
                let modes = modes(portal, 0);
                let last = modes.iter().rev().take(2).collect::<Vec<_>>();
                last.len() == 2 && last.iter().all(|(found, _)| found == mode)
            })
            .await;
        assert!(portal.add_fault(hit(Fault::SignIn, mode)));
        let from = loads(portal);
        let receipt = portal.post_payment(&payment()).unwrap();
        stage.until_told(&receipt).await;
        stage
            .until("read by the next dearer way", || {
                count(portal, from, dearer) > 1
            })
            .await;
        assert_eq!(portal.truth().attempts.len(), 1, "{}", stage.log());
    }
    assert_eq!(agent.stop().await, 0);
    assert_eq!(portal.truth().attempts.len(), 1);
    stage.is_bare().await;
}

/// Who reads without a browser holds no place: three accounts need one only for their sign-ins.
#[tokio::test]
async fn accounts_without_a_browser_leave_its_place_to_others() {
    let cast = ["one", "two", "three"].map(|name| Cast {
        name,
        knobs: PortalConfig {
            short_code: name.to_owned(),
            ..PortalConfig::default()
        },
        keys: "poll = \"1s\"\nread = \"http\"".to_owned(),
        ..Cast::kilima()
    });
    let stage = Stage::set(cast.into(), "").await;
    let file = stage.path("tillwatch.toml");
    let config = fs::read_to_string(&file).unwrap();
    let bounded = config.replacen("[webdriver]\n", "[webdriver]\nmax_sessions = 1\n", 1);
    fs::write(&file, bounded).unwrap();
    let agent = stage.start();
    let portals: Vec<&SideChannel> = stage
        .portals
        .iter()
        .map(|portal| portal.control())
        .collect();
    let all_without = async |what: &str| {
        stage
            .until(what, || {
                let mut last = portals.iter().map(|portal| modes(portal, 0).pop());
                last.all(|last| last.is_some_and(|(mode, _)| mode == "none"))
                    && stage.processes().is_empty()
            })
            .await;
    };
    all_without("all are read without a browser").await;
    let from = portals
        .iter()
        .map(|portal| loads(portal))
        .collect::<Vec<_>>();
    for (portal, from) in portals.iter().zip(&from) {
        stage
            .until("it is read on and on", || count(portal, *from, "none") > 3)
            .await;
        assert!(modes(portal, *from).iter().all(|(mode, _)| mode == "none"));
    }
    // The one whose session ends gets the place, and the others do not wait for it.
    portals[1].expire_session(0);
    stage
        .until("it signs in again", || {
            portals[1].truth().attempts.len() == 2
        })
        .await;
    all_without("and leaves the browser again").await;
    let logins: Vec<usize> = portals
        .iter()
        .map(|portal| portal.truth().attempts.len())
        .collect();
    assert_eq!(logins, [1, 2, 1], "{}", stage.log());
    for (portal, from) in [(portals[0], from[0]), (portals[2], from[2])] {
        assert!(modes(portal, from).iter().all(|(mode, _)| mode == "none"));
    }
    assert_eq!(agent.stop().await, 0);
    stage.is_bare().await;
}
