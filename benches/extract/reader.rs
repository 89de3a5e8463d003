//! The readers of one page: tillwatch in a process of this binary, and the scripts beside it, all asked in the same way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use tillwatch::selectors::{Portal, file};
use tillwatch::understand::{self, Understood};
use tillwatch::{extract, trial};

/// Who reads.
#[derive(Clone, Copy, PartialEq)]
pub enum Reader {
    /// tillwatch, up to the text of each cell: what the scripts do.
    Cells,
    /// tillwatch, up to payments: marks, amounts, dates, words and ids too.
    Payments,
    /// A script of this directory.
    Script(&'static str),
}

/// What a reader says after reading a page some times.
pub struct Told {
    pub records: usize,
    pub fastest_s: f64,
    pub peak_mib: f64,
}

impl Reader {
    pub const ALL: [Reader; 6] = [
        Reader::Cells,
        Reader::Payments,
        Reader::Script("selectolax"),
        Reader::Script("lxml"),
        Reader::Script("pandas"),
        Reader::Script("bs4"),
    ];

    pub fn name(self) -> &'static str {
        match self {
            Reader::Cells => "tillwatch, cells",
            Reader::Payments => "tillwatch, payments",
            Reader::Script("bs4") => "BeautifulSoup",
            Reader::Script("pandas") => "pandas.read_html",
            Reader::Script(name) => name,
        }
    }

    /// A digest of the records; of tillwatch's payments those are the cells that they were read from.
    pub fn verify(self, page: &Path) -> String {
        self.ask(page, 0).trim().to_owned()
    }

    /// Reads the page so many times in one process.
    pub fn time(self, page: &Path, times: usize) -> Told {
        let told = self.ask(page, times);
        let words: Vec<&str> = told.split_whitespace().collect();
        let [records, fastest_s, peak_kib] = words[..] else {
            panic!("{}: {told}", self.name());
        };
        Told {
            records: records.parse().unwrap(),
            fastest_s: fastest_s.parse().unwrap(),
            peak_mib: peak_kib.parse::<f64>().unwrap() / 1024.0,
        }
    }

    /// To read a page no times is to tell the digest of its records.
    fn ask(self, page: &Path, times: usize) -> String {
        let mut command = match self {
            Reader::Cells => own("cells"),
            Reader::Payments => own("payments"),
            Reader::Script(name) => {
                let mut command = Command::new(python());
                command.arg(format!("benches/extract/read_{name}.py"));
                command
            }
        };
        command.arg("--page").arg(page);
        command.arg("--times").arg(times.to_string());
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {error}", self.name());
        String::from_utf8(output.stdout).unwrap()
    }
}

fn own(what: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--bench", "--read", what]);
    command
}

fn environment() -> PathBuf {
    Path::new("target").join("extract-venv")
}

fn python() -> PathBuf {
    environment().join("bin/python")
}

/// Makes the scripts' environment, and brings it to what `requirements.txt` asks for.
pub fn install_scripts() {
    let run = |program: &Path, words: &[&str]| {
        let status = Command::new(program).args(words).status().unwrap();
        assert!(status.success(), "{} {words:?}", program.display());
    };
    if !python().exists() {
        let directory = environment();
        let words = ["-m", "venv", directory.to_str().unwrap()];
        run(Path::new("python3"), &words);
    }
    let requirements = "benches/extract/requirements.txt";
    run(
        &python(),
        &["-m", "pip", "install", "-q", "-r", requirements],
    );
}

/// This process is a reader of `what`: cells or payments.
pub fn serve(what: &str, page: &Path, times: usize) {
    let text = include_str!("../../selectors/huawei-ke-org.toml");
    let portal = file::parse("huawei-ke-org", "huawei-ke-org.toml", text).unwrap();
    let html = fs::read_to_string(page).unwrap();
    let read = match what {
        "payments" => payments,
        _ => cells,
    };
    if times == 0 {
        let (headers, _) = cells(&portal, &html);
        println!("{}", digest(&headers, &read(&portal, &html).1));
        return;
    }
    let mut records = 0;
    let mut fastest_s = f64::INFINITY;
    for _ in 0..times {
        let begun = Instant::now();
        records = read(&portal, &html).1.len();
        fastest_s = fastest_s.min(begun.elapsed().as_secs_f64());
    }
    println!("{records} {fastest_s} {}", peak_kib());
}

/// Headers and, for each row, the text of each cell.
fn cells(portal: &Portal, html: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let page = extract::parse(html).unwrap();
    let extracted = extract::extract(portal, &page).unwrap();
    let rows = extracted.rows.into_iter().map(|row| row.cells).collect();
    (extracted.headers, rows)
}

/// No headers and, for each row, the cells that its payment was read from.
fn payments(portal: &Portal, html: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let account = trial::account(portal, Some("600123"));
    let now: DateTime<Utc> = "2026-12-01T00:00:00Z".parse().unwrap();
    let Understood::Table(page) = understand::table_page(portal, &account, html, now).unwrap()
    else {
        panic!("not signed in");
    };
    let rows = page.rows.into_iter().map(|row| {
        let payment = row.meaning.unwrap().payment;
        assert_eq!(payment.reference.as_ref(), row.cells.first());
        row.cells
    });
    (Vec::new(), rows.collect())
}

/// As `digest` in `records.py`.
fn digest(headers: &[String], rows: &[Vec<String>]) -> String {
    let lines = rows.iter().map(|row| {
        let pairs = headers.iter().zip(row);
        let pairs = pairs.map(|(header, text)| format!("{header}={text}"));
        pairs.collect::<Vec<_>>().join("\u{1f}")
    });
    let digest = Sha256::digest(lines.collect::<Vec<_>>().join("\n"));
    data_encoding::HEXLOWER.encode(&digest)
}

fn peak_kib() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1))
        .unwrap()
        .to_owned()
}
