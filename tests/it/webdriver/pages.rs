//! Pages that are not the portal's: each recognised, none costs the session.

use std::sync::Arc;
use std::time::Duration;

use tillwatch::extract::MAX_PAGE_BYTES;
use tillwatch::portal::webdriver::WebDriverPortal;
use tillwatch::portal::{Portal as _, PortalError};
use tillwatch::selectors::Read;

use super::fixture::{Bench, days, local, told};
use super::server::{Server, Table};

#[tokio::test]
async fn what_is_not_a_page_of_the_portal_is_never_taken_for_one() {
    let (bench, server, other) = (Bench::new().await, Server::start(), Server::start());
    let mut portal = bench.local(&server.origin);
    portal.open().await.unwrap();
    let elsewhere = format!("{}/home", other.origin);
    for (table, sign) in [
        (Table::Status(404), "HTTP 404"),
        (Table::Status(500), "HTTP 500"),
        (Table::Status(503), "HTTP 503"),
        (Table::EmptyBody, "an empty page"),
        (Table::NoContent, "does not answer as itself"),
        (Table::Download, "does not answer as itself"),
        (Table::PlainText, "not HTML"),
        (Table::RedirectTo(elsewhere), other.origin.as_str()),
        (Table::Huge(MAX_PAGE_BYTES + 1), "the limit is 8388608"),
    ] {
        server.set_table(Table::Rows);
        let good = portal.first_page(days()).await.unwrap();
        assert!(good.html.contains("row 1"));
        server.set_table(table.clone());
        let error = told(portal.first_page(days()).await);
        assert!(error.contains(sign), "{table:?}: {error}");
    }
    portal.close().await;
}

#[tokio::test]
async fn whoever_asks_for_a_pause_is_understood_by_each_way_and_asked_by_no_other() {
    for (read, requests) in [(Read::Navigate, 2), (Read::Fetch, 1), (Read::Http, 1)] {
        let (bench, server) = (Bench::new().await, Server::start());
        let mut settings = bench.settings(&server.origin, local());
        Arc::make_mut(&mut settings.selectors).table.read = read;
        let mut portal = WebDriverPortal::new(settings);
        portal.open().await.unwrap();
        // The first page always comes by the browser; the second one proves that another way gives the same.
        server.set_table(Table::Statement);
        for _ in 0..2 {
            portal.first_page(days()).await.unwrap();
            assert!(!portal.heard(true).await);
        }
        let before = server.seen().len();
        server.set_table(Table::Busy(503, "77".to_owned()));
        let error = portal.first_page(days()).await.unwrap_err();
        let pause = Some(Duration::from_secs(77));
        assert_eq!(error, PortalError::Busy { status: 503, pause });
        assert_eq!(server.seen().len() - before, requests, "{read:?}");
        // Under this status a portal may also speak of sign-ins: the page is given, and its marks decide.
        server.set_table(Table::Busy(429, "78".to_owned()));
        let page = portal.first_page(days()).await.unwrap();
        let pause = Some(Duration::from_secs(78));
        assert_eq!(page.busy(), Some(PortalError::Busy { status: 429, pause }));
        portal.close().await;
    }
}

#[tokio::test]
async fn a_portal_that_is_switched_off_is_down_and_the_session_lives_on() {
    let (bench, server) = (Bench::new().await, Server::start());
    let mut portal = bench.local(&server.origin);
    portal.open().await.unwrap();
    portal.first_page(days()).await.unwrap();
    drop(server);
    let error = portal.first_page(days()).await.unwrap_err();
    assert_eq!(
        error,
        PortalError::PortalDown {
            reason: "net::ERR_CONNECTION_REFUSED".to_owned()
        }
    );
    // Nor is the browser's error page, which is there now, a page with a next one.
    let error = told(portal.next_page().await);
    assert!(error.contains("a.next"), "{error}");
    portal.close().await;
}

#[tokio::test]
async fn a_slow_page_and_a_link_that_leads_nowhere_do_not_cost_the_session() {
    let (bench, server) = (Bench::new().await, Server::start());
    let mut portal = bench.impatient(&server.origin);
    portal.open().await.unwrap();
    server.set_table(Table::Hangs);
    let error = told(portal.first_page(days()).await);
    assert!(error.contains("timeout"), "{error}");
    server.set_table(Table::DeadNext);
    portal.first_page(days()).await.unwrap();
    let error = told(portal.next_page().await);
    assert!(error.contains("no new page"), "{error}");
    server.set_table(Table::Rows);
    let page = portal.first_page(days()).await.unwrap();
    assert!(page.html.contains("row 1"));
    portal.close().await;
}

#[tokio::test]
async fn dialogs_are_dismissed_and_the_page_behind_them_is_read() {
    let (bench, server) = (Bench::new().await, Server::start());
    let mut portal = bench.local(&server.origin);
    portal.open().await.unwrap();
    server.set_table(Table::Dialogs);
    let page = portal.first_page(days()).await.unwrap();
    assert!(page.html.contains("row 1"));
    let page = portal.next_page().await.unwrap();
    assert!(page.html.contains("row 2"));
    portal.close().await;
}
