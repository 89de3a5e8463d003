//! `tillwatch portal test`: replays recordings and holds what they give against what they must give; no login.

mod browser;

use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::portal_try::load::{self, Refusal};
use super::recordings::{self, Recorded, RecordingError};
use crate::exit::Exit;
use crate::recording::{Step, differences};
use crate::selectors::Portal;

/// Replays the recordings of portals: marks, outcomes and rows must be those that stand beside the pages.
#[derive(Debug, Clone, clap::Args)]
pub struct TestArgs {
    /// Names of portals; none: all of the directory.
    pub portals: Vec<String>,
    /// Directory of the selector files; recordings are in `recordings/<portal>/` of it.
    #[arg(long, default_value = "selectors")]
    pub selectors: PathBuf,
    /// Write what the pages give as what they must give. Read it over before you commit it.
    #[arg(long)]
    pub accept: bool,
    /// Also replay them through a real browser: a server of this machine answers in the portal's place, and the selector
    /// file's own steps sign in and read the table. Only recordings whose requests were recorded too.
    #[arg(long, conflicts_with = "accept")]
    pub browser: bool,
    /// `ChromeDriver`; without it, `chromedriver` on PATH.
    #[arg(long, value_name = "FILE")]
    pub driver: Option<PathBuf>,
    /// Chrome or Chromium; without it, the first of chromium, google-chrome, chrome on PATH.
    #[arg(long, value_name = "FILE")]
    pub chromium: Option<PathBuf>,
}

/// Why a recording is not as it must be.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Recording(#[from] RecordingError),
    #[error(transparent)]
    Portal(#[from] Refusal),
    #[error(transparent)]
    Browser(#[from] browser::BrowserError),
}

/// What was found, line by line, and counted.
#[derive(Debug, Default)]
struct Report {
    text: String,
    portals: usize,
    recordings: usize,
    pages: usize,
    rows: usize,
    in_browser: usize,
    wrong: usize,
}

impl Report {
    fn wrong(&mut self, place: &str, what: impl std::fmt::Display) {
        self.wrong += 1;
        self.text.push_str(&format!("{place}: {what}\n"));
    }

    fn note(&mut self, place: &str, what: &str) {
        self.text.push_str(&format!("{place}: note: {what}\n"));
    }

    fn summary(&self, accepted: bool) -> String {
        let verdict = match (self.wrong, accepted) {
            (0, true) => "written as expected".to_owned(),
            (0, false) => "all as expected".to_owned(),
            (1, _) => "1 is wrong".to_owned(),
            (many, _) => format!("{many} are wrong"),
        };
        let browser = match self.in_browser {
            0 => String::new(),
            many => format!(", {many} of the pages in a browser too"),
        };
        format!(
            "{} portals, {} recordings, {} pages, {} rows{browser}: {verdict}\n",
            self.portals, self.recordings, self.pages, self.rows
        )
    }
}

/// Prints what differs and a summary; `Failed` when anything does.
pub async fn run(args: TestArgs) -> Exit {
    let (text, exit) = test(&args).await;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => exit,
        Err(_) => Exit::StdoutClosed,
    }
}

/// What is printed, and how it ends.
pub async fn test(args: &TestArgs) -> (String, Exit) {
    let mut report = Report::default();
    let names = if args.portals.is_empty() {
        load::known(&args.selectors).unwrap_or_default()
    } else {
        args.portals.clone()
    };
    if names.is_empty() {
        let dir = args.selectors.display();
        report.wrong("error", format!("{dir} holds no selector file"));
    }
    for name in &names {
        report.portals += 1;
        if let Err(wrong) = portal(args, name, &mut report).await {
            report.wrong(name, wrong);
        }
    }
    let exit = if report.wrong == 0 {
        Exit::Ok
    } else {
        Exit::Failed
    };
    (
        format!("{}{}", report.text, report.summary(args.accept)),
        exit,
    )
}

async fn portal(args: &TestArgs, name: &str, report: &mut Report) -> Result<(), Wrong> {
    let portal = load::portal(&args.selectors, name)?;
    let recordings = recordings::all(&args.selectors, name)?;
    if recordings.is_empty() {
        let dir = recordings::dir_of(&args.selectors, name);
        let advice = format!(
            "no recording in {}: make one with `tillwatch portal record`; a portal without one is not tested",
            dir.display()
        );
        report.wrong(name, advice);
        return Ok(());
    }
    let before = (report.rows, report.wrong);
    for recorded in &recordings {
        report.recordings += 1;
        let place = format!("{name}/{}", recorded.name);
        for (step, file) in recorded.judged() {
            report.pages += 1;
            if let Err(wrong) = page(args, &portal, recorded, (step, file), report) {
                report.wrong(&format!("{place}/{file}"), wrong);
            }
        }
        if args.browser {
            match browser::replay(args, &portal, recorded).await {
                Ok(replayed) => judge(&place, replayed, report),
                Err(wrong) => report.wrong(&place, Wrong::from(wrong)),
            }
        }
    }
    if report.rows == before.0 && report.wrong == before.1 {
        report.wrong(
            name,
            "no recording has a row that becomes a payment: record a page with rows",
        );
    }
    Ok(())
}

fn page(
    args: &TestArgs,
    portal: &Portal,
    recorded: &Recorded,
    (step, file): (&Step, &str),
    report: &mut Report,
) -> Result<(), RecordingError> {
    let html = recorded.page(portal, step, file)?;
    let found = recorded.recording.found(portal, step, &html);
    report.rows += payments(&found);
    if args.accept {
        return recorded.accept(file, &found);
    }
    let place = format!("{}/{}/{file}", portal.name, recorded.name);
    match recorded.expected(file)? {
        Some(expected) => tell(&place, &expected, &found, report),
        None => report.wrong(
            &place,
            "nobody has said what it must give: read it over with `tillwatch portal try`, then run this with --accept",
        ),
    }
    Ok(())
}

fn payments(found: &Map<String, Value>) -> usize {
    let rows = found.get("payments").and_then(Value::as_array);
    rows.map_or(0, Vec::len)
}

fn tell(
    place: &str,
    expected: &Map<String, Value>,
    found: &Map<String, Value>,
    report: &mut Report,
) {
    for difference in differences(expected, found) {
        report.wrong(place, difference);
    }
}

fn judge(place: &str, replayed: browser::Replayed, report: &mut Report) {
    match replayed {
        browser::Replayed::Not(why) => report.note(place, why),
        browser::Replayed::Pages(pages) => {
            report.in_browser += pages.len();
            for page in pages {
                let place = format!("{place}/{} in the browser", page.file);
                tell(&place, &page.expected, &page.found, report);
            }
        }
    }
}
