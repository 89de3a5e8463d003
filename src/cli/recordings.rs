//! Recordings on disk: found, read, and their expectations written.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::portal_try::load;
use crate::config::read_text;
use crate::diagnostic::Diagnostics;
use crate::recording::{self, FILE, Kind, Recording, Step, expected_name, readable};
use crate::selectors::Portal;

/// A recording and where it stands.
#[derive(Debug)]
pub struct Recorded {
    /// Its directory's name.
    pub name: String,
    /// Its directory.
    pub dir: PathBuf,
    /// What its `recording.toml` says.
    pub recording: Recording,
}

/// A file of a recording does not serve.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// Its `recording.toml`.
    #[error(transparent)]
    Steps(#[from] Diagnostics),
    /// A page that it names.
    #[error(transparent)]
    Page(#[from] load::Refusal),
    /// A file beside it.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// An `.expected.json` that is none.
    #[error("{}: {source}: write it anew with --accept", .path.display())]
    Expected {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
}

/// Where the recordings of a portal stand.
#[must_use]
pub fn dir_of(selectors: &Path, portal: &str) -> PathBuf {
    selectors.join("recordings").join(portal)
}

/// Is this the directory of a recording?
#[must_use]
pub fn is_recording(path: &Path) -> bool {
    path.join(FILE).is_file()
}

/// All recordings of a portal, by name; none when it has no directory.
///
/// # Errors
/// The first that cannot be read.
pub fn all(selectors: &Path, portal: &str) -> Result<Vec<Recorded>, RecordingError> {
    let Ok(entries) = fs::read_dir(dir_of(selectors, portal)) else {
        return Ok(Vec::new());
    };
    let mut dirs: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| is_recording(path))
        .collect();
    dirs.sort();
    dirs.iter().map(|dir| one(dir)).collect()
}

/// The recording in `dir`.
///
/// # Errors
/// Its file is missing or wrong.
pub fn one(dir: &Path) -> Result<Recorded, RecordingError> {
    let path = dir.join(FILE);
    let text = read_text(&path).map_err(Diagnostics::from)?;
    let name = dir.file_name().unwrap_or_default();
    Ok(Recorded {
        name: name.to_string_lossy().into_owned(),
        dir: dir.to_owned(),
        recording: recording::parse(&path.display().to_string(), &text)?,
    })
}

impl Recorded {
    /// The steps that are judged, with their files.
    pub fn judged(&self) -> impl Iterator<Item = (&Step, &str)> {
        let steps = self.recording.steps.iter();
        steps.filter_map(|step| step.judged().map(|file| (step, file)))
    }

    /// The file of a step as the page that it is, or that a download becomes.
    ///
    /// # Errors
    /// When it is missing, or neither.
    pub fn page(&self, portal: &Portal, step: &Step, file: &str) -> Result<String, RecordingError> {
        let path = self.dir.join(file);
        Ok(match step.is {
            Kind::Download => load::page(portal, &path)?,
            Kind::SignIn | Kind::Submitted | Kind::Table | Kind::Page | Kind::Request => {
                load::saved(&path)?
            }
        })
    }

    /// A file as it is.
    ///
    /// # Errors
    /// When it is missing.
    pub fn bytes(&self, file: &str) -> Result<Vec<u8>, RecordingError> {
        let path = self.dir.join(file);
        fs::read(&path).map_err(|source| RecordingError::File { path, source })
    }

    /// What `file` must give; `None` where nobody has said.
    ///
    /// # Errors
    /// When what is there is not JSON.
    pub fn expected(&self, file: &str) -> Result<Option<Map<String, Value>>, RecordingError> {
        let path = self.dir.join(expected_name(file));
        let Ok(text) = fs::read_to_string(&path) else {
            return Ok(None);
        };
        let read = serde_json::from_str(&text);
        read.map(Some)
            .map_err(|source| RecordingError::Expected { path, source })
    }

    /// Says that this is what `file` must give.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn accept(&self, file: &str, found: &Map<String, Value>) -> Result<(), RecordingError> {
        let path = self.dir.join(expected_name(file));
        fs::write(&path, readable(found)).map_err(|source| RecordingError::File { path, source })
    }
}
