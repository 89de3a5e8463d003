//! A page fetched by a script of the signed-in page: no navigation, no layout, the browser's own connection and cookies.

use std::time::Duration;

use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::export::Answer as Download;
use super::reading::Document;
use super::retry_after::RetryAfter;
use super::session::{Failure, Session};
use crate::extract::MAX_PAGE_BYTES;
use crate::extract::ask::Request;
use crate::portal::PortalError;

/// Arguments: address, limit of bytes, of milliseconds, whether to stop the page's timers, and the callback. A page that
/// is not loaded anew for hours would else sign itself out, or load itself anew, by a timer. The text is decoded as the
/// browser would have done it: by the header's charset, the `meta` in the first KiB, else as the page that asks.
const FETCH: &str = r"
const [address, limit, patience, still, done] = arguments;
if (still) for (let id = setTimeout(() => {}); id > 0; id -= 1) clearTimeout(id);
const abort = new AbortController();
const timer = setTimeout(() => abort.abort(), patience);
(async () => {
  const answer = await fetch(address, {
    credentials: 'same-origin', redirect: 'follow', cache: 'no-store', signal: abort.signal,
    headers: { Accept: 'text/html,application/xhtml+xml' },
  });
  const chunks = [];
  let bytes = 0;
  const reader = answer.body ? answer.body.getReader() : null;
  while (reader && bytes <= limit) {
    const { done: over, value } = await reader.read();
    if (over) break;
    bytes += value.length;
    chunks.push(value);
  }
  const type = answer.headers.get('content-type') || '';
  let html = null;
  if (bytes > limit) { abort.abort(); } else {
    const all = new Uint8Array(bytes);
    let at = 0;
    for (const chunk of chunks) { all.set(chunk, at); at += chunk.length; }
    const head = new TextDecoder('latin1').decode(all.subarray(0, 1024));
    const named = /charset\s*=\s*[\x22']?\s*([\w:.-]+)/i;
    const said = named.exec(type) || named.exec(head);
    let decoder;
    try { decoder = new TextDecoder(said ? said[1] : document.characterSet); }
    catch (_) { decoder = new TextDecoder(document.characterSet); }
    html = decoder.decode(all);
  }
  return {
    state: 'answered', url: answer.url, status: answer.status, content_type: type, bytes, html,
    retry_after: answer.headers.get('retry-after'), date: answer.headers.get('date'),
  };
})()
  .catch(() => ({ state: abort.signal.aborted ? 'late' : 'refused' }))
  .then((answer) => { clearTimeout(timer); done(answer); });
";

/// Arguments: address, limit of bytes, of milliseconds, the form to post or null, and the callback. The bytes come in base64.
const DOWNLOAD: &str = r"
const [address, limit, patience, form, done] = arguments;
const abort = new AbortController();
const timer = setTimeout(() => abort.abort(), patience);
(async () => {
  const post = form === null ? {} : {
    method: 'POST', body: form, headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  };
  const answer = await fetch(address, {
    credentials: 'same-origin', redirect: 'follow', cache: 'no-store', signal: abort.signal, ...post,
  });
  const chunks = [];
  let bytes = 0;
  const reader = answer.body ? answer.body.getReader() : null;
  while (reader && bytes <= limit) {
    const { done: over, value } = await reader.read();
    if (over) break;
    bytes += value.length;
    chunks.push(value);
  }
  let body = null;
  if (bytes > limit) { abort.abort(); } else {
    body = await new Promise((read, failed) => {
      const file = new FileReader();
      file.onload = () => read(file.result.slice(file.result.indexOf(',') + 1));
      file.onerror = failed;
      file.readAsDataURL(new Blob(chunks));
    });
  }
  return {
    state: 'answered', url: answer.url, status: answer.status, bytes, body,
    retry_after: answer.headers.get('retry-after'), date: answer.headers.get('date'),
  };
})()
  .catch(() => ({ state: abort.signal.aborted ? 'late' : 'refused' }))
  .then((answer) => { clearTimeout(timer); done(answer); });
";

/// What the script of a download answers.
#[derive(Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
enum Downloaded {
    Answered {
        url: String,
        status: u16,
        bytes: usize,
        body: Option<String>,
        #[serde(flatten)]
        retry_after: RetryAfter,
    },
    Late,
    Refused,
}

/// Downloads what `request` asks for from the page on show.
///
/// # Errors
/// The call's, and `PortalDown` without an answer.
pub(super) async fn fetch_bytes(
    session: &Session,
    request: &Request,
    limit: Duration,
) -> Result<Result<Download, PortalError>, Failure> {
    let patience = u64::try_from((limit * 9 / 10).as_millis()).unwrap_or(u64::MAX);
    let args = vec![
        json!(request.url.as_str()),
        json!(MAX_PAGE_BYTES),
        json!(patience),
        json!(request.form),
    ];
    let changed = || Failure::Refused {
        code: "an answer that the page changed",
        network: None,
    };
    let answer = session.execute_async(DOWNLOAD, args).await?;
    let answer = serde_json::from_value(answer).map_err(|_| changed())?;
    let down = |reason: &str| PortalError::PortalDown {
        reason: reason.to_owned(),
    };
    Ok(match answer {
        Downloaded::Answered {
            url,
            status,
            bytes,
            body,
            retry_after,
        } => {
            let decoded = body.map(|body| BASE64.decode(body.as_bytes()));
            Ok(Download {
                url,
                status,
                bytes,
                body: decoded.transpose().map_err(|_| changed())?,
                retry_after,
            })
        }
        Downloaded::Late => Err(down("timeout of a download")),
        Downloaded::Refused => Err(down("a download without an answer")),
    })
}

/// What the script answers.
#[derive(Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
enum Answer {
    Answered {
        url: String,
        status: u16,
        content_type: String,
        bytes: usize,
        html: Option<String>,
        #[serde(flatten)]
        retry_after: RetryAfter,
    },
    /// Not within its time.
    Late,
    /// No connection, or one that the page's policy or another origin's forbids: scripts are not told which.
    Refused,
}

/// Fetches `url` from the page on show; `still` stops that page's timers first.
///
/// # Errors
/// The call's, and `PortalDown` without an answer.
pub(super) async fn fetch(
    session: &Session,
    url: &Url,
    limit: Duration,
    still: bool,
) -> Result<Result<Document, PortalError>, Failure> {
    // Less than the script timeout of the session, which is `limit` too.
    let patience = u64::try_from((limit * 9 / 10).as_millis()).unwrap_or(u64::MAX);
    let args = vec![
        json!(url.as_str()),
        json!(MAX_PAGE_BYTES),
        json!(patience),
        json!(still),
    ];
    let answer = session.execute_async(FETCH, args).await?;
    let answer = serde_json::from_value(answer).map_err(|_| Failure::Refused {
        code: "an answer that the page changed",
        network: None,
    })?;
    let down = |reason: &str| PortalError::PortalDown {
        reason: reason.to_owned(),
    };
    Ok(match answer {
        Answer::Answered {
            url,
            status,
            content_type,
            bytes,
            html,
            retry_after,
        } => {
            let kind = &content_type;
            Ok(Document::fetched(
                url,
                status,
                kind,
                bytes,
                html,
                retry_after,
            ))
        }
        Answer::Late => Err(down("timeout of a fetch")),
        Answer::Refused => Err(down("a fetch without an answer")),
    })
}
