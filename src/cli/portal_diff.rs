//! `tillwatch portal diff`: what a changed selector file would do, dry. Nothing is asked of a portal, nothing written.

mod view;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::ConfigArg;
use super::columns::terminal_width;
use super::portal_try::load;
use super::recordings::{self, Recorded, RecordingError};
use crate::clock::Clock;
use crate::config::{self, NoAccount, Settings, read_text};
use crate::control::{self, Answer, AskError, Request};
use crate::diagnostic::Diagnostics;
use crate::difference::{self, Fate, Known, Row, as_read};
use crate::exit::Exit;
use crate::extract::{self, ExtractError};
use crate::selectors::{Portal, file};
use crate::store::{self, OpenError, Store};
use crate::trial::{self, Trial};

/// Says what a changed selector file would do: which payments it would emit as new, again, or changed.
#[derive(Debug, Clone, clap::Args)]
pub struct DiffArgs {
    /// The selector file from before.
    pub old: PathBuf,
    /// The changed one.
    pub new: PathBuf,
    /// Saved pages, exports or recordings to read by both. None: the recordings of the portal beside the file from before.
    #[arg(long, num_args = 1.., value_name = "PAGE")]
    pub pages: Vec<PathBuf>,
    /// Hold the pages, which are this account's own, against what its store knows. Unset: against what the file from before
    /// would have told.
    #[arg(long, requires = "pages")]
    pub account: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Where `account` is configured.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    File(#[from] Diagnostics),
    #[error(transparent)]
    Page(#[from] load::Refusal),
    #[error(transparent)]
    Recording(#[from] RecordingError),
    #[error("{page}: by the changed file: {source}")]
    Extract { page: String, source: ExtractError },
    #[error("there is no recording of {portal} beside {}: give pages by --pages", .file.display())]
    NoPages { portal: String, file: PathBuf },
    #[error("{0}")]
    Config(Diagnostics),
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    #[error("there is no store in {} yet: the first `tillwatch run` creates it", .0.display())]
    NoStore(PathBuf),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Agent(#[from] AskError),
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Failure::File(_) | Failure::Config(_) => Exit::Config,
            Failure::Page(refusal) => refusal.exit(),
            Failure::NoAccount(_) => Exit::Usage,
            Failure::Open(error) => error.exit(),
            Failure::Recording(_)
            | Failure::Extract { .. }
            | Failure::NoPages { .. }
            | Failure::NoStore(_)
            | Failure::Agent(_)
            | Failure::Refused(_) => Exit::Failed,
        }
    }
}

/// A page as both files read it.
pub(super) struct Compared {
    name: String,
    before: Vec<Row>,
    now: Vec<Row>,
}

/// A page to read, and whose.
struct Source {
    name: String,
    from: From,
    number: Option<String>,
    at: DateTime<Utc>,
}

enum From {
    Saved(PathBuf),
    /// One file of it; whether a file is a download is its matter.
    Recording(Recorded, String),
}

/// Compares and prints. `Failed` when history would be emitted again.
pub async fn run(args: DiffArgs) -> Exit {
    let now = Clock::System.now();
    match diff(&args, now, terminal_width()).await {
        Ok((text, exit)) => match std::io::stdout().lock().write_all(text.as_bytes()) {
            Ok(()) => exit,
            Err(_) => Exit::StdoutClosed,
        },
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit()
        }
    }
}

async fn diff(
    args: &DiffArgs,
    now: DateTime<Utc>,
    width: Option<usize>,
) -> Result<(String, Exit), Failure> {
    let (mut old, mut new) = (portal(&args.old)?, portal(&args.new)?);
    let config = match &args.account {
        Some(_) => Some(config::load(&args.config.config).map_err(Failure::Config)?),
        None => None,
    };
    let account = match (&config, &args.account) {
        (Some(config), Some(name)) => Some(config.account(name)?),
        _ => None,
    };
    if let Some(account) = account {
        overridden(&mut old, &account.settings);
        overridden(&mut new, &account.settings);
    }
    let number = account.map(|account| account.settings.number.clone());
    let sources = sources(args, &old, number, now)?;
    let mut pages = Vec::new();
    for source in &sources {
        pages.push(compared(source, &old, &new)?);
    }
    let stored = match (&config, account) {
        (Some(config), Some(account)) => {
            let name = account.settings.name.as_str();
            Some(asked(&config.state_dir, name, ids(&pages)).await?)
        }
        _ => None,
    };
    let found = view::Found::of(&pages, |page| match &stored {
        Some((known, since)) => (Cow::Borrowed(known), *since),
        None => {
            let since = DateTime::<Utc>::MIN_UTC;
            let payments = page.before.iter().filter_map(|row| row.payment.as_ref());
            (Cow::Owned(as_read(payments, now, since)), since)
        }
    });
    let text = if args.json {
        found.json()
    } else {
        found.table(width)
    };
    let exit = match found.count(Fate::Again) {
        0 => Exit::Ok,
        _ => Exit::Failed,
    };
    Ok((text, exit))
}

fn portal(path: &Path) -> Result<Portal, Diagnostics> {
    let text = read_text(path)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    file::parse(&name, &path.display().to_string(), &text)
}

fn overridden(portal: &mut Portal, settings: &Settings) {
    portal.zone = settings.zone.unwrap_or(portal.zone);
    if let Some(currency) = &settings.currency {
        portal.currency.clone_from(currency);
    }
}

fn sources(
    args: &DiffArgs,
    old: &Portal,
    number: Option<String>,
    now: DateTime<Utc>,
) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for path in &args.pages {
        if recordings::is_recording(path) {
            of_recording(path, number.as_ref(), &mut sources)?;
        } else {
            sources.push(Source {
                name: path.display().to_string(),
                from: From::Saved(path.clone()),
                number: number.clone(),
                at: now,
            });
        }
    }
    if args.pages.is_empty() {
        let dir = match args.old.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            Some(_) | None => Path::new("."),
        };
        for recorded in recordings::all(dir, &old.name)? {
            of_recording(&recorded.dir, None, &mut sources)?;
        }
    }
    if sources.is_empty() {
        return Err(Failure::NoPages {
            portal: old.name.clone(),
            file: args.old.clone(),
        });
    }
    Ok(sources)
}

