//! A portal behind a WebDriver.
//!
//! Takes the steps of a selector file in a real browser and gives pages; what they mean is decided elsewhere. Keeps:
//!
//! - Nothing is typed unless the element's own document, and where its form sends to, are of the pinned origin (`form`).
//! - A page is given only when it is of the pinned origin, of a document newer than the page before, and no error
//!   page (`reading`): a navigation that leads nowhere never passes for a page.
//! - One click sends one request: the browser does not repeat a sign-in by itself (`resend`).
//! - One load and one read per page, never a round trip per cell.
//! - No call is waited for without limit. A call past it costs the session (`session`): a local driver is killed and a
//!   remote session ended, and the next `open` begins anew.
//! - A local driver and its browser end with the agent, however it ends (`driver`, `parent_death`), and what they left on
//!   disk goes at the next start (`run_dir`). Sessions of a remote one are ended at the next `open` (`record`).
//!
//! Secrets: the password is exposed in `submit` only, as the argument of one call. hyper logs sizes, not bodies, but at
//! `trace` it is no promise: cap the targets `hyper`, `hyper_util` and `rustls` at `warn`.

mod browser;
mod capabilities;
mod connection;
mod driver;
mod form;
mod parent_death;
mod reading;
mod record;
mod resend;
mod run_dir;
mod session;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::time::timeout;
use url::Url;

use self::browser::{Browser, down};
use self::capabilities::{capabilities, command_line};
use self::driver::{Driver, found};
use self::form::{Place, StepError};
use self::record::Record;
use self::session::{Failure, Session, end_stale};
use super::{Credential, Days, Page, Portal, PortalError};
use crate::selectors::{self, Step, Value};

/// What `close` may take for each of its two steps: a container is given ten seconds to stop.
const CLOSE_LIMIT: Duration = Duration::from_secs(4);

/// The WebDriver of one account.
#[derive(Debug, Clone)]
pub enum WebDriver {
    /// One that runs already, e.g. in a container beside us.
    Remote {
        /// Where it listens, `http` or `https`, with its base path.
        url: Url,
        /// Added to the browser's command line. As root, or in a container without user namespaces, its browser needs
        /// `--no-sandbox`.
        args: Vec<String>,
    },
    /// A ChromeDriver that we start, and end.
    Local {
        /// ChromeDriver: a path, or a name on PATH.
        driver: PathBuf,
        /// Chromium or Chrome of the same version: a path, or a name on PATH.
        browser: PathBuf,
        /// Added to the browser's command line. `--no-sandbox` is added for root.
        args: Vec<String>,
    },
}

/// What the edge must know of an account.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which WebDriver.
    pub webdriver: WebDriver,
    /// How long the WebDriver itself may take for a call, beyond `page_timeout`: every call is given up after the sum of
    /// both, because any call may have to wait for a page. Also the time a driver may take to start.
    pub call_timeout: Duration,
    /// How long a page may take to load, and an element to appear.
    pub page_timeout: Duration,
    /// A directory for this account's browser alone. Created if missing.
    pub state: PathBuf,
    /// The portal, with the resolved origin.
    pub selectors: Arc<selectors::Portal>,
}

/// A portal in a browser. Dropping it ends the browser; a signed-in session at the portal is left to time out, so
/// call [`Portal::close`].
#[derive(Debug)]
pub struct WebDriverPortal {
    settings: Settings,
    browser: Option<Browser>,
}

