//! A portal behind a WebDriver.
//!
//! Takes the steps of a selector file in a real browser and gives pages; what they mean is decided elsewhere. Keeps:
//!
//! - Nothing is typed unless the element's own document, and where its form sends to, are of the pinned origin (`form`).
//! - A page is given only when it is of the pinned origin, of a document newer than the page before, and no error
//!   page (`reading`): a navigation that leads nowhere never passes for a page.
//! - What a page asks by a dialog is answered as the file says, or not at all (`dialog`). What stands in between is clicked away
//!   only where the file names it; of what nobody knows the skeleton is kept (`settle`, `evidence`).
//! - One click sends one request: the browser does not repeat a sign-in by itself (`resend`).
//! - A picture is drawn of a page with stand-ins only, in a tab of its own (`picture`): one of the portal's own page would show
//!   everybody's names.
//! - What the page's scripts request is kept while a recording is made, and no longer than to the next page that is loaded
//!   (`scripts`).
//! - One load and one read per page, never a round trip per cell. The table is loaded by the cheapest of three ways that
//!   has given the same rows as the browser (`table`): by navigation, by a script of the signed-in page (`fetch`), or
//!   without a browser (`http`), which then is released; its cookies come back with the next one (`cookies`).
//! - No call is waited for without limit. A call past it costs the session (`session`): a local driver is killed and a
//!   remote session ended, and the next `open` begins anew.
//! - What a restart needs to go on without a login is kept encrypted (`keeping`), from a page that proved the session until
//!   the portal, or we, end it.
//! - A local driver and its browser end with the agent, however it ends (`driver`, `parent_death`), and what they left on
//!   disk goes at the next start (`run_dir`). The session of a remote
//!   one is adopted at the next `open` where it is ours and answers, else ended (`opening`, `record`).
//!
//! Secrets: password and code are exposed in `submit` and `submit_code` only, as the argument of one call. hyper logs sizes, not bodies, but at
//! `trace` it is no promise: cap the targets `hyper`, `hyper_util` and `rustls` at `warn`.

mod browser;
mod capabilities;
mod connection;
mod cookies;
mod devtools;
mod dialog;
mod driver;
mod evidence;
mod export;
mod fetch;
mod form;
mod frames;
mod grow;
mod http;
mod keeping;
mod opening;
mod parent_death;
mod picture;
mod reach;
mod reading;
mod record;
mod resend;
mod retry_after;
mod route;
mod run_dir;
mod scripts;
mod session;
mod settle;
mod steps;
mod submit;
mod table;
mod upkeep;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

pub use self::route::Route;

use self::browser::{Browser, down};
use self::driver::Driver;
use self::form::StepError;
use self::http::Http;
use self::keeping::Keeper;
use self::opening::{CLOSE_LIMIT, HAND_OVER_LIMIT};
use self::session::Failure;
use self::settle::Until;
use self::table::Last;
use super::kept::{Begun, Brought, KeepError, Kept, KeptFile, Key, Owner};
use super::pool::{self, Pool};
use super::way::Ladder;
use super::{Credential, Days, Exported, Left, Page, Portal, PortalError, ScriptRequest};
use crate::clock::Clock;
use crate::login::budget::Stamp;
use crate::page_loads::PageLoads;
use crate::selectors::{self, Read};

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
    /// How the browser gets to the portal.
    pub route: Route,
    /// The browser shows a window.
    pub headed: bool,
    /// A directory for this account's browser alone. Created if missing.
    pub state: PathBuf,
    /// The portal, with the resolved origin.
    pub selectors: Arc<selectors::Portal>,
    /// Whose session it is: nobody else's is adopted or restored. Its origin is that of `selectors`.
    pub owner: Owner,
    /// Opens the kept session; `None`: a key of the account's own secret does, once [`Portal::unlock`] was called.
    pub session_key: Option<Key>,
    /// Bounds the browsers of all accounts.
    pub pool: Pool,
    /// A browser that is older is replaced.
    pub max_age: Duration,
    /// A local browser that holds more is replaced: bytes, with its driver.
    pub max_memory: u64,
    /// Says how old a browser and its cookies are, and when the session is looked at again.
    pub clock: Clock,
    /// Asked before every page.
    pub loads: PageLoads,
}

