//! `tillwatch portal diff` as a shell sees it: two files over recordings, and over an account's own pages beside its store.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tempfile::TempDir;
use tillwatch::clock::Clock;
use tillwatch::config;
use tillwatch::extract;
use tillwatch::store::{GapsFound, Reading, Store};
use tillwatch::trial::Trial;

const KILIMA: &str = include_str!("../../selectors/kilima.toml");
const PAGE: &str = "recordings/kilima/pages/statement-first.html";
const REFERENCE: &str = "transaction_reference = { header = \"Receipt No.\" }";
const OTHER_IDS: &str =
    "transaction_reference = { header = \"Receipt No.\", capture = \"^.(.*)$\" }";

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("selectors")
}

/// The shipped file with `from` as `to`, in a directory of its own.
fn changed(from: &str, to: &str) -> (TempDir, PathBuf) {
    assert_eq!(KILIMA.matches(from).count(), 1, "{from}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kilima.toml");
    fs::write(&file, KILIMA.replace(from, to)).unwrap();
    (dir, file)
}

/// Exit code and everything said.
fn diff(args: &[&Path]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
    command.args(["portal", "diff"]).args(args);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(said).unwrap(),
    )
}

fn last_line(said: &str) -> &str {
    said.lines().last().unwrap()
}

#[test]
fn two_files_are_compared_over_the_recordings_beside_the_first() {
    let old = shipped().join("kilima.toml");
    for (from, to, exit, counts) in [
        (
            "format = 1",
            "# A comment.\nformat = 1",
            0,
            "52 payments: 52 same, 0 new, 0 emitted again, 0 changed, 0 lost",
        ),
        (
            REFERENCE,
            OTHER_IDS,
            1,
            "52 payments: 20 same, 0 new, 32 emitted again, 0 changed, 0 lost",
        ),
        (
            "zone = \"Africa/Nairobi\"",
            "zone = \"UTC\"",
            0,
            "52 payments: 20 same, 0 new, 0 emitted again, 32 changed, 0 lost",
        ),
        (
            "Completed = \"completed\"\n",
            "",
            0,
            "52 payments: 5 same, 0 new, 0 emitted again, 0 changed, 47 lost",
        ),
        (
            "customer_reference = { header = \"A/C No.\" }\n",
            "",
            0,
            "52 payments: 21 same, 0 new, 0 emitted again, 31 changed, 0 lost",
        ),
        // Credits are taken for withdrawals, and withdrawals not understood.
        (
            "credit = { header = \"Paid In\" }\ndebit = { header = \"Withdrawn\" }",
            "credit = { header = \"Withdrawn\" }\ndebit = { header = \"Paid In\" }",
            0,
            "52 payments: 5 same, 0 new, 0 emitted again, 0 changed, 47 lost",
        ),
    ] {
        let (_dir, new) = changed(from, to);
        let (ended, said) = diff(&[&old, &new]);
        assert!(said.contains(counts), "{to}: {said}");
        assert_eq!(ended, exit, "{said}");
    }
}

#[test]
fn rows_are_named_by_page_and_number() {
    let (_dir, new) = changed(REFERENCE, OTHER_IDS);
    let old = shipped().join("kilima.toml");
    let (_, said) = diff(&[&old, &new]);
    let row = said.lines().nth(1).unwrap();
    assert!(
        row.starts_with("pages/statement-first.html") && row.contains("  emitted again  "),
        "{said}"
    );
    assert_eq!(
        last_line(&said),
        "history would be emitted again: an agent refuses this file until told"
    );
    let (ended, json) = diff(&[&old, &new, Path::new("--json")]);
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((ended, &found["counts"]["emitted-again"]), (1, &32.into()));
    assert_eq!(found["rows"].as_array().unwrap().len(), 32);
    assert_eq!(found["rows"][0]["fate"], "emitted-again");
}

#[test]
fn what_cannot_be_compared_says_why() {
    let (dir, new) = changed("format = 1", "format = 2");
    let old = shipped().join("kilima.toml");
    let (ended, said) = diff(&[&old, &new]);
    assert_eq!(ended, 3, "{said}");
    let alone = dir.path().join("alone.toml");
    fs::write(&alone, KILIMA).unwrap();
    let (ended, said) = diff(&[&alone, &old]);
    assert_eq!(ended, 1);
    assert!(
        said.contains("there is no recording of alone beside"),
        "{said}"
    );
    let (ended, said) = diff(&[&old, &old, Path::new("--account"), Path::new("kilima")]);
    assert_eq!(ended, 2, "{said}");
}

/// A state directory whose store has read the page by the shipped file.
async fn told(dir: &Path) -> PathBuf {
    let file = dir.join("tillwatch.toml");
    let text = format!(
        "state_dir = \"state\"\nselectors_dir = {:?}\n[webdriver]\nurl = \"http://127.0.0.1:1\"\n\
         [[account]]\nname = \"kilima\"\nportal = \"kilima\"\nnumber = \"600123\"\nuser = \"reader\"\n[[sink]]\ntype = \"stdout\"\n",
        shipped()
    );
    fs::write(&file, text).unwrap();
    let config = config::load(&file).unwrap();
    let resolved = config.accounts[0].portal.clone().unwrap();
    let page = extract::parse(&fs::read_to_string(shipped().join(PAGE)).unwrap()).unwrap();
    let now = Clock::System.now();
    let trial = Trial::of(&resolved.portal, resolved.account.clone(), &page, now).unwrap();
    fs::create_dir(&config.state_dir).unwrap();
    let store = Store::open(&config.state_dir, Clock::System).await.unwrap();
    let since: DateTime<Utc> = "2020-01-01T00:00:00Z".parse().unwrap();
    let name = resolved.account.name.clone();
    store.begin_account(&name, since).await.unwrap();
    let reading = Reading {
        account: resolved.account,
        read_at: now,
        payments: trial
            .understood()
            .map(|(_, read)| read.payment.clone())
            .collect(),
        quarantined: Vec::new(),
        understood: Vec::new(),
        watermark: None,
        read_through: None,
        gaps: GapsFound::default(),
    };
    assert!(store.commit(reading).await.unwrap().received > 0);
    file
}

#[tokio::test]
async fn an_accounts_own_page_is_held_against_its_store() {
    let dir = tempfile::tempdir().unwrap();
    let old = shipped().join("kilima.toml");
    let page = shipped().join(PAGE);
    let config = dir.path().join("tillwatch.toml");
    let beside = |new: &Path| {
        let of = ["--pages", "--account", "kilima", "--config"].map(Path::new);
        diff(&[&old, new, of[0], &page, of[1], of[2], of[3], &config])
    };
    let (_new, other_ids) = changed(REFERENCE, OTHER_IDS);
    assert_eq!(beside(&other_ids).0, 3, "no config");
    told(dir.path()).await;
    let (ended, said) = beside(&old);
    assert_eq!(ended, 0, "{said}");
    assert!(said.contains("0 new, 0 emitted again, 0 changed"), "{said}");
    let (ended, said) = beside(&other_ids);
    assert_eq!(ended, 1, "{said}");
    assert!(said.contains("0 new, 9 emitted again, 0 changed"), "{said}");
    // Nothing was written: the same again.
    assert_eq!(beside(&other_ids), (ended, said));
}
