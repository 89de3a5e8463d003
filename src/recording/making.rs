//! A recording while it is made: pages with stand-ins, and what stayed readable. Pure.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{FILE, Kind, Recording, Step};
use crate::extract::{self, Document, ExtractError};
use crate::redact::{Place, Redactor};
use crate::selectors::Portal;
use crate::trial::{self, Trial};
use crate::understand::{self, Session};

/// Takes answers of a portal one after the other.
#[derive(Debug)]
pub struct Making<'a> {
    portal: &'a Portal,
    redactor: Redactor,
    number: String,
    now: DateTime<Utc>,
    steps: Vec<Step>,
    files: Vec<(String, String)>,
    /// Pages whose rows were not the same afterwards.
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
    /// When the page is over the limits: it is none that the agent would read.
    pub fn page(
        &mut self,
        html: &str,
        answers: Option<Step>,
        is: Option<Kind>,
    ) -> Result<(), ExtractError> {
        let page = extract::parse(html)?;
        let made = self.redactor.page(&page, self.portal);
        let is = is.unwrap_or_else(|| self.kind(&page, answers.as_ref()));
        let file = format!("page-{}.html", self.files.len() + 1);
        if is == Kind::Table {
            let rows = |page: &Document| {
                let account = trial::account(self.portal, None);
                let trial = Trial::of(self.portal, account, page, self.now);
                trial.map(|trial| trial.understood().count())
            };
            if rows(&page).ok() != extract::parse(&made).ok().and_then(|page| rows(&page).ok()) {
                self.changed.push(file.clone());
            }
        }
        self.steps.push(Step {
            is,
            file: Some(file.clone()),
            ..answers.unwrap_or_else(|| Step::page(is, file.clone()))
        });
        self.files.push((file, made));
        Ok(())
    }

    fn kind(&self, page: &Document, answers: Option<&Step>) -> Kind {
        let had = |is: Kind| self.steps.iter().any(|step| step.is == is);
        match understand::session(&self.portal.marks, page) {
            Session::SignedOut if !had(Kind::SignIn) => Kind::SignIn,
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
        self.keep(step, "json", made);
    }

    /// A file in CSV.
    pub fn csv(&mut self, step: Step, text: &str) {
        let made = self.redactor.table(text);
        let is = Kind::Download;
        self.keep(Step { is, ..step }, "csv", made);
    }

    fn keep(&mut self, step: Step, ending: &str, made: String) {
        let file = format!("answer-{}.{ending}", self.files.len() + 1);
        self.steps.push(Step {
            file: Some(file.clone()),
            ..step
        });
        self.files.push((file, made));
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
    for file in changed {
        text.push_str(&format!("{file}: other rows are understood than before: look at it with `tillwatch portal try`\n"));
    }
    text.push_str("These texts of the pages stayed as they were, beside dates and small numbers. Is none of them anybody's?\n");
    for phrase in redactor.kept() {
        text.push_str(&format!("  {phrase}\n"));
    }
    text.push_str("So did these names of which the pages are built: ids, classes, parts of addresses, keys. Is none of them anybody's?\n");
    let names: Vec<&str> = redactor.names().iter().map(String::as_str).collect();
    text.push_str(&format!("  {}\n", names.join(" ")));
    text.push_str("Then write down what the pages must give: tillwatch portal test --accept\n");
    text
}
