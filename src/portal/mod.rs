//! The seam between the agent and a portal: what an account asks of one, whatever is behind it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use crate::extract::ask::Request;
use crate::extract::export::ExportError;
use crate::login::budget::Stamp;
use crate::selectors;

pub mod kept;
pub mod pool;
mod taped;
mod trouble;
pub mod way;
pub mod webdriver;

pub use taped::{Taken, Taped};
pub use trouble::NoSession;

/// One page as fetched at an instant. Never logged: it holds names and balances.
#[derive(Clone, PartialEq, Eq)]
pub struct Page {
    /// Where the browser stood after the load, `document.location`.
    pub url: Url,
    /// HTTP status of the navigation; `None` where the browser does not tell. Of the statuses from 400 on, only those
    /// under which a portal itself refuses (400, 401, 403, 422, 429) come as a page; its marks decide.
    pub status: Option<u16>,
    /// The document's outer HTML, after its doctype.
    pub html: String,
    /// How long the portal asks to be left alone, with a status of 429.
    pub pause: Option<Duration>,
}

impl Page {
    /// What a page without any mark is when the portal said 429 with it.
    #[must_use]
    pub fn busy(&self) -> Option<PortalError> {
        let status = self.status.filter(|status| *status == 429)?;
        let pause = self.pause;
        Some(PortalError::Busy { status, pause })
    }
}

/// The export of which a page of the table was made.
#[derive(Clone)]
pub struct Exported {
    /// The signed-in page that it was asked for from, without it.
    pub page: Page,
    /// What was asked for.
    pub request: Request,
    /// As the portal gave it.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exported")
            .field("page", &self.page)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("origin", &self.url.origin().ascii_serialization())
            .field("status", &self.status)
            .field("html_bytes", &self.html.len())
            .finish()
    }
}

/// What a script of a page asked the portal for, and was answered in JSON.
#[derive(Clone)]
pub struct ScriptRequest {
    /// In capitals.
    pub method: String,
    /// Of the answer, after redirects.
    pub url: Url,
    /// HTTP status of the answer.
    pub status: u16,
    /// The answer.
    pub json: Value,
}

impl fmt::Debug for ScriptRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptRequest")
            .field("method", &self.method)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// What is typed into the pinned origin, and nowhere else.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Short code, till or wallet number.
    pub number: String,
    /// The portal user's name; empty where no step types it.
    pub user: String,
    /// The secret.
    pub password: SecretString,
}

/// The portal-local days that a reading asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// First day.
    pub from: NaiveDate,
    /// Last day, inclusive.
    pub to: NaiveDate,
}

