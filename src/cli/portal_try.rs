//! `tillwatch portal try`: what a saved page would give, with no browser and no login.

pub mod charset;
pub mod load;
pub(super) mod view;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

use super::columns::terminal_width;
use super::recordings;
use crate::clock::Clock;
use crate::exit::Exit;
use crate::extract::{self, Document};
use crate::selectors::Portal;
use crate::trial::{self, Trial};
use load::Refusal;

/// How often `--watch` looks for a change.
const WATCH_EVERY: Duration = Duration::from_millis(300);

/// Shows what a saved page would give: no browser, no login, nothing is stored.
#[derive(Debug, Clone, clap::Args)]
pub struct TryArgs {
    /// Name of the portal: the stem of its selector file.
    pub portal: String,
    /// The page, saved from a browser as HTML, or an export that the portal gave: CSV, XLSX, XLS, JSON, packed or not. Or the
    /// directory of a recording, of which every page of the table is shown.
    pub page: PathBuf,
    /// Directory of the selector files.
    #[arg(long, default_value = "selectors")]
    pub selectors: PathBuf,
    /// The account's number. Unset: it is `unknown` in the payments, and no ids are shown, since it is part of them.
    #[arg(long)]
    pub number: Option<String>,
    /// Print one JSON object: `payments` as in events, and `quarantined`.
    #[arg(long, conflicts_with = "explain")]
    pub json: bool,
    /// Say how each field of this row was read: header, cell, each conversion.
    #[arg(long, value_name = "ROW")]
    pub explain: Option<usize>,
    /// Go on, and show it again when the page or the selector file changes. Ctrl-C ends it.
    #[arg(long)]
    pub watch: bool,
}

/// What one attempt prints, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// For standard output.
    pub out: String,
    /// For standard error.
    pub err: String,
    /// `Ok`: every row was understood. `Quarantined`: some were not. `Config`: the selector file is missing or wrong.
    /// `Failed`: the page is missing or refused.
    pub exit: Exit,
}

/// How the outcome is to look.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Columns of the terminal; `None` where nothing limits a line.
    pub width: Option<usize>,
    /// Colours in messages.
    pub colour: bool,
}

/// Tries the page once, or, with `--watch`, at each change.
pub async fn run(args: TryArgs) -> Exit {
    let look = Look::of_terminal();
    let show = |outcome: Outcome| {
        let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr().lock());
        if args.watch && look.width.is_some() {
            let _closed = out.write_all(b"\x1b[2J\x1b[H");
        }
        // Standard output goes first: what is wrong stays visible below a long table.
        let printed = out
            .write_all(outcome.out.as_bytes())
            .and_then(|()| out.flush());
        let _closed = err.write_all(outcome.err.as_bytes());
        printed
            .map(|()| outcome.exit)
            .map_err(|_| Exit::StdoutClosed)
    };
    if args.watch {
        let show = |outcome| show(outcome).err();
        return watch(&args, look, &Clock::System, show).await;
    }
    show(attempt(&args, look, Clock::System.now())).unwrap_or_else(|closed| closed)
}

