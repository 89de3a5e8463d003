//! Every outcome of a sign-in, said by a demo portal to a real browser, is answered as its consequence says.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tillwatch::agent::Seat;
use tillwatch::clock::Clock;
use tillwatch::demo::guest::tls::Tls;
use tillwatch::demo::guest::{Channel, Knobs, Verdict, Which};
use tillwatch::login::budget::Rules;
use tillwatch::login::credentials::Sources;
use tillwatch::login::gate::Gates;
use tillwatch::login::ledger::LedgerKey;
use tillwatch::one_time_code::Codes;
use tillwatch::payment::AccountName;
use tillwatch::portal::webdriver::{Route, WebDriverPortal};
use tillwatch::portal::{Portal as _, PortalError};
use tillwatch::session::{Next, Outcome};
use tillwatch::sign_in::{Attempt, SignIn, expected_ledger};
use tillwatch::status::{Halt, Status};
use tillwatch::store::Store;

use tokio::sync::watch;

use super::stage::{Stage, days};

/// What the portal says, by which knob, and how many sign-ins it saw for it.
struct Case {
    outcome: Outcome,
    seen: usize,
    turn: fn(&mut Knobs),
}

fn says(outcome: Outcome, turn: fn(&mut Knobs)) -> Case {
    Case {
        outcome,
        seen: 1,
        turn,
    }
}

const RULES: fn() -> Rules =
    || Rules::new(30, Duration::from_secs(3600), 0, Duration::from_millis(1)).unwrap();

/// One sign-in by an account of its own.
async fn sign_in(
    stage: &Stage,
    browser: &mut WebDriverPortal,
    store: &Store,
    dir: &Path,
    name: &str,
) -> SignIn {
    let (board, _statuses) = watch::channel(Vec::new());
    by_board(stage, browser, store, dir, name, &board).await
}

/// The same; what is said of the account goes to `board`.
async fn by_board(
    stage: &Stage,
    browser: &mut WebDriverPortal,
    store: &Store,
    dir: &Path,
    name: &str,
    board: &watch::Sender<Vec<Status>>,
) -> SignIn {
    let clock = Clock::System;
    let account = AccountName::new(name).unwrap();
    let secret = dir.join(format!("{name}.secret"));
    fs::write(&secret, "right-password").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let sources = Sources::of(name, Some(&secret));
    let key = LedgerKey::of(&stage.portal.origin(), "600456", name);
    let ledger = key.as_str().to_owned();
    // As at a first start: a ledger that is not there beside an account that was begun counts as lost.
    let expectation = expected_ledger(store, &account, &ledger).await.unwrap();
    store.begin_account(&account, clock.now()).await.unwrap();
    let mut gates = Gates::new(dir.to_owned(), clock.clone());
    let gate = gates.open(key, &RULES(), expectation).await.unwrap();
    let knobs = stage.control().knobs();
    let selectors = Arc::new(stage.selectors.clone());
    let mut codes = Codes::none(Clock::System);
    let attempt = Attempt {
        codes: &mut codes,
        attended: None,
        account: &account,
        number: &knobs.number,
        user: &knobs.user,
        sources: &sources,
        seat: &Seat::take(board, &account, Duration::from_secs(30)),
        selectors: &selectors,
        portal: browser,
        store,
        gate: &gate,
        ledger: &ledger,
        clock: &clock,
    };
    attempt.make().await.unwrap()
}

#[tokio::test]
async fn a_portal_that_wants_a_client_certificate_is_told_and_no_attempt_is_spent() {
    let tls = Tls::new(true).unwrap();
    let stage = Stage::with(Which::Ngome, Some(&tls)).await;
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    fs::write(&ca, tls.ca_pem()).unwrap();
    let store = Store::open(&dir.path().join("store"), Clock::System)
        .await
        .unwrap();
    let mut browser = stage
        .open_by(Route {
            ca: Some(ca),
            ..Route::default()
        })
        .await;
    let error = browser.first_page(days()).await.unwrap_err();
    assert_eq!(error, PortalError::CertificateRequired);
    let signed_in = sign_in(&stage, &mut browser, &store, dir.path(), "main").await;
    assert_eq!(signed_in, followed(Outcome::CertificateRequired));
    browser.close().await;
    assert!(stage.control().truth().loads.is_empty());
    let ledger = LedgerKey::of(&stage.portal.origin(), "600456", "main");
    assert_eq!(store.ledger_mark(ledger.as_str()).await.unwrap(), None);
}

