//! A portal that changes its pages: people are told once, with the columns before and after and a page without anybody's
//! data; rows that are put aside come out once when the selector file is corrected.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tillwatch::demo::portal::Markup;

use super::stage::{Cast, PLANTED, Stage, payment, planted};

const NOTIFY: &str = "\n[[notify]]\ntype = \"command\"\ncommand = [\"./tell\"]\n";

async fn set() -> Stage {
    let stage = Stage::set(vec![Cast::kilima()], NOTIFY).await;
    let tell = format!("#!/bin/sh\ncat >> {}\n", stage.path("told").display());
    fs::write(stage.path("tell"), tell).unwrap();
    fs::set_permissions(stage.path("tell"), fs::Permissions::from_mode(0o755)).unwrap();
    stage
}

/// Notices of this kind and state.
fn notices(stage: &Stage, kind: &str, state: &str) -> Vec<Value> {
    let told = fs::read_to_string(stage.path("told")).unwrap_or_default();
    let told = told.lines().map(|line| serde_json::from_str(line).unwrap());
    told.filter(|notice: &Value| notice["kind"] == kind && notice["state"] == state)
        .collect()
}

fn renamed(header: &str, name: &str) -> Markup {
    Markup {
        rename_header: [(header.to_owned(), name.to_owned())].into(),
        ..Markup::default()
    }
}

/// What `tillwatch <args>` prints; it must succeed.
async fn said(stage: &Stage, args: &[&str]) -> String {
    let done = stage.command(args).output().await.unwrap();
    assert!(done.status.success(), "{done:?}\n{}", stage.log());
    String::from_utf8(done.stdout).unwrap()
}

async fn drift(stage: &Stage) -> Value {
    let status = said(stage, &["status", "--json"]).await;
    let status: Value = serde_json::from_str(&status).unwrap();
    status[0]["drift"].clone()
}

fn told(stage: &Stage, receipt: &str) -> usize {
    let events = stage.events();
    let told = events.iter().filter(|event| event["subject"] == receipt);
    told.count()
}

