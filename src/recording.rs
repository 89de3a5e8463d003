//! A recording: pages of a portal as they were served, and what they must give. Parsed and written here. Pure.
//!
//! On disk it is a directory, `selectors/recordings/<portal>/<name>/`: `recording.toml`, the files that it names, and beside
//! each file that is judged `<file>.expected.json` (see [`expected_name`]). Names, numbers and tokens in it are stand-ins.
//!
//! ```toml
//! format = 1
//! recorded = "2026-11-21T09:03:00Z"   # no time on its pages is later; a replay takes place at this instant
//! number = "600123"                   # of the account: part of every id
//! # zone, currency: optional, where the account has others than the selector file
//!
//! [[step]]                            # in the order in which they happened
//! is = "sign-in"                      # see `Kind`
//! file = "login.html"                 # what was answered; a redirect may have none
//! at = "/login"                       # optional: path and query. With it, a replay answers this request with the file
//! method = "GET"                      # optional
//! status = 200                        # optional
//! content_type = "text/html; charset=utf-8"  # optional
//! location = "/home"                  # optional: where a redirect leads, path and query
//! ```

mod compare;
mod making;
mod meaning;
mod replay;

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

pub use compare::{Difference, differences};
pub use making::{Made, Making, NotMade};
pub use replay::Replay;

use crate::diagnostic::Diagnostics;
use crate::diagnostic::table::{Table, Value as TomlValue, Wrong, read, wrong};
use crate::extract;
use crate::selectors::{Portal, file::value};
use crate::trial::{self, Trial, session_word};
use crate::understand;

/// The newest format that this program reads.
pub const FORMAT: u64 = 1;
/// Its file of steps.
pub const FILE: &str = "recording.toml";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// Pages of one portal, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// No time on its pages is later.
    pub recorded: DateTime<Utc>,
    /// The account's number, a stand-in.
    pub number: String,
    /// The account's zone, where it is not the selector file's.
    pub zone: Option<Tz>,
    /// The account's currency, where it is not the selector file's.
    pub currency: Option<String>,
    /// At least one.
    pub steps: Vec<Step>,
}

/// An answer of the portal, or a page as it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is.
    pub is: Kind,
    /// Name of its file, in the recording's directory.
    pub file: Option<String>,
    /// Path and query of the request that it answers; `None` for a page as it stood after scripts and clicks.
    pub at: Option<String>,
    /// Of the request.
    pub method: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Of the answer.
    pub content_type: String,
    /// Where it redirects to: path and query.
    pub location: Option<String>,
}

/// What a step is, and so what is judged of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The page with the form: its session.
    SignIn,
    /// What came after the form was sent: its session.
    Submitted,
    /// A page of the table: its session and its rows.
    Table,
    /// A file with rows that was fetched: its rows.
    Download,
    /// Any other page: its session.
    Page,
    /// What a page loads (script, frame, request): served in a replay, not judged.
    Request,
}

impl Kind {
    /// Every kind, with its word in files.
    pub const WORDS: [(&str, Kind); 6] = [
        ("sign-in", Kind::SignIn),
        ("submitted", Kind::Submitted),
        ("table", Kind::Table),
        ("download", Kind::Download),
        ("page", Kind::Page),
        ("request", Kind::Request),
    ];

    fn word(self) -> &'static str {
        let mut words = Self::WORDS.into_iter();
        words
            .find(|(_, kind)| *kind == self)
            .map_or("page", |(word, _)| word)
    }
}

impl Step {
    /// A page that was not asked for by an address.
    #[must_use]
    pub fn page(is: Kind, file: String) -> Self {
        Self {
            is,
            file: Some(file),
            at: None,
            method: "GET".to_owned(),
            status: 200,
            content_type: HTML.to_owned(),
            location: None,
        }
    }

    /// Its file, where what is in it is held against an expectation.
    #[must_use]
    pub fn judged(&self) -> Option<&str> {
        match self.is {
            Kind::SignIn | Kind::Submitted | Kind::Table | Kind::Download | Kind::Page => {
                self.file.as_deref()
            }
            Kind::Request => None,
        }
    }

