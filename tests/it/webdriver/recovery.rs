//! A driver that hangs, a browser that dies: each recognised, and the next `open` begins anew.

use rustix::process::Signal;
use tillwatch::portal::webdriver::{WebDriver, WebDriverPortal};
use tillwatch::portal::{Portal as _, PortalError};

use super::fixture::{Bench, credential, days, local, processes, signal, until};
use super::server::{Server, Table};

/// Signals the process that `is_it` picks, then: the next reading says that the browser is gone, and the one after a
/// new `open` succeeds.
async fn recovers(how: Signal, is_it: fn(&super::fixture::Process) -> bool) -> PortalError {
    let (bench, server) = (Bench::new().await, Server::start());
    let mut portal = bench.impatient(&server.origin);
    portal.open().await.unwrap();
    portal.first_page(days()).await.unwrap();
    let before = processes(&bench.state());
    let hit: Vec<i32> = before.iter().filter(|p| is_it(p)).map(|p| p.pid).collect();
    assert!(!hit.is_empty(), "{before:#?}");
    for pid in hit {
        signal(pid, how);
    }
    let error = loop {
        // A tab that crashes answers one call more.
        match portal.first_page(days()).await {
            Err(PortalError::PortalDown { .. }) => {}
            other => break other.unwrap_err(),
        }
    };
    until("the old processes are gone", || {
        let left = processes(&bench.state());
        before
            .iter()
            .all(|old| left.iter().all(|p| p.pid != old.pid))
    })
    .await;
    portal.open().await.unwrap();
    let page = portal.first_page(days()).await.unwrap();
    assert!(page.html.contains("row 1"));
    portal.close().await;
    assert!(bench.runs().is_empty(), "{:?}", bench.runs());
    error
}

fn lost(reason: &str) -> PortalError {
    PortalError::BrowserLost {
        reason: reason.to_owned(),
    }
}

#[tokio::test]
async fn a_driver_that_hangs_is_killed_and_started_again() {
    let error = recovers(Signal::STOP, super::fixture::Process::is_driver).await;
    assert_eq!(
        error,
        PortalError::Hung {
            call: "navigate to",
            limit_ms: 15_000
        }
    );
}

#[tokio::test]
async fn a_driver_that_dies_is_started_again() {
    let error = recovers(Signal::KILL, super::fixture::Process::is_driver).await;
    assert_eq!(error, lost("the WebDriver is gone"));
}

#[tokio::test]
async fn a_browser_that_dies_is_started_again() {
    let error = recovers(Signal::KILL, super::fixture::Process::is_browser).await;
    assert_eq!(error, lost("invalid session id"));
}

#[tokio::test]
async fn a_tab_that_crashes_is_opened_again() {
    let error = recovers(Signal::KILL, |p| p.command.contains("--type=renderer")).await;
    assert_eq!(error, lost("tab crashed"));
}

#[tokio::test]
async fn a_page_that_never_lets_go_of_the_browser_is_left_behind() {
    let (bench, server) = (Bench::new().await, Server::start());
    let mut portal = bench.impatient(&server.origin);
    portal.open().await.unwrap();
    server.set_table(Table::Spins);
    let error = portal.first_page(days()).await.unwrap_err();
    assert_eq!(error, lost("a page that does not let go of it"));
    server.set_table(Table::Rows);
    portal.open().await.unwrap();
    portal.first_page(days()).await.unwrap();
    portal.close().await;
}

#[tokio::test]
async fn a_page_that_eats_all_memory_costs_its_tab_and_not_the_session() {
    let (bench, server) = (Bench::new().await, Server::start());
    let WebDriver::Local {
        driver, browser, ..
    } = local()
    else {
        unreachable!()
    };
    let little = WebDriver::Local {
        driver,
        browser,
        args: vec!["--js-flags=--max-old-space-size=64".to_owned()],
    };
    let mut portal = WebDriverPortal::new(bench.settings(&server.origin, little));
    portal.open().await.unwrap();
    portal.visit_sign_in().await.unwrap();
    portal.submit(&credential()).await.unwrap();
    portal.keep().await;
    server.set_table(Table::Eats);
    let error = loop {
        match portal.first_page(days()).await {
            Ok(_) | Err(PortalError::PortalDown { .. }) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error, lost("tab crashed"));
    server.set_table(Table::Guarded);
    portal.open().await.unwrap();
    let page = portal.first_page(days()).await.unwrap();
    assert!(page.html.contains("row 1"), "signed out");
    portal.close().await;
}

#[tokio::test]
async fn a_missing_driver_or_browser_is_told_with_what_to_install() {
    let bench = Bench::new().await;
    let WebDriver::Local { driver, args, .. } = local() else {
        unreachable!()
    };
    let none = std::path::PathBuf::from("/nowhere/chrome");
    for (driver, browser) in [(driver, none.clone()), (none, "chromium".into())] {
        let webdriver = WebDriver::Local {
            driver,
            browser,
            args: args.clone(),
        };
        let mut portal = WebDriverPortal::new(bench.settings("http://127.0.0.1:1", webdriver));
        let error = portal.open().await.unwrap_err().to_string();
        assert!(error.contains("/nowhere/chrome"), "{error}");
        assert!(
            error.contains("apt-get install chromium chromium-driver"),
            "{error}"
        );
        assert_eq!(error.lines().count(), 1);
    }
    assert!(bench.runs().is_empty());
}
