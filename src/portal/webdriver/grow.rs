//! Tables that grow in the browser: clicks for more rows, scrolling, details by a click per row.
//!
//! Every wait is for something that the page shows: more rows, a button that is gone, rows that cover the box, a text that
//! changed. What does not come within `page_timeout` is an error and never a shorter table.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::time::sleep;

use super::WebDriverPortal;
use super::browser::{Browser, down};
use super::form::{self, POLL, Place, StepError};
use super::frames;
use super::session::Failure;
use super::settle::{Until, look};
use crate::extract::{self, MAX_PAGE_BYTES, MAX_ROWS};
use crate::portal::Page;
use crate::selectors::{self, Detail, Grow, Scroll};
use crate::understand::Session as Marks;

/// Clicks on `table.more` for one page.
const MOST_CLICKS: usize = 500;

/// Arguments: CSS of the button, of the rows, of the count. A button that is hidden is gone.
const MORE: &str = r"
const [button, rows, count] = arguments;
const found = document.querySelector(button);
const counted = count === null ? null : document.querySelector(count);
const state = !found || found.getClientRects().length === 0 ? 'gone' : found.disabled ? 'busy' : 'ready';
return { state, rows: document.querySelectorAll(rows).length, count: counted && counted.textContent };
";

/// Arguments: CSS of the box or null, of the rows, the key attribute or null, CSS of the count, and the rows that are known.
/// Answers the rows in view that are not known, and scrolls on where they cover the box, so that none is passed over.
const SCROLL: &str = r"
const [within, row, key, count, known] = arguments;
const box = within === null ? document.scrollingElement : document.querySelector(within);
const counted = document.querySelector(count);
if (!box) return { state: 'missing', rows: [], top: 0, total: 0, count: null };
const shown = [...document.querySelectorAll(row)].filter((one) => one.getClientRects().length > 0);
const edge = within === null ? { top: 0, bottom: window.innerHeight } : box.getBoundingClientRect();
const places = shown.map((one) => one.getBoundingClientRect());
const seen = new Set(known);
const rows = key === null ? [] : shown.flatMap((one, at) => {
  const name = one.getAttribute(key);
  return name === null || seen.has(name) ? [] : [{ key: name, at: places[at].top - edge.top + box.scrollTop, html: one.outerHTML }];
});
const inView = (place) => place.bottom > edge.top && place.top < edge.bottom;
const visible = places.filter(inView);
const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 1;
const reach = Math.max(...places.map((place) => place.bottom));
const covered = visible.length > 0 && (atEnd || reach >= edge.bottom - 1);
const top = box.scrollTop;
// At the end it is left and reached again: some load more only when they hear of a scroll.
if (covered) box.scrollTop += atEnd ? -2 : Math.max(3, Math.floor(box.clientHeight * 0.7));
return { state: covered ? (atEnd ? 'end' : 'on') : 'wait', rows, top, total: shown.length, count: counted && counted.textContent };
";

/// Arguments: CSS of the rows, of what is clicked in them, of what shows the details, and the number of the row. Clicks, and
/// answers what was shown before.
const OPEN: &str = r"
const [rows, click, shows, number] = arguments;
const row = [...document.querySelectorAll(rows)].filter((row) => row.querySelector(click))[number];
if (!row) return null;
const box = row.querySelector(shows) || document.querySelector(shows);
const before = box && box.getClientRects().length > 0 ? box.textContent : '';
row.querySelector(click).click();
return before;
";

/// The same, what was shown before, and CSS of what closes the details or null. Puts a copy of what they hold into the row
/// once they are there, without what closes them: the next click is to find the one that works.
const TAKE: &str = r"
const [rows, click, shows, number, before, close] = arguments;
const row = [...document.querySelectorAll(rows)].filter((row) => row.querySelector(click))[number];
if (!row) return false;
const box = row.querySelector(shows) || document.querySelector(shows);
if (!box || box.getClientRects().length === 0 || box.textContent.trim() === '' || box.textContent === before) return false;
const copy = document.createElement('row-detail');
const held = box.cloneNode(true);
const copies = [...held.querySelectorAll('*')];
[...box.querySelectorAll('*')].forEach((one, at) => { if (close !== null && one.matches(close)) copies[at].remove(); });
copy.append(...held.childNodes);
(row.matches('tr') ? row.lastElementChild : row).append(copy);
return true;
";

