//! `tillwatch portal lint`: selector files held against their recordings, each finding with file, line and what to do.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use super::portal_try::load::{self, Refusal};
use super::recordings::{self, RecordingError};
use crate::config::read_text;
use crate::diagnostic::Diagnostics;
use crate::exit::Exit;
use crate::extract;
use crate::lint::{self, Lint, Seen};

/// Says what the recordings of a portal show to be wrong, untested or forgotten in its selector file.
#[derive(Debug, Clone, clap::Args)]
pub struct LintArgs {
    /// Selector files, with their recordings in `recordings/<portal>/` beside them; none: all of `selectors/`.
    pub files: Vec<PathBuf>,
    /// Also print hints: what no recording shows and so was never tested.
    #[arg(long)]
    pub hints: bool,
}

#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Portal(#[from] Refusal),
    #[error(transparent)]
    Recording(#[from] RecordingError),
    #[error(transparent)]
    File(#[from] Diagnostics),
}

/// Prints the findings; `Failed` when there are any.
#[must_use]
pub fn run(args: &LintArgs) -> Exit {
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (text, exit) = lint(args, colour);
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => exit,
        Err(_) => Exit::StdoutClosed,
    }
}

/// What is printed, and how it ends.
#[must_use]
pub fn lint(args: &LintArgs, colour: bool) -> (String, Exit) {
    let files = if args.files.is_empty() {
        let dir = Path::new("selectors");
        let known = load::known(dir).unwrap_or_default();
        known
            .iter()
            .map(|name| dir.join(format!("{name}.toml")))
            .collect()
    } else {
        args.files.clone()
    };
    let (mut text, mut findings, mut hints) = (String::new(), 0, 0);
    for file in &files {
        let found = match one(file) {
            Ok(found) => found,
            Err(wrong) => {
                findings += 1;
                text.push_str(&format!("{}: {wrong}\n\n", file.display()));
                continue;
            }
        };
        findings += found.findings.len();
        hints += found.hints.len();
        if !found.findings.is_empty() {
            let shown = Diagnostics::new(found.findings).render(colour);
            text.push_str(&format!("{shown}\n\n"));
        }
        for hint in Diagnostics::new(found.hints).iter().filter(|_| args.hints) {
            text.push_str(&format!("hint: {}\n", hint.line()));
        }
    }
    let more = match hints {
        0 => String::new(),
        _ if args.hints => format!(", {hints} hints"),
        _ => format!(", {hints} hints (--hints shows them)"),
    };
    text.push_str(&format!(
        "{} files: {findings} findings{more}\n",
        files.len()
    ));
    let exit = if findings == 0 && !files.is_empty() {
        Exit::Ok
    } else {
        Exit::Failed
    };
    (text, exit)
}

fn one(file: &Path) -> Result<Lint, Wrong> {
    let dir = match file.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        Some(_) | None => Path::new("."),
    };
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let portal = load::portal(dir, &name)?;
    let text = read_text(file).map_err(Diagnostics::from)?;
    let mut pages = Vec::new();
    for recorded in recordings::all(dir, &name)? {
        for (step, file) in recorded.judged() {
            let Ok(page) = extract::parse(&recorded.page(&portal, step, file)?) else {
                continue;
            };
            pages.push(Seen {
                page,
                name: format!("{}/{file}", recorded.name),
                has_rows: step.has_rows(),
                now: recorded.recording.recorded,
            });
        }
    }
    Ok(lint::lint(
        &portal,
        &file.display().to_string(),
        &text,
        &pages,
    ))
}
