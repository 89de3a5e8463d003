//! How a browser comes to be there, and how it goes: started, adopted, given up, ended; its kept session restored.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use serde_json::{Value as Json, json};
use tokio::time::timeout;
use url::Url;

use super::browser::Browser;
use super::capabilities::{capabilities, command_line};
use super::driver::{Driver, DriverError, found};
use super::form::StepError;
use super::http::Missed;
use super::record::Record;
use super::session::{Failure, Session, end_stale};
use super::settle::Until;
use super::{Settings, WebDriver, WebDriverPortal, reading};
use crate::extract::{self, Document};
use crate::portal::{Left, NoSession, NotOut, Page, Portal, PortalError};
use crate::selectors::{self, Marks};

/// What the end of a browser may take, for each of its steps: a container is given ten seconds to stop.
pub(super) const CLOSE_LIMIT: Duration = Duration::from_secs(4);
/// What a person who takes over waits for the portal's answer to a sign-out, on a slow link too.
pub(super) const HAND_OVER_LIMIT: Duration = Duration::from_secs(60);

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

    /// Signs out, within `limit`, and ends the browser. Nothing is kept of the session, whatever the portal says.
    pub(super) async fn leave(&mut self, limit: Duration) -> Left {
        let left = self.sign_out(limit).await;
        if let Left::Open(why) = &left {
            let account = self.settings.owner.account.as_str();
            tracing::info!(
                account,
                "not known to be signed out, the portal's own timeout ends the session: {why}"
            );
        }
        self.forget();
        self.end_browser().await;
        left
    }

    /// Signs out of a session that was begun here, restored or kept, where the file names a way.
    async fn sign_out(&mut self, limit: Duration) -> Left {
        let browser = self.browser.as_ref();
        let is_begun = browser.is_some_and(|it| it.may_be_signed_in) || self.http.is_some();
        if !is_begun && !self.kept.file.exists() {
            return Left::Nothing;
        }
        let portal = Arc::clone(&self.settings.selectors);
        let path = portal.sign_in.sign_out.as_deref();
        let Some(url) = path.and_then(|path| portal.origin.join(path)) else {
            return Left::Open(NotOut::NoWay);
        };
        if !is_begun
            && self.browser.is_none()
            && self.kept.key.is_some()
            && let Err(error) = self.open_browser().await
        {
            return Left::Open(NotOut::NoBrowser(error));
        }
        let answer = match (&mut self.browser, &mut self.http) {
            (Some(browser), _) if browser.may_be_signed_in => {
                let answer = browser.answer_at(&url, &portal, limit);
                match timeout(limit, answer).await {
                    Ok(answer) => answer.map_err(why),
                    Err(_) => Err("timeout".to_owned()),
                }
            }
            (None, Some(http)) => match http.get(url, &portal.origin, limit).await {
                Ok(document) => {
                    let page = reading::judge(document, &portal.origin);
                    page.map_err(|error| why(StepError::Portal(error)))
                }
                Err(Missed::Down(error) | Missed::Odd(error)) => Err(why(StepError::Portal(error))),
            },
            (Some(_), _) | (None, None) => return Left::Open(NotOut::Lost),
        };
        let page = match answer {
            Ok(page) => page,
            Err(why) => return Left::Open(NotOut::NoAnswer(why)),
        };
        let look = move || {
            extract::guarded(|| {
                let document = extract::parse(&page.html)?;
                Ok(shown(&portal.marks, &document))
            })
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(left) => left.unwrap_or(Left::Open(NotOut::NoMark)),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

impl Browser {
    /// The page that the portal gives at `url`, once it is finished.
    async fn answer_at(
        &mut self,
        url: &Url,
        portal: &Arc<selectors::Portal>,
        limit: Duration,
    ) -> Result<Page, StepError> {
        self.session.goto(url).await?;
        let page = self.after_load(limit, portal).await?;
        self.settle(page, Until::AnyMark, portal, limit).await
    }
}

/// What a page that answers a sign-out shows.
fn shown(marks: &Marks, document: &Document) -> Left {
    match (
        document.has(&marks.signed_in),
        document.has(&marks.signed_out),
    ) {
        (false, true) => Left::SignedOut,
        (true, false) => Left::Open(NotOut::StillIn),
        (true, true) | (false, false) => Left::Open(NotOut::NoMark),
    }
}

/// Why no page came, in few words: nothing goes on from there.
fn why(error: StepError) -> String {
    match error {
        StepError::Call(Failure::Refused { code, network }) => {
            network.unwrap_or_else(|| code.to_owned())
        }
        StepError::Portal(PortalError::OffOrigin { found, .. }) => format!("a page of {found}"),
        StepError::Portal(PortalError::PortalDown { reason })
        | StepError::Call(Failure::Gone(
            PortalError::BrowserLost { reason } | PortalError::OutOfMemory { reason },
        )) => reason,
        StepError::Portal(error) | StepError::Call(Failure::Gone(error)) => error.to_string(),
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use std::net::TcpListener;

    use secrecy::SecretString;
    use tokio::sync::watch;

    use super::*;
    use crate::clock::Clock;
    use crate::page_loads::PageLoads;
    use crate::portal::kept::{Kept, Key, Owner};
    use crate::portal::pool::Pool;
    use crate::portal::webdriver::Route;

    const KILIMA: &str = include_str!("../../../selectors/kilima.toml");

    fn read(file: &str) -> selectors::Portal {
        selectors::file::parse("kilima", "kilima.toml", file).unwrap()
    }

    /// With a WebDriver that nobody finds.
    fn portal(state: &Path, file: &str) -> WebDriverPortal {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", closed.local_addr().unwrap());
        let (_, stop) = watch::channel(false);
        let loads = PageLoads::open(&state.join("loads"), 1000, Clock::System, stop).unwrap();
        let owner = Owner {
            account: "kilima".to_owned(),
            number: "600123".to_owned(),
            user: "jane".to_owned(),
            origin: "https://org.kilima.example".to_owned(),
        };
        WebDriverPortal::new(Settings {
            webdriver: WebDriver::Remote {
                url: url.parse().unwrap(),
                args: Vec::new(),
            },
            call_timeout: Duration::from_secs(10),
            page_timeout: Duration::from_secs(10),
            route: Route::default(),
            headed: false,
            state: state.to_owned(),
            selectors: Arc::new(read(file)),
            owner,
            session_key: None,
            pool: Pool::of(1),
            max_age: Duration::MAX,
            max_memory: u64::MAX,
            clock: Clock::System,
            loads,
        })
    }

    #[test]
    fn only_the_signed_out_mark_confirms_a_sign_out() {
        let marks = read(KILIMA).marks;
        let in_ = "<div id=operator><b id=operator-name>JANE</b></div>";
        let out = "<form id=login-form></form>";
        let both = format!("{in_}{out}");
        for (html, left) in [
            (out, Left::SignedOut),
            (in_, Left::Open(NotOut::StillIn)),
            ("<p>Bye</p>", Left::Open(NotOut::NoMark)),
            (both.as_str(), Left::Open(NotOut::NoMark)),
        ] {
            assert_eq!(shown(&marks, &extract::parse(html).unwrap()), left);
        }
    }

    #[tokio::test]
    async fn who_takes_over_hears_why_a_session_may_be_open_and_none_is_kept() {
        let (secret, no_way) = (
            SecretString::from("correct horse"),
            KILIMA.replace("sign_out = ", "# sign_out = "),
        );
        for (file, is_kept, has_key) in [
            (KILIMA, false, true),
            (no_way.as_str(), true, true),
            (KILIMA, true, true),
            (KILIMA, true, false),
        ] {
            let state = tempfile::tempdir().unwrap();
            let mut portal = portal(state.path(), file);
            let key = Key::of(&secret);
            if is_kept {
                portal.kept.file.save(&key, &Kept::default()).unwrap();
            }
            portal.kept.key = has_key.then_some(key);
            let left = portal.hand_over().await;
            let is_right = match &left {
                Left::Nothing => !is_kept,
                Left::Open(NotOut::NoWay) => file != KILIMA,
                Left::Open(NotOut::NoBrowser(PortalError::NoWebDriver { .. })) => {
                    is_kept && has_key && file == KILIMA
                }
                Left::Open(NotOut::Lost) => !has_key,
                _ => false,
            };
            assert!(is_right, "{left:?}");
            assert!(!portal.kept.file.exists());
        }
    }
}