#[tokio::test]
async fn a_password_that_expires_soon_is_told_at_the_sign_in() {
    let mut stage = Stage::new(Which::Ngome).await;
    stage.selectors.sign_in.clear.clear();
    stage.control().turn(|knobs| {
        knobs.password = "right-password".to_owned();
        knobs.expires_in = Some(6);
    });
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store"), Clock::System)
        .await
        .unwrap();
    let mut browser = stage.open().await;
    let (board, statuses) = watch::channel(Vec::new());
    let signed_in = by_board(&stage, &mut browser, &store, dir.path(), "main", &board).await;
    assert_eq!(signed_in, SignIn::In);
    assert_eq!(statuses.borrow()[0].password_expires_in, Some(6));
    browser.close().await;
}

/// What the agent does then.
fn followed(outcome: Outcome) -> SignIn {
    match outcome.consequence().next {
        Next::GoOn => SignIn::In,
        Next::WaitAndRetry { at_least } | Next::RetryOnceThenStop { at_least } => SignIn::Later {
            outcome,
            wait: at_least,
        },
        Next::AskPerson | Next::StopAccount => SignIn::Stopped {
            halt: Halt::Outcome(outcome),
            is_news: true,
        },
    }
}

async fn all(which: Which, cases: &[Case]) {
    let mut stage = Stage::new(which).await;
    // Several sign-ins follow each other: none of them is to find a session of the one before.
    stage.selectors.sign_in.clear.clear();
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store"), Clock::System)
        .await
        .unwrap();
    let mut browser = stage.open().await;
    stage
        .control()
        .turn(|knobs| knobs.password = "right-password".to_owned());
    let usual = stage.control().knobs();
    for (number, case) in cases.iter().enumerate() {
        let control: &Channel = stage.control();
        control.expire();
        control.turn(|knobs| *knobs = usual.clone());
        control.turn(case.turn);
        if case.outcome == Outcome::AlreadySignedIn {
            control.occupy();
        }
        let before = control.truth().attempts.len();
        let name = &format!("{}-{number}", case.outcome.as_str());
        let signed_in = sign_in(&stage, &mut browser, &store, dir.path(), name).await;
        assert_eq!(signed_in, followed(case.outcome), "{name}");
        assert_eq!(
            stage.control().truth().attempts.len() - before,
            case.seen,
            "{name}"
        );
    }
    browser.close().await;
}

#[tokio::test]
async fn outcomes_that_a_portal_says_in_a_frame_are_followed() {
    all(
        Which::Tausi,
        &[
            says(Outcome::SignedIn, |_| {}),
            says(Outcome::WrongPassword, |knobs| {
                knobs.password = "other".to_owned()
            }),
            says(Outcome::Locked, |knobs| knobs.verdict = Verdict::Locked),
            says(Outcome::Dormant, |knobs| knobs.verdict = Verdict::Dormant),
            says(Outcome::TooManyLogins, |knobs| {
                knobs.verdict = Verdict::TooManyLogins
            }),
            says(Outcome::AlreadySignedIn, |_| {}),
            says(Outcome::Unknown, |knobs| knobs.verdict = Verdict::Unknown),
        ],
    )
    .await;
}

#[tokio::test]
async fn outcomes_that_a_portal_says_by_script_are_followed() {
    all(
        Which::Mwezi,
        &[
            says(Outcome::SignedIn, |_| {}),
            says(Outcome::WrongPassword, |knobs| {
                knobs.password = "other".to_owned()
            }),
            says(Outcome::PasswordExpired, |knobs| {
                knobs.verdict = Verdict::PasswordExpired
            }),
            says(Outcome::OtpRequired, |knobs| knobs.code = true),
            says(Outcome::WrongCode, |knobs| {
                knobs.verdict = Verdict::WrongCode
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn outcomes_that_a_portal_says_on_pages_are_followed() {
    all(
        Which::Ngome,
        &[
            says(Outcome::SignedIn, |_| {}),
            says(Outcome::WrongPassword, |knobs| {
                knobs.password = "other".to_owned()
            }),
            says(Outcome::CaptchaRequired, |knobs| {
                knobs.verdict = Verdict::Captcha
            }),
            Case {
                outcome: Outcome::CaptchaRequired,
                seen: 0,
                turn: |knobs| knobs.captcha_on_form = true,
            },
            says(Outcome::NoPermission, |knobs| {
                knobs.verdict = Verdict::NoPermission
            }),
            says(Outcome::Interstitial, |knobs| {
                knobs.verdict = Verdict::Terms
            }),
            says(Outcome::PortalDown, |knobs| {
                knobs.verdict = Verdict::Maintenance
            }),
        ],
    )
    .await;
}
