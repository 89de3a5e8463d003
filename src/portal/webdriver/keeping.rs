//! A browser's session kept for a restart, and put into a new browser.
//!
//! Cookies go by Chromium's own protocol. Storage is put in by a script that runs before the portal's own, in the first
//! document of the pinned origin; `window.name` says that it did, and both are taken away after that load.
//!
//! A session that a person began elsewhere comes the same way: written to be kept, then put into the next browser, which
//! takes over the user agent too where the portal knows the session by it.

use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::WebDriverPortal;
use super::browser::Browser;
use super::form::StepError;
use super::opening::CLOSE_LIMIT;
use super::session::{Failure, Session};
use crate::portal::PortalError;
use crate::portal::kept::{Begun, Brought, Item, KeepError, Kept, KeptFile, Key};
use crate::portal::way::Way;
use crate::selectors::Origin;

/// A portal may give a new cookie with every page: the session is looked at once in this time, and after a sign-in.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// A restored session that gave no page of the table in more turns than these, over this time, is dropped: the portal may
/// stumble over it. One that is down for some minutes costs no login.
const MOST_UNPROVED: u32 = 5;
const UNPROVED_FOR: Duration = Duration::from_secs(15 * 60);

const STORAGE: &str = r"
if (location.origin !== arguments[0]) return null;
const entries = (storage) => { try { return Object.entries(storage()); } catch (_) { return []; } };
return { local: entries(() => localStorage), session: entries(() => sessionStorage) };
";

/// Only keys that are not there: what the page has set since is newer.
const PUT_STORAGE: &str = r"
(() => {
  const { origin, mark, local, session } = KEPT;
  if (window.top !== window || location.origin !== origin || window.name === mark) return;
  window.name = mark;
  const put = (storage, items) => {
    for (const [key, value] of items) if (storage.getItem(key) === null) storage.setItem(key, value);
  };
  try { put(localStorage, local); put(sessionStorage, session); } catch (_) {}
})();
";
const MARK: &str = "tillwatch-restored";

/// A session from before that no page of the table has proved yet.
#[derive(Debug, Default)]
pub(super) struct Unproved {
    turns: u32,
    /// When it was restored; monotonic.
    since: Duration,
    /// Identifier of the script that puts storage in.
    script: Option<String>,
    pub(super) brought: Brought,
}

/// What of the account's session is on disk.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) file: KeptFile,
    pub(super) key: Option<Key>,
    /// Digest of what was written last.
    written: Option<[u8; 32]>,
    /// When the session began.
    pub(super) begun: Option<Begun>,
}

impl Keeper {
    pub(super) fn new(file: KeptFile, key: Option<Key>) -> Self {
        Self {
            file,
            key,
            written: None,
            begun: None,
        }
    }

    /// What is on disk, where it opens.
    pub(super) fn load(&self) -> Option<Kept> {
        let key = self.key.as_ref()?;
        self.file.load(key)
    }

    pub(super) fn forget(&mut self) {
        self.written = None;
        self.begun = None;
        self.file.forget();
    }

    /// Written when it is not what was written last.
    async fn write(&mut self, kept: Kept) {
        let Some(key) = self.key.clone() else {
            return;
        };
        let Ok(text) = serde_json::to_vec(&kept).map(Zeroizing::new) else {
            return;
        };
        let digest = <[u8; 32]>::from(Sha256::digest(&*text));
        if self.written == Some(digest) {
            return;
        }
        match self.save(key, kept).await {
            Ok(()) => self.written = Some(digest),
            Err(error) => tracing::warn!(
                account = self.file.owner().account,
                "{error}; a restart would spend a login"
            ),
        }
    }

    /// Another session takes the place of the one that was kept.
    async fn replace(&mut self, kept: Kept) -> Result<(), KeepError> {
        let key = self.key.clone().ok_or(KeepError::NoKey)?;
        self.save(key, kept).await?;
        (self.written, self.begun) = (None, None);
        Ok(())
    }