fn of_recording(
    dir: &Path,
    number: Option<&String>,
    sources: &mut Vec<Source>,
) -> Result<(), Failure> {
    let recorded = recordings::one(dir)?;
    for (step, file) in recorded.judged() {
        if !step.has_rows() {
            continue;
        }
        sources.push(Source {
            name: format!("{}/{file}", recorded.name),
            from: From::Recording(recordings::one(dir)?, file.to_owned()),
            number: Some(number.unwrap_or(&recorded.recording.number).clone()),
            at: recorded.recording.recorded,
        });
    }
    Ok(())
}

/// The page by both files. The one from before need not read it: the portal may have changed.
fn compared(source: &Source, old: &Portal, new: &Portal) -> Result<Compared, Failure> {
    let failed = |error| Failure::Extract {
        page: source.name.clone(),
        source: error,
    };
    let before = rows(source, old).ok().and_then(Result::ok);
    Ok(Compared {
        name: source.name.clone(),
        before: before.unwrap_or_default(),
        now: rows(source, new)?.map_err(failed)?,
    })
}

fn rows(source: &Source, portal: &Portal) -> Result<Result<Vec<Row>, ExtractError>, Failure> {
    let mut portal = portal.clone();
    let html = match &source.from {
        From::Saved(path) => load::page(&portal, path)?,
        From::Recording(recorded, file) => {
            let recording = &recorded.recording;
            portal.zone = recording.zone.unwrap_or(portal.zone);
            let currency = recording.currency.clone();
            portal.currency = currency.unwrap_or(portal.currency);
            let mut steps = recorded.judged();
            let step = steps.find(|(_, judged)| judged == file);
            match step {
                Some((step, file)) => recorded.page(&portal, step, file)?,
                None => return Ok(Ok(Vec::new())),
            }
        }
    };
    let account = trial::account(&portal, source.number.as_deref());
    let page = match extract::parse(&html) {
        Ok(page) => page,
        Err(error) => return Ok(Err(error)),
    };
    let trial = match Trial::of(&portal, account, &page, source.at) {
        Ok(trial) => trial,
        Err(error) => return Ok(Err(error)),
    };
    let rows = trial.extracted.rows.into_iter().zip(trial.rows);
    let rows = rows.map(|(row, read)| Row {
        cells: row.cells,
        payment: read.ok().map(|read| read.payment),
    });
    Ok(Ok(rows.collect()))
}

fn ids(pages: &[Compared]) -> Vec<String> {
    let rows = pages
        .iter()
        .flat_map(|page| page.before.iter().chain(&page.now));
    let payments = rows.filter_map(|row| row.payment.as_ref());
    let ids: BTreeSet<String> = payments.map(|payment| payment.id.to_string()).collect();
    ids.into_iter().collect()
}

/// What the agent, or the store when none runs, knows of the payments, and since when the account tells.
async fn asked(
    state_dir: &Path,
    account: &str,
    ids: Vec<String>,
) -> Result<(Known, DateTime<Utc>), Failure> {
    let mut known = Known::new();
    let mut ids = ids.as_slice();
    loop {
        let (some, rest) = ids.split_at(ids.len().min(control::MAX_KNOWN));
        let (more, since) = known_of(state_dir, account, some.to_vec()).await?;
        known.extend(more);
        if rest.is_empty() {
            return Ok((known, since));
        }
        ids = rest;
    }
}

async fn known_of(
    state_dir: &Path,
    account: &str,
    ids: Vec<String>,
) -> Result<(Known, DateTime<Utc>), Failure> {
    let request = Request::Known {
        account: account.to_owned(),
        ids,
    };
    let answer = match control::ask(state_dir, &request).await? {
        Some(answer) => answer,
        None if !store::exists(state_dir) => {
            return Err(Failure::NoStore(state_dir.to_owned()));
        }
        None => {
            let store = Store::open(state_dir, Clock::System).await?;
            control::from_store(&store, request).await
        }
    };
    match answer {
        Answer::Known(known) => known
            .read()
            .ok_or_else(|| Failure::Agent(AskError::Foreign)),
        Answer::Refused(why) => Err(Failure::Refused(why)),
        Answer::Done(_) | Answer::Accounts(_) | Answer::Recorded { .. } => {
            Err(AskError::Foreign.into())
        }
    }
}

impl Compared {
    /// Each row with its number among those of the page, from 1: by the changed file, or where only the other reads it, 0.
    fn fates(&self, known: &Known, since: DateTime<Utc>) -> Vec<(usize, Row, Fate)> {
        let pairs = difference::pairs(&self.before, &self.now);
        let numbered = pairs.into_iter().enumerate();
        let fates = numbered.filter_map(|(at, (before, now))| {
            let payment = |row: Option<&Row>| row.and_then(|row| row.payment.clone());
            let (was, is) = (payment(before), payment(now));
            let fate = difference::fate(was.as_ref(), is.as_ref(), known, since)?;
            let number = now.map_or(0, |_| at + 1);
            let row = Row {
                cells: Vec::new(),
                payment: is.or(was),
            };
            Some((number, row, fate))
        });
        fates.collect()
    }
}
