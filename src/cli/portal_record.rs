//! `tillwatch portal record`: a recording from pages saved by hand or from a browser's HAR file, everybody's data replaced.

mod har;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::portal_try::load::{self, Refusal};
use super::recordings;
use crate::clock::Clock;
use crate::exit::Exit;
use crate::extract::{self, Document, ExtractError};
use crate::recording::{FILE, Kind, Recording, Step};
use crate::redact::{Place, Redactor};
use crate::selectors::Portal;
use crate::trial::{self, Trial};
use crate::understand::{self, Session};

/// Makes a recording with stand-ins for names, numbers, balances and tokens. Spends no login, and asks the portal nothing.
#[derive(Debug, Clone, clap::Args)]
pub struct RecordArgs {
    /// Name of the portal: the stem of its selector file, whose headers and words are what stays readable.
    pub portal: String,
    /// Pages saved from a browser as HTML, in their order.
    #[arg(long, num_args = 1.., required_unless_present = "har", conflicts_with = "har")]
    pub pages: Vec<PathBuf>,
    /// What the browser's developer tools saved of its network traffic (HAR 1.2, with contents).
    #[arg(long, value_name = "FILE")]
    pub har: Option<PathBuf>,
    /// Name of the recording.
    #[arg(long, default_value = "pages")]
    pub name: String,
    /// The account's number; it becomes a stand-in too.
    #[arg(long, default_value = "600123")]
    pub number: String,
    /// Directory of the selector files.
    #[arg(long, default_value = "selectors")]
    pub selectors: PathBuf,
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error(transparent)]
    Portal(#[from] Refusal),
    #[error("{}: {source}", .page.display())]
    Page { page: PathBuf, source: ExtractError },
    #[error("{}: {source}", .path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {source}: save it again, as HAR with contents", .path.display())]
    Har { path: PathBuf, source: har::NotHar },
    #[error("{} is there already: take it away, or give another --name", .dir.display())]
    There { dir: PathBuf },
    #[error("no random key could be had: {0}")]
    Key(getrandom::Error),
    #[error("nothing of {origin} is in it that a recording holds")]
    Nothing { origin: String },
}

/// Prints what was made and what stayed readable.
pub async fn run(args: &RecordArgs) -> Exit {
    let now = Clock::System.now();
    let made = fs_key().and_then(|key| record(args, now, key));
    let (out, err, exit) = match made {
        Ok(out) => (out, String::new(), Exit::Ok),
        Err(error) => (String::new(), format!("error: {error}\n"), Exit::Failed),
    };
    let printed = std::io::stdout().lock().write_all(out.as_bytes());
    let _closed = std::io::stderr().lock().write_all(err.as_bytes());
    printed.map_or(Exit::StdoutClosed, |()| exit)
}

/// A key that is forgotten with this process.
fn fs_key() -> Result<[u8; 32], RecordError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(RecordError::Key)?;
    Ok(key)
}

/// A recording while it is made.
struct Making<'a> {
    portal: &'a Portal,
    redactor: Redactor,
    now: DateTime<Utc>,
    steps: Vec<Step>,
    files: Vec<(String, String)>,
    /// Pages whose rows were not the same afterwards.
    changed: Vec<String>,
}

fn record(args: &RecordArgs, now: DateTime<Utc>, key: [u8; 32]) -> Result<String, RecordError> {
    let portal = load::portal(&args.selectors, &args.portal)?;
    let dir = recordings::dir_of(&args.selectors, &args.portal).join(&args.name);
    if dir.exists() {
        return Err(RecordError::There { dir });
    }
    let mut making = Making {
        redactor: Redactor::new(key, &portal),
        portal: &portal,
        now,
        steps: Vec::new(),
        files: Vec::new(),
        changed: Vec::new(),
    };
    for page in &args.pages {
        let html = load::saved(page)?;
        making
            .page(&html, None)
            .map_err(|source| RecordError::Page {
                page: page.clone(),
                source,
            })?;
    }
    if let Some(path) = &args.har {
        let text = fs::read_to_string(path).map_err(|source| RecordError::File {
            path: path.clone(),
            source,
        })?;
        let entries = har::entries(&text, &portal.origin).map_err(|source| RecordError::Har {
            path: path.clone(),
            source,
        })?;
        for entry in entries {
            making.entry(&entry);
        }
    }
    if making.steps.is_empty() {
        return Err(RecordError::Nothing {
            origin: portal.origin.to_string(),
        });
    }
    making.write(&dir, &args.number)
}

impl Making<'_> {
    /// A page with stand-ins, and what it is.
    fn page(&mut self, html: &str, answers: Option<Step>) -> Result<(), ExtractError> {
        let page = extract::parse(html)?;
        let made = self.redactor.page(&page, self.portal);
        let is = self.kind(&page, answers.as_ref());
        let file = format!("page-{}.html", self.files.len() + 1);
        if is == Kind::Table {
            let rows = |page: &Document| {
                Trial::of(
                    self.portal,
                    trial::account(self.portal, None),
                    page,
                    self.now,
                )
                .map(|trial| trial.understood().count())
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

    /// An answer of the portal; scripts, styles and pictures are left out.
    fn entry(&mut self, entry: &har::Entry) {
        let at = self.redactor.address(&entry.at, self.portal);
        let location = entry
            .location
            .as_ref()
            .map(|to| self.redactor.address(to, self.portal));
        let step = Step {
            at: Some(at),
            method: entry.method.clone(),
            status: entry.status,
            content_type: entry.content_type.clone(),
            location,
            ..Step::page(Kind::Request, String::new())
        };
        let kind = entry.content_type.as_str();
        if step.location.is_some() {
            self.steps.push(Step { file: None, ..step });
        } else if kind.contains("html") {
            // A page over the limits is none that the agent would read.
            let _refused = self.page(&entry.text, Some(step));
        } else if kind.contains("json") {
            let Ok(value) = serde_json::from_str(&entry.text) else {
                return;
            };
            let made = self.redactor.json(&value).to_string();
            self.keep(step, "json", made);
        } else if kind.contains("csv") {
            let made = self.redactor.table(&entry.text);
            self.keep(
                Step {
                    is: Kind::Download,
                    ..step
                },
                "csv",
                made,
            );
        }
    }

    fn keep(&mut self, step: Step, ending: &str, made: String) {
        let file = format!("answer-{}.{ending}", self.files.len() + 1);
        self.steps.push(Step {
            file: Some(file.clone()),
            ..step
        });
        self.files.push((file, made));
    }

    fn write(mut self, dir: &Path, number: &str) -> Result<String, RecordError> {
        let recording = Recording {
            recorded: self.now,
            number: self.redactor.text(number, Place::Cell),
            zone: None,
            currency: None,
            steps: self.steps,
        };
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            fs::write(&path, text).map_err(|source| RecordError::File { path, source })
        };
        fs::create_dir_all(dir).map_err(|source| RecordError::File {
            path: dir.to_owned(),
            source,
        })?;
        write(FILE, &recording.render())?;
        for (name, text) in &self.files {
            write(name, text)?;
        }
        Ok(told(dir, &recording, &self.changed, &self.redactor))
    }
}

/// What was made, what stayed, what is next.
fn told(dir: &Path, recording: &Recording, changed: &[String], redactor: &Redactor) -> String {
    let mut text = format!("{}: {} steps\n", dir.display(), recording.steps.len());
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
