//! Pages of the table that say no: heard as what they say, and no login is spent on hearing it again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tillwatch::control::Request;

use super::stage::{Cast, Stage};
use crate::demo_portal::visitor::Visitor;

const KILIMA: &str = include_str!("../../../selectors/kilima.toml");

/// A portal where one is signed in at its first page, and whose page of the table means `outcome`.
async fn saying(outcome: &str) -> Stage {
    let stage = Stage::set(vec![Cast::kilima()], "").await;
    says(&stage, outcome);
    stage
}

/// From now on the page of the table means `outcome`.
fn says(stage: &Stage, outcome: &str) {
    let mark = "signed_in = { css = \"div#operator b#operator-name\" }";
    let outcomes = "outcomes = [\n";
    assert!(KILIMA.contains(mark) && KILIMA.contains(outcomes));
    let page = format!("{outcomes}  {{ css = \"table#statement\", is = \"{outcome}\" }},\n");
    let text = KILIMA
        .replace(mark, "signed_in = { css = \"h1#welcome\" }")
        .replace(outcomes, &page);
    fs::write(stage.path("selectors/kilima.toml"), text).unwrap();
}

async fn poll(stage: &Stage) -> String {
    let account = "kilima".to_owned();
    stage.ask(&Request::Poll { account }).await
}

#[tokio::test]
async fn a_table_that_the_user_may_not_see_asks_a_person_after_one_login() {
    let stage = saying("no-permission").await;
    let agent = stage.start();
    stage
        .until("stopped", || {
            stage.log().contains("stopped: the user may not see")
        })
        .await;
    let loads = stage.portal().truth().loads.len();
    for _ in 0..3 {
        poll(&stage).await;
    }
    let truth = stage.portal().truth();
    assert_eq!(truth.attempts.len(), 1, "{}", stage.log());
    assert_eq!(truth.loads.len(), loads, "{}", stage.log());
    assert_eq!(agent.stop().await, 0);
    stage.is_bare().await;
}

#[tokio::test]
async fn a_user_who_is_locked_while_signed_in_is_not_signed_in_again() {
    let stage = Stage::set(vec![Cast::kilima()], "").await;
    let agent = stage.start();
    stage
        .until("a first reading", || !stage.events().is_empty())
        .await;
    says(&stage, "locked");
    stage
        .until("stopped", || {
            stage.log().contains("stopped: the user is locked")
        })
        .await;
    poll(&stage).await;
    assert_eq!(stage.portal().truth().attempts.len(), 1, "{}", stage.log());
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn a_page_that_nobody_knows_is_told_with_where_its_structure_lies_and_costs_no_login() {
    let notify = "\n[[notify]]\ntype = \"command\"\ncommand = [\"./tell\"]\n";
    let stage = Stage::set(vec![Cast::kilima()], notify).await;
    let script = format!("#!/bin/sh\ncat >> {}\n", stage.path("told").display());
    fs::write(stage.path("tell"), script).unwrap();
    fs::set_permissions(stage.path("tell"), fs::Permissions::from_mode(0o755)).unwrap();
    let told = || fs::read_to_string(stage.path("told")).unwrap_or_default();
    let agent = stage.start();
    stage
        .until("a first reading", || !stage.events().is_empty())
        .await;
    // As one that stands before the table, for a file that does not name it.
    let text = KILIMA.replace("div#operator b#operator-name", "b#welcome");
    assert_ne!(text, KILIMA);
    fs::write(stage.path("selectors/kilima.toml"), text).unwrap();
    stage.until("it is told", || !told().is_empty()).await;
    assert!(told().contains("in place of the table that the selector file does not know"));
    assert!(told().contains("browser/<account>/unknown-pages"));
    let structure = stage.path("state/browser/kilima/unknown-pages/000001.txt");
    assert!(structure.exists());
    fs::write(stage.path("selectors/kilima.toml"), KILIMA).unwrap();
    poll(&stage).await;
    stage
        .until("it is over", || told().contains("solved: a page stands"))
        .await;
    assert_eq!(stage.portal().truth().attempts.len(), 1, "{}", stage.log());
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn a_portal_that_is_down_has_not_ended_the_session() {
    let stage = saying("portal-down").await;
    let agent = stage.start();
    let said = "in place of the table the portal says `portal-down`";
    stage.until("down", || stage.log().contains(said)).await;
    let forms = || {
        let loads = stage.portal().truth().loads.into_iter();
        loads.filter(|load| load.path == "/orglogin.action").count()
    };
    let before = forms();
    for _ in 0..3 {
        stage.read_once("kilima").await;
    }
    assert_eq!(forms(), before, "{}", stage.log());
    assert_eq!(stage.portal().truth().attempts.len(), 1, "{}", stage.log());
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn a_session_that_somebody_else_ended_is_left_to_them() {
    let stage = Stage::set(vec![Cast::kilima()], "").await;
    let agent = stage.start();
    stage
        .until("a first reading", || !stage.events().is_empty())
        .await;
    let mut person = Visitor::of(&stage.portals[0]);
    person.sign_in("kilima-demo-1").await;
    poll(&stage).await;
    stage
        .until("it yields", || stage.log().contains("somebody signed in"))
        .await;
    poll(&stage).await;
    assert!(person.get("/main.action").await.has("#operator"));
    assert_eq!(stage.portal().truth().attempts.len(), 2, "{}", stage.log());
    assert_eq!(agent.stop().await, 0);
}
