//! One WebDriver session: every call bounded from outside, every error a code.
//!
//! fantoccini has no timeout, and dropping its future cancels nothing: one hung call blocks all later ones.
//! So a call that passes the limit ends the session. The W3C timeouts in the capabilities are shorter than that
//! limit: a page that is merely slow gives an error, and the session, with its sign-in, lives on.
//! No error carries a message of the browser's beyond its code: messages quote pages.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::{CmdError, ErrorStatus, NewSessionError};
use fantoccini::key::Key;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper::Method;
use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use url::{ParseError, Url};

use super::connection::Connector;
use super::resend;
use crate::portal::{NoSession, PortalError};
use crate::selectors::Dialog;

/// One dialog may follow another: from the link that was clicked, then from the page that it led to.
const MOST_DIALOGS: usize = 5;

/// A live session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    id: String,
    pub(super) limit: Duration,
    cut: watch::Sender<bool>,
    // Held for a look or a change only, never across an await: any call may meet the dialog.
    pub(super) dialogs: Mutex<Vec<Dialog>>,
}

/// A call that gave no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The session cannot be used any more.
    Gone(PortalError),
    /// The call failed; the session lives on.
    Refused {
        /// W3C error code.
        code: &'static str,
        /// Chromium's name of a network error, `net::ERR_…`.
        network: Option<String>,
    },
}

impl Failure {
    /// The session is unusable, and this is why.
    pub(super) fn gone(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Failure::Gone(PortalError::BrowserLost { reason })
    }
}

/// <https://www.w3.org/TR/webdriver2/#navigate-to>
#[derive(Debug, Clone)]
struct NavigateTo(Url);

impl WebDriverCompatibleCommand for NavigateTo {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/url", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _url: &Url) -> (Method, Option<String>) {
        (
            Method::POST,
            Some(json!({ "url": self.0.as_str() }).to_string()),
        )
    }
}

impl Session {
    /// Asks the WebDriver at `url` for a session.
    ///
    /// # Errors
    /// [`PortalError::NoWebDriver`], or [`PortalError::Hung`] after `limit`.
    pub(super) async fn start(
        url: &Url,
        capabilities: Capabilities,
        limit: Duration,
    ) -> Result<Self, PortalError> {
        let none = |reason: String| PortalError::NoWebDriver {
            kind: NoSession::Other,
            reason,
        };
        let (cut, is_cut) = watch::channel(false);
        let connector =
            Connector::new(url, limit, is_cut).map_err(|error| none(error.to_string()))?;
        let mut builder = ClientBuilder::new(connector);
        builder.capabilities(capabilities);
        let Ok(started) = timeout(limit, builder.connect(url.as_str())).await else {
            cut.send_replace(true);
            return Err(hung("new session", limit));
        };
        let client = started.map_err(|error| no_session(&error))?;
        let id = match timeout(limit, client.session_id()).await {
            Ok(Ok(Some(id))) => id,
            Ok(Ok(None) | Err(_)) => return Err(none("the answer names no session".to_owned())),
            Err(_) => return Err(hung("new session", limit)),
        };
        let session = Self {
            client,
            id,
            limit,
            cut,
            dialogs: Mutex::default(),
        };
        match resend::forbid(&session).await {
            Ok(()) => Ok(session),
            Err(failure) => {
                session.end(limit).await;
                Err(match failure {
                    Failure::Gone(error) => error,
                    Failure::Refused { code, .. } => none(format!(
                        "it does not take DevTools commands ({code}): ChromeDriver does"
                    )),
                })
            }
        }
    }

    /// Goes on with session `id`, which an earlier process began with the same capabilities. `None` when it does not
    /// answer well within `limit`.
    pub(super) async fn adopt(url: &Url, id: &str, limit: Duration) -> Option<Self> {
        let (cut, is_cut) = watch::channel(false);
        let connector = Connector::new(url, limit, is_cut).ok()?;
        let connecting = Client::with_existing_session(url.as_str(), id, connector);
        let session = Self {
            client: timeout(limit, connecting).await.ok()?.ok()?,
            id: id.to_owned(),
            limit,
            cut,
            dialogs: Mutex::default(),
        };
        // As when it began: whoever reads a page here must know that one click sends one request.
        if session.runs_scripts().await && resend::forbid(&session).await.is_ok() {
            return Some(session);
        }
        session.abandon();
        None
    }

    /// Its id at the WebDriver.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Goes to `url` and waits for the page's load event. fantoccini's own `goto` asks where the browser stands first,
    /// in a call of its own, to resolve relative addresses; ours are absolute.
    pub(super) async fn goto(&self, url: &Url) -> Result<(), Failure> {
        let going = self.call("navigate to", |client| async move {
            client.issue_cmd(NavigateTo(url.clone())).await
        });
        going.await.map(drop)
    }

