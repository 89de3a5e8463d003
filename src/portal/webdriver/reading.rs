//! A page read in one script call, and judged: is this the portal's own page?

use serde::Deserialize;
use serde_json::{Value as Json, json};
use url::Url;

use super::retry_after::{self, RetryAfter};
use super::route::wants_certificate;
use super::session::{Failure, Session};
use crate::extract::MAX_PAGE_BYTES;
use crate::portal::{Page, PortalError};
use crate::selectors::Origin;

/// Arguments: the document that is not wanted any more, the limit, whether frames are read too, and the statuses under
/// which a frame's page counts. `performance.timeOrigin` names a document: it is the instant of the navigation that made
/// it, and leaves no mark in the page.
///
/// A frame of the page's own origin comes as a `framed-page` with the frame's id, name and classes, so that marks and
/// rows are found in it as in the page itself. The copy is made in a document that loads and runs nothing.
const READ: &str = r"
const [old, limit, framed, spoken] = arguments;
const inside = (frame) => {
  try {
    const page = frame.contentWindow;
    return page.location.origin === location.origin ? page : null;
  } catch (_) { return null; }
};
const frames = (page) => framed ? [...page.document.querySelectorAll('iframe, frame')] : [];
const pages = (page, depth) => [page, ...(depth > 5 ? [] :
  frames(page).map(inside).filter(Boolean).flatMap((inner) => pages(inner, depth + 1)))];
const id = (page) => String(page.performance.timeOrigin);
const status = (page) => {
  const navigation = page.performance.getEntriesByType('navigation')[0];
  return navigation ? navigation.responseStatus : 0;
};
const all = pages(window, 0);
if (all.some((page) => id(page) === old)) return { state: 'old' };
if (all.some((page) => page.document.readyState !== 'complete')) return { state: 'loading' };
const copy = (page, depth) => {
  const inert = document.implementation.createHTMLDocument('');
  const root = inert.importNode(page.document.documentElement, true);
  const shown = frames(page);
  [...root.querySelectorAll('iframe, frame')].forEach((frame, at) => {
    const box = inert.createElement('framed-page');
    for (const name of ['id', 'name', 'class']) {
      if (frame.hasAttribute(name)) box.setAttribute(name, frame.getAttribute(name));
    }
    const inner = depth > 5 || !shown[at] ? null : inside(shown[at]);
    if (inner && inner.document.documentElement && (status(inner) < 400 || spoken.includes(status(inner)))) {
      box.append(...copy(inner, depth + 1).childNodes);
    }
    frame.replaceWith(box);
  });
  for (const set of [...root.querySelectorAll('frameset')]) {
    const box = inert.createElement('framed-set');
    box.append(...set.childNodes);
    set.replaceWith(box);
  }
  return root;
};
const root = document.documentElement;
const mode = document.compatMode === 'CSS1Compat' ? '<!DOCTYPE html>' : '';
const html = root ? mode + (frames(window).length ? copy(window, 0) : root).outerHTML : '';
const bytes = html.length > limit ? html.length : new TextEncoder().encode(html).length;
const body = document.body;
return {
  state: 'new',
  document_id: id(window),
  url: document.location.href,
  status: status(window),
  content_type: document.contentType,
  is_empty: !body || (body.childElementCount === 0 && body.textContent.trim() === ''),
  bytes,
  html: bytes > limit ? null : html,
};
";

/// Statuses under which a portal itself speaks: a refused or expired sign-in, a login too many. The page is given,
/// and its marks decide. RFC 9110 section 15.5, RFC 6585 section 4.
const SPOKEN: [u16; 5] = [400, 401, 403, 422, 429];

/// What the script answers.
#[derive(Debug, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(super) enum Reading {
    /// Still the document before the navigation.
    Old,
    /// A new one, not yet complete.
    Loading,
    /// A new one.
    New(Document),
}

/// A complete document.
#[derive(Deserialize)]
pub(super) struct Document {
    /// To tell it from the next one.
    pub(super) document_id: String,
    url: String,
    status: u16,
    content_type: String,
    is_empty: bool,
    bytes: usize,
    html: Option<String>,
    /// With a status that [`retry_after::is_busy`].
    #[serde(skip)]
    pub(super) retry_after: RetryAfter,
}

