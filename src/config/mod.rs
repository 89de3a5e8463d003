//! tillwatch.toml: parsed, then validated into `Config`.
//!
//! - Only `read_files` touches the disk; what it read is judged by pure functions.
//! - A broken tillwatch.toml stops the start; a broken selector file only its accounts.
//! - No default replaces a setting that is there but wrong.

mod account;
mod attended;
mod http;
mod notify;
mod otp;
mod pace;
mod route;
mod selector_file;
mod sink;
mod store;
mod value;
mod webdriver;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hyper::Uri;

pub use account::{Account, Cap, Resolved, Settings, Since};
pub use http::Http;
pub use notify::{Notify, NotifyKind};
pub use otp::{Otp, OtpBy};
pub use route::Route;
pub use selector_file::SelectorFile;
pub use sink::{Sink, SinkKind};
pub use store::Store;
pub use value::shown;
pub use webdriver::{Driver, WebDriver};

use crate::diagnostic::table::{Table, Value, read};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::selectors::{self, Portal};

/// Bytes of tillwatch.toml or of one selector file.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// What tillwatch.toml says, with every default filled in and paths made absolute or relative to where we run.
#[derive(Debug, Clone)]
pub struct Config {
    /// tillwatch.toml itself.
    pub path: PathBuf,
    /// `state_dir`: required. The store, its witness, the ledgers and the control socket stand in it.
    pub state_dir: PathBuf,
    /// `selectors_dir`: default `selectors`, beside tillwatch.toml.
    pub selectors_dir: PathBuf,
    /// `[webdriver]`: required.
    pub webdriver: WebDriver,
    /// `[http]`: unset: no server.
    pub http: Option<Http>,
    /// `[store]`: unset: its defaults.
    pub store: Store,
    /// `[[account]]`: at least one.
    pub accounts: Vec<Account>,
    /// `[[sink]]`: none only where `[http]` is there.
    pub sinks: Vec<Sink>,
    /// `[[notify]]`: none: nobody is told but the log.
    pub notifiers: Vec<Notify>,
    /// `dead_man`: address that is asked each minute while the agent lives. Unset: none.
    pub dead_man: Option<Uri>,
}

/// A command names an account that is not there.
#[derive(Debug, thiserror::Error)]
#[error("no account is called {account:?}; the config has {known}")]
pub struct NoAccount {
    account: String,
    known: String,
}

impl Config {
    /// The account of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn account(&self, name: &str) -> Result<&Account, NoAccount> {
        let mut accounts = self.accounts.iter();
        let found = accounts.find(|account| account.settings.name.as_str() == name);
        found.ok_or_else(|| {
            let accounts = self.accounts.iter();
            let known: Vec<&str> = accounts.map(|one| one.settings.name.as_str()).collect();
            NoAccount {
                account: name.to_owned(),
                known: known.join(", "),
            }
        })
    }
}

/// Every portal of the selectors directory, by the stem of its file; or why the directory cannot be read.
type Portals = Result<BTreeMap<String, Result<Portal, Diagnostics>>, Diagnostic>;

/// Reads tillwatch.toml and the selector files that it leads to.
///
/// # Errors
/// Everything wrong with tillwatch.toml. What is wrong with a selector file stands in [`Account::portal`].
pub fn load(path: &Path) -> Result<Config, Diagnostics> {
    read_all(path).0
}

/// The account `name` as the files say now.
///
/// # Errors
/// Why it could not run, in words.
pub fn resolved(path: &Path, name: &str) -> Result<Resolved, String> {
    let config = load(path).map_err(|found| found.to_string())?;
    let account = config.account(name).map_err(|error| error.to_string())?;
    account.portal.clone().map_err(|found| found.to_string())
}

/// Reads the same, for the sake of what is wrong: with tillwatch.toml, with each account, and with every file of
/// the selectors directory, whether or not an account names it. The config is there when tillwatch.toml is good.
#[must_use]
pub fn check(path: &Path) -> (Option<Config>, Diagnostics) {
    let (config, portals) = read_all(path);
    let portals = portals.unwrap_or_default();
    let in_portals = portals.values().filter_map(|portal| portal.as_ref().err());
    let accounts = config.as_ref().map_or(&[][..], |config| &config.accounts);
    let in_accounts = accounts
        .iter()
        .filter_map(|account| account.portal.as_ref().err());
    let found = config
        .as_ref()
        .err()
        .into_iter()
        .chain(in_portals)
        .chain(in_accounts);
    let found = Diagnostics::new(found.flat_map(Diagnostics::iter).cloned().collect());
    (config.ok(), found)
}

fn read_all(path: &Path) -> (Result<Config, Diagnostics>, Portals) {
    let dir = path.parent().unwrap_or(Path::new(""));
    let draft = match read_text(path) {
        Ok(text) => Draft::parse(&path.display().to_string(), &text, dir),
        Err(unreadable) => return (Err(unreadable.into()), Ok(BTreeMap::new())),
    };
    let portals = read_selectors(&draft.selectors_dir).map(|files| {
        let portals = files.into_iter().map(|(path, name, text)| {
            let shown = path.display().to_string();
            let portal = text
                .map_err(Diagnostics::from)
                .and_then(|text| selectors::file::parse(&name, &shown, &text));
            (name, portal)
        });
        portals.collect()
    });
    (draft.resolve(path, &portals), portals)
}

