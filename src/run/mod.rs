//! The agent as a whole: opens the store, the gates, the sinks and the portals, and ends them in order.
//!
//! Order of the end: accounts finish their step and close their browsers, then the sinks finish what they have in hand
//! (the rest waits in the outbox for the next start), then the store is closed. Whatever ends by itself and should not
//! have takes everything with it.

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::agent::TurnError;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::Answer;
use crate::delivery::{DeliveryError, Ended, Progress};
use crate::exit::Exit;
use crate::http::ServeError;
use crate::login::credentials::CredentialError;
use crate::login::gate::GateError;
use crate::login::ledger::LedgerError;
use crate::page_loads::PageLoadsError;
use crate::payment::AccountName;
use crate::sink::SinkError;
use crate::status::{State, Status};
use crate::store::{OpenError, Store, StoreError};

mod browsers;
mod people;
mod report;
mod start;

pub use browsers::{kept_file, session_key};

/// How long the accounts may take for the step in hand and for closing their browsers.
const LAST_STEP: Duration = Duration::from_secs(20);
/// With `--once`: how long the sinks may take for what was read.
const DRAIN: Duration = Duration::from_secs(60);

/// What is not in the config file.
pub struct Options {
    /// Time.
    pub clock: Clock,
    /// Where the stdout sink writes.
    pub stdout: Box<dyn Write + Send>,
    /// Read each account once, deliver, end.
    pub once: bool,
    /// For a status line: how the accounts stand, from the moment they run.
    pub statuses: Option<watch::Sender<Option<Vec<Status>>>>,
}

/// The agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state directory.
    #[error("the state directory {} cannot be used: {source}", path.display())]
    StateDir {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The count of an account's page loads.
    #[error(transparent)]
    PageLoads(#[from] PageLoadsError),
    /// The store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store, later.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A ledger.
    #[error("account {account}: {source}")]
    Gate {
        /// Whose.
        account: AccountName,
        /// Why.
        source: GateError,
    },
    /// A sink.
    #[error("sink {sink}: {source}")]
    Sink {
        /// Which.
        sink: String,
        /// Why.
        source: SinkError,
    },
    /// The HTTP server.
    #[error(transparent)]
    Http(#[from] ServeError),
    /// The stream's token.
    #[error("the token of the HTTP server: {0}")]
    Token(CredentialError),
    /// The key of the kept sessions.
    #[error("the key of the kept sessions: {0}")]
    SessionKey(CredentialError),
    /// A notifier's token.
    #[error("the token of the notifier {name}: {source}")]
    NotifierToken {
        /// Its name in the config.
        name: String,
        /// Why.
        source: CredentialError,
    },
    /// The notifiers' connections.
    #[error("notices cannot be sent over https: {0}")]
    NotifierTls(std::io::Error),
    /// No account can run: each is broken.
    #[error("no account can run: `tillwatch check` lists what is wrong")]
    NoAccount,
}

impl StartError {
    /// A file of that account's alone is in the way; a full disk, or a process without room for files, is in everybody's.
    fn is_of_one_account(&self) -> bool {
        let source = match self {
            StartError::PageLoads(PageLoadsError::Io { source, .. })
            | StartError::Gate {
                source: GateError::Ledger(LedgerError::Io { source, .. }),
                ..
            } => source,
            StartError::Gate {
                source: GateError::Ledger(LedgerError::Newer { .. }),
                ..
            } => return true,
            _ => return false,
        };
        let of_all = [Errno::NOSPC, Errno::DQUOT, Errno::MFILE, Errno::NFILE];
        Errno::from_io_error(source).is_none_or(|errno| !of_all.contains(&errno))
    }

    /// The program's exit code for it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            StartError::Open(error) => error.exit(),
            StartError::Gate {
                source: GateError::Ledger(LedgerError::Held { .. }),
                ..
            } => Exit::AlreadyRunning,
            StartError::Gate {
                source: GateError::RulesDiffer | GateError::Rules(_),
                ..
            }
            | StartError::NoAccount => Exit::Config,
            StartError::Sink {
                source: SinkError::Closed,
                ..
            } => Exit::StdoutClosed,
            StartError::Token(_) | StartError::SessionKey(_) | StartError::NotifierToken { .. } => {
                Exit::Secret
            }
            StartError::StateDir { .. }
            | StartError::PageLoads(_)
            | StartError::Store(_)
            | StartError::Gate {
                source: GateError::Ledger(_) | GateError::Stopping,
                ..
            }
            | StartError::Sink { .. }
            | StartError::NotifierTls(_)
            | StartError::Http(_) => Exit::Failed,
        }
    }
}

/// How one of the tasks ended.
enum Task {
    Account(Result<(), TurnError>),
    Sink(String, Result<Ended, DeliveryError>),
    Service,
    Server(ServeError),
}

/// Everything that runs.
struct Running {
    tasks: JoinSet<Task>,
    accounts: usize,
    /// Some account of the config does not run.
    is_short: bool,
    stop_accounts: watch::Sender<bool>,
    stop_rest: watch::Sender<bool>,
    board: watch::Sender<Vec<Status>>,
    progress: Vec<watch::Receiver<Progress>>,
    store: Store,
}