impl Look {
    fn of_terminal() -> Self {
        Self {
            width: terminal_width(),
            colour: std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }
}

/// Calls `show` with each new outcome until it says how to end.
pub async fn watch(
    args: &TryArgs,
    look: Look,
    clock: &Clock,
    mut show: impl FnMut(Outcome) -> Option<Exit>,
) -> Exit {
    let stamp = |path: &Path| -> Option<(SystemTime, u64)> {
        let found = std::fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    let mut last = None;
    loop {
        // Taken before reading: a change in between is shown by the next round.
        let now = (stamp(&args.page), stamp(&args.file()));
        if last != Some(now) {
            last = Some(now);
            if let Some(exit) = show(attempt(args, look, clock.now())) {
                return exit;
            }
        }
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

impl TryArgs {
    fn file(&self) -> PathBuf {
        self.selectors.join(format!("{}.toml", self.portal))
    }
}

/// A page read to the end.
struct Reading {
    portal: Portal,
    trial: Trial,
    /// What else there is to say about the page.
    notes: Vec<String>,
}

/// Reads the page once, or every page of the recording.
#[must_use]
pub fn attempt(args: &TryArgs, look: Look, now: DateTime<Utc>) -> Outcome {
    if recordings::is_recording(&args.page) {
        return whole_recording(args, look);
    }
    match load::portal(&args.selectors, &args.portal)
        .and_then(|portal| read(args, portal, now))
        .and_then(|reading| view(args, look, &reading))
    {
        Ok(outcome) => outcome,
        Err(refusal) => Outcome {
            out: String::new(),
            err: refusal.render(look.colour),
            exit: refusal.exit(),
        },
    }
}

/// Each page with rows, at the instant and for the account of the recording.
fn whole_recording(args: &TryArgs, look: Look) -> Outcome {
    let recorded = match recordings::one(&args.page) {
        Ok(recorded) => recorded,
        Err(error) => {
            return Outcome {
                out: String::new(),
                err: format!("error: {error}\n"),
                exit: Exit::Config,
            };
        }
    };
    let mut whole = Outcome {
        out: String::new(),
        err: String::new(),
        exit: Exit::Ok,
    };
    let number = args.number.clone();
    for (_, file) in recorded.judged().filter(|(step, _)| step.has_rows()) {
        let page = TryArgs {
            page: recorded.dir.join(file),
            number: number
                .clone()
                .or_else(|| Some(recorded.recording.number.clone())),
            ..args.clone()
        };
        let one = attempt(&page, look, recorded.recording.recorded);
        if !args.json {
            whole.out.push_str(&format!("== {file}\n"));
        }
        whole.out.push_str(&one.out);
        for line in one.err.lines() {
            whole.err.push_str(&format!("{file}: {line}\n"));
        }
        if whole.exit == Exit::Ok {
            whole.exit = one.exit;
        }
    }
    whole
}

fn view(args: &TryArgs, look: Look, reading: &Reading) -> Result<Outcome, Refusal> {
    let with_ids = args.number.is_some();
    match args.explain {
        Some(asked) => match reading.trial.extracted.rows.get(asked.wrapping_sub(1)) {
            Some(row) => Ok(view::explanation(reading, row)),
            None => Err(Refusal::NoSuchRow {
                asked,
                rows: reading.trial.extracted.rows.len(),
            }),
        },
        None if args.json => Ok(view::json(reading, with_ids)),
        None => Ok(view::table(reading, look, with_ids)),
    }
}

fn read(args: &TryArgs, portal: Portal, now: DateTime<Utc>) -> Result<Reading, Refusal> {
    let html = load::page(&portal, &args.page)?;
    let refused = |notes| {
        let page = args.page.clone();
        move |source| Refusal::Page {
            page,
            source,
            notes,
        }
    };
    let page = extract::parse(&html).map_err(refused(Vec::new()))?;
    let notes = notes(&portal, &page);
    let account = trial::account(&portal, args.number.as_deref());
    let trial = Trial::of(&portal, account, &page, now).map_err(refused(notes.clone()))?;
    Ok(Reading {
        portal,
        trial,
        notes,
    })
}

/// What the marks of the page say about the session: the agent reads a table only where it is signed in.
fn notes(portal: &Portal, page: &Document) -> Vec<String> {
    let marks = &portal.marks;
    let mut notes = Vec::new();
    // What proves the session of an export is the page at `table.path`.
    if !page.has(&marks.signed_in) && !page.is_export() {
        notes.push("`marks.signed_in` is not on this page: the agent would not read it".to_owned());
    }
    if page.has(&marks.signed_out) {
        notes.push("`marks.signed_out` is on this page: the agent would sign in".to_owned());
    }
    if let Some((_, outcome)) = marks.outcomes.iter().find(|(mark, _)| page.has(mark)) {
        notes.push(format!(
            "after a sign-in this page would mean `{}`",
            outcome.as_str()
        ));
    }
    notes
}