/// Every way that the file allows, from the dearest on.
fn ladder(portal: &selectors::Portal) -> Ladder {
    let read = if portal.is_plain() {
        portal.table.read
    } else {
        Read::Navigate
    };
    Ladder::new(read, portal.table.may_leave_browser)
}

/// A portal in a browser. Dropping it ends the browser; a signed-in session at the portal is left to time out, so
/// call [`Portal::close`] or [`Portal::park`].
#[derive(Debug)]
pub struct WebDriverPortal {
    settings: Settings,
    browser: Option<Browser>,
    /// Leave to have a browser; outlives it until its processes are gone.
    place: Option<pool::Place>,
    kept: Keeper,
    /// The session as it is outside the browser: borrowed from it, or all that is left of it.
    http: Option<Http>,
    ladder: Ladder,
    last: Option<Last>,
    /// The export given last, and the signed-in page that it was asked for from.
    exported: Option<Exported>,
    /// What scripts request is to be kept.
    watches: bool,
    /// Readings in a row that met a portal that is down.
    downs: u32,
}

impl WebDriverPortal {
    /// Starts nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let file = KeptFile::new(&settings.state, settings.owner.clone());
        Self {
            kept: Keeper::new(file, settings.session_key.clone()),
            ladder: ladder(&settings.selectors),
            settings,
            browser: None,
            place: None,
            http: None,
            last: None,
            exported: None,
            watches: false,
            downs: 0,
        }
    }

    fn limit(&self) -> Duration {
        self.settings.page_timeout + self.settings.call_timeout
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
                if network.as_deref().is_some_and(route::wants_certificate) {
                    return Err(PortalError::CertificateRequired);
                }
                if !self.is_stuck(code).await {
                    let reason = network.unwrap_or_else(|| code.to_owned());
                    return Err(PortalError::PortalDown { reason });
                }
                PortalError::BrowserLost {
                    reason: "a page that does not let go of it".to_owned(),
                }
            }
        };
        let error = match &self.browser {
            Some(browser) => browser.cause(error),
            None => error,
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

    async fn load(&mut self, url: Option<Url>) -> Result<Page, StepError> {
        let watches = self.watches;
        let (settings, browser) = self.browser()?;
        let url = url.ok_or_else(|| {
            down("a path of the selector file leaves the origin or has no valid date format")
        })?;
        browser.watch_scripts(watches).await?;
        browser.loads.take().await?;
        browser.stands = false;
        browser.session.goto(&url).await?;
        browser.end_restore().await?;
        let (portal, limit) = (&settings.selectors, settings.page_timeout);
        let page = browser.after_load(limit, portal).await?;
        browser.settle(page, Until::AnyMark, portal, limit).await
    }

    /// A browser is there; in a new one goes on the session that was kept, or went on without one.
    async fn bring_back(&mut self) -> Result<(), PortalError> {
        match self.browser {
            Some(_) => Ok(()),
            None => self.open_browser().await,
        }
    }
}

impl Portal for WebDriverPortal {
    async fn open(&mut self) -> Result<(), PortalError> {
        if self.reads_without_browser() {
            return Ok(());
        }
        let now = self.settings.clock.monotonic();
        let Some(browser) = &mut self.browser else {
            return self.open_browser().await;
        };
        if browser.may_go_on(now) {
            self.retire().await;
        } else {
            tracing::warn!(
                account = self.settings.owner.account,
                "the session from before gives no page of the table and is dropped"
            );
            self.forget();
            self.end_browser().await;
        }
        if self.browser.is_some() || self.reads_without_browser() {
            return Ok(());
        }
        self.open_browser().await
    }

