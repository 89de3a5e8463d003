//! A recording while it is made: pages with stand-ins, and what stayed readable. Pure.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::meaning::Meaning;
use super::{FILE, HTML, JSON, Kind, Recording, Step};
use crate::extract::export::{self, Converted, ExportError};
use crate::extract::{self, Document, ExtractError};
use crate::redact::{Place, Redactor};
use crate::selectors::Portal;
use crate::session::Outcome;
use crate::trial::{self, Trial};
use crate::understand::{self, Session};

const CSV: &str = "text/csv; charset=utf-8";

/// An answer that cannot be part of a recording: none that the agent would read.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// A page.
    #[error(transparent)]
    Page(#[from] ExtractError),
    /// An export.
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// Takes answers of a portal one after the other.
#[derive(Debug)]
pub struct Making<'a> {
    portal: &'a Portal,
    redactor: Redactor,
    number: String,
    now: DateTime<Utc>,
    steps: Vec<Step>,
    files: Vec<(String, String)>,
    /// What pages do not say any more, by file, row and field.
    changed: Vec<String>,
}

/// A recording, ready to be written.
#[derive(Debug)]
pub struct Made {
    /// Names and texts; the first is [`FILE`].
    pub files: Vec<(String, String)>,
    /// How many steps it has.
    pub steps: usize,
    /// For a person: what changed, what stayed readable, what is next.
    pub told: String,
}

