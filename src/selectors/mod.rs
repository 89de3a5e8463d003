//! A portal as data: the validated form of `selectors/<portal>.toml`. Pure.
//!
//! `file` parses and validates; everything else works on these types and checks nothing again.

mod export;
mod fields;
pub mod file;
mod grow;
pub mod keys;
pub mod recipe;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use regex::Regex;
use scraper::Selector;

use crate::session::Outcome;

pub use export::{Ask, Download, Endpoint, Export, FileFormat, NextAnswer, Onward, Pointer};
pub use fields::{
    AmountIs, CellSource, ClockChange, Column, DecimalRule, Field, Fields, Part, Source,
};
pub use grow::{Detail, Grow, Scroll};
pub use steps::{Answer, Dialog, Interstitial, Key, Step, Value};

/// One portal family: how to sign in, what its pages mean, where the fields of a payment stand.
#[derive(Debug, Clone)]
pub struct Portal {
    /// File stem, e.g. `kilima`; `selectorFormat` on the wire is `<name>@<format>`.
    pub name: String,
    /// The operator's word in ids: stable over renames of the file.
    pub operator: String,
    /// `scheme://host[:port]`, the pin. An account may override it.
    pub origin: Origin,
    /// Zone of every local time on the pages.
    pub zone: Tz,
    /// ISO 4217, where `fields` has no `currency` column.
    pub currency: String,
    /// GSMA key of the account's number in `creditParty`, e.g. `organisationid`, `msisdn`.
    pub account_key: String,
    /// How to sign in.
    pub sign_in: SignIn,
    /// What the portal bears.
    pub session: Session,
    /// Which mark on a page means what.
    pub marks: Marks,
    /// Pages in between that may be clicked away, wherever they are met.
    pub interstitials: Vec<Interstitial>,
    /// How to reach and read the table.
    pub table: Table,
    /// Where each field of a payment stands.
    pub fields: Fields,
    /// The file as it is written.
    pub text: Arc<str>,
}

/// What the portal bears: how long a session may rest, how often it may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// A session that is not used for this long ends; unset: not known, and learned.
    pub idle: Option<std::time::Duration>,
    /// Page loads in any rolling hour, sign-ins included.
    pub page_loads_per_hour: u32,
}

impl Portal {
    /// Is a page of the table what one request for its address gives? Else only a browser gets to it.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.table.is_plain() && !self.marks.by_script
    }

    /// Does the file name a frame? Else frames are no part of a page.
    #[must_use]
    pub fn has_frames(&self) -> bool {
        let sign_in = &self.sign_in;
        let lists = [
            &sign_in.clear,
            &sign_in.steps,
            &sign_in.otp,
            &self.table.steps,
        ];
        let mut steps = lists.into_iter().flatten();
        let mut between = self.interstitials.iter();
        self.table.frame.is_some()
            || between.any(|one| one.frame.is_some())
            || steps.any(|step| matches!(step, Step::Frame { .. }))
    }
}

/// An origin as the URL standard has it: scheme, host, port; no path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(url::Url);

/// Why a text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnOrigin {
    /// Not a URL, or one without a host.
    #[error("an origin looks like `https://portal.example` or `https://portal.example:8443`")]
    Malformed,
    /// A path, query, fragment or user name stands in it.
    #[error("an origin has no path, query or user name: write only scheme, host and port")]
    MoreThanAnOrigin,
    /// Neither http nor https.
    #[error("an origin is http or https")]
    Scheme,
}

impl Origin {
    /// Parses `scheme://host[:port]`.
    ///
    /// # Errors
    /// See [`NotAnOrigin`].
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        let url = url::Url::parse(text).map_err(|_| NotAnOrigin::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(NotAnOrigin::Scheme);
        }
        if url.host_str().is_none() {
            return Err(NotAnOrigin::Malformed);
        }
        let bare = matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if bare {
            Ok(Self(url))
        } else {
            Err(NotAnOrigin::MoreThanAnOrigin)
        }
    }

    /// Is `page` (an absolute URL) of this origin?
    #[must_use]
    pub fn holds(&self, page: &url::Url) -> bool {
        page.origin() == self.0.origin()
    }

    /// The absolute URL of `path` at this origin; `None` when it would leave the origin.
    #[must_use]
    pub fn join(&self, path: &str) -> Option<url::Url> {
        self.0.join(path).ok().filter(|url| self.holds(url))
    }

    /// Plain http to a host that is not loopback: refused unless the account says `allow_insecure_http`.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        !self.is_https() && !self.is_loopback()
    }

    /// Is it reached by TLS?
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Is it this machine?
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

/// The way to a signed-in page.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Path of the page with the form, at the origin.
    pub path: String,
    /// Taken before that page is visited, to end a session that an earlier run left; empty where none is needed.
    pub clear: Vec<Step>,
    /// In order; the last click or key press sends the form and so spends the attempt.
    pub steps: Vec<Step>,
    /// On the page that asks for a one-time code; empty where the portal asks for none.
    pub otp: Vec<Step>,
    /// Path that ends the session, where the portal has one.
    pub sign_out: Option<String>,
}

