//! What a page looked like when it changed, kept for whoever corrects the selector file: `<state>/evidence/<account>/<when>-<what>/`.
//!
//! - `columns.json`: the titles of the columns before and after. `page.html`: the page with stand-ins for everybody's data, by
//!   the same rules as a recording (`redact`), but with the titles that `columns.json` has. `page.png`: that page, not the portal's own, as a browser shows it.
//! - Beside them the recordings that were asked for of the running agent, `<when>-recording/`, until a command takes them away.
//! - The key of the stand-ins is forgotten at once: nobody can tell who stood there.
//! - A few directories and bytes per account, 0700 and 0600; the oldest goes first. What fails here stops no reading.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use crate::drift::Report;
use crate::event::AccountRef;
use crate::extract;
use crate::payment::AccountName;
use crate::portal::Portal;
use crate::redact::Redactor;
use crate::selectors;

const DIRECTORY: &str = "evidence";
/// How names begin: they sort by it.
const INSTANT: &str = "%Y%m%dT%H%M%SZ";
/// Directories kept per account.
const MOST: usize = 10;
/// Bytes kept per account.
const MAX_BYTES: u64 = 32 << 20;

/// What is to be kept.
pub struct Exhibit {
    /// Whose page.
    pub account: AccountRef,
    /// What of it may stay readable.
    pub portal: Arc<selectors::Portal>,
    /// HTML of the page.
    pub page: Option<String>,
    /// What changed.
    pub report: Report,
    /// When.
    pub at: DateTime<Utc>,
}

/// Keeps a recording below the state directory, among what is kept of the account. Gives the directory.
///
/// # Errors
/// What the file system says; then nothing of it is left.
pub async fn keep_recording(
    state: &Path,
    account: &AccountName,
    at: DateTime<Utc>,
    files: Vec<(String, Vec<u8>)>,
) -> io::Result<PathBuf> {
    let root = state.join(DIRECTORY).join(account.as_str());
    let name = format!("{}-recording", at.format(INSTANT));
    let bytes: u64 = files.iter().map(|(_, content)| content.len() as u64).sum();
    if bytes > MAX_BYTES / 2 {
        let (mib, most) = (bytes >> 20, MAX_BYTES >> 21);
        let why = format!("it has {mib} MiB, and at most {most} are kept: ask for fewer pages");
        return Err(io::Error::other(why));
    }
    blocking(move || write(&root, &name, &files)).await
}

