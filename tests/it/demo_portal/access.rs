//! Signing in, the cap, the lock, and sessions that end.

use super::visitor::{ALL, Stage};
use reqwest::StatusCode;
use tillwatch::demo::portal::{LoginOutcome, PortalConfig, Posting, SecondLogin};

const RIGHT: &str = "kilima-demo-1";

fn outcomes(stage: &Stage) -> Vec<LoginOutcome> {
    stage
        .control
        .truth()
        .attempts
        .iter()
        .map(|attempt| attempt.outcome)
        .collect()
}

#[tokio::test]
async fn a_sign_in_needs_the_form_token_of_the_same_browser() {
    let stage = Stage::open(PortalConfig::default()).await;
    let mut visitor = stage.visitor();
    let stolen = stage.visitor().form_token().await;
    visitor.form_token().await;
    let refused = visitor.submit(RIGHT, &stolen).await.unwrap();
    assert_eq!(
        (refused.status, refused.has("#login-error.bad-csrf")),
        (StatusCode::OK, true)
    );
    assert!(refused.has("#login-form"));

    let signed_in = visitor.sign_in(RIGHT).await;
    assert_eq!(signed_in.status, StatusCode::FOUND);
    let start = visitor.get(&signed_in.location.unwrap()).await;
    assert_eq!(start.texts("#operator-name"), ["JANE D."]);
    assert_eq!(
        start.attribute("#logout", "href").unwrap(),
        "/logout.action"
    );
    assert_eq!(
        outcomes(&stage),
        [LoginOutcome::BadCsrf, LoginOutcome::SignedIn]
    );
}

#[tokio::test]
async fn one_login_over_the_cap_is_told_so_and_locks_the_user() {
    let stage = Stage::open(PortalConfig {
        login_cap: 3,
        ..PortalConfig::default()
    })
    .await;
    for _ in 0..3 {
        stage.reader().await;
        stage.pass(1_000);
    }
    stage.pass(599);
    let over = stage.visitor().sign_in(RIGHT).await;
    assert!(over.has("#login-error.too-many-logins") && !over.has("#login-form"));
    assert!(stage.control.truth().locked);
    stage.pass(100_000);
    assert!(
        stage
            .visitor()
            .sign_in(RIGHT)
            .await
            .has("#login-error.locked")
    );
    let (status, _) = stage.post("/_control/unlock", "").await;
    assert_eq!(status, StatusCode::OK);
    stage.reader().await;
}

#[tokio::test]
async fn an_attempt_leaves_the_rolling_window_after_exactly_its_length() {
    let stage = Stage::open(PortalConfig {
        login_cap: 3,
        ..PortalConfig::default()
    })
    .await;
    for _ in 0..3 {
        stage.reader().await;
        stage.pass(1_000);
    }
    stage.pass(600);
    stage.reader().await;
    assert!(!stage.control.truth().locked);
}

#[tokio::test]
async fn the_third_wrong_password_in_a_row_locks() {
    let stage = Stage::open(PortalConfig::default()).await;
    let mut visitor = stage.visitor();
    let first = visitor.sign_in("wrong").await;
    assert!(first.has("#login-error.wrong-password") && first.has("#login-form"));
    assert!(first.texts("#login-error")[0].ends_with(": 2."));
    visitor.sign_in(RIGHT).await;
    for _ in 0..2 {
        assert!(
            visitor
                .sign_in("wrong")
                .await
                .has("#login-error.wrong-password")
        );
    }
    assert!(visitor.sign_in("wrong").await.has("#login-error.locked"));
    assert!(visitor.sign_in(RIGHT).await.has("#login-error.locked"));
    use LoginOutcome::{Locked, SignedIn, WrongPassword};
    assert_eq!(
        outcomes(&stage),
        [
            WrongPassword,
            SignedIn,
            WrongPassword,
            WrongPassword,
            Locked,
            Locked
        ]
    );
}

#[tokio::test]
async fn a_session_ends_when_idle_for_too_long() {
    let stage = Stage::open(PortalConfig::default()).await;
    let mut reader = stage.reader().await;
    for _ in 0..5 {
        stage.pass(600);
        assert!(reader.get("/main.action").await.has("#operator"));
    }
    stage.pass(601);
    let over = reader.get(ALL).await;
    assert_eq!(
        (over.status, over.location.as_deref()),
        (StatusCode::FOUND, Some("/orglogin.action?reason=expired"))
    );
    let login = reader.get(&over.location.unwrap()).await;
    assert_eq!(
        login.texts("#notice.session-expired"),
        ["Your session has expired. Please sign in again."]
    );
}

