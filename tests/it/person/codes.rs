//! One-time codes: from a seed, from a command, from somebody who gives them; a wrong one; none in time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use reqwest::StatusCode;
use tillwatch::demo::portal::{LoginOutcome, OtpWhen, PortalConfig};
use tokio::io::AsyncWriteExt;

use super::{SERVER, said, served_at};
use crate::agent::stage::{Cast, Stage, payment, write_secret};

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn asking(otp: OtpWhen, seed: &str, source: &str) -> Cast {
    Cast {
        knobs: PortalConfig {
            otp,
            otp_seed: seed.to_owned(),
            ..PortalConfig::default()
        },
        keys: format!("poll = \"1s\"\nspacing = \"1ms\"\notp = {source}"),
        ..Cast::kilima()
    }
}

fn outcomes(stage: &Stage) -> Vec<LoginOutcome> {
    let attempts = stage.portal().truth().attempts;
    attempts.iter().map(|attempt| attempt.outcome).collect()
}

/// The message that the portal sent for sign-in number `number` that was asked for one, once it is waited for.
async fn message(stage: &Stage, number: usize) -> String {
    let asked = || {
        stage
            .log()
            .matches("the portal asks for a one-time code account=")
            .count()
    };
    stage
        .until("a code is asked for", || asked() == number)
        .await;
    stage.portal().sent_code().unwrap()
}

#[tokio::test]
async fn a_code_is_given_by_http_or_by_command_line_when_the_portal_asks_and_only_then() {
    let source = r#"{ by = "given", capture = "([0-9]{6}) is your code" }"#;
    let stage = Stage::set(vec![asking(OtpWhen::Sometimes, "", source)], SERVER).await;
    let portal = stage.portal();
    let agent = stage.start();
    let url = served_at(&stage, "/v1/accounts/kilima/otp").await;
    let client = reqwest::Client::new();
    let post = async |text: String| client.post(&url).body(text).send().await.unwrap().status();

    let code = message(&stage, 1).await;
    let status = said(&stage, &["status"]).await;
    assert!(status.contains("waiting for a one-time code"), "{status}");
    assert!(status.contains("tillwatch otp <account>"), "{status}");
    let text = format!("Kilima: {code} is your code. Tell it to nobody.");
    let page = client.post(&url).header("Origin", "https://evil.example");
    let page = page.body(text.clone()).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        post("no code at all".to_owned()).await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(post(text.clone()).await, StatusCode::ACCEPTED);
    let receipt = portal.post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    assert_eq!(outcomes(&stage), [LoginOutcome::SignedIn]);
    // Nothing is asked for any more.
    assert_eq!(post(text).await, StatusCode::CONFLICT);

    // The second sign-in is not asked for a code.
    portal.expire_session(0);
    let receipt = portal.post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    assert_eq!(outcomes(&stage).len(), 2);

    // The third is; the code comes on standard input.
    portal.expire_session(0);
    let third = message(&stage, 2).await;
    let mut otp = stage.command(&["otp", "kilima"]);
    let mut otp = otp.stdin(Stdio::piped()).spawn().unwrap();
    let text = format!("{third} is your code\n");
    let mut stdin = otp.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).await.unwrap();
    drop(stdin);
    assert!(otp.wait().await.unwrap().success());
    let receipt = portal.post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    assert_eq!(outcomes(&stage), [LoginOutcome::SignedIn; 3]);
    assert_eq!(agent.stop().await, 0);
    for code in [code, third] {
        assert!(!stage.log().contains(&code));
    }
}

#[tokio::test]
async fn a_wrong_code_and_one_that_never_comes_stop_the_account_until_a_person_resumes() {
    let source = r#"{ by = "given", wait = "12s" }"#;
    let stage = Stage::set(vec![asking(OtpWhen::Always, "", source)], "").await;
    let portal = stage.portal();
    let agent = stage.start();
    let right = message(&stage, 1).await;
    let wrong = if right == "111111" {
        "222222"
    } else {
        "111111"
    };
    said(&stage, &["otp", "kilima", wrong]).await;
    stage
        .until("stopped", || {
            stage
                .log()
                .contains("stopped: the one-time code was refused")
        })
        .await;
    stage.read_once("kilima").await;
    assert_eq!(outcomes(&stage), [LoginOutcome::WrongCode]);

    said(&stage, &["resume", "kilima"]).await;
    stage
        .until("nobody gives one", || {
            stage
                .log()
                .contains("asks for a one-time code and none came")
        })
        .await;
    assert_eq!(
        outcomes(&stage),
        [LoginOutcome::WrongCode, LoginOutcome::OtpRequired]
    );
    let late = stage
        .command(&["otp", "kilima", "123456"])
        .output()
        .await
        .unwrap();
    assert_eq!(late.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&late.stderr).contains("no code is asked for now"));

    said(&stage, &["resume", "kilima"]).await;
    let code = message(&stage, 3).await;
    said(&stage, &["otp", "kilima", &code]).await;
    let receipt = portal.post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    // A stop while a code is waited for ends at once and is no verdict.
    portal.expire_session(0);
    message(&stage, 4).await;
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn a_code_is_computed_from_a_seed_or_printed_by_a_command() {
    let second = Cast {
        name: "second",
        knobs: PortalConfig {
            short_code: "600124".to_owned(),
            // Receipts of its own.
            seed: 2,
            otp: OtpWhen::Always,
            ..PortalConfig::default()
        },
        keys: "poll = \"1s\"\notp = { by = \"command\", command = [\"./newest-code\", \"phone\"] }"
            .to_owned(),
        ..Cast::kilima()
    };
    let source = r#"{ by = "totp", seed_file = "kilima.seed" }"#;
    let first = asking(OtpWhen::Always, SEED, source);
    let stage = Stage::set(vec![first, second], "").await;
    let seed = format!("otpauth://totp/Kilima:agent?secret={SEED}&issuer=Kilima");
    write_secret(&stage.path("kilima.seed"), &seed);
    let script = stage.path("newest-code");
    let box_ = stage.path("messages");
    let text = format!(
        "#!/bin/sh\n[ \"$1 $TILLWATCH_ACCOUNT\" = \"phone second\" ] || exit 1\n\
         until [ -s {0} ]; do sleep 0.1; done\ncat {0}\n",
        box_.display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();

    let served = stage
        .command(&["credentials", "test", "kilima.totp"])
        .output()
        .await
        .unwrap();
    assert!(served.status.success(), "{served:?}");
    assert!(String::from_utf8_lossy(&served.stdout).contains("kilima.seed"));

    let agent = stage.start();
    let other = stage.portals[1].control();
    stage
        .until("a message is sent", || other.sent_code().is_some())
        .await;
    let code = other.sent_code().unwrap();
    fs::write(&box_, format!("{code}\n")).unwrap();
    for portal in [stage.portal(), other] {
        let receipt = portal.post_payment(&payment()).unwrap();
        stage.until_told(&receipt).await;
        let attempts = portal.truth().attempts;
        let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
        assert_eq!(outcomes, [LoginOutcome::SignedIn]);
    }
    assert_eq!(agent.stop().await, 0);
    assert!(!stage.log().contains(&code) && !stage.log().contains(SEED));
}
