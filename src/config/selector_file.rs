//! The selector file of an account, to be read again while the account runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};

use super::account::{Draft, Resolved};
use super::read_text;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::selectors;

/// Where it stands, and the account that reads by it.
#[derive(Clone)]
pub struct SelectorFile {
    path: PathBuf,
    account: Draft,
}

impl fmt::Debug for SelectorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SelectorFile").field(&self.path).finish()
    }
}

impl SelectorFile {
    pub(super) fn new(account: Draft, selectors_dir: &Path) -> Self {
        let name = format!("{}.toml", account.settings.portal);
        Self {
            path: selectors_dir.join(name),
            account,
        }
    }

    /// Its text as it is now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn text(&self) -> Result<String, Diagnostic> {
        read_text(&self.path)
    }

    /// Was it written within so long before `now`?
    #[must_use]
    pub fn written_within(&self, span: TimeDelta, now: DateTime<Utc>) -> bool {
        let written = std::fs::metadata(&self.path).and_then(|found| found.modified());
        let age = |written: SystemTime| now - DateTime::<Utc>::from(written);
        // A file from the future is as old as any.
        written.is_ok_and(|written| (TimeDelta::zero()..span).contains(&age(written)))
    }

    /// What `text` means for the account, as at a start.
    ///
    /// # Errors
    /// Everything wrong with it.
    pub fn resolve(&self, text: &str) -> Result<Resolved, Diagnostics> {
        let name = &self.account.settings.portal;
        let path = self.path.display().to_string();
        self.account
            .with(selectors::file::parse(name, &path, text)?)
    }
}