/// A recording of the one account that runs.
struct Recording {
    pages: u16,
    answer: oneshot::Sender<Answer>,
}

/// Runs `account` alone until `pages` pages of its table are recorded, or cannot be. It signs in as it would, where no session
/// is kept. Nothing is delivered and nobody is told: what was paid meanwhile waits for the next run.
///
/// # Errors
/// When the agent does not start: another one runs, or the account is broken.
pub async fn record(
    mut config: Config,
    account: &AccountName,
    pages: u16,
    shutdown: impl Future<Output = ()>,
) -> Result<Answer, StartError> {
    config.accounts.retain(|one| one.settings.name == *account);
    config.notifiers.clear();
    (config.http, config.dead_man) = (None, None);
    let options = Options {
        clock: Clock::System,
        stdout: Box::new(std::io::sink()),
        once: false,
        statuses: None,
    };
    let (answer, answered) = oneshot::channel();
    let recording = Recording { pages, answer };
    let running = start::start(config, options, Some(recording)).await?;
    let mut said = None;
    let hears = async {
        tokio::select! {
            answer = answered => said = answer.ok(),
            () = shutdown => said = Some(Answer::Refused("stopped before it was recorded".to_owned())),
        }
    };
    let exit = running.until(hears, false).await;
    Ok(said.unwrap_or_else(|| {
        let code = exit.code();
        Answer::Refused(format!(
            "the account ended with {code} before it was recorded: see the log of `tillwatch run --once`"
        ))
    }))
}

/// Runs the agent until `shutdown`, or once.
pub async fn run(config: Config, options: Options, shutdown: impl Future<Output = ()>) -> Exit {
    let once = options.once;
    match start::start(config, options, None).await {
        Ok(running) => running.until(shutdown, once).await,
        Err(error) => {
            tracing::error!("{error}");
            error.exit()
        }
    }
}

impl Running {
    async fn until(mut self, shutdown: impl Future<Output = ()>, once: bool) -> Exit {
        tokio::pin!(shutdown);
        let mut exit = loop {
            tokio::select! {
                () = &mut shutdown => break Exit::Ok,
                Some(ended) = self.tasks.join_next() => match self.after(ended) {
                    Some(exit) => break exit,
                    None if self.accounts == 0 && once => break self.drained().await,
                    None => {}
                },
            }
        };
        self.stop_accounts.send_replace(true);
        let last_steps = async {
            while self.accounts > 0 {
                let Some(ended) = self.tasks.join_next().await else {
                    break;
                };
                exit = self
                    .after(ended)
                    .filter(|_| exit == Exit::Ok)
                    .unwrap_or(exit);
            }
        };
        if tokio::time::timeout(LAST_STEP, last_steps).await.is_err() {
            tracing::warn!(
                "an account did not finish its step in time; its browser is ended with the program"
            );
        }
        self.stop_rest.send_replace(true);
        // An account that is still in its step is not waited for: it ends as the set is dropped.
        while self.tasks.len() > self.accounts
            && let Some(ended) = self.tasks.join_next().await
        {
            exit = self
                .after(ended)
                .filter(|_| exit == Exit::Ok)
                .unwrap_or(exit);
        }
        exit
    }

    /// A task ended. What must not end takes the program with it.
    fn after(&mut self, ended: Result<Task, tokio::task::JoinError>) -> Option<Exit> {
        match ended {
            Ok(Task::Account(ended)) => {
                self.accounts = self.accounts.saturating_sub(1);
                let error = ended.err()?;
                tracing::error!("{error}");
                Some(Exit::Failed)
            }
            Ok(Task::Service | Task::Sink(_, Ok(Ended::Stopped))) => None,
            Ok(Task::Sink(sink, Ok(Ended::ReaderGone))) => {
                tracing::error!(sink, "nobody reads the sink any more; its cursor is kept");
                Some(Exit::StdoutClosed)
            }
            Ok(Task::Sink(sink, Err(error))) => {
                tracing::error!(sink, "{error}");
                Some(Exit::Failed)
            }
            Ok(Task::Server(error)) => {
                tracing::error!("{error}");
                Some(Exit::Failed)
            }
            Err(error) => {
                self.accounts = self.accounts.saturating_sub(1);
                tracing::error!("a part of the agent ended unexpectedly: {error}");
                Some(Exit::Failed)
            }
        }
    }

    /// With `--once`: waits until every sink has everything.
    async fn drained(&mut self) -> Exit {
        let newest = *self.store.newest().borrow();
        let all = async {
            for progress in &mut self.progress {
                // A worker that ended has nothing more to acknowledge.
                let _ended = progress
                    .wait_for(|progress| progress.acknowledged >= newest)
                    .await;
            }
        };
        let in_time = tokio::time::timeout(DRAIN, all).await.is_ok();
        let read = self
            .board
            .borrow()
            .iter()
            .all(|status| status.state == State::SignedIn);
        if in_time && read && !self.is_short {
            Exit::Ok
        } else {
            Exit::Unhealthy
        }
    }
}
