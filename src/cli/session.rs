//! `tillwatch session import`: gives an account the session of a person who signed in in their own browser.
//!
//! A running agent takes it at once and says what the portal thinks of it; without one it is kept for the next start. Cookies
//! come from a file or from standard input, never from the command line, and none is ever shown.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;

use super::{ConfigArg, indented};
use crate::clock::Clock;
use crate::config::{self, Account, Config, NoAccount, Resolved};
use crate::control::{self, Answer, AskError, Request};
use crate::diagnostic::Diagnostics;
use crate::exit::Exit;
use crate::login::credentials::{self, CredentialError, Sources};
use crate::portal::kept::{Begun, KeepError, Kept, Key};
use crate::run::{self, StartError};
use crate::store::{self, OpenError, Store, StoreError};

pub mod cookies;

use cookies::{Found, MAX_BYTES, Mistake};

/// Longest user agent; real ones have a third of it.
const LONGEST_AGENT: usize = 512;

/// What `tillwatch session import` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArgs {
    /// Its name in the config.
    account: String,
    /// The cookies of that browser, exported right after the sign-in: JSON as extensions write it, or cookies.txt. `-` reads
    /// standard input. Only those of the account's portal are taken.
    file: PathBuf,
    /// What that browser calls itself (`navigator.userAgent`), for a portal that ends a session when it changes.
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
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
    #[error("{file} cannot be read: {source}")]
    File { file: String, source: io::Error },
    #[error(
        "{file} is larger than {MAX_BYTES} bytes: export the cookies of the portal alone, not those of every site"
    )]
    TooLarge { file: String },
    #[error("{file}: line {line} is not UTF-8: this is no export of cookies")]
    NotText { file: String, line: usize },
    #[error(
        "{file}: nothing was imported\n{}\n  export the cookies as JSON or as cookies.txt, with the portal's page open",
        indented(mistakes)
    )]
    Mistakes {
        file: String,
        mistakes: Vec<Mistake>,
    },
    #[error(
        "{file}: no cookie in it is for {origin} and still valid ({foreign} of other sites, {expired} expired): sign in again and export the cookies at once, with the portal's page open"
    )]
    NoCookie {
        file: String,
        origin: String,
        foreign: usize,
        expired: usize,
    },
    #[error("`--user-agent` is up to {LONGEST_AGENT} letters of ASCII: copy `navigator.userAgent`")]
    UserAgent,
    #[error(transparent)]
    Agent(#[from] AskError),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Credential(#[from] CredentialError),
    #[error(transparent)]
    Key(#[from] StartError),
    #[error(transparent)]
    Keep(#[from] KeepError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Failure::Config(_) => Exit::Config,
            Failure::NoAccount(_) | Failure::UserAgent => Exit::Usage,
            Failure::Open(error) => error.exit(),
            Failure::Key(error) => error.exit(),
            Failure::Credential(_) => Exit::Secret,
            Failure::File { .. }
            | Failure::TooLarge { .. }
            | Failure::NotText { .. }
            | Failure::Mistakes { .. }
            | Failure::NoCookie { .. }
            | Failure::Agent(_)
            | Failure::Refused(_)
            | Failure::Keep(_)
            | Failure::Store(_) => Exit::Failed,
        }
    }
}

/// Imports the session and says what became of it.
pub async fn import(args: ImportArgs) -> Exit {
    match imported(&args).await {
        Ok(said) => {
            println!("{said}");
            if args.file.as_os_str() != "-" {
                println!(
                    "delete {} now: whoever has it is signed in",
                    args.file.display()
                );
            }
            Exit::Ok
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit()
        }
    }
}

