//! A session that is kept: put into the next browser as it was, and gone when it should be.

use std::fs;
use std::time::Duration;

use tillwatch::clock::{Clock, VirtualClock};
use tillwatch::portal::Portal as _;
use tillwatch::portal::kept::{Begun, Brought, Cookie, Kept};
use tillwatch::portal::webdriver::{Settings, WebDriverPortal};

use super::fixture::{Bench, Process, credential, days, local, processes};
use super::server::{Server, Table};

const SIGNED_IN: &str = "POST /login 600123 jane correct horse";

/// A portal that keeps what is signed in to `server`.
async fn signed_in(bench: &Bench, server: &Server) -> WebDriverPortal {
    server.set_table(Table::Guarded);
    let mut portal = bench.local(&server.origin);
    portal.unlock(&credential());
    portal.open().await.unwrap();
    portal.visit_sign_in().await.unwrap();
    portal.submit(&credential()).await.unwrap();
    portal.keep().await;
    assert!(is_kept(bench));
    portal
}

fn is_kept(bench: &Bench) -> bool {
    bench.state().join("session").exists()
}

async fn reads(portal: &mut WebDriverPortal) -> bool {
    let page = portal.first_page(days()).await.unwrap();
    assert!(page.html.contains("row 1") || page.html.contains("<form"));
    page.html.contains("row 1")
}

fn sign_ins(server: &Server) -> usize {
    server
        .seen()
        .iter()
        .filter(|line| *line == SIGNED_IN)
        .count()
}

#[tokio::test]
async fn cookies_and_storage_of_a_parked_session_are_in_the_next_browser_before_its_first_page() {
    let (bench, server) = (Bench::new().await, Server::start());
    let mut portal = signed_in(&bench, &server).await;
    portal.park().await;
    assert!(processes(&bench.state()).is_empty());
    // In the same process, and in one that begins anew.
    for mut portal in [portal, bench.local(&server.origin)] {
        portal.unlock(&credential());
        portal.open().await.unwrap();
        let page = portal.first_page(days()).await.unwrap();
        assert!(page.html.contains("long short"), "no storage");
        // Put in once only: what the page does to it stays.
        assert!(!page.html.contains("tillwatch"));
        assert!(reads(&mut portal).await);
        portal.keep().await;
        portal.park().await;
    }
    assert_eq!(sign_ins(&server), 1);
    let kept = fs::read(bench.state().join("session")).unwrap();
    assert!(!kept.windows(4).any(|part| part == b"long"));
}

#[tokio::test]
async fn a_session_outlives_its_browser_and_what_was_not_proved_is_not_kept() {
    let (bench, server) = (Bench::new().await, Server::start());
    let mut portal = signed_in(&bench, &server).await;
    // As a crash leaves it: nothing of the browser is written any more.
    drop(portal);
    portal = bench.local(&server.origin);
    portal.unlock(&credential());
    portal.open().await.unwrap();
    assert!(reads(&mut portal).await);
    // The portal said that it is over.
    portal.forget();
    assert!(!is_kept(&bench));
    portal.park().await;
    assert!(!is_kept(&bench));
    portal.open().await.unwrap();
    assert!(!reads(&mut portal).await);
    portal.park().await;
    assert!(!is_kept(&bench));
}

#[tokio::test]
async fn a_new_sign_in_and_a_sign_out_leave_nothing_kept() {
    let (bench, server) = (Bench::new().await, Server::start());
    let mut portal = signed_in(&bench, &server).await;
    portal.visit_sign_in().await.unwrap();
    let mut wrong = credential();
    wrong.password = "wrong".into();
    portal.submit(&wrong).await.unwrap();
    assert!(!is_kept(&bench));
    portal.close().await;

    let mut portal = signed_in(&bench, &server).await;
    portal.park().await;
    assert!(is_kept(&bench));
    // Parked or not: who closes it hands the portal to somebody else.
    let before = server.seen().len();
    portal.close().await;
    assert_eq!(server.seen()[before..], ["GET /logout"]);
    assert!(!is_kept(&bench));
    assert!(processes(&bench.state()).is_empty());
}