    /// Is it the answer to something that was sent, and no export?
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.at.is_some() && self.method == "POST" && self.is != Kind::Download
    }

    /// Is it the answer to a form? A script that sends something is answered in JSON.
    #[must_use]
    pub fn is_sent_form(&self) -> bool {
        self.is_sent() && self.content_type != JSON
    }

    /// Does it hold rows?
    #[must_use]
    pub fn has_rows(&self) -> bool {
        match self.is {
            Kind::Table | Kind::Download => true,
            Kind::SignIn | Kind::Submitted | Kind::Page | Kind::Request => false,
        }
    }
}

/// Name of the file with what `file` must give: its ending replaced by `.expected.json`.
#[must_use]
pub fn expected_name(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    format!("{stem}.expected.json")
}

/// Reads `recording.toml`; `path` is for messages.
///
/// # Errors
/// Everything wrong with it.
pub fn parse(path: &str, text: &str) -> Result<Recording, Diagnostics> {
    read(path, text, recording)
}

fn recording(file: &Table<'_>) -> Option<Recording> {
    let format = file.need("format", "1", |format| format.whole(1..=FORMAT));
    let recorded = file.need("recorded", "\"2026-11-21T09:03:00Z\"", |text| {
        text.parse(instant)
    });
    let number = file.need("number", "\"600123\"", |text| {
        text.text().map(str::to_owned)
    });
    let zone = file.optional("zone", "\"Africa/Nairobi\"", |text| text.parse(value::zone));
    let currency = file.optional("currency", "\"KES\"", |text| text.parse(value::currency));
    let steps = file.need(
        "step",
        "[{ is = \"table\", file = \"page.html\" }]",
        |list| list.list(|step| step.table(step_keys)),
    );
    format?;
    Some(Recording {
        recorded: recorded?,
        number: number?,
        zone,
        currency,
        steps: steps?,
    })
}

fn step_keys(step: &Table<'_>) -> Option<Step> {
    let is = step.need("is", "\"table\"", |word| word.word(Kind::WORDS));
    let text = |value: &TomlValue<'_>| value.text().map(str::to_owned);
    let file = step.optional("file", "\"page.html\"", |name| name.parse(file_name));
    let at = step.optional("at", "\"/statement\"", |path| path.parse(value::path));
    let method = step.optional("method", "\"POST\"", |word| {
        word.word([("GET", "GET"), ("POST", "POST")])
    });
    let status = step.optional("status", "200", |status| status.whole(100..=599));
    let content_type = step.optional("content_type", "\"text/html\"", text);
    let location = step.optional("location", "\"/home\"", |path| path.parse(value::path));
    if !step.has("file") && !step.has("location") {
        step.wrong(
            "a step without `file` answers with nothing",
            "add `file`, or `location` for a redirect",
        );
    }
    Some(Step {
        is: is?,
        file,
        at,
        method: method.unwrap_or("GET").to_owned(),
        status: u16::try_from(status.unwrap_or(200)).ok()?,
        content_type: content_type.unwrap_or_else(|| HTML.to_owned()),
        location,
    })
}

fn instant(text: &str) -> Result<DateTime<Utc>, Wrong> {
    let read = DateTime::parse_from_rfc3339(text);
    read.map(|at| at.to_utc())
        .map_err(|_| wrong("is no instant", "write such as `2026-11-21T09:03:00Z`"))
}

/// A file of the recording's own directory.
fn file_name(text: &str) -> Result<String, Wrong> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if text.bytes().all(plain) && !text.starts_with('.') {
        Ok(text.to_owned())
    } else {
        Err(wrong(
            "is no name of a file beside this one",
            "write letters, digits, `-`, `_` and `.` only, such as `page-1.html`",
        ))
    }
}

