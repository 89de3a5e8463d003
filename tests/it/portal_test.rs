//! `tillwatch portal test`: the recordings of every file in `selectors/`, and what is said when one is not as expected.

use std::fs;
use std::path::{Path, PathBuf};

use tillwatch::cli::portal_test::{TestArgs, test};
use tillwatch::exit::Exit;

use crate::webdriver::fixture::BROWSERS;

fn args(selectors: &Path) -> TestArgs {
    TestArgs {
        portals: Vec::new(),
        selectors: selectors.to_owned(),
        accept: false,
        browser: false,
        driver: None,
        chromium: None,
    }
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("selectors")
}

/// A directory with one shipped portal and a recording of one page.
fn workbench() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("recordings/kilima/one");
    fs::create_dir_all(&own).unwrap();
    let pages = shipped().join("recordings/kilima/pages");
    for file in ["statement-first.html", "statement-first.expected.json"] {
        fs::copy(pages.join(file), own.join(file)).unwrap();
    }
    fs::copy(
        shipped().join("kilima.toml"),
        dir.path().join("kilima.toml"),
    )
    .unwrap();
    fs::write(
        own.join("recording.toml"),
        "format = 1\nrecorded = \"2026-11-21T09:03:00Z\"\nnumber = \"600123\"\n[[step]]\nis = \"table\"\nfile = \"statement-first.html\"\n",
    )
    .unwrap();
    dir
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[tokio::test]
async fn every_shipped_portal_gives_what_its_recordings_expect() {
    let (text, exit) = test(&args(&shipped())).await;
    assert_eq!(exit, Exit::Ok, "{text}");
}

#[tokio::test]
async fn every_shipped_portal_does_so_in_a_browser() {
    let _place = BROWSERS.acquire().await.unwrap();
    let (text, exit) = test(&TestArgs {
        browser: true,
        ..args(&shipped())
    })
    .await;
    assert_eq!(exit, Exit::Ok, "{text}");
    for portal in ["kilima", "mwezi", "ngome", "tausi", "wimbi"] {
        assert!(
            !text.contains(&format!("{portal}/")),
            "not in a browser: {text}"
        );
    }
}

#[tokio::test]
async fn a_difference_names_page_row_and_field_and_accept_writes_it() {
    let dir = workbench();
    let (text, exit) = test(&args(dir.path())).await;
    assert_eq!(exit, Exit::Ok, "{text}");
    let page = dir
        .path()
        .join("recordings/kilima/one/statement-first.html");
    edit(&page, ">1,500.50<", ">1,500.75<");
    edit(
        &dir.path().join("kilima.toml"),
        "Declined = \"declined\"\n",
        "",
    );
    let (text, exit) = test(&args(dir.path())).await;
    assert_eq!(exit, Exit::Failed);
    for part in [
        "kilima/one/statement-first.html: row 8, amount: expected \"1500.5\", got \"1500.75\"\n",
        "kilima/one/statement-first.html: row 2: missing: {",
        "kilima/one/statement-first.html: row 2 (put aside): not expected: {",
        "1 portals, 1 recordings, 1 pages, 19 rows: 4 are wrong\n",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let accept = TestArgs {
        accept: true,
        ..args(dir.path())
    };
    let (text, exit) = test(&accept).await;
    assert_eq!(exit, Exit::Ok, "{text}");
    assert_eq!(test(&args(dir.path())).await.1, Exit::Ok);
}

#[tokio::test]
async fn a_portal_without_recording_or_expected_rows_fails() {
    let dir = workbench();
    let one = dir.path().join("recordings/kilima/one");
    fs::remove_file(one.join("statement-first.expected.json")).unwrap();
    let (text, exit) = test(&args(dir.path())).await;
    assert_eq!(exit, Exit::Failed);
    assert!(text.contains("nobody has said what it must give"), "{text}");
    // A page of the table that shows somebody signed out has no rows.
    edit(
        &one.join("statement-first.html"),
        "operator-name",
        "user-name",
    );
    let accept = TestArgs {
        accept: true,
        ..args(dir.path())
    };
    let (text, exit) = test(&accept).await;
    assert_eq!(exit, Exit::Failed);
    assert!(
        text.contains("no recording has a row that becomes a payment"),
        "{text}"
    );
    fs::remove_dir_all(&one).unwrap();
    let (text, exit) = test(&args(dir.path())).await;
    assert_eq!(exit, Exit::Failed);
    assert!(text.contains("kilima: no recording in "), "{text}");
}
