//! What the browser tests share: settings, a portal file, and a look at processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tempfile::TempDir;
use tillwatch::clock::Clock;
use tillwatch::page_loads::PageLoads;
use tillwatch::portal::kept::Owner;
use tillwatch::portal::webdriver::{Route, Settings, WebDriver, WebDriverPortal};
use tillwatch::portal::{Credential, Days, Page, PortalError};
use tillwatch::selectors::{self, Portal};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::interval;

/// Browsers side by side, in all tests of this binary that use this fixture: two keep two cores busy.
pub static BROWSERS: Semaphore = Semaphore::const_new(2);

/// A place for a browser, and the state directory of its account.
pub struct Bench {
    pub state: TempDir,
    _place: SemaphorePermit<'static>,
}

impl Bench {
    pub async fn new() -> Self {
        Self {
            state: tempfile::tempdir().unwrap(),
            _place: BROWSERS.acquire().await.unwrap(),
        }
    }

    pub fn state(&self) -> PathBuf {
        self.state.path().join("browser")
    }

    /// A portal at `origin` behind a local driver.
    pub fn local(&self, origin: &str) -> WebDriverPortal {
        WebDriverPortal::new(self.settings(origin, local()))
    }

    /// The same, for tests that wait for a time to run out.
    pub fn impatient(&self, origin: &str) -> WebDriverPortal {
        let mut settings = self.settings(origin, local());
        settings.page_timeout = Duration::from_secs(5);
        WebDriverPortal::new(settings)
    }

    pub fn settings(&self, origin: &str, webdriver: WebDriver) -> Settings {
        Settings {
            webdriver,
            call_timeout: Duration::from_secs(10),
            page_timeout: Duration::from_secs(20),
            route: Route::default(),
            headed: false,
            state: self.state(),
            selectors: Arc::new(portal_file(origin)),
            owner: owner(origin),
            session_key: None,
            pool: tillwatch::portal::pool::Pool::of(1),
            max_age: Duration::MAX,
            max_memory: u64::MAX,
            clock: Clock::System,
            loads: loads(&self.state()),
        }
    }

    /// Directories of runs in the state.
    pub fn runs(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.state()) else {
            return Vec::new();
        };
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    }
}

pub fn local() -> WebDriver {
    WebDriver::Local {
        driver: "chromedriver".into(),
        browser: "chromium".into(),
        args: Vec::new(),
    }
}

/// More than any test loads.
pub fn loads(state: &Path) -> PageLoads {
    let (_, goes_on) = tokio::sync::watch::channel(false);
    PageLoads::open(&state.join("page-loads"), 1_000_000, Clock::System, goes_on).unwrap()
}

pub fn owner(origin: &str) -> Owner {
    Owner {
        account: "test".to_owned(),
        number: "600123".to_owned(),
        user: "jane".to_owned(),
        origin: origin.to_owned(),
    }
}

pub fn credential() -> Credential {
    Credential {
        number: "600123".to_owned(),
        user: "jane".to_owned(),
        password: "correct horse".into(),
    }
}

pub fn days() -> Days {
    Days {
        from: NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(),
        to: NaiveDate::from_ymd_opt(2026, 11, 21).unwrap(),
    }
}

/// The text of the error; a page where none was expected fails the test.
pub fn told(result: Result<Page, PortalError>) -> String {
    result
        .expect_err("this is no page of the portal")
        .to_string()
}

pub fn portal_file(origin: &str) -> Portal {
    let text = PORTAL.replace("ORIGIN", origin);
    selectors::file::parse("test", "test.toml", &text).unwrap()
}

const PORTAL: &str = r##"
format = 1
operator = "test"
origin = "ORIGIN"
zone = "Africa/Nairobi"
currency = "KES"
account_key = "organisationid"

[sign_in]
path = "/login"
steps = [
  { fill = "input[name=number]", with = "{number}" },
  { fill = "input[name=user]", with = "{user}" },
  { fill = "input[name=password]", with = "{password}" },
  { click = "form button" },
]
sign_out = "/logout"

[session]
page_loads_per_hour = 20000

[marks]
signed_in = { css = "#home" }
signed_out = { css = "form" }
outcomes = [{ css = "#wrong", is = "wrong-password" }]

[table]
path = "/table?from={from}&to={to}"
path_date = "%d/%m/%Y"
rows = "tr"
empty = { css = "td.empty" }
order = "newest-first"
next = "a.next"

[fields]
transaction_reference = { header = "Receipt" }
completion_date = { header = "Time", formats = ["%d-%m-%Y %H:%M:%S"] }
status = { always = "completed" }
type = { always = "transfer" }
credit = { header = "Paid In" }
decimal = { mark = "." }
"##;

/// A process that works for a browser of some state directory.
#[derive(Debug)]
pub struct Process {
    pub pid: i32,
    pub group: i32,
    pub command: String,
}

impl Process {
    pub fn is_driver(&self) -> bool {
        self.command.starts_with("chromedriver") || self.command.contains("/chromedriver")
    }

    pub fn is_browser(&self) -> bool {
        self.command.contains("--user-data-dir=") && !self.command.contains("--type=")
    }
}

/// Living processes (zombies are none) that belong to a browser in `state`: by their environment, or by the group of one
/// that does.
pub fn processes(state: &Path) -> Vec<Process> {
    let mark = state.as_os_str().as_encoded_bytes();
    let all: Vec<(Process, bool)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| {
            let (process, owned) = process(pid, mark)?;
            Some((process, owned))
        })
        .collect();
    let groups: Vec<i32> = all
        .iter()
        .filter(|(process, owned)| *owned && process.is_driver())
        .map(|(process, _)| process.group)
        .collect();
    all.into_iter()
        .filter(|(process, owned)| *owned || groups.contains(&process.group))
        .map(|(process, _)| process)
        .collect()
}

fn process(pid: i32, mark: &[u8]) -> Option<(Process, bool)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `pid (name) state ppid pgrp …`, proc(5).
    let mut after_name = stat.rsplit_once(')')?.1.split_whitespace();
    if after_name.next()? == "Z" {
        return None;
    }
    let group = after_name.nth(1)?.parse().ok()?;
    let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let owned = environ.windows(mark.len()).any(|part| part == mark);
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline"))
        .unwrap_or_default()
        .replace('\0', " ");
    Some((
        Process {
            pid,
            group,
            command,
        },
        owned,
    ))
}

/// Looks again and again until `is_so`; after a minute it never will be.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut tick = interval(Duration::from_millis(50));
    for _ in 0..1200 {
        tick.tick().await;
        if is_so() {
            return;
        }
    }
    panic!("never: {what}");
}

/// Sends a signal to one process.
pub fn signal(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
