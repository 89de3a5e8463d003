//! `tillwatch portal new`, measured: how many fields of the known portals it gets right without knowing any of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tillwatch::extract::{self, Document, Row};
use tillwatch::propose::{Origin, Proposal, propose};
use tillwatch::recording;
use tillwatch::selectors::{Field, Portal, file};
use tillwatch::trial::{Trial, account};

/// A file that is right, and a page with payments.
struct Known {
    name: String,
    portal: Portal,
    page: Document,
    shown: PathBuf,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn portal(path: &Path) -> (String, Portal) {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap();
    let portal = file::parse(&name, &name, &text).unwrap();
    (name, portal)
}

fn page(path: &Path) -> Document {
    extract::parse(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The page with most rows of each portal in `selectors/` and under `tests/fixtures`.
fn known() -> Vec<Known> {
    let mut found = Vec::new();
    let mut add = |file: &Path, pages: Vec<PathBuf>| {
        let (name, portal) = portal(file);
        let rows = |path: &PathBuf| {
            let read = Trial::of(&portal, account(&portal, None), &page(path), now());
            read.map_or(0, |trial| trial.extracted.rows.len())
        };
        let best = pages.into_iter().max_by_key(|path| rows(path)).unwrap();
        let page = page(&best);
        found.push(Known {
            name,
            portal,
            page,
            shown: best,
        });
    };
    for file in listed(&root().join("selectors"), "toml") {
        let dir = root()
            .join("selectors/recordings")
            .join(file.file_stem().unwrap());
        let pages = fs::read_dir(dir).unwrap().flat_map(|one| {
            let dir = one.unwrap().path();
            let text = fs::read_to_string(dir.join(recording::FILE)).unwrap();
            let recording = recording::parse("recording.toml", &text).unwrap();
            let steps = recording
                .steps
                .into_iter()
                .filter(|step| step.is == recording::Kind::Table);
            let files: Vec<PathBuf> = steps
                .filter_map(|step| Some(dir.join(step.file?)))
                .filter(|page| has_table(page))
                .collect();
            files
        });
        let pages: Vec<PathBuf> = pages.collect();
        if !pages.is_empty() {
            add(&file, pages);
        }
    }
    for name in ["phpliteadmin", "signed"] {
        let dir = root().join("tests/fixtures").join(name);
        add(&dir.join(format!("{name}.toml")), listed(&dir, "html"));
    }
    found
}

/// Some recorded pages stand in place of the table.
fn has_table(page: &Path) -> bool {
    let expected = fs::read_to_string(page.with_extension("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    expected.get("error").is_none()
}

fn listed(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|own| own == ending))
        .collect();
    files.sort();
    files
}

fn now() -> DateTime<Utc> {
    "2027-01-01T00:00:00Z".parse().unwrap()
}

/// What is read for each field: by column and capture, and, by the payments, what it was understood as.
fn read(portal: &Portal, page: &Document) -> Option<(Vec<Row>, BTreeMap<String, Value>)> {
    let trial = Trial::of(portal, account(portal, None), page, now()).ok()?;
    let rows = trial.extracted.rows.clone();
    let json = trial.json(false);
    let payments = json["payments"].as_array()?.iter();
    let payments = payments.map(|payment| (payment["row"].to_string(), payment.clone()));
    Some((rows, payments.collect()))
}

/// The text that a field keeps of each row: its whole cell where the file keeps words.
fn kept(portal: &Portal, field: Field, rows: &[Row]) -> Vec<Option<String>> {
    let source = portal.fields.sources.get(&field);
    let texts = rows.iter().map(|row| {
        let text = &row.fields.get(&field)?.text;
        let text = match source.and_then(|source| source.capture.as_ref()) {
            Some(regex) => {
                let found = regex.captures(text)?;
                found
                    .get(1)
                    .or_else(|| found.get(0))?
                    .as_str()
                    .trim()
                    .to_owned()
            }
            None => text.clone(),
        };
        Some(text).filter(|text| !text.is_empty() && !portal.fields.blank.contains(text))
    });
    texts.collect()
}

/// The keys of a payment that show how the text of a field was understood.
fn understood(field: Field) -> &'static [&'static str] {
    match field {
        Field::CompletionDate => &["completionDate"],
        Field::CreationDate => &["creationDate"],
        Field::Amount | Field::Credit | Field::Debit => &["amount", "direction"],
        Field::BalanceAfter => &["balanceAfter"],
        Field::Status => &["transactionStatus"],
        Field::Direction => &["direction"],
        Field::Type => &["type"],
        Field::Kind => &["kind"],
        _other => &[],
    }
}

/// Fields of the right file that the proposal reads alike in every row, and what it gets wrong.
fn score(known: &Known) -> (usize, usize, Vec<&'static str>) {
    let proposal = propose(&known.name, &known.page, &Origin::default()).unwrap();
    let name = format!("{}: {}", known.name, proposal.text);
    let mut proposed = file::parse(&known.name, "proposal", &proposal.text)
        .unwrap_or_else(|wrong| panic!("what is proposed does not pass `check`: {wrong}\n{name}"));
    // Zone and currency are asked for, not read off the table.
    proposed.zone = known.portal.zone;
    proposed.currency.clone_from(&known.portal.currency);
    let (rows, payments) = read(&known.portal, &known.page).unwrap();
    let (own_rows, own_payments) =
        read(&proposed, &known.page).unwrap_or_else(|| panic!("nothing is read: {name}"));
    let right = |field: Field| {
        rows.len() == own_rows.len()
            && kept(&known.portal, field, &rows) == kept(&proposed, field, &own_rows)
            && payments.iter().all(|(row, payment)| {
                let own = own_payments.get(row).unwrap_or(&Value::Null);
                understood(field)
                    .iter()
                    .all(|key| payment.get(key) == own.get(key))
            })
    };
    let fields = Field::ALL.into_iter().filter(|field| {
        known.portal.fields.sources.contains_key(field)
            || proposed.fields.sources.contains_key(field)
    });
    let fields: Vec<Field> = fields.collect();
    let wrong = fields
        .iter()
        .filter(|field| !right(**field))
        .map(|field| field.as_str());
    let wrong: Vec<&'static str> = wrong.collect();
    (fields.len() - wrong.len(), fields.len(), wrong)
}

/// Right: the same text in every row, understood as the same. A field too many counts as a wrong one.
#[test]
fn nine_of_ten_fields_of_the_known_portals_are_right_unedited() {
    let (mut right, mut all) = (0, 0);
    for known in known() {
        let (own, of, wrong) = score(&known);
        let page = known.shown.strip_prefix(root()).unwrap().display();
        println!(
            "{}: {own} of {of} fields right{}{} ({page})",
            known.name,
            if wrong.is_empty() { "" } else { ", wrong: " },
            wrong.join(", ")
        );
        right += own;
        all += of;
    }
    println!(
        "all: {right} of {all} fields right, {} %",
        right * 100 / all
    );
    assert!(right * 10 >= all * 9, "{right} of {all}");
}

#[test]
fn every_guess_says_why_and_what_is_open_is_told() {
    let page = page(&root().join("selectors/recordings/kilima/pages/statement-first.html"));
    let proposal = propose("mine", &page, &Origin::default()).unwrap();
    let mut reason = false;
    for line in proposal
        .text
        .lines()
        .skip_while(|line| !line.starts_with("operator"))
    {
        let is_key = line
            .split_once(" = ")
            .is_some_and(|(key, _)| !line.starts_with([' ', '#']) && !key.is_empty());
        assert!(
            !is_key || reason || line.starts_with("operator"),
            "no reason for {line}"
        );
        reason = line.starts_with("# guessed: ") || line.starts_with("# check: ");
    }
    assert!(
        proposal.open.iter().any(|open| open.starts_with("empty: ")),
        "{:?}",
        proposal.open
    );
}

#[test]
fn a_page_without_payments_gives_no_file() {
    let page = page(&root().join("selectors/recordings/kilima/pages/login.html"));
    let told = propose("mine", &page, &Origin::default())
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("no row of the page has both a date with a time and an amount"),
        "{told}"
    );
}

/// A page with payments of these customers and amounts, and rows below them.
fn statement(paid: &[(&str, &str)], below: &str) -> String {
    let rows = paid.iter().enumerate().map(|(at, (who, amount))| {
        let at = 59 - at;
        format!("<tr><td>{who}<td>12-11-2026 10:{at}<td>Completed<td>{amount}<td>UKL{at}XK20</tr>")
    });
    let rows: String = rows.collect();
    format!(
        "<table id=paid><tr><th>Customer<th>Completion Time<th>Status<th>Amount<th>Receipt No.</tr>{rows}{below}</table>"
    )
}

/// What is proposed for a page, and the file that it is.
fn proposed(html: &str) -> (Proposal, Portal) {
    let page = extract::parse(html).unwrap();
    let proposal = propose("mine", &page, &Origin::default()).unwrap();
    let portal = file::parse("mine", "mine.toml", &proposal.text);
    let portal = portal.unwrap_or_else(|wrong| panic!("{wrong}\n{}", proposal.text));
    (proposal, portal)
}

#[test]
fn a_row_of_totals_is_skipped_and_a_payment_that_begins_like_it_is_not() {
    let paid = [("JANE D.", "500.00"), ("AMINA W.", "1,250.00")];
    let total = |sum: &str| format!("<tr><td>Total<td><td><td>{sum}<td></tr>");
    let (proposal, portal) = proposed(&statement(&paid, &total("1,750.00")));
    assert_eq!(portal.table.skip.len(), 1, "{}", proposal.text);
    let open = proposal.open.iter().find(|open| open.starts_with("skip: "));
    assert!(open.is_some(), "{:?}", proposal.open);
    let later = [
        ("Total Kenya", "500.00"),
        ("Total", "20.00"),
        ("JANE D.", "70.00"),
    ];
    let page = extract::parse(&statement(&later, &total("590.00"))).unwrap();
    let trial = Trial::of(&portal, account(&portal, None), &page, now()).unwrap();
    let names: Vec<&str> = trial
        .understood()
        .filter_map(|(_, read)| read.payment.payer_name.as_deref())
        .collect();
    assert_eq!(names, ["Total Kenya", "Total", "JANE D."]);
    assert_eq!(trial.put_aside().count(), 0);
}

#[test]
fn marks_of_amounts_are_to_be_checked_where_no_amount_shows_that_of_decimals() {
    let of = |amounts: &[&str]| {
        let paid: Vec<(&str, &str)> = amounts.iter().map(|amount| ("JANE D.", *amount)).collect();
        let (proposal, _) = proposed(&statement(&paid, ""));
        let open = proposal.open.into_iter();
        open.filter(|open| open.starts_with("decimal: ")).collect()
    };
    for shown in [["500.00", "250"], ["1,500.50", "20"], ["1 500", "12,50"]] {
        let open: Vec<String> = of(&shown);
        assert!(open.is_empty(), "{open:?}");
    }
    for (amounts, example) in [
        (["500", "250"], "1.500 is 1.5"),
        (["1,500", "20"], "1.500 is 1.5"),
        (["1.500", "20"], "1,500 is 1.5"),
    ] {
        let open: Vec<String> = of(&amounts);
        let [open] = &open[..] else {
            panic!("{open:?}")
        };
        let why = "no amount on the page has decimals";
        assert!(open.contains(why) && open.contains(example), "{open}");
    }
}

#[test]
fn a_saved_page_is_read_in_the_encoding_that_it_names() {
    let page = statement(&[("JANE D.", "500.00")], "").replace("Receipt No.", "Reçu");
    let dir = tempfile::tempdir().unwrap();
    let saved = dir.path().join("mine.html");
    let new = |html: &str| {
        let bytes = html.chars().map(|c| u8::try_from(c).unwrap());
        fs::write(&saved, bytes.collect::<Vec<u8>>()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
        let done = command.args(["portal", "new"]).arg(&saved).output();
        let done = done.unwrap();
        let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        (done.status.success(), said)
    };
    let (is_good, said) = new(&format!("<meta charset=windows-1252>{page}"));
    assert!(is_good && said.contains("header = \"Reçu\""), "{said}");
    let (is_good, said) = new(&page);
    assert!(
        !is_good && said.contains("the page is not UTF-8, which is assumed"),
        "{said}"
    );
}
