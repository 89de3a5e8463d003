//! What the scripts of a page request from the portal while it is recorded.
//!
//! Chromium runs a script of ours in each new document before the page's own. It keeps copies of answers in JSON; the page gets
//! what it asked for, as it asked for it. Once the recording is made, the script is taken away before the next page is loaded.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use url::Url;

use super::WebDriverPortal;
use super::browser::Browser;
use super::session::{Failure, Session};
use crate::portal::ScriptRequest;

/// At most 32 answers of a document, 400,000 characters in all: a recording of many pages stays within what evidence may take.
const WATCH: &str = r"
(() => {
  const kept = [];
  let room = 400_000;
  Object.defineProperty(window, Symbol.for('tillwatch.requests'), { value: kept });
  const keep = (method, url, status, body) => {
    if (kept.length === 32 || body.length > room || !/^\s*[[{]/.test(body)) return;
    room -= body.length;
    kept.push({ method: method.toUpperCase(), url, status, body });
  };
  const { fetch } = window;
  window.fetch = function (what, how) {
    const answering = fetch.apply(this, arguments);
    answering.then(async (answer) => {
      if (answer.headers.get('content-type')?.includes('event-stream')) return;
      const method = how?.method ?? (what instanceof Request ? what.method : 'GET');
      keep(method, answer.url, answer.status, await answer.clone().text());
    }).catch(() => {});
    return answering;
  };
  const { open } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method) {
    this.addEventListener('load', () => {
      const isText = this.responseType === '' || this.responseType === 'text';
      const body = this.responseType === 'json' ? JSON.stringify(this.response) : isText ? this.responseText : '';
      keep(method, this.responseURL, this.status, body);
    }, { once: true });
    return open.apply(this, arguments);
  };
})();
";

/// Of the page and of its frames, each once.
const REQUESTS: &str = r"
const found = [];
const gather = (view) => {
  try {
    found.push(...(view[Symbol.for('tillwatch.requests')]?.splice(0) ?? []));
    for (let at = 0; at < view.frames.length; at++) gather(view.frames[at]);
  } catch (_) { /* a document of another origin */ }
};
gather(window.top);
return found;
";

/// As [`REQUESTS`] gives it.
#[derive(Deserialize)]
struct Found {
    method: String,
    url: String,
    status: u16,
    body: String,
}

impl Browser {
    /// From the next document on the requests of scripts are kept, or no longer.
    pub(super) async fn watch_scripts(&mut self, on: bool) -> Result<(), Failure> {
        let watched = match (on, self.watching.take()) {
            (false, Some(own)) => unwatch(&self.session, &own).await.map(|()| None),
            (true, None) => watch(&self.session).await,
            (_, as_it_is) => Ok(as_it_is),
        };
        match watched {
            Ok(watching) => self.watching = watching,
            Err(Failure::Refused { code, .. }) => {
                tracing::info!("requests of the page's scripts cannot be recorded: {code}");
            }
            Err(gone) => return Err(gone),
        }
        Ok(())
    }
}

/// Gives the name of the script, by which it is taken away again.
async fn watch(session: &Session) -> Result<Option<String>, Failure> {
    let command = "Page.addScriptToEvaluateOnNewDocument";
    let added = session.devtools(command, json!({ "source": WATCH }));
    let added = added.await?;
    let name = added.get("identifier").and_then(Json::as_str);
    Ok(name.map(str::to_owned))
}

async fn unwatch(session: &Session, name: &str) -> Result<(), Failure> {
    let command = "Page.removeScriptToEvaluateOnNewDocument";
    let removed = session.devtools(command, json!({ "identifier": name }));
    removed.await.map(drop)
}

impl WebDriverPortal {
    /// Those of the pinned origin. None where the page did not come through the browser.
    pub(super) async fn requests_of_scripts(&mut self) -> Vec<ScriptRequest> {
        let Ok((settings, browser)) = self.browser() else {
            return Vec::new();
        };
        if browser.watching.is_none() {
            return Vec::new();
        }
        let pin = settings.selectors.origin.clone();
        let found = browser.session.execute(REQUESTS, Vec::new()).await;
        let found = match self.settle(found.map_err(Into::into)).await {
            Ok(found) => found,
            Err(error) => {
                tracing::info!("the requests of the page's scripts are not recorded: {error}");
                return Vec::new();
            }
        };
        let found: Vec<Found> = serde_json::from_value(found).unwrap_or_default();
        let requests = found.into_iter().filter_map(|found| {
            Some(ScriptRequest {
                url: Url::parse(&found.url).ok().filter(|url| pin.holds(url))?,
                json: serde_json::from_str(&found.body).ok()?,
                method: found.method,
                status: found.status,
            })
        });
        requests.collect()
    }
}
