//! The way to the table and from page to page of it, where one address does not lead there.

use std::fmt::Write;
use std::pin::pin;
use std::time::Duration;

use chrono::NaiveDate;
use tokio::time::sleep;

use super::WebDriverPortal;
use super::browser::{Browser, down};
use super::form::{self, POLL, Place, StepError};
use super::frames;
use super::settle::{Until, look};
use super::steps::{Script, Walked};
use crate::portal::{Days, Page};
use crate::selectors::{Step, Table, Value};
use crate::understand::Session as Marks;

impl WebDriverPortal {
    /// Loads `table.path`, then takes `table.steps` unless the page says that nobody is signed in.
    pub(super) async fn open_table(&mut self, days: Days) -> Result<Page, StepError> {
        let portal = &self.settings.selectors;
        let asked = written(&portal.table, days)
            .ok_or_else(|| down("the selector file's date format writes no date"))?;
        let url = portal.origin.join(&asked.path);
        let page = self.load(url).await?;
        let (settings, browser) = self.browser()?;
        let (portal, limit) = (&settings.selectors, settings.page_timeout);
        if portal.table.steps.is_empty() {
            return Ok(page);
        }
        let (page, seen) = look(portal, page).await;
        if seen.session != Marks::SignedIn {
            return Ok(page);
        }
        let text = |value| match value {
            Value::From => asked.from.as_str(),
            Value::To => asked.to.as_str(),
            // Only at the sign-in, says the file's reader.
            Value::Number | Value::User | Value::Password | Value::Otp => "",
        };
        let script = Script {
            steps: &portal.table.steps,
            key: "table.steps",
            portal,
            limit,
            text: &text,
        };
        let sends_last = script.steps.last().is_some_and(Step::sends);
        let missing = match browser.walk(&script).await? {
            Walked::Through if sends_last && !portal.marks.by_script => {
                if let Some(document) = browser.next_document(limit, portal).await? {
                    let page = browser.take(document, portal)?;
                    return browser.settle(page, Until::AnyMark, portal, limit).await;
                }
                None
            }
            Walked::Through => None,
            Walked::Missing { error, .. } => Some(error),
        };
        let page = browser.read_again(limit, portal).await?;
        let page = browser.settle(page, Until::AnyMark, portal, limit).await?;
        let Some(error) = missing else {
            return Ok(page);
        };
        // Did the session end on the way? Then the page says so.
        let (page, seen) = look(portal, page).await;
        match seen.session {
            Marks::SignedOut | Marks::Refused(_) => Ok(page),
            Marks::SignedIn | Marks::Stranger => Err(StepError::Portal(error)),
        }
    }

    /// Clicks `table.next`.
    pub(super) async fn click_next(&mut self) -> Result<Page, StepError> {
        let (settings, browser) = self.browser()?;
        let (portal, limit) = (&settings.selectors, settings.page_timeout);
        browser.stands = false;
        browser.leave_frames().await?;
        if let Some(css) = &portal.table.frame {
            let step = "table.frame";
            browser.in_frame = true;
            frames::enter(&browser.session, Place { css, step }, &portal.origin, limit).await?;
        }
        let css = portal.table.next.as_ref().map_or("", |next| &next.element);
        let place = Place {
            css,
            step: "table.next",
        };
        let label = portal.table.page_label.as_deref();
        let before = match label {
            Some(css) => browser.text(css).await?,
            None => None,
        };
        browser.loads.take().await?;
        browser.document = form::click(&browser.session, place, &portal.origin, limit).await?;
        let page = match label {
            Some(css) => {
                browser.label_changes(css, before, limit).await?;
                browser.read_again(limit, portal).await?
            }
            None => match browser.next_document(limit, portal).await? {
                Some(document) => browser.take(document, portal)?,
                None => return Err(down("the click on `table.next` led to no new page")),
            },
        };
        browser.settle(page, Until::AnyMark, portal, limit).await
    }
}

impl Browser {
    /// The text of the first element that matches.
    async fn text(&self, css: &str) -> Result<Option<String>, StepError> {
        let script = "const found = document.querySelector(arguments[0]); return found && found.textContent.trim();";
        let text = self
            .session
            .execute(script, vec![serde_json::json!(css)])
            .await?;
        Ok(text.as_str().map(str::to_owned))
    }

    /// Waits until the label is there with another text.
    async fn label_changes(
        &self,
        css: &str,
        before: Option<String>,
        limit: Duration,
    ) -> Result<(), StepError> {
        let mut deadline = pin!(sleep(limit));
        loop {
            let now = self.text(css).await?;
            if now.as_ref().is_some_and(|text| !text.is_empty()) && now != before {
                return Ok(());
            }
            tokio::select! {
                () = sleep(POLL) => {}
                () = &mut deadline => {
                    return Err(down("`table.page_label` did not change after the click on `table.next`"));
                }
            }
        }
    }
}

/// `table.path` with its days; `None` when the file's date format is none.
pub(super) fn table_path(table: &Table, days: Days) -> Option<String> {
    written(table, days).map(|asked| asked.path)
}

/// The days as the portal writes them: first and last.
pub(super) fn days(table: &Table, days: Days) -> Option<(String, String)> {
    written(table, days).map(|asked| (asked.from, asked.to))
}

/// The days as the portal writes them.
struct Asked {
    path: String,
    from: String,
    to: String,
}

/// `None` when the file's date format is none.
fn written(table: &Table, days: Days) -> Option<Asked> {
    let format = table.path_date.as_deref().unwrap_or_default();
    let written = |day: NaiveDate| {
        let mut text = String::new();
        write!(text, "{}", day.format(format)).ok().map(|()| text)
    };
    let (from, to) = (written(days.from)?, written(days.to)?);
    let path = table.path.replace("{from}", &from).replace("{to}", &to);
    Some(Asked { path, from, to })
}
