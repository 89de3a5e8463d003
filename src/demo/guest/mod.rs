//! What the demo portals beside Kilima have in common: books, knobs, one session, a side channel. Each has pages of its own.
//!
//! They are strangers to the agent as Kilima is: between them is nothing but a browser.

pub mod control;
pub mod knobs;
mod mwezi;
mod ngome;
mod tausi;
pub mod tls;
mod wimbi;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State as Extracted};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

pub use self::control::{Channel, Truth};
pub use self::knobs::{Knobs, Verdict};
use self::tls::Tls;
use super::portal::config::PortalConfig;
use super::portal::statement::{Line, Statement};
use super::portal::{Now, serve};

/// Largest request body, in bytes.
const BODY_LIMIT: usize = 64 * 1024;
/// Entries kept of each log.
const LOG_LIMIT: usize = 10_000;
const COOKIE: &str = "SID";

/// What a load balancer answers for a portal that is down; it looks like many things.
const DOWN: &str = "<!DOCTYPE html><html><body><h1>503 Service Unavailable</h1>\
<form id=\"login_doaccesscodes\"><input></form><form id=\"who\"></form><div id=\"VIEW_LOGIN\"></div>\
<table id=\"grid\"><tr><td class=\"nothing none\">No transactions</td></tr></table></body></html>";

/// Which portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Pages made by script, header and rows in two tables, a one-time code sometimes.
    Mwezi,
    /// Everything in a frame, one session for each user, dialogs.
    Tausi,
    /// User name and password on two pages, captcha, roles, client certificates.
    Ngome,
    /// Rows in files, from an endpoint, or by a script as one scrolls.
    Wimbi,
}

impl Which {
    /// Its name, which is also that of its selector file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Which::Mwezi => "mwezi",
            Which::Tausi => "tausi",
            Which::Ngome => "ngome",
            Which::Wimbi => "wimbi",
        }
    }
}

struct State {
    knobs: Knobs,
    books: Statement,
    session: Option<Session>,
    attempts: Vec<Verdict>,
    loads: Vec<String>,
    tokens: u64,
    code: Option<String>,
}

struct Session {
    token: String,
    /// Announcements that this session has still to click away.
    announcements: u32,
}

/// One portal.
pub struct Guest {
    now: Now,
    // One lock over everything, never held across an await: what a test posts is on the next page.
    state: Mutex<State>,
}

impl Guest {
    fn with<T>(&self, act: impl FnOnce(&mut State, DateTime<Utc>) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        state.books.advance(now);
        act(&mut state, now)
    }
}

impl State {
    /// Judges a sign-in. `Open` asks for a session or a code.
    fn sign_in(&mut self, user: &str, password: &str) -> Verdict {
        let known = user == self.knobs.user && password == self.knobs.password;
        let verdict = match (self.knobs.verdict, known) {
            (Verdict::Open, false) => Verdict::WrongPassword,
            (Verdict::Open, true) if self.knobs.single_session && self.session.is_some() => {
                Verdict::AlreadySignedIn
            }
            (verdict, _) => verdict,
        };
        self.note(verdict);
        verdict
    }

    fn note(&mut self, verdict: Verdict) {
        if self.attempts.len() < LOG_LIMIT {
            self.attempts.push(verdict);
        }
    }

    fn secret(&mut self) -> String {
        self.tokens += 1;
        HEXLOWER.encode(&Sha256::digest(self.tokens.to_be_bytes()))
    }

    fn open_session(&mut self) -> String {
        let token = self.secret();
        self.session = Some(Session {
            token: token.clone(),
            announcements: self.knobs.announcements,
        });
        token
    }

    /// The session of this visitor.
    fn visitor(&mut self, headers: &HeaderMap) -> Option<&mut Session> {
        let token = cookie(headers, COOKIE)?;
        self.session
            .as_mut()
            .filter(|session| session.token == token)
    }

    /// Rows of these days, newest first; `None` where one of them is not written in this format.
    fn lines(&self, format: &str, from: &str, to: &str) -> Option<Vec<Line<'_>>> {
        let day = |text: &str| NaiveDate::parse_from_str(text, format).ok();
        let (from, to) = (day(from)?, day(to)?);
        let zone = self.knobs.zone();
        let mut lines = self.books.lines();
        lines.retain(|line| {
            let day = line.row.place().with_timezone(&zone).date_naive();
            (from..=to).contains(&day)
        });
        Some(lines)
    }

    /// The knobs that the shared books know.
    fn book_config(&self) -> PortalConfig {
        PortalConfig {
            zone: self.knobs.zone(),
            ..PortalConfig::default()
        }
    }
}

