//! One saved page of each kind, as the portal serves them: `KILIMA_FIXTURES=write` writes them anew.

use super::visitor::{Stage, TODAY, Visitor};
use rust_decimal::Decimal;
use std::path::Path;
use tillwatch::demo::portal::{PortalConfig, Posting, RowKind};

const YESTERDAY: &str = "/statement.action?from=20-11-2026&to=20-11-2026";
const LAST_YEAR: &str = "/statement.action?from=01-01-2025&to=31-01-2025";

fn check(name: &str, html: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("selectors/recordings/kilima/pages")
        .join(name);
    if std::env::var("KILIMA_FIXTURES").is_ok_and(|mode| mode == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, html).unwrap();
    }
    let saved = std::fs::read_to_string(&path).unwrap();
    assert!(
        saved == html,
        "{name} is not what the portal serves: write it anew with KILIMA_FIXTURES=write"
    );
}

/// Rows of every kind, the newest first page full of them.
fn post_every_kind(stage: &Stage) {
    let post = |posting: Posting| {
        stage.pass(41);
        stage.control.post_payment(&posting).unwrap()
    };
    let status = |word: &str| Posting {
        status: Some(word.into()),
        ..Posting::default()
    };
    stage.control.seed_history(60).unwrap();
    let first = post(Posting {
        amount: Some(Decimal::new(150_050, 2)),
        payer: Some("254722***000".into()),
        payer_name: Some("JANE D.".into()),
        reference: Some("acc 9900".into()),
        ..Posting::default()
    });
    post(Posting {
        charge: Some(Decimal::new(2_300, 2)),
        ..Posting::default()
    });
    stage.pass(-36);
    post(Posting {
        twin_of: Some(first.clone()),
        ..Posting::default()
    });
    post(Posting {
        kind: RowKind::Withdrawal,
        amount: Some(Decimal::new(12_000_000, 2)),
        charge: Some(Decimal::new(10_800, 2)),
        ..Posting::default()
    });
    post(Posting {
        kind: RowKind::Reversal,
        reverses: Some(first),
        ..Posting::default()
    });
    post(status("Failed"));
    post(status("Pending Authorized"));
    post(Posting {
        settles_in: Some(50),
        settles_as: Some("Declined".into()),
        ..status("Pending Authorized")
    });
    post(Posting {
        late_by: 300,
        ..Posting::default()
    });
}

#[tokio::test]
async fn saved_pages_are_those_that_the_portal_serves() {
    let stage = Stage::open(PortalConfig {
        login_cap: 8,
        ..PortalConfig::default()
    })
    .await;
    // 23:40 of the day before in Nairobi: what expires is swept after midnight.
    stage.pass(-(12 * 3_600 + 1_200));
    post_every_kind(&stage);
    let waits = Posting {
        status: Some("Pending Authorized".into()),
        settles_in: Some(1_500),
        settles_as: Some("Expired".into()),
        ..Posting::default()
    };
    stage.control.post_payment(&waits).unwrap();
    stage.pass(1_800);

    let mut visitor = stage.visitor();
    check("login.html", &visitor.get("/orglogin.action").await.html);
    check("wrong-password.html", &visitor.sign_in("wrong").await.html);
    let token = visitor.form_token().await;
    check(
        "bad-csrf.html",
        &stage
            .visitor()
            .submit("kilima-demo-1", &token)
            .await
            .unwrap()
            .html,
    );
    statement_pages(&stage).await;
    let (mut kicked, mut reader) = (stage.reader().await, stage.reader().await);
    check(
        "signed-in-elsewhere.html",
        &follow(&mut kicked, "/main.action").await,
    );
    stage
        .control
        .set_config(object(r#"{"second_login":"refuse"}"#))
        .unwrap();
    check(
        "already-signed-in.html",
        &visitor.sign_in("kilima-demo-1").await.html,
    );
    stage.control.expire_session(0);
    check("session-expired.html", &follow(&mut reader, TODAY).await);
    stage.control.unlock();
    for _ in 0..2 {
        visitor.sign_in("wrong").await;
    }
    check("locked.html", &visitor.sign_in("wrong").await.html);
    stage.control.unlock();
    stage
        .control
        .set_config(object(r#"{"login_cap":0}"#))
        .unwrap();
    check(
        "too-many-logins.html",
        &visitor.sign_in("kilima-demo-1").await.html,
    );
}

async fn statement_pages(stage: &Stage) {
    let mut reader = stage.reader().await;
    check("main.html", &reader.get("/main.action").await.html);
    check(
        "statement-search.html",
        &reader.get("/statement.action").await.html,
    );
    let first = reader.get(YESTERDAY).await;
    check("statement-first.html", &first.html);
    let second = reader.get(&first.attribute("#next", "href").unwrap()).await;
    check("statement-middle.html", &second.html);
    let last = reader.get(&format!("{YESTERDAY}&page=99")).await;
    assert!(!last.has("#next") && first.has("#next"));
    check("statement-last.html", &last.html);
    check("statement-empty.html", &reader.get(LAST_YEAR).await.html);
}

/// The page that `path` redirects to.
async fn follow(visitor: &mut Visitor, path: &str) -> String {
    let location = visitor.get(path).await.location.unwrap();
    visitor.get(&location).await.html
}

fn object(json: &str) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_str(json).unwrap()
}
