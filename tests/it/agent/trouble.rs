//! Drivers and browsers that die or hang, and a sink without room: recovered from, nothing lost.

use std::process::Command;

use axum::http::StatusCode;
use axum::{Json, Router};
use chrono::DateTime;
use rustix::process::Signal;
use serde_json::json;
use tillwatch::demo::portal::Posting;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::oracle::verify;
use super::stage::{Cast, Stage, payment};
use crate::webdriver::fixture::{Process, signal};
use crate::webdriver::remote::Remote;

/// Which process is meant.
type Whose = fn(&Process) -> bool;

#[tokio::test]
async fn a_dead_or_hung_driver_or_browser_is_replaced() {
    let stage = Stage::set(vec![Cast::kilima()], "").await;
    let (portal, agent) = (stage.portal(), stage.start());
    stage
        .until("a first reading", || !stage.events().is_empty())
        .await;
    let troubles: [(Signal, Whose); 4] = [
        (Signal::KILL, Process::is_driver),
        (Signal::KILL, Process::is_browser),
        (Signal::STOP, Process::is_driver),
        (Signal::STOP, Process::is_browser),
    ];
    for (what, whose) in troubles {
        let before = stage.processes();
        let hit = before.iter().find(|process| whose(process)).unwrap();
        signal(hit.pid, what);
        let receipt = portal.post_payment(&payment()).unwrap();
        stage.until_told(&receipt).await;
        let is_old = |process: &Process| before.iter().any(|old| old.pid == process.pid);
        stage
            .until("none of the old processes is left", || {
                !stage.processes().iter().any(is_old)
            })
            .await;
        // The kept session went into the next browser.
        assert_eq!(portal.truth().attempts.len(), 1, "{}", stage.log());
    }
    assert_eq!(agent.stop().await, 0);
    verify(&stage.events(), &portal.truth(), DateTime::UNIX_EPOCH, &[]);
    stage.is_bare().await;
}

/// A WebDriver that answers every request for a session with this message.
async fn refusing(port: u16, message: &'static str) -> JoinHandle<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let answer = move || async move {
        let error = json!({ "error": "session not created", "message": message, "stacktrace": "" });
        let answer = Json(json!({ "value": error }));
        (StatusCode::INTERNAL_SERVER_ERROR, answer)
    };
    tokio::spawn(async move {
        let app = Router::new().fallback(answer);
        axum::serve(listener, app).await.unwrap();
    })
}

#[tokio::test]
async fn a_webdriver_that_refuses_is_told_by_its_kind_and_costs_no_login() {
    let mut remote = Some(Remote::start());
    let url = remote.as_ref().unwrap().url.clone();
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    let stage = Stage::set_beside(&url, vec![Cast::kilima()]).await;
    let (portal, agent) = (stage.portal(), stage.start());
    stage
        .until("a first reading", || !stage.events().is_empty())
        .await;
    drop(remote.take());
    stage
        .until("it is told that nothing listens", || {
            stage.log().contains("nothing listens at its address")
        })
        .await;
    for (message, advice) in [
        (
            "Could not start a new session. New session request timed out",
            "it has as many sessions as it may",
        ),
        (
            "session not created: This version of ChromeDriver only supports Chrome version 114",
            "driver and browser are of different versions",
        ),
        (
            "session not created: Chrome instance exited.",
            "the browser ended while it started",
        ),
    ] {
        let refusing = refusing(port, message).await;
        stage.read_once("kilima").await;
        stage.until(advice, || stage.log().contains(advice)).await;
        refusing.abort();
        assert!(refusing.await.unwrap_err().is_cancelled());
    }
    let _remote = Remote::start_at(port);
    let receipt = portal.post_payment(&payment()).unwrap();
    stage.read_once("kilima").await;
    stage.until_told(&receipt).await;
    assert_eq!(portal.truth().attempts.len(), 1, "{}", stage.log());
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn a_full_disk_holds_a_file_sink_back_and_loses_nothing() {
    let stage = Stage::set(
        vec![Cast::kilima()],
        "\n[[sink]]\ntype = \"file\"\nname = \"small\"\npath = \"small/events.ndjson\"\n",
    )
    .await;
    let small = stage.path("small");
    std::fs::create_dir(&small).unwrap();
    let mount = |args: &[&str]| {
        let status = Command::new("mount").args(args).arg(&small).status();
        status.is_ok_and(|status| status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "size=16k", "tillwatch-test"]) {
        eprintln!("SKIPPED: no permission to mount a small disk");
        return;
    }
    let _mounted = Mounted(small.clone());
    let agent = stage.start();
    stage
        .until("a first reading", || !stage.events().is_empty())
        .await;
    let receipts: Vec<String> = (0..40)
        .map(|_| stage.portal().post_payment(&Posting::default()).unwrap())
        .collect();
    // The other sink is not held back.
    for receipt in &receipts {
        stage.until_told(receipt).await;
    }
    let written = || std::fs::read_to_string(small.join("events.ndjson")).unwrap();
    stage
        .until("the disk is full", || stage.log().contains("No space left"))
        .await;
    assert!(!receipts.iter().all(|receipt| written().contains(receipt)));
    assert!(mount(&["-o", "remount,size=8m", "tillwatch-test"]));
    stage
        .until("all is written", || written() == read(&stage))
        .await;
    assert_eq!(agent.stop().await, 0);
    assert_eq!(written(), read(&stage));
}

fn read(stage: &Stage) -> String {
    std::fs::read_to_string(stage.path("payments.ndjson")).unwrap()
}

/// Unmounted when dropped.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let ended = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(ended.is_ok_and(|status| status.success()));
    }
}
