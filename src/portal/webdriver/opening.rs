//! How a browser comes to be there, and how it goes: started, adopted, given up, ended; its kept session restored.

use std::path::Path;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use serde_json::{Value as Json, json};
use tokio::time::timeout;
use url::Url;

use super::browser::Browser;
use super::capabilities::{capabilities, command_line};
use super::driver::{Driver, DriverError, found};
use super::record::Record;
use super::session::{Session, end_stale};
use super::{Settings, WebDriver, WebDriverPortal};
use crate::portal::{NoSession, PortalError};

/// What the end of a browser may take, for each of its steps: a container is given ten seconds to stop.
pub(super) const CLOSE_LIMIT: Duration = Duration::from_secs(4);

impl WebDriverPortal {
    /// A browser, with the session that was kept where there is one.
    pub(super) async fn open_browser(&mut self) -> Result<(), PortalError> {
        if self.place.is_none() {
            // In the middle of a turn, which cannot wait for long: before those that have not begun theirs.
            self.place = Some(self.settings.pool.place(Duration::ZERO).await);
        }
        let browser = match &self.settings.webdriver {
            WebDriver::Remote { url, args } => self.open_remote(url, args).await?,
            WebDriver::Local {
                driver,
                browser,
                args,
            } => self.open_local(driver, browser, args).await?,
        };
        let is_new = !browser.may_be_signed_in;
        if let Some(unproved) = &browser.unproved {
            self.kept.begun.clone_from(&unproved.brought.begun);
        }
        self.browser = Some(browser);
        if is_new {
            self.restore().await?;
        }
        Ok(())
    }

    async fn open_local(
        &self,
        driver: &Path,
        browser: &Path,
        args: &[String],
    ) -> Result<Browser, PortalError> {
        let browser = found(browser, "browser").map_err(no_driver)?;
        let Settings {
            state,
            call_timeout,
            route,
            ..
        } = &self.settings;
        let driver = Driver::start(driver, state, *call_timeout, route)
            .await
            .map_err(no_driver)?;
        let mut options = command_line(args, self.settings.headed);
        options.push(format!("--user-data-dir={}", driver.profile().display()));
        if rustix::process::geteuid().is_root() {
            options.push("--no-sandbox".to_owned());
        }
        let capabilities = self.capabilities(json!({ "binary": browser, "args": options }));
        let session = match Url::parse(&driver.url()) {
            Ok(url) => Session::start(&url, capabilities, self.limit()).await,
            Err(error) => Err(PortalError::NoWebDriver {
                kind: NoSession::Other,
                reason: error.to_string(),
            }),
        };
        match session {
            Ok(session) => {
                Ok(Browser::new(session, Some(driver), self.settings.loads.clone()).noting_kills())
            }
            Err(error) => {
                driver.stop().await;
                Err(error)
            }
        }
    }

    async fn open_remote(&self, url: &Url, args: &[String]) -> Result<Browser, PortalError> {
        let url = with_slash(url);
        let capabilities =
            self.capabilities(json!({ "args": command_line(args, self.settings.headed) }));
        let way = format!("{url} {}", json!(capabilities));
        let tag = self.kept.file.owner().tag(&way);
        if let Some(browser) = self.adopt(&url, &tag).await {
            return Ok(browser);
        }
        self.end_stale_sessions(&url).await;
        let session = Session::start(&url, capabilities, self.limit()).await?;
        let noted =
            Record::open(&self.settings.state).and_then(|mut file| file.add(session.id(), &tag));
        if let Err(error) = noted {
            tracing::warn!(%error, "the session's id is not on disk: after a crash nobody would end it");
        }
        Ok(Browser::new(session, None, self.settings.loads.clone()))
    }

    fn capabilities(&self, chrome: Json) -> Capabilities {
        let settings = &self.settings;
        let pin = &settings.selectors.origin;
        capabilities(chrome, settings.page_timeout, &settings.route, pin)
    }

    /// Goes on with the session of a process that did not end it: it may still be signed in. Only one that was begun for
    /// this account, user and origin, and with the same capabilities; and none where a person has given another session since.
    async fn adopt(&self, url: &Url, tag: &str) -> Option<Browser> {
        let id = Record::open(&self.settings.state).ok()?.tagged(tag)?;
        let kept = self.kept.load().unwrap_or_default();
        if kept.is_imported {
            return None;
        }
        let session = Session::adopt(url, &id, self.settings.call_timeout).await?;
        let mut browser = Browser::new(session, None, self.settings.loads.clone());
        browser.user_agent.clone_from(&kept.user_agent);
        browser.begin_proof(None, kept.brought(), self.settings.clock.monotonic());
        tracing::info!(
            account = self.kept.file.owner().account,
            "goes on with the WebDriver session that an earlier run left"
        );
        Some(browser)
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

    /// Ends a session that does not answer: kills the local driver; asks a remote one over a connection of its own.
    pub(super) async fn give_up(&mut self) {
        let Some(Browser {
            session, driver, ..
        }) = self.browser.take()
        else {
            return;
        };
        let id = session.id().to_owned();
        session.abandon();
        match (driver, &self.settings.webdriver) {
            (Some(driver), _) => driver.stop().await,
            (None, WebDriver::Remote { url, .. }) => {
                let disowned =
                    Record::open(&self.settings.state).and_then(|mut file| file.disown(&id));
                if let Err(error) = disowned {
                    tracing::warn!(%error, "could not write down that a session was given up");
                }
                self.end_stale_sessions(&with_slash(url)).await;
            }
            (None, WebDriver::Local { .. }) => {}
        }
    }

    /// Ends the session and kills a local driver, each within a limit, and gives the place back. The portal is not asked.
    pub(super) async fn end_browser(&mut self) {
        if let Some(browser) = self.browser.take() {
            self.end(browser).await;
        }
        self.place = None;
    }

    async fn end(&self, browser: Browser) {
        let Browser {
            session, driver, ..
        } = browser;
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

    /// Signs out when a sign-in was submitted, or restored, and the file names a way.
    pub(super) async fn sign_out(&mut self) {
        let limit = self.settings.call_timeout.min(CLOSE_LIMIT);
        let portal = &self.settings.selectors;
        let path = portal.sign_in.sign_out.as_deref();
        let Some(url) = path.and_then(|path| portal.origin.join(path)) else {
            return;
        };
        let is_out = match (&mut self.browser, &mut self.http) {
            (Some(browser), _) if browser.may_be_signed_in => {
                let visit = timeout(limit, browser.session.goto(&url)).await;
                browser.may_be_signed_in = !matches!(visit, Ok(Ok(())));
                !browser.may_be_signed_in
            }
            (None, Some(http)) => http.get(url, &portal.origin, limit).await.is_ok(),
            (Some(_), _) | (None, None) => return,
        };
        if !is_out {
            tracing::info!("sign-out did not go through; the portal's own timeout ends it");
        }
    }
}

fn no_driver(error: DriverError) -> PortalError {
    let kind = match &error {
        DriverError::Missing { .. } => NoSession::Missing,
        DriverError::Spawn { .. }
        | DriverError::Directory { .. }
        | DriverError::Ended { .. }
        | DriverError::NoPort { .. }
        | DriverError::Route(_)
        | DriverError::Thread(_) => NoSession::Other,
    };
    PortalError::NoWebDriver {
        kind,
        reason: error.to_string(),
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