/// A running portal. Dropped, it stops.
pub struct GuestPortal {
    address: SocketAddr,
    channel: Channel,
    is_tls: bool,
    server: JoinSet<()>,
    stop: oneshot::Sender<()>,
}

/// Why the portal did not start.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// The listener has no address.
    #[error("the demo portal's listener has no address: {0}")]
    Listener(#[from] std::io::Error),
    /// No TLS.
    #[error("the demo portal has no TLS: {0}")]
    Tls(#[from] tls::TlsError),
}

/// Starts a portal without rows on `listener`; with `tls`, nobody comes in without a client certificate.
///
/// # Errors
/// [`GuestError`].
pub fn start(
    which: Which,
    now: Now,
    listener: TcpListener,
    tls: Option<&Tls>,
) -> Result<GuestPortal, GuestError> {
    let address = listener.local_addr()?;
    let acceptor = tls.map(Tls::acceptor).transpose()?;
    let is_tls = acceptor.is_some();
    let guest = Arc::new(Guest {
        now,
        state: Mutex::new(State {
            knobs: Knobs::of(which),
            books: Statement::new(1),
            session: None,
            attempts: Vec::new(),
            loads: Vec::new(),
            tokens: 0,
            code: None,
        }),
    });
    let pages = match which {
        Which::Mwezi => mwezi::routes(),
        Which::Tausi => tausi::routes(),
        Which::Ngome => ngome::routes(),
        Which::Wimbi => wimbi::routes(),
    };
    let channel = Channel(Arc::clone(&guest));
    let routes: Router = pages
        .layer(from_fn_with_state(Arc::clone(&guest), arrive))
        .with_state(guest)
        .merge(control::routes(channel.clone()))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    let mut server = JoinSet::new();
    let (stop, stopped) = oneshot::channel();
    server.spawn(serve::serve(listener, routes, acceptor, stopped));
    tracing::info!(%address, ?which, "the demo portal listens");
    Ok(GuestPortal {
        address,
        channel,
        is_tls,
        server,
        stop,
    })
}

impl GuestPortal {
    /// `http://127.0.0.1:…`, or with TLS `https://localhost:…`, the name in its certificate.
    #[must_use]
    pub fn origin(&self) -> String {
        if self.is_tls {
            format!("https://localhost:{}", self.address.port())
        } else {
            format!("http://{}", self.address)
        }
    }

    /// What the side channel does, as Rust calls.
    #[must_use]
    pub fn control(&self) -> &Channel {
        &self.channel
    }

    /// Closes the port and every connection, and returns when they are gone.
    pub async fn shutdown(mut self) {
        // Sent or not (the server task may be gone already), the join below is what counts.
        let _ = self.stop.send(());
        while self.server.join_next().await.is_some() {}
    }
}

type Portal = Extracted<Arc<Guest>>;

/// Notes a request and lets it wait as long as the knob says; a portal that is down answers nothing else.
async fn arrive(Extracted(guest): Portal, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let (wait, is_down) = guest.with(|state, _| {
        if state.loads.len() < LOG_LIMIT {
            state.loads.push(format!("{} {path}", request.method()));
        }
        let down = state.knobs.down.as_ref();
        (
            state.knobs.answer_ms,
            down.is_some_and(|down| path.starts_with(down)),
        )
    });
    tokio::time::sleep(Duration::from_millis(wait)).await;
    if is_down {
        return html(StatusCode::SERVICE_UNAVAILABLE, DOWN.to_owned());
    }
    next.run(request).await
}

fn html(status: StatusCode, page: String) -> Response {
    let mut answer = Response::new(Body::from(page));
    *answer.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        answer
            .headers_mut()
            .insert(name, header::HeaderValue::from_static(value));
    }
    answer
}

fn page(body: String) -> Response {
    html(StatusCode::OK, body)
}

fn redirect(location: &str) -> Response {
    let mut answer = html(StatusCode::FOUND, String::new());
    if let Ok(location) = location.parse() {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

fn with_session(mut answer: Response, token: &str) -> Response {
    if let Ok(cookie) = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax").parse() {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Text made safe between tags and inside quoted attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
