//! `tillwatch credentials set|test|delete`: puts the secret of an account where the agent finds it, or says who
//! has it. Spends no login and prints no secret.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::ConfigArg;
use crate::config::{self, OtpBy};
use crate::diagnostic::Diagnostics;
use crate::exit::Exit;
use crate::login::credentials::{
    CredentialError, KeyringError, MAX_BYTES, SEED, Sources, TOO_LONG, keyring, lookup, read_wiped,
    trimmed,
};

/// Arguments of `tillwatch credentials`.
#[derive(Debug, Args)]
pub struct CredentialsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Asks for the secret (or reads it from stdin) and stores it in the host's keyring
    Set(Account),
    /// Says who serves the secret, without a login and without showing it
    Test(Account),
    /// Deletes the secret from the host's keyring
    Delete(Account),
}

#[derive(Debug, Args)]
struct Account {
    /// Name of the account, as in tillwatch.toml; `<account>.totp` for the seed of its one-time codes
    account: String,
    #[command(flatten)]
    config: ConfigArg,
}

/// A command could not be done.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Config(Diagnostics),
    #[error("{} has no account `{account}`; it has: {known}", config.display())]
    NoAccount {
        config: PathBuf,
        account: String,
        known: String,
    },
    #[error(transparent)]
    Credential(#[from] CredentialError),
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    #[error(
        "account `{account}` takes its secret from the file {}, which comes before the keyring: write the new secret \
         to a file NEW and run `install -m 0400 NEW {}` (with `-o UID` when the agent runs as another user)", file.display(), file.display()
    )]
    ServedByFile { account: String, file: PathBuf },
    #[error(
        "this host has no keyring: write the secret to a file NEW, run `install -m 0400 NEW PATH` (with `-o UID` when \
         the agent runs as another user), and name it for account `{account}` as `secret_file = \"PATH\"`"
    )]
    NoStore { account: String },
    #[error("could not read the secret ({0})")]
    Input(#[from] std::io::Error),
    #[error("the two secrets differ: nothing was stored")]
    Differ,
    #[error("what was read is {0}: nothing was stored")]
    Unusable(&'static str),
    #[error("the keyring has no secret for account `{account}`")]
    NothingToDelete { account: String },
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Failure::Config(_) => Exit::Config,
            Failure::NoAccount { .. } => Exit::Usage,
            Failure::Credential(_)
            | Failure::Keyring(_)
            | Failure::ServedByFile { .. }
            | Failure::NoStore { .. }
            | Failure::Input(_)
            | Failure::Differ
            | Failure::Unusable(_)
            | Failure::NothingToDelete { .. } => Exit::Secret,
        }
    }
}

/// Runs the command and tells what became of it: on stdout when it was done, else on stderr.
pub async fn run(args: CredentialsArgs) -> Exit {
    let done = match &args.command {
        Command::Set(account) => set(account).await,
        Command::Test(account) => test(account).await,
        Command::Delete(account) => delete(account).await,
    };
    // A closed stdout or stderr changes nothing about what was done.
    match done {
        Ok(said) => {
            let _closed = writeln!(std::io::stdout(), "{said}");
            Exit::Ok
        }
        Err(failure) => {
            let _closed = writeln!(std::io::stderr(), "error: {failure}");
            failure.exit()
        }
    }
}

async fn set(args: &Account) -> Result<String, Failure> {
    let (sources, account) = (sources(args)?, args.account.clone());
    if let Some(file) = sources.file() {
        let file = file.to_path_buf();
        return Err(Failure::ServedByFile { account, file });
    }
    // Asked before the person types, so that nobody types for nothing.
    match keyring::get(&account).await {
        Ok(_) => {}
        Err(KeyringError::NoStore) => return Err(Failure::NoStore { account }),
        Err(error) => return Err(error.into()),
    }
    let secret = read_secret(&account)?;
    keyring::set(&account, secret).await?;
    Ok(format!(
        "the keyring now holds the secret of account `{account}`"
    ))
}

async fn test(args: &Account) -> Result<String, Failure> {
    let (_secret, provider) = lookup(&sources(args)?).await?;
    let account = &args.account;
    Ok(format!(
        "the secret of account `{account}` comes from {provider}"
    ))
}

async fn delete(args: &Account) -> Result<String, Failure> {
    let (sources, account) = (sources(args)?, args.account.clone());
    match keyring::delete(&account).await {
        Ok(true) => {}
        Ok(false) => return Err(Failure::NothingToDelete { account }),
        Err(KeyringError::NoStore) => return Err(Failure::NoStore { account }),
        Err(error) => return Err(error.into()),
    }
    let still = match sources.file() {
        Some(file) => format!("; the secret file {} still serves it", file.display()),
        None => String::new(),
    };
    Ok(format!(
        "the keyring no longer holds the secret of account `{account}`{still}"
    ))
}

fn sources(args: &Account) -> Result<Sources, Failure> {
    let path = &args.config.config;
    let config = config::load(path).map_err(Failure::Config)?;
    let accounts: Vec<_> = config
        .accounts
        .iter()
        .map(|account| &account.settings)
        .collect();
    let name = args.account.strip_suffix(SEED);
    let named = accounts
        .iter()
        .find(|account| account.name.as_str() == name.unwrap_or(&args.account));
    match named {
        Some(account) if name.is_some() => {
            let seed_file = match account.otp.as_ref().map(|otp| &otp.by) {
                Some(OtpBy::Totp { seed_file }) => seed_file.as_deref(),
                Some(OtpBy::Given | OtpBy::Command { .. }) | None => None,
            };
            Ok(Sources::of_seed(account.name.as_str(), seed_file))
        }
        Some(account) => Ok(Sources::of(&args.account, account.secret_file.as_deref())),
        None => {
            let known: Vec<_> = accounts
                .iter()
                .map(|account| account.name.as_str())
                .collect();
            Err(Failure::NoAccount {
                config: path.clone(),
                account: args.account.clone(),
                known: known.join(", "),
            })
        }
    }
}

/// Typed twice without echo on a terminal; from anything else read to its end.
fn read_secret(account: &str) -> Result<SecretString, Failure> {
    let stdin = std::io::stdin();
    let typed = if stdin.is_terminal() {
        let ask = |prompt: String| rpassword::prompt_password(prompt).map(Zeroizing::new);
        let first = ask(format!("Secret of account {account}: "))?;
        let again = ask("The same again: ".to_owned())?;
        if *first != *again {
            return Err(Failure::Differ);
        }
        first
    } else {
        let bytes = read_wiped(stdin.lock())?.ok_or(Failure::Unusable(TOO_LONG))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Failure::Unusable("not UTF-8"))?;
        Zeroizing::new(trimmed(text).to_owned())
    };
    match typed.len() {
        0 => Err(Failure::Unusable("empty")),
        length if length > MAX_BYTES => Err(Failure::Unusable(TOO_LONG)),
        _ => Ok(SecretString::from(typed.as_str())),
    }
}
