//! Notices: to a webhook that stumbles and to a command, once, and again when it is over; and the ping of the living.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::agent::stage::{Cast, Stage, payment, write_secret};

/// What arrived. Shared with the handlers, which hold it for a push only.
#[derive(Clone, Default)]
struct Inbox {
    notices: Arc<Mutex<Vec<Value>>>,
    refused: Arc<Mutex<u32>>,
    pings: Arc<Mutex<u32>>,
}

impl Inbox {
    /// Serves on any port until the handle is dropped: the first delivery is refused.
    async fn open(&self) -> (String, JoinHandle<()>) {
        let app = Router::new()
            .route("/notices", post(take))
            .route(
                "/ping",
                get(async |State(inbox): State<Inbox>| *inbox.pings.lock().unwrap() += 1),
            )
            .with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
        (address, serving)
    }

    /// `open stopped kilima`, in order of arrival.
    fn words(&self) -> Vec<String> {
        let notices = self.notices.lock().unwrap();
        let word = |notice: &Value, key: &str| notice[key].as_str().unwrap_or("-").to_owned();
        notices
            .iter()
            .map(|notice| {
                ["state", "kind", "account"]
                    .map(|key| word(notice, key))
                    .join(" ")
            })
            .collect()
    }
}

async fn take(
    State(inbox): State<Inbox>,
    headers: HeaderMap,
    Json(notice): Json<Value>,
) -> StatusCode {
    if headers["authorization"] != "Bearer hook-token" {
        return StatusCode::UNAUTHORIZED;
    }
    let mut refused = inbox.refused.lock().unwrap();
    *refused += 1;
    if *refused == 1 {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    inbox.notices.lock().unwrap().push(notice);
    StatusCode::NO_CONTENT
}

#[tokio::test]
async fn what_needs_a_person_is_told_once_and_again_when_it_is_solved() {
    let inbox = Inbox::default();
    let (address, serving) = inbox.open().await;
    let notify = format!(
        "\n[[notify]]\ntype = \"webhook\"\nurl = \"{address}/notices\"\ntoken_file = \"hook.token\"\n\
         \n[[notify]]\ntype = \"command\"\ncommand = [\"./tell\"]\n"
    );
    let stage = Stage::set(vec![Cast::kilima()], &notify).await;
    let config = fs::read_to_string(stage.path("tillwatch.toml")).unwrap();
    let config = format!("dead_man = \"{address}/ping\"\n{config}");
    fs::write(stage.path("tillwatch.toml"), config).unwrap();
    write_secret(&stage.path("hook.token"), "hook-token");
    let told = stage.path("told");
    fs::write(
        stage.path("tell"),
        format!("#!/bin/sh\ncat >> {}\n", told.display()),
    )
    .unwrap();
    fs::set_permissions(stage.path("tell"), fs::Permissions::from_mode(0o755)).unwrap();
    let portal = stage.portal();
    let right = portal.config().password;
    write_secret(&stage.path("kilima.secret"), "not-the-password");

    let agent = stage.start();
    stage
        .until("it is told", || inbox.words() == ["open stopped kilima"])
        .await;
    let notice = inbox.notices.lock().unwrap()[0].clone();
    assert!(
        notice["what"]
            .as_str()
            .unwrap()
            .contains("refuses the password")
    );
    assert!(
        notice["todo"]
            .as_str()
            .unwrap()
            .contains("tillwatch resume kilima")
    );
    stage
        .until("the agent lives", || *inbox.pings.lock().unwrap() > 0)
        .await;

    // A restart tells nothing again: what comes next is the end of it.
    assert_eq!(agent.stop().await, 0);
    let before = *inbox.pings.lock().unwrap();
    let agent = stage.start();
    stage
        .until("the agent lives again", || {
            *inbox.pings.lock().unwrap() > before
        })
        .await;
    stage.read_once("kilima").await;
    // Aside and renamed: the agent may be reading it.
    write_secret(&stage.path("kilima.new"), &right);
    fs::rename(stage.path("kilima.new"), stage.path("kilima.secret")).unwrap();
    let receipt = portal.post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    stage
        .until("it is solved", || inbox.words().len() == 2)
        .await;
    assert_eq!(inbox.words()[1], "solved stopped kilima");

    // A word that the file does not know puts the row aside.
    portal.set_status(&receipt, "Quibbled").unwrap();
    // The page is one of another kind, and the row lies in quarantine: in any order.
    let newest = || {
        let mut words = inbox.words();
        let mut newest = words.split_off(words.len().saturating_sub(2));
        newest.sort();
        newest
    };
    stage
        .until("the row is told", || inbox.words().len() == 4)
        .await;
    assert_eq!(newest(), ["open drift kilima", "open quarantine kilima"]);
    // Its text changes to one that is understood: nothing lies in quarantine any more.
    portal.set_status(&receipt, "Reversed").unwrap();
    stage
        .until("the row is understood", || inbox.words().len() == 6)
        .await;
    assert_eq!(
        newest(),
        ["solved drift kilima", "solved quarantine kilima"]
    );
    assert_eq!(agent.stop().await, 0);
    serving.abort();

    let by_command = fs::read_to_string(&told).unwrap();
    let by_command: Vec<Value> = by_command
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(by_command, *inbox.notices.lock().unwrap());
    let words = format!("{by_command:?}{}", stage.log());
    for secret in [right.as_str(), "not-the-password", "hook-token", "Quibbled"] {
        assert!(!words.contains(secret), "{secret}");
    }
}
