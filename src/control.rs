//! Commands beside a running agent: one JSON line each way over a 0600 Unix socket in the state directory.
//!
//! A command that needs the store asks here first, and opens the store itself only when nobody answers.

mod known;
mod request;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

pub use known::KnownPayments;
pub use request::{Answer, MAX_RECORDED, Request};

use crate::config::{self, Resolved};
use crate::event::AccountRef;
use crate::login::code::{self, Given};
use crate::overview::Overview;
use crate::payment::{AccountName, NotAPaymentId, PaymentId};
use crate::portal::kept::Kept;
use crate::selectors::Portal;
use crate::status::Halt;
use crate::store::{Refused, Store, StoreError};

/// Longest request or answer, in bytes.
const MAX_LINE: u64 = 4 << 20;
/// Whoever connects and says nothing for this long is left.
const REQUEST_TIME: Duration = Duration::from_secs(5);
/// Commands answered at once.
const MAX_TALKS: usize = 16;
/// How long a command waits for the agent, which may be in the middle of a page.
const PATIENCE: Duration = Duration::from_secs(180);

/// Payment ids in one request.
pub const MAX_IDS: usize = 50_000;
/// Of those in one question what is known of them: its answer is longer.
pub const MAX_KNOWN: usize = 10_000;

/// What a command that only the agent can answer says when none runs.
pub const NO_AGENT: &str = "no agent runs: start `tillwatch run`";

/// What the agent answers from. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    /// The accounts' tasks.
    pub accounts: Arc<HashMap<AccountName, mpsc::Sender<Ordered>>>,
    /// How they stand.
    pub overview: Overview,
    /// Where one-time codes are given.
    pub codes: Arc<BTreeMap<AccountName, code::Desk>>,
    /// The config file, read again where a command is about what was corrected since the start.
    pub config: Arc<Path>,
}

/// What an account's task is told.
#[derive(Debug)]
pub enum Order {
    /// See [`Request::Pause`].
    Pause,
    /// See [`Request::Resume`].
    Resume,
    /// See [`Request::EmitAgain`].
    EmitAgain,
    /// See [`Request::Poll`].
    Poll,
    /// See [`Request::Release`].
    Release {
        /// The account as the config has it now.
        account: AccountRef,
        /// The selector file as it is now.
        portal: Arc<Portal>,
    },
    /// See [`Request::Record`].
    Record {
        /// See there.
        pages: u16,
    },
    /// See [`Request::ImportSession`].
    Import {
        /// See there.
        origin: String,
        /// See there.
        session: Box<Kept>,
    },
}

/// An order on its way to an account, and where the answer goes.
pub type Ordered = (Order, oneshot::Sender<Answer>);

/// The agent could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The socket is there and somebody listens, but the exchange failed.
    #[error("the running agent did not answer on {}: {source}", path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An answer that this version does not know.
    #[error(
        "the running agent answered in a form that this version does not know: use the same version for both"
    )]
    Foreign,
}

/// The socket's path.
#[must_use]
pub fn socket(state_dir: &Path) -> PathBuf {
    state_dir.join("agent.sock")
}

/// Asks the running agent; `None` when none runs.
///
/// # Errors
/// See [`AskError`].
pub async fn ask(state_dir: &Path, request: &Request) -> Result<Option<Answer>, AskError> {
    let path = socket(state_dir);
    let stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(source) => return Err(AskError::Broken { path, source }),
    };
    let exchange = tokio::time::timeout(PATIENCE, exchange(stream, request)).await;
    match exchange.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(line) => serde_json::from_str(&line)
            .map(Some)
            .map_err(|_| AskError::Foreign),
        Err(source) => Err(AskError::Broken { path, source }),
    }
}

async fn exchange(mut stream: UnixStream, request: &Request) -> io::Result<String> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    read_line(&mut BufReader::new(stream)).await
}

