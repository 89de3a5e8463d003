//! A demo portal, a local WebDriver and the agent, in one command.
//!
//! The portal is a stranger to the agent: between them is nothing but the browser. The demo writes a
//! `tillwatch.toml` as a user would and runs the agent on it; what it reports is counted at the portal and at
//! standard output.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Timelike, Utc};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::clock::Clock;
use crate::config;
use crate::demo::meter::{Meter, write_summary};
use crate::demo::portal::{DemoPortal, PortalConfig};
use crate::diagnostic::Diagnostics;
use crate::exit::Exit;
use crate::run::{self, Options};
use crate::status::Status;
use crate::status_line::StatusLine;

pub mod guest;
pub mod live;
pub mod meter;
pub mod portal;
pub mod serve;
pub mod traffic;

/// The selector file that ships with the program.
const KILIMA: &str = include_str!("../../selectors/kilima.toml");
/// How long the demo waits at its end for what was posted last.
const LAST_CALL: Duration = Duration::from_secs(30);

/// What `tillwatch demo` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// End by itself after this long, e.g. `60s`; without it, at Ctrl-C.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub lasting: Option<Duration>,
    /// Write what was counted at the portal and at standard output to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Pause between two readings of the portal.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    pub poll: Duration,
    /// Pause between two rows posted on the portal.
    #[arg(long, value_name = "TIME", default_value = "1500ms", value_parser = humantime::parse_duration)]
    pub every: Duration,
    /// Rows on the portal before the agent starts.
    #[arg(long, value_name = "ROWS", default_value_t = 60)]
    pub history: usize,
    /// ChromeDriver; without it, `chromedriver` on PATH.
    #[arg(long, value_name = "FILE")]
    pub driver: Option<PathBuf>,
    /// Chrome or Chromium; without it, the first of chromium, google-chrome, chrome on PATH.
    #[arg(long, value_name = "FILE")]
    pub browser: Option<PathBuf>,
}

