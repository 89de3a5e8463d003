//! What is kept of a portal's session, so that a restart needs no login: cookies and storage in one encrypted file.
//!
//! - Written aside, fsynced, renamed, readable by its owner only.
//! - Bound to account, portal user and pinned origin. A file that does not open is dropped with one log line: it costs a
//!   login at most.
//! - What is decrypted is wiped when it is dropped.
//! - The instant of the sign-in goes with it, in both of the machine's clocks. A file of format 1 has none: nothing is said
//!   or learned of its session's age.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::zeroize::{Zeroize, Zeroizing};
use serde::{Deserialize, Serialize};

use crate::login::budget::{BootId, Stamp};

mod seal;

pub use seal::{Key, Owner};

/// Name of the file in the account's own directory.
const NAME: &str = "session";
/// A session is a few KiB. What is larger is not kept.
const MAX_BYTES: usize = 1 << 20;

/// Cookies of every origin that the browser met, and storage of the pinned one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// All cookies, those that scripts do not see included.
    pub cookies: Vec<Cookie>,
    /// `localStorage` of the pinned origin.
    pub local: Vec<Item>,
    /// `sessionStorage` of the pinned origin, of the one tab.
    pub session: Vec<Item>,
    /// When it began, where that is known; of an imported one, when it was imported.
    #[serde(default)]
    pub begun: Option<Begun>,
    /// A person signed in elsewhere, and no page has shown yet that the portal takes the session from us.
    #[serde(default)]
    pub is_imported: bool,
    /// The user agent that the portal knows the session by, where it is another one than the browser's own.
    #[serde(default)]
    pub user_agent: Option<String>,
}

/// The instant of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    wall: DateTime<Utc>,
    boot: String,
    since_boot_ms: u64,
}

impl Begun {
    /// At this instant.
    #[must_use]
    pub fn at(stamp: &Stamp) -> Self {
        Self {
            wall: stamp.wall,
            boot: stamp.boot.0.clone(),
            since_boot_ms: u64::try_from(stamp.since_boot.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// The instant.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp {
            wall: self.wall,
            boot: BootId(self.boot.clone()),
            since_boot: Duration::from_millis(self.since_boot_ms),
        }
    }
}

/// What is known of a session from before, or from elsewhere, that no page has proved yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought {
    /// When it began.
    pub begun: Option<Begun>,
    /// A person signed in elsewhere and gave it to us.
    pub is_imported: bool,
}

impl Kept {
    /// What is known of it before it is proved.
    #[must_use]
    pub fn brought(&self) -> Brought {
        Brought {
            begun: self.begun.clone(),
            is_imported: self.is_imported,
        }
    }
}

/// A cookie, with the names of Chromium's protocol (`Network.Cookie`).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cookie {
    /// Name.
    pub name: String,
    /// Value: a secret.
    pub value: String,
    /// Host; with a leading dot it is sent to subdomains too.
    pub domain: String,
    /// Path.
    pub path: String,
    /// Sent over https only.
    pub secure: bool,
    /// Hidden from scripts.
    pub http_only: bool,
    /// Seconds since the epoch; negative or none: until the browser ends.
    #[serde(default)]
    pub expires: Option<f64>,
    /// `Strict`, `Lax` or `None`.
    #[serde(default)]
    pub same_site: Option<String>,
}

/// Key and value of a storage.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Item(pub String, pub String);

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie")
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Item")
    }
}

impl Drop for Cookie {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.1.zeroize();
    }
}

/// The file of one account.
#[derive(Debug, Clone)]
pub struct KeptFile {
    path: PathBuf,
    owner: Owner,
}

/// The session is not on disk; a restart spends a login.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The file system's.
    #[error("the session cannot be written to {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Cookies and storage over the limit.
    #[error("the session has {bytes} bytes of cookies and storage, the limit is {MAX_BYTES}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Nothing to encrypt it with.
    #[error(
        "the session cannot be encrypted, for the account has no secret: `tillwatch credentials set`, or `session_key_file`"
    )]
    NoKey,
    /// No random numbers, or a failure of the cipher.
    #[error("the session could not be encrypted")]
    Cipher,
}

impl KeptFile {
    /// In `state`, the account's own directory. Nothing is read yet.
    #[must_use]
    pub fn new(state: &Path, owner: Owner) -> Self {
        Self {
            path: state.join(NAME),
            owner,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Is a session kept?
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// What is kept. A file that does not open with `key`, or is of another owner, is dropped and told once.
    #[must_use]
    pub fn load(&self, key: &Key) -> Option<Kept> {
        let why = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => error.to_string(),
            Ok(about) if about.len() > 2 * MAX_BYTES as u64 => "it is too large".to_owned(),
            Ok(_) => match fs::read(&self.path) {
                Ok(bytes) => match self.opened(key, &bytes) {
                    Some(kept) => return Some(kept),
                    None => "it is damaged, of another account or user, or of an earlier password"
                        .to_owned(),
                },
                Err(error) => error.to_string(),
            },
        };
        tracing::warn!(
            account = self.owner.account,
            "the kept session is dropped: {why}"
        );
        self.forget();
        None
    }

    fn opened(&self, key: &Key, bytes: &[u8]) -> Option<Kept> {
        let plain = seal::open(key, &self.owner, bytes)?;
        serde_json::from_slice(&plain).ok()
    }

    /// Replaces what is kept.
    ///
    /// # Errors
    /// See [`KeepError`]; what was kept before stays.
    pub fn save(&self, key: &Key, kept: &Kept) -> Result<(), KeepError> {
        let mut plain = Zeroizing::new(Vec::with_capacity(16 << 10));
        serde_json::to_writer(&mut *plain, kept).map_err(|_| KeepError::Cipher)?;
        if plain.len() > MAX_BYTES {
            return Err(KeepError::TooLarge { bytes: plain.len() });
        }
        let sealed = seal::seal(key, &self.owner, &plain).ok_or(KeepError::Cipher)?;
        self.replace(&sealed).map_err(|source| KeepError::Io {
            path: self.path.clone(),
            source,
        })
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)?;
        // One name: what a crash leaves is written over next time.
        let aside = self.aside();
        let mut options = File::options();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, &self.path)?;
        File::open(dir)?.sync_all()
    }

    fn aside(&self) -> PathBuf {
        self.path.with_extension("new")
    }

    /// Drops what is kept; told when that fails, for what stays is a way in.
    pub fn forget(&self) {
        for path in [&self.path, &self.aside()] {
            match fs::remove_file(path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(
                    account = self.owner.account,
                    path = %path.display(),
                    "the kept session could not be removed: {error}"
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests;