    async fn save(&self, key: Key, kept: Kept) -> Result<(), KeepError> {
        let file = self.file.clone();
        match tokio::task::spawn_blocking(move || file.save(&key, &kept)).await {
            Ok(saved) => saved,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

/// What the script answers.
#[derive(Deserialize)]
struct Storage {
    local: Vec<Item>,
    session: Vec<Item>,
}

impl Session {
    /// Storage of the pinned origin; `None` when the browser stands elsewhere.
    async fn storage(&self, pin: &Origin) -> Result<Option<Storage>, Failure> {
        let answer = self.execute(STORAGE, vec![json!(pin.to_string())]).await?;
        serde_json::from_value(answer).map_err(|_| Failure::Refused {
            code: "an answer that the page changed",
            network: None,
        })
    }
}

impl Browser {
    /// The session is one from before: it must prove itself.
    pub(super) fn begin_proof(&mut self, script: Option<String>, brought: Brought, now: Duration) {
        self.may_be_signed_in = true;
        self.unproved = Some(Unproved {
            turns: 0,
            since: now,
            script,
            brought,
        });
    }

    /// A turn begins at this monotonic time. False when the session had its chances.
    pub(super) fn may_go_on(&mut self, now: Duration) -> bool {
        self.unproved.as_mut().is_none_or(|unproved| {
            unproved.turns += 1;
            unproved.turns <= MOST_UNPROVED || now.saturating_sub(unproved.since) < UNPROVED_FOR
        })
    }

    /// A page is loaded: storage was put in before its scripts ran, or never will be.
    pub(super) async fn end_restore(&mut self) -> Result<(), Failure> {
        let script = self.unproved.as_mut().and_then(|it| it.script.take());
        let Some(identifier) = script else {
            return Ok(());
        };
        let params = json!({ "identifier": identifier });
        self.session
            .devtools("Page.removeScriptToEvaluateOnNewDocument", params)
            .await?;
        let unmark = "if (window.name === arguments[0]) window.name = ''";
        self.session.execute(unmark, vec![json!(MARK)]).await?;
        Ok(())
    }

    async fn put(&mut self, kept: &Kept, pin: &Origin) -> Result<Option<String>, Failure> {
        if let Some(user_agent) = &kept.user_agent {
            let params = json!({ "userAgent": user_agent });
            self.session
                .devtools("Emulation.setUserAgentOverride", params)
                .await?;
            self.user_agent = Some(user_agent.clone());
        }
        self.session.put_cookies(&kept.cookies).await?;
        if kept.local.is_empty() && kept.session.is_empty() {
            return Ok(None);
        }
        let content = json!({
            "origin": pin.to_string(), "mark": MARK, "local": kept.local, "session": kept.session
        });
        let source = PUT_STORAGE.replace("KEPT", &content.to_string());
        let params = json!({ "source": source });
        let answer = self
            .session
            .devtools("Page.addScriptToEvaluateOnNewDocument", params)
            .await?;
        let identifier = answer.get("identifier").and_then(Json::as_str);
        Ok(identifier.map(str::to_owned))
    }
}

impl WebDriverPortal {
    /// Puts what is kept into the new browser.
    pub(super) async fn restore(&mut self) -> Result<(), PortalError> {
        let kept = match self.http.take() {
            // It went on without a browser: what is on disk may be older.
            Some(http) => Some(http.kept),
            None => self.kept.load(),
        };
        let (Some(kept), Some(browser)) = (kept, &mut self.browser) else {
            return Ok(());
        };
        self.kept.begun.clone_from(&kept.begun);
        let account = self.settings.owner.account.as_str();
        match browser.put(&kept, &self.settings.selectors.origin).await {
            Ok(script) => {
                browser.begin_proof(script, kept.brought(), self.settings.clock.monotonic());
                let cookies = kept.cookies.len();
                tracing::info!(account, cookies, "the kept session is restored");
                Ok(())
            }
            Err(Failure::Refused { code, .. }) => {
                tracing::warn!(account, code, "the browser does not take the kept session");
                Ok(())
            }
            Err(Failure::Gone(error)) => {
                self.give_up().await;
                Err(error)
            }
        }
    }

    /// A session from elsewhere is kept in place of the one there is; the browser, which has the other one, is ended.
    pub(super) async fn take_over(&mut self, session: Kept) -> Result<(), KeepError> {
        self.kept.replace(session).await?;
        self.http = None;
        self.ladder.signed_in();
        self.end_browser().await;
        Ok(())
    }

    /// The session, when it is time to look at it, or `now`.
    pub(super) async fn look(&mut self, is_due: bool) {
        let at = self.settings.clock.monotonic();
        let looked_at = match (&mut self.browser, &mut self.http) {
            (Some(browser), _) => &mut browser.looked_at,
            (None, Some(http)) => &mut http.looked_at,
            (None, None) => return,
        };
        let is_fresh = looked_at.is_some_and(|before| at.saturating_sub(before) < LOOK_EVERY);
        if self.kept.key.is_none() || is_fresh && !is_due {
            return;
        }
        *looked_at = Some(at);
        if let (None, Some(http)) = (&self.browser, &self.http) {
            let kept = http.kept.clone();
            return self.kept.write(kept).await;
        }
        let result = self.snapshot().await;
        match self.settle(result).await {
            Ok(Some(kept)) => self.kept.write(kept).await,
            // Storage of the origin cannot be read from elsewhere: what was kept before is better.
            Ok(None) => {}
            Err(error) => tracing::debug!("the session could not be read to be kept: {error}"),
        }
    }

    /// Ends the browser; its session is kept as it is now. An account that reads without a browser goes on.
    pub(super) async fn park_browser(&mut self) {
        let limit = self.settings.call_timeout.min(CLOSE_LIMIT);
        let is_proved = self.http_goes_on() || self.browser.as_ref().is_some_and(|it| it.is_proved);
        if is_proved && timeout(limit, self.look(true)).await.is_err() {
            tracing::info!("the session as it is now is not kept: the browser does not answer");
        }
        let goes_on = is_proved
            && self.ladder.way() == Way::Http
            && self.stands()
            && timeout(limit, self.borrow_session())
                .await
                .is_ok_and(|borrowed| borrowed.is_ok());
        if !goes_on {
            self.http = None;
        }
        self.end_browser().await;
    }

    pub(super) async fn snapshot(&mut self) -> Result<Option<Kept>, StepError> {
        let begun = self.kept.begun.clone();
        let (settings, browser) = self.browser()?;
        let pin = &settings.selectors.origin;
        let Some(Storage { local, session }) = browser.session.storage(pin).await? else {
            return Ok(None);
        };
        let cookies = browser.session.cookies().await?;
        Ok(Some(Kept {
            cookies,
            local,
            session,
            begun,
            is_imported: false,
            user_agent: browser.user_agent.clone(),
        }))
    }
}
