//! Saved pages in, payments out: every page under `tests/fixtures/<portal>/` against what stands beside it.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tillwatch::cli::portal_try::{Look, Outcome, TryArgs, attempt, watch};
use tillwatch::clock::{Clock, VirtualClock};
use tillwatch::exit::Exit;
use tillwatch::extract;
use tillwatch::selectors::file;
use tillwatch::trial::{self, Trial};
use tillwatch::understand::{Understood, table_page};

const PLAIN: Look = Look {
    width: None,
    colour: false,
};

fn now() -> DateTime<Utc> {
    "2026-11-21T09:03:00Z".parse().unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn args(portal: &str, page: &Path) -> TryArgs {
    TryArgs {
        portal: portal.to_owned(),
        page: page.to_owned(),
        selectors: root().join("selectors"),
        number: Some("600123".to_owned()),
        json: false,
        explain: None,
        watch: false,
    }
}

fn kilima(page: &str) -> TryArgs {
    args(
        "kilima",
        &root().join("selectors/recordings/kilima/pages").join(page),
    )
}

fn tried(args: &TryArgs) -> Outcome {
    attempt(args, PLAIN, now())
}

/// A directory is a portal when it, or `selectors/`, holds a selector file of its name.
fn selector_file(dir: &Path) -> Option<PathBuf> {
    let name = dir.file_name()?.to_str()?;
    let own = dir.join(format!("{name}.toml"));
    let shipped = root().join("selectors").join(format!("{name}.toml"));
    [own, shipped].into_iter().find(|path| path.is_file())
}

/// A new portal needs no Rust: its selector file, a page, and the rows, which `PAGES=write` writes to be read over.
#[test]
fn every_saved_page_gives_the_rows_that_stand_beside_it() {
    let mut pages = 0;
    for entry in fs::read_dir(root().join("tests/fixtures")).unwrap() {
        let dir = entry.unwrap().path();
        let Some(file) = selector_file(&dir) else {
            continue;
        };
        let portal = file.file_stem().unwrap().to_str().unwrap();
        for page in fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            let Some(ending) = page.extension().filter(|ending| {
                !["toml", "expected", "py"]
                    .iter()
                    .any(|other| ending == other)
            }) else {
                continue;
            };
            let expected = match ending == "html" {
                true => page.with_extension("expected"),
                false => PathBuf::from(format!("{}.expected", page.display())),
            };
            let mut args = args(portal, &page);
            args.selectors = file.parent().unwrap().to_owned();
            args.json = true;
            check(&expected, &readable(&tried(&args)));
            pages += 1;
        }
    }
    assert!(pages > 0, "no pages under tests/fixtures");
}

/// One payment a line, so that a difference is easy to see.
fn readable(outcome: &Outcome) -> String {
    let err = outcome.err.replace(&format!("{}/", root().display()), "");
    let mut text = format!("exit {}\n{err}", outcome.exit.code());
    let Ok(Value::Object(object)) = serde_json::from_str(&outcome.out) else {
        return text;
    };
    for (key, value) in object {
        match value {
            Value::Array(rows) => {
                let rows: String = rows.iter().map(|row| format!("  {row}\n")).collect();
                text.push_str(&format!("{key}:\n{rows}"));
            }
            other => text.push_str(&format!("{key}: {other}\n")),
        }
    }
    text
}

fn check(path: &Path, found: &str) {
    if std::env::var("PAGES").is_ok_and(|mode| mode == "write") {
        fs::write(path, found).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        found,
        expected,
        "{} differs: if the new rows are right, write them with PAGES=write",
        path.display()
    );
}

#[test]
fn a_statement_is_shown_as_a_table_that_fits_the_terminal() {
    let outcome = tried(&kilima("statement-first.html"));
    assert_eq!((outcome.exit, outcome.err.as_str()), (Exit::Ok, ""));
    let lines: Vec<&str> = outcome.out.lines().collect();
    assert!(lines[0].starts_with("row  when"), "{}", lines[0]);
    let payment = lines
        .iter()
        .find(|line| line.contains("UKKKY2CWBS"))
        .unwrap();
    for part in [
        "2026-11-20 23:41:27",
        "credit",
        "1500.5 KES",
        "completed",
        "254722***000",
        "JANE D.",
        "acc 9900",
        "761384.41",
        "pay_",
    ] {
        assert!(payment.contains(part), "{part} in {payment}");
    }
    assert_eq!(
        lines.last(),
        Some(&"20 rows: 20 payments, 0 put aside; the portal says 72 in all; there is a next page")
    );
    let narrow = Look {
        width: Some(100),
        ..PLAIN
    };
    let narrow = attempt(&kilima("statement-first.html"), narrow, now());
    assert!(
        narrow.out.lines().all(|line| line.chars().count() <= 100),
        "{}",
        narrow.out
    );
    assert!(narrow.out.contains('…'));
}

