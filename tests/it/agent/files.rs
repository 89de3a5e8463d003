//! Selector files that change while the agent runs: taken, told of, or held back because history would be emitted again.

use std::fs;

use chrono::{DateTime, TimeDelta};
use chrono_tz::Africa::Nairobi;
use chrono_tz::Tz;
use serde_json::Value;
use tillwatch::clock::Clock;
use tillwatch::control::{self, Answer, Request};
use tillwatch::overview::AccountView;
use tillwatch::selectors::recipe;

use super::stage::{Cast, Stage, payment};
use crate::demo_portal::visitor::Visitor;

const KILIMA: &str = include_str!("../../../selectors/kilima.toml");
const REFERENCE: &str = "transaction_reference = { header = \"Receipt No.\" }";

/// The shipped file, changed in one place.
fn changed(from: &str, to: &str) -> String {
    assert_eq!(KILIMA.matches(from).count(), 1, "{from}");
    KILIMA.replace(from, to)
}

/// By which every payment has another reference, and so another id.
fn other_ids() -> String {
    let to = "transaction_reference = { header = \"Receipt No.\", capture = \"^.(.*)$\" }";
    changed(REFERENCE, to)
}

fn write(stage: &Stage, text: &str) {
    fs::write(stage.path("selectors/kilima.toml"), text).unwrap();
}

async fn account(stage: &Stage, name: &str) -> AccountView {
    let Some(Answer::Accounts(accounts)) = control::ask(&stage.path("state"), &Request::Status)
        .await
        .unwrap()
    else {
        panic!("{}", stage.log());
    };
    let mut accounts = accounts.into_iter();
    accounts.find(|account| account.name == name).unwrap()
}

fn received(stage: &Stage) -> Vec<Value> {
    let events = stage.events().into_iter();
    events
        .filter(|event| event["type"] == "payment.received")
        .collect()
}

/// Posts a payment and waits until it is told.
async fn told(stage: &Stage, portal: usize) -> String {
    let portal = stage.portals[portal].control();
    let receipt = portal.post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    receipt
}

#[tokio::test]
async fn a_changed_file_is_taken_without_a_login_and_a_wrong_one_is_told_and_not_taken() {
    let stage = Stage::set(vec![Cast::kilima()], "").await;
    let agent = stage.start();
    stage
        .until("a first reading", || !stage.events().is_empty())
        .await;
    told(&stage, 0).await;
    let shipped = recipe::version(KILIMA);
    assert_eq!(account(&stage, "kilima").await.selectors, shipped);

    write(
        &stage,
        &changed("operator = \"kilima\"", "operatr = \"kilima\""),
    );
    stage
        .until("the wrong file is told", || {
            stage
                .log()
                .contains("is not taken, the one from before stays in force")
        })
        .await;
    told(&stage, 0).await;
    let view = account(&stage, "kilima").await;
    let wrong = view.selectors_wrong.unwrap();
    assert!(
        wrong.contains("kilima.toml:1: missing key `operator`"),
        "{wrong}"
    );
    assert_eq!(view.selectors, shipped);

    let good = changed("customer_reference = { header = \"A/C No.\" }\n", "");
    write(&stage, &good);
    stage
        .until("the good file is taken", || {
            stage
                .log()
                .contains("the selector file changed and is in force")
        })
        .await;
    told(&stage, 0).await;
    let events = received(&stage);
    let raw: Vec<bool> = events
        .iter()
        .map(|event| event["data"].get("customerReferenceRaw").is_some())
        .collect();
    assert_eq!(raw, [true, true, false]);
    let view = account(&stage, "kilima").await;
    assert_eq!(view.selectors_wrong, None);
    assert_eq!(view.selectors, recipe::version(&good));

    write(
        &stage,
        &changed("https://org.kilima.example", "https://elsewhere.example"),
    );
    stage
        .until("that is taken too", || {
            stage
                .log()
                .matches("the selector file changed and is in force")
                .count()
                == 2
        })
        .await;
    told(&stage, 0).await;
    // The account's own `origin` stands over the file's.
    assert_eq!(account(&stage, "kilima").await.selectors_wrong, None);

    write(
        &stage,
        &changed("page_loads_per_hour = 20000", "page_loads_per_hour = 7200"),
    );
    stage
        .until("the portal's manners are taken too", || {
            stage
                .log()
                .matches("the selector file changed and is in force")
                .count()
                == 3
        })
        .await;
    told(&stage, 0).await;
    let view = account(&stage, "kilima").await;
    assert_eq!(view.page_loads_per_hour, 7200);
    assert!(view.page_loads_this_hour > 0, "what was loaded counts on");
    assert_eq!(stage.portal().truth().attempts.len(), 1, "{}", stage.log());
    assert_eq!(agent.stop().await, 0);
}

/// Two accounts at portals of their own, by files of their own, each of whose payments are told.
async fn two() -> Stage {
    let other = Cast {
        selectors: "other",
        ..Cast::other()
    };
    let stage = Stage::set(vec![Cast::kilima(), other], "").await;
    fs::write(stage.path("selectors/other.toml"), KILIMA).unwrap();
    stage
}

