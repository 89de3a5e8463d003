//! Where a secret comes from: a file, the host's keyring, the environment, in this order.
//!
//! - A provider that has nothing gives way to the next; one that failed never does.
//! - A configured file must be there. `/run/secrets/<account>` is asked where none is configured.
//! - A secret is never an argument, and stands in no message.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::portal::Credential;
use crate::store::CredentialFingerprint;

pub mod keyring;

pub use keyring::KeyringError;

/// A secret is not longer than this; a longer file is not a secret file.
pub const MAX_BYTES: usize = 4096;
/// What is wrong with a longer one.
pub const TOO_LONG: &str = "longer than 4096 bytes";
/// Ends the name under which the seed of an account's one-time codes is kept; no account's own name has a dot.
pub const SEED: &str = ".totp";
/// Where Docker and Podman mount secrets.
const MOUNTED: &str = "/run/secrets";

/// Who serves a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// A secret file.
    File(PathBuf),
    /// The host's native store.
    Keyring,
    /// An environment variable of this name.
    Environment(String),
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Provider::File(path) => write!(f, "the secret file {}", path.display()),
            Provider::Keyring => f.write_str("the keyring"),
            Provider::Environment(name) => write!(f, "the environment variable {name}"),
        }
    }
}

/// What is asked for the secret of one account.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The account's name: the user of the keyring entry.
    pub account: String,
    /// `secret_file` of the config; asked first.
    pub secret_file: Option<PathBuf>,
    /// The file asked where `secret_file` is unset.
    pub mounted: PathBuf,
    /// Whether the native store is asked.
    pub keyring: bool,
    /// Name and value of the variable, the last resort.
    pub variable: (String, Option<SecretString>),
}

impl Sources {
    /// As this process has them: `/run/secrets/<account>` and `TILLWATCH_SECRET_<ACCOUNT>`.
    #[must_use]
    pub fn of(account: &str, secret_file: Option<&Path>) -> Self {
        let variable = account.to_ascii_uppercase().replace('-', "_");
        Self::named(
            account.to_owned(),
            secret_file,
            format!("TILLWATCH_SECRET_{variable}"),
        )
    }

    fn named(account: String, secret_file: Option<&Path>, name: String) -> Self {
        let value = std::env::var(&name).ok().map(Zeroizing::new);
        let value = value.map(|value| SecretString::from(value.as_str()));
        Self {
            secret_file: secret_file.map(Path::to_path_buf),
            mounted: Path::new(MOUNTED).join(&account),
            account,
            keyring: true,
            variable: (name, value),
        }
    }

    /// Of the seed of its one-time codes: `/run/secrets/<account>.totp`, the keyring's `<account>.totp` and
    /// `TILLWATCH_TOTP_<ACCOUNT>`.
    #[must_use]
    pub fn of_seed(account: &str, seed_file: Option<&Path>) -> Self {
        let variable = account.to_ascii_uppercase().replace('-', "_");
        Self::named(
            format!("{account}{SEED}"),
            seed_file,
            format!("TILLWATCH_TOTP_{variable}"),
        )
    }

    /// The secret file that serves, or is to serve, this account.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.secret_file {
            Some(path) => Some(path),
            None => self.mounted.exists().then_some(&self.mounted),
        }
    }
}

/// No secret, and why.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file is not there or cannot be read.
    #[error("could not read the secret file {} ({source})", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Others may read or change the file.
    #[error("the secret file {} has mode {mode:04o}: run `chmod 0400 {}`", path.display(), path.display())]
    FileMode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A directory, a device, a pipe.
    #[error("{} is no regular file, so it cannot be a secret file", path.display())]
    NotRegular {
        /// What was named.
        path: PathBuf,
    },
    /// Empty, too long, or not text: nothing that could be typed into a form.
    #[error("{provider} holds no secret: it is {fault}")]
    Unusable {
        /// Who serves it.
        provider: Provider,
        /// `empty`, `longer than 4096 bytes`, `not UTF-8`.
        fault: &'static str,
    },
    /// The store is there and did not answer. Nobody else is asked.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Nobody has it.
    #[error(
        "there is no secret for account `{account}`: none in {}, in {keyring}, or in {variable}; run `tillwatch credentials set {account}`", mounted.display()
    )]
    Nowhere {
        /// The account.
        account: String,
        /// The file that was looked for.
        mounted: PathBuf,
        /// `the keyring`, or that there is none.
        keyring: &'static str,
        /// The variable that was looked for.
        variable: String,
    },
}

