//! `tillwatch status` and `GET /v1/accounts` beside an agent at work.

use std::fs;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use tillwatch::clock::Clock;
use tillwatch::demo::portal::PortalConfig;

use super::{SERVER, said, served_at};
use crate::agent::stage::{Cast, Stage, payment, write_secret};

#[tokio::test]
async fn status_says_of_each_account_what_it_does_and_what_it_waits_for() {
    let locked_out = Cast {
        name: "other",
        knobs: PortalConfig {
            short_code: "600124".to_owned(),
            ..PortalConfig::default()
        },
        ..Cast::kilima()
    };
    let broken = Cast {
        name: "broken",
        selectors: "broken",
        knobs: PortalConfig {
            short_code: "600125".to_owned(),
            ..PortalConfig::default()
        },
        ..Cast::kilima()
    };
    let stage = Stage::set(vec![Cast::kilima(), locked_out, broken], SERVER).await;
    write_secret(&stage.path("other.secret"), "not-the-password");
    // A number that stands on the page of the table alone.
    let file = stage.path("selectors/kilima.toml");
    let text = fs::read_to_string(&file).unwrap();
    let days = "password_expires_in = { css = \"p#count\", capture = \"of ([0-9,]+)$\" }";
    fs::write(
        file,
        text.replace("[marks]\n", &format!("[marks]\n{days}\n")),
    )
    .unwrap();

    let alone = stage.command(&["status"]).output().await.unwrap();
    assert_eq!(alone.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("no agent runs"));

    let agent = stage.start();
    stage.begun().await;
    let served = served_at(&stage, "/v1/accounts").await;
    let receipt = stage.portal().post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    stage
        .until("other is stopped", || stage.log().contains("stopped: "))
        .await;
    stage.read_once("kilima").await;

    let json: Value = serde_json::from_str(&said(&stage, &["status", "--json"]).await).unwrap();
    let [kilima, other, broken] = json.as_array().unwrap().as_slice() else {
        panic!("{json}");
    };
    assert_eq!(kilima["name"], "kilima");
    assert_eq!(kilima["state"], "signed in");
    assert_eq!(kilima["why"], Value::Null);
    assert_eq!(kilima["logins"]["used"], 1);
    assert_eq!(kilima["logins"]["cap"], 30);
    assert_eq!(kilima["logins"]["reserve"], 3);
    assert_eq!(kilima["breaker"], "closed");
    assert_eq!(kilima["paymentsTold"], 1);
    assert_eq!(kilima["passwordExpiresInDays"], 1);
    let [used, most] = ["pageLoadsThisHour", "pageLoadsPerHour"].map(|key| kilima[key].as_u64());
    assert!(used > Some(1) && used < most, "{kilima}");
    assert!(kilima["sessionSeconds"].is_u64() && kilima["freshnessSeconds"].is_u64());
    assert_eq!(other["state"], "stopped, a person must act");
    assert_eq!(other["breaker"], "wrong-password");
    assert!(
        other["why"]
            .as_str()
            .unwrap()
            .contains("correct the secret")
    );
    assert_eq!(other["freshnessSeconds"], Value::Null);
    assert_eq!(broken["state"], "not started");

    let table = said(&stage, &["status"]).await;
    let heads: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(heads[..4], ["account", "state", "session", "logins"]);
    assert!(
        table.contains("\nother: the portal refuses the password"),
        "{table}"
    );

    let served: Value = reqwest::get(served).await.unwrap().json().await.unwrap();
    let names = |json: &Value| -> Vec<String> {
        let all = json.as_array().unwrap().iter();
        all.map(|account| account["name"].to_string()).collect()
    };
    assert_eq!(names(&served), names(&json));
    assert_eq!(served[1]["breaker"], "wrong-password");
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn the_age_of_a_session_counts_from_its_sign_in_over_a_stop_and_a_kill() {
    // What is posted while the agent starts is told too.
    let begins = (Clock::System.now() - TimeDelta::seconds(1)).to_rfc3339();
    let cast = Cast {
        keys: format!("poll = \"1s\"\nsince = {begins:?}"),
        ..Cast::kilima()
    };
    let stage = Stage::set(vec![cast], "").await;
    let since = async || {
        let receipt = stage.portal().post_payment(&payment()).unwrap();
        stage.until_told(&receipt).await;
        stage.read_once("kilima").await;
        let status = said(&stage, &["status", "--json"]).await;
        let status: Value = serde_json::from_str(&status).unwrap();
        status[0]["signedInAt"].as_str().unwrap().to_owned()
    };
    let agent = stage.start();
    let signed_in = since().await;
    assert_eq!(agent.stop().await, 0);
    let agent = stage.start();
    assert_eq!(since().await, signed_in);
    agent.kill_after(Duration::ZERO).await;
    let agent = stage.start();
    assert_eq!(since().await, signed_in);
    assert_eq!(agent.stop().await, 0);
    assert_eq!(stage.portal().truth().attempts.len(), 1);
    let log = stage.log();
    assert_eq!(
        log.matches("the kept session is restored").count(),
        2,
        "{log}"
    );
}
