//! The skeleton of a page that nobody knows, kept for whoever corrects the selector file.
//!
//! Tags, ids and classes only, no text and no value, with the path of its address. A few files per account, 0600, the
//! oldest goes first.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::WebDriverPortal;
use super::settle::look;
use crate::portal::Page;
use crate::selectors::Portal;

const DIRECTORY: &str = "unknown-pages";
/// Files kept.
const MOST: usize = 10;

impl WebDriverPortal {
    /// Of the page in the browser, which was to be one of the table.
    pub(super) async fn keep_evidence(&mut self) {
        let Ok((settings, browser)) = self.browser() else {
            return;
        };
        if !browser.stands {
            return;
        }
        let (portal, limit) = (&settings.selectors, settings.page_timeout);
        if let Ok(page) = browser.read_again(limit, portal).await {
            keep(&settings.state, portal, page).await;
        }
    }
}

/// Keeps the skeleton of the page if its marks do not say what it is. Gives the page back.
pub(super) async fn keep(state: &Path, portal: &Arc<Portal>, page: Page) -> Page {
    let (page, seen) = look(portal, page).await;
    let Some(outline) = seen.outline else {
        return page;
    };
    let path = page.url.path().to_owned();
    let status = page
        .status
        .map_or_else(|| "unknown".to_owned(), |status| status.to_string());
    let text = format!("path: {path}\nstatus: {status}\n\n{outline}");
    let directory = state.join(DIRECTORY);
    let written = tokio::task::spawn_blocking(move || write(&directory, &text)).await;
    match written {
        Ok(Ok(file)) => tracing::warn!(
            page_path = path,
            evidence = %file.display(),
            "a page stands there that the selector file does not know; its structure was written down"
        ),
        Ok(Err(error)) => {
            tracing::warn!(page_path = path, %error, "a page stands there that the selector file does not know, and its structure could not be written down");
        }
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
    page
}

/// Writes the next file unless the newest says the same; removes what is too many.
fn write(directory: &Path, text: &str) -> io::Result<PathBuf> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let mut numbers: Vec<u64> = fs::read_dir(directory)?
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            name.to_str()?.strip_suffix(".txt")?.parse().ok()
        })
        .collect();
    numbers.sort_unstable();
    let file = |number: u64| directory.join(format!("{number:06}.txt"));
    if let Some(newest) = numbers.last()
        && fs::read_to_string(file(*newest)).is_ok_and(|old| old == text)
    {
        return Ok(file(*newest));
    }
    let next = file(numbers.last().map_or(1, |newest| newest + 1));
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&next)?
        .write_all(text.as_bytes())?;
    let spare = (numbers.len() + 1).saturating_sub(MOST);
    for old in numbers.into_iter().take(spare) {
        fs::remove_file(file(old))?;
    }
    Ok(next)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_newest_few_are_kept_and_an_equal_one_is_not_written_twice() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("pages");
        for number in 0..25 {
            let first = write(&dir, &format!("page {number}")).unwrap();
            assert_eq!(write(&dir, &format!("page {number}")).unwrap(), first);
        }
        let mut names: Vec<_> = fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len(), MOST);
        assert_eq!(names.first().unwrap(), "000016.txt");
        let newest = dir.join("000025.txt");
        assert_eq!(fs::read_to_string(&newest).unwrap(), "page 24");
        let mode = fs::metadata(newest).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
