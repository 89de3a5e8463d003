//! The ids of sessions at a remote WebDriver that are still to be ended, kept in a file over crashes.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A WebDriver that never answers must not make the list grow: the oldest go first.
const MOST: usize = 16;

/// One id per line, 0600: who has an id can drive the browser.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    ids: Vec<String>,
}

impl Record {
    /// Reads what an earlier process left in `state`.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn open(state: &Path) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(state)?;
        let path = state.join("webdriver-sessions");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let ids = text
            .lines()
            .filter(|id| is_id(id))
            .map(str::to_owned)
            .collect();
        Ok(Self { path, ids })
    }

    /// Those that are to be ended.
    pub(super) fn ids(&self) -> Vec<String> {
        self.ids.clone()
    }

    /// Adds a session as it begins.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn add(&mut self, id: &str) -> io::Result<()> {
        self.ids.push(id.to_owned());
        self.ids.drain(..self.ids.len().saturating_sub(MOST));
        self.write()
    }

    /// Takes out a session that has ended.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn remove(&mut self, id: &str) -> io::Result<()> {
        self.ids.retain(|known| known != id);
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        // `tempfile` makes its files 0600.
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        for id in &self.ids {
            writeln!(file, "{id}")?;
        }
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Ids become part of a URL path.
fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn sessions_outlive_the_process_in_a_private_file() {
        let state = tempfile::tempdir().unwrap();
        let mut record = Record::open(state.path()).unwrap();
        record.add("aa").unwrap();
        record.add("bb").unwrap();
        record.remove("aa").unwrap();
        let again = Record::open(state.path()).unwrap();
        assert_eq!(again.ids(), ["bb"]);
        let mode = fs::metadata(&again.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_line_that_is_no_id_is_passed_over() {
        let state = tempfile::tempdir().unwrap();
        fs::write(state.path().join("webdriver-sessions"), "../../x\n\nab-1\n").unwrap();
        assert_eq!(Record::open(state.path()).unwrap().ids(), ["ab-1"]);
    }
}