#[tokio::test]
async fn a_browser_that_is_old_or_large_is_replaced_and_its_session_goes_on() {
    let (bench, server) = (Bench::new().await, Server::start());
    let limits: [fn(&mut Settings); 2] = [
        |settings| settings.max_age = Duration::ZERO,
        |settings| settings.max_memory = 64 << 20,
    ];
    for limit in limits {
        let mut portal = signed_in(&bench, &server).await;
        let sign_ins = sign_ins(&server);
        portal.park().await;
        let mut settings = bench.settings(&server.origin, local());
        limit(&mut settings);
        let mut portal = WebDriverPortal::new(settings);
        portal.unlock(&credential());
        portal.open().await.unwrap();
        let driver = |processes: Vec<Process>| processes.into_iter().find(Process::is_driver);
        let old = driver(processes(&bench.state())).unwrap();
        // Not before a page has proved that the session is worth keeping.
        portal.open().await.unwrap();
        assert_eq!(driver(processes(&bench.state())).unwrap().pid, old.pid);
        assert!(reads(&mut portal).await);
        portal.keep().await;
        portal.open().await.unwrap();
        let new = driver(processes(&bench.state())).unwrap();
        assert_ne!(new.pid, old.pid);
        assert!(reads(&mut portal).await);
        assert_eq!(self::sign_ins(&server), sign_ins);
        portal.close().await;
    }
}

#[tokio::test]
async fn a_kept_session_outlives_a_portal_that_is_down_for_minutes_but_not_one_that_stumbles_over_it()
 {
    let (bench, server) = (Bench::new().await, Server::start());
    signed_in(&bench, &server).await.park().await;
    let clock = VirtualClock::starting_at(Clock::System.now());
    let mut settings = bench.settings(&server.origin, local());
    settings.clock = Clock::Virtual(clock.clone());
    let mut portal = WebDriverPortal::new(settings);
    portal.unlock(&credential());
    server.set_table(Table::Status(500));
    for minutes in [0, 2, 2, 2, 2, 2, 2, 2] {
        clock.suspend(Duration::from_secs(minutes * 60));
        assert!(is_kept(&bench));
        portal.open().await.unwrap();
        portal.first_page(days()).await.unwrap_err();
    }
    assert!(is_kept(&bench));
    clock.suspend(Duration::from_secs(2 * 60));
    portal.open().await.unwrap();
    assert!(!is_kept(&bench));
    portal.close().await;
}

#[tokio::test]
async fn an_imported_session_takes_the_place_of_the_one_there_is_and_keeps_its_user_agent() {
    let (bench, server) = (Bench::new().await, Server::start());
    let mut portal = signed_in(&bench, &server).await;
    let stamp = Clock::System.stamp();
    let cookie = Cookie {
        name: "sid".to_owned(),
        value: "1".to_owned(),
        domain: "127.0.0.1".to_owned(),
        path: "/".to_owned(),
        secure: false,
        http_only: true,
        expires: None,
        same_site: None,
    };
    let session = Kept {
        cookies: vec![cookie],
        begun: Some(Begun::at(&stamp)),
        is_imported: true,
        user_agent: Some("Mozilla/5.0 (a person's own)".to_owned()),
        ..Kept::default()
    };
    let imported = Brought {
        begun: session.begun.clone(),
        is_imported: true,
    };
    portal.import(session).await.unwrap();
    assert!(processes(&bench.state()).is_empty());
    // In this process, then in one that begins anew, and again once it is proved.
    let mut others = [bench.local(&server.origin), bench.local(&server.origin)].into_iter();
    for brought in [
        &imported,
        &imported,
        &Brought {
            is_imported: false,
            ..imported.clone()
        },
    ] {
        portal.unlock(&credential());
        portal.open().await.unwrap();
        assert_eq!(portal.brought_back().as_ref(), Some(brought));
        server.set_table(Table::Agent);
        let page = portal.first_page(days()).await.unwrap();
        let says = "asked as Mozilla/5.0 (a person's own), runs as Mozilla/5.0 (a person's own).";
        assert!(page.html.contains(says), "{}", page.html);
        server.set_table(Table::Guarded);
        assert!(reads(&mut portal).await);
        if others.len() < 2 {
            portal.keep().await;
            assert_eq!(portal.brought_back(), None);
        }
        portal.park().await;
        if let Some(other) = others.next() {
            portal = other;
        }
    }
}
