//! The pages of the table, by whichever of the three ways `way` chooses.
//!
//! - A page is judged by the same rules whatever brought it (`reading`), and what it means is decided elsewhere.
//! - What a cheap way gives counts only once it has given the same rows as the way that is trusted, one right after the
//!   other. A row that arrives in between condemns nothing: the trusted way is asked again after.
//! - Without a browser a page is read only while the last one was a page of the table. Else the browser comes back, with the
//!   session's cookies, before anybody is told that the session is over.

use url::Url;

use super::browser::down;
use super::fetch::fetch;
use super::form::StepError;
use super::http::{Http, Missed};
use super::{WebDriverPortal, reading};
use crate::extract::{self, ask::Request};
use crate::portal::way::{Change, Compared, Task, Way};
use crate::portal::{Days, Page, PortalError};
use crate::understand::{self, Shown};

/// Failures of the portal in a row after which the browser looks for itself.
const DOWN_AT_MOST: u32 = 3;

/// The page given last.
#[derive(Debug)]
pub(super) struct Last {
    way: Way,
    days: Days,
    /// From 1.
    number: usize,
    /// For the link to the next page; the browser finds its own.
    page: Option<Page>,
}

impl WebDriverPortal {
    /// The first page, as `way` has it.
    pub(super) async fn first(&mut self, days: Days) -> Result<Page, PortalError> {
        match self.ladder.begin() {
            Task::Read(_) => self.by_ladder(days).await,
            Task::Compare { trusted, candidate } => self.compare(days, trusted, candidate).await,
        }
    }

    /// By the way in use, and by dearer ones as long as it gives no page.
    async fn by_ladder(&mut self, days: Days) -> Result<Page, PortalError> {
        loop {
            let way = self.possible(self.ladder.way());
            let error = match self.by(way, days).await {
                Ok(page) => {
                    self.downs = 0;
                    return Ok(self.given(page, way, days, 1));
                }
                Err(Missed::Down(error @ PortalError::Busy { .. })) => return Err(error),
                Err(Missed::Down(error)) if self.downs + 1 < DOWN_AT_MOST => {
                    self.downs += 1;
                    return Err(error);
                }
                Err(Missed::Down(error) | Missed::Odd(error)) => error,
            };
            self.downs = 0;
            if !self.ladder.failed() {
                return Err(error);
            }
            self.tell_fall(way, &error.to_string());
        }
    }

    /// By both ways; gives the page of the one that is trusted.
    async fn compare(
        &mut self,
        days: Days,
        trusted: Way,
        candidate: Way,
    ) -> Result<Page, PortalError> {
        let page = match self.by(trusted, days).await {
            Ok(page) => page,
            Err(Missed::Down(error) | Missed::Odd(error)) if trusted == Way::Navigate => {
                return Err(error);
            }
            Err(_) => return self.by_ladder(days).await,
        };
        let Some(before) = self.shown(&page).await else {
            return Ok(self.given(page, trusted, days, 1));
        };
        // The candidate's is not that of the page that is given.
        let exported = self.exported.take();
        let tried = match self.by(candidate, days).await {
            Ok(page) => self.shown(&page).await,
            Err(Missed::Odd(_)) => None,
            // It shows nothing about the way.
            Err(Missed::Down(_)) => {
                self.exported = exported;
                return Ok(self.given(page, trusted, days, 1));
            }
        };
        if tried.as_ref() == Some(&before) {
            self.exported = exported;
            let change = self.ladder.compared(Compared::Same);
            self.tell(change);
            return Ok(self.given(page, trusted, days, 1));
        }
        let page = match self.by(trusted, days).await {
            Ok(page) => page,
            Err(Missed::Down(error) | Missed::Odd(error)) => return Err(error),
        };
        let after = self.shown(&page).await;
        let verdict = if tried.is_some() && tried == after {
            Compared::Same
        } else if after.is_none_or(|after| after == before) {
            // Also where the session is over now: it was not before the candidate was tried.
            Compared::Different
        } else {
            Compared::Undecided
        };
        let change = self.ladder.compared(verdict);
        self.tell(change);
        Ok(self.given(page, trusted, days, 1))
    }

    async fn by(&mut self, way: Way, days: Days) -> Result<Page, Missed> {
        match self.possible(way) {
            Way::Navigate => {
                let page = self.navigated(days).await?;
                self.with_export(page, Way::Navigate, days).await
            }
            Way::Fetch => {
                let page = self.fetched(self.table_url(days)?).await?;
                self.with_export(page, Way::Fetch, days).await
            }
            Way::Http => {
                let page = self.without_browser(self.table_url(days)?).await?;
                self.with_export(page, Way::Http, days).await
            }
        }
    }

