//! `tillwatch portal lint`: the shipped files have no finding, and each kind of finding is made.

use std::fs;
use std::path::{Path, PathBuf};

use tillwatch::cli::portal_lint::{LintArgs, lint};
use tillwatch::exit::Exit;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("selectors")
}

fn linted(file: &Path) -> (String, Exit) {
    let args = LintArgs {
        files: vec![file.to_owned()],
        hints: true,
    };
    lint(&args, false)
}

#[test]
fn the_shipped_files_have_no_finding() {
    for entry in fs::read_dir(shipped()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let (text, exit) = linted(&path);
            assert_eq!(exit, Exit::Ok, "{text}");
        }
    }
}

/// The shipped file of Kilima with its recording, changed.
fn changed(from: &str, to: &str) -> (String, Exit) {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("recordings/kilima/pages");
    fs::create_dir_all(&pages).unwrap();
    for entry in fs::read_dir(shipped().join("recordings/kilima/pages")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, pages.join(path.file_name().unwrap())).unwrap();
    }
    let file = dir.path().join("kilima.toml");
    let text = fs::read_to_string(shipped().join("kilima.toml")).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&file, text.replace(from, to)).unwrap();
    linted(&file)
}

#[test]
fn each_finding_has_its_line_and_says_what_to_do() {
    for (from, to, told) in [
        (
            "div#operator b#operator-name",
            "div#nobody",
            "`marks.signed_in` is on no page",
        ),
        ("form#login-form", "body", "beside `marks.signed_in`"),
        (
            "p#login-error.locked",
            "header",
            "the mark of `locked` is on pages/",
        ),
        (
            "\"table#statement tr\"",
            "\"table#report tr\"",
            "`table.rows` matches nothing",
        ),
        ("td#no-records", "td#nothing", "`table.empty` is on no page"),
        ("\"a#next\"", "\"a#older\"", "`table.next` matches nothing"),
        ("\"a#next\"", "\"a\"", "elements on pages/"),
        ("p#count", "p#counted", "`table.count` finds no number"),
        (
            "{ header = \"A/C No.\" }",
            "{ css = \"td:nth-child(13)\" }",
            "is found by its position",
        ),
        (
            ", capture = \"^[0-9*X]{9,15} - (.+)$\"",
            ", capture = \"^none (.+)$\"",
            "the `capture` of `payer_name` matches in no row",
        ),
        (
            "Declined = \"declined\"\n",
            "",
            "the word `Declined` of the recordings is not in the `map`",
        ),
    ] {
        let (text, exit) = changed(from, to);
        assert_eq!(exit, Exit::Failed, "{told}: {text}");
        assert!(text.contains(told), "{told} in {text}");
        assert!(text.contains("kilima.toml:"), "{text}");
    }
}

#[test]
fn a_word_that_no_row_has_is_a_hint_with_its_line() {
    let (text, exit) = changed(
        "Failed = \"failed\"\n",
        "Failed = \"failed\"\nFaild = \"failed\"\n",
    );
    assert_eq!(exit, Exit::Ok, "{text}");
    let hint = text.lines().find(|line| line.contains("`Faild`"));
    assert!(
        hint.is_some_and(|hint| hint.starts_with("hint: ") && hint.contains("kilima.toml:7")),
        "{text}"
    );
}
