//! What is left of a local browser: nothing, however its owner ends.

use std::env;
use std::future::pending;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tillwatch::portal::Portal as _;
use tillwatch::portal::webdriver::WebDriverPortal;

use super::fixture::{Bench, days, loads, local, owner, portal_file, processes, until};
use super::server::Server;

const OWNER: &str = "webdriver::processes::the_owner_that_is_killed";
const STATE: &str = "TILLWATCH_TEST_STATE";

#[tokio::test]
async fn a_closed_and_a_dropped_browser_leave_no_process_and_no_file() {
    let (bench, server) = (Bench::new().await, Server::start());
    for is_closed in [true, false] {
        let mut portal = bench.local(&server.origin);
        portal.open().await.unwrap();
        portal.first_page(days()).await.unwrap();
        let mode = bench.runs()[0].metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let before = processes(&bench.state());
        let driver = before.iter().find(|p| p.is_driver()).unwrap();
        if is_closed {
            portal.close().await;
        } else {
            drop(portal);
        }
        // Reaped: not even a zombie has this number.
        assert!(!Path::new(&format!("/proc/{}", driver.pid)).exists());
        assert!(bench.runs().is_empty(), "{:?}", bench.runs());
        until("no browser is left", || {
            processes(&bench.state()).is_empty()
        })
        .await;
    }
}

#[tokio::test]
async fn after_kill_9_of_the_owner_nothing_runs_and_the_next_start_cleans_up() {
    let (bench, server) = (Bench::new().await, Server::start());
    // A long path needs the short link for Chromium's socket; it is cleaned up too.
    let state = bench.state().join("a".repeat(60));
    let mut owner = Command::new(env::current_exe().unwrap())
        .args([OWNER, "--exact", "--ignored", "--nocapture"])
        .env(STATE, &state)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let tmp = lines
        .find_map(|line| {
            line.unwrap()
                .split_once("TMPDIR ")
                .map(|(_, dir)| dir.to_owned())
        })
        .unwrap();
    assert!(Path::new(&tmp).is_symlink(), "{tmp}");
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("driver and browser are gone", || {
        processes(&state).is_empty()
    })
    .await;
    let mut settings = bench.settings(&server.origin, local());
    settings.state.clone_from(&state);
    let mut portal = WebDriverPortal::new(settings);
    portal.open().await.unwrap();
    assert!(!Path::new(&tmp).is_symlink(), "{tmp}");
    portal.first_page(days()).await.unwrap();
    assert_eq!(state.read_dir().unwrap().count(), 1);
    portal.close().await;
    assert_eq!(state.read_dir().unwrap().count(), 0);
}

/// The process that the test above starts and kills.
#[tokio::test]
#[ignore = "run by the test above, in a process of its own"]
async fn the_owner_that_is_killed() {
    let state = env::var_os(STATE).expect("the test above sets it");
    let mut portal = WebDriverPortal::new(tillwatch::portal::webdriver::Settings {
        webdriver: local(),
        call_timeout: std::time::Duration::from_secs(10),
        page_timeout: std::time::Duration::from_secs(5),
        route: tillwatch::portal::webdriver::Route::default(),
        headed: false,
        state: state.clone().into(),
        selectors: std::sync::Arc::new(portal_file("http://127.0.0.1:1")),
        owner: owner("http://127.0.0.1:1"),
        session_key: None,
        pool: tillwatch::portal::pool::Pool::of(1),
        max_age: std::time::Duration::MAX,
        max_memory: u64::MAX,
        clock: tillwatch::clock::Clock::System,
        loads: loads(Path::new(&state)),
    });
    portal.open().await.unwrap();
    let driver = processes(Path::new(&state))
        .into_iter()
        .find(super::fixture::Process::is_driver)
        .unwrap();
    let environ = std::fs::read_to_string(format!("/proc/{}/environ", driver.pid)).unwrap();
    let tmp = environ
        .split('\0')
        .find_map(|var| var.strip_prefix("TMPDIR="))
        .unwrap();
    println!("TMPDIR {tmp}");
    pending::<()>().await;
}