impl SignIn {
    /// Does some step type this?
    #[must_use]
    pub fn types(&self, wanted: Value) -> bool {
        self.steps.iter().any(|step| step.types(wanted))
    }
}

/// A condition on a page: an element that is there, and, where given, whose text matches.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Some element matches this.
    pub css: Selector,
    /// And the text of one such element (white space collapsed) matches this.
    pub text: Option<Regex>,
}

/// What the pages of a portal say about the session.
#[derive(Debug, Clone)]
pub struct Marks {
    /// The positive mark of a signed-in page: without it nothing on a page is believed.
    pub signed_in: Mark,
    /// The page asks for a sign-in.
    pub signed_out: Mark,
    /// What a refused sign-in looks like, in the file's order: the first that matches counts.
    pub outcomes: Vec<(Mark, Outcome)>,
    /// The pages are made by script after their load: one without any mark is not finished, and waited for.
    pub by_script: bool,
    /// Where a signed-in page says in how many days the password expires: first group of the regex in the element's text.
    pub password_expires_in: Option<(Selector, Regex)>,
}

/// How to reach the table and how to read it.
#[derive(Debug, Clone)]
pub struct Table {
    /// Path and query at the origin, with `{from}` and `{to}` where the portal takes dates.
    pub path: String,
    /// chrono format of `{from}` and `{to}`, portal-local dates. `None` when neither `path` nor `steps` has one.
    pub path_date: Option<String>,
    /// Taken on the page at `path` to reach the table.
    pub steps: Vec<Step>,
    /// CSS of the frame that holds the table and `next`.
    pub frame: Option<String>,
    /// Rows of the header where it is a table of its own: the columns are found there and not among `rows`.
    pub header: Option<Selector>,
    /// Elements that are rows, header and preamble included.
    pub rows: Selector,
    /// Rows to pass over because the file says what they are (pager, totals).
    pub skip: Vec<Skip>,
    /// What becomes of rows and cells that the page holds and does not show.
    pub hidden: Hidden,
    /// Columns by which the data stand to the right of their header, or to the left where it is negative.
    pub header_shift: isize,
    /// How the portal says "no rows". Without it, a page without rows is never believed.
    pub empty: Option<Mark>,
    /// An export says "no rows" by a header that holds every named one and nothing under it.
    pub header_alone: bool,
    /// Order of the rows.
    pub order: Order,
    /// The element that leads to the next (older) page; its absence means "last page".
    pub next: Option<Next>,
    /// CSS of a text that is another one on the next page, on a portal that pages without a new document.
    pub page_label: Option<String>,
    /// Where the portal prints how many rows there are in all: first capture group of the regex in the element's text.
    pub count: Option<(Selector, Regex)>,
    /// What the rows are read from instead of the page's own table.
    pub export: Option<Export>,
    /// How rows come that are not there when the page is loaded.
    pub grow: Option<Grow>,
    /// Fields that the page shows at a click per row.
    pub detail: Option<Detail>,
    /// By which way the pages are loaded. An account may override it.
    pub read: Read,
    /// With `Read::Auto`: the pages may be loaded without a browser too.
    pub may_leave_browser: bool,
}

/// By which way the pages of the table are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// The cheapest that has shown to give the same rows; without a browser only where the file permits it.
    Auto,
    /// Without a browser, with the session's cookies.
    Http,
    /// By a script in the signed-in page.
    Fetch,
    /// By the browser.
    Navigate,
}

impl Read {
    /// Every way, with its word in files.
    pub const WORDS: [(&str, Read); 4] = [
        ("auto", Read::Auto),
        ("http", Read::Http),
        ("fetch", Read::Fetch),
        ("navigate", Read::Navigate),
    ];
}

impl Table {
    /// Does one request for `path` give the first page, and one navigation the next? Else it takes a browser.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.steps.is_empty()
            && self.frame.is_none()
            && self.page_label.is_none()
            && self.grow.is_none()
            && self.detail.is_none()
    }
}

/// The way to the next page.
#[derive(Debug, Clone)]
pub struct Next {
    /// CSS as written, for the browser's click.
    pub element: String,
    /// The same, compiled, to see in the fetched page whether there is a next one.
    pub css: Selector,
}

/// Order of rows on the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The newest row first.
    NewestFirst,
    /// The oldest row first.
    OldestFirst,
}

/// Rows that the file says are no payments.
#[derive(Debug, Clone)]
pub enum Skip {
    /// The row's own text, the cells that are not empty joined by a space, matches.
    Whole(Regex),
    /// The text of its cell in this column matches.
    Cell {
        /// Which.
        column: Column,
        /// The whole of its text.
        text: Regex,
    },
}

/// What the page does not show but holds: `hidden`, or a `style` of its own that takes it from view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// Read like the rest: a script may page through rows that are all there.
    Read,
    /// No part of the table: templates, sort keys.
    Skip,
}

/// A duration as files write it (`30s`, `15m`, `24h`).
///
/// # Errors
/// humantime's own message.
pub fn parse_duration(text: &str) -> Result<Duration, humantime::DurationError> {
    humantime::parse_duration(text)
}