#[test]
fn a_row_is_explained_field_by_field() {
    let mut args = kilima("statement-first.html");
    args.explain = Some(8);
    insta::assert_snapshot!(tried(&args).out);
    args.explain = Some(21);
    let outcome = tried(&args);
    assert_eq!(outcome.exit, Exit::Failed);
    assert_eq!(
        outcome.err,
        "error: --explain 21: the page has 20 data rows, counted from 1\n"
    );
}

/// A directory with the shipped selector file and a saved page, to be changed.
fn workbench() -> (tempfile::TempDir, TryArgs) {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.html");
    fs::copy(
        root().join("selectors/recordings/kilima/pages/statement-first.html"),
        &page,
    )
    .unwrap();
    fs::copy(
        root().join("selectors/kilima.toml"),
        dir.path().join("kilima.toml"),
    )
    .unwrap();
    let mut args = args("kilima", &page);
    args.selectors = dir.path().to_owned();
    (dir, args)
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_status_word_that_is_not_mapped_puts_its_rows_aside_and_shows_their_cells() {
    let (dir, mut args) = workbench();
    edit(
        &dir.path().join("kilima.toml"),
        "Declined = \"declined\"\n",
        "",
    );
    let outcome = tried(&args);
    assert_eq!(outcome.exit, Exit::Quarantined);
    let aside = "put aside: row 2, column 5, `Transaction Status` (field status), cell like `Aaaaaaaa`: \
                 is a word that its `map` does not have: add it there, or the payment stays dark\n  cells: UKKJ9PJBAK | ";
    assert!(outcome.out.contains(aside), "{}", outcome.out);
    assert!(outcome.out.contains("20 rows: 19 payments, 1 put aside"));
    args.json = true;
    let outcome = tried(&args);
    let json: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(
        (outcome.exit, json["payments"].as_array().unwrap().len()),
        (Exit::Quarantined, 19)
    );
    assert_eq!(json["quarantined"][0]["row"], 2);
    assert_eq!(json["quarantined"][0]["cells"][4], "Declined");
    args.explain = Some(2);
    args.json = false;
    assert_eq!(tried(&args).exit, Exit::Quarantined);
}

/// Gives the row with the reference `from` that of another row.
fn share_reference(page: &Path, from: &str, to: &str) {
    let cell = |reference: &str| format!("<td>{reference}</td>");
    edit(page, &cell(from), &cell(to));
}

#[test]
fn rows_that_share_a_reference_and_move_other_money_are_put_aside_as_by_the_agent() {
    let (_dir, mut args) = workbench();
    // The same money twice is one payment.
    share_reference(&args.page, "UKKKWMO7ND", "UKKTWICE00");
    share_reference(&args.page, "UKK1JYY2VU  ", "UKKTWICE00");
    let outcome = tried(&args);
    assert_eq!(outcome.exit, Exit::Ok, "{}", outcome.out);
    share_reference(&args.page, "UKK1HE6QZY", "UKKWQHX668");
    let outcome = tried(&args);
    assert_eq!(outcome.exit, Exit::Quarantined);
    for part in [
        "20 rows: 18 payments, 2 put aside",
        "put aside: row 15 (field transaction_reference): is the reference of another row that moves other money",
        "put aside: row 16 (field transaction_reference): is the reference of another row that moves other money",
    ] {
        assert!(outcome.out.contains(part), "{part} in {}", outcome.out);
    }
    args.explain = Some(16);
    let outcome = tried(&args);
    assert_eq!(outcome.exit, Exit::Quarantined);
    assert!(
        outcome.out.contains("\nput aside: row 16"),
        "{}",
        outcome.out
    );
}

/// What the agent makes of each row of a page, and what the trial does. Every row of this portal has a reference.
fn agent_and_trial(html: &str) -> (Vec<String>, Vec<String>) {
    let text = fs::read_to_string(root().join("selectors/kilima.toml")).unwrap();
    let portal = file::parse("kilima", "kilima.toml", &text).unwrap();
    let account = trial::account(&portal, Some("600123"));
    let table = match table_page(&portal, &account, html, now()).unwrap() {
        Understood::Table(table) => table,
        Understood::Not(session) => panic!("{session:?}"),
    };
    let page = extract::parse(html).unwrap();
    let trial = Trial::of(&portal, account, &page, now()).unwrap();
    let agent = table.rows.iter().map(|row| format!("{:?}", row.meaning));
    let tried = trial.rows.iter().map(|row| format!("{row:?}"));
    (agent.collect(), tried.collect())
}

#[test]
fn the_trial_understands_every_row_as_the_agent_does() {
    let pages = root().join("selectors/recordings/kilima/pages");
    for page in [
        "statement-first.html",
        "statement-middle.html",
        "statement-last.html",
    ] {
        let html = fs::read_to_string(pages.join(page)).unwrap();
        let cells = html.lines().filter_map(|line| {
            let (_, row) = line.split_once("<tr class=")?;
            let (_, row) = row.split_once("<td>")?;
            Some(row.split_once("</td>")?.0)
        });
        let references: Vec<&str> = cells.collect();
        let one = format!("<td>{}</td>", references[0]);
        // As it is, then each reference in turn that of the first row.
        let shared = references
            .iter()
            .map(|other| html.replace(&format!("<td>{other}</td>"), &one));
        for html in shared.chain([html.clone(), html.replace("Declined", "Parked")]) {
            let (agent, tried) = agent_and_trial(&html);
            assert_eq!(agent, tried, "{page}");
        }
    }
}

/// As a server without UTF-8 sends it and a browser saves it.
fn in_latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

#[test]
fn a_page_is_read_in_the_encoding_that_it_names() {
    let (_dir, args) = workbench();
    edit(&args.page, "GRACE N.", "ZOÉ N.");
    edit(&args.page, "charset=\"utf-8\"", "charset=\"iso-8859-1\"");
    let text = fs::read_to_string(&args.page).unwrap();
    // In UTF-8 the page is a recording, or copied from the inspector: its `meta` is of before.
    let utf_8 = tried(&args);
    fs::write(&args.page, in_latin_1(&text)).unwrap();
    let latin_1 = tried(&args);
    assert!(utf_8.out.contains("ZOÉ N."), "{}", utf_8.out);
    assert_eq!((latin_1.exit, &latin_1), (Exit::Ok, &utf_8));
    let wide = text.encode_utf16().flat_map(u16::to_le_bytes);
    fs::write(
        &args.page,
        [0xff, 0xfe].into_iter().chain(wide).collect::<Vec<u8>>(),
    )
    .unwrap();
    assert_eq!(tried(&args), utf_8);
}

#[test]
fn a_page_that_is_not_in_its_encoding_is_refused_with_what_to_do() {
    let (_dir, args) = workbench();
    let text = fs::read_to_string(&args.page).unwrap();
    let text = text.replace("GRACE N.", "ZOÉ N.");
    for (from, why) in [
        ("nothing", "which its `<meta charset>` says"),
        (
            "<meta charset=\"utf-8\">",
            "which is assumed where no `<meta charset>`",
        ),
    ] {
        fs::write(&args.page, in_latin_1(&text.replace(from, ""))).unwrap();
        let outcome = tried(&args);
        assert_eq!(outcome.exit, Exit::Failed);
        for part in [
            "the page is not UTF-8",
            why,
            "`iconv -f windows-1252 -t utf-8`",
        ] {
            assert!(outcome.err.contains(part), "{part} in {}", outcome.err);
        }
    }
}

#[test]
fn a_changed_page_is_refused_with_what_to_do() {
    let (_dir, args) = workbench();
    edit(&args.page, "<th>Paid In</th>", "<th>Paid-In</th>");
    let outcome = tried(&args);
    assert_eq!(outcome.exit, Exit::Failed);
    assert!(
        outcome
            .err
            .contains("no header `Paid In` (field credit), is it `Paid-In` now?"),
        "{}",
        outcome.err
    );
    assert!(
        !outcome.err.contains("JANE"),
        "no text of a row: {}",
        outcome.err
    );
    edit(&args.page, "id=\"statement\"", "id=\"report\"");
    edit(&args.page, "operator-name", "user-name");
    let outcome = tried(&args);
    assert!(
        outcome.err.contains("no element matches `table.rows`"),
        "{}",
        outcome.err
    );
    assert!(
        outcome
            .err
            .contains("note: `marks.signed_in` is not on this page"),
        "{}",
        outcome.err
    );
}

#[test]
fn text_of_a_page_cannot_steer_the_terminal() {
    let (_dir, args) = workbench();
    edit(&args.page, "GRACE N.", "\u{1b}[31mGRACE\u{7}");
    assert!(!tried(&args).out.contains(['\u{1b}', '\u{7}']));
}

#[test]
fn wrong_names_and_paths_get_advice() {
    let (dir, good) = workbench();
    let portal = |name: &str| TryArgs {
        portal: name.to_owned(),
        ..good.clone()
    };
    let shown = dir.path().display();
    for (args, exit, message) in [
        (portal("klima"), Exit::Config, format!("error: {shown} has no klima.toml: did you mean `kilima`?\n")),
        (portal("other"), Exit::Config, format!("error: {shown} has no other.toml: write one of `kilima`\n")),
        (
            portal("selectors/kilima.toml"),
            Exit::Config,
            "error: `selectors/kilima.toml` is a path: give the portal's name, `kilima`, and the directory of its file by --selectors\n".into(),
        ),
        (
            TryArgs { selectors: dir.path().join("none"), ..good.clone() },
            Exit::Config,
            format!("error: there is no directory {shown}/none: give the one with the selector files by --selectors\n"),
        ),
        (
            TryArgs { page: dir.path().join("none.html"), ..good.clone() },
            Exit::Failed,
            format!(
                "error: {shown}/none.html: No such file or directory (os error 2): save the page from a browser (Ctrl-S, HTML only) and give that file\n"
            ),
        ),
    ] {
        let outcome = tried(&args);
        assert_eq!((outcome.exit, outcome.err, outcome.out.as_str()), (exit, message, ""));
    }
    edit(&dir.path().join("kilima.toml"), "zone = ", "zoom = ");
    let outcome = tried(&good);
    assert_eq!(outcome.exit, Exit::Config);
    assert!(
        outcome.err.contains("zoom") && outcome.err.contains("kilima.toml:"),
        "{}",
        outcome.err
    );
    fs::write(&good.page, [b'<', 0xff]).unwrap();
    edit(&dir.path().join("kilima.toml"), "zoom = ", "zone = ");
    assert!(tried(&good).err.contains("is not UTF-8"));
}

#[tokio::test(start_paused = true)]
async fn watching_shows_the_page_again_when_the_selector_file_or_the_page_changes() {
    let (dir, args) = workbench();
    let file = dir.path().join("kilima.toml");
    let mut shown = Vec::new();
    let exit = watch(
        &args,
        PLAIN,
        &Clock::Virtual(VirtualClock::starting_at(now())),
        |outcome| {
            shown.push(outcome.exit);
            match shown.len() {
                1 => edit(&file, "Declined = \"declined\"\n", ""),
                2 => edit(&args.page, "<td>Declined</td>", "<td>Completed</td>"),
                3 => fs::remove_file(&args.page).unwrap(),
                _ => return Some(Exit::StdoutClosed),
            }
            None
        },
    )
    .await;
    assert_eq!(exit, Exit::StdoutClosed);
    assert_eq!(shown, [Exit::Ok, Exit::Quarantined, Exit::Ok, Exit::Failed]);
}

#[test]
fn of_a_recording_every_page_of_the_table_is_shown() {
    let args = args("kilima", &root().join("selectors/recordings/kilima/pages"));
    let outcome = tried(&args);
    assert_eq!((outcome.exit, outcome.err.as_str()), (Exit::Ok, ""));
    for part in [
        "== statement-first.html\n",
        "UKKKY2CWBS",
        "== statement-empty.html\nthe page says that it has no rows",
    ] {
        assert!(outcome.out.contains(part), "{part} in {}", outcome.out);
    }
}
