//! `tillwatch seen import`: takes over from an earlier program what it has told already.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{ConfigArg, indented};
use crate::clock::Clock;
use crate::config::{self, Account, Config, NoAccount, Since};
use crate::control::{self, Answer, AskError, MAX_IDS, Request};
use crate::diagnostic::Diagnostics;
use crate::event::AccountRef;
use crate::exit::Exit;
use crate::identity;
use crate::payment::PaymentId;
use crate::store::{self, OpenError, Store, StoreError};

pub mod list;

use list::{Entry, Mistake};

/// Bytes of a file.
const MAX_BYTES: u64 = 256 << 20;

/// What `tillwatch seen import` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArgs {
    /// A CSV file with a header line and the portal's reference of each payment that was told already. The columns
    /// `direction` (credit, debit) and `kind` (charge, reversal) are read too, where they are there.
    file: PathBuf,
    /// The account whose payments they are.
    #[arg(long)]
    account: String,
    /// Header of the column with the reference.
    #[arg(long, default_value = "reference", value_name = "HEADER")]
    column: String,
    #[command(flatten)]
    config: ConfigArg,
}

/// Nothing was imported, and why.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Config(Diagnostics),
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    #[error(
        "the portal `{portal}` has no references: its payments cannot be named by a list of them. Set `since` to the instant of the hand-over instead"
    )]
    NoReferences { portal: String },
    #[error(
        "the account `{account}` begins with `since = \"now\"`: what was paid between the end of the earlier program and the first start would be told by nobody. Set `since` to an instant before the oldest payment that the list may lack"
    )]
    SinceNow { account: String },
    #[error("{} cannot be read: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} is larger than {MAX_BYTES} bytes: import it in parts", path.display())]
    TooLarge { path: PathBuf },
    #[error("{}: nothing was imported\n{}", path.display(), indented(mistakes))]
    Mistakes {
        path: PathBuf,
        mistakes: Vec<Mistake>,
    },
    #[error(transparent)]
    Agent(#[from] AskError),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Failure::Config(_) | Failure::SinceNow { .. } => Exit::Config,
            Failure::NoAccount(_) => Exit::Usage,
            Failure::Open(error) => error.exit(),
            Failure::NoReferences { .. }
            | Failure::File { .. }
            | Failure::TooLarge { .. }
            | Failure::Mistakes { .. }
            | Failure::Agent(_)
            | Failure::Refused(_)
            | Failure::Store(_) => Exit::Failed,
        }
    }
}

/// Imports the file and says how many payments count as told.
pub async fn import(args: ImportArgs) -> Exit {
    match imported(&args).await {
        Ok(lines) => {
            lines.iter().for_each(|line| println!("{line}"));
            Exit::Ok
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit()
        }
    }
}

async fn imported(args: &ImportArgs) -> Result<Vec<String>, Failure> {
    let config = config::load(&args.config.config).map_err(Failure::Config)?;
    let account = config.account(&args.account)?;
    let resolved = account.portal.as_ref();
    let resolved = resolved.map_err(|found| Failure::Config(found.clone()))?;
    if !resolved.portal.fields.identity.is_empty() {
        let portal = resolved.portal.name.clone();
        return Err(Failure::NoReferences { portal });
    }
    let text = read(&args.file)?;
    let entries = list::parse(&text, &args.column).map_err(|mistakes| Failure::Mistakes {
        path: args.file.clone(),
        mistakes,
    })?;
    let ids = ids(&resolved.account, &entries);
    let mut store = None;
    let mut said = Vec::new();
    for ids in ids.chunks(MAX_IDS) {
        let request = Request::ImportSeen {
            ids: ids.iter().map(ToString::to_string).collect(),
        };
        let answer = match &store {
            None => control::ask(&config.state_dir, &request).await?,
            Some(_) => None,
        };
        let answer = match (answer, &store) {
            (Some(answer), _) => answer,
            (None, Some(store)) => control::from_store(store, request).await,
            (None, None) => {
                let opened = opened(&config, account).await?;
                let answer = control::from_store(&opened, request).await;
                store = Some(opened);
                answer
            }
        };
        match answer {
            Answer::Done(done) => said.push(done),
            Answer::Refused(why) => return Err(Failure::Refused(why)),
            Answer::Accounts(_) | Answer::Known(_) | Answer::Recorded { .. } => {
                return Err(AskError::Foreign.into());
            }
        }
    }
    if said.is_empty() {
        said.push("the file names no payment".to_owned());
    }
    Ok(said)
}

fn read(path: &Path) -> Result<String, Failure> {
    let failed = |source| Failure::File {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
        .map_err(failed)?;
    if text.len() as u64 > MAX_BYTES {
        let path = path.to_owned();
        return Err(Failure::TooLarge { path });
    }
    Ok(text)
}

fn ids(account: &AccountRef, entries: &BTreeSet<Entry>) -> Vec<PaymentId> {
    let id = |entry: &Entry| {
        let reference = &entry.reference;
        identity::id(&account.operator, entry.direction, reference, entry.kind)
    };
    entries.iter().map(id).collect()
}

/// The store: the import may come before the first start.
async fn opened(config: &Config, account: &Account) -> Result<Store, Failure> {
    let settings = &account.settings;
    let since_now = || Failure::SinceNow {
        account: settings.name.to_string(),
    };
    match settings.since {
        // Nothing is made where the first start would pass over payments.
        Since::Now if !store::exists(&config.state_dir) => return Err(since_now()),
        Since::Now | Since::At(_) => {}
    }
    let store = Store::open(&config.state_dir, Clock::System).await?;
    // The account itself is begun by its first start, which knows that there is no login ledger yet.
    match (store.account(&settings.name).await?, settings.since) {
        (Some(_), _) | (None, Since::At(_)) => Ok(store),
        (None, Since::Now) => Err(since_now()),
    }
}
