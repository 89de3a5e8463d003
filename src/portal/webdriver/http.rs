//! A page loaded without a browser: an HTTP client that goes on with the session of one.
//!
//! It sends the browser's cookies, user agent and languages and keeps what the portal rotates: this continues one session,
//! it hides nothing. It asks the pinned origin only, follows redirects by hand within it, and runs no scripts.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use encoding_rs::Encoding;
use reqwest::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, DATE, HeaderMap, LOCATION, RETRY_AFTER,
    SET_COOKIE, USER_AGENT,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy, Response};
use rustls::ClientConfig;
use serde::Deserialize;
use url::Url;

use hyper_rustls::ConfigBuilderExt;

use super::cookies;
use super::export::Answer;
use super::reading::{Document, at_pin, not_now};
use super::retry_after::RetryAfter;
use super::route::Route;
use super::session::{Failure, Session};
use crate::clock::Clock;
use crate::extract::MAX_PAGE_BYTES;
use crate::extract::ask::Request;
use crate::portal::PortalError;
use crate::portal::kept::Kept;
use crate::selectors::Origin;

/// What a page is asked for as.
const PAGES: &str = "text/html,application/xhtml+xml";
/// As browsers do.
const MOST_REDIRECTS: usize = 20;

/// How the browser speaks to the portal.
const MANNER: &str = "return { agent: navigator.userAgent, languages: navigator.languages.join(','), \
                      charset: document.characterSet };";

#[derive(Debug, Clone, Deserialize)]
struct Manner {
    agent: String,
    languages: String,
    charset: String,
}

/// Why no page came.
#[derive(Debug)]
pub(super) enum Missed {
    /// The portal does not answer, or with a server's error: by another way it would hardly.
    Down(PortalError),
    /// Something that a browser might get past.
    Odd(PortalError),
}

/// A session outside the browser.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    manner: Manner,
    /// Cookies as they are now; storage as it was in the browser.
    pub(super) kept: Kept,
    /// The portal has changed a cookie since this was last set to false.
    pub(super) is_rotated: bool,
    /// When it was last written to be kept; monotonic.
    pub(super) looked_at: Option<Duration>,
    clock: Clock,
}

impl Http {
    /// Goes on with the session `kept` of the browser, which still has it too.
    ///
    /// # Errors
    /// The call's.
    pub(super) async fn borrow(
        session: &Session,
        kept: Kept,
        pin: &Origin,
        connect_limit: Duration,
        route: &Route,
        clock: Clock,
    ) -> Result<Result<Self, PortalError>, Failure> {
        let manner = session.execute(MANNER, Vec::new()).await?;
        let manner = serde_json::from_value(manner).map_err(|_| Failure::Refused {
            code: "an answer that the page changed",
            network: None,
        })?;
        Ok(client(pin, connect_limit, route)
            .map(|client| Self {
                client,
                manner,
                kept,
                is_rotated: false,
                looked_at: None,
                clock,
            })
            .map_err(|error| down(format!("no HTTP client: {error}"))))
    }

    /// Loads `url` within `limit`, redirects included.
    ///
    /// # Errors
    /// See [`Missed`].
    pub(super) async fn get(
        &mut self,
        url: Url,
        pin: &Origin,
        limit: Duration,
    ) -> Result<Document, Missed> {
        let request = Request { url, form: None };
        let loaded = async {
            let (url, answer) = self.follow(&request, PAGES, pin).await?;
            self.read(url, answer).await
        };
        match tokio::time::timeout(limit, loaded).await {
            Ok(loaded) => loaded,
            Err(_) => Err(Missed::Down(down("timeout".to_owned()))),
        }
    }

    /// Loads an export within `limit`, redirects included.
    ///
    /// # Errors
    /// See [`Missed`].
    pub(super) async fn download(
        &mut self,
        request: &Request,
        pin: &Origin,
        limit: Duration,
    ) -> Result<Answer, Missed> {
        let loaded = async {
            let (url, answer) = self.follow(request, "*/*", pin).await?;
            let status = answer.status().as_u16();
            let retry_after = retry_after(answer.headers());
            let body = bounded(answer).await?;
            let bytes = body.len();
            Ok(Answer {
                url: url.into(),
                status,
                bytes,
                body: (bytes <= MAX_PAGE_BYTES).then_some(body),
                retry_after,
            })
        };
        match tokio::time::timeout(limit, loaded).await {
            Ok(loaded) => loaded,
            Err(_) => Err(Missed::Down(down("timeout".to_owned()))),
        }
    }

    /// The answer behind all redirects, of which none is posted to.
    async fn follow(
        &mut self,
        request: &Request,
        accept: &'static str,
        pin: &Origin,
    ) -> Result<(Url, Response), Missed> {
        let (mut url, mut form) = (request.url.clone(), request.form.clone());
        for _ in 0..=MOST_REDIRECTS {
            at_pin(&url, pin).map_err(Missed::Odd)?;
            let answer = self.ask(&url, accept, form.take()).await?;
            let status = answer.status();
            if status.is_server_error() {
                let asked = retry_after(answer.headers());
                return Err(Missed::Down(not_now(status.as_u16(), &asked)));
            }
            let location = answer.headers().get(LOCATION);
            let location = location.filter(|_| status.is_redirection());
            match location.map(|to| to.to_str().ok().and_then(|to| url.join(to).ok())) {
                Some(Some(to)) => url = to,
                Some(None) => return Err(Missed::Odd(down("a redirect to nowhere".to_owned()))),
                None => return Ok((url, answer)),
            }
        }
        Err(Missed::Odd(down("too many redirects".to_owned())))
    }

