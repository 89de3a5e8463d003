//! From a page to the page that is meant: waits until a page that is made by script is finished, and clicks away what the
//! file names as standing in between. What the file does not name is never clicked.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::browser::{Browser, down};
use super::form::{self, Place, StepError};
use super::frames;
use super::reading::{self, Reading};
use crate::extract;
use crate::portal::{Page, PortalError};
use crate::selectors::{Interstitial, Portal};
use crate::understand::{self, Session};

/// How often a page that is being made is looked at: each look reads all of it.
const LOOK: Duration = Duration::from_millis(200);
/// How long a page in between may take to go after the click, when it goes without a new document.
const GOES: Duration = Duration::from_secs(3);

/// Which pages are finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// One with any mark.
    AnyMark,
    /// One that says what became of what was sent.
    Verdict {
        /// What the page said before.
        before: Session,
    },
}

impl Until {
    fn holds(self, session: Session) -> bool {
        match (session, self) {
            (Session::SignedIn, _) | (Session::Refused(_) | Session::SignedOut, Until::AnyMark) => {
                true
            }
            (Session::Refused(_), Until::Verdict { before }) => session != before,
            (Session::SignedOut, Until::Verdict { .. }) | (Session::Stranger, _) => false,
        }
    }
}

/// What stands on a page.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// What the marks say; a page that cannot be parsed bears none.
    pub(super) session: Session,
    /// The number of the interstitial that stands there.
    between: Option<usize>,
    /// Its skeleton, when nothing is known of it.
    pub(super) outline: Option<String>,
}

/// Parses the page off the async threads.
pub(super) async fn look(portal: &Arc<Portal>, page: Page) -> (Page, Look) {
    let portal = Arc::clone(portal);
    let looked = tokio::task::spawn_blocking(move || {
        let look = extract::guarded(|| {
            let document = extract::parse(&page.html)?;
            let session = understand::session(&portal.marks, &document);
            let between = portal
                .interstitials
                .iter()
                .position(|one| document.has(&one.mark));
            let outline = understand::is_unknown(session).then(|| document.outline());
            Ok(Look {
                session,
                between,
                outline,
            })
        });
        let look = look.unwrap_or(Look {
            session: Session::Stranger,
            between: None,
            outline: None,
        });
        (page, look)
    });
    match looked.await {
        Ok(looked) => looked,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

impl Browser {
    /// The page that `page` becomes.
    ///
    /// # Errors
    /// Whatever ends a click or a reading.
    pub(super) async fn settle(
        &mut self,
        mut page: Page,
        until: Until,
        portal: &Arc<Portal>,
        limit: Duration,
    ) -> Result<Page, StepError> {
        if !portal.marks.by_script && portal.interstitials.is_empty() {
            return Ok(page);
        }
        let mut clicked = vec![0; portal.interstitials.len()];
        let mut deadline = pin!(sleep(limit));
        loop {
            let (looked_at, seen) = look(portal, page).await;
            page = looked_at;
            if let Some((number, one)) = between(portal, &seen, &mut clicked) {
                match self.pass(number, one, portal).await {
                    Ok(()) => {}
                    Err(StepError::Portal(PortalError::ElementMissing { css, step })) => {
                        tracing::warn!(
                            step,
                            css,
                            "a page in between has not what is to be clicked"
                        );
                        return Ok(page);
                    }
                    Err(error) => return Err(error),
                }
            } else if !portal.marks.by_script || until.holds(seen.session) {
                return Ok(page);
            } else {
                tokio::select! {
                    () = sleep(LOOK) => {}
                    () = &mut deadline => return Ok(page),
                }
            }
            page = self.read_again(limit, portal).await?;
        }
    }

    /// Clicks the page in between away.
    async fn pass(
        &mut self,
        number: usize,
        one: &Interstitial,
        portal: &Arc<Portal>,
    ) -> Result<(), StepError> {
        let step = format!("interstitial[{number}].click");
        let place = Place {
            css: &one.click,
            step: &step,
        };
        self.leave_frames().await?;
        if let Some(css) = &one.frame {
            let step = format!("interstitial[{number}].frame");
            let place = Place { css, step: &step };
            self.in_frame = true;
            frames::enter(&self.session, place, &portal.origin, GOES).await?;
        }
        match self.loads.take().await {
            // After the click: the credential is sent, and the answer to it will not be known.
            Err(error) if self.may_be_signed_in => return Err(down(&error.to_string())),
            taken => taken?,
        }
        let clicked_in = form::click(&self.session, place, &portal.origin, GOES).await?;
        tracing::info!(step, "a page in between was clicked away");
        self.leave_frames().await?;
        let framed = portal.has_frames();
        let mut deadline = pin!(sleep(GOES));
        loop {
            match reading::read(&self.session, &clicked_in, framed).await? {
                // The click leads to another page; `read_again` waits for it.
                Reading::New(_) | Reading::Loading => return Ok(()),
                Reading::Old => {}
            }
            if let Reading::New(document) = reading::read(&self.session, "", framed).await? {
                let page = self.take(document, portal)?;
                let (_, seen) = look(portal, page).await;
                if seen.between != Some(number) {
                    return Ok(());
                }
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = &mut deadline => return Ok(()),
            }
        }
    }
}

/// The interstitial to click away now, counted.
fn between<'a>(
    portal: &'a Portal,
    seen: &Look,
    clicked: &mut [u32],
) -> Option<(usize, &'a Interstitial)> {
    let number = seen.between?;
    let one = portal.interstitials.get(number)?;
    let clicks = clicked
        .get_mut(number)
        .filter(|clicks| **clicks < one.most)?;
    *clicks += 1;
    Some((number, one))
}