impl WebDriverPortal {
    /// Starts nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            browser: None,
        }
    }

    fn limit(&self) -> Duration {
        self.settings.page_timeout + self.settings.call_timeout
    }

    async fn open_local(
        &self,
        driver: &Path,
        browser: &Path,
        args: &[String],
    ) -> Result<Browser, PortalError> {
        let none = |reason: String| PortalError::NoWebDriver { reason };
        let browser = found(browser, "browser").map_err(|error| none(error.to_string()))?;
        let driver = Driver::start(driver, &self.settings.state, self.settings.call_timeout)
            .await
            .map_err(|error| none(error.to_string()))?;
        let mut options = command_line(args);
        options.push(format!("--user-data-dir={}", driver.profile().display()));
        if rustix::process::geteuid().is_root() {
            options.push("--no-sandbox".to_owned());
        }
        let capabilities = capabilities(
            json!({ "binary": browser, "args": options }),
            self.settings.page_timeout,
        );
        let session = match Url::parse(&driver.url()) {
            Ok(url) => Session::start(&url, capabilities, self.limit()).await,
            Err(error) => Err(none(error.to_string())),
        };
        match session {
            Ok(session) => Ok(Browser::new(session, Some(driver))),
            Err(error) => {
                driver.stop().await;
                Err(error)
            }
        }
    }

    async fn open_remote(&self, url: &Url, args: &[String]) -> Result<Browser, PortalError> {
        let url = with_slash(url);
        self.end_stale_sessions(&url).await;
        let capabilities = capabilities(
            json!({ "args": command_line(args) }),
            self.settings.page_timeout,
        );
        let session = Session::start(&url, capabilities, self.limit()).await?;
        let noted = Record::open(&self.settings.state).and_then(|mut file| file.add(session.id()));
        if let Err(error) = noted {
            tracing::warn!(%error, "the session's id is not on disk: after a crash nobody would end it");
        }
        Ok(Browser::new(session, None))
    }

    /// Ends what earlier processes, and sessions that hung, left at the remote WebDriver. What does not answer
    /// stays on the list.
    async fn end_stale_sessions(&self, url: &Url) {
        let mut record = match Record::open(&self.settings.state) {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!(%error, "sessions of an earlier run cannot be read, and so not ended");
                return;
            }
        };
        for id in record.ids() {
            if !end_stale(url, &id, self.settings.call_timeout).await {
                // It hangs: the others would only wait as long.
                return;
            }
            if let Err(error) = record.remove(&id) {
                tracing::warn!(%error, "could not write down that a session has ended");
            }
        }
    }

    fn browser(&mut self) -> Result<(&Settings, &mut Browser), StepError> {
        match &mut self.browser {
            Some(browser) => Ok((&self.settings, browser)),
            None => Err(Failure::gone("it was not opened").into()),
        }
    }

    /// Turns what ended a step into the trait's error, and gives up a session that is gone.
    async fn settle<T>(&mut self, result: Result<T, StepError>) -> Result<T, PortalError> {
        let error = match result {
            Ok(value) => return Ok(value),
            Err(StepError::Portal(error)) => return Err(error),
            Err(StepError::Call(Failure::Gone(error))) => error,
            Err(StepError::Call(Failure::Refused { code, network })) => {
                if !self.is_stuck(code).await {
                    let reason = network.unwrap_or_else(|| code.to_owned());
                    return Err(PortalError::PortalDown { reason });
                }
                PortalError::BrowserLost {
                    reason: "a page that does not let go of it".to_owned(),
                }
            }
        };
        self.give_up().await;
        Err(error)
    }

    /// After a timeout: was the page slow, or does it keep the browser from ever answering?
    async fn is_stuck(&self, code: &str) -> bool {
        match &self.browser {
            Some(browser) if matches!(code, "timeout" | "script timeout") => {
                !browser.session.runs_scripts().await
            }
            Some(_) | None => false,
        }
    }

    /// Ends a session that does not answer: kills the local driver; asks a remote one over a connection of its own.
    async fn give_up(&mut self) {
        let Some(Browser {
            session, driver, ..
        }) = self.browser.take()
        else {
            return;
        };
        session.abandon();
        match (driver, &self.settings.webdriver) {
            (Some(driver), _) => driver.stop().await,
            (None, WebDriver::Remote { url, .. }) => {
                self.end_stale_sessions(&with_slash(url)).await;
            }
            (None, WebDriver::Local { .. }) => {}
        }
    }

    async fn take_steps(&mut self, credential: &Credential) -> Result<Page, StepError> {
        let (settings, browser) = self.browser()?;
        let portal = &settings.selectors;
        let steps = &portal.sign_in.steps;
        let mut has_clicked = false;
        for (index, step) in steps.iter().enumerate() {
            let limit = settings.page_timeout;
            let taken = match step {
                Step::Fill { field, value } => {
                    let step = format!("sign_in.steps[{index}].fill");
                    let place = Place {
                        css: field,
                        step: &step,
                    };
                    let text = match value {
                        Value::Number => credential.number.as_str(),
                        Value::User => credential.user.as_str(),
                        Value::Password => credential.password.expose_secret(),
                    };
                    form::fill(&browser.session, place, text, &portal.origin, limit).await
                }
                Step::Click { element } => {
                    let step = format!("sign_in.steps[{index}].click");
                    let place = Place {
                        css: element,
                        step: &step,
                    };
                    // Before the click: an answer that is lost may still be a sign-in.
                    browser.may_be_signed_in |= index + 1 == steps.len();
                    form::click(&browser.session, place, &portal.origin, limit)
                        .await
                        .map(|document| browser.document = document)
                }
            };
            match taken {
                // After a click the portal may take another way, to a refusal say: that page has the verdict.
                Err(StepError::Portal(PortalError::ElementMissing { .. })) if has_clicked => {
                    return browser.read_again(portal).await;
                }
                other => other?,
            }
            has_clicked |= matches!(step, Step::Click { .. });
        }
        match browser.next_document(settings.page_timeout).await? {
            Some(document) => browser.take(document, portal),
            // A portal that answers in place, by script: the page as it stands has the verdict, if any.
            None => browser.read_again(portal).await,
        }
    }

    async fn click_next(&mut self) -> Result<Page, StepError> {
        let (settings, browser) = self.browser()?;
        let portal = &settings.selectors;
        let css = portal.table.next.as_ref().map_or("", |next| &next.element);
        let place = Place {
            css,
            step: "table.next",
        };
        let limit = settings.page_timeout;
        browser.document = form::click(&browser.session, place, &portal.origin, limit).await?;
        match browser.next_document(settings.page_timeout).await? {
            Some(document) => browser.take(document, portal),
            None => Err(down("the click on `table.next` led to no new page")),
        }
    }

    async fn load(&mut self, url: Option<Url>) -> Result<Page, StepError> {
        let (settings, browser) = self.browser()?;
        let url = url.ok_or_else(|| {
            down("a path of the selector file leaves the origin or has no valid date format")
        })?;
        browser.session.goto(&url).await?;
        browser
            .after_load(settings.page_timeout, &settings.selectors)
            .await
    }

    async fn sign_out(&mut self) {
        let limit = self.settings.call_timeout.min(CLOSE_LIMIT);
        let portal = Arc::clone(&self.settings.selectors);
        let Some(browser) = &mut self.browser else {
            return;
        };
        let path = portal.sign_in.sign_out.as_deref();
        let Some(url) = path.and_then(|path| portal.origin.join(path)) else {
            return;
        };
        if !browser.may_be_signed_in {
            return;
        }
        match timeout(limit, browser.session.goto(&url)).await {
            Ok(Ok(())) => browser.may_be_signed_in = false,
            Ok(Err(_)) | Err(_) => {
                tracing::info!("sign-out did not go through; the portal's own timeout ends it")
            }
        }
    }
}