async fn read_line(reader: &mut BufReader<UnixStream>) -> io::Result<String> {
    let mut line = String::new();
    reader.take(MAX_LINE).read_line(&mut line).await?;
    if line.ends_with('\n') {
        Ok(line)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Binds the socket. The caller holds the store's lock, so a socket that is left over belongs to nobody.
///
/// # Errors
/// When the directory cannot be written.
pub fn bind(state_dir: &Path) -> io::Result<UnixListener> {
    let path = socket(state_dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers on the socket until `stop`.
pub async fn serve(listener: UnixListener, desk: Desk, mut stop: watch::Receiver<bool>) {
    let mut talks = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            Some(_) = talks.join_next(), if !talks.is_empty() => {}
            accepted = listener.accept() => {
                // One person at a time types commands; a queue of them is a mistake somewhere.
                if let (Ok((stream, _)), true) = (accepted, talks.len() < MAX_TALKS) {
                    talks.spawn(talk(stream, desk.clone()));
                }
            }
        }
    }
}

async fn talk(stream: UnixStream, desk: Desk) {
    let mut reader = BufReader::new(stream);
    let Ok(Ok(line)) = tokio::time::timeout(REQUEST_TIME, read_line(&mut reader)).await else {
        return;
    };
    let answer = match serde_json::from_str::<Request>(&line) {
        Ok(request) => tokio::select! {
            answer = answer(request, &desk) => answer,
            // Nothing more is said after a request: whoever asked has gone away.
            _ = reader.fill_buf() => return,
        },
        Err(_) => Answer::Refused(
            "the agent does not know this command: use the same version for both".to_owned(),
        ),
    };
    let Ok(mut line) = serde_json::to_vec(&answer) else {
        return;
    };
    line.push(b'\n');
    // Whoever asked may have gone away meanwhile.
    let _gone = reader.get_mut().write_all(&line).await;
}

async fn answer(request: Request, desk: &Desk) -> Answer {
    let accounts = &desk.accounts;
    match request {
        Request::Pause { account } => order(Order::Pause, &account, accounts).await,
        Request::Resume { account } => order(Order::Resume, &account, accounts).await,
        Request::EmitAgain { account } => order(Order::EmitAgain, &account, accounts).await,
        Request::Poll { account } => order(Order::Poll, &account, accounts).await,
        Request::Otp { account, code } => give(&desk.codes, &account, &code),
        Request::Release { account } => release(account, desk).await,
        Request::Record { account, pages } => {
            order(Order::Record { pages }, &account, accounts).await
        }
        Request::ImportSession {
            account,
            origin,
            session,
        } => {
            let session = Box::new(session);
            order(Order::Import { origin, session }, &account, accounts).await
        }
        Request::Status => match desk.overview.accounts().await {
            Ok(accounts) => Answer::Accounts(accounts),
            Err(error) => Answer::Refused(error.to_string()),
        },
        other @ (Request::Quarantine { .. }
        | Request::StoreCheck
        | Request::StoreBackup { .. }
        | Request::Known { .. }
        | Request::ImportSeen { .. }) => from_store(&desk.overview.store, other).await,
    }
}

async fn release(account: String, desk: &Desk) -> Answer {
    let (path, name) = (desk.config.clone(), account.clone());
    let read = tokio::task::spawn_blocking(move || config::resolved(&path, &name)).await;
    match read {
        Ok(Ok(Resolved {
            account: about,
            portal,
        })) => {
            let about = Order::Release {
                account: about,
                portal,
            };
            order(about, &account, &desk.accounts).await
        }
        Ok(Err(why)) => Answer::Refused(why),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn give(codes: &BTreeMap<AccountName, code::Desk>, account: &str, given: &Given) -> Answer {
    match code::give(codes, account, given) {
        Ok(()) => Answer::Done(format!("{account} has its code")),
        Err(error) => Answer::Refused(error.to_string()),
    }
}

async fn order(
    order: Order,
    account: &str,
    accounts: &HashMap<AccountName, mpsc::Sender<Ordered>>,
) -> Answer {
    let sender = AccountName::new(account)
        .ok()
        .and_then(|name| accounts.get(&name));
    let Some(sender) = sender else {
        return Answer::Refused(format!(
            "the agent does not run an account called {account:?}"
        ));
    };
    let (answer, answered) = oneshot::channel();
    if sender.send((order, answer)).await.is_err() {
        return Answer::Refused(format!("{account} has ended; see the log"));
    }
    answered
        .await
        .unwrap_or_else(|_| Answer::Refused("the agent is stopping".to_owned()))
}

/// What the store alone can answer.
pub async fn from_store(store: &Store, request: Request) -> Answer {
    let name = |account: String| AccountName::new(&account).map_err(|error| error.to_string());
    let done = match request {
        Request::Pause { account } => match name(account) {
            Ok(account) => store
                .set_paused(&account, true)
                .await
                .map(|()| format!("{account} is paused; no agent runs"))
                .map_err(|error| error.to_string()),
            Err(error) => Err(error),
        },
        Request::Resume { account } => match name(account) {
            Ok(account) => resume_in(store, &account).await,
            Err(error) => Err(error),
        },
        Request::EmitAgain { account } => match name(account) {
            Ok(account) => emit_again_in(store, &account).await,
            Err(error) => Err(error),
        },
        Request::Poll { .. }
        | Request::Status
        | Request::Otp { .. }
        | Request::Release { .. }
        | Request::Record { .. }
        | Request::ImportSession { .. } => Err(NO_AGENT.to_owned()),
        Request::Quarantine { account } => match account.map(name).transpose() {
            Ok(account) => list(store, account.as_ref()).await,
            Err(error) => Err(error),
        },
        Request::Known { account, ids } => return known_in(store, &account, &ids).await,
        Request::ImportSeen { ids } => import(store, &ids).await,
        Request::StoreCheck => store
            .verify()
            .await
            .map(|report| report.to_string())
            .map_err(|error| error.to_string()),
        Request::StoreBackup { to } => store
            .backup(&to)
            .await
            .map(|report| format!("{report}\ncopied to {}", to.display()))
            .map_err(|error| error.to_string()),
    };
    match done {
        Ok(done) => Answer::Done(done),
        Err(error) => Answer::Refused(error),
    }
}

async fn resume_in(store: &Store, account: &AccountName) -> Result<String, String> {
    let resumed = async {
        store.allow_credential(account).await?;
        store.set_paused(account, false).await?;
        store.read_by(account).await
    };
    let read_by = resumed
        .await
        .map_err(|error: StoreError| error.to_string())?;
    let refused = read_by.and_then(|read_by| read_by.refused);
    Ok(match refused.filter(|refused| !refused.allowed) {
        Some(Refused { again, of, .. }) => {
            let halt = Halt::HistoryAgain { again, of };
            format!(
                "{account} is resumed, and stays stopped by the selector file that was refused: {}",
                halt.advice()
            )
        }
        None => format!("{account} will go on when an agent runs"),
    })
}

async fn emit_again_in(store: &Store, account: &AccountName) -> Result<String, String> {
    match store.allow_history(account).await {
        Ok(Some(_)) => Ok(format!("{account} will go on when an agent runs")),
        Ok(None) => Err(format!("nothing of {account} would be emitted again")),
        Err(error) => Err(error.to_string()),
    }
}

async fn known_in(store: &Store, account: &str, ids: &[String]) -> Answer {
    let name = match AccountName::new(account) {
        Ok(name) => name,
        Err(error) => return Answer::Refused(error.to_string()),
    };
    match KnownPayments::of(store, &name, ids).await {
        Ok(known) => Answer::Known(known),
        Err(error) => Answer::Refused(error.to_string()),
    }
}

async fn import(store: &Store, ids: &[String]) -> Result<String, String> {
    let ids: Result<Vec<PaymentId>, _> = ids.iter().map(|id| id.parse()).collect();
    let ids = ids.map_err(|error: NotAPaymentId| error.to_string())?;
    store
        .import(ids)
        .await
        .map(|imported| imported.to_string())
        .map_err(|error| error.to_string())
}

async fn list(store: &Store, account: Option<&AccountName>) -> Result<String, String> {
    let rows = store.quarantine(account).await;
    let mut rows = rows.map_err(|error| error.to_string())?;
    rows.sort_by(|one, next| (&one.account, one.first_seen).cmp(&(&next.account, next.first_seen)));
    if rows.is_empty() {
        return Ok("no rows in quarantine".to_owned());
    }
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "{}  {}  {}",
                row.first_seen.to_rfc3339(),
                row.account,
                row.row.reason
            )
        })
        .collect();
    Ok(format!(
        "{}\n{} rows in quarantine",
        lines.join("\n"),
        rows.len()
    ))
}