/// The demo could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Neither given nor on PATH.
    #[error(
        "no {what} on PATH: install Debian's packages chromium and chromium-driver, or name it with --{option}"
    )]
    Missing {
        /// What is missing.
        what: &'static str,
        /// The option that names it.
        option: &'static str,
    },
    /// The demo's own files.
    #[error("failed to set up the demo's directory: {0}")]
    Files(#[from] io::Error),
    /// The demo portal.
    #[error("failed to start the demo portal: {0}")]
    Portal(#[from] portal::StartError),
    /// One of the other demo portals.
    #[error("failed to start the demo portal: {0}")]
    Guest(#[from] guest::GuestError),
    /// The demo portal does not take a row.
    #[error("the demo portal refused a row: {0}")]
    Post(#[from] portal::PostError),
    /// The demo's own config.
    #[error("the demo's own config is wrong:\n{0}")]
    Config(#[from] Diagnostics),
}

/// Runs the demo until `shutdown`, or for as long as asked.
pub async fn run(args: DemoArgs, shutdown: impl Future<Output = ()>) -> Exit {
    match demo(args, shutdown).await {
        Ok(exit) => exit,
        Err(error) => {
            tracing::error!("{error}");
            Exit::Failed
        }
    }
}

async fn demo(args: DemoArgs, shutdown: impl Future<Output = ()>) -> Result<Exit, DemoError> {
    let clock = Clock::System;
    let (driver, browser) = programs(args.driver.clone(), args.browser.clone())?;
    let portal = start_portal(&clock, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    portal.control().seed_history(args.history)?;
    let dir = tempfile::Builder::new()
        .prefix("tillwatch-demo-")
        .tempdir()?;
    let setting = Setting {
        poll: args.poll,
        driver: &driver,
        browser: &browser,
    };
    let config = config::load(&write_files(dir.path(), &portal, &setting)?)?;
    tracing::info!(portal = %format!("http://{}", portal.address()), "Kilima Money is open; payments appear below, one JSON line each");

    let meter = Meter::new(clock.clone());
    let since = clock.now();
    let since = since.with_nanosecond(0).unwrap_or(since);
    let (status, seen_status) = watch::channel(None);
    let (finish, finished) = oneshot::channel();
    let agent = run::run(
        config,
        Options {
            clock: clock.clone(),
            stdout: Box::new(meter.tap(io::stdout())),
            once: false,
            statuses: Some(status),
        },
        async { finished.await.unwrap_or(()) },
    );
    let scene = Scene {
        args: &args,
        portal: &portal,
        meter: &meter,
        clock: &clock,
        since,
    };
    let exit = until_either_ends(agent, async {
        let posted = scene.play(seen_status, shutdown).await;
        // The agent may have ended by itself already.
        let _ended = finish.send(());
        posted
    })
    .await?;
    let exit = scene.close(exit)?;
    portal.shutdown().await;
    Ok(exit)
}

/// The agent while `play` lasts, and its end after it. An agent that ends by itself ends the play.
async fn until_either_ends(
    agent: impl Future<Output = Exit>,
    play: impl Future<Output = Result<(), DemoError>>,
) -> Result<Exit, DemoError> {
    tokio::pin!(agent, play);
    tokio::select! {
        exit = &mut agent => Ok(exit),
        played = &mut play => {
            let exit = agent.await;
            played.map(|()| exit)
        }
    }
}

/// Starts Kilima Money on `address`.
///
/// # Errors
/// When the address cannot be bound.
pub async fn start_portal(clock: &Clock, address: SocketAddr) -> Result<DemoPortal, DemoError> {
    let listener = TcpListener::bind(address).await?;
    let clock = clock.clone();
    Ok(portal::start(
        PortalConfig::default(),
        Arc::new(move || clock.now()),
        listener,
    )
    .await?)
}

/// The people and the clock of one demo.
struct Scene<'a> {
    args: &'a DemoArgs,
    portal: &'a DemoPortal,
    meter: &'a Meter,
    clock: &'a Clock,
    since: DateTime<Utc>,
}

impl Scene<'_> {
    /// Posts rows and draws the status until the end; then waits for what was posted last.
    async fn play(
        &self,
        mut statuses: watch::Receiver<Option<Vec<Status>>>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), DemoError> {
        let terminal = StatusLine::new();
        let end = async {
            match self.args.lasting {
                Some(time) => tokio::time::sleep(time.saturating_sub(self.args.poll)).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(end, shutdown);
        let mut post = tokio::time::interval(self.args.every);
        let mut draw = tokio::time::interval(Duration::from_millis(250));
        let (mut turn, mut last_receipt) = (0, None);
        let mut signed_in = false;
        loop {
            tokio::select! {
                _ = post.tick(), if signed_in => {
                    traffic::post_next(self.portal.control(), turn, &mut last_receipt)?;
                    turn += 1;
                }
                _ = draw.tick() => {
                    let Some(status) = statuses.borrow_and_update().as_ref().and_then(|all| all.first().cloned()) else { continue };
                    signed_in |= status.polls > 0;
                    if terminal.is_on() {
                        let (payments, delay) = self.meter.so_far(&self.portal.control().truth());
                        terminal.draw(&live::line(&status, self.clock.now(), payments, delay));
                    }
                }
                () = &mut end => {
                    terminal.end();
                    return self.last_call(&mut shutdown).await;
                }
                () = &mut shutdown => {
                    terminal.end();
                    return Ok(());
                }
            }
        }
    }

    async fn last_call(
        &self,
        shutdown: &mut (impl Future<Output = ()> + Unpin),
    ) -> Result<(), DemoError> {
        let all_out = async {
            let mut look = tokio::time::interval(Duration::from_millis(100));
            loop {
                look.tick().await;
                if self
                    .meter
                    .outstanding(&self.portal.control().truth(), self.since)
                    == 0
                {
                    return;
                }
            }
        };
        tokio::select! {
            _ = tokio::time::timeout(LAST_CALL, all_out) => {}
            () = shutdown => {}
        }
        Ok(())
    }

    /// Says what was counted. A demo that lost or doubled a payment has failed.
    fn close(&self, exit: Exit) -> Result<Exit, DemoError> {
        let control = self.portal.control();
        let summary = self
            .meter
            .summary(&control.truth(), self.since, control.config().login_cap);
        tracing::info!(
            posted = summary.posted,
            emitted = summary.emitted,
            duplicates = summary.duplicates,
            delay_p50_ms = summary.delay_ms.p50,
            delay_p99_ms = summary.delay_ms.p99,
            delay_max_ms = summary.delay_ms.max,
            logins = summary.logins,
            polls = summary.polls,
            "counted at the portal and at standard output"
        );
        if let Some(path) = &self.args.summary {
            write_summary(&summary, path)?;
        }
        let whole = summary.posted == summary.emitted && summary.duplicates == 0;
        match exit {
            Exit::Ok if self.args.lasting.is_some() && !whole => Ok(Exit::Failed),
            exit => Ok(exit),
        }
    }
}

struct Setting<'a> {
    poll: Duration,
    driver: &'a Path,
    browser: &'a Path,
}

/// The files a user would write, in `dir`; gives the path of the config.
fn write_files(dir: &Path, portal: &DemoPortal, setting: &Setting<'_>) -> io::Result<PathBuf> {
    let knobs = portal.control().config();
    let selectors = dir.join("selectors");
    let state = dir.join("state");
    std::fs::DirBuilder::new().mode(0o700).create(&state)?;
    std::fs::create_dir(&selectors)?;
    std::fs::write(selectors.join("kilima.toml"), KILIMA)?;
    let secret = dir.join("secret");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&secret)?;
    io::Write::write_all(&mut file, knobs.password.as_bytes())?;
    let path = dir.join("tillwatch.toml");
    let text = format!(
        r#"state_dir = {state}
selectors_dir = {selectors}

[webdriver]
driver = {driver}
browser = {browser}

[[account]]
name = "kilima"
portal = "kilima"
number = "{number}"
user = "{user}"
secret_file = {secret}
origin = "http://{address}"
poll = "{poll}"
sweep = "1m"
cap = {{ logins = {cap}, per = "{per}s" }}

[[sink]]
type = "stdout"
"#,
        state = quoted(&state),
        selectors = quoted(&selectors),
        driver = quoted(setting.driver),
        browser = quoted(setting.browser),
        number = knobs.short_code,
        user = knobs.user,
        secret = quoted(&secret),
        address = portal.address(),
        poll = humantime::format_duration(setting.poll),
        cap = knobs.login_cap,
        per = knobs.login_window_s,
    );
    std::fs::write(&path, text)?;
    Ok(path)
}

/// A TOML string: JSON's escapes are TOML's for every path that is UTF-8.
fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}
/// A `ChromeDriver` and a browser of this machine: those given, or the first on PATH.
///
/// # Errors
/// When one of them is neither given nor on PATH.
pub fn programs(
    driver: Option<PathBuf>,
    browser: Option<PathBuf>,
) -> Result<(PathBuf, PathBuf), DemoError> {
    const BROWSERS: [&str; 5] = [
        "chromium",
        "google-chrome",
        "google-chrome-stable",
        "chrome",
        "chromium-browser",
    ];
    Ok((
        found(driver, &["chromedriver"], "ChromeDriver", "driver")?,
        found(browser, &BROWSERS, "Chromium", "browser")?,
    ))
}

fn found(
    given: Option<PathBuf>,
    names: &[&str],
    what: &'static str,
    option: &'static str,
) -> Result<PathBuf, DemoError> {
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
        names
            .iter()
            .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)))
            .find(|candidate| candidate.is_file())
    };
    given
        .or_else(on_path)
        .ok_or(DemoError::Missing { what, option })
}
