//! A command of the operator's that prints a one-time code: run without a shell, for so long only.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::zeroize::Zeroizing;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::code::{Given, MAX_BYTES};

/// The command gave no code.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("the command {program} for one-time codes could not be started: {source}")]
    Start {
        /// Its first word.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It could not be read.
    #[error("the command {program} for one-time codes could not be read: {source}")]
    Read {
        /// Its first word.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It failed.
    #[error("the command {program} for one-time codes ended with {status}")]
    Failed {
        /// Its first word.
        program: String,
        /// As the system words it.
        status: String,
    },
    /// It was killed.
    #[error("the command {program} for one-time codes did not end within {} s and was killed", limit.as_secs())]
    Late {
        /// Its first word.
        program: String,
        /// How long it had.
        limit: Duration,
    },
    /// It printed no text of a code's length.
    #[error("the command {program} for one-time codes printed no code")]
    NoText {
        /// Its first word.
        program: String,
    },
}

/// Runs `command` and takes what it prints. It is told the account as `TILLWATCH_ACCOUNT` and the instant of the click
/// as `TILLWATCH_ASKED_AT`: only a code that is newer counts.
///
/// # Errors
/// [`CommandError`].
pub async fn ask(
    command: &[String],
    account: &str,
    asked_at: DateTime<Utc>,
    limit: Duration,
) -> Result<Given, CommandError> {
    let (program, arguments) = command
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    match tokio::time::timeout(limit, run(program, arguments, account, asked_at)).await {
        Ok(given) => given,
        Err(_) => Err(CommandError::Late {
            program: program.to_owned(),
            limit,
        }),
    }
}

async fn run(
    program: &str,
    arguments: &[String],
    account: &str,
    asked_at: DateTime<Utc>,
) -> Result<Given, CommandError> {
    let name = || program.to_owned();
    let mut child = Command::new(program)
        .args(arguments)
        .env("TILLWATCH_ACCOUNT", account)
        .env(
            "TILLWATCH_ASKED_AT",
            asked_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| CommandError::Start {
            program: name(),
            source,
        })?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 1));
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = stdout.take(MAX_BYTES as u64 + 1);
        let read = stdout.read_to_end(&mut bytes).await;
        read.map_err(|source| CommandError::Read {
            program: name(),
            source,
        })?;
    }
    let status = child.wait().await.map_err(|source| CommandError::Read {
        program: name(),
        source,
    })?;
    if !status.success() {
        return Err(CommandError::Failed {
            program: name(),
            status: status.to_string(),
        });
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.len() <= MAX_BYTES => Ok(Given::new(text.to_owned())),
        Ok(_) | Err(_) => Err(CommandError::NoText { program: name() }),
    }
}