impl Recording {
    /// As `recording.toml`.
    #[must_use]
    pub fn render(&self) -> String {
        let at = self.recorded.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut text = format!(
            "format = {FORMAT}\nrecorded = \"{at}\"\nnumber = {}\n",
            quoted(&self.number)
        );
        if let Some(zone) = self.zone {
            let _ = writeln!(text, "zone = \"{}\"", zone.name());
        }
        if let Some(currency) = &self.currency {
            let _ = writeln!(text, "currency = \"{currency}\"");
        }
        for step in &self.steps {
            let _ = write!(text, "\n[[step]]\nis = \"{}\"\n", step.is.word());
            let keys = [
                ("file", step.file.as_deref()),
                ("at", step.at.as_deref()),
                ("method", (step.method != "GET").then_some(&*step.method)),
                ("location", step.location.as_deref()),
            ];
            for (key, value) in keys {
                if let Some(value) = value {
                    let _ = writeln!(text, "{key} = {}", quoted(value));
                }
            }
            if step.status != 200 {
                let _ = writeln!(text, "status = {}", step.status);
            }
            if step.content_type != HTML {
                let _ = writeln!(text, "content_type = {}", quoted(&step.content_type));
            }
        }
        text
    }

    /// What the file of `step` gives, read by `portal`: `session`, and for rows what `portal try --json` prints, or `error`.
    #[must_use]
    pub fn found(&self, portal: &Portal, step: &Step, html: &str) -> Map<String, Value> {
        let mut portal = portal.clone();
        portal.zone = self.zone.unwrap_or(portal.zone);
        portal.currency = self.currency.clone().unwrap_or(portal.currency);
        let mut found = Map::new();
        let page = match extract::parse(html) {
            Ok(page) => page,
            Err(error) => {
                found.insert("error".to_owned(), json!(error.to_string()));
                return found;
            }
        };
        let is_page = step.is != Kind::Download;
        let session = understand::session(&portal.marks, &page);
        if is_page {
            found.insert("session".to_owned(), json!(session_word(session)));
        }
        if step.has_rows() && (!is_page || session == understand::Session::SignedIn) {
            let account = trial::account(&portal, Some(&self.number));
            match Trial::of(&portal, account, &page, self.recorded) {
                Ok(trial) => found.extend(trial.json(true)),
                Err(error) => {
                    found.insert("error".to_owned(), json!(error.to_string()));
                }
            }
        }
        found
    }
}

/// A TOML string: JSON's escapes are among TOML's.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// As JSON that people can read over: each row on a line of its own.
#[must_use]
pub fn readable(found: &Map<String, Value>) -> String {
    let lines = found.iter().map(|(key, value)| match value {
        Value::Array(rows) if !rows.is_empty() => {
            let rows: Vec<String> = rows.iter().map(|row| format!("    {row}")).collect();
            format!("  \"{key}\": [\n{}\n  ]", rows.join(",\n"))
        }
        other => format!("  \"{key}\": {other}"),
    });
    format!("{{\n{}\n}}\n", lines.collect::<Vec<_>>().join(",\n"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn a_recording_that_is_written_is_the_one_that_is_read() {
        let redirect = Step {
            method: "POST".to_owned(),
            at: Some("/login?a=\"b\"".to_owned()),
            status: 302,
            location: Some("/home".to_owned()),
            file: None,
            ..Step::page(Kind::Submitted, String::new())
        };
        let recording = Recording {
            recorded: "2026-11-21T09:03:00Z".parse().unwrap(),
            number: "600123".to_owned(),
            zone: Some(Tz::Africa__Kampala),
            currency: Some("UGX".to_owned()),
            steps: vec![
                redirect,
                Step::page(Kind::Table, "page-1.html".to_owned()),
                Step {
                    content_type: "text/csv".to_owned(),
                    ..Step::page(Kind::Download, "rows.csv".to_owned())
                },
            ],
        };
        assert_eq!(
            parse("recording.toml", &recording.render()).unwrap(),
            recording
        );
    }

    #[test]
    fn a_file_stays_within_its_directory_and_a_step_answers_something() {
        let text = "format = 1\nrecorded = \"today\"\nnumber = \"1\"\n[[step]]\nis = \"table\"\nfile = \"../x.html\"\n[[step]]\nis = \"page\"\n";
        let told = parse("recording.toml", text).unwrap_err().to_string();
        for part in [
            "is no instant",
            "is no name of a file",
            "answers with nothing",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
    }
}
