//! The portal's export, asked for in the session that the page of the table has just proved.
//!
//! What comes is turned into a table at the end of that page, and read as part of it. A sign-in page in its place is the
//! page; an error in its place means that the portal does not answer as itself.

use std::sync::Arc;

use url::Url;

use super::WebDriverPortal;
use super::fetch::fetch_bytes;
use super::form::StepError;
use super::http::Missed;
use super::reading::{at_pin, not_now};
use super::retry_after::RetryAfter;
use crate::extract::ask::{self, AskError, Request};
use crate::extract::export::{self, Converted};
use crate::extract::{self, MAX_PAGE_BYTES};
use crate::portal::way::Way;
use crate::portal::{Days, Exported, Page, PortalError};
use crate::selectors::Portal;
use crate::understand::{self, Session};

/// An answer that is no page yet.
pub(super) struct Answer {
    /// After redirects.
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) bytes: usize,
    /// `None` over [`MAX_PAGE_BYTES`].
    pub(super) body: Option<Vec<u8>>,
    pub(super) retry_after: RetryAfter,
}

impl WebDriverPortal {
    /// `page` with the export that belongs to it; `page` itself where the file names none, or where nobody is signed in.
    pub(super) async fn with_export(
        &mut self,
        page: Page,
        way: Way,
        days: Days,
    ) -> Result<Page, Missed> {
        let portal = Arc::clone(&self.settings.selectors);
        let Some(export) = portal.table.export.clone() else {
            return Ok(page);
        };
        self.exported = None;
        let written = super::reach::days(&portal.table, days);
        let (from, to) = written.ok_or_else(|| odd("a date format that writes no date"))?;
        let read = {
            let (portal, page) = (Arc::clone(&portal), page.clone());
            move || {
                if understand::sign_in_page(&portal, &page.html)? != Session::SignedIn {
                    return Ok(None);
                }
                let place = (page.html.as_str(), &page.url);
                ask::request(&portal, &export, place, (&from, &to)).map(Some)
            }
        };
        let request = tokio::task::spawn_blocking(read).await;
        let request = match request.map_err(|_| odd("a page that cannot be read"))? {
            Ok(Some(request)) => request,
            // What is wrong with the page is found again, and said, by whoever reads it.
            Ok(None) | Err(AskError::Page(_)) => return Ok(page),
            Err(AskError::Missing { css, key }) => {
                let step = key.to_owned();
                return Err(Missed::Odd(PortalError::ElementMissing { css, step }));
            }
            Err(error @ (AskError::Elsewhere { .. } | AskError::Unsendable)) => {
                return Err(odd(&error.to_string()));
            }
        };
        self.export_answer(page, request, way).await
    }

    /// Asks, and puts what comes at the end of `base`, the page that proved the session.
    pub(super) async fn export_answer(
        &mut self,
        base: Page,
        request: Request,
        way: Way,
    ) -> Result<Page, Missed> {
        let answer = match way {
            Way::Http => self.answer_without_browser(&request).await?,
            Way::Fetch | Way::Navigate => {
                let fetched = self.answer_in_browser(&request).await;
                let fetched = self.settle(fetched).await.map_err(Missed::Down)?;
                fetched.map_err(Missed::Down)?
            }
        };
        let portal = Arc::clone(&self.settings.selectors);
        let judged = tokio::task::spawn_blocking(move || judge(&portal, base, request, answer));
        let judged = judged
            .await
            .map_err(|_| odd("an export that cannot be read"))?;
        let (page, exported) = judged.map_err(|error| match error {
            PortalError::PortalDown { .. } | PortalError::Busy { .. } => Missed::Down(error),
            other => Missed::Odd(other),
        })?;
        self.exported = exported;
        Ok(page)
    }

    async fn answer_in_browser(
        &mut self,
        request: &Request,
    ) -> Result<Result<Answer, PortalError>, StepError> {
        let (settings, browser) = self.browser()?;
        browser.loads.take().await?;
        Ok(fetch_bytes(&browser.session, request, settings.page_timeout).await?)
    }

    async fn answer_without_browser(&mut self, request: &Request) -> Result<Answer, Missed> {
        let limit = self.settings.page_timeout;
        let origin = &self.settings.selectors.origin;
        let Some(http) = &mut self.http else {
            let reason = "its cookies are lost".to_owned();
            return Err(Missed::Down(PortalError::BrowserLost { reason }));
        };
        let counted = self.settings.loads.take().await;
        counted.map_err(|error| Missed::Down(error.into()))?;
        let answer = http.download(request, origin, limit).await;
        self.put_back_cookies().await?;
        answer
    }
}

fn odd(reason: &str) -> Missed {
    Missed::Odd(PortalError::PortalDown {
        reason: reason.to_owned(),
    })
}

/// What came, as part of the signed-in page `base`, and what that was made of; or the sign-in page that came instead.
fn judge(
    portal: &Portal,
    base: Page,
    request: Request,
    answer: Answer,
) -> Result<(Page, Option<Exported>), PortalError> {
    let down = |reason: String| PortalError::PortalDown { reason };
    let url = Url::parse(&answer.url).map_err(|_| down("no export".to_owned()))?;
    at_pin(&url, &portal.origin)?;
    let bytes = answer.bytes;
    let limit = MAX_PAGE_BYTES;
    let is_error = answer.status >= 400;
    let refused = || not_now(answer.status, &answer.retry_after);
    let Some(body) = answer.body else {
        return Err(PortalError::PageTooLarge { bytes, limit });
    };
    let converted = export::convert(portal, &body, Some(&url));
    if let Ok(Converted::Html(html)) = &converted
        && let Ok(Session::SignedOut | Session::Refused(_)) = understand::sign_in_page(portal, html)
    {
        let status = Some(answer.status);
        let pause = answer.retry_after.pause();
        let page = Page {
            url,
            status,
            html: html.clone(),
            pause,
        };
        return Ok((page, None));
    }
    if is_error {
        return Err(refused());
    }
    let is_page = matches!(converted, Ok(Converted::Html(_)));
    let element = match converted {
        Ok(converted) => converted.into_element(),
        Err(error) if error.is_an_answer_of_trouble() => return Err(down(error.to_string())),
        Err(error) => return Err(PortalError::Export(error)),
    };
    if is_page && !extract::has_rows(portal, &element) {
        return Err(down(
            "a page without the table instead of the export".to_owned(),
        ));
    }
    let page = Page {
        html: format!("{}{element}", base.html),
        ..base.clone()
    };
    let exported = Exported {
        page: base,
        request,
        bytes: body,
    };
    Ok((page, Some(exported)))
}