impl<'a> Making<'a> {
    /// A `key` that is forgotten with this process lets nobody tell who stood there; no time on the pages is after `now`;
    /// `number` is the account's, which becomes a stand-in too.
    #[must_use]
    pub fn new(portal: &'a Portal, key: [u8; 32], now: DateTime<Utc>, number: &str) -> Self {
        let mut redactor = Redactor::new(key, portal).of_account(number);
        Self {
            number: redactor.text(number, Place::Cell),
            redactor,
            portal,
            now,
            steps: Vec::new(),
            files: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// Path and query of a request with stand-ins.
    pub fn address(&mut self, at: &str) -> String {
        self.redactor.address(at, self.portal)
    }

    /// A page; `answers` says to which request, where that is known. Its kind is found by its marks, or given by `is`.
    ///
    /// # Errors
    /// When the page is over the limits.
    pub fn page(
        &mut self,
        html: &str,
        answers: Option<Step>,
        is: Option<Kind>,
    ) -> Result<(), NotMade> {
        let page = extract::parse(html)?;
        let made = self.redactor.page(&page, self.portal);
        let is = is.unwrap_or_else(|| self.kind(&page, answers.as_ref()));
        let file = format!("page-{}.html", self.files.len() + 1);
        self.compare(&file, &page, &made, is == Kind::Table);
        self.steps.push(Step {
            is,
            file: Some(file.clone()),
            ..answers.unwrap_or_else(|| Step::page(is, file.clone()))
        });
        self.files.push((file, made));
        Ok(())
    }

    /// Notes what the stand-ins changed beside what they stand for.
    fn compare(&mut self, file: &str, before: &Document, made: &str, has_rows: bool) {
        let changes = match extract::parse(made) {
            Ok(after) => {
                let before = self.meaning(before, has_rows);
                before.changes(&self.meaning(&after, has_rows))
            }
            Err(_) => vec![": it is over the limits now".to_owned()],
        };
        let changes = changes.iter().map(|change| format!("{file}{change}"));
        self.changed.extend(changes);
    }

    fn meaning(&self, page: &Document, has_rows: bool) -> Meaning {
        let trial = has_rows.then(|| self.trial(page)).flatten();
        Meaning::of(
            understand::session(&self.portal.marks, page),
            trial.as_ref(),
        )
    }

    /// `None` where no rows can be read.
    fn trial(&self, page: &Document) -> Option<Trial> {
        let account = trial::account(self.portal, None);
        Trial::of(self.portal, account, page, self.now).ok()
    }

    fn kind(&self, page: &Document, answers: Option<&Step>) -> Kind {
        let had = |is: Kind| self.steps.iter().any(|step| step.is == is);
        match understand::session(&self.portal.marks, page) {
            Session::SignedOut if !had(Kind::SignIn) => Kind::SignIn,
            Session::Refused(Outcome::OtpRequired)
                if answers.is_some() && had(Kind::SignIn) && !had(Kind::Submitted) =>
            {
                Kind::Submitted
            }
            Session::SignedIn if extract::extract(self.portal, page).is_ok() => Kind::Table,
            Session::SignedIn
                if answers.is_some() && had(Kind::SignIn) && !had(Kind::Submitted) =>
            {
                Kind::Submitted
            }
            Session::SignedIn | Session::SignedOut | Session::Refused(_) | Session::Stranger => {
                Kind::Page
            }
        }
    }

    /// An answer without a text of its own.
    pub fn redirect(&mut self, step: Step) {
        self.steps.push(Step { file: None, ..step });
    }

    /// An answer in JSON.
    pub fn json(&mut self, step: Step, value: &Value) {
        let made = self.redactor.json(value).to_string();
        let content_type = JSON.to_owned();
        self.keep(
            Step {
                content_type,
                ..step
            },
            "json",
            made,
        );
    }

    /// Is it an export that the selector file reads, whatever it is called?
    #[must_use]
    pub fn is_export(&self, bytes: &[u8]) -> bool {
        let read = || {
            let converted = export::convert(self.portal, bytes, None).ok()?;
            let is_page = matches!(converted, Converted::Html(_));
            let page = extract::parse(&converted.into_element()).ok()?;
            let session = understand::session(&self.portal.marks, &page);
            let is_marked = is_page && session != Session::Stranger;
            self.trial(&page).filter(|_| !is_marked)
        };
        self.portal.table.export.is_some() && read().is_some()
    }

    /// The portal's export: as it is where it is text, a workbook as the table that it becomes.
    ///
    /// # Errors
    /// When it is over the limits, or no export.
    pub fn download(&mut self, step: Step, bytes: &[u8]) -> Result<(), NotMade> {
        let table = |bytes: &[u8]| {
            let converted = export::convert(self.portal, bytes, None);
            converted.map(Converted::into_element)
        };
        let before = extract::parse(&table(bytes)?)?;
        let text = export::text(self.portal, bytes)?;
        let (ending, content_type, made) = match &text {
            None => ("html", HTML, self.html(&before)),
            Some(text) if text.trim_start().starts_with('<') => {
                ("html", HTML, self.html(&extract::parse(text)?))
            }
            Some(text) => match serde_json::from_str::<Value>(text) {
                Ok(value @ (Value::Object(_) | Value::Array(_))) => {
                    ("json", JSON, self.redactor.json(&value).to_string())
                }
                Ok(_) | Err(_) => ("csv", CSV, self.redactor.csv(text, self.portal)?),
            },
        };
        let after = table(made.as_bytes()).unwrap_or_default();
        let content_type = content_type.to_owned();
        let is = Kind::Download;
        let step = Step {
            is,
            content_type,
            ..step
        };
        let file = self.keep(step, ending, made);
        self.compare(&file, &before, &after, true);
        Ok(())
    }

    /// An export in HTML, in UTF-8 whatever the portal's is.
    fn html(&mut self, page: &Document) -> String {
        let made = self.redactor.page(page, self.portal);
        format!("\u{feff}{made}")
    }

    fn keep(&mut self, step: Step, ending: &str, made: String) -> String {
        let file = format!("answer-{}.{ending}", self.files.len() + 1);
        self.steps.push(Step {
            file: Some(file.clone()),
            ..step
        });
        self.files.push((file.clone(), made));
        file
    }

    /// Nothing was taken yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The end of it.
    #[must_use]
    pub fn made(mut self) -> Made {
        let recording = Recording {
            recorded: self.now,
            number: self.number,
            zone: None,
            currency: None,
            steps: self.steps,
        };
        let steps = recording.steps.len();
        let told = told(&self.changed, &self.redactor);
        let mut files = vec![(FILE.to_owned(), recording.render())];
        files.append(&mut self.files);
        Made { files, steps, told }
    }
}

fn told(changed: &[String], redactor: &Redactor) -> String {
    let mut text = String::new();
    for change in changed {
        text.push_str(&format!("{change}\n"));
    }
    if !changed.is_empty() {
        text.push_str(
            "Stand-ins changed what these pages say: look at them with `tillwatch portal try`.\n",
        );
    }
    text.push_str(
        "These texts of the pages stayed as they were, beside dates. Is none of them anybody's?\n",
    );
    let is_number = |text: &&String| text.bytes().all(|byte| byte.is_ascii_digit());
    let (numbers, phrases): (Vec<&String>, Vec<&String>) =
        redactor.kept().iter().partition(is_number);
    for phrase in phrases {
        text.push_str(&format!("  {phrase}\n"));
    }
    text.push_str("So did these numbers, which count something:\n");
    text.push_str(&listed(numbers));
    text.push_str("So did these names of which the pages are built: ids, classes, parts of addresses, keys. Is none of them anybody's?\n");
    text.push_str(&listed(redactor.names()));
    text.push_str("Then write down what the pages must give: tillwatch portal test --accept\n");
    text
}

/// On one line.
fn listed<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    let words: Vec<&str> = words.into_iter().map(String::as_str).collect();
    format!("  {}\n", words.join(" "))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::selectors::file;

    fn told(portal: &Portal, html: &str) -> String {
        let now = "2026-11-21T09:03:00Z".parse().unwrap();
        let mut making = Making::new(portal, [7; 32], now, "600123");
        making.page(html, None, Some(Kind::Table)).unwrap();
        making.made().told
    }

    #[test]
    fn a_page_that_is_read_as_before_is_told_by_what_stayed_in_it_alone() {
        let text = include_str!("../../selectors/kilima.toml");
        let portal = file::parse("kilima", "kilima.toml", text).unwrap();
        let html = include_str!("../../selectors/recordings/kilima/pages/statement-first.html");
        let told = told(&portal, html);
        assert!(!told.contains("page-1.html"), "{told}");
        let mut lines = told.lines();
        lines.find(|line| line.starts_with("So did these numbers"));
        let numbers: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
        assert!(numbers.contains(&"72") && numbers.contains(&"20"), "{told}");
    }

    #[test]
    fn a_date_that_is_lost_is_told_by_file_row_and_field() {
        let fields = r#"
transaction_reference = { header = "Receipt No." }
completion_date = { header = "Time", formats = ["%Y%m%d%H%M%S"] }
status = { always = "completed" }
type = { always = "merchantpay" }
amount = { header = "Amount" }
"#;
        let portal = extract::tests::portal("", fields);
        let row = "<td>UKL1<td>20261121100000<td>5";
        let html = format!(
            "<b id=operator>x</b><table><tr><th>Receipt No.<th>Time<th>Amount<tr>{row}</table>"
        );
        let told = told(&portal, &html);
        let warning = "page-1.html, row 1: completion_date is not read as before\n";
        assert!(told.contains(warning), "{told}");
        assert!(
            !told.contains("UKL1") && !told.contains("20261121100000"),
            "{told}"
        );
    }
}