    async fn ask(
        &mut self,
        url: &Url,
        accept: &'static str,
        form: Option<String>,
    ) -> Result<Response, Missed> {
        let now = self.clock.now().timestamp();
        let request = match form {
            None => self.client.get(url.clone()),
            Some(form) => self
                .client
                .post(url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form),
        };
        let mut request = request
            .header(USER_AGENT, &self.manner.agent)
            .header(ACCEPT, accept)
            .header(ACCEPT_LANGUAGE, &self.manner.languages);
        if let Some(cookies) = cookies::header(&self.kept.cookies, url, now) {
            request = request.header(COOKIE, cookies);
        }
        let answer = request.send().await.map_err(|error| failed(&error))?;
        for set in answer.headers().get_all(SET_COOKIE) {
            if let Ok(set) = std::str::from_utf8(set.as_bytes()) {
                self.is_rotated |= cookies::take(&mut self.kept.cookies, set, url, now);
            }
        }
        Ok(answer)
    }

    async fn read(&self, url: Url, answer: Response) -> Result<Document, Missed> {
        let status = answer.status().as_u16();
        let kind = answer.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let asked = retry_after(answer.headers());
        let body = bounded(answer).await?;
        let bytes = body.len();
        let html = (bytes <= MAX_PAGE_BYTES).then(|| decoded(&body, &kind, &self.manner.charset));
        Ok(Document::fetched(
            url.into(),
            status,
            &kind,
            bytes,
            html,
            asked,
        ))
    }
}

/// The body, or a little more of it than may be.
async fn bounded(mut answer: Response) -> Result<Vec<u8>, Missed> {
    let mut body = Vec::new();
    while body.len() <= MAX_PAGE_BYTES {
        match answer.chunk().await.map_err(|error| failed(&error))? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok(body)
}

fn retry_after(headers: &HeaderMap) -> RetryAfter {
    let text = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
    RetryAfter {
        retry_after: text(RETRY_AFTER),
        date: text(DATE),
    }
}

/// By the header's charset, the `meta` in the first KiB, else `usual`, that of the portal's other pages.
fn decoded(body: &[u8], kind: &str, usual: &str) -> String {
    let head: String = body.iter().take(1024).copied().map(char::from).collect();
    let encoding = [charset(kind), charset(&head), Some(usual)]
        .into_iter()
        .flatten()
        .find_map(|label| Encoding::for_label(label.as_bytes()))
        .unwrap_or(encoding_rs::UTF_8);
    encoding.decode(body).0.into_owned()
}

/// The word after `charset=`.
fn charset(text: &str) -> Option<&str> {
    let at = text.to_ascii_lowercase().find("charset")?;
    let rest = text.get(at + "charset".len()..)?.trim_start();
    let rest = rest
        .strip_prefix('=')?
        .trim_start()
        .trim_start_matches(['"', '\'']);
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-')))
        .unwrap_or(rest.len());
    rest.get(..end).filter(|label| !label.is_empty())
}

fn client(pin: &Origin, connect_limit: Duration, route: &Route) -> Result<Client, String> {
    let mut builder = Client::builder()
        .redirect(Policy::none())
        .connect_timeout(connect_limit)
        .tcp_nodelay(true)
        // One account asks one host.
        .pool_max_idle_per_host(1);
    if let Some(proxy) = &route.proxy {
        let proxy = Proxy::all(proxy.clone()).map_err(|_| "the proxy is none".to_owned())?;
        builder = builder.proxy(proxy);
    } else if pin.is_loopback() {
        // As a browser: no proxy stands between a machine and itself.
        builder = builder.no_proxy();
    }
    builder = builder.use_preconfigured_tls(tls(pin, route)?);
    builder
        .build()
        .map_err(|error| error.without_url().to_string())
}

/// The machine's certificates, read once for all accounts; none for a portal without TLS.
fn tls(pin: &Origin, route: &Route) -> Result<ClientConfig, String> {
    static WITH_ROOTS: OnceLock<ClientConfig> = OnceLock::new();
    let builder =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
    if !pin.is_https() {
        let none = builder.with_root_certificates(rustls::RootCertStore::empty());
        return Ok(none.with_no_client_auth());
    }
    if route.has_certificates() {
        return route.tls(builder);
    }
    if let Some(known) = WITH_ROOTS.get() {
        return Ok(known.clone());
    }
    let read = builder
        .with_native_roots()
        .map_err(|error| error.to_string())?;
    let read = read.with_no_client_auth();
    Ok(WITH_ROOTS.get_or_init(|| read).clone())
}

/// Says what kind of failure it was; the error's own text may hold the address.
fn failed(error: &reqwest::Error) -> Missed {
    let reason = match (error.is_connect(), error.is_timeout()) {
        (_, true) => "timeout",
        (true, false) => "no connection",
        (false, false) => "a connection that broke off",
    };
    Missed::Down(down(reason.to_owned()))
}

fn down(reason: String) -> PortalError {
    PortalError::PortalDown { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_decoded_as_a_browser_would() {
        for (body, kind, usual, text) in [
            (
                b"caf\xe9".as_slice(),
                "text/html; charset=ISO-8859-1",
                "UTF-8",
                "café",
            ),
            (
                b"caf\xc3\xa9",
                "text/html;charset=\"utf-8\"",
                "windows-1252",
                "café",
            ),
            (
                b"<meta charset='iso-8859-1'>\xe9",
                "text/html",
                "UTF-8",
                "<meta charset='iso-8859-1'>é",
            ),
            (b"caf\xe9", "text/html", "windows-1252", "café"),
            (
                b"caf\xc3\xa9",
                "text/html; charset=nonsense",
                "UTF-8",
                "café",
            ),
        ] {
            assert_eq!(decoded(body, kind, usual), text);
        }
    }
}
