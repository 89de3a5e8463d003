//! Attended hours: outside them no sign-in is begun, and `status` says until when.

use std::fs;

use chrono::{Datelike, Days};
use tillwatch::clock::Clock;

use super::{SERVER, said, served_at};
use crate::agent::stage::{Cast, Stage, payment};

#[tokio::test]
async fn outside_attended_hours_no_login_is_spent() {
    let day = Clock::System.now().checked_add_days(Days::new(3)).unwrap();
    let day = day.weekday().to_string().to_lowercase();
    let hours = format!("attended = {{ days = {day:?}, from = \"08:00\", to = \"18:00\" }}");
    let cast = Cast {
        keys: format!("poll = \"1s\"\n{hours}"),
        ..Cast::kilima()
    };
    let stage = Stage::set(vec![cast], SERVER).await;
    let portal = stage.portal();
    let agent = stage.start();
    served_at(&stage, "/v1/accounts").await;
    stage
        .until("the sign-in page was asked for", || {
            !portal.truth().loads.is_empty()
        })
        .await;
    stage.read_once("kilima").await;
    let status = said(&stage, &["status"]).await;
    assert!(status.contains("waiting for attended hours"), "{status}");
    assert!(
        status.contains("needs a person, who is at hand from"),
        "{status}"
    );
    assert_eq!(portal.truth().attempts, []);
    assert_eq!(agent.stop().await, 0);

    let config = fs::read_to_string(stage.path("tillwatch.toml")).unwrap();
    assert!(config.contains(&hours));
    fs::write(stage.path("tillwatch.toml"), config.replace(&hours, "")).unwrap();
    let agent = stage.start();
    let receipt = portal.post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    assert_eq!(portal.truth().attempts.len(), 1);
    assert_eq!(agent.stop().await, 0);
}