    /// A command that fantoccini does not know.
    pub(super) async fn issue(
        &self,
        command: impl WebDriverCompatibleCommand + Clone + Send + 'static,
    ) -> Result<Json, Failure> {
        self.call("execute DevTools command", |client| {
            let command = command.clone();
            async move { client.issue_cmd(command).await }
        })
        .await
    }

    /// Runs `script` in the page.
    pub(super) async fn execute(&self, script: &str, args: Vec<Json>) -> Result<Json, Failure> {
        self.call("execute script", |client| {
            let args = args.clone();
            async move { client.execute(script, args).await }
        })
        .await
    }

    /// Runs `script` in the page until it calls back, which it does with its last argument.
    pub(super) async fn execute_async(
        &self,
        script: &str,
        args: Vec<Json>,
    ) -> Result<Json, Failure> {
        self.call("execute async script", |client| {
            let args = args.clone();
            async move { client.execute_async(script, args).await }
        })
        .await
    }

    /// The first element that matches; `None` when there is none, or when the browser does not know the selector.
    pub(super) async fn find(&self, css: &str) -> Result<Option<Element>, Failure> {
        let found = self
            .call("find element", |client| async move {
                client.find(Locator::Css(css)).await
            })
            .await;
        match found {
            Ok(element) => Ok(Some(element)),
            Err(Failure::Refused {
                code: "no such element" | "invalid selector",
                ..
            }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Clicks; waits for a navigation that the click starts at once.
    pub(super) async fn click(&self, element: &Element) -> Result<(), Failure> {
        self.call("element click", |_| element.click()).await
    }

    /// Replaces what the field holds.
    pub(super) async fn fill(&self, element: &Element, text: &str) -> Result<(), Failure> {
        self.call("element clear", |_| element.clear()).await?;
        self.call("element send keys", |_| element.send_keys(text))
            .await
    }

    /// Presses a key in the field.
    pub(super) async fn press(&self, element: &Element, key: Key) -> Result<(), Failure> {
        let key = char::from(key).to_string();
        self.call("element send keys", |_| element.send_keys(&key))
            .await
    }

    /// Finds elements in this frame from now on.
    pub(super) async fn enter_frame(&self, frame: &Element) -> Result<(), Failure> {
        self.call("switch to frame", |_| frame.enter_frame()).await
    }

    /// Back to what holds the frame.
    pub(super) async fn to_parent_frame(&self) -> Result<(), Failure> {
        self.call("switch to parent frame", |client| async move {
            client.enter_parent_frame().await
        })
        .await
    }

    /// Does the page still run scripts? One that spins answers every call with a timeout, also a navigation.
    pub(super) async fn runs_scripts(&self) -> bool {
        self.execute("return true", Vec::new()).await.is_ok()
    }

    /// Ends the session at the WebDriver. False when it did not answer within `limit`.
    pub(super) async fn end(self, limit: Duration) -> bool {
        let is_ended = timeout(limit, self.client.close()).await.is_ok();
        self.cut.send_replace(true);
        is_ended
    }

    /// Cuts the connections: nothing of a call that hangs stays behind.
    pub(super) fn abandon(self) {
        self.cut.send_replace(true);
    }

    /// One call, within the limit. A dialog that is open makes it fail before it does anything; the dialog is answered and
    /// the call made again.
    pub(super) async fn call<T, F>(
        &self,
        name: &'static str,
        run: impl Fn(Client) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, CmdError>>,
    {
        let once = || timeout(self.limit, run(self.client.clone()));
        let mut answer = once().await;
        for _ in 0..MOST_DIALOGS {
            match &answer {
                Ok(Err(error)) if error.is_unexpected_alert_open() => {
                    self.answer_dialog().await?;
                    answer = once().await;
                }
                Ok(Ok(_) | Err(_)) | Err(_) => break,
            }
        }
        self.settled(name, answer)
    }

    /// What a call came to.
    pub(super) fn settled<T>(
        &self,
        name: &'static str,
        answer: Result<Result<T, CmdError>, Elapsed>,
    ) -> Result<T, Failure> {
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(failure(error)),
            Err(_) => Err(Failure::Gone(hung(name, self.limit))),
        }
    }
}

/// Ends session `id` over a connection of its own. False when the WebDriver did not answer within `limit`.
pub(super) async fn end_stale(url: &Url, id: &str, limit: Duration) -> bool {
    let (cut, is_cut) = watch::channel(false);
    let Ok(connector) = Connector::new(url, limit, is_cut) else {
        return false;
    };
    let end = async {
        match Client::with_existing_session(url.as_str(), id, connector).await {
            Ok(client) => client.close().await.is_ok(),
            Err(_) => false,
        }
    };
    let is_ended = timeout(limit, end).await.unwrap_or(false);
    cut.send_replace(true);
    is_ended
}

fn hung(call: &'static str, limit: Duration) -> PortalError {
    PortalError::Hung {
        call,
        limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
    }
}

/// What an error of a call means for the session (evidence: ChromeDriver 156 and fantoccini 0.22).
fn failure(error: CmdError) -> Failure {
    match error {
        CmdError::Standard(error) => match error.error {
            ErrorStatus::InvalidSessionId | ErrorStatus::NoSuchWindow => {
                Failure::gone(error.error.description())
            }
            // ChromeDriver's word for many things; these are a browser that cannot be used again.
            ErrorStatus::UnknownError if is_dead(&error.message) => {
                Failure::gone("the browser crashed")
            }
            status => Failure::Refused {
                code: status.description(),
                network: network_error(&error.message),
            },
        },
        // A code that W3C does not know comes as its bare text: `tab crashed`, `disconnected`.
        CmdError::NotW3C(Json::String(code)) => Failure::gone(bare_code(&code)),
        CmdError::NotW3C(_) | CmdError::NotJson(_) | CmdError::Json(_) => {
            Failure::gone("an answer that is not WebDriver's")
        }
        CmdError::Failed(_) | CmdError::FailedC(_) | CmdError::Lost(_) => {
            Failure::gone("the WebDriver is gone")
        }
        // The enum may grow. What is not known is not trusted to leave a usable session.
        _ => Failure::gone("an unknown failure"),
    }
}

fn is_dead(message: &str) -> bool {
    ["crash", "disconnected", "not reachable"]
        .iter()
        .any(|sign| first_line(message).contains(sign))
}

/// `net::ERR_CONNECTION_REFUSED` out of a message, and nothing else of it.
fn network_error(message: &str) -> Option<String> {
    let start = message.find("net::ERR_")?;
    let name: String = message
        .get(start..)?
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
        .take(60)
        .collect();
    Some(name)
}

/// A code is a few lowercase words; anything else is not repeated.
fn bare_code(text: &str) -> String {
    let is_code = text.len() <= 40 && text.chars().all(|c| c.is_ascii_lowercase() || c == ' ');
    if is_code { text } else { "an unknown code" }.to_owned()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Why there is no session. No page is loaded yet, so the driver's own words may be told.
fn no_session(error: &NewSessionError) -> PortalError {
    let refused = |reason: String| PortalError::NoWebDriver {
        kind: NoSession::Refused,
        reason,
    };
    let told = |message: &str| PortalError::NoWebDriver {
        kind: NoSession::told_by(message),
        reason: words(message),
    };
    match error {
        NewSessionError::BadWebdriverUrl(_) => told("its address is no URL"),
        NewSessionError::FailedC(error) => refused(connection_error(error)),
        NewSessionError::Failed(_) | NewSessionError::Lost(_) => {
            refused("connection lost".to_owned())
        }
        NewSessionError::SessionNotCreated(error)
        | NewSessionError::UnexpectedError(CmdError::Standard(error)) => told(&error.message),
        NewSessionError::NotW3C(answer) => match answer.get("message").and_then(Json::as_str) {
            Some(message) => told(message),
            None => PortalError::NoWebDriver {
                kind: NoSession::told_by(answer.as_str().unwrap_or_default()),
                reason: "the answer is not WebDriver's".to_owned(),
            },
        },
        NewSessionError::UnexpectedError(_) => told("the answer is not WebDriver's"),
    }
}

/// The first two lines, for ChromeDriver may name the cause in the second.
fn words(message: &str) -> String {
    let lines = message.lines().take(2).map(str::trim);
    let words: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    words.join(", ").chars().take(300).collect()
}

/// The kind of the innermost I/O error, e.g. `connection refused`.
fn connection_error(error: &hyper_util::client::legacy::Error) -> String {
    let mut source = error.source();
    let mut kind = None;
    while let Some(error) = source {
        kind = error
            .downcast_ref::<io::Error>()
            .map(io::Error::kind)
            .or(kind);
        source = error.source();
    }
    kind.map_or_else(|| "no connection".to_owned(), |kind| kind.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_a_network_error_is_kept() {
        let message =
            "unknown error: net::ERR_CONNECTION_REFUSED at JANE D. 1500\n  (Session info: …)";
        assert_eq!(
            network_error(message).as_deref(),
            Some("net::ERR_CONNECTION_REFUSED")
        );
        assert_eq!(network_error("stale: JANE D."), None);
    }

    #[test]
    fn a_code_that_looks_like_page_text_is_not_repeated() {
        assert_eq!(bare_code("tab crashed"), "tab crashed");
        assert_eq!(bare_code("JANE D. 254722***000"), "an unknown code");
    }
}