impl Portal for WebDriverPortal {
    async fn open(&mut self) -> Result<(), PortalError> {
        if self.browser.is_some() {
            return Ok(());
        }
        let browser = match &self.settings.webdriver {
            WebDriver::Remote { url, args } => self.open_remote(url, args).await?,
            WebDriver::Local {
                driver,
                browser,
                args,
            } => self.open_local(driver, browser, args).await?,
        };
        self.browser = Some(browser);
        Ok(())
    }

    async fn visit_sign_in(&mut self) -> Result<Page, PortalError> {
        let portal = &self.settings.selectors;
        let url = portal.origin.join(&portal.sign_in.path);
        let result = self.load(url).await;
        self.settle(result).await
    }

    async fn submit(&mut self, credential: &Credential) -> Result<Page, PortalError> {
        let result = self.take_steps(credential).await;
        self.settle(result).await
    }

    async fn first_page(&mut self, days: Days) -> Result<Page, PortalError> {
        let portal = &self.settings.selectors;
        let url = table_path(&portal.table, days).and_then(|path| portal.origin.join(&path));
        let result = self.load(url).await;
        self.settle(result).await
    }

    async fn next_page(&mut self) -> Result<Page, PortalError> {
        let result = self.click_next().await;
        self.settle(result).await
    }

    /// Signs out when a sign-in was submitted and the file names a way (a portal that allows one session would
    /// else refuse the next sign-in), ends the session and kills a local driver. Each step is bounded.
    async fn close(&mut self) {
        self.sign_out().await;
        let Some(Browser {
            session, driver, ..
        }) = self.browser.take()
        else {
            return;
        };
        let limit = self.settings.call_timeout.min(CLOSE_LIMIT);
        let id = session.id().to_owned();
        let is_ended = session.end(limit).await;
        match driver {
            Some(driver) => driver.stop().await,
            None if is_ended => {
                let noted =
                    Record::open(&self.settings.state).and_then(|mut file| file.remove(&id));
                if let Err(error) = noted {
                    tracing::warn!(%error, "could not write down that a session has ended");
                }
            }
            None => {}
        }
    }
}

/// Paths of calls are joined to the base: without the slash its last segment would go.
fn with_slash(url: &Url) -> Url {
    let mut url = url.clone();
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
}

/// `table.path` with its days; `None` when the file's date format is none.
fn table_path(table: &selectors::Table, days: Days) -> Option<String> {
    let Some(format) = &table.path_date else {
        return Some(table.path.clone());
    };
    let written = |day: NaiveDate| {
        let mut text = String::new();
        write!(text, "{}", day.format(format)).ok().map(|()| text)
    };
    Some(
        table
            .path
            .replace("{from}", &written(days.from)?)
            .replace("{to}", &written(days.to)?),
    )
}
