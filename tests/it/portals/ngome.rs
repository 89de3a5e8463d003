//! Ngome: two pages, Enter, a captcha.

use tillwatch::demo::guest::{Verdict, Which};
use tillwatch::portal::Portal as _;
use tillwatch::session::Outcome;
use tillwatch::understand::Session;

use super::stage::{Stage, sorted};

#[tokio::test]
async fn a_sign_in_on_two_pages_is_sent_by_enter() {
    let stage = Stage::new(Which::Ngome).await;
    stage.control().seed_history(25).unwrap();
    stage.control().turn(|knobs| knobs.announcements = 1);
    let mut browser = stage.open().await;
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    let read = stage.read(&mut browser).await;
    assert_eq!(sorted(read), stage.shown(|_, receipt| receipt.to_owned()));
    browser.close().await;
    let truth = stage.control().truth();
    assert_eq!(truth.attempts, [Verdict::Open]);
    assert!(!truth.has_session, "signed out");
}

#[tokio::test]
async fn a_captcha_on_the_form_is_seen_before_anything_is_typed() {
    let stage = Stage::new(Which::Ngome).await;
    stage.control().turn(|knobs| knobs.captcha_on_form = true);
    let mut browser = stage.open().await;
    let form = browser.visit_sign_in().await.unwrap();
    assert_eq!(
        stage.says(&form),
        Session::Refused(Outcome::CaptchaRequired)
    );
    browser.close().await;
    assert!(stage.control().truth().attempts.is_empty());
}