#[tokio::test]
async fn a_session_ends_after_its_absolute_time_however_busy() {
    let stage = Stage::open(PortalConfig {
        absolute_timeout_s: 1_000,
        ..PortalConfig::default()
    })
    .await;
    let mut reader = stage.reader().await;
    stage.pass(500);
    assert!(reader.get("/main.action").await.has("#operator"));
    stage.pass(500);
    assert!(reader.get("/main.action").await.has("#operator"));
    stage.pass(1);
    assert_eq!(
        reader.get("/main.action").await.location.unwrap(),
        "/orglogin.action?reason=expired"
    );
}

#[tokio::test]
async fn a_second_login_kicks_out_the_first() {
    let stage = Stage::open(PortalConfig::default()).await;
    let mut first = stage.reader().await;
    let mut second = stage.reader().await;
    let over = first.get("/main.action").await.location.unwrap();
    assert!(first.get(&over).await.has("#notice.signed-in-elsewhere"));
    assert!(second.get("/main.action").await.has("#operator"));
}

#[tokio::test]
async fn a_second_login_is_refused_until_the_first_session_ends() {
    let stage = Stage::open(PortalConfig {
        second_login: SecondLogin::Refuse,
        ..PortalConfig::default()
    })
    .await;
    let mut first = stage.reader().await;
    assert!(
        stage
            .visitor()
            .sign_in(RIGHT)
            .await
            .has("#login-error.already-signed-in")
    );
    let out = first.get("/logout.action").await.location.unwrap();
    assert!(first.get(&out).await.has("#notice.signed-out"));
    stage.reader().await;
    stage.pass(601);
    stage.reader().await;
}

#[tokio::test]
async fn logging_out_may_show_an_alert() {
    let stage = Stage::open(PortalConfig {
        logout_alert: true,
        ..PortalConfig::default()
    })
    .await;
    let mut reader = stage.reader().await;
    assert!(
        reader
            .get("/logout.action")
            .await
            .html
            .contains("alert('Closing')")
    );
    assert_eq!(stage.control.truth().session_since, None);
}

#[tokio::test]
async fn without_session_reuse_a_session_serves_one_statement_with_all_its_pages() {
    let config = PortalConfig {
        session_reuse: false,
        second_login: SecondLogin::Refuse,
        ..PortalConfig::default()
    };
    let stage = Stage::open(config).await;
    for _ in 0..45 {
        stage.control.post_payment(&Posting::default()).unwrap();
    }
    let mut reader = stage.reader().await;
    assert!(reader.get("/statement.action").await.has("#choose-period"));
    assert_eq!(reader.read_all(ALL).await.len(), 45);
    let over = reader.get(ALL).await.location.unwrap();
    assert!(reader.get(&over).await.has("#notice.statement-served"));

    // Stopped early, a load ends when the next one begins: nothing blocks the sign-in after it.
    let mut reader = stage.reader().await;
    assert_eq!(reader.get(ALL).await.rows().len(), 20);
    assert_eq!(
        reader.get(ALL).await.location.unwrap(),
        "/orglogin.action?reason=served"
    );
    stage.reader().await;
}

#[tokio::test]
async fn a_session_can_be_made_to_expire_in_the_middle_of_a_statement() {
    let stage = Stage::open(PortalConfig::default()).await;
    stage.control.seed_history(50).unwrap();
    let mut reader = stage.reader().await;
    stage
        .post("/_control/sessions/expire", r#"{"after_loads":1}"#)
        .await;
    let first = reader.get(ALL).await;
    let next = first.attribute("#next", "href").unwrap();
    assert_eq!(
        reader.get(&next).await.location.unwrap(),
        "/orglogin.action?reason=expired"
    );
    let mut reader = stage.reader().await;
    stage.post("/_control/sessions/expire", "{}").await;
    assert!(reader.get(ALL).await.location.is_some());
}

#[tokio::test]
async fn knobs_change_at_run_time_and_unknown_ones_change_nothing() {
    let stage = Stage::open(PortalConfig::default()).await;
    let (status, _) = stage
        .post(
            "/_control/config",
            r#"{"rows_per_page":5,"zone":"Africa/Lagos"}"#,
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(stage.control.config().rows_per_page, 5);
    for wrong in [
        r#"{"rows_per_pag":5}"#,
        r#"{"zone":"Kilima"}"#,
        r#"{"rows_per_page":0}"#,
    ] {
        let (status, answer) = stage.post("/_control/config", wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer["error"].is_string());
    }
    assert!(
        stage.control.config()
            == PortalConfig {
                rows_per_page: 5,
                zone: chrono_tz::Africa::Lagos,
                ..PortalConfig::default()
            }
    );
}