    async fn visit_sign_in(&mut self) -> Result<Page, PortalError> {
        self.bring_back().await?;
        let result = self.sign_in_page().await;
        self.settle(result).await
    }

    async fn submit(&mut self, credential: &Credential) -> Result<Page, PortalError> {
        self.forget();
        self.unlock(credential);
        self.ladder.signed_in();
        let result = self.take_steps(credential).await;
        self.settle(result).await
    }

    async fn submit_code(&mut self, code: &SecretString) -> Result<Page, PortalError> {
        let result = self.type_code(code).await;
        self.settle(result).await
    }

    async fn look(&mut self) -> Result<Page, PortalError> {
        let result = match self.browser() {
            Ok((settings, browser)) => {
                // Whatever the person does may be a sign-in.
                browser.may_be_signed_in = true;
                browser
                    .read_again(settings.page_timeout, &settings.selectors)
                    .await
            }
            Err(error) => Err(error),
        };
        self.settle(result).await
    }

    async fn first_page(&mut self, days: Days) -> Result<Page, PortalError> {
        self.first(days).await
    }

    async fn next_page(&mut self) -> Result<Page, PortalError> {
        self.next().await
    }

    async fn heard(&mut self, is_table: bool) -> bool {
        self.hear(is_table).await
    }

    fn unlock(&mut self, credential: &Credential) {
        if self.settings.session_key.is_none() {
            self.kept.key = Some(Key::of(&credential.password));
        }
    }

    async fn keep(&mut self) {
        if let Some(browser) = &mut self.browser {
            browser.unproved = None;
            browser.is_proved = true;
        }
        self.look(false).await;
    }

    fn forget(&mut self) {
        if let Some(browser) = &mut self.browser {
            browser.unproved = None;
            browser.is_proved = false;
        }
        self.http = None;
        self.kept.forget();
    }

    fn begun(&mut self, at: &Stamp) {
        self.kept.begun = Some(Begun::at(at));
    }

    fn brought_back(&self) -> Option<Brought> {
        let unproved = self.browser.as_ref()?.unproved.as_ref()?;
        Some(unproved.brought.clone())
    }

    async fn import(&mut self, session: Kept) -> Result<(), KeepError> {
        self.take_over(session).await
    }

    async fn picture(&mut self, html: &str) -> Option<Vec<u8>> {
        self.draw(html).await
    }

    fn exported(&self) -> Option<&Exported> {
        self.exported.as_ref()
    }

    fn watch_scripts(&mut self, on: bool) {
        self.watches = on;
    }

    async fn script_requests(&mut self) -> Vec<ScriptRequest> {
        self.requests_of_scripts().await
    }

    fn read_by(&mut self, selectors: &Arc<selectors::Portal>) {
        self.settings.selectors = Arc::clone(selectors);
        let per_hour = selectors.session.page_loads_per_hour;
        self.settings.loads.allow(per_hour);
        self.ladder = ladder(selectors);
        (self.last, self.exported) = (None, None);
    }

    fn needs_place(&self) -> bool {
        self.place.is_none() && !self.reads_without_browser()
    }

    fn holds_place(&self) -> bool {
        self.place.is_some()
    }

    fn take_place(&mut self, place: pool::Place) {
        self.place = Some(place);
    }

    async fn park(&mut self) {
        self.park_browser().await;
    }

    /// Signs out when a sign-in was submitted, or kept, and the file names a way (a portal that allows one session would
    /// else refuse the next sign-in), ends the session and kills a local driver. Each step is bounded.
    async fn close(&mut self) {
        self.leave(self.settings.call_timeout.min(CLOSE_LIMIT))
            .await;
    }

    async fn hand_over(&mut self) -> Left {
        self.leave(self.settings.page_timeout.min(HAND_OVER_LIMIT))
            .await
    }
}
