//! `tillwatch portal record --har`: a browser's network log becomes a recording, files that lie about their kind included.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::BASE64;
use serde_json::{Value, json};

/// A directory with one shipped selector file.
fn bench(portal: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let file = format!("{portal}.toml");
    fs::copy(shipped().join(&file), dir.path().join(file)).unwrap();
    dir
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("selectors")
}

/// An answer in a network log, as browsers write what is no text.
fn answered(url: &str, kind: &str, body: &[u8]) -> Value {
    json!({
        "request": { "method": "GET", "url": url },
        "response": { "status": 200, "redirectURL": "", "content": {
            "mimeType": kind, "text": BASE64.encode(body), "encoding": "base64",
        }},
    })
}

fn tillwatch(dir: &Path, words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
    let done = command
        .args(words)
        .arg("--selectors")
        .arg(dir)
        .output()
        .unwrap();
    let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
    assert!(done.status.success(), "{said}");
    said
}

/// Records a log of the shipped recording's own files, and gives the new recording's directory.
fn recorded(dir: &Path, portal: &str, origin: &str, answers: &[(&str, &str, &str)]) -> PathBuf {
    let files = shipped().join("recordings").join(portal);
    let mut entries: Vec<Value> = answers
        .iter()
        .map(|(file, at, kind)| {
            let body = fs::read(files.join(file)).unwrap();
            answered(&format!("{origin}{at}"), kind, &body)
        })
        .collect();
    let script = b"Amina,Otieno\n1,2\n";
    entries.push(answered(
        &format!("{origin}/app.js"),
        "text/javascript",
        script,
    ));
    entries.push(answered("https://elsewhere.example/", "text/html", b"<p>"));
    let har = dir.join("log.har");
    fs::write(&har, json!({ "log": { "entries": entries } }).to_string()).unwrap();
    let har = har.to_str().unwrap();
    tillwatch(
        dir,
        &["portal", "record", portal, "--name", "log", "--har", har],
    );
    tillwatch(dir, &["portal", "test", portal, "--accept"]);
    dir.join("recordings").join(portal).join("log")
}

/// The rows of `own` are those of the shipped `file`, and nobody of theirs is in it.
fn same_rows_of_others(own: &Path, answer: &str, shipped_as: &Path) {
    let read = |path: &Path| -> Vec<Value> {
        let all: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        all["payments"].as_array().unwrap().clone()
    };
    let made = read(&own.join(format!("{answer}.expected.json")));
    let before = read(shipped_as);
    assert_eq!(made.len(), before.len());
    let texts = fs::read_dir(own).unwrap();
    let texts = texts.map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let everything = String::from_utf8_lossy(&texts.collect::<Vec<_>>().concat()).into_owned();
    for (made, before) in made.iter().zip(&before) {
        for key in ["transactionStatus", "type", "completionDate"] {
            assert_eq!(made[key], before[key]);
        }
        for key in ["transactionReference", "payerName"] {
            if let Some(own) = before[key].as_str() {
                assert!(!everything.contains(own), "{own}");
            }
        }
    }
}

#[test]
fn a_workbook_in_a_network_log_becomes_its_table() {
    let dir = bench("orange-cm");
    let own = recorded(
        dir.path(),
        "orange-cm",
        "https://om.orange-cm.example",
        &[
            ("pages/login.html", "/login", "text/html"),
            ("pages/transactions.html", "/transactions", "text/html"),
            (
                "pages/report.xls",
                "/report.xls",
                "application/vnd.ms-excel",
            ),
        ],
    );
    let steps = fs::read_to_string(own.join("recording.toml")).unwrap();
    assert_eq!(steps.matches("[[step]]").count(), 3, "{steps}");
    assert!(steps.contains("is = \"download\"\nfile = \"answer-3.html\""));
    let before = shipped().join("recordings/orange-cm/pages/report.expected.json");
    same_rows_of_others(&own, "answer-3", &before);
}

#[test]
fn a_csv_that_is_called_a_workbook_stays_a_csv() {
    let dir = bench("wimbi");
    let own = recorded(
        dir.path(),
        "wimbi",
        "https://business.wimbi.example",
        &[
            ("statement/login.html", "/", "text/html"),
            ("statement/payments.html", "/payments", "text/html"),
            (
                "statement/export.csv",
                "/export?lang=en",
                "application/vnd.ms-excel",
            ),
        ],
    );
    let steps = fs::read_to_string(own.join("recording.toml")).unwrap();
    assert!(
        steps.contains("is = \"download\"\nfile = \"answer-3.csv\""),
        "{steps}"
    );
    let before = shipped().join("recordings/wimbi/statement/export.expected.json");
    same_rows_of_others(&own, "answer-3", &before);
}