#[tokio::test]
async fn a_file_that_would_emit_history_again_stops_its_account_alone_until_told() {
    let stage = two().await;
    let agent = stage.start();
    stage
        .until("first readings", || stage.events().len() >= 2)
        .await;
    for _ in 0..3 {
        told(&stage, 0).await;
    }
    write(&stage, &other_ids());
    let again = "history would be emitted again: by the changed selector file 3 of 3 payments";
    stage
        .until("the account is stopped", || stage.log().contains(again))
        .await;
    let late = stage.portal().post_payment(&payment()).unwrap();
    stage.read_once("kilima").await;
    told(&stage, 1).await;
    assert!(!stage.is_told(&late[1..]));
    assert_eq!(received(&stage).len(), 4, "{}", stage.log());

    // It outlives a restart; `resume` alone does not lift it.
    assert_eq!(agent.stop().await, 0);
    let agent = stage.start();
    told(&stage, 1).await;
    stage.read_once("kilima").await;
    let account_name = || "kilima".to_owned();
    let said = stage
        .ask(&Request::Resume {
            account: account_name(),
        })
        .await;
    assert!(
        said.contains("stays stopped") && said.contains("--emit-again"),
        "{said}"
    );
    stage.read_once("kilima").await;
    let view = account(&stage, "kilima").await;
    assert_eq!(view.state, "stopped, a person must act");
    assert_eq!(received(&stage).len(), 5, "{}", stage.log());

    stage
        .ask(&Request::EmitAgain {
            account: account_name(),
        })
        .await;
    stage.until_told(&late[1..]).await;
    // Three again, one for the first time, two of the other account.
    assert_eq!(received(&stage).len(), 9, "{}", stage.log());
    let request = Request::EmitAgain {
        account: account_name(),
    };
    let refused = control::ask(&stage.path("state"), &request).await;
    assert!(matches!(refused.unwrap(), Some(Answer::Refused(_))));
    for portal in &stage.portals {
        assert_eq!(
            portal.control().truth().attempts.len(),
            1,
            "{}",
            stage.log()
        );
    }
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn a_file_changed_between_two_runs_is_held_back_too_and_one_put_back_loses_nothing() {
    let stage = Stage::set(vec![Cast::kilima()], "").await;
    let agent = stage.start();
    stage
        .until("a first reading", || !stage.events().is_empty())
        .await;
    told(&stage, 0).await;
    assert_eq!(agent.stop().await, 0);
    write(&stage, &other_ids());
    let agent = stage.start();
    stage
        .until("the account is stopped", || {
            stage.log().contains("1 of 1 payments have another id")
        })
        .await;
    let late = stage.portal().post_payment(&payment()).unwrap();
    write(&stage, KILIMA);
    stage.until_told(&late).await;
    assert_eq!(received(&stage).len(), 2, "{}", stage.log());
    assert_eq!(stage.portal().truth().attempts.len(), 1, "{}", stage.log());
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn a_changed_file_is_compared_with_what_the_running_agent_has_told() {
    let stage = Stage::set(vec![Cast::kilima()], "").await;
    let agent = stage.start();
    for _ in 0..2 {
        told(&stage, 0).await;
    }
    // A page saved by hand, with one payment more than the agent has read.
    let (ok, _) = said(&stage, &["pause", "kilima"]).await;
    assert_eq!(ok, Some(0));
    stage.portal().post_payment(&payment()).unwrap();
    let mut person = Visitor::of(&stage.portals[0]);
    person.sign_in("kilima-demo-1").await;
    let today = Clock::System.now().with_timezone(&Nairobi);
    let day = |at: DateTime<Tz>| at.format("%d-%m-%Y").to_string();
    let (from, to) = (day(today - TimeDelta::days(1)), day(today));
    let page = person
        .get(&format!("/statement.action?from={from}&to={to}"))
        .await;
    fs::write(stage.path("saved.html"), page.html).unwrap();
    fs::write(stage.path("changed.toml"), other_ids()).unwrap();
    let [old, new, page] = ["selectors/kilima.toml", "changed.toml", "saved.html"]
        .map(|name| stage.path(name).display().to_string());
    for (changed, exit, counts) in [
        (&old, 0, "2 same, 1 new, 0 emitted again, 0 changed"),
        (&new, 1, "0 same, 1 new, 2 emitted again, 0 changed"),
    ] {
        let args = ["portal", "diff", &old, changed, "--pages", &page];
        let args = [&args[..], &["--account", "kilima"]].concat();
        let (ended, text) = said(&stage, &args).await;
        assert!(ended == Some(exit) && text.contains(counts), "{text}");
    }
    assert_eq!(agent.stop().await, 0);
}

/// Exit code and everything said.
async fn said(stage: &Stage, args: &[&str]) -> (Option<i32>, String) {
    let output = stage.command(args).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}
