//! `tillwatch store check|backup|restore|rebuild`: look at the store, copy it, bring it back.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::ConfigArg;
use crate::clock::Clock;
use crate::config::{self, Config, Since, SinkKind};
use crate::control::{self, Answer, Request};
use crate::event::source_of;
use crate::exit::Exit;
use crate::sink::SinkError;
use crate::sink::file;
use crate::store::{
    self, History, KnownAccount, OpenError, RecoverError, Recovered, Report, Sources, Store,
    StoreError,
};

/// What `tillwatch store` may be told.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Where the config file is.
    #[command(flatten)]
    pub config: ConfigArg,
    /// What to do.
    #[command(subcommand)]
    pub command: StoreCommand,
}

/// What can be done with a store.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Count and hash every record and compare with the witness. Asks the agent when one runs.
    Check,
    /// Copy the store into a new directory, also while the agent runs, and open the copy to verify it.
    Backup {
        /// A directory that does not exist yet.
        to: PathBuf,
    },
    /// Put a backup in the place of the store, which is moved aside. What file sinks hold counts as told.
    Restore {
        /// A directory that `backup` wrote. It is only read.
        backup: PathBuf,
        /// For accounts whose first start nothing remembers: completions from this instant on are told (RFC 3339).
        #[arg(long)]
        since: Option<DateTime<Utc>>,
    },
    /// Make a new store from what file sinks hold; the old one is moved aside. Without a file sink, what the
    /// portals show is told again under the same ids, flagged `replayed`.
    Rebuild {
        /// For accounts whose first start nothing remembers: completions from this instant on are told (RFC 3339).
        #[arg(long)]
        since: Option<DateTime<Utc>>,
    },
}

/// Why the command did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Recover(#[from] RecoverError),
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error(transparent)]
    Agent(#[from] control::AskError),
    #[error("{} could not be made absolute: {source}", path.display())]
    Path { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Refused(String),
    #[error("there is no store in {} yet: the first `tillwatch run` creates it", .0.display())]
    NoStore(PathBuf),
    #[error("the command was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl CommandError {
    fn exit(&self) -> Exit {
        match self {
            CommandError::Open(error) | CommandError::Recover(RecoverError::Open(error)) => {
                error.exit()
            }
            CommandError::Store(StoreError::Damaged { .. } | StoreError::Newer { .. }) => {
                Exit::StoreRefused
            }
            CommandError::Recover(RecoverError::SinceUnknown { .. }) => Exit::Usage,
            CommandError::Recover(RecoverError::Store(_))
            | CommandError::Store(_)
            | CommandError::Sink(_)
            | CommandError::Agent(_)
            | CommandError::Path { .. }
            | CommandError::Refused(_)
            | CommandError::NoStore(_)
            | CommandError::Interrupted(_) => Exit::Failed,
        }
    }
}

/// Runs the command. Answers go to standard output, errors to standard error.
pub async fn run(args: StoreArgs) -> Exit {
    let config = match config::load(&args.config.config) {
        Ok(config) => config,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return Exit::Config;
        }
    };
    match obey(args.command, &config).await {
        Ok(text) => match writeln!(io::stdout().lock(), "{text}") {
            Ok(()) => Exit::Ok,
            Err(_) => Exit::StdoutClosed,
        },
        Err(error) => {
            eprintln!("error: {error}");
            error.exit()
        }
    }
}

async fn obey(command: StoreCommand, config: &Config) -> Result<String, CommandError> {
    let dir = config.state_dir.as_path();
    match command {
        StoreCommand::Check => Ok(check(dir).await?.text),
        StoreCommand::Backup { to } => {
            // The agent may stand in another directory than the person who types.
            let to = std::path::absolute(&to)
                .map_err(|source| CommandError::Path { path: to, source })?;
            let request = Request::StoreBackup { to: to.clone() };
            match asked(dir, request).await? {
                Some(text) => Ok(text),
                None => Ok(backed_up(&opened(dir).await?.backup(&to).await?, &to)),
            }
        }
        StoreCommand::Restore { backup, since } => {
            recover(config, since, move |dir, sources| {
                store::restore(dir, &backup, sources)
            })
            .await
        }
        StoreCommand::Rebuild { since } => recover(config, since, store::rebuild).await,
    }
}

