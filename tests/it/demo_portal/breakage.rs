//! Faults and broken markup, each on demand, and the port that is free afterwards.

use super::visitor::{Stage, TODAY};
use reqwest::StatusCode;
use tillwatch::demo::portal::{LoginOutcome, PortalConfig, Posting};
use tokio::net::TcpStream;

async fn with_a_payment() -> Stage {
    let stage = Stage::open(PortalConfig::default()).await;
    stage.control.post_payment(&Posting::default()).unwrap();
    stage
}

async fn fault(stage: &Stage, rule: &str) {
    assert_eq!(stage.post("/_control/faults", rule).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_counted_fault_hits_its_path_so_often_and_no_more() {
    let stage = with_a_payment().await;
    let mut reader = stage.reader().await;
    fault(
        &stage,
        r#"{"fault":"not-found","path":"/statement.action","times":1}"#,
    )
    .await;
    fault(
        &stage,
        r#"{"fault":"server-error","path":"/statement.action","times":1}"#,
    )
    .await;
    fault(
        &stage,
        r#"{"fault":"empty-body","path":"/statement.action","times":1}"#,
    )
    .await;
    assert!(reader.get("/main.action").await.has("#operator"));
    let missing = reader.get(TODAY).await;
    assert_eq!(
        (missing.status, missing.texts("#http-error")),
        (StatusCode::NOT_FOUND, vec!["404 Not Found".to_owned()])
    );
    assert_eq!(
        reader.get(TODAY).await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    let empty = reader.get(TODAY).await;
    assert_eq!((empty.status, empty.html.as_str()), (StatusCode::OK, ""));
    assert_eq!(reader.get(TODAY).await.rows().len(), 1);
}

#[tokio::test]
async fn a_closed_connection_gives_no_answer_at_all() {
    let stage = with_a_payment().await;
    let mut reader = stage.reader().await;
    fault(&stage, r#"{"fault":"close"}"#).await;
    let error = reader.try_get(TODAY).await.unwrap_err();
    assert!(error.is_request(), "{error:?}");
    stage.control.clear_faults();
    assert_eq!(reader.get(TODAY).await.rows().len(), 1);
}

#[tokio::test]
async fn a_slow_request_is_answered_no_sooner_than_told() {
    let stage = with_a_payment().await;
    let mut reader = stage.reader().await;
    fault(&stage, r#"{"fault":"slow","ms":80,"times":1}"#).await;
    let begun = std::time::Instant::now();
    assert_eq!(reader.get(TODAY).await.rows().len(), 1);
    assert!(begun.elapsed().as_millis() >= 80);
}

#[tokio::test]
async fn a_hanging_request_goes_on_once_faults_are_cleared() {
    let stage = with_a_payment().await;
    let mut reader = stage.reader().await;
    fault(&stage, r#"{"fault":"hang","path":"/statement.action"}"#).await;
    let before = stage.control.truth().loads.len();
    let hanging = tokio::spawn(async move { reader.get(TODAY).await.rows().len() });
    while stage.control.truth().loads.len() == before {
        tokio::task::yield_now().await;
    }
    assert!(!hanging.is_finished());
    stage.control.clear_faults();
    assert_eq!(hanging.await.unwrap(), 1);
}

#[tokio::test]
async fn a_sign_in_swallowed_by_a_fault_is_counted_all_the_same() {
    let stage = with_a_payment().await;
    let mut visitor = stage.visitor();
    let token = visitor.form_token().await;
    fault(
        &stage,
        r#"{"fault":"close","path":"/orglogin.action","times":1}"#,
    )
    .await;
    visitor.submit("kilima-demo-1", &token).await.unwrap_err();
    fault(
        &stage,
        r#"{"fault":"server-error","path":"/orglogin.action","times":1,"after":true}"#,
    )
    .await;
    assert_eq!(
        visitor
            .submit("kilima-demo-1", &token)
            .await
            .unwrap()
            .status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    let truth = stage.control.truth();
    let outcomes: Vec<_> = truth
        .attempts
        .iter()
        .map(|attempt| attempt.outcome)
        .collect();
    assert_eq!(outcomes, [LoginOutcome::Unanswered, LoginOutcome::SignedIn]);
    assert!(truth.session_since.is_some());
}

#[tokio::test]
async fn markup_breaks_as_told_and_mends() {
    let stage = with_a_payment().await;
    let mut reader = stage.reader().await;
    let mut broken = async |markup: &str| {
        assert_eq!(
            stage.post("/_control/markup", markup).await.0,
            StatusCode::OK
        );
        reader.get(TODAY).await
    };
    let usual = broken("{}").await.texts("#statement th");
    assert_eq!(usual.len(), 13);
    let renamed = broken(r#"{"rename_header":{"Paid In":"Credit"}}"#)
        .await
        .texts("#statement th");
    assert_eq!((renamed[5].as_str(), renamed.len()), ("Credit", 13));
    let dropped = broken(r#"{"drop_column":["Balance"]}"#).await;
    assert!(
        !dropped
            .texts("#statement th")
            .contains(&"Balance".to_owned())
    );
    assert_eq!(
        (dropped.texts("#statement th").len(), dropped.rows().len()),
        (12, 1)
    );
    assert!(
        !broken(r#"{"drop_header_row":true}"#)
            .await
            .has("#statement th")
    );
    let mut reversed = broken(r#"{"reverse_columns":true}"#)
        .await
        .texts("#statement th");
    reversed.reverse();
    assert_eq!(reversed, usual);
    assert!(!broken(r#"{"drop_table":true}"#).await.has("table"));
    let hidden = broken(r#"{"hide_rows":true}"#).await;
    assert!(hidden.has("#statement th") && hidden.rows().is_empty());
    assert!(!hidden.has("#no-records") && !hidden.has("#count"));
    let unmarked = broken(r#"{"drop_signed_in_mark":true}"#).await;
    assert!(!unmarked.has("#operator") && unmarked.rows().len() == 1);
    assert_eq!(broken(r#"{"empty_body":true}"#).await.html, "");
    assert!(
        broken(r#"{"other_site":true}"#)
            .await
            .html
            .contains("guest network")
    );
    assert_eq!(broken("{}").await.rows().len(), 1);
    assert_eq!(
        stage
            .post("/_control/markup", r#"{"drop_tables":true}"#)
            .await
            .0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn shutdown_leaves_no_port_even_while_a_request_hangs() {
    let stage = with_a_payment().await;
    let (address, mut reader) = (stage.portal.address(), stage.reader().await);
    fault(&stage, r#"{"fault":"hang"}"#).await;
    let before = stage.control.truth().loads.len();
    let hanging = tokio::spawn(async move { reader.try_get(TODAY).await.is_err() });
    while stage.control.truth().loads.len() == before {
        tokio::task::yield_now().await;
    }
    stage.portal.shutdown().await;
    assert!(hanging.await.unwrap());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let stage = Stage::open(PortalConfig::default()).await;
    let (status, _) = stage
        .post(
            "/_control/payments",
            &format!(r#"{{"payer":"{}"}}"#, "0".repeat(70_000)),
        )
        .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(stage.control.truth().rows.is_empty());
}
