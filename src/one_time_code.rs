//! Where the one-time code of a sign-in comes from: a stored seed, a command, or somebody who gives it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::clock::Clock;
use crate::login::code::{Desk, NoCode, NotACode, Ticket};
use crate::login::code_command::{self, CommandError};
use crate::login::credentials::{self, CredentialError, Sources};
use crate::login::totp::{Seed, SeedError};

/// How an account comes by its codes.
#[derive(Debug, Clone)]
pub enum By {
    /// It has no way: a person must sign in by hand.
    Nobody,
    /// Computed from the seed that these serve.
    Totp(Sources),
    /// Given at the account's desk: by HTTP, by `tillwatch otp`.
    Given,
    /// Printed by this command.
    Command(Vec<String>),
}

/// One account's source of codes.
#[derive(Debug)]
pub struct Codes {
    by: By,
    desk: Desk,
    /// How long a code is waited for.
    wait: Duration,
    /// How long one that was given counts.
    valid: Duration,
}

/// There is no code.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// None came.
    #[error("no one-time code came within {} s", waited.as_secs())]
    Late {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The agent is stopping.
    #[error("the agent is stopping")]
    Stopping,
    /// The account has no source.
    #[error("the account has no `otp`")]
    Nobody,
    /// The seed was not served.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The seed is none.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// What it printed is no code.
    #[error(transparent)]
    NotACode(#[from] NotACode),
}

impl Codes {
    /// `desk` is where codes are given; `wait` and `valid` as in the config.
    #[must_use]
    pub fn new(by: By, desk: Desk, wait: Duration, valid: Duration) -> Self {
        Self {
            by,
            desk,
            wait,
            valid,
        }
    }

    /// No source at all.
    #[must_use]
    pub fn none(clock: Clock) -> Self {
        let desk = Desk::new(clock, None);
        Self::new(By::Nobody, desk, Duration::ZERO, Duration::ZERO)
    }

    /// Is there a source?
    #[must_use]
    pub fn are_there(&self) -> bool {
        !matches!(self.by, By::Nobody)
    }

    /// Where codes are given.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Does somebody give it?
    #[must_use]
    pub fn is_given(&self) -> bool {
        matches!(self.by, By::Given)
    }

    /// How long a code is waited for.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.wait
    }

    /// Is there a code to be had, as far as can be known before one is asked for?
    ///
    /// # Errors
    /// When the seed is missing or none.
    pub async fn check(&self) -> Result<(), CodeError> {
        if let By::Totp(sources) = &self.by {
            let (text, _) = credentials::lookup(sources).await?;
            Seed::parse(&text)?;
        }
        Ok(())
    }

    /// The code for the form that was sent at `asked_at`; no other is ever given for it, and none twice: `used` is the time
    /// step of the last one that was computed.
    ///
    /// # Errors
    /// [`CodeError`].
    pub async fn code(
        &self,
        ticket: &Ticket<'_>,
        account: &str,
        asked_at: DateTime<Utc>,
        clock: &Clock,
        used: &mut Option<u64>,
    ) -> Result<SecretString, CodeError> {
        match &self.by {
            By::Nobody => Err(CodeError::Nobody),
            By::Totp(sources) => {
                let (text, _) = credentials::lookup(sources).await?;
                let seed = Seed::parse(&text)?;
                loop {
                    let now = u64::try_from(clock.now().timestamp()).unwrap_or_default();
                    match seed.code(now, *used) {
                        Ok(code) => {
                            *used = Some(code.step);
                            return Ok(code.text);
                        }
                        Err(pause) => tokio::time::sleep(pause).await,
                    }
                }
            }
            By::Given => ticket
                .code(self.wait, self.valid)
                .await
                .map_err(|why| match why {
                    NoCode::Late => CodeError::Late { waited: self.wait },
                    NoCode::Stopping => CodeError::Stopping,
                }),
            By::Command(command) => {
                let given = code_command::ask(command, account, asked_at, self.wait).await?;
                Ok(given.code(self.desk.capture())?)
            }
        }
    }
}