/// Arguments: CSS of what shows the details. Are they gone?
const CLOSED: &str = r"
const box = [...document.querySelectorAll(arguments[0])].find((box) => !box.closest('row-detail'));
return !box || box.getClientRects().length === 0 || box.textContent.trim() === '';
";

#[derive(Deserialize)]
struct More {
    state: Button,
    rows: usize,
    count: Option<String>,
}

#[derive(Deserialize, PartialEq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Button {
    Gone,
    Busy,
    Ready,
}

#[derive(Deserialize)]
struct Scrolled {
    state: Viewport,
    rows: Vec<Collected>,
    /// How far it was scrolled, in pixels.
    top: f64,
    total: usize,
    count: Option<String>,
}

#[derive(Deserialize, PartialEq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Viewport {
    /// There is no such box.
    Missing,
    /// The rows do not cover it yet.
    Wait,
    /// It was scrolled on.
    On,
    /// It is at its end.
    End,
}

#[derive(Deserialize)]
struct Collected {
    key: String,
    at: f64,
    html: String,
}

impl WebDriverPortal {
    /// The page with all rows that come by clicks and scrolling; `page` itself where the file names no such thing, or where
    /// nobody is signed in.
    pub(super) async fn grown(&mut self, page: Page) -> Result<Page, StepError> {
        let (settings, browser) = self.browser()?;
        let (portal, limit) = (&settings.selectors, settings.page_timeout);
        let table = &portal.table;
        if table.grow.is_none() && table.detail.is_none() {
            return Ok(page);
        }
        let (page, seen) = look(portal, page).await;
        if seen.session != Marks::SignedIn {
            return Ok(page);
        }
        if let Some(css) = &table.frame {
            let step = "table.frame";
            browser.in_frame = true;
            frames::enter(&browser.session, Place { css, step }, &portal.origin, limit).await?;
        }
        let collected = match &table.grow {
            None => None,
            Some(Grow::More { element, rows }) => {
                browser.load_more(element, rows, portal, limit).await?;
                None
            }
            Some(Grow::Scroll(scroll)) => browser.scroll(scroll, portal, limit).await?,
        };
        if let Some(detail) = &table.detail {
            browser.details(detail, portal, limit).await?;
        }
        let page = browser.read_again(limit, portal).await?;
        let mut page = browser.settle(page, Until::AnyMark, portal, limit).await?;
        page.html.push_str(collected.as_deref().unwrap_or_default());
        Ok(page)
    }
}

/// A condition that did not come within its time.
fn late(what: String) -> StepError {
    down(&what)
}

fn read<T: serde::de::DeserializeOwned>(answer: Json) -> Result<T, StepError> {
    let changed = Failure::Refused {
        code: "an answer that the page changed",
        network: None,
    };
    serde_json::from_value(answer).map_err(|_| changed.into())
}

impl Browser {
    /// Clicks until the button is gone, or as many rows are there as the page counts.
    async fn load_more(
        &self,
        button: &str,
        rows: &str,
        portal: &selectors::Portal,
        limit: Duration,
    ) -> Result<(), StepError> {
        let css = extract::count_css(portal);
        let look = async || -> Result<More, StepError> {
            let args = vec![json!(button), json!(rows), json!(css)];
            read(self.session.execute(MORE, args).await?)
        };
        let mut now = look().await?;
        for _ in 0..MOST_CLICKS {
            let mut deadline = pin!(sleep(limit));
            while now.state == Button::Busy {
                tokio::select! {
                    () = sleep(POLL) => now = look().await?,
                    () = &mut deadline => return Err(late("`table.more` can not be clicked any more".to_owned())),
                }
            }
            let counted = now.count.as_deref();
            let counted = counted.and_then(|text| extract::counted(portal, text));
            if now.state == Button::Gone || counted.is_some_and(|all| now.rows as u64 >= all) {
                return Ok(());
            }
            let before = now.rows;
            self.loads.take().await?;
            let place = Place {
                css: button,
                step: "table.more",
            };
            form::click(&self.session, place, &portal.origin, limit).await?;
            let mut deadline = pin!(sleep(limit));
            loop {
                now = look().await?;
                if now.rows > before || now.state == Button::Gone {
                    break;
                }
                tokio::select! {
                    () = sleep(POLL) => {}
                    () = &mut deadline => return Err(late("the click on `table.more` brought no rows".to_owned())),
                }
            }
        }
        Err(late(format!(
            "`table.more` was clicked {MOST_CLICKS} times and is still there: narrow the date range"
        )))
    }