impl Document {
    /// One that was not loaded into the browser. `content_type` is the header as sent; without `html` it was too large.
    pub(super) fn fetched(
        url: String,
        status: u16,
        content_type: &str,
        bytes: usize,
        html: Option<String>,
        retry_after: RetryAfter,
    ) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default();
        Self {
            document_id: String::new(),
            url,
            status,
            content_type: essence.trim().to_ascii_lowercase(),
            is_empty: html.as_deref().is_some_and(is_blank),
            bytes,
            html,
            retry_after,
        }
    }

    /// The portal has no time for us now.
    pub(super) fn is_busy(&self) -> bool {
        retry_after::is_busy(self.status)
    }
}

/// Nothing but tags that a browser would have made by itself. A page in which more is missing bears no mark.
fn is_blank(html: &str) -> bool {
    let mut rest = html.trim_start_matches('\u{feff}').trim_start();
    while let Some((tag, after)) = rest.strip_prefix('<').and_then(|tag| tag.split_once('>')) {
        let name = tag.trim_start_matches('/').split_whitespace().next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        if !matches!(name.as_str(), "!doctype" | "html" | "head" | "body") {
            return false;
        }
        rest = after.trim_start();
    }
    rest.is_empty()
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document").finish_non_exhaustive()
    }
}

/// Reads the document unless it is `old`; pass an empty one to read whatever is there. With `framed`, frames of the
/// page's own origin are read as part of it.
pub(super) async fn read(session: &Session, old: &str, framed: bool) -> Result<Reading, Failure> {
    let args = vec![
        json!(old),
        json!(MAX_PAGE_BYTES),
        json!(framed),
        json!(SPOKEN),
    ];
    let answer = session.execute(READ, args).await?;
    parse(answer)
}

fn parse(answer: Json) -> Result<Reading, Failure> {
    serde_json::from_value(answer).map_err(|_| Failure::Refused {
        code: "an answer that the page changed",
        network: None,
    })
}

/// The page, when it is one of the portal.
///
/// # Errors
/// [`PortalError::OffOrigin`] and, of the portal's own origin, [`PortalError::PortalDown`] and
/// [`PortalError::PageTooLarge`].
pub(super) fn judge(document: Document, pin: &Origin) -> Result<Page, PortalError> {
    let down = |reason: String| PortalError::PortalDown { reason };
    let url = Url::parse(&document.url).map_err(|_| down("no page".to_owned()))?;
    // The browser's own pages: chrome-error://chromewebdata/, about:blank, about:neterror.
    if matches!(url.scheme(), "chrome-error" | "about") {
        let code = document.html.as_deref().and_then(error_code);
        if code.is_some_and(wants_certificate) {
            return Err(PortalError::CertificateRequired);
        }
        return Err(down(code.map_or_else(
            || "the browser shows its own error page".to_owned(),
            |code| format!("net::{code}"),
        )));
    }
    at_pin(&url, pin)?;
    let status = (document.status != 0).then_some(document.status);
    if let Some(status) = status
        && status >= 400
        && !SPOKEN.contains(&status)
    {
        return Err(not_now(status, &document.retry_after));
    }
    if !matches!(
        document.content_type.as_str(),
        "text/html" | "application/xhtml+xml"
    ) {
        return Err(down("a page that is not HTML".to_owned()));
    }
    if document.is_empty {
        return Err(down(status.map_or_else(
            || "an empty page".to_owned(),
            |status| format!("an empty page, HTTP {status}"),
        )));
    }
    let too_large = PortalError::PageTooLarge {
        bytes: document.bytes,
        limit: MAX_PAGE_BYTES,
    };
    let pause = document.retry_after.pause();
    let html = document.html.ok_or(too_large)?;
    Ok(Page {
        url,
        status,
        html,
        pause,
    })
}

