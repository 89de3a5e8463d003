//! `tillwatch portal record`: a recording through the running agent or, where none runs, by the account alone; from pages saved
//! by hand, or from a browser's HAR file; everybody's data replaced.

mod har;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::ConfigArg;
use super::portal_try::load::{self, Refusal};
use super::recordings;
use crate::clock::Clock;
use crate::config::{self, NoAccount};
use crate::control::{self, Answer, AskError, MAX_RECORDED, Request};
use crate::diagnostic::Diagnostics;
use crate::exit::Exit;
use crate::recording::{Kind, Made, Making, NotMade, Step};
use crate::run::{self, StartError};

/// Makes a recording with stand-ins for names, numbers, balances and tokens.
///
/// Of an account: through the session of the running agent. It spends no login; where none is on, the agent signs in as it
/// would have, and that is recorded too. Where no agent runs, this command reads the account alone, by the session that was
/// kept or by one login within the budget. Of pages or a HAR file: the portal is asked nothing.
#[derive(Debug, Clone, clap::Args)]
#[command(group = clap::ArgGroup::new("saved").args(["pages", "har"]))]
pub struct RecordArgs {
    /// Account of the running agent; with --pages or --har, name of the portal: the stem of its selector file, whose headers
    /// and words are what stays readable.
    #[arg(value_name = "ACCOUNT|PORTAL")]
    pub name_of: String,
    /// Pages saved from a browser as HTML, in their order.
    #[arg(long, num_args = 1..)]
    pub pages: Vec<PathBuf>,
    /// What the browser's developer tools saved of its network traffic (HAR 1.2, with contents).
    #[arg(long, value_name = "FILE")]
    pub har: Option<PathBuf>,
    /// Name of the recording.
    #[arg(long, default_value = "pages")]
    pub name: String,
    /// Pages of the table, of an account.
    #[arg(long, default_value_t = 2, value_name = "NUMBER", conflicts_with = "saved", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_RECORDED)))]
    pub table_pages: u16,
    /// The account's number; it becomes a stand-in too. Of an account it is known.
    #[arg(long, default_value = "600123", requires = "saved")]
    pub number: String,
    /// Directory of the selector files. Of an account the config has it.
    #[arg(long, default_value = "selectors", requires = "saved")]
    pub selectors: PathBuf,
    /// Where the account is configured.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error(transparent)]
    Portal(#[from] Refusal),
    #[error("{}: {source}", .page.display())]
    Page { page: PathBuf, source: NotMade },
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
    #[error("{0}")]
    Config(Diagnostics),
    #[error("{0}; with --pages or --har a recording is made without an account")]
    NoAccount(#[from] NoAccount),
    #[error(transparent)]
    Agent(#[from] AskError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{0}")]
    Refused(String),
    #[error("{}: {source}; the recording stands in {} meanwhile", .path.display(), .at.display())]
    NotTaken {
        path: PathBuf,
        source: std::io::Error,
        at: PathBuf,
    },
}

impl RecordError {
    fn exit(&self) -> Exit {
        match self {
            RecordError::Portal(refusal) => refusal.exit(),
            RecordError::Config(_) => Exit::Config,
            RecordError::NoAccount(_) => Exit::Usage,
            RecordError::Start(error) => error.exit(),
            RecordError::Page { .. }
            | RecordError::File { .. }
            | RecordError::Har { .. }
            | RecordError::There { .. }
            | RecordError::Key(_)
            | RecordError::Nothing { .. }
            | RecordError::Agent(_)
            | RecordError::Refused(_)
            | RecordError::NotTaken { .. } => Exit::Failed,
        }
    }
}

/// Prints what was made and what stayed readable.
pub async fn run<S: Future<Output = ()>>(args: &RecordArgs, shutdown: impl FnOnce() -> S) -> Exit {
    let made = if args.pages.is_empty() && args.har.is_none() {
        of_account(args, shutdown).await
    } else {
        fresh_key().and_then(|key| record(args, Clock::System.now(), key))
    };
    let (out, err, exit) = match made {
        Ok(out) => (out, String::new(), Exit::Ok),
        Err(error) => (String::new(), format!("error: {error}\n"), error.exit()),
    };
    let printed = std::io::stdout().lock().write_all(out.as_bytes());
    let _closed = std::io::stderr().lock().write_all(err.as_bytes());
    printed.map_or(Exit::StdoutClosed, |()| exit)
}

/// The running agent records its own pages; the recording is taken from its state directory to the selector files.
async fn of_account<S: Future<Output = ()>>(
    args: &RecordArgs,
    shutdown: impl FnOnce() -> S,
) -> Result<String, RecordError> {
    let config = config::load(&args.config.config).map_err(RecordError::Config)?;
    let settings = &config.account(&args.name_of)?.settings;
    let account = settings.name.clone();
    let dir = free(&config.selectors_dir, &settings.portal, &args.name)?;
    let request = Request::Record {
        account: args.name_of.clone(),
        pages: args.table_pages,
    };
    let answer = match control::ask(&config.state_dir, &request).await? {
        Some(answer) => answer,
        None => {
            eprintln!(
                "no agent runs: {account} is read by this command, with a login within its budget where no session is kept; what is \
                 paid meanwhile is delivered by the next `tillwatch run`"
            );
            run::record(config, &account, args.table_pages, shutdown()).await?
        }
    };
    match answer {
        Answer::Recorded {
            dir: at,
            steps,
            told,
        } => {
            let taken = taken(&at, &dir);
            taken.map_err(|(path, source)| RecordError::NotTaken { path, source, at })?;
            Ok(format!("{}: {steps} steps\n{told}", dir.display()))
        }
        Answer::Refused(why) => Err(RecordError::Refused(why)),
        Answer::Done(_) | Answer::Accounts(_) | Answer::Known(_) => Err(AskError::Foreign.into()),
    }
}

/// Copies the files, then removes where they stood.
fn taken(at: &Path, dir: &Path) -> Result<(), (PathBuf, std::io::Error)> {
    fs::create_dir_all(dir).map_err(|error| (dir.to_owned(), error))?;
    let entries = fs::read_dir(at).map_err(|error| (at.to_owned(), error))?;
    for entry in entries {
        let entry = entry.map_err(|error| (at.to_owned(), error))?;
        let to = dir.join(entry.file_name());
        fs::read(entry.path())
            .and_then(|bytes| fs::write(&to, bytes))
            .map_err(|error| (to, error))?;
    }
    fs::remove_dir_all(at).map_err(|error| (at.to_owned(), error))
}

/// Where the recording will stand.
fn free(selectors: &Path, portal: &str, name: &str) -> Result<PathBuf, RecordError> {
    let dir = recordings::dir_of(selectors, portal).join(name);
    if dir.exists() {
        return Err(RecordError::There { dir });
    }
    Ok(dir)
}

/// A key that is forgotten with this process.
fn fresh_key() -> Result<[u8; 32], RecordError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(RecordError::Key)?;
    Ok(key)
}

fn record(args: &RecordArgs, now: DateTime<Utc>, key: [u8; 32]) -> Result<String, RecordError> {
    let portal = load::portal(&args.selectors, &args.name_of)?;
    let dir = free(&args.selectors, &args.name_of, &args.name)?;
    let mut making = Making::new(&portal, key, now, &args.number);
    for page in &args.pages {
        let html = load::saved(page)?;
        let made = making.page(&html, None, None);
        made.map_err(|source| RecordError::Page {
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
            take(&mut making, &entry);
        }
    }
    if making.is_empty() {
        return Err(RecordError::Nothing {
            origin: portal.origin.to_string(),
        });
    }
    let made = making.made();
    write(&dir, &made)?;
    Ok(format!(
        "{}: {} steps\n{}",
        dir.display(),
        made.steps,
        made.told
    ))
}

/// An answer of the portal; scripts, styles and pictures are left out.
fn take(making: &mut Making<'_>, entry: &har::Entry) {
    let location = entry.location.as_ref().map(|to| making.address(to));
    let step = Step {
        at: Some(making.address(&entry.at)),
        method: entry.method.clone(),
        status: entry.status,
        content_type: entry.content_type.clone(),
        location,
        ..Step::page(Kind::Request, String::new())
    };
    let kind = entry.content_type.as_str();
    let text = std::str::from_utf8(&entry.body).map(|text| text.trim_start_matches('\u{feff}'));
    // What is over the limits, or not what it is called, is none that the agent would read.
    if step.location.is_some() {
        making.redirect(step);
    } else if kind.contains("csv") || making.is_export(&entry.body) {
        let _refused = making.download(step, &entry.body);
    } else if kind.contains("html") {
        let _refused = text.map(|text| making.page(text, Some(step), None));
    } else if kind.contains("json")
        && let Some(value) = text.ok().and_then(|text| serde_json::from_str(text).ok())
    {
        making.json(step, &value);
    }
}

fn write(dir: &Path, made: &Made) -> Result<(), RecordError> {
    fs::create_dir_all(dir).map_err(|source| RecordError::File {
        path: dir.to_owned(),
        source,
    })?;
    for (name, text) in &made.files {
        let path = dir.join(name);
        fs::write(&path, text).map_err(|source| RecordError::File { path, source })?;
    }
    Ok(())
}