    fn table_url(&self, days: Days) -> Result<Url, Missed> {
        let portal = &self.settings.selectors;
        let path = super::reach::table_path(&portal.table, days);
        let url = path.and_then(|path| portal.origin.join(&path));
        url.ok_or_else(|| {
            Missed::Odd(PortalError::PortalDown {
                reason: "a path of the selector file leaves the origin or has no valid date format"
                    .to_owned(),
            })
        })
    }

    /// A browser that was just started shows no page yet: it has to load one first.
    /// Nor does a script get to a table that takes steps or stands in a frame.
    fn possible(&self, way: Way) -> Way {
        if !self.settings.selectors.is_plain() {
            return Way::Navigate;
        }
        match way {
            Way::Fetch if self.stands() => Way::Fetch,
            Way::Http if self.stands() || self.http_goes_on() => Way::Http,
            Way::Navigate | Way::Fetch | Way::Http => Way::Navigate,
        }
    }

    /// Does the browser show a page of the portal, from which a script may ask for another?
    pub(super) fn stands(&self) -> bool {
        self.browser.as_ref().is_some_and(|browser| browser.stands)
    }

    /// The session lives outside the browser, which is gone.
    pub(super) fn http_goes_on(&self) -> bool {
        self.browser.is_none() && self.http.is_some()
    }

    /// True while no browser is needed.
    pub(super) fn reads_without_browser(&self) -> bool {
        self.http_goes_on() && self.ladder.way() == Way::Http
    }

    async fn navigated(&mut self, days: Days) -> Result<Page, Missed> {
        self.bring_back().await.map_err(Missed::Down)?;
        let loaded = match self.open_table(days).await {
            Ok(page) => self.grown(page).await,
            Err(error) => Err(error),
        };
        self.settle(loaded).await.map_err(Missed::Odd)
    }

    async fn fetched(&mut self, url: Url) -> Result<Page, Missed> {
        let fetched = self.fetch(url).await;
        match self.settle(fetched).await {
            Ok(Err(error @ PortalError::Busy { .. })) => Err(Missed::Down(error)),
            Ok(fetched) => fetched.map_err(Missed::Odd),
            Err(
                error @ (PortalError::BrowserLost { .. }
                | PortalError::OutOfMemory { .. }
                | PortalError::Hung { .. }),
            ) => Err(Missed::Down(error)),
            Err(error) => Err(Missed::Odd(error)),
        }
    }

    async fn fetch(&mut self, url: Url) -> Result<Result<Page, PortalError>, StepError> {
        let (settings, browser) = self.browser()?;
        let limit = settings.page_timeout;
        browser.loads.take().await?;
        let still = !std::mem::replace(&mut browser.stilled, true);
        let document = fetch(&browser.session, &url, limit, still).await?;
        Ok(document.and_then(|document| reading::judge(document, &settings.selectors.origin)))
    }

    async fn without_browser(&mut self, url: Url) -> Result<Page, Missed> {
        if self.browser.is_some() {
            let borrowed = self.borrow_session().await;
            self.settle(borrowed).await.map_err(Missed::Down)?;
        }
        let portal = &self.settings.selectors;
        let limit = self.settings.page_timeout;
        let Some(http) = &mut self.http else {
            let reason = "its cookies are lost".to_owned();
            return Err(Missed::Down(PortalError::BrowserLost { reason }));
        };
        let counted = self.settings.loads.take().await;
        counted.map_err(|error| Missed::Down(error.into()))?;
        let loaded = http.get(url, &portal.origin, limit).await;
        self.put_back_cookies().await?;
        reading::judge(loaded?, &self.settings.selectors.origin).map_err(Missed::Odd)
    }

    /// What the portal rotated goes into the browser, which shares the session.
    pub(super) async fn put_back_cookies(&mut self) -> Result<(), Missed> {
        if let (Some(http), Some(browser)) = (&self.http, &self.browser)
            && http.is_rotated
        {
            let put = browser.session.put_cookies(&http.kept.cookies).await;
            self.settle(put.map_err(StepError::Call))
                .await
                .map_err(Missed::Down)?;
        }
        Ok(())
    }

    /// Takes cookies and manner of the browser, which is signed in.
    pub(super) async fn borrow_session(&mut self) -> Result<(), StepError> {
        let clock = self.settings.clock.clone();
        let kept = self
            .snapshot()
            .await?
            .ok_or_else(|| down("the browser stands elsewhere"))?;
        let (settings, browser) = self.browser()?;
        let (pin, limit) = (&settings.selectors.origin, settings.page_timeout);
        let route = &settings.route;
        let http = Http::borrow(&browser.session, kept, pin, limit, route, clock).await?;
        self.http = Some(http.map_err(StepError::Portal)?);
        Ok(())
    }