/// A server's error, or its wish to be left alone.
pub(super) fn not_now(status: u16, headers: &RetryAfter) -> PortalError {
    match headers.pause().filter(|_| retry_after::is_busy(status)) {
        Some(pause) => PortalError::Busy {
            status,
            pause: Some(pause),
        },
        None => PortalError::PortalDown {
            reason: format!("HTTP {status}"),
        },
    }
}

/// The network error that Chromium's own page names in its element for it, `ERR_…`.
fn error_code(html: &str) -> Option<&str> {
    html.match_indices("error-code").find_map(|(at, _)| {
        let rest: &str = html.get(at..)?;
        let text = rest.get(..rest.find("</")?)?;
        let code = text.get(text.rfind("ERR_")?..)?;
        let end = code
            .find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
            .unwrap_or(code.len());
        code.get(..end.min(60))
    })
}

/// # Errors
/// [`PortalError::OffOrigin`].
pub(super) fn at_pin(url: &Url, pin: &Origin) -> Result<(), PortalError> {
    if pin.holds(url) {
        return Ok(());
    }
    Err(PortalError::OffOrigin {
        found: url.origin().ascii_serialization(),
        pinned: pin.to_string(),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn document(url: &str, status: u16) -> Document {
        Document {
            document_id: "1".to_owned(),
            url: url.to_owned(),
            status,
            content_type: "text/html".to_owned(),
            is_empty: false,
            bytes: 13,
            html: Some("<html></html>".to_owned()),
            retry_after: RetryAfter::default(),
        }
    }

    fn verdict(document: Document) -> Result<Option<u16>, String> {
        let pin = Origin::parse("https://portal.example").unwrap();
        judge(document, &pin)
            .map(|page| page.status)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_verdict_of_the_portal_is_read_and_an_error_page_is_not() {
        for status in [200, 400, 401, 403, 422, 429] {
            let page = verdict(document("https://portal.example/x", status));
            assert_eq!(page, Ok(Some(status)));
        }
        for status in [404, 410, 500, 502, 503, 504] {
            let error = verdict(document("https://portal.example/x", status)).unwrap_err();
            assert!(error.contains(&format!("HTTP {status}")), "{error}");
        }
        assert_eq!(verdict(document("https://portal.example/x", 0)), Ok(None));
    }

    #[test]
    fn a_fetched_page_is_empty_where_a_browser_would_show_nothing() {
        for (html, empty) in [
            ("", true),
            ("\u{feff} \n", true),
            (
                "<!DOCTYPE html><html lang=en><head></head><body class='a'>\n</body></html>",
                true,
            ),
            ("<html><body>1 < 2</body></html>", false),
            (
                "<html><head><title>t</title></head><body></body></html>",
                false,
            ),
            ("<table>", false),
        ] {
            let url = "https://portal.example/x".to_owned();
            let html = Some(html.to_owned());
            let kind = "Text/HTML; charset=utf-8";
            let page = Document::fetched(url, 200, kind, 0, html, RetryAfter::default());
            assert_eq!(verdict(page).is_err(), empty);
        }
    }

    #[test]
    fn the_browsers_own_error_page_is_down_by_the_name_of_its_error() {
        let shown = |html: &str| {
            let mut page = document("chrome-error://chromewebdata/", 0);
            page.html = Some(html.to_owned());
            verdict(page).unwrap_err()
        };
        let error =
            shown("<div class=\"error-code\" id=\"x\">ERR_CONNECTION_RESET</div> ERR_OTHER");
        assert!(error.contains("(net::ERR_CONNECTION_RESET)"), "{error}");
        let error = shown("<p id=error-code>net::ERR_BAD_SSL_CLIENT_AUTH_CERT</p>");
        assert!(error.contains("client certificate"), "{error}");
        assert!(shown("<p>ERR_X</p>").contains("its own error page"));
    }

    #[test]
    fn another_scheme_host_or_port_is_off_origin_and_only_the_origin_is_told() {
        for url in [
            "http://portal.example/a?secret=1",
            "https://portal.example:8443/a?secret=1",
            "https://portal.example.evil.example/a?secret=1",
            "data:text/html,secret",
        ] {
            let error = verdict(document(url, 200)).unwrap_err();
            assert!(
                error.contains("not at the pinned origin https://portal.example"),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