/// A call to the WebDriver or the portal did not give a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortalError {
    /// Nothing answers at the WebDriver's address, or it cannot start a browser.
    #[error("the WebDriver gives no session ({reason}): {}", kind.advice())]
    NoWebDriver {
        /// What kind of refusal it is.
        kind: NoSession,
        /// First line of the driver's message, or the kind of connection error.
        reason: String,
    },
    /// A call passed its time limit; the browser was given up.
    #[error("the WebDriver did not answer `{call}` within {limit_ms} ms; its session was given up")]
    Hung {
        /// Name of the call.
        call: &'static str,
        /// The limit.
        limit_ms: u64,
    },
    /// The browser or tab is gone; what was kept of its session goes into the next one.
    #[error("the browser is gone ({reason}) and will be started again")]
    BrowserLost {
        /// WebDriver error code, e.g. `invalid session id`, `tab crashed`.
        reason: String,
    },
    /// The kernel killed a process of ours for lack of memory, and the browser is gone with it.
    #[error(
        "the browser is gone ({reason}): the kernel killed a process for lack of memory; it is started again, but give this container or service more memory, or lower `max_sessions`"
    )]
    OutOfMemory {
        /// As of a browser that is lost for another reason.
        reason: String,
    },
    /// The browser stands on another origin than the pinned one. Nothing was typed there.
    #[error(
        "the browser stands at {found}, not at the pinned origin {pinned}: if the portal moved, change `origin`"
    )]
    OffOrigin {
        /// Origin only, never the whole URL.
        found: String,
        /// The pin.
        pinned: String,
    },
    /// Error page, no connection, empty document.
    #[error("the portal does not answer as itself ({reason})")]
    PortalDown {
        /// HTTP status or network error name.
        reason: String,
    },
    /// The portal has no time for us now.
    #[error("the portal asks to be left alone (HTTP {status}{})", said(*.pause))]
    Busy {
        /// 429, or 503 with a pause.
        status: u16,
        /// As asked for in `Retry-After`.
        pause: Option<Duration>,
    },
    /// TLS ended for want of a client certificate: no page, no form.
    #[error(
        "the portal lets nobody in without a client certificate that it knows: set `client_certificate` of the account"
    )]
    CertificateRequired,
    /// More than the page limit.
    #[error(
        "the page is {bytes} bytes, the limit is {limit}: narrow the portal's date range or page size"
    )]
    PageTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A download that is no table, and not for a passing trouble of the portal.
    #[error(transparent)]
    Export(ExportError),
    /// The page could not be counted, so it was not asked for.
    #[error("{reason}")]
    Uncounted {
        /// Of the count.
        reason: String,
    },
    /// A step of the selector file names an element that the page does not have.
    #[error("the page has no element `{css}` ({step}): correct the selector file")]
    ElementMissing {
        /// As written in the file.
        css: String,
        /// Its key, e.g. `sign_in.steps[2].click`.
        step: String,
    },
}

/// What became of the session at the portal when the account was handed to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// None was known to be open.
    Nothing,
    /// A page that asks for a sign-in answered the sign-out.
    SignedOut,
    /// The portal may hold it until it has been idle for too long.
    Open(NotOut),
}

/// Why a session is not known to be signed out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOut {
    /// The file names no way.
    #[error("the selector file has no `sign_out`")]
    NoWay,
    /// Only a browser could have signed out of what was kept, and none came.
    #[error("the kept session could not be brought back to sign out of it: {0}")]
    NoBrowser(PortalError),
    /// What was kept does not open, or no browser takes it.
    #[error("the kept session could not be brought back to sign out of it")]
    Lost,
    /// The portal gave no page of its own.
    #[error("the portal did not answer the sign-out with a page of its own ({0})")]
    NoAnswer(String),
    /// The page that came bears the signed-in mark.
    #[error("the page that answered the sign-out still bears the signed-in mark")]
    StillIn,
    /// The page that came bears neither mark, or both.
    #[error("the page that answered the sign-out does not bear the signed-out mark")]
    NoMark,
    /// Nobody looked.
    #[error("what the portal answered to the sign-out, if it was asked, is not known")]
    Unseen,
}

/// What the agent asks of a portal. Implemented by the WebDriver edge and by the simulation.
///
/// The implementation says what it sees; what a page means is decided by `session` and `extract`.
pub trait Portal: Send {
    /// Makes sure that a browser is there, with the session that was kept, or that an earlier run left, where there is
    /// one: whether it still lives, a page will tell. Does nothing when a browser is there.
    fn open(&mut self) -> impl Future<Output = Result<(), PortalError>> + Send;

    /// Visits the page with the sign-in form. Types nothing and spends nothing.
    fn visit_sign_in(&mut self) -> impl Future<Output = Result<Page, PortalError>> + Send;

    /// Takes the steps of the selector file on the page visited last and gives the page that follows.
    /// The attempt must be in the ledger before this is called.
    fn submit(
        &mut self,
        credential: &Credential,
    ) -> impl Future<Output = Result<Page, PortalError>> + Send;

    /// Types the one-time code on the page that `submit` gave, as the selector file says, and gives the page that
    /// follows. Part of the same attempt.
    fn submit_code(
        &mut self,
        code: &SecretString,
    ) -> impl Future<Output = Result<Page, PortalError>> + Send;

