//! The ids of sessions at a remote WebDriver that are still to be adopted or ended, kept in a file over crashes.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A WebDriver that never answers must not make the list grow: the oldest go first.
const MOST: usize = 16;

/// One session per line, 0600: who has an id can drive the browser.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    lines: Vec<Line>,
}

/// An id, and a word that says who may adopt the session; none for one that was given up.
#[derive(Debug)]
struct Line {
    id: String,
    tag: Option<String>,
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
        let lines = text.lines().filter_map(line).collect();
        Ok(Self { path, lines })
    }

    /// Those that are to be ended.
    pub(super) fn ids(&self) -> Vec<String> {
        self.lines.iter().map(|line| line.id.clone()).collect()
    }

    /// The newest that bears this tag.
    pub(super) fn tagged(&self, tag: &str) -> Option<String> {
        let mut newest = self.lines.iter().rev();
        let found = newest.find(|line| line.tag.as_deref() == Some(tag));
        found.map(|line| line.id.clone())
    }

    /// Adds a session as it begins.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn add(&mut self, id: &str, tag: &str) -> io::Result<()> {
        self.lines.push(Line {
            id: id.to_owned(),
            tag: Some(tag.to_owned()),
        });
        self.lines.drain(..self.lines.len().saturating_sub(MOST));
        self.write()
    }

    /// A session that was given up is only to be ended.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn disown(&mut self, id: &str) -> io::Result<()> {
        for line in self.lines.iter_mut().filter(|line| line.id == id) {
            line.tag = None;
        }
        self.write()
    }

    /// Takes out a session that has ended.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn remove(&mut self, id: &str) -> io::Result<()> {
        self.lines.retain(|line| line.id != id);
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        // `tempfile` makes its files 0600.
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        for Line { id, tag } in &self.lines {
            match tag {
                Some(tag) => writeln!(file, "{id} {tag}")?,
                None => writeln!(file, "{id}")?,
            }
        }
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

fn line(text: &str) -> Option<Line> {
    let (id, tag) = match text.split_once(' ') {
        Some((id, tag)) => (id, Some(tag.to_owned())),
        None => (text, None),
    };
    let id = is_id(id).then(|| id.to_owned())?;
    Some(Line { id, tag })
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
        for (id, tag) in [
            ("aa", "mine"),
            ("bb", "mine"),
            ("cc", "mine"),
            ("dd", "other"),
        ] {
            record.add(id, tag).unwrap();
        }
        record.remove("aa").unwrap();
        record.disown("cc").unwrap();
        let again = Record::open(state.path()).unwrap();
        assert_eq!(again.ids(), ["bb", "cc", "dd"]);
        assert_eq!(again.tagged("mine").as_deref(), Some("bb"));
        assert_eq!(again.tagged("nobody's"), None);
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