/// Finds the secret of an account and names who served it.
///
/// # Errors
/// When nobody has it, and when a provider failed.
pub async fn lookup(sources: &Sources) -> Result<(SecretString, Provider), CredentialError> {
    if let Some(path) = &sources.secret_file {
        return read_file(path);
    }
    match read_file(&sources.mounted) {
        Ok(served) => return Ok(served),
        Err(CredentialError::File { source, .. }) if nothing_there(&source) => {}
        Err(error) => return Err(error),
    }
    let mut keyring = "the keyring";
    if sources.keyring {
        match keyring::get(&sources.account).await {
            Ok(Some(secret)) => return usable(&secret, Provider::Keyring),
            Ok(None) => {}
            Err(KeyringError::NoStore) => keyring = "a keyring (this host has none)",
            Err(error) => return Err(error.into()),
        }
    }
    let (name, value) = &sources.variable;
    match value {
        Some(secret) => usable(secret, Provider::Environment(name.clone())),
        None => Err(CredentialError::Nowhere {
            account: sources.account.clone(),
            mounted: sources.mounted.clone(),
            keyring,
            variable: name.clone(),
        }),
    }
}

fn nothing_there(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn usable(
    secret: &SecretString,
    provider: Provider,
) -> Result<(SecretString, Provider), CredentialError> {
    let fault = match secret.expose_secret().len() {
        0 => "empty",
        length if length > MAX_BYTES => TOO_LONG,
        _ => return Ok((secret.clone(), provider)),
    };
    Err(CredentialError::Unusable { provider, fault })
}

/// Reads a secret file; one line feed at its end is not part of the secret.
///
/// # Errors
/// When it is missing, no regular file, readable by others, or holds no usable secret.
pub fn read_file(path: &Path) -> Result<(SecretString, Provider), CredentialError> {
    let file_error = |source| CredentialError::File {
        path: path.to_path_buf(),
        source,
    };
    // Not blocking: a named pipe would wait for its writer for ever.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    let opened = options.read(true).custom_flags(flags).open(path);
    let file = opened.map_err(file_error)?;
    let metadata = file.metadata().map_err(file_error)?;
    if !metadata.is_file() {
        let path = path.to_path_buf();
        return Err(CredentialError::NotRegular { path });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        let path = path.to_path_buf();
        return Err(CredentialError::FileMode { path, mode });
    }
    let bytes = read_wiped(file).map_err(file_error)?;
    let provider = Provider::File(path.to_path_buf());
    let fault = match bytes.as_deref().map(|bytes| std::str::from_utf8(bytes)) {
        Some(Ok(text)) => return usable(&SecretString::from(trimmed(text)), provider),
        Some(Err(_)) => "not UTF-8",
        None => TOO_LONG,
    };
    Err(CredentialError::Unusable { provider, fault })
}

/// One line feed, or carriage return and line feed, less at the end.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    match text.strip_suffix('\n') {
        Some(text) => text.strip_suffix('\r').unwrap_or(text),
        None => text,
    }
}

/// All of it, in memory that is wiped and never moves; `None` when it is longer than a secret.
///
/// # Errors
/// As reading does.
pub fn read_wiped(mut from: impl Read) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut bytes = Zeroizing::new(vec![0; MAX_BYTES + 2]);
    let mut length = 0;
    loop {
        let room = bytes.get_mut(length..).unwrap_or_default();
        if room.is_empty() {
            return Ok(None);
        }
        match from.read(room) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(Some(bytes))
}

/// The first 32 bits of the SHA-256 of salt, portal user (the name of its ledger), user name and password: the same for all
/// accounts of one portal user. Few on purpose: enough to see a change, too few to find the password by them.
#[must_use]
pub fn fingerprint(salt: &[u8], ledger: &str, credential: &Credential) -> CredentialFingerprint {
    let mut hash = Sha256::new();
    for part in [
        salt,
        ledger.as_bytes(),
        credential.user.as_bytes(),
        credential.password.expose_secret().as_bytes(),
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
    CredentialFingerprint([a, b, c, d])
}

#[cfg(test)]
mod tests;
