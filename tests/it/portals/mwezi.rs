//! Mwezi: pages made by script.

use tillwatch::demo::guest::{Verdict, Which};
use tillwatch::portal::Portal as _;
use tillwatch::session::Outcome;
use tillwatch::understand::Session;

use super::stage::{Stage, days, sorted};

#[tokio::test]
async fn pages_made_by_script_are_signed_in_to_searched_and_paged() {
    let stage = Stage::new(Which::Mwezi).await;
    stage.control().seed_history(35).unwrap();
    let mut browser = stage.open().await;
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    let read = stage.read(&mut browser).await;
    let ids = |number: usize, _: &str| (13_460_000_000 + number).to_string();
    assert_eq!(sorted(read), stage.shown(ids));
    // Again: every reading begins at the address.
    assert_eq!(stage.read(&mut browser).await.len(), 35);
    // The session ends: the first page says so, and no step is taken.
    stage.control().expire();
    let page = browser.first_page(days()).await.unwrap();
    assert_eq!(stage.says(&page), Session::SignedOut);
    browser.close().await;
    assert_eq!(stage.control().truth().attempts.len(), 1);
}

#[tokio::test]
async fn no_rows_are_believed_where_the_page_says_so() {
    let stage = Stage::new(Which::Mwezi).await;
    let mut browser = stage.open().await;
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    assert!(stage.read(&mut browser).await.is_empty());
    browser.close().await;
}

#[tokio::test]
async fn announcements_are_clicked_away_as_often_as_the_file_says() {
    let stage = Stage::new(Which::Mwezi).await;
    stage.control().turn(|knobs| knobs.announcements = 3);
    let mut browser = stage.open().await;
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    stage.control().expire();
    stage.control().turn(|knobs| knobs.announcements = 4);
    assert_eq!(stage.sign_in(&mut browser).await, Session::Stranger);
    browser.close().await;
}

#[tokio::test]
async fn a_code_is_asked_for_only_sometimes() {
    let stage = Stage::new(Which::Mwezi).await;
    stage.control().turn(|knobs| knobs.code = true);
    let mut browser = stage.open().await;
    let said = stage.sign_in(&mut browser).await;
    assert_eq!(said, Session::Refused(Outcome::OtpRequired));
    assert_eq!(stage.control().code().unwrap().len(), 6);
    stage.control().turn(|knobs| knobs.code = false);
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    assert!(stage.control().truth().has_session);
    browser.close().await;
    assert!(!stage.control().truth().has_session);
}

#[tokio::test]
async fn a_code_is_typed_where_it_is_asked_for_and_a_wrong_one_is_told() {
    let stage = Stage::new(Which::Mwezi).await;
    stage.control().turn(|knobs| knobs.code = true);
    let mut browser = stage.open().await;
    let said = stage.sign_in(&mut browser).await;
    assert_eq!(said, Session::Refused(Outcome::OtpRequired));
    let page = browser.submit_code(&"none".into()).await.unwrap();
    assert_eq!(stage.says(&page), Session::Refused(Outcome::WrongCode));
    let code = stage.control().code().unwrap();
    let page = browser.submit_code(&code.into()).await.unwrap();
    assert_eq!(stage.says(&page), Session::SignedIn);
    browser.close().await;
    let attempts = stage.control().truth().attempts;
    assert_eq!(attempts, [Verdict::Open, Verdict::WrongCode]);
}
