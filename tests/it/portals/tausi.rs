//! Tausi: everything in a frame, one session, dialogs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tillwatch::demo::guest::{Verdict, Which};
use tillwatch::portal::Portal as _;
use tillwatch::selectors::Origin;
use tillwatch::session::Outcome;
use tillwatch::understand::Session;

use super::stage::{Stage, days, sorted};

#[tokio::test]
async fn a_table_in_a_frame_is_reached_read_and_paged() {
    let stage = Stage::new(Which::Tausi).await;
    stage.control().seed_history(25).unwrap();
    stage.control().turn(|knobs| {
        knobs.cookie_banner = true;
        knobs.announcements = 2;
        knobs.surprise_dialog = true;
    });
    let mut browser = stage.open().await;
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    let read = stage.read(&mut browser).await;
    assert_eq!(sorted(read), stage.shown(|_, receipt| receipt.to_owned()));
    assert_eq!(stage.read(&mut browser).await.len(), 25);
    stage.control().expire();
    let page = browser.first_page(days()).await.unwrap();
    assert_eq!(stage.says(&page), Session::SignedOut);
    browser.close().await;
    assert_eq!(stage.control().truth().attempts, [Verdict::Open]);
}

#[tokio::test]
async fn a_session_that_was_left_open_is_closed_before_the_form_and_its_dialog_answered() {
    let stage = Stage::new(Which::Tausi).await;
    stage.control().occupy();
    let mut browser = stage.open().await;
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    assert_eq!(stage.control().truth().attempts, [Verdict::Open]);
    // One on another computer is not reached: nobody is fought.
    stage.control().expire();
    stage.control().occupy();
    stage.control().turn(|knobs| knobs.session_elsewhere = true);
    let said = stage.sign_in(&mut browser).await;
    assert_eq!(said, Session::Refused(Outcome::AlreadySignedIn));
    browser.close().await;
}

#[tokio::test]
async fn a_dialog_that_is_not_expected_is_dismissed_so_nothing_is_closed() {
    let mut stage = Stage::new(Which::Tausi).await;
    // The file expects another text.
    let clear = &mut stage.selectors.sign_in.clear;
    clear.retain(|step| step.key() != "dialog" && step.key() != "wait");
    stage.control().occupy();
    let mut browser = stage.open().await;
    let said = stage.sign_in(&mut browser).await;
    assert_eq!(said, Session::Refused(Outcome::AlreadySignedIn));
    browser.close().await;
}

#[tokio::test]
async fn nothing_is_typed_into_a_frame_of_another_origin() {
    let mut stage = Stage::new(Which::Tausi).await;
    // The page stands at another origin than its frame: `localhost` is not `127.0.0.1`.
    let pin = stage.portal.origin();
    stage.selectors.origin = Origin::parse(&pin.replace("127.0.0.1", "localhost")).unwrap();
    let mut browser = stage.open().await;
    let page = browser.visit_sign_in().await.unwrap();
    assert_eq!(stage.says(&page), Session::SignedOut);
    stage.control().turn(|knobs| knobs.frame_origin = Some(pin));
    let page = browser.visit_sign_in().await.unwrap();
    // A stranger's frame is no part of the page.
    assert_eq!(stage.says(&page), Session::Stranger);
    let structure = "browser/unknown-pages/000001.txt";
    assert!(stage.state.path().join(structure).exists());
    let error = browser.submit(&stage.credential()).await.unwrap_err();
    assert!(
        error.to_string().contains("not at the pinned origin"),
        "{error}"
    );
    browser.close().await;
    assert!(stage.control().truth().attempts.is_empty());
}

#[tokio::test]
async fn a_page_that_nobody_knows_is_kept_without_its_text_and_never_clicked() {
    let stage = Stage::new(Which::Tausi).await;
    stage
        .control()
        .turn(|knobs| knobs.verdict = Verdict::Unknown);
    let mut browser = stage.open().await;
    assert_eq!(stage.sign_in(&mut browser).await, Session::Stranger);
    assert_eq!(stage.sign_in(&mut browser).await, Session::Stranger);
    browser.close().await;
    let directory = stage.state.path().join("browser/unknown-pages");
    let files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "the same page is written once: {files:?}");
    let text = fs::read_to_string(&files[0]).unwrap();
    assert!(
        text.starts_with("path: /TausiMoney/\nstatus: 200\n"),
        "{text}"
    );
    assert!(text.contains("div#g-2026.greeting"), "{text}");
    assert!(
        !text.contains("partners") && !text.contains("Tausi Pesa"),
        "{text}"
    );
    let mode = fs::metadata(&files[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_page_that_nobody_knows_is_kept_too_when_it_is_met_while_reading() {
    let mut stage = Stage::new(Which::Tausi).await;
    stage.selectors.interstitials.clear();
    let mut browser = stage.open().await;
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    stage.control().announce(1);
    let page = browser.first_page(days()).await.unwrap();
    assert_eq!(stage.says(&page), Session::Stranger);
    browser.heard(false).await;
    browser.close().await;
    let file = stage.state.path().join("browser/unknown-pages/000001.txt");
    assert!(fs::read_to_string(file).unwrap().contains("div#news"));
}

#[tokio::test]
async fn an_error_page_is_neither_a_form_nor_an_empty_table_whatever_it_shows() {
    let stage = Stage::new(Which::Tausi).await;
    let mut browser = stage.open().await;
    stage
        .control()
        .turn(|knobs| knobs.down = Some("/".to_owned()));
    let error = browser.visit_sign_in().await.unwrap_err().to_string();
    assert!(error.contains("HTTP 503"), "{error}");
    // In a frame: the page around it stands, what the frame shows is not read.
    stage
        .control()
        .turn(|knobs| knobs.down = Some("/TausiMoney/login/login.action".to_owned()));
    let page = browser.visit_sign_in().await.unwrap();
    assert_eq!(stage.says(&page), Session::Stranger);
    assert!(!page.html.contains("No transactions"));
    stage.control().turn(|knobs| knobs.down = None);
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    stage
        .control()
        .turn(|knobs| knobs.down = Some("/TausiMoney/report.action".to_owned()));
    let page = browser.first_page(days()).await;
    let says = page.as_ref().map(|page| stage.says(page));
    assert!(
        !matches!(says, Ok(Session::SignedIn | Session::SignedOut)),
        "{says:?}"
    );
    stage.control().turn(|knobs| knobs.down = None);
    assert!(stage.read(&mut browser).await.is_empty());
    browser.close().await;
    assert_eq!(stage.control().truth().attempts, [Verdict::Open]);
}
