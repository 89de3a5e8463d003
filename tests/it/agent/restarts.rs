//! Stops and kills of the agent that cost no login while the portal's session lives.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use tillwatch::clock::Clock;

use super::oracle::verify;
use super::stage::{Cast, Stage, payment};
use crate::webdriver::remote::Remote;

const RESTARTS: usize = 20;

/// What is posted while the agent starts is told too.
fn begun() -> Cast {
    let since = (Clock::System.now() - TimeDelta::seconds(1)).to_rfc3339();
    Cast {
        keys: format!("poll = \"1s\"\nsince = {since:?}"),
        ..Cast::kilima()
    }
}

/// Twenty restarts, every other one by `kill -9`; each start reads.
async fn restart(stage: &Stage) {
    let portal = stage.portal();
    for start in 0..=RESTARTS {
        let agent = stage.start();
        stage.begun().await;
        let receipt = portal.post_payment(&payment()).unwrap();
        stage.until_told(&receipt).await;
        if start % 2 == 0 {
            assert_eq!(agent.stop().await, 0);
        } else {
            agent.kill_after(Duration::ZERO).await;
        }
        assert_eq!(portal.truth().attempts.len(), 1, "{}", stage.log());
    }
    verify(&stage.events(), &portal.truth(), DateTime::UNIX_EPOCH, &[]);
}

#[tokio::test]
async fn twenty_restarts_spend_no_login() {
    let stage = Stage::set(vec![begun()], "").await;
    restart(&stage).await;
    let restored = stage.log().matches("the kept session is restored").count();
    // Once more where a browser hung in the middle of a run and was replaced.
    assert!(restored >= RESTARTS, "{}", stage.log());
    stage.is_bare().await;
}

#[tokio::test]
async fn twenty_restarts_beside_a_webdriver_spend_no_login() {
    let remote = Remote::start();
    let stage = Stage::set_beside(&remote.url, vec![begun()]).await;
    restart(&stage).await;
    // A stop ends the browser, a kill leaves it to the next start. Either may fail on a machine that is so busy that the
    // WebDriver does not answer within its limit: then the next start goes on by the other way, and a browser that hangs in
    // the middle of a run is replaced, all without a login.
    let log = stage.log();
    let restored = log.matches("the kept session is restored").count();
    let adopted = log.matches("goes on with the WebDriver session").count();
    assert!(restored + adopted >= RESTARTS, "{log}");
    assert!(restored > 0 && adopted > 0, "{log}");
}

#[tokio::test]
async fn an_account_that_signs_out_at_a_stop_keeps_nothing_and_one_that_expired_signs_in_once() {
    let cast = Cast {
        keys: "poll = \"1s\"\nsign_out_at_stop = true".to_owned(),
        ..Cast::kilima()
    };
    let stage = Stage::set(vec![cast, Cast::other()], "").await;
    for start in 1..=2 {
        let agent = stage.start();
        stage.begun().await;
        for portal in &stage.portals {
            let receipt = portal.control().post_payment(&payment()).unwrap();
            stage.until_told(&receipt).await;
        }
        assert_eq!(agent.stop().await, 0);
        let (portal, other) = (stage.portal(), stage.portals[1].control());
        assert_eq!(portal.truth().session_since, None);
        assert!(!stage.path("state/browser/kilima/session").exists());
        assert!(stage.path("state/browser/other/session").exists());
        assert_eq!(portal.truth().attempts.len(), start);
        assert_eq!(other.truth().attempts.len(), start, "{}", stage.log());
        // While nobody looks.
        other.expire_session(0);
    }
    stage.is_bare().await;
}