async fn imported(args: &ImportArgs) -> Result<String, Failure> {
    let config = config::load(&args.config.config).map_err(Failure::Config)?;
    let account = config.account(&args.account)?;
    let resolved = account.portal.as_ref();
    let resolved = resolved.map_err(|found| Failure::Config(found.clone()))?;
    let user_agent = args.user_agent.clone();
    if user_agent.as_deref().is_some_and(|text| !is_agent(text)) {
        return Err(Failure::UserAgent);
    }
    let origin = resolved.portal.origin.to_string();
    let found = found(&args.file, resolved)?;
    println!("{}", counted(&found, &origin));
    let session = Kept {
        cookies: found.cookies,
        // The sign-in was a little before: nobody knows when.
        begun: Some(Begun::at(&Clock::System.stamp())),
        is_imported: true,
        user_agent,
        ..Kept::default()
    };
    let request = Request::ImportSession {
        account: args.account.clone(),
        origin,
        session: session.clone(),
    };
    match control::ask(&config.state_dir, &request).await? {
        Some(Answer::Done(said)) => Ok(said),
        Some(Answer::Refused(why)) => Err(Failure::Refused(why)),
        Some(Answer::Accounts(_) | Answer::Known(_) | Answer::Recorded { .. }) => {
            Err(AskError::Foreign.into())
        }
        None => kept(&config, account, resolved, &session).await,
    }
}

fn counted(found: &Found, origin: &str) -> String {
    let one = |count: usize| if count == 1 { "cookie" } else { "cookies" };
    let taken = found.cookies.len();
    let mut said = format!("{taken} {} for {origin}", one(taken));
    if found.foreign > 0 {
        said.push_str(&format!("; {} of other sites left out", found.foreign));
    }
    if found.expired > 0 {
        said.push_str(&format!("; {} expired, left out", found.expired));
    }
    said
}

fn is_agent(text: &str) -> bool {
    let fits = (1..=LONGEST_AGENT).contains(&text.len());
    fits && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn found(path: &Path, resolved: &Resolved) -> Result<Found, Failure> {
    let is_stdin = path.as_os_str() == "-";
    let file = if is_stdin {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let read = if is_stdin {
        read(io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(read)
    };
    let bytes = match read {
        Ok(bytes) if bytes.len() > MAX_BYTES => return Err(Failure::TooLarge { file }),
        Ok(bytes) => bytes,
        Err(source) => return Err(Failure::File { file, source }),
    };
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = bytes.iter().take(error.valid_up_to());
            let line = good.filter(|byte| **byte == b'\n').count() + 1;
            return Err(Failure::NotText { file, line });
        }
    };
    let origin = &resolved.portal.origin;
    let now = Clock::System.now().timestamp();
    let parsed = match origin.join("/") {
        Some(url) => cookies::parse(text, &url, now),
        None => Ok(Found::default()),
    };
    match parsed {
        Ok(found) if !found.cookies.is_empty() => Ok(found),
        Ok(Found {
            foreign, expired, ..
        }) => Err(Failure::NoCookie {
            file,
            origin: origin.to_string(),
            foreign,
            expired,
        }),
        Err(mistakes) => Err(Failure::Mistakes { file, mistakes }),
    }
}

/// Up to one byte over the limit, in memory that is wiped and does not move.
fn read(from: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 64));
    from.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// No agent runs: the session is written where the next one looks for it.
async fn kept(
    config: &Config,
    account: &Account,
    resolved: &Resolved,
    session: &Kept,
) -> Result<String, Failure> {
    let settings = &account.settings;
    // An agent that is just starting holds the store: it may have looked already.
    let store = if store::exists(&config.state_dir) {
        Some(Store::open(&config.state_dir, Clock::System).await?)
    } else {
        None
    };
    let key = match run::session_key(&config.webdriver)? {
        Some(key) => key,
        None => {
            let sources = Sources::of(settings.name.as_str(), settings.secret_file.as_deref());
            let (secret, _) = credentials::lookup(&sources).await?;
            Key::of(&secret)
        }
    };
    run::kept_file(config, settings, resolved).save(&key, session)?;
    if let Some(store) = store
        && store.account(&settings.name).await?.is_some()
    {
        store.set_paused(&settings.name, false).await?;
    }
    Ok(format!(
        "no agent runs: the next `tillwatch run` tries the session of {} before anything else",
        settings.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_one_line_of_ascii() {
        assert!(is_agent("Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"));
        for text in ["", "a\nb", "ä", &"x".repeat(LONGEST_AGENT + 1)] {
            assert!(!is_agent(text), "{text}");
        }
    }

    #[test]
    fn what_was_left_out_is_counted() {
        let found = Found {
            cookies: Vec::new(),
            foreign: 2,
            expired: 1,
        };
        assert_eq!(
            counted(&found, "https://p.example"),
            "0 cookies for https://p.example; 2 of other sites left out; 1 expired, left out"
        );
    }
}