    /// The page as it stands, without touching it: a person may be at work in the same browser.
    fn look(&mut self) -> impl Future<Output = Result<Page, PortalError>> + Send;

    /// Loads the first page of the table.
    fn first_page(&mut self, days: Days) -> impl Future<Output = Result<Page, PortalError>> + Send;

    /// Goes on to the next (older) page.
    fn next_page(&mut self) -> impl Future<Output = Result<Page, PortalError>> + Send;

    /// What is kept of a session may be read and written with this credential from now on. Asks nobody.
    fn unlock(&mut self, credential: &Credential);

    /// A page has just shown that the session lives: it is kept, so that a restart needs no login. Cheap, for every
    /// reading; never fails.
    fn keep(&mut self) -> impl Future<Output = ()> + Send;

    /// The portal has said that the session is over: nothing of it is kept any more.
    fn forget(&mut self);

    /// A sign-in has just begun the session: the instant is kept with it.
    fn begun(&mut self, at: &Stamp);

    /// What is known of the session that `open` brought back, until a page proves it.
    fn brought_back(&self) -> Option<kept::Brought>;

    /// Takes over a session that a person began elsewhere: the next `open` goes on with it, not with the one there is.
    fn import(
        &mut self,
        session: kept::Kept,
    ) -> impl Future<Output = Result<(), kept::KeepError>> + Send;

    /// Ends the browser and keeps the session, which the next `open` goes on with. Never fails.
    fn park(&mut self) -> impl Future<Output = ()> + Send;

    /// Is told whether the page given last was a signed-in one with the table. True: it came by a cheap way that may be
    /// to blame; asked for the first page again, the portal gives it by a dearer one.
    fn heard(&mut self, is_table: bool) -> impl Future<Output = bool> + Send {
        async move {
            let _ = is_table;
            false
        }
    }

    /// A picture (PNG) of this HTML, which is not the portal's, as a browser shows it; `None` where none stands. Asks the
    /// portal for nothing and leaves its page alone.
    fn picture(&mut self, html: &str) -> impl Future<Output = Option<Vec<u8>>> + Send {
        async move {
            let _ = html;
            None
        }
    }

    /// The export of which the page given last was made; `None` where it was made of none.
    fn exported(&self) -> Option<&Exported> {
        None
    }

    /// Is what the scripts of pages request to be kept, of the pages loaded from now on? What they are given is the same.
    fn watch_scripts(&mut self, on: bool) {
        let _ = on;
    }

    /// What the scripts of the page given last requested since this was asked last.
    fn script_requests(&mut self) -> impl Future<Output = Vec<ScriptRequest>> + Send {
        async { Vec::new() }
    }

    /// Pages are reached by this selector file from now on; its origin is the one from before.
    fn read_by(&mut self, selectors: &Arc<selectors::Portal>) {
        let _ = selectors;
    }

    /// Does the next turn need a place for a browser, which it does not have?
    fn needs_place(&self) -> bool {
        false
    }

    /// Has it a place, for others to wait for? `park` gives it back.
    fn holds_place(&self) -> bool {
        false
    }

    /// A place for its next browser.
    fn take_place(&mut self, place: pool::Place) {
        drop(place);
    }

    /// Signs out where the portal has a way to, also of a parked session, keeps nothing of it, and ends the browser. Never
    /// fails: what is left is ended at the next `open`.
    fn close(&mut self) -> impl Future<Output = ()> + Send;

    /// As `close`, for a person who takes over: the portal is given more time for its answer, and what became of the session
    /// is told.
    fn hand_over(&mut self) -> impl Future<Output = Left> + Send {
        async move {
            self.close().await;
            Left::Open(NotOut::Unseen)
        }
    }
}

fn said(pause: Option<Duration>) -> String {
    pause.map_or_else(String::new, |pause| {
        format!(", for {}", humantime::format_duration(pause))
    })
}