/// Keeps it below the state directory. Gives the directory.
///
/// # Errors
/// What the file system says; then nothing of it is left.
pub async fn keep<P: Portal>(
    state: &Path,
    exhibit: Exhibit,
    portal: &mut P,
) -> io::Result<PathBuf> {
    let root = state.join(DIRECTORY).join(exhibit.account.name.as_str());
    let columns = columns(&exhibit);
    let name = format!("{}-{}", exhibit.at.format(INSTANT), word(&exhibit.report));
    let page = blocking(move || exhibit.redacted()).await?;
    let picture = match &page {
        Some(page) => portal.picture(page).await,
        None => None,
    };
    blocking(move || {
        let files = [
            ("columns.json", Some(columns.into_bytes())),
            ("page.html", page.map(String::into_bytes)),
            ("page.png", picture),
        ];
        let files = files.into_iter();
        let files: Vec<_> = files
            .filter_map(|(name, content)| Some((name, content?)))
            .collect();
        write(&root, &name, &files)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

impl Exhibit {
    /// The page with stand-ins; `None` of one that is over the limits.
    fn redacted(&self) -> io::Result<Option<String>> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
        let page = self
            .page
            .as_ref()
            .and_then(|html| extract::parse(html).ok());
        let report = &self.report;
        let number = &self.account.operator.number;
        let redactor = Redactor::new(key, &self.portal).of_account(number);
        let redactor = redactor.keeping(&report.before);
        let mut redactor = redactor.keeping(&report.after);
        Ok(page.map(|page| redactor.page(&page, &self.portal)))
    }
}

fn columns(exhibit: &Exhibit) -> String {
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let report = &exhibit.report;
    let told = json!({
        "account": exhibit.account.name.as_str(),
        "portal": exhibit.account.portal,
        "time": instant(exhibit.at),
        "since": instant(report.since),
        "what": report.what,
        "before": report.before,
        "after": report.after,
    });
    format!("{told:#}\n")
}

fn word(report: &Report) -> &'static str {
    match (report.before == report.after, report.costs_rows) {
        (true, _) => "rows",
        (false, false) => "columns",
        (false, true) => "columns-and-rows",
    }
}

fn write(root: &Path, name: &str, files: &[(impl AsRef<str>, Vec<u8>)]) -> io::Result<PathBuf> {
    let made = |path: &Path| {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(path)
    };
    made(root)?;
    let bytes = files.iter().map(|(_, content)| content.len() as u64).sum();
    make_room(root, bytes)?;
    let mut free = (1..).map(|number| match number {
        1 => root.join(name),
        number => root.join(format!("{name}-{number}")),
    });
    let directory = free.find(|path| !path.exists());
    let directory = directory.ok_or(io::ErrorKind::AlreadyExists)?;
    made(&directory)?;
    let written = files.iter().try_for_each(|(name, content)| {
        let mut options = fs::OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        options
            .open(directory.join(name.as_ref()))?
            .write_all(content)
    });
    if written.is_err() {
        // The disk is full, most often: what there is of it helps nobody.
        let _left = fs::remove_dir_all(&directory);
    }
    written.map(|()| directory)
}

/// Removes the oldest until another one of `bytes` has room.
fn make_room(root: &Path, bytes: u64) -> io::Result<()> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        let mut size = 0;
        for file in fs::read_dir(&path)? {
            size += file?.metadata()?.len();
        }
        kept.push((path, size));
    }
    // Their names begin with the instant.
    kept.sort();
    let mut total: u64 = kept.iter().map(|(_, size)| size).sum();
    let mut left = kept.len();
    for (path, size) in kept {
        if left < MOST && total + bytes <= MAX_BYTES {
            break;
        }
        fs::remove_dir_all(path)?;
        (left, total) = (left - 1, total - size);
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(root: &Path) -> Vec<String> {
        let entries = fs::read_dir(root).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_newest_few_are_kept_for_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("evidence/kilima");
        for number in 0..25 {
            let content = b"x".to_vec();
            write(
                &root,
                &format!("{number:04}-rows"),
                &[("columns.json", content)],
            )
            .unwrap();
        }
        assert_eq!(names(&root).len(), MOST);
        assert_eq!(names(&root)[0], "0015-rows");
        let again = write(&root, "0024-rows", &[("page.html", b"y".to_vec())]).unwrap();
        assert!(again.ends_with("0024-rows-2"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&root), mode(&again)), (0o700, 0o700));
        assert_eq!(mode(&again.join("page.html")), 0o600);
    }

    #[test]
    fn many_bytes_leave_less_room() {
        let dir = tempfile::tempdir().unwrap();
        let large = vec![b'x'; 12 << 20];
        for name in ["1", "2", "3"] {
            write(dir.path(), name, &[("page.html", large.clone())]).unwrap();
        }
        assert_eq!(names(dir.path()), ["2", "3"]);
    }

    #[test]
    fn of_what_cannot_be_written_whole_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("evidence/kilima");
        let files = [
            ("columns.json", b"x".to_vec()),
            ("no-such-directory/page.html", b"y".to_vec()),
        ];
        write(&root, "0001-rows", &files).unwrap_err();
        assert_eq!(names(&root), Vec::<String>::new());
        write(&root, "0001-rows", &files[..1]).unwrap();
        assert_eq!(names(&root), ["0001-rows"]);
    }
}