    /// Scrolls until as many rows were seen as the page counts; the rows, where they do not stay.
    async fn scroll(
        &self,
        scroll: &Scroll,
        portal: &selectors::Portal,
        limit: Duration,
    ) -> Result<Option<String>, StepError> {
        let css = extract::count_css(portal);
        let mut found: HashMap<String, (f64, String)> = HashMap::new();
        let (mut bytes, mut most, mut farthest) = (0, 0, 0.0);
        let mut deadline = Box::pin(sleep(limit));
        loop {
            let known: Vec<&String> = found.keys().collect();
            let args = vec![
                json!(scroll.within),
                json!(scroll.row),
                json!(scroll.key),
                json!(css),
                json!(known),
            ];
            let now: Scrolled = read(self.session.execute(SCROLL, args).await?)?;
            for row in now.rows {
                bytes += row.html.len();
                found.insert(row.key, (row.at, row.html));
            }
            let total = match scroll.key {
                Some(_) => found.len(),
                None => now.total,
            };
            let count = now.count.as_deref();
            let count = count.and_then(|text| extract::counted(portal, text));
            if bytes > MAX_PAGE_BYTES || total > MAX_ROWS {
                return Err(late("the rows that scrolling gave are over the limits of a page: narrow the date range".to_owned()));
            }
            if count.is_some_and(|count| total as u64 >= count) {
                return Ok(scroll.key.as_ref().map(|_| collected(found)));
            }
            if total > most || now.top > farthest {
                (most, farthest) = (total.max(most), now.top.max(farthest));
                deadline = Box::pin(sleep(limit));
            }
            tokio::select! {
                () = sleep(POLL) => {}
                () = &mut deadline => {
                    let place = match now.state {
                        Viewport::Missing => "`table.scroll.in` is not there",
                        Viewport::Wait => "the rows did not cover the box",
                        Viewport::On | Viewport::End => "the box is at its end",
                    };
                    let count = count.map_or_else(|| "no number of rows".to_owned(), |count| format!("{count} rows"));
                    return Err(late(format!("scrolling showed {total} rows, `table.count` says {count} ({place})")));
                }
            }
        }
    }

    /// Opens the details of each row and leaves a copy of them in it.
    async fn details(
        &self,
        detail: &Detail,
        portal: &selectors::Portal,
        limit: Duration,
    ) -> Result<(), StepError> {
        let args = |number: usize| {
            vec![
                json!(detail.rows),
                json!(detail.click),
                json!(detail.shows),
                json!(number),
            ]
        };
        for number in 0..MAX_ROWS {
            self.loads.take().await?;
            let before = self.session.execute(OPEN, args(number)).await?;
            if before.is_null() {
                return Ok(());
            }
            let mut taken = args(number);
            taken.push(before);
            taken.push(json!(detail.close));
            let row = number + 1;
            self.until(TAKE, taken, limit, || {
                format!("the details of row {row} did not come")
            })
            .await?;
            let Some(css) = &detail.close else { continue };
            let step = "table.detail.close";
            form::click(&self.session, Place { css, step }, &portal.origin, limit).await?;
            let closed = vec![json!(detail.shows)];
            self.until(CLOSED, closed, limit, || {
                format!("the details of row {row} did not close")
            })
            .await?;
        }
        Ok(())
    }

    /// Runs the script until it answers `true`.
    async fn until(
        &self,
        script: &str,
        args: Vec<Json>,
        limit: Duration,
        missed: impl Fn() -> String,
    ) -> Result<(), StepError> {
        let mut deadline = pin!(sleep(limit));
        loop {
            if self.session.execute(script, args.clone()).await? == json!(true) {
                return Ok(());
            }
            tokio::select! {
                () = sleep(POLL) => {}
                () = &mut deadline => return Err(late(missed())),
            }
        }
    }
}

/// The rows from top to bottom, in an element of their own at the end of the page.
fn collected(found: HashMap<String, (f64, String)>) -> String {
    let mut rows: Vec<(f64, String)> = found.into_values().collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let is_table = rows.iter().any(|(_, html)| html.starts_with("<tr"));
    let rows: String = rows.into_iter().map(|(_, html)| html).collect();
    match is_table {
        true => format!("<scrolled-rows><table>{rows}</table></scrolled-rows>"),
        false => format!("<scrolled-rows>{rows}</scrolled-rows>"),
    }
}