    /// The page after the one given last.
    pub(super) async fn next(&mut self) -> Result<Page, PortalError> {
        let exported = self.exported.take();
        let Some(last) = self.last.take() else {
            let clicked = self.click_next().await;
            return self.settle(clicked).await;
        };
        let (days, number) = (last.days, last.number);
        let next = self.next_url(&last).await;
        let loaded = match (last.way, next) {
            // An export's next part is asked for like the first, and never clicked.
            (way, Some(url)) if self.settings.selectors.table.export.is_some() => {
                let request = Request { url, form: None };
                match exported {
                    Some(exported) => self.export_answer(exported.page, request, way).await,
                    None => {
                        let reason = "no page to put the export into".to_owned();
                        Err(Missed::Odd(PortalError::PortalDown { reason }))
                    }
                }
            }
            (Way::Fetch, Some(url)) => self.fetched(url).await,
            (Way::Http, Some(url)) => self.without_browser(url).await,
            (Way::Navigate, _) | (_, None) => {
                let page = self.click_on_from(&last).await?;
                return Ok(self.given(page, Way::Navigate, days, number + 1));
            }
        };
        match loaded {
            Ok(page) => Ok(self.given(page, last.way, days, number + 1)),
            Err(Missed::Down(error)) => Err(error),
            Err(Missed::Odd(error)) => {
                if self.ladder.failed() {
                    self.tell_fall(last.way, &error.to_string());
                }
                Err(error)
            }
        }
    }

    /// Where the page given last leads on by a plain link of the pinned origin; `None` where only a click does.
    async fn next_url(&self, last: &Last) -> Option<Url> {
        let page = last.page.clone()?;
        let portal = self.settings.selectors.clone();
        if !portal.is_plain() && portal.table.export.is_none() {
            return None;
        }
        let here = page.url.clone();
        let read = move || extract::next_address(&portal, &page.html);
        let address = tokio::task::spawn_blocking(read).await.ok()?.ok()??;
        let mut url = here.join(&address).ok()?;
        url.set_fragment(None);
        let mut here = here;
        here.set_fragment(None);
        (self.settings.selectors.origin.holds(&url) && url != here).then_some(url)
    }

    /// Clicks on in the browser, which first goes to the page given last if that came by another way.
    async fn click_on_from(&mut self, last: &Last) -> Result<Page, PortalError> {
        if last.way != Way::Navigate {
            self.by(Way::Navigate, last.days)
                .await
                .map_err(|(Missed::Down(error) | Missed::Odd(error))| error)?;
            for _ in 1..last.number {
                let clicked = self.click_next().await;
                self.settle(clicked).await?;
            }
        }
        let clicked = self.click_next().await;
        self.settle(clicked).await
    }

    /// Was the page given last one of the table? See [`crate::portal::Portal::heard`].
    pub(super) async fn hear(&mut self, is_table: bool) -> bool {
        let way = self.last.as_ref().map_or(Way::Navigate, |last| last.way);
        if is_table {
            let change = self.ladder.table();
            self.tell(change);
            if way == Way::Http && self.ladder.way() == Way::Http {
                self.end_browser().await;
            }
            return false;
        }
        if way == Way::Navigate {
            self.keep_evidence().await;
        }
        // Where the browser itself saw it, no other way is asked.
        while self.ladder.failed() {
            if way != Way::Navigate {
                self.tell_fall(way, "the page is not a signed-in one with the table");
                return true;
            }
        }
        false
    }

    fn given(&mut self, page: Page, way: Way, days: Days, number: usize) -> Page {
        let table = &self.settings.selectors.table;
        let by_link = way != Way::Navigate || table.export.is_some();
        let is_needed = by_link && table.next.is_some();
        self.last = Some(Last {
            way,
            days,
            number,
            page: is_needed.then(|| page.clone()),
        });
        page
    }

    async fn shown(&self, page: &Page) -> Option<Shown> {
        let portal = self.settings.selectors.clone();
        let html = page.html.clone();
        tokio::task::spawn_blocking(move || understand::shown(&portal, &html))
            .await
            .ok()?
    }

    fn tell(&self, change: Option<Change>) {
        let account = self.settings.owner.account.as_str();
        match change {
            None => {}
            Some(Change::Down(way)) => {
                let way = way.as_str();
                tracing::info!(
                    account,
                    way,
                    "it gave the same rows: read by it from now on"
                );
            }
            Some(Change::Distrusted { way, pause }) => {
                let way = way.as_str();
                tracing::info!(
                    account,
                    way,
                    readings = pause,
                    "it did not give the same rows: not read by it for so many readings"
                );
            }
        }
    }

    fn tell_fall(&self, way: Way, why: &str) {
        let account = self.settings.owner.account.as_str();
        let (way, then) = (way.as_str(), self.ladder.way().as_str());
        tracing::info!(
            account,
            way,
            then,
            "no page of the table, read again: {why}"
        );
    }
}