fn is_harmless(evidence: &Path, receipt: &str) {
    let page = fs::read_to_string(evidence.join("page.html")).unwrap();
    assert!(page.contains("<td"), "{page}");
    let columns = fs::read_to_string(evidence.join("columns.json")).unwrap();
    for secret in PLANTED.iter().chain(&["JANE", "600123", receipt]) {
        assert!(!page.contains(secret), "{secret}\n{page}");
        assert!(!columns.contains(secret), "{secret}\n{columns}");
    }
    let picture = fs::read(evidence.join("page.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    for file in ["page.html", "page.png", "columns.json"] {
        let mode = fs::metadata(evidence.join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_page_that_changes_is_told_once_with_its_columns_and_evidence_while_rows_go_on() {
    let stage = set().await;
    let (portal, agent) = (stage.portal(), stage.start());
    stage.begun().await;
    let receipt = portal.post_payment(&planted()).unwrap();
    stage.until_told(&receipt).await;
    stage.read_once("kilima").await;
    assert_eq!(drift(&stage).await, Value::Null);

    // A column that the file does not name: no row is lost.
    portal.set_markup(renamed("Details", "Remarks"));
    stage
        .until("it is told", || {
            !notices(&stage, "drift", "open").is_empty()
        })
        .await;
    let next = portal.post_payment(&payment()).unwrap();
    stage.until_told(&next).await;
    let shown = drift(&stage).await;
    assert_eq!(
        shown["what"],
        "the portal's page changed, `Details` is now `Remarks`"
    );
    assert_eq!(
        (&shown["before"][3], &shown["after"][3]),
        (&"Details".into(), &"Remarks".into())
    );
    assert_eq!(shown["costsRows"], false);
    let evidence = PathBuf::from(shown["evidence"].as_str().unwrap());
    is_harmless(&evidence, &receipt);
    assert!(evidence.starts_with(stage.path("state/evidence/kilima")));
    let notice = &notices(&stage, "drift", "open")[0];
    let what = notice["what"].as_str().unwrap();
    for part in [
        "Initiation Time | Details |",
        "Initiation Time | Remarks |",
        &evidence.display().to_string(),
    ] {
        assert!(what.contains(part), "{part} in {what}");
    }
    // A restart tells nothing again, and goes on in the same change.
    assert_eq!(agent.stop().await, 0);
    let agent = stage.start();
    let next = portal.post_payment(&payment()).unwrap();
    stage.until_told(&next).await;
    stage.read_once("kilima").await;
    assert_eq!(drift(&stage).await["evidence"], shown["evidence"]);
    let table = said(&stage, &["status"]).await;
    assert!(table.contains("evidence: "), "{table}");

    portal.set_markup(Markup::default());
    stage
        .until("it is over", || {
            !notices(&stage, "drift", "solved").is_empty()
        })
        .await;
    assert_eq!(notices(&stage, "drift", "open").len(), 1);
    assert_eq!(drift(&stage).await, Value::Null);

    // One that it needs: nothing can be read until the file is corrected.
    portal.set_markup(renamed("Paid In", "Received"));
    let waits = portal.post_payment(&payment()).unwrap();
    stage
        .until("it is told", || notices(&stage, "drift", "open").len() == 2)
        .await;
    let shown = drift(&stage).await;
    assert_eq!(
        (&shown["after"][5], &shown["costsRows"]),
        (&"Received".into(), &true.into())
    );
    let evidence = PathBuf::from(shown["evidence"].as_str().unwrap());
    is_harmless(&evidence, &receipt);
    // What the file is to be corrected to can be read there.
    let page = fs::read_to_string(evidence.join("page.html")).unwrap();
    assert!(page.contains("<th>Received</th>"), "{page}");
    assert_eq!(agent.stop().await, 0);
    let file = stage.path("selectors/kilima.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"Paid In\"", "\"Received\"")).unwrap();
    let agent = stage.start();
    stage.until_told(&waits).await;
    stage
        .until("it is over", || {
            notices(&stage, "drift", "solved").len() == 2
        })
        .await;
    assert_eq!(notices(&stage, "drift", "open").len(), 2);
    assert_eq!(agent.stop().await, 0);
    let log = stage.log();
    assert!(!log.contains("QUILLFEATHER"), "{log}");
}

#[tokio::test]
async fn rows_put_aside_for_an_unknown_word_are_released_once_by_the_corrected_file() {
    let stage = set().await;
    let file = stage.path("selectors/kilima.toml");
    let shipped = fs::read_to_string(&file).unwrap();
    let words = ["Completed = \"completed\"\n", "Reversed = \"reversed\"\n"];
    let knows = |known: usize| {
        let unknown = words.iter().skip(known);
        fs::write(
            &file,
            unknown.fold(shipped.clone(), |text, word| text.replace(word, "")),
        )
        .unwrap();
    };
    knows(0);
    let (portal, agent) = (stage.portal(), stage.start());
    stage.begun().await;
    stage
        .until("a first reading", || !stage.events().is_empty())
        .await;
    let receipt = portal.post_payment(&planted()).unwrap();
    stage
        .until("it is told", || {
            !notices(&stage, "drift", "open").is_empty()
        })
        .await;
    let unknown = "it uses a word that the selector file does not map";
    let notice = &notices(&stage, "drift", "open")[0];
    assert!(
        notice["what"].as_str().unwrap().contains(unknown),
        "{notice}"
    );
    let list = said(&stage, &["quarantine", "list", "kilima"]).await;
    assert!(list.contains("`Transaction Status`"), "{list}");
    let release = ["quarantine", "release", "kilima"];
    let nothing = said(&stage, &release).await;
    let none = "0 events told; 0 rows released without one; 1 rows stay";
    assert!(nothing.starts_with(none), "{nothing}");
    assert!(!nothing.contains("Completed"), "{nothing}");

    // Through the agent.
    knows(1);
    assert_eq!(told(&stage, &receipt), 0);
    let one = "1 events told; 0 rows released without one; 0 rows stay";
    let done = said(&stage, &release).await;
    assert!(done.starts_with(one), "{done}");
    stage.until_told(&receipt).await;
    for _ in 0..2 {
        stage.read_once("kilima").await;
        let again = said(&stage, &release).await;
        assert!(again.starts_with("0 events told"), "{again}");
    }
    assert_eq!(drift(&stage).await, Value::Null);
    assert_eq!(agent.stop().await, 0);

    // Without one: what is told goes out at its next start.
    let agent = stage.start();
    let aside = || stage.log().matches("was put aside").count();
    let before = aside();
    portal.set_status(&receipt, "Reversed").unwrap();
    stage.until("it is put aside", || aside() > before).await;
    assert_eq!(agent.stop().await, 0);
    knows(2);
    let done = said(&stage, &release).await;
    assert!(done.starts_with(one), "{done}");
    let again = said(&stage, &release).await;
    let empty = "0 events told; 0 rows released without one; 0 rows stay";
    assert!(again.starts_with(empty), "{again}");

    let agent = stage.start();
    let last = portal.post_payment(&payment()).unwrap();
    stage.until_told(&last).await;
    stage.read_once("kilima").await;
    assert_eq!(agent.stop().await, 0);
    let events = stage.events();
    let types = |receipt: &str| -> Vec<&str> {
        let told = events.iter().filter(|event| event["subject"] == receipt);
        told.map(|event| event["type"].as_str().unwrap()).collect()
    };
    assert_eq!(types(&receipt), ["payment.received", "payment.updated"]);
    assert_eq!(types(&last), ["payment.received"]);
    let words = stage.log() + &fs::read_to_string(stage.path("told")).unwrap();
    assert!(!words.contains("QUILLFEATHER"), "{words}");
}
