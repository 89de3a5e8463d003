//! Signing in: what is typed, and where.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::thread;

use tillwatch::portal::webdriver::WebDriverPortal;
use tillwatch::portal::{Portal as _, PortalError};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::fixture::{Bench, credential, days, local, portal_file, told};
use super::server::{Login, Server};

#[tokio::test]
async fn a_sign_in_types_the_credential_reads_two_pages_and_signs_out() {
    let log = Log::of_this_thread();
    let (bench, server) = (Bench::new().await, Server::start());
    let mut portal = bench.local(&server.origin);
    portal.open().await.unwrap();
    let form = portal.visit_sign_in().await.unwrap();
    assert_eq!(form.status, Some(200));
    assert!(form.html.contains("name=\"password\""));
    let home = portal.submit(&credential()).await.unwrap();
    assert_eq!(home.url.path(), "/home");
    assert!(home.html.starts_with("<!DOCTYPE html>"));
    let first = portal.first_page(days()).await.unwrap();
    assert!(first.html.contains("row 1"));
    let second = portal.next_page().await.unwrap();
    assert!(second.html.contains("row 2"));
    // The same address again is a new page.
    let again = portal.first_page(days()).await.unwrap();
    assert!(again.html.contains("row 1"));
    portal.close().await;
    assert_eq!(
        server.seen(),
        [
            "GET /login",
            "POST /login 600123 jane correct horse",
            "GET /table 20/11/2026 21/11/2026 1",
            "GET /table 20/11/2026 21/11/2026 2",
            "GET /table 20/11/2026 21/11/2026 1",
            "GET /logout",
        ]
    );
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("TRACE"), "{log}");
    for secret in ["correct horse", "Welcome", "row 1"] {
        assert!(!log.contains(secret), "{log}");
    }
}

/// Everything that was logged, at every level and by every crate.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Logs what this thread does; a test runs on one thread.
    ///
    /// For the whole process, as `tracing` asks the thread that comes by first whether a place is logged at all, and
    /// that may be another test's.
    fn of_this_thread() -> Self {
        let (log, here) = (Self::default(), thread::current().id());
        let written = log.clone();
        tracing_subscriber::registry()
            .with(
                fmt::layer()
                    .with_writer(move || written.clone())
                    .with_filter(dynamic_filter_fn(move |_, _| {
                        thread::current().id() == here
                    })),
            )
            .init();
        log
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_is_typed_where_the_form_or_the_page_is_of_another_origin() {
    let (bench, server, other) = (Bench::new().await, Server::start(), Server::start());
    let mut portal = bench.local(&server.origin);
    portal.open().await.unwrap();
    let elsewhere = format!("{}/login", other.origin);
    for login in [
        Login::SendsTo(elsewhere.clone()),
        Login::ButtonSendsTo(elsewhere.clone()),
    ] {
        server.set_login(login);
        portal.visit_sign_in().await.unwrap();
        let error = portal.submit(&credential()).await.unwrap_err();
        assert_eq!(
            error,
            PortalError::OffOrigin {
                found: other.origin.clone(),
                pinned: server.origin.clone(),
            }
        );
    }
    server.set_login(Login::RedirectTo(format!("{elsewhere}?token=secret")));
    let error = told(portal.visit_sign_in().await);
    assert!(error.contains(&other.origin) && !error.contains("secret"));
    // Also when it is asked for all the same.
    let error = told(portal.submit(&credential()).await);
    assert!(error.contains(&other.origin), "{error}");
    portal.close().await;
    assert_eq!(other.seen(), ["GET /login"]);
    assert!(server.seen().iter().all(|line| line == "GET /login"));
}

#[tokio::test]
async fn a_refusal_is_a_page_to_be_judged_whatever_its_status() {
    let (bench, server) = (Bench::new().await, Server::start());
    let mut portal = bench.impatient(&server.origin);
    portal.open().await.unwrap();
    let mut wrong = credential();
    wrong.password = "wrong".into();
    portal.visit_sign_in().await.unwrap();
    let page = portal.submit(&wrong).await.unwrap();
    assert_eq!(page.status, Some(401));
    assert!(page.html.contains("id=\"wrong\""));
    // A form made by script, and a verdict without a navigation.
    server.set_login(Login::ByScript);
    portal.visit_sign_in().await.unwrap();
    let page = portal.submit(&wrong).await.unwrap();
    assert!(page.html.contains("id=\"wrong\""));
    portal.close().await;
}

#[tokio::test]
async fn a_form_on_two_pages_is_filled_page_by_page() {
    let (bench, server) = (Bench::new().await, Server::start());
    server.set_login(Login::TwoPages);
    let mut settings = bench.settings(&server.origin, local());
    let mut selectors = portal_file(&server.origin);
    let next = selectors.sign_in.steps[3].clone();
    selectors.sign_in.steps.insert(1, next);
    settings.selectors = Arc::new(selectors);
    let mut portal = WebDriverPortal::new(settings);
    portal.open().await.unwrap();
    portal.visit_sign_in().await.unwrap();
    let home = portal.submit(&credential()).await.unwrap();
    assert_eq!(home.url.path(), "/home");
    portal.close().await;
    assert_eq!(server.seen()[1], "POST /login 600123 jane correct horse");
}