/// A store compared with its witness.
pub(super) struct Checked {
    /// What it holds.
    pub text: String,
    /// A running agent answered.
    pub agent_runs: bool,
}

/// Counts and hashes every record; asks the agent when one runs.
pub(super) async fn check(dir: &Path) -> Result<Checked, CommandError> {
    let (text, agent_runs) = match asked(dir, Request::StoreCheck).await? {
        Some(text) => (text, true),
        None => (opened(dir).await?.verify().await?.to_string(), false),
    };
    Ok(Checked { text, agent_runs })
}

/// The running agent's answer; `None` when none runs.
async fn asked(dir: &Path, request: Request) -> Result<Option<String>, CommandError> {
    match control::ask(dir, &request).await? {
        Some(Answer::Done(text)) => Ok(Some(text)),
        Some(Answer::Refused(text)) => Err(CommandError::Refused(text)),
        Some(Answer::Accounts(_) | Answer::Known(_) | Answer::Recorded { .. }) => {
            Err(control::AskError::Foreign.into())
        }
        None => Ok(None),
    }
}

/// The store, which a command that only looks does not create.
async fn opened(dir: &Path) -> Result<Store, CommandError> {
    if store::exists(dir) {
        Ok(Store::open(dir, Clock::System).await?)
    } else {
        Err(CommandError::NoStore(dir.to_owned()))
    }
}

fn backed_up(report: &Report, to: &Path) -> String {
    format!("{report}\ncopied to {} and verified", to.display())
}

async fn recover(
    config: &Config,
    since: Option<DateTime<Utc>>,
    work: impl FnOnce(&Path, Sources) -> Result<Recovered, RecoverError> + Send + 'static,
) -> Result<String, CommandError> {
    let dir = config.state_dir.clone();
    let files: Vec<PathBuf> = config
        .sinks
        .iter()
        .filter_map(|sink| match &sink.kind {
            SinkKind::File { path, .. } => Some(path.clone()),
            SinkKind::Stdout => None,
        })
        .collect();
    let accounts = config.accounts.iter().map(|account| KnownAccount {
        name: account.settings.name.clone(),
        source: source_of(&account.settings.portal, &account.settings.number),
        since: match account.settings.since {
            Since::Now => None,
            Since::At(instant) => Some(instant),
        },
    });
    let mut sources = Sources {
        accounts: accounts.collect(),
        sinks: config.sinks.iter().map(|sink| sink.name.clone()).collect(),
        histories: Vec::new(),
        since,
    };
    let done = tokio::task::spawn_blocking(move || {
        for path in &files {
            let mut history = History::default();
            file::told(path, |told| history.add(told))?;
            sources.histories.push(history);
        }
        Ok::<_, CommandError>(work(&dir, sources)?)
    });
    Ok(said(&done.await??))
}

fn said(done: &Recovered) -> String {
    let mut lines = vec![done.report.to_string()];
    if let Some(path) = &done.moved_to {
        lines.push(format!("the old store lies in {}", path.display()));
    }
    lines.push(format!(
        "{} payments count as told, because file sinks hold them",
        done.told
    ));
    if done.requeued > 0 {
        let what = "events of the backup will be told again, flagged `replayed`";
        lines.push(format!("{} {what}", done.requeued));
    }
    if done.replaying {
        let what = "what the portals show is told again under its old ids, flagged `replayed`";
        lines.push(what.to_owned());
    }
    lines.push(
        "every account is stopped: what was known of refused passwords is gone. Check each password, then \
         `tillwatch resume <account>`"
            .to_owned(),
    );
    lines.join("\n")
}
