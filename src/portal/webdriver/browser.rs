//! A browser with one page in it, and the way from a page to the next.

use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

use super::driver::Driver;
use super::form::{POLL, StepError};
use super::keeping::Unproved;
use super::reading::{self, Document, Reading};
use super::retry_after;
use super::session::Session;
use crate::page_loads::PageLoads;
use crate::portal::{Page, PortalError};
use crate::selectors;

/// A session and what was done in it.
#[derive(Debug)]
pub(super) struct Browser {
    pub(super) session: Session,
    /// Asked before whatever loads a page.
    pub(super) loads: PageLoads,
    /// `None` for a remote one. After the session, so that the session is dropped first.
    pub(super) driver: Option<Driver>,
    /// The document read, or clicked in, last.
    pub(super) document: String,
    /// A sign-in was submitted, or a session restored, and not yet ended.
    pub(super) may_be_signed_in: bool,
    /// The session is one from before.
    pub(super) unproved: Option<Unproved>,
    /// It says that it is this one, for the session's sake.
    pub(super) user_agent: Option<String>,
    /// A page of the table was read in it and the portal has not ended it since: worth keeping.
    pub(super) is_proved: bool,
    /// When the session was looked at to be kept; monotonic.
    pub(super) looked_at: Option<Duration>,
    /// When it had its first turn, and when its memory was looked at; monotonic.
    pub(super) opened_at: Option<Duration>,
    pub(super) weighed_at: Option<Duration>,
    /// Processes that the kernel had killed for lack of memory when a local browser began.
    pub(super) kills_before: Option<u64>,
    /// The document is a page of the pinned origin.
    pub(super) stands: bool,
    /// Its timers were stopped.
    pub(super) stilled: bool,
    /// A step entered a frame. Pages are read from the top.
    pub(super) in_frame: bool,
    /// What scripts request is kept, by the script of this name.
    pub(super) watching: Option<String>,
}

impl Browser {
    pub(super) fn new(session: Session, driver: Option<Driver>, loads: PageLoads) -> Self {
        Self {
            session,
            loads,
            driver,
            document: String::new(),
            may_be_signed_in: false,
            unproved: None,
            user_agent: None,
            is_proved: false,
            looked_at: None,
            opened_at: None,
            weighed_at: None,
            kills_before: None,
            stands: false,
            stilled: false,
            in_frame: false,
            watching: None,
        }
    }

    /// The document that follows the one read or clicked in last, once complete. `None` when none came within `limit`.
    pub(super) async fn next_document(
        &mut self,
        limit: Duration,
        portal: &selectors::Portal,
    ) -> Result<Option<Document>, StepError> {
        self.leave_frames().await?;
        let framed = portal.has_frames();
        let mut deadline = pin!(sleep(limit));
        loop {
            if let Reading::New(document) =
                reading::read(&self.session, &self.document, framed).await?
            {
                return Ok(Some(document));
            }
            tokio::select! {
                () = sleep(POLL) => {}
                () = &mut deadline => return Ok(None),
            }
        }
    }

    /// As `next_document`, but the load event has fired already: a document that did not change never will.
    pub(super) async fn after_load(
        &mut self,
        limit: Duration,
        portal: &selectors::Portal,
    ) -> Result<Page, StepError> {
        self.leave_frames().await?;
        let read = reading::read(&self.session, &self.document, portal.has_frames()).await?;
        let mut document = match read {
            Reading::New(document) => document,
            Reading::Old => return Err(down("no page came (no content, or a download)")),
            Reading::Loading => self
                .next_document(limit, portal)
                .await?
                .ok_or_else(|| down("the page did not become complete"))?,
        };
        if document.is_busy() {
            self.loads.take().await?;
            document.retry_after = retry_after::ask(&self.session, limit).await?;
        }
        self.take(document, portal)
    }

    /// The page as it stands, once complete.
    pub(super) async fn read_again(
        &mut self,
        limit: Duration,
        portal: &selectors::Portal,
    ) -> Result<Page, StepError> {
        self.document.clear();
        match self.next_document(limit, portal).await? {
            Some(document) => self.take(document, portal),
            None => Err(down("the page did not become complete")),
        }
    }

    pub(super) fn take(
        &mut self,
        document: Document,
        portal: &selectors::Portal,
    ) -> Result<Page, StepError> {
        self.document.clone_from(&document.document_id);
        let judged = reading::judge(document, &portal.origin);
        (self.stands, self.stilled) = (judged.is_ok(), false);
        judged.map_err(StepError::Portal)
    }
}

/// The portal does not answer as itself.
pub(super) fn down(reason: &str) -> StepError {
    StepError::Portal(PortalError::PortalDown {
        reason: reason.to_owned(),
    })
}
