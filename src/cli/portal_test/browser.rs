//! A recording replayed through a real browser: a server on loopback answers as the portal did.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use chrono::Days as ChronoDays;
use secrecy::SecretString;
use serde_json::{Map, Value};
use tokio::net::TcpListener;

use super::TestArgs;
use crate::cli::recordings::{Recorded, RecordingError};
use crate::clock::Clock;
use crate::demo::{DemoError, programs};
use crate::page_loads::{PageLoads, PageLoadsError};
use crate::portal::kept::Owner;
use crate::portal::pool::Pool;
use crate::portal::webdriver::{Route, Settings, WebDriver, WebDriverPortal};
use crate::portal::{Credential, Days, Page, Portal as _, PortalError};
use crate::recording::{Kind, Replay, Step};
use crate::selectors::{NotAnOrigin, Origin, Portal};
use crate::session::Outcome;
use crate::understand::{self, Session};

/// More than a replay loads.
const PAGE_LOADS: u32 = 100_000;
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// A replay did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// A file of the recording.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// No browser on this machine.
    #[error(transparent)]
    Programs(#[from] DemoError),
    /// The server or a directory on this machine.
    #[error("failed to set up the replay: {0}")]
    Io(#[from] std::io::Error),
    /// The count of page loads in that directory.
    #[error("failed to set up the replay: {0}")]
    Loads(#[from] PageLoadsError),
    /// The server's own address.
    #[error("failed to set up the replay: {0}")]
    Address(#[from] NotAnOrigin),
    /// Where the browser came to no page.
    #[error("{step}: {source}{}", not_recorded(.unanswered))]
    Portal {
        /// What was being done.
        step: &'static str,
        /// What became of it.
        source: PortalError,
        /// Requests that the recording does not answer.
        unanswered: Vec<String>,
    },
}

fn not_recorded(unanswered: &[String]) -> String {
    if unanswered.is_empty() {
        return String::new();
    }
    format!("; not in the recording: {}", unanswered.join(", "))
}

/// What became of a recording in a browser.
pub enum Replayed {
    /// It cannot be replayed.
    Not(&'static str),
    /// The pages that the browser came to.
    Pages(Vec<InBrowser>),
}

/// A page in the browser, and the one of the recording that it must equal.
pub struct InBrowser {
    /// Name of the file.
    pub file: String,
    /// What it must give.
    pub expected: Map<String, Value>,
    /// What it gave.
    pub found: Map<String, Value>,
}

/// Answers as the recording does, its origin replaced by the server's own.
struct Server {
    recorded: Vec<(Step, Vec<u8>)>,
    // Requests come side by side, and each moves the replay on.
    replay: Mutex<Replay>,
    /// The portal's origin, and the server's.
    origins: (String, String),
    /// Requests that it has no answer to.
    // As above.
    unanswered: Mutex<Vec<String>>,
}

/// Signs in and reads the table as the selector file says, and compares each page with the recording's.
///
/// # Errors
/// When the browser does not get through.
pub async fn replay(
    args: &TestArgs,
    portal: &Portal,
    recorded: &Recorded,
) -> Result<Replayed, BrowserError> {
    let steps = &recorded.recording.steps;
    let has = |is: Kind| steps.iter().any(|step| step.is == is);
    if !has(Kind::SignIn) || !has(Kind::Submitted) || !has(rows_of(portal)) {
        return Ok(Replayed::Not(
            "not replayed in a browser: it takes the steps `sign-in`, `submitted`, and `table` (or `download`, of an export)",
        ));
    }
    let sent = steps.iter().any(Step::is_sent);
    let asked = |is: Kind| steps.iter().any(|step| step.is == is && step.at.is_some());
    let pages = asked(Kind::SignIn) && asked(Kind::Submitted);
    if !sent && !pages {
        return Ok(Replayed::Not(
            "not replayed in a browser: its pages do not say which requests they answer (`at`)",
        ));
    }
    if pages && portal.marks.by_script {
        return Ok(Replayed::Not(
            "not replayed in a browser: its pages are as the portal's scripts made them in place (`marks.by_script`), and the scripts are not in it",
        ));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let mut selectors = portal.clone();
    selectors.origin = Origin::parse(&origin)?;
    let server = Arc::new(server(portal, recorded, origin)?);
    let app = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&server));
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let state = tempfile::tempdir()?;
    let settings = settings(args, &selectors, state.path())?;
    let mut browser = WebDriverPortal::new(settings);
    let pages = visit(&mut browser, recorded, &selectors).await;
    browser.close().await;
    serving.abort();
    let unanswered = std::mem::take(
        &mut *server
            .unanswered
            .lock()
            .unwrap_or_else(PoisonError::into_inner),
    );
    match pages {
        Ok(pages) => Ok(Replayed::Pages(pages)),
        Err(Visit::Recording(error)) => Err(error.into()),
        Err(Visit::Portal(step, source)) => Err(BrowserError::Portal {
            step,
            source,
            unanswered,
        }),
    }
}

/// What the rows of this portal are recorded as.
fn rows_of(portal: &Portal) -> Kind {
    match portal.table.export {
        Some(_) => Kind::Download,
        None => Kind::Table,
    }
}

fn server(portal: &Portal, recorded: &Recorded, origin: String) -> Result<Server, RecordingError> {
    let mut files = Vec::new();
    for step in &recorded.recording.steps {
        let bytes = match (&step.file, &step.at) {
            (Some(file), Some(_)) => recorded.bytes(file)?,
            (Some(_) | None, _) => Vec::new(),
        };
        files.push((step.clone(), bytes));
    }
    Ok(Server {
        recorded: files,
        replay: Mutex::new(Replay::new(&recorded.recording)),
        origins: (portal.origin.to_string(), origin),
        unanswered: Mutex::default(),
    })
}

async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response<Body> {
    let at = request.uri().path_and_query();
    let at = at.map_or("/", |at| at.as_str());
    let method = request.method().as_str();
    let mut replay = server.replay.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(step) = replay.answer(method, at).cloned() else {
        if method == "POST"
            && let Some(to) = replay.sent()
        {
            return redirect(to);
        }
        if at != "/favicon.ico" {
            let path = at.split('?').next().unwrap_or_default();
            let mut unanswered = server
                .unanswered
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            unanswered.push(format!("{method} {path}"));
        }
        return status(StatusCode::NOT_FOUND);
    };
    let mut recorded = server.recorded.iter();
    let bytes = recorded
        .find(|(own, _)| *own == step)
        .map_or_else(Vec::new, |(_, bytes)| bytes.clone());
    let is_text = ["text/", "json", "script", "xml"]
        .iter()
        .any(|kind| step.content_type.contains(kind));
    let body = match std::str::from_utf8(&bytes) {
        Ok(text) if is_text => text
            .replace(&server.origins.0, &server.origins.1)
            .into_bytes(),
        Ok(_) | Err(_) => bytes,
    };
    let mut answer = Response::builder()
        .status(step.status)
        .header(header::CONTENT_TYPE, step.content_type.as_str());
    if let Some(location) = &step.location {
        answer = answer.header(header::LOCATION, location.as_str());
    }
    let answer = answer.body(Body::from(body));
    answer.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

fn redirect(to: &str) -> Response<Body> {
    let answer = Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(header::LOCATION, to);
    let answer = answer.body(Body::empty());
    answer.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn settings(
    args: &TestArgs,
    portal: &Portal,
    state: &std::path::Path,
) -> Result<Settings, BrowserError> {
    let (driver, browser) = programs(args.driver.clone(), args.chromium.clone())?;
    let (_, goes_on) = tokio::sync::watch::channel(false);
    let loads = PageLoads::open(
        &state.join("page-loads"),
        PAGE_LOADS,
        Clock::System,
        goes_on,
    )?;
    Ok(Settings {
        webdriver: WebDriver::Local {
            driver,
            browser,
            args: Vec::new(),
        },
        call_timeout: CALL_TIMEOUT,
        page_timeout: PAGE_TIMEOUT,
        route: Route::default(),
        headed: false,
        state: state.join("browser"),
        selectors: Arc::new(portal.clone()),
        owner: Owner {
            account: "test".to_owned(),
            number: String::new(),
            user: String::new(),
            origin: portal.origin.to_string(),
        },
        session_key: None,
        pool: Pool::of(1),
        max_age: Duration::MAX,
        max_memory: u64::MAX,
        clock: Clock::System,
        loads,
    })
}

enum Visit {
    Recording(RecordingError),
    Portal(&'static str, PortalError),
}

/// The form, what came after it, and the pages of the table in their order.
async fn visit(
    browser: &mut WebDriverPortal,
    recorded: &Recorded,
    portal: &Portal,
) -> Result<Vec<InBrowser>, Visit> {
    let failed = |step| move |source| Visit::Portal(step, source);
    let recording = &recorded.recording;
    let mut pages = Vec::new();
    let mut take = |is: Kind, nth: usize, page: &Page| -> Result<bool, Visit> {
        let mut steps = recording
            .steps
            .iter()
            .filter(|step| step.is == is && step.file.is_some());
        let Some(step) = steps.nth(nth) else {
            return Ok(false);
        };
        let file = step.file.clone().unwrap_or_default();
        let expected = recorded.expected(&file).map_err(Visit::Recording)?;
        let (mut expected, mut found) = (
            expected.unwrap_or_default(),
            recording.found(portal, step, &page.html),
        );
        let goes_on = found.get("hasNext").and_then(Value::as_bool);
        if is == Kind::Download {
            // The page that it was asked for from, and the address that gave it, say these; the file alone does not.
            for key in ["hasNext", "portalCount"] {
                expected.remove(key);
                found.remove(key);
            }
        }
        let goes_on = goes_on.unwrap_or(false);
        pages.push(InBrowser {
            file,
            expected,
            found,
        });
        Ok(goes_on)
    };
    // Beside other drivers one may find its port taken: as the agent does, once more.
    if browser.open().await.is_err() {
        browser.open().await.map_err(failed("starting a browser"))?;
    }
    let form = browser.visit_sign_in().await;
    take(
        Kind::SignIn,
        0,
        &form.map_err(failed("at the page with the form"))?,
    )?;
    let credential = Credential {
        number: recording.number.clone(),
        user: "jane".to_owned(),
        password: "not a secret".into(),
    };
    let home = browser.submit(&credential).await;
    let home = home.map_err(failed("sending the form"))?;
    take(Kind::Submitted, 0, &home)?;
    let asked = understand::sign_in_page(portal, &home.html);
    if matches!(asked, Ok(Session::Refused(Outcome::OtpRequired))) {
        let code = SecretString::from("000000");
        let home = browser.submit_code(&code).await;
        take(
            Kind::Page,
            0,
            &home.map_err(failed("sending the one-time code"))?,
        )?;
    }
    let today = recording.recorded.date_naive();
    let days = Days {
        from: today - ChronoDays::new(1),
        to: today,
    };
    let mut page = browser
        .first_page(days)
        .await
        .map_err(failed("loading the table"))?;
    let rows = rows_of(portal);
    let tables = recording.steps.iter().filter(|step| step.is == rows);
    for nth in 0..tables.count() {
        if !take(rows, nth, &page)? {
            break;
        }
        page = browser
            .next_page()
            .await
            .map_err(failed("going to the next page"))?;
    }
    Ok(pages)
}