/// Reads a file that people write.
///
/// # Errors
/// When it is missing, unreadable, over [`MAX_FILE_BYTES`] or not UTF-8.
pub fn read_text(path: &Path) -> Result<String, Diagnostic> {
    let shown = path.display().to_string();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| {
            let what = format!("the file cannot be read: {error}");
            Diagnostic::whole_file(&shown, what, "correct its path, owner or mode")
        })?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let what = format!("the file is over {MAX_FILE_BYTES} bytes");
        let advice = "this is no file that a person wrote for tillwatch: correct the path";
        return Err(Diagnostic::whole_file(&shown, what, advice));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error
            .as_bytes()
            .iter()
            .take(good)
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        let what = format!("the file is not UTF-8: line {line} has another encoding");
        Diagnostic::whole_file(&shown, what, "save it as UTF-8")
    })
}

type SelectorText = (PathBuf, String, Result<String, Diagnostic>);

/// Path, stem and text of every `*.toml` in the directory.
fn read_selectors(dir: &Path) -> Result<Vec<SelectorText>, Diagnostic> {
    let unreadable = |error: std::io::Error| {
        let what = format!("the directory of selector files cannot be read: {error}");
        let advice = "create it, or name another one by `selectors_dir`";
        Diagnostic::whole_file(&dir.display().to_string(), what, advice)
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let (Some(name), Some("toml")) = (stem, path.extension().and_then(|text| text.to_str()))
        {
            let (name, text) = (name.to_owned(), read_text(&path));
            files.push((path, name, text));
        }
    }
    Ok(files)
}

/// tillwatch.toml alone.
struct Draft {
    selectors_dir: PathBuf,
    parts: Result<Parts, Diagnostics>,
}

struct Parts {
    state_dir: PathBuf,
    webdriver: WebDriver,
    http: Option<Http>,
    store: Store,
    accounts: Vec<account::Draft>,
    sinks: Vec<Sink>,
    notifiers: Vec<Notify>,
    dead_man: Option<Uri>,
}

impl Draft {
    /// The selectors directory is known even when something else is wrong, so that its files are checked too.
    fn parse(path: &str, text: &str, dir: &Path) -> Self {
        let mut selectors_dir = dir.join("selectors");
        let parts = read(path, text, |file| {
            if let Some(written) = file.optional("selectors_dir", "\"selectors\"", value::path(dir))
            {
                selectors_dir = written;
            }
            parts(file, dir)
        });
        Self {
            selectors_dir,
            parts,
        }
    }

    fn resolve(self, path: &Path, portals: &Portals) -> Result<Config, Diagnostics> {
        let Self {
            selectors_dir,
            parts,
        } = self;
        let parts = parts?;
        let accounts = parts.accounts.into_iter();
        Ok(Config {
            path: path.to_owned(),
            state_dir: parts.state_dir,
            webdriver: parts.webdriver,
            http: parts.http,
            store: parts.store,
            accounts: accounts
                .map(|account| account.resolve(portals, &selectors_dir))
                .collect(),
            sinks: parts.sinks,
            notifiers: parts.notifiers,
            dead_man: parts.dead_man,
            selectors_dir,
        })
    }
}

fn parts(file: &Table<'_>, dir: &Path) -> Option<Parts> {
    let once = Once::default();
    let state_dir = file.need("state_dir", "\"/var/lib/tillwatch\"", value::path(dir));
    let webdriver = file.section("webdriver", |section| webdriver::read(section, dir));
    let http = file.optional("http", "{ listen = \"127.0.0.1:9464\" }", |section| {
        section.table(|section| http::read(section, dir))
    });
    let store = file.optional("store", "{ replay_for = \"7d\" }", |section| {
        section.table(store::read)
    });
    let accounts = file.need(
        "account",
        "[{ name = \"kilima-main\", portal = \"kilima\", number = \"600123\", user = \"agent\" }]",
        |list| list.list(|account| account.table(|account| account::read(account, dir, &once))),
    );
    let sinks = file.optional("sink", "[{ type = \"stdout\" }]", |list| {
        list.list(|sink| sink.table(|sink| sink::read(sink, dir, &once)))
    });
    let notifiers = file.optional(
        "notify",
        "[{ type = \"webhook\", url = \"https://hooks.example/tillwatch\" }]",
        |list| list.list(|notify| notify.table(|notify| notify::read(notify, dir))),
    );
    let dead_man = file.optional("dead_man", "\"https://ping.example/tillwatch\"", |text| {
        notify::address(text)
    });
    if !file.has("sink") && !file.has("http") {
        file.wrong(
            "nothing receives the events",
            "add `[[sink]]` with `type = \"stdout\"` or `type = \"file\"`, or `[http]`",
        );
    }
    Some(Parts {
        state_dir: state_dir?,
        webdriver: webdriver?,
        http,
        store: store.unwrap_or_default(),
        accounts: accounts?,
        sinks: sinks.unwrap_or_default(),
        notifiers: notifiers.unwrap_or_default(),
        dead_man,
    })
}

/// What must not stand in a file twice.
#[derive(Default)]
struct Once(RefCell<BTreeSet<String>>);

impl Once {
    /// Complains of `value` when `word` was claimed before.
    fn claim(&self, value: &Value<'_>, word: String, what: &str, advice: &str) {
        if !self.0.borrow_mut().insert(word) {
            value.wrong::<()>(what, advice);
        }
    }
}
