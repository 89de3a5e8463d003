//! A portal that fails and heals: nothing lost, no login wasted, an empty table never believed.

use chrono::DateTime;
use serde_json::Value;
use tillwatch::control::Request;
use tillwatch::demo::portal::{Fault, FaultRule, Markup, SideChannel};

use super::oracle::verify;
use super::stage::{Cast, Stage, payment};

const TABLE: &str = "/statement.action";
const SIGN_IN: &str = "/orglogin.action";

type Breakage = (&'static str, Box<dyn Fn(&SideChannel)>);

fn fails(fault: Fault) -> Box<dyn Fn(&SideChannel)> {
    fails_at(fault, TABLE)
}

fn rule(fault: Fault, path: &str) -> FaultRule {
    FaultRule {
        mode: None,
        fault,
        path: Some(path.to_owned()),
        times: None,
        ms: 0,
        after: false,
    }
}

fn fails_at(fault: Fault, path: &str) -> Box<dyn Fn(&SideChannel)> {
    let rule = rule(fault, path);
    Box::new(move |portal| assert!(portal.add_fault(rule.clone())))
}

fn shows(markup: Markup) -> Box<dyn Fn(&SideChannel)> {
    Box::new(move |portal| portal.set_markup(markup.clone()))
}

fn renamed(header: &str) -> Markup {
    Markup {
        rename_header: [(header.to_owned(), "Something else".to_owned())].into(),
        ..Markup::default()
    }
}

#[rustfmt::skip]
fn breakages() -> Vec<Breakage> {
    let usual = Markup::default;
    vec![
        ("404", fails(Fault::NotFound)),
        ("500", fails(Fault::ServerError)),
        ("an empty body", fails(Fault::EmptyBody)),
        ("a hanging request", fails(Fault::Hang)),
        ("a closed connection", fails(Fault::Close)),
        ("another site's page", shows(Markup { other_site: true, ..usual() })),
        ("empty pages", shows(Markup { empty_body: true, ..usual() })),
        ("no mark of who is signed in", shows(Markup { drop_signed_in_mark: true, ..usual() })),
        ("a renamed amount", shows(renamed("Paid In"))),
        ("a renamed receipt", shows(renamed("Receipt No."))),
        ("a dropped status", shows(Markup { drop_column: vec!["Transaction Status".into()], ..usual() })),
        ("no header", shows(Markup { drop_header_row: true, ..usual() })),
        ("no table", shows(Markup { drop_table: true, ..usual() })),
        ("hidden rows", shows(Markup { hide_rows: true, ..usual() })),
    ]
}

#[tokio::test]
async fn a_portal_that_fails_and_heals_costs_no_payment_and_no_login() {
    let cast = Cast {
        keys: "poll = \"1s\"\nsweep = \"10s\"".to_owned(),
        ..Cast::kilima()
    };
    let stage = Stage::set(vec![cast], "").await;
    let (portal, agent) = (stage.portal(), stage.start());
    stage
        .until("a first reading", || !stage.events().is_empty())
        .await;
    for (what, breaks) in breakages() {
        println!("{what}");
        breaks(portal);
        let (watermarks, loads) = (watermarks(&stage.events()), portal.truth().loads.len());
        let receipt = portal.post_payment(&payment()).unwrap();
        stage.read_once("kilima").await;
        assert!(portal.truth().loads.len() > loads, "{what}");
        assert!(!stage.is_told(&receipt), "{what}");
        assert_eq!(watermarks, self::watermarks(&stage.events()), "{what}");
        heal(portal);
        stage.read_once("kilima").await;
        stage.until_told(&receipt).await;
        assert_eq!(portal.truth().attempts.len(), 1, "{what}\n{}", stage.log());
    }
    for (what, fault) in [("404", Fault::NotFound), ("closed", Fault::Close)] {
        fails_at(fault, SIGN_IN)(portal);
        portal.expire_session(0);
        let receipt = portal.post_payment(&payment()).unwrap();
        stage.read_once("kilima").await;
        assert!(!stage.is_told(&receipt), "{what}");
        let before = portal.truth().attempts.len();
        heal(portal);
        stage.read_once("kilima").await;
        stage.until_told(&receipt).await;
        assert_eq!(
            portal.truth().attempts.len(),
            before + 1,
            "{what} at sign-in"
        );
    }
    assert_eq!(portal.truth().attempts.len(), 3);
    assert_eq!(agent.stop().await, 0);
    verify(&stage.events(), &portal.truth(), DateTime::UNIX_EPOCH, &[]);
    let gaps = stage
        .events()
        .into_iter()
        .filter(|e| e["type"] == "account.gap");
    assert_eq!(gaps.count(), 0);
    stage.is_bare().await;
}

fn heal(portal: &SideChannel) {
    portal.clear_faults();
    portal.set_markup(Markup::default());
}

fn watermarks(events: &[Value]) -> usize {
    let told = events.iter().filter(|e| e["type"] == "account.watermark");
    told.count()
}

/// The portal takes the sign-in and the answer is lost: counted once there, once here, and not repeated in haste.
#[tokio::test]
async fn a_sign_in_whose_answer_is_lost_is_one_attempt() {
    for fault in [Fault::Close, Fault::ServerError, Fault::EmptyBody] {
        let stage = Stage::set(vec![Cast::kilima()], "").await;
        let portal = stage.portal();
        let rule = FaultRule {
            mode: None,
            fault: Fault::Slow,
            path: Some(SIGN_IN.to_owned()),
            times: Some(2),
            ms: 0,
            after: false,
        };
        // The form comes (the table's page leads to it once), the answer to it does not.
        assert!(portal.add_fault(rule.clone()));
        assert!(portal.add_fault(FaultRule {
            mode: None,
            fault,
            times: None,
            after: true,
            ..rule
        }));
        let agent = stage.start();
        stage
            .until("the sign-in failed", || {
                stage.log().contains("did not let us in")
            })
            .await;
        // Nobody's wish cuts the pause short.
        for _ in 0..2 {
            let account = "kilima".to_owned();
            let said = stage.ask(&Request::Poll { account }).await;
            assert!(said.contains("is left alone for another"), "{said}");
        }
        let attempts = portal.truth().attempts;
        assert_eq!(agent.stop().await, 0);
        // Chromium sends a POST again by itself when its connection closes: three sign-ins of one click.
        assert_eq!(
            attempts.len(),
            1,
            "{fault:?}: {attempts:?}\n{}",
            stage.log()
        );
        stage.is_bare().await;
    }
}

/// A portal that asks for a pause has it: another of the same agent is read on.
#[tokio::test]
async fn the_pause_that_a_portal_asks_for_is_kept_and_no_other_portal_waits_for_it() {
    let stage = Stage::set(two(), "").await;
    let agent = stage.start();
    let [busy, other] = [0, 1].map(|index| stage.portals[index].control());
    read_by_both(&stage).await;
    let rule = FaultRule {
        ms: 40 * 60 * 1000,
        ..rule(Fault::Busy, TABLE)
    };
    assert!(busy.add_fault(rule));
    stage
        .until("the pause is kept", || {
            stage.log().contains("retry_ms=2400000")
        })
        .await;
    busy.clear_faults();
    let loads = busy.truth().loads.len();
    for _ in 0..3 {
        let receipt = other.post_payment(&payment()).unwrap();
        stage.until_told(&receipt).await;
    }
    assert_eq!(busy.truth().loads.len(), loads, "{}", stage.log());
    // A person may cut it short.
    let receipt = busy.post_payment(&payment()).unwrap();
    stage.read_once("kilima").await;
    stage.until_told(&receipt).await;
    assert_eq!(busy.truth().attempts.len(), 1, "{}", stage.log());
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn a_portal_that_hangs_holds_back_no_other() {
    let mut cast = two();
    cast[0].keys += "\npage_timeout = \"10m\"";
    let stage = Stage::set(cast, "").await;
    let agent = stage.start();
    let [hung, other] = [0, 1].map(|index| stage.portals[index].control());
    read_by_both(&stage).await;
    let loads = hung.truth().loads.len();
    fails(Fault::Hang)(hung);
    stage
        .until("a page hangs", || hung.truth().loads.len() > loads)
        .await;
    let late = hung.post_payment(&payment()).unwrap();
    for _ in 0..3 {
        let receipt = other.post_payment(&payment()).unwrap();
        stage.until_told(&receipt).await;
    }
    assert!(!stage.is_told(&late));
    heal(hung);
    stage.until_told(&late).await;
    for portal in [hung, other] {
        assert_eq!(portal.truth().attempts.len(), 1, "{}", stage.log());
    }
    assert_eq!(agent.stop().await, 0);
    stage.is_bare().await;
}

fn two() -> Vec<Cast> {
    vec![Cast::kilima(), Cast::other()]
}

async fn read_by_both(stage: &Stage) {
    for portal in &stage.portals {
        let portal = portal.control();
        // What was paid before the agent's first start is not told.
        stage
            .until("a sign-in", || !portal.truth().attempts.is_empty())
            .await;
        let receipt = portal.post_payment(&payment()).unwrap();
        stage.until_told(&receipt).await;
    }
}
